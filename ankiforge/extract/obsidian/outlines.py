r"""Cards in nested lists, as Logseq and RemNote write them.

Logseq: blocks with `#card`, whose children are the answer; `{{cloze x}}`, `{{cloze x\\cue}}`.
RemNote's export to Markdown: `front >> back`, `term :: what`, `term ;; what`, `{{x}}`;
`<>` and `::` are two-way, `<<` is backwards; with a third sign (`>>>`, `:::`, `;;;`), the items
below are the answer.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent

from ankiforge.extract.markdown.blocks import without_id, without_properties
from ankiforge.extract.markdown.inline import MASK
from ankiforge.extract.markdown.page import Dialect, Page, ToolCard, content
from ankiforge.extract.obsidian.grammar import (
    Separator,
    block_card,
    card_on_line,
    cloze_card,
    find_clozes,
    numbered_clozes,
)

_ITEM = re.compile(r"([ \t]*)(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)(?:\[[^\[\]]\][ \t]+)?")
_OUTSIDE = 1000
"""The depth of a line outside lists."""


@dataclass(slots=True)
class Item:
    """A list item, or a line outside lists."""

    first: int
    below: int
    """[first, below) are its own lines."""
    last: int
    """[below, last) are the lines of the items below it."""
    depth: int
    """Columns before its bullet."""

    def words(self, page: Page) -> str:
        """Return its own lines without the bullet."""
        line = page.lines[self.first]
        found = _ITEM.match(line)
        rest = (page.lines[at].strip() for at in range(self.first + 1, self.below))
        return "\n".join([line[found.end() :] if found else line, *rest])


def _items(page: Page) -> list[Item]:
    """Return the items of all lists and the lines outside lists, in order."""
    heads: list[tuple[int, int]] = []  # line, columns before the sign
    inside = False
    for at, line in enumerate(page.lines):
        found = None if at in page.code else _ITEM.match(line)
        if found:
            inside = True
            heads.append((at, len(found[1].expandtabs(4))))
        elif page.is_blank(at):
            inside = False
        elif not (inside or at in page.code or page.is_comment(at)):
            heads.append((at, _OUTSIDE))
    items: list[Item] = []
    around: list[Item] = []  # the items that may contain the next one
    limits = [*(at for at, _ in heads[1:]), len(page.lines)]
    for (at, depth), limit in zip(heads, limits, strict=False):
        end = next((line for line in range(at + 1, limit) if page.is_blank(line)), limit)
        while around and (around[-1].depth >= depth or around[-1].last < at):
            around.pop()
        around.append(Item(at, end, end, depth))
        for item in around:
            item.last = end
        items.append(around[-1])
    return items


def _answer(page: Page, first: int, last: int) -> str:
    """Return the text below an item; a single item below loses its bullet."""
    source = dedent(page.lines_between(first, last).expandtabs(4)).strip("\n")
    lines = source.split("\n")
    found = _ITEM.match(lines[0])
    if not found or any(_ITEM.match(line) for line in lines[1:]):
        return source
    return "\n".join([lines[0][found.end() :], *(line.strip() for line in lines[1:])])


_CARD = re.compile(r"(?:^|(?<=\s))(?:#card(?![\w/-])|#?\[\[card\]\])", re.IGNORECASE)
_LOGSEQ_CLOZE = re.compile(r"\{\{cloze[ \t]+(?P<answer>.+?)\}\}(?!\})", re.IGNORECASE)
_CUE = "\\\\"


class Logseq(Dialect):
    """The card syntax of Logseq."""

    signs = r"#card\b|\[\[card\]\]|\{\{cloze\b"

    def cards(self, page: Page) -> Iterator[ToolCard]:
        """Yield cards block by block; a card below another one is not part of it."""
        found = _items(page)
        cards = []  # the lines with `#card` or `[[card]]`, not in code
        for item in found:
            line = page.lines[item.first]
            sign = _CARD.search(line) if item.depth < _OUTSIDE else None
            if sign and (sign[0].endswith("]]") or page.mask(line)[sign.start()] != MASK):
                cards.append(item.first)
        for item in found:
            words, _ = without_properties(item.words(page))
            words = without_id(content(words) if item.depth == _OUTSIDE else words).strip()
            at = bisect_left(cards, item.first)
            is_card = cards[at : at + 1] == [item.first]
            is_cloze = bool(find_clozes(page.mask(words), (_LOGSEQ_CLOZE,)))
            if not (is_card or is_cloze):
                continue
            tags = tuple(tag for tag in page.tags_in(words) if tag.casefold() != "card")
            front = _CARD.sub("", words).strip()
            if is_cloze:
                mask = page.mask(front)
                cued = []
                for cloze in find_clozes(mask, (_LOGSEQ_CLOZE,)):
                    start, end = cloze.answer
                    cue = front.find(_CUE, start, end)
                    cued.append(
                        cloze
                        if cue < 0
                        else cloze._replace(answer=(start, cue), hint=(cue + 2, end))
                    )
                card = cloze_card(page, item.first, item.below, front, mask, numbered_clozes(cued))
                yield card._replace(whole=words, tags=tags)
                continue
            last = min([item.last, *cards[at + 1 : at + 2]])
            back = _answer(page, item.below, last) if last > item.below else ""
            back, _ = without_properties(back)
            card = block_card(page, item.first, last, front, back, written="#card")
            last = max(last, item.below)
            yield card._replace(last=last, ends=(front, back or front), tags=tags)


_REMNOTE_CLOZE = re.compile(
    r"(?<!\{)\{\{(?!\{)(?P<answer>.+?)\}\}(?!\})(?:\{\(\{(?P<hint>.+?)\}\)\})?"
)
_SEPARATORS = (
    Separator("<>", two_way=True, loose=True),
    Separator(">>", loose=True),
    Separator("<<", loose=True, swapped=True),
    Separator("::", two_way=True, loose=True),
    Separator(";;", loose=True),
)
_BELOW = re.compile(r"(?P<front>.*\S)[ \t]*(?P<sign>>>>|:::|;;;)[ \t]*$")


class Remnote(Dialect):
    """The card syntax of RemNote's export."""

    signs = r"<>|>>|<<|::|;;|\{\{"

    def cards(self, page: Page) -> Iterator[ToolCard]:
        """Yield cards item by item."""
        for item in _items(page):
            at, source = item.first, without_id(content(page.lines[item.first]))
            asked = _BELOW.match(source)
            if asked and item.last > item.below:  # `front >>>` with its answer in the items below
                front, back = asked["front"], _answer(page, item.below, item.last)
                two_way, written = asked["sign"] == ":::", f"a {asked['sign']} items below"
                yield block_card(page, at, item.last, front, back, two_way=two_way, written=written)
                continue
            mask = page.mask(source)
            if found := find_clozes(mask, (_REMNOTE_CLOZE,), templates=False):
                yield cloze_card(page, at, at + 1, source, mask, numbered_clozes(found))
            elif not (at in page.cells or at in page.regions) and (
                card := card_on_line(page, at, _SEPARATORS)
            ):
                yield card
