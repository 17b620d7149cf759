"""Workers that are helped by others, and not asked again about a file that is as it was."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

import msgspec

from ankiforge.extract.files import ParseCache, Stamp, program, stamp_of
from ankiforge.extract.pdf import helping
from ankiforge.extract.pdf.client import PdfWorker
from ankiforge.extract.pdf.protocol import Failed, Question, Reply
from ankiforge.extract.workers import Prefetch, WorkerPool
from ankiforge.model import Memory, h16


class HelpedWorker(PdfWorker):
    """Others may have begun with what it is asked."""

    def __init__(self, seconds: float) -> None:
        """Prepare; `seconds` is the time a file may take."""
        super().__init__(seconds)
        self._ahead: list[Prefetch[Question, bytes]] = []

    def foresee(self, pool: WorkerPool, questions: Iterable[Question]) -> None:
        """Have a pool start on what will be asked next, in this order."""
        new = list(questions)
        if len(new) > 1:
            pool.before_shutdown(helping.stop)
            self._ahead.append(Prefetch(pool, helping.answer, self._work(new), threads=True))

    @property
    def lost(self) -> int:
        """How many files the pool could not read."""
        return sum(one.lost for one in self._ahead)

    def _work(self, questions: Iterable[Question]) -> Iterator[tuple[Question, tuple[bytes]]]:
        for one in questions:
            line = helping.asked(one, self.seconds)
            if line is not None:
                yield one, (line,)

    def ask(self, question: Question) -> Reply:
        """What others have found out, else what the worker does."""
        ahead = helping.read(self._ahead[-1].take(question)) if self._ahead else None
        return ahead or super().ask(question)


class RememberingWorker(HelpedWorker):
    """Keeps what the worker said of each file; never a failure, as that may be the machine's."""

    def __init__(self, seconds: float, memory: Memory) -> None:
        """Prepare; `seconds` is the time a file may take."""
        super().__init__(seconds)
        self._cache = ParseCache.load(memory, program())

    def foresee(self, pool: WorkerPool, questions: Iterable[Question]) -> None:
        """Have a pool start on what will be asked next, in this order."""
        super().foresee(pool, (one for one in questions if not self._is_known(one)))

    def _is_known(self, question: Question) -> bool:
        stamp = _stamp(question)
        return stamp is not None and self._cache.knows(_name(question), stamp)

    def store(self, *, complete: bool) -> None:
        """Keep it for the next scan; `complete`: what was not asked this time is not kept on."""
        self._cache.save(complete=complete)

    def ask(self, question: Question) -> Reply:
        """What was said of the file as it is, else what it says now."""
        stamp, name = _stamp(question), _name(question)
        body = self._cache.get(name, stamp) if stamp else None
        if body:
            with suppress(msgspec.MsgspecError):
                return msgspec.json.decode(body, type=Reply)  # type: ignore[no-any-return]
        reply = super().ask(question)
        if stamp and not isinstance(reply, Failed):
            self._cache.put(name, stamp, msgspec.json.encode(reply))
        return reply


def _name(question: Question) -> str:
    return h16(msgspec.json.encode(question).decode())


def _stamp(question: Question) -> Stamp | None:
    try:
        return stamp_of(os.stat(question.path))  # noqa: PTH116 - a path in bytes
    except OSError:
        return None
