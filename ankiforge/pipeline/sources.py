"""The sources of a run: which ones it reads, how they are opened, and what is read of them.

A run reads the sources of the settings and the remembered PATHs, or the PATHs of the
command line; of them, every document that has changed since the last run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple, cast

from msgspec.structs import replace

from ankiforge.config import FILE_NAME, Config, SourceEntry, is_loopback
from ankiforge.config.deckfiles import rule_of
from ankiforge.config.workspace import Remembered
from ankiforge.config.yamlfile import Location, typed
from ankiforge.draft import skip_reason
from ankiforge.errors import BUG, PLUG_IN, ConfigError, UsageError
from ankiforge.extract.base import Opening, scanned
from ankiforge.extract.discover import (
    UNMARKED,
    FoundSource,
    UnreadFiles,
    discover,
    kind_of,
    left_out,
    resolve,
    why_nothing,
)
from ankiforge.extract.files import program
from ankiforge.extract.registry import (
    by_ending,
    default_name,
    is_export,
    loaded,
    source_type,
)
from ankiforge.language.vocabulary import with_translations
from ankiforge.model import (
    DocumentId,
    Extracted,
    Json,
    Memory,
    NoMemory,
    Problem,
    Scan,
    Sighting,
    Source,
    Strings,
    Unmarked,
    Value,
    h16,
)
from ankiforge.model.hints import TITLES
from ankiforge.pipeline.result import Job, Progress
from ankiforge.text import shown_path

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceFolder
    from ankiforge.extract.markdown.obsidian import Vault
    from ankiforge.ledger import Ledger


COMMAND_LINE = Location("the command line")
MOST_NAMES = 10_000
"""How many names of a folder are compared with a misspelt one."""


class SelectedSource(Value):
    """A source to open, from the settings or found at a PATH."""

    entry: SourceEntry
    only: tuple[Path, ...] = ()
    """The files and folders below its root to read; () = everything."""

    @property
    def key(self) -> tuple[str, str]:
        """Its kind and name, which distinguish it from others."""
        return self.entry.kind, self.entry.name


class SelectedSources(NamedTuple):
    """The sources that a run reads."""

    sources: list[SelectedSource]
    problems: list[Problem]
    """One for each PATH that cannot be read."""
    remembered: tuple[Remembered, ...]
    """All PATHs to remember from now on."""
    in_use: frozenset[str]
    """The names of all sources that plain `run` reads. The notes of a remembered PATH that is
    missing may be at a PATH of the command line now."""
    missing: frozenset[str]
    """The names that only remembered PATHs have which are missing."""


# --- selecting --------------------------------------------------------------------------


def select_sources(
    workspace: WorkspaceFolder,
    paths: tuple[Path, ...] = (),
    marks: Strings = (),
    *,
    unmarked: bool = False,
) -> SelectedSources:
    """Return the sources at the PATHs, or without PATHs all configured and remembered ones.

    Args:
        workspace: provides the settings and the remembered PATHs.
        paths: the arguments of the command line.
        marks: what the sources at the PATHs read as marks, too, from now on.
        unmarked: whether the PATHs are read even if nothing can be marked in them.

    Raises:
        UsageError: there is only one PATH, and it cannot be read; or nothing at the PATHs
            has such marks.
    """
    selection = _Selecting(workspace)
    if marks and not paths:
        hint = f"ankiforge run PATH --marks {marks[0]}"
        raise UsageError("--marks needs the PATH of the notes", hint=hint)
    if paths:
        for path in paths:
            problem = selection.add(path.absolute(), unmarked=unmarked)
            if problem and len(paths) == 1:
                raise UsageError(f"{problem.where}: {problem.what}", hint=problem.hint)
            if problem:
                selection.problems.append(problem)
        if marks:
            selection.remember_marks(marks, paths)
    else:
        for entry in workspace.config.sources:
            source = SelectedSource(entry)
            selection.sources[source.key] = source
        remembered = [*selection.remembered]
        names_there = [item.names for item in remembered if Path(item.path).exists()]
        for item in remembered:
            path = Path(item.path)
            problem = selection.add(path.absolute())
            if problem and path.exists():
                message = (
                    f"{problem.what}; what was read of it before counts as still there"
                )
                hint = f"put back what was there, or {_how_to_forget(problem.where)}"
                selection.problems.append(Problem(problem.where, message, hint))
            elif problem and item.names not in names_there:
                # no other PATH has its names, as the next export would
                message = "this remembered source is missing; nothing counts as deleted"
                hint = f"if it moved: ankiforge run ITS/NEW/PLACE; {_how_to_forget(problem.where)}"
                missing = Problem(problem.where, message, hint, notice=True)
                selection.problems.append(missing)
    names = {entry.name for entry in workspace.config.sources}
    nowhere: set[str] = set()
    for item in selection.remembered:
        is_there = Path(item.path).exists()
        (names if is_there else nowhere).update(item.names.values())
    nowhere -= names
    if not paths:
        names |= nowhere
    return SelectedSources(
        sources=selection.finished(),
        problems=selection.problems,
        remembered=tuple(selection.remembered),
        in_use=frozenset(names),
        missing=frozenset(nowhere),
    )


def with_other_exports(
    workspace: WorkspaceFolder,
    remembered: Iterable[Remembered],
    selected: Iterable[SelectedSource],
) -> list[SelectedSource]:
    """Return selected sources; those of an account with all exports of it that are known.

    A book may be spread over several exports. If only one of them were read, the passages
    of the others would count as missing.
    """
    remembered = list(remembered)
    whole: list[SelectedSource] = []
    for source in selected:
        kind, name = source.key
        if is_export(kind):
            others = [SelectedSource(entry) for entry in workspace.config.sources]
            for item in remembered:
                if item.names.get(kind) == name:
                    behind = _behind(workspace.config, remembered, Path(item.path))
                    # plain `run` reports that it is missing
                    others += [] if isinstance(behind, Problem) else behind
            for other in others:
                if other.key == source.key:
                    source = _union(source, other)
        whole.append(source)
    return whole


class _Selecting:
    """The sources that were selected so far."""

    def __init__(self, workspace: WorkspaceFolder) -> None:
        self._workspace = workspace
        self._config = workspace.config
        self.sources: dict[tuple[str, str], SelectedSource] = {}
        """By kind and name."""
        self.problems: list[Problem] = []
        self.remembered = list(workspace.remembered)
        """The PATHs to remember: the known ones, and new ones."""

    def add(self, path: Path, *, unmarked: bool = False) -> Problem | None:
        """Add the sources at a PATH, and remember it; return why it cannot be read."""
        for item in self.remembered:
            unmarked |= item.path == str(resolve(path)) and bool(item.names)
        sources_of_path = _behind(self._config, self.remembered, path, unmarked=unmarked)
        if isinstance(sources_of_path, Problem):
            return sources_of_path
        names: dict[str, str] = {}  # of the sources that only this PATH names, by kind
        for source in sources_of_path:
            other = self.sources.get(source.key)
            self.sources[source.key] = _union(other, source) if other else source
            entry = source.entry
            if entry not in self._config.sources:
                names.setdefault(entry.kind, entry.name)  # folders within come later
        # plain `run` may read it already, as a remembered PATH or a part of one
        where = resolve(path)
        for item in self.remembered:
            if _contains(Path(item.path), where) and names.items() <= item.names.items():
                return None
        if names:
            self.remembered.append(Remembered(str(where), names))
        return None

    def remember_marks(self, marks: Strings, paths: Iterable[Path]) -> None:
        """Let the sources at some PATHs read further marks, in every run.

        Raises:
            UsageError: none of them reads notes.
        """
        if not any(_has_marks(source.entry) for source in self.sources.values()):
            first = next(iter(paths))
            hint = "name a vault, a note or a folder of notes"
            raise UsageError(f"{first}: nothing there is read by its marks", hint=hint)
        for path in paths:
            where = str(resolve(path.absolute()))
            for place, item in enumerate(self.remembered):
                if item.path == where:
                    together = tuple(dict.fromkeys((*item.marks, *marks)))
                    self.remembered[place] = replace(item, marks=together)
                    break
            else:
                self.remembered.append(Remembered(where, marks=marks))

    def finished(self) -> list[SelectedSource]:
        """Return the sources, with the marks that were asked for, and no note in two of them."""
        finished: list[SelectedSource] = []
        for source in self.sources.values():
            entry = source.entry
            root = resolve(entry.path)

            # the marks that a person named on the command line
            marks: list[str] = []
            if _has_marks(entry):
                for item in self.remembered:
                    if item.names.get(entry.kind, entry.name) != entry.name:
                        continue
                    if _contains(root, Path(item.path)):
                        marks += item.marks
            if marks:
                of_settings = entry.options.get("marks") or ("==", "mark")
                together = list(dict.fromkeys((*of_settings, *marks)))
                entry = replace(entry, options={**entry.options, "marks": together})

            # two sources that read Markdown may both have a note
            same_root: list[SourceEntry] = []
            inner: list[str] = []
            for other in (*self._config.sources, *[each.entry for each in finished]):
                if (entry.kind, entry.name) == (other.kind, other.name):
                    continue
                if "include" in entry.options or "include" in other.options:
                    continue
                if not (_reads_markdown(entry) and _reads_markdown(other)):
                    continue
                other_root = resolve(other.path)
                if root in other_root.parents:
                    inner.append(f"{other_root.relative_to(root).as_posix()}/")
                elif other_root == root and any(
                    each.key == (other.kind, other.name) for each in finished
                ):
                    same_root.append(other)
            if same_root:
                message = (
                    f"{same_root[0].name} reads this folder, too, so it is read once"
                )
                hint = f"delete the source {entry.name} from the settings"
                self.problems.append(Problem(str(root), message, hint, notice=True))
                continue
            if inner:
                excluded = dict.fromkeys((*entry.options.get("exclude", ()), *inner))
                options = {**entry.options, "exclude": list(excluded)}
                entry = replace(entry, options=options)
            finished.append(replace(source, entry=entry))
        return finished


def _reads_markdown(entry: SourceEntry) -> bool:
    source = loaded(entry.kind)
    return _has_marks(entry) and source is not None and ".md" in source.endings


def _has_marks(entry: SourceEntry) -> bool:
    """Return whether a source is a folder of notes, whose kinds of marks can be set."""
    source = loaded(entry.kind)
    return entry.has_folder and source is not None and hasattr(source.Settings, "marks")


def unmarked_paths(workspace: WorkspaceFolder, ledger: Ledger) -> list[str]:
    """Return the remembered files in which nothing is marked or chosen."""
    from ankiforge.ledger.chosen import marked_places

    marked = marked_places(ledger)
    unmarked = []
    for item in workspace.remembered:
        path = Path(item.path)
        has_text = item.names.keys() & _WITH_TEXT and path.is_file()
        names = {(source, path.name) for source in item.names.values()}
        if has_text and names.isdisjoint(marked):
            unmarked.append(item.path)
    return unmarked


_WITH_TEXT = frozenset(("pdf", "obsidian", "markdown", *UNMARKED.values()))
"""The kinds of source of files in which passages may be chosen."""


def divide_remembered(
    workspace: WorkspaceFolder,
    path: Path,
) -> tuple[list[Remembered], list[Remembered]]:
    """Return the remembered PATHs to forget, at a path or below it, and those to keep.

    Raises:
        UsageError: there is none to forget.
    """
    place = resolve(path.absolute())
    to_forget: list[Remembered] = []
    to_keep: list[Remembered] = []
    for item in workspace.remembered:
        half = to_forget if _contains(place, Path(item.path)) else to_keep
        half.append(item)
    if to_forget:
        return to_forget, to_keep
    if _configured_around(workspace.config, place):
        file = workspace.root / FILE_NAME
        message = f"{path} is read because {file} names it"
        raise UsageError(message, hint="delete it under `sources:` there; its cards stay")
    for item in to_keep:
        if _contains(Path(item.path), place):
            message = f"{path} is a part of {item.path}, which is remembered as a whole"
            raise UsageError(message, hint=_how_to_forget(item.path))
    hint = "no PATH is remembered"
    by_name = {Path(item.path).name: item.path for item in to_keep}
    nearest = get_close_matches(place.name, by_name, n=1)
    if nearest:
        hint = f"did you mean {by_name[nearest[0]]}?"
    elif to_keep:
        hint = "ankiforge status names those that are"
    raise UsageError(f"{path} is not remembered", hint=hint)


def documents_to_forget(
    config: Config,
    ledger: Ledger,
    forgotten: Iterable[Remembered],
    kept: Iterable[Remembered],
) -> set[DocumentId]:
    """Return the documents of forgotten PATHs that no other PATH and no setting reads.

    One source may read several PATHs, such as files of one folder. Of an export nobody
    knows which file a document was in, so the next run reads those that are left again.
    """
    from ankiforge.ledger.tables import documents as known_documents
    from ankiforge.pipeline.pictures import roots

    known_roots = roots(ledger)
    kept = list(kept)
    documents = set()
    for name in {name for item in forgotten for name in item.names.values()}:
        others = [Path(item.path) for item in kept if name in item.names.values()]
        for entry in config.sources:
            if entry.name == name and entry.has_folder:
                others.append(entry.path)
        folders = []
        for id, folder in known_roots.items():
            if id.partition(":")[2] == name:
                folders.append(Path(folder))
        for row in known_documents.present_of(ledger, name):
            paths = [folder / row["place"] for folder in folders]
            if not any(_contains(other, path) for other in others for path in paths):
                documents.add(row["id"])
    return documents


def _how_to_forget(where: str) -> str:
    return f"to forget it: ankiforge forget {quote(where)}"


def _behind(
    config: Config,
    remembered: list[Remembered],
    path: Path,
    *,
    unmarked: bool = False,
) -> list[SelectedSource] | Problem:
    """Return the sources at one PATH: the configured ones, else those discovered in it.

    `unmarked`: even if nothing can be marked in it.
    """
    if not path.exists():
        if path.is_symlink():
            message = "a link to a missing file, or to itself"
            return Problem(str(path), message, "name the file or folder itself")
        message = "there is no such file or folder"
        return Problem(str(path), message, _nearest_name(path))
    path = resolve(path)
    configured = _configured_around(config, path)
    if configured:
        return [SelectedSource(entry, _below(entry, path)) for entry in configured]

    def folders(kind: str) -> dict[Path, bool]:
        """Return the folders that are read as a kind of source, and whether all of each is."""
        whole = {entry.path for entry in config.sources if entry.kind == kind}
        whole.update(Path(item.path) for item in remembered if kind in item.names)
        return {root: root in whole for root in _roots(config, remembered, kind).values()}

    selected: list[SelectedSource] = []
    for found_source in discover(path, folders, unmarked=unmarked):
        kind = found_source.kind
        root = found_source.root
        at_root = []
        for entry in config.sources:
            if entry.kind == kind and entry.has_folder and resolve(entry.path) == root:
                at_root.append(entry)
        if at_root:
            below = _below(at_root[0], *found_source.only)
            selected.append(SelectedSource(at_root[0], below))
            continue
        name = _name_of(config, remembered, found_source, path)
        options: Json = {"path": str(root), "name": name}
        if found_source.exclude:
            options["exclude"] = found_source.exclude
        entry = SourceEntry(kind, name, root, options, COMMAND_LINE)
        selected.append(SelectedSource(entry, found_source.only))
    if not selected:
        hint = (
            "a PDF, a note, clippings, an export, a folder with some, or a zotero.sqlite"
        )
        if path.suffix.casefold() in UNMARKED:
            hint = (
                f"to let a chat or model choose ten: ankiforge draft {quote(str(path))}"
            )
        return Problem(str(path), why_nothing(path), hint)
    return selected


def _nearest_name(path: Path) -> str:
    """Return the hint for a PATH that is not there: the nearest name beside it."""
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    names = {
        entry.stem.casefold(): entry.name
        for entry in islice(folder.iterdir(), MOST_NAMES)
        if not entry.name.startswith(".")
    }
    nearest = get_close_matches(path.stem.casefold(), names, n=1)
    if nearest:
        return f"did you mean {shown_path(folder / names[nearest[0]])}?"
    alike = sorted(name for name in names.values() if Path(name).suffix == path.suffix)
    if alike:
        listed = ", ".join(alike[:3])
        return f"{folder} has {listed}{', …' if len(alike) > 3 else ''}"
    return f"{folder} has no file with a name like it"


def _configured_around(config: Config, path: Path) -> list[SourceEntry]:
    """Return the sources of the settings that a path belongs to."""
    folders = [entry for entry in config.sources if entry.has_folder]
    configured = [entry for entry in folders if _contains(entry.path, path)]
    if not configured or not path.is_file():
        return configured
    kind = kind_of(path)
    if not kind or not source_type(kind).is_unambiguous:
        return configured
    # for example, an attachment in a folder of notes is not a note
    fitting = []
    for entry in configured:
        source = loaded(entry.kind)
        reads_files = source is not None and source.reads_single_files()
        if entry.kind == kind or not reads_files:
            fitting.append(entry)
    return fitting


def _roots(config: Config, remembered: list[Remembered], kind: str) -> dict[str, Path]:
    """Return the folders that are read as a kind of source, by name."""
    roots: dict[str, Path] = {}
    for item in remembered:
        if kind in item.names:
            # of a file, the folder it is in; a missing PATH was a file if its ending is one
            # of a file that can be read
            path = Path(item.path)
            missing_file = not path.exists() and path.suffix.casefold() in by_ending()
            in_folder = path.is_file() or missing_file
            roots[item.names[kind]] = path.parent if in_folder else path
    for entry in config.sources:
        if entry.kind == kind and entry.has_folder:
            roots[entry.name] = entry.path
    return roots


def _name_of(
    config: Config,
    remembered: list[Remembered],
    found_source: FoundSource,
    path: Path,
) -> str:
    """Return the name of a discovered source: the one that it had before, else a new one.

    `path` is the PATH at which it was discovered.
    """
    kind = found_source.kind
    root = found_source.root
    for name, known_root in _roots(config, remembered, kind).items():
        if known_root == root:
            return name
    if root == path or found_source.only:
        for item in remembered:
            if item.path == str(path) and item.names.get(kind):
                return item.names[kind]
    # a part of it is remembered under the name that it would have itself
    own_name = default_name(kind, root)
    for item in remembered:
        if item.names.get(kind) == own_name and _contains(root, Path(item.path)):
            return own_name

    # a new one: that of its folder, with a number if it is taken
    taken = [entry.name for entry in config.sources if entry.kind == kind]
    if is_export(kind):
        return taken[0] if taken else kind
    for item in remembered:
        if kind in item.names:
            taken.append(item.names[kind])
    return free_name(own_name, taken)


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name of a source, with a number if it is taken."""
    free = name
    number = 2
    while free in taken:
        free = f"{name}-{number}"
        number += 1
    return free


def _below(entry: SourceEntry, *paths: Path) -> tuple[Path, ...]:
    """Rebase resolved paths onto the root as the settings spell it; omit the root itself."""
    root = resolve(entry.path)
    below = []
    for path in paths:
        if path != root:
            below.append(entry.path / path.relative_to(root))
    return tuple(below)


def _contains(root: Path, path: Path) -> bool:
    root = resolve(root)
    return path == root or root in path.parents


def _union(first: SelectedSource, other: SelectedSource) -> SelectedSource:
    """Join two selections of one source. The exports of one account may be in two folders."""
    root = first.entry.path
    other_root = other.entry.path
    if root == other_root:
        only: tuple[Path, ...] = ()
        if first.only and other.only:
            only = tuple(dict.fromkeys((*first.only, *other.only)))
        return SelectedSource(first.entry, only)
    parts = first.only or (root,)
    other_parts = other.only or (other_root,)
    common = Path(os.path.commonpath((root, other_root)))
    entry = replace(first.entry, path=common)
    return SelectedSource(entry, (*parts, *other_parts))


# --- opening ----------------------------------------------------------------------------


def open_sources(
    workspace: WorkspaceFolder,
    ledger: Ledger,
    selected: Iterable[SelectedSource],
    *,
    offline: bool = False,
    jobs: int = 0,
) -> tuple[Source, ...]:
    """Open sources, and remember their folders, from which pictures are read.

    Raises:
        ConfigError: a kind is unknown, or its settings are invalid; with file, line and
            key.
    """
    from ankiforge.ledger import CACHE_FILE, CacheFile
    from ankiforge.pipeline.pictures import remember_roots

    selected = list(selected)
    folders: dict[str, str] = {}
    for source in selected:
        if source.entry.has_folder:
            folders[_id_of(source.entry)] = str(source.entry.path)
    remember_roots(ledger, folders)
    caches = CacheFile(workspace.folder / CACHE_FILE)
    opened: list[Source] = []
    for source in selected:
        memory = caches.cache_of(_id_of(source.entry))
        opened.append(
            open_source(
                workspace,
                source,
                memory=memory,
                offline=offline,
                jobs=jobs or os.cpu_count() or 1,
            )
        )
    return tuple(opened)


def _id_of(entry: SourceEntry) -> str:
    """Return the name of a source in the cache and in the settings of the ledger."""
    return f"{entry.kind}:{entry.name}"


def open_source(
    workspace: WorkspaceFolder,
    selected: SelectedSource,
    *,
    memory: Memory | None = None,
    offline: bool = False,
    jobs: int = 1,
) -> Source:
    """Open a source.

    Raises:
        ConfigError: the kind is unknown, or its settings are invalid; with file, line and
            key.
    """
    config = workspace.config
    entry = selected.entry
    try:
        source = source_type(entry.kind)
    except ConfigError as error:
        raise entry.where.error(error.message, error.hint) from error
    opening = Opening(
        name=entry.name,
        root=entry.path,
        settings=typed(source.Settings, entry.options, entry.where),
        only=selected.only,
        me=config.me,
        memory=memory or NoMemory(),
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
            raise entry.where.at(key).error(message, error.hint) from error
        raise entry.where.error(error.message, error.hint) from error


# --- reading -------------------------------------------------------------------------------


def ingest(job: Job, ledger: Ledger) -> Progress:
    """Read the changed documents of all sources.

    Nothing is matched before all sources have listed everything: a passage that is missing in one
    place may have moved to another.

    Args:
        job: names the sources.
        ledger: stores what is read.
    """
    # here as below: slow to import, and `extract` reads without a ledger
    from ankiforge.ledger.ingest import ingest as ingest_all

    sources = [
        with_stored_dialects(source, ledger, follow=job.follows_plugins)
        for source in job.sources
    ]
    reading = _Pass(job, ledger)
    ledger.read_journal()
    report = ingest_all(
        ledger,
        reading.sightings(sources),
        selections=reading.selections,
        in_use=job.in_use,
        missing=job.missing,
        in_progress=lambda container, place: job.in_progress(place),
    )
    listed = Counter[str]()
    unread = Counter[str]()
    for source in sources:
        folder = getattr(source, "folder", None)
        listed.update(getattr(folder, "read", {}))
        unread.update(getattr(folder, "unread", {}))
    report.files = dict(listed - unread)
    report.unread_files = dict(unread)
    problems = [*reading.problems, *_told_once(sources, ledger)]
    _note_plugins(sources, ledger)
    return Progress(report, problems=tuple(problems))


class _Pass:
    """One pass over all sources, with the problems that it met."""

    def __init__(self, job: Job, ledger: Ledger) -> None:
        from ankiforge.ledger import readings

        self._job = job
        # another program, or other deck files, read every document again
        skip_rules = []
        for rule in job.decks:
            if rule.skipped:
                skip_rules.append(repr(rule.select))
        self._salt = h16(program(), *skip_rules)
        self._known = readings.Known(ledger, self._salt)
        self.problems: list[Problem] = []
        self.selections: dict[str, str] = {}
        """By container, the settings that select highlights in it."""

    def sightings(self, sources: Iterable[Source]) -> Iterator[Sighting]:
        """Yield the documents of the sources in the form that the ledger takes.

        Problems are set aside. A scan in which this program or a plug-in failed is not complete.
        """
        for source in sources:
            has_failed = False
            for sighting in scanned(source, self._known):
                if isinstance(sighting, Problem):
                    has_failed |= sighting.what.startswith((BUG, PLUG_IN))
                    self.problems.append(sighting)
                if isinstance(sighting, Extracted):
                    sighting = self._prepared(sighting)
                if isinstance(sighting, Scan):
                    complete = sighting.complete and not has_failed
                    sighting = replace(sighting, complete=complete)
                    self.selections[sighting.container] = getattr(source, "selection", "")
                elif isinstance(sighting, (Extracted, Unmarked)) and sighting.fingerprint:
                    fingerprint = f"{self._salt} {sighting.fingerprint}"
                    sighting = replace(sighting, fingerprint=fingerprint)
                yield sighting

    def _prepared(self, document: Extracted) -> Extracted:
        """Store the pictures of a document, and tell which of its highlights are no plain ones.

        Some make no card, and some are words with their translation.
        """
        # pictures that were cut from pages
        for picture in document.pictures:
            path = self._job.pictures / picture.name.removeprefix("cut/")
            if path.is_there():
                continue
            try:
                self._job.pictures.make_folder()
                path.write(picture.data)
            except OSError as error:
                message = f"cannot be written: {error.strerror}"
                self.problems.append(Problem(str(path), message, "free space there"))

        highlights = []
        for highlight in document.highlights:
            # a comment or its colour may exclude it
            skip = skip_reason(highlight) if highlight.instructs else highlight.skip
            if skip.startswith("skip"):
                highlight = replace(highlight, skip=skip)
            elif (
                rule_of(self._job.decks, highlight).meaning_of(highlight.colour) == "skip"
            ):
                colour = f"skip: its colour ({highlight.colour})"
                highlight = replace(highlight, skip=colour)
            highlights.append(highlight)
        return replace(document, highlights=with_translations(highlights))


# --- what no source reads -------------------------------------------------------------------

NOT_READ = "not read"
"""The setting of the ledger that stores it, for each folder (`UnreadFiles`)."""


def not_read(ledger: Ledger) -> dict[str, UnreadFiles]:
    """Return the files that no source reads, by folder."""
    return ledger.get_value(NOT_READ, dict[str, UnreadFiles]) or {}


def _told_once(sources: Iterable[Source], ledger: Ledger) -> Iterator[Problem]:
    """Yield the unread files of a folder: again only if there are files of another kind."""
    known = not_read(ledger)
    now = {}
    for place, not_read_there in known.items():
        if Path(place).exists():
            now[place] = not_read_there
    for unread_folder in left_out(sources):
        before = now.pop(unread_folder.place, None)
        if not unread_folder.text:
            continue
        now[unread_folder.place] = unread_folder
        known_kinds = {*before.kinds, *before.hidden} if before else set()
        if not known_kinds.issuperset((*unread_folder.kinds, *unread_folder.hidden)):
            message = f"{NOT_READ}: {unread_folder.text}"
            name = Path(unread_folder.place).name
            yield Problem(name, message, notice=True, once=True)
    if now != known:
        ledger.set_value(NOT_READ, now)


# --- the plugins of a vault -----------------------------------------------------------------


def with_stored_dialects(
    source: Source, ledger: Ledger, *, follow: bool = False
) -> Source:
    """Return a source; a vault reads the dialects by which it was read at first.

    With `follow` it reads those of its plugins, as they are now, from now on.
    """
    if not getattr(source, "by_plugins", False):
        return source
    from ankiforge.ledger import dialects

    vault = cast("Vault", source)
    container = vault.folder.container
    if follow and vault.switched_on is not None:
        dialects.follow_plugins(ledger, container, vault.switched_on)
    names = dialects.dialects_of(ledger, container, vault.switched_on)
    if names == vault.switched_on:
        return vault
    return vault.read_by(names)


OTHER_PLUGINS = "other plugins"
"""The name of the stored lines about vaults whose plugins changed."""


def other_plugins(ledger: Ledger) -> dict[str, str]:
    """Return, by vault, which of its plugins are not read as they are now, in words."""
    return ledger.get_value(OTHER_PLUGINS, dict[str, str]) or {}


def _note_plugins(sources: Iterable[Source], ledger: Ledger) -> None:
    """Store which vaults are read by other plugins than those that are on, or left notes there."""
    from ankiforge.ledger import dialects

    known = other_plugins(ledger)
    now = dict(known)
    for source in sources:
        if not getattr(source, "by_plugins", False):
            continue
        vault = cast("Vault", source)
        on = vault.switched_on
        if on is None or vault.folder.only:
            continue
        read = vault.dialects.names
        off = dialects.dialects_off(ledger, vault.folder.container, on)
        changes = []
        for name, title in TITLES.items():
            if name in on and name not in read:
                changes.append(f"{title} is on")
            elif name in off and name not in read:
                changes.append(f"{title} is off, but left notes")
            elif name in read and name not in (*on, *off):
                changes.append(f"{title} is off")
        now.pop(str(vault.folder.root), None)
        if changes:
            now[str(vault.folder.root)] = ", ".join(changes)
    if now != known:
        ledger.set_value(OTHER_PLUGINS, now)
