"""Where a run is, on a terminal: the document, cards so far, highlights done, cost, time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ankiforge.cli.common import Talk, for_terminal
from ankiforge.extract import count_of
from ankiforge.model import Source
from ankiforge.pipeline import Progress
from ankiforge.reports.text import counted, dollars

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model

Show = Callable[[Progress], None]
"""Told of each step."""


@contextmanager
def bar(
    talk: Talk,
    model: Model | None = None,
    total: Callable[[], int] = lambda: 0,
    sources: Sequence[Source] = (),
) -> Iterator[Show]:
    """A line that moves, if a person looks on; nothing else is ever written.

    Args:
        talk: how the command talks.
        model: the one that drafts, if one does.
        total: how many highlights wait to be drafted; asked when the reading is done.
        sources: those that are read, one after another.
    """
    if not talk.interactive or talk.quiet:
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import (
        ProgressColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Counted(ProgressColumn):
        """Looks by itself how many documents are read: most of them have nothing to tell."""

        def render(self, task: Any) -> Text:
            return Text(line.counted() if line else "")

    line: _Line | None = None

    console = Console(stderr=True, no_color=not talk.color)
    left = (TextColumn("left"), TimeRemainingColumn()) if model else ()
    text = TextColumn("{task.description}", markup=False)
    with Bar(SpinnerColumn(), text, Counted(), TimeElapsedColumn(), *left, console=console,
             transient=True) as moving:  # fmt: skip
        line = _Line(moving, model, total, sources)
        yield line.show


@contextmanager
def counting(talk: Talk, what: str, total: int = 0) -> Iterator[Callable[[int], None]]:
    """A line that counts what was looked at, if a person looks on: told of the sum so far.

    Args:
        talk: how the command talks.
        what: is counted, in the plural.
        total: how many there are; 0 = that is not known.
    """
    if not talk.interactive or talk.quiet:
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True, no_color=not talk.color)
    told = f"/{total:,} {what}" if total else f" {what}"
    columns = (TextColumn("{task.completed:,}" + told, markup=False), TimeElapsedColumn())
    drawn = (SpinnerColumn(), *((BarColumn(),) if total else ()), *columns)
    with Bar(*drawn, console=console, transient=True) as moving:
        task = moving.add_task("", total=total or None)
        yield lambda count: moving.update(task, completed=count)


class _Line:
    def __init__(
        self,
        moving: Any,
        model: Model | None,
        total: Callable[[], int],
        sources: Sequence[Source] = (),
    ) -> None:
        self._moving = moving
        self._model = model
        self._total = total
        self._sources = sources
        self._known: int | None = None
        self._cards = 0
        self._done = 0
        self._task = moving.add_task("reading", total=None)

    def show(self, progress: Progress) -> None:
        """Take one step in."""
        self._cards += progress.drafted
        self._done += progress.highlights
        if self._known is None and (progress.settled or progress.highlights):
            self._known = self._total() + self._done
            self._moving.update(self._task, total=(self._model and self._known) or None)
        self._moving.update(
            self._task, completed=self._done, description=self._words(progress.document)
        )

    def counted(self) -> str:
        """How many documents are read, then how many highlights are drafted, of how many."""
        if self._known is not None:
            known = max(self._known, self._done)
            return f"{self._done:,}/{known:,} highlights" if known else ""
        begun = [one for one in map(count_of, self._sources) if one.total]
        return f"{begun[-1].done:,}/{begun[-1].total:,} documents" if begun else ""

    def _words(self, document: str) -> str:
        parts = [" ".join(for_terminal(document).split())[:50] or "settling"]
        if self._cards:
            parts.append(counted(self._cards, "card"))
        if self._model and self._model.usage.cost_usd:
            parts.append(dollars(self._model.usage.cost_usd))
        return " · ".join(parts)
