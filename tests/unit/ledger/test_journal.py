"""The journal brings back what a lost or other ledger does not know."""

import shutil

import msgspec
import pytest

from ankiforge import review
from ankiforge.ledger import Ledger, open_ledger
from ankiforge.model import RunId, Shipment, Verdict
from ankiforge.review import Target

WORDS = "Osmosis is the movement of water through a membrane that holds back the solute."
OTHER = "Diffusion needs no membrane at all, and moves whatever is dissolved."


def lines(bench):
    text = (bench.folder / "journal.jsonl").read_text(encoding="utf-8")
    return [msgspec.json.decode(line) for line in text.splitlines()]


def test_every_line_has_its_head(bench):
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    [guid] = bench.forge(run)
    review.reject(bench.ledger, [Target(bench.ledger.cards.get(guid))])
    written = lines(bench)
    assert {line["what"] for line in written} == {
        "generation", "issued", "slot", "accept", "reject",
    }  # fmt: skip
    assert all({"v", "id", "at", "by", "what", "undoes"} <= line.keys() for line in written)
    assert {line["key"] for line in written if line["what"] in ("issued", "slot")} == {
        bench.ledger.cards.get(guid).key
    }
    assert {line["guid"] for line in written if line["what"] in ("accept", "reject")} == {guid}
    assert len({line["id"] for line in written}) == len(written)


def test_a_lost_ledger_gives_the_same_keys_guids_and_verdicts(bench):
    notes = {"a.md": [bench.mark(WORDS, "Water\n"), bench.mark(OTHER)]}
    run, _ = bench.read(notes)
    keys, guids = bench.keys(run), bench.forge(run)
    review.reject(bench.ledger, [Target(bench.ledger.cards.get(guids[1]))], "dull")
    bench.reopen(lose=True)
    notes["a.md"][0] = bench.mark(WORDS.replace("movement", "slow movement"), "Water\n")
    run, _ = bench.read(notes)
    assert bench.keys(run) == keys
    assert bench.forge(run) == guids
    verdicts = [bench.ledger.cards.get(guid).verdict for guid in guids]
    assert verdicts == [Verdict.ACCEPTED, Verdict.REJECTED]


def test_a_persons_words_come_back_with_the_journal(bench):
    notes = {"a.md": [bench.mark(WORDS)]}
    run, _ = bench.read(notes)
    [guid] = bench.forge(run)
    mine = (("Front", "mine"), ("Back", "too"))
    review.edit(bench.ledger, Target(bench.ledger.cards.get(guid)), mine, lambda *_: ())
    bench.reopen(lose=True)
    run, _ = bench.read(notes)
    bench.forge(run)
    card = bench.ledger.cards.get(guid)
    assert (card.fields, card.edited, card.verdict) == (mine, True, Verdict.ACCEPTED)


def test_an_undone_decision_stays_undone(bench):
    notes = {"a.md": [bench.mark(WORDS)]}
    run, _ = bench.read(notes)
    [guid] = bench.forge(run)
    review.reject(bench.ledger, [Target(bench.ledger.cards.get(guid))])
    review.undo(bench.ledger)
    bench.reopen(lose=True)
    run, _ = bench.read(notes)
    bench.forge(run)
    assert bench.ledger.cards.get(guid).verdict is Verdict.ACCEPTED


def test_a_clock_set_back_between_gone_and_back_makes_no_rebuilt_card_retired(bench):
    notes, without = {"a.md": [bench.mark(WORDS)], "b.md": [bench.mark(OTHER)]}, {"a.md": []}
    without["b.md"] = notes["b.md"]
    bench.accept = False
    run, _ = bench.read(notes)
    guids = bench.forge(run)
    bench.clock.pass_seconds(7200)
    for _ in range(2):
        bench.clock.pass_seconds(9)
        bench.read(without)
    assert {bench.ledger.cards.get(guid).standing for guid in guids} == {"live", "retired"}
    bench.clock.pass_seconds(-7200)
    bench.read(notes)
    bench.reopen(lose=True)
    run, _ = bench.read(notes)
    bench.forge(run)
    assert {bench.ledger.cards.get(guid).standing for guid in guids} == {"live"}


def test_revision_numbers_go_on_where_they_stopped(bench):
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    [guid] = bench.forge(run)
    shipment = Shipment(guid, 0, 1400000001, (), ("x",), (), "Deck", "digest")
    bench.ledger.packages.ship(RunId("r"), "p.apkg", [shipment])
    bench.reopen(lose=True)
    last = bench.ledger.packages.last(guid)
    assert (last.rev, last.mod, last.digest, last.known) == (1, 1400000001, "digest", False)


def test_a_slot_belongs_to_its_answer_for_ever(bench):
    from ankiforge.model import Checked

    notes = {"a.md": [bench.mark(WORDS)]}
    run, _ = bench.read(notes)
    [highlight] = bench.ledger.highlights.seen_in(run)
    drafts = [bench.draft(highlight, answer=a, intent=n) for n, a in enumerate(["water", "solute"])]
    bench.record(run, highlight, *(Checked(draft) for draft in drafts))
    slots = {c.leading.draft.answer: c.guid for c in bench.ledger.cards.of_highlight(highlight.key)}
    bench.reopen(lose=True)
    run, _ = bench.read(notes)
    reversed_order = [Checked(drafts[1]), Checked(bench.draft(highlight, answer="new", intent=5))]
    bench.record(run, highlight, *reversed_order)
    again = {c.leading.draft.answer: c.guid for c in bench.ledger.cards.of_highlight(highlight.key)}
    assert again["solute"] == slots["solute"]
    assert again["new"] not in slots.values()


def test_two_machines_lines_join_by_id(bench, tmp_path):
    notes = {"a.md": [bench.mark(WORDS), bench.mark(OTHER)]}
    run, _ = bench.read(notes)
    one, other = bench.forge(run)
    twin = tmp_path / "twin"
    (twin / ".ankiforge").mkdir(parents=True)
    bench.ledger.close()
    for name in ("journal.jsonl", ".ankiforge/ledger.db"):
        shutil.copy(bench.folder / name, twin / name)
    bench.ledger = bench.open()
    second = open_ledger(twin / ".ankiforge" / "ledger.db", twin / "journal.jsonl", bench.clock)
    review.reject(bench.ledger, [Target(bench.ledger.cards.get(one))])
    bench.clock.pass_seconds(1)
    review.reject(second, [Target(second.cards.get(other))])
    second.close()
    joined = (bench.folder / "journal.jsonl").read_text() + (twin / "journal.jsonl").read_text()
    (bench.folder / "journal.jsonl").write_text(joined)
    bench.reopen()
    verdicts = [bench.ledger.cards.get(guid).verdict for guid in (one, other)]
    assert verdicts == [Verdict.REJECTED, Verdict.REJECTED]


def test_a_line_that_is_no_entry_is_named_and_left(bench):
    bench.read({"a.md": [bench.mark(WORDS)]})
    with (bench.folder / "journal.jsonl").open("a") as file:
        file.write("<<<<<<< a merge\n")
    bench.reopen()
    [problem] = bench.ledger.problems
    assert problem.where.endswith("journal.jsonl:3")
    bench.reopen()


def test_a_crash_before_the_commit_loses_no_line(bench, monkeypatch):
    class Cut(Exception):
        pass

    notes = {"a.md": [bench.mark(WORDS)]}
    real = Ledger.unit
    run, _ = bench.read(notes)
    [guid] = bench.forge(run)
    database = bench.ledger._db

    def cut(sql, parameters=(), /):
        if sql == "COMMIT":
            raise Cut
        return real_execute(sql, parameters)

    real_execute = database.execute
    card = bench.ledger.cards.get(guid)
    monkeypatch.setattr(database, "execute", cut)
    with pytest.raises(Cut):
        review.reject(bench.ledger, [Target(card)])
    monkeypatch.undo()
    assert real is Ledger.unit
    bench.ledger.close()
    bench.ledger = bench.open()
    assert bench.ledger.cards.get(guid).verdict is Verdict.REJECTED


def test_lines_another_program_wrote_meanwhile_are_taken_in(bench):
    notes = {"a.md": [bench.mark(WORDS), bench.mark(OTHER)]}
    run, _ = bench.read(notes)
    one, other = bench.forge(run)
    bench.clock.pass_seconds(1)
    foreign = {"v": 1, "id": "f" * 16, "at": bench.ledger.writer.now(), "by": "person"}
    foreign |= {"what": "reject", "guid": one}
    foreign |= {"before": {}, "after": {"verdict": "rejected", "reason": "there"}}
    with (bench.folder / "journal.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(foreign) + b"\n")
    review.reject(bench.ledger, [Target(bench.ledger.cards.get(other))])
    bench.reopen()
    verdicts = [bench.ledger.cards.get(guid).verdict for guid in (one, other)]
    assert verdicts == [Verdict.REJECTED, Verdict.REJECTED]


def test_a_foreign_decision_older_than_ones_own_changes_nothing(bench):
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    [guid] = bench.forge(run)
    before = bench.ledger.writer.now()
    bench.clock.pass_seconds(9)
    review.reject(bench.ledger, [Target(bench.ledger.cards.get(guid))], "mine")
    foreign = {"v": 1, "id": "f" * 16, "at": before, "by": "person", "what": "reject"}
    foreign |= {"guid": guid, "after": {"verdict": "rejected", "reason": "theirs"}}
    with (bench.folder / "journal.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(foreign) + b"\n")
    bench.reopen()
    assert bench.ledger.cards.get(guid).reason == "mine"


def test_lines_of_a_newer_program_wait_for_the_upgrade(bench):
    bench.read({"a.md": [bench.mark(WORDS)]})
    with (bench.folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"v": 2, "id": "x", "at": "", "by": "", "what": "accept"}\n')
    for _ in range(2):
        bench.reopen()
        [problem] = bench.ledger.problems
        assert problem.hint == "upgrade ankiforge"


@pytest.mark.parametrize(
    "line",
    [
        b'{"v":1,"id":"x","at":"","by":"","what":"slot","key":"k","family":"basic",'
        b'"slot":"one","quote":"","answer":""}',
        b'{"v":1,"id":"x","at":"","by":"","what":"issued","key":"k"}',
        b'{"v":1,"id":"x","at":"","by":"","what":"shipped","guid":"k","rev":[]}',
    ],
)
def test_a_spoilt_line_stops_nobody(bench, line):
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    keys = bench.keys(run)
    with (bench.folder / "journal.jsonl").open("ab") as file:
        file.write(line + b"\n")
    bench.reopen()
    assert [problem.where for problem in bench.ledger.problems] == ["journal line x"]
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    assert bench.keys(run) == keys


def test_undo_on_a_rebuilt_ledger_reaches_cards_that_are_not_drafted_yet(bench):
    notes = {"a.md": [bench.mark(WORDS)]}
    run, _ = bench.read(notes)
    [guid] = bench.forge(run)
    review.reject(bench.ledger, [Target(bench.ledger.cards.get(guid))])
    bench.reopen(lose=True)
    assert [decided.what for decided in review.undo(bench.ledger)] == ["reject"]
    run, _ = bench.read(notes)
    bench.forge(run)
    assert bench.ledger.cards.get(guid).verdict is Verdict.ACCEPTED


def test_two_copies_of_a_ledger_never_give_an_action_the_same_name(bench):
    first = bench.ledger.writer.new_action()
    bench.clock.pass_seconds(1)
    assert bench.ledger.writer.new_action() != first


def test_policy_stays_silent_after_a_lost_ledger_where_a_person_rejected(bench):
    notes = {"a.md": [bench.qa("Which organelle makes ATP?", "the mitochondrion")]}
    run, _ = bench.read(notes)
    [guid] = bench.forge(run)
    review.reject(bench.ledger, [Target(bench.ledger.cards.get(guid))])
    notes = {"a.md": [bench.qa("Which organelle makes ATP?", "the mitochondrion, by far")]}
    run, _ = bench.read(notes)
    [other] = bench.forge(run)
    assert bench.ledger.cards.get(other).verdict is Verdict.PENDING
    bench.reopen(lose=True)
    run, _ = bench.read(notes)
    [again] = bench.forge(run)
    assert (again, bench.ledger.cards.get(again).verdict) == (other, Verdict.PENDING)


def test_a_conflict_waits_again_when_the_ledger_is_lost(bench):
    run, _ = bench.read({"a.md": [bench.qa("What is osmosis?", "movement of watter")]})
    [guid] = bench.forge(run)
    mine = (("Front", "What is osmosis?"), ("Back", "my own words"))
    review.edit(bench.ledger, Target(bench.ledger.cards.get(guid)), mine, lambda *_: ())
    notes = {"a.md": [bench.qa("What is osmosis?", "movement of water")]}
    run, _ = bench.read(notes)
    bench.forge(run)
    bench.reopen(lose=True)
    run, _ = bench.read(notes)
    bench.forge(run)
    card = bench.ledger.cards.get(guid)
    assert card.fields == mine
    assert [dict(c.draft.fields)["Back"] for c in card.open] == ["movement of water"]


def test_what_was_shipped_is_written_after_a_lost_ledger(bench):
    notes = {"a.md": [bench.mark(WORDS)]}
    run, _ = bench.read(notes)
    [guid] = bench.forge(run)
    shipment = Shipment(guid, 0, 1400000001, (), ("x",), (), "Deck", "digest")
    bench.ledger.packages.ship(RunId("r"), "p.apkg", [shipment])
    bench.reopen(lose=True)
    run, _ = bench.read(notes)
    bench.forge(run)
    assert bench.ledger.cards.get(guid).anki == "written"


def test_words_changed_there_and_back_and_there_again_are_those_that_return(bench):
    first, second = bench.mark(WORDS), bench.mark(WORDS.replace("movement", "slow movement"))
    for mark in (first, second, first, second):
        bench.read({"a.md": [mark]})
        bench.clock.pass_seconds(1)
    bench.reopen(lose=True)
    _, settled = bench.read({"a.md": [second]})
    assert (settled.changed, settled.new) == (0, 0)


def test_a_line_that_was_cut_off_is_dropped_by_the_next_write(bench):
    """A killed process may leave a part of what it wrote; its transaction was not committed."""
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    [guid] = bench.forge(run)
    journal = bench.folder / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"v":1,"id":"0123","at":"2026-01-01T00:00:00+00:00","by":"pers')
    bench.reopen()
    assert bench.ledger.problems == ()
    review.reject(bench.ledger, [Target(bench.ledger.cards.get(guid))])
    now = journal.read_bytes()
    assert now.startswith(whole)
    assert [line["what"] for line in map(msgspec.json.decode, now[len(whole) :].splitlines())] == [
        "reject"
    ]


def test_a_last_line_without_a_line_break_stays(bench):
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    [guid] = bench.forge(run)
    journal = bench.folder / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole.rstrip(b"\n"))
    review.reject(bench.ledger, [Target(bench.ledger.cards.get(guid))])
    assert journal.read_bytes().startswith(whole)
