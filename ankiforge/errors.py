"""Everything that is raised on purpose.

    ForgeError                1   some inputs failed, the rest was done
    ├── UsageError            2   wrong words on the command line
    │   ├── ConfigError       2   wrong words in ankiforge.yaml, decks/ or prompts/
    │   └── OwnFileError      2   a file of the workspace is a link, a pipe, or huge
    ├── ServiceError          3   a service that was needed does not answer
    ├── LedgerError           4   the ledger is damaged, locked or newer than this program
    │   └── BusyError         4   another program has it at this moment
    ├── RefusedError          1   a decision that would break a promise (stale, blocked)
    └── ItemError             1   one file, page or reply; becomes a `Problem`, never stops a run
        ├── PlugInError       1   a plug-in fails on it, which is named
        └── BugError          1   this program fails on it; logged with its traceback

The message says what happened and where; the hint says what to do. `cli` turns an
error into words and an exit code at one place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOMEM, ENOSPC
from pathlib import Path
from typing import ClassVar


class ForgeError(Exception):
    """The root of the tree."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def told(self) -> str:
        """The message, and the hint on a line below it."""
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class UsageError(ForgeError):
    """The command line asks for something that cannot be meant."""

    exit_code = 2


class ConfigError(UsageError):
    """A mistake in a file a person edits; the message begins with file, line and key."""


class OwnFileError(UsageError):
    """In the place of a file of the workspace is something that is not opened."""


class ServiceError(ForgeError):
    """A language model, Anki or Zotero that was needed cannot be reached."""

    exit_code = 3


class LedgerError(ForgeError):
    """The ledger is damaged, locked by another program, or newer than this program."""

    exit_code = 4


class BusyError(LedgerError):
    """Another program has the ledger, or a task of which only one may run; it will be done."""


class RefusedError(ForgeError):
    """A decision that would break a promise: stale, blocked, or equal guids."""


class ItemError(ForgeError):
    """One file, page, annotation or reply that could not be used."""


BUG = "ankiforge itself fails on it"
NO_MEMORY = "it takes more memory than there is"
FREE_MEMORY = "close other programs, then run the same command again: nothing is lost"


PLUG_IN = "the plug-in"


class PlugInError(ItemError):
    """An installed plug-in fails; the work that does not need it goes on."""


class BugError(ItemError):
    """This program fails on one document, passage or card; the next run tries it again."""


@contextmanager
def named_by_person() -> Iterator[None]:
    """Raise a fault of an item as a `UsageError`, because the person named this item."""
    try:
        yield
    except ItemError as error:
        raise UsageError(error.message, hint=error.hint) from error


@contextmanager
def writing(
    path: Path, *, hint: str = "", kind: type[ForgeError] = UsageError
) -> Iterator[None]:
    """Raise an error of this kind if something cannot be written there."""
    try:
        yield
    except OSError as error:
        message = (
            f"{error.filename or path}: cannot be written: {error.strerror or error}"
        )
        raise kind(message, hint=hint) from error


def traceback_of(error: Exception) -> str:
    """Return a traceback without characters that control a terminal.

    Its message may quote a note.
    """
    import re
    import traceback

    text = "".join(traceback.format_exception(error))
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)


def lacks_memory(error: BaseException) -> bool:
    """Return whether an exception comes from too little memory.

    The interpreter raises `SystemError` where there was none left even for a `MemoryError`.
    """
    if isinstance(error, SystemError):
        return "without setting an exception" in str(error)
    return isinstance(error, MemoryError) or getattr(error, "errno", None) == ENOMEM


_logged: set[str] = set()


@contextmanager
def one_item() -> Iterator[None]:
    """Raise `BugError` for an unexpected exception, and log each traceback once.

    What is raised on purpose passes, and so does a full disk. Too little memory is no fault of
    the program.
    """
    try:
        yield
    except Exception as error:
        if lacks_memory(error):
            raise ItemError(NO_MEMORY, hint=FREE_MEMORY) from error
        disk_is_full = isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT)
        if disk_is_full or isinstance(error, ForgeError):
            raise
        import traceback

        # once for each place that raises
        stack = "".join(traceback.format_tb(error.__traceback__))
        if stack not in _logged:
            import logging

            _logged.add(stack)
            told = traceback_of(error)
            logging.getLogger(__name__).error("ankiforge fails here:\n%s", told)
        summary = " ".join(traceback.format_exception_only(error)[-1].split())
        hint = "please report it with the traceback, without what it quotes of your notes"
        raise BugError(f"{BUG} ({summary[:200]})", hint=hint) from error
