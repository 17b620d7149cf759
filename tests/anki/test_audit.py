"""`ankiforge audit` on what the real Anki keeps: every kind of file, and the cards in a collection."""

import json
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from anki.collection import Collection, ExportAnkiPackageOptions

DAY = 86_400
LEECH = "At how many degrees does ethanol boil?"
LAPSED = "What does the pKa of an acid measure?"
HARD = "Which enzyme is the pacemaker of glycolysis?"
WAITING = "Which gas do plants take from the air?"
DOUBLED = "Which city is the capital of France?"
SHELVED = "What is the capital of France?"
BROKEN = "What lies beside the kidney?"
GAPLESS = "The mitochondrion makes ATP in the cell."


def added(col: Any, front: str, back: str, deck: str = "Science::Chemistry") -> Any:
    note = col.new_note(col.models.by_name("Basic"))
    note["Front"], note["Back"] = front, back
    col.add_note(note, col.decks.id(deck))
    return note


def studied(col: Any, note: Any, *, lapses: int, interval: int, ago: int, data: str = "") -> None:
    """Twelve answers, a third of them wrong, the last one so many days ago."""
    [card] = note.cards()
    col.db.execute(
        "update cards set type = 2, queue = 2, ivl = ?, reps = 12, lapses = ?, data = ? where id = ?",
        interval, lapses, data, card.id,
    )  # fmt: skip
    for at in range(12):
        moment = (int(time.time()) - (ago + 11 - at) * DAY) * 1000 + card.id % 1000
        told = (moment, card.id, 3 if at % 3 else 1, 5, 5, 2500, 6000)
        col.db.execute("insert into revlog values (?, ?, -1, ?, ?, ?, ?, ?, 1)", *told)


def shelve(col: Any, note: Any, days: int) -> None:
    """Suspended, so long ago."""
    [card] = note.cards()
    col.sched.suspend_cards([card.id])
    col.db.execute("update cards set mod = ? where id = ?", int(time.time()) - days * DAY, card.id)


def fill(col: Any) -> None:
    """One note of each kind of trouble, and one without any."""
    shelve(col, added(col, SHELVED, "Paris", "Places"), 300)
    added(col, DOUBLED, "Paris", "Places")
    added(col, BROKEN, "<br>")
    leech = added(col, LEECH, "78.4 °C")
    leech.tags = ["Leech"]
    col.update_note(leech)
    studied(col, leech, lapses=9, interval=2, ago=1)
    studied(col, added(col, LAPSED, "how strong it is"), lapses=5, interval=30, ago=2)
    hard = added(col, HARD, "phosphofructokinase")
    studied(col, hard, lapses=1, interval=9, ago=3, data='{"s":3.1,"d":9.7}')
    studied(col, added(col, WAITING, "carbon dioxide"), lapses=0, interval=40, ago=240)
    gaps = col.new_note(col.models.by_name("Cloze"))
    gaps["Text"] = "The {{c1::mitochondrion}} makes ATP in the {{c2::cell}}."
    col.add_note(gaps, col.decks.id("Science"))
    gaps["Text"] = "The {{c1::mitochondrion}} makes ATP in the cell."
    col.update_note(gaps)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same notes as a collection, and as each kind of export."""
    folder = tmp_path_factory.mktemp("deck")
    places = {"collection": folder / "Ada" / "collection.anki2"}
    places["collection"].parent.mkdir()
    col = Collection(str(places["collection"]))
    fill(col)
    for name, legacy in (("legacy", True), ("new", False)):
        places[name] = folder / f"{name}.apkg"
        options = ExportAnkiPackageOptions(legacy=legacy, with_scheduling=True)
        col.export_anki_package(out_path=str(places[name]), options=options, limit=None)
    places["colpkg"] = folder / "all.colpkg"
    col.export_collection_package(str(places["colpkg"]), include_media=False, legacy=False)
    return places


def found(lines: list[dict[str, Any]]) -> dict[str, set[str]]:
    """check: the fronts of the notes it speaks of."""
    by: dict[str, set[str]] = {}
    for note in lines:
        for finding in note["findings"]:
            by.setdefault(finding["check"], set()).add(note["front"])
    return by


@pytest.mark.parametrize("kind", ["collection", "legacy", "new", "colpkg"])
def test_every_kind_of_file_shows_the_same_troubles(forge, files, kind):
    before = files[kind].read_bytes()

    told = found(forge("audit", files[kind], "--json", code=1).lines)

    assert told == {
        "empty_side": {BROKEN},
        "leech": {LEECH},
        "lapses": {LAPSED},
        "difficult": {HARD},
        "duplicate": {DOUBLED},
        "empty_card": {GAPLESS},
        "left_lying": {WAITING},
        "long_suspended": {SHELVED},
    }
    assert files[kind].read_bytes() == before


def test_the_figures_are_those_of_anki(forge, files):
    said = forge("audit", files["colpkg"], code=1).stdout

    assert "8 notes; 9 cards (5 new, 1 suspended) in 3 decks" in said
    assert "48 answers; retention 66.7 % of cards due after a day or more" in said
    assert "1 note is a leech; 6 notes (75.0 %) with findings" in said
    below = forge("audit", files["colpkg"], "--deck", "science::chemistry", code=1).stdout
    assert "5 notes; 5 cards (1 new) in 1 deck" in below
    assert "48 answers" in below
    assert "no answers" in forge.ok("audit", files["colpkg"], "--deck", "Places").stdout


def test_an_export_without_scheduling_has_no_answers(forge, files, tmp_path, backend):
    col = Collection(str(files["collection"]))
    backend.export(col, tmp_path / "bare.apkg", legacy=False, scheduling=False)
    col.close()

    done = forge("audit", tmp_path / "bare.apkg", code=1)

    assert "no answers" in done.stdout
    assert "lapses" not in done.stdout


def test_worst_first_and_a_limit_counts_the_rest(forge, tmp_path):
    path = tmp_path / "collection.anki2"
    col = Collection(str(path))
    for lapses in (5, 9, 7):
        note = added(col, f"What is the {lapses}th name of the river?", f"Word{lapses}")
        studied(col, note, lapses=lapses, interval=30, ago=1)
    col.close()

    lines = forge.ok("audit", path, "--json").lines
    short = forge.ok("audit", path, "--limit", "1").stdout

    assert [line["front"][12] for line in lines] == ["9", "7", "5"]
    assert "9th" in short
    assert "7th" not in short
    assert "… and 2 more (-v names all)" in short


def test_cards_that_ask_nothing_and_notes_that_nobody_studies(forge, tmp_path):
    path = tmp_path / "collection.anki2"
    col = Collection(str(path))
    half = col.new_note(col.models.by_name("Basic (optional reversed card)"))
    half["Front"], half["Back"], half["Add Reverse"] = "der Fluss", "the river", "y"
    col.add_note(half, col.decks.id("Words"))
    half["Add Reverse"] = ""
    col.update_note(half)
    lone = added(col, "What is the name of the lake?", "Ness")
    col.db.execute("delete from cards where nid = ?", lone.id)
    old = added(col, "What is the highest mountain of Peru?", "Huascarán")
    long_ago = (int(time.time()) - 400 * DAY) * 1000
    col.db.execute("update notes set id = ? where id = ?", long_ago, old.id)
    col.db.execute("update cards set nid = ? where nid = ?", long_ago, old.id)
    col.close()

    done = forge("audit", path, "--json", code=1)

    assert found(done.lines) == {
        "empty_side": {"der Fluss"},
        "no_cards": {"What is the name of the lake?"},
        "never_studied": {"What is the highest mountain of Peru?"},
    }
    said = {f["message"] for line in done.lines for f in line["findings"]}
    assert "Card 2: one side is empty: Front" in said
    assert "never studied: not once in 400 days" in said


@pytest.mark.parametrize("odd", [-(2**62), 2**62, 1e300, "words", b"\xff", "[[["], ids=repr)
def test_numbers_that_no_anki_wrote_stop_nothing(forge, files, tmp_path, odd):
    path = tmp_path / "odd.anki2"
    shutil.copyfile(files["collection"], path)
    columns = {
        "cards": "mod type queue due ivl factor reps data odue",
        "revlog": "ease ivl lastIvl factor time type",
    }
    with closing(sqlite3.connect(path)) as database:
        database.execute("update cards set lapses = ?", (odd,))
        for table, names in columns.items():
            ids = [row[0] for row in database.execute(f"select id from {table} order by id")]
            for name, number in zip(names.split(), ids, strict=False):
                database.execute(f"update {table} set {name} = ? where id = ?", (odd, number))
        database.commit()

    done = forge("audit", path, "--html", "audit.html", code=1)

    assert "8 notes" in done.stdout
    assert "empty_side" in (forge.folder / "audit.html").read_text()


# --- the cards here, in the collection they are in ---------------------------------------------


class Desk:
    """A vault whose cards are in Anki."""

    def __init__(self, forge: Any, anki: Any) -> None:
        self.forge, self.anki = forge, anki
        self.vault = forge.folder / "vault"
        (self.vault / ".obsidian").mkdir(parents=True)
        settings = {
            "sources": [{"obsidian": {"name": "notes", "path": "vault"}}],
            "anki": {"collection": "auto"},
        }
        forge.settings(json.dumps(settings))

    def reads(self, *words: str) -> None:
        """What the note says now; the cards of it reach Anki."""
        (self.vault / "a.md").write_text("\n\n".join(words) + "\n", encoding="utf-8")
        self.forge.ok("run", "-o", "out.apkg")
        self.anki.load(self.forge.folder / "out.apkg")
        self.forge.ok("pull")

    def guid(self, words: str) -> str:
        [card] = [one for one in self.forge.cards() if words in str(one["fields"])]
        return str(card["guid"])

    def audited(self, *options: str) -> dict[str, set[str]]:
        return found(self.forge("audit", *options, "--json").lines)


HELICASE = "Which enzyme unwinds the DNA double helix?::helicase"
LIGASE = "Which enzyme joins the fragments of Okazaki?::ligase"


@pytest.fixture
def desk(forge: Any, anki: Any) -> Desk:
    made = Desk(forge, anki)
    made.reads(HELICASE, LIGASE)
    return made


def test_without_a_file_it_is_the_collection_the_cards_are_in(desk):
    done = desk.forge.ok("audit")

    assert str(desk.forge.profile / "collection.anki2") in done.stderr
    assert "2 notes, 2 of them ours; 2 cards (2 new) in 1 deck" in done.stdout
    assert "0 notes (0.0 %) with findings" in done.stdout


def test_a_card_whose_template_is_gone_stops_nothing(desk):
    desk.anki.col.db.execute("update cards set ord = 7")

    assert "2 notes, 2 of them ours" in desk.forge("audit").stdout


def test_a_card_turned_down_here_is_told_of_until_it_is_suspended_there(desk):
    guid = desk.guid("helicase")
    desk.forge.ok("reject", guid, "--reason", "known for years")

    [line] = desk.forge.ok("audit", "--json").lines
    desk.anki.col.sched.suspend_cards([card.id for card in desk.anki.cards(guid)])
    desk.anki.col.save()

    assert line["guid"] == guid
    assert [one["message"] for one in line["findings"]] == [
        "retired, but still studied: rejected here (known for years)"
    ]
    assert desk.audited() == {}


def test_a_note_of_another_ledger_and_a_remark_are_told_of(desk, forge_in, tmp_path):
    desk.anki.edit(desk.guid("helicase"), Feedback="which <b>one</b>?")
    stranger = forge_in(tmp_path / "stranger")

    assert "“which one?”" in desk.forge.ok("audit").stdout
    collection = desk.forge.profile / "collection.anki2"
    lines = stranger.ok("audit", collection, "--json").lines
    assert len(found(lines)["unknown_note"]) == 2
    assert {f["severity"] for one in lines for f in one["findings"]} == {"warn"}
    package = stranger.ok("audit", desk.forge.folder / "out.apkg", "--json").lines
    assert {f["severity"] for one in package for f in one["findings"]} == {"info"}


def test_a_passage_that_is_gone_leaves_an_orphan(desk, monkeypatch):
    monkeypatch.setattr("ankiforge.ledger.ingest.GONE_AFTER_SECONDS", 0.0)
    (desk.vault / "a.md").write_text(LIGASE + "\n", encoding="utf-8")
    desk.forge.ok("run", "-o", "out.apkg")
    desk.forge.ok("run", "-o", "out.apkg")

    assert desk.audited() == {"source_gone": {"Which enzyme unwinds the DNA double helix?"}}


def test_what_a_person_called_no_duplicates_is_none(desk):
    note = added(desk.anki.col, "Which enzyme unwinds the double helix of DNA?", "helicase")
    desk.anki.col.save()
    assert "duplicate" in desk.audited()
    desk.forge.ok("pull")

    desk.forge.ok("distinct", desk.guid("helicase"), f"nid:{note.id}")

    assert desk.audited() == {}


def test_cards_of_which_each_tells_something_of_its_own_are_no_duplicates(forge, tmp_path, backend):
    """Nobody is told to delete one of them."""
    folder = tmp_path / "opposites"
    folder.mkdir()
    with backend.opened(folder) as anki:
        for number, text in enumerate(
            (
                "La notazione O grande dà il tetto e lo {{c1::scenario peggiore}} del tempo di"
                " esecuzione di un algoritmo.",
                "La notazione Omega dà il pavimento e lo {{c1::scenario migliore}} del tempo di"
                " esecuzione di un algoritmo.",
            )
        ):
            note = anki.col.new_note(anki.col.models.by_name("Cloze"))
            note["Text"], note["Back Extra"] = text, f"p. {number}"
            anki.col.add_note(note, anki.col.decks.id("Notes"))
        added(anki.col, "Name one effect of beta blockers on the circulation", "reduced pressure")
        added(anki.col, "Name one effect of beta blockers on circulation", "reduced output")
        added(anki.col, "Which enzyme unwinds the DNA double helix?", "helicase")
        added(anki.col, "What enzyme unwinds the double helix of DNA?", "the helicase")
    told = found(forge("audit", folder / "collection.anki2", "--json").lines)

    assert told["duplicate"] == {"What enzyme unwinds the double helix of DNA?"}


def test_what_a_person_left_as_it_is_is_told_again_once_it_lapses_once_more(desk):
    guid = desk.guid("helicase")
    front = "Which enzyme unwinds the DNA double helix?"
    studied(desk.anki.col, desk.anki.note(guid), lapses=5, interval=30, ago=1)
    desk.anki.edit(guid, Feedback="which one?")
    desk.anki.col.db.execute("update notes set mod = mod - 60")
    desk.forge.ok("pull")
    assert desk.audited() == {"lapses": {front}, "remark": {front}}

    desk.forge.ok("edit", guid, "--field", "Extra", "It is a motor.")

    assert desk.audited() == {}
    desk.anki.col.db.execute("update cards set lapses = 6 where reps > 0")
    assert desk.audited() == {"lapses": {front}}
    desk.forge.ok("undo")
    assert desk.audited() == {"lapses": {front}, "remark": {front}}


# --- proposals ---------------------------------------------------------------------------------


def pairs(desk: Desk) -> list[str]:
    cards = desk.forge.cards("--view", "twins")
    return [f["twin"] for one in cards for f in one["findings"] if f["check"] == "duplicate"]


def test_a_note_added_later_is_proposed_as_a_twin_and_nothing_is_decided(desk):
    note = added(desk.anki.col, "Which enzyme unwinds the double helix of DNA?", "helicase")
    desk.anki.col.save()
    desk.anki.edit(desk.guid("ligase"), Extra="a word of mine", Feedback="unclear")
    assert "audit --propose" in desk.forge.ok("audit").stderr
    assert pairs(desk) == []

    said = desk.forge.ok("audit", "--propose").stderr

    assert "to review: 1 pair called alike and 0 findings more, on 1 card" in said
    assert pairs(desk) == [f"nid:{note.id}"]
    assert {card["verdict"] for card in desk.forge.cards()} == {"accepted"}
    assert "nothing to propose" in desk.forge.ok("audit", "--propose").stderr
    desk.forge.ok("distinct", desk.guid("helicase"), f"nid:{note.id}")
    assert "nothing to propose" in desk.forge.ok("audit", "--propose").stderr
    assert pairs(desk) == []


def test_an_answer_emptied_in_anki_is_proposed_as_a_warning_that_stops_nothing(desk):
    guid = desk.guid("ligase")
    desk.anki.edit(guid, Back="<br>")
    desk.anki.col.db.execute("update notes set mod = mod - 60")

    done = desk.forge("audit", "--propose", code=1)

    assert "0 pairs called alike and 1 finding more" in done.stderr
    [card] = [one for one in desk.forge.cards() if one["guid"] == guid]
    [said] = [one for one in card["findings"] if one["check"] == "empty_side"]
    assert (said["severity"], card["verdict"]) == ("warn", "accepted")
    assert [one["guid"] for one in desk.forge.cards("--view", "findings")] == [guid]


def test_proposals_are_of_the_deck_that_is_named(desk):
    added(desk.anki.col, "Which enzyme unwinds the double helix of DNA?", "helicase")
    desk.anki.col.save()

    done = desk.forge.ok("audit", "--propose", "--deck", "Elsewhere")

    assert "nothing to propose" in done.stderr
    assert "no note is in deck Elsewhere" in done.stderr
    cards = desk.anki.cards(desk.guid("helicase"))
    desk.anki.col.set_deck([card.id for card in cards], desk.anki.col.decks.id("Elsewhere"))
    moved = desk.forge.ok("audit", "--propose", "--deck", "Elsewhere")
    assert "to review: 1 pair called alike" in moved.stderr
    assert "no note" not in moved.stderr
    desk.forge("audit", "--propose", "out.apkg", code=2)
