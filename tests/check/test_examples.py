"""The examples of cases.txt: what each rule finds, and what it must not."""

from pathlib import Path

import pytest

from ankiforge import check
from ankiforge.model import HighlightForm, HighlightKind, Origin
from tests.check import cards

# a model's doubt is no check's
RULES = [rule for rule in check.RULES if rule.group != "reading"]
CASES = [
    line.split(" | ", 1)
    for line in Path(__file__).with_name("cases.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_every_rule_has_an_example_with_its_severity_and_one_that_passes():
    expected = {word for words, _ in CASES for word in words.split()}

    for rule in RULES:
        assert f"{rule.id}={rule.severity}" in expected
        assert f"-{rule.id}" in expected


@pytest.mark.parametrize(("expected", "example"), CASES, ids=str)
def test_a_case_is_found_or_passes(expected, example):
    found = {finding.check: str(finding.severity) for finding in cards.example(example)}

    for each in expected.split():
        rule, _, severity = each.partition("=")
        if rule == "-*":
            assert found == {}
        elif rule.startswith("-"):
            assert rule[1:] not in found
        else:
            assert severity in ("", found[rule])


# --- signs that no line of text can hold -----------------------------------------------------


@pytest.mark.parametrize(
    ("back", "rule"),
    [
        *((blank, "empty_side") for blank in
          ("", " \n ", "\x1b", "\x00\x1f", "\x85", "\u200b", "\u00ad", "\ufeff \u2060", "&nbsp;", "- -")),
        *((f"an{sign}swer", "control_character") for sign in ("\x0c", "\x08", "\x7f", "\x85", "\ud800", "\t")),
    ],
)  # fmt: skip
def test_what_shows_nothing_or_no_keyboard_types_blocks(back, rule):
    by_hand = rule == "empty_side"

    assert (
        cards.named(cards.question("What is it?", back, is_card_in_source=by_hand))[rule]
        == "block"
    )


def test_an_empty_front_of_a_machine_blocks():
    assert cards.named(cards.question(" ", "a nephron"))["empty_side"] == "block"


@pytest.mark.parametrize(
    "back", ["0", "-", "$x$", "`&nbsp;`", "\u0301a", "\U0001fae8", "![](a.png)", "one\ttwo", "a\r\nb"]
)  # fmt: skip
def test_one_sign_is_no_empty_side_and_a_person_may_type_tabs(back):
    found = cards.named(cards.question("What is it?", back, is_card_in_source=True))

    assert not {"empty_side", "control_character"} & set(found)


def test_a_gap_that_hides_only_a_control_character_is_empty():
    found = cards.named(cards.cloze("Water {{c1::\x1b}} boils.", is_card_in_source=True))

    assert found["malformed"] == "block"


# --- what grounds an answer besides the passage -----------------------------------------------

IT = "It relies on self-attention."


@pytest.mark.parametrize(
    ("front", "back", "quote", "changes", "rule"),
    [
        ("What does GPT-4 of 2023 rely on?", "self-attention", IT, {"heading": "GPT-4", "comment": "the 2023 model?"}, ""),
        ("What does it rely on in 2023?", "self-attention", IT, {"comment": "in 2023", "comment_is_instruction": False}, "ungrounded_number"),
        ("When was that relied on?", "2023", "It relies", {"heading": "GPT-4 of 2023"}, "ungrounded_number"),
        ("Which ruling relies on it?", "Dred Scott", IT, {"heading": "DRED SCOTT"}, ""),
    ],
)  # fmt: skip
def test_a_subject_may_be_named_by_title_heading_or_comment_alone(front, back, quote, changes, rule):  # fmt: skip
    found = cards.named(cards.question(front, back, quote), cards.passage(IT, **changes))

    assert (found.get(rule) == "block") if rule else (found == {})


ROBUST = "The results are robust to the choice."


@pytest.mark.parametrize(
    ("front", "back", "changes", "grounded"),
    [
        ("What does “robust” mean in “robust to the choice”?", "belastbar", {}, True),
        ("What does *robust* mean here?", "belastbar", {"exact": "robust,"}, True),
        ("What does “robust” mean here?", "zäh", {"comment": "belastbar, zäh"}, True),
        ("What does “robust” mean here?", "der Riese 3", {"comment": "der Riese 3"}, True),
        ("What does “robust” mean here?", "zerbrechlich", {}, False),
        ("What does “robust” mean here?", "belastbar und stark", {}, False),
        ("What does “robust” mean here?", "last", {}, False),
        ("What does “choice” mean here?", "belastbar", {}, False),
        ("What does “robust” mean here?", "belastbar", {"comment_is_instruction": False}, False),
        ("What does “results are robust to the” mean?", "belastbar", {"exact": "results are robust to the"}, False),
    ],
)  # fmt: skip
def test_the_readers_own_note_on_a_word_is_its_meaning(front, back, changes, grounded):
    about = {"exact": "robust", "sentence": ROBUST, "comment": "belastbar", **changes}
    source = cards.passage(str(about.pop("exact")), **about)
    found = cards.named(cards.question(front, back, ROBUST), source)
    assert ("answer_not_in_source" not in found) == grounded
    assert not (grounded and found), found


@pytest.mark.parametrize(
    "quote",
    [
        "relies on",
        "RELIES  ON",
        "before it relies",
        "on attention now",
        "in the sentence",
    ],
)
def test_a_quote_may_stand_in_the_passage_its_sentence_or_around_it(quote):
    around = {"prefix": "before it ", "suffix": " now", "sentence": "in the sentence"}
    source = cards.passage("relies on attention", **around)

    found = cards.named(cards.question("What?", "attention", quote), source)
    assert "quote_not_in_source" not in found


def test_two_gaps_with_the_same_fault_are_told_once():
    draft = cards.cloze("A {{c1::nephron}} is a {{c2::nephron}}.", "A nephron.")
    told = cards.findings(draft, cards.passage("Nothing of it."))
    assert len(told) == len(set(told))
    assert "gap_leak" in {finding.check for finding in told}


def test_each_gap_of_a_cloze_is_an_answer():
    source = cards.passage("Dropout masks units while training.")
    draft = cards.cloze(
        "{{c1::Dropout}} masks {{c2::gradients}} while training.", source.exact
    )

    found = [
        f for f in cards.findings(draft, source) if f.check == "answer_not_in_source"
    ]

    assert [f.message for f in found] == [
        "the source does not give the answer “gradients”"
    ]


@pytest.mark.parametrize(
    ("text", "phrase"),
    [("한국의 수도는 서울이다.", "서울"), ("It means unhappiness today.", "happi"), ("食べた", "食べ")],
)  # fmt: skip
def test_a_marked_phrase_stands_in_the_source_also_within_a_word(text, phrase):
    start = text.index(phrase)
    source = cards.passage(
        text, form=HighlightForm.PHRASE, gaps=((start, start + len(phrase)),)
    )
    words = text.replace(phrase, f"{{{{c1::{phrase}}}}}")

    found = cards.named(cards.cloze(words, origin=Origin("rules:phrase")), source)
    assert "answer_not_in_source" not in found


FIGURE = "![](cache/library/FIGUREA2.png)"
PICTURE = {"kind": HighlightKind.IMAGE, "markdown": (FIGURE,)}


@pytest.mark.parametrize(
    ("back", "drafter", "changes", "grounded"),
    [
        (FIGURE, "rules:comment-picture", {}, True),
        (FIGURE, "rules:comment-picture", {"kind": HighlightKind.INK}, True),
        ("![](cache/library/OTHERBB3.png)", "rules:comment-picture", {}, False),
        (FIGURE, "llm", {}, False),
        (FIGURE, "rules:comment-picture", {"kind": HighlightKind.HIGHLIGHT}, False),
        (FIGURE, "rules:comment-picture", {"markdown": ()}, False),
    ],
)
def test_a_figure_is_what_its_picture_says_and_grounds_nothing_else(back, drafter, changes, grounded):  # fmt: skip
    asked = "What does the arrow of the figure show?"
    draft = cards.question(asked, back, origin=Origin(drafter), quote=" ")
    found = cards.named(draft, cards.passage("", **{**PICTURE, **changes}))

    blocked = {"quote_not_in_source": "block", "answer_not_in_source": "block"}
    assert (found == {}) if grounded else (found.items() >= blocked.items())


def test_the_words_below_a_picture_of_the_passage_are_its_own():
    shown = "![photo_2021-11-21.png](_resources/p.png)In release 7 the type was removed."
    source = cards.passage("In release 7 the type was removed.", markdown=(shown,))
    draft = cards.cloze(shown.replace("type", "{{c1::type}}"), source.exact)
    assert not {"ungrounded_number", "name_in_answer"} & set(cards.named(draft, source))
    foreign = cards.cloze(draft.get_field("Text").replace("2021", "2034"), source.exact)
    assert "ungrounded_number" in cards.named(foreign, source)


def test_a_line_without_a_front_is_judged_like_any_other():
    source = cards.passage(
        "::yes",
        form=HighlightForm.INLINE_FIELD,
        kind=HighlightKind.CARD,
        markdown=("", "yes"),
    )

    found = cards.named(cards.question("", "yes", is_card_in_source=True), source)
    assert found.items() >= {"empty_side": "block", "inline_field": "warn"}.items()
