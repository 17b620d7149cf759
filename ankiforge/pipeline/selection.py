"""Select the sources of a run.

If the command line has PATHs, a run reads the sources there. Otherwise it reads the sources
in the settings and at the PATHs of earlier runs.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from ankiforge.config import SETTINGS_FILE_NAME
from ankiforge.config.workspace import RememberedPath
from ankiforge.errors import UsageError
from ankiforge.extract.base import Candidate
from ankiforge.extract.discover import UNMARKED_KINDS, explain_no_source, resolve_links
from ankiforge.extract.foreign_formats import SAVE_PAGE_HINT, find_foreign_format
from ankiforge.model import Problem
from ankiforge.pipeline.reading_list import (
    Entry,
    Forgetting,
    Presence,
    SelectedSource,
    add_found_entries,
    add_named_entry,
    build_sources,
    find_configured_entries,
    find_entries,
    find_moved_entries,
    find_presence,
    is_read_by,
    is_read_elsewhere,
    list_configured,
    list_remembered,
    load_entries,
    make_remembered_path,
    split_remembered_paths,
)
from ankiforge.pipeline.run_result import DEFAULT_OPTIONS, CommandRunOptions
from ankiforge.text import quote_path, shorten_path

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceDirectory

MISSING_SOURCE_MESSAGE = "this remembered source is missing; nothing counts as deleted"
MAX_COMPARED_NAMES = 10_000
"""The maximum number of file names to compare with a misspelt one."""


class SourceSelection(NamedTuple):
    """The sources to read in a run, and the places to remember for later runs."""

    sources: list[SelectedSource]
    problems: list[Problem]
    """One problem for each unreadable PATH."""
    remembered_paths: tuple[RememberedPath, ...]
    """All places to remember from now on, old and new."""
    presence_by_name: Mapping[str, Presence]
    """The presence of each source that `ankiforge run` reads without PATHs, by name."""
    has_paths: bool
    """Whether the command line has PATHs."""

    @property
    def in_use(self) -> frozenset[str]:
        """The names of all sources that `ankiforge run` reads without PATHs.

        If the command line has PATHs, this excludes sources found only at missing remembered PATHs,
        because their notes may have moved to one of the given PATHs.
        """
        if self.has_paths:
            return self._find_names(Presence.THERE)
        return frozenset(self.presence_by_name)

    @property
    def missing(self) -> frozenset[str]:
        """The names of the sources found only at missing remembered PATHs."""
        return self._find_names(Presence.MISSING, Presence.REMOVED)

    @property
    def removed(self) -> frozenset[str]:
        """The names of the missing sources whose directory was moved or deleted."""
        return self._find_names(Presence.REMOVED)

    def _find_names(self, *states: Presence) -> frozenset[str]:
        names = []
        for name, presence in self.presence_by_name.items():
            if presence in states:
                names.append(name)
        return frozenset(names)


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
            entries = add_named_entry(entries, entry, deck, options.marks)
        if not options.unmarked:
            folder = resolve_links(path)
            to_read += _find_entries_below(entries, folder, to_read)
            moved = find_moved_entries(entries, folder)
            to_read += moved
            entries = add_found_entries(entries, moved)
    if options.marks and not any(entry.has_marks_setting for entry in to_read):
        hint = "name a vault, a note or a folder of notes"
        raise UsageError(f"{paths[0]}: --marks has no effect on it", hint=hint)
    if other_exports:
        to_read += _find_other_exports(entries, to_read)
    return _build_selection(workspace, entries, to_read, problems, has_paths=True)


def _find_other_exports(
    entries: Iterable[Entry], to_read: Iterable[Entry]
) -> list[Entry]:
    """Return the other exports of the accounts of which an export is read."""
    accounts = {entry.source_key for entry in to_read if entry.is_export}
    others: list[Entry] = []
    for entry in entries:
        if entry.source_key not in accounts:
            continue
        if is_read_by(entry, (*to_read, *others)):
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
    for entry in list_configured(entries):
        to_read.append(entry)
        to_read += _find_entries_below(entries, entry.path, to_read)
        moved = find_moved_entries(entries, entry.path)
        to_read += moved
        entries = add_found_entries(entries, moved)
    for path, entries_at_path in _group_remembered_by_path(entries).items():
        found = _find_entries_or_problem(entries, path, unmarked=True)
        if not isinstance(found, Problem):
            to_read += found
            entries = add_found_entries(entries, found)
            to_read += _find_entries_below(entries, path, to_read)
            continue
        if path.exists():
            problems.append(_explain_unreadable_path(found))
            continue
        for entry in entries_at_path:
            if not is_read_elsewhere(entry, present_entries):
                problems.append(_explain_missing_source(found.location))
                break
    return _build_selection(workspace, entries, to_read, problems, has_paths=False)


def _build_selection(
    workspace: WorkspaceDirectory,
    entries: Sequence[Entry],
    to_read: Iterable[Entry],
    problems: Iterable[Problem],
    *,
    has_paths: bool,
) -> SourceSelection:
    """Build the selection of the entries to read from the reading list.

    Without PATHs, the libraries in the settings that have no path are read, too.
    """
    sources, notices = build_sources(to_read, entries)
    keys_read_whole = {source.key for source in sources if not source.paths}
    presence = find_presence(workspace.config.sources, entries, keys_read_whole)
    if not has_paths:
        libraries = []
        for entry in workspace.config.sources:
            if not entry.has_path:
                libraries.append(SelectedSource(entry))
        sources = [*libraries, *sources]
    remembered = map(make_remembered_path, list_remembered(entries))
    return SourceSelection(
        sources, [*problems, *notices], tuple(remembered), presence, has_paths
    )


def _group_remembered_by_path(entries: Iterable[Entry]) -> dict[Path, list[Entry]]:
    by_path = defaultdict[Path, list[Entry]](list)
    for entry in list_remembered(entries):
        by_path[entry.path].append(entry)
    return by_path


def _explain_unreadable_path(problem: Problem) -> Problem:
    """Return the problem of a remembered path that no source can read any more."""
    message = f"{problem.message}; highlights that were read before are kept"
    hint = f"put back what was there, or {suggest_forget(problem.location)}"
    return Problem(problem.location, message, hint)


def _explain_missing_source(location: str) -> Problem:
    hint = f"if it moved: ankiforge run ITS/NEW/PLACE   {suggest_forget(location)}"
    return Problem(location, MISSING_SOURCE_MESSAGE, hint, is_notice=True)


def _find_entries_or_problem(
    entries: Sequence[Entry], path: Path, *, unmarked: bool
) -> list[Entry] | Problem:
    """Return the entries with which to read an absolute path, or the problem if none can."""
    if not path.exists():
        return _explain_missing_path(path)
    resolved = resolve_links(path)
    is_known = any(entry.path == resolved for entry in list_remembered(entries))
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
    for entry in list_remembered(entries):
        if folder not in entry.path.parents:
            continue
        if entry.can_be_unmarked and entry.root.is_dir():
            found.append(replace(entry, path=entry.root))
        elif entry.path.exists():
            read_keys = {other.source_key for other in (*read, *found)}
            if entry.source_key not in read_keys:
                found += find_entries(entries, entry.path, unmarked=True)
    return found


def explain_broad_path(path: Path) -> str | None:
    """Return why a directory is too broad to be read without asking the user, or None."""
    path = resolve_links(path.absolute())
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - never fails
    if path == home:
        return "is your home folder"
    if path.is_dir() and path.is_mount():
        return "is a whole drive"
    if path in home.parents:
        return "contains your home folder"
    return None


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


def select_paths_to_forget(workspace: WorkspaceDirectory, path: Path) -> Forgetting:
    """Select the remembered paths to forget along with `path`.

    Raises:
        UsageError: `path` is not remembered; the hint says what to do instead.
    """
    resolved = resolve_links(path.absolute())
    forgetting = split_remembered_paths(workspace.remembered_paths, resolved)
    if forgetting.to_forget:
        return forgetting
    entries = load_entries(workspace)
    if find_configured_entries(entries, resolved):
        file = workspace.root / SETTINGS_FILE_NAME
        message = f"{path} is read because {file} names it"
        raise UsageError(message, hint="delete it under `sources:` there; its cards stay")
    hint = "ankiforge status names those that are"
    for entry in list_remembered(entries):
        if resolved in entry.path.parents or entry.contains(resolved):
            hint = f"but {entry.path} is; {suggest_forget(str(entry.path))}"
            break
    raise UsageError(f"{path} is not remembered", hint=hint)


def suggest_forget(path: str) -> str:
    """Return the hint that names the command to forget a path."""
    return f"to forget it: ankiforge forget {quote_path(path)}"
