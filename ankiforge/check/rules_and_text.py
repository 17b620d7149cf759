"""Rules, findings, and helpers for reading drafts and sources, shared by all checks.

Each rule is a row of `data/rules.txt`. A check is a function that takes a draft and its context and
yields findings, each with the id of a rule. Most check a single rule; if a function checks several,
a finding of the first makes the others pointless. `check/__init__.py` lists all checks.

The helpers convert a draft to plain text, determine who chose its wording, and return the part of
the source in which an answer may occur, or only the sentences that contain the quote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

from ankiforge.language.vocabulary import get_highlighted_term
from ankiforge.model import (
    LONG_COMMENT_DRAFTER,
    LOOKED_UP_WORD,
    PHRASE_DRAFTER,
    TRANSLATION_DRAFTER,
    CardContent,
    Draft,
    Fields,
    Finding,
    Highlight,
    HighlightForm,
    HighlightKey,
    HighlightKind,
    NoteType,
    Severity,
    Strings,
    Value,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import Cloze
from ankiforge.text.located import find_whole_words, locate_text
from ankiforge.text.normalize import is_same_text
from ankiforge.text.sentences import find_sentence_spans

# --- rules and findings ---------------------------------------------------------------


class Rule(Value):
    """A fault that cards may have, with its severity and message.

    Examples of each rule are in `tests/check/cases.txt`.
    """

    id: str
    severity: Severity
    message: str
    group: str
    advice: str
    """How to fix the card, as a sentence for the user."""
    limit: int = 0
    """The maximum allowed value, or 0 if the rule has no limit."""
    unit: str = ""
    """The unit of the limit, such as `words`."""

    @property
    def short_message(self) -> str:
        """The message without the text that introduces a quotation."""
        return self.message.removesuffix(":").partition(": ")[0]


_RULE_LINE = regex(
    r"\[(?P<group>\w+)\] (?P<advice>.+)|(?P<id>\w+) +(?P<severity>\w+)"
    r" *(?:<= (?P<most>\d+) (?P<unit>\S+))? *\| (?P<says>.+)"
)


def _read_rules() -> Iterator[Rule]:
    group = advice = ""
    table = (Path(__file__).parent / "data" / "rules.txt").read_text("utf-8")
    for match in filter(None, map(_RULE_LINE.fullmatch, table.splitlines())):
        if match["group"]:
            group, advice = match["group"], match["advice"]
            continue
        yield Rule(
            id=match["id"],
            severity=Severity(match["severity"]),
            message=match["says"],
            group=group,
            advice=advice,
            limit=int(match["most"] or 0),
            unit=match["unit"] or "",
        )


RULES = tuple(_read_rules())
_RULES_BY_ID = {rule.id: rule for rule in RULES}


def describe_rule(id: str) -> str:
    """Return the short message of a rule, or the id itself if no rule has this id."""
    rule = _RULES_BY_ID.get(id)
    if rule is None:
        return id
    return rule.short_message


def make_finding(
    rule: str,
    detail: str = "",
    *,
    duplicate: str = "",
    severity: Severity | None = None,
) -> Finding:
    """Create a finding for a broken rule.

    Args:
        rule: The id of the rule.
        detail: Text to append to the rule's message.
        duplicate: The id of the other card, if the finding is about a duplicate.
        severity: The severity to use instead of the rule's own.
    """
    broken_rule = _RULES_BY_ID[rule]
    message = f"{broken_rule.message} {detail}".rstrip()
    return Finding(rule, severity or broken_rule.severity, message, duplicate)


def check_limit(value: int, rule: str) -> Iterator[Finding]:
    """Yield a finding that states both values if `value` is greater than the limit of a rule."""
    limit, unit = _RULES_BY_ID[rule].limit, _RULES_BY_ID[rule].unit
    if value > limit:
        yield make_finding(rule, f"{value} {unit}, more than {limit}")


# --- checks ---------------------------------------------------------------------------


class DuplicateFinder(Protocol):
    """Finds existing cards and drafts that a draft duplicates."""

    def find_duplicates(
        self, draft: CardContent, highlight: HighlightKey
    ) -> Iterator[Finding]:
        """Yield a finding for each card or draft that `draft` duplicates.

        Cards and drafts from the same `highlight` are ignored.
        """
        ...


class CheckContext(Value):
    """The highlight, the other cards and the images that a draft is checked against."""

    highlight: Highlight
    """The highlight as it was when the draft was created."""
    other_cards: DuplicateFinder
    find_picture_problem: Callable[[str], str] = lambda path: ""
    """Returns why the picture at a path can't be read, or "" if it can."""


class Check(NamedTuple):
    """A row of the table of checks."""

    find_faults: Callable[[CardContent, CheckContext], Iterator[Finding]]
    """A pure function that yields the findings about a draft. Never raises."""
    note_type: NoteType | None = None
    """The only note type whose drafts are checked, or None for all."""


# --- the text of a draft --------------------------------------------------------------


GAP_PLACEHOLDER = "[…]"
_MARKUP_CHARS = regex(r"(?m)[`$\\*_<\[~]|==|\{\{|^[ \t]*[#>+-]")
_PRIVATE_USE_CHARS = regex("[\ue000-\ue0ff]")
CLOZE_MARKUP = regex(r"\{\{c\d+(?:,\d+)*::|\}\}")
DEFINITION_START = regex(r"[*_]*\s*(?:\([^()]*\)\s*)?(?:[:：=]|->|(?:-{1,3}|[–—→⟶⇒])\s)")
"""Matches the text between a term and its definition, such as a colon or an arrow."""


@lru_cache(maxsize=256)
def strip_markup(text: str) -> str:
    """Convert Markdown to plain text, removing cloze markup. Fast if there's no markup."""
    if not text.isascii():
        text = _PRIVATE_USE_CHARS.sub(" ", text)
    if _MARKUP_CHARS.search(text):
        return cloze.to_plain_text(text)
    return text.strip()


class NumberedGaps(NamedTuple):
    """The gaps of a cloze card that are blanked out together, because they have the same number."""

    number: int
    gaps: tuple[Cloze, ...]


class PlainDraft(Value):
    """A draft as plain text: its question, its answers and, for a cloze, its gaps."""

    question: str
    """The front, or the text of a cloze card with `[…]` in place of every gap."""
    answers: Strings
    """The back, or the answer to each gap of a cloze card."""
    full_text: str
    """Front and back, or the text of a cloze card with its answers filled in."""
    gaps: tuple[Cloze, ...] = ()
    gaps_by_number: tuple[NumberedGaps, ...] = ()
    """The gaps that each cloze number blanks out."""


def parse_draft(draft: CardContent) -> PlainDraft:
    """Convert a draft to plain text, locating the gaps of a cloze card."""
    return parse_fields(draft.note_type, draft.fields)


@lru_cache(maxsize=64)
def parse_fields(note_type: NoteType, fields: Fields) -> PlainDraft:
    """Convert the fields of a card to plain text. See `parse_draft`."""
    field_texts = dict(fields)
    if note_type is not NoteType.BASIC:
        return _parse_cloze_text(field_texts.get("Text", ""))
    front = strip_markup(field_texts.get("Front", ""))
    back = strip_markup(field_texts.get("Back", ""))
    return PlainDraft(question=front, answers=(back,), full_text=f"{front}\n{back}")


def _parse_cloze_text(text: str) -> PlainDraft:
    gaps = cloze.find_clozes(text)
    gaps_by_number = []
    for number in cloze.find_cloze_numbers(text):
        hidden_gaps = tuple(gap for gap in gaps if number in gap.numbers)
        gaps_by_number.append(NumberedGaps(number, hidden_gaps))
    return PlainDraft(
        question=blank_out_gaps(text, gaps),
        answers=tuple(strip_markup(gap.answer) for gap in gaps),
        full_text=strip_markup(text),
        gaps=gaps,
        gaps_by_number=tuple(gaps_by_number),
    )


@lru_cache(maxsize=256)
def blank_out_gaps(text: str, gaps: tuple[Cloze, ...]) -> str:
    """Render a cloze card as plain text, with only the given gaps blanked out."""
    parts = []
    for text_before, gap in cloze.split_around_clozes(text, gaps):
        parts.append(_strip_markup_keep_spaces(text_before))
        if gap is not None:
            parts.append(GAP_PLACEHOLDER)
    return "".join(parts).strip()


@lru_cache(maxsize=1024)
def _strip_markup_keep_spaces(text: str) -> str:
    if not text.strip():
        return text
    leading_space = text[: len(text) - len(text.lstrip())]
    trailing_space = text[len(text.rstrip()) :]
    plain = CLOZE_MARKUP.sub("", strip_markup(text))
    return f"{leading_space}{plain}{trailing_space}"


# --- who chose the words --------------------------------------------------------------


def is_user_written(draft: CardContent) -> bool:
    """Return whether the user wrote the card, either in the source, a comment or a review."""
    if isinstance(draft, Draft) and draft.is_card_in_source:
        return True
    return draft.origin.drafter in _USER_DRAFTERS


_USER_DRAFTERS = ("person", LONG_COMMENT_DRAFTER, TRANSLATION_DRAFTER)


def are_gaps_highlighted(draft: CardContent, highlight: Highlight) -> bool:
    """Return whether the reader highlighted every gap of a cloze card."""
    if highlight.form is not HighlightForm.PHRASE:
        return False
    if draft.kind.note_type is not NoteType.CLOZE:
        return False
    # these answers may differ from the highlighted phrase, which may include a colon
    if draft.origin.drafter == PHRASE_DRAFTER:
        return True
    phrases = [highlight.exact[start:end] for start, end in highlight.gaps]
    for answer in parse_draft(draft).answers:
        if not any(is_same_text(answer, phrase) for phrase in phrases):
            return False
    return True


def is_chosen_by_reader(draft: CardContent, highlight: Highlight) -> bool:
    """Return whether the user chose what the card asks, with a comment or highlighted phrases."""
    return draft.origin.is_from_comment or are_gaps_highlighted(draft, highlight)


def is_word_meaning_card(draft: CardContent, highlight: Highlight) -> bool:
    """Return whether a card asks for the meaning of a highlighted word.

    This requires that the user looked the word up, or wrote its meaning in the comment. The
    answer of such a card needn't be in the source, because the sentence with the word doesn't
    explain it.
    """
    if draft.kind.note_type is not NoteType.BASIC:
        return False
    if not highlight.comment_is_instruction:
        return False
    word = get_highlighted_term(highlight)
    if not word:
        return False
    reading = parse_draft(draft)
    if find_whole_words(word, reading.question) is None:
        return False
    if highlight.line_syntax == LOOKED_UP_WORD:
        return True
    answer = reading.answers[0].strip(" .")
    return find_whole_words(answer, highlight.comment) is not None


def has_picture_answer(draft: CardContent, highlight: Highlight) -> bool:
    """Return whether the answer is the image that the reader highlighted."""
    if highlight.kind not in (HighlightKind.IMAGE, HighlightKind.INK):
        return False
    if draft.kind.note_type is not NoteType.BASIC:
        return False
    if not draft.origin.is_from_comment:
        return False
    return (draft.get_field("Back"),) == highlight.markdown


# --- the source -----------------------------------------------------------------------


def get_answer_source_text(highlight: Highlight) -> str:
    """Return the text that may contain an answer: the passage and the text around it.

    Captions of images are included. They occur only in the passage's Markdown.
    """
    parts = [highlight.context, join_with_context(highlight), highlight.surrounding_text]
    parts += (
        strip_markup(markdown) for markdown in highlight.markdown if "![" in markdown
    )
    return "\n".join(filter(None, parts))


def join_with_context(highlight: Highlight) -> str:
    """Return the passage together with the text just before and after it."""
    return highlight.prefix + highlight.exact + highlight.suffix


def get_subject_text(highlight: Highlight) -> str:
    """Return the text that may name a card's subject: title, headings, year and comment.

    A question may use any words of this text, but an answer may only take names from it.
    """
    lines = [get_titles(highlight), highlight.document.publication_date]
    if highlight.comment_is_instruction:
        lines.append(highlight.comment)
    return "\n".join(lines)


def get_titles(highlight: Highlight) -> str:
    """Return the document's title and the headings above the passage, one per line."""
    return "\n".join(
        (highlight.document.title, highlight.heading, *highlight.parent_items)
    )


def get_sentence(highlight: Highlight) -> str:
    """Return the sentence that contains the passage.

    If the sentence is unknown, return the passage with the text just before and after it.
    """
    if highlight.sentence and locate_text(highlight.exact, highlight.sentence):
        return highlight.sentence
    return join_with_context(highlight)


# --- evidence: the sentences that support a card --------------------------------------

# Only this many characters at the beginning of a source are searched.
_MAX_SOURCE_CHARS = 6000


def find_quoted_sentences(draft: CardContent, highlight: Highlight) -> str:
    """Return the complete sentences of the source that a draft quotes from.

    A check of the quote alone could miss a “not” elsewhere in the sentence.
    """
    text = get_sentence(highlight)
    if highlight.surrounding_text and not locate_text(draft.quote, text):
        text = highlight.surrounding_text
    return _find_sentences_with_quote(draft.quote, text[:_MAX_SOURCE_CHARS])


@lru_cache(maxsize=512)
def _find_sentences_with_quote(quote: str, text: str) -> str:
    """Return the sentences of a text that a quote is in.

    If the text doesn't contain the quote, return everything from the first to the last sentence.
    """
    quote_span = None
    if quote.strip():
        quote_span = locate_text(quote, text)
    if quote_span is None:
        quote_span = (0, len(text))
    quote_start, quote_end = quote_span
    quoted_sentences = []
    for start, end in find_sentence_spans(text):
        if start < quote_end and end > quote_start:
            quoted_sentences.append((start, end))
    if not quoted_sentences:
        return text
    (first_start, _), (_, last_end) = quoted_sentences[0], quoted_sentences[-1]
    return text[first_start:last_end]


_CLAUSE_BOUNDARY = regex(
    r"(?i)[;:、；。]|,(?!\d)|[.!?](?=\s)|\b(?:while|whereas|but|although|though|während"
    r"|wohingegen|aber"
    r"|sondern|tandis que|mais|mientras|pero|sino)\b"
)


def split_clauses(text: str) -> list[str]:
    """Split text into clauses at punctuation and conjunctions."""
    return [part for part in _CLAUSE_BOUNDARY.split(text) if re.search(r"\w", part)]


# --- choices --------------------------------------------------------------------------

_CHOICE_WORDS = regex(
    r"(?i)\b(?:or|oder|ou|o)\b|\b(?:which|what) of\b.+\band\b"
    r"|\bof\b[^?]+\band\b[^?]*\bwhich\b"
    r"|\b(?:and|und|et|y)\b[^?]+\b(?:which|welche[rs]?|lequel|laquelle|cuál) (?:of|von"
    r"|de)\b"
    r"|哪一?[个個項種种]|どちら"
)
# Only this many characters at the beginning of a front are searched.
_MAX_FRONT_CHARS = 600


def offers_options(front: str) -> bool:
    """Return whether a question lists possible answers, e.g. “A or B?”."""
    return _CHOICE_WORDS.search(front[:_MAX_FRONT_CHARS]) is not None
