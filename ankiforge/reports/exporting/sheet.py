"""An export of cards as CSV (RFC 4180): for spreadsheets, and for looking through."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO

from ankiforge.model import Card
from ankiforge.reports.exporting.lines import Chosen

COLUMNS = (
    "guid", "kind", "verdict", "standing", "anki", "deck", "tags", "front", "back", "extra",
    "quote", "comment", "document", "creators", "issued", "page", "link", "highlight", "drafter",
    "reason",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula."""


def rows(chosen: Chosen) -> Iterator[tuple[str, ...]]:
    """The names of the columns, then a card each."""
    yield COLUMNS
    for card in chosen.cards:
        yield tuple(map(guarded, _row(card, chosen.tags[card.guid])))


def sheet(chosen: Chosen) -> str:
    """The whole file."""
    written = StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows(rows(chosen))
    return written.getvalue()


def guarded(text: str) -> str:
    """A text that no spreadsheet runs: with an apostrophe before what would be a formula."""
    return f"'{text}" if text.lstrip(" \n").startswith(FORMULA) or text[:1] in FORMULA else text


def _row(card: Card, tags: tuple[str, ...]) -> Iterator[str]:
    fields, highlight = dict(card.fields), card.highlight
    document = highlight.document
    yield from (card.guid, card.kind, card.verdict, card.standing, card.anki, card.deck)
    yield " ".join(tags)
    yield from (fields.get("Text") or fields.get("Front", ""), fields.get("Back", ""))
    yield from (fields.get("Extra", ""), card.leading.draft.quote, highlight.comment)
    yield from (document.title, "; ".join(document.creators), document.issued)
    yield from (highlight.page_label, highlight.uri or document.uri, highlight.key)
    yield from (card.leading.draft.origin.drafter, card.reason)
