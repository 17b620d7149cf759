"""Two files next to the ledger: the cache of a workspace, and the replies of language models.

`memory.db` is a cache, so errors are ignored, and a damaged file is deleted. `replies.db` contains
the replies of language models, keyed by request hash. It is never deleted, because the user paid
for the replies.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from weakref import finalize

from ankiforge.config.files import make_database, remove_database
from ankiforge.errors import LedgerError

# --- the cache --------------------------------------------------------------------------

_CACHE_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    owner TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (owner, name)
) STRICT
"""
# The number of seconds to wait while another program uses the file. After a timeout, later calls
# don't wait.
CACHE_TIMEOUT = 5.0
_DAMAGE_CODES = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
CACHE_FILE = "memory.db"
"""The name of the cache file in the ledger's directory."""


class Cache:
    """The entries of one owner, such as a source, in the cache file of a workspace.

    Implements `model.SourceCache`. Errors are ignored, and a damaged file is deleted.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        """Use the cache file in `folder`. The file is created by the first write."""
        self._path = folder / CACHE_FILE
        self._owner = owner
        self._timeout = CACHE_TIMEOUT

    def load(self, name: str) -> bytes | None:
        """Return the content of an entry, or None if there is none."""
        return self._load("AND name = ?", name).get(name)

    def load_all(self) -> dict[str, bytes]:
        """Return the contents of all entries, keyed by name."""
        return self._load("")

    def _load(self, condition: str, *values: str) -> dict[str, bytes]:
        sql = f"SELECT name, body FROM kept WHERE owner = ? {condition}"
        if not self._path.exists():
            return {}
        try:
            with closing(
                sqlite3.connect(self._path, timeout=self._timeout)
            ) as connection:
                rows = connection.execute(sql, (self._owner, *values))
                return {name: bytes(body) for name, body in rows}
        except sqlite3.Error as error:
            self._stop_waiting_if_busy(error)
            return {}

    def update(
        self, entries: Mapping[str, bytes], deleted_names: Iterable[str] = ()
    ) -> None:
        """Store `entries` and delete the entries in `deleted_names`, in a single transaction."""
        make_database(self._path)
        keys = [(self._owner, name) for name in deleted_names]
        rows = [(self._owner, name, body) for name, body in entries.items()]
        try:
            connection = sqlite3.connect(self._path, timeout=self._timeout)
            with closing(connection), connection:
                connection.execute(_CACHE_SCHEMA)
                connection.executemany(
                    "DELETE FROM kept WHERE owner = ? AND name = ?", keys
                )
                connection.executemany(
                    "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", rows
                )
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) in _DAMAGE_CODES:
                with suppress(OSError):
                    remove_database(self._path)
            self._stop_waiting_if_busy(error)

    def _stop_waiting_if_busy(self, error: sqlite3.Error) -> None:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            self._timeout = 0.0


# --- paid-for replies -------------------------------------------------------------------

_REPLIES_SCHEMA = """
CREATE TABLE IF NOT EXISTS reply (
    request TEXT PRIMARY KEY, raw TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID
"""
_INSERT_REPLY = """
INSERT OR REPLACE INTO reply (request, raw, model, prompt, tokens_in, tokens_out, at)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
REPLIES_FILE = "replies.db"


class ReplyStore:
    """A thread-safe file of raw replies from language models, keyed by the hash of the request."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it if necessary.

        Raises:
            LedgerError: The file is damaged. It is not deleted, because the user has paid for the
                replies.
        """
        self._lock = Lock()
        make_database(path)
        self._db = sqlite3.connect(
            path, isolation_level=None, timeout=60, check_same_thread=False
        )
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(_REPLIES_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._db.close()
            hint = "move it away: drafts are then requested, and paid for, again"
            raise LedgerError(f"{path}: cannot be read: {error}", hint=hint) from error
        # after an error, `close` isn't called, because threads may still write replies
        finalize(self, self._db.close).atexit = False

    def load_reply(self, request_hash: str) -> str | None:
        """Return the stored reply to a request, or None if there is none."""
        query = "SELECT raw FROM reply WHERE request = ?"
        with self._lock:
            row = self._db.execute(query, (request_hash,)).fetchone()
        return str(row[0]) if row else None

    def store_reply(
        self,
        request_hash: str,
        raw: str,
        *,
        model: str,
        prompt_fingerprint: str,
        tokens: tuple[int, int] = (0, 0),
    ) -> None:
        """Store the reply to a request durably, replacing any earlier reply.

        Args:
            request_hash: The hash of the request.
            raw: The reply exactly as the model sent it.
            model: The model's name in the settings.
            prompt_fingerprint: The fingerprint of the prompt.
            tokens: The numbers of input and output tokens that were billed.
        """
        replied_at = datetime.now(UTC).isoformat(timespec="seconds")
        values = (request_hash, raw, model, prompt_fingerprint, *tokens, replied_at)
        with self._lock:
            self._db.execute(_INSERT_REPLY, values)

    def count_tokens(self, model: str) -> tuple[int, int]:
        """Return the total numbers of input and output tokens in a model's stored replies.

        `model` is the model's name in the settings.
        """
        query = "SELECT total(tokens_in), total(tokens_out) FROM reply WHERE model = ?"
        with self._lock:
            row = self._db.execute(query, (model,)).fetchone()
        tokens_in, tokens_out = map(int, row)
        return tokens_in, tokens_out

    def close(self) -> None:
        """Wait for calls in other threads to finish, then close the file."""
        with self._lock:
            self._db.close()
