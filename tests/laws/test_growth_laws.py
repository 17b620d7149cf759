"""What reads texts of others takes time with their length, not with its square.

What is told is growth: twice the text takes less than three times as long, of this process's
own processor time; what is done at once has no growth.
"""

from time import process_time

import pytest

from ankiforge.draft.reply_cards import parse_all_cards
from ankiforge.draft.reply_json import parse_objects
from ankiforge.extract.markdown.placeholders import (
    find_comment_sentences,
    mask_comments_and_maths,
)
from ankiforge.web.documents import to_reading_view

pytestmark = pytest.mark.slow

LENGTH = 60_000
AT_ONCE = 0.3
TRIES = 3
READERS = {
    "parts of a note that are hidden": lambda text: list(find_comment_sentences(text)),
    "the source of a note": mask_comments_and_maths,
    "a note beside its card": to_reading_view,
    "the objects of an answer": parse_objects,
    "the cards of an answer": parse_all_cards,
}
PUMPED = [
    "[[",
    "<%*\n",
    "![[",
    "![",
    "<!--",
    "<!-- a ",
    "%%",
    "$$",
    "`",
    '{"',
    "{",
    "[{",
    "|a\n",
    "> ",
]


def taken(read, text: str) -> float:
    begun = process_time()
    read(text)
    return process_time() - begun


@pytest.mark.parametrize("unit", PUMPED)
@pytest.mark.parametrize("reader", READERS)
def test_twice_the_text_takes_about_twice_as_long(reader, unit):
    read = READERS[reader]
    text = unit * (LENGTH // len(unit))
    for _ in range(TRIES):
        once, twice = taken(read, text), taken(read, text * 2)
        if twice < max(3 * once, AT_ONCE):
            return
    raise AssertionError(f"{once:.2f} s, and {twice:.2f} s for twice as much")
