"""Asks the worker process for one file after another, and outlives its crashes."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Lock, Timer
from time import monotonic
from types import TracebackType
from typing import Self

import msgspec

import ankiforge
from ankiforge.extract.pdf.protocol import (
    REPAIR,
    Area,
    Around,
    Cut,
    Drawn,
    Failed,
    Passage,
    Pictures,
    Question,
    Quote,
    Read,
    Reply,
    Request,
    Sheet,
    Surroundings,
    absolute,
)

SECONDS = 60.0
"""No file is given more, by the clock on the wall."""
AT_ONCE = 8
"""Pictures that are asked for in one breath."""
ALL_PICTURES = 2
"""How many times the seconds of a file all its pictures together may take."""
AT_REST = 2
"""So many processes without work are kept."""
REST_SECONDS = 30.0
"""For so long."""
COMMAND = (sys.executable, "-P", "-m", "ankiforge.extract.pdf.worker")


class PdfWorker:
    """A worker process, started when first needed and again after it died."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """Prepare; `seconds` is the time a file may take."""
        self.seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self.busy = False
        """Whether a question waits for its answer."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.rest()

    def read(self, path: Path, passwords: tuple[str, ...] = ()) -> Read | Failed:
        """Read the marks of one file; a worker that dies over it costs only this file."""
        reply = self.ask(Request(os.fsencode(path), passwords))
        assert isinstance(reply, Read | Failed)
        return reply

    def passages(self, path: Path, quotes: Sequence[Quote]) -> tuple[Passage, ...]:
        """What stands around each quote in a file, () if it cannot be read."""
        reply = self.ask(Around(os.fsencode(path), tuple(quotes)))
        return reply.passages if isinstance(reply, Surroundings) else ()

    def draw(self, sheet: Sheet) -> Drawn | Failed:
        """A whole page, and where on it a mark lies."""
        reply = self.ask(sheet)
        assert isinstance(reply, Drawn | Failed)
        return reply

    def cut(
        self, path: Path, areas: Sequence[Area], passwords: tuple[str, ...] = ()
    ) -> tuple[bytes | None, ...]:
        """Pictures (PNG) of these areas of a file, in their order; None of each that cannot be had.

        An area is a page, from 0, and a box in points as in /Rect (and in Zotero's positions; of a
        drawing: the box around its paths, which `strokes` draws where the file lacks them).
        """
        made, _ = self.pictures(path, areas, passwords)
        return tuple(picture or None for picture in made)

    def pictures(
        self, path: Path, areas: Sequence[Area], passwords: tuple[str, ...] = ()
    ) -> tuple[list[bytes], Failed | None]:
        """The same with b"" for None, and why not all of them could be tried.

        They are asked for apart from the text, and a few at a time: a page that cannot be drawn
        costs little else.
        """
        made: list[bytes] = []
        begun = monotonic()
        for start in range(0, len(areas), AT_ONCE):
            some = tuple(areas[start : start + AT_ONCE])
            in_time = monotonic() - begun < ALL_PICTURES * self.seconds
            cut = Cut(os.fsencode(path), some, passwords)
            reply = self.ask(cut) if in_time else self._late(ALL_PICTURES)
            if not isinstance(reply, Pictures):
                assert isinstance(reply, Failed)
                return (made + [b""] * (len(areas) - start), reply)
            made += reply.pictures
        return (made, None)

    def _late(self, times: int = 1) -> Failed:
        what = f"reading it took longer than {times * self.seconds:g} s"
        return Failed(what, "print it to a new PDF, or leave it out with `exclude`")

    def ask(self, question: Question) -> Reply:
        """The reply to any question; a worker that dies over it, or is late, costs only this one."""
        self.busy = True
        process = self._process or self._start()
        line, late = self._exchange(process, question)
        self.busy = False
        if late:
            self.close()
        if line.endswith(b"\n"):
            reply: Reply = msgspec.json.decode(line, type=Reply)
            return reply
        self.close()
        if late:
            return self._late()
        return Failed("the PDF reader crashed on it", REPAIR)

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = _resting.pop() or self._begun()
        return self._process

    def _begun(self) -> subprocess.Popen[bytes]:
        home = str(Path(ankiforge.__file__).parents[1])
        paths = [home, os.environ.get("PYTHONPATH", "")]
        return subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )

    def _exchange(self, process: subprocess.Popen[bytes], question: Question) -> tuple[bytes, bool]:
        """The reply, b"" or a part of it if the worker died; and whether time ran out."""
        assert process.stdin is not None
        assert process.stdout is not None
        late = Event()
        timer = Timer(self.seconds, _stop, (process, late))
        timer.start()
        try:
            process.stdin.write(msgspec.json.encode(absolute(question)) + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = b""
        finally:
            timer.cancel()
            timer.join()
        return line, late.is_set()

    def rest(self) -> None:
        """Nothing more is asked for now: the process may serve another, unless it still answers."""
        if self.busy:
            self.close()
        process, self._process = self._process, None
        if process is not None:
            _resting.add(process)

    def close(self) -> None:
        """End the worker and wait for it."""
        self.busy = False
        process, self._process = self._process, None
        if process is not None:
            _end(process)


class _Resting:
    """Worker processes without work: one takes longer to begin than most files to read."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._timer: Timer | None = None

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Keep it for a while, if there are not enough."""
        with self._lock:
            self._processes.append(process)
            left = self._processes[AT_REST:]
            del self._processes[AT_REST:]
            self._wait()
        for one in left:
            _end(one)

    def pop(self) -> subprocess.Popen[bytes] | None:
        """One that is alive, if there is one."""
        with self._lock:
            process = self._processes.pop() if self._processes else None
        if process is None or process.poll() is None:
            return process
        _end(process)
        return self.pop()

    def end(self) -> None:
        """Nobody came: end them all."""
        with self._lock:
            left, self._processes = self._processes, []
            if self._timer is not None:
                self._timer.cancel()
        for one in left:
            _end(one)

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = Timer(REST_SECONDS, self.end)
        self._timer.daemon = True
        self._timer.start()


_resting = _Resting()
end_resting = _resting.end
"""Ends the processes that are kept for a next file."""
atexit.register(end_resting)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _stop(process: subprocess.Popen[bytes], late: Event) -> None:
    late.set()
    process.kill()
