"""Questions about PDFs, answered in separate processes: PDFs crash, hang and exhaust memory.

`PdfWorker` is the caller's side, `answer` runs in the process. Only there are the PDF libraries
imported.
"""

from __future__ import annotations

import atexit
import os
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
    from concurrent.futures import Executor, Future, ProcessPoolExecutor

SECONDS = 60.0
"""Wall clock time for one question."""
MEMORY = 2 * 1024**3
"""Bytes of address space per process, where the system can limit it."""
PICTURES_AT_ONCE = 8
"""Pictures per question."""
ALL_PICTURES = 2
"""All pictures of a file may take this many times `seconds`."""
IDLE_SECONDS = 30.0
"""How long idle processes are kept: starting one takes longer than reading most files."""
REMOTE_SECONDS = 180.0
"""Seconds to wait for a reply from a cluster, whose workers may all have died."""
REMOTE_AHEAD = 32
"""Questions sent to a cluster before the first reply is needed."""
GC_THRESHOLD = 50_000
"""High, because the characters of a page form no cycles."""
REPAIR = "open it in a PDF reader and save a copy"

Box = tuple[float, float, float, float]
"""left, bottom, right, top in points, in the space of /Rect"""


# --- questions ------------------------------------------------------------------------------


class Request(msgspec.Struct, frozen=True):
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


class Around(msgspec.Struct, frozen=True):
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


class Cut(msgspec.Struct, frozen=True):
    """Cut pictures from a file."""

    path: str
    areas: tuple[Area, ...]
    passwords: tuple[str, ...] = ()


class Sheet(msgspec.Struct, frozen=True):
    """Draw a page and locate a mark on it."""

    path: str
    page: int
    """From 0."""
    words: str = ""
    """The marked words."""
    before: str = ""
    """The text before the marked words."""
    comment: str = ""
    names: tuple[str, ...] = ()
    """The names of the annotation: `nm:…`, `zotero:…`."""
    passwords: tuple[str, ...] = ()


Question = Request | Around | Cut | Sheet


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
    """The paragraphs around, where the comment asks something."""
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


class Drawn(msgspec.Struct, frozen=True, tag="sheet"):
    """The reply to `Sheet`."""

    picture: bytes
    """PNG"""
    width: int
    height: int
    boxes: tuple[tuple[int, int, int, int], ...]
    """left, top, right, bottom of each line of the mark, in pixels; () if it was not found."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A file that could not be read."""

    what: str
    hint: str


Reply = Read | Surroundings | Pictures | Drawn | Failed


# --- in the process -------------------------------------------------------------------------


def _end_with_parent() -> None:
    """End this process when the program that started it has ended, for whatever reason."""
    from multiprocessing import parent_process

    if parent := parent_process():
        parent.join()
        os._exit(0)


def prepare() -> None:
    """Set up a new process: no output, limited memory, no interrupts, no clean-up at exit."""
    import gc
    import logging
    import signal
    import warnings

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit.register(os._exit, 0)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(null, stream)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    gc.set_threshold(GC_THRESHOLD)
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def answer(question: Question) -> Reply:
    """Answer one question; never raises for bad content of the file."""
    from ankiforge.extract.pdf.file import TOO_BIG

    path = Path(question.path)
    try:
        if isinstance(question, Request | Around):
            from ankiforge.extract.pdf.read import find_passages, read_pdf

            if isinstance(question, Around):
                return find_passages(path, question.quotes)
            return read_pdf(path, question.passwords, named=question.named)
        from ankiforge.extract.pdf.pictures import cut_pictures, draw_sheet

        if isinstance(question, Sheet):
            return draw_sheet(path, question)
        return cut_pictures(path, question.areas, question.passwords)
    except MemoryError:
        return TOO_BIG


# --- the caller's side ----------------------------------------------------------------------


class PdfWorker:
    """A process that answers questions about PDFs, started on first use, and helpers of it."""

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
        self._pool: ProcessPoolExecutor | None = None
        self._future: Future[Reply] | None = None
        self._ahead: Executor | None = None
        self._stack = ExitStack()
        self._helpers: set[PdfWorker] = set()
        self._next: deque[Question] = deque()
        self._begun: dict[Question, Future[Reply | None]] = {}
        self._lost = 0
        self._cache = None if memory is None else ParseCache.load(memory, program())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

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

    def draw(self, sheet: Sheet) -> Drawn | Failed:
        """Draw a page and locate a mark on it."""
        reply = self.ask(sheet)
        assert isinstance(reply, Drawn | Failed)
        return reply

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

            threads = ThreadPoolExecutor(self.jobs, thread_name_prefix="reader")
            self._ahead = self._stack.enter_context(threads)
        self._next = deque(new)

    def _take(self, question: Question) -> Reply | None:
        """Return what was read ahead. None if this worker has to read it."""
        most = REMOTE_AHEAD if self.executor else self.jobs
        reply = None
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
            self._begun, self._next = {}, deque()
        except Exception:  # noqa: BLE001 - a worker died or differs, or the connection is cut
            pass
        self._lost += reply is None
        return reply

    def _submit(self, ahead: Executor, question: Question) -> Future[Reply | None]:
        if not self.executor:
            return ahead.submit(self._helped, question)
        task = (question, _size(question), self.seconds, ankiforge.__version__)
        return ahead.submit(answer_elsewhere, *task)

    def _helped(self, question: Question) -> Reply | None:
        """Answer a question in a thread, by a process of its own: if it dies, only this fails."""
        with PdfWorker(self.seconds) as helper:
            self._helpers.add(helper)
            try:
                return helper.ask(question)
            finally:
                self._helpers.discard(helper)

    def unhelped(self, where: str) -> Iterator[Problem]:
        """Yield a notice if this machine had to read what the cluster could not."""
        if self.executor and self._lost:
            files = "1 file was" if self._lost == 1 else f"{self._lost} files were"
            what = f"{files} read by this machine, because no other could"
            hint = "the workers need the same folders and the same version of ankiforge"
            yield Problem(where, what, hint, notice=True)

    # --- the process

    def _run(self, question: Question) -> Reply:
        """Ask the process; if it dies or takes too long, only this question fails."""
        with _idle_lock:
            idle = _idle.pop() if _idle and not self._pool else None
        self._pool = self._pool or idle or _new_pool()
        try:
            future = self._future = self._pool.submit(answer, question)
        except RuntimeError:  # it was killed while idle
            self.close()
            self._pool = _new_pool()
            future = self._future = self._pool.submit(answer, question)
        try:
            return future.result(self.seconds)
        except TimeoutError:
            self.close()
            return late(self.seconds)
        except Exception:  # noqa: BLE001 - BrokenProcessPool, or a bug
            self.close()
            return Failed("the PDF reader crashed on it", REPAIR)
        except BaseException:
            self.close()
            raise

    def release(self) -> None:
        """End reading ahead. Keep an idle process for `IDLE_SECONDS` for others."""
        global _idle_timer
        self._next.clear()
        for future in self._begun.values():
            future.cancel()
        for helper in tuple(self._helpers):
            helper.close()
        self._stack.close()
        self._ahead = None
        with _idle_lock:
            if self._pool is not None and (self._future is None or self._future.done()):
                _idle.append(self._pool)
                self._pool = None
                if _idle_timer is not None:
                    _idle_timer.cancel()
                _idle_timer = threading.Timer(IDLE_SECONDS, stop_idle)
                _idle_timer.daemon = True
                _idle_timer.start()
        self.close()

    def close(self) -> None:
        """End the process; a thread that waits for its reply gets a failure."""
        pool, self._pool = self._pool, None
        if pool is not None:
            _stop(pool)


def absolute(path: Path) -> str:
    """Return an absolute path: the process may have another working folder."""
    return os.path.abspath(path)  # noqa: PTH100


def late(seconds: float) -> Failed:
    """Return the failure of a question that took too long."""
    what = f"reading it took longer than {seconds:g} s"
    return Failed(what, "print it to a new PDF, or leave it out with `exclude`")


# --- processes ------------------------------------------------------------------------------

_idle: list[ProcessPoolExecutor] = []
_idle_lock = threading.Lock()
_idle_timer: threading.Timer | None = None


def _new_pool() -> ProcessPoolExecutor:
    """Return an executor with one process, spawned because this program has threads."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import current_process, get_context

    current_process()._config["daemon"] = False  # type: ignore[attr-defined] # a Dask worker's is daemonic: no children
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=prepare)


def stop_idle() -> None:
    """End the idle processes."""
    with _idle_lock:
        pools, _idle[:] = _idle[:], []
        if _idle_timer is not None:
            _idle_timer.cancel()
    for pool in pools:
        _stop(pool)


atexit.register(stop_idle)  # executors that are still open at exit print errors


def _stop(pool: ProcessPoolExecutor) -> None:
    """Kill the process, even if busy; the executor itself would wait for it."""
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(cancel_futures=True)


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
