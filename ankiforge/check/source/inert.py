"""What no card may bring along: addresses, markup that runs, words to or from a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from ankiforge.check.context import Context
from ankiforge.check.lexical.normal import bare
from ankiforge.check.lexical.reading import asked_by_reader, authored, read
from ankiforge.check.rule import Rule
from ankiforge.check.source.evidence import folded, said
from ankiforge.check.source.literal import as_written
from ankiforge.model import Draft, Finding, Severity
from ankiforge.text.sentences import sentences

FOREIGN_LINK = Rule(
    "foreign_link", Severity.BLOCK, "a link or picture that the source does not hold:", firm=True
)
FOREIGN_MARKUP = Rule("foreign_markup", Severity.BLOCK, "holds markup that runs:", firm=True)
MODEL_TALK = Rule(
    "model_talk", Severity.BLOCK, "speaks to or of a language model, not of the subject:", firm=True
)
RULES = (FOREIGN_LINK, FOREIGN_MARKUP, MODEL_TALK)


def _all(draft: Draft) -> str:
    return "\n".join(text for _, text in draft.fields)


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
    places = (as_written(highlight), *highlight.links, highlight.uri, highlight.document.uri)
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
    if found and folded(found[0]) not in folded(as_written(context.highlight)):
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


CHECKS = (links, markup, talk)
