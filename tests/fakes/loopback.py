"""Serving on a free port of this machine, for as long as a test needs it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever asked has gone."""


class Handler(BaseHTTPRequestHandler):
    """Answers requests, and writes none of them to the terminal."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], server: type[HTTPServer] = _Server
) -> Iterator[str]:
    """Serve until the end of the block; yield the address, without a slash at its end."""
    with server(("127.0.0.1", 0), handler) as http:
        # it looks every 10 ms whether it shall end: by default, each test would wait half a second
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_address[1]}"
        finally:
            http.shutdown()
            thread.join()
