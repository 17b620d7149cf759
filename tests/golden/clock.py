"""A clock for the program that runs ahead of the real one, so that no history has to wait.

    python -m tests.golden.clock SECONDS ARGUMENT...

runs the program in this process with its clock so many seconds ahead. Nothing here knows where the
program asks for the time: each module of it that holds the class `datetime`, the module of that name, or
`time.time` gets one that is shifted, and `time.time` itself is, for as long as `ahead` lasts. A clock that
was made a default argument keeps the real time.
"""

import datetime as _datetime
import importlib
import pkgutil
import sys
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_REAL = _datetime.datetime
_TIME, _TIME_NS = time.time, time.time_ns
_seconds = 0.0


class _Kind(type(_REAL)):
    """Any datetime is an instance of the shifted class."""

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, _REAL)


class _Shifted(_REAL, metaclass=_Kind):
    """`datetime`, whose present is ahead; all else gives plain datetimes."""

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        return _REAL(*arguments, **named)

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return _REAL.now(tz) + _datetime.timedelta(seconds=_seconds)


for _name in ("fromisoformat", "fromtimestamp", "strptime", "combine"):
    setattr(_Shifted, _name, getattr(_REAL, _name))
_Shifted.min, _Shifted.max = _REAL.min, _REAL.max


_shim = types.ModuleType("datetime")
vars(_shim).update({**vars(_datetime), "datetime": _Shifted})


def _time() -> float:
    return _TIME() + _seconds


def _time_ns() -> int:
    return _TIME_NS() + int(_seconds * 1e9)


SHIFTED: dict[int, Any] = {
    id(_REAL): _Shifted,
    id(_datetime): _shim,
    id(_TIME): _time,
    id(_TIME_NS): _time_ns,
}


@cache
def _holders() -> list[tuple[Any, str, Any]]:
    """(module, name, value) of each clock that a module of the program holds, all imported before."""
    import ankiforge

    found = []
    for one in pkgutil.walk_packages(ankiforge.__path__, "ankiforge."):
        if one.name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(one.name)
        except ImportError:  # an optional dependency that is not installed
            continue
        held = [
            (name, value) for name, value in vars(module).items() if id(value) in SHIFTED
        ]
        found += [(module, name, value) for name, value in held]
    return found


@contextmanager
def ahead(seconds: float) -> Iterator[None]:
    """The program's clock is so many seconds ahead of the real one."""
    global _seconds
    holders = _holders()
    _seconds = seconds
    time.time, time.time_ns = _time, _time_ns
    for module, name, value in holders:
        setattr(module, name, SHIFTED[id(value)])
    try:
        yield
    finally:
        time.time, time.time_ns = _TIME, _TIME_NS
        for module, name, value in holders:
            setattr(module, name, value)
        _seconds = 0.0


if __name__ == "__main__":
    from ankiforge.cli import main

    with ahead(float(sys.argv[1])):
        main(sys.argv[2:])
