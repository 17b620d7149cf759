"""Hands that read several files at a time: of this machine, or of a Dask cluster.

What they are given are plain functions over values that can be pickled, behind
`concurrent.futures.Executor`. A crew is help, never a need: what it loses, or cannot do, whoever
asked does himself. So results and their order are the same whoever reads.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ankiforge.errors import ServiceError, UsageError
from ankiforge.model import Problem

AT_MOST = 4
"""Without a person's word no more files are read at a time: each reader takes memory."""
PATIENCE = 180.0
"""Seconds after which a cluster that does not answer is given up: its workers may all be gone."""
IN_CLUSTER = 32
"""So many pieces of work are handed to a cluster before the first comes back."""

Key = TypeVar("Key")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Crew:
    """Who reads. Nobody is called before there is something to do."""

    width: int
    """How many work at a time."""
    make: Callable[[int, bool], Executor]
    """Calls so many; the flag is `waits` of `executor`."""
    elsewhere: bool = False
    """Whether they work on other machines, which may lack what is here."""
    leave: Callable[[], None] = lambda: None
    """Called last: closes the line to other machines, and with it what is under way there."""
    gone: bool = False
    """Whether they were given up, as nobody answered: nothing more is handed out to them."""
    _leaving: list[Callable[[], None]] = field(default_factory=list)
    _made: dict[bool, Executor] = field(default_factory=dict)

    def executor(self, *, waits: bool) -> Executor:
        """Those who work.

        Args:
            waits: whether the work is mostly done by another process, and only waited for.

        Raises:
            ServiceError: the cluster is out of reach.
        """
        if waits not in self._made:
            self._made[waits] = self.make(self.width, waits)
        return self._made[waits]

    def at_end(self, stop: Callable[[], None]) -> None:
        """Have this called before those at work are waited for: it ends what they wait for."""
        if stop not in self._leaving:
            self._leaving.append(stop)

    def close(self) -> None:
        """Send all home; what was not begun is not done."""
        executors = () if self.elsewhere else tuple(self._made.values())
        self._made.clear()
        for executor in executors:
            executor.shutdown(wait=False, cancel_futures=True)
        for stop in self._leaving:
            stop()
        for executor in executors:
            executor.shutdown(wait=True)
        self.leave()


def local(width: int = 0) -> Crew:
    """Readers on this machine; 0 = one for each core, within reason."""
    return Crew(width or min(AT_MOST, os.cpu_count() or 1), _local)


def _local(width: int, waits: bool) -> Executor:
    if waits:
        return ThreadPoolExecutor(width, thread_name_prefix="reader")
    from multiprocessing import get_context

    return ProcessPoolExecutor(width, get_context("spawn"), initializer=_undisturbed)


def _undisturbed() -> None:
    """Ctrl-C is for the program itself, which sends its readers home."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


# --- a cluster ------------------------------------------------------------------------------

CONNECT_SECONDS = 10.0
"""So long a scheduler is called, and so long it may be without a single worker."""


def cluster(address: str) -> Crew:
    """Readers of a Dask cluster, as `tcp://host:port` names its scheduler.

    Raises:
        UsageError: dask.distributed is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        hint = "pip install 'ankiforge-cards[dask]'"
        raise UsageError("--scheduler needs dask.distributed", hint=hint) from error
    joined = _Cluster(address, distributed)
    return Crew(IN_CLUSTER, joined.executor, elsewhere=True, leave=joined.leave)


@dataclass(slots=True)
class _Cluster:
    address: str
    distributed: Any
    client: Any = None
    wanted: dict[str, Any] = field(default_factory=dict)
    """Who is given work, if not everybody is."""

    def executor(self, _: int, waits: bool) -> Executor:
        """The same for all work: a worker there is a process of its own."""
        if self.client is None:
            self.client = self._connected()
        executor: Executor = self.client.get_executor(pure=False, **self.wanted)
        return executor

    def _connected(self) -> Any:
        """A client of a scheduler that is there and has workers who can help.

        Raises:
            ServiceError: that cannot be had.
            UsageError: the address is none.
        """
        self._call()
        client = self.distributed.Client(
            self.address, timeout=CONNECT_SECONDS, set_as_default=False
        )
        try:
            self._choose(client)
        except BaseException:
            client.close()
            raise
        return client

    def _choose(self, client: Any) -> None:
        """A worker that lacks this program would die over the first piece of work: ask before."""
        named = f"the Dask scheduler at {self.address}"
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            hint = f"begin one on each machine: dask worker {self.address}"
            raise ServiceError(f"{named} has no workers", hint=hint) from error
        said = client.run(_version, on_error="return")
        able = [worker for worker, version in said.items() if version == _version()]
        if not able:
            what = f"no worker of {named} has ankiforge {_version()}"
            raise ServiceError(what, hint="pip install 'ankiforge-cards[dask]' where they run")
        if len(able) < len(said):
            self.wanted = {"workers": able}

    def _call(self) -> None:
        """See that a scheduler answers, before a client is made: one that fails hangs and prints."""
        import asyncio

        try:
            with ThreadPoolExecutor(1) as aside:  # whoever calls may have a loop of his own
                found = aside.submit(asyncio.run, self._identified()).result()
        except ValueError as error:
            what = f"{self.address} is no address of a Dask scheduler: {error}"
            raise UsageError(what, hint="--scheduler tcp://HOST:8786") from error
        except TypeError as error:  # it names no certificates
            hint = "tls:// needs them in Dask's own settings: distributed.comm.tls"
            raise UsageError(f"no certificates for {self.address}", hint=hint) from error
        except OSError:
            found = {}
        if found.get("type") != "Scheduler":
            hint = "begin one: dask scheduler; and workers: dask worker ADDRESS"
            raise ServiceError(f"no Dask scheduler answers at {self.address}", hint=hint)

    async def _identified(self) -> Any:
        """What whoever is there says of himself."""
        import asyncio

        secure = self.distributed.Security().get_connection_args("client")
        async with self.distributed.rpc(self.address, connection_args=secure) as there:
            return await asyncio.wait_for(there.identity(), CONNECT_SECONDS)

    def leave(self) -> None:
        """Close the connection; one that is broken has nothing to close."""
        with suppress(Exception):
            if self.client is not None:
                self.client.close()
        self.client = None


def _version() -> str:
    """Of the program, wherever this is asked."""
    import ankiforge

    return ankiforge.__version__


def unhelped(where: str, lost: int, what: str) -> Iterator[Problem]:
    """A word about what other machines could not read; `what`: `files`, `notes`."""
    if lost:
        read = f"1 {what.removesuffix('s')} was" if lost == 1 else f"{lost} {what} were"
        told = f"{read} read by this machine, as no other one could"
        hint = "the same folders and version of ankiforge must be where the workers run"
        yield Problem(where, told, hint, notice=True)


# --- work that is handed out ------------------------------------------------------------------


class Ahead(Generic[Key, Answer]):
    """Work that is begun before its result is asked for, so far ahead as there are hands."""

    def __init__(
        self,
        crew: Crew,
        function: Callable[..., Answer | None],
        work: Iterable[tuple[Key, tuple[Any, ...]]],
        *,
        waits: bool,
    ) -> None:
        """Hand out `work`: (its name, what the function is given), in the order of asking.

        The function's answer is None for what it cannot do where it is.
        """
        self._crew, self._function, self._waits = crew, function, waits
        self._work: Iterator[tuple[Key, tuple[Any, ...]]] = iter(work)
        self._out: dict[Key, Future[Answer | None]] = {}
        self._lost = 0

    @property
    def lost(self) -> int:
        """How much other machines could not do."""
        return self._lost if self._crew.elsewhere else 0

    def take(self, key: Key) -> Answer | None:
        """The answer; None of what was not handed out, or was lost: do it yourself."""
        self._hand_out()
        future = self._out.pop(key, None)
        if future is None:
            return None
        answer = None
        try:
            answer = future.result(PATIENCE if self._crew.elsewhere else None)
        except TimeoutError:
            self._give_up()
        except Exception:  # noqa: BLE001 - a worker lost, killed, of another make, the line cut
            pass
        self._lost += answer is None
        return answer

    def _give_up(self) -> None:
        """Nobody comes back: no more is handed out, or waited for."""
        if self._crew.elsewhere:
            self._crew.gone = True
            self._lost += len(self._out) + sum(1 for _ in self._work)
            self._out.clear()
        self._work = iter(())

    def _hand_out(self) -> None:
        while len(self._out) <= self._crew.width and not self._crew.gone:
            found = next(self._work, None)
            if found is None:
                return
            key, given = found
            executor = self._crew.executor(waits=self._waits)
            try:
                self._out[key] = executor.submit(self._function, *given)
            except Exception:  # noqa: BLE001 - all were sent home, or the line to them is cut
                self._lost += 1
                self._give_up()
