"""Readwise: the highlights of an account, from its CSV export.

    sources:
      - readwise: {path: ~/Downloads/readwise-data.csv}

The rows of one book are one document, wherever they are in the file. Tags come from
their column and from `.tag` at the beginning or in the last line of a note. A passage
tagged `.h1` to `.h6` is a heading for those below it. The columns of Readwise's own
import format (Title, Author, URL, Date) are supported, too. The key depends only on the
passage, because the export has no ids.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import filterfalse

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence, Recognition
from ankiforge.extract.exports import DAMAGED, ExportSource, Named
from ankiforge.extract.files import known_authors, title_in_name
from ankiforge.extract.folder import iso_time
from ankiforge.model import (
    Document,
    Extracted,
    Highlight,
    HighlightKind,
    Pair,
    Problem,
    Strings,
    Texts,
)
from ankiforge.text import on_one_line, regex
from ankiforge.text.cloze import literal, plain
from ankiforge.text.elements import as_markdown
from ankiforge.text.fold import for_finding
from ankiforge.text.keys import numbered
from ankiforge.text.passages import without_note_numbers
from ankiforge.text.private import tag_among

Row = Texts
"""The cells of a row by the names of their columns, in lower case."""
_USED = (
    "highlight",
    "note",
    "tags",
    "document tags",
    "book title",
    "title",
    "book author",
    "author",
    "location",
    "location type",
    "amazon book id",
    "url",
    "color",
    "highlighted at",
    "date",
)
_TAGS_BEFORE = regex(r"\A(?:\.[^\W\d_][\w-]*(?:\s+|$))+")
_TAGS_AFTER = regex(r"(?:\n[ \t]*|(?<=[?？.!])[ \t]+)(?:\.[^\W\d_][\w-]*(?:[ \t]+|$))+\Z")
_HEADING_TAG = regex(r"h[1-6]")
_WEB_ADDRESS = regex(r"https?://\S+")
_ASIN = regex(r"[A-Z0-9]{10}")
_LOCATION = regex(r"\d{1,9}")


class Readwise(ExportSource):
    """The exports of one account. It has one reader, so `me` does not matter."""

    kind = "readwise"
    endings = (".csv",)
    not_an_export = "not a Readwise export"
    hint = "export your highlights as CSV at readwise.io/export"
    rest = "rows have too many columns"

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a table has the columns of an export."""
        header = candidate.head.partition("\n")[0]
        columns = _columns_of(header)
        if "highlight" in columns and ("book title" in columns or "title" in columns):
            return Recognition(Confidence.CONTENT)
        wanted = "a Readwise export has the columns “Highlight” and “Book Title”"
        first_line = candidate.head.partition("\n")[0].strip()[:60]
        return Recognition(Confidence.NO, f"its columns are {first_line}; {wanted}")

    def items(self, path: str, text: str) -> Iterator[tuple[str, Row] | Problem]:
        """Yield the rows of a table, each with the file's path."""
        header, _, body = text.partition("\n")
        table = csv.DictReader(
            StringIO(body),
            _columns_of(header),
            restkey=_FURTHER,
            restval="",
            delimiter=_delimiter_of(header),
            strict=True,
        )
        try:
            for cells in table:
                row = {name: cells.get(name, "").strip() for name in _USED}
                # the tag counts in a column of any name
                others = (cells[name] for name in cells.keys() - {*_USED, _FURTHER})
                row["tags"] = ", ".join(filter(None, (row["tags"], *tag_among(others))))
                fault = hint = ""
                if _FURTHER in cells:
                    fault, hint = (
                        "a row with more columns than the first",
                        "put its text in quotes",
                    )
                elif DAMAGED in row["highlight"] + row["note"]:
                    fault, hint = "letters of this row are damaged", "export it again"
                if fault:
                    yield Problem(f"{path}:{table.line_num + 1}", fault, hint)
                elif row["highlight"] or row["note"]:
                    yield path, row
        except csv.Error as error:
            message = f"the table is damaged: {error}"
            raise ItemError(message, hint="export it again") from error

    def documents(self, items: list[tuple[str, Row]]) -> Iterator[Named]:
        """Yield one document per book, in the order of their first rows."""
        # of copies of a passage in several files, those in the newest file count
        newest = {_passage(row): path for path, row in items}
        rows: dict[Strings, Row] = {}
        for path, row in items:
            if newest[_passage(row)] == path:
                rows[path, *row.values()] = row
        books: dict[Pair, list[Row]] = {}
        for row in rows.values():
            books.setdefault(_name(row), []).append(row)
        for book in books.values():
            title, _ = _work(book[0])
            yield title, self._book(book)

    def _book(self, rows: list[Row]) -> Iterator[Extracted]:
        """Yield the document of a book, with its highlights in the order of the book if known."""
        title, author = _work(rows[0])
        asin = rows[0]["amazon book id"]
        tags = [tag for row in rows for tag in _tags(row["document tags"])]
        if not rows[0]["url"]:  # of a file
            title = title_in_name(title)
        document = self.document(
            _name(rows[0]),
            on_one_line(plain(as_markdown(title))),
            creators=known_authors((author,)),
            identifiers=(("asin", asin),) if asin else (),
            tags=tuple(dict.fromkeys(tags)),
        )
        # the rows with comparable places are sorted; the others stand under no known heading
        types = Counter(row["location type"].casefold() for row in rows if _place(row))
        usual = max(types, key=types.__getitem__, default="")

        def is_placed(row: Row) -> bool:
            return bool(_place(row)) and row["location type"].casefold() == usual

        ordered = [
            *_below_headings(sorted(filter(is_placed, rows), key=_place)),
            *((row, "") for row in filterfalse(is_placed, rows)),
        ]
        texts = without_note_numbers([row["highlight"] for row, _ in ordered])
        highlights: list[Highlight] = []
        for (row, heading), text in zip(ordered, texts, strict=True):
            highlights.append(self._highlight(document, row, text, heading))
        yield from self.extracted(document, numbered(highlights))

    def _highlight(
        self,
        document: Document,
        row: Row,
        text: str,
        heading: str,
    ) -> Highlight:
        """Return the highlight of a row; a note on the whole book has no text."""
        note = _RowNote(row)
        passage, markdown = _formatted(text)
        location_type = row["location type"].casefold()
        skip = ""
        if note.level:
            skip = f"a heading (.h{note.level})"
        elif "discard" in note.tags:
            skip = "discarded in Readwise"
        elif text and not passage:
            skip = "a picture on the web, which is not downloaded"
            passage = text
        anchor = row["highlight"] or note.comment
        if passage == anchor:
            anchor = ""
        tags = []
        for tag in dict.fromkeys(note.tags):
            if not _HEADING_TAG.fullmatch(tag):
                tags.append(tag)
        return Highlight(
            document,
            self.folder.namespace,
            HighlightKind.HIGHLIGHT if text else HighlightKind.NOTE,
            exact=passage,
            anchor_text=anchor,
            markdown=(markdown,) if passage != text and passage else (),
            comment=note.comment,
            colour=row["color"].casefold(),
            created=iso_time(row["highlighted at"] or row["date"]),
            tags=tuple(tags),
            page_label=row["location"] if location_type == "page" else "",
            heading=heading,
            uri=_uri(row, location_type),
            block=row["location"],
            skip=skip,
        )


# --- the table --------------------------------------------------------------------------


# The key of the cells behind the last column.
_FURTHER = "\0"


def _columns_of(line: str) -> list[str]:
    """Return the casefolded names of the columns in the header line.

    Of two columns with one name, the first one counts.
    """
    try:
        table = csv.reader([line], delimiter=_delimiter_of(line))
        names = [name.strip().casefold() for name in next(table, [])]
    except csv.Error:
        return []
    return [
        name if names.index(name) == place else "" for place, name in enumerate(names)
    ]


def _delimiter_of(line: str) -> str:
    """Return the delimiter: a comma, or a semicolon or tab if another program saved the table."""
    return max(",;\t", key=line.count)


# --- a row ------------------------------------------------------------------------------


def _below_headings(rows: Iterable[Row]) -> Iterator[tuple[Row, str]]:
    """Yield rows in the order of their book, each with the headings above it."""
    headings: list[tuple[int, str]] = []  # (level, words), the outermost first
    for row in rows:
        level = _RowNote(row).level
        if level:
            headings = [above for above in headings if above[0] < level]
        yield row, " › ".join(words for _, words in headings)
        if level:
            words, _ = _formatted(row["highlight"])
            headings.append((level, on_one_line(words)))


class _RowNote:
    """The note and the tags of a row."""

    def __init__(self, row: Row) -> None:
        self.tags = _tags(row["tags"])
        """The tags of the column, then each `.tag` of the note."""
        words = row["note"]
        for pattern in (_TAGS_BEFORE, _TAGS_AFTER):
            inline = pattern.search(words)
            if inline:
                self.tags += re.findall(r"\.(\S+)", inline[0])
                words = words[: inline.start()] + words[inline.end() :]
        self.comment = words.strip()
        self.level = 0
        """The level of the heading that the row is, 0 if it is none."""
        for tag in self.tags:
            if _HEADING_TAG.fullmatch(tag):
                self.level = int(tag[1])
                break


# What is written in Markdown or HTML, not only with signs of it.
_FORMATTED = regex(
    r"""(?x)
      (?<!\w)(\*{1,3}|_{1,3}|~~)(?=\S)[^\n]{1,2000}?(?<=\S)\1(?!\w)
    | !?\[[^\]\n]{0,500}\]\([^()\s]{1,2000}\)
    | </?[A-Za-z][^<>\n]{0,200}> | &\#?\w{1,32};
    """
)
_WITHIN_A_WORD = regex(r"(?<=[^\W_])([*_])(?=[^\W_])")
_PICTURE = regex(r"!\[([^\]\n]{0,500})\]\(([^()\s]{1,2000})\)")


def _formatted(text: str) -> Pair:
    """Return a passage as plain text and in our Markdown. Those of web pages are in Markdown.

    A picture on the web is a link to it. The plain text is "" if there is nothing else.
    """
    if not _FORMATTED.search(text):
        return text, literal(text)
    markdown = _WITHIN_A_WORD.sub(r"\\\1", as_markdown(text))
    passage = plain(_PICTURE.sub(r"\1", markdown))

    def link(picture: re.Match[str]) -> str:
        label, address = picture.groups()
        name = label.strip() or address.rstrip("/").rpartition("/")[2]
        return f"[{name}]({address})"

    return passage, _PICTURE.sub(link, markdown)


def _tags(words: str) -> list[str]:
    tags = []
    for word in re.split(r"[,;]", words):
        tag = re.sub(r"\s+", "-", word.strip().lstrip("#."))
        if tag:
            tags.append(tag)
    return tags


def _passage(row: Row) -> Strings:
    """Return the parts of a row by which passages differ."""
    return (*_work(row), row["highlight"] or row["note"], row["location"])


def _work(row: Row) -> Pair:
    """Return the title and the author."""
    title = row["book title"] or row["title"]
    author = row["book author"] or row["author"]
    return title, author


def _name(row: Row) -> Pair:
    """Return the parts of a row by which books differ, however it spells them."""
    title, author = _work(row)
    return for_finding(title), for_finding(author)


def _place(row: Row) -> int:
    """Return the location or page as a number, 0 if it is none."""
    return int(row["location"]) if _LOCATION.fullmatch(row["location"]) else 0


def _uri(row: Row, location_type: str) -> str:
    """Return the address of a passage: on the web, or in Kindle's app; "" if there is none."""
    if _WEB_ADDRESS.fullmatch(row["url"]):
        return row["url"]
    asin = row["amazon book id"]
    if not _ASIN.fullmatch(asin) or location_type not in ("location", "page", ""):
        return ""
    spot = ""
    if location_type == "location" and _place(row):
        spot = f"&location={row['location']}"
    return f"kindle://book?action=open&asin={asin}{spot}"
