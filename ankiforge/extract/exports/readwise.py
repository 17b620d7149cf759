"""Readwise: the highlights of an account, from its CSV export.

    sources:
      - readwise: {path: ~/Downloads/readwise-data.csv}

The rows of one book are one document, wherever they stand in the file. Tags
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

from ankiforge.errors import ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.discover import columns_of, delimiter_of
from ankiforge.extract.folder import ExportSource, Named, iso_time
from ankiforge.model import Extracted, Highlight, HighlightKind, Pair, Problem, Strings, Texts
from ankiforge.text import regex
from ankiforge.text.fold import fold

Settings = SourceSettings
Row = Texts
_USED = ("highlight", "note", "tags", "document tags", "book title", "title", "book author", "author",
    "location", "location type", "amazon book id", "url", "color", "highlighted at", "date")  # fmt: skip
_NOTE_TAGS = regex(r"(?:\.[^\W\d_][\w-]*(?:\s+|$))+")


def _tags(words: str) -> list[str]:
    found = (re.sub(r"\s+", "-", tag.strip().lstrip("#.")) for tag in re.split(r"[,;]", words))
    return [tag for tag in found if tag]


class Readwise(ExportSource):
    """The exports of one account. It has one reader, so `me` does not matter."""

    kind = "readwise"
    ending = (".csv",)
    no_export, hint = "not a Readwise export", "export your highlights as CSV at readwise.io/export"
    rest = "rows have too many columns"

    def items(self, path: str, text: str) -> Iterator[tuple[str, Row] | Problem]:
        """Yield the rows of a table, each with the file's path."""
        head, _, body = text.partition("\n")
        columns = columns_of(head)
        table = csv.reader(StringIO(body), delimiter=delimiter_of(head), strict=True)
        try:
            for cells in table:
                row = dict.fromkeys(_USED, "")
                row |= {name: cells[at].strip() for name, at in columns.items() if at < len(cells)}
                if len(cells) > len(columns):
                    what = "a row with more columns than the first"
                    yield Problem(f"{path}:{table.line_num + 1}", what, "put its text in quotes")
                elif row["highlight"] or row["note"]:
                    yield path, row
        except csv.Error as error:
            what = f"not a table after some row: {error}"
            raise ItemError(what, hint="export it again") from error

    def documents(self, found: list[tuple[str, Row]]) -> Iterator[Named]:
        """Yield one document per book, in the order of their first rows."""
        newest = {_passage(row): path for path, row in found}  # of copies of a passage
        rows = {(path, *row.values()): row for path, row in found if newest[_passage(row)] == path}
        books = dict[Pair, list[Row]]()
        for row in rows.values():
            books.setdefault(_name(row), []).append(row)
        for book in books.values():
            title, _ = _work(book[0])
            yield title, self._book(book)

    def _book(self, rows: list[Row]) -> Iterator[Extracted]:
        (title, author), asin = _work(rows[0]), rows[0]["amazon book id"]
        document = self.document(
            _name(rows[0]),
            title,
            creators=(author,) if author else (),
            identifiers=(("asin", asin),) if asin else (),
            tags=tuple(_tags(rows[0]["document tags"])),
        )
        above, made = list[tuple[int, str]](), list[Highlight]()
        nth = Counter[str]()
        if len({row["location type"].casefold() for row in rows}) == 1 and all(map(_place, rows)):
            rows = sorted(rows, key=_place)
        for row in rows:
            text, inline = row["highlight"], _NOTE_TAGS.match(row["note"])
            comment = row["note"][inline.end() if inline else 0 :].strip()
            tags = [*_tags(row["tags"]), *(re.findall(r"\.(\S+)", inline[0]) if inline else ())]
            level = next((int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)), 0)
            above = [heading for heading in above if heading[0] < level] if level else above
            discarded = "discarded in Readwise" if "discard" in tags else ""
            mark = fold(text or comment)
            nth[mark] += 1
            kind = row["location type"].casefold()
            one = Highlight(
                document,
                self.folder.namespace,
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
        yield from self.extracted(document, made)


open_source = Readwise.open


def _passage(row: Row) -> Strings:
    return (*_work(row), row["highlight"] or row["note"], row["location"])


def _work(row: Row) -> Pair:
    return row["book title"] or row["title"], row["book author"] or row["author"]


def _name(row: Row) -> Pair:
    """Return what tells a book from others: rows that spell it otherwise are of the same one."""
    title, author = _work(row)
    return fold(title), fold(author)


def _place(row: Row) -> int:
    return int(row["location"]) if re.fullmatch(r"\d{1,9}", row["location"]) else 0


def _uri(row: Row, kind: str) -> str:
    asin = row["amazon book id"]
    if re.fullmatch(r"https?://\S+", row["url"]):
        return row["url"]
    if not re.fullmatch(r"[A-Z0-9]{10}", asin) or kind not in ("location", "page", ""):
        return ""
    spot = f"&location={row['location']}" if kind == "location" and _place(row) else ""
    return f"kindle://book?action=open&asin={asin}{spot}"
