"""Questions about PDFs, answered for others: in a thread of this program, or on another machine."""

from __future__ import annotations

import os
import threading

import msgspec

import ankiforge
from ankiforge.extract.pdf.client import PdfWorker
from ankiforge.extract.pdf.protocol import Question, Reply, absolute

_here = threading.local()
_all: list[PdfWorker] = []


class Asked(msgspec.Struct, frozen=True):
    """What is asked, of which file, by which program."""

    question: Question
    size: int
    """Bytes of the file, as the asker sees it."""
    seconds: float
    version: str = ankiforge.__version__


def asked(question: Question, seconds: float) -> bytes | None:
    """A question to be sent; None if its file is not there."""
    try:
        size = os.stat(question.path).st_size  # noqa: PTH116 - a path in bytes
    except OSError:
        return None
    return msgspec.json.encode(Asked(absolute(question), size, seconds))


def answer(line: bytes) -> bytes | None:
    """The reply; None if this is another program, or that file is not here as the asker has it."""
    try:
        wanted = msgspec.json.decode(line, type=Asked)
        found = os.stat(wanted.question.path)  # noqa: PTH116
    except (msgspec.MsgspecError, OSError):
        return None
    if (wanted.version, wanted.size) != (ankiforge.__version__, found.st_size):
        return None
    return msgspec.json.encode(_worker(wanted.seconds).ask(wanted.question))


def read(reply: bytes | None) -> Reply | None:
    """A reply that came back."""
    return msgspec.json.decode(reply, type=Reply) if reply else None


def _worker(seconds: float) -> PdfWorker:
    """Of this thread: it stays, as it takes a while to begin."""
    worker: PdfWorker | None = getattr(_here, "worker", None)
    if worker is None:
        worker = _here.worker = PdfWorker(seconds)
        _all.append(worker)
    worker.seconds = seconds
    return worker


def stop() -> None:
    """End the workers of all threads, whatever they are at."""
    while _all:
        _all.pop().rest()
