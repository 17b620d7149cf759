"""What is done with many notes takes steps in their number, not in its square."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ankiforge.ledger import Ledger, desk, overview
from ankiforge.model import h16
from tests.ledger.world import World
from tests.limits import steps

NOTES = 16


def lost(world: World, notes: int) -> None:
    world.lose("a")


def edited(world: World, notes: int) -> None:
    for number in range(notes):
        world.note(f"{number}.md", *lines(number, "water that is clean"))


def renamed(world: World, notes: int) -> None:
    for number in range(notes):
        place = world.vault / f"{number}.md"
        place.rename(place.with_stem(f"other {number}"))


def lines(number: int, marked: str) -> list[str]:
    """Return a line that has few words in common with those of other numbers."""
    a, b, c, d, e, f, g = (h16(str(number), each) for each in "abcdefg")
    return [f"The {a} {b} {c} {d} is =={marked} {e}== of {f} {g}."]


def cost(folder: Path, change: Callable[[World, int], None], notes: int) -> int:
    """Return the steps of a run after a change of all notes."""
    folder.mkdir()
    world = World(folder)
    for number in range(notes):
        world.note(f"{number}.md", *lines(number, "water"))
    world.run(ship=False)
    change(world, notes)
    count = steps(lambda: world.run(ship=False))
    world.close()
    return count


@pytest.mark.slow
@pytest.mark.parametrize("change", [lost, edited, renamed])
def test_twice_the_notes_take_about_twice_the_steps(change, tmp_path: Path):
    cost(tmp_path / "warm", change, 2)
    one, two, four = (
        cost(tmp_path / str(times), change, times * NOTES) for times in (1, 2, 4)
    )
    assert four - two < 2.8 * (two - one)


def looks(world: World) -> int:
    """Return how many thousand steps SQLite takes to tell what waits, and what became of all."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    ledger = world["a"]
    ledger.writable().set_progress_handler(step, 1000)
    overview.order(ledger)
    assert "carded" in {each.fate for each in overview.fates(ledger)}
    ledger.writable().set_progress_handler(None, 0)
    return count


@pytest.mark.slow
def test_twice_the_cards_are_looked_through_in_about_twice_the_steps(tmp_path: Path):
    counts = []
    for notes in (100, 200):
        folder = tmp_path / str(notes)
        folder.mkdir()
        world = World(folder)
        for number in range(notes):
            world.note(f"{number}.md", *lines(number, "water"))
        world.run(ship=False)
        counts.append(looks(world))
        world.close()
    once, twice = counts
    assert twice < 2.5 * once


def questions(ledger: Ledger, work: Callable[[], object]) -> int:
    """Count how often SQL is asked for something."""
    ran: list[str] = []
    ledger.writable().set_trace_callback(ran.append)
    work()
    ledger.writable().set_trace_callback(None)
    return sum(each.startswith("SELECT") for each in ran)


def first_run(world: World) -> None:
    """Read and draft all; a person decides."""
    world.run(ship=False, accepts=lambda draft: False)


def test_what_decisions_ask_of_is_read_for_many_at_once(tmp_path: Path):
    world = World(tmp_path)
    for number in range(40):
        world.note(f"{number}.md", *lines(number, "water"))
    first_run(world)
    ledger = world["a"]
    ids = [draft.id for draft in world.waiting()]

    def accept_all() -> None:
        with ledger.action():
            for id in desk.read_ahead(ledger, ids):
                ledger.accept(id)

    count = questions(ledger, accept_all)
    assert len(world.live()) == len(ids) == 40
    # of each: whether it waits, its drafts, its passage, who decided and who has its sentence, whether its
    # note was deleted
    assert count < 7 * len(ids)
    world.close()


def test_what_drafts_are_compared_with_is_read_for_many_at_once(tmp_path: Path):
    counts = []
    for notes in (10, 40):
        folder = tmp_path / str(notes)
        folder.mkdir()
        world = World(folder)
        for number in range(notes):
            world.note(f"{number}.md", *lines(number, "water"))
        counts.append(questions(world["a"], partial(first_run, world)))
        world.close()
    few, many = counts
    # of each note: its row, its private words, twice who decided its sentences; of each draft: whether its
    # id is taken
    assert many - few < 7 * 30


@pytest.mark.parametrize(
    "line", ["status::done", "Q: What is a cell?\nA: the unit of life", "It is ==so=="]
)
def test_equal_lines_are_one_group_that_is_looked_at_once(tmp_path: Path, line: str):
    counts = []
    for notes in (10, 40, 80, 160):
        folder = tmp_path / str(notes)
        folder.mkdir()
        world = World(folder)
        for number in range(notes):
            world.note(f"{number}.md", f"{line}\n\nOther words {number}.\n")
        counts.append(steps(partial(first_run, world)))
        world.close()
    _, few, more, many = counts  # the first one loads modules, too
    # each further note costs as much as those before
    assert many - more < 2.3 * (more - few)
