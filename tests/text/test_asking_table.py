"""Which question a comment asks, and what it says before and after it, comment by comment."""

import pytest

from ankiforge.text.comment_questions import CommentQuestion, find_question


def asked(words: str, before: str = "", after: str = "", **more: bool) -> CommentQuestion:
    return CommentQuestion(words, before, after, **more)


WHOLE = asked("What is iron?")
ROWS = {
    # without a mark, or with fewer than three words, it asks nothing
    "": None,
    "good to know": None,
    "why?": None,
    "?": None,
    "q: ": None,
    "note: iron": None,
    "鉄とは何ですか？": asked("鉄とは何ですか？"),
    # signs around it
    "What is iron?": WHOLE,
    "**What is iron**?": WHOLE,
    "- What is iron?": WHOLE,
    "1. What is iron?": WHOLE,
    "What is iron? (p. 3)": WHOLE,
    "What is iron? #chemistry": WHOLE,
    "What is iron??? …": WHOLE,
    "(?) What is iron?": WHOLE,
    "?? What is iron?": WHOLE,
    "What is iron?!": asked("What is iron?!"),
    "«Qu'est-ce que le fer ?»": asked("Qu'est-ce que le fer ?"),
    "1. What is 2. x?": asked("What is 2\\. x?"),
    # a mark within a word, an address, code or quotes asks nothing
    "see https://a.org/?q=1 for more": None,
    "He asked “why not so?” and left.": None,
    "`a?b:c` is ternary": None,
    "What does foo?.bar do?": asked("What does foo?.bar do?"),
    "What (really?) is iron?": asked("What (really?) is iron?"),
    # where it begins
    "Iron rusts. What is rust?": asked("What is rust?", "Iron rusts."),
    "Iron rusts\nWhat is rust?": asked("What is rust?", "Iron rusts"),
    "Iron\nrusts what is rust?": asked("Iron rusts what is rust?"),
    "What? What is iron, then?": asked("What is iron, then?", "What?"),
    "Iron?\n\nand so what is rust?": asked("and so what is rust?", "Iron?"),
    # where it ends
    "What is iron? And steel.": asked("What is iron?", after="And steel."),
    "Is it so? Yes. What is rust?": asked("Is it so?", after="Yes. What is rust?"),
    "What is iron? And what is steel?": asked("What is iron? And what is steel?", is_single=False),
    # an answer by its label
    "What is iron? A: a metal": asked("What is iron?", after="a metal", is_answered=True),
    "What is iron?\na: a metal": asked("What is iron?", after="a metal", is_answered=True),
    "What is iron?\nA metal": asked("What is iron?", after="A metal"),
    # a question by its label, whatever it says
    "q: iron": asked("iron"),
    "? iron": asked("iron"),
    "Frage: was ist Eisen?": asked("was ist Eisen?"),
    "q: iron\na: a metal": asked("iron", after="a metal", is_answered=True),
    "? iron and\nsteel\n=> metals": asked("iron and steel", after="metals", is_answered=True),
    "q: Is it so? And why? Yes.": asked("Is it so? And why?", after="Yes.", is_single=False),
    # with an introduction
    "In cells: what makes ATP?": asked("In cells: what makes ATP?"),
    "Is 3: 4 so?": asked("Is 3: 4 so?"),
}  # fmt: skip


@pytest.mark.parametrize(("comment", "question"), ROWS.items(), ids=list(ROWS))
def test_the_question_of_a_comment(comment, question):
    assert find_question(comment) == question
