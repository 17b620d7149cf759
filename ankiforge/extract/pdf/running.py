"""Running heads and feet: lines at the edges of pages that come again on others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from ankiforge.extract.pdf.spelling import one_line
from ankiforge.model import Span

EDGE = 2
"""Lines at the top, and at the bottom, that may be running ones."""
SHARE = 0.3
"""Of the pages, on which such a line must stand: left and right pages may have their own."""
LONGEST = 150
"""Characters of such a line."""
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"(?:page|p\.|seite|s\.)?\W*(?:\d{1,4}|[ivxlc]{1,7})\W*(?:(?:of|von|/)\W*\d+)?\W*",
    re.IGNORECASE,
)


class Running:
    """The running lines of a document."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Of the texts of its pages, line by line."""
        self._edges = [tuple(_edges(text)) for text in texts]
        counts: Counter[tuple[bool, str]] = Counter()
        for edges in self._edges:
            counts.update({(top, _key(line)) for top, line in edges})
        least = max(2, SHARE * len(texts))
        self._known = {one for one, count in counts.items() if count >= least}
        self._many = len(texts) > 1

    def body(self, page: int, text: str) -> Span:
        """What of the text of a page lies between its running lines."""
        lines = self._edges[page] if page < len(self._edges) else ()
        start, end = 0, len(text)
        for line in (line for top, line in lines if top and self._is_running(top, line)):
            rest = text[start:].lstrip()
            if rest.startswith(line):
                start = len(text) - len(rest) + len(line)
        for line in (line for top, line in lines if not top and self._is_running(top, line)):
            rest = text[:end].rstrip()
            if rest.endswith(line):
                end = len(rest) - len(line)
        return (start, max(start, end))

    def _is_running(self, top: bool, line: str) -> bool:
        number = self._many and _PAGE_NUMBER.fullmatch(line) is not None
        return number or (top, _key(line)) in self._known


def _edges(text: str) -> Iterator[tuple[bool, str]]:
    """(whether at the top, line) from the edges inwards."""
    every = text.splitlines()
    lines = [*islice(_shown(every), 2 * EDGE + 1)]
    if len(lines) <= 2 * EDGE:
        yield from _short((True, line) for line in lines[:1])
        yield from _short((False, line) for line in lines[1:][-1:])
        return
    yield from _short((True, line) for line in lines[:EDGE])
    yield from _short((False, line) for line in islice(_shown(reversed(every)), EDGE))


def _shown(lines: Iterable[str]) -> Iterator[str]:
    return (one for one in map(one_line, lines) if one)


def _short(lines: Iterable[tuple[bool, str]]) -> Iterator[tuple[bool, str]]:
    return (one for one in lines if len(one[1]) <= LONGEST)


def _key(line: str) -> str:
    return _DIGITS.sub("#", line.casefold())
