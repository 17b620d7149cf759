"""Two computers of one person, and Anki's own sync server between them."""

import os
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import pbkdf2_hmac
from pathlib import Path
from types import ModuleType
from typing import Any

PASSWORD = "secret"
PEOPLE = 200
"""Accounts of a server: it takes longer to begin than most rows, so that a session has one."""
ROUNDS = 1000
"""Of hashing that password; the server itself takes 600,000 for each account, when it begins."""
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
    accounts = {f"SYNC_USER{at}": f"{name}:{_hashed()}" for at, name in enumerate(people, start=1)}
    environment = (
        os.environ
        | accounts
        | {
            "PASSWORDS_HASHED": "1",
            "SYNC_BASE": str(folder),
            "SYNC_HOST": "127.0.0.1",
            "SYNC_PORT": "0",
            "RUST_LOG": "anki=info",
        }
    )
    command = [sys.executable, "-m", "anki.syncserver"]
    log = folder.with_suffix(".log")
    with (
        log.open("w") as out,
        subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT) as process,
    ):
        try:
            yield Server(f"http://{_address(process, log)}/", iter(people))
        finally:
            process.terminate()


def _hashed() -> str:
    """The password as the server reads it (PHC)."""
    salt = b"salt of the table"
    digest = pbkdf2_hmac("sha256", PASSWORD.encode(), salt, ROUNDS)
    words = (b64encode(one).decode().rstrip("=") for one in (salt, digest))
    return f"$pbkdf2-sha256$i={ROUNDS},l=32${'$'.join(words)}"


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
        ways = {asked.NO_CHANGES: None, asked.FULL_UPLOAD: True, asked.FULL_DOWNLOAD: False}
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
            made[name] = Device(anki, anki.col.sync_login(person, PASSWORD, server.address))
        first, *others = made.values()
        own = first.anki.col.new_note(first.anki.col.models.by_name("Basic"))
        own["Front"] = "own"
        first.anki.col.add_note(own, 1)
        assert first.sync() == "upload"
        assert [other.sync() for other in others] == ["download"] * len(others)
        yield made


# --- the words of the table -----------------------------------------------------------------


@dataclass
class Pair:
    """Two benches with one shelf of packages, and how they sync."""

    devices: dict[str, Device]
    benches: dict[str, Any]

    def tell(self, question: str) -> Any:
        """`laptop_...`, `phone_...`, or `both_...`: one answer if they agree, else two."""
        device, _, asked = question.partition("_")
        if device in self.benches:
            return self.benches[device].tell(asked)
        answers = [bench.tell(asked) for bench in self.benches.values()]
        return answers[0] if answers[0] == answers[1] else answers


def on(name: str) -> Callable[..., Callable[[Pair], None]]:
    """What is done on one device, step by step."""

    def steps(*steps: Callable[[Any], object]) -> Callable[[Pair], None]:
        def do(pair: Pair) -> None:
            for step in steps:
                step(pair.benches[name])

        return do

    return steps


def sync(*names: str, **answer: bool) -> Callable[[Pair], None]:
    """The devices sync one after the other."""

    def do(pair: Pair) -> None:
        for name in names:
            pair.devices[name].sync(**answer)

    return do


def backup(bench: Any) -> None:
    col = bench.anki.col
    col.export_collection_package(str(bench.folder / "backup.colpkg"), False, False)
    col.reopen()


def restore(bench: Any) -> None:
    """As "Revert to Backup" in Anki."""
    col = bench.anki.col
    path = Path(col.path)
    col.close_for_full_sync()
    col._backend.close_collection(downgrade_to_schema11=False)
    col._backend.import_collection_package(
        col_path=str(path),
        backup_path=str(bench.folder / "backup.colpkg"),
        media_folder=str(path.with_suffix(".media")),
        media_db=str(path.with_suffix(".media.db2")),
    )
    col.reopen()
    col.models._clear_cache()


def clock(seconds: int) -> Callable[[Any], None]:
    """As if the last edit was made by a clock that is off by so much, or so long ago."""
    return _stamped("mod + ?", seconds)


def at(mod: int) -> Callable[[Any], None]:
    """As if the last edit was made in this second."""
    return _stamped("?", mod)


def _stamped(mod: str, value: int) -> Callable[[Any], None]:
    def do(bench: Any) -> None:
        statement = f"update notes set mod = {mod}, usn = -1 where guid = ?"
        bench.anki.col.db.execute(statement, value, bench.subject)

    return do
