"""Corrections and duplicates on the page: what differs is told, and one key settles it."""

from pathlib import Path
from typing import Any

import pytest

ONE = "What enzyme unwinds DNA?::helicase\n"
OTHER = "Which enzyme is responsible for unwinding the DNA helix?::Helicase\n"


def press(page: Any, found: Any, key: str, **more: str) -> Any:
    [act] = [act for act in found["item"]["acts"] if act["key"] == key]
    return page.decide(act["what"], found, **act["args"], **more)


@pytest.fixture
def write(forge, tmp_path: Path):
    """Write the notes of a vault, and run."""
    vault = tmp_path / "notes"
    (vault / ".obsidian").mkdir(parents=True)

    def write(**notes: str) -> None:
        for name, text in notes.items():
            (vault / f"{name}.md").write_text(text, encoding="utf-8")
        forge.ok("run", vault)

    return write


# --- corrections ----------------------------------------------------------------------------


@pytest.fixture
def corrected(forge, write) -> str:
    """An accepted card whose sentence says something else by now."""
    write(a="The ==mitochondrion== makes energy of $v$ in cells.\n")
    [card] = forge.cards()
    forge.ok("accept", card["guid"])
    write(a="The ==mitochondrion== makes ATP of $v$ in cells.\n")
    return str(card["guid"])


def test_a_correction_shows_both_cards_and_what_differs_in_words(client, corrected):
    found = client().item(view="revisions")
    assert found["item"]["id"] == corrected
    assert [slot["label"] for slot in found["item"]["slots"]] == ["now", "proposed"]
    body = found["item"]["body"]
    assert '<del><span class="unseen">removed: </span>energy<' in body
    assert '<ins><span class="unseen">added: </span>ATP<' in body
    assert 'aria-label="Passage"' in body


@pytest.mark.parametrize(("key", "word"), [("a", "ATP"), ("x", "energy")])
def test_a_correction_is_taken_or_left_and_undone(forge, client, corrected, key, word):
    page = client()
    after = press(page, page.item(view="revisions"), key)
    assert after["count"] == 0
    [card] = forge.cards()
    assert (card["verdict"], card["revision"]) == ("accepted", None)
    assert word in card["fields"]["Text"]

    page.decide("undo")
    assert page.views()["views"]["revisions"] == 1
    assert "energy" in forge.cards()[0]["fields"]["Text"]


def test_a_correction_that_was_corrected_again_is_refused(write, client, corrected):
    page = client()
    found = page.item(view="revisions")
    write(a="The ==mitochondrion== makes heat of $v$ in cells.\n")
    after = press(page, found, "a")
    assert "changed in the meantime" in after["refused"]
    assert "heat" in after["item"]["body"]


@pytest.mark.parametrize("view", ["revisions", "conflicts", "twins", "missing", "retired"])
def test_nothing_is_decided_about_what_never_was(forge, write, client, view):
    write(a=ONE)
    page = client()
    found = {"item": {"id": "afnothing~nid:1", "stamp": "x"}, "view": view, "next": ""}
    assert "changed in the meantime" in page.decide("merge", found)["refused"]


# --- duplicates -----------------------------------------------------------------------------


@pytest.fixture
def alike(forge, write) -> tuple[str, str]:
    """(the one that waits, the accepted one) of two that are called alike."""
    write(a=ONE, b=OTHER)
    first, second = sorted(forge.cards(), key=lambda card: len(card["findings"]))
    return str(second["guid"]), str(first["guid"])


def test_a_card_that_may_have_moved_says_so_first(client, write, tmp_path):
    write(a="The organelle X1 holds about ==12 vesicles== at the membrane.\n", c=ONE)
    (tmp_path / "notes" / "a.md").unlink()
    write(b="The organelle X1 holds about ==12 vesicles== at the outer membrane.\n")
    assert client().item(view="pending")["item"]["why"] == "Moved from “a”?"


def test_a_pair_is_one_item_with_the_waiting_card_first(forge, client, alike):
    found = client().item(view="twins")
    assert found["count"] == 1
    assert [slot["id"].partition(".")[0] for slot in found["item"]["slots"]] == list(alike)
    body = found["item"]["body"]
    assert "only here: </span>Which" in body
    assert found["item"]["why"] == "Resembles “What enzyme unwinds DNA?”"
    assert [act["key"] for act in found["item"]["acts"]] == ["m", "l", "y", "x", "X"]


def test_merging_says_which_stays_and_is_undone_in_one_step(forge, client, alike):
    page = client()
    found = page.item(view="twins")
    [merge] = [act for act in found["item"]["acts"] if act["key"] == "m"]
    stays = alike[0] if "this one" in merge["label"] else alike[1]
    assert press(page, found, "m")["count"] == 0
    standings = {card["guid"]: card["standing"] for card in forge.cards()}
    assert standings.pop(stays) == "live"
    assert set(standings.values()) == {"superseded"}
    assert page.decide("undo", {**found, "next": ""})["item"]["id"] == found["item"]["id"]


def test_keeping_both_lets_the_waiting_one_through_for_ever_and_is_one_action(
    forge, write, client, alike
):
    page = client()
    assert press(page, page.item(view="twins"), "l")["count"] == 0
    assert {card["verdict"] for card in forge.cards()} == {"accepted"}
    assert not any(finding["twin"] for card in forge.cards() for finding in card["findings"])
    page.decide("undo")
    assert page.views()["views"]["twins"] == 1
    assert {card["verdict"] for card in forge.cards()} == {"accepted", "pending"}


def test_no_duplicate_leaves_the_verdict_open(forge, client, alike):
    page = client()
    assert press(page, page.item(view="twins"), "y")["count"] == 0
    assert {card["verdict"] for card in forge.cards()} == {"accepted", "pending"}


def test_a_rejected_one_leaves_the_other(forge, client, alike):
    page = client()
    assert press(page, page.item(view="twins"), "X", words="twice")["count"] == 0
    told = {card["guid"]: (card["verdict"], card["reason"]) for card in forge.cards()}
    assert [told[guid] for guid in alike] == [("rejected", "twice"), ("accepted", "")]


def test_a_pair_is_stale_when_either_card_changed(forge, client, alike):
    page = client()
    found = page.item(view="twins")
    forge.ok("edit", alike[1], "--field", "Back", "the helicase")
    assert "changed in the meantime" in press(page, found, "l")["refused"]
