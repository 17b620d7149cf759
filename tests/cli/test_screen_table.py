"""What of a frame is shown in a window: the card before what is around it."""

import pytest
from rich.text import Text

from ankiforge.cli.screen import Frame, keys_within


def lines(letters: str) -> list[Text]:
    return [Text(letter) for letter in letters]


@pytest.mark.parametrize(
    ("above", "body", "said", "most", "shown"),
    [
        ("pq", "abc", "", 20, "p q a b c"),
        ("pq", "abc", "s", 20, "p q a b c s"),
        ("pqrs", "abc", "s", 6, "p … a b c s"),
        ("pqrs", "abc", "s", 5, "… a b c s"),
        ("pqrs", "abc", "s", 4, "a b c s"),
        ("pqrs", "abcdef", "st", 7, "a b c d e f s"),
        ("", "abcdef", "", 4, "a b c rest"),
        ("p", "abcdef", "st", 4, "a b rest s"),
        ("p", "a" * 30, "", 36, " ".join("p" + "a" * 30)),
    ],
)
def test_the_card_is_shown_before_the_rest(above, body, said, most, shown):
    frame = Frame(lines(above), lines(body), lines(said)).fitting(most, 20)
    rows = [*frame.above, *frame.body, *frame.rest, *frame.said]
    assert len(rows) <= most
    told = " ".join(row.plain.strip() for row in rows if row.plain)
    assert told.replace("… v shows the rest", "rest") == shown
    assert (len(frame.body) == len(body)) == ("rest" not in shown)


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (60, "Enter accept · x reject · e edit · ? more · Esc end"),
        (50, "Enter accept · x reject · ? more · Esc end"),
        (32, "Enter accept · ? more · Esc end"),
        (24, "Enter accept · Esc end"),
        (20, "Enter accept"),
        (5, "Enter accept"),
    ],
)
def test_the_key_that_accepts_is_never_left_out(columns, shown):
    keys = ("Enter accept", "x reject", "e edit", "? more", "Esc end")
    assert keys_within(keys, columns) == shown
