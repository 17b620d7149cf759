"""The wording of questions: one fact, one right answer, understood without the source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ankiforge.check.context import Context
from ankiforge.check.language import language
from ankiforge.check.lexical.reading import read
from ankiforge.check.lexical.words import content, has_word, stem, word_count
from ankiforge.check.rule import Bound, Rule
from ankiforge.check.source.claims import is_choice
from ankiforge.model import CardKind, Draft, Family, Finding, Severity

# --- questions that a pattern betrays ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A rule broken by a front in which `found` stands and `unless` does not."""

    rule: Rule
    found: re.Pattern[str]
    unless: re.Pattern[str] | None = None

    def broken_by(self, front: str) -> bool:
        return bool(self.found.search(front)) and not (self.unless and self.unless.search(front))


def _pattern(id: str, severity: Severity, says: str, found: str, unless: str = "") -> _Pattern:
    compiled = re.compile(unless, re.IGNORECASE) if unless else None
    return _Pattern(Rule(id, severity, says), re.compile(found, re.IGNORECASE), compiled)


_AUXILIARY = (
    "is|are|was|were|does|do|did|can|could|has|have|had|will|would|should|must|may"
    "|ist|sind|haben|kann|können|wird|werden|muss|darf"
)
_NO_YES_NO = (
    r"\b(?:or|oder)\b|\b(?:which|what|whom|whose|how many|how much)\b(?:\s+\S+){0,4}\?$"
    r"|^was\b.*\b(?:ist|sind|der|das|ein|eine[mnrs]?|und|wird|im|den|dem|bedeutet|macht|man)\b"
)
"""A choice, a question whose question word comes late, and the German `was`."""
_WH = "what|why|how|when|which|who|where"

_PATTERNS = (
    _pattern(
        "yes_no",
        Severity.BLOCK,
        "asks for yes or no",
        rf"^(?:[^,?]{{1,60}}, )?(?:{_AUXILIARY})\b[^?]*\?\s*$",
        _NO_YES_NO,
    ),
    _pattern(
        "pronoun_start",
        Severity.WARN,
        "asks about a word that points to a sentence before it",
        rf"^(?:(?:{_WH}) )?(?:{_AUXILIARY})? ?(?:it|they|this|these|that|those|he|she)\b",
        r"\b(?:it|they|this|that) (?:mean|means|called|take|takes|possible|\w+ing)\b"
        r"|\bit (?:that|always|best|better|hard|harder|easy|easier|difficult|important|necessary"
        r"|useful|good|bad|worth|wise|safe|essential|impossible|common|true|likely|legal)\b"
        r"|\?\s*(?:[\w'’-]+[,.]?\s+){4}",
    ),
    _pattern(
        "vague_superlative",
        Severity.WARN,
        "“main” or “key” has as many answers as readers",
        r"\b(?:primary|main|key|most important|fundamental|essential|core|central|biggest"
        r"|significant)\b (?:\w+ )?(?:benefit|advantage|disadvantage|reason|principle|purpose"
        r"|goal|challenge|characteristic|feature|idea|insight|obstacle|difference|role|problem"
        r"|factor|aspect|takeaway|point|concept|component|drawback|limitation|weakness|concern"
        r"|mechanism|tension|policy|cause|driver)s?\b",
        r"\b(?:two|three|four|five|[2-5])\b",
    ),
    _pattern(
        "indefinite_ask",
        Severity.WARN,
        "asks for one of many right answers",
        r"\bwhat (?:is|was) (?:an?|one|some) (?:\w+ )?(?:policy|benefit|advantage|disadvantage"
        r"|reason|consequence|effect|example|way|strategy|method|property|characteristic|feature"
        r"|problem|drawback|limitation|application|use)\b(?! called)|\bwhat are some\b"
        r"|\b(?:give|name) an example\b",
    ),
    _pattern(
        "why_important",
        Severity.WARN,
        "“why is it important” has as many answers as readers",
        r"^why (?:is|are|was|were) .{2,60} (?:important|critical|essential|crucial|significant"
        r"|useful|helpful|necessary|interesting)\b[^,]{0,40}\?",
    ),
    _pattern(
        "broad_how",
        Severity.WARN,
        "“how does it affect” is too broad to answer in one way",
        r"^how (?:does|do|did) [\w' -]{2,40} (?:affect|impact|influence|change|shape|improve"
        r"|relate to) [\w' -]{2,40}\?$",
        r"^how (?:does|do|did) (?:you|we|i|one|people)\b",
    ),
    _pattern(
        "and_question",
        Severity.WARN,
        "asks two things at once",
        rf"\b(?:{_WH})\b.{{3,200}}\band (?:{_WH})\b",
    ),
    _pattern("multi_question", Severity.WARN, "holds two questions", r"\?.*\?"),
    _pattern(
        "scare_quote_def",
        Severity.INFO,
        "asks what words in quotes mean",
        r"^what (?:is|does) [^“\"‘']{0,20}[“\"‘'][^”\"’']{3,40}[”\"’'](?:\s+\w+){0,2}\s*\??$",
        r"\b(?:word|term|phrase|verb|noun|adjective)\b",
    ),
)


def patterns(draft: Draft, context: Context) -> Iterator[Finding]:
    """Questions that have no single answer, or are no questions at all."""
    front = " ".join(read(draft).asked.split())
    german = front[:4].casefold() == "was " and _is_german(draft, context)
    shown = "![" in draft.field("Front")  # what `this` points at
    spared = ("yes_no",) * german + ("pronoun_start",) * shown
    for pattern in _PATTERNS:
        if pattern.rule.id in spared or not pattern.broken_by(front):
            continue
        yield pattern.rule.found()


def _is_german(draft: Draft, context: Context) -> bool:
    """Whether `was` is the German word for what."""
    return "German" in (language(read(draft).whole), language(context.highlight.exact))


# --- the answer -----------------------------------------------------------------------------

LEAK_EXACT = Rule("leak_exact", Severity.BLOCK, "the front holds the answer:")
LEAK_80 = Rule(
    "leak_80", Severity.WARN, "the front holds most words of the answer:", Bound(80, 10, 100, "%")
)
YES_NO_ANSWER = Rule("yes_no_answer", Severity.BLOCK, "the answer is yes or no")
_LIST, _LONG = "the answer is a list:", "the answer is too long:"
LIST_GT5 = Rule("list_gt5", Severity.BLOCK, _LIST, Bound(5, 1, 100, "items"))
LIST_GT3 = Rule("list_gt3", Severity.WARN, _LIST, Bound(3, 1, 100, "items"))
ANSWER_GT30W = Rule("answer_gt30w", Severity.BLOCK, _LONG, Bound(30, 1, 1000, "words"))
ANSWER_GT20W = Rule("answer_gt20w", Severity.WARN, _LONG, Bound(20, 1, 1000, "words"))
FRONT_GT30W = Rule(
    "front_gt30w", Severity.WARN, "the front is too long:", Bound(30, 4, 1000, "words")
)
FRONT_LT3W = Rule(
    "front_lt3w", Severity.WARN, "the front is too short:", Bound(3, 1, 20, "words", floor=True)
)

_SIGNED = re.compile(r"[`$]")
_OPERATOR = re.compile(r"[=^\\+*/<>≤≥&|~−]|\s-\s|\d-\d")


def leaks(draft: Draft, context: Context) -> Iterator[Finding]:
    """The front does not give its answer away; of a choice (“A or B?”) it must."""
    reading = read(draft)
    front, answer = reading.asked, reading.answers[0].strip(" .")
    words = set(content(answer))
    whole = has_word(answer.casefold(), front.casefold())
    if whole and len(answer) >= 4 and words and word_count(answer) <= 6:
        if not is_choice(front):
            yield LEAK_EXACT.found(f"“{answer}”")
    elif is_choice(front):
        return
    elif (
        len(words) >= 2 and not _OPERATOR.search(answer) and not _SIGNED.search(draft.field("Back"))
    ):
        asked = {stem(word) for word in content(front)}
        share = 100 * sum(stem(word) in asked for word in words) / len(words)
        if share >= context.limits.of(LEAK_80):
            yield LEAK_80.found(f"{share:.0f}%")


_YES_NO = re.compile(
    r"^(?:yes|no|true|false|ja|nein)(?:$|[.,;:!]|\s+[-–—]|\s+(?:because|since|but|as|it|they|if"
    r"|unless|only)\b)",
    re.IGNORECASE,
)


def yes_no_answer(draft: Draft, context: Context) -> Iterator[Finding]:
    """An answer tells more than one of two."""
    if _YES_NO.match(read(draft).answers[0].strip()):
        yield YES_NO_ANSWER.found()


_BULLET = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)\\]{1,2})[ \t]", re.MULTILINE)
_ITEM_WORDS = 5


def lists(draft: Draft, context: Context) -> Iterator[Finding]:
    """No enumerations: bullets, or at least three short items between commas."""
    items = len(_BULLET.findall(draft.field("Back"))) or _between_commas(read(draft).answers[0])
    yield from context.limits.counted(items, LIST_GT5, LIST_GT3)


_BRACKETED = re.compile(r"[(\[][^()\[\]]*[)\]]")
_CLAUSE = re.compile(
    r"(?:that|which|who|whose|where|when|while|if|but|because|as|so|such|then|thus|since|i\.e|e\.g)\b",
    re.IGNORECASE,
)
"""What stands between commas and is no item."""


def _between_commas(answer: str) -> int:
    plain = _BRACKETED.sub("", answer) or answer
    items = [item for item in re.split(r"[,;、，]\s+|[、，]", plain.strip(" .")) if item.strip()]
    short = all(word_count(item) <= _ITEM_WORDS and not _CLAUSE.match(item) for item in items)
    return len(items) if len(items) >= 3 and short else 1


def lengths(draft: Draft, context: Context) -> Iterator[Finding]:
    """A front that can be read at a glance, an answer that can be recalled whole."""
    reading = read(draft)
    yield from context.limits.counted(word_count(reading.answers[0]), ANSWER_GT30W, ANSWER_GT20W)
    front = word_count(reading.asked)
    if front and not (draft.kind is CardKind.TWO_WAY and front < _SHORT_TERM):
        yield from context.limits.counted(front, FRONT_GT30W, FRONT_LT3W)


_SHORT_TERM = 3
"""A two-way card asks for the meaning of a term by the term alone."""


# --- cards that point at the page, questions and clozes alike -----------------------------------

NO_ANTECEDENT_DOC = Rule(
    "no_antecedent_doc", Severity.BLOCK, "points at a text the card does not show:"
)
FIGURE_REFERENCE = Rule(
    "figure_reference", Severity.WARN, "points at a figure the card does not show:"
)

_WORKS = "paper|article|study|work|section|chapter|book|text|passage|excerpt|highlight"
_THINGS = (
    f"{_WORKS}|figure|table|equation|method|model|approach|technique|example|system|process"
    "|concept|idea|result|theorem"
)
_THIS = re.compile(rf"\b(?:this|these|those|such an?) ({_THINGS})s?\b", re.IGNORECASE)
_SAYS = (
    "says?|argues?|claims?|states?|describes?|mentions?|proposes?|suggests?|introduces?"
    "|presents?|calls?|shows?|discuss(?:es)?|explains?"
)
_THE_TEXT = re.compile(
    rf"\bthe authors?\b(?! (?:of|who|in whose)\b)"
    rf"|\baccording to the (?:{_WORKS}|authors?|source)\b(?! (?:of|that|by|on)\b)"
    rf"|\b(?:in|from) the (?:paper|article|passage|excerpt|highlight|text|study)"
    r"(?! (?:of|that|by|on|which|called|titled)\b| [“\"‘'])"
    rf"|\bthe (?:{_WORKS}|source|critique) (?:{_SAYS})\b"
    r"|\b(?:mentioned|described|discussed|shown|defined) (?:above|below|earlier|here)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(
    r"\b(?:fig(?:ure)?s?\.?|table|eqs?\.|equation|section|sect?\.|appendix)\s?\(?\d+", re.IGNORECASE
)


def points_at_page(draft: Draft, context: Context) -> Iterator[Finding]:
    """`This paper`, `the author`: a card is met alone; a thing it named itself may be pointed at."""
    shown = read(draft).whole if draft.kind.family is Family.CLOZE else read(draft).asked
    this = next((m for m in _THIS.finditer(shown) if not _named_before(m, shown)), None)
    match = this or _THE_TEXT.search(shown)
    if match:
        yield NO_ANTECEDENT_DOC.found(f"“{match[0]}”")
    elif figure := _FIGURE.search(shown):
        yield FIGURE_REFERENCE.found(f"“{figure[0]}”")


def _named_before(match: re.Match[str], text: str) -> bool:
    return match[1].casefold() in text[: match.start()].casefold()


def _on_questions(draft: Draft, context: Context) -> Iterator[Finding]:
    """All of them, on questions only."""
    if draft.kind.family is Family.BASIC:
        for check in (patterns, leaks, yes_no_answer, lists, lengths):
            yield from check(draft, context)


CHECKS = (_on_questions, points_at_page)
RULES = (
    *(pattern.rule for pattern in _PATTERNS),
    LEAK_EXACT,
    LEAK_80,
    YES_NO_ANSWER,
    LIST_GT5,
    LIST_GT3,
    ANSWER_GT30W,
    ANSWER_GT20W,
    FRONT_GT30W,
    FRONT_LT3W,
    NO_ANTECEDENT_DOC,
    FIGURE_REFERENCE,
)
