"""Tell which cards fail, and what is wrong with the notes of a deck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from ankiforge.anki.reading import ReadNote
from ankiforge.check import in_words
from ankiforge.model import Finding, Json, Pair, Severity
from ankiforge.pipeline.repair import RepairEntry
from ankiforge.reports.cards import Text, quoted_in
from ankiforge.text import counted, on_one_line, shortened
from ankiforge.text.cloze import plain

SHOWN = 5
"""The number of notes that are shown for each check; all others are only counted."""
WORDS = {Severity.BLOCK: "error", Severity.WARN: "warning"}
_ORDER = list(Severity)


def note_json(note: ReadNote, findings: Iterable[Finding], *, fields: bool) -> Json:
    """Return a line of `repair FILE --json`; with `fields`, also the fields of the note."""
    json = {
        "guid": note.guid,
        "nid": note.nid,
        "deck": note.deck,
        "notetype": note.notetype,
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
    unread: dict[str, list[str]] = {}
    """Notes without cards here, by the reason: where each is."""
    worst: Counter[Severity | None] = msgspec.field(default_factory=Counter)
    """Notes by their most severe finding; None = they have none."""
    found: Counter[tuple[Severity, str]] = msgspec.field(default_factory=Counter)
    """Notes by severity and name of a check."""
    examples: dict[tuple[Severity, str], list[Pair]] = {}
    """Each note that is shown, and what is wrong with it."""

    def add(self, note: ReadNote, findings: Sequence[Finding]) -> None:
        """Count a note."""
        self.notes += 1
        severities = [finding.severity for finding in findings]
        self.worst[max(severities, key=_ORDER.index, default=None)] += 1
        if note.unread:
            self.unread.setdefault(note.unread, []).append(note.place)
        # the first finding of each check
        first = {}
        for finding in reversed(findings):
            first[finding.severity, finding.check] = finding
        for key, finding in first.items():
            self.found[key] += 1
            examples = self.examples.setdefault(key, [])
            if self.shown is None or len(examples) < self.shown:
                place = f"{note.place} · {shortened(note.deck, 60)}".removesuffix(" · ")
                examples.append(
                    (f"{place}: {shortened(note.front, 60)}", finding.message)
                )

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
            examples = self.examples[severity, name]
            says = in_words(name)
            yield f"{WORDS[severity]}  {says}  ({counted(count, 'note')})"
            for note, message in examples:
                yield f"    {note}"
                if message != says:
                    yield f"      {message}"
            if count > len(examples):
                yield f"    … and {count - len(examples):,} more (-v names all)"
        for reason, places in self.unread.items():
            named = ", ".join(places[: self.shown])
            more = "" if self.shown is None or len(places) <= self.shown else ", …"
            told = counted(len(places), "note")
            yield f"not read: {told} ({reason}): {named}{more}"
        unread = sum(map(len, self.unread.values()))
        yield (
            f"{counted(self.notes - unread, 'note')}: {self.errors:,} with errors,"
            f" {self.worst[Severity.WARN]:,} with warnings,"
            f" nothing to say of {self.worst[None] - unread:,}"
        )


# --- the list of cards to repair ------------------------------------------------------------

_SIDE = 300
"""The number of characters of a side or a passage in a list."""


def entry_json(entry: RepairEntry) -> Json:
    """Return a line of `repair --json`."""
    history = entry.history
    return {
        "nid": entry.note.nid,
        "guid": entry.note.guid,
        "deck": entry.note.deck,
        "notetype": entry.note.notetype,
        "card": entry.guid if entry.is_ours else None,
        "fields": entry.card.fields,
        "fails": entry.fails is not None,
        "why": entry.why,
        "history": history.in_one_line,
        "answers": history.asked,
        "seconds": round(history.seconds),
        "lapses": history.lapses,
        "findings": entry.findings,
        "near": entry.near.note.nid if entry.near else None,
        "passage": entry.passage,
        "quote": entry.quote,
    }


def entry_text(entry: RepairEntry) -> Text:
    """Yield a card of the list: its words, its history, why it is here, and its passage."""
    yield f"{entry.note.nid}  {shortened(entry.note.deck, 50)}"
    for name, text in entry.card.fields.items():
        yield f"  {name.lower()}: {shortened(on_one_line(plain(text)), _SIDE)}"
    if entry.fails:
        history = entry.history
        minutes = f"{history.seconds / 60:.0f} min"
        yield f"  {history.in_one_line} | {counted(history.asked, 'answer')}, {minutes}"
    for reason in entry.why:
        yield f"  {reason}"
    if entry.near:
        yield f"  mixed up with: {shortened(entry.near.note.front, _SIDE)}"
    if entry.passage:
        yield f"  {quoted_in(entry.passage, entry.quote)}"
