"""KOReader: highlights stored next to each book, in `<book>.sdr/metadata.<ending>.lua`.

    sources:
      - koreader: {path: /media/me/Kindle}     # or a folder of books

The directory can be that of the books, KOReader's own with `docsettings` or `hashdocsettings`, or
a whole device. Since version 2024.07, files have a list `annotations`. Older files have the
highlights in `highlight`, and the notes in `bookmarks`. A bookmark without a note isn't a
highlight.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import isfinite
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence
from ankiforge.extract.books.directories import BOOK_SUFFIXES, BookSettings, BookSource
from ankiforge.extract.books.documents import (
    Book,
    BookHighlight,
    build_book_results,
    create_document,
)
from ankiforge.extract.file_source import File, FileSource, FindPicture
from ankiforge.extract.files import MAX_TEXT_BYTES, read_file, read_stamp
from ankiforge.model import HighlightKind, Problem, Sighting, Strings
from ankiforge.text import regex
from ankiforge.text.identifiers import parse_isbns

if TYPE_CHECKING:
    from ankiforge.extract.pdf.worker import PdfWorkerPool


REWRITE_HINT = "open and close the book in KOReader, which writes the file again"

LuaTable = dict[str, Any]
"""A Lua table, by key. A numeric key is a string of digits."""

# A file is decoded as Latin-1, with one character per byte, because a text may be cut off within a
# letter.
_TOKEN = regex(
    r"""(?sx)
      (?P<blank>\s+|--[^\n]*)
    | (?P<quoted>"(?:[^"\\\n]|\\.)*")
    | (?P<number>-?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|(?:inf|nan)\b))
    | (?P<name>[a-z]+)
    | (?P<sign>[{}\[\]=,])
    """
)
_ESCAPE = regex(r"(?s)\\(?:(?P<decimal>\d{1,3})|(?P<letter>.))")
_ESCAPED_LETTERS = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_JSON_SIGNS = {"{": "{", "}": "}", "[": "", "]": "", "=": ":", ",": ","}
_JSON_NAMES = {"return": "", "true": "true", "false": "false", "nil": "null"}


def parse_lua(raw: bytes) -> Any:
    """Parse a Lua table by translating it to JSON, e.g. from `["a"] = {}` to `"a": {}`.

    KOReader writes `return` and a table of `[key] = value`, where values are tables, strings,
    numbers, booleans or nil. The file is never executed: calls, operators and any other
    syntax are errors.

    Raises:
        ItemError: The file isn't a table of plain values, or is truncated.
    """
    source = raw.decode("latin-1").removeprefix("\xef\xbb\xbf")
    json_parts: list[str] = []
    last_end = 0
    previous_token = None
    for token in _TOKEN.finditer(source):
        if token.start() != last_end:
            break
        last_end = token.end()
        if token.lastgroup == "blank":
            continue
        if token[0] == "}" and previous_token == ",":  # JSON has no comma there
            json_parts.pop()
        json_parts.append(_to_json(token, is_key=previous_token == "["))
        previous_token = token[0]
    if last_end == len(source):
        with suppress(msgspec.DecodeError, RecursionError):
            return msgspec.json.decode("".join(json_parts))
    raise ItemError("it is not a table of plain values, or is cut off", hint=REWRITE_HINT)


def _to_json(token: re.Match[str], *, is_key: bool) -> str:
    """Translate a token of Lua to JSON. An unknown name becomes `?`, which is invalid there."""
    match token.lastgroup:
        case "quoted":
            return json.dumps(_unquote(token[0]))
        case "number":
            number = _format_number(float(token[0]))
            return f'"{number}"' if is_key else number
        case "name":
            return _JSON_NAMES.get(token[0], "?")
        case _:
            return _JSON_SIGNS[token[0]]


def _unquote(quoted: str) -> str:
    """Return the text of a string in Lua, with its escape sequences replaced.

    Its characters stand for bytes of UTF-8. A broken sequence of bytes becomes U+FFFD.
    """
    unescaped = _ESCAPE.sub(_unescape, quoted[1:-1])
    return unescaped.encode("latin-1").decode("utf-8", "replace")


def _format_number(number: float) -> str:
    """Format a number in JSON: 12.0 as `12`, and infinity and NaN as `null`."""
    if not isfinite(number):
        return "null"
    if number.is_integer():
        return str(int(number))
    return str(number)


def _unescape(escape: re.Match[str]) -> str:
    if escape["decimal"]:
        return chr(int(escape["decimal"]) & 0xFF)
    letter = escape["letter"] or ""
    return _ESCAPED_LETTERS.get(letter, letter)


# --- the source -----------------------------------------------------------------------


class KOReaderSettings(BookSettings, kw_only=True):
    """The settings of a `koreader:` source."""

    include: Strings = ("**/metadata.*.lua", "**/*.epub.lua", "**/*.pdf.lua")
    exclude: Strings = ()


class KOReader(BookSource, FileSource):
    """Reads the user's highlights from KOReader on one or more devices.

    The `me` setting is ignored.
    """

    kind = "koreader"
    Settings = KOReaderSettings
    suffixes = (".lua",)
    used_suffixes = BOOK_SUFFIXES
    is_export = True
    has_complete_files = True
    example = "- koreader: {path: /media/me/Kindle}     # a device, or a folder of books"

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Recognise KOReader's sidecar files by name."""
        if _SIDECAR_NAME.fullmatch(candidate.path.name):
            return Confidence.CONTENT
        return Confidence.NO

    @contextmanager
    def open_reader(self, files: list[File]) -> Iterator[PdfWorkerPool]:
        """Yield the worker pool that reads the books, and save its cache on exit."""
        from ankiforge.extract.pdf.worker import PdfWorkerPool

        with PdfWorkerPool(cache=self.opening.cache) as worker:
            yield worker
            worker.save_cache(complete=self.covers_all_files(files))

    def get_dependency_fingerprint(self, name: str, file: File) -> str:
        """Return the path and stamp of the local copy of a book, or "" if there is none.

        `name` is the path of the book on the device.
        """
        path = self.books.find_book(name)
        if path is None:
            return ""
        return f"{path} {read_stamp(path)}"

    def extract_file(
        self, file: File, reader: PdfWorkerPool, find_picture: FindPicture
    ) -> Iterator[Sighting]:
        """Yield a book with its highlights, and a notice if any highlight has no text."""
        raw, _ = read_file(file.disk_path, MAX_TEXT_BYTES)
        settings = parse_lua(raw)
        if not isinstance(settings, dict):
            yield Problem(file.path, "it contains no KOReader settings", "leave it out")
            return
        book = create_book(settings, file.path)
        marks = list(parse_highlights(settings))
        marks_with_text = [mark for mark in marks if mark.text or mark.comment]
        path = None
        if marks_with_text:
            find_picture(book.file)  # read this file again if the book changes or appears
            path = self.books.find_book(book.file)
        listing = self.listing
        document = create_document(book, listing.namespace, listing.name)
        yield from build_book_results(document, listing, marks_with_text, path, reader)
        textless_count = len(marks) - len(marks_with_text)
        if textless_count:
            message = f"marks without text: {textless_count}; they mark pictures of scanned pages"
            hint = "give the page a text layer (OCR)"
            yield Problem(file.path, message, hint, is_notice=True)


# --- sidecars -------------------------------------------------------------------------


_SIDECAR_NAME = regex(r"(?i)(?:metadata\.(.+)|.+\.(?:epub|pdf))\.lua")
"""Matches the name of a sidecar file, which contains the highlights of one book. The naming scheme
changed in 2017."""
_FILE_NUMBER = regex(r"/DocFragment\[(\d{1,9})\]")
_DATE_TIME = regex(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
# The text that KOReader put before the highlighted text of a bookmark: “Page 12” in any language.
_PAGE_REFERENCE = regex(r"(?:\S+\s+){0,2}\[?\d*\]?\d+\s*\S{0,3}")
_MAX_PAGE_REFERENCE_CHARS = 60
_KINDS = {"underscore": HighlightKind.UNDERLINE, "strikeout": HighlightKind.STRIKE}


def create_book(settings: LuaTable, path: str) -> Book:
    """Build the book that a sidecar file describes. `path` is the path of the sidecar file."""
    properties = _get_table(settings, "doc_props")
    statistics = _get_table(settings, "stats")
    title = _get_text(properties, "title") or _get_text(statistics, "title")
    authors = _get_text(properties, "authors") or _get_text(statistics, "authors")
    return Book(
        title=title,
        authors=tuple(_iter_authors(authors)),
        identifiers=parse_isbns(_get_text(properties, "identifiers").split("\n")),
        file=_get_text(settings, "doc_path") or _find_book_path(PurePosixPath(path)),
        path=path,
        subjects=(
            *_get_text(properties, "keywords").split("\n"),
            _get_text(_get_table(settings, "summary"), "note"),
        ),
    )


def _iter_authors(lines: str) -> Iterator[str]:
    for line in lines.split("\n"):
        name = line.strip()
        if name not in ("", "N/A"):
            yield name


def _find_book_path(sidecar: PurePosixPath) -> str:
    """Return the path of the book that a sidecar file lies beside.

    `Book.sdr/metadata.epub.lua` belongs to `Book.epub`, as did `Book.sdr/Book.epub.lua`, which
    was its name before 2017.
    """
    name = _SIDECAR_NAME.fullmatch(sidecar.name)
    if name is None or name[1] is None:
        return str(sidecar.parent.parent / sidecar.stem)
    folder = str(sidecar.parent).removesuffix(".sdr")
    return f"{folder}.{name[1]}"


def parse_highlights(settings: LuaTable) -> Iterator[BookHighlight]:
    """Yield the highlights in a sidecar file of the newer or older format, in reading order."""
    annotations = settings.get("annotations")
    if isinstance(annotations, dict):
        for annotation in _get_tables_in_list(annotations):
            note = _get_text(annotation, "note")
            if "drawer" in annotation or "pos0" in annotation:
                yield _create_highlight(annotation, _get_text(annotation, "text"), note)
            elif note:  # of a bookmark
                yield _create_highlight(annotation, "", note)
    else:
        yield from _parse_older_highlights(settings)


def _parse_older_highlights(settings: LuaTable) -> Iterator[BookHighlight]:
    """Yield the highlights in a sidecar file of the older format, in reading order.

    That format groups highlights by page, and lists bookmarks in reverse order. A highlight's
    bookmark has the highlighted text in `notes` and the user's note in `text`.
    """
    unmatched_marks: dict[tuple[str, str], LuaTable] = {}
    """The highlights without a bookmark, by the time and the highlighted text that both have."""
    pages = _get_table(settings, "highlight")
    for page in pages:
        for mark in _get_tables_in_list(_get_table(pages, page)):
            key = (_get_text(mark, "datetime"), _get_text(mark, "text"))
            unmatched_marks[key] = {"pageno": page, **mark}
    for bookmark in reversed(_get_tables_in_list(_get_table(settings, "bookmarks"))):
        is_of_highlight = bookmark.get("highlighted") is True or "pos0" in bookmark
        if not is_of_highlight:
            continue
        highlighted_text = _get_text(bookmark, "notes")
        key = (_get_text(bookmark, "datetime"), highlighted_text)
        mark = unmatched_marks.pop(key, {})
        note = _parse_bookmark_note(_get_text(bookmark, "text"), highlighted_text)
        yield _create_highlight({**mark, **bookmark}, highlighted_text, note)
    # highlights from the time before KOReader added a bookmark for each highlight
    for mark in unmatched_marks.values():
        yield _create_highlight(mark, _get_text(mark, "text"), "")


def _parse_bookmark_note(text: str, highlighted_text: str) -> str:
    """Return the user's note from a bookmark, or "" if KOReader generated the text.

    KOReader generates `Page 12 <words> @ <time>`, in any language. If there is other text before
    the words, the user wrote it.
    """
    if text.strip() == highlighted_text.strip():
        return ""
    text_before_time, _, date_time = text.rpartition(" @ ")
    if not _DATE_TIME.fullmatch(date_time.strip()):
        return text
    note = text_before_time.strip().removesuffix(highlighted_text.strip()).strip()
    if len(note) <= _MAX_PAGE_REFERENCE_CHARS and _PAGE_REFERENCE.fullmatch(note):
        return ""
    return note


def _create_highlight(entry: LuaTable, text: str, note: str) -> BookHighlight:
    """Build a highlight from an entry that has the keys of the newer format.

    In a PDF, its `page` is a number from 1. In an EPUB, it is a position such as `pos0`.
    """
    page_number = entry.get("page")
    label = entry.get("pageref") or entry.get("pageno")
    if isinstance(page_number, int):
        page_index = page_number - 1
        label = label or page_number
    else:
        page_index = _find_file_index(_get_text(entry, "pos0"))
    return BookHighlight(
        text=text,
        comment=note,
        kind=_KINDS.get(_get_text(entry, "drawer"), HighlightKind.HIGHLIGHT),
        page=page_index,
        page_label=str(label or ""),
        heading=_get_text(entry, "chapter").strip(),
        colour=_get_text(entry, "color"),
        created=_get_time(entry, "datetime"),
        modified=_get_time(entry, "datetime_updated"),
    )


def _find_file_index(position: str) -> int:
    """Return the index of the file in an EPUB in which a highlight begins, or -1 if unknown.

    The position is such as `/body/DocFragment[5]/body/div/p[1]/text().595`.
    """
    number = _FILE_NUMBER.search(position)
    return -1 if number is None else int(number[1]) - 1


def _get_time(entry: LuaTable, key: str) -> str:
    """Return a timestamp as ISO 8601, or "" if it is invalid. It is stored without a time zone."""
    moment = _get_text(entry, key)
    return moment.replace(" ", "T") if _DATE_TIME.fullmatch(moment) else ""


# --- table values of any type -----------------------------------------------------------


def _get_text(table: LuaTable, key: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) else ""


def _get_table(table: LuaTable, key: str) -> LuaTable:
    value: Any = table.get(key)
    return value if isinstance(value, dict) else {}


def _get_tables_in_list(table: LuaTable) -> list[LuaTable]:
    tables = []
    for number in sorted(filter(str.isdecimal, table), key=int):
        if isinstance(table[number], dict):
            tables.append(table[number])
    return tables
