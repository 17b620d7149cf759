"""docs/checks.md and the code say the same."""

from ankiforge.check import RULES


def test_every_rule_has_one_row_with_its_severity(cards):
    in_code = sorted((rule.id, str(rule.severity)) for rule in RULES)

    assert sorted((row.id, row.severity) for row in cards.documented()) == in_code


def test_the_example_caught_is_caught(cards, row):
    found = [(finding.check, str(finding.severity)) for finding in cards.example(row.caught)]

    assert (row.id, row.severity) in found


def test_the_example_passed_passes(cards, row):
    assert row.id not in [finding.check for finding in cards.example(row.passed)]
