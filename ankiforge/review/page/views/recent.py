"""What a person decided, here, on the terminal, or on another day: looked at again, or taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ankiforge.ledger.events import MADE, Event, standing
from ankiforge.model import Card, HighlightKey
from ankiforge.review.page.shown.items import Act, Item, stamp_of, title_of
from ankiforge.review.page.shown.known import many, when
from ankiforge.review.page.shown.passage import source_html
from ankiforge.review.page.shown.sides import Fact, sides_html
from ankiforge.review.page.views.pending import card_item
from ankiforge.review.service import Service

_BACK = Act("z", "Take it back", "take back")
_TOLD = {
    "accept": "accepted",
    "pick": "picked",
    "reject": "rejected",
    "edit": "edited",
    "restore": "brought back",
    "skip": "no card wanted",
    "merge": "made one of two",
    "not-duplicate": "called no duplicate",
    "pin": "your words kept",
    "redraft": "another card asked for",
    "resolve": "the source's words taken",
}
_NAMED = 10
"""Cards of one action that are told by name."""


@dataclass(frozen=True, slots=True)
class Recent:
    """Each action that stands, the last one first."""

    name: str = "recent"
    title: str = "Recent"
    about: str = "What you decided, newest first: take it back, or decide anew."
    empty: str = "You have decided nothing yet."

    def ids(self, desk: Service) -> Sequence[str]:
        """The actions."""
        return tuple(desk.ledger.queries.person_actions())

    def item(self, desk: Service, identity: str) -> Item | None:
        """What was decided, and the card as it stands now."""
        made = _made(desk, identity)
        if not made:
            return None
        cards = [card for one in made if (card := desk.card(one.subject))]
        title = f"{_told(made[0])}: {_what(made, cards)}"
        facts = sides_html(facts=_facts(made, cards))
        if len(made) == 1 and cards:
            shown = card_item(desk, cards[0])
            acts = (_BACK, *shown.acts)
            stamp = stamp_of(cards[0], identity)
            return replace(
                shown, id=identity, title=title, stamp=stamp, acts=acts, body=facts + shown.body
            )
        stamp = stamp_of(identity, cards)
        passage = _passage(desk, made, cards)
        return Item(identity, title, stamp, source=passage, body=facts, acts=(_BACK,))


def _made(desk: Service, action: str) -> list[Event]:
    """The decisions of an action that stand."""
    ledger = desk.ledger
    subjects = dict.fromkeys(ledger.queries.subjects_of(action))
    history = (one for subject in subjects for one in standing(ledger.decisions.of(subject)))
    return [one for one in history if one.action == action and one.what != "undo"]


def named_as(decided: Event) -> str:
    """What a decision is called: a card that was made by hand was not edited."""
    return "made by hand" if MADE in decided.body else decided.what


def _told(decided: Event) -> str:
    what = named_as(decided)
    return _TOLD.get(what, what)


def _what(made: list[Event], cards: list[Card]) -> str:
    if len(cards) > 1:
        return many(len(cards), "card")
    if cards:
        return f"{cards[0].kind.capitalize()} card from {title_of(cards[0])}"
    return many(len(made), "passage")


def _facts(made: list[Event], cards: list[Card]) -> Iterator[Fact]:
    yield ("Decided", when(made[0].at))
    yield ("Reason", str(made[0].body.get("reason", "")))
    if len(made) > 1:
        for card in cards[:_NAMED]:
            yield ("A card of it", f"{card.leading.draft.answer} ({title_of(card)})")
        left = len(cards) - _NAMED
        yield ("And", many(left, "card") + " more" if left > 0 else "")


def _passage(desk: Service, made: list[Event], cards: list[Card]) -> str:
    """Where the first of it comes from, if that is a passage that is known here."""
    if cards:
        return source_html(cards[0].highlight)
    highlight = desk.ledger.highlights.get(HighlightKey(made[0].subject))
    return source_html(highlight) if highlight else ""
