"""Duplicates side by side: two cards, or a card and a note of others in Anki, that say alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ankiforge import review
from ankiforge.ledger.cards import NOTE, PAIRED
from ankiforge.model import Card, Finding, ForeignNote, Standing, Verdict
from ankiforge.review.page.shown.faces import slot_of
from ankiforge.review.page.shown.items import Act, Item, stamp_of, title_of
from ankiforge.review.page.shown.known import studied
from ankiforge.review.page.shown.passage import source_html
from ankiforge.review.page.shown.sides import Fact, Row, beside, sides_html
from ankiforge.review.service import Service
from ankiforge.text.markdown import plain

BETWEEN = "~"
"""What stands between the two names of a pair."""


@dataclass(frozen=True, slots=True)
class Twins:
    """Pairs that a check called alike, each once."""

    name: str = "twins"
    title: str = "Duplicates"
    about: str = (
        "Cards that ask the same: make one of them, keep both, or say that they are not alike."
    )
    empty: str = "No two cards are called alike."

    def ids(self, desk: Service) -> Sequence[str]:
        """`guid~guid` or `guid~nid:…`."""
        return [BETWEEN.join(pair) for pair in desk.ledger.queries.duplicates()]

    def item(self, desk: Service, identity: str) -> Item | None:
        """Both beside one another."""
        one, _, other = identity.partition(BETWEEN)
        if not desk.ledger.queries.is_duplicate(one, other):
            return None
        card = desk.ledger.cards.get(one)
        if not other.startswith(NOTE):
            return _pair(desk, identity, *_in_order(card, desk.ledger.cards.get(other)))
        note = desk.ledger.foreign.find(int(other.removeprefix(NOTE)))
        return _beside_note(desk, identity, card, note) if note else None


def _in_order(card: Card, twin: Card) -> tuple[Card, Card]:
    """First the one that waits: it is the one to decide about."""
    return (twin, card) if _waits(twin) and not _waits(card) else (card, twin)


def _waits(card: Card) -> bool:
    return card.verdict is Verdict.PENDING and card.standing is Standing.LIVE


# --- two cards ------------------------------------------------------------------------------


def _pair(desk: Service, identity: str, card: Card, twin: Card) -> Item:
    stays, _ = review.merge_order(desk.ledger, card, twin)
    facts = (
        *_told(card, twin.guid),
        *_told(twin, card.guid),
        ("This one", studied(desk, card)),
        ("The other", studied(desk, twin)),
        ("The other's passage", twin.highlight.exact),
        ("The other's source", title_of(twin)),
    )
    return Item(
        identity,
        f"Two cards that are called alike, from {title_of(card)}",
        stamp_of(card, twin, stays.guid),
        source=source_html(card.highlight, card.leading.draft.quote),
        slots=(
            slot_of(desk, card, card.leading, "this one"),
            slot_of(desk, twin, twin.leading, "the other"),
        ),
        body=sides_html(_rows(card, _texts(twin)), facts),
        acts=(_merge(card, stays), *_acts(card)),
        group=card.highlight.key,
        compared=True,
    )


def _merge(card: Card, stays: Card) -> Act:
    which = "this one" if stays.guid == card.guid else "the other"
    return Act("m", f"Merge: {which} stays", "merge")


# --- a card and a note of others ------------------------------------------------------------


def _beside_note(desk: Service, identity: str, card: Card, note: ForeignNote) -> Item:
    twin = f"{NOTE}{note.id}"
    facts = (
        *_told(card, twin),
        ("This one", studied(desk, card)),
        ("The other", f"a note in Anki that others made, in {note.deck}; it is never changed"),
        ("To find it in Anki", twin),
    )
    return Item(
        identity,
        f"A card that is called like a note in Anki, from {title_of(card)}",
        stamp_of(card, note),
        source=source_html(card.highlight, card.leading.draft.quote),
        slots=(slot_of(desk, card, card.leading, "this one"),),
        body=sides_html(_rows(card, dict(note.fields)), facts),
        acts=_acts(card),
        group=card.highlight.key,
        compared=True,
    )


# --- both -----------------------------------------------------------------------------------


def _told(card: Card, twin: str) -> Iterator[Fact]:
    """Why they are called alike."""
    for finding in _about(card, twin):
        yield ("Called alike because", finding.message)


def _about(card: Card, twin: str) -> list[Finding]:
    shown = (card.leading, *(one for one in card.open if one != card.leading))
    named = (finding for one in shown for finding in one.findings if finding.check in PAIRED)
    return [one for one in named if one.twin.partition(".")[0] == twin][:1]


def _rows(card: Card, theirs: dict[str, str]) -> list[Row]:
    """Field beside field; of different note types all of the one beside all of the other."""
    ours = _texts(card)
    if ours.keys() != theirs.keys():
        words = ("\n".join(ours.values()), "\n".join(theirs.values()))
        ours, theirs = {"Words": words[0]}, {"Words": words[1]}
    return [
        beside(name, ("This one", text), ("The other", theirs[name])) for name, text in ours.items()
    ]


def _texts(card: Card) -> dict[str, str]:
    """The words of each field that a person reads."""
    return {name: plain(text) for name, text in card.fields if text and name != "Reverse"}


def _acts(card: Card) -> tuple[Act, ...]:
    this = (("slot", card.guid),)
    return (
        Act("b", "Keep both", "both"),
        Act("n", "Not a duplicate", "distinct"),
        Act("x", "Reject this", "reject", this),
        Act("X", "Reject, why…", "reject", this, asks="Why not?"),
    )
