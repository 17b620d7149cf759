"""llama.cpp's server for one model, in a process of its own: what crashes there ends only that.

`on_board` runs this file as a script, with the same Python and nothing else of this package.

    standard input     one line of JSON: model, context, key. Its end ends this process
    standard output    one line of JSON: the address once the model is loaded, or what is wrong
    standard error     what llama.cpp says

While the model is loaded, the server answers 503.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from typing import TextIO

PROMPT_CACHE_MIB = 256
"""The memory for the beginnings of former requests."""
_ERRORS_ONLY = 1


def main() -> None:
    """Load the model, serve it, and end with the program that asked for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # native code may print anything
    order = json.loads(sys.stdin.buffer.readline())
    # The system ends this process if the pipe of its standard input is closed: loading a
    # model holds the interpreter, so nothing of Python would notice. Where the system has no
    # such signal, it is noticed once the model is loaded.
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
            flags = fcntl.fcntl(0, fcntl.F_GETFL)
            fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        import xllamacpp
    except ImportError as error:
        _tell(answers, missing=str(error))
        return

    # a server on loopback, at a port that the system chooses
    parameters = xllamacpp.CommonParams()
    parameters.model.path = order["model"]
    parameters.n_ctx = order["context"]
    parameters.n_parallel = 1  # the whole context is for one request, the others wait
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [order["key"]]
    parameters.ui = False
    parameters.endpoint_slots = False  # it would show what others ask
    parameters.verbosity = _ERRORS_ONLY
    parameters.cache_ram_mib = PROMPT_CACHE_MIB
    parameters.enable_reasoning = 0  # a small model thinks for minutes
    parameters.offline = True
    try:
        server = xllamacpp.Server(parameters)
    except Exception as error:  # noqa: BLE001  (reported to the program)
        _tell(answers, failed=str(error))
        return
    _tell(answers, address=server.listening_address)
    while sys.stdin.buffer.read(1 << 16):
        pass
    os._exit(0)  # closing the server would wait for a request that nobody needs


def _tell(answers: TextIO, **values: str) -> None:
    answers.write(f"{json.dumps(values)}\n")
    answers.flush()


if __name__ == "__main__":
    main()
