"""How a command that goes on until it is stopped is stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Being ended, or left by a terminal, is as Ctrl-C; whoever asked for more (`nohup`) has it."""
    names = (name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
    known = (signal.Signals[name] for name in names)
    heeded = [one for one in known if signal.getsignal(one) is signal.SIG_DFL]
    for one in heeded:
        signal.signal(one, signal.default_int_handler)
    try:
        yield
    finally:
        for one in heeded:
            signal.signal(one, signal.SIG_DFL)
