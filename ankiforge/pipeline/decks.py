"""The decks of new notes, and the tags of all: as rules, sources and the person say.

A note that is in Anki stays in its deck, whoever put it there. What waits, and what the
collection does not have, goes where the current rules say, unless a person named its deck.
Where no collection is read, a card may be in Anki as soon as it was in a package: it
keeps its deck.

Tags are merged like a field: what a person added or took away here stands, whatever the
source gives or takes later, and so does what they did in Anki (`anki/plan.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger import Ledger, cards, decide, recording, views
from ankiforge.ledger.cards import card_of
from ankiforge.ledger.tables.anki import seen_note, seen_notes
from ankiforge.ledger.tables.lines import facets
from ankiforge.model import (
    RETIRED,
    CardHere,
    Guid,
    Highlight,
    Problem,
    Shown,
    Strings,
    Texts,
    Value,
)
from ankiforge.pipeline.collection import deck_names_seen, renamed_decks
from ankiforge.text import counted, shortened
from ankiforge.text.fold import document_tag

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
        recording.give_decks(self._ledger, self._deck_now)

        other_decks = [*self._other_decks()] if self._earlier else []
        all_rules = (*self._earlier, self._rules)
        self._earlier = all_rules[-_MOST_RULES:]
        self._ledger.set_value(_RULES, self._earlier)
        if not other_decks:
            return []
        message = (
            f"other decks now, such as {shortened(other_decks[-1], 60)}: new cards go"
            f" there, {counted(len(other_decks), 'card')} that Anki has stay where they are"
        )
        hint = "to move them: in Anki's browser, Cards › Change Deck"
        return [Problem("decks", message, hint, notice=True)]

    def _other_decks(self) -> Iterator[str]:
        """Yield the decks that cards in Anki would have now, where they have others."""
        in_anki = {note.guid for note in seen_notes(self._ledger)}
        for card in cards.cards_of(self._ledger) if in_anki else ():
            if not card.live or card.own_deck or card.guid not in in_anki:
                continue
            deck = self._deck_now(card.highlight, card.deck)
            if deck != card.deck:
                yield deck

    def of_new(self, card: CardHere) -> str:
        """Return the deck of a card whose note was not seen in Anki."""
        if self._names_in_anki is None:
            # of a running Anki without its collection, the decks of our notes are known
            seen = deck_names_seen(self._ledger) or [
                note.deck for note in seen_notes(self._ledger) if note.deck
            ]
            self._names_in_anki = frozenset(map(str.casefold, seen))
        if not self._names_in_anki:  # Anki was not read
            return card.deck
        deck = card.deck
        # of one whose passage is gone, the rules know nothing
        if card.is_read_here and not card.own_deck:
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


# --- deck and tags of a card --------------------------------------------------------------

DECK = "Deck"
TAGS = "Tags"
"""Names that a person may type like a field of a card: the deck of its new note, and its tags,
with blanks between them."""
_OURS = "ankiforge::"
"""How the tags begin that the program needs, and nobody changes."""


def tags_of(card: Shown, rules: Rules) -> Strings:
    """Return our tags of a note: its own, its source's, the deck files' and its document's.

    Of a card whose passage was not read, or went before this database was made, they are as
    shipped last. What a person added or removed here comes on top.
    """
    from ankiforge.anki.notes import tag_names

    highlight = card.highlight
    of_source = (*highlight.document.tags, *highlight.tags)
    # a tool made its deck of a tag `a/b`, and other tags are alike
    if highlight.deck:
        of_source = tuple(tag.replace("/", "::") for tag in of_source)
    of_decks = deck_of(rules, highlight).tags
    of_document = document_tag(highlight.document.title)
    given = (*card.tags, *of_source, *of_decks, of_document)
    if not isinstance(card, CardHere):
        return tag_names(given)
    if card.note.adopted:  # another tool's note gets none
        return ()
    shipped = card.note.shipped
    if shipped and (card.kept or not highlight.namespace):
        given = tuple(tag for tag in shipped[-1].tags if tag != RETIRED)
    names = tag_names((*given, *card.added))
    gone = {tag.casefold() for tag in card.removed}
    return tuple(tag for tag in names if tag.casefold() not in gone)


class Placement(Value):
    """The deck of a card, and those of its tags that a person may change here."""

    deck: str
    tags: Strings
    removed_in_anki: Strings = ()
    """Tags that a person took from the note in Anki, where alone they give them again."""
    moves: bool = True
    """Whether the deck may be changed here: Anki has no note yet."""
    tagged: bool = True
    """Whether the tags may be: no other tool made the note."""


def placement_of(ledger: Ledger, card: Shown, rules: Rules) -> Placement:
    """Return the deck and tags of a card, or of that which a draft would become."""
    from ankiforge.anki.plan import tags_there

    deck = card.deck or deck_of(rules, card.highlight).deck
    ours = tags_of(card, rules)
    tags = tuple(tag for tag in ours if not tag.casefold().startswith(_OURS))
    if not isinstance(card, CardHere):
        return Placement(deck, tags)
    note = seen_note(ledger, card.guid)
    if note is None:
        return Placement(deck, tags)
    there = {tag.casefold() for tag in note.tags}
    before = {tag.casefold() for tag in tags_there(card, note)}
    removed = [tag for tag in tags if tag.casefold() in before - there]
    return Placement(
        note.deck,
        tuple(tag for tag in tags if tag not in removed),
        tuple(removed),
        moves=False,
        tagged=card.note.adopted is None,
    )


def place(ledger: Ledger, guid: Guid, typed: Texts, rules: Rules) -> None:
    """Put a card into the deck, and give it the tags, that a person typed, if they did.

    Raises:
        RefusedError: Anki has the note, or another tool made it; or a tag is not theirs to give.
    """
    if typed.keys().isdisjoint((DECK, TAGS)):
        return
    from ankiforge.anki.notes import deck_name, tag_names

    card = card_of(ledger, guid)
    now = placement_of(ledger, card, rules)
    deck = deck_name(typed[DECK]) if typed.get(DECK, "").strip() else ""
    if deck == deck_name(now.deck):
        deck = ""
    elif deck and not now.moves:
        hint = "move it there: Cards › Change Deck in the browser"
        raise RefusedError(f"Anki has this card in the deck {now.deck}", hint=hint)

    wanted = tag_names(tuple(typed[TAGS].split())) if TAGS in typed else now.tags
    names = {tag.casefold() for tag in wanted}
    before = {tag.casefold() for tag in now.tags}
    added = [tag for tag in wanted if tag.casefold() not in before]
    removed = [tag for tag in now.tags if tag.casefold() not in names]
    if (added or removed) and not now.tagged:
        hint = "change its tags in Anki"
        raise RefusedError("another tool made this note", hint=hint)
    for tag in added:
        if tag.casefold().startswith(_OURS):
            hint = "choose another name"
            raise RefusedError(f"tags like {tag} are ankiforge's own", hint=hint)
        if tag.casefold() in map(str.casefold, now.removed_in_anki):
            hint = "give it again there"
            raise RefusedError(f"you removed the tag {tag} in Anki", hint=hint)
    if deck or added or removed:
        decide.place(ledger, guid, deck=deck, added=added, removed=removed)


def decks_known(ledger: Ledger) -> list[str]:
    """Return the decks that Anki, cards or drafts have, by name."""
    return sorted({*deck_names_seen(ledger), *facets(ledger)["deck"]})


def check_deck(deck: str, decks: Iterable[str]) -> None:
    """Refuse a deck in which no note is.

    Args:
        deck: as a person named it.
        decks: those of all notes.

    Raises:
        UsageError: the hint names decks that are called nearly like it.
    """
    from ankiforge.anki.notes import in_deck

    called = {}
    for name in decks:
        if in_deck(name, deck):
            return
        # a person may leave out the decks above
        called[name.casefold()] = called[name.rpartition("::")[2].casefold()] = name
    alike = get_close_matches(deck.casefold(), called, n=3) or sorted(called)[:9]
    names = dict.fromkeys(called[each] for each in alike)
    hint = f"there is: {', '.join(names)}" if names else "there is no note yet"
    raise UsageError(f"there is no note in a deck {deck}", hint=hint)
