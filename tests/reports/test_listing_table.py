"""What each view of a list holds, in which order, as text and as JSON, row by row."""

import re

import pytest

from ankiforge.errors import UsageError
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.listing import Listing
from ankiforge.text import render_bold_marks


def listing(opened: Workspace, *, as_json: bool = False, verbose: bool = False):
    return Listing(opened.ledger, opened.decks, as_json=as_json, verbose=verbose)


def plain(lines) -> list[str]:
    """Return the lines without their ids and times."""
    shown = []
    for line in lines:
        line = re.sub(r"\b[0-9a-f]{16}$", "HASH", render_bold_marks(line, "", ""))
        line = re.sub(r"\b(?:af|dr|hl|qu)[0-9a-z]{4,26}\b", "ID", line)
        shown.append(re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", "DAY", line))
    return shown


VACUOLE = ["Later\t1 waiting", "ID ○ What is a vacuole?\tyours"]
RIBOSOME, CENTRIOLE = "ID ✓ What is a ribosome?", "ID ✓ What is a centriole?"
RECENT = [
    ("new words", "by source", "What is a ribosome? / the maker of proteins"),
    ("edited", "by person", "two tubes"),
    ("accepted", "by person", "What is a centriole? / a pair of tubes"),
    ("rejected", "by person", "What is a nucleus? / the home of the genes"),
    ("accepted", "by person", "What is a ribosome? / a maker of proteins"),
]
QUESTION = [
    "ID  You changed this card, and so did its source.",
    "          What is a centriole?",
    "          Cells",
    "          Back:",
    "  mine    two tubes",
    "  source  one pair of tubes",
    "          ankiforge accept ID   take the source's words",
    "          ankiforge reject ID   keep mine",
]
ASKED = [
    "Changed cards\t1 waiting",
    f"ID ? {QUESTION[0][4:]}  What is a centriole? / Cells",
]
OSMOSIS = (
    "ID ○ [Osmosis] is the diffusion of water through a semipermeable membrane."
    "\tsuggested · gap 2: semipermeable membrane"
)
CHANGED = [
    "ID  changed with its source DAY; to undo it: ankiforge undo HASH",
    "  back    a maker of proteins",
    "   →      the maker of proteins",
]


@pytest.mark.parametrize(
    ("query", "view", "everything", "lines"),
    [
        # what waits is first, and a document's cards are below it
        ((), None, False, [*ASKED, "", *VACUOLE, "", "Cells\t1 waiting, 2 cards", OSMOSIS, RIBOSOME, CENTRIOLE]),
        (("what",), None, False, [*VACUOLE, "", "Cells\t2 cards", RIBOSOME, CENTRIOLE]),
        (("ribosome",), None, False, ["Cells\t1 card", RIBOSOME]),
        (("nowhere",), None, False, []),
        # everything is in the order of the files
        ((), None, True, [*ASKED, "", "Cells\t1 waiting, 2 cards", OSMOSIS, RIBOSOME, CENTRIOLE, "", *VACUOLE]),
        (("verdict:waiting",), None, False, [*VACUOLE, "", "Cells\t1 waiting", OSMOSIS]),
        (("osmosis",), None, False, ["Cells\t1 waiting", OSMOSIS]),
        (("osmosis", "document:later"), None, False, []),
        (("osmosis", "deck:Reading"), None, False, []),
        (("kind:cloze", "-verdict:accepted"), None, False, ["Cells\t1 waiting", OSMOSIS]),
        (("verdict:waiting", "ribosome"), None, False, []),
        (("finding:source_gone",), None, False, []),
        ((), "unknown", False, []),
        ((), "recent", False, [f"{what}: {text}\tDAY" for what, _, text in RECENT]),
        ((), "questions", False, [f"ID ? {QUESTION[0][4:]}  What is a centriole? / Cells"]),
        ((), "changed", False, [*QUESTION, *CHANGED]),
        (("ribosome",), "changed", False, CHANGED),
        (("centriole",), "changed", False, QUESTION),
        (("vacuole",), "changed", False, []),
    ],
)  # fmt: skip
def test_a_view_has_its_items_in_its_order(opened, query, view, everything, lines):
    listed = [*listing(opened).list_view(query, view, everything=everything)]
    assert [line for _, told in listed for line in plain(told)] == lines
    # as JSON there are the same items
    items = [
        data
        for data, _ in listing(opened, as_json=True).list_view(
            query, view, everything=everything
        )
    ]
    assert len(items) == len(listed)
    assert all(item["id"] for item in items)


@pytest.mark.parametrize("view", ["recent", "unknown", "questions"])
def test_a_view_without_cards_takes_no_query(opened, view):
    with pytest.raises(UsageError, match=f"--view {view} takes no query"):
        [*listing(opened).list_view(("x",), view, everything=False)]


def test_a_verbose_list_shows_all_of_each_item(opened):
    verbose = listing(opened, verbose=True)
    told = [plain(lines) for _, lines in verbose.list_view((), None, everything=False)]
    assert told[0] == QUESTION
    assert [lines[2] for lines in told[1:4]] == [
        "front     What is a vacuole?",
        "front     What is a ribosome?",
        "front     What is a centriole?",
    ]
    assert told[3][-8:] == QUESTION  # but none of their histories
    assert told[4][0] == "ID  cloze  waiting  suggested"
    assert told[4][-1] == "          ankiforge accept ID"
    [(_, lines)] = verbose.list_view((), "questions", everything=False)
    assert plain(lines) == QUESTION
    rows = verbose.list_view((), "recent", everything=False)
    for (_, [row]), (what, by, text) in zip(rows, RECENT, strict=True):
        assert re.search(f"{what} {by}  .*{re.escape(text)}$", row)
    items = [*listing(opened, as_json=True).list_view((), None, everything=False)]
    assert not any("questions" in data or "decisions" in data for data, _ in items)


WATER = "Osmosis is the diffusion of water through a semipermeable membrane."
MARKED = [
    f"ID ○ {WATER.replace('Osmosis', '[Osmosis]')}\tsuggested · gap 2: semipermeable membrane",
    "ID · so much for that\ta heading or a label",
]
AGAIN = ["Later\t1 highlight", f"ID · {WATER}\tsame words as in Cells"]
NUCLEUS = "ID · What is a nucleus?::the home of the genes\tskipped: rejected by you"
LOOKALIKE = "Open.md, line 1: ==mark=="


@pytest.mark.parametrize(
    ("query", "everything", "lines"),
    [
        ((), False, [*AGAIN, "", "Cells\t1 waiting, 2 highlights", *MARKED]),
        (("Later",), False, AGAIN),
        (("same WORDS",), False, AGAIN),  # of the reason
        (("notes/later.md",), False, AGAIN),
        (("water", "cells"), False, [*AGAIN, "", "Cells\t1 waiting, 1 highlight", MARKED[0]]),
        (("nucleus",), False, []),
        (("nucleus",), True, ["Cells\t1 highlight", NUCLEUS]),
        (("much",), True, ["Cells\t1 highlight", MARKED[1]]),
        (("Open.md",), False, []),
        (("Open.md",), True, [LOOKALIKE]),
        (("==mark==", "line 1"), True, [LOOKALIKE]),
    ],
)  # fmt: skip
def test_highlights_without_a_card_are_found_by_their_text_place_and_reason(
    opened, query, everything, lines
):
    listed = [*listing(opened).list_without_card(query, everything=everything)]
    told = [line for _, lines in listed for line in plain(lines)]
    assert [line for line in told if not line.startswith("    left out: ")] == lines
    items = listing(opened, as_json=True).list_without_card(query, everything=everything)
    assert [data["place"] for data, _ in items] == [data["place"] for data, _ in listed]


def test_a_highlight_without_a_card_is_json_with_its_suggestion_or_the_reason(opened):
    items = listing(opened, as_json=True).list_without_card((), everything=True)
    told = {}
    for data, _ in items:
        told[data["exact"][:7], data["place"]] = (
            data["fate"],
            data["reason"][:15],
            data.get("confidence"),
            data.get("suggestion") and data["suggestion"]["front"][:9],
        )
    assert told == {
        ("Osmosis", "Later.md"): ("no_card", "same words as i", 0.0, None),
        ("Osmosis", "Cells.md, Cells"): ("no_card", "", 0.89, "[Osmosis]"),
        ("What is", "Cells.md, Cells"): ("left_out", "rejected by you", 0.0, None),
        ("so much", "Cells.md, Cells"): ("no_card", "a heading or a ", 0.0, None),
        ("", "Open.md, line 1"): ("left_out", "its other half ", None, None),
    }


# --- show -----------------------------------------------------------------------------------


def find(opened: Workspace, *query: str) -> str:
    """Return the id of the card that a query finds, or the key of a highlight without one."""
    shown = listing(opened, as_json=True)
    for data, _ in shown.list_view(query, None, everything=True):
        return data["id"]
    [data, _] = next(shown.list_without_card(query, everything=True))
    return data["key"]


@pytest.mark.parametrize(
    ("word", "first"),
    [
        ("ribosome", "ID  basic  accepted  anki: written"),
        ("vacuole", "ID  basic  waiting"),
        ("much", MARKED[1]),
    ],
)
def test_an_item_is_shown_by_its_id_or_its_key(opened, word, first):
    by_id = [*listing(opened).list_selected_items((find(opened, word),))]
    assert [plain(lines)[0] for _, lines in by_id] == [first]


def test_several_ids_a_question_and_a_key_with_all_of_its_cards_are_shown(opened):
    shown = listing(opened)
    ids = (find(opened, "vacuole"), find(opened, "ribosome"))
    told = [plain(lines)[2] for _, lines in shown.list_selected_items(ids)]
    assert told == ["front     What is a vacuole?", "front     What is a ribosome?"]
    [(question, lines)] = shown.list_view((), "questions", everything=False)
    [(_, lines)] = shown.list_selected_items((question["id"],))
    assert plain(lines) == QUESTION
    [(data, _)] = listing(opened, as_json=True).list_selected_items((ids[1],))
    assert (data["guid"], data["questions"]) == (ids[1], [])
    assert "decisions" not in data
    passage, card = shown.list_selected_items((data["highlight"],))
    assert passage[1] == [
        "one fact",
        "  decided  What is a ribosome?::the maker of proteins",
    ]
    assert passage[0] == {
        "id": None,
        "guid": None,
        "key": data["highlight"],
        "closed": False,
        "facts": [
            {
                "sentence": "What is a ribosome?::the maker of proteins",
                "state": "decided",
                "card": None,
                "near": "",
                "drafts": [],
            }
        ],
    }
    assert plain(card[1])[2] == "front     What is a ribosome?"
