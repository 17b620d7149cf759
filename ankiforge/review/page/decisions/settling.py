"""Decisions about two versions of one thing, and about what stands in Anki."""

from __future__ import annotations

from collections.abc import Callable

from ankiforge import review
from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger.cards import NOTE
from ankiforge.model import Card, Guid
from ankiforge.review import Result, Target
from ankiforge.review.page.decisions.decision import Decide, Decision, Outcome, done
from ankiforge.review.page.views.conflicts import conflicts_of
from ankiforge.review.page.views.twins import BETWEEN

# --- conflicts with Anki --------------------------------------------------------------------


def _resolve(mine: bool, told: str) -> Decide:
    """Whose words stand, in one field or all; what is left in conflict is shown again."""

    def decide(now: Decision) -> Outcome:
        guid, field = Guid(now.item.id), now.args.get("field", "")
        ledger, found = now.desk.ledger, {guid: conflicts_of(now.desk, guid)}
        came = done(review.resolve(ledger, [now.target()], found, mine=mine, field=field), told)
        return Outcome(came.told, guid if conflicts_of(now.desk, guid) else "")

    return decide


# --- duplicates -----------------------------------------------------------------------------


def _pair(now: Decision) -> tuple[Card, str]:
    """The card and the name of its twin."""
    guid, _, twin = now.item.id.partition(BETWEEN)
    return now.desk.ledger.cards.get(guid), twin


def _merge(now: Decision) -> Outcome:
    card, twin = _pair(now)
    if twin.startswith(NOTE):
        raise UsageError("a note in Anki that others made is not merged", hint="reject this card")
    merged = review.merge(now.desk.ledger, card, now.desk.ledger.cards.get(twin))
    return Outcome(f"merged: {merged.stays} stays, with both passages")


def _both(now: Decision) -> Outcome:
    return done(review.keep_both(now.desk.ledger, *_pair(now)), "both are kept")


def _distinct(now: Decision) -> Outcome:
    card, twin = _pair(now)
    return done(review.distinct(now.desk.ledger, card, (twin,)), "no duplicate, for ever")


# --- missing, retired -----------------------------------------------------------------------


def _restore(now: Decision) -> Outcome:
    return done(review.restore(now.desk.ledger, [now.target()]), "brought back")


def _deleted(now: Decision) -> Outcome:
    return done(review.confirm_deleted(now.desk.ledger, [now.target()]), "deleted for good")


def _keep(now: Decision) -> Outcome:
    return done(review.accept(now.desk.ledger, [now.target()]), "kept")


def _leave(now: Decision) -> Outcome:
    told = "left as it is, until it fails once more"
    return done(review.accept(now.desk.ledger, [now.target()]), told)


def _all_missing(decide: Callable[..., tuple[Result, ...]], told: str) -> Decide:
    """For all that are missing; a person has typed how many."""

    def every(now: Decision) -> Outcome:
        ledger = now.desk.ledger
        targets = [Target(ledger.cards.get(guid)) for guid in ledger.queries.missing()]
        if now.args.get("words", "").strip() != str(len(targets)):
            raise RefusedError(
                f"{len(targets)} cards are missing in Anki, which is not what you typed",
                hint="nothing was done",
            )
        return done(decide(ledger, targets), f"{len(targets)} cards {told}")

    return every


SETTLING: dict[str, Decide] = {
    "mine": _resolve(True, "your words stay"),
    "source": _resolve(False, "the source's words take their place with the next build"),
    "merge": _merge,
    "both": _both,
    "distinct": _distinct,
    "restore": _restore,
    "deleted": _deleted,
    "keep": _keep,
    "leave": _leave,
    "all deleted": _all_missing(review.confirm_deleted, "deleted for good"),
    "all restore": _all_missing(review.restore, "brought back"),
}
"""By the names that the acts of the views have for them."""
