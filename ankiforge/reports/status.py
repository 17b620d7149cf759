"""Count what is in a workspace, and format its state for `status`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec.structs import asdict

from ankiforge.config.workspace import RememberedPath, WorkspaceDirectory
from ankiforge.ledger import Ledger, PendingItems, pending_items
from ankiforge.ledger.pending_items import (
    CardCounts,
    HighlightCounts,
    ReviewCounts,
    WaitingCounts,
)
from ankiforge.model import FeatureNotice, Json, Pair, Strings, Value
from ankiforge.pipeline.reading_list import SelectedSource
from ankiforge.pipeline.sources import load_unread_files, open_source
from ankiforge.pipeline.stored_documents import find_unmarked_paths
from ankiforge.reports.cards import TextLines
from ankiforge.reports.next_step import (
    NextStep,
    StepKind,
    choose_next_step,
    format_command,
    format_next_step,
    suggest_choosing_passages,
)
from ankiforge.review import batches
from ankiforge.text import (
    format_count,
    format_percent,
    format_truncated_list,
    join_columns,
    shorten_path,
    truncate,
)
from ankiforge.text.lines import Line, format_lines, lines_to_json, make_label_line

LABEL_WIDTH = 9
"""The width of the label column before details, in characters."""
LIST_LOST_COMMAND = "list finding:source_gone"
"""The command that lists the cards whose passage was removed from its source."""
_LIST_LEFT_COMMAND = "list anki:seen -verdict:accepted"
"""The command that lists the cards that Anki still has although they were undone or rejected."""
_MAX_TITLE_CHARS = 30

# --- the counts of a workspace ----------------------------------------------------------


class WorkspaceCounts(Value):
    """The numbers that both `status` and `run` report."""

    highlights: HighlightCounts
    cards: CardCounts
    waiting: WaitingCounts

    def to_json(self) -> Json:
        """Convert the numbers to JSON, of those of cards only what `list_card_lines` has."""
        return {
            "highlights": asdict(self.highlights),
            "cards": lines_to_json(list_card_lines(self.cards)),
            "waiting": asdict(self.waiting),
        }


def count_workspace(ledger: Ledger, pending: PendingItems) -> WorkspaceCounts:
    """Count the highlights, cards and pending items of a workspace."""
    return WorkspaceCounts(
        pending_items.count_highlights(ledger),
        pending_items.count_cards(ledger),
        pending_items.count_waiting(pending),
    )


def list_card_lines(cards: CardCounts) -> list[Line]:
    """List the number of cards by verdict, and of those that need a look."""
    return [
        make_label_line("accepted", cards.accepted, "accepted"),
        Line("rejected", cards.rejected),
        Line("retired", cards.retired),
        Line(
            "sourceless",
            cards.sourceless,
            f"{cards.sourceless:,} without a passage",
            LIST_LOST_COMMAND,
        ),
        Line(
            "left_in_anki",
            cards.left_in_anki,
            f"{cards.left_in_anki:,} undone or rejected, still in Anki",
            _LIST_LEFT_COMMAND,
        ),
    ]


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


class Status(Value):
    """The state of a workspace."""

    counts: WorkspaceCounts
    workspace: str
    """The path of the workspace."""
    configured: Strings
    """The names of the sources in the settings."""
    remembered: tuple[RememberedPath, ...]
    """The PATHs of earlier runs, which are remembered as sources."""
    documents: dict[str, int]
    """The number of highlights with new drafts by document title, best document first."""
    model: str | None
    """The drafting model, its server and its cost so far, or None without a model."""
    last_anki_read: str | None
    """The time when Anki was last read, in ISO 8601, or None if never."""
    reviews: ReviewCounts
    unmarked: Strings
    """The remembered paths without a highlighted or chosen passage."""
    unread: dict[str, str]
    """A description of the files that no source reads, by folder."""
    step: NextStep

    @property
    def remembered_paths(self) -> Strings:
        """The paths of `remembered`, each once: several sources may be read below one."""
        return tuple(dict.fromkeys(place.path for place in self.remembered))

    def to_json(self) -> Json:
        """Convert the state to the JSON that `status --json` prints."""
        remembered_names = {place.name for place in self.remembered}
        return {
            **self.counts.to_json(),
            "workspace": self.workspace,
            "sources": sorted({*self.configured, *remembered_names}),
            "remembered": self.remembered_paths,
            "unsent": self.counts.cards.unsent,
            "documents": self.documents,
            "model": self.model or "",
            "looked": self.last_anki_read or "",
            "answers": asdict(self.reviews),
            "unmarked": self.unmarked,
            "not_read": self.unread,
            "next": self.step.command or "",
            "why": self.step.reason,
        }


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
    counts = count_workspace(ledger, pending)
    step = choose_next_step(
        workspace,
        ledger,
        notices,
        pending,
        unsent_count=counts.cards.unsent,
        has_highlights=counts.highlights.total > 0,
    )
    documents = Counter[str]()
    for group in batches.group_by_document(pending.drafts):
        documents[group.title] += len(group.with_drafts)
    unread = load_unread_files(ledger)
    return Status(
        counts,
        workspace=str(workspace.root),
        configured=tuple(source.name for source in workspace.config.sources),
        remembered=tuple(workspace.remembered_paths),
        documents=documents,
        model=describe_model(workspace) or None,
        last_anki_read=ledger.get_meta("looked") or None,
        reviews=pending_items.count_reviews(ledger),
        unmarked=tuple(find_unmarked_paths(workspace, ledger)),
        unread={folder: files.summary for folder, files in unread.items()},
        step=step,
    )


def format_status(status: Status) -> TextLines:
    """Yield the lines printed by `status`: a summary, details and the next command."""
    counts = status.counts
    yield f"  {format_count(counts.highlights.total, 'highlight')}"
    yield from format_remaining_work(counts.waiting, counts.highlights)
    if counts.cards.unsent:
        yield f"  → {format_count(counts.cards.unsent, 'card')} not in a package yet"
    yield ""
    for label, text in _list_status_details(status):
        yield format_detail(label, text)
    yield ""
    yield format_next_step(status.step)


def _list_status_details(status: Status) -> Iterator[Pair]:
    """Yield the labels and texts of the details."""
    cards = format_lines(list_card_lines(status.counts.cards))
    if cards:
        yield "cards", join_columns(*cards)
    yield "workspace", shorten_path(status.workspace)
    sources = [*status.configured, *map(shorten_path, status.remembered_paths)]
    yield "sources", format_truncated_list(sources) if sources else "none yet"
    if status.model is not None:
        yield "model", status.model
    yield "Anki", _format_anki_state(status.last_anki_read, status.reviews)
    if status.unmarked and status.step.kind is not StepKind.CHOOSE_PASSAGES:
        step = suggest_choosing_passages(status.unmarked)
        yield "no marks", format_command(step)
    for folder, files in status.unread.items():
        yield "not read", f"{folder}: {files}"


def _format_anki_state(last_read: str | None, reviews: ReviewCounts) -> str:
    parts = ["not read yet"]
    if last_read is not None:
        minute = last_read[:16].replace("T", " ")
        parts = [f"read {minute} UTC"]
    if reviews.tested:
        retention = format_percent(reviews.remembered / reviews.tested)
        parts.append(format_count(reviews.reviews, "review"))
        parts.append(f"retention {retention}")
    return join_columns(*parts)
