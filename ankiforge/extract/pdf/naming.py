"""What a single PDF is, marked or not: its title, its names, its pages."""

from __future__ import annotations

import os
from pathlib import Path

from ankiforge.domain import Document, DocumentKey, Extracted, Problem
from ankiforge.extract.pdf.client import PdfWorker
from ankiforge.extract.pdf.protocol import Name, Read


def named(path: Path, passwords: tuple[str, ...] = ()) -> Extracted | Problem:
    """The document of a file, without its highlights; or why it cannot be read."""
    with PdfWorker() as worker:
        reply = worker.ask(Name(os.fsencode(path), passwords))
    if not isinstance(reply, Read):
        return Problem(str(path), getattr(reply, "what", ""), getattr(reply, "hint", ""))
    work = reply.work
    document = Document(
        key=DocumentKey(f"pdf:{reply.document}"),
        source="",
        title=work.title or path.stem,
        path=path.name,
        creators=work.creators,
        issued=work.issued,
        identifiers=work.identifiers,
    )
    return Extracted(document, (), pages=reply.pages)
