"""Select, open and read the sources of a run.

If the command line has PATHs, a run reads the sources there. Otherwise it reads the sources
in the settings and at the PATHs of earlier runs. In both cases, only documents that have
changed since the last run are read.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterable, Iterator
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple, cast

from msgspec.structs import replace

from ankiforge.config import SETTINGS_FILE_NAME, Config, SourceEntry, is_loopback
from ankiforge.config.deckfiles import find_rule
from ankiforge.config.files import make_directory, write_file
from ankiforge.config.log import anonymize_key, log_lines
from ankiforge.config.workspace import RememberedPath
from ankiforge.config.yamlfile import Location, convert_to_type
from ankiforge.errors import BUG_MESSAGE, PLUG_IN_PREFIX, ConfigError, UsageError
from ankiforge.extract.base import Candidate, SourceOpenParameters, scan_source
from ankiforge.extract.discover import (
    SAVE_PAGE_HINT,
    UNMARKED_KINDS,
    FoundSource,
    UnreadFiles,
    count_unread_files,
    discover_sources,
    explain_no_source,
    find_source_kind,
    resolve_links,
    suggest_conversion,
)
from ankiforge.extract.files import (
    find_path_on_disk,
    fingerprint_program,
    has_file_size,
    normalize_name,
    read_stamp,
    summarize_content,
)
from ankiforge.extract.registry import (
    find_source_type,
    get_default_name,
    is_export_kind,
    load_source_type,
)
from ankiforge.model import (
    DocumentId,
    EmptySourceCache,
    ExtractedDocument,
    Json,
    Pair,
    Problem,
    ScanEnd,
    Sighting,
    Source,
    SourceCache,
    Texts,
    UnmarkedDocument,
    Value,
    hash16,
)
from ankiforge.pipeline.run_result import (
    DEFAULT_OPTIONS,
    CommandRunOptions,
    RunParameters,
    RunStep,
)
from ankiforge.text import format_truncated_list, shorten_path

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.extract.markdown.obsidian import Vault
    from ankiforge.ledger import IngestReport, Ledger


COMMAND_LINE = Location("the command line")
MISSING_SOURCE_MESSAGE = "this remembered source is missing; nothing counts as deleted"
MAX_COMPARED_NAMES = 10_000
"""The maximum number of file names to compare with a misspelt one."""


class SelectedSource(Value):
    """A source to open in a run, either configured in the settings or discovered at a PATH."""

    entry: SourceEntry
    paths: tuple[Path, ...] = ()
    """The files and directories below the root to read, or () to read everything."""

    @property
    def key(self) -> tuple[str, str]:
        """The kind and the name of the source, which identify it."""
        return self.entry.kind, self.entry.name


class SourceSelection(NamedTuple):
    """The sources to read in a run, and the places to remember for later runs."""

    sources: list[SelectedSource]
    problems: list[Problem]
    """One problem for each unreadable PATH."""
    remembered_paths: tuple[RememberedPath, ...]
    """All places to remember from now on, old and new."""
    in_use: frozenset[str]
    """The names of all sources that `ankiforge run` reads without PATHs.

    If the command line has PATHs, this excludes sources found only at missing remembered PATHs,
    because their notes may have moved to one of the given PATHs.
    """
    missing: frozenset[str]
    """The names of the sources found only at missing remembered PATHs."""
    removed: frozenset[str] = frozenset()
    """The names of the missing sources whose directory was moved or deleted, as far as can be seen.

    Its parent directory still exists and contains something, unlike that of an unplugged disk.
    """


# --- selecting --------------------------------------------------------------------------


def select_sources(
    workspace: WorkspaceDirectory,
    paths: tuple[Path, ...] = (),
    options: CommandRunOptions = DEFAULT_OPTIONS,
    ledger: Ledger | None = None,
) -> SourceSelection:
    """Select the sources at `paths` or, without paths, all configured and remembered sources.

    Args:
        workspace: The workspace with the settings and the remembered PATHs.
        paths: The PATHs given on the command line, or () for all known sources.
        options: Which highlights to read at `paths`, and the deck for their cards, now and in
            later runs.
        ledger: The ledger by which moved directories are recognized, so that their deck and marks
            apply to the new PATH, or None to leave these out.

    Raises:
        UsageError: The only PATH cannot be read, no source at `paths` supports the marks,
            or marks or a deck were given without PATHs.
    """
    selection = _Selector(workspace, ledger)
    if options.marks and not paths:
        hint = f"ankiforge run PATH --marks {options.marks[0]}"
        raise UsageError("--marks needs the PATH of the notes", hint=hint)
    if options.deck and not paths:
        hint = f"ankiforge run PATH --deck {quote(options.deck)}"
        raise UsageError("--deck needs the PATH whose cards go there", hint=hint)
    if paths:
        for path in paths:
            problem = selection.add_path(path.absolute(), options)
            if problem and len(paths) == 1:
                raise UsageError(
                    f"{problem.location}: {problem.message}", hint=problem.hint
                )
            if problem:
                selection.problems.append(problem)
        entries = [source.entry for source in selection.sources.values()]
        if options.marks and not any(map(_has_marks_setting, entries)):
            hint = "name a vault, a note or a folder of notes"
            raise UsageError(f"{paths[0]}: --marks has no effect on it", hint=hint)
    else:
        present = {
            place for place in _list_places(workspace) if Path(place.path).exists()
        }
        for entry in workspace.config.sources:
            selection.add_source(SelectedSource(entry))
            if entry.has_path:
                selection.add_remembered_below(resolve_links(entry.path))
        remembered = tuple(selection.places)
        for path in dict.fromkeys(Path(place.path) for place in remembered):
            at_path = {place for place in remembered if Path(place.path) == path}
            problem = _find_replaced_export(path, at_path) or selection.add_path(path)
            if problem and at_path & present:
                message = f"{problem.message}; highlights that were read before are kept"
                hint = f"put back what was there, or {_suggest_forget(problem.location)}"
                selection.problems.append(Problem(problem.location, message, hint))
            elif problem and not all(_is_covered(place, present) for place in at_path):
                forget = _suggest_forget(problem.location)
                hint = f"if it moved: ankiforge run ITS/NEW/PLACE   {forget}"
                missing = Problem(
                    problem.location, MISSING_SOURCE_MESSAGE, hint, is_notice=True
                )
                selection.problems.append(missing)
    names = {entry.name for entry in workspace.config.sources}
    absent_names: set[str] = set()
    unplugged_names: set[str] = set()
    for place in selection.places:
        source = selection.sources.get(place.source_key)
        is_read = Path(place.path).exists() or (source and not source.paths)
        (names if is_read else absent_names).add(place.name)
        if not is_read and not _is_removed(place):
            unplugged_names.add(place.name)
    absent_names -= names
    if not paths:
        names |= absent_names
    return SourceSelection(
        selection.build_sources(),
        selection.problems,
        tuple(selection.places),
        frozenset(names),
        frozenset(absent_names),
        frozenset(absent_names - unplugged_names),
    )


def explain_broad_path(path: Path) -> str:
    """Return why a directory is too broad to be read without asking the user, or "" if it isn't."""
    path = resolve_links(path.absolute())
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - never fails
    if path == home:
        return "is your home folder"
    if path.is_dir() and path.is_mount():
        return "is a whole drive"
    return "contains your home folder" if path in home.parents else ""


def _find_replaced_export(path: Path, places: Iterable[RememberedPath]) -> Problem | None:
    """Return a problem if a remembered export is empty now, or a file of another kind."""
    kinds = {place.kind for place in places if is_export_kind(place.kind)}
    if not kinds or not path.is_file():
        return None
    if path.stat().st_size == 0:
        return Problem(str(path), "the file is empty")
    kind = find_source_kind(path)
    if not kind or kind in kinds:
        return None  # if no source reads it, `add_path` explains why
    return Problem(str(path), f"the file is no longer a {min(kinds)} export")


def add_other_exports(
    workspace: WorkspaceDirectory, selection: SourceSelection
) -> list[SelectedSource]:
    """Return the selected sources, with all known exports of each account added.

    The highlights of a book may be spread over several exports of an account. If only one of the
    exports were read, the highlights in the others would count as deleted.
    """
    exports = [SelectedSource(entry) for entry in workspace.config.sources]
    for place in selection.remembered_paths:
        path = Path(place.path)
        if path.exists():  # a run without PATHs reports the missing ones
            entry = SourceEntry(*place.source_key, path, {}, COMMAND_LINE)
            exports.append(SelectedSource(entry))
    extended: list[SelectedSource] = []
    for source in selection.sources:
        for export in exports if is_export_kind(source.entry.kind) else ():
            if export.key == source.key:
                source = _merge_selections(source, export)
        extended.append(source)
    return extended


def _is_covered(missing: RememberedPath, present: Iterable[RememberedPath]) -> bool:
    """Return whether a missing place needs no report because an existing place covers it.

    Another export of the same account covers the place, and so does a directory that contains
    it.
    """
    for place in present:
        is_same = place.source_key == missing.source_key
        if is_same and is_export_kind(place.kind):
            return True
        # the whole folder of a saved page is listed, because the page may have been renamed
        is_listed = missing.kind in UNMARKED_KINDS.values() and missing.directory.is_dir()
        if is_same or is_listed:
            if _contains(Path(place.path), Path(missing.path)):
                return True
    return False


def _is_removed(place: RememberedPath) -> bool:
    """Return whether the directory of a source was moved or deleted, rather than unplugged."""
    parent = place.directory.parent
    if place.directory.exists() or is_export_kind(place.kind) or not parent.is_dir():
        return False
    with os.scandir(parent) as entries:
        return any(entries)


class _Selector:
    """Collects the sources to read, merging PATHs that belong to the same source."""

    def __init__(self, workspace: WorkspaceDirectory, ledger: Ledger | None) -> None:
        self._workspace = workspace
        self._ledger = ledger
        self._config = workspace.config
        self.sources: dict[tuple[str, str], SelectedSource] = {}
        """The selected sources, by kind and name."""
        self.problems: list[Problem] = []
        self.places = [*map(self._follow_settings, workspace.remembered_paths)]
        """The places to remember, old and new."""

    def _follow_settings(self, place: RememberedPath) -> RememberedPath:
        """Return a remembered place at the new path of its folder, if the settings name that path.

        After `init`, the settings name a folder's notes, and its other files, such as PDFs, are a
        remembered place with the same name.
        """
        if place.root or is_export_kind(place.kind) or Path(place.path).exists():
            return place
        for entry in self._config.sources:
            if entry.name == place.name and entry.has_path:
                return replace(place, path=str(resolve_links(entry.path)))
        return place

    def add_path(
        self, path: Path, options: CommandRunOptions = DEFAULT_OPTIONS
    ) -> Problem | None:
        """Select the sources at `path`, and remember them along with `--marks` and `--deck`.

        Returns:
            The problem if `path` cannot be read, otherwise None.
        """
        resolved = resolve_links(path)
        unmarked = options.unmarked or any(
            place.path == str(resolved) for place in self.places
        )
        sources = self._find_sources(path, unmarked=unmarked)
        if isinstance(sources, Problem):
            return sources
        deck = options.deck
        if deck:
            from ankiforge.anki.notes import normalize_deck_name

            deck = normalize_deck_name(deck)
        ends_marks = "none" in options.marks
        added_marks = () if ends_marks else options.marks
        for source in sources:
            self.add_source(source)
            entry = source.entry
            root = resolve_links(entry.path)
            # a source may be in a subdirectory of the PATH
            own_path = root if resolved in root.parents else resolved
            # we can't tell which of an account's exports a document came from
            is_part = own_path != root and not is_export_kind(entry.kind)
            place = RememberedPath(
                path=str(own_path),
                kind=entry.kind,
                name=entry.name,
                root=str(root) if is_part else "",
                marks=added_marks,
                deck=deck,
                given="" if own_path == resolved else str(resolved),
            )
            # a run without PATHs may already read it, as a configured source or part of a place
            is_known = entry in self._config.sources
            for index, other in enumerate(self.places):
                if other.source_key == place.source_key and other.path == place.path:
                    kept_marks = () if ends_marks else other.marks
                    marks = tuple(dict.fromkeys((*kept_marks, *added_marks)))
                    given = place.given and other.given
                    self.places[index] = replace(
                        other, marks=marks, deck=deck or other.deck, given=given
                    )
                    break
                is_known |= other.source_key == place.source_key and _contains(
                    Path(other.path), own_path
                )
            else:
                for old in self.places:
                    if old.kind == place.kind and self._has_same_files(old, own_path):
                        marks = place.marks or (() if ends_marks else old.marks)
                        place = replace(place, marks=marks, deck=deck or old.deck)
                        kept = place.format_options() or "no deck and no marks"
                        message = f"it was {shorten_path(old.path)}, and keeps {kept}"
                        self.problems.append(Problem(place.path, message, is_notice=True))
                if place.marks or place.deck or not is_known:
                    self.places.append(place)
        if not options.unmarked:
            self.add_remembered_below(resolved)
        return None

    def add_remembered_below(self, directory: Path) -> None:
        """Select the remembered places below a directory that is read in this run.

        For example, a vault may contain a saved web page from which passages were chosen. The
        whole folder of such a page is listed, because the page may have been renamed. If a
        remembered directory is missing, it may have been moved to `directory`, so the places below
        it are looked up there, at the same relative paths.
        """
        missing = [Path(place.path) for place in self.places]
        missing = [path for path in missing if not path.exists()]
        for place in tuple(self.places):
            path = Path(place.path)
            if directory in path.parents:
                root = place.directory
                if place.kind in UNMARKED_KINDS.values() and root.is_dir():
                    settings: Json = {"path": str(root), "name": place.name}
                    entry = SourceEntry(*place.source_key, root, settings, COMMAND_LINE)
                    self.add_source(SelectedSource(entry))
                elif path.exists() and place.source_key not in self.sources:
                    self.add_path(path)
            # the directory may be a missing one that was moved, along with the places in it
            for old_directory in missing if path in missing else ():
                if old_directory in path.parents:
                    new_path = directory / path.relative_to(old_directory)
                    if new_path.exists():
                        self.add_path(new_path, CommandRunOptions(unmarked=True))

    def _has_same_files(self, old: RememberedPath, new_path: Path) -> bool:
        """Return whether a missing directory with `--deck` or `--marks` was moved to `new_path`.

        At least half of its documents must be at the same relative paths, with unchanged sizes,
        because the files of another course may have the same names. Passages, by which the ledger
        recognizes a moved directory after it was read, don't exist yet: the marks select them.
        """
        from ankiforge.ledger.readings import load_current_documents

        old_path = Path(old.path)
        if not (self._ledger and old.format_options()) or old_path.exists():
            return False
        are_moved = []
        for row in load_current_documents(self._ledger, _get_container(old)):
            file = old.directory / row["place"]
            if old_path in file.parents:
                stamp = read_stamp(new_path / file.relative_to(old_path))
                are_moved.append(has_file_size(row["fingerprint"], stamp))
        return bool(are_moved) and 2 * sum(are_moved) >= len(are_moved)

    def _find_sources(
        self, path: Path, *, unmarked: bool
    ) -> list[SelectedSource] | Problem:
        """Return the configured sources that contain `path`, or else discover sources there.

        Returns a problem if `path` can't be read. If `unmarked` is set, files of kinds that can't
        contain highlights are included.
        """
        if not path.exists():
            if path.is_symlink():
                message = "a link to a missing file, or to itself"
                return Problem(str(path), message, "name the file or folder itself")
            for scheme in ("http:", "https:"):
                if scheme in path.parts:
                    url = path.as_posix().partition(f"{scheme}/")[2]
                    return Problem(
                        f"{scheme}//{url}", "a URL is not read", SAVE_PAGE_HINT
                    )
            message = "there is no such file or folder"
            return Problem(str(path), message, _suggest_similar_path(path))
        path = resolve_links(path)
        config = self._config
        selected = [
            SelectedSource(entry, _rebase_onto_root(entry, path))
            for entry in _find_configured_sources(config, path)
        ]
        # a remembered folder may have files that its configured sources do not read
        kinds = {place.kind for place in self.places if place.path == str(path)}
        if selected and kinds <= {source.entry.kind for source in selected}:
            return selected
        selected = []

        # known directories by kind of source; the value is whether the whole directory is read
        known = defaultdict[str, dict[Path, bool]](dict)
        for place in self.places:
            directories = known[place.kind]
            is_whole = not place.root or directories.get(place.directory, False)
            directories[place.directory] = is_whole
        configured = [entry for entry in config.sources if entry.has_path]
        for entry in configured:
            known[entry.kind][entry.path] = True
        for found_source in discover_sources(path, known.__getitem__, unmarked=unmarked):
            kind, root = found_source.kind, found_source.root
            at_root = [
                entry
                for entry in configured
                if entry.kind == kind and resolve_links(entry.path) == root
            ]
            if at_root:
                below = _rebase_onto_root(at_root[0], *found_source.only)
                selected.append(SelectedSource(at_root[0], below))
                continue
            name = _choose_source_name(config, self.places, found_source, path)
            options: Json = {"path": str(root), "name": name}
            if found_source.exclude:
                options["exclude"] = found_source.exclude
            entry = SourceEntry(kind, name, root, options, COMMAND_LINE)
            only = () if found_source.only == (root,) else found_source.only
            selected.append(SelectedSource(entry, only))
        if selected:
            return selected
        hint = suggest_conversion(path) or (
            "a PDF, a note, clippings, an export, a folder with some, or a zotero.sqlite"
        )
        if Candidate(path).suffix in UNMARKED_KINDS:
            hint = f"to let a chat or model choose passages: ankiforge draft {quote(str(path))}"
        return Problem(str(path), explain_no_source(path), hint)

    def add_source(self, source: SelectedSource) -> None:
        """Add a source to the selection. If the source is selected already, the two are merged."""
        selected = self.sources.get(source.key)
        if selected:
            source = _merge_selections(selected, source)
        self.sources[source.key] = source

    def build_sources(self) -> list[SelectedSource]:
        """Return the sources to open, each with its final options.

        A source excludes the notes below the root of another source, so that no note is read
        twice. If two sources of notes have the same root, the second source is dropped, and a
        notice says so.
        """
        finished: list[SelectedSource] = []
        for source in self.sources.values():
            entry = source.entry
            root = resolve_links(entry.path)

            # the kinds of marks given on the command line
            marks: list[str] = []
            for place in self.places if _has_marks_setting(entry) else ():
                if place.source_key == source.key:
                    marks += place.marks
            if marks:
                configured_marks = entry.options.get("marks") or ("==", "mark")
                all_marks = list(dict.fromkeys((*configured_marks, *marks)))
                entry = replace(entry, options={**entry.options, "marks": all_marks})

            # exclude notes that another source reads
            inner: list[str] = []
            twin = None
            others = (*self._config.sources, *[selected.entry for selected in finished])
            for other in others if _is_whole_markdown_source(entry) else ():
                is_same = (entry.kind, entry.name) == (other.kind, other.name)
                if is_same or not _is_whole_markdown_source(other):
                    continue
                other_root = resolve_links(other.path)
                if root in other_root.parents:
                    inner.append(f"{other_root.relative_to(root).as_posix()}/")
                elif other_root == root and any(
                    selected.key == (other.kind, other.name) for selected in finished
                ):
                    twin = twin or other
            if twin:
                message = f"{twin.name} reads this folder, too, so it is read once"
                hint = f"delete the source {entry.name} from the settings"
                self.problems.append(Problem(str(root), message, hint, is_notice=True))
                continue
            if inner:
                excluded = dict.fromkeys((*entry.options.get("exclude", ()), *inner))
                options = {**entry.options, "exclude": list(excluded)}
                entry = replace(entry, options=options)
            finished.append(replace(source, entry=entry))
        return finished


def _is_whole_markdown_source(entry: SourceEntry) -> bool:
    """Return whether a source reads all notes below its path, not only those in `include`."""
    source = find_source_type(entry.kind)
    return (
        source is not None
        and ".md" in source.suffixes
        and _has_marks_setting(entry)
        and "include" not in entry.options
    )


def _has_marks_setting(entry: SourceEntry) -> bool:
    source = find_source_type(entry.kind)
    return entry.has_path and source is not None and hasattr(source.Settings, "marks")


def find_unmarked_paths(
    workspace: WorkspaceDirectory, ledger: Ledger, *, include_directories: bool = False
) -> list[str]:
    """Return the remembered files that have neither highlights nor chosen passages.

    If `include_directories` is set, two more groups follow: the remembered and configured
    directories in which most documents have no highlight and no passage was chosen, and the PDFs
    without a highlight in other directories.
    """
    from ankiforge.ledger.chosen_passages import (
        load_chosen_passages,
        load_documents_with_highlights,
    )
    from ankiforge.ledger.tables.highlights import count_documents_with_highlights

    marked = load_documents_with_highlights(ledger)
    chosen = load_chosen_passages(ledger) if include_directories else {}
    marked_sources = {
        row["source"]
        for row in count_documents_with_highlights(ledger)
        if row["container"] in chosen or 2 * row["marked"] >= row["total"]
    }
    places = (
        _list_places(workspace) if include_directories else workspace.remembered_paths
    )
    unmarked_paths: dict[str, None] = {}
    marked_paths = set()
    for place in places:
        path = Path(place.path)
        if include_directories and path.is_dir():
            is_marked = place.name in marked_sources
        elif path.is_file():
            is_marked = (place.name, path.name) in marked
        else:
            continue
        if is_marked:
            marked_paths.add(place.path)
        elif place.kind in _TEXT_SOURCE_KINDS:
            unmarked_paths[place.path] = None
    paths = [path for path in unmarked_paths if path not in marked_paths]
    for file in find_unmarked_pdfs(ledger) if include_directories else ():
        if not any(file.is_relative_to(path) for path in paths):
            paths.append(str(file))
    return paths


def _list_places(workspace: WorkspaceDirectory) -> list[RememberedPath]:
    """Return the remembered places, followed by the directories of the configured sources."""
    configured = [
        RememberedPath(str(entry.path), entry.kind, entry.name)
        for entry in workspace.config.sources
        if entry.has_path
    ]
    return [*workspace.remembered_paths, *configured]


def find_unmarked_documents(workspace: WorkspaceDirectory, ledger: Ledger) -> list[Path]:
    """Return the files without highlights that the web page lists.

    These are the files from `find_unmarked_paths` and the PDFs from `find_unmarked_pdfs`.
    """
    files = [*map(Path, find_unmarked_paths(workspace, ledger))]
    return [*dict.fromkeys((*files, *find_unmarked_pdfs(ledger)))]


def find_unmarked_pdfs(
    ledger: Ledger, places: Container[Pair] | None = None
) -> list[Path]:
    """Return the PDFs without a highlight in the directories that were read.

    If `places` is given, only these documents, as pairs of container and path, are considered.
    """
    from ankiforge.ledger.tables.highlights import list_documents_without_highlights

    files = []
    roots_by_source = load_source_directories(ledger)
    for row in list_documents_without_highlights(ledger):
        container, place = row["container"], row["place"]
        if not container.startswith("pdf:") or container not in roots_by_source:
            continue
        file = Path(roots_by_source[container], place)
        if (places is None or (container, place) in places) and file.is_file():
            files.append(file)
    return files


def _get_container(place: RememberedPath) -> str:
    """Return the container of a place whose files are documents."""
    kind = "vault" if place.kind == "obsidian" else place.kind
    return f"{kind}:{place.name}"


_TEXT_SOURCE_KINDS = frozenset(("pdf", "obsidian", "markdown", *UNMARKED_KINDS.values()))
"""The kinds of sources in whose files passages can be chosen without a mark."""


def split_remembered_paths(
    workspace: WorkspaceDirectory, path: Path
) -> tuple[list[RememberedPath], list[RememberedPath]]:
    """Split the remembered places into those to forget along with `path` and those to keep.

    A place that was found below `path` is forgotten, unless the user named the place itself.

    Raises:
        UsageError: `path` is not remembered; the hint says what to do instead.
    """
    resolved = resolve_links(path.absolute())
    to_forget: list[RememberedPath] = []
    to_keep: list[RememberedPath] = []
    for place in workspace.remembered_paths:
        is_named = str(resolved) in (place.path, place.given)
        (to_forget if is_named else to_keep).append(place)
    if to_forget:
        return to_forget, to_keep
    if _find_configured_sources(workspace.config, resolved):
        file = workspace.root / SETTINGS_FILE_NAME
        message = f"{path} is read because {file} names it"
        raise UsageError(message, hint="delete it under `sources:` there; its cards stay")
    inner = dict.fromkeys(
        place.path for place in to_keep if _contains(resolved, Path(place.path))
    )
    if inner:
        message = (
            f"{path} is not remembered itself, but {format_truncated_list([*inner])}"
        )
        raise UsageError(message, hint=_suggest_forget(next(iter(inner))))
    for place in to_keep:
        if _contains(Path(place.path), resolved):
            message = f"{path} is a part of {place.path}, which is remembered as a whole"
            raise UsageError(message, hint=_suggest_forget(place.path))
    hint = "no PATH is remembered"
    by_name = {Path(place.path).name: place.path for place in to_keep}
    nearest = get_close_matches(resolved.name, by_name, n=1)
    if nearest:
        hint = f"did you mean {by_name[nearest[0]]}?"
    elif to_keep:
        hint = "ankiforge status names those that are"
    raise UsageError(f"{path} is not remembered", hint=hint)


def find_documents_to_forget(
    workspace: WorkspaceDirectory,
    ledger: Ledger,
    forgotten: list[RememberedPath],
    kept: list[RememberedPath],
) -> set[DocumentId]:
    """Return the documents at the forgotten PATHs that no other source or PATH reads.

    A source may have several PATHs, such as several files of a directory. It isn't known which
    document came from which export, so the exports that are kept are read again.
    """
    from ankiforge.ledger.readings import find_document, load_current_documents_of_source

    read_paths = [(place.source_key, Path(place.path)) for place in kept]
    for entry in workspace.config.sources:
        if entry.has_path:
            read_paths.append(((entry.kind, entry.name), entry.path))
    documents = set()
    for source_key, root in {(place.source_key, place.directory) for place in forgotten}:
        for row in load_current_documents_of_source(ledger, *source_key):
            if not any(
                source_key == other_key and _contains(other_path, root / row["place"])
                for other_key, other_path in read_paths
            ):
                documents.add(row["id"])

    # the documents in other exports of the same account stay
    keys = {place.source_key for place in forgotten if is_export_kind(place.kind)}
    exports = _Selector(workspace, ledger)
    for place in kept:
        if place.source_key in keys:
            exports.add_path(Path(place.path))
    for source in open_sources(workspace, ledger, exports.build_sources()):
        for sighting in scan_source(source, None):
            if isinstance(sighting, ExtractedDocument):
                path = sighting.document.path or sighting.document.key
                if found := find_document(ledger, sighting.container, path):
                    documents.discard(found["id"])
    return documents


def find_missing_documents(
    config: Config, ledger: Ledger, places: Iterable[RememberedPath]
) -> dict[DocumentId, Path]:
    """Find the stored documents whose files are missing, and return their paths by row id.

    A file only counts as missing if the directory of its source exists, because a missing
    directory may be on a disk that isn't mounted. Libraries and exports are skipped, because
    their documents aren't files.
    """
    from ankiforge.ledger.readings import load_current_documents_of_source

    roots = {(place.kind, place.name, place.directory) for place in places}
    for entry in config.sources:
        if entry.has_path:
            roots.add((entry.kind, entry.name, entry.path))
    missing = {}
    for kind, name, root in roots:
        source = find_source_type(kind)
        if source is None or not source.reads_single_files() or source.is_export:
            continue
        for row in (
            load_current_documents_of_source(ledger, kind, name) if root.is_dir() else ()
        ):
            if not os.path.lexists(find_path_on_disk(root, row["place"])):
                missing[row["id"]] = root / row["place"]
    return missing


def find_moved_file(
    workspace: WorkspaceDirectory, ledger: Ledger, path: Path, content: str = ""
) -> Path:
    """Find the document of the remembered and configured sources that was at `path` before.

    It has the `content` of the file (`summarize_content`) or, failing that, its name. If several
    have, the one whose path ends most like `path` is returned. Returns `path` itself if it exists
    or there is no such document.
    """
    from ankiforge.ledger.readings import load_current_documents

    if path.exists():
        return path
    files = [
        find_path_on_disk(place.directory, row["place"])
        for place in _list_places(workspace)
        for row in load_current_documents(ledger, _get_container(place))
    ]
    same_name = normalize_name(path.name)
    candidates = [
        file for file in files if content and summarize_content(file, content) == content
    ] or [file for file in files if normalize_name(file.name) == same_name]
    return max(
        filter(Path.exists, candidates),
        key=lambda file: [*map(str.__eq__, file.parts[::-1], path.parts[::-1])],
        default=path,
    )


def _suggest_forget(path: str) -> str:
    return f"to forget it: ankiforge forget {quote(path)}"


def _suggest_similar_path(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    names = {
        entry.stem.casefold(): entry.name
        for entry in islice(folder.iterdir(), MAX_COMPARED_NAMES)
        if not entry.name.startswith(".")
    }
    nearest = get_close_matches(path.stem.casefold(), names, n=1)
    if nearest:
        return f"did you mean {shorten_path(folder / names[nearest[0]])}?"
    similar = sorted(name for name in names.values() if Path(name).suffix == path.suffix)
    if similar and path.suffix:
        listed = ", ".join(similar[:3])
        return f"{folder} has {listed}{', …' if len(similar) > 3 else ''}"
    return f"{folder} has nothing with a similar name"


def _find_configured_sources(config: Config, path: Path) -> list[SourceEntry]:
    """Find the sources of the settings that read `path`, which may be a file or a folder."""
    entries = [entry for entry in config.sources if entry.has_path]
    entries = [entry for entry in entries if _contains(entry.path, path)]
    if not entries or not path.is_file():
        return entries
    suffix = Candidate(path).suffix
    kind = find_source_kind(path) or UNMARKED_KINDS.get(suffix, "")
    if not kind:
        return entries
    return [entry for entry in entries if _can_read_file(entry, kind, suffix)]


def _can_read_file(entry: SourceEntry, kind: str, suffix: str) -> bool:
    """Return whether a source may read a file below its path that looks like a file of `kind`.

    A folder may contain files that its source doesn't read, such as a PDF among notes.
    """
    if entry.kind == kind:
        return True
    source = find_source_type(entry.kind)
    if source is None or not source.reads_single_files():
        return True  # only its scan knows which files it reads
    if load_source_type(kind).is_unambiguous:
        return False
    # several types read notes and plain text; `include` may select files with any suffix
    return suffix in source.suffixes or "include" in entry.options


def _choose_source_name(
    config: Config,
    places: Iterable[RememberedPath],
    found_source: FoundSource,
    path: Path,
) -> str:
    """Choose the name of a source that was found at `path`.

    A source that was read before keeps its name, because the keys of its highlights contain
    the name.
    """
    kind, root = found_source.kind, found_source.root
    taken_names = [entry.name for entry in config.sources if entry.kind == kind]
    known_places = [place for place in places if place.kind == kind]
    for place in known_places:
        if place.directory == root:
            return place.name
    for place in known_places if root == path or found_source.only else ():
        if place.path == str(path):
            return place.name
    if is_export_kind(kind):
        return next(iter(taken_names), kind)
    taken_names += [place.name for place in known_places]
    return choose_free_name(get_default_name(kind, root), taken_names)


def choose_free_name(name: str, taken_names: Collection[str]) -> str:
    """Return `name`, with a number appended if the name is already taken."""
    candidate = name
    number = 2
    while candidate in taken_names:
        candidate = f"{name}-{number}"
        number += 1
    return candidate


def _rebase_onto_root(entry: SourceEntry, *paths: Path) -> tuple[Path, ...]:
    """Convert resolved paths to paths below the root of a source, as the settings spell the root.

    The two may differ if the root in the settings contains a symbolic link. A path that equals
    the root is left out.
    """
    root = resolve_links(entry.path)
    return tuple(entry.path / path.relative_to(root) for path in paths if path != root)


def _contains(root: Path, path: Path) -> bool:
    root = resolve_links(root)
    return path == root or root in path.parents


def _merge_selections(first: SelectedSource, other: SelectedSource) -> SelectedSource:
    """Merge two selections of the same source.

    Their roots may differ, because exports of one account may be in different directories.
    """
    paths = [*(first.paths or (first.entry.path,)), *(other.paths or (other.entry.path,))]
    root = Path(os.path.commonpath((first.entry.path, other.entry.path)))
    only = () if root in paths else tuple(dict.fromkeys(paths))
    return SelectedSource(replace(first.entry, path=root), only)


# --- opening ----------------------------------------------------------------------------


def open_sources(
    workspace: WorkspaceDirectory,
    ledger: Ledger,
    selected: Iterable[SelectedSource],
    *,
    offline: bool = False,
    jobs: int = 0,
) -> tuple[Source, ...]:
    """Open the selected sources, and store their directories, from which pictures are loaded later.

    Raises:
        ConfigError: A source kind is unknown or its settings are invalid. The message names
            the file, line and key.
    """
    from ankiforge.config.caches import Cache

    folders: dict[str, str] = {}
    opened: list[Source] = []
    for source in selected:
        source_id = f"{source.entry.kind}:{source.entry.name}"
        if source.entry.has_path:
            folders[source_id] = str(source.entry.path)
        cache = Cache(workspace.state_directory, source_id)
        jobs = jobs or os.cpu_count() or 1
        opened.append(
            open_source(workspace, source, cache=cache, offline=offline, jobs=jobs)
        )
    store_source_directories(ledger, folders)
    return tuple(opened)


def open_source(
    workspace: WorkspaceDirectory,
    selected: SelectedSource,
    *,
    cache: SourceCache | None = None,
    offline: bool = False,
    jobs: int = 1,
) -> Source:
    """Validate the settings of a selected source and open it.

    Raises:
        ConfigError: The source kind is unknown or its settings are invalid. The message names
            the file, line and key.
    """
    config = workspace.config
    entry = selected.entry
    try:
        source = load_source_type(entry.kind)
    except ConfigError as error:
        raise entry.location.make_error(error.message, error.hint) from error
    opening = SourceOpenParameters(
        name=entry.name,
        root=entry.path,
        settings=convert_to_type(source.Settings, entry.options, entry.location),
        only=selected.paths,
        me=config.me,
        cache=cache or EmptySourceCache(),
        offline=offline,
        jobs=jobs,
        executor=config.executor if (not offline or is_loopback(config.executor)) else "",
        workspace=None if workspace.is_default else workspace.root,
    )
    try:
        return source.open(opening)
    except ConfigError as error:
        key, colon, message = error.message.partition(": ")
        if colon and key in entry.options:
            raise entry.location.locate_nested(key).make_error(
                message, error.hint
            ) from error
        raise entry.location.make_error(error.message, error.hint) from error


# --- directories of sources -------------------------------------------------------------


def load_source_directories(ledger: Ledger) -> Texts:
    """Load the directory from which each source was last opened on this device.

    The keys have the form `kind:name`. Directories that another device stored are ignored,
    because the user hasn't confirmed them on this device.
    """
    return ledger.get_value(_make_setting_name(ledger), dict[str, str]) or {}


def store_source_directories(ledger: Ledger, roots_by_source: Texts) -> None:
    """Store the directories of sources that were opened, so that pictures can be loaded later.

    The keys have the form `kind:name`.
    """
    stored_roots = load_source_directories(ledger)
    if roots_by_source.items() <= stored_roots.items():
        return
    ledger.set_value(_make_setting_name(ledger), {**stored_roots, **roots_by_source})


def _make_setting_name(ledger: Ledger) -> str:
    return f"roots of {ledger.device_id}"


# --- reading -------------------------------------------------------------------------------


def ingest_sources(job: RunParameters, ledger: Ledger) -> RunStep:
    """Read the changed documents of all sources, and match their passages with the stored ones.

    Matching only starts once all sources have been listed completely, because a passage that is
    missing from one source may have moved to another.
    """
    # the ledger is imported in functions because it is slow to import and `extract` needs none
    from ankiforge.ledger.ingest import ingest_scan_results as ingest_all
    from ankiforge.ledger.readings import StoredDocumentLookup

    sources = [apply_stored_plugin_syntaxes(source, ledger) for source in job.sources]
    # read every document again after a change to the program or to the skipping rules
    skip_rules = [repr(rule.select) for rule in job.decks if rule.has_skipped_colours]
    salt = hash16(fingerprint_program(), *skip_rules)
    known_readings = StoredDocumentLookup(ledger, salt, job.in_use)
    problems: list[Problem] = []
    # the settings that decide which highlights of a container are read
    selections: dict[str, str] = {}

    def iter_sightings() -> Iterator[Sighting]:
        # the scan of a source is incomplete if it hit a bug in our code or in a plug-in
        for source in sources:
            has_failed = False
            for sighting in scan_source(source, known_readings):
                if isinstance(sighting, Problem):
                    has_failed |= sighting.message.startswith(
                        (BUG_MESSAGE, PLUG_IN_PREFIX)
                    )
                    problems.append(sighting)
                if isinstance(sighting, ExtractedDocument):
                    sighting = _save_pictures_and_flag_skipped(sighting, job, problems)
                if isinstance(sighting, ScanEnd):
                    complete = sighting.complete and not has_failed
                    sighting = replace(sighting, complete=complete)
                    selections[sighting.container] = getattr(
                        source, "selection_settings_text", ""
                    )
                elif (
                    isinstance(sighting, (ExtractedDocument, UnmarkedDocument))
                    and sighting.fingerprint
                ):
                    fingerprint = f"{salt} {sighting.fingerprint}"
                    sighting = replace(sighting, fingerprint=fingerprint)
                yield sighting

    ledger.read_journal()
    report = ingest_all(
        ledger,
        iter_sightings(),
        selections=selections,
        configured_sources=job.in_use,
        missing_sources=job.missing,
        removed_sources=job.removed,
        missing_documents=job.missing_documents,
    )
    listed = Counter[str]()
    unread = Counter[str]()
    for source in sources:
        folder = getattr(source, "listing", None)
        listed.update(getattr(folder, "read_counts", {}))
        unread.update(getattr(folder, "unread_counts", {}))
    report.files = dict(listed - unread)
    report.unread_files = dict(unread)
    log_lines(_describe_report(report))
    problems += _report_new_unread_kinds(sources, ledger)
    return RunStep(report, problems=tuple(problems))


def _describe_report(report: IngestReport) -> Iterator[str]:
    """Yield lines for the log: the numbers of files and passages, and each passage that changed."""
    files, unreadable = report.files.values(), report.unread_files.values()
    counts = f"files: {sum(files)}, unreadable: {sum(unreadable)}"
    yield f"passages read: {report.passage_count}, {counts}"
    changed = ("changed", (key for key, *_ in report.changed))
    moved = ("moved", (key for key, _ in report.moved))
    gone = "gone", (*report.removed_keys, *report.removed_unread_keys)
    lost = gone, ("back", report.restored_keys)
    for name, keys in (("new", report.new), changed, moved, *lost):
        yield from (f"{name}: passage {anonymize_key(key)}" for key in keys)


def _save_pictures_and_flag_skipped(
    document: ExtractedDocument, job: RunParameters, problems: list[Problem]
) -> ExtractedDocument:
    """Save the pictures cropped from the pages of a document, and flag the highlights to skip.

    A highlight is skipped if its comment says so, or if a rule in a deck file excludes its colour.
    Words that are highlighted together with a translation are marked as such.
    """
    from ankiforge.draft import find_drafting_skip_reason
    from ankiforge.language.vocabulary import mark_translated_words

    for picture in document.pictures:
        path = job.pictures / picture.name.removeprefix("cut/")
        if path.exists():
            continue
        try:
            make_directory(job.pictures)
            write_file(path, picture.data)
        except OSError as error:
            message = f"cannot be written: {error.strerror}"
            problems.append(Problem(str(path), message, "free space there"))

    highlights = []
    for highlight in document.highlights:
        # the comment or the colour may exclude the highlight
        skip = (
            find_drafting_skip_reason(highlight)
            if highlight.comment_is_instruction
            else highlight.skip_reason
        )
        rule = find_rule(job.decks, highlight)
        if skip.startswith("skip"):
            highlight = replace(highlight, skip_reason=skip)
        elif rule.get_colour_action(highlight.colour) == "skip":
            reason = f"skip: its colour ({highlight.colour})"
            highlight = replace(highlight, skip_reason=reason)
        highlights.append(highlight)
    return replace(document, highlights=mark_translated_words(highlights))


# --- what no source reads -------------------------------------------------------------------

UNREAD_FILES_SETTING = "not read"
"""The name of the ledger setting that stores the unread files of each directory."""


def load_unread_files(ledger: Ledger) -> dict[str, UnreadFiles]:
    """Load the files that no source could read in the last run, keyed by directory."""
    return ledger.get_value(UNREAD_FILES_SETTING, dict[str, UnreadFiles]) or {}


def _report_new_unread_kinds(
    sources: Iterable[Source], ledger: Ledger
) -> Iterator[Problem]:
    """Store the unread files of each directory, and yield a notice about new kinds of files."""
    stored = load_unread_files(ledger)
    current = {
        directory: files
        for directory, files in stored.items()
        if Path(directory).exists()
    }
    for unread_folder in count_unread_files(sources):
        stored_files = current.pop(unread_folder.directory, None)
        if not unread_folder.summary:
            continue
        current[unread_folder.directory] = unread_folder
        known_kinds = set(stored_files.count_by_kind if stored_files else ())
        if not known_kinds.issuperset(unread_folder.count_by_kind):
            message = f"{UNREAD_FILES_SETTING}: {unread_folder.summary}"
            name = Path(unread_folder.directory).name
            yield Problem(name, message, is_notice=True, is_reported_once=True)
    if current != stored:
        ledger.set_value(UNREAD_FILES_SETTING, current)


# --- the plug-ins of a vault ------------------------------------------------------------


def apply_stored_plugin_syntaxes(source: Source, ledger: Ledger) -> Source:
    """Return a copy of a vault that reads the card syntaxes of all plug-ins ever enabled in it.

    Other sources are returned unchanged, and so are vaults whose settings list the syntaxes.
    """
    if not getattr(source, "plugins_choose_dialects", False):
        return source
    from ankiforge.ledger import plugin_syntaxes

    vault = cast("Vault", source)
    dialect_names = plugin_syntaxes.record_and_load_plugin_syntaxes(
        ledger, vault.listing.container, vault.enabled_dialects
    )
    return (
        vault
        if dialect_names == vault.enabled_dialects
        else vault.replace_dialects(dialect_names)
    )
