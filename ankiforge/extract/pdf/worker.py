"""Get replies to requests about PDFs from subprocesses, a Dask cluster or a cache.

PDF libraries crash, hang or run out of memory on some files, so they are only imported in
subprocesses. A subprocess runs `serve`, and `WorkerProcess` starts it and communicates with it.
Other modules use `PdfWorkerPool`, which manages several subprocesses and the cache.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cache, partial
from itertools import islice
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from msgspec import MsgspecError, json

from ankiforge.errors import ItemError, ServiceError, UsageError
from ankiforge.extract.files import fingerprint_program, is_stamp_reliable, read_stamp
from ankiforge.extract.passage_context import PassageContext
from ankiforge.extract.pdf.messages import (
    HYPERTEXT_SUFFIXES,
    REPAIR_HINT,
    Area,
    CutAreas,
    CutAreasReply,
    CutOut,
    DrawPage,
    DrawPageReply,
    Failure,
    FindContexts,
    FindContextsReply,
    MeasurePages,
    MeasurePagesReply,
    PageHighlight,
    ReadMarks,
    ReadMarksReply,
    ReadPages,
    ReadPagesReply,
    Reply,
    Request,
    StoredQuote,
)
from ankiforge.model import EmptySourceCache, SourceCache, hash16

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future


Mark = TypeVar("Mark", int, str)
"""Identifies a mark whose picture is cut out of a PDF."""
MAX_PROCESS_BYTES = 320 * 2**20
"""The number of bytes by which the data segment of a subprocess may grow. A page of a few hundred
kB can inflate to gigabytes. The limit is only enforced on Linux.
"""
_CRASHED = Failure(
    "the PDF reader crashed on it, or it takes more memory than is allowed",
    REPAIR_HINT,
)


# --- in the process ---------------------------------------------------------------------


def serve(timeout: float) -> None:
    """Reply to requests on standard input until it is closed.

    Each request and each reply is a line of JSON. If a request takes longer than `timeout`
    seconds, the process exits.
    """
    import faulthandler
    import gc

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.disable()  # print no traceback, because the caller handles a crash
    gc.disable()  # garbage is only collected between two requests
    _limit_memory()
    # replies go to a copy of standard output, and what a library prints goes to standard error
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)
        for line in sys.stdin.buffer:
            faulthandler.dump_traceback_later(timeout, exit=True)
            reply = json.encode(process_request(json.decode(line, type=Request)))
            faulthandler.cancel_dump_traceback_later()
            output.write(reply + b"\n")
            output.flush()
            # Characters form reference cycles, so without this, a hundred papers use up the memory.
            gc.collect()


def _limit_memory() -> None:
    """Let this process use up to `MAX_PROCESS_BYTES` more than it uses now, where possible.

    Windows has no `resource`, and only Linux reports the memory in use.
    """
    with suppress(ImportError, OSError):
        import resource

        # the sixth field is the number of pages used for data and stack (see `man 5 proc`)
        used_pages = int(Path("/proc/self/statm").read_text().split()[5])
        limit = used_pages * resource.getpagesize() + MAX_PROCESS_BYTES
        _, hard_limit = resource.getrlimit(resource.RLIMIT_DATA)
        if hard_limit != resource.RLIM_INFINITY:
            limit = min(limit, hard_limit)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard_limit))


def process_request(request: Request) -> Reply:
    """Return the reply to a request about a PDF, or about quotes in an EPUB or web page.

    Never raises an exception because of a file's content.
    """
    is_hypertext = request.path.lower().endswith(HYPERTEXT_SUFFIXES)
    if is_hypertext and isinstance(request, FindContexts):
        from ankiforge.extract.pdf.hypertext import find_quote_contexts

        return find_quote_contexts(Path(request.path), request.quotes)
    from ankiforge.extract.pdf.requests import process_pdf_request

    return process_pdf_request(request)


# --- the caller's side ------------------------------------------------------------------


class WorkerProcess:
    """A subprocess that replies to requests, and exits when this process ends."""

    def __init__(self, timeout: float) -> None:
        """Start the subprocess.

        `timeout` is the timeout for each request, in seconds.
        """
        self._timeout = timeout
        code = f"from {__name__} import serve; serve({timeout})"
        self._process = Popen(
            (sys.executable, "-P", "-W", "ignore", "-c", code),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
        )

    @property
    def has_ended(self) -> bool:
        """Whether the subprocess crashed or was killed."""
        return self._process.returncode is not None

    def send(self, request: Request) -> Reply:
        """Send a request to the subprocess, and wait for the reply.

        If the subprocess crashes or the request times out, the subprocess is killed, and a
        `Failure` is returned.
        """
        started = monotonic()
        assert self._process.stdin
        assert self._process.stdout
        with suppress(OSError, ValueError):
            self._process.stdin.write(json.encode(request) + b"\n")
            self._process.stdin.flush()
            reply_line = self._process.stdout.readline()
            if reply_line.endswith(b"\n"):
                reply: Reply = json.decode(reply_line, type=Reply)
                return reply
        self.kill()
        if monotonic() - started < self._timeout:
            return _CRASHED
        hint = "print it to a new PDF, or leave it out with `exclude`"
        return Failure(f"reading it took longer than {self._timeout:g} s", hint)

    def kill(self) -> None:
        """Kill the subprocess, even if it is busy.

        A thread that is waiting for a reply gets a `Failure`.
        """
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                assert pipe
                pipe.close()


# --- several processes, and cached replies --------------------------------------------

REQUEST_TIMEOUT = 60.0
"""The default timeout for each request, in seconds."""
MAX_PICTURES = 200
"""The maximum number of pictures cut out of a file."""
_PICTURES_PER_REQUEST = 8
PAGES_PER_REQUEST = 100
"""The number of pages per request when the whole text of a file is read."""
_REMOTE_TIMEOUT = 180.0
"""The timeout in seconds for a reply from a cluster, whose workers may all have died."""
_MAX_UNSAVED_REPLIES = 20
"""The number of new replies after which the cache is saved, so that interrupted runs can resume."""
# The cache key under which the list of all other keys is stored.
_INDEX_KEY = "index"
CONNECT_TIMEOUT = 10.0
"""The timeout for connecting to a cluster, and for its first worker to appear, in seconds."""


class PdfWorkerPool:
    """Replies to requests about PDFs, using subprocesses that are started when needed.

    Use it as a context manager, which ends the subprocesses.
    """

    def __init__(
        self,
        timeout: float = REQUEST_TIMEOUT,
        cache: SourceCache = EmptySourceCache(),  # noqa: B008 - stateless
        jobs: int = 1,
        executor: str = "",
    ) -> None:
        """Create a pool without starting a subprocess yet.

        Args:
            timeout: The timeout for each request, in seconds.
            cache: Stores replies between runs.
            jobs: The number of files that `prefetch` reads in parallel.
            executor: The address of the Dask cluster that reads the files, or "" to read them
                on this computer.
        """
        self.timeout = timeout
        self.jobs = jobs
        self.executor = executor
        self._cache = _ReplyCache(cache)
        self._processes: list[WorkerProcess] = []
        self._idle: list[WorkerProcess] = []
        self._closed = False
        # for prefetching: the executor, and the requests submitted to it with their futures
        self._executor: Executor | None = None
        self._futures: dict[Request, Future[Reply]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        for future in self._futures.values():
            future.cancel()
        for process in self._processes:
            process.kill()
        self._stack.close()

    # --- requests

    def read_marks(
        self, path: Path, *, always_identify: bool = False
    ) -> ReadMarksReply | Failure:
        """Read the highlights in a PDF.

        If `always_identify` is true, the work is identified even if the PDF has no highlights.
        """
        reply = self.get_reply(ReadMarks(get_absolute_path(path), always_identify))
        assert isinstance(reply, ReadMarksReply | Failure)
        return reply

    def find_contexts(
        self, path: Path, quotes: Sequence[StoredQuote]
    ) -> tuple[Sequence[PassageContext], Failure | None]:
        """Return (context of each quote, failure or None).

        A quote that isn't found gets an empty context. If the file can't be read, all quotes do,
        and the failure gives the reason.
        """
        reply = self.get_reply(FindContexts(get_absolute_path(path), tuple(quotes)))
        if isinstance(reply, FindContextsReply):
            return reply.passages, None
        assert isinstance(reply, Failure)
        return [PassageContext()] * len(quotes), reply

    def cut_pictures(
        self, path: Path, areas: Mapping[Mark, Area]
    ) -> tuple[dict[Mark, CutOut], Failure | None]:
        """Cut the areas of marks out of a PDF.

        They are cut out in small batches, so that a damaged page affects few marks.

        Returns:
            (picture of each mark, failure that stopped the worker or None). Only the first
                `MAX_PICTURES` marks are included. A picture without data couldn't be cut out.
        """
        marks = list(islice(areas, MAX_PICTURES))
        pictures = dict.fromkeys(marks, CutOut(b""))
        for start in range(0, len(marks), _PICTURES_PER_REQUEST):
            batch = marks[start : start + _PICTURES_PER_REQUEST]
            batch_areas = tuple(areas[mark] for mark in batch)
            reply = self.get_reply(CutAreas(get_absolute_path(path), batch_areas))
            if isinstance(reply, Failure):
                return pictures, reply
            assert isinstance(reply, CutAreasReply)
            pictures.update(zip(batch, reply.pictures, strict=True))
        return pictures, None

    def draw_page(
        self, path: Path, page: int, marks: Sequence[PageHighlight], width: int
    ) -> DrawPageReply:
        """Render a page, and locate its words and highlights. The reply is empty if this fails.

        Args:
            path: The path of the PDF.
            page: The page number, from 0.
            marks: The highlights to locate.
            width: The width of the picture in pixels. Very large pages get a narrower picture.
        """
        reply = self.get_reply(
            DrawPage(get_absolute_path(path), page, tuple(marks), width)
        )
        if not isinstance(reply, DrawPageReply):
            return DrawPageReply()
        return reply

    def read_page_sizes(self, path: Path) -> MeasurePagesReply:
        """Return the size and label of every page, or an empty reply if the file can't be read."""
        reply = self.get_reply(MeasurePages(get_absolute_path(path)))
        if not isinstance(reply, MeasurePagesReply):
            return MeasurePagesReply()
        return reply

    def iter_pages(self, path: Path) -> Iterator[ReadPagesReply]:
        """Yield the full text of a PDF in batches of `PAGES_PER_REQUEST` pages.

        Raises:
            ItemError: The file can't be read.
        """
        file_path = get_absolute_path(path)
        first_pages = self._request_pages(ReadPages(file_path, 0, PAGES_PER_REQUEST))
        yield first_pages
        starts = range(PAGES_PER_REQUEST, len(first_pages.prints), PAGES_PER_REQUEST)
        requests = [ReadPages(file_path, start, PAGES_PER_REQUEST) for start in starts]
        self.prefetch(requests)
        yield from map(self._request_pages, requests)

    def _request_pages(self, request: ReadPages) -> ReadPagesReply:
        reply = self.get_reply(request)
        if isinstance(reply, Failure):
            raise ItemError(reply.what, hint=reply.hint)
        assert isinstance(reply, ReadPagesReply)
        return reply

    def get_reply(self, request: Request) -> Reply:
        """Return the reply to a request: a cached one, a prefetched one, or one from a subprocess.

        Failures aren't cached, because their cause may be temporary or specific to this computer.
        """
        key = _compute_cache_key(request)
        reply = self._cache.load_reply(key)
        if reply is None:
            reply = self._await_prefetched(request) or self.process_uncached(request)
            if key is not None and not isinstance(reply, Failure):
                self._cache.add_reply(key, reply)
        return reply

    def save_cache(self, *, complete: bool) -> None:
        """Save the cache.

        If `complete` is true, replies that weren't used in this run are dropped.
        """
        self._cache.save_replies(complete=complete)

    # --- prefetching

    def prefetch(self, requests: Iterable[Request]) -> None:
        """Start to process requests in parallel, ahead of calls of `get_reply` for them.

        Does nothing if parallel reading isn't enabled, or if there are fewer than two requests
        whose replies aren't cached.
        """
        if not self.executor and self.jobs <= 1:
            return
        uncached = [
            request
            for request in requests
            if _compute_cache_key(request) not in self._cache.stored_keys
        ]
        if len(uncached) < 2:
            return
        task: Callable[[Request], Reply] = self.process_uncached
        if self.executor:
            task = partial(process_in_dask_worker, self.timeout)
        if self._executor is None:
            self._executor = self._stack.enter_context(self._open_executor())
        for request in uncached:
            self._futures[request] = self._executor.submit(task, request)

    def _open_executor(self) -> AbstractContextManager[Executor]:
        if self.executor:
            return connect_cluster(self.executor)
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self.jobs)

    def _await_prefetched(self, request: Request) -> Reply | None:
        """Wait for the prefetched reply to a request, and return it.

        Returns None if the request wasn't prefetched, or if the cluster failed.
        """
        future = self._futures.pop(request, None)
        if future is None:
            return None
        try:
            reply = future.result(_REMOTE_TIMEOUT if self.executor else None)
        except TimeoutError:  # the cluster no longer responds
            self._futures = {}
            return None
        except Exception:  # noqa: BLE001 - a worker died, or the connection was lost
            return None
        if self.executor and isinstance(reply, Failure):
            return None
        return reply

    def process_uncached(self, request: Request) -> Reply:
        """Get the reply to a request from an idle or a new subprocess, without using the cache.

        This method is thread-safe.
        """
        try:
            process = self._idle.pop()
        except IndexError:
            process = self._start_process()
        if self._closed:
            process.kill()
        reply = process.send(request)
        if not process.has_ended:
            self._idle.append(process)
        return reply

    def _start_process(self) -> WorkerProcess:
        process = WorkerProcess(self.timeout)
        self._processes.append(process)
        return process


def get_absolute_path(path: Path) -> str:
    """Return the absolute path of a file, because workers may have another working directory."""
    return os.path.abspath(path)  # noqa: PTH100


# --- the cache --------------------------------------------------------------------------


class _ReplyCache:
    def __init__(self, cache: SourceCache) -> None:
        self._source_cache = cache
        self.stored_keys: set[str] = set()
        self._used_keys: set[str] = set()
        self._unsaved_replies: dict[str, bytes] = {}
        with suppress(MsgspecError):
            index = cache.load(_INDEX_KEY) or b"[]"
            self.stored_keys = json.decode(index, type=set[str])

    def load_reply(self, key: str | None) -> Reply | None:
        """Load the reply stored under a key, or return None if it is missing or invalid."""
        if key is None or key not in self.stored_keys:
            return None
        with suppress(MsgspecError):
            stored = self._source_cache.load(key) or b""
            reply: Reply = json.decode(stored, type=Reply)
            self._used_keys.add(key)
            return reply
        return None

    def add_reply(self, key: str, reply: Reply) -> None:
        """Add a new reply to the cache, which saves replies in batches."""
        self._used_keys.add(key)
        self._unsaved_replies[key] = json.encode(reply)
        if len(self._unsaved_replies) >= _MAX_UNSAVED_REPLIES:
            self.save_replies(complete=False)

    def save_replies(self, *, complete: bool) -> None:
        """Save new replies.

        If `complete` is true, replies that weren't used in this run are dropped.
        """
        kept_keys = self._used_keys if complete else self.stored_keys | self._used_keys
        if self._unsaved_replies or kept_keys != self.stored_keys:
            index = {_INDEX_KEY: json.encode(sorted(kept_keys))}
            dropped_keys = sorted(self.stored_keys - kept_keys)
            self._source_cache.update({**self._unsaved_replies, **index}, dropped_keys)
        self.stored_keys = kept_keys
        self._unsaved_replies = {}


def _compute_cache_key(request: Request) -> str | None:
    """Return the cache key of a request, or None if the reply must not be cached.

    A reply isn't cached if the file was modified so recently that another modification might go
    unnoticed.
    """
    stamp = read_stamp(request.path)
    if stamp is None or not is_stamp_reliable(stamp):
        return None
    return hash16(fingerprint_program(), repr(request), repr(stamp))


# --- the optional cluster: the setting `executor` ---------------------------------------


@contextmanager
def connect_cluster(address: str) -> Iterator[Executor]:
    """Context manager that connects to a Dask cluster and yields an executor.

    `address` is the scheduler's address, e.g. `tcp://host:8786`.

    Raises:
        UsageError: dask.distributed isn't installed.
        ServiceError: The scheduler can't be reached, or has no workers.
    """
    import socket

    try:
        import distributed

        connect: Any = distributed.Client
        # test the connection first, because a `Client` that can't connect hangs and prints errors
        url = urlsplit(address)
        socket.create_connection((url.hostname, url.port), CONNECT_TIMEOUT).close()
        client = connect(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
        client.wait_for_workers(1, timeout=CONNECT_TIMEOUT)
    except ImportError as error:
        hint = "in the folder of ankiforge: uv tool install '.[dask]'"
        message = "the setting executor needs dask.distributed"
        raise UsageError(message, hint=hint) from error
    except (OSError, TypeError, ValueError) as error:
        hint = f"start one: dask scheduler; and workers: dask worker {address}"
        message = f"no Dask scheduler answers at {address} with a worker ({error})"
        raise ServiceError(message, hint=hint) from error
    with client:
        yield client.get_executor(pure=False)


def process_in_dask_worker(timeout: float, request: Request) -> Reply:
    """Return the reply to a request. This runs in a Dask worker, which must see the same files."""
    return _get_remote_worker(timeout).process_uncached(request)


@cache
def _get_remote_worker(timeout: float) -> PdfWorkerPool:
    """Return the `PdfWorkerPool` of this Dask worker, which is created on first use.

    It is cached, because starting a subprocess takes as long as reading a paper.
    """
    worker = PdfWorkerPool(timeout)
    atexit.register(worker.__exit__)
    return worker
