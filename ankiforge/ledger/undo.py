"""Take back a decision: everything is as it was before, or the undo is refused with a reason.

An undo is an event, and is never taken back itself. `tests/ledger/test_decisions.py`
takes back each kind of decision by each name that `undo` takes.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import belonging, cards, desk
from ankiforge.ledger.cards import HistoryEntry
from ankiforge.ledger.events import (
    FOUND,
    PERSON,
    POLICY,
    RETIRED_BEFORE,
    SILENT,
    SOURCE,
    Event,
    exact,
)
from ankiforge.ledger.readings import decode_highlight
from ankiforge.ledger.store import EACH, NOT_UNDONE, OF_ACTION, Store, encode
from ankiforge.ledger.views import DELETED, send_again, was_deleted_unnoticed
from ankiforge.model import (
    AGENT,
    HighlightKey,
    Strings,
    Texts,
    Value,
    h16,
    is_card_id,
    is_draft_id,
    is_highlight_key,
)
from ankiforge.text.fold import for_finding

_SEE_RECENT = "ankiforge list --view recent shows what can be"
_STANDING = f"what NOT IN {SILENT} AND {NOT_UNDONE}"
"""A decision that stands. `SILENT` is left out: what was read or shipped, and `undo`, which
is never taken back itself."""


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
        target: an id of `recent`, a guid, the key of a highlight, the draft of an agent,
            or "" for the last decision.
        as_new: a change by the source states another fact, which gets a card of its own.

    Raises:
        RefusedError: there is none, or a later change of the same field stands on it.
    """
    if is_draft_id(target):  # as if no agent had proposed it
        with store.transaction():
            draft_row = desk.waiting_row(store, target)
            if draft_row["drafter"] != AGENT:
                message = f"nothing about {target} can be undone"
                raise RefusedError(message, hint=_SEE_RECENT)
            store.write("DELETE FROM draft WHERE id = ?", target)
            query = "UPDATE highlight SET modelled = '' WHERE key = ?"
            store.write(query, draft_row["key"])
        return Undone(target, ())
    with store.action():
        events = _to_undo(store, target)
        # of several events about one card or draft, the last says what was decided
        last_about: dict[tuple[str, str], Event] = {}
        for event in events:
            words = event.body.get("guid") or event.body.get("content", "")
            last_about[event.key, words] = event
        with_words = {key for key, words in last_about if words}
        entries = []
        for (key, words), event in last_about.items():
            if words or key not in with_words:
                entries.append(cards.done_with_words(store, event))
        for event in events:
            _refuse_below(store, event)
        has_drafts = desk.bring_back(store, events)
        for event in reversed(events):
            _take_back(store, event, has_drafts=event.id in has_drafts, as_new=as_new)
        # only now: a decision that still stood would take the drafts away again
        for key in dict.fromkeys(event.key for event in events):
            desk.settle_passage(store, key)
        return Undone(events[0].act or events[0].id, tuple(entries))


def can_undo(store: Store, action: str) -> bool:
    """Return whether an action recorded anything that `undo` takes back.

    The answer about a source that lost its documents is not recorded.
    """
    return store.row(f"SELECT 1 FROM event WHERE {OF_ACTION}", action) is not None


def _take_back(store: Store, event: Event, *, has_drafts: bool, as_new: bool) -> None:
    """Take back one event: its drafts come back, its notes are sent again.

    Args:
        store: the store.
        event: what is taken back.
        has_drafts: whether drafts wait again that it took away.
        as_new: as for `undo`.
    """
    store.take_back(event)
    if event.what == "adopt":
        store.set_meta("anki state", "")
        store.passage(event.key)  # the card is gone

    # the person's words in Anki that the decision replaced, by field
    replaced: Texts = {}
    if event.what == "resolve" and event.body.get("was"):
        replaced = {event.body["field"]: event.body["was"]}
    elif event.what == "edit":
        over = event.body.get("over", {})
        replaced = {name: words for name, (_, words) in over.items()}
    if replaced:  # given back by no decision that could be undone
        body = {"guid": event.body["guid"], "fields": replaced}
        store.add("edit", event.key, POLICY, body)

    if event.what in ("retire", "reject"):
        guid = event.body.get("guid", "")
        if event.body.get("why") == DELETED or was_deleted_unnoticed(store, guid):
            send_again(store, event.key, guid)
    if as_new and event.what == "revise" and event.by == SOURCE:
        _split_off_new_fact(store, event.key)
    if not has_drafts:
        for key in store.keys(event.key):
            desk.draft_again(store, key)
    if event.what == "decline":
        belonging.draft_again(store, event.key)
    if event.what == "form":  # which may have left them out
        store.write("UPDATE highlight SET drafted = '' WHERE fate = 'left_out'")


# --- which events -----------------------------------------------------------------------


def _to_undo(store: Store, target: str) -> list[Event]:
    """Return the events of the decision to take back, oldest first."""
    guid = target if is_card_id(target) else ""
    keys: Strings = ()
    if guid:
        _, passage = cards.state_of(store, guid)
        keys = store.keys(passage.key)
    elif is_highlight_key(target):
        keys = store.keys(target)

    last: Event | None = None
    if keys:  # the last decision about a passage, or about one of its cards
        standing = store.select_events(f"key IN {EACH} AND {_STANDING}", encode(keys))
        for event in sorted(standing, key=lambda event: event.order):
            is_decision = event.by == PERSON or event.what == "revise"
            is_about = not guid or _is_about(event, guid)
            if is_decision and is_about and FOUND not in event.body:
                last = event
    elif target:  # an action, or one event
        condition = f"(({OF_ACTION}) OR id = ?) AND {_STANDING}"
        last = next(reversed(store.select_events(condition, target, target)), None)
    else:
        for event in store.each_event(
            f"by = 'person' AND machine = ? AND {_STANDING} ORDER BY n DESC",
            store.machine,
        ):
            was_found = FOUND in event.body or event.body.get("why") == RETIRED_BEFORE
            if not was_found:  # a note that was taken over from Anki is no decision
                last = event
                break
    if last is None:
        message = "nothing to undo"
        if target:
            message = f"nothing about {target} can be undone"
        raise RefusedError(message, hint=_SEE_RECENT)
    if not last.act or (guid and last.by != PERSON):
        return [last]

    of_action = []
    for event in store.select_events(f"{OF_ACTION} AND {_STANDING}", last.act):
        if guid and not (event.key in keys and _is_about(event, guid)):
            continue  # decided about another card in one go with it
        of_action.append(event)
    return sorted(of_action, key=lambda event: event.order)


def _is_about(event: Event, guid: str) -> bool:
    """Return whether an event of a passage is about a card, or about no card at all."""
    return bool(event.body.get("guid", guid) == guid)


def _refuse_below(store: Store, event: Event) -> None:
    """Refuse to take back a change of a field that a later one changed again."""
    if event.what not in ("revise", "edit"):
        return
    events = store.events(store.keys(event.key))
    undone = {other.body["event"] for other in events if other.what == "undo"}
    fields = _changed_fields(event)
    for other in sorted(events, key=lambda other_event: other_event.order, reverse=True):
        if other.order <= event.order:
            break
        if other.what not in ("revise", "edit") or other.id in undone:
            continue
        same_card = other.body.get("guid") == event.body.get("guid")
        same_action = event.act and other.act == event.act
        if same_card and not same_action and fields & _changed_fields(other):
            raise RefusedError(
                "a later change of the same card depends on this one",
                hint=f"first: ankiforge undo {other.act or other.id}",
            )


def _changed_fields(event: Event) -> set[str]:
    """Return the names of the fields that an `edit` or `revise` gave."""
    if event.what == "edit":
        return set(event.body["fields"])
    return set(event.body["draft"]["fields"])


# --- two facts in one passage -----------------------------------------------------------


def _split_off_new_fact(store: Store, passage_key: str) -> None:
    """Split a passage: its present text gets a new key, the old key keeps the card."""
    passage = store.passage(passage_key)
    highlight_row = cards.present_row(store, passage)
    if highlight_row is None:
        return
    newest, *earlier = passage.texts
    before = next(
        (text for text in earlier if exact(text.exact) != exact(newest.exact)),
        None,
    )
    highlight = decode_highlight(highlight_row)
    digest = h16(passage_key, highlight.exact, "another fact")
    new_key = HighlightKey(f"{highlight.namespace}/{digest}")
    store.add("key", new_key, SOURCE, msgspec.to_builtins(newest))
    store.add("different", new_key, POLICY, {"old": store.first(passage_key)})
    if before:  # the old card is the old text's
        store.add(
            "text",
            highlight_row["key"],
            SOURCE,
            msgspec.to_builtins(before),
        )

    # a copy of the row for the new key, which is to be drafted
    copied = dict(highlight_row)
    copied |= {"key": new_key, "drafted": "", "modelled": "", "fate": "", "reason": ""}
    copied["body"] = encode(replace(highlight, key=new_key))
    names = ", ".join(copied)
    marks = ", ".join("?" * len(copied))
    store.write(f"INSERT INTO highlight ({names}) VALUES ({marks})", *copied.values())

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
    query = "UPDATE highlight SET state = 'gone', folded = ?, body = ? WHERE key = ?"
    store.write(query, for_finding(text_before), encode(alone), old_key)
    store.write("DELETE FROM draft WHERE key = ?", old_key)
