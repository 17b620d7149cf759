"""Decisions of a person or of the policy: each is an event that `undo.py` takes back.

A decision adds events in one `action`, and takes its drafts away with `put_away`: `undo`
needs both.

`tests/ledger/test_decisions.py` takes back each kind of decision by each name that
`undo` takes; further ones are in `tests/golden/histories` (`decisions.yaml`,
`machines.yaml`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import cards, desk, facts
from ankiforge.ledger.events import (
    PERSON,
    POLICY,
    content,
    guid_of,
    wording_of,
)
from ankiforge.ledger.gap_numbers import keep_numbers
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.ledger.views import send_again, was_deleted_unnoticed
from ankiforge.model import (
    PROPOSE,
    Adopted,
    Card,
    CardKind,
    Guid,
    Json,
    Pair,
    Severity,
    Texts,
    Value,
    is_card_id,
    is_draft_id,
)
from ankiforge.text import occlusion

FLOOD = 300
"""The number of cards that policy accepts in one run, at most; the rest waits."""


# --- accepting --------------------------------------------------------------------------


def accept_clean(store: Store, allows: Callable[[Card], bool]) -> list[Guid]:
    """Accept, by policy, drafts that need no person and that the settings accept."""
    accepted: list[Guid] = []
    with store.transaction():
        desk.drop_resolved(store)
        for draft in desk.each_waiting(store, "d.drafter != ?", PROPOSE):
            if len(accepted) == FLOOD:
                break
            if draft.remarks or draft.changes or not draft.clean or not allows(draft):
                continue
            accepted.append(make_card(store, draft, by=POLICY))
    return accepted


def accept(
    store: Store,
    id: str,
    *,
    gap: int = 1,
    masks: str = "",
    forced: bool = False,
    same: bool = False,
) -> Guid:
    """Accept a draft; the new words of the source's own card go to that card.

    Args:
        store: the store.
        id: the draft.
        gap: the number of the gap of a proposal.
        masks: the masks of a figure; "" = as they were read.
        forced: the person overrules a check that blocks.
        same: the card about which the draft asks gets these words.

    Raises:
        RefusedError: a check blocks it, its passage is in doubt, it is a card already, it
            has no such gap, or is no card's new text.
    """
    if is_card_id(id):
        card, _ = cards.state_of(store, id)
        told = "accepted already" if card.live else card.verdict.value
        hint = f"ankiforge undo {id} takes that back"
        raise RefusedError(f"{id} is {told}", hint=hint)
    with store.action():
        draft_row = desk.waiting_row(store, id)
        draft = desk.with_gap(_draft_in(draft_row), gap)
        if same and not draft_row["revises"]:
            hint = f"ankiforge accept {id} makes a card of it"
            raise RefusedError(f"{id} is not the new text of a card", hint=hint)
        # Anki takes no figure without a mask, whatever a person says
        shown = draft.field(occlusion.FIELD)
        hides_nothing = bool(shown) and not occlusion.parse(shown).shown
        if masks:
            fields = _with_masks(draft.kind, dict(draft.fields), masks)
            draft = replace(draft, fields=tuple(fields.items()))
        elif draft.blocked and (hides_nothing or not forced):
            hint = f"ankiforge edit {id}, or accept --force {id}"
            if hides_nothing:
                hint = "draw what it hides on the page (ankiforge review), or reject it"
            for finding in draft.findings:
                if finding.severity is Severity.BLOCK:
                    raise RefusedError(f"{id}: {finding.message}", hint=hint)
        passage = store.passage(draft_row["key"])
        if not draft_row["revises"]:
            for equal in desk.equal_cards(store, passage, content(draft)):
                if equal["live"]:
                    body = {"old": equal["passage"]}
                    store.add("different", passage.key, PERSON, body)
        return _accept_as(store, draft_row, draft, forced=forced, same=same)


def _draft_in(draft_row: Row) -> Card:
    """Return a stored draft."""
    return replace(desk.decode_draft(draft_row["body"]), id=draft_row["id"])


def _words_of(card: Card) -> Json:
    """Return the words of a card as the body of an event has them."""
    words: Json = msgspec.to_builtins(wording_of(card))
    return words


def _accept_as(
    store: Store, draft_row: Row, draft: Card, *, forced: bool, same: bool
) -> Guid:
    """Make a card of a draft with these words, or give them to the card that it revises."""
    if not draft_row["revises"] or not (same or draft_row["slot"]):
        return make_card(store, draft, forced=forced)
    of = desk.offered_passage(store, store.passage(draft_row["key"]))
    guid = Guid(draft_row["revises"])
    body = {"guid": guid, "draft": _words_of(draft)}
    event = store.add("revise", of.passage.key, PERSON, body)
    sentences = facts.decided_by(draft, of.text)
    desk.decide(store, of, event, sentences, draft_row["id"])
    return guid


def _with_masks(kind: str, fields: Texts, masks: str) -> Texts:
    """Return the fields of a figure with the masks that a person wants.

    Raises:
        RefusedError: none is left, or it is not a figure.
    """
    if kind != "occlusion":
        raise RefusedError(
            "only a figure has masks", hint="ankiforge edit rewords a card"
        )
    if not occlusion.parse(masks).shown:
        raise RefusedError("a figure needs a mask", hint="draw one, or reject the figure")
    return {**fields, occlusion.FIELD: masks}


def set_masks(store: Store, guid: str, masks: str) -> None:
    """Give the card of a figure the masks that a person wants."""
    with store.action():
        card, passage = cards.state_of(store, guid)
        fields = _with_masks(card.kind, dict(card.fields), masks)
        if fields != dict(card.fields):
            reworded = replace(card, fields=tuple(fields.items()))
            body = {"guid": guid, "draft": _words_of(reworded)}
            store.add("revise", passage.key, PERSON, body)


def make_card(
    store: Store,
    draft: Card,
    *,
    by: str = PERSON,
    forced: bool = False,
) -> Guid:
    """Make a card of a draft, and drop it and the drafts that it settles.

    Args:
        store: the store.
        draft: the words that become a card; it has no id if a person wrote them.
        by: who accepted them.
        forced: whether a check blocks it that the person overruled.
    """
    passage = store.passage(draft.key)
    of = desk.offered_passage(store, passage)
    guid = guid_of(passage.key, draft)
    body: Json = {"guid": guid, "draft": _words_of(draft)}
    if draft.deck:
        body["deck"] = draft.deck
    if forced:
        body["forced"] = True
    for row in of.rows:
        if row["id"] == draft.id and row["replaces"]:
            body["instead"] = row["replaces"]
    event = store.add("accept", passage.key, by, body)
    sentences = facts.decided_by(draft, of.text)
    desk.decide(store, of, event, sentences, draft.id)
    if by == PERSON and was_deleted_unnoticed(store, guid):
        send_again(store, passage.key, guid)
    return guid


def make(store: Store, draft: Card) -> Guid:
    """Make a card that a person wrote for a passage."""
    with store.action():
        cards.highlight_row(store, draft.key)
        desk.refuse_doubtful(store, draft.key)
        return make_card(store, draft)


def edit(
    store: Store,
    id: str,
    fields: Texts,
    *,
    over: Mapping[str, Pair] = {},
    forced: bool = False,
) -> Guid:
    """Change fields of a card, or accept a draft in other words.

    They are the person's from now on.

    Args:
        store: the store.
        id: of the card or draft.
        fields: the new Markdown by name.
        over: of the fields that a person changed in Anki and has in view: the hash of
            their HTML there, and their Markdown. The new words replace them there.
        forced: overrule a check.
    """
    with store.action():
        guid = id
        if is_draft_id(id):  # the checks judge the person's words, not those of the draft
            draft_row = desk.waiting_row(store, id)
            draft = _draft_in(draft_row)
            text = fields.get("Text", draft.field("Text"))
            draft = desk.with_gap(draft, desk.nearest_gap(draft, text))
            guid = _accept_as(store, draft_row, draft, forced=forced, same=False)
        card, passage = cards.state_of(store, guid)
        changed = {}
        for field, text in fields.items():
            if field in over or text != card.field(field):
                changed[field] = text
        if changed:
            body: Json = {"guid": guid, "fields": changed}
            if over:
                body["over"] = over
            if card.kind is not CardKind.CLOZE and "Reverse" in fields:
                body["kind"] = "two-way" if fields["Reverse"] else "basic"
            store.add("edit", passage.key, PERSON, body)
    return Guid(guid)


def place(
    store: Store,
    guid: Guid,
    *,
    deck: str = "",
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
) -> None:
    """Put a card into another deck ("" = it stays), give it tags, and take tags from it."""
    with store.action():
        _, passage = cards.state_of(store, guid)
        changed = {"deck": deck, "added": added, "removed": removed}
        body: Json = {name: value for name, value in changed.items() if value}
        store.add("placed", passage.key, PERSON, {"guid": guid, **body})


# --- taking over from other tools -------------------------------------------------------


class TakenOver(Value):
    """A card or schedule of another tool for one passage."""

    id: str
    """The draft, or the guid of a card that exists."""
    note: Adopted | None = None
    text: str = ""
    """The note's text with clozes in Markdown: the card keeps its numbers."""
    deck: str = ""
    schedule: tuple[tuple[str, int, int], ...] = ()
    """As in `Card`."""


def adopt_notes(store: Store, chosen: Iterable[TakenOver]) -> str:
    """Make cards of notes and schedules of other tools; return the id for `undo`."""
    with store.action() as action:
        for taken in chosen:
            if is_card_id(taken.id):  # its words stay as they are
                _, passage = cards.state_of(store, taken.id)
                body: Json = {"guid": taken.id, "schedule": taken.schedule}
                event = store.add("adopt", passage.key, PERSON, body)
                of = desk.offered_passage(store, passage)
                sentences = desk.sentences_of_card(of, passage.cards[taken.id])
                desk.decide(store, of, event, sentences)
                continue

            # a draft, with the history that another tool has of its passage
            draft_row = desk.waiting_row(store, taken.id)
            draft = _draft_in(draft_row)
            passage = store.passage(draft_row["key"])
            of = desk.offered_passage(store, passage)
            if taken.text:
                text = keep_numbers(taken.text, draft.field("Text"))
                fields = {**dict(draft.fields), "Text": text}
                draft = replace(draft, fields=tuple(fields.items()))
            guid = guid_of(passage.key, draft)
            body = {"guid": guid, "draft": _words_of(draft)}
            if taken.deck:
                body["deck"] = taken.deck
            if taken.note:
                body["note"] = msgspec.to_builtins(taken.note)
            if taken.schedule:
                body["schedule"] = taken.schedule
            event = store.add("adopt", passage.key, PERSON, body)
            sentences = facts.covered(of.text, draft.quote)
            desk.decide(store, of, event, sentences, taken.id)
        store.set_meta("anki state", "")  # the notes are to be looked at again
    return action


# --- rejecting --------------------------------------------------------------------------


def reject(store: Store, id: str, why: str = "") -> None:
    """Reject a card, or the fact that a draft is about. It is not offered again.

    A card about which the draft asks stays as it is.
    """
    with store.action():
        if is_draft_id(id):
            draft_row = desk.waiting_row(store, id)
            card = _draft_in(draft_row)
            of = desk.offered_passage(store, store.passage(draft_row["key"]))
            sentences = facts.decided_by(card, of.text)
            # a card that was accepted from a proposal and taken back is not rejected
            is_card = not card.proposed and not draft_row["revises"]
            guid: str = guid_of(of.passage.key, card) if is_card else ""
        else:
            card, passage = cards.state_of(store, id)
            of = desk.offered_passage(store, passage)
            sentences = desk.sentences_of_card(of, card)
            guid = id
        is_proposal = card.waits and card.proposed
        body: Json = {
            "guid": guid,
            # the person's own form may say what was proposed
            "content": "" if is_proposal else content(card),
            "slot": card.slot if guid and card.in_slot else "",
            "fields": wording_of(card).fields,
        }
        if why:
            body["why"] = why
        event = store.add("reject", of.passage.key, PERSON, body)
        desk.decide(store, of, event, sentences, card.id if card.waits else "")


def skip(store: Store, highlight_key: str, why: str = "") -> None:
    """Offer nothing more of a highlight; its cards stay, and go on asking for new words."""
    with store.action():
        first = store.first(cards.highlight_row(store, highlight_key)["key"])
        desk.refuse_doubtful(store, highlight_key)
        body = {"why": why} if why else {}
        event = store.add("skip", first, PERSON, body)
        keys = encode(store.keys(first))
        live = {card.guid for card in store.passage(first).live}
        query = f"SELECT id, slot, revises FROM draft WHERE key IN {EACH}"
        for row in store.rows(query, keys):
            if row["slot"] or row["revises"] not in live:
                desk.put_away(store, row["id"], event)
