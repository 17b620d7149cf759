"""Readwise: the highlights of an account, read from its CSV export.

    sources:
      - readwise: {path: ~/Downloads/readwise-data.csv}

The rows of a book form one document, wherever they are in the file. Tags come from their own
column, and from each `.tag` at the beginning or end of a note. A passage tagged
`.h1` to `.h6` is a heading of the passages below it. The columns of Readwise's own import format
(Title, Author, URL, Date) are supported as well, and so are the tables of Instapaper and Raindrop,
in which most rows are bookmarks without a highlight. The export has no ids, so the key of a
highlight depends only on its passage.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from operator import itemgetter
from typing import NamedTuple

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence
from ankiforge.extract.exports import (
    REPLACEMENT_CHARACTER,
    NamedSightings,
    TextExportSource,
)
from ankiforge.extract.file_source import normalize_time
from ankiforge.extract.files import remove_unknown_authors, title_from_file_name
from ankiforge.model import (
    Document,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Pair,
    Problem,
    Strings,
)
from ankiforge.text import regex, to_one_line
from ankiforge.text.cloze import escape_markdown, to_plain_text
from ankiforge.text.elements import html_to_markdown
from ankiforge.text.keys import number_highlights
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.passages import remove_footnote_numbers
from ankiforge.text.private import find_private_tag

_USED_COLUMNS = (
    *("highlight", "note", "tags", "document tags", "book title", "title", "book author"),
    *("author", "location", "location type", "amazon book id", "url", "color"),
    *("highlighted at", "date"),
)
_OTHER_COLUMN_NAMES = {
    "selection": "highlight",  # Instapaper
    "created": "date",  # Raindrop
}
_RAINDROP_COLUMN = "highlights"
"""The column of a Raindrop export with all highlights of a page, each with its note."""
_TEXT_COLUMNS = ("highlight", "note", _RAINDROP_COLUMN)
_RAINDROP_LABEL = regex(r"(?m)^(Highlight|Note):[ \t]*")
_TAGS_BEFORE = regex(r"\A(?:\.[^\W\d_][\w-]*(?:\s+|$))+")
_TAGS_AFTER = regex(r"(?:\n[ \t]*|(?<=[?？.!])[ \t]+)(?:\.[^\W\d_][\w-]*(?:[ \t]+|$))+\Z")
_HEADING_TAG = regex(r"h[1-6]")
_WEB_URL = regex(r"https?://\S+")
_ASIN = regex(r"[A-Z0-9]{10}")
_LOCATION = regex(r"\d{1,9}")


class Row(NamedTuple):
    """A row of an export. A cell that is empty or missing is ""."""

    highlight: str
    note: str
    tags: Strings
    """The tags in their own column, and the privacy tag if it is in any column."""
    document_tags: Strings
    title: str
    author: str
    location: str
    location_type: str
    """In lower case: `page`, `location` or `order`."""
    asin: str
    """The number of the book at Amazon."""
    url: str
    colour: str
    date: str
    """When the passage was highlighted, as written."""

    @classmethod
    def from_cells(cls, cells: Mapping[str, str], private_tag: Strings) -> Row:
        """Create a row from its cells, which are stripped and keyed by casefolded column name."""

        def get_cell(*columns: str) -> str:
            """Return the first of these cells that has text."""
            return next(filter(None, [cells.get(column) for column in columns]), "")

        return cls(
            highlight=get_cell("highlight"),
            note=get_cell("note"),
            tags=(*_parse_tags(get_cell("tags")), *private_tag),
            document_tags=_parse_tags(get_cell("document tags")),
            title=get_cell("book title", "title"),
            author=get_cell("book author", "author"),
            location=get_cell("location"),
            location_type=get_cell("location type").casefold(),
            asin=get_cell("amazon book id"),
            url=get_cell("url"),
            colour=get_cell("color").casefold(),
            date=get_cell("highlighted at", "date"),
        )

    @property
    def position(self) -> int | None:
        """The number of the location, or None if the location is 0 or not a number."""
        if not _LOCATION.fullmatch(self.location):
            return None
        return int(self.location) or None

    @property
    def book_key(self) -> Pair:
        """Identifies the book: its title and author."""
        return normalize_for_lookup(self.title), normalize_for_lookup(self.author)

    @property
    def passage_key(self) -> Strings:
        """Identifies the passage, or the note on a whole book, in all exports of an account."""
        text = self.highlight or self.note
        return (self.title, self.author, text, self.location)


class Readwise(TextExportSource):
    """Reads highlights that were exported from a Readwise account.

    The `me` setting is ignored, since an account has one reader.
    """

    kind = "readwise"
    suffixes = (".csv",)
    wrong_file_message = "not a Readwise export"
    export_hint = "export your highlights as CSV at readwise.io/export"

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Recognise an export by its column names."""
        columns = _parse_header(candidate.head.partition("\n")[0])
        names_books = not {"title", "book title"}.isdisjoint(columns)
        has_highlights = not {"highlight", _RAINDROP_COLUMN}.isdisjoint(columns)
        if names_books and has_highlights:
            return Confidence.CONTENT
        return Confidence.NO

    @classmethod
    def explain_rejection(cls, candidate: Candidate) -> str:
        """Return a message that compares the columns of a table with those of a Readwise export."""
        first_line = candidate.head.partition("\n")[0].strip()[:60]
        expected = "a Readwise export has the columns “Highlight” and “Book Title”"
        return f"its columns are {first_line}; {expected}"

    def parse_items(self, path: str, text: str) -> Iterator[tuple[str, Row] | Problem]:
        """Yield the path and the row for each row of a table, and problems for damaged rows."""
        header, _, body = text.partition("\n")
        table = csv.DictReader(
            StringIO(body),
            _parse_header(header),
            restkey=_EXTRA_CELLS,
            restval="",
            delimiter=_detect_delimiter(header),
            strict=True,
        )
        try:
            for cells in table:
                location = f"{path}:{table.line_num + 1}"
                if _EXTRA_CELLS in cells:
                    message = "a row with more columns than the first"
                    yield Problem(location, message, "put its text in quotes")
                    continue
                stripped = {name: cell.strip() for name, cell in cells.items()}
                text_cells = [stripped.get(name, "") for name in _TEXT_COLUMNS]
                if REPLACEMENT_CHARACTER in "".join(text_cells):
                    message = "letters of this row are damaged"
                    yield Problem(location, message, "export it again")
                    continue
                for row in _iter_rows(stripped):
                    yield path, row
        except csv.Error as error:
            message = f"the table is damaged: {error}"
            raise ItemError(message, hint="export it again") from error

    def build_documents(self, items: list[tuple[str, Row]]) -> Iterator[NamedSightings]:
        """Yield one document per book, in the order of the books' first rows."""
        # if a passage is in several files, keep only the rows from the newest file
        newest_paths = {row.passage_key: path for path, row in items}
        rows = dict.fromkeys(
            [row for path, row in items if newest_paths[row.passage_key] == path]
        )
        rows_by_book: dict[Pair, list[Row]] = {}
        for row in rows:
            rows_by_book.setdefault(row.book_key, []).append(row)
        for book_rows in rows_by_book.values():
            yield book_rows[0].title, self._read_book(book_rows)

    def _read_book(self, rows: list[Row]) -> Iterator[ExtractedDocument]:
        first = rows[0]
        title = first.title
        if not first.url:  # an uploaded file
            title = title_from_file_name(title)
        identifiers: tuple[Pair, ...] = ()
        if first.asin:
            identifiers = (("asin", first.asin),)
        tags: list[str] = []
        for row in rows:
            tags += row.document_tags
        document = self.create_document(
            first.book_key,
            to_one_line(to_plain_text(html_to_markdown(title))),
            creators=remove_unknown_authors((first.author,)),
            identifiers=identifiers,
            tags=tuple(dict.fromkeys(tags)),
        )
        ordered = _sort_rows(rows)
        passages = remove_footnote_numbers([row.highlight for row, _ in ordered])
        highlights: list[Highlight] = []
        for (row, heading), passage in zip(ordered, passages, strict=True):
            highlights.append(self._create_highlight(document, row, passage, heading))
        yield from self.iter_document(document, number_highlights(highlights))

    def _create_highlight(
        self, document: Document, row: Row, text: str, heading: str
    ) -> Highlight:
        """Convert a row to a highlight, or to a note on the whole book if it has no passage.

        Args:
            document: The book.
            row: The row.
            text: The passage of the row without the numbers of footnotes.
            heading: The headings above the row.
        """
        note = _RowNote(row)
        skip_reason = note.skip_reason
        kind = HighlightKind.NOTE
        exact = ""
        markdown: Strings = ()
        if text:
            kind = HighlightKind.HIGHLIGHT
            exact, formatted = _convert_formatting(text)
            if not exact:
                exact = text
                reason = "a picture on the web, which is not downloaded"
                skip_reason = skip_reason or reason
            elif exact != text:
                markdown = (formatted,)
        anchor_text = row.highlight or note.comment
        if anchor_text == exact:
            anchor_text = ""
        page_label = ""
        if row.location_type == "page":
            page_label = row.location
        return Highlight(
            document,
            self.listing.namespace,
            kind,
            exact=exact,
            markdown=markdown,
            anchor_text=anchor_text,
            comment=note.comment,
            colour=row.colour,
            created=normalize_time(row.date),
            tags=note.tags,
            heading=heading,
            page_label=page_label,
            uri=_build_url(row),
            block_id=row.location,
            skip_reason=skip_reason,
        )


# --- the table --------------------------------------------------------------------------


# The key under which `csv` stores the cells beyond the last column.
_EXTRA_CELLS = "\0"


def _parse_header(line: str) -> list[str]:
    """Return the casefolded names of the columns. A repeated name is replaced by "".

    Returns [] if the line isn't valid CSV.
    """
    try:
        table = csv.reader([line], delimiter=_detect_delimiter(line))
        names = [name.strip().casefold() for name in next(table, [])]
    except csv.Error:
        return []
    columns: list[str] = []
    for name in names:
        column = _OTHER_COLUMN_NAMES.get(name, name)
        columns.append("" if column in columns else column)
    return columns


def _iter_rows(cells: Mapping[str, str]) -> Iterator[Row]:
    """Yield the row with some cells, and a row for each highlight in a cell of Raindrop.

    The privacy tag counts in any column without a meaning. In a row of Raindrop, it also counts in
    the note, because that is on the page and so on all of its highlights.
    """
    raindrop_cell = cells.get(_RAINDROP_COLUMN, "")
    keywords = [cells[name] for name in cells.keys() - set(_USED_COLUMNS)]
    if raindrop_cell:
        keywords.append(cells.get("note", ""))
    row = Row.from_cells(cells, find_private_tag(keywords))
    if row.highlight or row.note:
        yield row
    for highlight, note in _split_raindrop_cell(raindrop_cell):
        yield row._replace(highlight=highlight, note=note)


def _split_raindrop_cell(cell: str) -> Iterator[Pair]:
    """Yield each highlight of a page with its note, or "" if it has none.

    In the cell, `Highlight:` begins each highlight, and `Note:` the note on the one above it.
    """
    text_before, *labels_and_texts = _RAINDROP_LABEL.split(cell)
    highlight = text_before.strip()
    note = ""
    for label, text in zip(labels_and_texts[::2], labels_and_texts[1::2], strict=True):
        if label == "Note":
            note = text.strip()
            continue
        if highlight:
            yield highlight, note
        highlight = text.strip()
        note = ""
    if highlight:
        yield highlight, note


def _detect_delimiter(line: str) -> str:
    """Return the comma, semicolon or tab, whichever is most common in a line.

    If another program saves an export, it may replace the commas.
    """
    return max(",;\t", key=line.count)


# --- the rows of a book -----------------------------------------------------------------


def _sort_rows(rows: Sequence[Row]) -> list[tuple[Row, str]]:
    """Sort rows in reading order, and return each row with its heading.

    Rows with the most common type of location come first, in order. All other rows follow in the
    order of the file, and have "" as their heading.
    """
    type_counts = Counter([row.location_type for row in rows if row.position])
    usual_type = max(type_counts, key=type_counts.__getitem__, default=None)
    usual_rows: list[tuple[int, Row]] = []
    other_rows: list[tuple[Row, str]] = []
    for row in rows:
        if row.position and row.location_type == usual_type:
            usual_rows.append((row.position, row))
        else:
            other_rows.append((row, ""))
    usual_rows.sort(key=itemgetter(0))
    return [*_attach_headings([row for _, row in usual_rows]), *other_rows]


def _attach_headings(rows: Iterable[Row]) -> Iterator[tuple[Row, str]]:
    """Yield each row with all headings above it, joined by ` › `. Rows must be in reading order."""
    headings: list[tuple[int, str]] = []  # (level, text), outermost first
    for row in rows:
        level = _RowNote(row).heading_level
        if level is None:
            yield row, _join_headings(headings)
            continue
        headings = [heading for heading in headings if heading[0] < level]
        yield row, _join_headings(headings)
        text, _ = _convert_formatting(row.highlight)
        headings.append((level, to_one_line(text)))


def _join_headings(headings: Iterable[tuple[int, str]]) -> str:
    return " › ".join([text for _, text in headings])


class _RowNote:
    """The note of a row, split into a comment and tags."""

    def __init__(self, row: Row) -> None:
        """Split the note of a row.

        For example, `.h2 .physics a comment` is the comment `a comment` on a heading of level 2
        with the tag `physics`.
        """
        tags = list(row.tags)
        comment = row.note
        for pattern in (_TAGS_BEFORE, _TAGS_AFTER):
            inline_tags = pattern.search(comment)
            if inline_tags:
                tags += re.findall(r"\.(\S+)", inline_tags[0])
                comment = comment[: inline_tags.start()] + comment[inline_tags.end() :]
        self.comment = comment.strip()
        heading_tags = [tag for tag in tags if _HEADING_TAG.fullmatch(tag)]
        self.heading_level: int | None = None
        """The level of the heading if the row is one, tagged `.h1` to `.h6`."""
        if heading_tags:
            self.heading_level = int(heading_tags[0][1])
        other_tags = [tag for tag in tags if not _HEADING_TAG.fullmatch(tag)]
        self.tags = tuple(dict.fromkeys(other_tags))
        """The tags from their own column, followed by each `.tag` in the note."""

    @property
    def skip_reason(self) -> str | None:
        """The reason why the tags rule out a card, or None if they don't."""
        if self.heading_level is not None:
            return f"a heading (.h{self.heading_level})"
        if "discard" in self.tags:
            return "discarded in Readwise"
        return None


# Matches actual Markdown or HTML, not just similar characters.
_FORMATTING = regex(
    r"""(?x)
      (?<!\w)(\*{1,3}|_{1,3}|~~)(?=\S)[^\n]{1,2000}?(?<=\S)\1(?!\w)
    | !?\[[^\]\n]{0,500}\]\([^()\s]{1,2000}\)
    | </?[A-Za-z][^<>\n]{0,200}> | &\#?\w{1,32};
    """
)
_EMPHASIS_IN_WORD = regex(r"(?<=[^\W_])([*_])(?=[^\W_])")
_PICTURE = regex(r"!\[([^\]\n]{0,500})\]\(([^()\s]{1,2000})\)")


def _convert_formatting(text: str) -> Pair:
    """Convert a passage in Markdown or HTML to plain text and normalized Markdown.

    The Markdown has links instead of pictures. If the passage is just a picture, the plain text is
    the alternative text of the picture, which may be "".
    """
    if not _FORMATTING.search(text):
        return text, escape_markdown(text)
    markdown = _EMPHASIS_IN_WORD.sub(r"\\\1", html_to_markdown(text))
    passage = to_plain_text(_PICTURE.sub(r"\1", markdown))

    def render_link(picture: re.Match[str]) -> str:
        label, url = picture.groups()
        name = label.strip() or url.rstrip("/").rpartition("/")[2]
        return f"[{name}]({url})"

    return passage, _PICTURE.sub(render_link, markdown)


def _parse_tags(cell: str) -> Strings:
    tags = [tag.strip().lstrip("#.") for tag in re.split(r"[,;]", cell)]
    return tuple([re.sub(r"\s+", "-", tag) for tag in tags if tag])


def _build_url(row: Row) -> str:
    """Build a link to the passage on the web or in the Kindle app, or return ""."""
    if _WEB_URL.fullmatch(row.url):
        return row.url
    if not _ASIN.fullmatch(row.asin):
        return ""
    book_url = f"kindle://book?action=open&asin={row.asin}"
    if row.location_type == "location" and row.position:
        return f"{book_url}&location={row.location}"
    if row.location_type in ("location", "page", ""):
        return book_url
    return ""
