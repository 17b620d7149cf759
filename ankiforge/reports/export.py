"""Export highlights and cards as JSON Lines, or cards as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from itertools import chain
from typing import Any

import msgspec

from ankiforge.ledger import Line
from ankiforge.model import Highlight
from ankiforge.reports.cards import attributes, document_json, highlight_json

VERSION = 1
"""The version of the JSON Lines format. Greater versions need a newer program."""
CardJson = Callable[[Line], dict[str, Any]]


def as_lines(
    highlights: Sequence[Highlight], lines: Sequence[Line], query: str, card_json: CardJson
) -> Iterator[str]:
    """Yield all lines of JSON, which are always the same for the same ledger.

    The first line identifies the format. Then follow all documents, highlights and cards, and finally
    the number of lines.

    Args:
        highlights: the highlights to export, in reading order.
        lines: the cards and drafts to export.
        query: what was asked for.
        card_json: returns a card or draft as JSON.
    """
    places = [*highlights, *(line.highlight for line in lines)]
    documents = {one.document.key: one.document for one in places}.values()
    more = "source path uri tags collections"
    objects = chain(
        [{"type": "ankiforge", "version": VERSION, "query": query}],
        ({"type": "document", **document_json(one), **attributes(one, more)} for one in documents),
        ({"type": "highlight", **highlight_json(one)} for one in highlights),
        ({"type": "card", **card_json(one)} for one in lines),
    )
    number = 0
    for one in objects:
        number += 1
        yield msgspec.json.encode(one).decode() + "\n"
    yield msgspec.json.encode({"type": "end", "lines": number}).decode() + "\n"


# --- CSV ------------------------------------------------------------------------------------

COLUMNS = (
    "id", "guid", "kind", "verdict", "anki", "deck", "tags", "front", "back", "extra", "quote",
    "comment", "document", "creators", "issued", "page", "link", "highlight", "drafter", "reason",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Characters that a spreadsheet takes for the beginning of a formula."""


def as_csv(lines: Sequence[Line], tags: Callable[[Line], tuple[str, ...]]) -> str:
    """Return the cards as CSV (RFC 4180); `tags` gives those of a card."""
    written = StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in lines:
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
