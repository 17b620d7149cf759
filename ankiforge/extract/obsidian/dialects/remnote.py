"""RemNote, as it exports to Markdown: `front >> back`, `term :: what`, `term ;; what`, `{{x}}`.

`<>` and `::` ask both ways, `<<` only backwards; a third sign (`>>>`, `:::`, `;;;`) takes what
stands below for the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ankiforge.extract.obsidian.dialects.holes import clozed, counted, holes
from ankiforge.extract.obsidian.dialects.lines import Separator, on_line
from ankiforge.extract.obsidian.dialects.outline import Item, answer, items
from ankiforge.extract.obsidian.dialects.page import Page, Written, content, without_id
from ankiforge.extract.obsidian.templates import is_template
from ankiforge.model import Form

_CLOZE = re.compile(r"(?<!\{)\{\{(?!\{)(?P<answer>.+?)\}\}(?!\})(?:\{\(\{(?P<hint>.+?)\}\)\})?")
_SEPARATORS = (
    Separator("<>", two_way=True, loose=True),
    Separator(">>", loose=True),
    Separator("<<", loose=True, swapped=True),
    Separator("::", two_way=True, loose=True),
    Separator(";;", loose=True),
)
_BELOW = re.compile(r"(?P<front>.*\S)[ \t]*(?P<sign>>>>|:::|;;;)[ \t]*$")


class Remnote:
    """Reads what RemNote exports."""

    signs = r"<>|>>|<<|::|;;|\{\{"

    def ours(self, page: Page) -> frozenset[str]:
        """None: its lines `term :: what` ask both ways."""
        return frozenset()

    def reads_highlights(self, page: Page) -> bool:
        """They are mere marks there."""
        return False

    def cards(self, page: Page) -> Iterator[Written]:
        """Item by item."""
        for item in items(page):
            card = self.with_answer_below(page, item) or self.cloze(page, item)
            if item.first not in page.cells and item.first not in page.regions and card is None:
                card = on_line(page, item.first, _SEPARATORS)
            if card:
                yield card

    def with_answer_below(self, page: Page, item: Item) -> Written | None:
        """`front >>>` with its answer in the items below."""
        found = _BELOW.match(without_id(content(page.lines[item.first])))
        if not found or item.last == item.below:
            return None
        front, back = found["front"], answer(page, item.below, item.last)
        return Written(
            item.first, item.last, Form.BLOCK, (page.side(front), page.side(back)),
            page.source(item.first, item.last), (front, back), found["sign"] == ":::",
            page.tags_in(front, back),
        )  # fmt: skip

    def cloze(self, page: Page, item: Item) -> Written | None:
        """`{{x}}`, with a cue as `{{x}}{({cue})}`."""
        source = without_id(content(page.lines[item.first]))
        mask = page.mask(source)
        found = [one for one in holes(mask, (_CLOZE,)) if not is_template(mask[slice(*one.answer)])]
        if not found:
            return None
        text = clozed(page, source, mask, counted(found))
        card = Written(item.first, item.first + 1, Form.CLOZE, (text,), source)
        return replace(card, tags=page.tags_in(source))
