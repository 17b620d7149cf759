"""The bar of progress while sources are read and cards are drafted."""

from contextlib import redirect_stderr
from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console
from rich.progress import Progress as Bars

from ankiforge.cli import progress
from ankiforge.cli.progress import RunProgressBar
from ankiforge.draft.server import Usage
from ankiforge.extract.base import ScanProgress
from ankiforge.model import AnkiChanges, Problem
from ankiforge.pipeline.run_result import (
    AnkiReadResult,
    AnkiReadState,
    ModelProgress,
    OtherProgress,
    RunResult,
    RunStep,
)


def step(done, total, **usage):
    return RunStep(by_model=ModelProgress("127.0.0.1:1", done, total, Usage(**usage)))


def test_the_bar_tells_what_is_read_then_drafted_then_sent_then_done():
    count = ScanProgress(1200, 7000)
    bars = Bars(console=Console(file=StringIO()))
    bar = RunProgressBar(bars, [SimpleNamespace(progress=count)])
    [task] = bars.tasks

    def shown():
        return task.description, task.completed, task.total, task.fields["more"]

    assert shown() == ("reading", 0, None, "")
    count.on_step()
    assert shown() == ("reading", 1200, 7000, "")
    bar.show_step(RunStep(to_draft=40))
    bar.show_step(RunStep(highlights=10))
    bar.show_step(RunStep(highlights=5))
    assert shown() == ("drafting and checking", 15, 40, "")
    bar.show_step(RunStep(is_paused=True))
    assert not bars.live.is_started
    bar.show_step(step(12, 43, is_local=True, characters=9812))
    bar.show_step(step(20, 43, cost_usd=1.5, characters=1))
    assert shown() == ("drafting", 20, 43, "1 character sent · $1.50")
    bar.show_step(RunStep(other=OtherProgress("comparing meanings", 3, 10)))
    more = "Ctrl-C stops, the next run continues"
    assert shown() == ("comparing meanings", 3, 10, more)
    assert bars.live.is_started
    bars.stop()


SOURCES = [SimpleNamespace(listing=SimpleNamespace(name=name)) for name in ("Vault", "b")]


@pytest.mark.parametrize(
    ("sources", "shown"),
    [([], "looking for what can be read"), (SOURCES, "reading"), (SOURCES, "Vault, b")],
)
def test_the_bar_names_what_is_read(monkeypatch, sources, shown):
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    call = SimpleNamespace(is_interactive=True, quiet=False, color=False)
    with redirect_stderr(StringIO()) as told, progress.progress_bar(call, sources):
        pass
    assert shown in told.getvalue()


def test_without_a_terminal_nothing_is_said_on_the_way(forge, vault):
    for number in range(3):
        (vault / f"{number}.md").write_text(f"==Passage {number} is here.==", "utf-8")
    assert "reading" not in forge.ok("run", vault).stderr


@pytest.mark.parametrize(
    ("notices", "failed"), [([], False), ([True], False), ([True, False], True)]
)
def test_a_notice_is_no_failure(notices, failed):
    problems = [Problem("A.md", "a problem", is_notice=notice) for notice in notices]
    assert RunResult(problems=problems).has_failures is failed


@pytest.mark.parametrize(
    ("before", "second", "deleted"),
    [
        ("taken", "taken", ["af1", "af2"]),
        ("same", "taken", ["af1", "af2"]),
        ("taken", "same", ["af1"]),  # nothing new
        ("taken", "nowhere", ["af1"]),
        ("taken", "failed", ["af1", "af2"]),
        (None, "taken", ["af2"]),
    ],
)
def test_what_a_second_look_at_anki_adds(before, second, deleted):
    result = RunResult()
    if before:
        result.add_scan(
            AnkiReadResult(
                AnkiReadState(before), changes=AnkiChanges(deleted=["af1"], reviews=2)
            )
        )
    problem = Problem("Anki", "is damaged")
    viewed = AnkiChanges(deleted=["af2"], reviews=3)
    result.add_scan(
        AnkiReadResult(AnkiReadState(second), changes=viewed, problem=problem)
    )
    assert result.scan.changes.deleted == deleted
    is_told = "af2" in deleted
    assert result.problems == [problem] * is_told
    assert result.scan.state == (second if is_told else before)
    if before:
        assert result.scan.changes.reviews == (5 if is_told else 2)
