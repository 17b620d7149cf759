"""The text of a passage and around it: what is cut where, bullets, and numbers of footnotes."""

import pytest

from ankiforge.text.passages import (
    join_bullets,
    remove_footnote_numbers,
)


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
