"""What the tables of the proposals say about a line and a phrase, for marks of a reader."""

from __future__ import annotations

from ankiforge.draft.propose.whole import is_whole_line
from ankiforge.language.lexicon import language
from ankiforge.language.recognition import language_of
from ankiforge.language.tokens import Kind, tokens
from ankiforge.model import Highlight

_NAMES = frozenset(
    (Kind.NOUN, Kind.NAME, Kind.NUMBER, Kind.VERB, Kind.SHIELD, Kind.UNSAFE)
)

# The words of a preposition with its noun that only say how.
_MOST_IN_ADVERBIAL = 2


def is_clause(highlight: Highlight, text: str) -> bool:
    """Return whether a line without a full stop is a sentence: a subject with its verb."""
    name = language_of(text, highlight.nearby, highlight.context)
    return is_whole_line(text, language(name))


def is_term(highlight: Highlight, text: str, phrase: str) -> bool:
    """Return whether a phrase of a text names or tells something, and is no mere adjective.

    True if the language has no tables.
    """
    name = language_of(text, highlight.nearby, highlight.context)
    tables = language(name)
    start = text.find(phrase)
    if not tables.small or name == "cjk" or start < 0:
        return True
    end = start + len(phrase)
    # A formula or code is one word with its signs, which are not in the phrase.
    inner = [
        word for word in tokens(text, tables) if word.start < end and word.end > start
    ]
    is_adverbial = (
        len(inner) <= _MOST_IN_ADVERBIAL
        and any(  # `in phases`, `by default`
            word.folded in tables.prepositions for word in inner[:1]
        )
    )
    if is_adverbial:
        return False
    # a noun, a verb, a name, a number, code or a formula
    return any(
        word.kind in _NAMES
        or (len(word.word) > 1 and word.word.isupper())
        or word.folded in tables.numbers
        for word in inner
    )
