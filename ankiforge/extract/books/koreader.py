"""KOReader: the marks that it keeps beside each book, in `<book>.sdr/metadata.<ending>.lua`.

    sources:
      - koreader: {path: /media/me/Kindle}     # or a folder of books

The folder may be that of the books, KOReader's own with `docsettings` or `hashdocsettings`,
or a whole device. Since version 2024.07 a file has a list `annotations`; before, the marks
are in `highlight` and the notes in `bookmarks`. A bookmark without a note is not a mark.

A file is a literal of Lua as KOReader writes it: `return` and a table of `[key] = value`, a string,
a number, a boolean or nil. Nothing is ever run: what computes something, a call or an operator,
is an error, and so are Lua's other spellings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ankiforge.errors import ItemError
from ankiforge.extract.base import NOT_MINE, Candidate, Confidence, Recognition
from ankiforge.extract.books import (
    ENDINGS,
    Book,
    BookFileSource,
    BookMark,
    BookSettings,
    document_of,
    extracted,
    isbns_of,
)
from ankiforge.extract.files import LARGEST, Step, read_file, stamp_at
from ankiforge.extract.folder import File, PictureAt
from ankiforge.model import HighlightKind, Problem, Sighting, Strings
from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.extract.pdf.worker import PdfWorker


DEEPEST = 60
"""The greatest depth of tables; KOReader's have six."""
HINT = "open and close the book in KOReader, which writes the file again"

Table = dict[Any, Any]
"""A table by its keys: text, numbers or booleans."""

# A file is taken as Latin-1, so that a character is a byte: a text may be cut within a letter.
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
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CONSTANTS = {"true": True, "false": False, "nil": None}


def value_of(raw: bytes) -> Any:
    """Return the value of a file.

    Raises:
        ItemError: it is not a literal, or its tables are nested too deeply.
    """
    reader = _LuaReader(raw.decode("latin-1").removeprefix("\xef\xbb\xbf"))
    return reader.value_of_file()


class _LuaReader:
    """Reads tokens from left to right; each is looked at once."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._kind = ""
        self._token: Any = None
        self._next()

    def value_of_file(self) -> Any:
        """Return the value after `return`, with which the file must end."""
        if self._kind == "name" and self._token == "return":
            self._next()
        value = self._value(depth=0)
        if self._kind != "end":
            raise self._error()
        return value

    def _value(self, depth: int) -> Any:
        """Return the value that begins here."""
        if self._is_sign("{"):
            return self._table(depth + 1)
        token = self._token
        if self._kind == "name":
            if token not in _CONSTANTS:
                raise self._error()
            token = _CONSTANTS[token]
        elif self._kind not in ("text", "number"):
            raise self._error()
        self._next()
        return token

    def _table(self, depth: int) -> Table:
        """Return the table that begins here."""
        if depth > DEEPEST:
            raise ItemError("its tables are nested too deeply", hint=HINT)
        self._next()
        table: Table = {}
        while not self._is_sign("}"):
            self._expect("[")
            key = self._value(depth)
            if isinstance(key, dict) or key is None:
                raise self._error()
            self._expect("]")
            self._expect("=")
            table[key] = self._value(depth)
            if self._is_sign(","):
                self._next()
            elif not self._is_sign("}"):
                raise self._error()
        self._next()
        return table

    # --- tokens

    def _next(self) -> None:
        """Go to the next token; comments are left out."""
        while True:
            match = _TOKEN.match(self._source, self._at)
            if match is None:
                self._kind = "end" if self._at == len(self._source) else "unknown"
                return
            self._at = match.end()
            kind = match.lastgroup or ""
            if match["blank"] is None:
                break
        self._kind = kind
        self._token = match[0]
        if match["quoted"] is not None:  # with `\n`, `\195\169`, a line break after `\`
            self._kind = "text"
            unescaped = _ESCAPE.sub(_escaped, match["quoted"][1:-1])
            # its characters are the bytes of UTF-8; a broken one becomes U+FFFD
            self._token = unescaped.encode("latin-1").decode("utf-8", "replace")
        elif kind == "number":  # a whole one may be written as `12.0`: a key like `12`
            number = float(match[0])
            self._token = int(number) if number.is_integer() else number

    def _is_sign(self, sign: str) -> bool:
        return self._kind == "sign" and self._token == sign

    def _expect(self, sign: str) -> None:
        if not self._is_sign(sign):
            raise self._error()
        self._next()

    def _error(self) -> ItemError:
        line = self._source.count("\n", 0, self._at) + 1
        if self._kind == "end":
            return ItemError("it ends in the middle of a table", hint=HINT)
        return ItemError(f"line {line} is not a plain value of Lua", hint=HINT)


def _escaped(escape: re.Match[str]) -> str:
    """Return the character that an escape sequence of Lua stands for."""
    if escape["decimal"]:
        return chr(int(escape["decimal"]) & 0xFF)
    letter = escape["letter"] or ""
    return _LETTERS.get(letter, letter)


# --- the marks beside a book ----------------------------------------------------------


class KOReaderSettings(BookSettings, kw_only=True):
    """The keys of a `koreader:` source."""

    include: Strings = ("**/metadata.*.lua", "**/*.epub.lua", "**/*.pdf.lua")
    exclude: Strings = ()


@dataclass(frozen=True)
class KOReader(BookFileSource):
    """The marks of one reader, on one device or several. `me` does not matter."""

    kind = "koreader"
    Settings = KOReaderSettings
    endings = (".lua",)
    uses = ENDINGS
    is_export = True
    is_whole = True
    example = "- koreader: {path: /media/me/Kindle}     # a device, or a folder of books"

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a file has the name of a sidecar."""
        if _SIDECAR.fullmatch(candidate.path.name):
            return Recognition(Confidence.CONTENT)
        return NOT_MINE

    def state_of(self, name: str, file: File) -> str:
        """Return where the book with this path on the device is here, and its stamp."""
        path = self.shelf.find(name)
        return f"{path} {stamp_at(path)}" if path else ""

    def contents(
        self, file: File, reader: PdfWorker, picture: PictureAt
    ) -> Iterator[Sighting]:
        """Yield the book of a sidecar with its marks, and a notice of marks without words."""
        raw, _ = read_file(file.place, LARGEST)
        settings = value_of(raw)
        if not isinstance(settings, dict):
            yield Problem(file.path, "it has no settings of KOReader", "leave it out")
            return
        book = book_of(settings, file.path)
        marks = list(marks_of(settings))
        with_words = []
        for mark in marks:
            if mark.text or mark.comment:
                with_words.append(mark)
        path = None
        if with_words:
            picture(book.file)  # with another book, or none, it is read again
            path = self.shelf.find(book.file)
        folder = self.folder
        document = document_of(book, folder.namespace, folder.name)
        yield from extracted(document, folder, with_words, path, reader)
        without = len(marks) - len(with_words)
        if without:
            message = (
                f"marks without words: {without}; they are pictures of a scanned page"
            )
            yield Problem(
                file.path,
                message,
                "give the page a text layer (OCR)",
                notice=True,
            )


# --- sidecars -------------------------------------------------------------------------


_SIDECAR = regex(r"(?i)(?:metadata\.(.+)|.+\.(?:epub|pdf))\.lua")
"""The name of a sidecar: its form since 2017, or the one before."""
_MADE_IN = regex(
    r"/DocFragment\[(?P<file>\d+)\]/(?P<steps>.*?)"
    r"(?:/text\(\)(?:\[\d+\])?)?\.(?P<offset>\d+)"
)
_STEP = regex(r"(?P<name>[\w-]+)(?:\[(?P<number>\d+)\])?")
_MOMENT = regex(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
# What KOReader wrote before the marked words in a bookmark: “Page 12”, in any language.
_PAGE_WORDS = regex(r"(?:\S+\s+){0,2}\[?\d*\]?\d+\s*\S{0,3}")
_LONGEST_PAGE = 60
_LONGEST_PLACE = 1_000
_KINDS = {"underscore": HighlightKind.UNDERLINE, "strikeout": HighlightKind.STRIKE}


def book_of(settings: Table, path: str) -> Book:
    """Return the book of a sidecar at a path."""
    told = _table(settings, "doc_props")
    counted = _table(settings, "stats")
    title = _text(told, "title") or _text(counted, "title")
    authors = _text(told, "authors") or _text(counted, "authors")
    names = [name.strip() for name in authors.split("\n")]

    # Its file is that of `Book.sdr/metadata.epub.lua`: `Book.epub`. Before 2017 that was the
    # sidecar of the name `Book.sdr/Book.epub.lua`.
    file = _text(settings, "doc_path")
    if not file:
        sidecar = PurePosixPath(path)
        sidecar_name = _SIDECAR.fullmatch(sidecar.name)
        file = str(sidecar.parent.parent / sidecar.stem)
        if sidecar_name and sidecar_name[1]:
            folder = str(sidecar.parent).removesuffix(".sdr")
            file = f"{folder}.{sidecar_name[1]}"
    return Book(
        title=title,
        authors=tuple(name for name in names if name and name != "N/A"),
        identifiers=isbns_of(_text(told, "identifiers").split("\n")),
        file=file,
        path=path,
        subjects=(
            *_text(told, "keywords").split("\n"),
            _text(_table(settings, "summary"), "note"),
        ),
    )


def marks_of(settings: Table) -> Iterator[BookMark]:
    """Yield the marks of a book in reading order, of either form."""
    annotations = settings.get("annotations")
    if isinstance(annotations, dict):
        for annotation in _listed(annotations):
            is_mark = "drawer" in annotation or "pos0" in annotation
            note = _text(annotation, "note")
            if is_mark or note:
                yield _mark(
                    annotation,
                    _text(annotation, "text") if is_mark else "",
                    note,
                )
        return
    yield from _older_marks(_table(settings, "highlight"), _table(settings, "bookmarks"))


def _older_marks(highlight: Table, bookmarks: Table) -> Iterator[BookMark]:
    """Yield the marks of the older form.

    Args:
        highlight: by page a list of marks.
        bookmarks: the last of the book first; of a mark, `notes` are its words and `text`
            is the note.
    """
    drawn: dict[tuple[str, str], Table] = {}
    for page, on_page in highlight.items():
        for mark in _listed(on_page if isinstance(on_page, dict) else {}):
            key = (_text(mark, "datetime"), _text(mark, "text"))
            drawn[key] = {"pageno": page, **mark}
    for bookmark in reversed(_listed(bookmarks)):
        words = _text(bookmark, "notes")
        if bookmark.get("highlighted") is not True and "pos0" not in bookmark:
            continue
        mark = drawn.pop((_text(bookmark, "datetime"), words), {})
        note = _without_page_words(_text(bookmark, "text"), words)
        yield _mark({**mark, **bookmark}, words, note)
    for mark in drawn.values():  # made before KOReader added a bookmark to each
        yield _mark(mark, _text(mark, "text"), "")


def _without_page_words(text: str, words: str) -> str:
    """Return the note of a bookmark; "" if KOReader wrote it: `Page 12 <words> @ <time>`."""
    before, _, moment = text.rpartition(" @ ")
    if text.strip() == words.strip():
        return ""
    if not _MOMENT.fullmatch(moment.strip()):
        return text
    note = before.strip().removesuffix(words.strip()).strip()
    if len(note) <= _LONGEST_PAGE and _PAGE_WORDS.fullmatch(note):
        return ""  # KOReader wrote it
    return note


def _mark(entry: Table, words: str, note: str) -> BookMark:
    """Return a mark by its entry, with the names that the newer form uses."""
    start = entry.get("pos0")
    page = entry.get("page")
    if not isinstance(start, str):
        start = ""
    number, steps, offset = _place(start)
    if isinstance(page, int):  # of a PDF
        number = page - 1
    label = (
        entry.get("pageref")
        or entry.get("pageno")
        or (page if isinstance(page, int) else "")
    )
    return BookMark(
        text=words,
        comment=note,
        kind=_KINDS.get(_text(entry, "drawer"), HighlightKind.HIGHLIGHT),
        page=number,
        steps=steps,
        offset=offset,
        page_label=str(label),
        heading=_text(entry, "chapter").strip(),
        colour=_text(entry, "color"),
        created=_moment(entry, "datetime"),
        modified=_moment(entry, "datetime_updated"),
    )


def _place(pointer: str) -> tuple[int, tuple[Step, ...], int]:
    """Return the number of the file, the way to the element and the offset of an XPointer.

    It is `/body/DocFragment[5]/body/div/p[1]/text().595`, where [1] may be missing.
    """
    match = _MADE_IN.search(pointer[:_LONGEST_PLACE])
    if match is None:
        return -1, (), 0
    steps: list[Step] = []
    page = int(match["file"]) - 1
    for name in match["steps"].split("/"):
        step = _STEP.fullmatch(name)
        if step is None:
            return page, (), 0
        steps.append((step["name"].casefold(), int(step["number"] or 1)))
    offset = int(match["offset"])
    return page, tuple(steps), offset


def _moment(entry: Table, key: str) -> str:
    """Return a time in ISO 8601. The device's clock names no zone, so it has none."""
    moment = _text(entry, key)
    return moment.replace(" ", "T") if _MOMENT.fullmatch(moment) else ""


# --- values of a table, whatever they are -----------------------------------------------


def _text(table: Table, key: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) else ""


def _table(table: Table, key: str) -> Table:
    value: Any = table.get(key)
    return value if isinstance(value, dict) else {}


def _listed(table: Table) -> list[Table]:
    """Return the tables in a list, in its order."""
    numbers = sorted(key for key in table if isinstance(key, int))
    entries = [table[number] for number in numbers]
    return [entry for entry in entries if isinstance(entry, dict)]
