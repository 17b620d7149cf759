"""Helpers for reading files: path patterns, text decoding, and stamps to detect changes.

A *stamp* consists of the times, size and inode of a file. As in version control systems, a
file whose stamp is unchanged counts as unchanged. This isn't reliable for a very recent
stamp, because two writes within one tick of the file system's clock have the same stamp.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import stat
import time
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec

from ankiforge.config import SETTINGS_FILE_NAME
from ankiforge.errors import ItemError
from ankiforge.model import VANISHED, Json, Strings, hash16
from ankiforge.text import regex
from ankiforge.text.decoding import decode_text

MAX_TEXT_BYTES = 16_000_000
"""The default maximum size of a text file, in bytes."""
MAX_SETTINGS_BYTES = 2_000_000
"""The maximum size of another program's settings file, in bytes."""
VAULT_SUFFIXES = (".md", ".qmd", ".rmd")
"""The suffixes of notes in a vault or folder, with those of Quarto and R Markdown."""
NOTE_SUFFIXES = (*VAULT_SUFFIXES, ".markdown", ".txt")
"""The suffixes of all files in Markdown or plain text."""
MISSING_FILE_HINT = "renamed or deleted? the next run reads whatever is there"
MEDIA_FILE_NAME = regex(
    r"(?i).*\.(?:png|jpe?g|gif|svg|webp|avif|bmp"
    r"|mp3|m4a|wav|ogg|oga|opus|flac|aac|3gp|mp4|m4v|webm|ogv|mov|mkv|avi)$"
)
"""Matches the names of image, audio and video files that a note may embed."""

# --- stamps -----------------------------------------------------------------------------

Stamp = tuple[int, int, int, int]
"""(mtime in ns, ctime in ns, size, inode). Programs can set the mtime back, but not the ctime."""

TICK_NS = 100_000_000
"""The coarsest resolution of file systems that store fractions of a second."""
_FAT_TICK_NS = 2_000_000_000
"""The resolution of FAT, which is two seconds."""


def build_stamp(status: os.stat_result) -> Stamp:
    """Build a file stamp from an `os.stat` result."""
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def read_stamp(path: str | Path) -> Stamp | None:
    """Return the stamp of a file, or None if the file is missing or inaccessible."""
    try:
        return build_stamp(os.stat(path))  # noqa: PTH116 - called for many files
    except (OSError, ValueError):
        return None


def summarize_content(path: Path) -> str | None:
    """Return the size and the hash of a file, or None if it can't be read."""
    try:
        size = path.stat().st_size
        return f"{size} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError:
        return None


def has_content(path: Path, summary: str) -> bool:
    """Return whether a file has the content that `summarize_content` described.

    The file is only read if it has the right size.
    """
    try:
        size = path.stat().st_size
    except OSError:
        return False
    return summary.startswith(f"{size} ") and summarize_content(path) == summary


def is_stamp_reliable(stamp: Stamp, now_ns: int | None = None) -> bool:
    """Return whether any further change to the file is certain to change its stamp.

    This is true if both times in the stamp are at least one tick of the file system's clock old.

    Args:
        stamp: The stamp of the file.
        now_ns: The time to compare with, in nanoseconds, or None for the current time.
    """
    now = time.time_ns() if now_ns is None else now_ns
    for file_time in stamp[:2]:
        is_whole_second = (
            file_time % 1_000_000_000 == 0
        )  # this suggests a FAT file system
        tick = _FAT_TICK_NS if is_whole_second else TICK_NS
        if file_time + tick >= now:
            return False
    return True


@cache
def fingerprint_program() -> str:
    """Return a hash that changes whenever this program or its libraries are updated."""
    libraries = Path(msgspec.__file__).parents[1].stat().st_mtime_ns
    modules = sorted(Path(__file__).parents[1].rglob("*.py"))
    stamps = [f"{path} {read_stamp(path)}" for path in modules]
    return hash16(*stamps, str(libraries))


# --- names ------------------------------------------------------------------------------

# Matches what shops, libraries and programs add to file names.
_FILE_NAME_CLUTTER = regex(
    r"(?i)(?:\s*\((?:\d{1,2}|unknown|\s*(?:z-?lib|libgen|welib)[^)]*|[^)]*library[^)]*|copy|kopie"
    r"|test|notes|highlight(?:s|ed)|annotat(?:ions|ed)"
    # added by the Kindle Store: `(Spanish Edition)`
    r"|(?:spanish|english|german|french|italian|portuguese|dutch|russian|polish|japanese|chinese)"
    r" edition)\)"
    r"|(?<=[^\W\d])\s\d{5,9}"  # a shop's product number
    # a publisher and a year: `-MIT Press (2020)`, but not `Spider-Man (2002)`
    r"|(?:\s-(?-i:(?=[^\W\d_a-zß-ÿ]))[^-()]{2,60}|-[^-()]{0,40}\b(?:press|verlag|publish\w*|books|university"
    r"|media|company|editora?|springer|wiley)"
    r"[^-()]{0,40})\s\((?:1[5-9]|20)\d\d\)"
    r"|[-_ ](?:min|compressed|optimized|kopie|copy|final_version)|\s+[0-9a-f]{32}"
    r"|\s*-{1,2}\s*(?:libgen\.\w+|anna[’'_]?s archive)|\s*-{2}|\.(?:pdf|epub|mobi|azw3?|docx?))$"
    r"|^[a-z]:\\(?:[^\\]*\\)*|^microsoft word - |^\[?anna[’'_]?s archive\]?\s*(?:--)?\s*"
)
# An advertising sentence in brackets, as a Chinese shop adds it.
_ADVERTISEMENT = regex(
    r"\s*[(（【](?=[^()（）【】]*[\u4e00-\u9fff]{2})[^()（）【】]{16,400}[)）】]"
)
# A `_ ` that replaces a colon, which file names can't contain, and a `_` where a name was cut off.
_REPLACED_COLON = regex(r"(?<=\w)_ (?=\w)")
_CUT_OFF_MARK = regex(r"(?<=[^\W_])_$")

AUTHOR_AND_YEAR_PREFIX = regex(
    r"^[^-–—]{2,80}(?: [-–—] (?:1[5-9]|20)\d\d [-–—] |_(?:1[5-9]|20)\d\d_)(?=[^\W\d_a-zß-ÿ].{7})"
)
"""Matches what precedes the title in names such as `Author - Year - Title` and `Author_Year_Title`.
"""


def title_from_file_name(stem: str) -> str:
    """Convert a file name, given without its suffix, to a title.

    Ids, numbers such as `(1)`, and text that shops and libraries add are removed. If the name
    contains no spaces, `+`, `%20` and `_` become spaces. For example, `Old_Title_(1)` becomes
    `Old Title`, and `History_ A Life (z-lib.org)` becomes `History: A Life`.
    """
    title = AUTHOR_AND_YEAR_PREFIX.sub("", stem)
    title = _ADVERTISEMENT.sub("", title)
    # one addition may follow another, as in `Title (1)-compressed`
    while _FILE_NAME_CLUTTER.search(title):
        title = _FILE_NAME_CLUTTER.sub("", title)
    if " " in title:
        title = _CUT_OFF_MARK.sub("…", title)
    else:
        for space in ("+", "%20", "_"):
            title = title.replace(space, " ")
    title = " ".join(_REPLACED_COLON.sub(": ", title).split())
    if not any(map(str.isalpha, title)):
        return stem
    return title


_UNKNOWN_AUTHORS = frozenset(
    ("unknown", "unknown author", "unbekannt", "inconnu", "desconocido")
)


def remove_unknown_authors(names: Iterable[str]) -> Strings:
    """Drop empty names and placeholders such as `Unknown`."""
    return tuple(
        name for name in names if name and name.casefold() not in _UNKNOWN_AUTHORS
    )


# --- walking ----------------------------------------------------------------------------

# The hidden directories of a Kobo, and those of KOReader on a Kobo.
_READER_DIRECTORIES = frozenset((".kobo", ".adds"))
SYSTEM_DIRECTORIES = frozenset(
    ("#recycle", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")
)
"""Directories in which Windows, Linux and storage servers keep deleted and internal files."""


def is_hidden(name: str) -> bool:
    """Return whether files and directories with this name are hidden, and should be skipped."""
    if name.startswith("."):
        return name not in _READER_DIRECTORIES
    return name in SYSTEM_DIRECTORIES


def parse_icloud_placeholder(name: str) -> str | None:
    """Return the original name of a file that iCloud replaced with `.name.icloud`.

    Returns None for any other name.
    """
    if not name.startswith(".") or not name.endswith(".icloud"):
        return None
    return name[1:].removesuffix(".icloud")


_LOGSEQ_BACKUPS = ("bak", "version-files")
_WORKSPACE_DIRECTORIES = frozenset(("decks", "journal", "prompts"))


def is_skipped_directory(parent: str | Path, name: str) -> bool:
    """Return whether a directory only contains Logseq backups, or files of a workspace."""
    if name in _LOGSEQ_BACKUPS and Path(parent).name == "logseq":
        return True
    if name not in _WORKSPACE_DIRECTORIES:
        return False
    return os.path.lexists(os.path.join(parent, SETTINGS_FILE_NAME))  # noqa: PTH118 - called for many directories


def normalize_name(name: str) -> str:
    """Normalize a file name to NFC, replacing undecodable bytes with U+FFFD."""
    if name.isascii():
        return name
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


def find_path_on_disk(base: Path, path: str) -> Path:
    """Convert a relative path in NFC to the path under which the file is stored on disk.

    The names on disk may use a different Unicode normalization form.
    """
    directory = base
    for name in Path(path).parts:
        child = directory / name
        if not name.isascii() and name != "/" and not child.exists():
            child = _find_namesake(directory, name) or child
        directory = child
    return directory


def _find_namesake(directory: Path, name: str) -> Path | None:
    """Return the last entry of a directory whose name is the same in NFC, or None."""
    found = None
    with suppress(OSError):
        for entry in directory.iterdir():
            if normalize_name(entry.name) == normalize_name(name):
                found = entry
    return found


def get_relative_path(path: Path, root: Path) -> str:
    """Return a path relative to the root, in NFC and with `/` separators.

    For the root itself, or for a path outside it, returns just the name.
    """
    if path != root and path.is_relative_to(root):
        return normalize_name(path.relative_to(root).as_posix())
    return normalize_name(path.name)


def find_vault(folder: Path) -> Path | None:
    """Return the Obsidian vault that `folder` is in, or None."""
    for directory in (folder, *folder.parents):
        if (directory / ".obsidian").is_dir():
            return directory
    return None


def compile_patterns(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Compile path patterns into a function that matches relative paths against them.

    The syntax is that of `.gitignore`, but case-insensitive: `*` and `?` match within a name,
    and `**` matches any number of directories. A pattern without a slash, except at its end,
    matches at any depth. A pattern that matches a directory matches everything in it.
    """
    rules = [_Pattern(pattern) for pattern in patterns]

    def is_match(path: str) -> bool:
        names = path.casefold().split("/")
        return any(rule.matches(names) for rule in rules)

    return is_match


class _Pattern:
    """A path pattern that matches in O(len(pattern) * len(path)) time."""

    def __init__(self, pattern: str) -> None:
        """Compile a pattern, such as `notes/**/*.md`, `*.md` or `drafts/`."""
        normalized = unicodedata.normalize("NFC", pattern).casefold().removeprefix("./")
        without_slash = normalized.rstrip("/")
        self._inside_only = without_slash != normalized
        """Whether the pattern only matches the contents of a directory, because it ends with a
        slash.
        """
        self._parts: list[re.Pattern[str] | None] = []
        """A regular expression for each name, or None for any number of directories."""
        matches_at_any_depth = "/" not in without_slash
        if matches_at_any_depth:
            self._parts.append(None)
        for name in without_slash.removeprefix("/").split("/"):
            if name == "**":
                self._parts.append(None)
            else:
                expression = fnmatch.translate(name.replace("[", "[[]"))
                self._parts.append(re.compile(expression))

    def matches(self, names: list[str]) -> bool:
        """Return whether the pattern matches a path or one of its parent directories.

        `names` are the components of the path. Because of `**`, the parts of the pattern may match
        beginnings of different lengths: `**/a` matches the first name and the first three of
        `a/b/a/c`. All possible lengths are followed at once.
        """
        match_lengths = {0}
        for part in self._parts:
            if part is None:
                match_lengths = set(range(min(match_lengths), len(names) + 1))
                continue
            next_lengths = set()
            for length in match_lengths:
                if length < len(names) and part.match(names[length]):
                    next_lengths.add(length + 1)
            if not next_lengths:
                return False
            match_lengths = next_lengths
        if self._inside_only:  # at least one more name must follow
            return min(match_lengths) < len(names)
        return True


# --- reading ----------------------------------------------------------------------------


class SpecialFileError(OSError):
    """Raised when a path leads to a pipe, device, socket or directory."""


def open_regular_file(path: str, flags: int) -> int:
    """Opener for `open()` that refuses anything but regular files.

    Opening a pipe would block until there is a writer, and a device may never end.

    Raises:
        SpecialFileError: The path doesn't lead to a regular file.
    """
    error = SpecialFileError(None, "it is not a regular file", path)
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - opening a device may change it
        raise error
    # Windows has neither of these flags
    no_wait_flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    descriptor = os.open(path, flags | no_wait_flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # replaced since the check
        os.close(descriptor)
        raise error
    return descriptor


def read_file(path: str | Path, max_bytes: int) -> tuple[bytes, os.stat_result]:
    """Read a regular file, and return its content and its `os.stat` result.

    All sources must use this function or `open_regular_file`. Symbolic links are followed.

    Raises:
        ItemError: The file isn't a regular file, is larger than `max_bytes`, or is unreadable.
    """
    try:
        with open(path, "rb", opener=open_regular_file) as file:
            status = os.fstat(file.fileno())
            if status.st_size > max_bytes:
                hint = "split it, or leave it out with `exclude`"
                raise ItemError(
                    f"it is larger than {max_bytes // 1_000_000} MB", hint=hint
                )
            return file.read(status.st_size + 1), status
    except OSError as error:
        raise build_read_error(error) from error


def read_json_settings(path: Path) -> Json:
    """Load another program's settings file, which must hold a JSON object.

    Raises:
        ItemError: The file is unreadable, too large, too deeply nested, or not a JSON object.
    """
    raw, _ = read_file(path, MAX_SETTINGS_BYTES)
    try:
        return msgspec.json.decode(raw, type=Json)
    except (ValueError, RecursionError) as error:  # including invalid UTF-8
        raise ItemError(str(error)) from error


def build_read_error(error: OSError) -> ItemError:
    """Convert an `OSError` to an `ItemError` that explains why a file can't be read."""
    if isinstance(error, FileNotFoundError):
        return ItemError(VANISHED, hint=MISSING_FILE_HINT)
    if isinstance(error, SpecialFileError):
        hint = "pipes, devices and folders are not read"
        return ItemError(str(error.strerror), hint=hint)
    message = f"cannot be read: {error.strerror or error}"
    return ItemError(message, hint="check its permissions")


QUIET_SECONDS = 0.3
"""How long a note must be unchanged before it is read."""
EMPTY_QUIET_SECONDS = 2.0
"""How long an empty note must be unchanged, as a program may be about to fill it."""
MAX_TRIES = 10


def read_when_unchanged(path: str, max_bytes: int = MAX_TEXT_BYTES) -> tuple[str, Stamp]:
    """Wait until no program is writing to a note, and return its text and stamp.

    While a program replaces the content of a file, a read may return only part of it. Comparing
    two reads doesn't detect this (in a test, 74 of 100 partial reads looked complete), so wait
    until the file has been unchanged for some time. Line endings are converted to LF.

    Raises:
        ItemError: The note is too large, isn't text, keeps changing, or is unreadable.
    """
    for _ in range(MAX_TRIES):
        raw, status = read_file(path, max_bytes)
        quiet_seconds = QUIET_SECONDS if status.st_size else EMPTY_QUIET_SECONDS
        seconds_left = status.st_mtime + quiet_seconds - time.time()
        if not 0 < seconds_left <= quiet_seconds:  # times in the future are ignored
            return decode_text(raw), build_stamp(status)
        time.sleep(seconds_left)
    raise ItemError("it keeps changing", hint="run again later") from OSError()
