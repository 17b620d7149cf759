"""The common base of sources that read the files of a folder: listing, scanning, settings."""

from __future__ import annotations

import hashlib
import os
import posixpath
import shlex
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from ankiforge.errors import ItemError, one_item
from ankiforge.extract import files as disk
from ankiforge.extract.base import Count, Opening, SourceType
from ankiforge.extract.discover import Walked
from ankiforge.model import (
    Chosen,
    Extracted,
    HighlightKind,
    Known,
    LateText,
    Problem,
    Scan,
    Sighting,
    Strings,
    Unchanged,
    Unmarked,
    Unread,
    Value,
    WholeText,
    h16,
)
from ankiforge.plugins import named
from ankiforge.text import regex
from ankiforge.text.cloze import image_paths
from ankiforge.text.decoding import text_of
from ankiforge.text.keys import percent


class File(Value):
    """A file below the root of a source."""

    path: str
    """Relative to the root, with `/`, in NFC. For the root itself, its name."""
    place: str
    """Where it is on disk."""
    named: bool
    """Whether the user named this file, as opposed to its folder."""
    stamp: disk.Stamp | None = None
    chosen: tuple[Chosen, ...] = ()
    """The passages that were chosen in it, or in a document that may be it."""

    @property
    def at(self) -> Path:
        """Where it is on disk. A `Path` takes longer to make than all else about a file."""
        return Path(self.place)

    def text(self, largest: int = disk.LARGEST, *, repairs: bool = False) -> str:
        """Return the whole text with LF line ends and without a byte order mark.

        With `repairs`, damaged parts are U+FFFD, and Windows-1252 is read.

        Raises:
            ItemError: it is too large, not text, or unreadable.
        """
        raw, _ = disk.read_file(self.place, largest)
        return text_of(raw, repairs=repairs)


# What programs that synchronise call the second copy of a note.
_CONFLICT = regex(
    r"(?i).*(?:\.sync-conflict-\d{8}-\d{6}[^/]*"
    r"|\([^()]*conflicted copy[^()]*\)|\.Conflict[^/]*)\.md$"
)


class Folder(msgspec.Struct):
    """The files of a source: a folder, one file, or some files of a folder.

    It records whether everything was seen, and provides the names used for scans and
    keys.
    """

    kind: str
    """The first word of those names."""
    name: str
    root: Path
    only: tuple[Path, ...] = ()
    fits: Callable[[str], bool] = bool
    """Whether a file at this path, found in a folder, belongs to the source."""
    context: str = ""
    """The settings that determine the source's results besides its files, as text."""
    missed: bool = False
    """Whether something was unreadable, so that missing documents may still exist."""
    count: Count = msgspec.field(default_factory=Count)
    """The progress of the scan; sources with many files keep it."""
    walked: dict[Path, Walked] = msgspec.field(default_factory=dict)
    """The files left out of the last listing, by the folder where that began."""
    read: Counter[str] = msgspec.field(default_factory=Counter)
    """The number of files that the last scan listed to be read, by ending."""
    unread: Counter[str] = msgspec.field(default_factory=Counter)
    """How many of them could not be read, or only in part."""
    phrases: Counter[str] = msgspec.field(default_factory=Counter)
    """How many phrases are "bold", and how many "marked", in the notes that the last scan read."""
    others: dict[str, str] | None = None
    """The path of each file that does not fit, by casefolded path and name; None = not wanted.
    Where they are wanted, links and notes that are left out are reported, too."""
    links: list[Problem] = msgspec.field(default_factory=list)
    """The links that the last listing did not follow, of those that could lead to a note."""

    @property
    def container(self) -> str:
        """The name of the part of a source that a scan covers."""
        return f"{self.kind}:{self.name}"

    @property
    def namespace(self) -> str:
        """The part of keys before the slash."""
        return f"{self.kind}:{percent(self.name)}"

    def files(self) -> Iterator[File | Problem | Unread]:
        """Yield the matching files, sorted, and a problem for each unreadable folder.

        A file that iCloud has taken off this machine is unread. Links and hidden files are
        skipped; `links` has those that could lead to a note. A file that the user named is included
        whatever its name.
        """
        self.missed = False
        self.walked.clear()
        self.unread.clear()
        self.phrases.clear()
        self.links.clear()
        found_by_path: dict[str, File | Problem | Unread] = {}
        if self.others is not None and self.only:
            for _ in self._below(self.root):  # links lead anywhere in the vault
                pass
            self.walked.clear()
        for start in self.only or (self.root,):
            is_file = start.is_file()
            if (
                is_file
                and self.others is not None
                and not start.is_relative_to(self.root)
            ):
                path = disk.relative(start, self.root)
                found_by_path[path] = Problem(start.name, "it is outside the vault")
                continue
            if is_file:  # the user named it
                path = disk.relative(start, self.root)
                stamp = disk.stamp_at(start)
                _add(found_by_path, File(path, str(start), named=True, stamp=stamp))
            else:
                for listed in self._below(start):
                    _add(found_by_path, listed)
        yield from found_by_path.values()

    def _below(self, start: Path) -> Iterator[File | Problem | Unread]:
        """Yield the files and problems below a folder; count the files left out."""
        failed: list[OSError] = []
        evicted: list[str] = []
        top = os.path.join(self.root, "")  # noqa: PTH118 - of very many files
        walked = self.walked[start] = Walked()
        for entry, counts in _walk(start, walked, failed):
            path = (
                entry.path.removeprefix(top) if entry.path.startswith(top) else entry.name
            )
            listed = None
            if not disk.is_hidden(entry.name):
                listed = self._listed(entry, disk.legible(path))
            elif name := disk.name_in_icloud(entry.name):
                evicted.append(disk.legible(path.removesuffix(entry.name) + name))
            if listed is not None:
                yield listed
            elif counts and not entry.is_symlink():
                walked.pass_file(entry)
        for path in evicted:
            if "." not in posixpath.basename(path) or self.fits(path):
                yield Unread(self.container, path)
        yield from map(self._not_listed, failed)

    def _listed(self, entry: os.DirEntry[str], path: str) -> File | Problem | None:
        """Return the file at an entry of a folder, or why it is left out; None if it does not fit.

        `path` is the entry's path below the root.
        """
        is_vault = self.others is not None
        if entry.is_symlink():
            if is_vault:
                self._pass_link(entry.path, path)
            return None
        fits = self.fits(path)
        if is_vault and fits and _CONFLICT.match(path):
            return Problem(
                path,
                "a conflict copy was left out",
                "merge it, then delete it",
            )
        if fits and entry.is_file(follow_symlinks=False):
            return File(
                path,
                entry.path,
                named=False,
                stamp=disk.stamp_at(entry.path),
            )
        if self.others is not None:
            self.others.setdefault(_exact(path), path)
            self.others.setdefault(path.casefold(), path)
            name = path.rpartition("/")[2]
            self.others.setdefault(_exact(name), path)
            self.others.setdefault(name.casefold(), path)
        return None

    def _pass_link(self, place: str, path: str) -> None:
        """Note a symbolic link that is not followed, if a note may be behind it.

        A file of the vault behind a link is read in its own place.
        """
        is_folder = os.path.isdir(place)  # noqa: PTH112 - of very many files
        if not self.fits(f"{path}/a.md" if is_folder else path):
            return
        target = Path(os.path.realpath(place))
        if not target.exists():
            hint = "it leads nowhere: mend or delete it"
        elif target.is_relative_to(self.root.resolve()):
            return
        else:
            hint = f"to read what it leads to: ankiforge run {shlex.quote(str(target))}"
        message = f"a link {'to a folder ' if is_folder else ''}is not followed"
        self.links.append(Problem(path, message, hint, notice=True, once=True))

    def _not_listed(self, error: OSError) -> Problem:
        """Return the problem with a folder that cannot be listed. Its documents are unread."""
        folder = Path(str(error.filename))
        where = str(folder)
        if folder != self.root:
            where = f"{disk.relative(folder, self.root)}/"
        is_there = folder.exists()
        self.missed |= folder == self.root or not is_there
        if not is_there:
            message = "the folder is not there"
        elif isinstance(error, NotADirectoryError):
            message = "it is neither a regular file nor a folder"
        else:
            message = f"cannot be listed: {error.strerror or error}"
        return Problem(where, message, "check the path, and that the disk is mounted")

    def problem(self, file: File, error: ItemError) -> Problem:
        """Return the problem with a file. The highlights of an unreadable file are kept.

        A file that went away may have been renamed, to where it was not listed any more.
        """
        self.missed |= isinstance(error.__cause__, FileNotFoundError)
        self.count_unread(file)
        return Problem(file.path, error.message, error.hint)

    def count_unread(self, file: File) -> None:
        """Count a file that could not be read, or only in part."""
        self.unread[Path(file.path).suffix.casefold()] += 1

    def stamp(self, files: Iterable[File | Problem | Unread]) -> str:
        """Return a hash that changes whenever a scan of these may give other results, or ""."""
        stamps: list[tuple[str, disk.Stamp]] = []
        for listed in files:
            if isinstance(listed, Unread):
                return ""
            if isinstance(listed, Problem):
                if not listed.notice:
                    return ""
            elif listed.stamp is None or not disk.proves(listed.stamp):
                return ""
            else:
                stamps.append((listed.place, listed.stamp))
        reader = (self.container, str(self.root), repr(self.only), self.context)
        return h16(disk.program(), *reader, repr(stamps))

    def end(self) -> Scan:
        """Return the end of a scan. It is complete if everything was to be read and was read."""
        return Scan(
            self.name,
            self.container,
            complete=not self.only and not self.missed,
            folder=str(self.root),
        )


def _walk(
    start: Path, walked: Walked, failed: list[OSError]
) -> Iterator[tuple[os.DirEntry[str], bool]]:
    """Yield the files below a folder, sorted, each with whether it counts as left out.

    Folders that cannot be listed go to `failed`.
    """
    folders = [(str(start), True)]
    while folders:
        folder, counts = folders.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=attrgetter("name"))
        except OSError as error:
            failed.append(error)
            continue
        inner = []
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                yield entry, counts
            elif not disk.is_without_notes(folder, entry.name):
                inner_counts = counts and walked.enter_folder(entry.name)
                if not disk.is_hidden(entry.name):
                    inner.append((entry.path, inner_counts))
        folders += reversed(inner)


def _add(
    listed_by_name: dict[str, File | Problem | Unread],
    listed: File | Problem | Unread,
) -> None:
    """Add a listed file or problem by its path; of two files with one path only the first."""
    where = listed.where if isinstance(listed, Problem) else listed.path
    first = listed_by_name.setdefault(where, listed)
    if not isinstance(listed, File) or not isinstance(first, File):
        return
    if listed.place != first.place:
        message = (
            "left out: another file here has the same name,"
            " encoded differently (é as e and ´)"
        )
        listed_by_name[f"{where}/"] = Problem(where, message, "rename one of the two")


# --- sources ----------------------------------------------------------------------------


@dataclass(frozen=True)
class FolderSource(SourceType):
    """A source that reads the files of a folder. Subclasses define the format."""

    folder: Folder
    settings: Any
    me: Strings = ()

    by_several: ClassVar[bool] = False
    """Whether its files may contain marks of several people, so that `me` matters."""

    @classmethod
    def open(cls, opening: Opening) -> Self:
        """Return a reader of the files below a root.

        They are those that the settings include, by `include` and `exclude`; if there are
        no such settings, those with one of `endings`.
        """
        settings = opening.settings
        if hasattr(settings, "include"):
            included = disk.matcher(settings.include)
            excluded = disk.matcher(getattr(settings, "exclude", ()))

            def fits(path: str) -> bool:
                return included(path) and not excluded(path)
        else:

            def fits(path: str) -> bool:
                return path.casefold().endswith(cls.endings)

        context = repr((settings, opening.me if cls.by_several else ()))
        folder = Folder(cls.kind, opening.name, opening.root, opening.only, fits, context)
        return cls(folder, settings, opening.me)

    @abstractmethod
    def scan(self, known: Known | None = None) -> Iterator[Sighting]:
        """Yield the documents, problems, and a `Scan` at the end; see `model.Source`."""


_LARGEST_PICTURE = 50 << 20
"""Bytes of a picture that are read, at most."""


PictureAt = Callable[[str], str]
"""Returns the path of a picture by its name in a text; "" if it is no picture."""


_NO_TEXT = "of such a file no text is known in which to choose"


class FileSource(FolderSource):
    """A source with one document per file. `document` is all that a subclass has to define."""

    tells_of_named: ClassVar[bool] = False
    """Whether a file that the user named is read even if it is unchanged, to report on it again."""

    def document(self, file: File, text: str, picture: PictureAt) -> Iterator[Sighting]:
        """Yield the document of a file, unless it has no highlights, and problems.

        Raises:
            ItemError: the file cannot be read.
        """
        raise NotImplementedError

    def contents(self, file: File, reader: Any, picture: PictureAt) -> Iterator[Sighting]:
        """Yield the sightings of `document`, with the reader that `reading` has returned."""
        text, _ = disk.read_settled(file.place)
        return self.document(file, text, picture)

    def reading(self, files: list[File]) -> AbstractContextManager[Any]:
        """Return the reader of these files, those that have changed."""
        return nullcontext()

    def whole(self, file: File, reader: Any) -> WholeText:
        """Return the whole text of a file, as its marks are found in it.

        Raises:
            ItemError: it cannot be read, or its text is not known.
        """
        raise ItemError(
            _NO_TEXT, hint="name a PDF, a note, a text, a web page or an EPUB"
        )

    def whole_texts(self) -> Iterator[tuple[Path, WholeText] | Problem]:
        """Yield each file with its text."""
        for file in self.folder.files():
            if isinstance(file, File):
                try:
                    with (
                        one_item(),
                        named(self.distribution),
                        self.reading([file]) as reader,
                    ):
                        whole = self.whole(file, reader)
                except ItemError as error:
                    yield self.folder.problem(file, error)
                else:
                    yield file.at, whole
            elif isinstance(file, Problem):
                yield file

    def notices(self) -> Iterator[Problem]:
        """Yield the problems of the source besides those of its files."""
        yield from ()

    def passed_over(self) -> Iterator[Unmarked]:
        """Yield, for each folder with files of this source that are not read, the reason."""
        yield from ()

    def are_all(self, files: Sequence[File]) -> bool:
        """Return whether these are all files of the source, and none may be hidden from it."""
        return self.folder.end().complete and len(files) == self.folder.count.total

    def first_notices(self, files: Sequence[File]) -> Iterator[Problem]:
        """Yield the notices told once, after all files were read for the first time."""
        yield from ()

    def state_of(self, name: str, file: File) -> str:
        """Return the state of another file that a document names; "" if that is not there.

        Of a picture, that is its path. If it changes, the document is read again.
        """
        return picture_path(name, file.path, self.folder)

    def public_text(self, file: File) -> str:
        """Return the text of a file in which nothing is marked or private; "" if not known."""
        return ""

    @property
    def selection(self) -> str:
        """The settings as text. Different texts may select different passages."""
        selecting = {}
        for key, value in msgspec.to_builtins(self.settings).items():
            if key not in ("path", "name"):
                selecting[key] = value
        return msgspec.json.encode(selecting, order="sorted").decode()

    def scan(self, known: Known | None = None) -> Iterator[Sighting]:
        """Yield problems, files that are as they were, documents, and a `Scan`.

        A file that is unchanged, with the pictures it shows, is not read: it yields `Unchanged`.
        Each other file with highlights yields a document. Both are in the order of their paths.
        """
        folder = self.folder
        files: list[File] = []
        for listed in folder.files():
            if isinstance(listed, File):
                files.append(listed)
            else:
                yield listed
        yield from self.notices()
        yield from self._passed_over_since(known)
        files.sort(key=lambda file: file.path)
        files = with_those_chosen(files, known, folder)
        folder.count.total = len(files)
        endings = (posixpath.splitext(file.path)[1] for file in files)
        folder.read = Counter(map(str.casefold, endings))

        # leave out the unchanged ones
        reader_fingerprint = h16(
            disk.program(),
            folder.name,
            os.path.realpath(folder.root),
            folder.context,
        )
        changed: list[File] = []
        for file in files:
            if known and self._is_unchanged(file, known, reader_fingerprint):
                yield Unchanged(folder.container, file.path)
            else:
                changed.append(file)
        folder.count.done = len(files) - len(changed)
        is_first = len(changed) == len(files)
        is_first = is_first and not (known and known.paths(folder.container))

        # read the others
        failed = 0
        with self.reading(changed) as reader:
            for file in changed:
                try:
                    with one_item(), named(self.distribution):
                        sightings = self._read(file, reader, known, reader_fingerprint)
                except ItemError as error:
                    failed += 1
                    sightings = [folder.problem(file, error)]
                yield from sightings
                folder.count.step()
            folder.missed |= 0 < failed == len(files)

        if is_first:
            yield from folder.links
            yield from self.first_notices(files)
        yield folder.end()

    def _passed_over_since(self, known: Known | None) -> Iterator[Unmarked | Unchanged]:
        """Yield the documents of `passed_over`, as unchanged if the last run had the same."""
        container = self.folder.container
        for unread in self.passed_over():
            if known and known.is_unchanged(container, unread.path, unread.fingerprint):
                yield Unchanged(container, unread.path)
            else:
                yield replace(unread, source=self.folder.name)

    def _is_unchanged(self, file: File, known: Known, reader_fingerprint: str) -> bool:
        """Return whether a file yields the same as before, and needs no reading."""
        if self.tells_of_named and file.named:
            return False
        container = self.folder.container
        depends = known.depends(container, file.path)
        if depends is None:
            return False
        fingerprint = self._fingerprint(file, depends, reader_fingerprint)
        return known.is_unchanged(container, file.path, fingerprint)

    def _read(
        self, file: File, reader: Any, known: Known | None, reader_fingerprint: str
    ) -> Sequence[Sighting]:
        """Return the sightings of a file, with a fingerprint by which the next scan knows it."""
        folder = self.folder
        pictures: dict[str, str] = {}
        picture = partial(self._remembered, pictures, file)
        sightings = [*self.contents(file, reader, picture)]
        if file.chosen:
            from ankiforge.extract.chosen import with_chosen

            whole = self.whole(file, reader)
            sightings = with_chosen(sightings, whole, file.chosen, folder.container)
        problems = [each for each in sightings if isinstance(each, Problem)]
        if not all(problem.notice for problem in problems):
            folder.count_unread(file)
        fingerprint = ""
        # a problem is reported every time, so its file is read every time
        if known and not problems:
            fingerprint = self._fingerprint(file, pictures, reader_fingerprint)
        depends = tuple(pictures)
        if fingerprint and not sightings:
            public = LateText(partial(self.public_text, file))
            path = file.path
            return [
                Unmarked(folder.container, path, fingerprint, depends, public_text=public)
            ]
        told = list[Sighting]()
        for sighting in sightings:
            match sighting:
                case Extracted():
                    sighting = self._with_figures(sighting)
                    sighting = replace(sighting, fingerprint=fingerprint, depends=depends)
                case Unmarked():
                    sighting = replace(
                        sighting,
                        source=folder.name,
                        fingerprint=fingerprint,
                        depends=depends,
                    )
            told.append(sighting)
        return told

    def _remembered(self, pictures: dict[str, str], file: File, target: str) -> str:
        """Return the state of a picture by its name in a file, and remember it in `pictures`."""
        if target not in pictures:
            pictures[target] = self.state_of(target, file)
        return pictures[target]

    def _with_figures(self, document: Extracted) -> Extracted:
        """Return a document whose marked pictures have a hash of their bytes, to see a change."""
        highlights = []
        for highlight in document.highlights:
            if (
                highlight.kind is HighlightKind.IMAGE
                and highlight.markdown
                and not highlight.figure
            ):
                [path, *_] = image_paths(highlight.markdown[0])
                path = unquote(path)
                root = self.folder.root
                base = root if root.is_dir() else root.parent
                if _is_file_below(root, posixpath.normpath(path)):
                    with suppress(OSError, ItemError):
                        place = disk.stored_at(base, path)
                        data, _ = disk.read_file(place, _LARGEST_PICTURE)
                        digest = hashlib.sha256(data).hexdigest()[:16]
                        highlight = replace(highlight, figure=digest)
            highlights.append(highlight)
        return replace(document, highlights=tuple(highlights))

    def _fingerprint(
        self, file: File, depends: Iterable[str], reader_fingerprint: str
    ) -> str:
        """Return all that determines the sightings of a file; "" if its stamp proves nothing.

        `reader_fingerprint` is what determines it for all files, `depends` are the pictures
        that it shows.
        """
        if file.stamp is None or not disk.proves(file.stamp):
            return ""
        pictures = [(target, self.state_of(target, file)) for target in depends]
        further = [repr(each) for each in (pictures, file.chosen) if each]
        return f"{reader_fingerprint} {file.stamp} {h16(*further) if further else ''}"


def with_those_chosen(
    files: Sequence[File], known: Known | None, folder: Folder
) -> list[File]:
    """Return the files of a source, each with the passages that were chosen in it.

    One of a file that is not there any more may be in one that is new.
    """
    container = folder.container
    base = folder.root if folder.root.is_dir() else folder.root.parent
    chosen = known.chosen(container) if known else ()
    if not (known and chosen):
        return list(files)
    paths = {file.path for file in files}
    of_file: dict[str, list[Chosen]] = {path: [] for path in paths}
    homeless: list[Chosen] = []
    for passage in chosen:
        if passage.path in paths:
            of_file[passage.path].append(passage)
        elif not (base / passage.path).exists():
            homeless.append(passage)
    read_before = set(known.paths(container)) if homeless else set()
    placed = []
    for file in files:
        of_this = of_file[file.path]
        if homeless and file.path not in read_before:
            of_this = [*of_this, *homeless]
        placed.append(replace(file, chosen=tuple(of_this)))
    return placed


# --- pictures ---------------------------------------------------------------------------


def picture_path(target: str, note: str, folder: Folder) -> str:
    """Return the path of a picture, sound or film below the root, by its address in a note.

    Return the address itself if no such file is found, "" if it is neither.
    """
    if not disk.EMBEDDED.match(target):
        return ""
    target = disk.legible(target)
    others = folder.others or {}
    name = target.rpartition("/")[2]
    beside_note = posixpath.join(posixpath.dirname(note), target)
    for path in (beside_note, target.lstrip("/")):
        normal = posixpath.normpath(path)
        for written in (_exact(normal), normal.casefold()):
            if written in others:
                return others[written]
        if folder.others is None and _is_file_below(folder.root, normal):
            return normal
    return others.get(_exact(name)) or others.get(name.casefold(), target)


def _exact(name: str) -> str:
    """Return the key of a name or path in `Folder.others` whose capitals matter."""
    return f"\0{name}"


def _is_file_below(root: Path, path: str) -> bool:
    """Return whether a relative path leads to a file below a root, which may be a file itself."""
    if path.startswith(("/", "..")):
        return False
    base = root if root.is_dir() else root.parent
    try:
        return disk.stored_at(base, path).is_file()
    except (OSError, ValueError):
        return False


# --- settings and times -----------------------------------------------------------------


def selected_forms(words: Iterable[str], default: Iterable[str]) -> frozenset[str]:
    """Return the card forms that a `cards:` list selects.

    `-word` excludes a form. A list with nothing but exclusions starts from the default.
    """
    excluded: set[str] = set()
    selected: set[str] = set()
    for word in words:
        if word.startswith("-"):
            excluded.add(word[1:])
        else:
            selected.add(word)
    if excluded and not selected:
        selected = set(default)
    return frozenset(selected - excluded)


def iso_time(words: str) -> str:
    """Return a time as ISO 8601, in UTC if it has no zone. "" if it is not a time."""
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        return ""
    return moment.replace(tzinfo=moment.tzinfo or UTC).isoformat()
