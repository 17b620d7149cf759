"""What a run and `status` say, sentence by sentence: counts of nothing, of one and of many."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ankiforge.ledger import IngestReport
from ankiforge.model import AnkiChanges, FeatureNotice, Guid, Suggestion
from ankiforge.pipeline.run_result import (
    AnkiReadResult,
    AnkiReadState,
    PlannedNote,
    RunResult,
    WrittenPackage,
)
from ankiforge.reports import next_step, summary
from tests.reports.waiting import make_pending

A, B = Path("a.apkg"), Path("b.apkg")


NEWS = IngestReport(passage_count=1, new=["k"])


def choose(folder, notices, pending, run, unsent):
    if run is None:
        step = next_step.choose_next_step(
            *(folder, None, notices, pending), unsent_count=unsent, has_highlights=True
        )
    else:
        result = RunResult(**run)
        step = next_step.choose_step_after_run(result, folder, None, notices, pending)
    return (step.command, step.reason) if step else None


@pytest.mark.parametrize(
    ("waiting", "run", "unsent", "step"),
    [
        ({"drafts": 10}, None, 0, ("review", "decide on what waits")),
        ({"drafts": 11}, None, 0, ("review", "the best ten of 11")),
        ({"changes": 4, "questions": 5, "suggested": 2}, None, 1, ("review", "the best ten of 11")),
        # a conflict comes before everything else
        ({"changes": 2, "conflicts": 2, "drafts": 20}, None, 1, ("review", "decide on 2 cards that you and the source both changed")),
        # accepted cards come before suggestions, but not right after their highlights were read
        ({"suggested": 12}, None, 1, ("build", "1 accepted card not in a package yet")),
        ({"suggested": 12}, None, 0, ("review", "the best ten of 12")),
        ({"suggested": 2}, {"report": NEWS, "published": [WrittenPackage(A, 1)]}, 0, ("review", "decide on what waits")),
        ({"suggested": 2}, {"published": [WrittenPackage(A, 1)]}, 0, (None, "import a.apkg into Anki")),
        ({"without": 2}, None, 0, ("draft", "your chat writes the questions: copy, paste back")),
        ({"without": 2}, {"report": NEWS}, 0, ("draft", "your chat writes the questions: copy, paste back")),
        # a run repeats nothing, and isn't followed by another
        ({"without": 2}, {}, 0, None),
        ({}, {"report": NEWS}, 0, None),
        ({}, None, 0, ("run", "read what is new")),
    ],
)  # fmt: skip
def test_the_next_command_is_chosen_by_counts(waiting, run, unsent, step):
    folder = SimpleNamespace(config=SimpleNamespace(drafter="rules", sources=()))
    pending = make_pending(**waiting)
    notice = FeatureNotice(suggestion=Suggestion("adopt", "why"))
    assert choose(folder, [], pending, run, unsent) == step
    chosen = choose(folder, [notice], pending, run, unsent)
    assert chosen == ("adopt", "why")


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
        ((WrittenPackage(A, 3, 0, 3, 1, 2),), None, True,
         ["a.apkg   3 notes (1 updated, 2 undone or rejected: tagged ankiforge::retired, 1 undone and no longer in it)"]),
        # a package that has nothing new is told unless nothing was found
        ((WrittenPackage(A, 2),), None, True, ["a.apkg   2 notes (2 unchanged)"]),
        ((WrittenPackage(A, 2),), None, False, []),
        ((WrittenPackage(A, 2), WrittenPackage(B, 1, 1)), None, False, ["b.apkg   1 new note"]),
        ((WrittenPackage(A, previous_path=B),), None, False, ["no package is needed now; the last one is kept as b.apkg"]),
        ((WrittenPackage(A, previous_path=B), WrittenPackage(B, 1, 1)), None, True,
         ["no package is needed now; the last one is kept as b.apkg", "b.apkg   1 new note"]),
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
        ({}, 0, None),
        ({"deleted": 1}, 0, "In Anki: 1 note deleted, not sent again"),
        ({"deleted": 2, "missing": 1}, 0, "In Anki: 2 notes deleted, not sent again; 1 note missing"),
        ({"returned": 1}, 1, "In Anki: 1 note back again; 1 note has text that was not written here, which is kept"),
        ({"retired": 1}, 0, "In Anki: 1 note rejected earlier, by the tag ankiforge::retired"),
        ({}, 2, "In Anki: 2 notes have text that was not written here, which is kept"),
        ({"first_seen": 5, "suspended": 2}, 0, None),
        ({"edited": 1}, 0, "In Anki: 1 note edited, your changes stay"),
    ],
)  # fmt: skip
def test_what_happened_in_anki_is_told_in_a_line(viewed, unknown, line):
    seen = AnkiChanges(**{name: [Guid("af")] * number for name, number in viewed.items()})
    planned = [
        PlannedNote(Guid("af"), keeps_unknown_text=place < unknown) for place in range(3)
    ]
    result = RunResult(
        scan=AnkiReadResult(AnkiReadState.READ, changes=seen), planned=planned
    )
    assert summary.format_anki_changes(result) == line
    assert summary.format_anki_changes(RunResult()) is None
    assert "could not be read" in summary.format_anki_changes(
        RunResult(scan=AnkiReadResult(AnkiReadState.FAILED))
    )


@pytest.mark.parametrize(
    ("held", "line"),
    [
        ([], None),
        ([None, None], None),
        (["a question", None], "1 note withheld: a question"),
        (["a question", "Anki", "a question"], "3 notes withheld: a question; Anki"),
    ],
)
def test_what_is_held_back_is_told_with_each_reason_once(held, line):
    planned = [PlannedNote(Guid("af"), hold_reason=why) for why in held]
    assert summary.make_withheld_line(RunResult(planned=planned)).format() == line
