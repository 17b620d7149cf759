"""Ctrl-C in the moment in which the write lock is got gives it back: other threads still write."""

import sqlite3
from contextlib import closing

import pytest

from ankiforge.ledger.db import Connection


class InterruptedAtBegin(Connection):
    """While BEGIN waited for the lock somebody pressed Ctrl-C."""

    def execute(self, sql, parameters=(), /):
        done = super().execute(sql, parameters)
        if sql.startswith("BEGIN"):
            raise KeyboardInterrupt
        return done


def test_the_lock_is_given_back(tmp_path):
    given = {"isolation_level": None, "timeout": 0}
    first = sqlite3.connect(tmp_path / "l.db", factory=InterruptedAtBegin, **given)
    second = sqlite3.connect(tmp_path / "l.db", factory=Connection, **given)
    with closing(first), closing(second):
        with pytest.raises(KeyboardInterrupt), first.unit():
            raise AssertionError("it was never begun")
        with second.unit():
            second.execute("CREATE TABLE t (x)")
