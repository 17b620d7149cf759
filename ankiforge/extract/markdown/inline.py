"""The text of a block: its tokens, its plain text, and the Markdown of any part of it.

A sentence, a phrase or a side of a card is a range of tokens, so both texts come from one parse.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise

from ankiforge.extract.markdown.parser import tokenized
from ankiforge.extract.markdown.source import COMMENT, CONTINUED, MATHS, restored
from ankiforge.extract.markdown.tokens import LABEL, Context, Kind, Phrase, Token
from ankiforge.model import Span, Strings
from ankiforge.text import regex
from ankiforge.text.passages import boundaries, trimmed

_HIDDEN = (Kind.HINT, Kind.MARK, Kind.GAP)
_ANY_SIGN = regex(rf"[\\\n`$!\[\]^<&#=*_~{{}}:{COMMENT}{CONTINUED}{MATHS}]")


def read(text: str, context: Context) -> Inline:
    """Parse the source of one block, without the signs of its container."""
    if not _ANY_SIGN.search(text):
        words = text if context.verbatim else " ".join(text.split())
        return Inline([Token(Kind.TEXT, words, words)] if text else [])
    tokens = tokenized(text, context)
    if not context.verbatim:
        _drop_outer_tags(tokens)
        _collapse_blanks(tokens)
    return Inline(tokens)


# --- blanks ---------------------------------------------------------------------------------


def _drop_outer_tags(tokens: list[Token]) -> None:
    """Remove the tags at the ends of a block from its text; they still count as its tags."""
    for order in (tokens, reversed(tokens)):
        for token in order:
            if token.kind is Kind.TAG:
                token.plain = token.markdown = ""
            elif token.plain.strip() or token.markdown.strip():
                break


def _collapse_blanks(tokens: list[Token]) -> None:
    """Collapse runs of blanks and drop those at the ends, but keep one beside a picture."""
    after_blank = True
    for at, token in enumerate(tokens):
        plain = token.plain
        if token.kind in (Kind.TEXT, Kind.BREAK):
            if "  " in plain or not plain.isprintable():  # no blank but " " is printable
                plain = re.sub(r"\s+", " ", plain)
            if after_blank and plain.startswith(" "):
                plain = plain[1:]
                for before in tokens[max(0, at - 1) : at]:
                    if before.kind is Kind.PICTURE and before.markdown:
                        before.markdown += " "
            if plain != token.plain:
                token.plain = token.markdown = plain
        after_blank = plain.endswith(" ") if plain else after_blank
    for at in range(len(tokens) - 1, -1, -1):
        token = tokens[at]
        if token.kind in (Kind.TEXT, Kind.BREAK) and token.plain.endswith(" "):
            token.plain = token.markdown = token.plain.rstrip(" ")
            for after in tokens[at + 1 : at + 2]:
                if after.kind is Kind.PICTURE and after.markdown:
                    after.markdown = f" {after.markdown}"
        if token.plain:
            break


# --- the text of a block --------------------------------------------------------------------

_WORD_SIGN = regex(r"\w")
_SOMETHING = regex(r"\S")
# Signs between a marked line and the rest of its sentence.
_JOINS = "-–—:：=,;→>"
_BLOCK_SIGN = regex(r"(?:#{1,6}|[>+*-]|\d{1,9}(?=[.)]))(?=[.)]?(?:\s|$))")


class Inline:
    """The parsed content of one block."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.starts = list(accumulate((len(token.plain) for token in tokens), initial=0))
        """The offset of each token in the plain text; one more for the end."""
        self.plain = "".join([token.plain for token in tokens])

    @cached_property
    def targets(self) -> list[tuple[Span, str]]:
        """(span in the plain text, target) of each link, in order."""
        return [
            ((self.starts[at], self.starts[max(at, one.partner) + 1]), one.target)
            for at, one in enumerate(self.tokens)
            if one.target
        ]

    @property
    def is_footnote(self) -> bool:
        """Whether the block begins with the label of a footnote."""
        return bool(self.tokens) and self.tokens[0].note == LABEL

    @property
    def tags(self) -> Strings:
        """The `#tags` of the block, without `#`."""
        return tuple([token.note for token in self.tokens if token.kind is Kind.TAG])

    def breaks(self, at: int) -> bool:
        """Return whether a line of the source ends at an offset of the plain text."""
        low = bisect_left(self.starts, at - 1)
        high = min(bisect_right(self.starts, at), len(self.tokens))
        return any(token.kind is Kind.BREAK for token in self.tokens[low:high])

    def sentences(self) -> list[Span]:
        """Return the spans of the sentences; none ends inside code, maths or the name of a link."""
        words = "".join(
            "X" * len(token.plain) if token.kind is Kind.OPAQUE else token.plain
            for token in self.tokens
        )
        edges = [0]
        for edge in boundaries(words):
            at = bisect_right(self.starts, edge) - 1
            if self.starts[at] == edge or self.tokens[at].kind is Kind.TEXT:
                edges.append(edge)
        edges = sorted({*edges, *self._labels()})
        spans = [trimmed(self.plain, *pair) for pair in pairwise([*edges, len(self.plain)])]
        return [span for span in spans if span[0] < span[1]]

    def _labels(self) -> Iterator[int]:
        """Yield the ends of lines that are marked as a whole and followed by a new text: `==Step 1==`."""
        breaks = [self.starts[at] for at, one in enumerate(self.tokens) if one.kind is Kind.BREAK]
        marks = [phrase.span for phrase in self.phrases if phrase.sign in ("==", "mark")]
        begins = [span[0] for span in marks]
        for start, end in pairwise([0, *breaks]) if marks else ():
            in_line = marks[bisect_left(begins, start) : bisect_left(begins, end)]
            inside = [span for span in in_line if span[1] <= end]
            following = _SOMETHING.search(self.plain, end)
            after = following[0] if following else ""
            words = "".join([self.plain[slice(*span)] for span in inside])
            rest = len(_WORD_SIGN.findall(self.plain, start, end)) - len(_WORD_SIGN.findall(words))
            if inside and not rest and not (after.islower() or after in _JOINS):
                yield from (start, end)

    def unmarked_text(self) -> str:
        """Return the plain text with `…` for each character that is marked or written as markup."""
        marked = 0
        words = []
        for at, token in enumerate(self.tokens):
            if token.kind in (Kind.MARK, Kind.GAP) and token.partner >= 0:
                marked += 1 if token.partner > at else -1
            is_open = token.kind in (Kind.TEXT, Kind.BREAK) and not marked
            words.append(token.plain if is_open else "…" * len(token.plain))
        return "".join(words)

    @cached_property
    def phrases(self) -> tuple[Phrase, ...]:
        """The marked phrases and clozes that contain text, by start."""
        found = []
        for at, token in enumerate(self.tokens):
            if token.partner <= at:
                continue
            if token.kind is Kind.MARK:
                sign = "==" if token.markdown == "==" else "mark"
            elif token.kind is Kind.GAP or token.note == "strong":
                sign = "{{" if token.kind is Kind.GAP else "bold"
            else:
                continue
            span = trimmed(self.plain, self.starts[at + 1], self.starts[token.partner])
            inside = self.tokens[at : token.partner] if sign == "bold" else ()
            if span[0] < span[1] and not any(one.kind is Kind.BREAK for one in inside):
                note = "" if sign == "==" else token.note
                found.append(Phrase(at, token.partner, span, sign, note))
        return tuple(found)

    def markdown(
        self, start: int, end: int, phrases: Sequence[Phrase] = (), bold: bool = True
    ) -> tuple[str, tuple[Span, ...]]:
        """Return the Markdown of [start, end) of the plain text, and the phrases' spans in it.

        The phrases are in order and do not overlap. Emphasis that crosses an edge of the range or
        of a phrase is dropped; so is strong emphasis unless `bold`. A range that reaches an end of
        the block includes the pictures there.
        """
        low, high = self._tokens_of(start, end)
        ends = [at for phrase in phrases for at in (phrase.opener, phrase.closer)]
        parts = []
        edges = {}
        length = 0
        for at in range(low, high):
            edges[at] = length
            token = self.tokens[at]
            if token.kind in _HIDDEN:
                continue
            if token.kind is Kind.EMPHASIS:
                within = [bisect_right(ends, one) for one in (at, token.partner)]
                crosses = within[0] != within[1] and (within[0] % 2 or within[1] % 2)
                if crosses or not low <= token.partner < high or (token.note and not bold):
                    continue
            written = token.markdown
            begins = self.starts[at]
            if token.kind is Kind.TEXT:
                written = written[max(0, start - begins) : max(0, end - begins)]
                if not length and (sign := _BLOCK_SIGN.match(written)):
                    # at the start of the Markdown it would begin a block: escape it
                    escaped = f"{sign[0]}\\" if sign[0].isdigit() else f"\\{sign[0]}"
                    written = escaped + written[sign.end() :]
            elif begins >= end and token.plain:
                continue
            parts.append(written if length else written.lstrip(" "))
            length += len(parts[-1])
        text = "".join(parts)
        return text.rstrip(), tuple(
            trimmed(text, edges.get(phrase.opener + 1, 0), edges.get(phrase.closer, length))
            for phrase in phrases
        )

    def source(self) -> str:
        """Return the Markdown of the block without the signs of marks and clozes."""
        return "".join([one.markdown for one in self.tokens if one.kind not in _HIDDEN])

    def cloze(self) -> str:
        """Return the Markdown of the block with numbered clozes in our grammar."""
        numbers = [re.findall(r"\d+", one.note) for one in self.tokens if one.kind is Kind.GAP]
        free = max((int(number) for each in numbers for number in each), default=0)
        parts = []
        for at, token in enumerate(self.tokens):
            if token.kind is Kind.GAP and token.partner > at:
                free += not token.note
                parts.append(f"{{{{c{token.note or free}::")
            elif token.kind is Kind.GAP:
                blank = " " if parts[-1].endswith(" ") else ""
                closes = token.markdown if token.markdown.startswith("::") else "}}"
                parts[-1:] = [parts[-1].rstrip(" "), closes, blank]
            elif token.kind is not Kind.MARK:
                parts.append(token.markdown)
        return "".join(parts).strip()

    def _tokens_of(self, start: int, end: int) -> Span:
        """Return the token range of [start, end), with openers and closers at its edges."""
        tokens, starts = self.tokens, self.starts
        low, high = bisect_right(starts, start) - 1, bisect_right(starts, end - 1)
        while low and starts[low] == start:
            if tokens[low - 1].plain or -1 < tokens[low - 1].partner < low - 1:
                break
            low -= 1
        while high < len(tokens) and starts[high] == end:
            # a picture has no plain text: only an empty range includes it
            if not -1 < tokens[high].partner < high and (start != end or tokens[high].plain):
                break
            high += 1
        return (
            low if self.plain[:start].strip() else 0,
            high if self.plain[end:].strip() else len(tokens),
        )


def outermost(phrases: Iterable[Phrase]) -> tuple[Phrase, ...]:
    """Return the phrases that lie in no other; of overlapping ones the first counts."""
    found: list[Phrase] = []
    for phrase in sorted(phrases, key=lambda phrase: (phrase.span[0], -phrase.span[1])):
        if not found or phrase.span[0] >= found[-1].span[1]:
            found.append(phrase)
    return tuple(found)


# --- several blocks as one text -------------------------------------------------------------

_FENCE = regex(r"(?ms)^[ \t]*(`{3,}(?=[^`\n]*$)|~{3,})[^\n]*$(?:.*?^[ \t]*\1[`~]*[ \t]*$|.*\Z)")
_OUTER_TAGS = regex(
    r"\A(?:#(?=[\w/-]*[^\W\d])[\w/-]+:?(?:\s+|\Z))+|(?:(?:\s+|\A)#(?=[\w/-]*[^\W\d])[\w/-]+)+\Z"
)
_COMMENTED = regex(rf"(?m)^[ \t>]*{COMMENT}[{COMMENT} \t]*\n?")
# The sign of a callout, which only Obsidian hides.
_CALLOUT = regex(r"(?m)^((?:[ \t]*>)+[ \t]*)\[![^\[\]\n]+\][+-]?[ \t]*")
# One blank at the end of a line; two would be a line break.
_ONE_BLANK = regex(r"(?m)(?<![ \t])[ \t]$")


def rich(text: str, context: Context, *, gaps: bool = False) -> str:
    """Return the Markdown of a card's side or a callout's body, without the signs of marks.

    Fences stay as they are. With `gaps`, clozes are kept, otherwise only their text.
    """
    text, verbatim = _COMMENTED.sub("", text), context._replace(verbatim=True)
    text = _CALLOUT.sub(r"\1", text)
    parts = []
    at = 0
    for start, end in [*(fence.span() for fence in _FENCE.finditer(text)), (len(text), len(text))]:
        inline = read(text[at:start], verbatim)
        parts.append(_ONE_BLANK.sub("", inline.cloze() if gaps else inline.source()))
        parts.append(restored(text[start:end], context.maths))
        at = end
    return _OUTER_TAGS.sub("", "".join(parts).strip("\n")).strip()
