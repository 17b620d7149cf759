"""Take the Markdown of a field apart for the editor, which shows it as the card will.

    piece = text
          | {open, close, tag, kids}               emphasis, a link, an escaped sign
          | {open, close, numbers, hint, kids}     a gap
          | {source, html, kids?}                  code, a formula, a picture, a table

The sources of the pieces, one behind the other, are the Markdown to the letter. So the editor
sends back what it shows, and what nobody touched stays as it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from ankiforge.model import Json
from ankiforge.text import regex
from ankiforge.text.cloze import gaps
from ankiforge.text.shields import shields

Piece = str | Json
Draw = Callable[[str], str]
"""Returns the HTML that a part of a field is drawn as."""

# Takes the place of a gap, or of code and maths, while emphasis is looked for around it.
_STAND_IN = "\ufdd0"
_MARKUP = regex(
    r"""(?xms)
      (?P<table>^[^\n]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$
        (?:\n[^\n]*\|[^\n]*)*)
    | (?P<picture>!\[[^\]\n]{0,1000}\]\([^)\n]{0,2000}\))
    | (?P<bullet>^[ \t]*[-+*][ \t]+)
    | <(?P<element>b|i|u|s|sub|sup)>(?P<within>.{1,2000}?)</(?P=element)>
    | (?P<link>\[)(?P<label>[^\]\n]{1,1000})(?P<address>\]\([^)\n]{0,2000}\))
    # a run of three stars may end two of them
    | (?<!\*)(?P<stars>\*{1,3})(?=[^\s*])(?P<starred>.{1,2000}?)
      (?:(?<=[^\s*])(?P=stars)|(?<=\*)(?P=stars)(?<=[^\s*]\*\*\*))(?!\*)
    | (?P<sign>~~|==)(?=\S)(?P<words>.{1,2000}?)(?<=\S)(?P=sign)
    | (?<!\w)(?P<line>_{1,3})(?=\S)(?P<lined>.{1,2000}?)(?<=\S)(?P=line)(?!\w)
    """
)
_MAY_BE_MARKUP = regex(r"[\\`*_~=<$|\[]|\{\{c|^[ \t]*[-+]")
_TAG_OF_SIGN = {"~~": "s", "==": "mark"}
_BULLET = "• "


def pieces(markdown: str, draw: Draw, *, cloze: bool, tables: bool = True) -> list[Piece]:
    """Return the pieces of a field.

    Args:
        markdown: the field, or the answer of one of its gaps.
        draw: draws code, formulas, pictures and tables.
        cloze: whether it has gaps.
        tables: whether tables are drawn, not shown as they are written.
    """
    if not _MAY_BE_MARKUP.search(markdown) or _STAND_IN in markdown:
        return [markdown] if markdown else []

    # the parts that our own grammar reads, each with its piece
    runs: list[tuple[int, int, Any]] = []
    if cloze:
        runs += [(gap.start, gap.end, gap) for gap in gaps(markdown)]
    runs += shields(markdown)
    stand_ins = deque[tuple[str, Json]]()
    parts = []
    done = 0
    for start, end, what in sorted(runs, key=lambda run: run[0]):
        if start < done:  # it is within the one before
            continue
        source = markdown[start:end]
        piece: Json
        if what == "escape":
            piece = {"open": source[0], "close": "", "tag": "span", "kids": [source[1:]]}
        elif isinstance(what, str):
            piece = {"source": source, "html": draw(source)}
        else:
            body_end = what.body + len(what.answer)
            piece = {
                "open": markdown[start : what.body],
                "close": markdown[body_end:end],
                "numbers": ",".join(map(str, what.numbers)),
                "hint": what.hint,
                "kids": pieces(what.answer, draw, cloze=cloze, tables=tables),
            }
        parts += [markdown[done:start], _STAND_IN]
        stand_ins.append((source, piece))
        done = end
    parts.append(markdown[done:])
    reader = _Reader(stand_ins, draw, cloze=cloze, tables=tables)
    return [*reader.read("".join(parts))]


class _Reader:
    """Reads a text with stand-ins from left to right, so that they come in their order."""

    def __init__(
        self, stand_ins: deque[tuple[str, Json]], draw: Draw, *, cloze: bool, tables: bool
    ) -> None:
        self._stand_ins = stand_ins
        self._draw = draw
        self._cloze = cloze
        self._tables = tables

    def read(self, text: str) -> Iterator[Piece]:
        """Yield the pieces of a text."""
        done = 0
        for match in _MARKUP.finditer(text):
            if match["table"] and not self._tables:
                continue
            yield from self._plain(text[done : match.start()])
            done = match.end()
            if match["table"]:
                source = self._source(match[0])
                written = pieces(source, self._draw, cloze=self._cloze, tables=False)
                yield {"source": source, "html": self._draw(source), "kids": written}
            elif match["picture"]:
                source = self._source(match[0])
                yield {"source": source, "html": self._draw(source)}
            elif match["bullet"]:
                yield {"source": match[0], "html": _BULLET}
            else:
                enclosed = ("within", "label", "starred", "words", "lined")
                inner = next(name for name in enclosed if match[name])
                before = match[0][: match.start(inner) - match.start()]
                after = match[0][match.end(inner) - match.start() :]
                sign = match["stars"] or match["sign"] or match["line"] or ""
                tag = match["element"] or ("u" if match["link"] else "")
                tag = tag or _TAG_OF_SIGN.get(sign, "em" if len(sign) == 1 else "strong")
                kids = [*self.read(match[inner])]
                close = self._source(after)
                yield {"open": before, "close": close, "tag": tag, "kids": kids}
        yield from self._plain(text[done:])

    def _plain(self, text: str) -> Iterator[Piece]:
        """Yield text without markup, and the pieces in place of its stand-ins."""
        first, *others = text.split(_STAND_IN)
        if first:
            yield first
        for words in others:
            yield self._stand_ins.popleft()[1]
            if words:
                yield words

    def _source(self, text: str) -> str:
        """Return a text with the sources of its stand-ins."""
        first, *others = text.split(_STAND_IN)
        return first + "".join(self._stand_ins.popleft()[0] + words for words in others)
