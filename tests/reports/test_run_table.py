"""What a run and `status` say of a whole workspace: the first line, details and next commands."""

import pytest
from msgspec.structs import replace

from ankiforge.config.workspace import RememberedPath
from ankiforge.draft.server import Usage
from ankiforge.errors import ServiceError
from ankiforge.extract.unread_files import UnreadFiles
from ankiforge.ledger import IngestReport
from ankiforge.ledger.pending_items import ReviewCounts
from ankiforge.model import AnkiChanges, FeatureNotice, Guid, Problem, TextChange
from ankiforge.pipeline.run_result import (
    AnkiReadResult,
    AnkiReadState,
    PlannedNote,
    RunResult,
)
from ankiforge.pipeline.sources import UNREAD_FILES_SETTING
from ankiforge.reports import next_step, status, summary
from ankiforge.reports.next_step import suggest_choosing_passages

SIX = {"passage_count": 6}
FAILED = Problem("a.pdf", "it is broken")
NOTICE = Problem("a.pdf", "it is odd", is_notice=True)


@pytest.mark.parametrize(
    ("report", "more", "line"),
    [
        (None, {}, "✓ 0 new drafts"),
        (None, {"drafted": 1}, "✓ 1 new draft"),
        (None, {"reworded": 1}, "✓ 1 change of a card"),
        (None, {"drafted": 1, "reworded": 2, "accepted": 1}, "✓ 1 new draft, 2 changes of cards, 1 accepted"),
        (None, {"drafted": 2, "accepted": 1200}, "✓ 2 new drafts, 1,200 accepted"),
        (None, {"drafted": 2, "error": ServiceError("gone")}, "! 2 new drafts"),
        (SIX, {}, "✓ 6 highlights, nothing new"),
        (SIX, {"problems": [NOTICE]}, "✓ 6 highlights, nothing new"),
        (SIX, {"problems": [NOTICE, FAILED]}, "! 6 highlights, nothing new"),
        # a first run repeats no number
        ({**SIX, "new": ["k"] * 6}, {}, "✓ 6 highlights"),
        ({**SIX, "new": ["k"] * 5}, {}, "✓ 6 highlights (5 new)"),
        ({**SIX, "changed": [("k", "a", "b")], "unselected": 2}, {}, "✓ 6 highlights (1 changed, 2 no longer selected by the settings)"),
        ({**SIX, "in_missing_sources": 2, "unselected": 1}, {}, "✓ 6 highlights (2 in a missing folder, 1 no longer selected by the settings)"),
        ({**SIX, "moved": [("k", "l")], "missing_keys": ["m"], "removed_keys": ["g", "h"]}, {}, "✓ 6 highlights (1 moved, 1 not found, 2 gone)"),
        # files are counted if a path was given and there is something to compare
        ({**SIX, "new": ["k"], "files": {".md": 2}}, {}, "✓ 6 highlights (1 new)"),
        ({**SIX, "new": ["k"], "files": {".md": 2}}, {"remembered_paths": ["/a"]}, "✓ 6 highlights in 2 notes (1 new)"),
        ({**SIX, "files": {".md": 2}}, {"remembered_paths": ["/a"]}, "✓ 6 highlights, nothing new"),
        ({}, {}, "! no highlights found"),
        ({"files": {".pdf": 1}}, {}, "! no highlights found in 1 PDF"),
        ({"unread_files": {".pdf": 1}, "removed_keys": ["g"]}, {}, "! no highlights found (1 gone)"),
    ],
)  # fmt: skip
def test_the_first_line_counts_what_was_read_and_what_changed(opened, report, more, line):
    read = None if report is None else IngestReport(**report)
    [first, *_] = summary.format_run(RunResult(report=read, **more), opened, []).summary
    assert first == line


REVIEW = (
    "  next  ankiforge review   decide on 1 card that you and the source both changed"
)
LEFT = "  2 more highlights without a card, 1 skipped: ankiforge list --no-card --all"
WAITING = "  3 waiting: 2 new cards, 1 changed card"


def details(opened, result: RunResult, *notices: FeatureNotice, **options) -> list[str]:
    return summary.format_run(result, opened, notices, **options).details


@pytest.mark.parametrize(
    ("result", "lines"),
    [
        ({}, []),
        ({"usage": Usage(requests=0)}, []),
        ({"usage": Usage(requests=1, characters=2000, cost_usd=0.0, is_local=True)}, ["  model      1 request, 2,000 characters sent, free (local)"]),
        ({"usage": Usage(requests=2, characters=1, cost_usd=1.5)}, ["  model      2 requests, 1 character sent, $1.50"]),
        ({"undrafted": 2, "model_answered_count": 3}, ["  model      no card for 2 of 3 highlights; why: ankiforge list --no-card"]),
        ({"usage": Usage(requests=1, characters=9, cost_usd=None), "undrafted": 1, "model_answered_count": 1},
         ["  model      1 request, 9 characters sent, price unknown; no card for 1 of 1 highlight; why: ankiforge list --no-card"]),
        ({"planned": [PlannedNote(Guid("af1"), hold_reason="a question")]}, ["1 note withheld: a question"]),
        ({"scan": AnkiReadResult(AnkiReadState.READ, changes=AnkiChanges(deleted=["af1"]))}, ["In Anki: 1 note deleted, not sent again"]),
        ({"report": IngestReport(files={".pdf": 1})}, [summary.NO_PDF_MARKS_HINT]),
        ({"report": IngestReport(files={".pdf": 1}, unread_files={".pdf": 1})}, [summary.NO_PDF_MARKS_HINT]),
        # a notice about the file says why
        ({"report": IngestReport(files={".pdf": 1}), "problems": [Problem("a.pdf", "no annotations", is_notice=True)]}, []),
        ({"report": IngestReport(files={".pdf": 1}, passage_count=1)}, []),
        ({"report": IngestReport(passage_count=1), "remembered_paths": ["/x/a", "/x/b"]}, ["Added to your sources: /x/a, /x/b"]),
    ],
)  # fmt: skip
def test_each_detail_of_a_run_is_a_line(opened, result, lines):
    assert details(opened, RunResult(**result)) == lines
    notice = FeatureNotice("a notice")
    assert details(opened, RunResult(**result), notice) == ["a notice", *lines]


def changed(guid: str, before: str, after: str) -> TextChange:
    return TextChange(Guid(guid), (("Back", before),), (("Back", after),))


# --- numbers --------------------------------------------------------------------------------

STATE = {
    "highlights": {
        "total": 7,
        "with_card": 1,
        "waiting": 3,
        "more": 0,
        "without": 2,
        "skipped": 1,
    },
    "cards": {
        "accepted": 2,
        "rejected": 0,
        "retired": 0,
        "sourceless": 0,
        "left_in_anki": 0,
    },
    "waiting": {"total": 3, "new": 2, "changed": 1, "questions": 0, "more": 0},
}


# --- status ---------------------------------------------------------------------------------


def get_status(opened) -> status.Status:
    return status.get_status(opened.folder, opened.ledger, [])


def test_the_state_of_a_workspace_has_every_number(opened):
    unread = {"/a": UnreadFiles("/a", {".mobi": 2})}
    opened.ledger.set_value(UNREAD_FILES_SETTING, unread)
    try:
        found = get_status(opened)
    finally:
        opened.ledger.set_value(UNREAD_FILES_SETTING, {})
    assert found.to_json() == {
        **STATE,
        "workspace": str(opened.folder.root),
        "sources": ["notes"],
        "remembered": (),
        "unsent": 1,
        "documents": {"Later": 1},
        "model": "",
        "looked": "",
        "answers": {"reviews": 0, "tested": 0, "remembered": 0},
        "unmarked": (),
        "not_read": {"/a": "2 .mobi"},
        "next": "review",
        "why": "decide on 1 card that you and the source both changed",
    }


TOP = [
    "  7 highlights",
    WAITING,
    LEFT,
    "  → 1 card not in a package yet",
    "",
]
END = ["", REVIEW]


@pytest.mark.parametrize(
    ("changed", "rows"),
    [
        ({}, ["  cards      2 accepted", "  sources    notes", "  Anki       not read yet"]),
        ({"model": "good at here, free", "remembered": tuple(RememberedPath(path, "pdf", path) for path in ("/x/a", "/x/b", "/x/a"))},
         ["  cards      2 accepted", "  sources    notes, /x/a, /x/b", "  model      good at here, free", "  Anki       not read yet"]),
        ({"last_anki_read": "2026-03-04T05:06:07", "reviews": ReviewCounts(1200, 8, 6)},
         ["  cards      2 accepted", "  sources    notes", "  Anki       read 2026-03-04 05:06 UTC   1,200 reviews   retention 75 %"]),
        ({"reviews": ReviewCounts(3, 0, 0), "unread": {"/a": "2 .mobi", "/b": "1 .x"}},
         ["  cards      2 accepted", "  sources    notes", "  Anki       not read yet", "  not read   /a: 2 .mobi", "  not read   /b: 1 .x"]),
        ({"unmarked": ("a.pdf",)},
         ["  cards      2 accepted", "  sources    notes", "  Anki       not read yet",
          "  no marks   ankiforge draft a.pdf   little or nothing is marked there; a chat or model chooses passages"]),
    ],
)  # fmt: skip
def test_the_state_of_a_workspace_is_told_in_rows(opened, changed, rows):
    told = [*status.format_status(replace(get_status(opened), **changed))]
    place = next(line for line in told if line.startswith("  workspace  "))
    assert [line for line in told if line != place] == [*TOP, *rows, *END]


@pytest.mark.parametrize(
    ("cards", "row"),
    [
        ({"accepted": 0}, ""),
        ({"sourceless": 1200}, "  cards      2 accepted   1,200 without a passage: ankiforge list finding:source_gone"),
        ({"left_in_anki": 1}, "  cards      2 accepted   1 undone or rejected, still in Anki: ankiforge list anki:seen -verdict:accepted"),
    ],
)  # fmt: skip
def test_the_cards_that_need_a_look_are_counted(opened, cards, row):
    found = get_status(opened)
    counts = replace(found.counts.cards, **cards, unsent=0)
    found = replace(found, counts=replace(found.counts, cards=counts))
    told = [*status.format_status(found)]
    assert next((line for line in told if line.startswith("  cards ")), "") == row
    assert not any("not in a package" in line for line in told)


def test_a_workspace_without_sources_that_suggests_a_draft_says_so_once(opened):
    found = replace(
        get_status(opened),
        configured=(),
        unmarked=("a.pdf",),
        step=suggest_choosing_passages(["a.pdf"]),
    )
    told = [*status.format_status(found)]
    assert "  sources    none yet" in told
    assert [line for line in told if "a.pdf" in line] == [
        "  next  ankiforge draft a.pdf   little or nothing is marked there;"
        " a chat or model chooses passages"
    ]


# --- the next command -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paths", "step"),
    [
        (["a"], ("draft a", "little or nothing is marked there; a chat or model chooses passages")),
        (["x y", "b"],
         ("draft 'x y'", "little or nothing is marked there; a chat or model chooses passages; 1 more without marks")),
    ],
)  # fmt: skip
def test_a_chat_chooses_passages_where_little_is_marked(paths, step):
    suggested = next_step.suggest_choosing_passages(paths)
    assert (suggested.command, suggested.reason) == step
