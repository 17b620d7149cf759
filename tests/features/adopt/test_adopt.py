"""Notes that other tools made in the real Anki are taken over with their history."""

import shutil
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.features.adopt.vaults import (
    TOOLS,
    VAULT,
    Made,
    World,
    history,
    scheduled,
    schedules,
)
from tests.features.repair.test_repair_own import forgotten


@pytest.fixture
def world(forge: Any, anki: Any) -> Callable[[str], World]:
    return lambda tool: World(forge, anki, tool)


@pytest.mark.parametrize("tool", TOOLS)
def test_corrections_reach_the_notes_and_their_history_stays(world, tool):
    here = world(tool)
    before = history(here.col)
    vault = {path: path.read_bytes() for path in here.vault.rglob("*.md")}

    told = here.adopt()
    assert told["by_id"] == 9
    assert not [told[name] for name in ("differing", "unclear") if told[name]]
    assert here.ship() == {}
    assert vault == {path: path.read_bytes() for path in vault}
    here.made[0].back = here.made[2].back = "another word"
    here.write()
    assert here.ship() == {"updated": 2}
    assert "another word" in here.fields(0)[1]
    assert "{{c1::another word}}" in here.fields(2)[0]
    assert history(here.col) == before
    assert here.ship() == {}
    shutil.rmtree(here.forge.folder / ".ankiforge")  # all is in the journal
    here.made[1].back = here.made[2].back = "a third word"
    here.write()
    assert here.ship(merge_notetypes=True, with_scheduling=True) == {
        "updated": 2
    }  # as push does
    assert ("a third word" in here.fields(1)[1], history(here.col) == before) == (
        True,
        True,
    )
    assert here.ship() == {}
    assert here.forge.json("adopt", "--yes")["by_id"] == 0


def test_schedules_arrive_with_the_cards(forge, anki):
    vault = forge.folder / "vault"
    (vault / ".obsidian").mkdir(parents=True)
    forge.settings(VAULT.format("osr"))
    text, wanted = scheduled(12, date.today())
    (vault / "a.md").write_text(text, encoding="utf-8")

    assert forge.json("adopt", "--from", "sr", "--yes")["scheduled"] == 12
    forge.ok("run")
    anki.load(forge.folder / "ankiforge.apkg", with_scheduling=True)

    assert schedules(anki.col) == wanted
    forge.ok("run")
    assert not (forge.folder / "ankiforge.apkg").exists()


def test_what_was_done_is_undone(world):
    here = world("o2a")
    act = here.adopt()["undo"]
    here.made[0].back = "another word"
    here.write()
    assert here.ship() == {"updated": 1}
    [card] = [one for one in here.forge.cards() if "another word" in str(one["fields"])]

    here.forge.ok("undo", card["guid"])
    assert here.ship() == {"updated": 1}
    assert here.fields(0)[1] == "osmosis number 0"

    here.forge.ok("undo", act, "--yes")
    here.forge.ok("run")  # drafts the one again whose source has changed since
    assert [one["verdict"] for one in here.forge.cards()] == ["waiting"] * 9
    said = here.forge.ok("adopt", "--yes")
    assert "9  matched by id" in said.stdout
    assert "9 taken over; to undo it: ankiforge undo " in said.stderr


def test_an_older_package_of_ours_is_no_edit_of_a_person(world):
    here = world("o2a")
    here.adopt()
    for words, imported in (("second", True), ("third", False), ("fourth", True)):
        here.made[0].back = f"{words} word"
        here.write()
        if imported:
            assert here.ship() == {"updated": 1}
        else:
            here.forge.ok("run")
    assert here.fields(0)[1] == "fourth word"
    here.forge.ok("run")  # sees which package Anki has
    note = here.col.get_note(int(here.made[0].id))
    note.fields[1] = "as I say it"
    here.col.update_note(note)
    for _ in range(2):
        here.ship()
    assert here.fields(0)[1] == "as I say it"
    assert not [
        one
        for one in here.forge.ok("list", "--view", "changed", "--json").lines
        if "question" in one
    ]


def test_a_conflict_waits_for_its_answer(world):
    here = world("flashcards")
    here.adopt()
    note = here.col.get_note(int(here.made[0].id))
    note.fields[1] = "as I say it"
    here.col.update_note(note)
    here.made[0].back = "another word"
    here.write()

    assert here.ship() == {}
    assert here.fields(0)[1] == "as I say it"
    changed = here.forge.ok("list", "--view", "changed", "--json").lines
    [question] = [one["id"] for one in changed if one["id"].startswith("qu")]
    here.forge.ok("accept", question)

    assert here.ship() == {"updated": 1}
    assert here.fields(0)[1] == "another word"


def test_what_is_deleted_or_rejected_stays_so_until_it_is_undone(world):
    here = world("o2a")
    here.adopt()
    before = history(here.col)
    cards = {one["fields"].get("Back"): one["guid"] for one in here.forge.cards()}
    gone = here.col.get_note(int(here.made[0].id))
    here.forge.ok("reject", cards["entropy number 1"])
    here.col.remove_notes([gone.id])

    assert here.ship() == {"updated": 1}
    tags = here.col.get_note(int(here.made[1].id)).tags
    assert tags == ["ankiforge::retired", "Obsidian_to_Anki"]
    assert (
        here.forge.json("list", "-v", cards["osmosis number 0"])["verdict"] == "retired"
    )
    here.forge.ok("undo", cards["osmosis number 0"])
    here.forge.ok("undo", cards["entropy number 1"])
    assert here.ship() == {"new": 1, "updated": 1}

    assert here.anki.note(gone.guid).fields == gone.fields
    assert here.col.get_note(int(here.made[1].id)).tags == ["Obsidian_to_Anki"]
    assert history(here.col)[0][1:9] == before[0][1:]


def test_the_table_tells_what_does_not_fit(world):
    here = world("flashcards")
    lost, twice, unnamed, other = here.made[0], here.made[3], here.made[6], here.made[1]
    lost.id = "1500000000000"  # Anki has no such note, but one with its words
    here.made.append(
        Made("basic", "A thing that was never sent", "a lamp", "1500000000001")
    )
    here.made.append(Made("basic", "An entirely different thing", "a sofa", twice.id))
    unnamed.id = ""
    other.back = "what Anki does not say"
    here.write()
    for path in here.vault.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("\n^\n", "\n"), encoding="utf-8")
    before = history(here.col)

    shown = here.forge.ok("adopt")
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[:2] == ["6 matched by id", "1 of these, worded differently in Anki"]
    assert lines[lines.index("differing:") + 1].endswith("entropy number 1")
    assert "ankiforge adopt --yes" in shown.stderr
    told = here.adopt()

    numbers = {
        name: told[name] if type(told[name]) is int else len(told[name]) for name in told
    }
    assert numbers | {"undo": 0} == {
        "by_id": 6, "by_words": 2, "scheduled": 0, "differing": 1, "in_anki": 0,
        "not_in_anki": 1, "unclear": 2, "undo": 0,
    }  # fmt: skip
    assert told["differing"][0]["anki"].endswith("entropy number 1")
    assert (here.ship(), history(here.col)) == ({}, before)


def test_an_unusual_note_type_is_read_by_its_template(world):
    here = world("o2a")
    models = here.col.models
    kind = models.copy(models.by_name("Basic"), add=False)
    kind["name"], kind["id"] = "Vocabulary", 0
    kind["flds"] = [models.new_field(name) for name in ("Word", "Sound", "Meaning")]
    kind["tmpls"][0] |= {"qfmt": "{{Word}}", "afmt": "{{Word}}<hr id=answer>{{Meaning}}"}
    models.add_dict(kind)
    request = here.col.models.change_notetype_info(
        old_notetype_id=models.by_name("Basic")["id"],
        new_notetype_id=models.by_name("Vocabulary")["id"],
    ).input
    request.note_ids.append(int(here.made[0].id))
    request.new_fields[:] = [0, -1, 1]
    models.change_notetype_of_notes(request)

    told = here.adopt()
    assert (told["by_id"], told["unclear"]) == (9, [])
    here.made[0].back = "another word"
    here.write()
    assert here.ship() == {"updated": 1}
    assert here.fields(0) == [
        "The osmosis of experiment 0 in series 0?",
        "",
        "another word",
    ]


def test_a_note_keeps_its_deck_its_cards_and_its_cloze_numbers(forge, anki):
    """Also in Anki's own deck, with two cards, and where the source has no numbers."""
    made = []
    for kind, *fields in (
        ("Basic (and reversed card)", "Der Hund", "the dog"),
        (
            "Basic",
            "<p>What is <strong>it</strong>?</p>",
            "<ul>\n<li>one</li>\n<li>two</li>\n</ul>",
        ),
        ("Cloze", "A {{c2::b}} and {{c1::d}}."),
    ):
        note = anki.col.new_note(anki.col.models.by_name(kind))
        note.fields[: len(fields)] = fields
        anki.col.add_note(note, 1)
        made.append(note)
    ids = [note.id for note in made]
    parts = (
        "START\nBasic (and reversed card)\nDer Hund\nBack: the {}\n<!--ID: {}-->\nEND",
        "START\nBasic\nWhat is **it**?\nBack: - one\n- {}\n<!--ID: {}-->\nEND",
        "START\nCloze\nA {{{{b}}}} and {{{{{}}}}} here.\n<!--ID: {}-->\nEND",
    )
    (forge.folder / "vault" / ".obsidian").mkdir(parents=True)
    forge.settings(VAULT.format("o2a"))
    path = forge.folder / "vault" / "a.md"

    def write(*words: str) -> None:
        made = (part.format(*pair) for part, *pair in zip(parts, words, ids, strict=True))
        path.write_text("\n\n".join(made), encoding="utf-8")

    write("dog", "two", "d")
    before = anki.col.db.all("select * from cards order by id")
    told = forge.json("adopt", "--yes")
    assert (told["by_id"], len(told["differing"])) == (3, 1)
    write("hound", "three", "e")
    forge.ok("run")

    assert anki.load(forge.folder / "ankiforge.apkg") == {"updated": 3}
    fields = [anki.col.get_note(id).fields for id in ids]
    assert fields[0] == ["Der Hund", "the hound"]
    assert fields[1] == [
        "<p>What is <strong>it</strong>?</p>",
        "<ul><li>one</li><li>three</li></ul>",
    ]
    assert fields[2][0] == "A {{c2::b}} and {{c1::e}} here."
    assert anki.col.db.all("select * from cards order by id") == before
    assert [deck.name for deck in anki.col.decks.all_names_and_ids()] == ["Default"]


@pytest.mark.parametrize("tool", TOOLS)
def test_notes_that_the_default_profile_has_get_no_cards(world, tool):
    """`anki.collection` is not set, and no note of ours is in the collection."""
    here = world(tool)
    here.made.append(
        Made("basic", "A thing that was never sent", "a lamp", "1500000000001")
    )
    here.write()

    told = here.forge.ok("run").stdout.splitlines()
    title = {
        "o2a": "Obsidian_to_Anki",
        "flashcards": "flashcards-obsidian",
    }
    named = title.get(tool, tool)
    assert (
        f"  9 notes belong to {named}. To keep their history, run first: ankiforge adopt"
        in told
    )
    here.forge.ok("accept", "--all")
    assert {card["verdict"] for card in here.forge.cards()} == {"waiting"}
    assert here.forge.json("run")["belonging"] == {tool: 9}

    assert here.adopt()["by_id"] == 9
    assert here.forge.json("run")["belonging"] == {}
    here.forge.ok("undo", "--yes")
    assert here.forge.json("run")["belonging"] == {tool: 9}
    here.forge.ok("adopt", "--decline")
    assert "belong" not in here.forge.ok("run").stdout
    assert here.forge.ok("list", "finding:other_note", "--json").lines == []


def test_a_card_that_anki_has_already_keeps_its_schedule_there(forge, anki):
    vault = forge.folder / "vault"
    (vault / ".obsidian").mkdir(parents=True)
    forge.settings(VAULT.format("osr"))
    text, wanted = scheduled(12, date.today())
    (vault / "a.md").write_text(text, encoding="utf-8")
    forge.ok("run")
    ids = [card["id"] for card in forge.cards()]
    forge.ok("accept", *ids[:6])
    forge.ok("run")
    anki.load(forge.folder / "ankiforge.apkg")
    forge.ok("run")
    forge.ok("accept", *ids[6:9])
    forge.ok("run")  # a package has them, and Anki has not

    told = forge.json("adopt", "--from", "sr", "--yes")
    assert (told["scheduled"], len(told["in_anki"])) == (6, 6)
    forge.ok("run")
    assert anki.load(forge.folder / "ankiforge.apkg", with_scheduling=True) == {"new": 6}

    arrived = schedules(anki.col)
    assert len(arrived) == 6
    assert arrived.items() <= wanted.items()


def test_an_adopted_note_that_fails_is_a_card_with_its_passage(world):
    here = world("o2a")
    here.adopt()
    forgotten(here.anki, f"nid:{here.made[1].id}")
    [row] = here.forge.ok("repair", "--json").lines
    [card] = [one for one in here.forge.cards() if one["guid"] == row["card"]]
    assert "experiment 1 " in str(card["fields"])
    assert "experiment 1 " in row["passage"]
