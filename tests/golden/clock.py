"""A clock for the program that runs ahead of the real one, so that no history has to wait.

    python -m tests.golden.clock SECONDS ARGUMENT...

runs the program in this process with its clock so many seconds ahead. Nothing here knows where the
program asks for the time: every module of it that holds `datetime.datetime` gets one that is shifted,
and `time.time` is shifted for as long as `ahead` lasts.
"""

from __future__ import annotations

import datetime as _datetime
import importlib
import pkgutil
import sys
import time
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

    @classmethod
    def today(cls) -> Any:
        return cls.now()

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(_datetime.UTC).replace(tzinfo=None)


for _name in ("fromisoformat", "fromtimestamp", "strptime", "combine"):
    setattr(_Shifted, _name, getattr(_REAL, _name))
_Shifted.min, _Shifted.max = _REAL.min, _REAL.max


@cache
def _modules() -> list[Any]:
    """Every module of the program that holds the class, imported beforehand."""
    import ankiforge

    found = []
    for one in pkgutil.walk_packages(ankiforge.__path__, "ankiforge."):
        if one.name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(one.name)
        except ImportError:  # an optional dependency that is not installed
            continue
        if getattr(module, "datetime", None) is _REAL:
            found.append(module)
    return found


@contextmanager
def ahead(seconds: float) -> Iterator[None]:
    """The program's clock is so many seconds ahead of the real one."""
    global _seconds
    modules = _modules()
    _seconds = seconds
    time.time = lambda: _TIME() + seconds
    time.time_ns = lambda: _TIME_NS() + int(seconds * 1e9)
    for module in modules:
        module.datetime = _Shifted
    try:
        yield
    finally:
        time.time, time.time_ns = _TIME, _TIME_NS
        for module in modules:
            module.datetime = _REAL
        _seconds = 0.0


if __name__ == "__main__":
    from ankiforge.cli import main

    with ahead(float(sys.argv[1])):
        main(sys.argv[2:])
