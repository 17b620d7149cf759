"""Items: what is shown at once to a person who decides, and their decisions on it.

They are the same from the page and the terminal. A decision takes an item and one of its drafts.
It may name the `turn` of the item that was painted; it is refused with the new item if that has
changed. Ten decisions have an ending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence, Set
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from ankiforge.check import RULES, Rule, in_words
from ankiforge.errors import ForgeError, RefusedError
from ankiforge.ledger import (
    WITHOUT,
    HighlightOutcome,
    Ledger,
    cards,
    decide,
    lists,
    overview,
    questions,
)
from ankiforge.ledger.cards import card_of
from ankiforge.ledger.decide import undo
from ankiforge.ledger.events import PERSON
from ankiforge.ledger.facts import Fact
from ankiforge.ledger.forms import lines_like
from ankiforge.ledger.offers import offers
from ankiforge.ledger.tables.here import passage_here
from ankiforge.model import (
    AGENT,
    CardHere,
    CardKind,
    Draft,
    Fields,
    Finding,
    Guid,
    Highlight,
    Json,
    Offered,
    Origin,
    Preview,
    Proposal,
    Question,
    QuestionKind,
    RemarkKind,
    Severity,
    Shown,
    Strings,
    Texts,
    Value,
    Waiting,
    h16,
    is_draft_id,
    is_highlight_key,
    is_question_id,
)
from ankiforge.pipeline import proposals
from ankiforge.pipeline.collection import as_in_anki, lines_as_in_anki
from ankiforge.pipeline.decide import edit, make, new_fields
from ankiforge.pipeline.decks import place
from ankiforge.pipeline.proposals import proposal_of
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review.selection import (
    Selection,
    fields_from_sentence,
    fields_from_spans,
)
from ankiforge.text import regex

_REMARKS = {
    RemarkKind.EQUAL_CARD: "You have a card with the same words.",
    RemarkKind.REJECTED_ELSEWHERE: "You rejected the same words in another place.",
    RemarkKind.DECIDED_ON_LOST: (
        "You decided before on a passage with nearly the same words, which is gone."
    ),
    RemarkKind.NEAR: "You decided on nearly the same words: “{near}”.",
    RemarkKind.DECIDED_BEFORE: (
        "You rejected, changed or took back a card of this sentence before."
    ),
    RemarkKind.UNKNOWN_NOTES: "Anki has notes of this document that are not cards here.",
    RemarkKind.REPLACEMENT: (
        "Your card of this passage would be replaced, and its schedule would end."
    ),
    RemarkKind.FORM: "{lines} are perhaps not cards.",
}
"""Remarks as sentences. Of the others, the things shown beside the draft say enough."""
_IN_A_LIST = {
    RemarkKind.FORM: "{lines} are perhaps not cards",
    RemarkKind.REVISION: "it would be the new text of a card",
}
"""Remarks in a list, where their own words are not enough."""
_CODE = regex(r"`([^`]*)`")


class Item(Value):
    """The next thing to decide on: drafts, a card, a passage without a card, or a question."""

    id: str
    drafts: tuple[Waiting, ...] = ()
    """The drafts to choose from, the best first; with `card`, those that would change it."""
    card: CardHere | None = None
    outcome: HighlightOutcome | None = None
    """A passage without a card, with the reason."""
    question: Question | None = None
    proposal: Proposal | None = None
    """The card that is proposed of the passage: nothing of it is stored, so a decision makes it
    anew."""

    @property
    def offered(self) -> tuple[Offered, ...]:
        """The drafts to choose from, or the proposal."""
        return (self.proposal,) if self.proposal else self.drafts

    @property
    def turn(self) -> str:
        """A hash of the content that the item shows."""
        outcome = None if self.proposal else self.outcome
        shown = (self.offered, self.card, outcome, self.question)
        return h16(msgspec.json.encode(shown).decode())

    @property
    def highlight(self) -> Highlight | None:
        """The passage that it is about; None for a question."""
        if self.outcome:
            return self.outcome.highlight
        if self.drafts:
            return self.drafts[0].highlight
        return self.card.highlight if self.card else None

    def chosen(self, number: int) -> Waiting:
        """Return the draft with a number from 0; the best one if there is none."""
        return self.drafts[number if 0 <= number < len(self.drafts) else 0]


def next_of_passage(ledger: Ledger, highlight: Highlight) -> Item | None:
    """Return the next offer of a new card of a passage; None if there is none."""
    for offer in offers(ledger, [highlight.key]):
        if offer[0].changes is None:
            return Item(offer[0].id, offer)
    return None


def facts_seen(ledger: Ledger, highlight: Highlight) -> Sequence[Fact]:
    """Return the facts of a passage, decided and offered ones."""
    passage = ledger.passage(highlight.key)
    return passage_here(ledger, passage).facts_now()


def with_changes(fields: Fields, typed: Texts) -> Fields:
    """Return fields with the words that a person typed into some of them."""
    known = dict(fields)
    changed = {
        name: text for name, text in typed.items() if name in known or text.strip()
    }
    return tuple({**known, **changed}.items())


def with_each_gap(draft: Offered) -> list[Offered]:
    """Return the cards that a draft may become: one for each of its gaps."""
    if not draft.gaps:
        return [draft]
    cards: list[Offered] = []
    for text in draft.gaps:
        fields = {**dict(draft.fields), "Text": text}
        cards.append(replace(draft, fields=tuple(fields.items())))
    return cards


# --- reasons ----------------------------------------------------------------------------


def reasons(draft: Draft) -> Strings:
    """Return why a draft is to be looked at closely, in sentences, those of checks first."""
    sentences = []
    for finding in draft.findings:
        if finding.severity is not Severity.INFO:
            sentences.append(sentence(finding.message))
    if isinstance(draft, Waiting):
        lines = lines_like(draft.highlight.written)
        for remark in draft.remarks:
            if remark.kind in _REMARKS:
                said = _REMARKS[remark.kind]
                sentences.append(sentence(said.format(lines=lines, near=draft.near)))
    return tuple(dict.fromkeys(sentences))


def warning(draft: Draft) -> str:
    """Return the weightiest of the reasons in a line, with its remedy; "" without any.

    What a person decided before weighs less than what blocks, and more than other warnings.
    """
    said = reasons(draft)
    broken = _weightiest(draft)
    has_remark = isinstance(draft, Waiting) and any(
        remark.kind in _REMARKS for remark in draft.remarks
    )
    if broken is None or (has_remark and not draft.blocked):
        return said[-1] if said else ""
    rule, finding = broken
    # numbers, and what is said of the form of a mark, are details
    told = rule.in_words if rule.most or rule.group == "form" else finding.message
    return f"{sentence(told)} {rule.advice}"


def is_poor(draft: Draft) -> bool:
    """Return whether the weightiest warning is about its words, which a person changes."""
    broken = _weightiest(draft)
    return broken is not None and broken[0].group in ("structure", "wording")


def _weightiest(draft: Draft) -> tuple[Rule, Finding] | None:
    """Return the rule that warns most: one that blocks, else the first in the table of rules."""
    warned = {each.check: each for each in draft.findings}
    broken = [(rule, warned[rule.id]) for rule in RULES if rule.id in warned]
    severities = [Severity.BLOCK, Severity.WARN]
    broken = [each for each in broken if each[1].severity in severities]
    return min(broken, key=lambda each: severities.index(each[1].severity), default=None)


def why_waiting(draft: Waiting) -> str:
    """Return why a draft waits; "" if its findings give the reason."""
    reasons = []
    for remark in draft.remarks:
        reason = _IN_A_LIST.get(remark.kind, remark.text)
        reasons.append(reason.format(lines=lines_like(draft.highlight.written)))
    findings = draft.findings
    if reasons or any(finding.severity is not Severity.INFO for finding in findings):
        return "; ".join(reasons)
    drafter = draft.origin.drafter
    if drafter.startswith("rules") and not draft.is_own_card:
        return "a mark; you decide"
    if drafter.startswith("rules"):
        causes = "your settings, the limit of 300 cards per run, or two minutes of quiet"
        return f"no warning: {causes} make it wait"
    by = "proposed by an agent" if drafter == AGENT else "drafted by a model"
    return f"{by}; you decide"


def sentence(text: str) -> str:
    """Return words as a sentence, with quotation marks for code."""
    quoted = _CODE.sub(r"“\1”", text.strip())
    capitalised = quoted[:1].upper() + quoted[1:]
    return (
        capitalised if quoted.endswith((".", "?", "!", "…", ":")) else f"{capitalised}."
    )


# --- decisions --------------------------------------------------------------------------

OF_THE_PASSAGE = -1
"""The choice of a card that is made of words of the passage, beside the drafts."""


class Decision(Value, forbid_unknown_fields=True):
    """A decision on an item, as the script of the page sends it."""

    id: str
    """Of the item."""
    turn: str
    """Of the item that was shown; "" = whatever it is now."""
    act: str
    sitting: int = 0
    """The number of the sitting in which it was made; 0 = of none."""
    choice: int = 0
    """The number of the draft chosen, from 0, or `OF_THE_PASSAGE`."""
    gap: int = 1
    """The gap of a proposal, the best one first."""
    text: str = ""
    """The reason for a rejection, or the question of a new card."""
    fields: Texts = {}
    lines: Strings | None = None
    """The ticked lines of a form; None = all of them and later ones."""
    later: bool = False
    """Whether the answer holds for later lines of the form."""
    mode: str = "cloze"
    spans: str = ""
    """The chosen words of a passage."""
    masks: str = ""
    """The masks of a figure, as the person left them; "" = as they are."""
    cut: str = ""
    """The part of a proposal's sentence that stays on the card, `3-80`; "" = all of it."""
    before: bool = False
    """Whether the sentence before stands on the card, too."""
    forced: bool = False
    """Whether the person insists although a check blocks the words."""


class DecisionResult(Value):
    """The result of a decision: how to take it back, and the item that comes next."""

    undo: str
    """The id of the action for `undo`; "" if nothing takes it back."""
    rest: Item | None = None
    """The next fact of the same passage, which follows at once."""
    later: Item | None = None
    """The next fact of a passage of which one was rejected: it comes last."""


class StaleError(RefusedError):
    """The item has changed since it was painted, or no longer waits."""

    def __init__(
        self, item: Item | None, face: Json | None = None, why: str = ""
    ) -> None:
        self.item = item
        self.face = face
        """The face of the item now, as the page shows it."""
        self.sitting: Json | None = None
        """The sitting in which the decision was made, as it is now."""
        message = why or "This no longer waits."
        if item or face:
            message = "This has changed meanwhile. Look again."
        super().__init__(message)


def _selection(decision: Decision) -> Selection:
    """Return the words that a decision selects in the sentence of a proposal."""
    return Selection(decision.spans, decision.cut, decision.before)


class Review:
    """A person who looks at items and decides on them."""

    def __init__(self, workspace: Workspace) -> None:
        """Show items of a workspace."""
        self._workspace = workspace
        self._ledger: Ledger = workspace.ledger

    def item(self, id: str) -> Item | None:
        """Return one item; None if it no longer waits.

        A draft is one with all those of its offer. A passage has one as long as nothing of it
        waits and it has no card, also if the person left it out; and as long as a further
        sentence has a proposal.
        """
        ledger = self._ledger
        if is_draft_id(id):
            offer = next(offers(ledger, [id]), None)
            if offer is None:
                return None
            changed = offer[0].changes
            if changed is not None:
                card = cards.card_of(ledger, changed)
                return Item(id, offer, as_in_anki(ledger, card))
            return Item(id, offer)
        if is_question_id(id):
            for question in questions.open_questions(ledger):
                if question.id == id:
                    return Item(id, question=question)
            return None
        if is_highlight_key(id):
            outcome = next(overview.fates(ledger, id), None)
            return self._of_passage(id, outcome) if outcome else None
        line = next(lines_as_in_anki(ledger, lists.lines(ledger, [id])), None)
        return Item(id, card=line) if isinstance(line, CardHere) else None

    def _of_passage(self, id: str, outcome: HighlightOutcome) -> Item | None:
        found = proposal_of(self._ledger, outcome)
        if isinstance(found, Proposal):
            return Item(id, outcome=outcome, proposal=found)
        if outcome.fate in (*WITHOUT, "left_out"):
            return Item(id, outcome=replace(outcome, reason=found))
        return None

    def current(self, decision: Decision) -> Item:
        """Return the item of a decision.

        Raises:
            StaleError: it is not the one that was painted, or no longer waits.
        """
        item = self.item(decision.id)
        if item is None and is_highlight_key(decision.id):
            if next(overview.fates(self._ledger, decision.id), None) is None:
                raise StaleError(None, why="This passage is not in its source now.")
        if item is None or decision.turn not in ("", item.turn):
            raise StaleError(item)
        return item

    def decide(self, decision: Decision) -> DecisionResult:
        """Carry out a decision.

        Raises:
            StaleError: the item is not the one that was painted.
            ForgeError: the decision is refused, with the reason.
        """
        item = self.current(decision)
        undoable = True
        with self._ledger.action() as action:
            of_passage = decision.choice == OF_THE_PASSAGE
            if decision.act == "make" and (of_passage or not item.offered):
                self._make_of_words(decision, item.highlight)
            elif item.question:
                self._answer(decision, item.question)
                undoable = item.question.kind is not QuestionKind.EMPTIED
            elif item.proposal:
                self._decide_on_proposal(decision, item.proposal)
            elif item.outcome:
                self._decide_on_passage(decision, item.outcome.highlight)
            elif decision.act == "restore":
                undo(self._ledger, decision.id)
                undoable = False
            elif item.drafts:
                self._decide_on_offer(decision, item)
            else:
                self._decide_on(decision.id, decision)

        rest = None
        if item.offered and not item.card:
            highlight = item.offered[0].highlight
            further = next_of_passage(self._ledger, highlight)
            further = further or self.item(highlight.key)
            rest = further if further and further.offered else None
        if decision.act == "reject":
            return DecisionResult(action if undoable else "", later=rest)
        return DecisionResult(action if undoable else "", rest)

    def _make_of_words(self, decision: Decision, highlight: Highlight | None) -> None:
        """Make a card of the words of a passage that a person chose."""
        if highlight is None:
            raise RefusedError("No card can be made here.")
        question = None if decision.mode == "cloze" else decision.text
        fields = fields_from_spans(highlight, decision.spans, question)
        self._make(decision, highlight, fields)

    def _decide_on_passage(self, decision: Decision, highlight: Highlight) -> None:
        """Write a card of a passage that has no draft, or note that none is wanted."""
        match decision.act:
            case "none":
                self._ledger.reject(highlight.key)
            case "write":
                self._make(decision, highlight, new_fields(decision.fields))
            case _:
                raise RefusedError(f"This cannot be done here: {decision.act}")

    def _decide_on_proposal(self, decision: Decision, proposal: Proposal) -> None:
        """Make a card of a proposal, as it is or in other words, or reject its sentence."""
        ledger = self._ledger
        highlight = proposal.highlight
        match decision.act:
            case "accept":
                decks = self._workspace.decks
                proposals.accept(ledger, proposal, decks, gap=decision.gap)
            case "reject":
                decide.reject_proposal(ledger, proposal, decision.text)
            case "none" | "passage":
                ledger.reject(highlight.key, decision.text)
            case "write" | "instead":
                self._make(decision, highlight, new_fields(decision.fields))
            case "edit":
                fields = with_changes(proposal.fields, decision.fields)
                self._make(decision, highlight, new_fields(dict(fields)))
            case "make":
                question = None if decision.mode == "cloze" else decision.text
                fields = fields_from_sentence(proposal, _selection(decision), question)
                self._make(decision, highlight, fields)
            case _:
                raise RefusedError(f"This cannot be done here: {decision.act}")

    def _decide_on_offer(self, decision: Decision, item: Item) -> None:
        """Decide on a fact, on the rest of its passage, or on the draft that is chosen."""
        ledger = self._ledger
        chosen = item.chosen(decision.choice)
        match decision.act:
            case "reject":
                ledger.reject(item.drafts[0].id, decision.text)
            case "passage":
                ledger.reject(chosen.highlight.key, decision.text)
            case "write":  # beside what was drafted
                self._make(decision, chosen.highlight, new_fields(decision.fields))
            case "instead":  # of the draft, unless that was decided with it
                self._make(decision, chosen.highlight, new_fields(decision.fields))
                waiting = lists.waiting_among(ledger, [chosen.highlight.key])
                if any(draft.id == chosen.id for draft in waiting):
                    ledger.reject(chosen.id)
            case "make" if chosen.gaps:
                question = None if decision.mode == "cloze" else decision.text
                fields = fields_from_sentence(chosen, _selection(decision), question)
                self._make(decision, chosen.highlight, fields)
            case _:
                self._decide_on(chosen.id, decision)

    def _answer(self, decision: Decision, question: Question) -> None:
        ledger = self._ledger
        if decision.act != "accept":
            ledger.reject(question.id)
            return
        if question.kind is QuestionKind.FORM and decision.lines is not None:
            # a tick may stand for several lines with one front
            ticked = set(" ".join(decision.lines).split()).intersection(question.drafts)
            self._make_ticked(question, ticked, later=decision.later)
            return
        ledger.accept(question.id)

    def _make_ticked(
        self, question: Question, ticked: Collection[str], *, later: bool
    ) -> None:
        """Make cards of the ticked lines, and none of the others; `later`: the answer stands."""
        ledger = self._ledger
        unticked = [id for id in question.drafts if id not in ticked]
        if later and ticked:
            questions.answer(ledger, question.id, yes=True, without=unticked)
        else:
            for id in unticked:
                ledger.reject(id)
        for draft in lists.waiting_among(ledger, ticked):
            if not draft.blocked:
                ledger.accept(draft.id)

    def _decide_on(self, id: str, decision: Decision) -> None:
        """Decide on one card or draft.

        Raises:
            RefusedError: the decision is for other items.
        """
        ledger = self._ledger
        match decision.act:
            case "accept" if decision.masks:
                decide.accept(ledger, id, masks=decision.masks)
            case "masks":
                decide.set_masks(ledger, id, decision.masks)
            case "accept" | "another":
                ledger.accept(id, gap=decision.gap, another=decision.act == "another")
            case "force":
                ledger.accept(id, gap=decision.gap, forced=True)
            case "reject":
                ledger.reject(id, decision.text)
            case "edit":
                guid, _ = edit(ledger, id, decision.fields, forced=decision.forced)
                place(ledger, guid, decision.fields, self._workspace.decks)
            case _:
                raise RefusedError(f"This cannot be done here: {decision.act}")

    def _make(self, decision: Decision, highlight: Highlight, fields: Fields) -> None:
        decks = self._workspace.decks
        guid, _ = make(self._ledger, highlight, fields, decks, forced=decision.forced)
        place(self._ledger, guid, decision.fields, decks)

    def others(self, item: Item) -> Item:
        """Let the model draft other cards of a passage, and return their item.

        Raises:
            ForgeError: it has none, does not answer, or may not be asked.
        """
        highlight = item.outcome.highlight if item.outcome else item.drafts[0].highlight
        before = {
            draft.id for draft in lists.waiting_among(self._ledger, [highlight.key])
        }
        self._workspace.draft_others(highlight.key)
        for draft in lists.waiting_among(self._ledger, [highlight.key]):
            new = self.item(draft.id) if draft.id not in before else None
            if new is not None:
                return new
        raise RefusedError("The model has no other card for this passage.")

    def preview(self, decision: Decision) -> Shown:
        """Return the card that the fields of an editor make, or that of chosen words.

        Raises:
            StaleError: the item no longer waits.
            UsageError: the fields make no card.
        """
        item = self.item(decision.id)
        if item is None:
            raise StaleError(None)
        if item.outcome and not item.proposal:
            fields = new_fields(decision.fields)
            highlight = item.outcome.highlight
            kind = CardKind.of(dict(fields))
            return Preview(
                highlight.key, kind, fields, Origin(PERSON), passages=(highlight,)
            )
        if item.offered:
            draft: Offered = item.proposal or item.chosen(decision.choice)
            fields = with_changes(draft.fields, decision.fields)
            if decision.spans:
                fields = fields_from_sentence(draft, _selection(decision), None)
            return replace(draft, fields=fields)
        if item.card is None:
            raise RefusedError("This cannot be edited.")
        fields = with_changes(item.card.fields, decision.fields)
        return replace(item.card, fields=fields)


# --- many at once -----------------------------------------------------------------------


def taken_together(
    ledger: Ledger, ids: Sequence[str], query: str
) -> tuple[list[str], Counter[str]]:
    """Return the first draft of each offer if it is clean, and the number of others by reason.

    A query that names a warning takes these, too; of an offer it may match only some of the
    drafts.
    """
    chosen: list[str] = []
    left = Counter[str]()
    matching = set(ids)
    named = set(query.split())
    for offer in offers(ledger, ids):
        first, *others = [draft for draft in offer if draft.id in matching]
        reason = _why_left(first, named)
        if reason:
            left[reason] += 1
        else:
            chosen.append(first.id)
        if others:
            left["another draft of the same fact"] += len(others)
    return chosen, left


def _why_left(draft: Waiting, named: Set[str]) -> str:
    """Return why only the person decides on a draft; "" if it is taken with others."""
    for remark in draft.remarks:
        if remark.kind in (RemarkKind.FORM, RemarkKind.MOVED):
            return "held back by a question: ankiforge list --view questions"
        if remark.kind is RemarkKind.EQUAL_CARD:
            return "with the words of a card"
        if remark.kind is not RemarkKind.TAKEN_BACK:
            return remark.kind.value
    for finding in draft.findings:
        warning = f"finding:{finding.check}"
        if finding.severity is not Severity.INFO and warning not in named:
            return in_words(finding.check)
    return ""


# --- the ending of ten, and of a list ---------------------------------------------------


def made_by(ledger: Ledger, actions: Collection[str]) -> Iterator[CardHere]:
    """Yield the live cards that decisions made or changed, by the ids that `undo` takes."""
    wanted = set(actions)
    guids = dict.fromkeys(
        entry.guid for entry in ledger.history() if entry.id in wanted and entry.guid
    )
    for guid in reversed(guids):
        with suppress(ForgeError):
            card = card_of(ledger, Guid(guid))
            if card.live:
                yield card
