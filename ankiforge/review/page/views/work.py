"""Cards that keep failing in Anki, with all that is known of it: another one, other words, or leave it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ankiforge.model import Card, Fields, Seen, SeenCard, note_id
from ankiforge.model.retention import Trouble, retrievability
from ankiforge.review.history import History, forgotten, history_of, reasons, words_in_anki
from ankiforge.review.page.decisions.redrafting import INSTEAD, SPLIT
from ankiforge.review.page.shown.faces import slot_of
from ankiforge.review.page.shown.items import Act, Item, Slot, stamp_of, title_of
from ankiforge.review.page.shown.known import many, studied, when
from ankiforge.review.page.shown.passage import source_html
from ankiforge.review.page.shown.sides import Fact, Row, changed_fields, sides_html
from ankiforge.review.page.views.conflicts import faces_in_anki
from ankiforge.review.select import selectable_text
from ankiforge.review.service import Service

_BESIDE = 6
"""Cards of the same passage that are told."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is forgotten again and again, and what a person has remarked while studying."""

    name: str = "work"
    title: str = "Needs work"
    about: str = "Cards that keep failing in Anki, or of which you wrote something there."
    empty: str = "No card in Anki keeps failing."

    def ids(self, desk: Service) -> Sequence[str]:
        """Their guids, the worst first."""
        return desk.ledger.queries.problem_cards.all()

    def item(self, desk: Service, identity: str) -> Item | None:
        """The card, how it fared, and what can be done about it."""
        card = desk.card(identity)
        seen = desk.ledger.views.seen(card.guid) if card else None
        if card is None or seen is None:
            return None
        history = history_of(desk.ledger, card)
        return _item(desk, card, seen, history) if history.troubles else None


def _item(desk: Service, card: Card, seen: Seen, history: History) -> Item:
    others = _others(desk, card)
    given = history.answers.given
    theirs = words_in_anki(card, seen)
    return Item(
        card.guid,
        f"Needs work: a {card.kind} card from {title_of(card)}",
        stamp_of(card, seen.tags, seen.cards, history.troubles, given, others, theirs),
        source=source_html(card.highlight, card.leading.draft.quote, card.also),
        slots=(_slot(desk, card, seen, theirs),),
        body=sides_html(
            _changes(card, theirs),
            _facts(desk, card, seen, history, others),
        ),
        acts=tuple(_acts(card)),
        group=card.highlight.key,
        passage=selectable_text(card.highlight)[0] if card.highlight.document.source else "",
    )


def _slot(desk: Service, card: Card, seen: Seen, theirs: Fields) -> Slot:
    """The card as it is asked there: in a person's own words, if he gave it others in Anki."""
    here = slot_of(desk, card, card.leading, "")
    if not theirs:
        return here
    label, words = "as you changed it in Anki", dict(theirs)
    fields = tuple((name, words.get(name, "")) for name, _ in here.fields)
    return replace(here, label=label, faces=faces_in_anki(card, seen), fields=fields)


def _changes(card: Card, theirs: Fields) -> tuple[Row, ...]:
    """What a person made of it in Anki."""
    rows = changed_fields(card.fields, theirs) if theirs else ()
    return tuple(replace(row, name=f"{row.name}, changed in Anki") for row in rows)


# --- what is known --------------------------------------------------------------------------


def _facts(
    desk: Service, card: Card, seen: Seen, history: History, others: tuple[Card, ...]
) -> Iterator[Fact]:
    yield ("Why it is here", "; ".join(reasons(history)))
    yield ("Its answers", _answers(history))
    yield ("In Anki", f"{studied(desk, card)} · seen {when(seen.taken_at)}")
    last = desk.ledger.queries.problem_cards.last_answers(card.guid)
    for at, one in enumerate(seen.cards, 1):
        now, answered = desk.ledger.clock().timestamp(), last.get(one.ordinal, 0.0)
        memory, apart = _memory(one, answered, now), _apart(one)
        several = len(seen.cards) > 1
        yield (
            f"Card {at} of this note" if several else "Its memory",
            " · ".join((*apart, *memory) if several else memory),
        )
    if seen.cards and all(one.suspended for one in seen.cards):
        yield ("To study it again", f"unsuspend it in Anki, which asks it no more: {_search(card)}")
    for other in others[:_BESIDE]:
        yield ("Beside it", _told(other))
    left = len(others) - _BESIDE
    yield ("And", f"{many(left, 'card')} more of this passage" if left > 0 else "")
    if card.revision:
        yield ("A correction waits", "decide on it under Revisions: that deals with this as well")


def _search(card: Card) -> str:
    """What finds it there."""
    return f"nid:{note_id(card.guid)}"


def _answers(history: History) -> str:
    found = history.answers
    each, retention = found.seconds_each, found.retention
    told = Trouble.LAPSES in history.troubles
    return " · ".join(
        part
        for part in (
            "" if told else forgotten(history),
            "" if retention is None else f"{retention:.0%} remembered when they were due",
            "" if each is None else f"{each:.0f} s an answer",
        )
        if part
    )


def _memory(card: SeenCard, last: float, now: float) -> Iterator[str]:
    """What the scheduler thinks of one card."""
    chance = retrievability(card, last, now) if last else None
    if card.difficulty is not None:
        yield f"difficulty {card.difficulty:.1f} of 10"
    if card.stability is not None:
        yield f"stability {card.stability:.1f} days"
    if chance is not None:
        yield f"{chance:.0%} likely to be remembered now"


def _apart(card: SeenCard) -> Iterator[str]:
    """What is told of the note as a whole, where it has but one card."""
    yield many(card.lapses, "lapse")
    if card.interval > 0:
        yield f"interval of {many(card.interval, 'day')}"
    if card.suspended:
        yield "suspended"


def _others(desk: Service, card: Card) -> tuple[Card, ...]:
    """The other cards of its passage, live ones first."""
    there = desk.ledger.cards.of_highlight(card.highlight.key)
    found = (one for one in there if one.guid != card.guid)
    return tuple(sorted(found, key=lambda one: one.standing != "live"))


def _told(card: Card) -> str:
    words = " → ".join(text for _, text in card.fields[:2] if text)
    state = card.verdict if card.standing == "live" else card.standing
    return f"{words} ({state})"


# --- what can be done -----------------------------------------------------------------------


def _acts(card: Card) -> Iterator[Act]:
    this = (("slot", card.guid),)
    yield Act("r", "Redraft", ":redraft", (INSTEAD,), asks="What should be better?")
    asks = "Into what? Nothing typed: two or more simpler cards, each asking one thing."
    yield Act("p", "Split", ":redraft", (INSTEAD, SPLIT), asks=asks)
    yield Act("e", "Reword", ":edit")
    if not card.revision:
        yield Act("l", "Leave it", "leave", (("slot", card.leading.id),))
    yield Act("x", "Give it up", "reject", this)
    yield Act("X", "Give it up, why…", "reject", this, asks="Why not?")
