"""Words that are typed or chosen on the page: shown as the card they would be, then made one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from flask import Flask, jsonify, request

from ankiforge import review
from ankiforge.config.deckfiles import deck_of
from ankiforge.errors import UsageError
from ankiforge.model import (
    AnkiState,
    Candidate,
    CandidateState,
    Card,
    Draft,
    DraftId,
    Fields,
    Guid,
    Highlight,
    HighlightKey,
    Standing,
    Verdict,
)
from ankiforge.review import Target
from ankiforge.review.history import words_in_anki
from ankiforge.review.manual import live_cards, manual_draft
from ankiforge.review.page.decisions.decision import Decide, Decision, Outcome, done, named
from ankiforge.review.page.shown.drawing import draw
from ankiforge.review.page.shown.faces import as_if, faces_of
from ankiforge.review.page.shown.items import Item, Slot, tone_of
from ankiforge.review.page.shown.media import Shown
from ankiforge.review.select import changed_fields, fields_from_spans, new_fields, parse_spans
from ankiforge.review.service import Service

WORK = "work"
"""The view in which a card is shown, and reworded, as it stands in Anki."""
FIELD = "field:"
"""Before the name of a field, among what a decision brings."""


class Typed(msgspec.Struct, forbid_unknown_fields=True):
    """What stands in the fields now."""

    at: str
    """The key of the passage."""
    slot: str = ""
    """The draft that is reworded; "" = a new card is written."""
    fields: dict[str, str] = {}


class Chosen(msgspec.Struct, forbid_unknown_fields=True):
    """Words that were selected in the passage, and what is to be made of them."""

    at: str
    """The key of the passage."""
    what: str
    spans: str


_Body = TypeVar("_Body", Typed, Chosen)


def add_writing(app: Flask, desks: Callable[[], Service], shown: Shown) -> None:
    """The routes that answer while somebody writes; they change nothing."""

    @app.post("/api/preview")
    def preview() -> Any:
        """The card as Anki would show it, and what the checks say of it."""
        return jsonify(_preview(desks(), _read(Typed), shown))

    @app.post("/api/chosen")
    def chosen() -> Any:
        """The fields that the selected words begin a card with."""
        said = _read(Chosen)
        highlight = highlight_of(desks(), said.at)
        return jsonify(
            fields=dict(fields_from_spans(said.what, highlight, parse_spans(said.spans)))
        )


def _read(type: type[_Body]) -> _Body:
    try:
        return msgspec.convert(request.get_json(), type)
    except msgspec.ValidationError as error:
        raise UsageError(f"not understood: {error}") from error


def highlight_of(desk: Service, key: str) -> Highlight:
    """The passage of this key.

    Raises:
        UsageError: there is none.
    """
    highlight = desk.ledger.highlights.get(HighlightKey(key))
    if highlight is None or not highlight.document.source:
        raise UsageError(f"{key!r} is no passage that was read")
    return highlight


# --- as it would be -------------------------------------------------------------------------


def _preview(desk: Service, typed: Typed, shown: Shown) -> dict[str, Any]:
    card = _reworded(desk, typed) if typed.slot else _unmade(desk, typed)
    findings = desk.judge(card.leading.draft, card.highlight)
    faces, pictures = faces_of(desk, card)
    shown.take(Item("", "", "", slots=(Slot("", "", pictures=pictures),)))
    return {
        "faces": faces,
        "foot": draw("slot_foot.html", findings=findings),
        "tone": tone_of(one.severity for one in findings),
    }


def _reworded(desk: Service, typed: Typed) -> Card:
    target = named(desk, typed.slot)
    card = as_if(target.card, target.candidate)
    fields = changed_fields(card, typed.fields)
    draft = review.reworded(target.candidate.draft, fields)
    return replace(card, fields=fields, candidates=(_candidate(draft),))


def _unmade(desk: Service, typed: Typed) -> Card:
    """A card of a passage, in words that may be half typed."""
    highlight = highlight_of(desk, typed.at)
    draft = manual_draft(highlight, tuple(typed.fields.items()))
    return Card(
        Guid(""), highlight.key, 0, draft.kind, draft.fields, Verdict.PENDING, Standing.LIVE,
        AnkiState.NONE, highlight, (_candidate(draft),),
    )  # fmt: skip


def _candidate(draft: Draft) -> Candidate:
    return Candidate(DraftId(".a"), CandidateState.PICKED, draft)


# --- made so --------------------------------------------------------------------------------


def _words(now: Decision) -> dict[str, str]:
    return {
        name.removeprefix(FIELD): text for name, text in now.args.items() if name.startswith(FIELD)
    }


def _edit(now: Decision) -> Outcome:
    """A person's words; of a choice, they are the card. `accept`: and it is let through.

    Where a card was shown as it stands in Anki, they take the place of what stands there.
    """
    target = now.target()
    ledger, guid = now.desk.ledger, target.card.guid
    words, over = _words(now), dict[str, str]()
    seen = ledger.views.seen(guid) if now.said.view == WORK else None
    if seen and (theirs := dict(words_in_anki(target.card, seen))):  # it began with those
        words = {name: text for name, text in words.items() if text != theirs.get(name, "")}
        there = dict(zip(target.card.family.content_fields, seen.fields, strict=False))
        over = {name: html for name, html in there.items() if name in words}
    fields = changed_fields(as_if(target.card, target.candidate), words)
    done([review.edit(ledger, target, fields, now.desk.judge, over)], "edited")
    if now.args.get("accept") != "yes":
        return Outcome("edited", show=guid)
    return done(review.accept(ledger, [Target(ledger.cards.get(guid))]), "edited and accepted")


def _make(now: Decision) -> Outcome:
    return _made(now, new_fields(_words(now)))


def _cloze(now: Decision) -> Outcome:
    """The words that were selected, hidden in their sentence: a card at once."""
    highlight = highlight_of(now.desk, now.item.group)
    return _made(now, fields_from_spans("cloze", highlight, parse_spans(now.args.get("spans", ""))))


def _made(now: Decision, fields: Fields) -> Outcome:
    """Where a card was shown it is shown again: nothing was decided about it."""
    desk = now.desk
    highlight = highlight_of(desk, now.item.group)
    others = len(live_cards(desk.ledger, highlight.key))
    deck = deck_of(desk.decks, highlight.document, highlight).deck
    review.make(desk.ledger, highlight, fields, deck, desk.judge)
    beside = f", beside {others} of this passage" if others else ""
    stays = any(slot.id for slot in now.item.slots)
    return Outcome(f"made, and accepted{beside}", show=now.item.id if stays else "")


def _skip(now: Decision) -> Outcome:
    review.skip(now.desk.ledger, (HighlightKey(now.item.id),))
    return Outcome("set aside: no card is wanted")


WRITING: dict[str, Decide] = {"edit": _edit, "make": _make, "cloze": _cloze, "skip": _skip}
