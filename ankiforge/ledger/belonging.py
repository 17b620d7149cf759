"""Passages that belong to another tool: it has their history, in Anki or in the note.

Their drafts have a warning, so that policy accepts none of them, until a person takes the
history over (`adopt`) or declines it. Declining is an event for each tool: the warning
goes from all its drafts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from ankiforge.ledger.events import PERSON
from ankiforge.ledger.store import Store, encode
from ankiforge.ledger.tables import anki, highlights, waiting
from ankiforge.ledger.tables.highlights import decode_highlight_body
from ankiforge.model import OTHER_NOTE, OTHER_SCHEDULE, Highlight
from ankiforge.model.hints import TITLES, schedule_of

SCHEDULER = "osr"
"""The tool whose history is in the notes."""


def tool_key(tool: str) -> str:
    """Return the key of the events about a tool."""
    return f"tool:{tool}"


def declined(store: Store) -> frozenset[str]:
    """Return the tools whose history a person does not want."""
    return frozenset(tool for tool in TITLES if store.answers(tool_key(tool)))


def belonging(store: Store) -> Counter[str]:
    """Return by tool the number of passages without a card that belong to it.

    Where no collection was ever read, the ids in the sources say so.
    """
    marks = {}
    for row in waiting.of_other_tools(store):
        if row["state"] == "present" and not row["revises"]:
            marks[row["key"]] = decode_highlight_body(row["highlight_body"])
    ids_in_anki = {mark.other_id for mark in marks.values() if mark.other_id}
    if store.meta("looked"):
        ids_in_anki = anki.foreign_among(store, ids_in_anki)
    passages = Counter[str]()
    for highlight in marks.values():
        if highlight.other_id in ids_in_anki:
            passages[highlight.tool] += 1
        elif schedule_of(highlight.schedule):
            passages[SCHEDULER] += 1
    return passages


def decline(store: Store, tools: Collection[str]) -> str:
    """Make passages of these tools ordinary ones.

    Return the id for `undo`, "" if there are none.
    """
    asking = set[str]()
    for row in waiting.of_other_tools(store):
        highlight = decode_highlight_body(row["highlight_body"])
        if highlight.tool:
            asking.add(highlight.tool)
        if highlight.schedule:
            asking.add(SCHEDULER)
    declined_tools = sorted(asking.intersection(tools))
    if not declined_tools:
        return ""
    with store.action() as action:
        for tool in declined_tools:
            store.add("decline", tool_key(tool), PERSON, {})
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
