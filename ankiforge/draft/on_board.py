"""A built-in model: llama.cpp's server for a file, started while it is needed.

The server runs in a process of its own (`llama`), listens on loopback at a port that the system
chooses, and answers only to a key that is made for it and never written down. It ends with `end`,
and with this program, however that ends.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from ankiforge.draft import llama
from ankiforge.draft.model_files import size_of
from ankiforge.errors import ServiceError, UsageError
from ankiforge.text import gigabytes, regex

CONTEXT = 8192
"""The tokens of a request and its reply together."""
INSTALL = 'pip install "ankiforge-cards[local]"'
"""The command that installs llama.cpp."""
PATIENCE_S = 900.0
"""How long a model may take to be loaded, in seconds: 4 GB from a slow disk."""
_SMALLER = "close other programs, or use a smaller model: ankiforge model list"
# How llama.cpp begins its message about a model that it cannot load; the clearest message first.
_REASONS = (
    regex(r"error loading model: (?!\w+: failed to load)(.+)"),
    regex(r"\bE \w+: (.+)"),
)


# --- before it is started -------------------------------------------------------------


def memory_needed(size: int) -> int:
    """Return about how many bytes of memory a model needs whose file has so many bytes.

    llama.cpp keeps a part of the weights twice, and the context: measured 2.15 GB with a file of
    1.12 GB.
    """
    return size * 17 // 10 + (300 << 20)


def too_little_memory(name: str, size: int) -> str:
    """Return that a model does not fit into the memory; "" if it does, or nobody knows."""
    available = _memory_available()
    needed = memory_needed(size)
    if available is None or available >= needed:
        return ""
    return f"{name} needs about {gigabytes(needed)} of memory, and {gigabytes(available)} are free"


def _memory_available() -> int | None:
    """Return the memory in bytes that programs can still get; None if the system does not say."""
    with suppress(OSError, ValueError):
        meminfo = Path("/proc/meminfo").read_text(encoding="ascii")
        match = re.search(r"MemAvailable: *(\d+) kB", meminfo)
        if match:
            return int(match[1]) << 10
    # macOS gives unused memory to files, and takes it back
    with suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def check_on_board(file: Path) -> int:
    """Check that a model can be started; return the size of its file in bytes.

    Raises:
        UsageError: the file cannot be used, or llama.cpp is not installed.
        ServiceError: there is not enough memory.
    """
    size = size_of(file)
    if find_spec("xllamacpp") is None:
        raise not_installed()
    message = too_little_memory(file.name, size)
    if message:
        raise ServiceError(message, hint=_SMALLER)
    return size


def not_installed(reason: str = "") -> UsageError:
    """Return the error for a Python without llama.cpp."""
    message = "llm.model_file needs llama.cpp, which is not installed"
    return UsageError(f"{message} ({reason})" if reason else message, hint=INSTALL)


# --- the server -----------------------------------------------------------------------


class OnBoard:
    """The server of one model. Thread-safe."""

    def __init__(
        self,
        file: Path,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Start nothing yet; `notice` is called when the model is being loaded."""
        self._file = file
        self._notice = notice
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        # What llama.cpp says.
        self._said: IO[bytes] | None = None
        self._is_ended = False
        self._place: tuple[str, str] | None = None

    def start(self) -> tuple[str, str]:
        """Start the server unless it runs; return its address and key. It may still load.

        Raises:
            UsageError, ServiceError: it cannot be started.
        """
        with self._starting:
            if self._place is not None:
                return self._place
            size = check_on_board(self._file)
            self._notice(f"loading {self._file.name} ({gigabytes(size)}) …")

            # order the model, and wait until the process tells its address
            key = secrets.token_urlsafe(32)
            # -P: nothing of this folder is imported there
            command = (sys.executable, "-P", "-W", "ignore", llama.__file__)
            pipe = subprocess.PIPE
            self._said = tempfile.TemporaryFile()  # noqa: SIM115 - `end` closes it
            process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=self._said
            )
            self._process = process
            if self._is_ended:
                self.end()
                raise ServiceError("stopped before the model was loaded")
            assert process.stdin
            assert process.stdout
            order = {"model": str(self._file), "context": CONTEXT, "key": key}
            answer: dict[str, Any] = {}
            too_long = threading.Timer(PATIENCE_S, process.kill)
            too_long.start()
            with suppress(OSError, ValueError):  # it died
                process.stdin.write(f"{json.dumps(order)}\n".encode())
                process.stdin.flush()
                answer = json.loads(process.stdout.readline())
            too_long.cancel()
            if "missing" in answer:
                raise not_installed(answer["missing"])
            if "failed" in answer:
                reason = self._reason() or answer["failed"]
                hint = "if it is damaged, download it again; else try another: ankiforge model list"
                raise ServiceError(
                    f"{self._file.name} cannot be loaded: {reason}", hint=hint
                )
            if "address" not in answer:
                raise self._death(process.wait())
            self._place = (f"{answer['address']}/v1", key)
            return self._place

    def end(self) -> None:
        """End the server, even while it loads or answers."""
        self._is_ended = True
        process = self._process
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, self._said):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def fault(self, patience: float = 1.0) -> ServiceError | None:
        """Return why the server ended by itself; None if it runs, or was ended.

        `patience`: a process whose connection broke may take so many seconds to be gone.
        """
        process = self._process
        if process is None or self._is_ended:
            return None
        with suppress(subprocess.TimeoutExpired):
            return self._death(process.wait(patience))
        return None

    def _death(self, code: int) -> ServiceError:
        """Return the error for a process that ended by itself."""
        if code == -9:
            what_happened = "was ended by the system, which happens when memory runs out"
        elif code < 0:
            what_happened = f"crashed (signal {-code})"
        else:
            what_happened = f"ended (exit code {code})"
        reason = self._reason()
        suffix = f": {reason}" if reason else ""
        message = f"the built-in model, {self._file.name}, {what_happened}{suffix}"
        again = "run again: what was answered is kept"
        return ServiceError(message, hint=f"{again}; if it ends again, {_SMALLER}")

    def _reason(self) -> str:
        """Return the first complaint of llama.cpp; "" if it said nothing."""
        assert self._said
        with suppress(ValueError):  # it is closed
            self._said.seek(0)
            said = self._said.read(1 << 20).decode("utf-8", "replace")
            for pattern in _REASONS:
                match = pattern.search(said)
                if match:
                    return match[1][:200]
        return ""
