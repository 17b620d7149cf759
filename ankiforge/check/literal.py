"""Checks of what a card must copy exactly, or must not introduce.

Formulae, code, names and abbreviations must be as in the source. Links, active markup, and
instructions to or remarks of a language model must come from the source.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from ankiforge.check.reading import (
    about,
    asked_by_reader,
    bare,
    folded,
    marked,
    pictured,
    read,
    said,
    seamless,
)
from ankiforge.check.rules import Context, found
from ankiforge.check.words import (
    FUNCTION,
    TERM,
    UNITS,
    listed,
    months,
    stem,
    tokens,
    without_accents,
    without_tex,
)
from ankiforge.model import Draft, Finding, Highlight, Severity
from ankiforge.text.cloze import shields
from ankiforge.text.sentences import sentences


def as_written(highlight: Highlight) -> str:
    """Return the source as plain text and as Markdown."""
    return "\n".join((said(highlight), about(highlight), *highlight.markdown))


def _runs(draft: Draft, *kinds: str) -> Iterator[str]:
    for _, text in draft.fields:
        for start, end, kind in shields(text):
            if kind in kinds:
                yield text[start:end]


# --- formulae and code -------------------------------------------------------------------------

_NEAR = 75
"""The similarity (0 to 100) from which a formula counts as one of the source with a changed sign."""
_SYMBOLS = re.compile(r"[\s{}^_()\[\]$*·×⋅]|\\[,;:! ]")
_OPERATOR = re.compile(r"[=+\-*/<>≤≥≠√∑∫→·|]|\\[a-z]{3,}|[\^_]")
_TRANSPOSED = re.compile(r"\\top\b|ᵀ|⊤")
_CODE_WORD = re.compile(r"[^\s;`…]+")


@lru_cache(maxsize=256)
def solid(text: str) -> str:
    r"""Return formulae as a sequence of symbols in one notation: `\frac{a}{b}` is a/b."""
    plain = re.sub("[−–—]", "-", without_tex(_TRANSPOSED.sub("T", text[:8000])))
    plain = unicodedata.normalize("NFKC", plain).replace("⁄", "/")
    return _SYMBOLS.sub("", plain.replace("->", "→").replace("<=", "≤").replace(">=", "≥"))


def formulae(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find formulae with other symbols, signs or exponents than in the source."""
    highlight = context.highlight
    if asked_by_reader(draft) or pictured(draft, highlight):
        return
    for formula in _runs(draft, "math", "display"):
        source, symbols = solid(as_written(highlight)), solid(formula)
        if not _OPERATOR.search(formula.strip("$")) or len(symbols) < 3 or symbols in source:
            continue
        # the source has an equation with the same left side, the same letters with other signs,
        # or something similar
        left, equals, _ = symbols.partition("=")
        near = (
            (left and equals and f"{left}=" in source)
            or (not equals and _letters(symbols) in _sides(highlight))
            or (len(symbols) >= 4 and fuzz.partial_ratio(symbols, source) >= _NEAR)
        )
        yield found("formula_altered" if near else "formula_foreign", formula.strip("$")[:60])


def _letters(symbols: str) -> tuple[str, ...]:
    return tuple(sorted(re.findall(r"\w", symbols)))


def _sides(highlight: Highlight) -> list[tuple[str, ...]]:
    """Return the letters and digits of each side of each formula of the passage."""
    return [
        _letters(side)
        for text in (highlight.exact, highlight.sentence, *highlight.markdown)
        for formula in re.findall(r"\$([^$\n]+)\$", text)
        for side in solid(formula).split("=")
    ]


def code(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find code that differs from the source; words may be omitted."""
    if asked_by_reader(draft):
        return
    highlight = context.highlight
    source = _code_form(as_written(highlight))
    texts = [_CODE_WORD.findall(text) for text in (seamless(highlight), *highlight.markdown)]
    for run in _runs(draft, "code", "fence"):
        symbols, words = _code_form(run.strip("`~")), _CODE_WORD.findall(run.strip("`~"))
        shortened = len(words) > 1 and any(_in_order(words, text) for text in texts)
        if symbols and symbols not in source and not shortened:
            yield found("code_altered", f"“{run.strip('`~ ')[:60]}”")
            return


def _in_order(words: list[str], text: list[str]) -> bool:
    rest = iter(text)
    return all(word in rest for word in words)


def _code_form(text: str) -> str:
    plain = text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'})
    return re.sub(r"[\s\\`]+", "", plain)


# --- names -------------------------------------------------------------------------------------

_NAME = re.compile(r"(?<![^\W_])[^\W\d_][\w’'-]{2,}")
_BEGINS = re.compile(r"(?:^|[.?!:;。？！“\"‘(\[»]|\]|…|\n|(?:^|\s)[-*+•])\s*$")
_UNIT_WORDS = frozenset(word for name in UNITS for word in name.split())
_SMALL_GERMAN = listed("small_words", "german_small")


def names(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find names and acronyms that are not in the source, or are spelled differently there."""
    highlight = context.highlight
    if asked_by_reader(draft):
        return
    written = as_written(highlight)
    known = folded(f"{written}\n{' '.join(highlight.document.creators)}")
    known = f"{known}\n{known.replace('.', '')}"  # U.S. is US
    reading = read(draft)
    capitals = () if marked(draft, highlight) else _capitals(reading.whole)
    foreign = [name for name in (*reading.terms, *capitals) if folded(name) not in known]
    begun = [name for answer in reading.answers for name in _capitals(answer, everywhere=True)]
    for name in dict.fromkeys((*foreign, *(one for one in begun if folded(one) not in known))):
        there = (one for one in _capitals(written, everywhere=True) if len(one) >= 3)
        if meant := next((one for one in there if _misspelled(name, one)), ""):
            yield found("name_altered", f"“{name}”; there: “{meant}”")
            return
    strange = [
        name
        for name in dict.fromkeys(foreign)
        # another form of a longer name that is known
        if not (len(name) > 3 and folded(name)[: max(5, len(folded(name)) - 3)] in known)
        and _is_name(name, reading.whole, written)
        and not _within_known(name, reading.whole, highlight)
    ]
    if strange:
        yield found("ungrounded_term", ", ".join(strange))


@lru_cache(maxsize=256)
def _capitals(text: str, everywhere: bool = False) -> dict[str, None]:
    """Return capitalised words; those that begin a sentence only if `everywhere`."""
    names: dict[str, None] = {}
    plain = re.sub(r"`[^`\n]*`|\$[^$\n]*\$|\\[A-Za-z]+", " ", text)
    for match in _NAME.finditer(plain):
        if not match[0][0].isupper():
            continue
        word = re.sub(r"['’]s$", "", match[0]).rstrip("'’-")
        if "_" in word or word.casefold() in FUNCTION:
            continue
        if everywhere or not _BEGINS.search(plain[max(0, match.start() - 6) : match.start()]):
            names[word] = None
    return names


def _within_known(name: str, whole: str, highlight: Highlight) -> bool:
    """Return whether a name abbreviates the title, or is next to a known word, as in full names."""
    initials = [word[0] for word in re.findall(r"[^\W\d_]+", highlight.document.title)]
    letters = iter(name)
    if name.isupper() and len(initials) > 1 and all(each.upper() in letters for each in initials):
        return True
    beside = re.search(rf"(?<!\w)(?:([A-Z][\w-]+) )?{re.escape(name)}(?: ([A-Z][\w-]+))?", whole)
    known = tokens(said(highlight))
    return beside is not None and any(word and word.casefold() in known for word in beside.groups())


def _is_name(name: str, whole: str, written: str) -> bool:
    """Return whether a capital letter indicates a name: not in German or among capitalised words."""
    if TERM.fullmatch(name):
        return True
    words = [word for word in _NAME.findall(written) if len(word) > 3]
    shouted = len(words) > 5 and sum(word[0].isupper() for word in words) > 0.8 * len(words)
    plain = name.casefold() in _UNIT_WORDS or name in months(whole)
    return not plain and not shouted and not _german(f"{whole} {written}")


@lru_cache(maxsize=256)
def _german(text: str) -> bool:
    return len(_SMALL_GERMAN.intersection(tokens(text))) >= 2


def _misspelled(name: str, meant: str) -> bool:
    """Return whether two names differ by a wrong letter; a different ending is another form."""
    one, other = without_accents(name.casefold()), without_accents(meant.casefold())
    short = min(len(one), len(other))
    # hyphens do not count
    if short < 3 or one[0] != other[0] or one.replace("-", "") == other.replace("-", ""):
        return False
    if name.isupper() or meant.isupper():
        return name.isupper() and meant.isupper() and OSA.distance(one, other) == 1
    most = 2 if short >= 8 else 1
    if short < 5 or OSA.distance(one, other, score_cutoff=2) > most:
        return False
    if one.startswith(other) or other.startswith(one):
        return False
    return len(one) == len(other) or one[-2:] == other[-2:]


# --- abbreviations -----------------------------------------------------------------------------

_ASKS = re.compile(
    r"\b(?:stands?|standing|abbreviat\w+|short|acronym|initials|expand\w*|spell\w* out|steht|abkürz\w+)\b",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"\(((?=[^()]{0,12}[A-Z][^()]{0,12}[A-Z])[A-Z][A-Za-z-]{1,12}?)s?\)")


def expansions(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find abbreviations with another expansion than in the source."""
    there = _expansions(said(context.highlight))
    reading = read(draft)
    here = dict(_expansions(reading.whole))
    if reading.answers and _ASKS.search(reading.asked):
        for short in there:
            if re.search(rf"(?<!\w){re.escape(short)}s?(?!\w)", reading.asked):
                here[short] = reading.answers[0]
    for short, words in here.items():
        ours, theirs = _meant(words), _meant(there.get(short, ""))
        # the expansion may be longer or shorter
        within = set(theirs) <= set(ours) or (len(ours) > 1 and set(ours) <= set(theirs))
        if short in there and words and ours != theirs and not within:
            yield found("expansion_altered", f"“{there[short]}”")
            return


@lru_cache(maxsize=256)
def _expansions(text: str) -> dict[str, str]:
    """Return abbreviations in brackets with the words before them that they may stand for."""
    expanded: dict[str, str] = {}
    for match in _IN_BRACKETS.finditer(text):
        letters = [letter.casefold() for letter in match[1] if letter.isupper()]
        words = re.findall(r"[^\W_]+", text[: match.start()][-200:])
        for count in range(len(letters), len(letters) + 3):
            chosen = words[-count:]
            if len(chosen) == count and chosen[0][0].casefold() == letters[0]:
                expanded[match[1]] = " ".join(chosen)
                break
    return expanded


def _meant(text: str) -> list[str]:
    return [stem(word) for word in tokens(text) if word not in FUNCTION]


# --- foreign links, active markup, talk to models -----------------------------------------------

_ADDRESS = (
    re.compile(r"((?:https?|ftp)://[^\s)>\]\"']+|\bwww\.[^\s)>\]\"']+|\bdoi:\s?10\.\S+)", re.I),
    re.compile(r"!?\[[^\]\n]{0,300}\]\(([^)\s]{1,500})\)"),
    re.compile(r"!\[\[([^\]\n|]{1,300})"),
)
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
_BEFORE = 120
"""The number of characters before a sentence that are searched for an open quotation mark."""


def injected(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find addresses, active markup, and talk to or of a model that are not in the source."""
    highlight = context.highlight
    document, written = highlight.document, as_written(highlight)
    text = "\n".join(text for _, text in draft.fields)
    links = (*highlight.links, highlight.uri, document.uri)
    known = folded("\n".join((written, *links, *(value for _, value in document.identifiers))))
    addresses = (
        match[1].rstrip(".,;:!?)") for pattern in _ADDRESS for match in pattern.finditer(text)
    )
    if foreign := next((one for one in addresses if folded(one) not in known), ""):
        yield found("foreign_link", foreign[:60])
    markup = _RUNS.search(text)
    if markup and folded(markup[0]) not in folded(written):
        yield found("foreign_markup", markup[0])
    if asked_by_reader(draft):
        return
    source = said(highlight)
    talk = _TALK.search(bare(text))
    if talk and folded(talk[0]) not in folded(source):
        yield found("model_talk", f"“{talk[0]}”")
        return
    # if the document contains such words, they may be its subject, so a person decides
    for sentence, order in _orders(source):
        if any(folded(answer) in sentence for answer in read(draft).answers if answer):
            yield replace(found("model_talk", f"“{order}”"), severity=Severity.WARN)
            return


@lru_cache(maxsize=256)
def _orders(source: str) -> tuple[tuple[str, str], ...]:
    """Return the sentences of a source that address a model, folded, with the matched words."""
    spoken = []
    for start, end in sentences(source) if _TALK.search(source) else ():
        before = source[max(0, start - _BEFORE) : start]
        begin = start - len(before) if before.rfind("“") > before.rfind("”") else start
        words = source[begin:end]
        if talk := _TALK.search(words):
            spoken.append((folded(words), talk[0]))
    return tuple(spoken)
