"""When less certain proposals are asked in the terminal: rows of notes, a query, and what comes."""

import pytest

from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Review, batches

NOTES = {
    "Draft": "What is REM?::a phase of sleep",
    "Certain": "==Osmosis is the diffusion of water through a semipermeable membrane.==",
    "Guess": "==The bacterium Yersinia pestis causes the plague.==",
    "Nothing": "==Nice!==",
}


@pytest.mark.parametrize(
    ("notes", "query", "asked"),
    [
        ("Draft Certain Guess", "", "Certain Draft"),
        ("Draft Guess", "", "Draft"),
        ("Certain Guess", "", "Certain"),
        # nothing else is left
        ("Guess Nothing", "", "Guess"),
        # its document is named
        ("Draft Certain Guess", "guess", "Guess"),
        ("Draft Certain Guess", "certain", "Certain"),
        ("Draft Certain Nothing", "nothing", ""),
    ],
)
def test_less_certain_proposals_come_if_named_or_if_nothing_else_is_left(
    forge, vault, notes, query, asked
):
    for name in notes.split():
        (vault / f"{name}.md").write_text(f"{NOTES[name]}\n", encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    with forge.here(), Workspace(read_only=True) as opened:
        review = Review(opened)
        sittings = [*batches.iter_sittings(opened.ledger, review.load_item, query)]
        titles = [
            review.load_item(id).highlight.document.title
            for sitting in sittings
            for id in sitting
        ]
    assert sorted(titles) == asked.split()
