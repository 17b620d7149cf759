"""Checks of what is foreign to a source.

Formulae, code, names, links, active markup, talk to or of a model, and another language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from ankiforge.check.findings import Context, Needs, make_finding, needs
from ankiforge.check.reading import (
    about,
    around,
    asked_by_reader,
    chosen_by_reader,
    marked,
    pictured,
    read,
    source_text,
    without_markup,
)
from ankiforge.language.normal import without_tex
from ankiforge.language.recognition import script, sure_language
from ankiforge.language.words import TERM
from ankiforge.model import Card, Family, Finding, Highlight, Severity, Strings
from ankiforge.text import regex
from ankiforge.text.fold import for_comparing
from ankiforge.text.sentences import sentences
from ankiforge.text.shields import shields


def as_written(highlight: Highlight) -> str:
    """Return the source as plain text and as Markdown."""
    return "\n".join((source_text(highlight), about(highlight), *highlight.markdown))


# --- formulae, code, names ------------------------------------------------------------

_SYMBOLS = regex(r"[\s{}^_()\[\]$*·×⋅`]|\\[,;:! ]")
_OPERATOR = regex(r"[=+\-*/<>≤≥≠√∑∫→·|]|\\[a-z]{3,}|[\^_]")
_LONGEST = 8000


@lru_cache(maxsize=256)
def solid(text: str) -> str:
    r"""Return formulae as a sequence of symbols in one notation: `\frac{a}{b}` is a/b."""
    plain = re.sub("[−–—]", "-", without_tex(text[:_LONGEST]))
    plain = unicodedata.normalize("NFKC", plain).replace("⁄", "/")
    plain = plain.replace("->", "→").replace("<=", "≤").replace(">=", "≥")
    return _SYMBOLS.sub("", plain)


def is_formula(text: str) -> bool:
    """Return whether a text is at least an operator with its operands."""
    symbols = solid(text)
    return len(symbols) > 2 and _OPERATOR.search(symbols) is not None


# A capitalised word within a sentence, or before another one.
_NAME = regex(r"(?<=[^\s.!?:]\s)[A-Z][^\W\d_]{2,}\b|^[A-Z][^\W\d_]{2,}(?=\s[A-Z])")


@needs(Needs.COMPARISON)
def literal(draft: Card, context: Context) -> Iterator[Finding]:
    """Find formulae, code and names in an answer that are not in the source."""
    highlight = context.highlight
    if asked_by_reader(draft) or marked(draft, highlight) or pictured(draft, highlight):
        return
    reading = read(draft)
    source = as_written(highlight)
    if draft.kind.family is Family.BASIC:
        answers: Strings = (draft.field("Back"),)
    else:
        answers = tuple(gap.answer for gap in reading.gaps)
    for text in answers:
        for start, end, kind in shields(text):
            run = text[start:end]
            if kind != "escape" and solid(run) not in solid(source):
                code = run.strip("`$ ")[:60]
                yield make_finding("literal", f"“{code}”")
                return

    if sure_language(source) == "German":
        return  # every noun begins with a capital
    creators = " ".join(highlight.document.creators)
    known = for_comparing(f"{source}\n{creators}")
    known = f"{known}\n{known.replace('.', '')}"  # U.S. is US
    for text in reading.answers:
        for name in (*TERM.findall(text), *_NAME.findall(text)):
            if for_comparing(name).removesuffix("s") not in known:
                yield make_finding("name_in_answer", f"“{name}”")
                return


# --- foreign links, active markup, talk to models -------------------------------------

_ADDRESS = (
    regex(r"(?i)((?:https?|ftp)://[^\s)>\]\"']+|\bwww\.[^\s)>\]\"']+|\bdoi:\s?10\.\S+)"),
    regex(r"!?\[[^\]\n]{0,300}\]\(([^)\s]{1,500})\)"),
    regex(r"!\[\[([^\]\n|]{1,300})"),
)
_RUNS = regex(
    r"(?i)<\s*+/?+\s*+(?:script|iframe|object|embed|style|form|svg|meta|link|base|img"
    r"|video|audio)\b"
    r"|\bon(?:error|load|click|mouseover)\s*=|javascript:|data:text/html|\[sound:"
    r"|\[latex\]"
)


_TALK = regex(
    r"(?i)\b(?:as an ai|as a (?:large )?language model|i(?:'m| am) (?:sorry|unable)"
    r"|i cannot (?:help|create|assist)|(?:ignore|disregard|forget) (?:all |any |the "
    r"|your )*"
    r"(?:previous|prior|above|earlier) (?:instructions?|prompts?|messages?)|system prompt"
    r"|here (?:is|are) (?:the|your|a) (?:flash ?)?cards?|given (?:passage|highlight|text)"
    r"|(?:add|include|write|output|create) (?:a|the|this|one) (?:flash)?cards?)\b"
)


@needs(Needs.SOURCE)
def injected(draft: Card, context: Context) -> Iterator[Finding]:
    """Find addresses, active markup, and talk to or of a model that are not in the source."""
    highlight = context.highlight
    text = "\n".join(text for _, text in draft.fields)

    # the first address that neither passage nor document has
    addresses = []
    for pattern in _ADDRESS:
        for match in pattern.finditer(text):
            addresses.append(match[1].rstrip(".,;:!?)"))
    if addresses:
        document = highlight.document
        identifiers = [value for _, value in document.identifiers]
        places = [as_written(highlight), *highlight.links, highlight.uri, document.uri]
        known = for_comparing("\n".join(places + identifiers))
        foreign = [each for each in addresses if for_comparing(each) not in known]
        if foreign:
            yield make_finding("foreign_link", foreign[0][:60])
    markup = _RUNS.search(text)
    if markup and for_comparing(markup[0]) not in for_comparing(as_written(highlight)):
        yield make_finding("foreign_markup", markup[0])

    # talk to or of a model: in the card, or in the sentence that the answer is from
    if asked_by_reader(draft):
        return
    source = source_text(highlight)
    talk = _TALK.search(without_markup(text))
    if talk and for_comparing(talk[0]) not in for_comparing(source):
        yield make_finding("model_talk", f"“{talk[0]}”")
        return
    if not _TALK.search(source):
        return
    # the document addresses a model, which may be its subject: a person decides
    answers = [for_comparing(answer) for answer in read(draft).answers if answer]
    for start, end in sentences(source):
        order = _TALK.search(source[start:end])
        sentence = for_comparing(source[start:end])
        if order and any(answer in sentence for answer in answers):
            detail = f"“{order[0]}”"
            yield make_finding("model_talk", detail, severity=Severity.WARN)
            return


# --- language -------------------------------------------------------------------------


@needs(Needs.COMPARISON)
def other_language(draft: Card, context: Context) -> Iterator[Finding]:
    """Find cards in another script or language than their passage and the reader's comment."""
    highlight = context.highlight
    if chosen_by_reader(draft, highlight):
        return
    card = read(draft).whole
    passage = around(highlight)
    comment = highlight.comment if highlight.instructs else ""
    for recognise in (script, sure_language):
        card_is = recognise(card)
        passage_is = recognise(passage)
        if not card_is or not passage_is or card_is == passage_is:
            continue
        if comment and card_is == recognise(comment):
            continue
        yield make_finding("other_language", f"{card_is}, not {passage_is}")
        return
