"""Which passages of a document were chosen, and where they are, step by step; and which have a
history in another tool."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.ledger import (
    Ledger,
    chosen_passages,
    decide,
    draft_recording,
    foreign_history,
)
from ankiforge.ledger.ingest import ingest_scan_results
from ankiforge.ledger.readings import load_unlocated_documents
from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    Draft,
    DraftingResult,
    ExtractedDocument,
    Finding,
    Highlight,
    HighlightKind,
    Origin,
    ScanEnd,
    SearchTerms,
    Severity,
    hints,
)

TEXT = "Losses hurt about twice as much as equal gains please."
EDITED = "Losses hurt about three times as much as equal gains please."
MARK = "Gains please less than losses hurt."
DOCUMENT = Document(DocumentKey("d"), "n", "Losses", path="Psy/losses.md")
PASSAGE = Highlight(
    DOCUMENT, "vault:n", HighlightKind.HIGHLIGHT, TEXT, prefix="Before.", suffix="After."
)
PLACE = ("vault:n", "Psy/losses.md")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db", tmp_path, "device") as ledger:
        yield ledger


def choose(ledger: Ledger, passage: Highlight = PASSAGE) -> str:
    with ledger.action():
        return chosen_passages.record_chosen_passage(
            ledger, passage, "vault:n", (2, 30), "page"
        )


def read(ledger: Ledger, *highlights: Highlight, container: str = "vault:n") -> None:
    document = ExtractedDocument(DOCUMENT, highlights, container)
    ingest_scan_results(ledger, [document, ScanEnd("n", container, complete=True)])


def as_chosen(choice: str, passage: Highlight = PASSAGE) -> Highlight:
    return replace(passage, hints=(hints.make_choice_hint(choice),))


def find_keys(ledger: Ledger, *chosen: tuple[str, Highlight]) -> list[str]:
    """Return the texts of the passages that are found, or "" for others."""
    keys = chosen_passages.find_chosen_keys(ledger, chosen, *PLACE)
    return [ledger.get_passage(key).readings[0].exact if key else "" for key in keys]


def test_where_a_choice_is_after_its_document_was_read_and_changed(ledger):
    choice, other = choose(ledger), choose(ledger, replace(PASSAGE, exact=MARK))
    mark = replace(PASSAGE, exact=MARK, prefix="")
    read(ledger, as_chosen(choice), mark)
    # the passage is found by its choice, and one that was marked since by its words
    chosen = [
        (choice, PASSAGE),
        (other, replace(PASSAGE, exact=MARK.upper())),
        ("x", replace(PASSAGE, exact="?")),
    ]
    assert find_keys(ledger, *chosen) == [TEXT, MARK, ""]
    assert chosen_passages.find_missing_choices(ledger) == {other}
    assert chosen_passages.load_documents_with_highlights(ledger) == {("n", "losses.md")}
    read(ledger, as_chosen(choice, replace(PASSAGE, exact=EDITED)), mark)
    assert find_keys(ledger, (choice, PASSAGE)) == [EDITED]
    [passage, _] = chosen_passages.load_chosen_passages(ledger)["vault:n"]
    assert [each.exact for each in passage.readings] == [EDITED, TEXT]
    assert (passage.page, passage.start) == (2, 30)
    # without it, the choice is in no document
    read(ledger, mark)
    assert chosen_passages.find_missing_choices(ledger) == {choice, other}
    assert find_keys(ledger, (choice, PASSAGE)) == [""]


@pytest.mark.parametrize(
    ("drafts", "decision", "expected"),
    [
        (False, "", [MARK]),
        (True, "", [MARK, TEXT]),
        (True, "accept", [MARK, TEXT]),
        (True, "reject", [MARK, TEXT]),
    ],
)
def test_which_passages_are_not_chosen_again(ledger, drafts, decision, expected):
    choice = choose(ledger)
    read(ledger, as_chosen(choice), replace(PASSAGE, exact=MARK, prefix=""))
    ids = draft(ledger) if drafts else {}
    if decision == "accept":
        decide.accept_draft(ledger, ids[TEXT])
    elif decision == "reject":
        decide.reject_item(ledger, ids[TEXT])
    found = chosen_passages.load_passages_not_to_choose(ledger, *PLACE)
    assert sorted(each.exact for each in found) == sorted(expected)
    if not decision:
        # the choice is undone: its passage and drafts go, the mark's stay
        decide.undo_decision(ledger, choice)
        found = chosen_passages.load_passages_not_to_choose(ledger, *PLACE)
        assert [each.exact for each in found] == [MARK]
        left = [row["id"] for row in ledger.fetch_rows("SELECT id FROM draft")]
        assert left == [id for text, id in ids.items() if text == MARK]
        states = "SELECT state FROM highlight ORDER BY position"
        assert [row["state"] for row in ledger.fetch_rows(states)] == [
            "unselected",
            "present",
        ]
        assert ledger.fetch_value("SELECT fingerprint FROM document") == ""


def draft(ledger: Ledger, *findings: Finding) -> dict[str, str]:
    """Draft a card of each passage; return the ids by the passages' texts."""
    results = [
        DraftingResult(each, (make_draft(each, *findings),))
        for each in draft_recording.iter_highlights_to_draft(ledger)
    ]
    draft_recording.record_drafts(ledger, results, lambda _: SearchTerms((), (), b""))
    rows = ledger.fetch_rows("SELECT id, body FROM draft")
    return {
        next(
            each.highlight.exact
            for each in results
            if each.highlight.exact in row["body"]
        ): row["id"]
        for row in rows
    }


def make_draft(highlight: Highlight, *findings: Finding) -> Draft:
    fields = (("Front", highlight.exact), ("Back", "yes"))
    return Draft(
        highlight.key, CardKind.BASIC, fields, Origin("rules:definition"), highlight.exact,
        answer="yes", start=0, findings=findings,
    )  # fmt: skip


# --- histories in other tools -----------------------------------------------------------------

REVIEWED = "!2027-03-01,150,270"
OTHER_NOTE = Finding("other_note", Severity.WARN, "so")
OTHER_SCHEDULE = Finding("other_schedule", Severity.WARN, "so")


@pytest.mark.parametrize(
    ("highlight", "finding", "in_anki", "expected"),
    [
        ({"hints": ("anki:7",), "tool_name": "o2a"}, OTHER_NOTE, None, {"o2a": 1}),
        # once Anki was read, only notes that are there count
        ({"hints": ("anki:7",), "tool_name": "o2a"}, OTHER_NOTE, [7], {"o2a": 1}),
        ({"hints": ("anki:7",), "tool_name": "o2a"}, OTHER_NOTE, [8], {}),
        ({"tool_schedule": REVIEWED}, OTHER_SCHEDULE, [8], {"osr": 1}),
        ({"tool_schedule": "!2000-01-01"}, OTHER_SCHEDULE, None, {}),
        ({"tool_schedule": REVIEWED}, Finding("cut", Severity.WARN, "so"), None, {}),
        ({}, OTHER_NOTE, None, {}),
    ],
)
def test_which_passages_have_a_history_elsewhere(
    ledger, highlight, finding, in_anki, expected
):
    read(ledger, replace(PASSAGE, **highlight))
    draft(ledger, finding)
    if in_anki is not None:
        with ledger.transaction():
            ledger.set_meta("looked", "2026")
            row: dict[str, Any] = {"mod": 1, "deck": "", "fields": "[]"}
            ledger.insert("foreign_note", [{"id": id, **row} for id in in_anki])
    assert foreign_history.count_foreign_passages(ledger) == expected
    with ledger.transaction():
        ledger.execute("UPDATE highlight SET state = 'gone'")
    assert foreign_history.count_foreign_passages(ledger) == {}


@pytest.mark.parametrize(
    ("highlight", "finding", "tools", "declined"),
    [
        ({"tool_name": "o2a"}, OTHER_NOTE, {"o2a"}, ["o2a"]),
        ({"tool_name": "o2a"}, OTHER_NOTE, {"osr", "flashcards"}, []),
        ({"tool_schedule": REVIEWED}, OTHER_SCHEDULE, {"osr", "o2a"}, ["osr"]),
        (
            {"tool_schedule": REVIEWED, "tool_name": "o2a"},
            OTHER_NOTE,
            {"osr", "o2a"},
            ["o2a", "osr"],
        ),
    ],
)
def test_a_history_is_declined_and_asked_about_again(
    ledger, highlight, finding, tools, declined
):
    read(ledger, replace(PASSAGE, **highlight))
    draft(ledger, finding)
    action = foreign_history.decline_tool_histories(ledger, tools)
    assert bool(action) is bool(declined)
    assert foreign_history.load_declined_tools(ledger) == set(declined)
    draft_recording.drop_declined_findings(ledger)
    left = ledger.fetch_value("SELECT severity FROM draft")
    is_of_declined = foreign_history.is_declined_finding(
        replace(PASSAGE, **highlight), finding.check, declined
    )
    assert (left == "") is is_of_declined is bool(declined)
    if declined:
        decide.undo_decision(ledger, action)
        assert foreign_history.load_declined_tools(ledger) == set()
        due = draft_recording.iter_highlights_to_draft(ledger)
        assert [each.exact for each in due] == [TEXT]


def test_documents_of_which_only_the_journal_knows(ledger, tmp_path):
    read(ledger, PASSAGE)
    assert load_unlocated_documents(ledger) == {}
    for device, expected in (("device", {"vault:n": ["Psy/losses.md"]}), ("other", {})):
        with Ledger(tmp_path / f"{device}2.db", tmp_path, device) as rebuilt:
            assert load_unlocated_documents(rebuilt) == expected
