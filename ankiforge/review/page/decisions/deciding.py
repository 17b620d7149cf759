"""Decisions, by the names the page has for them: each ends in the same function as the terminal's.

A decision names the item as it was shown, by its stamp. If that is another by now, nothing is
done: somebody else, or another window, has decided meanwhile, and the item is shown again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from ankiforge import review
from ankiforge.errors import RefusedError, UsageError
from ankiforge.review import Target, acceptable_in_bulk
from ankiforge.review.page.decisions.asking import Asking
from ankiforge.review.page.decisions.decision import Decide, Decision, Outcome, Said, done
from ankiforge.review.page.decisions.redrafting import REDRAFTING
from ankiforge.review.page.decisions.settling import SETTLING
from ankiforge.review.page.decisions.writing import WRITING
from ankiforge.review.page.views import view_named
from ankiforge.review.page.views.pending import FORCE
from ankiforge.review.page.views.recent import named_as
from ankiforge.review.page.views.twins import BETWEEN
from ankiforge.review.service import Service

if TYPE_CHECKING:
    from ankiforge.review.page.lists.browsing import Browsing

CHANGED = "this was changed meanwhile; look again"


def decide(desk: Service, browsing: Browsing, body: Any, asking: Asking) -> dict[str, Any]:
    """Carry out what the browser says.

    Returns:
        `told`; `refused` and `hint` if nothing was done, `waits` if it is to be said once more;
        `show`, the id of what to look at next.
    """
    said = _read(body)
    try:
        if said.what == "undo":
            return _undo(desk, browsing, said)
        item = view_named(said.view).item(desk, said.at)
        if item is None or item.stamp != said.stamp:
            raise RefusedError(CHANGED)
        if said.what not in DECISIONS:
            raise UsageError(f"no decision {said.what!r}")
        clean = partial(browsing.clean, desk, body)
        outcome = DECISIONS[said.what](Decision(desk, said, item, asking, clean))
    except (RefusedError, UsageError) as error:
        hint = "" if error.hint.startswith("-") else error.hint  # an option: for the terminal
        return {"refused": error.message, "hint": hint, "show": said.at}
    if outcome.waits:
        return {"told": outcome.told, "show": outcome.show, "waits": True}
    browsing.pace.decided(said.what, outcome.count)
    return {"told": outcome.told, "show": outcome.show, "many": outcome.many}


def _read(body: Any) -> Said:
    try:
        return msgspec.convert(body, Said)
    except msgspec.ValidationError as error:
        raise UsageError(f"not understood: {error}") from error


def _undo(desk: Service, browsing: Browsing, said: Said) -> dict[str, Any]:
    """Take back the last action of a person, wherever it was made."""
    taken_back = review.undo(desk.ledger)
    browsing.pace.undone()
    last = taken_back[-1]
    about = {name for one in taken_back for name in (one.subject, one.body.get("key"))}
    held = view_named(said.view).ids(desk)
    shown = next((one for one in held if about & {one, *one.split(BETWEEN)}), last.subject)
    return {"told": f"taken back: {named_as(last)}", "show": shown}


# --- the usual ones -------------------------------------------------------------------------


def _accept(now: Decision) -> Outcome:
    force = now.args.get("force", "") == "yes"
    if force and now.args.get("words", "").strip().casefold() != FORCE:
        raise RefusedError(f"{FORCE!r} was not typed", hint="nothing was done")
    return done(review.accept(now.desk.ledger, [now.target()], force=force), "accepted")


def _accept_all(now: Decision) -> Outcome:
    """What is clean in the list, if it is as many as a person has typed: one action, one undo."""
    cards = [now.desk.card(guid) for guid in now.clean()]
    targets = [Target(card) for card in cards if card and acceptable_in_bulk(card)]
    if not targets or now.args.get("words", "").strip() != str(len(targets)):
        raise RefusedError(
            f"{len(targets)} cards of this filter are clean, which is not what you typed",
            hint="nothing was done",
        )
    done(review.accept(now.desk.ledger, targets), "")
    return Outcome(f"{len(targets)} cards accepted", many=True, count=len(targets))


def _take_back(now: Decision) -> Outcome:
    """One action, whenever it was made."""
    taken_back = review.undo(now.desk.ledger, now.item.id)
    return Outcome(f"taken back: {named_as(taken_back[-1])}")


def _pick(now: Decision) -> Outcome:
    return done(review.pick(now.desk.ledger, [now.target()]), "picked")


def _reject(now: Decision) -> Outcome:
    why = now.args.get("words", "").strip()
    slots = now.args.get("slot", "").split() or [""]
    return done(review.reject(now.desk.ledger, map(now.target, slots), why), "rejected")


DECISIONS: dict[str, Decide] = {
    "accept": _accept,
    "accept all": _accept_all,
    "take back": _take_back,
    "pick": _pick,
    "reject": _reject,
    **REDRAFTING,
    **SETTLING,
    **WRITING,
}
