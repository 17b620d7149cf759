"""The planted lies: what is surely a lie never passes, what is honest is never blocked."""

import importlib.util
import sys
from pathlib import Path

import pytest

from ankiforge.model import Severity

ROOT = Path(__file__).parents[3]
NEVER = {"answer", "number", "quote", "link", "markup", "magnitude", "unit", "sign", "date", "code"}
"""Kinds of lies of which each is blocked."""


def _bench():
    spec = importlib.util.spec_from_file_location("lies", ROOT / "benchmarks" / "lies.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["lies"] = module
    spec.loader.exec_module(module)
    return module


ALL = _bench().planted()


def blocked(one):
    return any(found.severity is Severity.BLOCK for found in one.findings())


def seen(one):
    return any(found.severity is not Severity.INFO for found in one.findings())


@pytest.mark.parametrize(
    "one", [one for one in ALL if one.row["kind"] in NEVER], ids=lambda one: one.row["id"]
)
def test_an_invented_fact_is_blocked(one):
    assert blocked(one), one.row


def test_no_honest_card_that_was_tuned_on_is_blocked():
    honest = [one for one in ALL if not one.lies and one.row["half"] == "dev"]

    assert [one.row for one in honest if blocked(one)] == []


@pytest.mark.parametrize(("half", "floor"), [("dev", 0.85), ("held-out", 0.75)])
def test_most_lies_are_blocked(half, floor):
    lies = [one for one in ALL if one.lies and one.row["half"] == half]

    assert sum(map(blocked, lies)) >= floor * len(lies)


def test_hardly_an_honest_card_is_held_back():
    honest = [one for one in ALL if not one.lies]

    assert sum(map(blocked, honest)) <= 0.04 * len(honest)
    assert sum(map(seen, honest)) <= 0.12 * len(honest)


def test_the_set_holds_as_many_honest_cards_as_lies():
    lies = sum(one.lies for one in ALL)

    assert 120 <= lies <= len(ALL) - lies
