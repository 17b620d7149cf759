"""The state of a workspace, the command to type next, and the result of a run as text and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import filterfalse
from operator import attrgetter
from shlex import quote
from typing import TYPE_CHECKING

import msgspec

from ankiforge.config.workspace import WorkspaceFolder
from ankiforge.ledger import (
    FLOOD,
    NO_WARNING,
    WITHOUT,
    Ledger,
    Report,
    overview,
    questions,
)
from ankiforge.model import (
    CODE_AND_MATHS,
    DRAWN,
    HEADED_CARD,
    LOGSEQ_CARD,
    LOGSEQ_MARK,
    NO_EXPORT,
    NOTE_OF,
    Change,
    Json,
    Noticed,
    Pair,
    Problem,
    QuestionKind,
    RemarkKind,
    Strings,
    Value,
    Viewed,
)
from ankiforge.pipeline.sources import (
    SelectedSource,
    not_read,
    open_source,
    other_plugins,
    unmarked_paths,
)
from ankiforge.reports.cards import Text
from ankiforge.review import shelf
from ankiforge.text import (
    FIRST,
    columns,
    cost_text,
    counted,
    counts_text,
    first_of,
    on_one_line,
    percent,
    shortened,
    shown_path,
)
from ankiforge.text.cloze import with_brackets

if TYPE_CHECKING:
    from ankiforge.pipeline.result import RunResult
    from ankiforge.pipeline.workspace import Workspace


DECIDE = "review"
"""The command with which a person decides on what waits."""

LABEL = 9
"""The width of the labels of details."""
_TITLE = 30
"""Characters of a title in a line of several."""

# --- shared with the summary of a run ---------------------------------------------------

LISTS = {"new": "draft", "changed": "change", "questions": "question"}
"""The lists of what waits for a person, and what an entry is called."""


def waits_for_a_person(waits: Mapping[str, int]) -> bool:
    """Return whether anything waits, given the counts of its lists."""
    return any(waits[name] for name in LISTS)


def to_do(waits: Mapping[str, int], without: int = 0, skipped: int = 0) -> Strings:
    """Return the columns of the open highlights: waiting · proposed, without either, skipped."""
    waiting = _column(sum(waits[name] for name in LISTS), "waiting")
    held = waits.get("held", 0)
    if held > waits["questions"]:  # one answer is for many
        waiting += f" ({held:,} drafts)"
    proposed = waits.get("proposed", 0) if without else 0
    return (
        " · ".join(filter(None, (waiting, shelf.how_many(0, proposed)))),
        _column(without - proposed, f"without a {'proposal' if proposed else 'card'}"),
        _column(skipped, "skipped"),
    )


def _column(number: int, words: str) -> str:
    return f"{number:,} {words}" if number else ""


def row(label: str, text: str) -> str:
    """Return a detail below a block, behind its label."""
    return f"  {label:<{LABEL}}  {text}"


def next_line(step: str, why: str, *, first: bool = True) -> str:
    """Return the line that names the next command, or the way on without one, or another one."""
    command = f"ankiforge {step}" if step else ""
    return f"  {'next' if first else 'or  '}  {columns(command, why)}"


def waiting_text(waits: Mapping[str, int]) -> str:
    """Return the drafts, changes and questions that wait in a sentence; "" if there are none."""
    parts = []
    for name, word in LISTS.items():
        if waits[name]:
            parts.append(counted(waits[name], word))
    if not parts:
        return ""
    *others, last = parts
    listed = f"{', '.join(others)} and {last}" if others else last
    total = sum(waits[name] for name in LISTS)
    return f"{listed} {'waits' if total == 1 else 'wait'} for you"


def the_best(waits: Mapping[str, int], highlights: int) -> str:
    """Return `the best ten of 557`, of all highlights; "" if no more than ten wait."""
    number = sum(waits[name] for name in LISTS) + waits["proposed"]
    return f"the best ten of {highlights:,}" if number > shelf.TEN else ""


def draft_step(workspace: WorkspaceFolder, without: int) -> Pair:
    """Return the command that drafts the highlights without a card, and its effect; "" for none."""
    if not without:
        return "", ""
    if workspace.config.drafter == "llm":
        return "draft", "let the model draft the rest"
    return "draft", "your chat writes the questions: copy, paste back"


# --- status -----------------------------------------------------------------------------


class Status(Value):
    """The state of a workspace, with the keys of `status --json`."""

    workspace: str
    sources: Strings
    """The names of the sources in the settings and of the remembered ones."""
    remembered: Strings
    """The remembered PATHs."""
    highlights: dict[str, int]
    cards: dict[str, int]
    unsent: int
    """Accepted cards that no package contained yet."""
    waiting: dict[str, int]
    documents: dict[str, int]
    """The marks with new drafts, by the title of their document; the best first."""
    model: str
    """The model that drafts, its place and what it cost so far; "" if none drafts."""
    looked: str
    """When Anki was read last, in ISO 8601; "" if never."""
    answers: dict[str, int]
    """The reviews that were seen there, and of how many the card was remembered."""
    unmarked: Strings
    """The remembered PATHs in which nothing is marked or chosen."""
    not_read: dict[str, str]
    """The files that no source reads, in words, by folder."""
    plugins: dict[str, str]
    """How the flash-card plug-ins of vaults changed since these were first read, by vault."""
    next: str
    """The command to type next, without the name of the program."""
    why: str


def status_of(
    workspace: WorkspaceFolder, ledger: Ledger, noticed: Iterable[Noticed]
) -> Status:
    """Return the state of a workspace. Reads no source, and does not look at Anki.

    Args:
        workspace: its folder and settings.
        ledger: its ledger.
        noticed: what features noticed.

    Raises:
        ConfigError: a source's settings are wrong; the next run would fail.
    """
    from ankiforge.pipeline.models import model_in_use  # which loads the client of HTTP

    for entry in workspace.config.sources:
        open_source(workspace, SelectedSource(entry), offline=True)
    order = overview.order(ledger)
    counts = overview.counts(ledger, waits=order)
    waits = counts["waiting"]
    verdicts = counts["cards"]
    in_anki = counts["anki"]
    command, reason = next_step(workspace, counts, noticed)
    documents = Counter[str]()
    for pile in shelf.piles(ledger, order.new, ()):
        documents[pile.title] += len(pile.places)
    names = {source.name for source in workspace.config.sources}
    for item in workspace.remembered:
        names.update(item.names.values())
    return Status(
        workspace=str(workspace.root),
        sources=tuple(sorted(names)),
        remembered=tuple(item.path for item in workspace.remembered),
        highlights={
            "seen": counts["fates"].total(),
            "without": waits["without"],
            "proposed": waits["proposed"],
            "left_out": counts["fates"]["left_out"],
        },
        cards={
            "accepted": verdicts["accepted"],
            "waiting": waits["new"],
            "blocked": waits["blocked"],
            "revisions": waits["revisions"],
            "rejected": verdicts["rejected"],
            "retired": verdicts["retired"],
            "sourceless": in_anki["sourceless"],
        },
        unsent=in_anki["none"],
        waiting={name: waits[name] for name in LISTS},
        documents=documents,
        model=model_in_use(workspace),
        looked=ledger.meta("looked"),
        answers=dict(counts["answers"]),
        unmarked=tuple(unmarked_paths(workspace, ledger)),
        not_read={place: left_out.text for place, left_out in not_read(ledger).items()},
        plugins=other_plugins(ledger),
        next=command,
        why=reason,
    )


def next_step(
    workspace: WorkspaceFolder,
    counts: Mapping[str, Counter[str]],
    noticed: Iterable[Noticed],
) -> Pair:
    """Return the command to type next, and why.

    Args:
        workspace: its folder and settings.
        counts: those of `overview`.
        noticed: what features noticed.
    """
    for notice in noticed:
        if notice.step:
            return notice.step, notice.why
    waits = counts["waiting"]
    best = the_best(waits, counts["fates"].total())
    if waits_for_a_person(waits):
        return DECIDE, best or "decide on what waits"
    unsent = counts["anki"]["none"]
    if unsent:
        return "build", f"{counted(unsent, 'accepted card')} not in a package yet"
    if waits["proposed"]:
        return DECIDE, best
    if not counts["fates"].total():
        known = workspace.config.sources or workspace.remembered
        return "run" if known else "run PATH", "no highlight was found so far"
    command, reason = draft_step(workspace, waits["without"])
    return command or "run", reason or "read what is new"


def status_text(status: Status, workspace: WorkspaceFolder) -> Text:
    """Yield the block of `status`, then its details."""
    highlights = status.highlights
    cards = status.cards["accepted"]
    without = highlights["without"]
    waits = {**status.waiting, "proposed": highlights["proposed"]}
    yield columns(
        f"  {counted(highlights['seen'], 'highlight')}",
        counted(cards, "card") if cards else "",
        *to_do(waits, without, highlights["left_out"]),
    )
    if status.unsent:
        yield f"  → {counted(status.unsent, 'card')} not in a package yet"
    yield next_line(status.next, status.why)
    yield ""
    piles = [f"{shortened(title, _TITLE)} {n:,}" for title, n in status.documents.items()]
    more = len(piles) - FIRST
    piles[FIRST:] = [f"and {more:,} more"] if more > 0 else []
    named = [source.name for source in workspace.config.sources]
    looked = status.looked[:16].replace("T", " ")
    read = f"read {looked} UTC" if looked else "not read yet"
    rows = [
        ("waiting", columns(*piles)),
        ("workspace", status.workspace),
        (
            "sources",
            first_of([*named, *map(shown_path, status.remembered)]) or "none yet",
        ),
        ("model", status.model),
        ("Anki", columns(read, *_retention(status.answers))),
    ]
    if without:
        no_card = f"{counted(without, 'highlight')}: ankiforge list --no-card"
        if highlights["proposed"]:
            no_card = no_card.replace(
                ":", f", {highlights['proposed']:,} of them proposals:"
            )
        rows.append(("no card", no_card))
    if status.cards["sourceless"]:
        gone = counted(status.cards["sourceless"], "card")
        sourceless = f"{gone} without a source: ankiforge list finding:source_gone"
        rows.append(("gone", sourceless))
    rows.append(("no marks", unmarked_line(status.unmarked)))
    rows += [("not read", ": ".join(entry)) for entry in status.not_read.items()]
    for vault, changes in status.plugins.items():
        command = f"ankiforge run {quote(vault)} --plugins"
        rows.append(("plug-ins", f"{changes}; to read the vault so: {command}"))
    yield from (row(label, text) for label, text in rows if text)


def _retention(answers: Mapping[str, int]) -> Strings:
    """Return the columns of the reviews in Anki: how many, and how often one was remembered."""
    if not answers["tested"]:
        return ()
    share = answers["remembered"] / answers["tested"]
    return counted(answers["reviews"], "review"), f"retention {percent(share)}"


# --- the result of a run ------------------------------------------------------------------

SHOWN = 5
"""The number of changed cards that a run lists."""
WIDTH = 70
COUNTED = ("fates", "passages", "waiting", "reasons", "cards", "anki")
"""The counts in the JSON of a run."""
_MANY = 10
"""With so many highlights without a card, the command that rejects those of one reason is named."""
IN_CONFLICT = "you changed it, too; you choose whose words stay: ankiforge review"
_STANDS = {
    "asked": "asked about",
    "to_decide": "with a draft",
    "with_card": "with a card",
    "rejected_or_skipped": "rejected or skipped",
    "left_out": "without a card",
}
"""The states of a passage, in words."""
_TOLD_KINDS = (HEADED_CARD, LOGSEQ_CARD, LOGSEQ_MARK, DRAWN)
"""The kinds left out that `run` tells, cards first; notes of other tools are told by the tool."""
_TOLD = ("left_out", "failed", "carded", "waiting", "blocked")
NO_HIGHLIGHTS = (
    "what counts as a highlight: marks and comments in PDFs and Zotero; in notes"
    " ==marks==, question::answer lines, {{gaps}} and glossary lists"
)
CHOOSE = (
    "to let a chat or model choose passages of a file without marks: ankiforge draft FILE"
)

# --- JSON -------------------------------------------------------------------------------


def problem_json(problem: Problem) -> Json:
    """Return a problem as JSON."""
    return {
        "where": problem.where,
        "what": problem.what,
        "hint": problem.hint,
        "notice": problem.notice,
    }


def delivery_json(result: RunResult, ledger: Ledger) -> Json:
    """Return the notes in packages or in Anki, and the problems: `build --json`, `push --json`."""
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
            "held": sum(bool(planned.held) for planned in result.planned),
            "missing": overview.counts(ledger, "anki")["anki"]["missing"],
            "conflicts": overview.counts(ledger, "waiting")["waiting"]["conflicts"],
            "tombstones": len(result.scan.viewed.deleted) if result.scan else 0,
        },
        "packages": [str(path) for path in result.packages],
        "problems": [problem_json(problem) for problem in result.problems],
    }


def as_json(result: RunResult, workspace: Workspace, noticed: Iterable[Noticed]) -> Json:
    """Return the object that `run` and `draft` print, with the notices of features."""
    ledger = workspace.ledger
    counts = overview.counts(ledger, *COUNTED)
    fates = counts["fates"]
    verdicts = counts["cards"]
    waits = counts["waiting"]
    reasons = _reasons_for_no_card(ledger)
    changes = _changes_that_stand(result, ledger, workspace.folder)
    report = result.report or Report()
    new = len(report.new)
    changed = len(report.changed)
    delivery = delivery_json(result, ledger)
    usage = ("requests", "cached", "tokens_in", "tokens_out", "cost_usd")
    return {
        "highlights": {
            "seen": report.seen,
            "new": new,
            "changed": changed,
            "gone": len(report.gone),
            "unchanged": max(report.seen - new - changed, 0),
        },
        "files": dict(report.files),
        "unread_files": dict(report.unread_files),
        "passages": dict(counts["passages"]),
        "left_out": dict(_kinds_left_out(ledger)),
        "not_selected": report.unselected,
        "fates": {**{name: fates[name] for name in _TOLD}, "no_card": reasons.total()},
        "no_card": dict(reasons.most_common()),
        "waits": dict(counts["reasons"].most_common()),
        "cards": {
            "drafted": result.drafted,
            "accepted": result.accepted,
            "revised": sum(not change.why for change in changes),
            "accepted_in_all": verdicts["accepted"],
            "waiting": waits["new"],
            "blocked": waits["blocked"],
            "retired": verdicts["retired"],
            "revisions": waits["revisions"],
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
        **_data_of(noticed),
        "questions": waits["conflicts"] + waits["questions"],
        "notes": delivery["notes"],
        "packages": delivery["packages"],
        "llm": {
            **{name: getattr(result.usage, name, 0) for name in usage},
            "asked": result.asked,
            "without": result.without,
        },
        "problems": delivery["problems"],
    }


def _data_of(notices: Iterable[Noticed]) -> Json:
    """Return the keys that features add to the JSON of a run."""
    data: Json = {}
    for notice in notices:
        data |= notice.data
    return data


def _reasons_for_no_card(ledger: Ledger, *, failed: bool = False) -> Counter[str]:
    """Count the highlights without a card or draft, by the reason; with those that failed, too."""
    fates = WITHOUT if failed else ("no_card", "undrafted")
    reasons = Counter[str]()
    for outcome in overview.fates(ledger):
        if outcome.fate in fates:
            reasons[outcome.reason] += 1
    return reasons


def _kinds_left_out(ledger: Ledger) -> Counter[str]:
    """Count the lookalikes of highlights by their kinds."""
    kinds = Counter(entry.left_out.kind for entry in overview.left_out(ledger))
    del kinds[CODE_AND_MATHS]
    return kinds


# --- text -------------------------------------------------------------------------------


class RunText:
    """The result of a run for a person: a block to glance at, and further lines."""

    def __init__(
        self,
        result: RunResult,
        workspace: Workspace,
        noticed: Sequence[Noticed],
        *,
        verbose: bool,
    ) -> None:
        """Count; `verbose`: everything is counted and listed."""
        self._result = result
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._verbose = verbose
        # if nothing came in, the contents of the ledger are not counted again
        more = ("fates", "reasons", "cards") if result.is_news or verbose else ()
        self._counts = overview.counts(self._ledger, "waiting", *more)
        self._waits = self._counts["waiting"]
        self._noticed = noticed
        self._step, self._why = self._next_step()

    def _next_step(self) -> Pair:
        """Return the command to type after a run, and why; the first that applies."""
        result, waits = self._result, self._waits
        for notice in self._noticed:
            if notice.step:
                return notice.step, f"or: {notice.instead}"
        if result.accepted == FLOOD:
            return "run", f"accept the others: one run takes {FLOOD} cards"
        highlights = self._counts["fates"].total() if "fates" in self._counts else 0
        best = the_best(waits, highlights) if highlights else ""
        if waits_for_a_person(waits) or (result.is_news and waits["proposed"]):
            return DECIDE, best
        if result.packages:
            return "", f"import {shown_path(result.packages[-1])} into Anki"
        if waits["proposed"]:
            return DECIDE, best
        without = waits["without"] if result.is_news else 0
        return draft_step(self._workspace.folder, without)

    def block(self, *, names_next: bool) -> Text:
        """Yield the counts and the package; and the next command, if it is wanted."""
        result = self._result
        yield self._highlights()
        # where nothing was found, the package of before is no news
        of_before = not result.found_nothing
        yield from (f"  → {line}" for line in delivery_lines(result, of_before=of_before))
        if not names_next:
            return
        steps = [(self._step, self._why)] if self._step or self._why else []
        if result.is_news and self._step == DECIDE:
            # the chat stands beside the review, until it was used
            from ankiforge.draft.chat import MOST
            from ankiforge.pipeline.chats import number_offered

            number = number_offered(self._workspace)
            if number:
                best = (
                    f"the best {MOST}" if number == MOST else counted(number, "highlight")
                )
                chat = ("draft", f"a chat writes cards for {best}: copy, paste back")
                steps.insert(0 if self._is_weak() else 1, chat)
        for place, (step, why) in enumerate(steps):
            yield next_line(step, why, first=not place)

    def _is_weak(self) -> bool:
        """Return whether the document with which the review begins is for a chat rather."""
        order = overview.order(self._ledger)
        piles = shelf.piles(self._ledger, order.new, order.without)
        return bool(piles) and piles[0].is_weak

    def _highlights(self) -> str:
        """Return the first line: the highlights that were read, and how all stand."""
        result, waits = self._result, self._waits
        report = result.report
        sign = "!" if result.failed or result.error is not None else "✓"
        if report is None:
            drafted = f"{sign} {counted(result.drafted, 'new draft')}"
            cards = counted(result.accepted, "card")
            accepted = f"{cards} accepted" if result.accepted else ""
            return columns(drafted, accepted, *to_do(waits))
        news = counts_text(
            {
                "new": len(report.new) if len(report.new) < report.seen else 0,
                "changed": len(report.changed),
                "moved": len(report.moved),
                "gone": len(report.gone),
                "no longer selected by the settings": report.unselected,
            }
        )
        news = f" ({news})" if news else ""
        files = _files_text(report.files)
        if not report.seen:
            unread = _files_text(report.unread_files)
            where = f" in {files}" if files else ""
            failed = f"; {unread} failed" if unread else ""
            return columns(f"! no highlights found{where}{failed}{news}", *to_do(waits))
        # other files belong to the sources of those that were named
        where = f" in {files}" if result.remembered and news else ""
        nothing = "" if news or report.new else ", nothing new"
        read = f"{sign} {counted(report.seen, 'highlight')}{where}{news}{nothing}"
        if "fates" not in self._counts:
            return columns(read, *to_do(waits))
        fates = self._counts["fates"]
        in_all = self._counts["cards"]["accepted"]
        return columns(
            read,
            f"{fates.total():,} in all" if fates.total() != report.seen else "",
            counted(in_all, "card") if in_all else "",
            *to_do(waits, waits["without"], fates["left_out"]),
        )

    def told(self, hints: Sequence[str] = ()) -> Text:
        """Yield the lines below the problems, the `hints` last; some may be empty."""
        result, ledger = self._result, self._ledger
        folder = self._workspace.folder
        yield from (notice.line for notice in self._noticed)
        yield anki_line(result)
        yield held_line(result)
        yield _model_line(result, folder)
        if result.report and (result.is_news or result.found_nothing):
            yield from _not_read_lines(result.report, ledger)
        if result.found_nothing and not (result.failed or self._step or self._why):
            yield NO_HIGHLIGHTS
            yield unmarked_line(unmarked_paths(folder, ledger)) or CHOOSE
        elif result.found_nothing or result.remembered:
            yield unmarked_line(unmarked_paths(folder, ledger))
        changes = _changes_that_stand(result, ledger, folder)
        yield from _changes(changes, None if self._verbose else SHOWN)
        if result.remembered:
            paths = [shown_path(path) for path in result.remembered]
            yield f"Added to your sources: {first_of(paths)}"
        yield from hints
        if self._verbose:
            yield from _details(result, ledger, self._counts)


def unmarked_line(paths: Sequence[str]) -> str:
    """Return how a chat or model makes cards of documents without marks; "" if there are none."""
    if not paths:
        return ""
    more = f", and {len(paths) - 1:,} more without marks" if len(paths) > 1 else ""
    command = f"ankiforge draft {quote(shown_path(paths[0]))}"
    return f"nothing is marked; to let a chat or model choose ten: {command}{more}"


def _details(
    result: RunResult, ledger: Ledger, counts: Mapping[str, Counter[str]]
) -> Text:
    """Yield the counts of a run: drafts, reasons to wait, reasons for no card, passages."""
    made = counts_text(
        {
            "drafted": result.drafted,
            "accepted": result.accepted,
        }
    )
    rows = [("made", made), ("waiting", waiting_text(counts["waiting"]))]
    yield from (row(label, text) for label, text in rows if text)
    reasons = Counter(counts["reasons"])
    named = {_words_of_reason(reason): number for reason, number in reasons.most_common()}
    for reason, number in named.items():
        yield row("", f"{number:,} × {reason}")
    short_reasons = Counter[str]()
    for reason, number in _reasons_for_no_card(ledger, failed=True).items():
        short_reasons[reason.partition(":")[0]] += number
    if short_reasons:
        total = short_reasons.total()
        yield row("no card", f"{counted(total, 'highlight')}: ankiforge list --no-card")
    for reason, number in short_reasons.most_common():
        yield row("", f"{number:,} × {reason}")
    if short_reasons.total() >= _MANY:
        yield row("", 'to reject all of one reason: ankiforge reject --no-card "REASON"')
    standings = overview.counts(ledger, "passages")["passages"]
    states = ", ".join(
        f"{number:,} {_STANDS[name]}" for name, number in standings.items()
    )
    yield row("in all", f"{counted(standings.total(), 'highlight')}: {states}")
    lookalikes = _kinds_left_out(ledger).total()
    if lookalikes:
        looks = "looks like a highlight" if lookalikes == 1 else "look like highlights"
        only = f"that only {looks}: ankiforge list --no-card --all"
        yield row("", f"{counted(lookalikes, 'entry', 'entries')} {only}")


def _words_of_reason(reason: str) -> str:
    """Return in words why a draft waits."""
    from ankiforge.check import in_words
    from ankiforge.check.source import MANY_LABELS, NO_LABEL

    words = {
        NO_WARNING: "no warning (ankiforge accept --all takes these)",
        NO_LABEL: "no label was found in the figure",
        MANY_LABELS: "the figure has many labels",
        RemarkKind.FORM: "lines or words that are perhaps not cards: one answer is for all",
    }
    return words.get(reason) or in_words(reason)


def _model_line(result: RunResult, workspace: WorkspaceFolder) -> str:
    """Return the number and cost of the requests to a model, and for how many it made no card."""
    usage = result.usage
    parts = []
    if usage and usage.requests:
        sent = f"{counted(usage.requests, 'request')}, {counted(usage.characters, 'character')}"
        parts.append(f"{sent} sent, {cost_text(usage.cost_usd, local=usage.local)}")
    if result.without:
        asked = counted(result.asked, "highlight")
        none = f"no card for {result.without:,} of {asked}"
        parts.append(f"{none}; why: ankiforge list --no-card")
    return row("model", "; ".join(parts)) if parts else ""


# How files are called by their endings: one, and several.
_FILE_NAMES = {
    ".pdf": ("PDF", "PDFs"),
    ".md": ("note", "notes"),
    ".markdown": ("note", "notes"),
    ".qmd": ("note", "notes"),
    ".txt": ("text file", "text files"),
    ".ipynb": ("notebook", "notebooks"),
    ".canvas": ("canvas", "canvases"),
}


def _files_text(files: Mapping[str, int]) -> str:
    """Return how many files of which kind there are; "" if there are none."""
    numbers = Counter[Pair]()
    for ending, number in files.items():
        kind = f"{ending} file" if ending else "file"
        numbers[_FILE_NAMES.get(ending, (kind, f"{kind}s"))] += number
    parts = [counted(number, *names) for names, number in numbers.most_common() if number]
    return " and ".join(parts)


def _not_read_lines(report: Report, ledger: Ledger) -> Text:
    """Yield a line with the cards and marks of other programs that are not read.

    After a run that found no highlights, also that no PDF that was read has marks drawn into
    its pages.
    """
    files: dict[str, list[str]] = {kind: [] for kind in _TOLD_KINDS}
    of_tools = Counter[str]()
    for entry in overview.left_out(ledger):
        kind = entry.left_out.kind
        if kind.startswith(NOTE_OF):
            of_tools[kind.removeprefix(NOTE_OF)] += 1
        if kind in _TOLD_KINDS or kind.endswith(NO_EXPORT):
            files.setdefault(kind, []).append(entry.document)
    parts = []
    for kind, documents in files.items():
        part = f"{len(documents):,} × {kind}"
        if not kind.endswith(NO_EXPORT):
            part += f", in {counted(len(set(documents)), 'file')}"
        if documents:
            parts.append(part)
    for tool, number in of_tools.most_common():
        parts.append(f"{counted(number, 'note')} of {tool}")
    if parts:
        yield f"not read: {'; '.join(parts)} (ankiforge list --no-card --all)"
    if report.files.get(".pdf") and not report.seen and not files[DRAWN]:
        read = " that were read" if report.unread_files.get(".pdf") else ""
        yield f"the PDFs{read} have no annotations, and no marks are drawn into their pages either"


NO_COLLECTION = "No Anki collection found, so the package contains every card."
ANKI_OFF = "Anki is not read (anki.collection: none), so the package contains every card."


def why_every_card(result: RunResult, ledger: Ledger) -> str:
    """Return why the package contains every card; "" if Anki was read or nothing is written."""
    scan = result.scan
    if scan is None or scan.blind or ledger.meta("looked"):
        return ""
    if not result.packages and not any(planned.note for planned in result.planned):
        return ""
    return {"nowhere": NO_COLLECTION, "off": ANKI_OFF}.get(scan.state, "")


def seen_line(viewed: Viewed) -> str:
    """Return the size of a view of Anki, and the changes that a person made there."""
    parts = [counted(viewed.seen, "note"), counted(viewed.reviews, "new review")]
    for number, what in (
        (len(viewed.first), "seen for the first time"),
        (len(viewed.edited), "edited"),
        (len(viewed.suspended), "suspended"),
    ):
        if number:
            parts.append(f"{number:,} {what}")
    for names, what in (
        (viewed.new_decks, "new deck"),
        (viewed.renamed_decks, "renamed deck"),
    ):
        if names:
            parts.append(f"{counted(len(names), what)} ({first_of(names)})")
    return ", ".join(parts)


def anki_line(result: RunResult) -> str:
    """Return the changes seen in Anki; "" if there is nothing to report."""
    scan = result.scan
    if scan is None:
        return ""
    if scan.blind:
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
            parts.append(f"{counted(len(notes), 'note')} {outcome}")
    unknown = sum(planned.unknown for planned in result.planned)
    if unknown:
        have = counted(unknown, "note has", "notes have")
        parts.append(f"{have} words that no journal here knows: kept")
    return f"In Anki: {'; '.join(parts)}" if parts else ""


def delivery_lines(result: RunResult, *, of_before: bool = True) -> Text:
    """Yield the packages that were written, or the notes that were pushed.

    Args:
        result: the run.
        of_before: tell a package, too, that contains what the last one did.
    """
    for published in result.published:
        if published.notes and result.pushed is None:
            if published.as_before == published.notes and not of_before:
                continue
            notes = counted(published.notes, "note")
            parts = {
                "new": published.added,
                "updated": published.updated,
                "as before": published.as_before,
                "taken back and no longer in it": published.taken_back,
            }
            if published.added == published.notes:
                notes = counted(published.notes, "new note")
            elif counts_text(parts):
                notes += f" ({counts_text(parts)})"
            yield columns(shown_path(published.path), notes)
        elif published.aside:
            yield f"nothing to import; the last package is now {published.aside.name}"
    if result.pushed:
        added, updated = result.pushed
        yield f"Anki: {counted(added, 'new note')}, {updated:,} updated"


def held_line(result: RunResult) -> str:
    """Return the number of notes that are held back, and why; "" for none."""
    held_notes = Counter(planned.held for planned in result.planned if planned.held)
    if not held_notes:
        return ""
    return f"{counted(held_notes.total(), 'note')} held back: {'; '.join(held_notes)}"


def _changes_that_stand(
    result: RunResult, ledger: Ledger, workspace: WorkspaceFolder
) -> list[Change]:
    """Return the changes of a run.

    A card about whose words a question asks keeps its words until then. Words that a person wrote
    in Anki first, and then in the source, change nothing there.
    """
    from ankiforge.pipeline.collection import says_in_anki

    asked: set[str] = set()
    if result.changes:
        for question in questions.open_questions(ledger):
            if question.kind is QuestionKind.CONFLICT:
                asked.update(question.guids)
    changes = []
    for change in result.changes:
        if says_in_anki(ledger, change.guid, change.after, workspace.pictures):
            continue
        if change.guid in asked:
            change = msgspec.structs.replace(change, why=IN_CONFLICT)
        changes.append(change)
    return changes


def _changes(changes: list[Change], limit: int | None) -> Text:
    """Yield old → new words of changed cards: the first ones, and the command that shows all."""
    kept = list(filter(attrgetter("why"), changes))
    followed = list(filterfalse(attrgetter("why"), changes))
    ordered = [*followed, *kept]
    if not ordered:
        return
    parts = []
    for some, did in (
        (followed, "changed with the source"),
        (kept, "kept the old words"),
    ):
        if some:
            parts.append(f"{counted(len(some), 'card')} {did}")
    shown = ordered[:limit]
    end = ":" if len(shown) == len(ordered) else "; all: ankiforge list --view changed"
    yield f"{', '.join(parts)}{end}"
    for change in shown:
        differences = []
        for _, before, after in change.words:
            old = on_one_line(with_brackets(before))
            new = on_one_line(with_brackets(after))
            if old == new:  # only their markup changed
                old = on_one_line(before)
                new = on_one_line(after)
            # from the word before the one that differs
            same = 0
            while old[same : same + 1] == new[same : same + 1] != "":
                same += 1
            this_word = max(old.rfind(" ", 0, same), 0)
            start = old.rfind(" ", 0, this_word) + 1
            differences.append(f"{_from(old, start)} → {_from(new, start)}")
        yield f"  {change.why or '; '.join(differences)}"


def _from(text: str, start: int) -> str:
    shown = shortened(text[start:], WIDTH) or "(nothing)"
    return f"…{shown}" if start else shown
