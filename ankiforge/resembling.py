"""Which cards a draft may repeat: those of the ledger, and notes of others in Anki.

What the search keeps of a card is stored, so that a ledger of a hundred thousand is not read
word by word in each run.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from sys import intern

from ankiforge.check.twins.duplicates import RULES_OF_MARKS, Mark, Twins, mark_of
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards.twins import Known
from ankiforge.ledger.cards.values import letter_of
from ankiforge.ledger.deciding.pairs import NOTE, PAIRED
from ankiforge.model import CardKind, Draft, Finding, Guid, HighlightKey, Origin

_AT_ONCE = 5_000
"""Marks that are stored in one transaction."""


def twins_of(ledger: Ledger) -> Twins:
    """The index of all cards that are live and not rejected, and of the notes of others."""
    twins = Twins(lambda id: _words(ledger, id))
    new: list[tuple[str, str, str]] = []
    for known in ledger.twins.known():
        digest = _digest(known)
        if digest == known.words:
            mark = _stored(known.mark)
        else:
            mark = mark_of(known.draft)
            new.append((known.id, digest, _storable(mark)))
        where = where_of(known.deck) if known.id.startswith(NOTE) else ""
        twins.add_mark(known.id, known.home, mark, where)
    for start in range(0, len(new), _AT_ONCE):
        ledger.twins.keep(new[start : start + _AT_ONCE])
    return twins


class KeptTwins:
    """The index, kept from pass to pass by a program that knows what others have done since."""

    def __init__(self) -> None:
        self._twins: Twins | None = None
        self._last = 0

    def forget(self) -> None:
        """It can no longer be told what has changed."""
        self._twins = None

    def of(self, ledger: Ledger) -> Twins:
        """The index as `twins_of` would give it: what was decided since it was made is taken in."""
        last, changed = ledger.twins.changed_since(self._last)
        if self._twins is None:
            self._twins = twins_of(ledger)
        else:
            self._twins.read_by(lambda id: _words(ledger, id))
            for id, known in changed:
                self._twins.drop(id)
                if known is not None:
                    self._twins.add_mark(id, known.home, mark_of(known.draft))
        self._last = last
        return self._twins


def where_of(deck: str) -> str:
    """What findings say of a note of others before they quote it."""
    return intern(f"a note in Anki, deck {deck}: " if deck else "a note in Anki: ")


def _words(ledger: Ledger, id: str) -> Draft:
    return ledger.twins.words(id) or _NOTHING  # another program took it away meanwhile


_NOTHING = Draft(HighlightKey(""), CardKind.CLOZE, (), "", "", 0, Origin(""))


def _digest(known: Known) -> str:
    words = f"{RULES_OF_MARKS}\x1f{known.kind}\x1f{known.fields}"
    return blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _storable(mark: Mark) -> str:
    return "\n".join((" ".join(mark.words), " ".join(mark.finders), mark.exact.hex()))


def _stored(text: str) -> Mark:
    words, finders, exact = text.split("\n")
    return Mark(tuple(words.split()), tuple(finders.split()), bytes.fromhex(exact))


# --- findings that may be stale ---------------------------------------------------------------


def judge_anew(ledger: Ledger) -> None:
    """Judge again the findings that name a card, or a note, whose words have changed since."""
    changed = ledger.twins.reworded()
    if not changed:
        return
    with ledger.unit():
        for id in changed:
            now = ledger.twins.words(id)
            for guid, letter in ledger.twins.named_by(id) if now else ():
                assert now is not None
                _judge_again(ledger, guid, letter, id, now)
            ledger.twins.judged_anew(id)


def _judge_again(ledger: Ledger, guid: Guid, letter: str, id: str, twin: Draft) -> None:
    card = ledger.cards.get(guid)
    candidate = next(one for one in card.candidates if letter_of(one) == letter)
    before = ledger.cards.findings(guid, letter)
    index = Twins()
    index.add(id, HighlightKey(""), twin)
    found = index.near(candidate.draft, HighlightKey(""))
    kept = _without(before, id)
    after = (*kept, *(_named(ledger, one) for one in found))
    if after != before:
        ledger.cards.set_findings(guid, letter, after)


def _without(findings: Iterable[Finding], id: str) -> list[Finding]:
    return [one for one in findings if one.twin != id or one.check not in PAIRED]


def _named(ledger: Ledger, finding: Finding) -> Finding:
    """The finding, with the deck of a note of others."""
    if not finding.twin.startswith(NOTE):
        return finding
    note = ledger.others.find(int(finding.twin.removeprefix(NOTE)))
    head, quote, words = finding.message.partition("“")
    said = f"{head}{where_of(note.deck)}{quote}{words}" if note else finding.message
    return Finding(finding.check, finding.severity, said, finding.twin)
