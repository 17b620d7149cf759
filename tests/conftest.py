"""The program as a person calls it, in a home of its own."""

import gc
import importlib
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import chdir, closing, contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import chain, groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

import ankiforge.extract.pdf.requests  # noqa: F401 - each process that reads PDFs would import it
from ankiforge.anki import collection
from ankiforge.cli import main
from ankiforge.config import yamlfile
from ankiforge.config.workspace import load_values, store_values
from ankiforge.draft import client
from ankiforge.draft.server import ServerSettings
from ankiforge.extract import files as files_on_disk
from ankiforge.extract.pdf import worker
from ankiforge.ledger import database
from ankiforge.ledger import ingest as reading
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.listing import Listing
from tests import examples
from tests.fakes import llm_server
from tests.forked import AtTerminal
from tests.limits import PATIENCE

MEMORY = Path("/dev/shm")  # of the time of a test a third is waiting for a disk
if (
    "TMPDIR" not in os.environ
    and MEMORY.is_dir()
    and shutil.disk_usage(MEMORY).free > 2 << 30
):
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as for tests started in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # or by nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_configure(config: pytest.Config) -> None:
    """Tell the laws how many examples there are, before they are read."""
    is_quick = "ANKIFORGE_QUICK" in os.environ
    examples.load(is_short=is_quick or "not slow" in config.option.markexpr)


gc.disable()  # what is imported and collected is no garbage


def pytest_collection_finish():
    """Look for garbage from here on, but not through all that is there by now."""
    gc.freeze()
    gc.enable()


def pytest_xdist_auto_num_workers():
    """Two workers more than there are processors: many tests wait for a clock or for a browser."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with the tests that take long, so that none is the last one at work.

    `--dist worksteal` gives each worker an equal part of the list; whoever is done takes from the end of
    another's part. One worker has all tests in a browser, which mostly wait, while the others compute.
    """
    parts: list[list[pytest.Item]]
    parts = [[] for _ in range(int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))]
    if len(parts) == 1 or "ANKIFORGE_QUICK" in os.environ:  # which has its own order
        return
    short: list[pytest.Item] = []
    for _, tests in groupby(items, lambda item: item.path):
        together = [*tests]
        if any("browser" in item.fixturenames for item in together):
            parts[0] += together
        elif any(item.get_closest_marker("slow") for item in together):
            min(parts[1:], key=len).extend(together)
        else:
            short += together
    size = -(-len(items) // len(parts))
    for part in parts:
        count = max(0, size - len(part))
        part += short[:count]
        del short[:count]
    items[:] = chain(*parts, short)


@dataclass(frozen=True)
class Result:
    """What a call came to."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[Any]:
        """The JSON values on stdout, one a line."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def is_card_or_draft(row: dict[str, Any]) -> bool:
    """Whether a row of `list --json` is no question and no suggestion."""
    return str(row["id"]).startswith(("af", "dr"))


class Forge:
    """`forge("run", vault)`: ankiforge called in `folder`, with `home` for the user's own files.

    `started` gives a process of its own instead, for what only a real process shows.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "desk"
        self.home = folder / "home"
        self.takes_marks = False
        """Whether a person accepts the new marks after each `run`."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def name_machine(self, name: str) -> None:
        """Give this computer an id, which is random otherwise."""
        self.home.mkdir(parents=True, exist_ok=True)
        ids = dict.fromkeys(map(str, (self.folder, self.home)), name)
        (self.home / "machines.json").write_text(json.dumps(ids))

    def __call__(self, *arguments: str | Path, code: int | None = None) -> Result:
        """Call the program in this process; `code` is what it must exit with, if given."""
        out, err = io.StringIO(), io.StringIO()
        with self.here(), redirect_stdout(out), redirect_stderr(err):
            try:
                main([str(argument) for argument in arguments])
            except SystemExit as ended:
                result = Result(int(str(ended.code)), out.getvalue(), err.getvalue())
        assert code is None or result.exit_code == code, result
        is_run = arguments[:1] == ("run",)
        is_run &= not {"review", "--dry-run"} & {*arguments}
        if self.takes_marks and is_run and result.exit_code == 0:
            self.take_marks()
        return result

    def take_marks(self) -> None:
        """Accept the new marks that nothing is said about, and build."""
        [waiting] = self.lists("new")
        marks = [
            card["id"]
            for card in waiting
            if card["waits"] == "Made of your highlight; you decide."
            and not (card["changes"] or card["replaces"])
        ]
        if marks:
            self("accept", *marks)
            self("build")

    @contextmanager
    def here(self) -> Iterator[None]:
        """In the folder where it is called, with what the system tells it."""
        with pytest.MonkeyPatch.context() as patch, chdir(self.folder):
            for name, value in self.environment.items():
                patch.setenv(name, value)
            yield

    def lists(self, *lists: str) -> list[list[dict[str, Any]]]:
        """What `list --view …` tells as JSON of several views, of a ledger that is opened once.

        `none` is `list --no-card --all`, `all` is `list --all`, and `new` is what waits, both
        without questions and suggestions.
        """
        told = []
        with self.here(), Workspace(read_only=True) as opened:
            listing = Listing(
                opened.ledger,
                opened.decks,
                as_json=True,
                verbose=False,
            )
            for name in lists:
                if name == "none":
                    shown = listing.list_without_card((), everything=True)
                elif name == "new":
                    shown = listing.list_view(
                        ("verdict:waiting",), None, everything=False
                    )
                else:
                    view = name.removeprefix("all") or None
                    shown = listing.list_view((), view, everything=view is None)
                lines = [msgspec.json.encode(data) for data, _ in shown]
                rows = [json.loads(line) for line in lines]
                if name in ("new", "all"):
                    rows = [*filter(is_card_or_draft, rows)]
                told.append(rows)
        return told

    def ok(self, *arguments: str | Path) -> Result:
        """A call that must exit with 0."""
        return self(*arguments, code=0)

    def json(self, *arguments: str | Path) -> Any:
        """The one JSON value of a call that must exit with 0."""
        return self.ok(*arguments, "--json").data

    def settings(
        self, text: str, *, trust: bool | None = None, proposals: bool = False
    ) -> Path:
        """Write `ankiforge.yaml` where the program is called, as a person who trusts it.

        With `trust`, they say so by `init`, which also takes over the default workspace.

        Most tests are about other drafts: `proposals` switches on those of plain highlights.
        """
        path = self.folder / "ankiforge.yaml"
        if not proposals and "proposals:" not in text:
            if text.startswith("{"):
                text = text.replace("{", '{"proposals": false, ', 1)
            else:
                text = f"{text.rstrip()}\nproposals: false\n"
        path.write_text(text, encoding="utf-8")
        if trust:
            self.ok("init", "--trust", self.folder)
        elif trust is None:
            self.trust(self.folder)
        return path

    def trust(self, workspace: Path) -> None:
        """Let the person trust a workspace."""
        trusted = load_values(self.home, "trusted")
        trusted[str(workspace.resolve())] = "made here"
        store_values(self.home, "trusted", trusted)

    def drafting(self, url: str, *sources: str, more: str = "", **llm: object) -> Path:
        """Settings of sources (or of the folder `notes`) whose passages a model at `url` drafts.

        It reads its cards once, unless a test says otherwise: a person at a terminal is not asked.
        """
        told = json.dumps({"base_url": url, "model": "m", "second_reading": False, **llm})
        named = ", ".join(sources or ["{obsidian: {name: notes, path: notes}}"])
        text = f"sources: [{named}]\ndrafter: llm\nllm: {told}\nanki: {{collection: none}}\n{more}"
        return self.settings(text)

    def cards(self, *arguments: str | Path) -> list[dict[str, Any]]:
        """All cards and drafts, rejected and retired ones too, as `list` tells them."""
        rows = self.ok("list", "--all", "--json", *arguments).lines
        return [*filter(is_card_or_draft, rows)]

    def started(
        self,
        *arguments: str | Path,
        before: tuple[str, ...] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """The program in a process of its own; `before` is the command that starts it, if any.

        Nobody can be asked anything there: `at_terminal` is where somebody can.
        """
        words = [str(argument) for argument in arguments]
        return subprocess.Popen(
            [*before, sys.executable, "-m", "ankiforge", *words],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def at_terminal(self, *arguments: str | Path, terminal: int) -> AtTerminal:
        """The program in a process of its own, at a terminal of which this is the end."""
        words = [str(argument) for argument in arguments]
        environment = {**os.environ, **self.environment}
        return AtTerminal(words, self.folder, environment, terminal)

    def finished(self, *arguments: str | Path, before: tuple[str, ...] = ()) -> Result:
        """The same, waited for."""
        process = self.started(*arguments, before=before)
        out, err = process.communicate(timeout=PATIENCE)
        return Result(process.returncode, out, err)

    @property
    def environment(self) -> dict[str, str]:
        """No Anki of the user's is ever found: the folders it may lie in are this test's own."""
        data = str(self.home / "data")
        own = dict.fromkeys(
            ("ANKI_BASE", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "APPDATA"), data
        )
        return {"ANKIFORGE_HOME": str(self.home), "HOME": str(self.home), **own}

    @property
    def profile(self) -> Path:
        """Where Anki keeps the collection of this home's first profile."""
        folder = self.home / "data" / "Anki2" / "User 1"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@pytest.fixture(scope="session", autouse=True)
def no_traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test ever touches the user's own folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANKIFORGE_HOME", str(tmp_path_factory.mktemp("nobody")))
        patch.delenv("ANKIFORGE_TRUST", raising=False)
        patch.setattr(
            files_on_disk, "QUIET_SECONDS", 0.0
        )  # tests write their notes in one go
        patch.setattr(files_on_disk, "EMPTY_QUIET_SECONDS", 0.0)
        # a collection is often read right after it was written
        patch.setattr(collection, "_PAUSE_SECONDS", 0.02)
        patch.setattr(
            client, "_LOADING_POLL_INTERVAL", 0.02
        )  # nobody waits for a model that loads
        parsed = cache(yamlfile.parse_yaml)

        def parsed_once(text: str, shown: str) -> tuple[object, yamlfile.Location]:
            """Parse settings once: the same are read a thousand times."""
            data, where = parsed(text, shown)
            return deepcopy(data), where

        patch.setattr(yamlfile, "parse_yaml", parsed_once)
        # the tables of a new database are copied: to make them takes three times as long
        tables = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        database._create_tables(tables)
        patch.setattr(database, "_create_tables", tables.backup)
        yield
        tables.close()


@pytest.fixture(scope="session", autouse=True)
def kept_readers() -> Iterator[None]:
    """Let a process that read the PDFs of one test read those of the next: each start is slow."""
    kept: list[worker.WorkerProcess] = []
    start, leave = worker.PdfWorkerPool._start_process, worker.PdfWorkerPool.__exit__

    def started(reader: worker.PdfWorkerPool) -> worker.WorkerProcess:
        while reader.timeout == worker.REQUEST_TIMEOUT and kept:
            process = kept.pop()
            if not process.has_ended:
                reader._processes.append(process)
                return process
        return start(reader)

    def left(reader: worker.PdfWorkerPool, *error: object) -> None:
        while reader.timeout == worker.REQUEST_TIMEOUT and reader._idle:
            process = reader._idle.pop()
            reader._processes.remove(process)
            kept.append(process)
        leave(reader, *error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker.PdfWorkerPool, "_start_process", started)
        patch.setattr(worker.PdfWorkerPool, "__exit__", left)
        yield
    for process in kept:
        process.kill()


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forge:
    """The program, in a folder and a home of this test's own."""
    forge = Forge(tmp_path)
    monkeypatch.setenv("ANKIFORGE_HOME", str(forge.home))
    return forge


@pytest.fixture
def takes_marks(forge: Forge) -> None:
    """A person accepts the new marks after each `run`, so that they are cards."""
    forge.takes_marks = True


@pytest.fixture(scope="session")
def forge_in() -> type[Forge]:
    """Makes the program for a folder; for tests that need several."""
    return Forge


@pytest.fixture(scope="session")
def fake() -> ModuleType:
    """The language model's stand-in: a real server on loopback that remembers what it was asked."""
    return llm_server


@pytest.fixture
def server() -> Iterator[Any]:
    """A model's server that answers well unless it is given other replies."""
    with llm_server.LlmServer() as running:
        yield running


@pytest.fixture(scope="session")
def backend() -> ModuleType:
    """`tests/anki/backend.py`: what the tests speak to the real Anki with."""
    if not os.environ.get("ANKIFORGE_REQUIRE_ALL"):
        pytest.importorskip("anki", reason="the anki wheel is not installed")
    return importlib.import_module("tests.anki.backend")


@pytest.fixture(scope="session")
def serving(backend: ModuleType) -> Any:
    """AnkiConnect's rules in front of a real collection."""
    return importlib.import_module("tests.fakes.anki_connect").serving


@pytest.fixture(scope="session")
def make_card() -> Any:
    """Makes an accepted card of one highlight in a paper."""
    return importlib.import_module("tests.anki.makers").make_card


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium, once for all tests of a worker."""
    from tests.web.conftest import chromium

    with chromium() as started:
        yield started


@pytest.fixture
def anki(tmp_path: Path, backend: ModuleType) -> Iterator[Any]:
    """A fresh, empty collection of the real Anki."""
    folder = tmp_path / "profile"
    folder.mkdir()
    with backend.opened(folder) as opened:
        yield opened


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """An empty vault."""
    folder = tmp_path / "notes"
    (folder / ".obsidian").mkdir(parents=True)
    return folder


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two scans need not lie five seconds apart to make a highlight count as gone."""
    monkeypatch.setattr(reading, "MIN_GONE_SECONDS", 0.0)


@pytest.fixture
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model's server that fails is asked once: between the retries a request waits."""
    monkeypatch.setattr(ServerSettings, "retries", 0, raising=False)


@pytest.fixture(scope="session", name="files")
def hashes_of_files() -> Any:
    """Every file below some folders with the hash of its bytes."""

    def hashes(*folders: Path) -> dict[str, str]:
        found = (path for folder in folders for path in sorted(folder.rglob("*")))
        return {
            str(path): sha256(path.read_bytes()).hexdigest()
            for path in found
            if path.is_file()
        }

    return hashes


@pytest.fixture(scope="session")
def notes_in() -> Any:
    """{guid: (mod, fields, tags)} of a package, read as Anki would."""

    def look(package: Path) -> dict[str, tuple[int, list[str], str]]:
        with zipfile.ZipFile(package) as archive:
            raw = archive.read("collection.anki2")
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(raw)
            rows = database.execute("SELECT guid, mod, flds, tags FROM notes").fetchall()
        return {
            guid: (mod, fields.split("\x1f"), tags) for guid, mod, fields, tags in rows
        }

    return look
