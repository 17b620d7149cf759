"""Whether a profile of Anki is logged in to a sync server, as far as its preferences tell.

They are pickles, which are read but never run; the key itself is neither kept nor shown.
"""

from __future__ import annotations

import pickletools
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

_PREFERENCES = "prefs21.db"
_KEY = "syncKey"
_SEVERAL = "_global"


def has_account(collections: Iterable[Path], profile: str = "") -> bool | None:
    """Whether a profile has a sync account; None if that cannot be told.

    Args:
        collections: of the profiles on this machine.
        profile: the one that is meant; "" if that is not known.
    """
    bases = dict.fromkeys(path.parent.parent for path in collections)
    found = [one for base in bases for one in _profiles(base / _PREFERENCES)]
    told = {has for name, has in found if not profile or name == profile}
    return told.pop() if len(told) == 1 else None


def _profiles(preferences: Path) -> Iterator[tuple[str, bool]]:
    """Each profile by its name, and whether it has an account; what cannot be read is left out."""
    if not preferences.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{preferences.as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT name, data FROM profiles").fetchall()
    except sqlite3.Error:
        return
    for name, data in rows:
        if name != _SEVERAL and isinstance(data, bytes):
            try:
                yield str(name), _is_set(data)
            except ValueError:  # no pickle
                continue


def _is_set(pickled: bytes) -> bool:
    """Whether the key stands there with a value."""
    after = False
    for code, value, _ in pickletools.genops(pickled):
        if after and not ("PUT" in code.name or code.name == "MEMOIZE"):
            return bool(value) and "UNICODE" in code.name
        after = after or value == _KEY
    return False
