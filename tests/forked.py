"""The program in a process of its own that has it imported: such a start costs a tenth.

`Forge.started` gives what a person starts, with a new interpreter; its start is tested with that.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any, TextIO

from tests.limits import PATIENCE

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [__name__, "ankiforge.cli.serve", "ankiforge.features.agents.server", "ankiforge.web.server", "ankiforge.web.session"]
)  # fmt: skip


class Forked:
    """A process of the program, with pipes for its input and its output."""

    def __init__(
        self, arguments: tuple[str, ...], forge: Any, waits: Mapping[str, float]
    ) -> None:
        theirs_in, ours_in = _CONTEXT.Pipe(duplex=False)
        ours_out, theirs_out = _CONTEXT.Pipe(duplex=False)
        ours_err, theirs_err = _CONTEXT.Pipe(duplex=False)
        ends = (theirs_in, theirs_out, theirs_err)
        environment = {**os.environ, **forge.environment}
        given = (arguments, forge.folder, environment, ends, waits)
        self._process = _CONTEXT.Process(target=_run, args=given, daemon=True)
        self._process.start()
        for end in ends:
            end.close()
        self.stdin = _file(ours_in, "w")
        self.stdout = _file(ours_out, "r")
        self.stderr = _file(ours_err, "r")

    def finished(self, seconds: float) -> tuple[int, str, str]:
        """Wait for the end; return the exit code, and the texts of both outputs."""
        with ThreadPoolExecutor(2) as reading:
            texts = [reading.submit(file.read) for file in (self.stdout, self.stderr)]
            self._process.join(seconds)
            code = self._process.exitcode
            self._process.kill()
        assert code is not None, "it hangs"
        out, err = (text.result() for text in texts)
        return code, out, err

    def end(self, by: int) -> None:
        """Send a signal, and wait for the end."""
        with suppress(ProcessLookupError):  # it has just ended by itself
            if self._process.is_alive():
                os.kill(self._process.pid, by)
        self._process.join(PATIENCE)
        is_over = not self._process.is_alive()
        self._process.kill()
        for file in (self.stdin, self.stdout, self.stderr):
            file.close()
        assert is_over, "it does not end"


class AtTerminal:
    """A process of the program at a terminal, with what a test uses of `subprocess.Popen`."""

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        terminal: int,
    ) -> None:
        ends = [DupFd(terminal) for _ in range(3)]
        given = (tuple(arguments), folder, dict(environment), ends, {})
        self._process = _CONTEXT.Process(target=_run, args=given, daemon=True)
        self._process.start()

    def poll(self) -> int | None:
        """Return the exit code, or None as long as it runs."""
        return self._process.exitcode

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for the end; return the exit code."""
        self._process.join(timeout)
        code = self._process.exitcode
        assert code is not None, "it hangs"
        return code

    def kill(self) -> None:
        self._process.kill()


@contextmanager
def forked(
    forge: Any, *arguments: str, waits: Mapping[str, float] = {}
) -> Iterator[Forked]:
    """Yield a process of the program, which Ctrl-C ends.

    `waits`: how long it waits for what, by the full name of the constant.
    """
    process = Forked(arguments, forge, waits)
    try:
        yield process
    finally:
        process.end(signal.SIGINT)


def _file(end: Connection, mode: str) -> TextIO:
    """Return the text file at the end of a pipe."""
    with end:
        return os.fdopen(os.dup(end.fileno()), mode, encoding="utf-8")


def _run(
    arguments: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    ends: Sequence[Any],
    waits: Mapping[str, float],
) -> None:
    """Call the program, in the new process; the ends of pipes, or a terminal, are its streams."""
    from ankiforge.cli import main

    for name, seconds in waits.items():
        module, _, constant = name.rpartition(".")
        setattr(import_module(module), constant, seconds)
    for number, end in enumerate(ends):
        if isinstance(end, Connection):
            os.dup2(end.fileno(), number)
            end.close()
        else:
            os.dup2(end.detach(), number)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8") for number, mode in enumerate("rww")
    )
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ |= environment
    os.chdir(folder)
    main(list(arguments))
