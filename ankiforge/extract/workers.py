"""Worker pools that read several files in parallel, on this machine or on a Dask cluster.

A task is a picklable function with picklable arguments, run by a `concurrent.futures.Executor`. A
pool only saves time: the caller does the work itself where the pool fails, so the results and their
order do not depend on it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ankiforge.errors import ServiceError, UsageError
from ankiforge.model import Problem

MAX_DEFAULT_SIZE = 4
"""The maximum number of local workers without `--jobs`. Each needs memory."""
RESULT_SECONDS = 180.0
"""Seconds to wait for a result from a cluster, whose workers may all have died."""
CLUSTER_SIZE = 32
"""Tasks submitted to a cluster before the first result is needed."""
CONNECT_SECONDS = 10.0
"""Seconds to wait for a scheduler, and for its first worker."""

Key = TypeVar("Key")
Result = TypeVar("Result")


@dataclass(slots=True)
class WorkerPool:
    """A lazily started worker pool."""

    size: int
    """The number of tasks in progress at a time."""
    start: Callable[[int, bool], Executor]
    """Start an executor of this size. The flag is the argument `threads` of `executor`."""
    remote: bool = False
    """Whether the workers are on other machines, which may lack some of the files."""
    disconnect: Callable[[], None] = lambda: None
    """Called last by `shutdown`. Closes a remote connection and so cancels its tasks."""
    unresponsive: bool = False
    """Set when a remote pool does not answer in time. Nothing more is submitted to it then."""
    _before_shutdown: list[Callable[[], None]] = field(default_factory=list)
    _executors: dict[bool, Executor] = field(default_factory=dict)

    def executor(self, *, threads: bool) -> Executor:
        """Return the executor, starting it if necessary.

        Args:
            threads: use threads on this machine, for tasks that wait for a process of their own.

        Raises:
            ServiceError: the cluster cannot be reached.
        """
        if threads not in self._executors:
            self._executors[threads] = self.start(self.size, threads)
        return self._executors[threads]

    def before_shutdown(self, stop: Callable[[], None]) -> None:
        """Register a function by which `shutdown` ends processes that running tasks wait for."""
        if stop not in self._before_shutdown:
            self._before_shutdown.append(stop)

    def shutdown(self) -> None:
        """Cancel queued tasks, wait for the running ones on this machine, and disconnect."""
        executors = () if self.remote else tuple(self._executors.values())
        self._executors.clear()
        for executor in executors:
            executor.shutdown(wait=False, cancel_futures=True)
        for stop in self._before_shutdown:
            stop()
        for executor in executors:
            executor.shutdown(wait=True)
        self.disconnect()


def local_pool(size: int = 0) -> WorkerPool:
    """Return a pool on this machine. Size 0 is one worker per core, at most `MAX_DEFAULT_SIZE`."""
    return WorkerPool(size or min(MAX_DEFAULT_SIZE, os.cpu_count() or 1), _start_local)


def _start_local(size: int, threads: bool) -> Executor:
    if threads:
        return ThreadPoolExecutor(size, thread_name_prefix="reader")
    from concurrent.futures import ProcessPoolExecutor  # slow to import
    from multiprocessing import get_context

    return ProcessPoolExecutor(size, get_context("spawn"), initializer=_ignore_interrupt)


def _ignore_interrupt() -> None:
    """Leave Ctrl-C to the main process, which shuts the pool down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def local_fallback(where: str, count: int, what: str) -> Iterator[Problem]:
    """Yield a notice if this machine had to read what a cluster could not.

    Args:
        where: the source.
        count: how many files or notes.
        what: `files` or `notes`.
    """
    if count:
        read = f"1 {what.removesuffix('s')} was" if count == 1 else f"{count} {what} were"
        message = f"{read} read by this machine, because no other could"
        hint = "the workers need the same folders and the same version of ankiforge"
        yield Problem(where, message, hint, notice=True)


# --- Dask -----------------------------------------------------------------------------------


def cluster_pool(address: str) -> WorkerPool:
    """Return a pool on the Dask cluster whose scheduler is at `address`, e.g. `tcp://host:port`.

    Raises:
        UsageError: dask.distributed is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        hint = "pip install 'ankiforge-cards[dask]'"
        raise UsageError("--scheduler needs dask.distributed", hint=hint) from error
    cluster = _Cluster(address, distributed)
    return WorkerPool(CLUSTER_SIZE, cluster.executor, remote=True, disconnect=cluster.disconnect)


@dataclass(slots=True)
class _Cluster:
    """A connection to a Dask scheduler, opened when the first task is submitted."""

    address: str
    distributed: Any
    client: Any = None
    restriction: dict[str, Any] = field(default_factory=dict)
    """The argument `workers` for the executor, if only some workers run this version."""

    def executor(self, _size: int, _threads: bool) -> Executor:
        """Return distributed's executor. Its workers are separate processes anyway.

        Raises:
            ServiceError: there is no scheduler, or none of its workers runs this version.
            UsageError: the address is invalid.
        """
        if self.client is None:
            self._ping()
            client = self.distributed.Client(
                self.address, timeout=CONNECT_SECONDS, set_as_default=False
            )
            try:
                self._find_workers(client)
            except BaseException:
                client.close()
                raise
            self.client = client
        executor: Executor = self.client.get_executor(pure=False, **self.restriction)
        return executor

    def _ping(self) -> None:
        """Ask the scheduler for its identity. A `Client` that cannot connect hangs and prints."""
        import asyncio

        try:
            with ThreadPoolExecutor(1) as thread:  # the caller may run an event loop of its own
                found = thread.submit(asyncio.run, self._identity()).result()
        except ValueError as error:
            what = f"{self.address} is no address of a Dask scheduler: {error}"
            raise UsageError(what, hint="--scheduler tcp://HOST:8786") from error
        except TypeError as error:  # what distributed raises for tls:// without certificates
            hint = "tls:// needs them in Dask's own settings: distributed.comm.tls"
            raise UsageError(f"no certificates for {self.address}", hint=hint) from error
        except OSError:
            found = {}
        if found.get("type") != "Scheduler":
            hint = "start one: dask scheduler; and workers: dask worker ADDRESS"
            raise ServiceError(f"no Dask scheduler answers at {self.address}", hint=hint)

    async def _identity(self) -> Any:
        import asyncio

        secure = self.distributed.Security().get_connection_args("client")
        async with self.distributed.rpc(self.address, connection_args=secure) as server:
            return await asyncio.wait_for(server.identity(), CONNECT_SECONDS)

    def _find_workers(self, client: Any) -> None:
        """Use only workers that run this version: a task would kill those without ankiforge."""
        scheduler = f"the Dask scheduler at {self.address}"
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            hint = f"start one on each machine: dask worker {self.address}"
            raise ServiceError(f"{scheduler} has no workers", hint=hint) from error
        versions = client.run(_version, on_error="return")
        usable = [worker for worker, version in versions.items() if version == _version()]
        if not usable:
            what = f"no worker of {scheduler} has ankiforge {_version()}"
            raise ServiceError(what, hint="pip install 'ankiforge-cards[dask]' where they run")
        if len(usable) < len(versions):
            self.restriction = {"workers": usable}

    def disconnect(self) -> None:
        """Close the connection, whether it is broken or not."""
        with suppress(Exception):
            if self.client is not None:
                self.client.close()
        self.client = None


def _version() -> str:
    """Return the version of ankiforge on the machine that runs this."""
    import ankiforge

    return ankiforge.__version__


# --- prefetching ----------------------------------------------------------------------------


class Prefetch(Generic[Key, Result]):
    """Starts tasks in a pool before their results are needed, up to the pool's size ahead."""

    def __init__(
        self,
        pool: WorkerPool,
        function: Callable[..., Result | None],
        tasks: Iterable[tuple[Key, tuple[Any, ...]]],
        *,
        threads: bool,
    ) -> None:
        """Prefetch `tasks`, pairs of a key and arguments, in the order of the later `take` calls.

        `function` returns None for what it cannot do where it runs. `threads` is passed to
        `WorkerPool.executor`.
        """
        self._pool, self._function, self._threads = pool, function, threads
        self._tasks: Iterator[tuple[Key, tuple[Any, ...]]] = iter(tasks)
        self._futures: dict[Key, Future[Result | None]] = {}
        self._lost = 0

    @property
    def lost(self) -> int:
        """The number of tasks that a remote pool failed to do. 0 for a local pool."""
        return self._lost if self._pool.remote else 0

    def take(self, key: Key) -> Result | None:
        """Return the result for a key. None if the caller has to do the work itself."""
        self._submit()
        future = self._futures.pop(key, None)
        if future is None:
            return None
        result = None
        try:
            result = future.result(RESULT_SECONDS if self._pool.remote else None)
        except TimeoutError:
            self._give_up()
        except Exception:  # noqa: BLE001 - a worker died or differs, or the connection is cut
            pass
        self._lost += result is None
        return result

    def _submit(self) -> None:
        while len(self._futures) <= self._pool.size and not self._pool.unresponsive:
            task = next(self._tasks, None)
            if task is None:
                return
            key, arguments = task
            executor = self._pool.executor(threads=self._threads)
            try:
                self._futures[key] = executor.submit(self._function, *arguments)
            except Exception:  # noqa: BLE001 - the pool was shut down, or the connection is cut
                self._lost += 1
                self._give_up()

    def _give_up(self) -> None:
        """Stop submitting, and do not wait for the tasks of a remote pool."""
        if self._pool.remote:
            self._pool.unresponsive = True
            self._lost += len(self._futures) + sum(1 for _ in self._tasks)
            self._futures.clear()
        self._tasks = iter(())
