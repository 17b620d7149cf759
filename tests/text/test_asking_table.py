"""Which question a comment asks, and what it says before and after it, comment by comment."""

import pytest

from ankiforge.text.comment_questions import (
    CommentQuestion,
    find_question,
    format_reply,
    is_nearly_same_text,
    remove_replies,
)


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
    "**What is iron**?": asked("**What is iron**?"),
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
    "“What is iron?”": WHOLE,
    "(What is iron?)": WHOLE,
    "_What is iron?_": WHOLE,
    "== What is iron? ==": WHOLE,
    "[ ] What is iron?": WHOLE,
    "> What is iron?": WHOLE,
    "## What is iron?": WHOLE,
    "☐ What is iron?": WHOLE,
    "p. 3: What is iron?": WHOLE,
    "What is iron? [12]": WHOLE,
    "What is iron? (Moss 2003)": WHOLE,
    "What is iron?)": WHOLE,
    " #a #b What is iron? #c": WHOLE,
    "What is *iron*?": asked("What is *iron*?"),
    "What is “iron”?": asked("What is “iron”?"),
    "What is iron (Fe)?": asked("What is iron (Fe)?"),
    "What is iron ?": asked("What is iron ?"),
    "What is iron…?": asked("What is iron…?"),
    "What is iron?!?": asked("What is iron?!?"),
    "¿Qué es hierro?": asked("¿Qué es hierro?"),
    "Τι είναι ο σίδηρος;": asked("Τι είναι ο σίδηρος;"),
    "1) What is iron?": WHOLE,
    "**What is iron?": WHOLE,
    "What is iron?*": WHOLE,
    "“What is iron?": WHOLE,
    "(What is iron?": WHOLE,
    "'What is iron?'": WHOLE,
    "(a) What is (b)?": asked("(a) What is (b)?"),
    "“What” is “iron”?": asked("“What” is “iron”?"),
    "What is iron (?) now?": asked("What is iron (?) now?"),
    "? What is iron now": asked("What is iron now"),
    "What is iron”?": asked("What is iron”?"),
    "What **is iron?**": asked("What **is iron?**"),
    "It is *so*. What is iron? It is _so_": asked("What is iron?", "It is *so*.", "It is _so_"),
    "What is iron?[1] A metal": asked("What is iron?", after="A metal"),
    "? (p. 3)": None,
    "q: (p. 3) #x": None,
    "Is that a?b ok": None,
    "Is it a?B or not": asked("Is it a?", after="B or not"),
    "— “What is iron?” and so": asked("What is iron?", after="and so"),
    "He said “is it so?”, and left.": None,
    "See [x](https://a.b/c). What is iron?": asked("What is iron?", "See [x](https://a.b/c)."),
    "See [x](#a). Why is `x? y`, www.a.b/?x so?": asked("Why is `x? y`, www.a.b/?x so?", "See [x](#a)."),
    # a mark within a word, an address, code or quotes asks nothing
    "see https://a.org/?q=1 for more": None,
    "He asked “why not so?” and left.": None,
    "`a?b:c` is ternary": None,
    "What does foo?.bar do?": asked("What does foo?.bar do?"),
    "What (really?) is iron?": asked("What (really?) is iron?"),
    "Is `x?` ok, or y?": asked("Is `x?` ok, or y?"),
    "“What is iron?” He asked.": asked("What is iron?", after="He asked."),
    "“What is iron?” he asked.": asked("What is iron?", after="he asked."),
    "He asked “What is iron?” Then left.": asked("He asked “What is iron?”", after="Then left."),
    "a b c ? d": asked("a b c ?", after="d"),
    "What is iron? no, what": asked("What is iron?", after="no, what"),
    # where it begins
    "Iron rusts. What is rust?": asked("What is rust?", "Iron rusts."),
    "Iron rusts\nWhat is rust?": asked("What is rust?", "Iron rusts"),
    "Iron\nrusts what is rust?": asked("Iron rusts what is rust?"),
    "What? What is iron, then?": asked("What is iron, then?", "What?"),
    "Iron?\n\nand so what is rust?": asked("and so what is rust?", "Iron?"),
    "Iron rusts,\nis that so?": asked("Iron rusts, is that so?"),
    "Iron rusts.\nis that so?": asked("is that so?", "Iron rusts."),
    "Iron rusts\n\nis that so?": asked("is that so?", "Iron rusts"),
    "Iron rusts\nA: is that so?": asked("A: is that so?", "Iron rusts"),
    # where it ends
    "What is iron? And steel.": asked("What is iron?", after="And steel."),
    "Is it so? Yes. What is rust?": asked("Is it so?", after="Yes. What is rust?"),
    "What is iron? And what is steel?": asked("What is iron? And what is steel?", is_single=False),
    "What is iron?\n\nWhat is steel?": asked("What is iron? What is steel?", is_single=False),
    "What is iron? Why? Yes": asked("What is iron? Why?", after="Yes", is_single=False),
    "1) What is it?\n2) And what then?": asked("1\\) What is it? 2) And what then?", is_single=False),
    "What is iron?\n- one\n- two": asked("What is iron?", after="- one\n- two"),
    "**What is iron?** A metal": asked("What is iron?", after="A metal"),
    # an answer by its label
    "What is iron? A: a metal": asked("What is iron?", after="a metal", has_answer_label=True),
    "What is iron?\na: a metal": asked("What is iron?", after="a metal", has_answer_label=True),
    "What is iron?\nA metal": asked("What is iron?", after="A metal"),
    # a question by its label, whatever it says
    "q: iron": asked("iron"),
    "? iron": asked("iron"),
    "Frage: was ist Eisen?": asked("was ist Eisen?"),
    "q: iron\na: a metal": asked("iron", after="a metal", has_answer_label=True),
    "? iron and\nsteel\n=> metals": asked("iron and steel", after="metals", has_answer_label=True),
    "q: Is it so? And why? Yes.": asked("Is it so? And why?", after="Yes.", is_single=False),
    "What is iron? -> a metal": asked("What is iron?", after="a metal", has_answer_label=True),
    "What is iron? :: a metal": asked("What is iron?", after="a metal", has_answer_label=True),
    "What is iron?\nAntwort: ein Metall": asked("What is iron?", after="ein Metall", has_answer_label=True),
    "What is iron? Because a: b": asked("What is iron?", after="Because a: b"),
    "?iron": asked("iron"),
    "q:iron ore": asked("iron ore"),
    "q12: iron": asked("iron"),
    "Q. what is iron?": asked("what is iron?"),
    "? iron? steel? x": asked("iron? steel?", after="x", is_single=False),
    "iron\n? What is it now?": asked("What is it now?", "iron\n?"),
    # with an introduction
    "In cells: what makes ATP?": asked("In cells: what makes ATP?"),
    "Is 3: 4 so?": asked("Is 3: 4 so?"),
}  # fmt: skip


@pytest.mark.parametrize(("comment", "question"), ROWS.items(), ids=list(ROWS))
def test_the_question_of_a_comment(comment, question):
    assert find_question(comment) == question


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("The Liver “makes” bile.", 'the liver  "makes" bile.', True),
        ("abcdefghijk", "abcdefghijx", True),  # 10 letters of 11
        ("abcdefghij", "abcdefghix", False),
        ("a", "aa", False),
        ("", "", False),
    ],
)
def test_a_text_is_nearly_the_same(one, other, is_same):
    assert is_nearly_same_text(one, other) is is_same
    assert is_nearly_same_text(other, one) is is_same


def test_replies_of_others_are_lines_of_their_own():
    assert format_reply("Ann", "a\nb") == "↳ Ann: a\n↳ b"
    assert format_reply("", "a") == "↳ a"
    mine = "mine ↳ so\n ↳ and this"
    assert remove_replies(f"{mine}\n{format_reply('Ann', 'x')}\n↳") == mine
