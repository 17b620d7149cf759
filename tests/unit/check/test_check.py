"""Who chose the words decides how much a finding weighs."""

from dataclasses import replace

import pytest

from ankiforge.check import ALL, Context, DuplicateIndex
from ankiforge.model import Form, Origin, Severity

LONG = "word " * 40


def test_a_good_draft_is_clean(cards):
    source = cards.passage("Dropout was introduced in 2012 by Hinton to reduce overfitting.")
    draft = cards.question("When was dropout introduced?", "2012", "introduced in 2012")

    assert cards.findings(draft, source) == ()


def test_every_check_is_a_plain_function_of_draft_and_context(cards):
    draft = cards.question("What is entropy?", "disorder")
    context = Context(cards.passage(draft.quote), DuplicateIndex())

    assert [list(check(draft, context)) for check in ALL] == [[] for _ in ALL]


@pytest.mark.parametrize("changes", [{"by_hand": True}, {"origin": Origin("person")}])
def test_wording_of_a_card_its_author_wrote_is_only_counted(cards, changes):
    draft = cards.question("Is it so?", "Yes", **changes)

    found = cards.named(draft, cards.passage("something else entirely"))

    assert set(found) >= {"yes_no", "yes_no_answer"}
    assert set(found.values()) == {"info"}


@pytest.mark.parametrize("template", ["{{date}}", "{{title}} » {{url}}"])
def test_template_signs_in_a_note_of_ones_own_are_only_counted(cards, template):
    draft = cards.question("What does the template print?", template, by_hand=True)

    assert cards.named(draft) == {"bad_template": "info"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Water is {{c1::H2O.", "malformed_cloze"),
        ("{{c1::Water boils}}", "gap_is_all"),
        ("The area is {{c1::$\\frac{a}{b$}} of it.", "brace_unbalanced"),
        ("The area $\\pi r^2 is {{c1::round}}.", "math_unbalanced"),
    ],
)
def test_what_would_break_blocks_its_author_too(cards, text, rule):
    assert cards.named(cards.cloze(text, by_hand=True))[rule] == "block"


def test_an_empty_side_blocks_its_author_too(cards):
    assert cards.named(cards.question("What is it?", " ", by_hand=True))["empty_side"] == "block"


def test_a_phrase_marked_in_ones_own_note_is_warned_of_not_blocked(cards):
    text = "However, {{c1::dropout}} reduces overfitting."
    source = "However, dropout reduces overfitting."
    marked = cards.passage(source, form=Form.PHRASE, gaps=((9, 16),))
    draft = cards.cloze(text, origin=Origin("rules:phrase"))

    assert cards.named(draft, marked) == {"pronoun_start": "warn"}
    assert cards.named(draft, replace(marked, form=Form.MARK))["pronoun_start"] == "block"


def test_another_gap_than_the_marked_phrase_is_the_programs_choice(cards):
    source = "However, dropout reduces overfitting."
    marked = cards.passage(source, form=Form.PHRASE, gaps=((9, 16),))
    draft = cards.cloze("However, dropout reduces {{c1::overfitting}}.")

    assert cards.named(draft, marked) == {"pronoun_start": "block"}


def test_a_phrase_that_is_the_whole_sentence_leaves_nothing_to_ask(cards):
    marked = cards.passage("Dropout works.", form=Form.PHRASE, gaps=((0, 14),))
    draft = cards.cloze("{{c1::Dropout works.}}", origin=Origin("rules:phrase"))

    assert cards.named(draft, marked)["gap_is_all"] == "block"


def test_a_readers_question_needs_no_ground_and_its_long_answer_only_warns(cards):
    source = cards.passage(LONG, comment="? why does GPT-9 matter in 2031", sentence="")
    draft = cards.question(
        "Why does GPT-9 matter in 2031?", LONG, LONG, origin=Origin("rules:comment")
    )

    assert cards.named(draft, source) == {"answer_gt30w": "warn"}


def test_a_readers_question_still_needs_its_answer_from_the_passage(cards):
    draft = cards.question("Why?", "nitrogen", "Plants", origin=Origin("rules:comment"))

    found = cards.named(draft, cards.passage("Plants take in carbon dioxide."))

    assert found["answer_not_in_source"] == "block"


def test_an_oversize_card_is_read_no_further(cards):
    machine = cards.cloze("{{c1::a}} " * 65)
    authored = replace(machine, by_hand=True)

    assert cards.named(machine) == {"too_long": "block"}
    assert cards.named(authored) == {"too_long": "warn"}


def test_each_severity_occurs(cards):
    assert {row.severity for row in cards.documented()} == {str(severity) for severity in Severity}


@pytest.mark.parametrize(
    ("line", "why"),
    [("status:: done", "it may be metadata"), ("a b :: c :: d", "there are several")],
)
def test_a_line_that_may_be_no_card_is_told_with_the_reason(cards, line, why):
    front, _, back = line.partition("::")
    draft = cards.question(front, back, by_hand=True)
    passage = cards.passage(line, form=Form.INLINE_FIELD)

    (found,) = [one for one in cards.findings(draft, passage) if one.check == "inline_field"]

    assert found.message.endswith(why)
