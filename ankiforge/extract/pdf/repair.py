"""A second chance for files that PDFium refuses: copies of them, mended, in memory.

PDFium reads the copy, so that the text of a page, and with it all keys, come from one reader.
`benchmarks/broken_pdfs.py` shows which files that helps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

# The root of a document, and how an object begins: `12 0 obj`.
_CATALOG = re.compile(rb"/Type\s*/Catalog\b")
_OBJECT = re.compile(rb"(\d{1,10})\s+(\d{1,5})\s+obj\b")
# How far the beginning of the root may be from its type, in bytes.
_FAR = 4_000
# More objects than any file has; PDFium counts them itself.
_SIZE = 10_000_000


def repaired(path: Path) -> Iterator[bytes]:
    """Yield copies of a damaged file, each of which PDFium may be able to read.

    1. with a new trailer, if the end of the file is missing or damaged;
    2. as pypdf writes it again: it is more lenient about references and lengths, and decrypts
       what has an empty password;
    3. both.

    Raises:
        MemoryError: it takes more memory than is allowed.
        OSError: the file cannot be read.
    """
    raw = path.read_bytes()

    # a trailer that names the root: the last one is the newest; not of an encrypted file
    with_trailer = b""
    catalogs = list(_CATALOG.finditer(raw))
    if catalogs and b"/Encrypt" not in raw:
        catalog_start = catalogs[-1].start()
        first = max(0, catalog_start - _FAR)
        objects = list(_OBJECT.finditer(raw, first, catalog_start))
        if objects:
            root = b"/Root %s %s R" % objects[-1].groups()
            trailer = b"\ntrailer\n<< %s /Size %d >>\n" % (root, _SIZE)
            with_trailer = raw + trailer + b"startxref\n0\n%%EOF\n"
    if with_trailer:
        yield with_trailer
    for copy in (raw, with_trailer):
        written = _written_anew(copy) if copy else b""
        if written:
            yield written


def _written_anew(raw: bytes) -> bytes:
    """Return a file as pypdf writes it, b"" if pypdf cannot read it.

    Raises:
        MemoryError: it takes more memory than is allowed.
    """
    from pypdf import PdfReader, PdfWriter

    copy = BytesIO()
    try:
        reader = PdfReader(BytesIO(raw), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            return b""
        PdfWriter(clone_from=reader).write(copy)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - of a damaged file, it raises errors of many kinds
        return b""
    return copy.getvalue()
