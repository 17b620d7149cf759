"""Count the files of a directory that no source reads, by kind, so that a run can name them.

A kind is the suffix of a file, or an `UnreadKind` if the suffix doesn't say why it isn't read.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ankiforge.extract.files import (
    SYSTEM_DIRECTORIES,
    is_skipped_directory,
    parse_icloud_placeholder,
)
from ankiforge.extract.foreign_formats import find_format_of_suffix
from ankiforge.model import Texts, Value
from ankiforge.text import format_count

# --- kinds ------------------------------------------------------------------------------


class UnreadKind(StrEnum):
    """Kinds of files, and of marks, that need more words than their suffix."""

    EMPTY = "empty file"
    NOT_DOWNLOADED = ".icloud"
    """A placeholder for a file that is only in iCloud."""
    KOREADER_FOLDER = ".sdr"
    """A folder in which KOReader stores the highlights of one book."""
    PLAIN_TEXT = ".txt"
    LONG_MARKDOWN_SUFFIX = ".markdown"
    MARKED_ATTACHMENT = "PDF of Zotero marked by another program"
    """A PDF in Zotero's storage with marks that Zotero doesn't know."""
    MISSING_ATTACHMENT = "mark in a file that is not on this computer"
    """A mark in Zotero's database whose text can't be looked up in its file."""
    TRASHED_MARK = "mark in Zotero's trash"
    """A mark in Zotero that is in the trash, or whose file or paper is."""


class _Description(NamedTuple):
    singular: str
    plural: str
    reason: str
    """Why such files aren't read, or what to do, as a clause after "2 such files here, "."""
    unit: str = "file"
    """What is counted."""


_DESCRIPTIONS: dict[str, _Description] = {
    UnreadKind.EMPTY: _Description("empty file", "empty files", "which are empty"),
    UnreadKind.NOT_DOWNLOADED: _Description(
        "file not downloaded from iCloud",
        "files not downloaded from iCloud",
        "which are only in iCloud: download them in the Finder, then run again",
    ),
    UnreadKind.KOREADER_FOLDER: _Description(
        "KOReader folder",
        "KOReader folders",
        "with the highlights of a book: name its file .lua to read them",
        unit="folder",
    ),
    UnreadKind.PLAIN_TEXT: _Description(
        ".txt", ".txt", "read only if named, or in a folder that contains only texts"
    ),
    UnreadKind.LONG_MARKDOWN_SUFFIX: _Description(
        ".markdown", ".markdown", "read only if named, or renamed to .md"
    ),
    UnreadKind.MARKED_ATTACHMENT: _Description(
        "stored file marked by another program",
        "stored files marked by other programs",
        "whose marks Zotero does not know: name the folder storage to read them",
    ),
    UnreadKind.MISSING_ATTACHMENT: _Description(
        "mark whose file is not on this computer",
        "marks whose files are not on this computer",
        "so that the text around them is unknown: let Zotero download the files",
        unit="mark",
    ),
    UnreadKind.TRASHED_MARK: _Description(
        "mark in Zotero's trash",
        "marks in Zotero's trash",
        "not read unless you restore them, or their papers, in Zotero",
        unit="mark",
    ),
}


def _describe_other_kind(suffix: str) -> _Description:
    """Return the description of a kind that is called by its suffix."""
    foreign_format = find_format_of_suffix(suffix)
    advice = "name one to see why"
    if foreign_format is not None:
        advice = f"to have one read, {foreign_format.advice}"
    return _Description("file", "files", f"which ankiforge cannot read: {advice}")


class UnreadFiles(Value):
    """The number of files in a directory, or of marks in a library, that no source reads."""

    directory: str
    count_by_kind: dict[str, int]
    details: Texts = {}
    """What else there is to say of some kinds, such as the names of the files."""

    @property
    def summary(self) -> str:
        """The counts as text, such as `3 .epub, 1 empty file`, or "" if there are none."""
        counts = sorted(self.count_by_kind.items(), key=lambda pair: (-pair[1], pair[0]))
        return ", ".join(self._format_count(kind, count) for kind, count in counts)

    def _format_count(self, kind: str, count: int) -> str:
        description = _DESCRIPTIONS.get(kind)
        if description is None:
            return f"{count:,} {kind}"
        text = format_count(count, description.singular, description.plural)
        return self._add_details(text, kind)

    def explain(self, kind: str) -> str:
        """Return how many files of a kind there are, and why they aren't read or what to do."""
        description = _DESCRIPTIONS.get(kind) or _describe_other_kind(kind)
        count = format_count(self.count_by_kind[kind], f"such {description.unit}")
        return self._add_details(f"{count} here, {description.reason}", kind)

    def _add_details(self, text: str, kind: str) -> str:
        details = self.details.get(kind)
        return text if details is None else f"{text} ({details})"


# --- counting ---------------------------------------------------------------------------

# The kinds of files in which users may have marked or written something. Only these are counted.
MARKABLE_SUFFIXES = frozenset(
    (
        ".adoc .annot .apkg .asciidoc .azw .azw3 .bear .bear2bk .canvas .cbr .cbz .colpkg"
        " .csv .djvu .doc .docx .edn .enex .epub .excalidraw .fb2 .goodnotes .htm .html"
        " .ipynb .jex .json .key .kfx .kno .lit .lua .markdown .mdown .mdx .mem .mht .mhtml"
        " .mkd .mm .mobi .mochi .mrexpt .note .numbers .odp .ods .odt .one .opml .org"
        " .pages .pdb .pdf .ppt .pptx .prc .ps .rem .rmarkdown .rst .rtf .sqlite .srt .tex"
        " .textile .textpack .tid .tiddler .trmx .txt .typ .vtt .webarchive .wiki .xhtml"
        " .xls .xlsx .xmind .xopp .xps"
    ).split()
)
_UNREPORTED_DIRECTORIES = SYSTEM_DIRECTORIES | {
    "__pycache__",
    "node_modules",
    "site-packages",
    "venv",
}
_OUR_FILE_PREFIX = "ankiforge."
"""The prefix of files written by this program."""

IsRead = Callable[[Path], bool]
"""Function that returns whether a source reads a file."""


def count_unread_files(sources: Iterable[object]) -> Iterator[UnreadFiles]:
    """Count the files that no source reads, in each directory that the sources read.

    A directory without such files is yielded, too. A directory inside another one isn't yielded
    separately, because its files are counted with those of the outer directory.
    """
    readings: list[_Reading] = []
    for source in sources:
        # A source of a library has `unread_files`; other sources list a directory.
        yield from getattr(source, "unread_files", ())
        readings += _iter_readings(source)
    directories = {each.directory for each in readings if each.directory.is_dir()}
    inside: defaultdict[Path, list[_Reading]] = defaultdict(list)
    for reading in readings:
        if reading.directory in directories:
            inside[_find_outermost(reading.directory, directories)].append(reading)
    for directory in sorted(inside):
        yield count_files(directory, partial(_is_read_by_any, inside[directory]))


def _find_outermost(directory: Path, directories: Collection[Path]) -> Path:
    """Return the outermost of some directories that contains one of them, or is it."""
    return next(
        each for each in (*reversed(directory.parents), directory) if each in directories
    )


class _Reading(NamedTuple):
    """A directory that a source read to its end."""

    directory: Path
    suffixes: frozenset[str]
    rejected_paths: frozenset[str]
    """The files with one of the suffixes that turned out to be of another kind."""

    def reads(self, path: Path) -> bool:
        suffix = path.suffix.casefold()
        if suffix == UnreadKind.KOREADER_FOLDER:
            suffix = ".lua"  # the files in it
        return suffix in self.suffixes and str(path) not in self.rejected_paths


def _iter_readings(source: object) -> Iterator[_Reading]:
    listing: Any = getattr(source, "listing", None)
    if not getattr(listing, "read_counts", None):  # it wasn't listed to its end
        return
    suffixes = {*getattr(source, "suffixes", ()), *getattr(source, "used_suffixes", ())}
    for directory in listing.only or (listing.root,):
        yield _Reading(directory, frozenset(suffixes), frozenset(listing.rejected_paths))


def _is_read_by_any(readings: Iterable[_Reading], path: Path) -> bool:
    return any(reading.reads(path) for reading in readings)


def count_files(directory: Path, is_read: IsRead) -> UnreadFiles:
    """Count the files under a directory that may have marks and aren't read."""
    counts: Counter[str] = Counter()
    for path in _iter_reported_paths(directory):
        if not is_read(path):
            counts[_find_kind(path)] += 1
    return UnreadFiles(str(directory), dict(counts))


def _iter_reported_paths(directory: Path) -> Iterator[Path]:
    """Yield the files that may have marks, and the folders of KOReader, under a directory."""
    for parent, subdirectories, names in os.walk(directory):
        entered = []
        for name in sorted(subdirectories):
            if name.endswith(UnreadKind.KOREADER_FOLDER):
                yield Path(parent, name)
            elif _should_enter(parent, name):
                entered.append(name)
        subdirectories[:] = entered
        for name in sorted(names):
            path = Path(parent, name)
            if _may_have_marks(name) and not path.is_symlink():
                yield path


def _should_enter(parent: str, name: str) -> bool:
    if name.startswith(".") or name in _UNREPORTED_DIRECTORIES:
        return False
    return not is_skipped_directory(parent, name)


def _may_have_marks(name: str) -> bool:
    if parse_icloud_placeholder(name) is not None:
        return True
    if name.startswith((".", _OUR_FILE_PREFIX)):
        return False
    return Path(name).suffix.casefold() in MARKABLE_SUFFIXES


def _find_kind(path: Path) -> str:
    """Return the kind that an unread file is counted by."""
    suffix = path.suffix.casefold()
    if suffix in (UnreadKind.NOT_DOWNLOADED, UnreadKind.KOREADER_FOLDER):
        return suffix
    with suppress(OSError):
        if path.stat().st_size == 0:
            return UnreadKind.EMPTY
    return suffix
