"""Decisions of a person or of the policy: each is an event that `undo` takes back.

A verb reads the passage, `decided` says what changes, and `settling.write` writes it: the events of
one `action`, and the drafts that it puts away, which `undo` brings back. An undo is an event, and
is never taken back itself: everything is as it was before, or the undo is refused with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.errors import BugError, RefusedError, one_item
from ankiforge.ledger import (
    belonging,
    cards,
    chosen,
    offers,
    recording,
    remarks,
    settling,
)
from ankiforge.ledger.cards import HistoryEntry
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.decided import (
    NoteRepair,
    TakenOver,
    accepted,
    adopted,
    edited,
    placed,
    rejected,
    repair_of,
    revised,
    reworded,
    skipped,
    told_apart,
)
from ankiforge.ledger.drafts import nearest_gap, with_gap
from ankiforge.ledger.events import PERSON, POLICY, SOURCE, Event, Passage, content, exact
from ankiforge.ledger.here import PassageHere
from ankiforge.ledger.store import Store, encode
from ankiforge.ledger.tables import ahead, highlights, journaled, waiting
from ankiforge.ledger.tables.here import passage_here
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.undo import (
    REWORDING,
    asks_again,
    last_about,
    last_by_person,
    refuse_below,
    undone,
    words_again,
)
from ankiforge.ledger.views import DELETED, send_again, was_deleted_unnoticed
from ankiforge.model import (
    AGENT,
    Card,
    CardKind,
    Draft,
    Fields,
    Guid,
    Highlight,
    HighlightKey,
    NoteId,
    Pair,
    Proposal,
    Severity,
    StoredDraft,
    Strings,
    Texts,
    Value,
    Words,
    h16,
    is_card_id,
    is_draft_id,
    is_highlight_key,
)
from ankiforge.text import occlusion
from ankiforge.text.fold import for_finding

_SEE_RECENT = "ankiforge list --view recent shows what can be"


# --- the passage of a decision ----------------------------------------------------------


def draft_here(store: Store, draft_id: str) -> tuple[PassageHere, StoredDraft]:
    """Return a passage, and a draft of it that waits.

    Raises:
        RefusedError: it no longer waits, or its passage is in doubt.
    """
    here = read_already(store, draft_id)
    if here is None:
        for row in waiting.with_ids(store, [draft_id]):
            here = passage_here(store, store.passage(row["key"]))
    for draft in here.waiting if here else ():
        if here and draft.id == draft_id and not offers.follows(here.passage, draft):
            refuse_doubtful(store, here.passage, draft.key)
            return here, draft
    raise RefusedError(
        f"{draft_id} no longer waits", hint="ankiforge list --view new shows what waits"
    )


def read_already(store: Store, id: str) -> PassageHere | None:
    """Return the passage of a draft, card or key, if `read_ahead` has it as it is now."""
    return store.ahead.passage_of(id, store.events_recorded) if store.ahead else None


def read_ahead(store: Store, ids: Iterable[str]) -> Iterator[str]:
    """Yield the ids to decide on in an action; their passages are read many at a time."""
    try:
        for part in in_batches(ids):
            store.ahead = ahead.read_ahead(store, part)
            yield from part
    finally:
        store.ahead = None


def line_here(store: Store, id: str) -> tuple[PassageHere, StoredDraft | Card]:
    """Return a passage, and a card or a waiting draft of it; refuse an id that names neither."""
    if is_draft_id(id):
        return draft_here(store, id)
    here = read_already(store, id)
    if here is None:
        _, passage = cards.state_of(store, id)
        here = passage_here(store, passage)
    return here, here.passage.cards[id]


def card_of(store: Store, guid: str) -> tuple[Card, str]:
    """Return a card as the fold has it, and the key of its passage; refuse an unknown guid."""
    here = read_already(store, guid)
    if here is not None:
        return here.passage.cards[guid], here.passage.key
    card, passage = cards.state_of(store, guid)
    return card, passage.key


def refuse_doubtful(store: Store, passage: Passage, key: str) -> None:
    """Refuse a decision about a passage, by one of its keys, that may be one that is gone."""
    if remarks.asked(store, passage):
        raise RefusedError(
            f"{key}: first answer whether this is the passage that is gone",
            hint="ankiforge list --view questions",
        )


class Undone(Value):
    """Decisions that were taken back together."""

    id: str
    """Of their action."""
    entries: tuple[HistoryEntry, ...]
    """The decisions, oldest first, one for each card or draft."""


def undo(store: Store, target: str = "", *, as_new: bool = False) -> Undone:
    """Take back a decision: the last one, one by its id, or the last one about a card.

    Args:
        store: the store.
        target: an id of `recent`, a guid, the key of a highlight, a draft that a decision took
            away, the draft of an agent, or "" for the last decision.
        as_new: a change by the source states another fact, which gets a card of its own.

    Raises:
        RefusedError: there is none, or a later change of the same field stands on it.
    """
    if waiting.with_ids(store, [target]):  # as if no agent had proposed it
        with store.transaction():
            _, draft = draft_here(store, target)
            if draft.origin.drafter != AGENT:
                message = f"nothing about {target} can be undone"
                raise RefusedError(message, hint=_SEE_RECENT)
            waiting.drop(store, [target])
            store.ahead = None  # no event tells of it
            highlights.ask_model_again(store, draft.key)
        return Undone(target, ())
    with store.action():
        events = _to_undo(store, target)
        entries = _entries(store, events)
        reworded_keys = [event.key for event in events if event.what in REWORDING]
        refuse_below(events, journaled.rewording(store, store.keys_of(reworded_keys)))
        with_drafts = waiting.bring_back(store, [event.id for event in events])
        for event in reversed(events):
            store.take_back(event)
            _follow_undo(store, event)
            if as_new and event.what == "revise" and event.by == SOURCE:
                _split_off_new_fact(store, event.key)
        lacking = [event.key for event in events if event.id not in with_drafts]
        highlights.draft_again(store, store.keys_of(lacking))
        # only now: a decision that still stood would take the drafts away again
        settling.unsettle(store, dict.fromkeys(event.key for event in events))
        return Undone(events[0].act or events[0].id, entries)


def no_longer_waiting(store: Store, beginning: str) -> list[str]:
    """Return the ids of decided drafts, and of the cards that they would be, that begin so."""
    guids = [event.body.get("guid", "") for event in journaled.rejections(store)]
    ids = [*waiting.put_away_ids(store, beginning), *dict.fromkeys(guids)]
    return [id for id in ids if id.startswith(beginning)]


def _entries(store: Store, events: Iterable[Event]) -> tuple[HistoryEntry, ...]:
    """Return one entry for each card or draft: the decision of its last event."""
    last_about: dict[tuple[str, str], Event] = {}
    for event in events:
        words = event.body.get("guid") or event.body.get("content", "")
        if event.what == "mark":
            words = event.id
        last_about[event.key, words] = event
    with_words = {key for key, words in last_about if words}
    entries = []
    for (key, words), event in last_about.items():
        if words or key not in with_words:
            entries.append(cards.done_with_words(store, event))
    return tuple(entries)


def can_undo(store: Store, action: str) -> bool:
    """Return whether an action recorded anything that `undo` takes back.

    The answer about a source that lost its documents is not recorded.
    """
    return any(journaled.of_action(store, action))


def cards_made(store: Store, action: str) -> int:
    """Return how many cards an action made."""
    return sum(event.what == "accept" for event in journaled.of_action(store, action))


def _to_undo(store: Store, target: str) -> list[Event]:
    """Return the events of the decision to take back, oldest first."""
    guid = ""
    keys: Strings = ()
    put_away_by = journaled.putting_away(store, target)
    if put_away_by is not None:
        guid = put_away_by.body.get("guid", "")
        if not guid:  # it was about another card
            return [put_away_by]
        keys = store.keys(put_away_by.key)
    elif is_card_id(target):
        guid = target
        keys = _keys_of(store, guid)
    elif is_highlight_key(target):
        keys = store.keys(target)
    if keys:
        last = last_about(journaled.standing(store, keys), guid)
    elif target:  # an action, or one event
        last = next(journaled.standing_of(store, target), None)
    else:
        last = last_by_person(journaled.standing_by_person(store))
    if last is None:
        about = f"nothing about {target} can be undone"
        raise RefusedError(about if target else "nothing to undo", hint=_SEE_RECENT)
    of_action = journaled.standing_of(store, last.act) if last.act else ()
    return undone(last, of_action, keys, guid)


def _keys_of(store: Store, guid: str) -> Strings:
    """Return the keys of the passage of a card, or of a rejected draft by the guid it had got."""
    try:
        _, passage = cards.state_of(store, guid)
    except RefusedError:
        for event in journaled.rejections(store):
            if event.body.get("guid") == guid:
                return store.keys(event.key)
        raise
    return store.keys(passage.key)


def _follow_undo(store: Store, event: Event) -> None:
    """Write the consequences of taking a decision back, except for its drafts."""
    if event.what == "adopt":
        store.set_meta("anki state", "")
        store.passage(event.key)  # the card is gone
    if asks_again(event):
        card, _ = cards.state_of(store, event.body["guid"])
        body = words_again(event, card)
        if body:
            store.add("edit", event.key, POLICY, body)
    if event.what in ("retire", "reject"):
        guid = event.body.get("guid", "")
        if event.body.get("why") == DELETED or was_deleted_unnoticed(store, guid):
            send_again(store, event.key, guid)
    if event.what == "mark":
        chosen.let_go(store, event)
    if event.what == "decline":
        belonging.draft_again(store, event.key)
    if event.what == "form":  # which may have left them out
        highlights.take_in_again(store)


# --- two facts in one passage -----------------------------------------------------------


def _split_off_new_fact(store: Store, passage_key: str) -> None:
    """Split a passage: its present text gets a new key, the old key keeps the card."""
    passage = store.passage(passage_key)
    highlight_row = cards.present_row(store, passage)
    if highlight_row is None:
        return
    newest, *earlier = passage.texts
    others = [text for text in earlier if exact(text.exact) != exact(newest.exact)]
    before = others[0] if others else None
    highlight = decode_highlight(highlight_row)
    digest = h16(passage_key, highlight.exact, "another fact")
    new_key = HighlightKey(f"{highlight.namespace}/{digest}")
    store.add("key", new_key, SOURCE, msgspec.to_builtins(newest))
    store.add("different", new_key, POLICY, {"old": store.first(passage_key)})
    if before:  # the old card is the old text's
        store.add("text", highlight_row["key"], SOURCE, msgspec.to_builtins(before))

    # a copy of the row for the new key, which is to be drafted
    copied = dict(highlight_row)
    copied |= {"key": new_key, "drafted": "", "modelled": "", "fate": "", "reason": ""}
    copied["body"] = encode(replace(highlight, key=new_key))
    highlights.put(store, [copied])

    # the old key is gone, with the text that it had before; without one, other words were
    # marked in the same text
    text_before = before.exact if before else ""
    alone = replace(
        highlight,
        exact=text_before or highlight.exact,
        prefix="",
        suffix="",
        sentence="",
        gaps=(),
        markdown=(),
    )
    old_key = highlight_row["key"]
    row = {**dict(highlight_row), "state": "gone", "body": encode(alone)}
    highlights.put(store, [{**row, "folded": for_finding(text_before)}])
    waiting.drop_of(store, [old_key])


# --- what a person decides, or the policy -----------------------------------------------

FLOOD = 300
"""The number of cards that policy accepts in one run, at most; the rest waits."""


# --- accepting --------------------------------------------------------------------------


class AcceptedByPolicy(Value):
    """The cards that policy made, and the highlights of which it failed to make one."""

    guids: tuple[Guid, ...] = ()
    failed: tuple[tuple[Highlight, BugError], ...] = ()


def accept_clean(
    store: Store,
    allows: Callable[[Draft], bool],
    in_progress: Callable[[str], bool] = lambda path: False,
) -> AcceptedByPolicy:
    """Accept, by policy, drafts that need no person and that the settings accept.

    A draft that cannot be accepted waits on; all others go on.

    Args:
        store: the store.
        allows: returns whether the settings accept a draft of which no check warns.
        in_progress: returns whether a person is still writing the note at a path.
    """
    accepted: list[Guid] = []
    failed = []
    with store.transaction():
        recording.drop_resolved(store)
        # thousands of others may wait
        allowed = []
        for draft_row in waiting.of_which_no_check_warns(store):
            if allows(waiting.decode_draft(draft_row["body"])):
                allowed.append(draft_row["id"])
        for draft in offers.each_waiting(store, waiting.in_reading_order(store, allowed)):
            if len(accepted) == FLOOD:
                break
            is_for_person = draft.remarks or draft.changes
            if is_for_person or in_progress(draft.highlight.document.path):
                continue
            try:
                with one_item(), store.attempt():
                    here = passage_here(store, store.passage(draft.key))
                    accepted.append(make_card(store, here, draft, by=POLICY))
            except BugError as error:
                failed.append((draft.highlight, error))
    return AcceptedByPolicy(tuple(accepted), tuple(failed))


def accept(
    store: Store,
    id: str,
    *,
    gap: int = 1,
    masks: str = "",
    forced: bool = False,
    another: bool = False,
) -> Guid:
    """Accept a draft; if it may be the new text of a card, that card gets its words.

    Args:
        store: the store.
        id: the draft.
        gap: the number of the gap of a proposal.
        masks: those of a figure, as the field of its card has them; "" = as they were read.
        forced: the person overrules a check that blocks.
        another: it becomes another card, though it may be the new text of one.

    Raises:
        RefusedError: a check blocks it, its passage is in doubt, it is a card already, it
            has no such gap, or the card's words are a person's by now.
    """
    if is_card_id(id):
        card, _ = cards.state_of(store, id)
        told = "accepted already" if card.live else card.verdict.value
        hint = f"ankiforge undo {id[:10]} takes that back"
        raise RefusedError(f"{id[:10]} is {told}", hint=hint)
    with store.action():
        here, draft = draft_here(store, id)
        draft = with_gap(draft, gap)
        if masks:
            draft = replace(draft, fields=_with_masks(draft, masks))
        else:
            _refuse_blocked(draft, forced=forced)
        if another or not draft.revises:
            for equal in remarks.equal_cards(store, here.passage, content(draft)):
                if equal["live"]:
                    differs = told_apart(here.passage.key, equal["passage"])
                    settling.record_event(store, differs, here)
        return _accept_as(store, here, draft, forced=forced, another=another)


def _refuse_blocked(draft: StoredDraft, *, forced: bool) -> None:
    """Refuse a draft that a check blocks, unless the person overrules the check.

    Anki takes no figure without a mask, whatever a person says.
    """
    hint = f"ankiforge edit {draft.id}, or accept --force {draft.id}"
    shown = draft.field(occlusion.FIELD)
    if shown and not occlusion.parse(shown).shown:
        hint = "draw what it hides on the page (ankiforge review), or reject it"
    elif forced:
        return
    for finding in draft.findings:
        if finding.severity is Severity.BLOCK:
            raise RefusedError(f"{draft.id[:10]}: {finding.message}", hint=hint)


def _accept_as(
    store: Store,
    here: PassageHere,
    draft: StoredDraft,
    *,
    forced: bool,
    another: bool,
) -> Guid:
    """Make a card of a draft with these words, or give them to the card that it revises."""
    if not draft.revises or (another and not draft.in_slot):
        return make_card(store, here, draft, forced=forced)
    guid = draft.revises
    card, key = here.passage.cards.get(guid), here.passage.key
    if card is None:
        card, key = card_of(store, guid)
    settling.write(store, reworded(here, draft, card, key))
    return guid


def _with_masks(words: Words, masks: str) -> Fields:
    """Return the fields of a figure with the masks that a person wants.

    Which figure it is, and what its labels say, they cannot change.

    Raises:
        RefusedError: none is left, or it is not a figure.
    """
    if words.kind is not CardKind.OCCLUSION:
        raise RefusedError(
            "only a figure has masks", hint="ankiforge edit rewords a card"
        )
    wanted = occlusion.parse(masks)
    if not wanted.shown:
        raise RefusedError("a figure needs a mask", hint="draw one, or reject the figure")
    by_number = {mask.number: mask for mask in wanted.masks}
    wanted = replace(wanted, masks=tuple(by_number.values()))
    wanted = occlusion.with_labels(wanted, occlusion.masks_in(words.fields))
    return tuple({**dict(words.fields), occlusion.FIELD: occlusion.write(wanted)}.items())


def set_masks(store: Store, guid: str, masks: str) -> None:
    """Give the card of a figure the masks that a person wants."""
    with store.action():
        card, passage = cards.state_of(store, guid)
        words = replace(card, fields=_with_masks(card, masks))
        if words.fields != card.fields:
            settling.record_event(store, revised(passage.key, card.guid, words, PERSON))


def make_card(
    store: Store,
    here: PassageHere,
    words: Words,
    *,
    by: str = PERSON,
    forced: bool = False,
) -> Guid:
    """Make a card of a draft, or of other words, and drop the drafts that it settles.

    Args:
        store: the store.
        here: its passage.
        words: as for `decided.accepted`.
        by: who accepted it.
        forced: whether a check blocks it that the person overruled.
    """
    event = settling.write(store, accepted(here, words, by, forced=forced))
    guid = Guid(event.body["guid"])
    if by == PERSON and was_deleted_unnoticed(store, guid):
        send_again(store, here.passage.key, guid)
    return guid


def make(store: Store, words: Words) -> Guid:
    """Make a card of words that are no draft: a person's own, or those of a proposal."""
    with store.action():
        cards.highlight_row(store, words.key)
        here = passage_here(store, store.passage(words.key))
        refuse_doubtful(store, here.passage, words.key)
        return make_card(store, here, words)


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
        here = read_already(store, id)
        words: Words
        if is_draft_id(id):  # the checks judge the person's words, not those of the draft
            here, draft = draft_here(store, id)
            text = fields.get("Text", draft.field("Text"))
            draft = with_gap(draft, nearest_gap(draft, text))
            guid = _accept_as(store, here, draft, forced=forced, another=False)
            is_new = guid not in here.passage.cards and not draft.revises
            # an older card may have other words than its draft
            words, key = (draft, here.passage.key) if is_new else card_of(store, guid)
        else:
            guid = Guid(id)
            words, key = card_of(store, guid)
        event = edited(key, guid, words, fields, over)
        if event is not None:
            settling.record_event(store, event, here)
    return guid


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
        settling.record_event(store, placed(passage.key, guid, deck, added, removed))


# --- taking over from other tools -------------------------------------------------------


def adopt_notes(store: Store, chosen: Iterable[TakenOver]) -> str:
    """Make cards of notes and schedules of other tools; return the id for `undo`."""
    with store.action() as action:
        for taken in chosen:
            here, line = line_here(store, taken.id)
            settling.write(store, adopted(here, line, taken))
        store.set_meta("anki state", "")  # the notes are to be looked at again
    return action


# --- repairing ----------------------------------------------------------------------------


def repair(
    store: Store, name: str, nid: int, guid: str = "", change: NoteRepair | None = None
) -> None:
    """Record that a person repaired a note in Anki, or left it as it is (`LEFT`).

    The words of a card of ours are changed by `edit`, beside this.

    Args:
        store: the store.
        name: of the repair.
        nid: the id of the note in Anki.
        guid: its guid in Anki, or the card of ours.
        change: of a note that is not ours.
    """
    with store.action():
        key = f"anki/{h16(guid)}"
        if is_card_id(guid):
            _, passage = cards.state_of(store, guid)
            key = passage.key
        elif change is not None:
            store.set_meta("anki state", "")  # the note is to be looked at again
        settling.record_event(store, repair_of(key, name, nid, guid, change))


def repaired(store: Store) -> dict[NoteId, str]:
    """Return when notes in Anki were repaired last, or left as they are, by their ids."""
    repairs = journaled.standing_kinds(store, "repair")
    return {event.body["nid"]: event.at for event in repairs}


# --- rejecting --------------------------------------------------------------------------


def reject(store: Store, id: str, why: str = "") -> None:
    """Reject a card, or the fact that a draft is about. It is not offered again.

    A card about which the draft asks stays as it is.
    """
    with store.action():
        here, line = line_here(store, id)
        settling.write(store, rejected(here, line, why))


def reject_proposal(store: Store, proposal: Proposal, why: str = "") -> None:
    """Reject a proposal: its sentence is not proposed again; a model may still ask about it."""
    with store.action():
        here = passage_here(store, store.passage(proposal.key))
        settling.write(store, rejected(here, proposal, why))


def skip(store: Store, highlight_key: str, why: str = "") -> None:
    """Offer nothing more of a highlight; its cards stay, and go on asking for new words."""
    with store.action():
        here = read_already(store, highlight_key)
        if here is None:
            cards.highlight_row(store, highlight_key)
            here = passage_here(store, store.passage(highlight_key))
        refuse_doubtful(store, here.passage, highlight_key)
        settling.write(store, skipped(here, why))
