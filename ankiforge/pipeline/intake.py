"""How many new cards a day fit into the minutes that a person gives to Anki.

What has to be known about cards and habits is in the collection (`anki/studies.py`); what comes
of it is computed (`anki/forecast.py`). A collection that has not changed is not
read again on the same day.

Tested by `tests/anki/test_minutes.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.config import AnkiSettings
from ankiforge.errors import ServiceError
from ankiforge.ledger import Ledger, overview
from ankiforge.model import Value
from ankiforge.model.seen import NewCards
from ankiforge.pipeline.collection import adopted_guids, collection_path

if TYPE_CHECKING:
    from ankiforge.anki.connect import AnkiConnect

_FOUR_WEEKS = 28
# The name of a setting in the ledger.
_LAST_FORECAST = "intake"


class Forecast(Value):
    """How many new cards fit, with the forecast of each day."""

    minutes: int
    """What the person gives a day."""
    new_per_day: int
    deck_new_per_day: int
    """What the decks allow now."""
    waiting_in_anki: int
    """Our new cards in Anki."""
    days: int
    """The days until these are begun; 0 if none waits, or it takes more than a year."""
    minutes_now: float
    """What a day took in Anki, on average of the last four weeks."""
    first_day: str
    """The first day of the forecast, in ISO 8601."""
    planned: tuple[float, ...]
    """The minutes of each day, if the number is followed and computed again each week."""
    as_it_is: tuple[float, ...]
    """The minutes of each day with the limits that the decks have now."""
    new: tuple[float, ...]
    """The new cards of each day, if the number is followed."""
    cost: tuple[float, ...]
    """What a new card takes on the day it is begun, and on each day after, in seconds."""
    cards_per_note: float
    decks: tuple[NewCards, ...]
    is_fsrs: bool
    answers_known: int
    """The number of answers that the person's habits were taken from; those to one card on one day
    count once."""
    profile: str = ""
    """The profile of the collection; "" = unknown."""


def accepted_today(ledger: Ledger, now: datetime) -> int:
    """Return the number of live cards that were accepted since midnight."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    return len(overview.accepted_since(ledger, midnight.isoformat(timespec="seconds")))


def _minutes(seconds: Iterable[float]) -> tuple[float, ...]:
    return tuple(round(each / 60, 1) for each in seconds)


def forecast(
    settings: AnkiSettings, ledger: Ledger, minutes: int, home: Path, now: datetime
) -> Forecast | None:
    """Return the new cards that fit into the minutes a day; kept for a day if nothing changes.

    Args:
        settings: name the collection, or forbid reading.
        ledger: knows what was accepted.
        minutes: what the person gives a day.
        home: the user's home folder.
        now: the current time, with its time zone.

    Returns:
        None if there is no collection, or it must not be read.

    Raises:
        ItemError: the collection cannot be read.
    """
    path = collection_path(settings, ledger, home)
    if path is None or not path.is_file():
        return None
    kept = kept_forecast(ledger, path, minutes, now)
    if kept is not None:
        return kept
    from ankiforge.anki.collection import open_view
    from ankiforge.anki.forecast import intake
    from ankiforge.anki.studies import read_studies

    since = now.astimezone(UTC) - timedelta(days=_FOUR_WEEKS)
    accepted = overview.accepted_since(ledger, since.isoformat(timespec="seconds"))
    with open_view(path, adopted_guids(ledger)) as view:
        studies = read_studies(view, now)
        profile = view.profile
    arrivals = len(accepted) / _FOUR_WEEKS
    result = intake(studies, minutes, arrivals * studies.cards_per_note)
    computed = Forecast(
        minutes=minutes,
        new_per_day=result.new_per_day,
        deck_new_per_day=studies.new_per_day,
        waiting_in_anki=result.waiting,
        days=result.with_limit.days,
        minutes_now=round(studies.minutes_now, 1),
        first_day=now.date().isoformat(),
        planned=_minutes(result.with_limit.seconds),
        as_it_is=_minutes(result.as_it_is.seconds),
        new=tuple(round(count, 2) for count in result.with_limit.new),
        cost=tuple(round(seconds, 3) for seconds in result.cost),
        cards_per_note=round(studies.cards_per_note, 3),
        decks=studies.waiting,
        is_fsrs=any(preset.fsrs for preset in studies.presets),
        answers_known=studies.answers.days_of_cards,
        profile=profile,
    )
    state = _state_of(path, minutes, now)
    ledger.set_value(_LAST_FORECAST, _KeptForecast(state, computed))
    return computed


def _state_of(path: Path, minutes: int, now: datetime) -> str:
    """Return a text that changes whenever a forecast has to be computed again."""
    from ankiforge.anki.profiles import signature

    return f"{minutes} {now.date()} {path} {signature(path)}"


class _KeptForecast(Value):
    state: str
    forecast: Forecast


def kept_forecast(
    ledger: Ledger, path: Path, minutes: int, now: datetime
) -> Forecast | None:
    """Return the last forecast if it still holds for a collection that is there."""
    kept = ledger.get_value(_LAST_FORECAST, _KeptForecast)
    return kept.forecast if kept and kept.state == _state_of(path, minutes, now) else None


# --- the limit in Anki ------------------------------------------------------------------


def deck_limits(computed: Forecast) -> list[tuple[NewCards, int]]:
    """Return the decks, and the limits that give the number of new cards a day over all of them.

    A deck inside another one that has new cards of ours counts with it, as Anki counts. Several
    decks share the number by how many cards wait there.
    """
    waiting = Counter[str]()
    by_name = {deck.deck.casefold(): deck for deck in computed.decks}
    for deck in computed.decks:
        # of the deck and those above it, the topmost that is among them
        parts = deck.deck.casefold().split("::")
        paths = accumulate(parts, "{}::{}".format)
        top = next(by_name[path] for path in paths if path in by_name)
        waiting[top.deck] += deck.waiting
    every = waiting.total()
    if not every:
        return []

    # shares, of which the largest remainders are rounded up
    total = computed.new_per_day
    shares = {}
    remainders = {}
    for name, count in waiting.items():
        shares[name], remainders[name] = divmod(total * count, every)
    by_remainder = sorted(shares, key=lambda name: (-remainders[name], name))
    for name in by_remainder[: total - sum(shares.values())]:
        shares[name] += 1
    return [(by_name[name.casefold()], wanted) for name, wanted in shares.items()]


def set_limits(
    anki: AnkiConnect, computed: Forecast, limits: Iterable[tuple[NewCards, int]]
) -> None:
    """Set the limits of decks in a running Anki; AnkiConnect cannot change those of one deck alone.

    Raises:
        ServiceError: another profile is open there than the one that was read, or Anki did
            not do it.
    """
    open_profile = anki.active_profile()
    if open_profile and computed.profile and open_profile != computed.profile:
        raise ServiceError(
            f"Anki has the profile {open_profile} open, and the forecast is of {computed.profile}",
            hint="open that profile in Anki, or name its collection as anki.collection",
        )
    for deck, wanted in limits:
        anki.set_new_per_day(deck.deck, wanted)
