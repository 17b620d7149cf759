"""The helpers of `cards.py`, for every test of the checks."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load() -> ModuleType:
    name = "check_cards"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("cards.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


CARDS = _load()


@pytest.fixture
def cards() -> ModuleType:
    return CARDS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `row` runs once for each row of docs/checks.md."""
    if "row" in metafunc.fixturenames:
        rows = CARDS.documented()
        metafunc.parametrize("row", rows, ids=[f"{row.id}-{row.severity}" for row in rows])
