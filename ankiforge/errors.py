"""All errors that the program raises on purpose, with their exit codes.

    ForgeError                1   some inputs failed, and the others were processed
    ├── UsageError            2   the command line is invalid
    │   ├── ConfigError       2   the text of a settings file, deck file or prompt is invalid
    │   └── OwnFileError      2   a file of the workspace isn't a regular file, or is too large
    ├── ServiceError          3   a required service doesn't respond
    ├── LedgerError           4   the ledger is damaged, locked or newer than this program
    │   └── BusyError         4   another program is using the ledger
    ├── RefusedError          1   a decision can't be applied, because it is outdated or blocked
    └── ItemError             1   a file, page or reply can't be used; doesn't stop a run
        ├── PlugInError       1   a plug-in failed on it; the message names the plug-in
        └── BugError          1   this program failed on it; its traceback is logged

The message says what happened and where, and the hint says what the user can do. `cli` turns errors
into output and exit codes, in a single place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOMEM, ENOSPC
from pathlib import Path
from typing import ClassVar

LOGGER = "ankiforge.workspace"
"""The name of the logger for the log of a workspace, see `config.log`."""
_MAX_FRAMES = 5


class ForgeError(Exception):
    """Base class for all errors that we raise on purpose."""

    exit_code: ClassVar[int] = 1
    """The exit code of a command that fails with this error."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def full_message(self) -> str:
        """The message, plus the hint on a line of its own, if any."""
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class UsageError(ForgeError):
    """Raised when the command line is invalid, or a command can't run as called."""

    exit_code = 2


class ConfigError(UsageError):
    """Raised for a mistake in a file that the user edits.

    The message begins with the file, line and key.
    """


class OwnFileError(UsageError):
    """Raised when a workspace file isn't a regular file, or is too large."""


class ServiceError(ForgeError):
    """Raised when a service we need, e.g. a language model or Anki, can't be reached."""

    exit_code = 3


class LedgerError(ForgeError):
    """Raised when the ledger is damaged, locked, or from a newer version of ankiforge."""

    exit_code = 4


class BusyError(LedgerError):
    """Raised when another process holds the ledger or an exclusive task.

    The same command may succeed later.
    """


class RefusedError(ForgeError):
    """Raised when a request is refused, e.g. accepting a blocked card."""


class ItemError(ForgeError):
    """Raised when a single file, page, annotation or reply can't be used.

    A run reports it as a `Problem` and carries on.
    """


BUG_MESSAGE = "ankiforge itself fails on it"
NO_MEMORY_MESSAGE = "it needs more memory than there is"
FREE_MEMORY_HINT = (
    "close other programs, then run the same command again: nothing is lost"
)


PLUG_IN_PREFIX = "the plug-in"


class PlugInError(ItemError):
    """Raised when an installed plug-in fails. The program continues without the plug-in."""


class BugError(ItemError):
    """Raised when a bug of ours affects a document, passage or card.

    The next run tries again.
    """


@contextmanager
def wrap_item_errors() -> Iterator[None]:
    """Re-raise any `ItemError` in the block as a `UsageError`.

    Use this when the user named the item on the command line.
    """
    try:
        yield
    except ItemError as error:
        raise UsageError(error.message, hint=error.hint) from error


@contextmanager
def wrap_write_errors(
    path: Path, *, hint: str = "", kind: type[ForgeError] = UsageError
) -> Iterator[None]:
    """Re-raise any `OSError` from writing `path` as an error of class `kind`.

    The message mentions `path` only if the `OSError` doesn't name a file itself.
    """
    try:
        yield
    except OSError as error:
        message = (
            f"{error.filename or path}: cannot be written: {error.strerror or error}"
        )
        raise kind(message, hint=hint) from error


def format_traceback(error: Exception) -> str:
    """Format a traceback, with control characters removed.

    It may quote notes, whose control characters could mess up the terminal.
    """
    import re
    import traceback

    text = "".join(traceback.format_exception(error))
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)


def describe_error(error: BaseException) -> str:
    """Describe an exception by its type and where it was raised.

    The message is left out, because it may quote notes.
    """
    import traceback

    frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    return f"{type(error).__name__} in {' '.join(reversed(places))}"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception means that we ran out of memory.

    This includes the `SystemError` that Python raises when there isn't even enough memory for
    a `MemoryError`.
    """
    if isinstance(error, SystemError):
        return "without setting an exception" in str(error)
    return isinstance(error, MemoryError) or getattr(error, "errno", None) == ENOMEM


_logged_stacks: set[str] = set()
"""Tracebacks that were logged, so that the same failure isn't logged for every item."""


@contextmanager
def wrap_unexpected_errors() -> Iterator[None]:
    """Re-raise unexpected exceptions in the block as `BugError`, logging each one once.

    Our own errors and disk-full errors pass through. Running out of memory becomes an
    `ItemError`.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise ItemError(NO_MEMORY_MESSAGE, hint=FREE_MEMORY_HINT) from error
        disk_is_full = isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT)
        if disk_is_full or isinstance(error, ForgeError):
            raise
        import traceback

        # log only once for each place in the code that raises
        stack = "".join(traceback.format_tb(error.__traceback__))
        if stack not in _logged_stacks:
            import logging

            _logged_stacks.add(stack)
            traceback_text = format_traceback(error)
            logging.getLogger(__name__).error("ankiforge fails here:\n%s", traceback_text)
            logging.getLogger(LOGGER).info("%s", describe_error(error))
        summary = " ".join(traceback.format_exception_only(error)[-1].split())
        hint = "please report it with the traceback, without what it quotes of your notes"
        raise BugError(f"{BUG_MESSAGE} ({summary[:200]})", hint=hint) from error
