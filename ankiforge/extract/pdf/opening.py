"""Opening a file: junk before it, passwords."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from pypdf import PasswordType, PdfReader
from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

from ankiforge.extract.pdf.faults import EMPTY, LOCKED, NO_PDF
from ankiforge.extract.pdf.protocol import Failed

HEAD = 65_536
"""How many bytes of junk may stand before the PDF (PDFium itself bears 1,024)."""


class Unlocked(NamedTuple):
    """A file whose password, if it needs one, is known."""

    reader: PdfReader
    data: bytes
    password: str

    def document(self) -> PdfDocument:
        """The file as PDFium sees it; to be closed."""
        return PdfDocument(self.data, password=self.password or None)


def unlocked(path: Path, passwords: Iterable[str]) -> Unlocked | Failed:
    """Open a file, or say why that cannot be; what is damaged in it raises one of `FAULTS`."""
    raw = path.read_bytes()
    start = raw.find(b"%PDF-", 0, HEAD)
    if start < 0:
        return NO_PDF if raw.strip(b"\x00 \r\n\t") else EMPTY
    data = raw[start:]
    reader = PdfReader(BytesIO(data))
    password = _password(reader, passwords)
    return LOCKED if password is None else Unlocked(reader, data, password)


def _password(reader: PdfReader, passwords: Iterable[str]) -> str | None:
    """The password that opens the file, "" if it needs none, None if none of them does.

    Rather one for readers than the owner's: where that is empty, PDFium does not take it.
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
