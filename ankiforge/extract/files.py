"""Match patterns, decode text, and stamp files.

A file with an unchanged stamp counts as unchanged, as in version control. A stamp that is
too recent proves nothing: two writes within one tick of the file system's clock have the
same stamp.
"""

from __future__ import annotations

import os
import re
import stat
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from ankiforge.config import FILE_NAME
from ankiforge.errors import ItemError
from ankiforge.model import WENT_AWAY, Json, Pair, Strings, h16
from ankiforge.text import regex
from ankiforge.text.decoding import text_of
from ankiforge.text.elements import BLOCKS

LARGEST = 16_000_000
"""The default maximum size of a text file in bytes."""
LARGEST_SETTINGS = 2_000_000
"""The maximum size in bytes of a file in which another program keeps its settings."""
READ_AGAIN = "renamed or deleted? the next run reads what is there by then"
EMBEDDED = regex(
    r"(?i).*\.(?:png|jpe?g|gif|svg|webp|avif|bmp"
    r"|mp3|m4a|wav|ogg|oga|opus|flac|aac|3gp|mp4|m4v|webm|ogv|mov|mkv|avi)$"
)
"""Matches the pictures, sounds and films that notes show."""

# --- stamps -----------------------------------------------------------------------------

Stamp = tuple[int, int, int, int]
"""mtime (ns), ctime (ns), size, inode. Programs can set back the mtime but not the ctime."""

TICK_NS = 100_000_000
"""The coarsest resolution of a file system that stores fractions of a second."""
_COARSE_NS = 2_000_000_000
"""The resolution of FAT: two seconds."""


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def stamp_at(path: str | Path) -> Stamp | None:
    """Return the stamp of the file at a path, None if there is none or it cannot be reached."""
    try:
        return stamp_of(os.stat(path))  # noqa: PTH116 - of many
    except (OSError, ValueError):
        return None


def proves(stamp: Stamp, now_ns: int | None = None) -> bool:
    """Return whether every later change of the file will give another stamp.

    This is so if the stamp is at least a tick old.
    """
    now = time.time_ns() if now_ns is None else now_ns
    modified, changed = stamp[:2]
    return _tick_is_over(modified, now) and _tick_is_over(changed, now)


def _tick_is_over(moment: int, now: int) -> bool:
    """Return whether a change now would get another time than this one, both in ns.

    Whole seconds hint at a file system that stores nothing finer.
    """
    tick = TICK_NS if moment % 1_000_000_000 else _COARSE_NS
    return moment + tick < now


@cache
def program() -> str:
    """Return a hash that changes with any change of this program or of its libraries."""
    libraries = Path(msgspec.__file__).parents[1].stat().st_mtime_ns
    modules = sorted(Path(__file__).parents[1].rglob("*.py"))
    stamps = [f"{path} {stamp_at(path)}" for path in modules]
    return h16(*stamps, str(libraries))


# --- names ------------------------------------------------------------------------------

# What shops, libraries and programs add to the name of a file.
_DEBRIS = regex(
    r"(?i)(?:\s*\((?:\d{1,2}|unknown|\s*(?:z-?lib|libgen|welib)[^)]*|[^)]*library[^)]*|copy|kopie"
    r"|test|notes|highlight(?:s|ed)|annotat(?:ions|ed)"
    # a Kindle's shop: `(Spanish Edition)`
    r"|(?:spanish|english|german|french|italian|portuguese|dutch|russian|polish|japanese|chinese)"
    r" edition)\)"
    r"|(?<=[^\W\d])\s\d{5,9}"  # the number in a shop
    # a publisher and a year: `-MIT Press (2020)`, but not `Spider-Man (2002)`
    r"|(?:\s-(?-i:(?=[^\W\d_a-zß-ÿ]))[^-()]{2,60}|-[^-()]{0,40}\b(?:press|verlag|publish\w*|books|university"
    r"|media|company|editora?|springer|wiley)"
    r"[^-()]{0,40})\s\((?:1[5-9]|20)\d\d\)"
    r"|[-_ ](?:min|compressed|optimized|kopie|copy|final_version)|\s+[0-9a-f]{32}"
    r"|\s*-{1,2}\s*(?:libgen\.\w+|anna[’'_]?s archive)|\s*-{2}|\.(?:pdf|epub|mobi|azw3?|docx?))$"
    r"|^[a-z]:\\(?:[^\\]*\\)*|^microsoft word - |^\[?anna[’'_]?s archive\]?\s*(?:--)?\s*"
)
# What a Chinese shop adds to praise a book: a sentence in brackets.
_PRAISE = regex(
    r"\s*[(（【](?=[^()（）【】]*[\u4e00-\u9fff]{2})[^()（）【】]{16,400}[)）】]"
)
# What stands for a colon, which no name of a file may have; and where a name was cut off.
_COLON = regex(r"(?<=\w)_ (?=\w)")
_CUT_OFF = regex(r"(?<=[^\W_])_$")

AUTHOR_AND_YEAR = regex(
    r"^[^-–—]{2,80}(?: [-–—] (?:1[5-9]|20)\d\d [-–—] |_(?:1[5-9]|20)\d\d_)(?=[^\W\d_a-zß-ÿ].{7})"
)
"""What stands before the title where a program names files: `Author - Year - `, `Author_Year_`."""


def title_in_name(stem: str) -> str:
    """Return the title that the name of a file says: without ids, `(1)`, `+` for blanks."""
    title = _PRAISE.sub("", AUTHOR_AND_YEAR.sub("", stem))
    while _DEBRIS.search(title):
        title = _DEBRIS.sub("", title)
    if " " in title:
        title = _CUT_OFF.sub("…", title)
    else:
        for blank in ("+", "%20", "_"):
            title = title.replace(blank, " ")
    title = " ".join(_COLON.sub(": ", title).split())
    return title if any(map(str.isalpha, title)) else stem


_NOBODY = frozenset(("unknown", "unknown author", "unbekannt", "inconnu", "desconocido"))


def known_authors(names: Iterable[str]) -> Strings:
    """Return the names of authors, without words such as `Unknown`."""
    return tuple(name for name in names if name and name.casefold() not in _NOBODY)


# --- walking ----------------------------------------------------------------------------

# What a Kobo keeps in its memory, and KOReader on a Kobo.
_OF_DEVICES = frozenset((".kobo", ".adds"))
BINS = frozenset(
    ("#recycle", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")
)
"""The folders in which Windows, Linux and storage servers keep deleted files, and their own."""


def is_hidden(name: str) -> bool:
    """Return whether a folder or file with this name is not looked at."""
    if name.startswith("."):
        return name not in _OF_DEVICES
    return name in BINS


_PLACEHOLDER = ".icloud"


def name_in_icloud(name: str) -> str:
    """Return the name of the file or folder of which iCloud left only `.name.icloud` here.

    "" for any other name.
    """
    if name.startswith(".") and name.endswith(_PLACEHOLDER):
        return name[1:].removesuffix(_PLACEHOLDER)
    return ""


_BACKUPS_OF_LOGSEQ = ("bak", "version-files")
_OF_WORKSPACES = frozenset(("decks", "journal", "prompts"))


def is_without_notes(folder: str | Path, name: str) -> bool:
    """Return whether a subfolder has copies of notes by Logseq, or files of a workspace."""
    if name in _BACKUPS_OF_LOGSEQ and Path(folder).name == "logseq":
        return True
    if name not in _OF_WORKSPACES:
        return False
    return os.path.lexists(os.path.join(folder, FILE_NAME))  # noqa: PTH118 - of many


def legible(name: str) -> str:
    """Return a file name in NFC. Undecodable bytes, as in old names, become U+FFFD."""
    if name.isascii():
        return name
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


def stored_at(base: Path, path: str) -> Path:
    """Return the file at a relative path in NFC, whose names on the disk may be in another form."""
    place = base
    for name in Path(path).parts:
        following = place / name
        if not name.isascii() and name != "/" and not following.exists():
            with suppress(OSError):
                for entry in place.iterdir():
                    if legible(entry.name) == legible(name):
                        following = entry
        place = following
    return place


def relative(path: Path, root: Path) -> str:
    """Return the path below root in NFC with `/` separators. Root itself gives its name."""
    if path != root and path.is_relative_to(root):
        return legible(path.relative_to(root).as_posix())
    return legible(path.name)


# The wildcards of a pattern. `**/` counts only where a name may begin.
_WILDCARD = regex(r"(?:^|(?<=/))\*\*/|\*\*|\*")
# What each of them matches: as little as possible, and as much as possible.
_FIRST = {"*": "[^/]*?", "**": ".*?", "**/": "(?:.*?/)??"}
_LAST = {"*": "[^/]*", "**": ".*", "**/": "(?:.*/)?"}


def matcher(patterns: Iterable[str], *, git: bool = False) -> Callable[[str], bool]:
    """Return a function that says whether a relative path matches any of the patterns.

    Case is ignored. `*` and `?` match within a name, `**` across folders. A pattern that
    ends in `/` matches everything in that folder. With `git`, patterns work as in
    `.gitignore`: without an inner slash they match at any depth, and a pattern for a
    folder matches everything in it.
    """
    expressions = []
    for pattern in patterns:
        if git:
            bare = unicodedata.normalize("NFC", pattern).removeprefix("./").rstrip("/")
            whole = bare.removeprefix("/") if "/" in bare else f"**/{bare}"
            content = "/.*" if pattern.endswith("/") else "(?:/.*)?"
            expression = _expression(whole) + content
        elif pattern.endswith("/"):
            expression = _expression(f"{pattern}**")
        else:
            expression = _expression(pattern)
        expressions.append(expression)
    # DOTALL and fullmatch: names may contain line breaks
    fits = re.compile(
        "|".join(expressions) or r"(?!)",
        re.IGNORECASE | re.DOTALL,
    ).fullmatch
    return lambda path: fits(path) is not None


def _expression(pattern: str) -> str:
    """Return a regular expression for a pattern, which takes at most quadratic time.

    What is between two wildcards is taken at its first place and nowhere else
    (`(?>…)`), as the standard library's `fnmatch` does it: a later place leaves less of
    the path to the wildcards after it, so nothing that matches is lost. Only the last
    wildcard of each kind may try several places, because what follows it has to reach the
    end.
    """
    wildcards = [match[0] for match in _WILDCARD.finditer(pattern)]
    literals = []
    for words in _WILDCARD.split(pattern):
        between_signs = map(re.escape, words.split("?"))
        literals.append("[^/]".join(between_signs))
    # the pieces between wildcards that cross folders, each with the wildcard before it
    parts = [[("", literals[0])]]
    for wildcard, literal in zip(wildcards, literals[1:], strict=True):
        if wildcard == "*":
            parts[-1].append((wildcard, literal))
        else:
            parts.append([(wildcard, literal)])
    *inner_parts, last_part = parts
    expression = ""
    for part in inner_parts:
        expression += f"(?>{_first_place(part)})"
    (wildcard, literal), *stars = last_part
    expression += _LAST.get(wildcard, "") + literal
    if stars:
        *inner_stars, last_star = stars
        for piece in inner_stars:
            expression += f"(?>{_first_place([piece])})"
        star, literal_after = last_star
        expression += _LAST[star] + literal_after
    return expression


def _first_place(pieces: list[Pair]) -> str:
    """Return a regular expression that takes each piece, wildcard and words, at its first place."""
    (wildcard, literal), *stars = pieces
    expression = _FIRST.get(wildcard, "") + literal
    for star, words in stars:
        expression += f"(?>{_FIRST[star]}{words})"
    return expression


# --- reading ----------------------------------------------------------------------------


class SpecialFileError(OSError):
    """A pipe, a device, a socket or a folder is where a file should be."""


def open_regular(path: str, flags: int) -> int:
    """Open a file for `open(…, opener=open_regular)`, but nothing that may never end.

    A pipe would wait for somebody who writes into it, and a device may be endless.

    Raises:
        SpecialFileError: it is not a regular file.
    """
    not_regular = SpecialFileError(None, "it is not a regular file", path)
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - to open a device may change it
        raise not_regular
    # Windows has neither of them
    no_waiting = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    handle = os.open(path, flags | no_waiting)
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # it was replaced meanwhile
        os.close(handle)
        raise not_regular
    return handle


def read_file(path: str | Path, largest: int) -> tuple[bytes, os.stat_result]:
    """Return the bytes of a file of a source, and its status in the system.

    Every reader of sources comes here, or opens the file with `open_regular`. A link to a
    regular file is followed.

    Raises:
        ItemError: it is not a regular file, has more than `largest` bytes, or is unreadable.
    """
    try:
        with open(path, "rb", opener=open_regular) as file:
            status = os.fstat(file.fileno())
            if status.st_size > largest:
                hint = "split it, or leave it out with `exclude`"
                raise ItemError(f"it is larger than {largest // 1_000_000} MB", hint=hint)
            return file.read(status.st_size + 1), status
    except OSError as error:
        raise unreadable(error) from error


def read_settings(path: Path) -> Json:
    """Return the JSON object in which another program keeps its settings.

    Raises:
        ItemError: it cannot be read, is too large or nested too deeply, or is not JSON
            object.
    """
    raw, _ = read_file(path, LARGEST_SETTINGS)
    try:
        return msgspec.json.decode(raw, type=Json)
    except (ValueError, RecursionError) as error:  # also of bytes that are no UTF-8
        raise ItemError(str(error)) from error


def decoded(raw: bytes | str | msgspec.Raw, shape: Any, problem: str) -> Any:
    """Return JSON of an export as a value of a type, the shape.

    Raises:
        ItemError: it is none, or nested too deeply: the problem with its reason.
    """
    try:
        return msgspec.json.decode(raw, type=shape)
    except (ValueError, RecursionError) as error:
        raise ItemError(f"{problem}: {error}", hint="export it again") from error


def unreadable(error: OSError) -> ItemError:
    """Return the error for an unreadable file."""
    if isinstance(error, FileNotFoundError):
        return ItemError(WENT_AWAY, hint=READ_AGAIN)
    if isinstance(error, SpecialFileError):
        return ItemError(
            str(error.strerror),
            hint="pipes, devices and folders are not read",
        )
    return ItemError(
        f"cannot be read: {error.strerror or error}",
        hint="check its permissions",
    )


QUIET_SECONDS = 0.3
"""How long a note must have been unchanged before it is read."""
EMPTY_SECONDS = 2.0
"""The same for an empty note, which may be about to be filled."""
TRIES = 10


def read_settled(path: str, largest: int = LARGEST) -> tuple[str, Stamp]:
    """Return a note's text with LF line ends, and its stamp. Wait while it is being written.

    A reader can see half of a file that a program empties and writes again. It does not
    help to compare the file before and after reading (measured: 74 of 100 such halves
    seem whole). Only waiting until the file has been unchanged for a while does.

    Raises:
        ItemError: it is too large, not text, never at rest, or unreadable.
    """
    for _ in range(TRIES):
        raw, status = read_file(path, largest)
        quiet = QUIET_SECONDS if status.st_size else EMPTY_SECONDS
        wait = status.st_mtime + quiet - time.time()
        if not 0 < wait <= quiet:  # times in the future are ignored
            return text_of(raw), stamp_of(status)
        time.sleep(wait)
    raise ItemError("it keeps changing", hint="run again later") from OSError()


# --- HTML -------------------------------------------------------------------------------

COMMENT = regex(r"(?s)<!--(?:(?!<!--).)*?-->")
_TAG = regex(r"(</?[A-Za-z][^<>]*>|<[!?][^<>]*>)")
_HIDDEN = regex(r"(?i)<(head|script|style|template)\b")
_BLOCK = regex(rf"(?i)</?(?:{'|'.join(sorted(BLOCKS))})\b")


def blocks_of(html: str) -> Iterator[tuple[str, str]]:
    """Yield the blocks that a page shows: the tag before each, and its words as one line."""
    from html import unescape

    def shown(parts: list[str]) -> str:
        return " ".join(unescape("".join(parts)).split())

    tag_before = ""
    words: list[str] = []
    hidden_by = ""  # the name of the element whose content is not shown
    for index, token in enumerate(_TAG.split(COMMENT.sub("", html))):
        if index % 2 == 0:
            if not hidden_by:
                words.append(token)
        elif hidden_by:
            end = _ELEMENT.match(token)
            if end and end[1] and end[2].casefold() == hidden_by:
                hidden_by = ""
        elif hiding := _HIDDEN.match(token):
            hidden_by = hiding[1].casefold()
        elif _BLOCK.match(token):
            yield tag_before, shown(words)
            tag_before = token
            words = []
    yield tag_before, shown(words)


Step = tuple[str, int]
"""One step to an element of a page: which one it is, from 1, of its parent's elements of this
name; `*` for of all of them. `#` and an id, 0: the element with this id, wherever it is."""
_ELEMENT = regex(r"<(/?)([A-Za-z][\w:-]*)")
_ID = regex(r"""(?i)\bid\s*=\s*["']([^"'<>]*)""")
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr")
)


def block_at(html: str, steps: tuple[Step, ...]) -> int | None:
    """Return the index, among those that `blocks_of` yields, of the block that has an element.

    Args:
        html: a page.
        steps: the way to the element from the root; the root itself is not a step.

    Returns:
        None if there is no such element.
    """
    block = 0
    hidden_by = ""
    open_elements = [_Open("", ())]
    for tag in _TAG.findall(COMMENT.sub("", html)):
        element = _ELEMENT.match(tag)
        if element is None:
            continue
        is_end, name = element[1], element[2].casefold()
        if hidden_by:
            hidden_by = "" if is_end and name == hidden_by else hidden_by
        elif _HIDDEN.match(tag) and not is_end:
            hidden_by = name
        elif _BLOCK.match(tag):
            block += 1
        if is_end:  # also of those in it that were left open
            for index in range(len(open_elements) - 1, 0, -1):
                if open_elements[index].name == name:
                    del open_elements[index:]
                    break
            continue
        step_by_name, step = open_elements[-1].next_child(name)
        path = (*open_elements[-1].way, (step_by_name, step))
        if _leads_to(steps, path, tag):
            return block
        if name not in _VOID and not tag.endswith("/>"):
            open_elements.append(_Open(name, () if name == "html" else path))
    return None


class _Open:
    """An element whose end has not been reached."""

    def __init__(self, name: str, way: tuple[tuple[Step, Step], ...]) -> None:
        self.name = name
        self.way = way
        """The steps to it, each by its name and by its number."""
        self._children: dict[str, int] = {}

    def next_child(self, name: str) -> tuple[Step, Step]:
        """Return the step to the child that begins: by its name, and among all children."""
        self._children[name] = self._children.get(name, 0) + 1
        among_equals = (name, self._children[name])
        among_all = ("*", sum(self._children.values()))
        return among_equals, among_all


def _leads_to(
    steps: tuple[Step, ...],
    way: tuple[tuple[Step, Step], ...],
    tag: str,
) -> bool:
    """Return whether an element, at the end of a way, is the one that some steps lead to."""
    first_name = steps[0][0] if steps else ""
    if first_name.startswith("#"):
        match = _ID.search(tag)
        return match is not None and f"#{match[1]}" == first_name
    if len(steps) != len(way):
        return False
    return all(step in names for step, names in zip(steps, way, strict=True))
