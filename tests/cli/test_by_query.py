"""Decisions on the terminal: by ids, or by `--all --filter`."""

import re
from pathlib import Path
from typing import Any

import pytest

from ankiforge.pipeline.query import join_arguments, looks_like_key, uses_query_syntax

NOTE = """\
What powers the cell?::The mitochondrion

What holds the DNA?::The nucleus

What makes proteins?::The ribosome
"""


@pytest.fixture
def desk(forge: Any, vault: Path) -> Any:
    """Three cards that wait."""
    (vault / "Cells.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    return forge


def verdicts(forge: Any) -> dict[str, str]:
    return {card["fields"]["Back"]: card["verdict"] for card in forge.cards()}


def id_of(forge: Any, back: str) -> str:
    [id] = [card["id"] for card in forge.cards() if card["fields"]["Back"] == back]
    return id


# --- ids and queries --------------------------------------------------------------------------


def test_a_query_is_taken_with_all_alone(desk):
    refused = desk("reject", "makes", "--reason", "too easy", code=2)
    assert "'makes' is not an id" in refused.stderr
    assert "--all --filter QUERY" in desk("accept", code=2).stderr
    assert set(verdicts(desk).values()) == {"waiting"}

    desk.ok("reject", "--reason", "too easy", "--all", "--filter", "makes")
    assert "The ribosome" not in verdicts(desk)
    [done] = desk.ok("list", "--view", "recent", "--json").lines
    assert (done["what"], "too easy" in done["text"]) == ("reject", True)


def test_what_was_taken_back_is_taken_with_others_again_but_not_what_was_rejected(desk):
    def listed(verdict: str) -> list[str]:
        return [card["fields"]["Back"] for card in desk.cards(f"verdict:{verdict}")]

    for _ in range(2):
        desk.ok("accept", "--all")
        assert len(listed("accepted")) == 3
        desk.ok("undo")
        desk.ok("run", "--accept", "clean")  # policy leaves them to the person
        assert (len(listed("waiting")), listed("accepted")) == (3, [])
    desk.ok("reject", "--all", "--filter", "verdict:waiting DNA")
    desk.ok("accept", "--all")
    assert set(listed("accepted")) == {"The mitochondrion", "The ribosome"}


def test_a_word_of_the_form_of_an_id_is_one_and_never_a_query(desk):
    unknown = desk("reject", "affected", code=2)
    assert "no id begins with 'affected'" in unknown.stderr
    shown = desk.ok("list", "-v", "verdict:waiting", "DNA", "--json").lines
    assert [card["fields"]["Back"] for card in shown] == ["The nucleus"]
    assert "nothing matches “nowhere”" in desk("list", "-v", "nowhere", code=0).stderr
    assert (
        "no id begins with"
        in desk("edit", "kind:basic", "--field", "Back", "x", code=2).stderr
    )


@pytest.mark.usefixtures("takes_marks")
def test_a_warning_that_the_query_names_does_not_keep_a_draft_back(forge, vault):
    note = "It depends on ==positive weights== only\n\nGraphs of ==this== kind\n\nIt holds ==bytes==, therefore,\n"
    (vault / "Graphs.md").write_text(note, encoding="utf-8")
    forge.ok("run", vault)
    forge.ok("accept", "--all")
    forge("accept", "--all", "--filter", "depends")  # a word of the text, no warning
    assert "accepted" not in {card["verdict"] for card in forge.cards()}

    forge.ok("accept", "--all", "--filter", "finding:leans_back")

    accepted = [card for card in forge.cards() if card["verdict"] == "accepted"]
    assert [card["fields"]["Text"] for card in accepted] == [
        "It depends on {{c1::positive weights}} only"
    ]


# --- undo -------------------------------------------------------------------------------------


def test_undo_of_a_card_leaves_alone_what_was_decided_in_one_go_with_it(desk):
    desk.ok("accept", "--all")
    desk.ok("reject", "--all", "--filter", "verdict:accepted")
    nucleus = id_of(desk, "The nucleus")
    undone = desk.ok("undo", nucleus[:10]).stderr
    assert "undone: rejected\n  What holds the DNA?" in undone
    assert list(verdicts(desk).values()).count("rejected") == 2
    assert verdicts(desk)["The nucleus"] == "accepted"
    desk.ok("undo")
    assert set(verdicts(desk).values()) == {"accepted"}
    desk.ok("undo")
    assert set(verdicts(desk).values()) == {"waiting"}
    assert "nothing to undo" in desk("undo", code=1).stderr
    desk.ok("run", "--accept", "review")
    assert len(desk.ok("list", "verdict:waiting", "--json").lines) == 3


def test_undo_counts_the_decisions_of_one_command_and_names_some(desk):
    desk.ok("accept", "--all")
    undone = desk.ok("undo").stderr
    first, *names = undone.splitlines()
    assert first == "✓ undone: 3 accepted"
    assert [name[:8] for name in names] == ["  What p", "  What h", "  What m"]


def test_a_passage_is_rejected_by_its_key_and_is_no_card_to_accept(desk):
    [draft, *_] = desk.ok("list", "--json").lines
    assert "a draft of it waits" in desk("accept", draft["highlight"], code=1).stderr
    [done] = desk.ok("reject", draft["highlight"], "--json").lines
    assert (done["id"], done["done"]) == (draft["highlight"], True)


def test_a_decision_on_nothing_is_told_in_json_too(desk):
    desk.ok("accept", "--all")
    [nothing] = desk.ok("accept", "--all", "--json").lines
    assert nothing == {
        "id": None,
        "guid": None,
        "done": False,
        "refused": "nothing was accepted",
    }


# --- what is a query, and what is none ------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "is_query"),
    [
        ("deck:Biology", True),
        ("DECK:Biology water", True),
        ("-water", True),
        ("a - b", False),
        ("what is osmosis?", False),
        ("ratio:2 is", False),
        ("", False),
    ],
)
def test_a_query_names_a_field_or_leaves_something_out(text, is_query):
    assert bool(uses_query_syntax(text)) is is_query


@pytest.mark.parametrize(
    ("words", "query"),
    [
        (["deck:Reading", "water"], "deck:Reading water"),
        (["deck:My Reading"], 'deck:"My Reading"'),
        (["-deck:My Reading"], '-deck:"My Reading"'),
        (["two words"], '"two words"'),
        (["-two words"], '-"two words"'),
        (["ratio:two words"], '"ratio:two words"'),  # is no field
        (["kind:two words"], "kind:two words"),  # its values have no blanks
        (["water deck:Reading"], "water deck:Reading"),
        (['"two words" more'], '"two words" more'),
    ],
)
def test_the_quotes_that_the_shell_removed(words, query):
    assert join_arguments(words) == query


@pytest.mark.parametrize(
    ("word", "is_one"),
    [("obsidian:v/a.md", True), ("deck:v/a.md", False), ("obsidian:v", False)],
)
def test_a_key_is_no_field_with_its_value(word, is_one):
    assert looks_like_key(word) is is_one


def test_equal_drafts_that_are_accepted_at_once_become_cards_that_are_known_to_differ(
    forge,
):
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n"
        "accept: {rules: review}\n"
    )
    (forge.folder / "notes").mkdir()
    for topic in ("Cells", "Seas", "Owls"):
        text = f"# {topic}\n\nA sentence about {topic} alone.\n\n==Hue== is red.\n"
        (forge.folder / "notes" / f"{topic}.md").write_text(text, encoding="utf-8")
    forge.ok("run")
    forge.ok("accept", "--all", "--filter", "finding:duplicate")  # all but the first
    [journal] = (forge.folder / "journal").glob("*.jsonl")
    kinds = re.findall(r'"what": ?"(accept|different)"', journal.read_text("utf-8"))
    assert sorted(kinds) == ["accept", "accept", "different"]
