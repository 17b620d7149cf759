"""Open a private copy of another program's SQLite database, which may be in use.

The other program may hold an exclusive lock, so its database can't be opened in place. Opening it
could also roll back its journal. A copy without the `-wal` file would be out of date without
notice. A copy is valid if nothing changed while it was made (measured: none of these copies was
torn; of the others, 2 in 100 were, which SQLite's own check did not notice).
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
    stamp_file,
)
from ankiforge.model import Value

_COPIED_SUFFIXES = ("", "-wal", "-journal")
"""The suffixes of the files to copy. `-shm` is never copied, because it is an index in the running
program's memory.
"""
MAX_TRIES = 3
RETRY_SECONDS = 0.2
"""The seconds to wait between tries, because programs write in bursts."""
MAX_DATABASE_BYTES = 2_000_000_000
"""The maximum size in bytes of a database, and of a journal."""
SQLITE_HEADER = b"SQLite format 3\0"
_COPY_HINT = (
    "copying needs permission to read it, and as much free space in folder TMPDIR"
)


class DatabaseOwner(Value):
    """The program that owns a database, with what users are told to do in it."""

    name: str
    location_hint: str
    """Where the program keeps its database."""
    choose_hint: str
    """Which file or directory the user should name."""
    shrink_hint: str
    """How to make the program's database smaller."""
    repair_hint: str = ""
    """How to repair a damaged database, or "" if it should be copied from the program again."""

    @property
    def wrong_database_message(self) -> str:
        """The message for a file that isn't a database of this program."""
        return f"not a {self.name} database"


def list_database_files(database: Path) -> tuple[Path, ...]:
    """Return the real path of a database and the paths of the journals that may be next to it."""
    real = os.path.realpath(database)
    return tuple(Path(f"{real}{suffix}") for suffix in _COPIED_SUFFIXES)


@contextmanager
def open_database_copy(
    path: Path,
    owner: DatabaseOwner,
    tables: Collection[str],
) -> Iterator[sqlite3.Connection]:
    """Context manager for a private copy of a database, which SQLite may modify.

    Args:
        path: the database.
        owner: the program that owns it.
        tables: the tables that it must have.

    Raises:
        ItemError: the database is missing, keeps changing, is damaged, or is another program's.
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
    """Return the names of all tables, but not of views, which may be endless.

    The connection then also decodes text with invalid bytes.
    """
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    tables = set()
    for name, sql in rows:
        if str(sql).upper().startswith("CREATE TABLE"):
            tables.add(name)
    return tables


@contextmanager
def wrap_sqlite_errors(owner: DatabaseOwner) -> Iterator[None]:
    """Context manager that re-raises an SQLite error as an `ItemError` with a hint."""
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
    """Context manager for a copy of the database, in a directory that only this user can enter.

    Raises:
        ItemError: the database is missing, can't be read, or keeps changing.
    """
    with ExitStack() as stack:
        try:
            directory = Path(stack.enter_context(TemporaryDirectory(prefix="ankiforge-")))
            for attempt in range(MAX_TRIES):
                if attempt:
                    time.sleep(RETRY_SECONDS)
                if _copy_with_journals(database, directory, owner):
                    break
            else:
                hint = f"wait until {owner.name} has finished syncing, or close it, and run again"
                raise ItemError(f"{owner.name} keeps writing to it", hint=hint)
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
        yield directory / database.name


def _copy_with_journals(database: Path, directory: Path, owner: DatabaseOwner) -> bool:
    """Copy the database and its journals, and return whether nothing changed meanwhile.

    Raises:
        ItemError: a file isn't a database, or is too large.
        OSError: a file can't be read, or its copy can't be written.
    """
    files = list_database_files(database)
    stamps_before = [stamp_file(path) for path in files]
    for path, suffix in zip(files, _COPIED_SUFFIXES, strict=True):
        target = directory / f"{database.name}{suffix}"
        target.unlink(missing_ok=True)
        if suffix:
            with suppress(FileNotFoundError):
                _copy_file(path, target, owner, head=b"")
        else:
            _copy_file(path, target, owner, head=SQLITE_HEADER)
    return [stamp_file(path) for path in files] == stamps_before


def _copy_file(path: Path, target: Path, owner: DatabaseOwner, head: bytes) -> None:
    """Copy a file that must begin with the bytes `head`.

    Raises:
        ItemError: the file begins with other bytes, or is too large.
        OSError: the file can't be read, or its copy can't be written.
    """
    with (
        open(path, "rb", opener=open_regular_file) as file,
        target.open("wb") as copy,
    ):
        if os.fstat(file.fileno()).st_size > MAX_DATABASE_BYTES:
            message = f"it is larger than {MAX_DATABASE_BYTES // 1_000_000_000} GB"
            raise ItemError(message, hint=owner.shrink_hint)
        if file.read(len(head)) != head:
            raise ItemError(owner.wrong_database_message, hint=owner.choose_hint)
        file.seek(0)
        shutil.copyfileobj(file, copy, 1 << 20)
