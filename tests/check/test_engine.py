"""Who chose the words, and what a person set, decide how much a finding weighs."""

import pytest
from msgspec.structs import replace

from ankiforge.check import (
    CheckContext,
    DuplicateIndex,
    check_anki_card,
    check_draft,
    check_without_source,
    describe_rule,
    parse_draft,
)
from ankiforge.model import (
    LETTERED_QUESTION,
    HighlightForm,
    HighlightKind,
    Origin,
    Severity,
)
from tests.check import cards

LONG = "word " * 40


def test_a_good_draft_is_clean():
    source = cards.passage(
        "Dropout was introduced in 2012 by Hinton to reduce overfitting."
    )
    draft = cards.question("When was dropout introduced?", "2012", "introduced in 2012")

    assert cards.findings(draft, source) == ()


@pytest.mark.parametrize(
    "changes", [{"is_card_in_source": True}, {"origin": Origin("person")}]
)
def test_wording_of_a_card_its_author_wrote_is_only_counted(changes):
    draft = cards.question("Is it so?", "Yes", **changes)

    found = cards.named(draft, cards.passage("something else entirely"))

    assert "yes_no" in found
    assert set(found.values()) == {"info"}


@pytest.mark.parametrize("template", ["{{date}}", "{{title}} » {{url}}"])
def test_template_signs_in_a_note_of_ones_own_are_only_counted(template):
    draft = cards.question(
        "What does the template print?", template, is_card_in_source=True
    )

    assert cards.named(draft) == {"malformed": "info"}


@pytest.mark.parametrize(
    ("front", "above", "written", "waits"),
    [
        (
            "Elaborate on this, and give examples.",
            "Practice slows it.",
            LETTERED_QUESTION,
            True,
        ),
        ("Elaborate on this, and give examples.", "", LETTERED_QUESTION, False),
        ("Elaborate on this, and give examples.", "Practice slows it.", "a :: b", False),
        (
            "Elaborate on practice, and give examples.",
            "Practice slows.",
            LETTERED_QUESTION,
            False,
        ),
        (
            "Would you elaborate on this further?",
            "Practice slows it.",
            LETTERED_QUESTION,
            False,
        ),
        ("Say more here.", "Practice slows it.", LETTERED_QUESTION, False),
        ("Give me ten words a day.", "Practice slows it.", LETTERED_QUESTION, False),
    ],
)
def test_a_front_that_goes_on_a_conversation_below_a_passage_waits(
    front, above, written, waits
):
    draft = cards.question(front, "Ten words a day.", origin=Origin("person"))
    lines = (above,) if above else ()
    about = cards.passage(
        "x", kind=HighlightKind.CARD, parent_items=lines, line_syntax=written
    )
    severities = {found.check: found.severity for found in cards.findings(draft, about)}
    assert (severities.get("leans_back") is Severity.WARN) is waits


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Water is {{c1::H2O.", "malformed"),
        ("{{c1::Water boils}}", "gap_is_all"),
        ("The area is {{c1::$\\frac{a}{b$}} of it.", "maths"),
        ("The area $\\pi r^2 is {{c1::round}}.", "maths"),
    ],
)
def test_what_would_break_blocks_its_author_too(text, rule):
    assert cards.named(cards.cloze(text, is_card_in_source=True))[rule] == "block"


@pytest.mark.parametrize(
    ("shown", "switched_off", "found"),
    [
        (0, 3, {"no_label": "block"}),
        (1, 0, {}),
        (40, 9, {}),
        (41, 0, {"many_labels": "warn"}),
    ],
)
def test_a_figure_has_labels_that_are_on_and_not_too_many(shown, switched_off, found):
    masks = [f"{number} .1 .1 .2 .05 Femur" for number in range(1, shown + 1)]
    masks += [
        f"{number}- .1 .1 .2 .05 Tibia" for number in range(100, 100 + switched_off)
    ]

    assert cards.named(cards.figure(*masks)) == found


def test_a_phrase_marked_in_ones_own_note_is_warned_of_not_blocked():
    text = "It is {{c1::in the}} cell."
    source = "It is in the cell."
    marked = cards.passage(source, form=HighlightForm.PHRASE, gaps=((6, 12),))
    draft = cards.cloze(text, origin=Origin("rules:phrase"))

    assert cards.named(draft, marked)["gap_stopword"] == "warn"
    assert (
        cards.named(draft, replace(marked, form=HighlightForm.MARK))["gap_stopword"]
        == "block"
    )
    other = cards.cloze("It {{c1::is}} in the cell.")
    assert cards.named(other, marked)["gap_stopword"] == "block"


def test_a_phrase_that_is_the_whole_sentence_leaves_nothing_to_ask():
    marked = cards.passage("Dropout works.", form=HighlightForm.PHRASE, gaps=((0, 14),))
    draft = cards.cloze("{{c1::Dropout works.}}", origin=Origin("rules:phrase"))

    assert cards.named(draft, marked)["gap_is_all"] == "block"


def test_a_readers_question_needs_no_ground_and_its_long_answer_only_warns():
    source = cards.passage(LONG, comment="? why does GPT-9 matter in 2031", sentence="")
    draft = cards.question(
        "Why does GPT-9 matter in 2031?", LONG, LONG, origin=Origin("rules:comment")
    )

    assert cards.named(draft, source) == {"answer_gt20w": "warn"}


def test_a_readers_question_still_needs_its_answer_from_the_passage():
    draft = cards.question("Why?", "nitrogen", "Plants", origin=Origin("rules:comment"))

    found = cards.named(draft, cards.passage("Plants take in carbon dioxide."))

    assert found["answer_not_in_source"] == "block"


def test_an_oversize_card_is_read_no_further():
    machine = cards.cloze("{{c1::a}} " * 65)
    authored = replace(machine, is_card_in_source=True)

    assert cards.named(machine) == {"too_long": "block"}
    assert cards.named(authored) == {"too_long": "warn"}


@pytest.mark.parametrize(
    ("line", "why"),
    [("status:: done", "it may be metadata"), ("a b :: c :: d", "it contains several")],
)
def test_a_line_that_may_be_no_card_is_told_with_the_reason(line, why):
    front, _, back = line.partition("::")
    draft = cards.question(front, back, is_card_in_source=True)
    passage = cards.passage(line, form=HighlightForm.INLINE_FIELD)

    (found,) = [
        one for one in cards.findings(draft, passage) if one.check == "inline_field"
    ]

    assert found.message.endswith(why)


def test_a_finding_tells_the_number_counted_and_the_limit():
    draft = cards.question("What happens then?", "word " * 26)
    context = CheckContext(cards.passage(draft.quote), DuplicateIndex())

    messages = {one.check: one.message for one in check_draft(draft, context)}

    assert messages["answer_gt20w"] == "the answer is too long: 26 words, more than 20"


def test_a_finding_about_opposites_says_which_word_is_whose():
    source = cards.passage("Aspirin reduces the formation of prostaglandins.")
    draft = cards.cloze(
        "Aspirin increases the formation of {{c1::prostaglandins}}.", source.exact
    )

    [message] = [
        finding.message
        for finding in cards.findings(draft, source)
        if finding.check == "opposite"
    ]

    assert message == (
        "may say the opposite of the source: the card says “increases”, the source “reduces”"
    )


def test_gaps_are_signs_in_what_a_cloze_asks():
    draft = cards.cloze("The {{c1::heart}} pumps {{c2::blood}} now.")
    assert parse_draft(draft).question == "The […] pumps […] now."


def test_at_most_five_words_that_are_missing_are_named():
    answer = "zebra yak xenia walrus vulture unicorn tiger"
    draft = cards.question("Who lives there?", answer, "A tiger lives there.")
    found = {one.check: one.message for one in cards.findings(draft)}
    missing = "zebra, yak, xenia, walrus, vulture"
    assert found["answer_partly"].endswith(f"not in the source: {missing}")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("yes_no", "asks for yes or no"),
        ("gap_leak", "the blanked-out words also appear in the text"),
        ("says_more", "the comment says more than its question"),
    ],
)
def test_a_rule_is_told_in_words_that_quote_nothing(rule, words):
    assert describe_rule(rule) == words


@pytest.mark.parametrize(
    ("answer", "source", "whole"),
    [
        ("potass", "Neurons at rest lose potassium.", "potassium"),
        ("otassium leaks out", "The potassium leaks out of it.", "potassium leaks out"),
    ],
)
def test_an_answer_that_cuts_a_word_is_told_with_the_whole_word(answer, source, whole):
    draft = cards.question("What leaks out of neurons?", answer, source)
    found = {one.check: one.message for one in cards.findings(draft)}
    assert found["gap_cuts"].endswith(f"“{whole}”")


# --- a bare card ----------------------------------------------------------------------------


def test_a_bare_card_is_blocked_only_where_it_would_break_and_needs_no_ground():
    wordy = cards.question("Is it so?", "Yes", "")
    broken = cards.question("What is it?", " ", "")
    groundless = cards.question(
        "When was GPT-9 trained?", "in 2031, see https://gpt9.example", ""
    )

    assert {f.severity for f in check_anki_card(wordy, is_ours=True)} == {Severity.WARN}
    assert check_anki_card(wordy) == ()
    assert {f.check: f.severity for f in check_anki_card(broken)}[
        "empty_side"
    ] is Severity.BLOCK
    assert check_anki_card(groundless, is_ours=True) == ()


def test_what_is_said_of_a_draft_alone_is_a_part_of_all():
    draft = cards.question("Is it so?", "Yes", "something else")
    source = cards.passage("The membrane separates two cells.")

    alone = check_without_source(draft, source)

    assert "yes_no" in {finding.check for finding in alone}
    assert set(alone) < set(cards.findings(draft, source))
