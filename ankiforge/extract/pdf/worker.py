"""The process that reads PDFs: requests come in on stdin, replies go out on stdout.

Damaged files make PDFium crash, hang or eat memory; here that costs one file.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import BinaryIO

import msgspec

from ankiforge.extract.pdf.faults import TOO_BIG
from ankiforge.extract.pdf.pictures import cut_pictures
from ankiforge.extract.pdf.protocol import Around, Name, Question, Reply, Request, Sheet
from ankiforge.extract.pdf.read import find_passages, read_pdf
from ankiforge.extract.pdf.sheets import draw_sheet

MEMORY = 2 * 1024**3
"""Bytes of address space, where the system can limit it."""

LETTERS = 50_000
"""New things after which the collector looks for circles: letters of a page are in none."""


def main() -> None:
    """Answer requests until stdin ends; nothing but replies reaches stdout."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    limit_memory()
    gc.set_threshold(LETTERS)
    serve(sys.stdin.buffer, replies)


def limit_memory() -> None:
    """Let the system refuse more than `MEMORY`."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer line by line."""
    for line in requests:
        replies.write(msgspec.json.encode(_answer(line)) + b"\n")
        replies.flush()


def _answer(line: bytes) -> Reply:
    question: Question = msgspec.json.decode(line, type=Question)
    path = Path(os.fsdecode(question.path))
    try:
        if isinstance(question, Request):
            return read_pdf(path, question.passwords)
        if isinstance(question, Name):
            return read_pdf(path, question.passwords, named=True)
        if isinstance(question, Around):
            return find_passages(path, question.quotes)
        if isinstance(question, Sheet):
            return draw_sheet(path, question)
        return cut_pictures(path, question.areas, question.passwords)
    except MemoryError:
        return TOO_BIG


if __name__ == "__main__":
    main()
