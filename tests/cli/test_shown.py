"""What is shown is what is so: answers are whole or wait, questions end, and every count is the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ankiforge.extract import registry
from tests.fakes.agent import client

GIBBON = """Why did Gibbon choose Rome?
?
Gibbon gave four reasons. The first was its greatness.

The second was its documents.
"""
KINDS = """How many kinds of memory are there?
?
There are two.

- short
- long
"""
EMPTY = """What does insulin lower?
?

The sugar in the blood.
"""
ENDED = """What is the capital of France?
?
Paris.

Who wrote Walden?
?
Thoreau.

# The next chapter

Text that belongs to no card.
"""


@pytest.fixture
def notes(forge):
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n"
    )
    folder = forge.folder / "notes"
    folder.mkdir()
    return folder


@contextmanager
def reviewed(forge: Any) -> Iterator[Any]:
    """A review of the workspace, as the page has it."""
    from ankiforge.config.workspace import find_workspace
    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.web.documents import PageRenderer
    from ankiforge.web.session import ReviewSession

    folder = find_workspace(forge.folder, forge.folder, registry)
    with Workspace(folder, read_only=True) as workspace:
        yield ReviewSession(workspace, PageRenderer())


def write(vault, text, name="A.md"):
    (vault / name).write_text(text, encoding="utf-8")


# --- answers of several paragraphs ----------------------------------------------------------


@pytest.mark.parametrize("text", [GIBBON, KINDS], ids=["paragraphs", "a list"])
def test_an_answer_that_may_go_on_waits_with_the_reason(forge, notes, text):
    write(notes, text)
    came = forge.json("run")
    assert (came["cards"]["accepted"], came["waits"]) == (0, {"open_end": 1})
    assert "may belong to it" in forge.ok("list", "verdict:waiting", "-v").stdout


def test_an_answer_is_accepted_whole_once_its_empty_lines_are_gone(forge, notes):
    write(notes, GIBBON)
    forge.ok("run")
    write(notes, GIBBON.replace(".\n\nThe second", ".\nThe second"))
    assert forge.json("run")["cards"]["accepted"] == 1
    [card] = forge.ok("list", "--json").lines
    assert card["fields"]["Back"].endswith("The second was its documents.")


def test_an_accepted_answer_that_is_continued_later_keeps_its_card(forge, notes):
    write(notes, GIBBON.partition("\n\n")[0] + "\n")
    assert forge.json("run")["cards"]["accepted"] == 1
    [before] = forge.ok("list", "--json").lines
    write(notes, GIBBON)
    assert forge.json("run")["state"]["waiting"]["total"] == 0
    [after] = forge.ok("list", "--json").lines
    assert (after["guid"], after["fields"]) == (before["guid"], before["fields"])


def test_a_question_above_an_empty_line_is_listed_with_the_reason(forge, notes):
    write(notes, EMPTY)
    forge.ok("run")
    [one] = forge.ok("list", "--no-card", "--all", "--json").lines
    assert one["reason"].endswith("right below it no answer")


def test_answers_that_end_for_certain_are_cards_at_once(forge, notes):
    write(notes, ENDED)
    assert forge.json("run")["cards"]["accepted"] == 2


# --- questions end with their card ----------------------------------------------------------

WAR = "When did the long war between the northern cities end?::in the year 1648\n"
LIKE_IT = (
    "When did a long war between some northern cities begin?::in the summer of 1618\n"
)


@pytest.fixture
def moved(forge, notes):
    """The passage of a card is gone, and another note says nearly the same."""
    write(notes, WAR + "\nWhat is a fen?::a kind of marsh\n")
    forge.ok("run")
    (notes / "A.md").unlink()
    write(notes, LIKE_IT + "\nWho was Ovid?::a poet\n", "B.md")
    forge.ok("run")
    forge.ok("run")
    [question] = forge.ok("list", "--view", "questions", "--json").lines
    assert question["question"] == "same"
    forge.card, forge.question = question["guids"][0], question["id"]
    return forge


def test_a_question_ends_with_its_card_and_the_draft_waits(moved):
    moved.ok("reject", moved.card)
    assert moved.ok("list", "--view", "questions", "--json").lines == []
    assert moved("accept", moved.question).exit_code
    for _ in range(2):
        assert moved.json("run")["cards"]["accepted"] == 0, (
            "policy leaves it to the person"
        )
    waiting = moved.json("status")["waiting"]
    assert (waiting["total"], waiting["new"]) == (1, 1)
    [draft] = moved.ok("list", "verdict:waiting", "--json").lines
    assert draft["waits"] == "You decided on nearly the same words, which are gone."
    moved.ok("accept", draft["id"])


def test_the_question_is_back_when_its_card_is(moved):
    moved.ok("reject", moved.card)
    moved.ok("undo", moved.card)
    [question] = moved.ok("list", "--view", "questions", "--json").lines
    assert question["id"] == moved.question


def test_two_cards_in_question_are_told_apart(moved):
    with reviewed(moved) as session:
        shown = session.render_item(moved.question)
    labels = [card["label"] for card in shown["cards"]]
    assert labels == ["Your card", "From the new passage"]


# --- one count ------------------------------------------------------------------------------

MANY = """---
tags: [x]
---

What is a lens?::a piece of glass

one :: uno

two :: dos

three :: tres

Keyword notes with ==marks== and no stop

==We should all sleep more.==

==A whole sentence is marked here, too.==
"""


def lists(forge):
    """How much each surface says that there is of each."""
    status = forge.json("status")
    waiting = forge.ok("list").stdout.count(" ○ ")
    questions = len(forge.ok("list", "--view", "questions", "--json").lines)
    without = len(forge.ok("list", "--no-card", "--json").lines)
    with reviewed(forge) as session:
        page = session.count_items()["left"]
        assert session.render_documents()["waiting"] in forge.ok("status").stdout
        items = {
            name: len(session.render_list(name)["items"])
            for name in ("new", "you", "none")
        }
    return {
        "status": (
            status["waiting"]["new"],
            status["waiting"]["questions"],
            status["highlights"]["more"] + status["highlights"]["without"],
        ),
        "list": (waiting, questions, without),
        "page": (page["new"], page["you"], page["none"]),
        "items": (items["new"], items["you"], items["none"]),
    }  # fmt: skip


def test_all_count_the_same(forge, notes):
    write(notes, MANY)
    came = forge.json("run")
    waiting = came["state"]["waiting"]
    told = (waiting["new"], waiting["questions"], sum(came["no_card"].values()))
    assert told == (1, 1, 2)
    assert lists(forge) == dict.fromkeys(("status", "list", "page", "items"), told)
    line = "  2 waiting: 1 new card, 1 question\n"
    assert line in forge.ok("run").stdout
    assert line in forge.ok("status").stdout

    [key] = (
        one["key"]
        for one in forge.ok("list", "--no-card", "--json").lines
        if "sleep" in one["exact"]
    )
    forge.ok("reject", key)
    [draft] = forge.ok("list", "verdict:waiting", "marks", "--json").lines
    forge.ok("reject", draft["id"])
    assert lists(forge) == dict.fromkeys(("status", "list", "page", "items"), (0, 1, 1))
    left_out = forge.ok("list", "--no-card", "--all", "--json").lines
    reasons = [one["reason"] for one in left_out if one["fate"] == "left_out"]
    assert sorted(reasons) == ["rejected by you", "rejected by you"]
    status = forge.json("status")
    assert status["highlights"]["skipped"] == len(left_out) - 1 == 2
    told = forge.ok("status").stdout
    assert "  1 more highlight without a card, 2 skipped: ankiforge list" in told


@pytest.mark.slow
def test_one_run_accepts_all_cards_that_a_person_wrote(forge, notes):
    cards = [f"What is the number {n}?::it is {n} and {n + 1}" for n in range(301)]
    write(notes, "\n\n".join(cards))
    assert forge.json("run")["cards"]["accepted"] == 301


# --- what a broken note is told as ----------------------------------------------------------

BROKEN = "---\nFROZEN - cloze:\n : \n---\nThe heart of a whale beats ==eight== times a minute.\n"


def test_front_matter_that_cannot_be_read_is_one_note_and_no_failure(forge, notes):
    for name in ("a", "b", "c", "d", "e"):
        write(notes, BROKEN.replace("whale", f"whale in {name}{name}"), f"{name}.md")
    write(notes, BROKEN.replace("---\n", "---\ncards: false\n", 1), "off.md")
    told = forge("run", code=0)
    assert "note: a.md and 4 more: the front matter is not YAML" in told.stderr
    assert len([line for line in told.stderr.splitlines() if "YAML" in line]) == 2
    assert "YAML" not in forge("run", code=0).stderr, "it was said once"
    assert "b.md: the front matter is not YAML" in forge("run", "-v", code=0).stderr
    assert "b.md: the front matter is not YAML" in forge("run", "--dry-run", "-v").stderr
    [off] = (one for one in forge.ok("list", "--no-card", "--all", "--json").lines)
    assert off["reason"] == "the note says cards: false"


# --- lists ---------------------------------------------------------------------------------


def test_a_long_cloze_is_listed_whole_where_no_terminal_is(forge, notes):
    passage = (
        "The movement of water through a membrane that lets nothing else pass, from where there"
        " is much of it to where there is little, is called ==osmosis== in biology.\n"
    )
    write(notes, passage)
    forge.ok("run")
    _, line = forge.ok("list").stdout.splitlines()
    assert "The movement of water" in line
    assert line.endswith("[osmosis] in biology.  yours")


def test_status_and_an_agent_name_the_documents_in_the_order_of_the_review(forge, notes):
    write(notes, "==Variolation== is the deliberate infection with smallpox.\n")
    (notes / "Organs.md").write_text(
        "The transfer of a plasmid from cell to cell is called ==conjugation==.\n\n"
        "The isolation of arriving ships for forty days is called ==quarantine==.\n",
        encoding="utf-8",
    )
    forge.ok("run")
    [first, second] = forge.json("status")["documents"].items()
    assert first == ("Organs", 2)
    forge.ok("mcp", "--trust", forge.folder)
    with client(forge) as agent:
        told = agent("list_cards", state="waiting")
    assert not isinstance(told, str), told
    assert [*told["documents"].items()] == [first, second]
    assert [card["title"] for card in told["cards"]] == ["Organs", "Organs", second[0]]
