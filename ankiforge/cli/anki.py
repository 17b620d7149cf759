"""What `pull`, `push` and `recover` share: a running Anki, and telling of a look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ankiforge.cli.common import tell_problems
from ankiforge.cli.session import Session
from ankiforge.cli.ways import to_work_on
from ankiforge.cli.working import within
from ankiforge.config import is_loopback
from ankiforge.delivery import Deliveries
from ankiforge.errors import UsageError
from ankiforge.looking import Looked
from ankiforge.model import AnkiState
from ankiforge.pipeline import Parcel, deliverable
from ankiforge.reports.summary import Tally, notes_json


def connected(now: Session, *, bind: bool = False) -> Looked:
    """Look at a running Anki.

    Raises:
        ServiceError: it does not answer, or not as it should.
        UsageError: `--offline`, and it is on another machine.
    """
    from ankiforge.looking.pushing import Running

    refuse_offline(now)
    return Running.of(now.workspace.config.anki).look(now.ledger, bind=bind)


def refuse_offline(now: Session) -> None:
    """Stop before another machine would be asked, if that is forbidden.

    Raises:
        UsageError: with exit code 2.
    """
    address = now.workspace.config.anki.connect
    if now.call.offline and not is_loopback(address):
        raise UsageError(f"--offline, and Anki is at {address}", hint="leave --offline out")


def weigh(now: Session, tally: Tally, *, again: bool = False, push: bool = False) -> None:
    """Find out which cards could not be brought up to date in Anki now, and why.

    `again`: as they stand after what was done, in place of what was counted before.
    """
    if again:
        tally.anki["held"] = tally.anki["conflicts"] = 0
        tally.reasons.clear()
    deliveries = Deliveries(now.ledger, now.decks, push=push)
    cards = deliverable(now.ledger)
    there = (card for card in cards if push or card.anki.there)
    tally.weigh(Parcel(now.workspace.output, tuple(deliveries.of(card) for card in there)))


def tell_pull(now: Session, tally: Tally, looked: Looked, lines: Iterable[str]) -> None:
    """Say what a look came to: as JSON, or line by line."""
    talk = now.call.talk
    if talk.as_json:
        talk.data(_json(tally, looked))
        return
    tell_problems(now.call, tally.problems)
    if talk.quiet:
        return
    for line in lines:
        talk.print(line)
    for what in ("held", "conflicts"):
        if tally.anki[what]:
            told = "held" if what == "held" else "changed in Anki and in the source: resolve ID"
            talk.print(f"  {tally.anki[what]} {told}; {now.call.program} list anki:held")
    for command, says in to_work_on(now):
        talk.print(f"  {says}; {now.call.program} {command}")


def _json(tally: Tally, looked: Looked) -> dict[str, Any]:
    taken = looked.taken
    return {
        "notes": notes_json(tally),
        "view": {
            "sight": looked.sight,
            "path": looked.where,
            "seen": taken.seen if taken else 0,
            "first": taken.first if taken else 0,
            "back": taken.back if taken else 0,
            "recovered": taken.recovered if taken else 0,
            "reviews": taken.reviews if taken else 0,
            "feedback": taken.feedback if taken else 0,
            "bound": bool(taken and taken.bound),
        },
        "problems": tally.problems,
    }


def why_none(now: Session, *, new_only: bool = False, deck: str = "") -> str:
    """Why no package was written."""
    if new_only:
        return "nothing is new"
    cards = [card for card in now.ledger.cards.all() if within(card.deck, deck)]
    if deck and not cards:
        return f"no card is in a deck {deck}, nor below it"
    ready = [card for card in cards if card.ready]
    if ready and all(card.anki not in (AnkiState.NONE, AnkiState.WRITTEN) for card in ready):
        return "Anki has everything"
    return f"no card is ready ({now.call.program} list)"
