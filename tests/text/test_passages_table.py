"""The text of a passage and around it: what is cut where, bullets, and numbers of footnotes."""

import pytest

from ankiforge.text.passages import (
    MAX_ANSWER_CONTEXT_CHARS,
    MAX_SUBJECT_CONTEXT_CHARS,
    get_paragraphs_around,
    join_bullets,
    remove_footnote_numbers,
    remove_truncated_first_word,
    remove_truncated_last_word,
)

LIMIT = MAX_SUBJECT_CONTEXT_CHARS
SENTENCE = "It is so, and so it was. "


def around(text: str, *, for_question: bool = False) -> str:
    """What is around the passage between brackets."""
    start, end = text.index("["), text.index("]") - 1
    plain = text.replace("[", "").replace("]", "")
    return get_paragraphs_around(plain, start, end, for_question=for_question)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[b]", "b"),
        ("a\n[b]\nc", "a\nb\nc"),
        ("a\n\nx [b] y\n\nc", "a\n\nx b y\n\nc"),
        # what does not fit is left out, and what is above goes first
        (f"{'a' * (LIMIT - 2)}\n[b]\nc", f"{'a' * (LIMIT - 2)}\nb"),
        (f"{'a' * (LIMIT - 1)}\n[b]\nc", "b\nc"),
        (f"a\n[b]\n{'c' * (LIMIT - 4)}", f"a\nb\n{'c' * (LIMIT - 4)}"),
        (f"a\n[b]\n{'c' * (LIMIT - 3)}", "a\nb"),
        (f"x\n{'a' * (LIMIT - 4)}\n[b]\nc", f"x\n{'a' * (LIMIT - 4)}\nb"),
        # its own paragraph is cut after a sentence of the half that is shown, or at a space
        (f"[b] {SENTENCE * 30}", f"b {SENTENCE * 23}…"),
        (f"{SENTENCE * 30}[b]", f"… {SENTENCE * 23}b"),
        (f"[b]{' c' * LIMIT}", f"b{' c' * (LIMIT // 2 - 3)} …"),
        (f"{'c ' * LIMIT}[b]", f"… {'c ' * (LIMIT // 2 - 3)}b"),
        (f"{'c ' * LIMIT}[{'b' * LIMIT}]{' c' * LIMIT}", f"… {'b' * LIMIT} …"),
        # a short side leaves its part to the other
        (f"a [b]{' c' * LIMIT}", f"a b{' c' * (LIMIT // 2 - 4)} …"),
    ],
)
def test_the_paragraphs_around_a_passage(text, shown):
    assert around(text) == shown


def test_a_question_has_more_text_around_it():
    text = f"{'a' * (MAX_ANSWER_CONTEXT_CHARS - 2)}\n[b]\nc"
    assert around(text, for_question=True) == text[:-2].replace("[b]", "b")
    assert around(text) == "b\nc"


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        (f"ds {'a' * 77}", "a" * 77),  # as long as its source lets it be
        (f"ds {'a' * 29}", "a" * 29),
        (f"ds {'a' * 76}", f"ds {'a' * 76}"),
        (f"{'d' * 24} {'a' * 55}", "a" * 55),
        (f"{'d' * 25} {'a' * 54}", f"{'d' * 25} {'a' * 54}"),
        (f"ds{' ' * 78}", f"ds{' ' * 78}"),
        (f" s {'a' * 77}", f" s {'a' * 77}"),
        ("", ""),
    ],
)
def test_a_word_that_may_be_cut_off_is_left_out(before, shown):
    assert remove_truncated_first_word(before) == shown
    assert remove_truncated_last_word(before[::-1]) == shown[::-1]


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("no list", "no list"),
        ("• one", "• one"),
        ("one • two", "one; two"),
        ("• one\n• two", "one; two"),
        ("  • a ‣ b ● c", "a; b; c"),
        ("a, • b. • c? • d… • e", "a, b. c? d… e"),
        ("one.• two", "one.• two"),
    ],
)
def test_bullets_become_semicolons(text, joined):
    assert join_bullets(text) == joined


@pytest.mark.parametrize(
    ("passages", "cleaned"),
    [
        # after a word, with and without signs between, and after a full stop
        (["released25 it", "a finger12."], ["released it", "a finger."]),
        (["it released118, then"], ["it released, then"]),
        (["He slept.12 Then", "“Done.”34 But", "It was.56"], ["He slept. Then", "“Done.” But", "It was."]),
        (["a musclesfn1 b", "c decline2,3 d", "e slept4–6 f"], ["a muscles b", "c decline d", "e slept f"]),
        # the same word and number twice are a name, and so are these
        (["word1 a", "word1 b", "other2 c", "third3 d", "next4 e"], ["word1 a", "word1 b", "other c", "third d", "next e"]),
        (["python3 a", "sha256 b", "covid19 c", "other2 d", "third4 e", "next5 f"],
         ["python3 a", "sha256 b", "covid19 c", "other d", "third e", "next f"]),
        # with less than three numbers, only what is certain
        (["word1 a", "other2 b"], ["word1 a", "other2 b"]),
        (["word1 a", "other2 b", "third3 c"], ["word a", "other b", "third c"]),
        (["Windows10 is", "decline118 is"], ["Windows10 is", "decline is"]),
        (["Windows10 is", "Area51 is", "one118", "two12 is"], ["Windows10 is", "Area51 is", "one", "two is"]),
        (["words12 is", "wor12 is"], ["words is", "wor12 is"]),
        # no numbers of notes
        (["slept.12 then", "released25x", "https://x.org/abc25 x", "サーバー25 x", "no number"],
         ["slept.12 then", "released25x", "https://x.org/abc25 x", "サーバー25 x", "no number"]),
        ([], []),
    ],
)  # fmt: skip
def test_the_numbers_of_footnotes_are_left_out(passages, cleaned):
    assert remove_footnote_numbers(passages) == cleaned
