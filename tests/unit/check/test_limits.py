"""`checks:` of ankiforge.yaml: strict, ordered, and never milder than a promise allows."""

import pytest

from ankiforge.check import RULES, Context, DuplicateIndex, Limits, check, limits_from, lint
from ankiforge.config.yamlfile import Location
from ankiforge.errors import ConfigError
from ankiforge.model import Severity

HERE = Location("ankiforge.yaml", ("checks",), {("checks",): 3, ("checks", "answer_gt20w"): 4})


def judged(cards, draft, settings):
    limits = limits_from(settings, HERE)
    context = Context(cards.passage(draft.quote), DuplicateIndex(), limits=limits)
    return {found.check: found for found in check(draft, context)}


def test_a_number_moves_the_line(cards):
    draft = cards.question("What happens then?", "word " * 25)

    assert "answer_gt20w" in judged(cards, draft, {})
    assert "answer_gt20w" not in judged(cards, draft, {"answer_gt20w": 25})


def test_a_finding_tells_the_number_counted_and_the_limit(cards):
    draft = cards.question("What happens then?", "word " * 26)

    found = judged(cards, draft, {"answer_gt20w": 25})["answer_gt20w"]

    assert found.message == "the answer is too long: 26 words, at most 25"


def test_a_graver_rule_that_is_off_leaves_the_milder_one(cards):
    draft = cards.question("What happens then?", "word " * 31)

    found = judged(cards, draft, {"answer_gt30w": False})

    assert "answer_gt30w" not in found
    assert found["answer_gt20w"].severity is Severity.WARN


@pytest.mark.parametrize(
    ("said", "severity"),
    [("info", Severity.INFO), ("block", Severity.BLOCK), ({"severity": "info"}, Severity.INFO)],
)
def test_a_severity_is_what_was_set(cards, said, severity):
    draft = cards.question("What is the main benefit of dropout?", "speed")

    found = judged(cards, draft, {"vague_superlative": said})

    assert found["vague_superlative"].severity is severity


@pytest.mark.parametrize("said", ["off", False, {"severity": False}])
def test_off_is_heard_however_yaml_reads_it(cards, said):
    draft = cards.question("What is the main benefit of dropout?", "speed")

    assert "vague_superlative" not in judged(cards, draft, {"vague_superlative": said})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"answer_gt20": 25}, "answer_gt20w"),
        ({"yes_no": 5}, "no number"),
        ({"answer_gt20w": 0}, "expected 1 to 1000 words"),
        ({"answer_gt20w": 2.5}, "whole number"),
        ({"answer_gt20w": [25]}, "expected a number"),
        ({"answer_gt20w": {"limits": 25}}, "did you mean 'limit'"),
        ({"answer_gt20w": "warning"}, "did you mean 'warn'"),
        ({"answer_gt20w": True}, "'on' is not one of"),
        ({"answer_gt20w": 30}, "must be below answer_gt30w (30)"),
        ({"list_gt5": 3}, "must be below list_gt5 (3)"),
        ({"ungrounded_number": "warn"}, "cannot be made milder than block"),
        ({"hedge_dropped": "off"}, "cannot be made milder than warn"),
        ({"answer_not_in_source": 40}, "expected 50 to 100"),
        ({"empty_side": "info"}, "stricter only"),
    ],
)
def test_a_mistake_says_what_was_expected(settings, words):
    with pytest.raises(ConfigError) as raised:
        limits_from(settings, HERE)

    assert words in f"{raised.value.message} {raised.value.hint}"
    assert raised.value.message.startswith("ankiforge.yaml:")


@pytest.mark.parametrize(
    "settings",
    [
        {"answer_not_in_source": 70},
        {"hedge_dropped": "block"},
        {"answer_gt20w": 35, "answer_gt30w": 50},
    ],
)
def test_what_is_stricter_or_in_order_is_taken(settings):
    assert limits_from(settings, HERE) != Limits()


def test_no_rule_of_a_promise_can_be_made_milder():
    for rule in RULES:
        for word in ("off", "info", "warn"):
            milder = ("off", "info", "warn", "block").index(word) < (
                "off", "info", "warn", "block"
            ).index(rule.severity.value)  # fmt: skip
            if rule.firm and milder:
                with pytest.raises(ConfigError):
                    limits_from({rule.id: word}, HERE)


# --- a bare card ----------------------------------------------------------------------------


def test_a_bare_card_is_blocked_only_where_it_would_break(cards):
    wordy = cards.question("Is it so?", "Yes", "")
    broken = cards.question("What is it?", " ", "")

    assert {f.severity for f in lint(wordy, Limits())} == {Severity.WARN}
    assert {f.check: f.severity for f in lint(broken, Limits())}["empty_side"] is Severity.BLOCK


def test_a_bare_card_needs_no_ground(cards):
    card = cards.question("When was GPT-9 trained?", "in 2031, see https://gpt9.example", "")

    assert lint(card, Limits()) == ()


def test_a_bare_card_is_judged_by_the_numbers_that_were_set(cards):
    card = cards.question("What happens then?", "word " * 25, "")

    assert lint(card, limits_from({"answer_gt20w": 25}, HERE)) == ()
