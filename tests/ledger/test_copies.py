"""An exact copy makes no draft while its original is there, and may have a card."""

import pytest

from ankiforge.ledger.pending_items import iter_highlight_outcomes
from tests.ledger.world import OSMOSIS, RHINE, World

UNSURE = "It makes ==ATP== in cells by oxidation of sugar"
ALSO_UNSURE = "It reduces ==the cost== to much less"
SAME_WORDS = "same words as in "


def places(world: World) -> list[str]:
    """The notes of the drafts that wait."""
    return [draft.highlight.document.title for draft in world.waiting()]


def reasons(world: World) -> dict[str, str]:
    """By note, why its last passage has no card."""
    return {
        one.highlight.document.title: one.reason
        for one in iter_highlight_outcomes(world["a"])
        if one.status in ("no_card", "left_out")
    }


def note_without_cards(world: World, place: str, *lines: str) -> None:
    text = "\n\n".join(lines)
    (world.vault / place).write_text(f"---\ncards: false\n---\n{text}\n", "utf-8")


@pytest.fixture
def copied(world: World) -> World:
    """A note with two drafts that wait, and its copy."""
    world.note("a.md", UNSURE, ALSO_UNSURE)
    world.note("other.md", RHINE)
    world.run()
    world.note("b.md", UNSURE, ALSO_UNSURE)
    world.run()
    assert places(world) == ["a", "a"]
    assert reasons(world) == {"b": f"{SAME_WORDS}a"}
    return world


@pytest.mark.parametrize(
    ("line_before", "waiting"),
    [("The atmosphere, from the ground up", 1), ("Of another planet, as it is seen", 2)],
)
def test_a_short_mark_is_a_copy_beside_the_same_words(world, line_before, waiting):
    short = "It is ==rare== there"
    world.note("a.md", "The atmosphere, from the ground up", short)
    world.note("b.md", line_before, short)
    world.run()
    assert places(world) == ["a", "b"][:waiting]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((UNSURE, RHINE, UNSURE), id="in another paragraph"),
        pytest.param((f"{UNSURE}. {UNSURE}. {UNSURE}.",), id="within a paragraph"),
        pytest.param((f"- {UNSURE}\n- {UNSURE}",), id="in another item"),
    ],
)
def test_a_copy_in_the_same_note_makes_no_draft(world: World, lines: tuple[str, ...]):
    world.note("a.md", *lines)
    world.run()
    assert ["ATP" in draft.quote for draft in world.waiting()] == [True]
    assert reasons(world) == {"a": f"{SAME_WORDS}a"}


def test_a_copy_in_the_same_note_stays_one_beside_an_edit_of_the_first(world: World):
    world.note("a.md", OSMOSIS)
    world.run()
    world.note("a.md", OSMOSIS, RHINE, OSMOSIS)
    world.run()
    assert places(world) == []
    assert len(world.words()) == 2


# --- the original goes ------------------------------------------------------------------


def test_a_copy_gets_the_drafts_that_waited_when_the_original_is_gone(copied: World):
    copied.delete("a.md")
    copied.run()
    assert places(copied) == []  # one scan may have come between two steps of an editor
    copied.run()
    assert places(copied) == ["b", "b"]
    assert reasons(copied) == {}


def test_drafts_wait_once_when_the_original_is_back(copied: World):
    copied.delete("a.md")
    copied.run()
    copied.run()
    copied.note("a.md", UNSURE, ALSO_UNSURE)
    copied.run()
    assert places(copied) == ["a", "a"]
    assert reasons(copied) == {"b": f"{SAME_WORDS}a"}


def test_a_proposal_is_made_once_when_the_original_has_its_words_again(world: World):
    sentence = (
        "==The Suez Canal connects the Mediterranean with the Red Sea since 1869.=="
    )
    world.note("a.md", sentence)
    world.note("b.md", sentence)
    for words in (sentence, sentence.replace("1869", "1870"), sentence):
        world.note("a.md", words)
        world.run()
    assert reasons(world)["b"] == f"{SAME_WORDS}a"


def test_what_was_rejected_stays_so_when_the_original_is_gone(copied: World):
    copied["a"].reject(copied.waiting()[0].id)
    copied.note("c.md", UNSURE)
    copied.run()
    copied.delete("a.md")
    copied.run()
    copied.run()
    [draft] = copied.waiting()
    assert draft.highlight.document.title == "b"
    assert "the cost" in draft.highlight.exact


def test_a_card_is_taken_over_once_when_there_are_two_copies(world: World):
    world.note("a.md", OSMOSIS)
    world.note("other.md", RHINE)
    world.run()
    world.note("b.md", OSMOSIS)
    world.note("c.md", OSMOSIS)
    world.run()
    card = world.only("water").guid
    world.delete("a.md")
    world.run()
    world.run()
    assert world.only("water").guid == card
    assert places(world) == []
    assert f"{SAME_WORDS}a" not in reasons(world).values()


# --- the original is left out -----------------------------------------------------------


@pytest.mark.parametrize("place", ["a.md", "z.md"])
def test_a_note_without_cards_has_no_originals(world: World, place: str):
    note_without_cards(world, place, OSMOSIS, RHINE)
    world.note("b.md", OSMOSIS, RHINE)
    world.run()
    assert len(world.words()) == 2
    assert set(reasons(world)) == {place.removesuffix(".md")}


def test_a_copy_gets_a_draft_when_its_original_is_left_out(copied: World):
    note_without_cards(copied, "a.md", UNSURE, ALSO_UNSURE)
    copied.run()
    assert places(copied) == ["b", "b"]
    copied.note("a.md", UNSURE, ALSO_UNSURE)
    copied.run()
    assert places(copied) == ["a", "a"]


def test_a_copy_of_a_card_makes_no_draft_though_its_note_is_left_out_now(world: World):
    world.note("a.md", OSMOSIS)
    world.run()
    note_without_cards(world, "a.md", OSMOSIS)
    world.note("b.md", OSMOSIS)
    world.run()
    assert len(world.words()) == 1
    assert places(world) == []
    assert reasons(world)["b"] == f"{SAME_WORDS}a"
