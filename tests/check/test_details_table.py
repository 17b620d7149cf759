"""What a finding quotes, and what only a title excuses."""

import pytest

from ankiforge.check import CheckContext, DuplicateIndex, check_draft
from tests.check.cards import cloze, passage, question


@pytest.mark.parametrize(
    ("card", "text", "rule", "quoted"),
    [
        (
            question("Which of the following is a metal?", "iron"),
            "Iron is a metal.",
            "points_at_page",
            "“Which of the following”",
        ),
        (
            question("Which metals rust?", "all of the above"),
            "Iron rusts.",
            "points_at_page",
            "“all of the above”",
        ),
        (question("How much is it?", "5 milli"), "It is x5 milligram.", "gap_cuts", "“5 milligram”"),
        (question("What is seen?", "see fig"), "It is (see figure 3).", "gap_cuts", "“see figure”"),
        (cloze("{{c1::Zinc}} and zinc rust."), "Zinc and zinc rust.", "gap_leak", "“Zinc”"),
    ],
)  # fmt: skip
def test_a_finding_quotes_what_it_is_about(card, text, rule, quoted):
    context = CheckContext(passage(text), DuplicateIndex())
    messages = [f.message for f in check_draft(card, context) if f.check == rule]
    assert len(messages) == 1
    assert quoted in messages[0]


@pytest.mark.parametrize(
    ("side", "is_reported"),
    [
        ("TODO", True),
        ("lorem ipsum " + "d" * 47, True),  # 59 letters
        ("lorem ipsum " + "d" * 48, False),
        ("string", True),
        ("(String)", True),
        ("null", False),  # the passage has the word
        ("???", True),
        ("??????", False),
        ("[ ]", True),
        ("n", False),
    ],
)
def test_a_side_is_only_a_placeholder(side, is_reported):
    text = "The pointer is null in this program."
    card = question("What is the pointer?", side, text)
    context = CheckContext(passage(text), DuplicateIndex())
    messages = [f.message for f in check_draft(card, context) if f.check == "placeholder"]
    assert [message.endswith(f"“{side}”") for message in messages] == (
        [True] if is_reported else []
    )
