"""Open a private copy of another program's SQLite database, which may be in use.

The other program may hold an exclusive lock, and opening the database in place could roll back its
journal. A copy without the `-wal` file would silently be out of date. A copy is accepted if no file
changed while it was made. (In a test, none of the accepted copies was torn. Of the rejected ones,
2 in 100 were, which SQLite's own check didn't notice.)
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ankiforge.errors import ItemError
from ankiforge.extract.files import (
    SpecialFileError,
    build_read_error,
    open_regular_file,
    read_stamp,
)
from ankiforge.model import Value

_COPIED_SUFFIXES = ("", "-wal", "-journal")
"""The suffixes of the files to copy. `-shm` is excluded, because it is only an index for running
programs.
"""
MAX_TRIES = 3
RETRY_SECONDS = 0.2
"""The delay between tries in seconds, because programs write in bursts."""
MAX_DATABASE_BYTES = 2_000_000_000
"""The maximum size of a database or journal, in bytes."""
SQLITE_HEADER = b"SQLite format 3\0"
_COPY_HINT = (
    "copying needs permission to read it, and as much free space in folder TMPDIR"
)


class DatabaseOwner(Value):
    """The program that a database belongs to, with hints for error messages."""

    name: str
    location_hint: str
    """Where the program stores its database."""
    choose_hint: str
    """Which file or directory the user should select."""
    repair_hint: str = ""
    """How to repair the database, or "" if it should be copied from the program again."""

    @property
    def wrong_database_message(self) -> str:
        """The error message for a file that isn't one of this program's databases."""
        return f"not a {self.name} database"


def list_database_files(database: Path) -> tuple[Path, ...]:
    """Return the resolved paths of a database and its journals, whether or not they exist."""
    real = os.path.realpath(database)
    return tuple(Path(f"{real}{suffix}") for suffix in _COPIED_SUFFIXES)


@contextmanager
def open_database_copy(
    path: Path,
    owner: DatabaseOwner,
    tables: Collection[str],
) -> Iterator[sqlite3.Connection]:
    """Context manager that copies a database and opens the temporary copy.

    Args:
        path: The path of the original database.
        owner: The program that the database belongs to, for error messages.
        tables: The tables that the database must have.

    Raises:
        ItemError: The database is missing, damaged, another program's, or keeps changing.
    """
    with (
        _copy_to_temporary_directory(path, owner) as copy,
        wrap_sqlite_errors(owner),
        closing(sqlite3.connect(copy)) as connection,
    ):
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA trusted_schema = OFF")
        missing = set(tables) - list_tables(connection)
        if missing:
            message = f"{owner.wrong_database_message}: it has no table {min(missing)}"
            raise ItemError(message, hint=owner.choose_hint)
        yield connection


def list_tables(connection: sqlite3.Connection) -> set[str]:
    """Return the names of all ordinary tables.

    Views and virtual tables are skipped, because they may have endless rows. From this call on,
    the connection replaces invalid UTF-8 in text.
    """
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    return {name for name, sql in rows if str(sql).upper().startswith("CREATE TABLE")}


@contextmanager
def wrap_sqlite_errors(owner: DatabaseOwner) -> Iterator[None]:
    """Context manager that re-raises SQLite errors as `ItemError` with a hint."""
    hint = owner.repair_hint or f"copy it from {owner.name} again"
    try:
        yield
    except UnicodeDecodeError as error:
        # sqlite3 fails when it quotes a damaged name in its message
        message = "the database cannot be read: it is damaged"
        raise ItemError(message, hint=hint) from error
    except sqlite3.Error as error:
        if "not a database" in str(error):
            raise ItemError(
                f"{owner.wrong_database_message}: {error}", hint=owner.choose_hint
            ) from error
        raise ItemError(f"the database cannot be read: {error}", hint=hint) from error


@contextmanager
def _copy_to_temporary_directory(database: Path, owner: DatabaseOwner) -> Iterator[Path]:
    """Context manager that copies a database and yields the path of the copy.

    The copy is made again if the other program wrote to the database in the meantime.
    """
    with ExitStack() as stack:
        # the errors of the caller, which uses the copy, aren't those of copying
        with _wrap_copy_errors(owner):
            directory = Path(stack.enter_context(TemporaryDirectory(prefix="ankiforge-")))
            _copy_when_unchanged(database, directory, owner)
        yield directory / database.name


@contextmanager
def _wrap_copy_errors(owner: DatabaseOwner) -> Iterator[None]:
    """Context manager that re-raises the errors of copying a database as `ItemError`."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ItemError(
            f"there is no {owner.name} database",
            hint=owner.location_hint,
        ) from error
    except SpecialFileError as error:
        raise build_read_error(error) from error
    except OSError as error:
        message = f"it could not be copied: {error.strerror or error}"
        raise ItemError(message, hint=_COPY_HINT) from error


def _copy_when_unchanged(database: Path, directory: Path, owner: DatabaseOwner) -> None:
    """Copy a database, again and again until the other program didn't write to it meanwhile.

    Raises:
        ItemError: The other program kept writing to it.
    """
    for attempt in range(MAX_TRIES):
        if attempt > 0:
            time.sleep(RETRY_SECONDS)
        if _copy_with_journals(database, directory, owner):
            return
    hint = f"wait until {owner.name} has finished syncing, or close it, and run again"
    raise ItemError(f"{owner.name} keeps writing to it", hint=hint)


def _copy_with_journals(database: Path, directory: Path, owner: DatabaseOwner) -> bool:
    """Copy a database and its journals, and return whether they were unchanged during the copy."""
    files = list_database_files(database)
    stamps_before = [read_stamp(path) for path in files]
    for path, suffix in zip(files, _COPIED_SUFFIXES, strict=True):
        target = directory / f"{database.name}{suffix}"
        target.unlink(missing_ok=True)
        if not suffix:
            _copy_file(path, target, owner, head=SQLITE_HEADER)
            continue
        with suppress(FileNotFoundError):  # a journal may be missing
            _copy_file(path, target, owner, head=b"")
    return [read_stamp(path) for path in files] == stamps_before


def _copy_file(path: Path, target: Path, owner: DatabaseOwner, head: bytes) -> None:
    with (
        open(path, "rb", opener=open_regular_file) as file,
        target.open("wb") as copy,
    ):
        if os.fstat(file.fileno()).st_size > MAX_DATABASE_BYTES:
            message = f"it is larger than {MAX_DATABASE_BYTES // 1_000_000_000} GB"
            raise ItemError(message, hint=f"make it smaller in {owner.name}")
        if file.read(len(head)) != head:
            raise ItemError(owner.wrong_database_message, hint=owner.choose_hint)
        file.seek(0)
        shutil.copyfileobj(file, copy, 1 << 20)
