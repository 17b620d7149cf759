"""After a change in the deck files: which cards stay where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ankiforge.anki.notes import deck_name
from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.ledger import Ledger
from ankiforge.model import Card, RunId


def left_behind(ledger: Ledger, run: RunId, decks: tuple[DeckRule, ...]) -> Iterator[str]:
    """Which cards of a run are not where the deck files would put them: no import moves a card."""
    counts: Counter[tuple[str, str]] = Counter()
    for guid in sorted(ledger.cards.of_run(run)):
        card = ledger.cards.get(guid)
        here, wanted = _deck(ledger, card), _wanted(card, decks)
        if card.ready and here.casefold() != wanted.casefold():
            counts[here, wanted] += 1
    for (here, wanted), count in sorted(counts.items()):
        yield (
            f"{count} card{'s stay' if count > 1 else ' stays'} in {here}, though the deck files"
            f' now say {wanted}: no import moves a card; in Anki: deck:"{here}"'
        )


def _deck(ledger: Ledger, card: Card) -> str:
    seen = ledger.views.seen(card.guid)
    return deck_name((seen.deck if seen else "") or card.deck)


def _wanted(card: Card, decks: tuple[DeckRule, ...]) -> str:
    return deck_name(deck_of(decks, card.highlight.document, card.highlight).deck)
