"""Format the state of a workspace and the result of a run, as text and JSON.

`status` prints the state, and `run`, `draft`, `build` and `push` print the result. Both name the
command that the user should run next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import filterfalse
from operator import attrgetter
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import msgspec

from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.ledger import (
    NO_WARNING_REASON,
    UNCARDED_STATUSES,
    IngestReport,
    Ledger,
    pending_items,
    questions,
)
from ankiforge.model import (
    CARD_IN_HEADING,
    CODE_AND_MATHS,
    LOGSEQ_CARD,
    LOGSEQ_MARK,
    OTHER_TOOL_NOTE_PREFIX,
    FeatureNotice,
    Json,
    Pair,
    Problem,
    QuestionKind,
    RemarkKind,
    Strings,
    TextChange,
    Value,
    ViewChanges,
)
from ankiforge.pipeline.sources import (
    SelectedSource,
    find_unmarked_paths,
    load_unread_files,
    open_source,
)
from ankiforge.reports.cards import TextLines
from ankiforge.review import sittings
from ankiforge.text import (
    MAX_SHOWN_NAMES,
    format_cost,
    format_count,
    format_counts,
    format_first_names,
    format_percent,
    join_columns,
    shorten_path,
    to_one_line,
    truncate,
)
from ankiforge.text.cloze import to_terminal_text

if TYPE_CHECKING:
    from ankiforge.pipeline.run_result import RunResult
    from ankiforge.pipeline.workspace import Workspace


DECIDE_COMMAND = "review"
"""The command for deciding on pending items."""

LABEL_WIDTH = 9
"""The width of the label column before details, in characters."""
_MAX_TITLE_CHARS = 30
# --- shared with the summary of a run ---------------------------------------------------

PENDING_LISTS = {"new": "draft", "changed": "change", "questions": "question"}
"""The lists of items to decide on, each with a noun for one item."""


def has_pending_items(counts: Mapping[str, int]) -> bool:
    """Return whether anything awaits a decision, given the item counts keyed by list."""
    return any(counts[name] for name in PENDING_LISTS)


def format_open_counts(
    counts: Mapping[str, int], without_card: int = 0, skipped: int = 0
) -> Strings:
    """Format the columns that show what is left to decide.

    There is one column each for pending items and proposals, highlights with neither, and
    skipped highlights. A column is "" if its count is 0.

    Args:
        counts: item counts keyed by list.
        without_card: the number of highlights without a card or draft.
        skipped: the number of highlights skipped by the user, a colour or a setting.
    """
    pending_count = sum(counts[name] for name in PENDING_LISTS)
    pending = _format_column(pending_count, "waiting")
    if counts.get("cards", 0) > counts["new"]:  # a highlight may have several
        highlights = format_count(counts["new"], "highlight")
        pending = f"{counts['cards']:,} cards waiting of {highlights}"
        others = pending_count - counts["new"]
        pending += f" · {format_count(others, 'other decision')}" if others else ""
    held_drafts = counts.get("held", 0)
    if held_drafts > counts["questions"]:  # one answer may apply to several drafts
        questions = format_count(counts["questions"], "question")
        pending += f" ({questions} about {held_drafts:,} drafts)"
    proposed = counts.get("proposed", 0) if without_card else 0
    return (
        " · ".join(filter(None, (pending, sittings.format_pending_counts(0, proposed)))),
        _format_column(
            without_card - proposed, f"without a {'proposal' if proposed else 'card'}"
        ),
        _format_column(skipped, "skipped"),
    )


def _format_column(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number else ""


def format_detail(label: str, text: str) -> str:
    """Format an indented line with a label column and a detail."""
    return f"  {label:<{LABEL_WIDTH}}  {text}"


def format_next_command(step: str, reason: str, *, first: bool = True) -> str:
    """Format the line that recommends a command to run next.

    Args:
        step: the command without `ankiforge`, or "" to show only `reason`.
        reason: what the command is for.
        first: whether this is the main recommendation rather than an alternative.
    """
    command = f"ankiforge {step}" if step else ""
    return f"  {'next' if first else 'or  '}  {join_columns(command, reason)}"


def format_best_ten(counts: Mapping[str, int], highlights: int) -> str:
    """Format e.g. `the best ten of 557`, or return "" if at most ten items are pending.

    `highlights` is the total number of highlights.
    """
    pending_count = sum(counts[name] for name in PENDING_LISTS) + counts["proposed"]
    return (
        f"the best ten of {highlights:,}" if pending_count > sittings.SITTING_SIZE else ""
    )


def choose_draft_command(workspace: WorkspaceDirectory, without_card: int) -> Pair:
    """Return the command to draft cards for the remaining highlights, and what it does.

    Both strings are empty if every highlight has a card.
    """
    if not without_card:
        return "", ""
    if workspace.config.drafter == "llm":
        return "draft", "let the model draft the rest"
    return "draft", "your chat writes the questions: copy, paste back"


# --- status -----------------------------------------------------------------------------


class Status(Value):
    """The state of a workspace; the fields are those printed by `status --json`."""

    workspace: str
    """The path of the workspace."""
    sources: Strings
    """The names of the sources, configured and remembered."""
    remembered: Strings
    """The paths given to earlier runs, which are remembered as sources."""
    highlights: dict[str, int]
    """The number of highlights by outcome."""
    cards: dict[str, int]
    """The number of cards and drafts by state."""
    unsent: int
    """The number of accepted cards not yet in a package."""
    waiting: dict[str, int]
    """The number of pending items by list."""
    documents: dict[str, int]
    """The number of highlights with new drafts by document title, best document first."""
    model: str
    """The drafting model, its server and its cost so far, or "" without a model."""
    looked: str
    """The time when Anki was last read, in ISO 8601, or "" if never."""
    answers: dict[str, int]
    """The number of reviews seen in Anki, and of reviews in which the user remembered the card."""
    unmarked: Strings
    """The remembered paths without a highlighted or chosen passage."""
    not_read: dict[str, str]
    """A description of the files that no source reads, by folder."""
    next: str
    """The next command, without the name of the program."""
    why: str
    """The reason for the next command."""


def get_status(
    workspace: WorkspaceDirectory, ledger: Ledger, noticed: Iterable[FeatureNotice]
) -> Status:
    """Return the state of a workspace without reading its sources or Anki.

    Args:
        workspace: the workspace's directory and settings.
        ledger: the workspace's ledger.
        noticed: notices from optional features.

    Raises:
        ConfigError: a source has invalid settings, so the next run would fail.
    """
    # import this late, because it loads the HTTP client
    from ankiforge.pipeline.models import describe_model

    for entry in workspace.config.sources:
        open_source(workspace, SelectedSource(entry), offline=True)
    order = pending_items.load_pending_items(ledger)
    counts = pending_items.count_everything(ledger, waits=order)
    waiting_counts = counts["waiting"]
    card_counts = counts["cards"]
    anki_counts = counts["anki"]
    unmarked = find_unmarked_paths(workspace, ledger, folders=True)
    command, reason = choose_next_command(workspace, counts, noticed, unmarked)
    documents = Counter[str]()
    for pile in sittings.load_piles(ledger, order.new_drafts, ()):
        documents[pile.title] += len(pile.drafted_marks)
    source_names = {source.name for source in workspace.config.sources}
    source_names.update(place.name for place in workspace.places)
    return Status(
        workspace=str(workspace.root),
        sources=tuple(sorted(source_names)),
        remembered=tuple(dict.fromkeys(place.path for place in workspace.places)),
        highlights={
            "seen": counts["fates"].total(),
            "without": waiting_counts["without"],
            "proposed": waiting_counts["proposed"],
            "left_out": counts["fates"]["left_out"],
        },
        cards={
            "accepted": card_counts["accepted"],
            "waiting": waiting_counts["cards"],
            "blocked": waiting_counts["blocked"],
            "revisions": waiting_counts["revisions"],
            "rejected": card_counts["rejected"],
            "retired": card_counts["retired"],
            "sourceless": anki_counts["sourceless"],
        },
        unsent=anki_counts["none"],
        waiting={name: waiting_counts[name] for name in PENDING_LISTS},
        documents=documents,
        model=describe_model(workspace),
        looked=ledger.get_meta("looked"),
        answers=dict(counts["answers"]),
        unmarked=tuple(unmarked),
        not_read={
            folder: left_out.summary
            for folder, left_out in load_unread_files(ledger).items()
        },
        next=command,
        why=reason,
    )


def choose_next_command(
    workspace: WorkspaceDirectory,
    counts: Mapping[str, Counter[str]],
    noticed: Iterable[FeatureNotice],
    unmarked: Sequence[str] = (),
) -> Pair:
    """Choose the command the user should run next, and return it with the reason.

    Args:
        workspace: the workspace's directory and settings.
        counts: the counts from `pending_items.count_everything`.
        noticed: notices from optional features; the first one that suggests a command wins.
        unmarked: paths of files without highlights.
    """
    for notice in noticed:
        if notice.suggested_command:
            return notice.suggested_command, notice.suggestion_reason
    waiting_counts = counts["waiting"]
    best = format_best_ten(waiting_counts, counts["fates"].total())
    if has_pending_items(waiting_counts):
        return DECIDE_COMMAND, best or "decide on what waits"
    unsent = counts["anki"]["none"]
    if unsent:
        return "build", f"{format_count(unsent, 'accepted card')} not in a package yet"
    if waiting_counts["proposed"]:
        return DECIDE_COMMAND, best
    if not counts["fates"].total():
        if unmarked:
            return suggest_choosing(unmarked)
        has_sources = workspace.config.sources or workspace.places
        return "run" if has_sources else "run PATH", "no highlight was found so far"
    command, reason = choose_draft_command(workspace, waiting_counts["without"])
    return command or "run", reason or "read what is new"


def format_status(status: Status, workspace: WorkspaceDirectory) -> TextLines:
    """Yield the lines printed by `status`: a short summary followed by details."""
    highlights = status.highlights
    card_count = status.cards["accepted"]
    without_card = highlights["without"]
    counts = {
        **status.waiting,
        "cards": status.cards["waiting"],
        "proposed": highlights["proposed"],
    }
    yield join_columns(
        f"  {format_count(highlights['seen'], 'highlight')}",
        format_count(card_count, "card") if card_count else "",
        *format_open_counts(counts, without_card, highlights["left_out"]),
    )
    if status.unsent:
        yield f"  → {format_count(status.unsent, 'card')} not in a package yet"
    yield format_next_command(status.next, status.why)
    yield ""
    document_counts = [
        f"{truncate(title, _MAX_TITLE_CHARS)} {n:,}"
        for title, n in status.documents.items()
    ]
    hidden_count = len(document_counts) - MAX_SHOWN_NAMES
    document_counts[MAX_SHOWN_NAMES:] = (
        [f"and {hidden_count:,} more"] if hidden_count > 0 else []
    )
    source_names = [source.name for source in workspace.config.sources]
    looked = status.looked[:16].replace("T", " ")
    last_read = f"read {looked} UTC" if looked else "not read yet"
    rows = [
        ("waiting", join_columns(*document_counts)),
        ("workspace", status.workspace),
        (
            "sources",
            format_first_names([*source_names, *map(shorten_path, status.remembered)])
            or "none yet",
        ),
        ("model", status.model),
        ("Anki", join_columns(last_read, *_format_retention(status.answers))),
    ]
    if without_card:
        without = format_count(without_card, "highlight")
        if highlights["proposed"]:
            proposed = format_count(highlights["proposed"], "proposal")
            without = f"{proposed}, {without_card - highlights['proposed']:,} without"
        rows.append(("no card", f"{without}: ankiforge list --no-card"))
    if status.cards["sourceless"]:
        sourceless_count = format_count(status.cards["sourceless"], "card")
        sourceless = (
            f"{sourceless_count} without a source: ankiforge list finding:source_gone"
        )
        rows.append(("gone", sourceless))
    if not status.why.startswith(_NOTHING_MARKED):
        rows.append(("no marks", format_unmarked(status.unmarked)))
    rows += [("not read", ": ".join(entry)) for entry in status.not_read.items()]
    yield from (format_detail(label, text) for label, text in rows if text)


def _format_retention(answers: Mapping[str, int]) -> Strings:
    if not answers["tested"]:
        return ()
    retention = answers["remembered"] / answers["tested"]
    return format_count(
        answers["reviews"], "review"
    ), f"retention {format_percent(retention)}"


# --- the result of a run ------------------------------------------------------------------

MAX_SHOWN_CHANGES = 5
"""The maximum number of changed cards that a run lists, unless verbose."""
MAX_CHANGE_CHARS = 70
RUN_COUNTS = ("fates", "passages", "waiting", "reasons", "cards", "anki")
"""The counts in the JSON of a run."""
CONFLICT_REASON = "you changed it, too; you choose whose words stay: ankiforge review"
_REPORTED_KINDS = (CARD_IN_HEADING, LOGSEQ_CARD, LOGSEQ_MARK)
"""The kinds of skipped text that `run` reports, in this order. Notes of other tools are reported by
the name of the tool.
"""
_REPORTED_STATUSES = ("left_out", "failed", "carded", "waiting", "blocked")
_NOTHING_MARKED = "nothing is marked"
NO_HIGHLIGHTS_HINT = (
    "what counts as a highlight: marks and comments in PDFs and Zotero; in notes"
    " ==marks==, question::answer lines, {{gaps}} and glossary lists"
)
CHOOSE_HINT = (
    "to let a chat or model choose passages of a file without marks: ankiforge draft FILE"
)

# --- JSON -------------------------------------------------------------------------------


def problem_to_json(problem: Problem) -> Json:
    """Convert a problem to the JSON printed by every command."""
    return {
        "where": problem.where,
        "what": problem.what,
        "hint": problem.hint,
        "notice": problem.notice,
    }


def delivery_to_json(result: RunResult, ledger: Ledger) -> Json:
    """Build the JSON printed by `build --json` and `push --json`."""
    if result.pushed:
        added, updated = result.pushed
    else:
        added = sum(published.added for published in result.published)
        updated = sum(published.updated for published in result.published)
    return {
        "notes": {
            "written": sum(published.notes for published in result.published),
            "added": added,
            "updated": updated,
            "held": sum(bool(planned.hold_reason) for planned in result.planned),
            "missing": pending_items.count_everything(ledger, "anki")["anki"]["missing"],
            "conflicts": pending_items.count_everything(ledger, "waiting")["waiting"][
                "conflicts"
            ],
            "tombstones": len(result.scan.viewed.deleted) if result.scan else 0,
        },
        "packages": [str(path) for path in result.packages],
        "problems": [problem_to_json(problem) for problem in result.problems],
    }


def run_to_json(
    result: RunResult, workspace: Workspace, noticed: Iterable[FeatureNotice]
) -> Json:
    """Build the JSON printed by `run --json` and `draft --json`.

    `noticed` are notices from optional features, which may add keys.
    """
    ledger = workspace.ledger
    counts = pending_items.count_everything(ledger, *RUN_COUNTS)
    status_counts = counts["fates"]
    card_counts = counts["cards"]
    waiting_counts = counts["waiting"]
    reasons = _count_no_card_reasons(ledger)
    changes = _find_changes(result, ledger, workspace.folder)
    report = result.report or IngestReport()
    new_count = len(report.new)
    changed_count = len(report.changed)
    delivery = delivery_to_json(result, ledger)
    usage_fields = ("requests", "cached", "tokens_in", "tokens_out", "cost_usd")
    return {
        "highlights": {
            "seen": report.seen,
            "new": new_count,
            "changed": changed_count,
            "gone": len(report.gone),
            "unchanged": max(report.seen - new_count - changed_count, 0),
        },
        "files": dict(report.files),
        "unread_files": dict(report.unread_files),
        "passages": dict(counts["passages"]),
        "left_out": dict(_count_skipped_kinds(ledger)),
        "not_selected": report.unselected,
        "fates": {
            **{name: status_counts[name] for name in _REPORTED_STATUSES},
            "no_card": reasons.total(),
        },
        "no_card": dict(reasons.most_common()),
        "waits": dict(counts["reasons"].most_common()),
        "cards": {
            "drafted": result.drafted,
            "accepted": result.accepted,
            "revised": sum(not change.why for change in changes),
            "accepted_in_all": card_counts["accepted"],
            "waiting": waiting_counts["cards"],
            "blocked": waiting_counts["blocked"],
            "retired": card_counts["retired"],
            "revisions": waiting_counts["revisions"],
            "sourceless": counts["anki"]["sourceless"],
        },
        "changes": [
            {
                "guid": change.guid,
                "before": dict(change.before),
                "after": dict(change.after),
                "why": change.why,
            }
            for change in changes
        ],
        **_merge_notice_data(noticed),
        "questions": waiting_counts["conflicts"] + waiting_counts["questions"],
        "notes": delivery["notes"],
        "packages": delivery["packages"],
        "llm": {
            **{name: getattr(result.usage, name, 0) for name in usage_fields},
            "asked": result.asked,
            "without": result.undrafted,
        },
        "problems": delivery["problems"],
    }


def _merge_notice_data(notices: Iterable[FeatureNotice]) -> Json:
    data: Json = {}
    for notice in notices:
        data |= notice.data
    return data


def _count_no_card_reasons(ledger: Ledger, *, failed: bool = False) -> Counter[str]:
    statuses = UNCARDED_STATUSES if failed else ("no_card", "undrafted")
    reasons = Counter[str]()
    for outcome in pending_items.iter_outcomes(ledger):
        if outcome.status in statuses:
            reasons[outcome.reason] += 1
    return reasons


def _count_skipped_kinds(ledger: Ledger) -> Counter[str]:
    kinds = Counter(
        entry.lookalike.kind for entry in pending_items.iter_lookalikes(ledger)
    )
    del kinds[CODE_AND_MATHS]
    return kinds


# --- text -------------------------------------------------------------------------------


class RunFormatter:
    """Formats the result of a run as text: a short summary followed by more lines.

    The caller prints any problems in between.
    """

    def __init__(
        self,
        result: RunResult,
        workspace: Workspace,
        noticed: Sequence[FeatureNotice],
        *,
        verbose: bool,
    ) -> None:
        """Initialize the formatter, counting everything it will show.

        Args:
            result: the result of the run.
            workspace: the workspace.
            noticed: notices from optional features.
            verbose: whether to count and list everything.
        """
        self._result = result
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._verbose = verbose
        # if there are no new highlights, don't count everything in the ledger again
        further_counts = (
            ("fates", "reasons", "cards") if result.has_new_highlights or verbose else ()
        )
        self._counts = pending_items.count_everything(
            self._ledger, "waiting", *further_counts
        )
        self._waiting_counts = self._counts["waiting"]
        self._noticed = noticed
        self._step, self._reason = self._choose_next_step()

    def _choose_next_step(self) -> Pair:
        result, waiting_counts = self._result, self._waiting_counts
        for notice in self._noticed:
            if notice.suggested_command:
                return notice.suggested_command, f"or: {notice.alternative_command}"
        highlight_count = self._counts["fates"].total() if "fates" in self._counts else 0
        best = format_best_ten(waiting_counts, highlight_count) if highlight_count else ""
        if has_pending_items(waiting_counts) or (
            result.has_new_highlights and waiting_counts["proposed"]
        ):
            return DECIDE_COMMAND, best
        if result.packages:
            return "", f"import {shorten_path(result.packages[-1])} into Anki"
        if waiting_counts["proposed"]:
            return DECIDE_COMMAND, best
        if result.has_no_highlights and not result.has_failures:
            unmarked = find_unmarked_paths(
                self._workspace.folder, self._ledger, folders=True
            )
            unmarked.sort(key=lambda path: path not in result.remembered)
            if unmarked:
                return suggest_choosing(unmarked)
        without_card = waiting_counts["without"] if result.has_new_highlights else 0
        return choose_draft_command(self._workspace.folder, without_card)

    def format_block(self, *, include_next_command: bool) -> TextLines:
        """Yield the summary: the counts, the packages, and optionally the next command."""
        result = self._result
        yield self._format_first_line()
        # omit unchanged packages if no highlight was found
        include_unchanged = not result.has_no_highlights
        yield from (
            f"  → {line}"
            for line in format_delivery(result, include_unchanged=include_unchanged)
        )
        if not include_next_command:
            return
        steps = [(self._step, self._reason)] if self._step or self._reason else []
        if result.has_new_highlights and self._step == DECIDE_COMMAND:
            # offer the chat next to the review until it has been used
            from ankiforge.draft.chat import MAX_HIGHLIGHTS_PER_TEXT
            from ankiforge.pipeline.chats import count_offered_highlights

            offered_count = count_offered_highlights(self._workspace)
            if offered_count:
                best = (
                    f"the best {MAX_HIGHLIGHTS_PER_TEXT}"
                    if offered_count == MAX_HIGHLIGHTS_PER_TEXT
                    else format_count(offered_count, "highlight")
                )
                offer = self._find_chat_offer()
                reason = offer or f"a chat writes cards for {best}"
                steps.insert(0 if offer else 1, ("draft", f"{reason}: copy, paste back"))
        if result.remembered and self._step == DECIDE_COMMAND:
            unmarked = find_unmarked_paths(
                self._workspace.folder, self._ledger, folders=True
            )
            unmarked = [path for path in unmarked if path in result.remembered]
            if unmarked and Path(unmarked[0]).is_dir():
                steps.append(suggest_choosing(unmarked, has_marks=True))
        for index, (step, reason) in enumerate(steps):
            yield format_next_command(step, reason, first=not index)

    def _find_chat_offer(self) -> str:
        order = pending_items.load_pending_items(self._ledger)
        piles = sittings.load_piles(self._ledger, order.new_drafts, order.uncarded)
        return piles[0].chat_offer if piles else ""

    def _format_first_line(self) -> str:
        result, waiting_counts = self._result, self._waiting_counts
        report = result.report
        status_sign = "!" if result.has_failures or result.error is not None else "✓"
        if report is None:
            drafted_text = f"{status_sign} {format_count(result.drafted, 'new draft')}"
            accepted_cards = format_count(result.accepted, "card")
            accepted_text = f"{accepted_cards} accepted" if result.accepted else ""
            return join_columns(
                drafted_text, accepted_text, *format_open_counts(waiting_counts)
            )
        changes = format_counts(
            {
                "new": len(report.new) if len(report.new) < report.seen else 0,
                "changed": len(report.changed),
                "moved": len(report.moved),
                "gone": len(report.gone),
                "no longer selected by the settings": report.unselected,
            }
        )
        changes = f" ({changes})" if changes else ""
        files_text = _format_files(report.files)
        if not report.seen:
            failed_files = _format_files(report.unread_files)
            in_files = f" in {files_text}" if files_text else ""
            failed_text = f"; {failed_files} failed" if failed_files else ""
            return join_columns(
                f"! no highlights found{in_files}{failed_text}{changes}",
                *format_open_counts(waiting_counts),
            )
        # if there are changes, name the number of files, because a source may have more files than
        # the paths that the user gave
        in_files = f" in {files_text}" if result.remembered and changes else ""
        no_news = "" if changes or report.new else ", nothing new"
        seen = format_count(report.seen, "highlight")
        highlight_text = f"{status_sign} {seen}{in_files}{changes}{no_news}"
        if "fates" not in self._counts:
            return join_columns(highlight_text, *format_open_counts(waiting_counts))
        status_counts = self._counts["fates"]
        card_count = self._counts["cards"]["accepted"]
        columns = [
            format_count(card_count, "card") if card_count else "",
            *format_open_counts(
                waiting_counts, waiting_counts["without"], status_counts["left_out"]
            ),
        ]
        if status_counts.total() != report.seen:
            counted = join_columns(*columns) or format_count(0, "card")
            columns = [f"of all {status_counts.total():,}: {counted}"]
        return join_columns(highlight_text, *columns)

    def format_details(self, hints: Sequence[str] = ()) -> TextLines:
        """Yield the lines that follow the problems; some may be empty.

        `hints` come last, or just before the reasons listed in verbose mode.
        """
        result, ledger = self._result, self._ledger
        folder = self._workspace.folder
        yield from (notice.line for notice in self._noticed)
        yield format_anki_changes(result)
        yield format_held_notes(result)
        yield _format_model_usage(result, folder)
        if result.report and (result.has_new_highlights or result.has_no_highlights):
            yield from _format_unread(result.report, ledger)
        is_choosing = self._reason.startswith(_NOTHING_MARKED)
        if result.has_no_highlights and (
            is_choosing or not (result.has_failures or self._step or self._reason)
        ):
            yield NO_HIGHLIGHTS_HINT
            yield "" if is_choosing else CHOOSE_HINT
        elif result.has_no_highlights or result.remembered:
            yield format_unmarked(find_unmarked_paths(folder, ledger))
        changes = _find_changes(result, ledger, folder)
        yield from _format_changes(changes, None if self._verbose else MAX_SHOWN_CHANGES)
        if result.remembered:
            paths = [shorten_path(path) for path in result.remembered]
            yield f"Added to your sources: {format_first_names(paths)}"
        yield from hints
        if self._verbose:
            yield from _format_reasons(ledger, self._counts)


def suggest_choosing(paths: Sequence[str], *, has_marks: bool = False) -> Pair:
    """Suggest the command that lets a chat or model choose passages, with the reason.

    Args:
        paths: the paths with few or no highlights, at least one.
        has_marks: whether the first path may have highlights.
    """
    marked = "little or nothing is marked" if has_marks else _NOTHING_MARKED
    others = f"; {len(paths) - 1:,} more without marks" if len(paths) > 1 else ""
    reason = f"{marked} there; a chat or model chooses passages{others}"
    return f"draft {quote(shorten_path(paths[0]))}", reason


def format_unmarked(paths: Sequence[str]) -> str:
    """Format the suggestion from `suggest_choosing` as a line, or return "" without paths."""
    if not paths:
        return ""
    command, reason = suggest_choosing(paths, has_marks=Path(paths[0]).is_dir())
    return f"ankiforge {command}   {reason}"


def _format_reasons(ledger: Ledger, counts: Mapping[str, Counter[str]]) -> TextLines:
    pending_reasons = Counter(counts["reasons"])
    count_by_text = {
        _describe_reason(reason): number
        for reason, number in pending_reasons.most_common()
    }
    if count_by_text:
        yield format_detail("waiting", "")
    for reason, number in count_by_text.items():
        yield format_detail("", f"{number:,} × {reason}")
    short_reasons = Counter[str]()
    for reason, number in _count_no_card_reasons(ledger, failed=True).items():
        short_reasons[reason.partition(":")[0]] += number
    if short_reasons:
        total = short_reasons.total()
        yield format_detail(
            "no card", f"{format_count(total, 'highlight')}: ankiforge list --no-card"
        )
    for reason, number in short_reasons.most_common():
        yield format_detail("", f"{number:,} × {reason}")


def _describe_reason(reason: str) -> str:
    from ankiforge.check import describe_rule
    from ankiforge.check.source import MANY_LABELS, NO_LABEL

    text_by_reason = {
        NO_WARNING_REASON: "no warning (ankiforge accept --all takes these)",
        NO_LABEL: "no label was found in the figure",
        MANY_LABELS: "the figure has many labels",
        RemarkKind.FORM: "lines or words that may not be cards: one answer is for all",
    }
    return text_by_reason.get(reason) or describe_rule(reason)


def _format_model_usage(result: RunResult, workspace: WorkspaceDirectory) -> str:
    usage = result.usage
    parts = []
    if usage and usage.requests:
        requests = format_count(usage.requests, "request")
        sent = f"{requests}, {format_count(usage.characters, 'character')} sent"
        parts.append(f"{sent}, {format_cost(usage.cost_usd, local=usage.is_local)}")
    if result.undrafted:
        asked_text = format_count(result.asked, "highlight")
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
    parts = [
        format_count(number, *nouns)
        for nouns, number in count_by_nouns.most_common()
        if number
    ]
    return " and ".join(parts)


def _format_unread(report: IngestReport, ledger: Ledger) -> TextLines:
    """Yield a line about skipped cards and highlights that belong to other tools.

    If the run found no highlights, also yield a line about PDFs without annotations.
    """
    documents_by_kind: dict[str, list[str]] = {kind: [] for kind in _REPORTED_KINDS}
    note_count_by_tool = Counter[str]()
    for entry in pending_items.iter_lookalikes(ledger):
        kind = entry.lookalike.kind
        if kind.startswith(OTHER_TOOL_NOTE_PREFIX):
            note_count_by_tool[kind.removeprefix(OTHER_TOOL_NOTE_PREFIX)] += 1
        if kind in _REPORTED_KINDS:
            documents_by_kind[kind].append(entry.document)
    parts = []
    for kind, documents in documents_by_kind.items():
        if documents:
            in_files = f"in {format_count(len(set(documents)), 'file')}"
            parts.append(f"{len(documents):,} × {kind}, {in_files}")
    for tool, number in note_count_by_tool.most_common():
        parts.append(f"{format_count(number, 'note')} of {tool}")
    if parts:
        yield f"not read: {'; '.join(parts)} (ankiforge list --no-card --all)"
    if report.files.get(".pdf") and not report.seen:
        limit = " that were read" if report.unread_files.get(".pdf") else ""
        yield f"the PDFs{limit} have no annotations; “Print to PDF” makes marks part of the page"


NO_COLLECTION_NOTICE = "No Anki collection found, so the package contains every card."
ANKI_OFF_NOTICE = (
    "Anki is not read (anki.collection: none), so the package contains every card."
)


def explain_full_package(result: RunResult, ledger: Ledger) -> str:
    """Explain that the package contains every card because Anki was never read.

    Returns "" if Anki has been read or nothing was written.
    """
    scan = result.scan
    if scan is None or scan.is_unreadable or ledger.get_meta("looked"):
        return ""
    if not result.packages and not any(planned.note for planned in result.planned):
        return ""
    return {"nowhere": NO_COLLECTION_NOTICE, "off": ANKI_OFF_NOTICE}.get(scan.state, "")


def format_anki_view(viewed: ViewChanges) -> str:
    """Summarize what was read from Anki and what the user has changed there."""
    parts = [
        format_count(viewed.seen, "note"),
        format_count(viewed.reviews, "new review"),
    ]
    for number, change in (
        (len(viewed.first), "seen for the first time"),
        (len(viewed.edited), "edited"),
        (len(viewed.suspended), "suspended"),
    ):
        if number:
            parts.append(f"{number:,} {change}")
    return ", ".join(parts)


def format_anki_changes(result: RunResult) -> str:
    """Format a line about notes deleted, restored, missing or retired in Anki, if any."""
    scan = result.scan
    if scan is None:
        return ""
    if scan.is_unreadable:
        return "Anki could not be read, so no package was written."
    viewed = scan.viewed
    notes_by_outcome = {
        "deleted, not sent again": viewed.deleted,
        "back again": viewed.returned,
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
            if published.unchanged == published.notes and not include_unchanged:
                continue
            notes = format_count(published.notes, "note")
            parts = {
                "new": published.added,
                "updated": published.updated,
                "unchanged": published.unchanged,
                "undone and no longer in it": published.undone,
            }
            if published.added == published.notes:
                notes = format_count(published.notes, "new note")
            elif format_counts(parts):
                notes += f" ({format_counts(parts)})"
            yield join_columns(shorten_path(published.path), notes)
        elif published.previous_path:
            yield f"nothing to import; the last package is now {published.previous_path.name}"
    if result.pushed:
        added, updated = result.pushed
        yield f"Anki: {format_count(added, 'new note')}, {updated:,} updated"


def format_held_notes(result: RunResult) -> str:
    """Format how many notes are held back and why, or return "" if there are none."""
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

    If a change conflicts with the user's own edit, `why` is set, because the card keeps its
    text until the user decides. Changes that the user has already made in Anki are skipped.
    """
    from ankiforge.pipeline.collection import matches_anki_edits

    guids_in_conflict: set[str] = set()
    if result.changes:
        for question in questions.find_open_questions(ledger):
            if question.kind is QuestionKind.CONFLICT:
                guids_in_conflict.update(question.guids)
    changes = []
    for change in result.changes:
        if matches_anki_edits(ledger, change.guid, change.after, workspace.pictures):
            continue
        if change.guid in guids_in_conflict:
            change = msgspec.structs.replace(change, why=CONFLICT_REASON)
        changes.append(change)
    return changes


def _format_changes(changes: list[TextChange], limit: int | None) -> TextLines:
    kept_changes = list(filter(attrgetter("why"), changes))
    followed_changes = list(filterfalse(attrgetter("why"), changes))
    ordered = [*followed_changes, *kept_changes]
    if not ordered:
        return
    parts = []
    for group, outcome in (
        (followed_changes, "changed with the source"),
        (kept_changes, "kept the old words"),
    ):
        if group:
            parts.append(f"{format_count(len(group), 'card')} {outcome}")
    shown_changes = ordered[:limit]
    end = (
        ":"
        if len(shown_changes) == len(ordered)
        else "; all: ankiforge list --view changed"
    )
    yield f"{', '.join(parts)}{end}"
    for change in shown_changes:
        differences = []
        for _, field_before, field_after in change.changed_fields:
            old_text = to_one_line(to_terminal_text(field_before))
            new_text = to_one_line(to_terminal_text(field_after))
            if old_text == new_text:  # only the markup changed
                old_text = to_one_line(field_before)
                new_text = to_one_line(field_after)
            # show the text from one word before the first difference on
            same_length = 0
            while (
                old_text[same_length : same_length + 1]
                == new_text[same_length : same_length + 1]
                != ""
            ):
                same_length += 1
            word_start = max(old_text.rfind(" ", 0, same_length), 0)
            start = old_text.rfind(" ", 0, word_start) + 1
            differences.append(
                f"{_truncate_left(old_text, start)} → {_truncate_left(new_text, start)}"
            )
        yield f"  {change.why or '; '.join(differences)}"


def _truncate_left(text: str, start: int) -> str:
    shown = truncate(text[start:], MAX_CHANGE_CHARS) or "(nothing)"
    return f"…{shown}" if start else shown
