"""Passages that are no card yet: a person selects words, and they are one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ankiforge.model import HighlightKey
from ankiforge.review.page.decisions.redrafting import REDRAFT
from ankiforge.review.page.shown.drawing import draw
from ankiforge.review.page.shown.items import Act, Item, Slot, stamp_of
from ankiforge.review.page.shown.passage import source_html
from ankiforge.review.select import selectable_text
from ankiforge.review.service import Service
from ankiforge.text.fold import isolated


@dataclass(frozen=True, slots=True)
class Passages:
    """What the drafters have left."""

    name: str = "passages"
    title: str = "No card yet"
    about: str = "Passages that are no card: select words, and they are one."
    empty: str = "Every passage has its card, or you have said that none is wanted."

    def ids(self, desk: Service) -> Sequence[str]:
        """The keys of the highlights."""
        return desk.ledger.queries.without_card()

    def item(self, desk: Service, identity: str) -> Item | None:
        """The passage, its words to be selected."""
        why = desk.ledger.queries.why_no_card(identity)
        highlight = desk.ledger.highlights.get(HighlightKey(identity)) if why else None
        if highlight is None:
            return None
        words, _ = selectable_text(highlight)
        return Item(
            identity,
            f"No card yet from {isolated(highlight.document.title)}",
            stamp_of(highlight, why),
            source=source_html(highlight),
            slots=(Slot("", "", foot=draw("no_card.html", why=why, selectable=bool(words))),),
            acts=_ACTS if words else _ACTS[3:],
            group=identity,
            passage=words,
        )


_ACTS = (
    Act("c", "Cloze", ":cloze"),
    Act("q", "Question", ":question"),
    Act("t", "Term, both ways", ":term"),
    Act("n", "New card", ":new"),
    Act("x", "No card wanted", "skip"),
    REDRAFT,
)
