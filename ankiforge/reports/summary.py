"""What a run came to, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ankiforge.ledger import Ledger, Report
from ankiforge.model import Change, Problem
from ankiforge.text.display import counted, dollars, on_one_line, shortened

if TYPE_CHECKING:
    from ankiforge.anki.plan import Planned
    from ankiforge.deliver import Look, Published
    from ankiforge.draft.budget import Usage
    from ankiforge.run import Progress

SHOWN = 5
"""The number of changed cards, and of reasons, that a run lists."""
WIDTH = 70
FATES = ("ignored", "failed", "carded", "waiting", "blocked", "no_card")


@dataclass
class Tally:
    """The totals of a run, collected step by step."""

    report: Report | None = None
    drafted: int = 0
    accepted: int = 0
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    look: Look | None = None
    planned: list[Planned] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    pushed: tuple[int, int] | None = None
    """(new, updated) notes that Anki had after a push."""
    usage: Usage | None = None

    def add(self, step: Progress) -> None:
        """Add one step of a run."""
        self.report = step.report or self.report
        self.drafted += step.drafted
        self.accepted += step.accepted
        self.changes += step.changes
        self.problems += [one for one in step.problems if one not in self.problems]

    def take(self, look: Look) -> None:
        """Add what was seen in Anki."""
        self.look = look
        self.problems += [look.problem] if look.problem else []

    def plan(self, planned: Iterable[Planned], published: Published | None) -> None:
        """Add what was planned, and the package that was written."""
        self.planned += planned
        if published:
            self.published.append(published)
            known = {one.where for one in self.problems}
            self.problems += [one for one in published.problems if one.where not in known]

    @property
    def failed(self) -> bool:
        """Whether there are problems other than notices."""
        return any(not problem.notice for problem in self.problems)

    @property
    def packages(self) -> list[Path]:
        """The packages to import."""
        return [one.path for one in self.published if one.notes and self.pushed is None]


def notes_json(tally: Tally, ledger: Ledger) -> dict[str, int]:
    """Return the numbers of notes in packages or of a push, and in Anki."""
    anki = ledger.counts()["anki"]
    added, updated = tally.pushed or (
        sum(one.added for one in tally.published), sum(one.updated for one in tally.published),
    )  # fmt: skip
    return {
        "written": sum(one.notes for one in tally.published),
        "added": added,
        "updated": updated,
        "held": sum(bool(one.held) for one in tally.planned),
        "missing": anki["missing"],
        "conflicts": sum(one.kind == "conflict" for one in ledger.questions()),
        "tombstones": len(tally.look.viewed.deleted) if tally.look else 0,
    }


def as_json(tally: Tally, ledger: Ledger) -> dict[str, Any]:
    """Return the JSON object that `run` and `draft` print."""
    report, counts, reasons = tally.report or Report(), ledger.counts(), _reasons(ledger)
    fates = counts["fates"]
    verdicts, drafts = counts["cards"], counts["drafts"]
    new, changed = len(report.new), len(report.changed)
    usage = (
        "requests",
        "cached",
        "tokens_in",
        "tokens_out",
        "cost_usd",
        "saved_tokens",
        "saved_usd",
    )
    return {
        "highlights": {
            "seen": report.seen, "new": new, "changed": changed, "gone": len(report.gone),
            "unchanged": max(report.seen - new - changed, 0),
        },
        "not_selected": report.unselected,
        "fates": {name: fates[name] for name in FATES if name != "no_card"}
        | {"no_card": fates["no_card"] + fates["undrafted"]},
        "no_card": dict(reasons.most_common()),
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
        "changes": [change_json(one) for one in tally.changes],
        "waiting": dict(waiting_reasons(ledger).most_common()),
        "questions": len(ledger.questions()),
        "notes": notes_json(tally, ledger),
        "packages": [str(path) for path in tally.packages],
        "llm": {name: getattr(tally.usage, name, 0) for name in usage},
        "problems": [problem_json(one) for one in tally.problems],
    }  # fmt: skip


def change_json(change: Change) -> dict[str, Any]:
    """Return a change of a card as JSON."""
    before, after = dict(change.before), dict(change.after)
    return {"guid": change.guid, "before": before, "after": after, "why": change.why}


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON."""
    return {
        "where": problem.where,
        "what": problem.what,
        "hint": problem.hint,
        "notice": problem.notice,
    }


def _reasons(ledger: Ledger) -> Counter[str]:
    """Count why highlights have no card; fates `ignored` and `failed` are counted by themselves."""
    none = ("no_card", "undrafted")
    return Counter(one.reason for one in ledger.fates() if one.fate in none)


def waiting_reasons(ledger: Ledger) -> Counter[str]:
    """Count why drafts wait."""
    found: Counter[str] = Counter()
    for one in ledger.waiting():
        checks = [finding.check for finding in one.proposal.findings if finding.severity != "info"]
        remarks = [remark for remark in one.remarks if remark != "form"]
        form = ["form"] if "form" in one.remarks else []
        drafter = one.draft.origin.drafter
        usual = [
            "model" if drafter == "llm" else drafter if drafter in ("agent", "person") else "policy"
        ]
        found.update(set(checks or form or [_short(one) for one in remarks] or usual))
    return found


def _short(remark: str) -> str:
    return "duplicate" if remark.startswith("equal to the card") else remark


# --- text -----------------------------------------------------------------------------------------


def as_text(tally: Tally, ledger: Ledger, program: str = "ankiforge") -> Iterator[str]:
    """Yield the lines of a run for a person: what came in, what changed, what waits, what to do next."""
    report, counts = tally.report, ledger.counts()
    if report is not None:
        parts = [
            ("new", len(report.new)),
            ("changed", len(report.changed)),
            ("moved", len(report.moved)),
            ("gone", len(report.gone)),
        ]
        said = ", ".join(f"{number:,} {what}" for what, number in parts if number)
        yield f"{counted(report.seen, 'highlight')} found" + (
            f" ({said})" if said else ", nothing new"
        )
        if report.unselected:
            yield f"{counted(report.unselected, 'highlight')} no longer selected by the settings; the cards stay"
    if tally.drafted or tally.accepted:
        yield f"{counted(tally.drafted, 'draft')}, {tally.accepted:,} accepted"
    yield from change_lines(tally.changes, program)
    for one in tally.published:
        if one.notes and tally.pushed is None:
            yield f"{one.path}: {counted(one.notes, 'note')} ({one.added} new, {one.updated} updated)"
        elif one.aside:
            yield f"nothing to import; the last package was renamed to {one.aside.name}"
    if tally.pushed:
        yield f"in Anki: {counted(tally.pushed[0], 'new note')}, {tally.pushed[1]:,} updated"
    held = Counter(one.held for one in tally.planned if one.held)
    for why, number in held.most_common(SHOWN):
        yield f"{counted(number, 'note')} held: {why}"
    if tally.usage and tally.usage.requests:
        cost = "price unknown" if tally.usage.cost_usd is None else dollars(tally.usage.cost_usd)
        yield f"{counted(tally.usage.requests, 'request')} to the model: {cost}"
    drafts, questions = counts["drafts"], ledger.questions()
    waits = [
        (drafts["new"], "draft waits", "drafts wait"),
        (drafts["revision"], "correction waits", "corrections wait"),
        (drafts["blocked"], "draft is blocked", "drafts are blocked"),
        (len(questions), "question is open", "questions are open"),
    ]  # fmt: skip
    said = ", ".join(
        f"{number:,} {one if number == 1 else more}" for number, one, more in waits if number
    )
    if said:
        yield f"{said} for you"
    none = counts["fates"]["no_card"] + counts["fates"]["undrafted"]
    if none and report is not None and (report.new or report.changed):
        yield f"{counted(none, 'highlight')} without a card: {program} list --no-card"
    yield from next_command(tally, ledger, program)


def change_lines(changes: list[Change], program: str) -> Iterator[str]:
    """Yield old → new words of changed cards: the first ones, then a count and the command for all."""
    made = [one for one in changes if not one.why]
    if made:
        yield f"{counted(len(made), 'card')} changed with the source:"
    for one in made[:SHOWN]:
        yield from _difference(one)
    if len(made) > SHOWN:
        yield f"  … and {len(made) - SHOWN:,} more: {program} list --view changed"
    for one in changes:
        if one.why:
            yield f"{one.guid[:10]} keeps its words: {one.why}"


def _difference(change: Change) -> Iterator[str]:
    before, after = dict(change.before), dict(change.after)
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, ""), after.get(name, "")
        if old != new:
            start = _common(old, new)
            yield f"  {change.guid[:10]}  {_from(old, start)} → {_from(new, start)}"


def _common(old: str, new: str) -> int:
    """Return where two texts begin to differ, at the beginning of a word."""
    same = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        same += 1
    return max(old.rfind(" ", 0, same) + 1, 0)


def _from(text: str, start: int) -> str:
    shown = shortened(on_one_line(text[max(start - 20, 0) :]), WIDTH)
    return f"…{shown}" if start > 20 else shown or "(nothing)"


def _unread(tally: Tally) -> bool:
    """Return whether a source could not be read."""
    return any(tally.look is None or one is not tally.look.problem for one in tally.problems)


def next_command(tally: Tally, ledger: Ledger, program: str) -> Iterator[str]:
    """Yield the one command to run next."""
    counts = ledger.counts()
    if tally.packages:
        yield f"next: import {tally.packages[-1]} into Anki"
    elif ledger.questions():
        yield f"next: {program} list --view questions"
    elif counts["drafts"]["revision"]:
        yield f"next: {program} list --view changed"
    elif counts["drafts"]["new"]:
        yield f"next: {program} list --view new"
    elif tally.report is not None and not tally.report.seen and not _unread(tally):
        yield (
            "no highlights found. What counts: highlights and comments in PDFs and Zotero; in notes"
            " ==marks==, question::answer lines, {{gaps}} and glossary lists (docs/reading.md)"
        )
    elif counts["fates"]["no_card"] and tally.report and tally.report.new:
        yield f"next: {program} draft export ask.md, to let any chatbot draft the rest"
