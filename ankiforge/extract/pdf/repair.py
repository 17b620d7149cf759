"""Repaired copies of damaged files: whose end is missing, or whose cross-references are wrong."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from io import BytesIO
from itertools import islice
from typing import Any

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdf import PageObject, PdfReader
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NullObject,
    StreamObject,
)
from pypdfium2 import PdfDocument

from ankiforge.extract.pdf.faults import FAULTS

TAIL = 2048
"""How many bytes at the end are searched for what a complete file ends with."""
NEAR = 4096
"""Bytes before `/Type /Catalog` in which its object begins."""
MOST_COUNTED = 20_000
"""Annotations per page that are counted."""
MOST_FOLLOWED = 5_000
"""Objects that are looked at to see whether a page is whole."""

_END = re.compile(rb"startxref\s+(\d{1,18})(\s+%%EOF)?[\s%EO\x00]*$")
_REFERENCES = re.compile(rb"\s*(?:xref|\d+\s+\d+\s+obj)\b")
_ROOT = re.compile(rb"/Root\s{0,9}(\d{1,9})\s{1,9}(\d{1,5})\s{1,9}R")
_CATALOG = re.compile(rb"/Type\s{0,9}/Catalog\b")
_HEADER = re.compile(rb"(?<!\d)(\d{1,9})\s{1,9}(\d{1,5})\s{1,9}obj\b")
_ENCRYPTED = re.compile(rb"/Encrypt\b|/Filter\s{0,9}/Standard\b")


def with_end(data: bytes) -> bytes:
    """The file with its end of file mark, if nothing else is missing; pypdf would miss it."""
    end = _END.search(data, max(len(data) - TAIL, 0))
    if end and not end[2] and _REFERENCES.match(data, int(end[1])):
        return data[: end.end(1)] + b"\n%%EOF\n"
    return data


def is_cut(data: bytes) -> bool:
    """Whether objects follow the last end of file mark, and no cross-reference after them."""
    end = _END.search(data, max(len(data) - TAIL, 0))
    if end and end[2]:
        return False
    return _HEADER.search(data, data.rfind(b"%%EOF") + 1) is not None


def repaired_copies(data: bytes, passwords: tuple[str, ...]) -> Iterator[bytes]:
    """Copies of a damaged file that can perhaps be opened, the one nearest to the file first."""
    trailed = _with_trailer(data)
    resaved = (_resaved(data, passwords), trailed and _resaved(trailed, passwords))
    # pypdf takes old objects out of object streams for new ones, PDFium rounds numbers
    copies = (*resaved, trailed) if b"/ObjStm" in data else (trailed, *resaved)
    yield from (copy for copy in copies if copy is not None)


def _with_trailer(data: bytes) -> bytes | None:
    """The file with a trailer that names its catalog; readers then search it for objects.

    None if there is no catalog, or it is encrypted: how is said in the trailer that was lost.
    """
    if _ENCRYPTED.search(data):
        return None
    root = _last(_ROOT.finditer(data))
    if root is None and (catalog := _last(_CATALOG.finditer(data))):
        root = _last(_HEADER.finditer(data, max(catalog.start() - NEAR, 0), catalog.start()))
    if root is None:
        return None
    end = b"\nendstream\nendobj\ntrailer\n<</Root %s %s R>>\nstartxref\n0\n%%%%EOF\n"
    return data + end % (root[1], root[2])


def _last(found: Iterator[re.Match[bytes]]) -> re.Match[bytes] | None:
    last = deque(found, maxlen=1)
    return last[0] if last else None


def _resaved(data: bytes, passwords: tuple[str, ...]) -> bytes | None:
    """What PDFium, which searches damaged files for their objects, makes of it; None if it fails."""
    for word in ("", *passwords):
        with suppress(*FAULTS), closing(PdfDocument(data, password=word or None)) as document:
            copy = BytesIO()
            document.save(copy, flags=pdfium_c.FPDF_REMOVE_SECURITY)
            return copy.getvalue()
    return None


# --- what is left of it ---------------------------------------------------------------------


def annotations_in(reader: PdfReader) -> int:
    """How many annotations can be read."""
    count = 0
    with suppress(*FAULTS):
        for page in reader.pages:
            with suppress(*FAULTS):
                array = page["/Annots"].get_object() if "/Annots" in page else ()
                items = islice(array if isinstance(array, ArrayObject) else (), MOST_COUNTED)
                count += sum(isinstance(item.get_object(), DictionaryObject) for item in items)
    return count


def cut_object(data: bytes) -> int | None:
    """The number of the object in whose middle the file ends, None if it ends between two."""
    last = _HEADER.search(data, data.rfind(b"endobj") + 1)
    return int(last[1]) if last else None


def is_whole(page: PageObject, cut: int | None) -> bool:
    """Whether all that the text of a page is made of is there: its contents, fonts and forms.

    With a part of it, words under a mark would be missing or others.
    """
    try:
        own = page.indirect_reference
        if cut is not None and own is not None and own.idnum == cut:
            return False
        resources = page.get("/Resources", DictionaryObject()).get_object()
        wanted: list[Any] = [page.raw_get("/Contents")] if "/Contents" in page else []
        wanted += [resources.raw_get(key) for key in ("/Font", "/XObject") if key in resources]
        return _all_there(wanted, cut)
    except FAULTS:
        return False


def _is_packed(stream: StreamObject) -> bool:
    """Whether a stream begins as its filter has it; one of a file that is encrypted does not."""
    filters = stream.get("/Filter")
    first = filters[0] if isinstance(filters, ArrayObject) and filters else filters
    head = bytes(stream._data[:2])
    is_zlib = len(head) == 2 and head[0] & 15 == 8 and int.from_bytes(head) % 31 == 0
    return first != "/FlateDecode" or is_zlib


def _all_there(waiting: list[Any], cut: int | None) -> bool:
    seen: set[tuple[int, int]] = set()
    while waiting and len(seen) < MOST_FOLLOWED:
        one = waiting.pop()
        if isinstance(one, IndirectObject):
            reference = (one.idnum, one.generation)
            if reference in seen:
                continue
            seen.add(reference)
            one = one.get_object()
            if one is None or isinstance(one, NullObject) or reference[0] == cut:
                return False
        if isinstance(one, StreamObject) and one.get("/Subtype") == "/Image":
            continue
        if isinstance(one, StreamObject) and not _is_packed(one):
            return False
        if isinstance(one, DictionaryObject):
            waiting += [one.raw_get(key) for key in one if key not in ("/Parent", "/Pg", "/P")]
        elif isinstance(one, ArrayObject):
            waiting += list.__iter__(one)
    return True
