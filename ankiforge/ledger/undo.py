"""The rules of undo: which events are undone together, and which later events prevent an undo.

`decide.undo_decision` loads the decisions, applies these rules, and records the result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from operator import attrgetter

from ankiforge.errors import RefusedError
from ankiforge.ledger.events import FOUND_KEY, SOURCE, USER, Event
from ankiforge.model import Card, Json

REWORDING_KINDS = ("revise", "edit", "repair")
"""The kinds of events that change a card's text."""


def find_last_user_decision(events: Iterable[Event]) -> Event | None:
    """Return the user's last decision, or None if there is none.

    Events that only record that a note was found, deleted or tagged in Anki don't count. `events`
    are the user's events that haven't been undone, newest first.
    """
    for event in events:
        if FOUND_KEY in event.body:
            continue
        if event.kind == "retire" and not event.action_id:
            continue  # deleted in Anki
        return event
    return None


def find_last_decision(active_events: Iterable[Event], guid: str = "") -> Event | None:
    """Return the last decision on a passage or, if `guid` is given, on one of its cards.

    This is a decision by the user or a change that a source made to a card. Returns None if there
    is none. `active_events` are the events of the passage that haven't been undone.
    """
    for event in sorted(active_events, key=attrgetter("order"), reverse=True):
        if event.author != USER and event.kind != "revise":
            continue
        if FOUND_KEY in event.body:
            continue
        if _is_about_card(event, guid):
            return event
    return None


def select_events_to_undo(
    last_event: Event,
    action_events: Iterable[Event],
    keys: Collection[str] = (),
    guid: str = "",
) -> list[Event]:
    """Return a decision and all events that must be undone together with it, oldest first.

    Args:
        last_event: The event of the decision to undo.
        action_events: All decisions of the same action that haven't been undone yet.
        keys: The keys of the passage of the card with this `guid`.
        guid: The GUID of a card, to undo only the decisions on this card. If "", all decisions
            of the action are undone.
    """
    if not last_event.action_id:
        return [last_event]
    if guid and last_event.author != USER:
        return [last_event]
    events = list(action_events)
    if guid:
        events = [
            event for event in events if event.key in keys and _is_about_card(event, guid)
        ]
    return sorted(events, key=attrgetter("order"))


def _is_about_card(event: Event, guid: str) -> bool:
    """Return whether an event is about a card, or about no single card of the passage."""
    if not guid:
        return True
    return bool(event.body.get("guid", guid) == guid)


def refuse_if_later_change(
    events: Iterable[Event], active_events: Iterable[Event]
) -> None:
    """Raise an error if a later event has changed the same field of a card as one of `events`.

    `active_events` are the events of the same passages that change the text of a card
    (`REWORDING_KINDS`) and haven't been undone.

    Raises:
        RefusedError: A later event must be undone first. The hint names the latest such event.
    """
    later_by_card = defaultdict(list)
    for event in sorted(active_events, key=attrgetter("order"), reverse=True):
        later_by_card[event.body.get("guid")].append(event)
    for event in events:
        if event.kind not in REWORDING_KINDS:
            continue
        for later_event in later_by_card[event.body.get("guid")]:
            if later_event.order <= event.order:
                break
            if _depends_on(later_event, event):
                raise RefusedError(
                    "a later change of the same card depends on this one",
                    hint=f"first: ankiforge undo {later_event.undo_id}",
                )


def _depends_on(later_event: Event, event: Event) -> bool:
    """Return whether a later change of the same card must be undone before an event.

    Changes of one action are undone together. After an edit is undone, the card has the text of
    its source, whatever the source has changed since.
    """
    if event.action_id and later_event.action_id == event.action_id:
        return False
    if event.kind == "edit" and later_event.author == SOURCE:
        return False
    shared_fields = _list_changed_fields(event) & _list_changed_fields(later_event)
    return bool(shared_fields)


def _list_changed_fields(event: Event) -> set[str]:
    if event.kind == "edit":
        return set(event.body["fields"])
    return set(event.body.get("draft", {}).get("fields", ()))


def should_reopen_conflict(event: Event) -> bool:
    """Return whether undoing an event must bring back the question about an edit in Anki."""
    if event.kind == "resolve":
        return "was" in event.body
    return event.kind == "edit" and bool(event.body.get("over"))


def build_restoring_edit(event: Event, card: Card) -> Json | None:
    """Build the body of an `edit` event that restores a card's text after a decision was undone.

    The earlier text came from Anki, not from an earlier decision, so the undo alone doesn't
    restore it, and Anki may already have the newer text.

    Args:
        event: The undone decision. `should_reopen_conflict` must be True for it.
        card: The card as computed without the decision.

    Returns:
        The body, or None if a question about the field is open anyway.
    """
    guid = event.body["guid"]
    if event.kind == "edit":
        over = event.body["over"]
        fields = {name: words for name, (_, words) in over.items()}
        return {"guid": guid, "fields": fields}
    field, mine = event.body["field"], event.body["was"]
    if field in card.edits.source_texts_offered:
        return None  # edited in this workspace, so a question is open anyway
    body: Json = {"guid": guid, "fields": {field: mine}}
    if card.get_field(field) != mine:
        body["offered"] = {field: card.get_field(field)}
    return body
