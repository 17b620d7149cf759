"""The log of a workspace, which explains afterwards what became of a card.

It contains ids, counts and words of this program only: no text, title or path of a source, and no
key. So it can be attached to a bug report. The ledger logs events and pending drafts, `ingest`
logs highlights, and `Workspace` logs the results of its commands.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from pathlib import Path

from ankiforge.config.files import lock_file, open_regular
from ankiforge.errors import LOGGER, OwnFileError
from ankiforge.model import Problem, hash16
from ankiforge.text import regex

LOG_FILE = "ankiforge.log"
MAX_LOG_BYTES = 1_000_000
"""The size at which the log is renamed to `ankiforge.log.1`, and that one to `ankiforge.log.2`."""
# A part of a highlight's key that isn't text: a hash, or an id of Zotero.
_OPAQUE_ID = regex(r"[0-9a-f]{16}(?:\.[0-9a-f]{16})?|[A-Z0-9]{8}")
# How a message begins, before it may quote anything.
_OWN_WORDS = regex(r"[A-Za-z ,;]*")
_FILE_SUFFIX = regex(r"\.[a-z0-9]{1,8}$")

# What could control a terminal. An id from another computer's journal may be anything.
_CONTROL = regex(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class LogFile(logging.Handler):
    """Appends to the log of a workspace, if any. An error, such as a full disk, is ignored."""

    path: Path | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Append the lines of a record, each with the time and the process."""
        start = f"{logging.Formatter().formatTime(record)} {record.process} "
        text = record.getMessage().replace("\n", f"\n{start}")
        with suppress(OSError, OwnFileError):
            if self.path:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
                with open_regular(self.path, flags) as file:
                    file.write(f"{start}{text}\n".encode("utf-8", "backslashreplace"))
                if self.path.stat().st_size > MAX_LOG_BYTES:
                    _rotate(self.path)


class LogPrinter(logging.Handler):
    """Calls a function, such as one that prints, with each logged line."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Call the function with the lines of a record."""
        self._say(record.getMessage())


def _rotate(path: Path) -> None:
    # another process may be doing it, or may have been faster
    with lock_file(path.with_suffix(".lock"), 0) or nullcontext() as lock:
        if lock and path.stat().st_size > MAX_LOG_BYTES:
            with suppress(FileNotFoundError):
                path.with_suffix(".log.1").replace(path.with_suffix(".log.2"))
            path.replace(path.with_suffix(".log.1"))


_log_file = LogFile()
workspace_log = logging.getLogger(LOGGER)
workspace_log.setLevel(logging.INFO)
workspace_log.addHandler(_log_file)


def open_log(directory: Path | None) -> None:
    """Log into `ankiforge.log` in a directory, or nowhere, and no longer into another log."""
    _log_file.path = directory and directory / LOG_FILE


def log_lines(lines: Iterable[str]) -> None:
    """Log several lines as one record, so that the file is opened once."""
    if text := "\n".join(lines):
        workspace_log.info("%s", _CONTROL.sub("", text))


# --- without text of a source -----------------------------------------------------------


def shorten_key(key: str) -> str:
    """Return the last part of a highlight's key, or a hash if that part may be text."""
    part = key.rpartition("/")[2]
    return part if _OPAQUE_ID.fullmatch(part) else hash16(key)


def describe_problem(problem: Problem) -> str:
    """Describe a problem by the beginning of its message and a hash of its location."""
    words = _OWN_WORDS.match(problem.message)
    suffix = _FILE_SUFFIX.search(problem.location)
    location = f"{hash16(problem.location)}{suffix[0] if suffix else ''}"
    kind = "note" if problem.is_notice else "problem"
    return f"{kind} at {location}: {words[0].strip() if words else ''}"
