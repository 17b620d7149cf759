"""Count what is in a workspace, and format its state for `status`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.ledger import Ledger, PendingItems, pending_items
from ankiforge.ledger.pending_items import (
    CardCounts,
    HighlightCounts,
    ReviewCounts,
    WaitingCounts,
)
from ankiforge.model import FeatureNotice, Pair, Strings, Value
from ankiforge.pipeline.reading_list import SelectedSource
from ankiforge.pipeline.sources import load_unread_files, open_source
from ankiforge.pipeline.stored_documents import find_unmarked_paths
from ankiforge.reports.cards import TextLines
from ankiforge.reports.next_step import choose_next_step, suggest_choosing_passages
from ankiforge.review import batches
from ankiforge.text import (
    format_count,
    format_percent,
    format_truncated_list,
    join_columns,
    shorten_path,
    truncate,
)

LABEL_WIDTH = 9
"""The width of the label column before details, in characters."""
LIST_LOST_COMMAND = "ankiforge list finding:source_gone"
"""The command that lists the cards whose passage was removed from its source."""
LIST_LEFT_COMMAND = "ankiforge list anki:seen -verdict:accepted"
"""The command that lists the cards that Anki still has although they were undone or rejected."""
_MAX_TITLE_CHARS = 30

# --- the counts of a workspace ----------------------------------------------------------


class CardTotals(Value):
    """The number of cards by verdict, and of those that need a look."""

    accepted: int
    rejected: int
    retired: int
    sourceless: int
    """The number of accepted cards whose highlights were removed."""
    left_in_anki: int
    """The number of undone, rejected and retired cards that Anki still has."""


class WorkspaceCounts(Value):
    """The numbers that both `status` and `run` print as JSON."""

    highlights: HighlightCounts
    cards: CardTotals
    waiting: WaitingCounts


def count_workspace(
    ledger: Ledger, pending: PendingItems, cards: CardCounts
) -> WorkspaceCounts:
    """Count the highlights of a workspace, and select the numbers that are shown of the rest."""
    return WorkspaceCounts(
        pending_items.count_highlights(ledger),
        CardTotals(
            accepted=cards.accepted,
            rejected=cards.rejected,
            retired=cards.retired,
            sourceless=cards.sourceless,
            left_in_anki=cards.left_in_anki,
        ),
        pending_items.count_waiting(pending),
    )


def format_remaining_highlights(highlights: HighlightCounts) -> str | None:
    """Format how many highlights have no card and how many were skipped.

    Highlights with a certain suggestion or any pending item aren't counted. Returns None if there
    are no other highlights.
    """
    parts = []
    uncarded_count = highlights.more + highlights.without
    if uncarded_count:
        noun = "more highlight" if highlights.waiting else "highlight"
        parts.append(f"{format_count(uncarded_count, noun)} without a card")
    if highlights.skipped:
        parts.append(f"{highlights.skipped:,} skipped")
    if not parts:
        return None
    command = "ankiforge list --no-card"
    if highlights.skipped:
        command += " --all"
    return f"{', '.join(parts)}: {command}"


def format_remaining_work(
    waiting: WaitingCounts, highlights: HighlightCounts | None, where: str = ""
) -> TextLines:
    """Yield indented lines about what waits and the highlights without a card, if any.

    `highlights` are None if they weren't counted.
    """
    pending = batches.format_pending_counts(waiting, where)
    if pending:
        yield f"  {pending}"
    remaining = format_remaining_highlights(highlights) if highlights else None
    if remaining:
        yield f"  {remaining}"


def format_detail(label: str, text: str) -> str:
    """Format an indented line with a label column and a detail."""
    return f"  {label:<{LABEL_WIDTH}}  {text}"


def truncate_title(title: str) -> str:
    """Truncate the title of a document for a list."""
    return truncate(title, _MAX_TITLE_CHARS)


# --- status -----------------------------------------------------------------------------


class Status(
    WorkspaceCounts,
    rename={"last_anki_read": "looked", "review_counts": "answers", "next_reason": "why"},
):
    """The state of a workspace, with the fields that `status --json` prints."""

    workspace: str
    """The path of the workspace."""
    sources: Strings
    """The names of the sources, configured and remembered."""
    remembered: Strings
    """The paths given to earlier runs, which are remembered as sources."""
    unsent: int
    """The number of accepted cards not yet in a package."""
    documents: dict[str, int]
    """The number of highlights with new drafts by document title, best document first."""
    model: str
    """The drafting model, its server and its cost so far, or "" without a model."""
    last_anki_read: str
    """The time when Anki was last read, in ISO 8601, or "" if never."""
    review_counts: ReviewCounts
    unmarked: Strings
    """The remembered paths without a highlighted or chosen passage."""
    not_read: dict[str, str]
    """A description of the files that no source reads, by folder."""
    next: str
    """The next command, without the name of the program."""
    next_reason: str
    """The reason for the next command."""

    @property
    def recommends_choosing_passages(self) -> bool:
        """Whether the next command is `draft PATH`, which chooses passages in unmarked files."""
        return self.next.startswith("draft ")


def get_status(
    workspace: WorkspaceDirectory, ledger: Ledger, notices: Iterable[FeatureNotice]
) -> Status:
    """Return the state of a workspace without reading its sources or Anki.

    Args:
        workspace: the workspace's directory and settings.
        ledger: the workspace's ledger.
        notices: notices from optional features.

    Raises:
        ConfigError: a source has invalid settings, so the next run would fail.
    """
    # import this late, because it loads the HTTP client
    from ankiforge.pipeline.models import describe_model

    for entry in workspace.config.sources:
        open_source(workspace, SelectedSource(entry), offline=True)
    pending = pending_items.load_pending_items(ledger)
    cards = pending_items.count_cards(ledger)
    counts = count_workspace(ledger, pending, cards)
    step = choose_next_step(
        workspace,
        ledger,
        notices,
        pending,
        unsent_count=cards.unsent,
        has_highlights=counts.highlights.total > 0,
    )
    documents = Counter[str]()
    for group in batches.group_by_document(pending.drafts):
        documents[group.title] += len(group.with_drafts)
    source_names = {source.name for source in workspace.config.sources}
    source_names.update(place.name for place in workspace.remembered_paths)
    remembered = dict.fromkeys(place.path for place in workspace.remembered_paths)
    unread = load_unread_files(ledger)
    return Status(
        **msgspec.structs.asdict(counts),
        workspace=str(workspace.root),
        sources=tuple(sorted(source_names)),
        remembered=tuple(remembered),
        unsent=cards.unsent,
        documents=documents,
        model=describe_model(workspace),
        last_anki_read=ledger.get_meta("looked"),
        review_counts=pending_items.count_reviews(ledger),
        unmarked=tuple(find_unmarked_paths(workspace, ledger)),
        not_read={folder: files.summary for folder, files in unread.items()},
        next=step.command or "",
        next_reason=step.reason,
    )


def format_status(status: Status, workspace: WorkspaceDirectory) -> TextLines:
    """Yield the lines printed by `status`: a summary, details and the next command."""
    yield f"  {format_count(status.highlights.total, 'highlight')}"
    yield from format_remaining_work(status.waiting, status.highlights)
    if status.unsent:
        yield f"  → {format_count(status.unsent, 'card')} not in a package yet"
    yield ""
    for label, text in _list_status_details(status, workspace):
        if text:
            yield format_detail(label, text)
    yield ""
    step = f"ankiforge {status.next}" if status.next else ""
    yield f"  next  {join_columns(step, status.next_reason)}"


def _list_status_details(status: Status, workspace: WorkspaceDirectory) -> Iterator[Pair]:
    """Yield the labels and texts of the details, of which some texts are empty."""
    sources = [source.name for source in workspace.config.sources]
    sources += map(shorten_path, status.remembered)

    yield "cards", _format_card_counts(status.cards)
    yield "workspace", shorten_path(status.workspace)
    yield "sources", format_truncated_list(sources) or "none yet"
    yield "model", status.model
    yield "Anki", _format_anki_state(status)
    if status.unmarked and not status.recommends_choosing_passages:
        step = suggest_choosing_passages(status.unmarked)
        yield "no marks", join_columns(f"ankiforge {step.command}", step.reason)
    for folder, files in status.not_read.items():
        yield "not read", f"{folder}: {files}"


def _format_card_counts(cards: CardTotals) -> str:
    parts = []
    if cards.accepted:
        parts.append(f"{cards.accepted:,} accepted")
    if cards.sourceless:
        parts.append(f"{cards.sourceless:,} without a passage: {LIST_LOST_COMMAND}")
    if cards.left_in_anki:
        left = f"{cards.left_in_anki:,} undone or rejected, still in Anki"
        parts.append(f"{left}: {LIST_LEFT_COMMAND}")
    return join_columns(*parts)


def _format_anki_state(status: Status) -> str:
    if not status.last_anki_read:
        parts = ["not read yet"]
    else:
        minute = status.last_anki_read[:16].replace("T", " ")
        parts = [f"read {minute} UTC"]
    reviews = status.review_counts
    if reviews.tested:
        retention = format_percent(reviews.remembered / reviews.tested)
        parts.append(format_count(reviews.reviews, "review"))
        parts.append(f"retention {retention}")
    return join_columns(*parts)
