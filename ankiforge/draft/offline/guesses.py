"""Sentence patterns whose cards are right too seldom to be trusted: opt-in, and never unseen.

`**X** refers to …`, `X is a … that …`, one number in a sentence that names its subject: where
`rules: all` asks for them, each card waits for a person. Each refusal answers a bad card.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ankiforge.draft.offline.patterns import CODE, LONGEST, is_citation, leaks, stands_alone
from ankiforge.model import Span
from ankiforge.text.markdown import plain
from ankiforge.text.quotes import locate
from ankiforge.text.sentences import sentences


@dataclass(frozen=True, slots=True)
class Guess:
    """Words of a sentence that may be worth asking for."""

    rule: str
    """`emphasis`, `isa` or `number`."""
    span: Span
    """What is asked for, in code points of the text."""
    sentence: Span


def guesses(text: str, markdown: str = "") -> Iterator[Guess]:
    """At most one guess a sentence, the likelier rule first.

    `markdown` is the text as written; without it no word is known to be emphasised.
    """
    if _LISTED.match(markdown or text):
        return
    terms = tuple(_emphasised(markdown[: 2 * LONGEST]))
    for start, end in sentences(text[:LONGEST]):
        sentence = text[start:end]
        if not stands_alone(sentence) or is_citation(sentence) or CODE.search(sentence):
            continue
        for rule, span in (
            ("emphasis", _defined(sentence, terms)),
            ("isa", _is_a(sentence)),
            ("number", _number(sentence)),
        ):
            if span is not None:
                yield Guess(rule, (start + span[0], start + span[1]), (start, end))
                break


_LISTED = re.compile(r"\s*(?:[-*+•]|\d+[.)])\s")
"""An item of a list: half a thought, whose head stands above it."""


# --- X is a … that … ------------------------------------------------------------------------

_VACUOUS = re.compile(
    r"""(?:\w+ly\s|(?:\w+\s){0,3}(?:important|common|popular|crucial|key|critical|powerful|simple|useful|good
    |great|major|main|fundamental|special|natural|challenging|typical|classic|basic|interesting
    |significant|necessary|primary|perfect|prime|potential|possible|likely|frequent|serious
    |valuable|convenient|effective|essential|rich|huge|big|small|large|difficult|complex|central
    |well-\w+|notable|remarkable|striking|leading|strong|relatively|very|more|much|bit|lot|little
    |few|few\w*|couple|number|variety|range|series|way|means|matter|kind|sort|step|choice|result
    |consequence|product|sum|part|piece|problem|case|example|instance|reason|topic|subject|question
    |difference|issue|concern|member|feature|characteristic|source|cause|symptom|candidate|success
    |failure|challenge|goal|fact|sign|factor|area|focus|component|outcome|place|subset|property
    |good\w*|risk|threat|mistake|myth|hallmark|reminder|reflection|discipline|undertaking)\b)""",
    re.VERBOSE | re.IGNORECASE,
)
"""A critical practice for …: it says what somebody thinks of it, not what it is."""
_TELLS = re.compile(
    r"\s(?:that|which|who|whose|where|when|in which|by which|used|designed|caused)\s"
)
"""What makes a definition one: not any process, but the one by which …"""
_IS_A = re.compile(
    r"""(?P<article>(?:An?|The)\s)?
    (?P<term>[^\W\d_][\w’'-]*(?:\s(?:of\s)?[^\W\d_][\w’'-]*){0,3}?)
    (?:\s\((?P<aside>[^()]{2,40})\))?
    \s(?:is|refers\sto)\s(?P<what>an?\s.+|the\s(?:process|study|tendency|ability|practice)\s.+)""",
    re.VERBOSE,
)
_NO_SUBJECT = re.compile(
    r"""(?:.*\s)?(?:result|reason|goal|idea|example|problem|key|difference|advantage|approach|method|analogy
    |question|answer|point|purpose|function|value|part|case|way|study|research|model|work|today|now
    |thing|something|everything|nothing|someone|everyone|what|who|when|while|there|than|and|or
    |if|but|however|system|data|figure|man|woman|person|patient|author|book|chapter|article|is|are
    |was|were|has|have|does|means?)$
    | (?:.*\s)?\w+ly\b | (?:Each|Every|Some|Any|Many|Most|Such|A|In|On|At|For|With|By|From|After|Before|During|Under|Over|To|Of)\s
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TURNS = re.compile(
    r"[;:]|\b(?:but|because|although|though|not|if|unless|while|whether|would|should|similar|different|nearby)\b",
    re.IGNORECASE,
)
_SHORTEST = 8
"""Words of what a thing is said to be."""


def _is_a(sentence: str) -> Span | None:
    """The subject of a sentence that says what it is, in words that fit few other things."""
    found = _IS_A.fullmatch(sentence.rstrip(" .!"))
    if found is None or found["article"] == "The ":
        return None
    term, what = found["term"], found["what"]
    vague = _NO_SUBJECT.match(term) or _VACUOUS.match(what.partition(" ")[2])
    if vague or _TURNS.search(sentence) or not _TELLS.search(what):
        return None
    if len(what.split()) < _SHORTEST or leaks(term, f"{found['aside'] or ''} {what}"):
        return None
    return found.span("term")


# --- **X** refers to … ----------------------------------------------------------------------

_EMPHASISED = re.compile(
    r"(?<![\w*_\\])(?P<sign>\*\*|__|\*|_)(?=\S)(?P<term>[^*_\n]{2,60}?)(?P=sign)(?![\w*_])"
)
_DEFINES = re.compile(
    r"(?:\s\([^()]{2,40}\))?,?\s(?:refers? to|means|denotes?|describes?|(?:is|are) defined as|is an?)\s"
)
_NAMED = re.compile(
    r"\b(?:called|known as|termed|referred to as|dubbed|named)\s(?:the\s|an?\s)?[\"“]?$"
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|may|will|do|does|becomes?|became|[a-z]{3,}(?:[^s\W]es|ed))\b"
)
"""Without one it is half a sentence: "The alternation of two units, often called layers"."""
_MOST_WORDS = 4


def _emphasised(markdown: str) -> Iterator[str]:
    for found in _EMPHASISED.finditer(markdown):
        term = plain(found["term"]).strip(" .,;:")
        if term and len(term.split()) <= _MOST_WORDS and not re.search(r"\d", term):
            yield term


def _defined(sentence: str, terms: tuple[str, ...]) -> Span | None:
    """The one emphasised term that the sentence names, or says the meaning of."""
    found = [span for term in terms if (span := locate(term, sentence))]
    if len(found) != 1:
        return None
    [(start, end)] = found
    before, after = sentence[:start], sentence[end:]
    defined = re.fullmatch(r"(?:An? )?", before) and (match := _DEFINES.match(after))
    if defined and match is not None:
        what = after[match.end() :]
        if _VACUOUS.match(what) or len(what.split()) < _SHORTEST - 2:
            return None
    elif (named := _NAMED.search(before)) is None or not _VERB.search(
        before[: named.start()] + after
    ):
        return None
    vague = _NO_SUBJECT.match(sentence[start:end]) or _TURNS.search(sentence)
    return None if vague or leaks(sentence[start:end], f"{before} {after}") else (start, end)


# --- in 1969 --------------------------------------------------------------------------------

_FIGURE = re.compile(
    r"(?<![\w.,/^$€£#-])\d{1,3}(?:,\d{3})+(?:\.\d+)?%?|(?<![\w.,/^$€£#-])\d+(?:\.\d+)?%?"
)
_NAME = re.compile(
    r"(?!(?:In|On|At|When|While|If|As|After|Before|By|For|From|Since|With|During|Using|Solution)\b)(?:The\s)?(?:[A-Z]{2,}[\w-]*|[A-Z][a-z]+[A-Z]\w*|[A-Z][\w’'-]+(?:\s(?:of|de|van)\s|\s)[A-Z][\w’'-]+)"
)
"""Who or what it is about: AlexNet, the Apollo Program, Marie Curie."""
_YEAR = re.compile(r"1[0-9]\d\d|20[0-4]\d")
_OF_TIME = re.compile(
    r"\b(?:in|since|until|by|from|January|February|March|April|May|June|July|August|September"
    r"|October|November|December)\s$"
)
_LOOSE = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|over|some|least|most|than|up to|between"
    r"|from|to|and|or|No\.|vol\.|stage|level|step|type|version|phase|part|day|week|grade|class|age|age of|year|[A-Z][\w-]*)\s$"
)
_PART_OF_MORE = re.compile(r"\s?(?:[/–—:×x+=^°]|-\w|to\s|and\s\d|or\s|by\s|[)'’′ʹ]|[A-Za-z])")


def _number(sentence: str) -> Span | None:
    """The only number of a sentence that begins with a name: a year, or an exact count."""
    figures = list(_FIGURE.finditer(sentence))
    if len(figures) != 1 or len(re.findall(r"\d+", sentence)) > 1 + figures[0][0].count(","):
        return None
    [found] = figures
    before, after = sentence[: found.start()], sentence[found.end() :]
    if not _NAME.match(sentence) or before.count("(") > before.count(")"):
        return None
    dated = _YEAR.fullmatch(found[0]) and _OF_TIME.search(before)
    loose = _LOOSE.search(before) or _YEAR.fullmatch(found[0])
    if _PART_OF_MORE.match(after) or _TURNS.search(sentence) or (loose and not dated):
        return None
    return found.span()
