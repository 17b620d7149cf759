"""Reading by several at a time, and by a real Dask cluster: what is read is the same."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ankiforge.extract.pdf import worker
from tests.limits import PATIENCE
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

HERE = "read by this machine, because no other could"
WORDS = (
    "Paper {}: the spacing effect improves retention of {} facts, and massing does not."
)
PDFS, NOTES, WORKS = 12, 60, 4


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PDFs, one of them broken, a vault with as many notes as others help with, Zotero with files."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "papers").mkdir()
    for number in range(PDFS):
        words = WORDS.format(number, 7 * number)
        page = Page(
            (paragraph(words),), (mark("the spacing effect"), mark(f"{7 * number} facts"))
        )
        write_pdf(folder / "papers" / f"{number:03}.pdf", [page])
    (folder / "papers" / "007a.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    notes = folder / "vault"
    (notes / ".obsidian").mkdir(parents=True)
    (notes / "figure.png").write_bytes(b"\x89PNG")
    for number in range(NOTES):
        text = f"Note {number} says ==the answer is {number}==. ![[figure.png]]\n\nq{number}::a\n"
        (notes / f"note {number:04}.md").write_text(text, encoding="utf-8")
    (notes / "note 0007a.md").write_bytes(b"\xff\xfe\x00 ==half== of a letter\xd8")
    _library(folder / "zotero")
    long_ago = time.time() - 3600
    for path in notes.iterdir():
        os.utime(path, (long_ago, long_ago))
    return folder


def _library(folder: Path) -> None:
    works = []
    for number in range(WORKS):
        words = WORDS.format(number, 3 * number)
        file = folder / "storage" / f"ATTACH{number:02}" / "paper.pdf"
        file.parent.mkdir(parents=True)
        write_pdf(file, [Page((paragraph(words),), ())])
        marks = (Annotation(f"MARK{number:04}", "the spacing effect", top=1),)
        attached = (Attachment(f"ATTACH{number:02}", "paper.pdf", marks),)
        works.append(
            Work(f"PAPER{number:03}", {"title": f"Paper {number}"}, attachments=attached)
        )
    write_zotero(folder / "zotero.sqlite", [Library(tuple(works))])


@pytest.fixture
def workspace(forge, shelf: Path) -> Callable[[str], None]:
    """What writes the settings, with the address of a cluster."""

    def write(executor: str = "") -> None:
        sources = [f"  - {kind}: {{name: {name}, path: {shelf / name}}}\n"
                   for kind, name in (("zotero", "zotero"), ("pdf", "papers"), ("obsidian", "vault"))]  # fmt: skip
        forge.settings(
            "sources:\n" + "".join(sources) + f'executor: "{executor}"\n', trust=True
        )
        forge("init", "--trust", forge.folder)

    write()
    return write


@pytest.fixture(scope="module")
def alone(shelf: Path) -> dict[str, list[str]]:
    """What is read by one, filled by the first test that asks."""
    return {}


def told(forge, *options: str) -> list[str]:
    result = forge("run", "--dry-run", "-v", "--json", *options)
    assert result.exit_code == 1, result.stderr  # the broken ones are named
    return result.stdout.splitlines()


def test_readers_side_by_side_yield_what_one_does(forge, workspace, alone):
    alone["lines"] = told(forge, "--jobs", "1")
    assert len(alone["lines"]) == WORKS + 2 * PDFS + 2 * NOTES + 2
    assert (
        sum('"zotero:user/' in line and "improves" in line for line in alone["lines"])
        == WORKS
    )
    assert told(forge, "--jobs", "3") == alone["lines"]


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A scheduler with two workers, each a process; one that is killed is replaced."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as running:
        yield running


def _free() -> int:
    import socket

    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        port: int = here.getsockname()[1]
        return port


@pytest.mark.slow
def test_a_cluster_yields_the_same_and_so_does_one_that_loses_workers(
    forge, workspace, alone, cluster, monkeypatch
):
    monkeypatch.setattr(worker, "CONNECT_TIMEOUT", PATIENCE)
    expected = alone.get("lines") or told(forge, "--jobs", "1")
    workspace(cluster.scheduler_address)
    assert told(forge) == expected

    def kill_one_at_work() -> None:
        while not cluster.scheduler.tasks:
            time.sleep(0.01)
        os.kill(cluster.workers[0].process.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_one_at_work)
    killer.start()
    assert [line for line in told(forge) if HERE not in line] == expected
    killer.join()


def test_no_scheduler_is_said_before_anything_is_read(forge, workspace, monkeypatch):
    monkeypatch.setattr(worker, "CONNECT_TIMEOUT", 0.5)
    workspace(f"tcp://127.0.0.1:{_free()}")
    result = forge("run", "--dry-run", "-v")
    assert result.exit_code == 3
    assert "no Dask scheduler answers" in result.stderr
    assert "dask scheduler" in result.stderr
    assert not result.stdout


def test_offline_no_other_machine_is_asked(forge, workspace, alone):
    expected = alone.get("lines") or told(forge, "--jobs", "1")
    workspace("tcp://192.0.2.1:8786")
    assert told(forge, "--offline") == expected


def test_on_a_cluster_too_the_limit_of_a_file_is_that_of_the_settings():
    limits = [worker._get_remote_worker(seconds).timeout for seconds in (5.0, 7.0, 5.0)]
    assert limits == [5.0, 7.0, 5.0]
