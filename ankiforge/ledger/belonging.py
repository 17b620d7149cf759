"""Passages that belong to another tool: it has their history, in Anki or in the note.

Their drafts have a warning, so that policy accepts none of them, until a person takes the
history over (`adopt`) or declines it. Declining is an event for each tool: the warning
goes from all its drafts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from ankiforge.ledger.events import PERSON
from ankiforge.ledger.readings import decode_highlight, decode_highlight_body
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.ledger.tables import highlights
from ankiforge.model import OTHER_NOTE, OTHER_SCHEDULE, Highlight, Pair
from ankiforge.model.hints import TITLES, schedule_of

SCHEDULER = "osr"
"""The tool whose history is in the notes."""


def key_of(tool: str) -> str:
    """Return the key of the events about a tool."""
    return f"tool:{tool}"


def declined(store: Store) -> frozenset[str]:
    """Return the tools whose history a person does not want."""
    return frozenset(tool for tool in TITLES if store.answers(key_of(tool)))


def belonging(store: Store) -> Counter[str]:
    """Return by tool the number of passages without a card that belong to it.

    Where no collection was ever read, the ids in the sources say so.
    """
    query = (
        "SELECT DISTINCT h.key, h.body FROM draft d JOIN highlight h ON h.key = d.key"
        " WHERE h.state = 'present' AND d.revises = ''"
        " AND (d.findings GLOB ? OR d.findings GLOB ?)"
    )
    rows = store.rows(query, *_patterns())
    highlights = [decode_highlight(row) for row in rows]
    other_ids = {highlight.other_id for highlight in highlights if highlight.other_id}
    ids_in_anki = other_ids
    if store.meta("looked"):
        rows = store.rows(
            "SELECT CAST(id AS TEXT) AS id FROM foreign_note"
            f" WHERE CAST(id AS TEXT) IN {EACH}",
            encode(list(other_ids)),
        )
        ids_in_anki = {row["id"] for row in rows}
    passages = Counter[str]()
    for highlight in highlights:
        if highlight.other_id in ids_in_anki:
            passages[highlight.tool] += 1
        elif schedule_of(highlight.schedule):
            passages[SCHEDULER] += 1
    return passages


def decline(store: Store, tools: Collection[str]) -> str:
    """Make passages of these tools ordinary ones.

    Return the id for `undo`, "" if there are none.
    """
    waiting = set[str]()
    for row in flagged(store):
        highlight = decode_highlight_body(row["mark"])
        if highlight.tool:
            waiting.add(highlight.tool)
        if highlight.schedule:
            waiting.add(SCHEDULER)
    declined_tools = sorted(waiting.intersection(tools))
    if not declined_tools:
        return ""
    with store.action() as action:
        for tool in declined_tools:
            store.add("decline", key_of(tool), PERSON, {})
    return action


def draft_again(store: Store, key: str) -> None:
    """Ask again for drafts of a tool's passages, because an answer about it was taken back."""
    tool = key.removeprefix("tool:")
    # how the JSON of a highlight shows that the tool has written into it
    part_of_body = '"schedule":"' if tool == SCHEDULER else f'"tool":{encode(tool)}'
    highlights.draft_written_again(store, part_of_body)


def is_declined(highlight: Highlight, check: str, tools: Collection[str]) -> bool:
    """Return whether a finding does not count, as its tool's history was declined."""
    if check == OTHER_SCHEDULE:
        return SCHEDULER in tools
    return check == OTHER_NOTE and highlight.tool in tools


def flagged(store: Store) -> list[Row]:
    """Return the drafts that wait because of another tool.

    The column `mark` has their highlights.
    """
    query = (
        "SELECT d.id, d.body, h.body AS mark"
        " FROM draft d JOIN highlight h ON h.key = d.key"
        " WHERE d.findings GLOB ? OR d.findings GLOB ?"
    )
    return store.rows(query, *_patterns())


def _patterns() -> Pair:
    """Return how stored findings say that a passage belongs to another tool."""
    return f"*\n{OTHER_NOTE}\n*", f"*\n{OTHER_SCHEDULE}\n*"
