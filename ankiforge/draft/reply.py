"""Parse the reply of a model into drafts: find the JSON objects, clean them up, find evidence.

The objects may be surrounded by prose, malformed, cut off, nested or inside a string.
`json-repair` fixes errors, but would also complete an object that is cut off, so it only gets
objects with a closing brace. Replies aren't trusted: a card that can't be used doesn't affect
the others, and a card whose quote isn't in the source becomes a draft that a check blocks.

If a card has no quote, as with small models, the sentences with the answer are used as
evidence. The answer alone isn't enough, because it may still be found after the rest of its
sentence has changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from html import unescape
from itertools import count, islice
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from ankiforge.draft.instructions import make_two_sided_fields
from ankiforge.draft.prompt import ReplyShape, compute_max_card_count
from ankiforge.draft.rules import format_word_front
from ankiforge.model import (
    LOOKED_UP_WORD,
    CardKind,
    Draft,
    DraftingResult,
    DraftingStatus,
    Fields,
    Highlight,
    Json,
    Origin,
    Pair,
    Span,
    Strings,
    Value,
)
from ankiforge.text import cloze, regex, truncate
from ankiforge.text.cloze import format_cloze_answers, to_plain_text
from ankiforge.text.elements import convert_html_elements
from ankiforge.text.located import find_quote, find_whole_words
from ankiforge.text.normalize import (
    convert_to_dollar_math,
    find_literal_spans,
    fold_alphanumerics,
    map_outside_literal_spans,
    normalize_for_lookup,
)
from ankiforge.text.sentences import find_sentence_around

_PUNCTUATION = " .,;:!?"


def list_evidence_texts(highlight: Highlight) -> Strings:
    """Return the texts that may support a card: the highlight, then the text around it."""
    surrounding_text = highlight.prefix + highlight.exact + highlight.suffix
    return (
        highlight.exact,
        highlight.sentence,
        highlight.surrounding_text,
        surrounding_text,
    )


class Evidence(Value):
    """The text of the source that supports a card."""

    text: str
    start: int = 0
    """The offset in the highlighted text, in code points, or 0 if the evidence is elsewhere."""


def find_evidence(quote: str, answers: Sequence[str], highlight: Highlight) -> Evidence:
    """Find the text of the source that supports a card.

    The highlighted text is searched first, then its sentence, then its paragraph. The evidence is
    copied from the source, unless the source doesn't contain the model's quote: an invented quote
    is kept, so that a check blocks the card.

    Args:
        quote: The quote in the model's reply, or "".
        answers: The answer of the card, or the text of each gap, as plain text.
        highlight: The passage.
    """
    texts = list_evidence_texts(highlight)
    for text in texts:
        quoted_span = find_quote(quote, text)
        if quoted_span is not None:
            start, end = _extend_to_answers(text, quoted_span, answers)
            is_highlighted = text == highlight.exact
            return Evidence(text[start:end], quoted_span[0] if is_highlighted else 0)
    if any(map(str.isalnum, quote)):
        return Evidence(quote)
    for text in texts:
        answers_span = find_sentences_containing(answers, text)
        if answers_span is not None:
            start, end = answers_span
            return Evidence(text[start:end], start if text == highlight.exact else 0)
    return Evidence(quote)


def _extend_to_answers(text: str, quoted_span: Span, answers: Sequence[str]) -> Span:
    """Return the span of the quoted sentences, extended to those with the answers if needed."""
    start, end = find_sentence_around(text, *quoted_span)
    if find_sentences_containing(answers, text[start:end]) is not None:
        return start, end
    answers_span = find_sentences_containing(answers, text)
    if answers_span is None:
        return start, end
    return min(start, answers_span[0]), max(end, answers_span[1])


def find_sentences_containing(answers: Sequence[str], text: str) -> Span | None:
    """Return the span of the sentences that contain all answers, or None if one is missing."""
    spans: list[Span] = []
    for answer in answers:
        span = find_whole_words(answer.strip(_PUNCTUATION), text)
        if span is None:
            return None
        spans.append(span)
    if not spans:
        return None
    first = min(start for start, _ in spans)
    last = max(end for _, end in spans)
    return find_sentence_around(text, first, last)


# === JSON =============================================================================

MAX_REPLY_CHARS = 8_000_000
"""Only this many characters at the beginning of a reply are read."""

# --- backslashes ----------------------------------------------------------------------

# LaTeX commands that begin like one of the JSON escapes `\n`, `\t` and `\u`.
_LATEX = (
    r"nabla|natural|ne|neq|neg|nu|not|notin|ni|norm|newcommand|nexists|nleq|ngeq"
    r"|nparallel|nearrow"
    r"|theta|tau|text\w*|times|to|tilde|top|tfrac|tbinom|tan|tanh|tr|triangle\w*"
    r"|therefore"
    r"|upsilon|uparrow|underline|underbrace|underset|uplus"
)
# Matches the backslashes to double, so that JSON doesn't read `\\frac` as a form feed. They begin a
# known LaTeX command or no valid JSON escape, or are before a letter that would be read as a
# backspace, form feed or lone carriage return, which a reply never means.
_BACKSLASH = regex(
    rf"""(?x)
      \\\\                                      # already doubled
    | \\(?=(?:{_LATEX})(?![A-Za-z]))            # a well-known command
    | \\(?=[bf][A-Za-z])                        # a backspace or form feed before a letter
    | \\(?=r(?!\\n)[A-Za-z])                    # a lone carriage return before a letter
    | \\(?!["\\/bfnrt']|u[0-9a-fA-F]{{4}})      # not a JSON escape
    """
)


# --- objects --------------------------------------------------------------------------

_REASONING_TAGS = "think|thinking|thought|reasoning|reflection|seed:think"
# Matches the reasoning before the answer. If the request already began the reasoning, the reply
# contains only its end tag.
_REASONING = regex(
    rf"""(?isx)\A\s*(?:<({_REASONING_TAGS})>.*?(?:</\1>|\Z) | \[THINK\].*?(?:\[/THINK\]|\Z)
    | <\|channel\|>\s*(?:analysis|commentary).*?(?:<\|channel\|>\s*final|\Z)
    | <\|begin_of_thought\|>.*?(?:<\|end_of_thought\|>|\Z)
    | .*</(?:{_REASONING_TAGS})>(?=\s*(?:```\w*\s*)?[\[{{]))"""
)


def strip_reasoning(text: str) -> str:
    """Strip any reasoning that precedes the answer."""
    while reasoning := _REASONING.match(text):
        text = text[reasoning.end() :].strip()
    return text


_DECODER = json.JSONDecoder(strict=False)
# Matches a brace that begins an object, but not one in LaTeX or prose.
_OBJECT_START = regex(r"""\{(?=\s{0,99}(?:["'“„”«}]|\w{1,40}\s{0,9}:(?!:)))""")
_BRACE = regex(r"[{}]")
# After this many braces that don't begin an object, the rest of the reply isn't read.
_MAX_FAILURES = 200
# Longer malformed objects aren't repaired, because that is slow. Their inner objects are read.
_MAX_REPAIR_CHARS = 50_000


# Match typographic quotation marks around keys and values, which an editor has put there. Those
# inside a value stay: a value begins right after its key, and ends before the next key or the end
# of the object.
_CURLY_OBJECT = regex(r"\{\s{0,99}[“„”«]")
_CURLY_KEY = r"[“„”«]\s?(?P<key>\w{1,40})\s?[“”»](?=\s{0,9}:)"
_CURLY_MARK = regex(
    rf"(?<=[{{,\s]){_CURLY_KEY}(?P<start>\s{{0,9}}:\s{{0,99}}\[?[“„”«])?"
    r"|\s?[“”»](?=\s{0,99}(?:\}(?!\})|\]|,\s{0,99}(?:\{|[“„”«\"]\s?\w{1,40}\s?[“”»\"]\s{0,9}:)))"
)


def _straighten_marks(match: re.Match[str]) -> str:
    key, value_start = match["key"], match["start"]
    if not key:  # the end of a value
        return '"'
    if not value_start:
        return f'"{key}"'
    return f'"{key}"{value_start[:-1]}"'


def parse_objects(text: str) -> list[Any]:
    """Parse all JSON objects in a reply, in order. Never raises.

    Code fences, prose and reasoning are skipped, and small errors are repaired. If the reply is
    truncated, its complete objects are returned.
    """
    answer = _BACKSLASH.sub(r"\\\\", _strip_around_answer(text))
    if _CURLY_OBJECT.search(answer):
        answer = _CURLY_MARK.sub(_straighten_marks, answer)
    inner_text = _parse_json_string(answer)
    if inner_text is not None:
        return parse_objects(inner_text)
    return list(_iter_objects(answer))


def _strip_around_answer(text: str) -> str:
    return strip_reasoning(text[:MAX_REPLY_CHARS].strip("\ufeff \t\r\n"))


def _parse_json_string(text: str) -> str | None:
    """Return the content of a JSON string that contains objects, or None."""
    if not text.startswith('"'):
        return None
    with suppress(ValueError, RecursionError):
        content = json.loads(text, strict=False)
        if isinstance(content, str) and "{" in content:
            return content
    return None


def _iter_objects(text: str) -> Iterator[Any]:
    """Yield the JSON objects in a text. If an object can't be parsed, its inner objects are."""
    end_by_start = _match_braces(text)
    position = 0
    failures = 0
    while failures < _MAX_FAILURES:
        brace = _OBJECT_START.search(text, position)
        if brace is None:
            return
        parsed = _parse_object_at(text, brace.start(), end_by_start.get(brace.start()))
        if parsed is None:
            position = brace.end()
            failures += 1
        else:
            value, position = parsed
            yield value


def _match_braces(text: str) -> dict[int, int]:
    """Map the offset of each opening brace to the end of the object that it begins."""
    end_by_start = {}
    open_braces = []
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            open_braces.append(brace.start())
        elif open_braces:
            end_by_start[open_braces.pop()] = brace.end()
    return end_by_start


# Matches a string value from its key to the next key or the end of the object. Quotation marks in
# the value should have been escaped.
_STRING_VALUE = regex(
    r"""(?s)("\w{1,40}"\s{0,9}:\s{0,99}")((?:(?!"\w{1,40}"\s{0,9}:).){0,2000}?)"""
    r"""(?="\s{0,99}(?:\}(?!\})|\]|,\s{0,99}(?:\{|"\w{1,40}"\s{0,9}:)))"""
)
_UNESCAPED_MARK = regex(r'(?<!\\)"')


def _escape_inner_marks(value: re.Match[str]) -> str:
    return value[1] + _UNESCAPED_MARK.sub(r"\"", value[2])


def _parse_object_at(text: str, start: int, end: int | None) -> tuple[Any, int] | None:
    """Parse the JSON object whose opening brace is at `start`, repairing it if necessary.

    `end` is the offset after the matching closing brace, or None if there is no such brace.
    Returns the object and the offset of its end, or None if the object is incomplete or can't be
    repaired.
    """
    with suppress(ValueError, RecursionError):
        return _DECODER.raw_decode(text, start)
    if end is None or end - start > _MAX_REPAIR_CHARS:
        return None
    with suppress(ValueError, RecursionError):
        escaped = _STRING_VALUE.sub(_escape_inner_marks, text[start:end])
        return _DECODER.decode(escaped), end
    from json_repair import repair_json

    # the object is complete, but has wrong or missing quotes or commas
    with suppress(ValueError, RecursionError):
        value = repair_json(text[start:end], return_objects=True, skip_json_loads=True)
        if isinstance(value, dict | list):
            return value, end
    return None


_STRING_OR_BRACE = regex(r'"(?:[^"\\]|\\.)*"|[{}]')


def is_truncated(text: str) -> bool:
    """Return whether a reply ends inside an object."""
    answer = _strip_around_answer(text)
    first = _OBJECT_START.search(answer)
    if first is None:
        return False
    depth = 0
    for token in _STRING_OR_BRACE.finditer(answer, first.start()):
        if token[0] == "{":
            depth += 1
        elif token[0] == "}":
            depth -= 1
    return depth > 0


# --- parts of objects -----------------------------------------------------------------

_LABEL = regex(r"(?i)(?:h(?:ighlight)?[\s_#-]*)?(\d{1,3}|[0-9a-f]{8})")
_MAX_DEPTH = 5


def iter_innermost_objects(
    value: Any, label_key: str, label: object = None, depth: int = 0
) -> Iterator[Json]:
    """Yield the objects in a JSON value that contain no other objects, however deeply nested.

    Args:
        value: An object, a list of objects, or a JSON string of either.
        label_key: The key that holds an object's label.
        label: The label of the enclosing object, used for objects without a label of their own.
        depth: The current nesting depth.
    """
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        value = parse_objects(value)
    if isinstance(value, list):
        for item in value:
            yield from iter_innermost_objects(item, label_key, label, depth + 1)
    if not isinstance(value, dict):
        return
    label = value.get(label_key, label)
    is_innermost = True
    for key, child in value.items():
        # a group of cards may be under the label of their highlight
        key_label = _LABEL.fullmatch(str(key).strip())
        child_label = key_label[1] if key_label else label
        for inner_object in iter_innermost_objects(
            child, label_key, child_label, depth + 1
        ):
            is_innermost = False
            yield inner_object
    if is_innermost:
        yield value if label is None else {label_key: label, **value}


def normalize_key(text: str) -> str:
    """Reduce a key to its lowercase letters, so that different spellings compare equal."""
    return re.sub(r"[^a-z]", "", text[:40].casefold())


# === cards ============================================================================

# --- texts ----------------------------------------------------------------------------

_CONTROL = regex(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ue000\ue001]")


def clean_text(text: str) -> str:
    """Replace lone surrogates and drop control characters, except tab and newline."""
    valid = text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    return _CONTROL.sub("", valid).strip()


def to_one_line(text: str, limit: int = 200) -> str:
    """Clean a text, join its lines and truncate it to `limit` characters."""
    return truncate(" ".join(clean_text(text).split()), limit)


def convert_to_markdown(text: str) -> str:
    """Convert a text written by a model to our Markdown, without HTML and links."""
    return cloze.escape_cloze_braces(_convert_to_markdown(text))


_SLOPPY_GAP = regex(r"\{\{[cC](\d+)\s*(?:::?|\|)\s*")
_UNNUMBERED_GAP = regex(r"\{\{(?!c\d)([^{}\n]+)\}\}")


def convert_to_cloze(text: str) -> str:
    """Convert a model's cloze to our Markdown.

    Both `{{c1:x}}` and `{{x}}` become `{{c1::x}}`.
    """
    with_numbers = map_outside_literal_spans(
        _convert_to_markdown(text), lambda run: _SLOPPY_GAP.sub(r"{{c\1::", run)
    )
    if not with_numbers or cloze.find_clozes(with_numbers):
        return with_numbers
    numbers = count(1)
    return map_outside_literal_spans(
        with_numbers,
        lambda run: _UNNUMBERED_GAP.sub(
            lambda gap: cloze.format_cloze(next(numbers), gap[1]), run
        ),
    )


# --- formulae -------------------------------------------------------------------------


def _convert_to_markdown(text: str) -> str:
    text = convert_to_dollar_math(clean_text(text))
    # a LaTeX command has one backslash, so `\\frac` isn't a line break followed by a word
    parts = []
    copied_until = 0
    for start, end, kind in find_literal_spans(text):
        formula = text[start:end]
        if kind in ("math", "display") and r"\begin" not in formula:
            formula = re.sub(r"\\\\(?=[A-Za-z]{2})", r"\\", formula)
        parts += [text[copied_until:start], formula]
        copied_until = end
    parts.append(text[copied_until:])
    return map_outside_literal_spans("".join(parts), _strip_markup).strip()


# --- HTML and links -------------------------------------------------------------------

# The rest of TeX commands that begin with `\n`, and a pattern for line ends that were escaped
# twice. It matches neither these commands nor part of a Windows path.
_TEX = "abla|atural|e|earrow|eg|eq|ewline|geq|i|leq|mid|olimits|onumber|ot|otin|parallel|u|warrow"
_ESCAPED_LINE_END = regex(
    rf"(?<!\\)(?<!\b[A-Za-z]:)(?:\\n)+(?!(?:{_TEX})(?![A-Za-z])|[^\s\\]*\\[^n])"
)
_IMAGE = regex(r"!\[[^\]\n]{0,1000}\]\([^)\n]{0,2000}\)")
_LINK = regex(r"\[([^\]\n]{0,1000})\]\([^)\n]{0,2000}\)")
_AUTOLINK = regex(r"(?i)<((?:https?|ftp|mailto|javascript):[^<>\s]*)>")


def _strip_markup(run: str) -> str:
    run = _ESCAPED_LINE_END.sub("\n", _AUTOLINK.sub(r"\1", run))
    return _LINK.sub(r"\1", _IMAGE.sub("", convert_html_elements(run)))


# --- one card -----------------------------------------------------------------------


class ReplyCard(Value):
    """A card from a model's reply, with its text cleaned up."""

    label: str
    kind: CardKind | None
    """The kind of card, or None if the model declined to draft a card."""
    quote: str = ""
    front: str = ""
    back: str = ""
    text: str = ""
    why_none: str = ""

    @property
    def fields(self) -> Fields:
        """The fields of a card of this kind."""
        if self.kind is CardKind.CLOZE:
            return (("Text", self.text),)
        return make_two_sided_fields(self.kind or CardKind.BASIC, self.front, self.back)

    @property
    def answer_texts(self) -> Strings:
        """The answer, or the text of each gap, as plain text."""
        if self.kind is CardKind.CLOZE:
            return tuple(
                to_plain_text(gap.answer) for gap in cloze.find_clozes(self.text)
            )
        return (to_plain_text(self.back),) if self.back else ()

    @property
    def answer(self) -> str:
        """The answer, or the answers of all gaps, as plain text."""
        if self.kind is CardKind.CLOZE:
            return format_cloze_answers(self.text)
        return to_plain_text(self.back)

    @property
    def comparison_key(self) -> Pair:
        """The question and the answer, which are equal for cards that ask the same."""
        question = self.front
        if self.kind is CardKind.CLOZE:
            question = cloze.reveal_answers(self.text)
        return normalize_for_lookup(question), normalize_for_lookup(self.answer)


# Matches the markers of a quote, or the number of a line of JSON.
_LINE_PREFIX = regex(
    r"""(?m)^[ \t]*(?:(?:>[ \t]?)+|\d{1,4}[.:|)]?[ \t]*(?=[{}\[\]"]|$))"""
)
MAX_OBJECTS = 10_000
"""The maximum number of objects to read from a reply."""


def parse_cards(content: str, labels: Strings) -> list[ReplyCard]:
    """Parse the cards in a reply that are about the highlights with these labels.

    If there is only one label and the reply doesn't mention it, all cards are about that
    highlight.
    """
    cards, _ = parse_all_cards(content)
    labelled_cards = [card for card in cards if card.label in labels]
    if len(labels) == 1 and not labelled_cards:
        return [replace(card, label=labels[0]) for card in cards]
    return labelled_cards


def parse_all_cards(content: str) -> tuple[list[ReplyCard], list[str]]:
    """Return the distinct cards in a reply, and the JSON of each object that isn't a card.

    A reply that was copied from a web page, an email or an editor may contain no readable
    object. It is then parsed again with its HTML entities decoded, or without the `>` or number
    at the beginning of each line.
    """
    text = content[:MAX_REPLY_CHARS]
    objects = parse_objects(text) or parse_objects(unescape(text))
    objects = objects or parse_objects(_LINE_PREFIX.sub("", text))
    entries = list(islice(iter_innermost_objects(objects, "h"), MAX_OBJECTS))
    # drop repeated objects, because a reply may be pasted several times
    distinct = {json.dumps(entry, default=str): entry for entry in entries}
    usable: dict[ReplyCard, None] = {}
    unusable: dict[str, None] = {}
    for entry in distinct.values():
        card = _parse_card(_rename_parts(entry))
        if card is not None:
            usable[card] = None
        elif not _is_from_our_prompt(entry):
            unusable[json.dumps(entry, ensure_ascii=False, default=str)] = None
    return list(usable), list(unusable)


def _is_from_our_prompt(entry: Json) -> bool:
    """Return whether an object is the schema in our prompt, which was copied with the answer."""
    return "verdict" in entry or "|" in str(entry.get("kind"))


_ALIASES = {
    "h": "h highlight highlightid label id passage",
    "kind": "kind type cardtype",
    "quote": "quote evidence sourcequote",
    "front": "front question q term prompt",
    "back": "back answer a definition",
    "text": "text cloze clozetext",
    "why_none": "whynone why reason",
}
_NAME_BY_ALIAS = {
    alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()
}
"""Maps the keys that models use for the parts of a card to our own."""


_KINDS = {
    "cloze": CardKind.CLOZE,
    "twoway": CardKind.TWO_WAY,
    "reversed": CardKind.TWO_WAY,
}
_NO_CARD = "none"


def _rename_parts(entry: Json) -> Json:
    """Return the parts of a card under our own names, which precede aliases if both are present."""
    card: Json = {}
    for key, value in entry.items():
        name = _NAME_BY_ALIAS.get(normalize_key(str(key)))
        if name and (name not in card or key == name):
            card[name] = value
    return card


def _parse_card(entry: Json) -> ReplyCard | None:
    """Parse an object of a reply as a card, or return None if the object is incomplete.

    The card has the kind that the object names if the object has the fields of this kind. Models
    sometimes put the cloze text into the front, so it is accepted there too. A cloze without gaps
    becomes a question if the back has an answer.
    """
    label = parse_label(entry)
    named_kind = normalize_key(_get_string(entry, "kind"))
    front = _get_string(entry, "front")
    back = _get_string(entry, "back")
    text = _get_string(entry, "text")
    if named_kind == _NO_CARD or not (front or back or text):
        reason = to_one_line(_get_string(entry, "why_none"))
        is_declined = named_kind == _NO_CARD or reason != ""
        return ReplyCard(label, None, why_none=reason) if is_declined else None
    quote = _parse_quote(entry)
    kind = _KINDS.get(named_kind, CardKind.BASIC)
    if kind is CardKind.CLOZE or not front or not back:
        for candidate in (text, front):
            cloze_text = convert_to_cloze(candidate)
            if cloze.find_clozes(cloze_text):
                return ReplyCard(label, CardKind.CLOZE, quote, text=cloze_text)
    question = front or text
    if question and back:
        return ReplyCard(
            label,
            CardKind.BASIC if kind is CardKind.CLOZE else kind,
            quote,
            front=convert_to_markdown(question),
            back=convert_to_markdown(back),
        )
    if text:  # a check blocks it, because it has no gap
        return ReplyCard(label, CardKind.CLOZE, quote, text=convert_to_cloze(text))
    return None


def _parse_quote(entry: Json) -> str:
    """Return the quote of a card, or "" for one or two letters, which every passage contains."""
    quote = clean_text(_get_string(entry, "quote"))
    letters = fold_alphanumerics(quote)
    is_too_short = letters.isalpha() and len(letters.encode()) < _MIN_QUOTE_BYTES
    return "" if is_too_short else quote


def parse_label(entry: Json) -> str:
    """Return the normalized label of an object, in which `1`, `"1"` and `"h1"` are equal."""
    if not isinstance(entry.get("h"), str | int):
        return ""
    label = str(entry["h"])[:40].casefold()
    return re.sub(r"^\W*(?:h(?:ighlight)?[\W_]*(?=[^\W_]))?|\W+$", "", label)


_MAX_STRING_CHARS = 20_000
_MIN_QUOTE_BYTES = 3
"""The minimum length of a quote's letters in UTF-8. A single Chinese character is enough."""
_MAX_LIST_PARTS = 100


def _get_string(entry: Json, key: str) -> str:
    """Return the value of a key as text. The parts of a list are joined with commas."""
    value = entry.get(key)
    if isinstance(value, list):
        parts = value[:_MAX_LIST_PARTS]
        strings = [str(part) for part in parts if isinstance(part, str | int)]
        value = ", ".join(strings)
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    return str(value)[:_MAX_STRING_CHARS]


_EMPTY_LIST = regex(r'(?i)\W*(?:json\s*)?(?:\{\s*"cards"\s*:\s*)?\[\s*\][\s}`]*')


def is_empty_card_list(text: str) -> bool:
    """Return whether a reply is explicitly an empty list of cards, e.g. `{"cards": []}`."""
    return _EMPTY_LIST.fullmatch(text) is not None


# --- drafts ---------------------------------------------------------------------------


def build_drafts(
    cards: Iterable[ReplyCard],
    highlight: Highlight,
    origin: Origin,
    shape: ReplyShape,
    max_facts: int = 0,
) -> tuple[Draft, ...]:
    """Build drafts from the cards in a reply that are about a highlight.

    Duplicates, and cards of a kind that wasn't requested, are dropped. At most `max_facts` drafts
    are returned, in the order of their evidence in the highlighted text. If `max_facts` is 0,
    `compute_max_card_count` determines the limit. If several candidates for one fact were
    requested, those are returned instead, in the order of the reply. For a looked-up word, only
    the meaning comes from the reply, and the front is the word with its sentence.
    """
    drafts = _iter_distinct_drafts(cards, highlight, origin, shape)
    if shape.candidate_count > 1:
        return tuple(islice(drafts, shape.candidate_count))
    max_facts = max_facts or compute_max_card_count(highlight.exact)
    return tuple(sorted(islice(drafts, max_facts), key=attrgetter("start")))


def _iter_distinct_drafts(
    cards: Iterable[ReplyCard], highlight: Highlight, origin: Origin, shape: ReplyShape
) -> Iterator[Draft]:
    """Yield a draft for the first card with each question and answer."""
    is_looked_up = highlight.line_syntax == LOOKED_UP_WORD
    known_keys = set()
    for card in cards:
        if card.kind is None or card.kind not in shape.kinds:
            continue
        if is_looked_up:
            if not card.back:
                continue
            front = format_word_front(highlight)
            card = replace(card, kind=CardKind.BASIC, front=front)
            evidence = Evidence(highlight.exact)
        else:
            evidence = find_evidence(card.quote, card.answer_texts, highlight)
        if card.comparison_key in known_keys:
            continue
        known_keys.add(card.comparison_key)
        yield Draft(
            key=highlight.key,
            kind=card.kind or CardKind.BASIC,
            fields=card.fields,
            quote=evidence.text,
            answer=card.answer,
            start=evidence.start,
            origin=origin,
        )


def make_result(
    highlight: Highlight, cards: Sequence[ReplyCard], origin: Origin, shape: ReplyShape
) -> DraftingResult:
    """Build the result for a highlight from the cards in a reply.

    The result has drafts, or the reason why there are none. It is marked as declined if the model
    gave a reason instead of a card.
    """
    drafts = build_drafts(cards, highlight, origin, shape)
    if drafts:
        return DraftingResult(highlight, drafts)
    declined = bool(cards) and all(card.kind is None for card in cards)
    reason = explain_missing_card(cards, shape)
    return DraftingResult(
        highlight, status=DraftingStatus.NO_CARD, reason=reason, is_declined=declined
    )


def explain_missing_card(cards: Iterable[ReplyCard], shape: ReplyShape) -> str:
    """Explain why a reply has no usable card for a highlight."""
    kinds: dict[CardKind, None] = {}
    reasons = []
    for card in cards:
        if card.kind is None:
            reasons.append(card.why_none)
        else:
            kinds[card.kind] = None
    if reasons and reasons[0]:
        return reasons[0]
    if kinds:
        return f"the model drafted only {', '.join(kinds)}, not {', '.join(shape.kinds)}"
    return "the model saw nothing worth a card"


FindFaults = Callable[[Draft, Highlight], Strings]
"""Returns the messages of the findings that block a draft."""
