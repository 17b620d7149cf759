"""Readwise: the highlights of an account, from its CSV export.

    sources:
      - readwise: {path: ~/Downloads/readwise-data.csv}

Consecutive rows of one book are one document. Tags
come from their column and from `.tag` at the beginning of a note. A passage tagged `.h1` to `.h6`
is a heading for those below it. The columns of Readwise's own import format (Title, Author, URL,
Date) are supported, too. The key depends only on the passage, because the export has no ids.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from itertools import groupby

from ankiforge.errors import ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.discover import columns_of, delimiter_of
from ankiforge.extract.files import of_one
from ankiforge.extract.folder import ExportSource, File, iso_time
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Problem,
    Sighting,
    h16,
)
from ankiforge.text.fold import fold

LARGEST = 64_000_000
"""The maximum size of a file in bytes."""
Settings = SourceSettings
Row = tuple[str, ...]
"""What a row is known by: title, author, words, location."""
_NOTE_TAGS = re.compile(r"(?:\.[^\W\d_][\w-]*(?:\s+|$))+")


def _tags(words: str) -> list[str]:
    found = (re.sub(r"\s+", "-", tag.strip().lstrip("#.")) for tag in re.split(r"[,;]", words))
    return [tag for tag in found if tag]


class Readwise(ExportSource):
    """The exports of one account. It has one reader, so `me` does not matter."""

    kind = "readwise"
    ending = (".csv",)
    no_export, hint = "not a Readwise export", "export your highlights as CSV at readwise.io/export"
    rest = "rows have too many columns"
    oldest_first = True

    def read(self) -> Iterator[Sighting]:
        """Yield a document for each run of consecutive rows of one book, and problems."""
        found = list(self.files())
        yield from (file for file in found if isinstance(file, Problem))
        seen, nth = set[Row](), Counter[str]()
        for file in reversed(found):  # passages of newer files take precedence
            if isinstance(file, Problem):
                continue
            rows, here = dict[Row, dict[str, str]](), set[Row]()
            for row in self.contents(file):
                if isinstance(row, Problem):
                    yield row
                    continue
                passage = (*_work(row), row["highlight"] or row["note"], row["location"])
                if passage not in seen:
                    rows.setdefault(tuple(row.values()), row)
                here.add(passage)
            seen |= here
            for _, run in groupby(rows.values(), _work):
                yield from of_one(file.path, self._book(list(run), nth))

    def items(self, file: File) -> Iterator[dict[str, str] | Problem]:
        """Yield the rows of a table."""
        text = file.text(LARGEST)
        head = text.partition("\n")[0]
        columns = columns_of(head)
        table = csv.reader(
            StringIO(text[len(head) + 1 :]), delimiter=delimiter_of(head), strict=True
        )
        try:
            for cells in table:
                row = dict.fromkeys(_USED, "")
                row |= {name: cells[at].strip() for name, at in columns.items() if at < len(cells)}
                if len(cells) > len(columns):
                    what = "a row with more columns than the first"
                    where = f"{file.path}:{table.line_num + 1}"
                    yield Problem(where, what, "put its text in quotes")
                elif row["highlight"] or row["note"]:
                    yield row
        except csv.Error as error:
            what = f"not a table after some row: {error}"
            raise ItemError(what, hint="export it again") from error

    def _book(self, rows: list[dict[str, str]], nth: Counter[str]) -> Iterator[Extracted]:
        (title, author), asin = _work(rows[0]), rows[0]["amazon book id"]
        space = self.folder.namespace
        document = Document(
            DocumentKey(f"{space}/{h16(fold(title), fold(author))}"),
            self.folder.name,
            title or "Untitled",
            creators=(author,) if author else (),
            identifiers=(("asin", asin),) if asin else (),
            tags=tuple(_tags(rows[0]["document tags"])),
        )
        above: list[tuple[int, str]] = []
        made: list[Highlight] = []
        if len({row["location type"].casefold() for row in rows}) == 1 and all(map(_place, rows)):
            rows = sorted(rows, key=_place)
        for row in rows:
            text, inline = row["highlight"], _NOTE_TAGS.match(row["note"])
            comment = row["note"][inline.end() if inline else 0 :].strip()
            tags = [*_tags(row["tags"]), *(re.findall(r"\.(\S+)", inline[0]) if inline else ())]
            level = next((int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)), 0)
            above = [heading for heading in above if heading[0] < level] if level else above
            discarded = "discarded in Readwise" if "discard" in tags else ""
            nth[mark := h16(document.key, fold(text or comment))] += 1
            kind = row["location type"].casefold()
            one = Highlight(
                document,
                space,
                HighlightKind.HIGHLIGHT if text else HighlightKind.NOTE,
                exact=text,
                nth=nth[mark],
                anchor_text="" if text else comment,
                comment=comment,
                colour=row["color"].casefold(),
                created=iso_time(row["highlighted at"] or row["date"]),
                tags=tuple(tag for tag in dict.fromkeys(tags) if not re.fullmatch(r"h[1-6]", tag)),
                page_label=row["location"] if kind == "page" else "",
                heading=" › ".join(words for _, words in above),
                uri=_uri(row, kind),
                block=row["location"],
                skip=f"a heading (.h{level})" if level else discarded,
            )
            made.append(one)
            above += [(level, text)] if level else []
        yield Extracted(document, tuple(made), self.folder.container)


open_source = Readwise.open


def _work(row: dict[str, str]) -> tuple[str, str]:
    return row["book title"] or row["title"], row["book author"] or row["author"]


def _place(row: dict[str, str]) -> int:
    return int(row["location"]) if re.fullmatch(r"\d{1,9}", row["location"]) else 0


def _uri(row: dict[str, str], kind: str) -> str:
    asin = row["amazon book id"]
    if re.fullmatch(r"https?://\S+", row["url"]):
        return row["url"]
    if not re.fullmatch(r"[A-Z0-9]{10}", asin) or kind not in ("location", "page", ""):
        return ""
    spot = f"&location={row['location']}" if kind == "location" and _place(row) else ""
    return f"kindle://book?action=open&asin={asin}{spot}"


_USED = ("highlight", "note", "tags", "document tags", "book title", "title", "book author", "author",
    "location", "location type", "amazon book id", "url", "color", "highlighted at", "date")  # fmt: skip
