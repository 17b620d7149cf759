"""What must stand in a card letter by letter: formulae, code, names, addresses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from ankiforge.check.context import Context
from ankiforge.check.evidence import about, folded, said
from ankiforge.check.normal import bare, without_tex
from ankiforge.check.quantities import UNITS, months
from ankiforge.check.reading import asked_by_reader, authored, marked, pictured, read
from ankiforge.check.rule import Rule
from ankiforge.check.tongue import FUNCTION
from ankiforge.check.words import TERM, listed, stem, tokens
from ankiforge.domain import Draft, Finding, Highlight, Severity
from ankiforge.text.sentences import sentences
from ankiforge.text.shields import shields

FORMULA_ALTERED = Rule(
    "formula_altered", Severity.BLOCK, "a formula differs from the source:", firm=True
)
FORMULA_FOREIGN = Rule(
    "formula_foreign", Severity.WARN, "a formula that the source does not hold:", firm=True
)
CODE_ALTERED = Rule("code_altered", Severity.BLOCK, "code differs from the source:", firm=True)
NAME_ALTERED = Rule(
    "name_altered",
    Severity.BLOCK,
    "a name is spelled in another way than in the source:",
    firm=True,
)
UNGROUNDED_TERM = Rule(
    "ungrounded_term", Severity.WARN, "a name that the source does not hold:", firm=True
)
EXPANSION_ALTERED = Rule(
    "expansion_altered", Severity.BLOCK, "the source spells the abbreviation out as", firm=True
)
FOREIGN_LINK = Rule(
    "foreign_link", Severity.BLOCK, "a link or picture that the source does not hold:", firm=True
)
FOREIGN_MARKUP = Rule("foreign_markup", Severity.BLOCK, "holds markup that runs:", firm=True)
MODEL_TALK = Rule(
    "model_talk", Severity.BLOCK, "speaks to or of a language model, not of the subject:", firm=True
)
RULES = (
    FORMULA_ALTERED,
    FORMULA_FOREIGN,
    CODE_ALTERED,
    NAME_ALTERED,
    UNGROUNDED_TERM,
    EXPANSION_ALTERED,
    FOREIGN_LINK,
    FOREIGN_MARKUP,
    MODEL_TALK,
)

_NEAR = 75
"""From here (0 to 100) a formula or code is the source's, with a sign changed."""


def _all(draft: Draft) -> str:
    return "\n".join(text for _, text in draft.fields)


def _written(highlight: Highlight) -> str:
    """The source as plain text and as it was written."""
    return "\n".join((said(highlight), about(highlight), *highlight.markdown))


# --- formulae and code -------------------------------------------------------------------------

_SYMBOLS = re.compile(r"[\s{}^_()\[\]$*·×⋅]|\\[,;:! ]")
_DASHES = re.compile("[−–—]")
_OPERATOR = re.compile(r"[=+\-*/<>≤≥≠√∑∫→·|]|\\[a-z]{3,}|[\^_]")


@lru_cache(maxsize=256)
def _solid(text: str) -> str:
    r"""Formulae as a row of symbols, however they are written: `\frac{a}{b}` is a/b."""
    plain = _DASHES.sub("-", without_tex(text[:8000]))
    plain = unicodedata.normalize("NFKC", plain).replace("⁄", "/")
    return _SYMBOLS.sub("", plain.replace("->", "→").replace("<=", "≤").replace(">=", "≥"))


def formulae(draft: Draft, context: Context) -> Iterator[Finding]:
    """A formula has the symbols, signs and exponents that it has in the source."""
    if authored(draft) or asked_by_reader(draft) or pictured(draft, context.highlight):
        return
    source = _solid(_written(context.highlight))
    for formula in _runs(draft, ("math", "display")):
        symbols = _solid(formula)
        if not _OPERATOR.search(formula.strip("$")) or len(symbols) < 3 or symbols in source:
            continue
        near = (
            _defined(symbols, source)
            or _turned(symbols, context.highlight)
            or (len(symbols) >= 4 and fuzz.partial_ratio(symbols, source) >= _NEAR)
        )
        yield (FORMULA_ALTERED if near else FORMULA_FOREIGN).found(formula.strip("$")[:60])


def _turned(symbols: str, highlight: Highlight) -> bool:
    """Whether a formula of the source has the same letters and digits with other signs."""
    if "=" in symbols:
        return False
    letters = sorted(re.findall(r"\w", symbols))
    return any(
        sorted(re.findall(r"\w", side)) == letters
        for text in (highlight.exact, highlight.sentence, *highlight.markdown)
        for formula in re.findall(r"\$([^$\n]+)\$", text)
        for side in _solid(formula).split("=")
    )


def _defined(symbols: str, source: str) -> bool:
    """Whether the source has an equation for the same left side."""
    left, equals, _ = symbols.partition("=")
    return bool(left and equals) and f"{left}=" in source


def code(draft: Draft, context: Context) -> Iterator[Finding]:
    """Code is the source's, letter by letter."""
    if authored(draft) or asked_by_reader(draft):
        return
    source = _code_form(_written(context.highlight))
    for run in _runs(draft, ("code", "fence")):
        words = _code_form(run.strip("`~"))
        if words and words not in source:
            yield CODE_ALTERED.found(f"“{run.strip('`~ ')[:60]}”")
            return


def _code_form(text: str) -> str:
    plain = text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'})
    return re.sub(r"[\s\\`]+", "", plain)


def _runs(draft: Draft, kinds: tuple[str, ...]) -> Iterator[str]:
    for _, text in draft.fields:
        for start, end, kind in shields(text):
            if kind in kinds:
                yield text[start:end]


# --- names --------------------------------------------------------------------------------------

_NAME = re.compile(r"(?<![^\W_])[^\W\d_][\w’'-]{2,}")
_BEGINS = re.compile(r"(?:^|[.?!:;。？！“\"‘(\[»]|\]|…|\n|(?:^|\s)[-*+•])\s*$")


def names(draft: Draft, context: Context) -> Iterator[Finding]:
    """Names and acronyms are the source's own, and spelled as there."""
    if authored(draft) or asked_by_reader(draft):
        return
    written = _written(context.highlight)
    known = folded(f"{written}\n{' '.join(context.highlight.document.creators)}")
    reading = read(draft)
    whole = reading.whole
    foreign = [term for term in reading.terms if folded(term) not in known]
    capitals = {} if marked(draft, context.highlight) else _capitals(whole)
    foreign += [name for name in capitals if folded(name) not in known]
    there = [name for name in _capitals(written, everywhere=True) if len(name) >= 3]
    for name in dict.fromkeys(foreign):
        if meant := next((one for one in there if _misspelled(name, one)), ""):
            yield NAME_ALTERED.found(f"“{name}”; there: “{meant}”")
            return
    strange = [
        name for name in foreign if not _known(name, known) and _is_name(name, whole, written)
    ]
    if strange:
        yield UNGROUNDED_TERM.found(", ".join(dict.fromkeys(strange)))


@lru_cache(maxsize=256)
def _capitals(text: str, everywhere: bool = False) -> dict[str, None]:
    """Capitalised words; those that begin a sentence only if `everywhere`."""
    found: dict[str, None] = {}
    plain = re.sub(r"`[^`\n]*`|\$[^$\n]*\$|\\[A-Za-z]+", " ", text)
    for match in _NAME.finditer(plain):
        word = re.sub(r"['’]s$", "", match[0]).rstrip("'’-")
        if not word[:1].isupper() or word.casefold() in FUNCTION:
            continue
        if everywhere or not _BEGINS.search(plain[max(0, match.start() - 6) : match.start()]):
            found[word] = None
    return found


def _known(name: str, known: str) -> bool:
    word = folded(name)
    return word in known or (len(word) > 3 and word[: max(5, len(word) - 3)] in known)


def _is_name(name: str, whole: str, written: str) -> bool:
    """Whether a capital means a name here: not in German, nor where all words have one."""
    if TERM.fullmatch(name):
        return True
    if name.casefold() in _MEASURES:
        return False
    words = [word for word in _NAME.findall(written) if len(word) > 3]
    capital = sum(word[0].isupper() for word in words)
    shouted = capital > 0.8 * len(words) and len(words) > 5
    return not shouted and not _german(f"{whole} {written}") and name not in months(whole)


_MEASURES = frozenset(word for name in UNITS for word in name.split())


@lru_cache(maxsize=256)
def _german(text: str) -> bool:
    return len(_SMALL_GERMAN.intersection(tokens(text))) >= 2


_SMALL_GERMAN = frozenset(
    listed("""der das ein eine und nicht ist dem den wird welche welcher von mit für auf""")
)


def _misspelled(name: str, meant: str) -> bool:
    """Whether one is the other with a letter wrong; endings make another form of a name."""
    one, other = _plain(name), _plain(meant)
    if one == other or min(len(one), len(other)) < 3 or one[0] != other[0]:
        return False
    if name.isupper() or meant.isupper():
        short = min(len(one), len(other))
        return name.isupper() and meant.isupper() and short >= 3 and OSA.distance(one, other) == 1
    if min(len(one), len(other)) < 5 or OSA.distance(one, other, score_cutoff=2) > (
        2 if min(len(one), len(other)) >= 8 else 1
    ):
        return False
    if one.startswith(other) or other.startswith(one):
        return False
    return len(one) == len(other) or one[-2:] == other[-2:]


def _plain(name: str) -> str:
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


# --- abbreviations ------------------------------------------------------------------------------

_ASKS = re.compile(
    r"(?:stands?|standing|abbreviat\w+|short|acronym|initials|expand\w*|spell\w* out|steht|abkürz\w+)",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"\(((?=[^()]{0,12}[A-Z][^()]{0,12}[A-Z])[A-Z][A-Za-z-]{1,12}?)s?\)")


def expansions(draft: Draft, context: Context) -> Iterator[Finding]:
    """What an abbreviation stands for is what the source says it does."""
    if authored(draft):
        return
    there = _expansions(said(context.highlight))
    reading = read(draft)
    here = dict(_expansions(reading.whole))
    if _ASKS.search(reading.asked):
        for short in there:
            if re.search(rf"(?<!\w){re.escape(short)}s?(?!\w)", reading.asked):
                here[short] = reading.answers[0] if reading.answers else ""
    for short, words in here.items():
        known = there.get(short)
        if known and words and _stemmed(words) != _stemmed(known) and not _within(words, known):
            yield EXPANSION_ALTERED.found(f"“{known}”")
            return


@lru_cache(maxsize=256)
def _expansions(text: str) -> dict[str, str]:
    """Abbreviations in brackets, with as many words before them as they have capitals."""
    found: dict[str, str] = {}
    for match in _IN_BRACKETS.finditer(text):
        letters = [letter.casefold() for letter in match[1] if letter.isupper()]
        words = re.findall(r"[^\W_]+", text[: match.start()][-200:])
        for count in range(len(letters), len(letters) + 3):
            chosen = words[-count:]
            if len(chosen) == count and chosen[0][0].casefold() == letters[0]:
                found[match[1]] = " ".join(chosen)
                break
    return found


def _stemmed(text: str) -> list[str]:
    return [stem(word) for word in tokens(text) if word not in FUNCTION]


def _within(words: str, known: str) -> bool:
    """Whether the answer merely says more around it, or shortens what the brackets hold."""
    ours, theirs = _stemmed(words), _stemmed(known)
    return set(theirs) <= set(ours) or (len(ours) > 1 and set(ours) <= set(theirs))


# --- addresses, markup, talk -----------------------------------------------------------------------

_URL = re.compile(r"(?:https?|ftp)://[^\s)>\]\"']+|\bwww\.[^\s)>\]\"']+|\bdoi:\s?10\.\S+", re.I)
_TARGET = re.compile(r"!?\[[^\]\n]{0,300}\]\(([^)\s]{1,500})\)")
_PICTURE = re.compile(r"!\[\[([^\]\n|]{1,300})")
_RUNS = re.compile(
    r"<\s*/?\s*(?:script|iframe|object|embed|style|form|svg|meta|link|base|img|video|audio)\b"
    r"|\bon(?:error|load|click|mouseover)\s*=|javascript:|data:text/html|\[sound:|\[latex\]",
    re.IGNORECASE,
)
_TALK = re.compile(
    r"\bas an ai\b|\bas a (?:large )?language model\b|\bi(?:'m| am) (?:sorry|unable)\b"
    r"|\bi cannot (?:help|create|assist)\b|\b(?:ignore|disregard|forget) (?:all |any |the |your )*"
    r"(?:previous|prior|above|earlier) (?:instructions?|prompts?|messages?)\b|\bsystem prompt\b"
    r"|\bhere (?:is|are) (?:the|your|a) (?:flash ?)?cards?\b|\bgiven (?:passage|highlight|text)\b"
    r"|\b(?:add|include|write|output|create) (?:a|the|this|one) (?:flash)?cards?\b",
    re.IGNORECASE,
)


def links(draft: Draft, context: Context) -> Iterator[Finding]:
    """No address and no picture but those that the source has."""
    if authored(draft):
        return
    highlight = context.highlight
    places = (_written(highlight), *highlight.links, highlight.uri, highlight.document.uri)
    known = folded("\n".join((*places, *(value for _, value in highlight.document.identifiers))))
    text = _all(draft)
    for pattern in (_URL, _TARGET, _PICTURE):
        for match in pattern.finditer(text):
            address = (match[1] if match.re.groups else match[0]).rstrip(".,;:!?)")
            if folded(address) not in known:
                yield FOREIGN_LINK.found(address[:60])
                return


def markup(draft: Draft, context: Context) -> Iterator[Finding]:
    """Nothing that would run or load, unless the passage is about it."""
    if authored(draft):
        return
    found = _RUNS.search(_all(draft))
    if found and folded(found[0]) not in folded(_written(context.highlight)):
        yield FOREIGN_MARKUP.found(found[0])


def talk(draft: Draft, context: Context) -> Iterator[Finding]:
    """A card is about its subject: orders from a document, and what a model says of itself, are not.

    Where the document itself speaks so, it may be its subject: a person looks.
    """
    if authored(draft) or asked_by_reader(draft):
        return
    source = said(context.highlight)
    found = _TALK.search(bare(_all(draft)))
    if found and folded(found[0]) not in folded(source):
        yield MODEL_TALK.found(f"“{found[0]}”")
        return
    for sentence, order in _orders(source):
        if any(folded(answer) in sentence for answer in read(draft).answers if answer):
            yield replace(MODEL_TALK.found(f"“{order}”"), severity=Severity.WARN)
            return


@lru_cache(maxsize=256)
def _orders(source: str) -> tuple[tuple[str, str], ...]:
    """The sentences of a source that speak to a model, folded, with the words they do it by."""
    if not _TALK.search(source):
        return ()
    told = (source[_begun(source, start) : end] for start, end in sentences(source))
    return tuple((folded(words), found[0]) for words in told if (found := _TALK.search(words)))


_BEFORE = 120


def _begun(source: str, start: int) -> int:
    """Where the words of a sentence begin; within quotes that are still open, before these."""
    before = source[max(0, start - _BEFORE) : start]
    return start - len(before) if before.rfind("“") > before.rfind("”") else start


CHECKS = (formulae, code, names, expansions, links, markup, talk)
