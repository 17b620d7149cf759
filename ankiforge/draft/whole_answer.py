"""The words to ask for: which ones no question can be asked for, and what belongs to the others.

The program proposes gaps of a cloze. The answer of a question needs more: "95 %" may be "nearly
95 %" in the passage, and one item of a list is not the answer to a question about the list.
"""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.language.lexicon import language
from ankiforge.language.tables import listed
from ankiforge.language.tokens import Kind, Token, tokens
from ankiforge.language.words import beginning, beginnings
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
_AND = listed("cues", "and")
# German articles have the case of the sentence, which the answer does not have.
_ARTICLES = listed("cues", "articles") - listed("cues", "articles", "de")
_CONJUNCTIONS = frozenset("whereas while although though because since".split())
_JOINING_SIGNS = ("(", "/", "-", "_")
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
    begins_small = inner[0].kind == Kind.SMALL and inner[0].folded not in _ARTICLES
    if begins_small or inner[0].folded in _CONJUNCTIONS:
        return False
    if _is_cut(sentence, span):
        return False
    return not (_is_list(inner) or _is_item(sentence, span, words))


def _is_cut(sentence: str, span: Span) -> bool:
    """Return whether words are cut from a longer one: `log` of `O(log(N))`."""
    start, end = span
    if sentence[end : end + 1] in _JOINING_SIGNS:
        return True
    before = sentence[:start][-2:]
    is_joined = before[-1:] in _JOINING_SIGNS and not before[:1].isspace()
    return len(before) == 2 and is_joined


def _is_list(inner: Sequence[Token]) -> bool:
    commas = sum(word.word == "," for word in inner)
    return commas >= 2 or (commas == 1 and any(word.folded in _AND for word in inner))


def _is_item(sentence: str, span: Span, words: Sequence[Token]) -> bool:
    """Return whether words are one of several: "X and Y", "such as X", "X, Y and Z"."""
    start, end = span
    before, after = _on_both_sides(span, words)
    if before and before[-1].folded in _ARTICLES:
        before.pop()
    is_after_and = bool(before) and before[-1].folded in _AND
    is_before_and = bool(after) and after[0].folded in _AND
    if is_after_and or is_before_and:
        return True
    if _EXAMPLE.search(sentence[:start]):
        return True
    return _MORE_ITEMS.match(sentence, end) is not None


def whole_answer(sentence: str, span: Span, question: str, name: str) -> Span:
    """Return the span of an answer with its qualifier, unit or article.

    A number takes its qualifier ("nearly", "by") and its unit, unless the question has it;
    a noun takes its article, where articles have no cases.
    """
    start, end = span
    words = tokens(sentence, language(name))
    if any(sign.isdigit() for sign in sentence[start:end]):
        start = _start_with_qualifier(sentence, start, question)
        end = _end_with_unit(sentence, span, question, words)
    elif name != "de":
        start = _start_with_article(span, words)
    return start, end


def _start_with_qualifier(sentence: str, start: int, question: str) -> int:
    """Return where a number begins, with a qualifier that the question does not have."""
    qualifier = _QUALIFIER.search(sentence[:start])
    if qualifier is None or qualifier[0].strip().casefold() in question.casefold():
        return start
    return qualifier.start()


def _start_with_article(span: Span, words: Sequence[Token]) -> int:
    """Return where a noun begins, with its article; that of a longer term is not its own."""
    start, _ = span
    before, after = _on_both_sides(span, words)
    goes_on = bool(after) and after[0].kind in (Kind.NOUN, Kind.NAME)
    if before and before[-1].folded in _ARTICLES and not goes_on:
        return before[-1].start
    return start


def _end_with_unit(
    sentence: str, span: Span, question: str, words: Sequence[Token]
) -> int:
    """Return where a number ends, with a unit that the question does not have."""
    start, end = span
    percent_sign = _UNIT.match(sentence, end)
    if percent_sign:
        return percent_sign.end()
    number = sentence[start:end]
    _, after = _on_both_sides(span, words)
    if not after or not number[-1:].isdigit() or _YEAR.fullmatch(number):
        return end
    unit = after[0]
    is_next = unit.kind == Kind.NOUN and sentence[end : unit.start] == " "
    is_asked = beginning(unit.folded) in beginnings(question)
    return unit.end if is_next and not is_asked else end


def _on_both_sides(span: Span, words: Sequence[Token]) -> tuple[list[Token], list[Token]]:
    """Return the words before and after a span."""
    start, end = span
    before = [word for word in words if word.end <= start]
    after = [word for word in words if word.start >= end]
    return before, after
