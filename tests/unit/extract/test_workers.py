"""Work that is handed out: the same results in the same order, whoever does it, or nobody."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ankiforge.errors import ServiceError, UsageError
from ankiforge.extract import workers
from ankiforge.extract.workers import Prefetch


def double(number: int) -> int | None:
    if number == 3:
        raise OSError("the worker was lost")
    return None if number == 5 else 2 * number


@pytest.mark.parametrize("waits", [True, False])
def test_what_is_asked_in_order_comes_back_and_what_is_lost_is_none(waits):
    pool = workers.local_pool(2)
    ahead: Prefetch[int, int] = Prefetch(
        pool, double, ((n, (n,)) for n in range(20)), threads=waits
    )
    try:
        found = [ahead.take(n) for n in range(20)]
    finally:
        pool.shutdown()
    assert found == [None if n in (3, 5) else 2 * n for n in range(20)]


def test_nothing_is_begun_long_before_it_is_asked_for():
    pool = workers.local_pool(2)
    begun: list[int] = []

    def work() -> Iterator[tuple[int, tuple[int]]]:
        for number in range(1000):
            begun.append(number)
            yield number, (number,)

    ahead: Prefetch[int, int] = Prefetch(pool, double, work(), threads=True)
    assert begun == []
    assert ahead.take(0) == 0
    assert len(begun) <= 4
    pool.shutdown()


def test_after_closing_the_rest_is_left_to_who_asks():
    pool = workers.local_pool(1)
    ahead: Prefetch[int, int] = Prefetch(pool, double, ((n, (n,)) for n in range(9)), threads=True)
    assert ahead.take(0) == 0
    pool.executor(threads=True).shutdown()
    assert ahead.take(8) is None
    pool.shutdown()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("somewhere", "is no address of a Dask scheduler"),
        ("http://127.0.0.1:8786", "is no address of a Dask scheduler"),
        ("tls://127.0.0.1:8786", "no certificates"),
    ],
)
def test_an_address_that_cannot_be_meant_is_a_mistake(address, says):
    pool = workers.cluster_pool(address)
    with pytest.raises(UsageError, match=says):
        pool.executor(threads=True)
    pool.shutdown()


def test_a_cluster_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr(workers, "CONNECT_SECONDS", 0.5)
    pool = workers.cluster_pool("tcp://127.0.0.1:9")
    with pytest.raises(ServiceError, match="no Dask scheduler answers"):
        pool.executor(threads=True)
    pool.shutdown()


def test_a_cluster_whose_workers_are_gone_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(workers, "RESULT_SECONDS", 0.05)
    released = threading.Event()
    waiting = ThreadPoolExecutor(1)
    pool = workers.WorkerPool(2, lambda size, threads: waiting, remote=True)
    ahead: Prefetch[int, bool] = Prefetch(
        pool, released.wait, ((n, ()) for n in range(9)), threads=True
    )
    assert [ahead.take(n) for n in range(9)] == [None] * 9
    assert ahead.lost == 9
    other: Prefetch[int, bool] = Prefetch(pool, released.wait, [(0, ())], threads=True)
    assert other.take(0) is None  # nobody is waited for twice
    released.set()
    waiting.shutdown()
