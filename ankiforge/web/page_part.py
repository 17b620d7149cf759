"""What a feature can add to the review page: lists of items, and handlers for its script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from ankiforge.model import Json, ShownCard, Texts
from ankiforge.review import Decision


class PageList(Protocol):
    """A feature's own list of items to decide on, separate from the ledger's pending items.

    It's shown on the shelf (the page's list of documents) as long as it has pending items.
    """

    id: str
    title: str
    description: str
    """A few words below the title on the shelf."""
    cover: str
    """A letter or symbol before the title on the shelf."""
    prefix: str
    """The prefix of item IDs, by which the page assigns items to lists."""
    ending: str
    """A sentence for the end of a sitting."""

    @property
    def pending_count(self) -> int:
        """The number of pending items. Read after every decision, so it must be fast."""

    def refresh(self) -> None:
        """Reload the items if they may have changed."""

    def render_items(self, start: int, most: int) -> list[Json]:
        """Render up to `most` items as JSON, starting at index `start` (see `web/items.py`)."""

    def render_item(self, id: str) -> Json | None:
        """Render an item as JSON, or return None if it is no longer pending."""

    def decide(self, decision: Decision) -> Json:
        """Apply a decision.

        Returns:
            `undo`, an ID for undoing the decision; `said`, a message for the user; and `item`, if
                the item is still pending.
        """

    def undo(self, action: str) -> None:
        """Undo a decision. `action` is the `undo` value returned by `decide`."""

    def preview(self, decision: Decision) -> ShownCard:
        """Build a card from the fields in the editor."""

    def chat_question(self, id: str) -> Json:
        """Return a prompt about an item to paste into a chat (`text`), and a caption (`said`)."""

    def apply_chat_reply(self, id: str, reply: str) -> tuple[str, bool]:
        """Apply a chat's reply to the prompt from `chat_question`.

        Returns:
            A message about the outcome, and whether the reply was usable.
        """


class PagePart(NamedTuple):
    """Lists that a feature adds to the page, and handlers for requests from its script."""

    lists: Iterable[PageList] = ()
    get_handlers: Mapping[str, Callable[[Texts], Json]] = {}
    """Maps names to GET handlers, which take the URL's query and must not change anything."""
    post_handlers: Mapping[str, tuple[Any, Callable[[Any], Json]]] = {}
    """Maps names to POST handlers, each with the type of the request body."""
