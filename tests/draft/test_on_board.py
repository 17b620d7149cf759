"""A model file is served by llama.cpp in a process of its own, as long as a command needs it."""

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ankiforge.draft.on_board import OnBoard
from tests.fakes.gguf import gguf
from tests.limits import PATIENCE

ROOT = Path(__file__).parents[2]
STAND_IN = ROOT / "tests/fakes/llama"
PASSAGES = tuple(
    f"Fact number {number} says that nothing is like it." for number in range(1, 4)
)
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What the stand-in for llama.cpp's server has seen."""
    return tmp_path / "llama.jsonl"


@pytest.fixture
def on_board(forge, log, monkeypatch) -> Callable[..., None]:
    """A workspace with three passages and a built-in model: `on_board(dies=2)`."""
    model = forge.folder / "tiny-1b.gguf"
    model.write_bytes(gguf())
    notes = forge.folder / "notes"
    notes.mkdir()
    for number, passage in enumerate(PASSAGES):
        (notes / f"{number}.md").write_text(f"=={passage}==\n", encoding="utf-8")

    def make(**behaviour: Any) -> None:
        monkeypatch.syspath_prepend(str(STAND_IN))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (STAND_IN, ROOT))))
        monkeypatch.setenv("FAKE_LLAMA", json.dumps({"log": str(log), **behaviour}))
        forge.settings(settings("tiny-1b.gguf"), trust=True)

    return make


def settings(file: str) -> str:
    return (
        "sources: [{obsidian: {name: notes, path: notes}}]\ndrafter: llm\n"
        f"llm: {{model_file: {file}, way: one}}\nanki: {{collection: none}}\n"
    )


def seen(log: Path) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def asked(log: Path) -> int:
    return sum("asked" in line for line in seen(log))


def started(log: Path) -> list[int]:
    return [line["pid"] for line in seen(log) if "pid" in line]


def is_running(pid: int) -> bool:
    """Whether a process is there; one that nobody has waited for is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not come")


# --- as it should be ------------------------------------------------------------------------


def test_it_is_started_for_a_run_told_once_and_ended_with_it(forge, on_board, log):
    on_board(unready=3)
    run = forge.ok("run", "--offline")
    assert asked(log) == len(PASSAGES)
    assert len(started(log)) == 1
    assert run.stderr.count("loading tiny-1b.gguf") == 1
    assert "to tiny-1b on this machine" in run.stderr
    assert "3 requests, 315 characters sent, free (local)" in run.stdout
    [pid] = started(log)
    assert not is_running(pid)
    [origin] = {
        (card["origin"]["drafter"], card["origin"]["prompt"][:11])
        for card in forge.cards()
    }
    assert origin == ("llm", "cards-small")


def test_it_is_not_started_where_nothing_is_to_be_asked(forge, on_board, log):
    on_board()
    forge.ok("run", "--dry-run")
    assert "cost: free (local)" in forge.ok("draft", "--estimate").stdout
    assert seen(log) == []
    forge.ok("run")
    forge.ok("run")
    assert len(started(log)) == 1


def test_its_command_line_names_neither_model_nor_key(forge, on_board, log):
    on_board()
    forge.ok("run")
    [argv] = [line["argv"] for line in seen(log) if "argv" in line]
    assert argv == [str(ROOT / "ankiforge/draft/llama.py")]


# --- when it does not start -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ({"fails": "data is not within the file bounds"}, ["cannot be loaded: data is not within the"]),
        ({"dies": "loading"}, ["tiny-1b.gguf, was ended by the system", "memory", "model list"]),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_loaded_is_named_with_the_reason(
    forge, on_board, behaviour, words
):
    on_board(**behaviour)
    run = forge("run", code=3)
    assert all(word in run.stderr for word in words), run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "tiny-1b.gguf cannot be read: No such file"),
        (b"<html>Please log in</html>", "not a model in the format GGUF"),
    ],
)
def test_a_file_that_is_no_model_is_named_before_anything_starts(
    forge, on_board, log, content, words
):
    on_board()
    file = forge.folder / "tiny-1b.gguf"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    run = forge("run", code=2)
    assert words in run.stderr
    assert "characters to" not in run.stderr
    assert seen(log) == []


def test_without_llama_cpp_the_command_that_installs_it_is_named(
    forge, on_board, monkeypatch
):
    on_board()
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(STAND_IN)])
    if find_spec("xllamacpp"):
        pytest.skip("it is installed here")
    run = forge("run", code=2)
    assert 'hint: pip install "ankiforge-cards[local]"' in run.stderr
    assert "ankiforge-cards[local]" in forge("doctor", code=2).stdout


def test_a_model_that_does_not_fit_into_the_memory_is_not_started(
    forge, on_board, log, monkeypatch
):
    on_board()
    monkeypatch.setattr("ankiforge.draft.on_board._memory_available", lambda: 100_000_000)
    run = forge("run", code=3)
    assert re.search(r"needs about \d+ MB of memory, and 100 MB are free", run.stderr)
    assert "smaller model: ankiforge model list" in run.stderr
    assert seen(log) == []
    assert "100 MB are free" in forge("doctor", code=3).stdout


def test_doctor_names_the_model_and_its_memory_without_starting_it(forge, on_board, log):
    on_board()
    assert re.search(
        r"tiny-1b\.gguf, run by ankiforge itself; it needs about \d+ MB",
        forge.ok("doctor").stdout,
    )
    assert seen(log) == []


# --- when it ends ---------------------------------------------------------------------------


def test_a_crash_is_named_and_what_was_answered_is_asked_no_more(forge, on_board, log):
    on_board(dies=2)
    run = forge("run", code=3)
    assert "the built-in model, tiny-1b.gguf, was ended by the system" in run.stderr
    assert "what was answered is kept" in run.stderr
    assert len(forge.cards()) == 1
    before = asked(log)
    on_board()
    forge.ok("run")
    assert asked(log) - before == 2
    assert len(forge.cards()) == 3


def test_only_a_model_that_ended_by_itself_has_a_fault(forge, on_board, log):
    on_board()
    model = OnBoard(forge.folder / "tiny-1b.gguf")
    assert model.fault() is None
    try:
        address, key = model.start()
        assert (address, key) == model.start()
        assert model.fault(patience=0.0) is None
        os.kill(started(log)[0], signal.SIGSEGV)
        assert "crashed (signal 11)" in str(model.fault(PATIENCE))
    finally:
        model.end()
    assert model.fault() is None


@linux
@pytest.mark.parametrize(
    "behaviour", [{"loading_s": 600}, {"unready": 10**6}], ids=["load", "wait"]
)
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_it_ends_with_the_command_however_that_ends(
    forge, on_board, log, behaviour, sent
):
    on_board(**behaviour)
    command = forge.started("run")
    [pid] = wait_for(lambda: started(log))
    assert is_running(pid)
    command.send_signal(sent)
    command.communicate(timeout=PATIENCE)
    assert command.returncode == (130 if sent is signal.SIGINT else -signal.SIGKILL)
    wait_for(lambda: not is_running(pid))


# --- trust ----------------------------------------------------------------------------------


def test_a_strangers_model_is_loaded_only_after_a_person_has_confirmed_it(
    forge, on_board, log
):
    on_board()
    forge.settings(settings("other.gguf"))
    (forge.folder / "other.gguf").write_bytes(gguf())
    run = forge("run", code=2)
    assert "other.gguf would be loaded as a language model" in run.stderr
    downloaded = forge.home / "models/mine.gguf"
    downloaded.parent.mkdir(parents=True)
    downloaded.write_bytes(gguf())
    forge.settings(settings(str(downloaded)))
    forge.ok("run")
    assert asked(log) == len(PASSAGES)


# --- the real one ---------------------------------------------------------------------------


@pytest.mark.skipif(
    not (find_spec("xllamacpp") and os.environ.get("ANKIFORGE_MODEL_FILE")),
    reason="needs xllamacpp, and a model in ANKIFORGE_MODEL_FILE",
)
def test_the_real_llama_cpp_drafts_a_card(forge):
    notes = forge.folder / "notes"
    notes.mkdir()
    passage = "Carbohydrates are chains of monosaccharides, joined by glycosidic bonds."
    (notes / "a.md").write_text(f"=={passage}==\n", encoding="utf-8")
    forge.settings(settings(os.environ["ANKIFORGE_MODEL_FILE"]), trust=True)
    run = forge.ok("run", "--offline")
    assert "to the model: free (local)" in run.stdout
