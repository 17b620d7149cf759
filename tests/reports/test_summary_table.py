"""What a run and `status` say, sentence by sentence: counts of nothing, of one and of many."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from ankiforge.anki.plan import CardPlan
from ankiforge.ledger import IngestReport
from ankiforge.model import Guid, TextChange, ViewChanges
from ankiforge.pipeline.run_result import CollectionScan, RunResult, WrittenPackage
from ankiforge.reports import summary

NOTE = SimpleNamespace()
A, B = Path("a.apkg"), Path("b.apkg")


@pytest.mark.parametrize(
    ("waits", "without", "skipped", "columns"),
    [
        ({}, 0, 0, ("", "", "")),
        ({"new": 2, "changed": 1}, 0, 0, ("3 waiting", "", "")),
        ({"new": 9, "cards": 9, "changed": 1}, 0, 0, ("10 waiting", "", "")),
        ({"new": 9, "cards": 10}, 0, 0, ("10 cards waiting of 9 highlights", "", "")),
        (
            {"new": 1, "cards": 2, "changed": 1, "questions": 1},
            0,
            0,
            ("2 cards waiting of 1 highlight · 2 other decisions", "", ""),
        ),
        # one answer is for many drafts
        ({"questions": 1, "held": 1}, 0, 0, ("1 waiting", "", "")),
        (
            {"questions": 1, "held": 5},
            0,
            0,
            ("1 waiting (1 question about 5 drafts)", "", ""),
        ),
        ({"proposed": 2}, 5, 0, ("2 proposals", "3 without a proposal", "")),
        ({"new": 1, "proposed": 2}, 2, 1, ("1 waiting · 2 proposals", "", "1 skipped")),
        ({"proposed": 2}, 0, 0, ("", "", "")),
        ({}, 1200, 3, ("", "1,200 without a card", "3 skipped")),
    ],
)
def test_what_is_open_stands_in_columns(waits, without, skipped, columns):
    assert summary.format_open_counts(Counter(waits), without, skipped) == columns


@pytest.mark.parametrize(
    ("waits", "best"),
    [
        ({"new": 10}, ""),
        ({"new": 11}, "the best ten of 1,557"),
        ({"new": 1, "changed": 4, "questions": 5}, ""),
        (
            {"new": 1, "changed": 4, "questions": 5, "proposed": 1},
            "the best ten of 1,557",
        ),
    ],
)
def test_more_than_ten_are_asked_about_by_the_best_ten(waits, best):
    assert summary.format_best_ten(Counter(waits), 1557) == best


@pytest.mark.parametrize(
    ("published", "pushed", "before", "lines"),
    [
        ((WrittenPackage(A),), None, True, []),
        ((WrittenPackage(A, 1, 1),), None, True, ["a.apkg   1 new note"]),
        ((WrittenPackage(A, 2, 2),), None, True, ["a.apkg   2 new notes"]),
        ((WrittenPackage(A, 3, 1, 1),), None, True, ["a.apkg   3 notes (1 new, 1 updated, 1 unchanged)"]),
        ((WrittenPackage(A, 2, 0, 2),), None, False, ["a.apkg   2 notes (2 updated)"]),
        ((WrittenPackage(A, 2, 2, 0, 1),), None, True, ["a.apkg   2 new notes"]),
        ((WrittenPackage(A, 2, 1, 1, 1),), None, True,
         ["a.apkg   2 notes (1 new, 1 updated, 1 undone and no longer in it)"]),
        # a package that has nothing new is told unless nothing was found
        ((WrittenPackage(A, 2),), None, True, ["a.apkg   2 notes (2 unchanged)"]),
        ((WrittenPackage(A, 2),), None, False, []),
        ((WrittenPackage(A, 2), WrittenPackage(B, 1, 1)), None, False, ["b.apkg   1 new note"]),
        ((WrittenPackage(A, previous_path=B),), None, False, ["nothing to import; the last package is now b.apkg"]),
        ((WrittenPackage(A, previous_path=B), WrittenPackage(B, 1, 1)), None, True,
         ["nothing to import; the last package is now b.apkg", "b.apkg   1 new note"]),
        ((WrittenPackage(A, 2, 2),), (1, 1200), True, ["Anki: 1 new note, 1,200 updated"]),
        ((), (2, 0), True, ["Anki: 2 new notes, 0 updated"]),
    ],
)  # fmt: skip
def test_a_package_or_a_push_is_told_in_a_line(published, pushed, before, lines):
    result = RunResult(published=[*published], pushed=pushed)
    assert [*summary.format_delivery(result, include_unchanged=before)] == lines


@pytest.mark.parametrize(
    ("viewed", "unknown", "line"),
    [
        ({}, 0, ""),
        ({"deleted": 1}, 0, "In Anki: 1 note deleted, not sent again"),
        ({"deleted": 2, "missing": 1}, 0, "In Anki: 2 notes deleted, not sent again; 1 note missing"),
        ({"returned": 1}, 1, "In Anki: 1 note back again; 1 note has text that was not written here, which is kept"),
        ({"retired": 1}, 0, "In Anki: 1 note rejected earlier, by the tag ankiforge::retired"),
        ({}, 2, "In Anki: 2 notes have text that was not written here, which is kept"),
        ({"first": 5, "edited": 2}, 0, ""),
    ],
)  # fmt: skip
def test_what_happened_in_anki_is_told_in_a_line(viewed, unknown, line):
    seen = ViewChanges(**{name: [Guid("af")] * number for name, number in viewed.items()})
    planned = [
        CardPlan(Guid("af"), True, keeps_unknown_text=place < unknown)
        for place in range(3)
    ]
    result = RunResult(scan=CollectionScan("taken", viewed=seen), planned=planned)
    assert summary.format_anki_changes(result) == line
    assert summary.format_anki_changes(RunResult()) == ""
    assert "could not be read" in summary.format_anki_changes(
        RunResult(scan=CollectionScan("failed"))
    )


@pytest.mark.parametrize(
    ("viewed", "line"),
    [
        (ViewChanges(), "0 notes, 0 new reviews"),
        (ViewChanges(seen=1, reviews=1), "1 note, 1 new review"),
        (ViewChanges(first=["a"], edited=["a", "b"]), "0 notes, 0 new reviews, 1 seen for the first time, 2 edited"),
        (ViewChanges(suspended=["a"]), "0 notes, 0 new reviews, 1 suspended"),
    ],
)  # fmt: skip
def test_what_a_view_of_anki_has_is_told_in_a_line(viewed, line):
    assert summary.format_anki_view(viewed) == line


@pytest.mark.parametrize(
    ("held", "line"),
    [
        ([], ""),
        (["", ""], ""),
        (["a question", ""], "1 note held back: a question"),
        (["a question", "Anki", "a question"], "3 notes held back: a question; Anki"),
    ],
)
def test_what_is_held_back_is_told_with_each_reason_once(held, line):
    planned = [CardPlan(Guid("af"), True, hold_reason=why) for why in held]
    assert summary.format_held_notes(RunResult(planned=planned)) == line


@pytest.mark.parametrize(
    ("state", "looked", "has_note", "line"),
    [
        ("nowhere", "", True, summary.NO_COLLECTION_NOTICE),
        ("off", "", True, summary.ANKI_OFF_NOTICE),
        ("taken", "", True, ""),
        ("failed", "", True, ""),
        ("nowhere", "2026-01-01", True, ""),  # it was read before
        ("nowhere", "", False, ""),  # nothing is written
    ],
)
def test_why_a_package_has_every_card(state, looked, has_note, line):
    planned = [CardPlan(Guid("af"), True, NOTE if has_note else None)]
    result = RunResult(scan=CollectionScan(state), planned=planned)
    ledger = SimpleNamespace(get_meta=lambda name: looked)
    assert summary.explain_full_package(result, ledger) == line
    assert summary.explain_full_package(RunResult(planned=planned), ledger) == ""


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, ""),
        ({".pdf": 0}, ""),
        ({".pdf": 1}, "1 PDF"),
        ({".md": 2, ".markdown": 1, ".qmd": 1}, "4 notes"),
        ({".pdf": 1, ".md": 3}, "3 notes and 1 PDF"),
        ({".csv": 1, "": 2}, "2 files and 1 .csv file"),
    ],
)
def test_files_are_counted_by_what_they_are(files, text):
    assert summary._format_files(files) == text


@pytest.mark.parametrize(
    ("paths", "line"),
    [
        ([], ""),
        (["a b.pdf"], "ankiforge draft 'a b.pdf'   nothing is marked there; a chat or model chooses passages"),
        (["a.pdf", "b", "c"],
         "ankiforge draft a.pdf   nothing is marked there; a chat or model chooses passages; 2 more without marks"),
    ],
)  # fmt: skip
def test_a_document_without_marks_is_told_with_the_command_that_reads_it(paths, line):
    assert summary.format_unmarked(paths) == line


def change(before: str, after: str, why: str = "") -> TextChange:
    return TextChange(
        Guid("af12345678abcd"), (("Text", before),), (("Text", after),), why
    )


NEW = change("the old word here", "the new word here")
KEPT = change("a", "b", "you wrote it")


@pytest.mark.parametrize(
    ("changes", "limit", "lines"),
    [
        ([], 5, []),
        ([NEW], 5, ["1 card changed with the source:", "  the old word here → the new word here"]),
        # from the word before the one that differs
        ([change("All of them the old", "All of them the new")], 5,
         ["1 card changed with the source:", "  …the old → …the new"]),
        ([change("a {{c1::b}}", "a b")], 5, ["1 card changed with the source:", "  a [b] → a b"]),
        # only its markup changed
        ([change("a **b**", "a *b*")], None, ["1 card changed with the source:", "  a **b** → a *b*"]),
        ([change("{{c1::a}} b", "{{c2::a}} b")], None,
         ["1 card changed with the source:", "  {{c1::a}} b → {{c2::a}} b"]),
        ([change("a", "")], None, ["1 card changed with the source:", "  a → (nothing)"]),
        ([KEPT, NEW], 2, ["1 card changed with the source, 1 card kept the old words:",
                          "  the old word here → the new word here",
                          "  you wrote it"]),
        ([KEPT, KEPT], 1, ["2 cards kept the old words; all: ankiforge list --view changed",
                           "  you wrote it"]),
    ],
)  # fmt: skip
def test_old_and_new_words_of_a_card_are_told(changes, limit, lines):
    assert [*summary._format_changes(changes, limit)] == lines


@pytest.mark.parametrize(
    ("new", "changed", "news", "nothing"), [([], [], False, True), ([1], [], True, False), ([], [1], True, False)]
)  # fmt: skip
def test_what_is_news(new, changed, news, nothing):
    report = IngestReport(seen=0 if nothing else 3)
    report.new += new
    report.changed += changed
    result = RunResult(report=report)
    assert (result.has_new_highlights, result.has_no_highlights) == (news, nothing)
    assert not RunResult().has_new_highlights
    assert not RunResult().has_no_highlights
