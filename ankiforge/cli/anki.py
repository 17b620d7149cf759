"""What `pull`, `push` and `recover` share: a running Anki, and the report of a sync."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ankiforge.cli.common import tell_problems
from ankiforge.cli.session import Session
from ankiforge.cli.ways import to_work_on
from ankiforge.cli.working import within
from ankiforge.config import is_loopback
from ankiforge.errors import UsageError
from ankiforge.model import AnkiState
from ankiforge.pipeline import deliverable
from ankiforge.reports.summary import Tally, notes_json
from ankiforge.sync import RunningAnki, SyncResult, plan_cards


def connected(now: Session, *, bind: bool = False) -> SyncResult:
    """Read a running Anki.

    Raises:
        ServiceError: it does not answer, or not as it should.
        UsageError: `--offline`, and it is on another machine.
    """
    refuse_offline(now)
    return RunningAnki.connect(now.workspace.config.anki).read(now.ledger, bind=bind)


def refuse_offline(now: Session) -> None:
    """Stop before another machine would be asked, if that is forbidden.

    Raises:
        UsageError: with exit code 2.
    """
    address = now.workspace.config.anki.connect
    if now.call.offline and not is_loopback(address):
        raise UsageError(f"--offline, and Anki is at {address}", hint="leave --offline out")


def count_held(now: Session, tally: Tally, *, again: bool = False, push: bool = False) -> None:
    """Count the cards that cannot be updated in Anki now, by reason.

    `again`: replace an earlier count.
    """
    if again:
        tally.anki["held"] = tally.anki["conflicts"] = 0
        tally.reasons.clear()
    cards = deliverable(now.ledger)
    there = (card for card in cards if push or card.anki.there)
    tally.add_plans(plan_cards(now.ledger, there, now.decks, push=push))


def tell_pull(now: Session, tally: Tally, result: SyncResult, lines: Iterable[str]) -> None:
    """Say what a sync came to: as JSON, or line by line."""
    talk = now.call.talk
    if talk.as_json:
        talk.data(_json(tally, result))
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


def _json(tally: Tally, result: SyncResult) -> dict[str, Any]:
    summary = result.summary
    return {
        "notes": notes_json(tally),
        "view": {
            "sight": result.status,
            "path": result.path,
            "seen": summary.seen if summary else 0,
            "first": summary.first if summary else 0,
            "back": summary.back if summary else 0,
            "recovered": summary.recovered if summary else 0,
            "reviews": summary.reviews if summary else 0,
            "feedback": summary.feedback if summary else 0,
            "bound": bool(summary and summary.bound),
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
