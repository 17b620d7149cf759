"""Our subset of Markdown: escape plain text, extract plain text, and make clozes of a selection.

The subset: paragraphs, emphasis, `code`, fences, lists, tables, links, images, `$maths$`,
`$$display$$`, and clozes `{{c1::answer::hint}}`. A backslash escapes ASCII punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ankiforge.model import Span
from ankiforge.text import cloze
from ankiforge.text.cloze import gaps, reveal, shields
from ankiforge.text.fold import same
from ankiforge.text.sentences import sentence_around, trimmed

_LITERAL = re.compile(
    r"""
      \\(?=[!-/:-@\[-`{-~]|$) | [`*<$\[] | (?<=\{)\{ | (?<=\})\} | (?<=:): | (?<==)= | (?<=~)~
    | (?<![^\W_])_ | _(?![^\W_]) | \](?=[(\[:]) | &(?=\#?\w+;)
    | ^[ \t]*(?:>|(?:\#{1,6}|[+-])(?=\s|$)|\d{1,9}(?=[.)](?:\s|$)))
    | ^[ \t]*(?:=+[ \t]*|[|:-][-:|\ \t]*)$
    """,
    re.VERBOSE | re.MULTILINE,
)
_ORDINAL = re.compile(r"^([ \t]*\d{1,9})([.)])(?=\s|$)", re.MULTILINE)


def literal(text: str) -> str:
    """Escape a text, so that it reads as exactly this text in Markdown."""
    return _ORDINAL.sub(r"\1\\\2", _LITERAL.sub(_escape, text))


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    if found.strip().isdigit():
        return found
    blanks = found[: len(found) - len(found.lstrip())]
    return f"{blanks}\\{found.lstrip()}"


_IMAGE = re.compile(r"!\[([^\]\n]*)\]\([^)\n]*\)")
_SOURCE = re.compile(r"!\[[^\]\n]*\]\(<?([^)\s>]+)")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")
_EMPHASIS = re.compile(r"(\*{1,3}|~~|==)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_UNDERSCORE = re.compile(r"(?<!\w)(_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)", re.DOTALL)
_MARKS = re.compile(r"[*_]|~~|==")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->", re.DOTALL)
_LINE_MARK = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-+*][ \t]+)", re.MULTILINE)
_PRIVATE = range(0xE000, 0x110000)


@lru_cache(maxsize=64)
def plain(markdown: str) -> str:
    """Return the text of a field without markup, escapes, clozes and delimiters of code or maths."""
    shielded: list[str] = []
    parts, at, text = [], 0, reveal(markdown)
    letters = set(text)
    sign = next(sign for sign in map(chr, _PRIVATE) if sign not in letters)
    for start, end, kind in shields(text):
        parts += [text[at:start], f"{sign}{len(shielded)}{sign}"]
        shielded.append(_bare(text[start:end], kind))
        at = end
    bare = _strip_markup("".join([*parts, text[at:]]))
    if not shielded:
        return bare.strip()
    return re.sub(f"{sign}(\\d+){sign}", lambda match: shielded[int(match[1])], bare).strip()


def _bare(run: str, kind: str) -> str:
    if kind == "escape":
        return run[1:]
    if kind == "fence":
        return "\n".join(run.split("\n")[1:-1])
    ticks = len(run) - len(run.lstrip("`$"))
    return run[ticks:-ticks].strip()


def _strip_markup(text: str) -> str:
    if "[" in text:
        text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    if "<" in text:
        text = _TAG.sub("", text)
    text = _LINE_MARK.sub("", text)
    for _ in range(3 if _MARKS.search(text) else 0):
        text = _UNDERSCORE.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    return text


def image_paths(markdown: str) -> tuple[str, ...]:
    """Return the paths of `![…](path)` as written, without duplicates."""
    return tuple(dict.fromkeys(_SOURCE.findall(markdown)))


def cloze_answers(markdown: str) -> str:
    """Return the answers of a cloze text as plain text, joined by ` · `."""
    return " · ".join(plain(gap.answer) for gap in gaps(markdown))


# --- a cloze of words selected in the plain text -----------------------------------------------

_MARKUP_CHARS = frozenset("*_~=#>+-|`\\")
"""Characters that may be markup instead of text."""
_LINK_OR_IMAGE = re.compile(r"!?\[[^\]\n]*\]\([^)\n]*\)")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


@dataclass(frozen=True, slots=True)
class _Piece:
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
        if not (length or whole or raw.isspace() or raw in _MARKUP_CHARS or _TAG.fullmatch(raw)):
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
    runs += [(m.start(), m.end(), "tag") for m in _TAG.finditer(markdown)]
    at = 0
    for start, end, kind in sorted(runs, key=lambda run: (run[0], -run[1])):
        if start < at:
            continue
        yield from ((letter, (letter,), False) for letter in markdown[at:start])
        raw = markdown[start:end]
        yield raw, ("",) if kind == "tag" else (plain(raw), raw), kind not in ("escape", "tag")
        at = end
    yield from ((letter, (letter,), False) for letter in markdown[at:])
