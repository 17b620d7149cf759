"""The limits of the checks: a card at a limit passes, one with a word or item more is found."""

import pytest

from tests.check.cards import cloze, named, question

WORDS = (
    "amber birch cedar dune ember fjord grove heath inlet jetty knoll larch marsh".split()
)


def words(count: int) -> str:
    """Different words of a sentence."""
    return " ".join(
        f"{WORDS[number % 13]}{number // 13 or ''}" for number in range(count)
    )


def at_start(count: int) -> str:
    return f"{{{{c1::{words(count)}}}}} store energy for later use by many enzymes and motors."


@pytest.mark.parametrize(
    ("rule", "most", "card"),
    [
        ("gap_gt8w", 8, lambda n: cloze(f"{words(40)} {{{{c1::{words(n)}}}}} {words(2)}.")),
        ("gap_gt8w", 4, lambda n: cloze(at_start(n))),
        ("gaps_gt3", 3, lambda n: cloze(" ".join(f"{{{{c{i}::x{i}}}}} is {WORDS[i]}." for i in range(1, n + 1)))),
        ("cloze_gt40w", 40, lambda n: cloze(f"{{{{c1::zinc}}}} {words(n - 1)}.")),
        ("answer_gt20w", 20, lambda n: question("What grows on the hill?", words(n))),
        ("front_gt30w", 30, lambda n: question(f"{words(15)}. What {words(n - 16)}?", "a birch")),
        ("too_long", 8_000, lambda n: question("What?", "a" * (n - 5))),
    ],
)  # fmt: skip
def test_a_limit_is_met_and_passed(rule, most, card):
    assert rule not in named(card(most))
    assert rule in named(card(most + 1))
