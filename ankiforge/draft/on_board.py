"""A built-in model: llama.cpp's server for a file, started while it is needed.

The server runs in a process of its own (`llama`), listens on loopback at a port that the system
chooses, and answers only to a key that is made for it and never written down. It ends with `end`,
and with this program, however that ends.
"""

from __future__ import annotations

import http.client
import json
import re
import secrets
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ankiforge.draft import llama
from ankiforge.draft.gguf import memory_available, memory_needed
from ankiforge.errors import ServiceError, UsageError
from ankiforge.text import gigabytes

CONTEXT = 8192
"""The tokens of a request and its reply together."""
INSTALL = 'pip install "ankiforge-cards[local]"'
"""The command that installs llama.cpp."""
PATIENCE_S = 900.0
"""How long a model may take to be loaded, in seconds: 4 GB from a slow disk."""
_LOOK_AGAIN_S = 0.2
_LAST_LINES = 40
_SMALLER = "close other programs, or use a smaller model: ankiforge model list"
# How llama.cpp begins its message about a model that it cannot load; the clearest message first.
_REASONS = (
    re.compile(r"error loading model: (?!\w+: failed to load)(.+)"),
    re.compile(r"\bE \w+: (.+)"),
)


def check_on_board(file: Path) -> int:
    """Check that a model can be started; return the memory in bytes that it needs.

    Raises:
        UsageError: the file cannot be used, or llama.cpp is not installed.
        ServiceError: there is not enough memory.
    """
    needed = memory_needed(file, CONTEXT)
    if find_spec("xllamacpp") is None:
        raise not_installed()
    available = memory_available()
    if available is not None and available < needed:
        message = f"{file.name} needs about {gigabytes(needed)} of memory"
        raise ServiceError(
            f"{message}, and {gigabytes(available)} are free", hint=_SMALLER
        )
    return needed


def not_installed(reason: str = "") -> UsageError:
    """Return the error for a Python without llama.cpp."""
    message = "llm.model_file needs llama.cpp, which is not installed"
    return UsageError(f"{message} ({reason})" if reason else message, hint=INSTALL)


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
        self._said: deque[str] = deque(maxlen=_LAST_LINES)
        self._listener: threading.Thread | None = None
        self._is_ended = False
        self._place: tuple[str, str] | None = None

    def start(self) -> tuple[str, str]:
        """Start the server unless it runs; return its address and key once the model is loaded.

        Raises:
            UsageError, ServiceError: it cannot be started.
        """
        with self._starting:
            if self._place is None:
                check_on_board(self._file)
                size = gigabytes(self._file.stat().st_size)
                self._notice(f"loading {self._file.name} ({size}) …")
                self._place = self._started()
            return self._place

    def end(self) -> None:
        """End the server, even while it loads or answers."""
        self._is_ended = True
        process = self._process
        if process is None:
            return
        process.kill()
        process.wait()
        if self._listener is not None:
            self._listener.join()
        for pipe in (process.stdin, process.stdout):
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

    # --- starting -----------------------------------------------------------------------

    def _started(self) -> tuple[str, str]:
        """Start the process, and wait until it answers."""
        key = secrets.token_urlsafe(32)
        # -P: nothing of this folder is imported there
        command = (sys.executable, "-P", "-W", "ignore", llama.__file__)
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        self._process = process
        if self._is_ended:
            self.end()
            raise ServiceError("stopped before the model was loaded")
        self._listener = threading.Thread(
            target=self._listen,
            args=(process,),
            daemon=True,
        )
        self._listener.start()
        too_long = threading.Timer(PATIENCE_S, process.kill)
        too_long.start()
        try:
            address = self._loaded(process, key)
            self._wait_until_ready(process, address, key)
        finally:
            too_long.cancel()
        return f"{address}/v1", key

    def _loaded(self, process: subprocess.Popen[bytes], key: str) -> str:
        """Order a model, and return the address of its server."""
        assert process.stdin
        assert process.stdout
        order = {"model": str(self._file), "context": CONTEXT, "key": key}
        answer: dict[str, Any] = {}
        with suppress(OSError, ValueError):  # it died
            process.stdin.write(f"{json.dumps(order)}\n".encode())
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
        if "missing" in answer:
            raise not_installed(answer["missing"])
        if "failed" in answer:
            if self._listener is not None:
                self._listener.join(1.0)  # until it has read the reason
            reason = self._reason() or answer["failed"]
            hint = "if it is damaged, download it again; else try another: ankiforge model list"
            raise ServiceError(f"{self._file.name} cannot be loaded: {reason}", hint=hint)
        if "address" not in answer:
            raise self._death(process.wait())
        return str(answer["address"])

    def _wait_until_ready(
        self,
        process: subprocess.Popen[bytes],
        address: str,
        key: str,
    ) -> None:
        """Wait while the server answers 503, which means that it is loading."""
        while _status(address, key) in (None, 503):
            code = process.poll()
            if code is not None:
                raise self._death(code)
            time.sleep(_LOOK_AGAIN_S)

    # --- an end that nobody asked for ---------------------------------------------------

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

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Keep the last lines that llama.cpp writes; its pipe must not fill."""
        assert process.stderr
        with process.stderr:
            for line in process.stderr:
                self._said.append(line.decode("utf-8", "replace").strip())

    def _reason(self) -> str:
        """Return what llama.cpp complained of first; "" if it said nothing."""
        for reason in _REASONS:
            for line in self._said:
                match = reason.search(line)
                if match:
                    return match[1][:200]
        return ""


def _status(address: str, key: str) -> int | None:
    """Return the status of a server's health; None if it does not answer."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10.0)
    try:
        connection.request(
            "GET",
            "/health",
            headers={"Authorization": f"Bearer {key}"},
        )
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
