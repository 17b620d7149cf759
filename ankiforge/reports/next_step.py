"""Recommend the command to run next, from the numbers of a workspace and the result of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from shlex import quote
from typing import TYPE_CHECKING

from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.ledger import Ledger
from ankiforge.model import FeatureNotice, Value
from ankiforge.pipeline.sources import find_unmarked_paths
from ankiforge.review import batches
from ankiforge.text import format_count, join_columns, shorten_path

if TYPE_CHECKING:
    from ankiforge.pipeline.run_result import RunResult

Counts = Mapping[str, Counter[str]]
"""Counts by group and name from `pending_items.count_items_by_group`. Groups may be missing."""


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


class RemainingWork(Value):
    """The numbers that the choice of the next step depends on."""

    pending: int
    """The number of items to decide on: drafts, proposals, changes and questions."""
    proposed: int
    """The number of pending proposals."""
    conflicts: int
    """The number of cards that the user and the source both changed."""
    uncarded: int
    """The number of highlights without a card, including those with a proposal."""
    unsent: int
    """The number of accepted cards that aren't in a package."""
    highlights: int

    @classmethod
    def from_counts(cls, counts: Counts) -> RemainingWork:
        """Take the numbers from the counts of a ledger. Those of a missing group are 0."""
        waiting = counts["waiting"]
        return cls(
            pending=sum(waiting[kind] for kind in batches.WAITING_NOUNS),
            proposed=waiting["proposed"],
            conflicts=waiting["conflicts"],
            uncarded=waiting["without"],
            unsent=counts.get("anki", Counter[str]())["none"],
            highlights=counts.get("passages", Counter[str]()).total(),
        )

    @property
    def has_more_than_proposals(self) -> bool:
        """Whether any pending item is a draft, change or question."""
        return self.pending > self.proposed


# --- choosing the step ------------------------------------------------------------------


def choose_next_step(
    folder: WorkspaceDirectory,
    ledger: Ledger,
    notices: Iterable[FeatureNotice],
    counts: Counts,
) -> NextStep:
    """Choose the step to recommend to a user who asks for the state of a workspace.

    Args:
        folder: the workspace's directory and settings.
        ledger: the workspace's ledger.
        notices: notices from optional features; the first one that suggests a command wins.
        counts: the counts of all groups in the ledger.
    """
    work = RemainingWork.from_counts(counts)
    feature_step = _find_feature_step(notices)
    if feature_step:
        return feature_step
    if work.has_more_than_proposals:
        return _suggest_review(work)
    if work.unsent:
        cards = format_count(work.unsent, "accepted card")
        return NextStep(StepKind.BUILD, "build", f"{cards} not in a package yet")
    if work.proposed:
        return _suggest_review(work)
    if not work.highlights:
        return _suggest_for_empty_workspace(folder, ledger)
    if work.uncarded:
        return _suggest_drafting(folder)
    return NextStep(StepKind.RUN, "run", "read what is new")


def choose_step_after_run(
    run: RunResult,
    folder: WorkspaceDirectory,
    ledger: Ledger,
    notices: Iterable[FeatureNotice],
    counts: Counts,
) -> NextStep | None:
    """Choose the step to recommend after a run, or return None if the run leaves nothing to do.

    New proposals come before the package, because the user has just marked their passages.

    Args:
        run: the result of the run that has just ended.
        folder: the workspace's directory and settings.
        ledger: the workspace's ledger.
        notices: notices from optional features; the first one that suggests a command wins.
        counts: the counts of the ledger, of which only the group `waiting` is needed.
    """
    work = RemainingWork.from_counts(counts)
    feature_step = _find_feature_step(notices)
    if feature_step:
        return feature_step
    if work.has_more_than_proposals:
        return _suggest_review(work)
    if work.proposed and (run.has_new_highlights or not run.packages):
        return _suggest_review(work)
    if run.packages:
        package = shorten_path(run.packages[-1])
        return NextStep(StepKind.IMPORT, None, f"import {package} into Anki")
    if run.has_no_highlights and not run.has_failures:
        return _suggest_unmarked_paths(folder, ledger, first=run.remembered_paths)
    if work.uncarded and run.has_new_highlights:
        return _suggest_drafting(folder)
    return None


def _find_feature_step(notices: Iterable[FeatureNotice]) -> NextStep | None:
    for notice in notices:
        if notice.suggested_command is not None:
            return NextStep(
                StepKind.FEATURE, notice.suggested_command, notice.suggestion_reason
            )
    return None


def _suggest_review(work: RemainingWork) -> NextStep:
    if work.conflicts:
        cards = format_count(work.conflicts, "card")
        return make_review_step(f"decide on {cards} that you and the source both changed")
    if work.pending > batches.SITTING_SIZE:
        return make_review_step(f"the best ten of {work.pending:,}")
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
    paths = find_unmarked_paths(folder, ledger, include_directories=True)
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
    path = quote(shorten_path(paths[0]))
    return NextStep(StepKind.CHOOSE_PASSAGES, f"draft {path}", reason)


# --- showing a step ---------------------------------------------------------------------


def format_next_step(step: NextStep, *, first: bool = True) -> str:
    """Format the line that recommends a step.

    `first` is whether this is the main recommendation rather than an alternative.
    """
    label = "next" if first else "or  "
    if step.command is None:
        return f"  {label}  {step.reason}"
    return f"  {label}  {join_columns(f'ankiforge {step.command}', step.reason)}"
