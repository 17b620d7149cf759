"""What a single PDF is, marked or not: its title, its names, its pages."""

from __future__ import annotations

import os
from pathlib import Path

from ankiforge.extract.pdf.client import PdfWorker
from ankiforge.extract.pdf.identity import empty_id
from ankiforge.extract.pdf.protocol import Name, Read
from ankiforge.model import Document, DocumentKey, Extracted, Problem


def named(path: Path, passwords: tuple[str, ...] = ()) -> Extracted | Problem:
    """The document of a file, without its highlights; or why it cannot be read.

    Without a key, if its pages are all empty: so are those of other files.
    """
    with PdfWorker() as worker:
        reply = worker.ask(Name(os.fsencode(path), passwords))
    if not isinstance(reply, Read):
        return Problem(str(path), getattr(reply, "what", ""), getattr(reply, "hint", ""))
    work = reply.work
    key = "" if reply.document == empty_id(len(reply.pages)) else f"pdf:{reply.document}"
    document = Document(
        key=DocumentKey(key),
        source="",
        title=work.title or path.stem,
        path=path.name,
        creators=work.creators,
        issued=work.issued,
        identifiers=work.identifiers,
    )
    return Extracted(document, (), pages=reply.pages)
