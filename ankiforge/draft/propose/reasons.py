"""Why a passage is not proposed, in words for a person."""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """Why a passage is not proposed; the value is what a person reads."""

    ASIDE = "advice or an aside"
    STORY = "part of a story"
    ANNOUNCEMENT = "announces what comes, or points at another place"
    QUESTION = "a question, which states nothing"
    FRAGMENT = "a fragment"
    HEADING = "a heading"
    SAYS_LITTLE = "says little to ask about"
    NO_GAP = "nothing in it stands out as the words to hide"
    CUT_OFF = "begins or ends within a sentence"
    GARBLED = "letters or blanks were lost when it was copied"
    TABLE = "part of a table or list, a caption or a reference"
    LONG = "its sentence is too long for a card"
    UNNAMED = "does not name its subject"
    FORM = "a card of your own"
    KINDS = "its deck takes no cards with gaps"
