"""The cache of what models replied, and of what a small model asked about a passage.

It keeps why each question that made no card was dropped. So it can be shown at any time without
asking again, also after the database was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from ankiforge.model import Highlight, Value, h16


class Replies(Protocol):
    """A cache of raw replies by the hash of their request (the ledger has one). Thread-safe."""

    def get(self, request: str) -> str | None:
        """Return the raw reply to a request; None if there is none."""

    def put(
        self,
        request: str,
        raw: str,
        *,
        model: str,
        prompt: str,
        tokens: tuple[int, int] = (0, 0),
    ) -> None:
        """Store a reply durably, replacing an older one.

        Args:
            request: the hash of the request.
            raw: the reply.
            model: the model that was asked, as the settings call it.
            prompt: the fingerprint of the prompt.
            tokens: how many tokens went in and came out; (0, 0) if nothing was paid.
        """


# --- what came of the answers that were proposed to a small model ---------------------


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
