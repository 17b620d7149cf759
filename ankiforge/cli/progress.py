"""Show the progress of a run, and confirm drafting with a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ankiforge.text import format_cost, format_count, format_truncated_list

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from ankiforge.cli.output import Call
    from ankiforge.model import Source
    from ankiforge.pipeline.run_result import RunStep
    from ankiforge.pipeline.workspace import Workspace

BAR_WIDTH = 10


class RunProgressBar:
    """A progress bar for a run, which first reads the sources and then drafts cards."""

    def __init__(self, bars: Bars, sources: Sequence[Source]) -> None:
        """Show the progress bar. Must be called before the sources are read.

        If there are no `sources`, the run is still looking for some.
        """
        from ankiforge.extract.base import get_scan_progress, get_source_name

        self._bars = bars
        self._counts = [get_scan_progress(source) for source in sources]
        for count in self._counts:
            count.on_step = self.show_reading
        label = "reading" if sources else "looking for what can be read"
        names = dict.fromkeys(filter(None, map(get_source_name, sources)))
        self._task = bars.add_task(
            label, total=None, more=format_truncated_list([*names])
        )

    def show_reading(self) -> None:
        """Update the bar with the number of documents read from all sources."""
        done = sum(count.done for count in self._counts)
        total = sum(count.total for count in self._counts) or None
        self._bars.update(self._task, completed=done, total=total)

    def show_step(self, step: RunStep) -> None:
        """Update the bar with a step of the run, or hide it while the run is paused."""
        if step.is_paused:
            self._bars.stop()
            return
        self._bars.start()
        if step.to_draft:
            self._show_task("drafting and checking", step.to_draft)
        elif step.by_model is not None:
            usage = step.by_model.usage
            sent_text = f"{format_count(usage.characters, 'character')} sent"
            cost = format_cost(usage.cost_usd, local=usage.is_local)
            self._show_task("drafting", step.by_model.total, f"{sent_text} · {cost}")
            self._bars.update(self._task, completed=step.by_model.done)
        elif step.other is not None:
            more = "Ctrl-C stops, the next run continues"
            self._show_task(step.other.label, step.other.total, more)
            self._bars.update(self._task, completed=step.other.done)
        elif step.highlights:
            self._bars.advance(self._task, step.highlights)

    def _show_task(self, label: str, total: int, more: str = "") -> None:
        [task] = self._bars.tasks
        if task.description != label:
            self._bars.reset(self._task, total=total, description=label)
        self._bars.update(self._task, total=total, more=more)


@contextmanager
def progress_bar(
    call: Call, sources: Sequence[Source]
) -> Iterator[Callable[[RunStep], None]]:
    """Context manager that shows the progress of a run on a terminal.

    Yields a callback to be called with each step of the run. If there's no terminal, or in quiet
    mode, the callback does nothing. Without sources, the bar says that the run is looking for some.
    """
    if not call.is_interactive or call.quiet:
        yield lambda step: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(BAR_WIDTH),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[more]}"),
    )
    console = Console(stderr=True)
    with progress.Progress(*columns, console=console, transient=True) as bars:
        yield RunProgressBar(bars, sources).show_step


def confirm_after_first_drafts(
    call: Call, workspace: Workspace, *, yes: bool = False
) -> None:
    """Let a run show one of the model's first drafts and ask whether to draft the rest.

    The run doesn't ask with `yes`, in quiet mode, or if there is no terminal.
    """

    def should_go_on(example: str | None, done: int, total: int) -> bool:
        from ankiforge.ledger.item_lists import load_items
        from ankiforge.reports.cards import format_content
        from ankiforge.reports.view import view_card

        if example is None:
            question = f"{done} of {total:,} drafted, without a card. Go on?"
        else:
            question = f"{done} of {total:,} drafted. Go on?"
            for draft in load_items(workspace.ledger, [example]):
                call.warn("\n".join(format_content(view_card(draft))))
        is_agreed = call.confirm(question, yes=False)
        if is_agreed:
            workspace.read_sources()  # what the user tagged `#no-llm` meanwhile isn't sent
        elif example is not None:
            command = "ankiforge draft"
            if workspace.folder.config.drafter != "llm":
                command += " --drafter llm"
            call.warn(f"to draft the rest: {command}; to remove these: ankiforge undo")
        return is_agreed

    if call.is_interactive and not (yes or call.quiet):
        workspace.should_go_on = should_go_on
