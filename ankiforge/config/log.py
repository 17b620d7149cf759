"""The log of a workspace, from which the history of a card can be reconstructed.

The log only contains ids, counts and fixed messages, but no text, titles or paths from sources and
no API keys, so it can be attached to a bug report. The ledger logs events and pending drafts,
`ingest` logs highlights, and `Workspace` logs the results of its commands.
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
"""The size at which the log is rotated, i.e. renamed to `ankiforge.log.1`, in bytes. An existing
`ankiforge.log.1` is renamed to `ankiforge.log.2`."""
# Matches a part of a highlight's key that can't be text: a hash or a Zotero id.
_OPAQUE_ID = regex(r"[0-9a-f]{16}(?:\.[0-9a-f]{16})?|[A-Z0-9]{8}")
# Matches the beginning of a message, up to the first character that may belong to a quotation.
_OWN_WORDS = regex(r"[A-Za-z ,;]*")
_FILE_SUFFIX = regex(r"\.[a-z0-9]{1,8}$")

# Matches characters that could control a terminal. Ids from another device's journal may contain
# any characters.
_CONTROL = regex(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class LogFile(logging.Handler):
    """Log handler that appends to a workspace's log and ignores errors such as a full disk.

    Without a `path`, it discards all records.
    """

    path: Path | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Append the lines of a record to the log, each with the time and the process id."""
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
    """Log handler that passes the text of each record to a function, such as `print`."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Call the function with the text of a record. The text may have several lines."""
        self._say(record.getMessage())


def _rotate(path: Path) -> None:
    # another process may be rotating the log, or may already have done so
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
    """From now on, write log records to `ankiforge.log` in `directory`.

    If `directory` is None, no log is written.
    """
    _log_file.path = directory and directory / LOG_FILE


def log_lines(lines: Iterable[str]) -> None:
    """Log several lines as a single record, so that the log file is only opened once."""
    if text := "\n".join(lines):
        workspace_log.info("%s", _CONTROL.sub("", text))


# --- descriptions without text from sources ---------------------------------------------


def anonymize_key(key: str) -> str:
    """Shorten a highlight's key for the log, so that it can't reveal text from a source.

    Returns the last part of the key, or a hash of the key if that part may contain text.
    """
    part = key.rpartition("/")[2]
    return part if _OPAQUE_ID.fullmatch(part) else hash16(key)


def describe_problem(problem: Problem) -> str:
    """Describe a problem for the log, without any text from a source.

    The description is the beginning of the message, followed by a hash of the location.
    """
    kind = "note" if problem.is_notice else "problem"
    location = hash16(problem.location)
    if suffix := _FILE_SUFFIX.search(problem.location):
        location += suffix[0]
    if own_words := _OWN_WORDS.match(problem.message):
        return f"{kind} at {location}: {own_words[0].strip()}"
    return f"{kind} at {location}: "
