"""Find the source type of a file, and the sources at a path."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from ankiforge.errors import PlugInError
from ankiforge.extract.base import Candidate, Confidence, SourceType
from ankiforge.extract.files import (
    find_vault,
    is_hidden,
    is_skipped_directory,
)
from ankiforge.extract.foreign_formats import find_foreign_format
from ankiforge.extract.registry import (
    is_export_kind,
    load_plug_in_source_types,
    load_source_type,
    load_source_types,
    load_types_for_suffix,
)
from ankiforge.extract.unread_files import count_files
from ankiforge.plugins import wrap_plugin_errors

# "obsidian" reads Markdown notes. "markdown" reads texts that no other type recognises.
_NOTES_KIND = "obsidian"
_TEXTS_KIND = "markdown"
_CARDS_KIND = "cards"


# --- one file ---------------------------------------------------------------------------


def find_source_kind(path: Path) -> str | None:
    """Return the source type that reads a file, or None if none does."""
    best = _find_most_confident_type(Candidate(path))
    if best is not None:
        return best.kind
    plug_in_kinds, _ = _find_plug_in_kinds((path,))
    return next(iter(plug_in_kinds), None)


class _RecognisedType(NamedTuple):
    """A source type that can read a file."""

    kind: str
    confidence: Confidence


def _find_most_confident_type(candidate: Candidate) -> _RecognisedType | None:
    """Return the first of the most confident source types, or None if none can read the file."""
    best = None
    best_confidence = Confidence.NO
    for source in load_types_for_suffix(candidate.suffix):
        confidence = source.recognise(candidate)
        if confidence > best_confidence:
            best = _RecognisedType(source.kind, confidence)
            best_confidence = confidence
    return best


def _find_plug_in_kinds(files: Iterable[Path]) -> tuple[list[str], list[str]]:
    """Return (source types from plug-ins that read any of these files, error messages).

    There is a message for each plug-in that can't be loaded or raises an exception, and for
    each file that a plug-in rejects.
    """
    sources, failures = load_plug_in_source_types()
    # both are used as ordered sets
    kinds: dict[str, None] = {}
    errors = dict.fromkeys(failures)
    if not sources:
        return [], [*errors]
    for candidate in map(Candidate, files):
        for source in sources:
            if source.kind in kinds or candidate.suffix not in source.suffixes:
                continue
            try:
                rejection = _ask_plug_in(source, candidate)
            except PlugInError as error:
                errors[error.message] = None
                continue
            if rejection is None:
                kinds[source.kind] = None
            elif rejection != "":  # the plug-in gives a reason
                errors[f"{candidate.path.name}: {rejection}"] = None
    return [*kinds], [*errors]


def _ask_plug_in(source: type[SourceType], candidate: Candidate) -> str | None:
    """Return None if a plug-in can read a file, or else its reason, which may be ""."""
    with wrap_plugin_errors(source.distribution):
        if source.recognise(candidate):
            return None
        return source.explain_rejection(candidate)


def explain_unread_file(
    path: Path, sources: Sequence[type[SourceType]] = ()
) -> str | None:
    """Return the reason why a file that looks readable isn't read, or None if there is none.

    The reason comes from the given `sources`. If none are given, it comes from all built-in source
    types that can read files with this suffix.
    """
    candidate = Candidate(path)
    reasons = []
    for source in sources or load_types_for_suffix(candidate.suffix):
        reason = source.explain_rejection(candidate)
        if reason:
            reasons.append(reason)
    if not reasons:
        return None
    if not path.is_file():
        return "it is not a regular file"
    if candidate.read_error:
        return candidate.read_error.message
    if not candidate.head.strip():
        return "the file is empty"
    return ", and ".join(reasons)


# --- the files of a directory -----------------------------------------------------------


def iter_files(directory: Path) -> Iterator[Path]:
    """Yield all files under a directory, skipping subdirectories that no source reads."""
    for parent, subdirectories, names in os.walk(directory):
        entered = []
        for name in sorted(subdirectories):
            if not is_hidden(name) and not is_skipped_directory(parent, name):
                entered.append(name)
        subdirectories[:] = entered
        for name in sorted(names):
            yield Path(parent, name)


def find_source_kinds(directory: Path) -> set[str]:
    """Return the source types that can read at least one file under a directory."""
    kinds: set[str] = set()
    # suffixes whose only source type is already in `kinds`
    finished_suffixes: set[str] = set()
    for path in iter_files(directory):
        candidate = Candidate(path)
        if candidate.suffix in finished_suffixes:
            continue
        best = _find_most_confident_type(candidate)
        if best is None:
            continue
        if best.confidence is Confidence.SUFFIX:
            if path.is_symlink() and not path.exists():  # a broken link
                continue
            if len(load_types_for_suffix(candidate.suffix)) == 1:
                finished_suffixes.add(candidate.suffix)
        kinds.add(best.kind)
    return kinds


# --- sources of a path ------------------------------------------------------------------

_NOTHING_TO_READ = "nothing here that can be read"
_MAX_REASONS = 3
"""The maximum number of reasons why files in a directory aren't read."""

UNMARKED_KINDS = {
    ".epub": "epub",
    **dict.fromkeys((".html", ".htm", ".xhtml"), "web"),
    **dict.fromkeys((".srt", ".vtt"), "captions"),
}
"""Maps suffixes of files without highlights to the source types in which the user can choose
passages in such files.
"""

GetKnownDirectories = Callable[[str], Mapping[Path, bool]]
"""Function that takes a source type and returns the directories that it read in earlier runs,
mapped to whether they were read as a whole.
"""


class FoundSource(NamedTuple):
    """A source that contains a given path or is located inside it."""

    kind: str
    root: Path
    only: tuple[Path, ...] = ()
    """The parts of the source that the path covers, or () for all."""
    exclude: tuple[str, ...] = ()
    """Patterns for subdirectories that are sources of their own."""

    @property
    def path(self) -> Path:
        """The file or directory that was found: the part of the source, or else all of it."""
        return self.only[0] if self.only else self.root


def resolve_links(path: Path) -> Path:
    """Resolve symbolic links in a path. A link that points to itself is left as it is."""
    return Path(os.path.realpath(path))


def _find_source_root(
    kind: str, directory: Path, get_known_directories: GetKnownDirectories
) -> Path:
    """Return the root of the source that reads a directory.

    For notes in a vault, this is the vault, or an enclosing directory that earlier runs read
    as a whole. For other files, it is the nearest enclosing directory that earlier runs
    read, falling back to the directory itself.
    """
    known_directories = get_known_directories(kind)
    vault = find_vault(directory) if kind == _NOTES_KIND else None
    if vault is None:
        for parent in (directory, *directory.parents):
            if parent in known_directories:
                return parent
        return directory
    if vault in known_directories:
        return vault
    for parent in vault.parents:
        was_read_as_whole = known_directories.get(parent, False)
        if was_read_as_whole:
            return parent
    return vault


def discover_sources(
    path: Path, get_known_directories: GetKnownDirectories, *, unmarked: bool = False
) -> Iterator[FoundSource]:
    """Yield the sources that contain a path, or that are located inside it.

    Args:
        path: An existing file or directory, with symbolic links resolved.
        get_known_directories: Returns the directories that a source type read in earlier runs.
            Their files stay in the same source.
        unmarked: Whether to yield a source even for a single file that can't have highlights.
    """
    if path.is_file():
        yield from _discover_file(path, get_known_directories, unmarked=unmarked)
        return
    for source in load_source_types():
        if source.marker_file and _is_filled(path / source.marker_file):
            yield FoundSource(source.kind, path)
            return
    kinds = _choose_kinds(path, get_known_directories)
    if not kinds:
        kinds, _ = _find_plug_in_kinds(iter_files(path))
    for kind in kinds:
        yield from _discover_in_directory(kind, path, get_known_directories)


def _discover_in_directory(
    kind: str, path: Path, get_known_directories: GetKnownDirectories
) -> Iterator[FoundSource]:
    """Yield the sources of one source type that read a directory."""
    if load_source_type(kind).has_complete_files:
        yield FoundSource(kind, path)
        return
    if is_export_kind(kind):
        yield FoundSource(kind, path, (path,))
        return
    root = _find_source_root(kind, path, get_known_directories)
    if root != path:
        yield FoundSource(kind, root, (path,))
        return
    yield from _iter_nested_sources(kind, path, get_known_directories)


def _is_filled(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _discover_file(
    path: Path, get_known_directories: GetKnownDirectories, *, unmarked: bool
) -> Iterator[FoundSource]:
    """Yield the source that contains a file, if there is one."""
    kind = find_source_kind(path)
    if kind is None and unmarked:
        kind = UNMARKED_KINDS.get(Candidate(path).suffix)
    if kind is None:
        return
    source = load_source_type(kind)
    if source.marker_file or source.has_complete_files:
        yield FoundSource(kind, path)
    elif is_export_kind(kind):
        yield FoundSource(kind, path.parent, (path,))
    else:
        root = _find_source_root(kind, path.parent, get_known_directories)
        yield FoundSource(kind, root, (path,))


def _choose_kinds(path: Path, get_known_directories: GetKnownDirectories) -> list[str]:
    """Return the source types that should read a directory, in the order in which to read it.

    A type with `keeps_inner_sources`, such as `obsidian` or `pdf`, is chosen if it can read a file
    in the directory, or has read the directory before. Of the other types, only unambiguous ones
    are chosen. A vault is only read by types of the first kind, and for tables of cards.

    Plain text is only read if there is nothing else to read, or if earlier runs read it here.
    """
    kinds_inside = find_source_kinds(path)
    main_kinds: list[str] = []
    other_kinds: list[str] = []
    for source in sorted(load_source_types(), key=attrgetter("kind")):
        if source.keeps_inner_sources:
            was_read_before = path in get_known_directories(source.kind)
            if source.kind in kinds_inside or was_read_before:
                main_kinds.append(source.kind)
        elif source.kind in kinds_inside:
            if source.is_unambiguous and not source.marker_file:
                other_kinds.append(source.kind)

    if find_vault(path) is not None:
        # other files of a vault belong to its notes, except the user's own cards
        if _CARDS_KIND in kinds_inside:
            return [*main_kinds, _CARDS_KIND]
        return main_kinds
    kinds = [*main_kinds, *other_kinds]
    if _TEXTS_KIND in kinds_inside:
        if not kinds or path in get_known_directories(_TEXTS_KIND):
            kinds.append(_TEXTS_KIND)
    return kinds


def explain_no_source(path: Path) -> str:
    """Return the reason why no source reads a path, such as the kinds of files in it."""
    if path.is_file():
        _, errors = _find_plug_in_kinds((path,))
        reason = _explain_foreign_format(path) or explain_unread_file(path)
        return "; ".join([reason or _NOTHING_TO_READ, *errors])
    _, errors = _find_plug_in_kinds(iter_files(path))
    reasons = errors[:_MAX_REASONS]
    for file in iter_files(path):
        if len(reasons) == _MAX_REASONS:
            break
        file_reason = explain_unread_file(file)
        if file_reason is not None:
            reasons.append(f"{file.relative_to(path)}: {file_reason}")
    unread = count_files(path, _is_explained)
    if unread.summary:
        reasons.append(f"it holds {unread.summary}")
    return "; ".join([_NOTHING_TO_READ, *reasons])


def _explain_foreign_format(path: Path) -> str | None:
    """Return which program's file it is, and that it isn't read; None if it is unknown."""
    foreign_format = find_foreign_format(Candidate(path))
    if foreign_format is None:
        return None
    if foreign_format.description is None:
        return f"{path.suffix} files are not read"
    return f"ankiforge does not read {foreign_format.description}"


def _is_explained(file: Path) -> bool:
    """Return whether `explain_unread_file` can return why a file of this suffix isn't read."""
    if file.is_dir() or file.stat().st_size == 0:
        return False
    return bool(load_types_for_suffix(file.suffix.casefold()))


def _iter_nested_sources(
    kind: str,
    path: Path,
    get_known_directories: GetKnownDirectories,
) -> Iterator[FoundSource]:
    """Yield a source for a directory, and one for each subdirectory that stays a separate source.

    A subdirectory stays separate if the source type has `keeps_inner_sources`, and read the
    subdirectory as a source in an earlier run.
    """
    inner_directories: list[Path] = []
    if load_source_type(kind).keeps_inner_sources:
        for directory in sorted(get_known_directories(kind)):
            if path in directory.parents and directory.is_dir():
                inner_directories.append(directory)
    for root in (path, *inner_directories):
        patterns = []
        for directory in inner_directories:
            if root in directory.parents:
                patterns.append(f"/{directory.relative_to(root).as_posix()}/")
        yield FoundSource(kind, root, exclude=tuple(patterns))
