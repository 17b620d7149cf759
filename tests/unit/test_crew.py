"""Work that is handed out: the same results in the same order, whoever does it, or nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ankiforge import crew
from ankiforge.crew import Ahead
from ankiforge.errors import ServiceError, UsageError


def double(number: int) -> int | None:
    if number == 3:
        raise OSError("the worker was lost")
    return None if number == 5 else 2 * number


@pytest.mark.parametrize("waits", [True, False])
def test_what_is_asked_in_order_comes_back_and_what_is_lost_is_none(waits: bool) -> None:
    readers = crew.local(2)
    ahead: Ahead[int, int] = Ahead(readers, double, ((n, (n,)) for n in range(20)), waits=waits)
    try:
        found = [ahead.take(n) for n in range(20)]
    finally:
        readers.close()
    assert found == [None if n in (3, 5) else 2 * n for n in range(20)]


def test_nothing_is_begun_long_before_it_is_asked_for() -> None:
    readers = crew.local(2)
    begun: list[int] = []

    def work() -> Iterator[tuple[int, tuple[int]]]:
        for number in range(1000):
            begun.append(number)
            yield number, (number,)

    ahead: Ahead[int, int] = Ahead(readers, double, work(), waits=True)
    assert begun == []
    assert ahead.take(0) == 0
    assert len(begun) <= 4
    readers.close()


def test_after_closing_the_rest_is_left_to_who_asks() -> None:
    readers = crew.local(1)
    ahead: Ahead[int, int] = Ahead(readers, double, ((n, (n,)) for n in range(9)), waits=True)
    assert ahead.take(0) == 0
    readers.executor(waits=True).shutdown()
    assert ahead.take(8) is None
    readers.close()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("somewhere", "is no address of a Dask scheduler"),
        ("http://127.0.0.1:8786", "is no address of a Dask scheduler"),
        ("tls://127.0.0.1:8786", "no certificates"),
    ],
)
def test_an_address_that_cannot_be_meant_is_a_mistake(address: str, says: str) -> None:
    readers = crew.cluster(address)
    with pytest.raises(UsageError, match=says):
        readers.executor(waits=True)
    readers.close()


def test_a_cluster_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "CONNECT_SECONDS", 0.5)
    readers = crew.cluster("tcp://127.0.0.1:9")
    with pytest.raises(ServiceError, match="no Dask scheduler answers"):
        readers.executor(waits=True)
    readers.close()


def test_a_cluster_whose_workers_are_gone_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crew, "PATIENCE", 0.05)
    released = threading.Event()
    waiting = ThreadPoolExecutor(1)
    readers = crew.Crew(2, lambda width, waits: waiting, elsewhere=True)
    ahead: Ahead[int, bool] = Ahead(readers, released.wait, ((n, ()) for n in range(9)), waits=True)
    assert [ahead.take(n) for n in range(9)] == [None] * 9
    assert ahead.lost == 9
    other: Ahead[int, bool] = Ahead(readers, released.wait, [(0, ())], waits=True)
    assert other.take(0) is None  # nobody is waited for twice
    released.set()
    waiting.shutdown()
