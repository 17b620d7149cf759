"""The ending of ten decisions, and of a list: how many cards, from where, minutes a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from ankiforge.errors import ForgeError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import card_of
from ankiforge.model import Card, Guid, Strings, Value
from ankiforge.text import counted

ROUND = 10
"""Items after which an ending is shown."""
SECONDS_A_DAY = 15
"""Seconds that a new card takes on an average day of its first week: about ten answers."""
MOST_SOURCES = 3


class Ending(Value):
    """The outcome of some decisions."""

    decided: int
    cards: tuple[Card, ...]
    """The cards that they made or changed, and that are live."""

    @property
    def lines(self) -> Strings:
        """How many cards, how long they take, and where they are from, each as a sentence."""
        count = len(self.cards)
        if not count:
            return (f"{self.decided} decided, no new card.",)
        minutes = max(round(count * SECONDS_A_DAY / 60), 1)
        sources = Counter(card.highlight.document.title for card in self.cards)
        named = [f"{title} ({n})" for title, n in sources.most_common(MOST_SOURCES)]
        more = len(sources) - len(named)
        if more:
            named.append(f"{more} more")
        return (
            f"{self.decided} decided, {counted(count, 'new card')}.",
            f"About {counted(minutes, 'minute')} a day in the first week.",
            f"From: {', '.join(named)}.",
        )


def ending_of(ledger: Ledger, actions: Collection[str], decided: int) -> Ending:
    """Return the outcome of decisions, by the ids that `undo` takes."""
    wanted = set(actions)
    guids = dict.fromkeys(
        entry.guid for entry in ledger.history() if entry.id in wanted and entry.guid
    )
    made = []
    for guid in reversed(guids):
        try:
            card = card_of(ledger, Guid(guid))
        except ForgeError:
            continue
        if card.live:
            made.append(card)
    return Ending(decided, tuple(made))
