"""Recognise files: the source that reads each, the sources of a path, and what none reads.

Files of a folder that no source reads are reported once, by kind and number. The sources
count what they walk past (`Walked`). What one source leaves out another one may read, so
only a look at all sources of a folder shows what is left out.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from ankiforge.errors import PlugInError
from ankiforge.extract.base import NOT_MINE, Candidate, Confidence, SourceType
from ankiforge.extract.files import BINS, is_hidden, is_without_notes
from ankiforge.extract.registry import (
    by_ending,
    is_export,
    plugged_in,
    source_type,
    source_types,
)
from ankiforge.model import Strings, Value
from ankiforge.plugins import named
from ankiforge.text import counted

# Both read Markdown: a vault's notes are of the first kind, and so are single notes; the
# second one has notes that were read as plain files before, and texts that no other kind
# recognises.
_NOTES = "obsidian"
_TEXTS = "markdown"
_CARDS = "cards"


# --- one file ---------------------------------------------------------------------------


def kind_of(path: Path) -> str:
    """Return the kind of source that reads this file, or "" if none does."""
    kind, _ = _recognised(Candidate(path))
    if not kind:
        of_plug_ins, _ = _of_plug_ins((path,))
        kind = next(iter(of_plug_ins), "")
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


def _of_plug_ins(files: Iterable[Path]) -> tuple[list[str], list[str]]:
    """Return the kinds of plug-ins that read some of these files, and the faults of others."""
    sources, failures = plugged_in()
    kinds: dict[str, None] = {}
    faults = dict.fromkeys(failures)
    for candidate in map(Candidate, files if sources else ()):
        for source in sources:
            if source.kind in kinds or candidate.ending not in source.endings:
                continue
            try:
                with named(source.distribution):
                    answer = source.recognise(candidate)
            except PlugInError as error:
                faults[error.message] = None
                continue
            if answer.confidence > Confidence.NO:
                kinds[source.kind] = None
            elif answer.why_not:
                faults[f"{candidate.path.name}: {answer.why_not}"] = None
    return [*kinds], [*faults]


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
            if not is_hidden(name) and not is_without_notes(within, name):
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

_MAX_REASONS = 3
"""The number of unreadable files that are named per folder."""

UNMARKED = {".epub": "epub", **dict.fromkeys((".html", ".htm", ".xhtml"), "web")}
"""The kinds of source of files in which passages may be chosen though nothing is marked."""

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


class _PathSurroundings:
    """The surroundings of a path: its vault, and the folders that were read before."""

    def __init__(self, folder: Path, known: KnownFolders) -> None:
        self._folder = folder
        self._known = known
        self.vault = _nearest(folder, lambda above: (above / ".obsidian").is_dir())
        self.notes_are_texts = (
            not self.vault and _nearest(folder, known(_TEXTS).__contains__) is not None
        )
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


def discover(
    path: Path, known: KnownFolders, *, unmarked: bool = False
) -> Iterator[FoundSource]:
    """Yield each source that a path belongs to or contains.

    Args:
        path: an existing file or folder, symbolic links resolved.
        known: returns the folders read before. Their files stay in the same source.
        unmarked: whether a file is taken in which nothing is, or can be, marked.
    """
    if path.is_file():
        kind = kind_of(path)
        if unmarked and not kind:
            kind = UNMARKED.get(path.suffix.casefold(), "")
        if not kind:
            return
        if source_type(kind).marker or source_type(kind).is_whole:
            yield FoundSource(kind, path)
            return
        around = _PathSurroundings(path.parent, known)
        if kind == _NOTES and around.notes_are_texts:
            kind = _TEXTS
        root = path.parent if is_export(kind) else around.root(kind)
        yield FoundSource(kind, root, (path,))
        return
    for source in source_types():
        marker = path / (source.marker or ".")
        if marker.is_file() and marker.stat().st_size:
            yield FoundSource(source.kind, path)
            return
    around = _PathSurroundings(path, known)
    kinds = _kinds_of_folder(path, known, around)
    if not kinds:
        kinds, _ = _of_plug_ins(files_below(path))
    for kind in kinds:
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
    around: _PathSurroundings,
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
    if around.vault:  # its other files belong to the notes, but for a person's own cards
        return [*main, *kinds_here.intersection((_CARDS,))]
    if around.notes_are_texts or (_TEXTS in kinds_here and not main and not others):
        others.append(_TEXTS)
    if around.notes_are_texts and _NOTES in main:
        main.remove(_NOTES)
    return [*main, *others]


def why_nothing(path: Path) -> str:
    """Return why no source was found: the problem with a file, or the other files of a folder."""
    nothing = "nothing here that can be read"
    _, faults = _of_plug_ins((path,) if path.is_file() else files_below(path))
    if path.is_file():
        return "; ".join([why_not(path) or nothing, *faults])
    reasons = [nothing, *faults[:_MAX_REASONS]]
    walked = Walked()
    for file in files_below(path):
        walked.pass_file(file)
        reason = why_not(file) if len(reasons) <= _MAX_REASONS else ""
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


# --- files that no source reads -------------------------------------------------------

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
EMBEDDED = "PDF of Zotero marked by another program"
"""The kind of stored files with marks that Zotero does not know."""
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
        if name in PROGRAMS or name in BINS:
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


class _WalkedFolder:
    """A folder, and the sources that walked through it."""

    def __init__(self) -> None:
        self.walks: list[Walked] = []
        self.endings_read: set[str] = set()
        """The endings of the files that some source of it reads."""


def left_out(sources: Iterable[object]) -> Iterator[UnreadFiles]:
    """Yield the rest, even an empty one, of each folder that was just walked through.

    A folder inside another one is part of that.
    """
    places = defaultdict[Path, _WalkedFolder](_WalkedFolder)
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
        if any(parent in places for parent in path.parents):
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
        if not number or ending in read or (ending == _KOREADER and ".lua" in read):
            continue
        kind = ending
        if ending in PICTURES:
            kind = _PICTURE
        elif ending in _RECORDINGS:
            kind = _RECORDING
        if kind and (
            ending in _MAY_HOLD_MARKS or kind in kinds or len(kinds) < _MOST_KINDS
        ):
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
