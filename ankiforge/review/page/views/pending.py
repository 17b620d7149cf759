"""Cards that wait for a word: accept, reject, edit, or pick one of several candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from ankiforge.model import Candidate, Card, Standing, Verdict
from ankiforge.review.history import forgotten, history_of, words_in_anki
from ankiforge.review.page.decisions.redrafting import REDRAFT
from ankiforge.review.page.shown.faces import slot_of
from ankiforge.review.page.shown.items import Act, Item, stamp_of, title_of
from ankiforge.review.page.shown.passage import source_html
from ankiforge.review.page.shown.sides import Fact, sides_html
from ankiforge.review.select import selectable_text
from ankiforge.review.service import Service

FORCE = "force"
"""What a person types to overrule a check."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The usual view."""

    name: str = "pending"
    title: str = "Pending"
    about: str = "Cards that wait for your word."
    empty: str = "Nothing waits for you here."

    def ids(self, desk: Service) -> Sequence[str]:
        """Their guids; of a choice the first card's."""
        return desk.ledger.queries.pending()

    def item(self, desk: Service, identity: str) -> Item | None:
        """The card, or all candidates of a choice side by side."""
        if not desk.ledger.queries.is_pending(identity):
            return None
        return card_item(desk, desk.ledger.cards.get(identity))


def card_item(desk: Service, card: Card) -> Item:
    """A card to be accepted, rejected or edited; a choice with all its candidates."""
    shown = _shown(card)
    several = len(shown) > 1
    slots = tuple(
        slot_of(desk, card, candidate, str(at) if several else "")
        for at, candidate in enumerate(shown, 1)
    )
    return Item(
        card.guid,
        f"{card.kind.capitalize()} card from {title_of(card)}",
        stamp_of(card),
        source=source_html(card.highlight, shown[0].draft.quote, card.also),
        slots=slots,
        body=_in_place_of(desk, card),
        acts=card_acts(card),
        group=card.highlight.key,
        passage=selectable_text(card.highlight)[0] if card.highlight.document.source else "",
    )


def _in_place_of(desk: Service, card: Card) -> str:
    """What is told of the card that this one was drawn for, if it is to give way to it."""
    fails = [
        desk.ledger.cards.get(guid)
        for guid in desk.ledger.queries.problem_cards.replaced_by(card.guid)
    ]
    return (
        sides_html(facts=chain.from_iterable(map(partial(_given_up, desk), fails))) if fails else ""
    )


def _given_up(desk: Service, card: Card) -> Iterator[Fact]:
    asked = words_in_anki(card, desk.ledger.views.seen(card.guid)) or card.fields
    yield ("In place of", " → ".join(text for _, text in asked[:2] if text))
    yield ("Which was", forgotten(history_of(desk.ledger, card)))
    yield ("If you accept this one", "that one is retired; until then it stays as it is")


def _shown(card: Card) -> tuple[Candidate, ...]:
    """What there is to choose from; beside a person's words what was drawn since."""
    if card.picked and card.verdict is Verdict.PENDING:
        return (card.picked, *card.open)
    return card.to_choose or (card.leading,)


def card_acts(card: Card) -> tuple[Act, ...]:
    """What may be done with a card as it stands, wherever it is shown."""
    this = (("slot", card.guid),)
    if card.standing is not Standing.LIVE or card.verdict is Verdict.REJECTED:
        return (Act("b", "Bring it back", "restore", this),)
    turned_down = (
        Act("x", "Reject", "reject", this),
        Act("X", "Reject, why…", "reject", this, asks="Why not?"),
    )
    return (*_lets_through(card), *turned_down, Act("e", "Edit", ":edit"), REDRAFT)


def _lets_through(card: Card) -> tuple[Act, ...]:
    if card.verdict is not Verdict.PENDING:
        return ()
    choices = _shown(card)
    if len(choices) > 1:
        return tuple(
            Act(str(at), f"Pick {at}", "pick", (("slot", one.id),))
            for at, one in enumerate(choices[:9], 1)
        )
    this = (("slot", card.guid),)
    return (_forced(card),) if card.blocked else (Act("a", "Accept", "accept", this),)


def _forced(card: Card) -> Act:
    asks = f"A check forbids this card. Type {FORCE} to accept it all the same; it is recorded."
    args = (("slot", card.guid), ("force", "yes"))
    return Act("F", "Accept against the check", "accept", args, asks=asks, needs=True)
