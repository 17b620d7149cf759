"""The law of the way to Anki and back: whatever happens, in whatever order, nothing is undone."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ankiforge import ledger
from ankiforge.anki import collection
from ankiforge.extract.pdf.worker import PdfWorker, answer
from ankiforge.ledger import ingest as reading

EXAMPLES = int(os.environ.get("ANKIFORGE_HISTORIES", "0"))


STEPS = (
    *["run", "load"] * 6,
    *["type", "tag", "untag", "delete", "answer", "adjective", "mark", "sync", "phone"] * 2,
    *["split", "drop", "move", "rename", "move_vault", "source_tag"],
    *["save", "shape", "join", "unmark", "ask", "later", "earlier"],
    *["remark", "star", "deck", "suspend", "review", "take_back", "other_type", "own_field"],
    *["prompt", "build", "pull", "confirm", "push", "keep", "load_old"],
    *["lose_database", "lose_all", "recover"],
    *["accept", "accept_all", "reject", "edit", "undo", "resolve", "restore", "restore_missing"],
)
"""Of each history's events some are likelier."""
STEP = st.tuples(st.sampled_from(STEPS), st.integers(0, 11), st.integers(0, 89))
RUN, LOAD = ("run", 0, 0), ("load", 0, 0)
law = settings(
    max_examples=EXAMPLES or 16,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    phases=[Phase.generate, *([Phase.shrink] if EXAMPLES else [])],
    suppress_health_check=list(HealthCheck),
)


@law
@given(steps=st.lists(STEP, min_size=4, max_size=24))
def test_whatever_happens_nothing_is_doubled_and_nothing_undone(forge_in, backend, serving, steps):
    play(forge_in, backend, serving, steps)


STORIES = {
    "a passage that moved to where one like it was taken out": [
        ("move", 7, 29), ("drop", 4, 89), ("source_tag", 2, 80),
    ],
    "typed in Anki, never looked at, database lost, another field of the source changed": [
        ("type", 3, 10), ("answer", 0, 0), ("lose_database", 0, 0),
    ],
    "the same with the source changed after the loss": [
        ("type", 3, 10), ("lose_database", 0, 0), RUN, ("answer", 0, 0),
    ],
    "both changed the same field and the database was lost: a conflict, not the source's": [
        ("answer", 1, 0), ("lose_database", 0, 0), ("type", 0, 5),
    ],
    "typed in Anki, database and journal lost, a correction of another field accepted": [
        ("type", 3, 10), ("lose_all", 0, 0), RUN, ("answer", 0, 0), RUN,
        ("accept", 0, 0),
    ],
    "a tag taken away before the database was lost, the source unchanged": [
        ("untag", 11, 50), ("type", 1, 37), ("lose_database", 0, 0), ("pull", 0, 0),
    ],
    "a tag taken away after the database was lost and found again": [
        ("lose_database", 0, 0), ("pull", 0, 0), ("untag", 4, 5), ("edit", 4, 0),
    ],
    "all that is in Anki of a note was edited before the ledger was lost": [
        ("answer", 0, 0), ("answer", 1, 0), ("answer", 2, 0), ("lose_all", 0, 0),
    ],
    "the same seen from a second computer that never looked before": [
        ("answer", 0, 0), ("answer", 1, 0), ("answer", 2, 0), ("run", 0, 3),
        ("load", 0, 3),
    ],
    "looked at from a second computer that has read no source yet, then deleted in Anki": [
        ("pull", 4, 27), ("delete", 6, 3), ("move_vault", 4, 21),
    ],
    "database and journal lost, the note renamed and two words changed": [
        ("adjective", 3, 1), ("lose_all", 9, 4), ("rename", 0, 79), ("adjective", 8, 63),
    ],
    "database and journal lost, a note renamed, of two cards alike one changed: they stay two": [
        ("answer", 0, 70), ("lose_all", 8, 24), ("rename", 6, 62),
    ],
    "the folder renamed where a passage was cut out of which only Anki knows": [
        ("untag", 0, 67), ("drop", 11, 17), ("move_vault", 2, 42), ("load", 10, 19),
    ],
    "accepted, cut out before it was loaded, database lost: it comes back at once": [
        ("accept", 11, 88), ("drop", 3, 0), ("lose_database", 4, 56),
    ],
    "the folder renamed, database and journal lost, the answer changed before the next run": [
        ("move_vault", 2, 63), ("keep", 4, 24), ("lose_all", 2, 24), ("answer", 11, 65),
        ("run", 5, 12), ("accept", 11, 17),
    ],
    "another note type, what stood before the passage moved, database and journal lost": [
        ("other_type", 7, 17), ("move", 10, 50), ("lose_all", 9, 8),
    ],
    "edited while its neighbours moved to another note, one of them much like it": [
        ("move", 9, 49), ("move", 7, 12), ("adjective", 2, 62),
    ],
    "all lost, another answer in a note that was renamed, and one much like it in Anki": [
        ("delete", 9, 66), ("delete", 10, 3), ("lose_all", 3, 70), ("answer", 6, 48),
        ("type", 6, 54), ("rename", 6, 87),
    ],
    "the clock set back before a second computer looks for the first time, a passage moved": [
        ("push", 6, 75), ("earlier", 6, 48), ("move", 8, 77), ("run", 9, 67),
    ],
}  # fmt: skip
"""Histories that went wrong once, cut down."""


@pytest.mark.parametrize("story", STORIES)
def test_a_story(forge_in, backend, serving, story):
    play(forge_in, backend, serving, STORIES[story])


def play(forge_in: Any, backend: Any, serving: Any, steps: Any) -> None:
    with world(forge_in, backend, serving) as made:
        made.play(steps)


def read_here(_: PdfWorker, question: Any) -> Any:
    """Read a PDF in this process: one for each of a thousand runs would take an hour."""
    return answer(question)


@contextmanager
def world(forge_in: Any, backend: Any, serving: Any) -> Iterator[Any]:
    from tests.anki.histories.desks import Clock
    from tests.anki.histories.world import World

    clock = Clock()
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setattr(reading, "GONE_AFTER_SECONDS", 0.0)
        patch.setattr(collection, "_PAUSE_SECONDS", 0.02)
        patch.setattr(collection, "time", clock)
        patch.setattr(PdfWorker, "ask", read_here)
        patch.setattr(ledger.open_ledger, "__defaults__", (clock.now,))
        first, second = forges = [forge_in(folder / side) for side in ("one", "two")]
        assert first.profile.exists()
        second.home.mkdir(parents=True)
        (second.home / "data").symlink_to(first.home / "data")
        with World.made(folder, forges, backend, serving, clock) as made:
            yield made
