"""Opening any deck, whoever made it: shared by `lint` and `audit`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.cli.common import Call
from ankiforge.errors import ItemError, UsageError

if TYPE_CHECKING:
    from ankiforge.anki.collection import Everything
    from ankiforge.check import Limits


@contextmanager
def opened_deck(call: Call, path: Path) -> Iterator[Everything]:
    """All notes of a collection or an export; a copy of it is read.

    Raises:
        UsageError: it is none, or it is damaged, which may be noticed only while it is read.
    """
    from ankiforge.anki.collection import open_everything

    try:
        with open_everything(path) as deck:
            call.talk.say(f"the notes of {path}")
            yield deck
    except ItemError as error:
        raise UsageError(error.message, hint=_set_aside(path) or error.hint) from error


def _set_aside(path: Path) -> str:
    """Where a package lies that is no longer under its name; "" if it was not set aside."""
    from ankiforge.cli.working import previous

    kept = previous(path)
    if path.exists() or not kept.is_file():
        return ""
    return f"nothing in it was left to import, so it was renamed: {kept}"


def limits_here(call: Call) -> Limits:
    """The numbers that hold where the command is called; a deck needs nobody's trust."""
    from ankiforge.app import check_limits
    from ankiforge.config.workspace import resolve

    return check_limits(resolve(call.workspace, Path.cwd()).config)
