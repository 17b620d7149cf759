"""Passages that the user has already reviewed in another tool, in Anki or in the note itself.

Drafts of such a passage get a warning, so that the policy doesn't accept them before the user
takes over the review history (`decide.take_over_notes`) or declines to. Declining the history of
a tool is one event and removes the warning from all drafts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from ankiforge.ledger.events import USER
from ankiforge.ledger.source_state import SourceState
from ankiforge.ledger.store import Store, to_json
from ankiforge.ledger.tables import anki_notes, pending_drafts
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import OTHER_NOTE_CHECK, OTHER_SCHEDULE_CHECK, Highlight
from ankiforge.model.hints import TOOL_NAMES, parse_schedule

SCHEDULER = "osr"
"""The name of Obsidian's Spaced Repetition, the tool that keeps its review history in the notes."""


def make_tool_event_key(tool: str) -> str:
    """Return the key under which events about another tool are recorded."""
    return f"tool:{tool}"


def load_declined_tools(store: Store) -> frozenset[str]:
    """Load the names of the tools whose history the user has declined."""
    return frozenset(
        tool for tool in TOOL_NAMES if store.get_subject_events(make_tool_event_key(tool))
    )


def count_foreign_passages(store: Store) -> Counter[str]:
    """Count, for each other tool, the passages that have a note or schedule there but no card here.

    If Anki's collection was never read, every note id in a source is assumed to exist in Anki.
    """
    highlights_by_key = {}
    for row in pending_drafts.load_foreign_history_drafts(store):
        if row["state"] == SourceState.PRESENT and not row["revises"]:
            highlights_by_key[row["key"]] = decode_highlight(row["highlight_body"])
    note_ids = {
        each.other_tool_id for each in highlights_by_key.values() if each.other_tool_id
    }
    if store.get_meta("looked"):
        note_ids = anki_notes.filter_foreign_note_ids(store, note_ids)
    counts = Counter[str]()
    for highlight in highlights_by_key.values():
        if highlight.other_tool_id in note_ids:
            counts[highlight.tool_name] += 1
        elif parse_schedule(highlight.tool_schedule):
            counts[SCHEDULER] += 1
    return counts


def decline_tool_histories(store: Store, tools: Collection[str]) -> str:
    """Record that the user won't take over the review histories of these tools.

    Returns the id to pass to `undo`, or "" if no pending draft has such a history.
    """
    warning_tools = set[str]()
    for row in pending_drafts.load_foreign_history_drafts(store):
        highlight = decode_highlight(row["highlight_body"])
        if highlight.tool_name:
            warning_tools.add(highlight.tool_name)
        if highlight.tool_schedule:
            warning_tools.add(SCHEDULER)
    declined_tools = sorted(warning_tools.intersection(tools))
    if not declined_tools:
        return ""
    with store.action() as action:
        for tool in declined_tools:
            store.record_event("decline", make_tool_event_key(tool), USER, {})
    return action


def schedule_drafting_of_tool(store: Store, key: str) -> None:
    """Schedule the rules to be rerun on all passages with a history in another tool.

    Called after the user's answer about this tool was recorded or undone. `key` is the event key
    of the tool.
    """
    tool = key.removeprefix("tool:")
    # this part of a highlight's JSON shows that the tool wrote into the note
    part_of_body = (
        '"tool_schedule":"' if tool == SCHEDULER else f'"tool_name":{to_json(tool)}'
    )
    query = "UPDATE highlight SET drafted = '' WHERE state = 'present' AND instr(body, ?)"
    store.execute(query, part_of_body)


def is_declined_finding(
    highlight: Highlight, check: str, declined_tools: Collection[str]
) -> bool:
    """Return whether a finding warns about a review history that the user has declined.

    `check` is the name of the check that reported the finding.
    """
    if check == OTHER_SCHEDULE_CHECK:
        return SCHEDULER in declined_tools
    return check == OTHER_NOTE_CHECK and highlight.tool_name in declined_tools
