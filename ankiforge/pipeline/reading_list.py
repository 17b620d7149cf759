"""The reading list: the files and folders that runs read, each with the source that reads it.

An entry is in the settings, or an earlier `ankiforge run PATH` added it. What a run opens, which
source a new PATH belongs to and what is missing are computed from these entries.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from ankiforge.config import Config, SourceEntry
from ankiforge.config.workspace import RememberedPath
from ankiforge.config.yamlfile import Location
from ankiforge.extract.base import Candidate
from ankiforge.extract.discover import (
    UNMARKED_KINDS,
    FoundSource,
    discover_sources,
    find_source_kind,
    resolve_links,
)
from ankiforge.extract.registry import (
    find_source_type,
    get_default_name,
    is_export_kind,
    load_source_type,
)
from ankiforge.model import Json, Problem, Strings, Value

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceDirectory


COMMAND_LINE = Location("the command line")
_UNMARKED_SOURCE_KINDS = frozenset(UNMARKED_KINDS.values())
_END_OF_MARKS = "none"
"""The value of `--marks` that ends the marks of earlier runs."""

SourceKey = tuple[str, str]
"""The kind and the name of a source, which identify it."""


# --- entries ----------------------------------------------------------------------------


class Entry(Value):
    """A file or folder to read, which is all that its source reads, or a part of it."""

    kind: str
    name: str
    path: Path
    """The file or folder, with symbolic links resolved."""
    root: Path
    """The file or folder of the whole source, with symbolic links resolved."""
    marks: Strings = ()
    """Further kinds of marks to read, such as `bold`, in addition to those in the settings."""
    deck: str | None = None
    """The deck for new cards from documents at `path`, or None to use the deck files."""
    given: Path | None = None
    """The folder that the user named and in which `path` was found, or None if it is `path`."""
    exclude: Strings = ()
    """Patterns for folders below the root that are sources of their own."""
    settings: SourceEntry | None = None
    """The source in the settings, or None if an earlier run or this one added the entry."""

    @property
    def source_key(self) -> SourceKey:
        """The kind and the name of the source, which identify it."""
        return self.kind, self.name

    @property
    def is_remembered(self) -> bool:
        """Whether an earlier run or this one added the entry, rather than the settings."""
        return self.settings is None

    @property
    def container(self) -> str:
        """The container of the documents, if the files of the source are documents."""
        kind = "vault" if self.kind == "obsidian" else self.kind
        return f"{kind}:{self.name}"

    @property
    def is_whole(self) -> bool:
        """Whether the entry is all that its source reads."""
        return self.path == self.root

    @property
    def is_export(self) -> bool:
        """Whether the entry is an export of an account, which may have several."""
        return is_export_kind(self.kind)

    @property
    def can_be_unmarked(self) -> bool:
        """Whether the user chooses passages in the documents, which can't have marks."""
        return self.kind in _UNMARKED_SOURCE_KINDS

    @property
    def has_marks_setting(self) -> bool:
        """Whether the source has the setting `marks`."""
        source = find_source_type(self.kind)
        return source is not None and hasattr(source.Settings, "marks")

    @property
    def selects_files(self) -> bool:
        """Whether the settings of the source select its files by the patterns in `include`."""
        return self.settings is not None and "include" in self.settings.options

    @property
    def reads_all_notes(self) -> bool:
        """Whether the source reads all notes below its root, not only those in `include`."""
        source = find_source_type(self.kind)
        if source is None or ".md" not in source.suffixes:
            return False
        return self.has_marks_setting and not self.selects_files

    def is_same_place(self, other: Entry) -> bool:
        """Return whether another entry has the same path and is of the same source."""
        return self.path == other.path and self.source_key == other.source_key

    def contains(self, path: Path) -> bool:
        """Return whether a resolved path is at or below the path of the entry."""
        return path == self.path or self.path in path.parents

    def can_read(self, path: Path) -> bool:
        """Return whether the source may read a path below its root.

        A folder may contain files that its source doesn't read, such as a PDF among notes.
        """
        if not path.is_file():
            return True
        kind = find_source_kind(path) or UNMARKED_KINDS.get(Candidate(path).suffix)
        if kind in (None, self.kind):
            return True
        source = find_source_type(self.kind)
        if source is None or not source.reads_single_files():
            return True  # only its scan knows which files it reads
        if load_source_type(kind).is_unambiguous:
            return False
        # several types read notes and plain text; `include` may select files with any suffix
        return self.selects_files or Candidate(path).suffix in source.suffixes

    def add_options(self, deck: str | None, marks: Strings) -> Entry:
        """Return the entry with a deck, if one is given, and with further marks.

        The mark `none` ends all marks.
        """
        if _END_OF_MARKS in marks:
            all_marks: Strings = ()
        else:
            all_marks = tuple(dict.fromkeys((*self.marks, *marks)))
        return replace(self, deck=deck or self.deck, marks=all_marks)

    def to_source_entry(self) -> SourceEntry:
        """Return the whole source, as in the settings or as a run opens it without settings."""
        if self.settings is not None:
            return self.settings
        options: Json = {"path": str(self.root), "name": self.name}
        return SourceEntry(self.kind, self.name, self.root, options, COMMAND_LINE)


def list_configured(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries that are in the settings."""
    return [entry for entry in entries if not entry.is_remembered]


def list_remembered(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries that an earlier run or this one added."""
    return [entry for entry in entries if entry.is_remembered]


# --- loading and storing ----------------------------------------------------------------


def load_entries(workspace: WorkspaceDirectory) -> list[Entry]:
    """Load the sources in the settings that have a path, followed by the remembered entries."""
    configured = make_configured_entries(workspace.config)
    remembered = map(make_entry, workspace.remembered_paths)
    return [*configured, *(_follow_settings(entry, configured) for entry in remembered)]


def make_configured_entries(config: Config) -> list[Entry]:
    """Make an entry for each source in the settings that has a path."""
    entries = []
    for source in config.sources:
        if source.has_path:
            path = resolve_links(source.path)
            entries.append(Entry(source.kind, source.name, path, path, settings=source))
    return entries


def make_entry(place: RememberedPath) -> Entry:
    """Make an entry from its stored form."""
    path = Path(place.path)
    given = None
    if place.given:
        given = Path(place.given)
    return Entry(
        place.kind,
        place.name,
        path,
        _find_export_root(place.kind, path) or place.directory,
        place.marks,
        place.deck or None,
        given,
    )


def make_remembered_path(entry: Entry) -> RememberedPath:
    """Make the stored form of an entry.

    The root of an export isn't stored, because the other exports of the account may be elsewhere.
    """
    place = RememberedPath(str(entry.path), entry.kind, entry.name, marks=entry.marks)
    if not entry.is_whole and not entry.is_export:
        place = replace(place, root=str(entry.root))
    if entry.deck is not None:
        place = replace(place, deck=entry.deck)
    if entry.given is not None:
        place = replace(place, given=str(entry.given))
    return place


def _find_export_root(kind: str, path: Path) -> Path | None:
    """Return the folder from which an exported file is read, or None if `path` isn't one."""
    source = find_source_type(kind)
    if source is None or not source.is_export or source.has_complete_files:
        return None
    return path.parent if path.is_file() else path


def _follow_settings(entry: Entry, configured: Iterable[Entry]) -> Entry:
    """Return a missing entry at the new path of its folder, if the settings name that path.

    After `init`, the settings name a folder's notes, and its other files, such as PDFs, are a
    remembered entry with the same name.
    """
    if not entry.is_whole or entry.is_export or entry.path.exists():
        return entry
    for other in configured:
        if other.name == entry.name:
            return replace(entry, path=other.path, root=other.path)
    return entry


# --- finding the entries for a path -----------------------------------------------------


def find_entries(entries: Sequence[Entry], path: Path, *, unmarked: bool) -> list[Entry]:
    """Return the entries with which to read a path, or [] if no source reads it.

    These are parts of the sources in the settings that read the path, or else the sources that are
    found there, which may be new.

    Args:
        entries: The reading list.
        path: An existing file or directory, with symbolic links resolved.
        unmarked: Whether to include single files of kinds that can't contain highlights.
    """
    configured = find_configured_entries(entries, path)
    if configured and not _has_other_kinds(entries, path, configured):
        return [replace(entry, path=path) for entry in configured]
    known = _find_known_directories(entries)
    return [
        _make_found_entry(entries, found, path)
        for found in discover_sources(path, known.__getitem__, unmarked=unmarked)
    ]


def find_configured_entries(entries: Iterable[Entry], path: Path) -> list[Entry]:
    """Return the sources in the settings that read a file or folder."""
    return [
        entry
        for entry in list_configured(entries)
        if entry.contains(path) and entry.can_read(path)
    ]


def _has_other_kinds(
    entries: Iterable[Entry], path: Path, configured: Iterable[Entry]
) -> bool:
    """Return whether a remembered folder has files that sources in the settings don't read."""
    remembered_kinds = {
        entry.kind for entry in list_remembered(entries) if entry.path == path
    }
    return not remembered_kinds <= {entry.kind for entry in configured}


def _find_known_directories(entries: Iterable[Entry]) -> Mapping[str, dict[Path, bool]]:
    """Return the roots of the sources of each kind, and whether each is read as a whole."""
    known = defaultdict[str, dict[Path, bool]](dict)
    for entry in entries:
        roots = known[entry.kind]
        roots[entry.root] = entry.is_whole or roots.get(entry.root, False)
    return known


def _make_found_entry(entries: Sequence[Entry], found: FoundSource, given: Path) -> Entry:
    """Make an entry for a source that was found at the path `given`, or below it."""
    given_above = None
    if found.path != given:
        given_above = given
    for entry in list_configured(entries):
        if (entry.kind, entry.root) == (found.kind, found.root):
            return replace(entry, path=found.path, given=given_above)
    return Entry(
        found.kind,
        choose_name(entries, found),
        found.path,
        found.root,
        given=given_above,
        exclude=found.exclude,
    )


def choose_name(entries: Iterable[Entry], found: FoundSource) -> str:
    """Choose the name of a source that was found.

    A source that was read before keeps its name, because the keys of its highlights contain
    the name.
    """
    same_kind = [entry for entry in entries if entry.kind == found.kind]
    if is_export_kind(found.kind):
        return _choose_export_name(same_kind, found)
    remembered = list_remembered(same_kind)
    for entry in remembered:
        if entry.root == found.root:
            return entry.name
    for entry in remembered:
        if entry.path == found.path:
            return entry.name
    taken_names = {entry.name for entry in same_kind}
    return choose_free_name(get_default_name(found.kind, found.root), taken_names)


def _choose_export_name(same_kind: Sequence[Entry], found: FoundSource) -> str:
    """Choose the name of an export: that of the same path, else that in the settings."""
    for entry in list_remembered(same_kind):
        if entry.path == found.path:
            return entry.name
    for entry in list_configured(same_kind):
        return entry.name
    return found.kind


def choose_free_name(name: str, taken_names: Container[str]) -> str:
    """Return `name`, with a number appended if the name is already taken."""
    candidate = name
    number = 2
    while candidate in taken_names:
        candidate = f"{name}-{number}"
        number += 1
    return candidate


def find_moved_entries(entries: Sequence[Entry], folder: Path) -> list[Entry]:
    """Return entries for what a missing folder contained, if `folder` is that folder, moved.

    A missing entry below a missing folder is looked up at the same relative path in `folder`.
    """
    missing_paths = [entry.path for entry in entries if not entry.path.exists()]
    moved = []
    for path in missing_paths:
        for old_folder in missing_paths:
            if old_folder not in path.parents:
                continue
            new_path = folder / path.relative_to(old_folder)
            if new_path.exists():
                moved += find_entries(entries, new_path, unmarked=True)
    return moved


# --- adding to the list -----------------------------------------------------------------


def add_named_entry(
    entries: Sequence[Entry], named: Entry, deck: str | None, marks: Strings
) -> list[Entry]:
    """Return the reading list with an entry for a PATH, which gets a deck and further marks.

    An entry without a deck and marks isn't added if its source reads the path anyway.
    """
    for entry in list_remembered(entries):
        if entry.is_same_place(named):
            updated = entry.add_options(deck, marks)
            if named.given is None:  # the user named the path itself
                updated = replace(updated, given=None)
            return [updated if other is entry else other for other in entries]
    added = replace(named, settings=None).add_options(deck, marks)
    if added.deck is not None or added.marks:
        return [*entries, added]
    if not named.is_remembered or is_read_by(named, entries):
        return [*entries]
    return [*entries, added]


def add_found_entries(entries: Sequence[Entry], found: Iterable[Entry]) -> list[Entry]:
    """Return the reading list with the found entries whose paths it doesn't contain yet."""
    return [*entries, *(entry for entry in found if not is_read_by(entry, entries))]


def is_read_by(entry: Entry, others: Iterable[Entry]) -> bool:
    """Return whether one of the other entries of the same source contains the path of an entry."""
    for other in others:
        if other.source_key == entry.source_key and other.contains(entry.path):
            return True
    return False


# --- forgetting -------------------------------------------------------------------------


class Forgetting(NamedTuple):
    """The remembered paths, split by whether they are to be forgotten."""

    to_forget: list[RememberedPath]
    to_keep: list[RememberedPath]


def split_remembered_paths(places: Iterable[RememberedPath], path: Path) -> Forgetting:
    """Split places by whether they are forgotten along with a resolved path.

    A place that was found below the path is forgotten, unless the user named the place itself.
    """
    split = Forgetting([], [])
    for place in places:
        is_named = str(path) in (place.path, place.given)
        side = split.to_forget if is_named else split.to_keep
        side.append(place)
    return split


# --- presence ---------------------------------------------------------------------------


class Presence(IntEnum):
    """Whether a source is there. Of several entries of a source, the smallest value counts."""

    THERE = 1
    MISSING = 2
    """It may be on a disk that is unplugged."""
    REMOVED = 3
    """It was moved or deleted."""


class EntryState(NamedTuple):
    """What decides the presence of an entry."""

    is_read_whole: bool
    """Whether this run reads its source from its root."""
    path_exists: bool
    root_exists: bool
    is_export: bool
    has_neighbours: bool
    """Whether the folder around its root contains anything. That of an unplugged disk doesn't."""


def decide_presence(state: EntryState) -> Presence:
    """Decide whether an entry is there, is missing, or was moved or deleted."""
    if state.is_read_whole or state.path_exists:
        return Presence.THERE
    if state.root_exists:
        return Presence.MISSING  # the scan of the root finds out more
    if state.is_export:
        return Presence.MISSING  # other exports of the account may have its highlights
    if state.has_neighbours:
        return Presence.REMOVED
    return Presence.MISSING


def find_presence(
    configured: Iterable[SourceEntry],
    entries: Iterable[Entry],
    keys_read_whole: Container[SourceKey],
) -> dict[str, Presence]:
    """Return which sources are there, by name. Those in the settings always count as there.

    Args:
        configured: The sources in the settings.
        entries: The reading list.
        keys_read_whole: The sources that this run reads from their roots.
    """
    presence_by_name = {source.name: Presence.THERE for source in configured}
    for entry in entries:
        is_read_whole = entry.source_key in keys_read_whole
        presence = decide_presence(_look_at(entry, is_read_whole=is_read_whole))
        others = presence_by_name.get(entry.name, presence)
        presence_by_name[entry.name] = min(presence, others)
    return presence_by_name


def _look_at(entry: Entry, *, is_read_whole: bool) -> EntryState:
    root_exists = entry.root.exists()
    return EntryState(
        is_read_whole,
        entry.path.exists(),
        root_exists,
        entry.is_export,
        has_neighbours=not root_exists and _has_files(entry.root.parent),
    )


def _has_files(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    with os.scandir(folder) as files:
        return any(files)


def is_read_elsewhere(missing: Entry, present: Iterable[Entry]) -> bool:
    """Return whether an existing entry reads what a missing one did.

    Another export of the same account does, and so does a directory that contains the path.
    """
    # the whole folder of a saved page is listed, because the page may have been renamed
    is_folder_listed = missing.can_be_unmarked and missing.root.is_dir()
    for entry in present:
        if entry.source_key == missing.source_key:
            if entry.is_export or entry.contains(missing.path):
                return True
        elif is_folder_listed and entry.contains(missing.path):
            return True
    return False


# --- the sources of entries -------------------------------------------------------------


class SelectedSource(Value):
    """A source to open in a run, either configured in the settings or discovered at a PATH."""

    entry: SourceEntry
    paths: tuple[Path, ...] = ()
    """The files and directories below the root to read, or () to read everything."""

    @property
    def key(self) -> SourceKey:
        """The kind and the name of the source, which identify it."""
        return self.entry.kind, self.entry.name


def build_sources(
    to_read: Iterable[Entry], entries: Sequence[Entry]
) -> tuple[list[SelectedSource], list[Problem]]:
    """Build the sources to open, each with all its parts and with its final options.

    A source excludes the notes below the root of another source, so that no note is read twice.
    If two sources of notes have the same root, the second is left out, and a notice says so.

    Args:
        to_read: The entries to read in this run.
        entries: The reading list.
    """
    parts_by_source = defaultdict[SourceKey, list[Entry]](list)
    for entry in to_read:
        parts_by_source[entry.source_key].append(entry)
    note_sources = [entry for entry in list_configured(entries) if entry.reads_all_notes]
    for parts in parts_by_source.values():
        if parts[0].reads_all_notes:
            note_sources.append(parts[0])
    sources: list[SelectedSource] = []
    notices: list[Problem] = []
    names_by_root: dict[Path, str] = {}
    for parts in parts_by_source.values():
        first = parts[0]
        if first.reads_all_notes:
            twin_name = names_by_root.setdefault(first.root, first.name)
            if twin_name != first.name:
                message = f"{twin_name} reads this folder, too, so it is read once"
                hint = f"delete the source {first.name} from the settings"
                notices.append(Problem(str(first.root), message, hint, is_notice=True))
                continue
        source = _merge_parts(parts)
        options = _build_options(source.entry.options, parts, entries, note_sources)
        sources.append(replace(source, entry=replace(source.entry, options=options)))
    return sources, notices


def _build_options(
    options: Json,
    parts: Sequence[Entry],
    entries: Iterable[Entry],
    note_sources: Iterable[Entry],
) -> Json:
    """Add marks and excluded folders to the options of a source.

    Args:
        options: The options in the settings.
        parts: The entries of the source that are read in this run.
        entries: The reading list, which has the marks.
        note_sources: The sources that read all notes below their roots.
    """
    first = parts[0]
    marks: list[str] = []
    for entry in entries:
        if entry.source_key == first.source_key:
            marks += entry.marks
    excluded: list[str] = []
    for part in parts:
        excluded += part.exclude
    if first.reads_all_notes:
        excluded += _format_inner_roots(first.root, note_sources)
    options = dict(options)
    if marks and first.has_marks_setting:
        configured_marks = options.get("marks") or ("==", "mark")
        options["marks"] = list(dict.fromkeys((*configured_marks, *marks)))
    if excluded:
        all_excluded = (*options.get("exclude", ()), *excluded)
        options["exclude"] = list(dict.fromkeys(all_excluded))
    return options


def _format_inner_roots(root: Path, others: Iterable[Entry]) -> list[str]:
    """Return patterns for the roots of other sources below a root."""
    inner_roots = [other.root for other in others if root in other.root.parents]
    return [f"/{inner.relative_to(root).as_posix()}/" for inner in inner_roots]


def _merge_parts(parts: Sequence[Entry]) -> SelectedSource:
    """Merge the entries of one source into the source to open.

    Their roots may differ, because exports of one account may be in different directories.
    """
    source = parts[0].to_source_entry()
    root = Path(os.path.commonpath([part.root for part in parts]))
    if root != resolve_links(source.path):
        source = replace(source, path=root)
    paths = dict.fromkeys(part.path for part in parts)
    if root in paths:
        return SelectedSource(source)
    # the settings may name the root by a symbolic link, so the paths are named like it
    return SelectedSource(
        source, tuple(source.path / path.relative_to(root) for path in paths)
    )
