"""Why a passage is not proposed, in words for a person."""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """Why a passage is not proposed; the value is what a person reads."""

    ASIDE = "advice or an aside"
    QUESTION = "a question, which states nothing"
    FRAGMENT = "a fragment"
    HEADING = "a heading"
    SAYS_LITTLE = "says little to ask about"
    NO_GAP = "nothing in it stands out as the words to hide"
    UNNAMED = "does not name its subject"
    TOO_LONG = "too long for one card: mark the words to hide"
    FORM = "a card of your own"
    KINDS = "its deck takes no cards with gaps"
