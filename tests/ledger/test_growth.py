"""What is done with many notes takes steps in their number, not in its square."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from ankiforge.config import Config
from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.ledger import Ledger, decide, draft_recording, pending_items
from ankiforge.ledger.tables.snapshots import load_highlight_snapshots
from ankiforge.model import hash16
from ankiforge.pipeline.draft import draft_pending_highlights
from ankiforge.pipeline.run_result import RunParameters
from ankiforge.pipeline.sources import ingest_sources
from tests.ledger.world import World
from tests.limits import steps
from tests.reading import opened

NOTES = 10


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
    a, b, c, d, e, f, g = (hash16(str(number), each) for each in "abcdefg")
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
    ledger._db.set_progress_handler(step, 1000)
    pending_items.load_pending_items(ledger)
    assert "carded" in {
        each.status for each in pending_items.iter_highlight_outcomes(ledger)
    }
    ledger._db.set_progress_handler(None, 0)
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
    ledger._db.set_trace_callback(ran.append)
    work()
    ledger._db.set_trace_callback(None)
    return sum(each.startswith(("SELECT", "WITH")) for each in ran)


def first_run(world: World) -> None:
    """Read and draft all; a person decides."""
    world.run(ship=False, accepts=lambda draft: False)


def read(world: World, ledger: Ledger) -> RunParameters:
    """Read the notes, and draft nothing yet."""
    folder = WorkspaceDirectory(world.root, Config(), world.root)
    vault = opened("obsidian", world.vault, name="v")
    job = RunParameters(
        lambda draft: False, world.rules, folder.pictures_directory, sources=(vault,)
    )
    ingest_sources(job, ledger)
    return job


def drafting(world: World, ledger: Ledger) -> Callable[[], object]:
    job = read(world, ledger)
    return lambda: list(draft_pending_highlights(job, ledger))


def accepting(world: World, ledger: Ledger) -> Callable[[], object]:
    first_run(world)
    return partial(decided, ledger, world, ledger.accept)


def rejecting(world: World, ledger: Ledger) -> Callable[[], object]:
    first_run(world)
    return partial(decided, ledger, world, ledger.reject)


def editing(world: World, ledger: Ledger) -> Callable[[], object]:
    first_run(world)
    words = {"Extra": "mine"}
    return partial(decided, ledger, world, lambda id: decide.edit_item(ledger, id, words))


def rejecting_cards(world: World, ledger: Ledger) -> Callable[[], object]:
    world.run(ship=False)
    return partial(decided, ledger, world, ledger.reject, [*world.live()])


def decided(
    ledger: Ledger,
    world: World,
    act: Callable[[str], object],
    guids: Sequence[str] = (),
) -> None:
    """Decide on cards, or on all that waits, in one action."""
    ids = guids or [waiting.id for waiting in world.waiting()]
    with ledger.action():
        for id in ids:
            act(id)


@pytest.mark.parametrize(
    ("verb", "times"),
    [(drafting, 1), (accepting, 2), (rejecting, 2), (editing, 2), (rejecting_cards, 2)],
)
def test_drafting_asks_for_no_passage_alone_and_a_decision_for_its_own(
    tmp_path: Path, verb, times: int
):
    counts = []
    for notes in (10, 20, 40):  # the first one reads what is read once
        folder = tmp_path / str(notes)
        folder.mkdir()
        world = World(folder)
        for number in range(notes):
            world.note(f"{number}.md", *lines(number, "water"))
        ledger = world["a"]
        work = verb(world, ledger)
        counts.append(questions(ledger, work))
        decisions = list(
            ledger.iter_events(
                "SELECT id, line FROM event WHERE what NOT IN ('key', 'text', 'fact')"
            )
        )
        assert max(len(world.waiting()), len(decisions)) >= notes
        world.close()
    _, once, twice = counts
    assert twice <= times * once


def test_of_equal_lines_the_first_is_the_original_of_all(tmp_path: Path):
    world = World(tmp_path)
    for number in range(6):
        world.note(f"{number}.md", "What is a cell?::The unit of life.")
    ledger = world["a"]
    read(world, ledger)
    keys = [
        highlight.key for highlight in draft_recording.iter_highlights_to_draft(ledger)
    ]
    titles = [
        here.primary_copy_title
        for here in load_highlight_snapshots(ledger, keys).values()
    ]
    assert titles == [None, *["0"] * 5]

    # what is left out is no original
    ledger.execute("UPDATE highlight SET fate = 'left_out' WHERE key = ?", keys[0])
    [here] = load_highlight_snapshots(ledger, keys[-1:]).values()
    assert here.primary_copy_title == "1"
    world.close()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("status::done", marks=pytest.mark.slow),
        pytest.param("Q: What is a cell?\nA: the unit of life", marks=pytest.mark.slow),
        "It is ==so==",
    ],
)
def test_equal_lines_are_one_group_that_is_looked_at_once(tmp_path: Path, line: str):
    counts = []
    for notes in (10, 25, 50, 100):
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
