"""Planted lies and honest cards: what is surely a lie never passes, what is honest does."""

import importlib.util
import sys
from pathlib import Path

import pytest

from ankiforge.model import Severity

ROOT = Path(__file__).parents[3]
NEVER = {"answer", "number", "quote", "link", "markup", "magnitude", "unit", "sign", "date", "code"}
"""Kinds of lies of which each is blocked."""


def _bench(name):
    path = ROOT / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


PLANTED = _bench("lies").planted()
HONEST = [one for one in PLANTED if not one.lies]
SPOILED = _bench("spoiled")
STRONG = SPOILED.honest()


def blocked(one):
    return any(found.severity is Severity.BLOCK for found in one.findings())


def weights(cards):
    return [SPOILED.weight(SPOILED.findings(*card)) for card in cards]


@pytest.mark.parametrize(
    "one", [one for one in PLANTED if one.row["kind"] in NEVER], ids=lambda one: one.row["id"]
)
def test_an_invented_fact_is_blocked(one):
    assert blocked(one), one.row


@pytest.mark.parametrize(("half", "floor"), [("dev", 0.85), ("held-out", 0.75)])
def test_most_lies_are_blocked(half, floor):
    lies = [one for one in PLANTED if one.lies and one.row["half"] == half]

    assert sum(map(blocked, lies)) >= floor * len(lies)
    assert 120 <= len(PLANTED) - len(HONEST) <= len(HONEST)


def test_a_sentence_that_a_small_word_turns_around_is_mostly_seen():
    lies = [one for one in PLANTED if one.row["kind"].startswith("sentence")]
    seen = [one for one in lies if any(f.severity is not Severity.INFO for f in one.findings())]

    assert len(seen) >= 0.75 * len(lies)
    assert {one.row["id"] for one in lies[:6]} <= {one.row["id"] for one in seen}


def test_hardly_an_honest_card_is_held_back_and_none_that_was_tuned_on():
    warned = [any(f.severity is not Severity.INFO for f in one.findings()) for one in HONEST]
    held = [one.row for one in HONEST if blocked(one)]

    assert [row for row in held if row["half"] == "dev"] == []
    assert len(held) <= 0.04 * len(HONEST)
    assert sum(warned) <= 0.06 * len(HONEST)


def test_of_a_strong_model_only_a_card_its_passage_does_not_tell_is_blocked():
    found = weights(STRONG)
    fronts = [item.front for (item, _), weight in zip(STRONG, found, strict=True) if weight is Severity.BLOCK]  # fmt: skip

    assert fronts == [
        "After Mount Tambora erupted in 1815, what cooled the climate, if not the ash?"
    ]
    assert found.count(Severity.WARN) <= 0.1 * len(STRONG)


@pytest.mark.parametrize("kind", ["figure", "answer", "quote cut", "quote changed", "link"])
def test_a_card_with_a_wrong_fact_is_blocked(kind):
    found = weights(SPOILED.spoiled(kind))

    assert len(found) >= 10
    assert found.count(Severity.BLOCK) >= 0.97 * len(found)


def test_most_cards_that_were_denied_are_seen():
    found = weights(SPOILED.spoiled("negation"))

    assert found.count(Severity.INFO) <= 0.4 * len(found)
