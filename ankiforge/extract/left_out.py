"""The files of a given folder that no source reads: reported once, by kind and number.

The sources count what they walk past (`Walked`). What one source leaves out another one may
read, so only a look at all sources of a folder shows what is left out.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from ankiforge.extract.files import is_hidden
from ankiforge.model import Strings, Value
from ankiforge.text import counted

PROGRAMS = frozenset(
    (
        # the files that programs keep for themselves: nobody expects it to be read
        ".ankiforge .cache .claude .config .cursor .dropbox .dropbox.cache .fseventsd .git"
        " .github .gitlab .hg .idea .ipynb_checkpoints .joplin .jupyter .local .logseq .makemd"
        " .mypy_cache .npm .obsidian .pytest_cache .ruff_cache .silverbullet .smart-connections"
        " .smart-env .space .Spotlight-V100 .stfolder .stversions .svn .sync .TemporaryItems"
        " .tmp.drivedownload .tmp.driveupload .tox .Trash .trash .Trashes .venv .vscode"
        " __pycache__ node_modules site-packages venv"
    ).split()
)
"""The names of folders about which nothing is reported."""
_OURS = "ankiforge."
"""How the names of files begin that this program writes."""
_NOT_DOWNLOADED = ".icloud"
_KOREADER = ".sdr"
_VOCABULARY = "vocab.db"

PICTURES = frozenset(
    ".avif .bmp .gif .heic .heif .ico .jpeg .jpg .png .psd .svg .tif .tiff .webp".split()
)
"""The endings of pictures."""
SOUNDS = frozenset(".aac .flac .m4a .mp3 .oga .ogg .opus .wav".split())
"""The endings of sounds."""
_RECORDINGS = SOUNDS | frozenset(
    ".3gp .aiff .avi .m4v .mkv .mov .mp4 .mpg .ogv .webm".split()
)
# Files in which a person may have marked or written something, the first to be reported.
_MAY_HOLD_MARKS = frozenset(
    (
        ".azw .azw3 .cbr .cbz .csv .djvu .doc .docx .enex .epub .fb2 .htm .html .ipynb .json .key"
        " .kfx .lua .mobi .odp .odt .one .opml .org .pages .pdf .ppt .pptx .rtf .sqlite .srt .tex"
        " .tid .txt .vtt .xhtml .xls .xlsx"
        f" {_NOT_DOWNLOADED} {_KOREADER} {_VOCABULARY}"
    ).split()
)
EMPTY = "empty file"
"""The kind of files without content, which a source might read otherwise."""
_PICTURE = "picture"
_RECORDING = "recording"
_OTHER = "other"
# How kinds are called that are no ending, or whose ending says little: one, and several.
_NAMES = {
    EMPTY: ("empty file", "empty files"),
    _PICTURE: ("picture", "pictures"),
    _RECORDING: ("recording", "recordings"),
    _OTHER: ("other file", "other files"),
    _KOREADER: ("KOReader folder", "KOReader folders"),
    _VOCABULARY: (f"Kindle vocabulary ({_VOCABULARY})", "Kindle vocabularies"),
    _NOT_DOWNLOADED: (
        "file not downloaded from iCloud",
        "files not downloaded from iCloud",
    ),
}
_MOST_KINDS = 6
_MOST_NAMES = 3


class Walked(msgspec.Struct):
    """The files that a source walked past in a folder, at any depth, and does not read."""

    endings: Counter[str] = msgspec.field(default_factory=Counter)
    """How many files there are, by ending with its dot, "" = none; or `EMPTY`."""
    hidden: set[str] = msgspec.field(default_factory=set)
    """The names of hidden folders, which no source enters."""
    refused: set[str] = msgspec.field(default_factory=set)
    """The endings of files that a source looked into and counted because it does not read them."""

    def pass_file(self, file: Path | os.DirEntry[str]) -> None:
        """Count a file by its name, but an empty one as that."""
        folded = file.name.casefold()
        if folded.startswith("."):
            if folded.endswith(_NOT_DOWNLOADED):
                self.endings[_NOT_DOWNLOADED] += 1
        elif folded == _VOCABULARY:
            self.endings[_VOCABULARY] += 1
        elif not folded.startswith(_OURS):
            _, dot, ending = folded.rpartition(".")
            kind = dot + ending if dot else ""
            if kind in _MAY_HOLD_MARKS:
                with suppress(OSError):
                    if file.stat().st_size == 0:
                        kind = EMPTY
            self.endings[kind] += 1

    def enter_folder(self, name: str) -> bool:
        """Count a folder by its name; return whether the files in it count, too."""
        if name in PROGRAMS:
            return False
        if name.startswith("."):
            if is_hidden(name):
                self.hidden.add(name)
            return False
        if name.endswith(_KOREADER):
            self.endings[_KOREADER] += 1
            return False
        return True


class UnreadFiles(Value):
    """The files of a folder that no source reads."""

    place: str
    """The folder."""
    kinds: dict[str, int]
    """The number of files by kind: an ending, or a name of several."""
    hidden: Strings
    """The names of hidden folders."""
    text: str
    """Both in words: `3 .epub, 12 pictures, hidden: .old`. "" if nothing is left out."""
    are_elsewhere: bool = False
    """Whether the kinds are files that are not on this machine, with the numbers of their marks."""


class LibraryRest:
    """The rest of a library after its last scan. It is read as a whole, not file by file."""

    def __init__(self) -> None:
        self.left_out: UnreadFiles | None = None
        """None if the scan read nothing, because nothing has changed."""


class _Place:
    """A folder, and the sources that walked through it."""

    def __init__(self) -> None:
        self.walks: list[Walked] = []
        self.endings_read: set[str] = set()
        """The endings of the files that some source of it reads."""


def left_out(sources: Iterable[object]) -> Iterator[UnreadFiles]:
    """Yield the rest, even an empty one, of each folder that was just walked through.

    A folder inside another one is part of that.
    """
    places = defaultdict[Path, _Place](_Place)
    for source in sources:
        # a source of a library has `library_rest`, one of single files walks through its folder
        rest: LibraryRest | None = getattr(source, "library_rest", None)
        if rest and rest.left_out:
            yield rest.left_out
        walks: Mapping[Path, Walked] = getattr(
            getattr(source, "folder", None), "walked", {}
        )
        for path, walk in walks.items():
            place = places[path]
            place.walks.append(walk)
            place.endings_read.update(getattr(source, "endings", ()))
            place.endings_read.update(getattr(source, "uses", ()))
    for path in sorted(places):
        is_inside_another = any(parent in places for parent in path.parents)
        if is_inside_another:
            continue
        # the files that none of the walks through it, and of those inside it, reads
        read: set[str] = set()
        for other_path, place in places.items():
            if other_path.is_relative_to(path):
                read |= place.endings_read
        rest_of_folder = Walked()
        walks_here = places[path].walks
        for walk in walks_here:
            rest_of_folder.hidden |= walk.hidden
            read -= walk.refused
        for ending in walks_here[0].endings:
            numbers = [walk.endings[ending] for walk in walks_here]
            rest_of_folder.endings[ending] = min(numbers)
        yield unread(path, rest_of_folder, read)


def unread(place: Path, walked: Walked, read: Container[str]) -> UnreadFiles:
    """Return the files of a folder that are left out, by kind.

    Args:
        place: the folder.
        walked: all files in it.
        read: the endings that a source reads.
    """

    def order(ending: str) -> tuple[bool, int, str]:
        """Put files that may hold marks first, then the most frequent ones."""
        return (ending not in _MAY_HOLD_MARKS, -walked.endings[ending], ending)

    kinds = Counter[str]()
    others = 0
    for ending in sorted(walked.endings, key=order):
        number = walked.endings[ending]
        is_read = ending in read or (ending == _KOREADER and ".lua" in read)
        if not number or is_read:
            continue
        kind = ending
        if ending in PICTURES:
            kind = _PICTURE
        elif ending in _RECORDINGS:
            kind = _RECORDING
        may_hold_marks = ending in _MAY_HOLD_MARKS
        is_listed = may_hold_marks or kind in kinds or len(kinds) < _MOST_KINDS
        if kind and is_listed:
            kinds[kind] += number
        else:
            others += number
    if others:
        kinds[_OTHER] = others

    parts = []
    for kind, number in kinds.items():
        if kind in _NAMES:
            parts.append(counted(number, *_NAMES[kind]))
        else:
            parts.append(f"{number:,} {kind}")
    hidden = tuple(sorted(walked.hidden))
    if hidden:
        names = ", ".join(hidden[:_MOST_NAMES])
        more = len(hidden) - _MOST_NAMES
        and_more = f" and {more:,} more" if more > 0 else ""
        parts.append(f"hidden: {names}{and_more}")
    return UnreadFiles(str(place), dict(kinds), hidden, ", ".join(parts))
