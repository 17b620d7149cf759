"""Export highlights and cards as JSON Lines, or cards as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import msgspec

from ankiforge.ledger import Line
from ankiforge.model import Document, Highlight
from ankiforge.reports.cards import attributes, document_json, highlight_json

VERSION = 1
"""The version of the JSON Lines format. Greater versions need a newer program."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The selection to export."""

    highlights: Sequence[Highlight]
    """In reading order."""
    lines: Sequence[Line]
    """Cards and drafts."""
    query: str = ""

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents of the highlights and cards, without duplicates."""
        found = {one.document.key: one.document for one in self.highlights}
        found |= {one.highlight.document.key: one.highlight.document for one in self.lines}
        return tuple(found.values())


def as_lines(chosen: Chosen, card_json: Callable[[Line], dict[str, Any]]) -> Iterator[str]:
    """Yield all lines of JSON, which are always the same for the same ledger.

    The first line identifies the format. Then follow all documents, highlights and cards, and finally
    the number of lines.
    """
    number = 0
    for line in _objects(chosen, card_json):
        number += 1
        yield msgspec.json.encode(line).decode() + "\n"
    yield msgspec.json.encode({"type": "end", "lines": number}).decode() + "\n"


def _objects(chosen: Chosen, card_json: Callable[[Line], dict[str, Any]]) -> Iterator[Any]:
    yield {"type": "ankiforge", "version": VERSION, "query": chosen.query}
    for one in chosen.documents:
        more = attributes(one, "source path uri tags collections")
        yield {"type": "document", **document_json(one), **more}
    for highlight in chosen.highlights:
        yield {"type": "highlight", **highlight_json(highlight)}
    for line in chosen.lines:
        yield {"type": "card", **card_json(line)}


# --- CSV ------------------------------------------------------------------------------------

COLUMNS = (
    "id", "guid", "kind", "verdict", "anki", "deck", "tags", "front", "back", "extra", "quote",
    "comment", "document", "creators", "issued", "page", "link", "highlight", "drafter", "reason",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Characters that a spreadsheet takes for the beginning of a formula."""


def as_csv(chosen: Chosen, tags: Callable[[Line], tuple[str, ...]]) -> str:
    """Return the cards as CSV (RFC 4180); `tags` gives those of a card."""
    written = StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in chosen.lines:
        fields, highlight = dict(line.fields), line.highlight
        document = highlight.document
        cells = (
            line.id, line.card.guid if line.card else "", line.kind, line.verdict, line.anki, line.deck,
            " ".join(tags(line)), fields.get("Text") or fields.get("Front", ""),
            fields.get("Back", ""), fields.get("Extra", ""), line.words.quote, highlight.comment,
            document.title, "; ".join(document.creators), document.issued,
            highlight.page_label, highlight.uri or document.uri, highlight.key,
            line.words.origin.drafter, line.card.why if line.card else "",
        )  # fmt: skip
        writer.writerow(map(_guarded, cells))
    return written.getvalue()


def _guarded(text: str) -> str:
    """Return a text with an apostrophe before a formula, so that no spreadsheet evaluates it."""
    formula = text.lstrip(" \n").startswith(_FORMULA) or text[:1] in _FORMULA
    return f"'{text}" if formula else text
