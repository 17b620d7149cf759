"""A private copy of another program's SQLite database, which that program may be using.

The other program may hold an exclusive lock, so its database cannot be opened in place.
Opening it could also roll back its journal. A copy without the `-wal` file is silently out
of date. A copy is good if nothing changed while it was made (measured: none of these copies
was torn. Of the others 2 in 100 were, and SQLite's own check did not notice).
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
from ankiforge.extract.files import SpecialFileError, open_regular, stamp_at, unreadable
from ankiforge.model import Value

_COMPANIONS = ("", "-wal", "-journal")
"""The suffixes of the copied files. Never `-shm`, an index in the running program's
memory."""
TRIES = 3
PAUSE = 0.2
"""Seconds before another try: programs write in bursts."""
LARGEST = 2_000_000_000
"""The maximum size in bytes of a database, and of a journal."""
HEAD = b"SQLite format 3\0"
_COPYING = "copying needs permission to read it, and as much free space in folder TMPDIR"


class Owner(Value):
    """The program whose database it is, and the steps a person is asked to take in it."""

    name: str
    where: str
    """Where the program has its database."""
    give: str
    """The file or folder to name."""
    shrink: str
    """How its database becomes smaller."""
    repair: str = ""
    """How a damaged one is mended; "" = it is copied again."""

    @property
    def foreign(self) -> str:
        """The words for a file that is not a database of this program."""
        return f"not a {self.name} database"


def companions(database: Path) -> tuple[Path, ...]:
    """Return the real file of a database, and the journals that may lie beside it."""
    real = os.path.realpath(database)
    return tuple(Path(f"{real}{suffix}") for suffix in _COMPANIONS)


@contextmanager
def opened_copy(
    path: Path,
    owner: Owner,
    tables: Collection[str],
) -> Iterator[sqlite3.Connection]:
    """Open a private copy of a database with these tables, which SQLite may modify.

    Raises:
        ItemError: it is missing, keeps changing, is damaged, or is another program's.
    """
    with (
        _snapshot(path, owner) as copy,
        as_item_error(owner),
        closing(sqlite3.connect(copy)) as connection,
    ):
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA trusted_schema = OFF")
        missing = set(tables) - tables_of(connection)
        if missing:
            message = f"{owner.foreign}: it has no table {min(missing)}"
            raise ItemError(message, hint=owner.give)
        yield connection


def tables_of(connection: sqlite3.Connection) -> set[str]:
    """Return the names of all tables that are no views, which may be endless.

    From now on the connection reads texts whatever bytes are in them.
    """
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    tables = set()
    for name, sql in rows:
        if str(sql).upper().startswith("CREATE TABLE"):
            tables.add(name)
    return tables


@contextmanager
def as_item_error(owner: Owner) -> Iterator[None]:
    """Turn errors of SQLite into errors with a hint."""
    hint = owner.repair or f"copy it from {owner.name} again"
    try:
        yield
    except UnicodeDecodeError as error:
        # sqlite3 fails to quote a damaged name in its message
        message = "the database cannot be read: it is damaged"
        raise ItemError(message, hint=hint) from error
    except sqlite3.Error as error:
        if "not a database" in str(error):
            raise ItemError(f"{owner.foreign}: {error}", hint=owner.give) from error
        raise ItemError(f"the database cannot be read: {error}", hint=hint) from error


@contextmanager
def _snapshot(database: Path, owner: Owner) -> Iterator[Path]:
    """Copy the database into a temporary folder that only this user can enter.

    Raises:
        ItemError: there is no such file, it is unreadable, or it keeps changing.
    """
    with ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="ankiforge-")))
            for attempt in range(TRIES):
                if attempt:
                    time.sleep(PAUSE)
                if _copy_all(database, folder, owner):
                    break
            else:
                hint = f"wait until {owner.name} has finished syncing, or close it, and run again"
                raise ItemError(f"{owner.name} keeps writing to it", hint=hint)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ItemError(
                f"there is no {owner.name} database",
                hint=owner.where,
            ) from error
        except SpecialFileError as error:
            raise unreadable(error) from error
        except OSError as error:
            message = f"it could not be copied: {error.strerror or error}"
            raise ItemError(message, hint=_COPYING) from error
        yield folder / database.name


def _copy_all(database: Path, folder: Path, owner: Owner) -> bool:
    """Copy the database and its journals; return whether nothing changed meanwhile.

    Raises:
        ItemError: it is not a database, or too large.
        OSError: it cannot be read, or the copy cannot be written.
    """
    files = companions(database)
    before = [stamp_at(path) for path in files]
    for path, suffix in zip(files, _COMPANIONS, strict=True):
        target = folder / f"{database.name}{suffix}"
        target.unlink(missing_ok=True)
        if suffix:
            with suppress(FileNotFoundError):
                _copy(path, target, owner, head=b"")
        else:
            _copy(path, target, owner, head=HEAD)
    return [stamp_at(path) for path in files] == before


def _copy(path: Path, target: Path, owner: Owner, head: bytes) -> None:
    """Copy a file that begins with these bytes.

    Raises:
        ItemError: it begins with others, or is too large.
        OSError: it cannot be read, or the copy cannot be written.
    """
    with (
        open(path, "rb", opener=open_regular) as file,
        target.open("wb") as copy,
    ):
        if os.fstat(file.fileno()).st_size > LARGEST:
            message = f"it is larger than {LARGEST // 1_000_000_000} GB"
            raise ItemError(message, hint=owner.shrink)
        if file.read(len(head)) != head:
            raise ItemError(owner.foreign, hint=owner.give)
        file.seek(0)
        shutil.copyfileobj(file, copy, 1 << 20)
