"""Questions about PDFs, answered by processes of their own, a cluster, or earlier replies.

PDFs crash, hang and exhaust memory. So only a process that may end, in which `serve` runs,
imports the PDF libraries; `Process` is its caller's side, and `PdfWorker` asks several.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from msgspec import MsgspecError, json

from ankiforge.errors import ItemError, ServiceError, UsageError
from ankiforge.extract.files import program, proves, stamp_at
from ankiforge.extract.pdf.messages import (
    HYPERTEXT,
    REPAIR,
    Area,
    Around,
    Contexts,
    Cut,
    CutOut,
    DrawnPage,
    DrawPage,
    Failed,
    Marked,
    Measure,
    Measured,
    PagesRead,
    Pictures,
    Question,
    QuoteContext,
    QuotedWords,
    Read,
    ReadPages,
    Reply,
    Request,
)
from ankiforge.model import Memory, NoMemory, h16

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future


MEMORY = 320 * 2**20
"""Bytes of data per process, where the system can limit it. A page of a few hundred kB
may inflate to gigabytes."""
_CRASHED = Failed(
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
    gc.disable()  # what a page holds is let go of between two questions
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
            # characters know their neighbours: without this, a hundred papers take all memory
            gc.collect()
            gc.freeze()


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
                    # nothing of ours stays open in it: a socket that it kept would
                    # answer nobody, and look as if somebody listened
                    first, last = sorted((questions, replies))
                    os.closerange(3, first)
                    os.closerange(first + 1, last)
                    os.closerange(last + 1, os.sysconf("SC_OPEN_MAX"))
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
            return _CRASHED
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


# --- several processes, and earlier replies -------------------------------------------

SECONDS = 60.0
"""Wall clock time for one question."""
_PICTURES_AT_ONCE = 8
"""Pictures per question."""
PAGES_AT_ONCE = 100
"""Pages of one question about the whole text."""
_REMOTE_SECONDS = 180.0
"""Seconds to wait for a reply from a cluster, whose workers may all have died."""
_REMOTE_AHEAD = 32
"""Questions sent to a cluster before the first reply is needed."""
_UNSAVED = 20
"""After this many new replies the cache is stored, so that a killed run can resume."""
# The name of the list of what the cache holds.
_INDEX = "index"
CONNECT_SECONDS = 10.0
"""Seconds to wait for a cluster, and for its first worker."""


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
            executor: the address of a Dask cluster that reads them instead. "" for this
                machine.
        """
        self.seconds = seconds
        self.jobs = jobs
        self.executor = executor
        self._cache = _ReplyCache(memory)
        self._processes: list[Process] = []
        self._idle: list[Process] = []
        self._closed = False
        # what is read ahead: by whom, which questions wait, and which were sent
        self._ahead: Executor | None = None
        self._next: deque[Question] = deque()
        self._begun: dict[Question, Future[Reply]] = {}
        self._stack = ExitStack()

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
        """Read the marks of a file.

        `named`: identify the work even if nothing is marked.
        """
        reply = self.ask(Request(absolute(path), named))
        assert isinstance(reply, Read | Failed)
        return reply

    def passages(
        self, path: Path, quotes: Sequence[QuotedWords]
    ) -> tuple[Sequence[QuoteContext], Failed | None]:
        """Return the context of each quote in a file, and why it cannot be read."""
        reply = self.ask(Around(absolute(path), tuple(quotes)))
        if isinstance(reply, Contexts):
            return reply.passages, None
        assert isinstance(reply, Failed)
        return [QuoteContext()] * len(quotes), reply

    def cut(
        self,
        path: Path,
        areas: Sequence[Area],
    ) -> tuple[list[CutOut], Failed | None]:
        """Return a picture for each area, in order, and why not all of them could be tried.

        One that cannot be cut has no data. Pictures are requested a few at a time, so
        that a page that cannot be drawn costs little else.
        """
        pictures: list[CutOut] = []
        for start in range(0, len(areas), _PICTURES_AT_ONCE):
            some = areas[start : start + _PICTURES_AT_ONCE]
            reply = self.ask(Cut(absolute(path), tuple(some)))
            if not isinstance(reply, Pictures):
                assert isinstance(reply, Failed)
                missing = [CutOut(b"")] * (len(areas) - start)
                return (pictures + missing, reply)
            pictures += reply.pictures
        return (pictures, None)

    def view(
        self, path: Path, page: int, marks: Sequence[Marked], width: int
    ) -> DrawnPage:
        """Return a picture of a page, with its words and the places of its marks.

        Args:
            path: the file.
            page: the number of the page, from 0.
            marks: what is marked on it.
            width: the width of the picture, in pixels.
        """
        reply = self.ask(DrawPage(absolute(path), page, tuple(marks), width))
        return reply if isinstance(reply, DrawnPage) else DrawnPage()

    def measure(self, path: Path) -> Measured:
        """Return the sizes of the pages of a file; none if it cannot be read."""
        reply = self.ask(Measure(absolute(path)))
        return reply if isinstance(reply, Measured) else Measured()

    def pages(self, path: Path) -> Iterator[PagesRead]:
        """Yield the whole text of a file, so many pages at a time that each reply is quick.

        Raises:
            ItemError: it cannot be read.
        """
        name = absolute(path)
        beginning = self._whole(ReadPages(name, 0, PAGES_AT_ONCE))
        yield beginning
        places = range(PAGES_AT_ONCE, len(beginning.prints), PAGES_AT_ONCE)
        rest = [ReadPages(name, place, PAGES_AT_ONCE) for place in places]
        if not self._next:
            self.prefetch(rest)
        yield from map(self._whole, rest)

    def _whole(self, question: ReadPages) -> PagesRead:
        """Return the text of some pages.

        Raises:
            ItemError: they cannot be read.
        """
        reply = self.ask(question)
        if isinstance(reply, Failed):
            raise ItemError(reply.what, hint=reply.hint)
        assert isinstance(reply, PagesRead)
        return reply

    def ask(self, question: Question) -> Reply:
        """Return the reply from the cache, from a reading ahead, or from a process.

        A failure is never cached: its cause may be this machine.
        """
        name = _name(question)
        reply = self._cache.recall(name)
        if reply is None:
            reply = self._take(question) or self.answer(question)
            if isinstance(reply, Failed) or not name:
                return reply
            self._cache.add(name, reply)
        self._cache.use(name)
        return reply

    def store(self, *, complete: bool) -> None:
        """Write the cache; `complete`: drop entries that were not used this time."""
        self._cache.store(complete=complete)

    # --- reading ahead

    def prefetch(self, questions: Iterable[Question]) -> None:
        """Start on the questions that will be asked next, in this order."""
        if not self.executor and self.jobs <= 1:
            return
        unknown: deque[Question] = deque()
        for question in questions:
            if _name(question) not in self._cache:
                unknown.append(question)
        if len(unknown) < 2:
            return
        self._next = unknown
        if self._ahead is not None:
            return
        if self.executor:
            self._ahead = self._stack.enter_context(cluster(self.executor))
            return
        from concurrent.futures import ThreadPoolExecutor

        missing = min(self.jobs, len(unknown)) - len(self._idle)
        for _ in range(missing):
            self.start()
        self._ahead = self._stack.enter_context(ThreadPoolExecutor(self.jobs))

    def _take(self, question: Question) -> Reply | None:
        """Return a reply that was read ahead, or None: also if the cluster could not."""
        try:
            # send as many of the next questions as are read at a time
            limit = _REMOTE_AHEAD if self.executor else self.jobs
            while self._ahead and self._next and len(self._begun) <= limit:
                following = self._next.popleft()
                task = self.answer
                if self.executor:
                    task = partial(answer_elsewhere, self.seconds)
                self._begun[following] = self._ahead.submit(task, following)
            if question not in self._begun:
                return None
            future = self._begun.pop(question)
            reply = future.result(_REMOTE_SECONDS if self.executor else None)
        except TimeoutError:  # the cluster does not answer any more
            self._begun = {}
            self._next = deque()
            return None
        except Exception:  # noqa: BLE001 - a worker died, or the connection is cut
            return None
        if self.executor and isinstance(reply, Failed):
            return None
        return reply

    # --- processes

    def start(self) -> None:
        """Start a process ahead. As long as there is one thread, this is quick."""
        self._idle.append(self._start())

    def answer(self, question: Question) -> Reply:
        """Ask an idle process or a new one, without the cache; any thread may."""
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

    def _start(self) -> Process:
        process = Process(self.seconds)
        self._processes.append(process)
        return process


def absolute(path: Path) -> str:
    """Return an absolute path: the process may have another working folder."""
    return os.path.abspath(path)  # noqa: PTH100


# --- the cache --------------------------------------------------------------------------


class _ReplyCache:
    """Replies by names that change with the file, the question and the program."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._stored: set[str] = set()
        self._used: set[str] = set()
        self._unsaved: dict[str, bytes] = {}
        with suppress(MsgspecError):
            self._stored = json.decode(memory.recall(_INDEX) or b"[]", type=set[str])

    def __contains__(self, name: str) -> bool:
        return name in self._stored

    def recall(self, name: str) -> Reply | None:
        """Return a stored reply, None if there is none that can be read."""
        if name not in self._stored:
            return None
        body = self._memory.recall(name)
        if body:
            with suppress(MsgspecError):
                return json.decode(body, type=Reply)  # type: ignore[no-any-return]
        return None

    def add(self, name: str, reply: Reply) -> None:
        """Take a new reply, which is stored later."""
        self._unsaved[name] = json.encode(reply)

    def use(self, name: str) -> None:
        """Note that a reply was needed in this run, so that it is kept."""
        self._used.add(name)
        if len(self._unsaved) >= _UNSAVED:
            self.store(complete=False)

    def store(self, *, complete: bool) -> None:
        """Write the new replies; `complete`: drop those that were not used this time."""
        names = self._used if complete else self._stored | self._used
        if self._unsaved or names != self._stored:
            entries = {**self._unsaved, _INDEX: json.encode(sorted(names))}
            self._memory.keep(entries, sorted(self._stored - names))
        self._stored = names
        self._unsaved = {}


def _name(question: Question) -> str:
    """Return the name of a reply in the cache.

    "" if the file may change without notice.
    """
    stamp = stamp_at(question.path)
    if not stamp or not proves(stamp):
        return ""
    return h16(program(), repr(question), repr(stamp))


# --- the optional cluster: the setting `executor` ---------------------------------------


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Connect to the Dask cluster of a scheduler such as `tcp://host:8786`.

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
        message = "the setting executor needs dask.distributed"
        raise UsageError(message, hint=hint) from error
    except (OSError, TypeError, ValueError) as error:
        hint = f"start one: dask scheduler; and workers: dask worker {address}"
        message = f"no Dask scheduler answers at {address} with a worker ({error})"
        raise ServiceError(message, hint=hint) from error
    with client:
        yield client.get_executor(pure=False)


def answer_elsewhere(seconds: float, question: Question) -> Reply:
    """Answer a question on another machine, where files have the same paths."""
    return _worker_there(seconds).answer(question)


@cache
def _worker_there(seconds: float) -> PdfWorker:
    """Return the worker of this process of a cluster, started once: a start costs like a paper."""
    worker = PdfWorker(seconds)
    atexit.register(worker.__exit__)
    return worker
