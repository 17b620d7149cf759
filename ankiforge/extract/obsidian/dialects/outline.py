"""Nested lists: items with what stands below them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent

from ankiforge.extract.obsidian.dialects.page import Page

_ITEM = re.compile(r"([ \t]*)(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)(?:\[[^\[\]]\][ \t]+)?")


OUTSIDE = 1000
"""The depth of a line that is in no list."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item."""

    first: int
    below: int
    """[first, below) are its own lines."""
    last: int
    """[below, last) are those of the items in it."""
    depth: int
    """Columns before its sign."""

    def words(self, page: Page) -> str:
        """Its own lines without its sign."""
        line = page.lines[self.first]
        found = _ITEM.match(line)
        own = line[found.end() :] if found else line
        return "\n".join(
            [own, *(page.lines[at].strip() for at in range(self.first + 1, self.below))]
        )


def items(page: Page) -> list[Item]:
    """All items of all lists, in order; a line that is in none is one without anything below."""
    heads = list(_heads(page))
    limits = [*(at for at, _ in heads), len(page.lines)][1:]
    ends = [_own_end(page, at, end) for (at, _), end in zip(heads, limits, strict=True)]
    lasts, stack = list(ends), list[int]()

    def close() -> None:
        done = stack.pop()
        if stack:
            lasts[stack[-1]] = max(lasts[stack[-1]], lasts[done])

    for number, (at, depth) in enumerate(heads):
        while stack and (heads[stack[-1]][1] >= depth or lasts[stack[-1]] < at):
            close()
        stack.append(number)
    while stack:
        close()
    return [
        Item(at, end, last, depth)
        for (at, depth), end, last in zip(heads, ends, lasts, strict=True)
    ]


def _heads(page: Page) -> Iterator[tuple[int, int]]:
    """(line, columns before the sign) of each item; `OUTSIDE` of other lines."""
    inside = False
    for at, line in enumerate(page.lines):
        found = None if at in page.code else _ITEM.match(line)
        if found:
            inside = True
            yield at, len(found[1].expandtabs(4))
        elif page.blank(at):
            inside = False
        elif not (inside or at in page.code or page.comment(at)):
            yield at, OUTSIDE


def _own_end(page: Page, at: int, limit: int) -> int:
    """The end of the lines that belong to the item that begins at `at`, at most `limit`."""
    end = at + 1
    while end < limit and not page.blank(end):
        end += 1
    return end


def answer(page: Page, first: int, last: int) -> str:
    """What stands below an item; a single item without its sign."""
    source = dedent(page.source(first, last).expandtabs(4)).strip("\n")
    lines = source.split("\n")
    found = _ITEM.match(lines[0])
    single = found and not any(_ITEM.match(line) for line in lines[1:])
    if not (found and single):
        return source
    return "\n".join([lines[0][found.end() :], *(line.strip() for line in lines[1:])])
