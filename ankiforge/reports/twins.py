"""The twins that findings about a card name: what they say, and what can be done."""

from __future__ import annotations

from collections.abc import Iterator

from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import NOTE, PAIRED
from ankiforge.model import Card
from ankiforge.reports.cards import one_line, worded


def twins_told(ledger: Ledger, card: Card) -> Iterator[str]:
    """For each twin of a card a line with its words, and one with the commands."""
    named = (one.twin for one in card.leading.findings if one.check in PAIRED)
    for twin in dict.fromkeys(filter(None, named)):
        if twin.startswith(NOTE):
            note = ledger.foreign.find(int(twin.removeprefix(NOTE)))
            if note:
                yield f"twin      {twin}  in Anki, {note.deck}: {worded(note.fields)}"
                yield f"          ankiforge reject {card.guid} · ankiforge distinct {card.guid} {twin}"
            continue
        other = ledger.cards.get(twin.partition(".")[0])
        yield f"twin      {one_line(other)}"
        yield (
            f"          ankiforge merge {card.guid} {other.guid}"
            f" · ankiforge distinct {card.guid} {other.guid}"
        )
