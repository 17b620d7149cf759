"""An export as JSON Lines: complete, and to be read in again.

The first line says what it is. Then each document, highlight and card, a line each, for people and
other programs; last the entries by which `ankiforge import` gives another ledger what was decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ankiforge.ledger import Ledger
from ankiforge.ledger.journal import Entry
from ankiforge.model import Card, Document, Highlight
from ankiforge.reports.cards import document_json, highlight_json

VERSION = 1
"""Of the lines; one that says more than 1 is for a newer program."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is exported."""

    highlights: tuple[Highlight, ...]
    """In the order of reading."""
    cards: tuple[Card, ...]
    tags: dict[str, tuple[str, ...]]
    """Of each card, by its guid."""
    everything: bool = True
    """Whether no query chose."""
    query: str = ""
    works: Mapping[str, str] = field(default_factory=dict)
    """Of each document the work it belongs to; it is one of its own where none stands here."""

    def work_of(self, document: Document) -> str:
        """The key of its work."""
        return self.works.get(document.key, document.key)

    @property
    def documents(self) -> tuple[Document, ...]:
        """Each once."""
        found = {one.document.key: one.document for one in self.highlights}
        found |= {one.highlight.document.key: one.highlight.document for one in self.cards}
        return tuple(found.values())


def lines(
    ledger: Ledger, chosen: Chosen, told: Callable[[Card], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """All lines, cards as `told` tells them; the same ledger gives the same.

    The last one says how many there are, so that whoever reads them knows that none is missing.
    """
    number = 0
    for line in _told(ledger, chosen, told):
        number += 1
        yield line
    yield {"type": "end", "lines": number}


def _told(
    ledger: Ledger, chosen: Chosen, told: Callable[[Card], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    yield {"type": "ankiforge", "version": VERSION, "query": chosen.query}
    for document in chosen.documents:
        work = chosen.work_of(document)
        yield {"type": "document", **document_json(document), **_more(document), "work": work}
    for highlight in chosen.highlights:
        yield {"type": "highlight", **highlight_json(highlight)}
    for card in chosen.cards:
        yield {"type": "card", **told(card)}
    for entry in entries(ledger, chosen):
        yield {"type": "entry", "entry": entry.as_json()}


def entries(ledger: Ledger, chosen: Chosen) -> Iterator[Entry]:
    """What was decided about what is exported, and the identities that needs."""
    if chosen.everything:
        yield from ledger.carrying.entries()
        return
    keys = {str(one.key) for one in chosen.highlights} | {
        str(card.highlight.key) for card in chosen.cards
    }
    guids = {str(card.guid) for card in chosen.cards}
    for entry in ledger.carrying.entries():
        if entry.subject in keys | guids:
            yield entry


def _more(document: Document) -> dict[str, Any]:
    return {
        "source": document.source,
        "path": document.path,
        "uri": document.uri,
        "tags": document.tags,
        "collections": document.collections,
    }
