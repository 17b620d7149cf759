r"""Logseq: blocks with `#card`, their children the answer; `{{cloze x}}`, `{{cloze x\\cue}}`."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

from ankiforge.extract.obsidian.dialects.holes import Hole, clozed, counted, holes
from ankiforge.extract.obsidian.dialects.outline import OUTSIDE, Item, answer, items
from ankiforge.extract.obsidian.dialects.page import Page, Written, content, without_id
from ankiforge.extract.obsidian.properties import without_properties
from ankiforge.extract.obsidian.tokens import MASK
from ankiforge.model import Form

_CARD = re.compile(r"(?:^|(?<=\s))(?:#card(?![\w/-])|#?\[\[card\]\])", re.IGNORECASE)
_CLOZE = re.compile(r"\{\{cloze[ \t]+(?P<answer>.+?)\}\}(?!\})", re.IGNORECASE)
_CUE = "\\\\"


class Logseq:
    """Reads pages as Logseq does."""

    signs = r"#card\b|\[\[card\]\]|\{\{cloze\b"

    def ours(self, page: Page) -> frozenset[str]:
        """None."""
        return frozenset()

    def reads_highlights(self, page: Page) -> bool:
        """They are mere marks there."""
        return False

    def cards(self, page: Page) -> Iterator[Written]:
        """Block by block; a card below a card stands by itself."""
        found = items(page)
        cards = [one.first for one in found if one.depth < OUTSIDE and _is_card(page, one.first)]
        for item in found:
            words, _ = without_properties(item.words(page))
            words = without_id(content(words) if item.depth == OUTSIDE else words).strip()
            mask = page.mask(words)
            if holes(mask, (_CLOZE,)):
                source = _CARD.sub("", words).strip()
                mask = page.mask(source)
                hidden = (_with_cue(source, hole) for hole in holes(mask, (_CLOZE,)))
                text = clozed(page, source, mask, counted(hidden))
                yield Written(
                    item.first, item.below, Form.CLOZE, (text,), words, tags=_tags(page, words)
                )  # fmt: skip
            elif (at := bisect_left(cards, item.first)) < len(cards) and cards[at] == item.first:
                yield _sided(page, item, words, min([item.last, *cards[at + 1 : at + 2]]))


def _sided(page: Page, item: Item, words: str, last: int) -> Written:
    """A block and what stands below it, up to the next card in it."""
    front = _CARD.sub("", words).strip()
    back = answer(page, item.below, last) if last > item.below else ""
    back, _ = without_properties(back)
    return Written(
        item.first, max(last, item.below), Form.BLOCK, (page.side(front), page.side(back)),
        page.source(item.first, last), (front, back or front), tags=_tags(page, words),
    )  # fmt: skip


def _is_card(page: Page, at: int) -> bool:
    line = page.lines[at]
    found = _CARD.search(line)
    return found is not None and (found[0].endswith("]]") or page.mask(line)[found.start()] != MASK)


def _with_cue(source: str, hole: Hole) -> Hole:
    start, end = hole.answer
    cue = source.find(_CUE, start, end)
    return hole if cue < 0 else replace(hole, answer=(start, cue), hint=(cue + 2, end))


def _tags(page: Page, words: str) -> tuple[str, ...]:
    return tuple(tag for tag in page.tags_in(words) if tag.casefold() != "card")
