"""Show the progress of a run, and confirm drafting with a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
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
    if call.is_interactive and not (yes or call.quiet):
        workspace.should_go_on = partial(_ask_to_go_on, call, workspace)


def _ask_to_go_on(
    call: Call, workspace: Workspace, example: str | None, done: int, total: int
) -> bool:
    """Show a first draft, and ask whether to draft the rest.

    If so, the sources are read again, so that what the user has tagged `#no-llm` meanwhile isn't
    sent.

    Args:
        call: the command's options.
        workspace: the workspace of the run.
        example: the id of the draft to show, or None if no card was drafted.
        done: how many highlights are drafted.
        total: how many highlights the run drafts if the user agrees.
    """
    question = f"{done} of {total:,} drafted. Go on?"
    if example is None:
        question = f"{done} of {total:,} drafted, without a card. Go on?"
    else:
        _print_draft(call, workspace, example)
    if call.confirm(question, yes=False):
        workspace.read_sources()
        return True
    if example is not None:
        command = "ankiforge draft"
        if workspace.folder.config.drafter != "llm":
            command += " --drafter llm"
        call.warn(f"to draft the rest: {command}; to remove these: ankiforge undo")
    return False


def _print_draft(call: Call, workspace: Workspace, id: str) -> None:
    from ankiforge.ledger.item_lists import load_items
    from ankiforge.reports.cards import format_content
    from ankiforge.reports.view import view_card

    for draft in load_items(workspace.ledger, [id]):
        call.warn("\n".join(format_content(view_card(draft))))
