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
from dataclasses import dataclass
from itertools import chain
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

LONGEST_LINE = 1_000_000
LONGEST_RUN = 10_000
"""The maximum number of rows of one book that are held in memory."""


Settings = SourceSettings


# --- rows -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One row with its cells by column name."""

    cells: dict[str, str]

    def __getitem__(self, name: str) -> str:
        """Return the first non-empty cell of the columns `a|b`. "" if there is none."""
        cells = (self.cells.get(column, "") for column in name.split("|"))
        lines = (cell.replace("\r\n", "\n").replace("\r", "\n").strip() for cell in cells)
        return next(filter(None, lines), "")

    @property
    def work(self) -> tuple[str, str]:
        """Title and author."""
        return self["book title|title"], self["book author|author"]

    @property
    def text(self) -> str:
        """The passage."""
        return self["highlight"]

    @property
    def heading(self) -> int:
        """The level (1 to 6) if the row is a heading, otherwise 0."""
        found = (re.fullmatch(r"h([1-6])", tag) for tag in self.tags)
        return next((int(level[1]) for level in found if level), 0)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the column, and the leading `.tags` of the note."""
        inline = _NOTE_TAGS.match(self["note"])
        noted = re.findall(r"\.(\S+)", inline[0]) if inline else []
        return tuple(dict.fromkeys([*_split_tags(self["tags"]), *noted]))

    @property
    def comment(self) -> str:
        """The note without its leading tags."""
        inline = _NOTE_TAGS.match(self["note"])
        return self["note"][inline.end() if inline else 0 :].strip()

    @property
    def place(self) -> int:
        """The location as a number. 0 if it is not one."""
        return int(self["location"]) if re.fullmatch(r"\d{1,9}", self["location"]) else 0


_NOTE_TAGS = re.compile(r"(?:\.[^\W\d_][\w-]*(?:\s+|$))+")


def _split_tags(tags: str) -> Iterator[str]:
    for tag in re.split(r"[,;]", tags):
        if word := re.sub(r"\s+", "-", tag.strip().lstrip("#.")):
            yield word


# --- the source -----------------------------------------------------------------------------


class Readwise(ExportSource):
    """The exports of one account. It has one reader, so `me` does not matter."""

    kind = "readwise"
    ending = (".csv",)
    no_export, hint = "not a Readwise export", "export your highlights as CSV at readwise.io/export"
    rest = "rows have too many columns"
    oldest_first = True

    def read(self) -> Iterator[Sighting]:
        """Yield a document for each run of consecutive rows of one book, and problems."""
        seen, nth = set[str](), Counter[str]()  # passages of newer files take precedence
        found = list(self.files())
        yield from (file for file in found if isinstance(file, Problem))
        for file in reversed([file for file in found if isinstance(file, File)]):
            run: list[Row] = []
            for row in self._new_rows(file, seen):
                if isinstance(row, Problem):
                    yield row
                    continue
                if run and (row.work != run[0].work or len(run) == LONGEST_RUN):
                    yield from of_one(file.path, self._book(file, run, nth))
                    run = []
                run.append(row)
            if run:
                yield from of_one(file.path, self._book(file, run, nth))

    def _new_rows(self, file: File, seen: set[str]) -> Iterator[Row | Problem]:
        """Yield the rows that are not in `seen`, without exact repetitions, and add them to it."""
        times, here = Counter[str](), set[str]()
        for row in self.contents(file):
            if isinstance(row, Problem):
                yield row
                continue
            whole = h16(*chain.from_iterable(sorted(row.cells.items())))
            passage = h16(*row.work, row.text, row["location"], "" if row.text else row["note"])
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
            what = f"not a table after some row: {error}"
            raise ItemError(what, hint="export it again") from error
        except OSError as error:
            raise unreadable(error) from error

    def _book(self, file: File, rows: list[Row], nth: Counter[str]) -> Iterator[Extracted]:
        (title, author), first = rows[0].work, rows[0]
        space, asin = self.folder.namespace, first["amazon book id"]
        document = Document(
            DocumentKey(f"{space}/{h16(fold(title), fold(author))}"),
            self.folder.name,
            title or "Untitled",
            creators=(author,) if author else (),
            identifiers=(("asin", asin),) if asin else (),
            tags=tuple(_split_tags(first["document tags"])),
        )
        above: list[tuple[int, str]] = []
        made: list[Highlight] = []
        for row in _in_order(rows):
            nth[mark := h16(document.key, fold(row.text or row.comment))] += 1
            level = row.heading
            above = [heading for heading in above if heading[0] < level] if level else above
            made.append(_highlight(document, space, row, nth[mark], above))
            above += [(level, row.text)] if level else []
        yield Extracted(document, tuple(made), self.folder.container)


open_source = Readwise.open


def _read(file: File, table: TextIO) -> Iterator[Row | Problem]:
    """Yield the rows below the header."""
    head = table.readline(LONGEST_LINE)
    columns, at = columns_of(head.rstrip("\r\n")), 2
    reader = csv.reader(chain(_lines(table), [_END]), delimiter=delimiter_of(head))
    for cells in reader:
        if cells == [_END]:
            continue
        first, at = at, reader.line_num + 2
        if cells and cells[-1].endswith(_END):
            what = "the quote that opens in this row is never closed: nothing after it is read"
            yield Problem(f"{file.path}:{first}", what, "export it again")
        elif len(cells) <= len(columns):
            row = Row({name: cells[at] for name, at in columns.items() if at < len(cells)})
            if row.text or row.comment:
                yield row
        else:
            what = "a row with more columns than the first"
            yield Problem(f"{file.path}:{reader.line_num + 1}", what, "put its text in quotes")


_END = "\ufdd0"
"""A sentinel below the last row. A cell that contains it shows a quote that is still open. Texts
never contain this character."""


def _lines(table: TextIO) -> Iterator[str]:
    """Yield the lines, limited in length to protect memory.

    Raises:
        ItemError: a line is too long.
    """
    while line := table.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise ItemError("an unterminated line", hint="export it again")
        yield line


def _in_order(rows: list[Row]) -> list[Row]:
    """Sort rows by location if all have one of the same type."""
    sorts = {row["location type"].casefold() for row in rows}
    if len(sorts) == 1 and all(row.place for row in rows):
        return sorted(rows, key=lambda row: row.place)
    return rows


def _highlight(
    document: Document, space: str, row: Row, nth: int, above: list[tuple[int, str]]
) -> Highlight:
    asin, kind = row["amazon book id"], row["location type"].casefold()
    uri = ""
    if re.fullmatch(r"https?://\S+", row["url"]):
        uri = row["url"]
    elif re.fullmatch(r"[A-Z0-9]{10}", asin) and kind in ("location", "page", ""):
        spot = f"&location={row['location']}" if kind == "location" and row.place else ""
        uri = f"kindle://book?action=open&asin={asin}{spot}"
    return Highlight(
        document,
        space,
        HighlightKind.HIGHLIGHT if row.text else HighlightKind.NOTE,
        exact=row.text,
        nth=nth,
        anchor_text="" if row.text else row.comment,
        comment=row.comment,
        colour=row["color"].casefold(),
        created=iso_time(row["highlighted at|date"]),
        tags=tuple(tag for tag in row.tags if not re.fullmatch(r"h[1-6]", tag)),
        page_label=row["location"] if kind == "page" else "",
        heading=" › ".join(words for _, words in above),
        uri=uri,
        block=row["location"],
        skip=f"a heading (.h{row.heading})"
        if row.heading
        else ("discarded in Readwise" if "discard" in row.tags else ""),
    )
