"""Questions about PDFs, answered in separate processes: PDFs crash, hang and exhaust memory.

`PdfWorker` is the caller's side, `answer` runs in the process. Only there are the PDF libraries
imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Self

import msgspec

import ankiforge
from ankiforge.extract.files import ParseCache, program, stamp_at
from ankiforge.model import HighlightKind, Memory, Problem, h16

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

SECONDS = 60.0
"""Wall clock time for one question."""
MEMORY = 360 * 2**20
"""Bytes of data per process, where the system can limit it. A page of a few hundred kB may inflate
to gigabytes."""
PICTURES_AT_ONCE = 8
"""Pictures per question."""
ALL_PICTURES = 2
"""All pictures of a file may take this many times `seconds`."""
REMOTE_SECONDS = 180.0
"""Seconds to wait for a reply from a cluster, whose workers may all have died."""
REMOTE_AHEAD = 32
"""Questions sent to a cluster before the first reply is needed."""
GC_THRESHOLD = 50_000
"""High, because the characters of a page form no cycles."""
HYPERTEXT = (".epub", ".xhtml", ".html", ".htm")
"""Endings of the other files in which Zotero marks text."""
REPAIR = "open it in a PDF reader and save a copy"

Box = tuple[float, float, float, float]
"""left, bottom, right, top in points, in the space of /Rect"""


# --- questions ------------------------------------------------------------------------------


class Request(msgspec.Struct, frozen=True, tag="request"):
    """Read the marks of a file."""

    path: str
    passwords: tuple[str, ...] = ()
    named: bool = False
    """Whether to identify the work even if nothing is marked."""


class Quote(msgspec.Struct, frozen=True):
    """Words that another program found in a file."""

    page: int
    """The page on which they begin, from 0."""
    words: str
    box: Box | None = None
    """The box of their first line, if known."""
    asks: bool = False
    """Whether the paragraphs around are wanted, too."""


class Around(msgspec.Struct, frozen=True, tag="around"):
    """Find the context of quotes."""

    path: str
    quotes: tuple[Quote, ...]


class Area(msgspec.Struct, frozen=True):
    """A part of a page to cut out as a picture."""

    page: int
    """From 0."""
    box: Box
    strokes: tuple[tuple[float, ...], ...] = ()
    """Lines to draw on it that are not in the file, each as x, y, x, y …"""
    width: float = 1.0
    """The width of the strokes, in points."""
    colour: str = "#000000"
    """The colour of the strokes, `#rrggbb`."""


class Cut(msgspec.Struct, frozen=True, tag="cut"):
    """Cut pictures from a file."""

    path: str
    areas: tuple[Area, ...]
    passwords: tuple[str, ...] = ()


Question = Request | Around | Cut


# --- replies --------------------------------------------------------------------------------


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """One annotation, with the text it lies on."""

    page: int
    """From 0."""
    label: str
    """The page label."""
    kind: HighlightKind
    exact: str = ""
    stand_in: str = ""
    """Identifies a mark without text."""
    prefix: str = ""
    suffix: str = ""
    sentence: str = ""
    heading: str = ""
    nearby: str = ""
    """The paragraphs around; more of them where the comment asks something."""
    comment: str = ""
    colour: str = ""
    author: str = ""
    name: str = ""
    """/NM if it is unique in the file, else ""."""
    zotero: str = ""
    """The key in Zotero."""
    at: str = ""
    """The page and the rectangle in whole points."""
    created: str = ""
    modified: str = ""
    """ISO 8601; "" if unknown."""
    area: Box | None = None
    """The area that its picture shows."""
    picture: str = ""
    """The name of its picture, once that is cut."""


class Work(msgspec.Struct, frozen=True, omit_defaults=True):
    """The metadata of the work, as far as the file contains it."""

    title: str = ""
    creators: tuple[str, ...] = ()
    issued: str = ""
    identifiers: tuple[tuple[str, str], ...] = ()


class Read(msgspec.Struct, frozen=True, tag="read", omit_defaults=True):
    """What a file contains; without marks the other fields are empty."""

    marks: tuple[Mark, ...] = ()
    """In reading order."""
    document: str = ""
    """16 hex digits that stay the same when another program saves the file."""
    pages: tuple[tuple[str, int], ...] = ()
    """(h16 of the folded text, its length) of every page."""
    work: Work = Work()
    problems: tuple[tuple[str, str], ...] = ()
    """(what, hint) for what was left out."""
    hidden: int = 0
    """The number of marks left out because the file hides them."""
    notices: tuple[tuple[str, str], ...] = ()
    """(what, hint) for what to report though nothing failed."""


class Passage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The context of a quote, as in a `Mark`; empty if it was not found."""

    prefix: str = ""
    suffix: str = ""
    sentence: str = ""
    heading: str = ""
    nearby: str = ""
    """The paragraphs around, if wanted."""


class Surroundings(msgspec.Struct, frozen=True, tag="passages"):
    """The reply to `Around`: one passage per quote, in order."""

    passages: tuple[Passage, ...]


class Pictures(msgspec.Struct, frozen=True, tag="cut"):
    """The reply to `Cut`: a PNG per area, in order; b"" for an area outside of its page."""

    pictures: tuple[bytes, ...]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A file that could not be read."""

    what: str
    hint: str


Reply = Read | Surroundings | Pictures | Failed


# --- in the process -------------------------------------------------------------------------

SERVE = "from ankiforge.extract.pdf.worker import serve; serve()"


def serve() -> None:
    """Answer questions, one line of JSON each, until the program that asks them has ended."""
    import gc
    import signal
    from queue import SimpleQueue

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(GC_THRESHOLD)
    with suppress(ImportError):  # Windows
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    asked, replies = SimpleQueue[bytes](), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def listen() -> None:
        for line in sys.stdin.buffer:
            asked.put(line)
        os._exit(0)  # also in the middle of a question

    threading.Thread(target=listen, daemon=True).start()
    with open(replies, "wb") as out:  # noqa: PTH123 - a descriptor
        while True:
            question = msgspec.json.decode(asked.get(), type=Question)
            out.write(msgspec.json.encode(answer(question)) + b"\n")
            out.flush()


def answer(question: Question) -> Reply:
    """Answer one question; never raises for bad content of the file."""
    path = Path(question.path)
    if isinstance(question, Cut):
        from ankiforge.extract.pdf.pictures import cut_pictures

        return cut_pictures(path, question.areas, question.passwords)
    if isinstance(question, Around) and path.suffix.lower() in HYPERTEXT:
        from ankiforge.extract.zotero.snapshots import find_in_pages

        return find_in_pages(path, question.quotes)
    from ankiforge.extract.pdf.read import find_passages, read_pdf

    if isinstance(question, Around):
        return find_passages(path, question.quotes)
    return read_pdf(path, question.passwords, named=question.named)


# --- the caller's side ----------------------------------------------------------------------

CRASHED = Failed("the PDF reader crashed on it, or it takes more memory than is allowed", REPAIR)


class _Process:
    """One process that answers questions. It ends with this program."""

    def __init__(self) -> None:
        command = (sys.executable, "-P", "-W", "ignore", "-c", SERVE)
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=null)
        self.ended = False

    def ask(self, question: Question, seconds: float) -> Reply:
        """Return its reply. If it dies or takes too long, the process is ended."""
        begun, given, got = monotonic(), self._process.stdin, self._process.stdout
        assert given
        assert got
        line = b""
        timer = threading.Timer(seconds, self._process.kill)
        timer.start()
        try:
            with suppress(OSError, ValueError):
                given.write(msgspec.json.encode(question) + b"\n")
                given.flush()
                line = got.readline()
        finally:
            timer.cancel()
        if line.endswith(b"\n"):
            return msgspec.json.decode(line, type=Reply)  # type: ignore[no-any-return]
        self.end()
        return late(seconds) if monotonic() - begun >= seconds else CRASHED

    def end(self) -> None:
        """End the process, even if it is busy; a thread that waits for its reply gets a failure."""
        self.ended = True
        self._process.kill()
        with suppress(OSError, ValueError):
            self._process.communicate()


class PdfWorker:
    """Answers questions about PDFs by processes, which are started on first use."""

    def __init__(
        self,
        seconds: float = SECONDS,
        memory: Memory | None = None,
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
        self._begun: dict[Question, Future[Reply | None]] = {}
        self._lost = 0
        self._cache = None if memory is None else ParseCache.load(memory, program())

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

    def read(
        self, path: Path, passwords: tuple[str, ...] = (), *, named: bool = False
    ) -> Read | Failed:
        """Read the marks of a file; `named`: identify the work even if nothing is marked."""
        reply = self.ask(Request(absolute(path), passwords, named))
        assert isinstance(reply, Read | Failed)
        return reply

    def passages(self, path: Path, quotes: Sequence[Quote]) -> tuple[Passage, ...]:
        """Return the context of each quote in a file; () if the file cannot be read."""
        reply = self.ask(Around(absolute(path), tuple(quotes)))
        return reply.passages if isinstance(reply, Surroundings) else ()

    def cut(
        self, path: Path, areas: Sequence[Area], passwords: tuple[str, ...] = ()
    ) -> tuple[list[bytes], Failed | None]:
        """Return a PNG for each area of a file, in order, and why not all of them could be tried.

        b"" stands for one that cannot be cut.

        Pictures are requested separately from the text and a few at a time, so that a page that
        cannot be drawn costs little else.
        """
        made: list[bytes] = []
        begun = monotonic()
        for start in range(0, len(areas), PICTURES_AT_ONCE):
            some = tuple(areas[start : start + PICTURES_AT_ONCE])
            in_time = monotonic() - begun < ALL_PICTURES * self.seconds
            question = Cut(absolute(path), some, passwords)
            reply = self.ask(question) if in_time else late(ALL_PICTURES * self.seconds)
            if not isinstance(reply, Pictures):
                assert isinstance(reply, Failed)
                return (made + [b""] * (len(areas) - start), reply)
            made += reply.pictures
        return (made, None)

    def ask(self, question: Question) -> Reply:
        """Return the reply from the cache, from what was read ahead, or from the process.

        A failure is never cached: its cause may be this machine.
        """
        name, stamp = h16(repr(question)), stamp_at(question.path)
        if self._cache and stamp and (body := self._cache.get(name, stamp)):
            with suppress(msgspec.MsgspecError):
                return msgspec.json.decode(body, type=Reply)  # type: ignore[no-any-return]
        reply = self._take(question) or self._run(question)
        if self._cache and stamp and not isinstance(reply, Failed):
            self._cache.put(name, stamp, msgspec.json.encode(reply))
        return reply

    def store(self, *, complete: bool) -> None:
        """Write the cache; `complete`: drop entries that were not used this time."""
        if self._cache:
            self._cache.save(complete=complete)

    # --- reading ahead

    def prefetch(self, questions: Iterable[Question]) -> None:
        """Start on the questions that will be asked next, in this order."""
        cache = self._cache
        new = [
            one
            for one in questions
            if not (cache and cache.knows(h16(repr(one)), stamp_at(one.path)))
        ]
        if len(new) < 2 or not (self.executor or self.jobs > 1):
            return
        if self._ahead is None and self.executor:
            from ankiforge.extract.workers import cluster

            self._ahead = self._stack.enter_context(cluster(self.executor))
        elif self._ahead is None:
            from concurrent.futures import ThreadPoolExecutor

            self._ahead = self._stack.enter_context(ThreadPoolExecutor(self.jobs))
        self._next = deque(new)

    def _take(self, question: Question) -> Reply | None:
        """Return what was read ahead. None if it was not, or the cluster could not."""
        most = REMOTE_AHEAD if self.executor else self.jobs
        try:
            while self._ahead and self._next and len(self._begun) <= most:
                one = self._next.popleft()
                self._begun[one] = self._submit(self._ahead, one)
            if question not in self._begun:
                return None
            future = self._begun.pop(question)
            reply = future.result(REMOTE_SECONDS if self.executor else None)
        except TimeoutError:  # the cluster does not answer any more
            self._lost += len(self._begun) + len(self._next)
            self._begun, self._next, reply = {}, deque(), None
        except Exception:  # noqa: BLE001 - a worker died or differs, or the connection is cut
            reply = None
        self._lost += reply is None
        return reply

    def _submit(self, ahead: Executor, question: Question) -> Future[Reply | None]:
        if not self.executor:
            return ahead.submit(self._run, question)
        task = (question, _size(question), self.seconds, ankiforge.__version__)
        return ahead.submit(answer_elsewhere, *task)

    def unhelped(self, where: str) -> Iterator[Problem]:
        """Yield a notice if this machine had to read what the cluster could not."""
        if self.executor and self._lost:
            files = "1 file was" if self._lost == 1 else f"{self._lost} files were"
            what = f"{files} read by this machine, because no other could"
            hint = "the workers need the same folders and the same version of ankiforge"
            yield Problem(where, what, hint, notice=True)

    def _run(self, question: Question) -> Reply:
        """Ask an idle process or a new one."""
        try:
            process = self._idle.pop()
        except IndexError:
            process = _Process()
            self._processes.append(process)
        if self._closed:
            process.end()
        reply = process.ask(question, self.seconds)
        if not process.ended:
            self._idle.append(process)
        return reply


def absolute(path: Path) -> str:
    """Return an absolute path: the process may have another working folder."""
    return os.path.abspath(path)  # noqa: PTH100


def late(seconds: float) -> Failed:
    """Return the failure of a question that took too long."""
    what = f"reading it took longer than {seconds:g} s"
    return Failed(what, "print it to a new PDF, or leave it out with `exclude`")


def answer_elsewhere(question: Question, size: int, seconds: float, version: str) -> Reply | None:
    """Answer a question on another machine. None if its file or version is another one there."""
    if (size, version) != (_size(question), ankiforge.__version__):
        return None
    with PdfWorker(seconds) as worker:
        return worker.ask(question)


def _size(question: Question) -> int:
    """Return the size of the file of a question. 0 if it is gone."""
    stamp = stamp_at(question.path)
    return stamp[2] if stamp else 0
