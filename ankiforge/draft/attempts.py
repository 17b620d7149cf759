"""What a small model asked about a passage, and why each question that made no card was dropped.

This is kept beside the model's replies. So it can be shown at any time without asking again, also
after the database was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ankiforge.model import Highlight, Value, h16


class Attempt(Value):
    """What came of one of the proposed answers."""

    proposed: str
    """As plain text."""
    question: str = ""
    """By the model; "" if there is none."""
    own_answer: str = ""
    """What the model answered to its question; "" if it was not asked."""
    dropped: str = ""
    """Why it is not a card; "" = it is one."""


Attempts = tuple[Attempt, ...]
"""In the order of the proposed answers."""


def attempts_name(highlight: Highlight) -> str:
    """Return the name under which the attempts about a passage are kept, with its current text."""
    return f"attempts/{h16(highlight.key, highlight.exact)}"


def encode_attempts(attempts: Sequence[Attempt]) -> str:
    """Return attempts as they are kept."""
    return msgspec.json.encode(attempts).decode()


def attempts_about(highlight: Highlight, kept: Callable[[str], str | None]) -> Attempts:
    """Return the last attempts of a small model for a passage; () if it was not asked about it.

    Args:
        highlight: the passage.
        kept: returns what is kept under a name.
    """
    encoded = kept(attempts_name(highlight))
    if encoded is None:
        return ()
    return msgspec.json.decode(encoded, type=Attempts)
