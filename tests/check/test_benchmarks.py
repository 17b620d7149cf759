"""Planted lies and honest cards: what is surely a lie never passes, what is honest does."""

import importlib.util
import sys
from pathlib import Path

import pytest

from ankiforge.model import Severity

ROOT = Path(__file__).parents[2]
SEEN = {
    "number quote link markup magnitude unit sign": 0.96,
    "negation": 0.4,
    "name acronym": 0.5,
    "drift hedge formula": 0.8,
    "comparative": 0.6,
}
"""Kinds of lies, with the share that is at least blocked or warned about."""


def _bench(name):
    path = ROOT / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


PLANTED = [one for one in _bench("lies").planted() if one.row["half"] != "premises"]
"""No check was found for planted premises, so that half is only measured."""
HONEST = [one for one in PLANTED if not one.lies]
SPOILED = _bench("spoiled")
STRONG = SPOILED.honest()


def blocked(one):
    return any(found.severity is Severity.BLOCK for found in one.findings())


def weights(cards):
    return [SPOILED.weight(SPOILED.findings(*card)) for card in cards]


def seen(one):
    return any(found.severity is not Severity.INFO for found in one.findings())


@pytest.mark.parametrize(("kinds", "floor"), SEEN.items())
def test_an_invented_fact_is_found(kinds, floor):
    lies = [one for one in PLANTED if one.row["kind"] in kinds.split()]

    assert sum(map(seen, lies)) >= floor * len(lies)


@pytest.mark.parametrize(("half", "floor"), [("dev", 0.6), ("held-out", 0.65)])
def test_most_lies_are_found(half, floor):
    lies = [one for one in PLANTED if one.lies and one.row["half"] == half]

    assert sum(map(seen, lies)) >= floor * len(lies)
    assert 120 <= len(PLANTED) - len(HONEST) <= len(HONEST)


def test_hardly_an_honest_card_is_held_back():
    assert sum(map(blocked, HONEST)) <= 0.01 * len(HONEST)
    assert sum(map(seen, HONEST)) <= 0.02 * len(HONEST)


def test_of_a_strong_model_only_a_card_its_passage_does_not_tell_is_blocked():
    found = weights(STRONG)
    fronts = [item.front for (item, _), weight in zip(STRONG, found, strict=True) if weight is Severity.BLOCK]  # fmt: skip

    assert fronts == [
        "After Mount Tambora erupted in 1815, what cooled the climate, if not the ash?"
    ]
    assert found.count(Severity.WARN) <= 0.02 * len(STRONG)


@pytest.mark.parametrize(
    "kind", ["figure", "answer", "quote cut", "quote changed", "link"]
)
def test_a_card_with_a_wrong_fact_is_blocked(kind):
    found = weights(SPOILED.spoiled(kind))

    assert len(found) >= 10
    assert found.count(Severity.BLOCK) >= 0.97 * len(found)


def test_some_cards_that_were_denied_are_seen():
    found = weights(SPOILED.spoiled("negation"))

    assert found.count(Severity.INFO) <= 0.65 * len(found)
