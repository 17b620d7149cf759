"""The result of a run, as text and as JSON: what came in, what changed, what was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from ankiforge.config.workspace import WorkspaceFolder
from ankiforge.ledger import (
    FLOOD,
    NO_WARNING,
    WITHOUT,
    Ledger,
    QueryTerm,
    Report,
    belonging,
    overview,
)
from ankiforge.model import (
    CODE_AND_MATHS,
    DRAWN,
    LOGSEQ_CARD,
    LOGSEQ_MARK,
    NO_EXPORT,
    OWN_ANSWER,
    PROPOSE,
    Change,
    Json,
    Pair,
    Problem,
    QuestionKind,
    RemarkKind,
)
from ankiforge.reports.cards import Text, attributes
from ankiforge.reports.status import (
    DECIDE,
    LISTS,
    draft_step,
    first_of,
    waiting_text,
    waits_for_a_person,
)
from ankiforge.text import cost_text, counted, counts_text, on_one_line, shortened
from ankiforge.text.cloze import with_brackets
from ankiforge.text.tools import TITLES

if TYPE_CHECKING:
    from ankiforge.pipeline.package import Published
    from ankiforge.pipeline.result import RunResult

MOST_LINES = 12
"""How many lines a run prints for a person."""
SHOWN = 5
"""The number of changed cards that a run lists."""
WIDTH = 70
COUNTED = ("fates", "passages", "waiting", "reasons", "cards", "anki")
"""What the JSON of a run counts."""
REASONS = 3
"""The number of reasons to wait that a run names."""
_MANY = 10
"""With this many highlights, a run names the command that lists them, or settles those of one
reason at once."""
IN_CONFLICT = "you changed it, too; choose whose words to keep under Changed"
_STANDS = {
    "asked": "asked",
    "to_decide": "to decide",
    "with_card": "with a card",
    "rejected_or_skipped": "rejected or skipped",
    "left_out": "left out",
}
"""How a passage stands, in words."""
_TOLD_KINDS = (DRAWN, LOGSEQ_CARD, LOGSEQ_MARK)
"""What is left out that `run` tells by its kind."""
_TOLD = ("left_out", "failed", "carded", "waiting", "blocked")
NO_HIGHLIGHTS = (
    "what counts as a highlight: marks and comments in PDFs and Zotero; in notes"
    " ==marks==, question::answer lines, {{gaps}} and glossary lists"
)

# --- JSON -------------------------------------------------------------------------------


def problem_json(problem: Problem) -> Json:
    """Return a problem as JSON."""
    return attributes(problem, "where what hint notice")


def delivery_json(result: RunResult, ledger: Ledger) -> Json:
    """Return what came to packages or to Anki, and the problems: `build --json`, `push --json`."""
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
            "missing": ledger.counts("anki")["anki"]["missing"],
            "conflicts": ledger.counts("waiting")["waiting"]["conflicts"],
            "tombstones": len(result.scan.viewed.deleted) if result.scan else 0,
        },
        "packages": [str(path) for path in result.packages],
        "problems": [problem_json(problem) for problem in result.problems],
        "intake": _intake_json(result),
    }


def _intake_json(result: RunResult) -> Json | None:
    """Return what fits into the minutes of the settings, without each day; None if nobody asked."""
    if result.forecast is None:
        return None
    from ankiforge.reports.intake import intake_json

    whole = intake_json(result.forecast)
    return {name: value for name, value in whole.items() if name != "forecast"}


def as_json(result: RunResult, ledger: Ledger, workspace: WorkspaceFolder) -> Json:
    """Return the object that `run` and `draft` print."""
    counts = ledger.counts(*COUNTED)
    fates = counts["fates"]
    verdicts = counts["cards"]
    waits = counts["waiting"]
    reasons = _reasons_for_no_card(ledger)
    changes = _changes_that_stand(result, ledger, workspace)
    report = result.report or Report()
    delivery = delivery_json(result, ledger)
    usage = ("requests", "cached", "tokens_in", "tokens_out", "cost_usd")
    return {
        "highlights": _highlights_json(report),
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
            "proposed": result.proposed,
            "accepted": result.accepted,
            "revised": sum(not change.why for change in changes),
            "accepted_in_all": verdicts["accepted"],
            "waiting": waits["new"],
            "blocked": waits["blocked"],
            "retired": verdicts["retired"],
            "revisions": waits["revisions"],
            "sourceless": counts["anki"]["sourceless"],
        },
        "changes": [_change_json(change) for change in changes],
        "belonging": dict(belonging.belonging(ledger)),
        "questions": waits["conflicts"] + waits["questions"],
        "notes": delivery["notes"],
        "packages": delivery["packages"],
        "llm": {
            **{name: getattr(result.usage, name, 0) for name in usage},
            "asked": result.asked,
            "without": result.without,
        },
        "problems": delivery["problems"],
        "intake": delivery["intake"],
    }


def _highlights_json(report: Report) -> Json:
    """Return how many highlights the sources have, and how many of them are new."""
    new = len(report.new)
    changed = len(report.changed)
    return {
        "seen": report.seen,
        "new": new,
        "changed": changed,
        "gone": len(report.gone),
        "unchanged": max(report.seen - new - changed, 0),
    }


def _reasons_for_no_card(ledger: Ledger, *, failed: bool = False) -> Counter[str]:
    """Count the highlights without a card or draft, by the reason; with those that failed, too."""
    fates = WITHOUT if failed else ("no_card", "undrafted")
    reasons = Counter[str]()
    for outcome in ledger.fates():
        if outcome.fate in fates:
            reasons[outcome.reason] += 1
    return reasons


def _kinds_left_out(ledger: Ledger) -> Counter[str]:
    """Count what looks like a highlight and is none, by its kind."""
    kinds = Counter(entry.left_out.kind for entry in overview.left_out(ledger))
    del kinds[CODE_AND_MATHS]
    return kinds


def _change_json(change: Change) -> Json:
    """Return the old and the new words of a card."""
    return {
        "guid": change.guid,
        "before": dict(change.before),
        "after": dict(change.after),
        "why": change.why,
    }


# --- text -------------------------------------------------------------------------------


def as_text(
    result: RunResult,
    ledger: Ledger,
    workspace: WorkspaceFolder,
    room: int | None = MOST_LINES,
    *,
    names_next: bool = True,
) -> list[str]:
    """Return the lines of a run for a person: what came in and became of it, and what is next.

    Args:
        result: the run.
        ledger: the ledger.
        workspace: where it ran.
        room: the number of lines, unless that leaves less than one changed card; None = all.
        names_next: whether the last line names the next command.
    """
    report = result.report
    is_news = report is not None and bool(report.new or report.changed)
    belonging = belonging_line(ledger)
    if is_news:
        counts = ledger.counts("fates", "waiting", "reasons")
        proposed = len(_proposed(ledger))
        without_card = counts["waiting"]["without"]
    else:  # nothing came in: what is in the ledger is not reported again
        counts = ledger.counts("waiting")
        proposed = 0
        without_card = 0

    before = [
        belonging,
        *_came_in(result, workspace, counts if is_news else None, proposed),
        *(_left_out_by_kind(report, ledger) if report else ()),
        *(_standings(ledger) if room is None else ()),
        *_without_lines(ledger, without_card),
    ]
    after = [
        anki_line(result, ledger),
        *delivery_lines(result),
        minutes_line(result),
        *_waiting_lines(counts, proposed),
        *_remembered_lines(result),
    ]
    waits = counts["waiting"]
    if _is_first(report) and waits["without"] and workspace.config.drafter == "rules":
        after.append(_model_advice(workspace))
    if names_next:
        next_step = _next_step(
            result, workspace, waits, without=without_card, belonging=bool(belonging)
        )
        after.append(next_step)
    before = [line for line in before if line]
    after = [line for line in after if line]

    limit = None
    if room is not None:
        lines_left = room - len(before) - len(after) - 1
        limit = min(SHOWN, max(lines_left, 1))
    standing = _changes_that_stand(result, ledger, workspace)
    return [*before, *_changes(standing, limit), *after]


def _remembered_lines(result: RunResult) -> Text:
    """Yield which PATHs every run reads from now on."""
    if not result.remembered:
        return
    yield f"from now on, ankiforge run reads {first_of(result.remembered)}, too"


def _standings(ledger: Ledger) -> Text:
    """Yield how all passages stand, each counted once, and what else looks like one."""
    standings = ledger.counts("passages")["passages"]
    parts = []
    for name, number in standings.items():
        parts.append(f"{number:,} {_STANDS[name]}")
    yield f"{counted(standings.total(), 'highlight')} in all: {', '.join(parts)}"
    others = _kinds_left_out(ledger).total()
    if others:
        them = "entry" if others == 1 else "entries"
        yield (
            f"{others:,} more {them} of what looks like a highlight and is none:"
            " ankiforge list --no-card --all"
        )


def _without_lines(ledger: Ledger, without: int) -> Text:
    """Yield why highlights have no card, and the command that decides on all of one reason."""
    if not without:
        return
    reasons = _first_reasons_for_no_card(ledger)
    commands = "ankiforge list --no-card"
    if without >= _MANY:
        commands += '; to settle all of one reason: ankiforge skip --because "REASON"'
    yield f"without a card: {reasons} ({commands})"


def _first_reasons_for_no_card(ledger: Ledger) -> str:
    """Return the most frequent reasons why highlights have no card, and how many have others."""
    reasons = Counter[str]()
    for reason, number in _reasons_for_no_card(ledger, failed=True).items():
        in_short = reason.partition(":")[0]
        reasons[in_short] += number
    first = reasons.most_common(REASONS)
    parts = [f"{number:,} × {reason}" for reason, number in first]
    named_count = sum(number for _, number in first)
    others = reasons.total() - named_count
    if others:
        parts.append(f"{others:,} for other reasons")
    return ", ".join(parts)


def _proposed(ledger: Ledger) -> set[str]:
    """Return the ids of the proposals that wait."""
    terms = [QueryTerm("drafter", PROPOSE), QueryTerm("verdict", "waiting")]
    return set(ledger.find(terms)).intersection(ledger.order().new)


def _waiting_lines(counts: Mapping[str, Counter[str]], proposed: int) -> Text:
    """Yield what waits for the person, and why, besides what was proposed."""
    waits = counts["waiting"]
    reasons = Counter(counts.get("reasons", Counter()))
    reasons.pop(PROPOSE, 0)
    text = waiting_text(waits)
    waiting = sum(waits[name] for name in LISTS)
    if text and proposed != waiting:
        yield f"in all, {text}"
    if reasons:
        number = reasons.total()
        them = "it waits" if number == waiting == 1 else "they wait"
        if number < waiting:
            them = "1 of them waits" if number == 1 else f"{number:,} of them wait"
        yield f"{them} because: {_first_reasons_to_wait(reasons)}"


def _is_first(report: Report | None) -> bool:
    """Return whether everything that a run found is new."""
    return report is not None and 0 < report.seen == len(report.new)


def _model_advice(workspace: WorkspaceFolder) -> str:
    """Return how to get a language model; "" if there is one."""
    from ankiforge.reports import doctor

    return doctor.model_advice(workspace.config.llm, doctor.Machine.this())


def _next_step(
    result: RunResult,
    workspace: WorkspaceFolder,
    waits: Counter[str],
    *,
    without: int,
    belonging: bool,
) -> str:
    """Return the line about what to do next; "" if there is nothing to do.

    Args:
        result: the run.
        workspace: where it ran.
        waits: the counts of what waits.
        without: the number of highlights without a card or draft, if the run brought
            news.
        belonging: whether passages belong to other tools.
    """
    if belonging:
        return "next: ankiforge adopt, or ankiforge adopt --decline"
    if result.accepted == FLOOD:
        return f"next: ankiforge run, to accept more; then ankiforge {DECIDE}"
    if waits_for_a_person(waits):
        return f"next: ankiforge {DECIDE}"
    if result.packages:
        return f"next: import {result.packages[-1]} into Anki"
    read_nothing = result.report is not None and not result.report.seen
    if read_nothing and not result.failed:
        return NO_HIGHLIGHTS
    step, reason = draft_step(workspace, without)
    return f"next: ankiforge {step}, to {reason}" if step else ""


def belonging_line(ledger: Ledger) -> str:
    """Return how many passages belong to other tools, and what to do first; "" if none does."""
    tools = sorted(belonging.belonging(ledger).items())
    if not tools:
        return ""
    (first_tool, first_number), *others = tools
    belong = "note here belongs" if first_number == 1 else "notes here belong"
    parts = [f"{first_number:,} {belong} to {TITLES[first_tool]}"]
    for tool, number in others:
        parts.append(f"{number:,} to {TITLES[tool]}")
    return f"{' and '.join(parts)}: to keep their history, run `ankiforge adopt` first"


def _came_in(
    result: RunResult,
    workspace: WorkspaceFolder,
    counts: Mapping[str, Counter[str]] | None,
    proposed: int,
) -> Text:
    """Yield what the sources had and what became of it, what was accepted, and a model's cost.

    Args:
        result: the run.
        workspace: where it ran.
        counts: of what is in the ledger now, if the run brought news.
        proposed: the number of proposals that wait.
    """
    report = result.report
    if report is not None:
        numbers = {
            "new": len(report.new),
            "changed": len(report.changed),
            "moved": len(report.moved),
            "gone": len(report.gone),
            "no longer selected by the settings": report.unselected,
        }
        news = counts_text(numbers)
        what_was_found = f"{counted(report.seen, 'highlight')} found"
        if not report.seen:
            what_was_found = f"no highlights found{_in_files(report)}"
        if news:
            what_was_found += f" ({news})"
        elif report.seen:
            what_was_found += ", nothing new"
        if counts:
            yield from _became(result, counts, proposed, what_was_found)
        else:
            yield what_was_found
    made = ""
    if counts is None or not _is_all_by_policy(result, counts):
        made = _made_text(result)
    model = _model_text(result)
    if made or model:
        yield "; ".join(filter(None, (made, model)))
    without = _without_text(result, workspace)
    if without:
        yield without


# How files are called by their endings: one, and several.
_FILE_NAMES = {
    ".pdf": ("PDF", "PDFs"),
    ".md": ("note", "notes"),
    ".markdown": ("note", "notes"),
    ".qmd": ("note", "notes"),
    ".txt": ("text file", "text files"),
    ".ipynb": ("notebook", "notebooks"),
    ".canvas": ("canvas", "canvases"),
    ".tid": ("tiddler", "tiddlers"),
}


def _in_files(report: Report) -> str:
    """Return in how many files of which kind nothing was found, and how many were not read."""
    read = _files_text(report.files)
    unread = _files_text(report.unread_files)
    found_in = f" in {read}" if read else ""
    without = f"; {unread} could not be read, or only in part" if unread else ""
    return found_in + without


def _files_text(files: Mapping[str, int]) -> str:
    """Return how many files of which kind there are; "" if there are none."""
    numbers = Counter[Pair]()
    for ending, number in files.items():
        kind = f"{ending} file" if ending else "file"
        numbers[_FILE_NAMES.get(ending, (kind, f"{kind}s"))] += number
    parts = [counted(number, *names) for names, number in numbers.most_common() if number]
    return " and ".join(parts)


def _left_out_by_kind(report: Report, ledger: Ledger) -> Text:
    """Yield what of other programs was recognised and is not read, by kind.

    After a run that found no highlights, also that no PDF that was read has marks drawn into
    its pages.
    """
    if report.seen and not (report.new or report.changed):
        return
    entries = []
    for entry in overview.left_out(ledger):
        kind = entry.left_out.kind
        if kind in _TOLD_KINDS or kind.endswith(NO_EXPORT):
            entries.append(entry)
    parts = []
    for kind, number in Counter(entry.left_out.kind for entry in entries).items():
        files = {entry.document for entry in entries if entry.left_out.kind == kind}
        where = "" if kind.endswith(NO_EXPORT) else f", in {counted(len(files), 'file')}"
        parts.append(f"{number:,} × {kind}{where}")
    if parts:
        yield f"not read: {'; '.join(parts)} (ankiforge list --no-card --all)"
    has_drawn = any(entry.left_out.kind == DRAWN for entry in entries)
    if report.files.get(".pdf") and not report.seen and not has_drawn:
        pdfs = (
            "the PDFs that were read" if report.unread_files.get(".pdf") else "the PDFs"
        )
        yield f"{pdfs} have no annotations, and no marks are drawn into their pages either"


def _became(
    result: RunResult,
    counts: Mapping[str, Counter[str]],
    proposed: int,
    what_was_found: str,
) -> Text:
    """Yield what became of all highlights: each is counted once, and the numbers add up.

    Args:
        result: the run.
        counts: of what is in the ledger now.
        proposed: the number of proposals that wait.
        what_was_found: what the sources had, in words.
    """
    fates = counts["fates"]
    origin = " from your own questions" if _is_all_by_policy(result, counts) else ""
    left_out = "left out"
    if fates["left_out"] >= _MANY:
        left_out += " (why: ankiforge list --no-card --all)"
    what_waits = "with a draft that waits"
    if counts["waiting"]["questions"]:  # one of these may be about several drafts
        what_waits = "with a draft or a question that waits"
    numbers = {
        f"with a card{origin}": fates["carded"],
        f"proposed (the best ten: ankiforge {DECIDE})": proposed,
        what_waits: max(fates["waiting"] - proposed, 0),
        "with a draft that a check blocks": fates["blocked"],
        left_out: fates["left_out"],
        "kept without a card": sum(fates[fate] for fate in WITHOUT),
    }
    total = sum(numbers.values())
    became = counts_text(numbers)
    if result.report is not None and result.report.seen == total:
        yield f"{what_was_found}: {became}"
    else:
        yield what_was_found
        yield f"{counted(total, 'highlight')} in all: {became}"


def _is_all_by_policy(result: RunResult, counts: Mapping[str, Counter[str]]) -> bool:
    """Return whether all cards there are were accepted in this run, in the words of the source."""
    number = counts["fates"]["carded"]
    return result.usage is None and result.accepted == number and number < FLOOD


def _made_text(result: RunResult) -> str:
    """Return how many drafts were made and accepted; "" if there are none."""
    parts = []
    if result.proposed:
        parts.append(counted(result.proposed, "new proposal"))
    drafts = result.drafted - result.proposed
    if drafts:
        parts.append(counted(drafts, "new draft"))
    if result.accepted:
        parts.append(f"{counted(result.accepted, 'card')} accepted")
    if result.accepted == FLOOD:
        parts.append("the maximum per run")
    return ", ".join(parts)


def _model_text(result: RunResult) -> str:
    """Return how often the model was asked and what it cost; "" if it was not."""
    usage = result.usage
    if not usage or not usage.requests:
        return ""
    cost = cost_text(usage.cost_usd, local=usage.local)
    sent = f"{counted(usage.requests, 'request')} to the model"
    return f"{sent}, {counted(usage.characters, 'character')}: {cost}"


def _without_text(result: RunResult, workspace: WorkspaceFolder) -> str:
    """Return of how many highlights the model made no card; "" if it made one of each."""
    if not result.without:
        return ""
    asked = counted(result.asked, "highlight")
    hint = "why: ankiforge show ID -v"
    if not workspace.config.proposals:  # then there is no draft that has an id
        hint = "why: ankiforge list --no-card -v"
    return f"the model made no card for {result.without:,} of {asked} ({hint})"


def minutes_line(result: RunResult) -> str:
    """Return how many new cards fit into the minutes of the settings; "" if nobody asked."""
    if result.forecast is None:
        return ""
    from ankiforge.reports.intake import intake_line

    return intake_line(result.forecast, result.accepted_today)


def anki_line(result: RunResult, ledger: Ledger) -> str:
    """Return what a look at Anki found; "" if there is nothing to report."""
    scan = result.scan
    if scan is None:
        return ""
    if scan.blind:
        return "Anki could not be read, so no package was written"
    never_read = not ledger.get_setting("looked")
    if scan.state in ("nowhere", "off") and never_read:
        wrote = result.packages or any(planned.note for planned in result.planned)
        if not wrote:
            return ""
        reason = "No Anki collection found"
        if scan.state == "off":
            reason = "Anki is not read (anki.collection: none)"
        return f"{reason}, so the package contains every card."
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
    return f"in Anki: {'; '.join(parts)}" if parts else ""


def delivery_lines(result: RunResult) -> Text:
    """Yield what was written or pushed, and what was held back."""
    for published in result.published:
        if published.notes and result.pushed is None:
            yield _package_text(published)
        elif published.aside:
            name = published.aside.name
            yield f"nothing to import; the last package was renamed to {name}"
    if result.pushed:
        added, updated = result.pushed
        yield f"in Anki: {counted(added, 'new note')}, {updated:,} updated"
    held_notes = Counter(planned.held for planned in result.planned if planned.held)
    if held_notes:
        yield f"{counted(held_notes.total(), 'note')} held: {'; '.join(held_notes)}"


def _package_text(published: Published) -> str:
    """Return what a package has to import."""
    numbers = {
        "new": published.added,
        "updated": published.updated,
        "as before": published.as_before,
    }
    parts = counts_text(numbers)
    to_import = f"{published.path}: {counted(published.notes, 'note')} to import"
    return f"{to_import} ({parts})" if parts else to_import


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
        for question in ledger.questions():
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
    followed = [change for change in changes if not change.why]
    not_followed = [change for change in changes if change.why]
    ordered = [*followed, *not_followed]
    if not ordered:
        return
    parts = []
    if followed:
        parts.append(f"{counted(len(followed), 'card')} changed with the source")
    if not_followed:
        parts.append(f"{counted(len(not_followed), 'card')} kept the old words")
    shows_all = limit is None or len(ordered) <= limit
    end = ":" if shows_all else "; all: ankiforge list --view changed"
    yield f"{', '.join(parts)}{end}"
    for change in ordered[:limit]:
        yield f"  {change.guid[:10]}  {change.why or _difference(change)}"


def _difference(change: Change) -> str:
    """Return the fields that changed, old → new, from the words before the difference."""
    parts = []
    for _, old, new in change.words:
        old, new = _readable(old, new)
        alike = (left == right for left, right in zip(old, new, strict=False))
        same = sum(takewhile(bool, alike))
        # from the word before the one that differs
        this_word = max(old.rfind(" ", 0, same), 0)
        start = old.rfind(" ", 0, this_word) + 1
        parts.append(f"{_from(old, start)} → {_from(new, start)}")
    return "; ".join(parts)


def _readable(old: str, new: str) -> Pair:
    """Return old and new words as people read them; with their markup, if only that changed."""
    old_text = on_one_line(with_brackets(old))
    new_text = on_one_line(with_brackets(new))
    if old_text == new_text:
        return on_one_line(old), on_one_line(new)
    return old_text, new_text


def _from(text: str, start: int) -> str:
    shown = shortened(text[start:], WIDTH) or "(nothing)"
    return f"…{shown}" if start else shown


def _first_reasons_to_wait(reasons: Counter[str]) -> str:
    """Return the most frequent reasons to wait, in words."""
    from ankiforge.check import RULES
    from ankiforge.check.figures import MANY_LABELS, NO_LABEL

    words = {}
    for rule in RULES:
        # the rule itself, without what the finding is about
        words[rule.id] = rule.says.removesuffix(":").partition(": ")[0]
    words[NO_WARNING] = "no warning, so `ankiforge accept --all` takes them"
    words[OWN_ANSWER] = "the model chose the answer itself"
    words[NO_LABEL] = "a figure in which no label was found"
    words[MANY_LABELS] = "a figure with many labels"
    words[RemarkKind.FORM] = "lines like `a :: b` may be no cards"
    parts = []
    for reason, count in reasons.most_common(REASONS):
        parts.append(f"{count:,} × {words.get(reason, reason)}")
    text = "; ".join(parts)
    return f"{text}; …" if len(reasons) > REASONS else text
