"""Interfaces of the review page: sources of items to decide on, and the parts that features add."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ankiforge.model import Json, ShownCard, Strings, Texts
from ankiforge.review import Decision, DecisionOutcome


class ShelfList(NamedTuple):
    """A list of items that is shown as a row among the documents."""

    title: str
    description: str
    """A few words below the title."""
    cover: str
    """A letter or symbol before the title."""
    ending: str = ""
    """A sentence to show once all items of a sitting are decided."""


class ChatOutcome(NamedTuple):
    """The outcome of applying a chat's reply."""

    message: str
    is_usable: bool
    unused: Strings = ()
    """The reasons why cards in the reply weren't used."""
    next_prompt: ChatPrompt | None = None
    second_reading: str | None = None
    """A prompt that asks the chat to check its own cards, or None."""


class ChatPrompt(NamedTuple):
    """A prompt to paste into a chat."""

    said: str | None
    """A line describing the prompt or the reason there is none, if there is anything to say."""
    text: str | None
    """What to paste into the chat, or None if there is nothing to ask."""
    apply_reply: Callable[[str], ChatOutcome]
    """Stores the cards in the chat's reply."""


class ItemSource(Protocol):
    """The ledger or a feature, as a source of items for the user to decide on."""

    lists: Mapping[str, ShelfList]
    """The lists shown as rows of the shelf while they have pending items, keyed by ID."""
    prefix: str
    """The prefix of the items' IDs. The ledger's is ""."""

    def count_pending_items(self) -> Mapping[str, int]:
        """Return the number of pending items in each list.

        Called after every decision, so it must be fast.
        """

    def list_ids(self, list_id: str) -> Sequence[str]:
        """Return the IDs of a list's items in display order, reloading them if necessary."""

    def render_item(self, id: str) -> Json | None:
        """Render an item as JSON (see `web/items.py`), or return None if it isn't pending."""

    def decide(self, decision: Decision) -> DecisionOutcome:
        """Apply a decision.

        Raises:
            StaleItemError: the item has changed since it was shown, or isn't pending any more.
            ForgeError: the decision is refused. The message gives the reason.
        """

    def preview(self, decision: Decision) -> ShownCard:
        """Build the card that a decision would create from the fields in the editor."""

    def build_chat_prompt(self, id: str) -> ChatPrompt:
        """Return a prompt that asks a chat about an item.

        Raises:
            ForgeError: the item's text must not leave this computer, or there is nothing to ask.
        """


class PagePart(NamedTuple):
    """A feature's part of the page: sources of items, and handlers for the feature's script."""

    sources: Iterable[ItemSource] = ()
    get_handlers: Mapping[str, Callable[[Texts], Json]] = {}
    """Maps names to GET handlers, which take the URL's query and must not change anything."""
    post_handlers: Mapping[str, tuple[Any, Callable[[Any], Json]]] = {}
    """Maps names to POST handlers, each with the type of the request body."""
