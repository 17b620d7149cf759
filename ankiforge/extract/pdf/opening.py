"""Opening a file: junk before it, passwords, a missing or damaged end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from pypdf import PasswordType, PdfReader
from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

from ankiforge.extract.pdf.faults import EMPTY, FAULTS, LOCKED, NO_PDF
from ankiforge.extract.pdf.protocol import Failed
from ankiforge.extract.pdf.repair import (
    annotations_in,
    cut_object,
    is_cut,
    repaired_copies,
    with_end,
)

HEAD = 65_536
"""How many bytes of junk may stand before the PDF (PDFium itself bears 1,024)."""


class Unlocked(NamedTuple):
    """A file whose password, if it needs one, is known."""

    reader: PdfReader
    data: bytes
    password: str
    is_cut: bool = False
    """Whether the end of the file is missing."""
    is_repaired: bool = False
    """Whether `data` is a repaired copy of what is in the file."""
    cut_object: int | None = None
    """The number of the object in whose middle the file ends."""

    def document(self) -> PdfDocument:
        """The file as PDFium sees it; to be closed."""
        return PdfDocument(self.data, password=self.password or None)


def unlocked(path: Path, passwords: Iterable[str]) -> Unlocked | Failed:
    """Open a file, or say why that cannot be; what is damaged in it raises one of `FAULTS`.

    If pypdf cannot open it, or its end is missing, repaired copies are tried too: pypdf then takes
    the file as it was before it was last saved. The reading with most annotations wins.
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


def _opened(data: bytes, passwords: Iterable[str]) -> Unlocked | Failed:
    reader = PdfReader(BytesIO(data))
    password = _password(reader, passwords)
    if password is None:
        return LOCKED
    len(reader.pages)  # a damaged page tree shows here
    return Unlocked(reader, data, password)


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


def _repaired(data: bytes, passwords: tuple[str, ...]) -> Iterator[Unlocked]:
    """Repaired copies that both libraries can open and that have pages."""
    for copy in repaired_copies(data, passwords):
        with suppress(*FAULTS):
            found = _opened(copy, passwords)
            if isinstance(found, Unlocked) and len(found.reader.pages):
                with closing(found.document()) as document:
                    if len(document):
                        yield found._replace(is_repaired=True)
