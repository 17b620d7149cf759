"""How a collection counts days: by its settings, in both ways Anki writes them."""

from __future__ import annotations

import msgspec

from ankiforge.anki.views.database import Database, texts
from ankiforge.model import Calendar

_IS_TABLE = (
    "select count(*) from sqlite_master where type = 'table' and name = 'config'"
    " and sql like 'create table%'"
)
_SETTING = f"select {texts('val')} from config where key = ?"
_ROLLOVER = 4
_HOURS, _MINUTES = range(24), range(-24 * 60, 24 * 60 + 1)


def calendar_of(database: Database) -> Calendar:
    """Its calendar; what cannot be read is as Anki has it by default."""
    rollover, west = _setting(database, "rollover"), _setting(database, "creationOffset")
    return Calendar(
        int(database.created),
        rollover if rollover in _HOURS else _ROLLOVER,
        west if west in _MINUTES else None,
    )


def _setting(database: Database, name: str) -> int:
    """A whole number; -9999 if there is none."""
    try:
        if database.first(_IS_TABLE)[0]:
            value = msgspec.json.decode(database.first(_SETTING, name)[0] or "null")
        else:
            (text,) = database.first(f"select {texts('conf')} from col")
            value = msgspec.json.decode(text or "{}", type=dict[str, object]).get(name)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _NONE
    return value if isinstance(value, int) and not isinstance(value, bool) else _NONE


_NONE = -9999
