"""The log of a workspace, which explains afterwards what became of a card.

It contains ids, counts and words of this program only: no text, title or path of a source, and no
key. So it can be attached to a bug report. The ledger logs events and pending drafts, `ingest`
logs highlights, and `Workspace` logs the results of its commands.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ankiforge.config.files import open_regular
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

workspace_log = logging.getLogger(LOGGER)


class LogFile(logging.Handler):
    """Appends to the log of a workspace. An error, such as a full disk, is ignored."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def emit(self, record: logging.LogRecord) -> None:
        """Append the lines of a record, each with the time and the process."""
        time = logging.Formatter().formatTime(record)
        lines = [f"{time} {record.process} {line}\n" for line in _split_lines(record)]
        data = "".join(lines).encode("utf-8", "backslashreplace")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with suppress(OSError, OwnFileError):
            with open_regular(self.path, flags) as file:
                file.write(data)
            if self.path.stat().st_size > MAX_LOG_BYTES:
                self._rotate()

    def _rotate(self) -> None:
        from filelock import FileLock, Timeout

        lock = FileLock(self.path.with_suffix(".lock"), timeout=0, mode=0o600)
        with suppress(Timeout), lock:
            if self.path.stat().st_size <= MAX_LOG_BYTES:
                return  # another process was faster
            for newer, older in (("log.1", "log.2"), ("log", "log.1")):
                with suppress(FileNotFoundError):
                    self.path.with_suffix(f".{newer}").replace(
                        self.path.with_suffix(f".{older}")
                    )


def _split_lines(record: logging.LogRecord) -> list[str]:
    return record.getMessage().split("\n")


def open_log(directory: Path | None) -> None:
    """Log into `ankiforge.log` in a directory, or nowhere, and no longer into another log."""
    workspace_log.setLevel(logging.INFO if directory else logging.NOTSET)
    for handler in [*workspace_log.handlers]:
        if isinstance(handler, LogFile):
            workspace_log.removeHandler(handler)
    if directory:
        workspace_log.addHandler(LogFile(directory / LOG_FILE))


def log_lines(lines: Iterable[str]) -> None:
    """Log several lines as one record, so that the file is opened once."""
    if workspace_log.isEnabledFor(logging.INFO) and (text := "\n".join(lines)):
        workspace_log.info("%s", text)


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
