"""Apply changes of a card's fields to the text of the note that contains the card.

The fields are Markdown. The note has the same words in the same order, but also syntax of its own,
such as highlights, the `> ` of quotes, links and line breaks. `rewrite_note` finds the words of the
fields in the note, and replaces only the differences between the old and the new fields. The
results are guesses, so the caller must parse each of them and use the first one in which the card
has the new fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice
from typing import NamedTuple

from ankiforge.errors import ItemError
from ankiforge.model import Span
from ankiforge.text import regex

_MAX_PLACES = 20
"""The maximum number of places in a note at which to try to replace the text of a card."""
_FIELD_SEPARATOR = "\ufdd2"
"""Represents the note's syntax between two fields. A noncharacter, so it never occurs in text."""
_PICTURE_PLACEHOLDER = "\ufdd3"
"""Represents a picture, whose syntax differs in the note. A noncharacter, as above."""

_TOKEN = regex(
    r"""(?xs)
    \{\{c\d+::|\}\}                                       # the signs of a gap
    |[\ufdd2\ufdd3]                                       # the end of a field; a picture
    |[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]  # scripts without spaces
    |[^\W_]+                                              # a word or number
    |\s+
    |.
    """
)
# Tokens that an edit must not add, remove or move.
_SPECIAL_TOKEN = regex(r"\{\{c\d+::|\}\}|[\ufdd2\ufdd3]")
_PICTURE = regex(r"!\[([^\[\]]*)\]\(([^()\s]*)\)")
_LINK = regex(r"(?<!!)\[([^\[\]]*)\]\(([^()\s]*)\)")
# Matches the markers of quotes and of a list item at the start of a line.
_LINE_START = regex(
    r"[ \t]*(?:>[ \t]?)*(?P<item>(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[.\][ \t]+)?)?"
)
_ESCAPE = regex(r"\\([!-/:-@\[-`{-~])")
_MAX_DISTANCE = 300
"""How many characters a note may have between two words of a card, as in the target of a link."""
_MAX_LEADING_CHARS = 10
"""How many characters before the first word of a card may belong to it."""
_MIN_FOUND_RATIO = 0.7
"""The fraction of a card's words that a place in the note must have. A note may write some of them
differently, such as `H<sub>2</sub>O`.
"""


def rewrite_note(
    note: str,
    old: Sequence[str],
    new: Sequence[str],
) -> Iterator[str]:
    """Yield possible versions of a note in which the text of a card is changed, best guess first.

    Args:
        note: the text of the note, with its own line endings.
        old: the card's fields as Markdown, in the order in which they appear in the note.
            Cloze deletions are written as `{{c1::…}}`.
        new: the same fields after the user's edit.

    Raises:
        ItemError: the change can't be applied. The message gives the reason.
    """
    tokens = [_Token(text) for text in _tokenize(old)]
    if _PICTURE.findall("\n".join(old)) != _PICTURE.findall("\n".join(new)):
        raise ItemError("a picture was added, removed or changed: change it in the note")
    if _find_link_targets(old) != _find_link_targets(new):
        raise ItemError("a link was added, removed or changed: change it in the note")
    if _find_special_tokens(old) != _find_special_tokens(new):
        raise ItemError("gaps were added, removed or moved: change them in the note")
    words = [token.text for token in tokens if token.is_word]
    if not words:
        raise ItemError(
            "it has no words by which it could be found in the note: edit the note yourself"
        )

    replacements = list(_diff_tokens(tokens, _tokenize(new)))
    # try the text without backslashes first, because users write `5 * 3`, not `5 \* 3`
    unescaped = [
        replacement._replace(text=remove_escapes(replacement.text))
        for replacement in replacements
    ]
    is_found = False
    for spans in _find_places(note, words):
        is_found = True
        _align_tokens(note, tokens, spans)
        for candidates in (unescaped, replacements):
            for is_before in (False, True):
                rewritten = _apply_replacements(note, candidates, insert_before=is_before)
                if rewritten is not None:
                    yield rewritten
    if not is_found:
        raise ItemError(
            "its words are not in one place of the note: edit the note yourself"
        )


def remove_escapes(markdown: str) -> str:
    """Remove Markdown's backslash escapes."""
    return _ESCAPE.sub(r"\1", markdown)


def _tokenize(fields: Sequence[str]) -> list[str]:
    """Split the fields into tokens, with pictures as placeholders and links as plain text."""
    text = _FIELD_SEPARATOR.join(fields)
    without_pictures = _PICTURE.sub(_PICTURE_PLACEHOLDER, text)
    return _TOKEN.findall(_LINK.sub(r"\1", without_pictures))


def _find_link_targets(fields: Sequence[str]) -> list[str]:
    return [target for _, target in _LINK.findall("\n".join(fields))]


def _find_special_tokens(fields: Sequence[str]) -> list[str]:
    return list(filter(_SPECIAL_TOKEN.fullmatch, _tokenize(fields)))


# --- replacements -----------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Token:
    """A token of the old fields: a word, a run of whitespace or a punctuation character."""

    text: str
    note_span: Span | None = None
    """The span of the token in the note, or None if the note writes it differently."""

    @property
    def is_word(self) -> bool:
        return self.text[0].isalnum()

    @property
    def is_special(self) -> bool:
        return _SPECIAL_TOKEN.fullmatch(self.text) is not None


class _Replacement(NamedTuple):
    before: Sequence[_Token]
    removed: Sequence[_Token]
    """The tokens to remove, or () for a mere insertion."""
    after: Sequence[_Token]
    text: str

    def note_span(self, *, insert_before: bool) -> Span | None:
        """Return the span of the note to replace. For an insertion, the span is empty.

        With `insert_before`, text is inserted right before the next token, otherwise right after
        the previous one. Returns None if the tokens to replace can't be found in the note.
        """
        removed_spans = [token.note_span for token in self.removed if token.note_span]
        if removed_spans:
            return removed_spans[0][0], removed_spans[-1][1]
        if self.removed:
            return None  # the note writes the removed text differently
        previous = _find_nearest_span(reversed(self.before))
        following = _find_nearest_span(self.after)
        if previous is None and following is None:
            # nothing else is between the two special tokens around the insertion
            previous = _find_nearest_span(reversed(self.before), past_special=True)
            following = _find_nearest_span(self.after, past_special=True)
        if following and insert_before:
            return following[0], following[0]
        if previous:
            return previous[1], previous[1]
        if following:
            return following[0], following[0]
        return None


def _find_nearest_span(
    tokens: Iterable[_Token], *, past_special: bool = False
) -> Span | None:
    """Return the note span of the first token that has a span, or None if no token has one.

    The search stops at the first special token, unless `past_special` is true.
    """
    for token in tokens:
        if token.note_span:
            return token.note_span
        if token.is_special and not past_special:
            return None
    return None


def _diff_tokens(tokens: Sequence[_Token], new: Sequence[str]) -> Iterator[_Replacement]:
    """Diff two lists of tokens, yielding the replacements that turn `tokens` into `new`.

    Both lists must have the same special tokens in the same order. No replacement contains one.
    """
    old = [token.text for token in tokens]
    for old_part, new_part in zip(
        _split_at_special_tokens(old), _split_at_special_tokens(new), strict=True
    ):
        old_words = old[old_part.start : old_part.stop]
        new_words = new[new_part.start : new_part.stop]
        matcher = SequenceMatcher(None, old_words, new_words, autojunk=False)
        for operation, first, last, new_first, new_last in matcher.get_opcodes():
            if operation != "equal":
                start = old_part.start + first
                end = old_part.start + last
                text = "".join(new_words[new_first:new_last])
                yield _Replacement(tokens[:start], tokens[start:end], tokens[end:], text)


def _split_at_special_tokens(texts: Sequence[str]) -> Iterator[range]:
    start = 0
    for position, text in enumerate(texts):
        if _SPECIAL_TOKEN.fullmatch(text):
            yield range(start, position)
            start = position + 1
    yield range(start, len(texts))


# --- alignment with the note ------------------------------------------------------------


def _find_places(note: str, words: Sequence[str]) -> Iterator[list[Span | None]]:
    """Yield the spans of the words at each place where the note has most of them, in order."""
    patterns = [_compile_word(word) for word in words]
    # a place begins with the first word that is in the note
    for first_pattern in patterns:
        if first_pattern.search(note):
            break
    else:
        return
    for first_match in islice(first_pattern.finditer(note), _MAX_PLACES):
        spans: list[Span | None] = []
        end = first_match.start()
        for pattern in patterns:
            match = pattern.search(note, end, end + _MAX_DISTANCE)
            if match is None:
                spans.append(None)
            else:
                spans.append(match.span())
                end = match.end()
        found_count = len(words) - spans.count(None)
        if found_count >= _MIN_FOUND_RATIO * len(words):
            yield spans


def _compile_word(word: str) -> re.Pattern[str]:
    pattern = re.escape(word)
    is_sign = len(word) == 1 and not word.isascii()  # of a script without spaces
    if is_sign:
        return re.compile(pattern)
    return re.compile(rf"(?<![^\W_]){pattern}(?![^\W_])")


def _align_tokens(
    note: str, tokens: Sequence[_Token], word_spans: Sequence[Span | None]
) -> None:
    """Set the span of each word in the note, and then the spans of the tokens between words.

    At least one of the words must be in the note.
    """
    spans = iter(word_spans)
    for token in tokens:
        token.note_span = next(spans) if token.is_word else None

    # a token between words ends before the next word that is in the note
    limits: list[int | None] = []
    limit = None
    for token in reversed(tokens):
        if token.note_span:
            limit = token.note_span[0]
        limits.append(limit)
    limits.reverse()

    assert limits[0] is not None
    end = max(0, limits[0] - _MAX_LEADING_CHARS)
    for token, limit in zip(tokens, limits, strict=True):
        if not token.is_word and not token.is_special:
            pattern = r"\s+" if token.text.isspace() else re.escape(token.text)
            last = end + _MAX_DISTANCE if limit is None else limit
            match = re.compile(pattern).search(note, end, last)
            token.note_span = match.span() if match else None
        if token.note_span:
            end = token.note_span[1]


# --- the changed note -------------------------------------------------------------------


def _apply_replacements(
    note: str, changes: Sequence[_Replacement], *, insert_before: bool
) -> str | None:
    parts = []
    end_of_rest = len(note)
    for change in reversed(changes):
        span = change.note_span(insert_before=insert_before)
        if span is None or span[1] > end_of_rest:
            return None
        start, end = span
        parts += [note[end:end_of_rest], _adapt_to_line(change.text, note, start)]
        end_of_rest = start
    parts.append(note[:end_of_rest])
    return "".join(reversed(parts))


def _adapt_to_line(text: str, note: str, start: int) -> str:
    """Escape and indent `text` to fit the table, quote or list item at offset `start`."""
    line_start = note.rfind("\n", 0, start) + 1
    line, _, _ = note[line_start:].partition("\n")
    if line.lstrip("> \t").startswith("|"):
        text = text.replace("|", r"\|")
    if "\n" not in text:
        return text
    line_start_match = _LINE_START.match(line)
    assert line_start_match is not None
    prefix = line_start_match[0]
    if line_start_match["item"]:
        prefix = line[: line_start_match.start("item")] + " " * len(
            line_start_match["item"]
        )
    line_ending = "\r\n" if "\r\n" in note else "\n"
    return text.replace("\n", f"{line_ending}{prefix}")
