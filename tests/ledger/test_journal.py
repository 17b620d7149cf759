"""The journal is the truth: the database can be deleted, files can be torn, late, copied or
lost."""

import json
import os

import pytest

from ankiforge.errors import LedgerError
from ankiforge.ledger import StoredContent, anki_views
from ankiforge.ledger.anki_views import record_anki_state
from ankiforge.ledger.cards import iter_cards, load_card
from ankiforge.ledger.decide import edit_item, take_over_notes, undo_decision
from ankiforge.ledger.decision_plans import NoteTakeover
from ankiforge.ledger.pending_items import iter_highlight_outcomes
from ankiforge.ledger.questions import find_open_questions
from ankiforge.model.hints import CardSchedule
from tests.ledger.world import FAUST, OSMOSIS, RHINE, World, waiting, words_of

MORE = "The ==Danube== has ten countries beside it on its way to the Black Sea."


def lived(world: World) -> None:
    """Every kind of decision, and some changes of the source."""
    world.note("a.md", OSMOSIS, RHINE, "What is a? :: A", "What is b? :: B")
    world.note("b.md", FAUST, "word :: meaning", MORE)
    world.run()
    ledger = world["a"]
    edit_item(ledger, world.only("Rhine").guid, {"Extra": "in Europe"})
    ledger.reject(world.only("What is a").guid, "dull")
    ledger.reject(world.only("What is b").key, "known")
    world.note("b.md", FAUST.replace("1808", "1806"), "word :: meaning", MORE)
    world.run()
    undo_decision(ledger, world.only("Faust").guid)
    if waiting(ledger):
        ledger.reject(waiting(ledger)[0].id)
    world.edit_in_anki(world.only("Danube").guid, "Extra", "longest but one")
    world.delete_in_anki(world.only("water").guid)
    world.run()


# --- a lost database ---------------------------------------------------------------------------


def outcomes(world):
    return sorted(
        (one.highlight.exact, one.status) for one in iter_highlight_outcomes(world["a"])
    )


def test_a_lost_database_comes_back_from_the_journal(world: World):
    lived(world)
    expected, in_anki = world.state(), world.in_anki()
    lines = world.file("a").read_bytes()
    before = outcomes(world)
    for _ in range(2):
        world.lose("a")
        outcome = world.run()
        assert world.state() == expected
        assert not outcome.written
        assert not outcome.changes
        assert world.in_anki() == in_anki
        assert not world.waiting()
        assert not find_open_questions(world["a"])
        assert outcomes(world) == before
    assert world.file("a").read_bytes() == lines


def test_without_database_and_journal_each_note_whose_passage_is_there_is_taken_over(
    world: World,
):
    world.notes({"a.md": (RHINE,), "b.md": (FAUST,)})
    world.run()
    rhine, faust = world.only("Rhine"), world.only("Faust")
    lost = []
    for card in (rhine, faust):
        wording = StoredContent(
            card.kind.value, dict(card.fields), card.quote, is_user_text=True
        )
        note = world.anki[card.guid]
        lost.append(anki_views.LostNote(note, wording, card.quote, ()))
    world.lose("a")
    world.file("a").unlink()
    world.delete("a.md")
    world.run(ship=False, accepts=lambda draft: False)
    assert anki_views.recover_lost_cards(world["a"], lost) == [world.anki[rhine.guid]]
    assert world.live() == {faust.guid: words_of(faust)}


# --- damaged files -----------------------------------------------------------------------------


def test_lines_that_cannot_be_read_are_skipped_and_told(world: World):
    lived(world)
    expected = world.state()
    world.lose("a")
    lines = world.file("a").read_bytes().splitlines(keepends=True)
    damaged = b"{damaged}\n", b"<<<<<<< HEAD\n", b"\xff\xfe\n", b"[1, 2]\n", b"\n\n"
    world.file("a").write_bytes(b"".join([*lines[:5], *damaged, *lines[5:]]))
    assert world["a"].journal_state.unreadable == 4
    world.run()
    assert world.state() == expected


WRONG = {
    "exact": 1, "old": 1, "event": 5, "guid": {}, "draft": "words",
    "slot": 0, "deck": ["Reading"], "tags": "biology", "forced": 1, "passed": "dr1", "instead": 0,
    "found": "no", "typed": "Front", "note": [1], "schedule": [["2026-01-02", "10", 250]],
    "fields": {"Front": 1}, "over": {"Front": ["one"]}, "content": 1, "why": ["unclear"], "choice": 0,
    "read": [1], "field": 2, "theirs": None, "ours": 3, "was": {}, "mod": "1",
    "digest": 1, "numbers": {"1": 1}, "hashes": [], "type": "Basic", "names": {"a.png": 1},
}  # fmt: skip
"""By key of a body: a value of another type."""


def test_a_body_of_another_shape_is_skipped_and_told(world: World):
    lived(world)
    expected = world.state()
    world.lose("a")
    lines = world.file("a").read_bytes().splitlines(keepends=True)
    rejected = next(line for line in map(json.loads, lines) if line["what"] == "reject")
    damaged = []
    for number, (name, value) in enumerate(WRONG.items()):
        body = {**rejected["body"], name: value}
        event = {
            **rejected,
            "n": rejected["n"] + number,
            "id": f"x{number}",
            "body": body,
        }
        damaged.append(json.dumps(event).encode() + b"\n")
    world.file("a").write_bytes(b"".join([*lines, *damaged]))
    assert world["a"].journal_state.unreadable == len(WRONG)
    world.run()
    assert world.state() == expected


def test_a_torn_line_of_another_machine_is_read_when_it_is_whole_and_never_cut(
    world: World,
):
    world.apart = True
    world.note("a.md", OSMOSIS, RHINE)
    world.run("a")
    world.share("a", "b")
    world.run("b")
    guid = world.only("Rhine").guid
    edit_item(world["b"], guid, {"Back": "by b"})
    world.close()
    whole = world.file("b").read_bytes()
    arrived = world.journal_of("a") / "b.jsonl"
    for cut in (len(whole) - 1, len(whole) - 30, len(whole)):
        arrived.write_bytes(whole[:cut])
        world.run("a")
        assert arrived.read_bytes() == whole[:cut]
        assert ("by b" in world.live("a")[guid]) is (cut == len(whole))


# --- lines that are lost ------------------------------------------------------------------------


def test_what_another_machine_decided_outlives_its_file(world: World):
    world.note("a.md", OSMOSIS, RHINE)
    world.run("a")
    world.run("b")
    world["b"].reject(world.only("Rhine").guid)
    world.run("a")
    world.close()
    world.file("b").unlink()
    world.run("a")
    world.lose("a")
    world.run("a")
    assert world.only("Rhine").verdict == "rejected"


def test_a_file_that_was_replaced_by_another_of_its_length_is_read_whole(world: World):
    """A machine restored from a backup writes on, until its file is longer than before."""
    world.note("a.md", OSMOSIS, RHINE, FAUST)
    world.run("a")
    world.run("b")
    world.close()
    backup = {
        path: path.read_bytes() for path in (*world.root.glob("b.db*"), world.file("b"))
    }
    edit_item(world["b"], world.only("Faust").guid, {"Extra": "x"})
    world.run("a")
    world.lose("b")
    for path, data in backup.items():
        path.write_bytes(data)
    world["b"].reject(world.only("Rhine").guid)
    for number in range(3):
        edit_item(world["b"], world.only("water").guid, {"Extra": f"number {number}"})
    world["a"].read_journal()
    world["b"].read_journal()
    assert world.only("Rhine", "a").verdict == "rejected"
    assert world.state("a") == world.state("b")


# --- two machines ------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["a", "b"])
def test_both_work_apart_and_agree_when_their_files_meet(world: World, first: str):
    """Each edits, decides and reads files that came late; then a third edits for both."""
    world.apart = True
    world.note("a.md", OSMOSIS, RHINE, FAUST)
    world.run("a")
    world.share("a", "b")
    world.run("b")
    edit_item(world["a"], world.only("Rhine").guid, {"Back": "from a"})
    edit_item(world["b"], world.only("Rhine").guid, {"Back": "from b"})
    world["b"].reject(world.only("Faust").guid)
    world.note("a.md", OSMOSIS.replace("movement", "motion"), RHINE, FAUST)
    world.run(first)  # the other has the old file
    world.share("a", "b")
    world.note("a.md", OSMOSIS, RHINE, FAUST)
    world.run("b" if first == "a" else "a")
    world.note("a.md", OSMOSIS.replace("movement", "motion"), RHINE, FAUST)
    for name in "abab":
        world.share("a", "b")
        world.run(name)
    assert world.state("a") == world.state("b")
    assert len(world.anki) == 3
    assert "motion" in world.live("a")[world.only("water").guid]
    assert world.only("Faust", "a").verdict == "rejected"


@pytest.mark.parametrize(("now", "asked"), [("1233 km", 0), ("about 1300 km", 1)])
def test_a_new_passage_that_two_machines_read_in_other_words_is_one(
    world: World, now, asked
):
    world.apart = True
    world.note("a.md", OSMOSIS, RHINE)
    world.run("b")
    line = RHINE.replace("How long is", "How long, all in all, is") if asked else RHINE
    world.note("a.md", OSMOSIS, line.replace("1230 km", now))
    world.run("a", ship=False)
    world.share("a", "b")
    world.run("b", ship=False)
    questions = find_open_questions(world["b"])
    assert [one.kind for one in questions] == ["same"] * asked
    for one in questions:
        world["b"].accept(one.id)
    for name in ("a", "b", "a", "b"):
        world.share("a", "b")
        world.run(name)
    assert world.live("a") == world.live("b")
    [words] = [words for words in world.words() if "Rhine" in words]
    assert words.endswith(now)
    assert not find_open_questions(world["a"])


def test_two_machines_that_gave_the_keys_of_copies_to_different_notes_keep_one_card(
    world: World,
):
    """One sees how two notes were renamed, one after the other; the other sees both at once."""
    world.apart = True
    world.note("a.md", OSMOSIS)
    world.run("a")
    world.note("b.md", OSMOSIS)
    world.run("a")
    world.share("a", "b")
    world.run("b")
    world.notes({"z.md": (OSMOSIS,), "b.md": (OSMOSIS,)})
    world.run("a")
    world.notes({"z.md": (OSMOSIS,), "c.md": (OSMOSIS,)})
    world.run("a")
    world.run("b")
    places = []
    for name in ("a", "b"):
        [card] = list(iter_cards(world[name]))
        places.append(card.highlight.document.path)
    assert places[0] != places[1]

    for name in "abab":
        world.share("a", "b")
        world.run(name)
    assert world.live("a") == world.live("b")
    assert [len(list(iter_cards(world[name]))) for name in "ab"] == [1, 1]


def test_a_conflict_copy_of_a_file_is_read_like_any_other(world: World):
    world.note("a.md", OSMOSIS, RHINE, FAUST)
    world.run()
    edit_item(world["a"], world.only("Rhine").guid, {"Extra": "kept"})
    world["a"].reject(world.only("Faust").guid)
    expected = world.state()
    world.close()
    data = world.file("a").read_bytes()
    lines = data.splitlines(keepends=True)
    world.file("a").write_bytes(b"".join(lines[: len(lines) // 2]))
    (world.journal / "a.sync-conflict-20261123-031500-ABCDEFG.jsonl").write_bytes(data)
    world.run()
    assert world.state() == expected
    world.lose("a")
    world.run()
    assert world.state() == expected
    assert len(world.anki) == 3


def test_two_processes_of_one_machine_number_their_events_one_after_the_other(
    world: World,
):
    """The page edits, the command line edits after it, the page edits last: the last one stands."""
    from ankiforge.ledger import Ledger

    world.note("a.md", RHINE)
    world.run()
    guid, page = world.only("Rhine").guid, world["a"]
    edit_item(page, guid, {"Back": "page 1"})
    with Ledger(world.database("a"), world.journal, "a") as other:
        for number in range(3):
            edit_item(other, guid, {"Back": f"command line {number}"})
        edit_item(page, guid, {"Back": "page 2"})
        assert dict(load_card(page, guid).fields)["Back"] == "page 2"
        assert dict(load_card(other, guid).fields)["Back"] == "page 2"
    world.lose("a")
    assert dict(world.card(guid).fields)["Back"] == "page 2"


def test_a_deletion_in_anki_is_not_revived_by_a_machine_that_is_not_synced(world: World):
    world.note("a.md", OSMOSIS, RHINE)
    world.run("a")
    world.run("b")
    guid, before = world.only("Rhine").guid, dict(world.anki)
    world.delete_in_anki(guid)
    world.run("a")
    assert world.only("Rhine").verdict == "retired"
    of_a, world.anki, world.graves = world.anki, before, set()  # of the other computer
    world.run("b")
    world.anki = of_a
    world.run("a")
    assert world.only("Rhine").verdict == "retired"


def test_a_computer_that_never_saw_a_deleted_deck_asks_about_it_and_sees_the_rest(
    world: World,
):
    lengths = [f"How long is river {number}? :: {number} km" for number in range(12)]
    world.note("a.md", OSMOSIS, *lengths)
    world.run("a")
    for number in range(12):
        world.delete_in_anki(world.only(f"river {number}?").guid)
    world.run("b")
    rows = world["b"].fetch_rows("SELECT asked, note_hash FROM seen")
    asked = [row for row in rows if row["asked"]]
    assert [bool(row["note_hash"]) for row in asked] == [False] * 12
    assert [bool(row["note_hash"]) for row in rows if row not in asked] == [True]


def test_without_graves_a_note_is_deleted_if_it_is_absent_twice_ten_minutes_apart(
    world: World,
):
    """AnkiConnect tells of none."""
    world.note("a.md", OSMOSIS, RHINE)
    for _ in range(2):
        world.run()
    guid = world.only("Rhine").guid
    world.delete_in_anki(guid, grave=False)
    for seconds, deleted in ((0, []), (300, []), (400, [guid])):
        world.ahead += seconds
        view = record_anki_state(
            world["a"], list(world.anki.values()), complete=True, graves=None
        )
        assert list(view.deleted) == deleted


def test_a_failed_write_of_the_journal_is_an_error_and_nothing_was_decided(
    world, monkeypatch
):
    world.note("a.md", OSMOSIS, RHINE)
    world.run()
    guid, before, data = (
        world.only("Rhine").guid,
        world.state(),
        world.file("a").read_bytes(),
    )

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(LedgerError, match="not recorded"):
            world["a"].reject(guid)
    assert world.file("a").read_bytes() == data
    assert world.state() == before
    world.lose("a")
    world.run()
    assert world.state() == before
    world["a"].reject(guid)
    assert world.card(guid).verdict == "rejected"


def test_a_schedule_that_was_taken_over_is_read_back_from_the_journal(world: World):
    world.note("a.md", RHINE)
    world.run()
    guid = world.only("Rhine").guid
    schedule = (CardSchedule("2026-01-02", 10, 250),)
    take_over_notes(world["a"], [NoteTakeover(guid, schedule=schedule)])
    world.lose("a")
    assert world.card(guid).note.schedule == schedule
    assert not world["a"].journal_state.unreadable


def test_a_journal_whose_only_file_is_gone_is_written_again(world: World):
    world.note("a.md", OSMOSIS, RHINE)
    world.run("a")
    world["a"].reject(world.only("Rhine", "a").guid)
    world.close()
    lines = set(world.file("a").read_bytes().splitlines())
    world.file("a").unlink()
    world.run("a")
    world.close()
    assert lines <= set(world.file("a").read_bytes().splitlines())
