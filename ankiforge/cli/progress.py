"""Progress of long work, and the offer to use a model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ankiforge.text import cost_text, counted

if TYPE_CHECKING:
    from ankiforge.cli.output import Call
    from ankiforge.draft.server import ModelServer
    from ankiforge.model import Source
    from ankiforge.pipeline.result import ByModel, Progress
    from ankiforge.pipeline.workspace import Workspace

WIDTH = 10
"""The characters of the bar."""
EVERY_S = 60.0
"""The seconds between two lines where there is no terminal."""


class Bar:
    """A line with a bar, how many of how many are done, and the time left."""

    def __init__(self, label: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing done. `clock` returns seconds."""
        self._label = label
        self._clock = clock
        self._begun = 0.0
        self._at = 0.0
        self._done = 0
        self._total = 0

    def take(self, done: int, total: int) -> None:
        """Take the progress of this moment."""
        if (done, total) == (self._done, self._total):
            return
        self._at = self._clock()
        if not self._total:
            self._begun = self._at
        self._done = min(done, total)
        self._total = total

    @property
    def text(self) -> str:
        """The line; only the label if the number of all is not known."""
        if not self._total:
            return self._label
        filled = WIDTH * self._done // self._total
        bar = "█" * filled + "░" * (WIDTH - filled)
        line = f"{self._label} {bar} {self._done:,} of {self._total:,}"
        if not self._done or self._at == self._begun:  # no time was measured yet
            return line
        seconds_each = (self._at - self._begun) / self._done
        waited = self._clock() - self._at
        seconds = max(0.0, seconds_each * (self._total - self._done) - waited)
        hours, minutes = divmod(round(seconds / 60), 60)
        left = f"{hours} h {minutes} min" if hours else f"{minutes} min"
        if seconds < 60:
            left = f"{seconds:.0f} s"
        return f"{line} · {left} left"

    def __rich__(self) -> str:
        """Return the text of the moment; Rich draws it again several times a second."""
        return self.text


class ModelLine:
    """The line about a model that drafts: its bar, its requests, and their cost."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Say nothing yet. `clock` returns seconds."""
        self._bar = Bar("drafting", clock)
        self._newest: ByModel | None = None

    def take(self, step: Progress) -> None:
        """Take a step of a run."""
        if step.by_model is None:
            return
        self._newest = step.by_model
        self._bar.take(step.by_model.done, step.by_model.total)

    @property
    def text(self) -> str:
        """The line; "" if no model drafts."""
        if self._newest is None:
            return ""
        usage = self._newest.usage
        sent = f"{counted(usage.characters, 'character')} sent"
        cost = cost_text(usage.cost_usd, local=usage.local)
        return f"{self._bar.text} · {sent} · {cost}"


class RunLine:
    """The line about a run: what is read, then what is drafted, by rules or by a model."""

    def __init__(
        self, sources: Sequence[Source], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin before anything of the sources is read. `clock` returns seconds."""
        self._sources = sources
        self._clock = clock
        # when a line was said last
        self._said = clock()
        self._reading = Bar("reading", clock)
        self._drafting = Bar("drafting and checking", clock)
        self._other: Bar | None = None
        self._by_model = ModelLine(clock)
        self._to_draft = 0
        self._drafted = 0

    def take(self, step: Progress) -> None:
        """Take a step of the run."""
        self._to_draft = step.to_draft or self._to_draft
        self._drafted += step.highlights
        self._by_model.take(step)
        if step.other is not None:
            self._other = self._other or Bar(step.other.label, self._clock)
            self._other.take(step.other.done, step.other.total)

    @property
    def text(self) -> str:
        """The line of the moment."""
        if self._other is not None:
            return f"{self._other.text} · Ctrl-C stops, the next run goes on"
        return self._by_model.text or self._by_rules().text

    def _by_rules(self) -> Bar:
        """Return the bar of what is read or drafted, at this moment."""
        from ankiforge.extract.base import count_of

        if self._to_draft:
            self._drafting.take(self._drafted, self._to_draft)
            return self._drafting
        counts = [count_of(source) for source in self._sources]
        done = sum(count.done for count in counts)
        self._reading.take(done, sum(count.total for count in counts))
        return self._reading

    def due(self) -> str:
        """Return the line if none was said for a minute; else ""."""
        self._by_rules()  # asked each time: the bars measure from the first step on
        if self._clock() - self._said < EVERY_S:
            return ""
        self._said = self._clock()
        return self.text

    def __rich__(self) -> str:
        """Return the text of the moment; Rich draws it again several times a second."""
        return self.text


@contextmanager
def progress_bar(
    call: Call,
    sources: Sequence[Source],
) -> Iterator[Callable[[Progress], None]]:
    """Show the progress of a run: a line in a terminal, else a line a minute.

    Yields a function to call with each step.
    """
    line = RunLine(sources)
    if call.interactive and not call.quiet:
        from rich.console import Console

        with Console(stderr=True, no_color=not call.color).status(line):
            yield line.take
        return
    from ankiforge.extract.base import count_of

    def say_if_due() -> None:
        text = line.due()
        if text:
            call.say(text)

    def take(step: Progress) -> None:
        line.take(step)
        say_if_due()

    for source in sources:
        count_of(source).on_step = say_if_due
    yield take


@contextmanager
def counting_bar(
    call: Call, label: str, total: int = 0
) -> Iterator[Callable[[int], None]]:
    """Show in a terminal how many of `total` are done, or only that something goes on.

    Yields a function that takes the number.
    """
    if not call.interactive or call.quiet:
        yield lambda done: None
        return
    from rich.console import Console

    bar = Bar(label)
    with Console(stderr=True, no_color=not call.color).status(bar):
        yield lambda done: bar.take(done, total)


PATIENCE_S = 0.05
"""How long a run waits for the servers of this machine, after it has read."""


def offer(
    workspace: Workspace, servers: Callable[[float], tuple[ModelServer, ...]]
) -> str:
    """Return the line that offers a model that is there: a key or a server; each once ever.

    "" if there is nothing to draft, or a model drafts already.

    Args:
        workspace: has what would be drafted.
        servers: returns those on this machine that have answered after so many seconds.
    """
    from ankiforge.config.workspace import first_time, was_told
    from ankiforge.draft.server import with_key
    from ankiforge.pipeline.draft import for_model

    if workspace.folder.config.drafter != "rules":
        return ""
    # the first kind that is there and was not offered yet
    kind = found = name = ""
    provider = None if was_told("model: key") else next(with_key(), None)
    if provider:
        kind, name = "model: key", provider.name
        found = f"{provider.key_env} is set"
    elif not was_told("model: server"):
        for server in servers(PATIENCE_S)[:1]:
            kind, name = "model: server", server.name
            found = f"{server.program} runs here with {server.models[0]}"
    if not found:
        return ""
    tasks = for_model(workspace.job(), workspace.ledger)
    number = sum(len(task.highlights) for task in tasks)
    if not number:
        return ""
    first_time(kind)
    these = "this highlight" if number == 1 else f"these {number:,} highlights"
    return f"{found}. Questions for {these}: ankiforge model use {name}"
