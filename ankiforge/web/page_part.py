"""What a feature can add to the review page: lists of items, and handlers for its own script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from ankiforge.model import Json, ShownCard, Texts
from ankiforge.review import Decision


class PageList(Protocol):
    """A feature's list of items to decide on, which aren't among the ledger's pending items.

    The list is a row of the shelf (the page's list of documents) while items are pending in it.
    """

    id: str
    title: str
    description: str
    """A few words that the shelf shows below the title."""
    cover: str
    """A letter or symbol that the shelf shows before the title."""
    prefix: str
    """The prefix of the items' ids, by which the page finds the list of an item."""
    ending: str
    """A sentence that the page shows at the end of a sitting."""

    @property
    def pending_count(self) -> int:
        """How many items are pending. Must be fast, because it is read after every decision."""

    def refresh(self) -> None:
        """Reread the items if they may have changed."""

    def render_items(self, start: int, most: int) -> list[Json]:
        """Return up to `most` items from index `start` on, as JSON described in `web/items.py`."""

    def render_item(self, id: str) -> Json | None:
        """Return an item as JSON, or None if it is no longer pending."""

    def decide(self, decision: Decision) -> Json:
        """Carry out a decision.

        Returns:
            `undo`, the id with which the decision can be undone; `said`, a message about it; and
            `item`, if the item is still pending.
        """

    def undo(self, action: str) -> None:
        """Undo a decision, given the id that `decide` returned as `undo`."""

    def preview(self, decision: Decision) -> ShownCard:
        """Return the card that the fields of the editor would make."""

    def chat_question(self, id: str) -> Json:
        """Return a chat question about an item (`text`), and a line that describes it (`said`)."""

    def apply_chat_reply(self, id: str, reply: str) -> tuple[str, bool]:
        """Read a chat's reply to `chat_question`.

        Returns:
            A message about the outcome, and whether the reply was usable.
        """


class PagePart(NamedTuple):
    """The lists that a feature adds to the page, and the handlers for its script."""

    lists: Iterable[PageList] = ()
    get_handlers: Mapping[str, Callable[[Texts], Json]] = {}
    """The GET handlers by name. A handler takes the URL's query, and must not change anything."""
    post_handlers: Mapping[str, tuple[Any, Callable[[Any], Json]]] = {}
    """The POST handlers by name, each with the type of the request's body."""
