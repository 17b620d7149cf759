"""Opening a PDF: messages for failures, passwords, junk before it, a missing or damaged end."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdf import PageObject, PasswordType, PdfReader
from pypdf.errors import (
    DependencyError,
    EmptyFileError,
    FileNotDecryptedError,
    PyPdfError,
    WrongPasswordError,
)
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NullObject, StreamObject
from pypdfium2 import PdfDocument, PdfiumError

from ankiforge.extract.files import READ_AGAIN
from ankiforge.extract.pdf.worker import REPAIR, Failed
from ankiforge.model import WENT_AWAY

# --- faults ---------------------------------------------------------------------------------

FAULTS = (
    PyPdfError,
    PdfiumError,
    NotImplementedError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    OSError,
)
"""What the two libraries raise for damaged and hostile files (measured on 2,754 files)."""

LOCKED = Failed(
    "it is locked, and none of the known passwords opens it",
    "put its password into `passwords` of this source",
)
NO_PDF = Failed("it is not a PDF", "leave it out with `exclude`, or fetch it again")
EMPTY = Failed("the file is empty", "fetch it again")
TOO_BIG = Failed(
    "reading it takes more memory than is allowed", "print it to a new PDF, or split it"
)


def failure(error: BaseException) -> Failed:
    """Return the message for a file that cannot be read."""
    refused = isinstance(error, PdfiumError) and "password" in str(error).lower()
    if isinstance(error, FileNotDecryptedError | WrongPasswordError) or refused:
        return LOCKED
    if isinstance(error, EmptyFileError):
        return EMPTY
    if isinstance(error, MemoryError):
        return TOO_BIG
    if isinstance(error, NotImplementedError | DependencyError):
        return Failed("it is protected in a way this program cannot open", "save a copy without it")
    if isinstance(error, FileNotFoundError):
        return Failed(WENT_AWAY, READ_AGAIN)
    if isinstance(error, OSError):
        what = f"it cannot be read: {error.strerror or error}"
        return Failed(what, "check the file's permissions")
    words = " ".join(str(error).split())
    return Failed(f"it is damaged: {words[:100].rstrip('. ') or type(error).__name__}", REPAIR)


# --- opening --------------------------------------------------------------------------------

HEAD = 65_536
"""Bytes of junk that may precede the PDF (PDFium itself accepts 1,024)."""


class OpenFile(NamedTuple):
    """A PDF opened with pypdf."""

    reader: PdfReader
    data: bytes
    password: str
    is_cut: bool = False
    """Whether the end of the file is missing."""
    is_repaired: bool = False
    """Whether `data` is a repaired copy of the file."""
    cut_object: int | None = None
    """The number of the object in which the file ends, None if it ends between objects."""

    def document(self) -> PdfDocument:
        """Open the file with PDFium; the caller closes it."""
        return PdfDocument(self.data, password=self.password or None)


def open_file(path: Path, passwords: Iterable[str]) -> OpenFile | Failed:
    """Open a file, or return why that failed; damage raises one of `FAULTS`.

    If pypdf cannot open it, or its end is missing (pypdf then reads the file as of an earlier
    save), repaired copies are tried, too. The reading with the most annotations wins.
    """
    raw = path.read_bytes()
    start = raw.find(b"%PDF-", 0, HEAD)
    if start < 0:
        return NO_PDF if raw.strip(b"\x00 \r\n\t") else EMPTY
    data, passwords = with_end(raw[start:]), tuple(passwords)
    cut = is_cut(data)
    try:
        found = _opened(data, passwords)
        if isinstance(found, Failed) or not cut:
            return found
    except FAULTS:
        readings = [one for one in _repaired(data, passwords) if annotations_in(one.reader)]
        if not readings:
            raise
    else:
        readings = [*_repaired(data, passwords), found]
    best = max(readings, key=lambda one: annotations_in(one.reader))  # the first, if some are equal
    return best._replace(is_cut=cut, cut_object=cut_object(data) if cut else None)


def _opened(data: bytes, passwords: Iterable[str]) -> OpenFile | Failed:
    reader, password = PdfReader(BytesIO(data)), ""
    if reader.is_encrypted:
        owners = []
        for password in ("", *passwords):
            opened = reader.decrypt(password)
            if opened == PasswordType.USER_PASSWORD:
                break  # it is preferred: PDFium refuses an empty owner password
            owners += [password] if opened else []
        else:
            if not owners:
                return LOCKED
            password = owners[0]
    len(reader.pages)  # raises if the page tree is damaged
    return OpenFile(reader, data, password)


def _repaired(data: bytes, passwords: tuple[str, ...]) -> Iterator[OpenFile]:
    """Yield the repaired copies that both libraries can open and that have pages."""
    trailed = _with_trailer(data)
    resaved = (_resaved(data, passwords), trailed and _resaved(trailed, passwords))
    # the most faithful first: pypdf prefers old objects in object streams to new ones, PDFium
    # rounds numbers
    copies = (*resaved, trailed) if b"/ObjStm" in data else (trailed, *resaved)
    for copy in filter(None, copies):
        with suppress(*FAULTS):
            found = _opened(copy, passwords)
            if isinstance(found, OpenFile) and len(found.reader.pages):
                with closing(found.document()) as document:
                    if len(document):
                        yield found._replace(is_repaired=True)


# --- repair ---------------------------------------------------------------------------------

TAIL = 2048
"""Bytes at the end that are searched for the end of a complete file."""
NEAR = 4096
"""Bytes before `/Type /Catalog` that are searched for the start of its object."""
MOST_COUNTED = 20_000
"""Annotations counted per page, at most."""
MOST_FOLLOWED = 5_000
"""Objects examined to decide whether a page is complete, at most."""

_END = re.compile(rb"startxref\s+(\d{1,18})(\s+%%EOF)?[\s%EO\x00]*$")
_REFERENCES = re.compile(rb"\s*(?:xref|\d+\s+\d+\s+obj)\b")
_ROOT = re.compile(rb"/Root\s{0,9}(\d{1,9})\s{1,9}(\d{1,5})\s{1,9}R")
_CATALOG = re.compile(rb"/Type\s{0,9}/Catalog\b")
_HEADER = re.compile(rb"(?<!\d)(\d{1,9})\s{1,9}(\d{1,5})\s{1,9}obj\b")
_ENCRYPTED = re.compile(rb"/Encrypt\b|/Filter\s{0,9}/Standard\b")


def with_end(data: bytes) -> bytes:
    """Return the file with an end-of-file marker, which pypdf needs, if only that is missing."""
    end = _END.search(data, max(len(data) - TAIL, 0))
    if end and not end[2] and _REFERENCES.match(data, int(end[1])):
        return data[: end.end(1)] + b"\n%%EOF\n"
    return data


def is_cut(data: bytes) -> bool:
    """Return whether objects follow the last end-of-file marker without a cross-reference table."""
    end = _END.search(data, max(len(data) - TAIL, 0))
    if end and end[2]:
        return False
    return _HEADER.search(data, data.rfind(b"%%EOF") + 1) is not None


def _with_trailer(data: bytes) -> bytes | None:
    """Return the file with a trailer that names its catalog, so that readers search for objects.

    None if there is no catalog, or the file is encrypted, which only its lost trailer describes.
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
    """Return the file as saved by PDFium, which searches it for objects; None if that fails."""
    for word in ("", *passwords):
        with suppress(*FAULTS), closing(PdfDocument(data, password=word or None)) as document:
            copy = BytesIO()
            document.save(copy, flags=pdfium_c.FPDF_REMOVE_SECURITY)
            return copy.getvalue()
    return None


def annotations_in(reader: PdfReader) -> int:
    """Return the number of annotations that can be read."""
    count = 0
    with suppress(*FAULTS):
        for page in reader.pages:
            with suppress(*FAULTS):
                array = page["/Annots"].get_object() if "/Annots" in page else ()
                items = islice(array if isinstance(array, ArrayObject) else (), MOST_COUNTED)
                count += sum(isinstance(item.get_object(), DictionaryObject) for item in items)
    return count


def cut_object(data: bytes) -> int | None:
    """Return the number of the object in which the file ends, None if it ends between objects."""
    last = _HEADER.search(data, data.rfind(b"endobj") + 1)
    return int(last[1]) if last else None


def is_whole(page: PageObject, cut: int | None) -> bool:
    """Return whether all that makes up the text of a page is there: contents, fonts and forms.

    If a part is missing, the text under a mark is incomplete or wrong.
    """
    try:
        own = page.indirect_reference
        if cut is not None and own is not None and own.idnum == cut:
            return False
        resources = page.get("/Resources", DictionaryObject()).get_object()
        wanted: list[Any] = [page.raw_get("/Contents")] if "/Contents" in page else []
        wanted += [resources.raw_get(key) for key in ("/Font", "/XObject") if key in resources]
        return _all_present(wanted, cut)
    except FAULTS:
        return False


def _all_present(waiting: list[Any], cut: int | None) -> bool:
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
        if isinstance(one, StreamObject):  # does it begin as its filter requires?
            filters, head = one.get("/Filter"), bytes(one._data[:2])
            first = filters[0] if isinstance(filters, ArrayObject) and filters else filters
            is_zlib = len(head) == 2 and head[0] & 15 == 8 and int.from_bytes(head) % 31 == 0
            if first == "/FlateDecode" and not is_zlib:  # an encrypted one does not
                return False
        if isinstance(one, DictionaryObject):
            waiting += [one.raw_get(key) for key in one if key not in ("/Parent", "/Pg", "/P")]
        elif isinstance(one, ArrayObject):
            waiting += list.__iter__(one)
    return True
