"""`ankiforge repair` in the real Anki: what fails, and repairs that keep note, cards and log."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ankiforge.errors import RefusedError
from ankiforge.features.repair import work as repair
from ankiforge.pipeline.workspace import Workspace

DAY = 86_400_000
CARDS = (
    "select id, nid, did, ord, type, queue, due, ivl, factor, reps, lapses, flags, data"
    " from cards order by id"
)
LOG = "select id, cid, ease, ivl, lastIvl, factor, time, type from revlog order by id"
FAILS = "1313131"


@pytest.fixture
def add(anki: Any) -> Callable[..., int]:
    """Add a note that is not ours, answered on some days (1 = forgotten); return its id."""
    col = anki.col

    def added(
        *fields: str, answers: str = FAILS, deck: str = "Theirs", **more: Any
    ) -> int:
        note = col.new_note(col.models.by_name(more.get("type", "Basic")))
        for place, text in enumerate(fields):
            note.fields[place] = text
        note.tags = list(more.get("tags", ()))
        col.add_note(note, col.decks.id(deck))
        card = note.cards()[0]
        now = int(time.time() * 1000)
        taken = more.get("taken", 20_000)
        for place, sign in enumerate(answers):
            at = now - (len(answers) - place) * DAY + note.id % 1000
            row = (at, card.id, -1, int(sign), 3, 2, 2500, taken, 1)
            col.db.execute("insert into revlog values (?,?,?,?,?,?,?,?,?)", *row)
        lapses = answers.count("1")
        col.db.execute(
            "update cards set type = 2, queue = 2, ivl = 3, due = 9, factor = 2500, reps = ?,"
            " lapses = ?, flags = ? where id = ?",
            len(answers), lapses, more.get("flag", 0), card.id,
        )  # fmt: skip
        if more.get("suspended"):
            col.sched.suspend_cards([card.id])
        return int(note.id)

    return added


@pytest.fixture(autouse=True)
def _home(forge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace, which finds the collection where Anki keeps it."""
    forge.settings("sources: []\n")
    for name, value in forge.environment.items():
        monkeypatch.setenv(name, value)


Sides = tuple[str, str]


def answer(front: str, back: str = "", new: Sequence[Sides] = ()) -> str:
    """What a chat answers about a card."""
    added = [{"front": one, "back": other} for one, other in new]
    words = {"why": "one at a time", "front": front, "back": back, "new": added}
    return json.dumps({"repairs": [{**words, "quote": ""}]})


def entries(workspace: Workspace, nid: int) -> list[repair.FailingNote]:
    """The cards of a note that fail."""
    return [
        each
        for each in repair.list_failing_cards(workspace).failing
        if each.note.note_id == nid
    ]


def reword(forge: Any, nid: int, *words: Any) -> None:
    """Take what a chat answers about a note that fails."""
    with Workspace(forge.folder) as workspace:
        [entry] = entries(workspace, nid)
        [offer] = repair.read_acceptable_repairs(entry, answer(*words))
        repair.accept_repair(workspace, entry, offer)


METALS = ("What are the three metals?", "iron, zinc, gold")
ONE_METAL = (
    "Which of the three metals is missing: […], zinc, gold?",
    "iron",
    [
        ("Which of the three metals is missing: iron, […], gold?", "zinc"),
        ("Which of the three metals is missing: iron, zinc, […]?", "gold"),
    ],
)
"""One of them a card: what becomes of the old one, and two that are new."""


def old_cards(anki: Any, before: Any) -> Any:
    """The cards and the log as far as they were there before."""
    ids = {row[0] for row in before[0]}
    return [row for row in anki.col.db.all(CARDS) if row[0] in ids], anki.col.db.all(LOG)


def fields_of(anki: Any, nid: int) -> list[str]:
    return list(anki.col.get_note(nid).fields)


# --- what is listed -----------------------------------------------------------------------------


def test_what_fails_is_listed_wishes_first_then_by_what_it_cost(forge, anki, add):
    add("What is fine?", "this", answers="3333333")
    costly = add("What costs much?", "this", taken=90_000)
    cheap = add("What costs little?", "this")
    add("What was forgotten twice?", "this", answers="1133333")
    wished = add("Which has a red flag?", "this", answers="33", flag=1)
    marked = add("Which is marked?", "this", answers="33", tags=["Marked"])
    leech = add("Which is a leech?", "this", answers="1", tags=["leech"], suspended=True)
    add("Which has a blue flag?", "this", answers="33", flag=4)

    lines = forge.ok("repair", "--json").lines

    assert [line["nid"] for line in lines[:2]] in ([wished, marked], [marked, wished])
    assert {line["nid"] for line in lines} == {costly, cheap, wished, marked, leech}
    order = [line["nid"] for line in lines]
    assert order.index(costly) < order.index(cheap)
    [failing] = [line for line in lines if line["nid"] == costly]
    assert failing["why"] == ["forgotten 4 times within 30 days"]
    assert failing["history"] == "2d✗ 2d· 2d✗ 2d· 2d✗ 2d· 2d✗"
    assert failing["answers"] == 7
    assert any("leech, suspended" in line["why"] for line in lines)


def test_a_run_says_one_line_and_nothing_where_nothing_fails(forge, anki, add):
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/a.md").write_text("Iron is what?::a metal\n")
    assert "ankiforge repair" not in forge.ok("run", "notes").stdout
    add("What costs much?", "this", taken=60_000)
    told = forge.ok("run", "notes").stdout
    assert "1 card fails (7 minutes lately): ankiforge repair" in told


def test_faults_of_what_fails_are_told(forge, anki, add):
    add("What is the colour of gold?", "<br>", answers="33")
    assert forge.ok("repair", "--json").lines == []
    failing = add("What is {{c1::iron?", "", type="Cloze", tags=["marked"])
    [line] = forge.ok("repair", "--json").lines
    assert line["nid"] == failing
    assert line["why"][0] == "tagged marked"
    assert line["why"][-1].startswith("the cloze would break in Anki")


def test_the_card_that_it_is_mixed_up_with_is_named(forge, anki, add):
    spring = add("When do the spring tides of the Moon occur?", "at new and full moon")
    neap = add("When do the neap tides of the Moon occur?", "at the quarters")
    add("What is the capital of France?", "Paris", answers="333")
    lines = {line["nid"]: line for line in forge.ok("repair", "--json").lines}
    assert lines[spring]["near"]["nid"] == neap
    assert lines[neap]["near"]["nid"] == spring


# --- repairs keep the note ----------------------------------------------------------------------

REWORDED: dict[str, tuple[Sides, tuple[Any, ...], list[str]]] = {
    "apart": (METALS, ONE_METAL, [ONE_METAL[0], "iron"]),
    "the answer only": (
        ('What are the <span style="color: red">three</span> metals?', "They are iron, zinc and gold, all three."),
        ("What are the three metals?", "**iron**, zinc and gold"),
        ['What are the <span style="color: red">three</span> metals?', "<strong>iron</strong>, zinc and gold"],
    ),
    "begins as before": (
        ("What is iron", "a metal"),
        ("What is iron, a metal or zinc?", "a metal"),
        ["What is iron, a metal or zinc?", "a metal"],
    ),
    "a cloze": (
        ("{{c1::Entropy}} <i>grows</i> when entropy was low.", ""),
        ("{{c1::Entropy}} *grows* when it was low.",),
        ["{{c1::Entropy}} <em>grows</em> when it was low.", ""],
    ),
}  # fmt: skip


def package(forge: Any) -> Any:
    forge.ok("build")
    return forge.folder / "ankiforge.apkg"


@pytest.mark.core
@pytest.mark.parametrize("name", REWORDED)
def test_a_repair_by_package_keeps_cards_and_log_and_undo_is_exact(
    forge, anki, add, name
):
    fields, words, becomes = REWORDED[name]
    new = len(words[2]) if len(words) > 2 else 0
    kind = "Cloze" if "{{" in fields[0] else "Basic"
    nid = add(*fields, type=kind, tags=["mine"])
    other = add("What is untouched?", "this", answers="33")
    before = (anki.col.db.all(CARDS), anki.col.db.all(LOG))
    was = fields_of(anki, nid)

    reword(forge, nid, *words)
    assert anki.load(package(forge)) == {"updated": 1, **({"new": new} if new else {})}

    assert fields_of(anki, nid)[:2] == becomes
    assert old_cards(anki, before) == before
    assert anki.col.get_note(nid).tags == ["mine"]
    assert fields_of(anki, other) == ["What is untouched?", "this"]
    count = anki.col.db.scalar("select count(*) from notes")
    assert count == 2 + new

    # nothing is left to send; undo is exact, and what was added is tagged as dropped
    assert not package(forge).exists()
    forge.ok("undo")
    anki.load(package(forge))
    assert fields_of(anki, nid) == was
    assert old_cards(anki, before) == before
    retired = anki.col.find_notes("tag:ankiforge::retired")
    assert len(retired) == new


MEDIA = ('<img src="x.png">', "[sound:x.mp3]", '<audio src="x.mp3"></audio>')


@pytest.mark.parametrize("media", MEDIA)
def test_a_field_with_a_picture_or_sound_is_only_changed_in_anki(forge, anki, add, media):
    nid = add("What are the three metals?", f"iron, zinc, gold {media}")
    with pytest.raises(RefusedError, match="its Back has a picture or a sound"):
        reword(forge, nid, *ONE_METAL)
    with Workspace(forge.folder) as workspace:
        [entry] = entries(workspace, nid)
        back = entry.card.fields["Back"]
    reword(forge, nid, "Which are the three metals?", back)
    assert anki.load(package(forge)) == {"updated": 1}
    words = ["Which are the three metals?", f"iron, zinc, gold {media}"]
    assert fields_of(anki, nid)[:2] == words


def test_a_note_whose_question_has_several_fields_is_only_changed_in_anki(
    forge, anki, add
):
    kind = anki.col.models.by_name("Basic")
    kind["tmpls"][0]["qfmt"] = "{{Front}} {{Hint}}"
    anki.col.models.add_field(kind, anki.col.models.new_field("Hint"))
    anki.col.models.update_dict(kind)
    nid = add(METALS[0], METALS[1], "three of four")
    with Workspace(forge.folder) as workspace:
        [entry] = entries(workspace, nid)
        for refused in (
            lambda: repair.prepare_repair(workspace, entry),
            lambda: repair.edit_note(workspace, entry, {"Back": "iron"}),
        ):
            with pytest.raises(RefusedError, match="several fields: change it in Anki"):
                refused()


def test_a_cloze_without_a_field_for_the_text_below_gets_none(forge, anki, add):
    kind = anki.col.models.by_name("Cloze")
    kind["tmpls"][0]["afmt"] = "{{cloze:Text}}"
    anki.col.models.remove_field(kind, kind["flds"][1])
    anki.col.models.update_dict(kind)
    nid = add("{{c1::Entropy}} grows.", type="Cloze")
    with Workspace(forge.folder) as workspace:
        [entry] = entries(workspace, nid)
        with pytest.raises(RefusedError, match="no field for the text below"):
            repair.edit_note(workspace, entry, {"Extra": "It is a law."})
        repair.edit_note(workspace, entry, {"Text": "{{c1::Entropy}} never falls."})
    assert anki.load(package(forge)) == {"updated": 1}
    assert fields_of(anki, nid) == ["{{c1::Entropy}} never falls."]


@pytest.mark.core
def test_a_marked_suspended_leech_is_repaired_by_package(forge, anki, add):
    nid = add(*METALS, tags=["leech", "marked", "x"], suspended=True)
    before = (anki.col.db.all(CARDS), anki.col.db.all(LOG))
    reword(forge, nid, *ONE_METAL)
    assert anki.load(package(forge))["updated"] == 1
    assert "[…]" in fields_of(anki, nid)[0]
    assert anki.col.get_note(nid).tags == ["x"]
    assert old_cards(anki, before) == before


@pytest.mark.parametrize(
    ("decision", "answer"),
    [("accept", "iron"), ("reject", "iron, zinc, gold (all heavy)")],
)
def test_a_repaired_card_that_was_edited_in_anki_meanwhile_is_asked_about_alone(
    forge, anki, add, decision, answer
):
    nid = add(*METALS)
    reword(forge, nid, *ONE_METAL)
    note = anki.col.get_note(nid)
    note.fields[1] = "iron, zinc, gold (all heavy)"
    anki.col.update_note(note)
    built = forge.ok("build", "--json").lines[-1]
    assert built["notes"]["conflicts"] == 1
    [question] = forge.ok("list", "--view", "questions", "--json").lines
    forge.ok(decision, question["id"])
    assert anki.load(package(forge)) == {"updated": 1, "new": 2}
    assert fields_of(anki, nid)[1] == answer
    assert forge.ok("list", "--view", "questions", "--json").lines == []


def test_a_repaired_or_left_card_is_not_listed_again_before_it_fails_again(
    forge, anki, add
):
    nid = add(*METALS)
    reword(forge, nid, *ONE_METAL)
    assert forge.ok("repair", "--json").lines == []
    forge.ok("undo")
    assert [line["nid"] for line in forge.ok("repair", "--json").lines] == [nid]


def test_nothing_is_written_before_a_repair_is_taken(forge, anki, add, files):
    nid = add(*METALS)
    forge.ok("status")
    before = files(forge.folder, forge.home)
    done = forge.ok("repair")
    assert "  next  ankiforge review" in done.stderr
    with Workspace(forge.folder) as workspace:
        [entry] = entries(workspace, nid)
        assert len(repair.read_acceptable_repairs(entry, answer(*ONE_METAL))) == 1
    now = files(forge.folder, forge.home)
    assert {path: now.get(path) for path in before if "journal" in path} == {
        path: text for path, text in before.items() if "journal" in path
    }
