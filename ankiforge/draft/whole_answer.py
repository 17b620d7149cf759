"""The words to ask for: which ones no question can be asked for, and what belongs to the others.

The program proposes gaps of a cloze. The answer of a question needs more: "95 %" may be "nearly
95 %" in the passage, and one item of a list is not the answer to a question about the list.
"""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.draft.propose.tokens import Kind, Token, tokens
from ankiforge.draft.propose.words import language
from ankiforge.model import Span
from ankiforge.text import regex

_NAMING = (
    Kind.NOUN,
    Kind.NAME,
    Kind.NUMBER,
    Kind.SHIELD,
    Kind.ADJECTIVE,
    Kind.UNSAFE,
)
_AND = frozenset("and or und oder sowie et ou y e o u".split())
# German articles have the case of the sentence, which the answer does not have.
ARTICLES = frozenset("a an the le la les l' un une el los las una il lo gli i".split())
_JOINING = frozenset("whereas while although though because since".split())
_EXAMPLE = regex(
    r"(?i)(?:\bsuch as|\blike|\bincluding|\be\.g\.,?|\bfor example,?|\bfor instance,?|\bone of"
    r"|\bz\. ?B\.|\bzum Beispiel|\bwie etwa|\bcomme|\bpar exemple,?|\bcomo|\bpor ejemplo,?)\s+$"
)
_MORE_ITEMS = regex(r"\s*,[^,.;]{2,40},? (?:and|or|und|oder|et|ou|y|o)\s")
_QUALIFIER = regex(
    r"(?i)\b(?:about|around|nearly|almost|approximately|approx\.|roughly|over|under|only|just over"
    r"|just under|just|some|at least|at most|(?:no )?(?:more|less|fewer) than|up to|by|before|after"
    r"|since|until|ca\.|circa|etwa|rund|fast|knapp|über|mindestens|höchstens|mehr als|weniger als"
    r"|bis zu|nur|ungefähr|vor|nach|seit|bis|environ|près de|presque|plus de|moins de|au moins"
    r"|au plus|jusqu'à|avant|après|depuis|casi|unos|unas|aproximadamente|alrededor de|cerca de"
    r"|más de|menos de|al menos|hasta|solo|sólo|desde|antes de|después de)\s+$"
)
_YEAR = regex(r"1\d{3}|20\d\d")
_UNIT = regex(r"\s?%|\s(?:percent|per cent|Prozent|pour cent|por ciento)\b")
_WORD = regex(r"[^\W_]+")
_BEGINNING = 5


def is_askable(sentence: str, span: Span, name: str) -> bool:
    """Return whether a question can ask for words of a sentence.

    It cannot for words without a noun, words cut from a longer one, a list, and one item
    or example of several, to which the others would be right answers, too.

    Args:
        sentence: as plain text.
        span: the words.
        name: the language, as `en`.
    """
    start, end = span
    words = tokens(sentence, language(name))
    inner = [word for word in words if start <= word.start < end]
    if not inner or not any(word.kind in _NAMING for word in inner):
        return False
    begins_small = inner[0].kind == Kind.SMALL and inner[0].low not in ARTICLES
    if begins_small or inner[0].low in _JOINING:
        return False
    if _is_cut(sentence, span):
        return False
    return not (_is_list(inner) or _is_item(sentence, span, words))


def _is_cut(sentence: str, span: Span) -> bool:
    """Return whether words are cut from a longer one: `log` of `O(log(N))`."""
    start, end = span
    before = sentence[:start][-2:]
    is_joined = before[-1:] in ("(", "/", "-", "_") and not before[:1].isspace()
    return (len(before) == 2 and is_joined) or sentence[end : end + 1] in tuple("(/-_")


def _is_list(inner: Sequence[Token]) -> bool:
    commas = sum(word.word == "," for word in inner)
    return commas >= 2 or (commas == 1 and any(word.low in _AND for word in inner))


def _is_item(sentence: str, span: Span, words: Sequence[Token]) -> bool:
    """Return whether words are one of several: "X and Y", "such as X", "X, Y and Z"."""
    start, end = span
    before = [word.low for word in words if word.end <= start]
    behind = [word.low for word in words if word.start >= end]
    if before and before[-1] in ARTICLES:
        before.pop()
    if (before and before[-1] in _AND) or (behind and behind[0] in _AND):
        return True
    if _EXAMPLE.search(sentence[:start]):
        return True
    return _MORE_ITEMS.match(sentence, end) is not None


def whole_answer(sentence: str, span: Span, question: str, name: str) -> Span:
    """Return the words of an answer with what belongs to them.

    A number takes its qualifier ("nearly", "by") and its unit, unless the question has it;
    a noun takes its article, where articles have no cases.
    """
    start, end = span
    words = tokens(sentence, language(name))
    if any(sign.isdigit() for sign in sentence[start:end]):
        end = _behind_unit(sentence, span, question, words)
        qualifier = _QUALIFIER.search(sentence[:start])
        if qualifier and qualifier[0].strip().casefold() not in question.casefold():
            start = qualifier.start()
        return start, end
    before = [word for word in words if word.end <= start]
    behind = [word for word in words if word.start >= end]
    is_followed = bool(behind) and behind[0].kind in (Kind.NOUN, Kind.NAME)
    if before and before[-1].low in ARTICLES and name != "de" and not is_followed:
        start = before[-1].start
    return start, end


def _behind_unit(sentence: str, span: Span, question: str, words: Sequence[Token]) -> int:
    """Return the end of a number with its unit."""
    start, end = span
    sign = _UNIT.match(sentence, end)
    if sign:
        return sign.end()
    number = sentence[start:end]
    behind = [word for word in words if word.start >= end]
    if not number[-1:].isdigit() or _YEAR.fullmatch(number) or not behind:
        return end
    unit = behind[0]
    is_next = unit.kind == Kind.NOUN and sentence[end : unit.start] == " "
    asked = {word.casefold()[:_BEGINNING] for word in _WORD.findall(question)}
    is_asked = unit.low[:_BEGINNING] in asked
    return unit.end if is_next and not is_asked else end
