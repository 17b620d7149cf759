"""The law of the way to Anki and back: whatever happens, in whatever order, nothing is undone."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ankiforge import ledger
from ankiforge.anki import views
from ankiforge.anki.views import copying
from ankiforge.ledger import reading

HERE = Path(__file__).parent / "histories"
EXAMPLES = int(os.environ.get("ANKIFORGE_HISTORIES", "0"))


def _module(stem: str) -> ModuleType:
    name = f"anki_histories_{stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{stem}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


_module("source")
_module("desks")

STEPS = (
    *["run", "load"] * 4,
    *["type", "tag", "untag", "delete", "answer", "adjective", "mark"] * 2,
    *["split", "move", "rename", "deck", "suspend", "review", "prompt", "build", "pull", "later"],
    *["keep", "load_old", "lose_database", "lose_all", "recover"],
    *["accept", "accept_all", "reject", "edit", "undo", "resolve", "restore"],
)
"""Of each history's events some are likelier."""
STEP = st.tuples(st.sampled_from(STEPS), st.integers(0, 11), st.integers(0, 89))
RUN, LOAD = ("run", 0, 0), ("load", 0, 0)
law = settings(
    max_examples=EXAMPLES or 12,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    phases=[Phase.generate, *([Phase.shrink] if EXAMPLES else [])],
    suppress_health_check=list(HealthCheck),
)


@law
@given(steps=st.lists(STEP, min_size=4, max_size=24))
def test_whatever_happens_nothing_is_doubled_and_nothing_undone(
    forge_in: Any, backend: Any, steps: Any
) -> None:
    play(forge_in, backend, [RUN, LOAD, *steps, RUN, LOAD])


STORIES = {
    "typed in Anki, never looked at, database lost, another field of the source changed": [
        RUN, LOAD, ("type", 3, 10), ("answer", 0, 0), ("lose_database", 0, 0), RUN, LOAD,
    ],
    "the same with the source changed after the loss": [
        RUN, LOAD, ("type", 3, 10), ("lose_database", 0, 0), RUN, ("answer", 0, 0), RUN, LOAD,
    ],
    "both changed the same field and the database was lost: a conflict, not the source's": [
        RUN, LOAD, ("answer", 1, 0), ("lose_database", 0, 0), ("type", 0, 5), RUN, LOAD,
    ],
    "typed in Anki, database and journal lost, a correction of another field accepted": [
        RUN, LOAD, ("type", 3, 10), ("lose_all", 0, 0), RUN, ("answer", 0, 0), RUN,
        ("accept", 0, 0), RUN, LOAD,
    ],
    "a tag taken away before the database was lost, the source unchanged": [
        RUN, LOAD, ("untag", 11, 50), ("type", 1, 37), ("lose_database", 0, 0), ("pull", 0, 0), RUN, LOAD,
    ],
    "a tag taken away after the database was lost and found again": [
        RUN, LOAD, ("lose_database", 0, 0), ("pull", 0, 0), ("untag", 4, 5), ("edit", 4, 0),
        RUN, LOAD,
    ],
    "all that is in Anki of a note was edited before the ledger was lost": [
        RUN, LOAD, ("answer", 0, 0), ("answer", 1, 0), ("answer", 2, 0), ("lose_all", 0, 0),
        RUN, LOAD,
    ],
    "the same seen from a second computer that never looked before": [
        RUN, LOAD, ("answer", 0, 0), ("answer", 1, 0), ("answer", 2, 0), ("run", 0, 3),
        ("load", 0, 3),
    ],
}  # fmt: skip
"""Histories that went wrong once, cut down."""


@pytest.mark.parametrize("story", STORIES)
def test_a_story(forge_in: Any, backend: Any, story: str) -> None:
    play(forge_in, backend, STORIES[story])


def play(forge_in: Any, backend: Any, steps: Any) -> None:
    with world(forge_in, backend) as made:
        for name, one, other in steps:
            made.step(name, one, other)


@contextmanager
def world(forge_in: Any, backend: Any) -> Iterator[Any]:
    module = _module("world")
    clock = module.Clock()
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setattr(reading, "GONE_AFTER_SECONDS", 0.0)
        patch.setattr(copying, "_PAUSE", 0.02)
        patch.setattr(views, "time", clock)
        patch.setattr(ledger.open_ledger, "__defaults__", (clock.now,))
        first, second = (forge_in(folder / side) for side in ("one", "two"))
        profile = first.profile
        second.home.mkdir(parents=True)
        (second.home / "data").symlink_to(first.home / "data")
        with backend.opened(profile) as anki:
            yield module.World(forge_in, folder, anki, clock)
