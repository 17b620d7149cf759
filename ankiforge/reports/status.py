"""What waits and what to do next, as `run` and `status` tell it; and the state of a workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ankiforge.config.workspace import Workspace
from ankiforge.ledger import Ledger
from ankiforge.text import counted

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
    """Return the state of a workspace. Reads no source, and does not look at Anki."""
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


def as_text(status: Status, program: str) -> Iterator[str]:
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
        yield f"  {gone}, and their cards stay: {program} list finding:source_gone"
    if said := waiting_text(status.waiting):
        yield f"  {said}"
    yield f"next: {program} {status.next}   ({status.why})"
