"""The whole way, by the command line and the real Anki: what a person does there stays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki.notetypes import note_type
from ankiforge.model import Family

CELLS = "# Cells\n\nKatze:::cat\n\nHund:::dog\n\nThe ==mitochondrion== makes ==ATP==.\n"


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / ".obsidian").mkdir(parents=True)
    (folder / "Cells.md").write_text(CELLS, encoding="utf-8")
    return folder


@pytest.fixture
def anki(forge: Any, backend: Any) -> Iterator[Any]:
    """The person's own collection, open in Anki while the program looks at it."""
    with backend.opened(forge.profile) as opened:
        yield opened


@pytest.fixture
def desk(forge: Any, vault: Path, anki: Any) -> Desk:
    return Desk(forge, vault, anki)


class Desk:
    """A reader's desk: a vault, the program, Anki."""

    def __init__(self, forge: Any, vault: Path, anki: Any) -> None:
        self.forge = forge
        self.note = vault / "Cells.md"
        self.vault = vault
        self.anki = anki
        self.package = forge.folder / "ankiforge.apkg"

    def run(self, *arguments: str, code: int = 0) -> Any:
        return self.forge("run", self.vault, *arguments, "--json", code=code).data

    def load(self) -> dict[str, int]:
        loaded: dict[str, int] = self.anki.load(self.package)
        return loaded

    def go(self) -> None:
        """Run, import, and let the program see it."""
        self.run()
        self.load()
        self.run()

    def rewrite(self, old: str, new: str) -> None:
        text = self.note.read_text(encoding="utf-8")
        assert old in text
        self.note.write_text(text.replace(old, new), encoding="utf-8")

    def card(self, word: str) -> Any:
        [found] = [one for one in self.forge.cards() if word in str(one["fields"])]
        return found

    def in_anki(self, guid: str) -> Any:
        return self.anki.note(guid)

    def settle(self) -> None:
        """Time passes: what was changed in Anki is not of this very moment."""
        self.anki.col.db.execute("update notes set mod = mod - 60 where mod > 1600000000")


def test_what_anki_has_is_not_shipped_again(desk: Desk) -> None:
    first = desk.run()
    assert first["notes"]["written"] == 3
    assert desk.load() == {"new": 3}

    again = desk.run()

    assert again["notes"]["written"] == 0
    assert again["packages"] == []
    assert not desk.package.exists()
    assert desk.package.with_name("ankiforge.previous.apkg").exists()
    told = desk.forge("lint", desk.package, code=2).stderr
    assert "no such file" in told
    assert f"renamed: {desk.package.with_name('ankiforge.previous.apkg')}" in told
    assert {card["anki"] for card in desk.forge.cards()} == {"seen"}


def test_a_package_nobody_imported_is_never_lost(desk: Desk) -> None:
    desk.go()
    desk.rewrite("Hund:::dog", "Hund:::dog\n\nMaus:::mouse")
    assert desk.run()["notes"]["written"] == 1
    desk.rewrite("Maus:::mouse", "Maus:::mouse\n\nPferd:::horse")
    assert desk.run()["notes"]["written"] == 2
    assert desk.load() == {"new": 2}


def test_an_edit_in_anki_stays_when_the_source_changes_another_field(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    desk.anki.edit(guid, Front="die Katze")
    desk.settle()
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")

    assert desk.run()["notes"]["updated"] == 1
    assert desk.load() == {"updated": 1}

    note = desk.in_anki(guid)
    assert (note["Front"], note["Back"]) == ("die Katze", "cat (an animal)")
    assert desk.run()["notes"]["written"] == 0


def test_both_changed_waits_with_all_three_sides_until_a_person_says(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    desk.anki.edit(guid, Back="kitty")
    desk.settle()
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")

    came = desk.run()
    assert (came["notes"]["written"], came["notes"]["conflicts"]) == (0, 1)
    [conflict] = desk.forge.ok("show", guid, "--json").lines[0]["conflicts"]
    assert conflict == {
        "field": "Back", "base": "cat", "mine": "kitty", "source": "cat (an animal)",
    }  # fmt: skip
    assert desk.run()["notes"]["conflicts"] == 1
    assert desk.forge.ok("seen", "Cells", "--json").lines[0]["counts"]["in_anki"] == 3
    assert " · 3 in Anki" in desk.forge.ok("seen", "Cells").stdout

    desk.forge.ok("resolve", guid, "--source")
    desk.forge.ok("undo")
    assert desk.run()["notes"]["conflicts"] == 1
    desk.forge.ok("resolve", guid, "--source")
    assert desk.run()["notes"]["updated"] == 1
    assert desk.load() == {"updated": 1}
    assert desk.in_anki(guid)["Back"] == "cat (an animal)"
    assert desk.run()["notes"] == {
        "written": 0, "added": 0, "updated": 0, "held": 0, "missing": 0, "conflicts": 0,
        "tombstones": 0,
    }  # fmt: skip


def test_mine_pins_the_field_for_ever(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    desk.anki.edit(guid, Back="kitty")
    desk.settle()
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    desk.run()
    desk.forge.ok("resolve", guid, "--mine")
    assert desk.run()["notes"]["conflicts"] == 0
    desk.rewrite("cat (an animal)", "a cat")
    came = desk.run()
    assert came["notes"]["conflicts"] == 0
    if came["packages"]:
        desk.load()
    assert desk.in_anki(guid)["Back"] == "kitty"


def test_tags_of_both_sides_meet(desk: Desk) -> None:
    desk.rewrite("# Cells", "---\ntags: [biology, old]\n---\n# Cells")
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    note = desk.in_anki(guid)
    note.tags = [*(tag for tag in note.tags if tag != "biology"), "mine"]
    desk.anki.col.update_note(note)
    desk.settle()
    desk.rewrite("[biology, old]", "[biology, new]")

    desk.run()
    desk.load()

    tags = set(desk.in_anki(guid).tags)
    assert {"mine", "new"} <= tags
    assert not {"biology", "old"} & tags


def test_a_tag_in_a_package_that_waits_is_not_taken_for_removed(desk: Desk) -> None:
    desk.go()
    desk.rewrite("# Cells", "---\ntags: [biology]\n---\n# Cells")
    desk.run()
    desk.anki.edit(desk.card("Katze")["guid"], Front="die Katze")
    desk.settle()
    assert desk.run()["notes"]["written"] == 3
    assert desk.load() == {"updated": 3}
    for card in desk.forge.cards():
        assert "biology" in desk.in_anki(card["guid"]).tags
    assert desk.in_anki(desk.card("Katze")["guid"])["Front"] == "die Katze"


def test_a_deleted_note_never_returns(desk: Desk) -> None:
    desk.go()
    guid = desk.card("Katze")["guid"]
    desk.anki.col.remove_notes([desk.in_anki(guid).id])

    assert desk.run()["notes"]["tombstones"] == 1
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    assert desk.run()["notes"]["written"] == 0
    assert desk.card("Katze")["anki"] == "tombstone"

    desk.forge.ok("restore", guid)
    assert desk.run()["notes"]["written"] == 1
    assert desk.load() == {"new": 1}
    desk.run()
    assert desk.card("Katze")["anki"] == "seen"


def test_an_undone_import_is_missing_and_comes_back_when_asked(desk: Desk) -> None:
    desk.go()
    desk.anki.col.undo()

    came = desk.run()
    assert (came["notes"]["missing"], came["notes"]["tombstones"]) == (3, 0)
    assert came["notes"]["written"] == 0
    desk.forge.ok("restore", "--missing")
    assert desk.run()["notes"]["written"] == 3


def test_deletions_can_be_confirmed_by_their_number(desk: Desk) -> None:
    desk.go()
    desk.anki.col.undo()
    desk.run()

    wrong = desk.forge("pull", "--confirm-deletions", "2")
    assert wrong.exit_code == 1
    assert "3 notes are missing" in wrong.stderr
    desk.forge.ok("pull", "--confirm-deletions", "3")
    assert {card["anki"] for card in desk.forge.cards()} == {"tombstone"}
    desk.forge.ok("undo")
    assert {card["anki"] for card in desk.forge.cards()} == {"missing"}


def test_the_review_history_is_read_and_never_changed(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    before = desk.anki.answer_first_card(guid)
    assert desk.forge.json("pull")["view"]["reviews"] == 1
    seen = desk.forge.ok("show", guid, "--json").lines[0]["seen"]
    assert (seen["reviews"], seen["leech"]) == (1, False)
    assert [card["reps"] for card in seen["cards"]] == [1, 0]
    assert "1 review" in desk.forge.ok("show", guid).stdout
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    desk.run()
    desk.load()
    assert desk.anki.schedule(guid) == before


def test_a_marked_note_is_held_on_the_way_by_file(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    note = desk.in_anki(guid)
    note.tags.append("marked")
    desk.anki.col.update_note(note)
    desk.settle()
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    came = desk.run()
    assert (came["notes"]["written"], came["notes"]["held"]) == (0, 1)
    assert "marked" in desk.card("Katze")["anki_why"]


def test_a_retired_card_gets_its_tag_once(desk: Desk) -> None:
    desk.go()
    guid = desk.card("Katze")["guid"]
    desk.forge.ok("reject", guid)
    assert desk.run()["notes"]["written"] == 1
    assert desk.load() == {"updated": 1}
    note = desk.in_anki(guid)
    assert "ankiforge::retired" in note.tags
    assert note["Back"] == "cat"
    assert desk.run()["notes"]["written"] == 0
    note.tags.remove("ankiforge::retired")
    desk.anki.col.update_note(note)
    desk.settle()
    assert desk.run()["notes"]["written"] == 0

    desk.forge.ok("undo")
    assert desk.run()["notes"]["written"] == 0


def test_undo_takes_the_tag_away_again(desk: Desk) -> None:
    desk.go()
    guid = desk.card("Katze")["guid"]
    desk.forge.ok("reject", guid)
    desk.go()
    desk.forge.ok("undo")
    desk.run()
    assert desk.load() == {"updated": 1}
    assert "ankiforge::retired" not in desk.in_anki(guid).tags


def test_a_field_of_his_own_is_kept_and_new_notes_fit_in(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    models = desk.anki.col.models
    basic = models.get(note_type(Family.BASIC).id)
    models.add_field(basic, models.new_field("Mine"))
    models.update_dict(basic)
    desk.anki.edit(guid, Mine="my own")
    desk.settle()
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)\n\nMaus:::mouse")

    came = desk.run()
    assert came["notes"]["written"] == 2
    assert desk.load() == {"new": 1, "updated": 1}
    note = desk.in_anki(guid)
    assert (note["Back"], note["Mine"]) == ("cat (an animal)", "my own")
    mouse = desk.in_anki(desk.card("Maus")["guid"])
    assert mouse.mid == note.mid
    assert [one.name for one in models.all_names_and_ids() if "ankiforge" in one.name] == [
        "ankiforge Basic", "ankiforge Cloze",
    ]  # fmt: skip


def test_another_note_type_is_held(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    note = desk.in_anki(guid)
    basic = desk.anki.col.models.by_name("Basic")
    desk.anki.col.models.change(
        desk.anki.col.models.get(note.mid), [note.id], basic, {0: 0, 1: 1, 7: None}, None
    )
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    came = desk.run()
    assert (came["notes"]["written"], came["notes"]["held"]) == (0, 1)
    assert desk.card("Katze")["anki"] == "held"


def test_a_remark_typed_while_studying_is_heard_once(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    desk.anki.edit(guid, Feedback="too easy")
    assert desk.forge.json("pull")["view"]["feedback"] == 1
    desk.anki.edit(guid, Back="cat!")
    assert desk.forge.json("pull")["view"]["feedback"] == 0
    assert "too easy" in str(desk.card("Katze")["findings"])


def test_new_cards_go_where_the_others_of_the_document_are_now(desk: Desk) -> None:
    desk.run()
    desk.load()
    col = desk.anki.col
    deck = col.decks.id("Mine::Biology")
    col.set_deck(col.find_cards(""), deck)
    desk.rewrite("Hund:::dog", "Hund:::dog\n\nMaus:::mouse")
    desk.run()
    desk.load()
    [card, _] = desk.anki.cards(desk.card("Maus")["guid"])
    assert col.decks.name(card.did) == "Mine::Biology"


def test_a_lost_ledger_comes_back_from_anki_alone(desk: Desk) -> None:
    desk.run()
    desk.load()
    guids = {card["guid"] for card in desk.forge.cards()}
    for path in desk.forge.home.rglob("*"):
        if path.name.startswith("ledger.db") or path.name == "journal.jsonl":
            path.unlink()

    came = desk.run()

    assert came["notes"]["written"] == 0
    assert {card["guid"] for card in desk.forge.cards()} == guids
    desk.rewrite("Hund:::dog", "Hund:::dog\n\nMaus:::mouse")
    desk.run()
    assert desk.card("Maus")["verdict"] == "pending"


def test_a_lost_database_comes_back_from_journal_and_anki(desk: Desk) -> None:
    desk.run()
    desk.load()
    desk.forge.ok("reject", desk.card("Hund")["guid"])
    guids = {card["guid"]: card["verdict"] for card in desk.forge.cards()}
    for path in desk.forge.home.rglob("ledger.db*"):
        path.unlink()

    came = desk.run()

    assert {card["guid"]: card["verdict"] for card in desk.forge.cards()} == guids
    assert came["notes"]["added"] == 0
    if came["packages"]:
        desk.load()
    assert desk.anki.col.note_count() == 3


def test_an_answer_given_before_the_next_import_is_read(desk: Desk) -> None:
    desk.go()
    desk.rewrite("Hund:::dog", "Hund:::dog\n\nMaus:::mouse")
    desk.run()
    desk.anki.answer_first_card(desk.card("Katze")["guid"])
    desk.load()
    assert desk.forge.json("pull")["view"]["reviews"] == 1


def test_the_first_line_says_that_anki_was_never_seen(forge: Any, vault: Path) -> None:
    assert "no Anki collection found" in forge.ok("run", vault).stderr


def test_a_remark_outlives_a_change_of_the_source_and_blocks_no_undo(desk: Desk) -> None:
    desk.go()
    guid = desk.card("Katze")["guid"]
    desk.forge.ok("reject", guid)
    desk.forge.ok("undo")
    desk.anki.edit(guid, Feedback="too easy")
    desk.settle()
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    desk.forge.ok("reject", desk.card("Hund")["guid"])
    desk.run()
    assert "too easy" in str(desk.card("Katze")["findings"])
    desk.forge.ok("undo")
    assert desk.card("Hund")["verdict"] == "accepted"
    desk.forge.ok("edit", guid, "--field", "Back", "cat, of course")
    assert "too easy" not in str(desk.card("Katze")["findings"])


def test_everything_again_brings_no_retired_tag_to_a_live_card(desk: Desk) -> None:
    desk.go()
    guid = desk.card("Katze")["guid"]
    desk.anki.edit(guid, Back="kitty")
    desk.settle()
    desk.forge.ok("reject", guid)
    desk.run()
    desk.forge.ok("undo")
    desk.forge.ok("build", "--full")
    desk.load()
    assert "ankiforge::retired" not in desk.in_anki(guid).tags
    assert desk.in_anki(guid)["Back"] == "kitty"


def test_what_was_deleted_in_anki_is_told_as_the_fate_of_its_highlight(desk: Desk) -> None:
    desk.go()
    desk.anki.col.remove_notes([desk.in_anki(desk.card("Katze")["guid"]).id])
    came = desk.run()
    assert came["no_card"] == {"deleted in Anki": 1}
    assert sum(came["fates"].values()) == came["highlights"]["seen"]


def test_new_only_leaves_a_package_alone_that_nobody_imported(desk: Desk) -> None:
    desk.go()
    desk.rewrite("Hund:::dog", "Hund:::dog\n\nMaus:::mouse")
    desk.run()
    assert desk.run("--new")["packages"] == []
    assert desk.load() == {"new": 1}


@pytest.mark.parametrize(
    ("seconds", "held"), [(30, 0), (86_400 * 3, 1)], ids=["a little ahead", "days ahead"]
)
def test_a_note_changed_in_the_far_future_is_held(desk: Desk, seconds: int, held: int) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    desk.anki.edit(guid, Front="die Katze")
    desk.anki.col.db.execute("update notes set mod = mod + ? where guid = ?", seconds, guid)
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    came = desk.run()["notes"]
    assert (came["held"], came["updated"]) == (held, 1 - held)
    if held:
        assert "clock" in desk.card("Katze")["anki_why"]


def test_a_note_that_was_edited_this_moment_waits_for_the_next_look(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    desk.anki.edit(guid, Front="die Katze")
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    assert desk.run()["notes"]["held"] == 1
    desk.settle()
    assert desk.run()["notes"]["updated"] == 1


def test_css_and_templates_of_his_own_stay(desk: Desk) -> None:
    desk.run()
    desk.load()
    models = desk.anki.col.models
    basic = models.get(note_type(Family.BASIC).id)
    basic["css"] += "\n.card { color: teal; }"
    basic["tmpls"][0]["qfmt"] += "<hr>"
    models.update_dict(basic)
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)\n\nMaus:::mouse")
    desk.run()
    assert desk.load() == {"new": 1, "updated": 1}
    now = models.get(note_type(Family.BASIC).id)
    assert "teal" in now["css"]
    assert now["tmpls"][0]["qfmt"].endswith("<hr>")


def test_renamed_fields_and_types_are_his_affair(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    models = desk.anki.col.models
    basic = models.get(note_type(Family.BASIC).id)
    models.rename_field(basic, basic["flds"][1], "Answer")
    basic["name"] = "My cards"
    models.update_dict(basic)
    desk.settle()
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)\n\nMaus:::mouse")
    desk.run()
    assert desk.load() == {"new": 1, "updated": 1}
    assert desk.in_anki(guid)["Answer"] == "cat (an animal)"
    assert [one.name for one in models.all_names_and_ids() if "ankiforge" in one.name] == [
        "ankiforge Cloze"
    ]


def test_a_card_a_person_removed_is_not_made_again(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    second = desk.anki.cards(guid)[1]
    desk.anki.col.remove_cards_and_orphaned_notes([second.id])
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    desk.run()
    assert desk.load() == {"updated": 1}
    assert len(desk.anki.cards(guid)) == 1


def test_suspended_moved_and_flagged_cards_stay_as_they_are(desk: Desk) -> None:
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    col = desk.anki.col
    ids = [card.id for card in desk.anki.cards(guid)]
    col.sched.suspend_cards(ids)
    col.set_user_flag_for_cards(3, ids)
    col.set_deck(ids, col.decks.id("Elsewhere"))
    before = col.db.all("select id, did, queue, flags from cards order by id")
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    desk.run()
    assert desk.load() == {"updated": 1}
    assert col.db.all("select id, did, queue, flags from cards order by id") == before
    assert {"Elsewhere"} <= {deck.name for deck in col.decks.all_names_and_ids()}


def test_a_tag_of_the_source_arrives_though_the_note_was_touched_before_the_import(
    desk: Desk,
) -> None:
    desk.go()
    desk.rewrite("# Cells", "---\ntags: [biology]\n---\n# Cells")
    desk.run()
    guid = desk.card("Katze")["guid"]
    note = desk.in_anki(guid)
    note.tags.append("mine")
    desk.anki.col.update_note(note)
    desk.settle()
    assert desk.load() == {"updated": 2, "duplicate": 1}
    assert desk.run()["notes"]["written"] == 1
    assert desk.load() == {"updated": 1}
    assert {"mine", "biology"} <= set(desk.in_anki(guid).tags)


def test_a_tag_that_arrived_and_was_taken_away_does_not_return(desk: Desk) -> None:
    desk.go()
    desk.rewrite("# Cells", "---\ntags: [biology]\n---\n# Cells")
    desk.run()
    desk.load()
    guid = desk.card("Katze")["guid"]
    note = desk.in_anki(guid)
    note.tags.remove("biology")
    desk.anki.col.update_note(note)
    desk.settle()
    assert desk.run()["notes"]["written"] == 0


def test_a_first_revision_says_six_words_and_a_later_one_its_number_too(desk: Desk) -> None:
    desk.go()
    guid = desk.card("Katze")["guid"]
    first = desk.in_anki(guid)["AnkiforgeId"].split()
    assert (first[0], first[1], len(first)) == ("af1", guid, 6)
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    desk.run()
    desk.load()
    note = desk.in_anki(guid)
    assert note["AnkiforgeId"].split()[6:] == [str(note.mod)]


def test_what_waits_of_a_passage_that_is_gone_is_in_the_package_of_its_path(
    desk: Desk,
) -> None:
    desk.go()
    guid = desk.card("Hund")["guid"]
    desk.rewrite("Hund:::dog\n\n", "")
    desk.run()
    desk.forge.ok("edit", guid, "--field", "Back", "a dog")
    assert desk.run()["notes"]["written"] == 1


def test_words_that_lead_nowhere_are_told(desk: Desk) -> None:
    desk.go()
    guid = desk.card("Katze")["guid"]
    assert "Front" in desk.forge("resolve", guid, "--mine", "--field", "Nix", code=2).stderr
    assert "no conflict" in desk.forge("resolve", guid, "--mine", code=1).stderr
    assert "no card is in a deck Nope" in desk.forge.ok("build", "--deck", "Nope").stderr
    desk.anki.col.undo()
    desk.run()
    assert "missing since" in desk.forge.ok("show", guid).stdout


# --- time passes, and nothing else ----------------------------------------------------------


@dataclass
class Clock:
    """The time at which Anki is looked at."""

    now: float

    def time(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    from ankiforge.extract import files

    monkeypatch.setattr(files, "TICK_NS", 0)  # what was read may count as unchanged at once
    found = Clock(time.time())
    monkeypatch.setattr("ankiforge.anki.collection.time", found)
    return found


def test_a_note_that_was_being_edited_waits_for_the_next_look_and_no_longer(
    desk: Desk, clock: Clock
) -> None:
    desk.go()
    guid = desk.card("Katze")["guid"]
    desk.anki.edit(guid, Front="die Katze")
    clock.now = desk.in_anki(guid).mod + 1
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    came = desk.run()
    assert (came["notes"]["written"], came["notes"]["held"]) == (0, 1)
    clock.now += 60
    came = desk.run()
    assert (came["notes"]["written"], came["notes"]["held"]) == (1, 0)


def test_what_is_missing_twice_is_deleted_though_nothing_else_has_changed(
    desk: Desk, clock: Clock
) -> None:
    desk.go()
    number = desk.in_anki(desk.card("Katze")["guid"]).id
    desk.anki.col.db.execute("delete from cards where nid = ?", number)
    desk.anki.col.db.execute("delete from notes where id = ?", number)
    assert desk.run()["notes"]["missing"] == 1
    clock.now += 3600
    came = desk.run()
    assert (came["notes"]["missing"], came["notes"]["tombstones"]) == (0, 1)
