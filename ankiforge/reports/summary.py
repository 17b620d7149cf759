"""Report the state of a workspace and the result of a run, as values for JSON and as text.

`status` prints the state, and `run`, `draft`, `build` and `push` print the result. All of them
recommend the next command by the same rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from shlex import quote
from typing import TYPE_CHECKING

import msgspec

from ankiforge.config.workspace import (
    WorkspaceDirectory,
)
from ankiforge.ledger import (
    UNCARDED_STATUSES,
    IngestReport,
    Ledger,
    pending_items,
    questions,
)
from ankiforge.model import (
    CARD_IN_HEADING,
    CODE_AND_MATHS,
    LOGSEQ_MARK,
    OTHER_TOOL_NOTE_PREFIX,
    TAGGED_CARD,
    AnkiChanges,
    FeatureNotice,
    Json,
    Pair,
    Problem,
    Strings,
    TextChange,
    UserQuestionKind,
    Value,
)
from ankiforge.pipeline.sources import (
    SelectedSource,
    find_unmarked_paths,
    find_unmarked_pdfs,
    load_unread_files,
    open_source,
)
from ankiforge.reports.cards import TextLines
from ankiforge.reports.history import format_draft_counts
from ankiforge.review import batches
from ankiforge.text import (
    format_cost,
    format_count,
    format_counts,
    format_percent,
    format_truncated_list,
    join_columns,
    shorten_path,
    truncate,
)

if TYPE_CHECKING:
    from ankiforge.pipeline.run_result import RunResult
    from ankiforge.pipeline.workspace import Workspace


Counts = Mapping[str, Counter[str]]
"""Counts by group and name from `pending_items.count_items_by_group`. Groups may be missing."""

DECIDE_COMMAND = "review"
"""The command for deciding on pending items."""
CHAT_STEP = "draft", "your chat writes the questions: copy, paste back"
"""The command that lets a chat write cards, and the reason to run it."""

LABEL_WIDTH = 9
"""The width of the label column before details, in characters."""
LIST_LOST_COMMAND = "ankiforge list finding:source_gone"
"""The command that lists the cards whose passage was removed from its source."""
LIST_LEFT_COMMAND = "ankiforge list anki:seen -verdict:accepted"
"""The command that lists the cards that Anki still has although they were undone or rejected."""
_MAX_TITLE_CHARS = 30

# --- the counts of a workspace ----------------------------------------------------------


class HighlightCounts(Value):
    """The number of highlights, in total and by review status."""

    total: int
    with_card: int
    """The number of highlights with a card and nothing left to decide."""
    waiting: int
    """The number of highlights with a pending draft, change or question."""
    proposed: int
    """The number of highlights with a certain proposal. Equal sentences count once."""
    less_certain: int
    """The number of highlights with a less certain proposal."""
    without: int
    """The number of other highlights that have no card, draft or proposal."""
    skipped: int
    """The number of highlights without a card that the user rejected or skipped, or that a colour
    or setting excludes."""


class CardCounts(Value):
    """The number of cards and drafts by state."""

    accepted: int
    waiting: int
    """The number of pending drafts of new cards."""
    blocked: int
    revisions: int
    """The number of pending drafts that would change a card."""
    rejected: int
    retired: int
    sourceless: int
    """The number of accepted cards whose highlights were removed."""
    left_in_anki: int
    """The number of undone, rejected and retired cards that Anki still has."""


class WorkspaceCounts(Value):
    """The numbers that both `status` and `run` report."""

    highlights: HighlightCounts
    cards: CardCounts
    waiting: dict[str, int]
    """The number of pending items by kind, in the order of `batches.WAITING_NOUNS`. Their total is
    the number that every command and the page show as waiting."""


def to_workspace_counts(counts: Counts) -> WorkspaceCounts:
    """Convert the counts from `pending_items.count_items_by_group` to the numbers of a workspace.

    If a group of counts is missing, its numbers are 0.
    """
    names = ("passages", "waiting", "cards", "anki")
    passages, waiting, cards, anki = (counts.get(name, Counter[str]()) for name in names)
    proposed = min(waiting["proposed"], passages["open"])
    less_certain = min(waiting["less_certain"], passages["open"] - proposed)
    return WorkspaceCounts(
        HighlightCounts(
            total=passages.total(),
            with_card=passages["with_card"],
            waiting=passages["waiting"],
            proposed=proposed,
            less_certain=less_certain,
            without=passages["open"] - proposed - less_certain,
            skipped=passages["skipped"],
        ),
        CardCounts(
            accepted=cards["accepted"],
            waiting=waiting["new"],
            blocked=waiting["blocked"],
            revisions=waiting["revisions"],
            rejected=cards["rejected"],
            retired=cards["retired"],
            sourceless=anki["sourceless"],
            left_in_anki=anki["not accepted"],
        ),
        {kind: waiting[kind] for kind in batches.WAITING_NOUNS},
    )


def format_remaining_highlights(highlights: HighlightCounts) -> str:
    """Format how many highlights have no card and how many were skipped.

    Highlights with a certain proposal or any pending item aren't counted. Returns "" if there are
    no other highlights.
    """
    count = highlights.less_certain + highlights.without
    is_rest = highlights.waiting or highlights.proposed
    noun = "more highlight" if is_rest else "highlight"
    parts = [f"{format_count(count, noun)} without a card"] if count else []
    command = "ankiforge list --no-card"
    if highlights.skipped:
        parts.append(f"{highlights.skipped:,} skipped")
        command += " --all"
    return f"{', '.join(parts)}: {command}" if parts else ""


def format_detail(label: str, text: str) -> str:
    """Format an indented line with a label column and a detail."""
    return f"  {label:<{LABEL_WIDTH}}  {text}"


# --- the next command -------------------------------------------------------------------


def choose_next_command(
    folder: WorkspaceDirectory,
    ledger: Ledger,
    notices: Iterable[FeatureNotice],
    *,
    counts: Counts | None = None,
    run: RunResult | None = None,
) -> Pair:
    """Choose the command that the user should run next. Return the command and the reason.

    The command is "" if the user has to do something in Anki first, or if a run leaves nothing to
    do.

    Args:
        folder: the workspace's directory and settings.
        ledger: the workspace's ledger.
        notices: notices from optional features; the first one that suggests a command wins.
        counts: the counts of the ledger, if already known. After a run, only the group `waiting`
            is needed.
        run: the result of the run that has just ended, if any.
    """
    for notice in notices:
        if notice.suggested_command:
            return notice.suggested_command, notice.suggestion_reason
    counts = counts or pending_items.count_items_by_group(ledger)
    waiting = counts["waiting"]
    has_news = run is not None and run.has_new_highlights
    waiting_count = sum(waiting[kind] for kind in batches.WAITING_NOUNS)
    reason = "decide on what waits"
    if waiting_count > batches.SITTING_SIZE:
        reason = f"the best ten of {waiting_count:,}"
    if waiting["conflicts"]:
        cards = format_count(waiting["conflicts"], "card")
        reason = f"decide on {cards} that you and the source both changed"
    if waiting_count > waiting["proposed"] or (has_news and waiting["proposed"]):
        return DECIDE_COMMAND, reason
    if run and run.packages:
        return "", f"import {shorten_path(run.packages[-1])} into Anki"
    if not run and (unsent := counts["anki"]["none"]):
        return "build", f"{format_count(unsent, 'accepted card')} not in a package yet"
    if waiting["proposed"]:
        return DECIDE_COMMAND, reason
    if run.has_no_highlights if run else not counts["passages"].total():
        unmarked = find_unmarked_paths(folder, ledger, include_directories=True)
        if run:
            unmarked.sort(key=lambda path: path not in run.remembered_paths)
        if unmarked and not (run and run.has_failures):
            return suggest_choosing_passages(unmarked)
        if not run:
            has_sources = folder.config.sources or folder.remembered_paths
            return "run" if has_sources else "run PATH", "no highlight was found so far"
    if waiting["without"] and (has_news or not run):
        if folder.config.drafter == "llm":
            return "draft", "let the model draft the rest"
        return CHAT_STEP
    return ("", "") if run else ("run", "read what is new")


def format_next_command(arguments: str, reason: str, *, first: bool = True) -> str:
    """Format the line that recommends a command to run next.

    Args:
        arguments: the command without `ankiforge`, or "" to show only `reason`.
        reason: what the command is for.
        first: whether this is the main recommendation rather than an alternative.
    """
    command = f"ankiforge {arguments}" if arguments else ""
    return f"  {'next' if first else 'or  '}  {join_columns(command, reason)}"


def suggest_choosing_passages(paths: Sequence[str]) -> Pair:
    """Return the command that lets a chat or model choose passages, and the reason to run it.

    `paths` are those with few or no highlights, at least one.
    """
    others = f"; {len(paths) - 1:,} more without marks" if len(paths) > 1 else ""
    reason = (
        f"little or nothing is marked there; a chat or model chooses passages{others}"
    )
    return f"draft {quote(shorten_path(paths[0]))}", reason


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
    review_counts: dict[str, int]
    """The number of reviews seen in Anki, and of reviews in which the user remembered the card."""
    unmarked: Strings
    """The remembered paths without a highlighted or chosen passage."""
    not_read: dict[str, str]
    """A description of the files that no source reads, by folder."""
    next: str
    """The next command, without the name of the program."""
    next_reason: str
    """The reason for the next command."""


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
    order = pending_items.load_pending_items(ledger)
    counts = pending_items.count_items_by_group(ledger, waits=order)
    command, reason = choose_next_command(workspace, ledger, notices, counts=counts)
    documents = Counter[str]()
    for group in batches.group_by_document(order.drafts):
        documents[group.title] += len(group.with_drafts)
    names = [source.name for source in workspace.config.sources]
    names += [place.name for place in workspace.remembered_paths]
    unread = load_unread_files(ledger)
    return Status(
        **msgspec.structs.asdict(to_workspace_counts(counts)),
        workspace=str(workspace.root),
        sources=tuple(sorted({*names})),
        remembered=tuple(
            dict.fromkeys(place.path for place in workspace.remembered_paths)
        ),
        unsent=counts["anki"]["none"],
        documents=documents,
        model=describe_model(workspace),
        last_anki_read=ledger.get_meta("looked"),
        review_counts=dict(counts["answers"]),
        unmarked=tuple(find_unmarked_paths(workspace, ledger, include_directories=True)),
        not_read={folder: unread[folder].summary for folder in unread},
        next=command,
        next_reason=reason,
    )


def format_status(status: Status, workspace: WorkspaceDirectory) -> TextLines:
    """Yield the lines printed by `status`: a summary, details and the next command."""
    cards = status.cards
    counts = (
        format_count(status.highlights.total, "highlight"),
        batches.format_pending_counts(status.waiting),
        format_remaining_highlights(status.highlights),
        f"→ {format_count(status.unsent, 'card')} not in a package yet"
        if status.unsent
        else "",
    )
    yield from (f"  {line}" for line in counts if line)
    yield ""
    titles = [
        f"{truncate(title, _MAX_TITLE_CHARS)} ({n:,})"
        for title, n in status.documents.items()
    ]
    source_names = [source.name for source in workspace.config.sources]
    looked = status.last_anki_read[:16].replace("T", " ")
    last_read = f"read {looked} UTC" if looked else "not read yet"
    accepted = f"{cards.accepted:,} accepted" if cards.accepted else ""
    sourceless = ""
    if cards.sourceless:
        sourceless = f"{cards.sourceless:,} without a passage: {LIST_LOST_COMMAND}"
    left_in_anki = ""
    if cards.left_in_anki:
        count = f"{cards.left_in_anki:,} undone or rejected"
        left_in_anki = f"{count}, still in Anki: {LIST_LEFT_COMMAND}"
    source_names += map(shorten_path, status.remembered)
    answers = status.review_counts
    reviews: Strings = ()
    if answers["tested"]:
        retention = format_percent(answers["remembered"] / answers["tested"])
        reviews = format_count(answers["reviews"], "review"), f"retention {retention}"
    rows = [
        ("drafts in", format_truncated_list(titles)),
        ("cards", join_columns(accepted, sourceless, left_in_anki)),
        ("workspace", shorten_path(status.workspace)),
        ("sources", format_truncated_list(source_names) or "none yet"),
        ("model", status.model),
        ("Anki", join_columns(last_read, *reviews)),
    ]
    if status.unmarked and not status.next.startswith("draft "):
        step = join_columns(*suggest_choosing_passages(status.unmarked))
        rows.append(("no marks", f"ankiforge {step}"))
    rows += [("not read", ": ".join(entry)) for entry in status.not_read.items()]
    yield from (format_detail(label, text) for label, text in rows if text)
    yield ""
    yield format_next_command(status.next, status.next_reason)


# --- the result of a run ------------------------------------------------------------------

CONFLICT_REASON = "you changed it, too; you choose whose words stay: ankiforge review"
_REPORTED_KINDS = (CARD_IN_HEADING, TAGGED_CARD, LOGSEQ_MARK)
"""The kinds of skipped text that `run` reports, besides notes of other tools."""
NO_HIGHLIGHTS_HINT = (
    "what counts as a highlight: marks and comments in PDFs and Zotero; in notes"
    " ==marks==, question::answer lines, {{c1::gaps}} and glossary lists"
)
CHOOSE_HINT = (
    "to let a chat or model choose passages of a file without marks: ankiforge draft FILE"
)


class DeliveryReport(Value):
    """The notes written or sent to Anki, with the fields that `build --json` prints."""

    notes: dict[str, int]
    """The number of notes by outcome, such as `added` or `held`."""
    packages: Strings
    """The packages that the user still has to import into Anki."""
    problems: tuple[Problem, ...]


def build_delivery_report(result: RunResult, ledger: Ledger) -> DeliveryReport:
    """Report the notes that a run, or a command such as `build`, has written or sent."""
    published = result.published
    added, updated = result.pushed or (
        sum(package.added for package in published),
        sum(package.updated for package in published),
    )
    counts = pending_items.count_items_by_group(ledger, "anki", "waiting")
    return DeliveryReport(
        {
            "written": sum(package.notes for package in published),
            "added": added,
            "updated": updated,
            "held": sum(bool(planned.hold_reason) for planned in result.planned),
            "missing": counts["anki"]["missing"],
            "conflicts": counts["waiting"]["conflicts"],
            "tombstones": len(result.scan.changes.deleted) if result.scan else 0,
        },
        tuple(map(str, result.packages)),
        tuple(result.problems),
    )


class RunReport(DeliveryReport):
    """The result of a run, with the fields that `run --json` and `draft --json` print."""

    highlights: dict[str, int]
    """The number of highlights that this run has read (`seen`), and how many of these are new,
    changed, removed (`gone`) or unchanged."""
    files: dict[str, int]
    """The number of files read by extension."""
    unread_files: dict[str, int]
    left_out: dict[str, int]
    """The number of passages that look like a highlight or card but aren't read as one, by kind."""
    not_selected: int
    """The number of highlights that the settings no longer select."""
    no_card: dict[str, int]
    """The number of highlights without a card or draft by reason."""
    waits: dict[str, int]
    """The number of pending drafts by the reason why they are pending."""
    cards: dict[str, int]
    """The number of cards that this run has drafted, accepted and changed."""
    changes: tuple[Json, ...]
    """The cards whose source has changed, with their old and new fields."""
    state: WorkspaceCounts
    """The counts of the whole workspace after the run."""
    llm: dict[str, float | None]
    """The requests to the model with their tokens and cost, and the number of highlights that the
    model was asked about (`asked`) or made no usable draft for (`without`)."""
    next: str
    """The next command, without the name of the program."""
    why: str
    """The reason for the next command."""


def build_run_report(
    result: RunResult, workspace: Workspace, notices: Sequence[FeatureNotice]
) -> RunReport:
    """Report the result of a run in numbers."""
    ledger = workspace.ledger
    counts = pending_items.count_items_by_group(
        ledger, "passages", "waiting", "reasons", "cards", "anki"
    )
    changes = _find_changes(result, ledger, workspace.folder)
    lookalikes = pending_items.iter_skipped_texts(ledger)
    left_out = Counter(entry.skipped_text.apparent_syntax for entry in lookalikes)
    del left_out[CODE_AND_MATHS]
    no_card = Counter(
        outcome.reason
        for outcome in pending_items.iter_highlight_outcomes(ledger)
        if outcome.status in UNCARDED_STATUSES
    )
    read = result.report or IngestReport()
    new_count, changed_count = len(read.new), len(read.changed)
    lost_keys = [*read.removed_keys, *read.removed_unread_keys]
    usage_fields = ("requests", "cached", "tokens_in", "tokens_out", "cost_usd")
    command, reason = choose_next_command(
        workspace.folder, ledger, notices, counts=counts, run=result
    )
    return RunReport(
        **msgspec.structs.asdict(build_delivery_report(result, ledger)),
        highlights={
            "seen": read.passage_count,
            "new": new_count,
            "changed": changed_count,
            "gone": len(read.removed_keys),
            "unchanged": max(read.passage_count - new_count - changed_count, 0),
        },
        files=dict(read.files),
        unread_files=dict(read.unread_files),
        left_out=left_out,
        not_selected=read.unselected + read.in_missing_sources,
        no_card=dict(no_card.most_common()),
        waits=dict(counts["reasons"].most_common()),
        cards={
            "drafted": result.drafted,
            "accepted": result.accepted,
            "revised": sum(not change.why for change in changes),
            "lost": _count_lost_items(lost_keys, ledger).cards,
        },
        changes=tuple(
            {
                "guid": change.guid,
                "before": dict(change.before),
                "after": dict(change.after),
                "why": change.why,
            }
            for change in changes
        ),
        state=to_workspace_counts(counts),
        llm={
            **{name: getattr(result.usage, name, 0) for name in usage_fields},
            "asked": result.model_answered_count,
            "without": result.undrafted,
        },
        next=command,
        why=reason,
    )


# --- the text of a run ------------------------------------------------------------------


def format_run(
    result: RunResult,
    workspace: Workspace,
    notices: Sequence[FeatureNotice],
    *,
    verbose: bool = False,
    in_review: bool = False,
) -> tuple[Sequence[str], TextLines, Sequence[str]]:
    """Format the result of a run as a summary, details and the next commands, in this order.

    Problems are printed before the details.

    Args:
        result: the result of the run.
        workspace: the workspace.
        notices: notices from optional features.
        verbose: whether to list every change, and why highlights have no card.
        in_review: whether a review follows, in which case no next command is recommended.
    """
    ledger = workspace.ledger
    # without new highlights, don't count everything in the ledger again
    full_counts = ("passages",) if result.has_new_highlights or verbose else ()
    counts = pending_items.count_items_by_group(ledger, "waiting", *full_counts)
    step = choose_next_command(
        workspace.folder, ledger, notices, counts=counts, run=result
    )
    summary = [_format_first_line(result, ledger)]
    state = to_workspace_counts(counts).highlights
    is_partial = result.report and state.total not in (0, result.report.passage_count)
    where = " in all sources" if is_partial or result.has_no_highlights else ""
    waiting = batches.format_pending_counts(counts["waiting"], where)
    summary += [
        f"  {line}" for line in (waiting, format_remaining_highlights(state)) if line
    ]
    # omit unchanged packages if no highlight was found
    delivery = format_delivery(result, include_unchanged=not result.has_no_highlights)
    summary += [f"  → {line}" for line in delivery]
    steps = [step] if any(step) else []
    if (
        step[0] == DECIDE_COMMAND
        and result.has_new_highlights
        and _can_ask_chat(workspace)
    ):
        steps.append(CHAT_STEP)
    if not any(command.startswith("draft ") for command, _ in steps):
        steps += _suggest_unmarked(result, workspace)
    next_lines = []
    for index, (command, reason) in enumerate(steps if not in_review else ()):
        next_lines.append(format_next_command(command, reason, first=not index))
    return summary, _format_details(result, workspace, step, notices), next_lines


def _can_ask_chat(workspace: Workspace) -> bool:
    # import this late, because an unchanged run doesn't need it
    from ankiforge.pipeline.chats import count_highlights_for_chat

    return count_highlights_for_chat(workspace) > 0


def _suggest_unmarked(result: RunResult, workspace: Workspace) -> list[Pair]:
    """Suggest choosing passages in what this run has found without marks, if anything."""
    folder, ledger = workspace.folder, workspace.ledger
    paths: Sequence[str] = ()
    if result.has_no_highlights or result.remembered_paths:
        paths = find_unmarked_paths(folder, ledger, include_directories=True)
    elif result.report and result.report.unmarked:
        paths = [*map(str, find_unmarked_pdfs(ledger, result.report.unmarked))]
    return [suggest_choosing_passages(paths)] if paths else []


def _format_first_line(result: RunResult, ledger: Ledger) -> str:
    read = result.report
    sign = "!" if result.has_failures or result.error is not None else "✓"
    if read is None:
        drafted = f"{sign} {format_draft_counts(result.drafted, result.reworded)}"
        return f"{drafted}, {result.accepted:,} accepted" if result.accepted else drafted
    changes = format_counts(
        {
            "new": len(read.new) if len(read.new) < read.passage_count else 0,
            "changed": len(read.changed),
            "moved": len(read.moved),
            "not found": len(read.missing_keys),
            "gone": len(read.removed_keys),
            "in a missing folder": read.in_missing_sources,
            "no longer selected by the settings": read.unselected,
        }
    )
    changes = f" ({changes})" if changes else ""
    files_text = _format_files(read.files)
    if not read.passage_count:
        failed_files = _format_files(read.unread_files)
        in_files = f" in {files_text}" if files_text else ""
        failed_text = f"; {failed_files} failed" if failed_files else ""
        return f"! no highlights found{in_files}{failed_text}{changes}"
    # if there are changes, name the number of files, because a source may have more files than
    # the paths that the user gave
    in_files = f" in {files_text}" if result.remembered_paths and changes else ""
    no_news = "" if changes or read.new else ", nothing new"
    return f"{sign} {format_count(read.passage_count, 'highlight')}{in_files}{changes}{no_news}"


def _format_details(
    result: RunResult,
    workspace: Workspace,
    step: Pair,
    notices: Sequence[FeatureNotice],
) -> TextLines:
    ledger = workspace.ledger
    yield from (notice.line for notice in notices)
    yield format_anki_changes(result)
    yield format_withheld_notes(result)
    yield _format_model_usage(result)
    if result.report and (result.has_new_highlights or result.has_no_highlights):
        yield from _format_unread(result.report, ledger)
    if result.has_no_highlights and step[0].startswith("draft "):
        yield NO_HIGHLIGHTS_HINT
    elif result.has_no_highlights and not (result.has_failures or any(step)):
        yield NO_HIGHLIGHTS_HINT
        yield CHOOSE_HINT
    yield _format_changes(_find_changes(result, ledger, workspace.folder))
    if result.report:
        yield from _format_lost_passages(result.report, ledger)
    if result.remembered_paths:
        paths = [shorten_path(path) for path in result.remembered_paths]
        yield f"Added to your sources: {format_truncated_list(paths)}"


def _format_lost_passages(report: IngestReport, ledger: Ledger) -> TextLines:
    """Yield lines about cards whose passage was not found, now or in two runs."""
    missing = pending_items.count_dependent_items(
        ledger, report.missing_keys, excluded_states=("present", "unselected")
    )
    if missing.cards:
        titles = _format_titles(missing.titles)
        cards = format_count(missing.cards, "card")
        yield f"{cards} in {titles}: the passage was not found; the next run looks again"
    keys = [*report.removed_keys, *report.removed_unread_keys]
    lost = _count_lost_items(keys, ledger)
    if lost.cards:
        yield f"{format_lost_cards(lost)}: {LIST_LOST_COMMAND}"


def _count_lost_items(
    keys: Sequence[str], ledger: Ledger
) -> pending_items.DependentItems:
    return pending_items.count_dependent_items(
        ledger, keys, excluded_states=("present", "missing", "unselected")
    )


def format_lost_cards(lost: pending_items.DependentItems) -> str:
    """Format the number of cards that have lost their passage, with their documents' titles."""
    whose = "its" if lost.cards == 1 else "their"
    titles = _format_titles(lost.titles)
    return f"{format_count(lost.cards, 'card')} lost {whose} passage in {titles}"


def _format_titles(titles: Sequence[str]) -> str:
    return format_truncated_list([*map(_truncate_title, titles)])


def _truncate_title(title: str) -> str:
    return truncate(title, _MAX_TITLE_CHARS)


def _format_model_usage(result: RunResult) -> str:
    usage = result.usage
    parts = []
    if usage and usage.requests:
        requests = format_count(usage.requests, "request")
        sent = f"{requests}, {format_count(usage.characters, 'character')} sent"
        parts.append(f"{sent}, {format_cost(usage.cost_usd, local=usage.is_local)}")
    if result.undrafted:
        asked_text = format_count(result.model_answered_count, "highlight")
        without_card = f"no card for {result.undrafted:,} of {asked_text}"
        parts.append(f"{without_card}; why: ankiforge list --no-card")
    return format_detail("model", "; ".join(parts)) if parts else ""


# What files are called in the singular and plural, by their extension.
_FILE_NOUNS = {
    ".pdf": ("PDF", "PDFs"),
    ".md": ("note", "notes"),
    ".markdown": ("note", "notes"),
    ".qmd": ("note", "notes"),
    ".txt": ("text file", "text files"),
}


def _format_files(files: Mapping[str, int]) -> str:
    """Format file counts keyed by extension, e.g. as `3 PDFs and 2 notes`."""
    count_by_nouns = Counter[Pair]()
    for ending, number in files.items():
        noun = f"{ending} file" if ending else "file"
        count_by_nouns[_FILE_NOUNS.get(ending, (noun, f"{noun}s"))] += number
    return " and ".join(
        format_count(number, *nouns)
        for nouns, number in count_by_nouns.most_common()
        if number
    )


def _format_unread(report: IngestReport, ledger: Ledger) -> TextLines:
    """Yield a line about skipped text that looks like a card or highlight, if there is any.

    If the run found no highlights, also yield a line about PDFs without annotations.
    """
    unread_count = sum(
        entry.skipped_text.apparent_syntax in _REPORTED_KINDS
        or entry.skipped_text.apparent_syntax.startswith(OTHER_TOOL_NOTE_PREFIX)
        for entry in pending_items.iter_skipped_texts(ledger)
    )
    if unread_count:
        looks = format_count(unread_count, "text looks", "texts look")
        yield f"{looks} like a card, but was not read: ankiforge list --no-card --all"
    if report.files.get(".pdf") and not report.passage_count:
        limit = " that was read" if report.unread_files.get(".pdf") else ""
        yield (
            f"no PDF{limit} has a highlight or comment; if you made some, save or export it"
            " with annotations, not by “Print to PDF”"
        )


NO_COLLECTION_NOTICE = "No Anki collection found, so the package contains every card."
ANKI_OFF_NOTICE = (
    "Anki is not read (anki.collection: none), so the package contains every card."
)


def explain_full_package(result: RunResult, ledger: Ledger) -> str:
    """Explain that a package contains every card because Anki's collection was never read.

    Returns "" if the collection was read, or if no package was written.
    """
    scan = result.scan
    if scan is None or scan.is_unreadable or ledger.get_meta("looked"):
        return ""
    if not result.packages and not any(planned.mod for planned in result.planned):
        return ""
    return {"nowhere": NO_COLLECTION_NOTICE, "off": ANKI_OFF_NOTICE}.get(scan.state, "")


def format_anki_read(viewed: AnkiChanges) -> str:
    """Summarize the notes read from Anki and the changes that the user made there."""
    changes = {
        "seen for the first time": len(viewed.first_seen),
        "edited": len(viewed.edited),
        "suspended": len(viewed.suspended),
    }
    notes, reviews = format_count(viewed.note_count, "note"), viewed.reviews
    parts = (notes, format_count(reviews, "new review"), format_counts(changes))
    return ", ".join(filter(None, parts))


def format_anki_changes(result: RunResult) -> str:
    """Format a line about notes deleted, restored, missing or retired in Anki, if any."""
    scan = result.scan
    if scan is None:
        return ""
    if scan.is_unreadable:
        return "Anki could not be read, so no package was written."
    viewed = scan.changes
    notes_by_outcome = {
        "deleted, not sent again": viewed.deleted,
        "back again": viewed.returned,
        "edited, your changes stay": viewed.edited,
        "missing": viewed.missing,
        "rejected earlier, by the tag ankiforge::retired": viewed.retired,
    }
    parts = []
    for outcome, notes in notes_by_outcome.items():
        if notes:
            parts.append(f"{format_count(len(notes), 'note')} {outcome}")
    unknown_count = sum(planned.keeps_unknown_text for planned in result.planned)
    if unknown_count:
        subject = format_count(unknown_count, "note has", "notes have")
        parts.append(f"{subject} text that was not written here, which is kept")
    return f"In Anki: {'; '.join(parts)}" if parts else ""


def format_delivery(result: RunResult, *, include_unchanged: bool = True) -> TextLines:
    """Yield one line per written package, or one line about the notes that were pushed.

    If `include_unchanged` is False, packages with only unchanged notes are skipped.
    """
    for published in result.published:
        if published.notes and result.pushed is None:
            if published.unchanged_count == published.notes and not include_unchanged:
                continue
            notes = format_count(published.notes, "note")
            parts = {
                "new": published.added,
                "updated": published.updated - published.retired,
                "undone or rejected: tagged ankiforge::retired": published.retired,
                "unchanged": published.unchanged_count,
                "undone and no longer in it": published.undone,
            }
            if published.added == published.notes:
                notes = format_count(published.notes, "new note")
            elif format_counts(parts):
                notes += f" ({format_counts(parts)})"
            yield join_columns(shorten_path(published.path), notes)
        elif published.previous_path:
            name = published.previous_path.name
            yield f"no package is needed now; the last one is kept as {name}"
    if result.pushed:
        added, updated = result.pushed
        yield f"Anki: {format_count(added, 'new note')}, {updated:,} updated"


def format_withheld_notes(result: RunResult) -> str:
    """Format how many notes weren't delivered and why. Return "" if all of them were."""
    count_by_reason = Counter(
        planned.hold_reason for planned in result.planned if planned.hold_reason
    )
    if not count_by_reason:
        return ""
    notes = format_count(count_by_reason.total(), "note")
    return f"{notes} held back: {'; '.join(count_by_reason)}"


def _find_changes(
    result: RunResult, ledger: Ledger, workspace: WorkspaceDirectory
) -> list[TextChange]:
    """Find the cards that the run updated because their sources changed.

    If a change conflicts with the user's own edit, the card keeps its text until the user decides,
    and `why` is set. Changes that the user has already made in Anki are skipped.
    """
    from ankiforge.pipeline.collection import matches_anki_edits

    guids_in_conflict: set[str] = set()
    if result.changes:
        for question in questions.find_open_questions(ledger):
            if question.kind is UserQuestionKind.CONFLICT:
                guids_in_conflict.update(question.guids)
    changes = []
    for change in result.changes:
        if matches_anki_edits(
            ledger, change.guid, change.after, workspace.pictures_directory
        ):
            continue
        if change.guid in guids_in_conflict:
            change = msgspec.structs.replace(change, why=CONFLICT_REASON)
        changes.append(change)
    return changes


def _format_changes(changes: list[TextChange]) -> str:
    kept_count = sum(bool(change.why) for change in changes)
    parts = []
    if followed_count := len(changes) - kept_count:
        parts.append(f"{format_count(followed_count, 'card')} changed with the source")
    if kept_count:
        parts.append(f"{format_count(kept_count, 'card')} kept the old words")
    return f"{', '.join(parts)}: ankiforge list --view changed" if parts else ""
