"""Which files of a vault are notes."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ankiforge.extract._folder import loop_at, looping
from ankiforge.extract._stamps import Stamp, stamp_of
from ankiforge.model import Problem

_JUNK = re.compile(r"~\$|.*(?:~|\.tmp|\.swp|\.excalidraw\.md)$", re.IGNORECASE)
"""Left out: what editors and drawing tools leave behind."""
_DRAWING = ".excalidraw.md"
_BANNER = re.compile(r"^==⚠[^\n=]*EXCALIDRAW VIEW[^\n=]*==[^\n]*", re.MULTILINE)
_DATA = re.compile(r"^(?:#+ Drawing\s*$|%%\s*\n#+ Drawing|```(?:compressed-)?json)", re.MULTILINE)
"""Where the picture itself begins."""
_MARK = re.compile(r"(?<!=)==(?![=\s])[^\n=]+(?<!\s)==(?!=)")
_LARGEST_DRAWING = 2_000_000
MOST_NAMED = 3
"""Drawings that one line names."""
_CONFLICT = re.compile(
    r".*(?:\.sync-conflict-\d{8}-\d{6}[^/]*|\([^()]*conflicted copy[^()]*\)|\.Conflict[^/]*)\.md$",
    re.IGNORECASE,
)
_EVICTED = re.compile(r"\.(.+\.md)\.icloud$", re.IGNORECASE)


class NoteFile(NamedTuple):
    """One file that is a note."""

    path: str
    """Below the root, NFC and with `/`."""
    at: str
    """Where it is."""
    stamp: Stamp


@dataclass(slots=True)
class Files:
    """What a walk found."""

    notes: list[NoteFile] = field(default_factory=list)
    """Sorted by their paths."""
    others: dict[str, str] = field(default_factory=dict)
    """Casefolded path and name of every other file → its path: pictures to embed."""
    stamps: dict[str, Stamp] = field(default_factory=dict)
    """Of every file that is no note."""
    drawings: list[NoteFile] = field(default_factory=list)
    """Of Excalidraw: they are not read."""
    problems: list[Problem] = field(default_factory=list)
    complete: bool = True
    """No folder and no note was out of reach."""


def find(
    root: Path, include: Iterable[str], exclude: Iterable[str], only: tuple[Path, ...]
) -> Files:
    """Walk the vault, or what of it is asked for; symbolic links are not followed.

    A note named in `only` is taken whatever the patterns say.
    """
    files = Files(complete=not only)
    if not root.is_dir():
        return _missing(files, root.name, "the vault folder is not there")
    walk = _Walk(root, _pattern(include), _pattern(exclude), files)
    walk.folder(root, "")
    notes = files.notes
    if only:
        notes = [note for asked in only for note in _asked(root, asked, files)]
    files.notes = _each_once(notes, files.problems)
    files.problems.sort(key=lambda problem: problem.where)
    return files


def marked_drawings(files: Files, vault: str) -> Iterator[Problem]:
    """A word about drawings in which something is marked; their banner is no mark."""
    marked = [one.path for one in sorted(files.drawings) if _holds_marks(Path(one.at))]
    if marked:
        count = len(marked)
        names = ", ".join(marked[:MOST_NAMED]) + (", …" if count > MOST_NAMED else "")
        says = "1 Excalidraw drawing holds" if count == 1 else f"{count} Excalidraw drawings hold"
        what = f"{says} ==marks== that are not read: {names}"
        yield Problem(vault, what, "mark it in a note that is no drawing", notice=True)


def _holds_marks(drawing: Path) -> bool:
    try:
        with drawing.open("rb") as file:
            text = file.read(_LARGEST_DRAWING).decode("utf-8", "replace")
    except OSError:
        return False
    if "==" not in text:
        return False
    text = _BANNER.sub("", text.replace("\r\n", "\n"))
    data = _DATA.search(text)
    return _MARK.search(text[: data.start()] if data else text) is not None


def _each_once(notes: list[NoteFile], problems: list[Problem]) -> list[NoteFile]:
    """Sorted; of two whose names look the same and are written in other signs, one is told of."""
    found: dict[str, NoteFile] = {}
    for note in notes:
        other = found.setdefault(note.path, note)
        if other.stamp != note.stamp:
            what = "left out: another note here has the same name in other signs (é as e and ´)"
            problems.append(Problem(note.path, what, "rename one of the two"))
            found[note.path] = max(other, note, key=lambda one: one.at)
    return sorted(found.values())


def _missing(files: Files, where: str, what: str) -> Files:
    files.problems.append(Problem(where, what, "check the path, and that the disk is mounted"))
    files.complete = False
    return files


def _asked(root: Path, asked: Path, files: Files) -> Iterator[NoteFile]:
    """The notes at or below one path of `only`."""
    try:
        relative = _relative(asked.absolute().relative_to(root.absolute()))
    except ValueError:
        files.problems.append(Problem(asked.name, "it lies outside the vault"))
        return
    if asked.is_dir():
        folder = "" if relative == "." else f"{relative}/"
        yield from [note for note in files.notes if note.path.startswith(folder)]
    elif asked.is_file():
        yield NoteFile(relative, str(asked), stamp_of(asked.stat()))
    else:
        _missing(files, relative, "there is no such note or folder")


def _relative(path: Path) -> str:
    return _legible(path.as_posix())


def _legible(name: str) -> str:
    """NFC; a sign that is none, in a name of long ago, as the sign for that."""
    if name.isascii():
        return name
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class _Walk:
    root: Path
    include: re.Pattern[str]
    exclude: re.Pattern[str]
    files: Files

    def folder(self, folder: Path, prefix: str) -> None:
        waiting = [(folder, prefix)]
        while waiting:
            at, before = waiting.pop()
            try:
                with os.scandir(at) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                _missing(
                    self.files, before or self.root.name, f"cannot be listed: {error.strerror}"
                )
                continue
            for entry in found:
                path = before + _legible(entry.name)
                if _hidden(entry, path, self.files):
                    continue
                if entry.is_symlink():
                    self.link(path, entry)
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append((Path(entry.path), f"{path}/"))
                elif entry.is_file(follow_symlinks=False):
                    self.file(path, entry)

    def link(self, path: str, entry: os.DirEntry[str]) -> None:
        """A link to notes leads out of the vault, or round in a circle: it is told of."""
        loop = loop_at(entry.path)
        if loop is not None:
            if not self.exclude.match(path):
                self.files.problems.append(looping(path, loop))
            return
        is_folder = entry.is_dir()
        out = self.exclude.match(f"{path}/." if is_folder else path)
        if (is_folder or self.include.match(path)) and not out:
            what = "a link to a folder is not followed" if is_folder else "a link is not followed"
            hint = "name what it leads to as a source of its own, or this under `exclude`"
            self.files.problems.append(Problem(path, what, hint))

    def file(self, path: str, entry: os.DirEntry[str]) -> None:
        try:
            stamp = stamp_of(entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            return  # gone since the folder was listed
        except OSError as error:
            _missing(self.files, path, f"cannot be looked at: {error.strerror or error}")
            return
        if not path.lower().endswith(".md"):
            self.files.stamps[path] = stamp
            self.files.others.setdefault(path.casefold(), path)
            self.files.others.setdefault(path.rpartition("/")[2].casefold(), path)
        if _JUNK.match(path.rpartition("/")[2]):
            if path.lower().endswith(_DRAWING) and not self.exclude.match(path):
                self.files.drawings.append(NoteFile(path, entry.path, stamp))
            return
        if not self.include.match(path) or self.exclude.match(path):
            return
        if _CONFLICT.match(path):
            problem = Problem(path, "a conflict copy was left out", "merge it, then delete it")
            self.files.problems.append(problem)
            return
        self.files.notes.append(NoteFile(path, entry.path, stamp))


def _hidden(entry: os.DirEntry[str], path: str, files: Files) -> bool:
    """Whether the name begins with a dot; a note that iCloud took away is told of."""
    if not entry.name.startswith("."):
        return False
    evicted = _EVICTED.match(entry.name)
    if evicted:
        where = f"{path.removesuffix(_legible(entry.name))}{_legible(evicted[1])}"
        hint = "open its folder once, so that it is downloaded"
        files.problems.append(Problem(where, "the note is in iCloud, not on this disk", hint))
        files.complete = False
    return True


# --- patterns -------------------------------------------------------------------------------

_GLOB = re.compile(r"\*\*/|\*\*|\*|\?")
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _pattern(patterns: Iterable[str]) -> re.Pattern[str]:
    """One expression for all the patterns; none at all matches nothing."""
    expressions = [_expression(unicodedata.normalize("NFC", pattern)) for pattern in patterns]
    return re.compile("|".join(expressions) or r"(?!)", re.IGNORECASE)


def _expression(pattern: str) -> str:
    pattern = pattern.removeprefix("./")
    inside = pattern.rstrip("/")
    parts, at = [], 0
    for match in _GLOB.finditer(inside):
        parts += [re.escape(inside[at : match.start()]), _MEANING[match[0]]]
        at = match.end()
    body = "".join([*parts, re.escape(inside[at:])])
    anywhere = "" if "/" in inside else "(?:.*/)?"
    return (
        f"(?:{anywhere}{body.removeprefix('/')}{'/.*' if pattern.endswith('/') else '(?:/.*)?'})$"
    )
