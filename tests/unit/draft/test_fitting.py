"""What a deck file asks for holds for the rules, too."""

from dataclasses import replace

import pytest

from ankiforge.draft.prompt import Shape
from ankiforge.draft.reply import Item, drafts_of
from ankiforge.draft.rules import Rules
from ankiforge.model import Brief, CardKind, Form, HighlightKind, Origin

TERM = "A winding bend in the course of a river is called a meander."
ACRONYM = "A long short-term memory (LSTM) keeps a state."
QUESTION = "its colour asks for a question: write it as the comment: `? …`"


@pytest.fixture
def forge(task, highlight):
    """The one draft, or the reason for none, of one highlight under a brief."""

    def run(brief, exact, **fields):
        asked = replace(task(highlight(exact, **fields)), brief=brief)
        (result,) = Rules().draft(iter([asked]))
        return result.drafts[0] if result.drafts else result.no_cards[0].reason

    return run


@pytest.mark.parametrize(
    ("brief", "exact", "reason"),
    [
        (Brief(kinds=(CardKind.CLOZE,)), ACRONYM, "its deck takes only cloze cards"),
        (Brief(kinds=(CardKind.TWO_WAY,)), TERM, "its deck takes only two-way cards"),
        (
            Brief(kinds=(CardKind.CLOZE, CardKind.TWO_WAY)),
            ACRONYM,
            "its deck takes only cloze and two-way cards",
        ),
        (Brief(kinds=(CardKind.CLOZE,), wants="question"), TERM, "its deck takes only cloze cards"),
        (
            Brief(wants="question"),
            "Ascorbic acid, also known as vitamin C, is needed for the synthesis of collagen.",
            QUESTION,
        ),
    ],
)
def test_a_card_that_is_not_wanted_is_none_and_says_why(forge, brief, exact, reason):
    assert forge(brief, exact) == reason


@pytest.mark.parametrize(
    ("sentence", "front", "back"),
    [
        (TERM, "What is a winding bend in the course of a river called?", "meander"),
        (
            "The structures by which a cell that is free moves about are often called flagella.",
            "What are the structures by which a cell that is free moves about often called?",
            "flagella",
        ),
        (
            "The change in frequency of a wave for an observer is known as the Doppler effect.",
            "What is the change in frequency of a wave for an observer known as?",
            "Doppler effect",
        ),
    ],
)
@pytest.mark.parametrize("brief", [Brief(wants="question"), Brief(kinds=(CardKind.BASIC,))])
def test_a_term_becomes_a_question_where_only_questions_are_wanted(
    forge, brief, sentence, front, back
):
    made = forge(brief, sentence)

    assert made.fields == (("Front", front), ("Back", back))
    assert (made.kind, made.quote, made.answer) == (CardKind.BASIC, sentence, back)


@pytest.mark.parametrize(
    "sentence",
    [
        "A winding bend in the course of a river is called a meander, after a river in Asia.",
        "In a process called photosynthesis, plants turn light into energy.",
        "A wide sky is blue and a winding bend in the course of a river is called a meander.",
        "A bend in the course of a river that winds and is called a meander moves sand.",
    ],
)
def test_a_term_is_not_turned_where_more_than_one_thing_is_said(forge, sentence):
    assert forge(Brief(wants="question"), sentence) == QUESTION


@pytest.mark.parametrize("brief", [Brief(), Brief(kinds=(CardKind.CLOZE,))])
def test_a_term_stays_a_cloze_where_one_is_wanted(forge, brief):
    assert forge(brief, TERM).kind is CardKind.CLOZE


@pytest.mark.parametrize(
    "brief",
    [Brief(kinds=(CardKind.TWO_WAY,)), Brief(kinds=(CardKind.CLOZE,)), Brief(wants="definition")],
)
def test_what_a_person_wrote_is_of_the_kind_it_was_written_in(forge, brief):
    by_hand = {"kind": HighlightKind.CARD, "form": Form.INLINE, "markdown": ("Peru", "Lima")}

    assert forge(brief, "Peru::Lima", **by_hand).kind is CardKind.BASIC
    assert forge(brief, "It has four.", comment="? How many?").kind is CardKind.BASIC
    assert forge(brief, "It has four stages.", comment="c: four").kind is CardKind.CLOZE


@pytest.mark.parametrize(
    ("quote", "back", "kept"),
    [
        ("a substance that speeds", "a catalyst", "a catalyst, a substance that speeds"),
        ("1.5", "1.5", "Here a catalyst, a substance that speeds by 1.5."),
        ("a substance that speeds", "a bottle", "a substance that speeds"),
        ("speeds by 1.5", "20 g", "speeds by 1.5"),
    ],
    ids=["same-sentence", "too-short", "other-sentence", "other-figure"],
)
def test_a_quote_is_kept_with_the_answer_of_its_sentence(highlight, quote, back, kept):
    text = "Here a catalyst, a substance that speeds by 1.5. There a bottle of 20 g."
    source = highlight(text if quote != "1.5" else f"{text.split('. ')[0]}.\nMore of it.")
    item = Item("1", CardKind.BASIC, quote, "What is it?", back)

    (draft,) = drafts_of([item], source, Origin("llm"), Shape(tuple(CardKind)))

    assert draft.quote == kept
    assert source.exact[draft.start :].startswith(quote)
