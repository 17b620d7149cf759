"""Items: what is shown at once to a person who decides, and the ways to decide on it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import (
    WITHOUT,
    HighlightOutcome,
    Ledger,
    cards,
    lists,
    overview,
    questions,
    settling,
)
from ankiforge.ledger.facts import Fact
from ankiforge.ledger.offers import offers
from ankiforge.model import (
    AGENT,
    Card,
    Fields,
    Highlight,
    Question,
    RemarkKind,
    Severity,
    Strings,
    Texts,
    Value,
    h16,
    is_draft_id,
    is_highlight_key,
    is_question_id,
)
from ankiforge.pipeline.collection import as_in_anki, lines_as_in_anki
from ankiforge.text import regex

_REMARKS = {
    RemarkKind.EQUAL_CARD: "You have a card with the same words.",
    RemarkKind.REJECTED_ELSEWHERE: "You rejected the same words in another place.",
    RemarkKind.DECIDED_ON_LOST: (
        "You decided before on a passage with nearly the same words, which is gone."
    ),
    RemarkKind.NEAR: "You decided on nearly the same words: “{near}”.",
    RemarkKind.DECIDED_BEFORE: "You rejected or changed a card of this sentence before.",
    RemarkKind.UNKNOWN_NOTES: "Anki has notes of this document that are no cards here.",
    RemarkKind.REPLACEMENT: (
        "Your card of this passage would be replaced, and its schedule would end."
    ),
    RemarkKind.FORM: "Lines like “{written}” may be no cards.",
}
"""Remarks as sentences. Of the others, the things shown beside the draft say enough."""
_IN_A_LIST = {
    RemarkKind.FORM: "lines like `{written}` may be no cards",
    RemarkKind.REVISION: "it would be the new text of a card",
}
"""Remarks in a list, where their own words are not enough."""
QUESTION_KEY = "q"
"""The key of a small model's question; without one, of a question by the person."""
_CODE = regex(r"`([^`]*)`")


class Item(Value):
    """The next thing to decide on: drafts, a card, a passage without a card, or a question."""

    id: str
    drafts: tuple[Card, ...] = ()
    """The drafts to choose from, the best first; with `card`, those that would change it."""
    card: Card | None = None
    outcome: HighlightOutcome | None = None
    question: Question | None = None

    @property
    def turn(self) -> str:
        """A hash of all that it shows."""
        shown = (self.drafts, self.card, self.outcome, self.question)
        return h16(msgspec.json.encode(shown).decode())

    @property
    def highlight(self) -> Highlight | None:
        """The passage that it is about; None for a question."""
        if self.outcome:
            return self.outcome.highlight
        if self.drafts:
            return self.drafts[0].highlight
        return self.card.highlight if self.card else None

    def chosen(self, number: int) -> Card:
        """Return the draft with a number from 0; the best one if there is none."""
        return self.drafts[number if 0 <= number < len(self.drafts) else 0]


def item_of(ledger: Ledger, id: str) -> Item | None:
    """Return the item with an id, a draft with all those of its offer; None if none waits."""
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
        if outcome and outcome.fate in WITHOUT:
            return Item(id, outcome=outcome)
        return None
    line = next(lines_as_in_anki(ledger, lists.lines(ledger, [id])), None)
    return Item(id, card=line) if line else None


def next_of_passage(ledger: Ledger, highlight: Highlight) -> Item | None:
    """Return the next offer of a new card of a passage; None if there is none."""
    for offer in offers(ledger, [highlight.key]):
        if offer[0].changes is None:
            return Item(offer[0].id, offer)
    return None


def facts_seen(ledger: Ledger, highlight: Highlight) -> Sequence[Fact]:
    """Return the facts of a passage, decided and offered ones."""
    passage = ledger.passage(highlight.key)
    return settling.offered_passage(ledger, passage).facts_now()


def with_changes(fields: Fields, typed: Texts) -> Fields:
    """Return fields with the words that a person typed into some of them."""
    known = dict(fields)
    changed = {
        name: text for name, text in typed.items() if name in known or text.strip()
    }
    return tuple({**known, **changed}.items())


def small_question(drafts: Sequence[Card]) -> int | None:
    """Return the place of a small model's question behind the other drafts; None without one."""
    for place, draft in enumerate(drafts):
        if place and draft.origin.by_steps:
            return place
    return None


def with_each_gap(draft: Card) -> list[Card]:
    """Return the cards that a draft may become: one for each of its gaps."""
    if not draft.gaps:
        return [draft]
    cards = []
    for text in draft.gaps:
        fields = {**dict(draft.fields), "Text": text}
        cards.append(replace(draft, fields=tuple(fields.items())))
    return cards


# --- reasons ----------------------------------------------------------------------------


def reasons(draft: Card) -> Strings:
    """Return why a draft is to be looked at closely, in sentences, those of checks first."""
    sentences = []
    for finding in draft.findings:
        if finding.severity is not Severity.INFO:
            sentences.append(sentence(finding.message))
    for remark in draft.remarks:
        if remark.kind in _REMARKS:
            said = _REMARKS[remark.kind]
            words = {"written": draft.highlight.written, "near": draft.near}
            sentences.append(said.format(**words))
    return tuple(dict.fromkeys(sentences))


def why_waiting(draft: Card) -> str:
    """Return why a draft waits; "" if its findings give the reason."""
    reasons = []
    for remark in draft.remarks:
        reason = _IN_A_LIST.get(remark.kind, remark.text)
        reasons.append(reason.format(written=draft.highlight.written))
    findings = draft.findings
    is_warned = any(finding.severity is not Severity.INFO for finding in findings)
    if reasons or is_warned:
        return "; ".join(reasons)
    drafter = draft.origin.drafter
    if drafter.startswith("rules"):
        causes = "your settings, the limit of 300 cards per run, or two minutes of quiet"
        return f"no warning: {causes} make it wait"
    if draft.proposed:
        return "proposed; you decide"
    by = "proposed by an agent" if drafter == AGENT else "drafted by a model"
    return f"{by}; you decide"


def sentence(text: str) -> str:
    """Return words as a sentence, with quotation marks for code."""
    quoted = _CODE.sub(r"“\1”", text.strip())
    capitalised = quoted[:1].upper() + quoted[1:]
    return capitalised if quoted.endswith((".", "?", "!", "…")) else f"{capitalised}."
