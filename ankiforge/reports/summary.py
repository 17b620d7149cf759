"""What a run came to, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ankiforge.ledger import FLOOD, Ledger, Report
from ankiforge.model import Change, Problem
from ankiforge.reports.cards import attributes
from ankiforge.reports.status import DECIDE, draft_step, first_of, waiting, waiting_text
from ankiforge.text import counted, dollars, on_one_line, shortened

if TYPE_CHECKING:
    from ankiforge.app import Tally
    from ankiforge.config.workspace import Workspace

MOST_LINES = 12
"""How many lines a run prints for a person."""
SHOWN = 5
"""The number of changed cards that a run lists."""
WIDTH = 70
FATES = ("ignored", "failed", "carded", "waiting", "blocked")

# --- JSON -----------------------------------------------------------------------------------


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON."""
    return attributes(problem, "where what hint notice")


def delivery_json(tally: Tally, ledger: Ledger) -> dict[str, Any]:
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
            "conflicts": sum(one.kind == "conflict" for one in ledger.questions()),
            "tombstones": len(tally.look.viewed.deleted) if tally.look else 0,
        },
        "packages": [str(path) for path in tally.packages],
        "problems": [problem_json(one) for one in tally.problems],
    }


def as_json(tally: Tally, ledger: Ledger) -> dict[str, Any]:
    """Return the object that `run` and `draft` print."""
    report, counts = tally.report or Report(), ledger.counts()
    fates, verdicts, drafts = counts["fates"], counts["cards"], counts["drafts"]
    new, changed = len(report.new), len(report.changed)
    none = [one.reason for one in ledger.fates() if one.fate in ("no_card", "undrafted")]
    usage = "requests cached tokens_in tokens_out cost_usd"
    delivery = delivery_json(tally, ledger)
    return {
        "highlights": {
            "seen": report.seen, "new": new, "changed": changed, "gone": len(report.gone),
            "unchanged": max(report.seen - new - changed, 0),
        },
        "not_selected": report.unselected,
        "fates": {**{name: fates[name] for name in FATES}, "no_card": len(none)},
        "no_card": dict(Counter(none).most_common()),
        "cards": {
            "drafted": tally.drafted,
            "accepted": tally.accepted,
            "revised": sum(not one.why for one in tally.changes),
            "ready": verdicts["accepted"],
            "waiting": drafts["new"] + drafts["revision"],
            "blocked": drafts["blocked"],
            "retired": verdicts["retired"],
            "revisions": drafts["revision"],
            "sourceless": counts["anki"]["sourceless"],
        },
        "changes": [
            {"guid": one.guid, "before": dict(one.before), "after": dict(one.after), "why": one.why}
            for one in tally.changes
        ],
        "questions": len(ledger.questions()),
        "notes": delivery["notes"],
        "packages": delivery["packages"],
        "llm": {name: getattr(tally.usage, name, 0) for name in usage.split()},
        "problems": delivery["problems"],
    }  # fmt: skip


# --- text -----------------------------------------------------------------------------------


def as_text(
    tally: Tally, ledger: Ledger, workspace: Workspace, room: int | None = MOST_LINES
) -> list[str]:
    """Return the lines of a run for a person: what came in, what changed, what waits, what to do next.

    At most `room` lines, unless that leaves less than one changed card; None = all.
    """
    waits, report = waiting(ledger), tally.report
    before = list(_came_in(tally))
    after = [line for line in (anki_line(tally, ledger), *delivery_lines(tally)) if line]
    fresh = report is not None and bool(report.new or report.changed)
    fates = ledger.counts("fates")["fates"] if fresh else Counter[str]()
    none = fates["no_card"] + fates["undrafted"] if fresh else 0
    said = counted(none, "highlight has no card", "highlights have no card")
    parts = [waiting_text(waits), f"{said} (ankiforge list --no-card)" if none else ""]
    if any(parts):
        after.append(f"in all, {' and '.join(filter(None, parts))}")
    if tally.remembered:
        after.append(f"from now on, ankiforge run reads {first_of(tally.remembered)}, too")
    if any(waits.values()):
        after.append(f"next: ankiforge {DECIDE}")
    elif tally.packages:
        after.append(f"next: import {tally.packages[-1]} into Anki")
    elif report is not None and not report.seen and not tally.failed:
        after.append(
            "no highlights found. What counts: highlights and comments in PDFs and Zotero; in notes"
            " ==marks==, question::answer lines, {{gaps}} and glossary lists (docs/reading.md)"
        )
    elif fresh and (step := draft_step(workspace, fates)[0]):
        after.append(f"next: ankiforge {step}, to {draft_step(workspace, fates)[1]}")
    most = None if room is None else min(SHOWN, max(room - len(before) - len(after) - 1, 1))
    return [*before, *_changes(tally.changes, most), *after]


def _came_in(tally: Tally) -> Iterator[str]:
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
        accepted += ", the most at once; the next run accepts more"
    drafted = counted(tally.drafted, "draft") if tally.drafted else ""
    if said := ", ".join(filter(None, (drafted, accepted))) + model:
        yield said.removeprefix("; ")


def anki_line(tally: Tally, ledger: Ledger) -> str:
    """Return what a look at Anki found; "" if there is nothing to tell."""
    look = tally.look
    if look is None:
        return ""
    if look.blind:
        return "Anki could not be read, so no package was written"
    if look.sight in ("nowhere", "off") and not ledger.memo("looked"):
        off = look.sight == "off"
        why = "Anki is not read (anki.collection: none)" if off else "No Anki collection found"
        written = tally.packages or any(one.note for one in tally.planned)
        return f"{why}, so the package holds every card." if written else ""
    found = look.viewed
    parts = [
        f"{counted(len(found.deleted), 'note')} deleted, not sent again" if found.deleted else "",
        f"{counted(len(found.returned), 'note')} back again" if found.returned else "",
        f"{counted(len(found.missing), 'note')} missing" if found.missing else "",
    ]
    said = "; ".join(part for part in parts if part)
    return f"in Anki: {said}" if said else ""


def delivery_lines(tally: Tally) -> Iterator[str]:
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


def _changes(changes: list[Change], most: int | None) -> Iterator[str]:
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
    before, after, said = dict(change.before), dict(change.after), []
    for name in dict.fromkeys((*before, *after)):
        old, new = on_one_line(before.get(name, "")), on_one_line(after.get(name, ""))
        if old != new:
            alike = (one == other for one, other in zip(old, new, strict=False))
            same = sum(takewhile(bool, alike))
            start = old.rfind(" ", 0, max(old.rfind(" ", 0, same), 0)) + 1
            said.append(f"{_from(old, start)} → {_from(new, start)}")
    return "; ".join(said)


def _from(text: str, start: int) -> str:
    shown = shortened(text[start:], WIDTH) or "(nothing)"
    return f"…{shown}" if start else shown
