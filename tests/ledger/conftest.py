"""A world for each test."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A vault and its machines, whose clock goes six seconds ahead with every run."""
    world, clock = World(tmp_path), time.time
    monkeypatch.setattr(time, "time", lambda: clock() + world.ahead)
    yield world
    world.close()
