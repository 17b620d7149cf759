"""Readwise: the highlights of an account, from its CSV export.

    sources:
      - readwise: {path: ~/Downloads/readwise-data.csv}

The table is read row by row, whatever its size. Consecutive rows of one book are one document. Tags
come from their column and from `.tag` at the beginning of a note. A passage tagged `.h1` to `.h6`
is a heading for those below it. The columns of Readwise's own import format (Title, Author, URL,
Date) are supported, too. The key depends only on the passage, because the export has no ids.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, groupby
from typing import TextIO

from ankiforge.errors import ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.discover import columns_of, delimiter_of
from ankiforge.extract.files import RE_SAVE, encoding_of, of_one, unreadable
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

_LONGEST_LINE = 1_000_000
Settings = SourceSettings
Row = dict[str, str]
"""The cells of a row by column; `tags` and `note` after `_tagged`."""
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
        seen, nth = set[str](), Counter[str]()
        for file in reversed(found):  # passages of newer files take precedence
            if isinstance(file, Problem):
                continue
            broken: list[Problem] = []
            for _, run in groupby(self._new_rows(file, seen, broken), _work):
                yield from broken
                broken.clear()
                yield from of_one(file.path, self._book(list(run), nth))
            yield from broken

    def _new_rows(self, file: File, seen: set[str], broken: list[Problem]) -> Iterator[Row]:
        """Yield the rows that are not in `seen`, without exact repetitions, and add them to it."""
        times, here = Counter[str](), set[str]()
        for row in self.contents(file):
            if isinstance(row, Problem):
                broken.append(row)
                continue
            whole = h16(*chain.from_iterable(sorted(row.items())))
            passage = h16(
                *_work(row), row["highlight"], row["location"], row["highlight"] or row["note"]
            )
            times[passage] += whole not in here
            known = f"{passage}{times[passage]}"
            if whole not in here and known not in seen:
                yield row
            here.add(whole)
            seen.add(known)

    def items(self, file: File) -> Iterator[Row | Problem]:
        """Yield the rows of a table."""
        try:
            with file.at.open("rb") as raw:
                encoding = encoding_of(raw.read(2))
            with file.at.open(encoding=encoding, newline="") as table:
                yield from _read(file, table)
        except UnicodeDecodeError as error:
            raise ItemError("not UTF-8", hint=RE_SAVE) from error
        except csv.Error as error:
            raise ItemError(
                f"not a table after some row: {error}", hint="export it again"
            ) from error
        except OSError as error:
            raise unreadable(error) from error

    def _book(self, rows: list[Row], nth: Counter[str]) -> Iterator[Extracted]:
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


def _work(row: Row) -> tuple[str, str]:
    return row["book title"] or row["title"], row["book author"] or row["author"]


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


_END = "\ufdd0"
"""A line below the last row. A cell that contains it shows a quote that is still open. Texts never
contain this character."""
_USED = ("highlight", "note", "tags", "document tags", "book title", "title", "book author", "author",
    "location", "location type", "amazon book id", "url", "color", "highlighted at", "date")  # fmt: skip


def _read(file: File, table: TextIO) -> Iterator[Row | Problem]:
    """Yield the rows below the header.

    Raises:
        ItemError: a line is too long.
    """

    def lines() -> Iterator[str]:
        while line := table.readline(_LONGEST_LINE):
            if len(line) == _LONGEST_LINE:
                raise ItemError("an unterminated line", hint="export it again")
            yield line

    head = table.readline(_LONGEST_LINE)
    columns, at = columns_of(head.rstrip("\r\n")), 2
    reader = csv.reader(chain(lines(), [_END]), delimiter=delimiter_of(head))
    for cells in reader:
        first, at = at, reader.line_num + 2
        if cells and cells != [_END] and cells[-1].endswith(_END):
            what = "the quote that opens in this row is never closed: nothing after it is read"
            yield Problem(f"{file.path}:{first}", what, "export it again")
        elif len(cells) > len(columns):
            what = "a row with more columns than the first"
            yield Problem(f"{file.path}:{reader.line_num + 1}", what, "put its text in quotes")
        elif cells != [_END]:
            row = dict.fromkeys(_USED, "")
            for name, place in columns.items():
                cell = cells[place] if place < len(cells) else ""
                row[name] = cell.replace("\r\n", "\n").replace("\r", "\n").strip()
            if row["highlight"] or row["note"]:
                yield row
