"""Which answers are lists, and of what: with signs always, without them if the front asks for several."""

import pytest

from ankiforge.text.lists import split_answer_into_items

ASKS, OTHER = "Name them", "What is it?"
EIGHT, NINE = "a b c d e f g h", "a b c d e f g h i"


@pytest.mark.parametrize(
    ("front", "back", "items"),
    [
        # signs of items
        (OTHER, "- a\n- b", ["a", "b"]),
        (OTHER, "1. a\n2) b", ["a", "b"]),
        (OTHER, "a) x\nb) y", ["x", "y"]),
        (OTHER, "• a\n\\- b", ["a", "b"]),
        (OTHER, "- one\n  more\n- two", ["one\n  more", "two"]),
        (OTHER, "- `a b`", []),
        (ASKS, "- a", []),
        # lines without them
        (ASKS, "a\n\nb \nc", ["a", "b", "c"]),
        (ASKS, "**a**\nb\nc", ["**a**", "b", "c"]),
        (OTHER, "a\nb\nc", []),
        (ASKS, "a\nb", []),
        (ASKS, f"{EIGHT}\nb\nc", [EIGHT, "b", "c"]),
        (ASKS, f"{NINE}\nb\nc", []),
        # a line of items
        (ASKS, "iron, **zinc** and tin.", ["iron", "zinc", "tin"]),
        (ASKS, "iron; zinc & tin", ["iron", "zinc", "tin"]),
        (ASKS, "鉄、銅，錫", ["鉄", "銅", "錫"]),
        (ASKS, "iron (red, rusty), zinc, tin", ["iron (red, rusty)", "zinc", "tin"]),
        (OTHER, "iron, zinc and tin", []),
        (ASKS, "iron and zinc", []),
        (
            ASKS,
            "one two three four five six, b, c",
            ["one two three four five six", "b", "c"],
        ),
        (ASKS, "one two three four five six seven, b, c", []),
        (ASKS, ", ".join(["a"] * 40), ["a"] * 40),
        (ASKS, ", ".join(["a"] * 41), []),
        (ASKS, "iron, which is red, zinc and tin", []),
        (ASKS, "", []),
        # what asks for several
        ("Which", "a, b, c", ["a", "b", "c"]),
        ("What are the layers?", "a, b, c", ["a", "b", "c"]),
        ("The four", "a, b, c", ["a", "b", "c"]),
        ("They are (3)", "a, b, c", ["a", "b", "c"]),
        ("Nenne sie", "a, b und c", ["a", "b", "c"]),
        ("**Name** them", "a, b, c", ["a", "b", "c"]),
        ("of 3 terms", "a, b, c", []),
        # options and code only look like lists
        ("A. x B. y C. z", "- a\n- b", []),
        ("A. x B. y", "- a\n- b", ["a", "b"]),
        (ASKS, "- a\n- `b`", []),
        ("Name `f`", "- a\n- b", []),
        (ASKS, "a, b, f(x);", []),
    ],
)
def test_the_items_of_an_answer(front, back, items):
    assert split_answer_into_items(front, back) == items
