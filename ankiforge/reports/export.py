"""Export highlights and cards as JSON Lines, or cards as CSV."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ankiforge.ledger import Line
from ankiforge.model import Document, Highlight
from ankiforge.reports.cards import attributes, document_json, highlight_json

VERSION = 1
"""The version of the JSON Lines format. Greater versions need a newer program."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The selection to export."""

    highlights: tuple[Highlight, ...]
    """In reading order."""
    lines: tuple[Line, ...]
    """Cards and drafts."""
    tags: Callable[[Line], tuple[str, ...]]
    query: str = ""

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents of the highlights and cards, without duplicates."""
        found = {one.document.key: one.document for one in self.highlights}
        found |= {one.highlight.document.key: one.highlight.document for one in self.lines}
        return tuple(found.values())


def write(path: Path, text: Iterable[str]) -> None:
    """Write a file completely or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.writelines(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


# --- JSON Lines -----------------------------------------------------------------------------


def lines(chosen: Chosen, as_json: Callable[[Line], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield all lines, which are always the same for the same ledger.

    The first line identifies the format. Then follow all documents, highlights and cards, and finally
    the number of lines.
    """
    number = 0
    for line in _lines(chosen, as_json):
        number += 1
        yield line
    yield {"type": "end", "lines": number}


def _lines(chosen: Chosen, as_json: Callable[[Line], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield {"type": "ankiforge", "version": VERSION, "query": chosen.query}
    for one in chosen.documents:
        yield {
            "type": "document",
            **document_json(one),
            **attributes(one, "source path uri tags collections"),
        }
    for highlight in chosen.highlights:
        yield {"type": "highlight", **highlight_json(highlight)}
    for line in chosen.lines:
        yield {"type": "card", **as_json(line)}


# --- CSV ------------------------------------------------------------------------------------

COLUMNS = (
    "id", "guid", "kind", "verdict", "anki", "deck", "tags", "front", "back", "extra", "quote",
    "comment", "document", "creators", "issued", "page", "link", "highlight", "drafter", "reason",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Characters that a spreadsheet takes for the beginning of a formula."""


def as_csv(chosen: Chosen) -> str:
    """Return the cards as CSV (RFC 4180)."""
    written = StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in chosen.lines:
        fields, highlight = dict(line.fields), line.highlight
        document = highlight.document
        cells = (
            line.id, line.card.guid if line.card else "", line.kind, line.verdict, line.anki, line.deck,
            " ".join(chosen.tags(line)),
            fields.get("Text") or fields.get("Front", ""), fields.get("Back", ""),
            fields.get("Extra", ""), line.words.quote, highlight.comment,
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
