"""The decks of new notes, when the rules change and when a person renames decks in Anki.

A note that is in Anki stays in its deck, whoever put it there. What waits, and what the
collection does not have, goes where the current rules say, unless a person named its deck.
Where no collection is read, a card may be in Anki as soon as it was in a package: it
keeps its deck.
"""

from __future__ import annotations

from collections import Counter

from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.ledger import Ledger, cards, drafts, views
from ankiforge.model import Card, Highlight, Problem
from ankiforge.pipeline.collection import deck_names_seen, renamed_decks
from ankiforge.text import counted, shortened

Rules = tuple[DeckRule, ...]

# The name of a setting in the ledger: all rules that ever held here, oldest first.
_RULES = "deck rules"
# More than a person changes in a year.
_MOST_RULES = 50


class Decks:
    """The decks of new notes."""

    def __init__(self, ledger: Ledger, rules: Rules) -> None:
        """Read which rules held before.

        Args:
            ledger: knows them, and what Anki has.
            rules: the current ones.
        """
        self._ledger = ledger
        self._rules = rules
        self._earlier = ledger.get_value(_RULES, tuple[Rules, ...]) or ()
        self._names_in_anki: frozenset[str] | None = None
        # By a deck that is not in Anki: what it is called there now.
        self._renamed: dict[str, str] = {}

    def use(self) -> list[Problem]:
        """Apply the current rules; report once if others held before.

        Drafts that wait get their decks.
        """
        if self._earlier and self._earlier[-1] == self._rules:
            return []
        is_first = not self._earlier
        drafts.give_decks(self._ledger, self._deck_now)

        # cards that are in Anki may have other decks now
        staying = 0
        example = ""
        in_anki = set()
        if not is_first:
            in_anki = {note.guid for note in views.notes(self._ledger)}
        for card in cards.cards_of(self._ledger) if in_anki else ():
            deck = self._deck_now(card.highlight, card.deck)
            if card.live and card.guid in in_anki and deck != card.deck:
                staying += 1
                example = deck
        all_rules = (*self._earlier, self._rules)
        self._earlier = all_rules[-_MOST_RULES:]
        self._ledger.set_value(_RULES, self._earlier)
        if not staying:
            return []
        message = (
            f"other decks now, such as {shortened(example, 60)}: new cards go there,"
            f" {counted(staying, 'card')} that Anki has stay where they are"
        )
        hint = "to move them: in Anki's browser, Cards › Change Deck"
        return [Problem("decks", message, hint, notice=True)]

    def of_new(self, card: Card) -> str:
        """Return the deck of a card whose note was not seen in Anki."""
        if self._names_in_anki is None:
            self._names_in_anki = deck_names_seen(self._ledger)
        if not self._names_in_anki:  # no collection was read
            return card.deck
        deck = card.deck
        if card.is_read_here:  # of one whose passage is gone, the rules know nothing
            deck = self._deck_now(card.highlight, deck)

        # a person may have renamed or moved a deck that is not there by its own name
        from ankiforge.anki.notes import deck_name

        if deck_name(deck).casefold() in self._names_in_anki:
            return deck
        if deck not in self._renamed:
            self._renamed[deck] = self._renamed_by_person(deck, self._names_in_anki)
        return self._renamed[deck]

    def _deck_now(self, highlight: Highlight, deck: str) -> str:
        """Return the current rules' deck for one that a rule gave; others stay."""
        for rules in self._earlier:
            if deck_of(rules, highlight).deck == deck:
                return deck_of(self._rules, highlight).deck
        return deck

    def _renamed_by_person(self, deck: str, in_anki: frozenset[str]) -> str:
        """Return the name of a deck after a person renamed it, or one above it, in Anki."""
        renamed = renamed_decks(self._ledger)
        parts = deck.split("::")
        for count in range(len(parts), 0, -1):
            old_start = "::".join(parts[:count])
            if old_start.casefold() in in_anki:
                return deck
            new_start = renamed.get(old_start.casefold(), "")
            if not new_start:  # it was renamed before it was seen: most of its notes tell
                places = views.places_of_deck(self._ledger, old_start)
                starts: Counter[str] = Counter()
                for before, now in places:
                    rest = before[len(old_start) :]
                    if now.endswith(rest):
                        starts[now.removesuffix(rest)] += 1
                for start, agreeing in starts.most_common(1):
                    if 2 * agreeing > len(places):
                        new_start = start
            if new_start:
                return "::".join((new_start, *parts[count:]))
        return deck
