"""Make a cloze of words that a person selected in the plain text of a passage.

The selection is in code points of the plain text, the cloze in Markdown: both are aligned piece by piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from ankiforge.model import Span
from ankiforge.text import cloze
from ankiforge.text.cloze import gaps, shields
from ankiforge.text.fold import same
from ankiforge.text.markdown import TAG, literal, plain
from ankiforge.text.passages import sentence_around, trimmed

_MARKUP_CHARS = frozenset("*_~=#>+-|`\\")
"""Characters that may be markup instead of text."""
_LINK_OR_IMAGE = re.compile(r"!?\[[^\]\n]*\]\([^)\n]*\)")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


class _Piece(msgspec.Struct, frozen=True):
    """A piece of Markdown that is never divided, and its position in the plain text."""

    start: int
    end: int
    markdown: str
    whole: bool = False
    """Whether it is a formula, code or a link."""

    def meets(self, span: Span) -> bool:
        return self.start < span[1] and self.end > span[0]


_Pieces = Sequence[_Piece]
_Form = Callable[[_Pieces], str]


def gapped(text: str, spans: Sequence[Span], markdown: str = "") -> str:
    """Return the sentences around a selection as a cloze text, with the selection hidden.

    Formulas, code and links are hidden whole. If a gap would cut emphasis in two, the emphasis is
    dropped: a card must have the words of the passage, but not its formatting.

    Args:
        text: a passage as plain text.
        spans: the selection, in code points of `text`. Overlapping spans are joined.
        markdown: the passage as Markdown. "" if the text is literal.

    Raises:
        ValueError: there is nothing to hide at one of the spans.
    """
    chosen = _chosen(text, spans)
    within = sentence_around(text, chosen[0][0], chosen[-1][1])
    pieces, forms, words = _pieces(text, markdown)
    widened = []
    for span in chosen:
        wholes = [piece for piece in pieces if piece.whole and piece.meets(span)]
        starts, ends = [piece.start for piece in wholes], [piece.end for piece in wholes]
        widened.append((min([span[0], *starts]), max([span[1], *ends])))
    pieces = [piece for piece in pieces if piece.meets(within)]
    slices = []
    for span in _chosen(text, widened):
        met = [at for at, piece in enumerate(pieces) if piece.meets(span)]
        slices.append(slice(met[0], met[-1] + 1))
    hidden = [words(pieces[each]) for each in slices]
    for form in forms:
        made, at = "", 0
        for number, each in enumerate(slices, start=1):
            made += cloze.escape_signs(form(pieces[at : each.start]))
            made += cloze.make(number, form(pieces[each]))
            at = each.stop
        made = (made + cloze.escape_signs(form(pieces[at:]))).strip()
        answers = [plain(gap.answer) for gap in gaps(made)]
        hides = len(hidden) == len(answers) and all(map(same, hidden, answers))
        if hides and not any(cloze.problems(made)) and same(plain(made), words(pieces)):
            return made
    raise ValueError("these words cannot be hidden in their sentence")


def part(text: str, span: Span, markdown: str = "") -> str:
    """Return part of a passage as Markdown. Formulas are never cut.

    Raises:
        ValueError: the span contains no text.
    """
    [chosen] = _chosen(text, [span])
    pieces, forms, words = _pieces(text, markdown)
    within = [piece for piece in pieces if piece.meets(chosen)]
    candidates = (form(within).strip() for form in forms)
    return next((one for one in candidates if same(plain(one), words(within))), forms[-1](within))


def _chosen(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return the spans in order, trimmed, with overlapping ones joined."""
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


def _pieces(text: str, markdown: str) -> tuple[_Pieces, tuple[_Form, _Form], _Form]:
    """Return the pieces of a passage, the forms to try in order, and a function for plain text.

    The forms of Markdown are as written, and without emphasis. The forms of literal text are
    escaped where necessary, and escaped everywhere (when pieces are joined, characters could become
    markup that were apart before).
    """

    def written(pieces: _Pieces) -> str:
        return "".join(piece.markdown for piece in pieces)

    def bare(pieces: _Pieces) -> str:
        return written([piece for piece in pieces if piece.end > piece.start or piece.whole])

    if markdown and (found := _aligned(text, markdown)) is not None:
        return found, (written, bare), lambda pieces: plain(bare(pieces))
    letters = [_Piece(at, at + 1, letter) for at, letter in enumerate(text)]
    escaped: _Form = lambda pieces: _PUNCTUATION.sub(r"\\\g<0>", written(pieces))  # noqa: E731
    return letters, (lambda pieces: literal(written(pieces)), escaped), written


def _aligned(text: str, markdown: str) -> list[_Piece] | None:
    """Align the Markdown with the plain text. None if it is not the same text."""
    pieces, at = [], 0
    for raw, texts, whole in _read(markdown):
        length = next((len(each) for each in texts if each and text.startswith(each, at)), 0)
        if not length and raw.isspace() and text[at : at + 1].isspace():
            length = 1
        if not (length or whole or raw.isspace() or raw in _MARKUP_CHARS or TAG.fullmatch(raw)):
            return None
        if whole and not length and any(texts):
            return None
        pieces.append(_Piece(at, at + length, raw, whole))
        at += length
    return pieces if not text[at:].strip() else None


def _read(markdown: str) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Yield (Markdown, texts it may stand for, whether it is indivisible)."""
    runs: list[tuple[int, int, str]] = [*shields(markdown)]
    runs += [(m.start(), m.end(), "link") for m in _LINK_OR_IMAGE.finditer(markdown)]
    runs += [(m.start(), m.end(), "tag") for m in TAG.finditer(markdown)]
    at = 0
    for start, end, kind in sorted(runs, key=lambda run: (run[0], -run[1])):
        if start < at:
            continue
        yield from ((letter, (letter,), False) for letter in markdown[at:start])
        raw = markdown[start:end]
        yield raw, ("",) if kind == "tag" else (plain(raw), raw), kind not in ("escape", "tag")
        at = end
    yield from ((letter, (letter,), False) for letter in markdown[at:])
