"""Runs a program at a terminal of its own, and presses keys as a person would.

A key is pressed when the program waits for one: keys pressed before that would be lost. (POSIX)
"""

from __future__ import annotations

import os
import pty
import select
import termios
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

ROWS, COLUMNS = 40, 100
_LOCAL_FLAGS = 3


class Running(Protocol):
    """A process that was started."""

    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def kill(self) -> None: ...


class Keyboard:
    """A program at a terminal. Use it in a `with` statement."""

    def __init__(
        self,
        start: Callable[[int], Running],
        patience: float = 60,
    ) -> None:
        """Start the program.

        Args:
            start: starts it at a terminal, of which it gets the file descriptor.
            patience: seconds to wait for it before giving up.
        """
        self._patience = patience
        self._master, self._slave = pty.openpty()
        termios.tcsetwinsize(self._slave, (ROWS, COLUMNS))
        self.keys = 0
        """The keys pressed so far."""
        self.process = start(self._slave)

    def __enter__(self) -> Self:
        """Return it; the end of the block ends the program."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(self._patience)
        os.close(self._slave)
        os.close(self._master)

    def shown(self) -> str:
        """Wait until the program wants a key or has ended; return what it printed meanwhile.

        Raises:
            TimeoutError: it does neither in time.
        """
        return self._read_until(lambda _: self._wants_a_key())

    def shows(self, words: str) -> str:
        """Wait until the program has printed some words; return what it printed meanwhile."""
        return self._read_until(lambda printed: words in printed)

    def press(self, key: str) -> str:
        """Press a key that makes the program print something; return what that is."""
        self.keys += 1
        os.write(self._master, key.encode())
        return self._read_until(lambda printed: bool(printed)) + self.shown()

    def write(self, line: str) -> None:
        """Type a line and press Enter."""
        self.keys += len(line) + 1
        os.write(self._master, f"{line}\r".encode())

    def paste(self, text: str) -> str:
        """Paste a text as a terminal does; return what the program prints then."""
        typed = text.replace("\n", "\r")
        rest = f"\x1b[200~{typed}\x1b[201~".encode()
        while rest:
            rest = rest[os.write(self._master, rest[:1024]) :]
        return self._read_until(lambda printed: bool(printed)) + self.shown()

    def ended(self) -> int:
        """Wait for the end of the program; return its exit code."""
        return self.process.wait(timeout=self._patience)

    def _wants_a_key(self) -> bool:
        """Return whether the terminal hands on each key at once, as while one is waited for."""
        return not termios.tcgetattr(self._slave)[_LOCAL_FLAGS] & termios.ICANON

    def _read_until(self, is_enough: Callable[[str], bool]) -> str:
        """Return what is printed until that is enough, or the program has ended."""
        printed = ""
        end = time.monotonic() + self._patience
        while not is_enough(printed) and self.process.poll() is None:
            printed += self._read()
            if time.monotonic() > end:
                raise TimeoutError(printed)
        return printed + self._read()

    def _read(self) -> str:
        """Return what was printed since, after a moment if nothing was."""
        printed = b""
        wait = 0.01
        while select.select([self._master], [], [], wait)[0]:
            printed += os.read(self._master, 65536)
            wait = 0
        return printed.decode("utf-8", "replace")
