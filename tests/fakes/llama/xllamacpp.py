"""What stands in for llama.cpp's server in Python: the same parameters, address, key and errors.

`ankiforge/draft/llama.py` imports it in its own process if this folder is on the path. FAKE_LLAMA, in
JSON, says how it behaves:

    log         a file that gets a line of JSON for the start, and for each request
    loading_s   how long a model is loaded; as in the real one, the interpreter stands still then
    unready     to how many requests the loaded server still answers 503
    fails       what it complains of instead of loading
    dies        "loading", or the number of the request at which the process crashes
"""

import ctypes
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fakes.llm_server import obliging

BEHAVIOUR = json.loads(os.environ.get("FAKE_LLAMA", "{}"))


class _Model:
    path = ""


class CommonParams:
    """Parameters with the names of the real ones; another name is an error."""

    __slots__ = (
        "api_keys", "cache_ram_mib", "enable_reasoning", "endpoint_slots", "hostnames", "model",
        "n_ctx", "n_parallel", "offline", "port", "ui", "verbosity",
    )  # fmt: skip

    def __init__(self) -> None:
        self.model = _Model()


class Server:
    """Loads a model, and listens from then on."""

    def __init__(self, params: CommonParams) -> None:
        log(pid=os.getpid(), argv=sys.argv, model=params.model.path)
        if BEHAVIOUR.get("dies") == "loading":
            crash()
        if "fails" in BEHAVIOUR:
            complaint = BEHAVIOUR["fails"]
            sys.stdout.write(
                f"0.00.1 E llama_model_load: error loading model: {complaint}\n"
            )
            sys.stdout.flush()
            raise RuntimeError("Failed to init server, please check the input params.")
        stand_still = ctypes.PyDLL(None).usleep  # keeps the lock of the interpreter
        for _ in range(int(BEHAVIOUR.get("loading_s", 0) * 10)):
            stand_still(100_000)
        assert params.hostnames == ["127.0.0.1"]
        self._http = ThreadingHTTPServer(("127.0.0.1", params.port), Handler)
        Handler.key = params.api_keys[0]
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.listening_address = f"http://127.0.0.1:{self._http.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    key = ""
    unready = BEHAVIOUR.get("unready", 0)
    asked = 0

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self._may_answer():
            self._say(200, {"status": "ok"})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self._may_answer():
            return
        Handler.asked += 1
        log(asked=Handler.asked, path=self.path)
        if BEHAVIOUR.get("dies") == Handler.asked:
            crash()
        self._say(200, json.loads(obliging(request).body))

    def _may_answer(self) -> bool:
        if self.headers.get("authorization") != f"Bearer {self.key}":
            self._say(401, {"error": {"message": "Invalid API Key", "code": 401}})
            return False
        if Handler.unready > 0:
            Handler.unready -= 1
            self._say(503, {"error": {"message": "Loading model", "code": 503}})
            return False
        return True

    def _say(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def log(**values: Any) -> None:
    if "log" in BEHAVIOUR:
        with open(BEHAVIOUR["log"], "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(json.dumps(values) + "\n")


def crash() -> None:
    """Be gone, as after a fault in native code."""
    os.kill(os.getpid(), signal.SIGKILL)
