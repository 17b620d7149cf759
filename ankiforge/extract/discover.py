"""Recognise files: the kind of source that reads one, and the sources of a path."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ankiforge.extract.base import NOT_MINE, Candidate, Confidence, SourceType
from ankiforge.extract.files import is_hidden, is_of_workspace
from ankiforge.extract.left_out import Walked, unread
from ankiforge.extract.registry import by_ending, is_export, source_type, source_types

# Both read Markdown: a vault's notes are of the first kind, and so are single notes; the
# second one has notes that were read as plain files before, and texts that no other kind
# recognises.
_NOTES = "obsidian"
_TEXTS = "markdown"


# --- one file ---------------------------------------------------------------------------


def kind_of(path: Path) -> str:
    """Return the kind of source that reads this file, or "" if none does."""
    kind, _ = _recognised(Candidate(path))
    return kind


def _recognised(candidate: Candidate) -> tuple[str, Confidence]:
    """Return the kind of source that is the surest about a file, and how sure it is.

    Of equally sure ones it is the first; "" if there is none.
    """
    best_kind = ""
    best = NOT_MINE.confidence
    for source in by_ending().get(candidate.ending, ()):
        confidence = source.recognise(candidate).confidence
        if confidence > best:
            best_kind = source.kind
            best = confidence
    return best_kind, best


def why_not(path: Path, kinds: Sequence[type[SourceType]] = ()) -> str:
    """Return why a file that looks like an export is not read. "" for other files.

    Args:
        path: the file.
        kinds: the sources that say why; () for all that may read a file of its ending.
    """
    candidate = Candidate(path)
    kinds = kinds or by_ending().get(candidate.ending, ())
    reasons = [source.recognise(candidate).why_not for source in kinds]
    if not any(reasons):
        return ""
    if not path.is_file():
        return "it is not a regular file"
    if candidate.failure:
        return candidate.failure.message
    if not candidate.head.strip():
        return "the file is empty"
    return ", and ".join(filter(None, reasons))


# --- the files of a folder --------------------------------------------------------------


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files at any depth, without those in folders that no source enters."""
    for within, folders, names in os.walk(folder):
        entered = []
        for name in sorted(folders):
            if not is_hidden(name) and not is_of_workspace(within, name):
                entered.append(name)
        folders[:] = entered
        for name in sorted(names):
            yield Path(within, name)


def kinds_below(folder: Path) -> set[str]:
    """Return the kinds of source that read files in this folder, at any depth."""
    kinds: set[str] = set()
    sources = by_ending()
    settled: set[str] = set()  # endings that only one kind has, which was found
    for path in files_below(folder):
        candidate = Candidate(path)
        if candidate.ending in settled or candidate.ending not in sources:
            continue
        kind, confidence = _recognised(candidate)
        if confidence is Confidence.ENDING:
            if path.is_symlink() and not path.exists():  # broken
                continue
            if len(sources[candidate.ending]) == 1:
                settled.add(candidate.ending)
        if kind:
            kinds.add(kind)
    return kinds


# --- sources of a path ------------------------------------------------------------------

MAX_REASONS = 3
"""The number of unreadable files that are named per folder."""

KnownFolders = Callable[[str], Mapping[Path, bool]]
"""Return the folders that were read as a kind of source before, and whether all of each was."""


class FoundSource(NamedTuple):
    """A source that a path belongs to or contains."""

    kind: str
    root: Path
    only: tuple[Path, ...] = ()
    """The parts of the source that the path covers. () for all of it."""
    exclude: tuple[str, ...] = ()
    """Patterns for the folders inside it that are sources of their own."""


def resolve(path: Path) -> Path:
    """Resolve symbolic links. A link to itself is returned unchanged."""
    return Path(os.path.realpath(path))


class _Surroundings:
    """The surroundings of a path: its vault, and the folders that were read before."""

    def __init__(self, folder: Path, known: KnownFolders) -> None:
        self._folder = folder
        self._known = known
        self.vault = _nearest(folder, lambda above: (above / ".obsidian").is_dir())
        is_in_texts = _nearest(folder, known(_TEXTS).__contains__) is not None
        self.notes_are_texts = not self.vault and is_in_texts
        """Whether Markdown here is read as plain files, as it was before."""

    def root(self, kind: str) -> Path:
        """Return the folder of the source of this kind that the path belongs to.

        A note belongs to its vault, or to a folder around that all of which was read before;
        other files to the folder around them that was read before.
        """
        known = self._known(kind)
        if not self.vault or kind != _NOTES:
            return _nearest(self._folder, known.__contains__) or self._folder
        if self.vault in known:
            return self.vault
        around = _nearest(self.vault, lambda folder: known.get(folder, False))
        return around or self.vault


def discover(path: Path, known: KnownFolders) -> Iterator[FoundSource]:
    """Yield each source that a path belongs to or contains.

    Args:
        path: an existing file or folder, symbolic links resolved.
        known: returns the folders read before. Their files stay in the same source.
    """
    if path.is_file():
        kind = kind_of(path)
        if not kind:
            return
        if source_type(kind).marker or source_type(kind).is_whole:
            yield FoundSource(kind, path)
            return
        around = _Surroundings(path.parent, known)
        if kind == _NOTES and around.notes_are_texts:
            kind = _TEXTS
        root = path.parent if is_export(kind) else around.root(kind)
        yield FoundSource(kind, root, (path,))
        return
    for source in source_types():
        if source.marker and (path / source.marker).is_file():
            yield FoundSource(source.kind, path)
            return
    around = _Surroundings(path, known)
    for kind in _kinds_of_folder(path, known, around):
        if source_type(kind).is_whole:
            yield FoundSource(kind, path)
        elif is_export(kind):
            yield FoundSource(kind, path, (path,))
        elif around.root(kind) != path:
            yield FoundSource(kind, around.root(kind), (path,))
        else:
            yield from _with_inner(kind, path, known)


def _kinds_of_folder(
    path: Path,
    known: KnownFolders,
    around: _Surroundings,
) -> list[str]:
    """Return the kinds of source as which a folder is read, in order."""
    kinds_here = kinds_below(path)
    main: list[str] = []
    others: list[str] = []
    for source in sorted(source_types(), key=lambda source_type: source_type.kind):
        if source.keeps_inner:
            if source.kind in kinds_here or path in known(source.kind):
                main.append(source.kind)
        elif source.is_unambiguous and not source.marker and source.kind in kinds_here:
            others.append(source.kind)
    if around.vault:  # its other files belong to the notes
        return main
    has_only_texts = _TEXTS in kinds_here and not main and not others
    if around.notes_are_texts or has_only_texts:
        others.append(_TEXTS)
    if around.notes_are_texts and _NOTES in main:
        main.remove(_NOTES)
    return [*main, *others]


def why_nothing(path: Path) -> str:
    """Return why no source was found: the problem with a file, or the other files of a folder."""
    nothing = "nothing here that can be read"
    if path.is_file():
        return why_not(path) or nothing
    reasons = [nothing]
    walked = Walked()
    for file in files_below(path):
        walked.pass_file(file)
        reason = why_not(file) if len(reasons) <= MAX_REASONS else ""
        if reason:
            reasons.append(f"{file.relative_to(path)}: {reason}")
    others = unread(path, walked, by_ending()).text
    if others:
        reasons.append(f"it holds {others}")
    return "; ".join(reasons)


def _with_inner(
    kind: str,
    path: Path,
    known: KnownFolders,
) -> Iterator[FoundSource]:
    """Yield a folder, then the folders inside it that were read as sources of this kind before."""
    inner: list[Path] = []
    if source_type(kind).keeps_inner:
        below = [folder for folder in sorted(known(kind)) if path in folder.parents]
        inner = [folder for folder in below if folder.is_dir()]
    for root in (path, *inner):
        below = [folder for folder in inner if root in folder.parents]
        exclude = []
        for folder in below:
            exclude.append(f"{folder.relative_to(root).as_posix()}/")
        yield FoundSource(kind, root, exclude=tuple(exclude))


def _nearest(folder: Path, fits: Callable[[Path], bool]) -> Path | None:
    """Return the nearest of a folder and its parents that fits."""
    for candidate in (folder, *folder.parents):
        if fits(candidate):
            return candidate
    return None
