"""The state of a workspace, and the command to type next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ankiforge.config.workspace import WorkspaceFolder
from ankiforge.ledger import Ledger, belonging, overview
from ankiforge.model import Pair, Strings, Value
from ankiforge.pipeline.ingest import not_read
from ankiforge.pipeline.models import model_in_use
from ankiforge.pipeline.sources import SelectedSource, open_source
from ankiforge.reports.cards import Text
from ankiforge.text import columns, counted, shown_path

DECIDE = "review"
"""The command with which a person decides on what waits."""

LABEL = 9
"""The width of the labels of details."""
FIRST = 3
"""The number of names that a line shows."""

# --- shared with the summary of a run ---------------------------------------------------

LISTS = {"new": "draft", "changed": "change", "questions": "question"}
"""The lists of what waits for a person, and what an entry is called."""


def waits_for_a_person(waits: Mapping[str, int]) -> bool:
    """Return whether anything waits, given the counts of its lists."""
    return any(waits[name] for name in LISTS)


def to_do(waits: Mapping[str, int], without: int = 0, skipped: int = 0) -> Strings:
    """Return the columns of the open highlights: to decide, without a card, skipped."""
    return (
        _column(sum(waits[name] for name in LISTS), "to decide"),
        _column(without, "without a card"),
        _column(skipped, "skipped"),
    )


def _column(number: int, words: str) -> str:
    return f"{number:,} {words}" if number else ""


def row(label: str, text: str) -> str:
    """Return a detail below a block, behind its label."""
    return f"  {label:<{LABEL}}  {text}"


def next_line(step: str, why: str) -> str:
    """Return the line that names the next command, or what to do without one."""
    command = f"ankiforge {step}" if step else ""
    return f"  next  {columns(command, why)}"


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


def first_of(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    first = ", ".join(names[:FIRST])
    more = len(names) - FIRST
    return f"{first} and {more:,} more" if more > 0 else first


def draft_step(workspace: WorkspaceFolder, without: int) -> Pair:
    """Return the command that drafts the highlights without a card, and its effect; "" for none."""
    if not without:
        return "", ""
    if workspace.config.drafter == "llm":
        return "draft", "let the model draft the rest"
    return "draft export ask.md", "let any chatbot draft the rest"


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
    model: str
    """The model that drafts, its place and what it cost so far; "" if none drafts."""
    looked: str
    """When Anki was read last, in ISO 8601; "" if never."""
    not_read: dict[str, str]
    """What no source reads of a folder, in words, by folder."""
    next: str
    """The command to type next, without the name of the program."""
    why: str


def status_of(workspace: WorkspaceFolder, ledger: Ledger) -> Status:
    """Return the state of a workspace. Reads no source, and does not look at Anki.

    Raises:
        ConfigError: a source's settings are wrong; the next run would fail.
    """
    for entry in workspace.config.sources:
        open_source(workspace, SelectedSource(entry), offline=True)
    counts = overview.counts(ledger)
    waits = counts["waiting"]
    verdicts = counts["cards"]
    in_anki = counts["anki"]
    command, reason = next_step(workspace, ledger)
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
        model=model_in_use(workspace),
        looked=ledger.meta("looked"),
        not_read={place: left_out.text for place, left_out in not_read(ledger).items()},
        next=command,
        why=reason,
    )


def next_step(workspace: WorkspaceFolder, ledger: Ledger) -> Pair:
    """Return the command to type next, and why."""
    counts = overview.counts(ledger, "fates", "waiting", "anki")
    if not counts["fates"].total():
        has_sources = workspace.config.sources or workspace.remembered
        return "run" if has_sources else "run PATH", "no highlight was found so far"
    if any(belonging.belonging(ledger).values()):
        return "adopt", "keep the history that other tools have"
    if waits_for_a_person(counts["waiting"]):
        return DECIDE, "decide on what waits"
    unsent = counts["anki"]["none"]
    if unsent:
        return "build", f"{counted(unsent, 'accepted card')} not in a package yet"
    command, reason = draft_step(workspace, counts["waiting"]["without"])
    return command or "run", reason or "read what is new"


def status_text(status: Status) -> Text:
    """Yield the block of `status`, then its details."""
    highlights = status.highlights
    cards = status.cards["accepted"]
    without = highlights["without"]
    yield columns(
        f"  {counted(highlights['seen'], 'highlight')}",
        counted(cards, "card") if cards else "",
        *to_do(status.waiting, without, highlights["left_out"]),
    )
    if status.unsent:
        yield f"  → {counted(status.unsent, 'card')} in no package yet"
    yield next_line(status.next, status.why)
    yield ""
    yield row("workspace", status.workspace)
    yield row("sources", first_of(status.sources) or "none yet")
    if status.remembered:
        yield row("paths", first_of([shown_path(path) for path in status.remembered]))
    if status.model:
        yield row("model", status.model)
    looked = "not read yet"
    if status.looked:
        looked = f"read {status.looked[:16].replace('T', ' ')} UTC"
    yield row("Anki", looked)
    if without:
        yield row("no card", f"{counted(without, 'highlight')}: ankiforge list --no-card")
    if status.cards["sourceless"]:
        gone = counted(status.cards["sourceless"], "card")
        yield row("gone", f"{gone} without a source: ankiforge list finding:source_gone")
    for place, left_out in status.not_read.items():
        yield row("not read", f"{place}: {left_out}")
