"""Tell what is wrong with the notes of a deck, by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from ankiforge.anki.reading import ReadNote
from ankiforge.model import Finding, Json, Severity
from ankiforge.reports.cards import Text, attributes
from ankiforge.text import counted, shortened

SHOWN = 5
"""The number of notes that are shown for each check; all others are only counted."""
WORDS = {Severity.BLOCK: "error", Severity.WARN: "warning"}
_ORDER = list(Severity)


def note_json(note: ReadNote, findings: Iterable[Finding], *, fields: bool) -> Json:
    """Return a line of `repair FILE --json`; with `fields`, also the fields of the note."""
    json = {
        **attributes(note, "guid nid deck notetype"),
        "ours": bool(note.key),
        "front": note.front,
        "findings": tuple(findings),
    }
    if fields:
        json["fields"] = dict(note.fields)
    return json


class Counts(msgspec.Struct):
    """Counts of notes by severity and check, with only as many examples as are shown."""

    shown: int | None = SHOWN
    """The number of notes to show for each check; None = all."""
    notes: int = 0
    unread: Counter[str] = msgspec.field(default_factory=Counter)
    """Notes without cards here, by the reason."""
    worst: Counter[Severity | None] = msgspec.field(default_factory=Counter)
    """Notes by their most severe finding; None = they have none."""
    found: Counter[tuple[Severity, str]] = msgspec.field(default_factory=Counter)
    """Notes by severity and name of a check."""
    examples: dict[tuple[Severity, str], list[str]] = {}
    """Two lines of text for each note that is shown."""

    def add(self, note: ReadNote, findings: Sequence[Finding]) -> None:
        """Count a note."""
        self.notes += 1
        severities = [finding.severity for finding in findings]
        self.worst[max(severities, key=_ORDER.index, default=None)] += 1
        if note.unread:
            self.unread[note.unread] += 1
        # the first finding of each check
        first = {}
        for finding in reversed(findings):
            first[finding.severity, finding.check] = finding
        for key, finding in first.items():
            self.found[key] += 1
            examples = self.examples.setdefault(key, [])
            if self.shown is None or len(examples) < 2 * self.shown:
                place = f"{note.nid or note.guid} · {shortened(note.deck, 60)}"
                message = finding.message
                if finding.duplicate and finding.duplicate not in message:
                    message = f"{message} ({finding.duplicate})"
                examples.append(f"    {place}: {shortened(note.front, 60)}")
                examples.append(f"      {message}")

    @property
    def errors(self) -> int:
        """The number of notes with errors."""
        return self.worst[Severity.BLOCK]

    def as_text(self) -> Text:
        """Yield the findings by severity and frequency, and the totals."""
        # the most severe first, then the most frequent
        in_order = self.found.most_common()
        in_order.sort(key=lambda entry: _ORDER.index(entry[0][0]), reverse=True)
        for (severity, name), count in in_order:
            lines = self.examples[severity, name]
            yield f"{WORDS[severity]}  {name}  ({counted(count, 'note')})"
            yield from lines
            notes_left = count - len(lines) // 2
            if notes_left:
                yield f"    … and {notes_left:,} more (-v names all)"
        for reason, count in self.unread.most_common():
            yield f"not read: {counted(count, 'note')} ({reason})"
        yield (
            f"{counted(self.notes, 'note')}: {self.errors:,} with errors,"
            f" {self.worst[Severity.WARN]:,} with warnings, {self.worst[None]:,} with neither"
        )
