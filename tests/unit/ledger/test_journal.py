"""The journal brings back what a lost or other ledger does not know."""

import msgspec
import pytest

from ankiforge import review
from ankiforge.ledger import Ledger, journal
from ankiforge.model import Verdict
from ankiforge.review import Target

WORDS = "Osmosis is the movement of water through a membrane that holds back the solute."
OTHER = "Diffusion needs no membrane at all, and moves whatever is dissolved."


def lines(bench):
    text = (bench.folder / "journal.jsonl").read_text(encoding="utf-8")
    return [msgspec.json.decode(line) for line in text.splitlines()]


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


def test_a_unit_of_many_lines_writes_all_of_them_or_none(bench, monkeypatch):
    class Cut(Exception):
        pass

    monkeypatch.setattr(journal, "BLOCK", 2)  # of which most lines are no longer in memory
    facts = ("Osmosis", "Diffusion", "Filtration", "Dialysis", "Active transport")
    notes = {f"{at}.md": [bench.mark(f"{fact} needs a gradient.")] for at, fact in enumerate(facts)}
    run, _ = bench.read(notes)
    assert [line["path"] for line in lines(bench) if line["what"] == "issued"] == sorted(notes)
    guids = bench.forge(run)
    targets = [Target(bench.ledger.cards.get(guid)) for guid in guids]
    before = lines(bench)
    real, rejected = bench.ledger._db.execute, []

    def cut(sql, parameters=(), /):
        if sql.startswith("INSERT OR IGNORE INTO event"):
            rejected.append(sql)
            if len(rejected) == len(guids):
                raise Cut
        return real(sql, parameters)

    monkeypatch.setattr(bench.ledger._db, "execute", cut)
    with pytest.raises(Cut):
        review.reject(bench.ledger, targets)
    monkeypatch.setattr(bench.ledger._db, "execute", real)
    assert lines(bench) == before
    review.reject(bench.ledger, targets)
    bench.ledger.decisions.undo()
    written = lines(bench)[len(before) :]
    assert [line["guid"] for line in written[: len(guids)]] == guids
    undone = [line for line in written if line["what"] == "undo"]
    assert {line["guid"] for line in undone} == set(guids)
    assert all(line["after"]["verdict"] != "rejected" for line in undone)


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
