"""The files of a folder, one after another: what sources that read text files have in common."""

from __future__ import annotations

import errno
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from ankiforge.errors import ItemError
from ankiforge.extract._doors import FOREIGN_JSON, encoding_of, kind_of, why_not
from ankiforge.extract._stamps import program, proves, stamp_of
from ankiforge.model import WENT_AWAY, Problem, Scan, h16
from ankiforge.text.anchors import percent

LARGEST = 2_000_000
"""Bytes of a text, if the source says nothing else."""
READ_AGAIN = "renamed or deleted? the next run reads what is there"
PICTURE = re.compile(r".*\.(?:png|jpe?g|gif|svg|webp|avif|bmp)$", re.IGNORECASE)
"""What texts show."""


@dataclass(slots=True)
class Count:
    """How far a scan is; for a display, which may look at any time."""

    done: int = 0
    total: int = 0
    """0 = that is not known."""


@dataclass(frozen=True, slots=True)
class File:
    """A file below the root of a source."""

    path: str
    """Relative to the root, `/`, NFC; of the root itself its name."""
    at: Path
    named: bool
    """Whether it was asked for itself, not found in a folder."""

    @property
    def modified(self) -> int:
        """When it was last written; 0 if that cannot be told."""
        try:
            return self.at.stat().st_mtime_ns
        except OSError:
            return 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        try:
            return not self.at.stat().st_size
        except OSError:
            return False

    def text(self, largest: int = LARGEST) -> str:
        """All its text, line ends LF, without a byte order mark.

        Raises:
            ItemError: it is too large, no text, or cannot be read.
        """
        try:
            with self.at.open("rb") as file:
                raw = file.read(largest + 1)
        except OSError as error:
            raise unreadable(error) from error
        if len(raw) > largest:
            raise ItemError(f"it is larger than {largest // 1_000_000} MB", hint="split it")
        return text_of(raw)


def text_of(raw: bytes) -> str:
    """Text in UTF-8, or in UTF-16 that says so, its line ends LF.

    Raises:
        ItemError: it is neither.
    """
    wide = _unmarked(raw)
    if wide:
        raise ItemError(f"it seems to be {wide} without a byte order mark", hint=RE_SAVE)
    try:
        text = raw.decode(encoding_of(raw))
    except UnicodeDecodeError as error:
        what = f"not UTF-8: byte {error.start} is {raw[error.start]:#04x}"
        raise ItemError(what, hint=RE_SAVE) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


RE_SAVE = "re-save it as UTF-8"
_HEAD = 4096
"""Bytes of a file by which its encoding is guessed."""
LEAST_ZEROS = 6


def _unmarked(raw: bytes) -> str:
    """UTF-16 that does not say so, by its zero bytes: of Latin letters every other one is; ""."""
    head = raw[:_HEAD]
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" not in head:
        return ""
    first, second = head[::2].count(0), head[1::2].count(0)
    # blanks, digits and signs show in any script; a few zero bytes prove nothing
    if second > max(3 * first, LEAST_ZEROS) and second * 12 >= len(head[1::2]):
        return "UTF-16 (little endian)"
    if first > max(3 * second, LEAST_ZEROS) and first * 12 >= len(head[::2]):
        return "UTF-16 (big endian)"
    return ""


def moment(words: str) -> str:
    """A time as ISO 8601, of one without a zone taken for UTC; "" if it is none."""
    try:
        found = datetime.fromisoformat(words)
    except ValueError:
        return ""
    return found.replace(tzinfo=found.tzinfo or UTC).isoformat()


def unreadable(error: OSError) -> ItemError:
    """A file that is out of reach."""
    if isinstance(error, FileNotFoundError):
        return ItemError(WENT_AWAY, hint=READ_AGAIN)
    return ItemError(f"cannot be read: {error.strerror or error}", hint="check its rights")


@dataclass(slots=True)
class Folder:
    """What a source reads: a folder, one file, or some files of a folder.

    It knows whether all was seen, and what scans and keys are called.
    """

    kind: str
    name: str
    root: Path
    only: tuple[Path, ...] = ()
    fits: Callable[[str], bool] = bool
    """Whether a file at this path, found in a folder, is wanted."""
    context: str = ""
    """What decides, besides its files, what a source yields: its settings, in words."""
    missed: bool = False
    """Whether something was out of reach: what is not yielded may be there all the same."""
    count: Count = field(default_factory=Count)

    @property
    def container(self) -> str:
        """What a scan covers."""
        return f"{self.kind}:{self.name}"

    @property
    def namespace(self) -> str:
        """What stands before the slash of keys."""
        return f"{self.kind}:{percent(self.name)}"

    def files(self) -> Iterator[File | Problem]:
        """The files that fit, sorted; no links, nothing with a dot before; a problem per loss.

        A file that was asked for by itself is taken whatever it is called.
        """
        seen: set[Path] = set()
        self.missed = False
        found: list[File | Problem] = []
        for start in self.only or (self.root,):
            failed: list[OSError] = []
            for at in walk(start, failed.append):
                file = File(relative(at, self.root), at, at == start)
                if at not in seen and (file.named or self.fits(file.path)):
                    seen.add(at)
                    found.append(file)
            found += map(self._unlisted, failed)
        self.count.done, self.count.total = 0, len(seen)
        for one in found:
            yield one
            self.count.done += isinstance(one, File)

    def exports(self, what: str, hint: str) -> Iterator[File | Problem]:
        """Those that this kind of source reads; of others that were asked for a problem says what."""
        for file in self.files():
            if isinstance(file, Problem) or kind_of(file.at) == self.kind:
                yield file
            elif file.named:
                self.missed |= not file.is_empty
                why = why_not(file.at)
                told = f"{what}: {why}" if why else what
                yield Problem(file.path, told, hint, notice=file.is_empty)
            elif (why := why_not(file.at)) and why != FOREIGN_JSON:
                yield Problem(file.path, f"{what}: {why}", hint, notice=True)

    def texts(self, largest: int = LARGEST) -> Iterator[tuple[File, str] | Problem]:
        """The same with their text; a problem for each that has none."""
        for file in self.files():
            if isinstance(file, Problem):
                yield file
                continue
            try:
                text = file.text(largest)
            except ItemError as error:
                yield self.problem(file, error)
            else:
                yield file, text

    def problem(self, file: File, error: ItemError) -> Problem:
        """What is wrong with a file; one out of reach may hold what was seen before."""
        self.missed |= isinstance(error.__cause__, OSError)
        return Problem(file.path, error.message, error.hint)

    def stamp(self) -> str:
        """Changes whenever a scan may yield something else; "" if that cannot be told."""
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
        """The end of a scan: complete if it was to see everything and did."""
        return Scan(self.name, self.container, complete=not self.only and not self.missed)

    def named(self, paths: Iterable[str]) -> Folder:
        """The same folder, but of its files only these, whether they fit or not."""
        files = (self.root if self.root.is_file() else self.root / path for path in paths)
        return replace(self, only=tuple(file for file in files if file.is_file()), missed=False)

    def _unlisted(self, error: OSError) -> Problem:
        if is_loop(error):
            return looping(relative(Path(str(error.filename)), self.root), error)
        self.missed = True
        where = str(error.filename or self.root)
        hint = "check that it is there, and its permissions"
        return Problem(where, f"cannot be listed: {error.strerror or error}", hint)


def walk(root: Path, unreadable: Callable[[OSError], None]) -> Iterator[Path]:
    """The files below a folder, or the file itself, sorted; no links, nothing with a dot before.

    Args:
        root: a folder or file.
        unreadable: is told of every folder that cannot be listed, and of every link that leads
            round in a circle (see `is_loop`).
    """
    if root.is_file():
        yield root
        return
    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if name.startswith("."):
                continue
            if os.path.islink(path):  # noqa: PTH114 - of many
                loop = loop_at(path)
                if loop is not None:
                    unreadable(loop)
            elif os.path.isfile(path):  # noqa: PTH113 - of many
                yield path


def loop_at(path: str | Path) -> OSError | None:
    """What the system says of a link that leads round in a circle; None of any other."""
    try:
        os.stat(path)  # noqa: PTH116 - of many
    except OSError as error:
        return error if is_loop(error) else None
    return None


def is_loop(error: OSError) -> bool:
    """Whether it is only a link that leads round in a circle: nothing is lost with it."""
    return error.errno == errno.ELOOP


def looping(where: str, error: OSError) -> Problem:
    """A link that leads round in a circle."""
    what = f"a link that leads to itself was left out: {error.strerror}"
    return Problem(where, what, "delete the link", notice=True)


def relative(path: Path, root: Path) -> str:
    """The path below root, `/` between its parts, NFC; of root itself its name."""
    inside = path != root and path.is_relative_to(root)
    below = path.relative_to(root).as_posix() if inside else path.name
    text = os.fsencode(below).decode("utf-8", "replace")
    return unicodedata.normalize("NFC", text)


# --- patterns -------------------------------------------------------------------------------

_GLOB = re.compile(r"\*\*/|\*\*|\*|\?|.", re.DOTALL)
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a relative path fits one of these patterns; case is ignored.

    `*` and `?` stay within a name, `**` spans folders; a pattern that ends in `/` is a folder with
    all it holds.
    """
    compiled = [
        re.compile("".join(map(_translated, _GLOB.findall(whole))), re.IGNORECASE | re.DOTALL)
        for whole in (f"{one}**" if one.endswith("/") else one for one in patterns)
    ]
    return lambda path: any(one.fullmatch(path) for one in compiled)


def chosen(include: tuple[str, ...], exclude: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a relative path fits one of the first patterns and none of the others."""
    included, excluded = matcher(include), matcher(exclude)
    return lambda path: included(path) and not excluded(path)


def _translated(token: str) -> str:
    return _MEANING.get(token, re.escape(token))
