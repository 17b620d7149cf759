"""Leave out of a card's context what gives its answer away.

Above the question, a card shows where it comes from: document › headings › list items.
A heading may contain the answer, perhaps in another inflection: `Catalysis` above “What
speeds it up? A catalyst”. The note of a card and the review page show only the parts
that `safe_context` returns.
"""

from __future__ import annotations

from ankiforge.model import Card, CardKind, Strings
from ankiforge.text import occlusion, regex
from ankiforge.text.cloze import gaps, plain
from ankiforge.text.fold import canonical

_WORD = regex(r"\w+")
_IN_PARENTHESES = regex(r"\([^()]*\)")
# Words that two texts may share without saying the same.
_STOP_WORD_LIST = (
    "a an the of in for that it to is be and by der die das des ein eine"
    " le la les un une de du el los las del"
)
_STOP_WORDS = frozenset(_STOP_WORD_LIST.split())
# The part of the answer's words that must be in a text to give the answer away.
_REVEALING_PART = 2 / 3
# The least number of the answer's words that must be there, if it has as many.
_FEWEST_WORDS = 2
# Letters at the beginning of a word that stay the same in its other forms.
_STEM_CHARS = 5


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
    bare_answer = canonical(_IN_PARENTHESES.sub(" ", answer))
    shown = canonical(text)
    unspaced_answer = "".join(bare_answer.split())
    if not unspaced_answer.isascii() and unspaced_answer in "".join(shown.split()):
        return True
    stems = set(map(_stem, set(_WORD.findall(bare_answer)) - _STOP_WORDS))
    shown_stems = set(map(_stem, _WORD.findall(shown)))
    enough = max(len(stems) * _REVEALING_PART, min(len(stems), _FEWEST_WORDS))
    return bool(stems) and len(stems & shown_stems) >= enough


def _stem(word: str) -> str:
    """Return the letters that the forms of a word share: the first five, or all but a plural s."""
    if len(word) > _STEM_CHARS:
        return word[:_STEM_CHARS]
    return word.removesuffix("s")
