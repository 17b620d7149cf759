"""What names a PDF, and a mark in it without words. Frozen, see docs/keys.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from ankiforge.extract.pdf.faults import FAULTS
from ankiforge.extract.pdf.passages import Box
from ankiforge.model import h16

LITTLE_TEXT = 200
"""Folded characters; a document with less is told by its page contents."""
PLAIN_FILTERS = frozenset({"/FlateDecode", "/LZWDecode", "/ASCII85Decode", "/ASCIIHexDecode"})
"""Programs change these when they save a file; what they pack stays."""
MOST_DRAWN = 1000
"""Pictures and forms of a page that are looked at."""


def document_id(folds: Sequence[str], pages: Iterable[Any]) -> str:
    """16 hex digits from the folded texts of the pages, or from what pypdf's pages draw."""
    if sum(map(len, folds)) >= LITTLE_TEXT:
        return h16(*folds)
    return h16(*(digest for page in pages for digest in _digests(page)))


def empty_id(pages: int) -> str:
    """What names a document of so many pages of which none draws anything."""
    return h16(*(_code_digest(()) for _ in range(pages)))


def place_name(fold_hash: str, box: Box | None, media: Box) -> str:
    """A page and a rectangle in tenths of its media box, counted from its lower left corner."""
    if box is None:
        return f"{fold_hash}x"
    left, bottom, right, top = media
    across = (round(10 * (x - left) / max(right - left, 1.0)) for x in (box[0], box[2]))
    up = (round(10 * (y - bottom) / max(top - bottom, 1.0)) for y in (box[1], box[3]))
    tenths = (str(value) for pair in zip(across, up, strict=True) for value in pair)
    return f"{fold_hash}x{'x'.join(tenths)}"


def _digests(page: Any) -> Iterator[str]:
    """Of what the page draws itself, then of the pictures and forms it needs for it, sorted."""
    contents = _object(page, "/Contents")
    streams = contents if isinstance(contents, list) else [contents]
    yield _code_digest(streams)
    yield from sorted(_drawn(page))


def _drawn(page: Any) -> Iterator[str]:
    """Each once, forms within forms too."""
    waiting = list(_named(page))
    seen: set[int] = set()
    while waiting and len(seen) < MOST_DRAWN:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if _object(one, "/Subtype") == "/Image":
            yield sha256(_decoded(one)).hexdigest()
        elif _object(one, "/Subtype") == "/Form":
            yield _code_digest([one])
            waiting += _named(one)


def _named(user: Any) -> Iterator[Any]:
    """The pictures and forms that a page or form has names for."""
    entries = _object(_object(user, "/Resources"), "/XObject")
    if isinstance(entries, dict):
        yield from (_object(entries, name) for name in entries)


def _code_digest(streams: Iterable[Any]) -> str:
    """Of drawing code, any white space as one blank: programs cut and join it at will."""
    code = b"\n".join(_decoded(stream) for stream in streams)
    return sha256(b" ".join(code.split())).hexdigest()


def _object(entries: Any, key: str) -> Any:
    try:
        return entries[key].get_object()
    except FAULTS:
        return None


def _decoded(stream: Any) -> bytes:
    """The bytes of a stream; as they lie in the file if they are a picture's or damaged."""
    try:
        stream = stream.get_object()
        filters = _object(stream, "/Filter") or []
        names = {str(name) for name in (filters if isinstance(filters, list) else [filters])}
        return bytes(stream.get_data() if names <= PLAIN_FILTERS else stream._data)
    except FAULTS:
        return bytes(getattr(stream, "_data", b""))
