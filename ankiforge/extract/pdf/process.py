"""One process that answers questions about PDFs: PDFs crash, hang and exhaust memory.

`Process` is the caller's side, `serve` runs in the process. Only there are the PDF
libraries imported.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic

from msgspec import json

from ankiforge.extract.pdf.messages import (
    HYPERTEXT,
    REPAIR,
    Around,
    Failed,
    Question,
    Reply,
)

MEMORY = 320 * 2**20
"""Bytes of data per process, where the system can limit it. A page of a few hundred kB
may inflate to gigabytes."""
CRASHED = Failed(
    "the PDF reader crashed on it, or it takes more memory than is allowed",
    REPAIR,
)


# --- in the process ---------------------------------------------------------------------


def serve(questions: int, replies: int, seconds: float) -> None:
    """Answer questions, a line of JSON each, until the program that asks has ended.

    The process dies of a question that takes longer than `seconds`. `questions` and
    `replies` are file descriptors.
    """
    import faulthandler
    import gc

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.disable()  # its death is an answer
    gc.disable()  # the characters of a page form no cycles
    # not on Windows; only Linux says what is used already
    with suppress(ImportError, OSError):
        import resource

        # the sixth number: pages of data and stack, see man 5 proc
        used_pages = int(Path("/proc/self/statm").read_text().split()[5])
        limit = used_pages * resource.getpagesize() + MEMORY
        _, hard_limit = resource.getrlimit(resource.RLIMIT_DATA)
        if hard_limit != resource.RLIM_INFINITY:
            limit = min(limit, hard_limit)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard_limit))
    null = open(os.devnull, "r+b")  # noqa: PTH123, SIM115
    with (
        os.fdopen(os.dup(questions), "rb") as lines,
        os.fdopen(os.dup(replies), "wb") as output,
    ):
        for stream in (0, 1, 2):
            os.dup2(null.fileno(), stream)
        for line in lines:
            faulthandler.dump_traceback_later(seconds, exit=True, file=null)
            reply = json.encode(answer(json.decode(line, type=Question)))
            faulthandler.cancel_dump_traceback_later()
            output.write(reply + b"\n")
            output.flush()


def answer(question: Question) -> Reply:
    """Answer one question; never raises for bad content of the file."""
    if isinstance(question, Around) and question.path.lower().endswith(HYPERTEXT):
        from ankiforge.extract.pdf.hypertext import find_in_pages

        return find_in_pages(Path(question.path), question.quotes)
    from ankiforge.extract.pdf.answers import answer_from

    return answer_from(question)


# --- the caller's side ------------------------------------------------------------------


class Process:
    """One process that answers questions. It ends with this program."""

    def __init__(self, seconds: float) -> None:
        """Start it; `seconds` is the time limit for one question."""
        self._seconds = seconds
        self.ended = False
        self._kill: Callable[[], object]
        self._wait: Callable[[], object]
        questions, to_questions = os.pipe()
        from_replies, replies = os.pipe()
        # a copy of this process has imported most of what it needs; beside threads it
        # may hang
        if sys.platform == "linux" and threading.active_count() == 1:
            pid = os.fork()
            if not pid:
                with suppress(BaseException):
                    os.close(to_questions)
                    serve(questions, replies, seconds)
                os._exit(1)
            self._kill = partial(os.kill, pid, signal.SIGKILL)
            self._wait = partial(os.waitpid, pid, 0)
        else:
            import subprocess

            code = f"from {__name__} import serve; serve(0, 1, {seconds})"
            command = (sys.executable, "-P", "-W", "ignore", "-c", code)
            process = subprocess.Popen(command, stdin=questions, stdout=replies)
            self._kill = process.kill
            self._wait = process.wait
        os.close(questions)
        os.close(replies)
        self._questions = os.fdopen(to_questions, "wb")
        self._replies = os.fdopen(from_replies, "rb")

    def ask(self, question: Question) -> Reply:
        """Return its reply. If it dies, of the time it takes for example, it is ended."""
        begun = monotonic()
        line = b""
        with suppress(OSError, ValueError):
            self._questions.write(json.encode(question) + b"\n")
            self._questions.flush()
            line = self._replies.readline()
        if line.endswith(b"\n"):
            return json.decode(line, type=Reply)  # type: ignore[no-any-return]
        self.end()
        if monotonic() - begun < self._seconds:
            return CRASHED
        hint = "print it to a new PDF, or leave it out with `exclude`"
        return Failed(f"reading it took longer than {self._seconds:g} s", hint)

    def end(self) -> None:
        """End the process, even if it is busy.

        A thread that waits for its reply gets a failure.
        """
        self.ended = True
        with suppress(OSError):  # it has ended
            self._kill()
            self._wait()
        for pipe in (self._replies, self._questions):
            with suppress(OSError):
                pipe.close()
