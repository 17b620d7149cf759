"""Recommend the command to run next, from the numbers of a workspace and the result of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING

from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.ledger import Ledger, PendingItems, pending_items
from ankiforge.model import FeatureNotice, Value
from ankiforge.pipeline.stored_documents import find_unmarked_paths
from ankiforge.review import batches
from ankiforge.text import format_count, join_columns, quote_path, shorten_path

if TYPE_CHECKING:
    from ankiforge.pipeline.run_result import RunResult


class StepKind(Enum):
    """What a recommended step does."""

    FEATURE = auto()
    """What an optional feature suggests."""
    REVIEW = auto()
    CHAT = auto()
    """Let a chat write cards for highlights."""
    MODEL = auto()
    """Let the model in the settings write cards for highlights."""
    CHOOSE_PASSAGES = auto()
    """Let a chat or model choose passages of an unmarked document."""
    BUILD = auto()
    IMPORT = auto()
    """Import a package into Anki."""
    RUN = auto()


class NextStep(Value):
    """A step that the user should take next."""

    kind: StepKind
    command: str | None
    """The command without `ankiforge`, or None if the user has to do something in Anki."""
    reason: str
    """What the step is for."""


CHAT_STEP = NextStep(
    StepKind.CHAT, "draft", "your chat writes the questions: copy, paste back"
)
MODEL_STEP = NextStep(StepKind.MODEL, "draft", "let the model draft the rest")


def make_review_step(reason: str) -> NextStep:
    """Recommend to decide on pending items."""
    return NextStep(StepKind.REVIEW, "review", reason)


# --- choosing the step ------------------------------------------------------------------


def choose_next_step(
    folder: WorkspaceDirectory,
    ledger: Ledger,
    notices: Iterable[FeatureNotice],
    pending: PendingItems,
    *,
    unsent_count: int,
    has_highlights: bool,
) -> NextStep:
    """Choose the step to recommend to a user who asks for the state of a workspace.

    Args:
        folder: the workspace's directory and settings.
        ledger: the workspace's ledger.
        notices: notices from optional features; the first one that suggests a command wins.
        pending: what waits for a decision.
        unsent_count: the number of accepted cards that aren't in a package.
        has_highlights: whether any highlight was read.
    """
    feature_step = _find_feature_step(notices)
    if feature_step:
        return feature_step
    if _has_more_than_suggestions(pending):
        return _suggest_review(pending)
    if unsent_count:
        cards = format_count(unsent_count, "accepted card")
        return NextStep(StepKind.BUILD, "build", f"{cards} not in a package yet")
    if _count_suggestions(pending):
        return _suggest_review(pending)
    if not has_highlights:
        return _suggest_for_empty_workspace(folder, ledger)
    if pending.without_card:
        return _suggest_drafting(folder)
    return NextStep(StepKind.RUN, "run", "read what is new")


def choose_step_after_run(
    run: RunResult,
    folder: WorkspaceDirectory,
    ledger: Ledger,
    notices: Iterable[FeatureNotice],
    pending: PendingItems,
) -> NextStep | None:
    """Choose the step to recommend after a run, or return None if the run leaves nothing to do.

    New suggestions come before the package, because the user has just marked their passages.

    Args:
        run: the result of the run that has just ended.
        folder: the workspace's directory and settings.
        ledger: the workspace's ledger.
        notices: notices from optional features; the first one that suggests a command wins.
        pending: what waits for a decision.
    """
    feature_step = _find_feature_step(notices)
    if feature_step:
        return feature_step
    if _has_more_than_suggestions(pending):
        return _suggest_review(pending)
    if _count_suggestions(pending) and (run.has_new_highlights or not run.packages):
        return _suggest_review(pending)
    if run.packages:
        package = shorten_path(run.packages[-1])
        return NextStep(StepKind.IMPORT, None, f"import {package} into Anki")
    if run.has_no_highlights and not run.has_failures:
        return _suggest_unmarked_paths(folder, ledger, first=run.remembered_paths)
    if pending.without_card and run.has_new_highlights:
        return _suggest_drafting(folder)
    return None


def _find_feature_step(notices: Iterable[FeatureNotice]) -> NextStep | None:
    for notice in notices:
        if notice.suggestion is not None:
            suggestion = notice.suggestion
            return NextStep(StepKind.FEATURE, suggestion.command, suggestion.reason)
    return None


def _count_suggestions(pending: PendingItems) -> int:
    return len(pending_items.split_suggestions(pending.without_card).certain)


def _has_more_than_suggestions(pending: PendingItems) -> bool:
    """Return whether a draft, change or question waits."""
    return bool(pending.drafts or pending.changed_cards or pending.questions)


def _suggest_review(pending: PendingItems) -> NextStep:
    if pending.conflicts:
        cards = format_count(len(pending.conflicts), "card")
        return make_review_step(f"decide on {cards} that you and the source both changed")
    waiting_count = pending_items.count_waiting(pending).total
    if waiting_count > batches.SITTING_SIZE:
        return make_review_step(f"the best ten of {waiting_count:,}")
    return make_review_step("decide on what waits")


def _suggest_drafting(folder: WorkspaceDirectory) -> NextStep:
    return MODEL_STEP if folder.config.drafter == "llm" else CHAT_STEP


def _suggest_for_empty_workspace(folder: WorkspaceDirectory, ledger: Ledger) -> NextStep:
    step = _suggest_unmarked_paths(folder, ledger)
    if step:
        return step
    has_sources = folder.config.sources or folder.remembered_paths
    command = "run" if has_sources else "run PATH"
    return NextStep(StepKind.RUN, command, "no highlight was found so far")


# --- passages of unmarked documents -----------------------------------------------------


def _suggest_unmarked_paths(
    folder: WorkspaceDirectory, ledger: Ledger, first: Sequence[str] = ()
) -> NextStep | None:
    """Recommend to choose passages in the unmarked paths, of which those in `first` come first."""
    paths = find_unmarked_paths(folder, ledger)
    if not paths:
        return None
    paths.sort(key=lambda path: path not in first)
    return suggest_choosing_passages(paths)


def suggest_choosing_passages(paths: Sequence[str]) -> NextStep:
    """Recommend to let a chat or model choose passages.

    `paths` are those with few or no highlights, at least one.
    """
    reason = "little or nothing is marked there; a chat or model chooses passages"
    if len(paths) > 1:
        reason += f"; {len(paths) - 1:,} more without marks"
    command = f"draft {quote_path(paths[0])}"
    return NextStep(StepKind.CHOOSE_PASSAGES, command, reason)


# --- showing a step ---------------------------------------------------------------------


def format_next_step(step: NextStep, *, first: bool = True) -> str:
    """Format the line that recommends a step.

    `first` is whether this is the main recommendation rather than an alternative.
    """
    label = "next" if first else "or  "
    return f"  {label}  {format_command(step)}"


def format_command(step: NextStep) -> str:
    """Format the command of a step, if it has one, and what it is for."""
    if step.command is None:
        return step.reason
    return join_columns(f"ankiforge {step.command}", step.reason)
