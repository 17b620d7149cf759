from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from ankiforge.model import Card


@pytest.fixture(scope="session")
def make_card() -> Callable[..., Card]:
    """`makers.make_card`: an accepted card of one highlight in a paper."""
    spec = importlib.util.spec_from_file_location("makers", Path(__file__).parent / "makers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Callable[..., Card] = module.make_card
    return made
