"""Take back a decision: everything is as it was before, or the undo is refused with a reason.

An undo is an event, and is never taken back itself. `tests/ledger/test_decisions.py`
takes back each kind of decision by each name that `undo` takes.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import belonging, cards, drafts, waiting
from ankiforge.ledger.events import (
    FOUND,
    PERSON,
    POLICY,
    SILENT,
    SOURCE,
    Event,
    Text,
    exact,
)
from ankiforge.ledger.readings import decode_highlight
from ankiforge.ledger.store import EACH, NOT_UNDONE, OF_ACTION, Row, Store, encode
from ankiforge.ledger.views import DELETED, send_again, was_deleted_unnoticed
from ankiforge.model import (
    AGENT,
    Highlight,
    HighlightKey,
    Strings,
    Texts,
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


def undo(store: Store, target: str = "", *, as_new: bool = False) -> str:
    """Take back a decision: the last one, one by its id, or the last one about a card.

    Args:
        store: the store.
        target: an id of `recent`, a guid, the key of a highlight, the draft of an agent,
            or "" for the last decision.
        as_new: a change by the source states another fact, which gets a card of its own.

    Returns:
        The id of the action that was taken back.

    Raises:
        RefusedError: there is none, or a later change of the same field stands on it.
    """
    if is_draft_id(target):
        return _withdraw(store, target)
    with store.action():
        events = _to_undo(store, target)
        for event in events:
            _refuse_below(store, event)
        has_drafts = waiting.bring_back(store, events)
        for event in reversed(events):
            _take_back(store, event, has_drafts=event.id in has_drafts, as_new=as_new)
        return events[0].act or events[0].id


def can_undo(store: Store, action: str) -> bool:
    """Return whether an action recorded anything that `undo` takes back.

    The answer about a source that lost its documents is not recorded.
    """
    return store.row(f"SELECT 1 FROM event WHERE {OF_ACTION}", action) is not None


def _withdraw(store: Store, draft_id: str) -> str:
    """Drop a draft as if no agent had proposed it."""
    with store.transaction():
        draft_row = waiting.waiting_row(store, draft_id)
        if draft_row["drafter"] != AGENT:
            raise RefusedError(
                f"nothing about {draft_id} can be undone",
                hint=_SEE_RECENT,
            )
        store.write("DELETE FROM draft WHERE id = ?", draft_id)
        store.write(
            "UPDATE highlight SET modelled = '' WHERE key = ?",
            draft_row["key"],
        )
    return draft_id


def _take_back(store: Store, event: Event, *, has_drafts: bool, as_new: bool) -> None:
    """Take back one event: what it took away is drafted or is sent again.

    Args:
        store: the store.
        event: what is taken back.
        has_drafts: whether drafts wait again that it took away.
        as_new: as for `undo`.
    """
    store.take_back(event)
    if event.what == "adopt":
        store.set_setting("anki state", "")
        store.passage(event.key)  # the card is gone
    given_up = _given_up(event)
    if given_up:
        _give_back_words(store, event, given_up)
    if event.what in ("retire", "reject"):
        guid = event.body.get("guid", "")
        if event.body.get("why") == DELETED or was_deleted_unnoticed(store, guid):
            send_again(store, event.key, guid)
    if as_new and event.what == "revise" and event.by == SOURCE:
        _split_off_new_fact(store, event.key)
    if not has_drafts:
        for key in store.keys(event.key):
            drafts.draft_again(store, key)
    if event.what == "decline":
        belonging.draft_again(store, event.key)
    if event.what == "form":  # which may have left them out
        store.write("UPDATE highlight SET drafted = '' WHERE fate = 'left_out'")


def _given_up(event: Event) -> Texts:
    """Return the person's words in Anki that a decision replaced, by field."""
    if event.what == "resolve" and event.body.get("was"):
        return {event.body["field"]: event.body["was"]}
    if event.what == "edit":
        replaced = event.body.get("over", {})
        return {name: words for name, (_, words) in replaced.items()}
    return {}


def _give_back_words(store: Store, event: Event, fields: Texts) -> None:
    """Give the fields of a card the words again that a decision had replaced."""
    body = {"guid": event.body["guid"], "fields": fields}
    store.add("edit", event.key, POLICY, body)  # no decision that could be undone


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

    if keys:
        last = _last_about(store, keys, guid)
    elif target:
        last = _last_named(store, target)
    else:
        last = _last_here(store)
    if last is None:
        message = "there is nothing to undo"
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


def _last_about(store: Store, keys: Strings, guid: str) -> Event | None:
    """Return the last decision about a passage, or about one of its cards."""
    standing = store.select_events(f"key IN {EACH} AND {_STANDING}", encode(keys))
    for event in sorted(standing, key=lambda event: event.order, reverse=True):
        if event.by != PERSON and event.what != "revise":
            continue
        if FOUND in event.body:  # no decision
            continue
        if not guid or _is_about(event, guid):
            return event
    return None


def _last_named(store: Store, target: str) -> Event | None:
    """Return the last event of an action, or the event with an id."""
    standing = store.select_events(
        f"(({OF_ACTION}) OR id = ?) AND {_STANDING}",
        target,
        target,
    )
    return standing[-1] if standing else None


def _last_here(store: Store) -> Event | None:
    """Return the last decision of a person on this machine."""
    newest = store.select_events(
        f"by = 'person' AND machine = ? AND {_STANDING} ORDER BY n DESC LIMIT 1",
        store.machine,
    )
    return newest[0] if newest else None


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
    _insert_copy(store, highlight_row, replace(highlight, key=new_key))
    _leave_behind(store, highlight_row["key"], highlight, before)


def _insert_copy(store: Store, highlight_row: Row, highlight: Highlight) -> None:
    """Insert a copy of a row for a highlight with another key, which is to be drafted."""
    copied = dict(highlight_row)
    copied |= {
        "key": highlight.key,
        "drafted": "",
        "modelled": "",
        "fate": "",
        "reason": "",
    }
    copied["body"] = encode(highlight)
    names = ", ".join(copied)
    marks = ", ".join("?" * len(copied))
    store.write(f"INSERT INTO highlight ({names}) VALUES ({marks})", *copied.values())


def _leave_behind(
    store: Store,
    highlight_key: str,
    highlight: Highlight,
    before: Text | None,
) -> None:
    """Make a highlight one that is gone, with the text that it had before."""
    text_before = before.exact if before else ""
    alone = replace(
        highlight,
        # without a text before, other words were marked in the same one
        exact=text_before or highlight.exact,
        prefix="",
        suffix="",
        sentence="",
        gaps=(),
        markdown=(),
    )
    query = "UPDATE highlight SET state = 'gone', folded = ?, body = ? WHERE key = ?"
    store.write(query, for_finding(text_before), encode(alone), highlight_key)
    store.write("DELETE FROM draft WHERE key = ?", highlight_key)
