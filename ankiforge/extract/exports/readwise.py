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
from collections.abc import Iterable, Iterator
from io import StringIO

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
    Texts,
)
from ankiforge.text import regex, to_one_line
from ankiforge.text.cloze import escape_markdown, to_plain_text
from ankiforge.text.elements import html_to_markdown
from ankiforge.text.keys import number_highlights
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.passages import remove_footnote_numbers
from ankiforge.text.private import find_private_tag

Row = Texts
"""The cells of a row, by casefolded column name."""
_USED_COLUMNS = (
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
_OTHER_COLUMN_NAMES = {
    "selection": "highlight",  # Instapaper
    "created": "date",  # Raindrop
}
_RAINDROP_COLUMN = "highlights"
"""The column of a Raindrop export with all highlights of a page, each with its note."""
_RAINDROP_LABEL = regex(r"(?m)^(Highlight|Note):[ \t]*")
_TAGS_BEFORE = regex(r"\A(?:\.[^\W\d_][\w-]*(?:\s+|$))+")
_TAGS_AFTER = regex(r"(?:\n[ \t]*|(?<=[?？.!])[ \t]+)(?:\.[^\W\d_][\w-]*(?:[ \t]+|$))+\Z")
_HEADING_TAG = regex(r"h[1-6]")
_WEB_URL = regex(r"https?://\S+")
_ASIN = regex(r"[A-Z0-9]{10}")
_LOCATION = regex(r"\d{1,9}")


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
        if "title" not in columns and "book title" not in columns:
            return Confidence.NO
        has_highlights = "highlight" in columns or _RAINDROP_COLUMN in columns
        return Confidence.CONTENT if has_highlights else Confidence.NO

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
                row = {name: cells.get(name, "").strip() for name in _USED_COLUMNS}
                # the privacy tag counts in any column
                other_columns = cells.keys() - {*_USED_COLUMNS, _EXTRA_CELLS}
                highlights = cells.get(_RAINDROP_COLUMN, "").strip()
                keywords = [cells[name] for name in other_columns]
                if highlights:  # the note is on the page, and so on all of its highlights
                    keywords.append(row["note"])
                private_tag = find_private_tag(keywords)
                row["tags"] = ", ".join(filter(None, (row["tags"], *private_tag)))
                location = f"{path}:{table.line_num + 1}"
                if _EXTRA_CELLS in cells:
                    message = "a row with more columns than the first"
                    yield Problem(location, message, "put its text in quotes")
                elif REPLACEMENT_CHARACTER in row["highlight"] + row["note"] + highlights:
                    message = "letters of this row are damaged"
                    yield Problem(location, message, "export it again")
                else:
                    if row["highlight"] or row["note"]:
                        yield path, row
                    for highlight, note in _split_raindrop_cell(highlights):
                        yield path, {**row, "highlight": highlight, "note": note}
        except csv.Error as error:
            message = f"the table is damaged: {error}"
            raise ItemError(message, hint="export it again") from error

    def build_documents(self, items: list[tuple[str, Row]]) -> Iterator[NamedSightings]:
        """Yield one document per book, in the order of the books' first rows."""
        # if a passage is in several files, keep only the rows from the newest file
        newest_paths = {_get_passage_key(row): path for path, row in items}
        # rows that are equal in all columns count once
        rows: dict[Strings, Row] = {}
        for path, row in items:
            if newest_paths[_get_passage_key(row)] == path:
                rows[tuple(row.values())] = row
        rows_by_book: dict[Pair, list[Row]] = {}
        for row in rows.values():
            rows_by_book.setdefault(_get_book_key(row), []).append(row)
        for book_rows in rows_by_book.values():
            title, _ = _get_title_and_author(book_rows[0])
            yield title, self._read_book(book_rows)

    def _read_book(self, rows: list[Row]) -> Iterator[ExtractedDocument]:
        title, author = _get_title_and_author(rows[0])
        asin = rows[0]["amazon book id"]
        tags = [tag for row in rows for tag in _parse_tags(row["document tags"])]
        if not rows[0]["url"]:  # an uploaded file
            title = title_from_file_name(title)
        document = self.create_document(
            _get_book_key(rows[0]),
            to_one_line(to_plain_text(html_to_markdown(title))),
            creators=remove_unknown_authors((author,)),
            identifiers=(("asin", asin),) if asin else (),
            tags=tuple(dict.fromkeys(tags)),
        )
        ordered = _sort_rows(rows)
        passages = remove_footnote_numbers([row["highlight"] for row, _ in ordered])
        highlights: list[Highlight] = []
        for (row, heading), passage in zip(ordered, passages, strict=True):
            highlights.append(self._create_highlight(document, row, passage, heading))
        yield from self.iter_document(document, number_highlights(highlights))

    def _create_highlight(
        self,
        document: Document,
        row: Row,
        text: str,
        heading: str,
    ) -> Highlight:
        """Convert a row to a highlight, or to a note on the whole book if it has no passage."""
        note = _RowNote(row)
        passage, markdown = _convert_formatting(text)
        location_type = row["location type"].casefold()
        is_picture = bool(text) and not passage
        skip_reason = note.skip_reason
        if is_picture and skip_reason is None:
            skip_reason = "a picture on the web, which is not downloaded"
            passage = text
        anchor_text = row["highlight"] or note.comment
        return Highlight(
            document,
            self.listing.namespace,
            HighlightKind.HIGHLIGHT if text else HighlightKind.NOTE,
            exact=passage,
            anchor_text="" if passage == anchor_text else anchor_text,
            markdown=(markdown,) if passage != text and passage else (),
            comment=note.comment,
            colour=row["color"].casefold(),
            created=normalize_time(row["highlighted at"] or row["date"]),
            tags=note.tags,
            page_label=row["location"] if location_type == "page" else "",
            heading=heading,
            uri=_build_url(row, location_type),
            block_id=row["location"],
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
    names = [_OTHER_COLUMN_NAMES.get(name, name) for name in names]
    return [
        name if names.index(name) == index else "" for index, name in enumerate(names)
    ]


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


# --- a row ------------------------------------------------------------------------------


def _sort_rows(rows: list[Row]) -> list[tuple[Row, str]]:
    """Sort rows in reading order, and return each row with its heading.

    Rows with the most common type of location come first, in order. All other rows follow in the
    order of the file, and have "" as their heading.
    """
    type_counts = Counter(
        row["location type"].casefold() for row in rows if _parse_position(row)
    )
    usual_type = max(type_counts, key=type_counts.__getitem__, default="")
    usual_rows: list[Row] = []
    other_rows: list[Row] = []
    for row in rows:
        if row["location type"].casefold() == usual_type and _parse_position(row):
            usual_rows.append(row)
        else:
            other_rows.append(row)
    usual_rows.sort(key=_parse_position)
    return [*_attach_headings(usual_rows), *((row, "") for row in other_rows)]


def _attach_headings(rows: Iterable[Row]) -> Iterator[tuple[Row, str]]:
    """Yield each row with all headings above it, joined by ` › `. Rows must be in reading order."""
    headings: list[tuple[int, str]] = []  # (level, text), outermost first
    for row in rows:
        level = _RowNote(row).level
        if level:
            headings = [heading for heading in headings if heading[0] < level]
        yield row, " › ".join(text for _, text in headings)
        if level:
            text, _ = _convert_formatting(row["highlight"])
            headings.append((level, to_one_line(text)))


class _RowNote:
    def __init__(self, row: Row) -> None:
        tags = _parse_tags(row["tags"])
        comment = row["note"]
        for pattern in (_TAGS_BEFORE, _TAGS_AFTER):
            inline_tags = pattern.search(comment)
            if inline_tags:
                tags += re.findall(r"\.(\S+)", inline_tags[0])
                comment = comment[: inline_tags.start()] + comment[inline_tags.end() :]
        self.comment = comment.strip()
        heading_tags = [tag for tag in tags if _HEADING_TAG.fullmatch(tag)]
        self.level = int(heading_tags[0][1]) if heading_tags else 0
        """The level of the heading, or 0 if the row isn't a heading."""
        self.tags = tuple(tag for tag in dict.fromkeys(tags) if tag not in heading_tags)
        """The tags from their own column, followed by each `.tag` in the note."""

    @property
    def skip_reason(self) -> str | None:
        """The reason why the tags rule out a card, or None if they don't."""
        if self.level:
            return f"a heading (.h{self.level})"
        return "discarded in Readwise" if "discard" in self.tags else None


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


def _parse_tags(cell: str) -> list[str]:
    tags = (tag.strip().lstrip("#.") for tag in re.split(r"[,;]", cell))
    return [re.sub(r"\s+", "-", tag) for tag in tags if tag]


def _get_passage_key(row: Row) -> Strings:
    """Return what identifies a passage in all exports of an account."""
    return (*_get_title_and_author(row), row["highlight"] or row["note"], row["location"])


def _get_title_and_author(row: Row) -> Pair:
    title = row["book title"] or row["title"]
    author = row["book author"] or row["author"]
    return title, author


def _get_book_key(row: Row) -> Pair:
    title, author = _get_title_and_author(row)
    return normalize_for_lookup(title), normalize_for_lookup(author)


def _parse_position(row: Row) -> int:
    return int(row["location"]) if _LOCATION.fullmatch(row["location"]) else 0


def _build_url(row: Row, location_type: str) -> str:
    """Build a link to the passage on the web or in the Kindle app, or return ""."""
    if _WEB_URL.fullmatch(row["url"]):
        return row["url"]
    asin = row["amazon book id"]
    if not _ASIN.fullmatch(asin) or location_type not in ("location", "page", ""):
        return ""
    url = f"kindle://book?action=open&asin={asin}"
    has_location = location_type == "location" and _parse_position(row)
    return f"{url}&location={row['location']}" if has_location else url
