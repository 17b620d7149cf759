"""One block, read: its plain text, and any stretch of it in our Markdown.

A block is cut into tokens, each with its plain text and its Markdown; a sentence, a phrase
or a side of a card is a stretch of tokens. So both texts come from one reading.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import accumulate, pairwise

from ankiforge.model import Span
from ankiforge.text.sentences import boundaries, trimmed


class Kind(Enum):
    """What a token is."""

    TEXT = auto()
    """Plain text and Markdown are letter by letter the same."""
    ATOM = auto()
    """Indivisible: a link's name, an address, an escape, an entity."""
    OPAQUE = auto()
    """Code and maths: no sentence ends within."""
    TAG = auto()
    BREAK = auto()
    """The end of a source line, or `<br>`."""
    PICTURE = auto()
    GONE = auto()
    """Nothing remains of it."""
    ASIDE = auto()
    """A footnote in the line; its words are a block of their own."""
    EMPHASIS = auto()
    """One of the characters of `*`, `_`, `~~`."""
    MARK = auto()
    """`==`, `<mark>`, `</mark>`."""
    GAP = auto()
    """`{{` and `}}` of a cloze written by hand."""
    HINT = auto()
    """`::` and what follows it in such a cloze."""


FOOTNOTE = "[^"
"""The note of the label before the text of a footnote."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a block."""

    kind: Kind
    plain: str
    markdown: str
    mate: int = -1
    """The token that closes what this one opens, or opens what it closes."""
    note: str = ""
    """A mark's colour, a cloze's numbers, "strong" of the inner signs of `**`."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link: all of it stands from one token to another."""

    first: int
    last: int
    target: str
    """An address; of `[[Note#Part|words]]` and `![[file]]` `[[Note#Part]]`."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A marked phrase: what stands between two tokens."""

    opener: int
    closer: int
    span: Span
    """In code points of the block's plain text, without white space at its ends."""
    sign: str
    """`==`, `mark`, `bold`, or `{{`."""
    note: str
    """A colour, or cloze numbers."""


_BLOCK_SIGN = re.compile(r"(?:#{1,6}|[>+*-]|\d{1,9}(?=[.)]))(?=[.)]?(?:\s|$))")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Inline:
    """A block, read."""

    tokens: tuple[Token, ...]
    starts: tuple[int, ...]
    """Where each token begins in the plain text; one more for the end."""
    plain: str
    links: tuple[Link, ...] = ()

    @classmethod
    def of(cls, tokens: list[Token], links: list[Link]) -> Inline:
        """Put tokens together."""
        starts = accumulate((len(token.plain) for token in tokens), initial=0)
        plain = "".join(token.plain for token in tokens)
        return cls(tuple(tokens), tuple(starts), plain, tuple(links))

    def targets(self) -> Iterator[tuple[Span, str]]:
        """Where links stand in the plain text, and what they point to, in order."""
        for link in self.links:
            yield (self.starts[link.first], self.starts[link.last + 1]), link.target

    @property
    def is_footnote(self) -> bool:
        """Whether it begins with the label of a footnote."""
        return bool(self.tokens) and self.tokens[0].note == FOOTNOTE

    def breaks(self, at: int) -> bool:
        """Whether a line of the source ends there."""
        low = bisect_left(self.starts, at - 1)
        high = min(bisect_right(self.starts, at), len(self.tokens))
        return any(token.kind is Kind.BREAK for token in self.tokens[low:high])

    def sentences(self, *, frozen: bool = False) -> list[Span]:
        """The spans of the sentences; none ends within code, maths or a link's name."""
        words = "".join(
            "X" * len(token.plain) if token.kind is Kind.OPAQUE else token.plain
            for token in self.tokens
        )
        edges = [0, *filter(self._may_cut, boundaries(words, frozen=frozen)), len(self.plain)]
        spans = [trimmed(self.plain, *pair) for pair in pairwise(edges)]
        return [span for span in spans if span[0] < span[1]]

    def open_words(self) -> str:
        """The plain text with `…` for all that is no plain text in the source, or marked."""
        marked = 0
        words: list[str] = []
        for at, token in enumerate(self.tokens):
            if token.kind is Kind.MARK and token.mate >= 0:
                marked += 1 if token.mate > at else -1
            is_open = token.kind in (Kind.TEXT, Kind.BREAK) and not marked
            words.append(token.plain if is_open else "…" * len(token.plain))
        return "".join(words)

    def _may_cut(self, edge: int) -> bool:
        at = bisect_right(self.starts, edge) - 1
        return self.starts[at] == edge or self.tokens[at].kind is Kind.TEXT

    def phrases(self) -> Iterator[Phrase]:
        """All marked phrases and clozes that have words, by their start."""
        for at, token in enumerate(self.tokens):
            sign = _sign(token)
            if sign and token.mate > at:
                span = trimmed(self.plain, self.starts[at + 1], self.starts[token.mate])
                if span[0] < span[1] and not (sign == "bold" and self._breaks(at)):
                    yield Phrase(at, token.mate, span, sign, token.note)

    def _breaks(self, at: int) -> bool:
        """Whether a line ends between the sign at `at` and its mate."""
        return any(t.kind is Kind.BREAK for t in self.tokens[at : self.tokens[at].mate])

    def tags(self) -> tuple[str, ...]:
        """The `#tags` of the block, without the sign."""
        return tuple(token.note for token in self.tokens if token.kind is Kind.TAG)

    def asides(self) -> tuple[str, ...]:
        """The sources of the footnotes written in the line."""
        return tuple(token.note for token in self.tokens if token.kind is Kind.ASIDE)

    def markdown(
        self, start: int, end: int, phrases: tuple[Phrase, ...] = (), bold: bool = True
    ) -> tuple[str, tuple[Span, ...]]:
        """The Markdown of [start, end) of the plain text, and where the phrases lie in it.

        The phrases are in order and apart from one another.

        Emphasis that crosses an edge of the stretch or of a phrase is dropped; so is strong
        emphasis unless `bold`. Pictures at the ends of the block belong to its ends.
        """
        low, high = self._stretch(start, end)
        openers = [phrase.opener for phrase in phrases]
        parts, edges, length = [], {}, 0
        for at in range(low, high):
            edges[at] = length
            if self._shows(at, low, high, bold) and self._beside(at, openers, phrases):
                written = self._written(at, start, end, first=not length)
                parts.append(written if length else written.lstrip(" "))
                length += len(parts[-1])
        text = "".join(parts)
        return text.rstrip(), tuple(
            trimmed(text, edges.get(phrase.opener + 1, 0), edges.get(phrase.closer, length))
            for phrase in phrases
        )

    def source(self) -> str:
        """The Markdown of it all, as written but for the signs of the vault."""
        hidden = (Kind.HINT, Kind.MARK, Kind.GAP)
        return "".join(token.markdown for token in self.tokens if token.kind not in hidden)

    def source_with_gaps(self) -> str:
        """The same with its clozes, all of them numbered, in our grammar."""
        parts: list[str] = []
        for at, token in enumerate(self.tokens):
            if token.kind is Kind.GAP:
                parts.append(f"{{{{c{token.note}::" if token.mate > at else "}}")
            elif token.kind is not Kind.MARK:
                parts.append(token.markdown)
        return "".join(parts)

    def cloze(self) -> str:
        """The Markdown of the block with its clozes in our grammar, all of them numbered."""
        bare = max((int(n) for t in self.tokens for n in _NUMBER.findall(_numbers(t))), default=0)
        parts: list[str] = []
        for at, token in enumerate(self.tokens):
            if token.kind is Kind.GAP and token.mate > at:
                bare += not token.note
                parts.append(f"{{{{c{token.note or bare}::")
            elif token.kind is Kind.GAP:
                blank = " " if parts[-1].endswith(" ") else ""
                parts[-1:] = [parts[-1].rstrip(" "), "}}", blank]
            elif token.kind is not Kind.MARK and self._shows(at, 0, len(self.tokens), True):
                parts.append(token.markdown)
        return "".join(parts).strip()

    def _stretch(self, start: int, end: int) -> tuple[int, int]:
        """The tokens that hold [start, end): what opens at its start, what closes at its end."""
        low, high = bisect_right(self.starts, start) - 1, bisect_right(self.starts, end - 1)
        while low and self.starts[low] == start and not self._closes(low - 1):
            if self.tokens[low - 1].plain:
                break
            low -= 1
        while high < len(self.tokens) and self.starts[high] == end and self._ends(high, start, end):
            high += 1
        return (
            low if self.plain[:start].strip() else 0,
            high if self.plain[end:].strip() else len(self.tokens),
        )

    def _ends(self, at: int, start: int, end: int) -> bool:
        """Whether a token belongs to what ends before it; of no words, a picture does."""
        return self._closes(at) or (start == end and not self.tokens[at].plain)

    def _closes(self, at: int) -> bool:
        return -1 < self.tokens[at].mate < at

    def _shows(self, at: int, low: int, high: int, bold: bool) -> bool:
        """Whether a token is written: a sign of emphasis only together with its mate."""
        token = self.tokens[at]
        if token.kind is not Kind.EMPHASIS:
            return True
        return low <= token.mate < high and (bold or not token.note)

    def _beside(self, at: int, openers: list[int], phrases: tuple[Phrase, ...]) -> bool:
        """Whether no edge of a phrase stands between a sign of emphasis and its mate."""
        token = self.tokens[at]
        if token.kind is not Kind.EMPHASIS or not phrases:
            return True
        return _phrase_at(at, openers, phrases) == _phrase_at(token.mate, openers, phrases)

    def _written(self, at: int, start: int, end: int, first: bool) -> str:
        token = self.tokens[at]
        if token.kind in (Kind.HINT, Kind.MARK, Kind.GAP):
            return ""
        if token.kind is not Kind.TEXT:
            return token.markdown if self.starts[at] < end or not token.plain else ""
        text = token.markdown[max(0, start - self.starts[at]) : max(0, end - self.starts[at])]
        return (
            _BLOCK_SIGN.sub(_literal, text, count=1) if first and _BLOCK_SIGN.match(text) else text
        )


def _literal(sign: re.Match[str]) -> str:
    """The sign of a block at the start of a stretch, made plain text."""
    return f"{sign[0]}\\" if sign[0].isdigit() else f"\\{sign[0]}"


def _numbers(token: Token) -> str:
    return token.note if token.kind is Kind.GAP else ""


def _sign(token: Token) -> str:
    if token.kind is Kind.MARK:
        return "==" if token.markdown == "==" else "mark"
    if token.kind is Kind.GAP:
        return "{{"
    return "bold" if token.kind is Kind.EMPHASIS and token.note == "strong" else ""


def _phrase_at(at: int, openers: list[int], phrases: tuple[Phrase, ...]) -> int:
    """Which phrase a token lies in, -1 = none."""
    index = bisect_right(openers, at) - 1
    inside = index >= 0 and phrases[index].opener < at < phrases[index].closer
    return index if inside else -1


def outermost(phrases: Iterable[Phrase]) -> tuple[Phrase, ...]:
    """The phrases that lie in no other; crossing ones count by the first."""
    kept: list[Phrase] = []
    for phrase in sorted(phrases, key=lambda phrase: (phrase.span[0], -phrase.span[1])):
        if not kept or phrase.span[0] >= kept[-1].span[1]:
            kept.append(phrase)
    return tuple(kept)
