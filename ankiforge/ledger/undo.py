"""Rules of `undo`: the events that are taken back together, and those that stand in the way.

`decide.undo` reads the decisions that stand, asks here which of them go together and whether a
later one stands on them, and writes what follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from ankiforge.errors import RefusedError
from ankiforge.ledger.events import FOUND, PERSON, RETIRED_BEFORE, Event
from ankiforge.model import Card, Json

REWORDING = ("revise", "edit", "repair")
"""Kinds of events that change words of a card."""


def last_by_person(newest_first: Iterable[Event]) -> Event | None:
    """Return the last standing decision of a person; None if there is none.

    A note that was taken over from Anki is no decision.
    """
    for event in newest_first:
        if FOUND not in event.body and event.body.get("why") != RETIRED_BEFORE:
            return event
    return None


def last_about(standing: Iterable[Event], guid: str = "") -> Event | None:
    """Return the last decision about a passage, or about a card of it; None if there is none.

    Args:
        standing: the events of the passage that stand.
        guid: the card; "" = any, or none.
    """
    for event in sorted(standing, key=lambda event: event.order, reverse=True):
        if event.by != PERSON and event.what != "revise":
            continue
        if FOUND not in event.body and _is_about(event, guid):
            return event
    return None


def undone(
    last: Event, of_action: Iterable[Event], keys: Collection[str] = (), guid: str = ""
) -> list[Event]:
    """Return the events that are taken back with a decision, the oldest first.

    Args:
        last: the decision.
        of_action: the decisions of its action that stand.
        keys: those of the passage of a card.
        guid: the card, if only what was decided about it is taken back; "" = all.
    """
    if not last.act or (guid and last.by != PERSON):
        return [last]
    together = []
    for event in of_action:
        if not guid or (event.key in keys and _is_about(event, guid)):
            together.append(event)
    return sorted(together, key=lambda event: event.order)


def _is_about(event: Event, guid: str) -> bool:
    """Return whether an event of a passage is about a card, or about no card; "" = any."""
    return not guid or event.body.get("guid", guid) == guid


def refuse_below(events: Iterable[Event], standing: Iterable[Event]) -> None:
    """Refuse to take back changes of fields that later ones changed again.

    Args:
        events: what is taken back.
        standing: the events of `REWORDING` in their passages that stand.

    Raises:
        RefusedError: it names the last one that is to be taken back first.
    """
    of_card = defaultdict(list)
    for event in sorted(standing, key=lambda event: event.order, reverse=True):
        of_card[event.body.get("guid")].append(event)
    for event in events:
        if event.what not in REWORDING:
            continue
        fields = _changed_fields(event)
        for later in of_card[event.body.get("guid")]:
            if later.order <= event.order:
                break
            same_action = event.act and later.act == event.act
            if not same_action and fields & _changed_fields(later):
                raise RefusedError(
                    "a later change of the same card depends on this one",
                    hint=f"first: ankiforge undo {later.act or later.id}",
                )


def _changed_fields(event: Event) -> set[str]:
    """Return the names of the fields that an event of `REWORDING` gave."""
    if event.what == "edit":
        return set(event.body["fields"])
    return set(event.body.get("draft", {}).get("fields", ()))


def asks_again(event: Event) -> bool:
    """Return whether a person's words in Anki are in question again without a decision."""
    if event.what == "resolve":
        return "was" in event.body
    return event.what == "edit" and bool(event.body.get("over"))


def words_again(event: Event, card: Card) -> Json | None:
    """Return the edit that gives a card the person's words in Anki again; None if it has them.

    No decision gave them that could be undone. Anki may have the words that were chosen, so what a
    look at it would find is recorded.

    Args:
        event: the decision that was taken back, one that `asks_again`.
        card: the card without it.
    """
    guid = event.body["guid"]
    if event.what == "edit":
        over = event.body["over"]
        fields = {name: words for name, (_, words) in over.items()}
        return {"guid": guid, "fields": fields}
    field, mine = event.body["field"], event.body["was"]
    if field in card.edits.offered:  # edited here, and so asked about
        return None
    body: Json = {"guid": guid, "fields": {field: mine}}
    if card.field(field) != mine:
        body["offered"] = {field: card.field(field)}
    return body
