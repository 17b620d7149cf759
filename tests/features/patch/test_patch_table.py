"""Tables of patches: how a difference is written, and what is shown of it."""

import pytest

from ankiforge.features.patch import work as patch

LONG = "The heart pumps blood through the vessels of the body, and the lungs take in the air."


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (b"a\nb\nc\n", b"a\nB\nc\n", b"@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"),
        (b"a\nb", b"a\nB", b"@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+B\n\\ No newline at end of file\n"),
        (b"a\r\n\xe9\x0c\n", b"a\r\n\xe8\x0c\n", b"@@ -1,2 +1,2 @@\n a\r\n-\xe9\x0c\n+\xe8\x0c\n"),
    ],
)  # fmt: skip
def test_a_difference_is_told_byte_by_byte(before, after, lines):
    names = b"--- a/n.md\n+++ b/n.md\n"
    assert patch.make_diff("n.md", before, after) == names + lines


@pytest.mark.parametrize(
    ("text", "other", "shown"),
    [
        ("a b", "a c", "a b"),
        (LONG, LONG.replace("The heart", "A heart"), LONG[:1]),
        (LONG, LONG.replace("air.", "gas."), "…"),
    ],
)
def test_what_is_shown_of_a_text_begins_before_the_first_difference(text, other, shown):
    told = patch._excerpt_difference(text, other)
    assert told.startswith(shown)
    assert len(told) <= patch._MAX_EXCERPT_CHARS


def test_the_difference_itself_is_shown():
    told = patch._excerpt_difference(LONG, LONG.replace("air.", "gas."))
    assert told.endswith("air.")
    assert not patch._excerpt_difference(LONG, f"X{LONG}").startswith("…")
