"""Looking at Anki: which collection, what it shows, and what of it the ledger learns."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from ankiforge.anki.content import content_hash
from ankiforge.anki.identity import parse_identity
from ankiforge.anki.notetypes import note_type
from ankiforge.anki.places import collections
from ankiforge.anki.theirs import arranged, family_of
from ankiforge.anki.unrender import unrender
from ankiforge.anki.views import changed_at, open_view, signature
from ankiforge.config import AnkiSettings
from ankiforge.delivery import RETIRED
from ankiforge.domain import (
    Arranged,
    CardKind,
    Family,
    Guid,
    Identity,
    Problem,
    SeenNote,
    View,
    guid_for,
)
from ankiforge.errors import ForgeError, ItemError
from ankiforge.ledger import Ledger
from ankiforge.ledger.recovery import Recovered
from ankiforge.ledger.seen import Seen, Taken
from ankiforge.text.markdown import cloze_answers, plain

AT_ONCE = 500
"""Cards that are taken over in one transaction."""
NEVER = "none"
"""The setting that forbids to look."""
AUTO = "auto"


class Sight(StrEnum):
    """What came of wanting to look."""

    OFF = "off"
    """The settings say not to."""
    NOWHERE = "nowhere"
    """There is no collection on this machine."""
    NOTHING = "nothing"
    """None of the cards is there yet."""
    SAME = "same"
    """Nothing has changed there since the last look."""
    TAKEN = "taken"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Looked:
    """One look, and what came of it."""

    sight: Sight
    where: str = ""
    """The collection, as a path."""
    taken: Taken | None = None
    problem: Problem | None = None

    @property
    def blind(self) -> bool:
        """Whether Anki should have been seen, and was not."""
        return self.sight is Sight.FAILED


def look(
    settings: AnkiSettings,
    ledger: Ledger,
    home: Path,
    environ: Mapping[str, str],
    *,
    bind: bool = False,
) -> Looked:
    """Look at the collection the cards are in, if one may and can, and if it has changed.

    `bind`: that collection is the present from now on, whatever was seen before; of several
    the one that changed last.
    """
    if settings.collection == NEVER:
        return Looked(Sight.OFF)
    if settings.collection != AUTO:
        return _look_at(Path(settings.collection).resolve(), ledger, bind)
    places, bound = collections(home, environ), ledger.views.bound
    if bind and places:
        return _look_at(_in_use(places), ledger, bind)
    if bound and bound.path in map(str, places):
        return _look_at(Path(bound.path), ledger)
    found = Looked(Sight.NOWHERE)
    for place in places:
        found = _look_at(place, ledger)
        if found.sight is not Sight.NOTHING:
            return found
    return found


def _in_use(places: tuple[Path, ...]) -> Path:
    """Of several collections the one with notes of ours; else, or of several, the latest."""
    latest = sorted(places, key=changed_at, reverse=True)
    return next(filter(_has_ours, latest), latest[0])


def _has_ours(place: Path) -> bool:
    try:
        with open_view(place) as view:
            return next(view.notes(), None) is not None
    except ItemError:
        return False


def _look_at(place: Path, ledger: Ledger, bind: bool = False) -> Looked:
    try:
        state = f"{place} {signature(place)}"
        if not bind and ledger.views.unchanged(state):
            return Looked(Sight.SAME, str(place))
        with open_view(place) as view:
            return take_in(view, ledger, state=state, bind=bind)
    except ItemError as error:
        return Looked(Sight.FAILED, str(place), problem=_problem(place, error))


def look_into(file: Path, ledger: Ledger, *, bind: bool = False) -> Looked:
    """Look into a collection or an export a person names.

    Raises:
        ItemError: it cannot be read.
    """
    with open_view(file.resolve()) as view:
        return take_in(view, ledger, bind=bind)


def take_in(view: View, ledger: Ledger, *, state: str = "", bind: bool = False) -> Looked:
    """Let the ledger learn what a view shows; cards it does not know are taken over."""
    types = {one.id: one for one in view.types}

    def arrange(note: SeenNote) -> Arranged | None:
        return arranged(note, types)

    taken = ledger.views.take_in(view, arrange, bind=bind)
    if taken.refused:
        problem = Problem(view.path, taken.refused.removeprefix(f"{view.path}: "), taken.hint)
        return Looked(Sight.FAILED, view.path, taken, problem)
    if not taken.seen and not taken.bound and ledger.views.bound is None:
        return Looked(Sight.NOTHING, view.path, taken)
    taken.recovered = recover(ledger)
    taken.feedback = ledger.views.hear()
    ledger.views.looked(state)
    return Looked(Sight.TAKEN, view.path, taken)


def _problem(place: Path, error: ForgeError) -> Problem:
    return Problem(str(place), error.message.removeprefix(f"{place}: "), error.hint)


# --- cards that are there and not here ------------------------------------------------------


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
