"""What was found on a deck, as text: the gravest first, then the counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ankiforge.model import Finding, Severity
from ankiforge.reports.linting.findings import Linted

SHOWN = 5
"""Notes of a check that are named; the others are counted."""
WORDS = {Severity.BLOCK: "error", Severity.WARN: "warning", Severity.INFO: "info"}
_LONGEST = 60
"""Characters of a deck, and of a note, on its line."""
_GRAVEST = tuple(reversed(Severity))


@dataclass(slots=True)
class Tally:
    """Adds up what is found; holds no more notes than are shown."""

    shown: int | None = SHOWN
    """0 = all."""
    notes: int = 0
    ours: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    worst: Counter[Severity | None] = field(default_factory=Counter)
    counts: Counter[tuple[Severity, str]] = field(default_factory=Counter)
    """(severity, check): notes."""
    examples: dict[tuple[Severity, str], list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, linted: Linted) -> None:
        """Take one note in."""
        self.notes += 1
        self.ours += linted.ours
        self.worst[linted.worst] += 1
        if linted.note.unread:
            self.unread[linted.note.unread] += 1
        first = {(one.severity, one.check): one for one in reversed(linted.findings)}
        for key, finding in first.items():
            self.counts[key] += 1
            if self.shown is None or len(self.examples[key]) < self.shown:
                self.examples[key].append(_line(linted, finding))

    @property
    def errors(self) -> int:
        """Notes with something that breaks them."""
        return self.worst[Severity.BLOCK]


def _line(linted: Linted, finding: Finding) -> str:
    note = linted.note
    where = " · ".join(part for part in (str(note.id or note.guid), _short(note.deck)) if part)
    return f"    {where}: {_short(note.front)}\n      {said(finding)}"


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1].rstrip()}…"


def said(finding: Finding) -> str:
    """What was found, with the note it resembles."""
    named = finding.twin and finding.twin not in finding.message
    return f"{finding.message} ({finding.twin})" if named else finding.message


def told(tally: Tally) -> Iterator[str]:
    """The findings by severity and check, then the table."""
    yield from groups(tally)
    yield from table(tally)
    yield from _sum(tally)


def ranked(tally: Tally) -> list[tuple[Severity, str]]:
    """The (severity, check) that were found, the gravest first, then the most frequent."""
    return sorted(tally.counts, key=lambda key: (_GRAVEST.index(key[0]), -tally.counts[key]))


def groups(tally: Tally, advice: Callable[[str], str] = lambda check: "") -> Iterator[str]:
    """Each check with some of the notes it speaks of; `advice`: what to do about one."""
    for severity, name in ranked(tally):
        count, lines = tally.counts[severity, name], tally.examples[severity, name]
        yield f"{WORDS[severity]}  {name}  ({counted(count)})"
        if what := advice(name):
            yield f"    {what}"
        yield from lines
        if count > len(lines):
            yield f"    … and {count - len(lines):,} more (-v names all)"


def table(tally: Tally) -> Iterator[str]:
    """How many notes each check speaks of, and their share."""
    if tally.counts:
        yield ""
        yield f"{'check':24} {'severity':8} {'notes':>7} {'share':>7}"
        for severity, name in ranked(tally):
            count = tally.counts[severity, name]
            yield f"{name:24} {WORDS[severity]:8} {count:7,} {100 * count / tally.notes:6.1f} %"


def _sum(tally: Tally) -> Iterator[str]:
    for why, count in tally.unread.most_common():
        yield f"not read: {counted(count)} ({why})"
    clean = tally.worst[None] + tally.worst[Severity.INFO]
    yield (
        f"{counted(tally.notes)}, {tally.ours:,} of them ours: {tally.errors:,} with errors, "
        f"{tally.worst[Severity.WARN]:,} with warnings, {clean:,} with neither"
    )


def counted(count: int) -> str:
    """`1 note`, `1,234 notes`."""
    return "1 note" if count == 1 else f"{count:,} notes"
