import pytest

from ankiforge.draft import Wish, instruction

# --- what a comment asks for ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("comment", "wish", "words"),
    [
        ("skip", Wish.SKIP, ""),
        ("Skip.", Wish.SKIP, ""),
        ("skip: known", Wish.SKIP, "known"),
        ("skip connections matter", Wish.NONE, "skip connections matter"),
        ("? What is REM?", Wish.QUESTION, "What is REM?"),
        ("?", Wish.NONE, ""),
        ("q: What is REM", Wish.QUESTION, "What is REM"),
        ("Q:What is REM?", Wish.QUESTION, "What is REM?"),
        ("What happens in REM?", Wish.QUESTION, "What happens in REM?"),
        ("why?", Wish.NONE, "why?"),
        ("really??", Wish.NONE, "really??"),
        ("レム睡眠とは何か？", Wish.QUESTION, "レム睡眠とは何か？"),
        ("c: four stages", Wish.CLOZE, "four stages"),
        ("c:", Wish.CLOZE, ""),
        ("cf. Walker", Wish.NONE, "cf. Walker"),
        ("#no-llm skip", Wish.SKIP, ""),
        ("What is REM?\n— Bo: A phase of sleep.", Wish.QUESTION, "What is REM?"),
        ("? What is\nREM\n— Bo: Sleep.\n— Is it?", Wish.QUESTION, "What is REM"),
        ("c: four stages\n— Bo: five!\nor six", Wish.CLOZE, "four stages"),
        ("skip\n— Bo: Why?", Wish.SKIP, ""),
        ("— Bo: Is it one phase or two?", Wish.NONE, ""),
        ("cf. Walker\n— Bo: Is it one phase or two?", Wish.NONE, "cf. Walker"),
        ("What is REM — a dream?", Wish.QUESTION, "What is REM — a dream?"),
        ("", Wish.NONE, ""),
    ],
)
def test_a_comment_is_understood(comment, wish, words):
    assert instruction(comment).wish is wish
    assert instruction(comment).words == words
