"""Lines that may be no cards: `a :: b` with blanks, which people write as prose, too.

A person says once for each source whether such lines are cards (`QuestionKind.FORM`). The
answer is an event about the form, and counts for later lines, too.
"""

from __future__ import annotations

from ankiforge.ledger.store import Store
from ankiforge.model import Highlight
from ankiforge.text import regex

ACCEPTED = "accept"
"""The choice of a person that lines of a form are cards, as the journal has it."""
NEVER = "never"
"""The choice that they are no cards."""
NO_CARDS = "you said that such lines are no cards"
"""The reason of lines for which `NEVER` was chosen."""
LEFT_OUT = f"skip: {NO_CARDS}"
"""The same as `Highlight.skip`."""

_DOUBTFUL_FORM = "a :: b"
# The first colons of a line are between words without blanks.
_TIGHT = regex(r"^[^:]*[^\s:]::[^\s:]")
# May follow the question mark: `What is this? ![](a.png)`.
_PICTURE = regex(r"!\[[^\]]*\]\([^)]*\)")


def form_key(source: str, written: str) -> str:
    """Return the key of the events about a form of hand-written cards in one source."""
    return f"form:{source}:{written}"


def is_doubtful(highlight: Highlight) -> bool:
    """Return whether a person has to say that a line is a card.

    It is if it has blanks around its colons, and is neither declared a card nor a
    question.
    """
    if highlight.written != _DOUBTFUL_FORM or _TIGHT.search(highlight.exact):
        return False
    front = highlight.markdown[0] if highlight.markdown else ""
    words = _PICTURE.sub("", front)
    is_question = words.rstrip().endswith(("?", "？"))
    return not highlight.declared and not is_question


def asks_form(store: Store, highlight: Highlight) -> bool:
    """Return whether a line is in doubt, and nobody said that such lines are cards."""
    return is_doubtful(highlight) and form_choice(store, highlight) != ACCEPTED


def form_choice(store: Store, highlight: Highlight) -> str:
    """Return what a person decided on lines in doubt: `ACCEPTED` or `NEVER`, else ""."""
    if not is_doubtful(highlight):
        return ""
    key = form_key(highlight.document.source, highlight.written)
    return store.passage(key).form
