"""Cards that a strong model drew from real passages: ready as they are, stopped when spoiled."""

import importlib.util
import sys
from pathlib import Path

import pytest

from ankiforge.model import Severity

ROOT = Path(__file__).parents[3]


def _bench():
    spec = importlib.util.spec_from_file_location("spoiled", ROOT / "benchmarks" / "spoiled.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["spoiled"] = module
    spec.loader.exec_module(module)
    return module


BENCH = _bench()
HONEST = BENCH.honest()


def weights(cards):
    return [BENCH.weight(BENCH.findings(*card)) for card in cards]


def test_no_honest_card_is_blocked_but_for_what_its_passage_does_not_tell():
    found = zip(HONEST, weights(HONEST), strict=True)

    blocked = [item.front for (item, _), heaviest in found if heaviest is Severity.BLOCK]
    assert blocked == [
        "After Mount Tambora erupted in 1815, what cooled the climate, if not the ash?"
    ]


def test_hardly_an_honest_card_waits():
    assert weights(HONEST).count(Severity.WARN) <= 0.1 * len(HONEST)


@pytest.mark.parametrize("kind", ["figure", "answer", "quote cut", "quote changed", "link"])
def test_a_card_with_a_wrong_fact_is_blocked(kind):
    found = weights(BENCH.spoiled(kind))

    assert len(found) >= 10
    assert found.count(Severity.BLOCK) >= 0.97 * len(found)


def test_most_cards_that_were_denied_are_seen():
    found = weights(BENCH.spoiled("negation"))

    assert found.count(Severity.INFO) <= 0.4 * len(found)
