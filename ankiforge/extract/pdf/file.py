"""Opening a file: faults in words, passwords, junk before it, a missing or damaged end."""

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
"""What damaged and hostile files raise in the two libraries (measured on 2,754 files)."""

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
    """Return why a file cannot be read."""
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
    return Failed(f"it is damaged ({words[:100].rstrip('. ') or type(error).__name__})", REPAIR)


# --- opening --------------------------------------------------------------------------------

HEAD = 65_536
"""Bytes of junk that may precede the PDF (PDFium itself accepts 1,024)."""


class OpenFile(NamedTuple):
    """An open file."""

    reader: PdfReader
    data: bytes
    password: str
    is_cut: bool = False
    """Whether the end of the file is missing."""
    is_repaired: bool = False
    """Whether `data` is a repaired copy of the file."""
    cut_object: int | None = None
    """The number of the object in whose middle the file ends."""

    def document(self) -> PdfDocument:
        """Open the file with PDFium; the caller closes it."""
        return PdfDocument(self.data, password=self.password or None)


def open_file(path: Path, passwords: Iterable[str]) -> OpenFile | Failed:
    """Open a file, or return why that fails; damage raises one of `FAULTS`.

    If pypdf cannot open it, or its end is missing (pypdf then reads the file as it was before it
    was last saved), repaired copies are tried, too. The reading with most annotations wins.
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
    best = max(readings, key=lambda one: annotations_in(one.reader))  # the first of equal ones
    return best._replace(is_cut=cut, cut_object=cut_object(data) if cut else None)


def _opened(data: bytes, passwords: Iterable[str]) -> OpenFile | Failed:
    reader = PdfReader(BytesIO(data))
    password = _password(reader, passwords)
    if password is None:
        return LOCKED
    len(reader.pages)  # a damaged page tree shows here
    return OpenFile(reader, data, password)


def _password(reader: PdfReader, passwords: Iterable[str]) -> str | None:
    """Return the password that opens the file, "" if it needs none, None if none of them does.

    A user's password is preferred: PDFium refuses an empty owner's password.
    """
    if not reader.is_encrypted:
        return ""
    owners = None
    for word in ("", *passwords):
        opened = reader.decrypt(word)
        if opened == PasswordType.USER_PASSWORD:
            return word
        owners = word if opened and owners is None else owners
    return owners


def _repaired(data: bytes, passwords: tuple[str, ...]) -> Iterator[OpenFile]:
    """Yield repaired copies that both libraries can open and that have pages."""
    for copy in repaired_copies(data, passwords):
        with suppress(*FAULTS):
            found = _opened(copy, passwords)
            if isinstance(found, OpenFile) and len(found.reader.pages):
                with closing(found.document()) as document:
                    if len(document):
                        yield found._replace(is_repaired=True)


# --- repair ---------------------------------------------------------------------------------

TAIL = 2048
"""Bytes at the end that are searched for what ends a complete file."""
NEAR = 4096
"""Bytes before `/Type /Catalog` in which its object begins."""
MOST_COUNTED = 20_000
"""Annotations per page that are counted."""
MOST_FOLLOWED = 5_000
"""Objects looked at to see whether a page is whole."""

_END = re.compile(rb"startxref\s+(\d{1,18})(\s+%%EOF)?[\s%EO\x00]*$")
_REFERENCES = re.compile(rb"\s*(?:xref|\d+\s+\d+\s+obj)\b")
_ROOT = re.compile(rb"/Root\s{0,9}(\d{1,9})\s{1,9}(\d{1,5})\s{1,9}R")
_CATALOG = re.compile(rb"/Type\s{0,9}/Catalog\b")
_HEADER = re.compile(rb"(?<!\d)(\d{1,9})\s{1,9}(\d{1,5})\s{1,9}obj\b")
_ENCRYPTED = re.compile(rb"/Encrypt\b|/Filter\s{0,9}/Standard\b")


def with_end(data: bytes) -> bytes:
    """Return the file with its end of file marker if nothing else is missing: pypdf needs it."""
    end = _END.search(data, max(len(data) - TAIL, 0))
    if end and not end[2] and _REFERENCES.match(data, int(end[1])):
        return data[: end.end(1)] + b"\n%%EOF\n"
    return data


def is_cut(data: bytes) -> bool:
    """Return whether objects follow the last end of file marker, and no cross-reference them."""
    end = _END.search(data, max(len(data) - TAIL, 0))
    if end and end[2]:
        return False
    return _HEADER.search(data, data.rfind(b"%%EOF") + 1) is not None


def repaired_copies(data: bytes, passwords: tuple[str, ...]) -> Iterator[bytes]:
    """Yield copies of a damaged file that can perhaps be opened, the closest to it first."""
    trailed = _with_trailer(data)
    resaved = (_resaved(data, passwords), trailed and _resaved(trailed, passwords))
    # pypdf takes old objects out of object streams for new ones, PDFium rounds numbers
    copies = (*resaved, trailed) if b"/ObjStm" in data else (trailed, *resaved)
    yield from (copy for copy in copies if copy is not None)


def _with_trailer(data: bytes) -> bytes | None:
    """Return the file with a trailer that names its catalog; readers then search for objects.

    None if there is no catalog, or it is encrypted: the lost trailer says how.
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
    """Return the file as PDFium, which searches it for objects, saves it; None if that fails."""
    for word in ("", *passwords):
        with suppress(*FAULTS), closing(PdfDocument(data, password=word or None)) as document:
            copy = BytesIO()
            document.save(copy, flags=pdfium_c.FPDF_REMOVE_SECURITY)
            return copy.getvalue()
    return None


def annotations_in(reader: PdfReader) -> int:
    """Return how many annotations can be read."""
    count = 0
    with suppress(*FAULTS):
        for page in reader.pages:
            with suppress(*FAULTS):
                array = page["/Annots"].get_object() if "/Annots" in page else ()
                items = islice(array if isinstance(array, ArrayObject) else (), MOST_COUNTED)
                count += sum(isinstance(item.get_object(), DictionaryObject) for item in items)
    return count


def cut_object(data: bytes) -> int | None:
    """Return the number of the object in which the file ends; None if it ends between two."""
    last = _HEADER.search(data, data.rfind(b"endobj") + 1)
    return int(last[1]) if last else None


def is_whole(page: PageObject, cut: int | None) -> bool:
    """Return whether all that makes the text of a page is there: contents, fonts and forms.

    Without a part of it, the words under a mark would be incomplete or wrong.
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
    """Return whether a stream begins as its filter writes it; an encrypted one does not."""
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
