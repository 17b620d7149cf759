"""Which passage is which: an edited, moved, copied or restored one keeps its card."""

from dataclasses import dataclass

import pytest

from tests.unit.ledger.world import FAUST, OSMOSIS, RHINE, World

Notes = dict[str, tuple[str, ...]]
MITOSIS = "What divides in mitosis? :: the nucleus"
LONG = "The ==mitochondria== produce most of the chemical energy that a cell needs for its life."
EMPTY = ("Nothing is marked here.",)


@dataclass(frozen=True)
class Case:
    """The notes of the first run, and those of each run after it."""

    name: str
    first: Notes
    then: tuple[Notes, ...]
    now: tuple[tuple[str, str], ...]
    """Words that a card had → words that the same card has in the end."""
    live: int
    """Live cards in the end."""
    asked: tuple[str, ...] = ()
    """Open questions in the end."""
    waits: int = 0


def one(*lines: str) -> Notes:
    return {"a.md": lines}


THREE = (OSMOSIS, RHINE, FAUST)
CASES = [
    Case("a typo in a gap", one(*THREE), (one(OSMOSIS.replace("water", "watter"), RHINE, FAUST),),
         (("water", "watter"),), 3),
    Case("a clause added", one(*THREE),
         (one(OSMOSIS.replace("movement", "net and purely passive movement"), RHINE, FAUST),),
         (("water", "passive"),), 3),
    Case("a sentence made shorter", one(*THREE),
         (one("Osmosis is the movement of ==water==.", RHINE, FAUST),), (("water", "water"),), 3),
    Case("a number", one(*THREE), (one(OSMOSIS, RHINE.replace("1230", "1233"), FAUST),),
         (("1230 km", "1233 km"),), 3),
    Case("a year outside the gap", one(*THREE), (one(OSMOSIS, RHINE, FAUST.replace("1808", "1806")),),
         (("1808", "1806"),), 3),
    Case("a name", one(*THREE), (one(OSMOSIS, RHINE, FAUST.replace("Goethe", "Marlowe")),),
         (("Goethe", "Marlowe"),), 3),
    Case("the whole answer", one(*THREE),
         (one(OSMOSIS, "How long is the Rhine? :: much longer than the Main", FAUST),),
         (("1230 km", "longer than the Main"),), 3),
    Case("the whole question", one(*THREE), (one(OSMOSIS, "What is the length of the Rhine? :: 1230 km", FAUST),),
         (("How long", "What is the length"),), 3),
    Case("the only line, a little", one(RHINE), (one(RHINE.replace("1230", "1233")),),
         (("1230", "1233"),), 1),
    Case("a sign: the fold is equal", one("Is 1 < 2 in mathematics? :: yes, 1 < 2", RHINE),
         (one("Is 1 < 2 in mathematics? :: yes, 1 > 2", RHINE),), (("yes", "1 > 2"),), 2),
    Case("a decimal point: the fold is equal", one("What is the daily dose? :: 1.5 mg", RHINE),
         (one("What is the daily dose? :: 15 mg", RHINE),), (("daily dose", "15 mg"),), 2),
    Case("sorted the other way", one(*THREE, MITOSIS), (one(MITOSIS, FAUST, RHINE, OSMOSIS),),
         (("water", "water"), ("Rhine", "Rhine"), ("Faust", "Faust"), ("mitosis", "mitosis")), 4),
    Case("a line between", one(OSMOSIS, FAUST), (one(OSMOSIS, RHINE, FAUST),),
         (("water", "water"), ("Faust", "Faust")), 3),
    Case("a mark taken away and put back", one(*THREE),
         (one(OSMOSIS.replace("==", ""), RHINE, FAUST),) * 2 + (one(*THREE),),
         (("water", "water"),), 3),
    Case("a note renamed", one(*THREE), ({"b.md": THREE},),
         (("water", "water"), ("Rhine", "Rhine"), ("Faust", "Faust")), 3),
    Case("a note renamed and edited", one(*THREE),
         ({"b.md": (OSMOSIS.replace("movement", "net movement"), RHINE, FAUST)},),
         (("water", "net movement"), ("Rhine", "Rhine")), 3),
    Case("two notes that change names", {"a.md": (OSMOSIS, FAUST), "b.md": (RHINE, LONG)},
         ({"a.md": (RHINE, LONG), "b.md": (OSMOSIS, FAUST)},),
         (("water", "water"), ("Rhine", "Rhine"), ("Faust", "Faust"), ("chemical", "chemical")), 4),
    Case("a note split", one(OSMOSIS, FAUST, LONG), ({"a.md": (OSMOSIS,), "b.md": (FAUST, LONG)},),
         (("water", "water"), ("Faust", "Faust"), ("chemical", "chemical")), 3),
    Case("two notes joined", {"a.md": (OSMOSIS,), "b.md": (FAUST,)}, (one(OSMOSIS, FAUST),),
         (("water", "water"), ("Faust", "Faust")), 2),
    Case("a passage moved to another note", {"a.md": (OSMOSIS, RHINE), "b.md": EMPTY},
         ({"a.md": (RHINE,), "b.md": (*EMPTY, OSMOSIS)},), (("water", "water"),), 2),
    Case("a block of short lines moved and sorted",
         {"a.md": ("ein? :: un", "zwei? :: deux", "drei? :: trois", FAUST), "b.md": (LONG,)},
         ({"a.md": (FAUST,), "b.md": (LONG, "drei? :: trois", "ein? :: un", "zwei? :: deux")},),
         (("un", "un"), ("deux", "deux"), ("trois", "trois")), 5),
    Case("cut, and pasted two runs later", {"a.md": (OSMOSIS, RHINE), "b.md": EMPTY},
         ({"a.md": (RHINE,), "b.md": EMPTY},) * 2 + ({"a.md": (RHINE,), "b.md": (*EMPTY, OSMOSIS)},),
         (("water", "water"),), 2),
    Case("a copy", one(OSMOSIS), ({"a.md": (OSMOSIS,), "b.md": (*EMPTY, OSMOSIS)},),
         (("water", "water"),), 1),
    Case("a copy, and the original deleted", one(OSMOSIS, RHINE),
         ({"a.md": (OSMOSIS, RHINE), "b.md": (*EMPTY, OSMOSIS)}, {"a.md": (RHINE,), "b.md": (*EMPTY, OSMOSIS)},
          {"a.md": (RHINE,), "b.md": (*EMPTY, OSMOSIS)},
          {"a.md": (RHINE,), "b.md": (*EMPTY, OSMOSIS.replace("membrane", "thin membrane"))}),
         (("water", "thin membrane"),), 2),
    Case("a note copied, the original deleted, the copy edited", one(OSMOSIS, FAUST),
         ({"a.md": (OSMOSIS, FAUST), "b.md": (OSMOSIS, FAUST)}, {"b.md": (OSMOSIS, FAUST)},
          {"b.md": (OSMOSIS, FAUST)}, {"b.md": (OSMOSIS, FAUST.replace("1808", "1806"))}),
         (("water", "water"), ("1808", "1806")), 2),
    Case("a note deleted and restored", {"a.md": (OSMOSIS,), "b.md": (RHINE,)},
         ({"b.md": (RHINE,)},) * 3 + ({"a.md": (OSMOSIS,), "b.md": (RHINE,)},),
         (("water", "water"),), 2),
    Case("a note deleted, and back with other words under another name", {"a.md": (OSMOSIS,), "b.md": (RHINE,)},
         ({"b.md": (RHINE,)},) * 3 + ({"c.md": (OSMOSIS.replace("across a", "through a"),), "b.md": (RHINE,)},),
         (("water", "through a membrane"),), 2),
    Case("another note in the place of one", {"a.md": (OSMOSIS,), "b.md": (RHINE,)},
         ({"c.md": (LONG,), "b.md": (RHINE,)},), (("water", "water"),), 3),
    Case("the only passage of a note, renamed and edited", {"a.md": (OSMOSIS,), "b.md": (RHINE,)},
         ({"c.md": (OSMOSIS.replace("membrane", "outer membrane"),), "b.md": (RHINE,)},),
         (("water", "outer membrane"),), 2),
    Case("an old version for three runs, and back", one(*THREE),
         (one(OSMOSIS, RHINE.replace("1230", "1232")),) * 3 + (one(*THREE),),
         (("Rhine", "1230 km"), ("Faust", "Faust")), 3),
    Case("moved and edited: asked", {"a.md": (OSMOSIS, RHINE), "b.md": EMPTY},
         ({"a.md": (RHINE,), "b.md": (*EMPTY, OSMOSIS.replace("across a membrane", "through a wall"))},),
         (("water", "a membrane"),), 2, ("same",), 1),
    Case("less than half alike in the same spot: another fact", one(OSMOSIS, RHINE, FAUST),
         (one(OSMOSIS, "Who discovered penicillin? :: Alexander Fleming", FAUST),),
         (("Rhine", "1230 km"),), 4),
    Case("alike, and both sides differ: another fact",
         one("What is the daily dose of vitamin B1? :: 1.1 mg", "What is the daily dose of vitamin B2? :: 1.4 mg"),
         (one("What is the daily dose of vitamin B1? :: 1.1 mg", "What is the daily dose of vitamin B2? :: 1.4 mg",
              "What is the daily dose of vitamin B6? :: 1.9 mg"),),
         (("B1", "1.1 mg"), ("B2", "1.4 mg")), 3),
    Case("a block id: any words", one("Who wrote it? :: Goethe ^af1", RHINE),
         (one(RHINE, "Which year did it appear? :: in 1808 ^af1"),), (("Goethe", "1808"),), 2),
]  # fmt: skip


@pytest.mark.parametrize("lost", [False, True], ids=["", "a database lost after each run"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_passage_keeps_its_card(world: World, case: Case, lost: bool):
    world.notes(case.first)
    world.run()
    before = {old: world.only(old).guid for old, _ in case.now}
    for notes in case.then:
        world.notes(notes)
        world.run()
        if lost:
            world.lose("a")
    if lost:
        world.run()
    live = world.live()
    for old, new in case.now:
        assert new in live.get(before[old], ""), old
    assert len(live) == case.live
    if not lost:
        assert tuple(question.kind for question in world["a"].questions()) == case.asked
        assert len(world.waiting()) == case.waits
