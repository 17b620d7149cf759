"""Drawing a card anew through the configured model: beside what there is, never in its place.

The reply is remembered before it is read. Whatever fails, the card stands as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ankiforge import app, ledger
from ankiforge.config import DrafterName
from ankiforge.config.workspace import Workspace
from ankiforge.draft import private
from ankiforge.draft.wording.requests import withheld
from ankiforge.errors import ForgeError, LedgerError, RefusedError
from ankiforge.model import CandidateState, Highlight, HighlightKey, Problem
from ankiforge.pending import again
from ankiforge.pipeline import redraw
from ankiforge.review.history import remarks_for
from ankiforge.review.page.decisions.decision import Decide, Decision, Outcome
from ankiforge.review.page.shown.items import Act
from ankiforge.review.service import Service
from ankiforge.text.identifiers import model_name

if TYPE_CHECKING:
    from ankiforge.draft.desk.till import Usage
    from ankiforge.draft.llm import Model

REDRAFT = Act("r", "Redraft", ":redraft", asks="What should be better?")
INSTEAD, SPLIT = ("instead", "yes"), ("split", "yes")
"""What an act brings by which another card is wanted in the place of the one that is shown; several."""
PATIENCE = 1.0
"""Seconds that another's drafting is waited for before that is said."""


def model_named(workspace: Workspace) -> str:
    """Who is asked, and where: `qwen3:8b at 127.0.0.1:11434`; "" = nobody, the rules draft."""
    if workspace.config.drafter is DrafterName.RULES:
        return ""
    settings = app.server_settings(workspace)
    return f"{model_name(settings.model)} at {settings.host}"


def _redraft(now: Decision) -> Outcome:
    """Ask the model again about the passage of the item; what it draws waits for a person."""
    desk, key = now.desk, HighlightKey(now.item.group)
    _refuse(desk, key, instead=_is_instead(now))
    busy = now.asking.busy
    with now.asking.model(desk) as model:
        try:
            drafting = ledger.lock(desk.workspace.folder, "drafting", PATIENCE)
        except LedgerError as error:
            what = "the model is still at another card" if busy else error.message
            return Outcome(f"Waiting: {what}", show=now.item.id, waits=True)
        with drafting:
            before = _waits(desk, key)
            problems = _recorded(desk, model, _wanted(now, key))
    if problems:
        raise RefusedError(_told(problems, model.usage), hint="everything stands as it was")
    new = {where for one, where in _waits(desk, key).items() if one not in before}
    several = len(new) > 1
    where = " and ".join(sorted({view for view, _ in new}))
    cards = f"{len(new)} new cards wait" if several else "a new card waits"
    told = f"{cards} under {where} ({_cost(model.usage)})"
    if _is_instead(now):
        which = "one of them, the one they are for" if several else "it, the one it is for"
        return Outcome(f"{told}; once you accept {which} is retired")
    return Outcome(told, show=now.item.id)


def _is_instead(now: Decision) -> bool:
    return INSTEAD in now.args.items()


def _wanted(now: Decision, key: HighlightKey) -> dict[str, Any]:
    """What is asked of the model: fields of `Job`."""
    words = now.args.get("words", "").strip()
    if not _is_instead(now):
        return {"only": frozenset((key,)), "remark": words}
    ledger, card = now.desk.ledger, now.desk.ledger.cards.get(now.item.id)
    split = SPLIT in now.args.items()
    return {"only": frozenset((key,)), "instead": remarks_for(ledger, [card], words, split=split)}


_BY_HAND = "reword it (e), or select words of the passage and make others of them (c, q, t)"


def _refuse(desk: Service, key: HighlightKey, *, instead: bool) -> None:
    """Stop before anything is asked that could not be, or would change nothing."""
    if desk.workspace.config.drafter is DrafterName.RULES:
        hint = "name a model: drafter: llm in ankiforge.yaml; or "
        hint += _BY_HAND if instead else "by a chat: ankiforge draft export"
        raise RefusedError("no model drafts here; the offline rules would draw the same", hint=hint)
    tasks = again(desk.ledger, [key], desk.decks)
    highlight = next((one for task in tasks for one in task.highlights), None)
    if highlight is None:
        what = "its passage was not there when its source was read last"
        raise RefusedError(what, hint="ankiforge run")
    if reason := _stays(desk, highlight):
        raise RefusedError(reason, hint="edit it, or make a card by hand")


def _stays(desk: Service, highlight: Highlight) -> str:
    """Why a passage is not sent to a model, "" if it may be."""
    here = desk.ledger.highlights.get(highlight.key)
    if private(highlight) and here and not private(here):
        return "kept on this machine (#no-llm stands where the same passage is marked elsewhere)"
    return withheld(highlight)


def _recorded(desk: Service, model: Model, wanted: dict[str, Any]) -> tuple[Problem, ...]:
    """Check and record what the model draws; why nothing of it is new, if so.

    What a reply holds that was paid for, and of which nothing came yet, is taken first.
    """
    job = app.make_job(desk.workspace, (), model, **wanted)
    run = desk.ledger.start_run("draft")
    try:
        steps = list(redraw(job, desk.ledger, run, (model.from_memory(), model)))
    except ForgeError as error:  # the server, the key, `--offline`
        raise RefusedError(error.message, hint=error.hint) from error
    finally:
        desk.ledger.finish_run(run)
    return tuple(problem for step in steps for problem in step.problems)


def _waits(desk: Service, key: HighlightKey) -> dict[str, tuple[str, str]]:
    """What there is of a passage, by its draft id: in which view it waits, as which choice."""
    return {
        one.id: ("Revisions" if card.revision else "Pending", card.choice or card.guid)
        for card in desk.ledger.cards.of_highlight(key)
        for one in card.candidates
        if one.state is not CandidateState.PASSED
    }


def _told(problems: tuple[Problem, ...], usage: Usage) -> str:
    said = "; ".join(dict.fromkeys(problem.what for problem in problems))
    return f"{said} ({_cost(usage)})" if usage.requests else said


def _cost(usage: Usage) -> str:
    if not usage.requests:
        return "of a reply that was kept: nothing was asked"
    tokens = f"{usage.tokens_in + usage.tokens_out:,} tokens"
    return tokens if usage.cost_usd is None else f"${usage.cost_usd:.4f}, {tokens}"


REDRAFTING: Mapping[str, Decide] = {"redraft": _redraft}
