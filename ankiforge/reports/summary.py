"""Report the result of a run, as values for JSON and as text.

`run`, `draft`, `build` and `push` print it. The next command is recommended by `next_step`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.ledger import (
    UNCARDED_STATUSES,
    IngestReport,
    Ledger,
    PendingItems,
    pending_items,
    questions,
)
from ankiforge.ledger.draft_groups import count_pending_reasons
from ankiforge.ledger.pending_items import HighlightCounts
from ankiforge.ledger.source_state import SourceState
from ankiforge.model import (
    CARD_IN_HEADING,
    CODE_AND_MATHS,
    LOGSEQ_MARK,
    OTHER_TOOL_NOTE_PREFIX,
    TAGGED_CARD,
    AnkiChanges,
    FeatureNotice,
    Guid,
    Json,
    Pair,
    Problem,
    Strings,
    TextChange,
    UserQuestionKind,
    Value,
)
from ankiforge.pipeline.stored_documents import (
    find_unmarked_paths,
    find_unmarked_pdfs,
)
from ankiforge.reports.cards import TextLines
from ankiforge.reports.history import format_draft_counts
from ankiforge.reports.next_step import (
    CHAT_STEP,
    NextStep,
    StepKind,
    choose_step_after_run,
    format_next_step,
    suggest_choosing_passages,
)
from ankiforge.reports.status import (
    LIST_LOST_COMMAND,
    count_workspace,
    format_detail,
    format_remaining_work,
    truncate_title,
)
from ankiforge.text import (
    format_cost,
    format_count,
    format_counts,
    format_truncated_list,
    join_columns,
    shorten_path,
)
from ankiforge.text.lines import Line, format_lines, lines_to_json, make_label_line

if TYPE_CHECKING:
    from ankiforge.draft.server import Usage
    from ankiforge.pipeline.run_result import RunResult, WrittenPackage
    from ankiforge.pipeline.workspace import Workspace

# --- the result of a run ------------------------------------------------------------------

CONFLICT_REASON = "you changed it, too; you choose whose words stay: ankiforge review"
_REPORTED_KINDS = (CARD_IN_HEADING, TAGGED_CARD, LOGSEQ_MARK)
"""The kinds of skipped text that `run` reports, besides notes of other tools."""
NO_HIGHLIGHTS_HINT = (
    "what counts as a highlight: marks and comments in PDFs and Zotero; in notes"
    " ==marks==, question::answer lines, {{c1::gaps}} and glossary lists"
)
NO_PDF_MARKS_HINT = (
    "no PDF that was read has a highlight or comment; if you made some, save or export it"
    " with annotations, not by “Print to PDF”"
)
MAX_NEXT_STEPS = 2
"""The maximum number of commands that a run recommends."""
CHOOSE_HINT = (
    "to let a chat or model choose passages of a file without marks: ankiforge draft FILE"
)


class DeliveryReport(Value):
    """The notes written or sent to Anki, with the fields that `build --json` prints."""

    notes: dict[str, int]
    """The number of notes by outcome, such as `added` or `withheld`."""
    packages: Strings
    """The packages that the user still has to import into Anki."""
    problems: tuple[Problem, ...]


def build_delivery_report(result: RunResult, ledger: Ledger) -> DeliveryReport:
    """Report the notes that a run, or a command such as `build`, has written or sent."""
    if result.pushed is not None:
        added, updated = result.pushed
    else:
        added = sum(package.added for package in result.published)
        updated = sum(package.updated for package in result.published)
    pending = pending_items.load_pending_items(ledger)
    notes = {
        "written": sum(package.notes for package in result.published),
        "added": added,
        "updated": updated,
        **lines_to_json([make_withheld_line(result)]),
        "missing": pending_items.count_cards(ledger).missing,
        "conflicts": len(pending.conflicts),
        **lines_to_json(_list_anki_change_lines(result)),
    }
    return DeliveryReport(
        notes=notes,
        packages=tuple(map(str, result.packages)),
        problems=tuple(result.problems),
    )


def make_withheld_line(result: RunResult) -> Line:
    """Count the notes that can't be exported at the moment, and name each reason once."""
    count_by_reason = Counter[str]()
    for note in result.planned:
        if note.hold_reason is not None:
            count_by_reason[note.hold_reason] += 1
    note_count = count_by_reason.total()
    notes = format_count(note_count, "note")
    sentence = f"{notes} withheld: {'; '.join(count_by_reason)}"
    return Line("withheld", note_count, sentence)


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
    state: Json
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
    pending = pending_items.load_pending_items(ledger)
    step = choose_step_after_run(result, workspace.folder, ledger, notices, pending)
    read = result.report or IngestReport()
    changes = _find_changes(result, ledger, workspace.folder)
    card_lines = [
        Line("drafted", result.drafted),
        Line("accepted", result.accepted),
        *_list_change_lines(changes),
        _make_lost_line(_count_lost_items(read, ledger)),
    ]
    return RunReport(
        **msgspec.structs.asdict(build_delivery_report(result, ledger)),
        highlights=lines_to_json(_list_highlight_lines(read)),
        files=dict(read.files),
        unread_files=dict(read.unread_files),
        left_out=_count_skipped_texts(ledger),
        not_selected=read.unselected + read.in_missing_sources,
        no_card=_count_reasons_without_card(ledger),
        waits=dict(count_pending_reasons(ledger, pending.new_drafts).most_common()),
        cards=lines_to_json(card_lines),
        changes=tuple(map(_change_to_json, changes)),
        state=count_workspace(ledger, pending).to_json(),
        llm=_model_usage_to_json(result),
        next=step.command or "" if step else "",
        why=step.reason if step else "",
    )


def _list_highlight_lines(read: IngestReport) -> list[Line]:
    """List how many highlights were read, and what has changed in the sources."""
    new_count, changed_count = len(read.new), len(read.changed)
    new_line = make_label_line("new", new_count, "new")
    if new_count >= read.passage_count:
        # in a first run, all are new: without a text, the line is only in the JSON
        new_line = Line("new", new_count)
    unchanged_count = max(read.passage_count - new_count - changed_count, 0)
    return [
        Line("seen", read.passage_count),
        new_line,
        make_label_line("changed", changed_count, "changed"),
        make_label_line(None, len(read.moved), "moved"),
        make_label_line(None, len(read.missing_keys), "not found"),
        make_label_line("gone", len(read.removed_keys), "gone"),
        make_label_line(None, read.in_missing_sources, "in a missing folder"),
        make_label_line(None, read.unselected, "no longer selected by the settings"),
        Line("unchanged", unchanged_count),
    ]


def _count_skipped_texts(ledger: Ledger) -> dict[str, int]:
    """Count the passages that look like a highlight or card by their apparent syntax."""
    count_by_syntax = Counter[str]()
    for entry in pending_items.iter_skipped_texts(ledger):
        if entry.skipped_text.apparent_syntax != CODE_AND_MATHS:
            count_by_syntax[entry.skipped_text.apparent_syntax] += 1
    return count_by_syntax


def _count_reasons_without_card(ledger: Ledger) -> dict[str, int]:
    """Count the highlights that have no card and don't wait by reason, most frequent first."""
    count_by_reason = Counter[str]()
    for outcome in pending_items.iter_highlight_outcomes(ledger):
        if outcome.status in UNCARDED_STATUSES and not outcome.is_suggested:
            count_by_reason[outcome.reason] += 1
    return dict(count_by_reason.most_common())


def _change_to_json(change: TextChange) -> Json:
    return {
        "guid": change.guid,
        "before": dict(change.before),
        "after": dict(change.after),
        "why": change.hold_reason or "",
    }


_NO_USAGE = {"requests": 0, "cached": 0, "tokens_in": 0, "tokens_out": 0, "cost_usd": 0}


def _model_usage_to_json(result: RunResult) -> dict[str, float | None]:
    answers = {"asked": result.model_answered_count, "without": result.undrafted}
    usage = result.usage
    if usage is None:
        return {**_NO_USAGE, **answers}
    return {
        "requests": usage.requests,
        "cached": usage.cached,
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "cost_usd": usage.cost_usd,
        **answers,
    }


# --- the text of a run ------------------------------------------------------------------


class RunText(Value):
    """The text that reports a run. Problems are printed between the summary and the details."""

    summary: list[str]
    details: list[str]
    next_steps: list[str]


def format_run(
    result: RunResult,
    workspace: Workspace,
    notices: Sequence[FeatureNotice],
    *,
    verbose: bool = False,
    in_review: bool = False,
) -> RunText:
    """Format the result of a run as a summary, details and the next commands.

    Args:
        result: the result of the run.
        workspace: the workspace.
        notices: notices from optional features.
        verbose: whether to count highlights without a card if none is new.
        in_review: whether a review follows, in which case no next command is recommended.
    """
    ledger = workspace.ledger
    pending = pending_items.load_pending_items(ledger)
    highlights = None
    if result.has_new_highlights or verbose:
        # without new highlights, don't count everything in the ledger again
        highlights = pending_items.count_highlights(ledger)
    step = choose_step_after_run(result, workspace.folder, ledger, notices, pending)
    next_steps: list[str] = []
    if not in_review:
        steps = islice(_list_next_steps(step, result, workspace), MAX_NEXT_STEPS)
        for index, next_step in enumerate(steps):
            next_steps.append(format_next_step(next_step, first=index == 0))
    return RunText(
        summary=[*_format_summary(result, pending, highlights)],
        details=[*_format_details(result, workspace, step, notices)],
        next_steps=next_steps,
    )


def _format_summary(
    result: RunResult, pending: PendingItems, highlights: HighlightCounts | None
) -> TextLines:
    yield _format_first_line(result)
    where = ""
    if result.has_no_highlights or _is_part_of_workspace(result, highlights):
        where = " in all sources"
    waiting = pending_items.count_waiting(pending)
    yield from format_remaining_work(waiting, highlights, where)
    # omit unchanged packages if no highlight was found
    for line in format_delivery(result, include_unchanged=not result.has_no_highlights):
        yield f"  → {line}"


def _is_part_of_workspace(result: RunResult, highlights: HighlightCounts | None) -> bool:
    """Return whether the run has read only some highlights, if those of all sources are counted."""
    if result.report is None or highlights is None:
        return False
    return result.report.passage_count != highlights.total


def _list_next_steps(
    step: NextStep | None, result: RunResult, workspace: Workspace
) -> Iterator[NextStep]:
    """Yield the recommended step, followed by other ways to make cards."""
    if step is not None:
        yield step
        is_review_of_news = step.kind is StepKind.REVIEW and result.has_new_highlights
        if is_review_of_news and _can_ask_chat(workspace):
            yield CHAT_STEP
    if step is None or step.kind is not StepKind.CHOOSE_PASSAGES:
        yield from _suggest_unmarked(result, workspace)


def _can_ask_chat(workspace: Workspace) -> bool:
    # import this late, because an unchanged run doesn't need it
    from ankiforge.pipeline.chats import count_highlights_for_chat

    return count_highlights_for_chat(workspace) > 0


def _suggest_unmarked(result: RunResult, workspace: Workspace) -> Iterator[NextStep]:
    """Suggest choosing passages in what the run has found without marks, if anything."""
    paths: list[str] = []
    if result.has_no_highlights or result.remembered_paths:
        paths = find_unmarked_paths(workspace.folder, workspace.ledger)
    elif result.report and result.report.unmarked:
        paths = [*map(str, find_unmarked_pdfs(workspace.ledger, result.report.unmarked))]
    if paths:
        yield suggest_choosing_passages(paths)


# --- the first line ---------------------------------------------------------------------


def _format_first_line(result: RunResult) -> str:
    """Format how many highlights were read, or else drafted, and what is new.

    For example, "✓ 12 highlights in 3 notes (4 new)" or "✓ 12 highlights, nothing new".
    """
    sign = "!" if result.has_failures or result.error is not None else "✓"
    if result.report is None:
        return f"{sign} {_format_drafted(result)}"
    read = result.report
    changes = format_lines(_list_highlight_lines(read))
    if read.passage_count == 0:
        return f"! no highlights found{_format_where_and_news(read.files, changes)}"
    highlights = format_count(read.passage_count, "highlight")
    if not changes and not read.new:
        return f"{sign} {highlights}, nothing new"
    files: Mapping[str, int] = {}
    if changes and result.remembered_paths:
        # a source may have more files than the paths that the user gave
        files = read.files
    return f"{sign} {highlights}{_format_where_and_news(files, changes)}"


def _format_where_and_news(files: Mapping[str, int], changes: Sequence[str]) -> str:
    """Format what was read and has changed, to be added to a number of highlights."""
    text = ""
    if files:
        text += f" in {_format_files(files)}"
    if changes:
        text += f" ({', '.join(changes)})"
    return text


def _format_drafted(result: RunResult) -> str:
    drafts = format_draft_counts(result.drafted, result.reworded)
    return f"{drafts}, {result.accepted:,} accepted" if result.accepted else drafts


# What files are called in the singular and plural, by their extension.
_FILE_NOUNS = {
    ".pdf": ("PDF", "PDFs"),
    ".md": ("note", "notes"),
    ".markdown": ("note", "notes"),
    ".qmd": ("note", "notes"),
    ".rmd": ("note", "notes"),
    ".txt": ("text file", "text files"),
    "": ("file", "files"),
}


def _format_files(files: Mapping[str, int]) -> str:
    """Format file counts keyed by extension, e.g. as `3 PDFs and 2 notes`."""
    count_by_nouns = Counter[Pair]()
    for extension, count in files.items():
        nouns = _FILE_NOUNS.get(extension, (f"{extension} file", f"{extension} files"))
        count_by_nouns[nouns] += count
    parts = []
    for (singular, plural), count in count_by_nouns.most_common():
        if count:
            parts.append(format_count(count, singular, plural))
    return " and ".join(parts)


# --- the details ------------------------------------------------------------------------


def _format_details(
    result: RunResult,
    workspace: Workspace,
    step: NextStep | None,
    notices: Sequence[FeatureNotice],
) -> TextLines:
    ledger = workspace.ledger
    report = result.report
    for notice in notices:
        if notice.line is not None:
            yield notice.line
    for line in (
        format_anki_changes(result),
        make_withheld_line(result).format(),
        _format_model_usage(result),
    ):
        if line is not None:
            yield line
    if report and (result.has_new_highlights or result.has_no_highlights):
        yield from _format_unread(ledger)
        yield from _explain_unmarked_pdfs(result, report)
    if report and result.has_no_highlights and not result.has_failures:
        yield from _explain_highlights(step, report)
    yield from _format_changes(_find_changes(result, ledger, workspace.folder))
    if report:
        passages = (
            _make_missing_line(report, ledger),
            _make_lost_line(_count_lost_items(report, ledger)),
        )
        yield from format_lines(passages)
    if result.remembered_paths:
        paths = [shorten_path(path) for path in result.remembered_paths]
        yield f"Added to your sources: {format_truncated_list(paths)}"


def _explain_highlights(step: NextStep | None, report: IngestReport) -> TextLines:
    """Yield lines that explain what counts as a highlight, after a run that found none.

    Nothing is explained if only PDFs were read, or if the user should first do something else, e.g.
    a review.
    """
    suggests_choosing = step is None or step.kind is StepKind.CHOOSE_PASSAGES
    if suggests_choosing and {*report.files} != {".pdf"}:
        yield NO_HIGHLIGHTS_HINT
    if step is None:
        yield CHOOSE_HINT


def _explain_unmarked_pdfs(result: RunResult, report: IngestReport) -> TextLines:
    """Yield a line about PDFs without a highlight, unless a notice about one of them says it."""
    if not report.files.get(".pdf") or report.passage_count > 0:
        return
    for problem in result.problems:
        if problem.is_notice and problem.location.endswith(".pdf"):
            return
    yield NO_PDF_MARKS_HINT


def _format_unread(ledger: Ledger) -> TextLines:
    """Yield a line about text that looks like a card or highlight, if there is any."""
    unread_count = 0
    for entry in pending_items.iter_skipped_texts(ledger):
        syntax = entry.skipped_text.apparent_syntax
        if syntax in _REPORTED_KINDS or syntax.startswith(OTHER_TOOL_NOTE_PREFIX):
            unread_count += 1
    if unread_count:
        texts = format_count(
            unread_count,
            "text looks like a card, but was",
            "texts look like a card, but were",
        )
        yield f"{texts} not read: ankiforge list --no-card --all"


def _make_missing_line(report: IngestReport, ledger: Ledger) -> Line:
    """Count the cards whose passage was not found for the first time."""
    missing = pending_items.count_dependent_items(
        ledger,
        report.missing_keys,
        excluded_states=(SourceState.PRESENT, SourceState.UNSELECTED),
    )
    cards = format_count(missing.cards, "card")
    titles = _format_titles(missing.titles)
    sentence = f"{cards} in {titles}: the passage was not found; the next run looks again"
    return Line(None, missing.cards, sentence)


def _count_lost_items(
    report: IngestReport, ledger: Ledger
) -> pending_items.DependentItems:
    """Count the cards and drafts whose passage was not found in two runs, or was removed."""
    return pending_items.count_dependent_items(
        ledger,
        [*report.removed_keys, *report.removed_unread_keys],
        excluded_states=(
            SourceState.PRESENT,
            SourceState.MISSING,
            SourceState.UNSELECTED,
        ),
    )


def _make_lost_line(lost: pending_items.DependentItems) -> Line:
    """Count the cards that have lost their passage, and name their documents."""
    return Line("lost", lost.cards, format_lost_cards(lost), LIST_LOST_COMMAND)


def format_lost_cards(lost: pending_items.DependentItems) -> str:
    """Format the number of cards that have lost their passage, with their documents' titles."""
    cards = format_count(lost.cards, "card")
    whose = "its" if lost.cards == 1 else "their"
    return f"{cards} lost {whose} passage in {_format_titles(lost.titles)}"


def _format_titles(titles: Sequence[str]) -> str:
    return format_truncated_list([*map(truncate_title, titles)])


def _format_model_usage(result: RunResult) -> str | None:
    parts = []
    if result.usage and result.usage.requests:
        parts.append(_format_usage(result.usage))
    if result.undrafted:
        asked = format_count(result.model_answered_count, "highlight")
        without_card = f"no card for {result.undrafted:,} of {asked}"
        parts.append(f"{without_card}; why: ankiforge list --no-card")
    return format_detail("model", "; ".join(parts)) if parts else None


def _format_usage(usage: Usage) -> str:
    requests = format_count(usage.requests, "request")
    sent = format_count(usage.characters, "character")
    cost = format_cost(usage.cost_usd, local=usage.is_local)
    return f"{requests}, {sent} sent, {cost}"


# --- what was delivered to Anki ---------------------------------------------------------


def list_anki_read_lines(changes: AnkiChanges) -> list[Line]:
    """List the notes read from Anki, and the changes that the user made there."""
    return [
        Line("seen", changes.note_count),
        make_label_line("first", len(changes.first_seen), "seen for the first time"),
        Line("back", len(changes.returned)),
        Line("reviews", changes.reviews),
        make_label_line("edited", len(changes.edited), "edited"),
        make_label_line("suspended", len(changes.suspended), "suspended"),
    ]


def format_anki_read(changes: AnkiChanges) -> str:
    """Summarize the notes read from Anki and the changes that the user made there."""
    notes = format_count(changes.note_count, "note")
    reviews = format_count(changes.reviews, "new review")
    return ", ".join([notes, reviews, *format_lines(list_anki_read_lines(changes))])


def format_anki_changes(result: RunResult) -> str | None:
    """Format a line about notes deleted, restored, missing or retired in Anki, if any."""
    if result.scan is not None and result.scan.is_unreadable:
        return "Anki could not be read, so no package was written."
    changes = format_lines(_list_anki_change_lines(result))
    return f"In Anki: {'; '.join(changes)}" if changes else None


def _list_anki_change_lines(result: RunResult) -> list[Line]:
    """List what a run has found in Anki that changes what it sends."""
    changes = AnkiChanges()
    unknown_text_count = 0
    if result.scan is not None:
        changes = result.scan.changes
        unknown_text_count = sum(note.keeps_unknown_text for note in result.planned)
    subject = format_count(unknown_text_count, "note has", "notes have")
    unknown_text = f"{subject} text that was not written here, which is kept"
    return [
        _make_note_line("tombstones", changes.deleted, "deleted, not sent again"),
        _make_note_line(None, changes.returned, "back again"),
        _make_note_line(None, changes.edited, "edited, your changes stay"),
        _make_note_line(None, changes.missing, "missing"),
        _make_note_line(None, changes.retired, _RETIRED_OUTCOME),
        Line(None, unknown_text_count, unknown_text),
    ]


_RETIRED_OUTCOME = "rejected earlier, by the tag ankiforge::retired"


def _make_note_line(name: str | None, notes: Sequence[Guid], outcome: str) -> Line:
    return Line(name, len(notes), f"{format_count(len(notes), 'note')} {outcome}")


def format_delivery(result: RunResult, *, include_unchanged: bool = True) -> TextLines:
    """Yield one line per written package, or one line about the notes that were pushed.

    If `include_unchanged` is False, packages with only unchanged notes are skipped.
    """
    for package in result.published:
        if package.notes:
            is_unchanged = package.unchanged_count == package.notes
            if result.pushed is None and (include_unchanged or not is_unchanged):
                yield join_columns(shorten_path(package.path), _format_notes(package))
        elif package.previous_path:
            name = package.previous_path.name
            yield f"no package is needed now; the last one is kept as {name}"
    if result.pushed:
        added, updated = result.pushed
        yield f"Anki: {format_count(added, 'new note')}, {updated:,} updated"


def _format_notes(package: WrittenPackage) -> str:
    if package.added == package.notes:
        return format_count(package.notes, "new note")
    counts = format_counts(
        {
            "new": package.added,
            "updated": package.updated - package.retired,
            "undone or rejected: tagged ankiforge::retired": package.retired,
            "unchanged": package.unchanged_count,
            "undone and no longer in it": package.undone,
        }
    )
    return f"{format_count(package.notes, 'note')} ({counts})"


# --- cards whose source changed ---------------------------------------------------------


def _find_changes(
    result: RunResult, ledger: Ledger, workspace: WorkspaceDirectory
) -> list[TextChange]:
    """Find the cards that the run updated because their sources changed.

    If a change conflicts with the user's own edit, the card keeps its text until the user decides,
    and `hold_reason` is set. Changes that the user has already made in Anki are skipped.
    """
    if not result.changes:
        return []
    from ankiforge.pipeline.collection import matches_anki_edits

    guids_in_conflict = _find_guids_in_conflict(ledger)
    changes = []
    for change in result.changes:
        if matches_anki_edits(
            ledger, change.guid, change.after, workspace.pictures_directory
        ):
            continue
        if change.guid in guids_in_conflict:
            change = msgspec.structs.replace(change, hold_reason=CONFLICT_REASON)
        changes.append(change)
    return changes


def _find_guids_in_conflict(ledger: Ledger) -> set[Guid]:
    guids: set[Guid] = set()
    for question in questions.find_open_questions(ledger):
        if question.kind is UserQuestionKind.CONFLICT:
            guids.update(question.guids)
    return guids


def _list_change_lines(changes: Iterable[TextChange]) -> list[Line]:
    """Count the cards that take the text of their source, and those that keep their own."""
    followed_count = kept_count = 0
    for change in changes:
        if change.is_held:
            kept_count += 1
        else:
            followed_count += 1
    followed = format_count(followed_count, "card")
    kept = format_count(kept_count, "card")
    return [
        Line("changed", followed_count, f"{followed} changed with the source"),
        Line(None, kept_count, f"{kept} kept the old words"),
    ]


def _format_changes(changes: Iterable[TextChange]) -> TextLines:
    parts = format_lines(_list_change_lines(changes))
    if parts:
        yield f"{', '.join(parts)}: ankiforge list --view changed"
