"""The common base of sources that read the files of a folder: listing, scanning, settings."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec
from msgspec.structs import replace

from ankiforge.errors import ItemError, one_item
from ankiforge.extract import files as disk
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    Known,
    LateText,
    Problem,
    Scan,
    Sighting,
    Strings,
    Unchanged,
    Unmarked,
    Value,
    h16,
)
from ankiforge.text import regex
from ankiforge.text.passages import percent


class File(Value):
    """A file below the root of a source."""

    path: str
    """Relative to the root, with `/`, in NFC. For the root itself, its name."""
    place: str
    """Where it is on disk."""
    named: bool
    """Whether the user named this file, as opposed to its folder."""
    stamp: disk.Stamp | None = None

    @property
    def at(self) -> Path:
        """Where it is on disk. A `Path` takes longer to make than all else about a file."""
        return Path(self.place)

    def text(self, largest: int = disk.LARGEST) -> str:
        """Return the whole text with LF line ends and without a byte order mark.

        Raises:
            ItemError: it is too large, not text, or unreadable.
        """
        raw, _ = disk.read_file(self.place, largest)
        return disk.text_of(raw)


_CONFLICT = regex(
    r"(?i).*(?:\.sync-conflict-\d{8}-\d{6}[^/]*|\([^()]*conflicted copy[^()]*\)|\.Conflict[^/]*)\.md$"
)


class Folder(msgspec.Struct):
    """The files of a source: a folder, one file, or some files of a folder.

    It records whether everything was seen, and provides the names used for scans and keys.
    """

    kind: str
    name: str
    root: Path
    only: tuple[Path, ...] = ()
    fits: Callable[[str], bool] = bool
    """Whether a file at this path, found in a folder, belongs to the source."""
    context: str = ""
    """What determines the source's results besides its files: its settings as text."""
    missed: bool = False
    """Whether something was unreadable, so that missing documents may still exist."""
    count: disk.Count = msgspec.field(default_factory=disk.Count)
    """The progress of the scan; sources with many files keep it."""
    others: dict[str, str] | None = None
    """The path of each file that does not fit, by casefolded path and name; None = not wanted.
    Where they are wanted, links and notes that are left out are told, too."""

    @property
    def container(self) -> str:
        """The name of what a scan covers."""
        return f"{self.kind}:{self.name}"

    @property
    def namespace(self) -> str:
        """The part of keys before the slash."""
        return f"{self.kind}:{percent(self.name)}"

    def files(self) -> Iterator[File | Problem]:
        """Yield the matching files, sorted, and a problem for each unreadable folder.

        Links and hidden files are skipped. A file that the user named is included whatever its
        name.
        """
        self.missed = False
        found: dict[str, File | Problem] = {}
        if self.others is not None and self.only:
            for _ in self._below(self.root):  # links lead anywhere in the vault
                pass
        for start in self.only or (self.root,):
            path = disk.relative(start, self.root)
            alone = [File(path, str(start), True, disk.stamp_at(start))] if start.is_file() else ()
            if alone and self.others is not None and not start.is_relative_to(self.root):
                found[path] = Problem(start.name, "it is outside the vault")
                continue
            for one in alone or self._below(start):
                where = one.path if isinstance(one, File) else one.where
                twin = found.setdefault(where, one)
                if isinstance(one, File) and isinstance(twin, File) and one.place != twin.place:
                    what = "left out: another file here has the same name, encoded differently (é as e and ´)"
                    found[f"{where}/"] = Problem(where, what, "rename one of the two")
        yield from found.values()

    def _below(self, start: Path) -> Iterator[File | Problem]:
        """Yield the files and problems below a folder."""
        failed: list[OSError] = []
        folders, is_vault = [str(start)], self.others is not None
        top = os.path.join(self.root, "")  # noqa: PTH118 - of very many files
        while folders:
            try:
                with os.scandir(folders.pop()) as listed:
                    shown = {one.path: one for one in listed if not one.name.startswith(".")}
                inner = [at for at, one in shown.items() if one.is_dir(follow_symlinks=False)]
            except OSError as error:
                failed.append(error)
                continue
            folders += sorted(inner, reverse=True)
            for at in sorted(shown.keys() - inner):
                entry = shown[at]
                path = disk.legible(at[len(top) :] if at.startswith(top) else entry.name)
                fits = self.fits(path)
                if entry.is_symlink():
                    is_folder = os.path.isdir(at)  # noqa: PTH112
                    if is_vault and self.fits(f"{path}/a.md" if is_folder else path):
                        what = f"a link {'to a folder ' if is_folder else ''}is not followed"
                        hint = "add the folder it leads to as a source, or put the link under `exclude`"
                        yield Problem(path, what, hint)
                elif is_vault and fits and _CONFLICT.match(path):
                    yield Problem(path, "a conflict copy was left out", "merge it, then delete it")
                elif fits and entry.is_file(follow_symlinks=False):
                    yield File(path, at, False, disk.stamp_at(at))
                elif self.others is not None:
                    self.others.setdefault(path.casefold(), path)
                    self.others.setdefault(path.rpartition("/")[2].casefold(), path)
        for problem in failed:
            missing = Path(str(problem.filename))
            top = str(missing) if missing == self.root else f"{disk.relative(missing, self.root)}/"
            what = f"cannot be listed: {problem.strerror or problem}"
            if isinstance(problem, NotADirectoryError):
                what = "it is neither a regular file nor a folder"
            yield self._missing(top, what if missing.exists() else "the folder is not there")

    def _missing(self, where: str, what: str) -> Problem:
        self.missed = True
        return Problem(where, what, "check the path, and that the disk is mounted")

    def problem(self, file: File, error: ItemError) -> Problem:
        """Return the problem with a file. The highlights of an unreadable file are kept."""
        self.missed |= isinstance(error.__cause__, OSError)
        return Problem(file.path, error.message, error.hint)

    def stamp(self) -> str:
        """Return a hash that changes whenever a scan may give other results. "" if unknown."""
        listed = list(self.files())
        stamps = [(one.place, one.stamp) for one in listed if isinstance(one, File)]
        whole = all(isinstance(one, File) or one.notice for one in listed)
        if not whole or not all(stamp and disk.proves(stamp) for _, stamp in stamps):
            return ""
        whose = (self.container, str(self.root), repr(self.only), self.context)
        return h16(disk.program(), *whose, repr(stamps))

    def end(self) -> Scan:
        """Return the end of a scan. It is complete if everything was to be read and was read."""
        return Scan(self.name, self.container, complete=not self.only and not self.missed)


# --- sources --------------------------------------------------------------------------------


@dataclass(frozen=True)
class FolderSource:
    """A source that reads the files of a folder. Subclasses define the format."""

    folder: Folder
    settings: Any
    me: Strings = ()

    kind: ClassVar[str]
    ending: ClassVar[Strings] = ()
    """The extensions of its files, if the settings have no patterns."""
    by_several: ClassVar[bool] = False
    """Whether its files may contain marks of several people, so that `me` matters."""

    @classmethod
    def open(
        cls,
        name: str,
        root: Path,
        settings: Any,
        only: tuple[Path, ...] = (),
        me: Strings = (),
    ) -> Self:
        """Return a reader for `root`; see `SourceModule.open_source`."""
        included = disk.matcher(getattr(settings, "include", ()))
        excluded = disk.matcher(getattr(settings, "exclude", ()))

        def fits(path: str) -> bool:
            if cls.ending:
                return path.casefold().endswith(cls.ending)
            return included(path) and not excluded(path)

        folder = Folder(
            cls.kind, name, root, only, fits, repr((settings, me if cls.by_several else ()))
        )
        return cls(folder, settings, me)


MOST = 20
"""The number of malformed items that are reported per file."""
LARGEST_EXPORT = 64_000_000
"""The maximum size of an export in bytes: a heavy reader's has two MB after ten years."""


Named = tuple[str, Iterator[Sighting]]
"""The name of a document for people, and what is read of it."""


class ExportSource(FolderSource):
    """A source that reads files exported from an account."""

    no_export: ClassVar[str]
    """What is said of another file that a person named, and what to do."""
    hint: ClassVar[str]
    rest: ClassVar[str]
    """What is said of more than `MOST` malformed items."""

    def items(self, path: str, text: str) -> Iterator[Any]:
        """Yield the items of a file, and a problem for each malformed one.

        Raises:
            ItemError: the rest of the file cannot be read.
        """
        raise NotImplementedError

    def documents(self, found: list[Any]) -> Iterator[Named]:
        """Yield the documents made of the items of all files."""
        raise NotImplementedError

    def scan(self, known: Known | None = None) -> Iterator[Sighting]:
        """Yield problems, then the documents, and a `Scan`.

        If no file has changed, nothing is read. Otherwise all files are read, because a document
        may be spread over several files and a file may contain several documents.
        """
        folder, own = self.folder, f"{self.kind} source {self.folder.name}"
        fingerprint = "" if known is None or folder.only else folder.stamp()
        paths = known.paths(folder.container) if known else None
        if known and paths is not None and known.is_unchanged(own, folder.name, fingerprint):
            yield from (Unchanged(folder.container, path) for path in paths)
            yield folder.end()
            return
        for sighting in self._read():
            if isinstance(sighting, Problem):
                fingerprint = ""  # problems are reported in every run
            yield sighting
        yield folder.end()
        if fingerprint and not folder.missed:
            yield Unmarked(own, folder.name, fingerprint)

    def _read(self) -> Iterator[Sighting]:
        """Yield problems, then the documents; the newest file is read last.

        There is a problem for each other file that the user named, or that looks like an export.
        """
        from ankiforge.extract.discover import kind_of, why_not

        files, found = list[File](), list[Any]()
        for file in self.folder.files():
            if isinstance(file, Problem):
                yield file
            elif kind_of(file.at) == self.kind:
                files.append(file)
            elif file.named or file.path.casefold().endswith(".csv"):
                is_empty = file.stamp is not None and not file.stamp[2]
                self.folder.missed |= file.named and not is_empty
                reason = ": ".join(filter(None, (self.no_export, why_not(file.at))))
                notice = is_empty or not file.named
                yield Problem(file.path, reason, self.hint, notice=notice)
        for file in sorted(files, key=lambda one: one.stamp[0] if one.stamp else 0):
            for item in self._contents(file):
                if isinstance(item, Problem):
                    yield item
                else:
                    found.append(item)
        for name, sightings in self.documents(found):
            yield from disk.of_one(name, sightings)

    def _contents(self, file: File) -> Iterator[Any]:
        """Yield the items of a file, and its problems: of the malformed items, only the first.

        A malformed item may be a damaged known one, so the scan is then incomplete.
        """
        broken = 0
        try:
            with one_item():
                for item in self.items(file.path, file.text(LARGEST_EXPORT)):
                    broken += isinstance(item, Problem)
                    if not isinstance(item, Problem) or broken <= MOST:
                        yield item
        except ItemError as error:
            broken += 1
            yield self.folder.problem(file, error)
        self.folder.missed |= broken > 0
        if broken > MOST:
            yield Problem(f"{file.path}: the rest", f"{broken - MOST} more {self.rest}")

    def document(self, key: Strings, title: str, **known: Any) -> Document:
        """Return a document whose key is made of `key`, with what else is known of it."""
        name = DocumentKey(f"{self.folder.namespace}/{h16(*key)}")
        return Document(name, self.folder.name, title or "Untitled", **known)

    def extracted(self, document: Document, highlights: Iterable[Highlight]) -> Iterator[Extracted]:
        """Yield a document with its highlights, unless there are none."""
        if made := tuple(highlights):
            yield Extracted(document, made, self.folder.container)


class FileSource(FolderSource):
    """A source with one document per file."""

    tells_of_named: ClassVar[bool] = False
    """Whether a file that the user named is read even if it is unchanged, to tell of it again."""

    def reading(self, files: list[File]) -> AbstractContextManager[Any]:
        """Return what reads these files, those that have changed."""
        return nullcontext()

    def contents(
        self, file: File, reader: Any, picture: Callable[[str], str]
    ) -> Iterator[Sighting]:
        """Yield what `document` does, from what `reading` has returned."""
        return self.document(file, disk.read_settled(file.place)[0], picture)

    def document(self, file: File, text: str, picture: Callable[[str], str]) -> Iterator[Sighting]:
        """Yield the document of a file, unless it has no highlights, and problems.

        `picture` returns the path of a picture by its name in the text; "" if it is not a picture.
        """
        raise NotImplementedError

    def scan(self, known: Known | None = None) -> Iterator[Sighting]:
        """Yield problems, one document per file with highlights, in path order, and a `Scan`.

        Files that are unchanged, with the pictures they show, are not read.
        """
        folder, read, files = self.folder, 0, list[File]()
        for listed in folder.files():
            if isinstance(listed, Problem):
                yield listed
            else:
                files.append(listed)
        yield from self.notices()
        files.sort(key=lambda one: one.path)
        folder.count.total = len(files)
        whose = h16(disk.program(), folder.name, os.path.realpath(folder.root), folder.context)
        changed = []
        for file in files:
            depends = known.depends(folder.container, file.path) if known else ()
            fingerprint = self._fingerprint(file, depends, whose)
            as_before = known and known.is_unchanged(folder.container, file.path, fingerprint)
            if not as_before or (self.tells_of_named and file.named):
                changed.append(file)
            else:
                read += 1
                yield Unchanged(folder.container, file.path)
        with self.reading(changed) as reader:
            for folder.count.done, file in enumerate(changed, read):
                pictures: dict[str, str] = {}

                def picture(target: str, at: File = file, seen: dict[str, str] = pictures) -> str:
                    return seen.setdefault(target, picture_path(target, at.path, folder))

                try:
                    with one_item():
                        found = [*self.contents(file, reader, picture)]
                except ItemError as error:
                    yield folder.problem(file, error)
                    continue
                read += 1
                is_told = any(isinstance(one, Problem) for one in found)  # it is told every time
                fingerprint = (
                    "" if is_told or not known else self._fingerprint(file, pictures, whose)
                )
                for one in found:
                    if isinstance(one, (Extracted, Unmarked)):
                        yield replace(one, fingerprint=fingerprint, depends=tuple(pictures))
                    else:
                        yield one
                if fingerprint and not found:
                    yield Unmarked(
                        folder.container,
                        file.path,
                        fingerprint,
                        tuple(pictures),
                        public_text=LateText(partial(self.public_text, file)),
                    )
            folder.missed |= bool(files) and not read
        yield folder.end()

    def public_text(self, file: File) -> str:
        """Return the text of a file in which nothing is marked or private; "" if it is not known."""
        return ""

    def notices(self) -> Iterator[Problem]:
        """Yield what is to be told of the source besides its files."""
        yield from ()

    def _fingerprint(self, file: File, depends: Iterable[str], whose: str) -> str:
        """Return all that determines what a file yields; "" if its stamp proves nothing.

        `whose` is what determines it for all files.
        """
        if file.stamp is None or not disk.proves(file.stamp):
            return ""
        found = [(name, picture_path(name, file.path, self.folder)) for name in depends]
        return f"{whose} {file.stamp} {h16(repr(found)) if found else ''}"

    @property
    def selection(self) -> str:
        """The settings that select passages, as text."""
        return selection_of(self.settings)


def picture_path(target: str, note: str, folder: Folder) -> str:
    """Return the path of a picture below the root, by its address in a note.

    Return the address itself if no such file is found, "" if it is not a picture.
    """
    base = folder.root if folder.root.is_dir() else folder.root.parent
    if not disk.PICTURE.match(target):
        return ""
    others, here = folder.others or {}, posixpath.dirname(note)
    for path in (posixpath.join(here, target), target.lstrip("/")):
        normal = posixpath.normpath(path)
        if normal.casefold() in others:
            return others[normal.casefold()]
        with suppress(OSError, ValueError):
            if (
                folder.others is None
                and not normal.startswith(("/", ".."))
                and (base / normal).is_file()
            ):
                return normal
    return others.get(target.rpartition("/")[2].casefold(), target)


def selection_of(settings: msgspec.Struct) -> str:
    """Return the settings as text. Different texts may select different passages."""
    values = msgspec.to_builtins(settings)
    told = {key: value for key, value in values.items() if key not in ("path", "name")}
    return msgspec.json.encode(told, order="sorted").decode()


def selected_forms(words: Iterable[str], default: Iterable[str]) -> frozenset[str]:
    """Return the card forms that a `cards:` list selects.

    `-word` excludes a form. A list with nothing but exclusions starts from the default.
    """
    words = tuple(words)
    without = {word[1:] for word in words if word.startswith("-")}
    named = {word for word in words if not word.startswith("-")}
    return frozenset((named if named or not without else set(default)) - without)


def iso_time(words: str) -> str:
    """Return a time as ISO 8601, in UTC if it has no zone. "" if it is not a time."""
    try:
        found = datetime.fromisoformat(words)
    except ValueError:
        return ""
    return found.replace(tzinfo=found.tzinfo or UTC).isoformat()
