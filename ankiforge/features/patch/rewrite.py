"""Apply changes of a card's fields to the text of the note that contains the card.

The fields are Markdown. The note has the same words in the same order, but also syntax of its own,
such as highlights, the `> ` of quotes, links and line breaks. `rewrite_note` finds the words of the
fields in the note, and replaces only the differences between the old and the new fields. The
results are guesses, so the caller must parse each of them and use the first one in which the card
has the new fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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
    _check_syntax_is_kept(old, new)
    tokens = _tokenize(old)
    if not any(map(_is_word, tokens)):
        raise ItemError(
            "it has no words by which it could be found in the note: edit the note yourself"
        )
    replacements = list(_diff_tokens(tokens, _tokenize(new)))
    # try the text without backslashes first, because users write `5 * 3`, not `5 \* 3`
    unescaped = [each._replace(text=remove_escapes(each.text)) for each in replacements]
    is_found = False
    for alignment in _iter_alignments(note, tokens):
        is_found = True
        for candidates in (unescaped, replacements):
            yield from _iter_rewritings(note, alignment, candidates)
    if not is_found:
        raise ItemError(
            "its words are not in one place of the note: edit the note yourself"
        )


def _check_syntax_is_kept(old: Sequence[str], new: Sequence[str]) -> None:
    """Check that an edit leaves alone what the note writes in syntax of its own.

    Raises:
        ItemError: a picture, link or gap was added, removed or changed.
    """
    if _PICTURE.findall("\n".join(old)) != _PICTURE.findall("\n".join(new)):
        raise ItemError("a picture was added, removed or changed: change it in the note")
    if _find_link_targets(old) != _find_link_targets(new):
        raise ItemError("a link was added, removed or changed: change it in the note")
    if _find_special_tokens(old) != _find_special_tokens(new):
        raise ItemError("gaps were added, removed or moved: change them in the note")


def remove_escapes(markdown: str) -> str:
    """Remove Markdown's backslash escapes."""
    return _ESCAPE.sub(r"\1", markdown)


def _tokenize(fields: Sequence[str]) -> list[str]:
    """Split fields into words, runs of whitespace, punctuation characters and special tokens.

    Pictures are replaced by placeholders, and links by their text.
    """
    text = _FIELD_SEPARATOR.join(fields)
    without_pictures = _PICTURE.sub(_PICTURE_PLACEHOLDER, text)
    return _TOKEN.findall(_LINK.sub(r"\1", without_pictures))


def _is_word(token: str) -> bool:
    return token[0].isalnum()


def _is_special(token: str) -> bool:
    return _SPECIAL_TOKEN.fullmatch(token) is not None


def _find_link_targets(fields: Sequence[str]) -> list[str]:
    return [target for _, target in _LINK.findall("\n".join(fields))]


def _find_special_tokens(fields: Sequence[str]) -> list[str]:
    return list(filter(_is_special, _tokenize(fields)))


# --- replacements -----------------------------------------------------------------------


class _Replacement(NamedTuple):
    """Text to write in place of some of the old tokens."""

    start: int
    """The index of the first token to remove."""
    end: int
    """The index after the last one. Equal to `start` for a mere insertion."""
    text: str


def _diff_tokens(old: Sequence[str], new: Sequence[str]) -> Iterator[_Replacement]:
    """Diff two lists of tokens, yielding the replacements that turn `old` into `new`.

    Both lists must have the same special tokens in the same order. No replacement contains one.
    """
    old_parts = _split_at_special_tokens(old)
    new_parts = _split_at_special_tokens(new)
    for old_part, new_part in zip(old_parts, new_parts, strict=True):
        old_tokens = old[old_part.start : old_part.stop]
        new_tokens = new[new_part.start : new_part.stop]
        matcher = SequenceMatcher(None, old_tokens, new_tokens, autojunk=False)
        for operation, first, last, new_first, new_last in matcher.get_opcodes():
            if operation != "equal":
                text = "".join(new_tokens[new_first:new_last])
                offset = old_part.start  # opcodes count from the start of the part
                yield _Replacement(offset + first, offset + last, text)


def _split_at_special_tokens(tokens: Sequence[str]) -> Iterator[range]:
    """Yield the indices of the tokens between special ones."""
    start = 0
    for index, token in enumerate(tokens):
        if _is_special(token):
            yield range(start, index)
            start = index + 1
    yield range(start, len(tokens))


# --- alignment with the note ------------------------------------------------------------


class _Alignment(NamedTuple):
    """One place in the note at which the tokens of the old fields may be."""

    tokens: Sequence[str]
    spans: Sequence[Span | None]
    """The span of each token in the note, or None if the note writes it differently."""

    def find_span(self, replacement: _Replacement, *, insert_before: bool) -> Span | None:
        """Return the span of the note to replace. For an insertion, the span is empty.

        With `insert_before`, text is inserted right before the next token, otherwise right after
        the previous one. Returns None if the tokens to replace can't be found in the note.
        """
        if replacement.start == replacement.end:
            return self._find_insertion_point(
                replacement.start, insert_before=insert_before
            )
        removed = [*filter(None, self.spans[replacement.start : replacement.end])]
        if not removed:
            return None
        return removed[0][0], removed[-1][1]

    def _find_insertion_point(self, index: int, *, insert_before: bool) -> Span | None:
        """Return the empty span in the note at which to insert text before the token `index`.

        This is the start of the next token or the end of the previous one, whichever the note has
        or, if it has both, as `insert_before` says. Tokens beyond a special token only count if
        the insertion is alone between two of them, such as in a gap that was empty.
        """
        before = range(index - 1, -1, -1)
        after = range(index, len(self.tokens))
        previous = self._find_nearest_span(before)
        following = self._find_nearest_span(after)
        if previous is None and following is None:
            previous = self._find_nearest_span(before, past_special=True)
            following = self._find_nearest_span(after, past_special=True)
        if previous and not (insert_before and following):
            end = previous[1]
            return end, end
        if following:
            start = following[0]
            return start, start
        return None

    def _find_nearest_span(
        self, indices: range, *, past_special: bool = False
    ) -> Span | None:
        """Return the span of the first of some tokens that the note has, or None.

        The search stops at the first special token, unless `past_special` is true.
        """
        for index in indices:
            span = self.spans[index]
            if span:
                return span
            if _is_special(self.tokens[index]) and not past_special:
                return None
        return None


def _iter_alignments(note: str, tokens: Sequence[str]) -> Iterator[_Alignment]:
    """Yield each place where the note has most of the words in order."""
    patterns = [_compile_word(token) for token in tokens if _is_word(token)]
    for start in _iter_places(note, patterns):
        word_spans = _find_words(note, patterns, start)
        found_count = len(patterns) - word_spans.count(None)
        if found_count >= _MIN_FOUND_RATIO * len(patterns):
            yield _Alignment(tokens, _align_tokens(note, tokens, word_spans))


def _iter_places(note: str, patterns: Sequence[re.Pattern[str]]) -> Iterator[int]:
    """Yield where the note has the first of the words that it has at all."""
    for pattern in patterns:
        matches = list(islice(pattern.finditer(note), _MAX_PLACES))
        if matches:
            yield from (match.start() for match in matches)
            return


def _find_words(
    note: str, patterns: Sequence[re.Pattern[str]], start: int
) -> list[Span | None]:
    """Return the span of each word, which is soon after the previous one, or None."""
    spans: list[Span | None] = []
    end = start
    for pattern in patterns:
        match = pattern.search(note, end, end + _MAX_DISTANCE)
        if match is None:
            spans.append(None)
        else:
            spans.append(match.span())
            end = match.end()
    return spans


def _compile_word(word: str) -> re.Pattern[str]:
    pattern = re.escape(word)
    is_sign = len(word) == 1 and not word.isascii()  # of a script without spaces
    if is_sign:
        return re.compile(pattern)
    return re.compile(rf"(?<![^\W_]){pattern}(?![^\W_])")


def _align_tokens(
    note: str, tokens: Sequence[str], word_spans: Sequence[Span | None]
) -> list[Span | None]:
    """Return the span of each token in the note, or None if the note writes it differently.

    The words are at `word_spans`, of which at least one must be known. Whitespace and punctuation
    are looked for between the previous token and the next word. Special tokens have no span.
    """
    remaining_word_spans = iter(word_spans)
    spans = [next(remaining_word_spans) if _is_word(token) else None for token in tokens]
    next_word_starts = _find_next_word_starts(spans)
    assert next_word_starts[0] is not None
    position = max(0, next_word_starts[0] - _MAX_LEADING_CHARS)
    for index, token in enumerate(tokens):
        if not _is_word(token) and not _is_special(token):
            limit = next_word_starts[index]
            if limit is None:
                limit = position + _MAX_DISTANCE
            spans[index] = _find_between_words(note, token, position, limit)
        span = spans[index]
        if span:
            position = span[1]
    return spans


def _find_next_word_starts(spans: Sequence[Span | None]) -> list[int | None]:
    """Return, for each token, where the next word that the note has begins, or None after it."""
    starts: list[int | None] = []
    start = None
    for span in reversed(spans):
        if span:
            start = span[0]
        starts.append(start)
    starts.reverse()
    return starts


def _find_between_words(note: str, token: str, start: int, end: int) -> Span | None:
    """Find a run of whitespace, whose length may differ, or a punctuation character."""
    pattern = r"\s+" if token.isspace() else re.escape(token)
    match = re.compile(pattern).search(note, start, end)
    return match.span() if match else None


# --- the changed note -------------------------------------------------------------------


def _iter_rewritings(
    note: str, alignment: _Alignment, replacements: Sequence[_Replacement]
) -> Iterator[str]:
    """Yield the note with the replacements made, with insertions at either of two points."""
    for insert_before in (False, True):
        spans = []
        for each in replacements:
            spans.append(alignment.find_span(each, insert_before=insert_before))
        rewritten = _replace_spans(note, spans, [each.text for each in replacements])
        if rewritten is not None:
            yield rewritten


def _replace_spans(
    note: str, spans: Sequence[Span | None], texts: Sequence[str]
) -> str | None:
    """Return the note with each span replaced by its text.

    Returns None if a span is unknown, or the spans aren't in order.
    """
    parts = []
    position = 0
    for span, text in zip(spans, texts, strict=True):
        if span is None or span[0] < position:
            return None
        start, end = span
        parts += [note[position:start], _adapt_to_line(text, note, start)]
        position = end
    parts.append(note[position:])
    return "".join(parts)


def _adapt_to_line(text: str, note: str, start: int) -> str:
    """Escape and indent `text` to fit the table, quote or list item at offset `start`."""
    line_start = note.rfind("\n", 0, start) + 1
    line, _, _ = note[line_start:].partition("\n")
    if line.lstrip("> \t").startswith("|"):
        text = text.replace("|", r"\|")
    if "\n" not in text:
        return text
    line_ending = "\r\n" if "\r\n" in note else "\n"
    return text.replace("\n", f"{line_ending}{_make_line_prefix(line)}")


def _make_line_prefix(line: str) -> str:
    """Return what a line has before its text, with spaces in place of the sign of a list item."""
    match = _LINE_START.match(line)
    assert match is not None  # it matches nothing, too
    item = match["item"]
    if not item:
        return match[0]
    return line[: match.start("item")] + " " * len(item)
