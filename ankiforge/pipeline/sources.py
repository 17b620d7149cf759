"""Select, open and read the sources of a run.

If the command line has PATHs, a run reads the sources there. Otherwise it reads the sources
in the settings and at the PATHs of earlier runs. In both cases, only documents that have
changed since the last run are read.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from msgspec.structs import replace

from ankiforge.config import SETTINGS_FILE_NAME, Config, is_loopback
from ankiforge.config.deckfiles import DeckRule, find_rule
from ankiforge.config.files import make_directory, write_file
from ankiforge.config.log import anonymize_key, log_lines
from ankiforge.config.workspace import RememberedPath
from ankiforge.config.yamlfile import convert_to_type
from ankiforge.errors import BUG_MESSAGE, PLUG_IN_PREFIX, ConfigError, UsageError
from ankiforge.extract.base import Candidate, SourceOpenParameters, scan_source
from ankiforge.extract.discover import (
    UNMARKED_KINDS,
    explain_no_source,
    resolve_links,
)
from ankiforge.extract.files import (
    find_path_on_disk,
    fingerprint_program,
    normalize_name,
    summarize_content,
)
from ankiforge.extract.foreign_formats import SAVE_PAGE_HINT, find_foreign_format
from ankiforge.extract.registry import find_source_type, load_source_type
from ankiforge.extract.unread_files import UnreadFiles, count_unread_files
from ankiforge.model import (
    DocumentId,
    DocumentLookup,
    EmptySourceCache,
    ExtractedDocument,
    Highlight,
    Pair,
    Problem,
    ScanEnd,
    Sighting,
    Source,
    SourceCache,
    Strings,
    Texts,
    UnmarkedDocument,
    hash16,
)
from ankiforge.pipeline.reading_list import (
    Entry,
    Presence,
    SelectedSource,
    build_sources,
    find_configured_entries,
    find_entries,
    find_moved_entries,
    include,
    is_read_by,
    is_read_elsewhere,
    load_entries,
    make_configured_entries,
    make_entry,
    make_remembered_path,
    remember,
)
from ankiforge.pipeline.run_result import (
    DEFAULT_OPTIONS,
    CommandRunOptions,
    RunParameters,
    RunStep,
)
from ankiforge.text import quote_path, shorten_path

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.extract.markdown.obsidian import Vault
    from ankiforge.ledger import IngestReport, Ledger


MISSING_SOURCE_MESSAGE = "this remembered source is missing; nothing counts as deleted"
_Document = TypeVar("_Document", ExtractedDocument, UnmarkedDocument)
MAX_COMPARED_NAMES = 10_000
"""The maximum number of file names to compare with a misspelt one."""


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
    *,
    other_exports: bool = False,
) -> SourceSelection:
    """Select the sources at `paths` or, without paths, all configured and remembered sources.

    Args:
        workspace: The workspace with the settings and the remembered PATHs.
        paths: The PATHs given on the command line, or () for all known sources.
        options: Which highlights to read at `paths`, and the deck for their cards, now and in
            later runs.
        other_exports: Whether to add the other exports of each account. The highlights of a book
            may be spread over several, and those that aren't read would count as deleted.

    Raises:
        UsageError: The only PATH cannot be read, no source at `paths` supports the marks,
            or marks or a deck were given without PATHs.
    """
    if paths:
        return _select_paths(workspace, paths, options, other_exports=other_exports)
    if options.marks:
        hint = f"ankiforge run PATH --marks {options.marks[0]}"
        raise UsageError("--marks needs the PATH of the notes", hint=hint)
    if options.deck is not None:
        hint = f"ankiforge run PATH --deck {quote(options.deck)}"
        raise UsageError("--deck needs the PATH whose cards go there", hint=hint)
    return _select_all(workspace)


def _select_paths(
    workspace: WorkspaceDirectory,
    paths: tuple[Path, ...],
    options: CommandRunOptions,
    *,
    other_exports: bool,
) -> SourceSelection:
    """Select the sources at the PATHs on the command line, and remember these."""
    deck = None
    if options.deck is not None:
        from ankiforge.anki.notes import normalize_deck_name

        deck = normalize_deck_name(options.deck)
    entries = load_entries(workspace)
    to_read: list[Entry] = []
    problems: list[Problem] = []
    for path in paths:
        found = _find_entries_or_problem(
            entries, path.absolute(), unmarked=options.unmarked
        )
        if isinstance(found, Problem):
            if len(paths) == 1:
                raise UsageError(f"{found.location}: {found.message}", hint=found.hint)
            problems.append(found)
            continue
        to_read += found
        for entry in found:
            entries = remember(entries, entry, deck, options.marks)
        if not options.unmarked:
            folder = resolve_links(path)
            to_read += _find_entries_below(entries, folder, to_read)
            moved = find_moved_entries(entries, folder)
            to_read += moved
            entries = include(entries, moved)
    if options.marks and not any(entry.has_marks_setting for entry in to_read):
        hint = "name a vault, a note or a folder of notes"
        raise UsageError(f"{paths[0]}: --marks has no effect on it", hint=hint)
    if other_exports:
        to_read += _find_other_exports(entries, to_read)
    sources, notices = build_sources(to_read, entries)
    presence = _check_presence(workspace, entries, sources)
    return SourceSelection(
        sources,
        [*problems, *notices],
        tuple(make_remembered_path(entry) for entry in entries if entry.is_remembered),
        in_use=_find_names(presence, Presence.THERE),
        missing=_find_names(presence, Presence.MISSING, Presence.REMOVED),
        removed=_find_names(presence, Presence.REMOVED),
    )


def _find_other_exports(
    entries: Iterable[Entry], to_read: Iterable[Entry]
) -> list[Entry]:
    """Return the other exports of the accounts of which an export is read."""
    accounts = {entry.source_key for entry in to_read if entry.is_export}
    others: list[Entry] = []
    for entry in entries:
        if entry.source_key not in accounts or is_read_by(entry, (*to_read, *others)):
            continue
        if not entry.is_remembered or entry.path.exists():
            others.append(entry)
    return others


def _select_all(workspace: WorkspaceDirectory) -> SourceSelection:
    """Select all configured and remembered sources, and what is new in remembered folders."""
    entries = load_entries(workspace)
    present_entries = [entry for entry in entries if entry.path.exists()]
    to_read: list[Entry] = []
    problems: list[Problem] = []
    for entry in entries:
        if not entry.is_remembered:
            to_read.append(entry)
            to_read += _find_entries_below(entries, entry.path, to_read)
            moved = find_moved_entries(entries, entry.path)
            to_read += moved
            entries = include(entries, moved)
    entries_by_path = defaultdict[Path, list[Entry]](list)
    for entry in entries:
        if entry.is_remembered:
            entries_by_path[entry.path].append(entry)
    for path, entries_at_path in entries_by_path.items():
        found = _find_entries_or_problem(entries, path, unmarked=True)
        if not isinstance(found, Problem):
            to_read += found
            entries = include(entries, found)
            to_read += _find_entries_below(entries, path, to_read)
        elif path.exists():
            message = f"{found.message}; highlights that were read before are kept"
            hint = f"put back what was there, or {_suggest_forget(found.location)}"
            problems.append(Problem(found.location, message, hint))
        elif not all(
            is_read_elsewhere(entry, present_entries) for entry in entries_at_path
        ):
            hint = (
                "if it moved: ankiforge run ITS/NEW/PLACE  "
                f" {_suggest_forget(found.location)}"
            )
            problems.append(
                Problem(found.location, MISSING_SOURCE_MESSAGE, hint, is_notice=True)
            )
    sources, notices = build_sources(to_read, entries)
    libraries = [
        SelectedSource(entry) for entry in workspace.config.sources if not entry.has_path
    ]
    presence = _check_presence(workspace, entries, sources)
    return SourceSelection(
        [*libraries, *sources],
        [*problems, *notices],
        tuple(make_remembered_path(entry) for entry in entries if entry.is_remembered),
        in_use=_find_names(presence, *Presence),
        missing=_find_names(presence, Presence.MISSING, Presence.REMOVED),
        removed=_find_names(presence, Presence.REMOVED),
    )


def _find_entries_or_problem(
    entries: Sequence[Entry], path: Path, *, unmarked: bool
) -> list[Entry] | Problem:
    """Return the entries with which to read an absolute path, or the problem if none can."""
    if not path.exists():
        return _explain_missing_path(path)
    resolved = resolve_links(path)
    is_known = any(entry.is_remembered and entry.path == resolved for entry in entries)
    found = find_entries(entries, resolved, unmarked=unmarked or is_known)
    if found:
        return found
    candidate = Candidate(resolved)
    foreign_format = find_foreign_format(candidate)
    if foreign_format is not None:
        hint = foreign_format.advice
    elif candidate.suffix in UNMARKED_KINDS:
        hint = f"to let a chat or model choose passages: ankiforge draft {quote_path(resolved)}"
    else:
        hint = (
            "a PDF, a note, clippings, an export, a folder with some, or a zotero.sqlite"
        )
    return Problem(str(resolved), explain_no_source(resolved), hint)


URL_MESSAGE = "a URL is not read"


def find_url(path: Path) -> str | None:
    """Return the URL that the user gave in place of a path, or None."""
    for scheme in ("http:", "https:"):
        if scheme in path.parts:
            return f"{scheme}//{path.as_posix().partition(f'{scheme}/')[2]}"
    return None


def _explain_missing_path(path: Path) -> Problem:
    if path.is_symlink():
        message = "a link to a missing file, or to itself"
        return Problem(str(path), message, "name the file or folder itself")
    url = find_url(path)
    if url is not None:
        return Problem(url, URL_MESSAGE, SAVE_PAGE_HINT)
    message = "there is no such file or folder"
    return Problem(str(path), message, _suggest_similar_path(path))


def _find_entries_below(
    entries: Sequence[Entry], folder: Path, read: Iterable[Entry]
) -> list[Entry]:
    """Return the remembered entries below a folder that is read, such as a saved page in a vault.

    The whole folder of such a page is listed, because the page may have been renamed. Other
    entries are left out if their source is among those that are read already.
    """
    found: list[Entry] = []
    for entry in entries:
        if not entry.is_remembered or folder not in entry.path.parents:
            continue
        if entry.can_be_unmarked and entry.root.is_dir():
            found.append(replace(entry, path=entry.root))
        elif entry.path.exists():
            read_keys = {other.source_key for other in (*read, *found)}
            if entry.source_key not in read_keys:
                found += find_entries(entries, entry.path, unmarked=True)
    return found


def _check_presence(
    workspace: WorkspaceDirectory,
    entries: Iterable[Entry],
    sources: Iterable[SelectedSource],
) -> dict[str, Presence]:
    """Return which sources of the reading list are there, by name.

    The sources in the settings always count as there, and so do those that are read in this run.
    """
    presence_by_name = {entry.name: Presence.THERE for entry in workspace.config.sources}
    keys_read_whole = {source.key for source in sources if not source.paths}
    for entry in entries:
        presence = entry.find_presence()
        if entry.source_key in keys_read_whole:
            presence = Presence.THERE
        others = presence_by_name.get(entry.name, presence)
        presence_by_name[entry.name] = min(presence, others)
    return presence_by_name


def _find_names(
    presence_by_name: Mapping[str, Presence], *states: Presence
) -> frozenset[str]:
    return frozenset(
        name for name, presence in presence_by_name.items() if presence in states
    )


def explain_broad_path(path: Path) -> str:
    """Return why a directory is too broad to be read without asking the user, or "" if it isn't."""
    path = resolve_links(path.absolute())
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - never fails
    if path == home:
        return "is your home folder"
    if path.is_dir() and path.is_mount():
        return "is a whole drive"
    if path in home.parents:
        return "contains your home folder"
    return ""


def _suggest_similar_path(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    names = {
        entry.stem.casefold(): entry.name
        for entry in islice(folder.iterdir(), MAX_COMPARED_NAMES)
    }
    nearest = get_close_matches(path.stem.casefold(), names, n=1)
    if nearest:
        return f"did you mean {shorten_path(folder / names[nearest[0]])}?"
    return f"{folder} has nothing with a similar name"


# --- forgetting -------------------------------------------------------------------------


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
    entries = load_entries(workspace)
    if find_configured_entries(entries, resolved):
        file = workspace.root / SETTINGS_FILE_NAME
        message = f"{path} is read because {file} names it"
        raise UsageError(message, hint="delete it under `sources:` there; its cards stay")
    hint = "ankiforge status names those that are"
    for entry in entries:
        is_below = resolved in entry.path.parents
        if entry.is_remembered and (is_below or entry.contains(resolved)):
            hint = f"but {entry.path} is; {_suggest_forget(str(entry.path))}"
            break
    raise UsageError(f"{path} is not remembered", hint=hint)


def find_documents_to_forget(
    workspace: WorkspaceDirectory,
    ledger: Ledger,
    forgotten: list[RememberedPath],
    kept: list[RememberedPath],
) -> set[DocumentId]:
    """Return the documents at the forgotten PATHs that no other source or PATH reads.

    It isn't known which document came from which export, so the exports that are kept are read
    again.
    """
    from ankiforge.ledger.readings import find_document, load_current_documents_of_source

    forgotten_entries = [*map(make_entry, forgotten)]
    kept_entries = [*make_configured_entries(workspace.config), *map(make_entry, kept)]
    documents = set()
    for source_key, root in {
        (entry.source_key, entry.root) for entry in forgotten_entries
    }:
        readers = [entry for entry in kept_entries if entry.source_key == source_key]
        for row in load_current_documents_of_source(ledger, *source_key):
            path = resolve_links(root) / row["place"]
            if not any(reader.contains(path) for reader in readers):
                documents.add(row["id"])

    # the documents in other exports of the same account stay
    accounts = {entry.source_key for entry in forgotten_entries if entry.is_export}
    exports = []
    for entry in map(make_entry, kept):
        if entry.source_key in accounts and entry.path.exists():
            exports.append(entry)
    sources, _ = build_sources(exports, kept_entries)
    for source in open_sources(workspace, ledger, sources):
        for sighting in scan_source(source, None):
            if isinstance(sighting, ExtractedDocument):
                path_or_key = sighting.document.path or sighting.document.key
                found = find_document(ledger, sighting.container, path_or_key)
                if found:
                    documents.discard(found["id"])
    return documents


def _suggest_forget(path: str) -> str:
    return f"to forget it: ankiforge forget {quote_path(path)}"


# --- documents that moved ---------------------------------------------------------------


def find_missing_documents(
    config: Config, ledger: Ledger, places: Iterable[RememberedPath]
) -> dict[DocumentId, Path]:
    """Find the stored documents whose files are missing, and return their paths by row id.

    A file only counts as missing if the directory of its source exists, because a missing
    directory may be on a disk that isn't mounted. Libraries and exports are skipped, because
    their documents aren't files.
    """
    from ankiforge.ledger.readings import load_current_documents_of_source

    missing = {}
    entries = [*map(make_entry, places), *make_configured_entries(config)]
    for kind, name, root in {(entry.kind, entry.name, entry.root) for entry in entries}:
        source = find_source_type(kind)
        if source is None or not source.reads_single_files() or source.is_export:
            continue
        if not root.is_dir():
            continue
        for row in load_current_documents_of_source(ledger, kind, name):
            if not os.path.lexists(find_path_on_disk(root, row["place"])):
                missing[row["id"]] = root / row["place"]
    return missing


def find_moved_file(
    workspace: WorkspaceDirectory, ledger: Ledger, path: Path, content: str | None = None
) -> Path:
    """Find the document of the remembered and configured sources that was at `path` before.

    It has the `content` of the file (`summarize_content`) or, failing that, its name. If several
    have, the one whose path ends most like `path` is returned. Returns `path` itself if it exists
    or there is no such document.
    """
    if path.exists():
        return path
    files = [*_iter_document_files(workspace, ledger)]
    candidates = []
    if content:
        candidates = [
            file for file in files if summarize_content(file, content) == content
        ]
    if not candidates:
        name = normalize_name(path.name)
        candidates = [
            file for file in files if normalize_name(file.name) == name and file.exists()
        ]
    return max(
        candidates,
        key=lambda file: _compare_endings(file.parts, path.parts),
        default=path,
    )


def _iter_document_files(workspace: WorkspaceDirectory, ledger: Ledger) -> Iterator[Path]:
    """Yield the files of all documents, those of remembered paths first."""
    from ankiforge.ledger.readings import load_current_documents

    entries = load_entries(workspace)
    entries.sort(key=lambda entry: not entry.is_remembered)
    for entry in entries:
        for row in load_current_documents(ledger, entry.container):
            yield find_path_on_disk(entry.root, row["place"])


def _compare_endings(parts: Strings, other_parts: Strings) -> list[bool]:
    """Return whether the last parts of two paths are equal, then those before them, and so on."""
    pairs = zip(reversed(parts), reversed(other_parts), strict=False)
    return [part == other for part, other in pairs]


# --- documents without marks ------------------------------------------------------------


_TEXT_SOURCE_KINDS = frozenset(("pdf", "obsidian", "markdown", *UNMARKED_KINDS.values()))
"""The kinds of sources in whose files passages can be chosen without a mark."""


def find_unmarked_paths(
    workspace: WorkspaceDirectory, ledger: Ledger, *, include_directories: bool = False
) -> list[str]:
    """Return the remembered files that have neither highlights nor chosen passages.

    If `include_directories` is set, two more groups follow: the remembered and configured
    directories in which most documents have no highlight and no passage was chosen, and the PDFs
    without a highlight in other directories.
    """
    from ankiforge.ledger.chosen_passages import load_documents_with_highlights

    marked_files = load_documents_with_highlights(ledger)
    entries = load_entries(workspace)
    marked_sources: set[str] = set()
    if include_directories:
        marked_sources = _find_mostly_marked_sources(ledger)
        entries.sort(key=lambda entry: not entry.is_remembered)
    else:
        entries = [entry for entry in entries if entry.is_remembered]

    unmarked: dict[str, None] = {}
    marked = set()
    for entry in entries:
        if entry.path.is_file():
            is_marked = (entry.name, entry.path.name) in marked_files
        elif include_directories and entry.path.is_dir():
            is_marked = entry.name in marked_sources
        else:
            continue
        if is_marked:
            marked.add(str(entry.path))
        elif entry.kind in _TEXT_SOURCE_KINDS:
            unmarked[str(entry.path)] = None
    paths = [path for path in unmarked if path not in marked]
    if include_directories:
        for file in find_unmarked_pdfs(ledger):
            if not any(file.is_relative_to(path) for path in paths):
                paths.append(str(file))
    return paths


def _find_mostly_marked_sources(ledger: Ledger) -> set[str]:
    """Return the sources of which at least half have a highlight, or where passages were chosen."""
    from ankiforge.ledger.chosen_passages import load_chosen_passages
    from ankiforge.ledger.tables.highlights import count_documents_with_highlights

    containers_with_choices = load_chosen_passages(ledger)
    return {
        row["source"]
        for row in count_documents_with_highlights(ledger)
        if row["container"] in containers_with_choices
        or 2 * row["marked"] >= row["total"]
    }


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
    executor = config.executor
    if offline and not is_loopback(executor):
        executor = ""
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
        executor=executor,
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
    from ankiforge.ledger.ingest import ingest_scan_results
    from ankiforge.ledger.readings import StoredDocumentLookup

    sources = [apply_stored_plugin_syntaxes(source, ledger) for source in job.sources]
    # read every document again after a change to the program or to the skipping rules
    skip_rules = [repr(rule.select) for rule in job.decks if rule.has_skipped_colours]
    salt = hash16(fingerprint_program(), *skip_rules)
    directories = load_source_directories(ledger)
    known = StoredDocumentLookup(ledger, salt, job.in_use, directories)
    reading = _Reading(job, salt, known)
    ledger.read_journal()
    report = ingest_scan_results(
        ledger,
        reading.iter_sightings(sources),
        selections=reading.selections,
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
    problems = [*reading.problems, *_report_new_unread_kinds(sources, ledger)]
    return RunStep(report, problems=tuple(problems))


class _Reading:
    """The scan of all sources in a run."""

    def __init__(self, job: RunParameters, salt: str, known: DocumentLookup) -> None:
        """Set up the scan.

        Args:
            job: The parameters of the run.
            salt: Text for the fingerprints, so that documents are read again when it changes.
            known: Looks up the documents that were read in earlier runs.
        """
        self._job = job
        self._salt = salt
        self._known = known
        self.problems: list[Problem] = []
        self.selections: dict[str, str] = {}
        """By container, the settings that decide which of its highlights are read."""

    def iter_sightings(self, sources: Iterable[Source]) -> Iterator[Sighting]:
        """Yield what the scans of all sources find."""
        for source in sources:
            yield from self._iter_sightings_of(source)

    def _iter_sightings_of(self, source: Source) -> Iterator[Sighting]:
        has_failed = False
        for sighting in scan_source(source, self._known):
            if isinstance(sighting, Problem):
                # a scan that hit a bug in our code or in a plug-in is incomplete
                bug_messages = (BUG_MESSAGE, PLUG_IN_PREFIX)
                has_failed |= sighting.message.startswith(bug_messages)
                self.problems.append(sighting)
                yield sighting
            elif isinstance(sighting, ExtractedDocument):
                self.problems += _save_pictures(sighting, self._job.pictures)
                yield self._add_salt(_flag_highlights(sighting, self._job.decks))
            elif isinstance(sighting, UnmarkedDocument):
                yield self._add_salt(sighting)
            elif isinstance(sighting, ScanEnd):
                selection = getattr(source, "selection_settings_text", "")
                self.selections[sighting.container] = selection
                complete = sighting.complete and not has_failed
                yield replace(sighting, complete=complete)
            else:
                yield sighting

    def _add_salt(self, document: _Document) -> _Document:
        if not document.fingerprint:
            return document
        return replace(document, fingerprint=f"{self._salt} {document.fingerprint}")


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


def _save_pictures(document: ExtractedDocument, directory: Path) -> Iterator[Problem]:
    """Save the pictures cropped from the pages of a document, and yield what went wrong."""
    for picture in document.pictures:
        path = directory / picture.name.removeprefix("cut/")
        if path.exists():
            continue
        try:
            make_directory(directory)
            write_file(path, picture.data)
        except OSError as error:
            message = f"cannot be written: {error.strerror}"
            yield Problem(str(path), message, "free space there")


def _flag_highlights(
    document: ExtractedDocument, decks: tuple[DeckRule, ...]
) -> ExtractedDocument:
    """Flag the highlights to skip, and words that are highlighted together with a translation."""
    from ankiforge.language.vocabulary import mark_translated_words

    highlights = [_flag_skipped(highlight, decks) for highlight in document.highlights]
    return replace(document, highlights=mark_translated_words(highlights))


def _flag_skipped(highlight: Highlight, decks: tuple[DeckRule, ...]) -> Highlight:
    """Flag a highlight to skip if its comment says so, or a deck file excludes its colour."""
    from ankiforge.draft import find_user_skip_reason

    reason = find_user_skip_reason(highlight)
    if reason is None:
        colour_action = find_rule(decks, highlight).get_colour_action(highlight.colour)
        if colour_action == "skip":
            reason = f"its colour ({highlight.colour})"
    if reason is None:
        return highlight
    return replace(highlight, skip_reason=reason)


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
