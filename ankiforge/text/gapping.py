"""A cloze made of a passage: words chosen in its plain text, hidden where they stand as written.

A passage has its plain words, in which a person chooses, and often the Markdown they were written
in. Formulas, code and links are hidden whole. Where a gap would cut emphasis in two, the emphasis
is left out: the words of a card are the passage's, whatever becomes of their form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ankiforge.model import Span
from ankiforge.text import cloze
from ankiforge.text.fold import same
from ankiforge.text.markdown import literal, plain
from ankiforge.text.sentences import sentence_around, trimmed
from ankiforge.text.shields import shields

_MARKS = frozenset("*_~=#>+-|`\\")
"""What may be no word but a sign of the form."""
_WHOLE = re.compile(r"!?\[[^\]\n]*\]\([^)\n]*\)")
_SIGN = re.compile(r"[!-/:-@\[-`{-~]")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some Markdown that no gap divides, and where its words stand in the plain text."""

    start: int
    end: int
    markdown: str
    whole: bool = False
    """A formula, code, a link: more than the letters that are seen."""


_Form = Callable[[Sequence[_Piece]], str]


def gapped(text: str, spans: Sequence[Span], markdown: str = "") -> str:
    """The sentences around some words as a cloze text, the words hidden, numbered in order.

    Args:
        text: a passage as plain text.
        spans: the words, in code points of it; those that overlap are one.
        markdown: the same passage as it was written, "" if it is literal text.

    Raises:
        ValueError: there is nothing to hide at one of these places.
    """
    chosen = _chosen(text, spans)
    within = sentence_around(text, chosen[0][0], chosen[-1][1])
    pieces, forms, words = _pieces(text, markdown)
    chosen = _chosen(text, [_widened(pieces, span) for span in chosen])
    pieces = _sentence(pieces, within)
    for form in forms:
        made = _made(pieces, chosen, form)
        if _says(made, pieces, chosen, words):
            return made
    raise ValueError("these words cannot be hidden in their sentence")


def part(text: str, span: Span, markdown: str = "") -> str:
    """Some words of a passage as Markdown; formulas are never cut.

    Raises:
        ValueError: there is nothing at this place.
    """
    [chosen] = _chosen(text, [span])
    pieces, forms, words = _pieces(text, markdown)
    within = _sentence(pieces, chosen)
    drawn = (form(within).strip() for form in forms)
    return next((one for one in drawn if same(plain(one), words(within))), forms[-1](within))


def _chosen(text: str, spans: Sequence[Span]) -> list[Span]:
    """The spans in order, without blanks at their ends, those that overlap joined."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if not 0 <= start <= end <= len(text):
            raise ValueError("these words are not in the passage")
        first, last = trimmed(text, start, end)
        if first == last:
            raise ValueError("no words are selected")
        if found and first < found[-1][1]:
            first, last = found[-1][0], max(last, found.pop()[1])
        found.append((first, last))
    if not found:
        raise ValueError("no words are selected")
    return found


# --- what was written, piece by piece -------------------------------------------------------


def _pieces(text: str, markdown: str) -> tuple[tuple[_Piece, ...], tuple[_Form, ...], _Form]:
    """A passage in order, each piece at its words; the forms it may be written in; what it says."""
    found = _aligned(text, markdown) if markdown else None
    if found is not None:
        return found, (_as_written, _in_words), lambda pieces: plain(_in_words(pieces))
    letters = (_Piece(at, at + 1, letter) for at, letter in enumerate(text))
    return tuple(letters), (_as_text, _escaped), _as_written


def _aligned(text: str, markdown: str) -> tuple[_Piece, ...] | None:
    """None if the Markdown does not say this text."""
    pieces, at = [], 0
    for raw, says, whole in _read(markdown):
        length = next((len(one) for one in says if one and text.startswith(one, at)), 0)
        if not length and raw.isspace() and text[at : at + 1].isspace():
            length = 1
        if not (length or whole or raw.isspace() or raw in _MARKS or _TAG.fullmatch(raw)):
            return None
        if whole and not length and any(says):
            return None
        pieces.append(_Piece(at, at + length, raw, whole))
        at += length
    return tuple(pieces) if not text[at:].strip() else None


def _read(markdown: str) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """(Markdown, what it may say as text, whether it is whole), from beginning to end."""
    at = 0
    for start, end, kind in _undivided(markdown):
        yield from ((letter, (letter,), False) for letter in markdown[at:start])
        raw = markdown[start:end]
        words = (plain(raw), raw) if kind != "tag" else ("",)
        yield raw, words, kind not in ("escape", "tag")
        at = end
    yield from ((letter, (letter,), False) for letter in markdown[at:])


def _undivided(markdown: str) -> list[tuple[int, int, str]]:
    """Escapes, code, formulas, links, tags; of those within another the outer ones."""
    others = [(m.start(), m.end(), "link") for m in _WHOLE.finditer(markdown)]
    others += [(m.start(), m.end(), "tag") for m in _TAG.finditer(markdown)]
    found: list[tuple[int, int, str]] = []
    for one in sorted([*shields(markdown), *others], key=lambda one: (one[0], -one[1])):
        if not found or one[0] >= found[-1][1]:
            found.append(one)
    return found


def _sentence(pieces: Iterable[_Piece], within: Span) -> tuple[_Piece, ...]:
    """The pieces of a stretch of the text; a formula at its edge is in it as a whole."""
    first, last = within
    return tuple(one for one in pieces if one.start < last and one.end > first)


def _widened(pieces: Iterable[_Piece], span: Span) -> Span:
    """What is whole is taken as a whole."""
    start, end = span
    for one in pieces:
        if one.whole and one.start < span[1] and one.end > span[0]:
            start, end = min(start, one.start), max(end, one.end)
    return start, end


# --- what is made of it ---------------------------------------------------------------------


def _as_written(pieces: Sequence[_Piece]) -> str:
    return "".join(one.markdown for one in pieces)


def _in_words(pieces: Sequence[_Piece]) -> str:
    """Without the signs of the form; code and formulas stay."""
    return _as_written([one for one in pieces if one.end > one.start or one.whole])


def _as_text(pieces: Sequence[_Piece]) -> str:
    return literal(_as_written(pieces))


def _escaped(pieces: Sequence[_Piece]) -> str:
    """Where signs meet that were apart, none of them is one."""
    return _SIGN.sub(r"\\\g<0>", _as_written(pieces))


def _made(pieces: Sequence[_Piece], chosen: Sequence[Span], form: _Form) -> str:
    parts, at = [], 0
    for number, span in enumerate(chosen, start=1):
        first, last = _inside(pieces, span)
        parts.append(cloze.escape_signs(form(pieces[at:first])))
        parts.append(cloze.make(number, form(pieces[first:last])))
        at = last
    return "".join([*parts, cloze.escape_signs(form(pieces[at:]))]).strip()


def _inside(pieces: Sequence[_Piece], span: Span) -> Span:
    """Which pieces stand there, as a slice of them."""
    found = [n for n, one in enumerate(pieces) if one.start < span[1] and one.end > span[0]]
    return found[0], found[-1] + 1


def _says(made: str, pieces: Sequence[_Piece], chosen: Sequence[Span], words: _Form) -> bool:
    """Whether a cloze text is a good one, hides these words, and says the sentence and no more."""
    hidden = [words(pieces[slice(*_inside(pieces, span))]) for span in chosen]
    answers = [plain(gap.answer) for gap in cloze.gaps(made)]
    alike = len(hidden) == len(answers) and all(map(same, hidden, answers))
    return alike and not any(cloze.problems(made)) and same(plain(made), words(pieces))
