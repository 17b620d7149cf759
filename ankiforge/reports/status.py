"""What waits and what to run next (`status`); what became of everything (`stats`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from ankiforge.app import open_source
from ankiforge.config.workspace import Workspace
from ankiforge.ledger import Ledger
from ankiforge.reports.cards import FATES
from ankiforge.text import counted, percent, table

DECIDE = "review"
"""The command with which a person decides on what waits."""

# --- shared by `run` and `status` -----------------------------------------------------------


def waiting(ledger: Ledger) -> dict[str, int]:
    """Count what waits for a person, by the list that shows it."""
    drafts, questions = ledger.counts("drafts")["drafts"], ledger.questions()
    conflicts = sum(one.kind == "conflict" for one in questions)
    return {
        "new": drafts["new"] + drafts["blocked"],
        "changed": drafts["revision"] + conflicts,
        "questions": len(questions) - conflicts,
    }


def waiting_text(waits: Mapping[str, int]) -> str:
    """Return what waits in a sentence; "" if nothing does."""
    parts = [
        counted(waits["new"], "draft") if waits["new"] else "",
        counted(waits["changed"], "change") if waits["changed"] else "",
        counted(waits["questions"], "question") if waits["questions"] else "",
    ]
    *first, last = [part for part in parts if part] or [""]
    said = f"{', '.join(first)} and {last}" if first else last
    return f"{said} {'waits' if sum(waits.values()) == 1 else 'wait'} for you" if said else ""


def first_of(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, and how many more there are."""
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left:,} more" if left > 0 else "")


def draft_step(workspace: Workspace, fates: Counter[str]) -> tuple[str, str]:
    """Return the command that drafts what has no card, and what it does; "" if there is nothing."""
    if fates["no_card"] + fates["undrafted"] <= fates["decided"]:
        return "", ""
    if workspace.config.drafter == "llm":
        return "draft", "let the model draft the rest"
    return "draft export ask.md", "let any chatbot draft the rest"


# --- status ---------------------------------------------------------------------------------


class Status(msgspec.Struct, frozen=True):
    """The state of a workspace, with the keys of `status --json`."""

    workspace: str
    sources: tuple[str, ...]
    """The names of the sources in the settings and of the remembered ones."""
    remembered: tuple[str, ...]
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


def status_of(workspace: Workspace, ledger: Ledger) -> Status:
    """Return the state of a workspace. Reads no source, and does not look at Anki.

    Raises:
        ConfigError: a source's settings are wrong; the next run would fail.
    """
    for entry in workspace.config.sources:
        open_source(workspace.config, entry, offline=True)
    counts, waits = ledger.counts(), waiting(ledger)
    fates, drafts, cards, anki = (counts[name] for name in ("fates", "drafts", "cards", "anki"))
    seen = fates.total() - fates["decided"]
    names = (item.names.values() for item in workspace.remembered)
    todo, why = draft_step(workspace, fates)
    if not seen:
        known = workspace.config.sources or workspace.remembered
        todo, why = "run" if known else "run PATH", "no highlight was found so far"
    elif any(waits.values()):
        todo, why = DECIDE, "decide on what waits"
    elif anki["none"]:
        todo, why = "build", f"{counted(anki['none'], 'accepted card')} not in a package yet"
    return Status(
        str(workspace.root),
        tuple(sorted({one.name for one in workspace.config.sources}.union(*names))),
        tuple(one.path for one in workspace.remembered),
        {"seen": seen, "without": seen - fates["carded"]},
        {
            "ready": cards["accepted"], "waiting": drafts["new"], "blocked": drafts["blocked"],
            "revisions": drafts["revision"], "rejected": cards["rejected"],
            "retired": cards["retired"], "sourceless": anki["sourceless"],
        },
        anki["none"], waits, ledger.memo("looked"), todo or "run", why or "read what is new",
    )  # fmt: skip


def status_text(status: Status) -> Iterator[str]:
    """Yield the lines of `status`."""
    yield f"{status.workspace}: {first_of(status.sources) or 'no sources yet'}"
    if status.remembered:
        yield f"  remembered: {first_of(status.remembered)}"
    without = status.highlights["without"]
    rest = f", {without:,} without an accepted card" if without else ""
    yield f"  {counted(status.highlights['seen'], 'highlight')}{rest}"
    unsent = f", {status.unsent:,} in no package yet" if status.unsent else ""
    yield f"  {counted(status.cards['ready'], 'accepted card')}{unsent}"
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
_ANSWER = 1
"""The type of an answer to a card in review, in Anki's log."""


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
    funnel: dict[str, Any]
    anki: Group
    by: dict[str, list[Group]]
    """Groups by source, document and drafter, those with most reviews first."""
    days: Counter[date] = msgspec.field(default_factory=Counter)
    """Reviews by day."""

    def as_json(self) -> dict[str, Any]:
        """Return the object of `stats --json`."""
        days = {day.isoformat(): count for day, count in sorted(self.days.items())}
        return {**msgspec.to_builtins(self), "days": days}


def statistics(ledger: Ledger, now: datetime) -> Statistics:
    """Collect all figures; `now` is the current time, in local time."""
    counts, whole, days = ledger.counts(), Group("all"), Counter[date]()
    groups: dict[str, dict[str, Group]] = {"source": {}, "document": {}, "drafter": {}}
    of_card: dict[str, list[Group]] = {}
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
            group.leeches += "leech" in map(str.casefold, note.tags)
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
        "drafts": counts["drafts"].total(),
        "accepted": counts["cards"]["accepted"],
        "in_anki": whole.notes,
    }
    return Statistics(now.date(), funnel, whole, by, days)


def stats_text(found: Statistics, most: int | None, width: int) -> Iterator[str]:
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


def _row(group: Group) -> tuple[str, ...]:
    kept = percent(group.retention)
    return (group.name, f"{group.notes:,}", f"{group.reviews:,}", kept, f"{group.leeches:,}")


def _heat_map(days: Mapping[date, int], today: date) -> Iterator[str]:
    """Yield the reviews of the last weeks as a grid: a column for each week, a row for each weekday."""
    first = today - timedelta(days=today.weekday() + 7 * (WEEKS - 1))
    most = max((count for day, count in days.items() if day >= first), default=0)
    for weekday, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")):
        counts = [days.get(first + timedelta(7 * week + weekday), 0) for week in range(WEEKS)]
        shades = [count and 1 + (len(_SHADES) - 2) * count // most for count in counts]
        yield f"{name} {''.join(_SHADES[shade] for shade in shades)}".rstrip()
    yield f"the last {WEEKS} weeks; {_SHADES[-1]} is up to {counted(most, 'review')} a day"
