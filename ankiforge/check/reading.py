"""The common parts of all checks: rules, findings, and the views of a draft and its source.

Every rule is a row of `data/rules.txt`. A check is a function of a draft and its context that
yields findings with the ids of rules; `@needs` declares it, with what it has to see. A draft is
seen as plain text, and by who chose its words; a source as all text from which an answer may be
taken, and as the evidence, which is the sentences that the quote touches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from ankiforge.language.vocabulary import term_of
from ankiforge.model import (
    COMMENT_AND_MORE,
    PHRASE,
    TRANSLATION,
    Draft,
    Family,
    Fields,
    Finding,
    Form,
    Highlight,
    HighlightKey,
    HighlightKind,
    Severity,
    Strings,
    Value,
    Words,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import Gap
from ankiforge.text.fold import locate, locate_words, same
from ankiforge.text.sentences import sentences

# --- rules and findings ---------------------------------------------------------------


class Rule(Value):
    """A possible fault of a card; `tests/check/cases.txt` has examples of each."""

    id: str
    severity: Severity
    says: str
    group: str
    advice: str
    """The remedy for a person, as a sentence."""
    most: int = 0
    """The limit, 0 if it has none."""
    unit: str = ""
    """The unit of the limit: words, %, characters …"""

    @property
    def in_words(self) -> str:
        """The fault, without the words that a finding quotes."""
        return self.says.removesuffix(":").partition(": ")[0]


_ROW = regex(
    r"\[(?P<group>\w+)\] (?P<advice>.+)|(?P<id>\w+) +(?P<severity>\w+)"
    r" *(?:<= (?P<most>\d+) (?P<unit>\S+))? *\| (?P<says>.+)"
)


def _read_rules(table: str) -> Iterator[Rule]:
    """Yield the rules of a table; a heading gives the group and the advice of those below it."""
    group = advice = ""
    for line in table.splitlines():
        row = _ROW.fullmatch(line)
        if row is None:  # a comment or an empty line
            continue
        if row["group"]:
            group, advice = row["group"], row["advice"]
            continue
        yield Rule(
            id=row["id"],
            severity=Severity(row["severity"]),
            says=row["says"],
            group=group,
            advice=advice,
            most=int(row["most"] or 0),
            unit=row["unit"] or "",
        )


_DATA = Path(__file__).parent / "data"
RULES = tuple(_read_rules((_DATA / "rules.txt").read_text("utf-8")))
_BY_ID = {rule.id: rule for rule in RULES}


def in_words(id: str) -> str:
    """Return the words of a rule by its id; the id itself of another."""
    return _BY_ID[id].in_words if id in _BY_ID else id


def group(name: str) -> frozenset[str]:
    """Return the ids of the rules of a group."""
    return frozenset(rule.id for rule in RULES if rule.group == name)


def make_finding(
    rule: str,
    detail: str = "",
    *,
    duplicate: str = "",
    severity: Severity | None = None,
) -> Finding:
    """Return the finding that a rule is broken.

    Args:
        rule: the id of the rule.
        detail: follows its message.
        duplicate: the id of the other card, for duplicates.
        severity: replaces that of the rule.
    """
    broken = _BY_ID[rule]
    message = f"{broken.says} {detail}".rstrip()
    return Finding(rule, severity or broken.severity, message, duplicate)


def counted(value: int, rule: str, detail: str = "") -> Iterator[Finding]:
    """Yield the finding with number and limit if the number exceeds the limit of a rule."""
    limit = _BY_ID[rule]
    if value <= limit.most:
        return
    if limit.unit == "%":
        message = f"{value} % of the text, more than {limit.most} %"
    else:
        message = f"{value} {limit.unit}, more than {limit.most}"
    if detail:
        message = f"{message}; {detail}"
    yield make_finding(rule, message)


# --- checks ---------------------------------------------------------------------------


class OtherCards(Protocol):
    """The cards and drafts that there are already."""

    def near(self, draft: Words, highlight: HighlightKey) -> Iterator[Finding]:
        """Yield a finding for each one that says the same as a draft of a highlight."""
        ...


class Context(Value):
    """The passage, the other cards, and the tables that a draft is judged against."""

    highlight: Highlight
    """As it was when the draft was made."""
    known: OtherCards
    picture_fault: Callable[[str], str] = lambda path: ""
    """Why a picture that the draft shows cannot be read, "" if it can."""


Check = Callable[[Words, Context], Iterator[Finding]]
"""A pure function that yields what it finds, and never raises."""


class Needs(Enum):
    """The texts that a check has to see, in the order in which checks run and report."""

    CARD = auto()
    """Only the card. `ankiforge repair` runs these checks on cards of any origin."""
    SOURCE = auto()
    """The passage that the card is from. Cards that a person wrote are not held against it."""
    COMPARISON = auto()
    """The passage, of a card that says it in other words: what is in it word for word
    cannot turn its meaning, or have a number that it lacks."""
    REST = auto()
    """How the passage was marked, or the other cards. These checks apply to all cards."""


_DECLARED: list[tuple[Check, Needs]] = []


def needs(required: Needs) -> Callable[[Check], Check]:
    """Declare the decorated function as a check."""

    def declare(check: Check) -> Check:
        _DECLARED.append((check, required))
        return check

    return declare


def checks_in(modules: tuple[str, ...], required: Needs) -> tuple[Check, ...]:
    """Return the checks that need this, in the order of their modules and within a module."""
    checks = [check for check, needed in _DECLARED if needed is required]
    return tuple(sorted(checks, key=lambda check: modules.index(check.__module__)))


# --- the text of a draft --------------------------------------------------------------


GAP = "[…]"
_MARKUP = regex(r"(?m)[`$\\*_<\[~]|==|\{\{|^[ \t]*[#>+-]")
_PRIVATE = regex("[\ue000-\ue0ff]")
CLOZE_SIGN = regex(r"\{\{c\d+(?:,\d+)*::|\}\}")
DEFINES = regex(r"[*_]*\s*(?:\([^()]*\)\s*)?(?:[:：=]|->|(?:-{1,3}|[–—→⟶⇒])\s)")
"""Matches what is between a term and its definition."""


@lru_cache(maxsize=256)
def without_markup(text: str) -> str:
    """Return the plain text of Markdown without cloze signs; fast if there is no markup."""
    if not text.isascii():
        text = _PRIVATE.sub(" ", text)
    return cloze.plain(text) if _MARKUP.search(text) else text.strip()


class PlainDraft(Value):
    """The plain text of a draft."""

    asked: str
    """The front, or the text of a cloze with `[…]` for all gaps."""
    answers: Strings
    """The back, or the answer of each gap."""
    whole: str
    """The whole text; for a cloze, with its answers."""
    gaps: tuple[Gap, ...] = ()
    hidden: tuple[tuple[int, tuple[Gap, ...]], ...] = ()
    """Each card number with the gaps it hides."""


def read(draft: Words) -> PlainDraft:
    """Return the plain text of a draft."""
    return _read(draft.family, draft.fields)


@lru_cache(maxsize=64)
def _read(family: Family, fields: Fields) -> PlainDraft:
    words = dict(fields)
    if family is Family.BASIC:
        front = without_markup(words.get("Front", ""))
        back = without_markup(words.get("Back", ""))
        return PlainDraft(asked=front, answers=(back,), whole=f"{front}\n{back}")
    text = words.get("Text", "")
    gaps = cloze.gaps(text)
    hidden = {
        number: tuple(gap for gap in gaps if number in gap.numbers)
        for number in cloze.numbers(text)
    }
    return PlainDraft(
        asked=without(text, gaps),
        answers=tuple(without_markup(gap.answer) for gap in gaps),
        whole=without_markup(text),
        gaps=gaps,
        hidden=tuple(hidden.items()),
    )


@lru_cache(maxsize=256)
def without(text: str, gaps: tuple[Gap, ...]) -> str:
    """Return the text that the card shows while only these gaps are hidden."""
    parts = []
    end = 0
    for gap in gaps:
        if gap.start >= end:  # not within the gap before it
            parts.append(_plain_run(text[end : gap.start]))
            parts.append(GAP)
            end = gap.end
    parts.append(_plain_run(text[end:]))
    return "".join(parts).strip()


@lru_cache(maxsize=1024)
def _plain_run(text: str) -> str:
    """Return the plain text of Markdown, with the blanks at its ends."""
    if not text.strip():
        return text
    head = text[: len(text) - len(text.lstrip())]
    tail = text[len(text.rstrip()) :]
    plain = CLOZE_SIGN.sub("", without_markup(text))
    return f"{head}{plain}{tail}"


# --- who chose the words --------------------------------------------------------------


def authored(draft: Words) -> bool:
    """Return whether a person wrote the card: in the source, in a comment, or in review."""
    drafters = ("person", COMMENT_AND_MORE, TRANSLATION)
    is_by_hand = isinstance(draft, Draft) and draft.by_hand
    return is_by_hand or draft.origin.drafter in drafters


def asked_by_reader(draft: Words) -> bool:
    """Return whether the reader wrote the question, or named the gap, in a comment."""
    return draft.origin.by_comment


def marked(draft: Words, highlight: Highlight) -> bool:
    """Return whether each answer is a phrase that the reader marked."""
    if highlight.form is not Form.PHRASE or draft.kind.family is not Family.CLOZE:
        return False
    # a colon that was marked with its term is no answer
    if draft.origin.drafter == PHRASE:
        return True
    phrases = [highlight.exact[start:end] for start, end in highlight.gaps]
    for answer in read(draft).answers:
        if not any(answer == phrase or same(answer, phrase) for phrase in phrases):
            return False
    return True


def chosen_by_reader(draft: Words, highlight: Highlight) -> bool:
    """Return whether the reader chose the question, in a comment or by marking phrases."""
    return asked_by_reader(draft) or marked(draft, highlight)


def glossed(draft: Words, highlight: Highlight) -> bool:
    """Return whether the card asks for a marked word and answers with the reader's note on it.

    The note translates or explains the word; the source need not say it.
    """
    word = term_of(highlight)
    if not word or not highlight.instructs or draft.kind.family is not Family.BASIC:
        return False
    reading = read(draft)
    return (
        locate_words(word, reading.asked) is not None
        and locate_words(reading.answers[0].strip(" ."), highlight.comment) is not None
    )


def pictured(draft: Words, highlight: Highlight) -> bool:
    """Return whether the answer is the picture that the reader marked."""
    if highlight.kind not in (HighlightKind.IMAGE, HighlightKind.INK):
        return False
    return (
        draft.kind.family is Family.BASIC
        and asked_by_reader(draft)
        and (draft.field("Back"),) == highlight.markdown
    )


# --- the source -----------------------------------------------------------------------


def source_text(highlight: Highlight) -> str:
    """Return the passage and the text around it, from which an answer may be taken.

    The caption of a picture is only in its Markdown.
    """
    parts = [highlight.context, seamless(highlight), highlight.nearby]
    parts += (without_markup(shown) for shown in highlight.markdown if "![" in shown)
    return "\n".join(filter(None, parts))


def seamless(highlight: Highlight) -> str:
    """Return the passage with the characters around it."""
    return highlight.prefix + highlight.exact + highlight.suffix


def about(highlight: Highlight) -> str:
    """Return the text that names the subject.

    Questions may use all of it, answers only its names.
    """
    comment = highlight.comment if highlight.instructs else ""
    return "\n".join((naming(highlight), highlight.document.issued, comment))


def naming(highlight: Highlight) -> str:
    """Return title and headings, which may name the subject of the passage."""
    return "\n".join((highlight.document.title, highlight.heading, *highlight.above))


def around(highlight: Highlight) -> str:
    """Return the passage with its surroundings, without repetition."""
    if highlight.sentence and locate(highlight.exact, highlight.sentence):
        return highlight.sentence
    return seamless(highlight)


# --- evidence: the sentences that support a card --------------------------------------

# The number of characters of a source that are read.
_LONGEST = 6000


def evidence(draft: Words, highlight: Highlight) -> str:
    """Return the whole sentences that the quote touches, because a quote may omit a “not”."""
    text = around(highlight)
    if highlight.nearby and not locate(draft.quote, text):
        text = highlight.nearby
    return _sentences_touched(draft.quote, text[:_LONGEST])


@lru_cache(maxsize=512)
def _sentences_touched(quote: str, text: str) -> str:
    """Return the sentences of a text that the quote touches; all of it without a quote in it."""
    place = locate(quote, text) if quote.strip() else None
    quote_start, quote_end = place or (0, len(text))
    touched = []
    for start, end in sentences(text):
        if start < quote_end and end > quote_start:
            touched += [start, end]
    return text[touched[0] : touched[-1]] if touched else text


_PART = regex(
    r"(?i)[;:、；。]|,(?!\d)|[.!?](?=\s)|\b(?:while|whereas|but|although|though|während"
    r"|wohingegen|aber"
    r"|sondern|tandis que|mais|mientras|pero|sino)\b"
)


def clauses(text: str) -> list[str]:
    """Split a text into clauses."""
    return [part for part in _PART.split(text) if re.search(r"\w", part)]


# --- choices --------------------------------------------------------------------------

_CHOICE = regex(
    r"(?i)\b(?:or|oder|ou|o)\b|\b(?:which|what) of\b.+\band\b"
    r"|\bof\b[^?]+\band\b[^?]*\bwhich\b"
    r"|\b(?:and|und|et|y)\b[^?]+\b(?:which|welche[rs]?|lequel|laquelle|cuál) (?:of|von"
    r"|de)\b"
    r"|哪一?[个個項種种]|どちら"
)
# The number of characters of a front that are read.
_LONGEST_CHOICE = 600


def is_choice(front: str) -> bool:
    """Return whether a question offers possible answers: A or B; which of A and B."""
    return _CHOICE.search(front[:_LONGEST_CHOICE]) is not None
