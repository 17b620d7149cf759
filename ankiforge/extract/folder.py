"""The common base of sources that read the files of a folder: listing, scanning, settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar

import msgspec

from ankiforge.errors import ItemError, one_item
from ankiforge.extract.files import (
    LARGEST,
    PICTURE,
    Count,
    is_loop,
    looping,
    matcher,
    of_one,
    program,
    proves,
    relative,
    stamp_at,
    stamp_of,
    text_of,
    unreadable,
    walk,
)
from ankiforge.model import (
    Extracted,
    Highlight,
    Known,
    Problem,
    Scan,
    Sighting,
    Source,
    Unchanged,
    Unmarked,
    h16,
)
from ankiforge.text.anchors import percent


@dataclass(frozen=True, slots=True)
class File:
    """A file below the root of a source."""

    path: str
    """Relative to the root, with `/`, in NFC. For the root itself, its name."""
    at: Path
    named: bool
    """Whether the user named this file, as opposed to its folder."""

    def text(self, largest: int = LARGEST) -> str:
        """Return the whole text with LF line ends and without a byte order mark.

        Raises:
            ItemError: it is too large, not text, or unreadable.
        """
        try:
            with self.at.open("rb") as file:
                raw = file.read(largest + 1)
        except OSError as error:
            raise unreadable(error) from error
        if len(raw) > largest:
            raise ItemError(f"it is larger than {largest // 1_000_000} MB", hint="split it")
        return text_of(raw)


@dataclass(slots=True)
class Folder:
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
    count: Count = field(default_factory=Count)

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
        seen: set[Path] = set()
        found: list[File | Problem] = []
        for start in self.only or (self.root,):
            failed: list[OSError] = []
            for at in walk(start, failed.append):
                file = File(relative(at, self.root), at, at == start)
                if at not in seen and (file.named or self.fits(file.path)):
                    seen.add(at)
                    found.append(file)
            for error in failed:
                if is_loop(error):
                    where = relative(Path(str(error.filename)), self.root)
                    found.append(looping(where, error))
                    continue
                self.missed = True
                what = f"cannot be listed: {error.strerror or error}"
                hint = "check that it is there, and its permissions"
                found.append(Problem(str(error.filename or self.root), what, hint))
        self.count.done, self.count.total = 0, len(seen)
        for item in found:
            yield item
            self.count.done += isinstance(item, File)

    def texts(self) -> Iterator[tuple[File, str] | Problem]:
        """Yield the files with their text, and a problem for each file that cannot be read."""
        for file in self.files():
            if isinstance(file, Problem):
                yield file
                continue
            try:
                text = file.text()
            except ItemError as error:
                yield self.problem(file, error)
            else:
                yield file, text

    def problem(self, file: File, error: ItemError) -> Problem:
        """Return the problem with a file. The highlights of an unreadable file are kept."""
        self.missed |= isinstance(error.__cause__, OSError)
        return Problem(file.path, error.message, error.hint)

    def stamp(self) -> str:
        """Return a hash that changes whenever a scan may give other results. "" if unknown."""
        failed: list[OSError] = []
        try:
            stamps = [
                (str(at), stamp_of(at.stat()))
                for start in self.only or (self.root,)
                for at in walk(start, failed.append)
                if at == start or PICTURE.match(at.name) or self.fits(relative(at, self.root))
            ]
        except OSError:
            return ""
        if not all(map(is_loop, failed)) or not all(proves(stamp) for _, stamp in stamps):
            return ""
        whose = (self.container, str(self.root), repr(self.only), self.context)
        return h16(program(), *whose, repr(stamps))

    def end(self) -> Scan:
        """Return the end of a scan. It is complete if everything was to be read and was read."""
        return Scan(self.name, self.container, complete=not self.only and not self.missed)

    def named(self, paths: Iterable[str]) -> Folder:
        """Return the same folder restricted to these files, whether they match or not."""
        files = (self.root if self.root.is_file() else self.root / path for path in paths)
        return replace(self, only=tuple(file for file in files if file.is_file()), missed=False)


# --- sources --------------------------------------------------------------------------------


@dataclass(frozen=True)
class FolderSource:
    """A source that reads the files of a folder. Subclasses define the format."""

    folder: Folder
    settings: Any
    me: tuple[str, ...] = ()

    kind: ClassVar[str]
    ending: ClassVar[tuple[str, ...]] = ()
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
        me: tuple[str, ...] = (),
    ) -> Self:
        """Return a reader for `root`; see `SourceModule.open_source`."""
        included = matcher(getattr(settings, "include", ()))
        excluded = matcher(getattr(settings, "exclude", ()))

        def fits(path: str) -> bool:
            if cls.ending:
                return path.casefold().endswith(cls.ending)
            return included(path) and not excluded(path)

        folder = Folder(
            cls.kind, name, root, only, fits, repr((settings, me if cls.by_several else ()))
        )
        return cls(folder, settings, me)

    def stamp(self) -> str:
        """Return a hash that changes whenever a scan may give other results, for the watcher."""
        return self.folder.stamp()

    def scan(self, known: Known | None = None) -> Iterator[Sighting]:
        """Run one scan: yield documents and problems.

        If no file has changed, nothing is read. Otherwise all files are read, because a document
        may be spread over several files and a file may contain several documents.
        """
        folder, own = self.folder, f"{self.kind} source {self.folder.name}"
        fingerprint = "" if known is None or folder.only else folder.stamp()
        if known and known.is_unchanged(own, folder.name, fingerprint):
            paths = known.paths(folder.container)
            if paths is not None:
                folder.missed = False
                yield from (Unchanged(folder.container, path) for path in paths)
                yield folder.end()
                return
        for sighting in self.read():
            if isinstance(sighting, Problem):
                fingerprint = ""  # problems are reported in every run
            yield sighting
        yield folder.end()
        if fingerprint and not folder.missed:
            yield Unmarked(own, folder.name, fingerprint)

    def read(self) -> Iterator[Sighting]:
        """Yield documents and problems."""
        raise NotImplementedError


MOST = 20
"""The number of malformed items that are reported per file."""


class ExportSource(FolderSource):
    """A source that reads files exported from an account."""

    no_export: ClassVar[str]
    """What is said of another file that a person named, and what to do."""
    hint: ClassVar[str]
    rest: ClassVar[str]
    """What is said of more than `MOST` malformed items."""
    oldest_first: ClassVar[bool] = False
    """Whether the files are read by age, not by path."""

    def items(self, file: File) -> Iterator[Any]:
        """Yield the items of a file, and a problem for each malformed one.

        Raises:
            ItemError: the rest of the file cannot be read.
        """
        raise NotImplementedError

    def files(self) -> Iterator[File | Problem]:
        """Yield the files in this format, after the problems.

        There is a problem for each other file that the user named, or that looks like an export.
        """
        from ankiforge.extract.discover import FOREIGN_JSON, kind_of, why_not

        files = list[tuple[int, File]]()
        for file in self.folder.files():
            if isinstance(file, Problem):
                yield file
                continue
            stamp = stamp_at(file.at)
            if kind_of(file.at) == self.kind:
                files.append((stamp[0] if stamp and self.oldest_first else 0, file))
                continue
            why = why_not(file.at)
            is_empty = stamp is not None and not stamp[2]
            if file.named or (why and why != FOREIGN_JSON):
                self.folder.missed |= file.named and not is_empty
                reason = f"{self.no_export}: {why}" if why else self.no_export
                yield Problem(file.path, reason, self.hint, notice=is_empty or not file.named)
        yield from (file for _, file in sorted(files, key=lambda pair: pair[0]))

    def contents(self, file: File) -> Iterator[Any]:
        """Yield the items of a file, and its problems: of the malformed items, only the first.

        A malformed item may be a damaged known one, so the scan is then incomplete.
        """
        broken = 0
        try:
            with one_item():
                for item in self.items(file):
                    broken += isinstance(item, Problem)
                    if not isinstance(item, Problem) or broken <= MOST:
                        yield item
        except ItemError as error:
            broken += 1
            yield self.folder.problem(file, error)
        self.folder.missed |= broken > 0
        if broken > MOST:
            yield Problem(f"{file.path}: the rest", f"{broken - MOST} more {self.rest}")


TERM: Literal["term"] = "term"
"""The form of cards that is read only if the settings ask for it."""


class TextSource(FolderSource):
    """A source with one document per file, whose settings select the passages to read."""

    all_marks: ClassVar[tuple[str, ...]]
    own_cards: ClassVar[tuple[str, ...]]
    """The forms of cards that are read by default."""

    def document(self, file: File, text: str) -> Iterator[Sighting]:
        """Yield the document of a file, unless it has no highlights, and problems."""
        raise NotImplementedError

    def read(self) -> Iterator[Sighting]:
        """Yield one document per file with highlights, in path order, and problems."""
        for found in self.folder.texts():
            if isinstance(found, Problem):
                yield found
            else:
                yield from of_one(found[0].path, self.document(*found))

    @property
    def selection(self) -> str:
        """The settings that select passages, as text."""
        return selection_of(self.settings)

    def unselected(self, paths: Collection[str], before: str) -> Iterator[Highlight]:
        """Yield what the files contain under the settings `before`, and under the widest ones."""
        some = self.folder.named(paths)
        every = wider_settings(self.settings, before, self.all_marks, (*self.own_cards, TERM))
        return highlights_of(replace(self, folder=some, settings=one) for one in every if some.only)


# --- what settings select -------------------------------------------------------------------
# A passage that is no longer read may have been deleted, or be excluded by the settings now. To
# distinguish these cases, a source offers `unselected`, which reads some of its files again under
# wider settings.
_Settings = TypeVar("_Settings", bound=msgspec.Struct)
_LOCATION_KEYS = ("path", "name")
"""Keys for the location of a source, which do not affect what is read."""


def selection_of(settings: msgspec.Struct) -> str:
    """Return the settings as text. Different texts may select different passages."""
    values = msgspec.to_builtins(settings)
    return msgspec.json.encode(
        {key: value for key, value in values.items() if key not in _LOCATION_KEYS}, order="sorted"
    ).decode()


def wider_settings(
    settings: _Settings, before: str, marks: Iterable[str], cards: Iterable[str]
) -> Iterator[_Settings]:
    """Yield the settings of `before`, then all cards alone, then each mark alone.

    They are read separately, because a passage that is both a mark and a card is read as one of
    them.
    """
    place = {key: getattr(settings, key) for key in _LOCATION_KEYS}
    with suppress(msgspec.MsgspecError, TypeError):  # written by another version
        yield msgspec.convert({**msgspec.json.decode(before), **place}, type(settings))
    yield msgspec.structs.replace(settings, marks=(), cards=tuple(cards))
    for mark in marks:
        yield msgspec.structs.replace(settings, marks=(mark,), cards=())


def highlights_of(sources: Iterable[Source]) -> Iterator[Highlight]:
    """Yield the highlights of all sources in turn. Problems are ignored."""
    for source in sources:
        for sighting in source.scan():
            if isinstance(sighting, Extracted):
                yield from sighting.highlights


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
