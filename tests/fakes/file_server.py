"""A server on loopback with one large file, whose answers can be spoilt one by one."""

from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from tests.fakes.loopback import Handler, serving


@dataclass(frozen=True)
class Spoilt:
    """How one answer is spoilt."""

    cut: int | None = None
    """Break off after so many bytes of the body."""
    length: int | None = None
    """What the head says of the length of the whole file, if that is a lie."""
    ignores_range: bool = False
    status: int = 0
    location: str = ""
    shift: int = 0
    """Give the range that begins so many bytes later."""


@dataclass
class FileServer:
    content: bytes = b""
    etag: str = '"one"'
    queue: deque[Spoilt] = field(default_factory=deque)
    always: Spoilt = Spoilt()
    """How answers are spoilt when the queue is empty."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """(path, range) of each request."""

    address: str = ""
    _serving: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"fake": self})
        self.address = self._serving.enter_context(serving(handler))
        return self

    def __exit__(self, *_: object) -> None:
        self._serving.close()


class _Handler(Handler):
    fake: FileServer

    def do_GET(self) -> None:
        fake = self.fake
        wanted = self.headers.get("range", "")
        fake.asked.append((self.path, wanted))
        spoilt = fake.queue.popleft() if fake.queue else fake.always
        if spoilt.status or spoilt.location:
            where = {"location": spoilt.location} if spoilt.location else {}
            self._say(spoilt.status or 302, b"", spoilt, **where)
            return
        size = len(fake.content)
        is_same = self.headers.get("if-range", fake.etag) == fake.etag
        if not wanted or spoilt.ignores_range or not is_same:
            self._say(200, fake.content, spoilt)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) + spoilt.shift
        whole = size if spoilt.length is None else spoilt.length
        if start >= size:
            self._say(416, b"", Spoilt(), **{"content-range": f"bytes */{size}"})
            return
        part = fake.content[start:]
        place = f"bytes {start}-{size - 1}/{whole}"
        self._say(206, part, spoilt, **{"content-range": place})

    def _say(self, status: int, body: bytes, spoilt: Spoilt, **headers: Any) -> None:
        self.send_response(status)
        length = len(body)
        if status == 200 and spoilt.length is not None:
            length = spoilt.length
        self.send_header("content-length", str(length))
        self.send_header("etag", self.fake.etag)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # who asked went away
            self.wfile.write(body[: spoilt.cut])
