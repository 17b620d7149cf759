"""Two computers of one person, and Anki's own sync server between them."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

PASSWORD = "secret"
PEOPLE = 8
"""Accounts of a server, one a test; it takes some tenths of a second for each when it begins."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LISTENING = re.compile(r"addr=(127\.0\.0\.1:\d+)")


@dataclass
class Server:
    """A running server, and who has no collection there yet."""

    address: str
    people: Iterator[str]


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """`python -m anki.syncserver` on a free port."""
    people = [f"person{number}" for number in range(1, PEOPLE + 1)]
    accounts = {
        f"SYNC_USER{at}": f"{name}:{PASSWORD}" for at, name in enumerate(people, start=1)
    }
    place = {"SYNC_BASE": str(folder), "SYNC_HOST": "127.0.0.1", "SYNC_PORT": "0"}
    environment = os.environ | accounts | place | {"RUST_LOG": "anki=info"}
    command = [sys.executable, "-m", "anki.syncserver"]
    log = folder.with_suffix(".log")
    with (
        log.open("w") as out,
        subprocess.Popen(
            command, env=environment, stdout=out, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            yield Server(f"http://{_address(process, log)}/", iter(people))
        finally:
            process.terminate()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        if found := _LISTENING.search(_COLOUR.sub("", log.read_text())):
            return found[1]
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(f"no sync server: {log.read_text()}")


@dataclass
class Device:
    """A collection that knows the server."""

    anki: Any
    auth: Any

    def sync(self, *, upload: bool | None = None) -> str:
        """Sync once, and in full if Anki asks for it.

        Args:
            upload: what the person answers if both sides have something to lose.

        Returns:
            "normal", "upload" or "download".
        """
        # a change within the millisecond in which a sync ended would not count as one
        time.sleep(0.01)
        way = self._sync(upload)
        time.sleep(0.01)
        return way

    def _sync(self, upload: bool | None) -> str:
        col = self.anki.col
        asked = col.sync_collection(self.auth, False)
        ways = {
            asked.NO_CHANGES: None,
            asked.FULL_UPLOAD: True,
            asked.FULL_DOWNLOAD: False,
        }
        up = ways.get(asked.required, upload)
        if asked.required == asked.NO_CHANGES:
            return "normal"
        assert up is not None, "Anki asks which side is to be kept"
        col.close_for_full_sync()
        col.full_upload_or_download(auth=self.auth, server_usn=None, upload=up)
        col.reopen(after_full_sync=True)
        col.models._clear_cache()
        return "upload" if up else "download"


@contextmanager
def devices(
    server: Server, folder: Path, backend: ModuleType, *names: str
) -> Iterator[dict[str, Device]]:
    """Collections of one person that were synced once, with one note of the person's own."""
    with ExitStack() as stack:
        person = next(server.people)
        made = {}
        for name in names:
            (folder / name).mkdir()
            anki = stack.enter_context(backend.opened(folder / name))
            made[name] = Device(
                anki, anki.col.sync_login(person, PASSWORD, server.address)
            )
        first, *others = made.values()
        own = first.anki.col.new_note(first.anki.col.models.by_name("Basic"))
        own["Front"] = "own"
        first.anki.col.add_note(own, 1)
        assert first.sync() == "upload"
        assert [other.sync() for other in others] == ["download"] * len(others)
        yield made
