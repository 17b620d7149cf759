"""What a watcher lives through: disks, clocks, programs and names that misbehave."""

import errno
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ankiforge import ledger
from ankiforge.extract import files
from ankiforge.ledger import db as connection

CELLS = "The ==mitochondrion== makes ATP.\n\nWhat is osmosis?::Movement of water\n"
LENS = "\nThe ==aperture== decides how much light enters.\n"


@pytest.fixture(autouse=True)
def _notes(vault: Path) -> None:
    (vault / "Cells.md").write_text(CELLS, "utf-8")


def problems(told) -> list[str]:
    return [f"{one.where}: {one.what}" for name, one in told if name == "problem"]


def passes(told) -> list[str]:
    return [name for name, _ in told if name == "pass"]


# --- disks ------------------------------------------------------------------------------------


def test_a_disk_that_no_longer_answers_is_told_of_and_looked_at_again(
    watch, vault, forge, monkeypatch
):
    watched = watch()
    stat = os.stat

    def broken(path, *args, **kwargs):
        if str(path).startswith(str(vault)):
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), str(path))
        return stat(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", broken)
        told = watched.later(400)
    assert [one for one in problems(told) if "notes" in one]
    (vault / "Cells.md").write_text(CELLS + LENS, "utf-8")
    told = watched.later(400)
    assert "mended" in [name for name, _ in told]
    assert len(forge.cards()) == 3


@pytest.fixture
def texts(tmp_path: Path, settings: Any, forge: Any, desk: Path) -> Path:
    """A folder of texts that is a source, too."""
    folder = tmp_path / "texts"
    folder.mkdir()
    settings(source=f"markdown: {{name: texts, path: {folder}}}")
    forge.ok("init", "--trust", desk)
    return folder


def test_a_folder_of_texts_that_is_suddenly_empty_is_told_of_and_nothing_is_deleted(
    watch, texts, tmp_path, forge, no_waiting
):
    (texts / "a.md").write_text(LENS, "utf-8")
    watched = watch()
    texts.rename(tmp_path / "away")
    texts.mkdir()
    told = watched.later(400)
    assert "is suddenly empty" in "".join(problems(told))
    assert forge.cards("finding:source_gone") == []
    texts.rmdir()
    (tmp_path / "away").rename(texts)
    assert "mended" in [name for name, _ in watched.later(30)]
    assert {card["standing"] for card in forge.cards()} == {"live"}
    assert len(forge.cards()) == 3


# --- clocks -----------------------------------------------------------------------------------


# --- stamps that prove nothing ----------------------------------------------------------------


def test_a_file_that_is_still_being_written_is_read_when_it_is_done(
    watch, texts, forge, monkeypatch
):
    monkeypatch.setattr(files, "TICK_NS", 10**18)  # no stamp proves anything
    watched = watch()
    (texts / "a.md").write_text("Half a", "utf-8")
    watched.turn()
    (texts / "a.md").write_text(LENS, "utf-8")
    watched.turn()
    monkeypatch.setattr(files, "TICK_NS", 0)
    watched.later(10)
    assert len(forge.cards()) == 3


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [b"caf\xe9.md", b"a\nb.md", "日本語 ノート.md".encode(), b"-rf.md", b"a'b\"c.md"]
)
def test_a_note_with_an_odd_name_is_read_like_any_other(watch, vault, forge, name):
    watched = watch()
    Path(os.fsdecode(os.fsencode(vault) + b"/" + name)).write_text(LENS, "utf-8")
    assert passes(watched.turn()) == ["pass"]
    assert len(forge.cards()) == 3


# --- people and programs beside it ------------------------------------------------------------


def test_a_ledger_in_use_is_waited_for_and_told_of_if_that_takes_long(forge, desk, watch, vault):
    watched = watch()
    with ledger.lock(desk / ".ankiforge", "drafting"):
        (vault / "Cells.md").write_text(CELLS + LENS, "utf-8")
        assert problems(watched.turn()) == []
        assert (
            f"waiting: another ankiforge (process {os.getpid()}) is drafting here" in watched.says
        )
        assert len(problems(watched.later(90))) == 1
    told = watched.later(2)
    assert "mended" in [name for name, _ in told]
    assert len(forge.cards()) == 3


def test_anki_has_what_waits_for_it_seconds_after_it_was_opened(watch, settings, serving, tmp_path):
    with serving(tmp_path / "profile") as anki:
        settings(connect=anki.address)
    watched = watch(push=True)
    watched.later(3000)
    assert not [one for one in watched.of("delivered") if one.pushed]
    with serving(tmp_path / "profile", port=int(anki.address.rpartition(":")[2])) as anki:
        watched.later(10)
        with anki.collection() as col:
            assert col.note_count() == 2


def test_a_ledger_that_is_written_to_leaves_ctrl_c_alive(watch, vault, desk):
    watched = watch()
    (vault / "Cells.md").write_text(CELLS + LENS, "utf-8")
    with closing(sqlite3.connect(desk / ".ankiforge/ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        alarm = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
        alarm.start()
        with pytest.raises(KeyboardInterrupt):
            watched.turn()
        assert time.monotonic() - began < connection.BUSY_SECONDS / 2


def test_a_passage_that_no_model_can_read_leaves_the_others_their_turn(
    watch, settings, vault, forge, fake
):
    lines = [f"==The passage number {number} says something else.==" for number in range(9)]
    (vault / "Cells.md").write_text("\n\n".join(lines), "utf-8")

    def answer(request):
        marked = str(fake.marked(request))
        bad = any(f"number {number} " in marked for number in (0, 1, 2))
        return fake.says("no json") if bad else fake.obliging(request)

    with fake.LlmServer(otherwise=answer) as server:
        settings(llm=f"base_url: {server.base_url}, candidates: 1")
        watched = watch()
        watched.later(30)
    assert len(forge.cards()) == 6
