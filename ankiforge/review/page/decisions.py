"""Decisions made on the page, by name; each calls the same function as the command.

A decision contains the stamp of the item as it was shown. If the item has another stamp by now,
nothing is done: another window or another program has changed it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ankiforge import app, ledger, review
from ankiforge.anki.unrender import words_in_anki
from ankiforge.config import DrafterName
from ankiforge.config.deckfiles import deck_of
from ankiforge.config.workspace import Workspace
from ankiforge.draft import private, withheld
from ankiforge.errors import ForgeError, LedgerError, RefusedError, UsageError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import NOTE, letter_of
from ankiforge.ledger.consents import Choice
from ankiforge.ledger.events import CONSENT
from ankiforge.model import (
    AnkiState,
    Candidate,
    CandidateState,
    Card,
    Draft,
    DraftId,
    Family,
    Fields,
    Guid,
    Highlight,
    HighlightKey,
    Problem,
    Standing,
    Verdict,
)
from ankiforge.pipeline import again, draft_again
from ankiforge.review import Result, Target, acceptable_in_bulk
from ankiforge.review.decide import live_cards, manual_draft
from ankiforge.review.history import remark_excluding, remarks_for
from ankiforge.review.page.forms import form_id, form_of
from ankiforge.review.page.items import (
    EXCLUDING,
    Item,
    also_right,
    as_if,
    faces_of,
    render,
    tone_of,
)
from ankiforge.review.page.source import Shown
from ankiforge.review.page.views import (
    BETWEEN,
    FORCE,
    INSTEAD,
    SPLIT,
    conflicts_of,
    like,
    named_as,
    view_named,
)
from ankiforge.review.query import Query
from ankiforge.review.select import changed_fields, fields_from_spans, new_fields, parse_spans
from ankiforge.review.service import Service
from ankiforge.text.identifiers import model_name
from ankiforge.text.markdown import literal

if TYPE_CHECKING:
    from ankiforge.draft.budget import Usage
    from ankiforge.draft.llm import Model
    from ankiforge.review.page.lists import Lists

Body = TypeVar("Body", bound=msgspec.Struct)
CHANGED = "this has changed in the meantime; look again"
_FIELD = "field:"
"""The prefix of the names of fields among the arguments of a decision."""
_LOCK_SECONDS = 1.0
"""How long to wait for another program that drafts before the user is told."""
_STORING_SECONDS = 10.0
"""How long to wait, when the page ends, until the cards of a reply are stored."""


class DecisionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A decision sent by the browser."""

    what: str
    at: str = ""
    """The id of the item."""
    stamp: str = ""
    view: str = ""
    query: str = ""
    unverified: str = ""
    numbers: str = ""
    next: str = ""
    """The id of the item after it."""
    args: dict[str, str] = {}
    """The arguments of the button, and `words`, the typed text."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision about an item that has not changed since it was shown."""

    service: Service
    request: DecisionRequest
    item: Item
    models: Models
    clean: Callable[[], tuple[str, ...]]
    """Returns the cards of the list that may be accepted together."""

    @property
    def args(self) -> Mapping[str, str]:
        """The arguments of the button, and the typed text."""
        return self.request.args

    @property
    def words(self) -> str:
        """The typed text."""
        return self.args.get("words", "").strip()

    def target(self, slot: str = "") -> Target:
        """Return the card of the item, or the candidate of this id, as it was shown."""
        identity = slot or self.args.get("slot", "") or self.item.id
        guid, _, letter = identity.partition(".")
        for card in self.item.cards:
            if card.guid == guid and letter in ("", *map(letter_of, card.candidates)):
                return Target(card, letter)
        return _named(self.service, identity)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a decision."""

    message: str
    """The message for the user, such as `accepted`."""
    show: str = ""
    """The id of an item to show next; "" = the next one."""
    many: bool = False
    """Whether it concerned more than the item."""
    count: int = 1
    """The number of cards that it concerned."""
    waits: bool = False
    """Whether nothing was done because another program is busy; the browser then tries again."""


def decide(service: Service, lists: Lists, body: Any, models: Models) -> dict[str, Any]:
    """Carry out a decision.

    Returns:
        `told`; `refused` and `hint` if nothing was done; `waits` if the browser is to try again;
        `show`, the id of the item to show next.
    """
    request = parse_body(body, DecisionRequest)
    try:
        if request.what == "undo":
            return _undo(service, lists, request)
        item = view_named(request.view).find(service, request.at)
        if item is None or item.stamp != request.stamp:
            raise RefusedError(CHANGED)
        if request.what not in DECISIONS:
            raise UsageError(f"no decision {request.what!r}")
        outcome = DECISIONS[request.what](
            Decision(service, request, item, models, lambda: lists.clean(service, body))
        )
    except (RefusedError, UsageError) as error:
        hint = "" if error.hint.startswith("-") else error.hint  # a command-line option
        return {"refused": error.message, "hint": hint, "show": request.at}
    if outcome.waits:
        return {"told": outcome.message, "show": outcome.show, "waits": True}
    lists.pace.decided(request.what, outcome.count)
    return {"told": outcome.message, "show": outcome.show, "many": outcome.many}


def parse_body(body: Any, type: type[Body]) -> Body:
    """Convert the body of a request.

    Raises:
        UsageError: it has another shape.
    """
    try:
        return msgspec.convert(body, type)
    except msgspec.ValidationError as error:
        raise UsageError(f"not understood: {error}") from error


def _undo(service: Service, lists: Lists, request: DecisionRequest) -> dict[str, Any]:
    """Undo the last action of a person, on the page or elsewhere."""
    taken_back = review.undo(service.ledger)
    lists.pace.undone()
    last = taken_back[-1]
    about = {name for one in taken_back for name in (one.subject, one.body.get("key"))}
    about |= {
        form_id(one.subject, one.body["written"]) for one in taken_back if one.what == CONSENT
    }
    view = view_named(request.view)
    held = view.ids(service)
    shown = next((one for one in held if about & {*view.owner(one)[1].split(BETWEEN)}), "")
    shown = shown or last.subject
    return {"told": f"taken back: {named_as(last)}", "show": shown}


def _named(service: Service, identity: str) -> Target:
    """Return the current card of a guid, or the candidate of a draft id.

    Raises:
        UsageError: there is none.
    """
    guid, _, letter = identity.partition(".")
    card = service.card(guid)
    if card and letter in ("", *map(letter_of, card.candidates)):
        return Target(card, letter)
    raise UsageError(f"there is no {identity!r}", hint="look again")


def _done(results: Iterable[Result], message: str, show: str = "") -> Outcome:
    """Return the outcome of a decision about one card; raise `RefusedError` if it was refused."""
    for one in results:
        if one.refused:
            raise RefusedError(one.refused, hint=one.hint)
    return Outcome(message, show)


# --- accept, reject, restore ------------------------------------------------------------------------


def _accept(now: Decision) -> Outcome:
    force = now.args.get("force", "") == "yes"
    if force and now.words.casefold() != FORCE:
        raise RefusedError(f"{FORCE!r} was not typed", hint="nothing was done")
    return _done(review.accept(now.service.ledger, [now.target()], force=force), "accepted")


def _accept_all(now: Decision) -> Outcome:
    """Accept all clean cards of the list as one action, if their number was typed."""
    cards = now.service.cards(now.clean())
    targets = [Target(card) for card in cards if acceptable_in_bulk(card)]
    if not targets or now.words != str(len(targets)):
        raise RefusedError(
            f"{len(targets)} matching cards have no findings; you typed another number",
            hint="nothing was done",
        )
    _done(review.accept(now.service.ledger, targets), "")
    return Outcome(f"{len(targets)} cards accepted", many=True, count=len(targets))


_CONSENTED = {
    Choice.ACCEPT: "{} cards accepted, and later ones as well",
    Choice.EACH: "you look at each of the {} cards",
    Choice.NEVER: "{} cards left out; none in this form is made here",
}


def _consent(now: Decision) -> Outcome:
    """Decide on a form in which cards are written, as one action."""
    form, choice = form_of(now.service, now.item.id), Choice(now.args.get("choice", ""))
    if form is None:
        raise RefusedError(CHANGED)
    _done(review.consent(now.service.ledger, form, choice), "")
    count = len(form.waiting)
    done = 1 if choice is Choice.EACH else count
    return Outcome(_CONSENTED[choice].format(count), many=True, count=done)


def _reject(now: Decision) -> Outcome:
    slots = now.args.get("slot", "").split() or [""]
    targets = map(now.target, slots)
    return _done(review.reject(now.service.ledger, targets, now.words), "rejected")


def _reject_all(now: Decision) -> Outcome:
    """Reject all waiting cards like this one, as one action."""
    _, terms = like(now.item.cards[0])
    targets = [Target(card) for card in now.service.all_matching(Query(terms))]
    _done(review.reject(now.service.ledger, targets, now.words), "")
    return Outcome(f"{len(targets)} cards rejected", many=True, count=len(targets))


def _take_back(now: Decision) -> Outcome:
    """Undo the action of the item."""
    taken_back = review.undo(now.service.ledger, now.item.id)
    return Outcome(f"taken back: {named_as(taken_back[-1])}")


def _on_card(
    decide: Callable[..., Iterable[Result]], message: str
) -> Callable[[Decision], Outcome]:
    return lambda now: _done(decide(now.service.ledger, [now.target()]), message)


def _on_all(
    held: Callable[[Ledger], Sequence[str]],
    decide: Callable[..., Iterable[Result]],
    message: str,
) -> Callable[[Decision], Outcome]:
    """Decide on all cards of a list, if their number was typed."""

    def every(now: Decision) -> Outcome:
        ledger = now.service.ledger
        targets = [Target(ledger.cards.get(Guid(guid))) for guid in held(ledger)]
        if now.words != str(len(targets)):
            raise RefusedError(
                f"there are {len(targets)} such cards, and you typed another number",
                hint="nothing was done",
            )
        _done(decide(ledger, targets), "")
        return Outcome(f"{len(targets)} cards {message}", many=True, count=len(targets))

    return every


# --- conflicts, duplicates --------------------------------------------------------------------------


def _resolve(mine: bool, message: str) -> Callable[[Decision], Outcome]:
    """Settle a conflict in one field or all; a card with further conflicts is shown again."""

    def resolve(now: Decision) -> Outcome:
        [card] = now.item.cards
        found = {card.guid: conflicts_of(now.service, card)}
        field = now.args.get("field", "")
        results = review.resolve(now.service.ledger, [now.target()], found, mine=mine, field=field)
        outcome = _done(results, message)
        left = conflicts_of(now.service, now.service.card(card.guid))
        return replace(outcome, show=card.guid if left else "")

    return resolve


def _pair(now: Decision) -> tuple[Card, str]:
    """Return the card that the id of a pair names first, and the name of the other."""
    guid, _, other = now.item.id.partition(BETWEEN)
    return next(card for card in now.item.cards if card.guid == guid), other


def _merge(now: Decision) -> Outcome:
    card, other = _pair(now)
    if other.startswith(NOTE):
        raise UsageError(
            "a note that ankiforge did not make cannot be merged", hint="reject this card"
        )
    [twin] = [one for one in now.item.cards if one is not card]
    merged = review.merge(now.service.ledger, card, twin)
    return Outcome(f"merged: {merged.stays} stays, with both passages")


def _keep_both(now: Decision) -> Outcome:
    return _done(review.keep_both(now.service.ledger, *_pair(now)), "both are kept")


def _distinct(now: Decision) -> Outcome:
    card, other = _pair(now)
    return _done(review.distinct(now.service.ledger, card, (other,)), "marked as not a duplicate")


# --- words that a person types or selects -------------------------------------------------------------


class Typed(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of a card that is being written."""

    at: str
    """The key of the highlight."""
    slot: str = ""
    """The draft that is edited; "" = a new card."""
    fields: dict[str, str] = {}


class Selected(msgspec.Struct, forbid_unknown_fields=True):
    """Words selected in a highlight, and the kind of card to make of them."""

    at: str
    what: str
    spans: str


def preview(service: Service, typed: Typed, shown: Shown) -> dict[str, Any]:
    """Return the card as Anki would show it, and the findings of the checks; store nothing."""
    if typed.slot:
        target = _named(service, typed.slot)
        card = as_if(target.card, target.candidate)
        fields = changed_fields(card, typed.fields)
        draft = review.reworded(target.candidate.draft, fields)
        card = replace(card, fields=fields, candidates=(_candidate(draft),))
    else:
        highlight = highlight_of(service, typed.at)
        draft = manual_draft(highlight, tuple(typed.fields.items()))
        card = Card(
            Guid(""), highlight.key, 0, draft.kind, draft.fields, Verdict.PENDING, Standing.LIVE,
            AnkiState.NONE, highlight, (_candidate(draft),),
        )  # fmt: skip
    findings = service.judge(card.leading.draft, card.highlight)
    faces, pictures = faces_of(service, card)
    shown.take(pictures)
    return {
        "faces": faces,
        "foot": render("slot_foot.html", findings=findings),
        "tone": tone_of(one.severity for one in findings),
    }


def _candidate(draft: Draft) -> Candidate:
    return Candidate(DraftId(".a"), CandidateState.PICKED, draft)


def fields_of_selection(service: Service, selected: Selected) -> dict[str, str]:
    """Return the fields of a new card made from the selected words."""
    highlight = highlight_of(service, selected.at)
    return dict(fields_from_spans(selected.what, highlight, parse_spans(selected.spans)))


def highlight_of(service: Service, key: str) -> Highlight:
    """Return the highlight of this key.

    Raises:
        UsageError: there is none.
    """
    highlight = service.ledger.highlights.get(HighlightKey(key))
    if highlight is None or not highlight.document.source:
        raise UsageError(f"{key!r} is not the key of a highlight")
    return highlight


def _typed_fields(now: Decision) -> dict[str, str]:
    found = now.args.items()
    return {name.removeprefix(_FIELD): text for name, text in found if name.startswith(_FIELD)}


def _edit(now: Decision) -> Outcome:
    """Store the typed fields; with `accept`, accept the card as well.

    A card of the view `work` was shown as it is in Anki, so the typed fields replace those there.
    """
    target, ledger = now.target(), now.service.ledger
    guid, words, over = target.card.guid, _typed_fields(now), dict[str, str]()
    seen = ledger.views.seen(guid) if now.item.kind == "work" else None
    if seen and (theirs := dict(words_in_anki(target.card, seen))):
        words = {name: text for name, text in words.items() if text != theirs.get(name, "")}
        there = dict(zip(target.card.family.content_fields, seen.fields, strict=False))
        over = {name: html for name, html in there.items() if name in words}
    fields = changed_fields(as_if(target.card, target.candidate), words)
    edited = _done([review.edit(ledger, target, fields, now.service.judge, over)], "edited", guid)
    return edited if now.args.get("accept") != "yes" else _accept_edited(ledger, guid)


def _accept_edited(ledger: Ledger, guid: Guid) -> Outcome:
    [accepted] = review.accept(ledger, [Target(ledger.cards.get(guid))])
    if accepted.refused:  # the edit is stored nevertheless
        return Outcome(f"saved, not accepted: {accepted.refused}", guid)
    return Outcome("edited and accepted")


def _add(now: Decision) -> Outcome:
    """Add the other right answers to the answer of the card, and accept it."""
    target, ledger = now.target(), now.service.ledger
    card = as_if(target.card, target.candidate)
    others = literal("; ".join(also_right(target.candidate)))
    name = "Extra" if card.family is Family.CLOZE else "Back"  # a gap hides one answer
    told = f"(also right: {others})" if name == "Back" else f"Also right: {others}"
    words = " ".join(filter(None, (dict(card.fields).get(name, ""), told)))
    fields = changed_fields(card, {name: words})
    _done([review.edit(ledger, target, fields, now.service.judge)], "")
    return _accept_edited(ledger, target.card.guid)


def _make(now: Decision) -> Outcome:
    return _made(now, new_fields(_typed_fields(now)))


def _cloze(now: Decision) -> Outcome:
    """Make a card that hides the selected words in their sentence."""
    highlight = highlight_of(now.service, now.item.group)
    return _made(now, fields_from_spans("cloze", highlight, parse_spans(now.args.get("spans", ""))))


def _made(now: Decision, fields: Fields) -> Outcome:
    """Make a card; the item is shown again, because nothing was decided about it."""
    service = now.service
    highlight = highlight_of(service, now.item.group)
    others = len(live_cards(service.ledger, highlight.key))
    deck = deck_of(service.decks, highlight.document, highlight).deck
    review.make(service.ledger, highlight, fields, deck, service.judge)
    beside = f", beside {others} from this passage" if others else ""
    return Outcome(f"made, and accepted{beside}", show=now.item.id if now.item.cards else "")


def _skip(now: Decision) -> Outcome:
    review.skip(now.service.ledger, (HighlightKey(now.item.id),))
    return Outcome("set aside: no card is wanted")


# --- drafting again -----------------------------------------------------------------------------------


class Models:
    """The models that are drafting for the page."""

    def __init__(
        self, *, offline: bool = False, say: Callable[[str], None] = lambda words: None
    ) -> None:
        """No model is asked yet.

        Args:
            offline: connect only to servers on this machine.
            say: called with what is about to be sent, and at the end with what is waited for.
        """
        self._offline = offline
        self._say = say
        self._changed = threading.Condition()
        self._at_work: list[Model] = []
        self._ended = False

    @property
    def busy(self) -> bool:
        """Whether a request is pending."""
        return bool(self._at_work)

    @contextmanager
    def model(self, service: Service) -> Iterator[Model]:
        """Yield the configured model, which asks again even if replies are cached.

        Raises:
            RefusedError: the page is closing.
        """
        model = app.language_model(
            service.workspace,
            service.ledger,
            self._say,
            offline=self._offline,
            fresh=True,
        )
        with self._changed:
            if self._ended:
                raise RefusedError("the page is closing", hint="ankiforge review")
            self._at_work.append(model)
        try:
            yield model
        finally:
            with self._changed:
                self._at_work.remove(model)
                self._changed.notify_all()

    def close(self) -> None:
        """Send nothing more; a pending reply is paid for, so wait until it and its cards are stored."""
        with self._changed:
            self._ended = True
            models = tuple(self._at_work)
        for model in models:
            model.leave()
        with self._changed:
            self._changed.wait_for(lambda: not self._at_work, _STORING_SECONDS)


def model_named(workspace: Workspace) -> str:
    """Return the model and its server: `qwen3:8b at 127.0.0.1:11434`; "" = the rules draft."""
    if workspace.config.drafter is DrafterName.RULES:
        return ""
    settings = app.server_settings(workspace)
    return f"{model_name(settings.model)} at {settings.host}"


def _redraft(now: Decision) -> Outcome:
    """Ask the model again about the highlight of the item; its drafts wait for a person.

    They are added to the present card, which is not changed, whatever fails.
    """
    service, key = now.service, HighlightKey(now.item.group)
    instead = INSTEAD in now.args.items()
    _refuse_redraft(service, key, instead=instead)
    excluding = also_right(now.target().candidate) if EXCLUDING in now.args.items() else ()
    remark = remark_excluding(excluding) if excluding else now.words
    wanted: dict[str, Any] = {"only": frozenset((key,)), "remark": remark}
    if instead:
        split = SPLIT in now.args.items()
        remarks = remarks_for(service.ledger, now.item.cards, now.words, split=split)
        wanted = {"only": frozenset((key,)), "instead": remarks}
    busy = now.models.busy
    with now.models.model(service) as model:
        try:
            drafting = ledger.lock(service.workspace.folder, "drafting", _LOCK_SECONDS)
        except LedgerError as error:
            what = "the model is still busy with another card" if busy else error.message
            return Outcome(f"Waiting: {what}", show=now.item.id, waits=True)
        with drafting:
            before = _drafts_of(service, key)
            problems = _record_redraft(service, model, wanted)
        usage = model.usage
    if problems:
        message = "; ".join(dict.fromkeys(problem.what for problem in problems))
        message += f" ({_cost(usage)})" if usage.requests else ""
        raise RefusedError(message, hint="nothing was changed")
    new = {where for one, where in _drafts_of(service, key).items() if one not in before}
    several = len(new) > 1
    where = " and ".join(sorted({view for view, _ in new}))
    cards = f"{len(new)} new cards wait" if several else "a new card waits"
    message = f"{cards} under {where} ({_cost(usage)})"
    if instead:
        which = "one of them, the card they replace" if several else "it, the card it replaces"
        return Outcome(f"{message}; once you accept {which} is retired")
    return Outcome(message, show=now.item.id)


def _refuse_redraft(service: Service, key: HighlightKey, *, instead: bool) -> None:
    """Refuse a redraft that cannot be requested, or would change nothing."""
    if service.workspace.config.drafter is DrafterName.RULES:
        hint = (
            "name a model: drafter: llm in ankiforge.yaml; or use a chatbot: ankiforge draft export"
        )
        if instead:
            hint = (
                "name a model: drafter: llm in ankiforge.yaml; or reword it (e), or select words of"
                " the passage and make others from them (c, q, t)"
            )
        raise RefusedError(
            "no model is set, and the offline rules would draft the same card", hint=hint
        )
    tasks = again(service.ledger, [key], service.decks)
    highlight = next((one for task in tasks for one in task.highlights), None)
    if highlight is None:
        what = "its passage was missing when its source was last read"
        raise RefusedError(what, hint="ankiforge run")
    here = service.ledger.highlights.get(key)
    reason = withheld(highlight)
    if private(highlight) and here and not private(here):
        reason = "kept on this machine (#no-llm is set where the same passage is marked elsewhere)"
    if reason:
        raise RefusedError(reason, hint="edit it, or make a card by hand")


def _record_redraft(service: Service, model: Model, wanted: dict[str, Any]) -> tuple[Problem, ...]:
    """Check and record the model's drafts; return why there is nothing new, if so.

    A cached reply of which nothing was recorded yet is used first.
    """
    job = app.make_job(service.workspace, (), model, **wanted)
    run = service.ledger.start_run("draft")
    try:
        steps = list(draft_again(job, service.ledger, run, (model.from_memory(), model)))
    except ForgeError as error:  # the server, the key, `--offline`
        raise RefusedError(error.message, hint=error.hint) from error
    finally:
        service.ledger.finish_run(run)
    return tuple(problem for step in steps for problem in step.problems)


def _drafts_of(service: Service, key: HighlightKey) -> dict[str, tuple[str, str]]:
    """Return the drafts of a highlight by id: the view in which each waits, and its choice."""
    return {
        one.id: ("Corrections" if card.revision else "New cards", card.choice or card.guid)
        for card in service.ledger.cards.of_highlight(key)
        for one in card.candidates
        if one.state is not CandidateState.PASSED
    }


def _cost(usage: Usage) -> str:
    if not usage.requests:
        return "from a stored reply: nothing was sent"
    tokens = f"{usage.tokens_in + usage.tokens_out:,} tokens"
    return tokens if usage.cost_usd is None else f"${usage.cost_usd:.4f}, {tokens}"


def _missing(ledger: Ledger) -> Sequence[str]:
    return ledger.queries.missing()


def _sourceless(ledger: Ledger) -> Sequence[str]:
    return ledger.queries.without_source()


DECISIONS: dict[str, Callable[[Decision], Outcome]] = {
    "accept": _accept,
    "accept all": _accept_all,
    "add": _add,
    "all deleted": _on_all(_missing, review.confirm_deleted, "deleted for good"),
    "all keep": _on_all(_sourceless, review.accept, "kept"),
    "all restore": _on_all(_missing, review.restore, "brought back"),
    "both": _keep_both,
    "cloze": _cloze,
    "consent": _consent,
    "deleted": _on_card(review.confirm_deleted, "deleted for good"),
    "distinct": _distinct,
    "edit": _edit,
    "keep": _on_card(review.accept, "kept"),
    "leave": _on_card(review.accept, "left as it is until it fails again"),
    "make": _make,
    "merge": _merge,
    "mine": _resolve(True, "your words stay"),
    "pick": _on_card(review.pick, "picked"),
    "redraft": _redraft,
    "reject": _reject,
    "reject all": _reject_all,
    "restore": _on_card(review.restore, "brought back"),
    "skip": _skip,
    "source": _resolve(False, "the next build replaces them with the source's words"),
    "take back": _take_back,
}
"""The functions of all decisions, by the names that `Act.what` uses."""
