"""What was decided in one ledger, taken to another by an export."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge import review
from ankiforge.errors import RefusedError, UsageError
from ankiforge.model import Batch, Checked, NoCard, Verdict
from ankiforge.pipeline import EditJudge
from ankiforge.reports.export import Chosen, import_file, lines
from ankiforge.review import Target
from tests.examples import examples
from tests.unit.ledger.conftest import Bench

WORDS = (
    "Osmosis is the movement of water through a membrane that holds back the solute.",
    "Diffusion needs no membrane at all, and moves whatever is dissolved.",
    "The vacuole of a plant cell holds most of its water.",
)

BARE = "A passage of which no card is made."


def read(bench: Bench, words: tuple[str, ...] = WORDS) -> list[str]:
    """Read and draft what is marked; all guids there are."""
    run, _ = bench.read({"a.md": [bench.mark(one) for one in (*words, BARE)]})
    for task in list(bench.ledger.queries.to_draft(run, "rules")):
        carded = [one for one in task.highlights if one.exact != BARE]
        checked = tuple(Checked(bench.draft(h), accept=bench.accept, deck="Deck") for h in carded)
        none = tuple(NoCard(h.key, "bare") for h in task.highlights if h.exact == BARE)
        bench.ledger.recorder.record(
            run, Batch(task, "rules", checked, none), EditJudge(bench.ledger)
        )
    return [str(card.guid) for card in bench.ledger.cards.all()]


def export(bench: Bench, path: Path) -> Path:
    chosen = Chosen((), (), {})
    told = [json.dumps(one) for one in lines(bench.ledger, chosen, lambda card: {})]
    path.write_text("\n".join(told) + "\n", encoding="utf-8")
    return path


def state(bench: Bench) -> dict[str, tuple[object, ...]]:
    return {
        card.guid: (card.verdict, card.standing, card.fields, card.edited, card.reason)
        for card in bench.ledger.cards.all()
    }


def ignored(bench: Bench) -> list[str]:
    rows = bench.ledger._db.execute("SELECT key FROM highlight WHERE presence = 'ignored'")
    return sorted(row[0] for row in rows.fetchall())


def do(bench: Bench, what: str, number: int) -> None:
    """One decision of a person, if it is possible now; time passes."""
    bench.clock.pass_seconds(1)
    cards = list(bench.ledger.cards.all())
    card = cards[number % len(cards)]
    try:
        if what == "accept":
            review.accept(bench.ledger, [Target(card)])
        elif what == "reject":
            review.reject(bench.ledger, [Target(card)], f"dull {number}")
        elif what == "restore":
            review.restore(bench.ledger, [Target(card)])
        elif what == "edit":
            words = (("Front", f"mine {number}"), ("Back", card.leading.draft.answer))
            review.edit(bench.ledger, Target(card), words, lambda *_: ())
        elif what == "skip":
            [bare] = [one for one in bench.ledger.highlights.all() if one.exact == BARE]
            review.skip(bench.ledger, [bare.key], "no")
        else:
            review.undo(bench.ledger)
    except (RefusedError, UsageError):
        pass


DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "reject", "restore", "edit", "skip", "undo"]),
        st.integers(0, 2),
    ),
    max_size=6,
)


@examples(25)
@given(DEEDS, st.booleans(), st.booleans())
def test_an_export_brings_every_verdict_into_a_fresh_ledger(deeds, accept, read_first):
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (Bench(Path(folder) / name) for name in ("ours", "theirs"))
        ours.accept = theirs.accept = accept
        read(ours)
        for what, number in deeds:
            do(ours, what, number)
        file = export(ours, Path(folder) / "all.jsonl")
        theirs.clock.pass_seconds(3600)  # its policy decides later than any person did
        if read_first:
            read(theirs)
        first = import_file(theirs.ledger, file)
        read(theirs)
        assert (first.kept, first.problems) == ([], [])
        assert (state(theirs), ignored(theirs)) == (state(ours), ignored(ours))

        again = import_file(theirs.ledger, file)
        assert (again.decisions, again.kept, again.problems) == (0, [], [])
        assert state(theirs) == state(ours)
        theirs.reopen(lose=True)  # the journal has it from then on
        read(theirs)
        assert (state(theirs), ignored(theirs)) == (state(ours), ignored(ours))
        ours.ledger.close()
        theirs.ledger.close()


@pytest.fixture
def pair(tmp_path: Path):
    """Two ledgers that have read the same."""
    benches = Bench(tmp_path / "ours"), Bench(tmp_path / "theirs")
    for one in benches:
        read(one)
    yield benches
    for one in benches:
        one.ledger.close()


@pytest.mark.parametrize("apart", [60, 0])
def test_what_a_person_decided_here_later_stays_and_is_told(pair, tmp_path, apart):
    ours, theirs = pair
    do(ours, "reject", 0)
    do(ours, "accept", 1)
    theirs.clock.now = ours.clock.now
    theirs.clock.pass_seconds(apart - 1)
    do(theirs, "edit", 0)
    before = state(theirs)
    brought = import_file(theirs.ledger, export(ours, tmp_path / "all.jsonl"))
    guid = str(next(iter(theirs.ledger.cards.all())).guid)
    assert [one.subject for one in brought.kept] == [guid]
    assert state(theirs)[guid] == before[guid]
    theirs.reopen(lose=True)
    read(theirs)
    assert state(theirs)[guid] == before[guid]


@pytest.mark.parametrize("lost", [False, True])
def test_what_the_file_says_later_takes_the_place_of_what_was_decided_here(pair, tmp_path, lost):
    ours, theirs = pair
    do(ours, "edit", 0)
    theirs.clock.pass_seconds(30)
    do(theirs, "reject", 0)
    ours.clock.pass_seconds(60)
    do(ours, "accept", 0)
    brought = import_file(theirs.ledger, export(ours, tmp_path / "all.jsonl"))
    assert brought.kept == []
    if lost:
        theirs.reopen(lose=True)
        read(theirs)
    card = next(iter(theirs.ledger.cards.all()))
    assert (card.verdict, dict(card.fields)["Front"]) == (Verdict.ACCEPTED, "mine 0")


def test_a_verdict_on_another_answer_is_none_on_the_card_here(pair, tmp_path):
    ours, _ = pair
    do(ours, "accept", 0)
    do(ours, "edit", 1)
    other = Bench(tmp_path / "other")
    other.accept = False
    run, _ = other.read({"a.md": [other.mark(one) for one in WORDS]})
    for mark in list(other.ledger.highlights.seen_in(run)):
        words = (("Front", "Which else?"), ("Back", "something else"))
        draft = other.draft(mark, fields=words, answer="something else")
        other.record(run, mark, Checked(draft))
    before = state(other)
    brought = import_file(other.ledger, export(ours, tmp_path / "all.jsonl"))
    assert {one.why for one in brought.kept} == {"the card here is a different one"}
    assert state(other) == before
    other.ledger.close()


def tampered(told: list[str]) -> list[str]:
    """Lines of an export with values that no program of ours wrote."""
    entries = [json.loads(one) for one in told if '"entry"' in one]
    issued, slot = (
        next(one["entry"] for one in entries if one["entry"]["what"] == what)
        for what in ("issued", "slot")
    )
    odd = [
        {**issued, "id": "odd1", "key": "vault:notes/x", "path": ["a"]},
        {**slot, "id": "odd2", "slot": 2**70},
        {**slot, "id": "odd3", "family": []},
    ]
    return [json.dumps({"type": "entry", "entry": one}) for one in odd]


def test_a_damaged_line_is_named_and_the_rest_is_taken(pair, tmp_path):
    ours, theirs = pair
    do(ours, "reject", 0)
    do(ours, "accept", 1)
    file = export(ours, tmp_path / "all.jsonl")
    good = file.read_text().splitlines()
    bad = [
        good[0], "{", '{"type":"entry"}', '{"type":"what"}', "[]", "\xff",
        '{"type":"entry","entry":{"v":1,"id":"x","at":"","by":"","what":"slot","key":"k"}}',
        '{"type":"entry","entry":{"v":1,"id":"y","at":"","by":"","what":"issued","key":"k"}}',
        '{"type":"entry","entry":{"v":9,"id":"z","at":"","by":"person","what":"accept","guid":"k"}}',
        *tampered(good),
        *good[1:],
    ]  # fmt: skip
    file.write_text("\n".join(bad), encoding="latin-1")
    brought = import_file(theirs.ledger, file)
    assert {one.where for one in brought.problems} == {f"{file}:{n}" for n in range(2, 13)}
    assert state(theirs) == state(ours)
    assert len(import_file(theirs.ledger, file).problems) == 11


@pytest.mark.parametrize("text", ["", "{}\n", "not JSON\n", '{"type":"ankiforge","version":2}\n'])
def test_what_is_no_export_or_of_a_newer_program_is_refused(pair, tmp_path, text):
    _, theirs = pair
    (tmp_path / "x.jsonl").write_text(text)
    before = state(theirs)
    with pytest.raises(UsageError):
        import_file(theirs.ledger, tmp_path / "x.jsonl")
    with pytest.raises(UsageError):
        import_file(theirs.ledger, tmp_path / "no such")
    assert state(theirs) == before


def test_slots_that_the_journal_lost_are_told_all_the_same(pair, tmp_path):
    ours, _ = pair
    do(ours, "edit", 0)
    (ours.folder / "journal.jsonl").unlink()
    fresh = Bench(tmp_path / "fresh")
    import_file(fresh.ledger, export(ours, tmp_path / "all.jsonl"))
    read(fresh)
    assert state(fresh) == state(ours)
    fresh.ledger.close()
