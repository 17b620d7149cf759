"""Passages in a text: the paragraphs around them, and their ends, where exports cut words off."""

from __future__ import annotations

import re
from collections import Counter

from ankiforge.text import regex
from ankiforge.text.fold import UNSPACED
from ankiforge.text.keys import CONTEXT
from ankiforge.text.sentences import boundaries

# --- paragraphs -----------------------------------------------------------------------

NEARBY = 1_500
"""Characters of the paragraphs that may answer a reader's question."""
PARAGRAPH = 600
"""Characters of the paragraphs that show the subject of a passage."""
_BLANK = regex(r"\s")


def paragraphs_around(text: str, start: int, end: int, *, asks: bool) -> str:
    """Return the paragraph of [start, end) and its neighbours, as many as fit.

    A paragraph is a line. One that is too long is cut around the passage: between
    sentences or else words, with … there.

    Args:
        text: the whole text.
        start: where the passage begins.
        end: where it ends.
        asks: whether a reader's question may be answered there, so that more
            paragraphs are wanted.
    """
    limit = NEARBY if asks else PARAGRAPH
    paragraph_start = text.rfind("\n", 0, start) + 1
    paragraph_end = _line_end(text, end)
    while paragraph_end - paragraph_start <= limit:
        # those beside it, while they fit
        before_start = paragraph_start
        if paragraph_start:
            before_start = text.rfind("\n", 0, paragraph_start - 1) + 1
        after_end = paragraph_end
        if paragraph_end < len(text):
            after_end = _line_end(text, paragraph_end + 1)
        if before_start < paragraph_start and paragraph_end - before_start <= limit:
            paragraph_start = before_start
        elif after_end > paragraph_end and after_end - paragraph_start <= limit:
            paragraph_end = after_end
        else:
            return text[paragraph_start:paragraph_end]

    before = text[paragraph_start:start]
    passage = text[start:end]
    after = text[end:paragraph_end]

    # half of the room for each side; what one side does not need, the other one gets
    room = max(limit - len(passage) - 2 * len("… "), 0)
    room_before = max(room // 2, room - len(after))
    room_after = max(room // 2, room - len(before))
    # each side is cut at a sentence in its half that is farther away, or else at a word
    if len(before) > room_before:
        lead = before[len(before) - room_before :]
        places = [place for place in boundaries(lead) if 2 * place <= len(lead)]
        places = places or [blank.start() for blank in _BLANK.finditer(lead)]
        if places:
            lead = lead[places[0] :]
        before = f"… {lead.lstrip()}"
    if len(after) > room_after:
        rest = after[:room_after]
        places = [place for place in boundaries(rest) if 2 * place >= len(rest)]
        places = places or [blank.start() for blank in _BLANK.finditer(rest)]
        if places:
            rest = rest[: places[-1]]
        after = f"{rest.rstrip()} …"
    return f"{before}{passage}{after}"


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


# --- the ends of passages and of their neighbours -------------------------------------

_AT_MOST = (32, CONTEXT)
"""The lengths at which sources cut off context (hypothes.is, all others)."""


def from_a_word(before: str) -> str:
    """Return the text before a passage, without an incomplete first word."""
    if len(before) not in _AT_MOST or before[0].isspace():
        return before
    # a longer word may be text in a script without spaces
    cut = re.match(r"\S{1,24}\s+(?=\S)", before)
    return before[cut.end() :] if cut else before


def to_a_word(after: str) -> str:
    """Return the text after a passage, without an incomplete last word."""
    return from_a_word(after[::-1])[::-1]


_BULLET = regex(r"(?:(?P<end>\S)\s+|^\s*)[•‣◦▪●■⁃]\s+")


def without_bullets(exact: str) -> str:
    """Join the bulleted list items in a passage by `; `.

    The folded text stays the same, and so do anchors made from it.
    """
    bullets = len(_BULLET.findall(exact))
    if not bullets or (bullets == 1 and _BULLET.match(exact)):
        return exact

    def joined(bullet: re.Match[str]) -> str:
        # the character that ends the item before it stays
        end = bullet["end"]
        if not end:
            return ""
        return f"{end} " if end in ".;:,!?…" else f"{end}; "

    return _BULLET.sub(joined, exact)


# --- numbers of notes -----------------------------------------------------------------

RAISED_NOTE = regex(
    r"(?:(?<=[^\W\d_A-ZÀ-Þ]{4})|(?<=[.,;:!?”’\"»]))[¹²³⁰-⁹]+(?:[,⁻–-][¹²³⁰-⁹]+)*(?![\w])"
)
"""The raised number of a note or a citation, behind a word of four letters or a sign."""
# The number of a note behind a word or its stop: `released25`, `musclesfn1`, `slept.³`. Where no
# blanks are written, every number stands so.
_NOTE_NUMBER = regex(
    rf"(?<![\w/.@#])([^\W\d_]*?[^\W\d_A-Z{UNSPACED}]{{3}})(?<!ovid)(?:"
    r"([,;:”’\"')]{0,2})(?:fn)?(\d{1,3}(?:[,–-]\d{1,3})*)(?=[\s.,;:)]|$)"
    r"|([.!?][”’\"')]?)(?:fn)?(\d{1,3}(?:[,–-]\d{1,3})*)(?=\s*$|\s+[“‘\"'(]?[^\W\d_a-z]))"
)
_DIGIT = regex(r"\d")
_LEAST_NOTES = 3
"""Words with such numbers, each its own, at least, before they are cut off."""
# One that is cut off even alone: `decline118`, but not `python3`, `sha256`, `Windows10`.
_SURELY_NOTE = regex(
    r"(?:(?<!\w)[^\W\d_A-ZÀ-Þ]{5,}[,;:”’\"')]{0,2}|[.!?][”’\"')]?)\d{2,3}"
)

# Names that end with a number, in lower case.
_NUMBERED = frozenset("area base ipv log python rfc route sha utf windows".split())


def without_note_numbers(passages: list[str]) -> list[str]:
    """Return passages of a book without numbers of notes.

    An e-book shows them raised; as text they are glued to the word: `released25`. One name
    that ends with digits comes with the same ones each time. Where there are few, only what
    can hardly be a name is cut off.
    """
    numbered = [text for text in dict.fromkeys(passages) if _DIGIT.search(text)]
    words = Counter(
        note.groups() for text in numbered for note in _NOTE_NUMBER.finditer(text)
    )
    if not words:
        return passages
    numbers = {number or at_end for _, _, number, _, at_end in words}

    def without(note: re.Match[str]) -> str:
        if words[note.groups()] > 1 or note[1] in _NUMBERED:
            return note[0]
        if len(numbers) < _LEAST_NOTES and not _SURELY_NOTE.search(note[0]):
            return note[0]
        return f"{note[1]}{note[2] or note[4] or ''}"

    cleaned = {text: _NOTE_NUMBER.sub(without, text) for text in numbered}
    return [cleaned.get(passage, passage) for passage in passages]
