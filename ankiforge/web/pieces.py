"""Split the Markdown of a field into pieces, which the editor shows as they look on the card.

Every piece includes its source. Joining the sources restores the Markdown exactly, so text that
the user doesn't edit stays unchanged.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ankiforge.model import Json
from ankiforge.text import regex
from ankiforge.text.cloze import Cloze, find_clozes
from ankiforge.text.normalize import find_literal_spans

Piece = str | Json
"""Part of a field as shown by the editor:

    piece = text
          | {open, close, tag, kids}               emphasis, a link, an escaped character
          | {open, close, numbers, hint, kids}     a cloze deletion
          | {source, html, kids?}                  code, a formula, a picture, a table
"""
RenderMarkdown = Callable[[str], str]
"""Renders part of a field as HTML."""

# The placeholder for a cloze deletion, code or a formula while the surrounding markup is parsed.
_PLACEHOLDER = "\ufdd0"
_MARKUP = regex(
    r"""(?xms)
      (?P<table>^[^\n]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$
        (?:\n[^\n]*\|[^\n]*)*)
    | (?P<picture>!\[[^\]\n]{0,1000}\]\([^)\n]{0,2000}\))
    | (?P<bullet>^[ \t]*[-+*][ \t]+)
    | <(?P<element>b|i|u|s|sub|sup)>(?P<in_element>.{1,2000}?)</(?P=element)>
    | \[(?P<label>[^\]\n]{1,1000})\]\([^)\n]{0,2000}\)
    # a run of three stars may end two of them
    | (?<!\*)(?P<stars>\*{1,3})(?=[^\s*])(?P<in_stars>.{1,2000}?)
      (?:(?<=[^\s*])(?P=stars)|(?<=\*)(?P=stars)(?<=[^\s*]\*\*\*))(?!\*)
    | (?P<sign>~~|==)(?=\S)(?P<in_signs>.{1,2000}?)(?<=\S)(?P=sign)
    | (?<!\w)(?P<line>_{1,3})(?=\S)(?P<in_lines>.{1,2000}?)(?<=\S)(?P=line)(?!\w)
    """
)
_MAY_BE_MARKUP = regex(r"[\\`*_~=<$|\[]|\{\{c|^[ \t]*[-+]")
_TAG_BY_DELIMITER = {
    "*": "em", "**": "strong", "***": "strong",
    "_": "em", "__": "strong", "___": "strong",
    "~~": "s", "==": "mark",
}  # fmt: skip
_INNER_GROUP_BY_DELIMITER = {"stars": "in_stars", "line": "in_lines", "sign": "in_signs"}
_LINK_TAG = "u"
_BULLET = "• "


def split_into_pieces(markdown: str, draw: RenderMarkdown, *, cloze: bool) -> list[Piece]:
    """Split a field into pieces for the editor: text, formatting, cloze deletions, etc.

    Args:
        markdown: the field, or the answer of a cloze deletion in it.
        draw: renders code, formulas, pictures, and tables as HTML.
        cloze: whether the field may contain cloze deletions.
    """
    return _FieldSplitter(draw, cloze=cloze, tables=True).split(markdown)


class _Token(NamedTuple):
    """A cloze deletion, or a literal span with its kind, such as `code` or `escape`."""

    start: int
    end: int
    content: Cloze | str


class _ParsedToken(NamedTuple):
    """A token that is parsed before the markup around it."""

    source: str
    piece: Json


class _FieldSplitter:
    """Splits fields in two passes.

    Cloze deletions, code, formulas and escapes are parsed first, because no markup begins or ends
    inside them. Each is replaced by a placeholder. The second pass parses the markup around them
    from left to right, and takes the parsed tokens back in this order.
    """

    def __init__(self, draw: RenderMarkdown, *, cloze: bool, tables: bool) -> None:
        """Create a splitter for one field, or for a part of it.

        `tables` is whether tables are pieces. Inside a table, its source is shown instead.
        """
        self._draw = draw
        self._cloze = cloze
        self._tables = tables
        self._parsed = deque[_ParsedToken]()
        """The tokens whose placeholders weren't reached yet."""

    def split(self, markdown: str) -> list[Piece]:
        """Return the pieces of a field."""
        if not markdown:
            return []
        if _PLACEHOLDER in markdown or not _MAY_BE_MARKUP.search(markdown):
            return [markdown]
        return [*self._parse_markup(self._replace_tokens(markdown))]

    # --- the first pass -------------------------------------------------------------------

    def _replace_tokens(self, markdown: str) -> str:
        """Parse the tokens of a field, and return the text with placeholders in their place."""
        parts = []
        position = 0
        for token in self._list_tokens(markdown):
            if token.start < position:  # it is nested in the previous token
                continue
            source = markdown[token.start : token.end]
            self._parsed.append(_ParsedToken(source, self._make_piece(markdown, token)))
            parts += [markdown[position : token.start], _PLACEHOLDER]
            position = token.end
        parts.append(markdown[position:])
        return "".join(parts)

    def _list_tokens(self, markdown: str) -> list[_Token]:
        """Return the cloze deletions and literal spans of a field by position."""
        tokens = [_Token(*span) for span in find_literal_spans(markdown)]
        if self._cloze:
            gaps = [_Token(gap.start, gap.end, gap) for gap in find_clozes(markdown)]
            tokens = [*gaps, *tokens]
        return sorted(tokens, key=lambda token: token.start)

    def _make_piece(self, markdown: str, token: _Token) -> Json:
        source = markdown[token.start : token.end]
        if isinstance(token.content, Cloze):
            return self._make_gap_piece(markdown, token.content)
        if token.content == "escape":
            return {"open": source[0], "close": "", "tag": "span", "kids": [source[1:]]}
        return self._make_drawn_piece(source)

    def _make_gap_piece(self, markdown: str, gap: Cloze) -> Json:
        answer_end = gap.answer_start + len(gap.answer)
        return {
            "open": markdown[gap.start : gap.answer_start],
            "close": markdown[answer_end : gap.end],
            "numbers": ",".join(map(str, gap.numbers)),
            "hint": gap.hint,
            "kids": self._split_inside(gap.answer, tables=self._tables),
        }

    def _make_drawn_piece(self, source: str) -> Json:
        return {"source": source, "html": self._draw(source)}

    def _split_inside(self, markdown: str, *, tables: bool) -> list[Piece]:
        """Split a part of the field on its own."""
        return _FieldSplitter(self._draw, cloze=self._cloze, tables=tables).split(
            markdown
        )

    # --- the second pass ------------------------------------------------------------------

    def _parse_markup(self, text: str) -> Iterator[Piece]:
        """Yield the pieces of a text with placeholders."""
        position = 0
        for match in _MARKUP.finditer(text):
            if match["table"] and not self._tables:
                continue
            yield from self._take_tokens(text[position : match.start()])
            yield self._parse_match(match)
            position = match.end()
        yield from self._take_tokens(text[position:])

    def _parse_match(self, match: re.Match[str]) -> Piece:
        """Return the piece for a table, a picture, a bullet, an element, a link or emphasis."""
        if match["table"]:
            source = self._take_sources(match[0])
            kids = self._split_inside(source, tables=False)
            return {**self._make_drawn_piece(source), "kids": kids}
        if match["picture"]:
            return self._make_drawn_piece(self._take_sources(match[0]))
        if match["bullet"]:
            return {"source": match[0], "html": _BULLET}
        if match["element"]:
            return self._make_markup_piece(match, "in_element", match["element"])
        if match["label"]:
            return self._make_markup_piece(match, "label", _LINK_TAG)
        for delimiter, inner_group in _INNER_GROUP_BY_DELIMITER.items():
            if match[delimiter]:
                tag = _TAG_BY_DELIMITER[match[delimiter]]
                return self._make_markup_piece(match, inner_group, tag)
        raise AssertionError(match)

    def _make_markup_piece(
        self, match: re.Match[str], inner_group: str, tag: str
    ) -> Piece:
        """Make the piece for markup around the text of a group, which is parsed in turn."""
        before = match.string[match.start() : match.start(inner_group)]
        after = match.string[match.end(inner_group) : match.end()]
        kids = [*self._parse_markup(match[inner_group])]
        # a link's URL may contain tokens, which follow those of its label
        return {
            "open": before,
            "close": self._take_sources(after),
            "tag": tag,
            "kids": kids,
        }

    def _take_tokens(self, text: str) -> Iterator[Piece]:
        """Yield the plain text and, for each placeholder in it, the next parsed token."""
        first, *later_parts = text.split(_PLACEHOLDER)
        if first:
            yield first
        for text_after in later_parts:
            yield self._parsed.popleft().piece
            if text_after:
                yield text_after

    def _take_sources(self, text: str) -> str:
        """Return the text with the source of the next parsed token for each placeholder in it."""
        first, *later_parts = text.split(_PLACEHOLDER)
        parts = [first]
        for text_after in later_parts:
            parts += [self._parsed.popleft().source, text_after]
        return "".join(parts)
