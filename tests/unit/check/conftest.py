"""The helpers of `cards.py`, for every test of the checks."""

from types import ModuleType

import pytest

from tests.unit.check import cards as CARDS


@pytest.fixture
def cards() -> ModuleType:
    return CARDS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `row` runs once for each row of docs/checks.md."""
    if "row" in metafunc.fixturenames:
        rows = CARDS.documented()
        metafunc.parametrize("row", rows, ids=[f"{row.id}-{row.severity}" for row in rows])
