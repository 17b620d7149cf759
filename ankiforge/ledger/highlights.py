"""Highlights, their documents, and the pictures cut from pages."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec

from ankiforge.config import private
from ankiforge.ledger.db import Connection
from ankiforge.ledger.journal import Writer
from ankiforge.model import (
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    Picture,
    Presence,
    Problem,
    RunId,
)
from ankiforge.text.fold import fold

TAKEN = "anki"
"""The drafter, and the first content hash, of a highlight that has a note in Anki and was not read here yet."""
RESEMBLED = "resembles a new passage"
"""The `presence_why` of a highlight that only Anki knows, if a new one may be the same passage."""
NOT_SELECTED = "not selected by the settings"
"""The `presence_why` of a highlight that is present but not selected by the settings of its source, and the
`missing_at` of such a row of `location`.
"""


def present(row: str) -> str:
    """Return the SQL condition that a row of `highlight` is in a document of this command.

    The document is listed, and the highlight was found when it was last read: in this run, or in an
    earlier one if the document is unchanged.
    """
    listed = "l.container = {0}.container AND l.place = {0}.place AND l.run = {0}.run"
    return (
        f"(CASE WHEN EXISTS (SELECT 1 FROM location x WHERE x.key = {row}.key)"
        f" THEN EXISTS (SELECT 1 FROM location x JOIN temp.listed l ON {listed.format('x')}"
        f"  WHERE x.key = {row}.key)"
        f" ELSE EXISTS (SELECT 1 FROM temp.listed l WHERE {listed.format(row)}) END)"
    )


def in_scope(row: str) -> str:
    """Return the SQL condition that a highlight is in a document listed by the run `:run`."""
    return f"EXISTS (SELECT 1 FROM temp.in_scope z WHERE z.run = :run AND z.key = {row}.key)"


def present_location(row: str) -> str:
    """Return the same condition as `present` for a row of `location`."""
    return (
        f"EXISTS (SELECT 1 FROM temp.listed l WHERE l.container = {row}.container"
        f" AND l.place = {row}.place AND l.run = {row}.run)"
    )


class Highlights:
    """Reads stored documents and highlights."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer

    def get(self, key: HighlightKey) -> Highlight | None:
        """Return one highlight with its document; None if there is none."""
        return self.several([key]).get(key)

    def several(self, keys: Sequence[HighlightKey]) -> dict[HighlightKey, Highlight]:
        """Return the existing highlights with these keys (at most a thousand), with their documents."""
        rows = self._db.execute(
            "SELECT h.key, h.body, d.body AS document FROM highlight h"
            f" JOIN document d ON d.key = h.document WHERE h.key IN ({', '.join('?' * len(keys))})",
            tuple(keys),
        ).fetchall()
        found = (completed(row["body"], HighlightKey(row["key"]), row["document"]) for row in rows)
        return {highlight.key: highlight for highlight in found}

    def before(self, key: HighlightKey) -> Highlight | None:
        """Return the highlight before the last change of its content; None if it never changed."""
        row = self._db.execute(
            "SELECT p.body, h.document, h.key FROM past_content p JOIN highlight h ON h.key = p.key"
            " LEFT JOIN run r ON r.id = p.until WHERE p.key = ? AND p.content <> h.content"
            " ORDER BY r.at DESC LIMIT 1",
            (key,),
        ).fetchone()
        return self._whole(row) if row else None

    def seen_in(self, run: RunId) -> Iterator[Highlight]:
        """Yield the highlights of a run, in reading order."""
        for row in self._db.execute(
            "SELECT key, document, body FROM highlight h WHERE EXISTS (SELECT 1"
            " FROM temp.in_scope s WHERE s.run = ? AND s.key = h.key)"
            " ORDER BY container, json_extract(body, '$.document.path'), place, position",
            (run,),
        ).fetchall():
            yield self._whole(row)

    def all(self) -> Iterator[Highlight]:
        """Yield all highlights in reading order, including those gone or skipped."""
        for row in self._db.execute(
            "SELECT key, document, body FROM highlight WHERE run <> ''"
            " ORDER BY container, place, position, key"
        ).fetchall():
            yield self._whole(row)

    def on_lines(self) -> Iterator[Highlight]:
        """Yield the highlights written as `front::back` that are not gone."""
        for row in self._db.execute(
            "SELECT key, document, body FROM highlight WHERE presence <> 'gone' AND run <> ''"
            ' AND instr(body, \'"form":"inline\')'
        ).fetchall():
            yield replace(decode_highlight(row["body"]), key=HighlightKey(row["key"]))

    def mentioning(self, word: str) -> Iterator[Highlight]:
        """Yield the highlights, even gone ones, with this word in the highlight or its document.

        A highlight is returned once for each of its locations, and with its past contents.
        """
        rows = self._db.execute(
            "SELECT h.key, h.document, h.body FROM highlight h"
            " JOIN document d ON d.key = h.document"
            " WHERE h.body LIKE :word OR d.body LIKE :word"
            " UNION ALL SELECT w.key, json_extract(w.body, '$.document.key'), w.body FROM location w"
            " WHERE w.body LIKE :word UNION ALL SELECT w.key, h.document, w.body"
            " FROM location w JOIN highlight h ON h.key = w.key WHERE w.body LIKE :word",
            {"word": f"%{word}%"},
        ).fetchall()
        yield from map(self._whole, rows)
        moved = self._db.execute(
            "SELECT key, body FROM past_content WHERE body LIKE ?", (f"%{word}%",)
        ).fetchall()
        for row in moved:
            yield replace(decode_highlight(row["body"]), key=HighlightKey(row["key"]))

    def _whole(self, row: sqlite3.Row) -> Highlight:
        document = self.document(DocumentKey(row["document"]))
        highlight = decode_highlight(row["body"])
        return replace(highlight, key=HighlightKey(row["key"]), document=document)

    def document(self, key: DocumentKey) -> Document:
        """Return one document."""
        row = self._db.execute("SELECT body FROM document WHERE key = ?", (key,)).fetchone()
        return msgspec.json.decode(row["body"], type=Document)

    def slug(self, key: DocumentKey) -> str:
        """Return the part of a document's tag that was fixed when it or its work was first seen."""
        return self.slugs([key])[key]

    def slugs(self, keys: Collection[DocumentKey]) -> dict[DocumentKey, str]:
        """Return the same for several documents."""
        marks = ", ".join("?" * len(keys))
        rows = self._db.execute(
            "SELECT d.key, d.slug, w.slug AS first FROM document d LEFT JOIN document w"
            f" ON w.key = d.work WHERE d.key IN ({marks})",
            tuple(keys),
        ).fetchall()
        return {DocumentKey(row["key"]): str(row["first"] or row["slug"]) for row in rows}

    def unread(self, keys: Collection[DocumentKey]) -> frozenset[DocumentKey]:
        """Return which of these documents are known only from Anki or the journal."""
        marks = ", ".join("?" * len(keys))
        rows = self._db.execute(
            f"SELECT key FROM document WHERE key IN ({marks}) AND '' IN (source, title)",
            tuple(keys),
        ).fetchall()
        return frozenset(DocumentKey(row["key"]) for row in rows)

    def draft_again(self, keys: Iterable[HighlightKey]) -> None:
        """Make the next run draft these highlights again although they are unchanged."""
        with self._db.unit():
            self._db.executemany(
                "UPDATE highlight SET drafted = '' WHERE key = ?", ((key,) for key in keys)
            )

    def failed(self) -> frozenset[HighlightKey]:
        """Return the highlights whose last draft failed."""
        rows = self._db.execute("SELECT key FROM highlight WHERE failed <> ''").fetchall()
        return frozenset(HighlightKey(row[0]) for row in rows)

    def is_present(self, key: HighlightKey) -> bool:
        """Return whether the last reading of its source found a highlight."""
        row = self._db.execute("SELECT presence FROM highlight WHERE key = ?", (key,)).fetchone()
        return row is not None and row["presence"] in (Presence.PRESENT, Presence.IGNORED)

    def asked(self, key: HighlightKey) -> str:
        """Return why a person should confirm the identity of a highlight; "" if there is no doubt."""
        row = self._db.execute("SELECT asked FROM highlight WHERE key = ?", (key,)).fetchone()
        return str(row["asked"]) if row else ""


SLUG = 40
"""The length of a document's slug, the part of its tag."""


@lru_cache(maxsize=256)
def _document(body: str) -> Document:
    """Decode a document; cached, because the cards of a document are read in sequence."""
    return msgspec.json.decode(body, type=Document)


def slug_of(document: Document) -> str:
    """Return the part of a document's tag made from its title, stored when it is first seen."""
    return fold(document.title)[:SLUG]


def place_of(document: Document) -> str:
    """Return the place within which highlights are matched: the path of a vault note, else the key."""
    return document.path if document.key.startswith("vault:") else document.key


def completed(body: str, key: HighlightKey, document: str) -> Highlight:
    """Decode a highlight with its key and document, set in place because a copy would be measurable."""
    found = decode_highlight(body)
    object.__setattr__(found, "key", key)
    object.__setattr__(found, "document", _document(document))
    return found


_IN_SQL = ("own", "form", "tags", "block", "colour", "comment")
"""The fields that SQL conditions read; they are stored even with their default value."""
_OPTIONAL = tuple((one.name, one.default) for one in fields(Highlight) if one.name not in _IN_SQL)


def encode_highlight(highlight: Highlight) -> str:
    """Encode a highlight for storage, without most of the fields that have their default value."""
    stored = {name: getattr(highlight, name) for name in _IN_SQL}
    for name, default in _OPTIONAL:
        value = getattr(highlight, name)
        if value != default:
            stored[name] = value
    return msgspec.json.encode(stored).decode()


def decode_highlight(body: str) -> Highlight:
    """Decode a stored or staged highlight."""
    return msgspec.json.decode(body, type=Highlight)


FOLDER = "pictures"
_NAME = re.compile(r"cut/[0-9a-f]{16}\.png", re.ASCII)


def is_cut(name: str) -> bool:
    """Return whether a picture's name in Markdown is that of a picture cut from a page."""
    return _NAME.fullmatch(name) is not None


class Pictures:
    """The pictures cut from pages, in the folder of a workspace."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Store pictures below `folder`; with `read_only`, write nothing."""
        self.folder = folder
        """The folder to which the names of pictures are relative."""
        self._read_only = read_only

    def keep(self, pictures: Iterable[Picture]) -> tuple[Problem, ...]:
        """Store each picture completely or not at all; return problems for those that failed."""
        if self._read_only:
            return ()
        kept = (self._keep(picture) for picture in pictures if is_cut(picture.name))
        return tuple(problem for problem in kept if problem)

    def _keep(self, picture: Picture) -> Problem | None:
        path = self.folder / picture.name
        try:
            if not path.is_file() or path.read_bytes() != picture.data:
                private.make_folder(self.folder)
                private.make_folder(path.parent)
                _write(path, picture.data)
        except OSError as error:
            what = f"the picture cannot be kept: {error.strerror or error}"
            return Problem(
                str(path), what, "check that the disk has space and that you may write there"
            )
        return None


def _write(path: Path, data: bytes) -> None:
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as part:
        part.write(data)
    try:
        os.replace(part.name, path)  # noqa: PTH105
    except OSError:
        with suppress(OSError):
            Path(part.name).unlink()
        raise
