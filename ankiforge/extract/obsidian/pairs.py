"""Signs of a block that belong together: emphasis, marks, clozes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ankiforge.extract.obsidian import emphasis
from ankiforge.extract.obsidian.inline import Kind, Token
from ankiforge.extract.obsidian.pieces import Pieces
from ankiforge.extract.obsidian.templates import is_no_answer, is_template


def _pair(cut: Pieces, opener: int, closer: int, note: str | None = None) -> None:
    for at, mate in ((opener, closer), (closer, opener)):
        token = cut.tokens[at]
        cut.tokens[at] = replace(
            token, plain="", mate=mate, note=token.note if note is None else note
        )


def pair_emphasis(cut: Pieces) -> None:
    """Pair the runs of `*`, `_` and `~~`; what is left over is plain text."""
    active = {
        sign.token + at
        for sign in cut.runs
        if sign.opens or sign.closes
        for at in range(sign.length)
    }
    for pair in emphasis.pairs(cut.runs):
        strong = pair.length == 2 and cut.tokens[pair.opener].plain != "~"
        for n in range(pair.length):
            inner = n == 0
            note = ("strong" if inner else "outer") if strong else ""
            _pair(cut, pair.opener + pair.length - 1 - n, pair.closer + n, note)
    for at, token in enumerate(cut.tokens):
        if token.kind is Kind.EMPHASIS and token.mate < 0:
            escaped = at in active and not cut.around.lines
            kind = Kind.ATOM if escaped else Kind.TEXT
            cut.tokens[at] = Token(kind, token.plain, ("\\" if escaped else "") + token.plain)


def pair_marks(cut: Pieces) -> None:
    """Pair `==` and `<mark>` within the block, over the ends of its lines."""
    equals = tag = -1
    for at, token in enumerate(cut.tokens):
        if cut.around.lines and _NEXT_BLOCK.match(cut.text, cut.places[at]):
            equals = -1
        if token.kind is not Kind.MARK:
            continue
        if token.markdown == "<mark>":
            tag = at if tag < 0 else tag
        elif token.markdown == "</mark>" and tag >= 0:
            _pair(cut, tag, at, cut.tokens[tag].note)
            tag = -1
        elif token.markdown == "==":
            equals = _equals(cut, equals, at)
    _drop_unpaired(cut, Kind.MARK)


_NEXT_BLOCK = re.compile(
    r"\\?[ \t]*\n[ \t]*(?:$|[>|]|#{1,6}\s|[-*+]\s|\d{1,9}[.)]\s|`{3}|~{3})", re.MULTILINE
)
"""A line that ends with what stands in it, where several blocks are read as one text."""
_COMPARISONS = re.compile(r"\w==\S+\s.*\S==\w$", re.ASCII | re.DOTALL)
"""`n==0 or n==1`: within words at both ends, and of several words."""


def _equals(cut: Pieces, opener: int, at: int) -> int:
    """Close the open `==`, or open one; the one that is open then, or -1."""
    start = cut.places[at]
    closes = opener >= 0 and not cut.text[start - 1].isspace()
    if closes and _COMPARISONS.match(cut.text, cut.places[opener] - 1, start + 3):
        cut.tokens[opener] = replace(cut.tokens[opener], markdown="\\==")
    elif closes:
        _pair(cut, opener, at)
        return -1
    opens = start + 2 < len(cut.text) and not cut.text[start + 2].isspace()
    return at if opens else opener


def _drop_unpaired(cut: Pieces, kind: Kind) -> None:
    for at, token in enumerate(cut.tokens):
        if token.kind is kind and token.mate < 0:
            kept, written = token.plain, token.markdown if token.plain else ""
            left = Kind.ATOM if written != kept else Kind.TEXT if kept else Kind.GONE
            cut.tokens[at] = Token(left, kept, written)


@dataclass(slots=True)
class _Gap:
    opener: int
    depth: int = 0
    hint: int = -1


def pair_gaps(cut: Pieces) -> None:
    """Pair `{{` and `}}` of one line; single braces within balance."""
    stack: list[_Gap] = []
    for at, token in enumerate(cut.tokens):
        if token.kind is Kind.BREAK:
            stack.clear()
        elif token.kind is Kind.GAP:
            stack.append(_Gap(at))
        elif stack and token.kind is Kind.TEXT:
            _in_gap(cut, stack, at, token.plain)
    _drop_unpaired(cut, Kind.GAP)


def _in_gap(cut: Pieces, stack: list[_Gap], at: int, text: str) -> None:
    top = stack[-1]
    if text.startswith("{") and not text.strip("{"):
        top.depth += len(text)
    elif text == "::" and not top.depth and top.hint < 0:
        top.hint = at
    elif text == "}" and top.depth:
        top.depth -= 1
    elif text == "}" and at + 1 < len(cut.tokens) and _is_brace(cut, at + 1):
        _close_gap(cut, stack.pop(), at)


def _is_brace(cut: Pieces, at: int) -> bool:
    return cut.tokens[at].plain == "}" and cut.places[at] == cut.places[at - 1] + 1


def _close_gap(cut: Pieces, gap: _Gap, at: int) -> None:
    inside = cut.text[cut.places[gap.opener] + 2 : cut.places[at]]
    if not cut.tokens[gap.opener].note and is_template(inside):
        return
    cut.tokens[at + 1] = Token(Kind.GONE, "", "")
    if cut.tokens[gap.opener].plain == "{{" and is_no_answer(inside):
        cut.tokens[gap.opener] = cut.tokens[at] = Token(Kind.GONE, "", "")  # read, and no cloze
    else:
        cut.tokens[at] = Token(Kind.GAP, "", "}}")
        _pair(cut, gap.opener, at)
    for hint in range(gap.hint, at) if gap.hint >= 0 else ():
        cut.tokens[hint] = replace(cut.tokens[hint], kind=Kind.HINT, plain="")
