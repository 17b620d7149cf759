"""Questions about PDFs, answered in separate processes: PDFs crash, hang and exhaust memory.

`PdfWorker` is the caller's side, `answer` runs in the process. Only there are the PDF libraries
imported.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from msgspec import MsgspecError, json

from ankiforge.errors import ServiceError, UsageError
from ankiforge.extract.files import program, proves, stamp_at
from ankiforge.extract.pdf.messages import (
    HYPERTEXT,
    REPAIR,
    Area,
    Around,
    Cut,
    Failed,
    Passage,
    Pictures,
    Question,
    Quote,
    Read,
    Reply,
    Request,
    Surroundings,
)
from ankiforge.model import Memory, NoMemory, h16

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

SECONDS = 60.0
"""Wall clock time for one question."""
MEMORY = 320 * 2**20
"""Bytes of data per process, where the system can limit it. A page of a few hundred kB may inflate
to gigabytes."""
PICTURES_AT_ONCE = 8
"""Pictures per question."""
REMOTE_SECONDS = 180.0
"""Seconds to wait for a reply from a cluster, whose workers may all have died."""
REMOTE_AHEAD = 32
"""Questions sent to a cluster before the first reply is needed."""
UNSAVED = 20
"""After this many new replies the cache is stored, so that a killed run can resume."""
# The name of the list of what the cache holds.
_INDEX = "index"
CONNECT_SECONDS = 10.0
"""Seconds to wait for a cluster, and for its first worker."""


# --- in the process -------------------------------------------------------------------------


def serve(asked: int, replies: int, seconds: float) -> None:
    """Answer questions, one line of JSON each, until the program that asks them has ended.

    The process dies of a question that takes longer than `seconds`.
    """
    import faulthandler
    import gc

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.disable()  # its death is an answer
    gc.disable()  # the characters of a page form no cycles
    with suppress(ImportError, OSError):  # not on Windows; only Linux says what is used already
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = used + MEMORY if hard == resource.RLIM_INFINITY else min(used + MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    null = open(os.devnull, "r+b")  # noqa: PTH123, SIM115
    with os.fdopen(os.dup(asked), "rb") as lines, os.fdopen(os.dup(replies), "wb") as out:
        for stream in (0, 1, 2):
            os.dup2(null.fileno(), stream)
        for line in lines:
            faulthandler.dump_traceback_later(seconds, exit=True, file=null)
            reply = json.encode(answer(json.decode(line, type=Question)))
            faulthandler.cancel_dump_traceback_later()
            out.write(reply + b"\n")
            out.flush()


def answer(question: Question) -> Reply:
    """Answer one question; never raises for bad content of the file."""
    if isinstance(question, Around) and question.path.lower().endswith(HYPERTEXT):
        from ankiforge.extract.pdf.hypertext import find_in_pages

        return find_in_pages(Path(question.path), question.quotes)
    from ankiforge.extract.pdf.read import answer_from

    return answer_from(question)


# --- the caller's side ----------------------------------------------------------------------

CRASHED = Failed("the PDF reader crashed on it, or it takes more memory than is allowed", REPAIR)


class _Process:
    """One process that answers questions. It ends with this program."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self.ended = seconds, False
        (asked, given), (got, replies) = os.pipe(), os.pipe()
        # a copy of this process has imported most of what it needs; beside threads it may hang
        if sys.platform == "linux" and threading.active_count() == 1:
            pid = os.fork()
            if not pid:
                with suppress(BaseException):
                    os.close(given)
                    serve(asked, replies, seconds)
                os._exit(1)
            self._kill: Callable[[], object] = partial(os.kill, pid, signal.SIGKILL)
            self._wait: Callable[[], object] = partial(os.waitpid, pid, 0)
        else:
            import subprocess

            code = f"from {__name__} import serve; serve(0, 1, {seconds})"
            command = (sys.executable, "-P", "-W", "ignore", "-c", code)
            process = subprocess.Popen(command, stdin=asked, stdout=replies)
            self._kill, self._wait = process.kill, process.wait
        os.close(asked)
        os.close(replies)
        self._given, self._got = os.fdopen(given, "wb"), os.fdopen(got, "rb")

    def ask(self, question: Question) -> Reply:
        """Return its reply. If it dies, of the time it takes for example, it is ended."""
        begun, line = monotonic(), b""
        with suppress(OSError, ValueError):
            self._given.write(json.encode(question) + b"\n")
            self._given.flush()
            line = self._got.readline()
        if line.endswith(b"\n"):
            return json.decode(line, type=Reply)  # type: ignore[no-any-return]
        self.end()
        if monotonic() - begun < self._seconds:
            return CRASHED
        hint = "print it to a new PDF, or leave it out with `exclude`"
        return Failed(f"reading it took longer than {self._seconds:g} s", hint)

    def end(self) -> None:
        """End the process, even if it is busy; a thread that waits for its reply gets a failure."""
        self.ended = True
        with suppress(OSError):  # it has ended
            self._kill()
            self._wait()
        for pipe in (self._got, self._given):
            with suppress(OSError):
                pipe.close()


class PdfWorker:
    """Answers questions about PDFs by processes, which are started on first use."""

    def __init__(
        self,
        seconds: float = SECONDS,
        memory: Memory = NoMemory(),  # noqa: B008 - it holds nothing
        jobs: int = 1,
        executor: str = "",
    ) -> None:
        """Start nothing yet.

        Args:
            seconds: the time limit for one question.
            memory: caches replies about a file.
            jobs: how many files `prefetch` reads at a time.
            executor: the address of a Dask cluster that reads them instead. "" for this machine.
        """
        self.seconds, self.jobs, self.executor = seconds, jobs, executor
        self._processes: list[_Process] = []
        self._idle: list[_Process] = []
        self._closed = False
        self._ahead: Executor | None = None
        self._stack = ExitStack()
        self._next: deque[Question] = deque()
        self._begun: dict[Question, Future[Reply]] = {}
        self._memory = memory
        self._kept = set[str]()
        with suppress(MsgspecError):
            self._kept = json.decode(memory.recall(_INDEX) or b"[]", type=set[str])
        self._used, self._new = set[str](), dict[str, bytes]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._next.clear()
        for future in self._begun.values():
            future.cancel()
        for process in self._processes:
            process.end()
        self._stack.close()

    # --- questions

    def read(self, path: Path, *, named: bool = False) -> Read | Failed:
        """Read the marks of a file; `named`: identify the work even if nothing is marked."""
        reply = self.ask(Request(absolute(path), named))
        assert isinstance(reply, Read | Failed)
        return reply

    def passages(self, path: Path, quotes: Sequence[Quote]) -> tuple[Passage, ...]:
        """Return the context of each quote in a file; () if the file cannot be read."""
        reply = self.ask(Around(absolute(path), tuple(quotes)))
        return reply.passages if isinstance(reply, Surroundings) else ()

    def cut(self, path: Path, areas: Sequence[Area]) -> tuple[list[bytes], Failed | None]:
        """Return a PNG for each area of a file, in order, and why not all of them could be tried.

        b"" stands for one that cannot be cut. Pictures are requested a few at a time, so that a
        page that cannot be drawn costs little else.
        """
        made: list[bytes] = []
        for start in range(0, len(areas), PICTURES_AT_ONCE):
            some = tuple(areas[start : start + PICTURES_AT_ONCE])
            reply = self.ask(Cut(absolute(path), some))
            if not isinstance(reply, Pictures):
                assert isinstance(reply, Failed)
                return (made + [b""] * (len(areas) - start), reply)
            made += reply.pictures
        return (made, None)

    def ask(self, question: Question) -> Reply:
        """Return the reply from the cache, from what was read ahead, or from the process.

        A failure is never cached: its cause may be this machine.
        """
        name, reply = _name(question), None
        if name in self._kept and (body := self._memory.recall(name)):
            with suppress(MsgspecError):
                reply = json.decode(body, type=Reply)
        if reply is None:
            reply = self._take(question) or self._run(question)
            if isinstance(reply, Failed) or not name:
                return reply
            self._new[name] = json.encode(reply)
        self._used.add(name)
        if len(self._new) >= UNSAVED:
            self.store(complete=False)
        return reply

    def store(self, *, complete: bool) -> None:
        """Write the cache; `complete`: drop entries that were not used this time."""
        names = self._used if complete else self._kept | self._used
        if self._new or names != self._kept:
            entries = {**self._new, _INDEX: json.encode(sorted(names))}
            self._memory.keep(entries, sorted(self._kept - names))
        self._kept, self._new = names, {}

    # --- reading ahead

    def prefetch(self, questions: Iterable[Question]) -> None:
        """Start on the questions that will be asked next, in this order."""
        new = deque(one for one in questions if _name(one) not in self._kept)
        if len(new) < 2 or not (self.executor or self.jobs > 1):
            return
        self._next = new
        if self._ahead is None and self.executor:
            self._ahead = self._stack.enter_context(cluster(self.executor))
        elif self._ahead is None:
            from concurrent.futures import ThreadPoolExecutor

            missing = min(self.jobs, len(new)) - len(self._idle)
            self._idle += [self._start() for _ in range(missing)]  # before there are threads
            self._ahead = self._stack.enter_context(ThreadPoolExecutor(self.jobs))

    def _take(self, question: Question) -> Reply | None:
        """Return what was read ahead. None if it was not, or the cluster could not."""
        most = REMOTE_AHEAD if self.executor else self.jobs
        try:
            while self._ahead and self._next and len(self._begun) <= most:
                one = self._next.popleft()
                task = partial(answer_elsewhere, self.seconds) if self.executor else self._run
                self._begun[one] = self._ahead.submit(task, one)
            if question in self._begun:
                found = self._begun.pop(question).result(REMOTE_SECONDS if self.executor else None)
                return None if self.executor and isinstance(found, Failed) else found
        except TimeoutError:  # the cluster does not answer any more
            self._begun, self._next = {}, deque()
        except Exception:  # noqa: BLE001 - a worker died, or the connection is cut
            pass
        return None

    def _run(self, question: Question) -> Reply:
        """Ask an idle process or a new one."""
        try:
            process = self._idle.pop()
        except IndexError:
            process = self._start()
        if self._closed:
            process.end()
        reply = process.ask(question)
        if not process.ended:
            self._idle.append(process)
        return reply

    def _start(self) -> _Process:
        self._processes.append(process := _Process(self.seconds))
        return process


def _name(question: Question) -> str:
    """Return the name of a reply in the cache. "" if the file may change without notice."""
    stamp = stamp_at(question.path)
    return h16(program(), repr(question), repr(stamp)) if stamp and proves(stamp) else ""


def absolute(path: Path) -> str:
    """Return an absolute path: the process may have another working folder."""
    return os.path.abspath(path)  # noqa: PTH100


# --- the optional cluster: the setting `executor` ---------------------------------------------


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Connect to the Dask cluster whose scheduler is at `address`, such as `tcp://host:8786`.

    Raises:
        UsageError: dask.distributed is not installed.
        ServiceError: no scheduler with a worker answers.
    """
    import socket

    try:
        import distributed

        connect: Any = distributed.Client
        parts = urlsplit(address)  # a `Client` that cannot connect hangs and prints
        socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS).close()
        client = connect(address, timeout=CONNECT_SECONDS, set_as_default=False)
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except ImportError as error:
        hint = "pip install 'ankiforge-cards[dask]'"
        raise UsageError("the setting executor needs dask.distributed", hint=hint) from error
    except (OSError, TypeError, ValueError) as error:
        hint = f"start one: dask scheduler; and workers: dask worker {address}"
        what = f"no Dask scheduler answers at {address} with a worker ({error})"
        raise ServiceError(what, hint=hint) from error
    with client:
        yield client.get_executor(pure=False)


def answer_elsewhere(seconds: float, question: Question) -> Reply:
    """Answer a question on another machine, where the files are to be found by the same paths."""
    with PdfWorker(seconds) as worker:
        return worker.ask(question)
