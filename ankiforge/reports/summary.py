"""What a run came to, the state of a workspace and its statistics, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from ankiforge.config.workspace import WorkspaceFolder
from ankiforge.ledger import FLOOD, NO_WARNING, Ledger, Report
from ankiforge.model import (
    Change,
    Json,
    Pair,
    Problem,
    QuestionKind,
    RemarkKind,
    Strings,
    Value,
)
from ankiforge.pipeline.sources import open_source
from ankiforge.reports.cards import FATES, Text, attributes
from ankiforge.text import counted, dollars, on_one_line, percent, shortened, table
from ankiforge.text.tools import TITLES

if TYPE_CHECKING:
    from ankiforge.pipeline.result import RunResult

MOST_LINES = 12
"""How many lines a run prints for a person."""
SHOWN = 5
"""The number of changed cards that a run lists."""
WIDTH = 70
COUNTED = ("fates", "waiting", "reasons", "cards", "anki")
"""What the JSON of a run counts."""
REASONS = 3
"""The number of reasons to wait that a run names."""
IN_CONFLICT = "you changed it, too: whose words stay waits under Changed"
_TOLD = ("ignored", "failed", "carded", "waiting", "blocked")

# --- JSON -----------------------------------------------------------------------------------


def problem_json(problem: Problem) -> Json:
    """Return a problem as JSON."""
    return attributes(problem, "where what hint notice")


def delivery_json(tally: RunResult, ledger: Ledger) -> Json:
    """Return what came to packages or to Anki, and the problems: the object of `build` and `push`."""
    added, updated = tally.pushed or (
        sum(one.added for one in tally.published), sum(one.updated for one in tally.published),
    )  # fmt: skip
    return {
        "notes": {
            "written": sum(one.notes for one in tally.published),
            "added": added,
            "updated": updated,
            "held": sum(bool(one.held) for one in tally.planned),
            "missing": ledger.counts("anki")["anki"]["missing"],
            "conflicts": ledger.counts("waiting")["waiting"]["conflicts"],
            "tombstones": len(tally.scan.viewed.deleted) if tally.scan else 0,
        },
        "packages": [str(path) for path in tally.packages],
        "problems": [problem_json(one) for one in tally.problems],
    }


def as_json(tally: RunResult, ledger: Ledger) -> Json:
    """Return the object that `run` and `draft` print."""
    report, counts = tally.report or Report(), ledger.counts(*COUNTED)
    fates, verdicts, waits = counts["fates"], counts["cards"], counts["waiting"]
    new, changed = len(report.new), len(report.changed)
    none = [one.reason for one in ledger.fates() if one.fate in ("no_card", "undrafted")]
    changes = _changes_that_stand(tally, ledger)
    usage = "requests cached tokens_in tokens_out cost_usd"
    delivery = delivery_json(tally, ledger)
    return {
        "highlights": {
            "seen": report.seen, "new": new, "changed": changed, "gone": len(report.gone),
            "unchanged": max(report.seen - new - changed, 0),
        },
        "not_selected": report.unselected,
        "fates": {**{name: fates[name] for name in _TOLD}, "no_card": len(none)},
        "no_card": dict(Counter(none).most_common()),
        "waits": dict(counts["reasons"].most_common()),
        "cards": {
            "drafted": tally.drafted,
            "accepted": tally.accepted,
            "revised": sum(not one.why for one in changes),
            "accepted_in_all": verdicts["accepted"],
            "waiting": waits["new"],
            "blocked": waits["blocked"],
            "retired": verdicts["retired"],
            "revisions": waits["revisions"],
            "sourceless": counts["anki"]["sourceless"],
        },
        "changes": [
            {"guid": one.guid, "before": dict(one.before), "after": dict(one.after), "why": one.why}
            for one in changes
        ],
        "belonging": dict(ledger.belonging()),
        "questions": waits["conflicts"] + waits["questions"],
        "notes": delivery["notes"],
        "packages": delivery["packages"],
        "llm": {name: getattr(tally.usage, name, 0) for name in usage.split()},
        "problems": delivery["problems"],
    }  # fmt: skip


# --- text -----------------------------------------------------------------------------------


def as_text(
    tally: RunResult, ledger: Ledger, workspace: WorkspaceFolder, room: int | None = MOST_LINES
) -> list[str]:
    """Return the lines of a run for a person: what came in, what changed, what waits, what to do next.

    At most `room` lines, unless that leaves less than one changed card; None = all.
    """
    report = tally.report
    belong = belonging_line(ledger)
    before = list(_came_in(tally))
    if belong:
        before.insert(0, belong)
    after = [line for line in (anki_line(tally, ledger), *delivery_lines(tally)) if line]
    fresh = report is not None and bool(report.new or report.changed)
    counts = ledger.counts("waiting", *(["reasons"] if fresh else []))
    waits = counts["waiting"]
    without = waits["without"] if fresh else 0
    step, why = draft_step(workspace, without)
    parts = [waiting_text(waits), without_text(without)]
    if any(parts):
        after.append(f"in all, {' and '.join(filter(None, parts))}")
    if fresh and waits["new"]:
        after.append(f"they wait because: {_first_reasons(counts['reasons'])}")
    if tally.remembered:
        after.append(f"from now on, ankiforge run reads {first_of(tally.remembered)}, too")
    if belong:
        after.append("next: ankiforge adopt, or ankiforge adopt --decline")
    elif tally.accepted == FLOOD:
        after.append(f"next: ankiforge run, to accept more; then ankiforge {DECIDE}")
    elif waits_for_a_person(waits):
        after.append(f"next: ankiforge {DECIDE}")
    elif tally.packages:
        after.append(f"next: import {tally.packages[-1]} into Anki")
    elif report is not None and not report.seen and not tally.failed:
        after.append(
            "no highlights found. What counts: highlights and comments in PDFs and Zotero; in notes"
            " ==marks==, question::answer lines, {{gaps}} and glossary lists (docs/reading.md)"
        )
    elif step:
        after.append(f"next: ankiforge {step}, to {why}")
    most = None if room is None else min(SHOWN, max(room - len(before) - len(after) - 1, 1))
    return [*before, *_changes(_changes_that_stand(tally, ledger), most), *after]


def belonging_line(ledger: Ledger) -> str:
    """Return how many passages belong to other tools, and what to do first; "" if none does."""
    parts = [f"{number:,} to {TITLES[tool]}" for tool, number in sorted(ledger.belonging().items())]
    if not parts:
        return ""
    first, *others = parts
    number, _, tool = first.partition(" to ")
    belong = "note here belongs" if number == "1" else "notes here belong"
    said = " and ".join([f"{number} {belong} to {tool}", *others])
    return f"{said}: `ankiforge adopt` first keeps their history"


def _came_in(tally: RunResult) -> Text:
    if (report := tally.report) is not None:
        parts = {
            "new": len(report.new), "changed": len(report.changed), "moved": len(report.moved),
            "gone": len(report.gone), "no longer selected by the settings": report.unselected,
        }  # fmt: skip
        said = ", ".join(f"{number:,} {what}" for what, number in parts.items() if number)
        found = counted(report.seen, "highlight")
        yield f"{found} found ({said})" if said else f"{found} found, nothing new"
    model = ""
    if tally.usage and tally.usage.requests:
        cost = "price unknown" if tally.usage.cost_usd is None else dollars(tally.usage.cost_usd)
        model = f"; {counted(tally.usage.requests, 'request')} to the model: {cost}"
    accepted = f"{counted(tally.accepted, 'card')} accepted" if tally.accepted else ""
    if tally.accepted == FLOOD:
        accepted += ", the most at once"
    drafted = counted(tally.drafted, "draft") if tally.drafted else ""
    if said := ", ".join(filter(None, (drafted, accepted))) + model:
        yield said.removeprefix("; ")


def anki_line(tally: RunResult, ledger: Ledger) -> str:
    """Return what a look at Anki found; "" if there is nothing to tell."""
    scan = tally.scan
    if scan is None:
        return ""
    if scan.blind:
        return "Anki could not be read, so no package was written"
    if scan.state in ("nowhere", "off") and not ledger.get_setting("looked"):
        off = scan.state == "off"
        why = "Anki is not read (anki.collection: none)" if off else "No Anki collection found"
        written = tally.packages or any(one.note for one in tally.planned)
        return f"{why}, so the package holds every card." if written else ""
    found = scan.viewed
    became = {
        "deleted, not sent again": found.deleted,
        "back again": found.returned,
        "missing": found.missing,
        "dropped before, by its tag ankiforge::retired": found.retired,
    }
    said = "; ".join(
        f"{counted(len(notes), 'note')} {what}" for what, notes in became.items() if notes
    )
    return f"in Anki: {said}" if said else ""


def delivery_lines(tally: RunResult) -> Text:
    """Yield what was written or pushed, and what was held back."""
    for one in tally.published:
        if one.notes and tally.pushed is None:
            parts = {"new": one.added, "updated": one.updated, "as before": one.as_before}
            said = ", ".join(f"{number:,} {what}" for what, number in parts.items() if number)
            to_import = f"{one.path}: {counted(one.notes, 'note')} to import"
            yield f"{to_import} ({said})" if said else to_import
        elif one.aside:
            yield f"nothing to import; the last package was renamed to {one.aside.name}"
    if tally.pushed:
        yield f"in Anki: {counted(tally.pushed[0], 'new note')}, {tally.pushed[1]:,} updated"
    held = Counter(one.held for one in tally.planned if one.held)
    if held:
        yield f"{counted(held.total(), 'note')} held: {'; '.join(held)}"


def _changes_that_stand(tally: RunResult, ledger: Ledger) -> list[Change]:
    """Return the changes of a run; a card about whose words a question asks keeps its words until then."""
    questions = ledger.questions() if tally.changes else []
    asked = {guid for one in questions if one.kind is QuestionKind.CONFLICT for guid in one.guids}
    changes = []
    for change in tally.changes:
        if change.guid in asked:
            change = msgspec.structs.replace(change, why=IN_CONFLICT)
        changes.append(change)
    return changes


def _changes(changes: list[Change], most: int | None) -> Text:
    """Yield old → new words of changed cards: the first ones, and the command that shows all."""
    made, kept = [one for one in changes if not one.why], [one for one in changes if one.why]
    if changes:
        said = [f"{counted(len(made), 'card')} changed with the source"] if made else []
        said += [f"{counted(len(kept), 'card')} kept the old words"] if kept else []
        all_of_them = most is None or len(changes) <= most
        yield ", ".join(said) + (":" if all_of_them else "; all: ankiforge list --view changed")
    for one in (*made, *kept)[:most]:
        yield f"  {one.guid[:10]}  {one.why or _difference(one)}"


def _difference(change: Change) -> str:
    """Return the fields that changed, old → new, from the words before the difference."""
    said = []
    for _, *words in change.words:
        old, new = map(on_one_line, words)
        alike = (one == other for one, other in zip(old, new, strict=False))
        same = sum(takewhile(bool, alike))
        start = old.rfind(" ", 0, max(old.rfind(" ", 0, same), 0)) + 1
        said.append(f"{_from(old, start)} → {_from(new, start)}")
    return "; ".join(said)


def _from(text: str, start: int) -> str:
    shown = shortened(text[start:], WIDTH) or "(nothing)"
    return f"…{shown}" if start else shown


# --- the state of a workspace, and statistics -------------------------------------------------

DECIDE = "review"
"""The command with which a person decides on what waits."""

# --- shared by `run` and `status` -----------------------------------------------------------


LISTS = {"new": "draft", "changed": "change", "questions": "question"}
"""The lists of what waits for a person, and what an entry is called."""


def waits_for_a_person(waits: Mapping[str, int]) -> bool:
    """Return whether anything waits, given the counts of what waits."""
    return any(waits[name] for name in LISTS)


def waiting_text(waits: Mapping[str, int]) -> str:
    """Return what waits in a sentence; "" if nothing does."""
    *first, last = [counted(waits[one], word) for one, word in LISTS.items() if waits[one]] or [""]
    said = f"{', '.join(first)} and {last}" if first else last
    number = sum(waits[name] for name in LISTS)
    return f"{said} {'waits' if number == 1 else 'wait'} for you" if said else ""


def without_text(without: int) -> str:
    """Return how many highlights have neither a card nor a draft, and the command that lists them."""
    said = counted(without, "highlight has no card", "highlights have no card")
    return f"{said} (ankiforge list --no-card)" if without else ""


def _first_reasons(reasons: Counter[str]) -> str:
    """Return the most frequent reasons to wait, in words."""
    from ankiforge.check import RULES

    said = {rule.id: rule.says.rstrip(":").partition(":")[0] for rule in RULES}
    said[NO_WARNING] = "no warning, so `ankiforge accept --all` takes them"
    said[RemarkKind.FORM] = "lines like `a :: b` may be no cards"
    parts = [f"{count:,} × {said.get(reason, reason)}" for reason, count in reasons.most_common()]
    return "; ".join(parts[:REASONS]) + ("; …" if len(parts) > REASONS else "")


def first_of(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, and how many more there are."""
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left:,} more" if left > 0 else "")


def draft_step(workspace: WorkspaceFolder, without: int) -> Pair:
    """Return the command that drafts what has no card, and what it does; "" if there is nothing."""
    if not without:
        return "", ""
    if workspace.config.drafter == "llm":
        return "draft", "let the model draft the rest"
    return "draft export ask.md", "let any chatbot draft the rest"


# --- status ---------------------------------------------------------------------------------


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
    looked: str
    """When Anki was read last, in ISO 8601; "" if never."""
    next: str
    """The command to type next, without the name of the program."""
    why: str


def status_of(workspace: WorkspaceFolder, ledger: Ledger) -> Status:
    """Return the state of a workspace. Reads no source, and does not look at Anki.

    Raises:
        ConfigError: a source's settings are wrong; the next run would fail.
    """
    for entry in workspace.config.sources:
        open_source(workspace, entry, offline=True)
    counts = ledger.counts()
    fates, waits, cards, anki = (counts[name] for name in ("fates", "waiting", "cards", "anki"))
    seen = fates.total()
    names = (item.names.values() for item in workspace.remembered)
    todo, why = draft_step(workspace, waits["without"])
    if not seen:
        known = workspace.config.sources or workspace.remembered
        todo, why = "run" if known else "run PATH", "no highlight was found so far"
    elif any(ledger.belonging().values()):
        todo, why = "adopt", "keep the history that other tools have"
    elif waits_for_a_person(waits):
        todo, why = DECIDE, "decide on what waits"
    elif anki["none"]:
        todo, why = "build", f"{counted(anki['none'], 'accepted card')} not in a package yet"
    return Status(
        str(workspace.root),
        tuple(sorted({one.name for one in workspace.config.sources}.union(*names))),
        tuple(one.path for one in workspace.remembered),
        {"seen": seen, "without": waits["without"], "left_out": fates["ignored"]},
        {
            "accepted": cards["accepted"], "waiting": waits["new"], "blocked": waits["blocked"],
            "revisions": waits["revisions"], "rejected": cards["rejected"],
            "retired": cards["retired"], "sourceless": anki["sourceless"],
        },
        anki["none"], {name: waits[name] for name in LISTS}, ledger.get_setting("looked"), todo or "run", why or "read what is new",
    )  # fmt: skip


def status_text(status: Status) -> Text:
    """Yield the lines of `status`."""
    yield f"{status.workspace}: {first_of(status.sources) or 'no sources yet'}"
    if status.remembered:
        yield f"  remembered: {first_of(status.remembered)}"
    parts = [counted(status.highlights["seen"], "highlight")]
    if left_out := status.highlights["left_out"]:
        parts.append(f"{left_out:,} left out")
    if without := status.highlights["without"]:
        parts.append(f"{without:,} without a card (ankiforge list --no-card)")
    yield f"  {', '.join(parts)}"
    unsent = f", {status.unsent:,} in no package yet" if status.unsent else ""
    yield f"  {counted(status.cards['accepted'], 'accepted card')}{unsent}"
    looked = f"last read {status.looked[:16].replace('T', ' ')} UTC" if status.looked else "not read yet"  # fmt: skip
    yield f"  Anki: {looked}"
    if status.cards["sourceless"]:
        gone = counted(status.cards["sourceless"], "passage is gone", "passages are gone")
        yield f"  {gone}, and their cards stay: ankiforge list finding:source_gone"
    if said := waiting_text(status.waiting):
        yield f"  {said}"
    yield f"next: ankiforge {status.next}   ({status.why})"


# --- stats ----------------------------------------------------------------------------------

WEEKS = 26
"""The number of weeks that the heat map shows."""
_SHADES = " ░▒▓█"
# The type of an answer to a card in review, in Anki's log.
_ANSWER = 1


class Group(msgspec.Struct):
    """How the cards of one source, document or drafter fare in Anki."""

    name: str
    notes: int = 0
    reviews: int = 0
    tested: int = 0
    """Answers to cards in review."""
    remembered: int = 0
    leeches: int = 0
    retention: float | None = None
    """The share of remembered answers (0 to 1); None without any."""


class Statistics(msgspec.Struct):
    """All figures, with the keys of `stats --json`."""

    today: date
    funnel: Json
    anki: Group
    by: dict[str, list[Group]]
    """Groups by source, document and drafter, those with most reviews first."""
    days: Counter[date] = msgspec.field(default_factory=Counter)
    """Reviews by day."""

    def as_json(self) -> Json:
        """Return the object of `stats --json`."""
        days = {day.isoformat(): count for day, count in sorted(self.days.items())}
        return {**msgspec.to_builtins(self), "days": days}


def statistics(ledger: Ledger, now: datetime) -> Statistics:
    """Collect all figures; `now` is the current time, in local time."""
    counts, whole, days = ledger.counts(), Group("all"), Counter[date]()
    groups: dict[str, dict[str, Group]] = {"source": {}, "document": {}, "drafter": {}}
    of_card = {}
    for card in ledger.cards():
        document, origin = card.highlight.document, card.origin
        names = {
            "source": document.source,
            "document": document.title,
            "drafter": origin.model or origin.drafter.partition(":")[0],
        }
        named = [groups[kind].setdefault(name, Group(name)) for kind, name in names.items()]
        of_card[card.guid] = [whole, *named]
    for note in ledger.notes():
        for group in of_card.get(note.guid, ()):
            group.notes += 1
            group.leeches += note.leech
    for one in ledger.reviews():
        if not one.ease:
            continue
        days[datetime.fromtimestamp(one.id / 1000).date()] += 1
        for group in of_card.get(one.guid, ()):
            group.reviews += 1
            group.tested += one.type == _ANSWER
            group.remembered += one.type == _ANSWER and one.ease > 1
            group.retention = group.remembered / group.tested if group.tested else None
    by = {
        kind: sorted(found.values(), key=lambda one: (-one.reviews, -one.notes, one.name))
        for kind, found in groups.items()
    }
    ranked = counts["fates"].most_common()
    fates = {name: count for name, count in ranked if count and name in FATES}
    funnel = {
        "highlights": sum(fates.values()),
        "fates": fates,
        "drafts": counts["waiting"]["new"] + counts["waiting"]["revisions"],
        "accepted": counts["cards"]["accepted"],
        "in_anki": whole.notes,
    }
    return Statistics(now.date(), funnel, whole, by, days)


def stats_text(found: Statistics, most: int | None, width: int) -> Text:
    """Yield the figures as lines; of each kind of group at most `most`."""
    funnel, whole = found.funnel, found.anki
    yield (
        f"{counted(funnel['highlights'], 'highlight')} · {counted(funnel['drafts'], 'draft')} waiting"
        f" · {counted(funnel['accepted'], 'card')} accepted · {funnel['in_anki']:,} in Anki"
    )
    for fate, count in funnel["fates"].items():
        yield f"{count:8,} {FATES[fate]}"
    if not whole.reviews:
        return
    leeches = counted(whole.leeches, "leech", "leeches")
    yield ""
    yield f"{counted(whole.reviews, 'review')}; {leeches}"
    for kind, groups in found.by.items():
        heads = (kind, "notes", "reviews", "remembered", "leeches")
        yield ""
        yield from table(heads, [_row(one) for one in groups if one.reviews][:most], width)
    yield ""
    yield from _heat_map(found.days, found.today)


def _row(group: Group) -> Strings:
    kept = percent(group.retention)
    return (group.name, f"{group.notes:,}", f"{group.reviews:,}", kept, f"{group.leeches:,}")


def _heat_map(days: Mapping[date, int], today: date) -> Text:
    """Yield the reviews of the last weeks as a grid: a column for each week, a row for each weekday."""
    first = today - timedelta(days=today.weekday() + 7 * (WEEKS - 1))
    most = max((count for day, count in days.items() if day >= first), default=0)
    for weekday, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")):
        counts = [days.get(first + timedelta(7 * week + weekday), 0) for week in range(WEEKS)]
        shades = [count and 1 + (len(_SHADES) - 2) * count // most for count in counts]
        yield f"{name} {''.join(_SHADES[shade] for shade in shades)}".rstrip()
    yield f"the last {WEEKS} weeks; {_SHADES[-1]} is up to {counted(most, 'review')} a day"
