"""What is said of the wording of a card, with the words that a finding quotes."""

import pytest

from ankiforge.check import check_anki_card
from tests.check import cards


def find(card):
    """The findings of a card without its source: the rule, and what its message quotes last."""
    return [
        (finding.check, finding.message.rpartition("“")[2].rstrip("”") if "“" in finding.message else "")
        for finding in check_anki_card(card, is_ours=True)
    ]  # fmt: skip


def vague(*others):
    return [("vague", "What?"), *others]


SEVEN = "one two three four five six seven"
FOLLOWING = "Which of the following is a metal?"
PAGE = "points_at_page"


@pytest.mark.parametrize(
    ("front", "back", "expected"),
    [
        # the answer in the question: at least four letters, at most six words
        ("What is the iron called iron?", "iron", [("leak_exact", "iron")]),
        ("What is the ore called ore?", "ore", []),
        (f"What is {SEVEN[:-6]}?", SEVEN[:-6], [("leak_exact", SEVEN[:-6])]),
        (f"What is {SEVEN}?", SEVEN, []),
        ("Which metal is it, iron or zinc?", "iron", []),
        ("Which word says true?", "True.", [("yes_no", "True.")]),
        ("Which words are with them?", "with them", []),
        ("string type", "String", []),
        ("string type", "string", [("leak_exact", "string")]),
        ("Which type is a String?", "string", [("leak_exact", "string")]),
        ("Which metal is iron?", "iron.", [("leak_exact", "iron")]),
        # a side that breaks off
        ("Iron,", "a", [("breaks_off", "…Iron,")]),
        ("Which three:", "a", []),
        ("Iron rusts in wet air and", "a", []),
        ("What?", "iron,", vague(("breaks_off", "…iron,"))),
        ("What?", "**iron,**", vague(("breaks_off", "…**iron,**"))),
        ("What?", "iron、", vague(("breaks_off", "…iron、"))),
        ("What?", "iron and zinc and", vague(("breaks_off", "…and zinc and"))),
        ("What?", "iron, zinc *and*", vague()),
        ("What?", "iron rusts in *and*", vague(("breaks_off", "…rusts in *and*"))),
        ("What?", "one two three:", vague()),
        ("What?", "one two three four:", vague(("breaks_off", "…two three four:"))),
        ("What?", "one two three four：", vague(("breaks_off", "…two three four："))),
        ("What?", ", ,", vague()),
        # no subject
        ("What does this mean?", "x", [("vague", "What does this mean?")]),
        ("What is x?", "y", [("vague", "What is x?")]),
        ("What is 这?", "x", []),
        ("![](a.png) What does this mean?", "x", []),
        ("What does this mean", "x", []),
        # yes or no
        ("Does iron rust?", "yes, it does", [("yes_no", "yes, it does")]),
        ("Which day is gone?", "yesterday", []),
        ("Which sign denies it?", "no - because", [("yes_no", "no - because")]),
        ("Was macht der große Hund?", "bellen", []),
        # what the card does not show
        ("Which gas does this method reduce?", "x", [(PAGE, "this method")]),
        ("Which method is this method?", "x", []),
        ("Which line is in Figure 3?", "x", [(PAGE, "Figure 3")]),
        ("Which gas does the author name?", "x", [(PAGE, "the author")]),
        ("Which gas is described above?", "x", [(PAGE, "described above")]),
        (f"- {FOLLOWING}", "x", [(PAGE, "Which of the following")]),
        (FOLLOWING, "x", [(PAGE, "Which of the following")]),
        (f"{FOLLOWING}\n\n- iron\n- air", "x", []),
        (f"{FOLLOWING}\n\n1. iron\n2. air", "x", []),
        (f"{FOLLOWING}<br>A. iron<br>B. air", "x", []),
        (f"{FOLLOWING} a) iron b) air", "x", []),
        ("Which metals rust?", "all of the above", [(PAGE, "all of the above")]),
    ],
)  # fmt: skip
def test_the_wording_of_a_question(front, back, expected):
    assert find(cards.question(front, back)) == expected


BIG = "The {{c1::%s}} is big today in the wet air."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # gaps that hide nothing to know
        (BIG % "iron", []),
        (BIG % "is", [("gap_stopword", "is")]),
        (BIG % "of the", [("gap_stopword", "of the")]),
        (BIG % "not", []),
        (BIG % "A", []),
        (BIG % "IT", []),
        (BIG % "...", [("gap_stopword", "..."), ("placeholder", "...")]),
        (BIG % "(b)", [("gap_stopword", "(b)")]),
        (BIG % "iv)", [("gap_stopword", "iv)")]),
        (BIG % "#tag", [("gap_stopword", "#tag")]),
        (BIG % "first_name", [("placeholder", "first_name")]),
        (BIG % "`first_name`", []),
        # edges
        (BIG % "&amp;", []),
        # a long gap at the beginning
        ("{{c1::one two three four}} rusts in wet air on many days.", []),
        ("{{c1::one two three four five}} rusts in wet air on many days.", [("gap_gt8w", "")]),
        ("{{c1::one two three four five}}: a thing that rusts in wet air on some days.", []),
        ("“{{c1::one two three four five}} rusts in wet air on many days.", [("gap_gt8w", "")]),
        ("Iron {{c1::one two three four five}} rusts in wet air on many days.", []),
        # the answer in the text
        ("The iron {{c1::rusts}} as it rusts.", [("gap_leak", "rusts")]),
        ("The {{c1::ore}} is ore.", []),
        ("The {{c1::42}} is 42 today.", [("gap_leak", "42")]),
        ("The {{c1::4}} is 4 today.", []),
        ("The {{c1::DNA}} is dna today.", []),
        ("The {{c1::DNA}} is DNA today.", [("gap_leak", "DNA")]),
        ("some {{c1::iron}}\nof iron\nof air\nof gas", []),
        ("some {{c1::iron}} is iron\nof gold\nof air\nof gas", [("gap_leak", "iron")]),
        ("some {{c1::iron}}\nof iron\nof air", [("gap_leak", "iron")]),
        ("{{c1::Iron}} and {{c1::iron}} rust today in wet air.", []),
        # a text that needs another one
        ("This is {{c1::iron}} today in wet air.", [("leans_back", "This")]),
        ("“*This is {{c1::iron}} today in wet air.", [("leans_back", "This")]),
        ("{{c1::Iron}} is.", [("short_cloze", "is.")]),
        ("Some {{c1::two}} there.", [("short_cloze", "Some  there.")]),
        ("{{c1::Iron}} is $x$.", []),
        ("{{c1::Iron}} is ![](a.png).", []),
        # two things may be one answer, three are a set
        ("{{c1::a1}} and {{c1::a2}} rust today in wet air and more.", []),
        ("{{c1::a1}}, {{c1::a2}} and {{c1::A2}} rust today in wet air and more.", []),
        ("{{c1::a1}}, {{c1::a2}} and {{c1::a3}} rust today in wet air and more.", [("set", "")]),
        ("{{c1::a1}}, {{c1::a2}} and {{c2::a3}} rust today in wet air and more.", []),
    ],
)  # fmt: skip
def test_the_wording_of_a_cloze(text, expected):
    assert find(cards.cloze(text)) == expected
