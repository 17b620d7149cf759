"""What lists say of a past decision, by its kind, and of a change by the source."""

import pytest

from ankiforge.ledger.cards import HistoryEntry
from ankiforge.ledger.events import Event
from ankiforge.model import Guid, TextChange
from ankiforge.reports.history import (
    decision_to_json,
    describe_event,
    format_change,
    format_decision_line,
    format_decision_row,
    format_draft_counts,
)

P = "v:v/p"
WORDS = "word = translation"


@pytest.mark.parametrize(
    ("new", "rewordings", "told"),
    [
        (0, 0, "0 new drafts"),
        (1, 0, "1 new draft"),
        (0, 1, "1 change of a card"),
        (1200, 2, "1,200 new drafts, 2 changes of cards"),
    ],
)
def test_drafts_of_new_cards_and_of_new_words_are_counted(new, rewordings, told):
    assert format_draft_counts(new, rewordings) == told


def told(
    kind: str, body: dict | None = None, text: str = "", key: str = P, by: str = "person"
) -> HistoryEntry:
    event = Event(1, "a", "2026-03-04T05:06:07+01:00", by, kind, key, body or {}, "t1")
    return HistoryEntry(event, text)


@pytest.mark.parametrize(
    ("kind", "key", "body", "description", "details"),
    [
        ("accept", P, {"draft": {}}, "accepted", ""),
        ("accept", P, {"draft": {"drafter": "rules"}}, "accepted", ""),
        ("accept", P, {"draft": {"drafter": "person"}}, "written", ""),
        ("reject", P, {"why": "too easy"}, "rejected", "too easy"),
        ("edit", P, {}, "edited", ""),
        ("revise", P, {}, "new words", ""),
        ("skip", P, {}, "no card", ""),
        ("retire", P, {}, "retired", ""),
        ("same", P, {}, "the same card", ""),
        ("different", P, {}, "two cards", ""),
        ("adopt", P, {}, "taken over", ""),
        ("unseen", P, {}, "to be sent again", ""),
        ("another", P, {}, "another", ""),
        ("repair", P, {"name": "reword"}, "repaired: reword", ""),
        ("repair", P, {"name": "leave"}, "left as it is for 30 days", ""),
        ("resolve", P, {"choice": "source"}, "the source's words taken", ""),
        ("resolve", P, {"choice": "mine"}, "your words kept", ""),
        ("form", "form:v:A :: B", {"choice": "accept"}, "made into cards", "lines like `A :: B` in v"),
        ("form", "form:v:A :: B", {"choice": "reject"}, "no cards", "lines like `A :: B` in v"),
        ("form", f"form:v:{WORDS}", {"choice": "reject"}, "no cards", "words with your translation in v"),
        ("mark", P, {"exact": "a cell", "title": "Cells"}, "chosen", "a cell (Cells)"),
        ("mark", P, {"exact": "a cell", "kind": "page"}, "chosen", "a cell ()"),
        ("mark", P, {"exact": "a cell", "kind": "chosen"}, "chosen by a chat or model", "a cell ()"),
        ("decline", "tool:o2a", {}, "history declined", "of Obsidian_to_Anki"),
        ("decline", "tool:x", {}, "history declined", "of another tool"),
        ("placed", P, {"deck": "D", "added": ["x"], "removed": ["z"]}, "deck and tags", "D +x −z"),
        ("placed", P, {"deck": "D"}, "deck and tags", "D"),
        ("dialects", "dialects:v", {"read": ["o2a"]}, "the cards of Obsidian_to_Anki read", "in v"),
        ("dialects", "dialects:v", {"read": ["o2a", "x"]}, "the cards of Obsidian_to_Anki and x read", "in v"),
        ("dialects", "dialects:v", {"read": []}, "plain notes read", "in v"),
    ],
)  # fmt: skip
def test_each_kind_of_decision_has_its_words(kind, key, body, description, details):
    entry = told(kind, body, key=key)
    assert describe_event(entry) == (description, details or None)
    assert decision_to_json(entry)["text"] == details


GUID = "af5zq2mk7xw3ab"
LONG = "a word " * 20


@pytest.mark.parametrize(
    ("entry", "row", "line"),
    [
        # the words, else the note's id, else the passage
        (told("edit", {"guid": GUID}, "a  *cell*"), "edited: a *cell*\t2026-03-04 05:06", "2026-03-04 05:06  edited by person  af5zq2mk7x  a *cell*"),
        (told("edit", {"guid": GUID}), "edited: af5zq2mk7x\t2026-03-04 05:06", "2026-03-04 05:06  edited by person  af5zq2mk7x"),
        (told("retire", by="source"), "retired: v:v/p\t2026-03-04 05:06", "2026-03-04 05:06  retired by source  v:v/p"),
        (told("reject", {"why": "too easy"}, "a cell"), "rejected: a cell (too easy)\t2026-03-04 05:06", "2026-03-04 05:06  rejected by person  v:v/p  a cell (too easy)"),
        (told("edit", {}, r"2 \* {{c1::**3**}}"), "edited: 2 * [3]\t2026-03-04 05:06", "2026-03-04 05:06  edited by person  v:v/p  2 * [3]"),
        # an answer about a form of lines stands until it is undone
        (told("form", {"choice": "accept"}, key="form:v:a :: b"), "cards until undo t1: lines like `a :: b` in v\t2026-03-04 05:06", "2026-03-04 05:06  made into cards by person  form:v:a :: b  lines like `a :: b` in v"),
        (told("form", {"choice": "never"}, key="form:v:a :: b"), "no cards until undo t1: lines like `a :: b` in v\t2026-03-04 05:06", "2026-03-04 05:06  no cards by person  form:v:a :: b  lines like `a :: b` in v"),
        (told("edit", {}, LONG), f"edited: {LONG[:59].rstrip()}…\t2026-03-04 05:06", f"2026-03-04 05:06  edited by person  v:v/p  {LONG[:59].rstrip()}…"),
    ],
)  # fmt: skip
def test_a_decision_is_a_row_and_with_its_id_a_line(entry, row, line):
    assert format_decision_row(entry) == row
    assert format_decision_line(entry) == f"t1                {line}"


def test_a_change_by_the_source_shows_the_fields_that_differ_and_how_to_undo_it():
    before = (("Front", "a"), ("Back", "b"), ("Extra", "c"))
    after = (("Front", "a"), ("Back", "new"))
    entry = told("revise", {"guid": GUID}, "a", by="source")
    changed = HistoryEntry(entry.event, "a", TextChange(Guid(GUID), before, after))
    head = "af5zq2mk7x  changed with its source 2026-03-04; to undo it: ankiforge undo t1"
    assert [*format_change(changed)] == [
        head,
        "  back    b",
        "   →      new",
        "  extra   c",
        "   →      (nothing)",
    ]
    assert [*format_change(entry)] == [head]
    said = {
        "id": "t1",
        "guid": GUID,
        "at": entry.event.time,
        "by": "source",
        "what": "revise",
        "highlight": P,
        "text": "a",
    }
    assert decision_to_json(entry) == said
    assert decision_to_json(changed) == {
        **said,
        "before": dict(before),
        "after": dict(after),
    }
