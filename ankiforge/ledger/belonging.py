"""Passages that belong to another tool: its note in Anki, or its schedule in the note, has their history.

Their drafts have a warning, so that policy accepts none of them, until a person takes the history over
(`adopt`) or declines it. Declining is an event for each tool: the warning goes from all its drafts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

import msgspec

from ankiforge.ledger.events import PERSON
from ankiforge.ledger.readings import decode_highlight
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import OTHER_NOTE, OTHER_SCHEDULE, Highlight
from ankiforge.text.tools import TITLES, schedule_of

_decode_highlight = msgspec.json.Decoder(Highlight).decode
SCHEDULER = "osr"
"""The tool whose history is in the notes."""


def key_of(tool: str) -> str:
    """Return the key of the events about a tool."""
    return f"tool:{tool}"


def declined(store: Store) -> frozenset[str]:
    """Return the tools whose history a person does not want."""
    return frozenset(tool for tool in TITLES if store.passage(key_of(tool)).declined_tool)


def belonging(store: Store) -> Counter[str]:
    """Return by tool the number of passages without a card that belong to it."""
    query = (
        "SELECT DISTINCT h.key, h.body FROM draft d JOIN highlight h ON h.key = d.key"
        " WHERE h.state = 'present' AND d.revises = ''"
        " AND (d.findings GLOB ? OR d.findings GLOB ?)"
    )
    patterns = [f"*\n{check}\n*" for check in (OTHER_NOTE, OTHER_SCHEDULE)]
    highlights = [decode_highlight(row) for row in store.rows(query, *patterns)]
    in_anki = _in_anki(store, {one.other_id for one in highlights if one.other_id})
    found = Counter[str]()
    for highlight in highlights:
        if highlight.other_id in in_anki:
            found[highlight.tool] += 1
        elif schedule_of(highlight.schedule):
            found[SCHEDULER] += 1
    return found


def _in_anki(store: Store, ids: Collection[str]) -> set[str]:
    """Return those of some ids that notes in Anki have, which are not ours."""
    wanted = encode(list(ids))
    query = f"SELECT CAST(id AS TEXT) AS id FROM foreign_note WHERE CAST(id AS TEXT) IN {EACH}"
    by_note = {row["id"] for row in store.rows(query, wanted)}
    query = f"SELECT other_id FROM foreign_note WHERE other_id IN {EACH}"
    by_field = {row["other_id"] for row in store.rows(query, wanted)}
    return by_note | by_field


def decline(store: Store, tools: Collection[str]) -> str:
    """Make passages of these tools ordinary ones; return the id for `undo`, "" if there are none."""
    waiting = {tool for row in flagged(store) for tool in _tools_of(row["mark"])}
    wanted = sorted(waiting.intersection(tools))
    if not wanted:
        return ""
    with store.action() as act:
        for tool in wanted:
            store.add("decline", key_of(tool), PERSON, {})
    return act


def _tools_of(body: str) -> Iterator[str]:
    """Yield the tools that have written into a passage."""
    highlight = _decode_highlight(body)
    if highlight.tool:
        yield highlight.tool
    if highlight.schedule:
        yield SCHEDULER


def draft_again(store: Store, key: str) -> None:
    """Ask for drafts of all passages of a tool anew, because an answer about it was taken back."""
    tool = key.removeprefix("tool:")
    sign = '"schedule":"' if tool == SCHEDULER else f'"tool":{encode(tool)}'
    query = "UPDATE highlight SET drafted = '' WHERE state = 'present' AND instr(body, ?)"
    store.write(query, sign)


def is_declined(highlight: Highlight, check: str, tools: Collection[str]) -> bool:
    """Return whether a finding does not count, because the history of its tool was declined."""
    if check == OTHER_SCHEDULE:
        return SCHEDULER in tools
    return check == OTHER_NOTE and highlight.tool in tools


def flagged(store: Store) -> list[Row]:
    """Return the drafts that wait because of another tool, with their highlights as `mark`."""
    query = (
        "SELECT d.id, d.body, h.body AS mark FROM draft d JOIN highlight h ON h.key = d.key"
        " WHERE d.findings GLOB ? OR d.findings GLOB ?"
    )
    return store.rows(query, f"*\n{OTHER_NOTE}\n*", f"*\n{OTHER_SCHEDULE}\n*")
