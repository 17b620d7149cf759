"""Recognise files: the kind of source that reads one, and the sources of a path."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ankiforge.config import EXPORTS
from ankiforge.extract.files import encoding_of, open_regular
from ankiforge.text import regex

# The number of bytes read to recognise a file.
_HEAD_BYTES = 65_536
_KIND_BY_SUFFIX = {
    ".pdf": "pdf",
    ".md": "obsidian",
    ".sqlite": "zotero",
    ".tid": "tiddlywiki",
    ".markdown": "markdown",
}
_READ_TO_RECOGNISE = (".txt", ".csv", ".json", ".html", ".htm")
_CLIPPING = regex(r"(?m)^[ ]?[-–—][^\n|]*\d[^\n]*\|[^\n]*\d[^\n]*\n[ \t]*\n")
_CLIPPINGS_END = regex(r"(?m)^={10}[ \t]*$")
# HTML of Kindle's apps, and of KOReader.
_NOTEBOOK = regex('class=["\']noteHeading|<h2 style="font-size:18pt; text-align:right')
_ANNOTATIONS = regex(r'"(?:TextQuoteSelector|export_userid)"|hypothes\.is|"rows"\s*:\s*\[\s*\]')


def kind_of(path: Path) -> str:
    """Return the kind of source that reads this file, or "" if none does."""
    ending = path.suffix.casefold()
    head = _head(path) if ending in _READ_TO_RECOGNISE else ""
    match ending:
        case ".txt":
            clippings = _CLIPPING.search(head) and _CLIPPINGS_END.search(head)
            return "kindle" if clippings else "markdown"
        case ".csv":
            columns = columns_of(head.partition("\n")[0])
            titled = not columns.keys().isdisjoint(("book title", "title"))
            return "readwise" if "highlight" in columns and titled else ""
        case ".html" | ".htm":
            return "kindle" if _NOTEBOOK.search(head) else ""
        case ".json":
            return "hypothesis" if _ANNOTATIONS.search(head) else ""
    return _KIND_BY_SUFFIX.get(ending, "")


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files at any depth, without those in hidden folders."""
    for within, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            yield Path(within, name)


def kinds_below(folder: Path) -> set[str]:
    """Return the kinds of source that read files in this folder, at any depth."""
    found = set()
    for path in files_below(folder):
        ending = path.suffix.casefold()
        if ending in _READ_TO_RECOGNISE:
            found.add(kind_of(path))
        elif ending in _KIND_BY_SUFFIX and not (path.is_symlink() and not path.exists()):
            found.add(_KIND_BY_SUFFIX[ending])  # broken links, also to themselves, do not count
    return found - {""}


_WANTED = {
    ".csv": "a Readwise export has the columns “Highlight” and “Book Title”",
    ".json": "it has no annotations of Hypothesis",
    ".html": "it is no notebook that a Kindle app or KOReader exported",
}


def why_not(path: Path) -> str:
    """Return why a file that looks like an export is not read. "" for other files."""
    ending = path.suffix.casefold()
    wanted = _WANTED.get(ending, "")
    if not wanted:
        return ""
    if not path.is_file():
        return "it is not a regular file"
    head = _head(path)
    if not head.strip():
        return "the file is empty"
    line = head.partition("\n")[0].strip()
    return f"its columns are {line[:60]}; {wanted}" if ending == ".csv" else wanted


def _head(path: Path) -> str:
    """Return the beginning of a file with LF line ends, or "" if it cannot be read."""
    try:
        with open(path, "rb", opener=open_regular) as file:
            raw = file.read(_HEAD_BYTES)
    except OSError:
        return ""
    return raw.decode(encoding_of(raw), "replace").replace("\r\n", "\n").lstrip("\ufeff")


def columns_of(line: str) -> dict[str, int]:
    """Return the position of each column by its casefolded name in the header line."""
    import csv

    try:
        names = next(csv.reader([line], delimiter=delimiter_of(line)), [])
    except csv.Error:
        return {}
    return {name.strip().casefold(): at for at, name in reversed(list(enumerate(names)))}


def delimiter_of(line: str) -> str:
    """Return the delimiter: a comma, or a semicolon or tab if another program saved the table."""
    return max(",;\t", key=line.count)


# --- sources of a path ----------------------------------------------------------------------

UNAMBIGUOUS = frozenset({"pdf", "zotero", "tiddlywiki", *EXPORTS})
"""Kinds whose files no other kind reads."""
FILE_BASED = frozenset({*UNAMBIGUOUS, "obsidian", "markdown"}) - {"zotero"}
"""Kinds that read single files."""
MAX_REASONS = 3
"""The number of unreadable files that are named per folder."""

KnownFolders = Callable[[str], Collection[Path]]
"""Return the folders that were read as a kind of source before."""


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


def discover(path: Path, known: KnownFolders) -> Iterator[FoundSource]:
    """Yield each source that a path belongs to or contains.

    Args:
        path: an existing file or folder, symbolic links resolved.
        known: returns the folders read before. Their files stay in the same source.
    """
    is_file = path.is_file()
    folder = path.parent if is_file else path
    vault = _nearest(folder, lambda up: (up / ".obsidian").is_dir())

    def root(kind: str) -> Path:
        near = _nearest(folder, known(kind).__contains__) or folder
        return vault if vault and kind == "obsidian" else near

    texts = not vault and _nearest(folder, known("markdown").__contains__)
    if is_file or (path / "zotero.sqlite").is_file():
        kind = kind_of(path) if is_file else "zotero"
        kind = "markdown" if kind == "obsidian" and texts else kind
        if kind == "zotero":
            yield FoundSource(kind, path)
        elif kind:
            yield FoundSource(kind, folder if kind in EXPORTS else root(kind), (path,))
        return
    here = kinds_below(path)
    found = [kind for kind in ("obsidian", "pdf") if kind in here or path in known(kind)]
    others = () if vault else sorted(here & UNAMBIGUOUS - {"pdf", "zotero"})
    is_text = not vault and (texts or ("markdown" in here and not found and not others))
    for kind in (*found, *others, *(["markdown"] if is_text else [])):
        if kind == "obsidian" and texts:
            continue
        if kind in EXPORTS or root(kind) != path:
            yield FoundSource(kind, path if kind in EXPORTS else root(kind), (path,))
        else:
            yield from _with_inner(kind, path, known)


def why_nothing(path: Path) -> str:
    """Return why no source was found: the problem with the file, or with the folder's exports."""
    nothing = "nothing here that can be read"
    if path.is_file():
        return why_not(path) or nothing
    files = ((file, why_not(file)) for file in files_below(path))
    reasons = (f"{file.relative_to(path)}: {why}" for file, why in files if why)
    return "; ".join([nothing, *islice(reasons, MAX_REASONS)])


def _with_inner(kind: str, path: Path, known: KnownFolders) -> Iterator[FoundSource]:
    """Yield a folder, then the folders inside it that were read as sources of this kind before."""
    folders = sorted(known(kind)) if kind in ("obsidian", "pdf") else []
    inner = [folder for folder in folders if path in folder.parents and folder.is_dir()]
    for root in (path, *inner):
        below = (folder for folder in inner if root in folder.parents)
        exclude = tuple(f"{folder.relative_to(root).as_posix()}/" for folder in below)
        yield FoundSource(kind, root, exclude=exclude)


def _nearest(folder: Path, fits: Callable[[Path], bool]) -> Path | None:
    """Return the nearest of a folder and its parents that fits."""
    return next((up for up in (folder, *folder.parents) if fits(up)), None)
