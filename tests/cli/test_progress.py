"""The line of progress while a model drafts."""

from types import SimpleNamespace

import pytest

from ankiforge.cli import progress
from ankiforge.cli.progress import ModelLine, RunLine
from ankiforge.draft.server import Usage
from ankiforge.extract.base import Count
from ankiforge.model import Problem, Viewed
from ankiforge.pipeline.result import (
    ByModel,
    CollectionScan,
    OtherWork,
    Progress,
    RunResult,
)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def step(done, total, **usage):
    return Progress(by_model=ByModel("127.0.0.1:1", done, total, Usage(**usage)))


def test_the_line_tells_how_far_how_long_what_was_sent_and_what_it_costs():
    clock = Clock()
    line = ModelLine(clock)
    assert line.text == ""
    line.take(Progress())
    assert line.text == ""
    line.take(step(0, 43, local=True))
    assert line.text == "drafting ░░░░░░░░░░ 0 of 43 · 0 characters sent · free (local)"
    clock.now = 62.4
    line.take(step(12, 43, characters=9812, local=True))
    assert line.text == (
        "drafting ██░░░░░░░░ 12 of 43 · 3 min left · 9,812 characters sent · free (local)"
    )
    line.take(step(43, 43, characters=1, cost_usd=1.5))
    assert line.text.startswith("drafting ██████████ 43 of 43")
    assert line.text.endswith("0 s left · 1 character sent · $1.50")
    line.take(step(43, 43, cost_usd=None))
    assert line.text.endswith("price unknown")


def test_the_line_of_a_run_tells_what_is_read_then_drafted_then_sent_then_done():
    source = SimpleNamespace(count=Count(1200, 7000))
    line = RunLine([source])
    assert line.text.startswith("reading █░░░░░░░░░ 1,200 of 7,000")
    line.take(Progress(to_draft=40))
    line.take(Progress(highlights=10))
    assert line.text.startswith("drafting and checking ██░░░░░░░░ 10 of 40")
    line.take(step(12, 43, local=True))
    assert line.text.startswith("drafting ██░░░░░░░░ 12 of 43")
    line.take(Progress(other=OtherWork("comparing meanings", 3, 10)))
    told = "comparing meanings ███░░░░░░░ 3 of 10 · Ctrl-C stops, the next run goes on"
    assert line.text == told


def test_a_line_is_due_every_minute():
    clock = Clock()
    line = RunLine([], clock)
    said = []
    for second in range(0, 200, 10):
        clock.now = float(second)
        said += [second] if line.due() else []
    assert said == [60, 120, 180]


def test_the_time_left_is_measured_from_the_first_step_on():
    clock = Clock()
    line = RunLine([], clock)
    said = []
    for done in range(71):
        clock.now = float(done)
        line.take(Progress(to_draft=90, highlights=min(done, 1)))
        said.append(line.due())
    told = "drafting and checking ██████░░░░ 60 of 90 · 30 s left"
    assert list(filter(None, said)) == [told]
    late = RunLine([SimpleNamespace(count=Count(9, 90))], clock)
    assert late.text == "reading █░░░░░░░░░ 9 of 90"


BARS = ("███░░░░░░░", "██████░░░░", "██████████")


def test_a_long_run_without_a_terminal_says_how_far_it_is(forge, vault, monkeypatch):
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    for number in range(3):
        (vault / f"{number}.md").write_text(f"==Passage {number} is here.==", "utf-8")
    told = forge.ok("run", vault).stderr.splitlines()
    said = [line.partition(" · ")[0] for line in told if line.startswith("reading")]
    bars = enumerate(BARS, 1)
    assert said[:3] == [f"reading {bar} {done} of 3" for done, bar in bars]


@pytest.mark.parametrize(
    ("notices", "failed"), [([], False), ([True], False), ([True, False], True)]
)
def test_a_notice_is_no_failure(notices, failed):
    problems = [Problem("A.md", "a problem", notice=notice) for notice in notices]
    assert RunResult(problems=problems).failed is failed


@pytest.mark.parametrize(
    ("before", "second", "deleted"),
    [
        ("taken", "taken", ["af1", "af2"]),
        ("same", "taken", ["af1", "af2"]),
        ("taken", "same", ["af1"]),  # nothing new
        ("taken", "failed", ["af1"]),
        (None, "taken", None),  # nobody had looked
    ],
)
def test_what_a_second_look_at_anki_adds(before, second, deleted):
    result = RunResult()
    if before:
        result.add_scan(CollectionScan(before, viewed=Viewed(deleted=["af1"], reviews=2)))
    problem = Problem("Anki", "is damaged")
    viewed = Viewed(deleted=["af2"], reviews=3)
    result.add_second_scan(CollectionScan(second, viewed=viewed, problem=problem))
    assert (result.scan and result.scan.viewed.deleted) == deleted
    is_told = deleted == ["af1", "af2"]
    assert result.problems == [problem] * is_told
    if result.scan:
        assert result.scan.viewed.reviews == (5 if is_told else 2)
