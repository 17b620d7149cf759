"""Cards that are in Anki and not here: each note says whose card it is."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from ankiforge.anki.content import content_hash
from ankiforge.anki.fields import ALSO
from ankiforge.anki.identity import parse_identity
from ankiforge.anki.names import RETIRED
from ankiforge.anki.notetypes import note_type
from ankiforge.anki.theirs import family_of
from ankiforge.anki.unrender import unrender
from ankiforge.ledger import Ledger
from ankiforge.ledger.collection.seen import Seen
from ankiforge.ledger.returning.recovery import Recovered
from ankiforge.model import CardKind, Family, Guid, Identity, guid_for
from ankiforge.text.markdown import cloze_answers, plain

AT_ONCE = 500
"""Cards that are taken over in one transaction."""


def recover(ledger: Ledger) -> int:
    """Take over the notes of ours that no card stands for; how many they were."""
    unknown = (found for found in map(recovered, ledger.views.unknown()) if found)
    count = 0
    while some := tuple(islice(unknown, AT_ONCE)):
        with ledger.unit():
            for found in some:
                ledger.recovery.adopt(found)
        count += len(some)
    for guid in ledger.recovery.unshipped():
        there = ledger.views.seen(guid)
        if there and there.type_id:
            ledger.recovery.take_over(guid, there)
    if count:
        ledger.recovery.close()
    return count


def recovered(seen: Seen) -> Recovered | None:
    """The card that a note is; None if it does not say whose it is, or is of another type."""
    family = family_of(seen.type_id)
    if family is None:
        return None
    names = note_type(family).fields
    fields = dict(zip(names, seen.fields, strict=False))
    identity = parse_identity(fields["AnkiforgeId"])
    if identity is None or identity.family is not family or not _is_its_own(identity, seen.guid):
        return None
    kind = _kind(family, fields)
    shown = ("Text", "Extra") if family is Family.CLOZE else ("Front", "Back", "Extra")
    words = tuple((name, unrender(fields[name])) for name in shown if fields[name].strip())
    source = _Source.of(fields["Source"])
    return Recovered(
        identity,
        seen,
        kind,
        words,
        _answer(kind, dict(words)),
        source.exact,
        source.sentence,
        source.quote,
        _title(fields["Citation"]),
        content_hash(family, seen.fields) != identity.content,
        RETIRED in (tag.casefold() for tag in seen.tags),
    )


def _is_its_own(identity: Identity, guid: Guid) -> bool:
    """Whether a note has the guid that its key, family and slot make: no other is ours."""
    made = guid_for(identity.key, identity.family, identity.slot)
    return identity.guid == guid == made


def _kind(family: Family, fields: Mapping[str, str]) -> CardKind:
    if family is Family.CLOZE:
        return CardKind.CLOZE
    return CardKind.TWO_WAY if fields["Reverse"].strip() else CardKind.BASIC


def _answer(kind: CardKind, words: Mapping[str, str]) -> str:
    if kind is CardKind.CLOZE:
        return cloze_answers(words.get("Text", ""))
    return plain(words.get("Back", ""))


@dataclass(frozen=True, slots=True)
class _Source:
    """What the field Source shows: the sentence, in it the highlight, in that the evidence."""

    sentence: str
    exact: str
    quote: str

    @classmethod
    def of(cls, field: str) -> _Source:
        field = field.partition(ALSO)[0]
        inner = _EXACT.search(field)
        marked = _MARKED.search(field)
        exact = _text(inner[1]) if inner else _text(field)
        sentence = _text(field)
        return cls("" if sentence == exact else sentence, exact, _text(marked[1]) if marked else "")


_EXACT = re.compile(r'<span class="af-exact">(.*?)</span>(?!</span>)', re.DOTALL)
_MARKED = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)
_WHERE = re.compile(r'<span class="af-where">(.*?)</span>', re.DOTALL)


def _text(field: str) -> str:
    lines = re.sub(r"<br\s*/?>", "\n", field.replace("<wbr>", "").replace("<span></span>", ""))
    return html.unescape(re.sub(r"<[^>]*>", "", lines)).strip()


def _title(citation: str) -> str:
    where = _WHERE.search(citation)
    return _text(where[1]).partition(" › ")[0] if where else _text(citation)
