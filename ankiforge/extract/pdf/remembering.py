"""A worker that is not asked again about a file that is as it was."""

from __future__ import annotations

import os
from contextlib import suppress

import msgspec

from ankiforge.domain import Memory, h16
from ankiforge.extract._kept import Kept
from ankiforge.extract._stamps import Stamp, program, stamp_of
from ankiforge.extract.pdf.client import PdfWorker
from ankiforge.extract.pdf.protocol import Failed, Question, Reply


class RememberingWorker(PdfWorker):
    """Keeps what the worker said of each file; never a failure, as that may be the machine's."""

    def __init__(self, seconds: float, memory: Memory) -> None:
        """Prepare; `seconds` is the time a file may take."""
        super().__init__(seconds)
        self._kept = Kept.recalled(memory, program())

    def store(self, *, complete: bool) -> None:
        """Keep it for the next scan; `complete`: what was not asked this time is not kept on."""
        self._kept.store(complete=complete)

    def _ask(self, question: Question) -> Reply:
        stamp, name = _stamp(question), h16(msgspec.json.encode(question).decode())
        body = self._kept.of(name, stamp) if stamp else None
        if body:
            with suppress(msgspec.MsgspecError):
                return msgspec.json.decode(body, type=Reply)  # type: ignore[no-any-return]
        reply = super()._ask(question)
        if stamp and not isinstance(reply, Failed):
            self._kept.learn(name, stamp, msgspec.json.encode(reply))
        return reply


def _stamp(question: Question) -> Stamp | None:
    try:
        return stamp_of(os.stat(question.path))  # noqa: PTH116 - a path in bytes
    except OSError:
        return None
