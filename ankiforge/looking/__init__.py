"""Looking at Anki: which collection, what it shows, and what of it the ledger learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from ankiforge.anki.places import collections
from ankiforge.anki.theirs import arranged
from ankiforge.anki.views import changed_at, open_view, signature
from ankiforge.config import AnkiSettings
from ankiforge.errors import ForgeError, ItemError
from ankiforge.ledger import Ledger
from ankiforge.ledger.collection.seen import FRESH_SECONDS, Taken
from ankiforge.looking.taking_over import recover
from ankiforge.model import Arranged, ForeignNote, Problem, SeenNote, View

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
    profile: str = ""
    """That a running Anki has open; "" if it does not tell."""

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


def place_of(
    settings: AnkiSettings, ledger: Ledger, home: Path, environ: Mapping[str, str]
) -> Path | None:
    """The collection the cards are in, as a file, or else the one in use; None if there is none.

    It is not looked at; whether that is allowed is for the caller to see.
    """
    if settings.collection not in (NEVER, AUTO):
        return Path(settings.collection).resolve()
    places, bound = collections(home, environ), ledger.views.bound
    if bound and bound.path in map(str, places):
        return Path(bound.path)
    return _in_use(places) if places else None


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
        if not bind and ledger.views.unchanged(state) and ledger.foreign.knows(str(place)):
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
    numbers = view.note_ids()
    if numbers is not None:
        ledger.foreign.remember(view.path, numbers)
    _read_others(view, ledger, state)
    if not taken.seen and not taken.bound and ledger.views.bound is None:
        return Looked(Sight.NOTHING, view.path, taken)
    taken.recovered = recover(ledger)
    taken.feedback = ledger.views.hear()
    ledger.views.looked(state)
    return Looked(Sight.TAKEN, view.path, taken)


def _read_others(view: View, ledger: Ledger, state: str) -> None:
    """Take in the words of notes that are not ours, for the duplicate search."""
    if ledger.foreign.is_read(view.path, state):
        return
    found = view.foreign(ledger.foreign.mods(view.path))
    if found is not None:
        there, changed = found
        ledger.foreign.read(view.path, state, there, (_settled(view, note) for note in changed))


def _settled(view: View, note: ForeignNote) -> ForeignNote:
    """A note that may change once more within the second is read again by the next look."""
    fresh = view.taken_at - note.mod < FRESH_SECONDS
    return replace(note, mod=0) if fresh else note


def _problem(place: Path, error: ForgeError) -> Problem:
    return Problem(str(place), error.message.removeprefix(f"{place}: "), error.hint)
