"""What reading a document by other dialects would change, and the question about it, row by row."""

from collections.abc import Iterator
from typing import Any

import pytest

from ankiforge.ledger.readings import (
    Difference,
    Known,
    PendingDialects,
    ask_about_dialects,
    asked,
    changes_between,
    pending,
)
from ankiforge.ledger.records import write_document
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Sighting,
    Unchanged,
    Unmarked,
)
from tests.ledger.world import World

DOCUMENT = Document(DocumentKey("d"), "notes", "Cells")


def mark(text: str, **more: Any) -> Highlight:
    kind = more.pop("kind", HighlightKind.HIGHLIGHT)
    return Highlight(DOCUMENT, "notes", kind, text, **more)


INSULIN = mark("Insulin lowers the sugar in the blood.")
GLUCAGON = mark("Glucagon raises the sugar in the blood.")
GHRELIN = mark("Ghrelin makes hungry.")


@pytest.mark.parametrize(
    ("before", "after", "new", "other", "gone"),
    [
        ([], [], 0, 0, 0),
        ([INSULIN], [INSULIN], 0, 0, 0),
        ([], [INSULIN], 1, 0, 0),
        ([INSULIN], [], 0, 0, 1),
        ([INSULIN], [GHRELIN], 1, 0, 1),
        ([INSULIN, GLUCAGON], [GLUCAGON, INSULIN], 0, 0, 0),
        # equal texts are told apart by their order
        ([INSULIN], [INSULIN, INSULIN], 1, 0, 0),
        ([INSULIN, INSULIN], [INSULIN], 0, 0, 1),
        # each of what decides on the drafts
        ([INSULIN], [mark(INSULIN.exact, kind=HighlightKind.CARD)], 0, 1, 0),
        ([INSULIN], [mark(INSULIN.exact, gaps=((0, 7),))], 0, 1, 0),
        ([INSULIN], [mark(INSULIN.exact, form="cloze")], 0, 1, 0),
        ([INSULIN], [mark(INSULIN.exact, declared=True)], 0, 1, 0),
        ([INSULIN], [mark(INSULIN.exact, two_way=True)], 0, 1, 0),
        # what does not
        ([INSULIN], [mark(INSULIN.exact, heading="Hormones")], 0, 0, 0),
        # a deck file said it, of both readings
        ([mark(INSULIN.exact, skip="skip: its colour")], [INSULIN], 0, 0, 0),
    ],
)
def test_what_another_reading_would_change(before, after, new, other, gone) -> None:
    counts = {"new": new, "other": other, "gone": gone}
    assert changes_between(before, after) == counts


VAULT = "vault:notes"


def write(world: World, place: str) -> None:
    """Store the reading of a document in which nothing is marked."""
    with world["a"].transaction():
        write_document(world["a"], Unmarked(VAULT, place, "f"), None, "f")


def ask(world: World, on: str, fingerprint: str) -> tuple[list[str], dict[str, int]]:
    """Ask about two documents, of which other dialects mark one; what was read and counted."""
    read = []

    def scan(known: Known) -> Iterator[Sighting]:
        for place in ("Cells.md", "Plain.md"):
            if known.is_unchanged(VAULT, place, fingerprint):
                yield Unchanged(VAULT, place)
                continue
            read.append(place)
            if place == "Cells.md":
                document = Document(DocumentKey(place), "notes", "Cells", path=place)
                yield Extracted(document, (INSULIN,), VAULT, fingerprint=fingerprint)
            else:
                yield Unmarked(VAULT, place, fingerprint)

    ask_about_dialects(world["a"], VAULT, Difference((on,)), scan)
    [question] = pending(world["a"])
    return read, question.difference.counts


@pytest.mark.parametrize(
    ("written", "on", "first", "then", "read"),
    [
        ([], "osr", "f", "f", []),
        (["Cells.md"], "osr", "f", "f", ["Cells.md"]),
        (["Plain.md"], "osr", "f", "f", ["Plain.md"]),
        ([], "o2a", "f", "f", ["Cells.md", "Plain.md"]),
        ([], "osr", "f", "other", ["Cells.md", "Plain.md"]),
        ([], "osr", "", "", ["Cells.md", "Plain.md"]),
    ],
    ids=["nothing", "one", "another", "dialects", "by another reader", "unknown"],
)
def test_only_what_may_be_read_otherwise_now_is_counted_again(
    world, written, on, first, then, read
) -> None:
    for place in ("Cells.md", "Plain.md"):
        write(world, place)
    counts = {"new": 1, "other": 0, "gone": 0}
    assert ask(world, "osr", first) == (["Cells.md", "Plain.md"], counts)
    for place in written:
        write(world, place)
    assert ask(world, on, then) == (read, counts)


@pytest.mark.parametrize(
    ("read", "on", "off", "counts", "text"),
    [
        ((), ("osr",), (), {"new": 1},
         "obsidian-spaced-repetition is switched on in notes: read its cards?"
         " 1 passage would change: 1 new."),
        ((), ("osr", "o2a"), (), {"new": 2, "other": 1},
         "obsidian-spaced-repetition and Obsidian_to_Anki are switched on in notes: read their"
         " cards? 3 passages would change: 2 new, 1 other."),
        ((), ("o2a",), ("o2a",), {"new": 2},
         "Obsidian_to_Anki is not on, but left notes in notes: read its cards?"
         " 2 passages would change: 2 new."),
        (("osr",), (), (), {"other": 1, "gone": 1},
         "obsidian-spaced-repetition is switched off in notes: read its cards no longer?"
         " 2 passages would change: 1 other, 1 gone."),
        (("osr",), ("o2a",), (), {"new": 1, "gone": 1200},
         "Obsidian_to_Anki is switched on, obsidian-spaced-repetition is switched off in notes:"
         " read the cards accordingly? 1,201 passages would change: 1 new, 1,200 gone."),
    ],
)  # fmt: skip
def test_what_is_asked(read, on, off, counts, text) -> None:
    difference = Difference(on, off, counts)
    assert asked(PendingDialects("vault:notes", read, difference)) == text
