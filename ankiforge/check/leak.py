"""Leave out of a card's context what gives its answer away.

Above the question, a card shows where it comes from: document › headings › list items.
A heading may contain the answer, perhaps in another inflection: `Catalysis` above “What
speeds it up? A catalyst”. The note of a card and the review page show only the parts
that `safe_context` returns.

Tested by `tests/check/test_leak.py`.
"""

from __future__ import annotations

from ankiforge.language.lexicon import listed
from ankiforge.language.words import beginning, beginnings, tokens
from ankiforge.model import Card, CardKind, Strings
from ankiforge.text import occlusion, regex
from ankiforge.text.cloze import gaps, plain
from ankiforge.text.fold import for_comparing

_IN_PARENTHESES = regex(r"\([^()]*\)")
# Words that two texts may share without saying the same.
_NOT_TELLING = listed("cues", "articles") | listed("cues", "join").union(
    "in for that it to is be and by".split()
)
# The part of the answer's words that must be in a text to give the answer away.
_REVEALING_PART = 2 / 3
# The least number of the answer's words that must be there, if it has as many.
_FEWEST_WORDS = 2


def safe_context(card: Card, parts: Strings) -> Strings:
    """Return the parts of a card's context that do not give its answer away, in their order."""
    fields = dict(card.fields)
    if card.kind is CardKind.CLOZE:
        answers = [plain(gap.answer) for gap in gaps(fields.get("Text", ""))]
    elif card.kind is CardKind.OCCLUSION:
        answers = list(occlusion.names(occlusion.masks_in(fields)))
    else:
        answers = [plain(fields.get("Back", ""))]
    if card.kind is CardKind.TWO_WAY:  # it is asked in reverse, too
        answers.append(plain(fields.get("Front", "")))
    safe = []
    for part in parts:
        if not any(_reveals(part, answer) for answer in answers):
            safe.append(part)
    return tuple(safe)


def _reveals(text: str, answer: str) -> bool:
    """Return whether a text contains the words of an answer, in any inflection.

    So `catalysis` matches `catalyst`. Two thirds of the words suffice, and two of two
    or three. Text in parentheses in the answer is ignored.

    Scripts without blanks between words, such as Chinese, are compared as one string.
    """
    bare_answer = for_comparing(_IN_PARENTHESES.sub(" ", answer))
    shown = for_comparing(text)
    unspaced_answer = "".join(bare_answer.split())
    if not unspaced_answer.isascii() and unspaced_answer in "".join(shown.split()):
        return True
    words = frozenset(tokens(bare_answer)) - _NOT_TELLING
    wanted = frozenset(map(beginning, words))
    enough = max(len(wanted) * _REVEALING_PART, min(len(wanted), _FEWEST_WORDS))
    return bool(wanted) and len(wanted & beginnings(shown)) >= enough
