"""The state of a workspace: what was read, what waits, what Anki lacks, and the next command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ankiforge.config import DrafterName
from ankiforge.config.workspace import Workspace
from ankiforge.ledger import Ledger
from ankiforge.text.display import counted

_WAITING = {
    "new": ("draft waits", "drafts wait"),
    "changed": ("correction or conflict waits", "corrections and conflicts wait"),
    "questions": ("question is open", "questions are open"),
}
"""The lists with something to decide."""


@dataclass(frozen=True, slots=True)
class Status:
    """What `status` shows."""

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
    why: str

    def as_json(self) -> dict[str, Any]:
        """Return the object of `status --json`."""
        names = "workspace sources remembered highlights cards unsent waiting looked next"
        return {name: getattr(self, name) for name in names.split()}


def status_of(workspace: Workspace, ledger: Ledger) -> Status:
    """Return the state of a workspace. Reads no source, and does not look at Anki."""
    counts, questions = ledger.counts(), ledger.questions()
    fates, drafts, cards, anki = (counts[name] for name in ("fates", "drafts", "cards", "anki"))
    seen = fates.total() - fates["decided"]
    conflicts = sum(one.kind == "conflict" for one in questions)
    waiting = {
        "new": drafts["new"] + drafts["blocked"],
        "changed": drafts["revision"] + conflicts,
        "questions": len(questions) - conflicts,
    }
    names = (item.names.values() for item in workspace.remembered)
    todo, why = _next(workspace, seen, waiting, anki["none"], fates)
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
        anki["none"], waiting, ledger.looked, todo, why,
    )  # fmt: skip


def _next(
    workspace: Workspace, seen: int, waiting: dict[str, int], unsent: int, fates: dict[str, int]
) -> tuple[str, str]:
    """Return the next command to run, and the reason."""
    if not seen:
        known = workspace.config.sources or workspace.remembered
        return "run" if known else "run PATH", "no highlight has been read yet"
    for name in ("questions", "changed", "new"):
        if waiting[name]:
            return f"list --view {name} -v", "decide on what waits"
    if unsent:
        return "build", f"{counted(unsent, 'accepted card')} not in a package yet"
    if fates["no_card"] - fates["decided"] + fates["undrafted"]:
        if workspace.config.drafter is DrafterName.LLM:
            return "draft", "let the model draft the rest"
        return "draft export ask.md", "let any chatbot draft the rest"
    return "run", "read what is new"


def as_text(status: Status, program: str) -> Iterator[str]:
    """Yield the lines of `status`."""
    yield f"{status.workspace}: {', '.join(status.sources) or 'no sources yet'}"
    for path in status.remembered:
        yield f"  remembered: {path}"
    without = status.highlights["without"]
    rest = f", {without:,} without an accepted card" if without else ""
    yield f"  {counted(status.highlights['seen'], 'highlight')}{rest}"
    blocked = f", {status.cards['blocked']:,} blocked" if status.cards["blocked"] else ""
    yield f"  {counted(status.cards['ready'], 'accepted card')}{blocked}"
    looked = (
        f"last read {status.looked[:16].replace('T', ' ')} UTC" if status.looked else "not read yet"
    )
    unsent = f"; {counted(status.unsent, 'card')} not in a package yet" if status.unsent else ""
    yield f"  Anki: {looked}{unsent}"
    for name, (one, several) in _WAITING.items():
        if count := status.waiting[name]:
            yield f"  {counted(count, one, several)}: {program} list --view {name}"
    if gone := status.cards["sourceless"]:
        stay = counted(
            gone,
            "card stays although its passage is gone",
            "cards stay although their passages are gone",
        )
        yield f"  {stay}: {program} list finding:source_gone"
    yield f"next: {program} {status.next}   ({status.why})"
