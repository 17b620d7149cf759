"""Select and clean the text of passages.

Finds the paragraphs around a passage, and cleans up truncated context words, bullets and footnote
numbers.
"""

from __future__ import annotations

import re
from collections import Counter

from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.keys import CONTEXT_CHARS
from ankiforge.text.normalize import UNSPACED_SCRIPTS
from ankiforge.text.sentences import find_sentence_starts

# --- paragraphs -----------------------------------------------------------------------

MAX_ANSWER_CONTEXT_CHARS = 1_500
"""The maximum number of characters of context that may answer a user's question."""
MAX_SUBJECT_CONTEXT_CHARS = 600
"""The maximum number of characters of context that only shows what a passage is about."""
_WHITESPACE = regex(r"\s")


def get_paragraphs_around(text: str, start: int, end: int, *, for_question: bool) -> str:
    """Return the paragraph around a passage, plus as many neighbouring paragraphs as fit.

    A paragraph is a line. If the passage's own paragraph is too long, it is cut between two
    sentences if possible, otherwise between two words, and `…` marks the cut.

    Args:
        text: The full text.
        start: The offset where the passage starts.
        end: The offset where the passage ends.
        for_question: Whether the user asks a question about the passage. This raises the length
            limit, because the answer may be in the surrounding text.
    """
    limit = MAX_SUBJECT_CONTEXT_CHARS
    if for_question:
        limit = MAX_ANSWER_CONTEXT_CHARS
    paragraph_start = text.rfind("\n", 0, start) + 1
    paragraph_end = _find_line_end(text, end)
    if paragraph_end - paragraph_start <= limit:
        first, last = _add_neighbours(text, (paragraph_start, paragraph_end), limit)
        return text[first:last]
    text_before = text[paragraph_start:start]
    text_after = text[end:paragraph_end]
    return _cut_paragraph(text_before, text[start:end], text_after, limit)


def _add_neighbours(text: str, paragraphs: Span, limit: int) -> Span:
    """Add the paragraphs above and below while they fit, those above first."""
    start, end = paragraphs
    while True:
        above_start = text.rfind("\n", 0, max(start - 1, 0)) + 1
        below_end = _find_line_end(text, end + 1)
        if above_start < start and end - above_start <= limit:
            start = above_start
        elif below_end > end and below_end - start <= limit:
            end = below_end
        else:
            return start, end


def _cut_paragraph(text_before: str, passage: str, text_after: str, limit: int) -> str:
    """Cut a paragraph that is too long on both sides of a passage."""
    # Each side may take half of the remaining length. A shorter side leaves more for the other.
    remaining = max(limit - len(passage) - 2 * len("… "), 0)
    max_before = max(remaining // 2, remaining - len(text_after))
    max_after = max(remaining // 2, remaining - len(text_before))
    if len(text_before) > max_before:
        text_before = f"… {_truncate_start(text_before, max_before)}"
    if len(text_after) > max_after:
        text_after = f"{_truncate_end(text_after, max_after)} …"
    return f"{text_before}{passage}{text_after}"


def _truncate_end(text: str, max_length: int) -> str:
    """Cut off the end of a text after a sentence in its second half or, failing that, a word."""
    kept = text[:max_length]
    cuts = [cut for cut in find_sentence_starts(kept) if 2 * cut >= len(kept)]
    if not cuts:
        cuts = [space.start() for space in _WHITESPACE.finditer(kept)]
    if cuts:
        kept = kept[: cuts[-1]]
    return kept.rstrip()


def _truncate_start(text: str, max_length: int) -> str:
    """Cut off the start of a text after a sentence in its first half or, failing that, a word."""
    kept = text[len(text) - max_length :]
    cuts = [cut for cut in find_sentence_starts(kept) if 2 * cut <= len(kept)]
    if not cuts:
        cuts = [space.start() for space in _WHITESPACE.finditer(kept)]
    if cuts:
        kept = kept[cuts[0] :]
    return kept.lstrip()


def _find_line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    if end < 0:
        return len(text)
    return end


# --- the ends of passages and of the context ------------------------------------------

_CONTEXT_LENGTHS = (32, CONTEXT_CHARS)
"""The lengths to which sources truncate context: hypothes.is, and all others."""


def is_truncated_context(text: str) -> bool:
    """Return whether the text beside a passage is as long as a source lets it be.

    The text then probably begins or ends inside a sentence.
    """
    return len(text) in _CONTEXT_LENGTHS


def remove_truncated_first_word(text: str) -> str:
    """Drop the first word of the text before a passage if the word may be cut off."""
    if not is_truncated_context(text) or text[0].isspace():
        return text
    # a longer word may be text in a script without spaces
    return re.sub(r"\A\S{1,24}\s+(?=\S)", "", text)


def remove_truncated_last_word(text: str) -> str:
    """Drop the last word of the text after a passage if the word may be cut off."""
    return remove_truncated_first_word(text[::-1])[::-1]


_BULLET = regex(r"(?:(?P<end>\S)\s+|^\s*)[•‣◦▪●■⁃]\s+")


def join_bullets(exact: str) -> str:
    """Join a bulleted list into one sentence by replacing its bullets with semicolons.

    The passage keeps its anchor, because its letters and digits stay the same.
    """
    bullet_count = len(_BULLET.findall(exact))
    if bullet_count == 1 and _BULLET.match(exact):
        return exact  # a single item isn't a list
    return _BULLET.sub(_join_item, exact)


def _join_item(bullet: re.Match[str]) -> str:
    """Keep the character that ends the item before a bullet, and add a semicolon if needed."""
    end = bullet["end"]
    if end is None:  # the first bullet
        return ""
    if end in ".;:,!?…":
        return f"{end} "
    return f"{end}; "


# --- footnote numbers -----------------------------------------------------------------

SUPERSCRIPT_NOTE = regex(
    r"(?:(?<=[^\W\d_A-ZÀ-Þ]{4})|(?<=[.,;:!?”’\"»]))"
    r"(?:[¹²³⁰-⁹]+(?:[,⁻–-][¹²³⁰-⁹]+)*|[ᵃᵇᶜᵈᵉᶠᵍʰ])(?![\w])"
)
"""Matches the superscript number or letter of a footnote or citation, after punctuation or a word
that ends with four lower-case letters.
"""
# The number of a footnote after a word or a full stop: `released25`, `musclesfn1`, `slept.3`.
# Scripts without spaces are excluded, because in them any number looks like that.
_NOTE_NUMBER = regex(
    rf"(?<![\w/.@#])(?P<word>[^\W\d_]*?[^\W\d_A-Z{UNSPACED_SCRIPTS}]{{3}})(?<!ovid)(?:"
    r"(?P<punctuation>[,;:”’\"')]{0,2})(?:fn)?"
    r"(?P<number>\d{1,3}(?:[,–-]\d{1,3})*)(?=[\s.,;:)]|$)"
    r"|(?P<stop>[.!?][”’\"')]?)(?:fn)?"
    r"(?P<number_after_stop>\d{1,3}(?:[,–-]\d{1,3})*)(?=\s*$|\s+[“‘\"'(]?[^\W\d_a-z]))"
)
_DIGIT = regex(r"\d")
_MIN_NOTE_NUMBERS = 3
"""If a book has at least this many different footnote numbers, all of them are removed."""
# A number that is always removed, as in `decline118` but not `python3`, `sha256` or `Windows10`.
_CERTAIN_NOTE_NUMBER = regex(
    r"(?:(?<!\w)[^\W\d_A-ZÀ-Þ]{5,}[,;:”’\"')]{0,2}|[.!?][”’\"')]?)\d{2,3}"
)

# Names that end with a number, in lower case.
_NUMBERED_NAMES = frozenset("area base ipv log python rfc route sha utf windows".split())


def remove_footnote_numbers(passages: list[str]) -> list[str]:
    """Strip footnote numbers from a book's passages.

    E-books display these numbers as superscripts, but in highlights they end up attached to
    a word, e.g. `released25`. A word with the same number in several passages is taken for a
    name. If a book has only a few distinct numbers, any that may be part of a name are kept.
    """
    texts_with_digits = list(filter(_DIGIT.search, dict.fromkeys(passages)))
    notes = [note for text in texts_with_digits for note in _NOTE_NUMBER.finditer(text)]
    if not notes:
        return passages
    counts = Counter([note.groups() for note in notes])
    numbers = {note["number"] or note["number_after_stop"] for note in notes}
    has_many_numbers = len(numbers) >= _MIN_NOTE_NUMBERS

    def is_kept(note: re.Match[str]) -> bool:
        is_name = note["word"].lower() in _NUMBERED_NAMES
        if is_name or counts[note.groups()] > 1:
            return True
        return not has_many_numbers and not _CERTAIN_NOTE_NUMBER.search(note[0])

    def remove_number(note: re.Match[str]) -> str:
        if is_kept(note):
            return note[0]
        if note["number"]:
            return note["word"] + note["punctuation"]
        return note["word"] + note["stop"]

    cleaned = {text: _NOTE_NUMBER.sub(remove_number, text) for text in texts_with_digits}
    return [cleaned.get(passage, passage) for passage in passages]
