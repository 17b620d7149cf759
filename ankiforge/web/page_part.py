"""What a feature adds to a session at the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from ankiforge.model import Json, Shown, Texts
from ankiforge.review import Decision


class PageList(Protocol):
    """A list of the page whose items the ledger does not have: a row of the shelf if it has any."""

    id: str
    title: str
    about: str
    """Its content, in a few words below the title."""
    cover: str
    """A letter or sign, which stands before the title."""
    prefix: str
    """Begins the ids of its items."""
    ending: str
    """A sentence at the end of a sitting with its items."""

    @property
    def left(self) -> int:
        """How many items wait; nothing slow is read for that."""

    def read(self) -> None:
        """Read the items, if they have changed."""

    def faces(self, start: int, most: int) -> list[Json]:
        """Return the items from a place on, as `web/faces.py` describes them."""

    def face(self, id: str) -> Json | None:
        """Return an item; None if it no longer waits."""

    def decide(self, decision: Decision) -> Json:
        """Carry out a decision; return `undo` and `said`, and the `item` if it stays."""

    def undo(self, action: str) -> Json | None:
        """Take back a decision on one of the items; return it, or None if it was none of them."""

    def preview(self, decision: Decision) -> Shown:
        """Return the card that the fields of the editor make."""

    def question_about(self, id: str) -> Json:
        """Return the `text` that asks a chat about an item, and the line `said` about it."""

    def answered(self, id: str, reply: str) -> tuple[str, bool]:
        """Take the answer of a chat; return a sentence, and whether it brought anything."""


class PagePart(NamedTuple):
    """The lists of a feature, and what its script may ask for, beside that of the page."""

    lists: Iterable[PageList] = ()
    reads: Mapping[str, Callable[[Texts], Json]] = {}
    """By the name for `get`, what answers it from its query and changes nothing."""
    writes: Mapping[str, tuple[Any, Callable[[Any], Json]]] = {}
    """By the name for `post`, what it sends, and what carries that out."""
