"""The result of a run, as text and as JSON: what came in, what changed, what was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from ankiforge.config.workspace import WorkspaceFolder
from ankiforge.ledger import (
    FLOOD,
    NO_WARNING,
    WITHOUT,
    Ledger,
    Report,
    belonging,
    overview,
    questions,
)
from ankiforge.model import (
    CODE_AND_MATHS,
    DRAWN,
    LOGSEQ_CARD,
    LOGSEQ_MARK,
    NO_EXPORT,
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
"""The states of a passage, in words."""
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
    """Return the notes in packages or in Anki, and the problems: `build --json`, `push --json`."""
    if result.pushed:
        added, updated = result.pushed
    else:
        added = sum(published.added for published in result.published)
        updated = sum(published.updated for published in result.published)
    intake: Json | None = None
    if result.forecast is not None:
        from ankiforge.reports.intake import intake_json

        intake = intake_json(result.forecast)
        del intake["forecast"]  # a line for each day
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
        "intake": intake,
    }


def as_json(result: RunResult, ledger: Ledger, workspace: WorkspaceFolder) -> Json:
    """Return the object that `run` and `draft` print."""
    counts = overview.counts(ledger, *COUNTED)
    fates = counts["fates"]
    verdicts = counts["cards"]
    waits = counts["waiting"]
    reasons = _reasons_for_no_card(ledger)
    changes = _changes_that_stand(result, ledger, workspace)
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
        "changes": [
            {
                "guid": change.guid,
                "before": dict(change.before),
                "after": dict(change.after),
                "why": change.why,
            }
            for change in changes
        ],
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


def as_text(
    result: RunResult,
    ledger: Ledger,
    workspace: WorkspaceFolder,
    room: int | None = MOST_LINES,
    *,
    names_next: bool = True,
    offer: str = "",
) -> list[str]:
    """Return the lines of a run for a person.

    Args:
        result: the run.
        ledger: the ledger.
        workspace: where it ran.
        room: the number of lines, unless that leaves less than one changed card; None = all.
        names_next: whether the last line names the next command.
        offer: a line about a model that could draft; "" for none.
    """
    report = result.report
    is_news = report is not None and bool(report.new or report.changed)
    # if nothing came in, the contents of the ledger are not reported again
    counts = overview.counts(ledger, "waiting")
    proposed = 0
    if is_news:
        counts = overview.counts(ledger, "fates", "waiting", "reasons")
        proposed = overview.proposed(ledger, overview.order(ledger).new)
    waits = counts["waiting"]
    without = waits["without"] if is_news else 0

    tools = _belonging_line(ledger)
    before = [tools] if tools else []
    before += _came_in(result, counts, proposed, is_news=is_news)
    if result.without:
        # without proposals, there is no draft that has an id
        why = "show ID -v" if workspace.config.proposals else "list --no-card -v"
        asked = counted(result.asked, "highlight")
        made_none = f"the model made no card for {result.without:,} of {asked}"
        before.append(f"{made_none} (why: ankiforge {why})")
    if report is not None and (is_news or not report.seen):
        before += _not_read_lines(report, ledger)
    if room is None:
        before += _standing_lines(ledger)
    if without:
        before.append(_without_line(ledger, without))

    after = [anki_line(result, ledger), *delivery_lines(result), minutes_line(result)]
    after += _waiting_lines(counts, proposed)
    if result.remembered:
        names = first_of(result.remembered)
        after.append(f"from now on, ankiforge run reads {names}, too")
    after.append(offer)
    if names_next:
        after.append(_next_line(result, workspace, waits, without, tools=bool(tools)))
    after = [line for line in after if line]

    limit = None
    if room is not None:
        lines_left = room - len(before) - len(after) - 1
        limit = min(SHOWN, max(lines_left, 1))
    changes = _changes(_changes_that_stand(result, ledger, workspace), limit)
    return [*before, *changes, *after]


def _belonging_line(ledger: Ledger) -> str:
    """Return how many passages belong to other tools, and the command for them; "" if none does."""
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
    counts: Mapping[str, Counter[str]],
    proposed: int,
    *,
    is_news: bool,
) -> Text:
    """Yield the highlights of the sources, the cards made of them, and the cost of a model.

    Args:
        result: the run.
        counts: of the ledger; with news, also of all highlights by their fates.
        proposed: the number of proposals that wait.
        is_news: whether highlights are new or changed.
    """
    report = result.report
    fates = counts.get("fates", Counter())
    # whether every card was accepted in this run, in the words of its source
    carded = fates["carded"]
    by_policy = result.usage is None and result.accepted == carded and carded < FLOOD
    by_policy = by_policy and is_news
    if report is not None:
        news = counts_text(
            {
                "new": len(report.new),
                "changed": len(report.changed),
                "moved": len(report.moved),
                "gone": len(report.gone),
                "no longer selected by the settings": report.unselected,
            }
        )
        found = f"{counted(report.seen, 'highlight')} found"
        if not report.seen:
            files = _files_text(report.files)
            unread = _files_text(report.unread_files)
            found = f"no highlights found in {files}" if files else "no highlights found"
            if unread:
                found += f"; {unread} could not be read, or only in part"
        if news:
            found += f" ({news})"
        elif report.seen:
            found += ", nothing new"
        # each highlight is counted once, and the numbers add up
        left_out = "left out"
        if fates["left_out"] >= _MANY:
            left_out += " (why: ankiforge list --no-card --all)"
        waiting = "with a draft that waits"
        if counts["waiting"]["questions"]:  # one of these may be about several drafts
            waiting = "with a draft or a question that waits"
        origin = " from your own questions" if by_policy else ""
        numbers = {
            f"with a card{origin}": carded,
            f"proposed (the best ten: ankiforge {DECIDE})": proposed,
            waiting: max(fates["waiting"] - proposed, 0),
            "with a draft that a check blocks": fates["blocked"],
            left_out: fates["left_out"],
            "kept without a card": sum(fates[fate] for fate in WITHOUT),
        }
        total = sum(numbers.values())
        if not is_news:
            yield found
        elif report.seen == total:
            yield f"{found}: {counts_text(numbers)}"
        else:
            yield found
            yield f"{counted(total, 'highlight')} in all: {counts_text(numbers)}"

    parts = []
    if not by_policy:
        drafts = result.drafted - result.proposed
        if result.proposed:
            parts.append(counted(result.proposed, "new proposal"))
        if drafts:
            parts.append(counted(drafts, "new draft"))
        if result.accepted:
            parts.append(f"{counted(result.accepted, 'card')} accepted")
        if result.accepted == FLOOD:
            parts.append("the maximum per run")
    made = ", ".join(parts)
    usage = result.usage
    asked = ""
    if usage and usage.requests:
        cost = cost_text(usage.cost_usd, local=usage.local)
        sent = f"{counted(usage.requests, 'request')} to the model"
        asked = f"{sent}, {counted(usage.characters, 'character')}: {cost}"
    if made or asked:
        yield "; ".join(filter(None, (made, asked)))


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


def _files_text(files: Mapping[str, int]) -> str:
    """Return how many files of which kind there are; "" if there are none."""
    numbers = Counter[Pair]()
    for ending, number in files.items():
        kind = f"{ending} file" if ending else "file"
        numbers[_FILE_NAMES.get(ending, (kind, f"{kind}s"))] += number
    parts = [counted(number, *names) for names, number in numbers.most_common() if number]
    return " and ".join(parts)


def _not_read_lines(report: Report, ledger: Ledger) -> Text:
    """Yield the marks of other programs that are not read, by kind.

    After a run that found no highlights, also that no PDF that was read has marks drawn into
    its pages.
    """
    numbers = Counter[str]()
    files: dict[str, set[str]] = {}
    for entry in overview.left_out(ledger):
        kind = entry.left_out.kind
        if kind in _TOLD_KINDS or kind.endswith(NO_EXPORT):
            numbers[kind] += 1
            files.setdefault(kind, set()).add(entry.document)
    parts = []
    for kind, number in numbers.items():
        part = f"{number:,} × {kind}"
        if not kind.endswith(NO_EXPORT):
            part += f", in {counted(len(files[kind]), 'file')}"
        parts.append(part)
    if parts:
        yield f"not read: {'; '.join(parts)} (ankiforge list --no-card --all)"
    if report.files.get(".pdf") and not report.seen and DRAWN not in numbers:
        pdfs = "the PDFs"
        if report.unread_files.get(".pdf"):
            pdfs = "the PDFs that were read"
        yield f"{pdfs} have no annotations, and no marks are drawn into their pages either"


def _standing_lines(ledger: Ledger) -> Text:
    """Yield the states of all passages, each counted once, and the number of lookalikes."""
    standings = overview.counts(ledger, "passages")["passages"]
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


def _without_line(ledger: Ledger, without: int) -> str:
    """Return the first reasons why highlights have no card, and the commands for them."""
    reasons = Counter[str]()
    for reason, number in _reasons_for_no_card(ledger, failed=True).items():
        in_short = reason.partition(":")[0]
        reasons[in_short] += number
    parts = []
    others = reasons.total()
    for reason, number in reasons.most_common(REASONS):
        parts.append(f"{number:,} × {reason}")
        others -= number
    if others:
        parts.append(f"{others:,} for other reasons")
    commands = "ankiforge list --no-card"
    if without >= _MANY:
        commands += '; to settle all of one reason: ankiforge skip --because "REASON"'
    return f"without a card: {', '.join(parts)} ({commands})"


def _waiting_lines(counts: Mapping[str, Counter[str]], proposed: int) -> Text:
    """Yield the number of entries that wait for the person, and the first reasons to wait."""
    waits = counts["waiting"]
    waiting = sum(waits[name] for name in LISTS)
    text = waiting_text(waits)
    if text and proposed != waiting:
        yield f"in all, {text}"
    reasons = Counter(counts.get("reasons", Counter()))
    del reasons[PROPOSE]
    if not reasons:
        return
    from ankiforge.check import RULES
    from ankiforge.check.figures import MANY_LABELS, NO_LABEL

    words = {}
    for rule in RULES:
        # the rule itself, without the words that the finding is about
        words[rule.id] = rule.says.removesuffix(":").partition(": ")[0]
    words[NO_WARNING] = "no warning, so `ankiforge accept --all` takes them"
    words[NO_LABEL] = "a figure in which no label was found"
    words[MANY_LABELS] = "a figure with many labels"
    words[RemarkKind.FORM] = "lines like `a :: b` may be no cards"
    parts = []
    for reason, count in reasons.most_common(REASONS):
        parts.append(f"{count:,} × {words.get(reason, reason)}")
    if len(reasons) > REASONS:
        parts.append("…")
    number = reasons.total()
    them = "it waits" if number == waiting == 1 else "they wait"
    if number < waiting:
        them = "1 of them waits" if number == 1 else f"{number:,} of them wait"
    yield f"{them} because: {'; '.join(parts)}"


def _next_line(
    result: RunResult,
    workspace: WorkspaceFolder,
    waits: Counter[str],
    without: int,
    *,
    tools: bool,
) -> str:
    """Return the line with the next command; "" if there is nothing to do.

    Args:
        result: the run.
        workspace: where it ran.
        waits: the counts of the lists of a person.
        without: the number of highlights without a card or draft, if the run brought
            news.
        tools: whether passages belong to other tools.
    """
    if tools:
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


def minutes_line(result: RunResult) -> str:
    """Return how many new cards fit into the minutes of the settings; "" if nobody asked."""
    if result.forecast is None:
        return ""
    from ankiforge.reports.intake import intake_line

    return intake_line(result.forecast, result.accepted_today)


def anki_line(result: RunResult, ledger: Ledger) -> str:
    """Return the changes seen in Anki; "" if there is nothing to report."""
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
    """Yield the packages or pushed notes, and the notes that are held."""
    for published in result.published:
        if published.notes and result.pushed is None:
            to_import = f"{published.path}: {counted(published.notes, 'note')} to import"
            parts = counts_text(
                {
                    "new": published.added,
                    "updated": published.updated,
                    "as before": published.as_before,
                }
            )
            yield f"{to_import} ({parts})" if parts else to_import
        elif published.aside:
            name = published.aside.name
            yield f"nothing to import; the last package was renamed to {name}"
    if result.pushed:
        added, updated = result.pushed
        yield f"in Anki: {counted(added, 'new note')}, {updated:,} updated"
    held_notes = Counter(planned.held for planned in result.planned if planned.held)
    if held_notes:
        yield f"{counted(held_notes.total(), 'note')} held: {'; '.join(held_notes)}"


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
        yield f"  {change.guid[:10]}  {change.why or '; '.join(differences)}"


def _from(text: str, start: int) -> str:
    shown = shortened(text[start:], WIDTH) or "(nothing)"
    return f"…{shown}" if start else shown
