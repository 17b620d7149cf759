"""Alternatives: drafts of one intent, of which a person picks one.

Those of one note type share a card. Where both note types were drafted there is a card for each, tied
by `card.choice`: one of them becomes the card, the others give way to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec import json

from ankiforge.ledger.cards import TAGGED, Cards, letter_of
from ankiforge.ledger.db import Connection
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.events import OVER, PERSON, SOURCE, Columns, Event, choosing, standing
from ankiforge.ledger.slots import ALIKE, likeness, match_groups, without_card
from ankiforge.model import (
    AcceptedBy,
    Candidate,
    CandidateState,
    Card,
    CardKind,
    Checked,
    Draft,
    Family,
    Fields,
    Guid,
    HighlightKey,
    Standing,
    Verdict,
)
from ankiforge.text.cloze import keep_numbers, numbers
from ankiforge.text.fold import same

_KINDS = tuple(CardKind)


Row = list[Checked]
"""The candidates of one choice that are of one note type: they share a card."""


def intents(drafts: list[Checked]) -> list[list[Row]]:
    """Drafts grouped into choices, in the order (start, kind), each into rows by note type.

    The row of the first candidate that no check forbids comes first.
    """
    groups: dict[int, list[Checked]] = {}
    for checked in drafts:
        groups.setdefault(checked.draft.intent, []).append(checked)
    choices = [_rows(group) for group in groups.values()]
    return sorted(choices, key=lambda rows: min(map(_place, rows[0])))


def _place(checked: Checked) -> tuple[int, int]:
    return checked.draft.start, _KINDS.index(checked.draft.kind)


def _rows(group: list[Checked]) -> list[Row]:
    rows: dict[Family, Row] = {}
    for checked in sorted(group, key=lambda one: one.blocked):
        rows.setdefault(checked.draft.kind.family, [])
    for checked in group:
        rows[checked.draft.kind.family].append(checked)
    return list(rows.values())


def foremost(row: Row) -> Checked:
    """The candidate that leads: the first that no check forbids."""
    return next((checked for checked in row if not checked.blocked), row[0])


# --- cloze numbers --------------------------------------------------------------------------


def numbered_as_before(checked: Checked, card: Card, there: set[int]) -> Checked:
    """A revision with the cloze numbers that the card has; none of those `there` is in Anki."""
    used = there | {n for c in card.candidates for n in numbers(c.draft.field("Text"))}
    return _numbered_as(checked, dict(card.fields).get("Text", ""), tuple(used))


def numbered_as_journalled(history: list[Event], group: list[Checked]) -> list[Checked]:
    """The cloze numbers a card had in a ledger that was lost, if its passage was edited there."""
    changes = [d.body for d in history if d.what in ("revise", "edit")]
    sides = [body.get(side, {}).get("fields") for body in changes for side in ("before", "after")]
    said = [dict(json.decode(fields)).get("Text", "") for fields in sides if fields]
    if not said:
        return group
    used = {number for text in said for number in numbers(text)}
    return [_numbered_as(checked, said[-1], tuple(used)) for checked in group]


def _numbered_as(checked: Checked, before: str, used: tuple[int, ...]) -> Checked:
    """Cloze numbers are identity: a revision keeps them."""
    if checked.draft.kind is not CardKind.CLOZE:
        return checked
    text = keep_numbers(before, checked.draft.field("Text"), used)
    fields = tuple(
        (name, text if name == "Text" else value) for name, value in checked.draft.fields
    )
    return replace(checked, draft=replace(checked.draft, fields=fields))


@dataclass(frozen=True, slots=True)
class _TurnedDown:
    """Words that a person did not want."""

    guid: Guid
    kind: CardKind
    fields: Fields
    answer: str
    whole: bool = False
    """With the card they were."""


def preference(candidate: Candidate) -> dict[str, Any]:
    """A candidate, as a decision remembers what was preferred, and over what."""
    draft, origin = candidate.draft, candidate.draft.origin
    return {
        "draft": candidate.id,
        "kind": draft.kind.value,
        "fields": dict(draft.fields),
        "answer": draft.answer,
        "drafter": origin.drafter,
        "model": origin.model,
        "prompt": origin.prompt,
    }


class Choices:
    """What belongs to one choice, and what of it is settled."""

    def __init__(self, connection: Connection, decisions: Decisions, cards: Cards) -> None:
        self._db = connection
        self._decisions = decisions
        self._cards = cards

    # --- one is the card --------------------------------------------------------------------

    def live_others(self, card: Card) -> list[Card]:
        """The other alternatives of a choice that are not retired, rejected cards included."""
        return [one for one in self._cards.of_choice(card) if one.standing is Standing.LIVE]

    def give_way(self, others: Iterable[Card], to: Guid, action: str) -> None:
        """Let alternatives give way to the card that a person chose, by the same action."""
        for one in others:
            self._give_way(one, to, PERSON, action)

    def _give_way(self, card: Card, to: Guid, by: str, action: str) -> None:
        after, states = _given_way(card, to)
        self._decisions.change(
            card.guid, "supersede", after, by=by, action=action, candidates=states,
            extra={"answer": card.leading.draft.answer},
        )  # fmt: skip
        self._decisions.part_others(card.guid)

    def leave(self, guids: Sequence[Guid], choices: Iterable[str]) -> None:
        """Cards of these choices that nothing was drawn for now give way to those that were."""
        first = self._cards.get(guids[0])
        for choice in sorted({first.choice, *choices} - {""}):
            for card in self._cards.in_choice(choice):
                if card.guid not in guids and card.standing is Standing.LIVE:
                    self._give_way(card, first.guid, SOURCE, "")

    def others(self, card: Card) -> list[Card]:
        """The other cards of the choice that a card is of, whatever became of them."""
        return self._cards.of_choice(card)

    def gave_way(self, card: Card) -> bool:
        """Whether a card is none because another of its choice is it."""
        if card.standing is not Standing.SUPERSEDED:
            return False
        return card.standing_why in {one.guid for one in self._cards.of_choice(card)}

    def revive(self, card: Card) -> None:
        """What gave way waits again: it was drawn anew while nobody has chosen."""
        after = {"standing": Standing.LIVE.value, "standing_why": ""}
        self._decisions.change(card.guid, "revive", after, by=SOURCE)

    def tie(self, guids: Sequence[Guid], choice: str = "") -> None:
        """Make cards one choice, but for those a person took out; what the journal knows holds."""
        guids = [guid for guid in guids if not self._taken_out(guid)]
        if len(guids) < 2 and not choice:
            return
        self._cards.tie(guids, choice or guids[0])
        for card in self._cards.several(guids):
            if self.gave_way(card) and not self._choosing([card, *self._cards.of_choice(card)]):
                self.revive(card)

    def rejoin(self, guid: Guid) -> None:
        """A card that came back is one choice again with those that gave way to it."""
        card = self._cards.get(guid)
        slot = (card.key, card.slot, Standing.SUPERSEDED, guid)
        there = self._cards.of_highlight(card.highlight.key)
        gave_way = [c for c in there if (c.key, c.slot, c.standing, c.standing_why) == slot]
        if gave_way:
            guids = [guid, *(one.guid for one in gave_way)]
            self._cards.tie(guids, gave_way[0].choice or gave_way[0].guid)

    def _taken_out(self, guid: Guid) -> bool:
        """Whether a person wanted this card beside the one it had given way to."""
        changes = [decided.body.get("after", {}) for decided in standing(self._decisions.of(guid))]
        return any(after.get("choice") == "" for after in changes)

    def last_choosing(self, card: Card) -> str:
        """The id of the decision by which something of a card's choice was chosen last, or ""."""
        made = self._choosing([card, *self._cards.of_choice(card)])
        return made[-1].id if made else ""

    def _choosing(self, cards: list[Card]) -> list[Event]:
        return choosing(event for card in cards for event in self._decisions.of(card.guid))

    # --- what is drawn anew -----------------------------------------------------------------

    def matched(
        self,
        existing: list[Card],
        groups: list[list[Row]],
        exact: str,
        kept: dict[int, set[Guid]],
    ) -> list[list[Card | None]]:
        """For each row of each choice the card it revises, those included that gave way.

        Of a choice that was `kept` (see `wanted`) it is the card that was chosen.
        """
        drawn = [[checked.draft for checked in row] for rows in groups for row in rows]
        found = iter(match_groups(existing, drawn, exact, self._journalled(existing, drawn)))
        placed = [[next(found) for _ in rows] for rows in groups]
        taken = {card.guid for cards in placed for card in cards if card}
        for rows, cards in zip(groups, placed, strict=True):
            stands = kept.get(rows[0][0].draft.intent, set())
            for at, row in enumerate(rows):
                cards[at] = cards[at] or _chosen(existing, row, stands - taken)
                cards[at] = cards[at] or self._drawn_before(existing, row, taken)
                taken |= {card.guid for card in cards if card}
            for at, row in enumerate(rows):
                tied = {card.choice for card in cards if card} - {""}
                cards[at] = cards[at] or _mate(existing, row, tied, taken)
                taken |= {card.guid for card in cards if card}
        return placed

    def _journalled(self, existing: list[Card], drawn: list[list[Draft]]) -> frozenset[int]:
        """Rows with an answer of a card that was drawn of the same highlight, and is not here."""
        keys = {card.highlight.key for card in existing}
        lacking = [one for key in keys for one in without_card(self._db, key)]
        return frozenset(
            at
            for at, drafts in enumerate(drawn)
            for draft in drafts
            for _, family, answer in lacking
            if draft.kind.family is family and same(draft.answer, answer)
        )

    def _drawn_before(self, existing: list[Card], row: Row, taken: set[Guid]) -> Card | None:
        """The card with an answer of a row that gave way in its choice, while nobody has chosen."""
        for card in existing:
            if card.guid in taken or card.family is not row[0].draft.kind.family:
                continue
            answers = [one.draft.answer for one in card.candidates]
            says = any(same(one.draft.answer, answer) for one in row for answer in answers)
            if says and self.gave_way(card) and not any(map(is_decided, self.others(card))):
                return card
        return None

    def meant(
        self,
        existing: list[Card],
        groups: list[list[Row]],
        matched: list[list[Card | None]],
        kept: dict[int, set[Guid]],
    ) -> dict[int, list[Card]]:
        """By the place of a new choice the cards that wait, and that a person asked again about.

        Where but one thing is made of the passage it is that, else what is most like the new one.
        Those of its note type are put into `matched`. Nothing that was chosen is asked about.
        """
        decided = {card.guid for card in existing if is_decided(card)}
        live = [c for c in existing if c.standing is Standing.LIVE]
        live = [c for c in live if c.verdict is not Verdict.REJECTED]
        taken = {_choice_of(card) for cards in matched for card in cards if card}
        found: dict[int, list[Card]] = {}
        for at, (rows, cards) in enumerate(zip(groups, matched, strict=True)):
            free = [c for c in live if c.guid not in decided and _choice_of(c) not in taken]
            one = _most_like(free, rows, things=len(set(map(_choice_of, live))))
            if one is None or any(cards) or decided & kept.get(rows[0][0].draft.intent, set()):
                continue
            taken.add(_choice_of(one))
            mates = [c for c in free if _choice_of(c) == _choice_of(one)]
            cards[:] = [_of_family(mates, row) for row in rows]
            found[at] = [mate for mate in mates if mate not in cards]
        return found

    def wanted(
        self, key: HighlightKey, drafts: list[Checked], existing: list[Card]
    ) -> tuple[list[Checked], dict[int, set[Guid]]]:
        """Drafts without those that a person has passed over or rejected, whatever their kind.

        And by intent the cards that stand for what was left out. An answer that a live card of the
        same note type has is no new one.
        """
        unwanted = [one for card in existing for one in self._turned_down(card)]
        unwanted += self._remembered(key, drafts)
        live = [c for c in existing if c.standing is Standing.LIVE]
        live = [c for c in live if c.verdict is not Verdict.REJECTED]
        wanted: list[Checked] = []
        kept: dict[int, set[Guid]] = {}
        for checked in drafts:
            draft = checked.draft
            found = {one.guid for one in unwanted if _is(one, draft, live)}
            wanted += [] if found else [checked]
            if found:
                tied = {card.choice for card in existing if card.guid in found} - {""}
                mates = {card.guid for card in existing if card.choice in tied}
                kept[draft.intent] = kept.get(draft.intent, set()) | found | mates
        return wanted, kept

    def _turned_down(self, card: Card) -> Iterator[_TurnedDown]:
        tagged = card.standing is Standing.RETIRED and card.standing_why == TAGGED
        if card.verdict is Verdict.REJECTED or tagged:
            for one in dict.fromkeys((card.leading, *card.open)):
                draft = one.draft
                yield _TurnedDown(card.guid, draft.kind, draft.fields, draft.answer, whole=True)
        yield from self._passed_over(card.guid)

    def _passed_over(self, guid: Guid) -> Iterator[_TurnedDown]:
        for decided in standing(self._decisions.of(guid)):
            for said in decided.body.get(OVER, ()):
                yield _TurnedDown(
                    guid, CardKind(said["kind"]), tuple(said["fields"].items()), said["answer"]
                )

    def _remembered(self, key: HighlightKey, drafts: list[Checked]) -> Iterator[_TurnedDown]:
        """What the journal says was turned down, of cards that nothing drawn now will be."""
        for guid, family, answer in without_card(self._db, key):
            drawn = [one.draft for one in drafts if one.draft.kind.family is family]
            if any(same(draft.answer, answer) for draft in drawn):
                continue
            yield from self._passed_over(guid)
            said = [d.body["after"]["verdict"] for d in standing(self._decisions.of(guid))
                    if d.body.get("after", {}).get("verdict") and not d.undoes]  # fmt: skip
            if said and said[-1] == Verdict.REJECTED:
                kind = CardKind.CLOZE if family is Family.CLOZE else CardKind.BASIC
                yield _TurnedDown(guid, kind, (), answer, whole=True)


def _given_way(card: Card, to: Guid) -> tuple[Columns, dict[str, str]]:
    """The columns of a card that gives way, and the states of its candidates."""
    after: Columns = {
        "standing": Standing.SUPERSEDED.value,
        "standing_why": to,
        "verdict": Verdict.PENDING.value,
        "accepted_by": AcceptedBy.NOBODY.value,
    }
    return after, {letter_of(one): CandidateState.PASSED.value for one in card.open}


def _is(one: _TurnedDown, draft: Draft, live: list[Card]) -> bool:
    """Whether a draft is what was turned down, and is not what a card says now."""
    family = draft.kind.family
    mine = [card for card in live if card.family is family]
    if not one.whole and one.kind.family is family and one.fields == draft.fields:
        return all(card.fields != draft.fields for card in mine)
    if draft.by_hand or not same(one.answer, draft.answer):
        return False
    says = ((card.picked,) if card.picked else card.open for card in mine)
    return not any(same(c.draft.answer, draft.answer) for those in says for c in those)


def _chosen(existing: list[Card], row: Row, among: set[Guid]) -> Card | None:
    """Which of these cards was chosen, if it is of the note type of a row."""
    for card in existing:
        fits = card.guid in among and card.family is row[0].draft.kind.family
        if fits and is_decided(card):
            return card
    return None


def is_decided(card: Card) -> bool:
    """Whether a live card is what somebody chose or wrote."""
    return card.standing is Standing.LIVE and (card.verdict is Verdict.ACCEPTED or card.edited)


def _choice_of(card: Card) -> str:
    return card.choice or card.guid


def _of_family(cards: list[Card], row: Row) -> Card | None:
    return next((card for card in cards if card.family is row[0].draft.kind.family), None)


def _most_like(cards: list[Card], rows: list[Row], things: int) -> Card | None:
    """The card that a new choice is most like; of one of a passage's `things` no likeness is asked."""
    drafts = [checked.draft for row in rows for checked in row]

    def alike(card: Card) -> float:
        old = card.leading.draft
        return max(likeness(old.answer, old.quote, draft) for draft in drafts)

    best = max(cards, key=alike, default=None)
    return best if best and (things == 1 or alike(best) >= ALIKE) else None


def _mate(existing: list[Card], row: Row, tied: set[str], taken: set[Guid]) -> Card | None:
    """The card of one of these choices that a row of its note type belongs to."""
    for card in existing:
        fits = card.choice in tied and card.family is row[0].draft.kind.family
        gone = card.standing is Standing.RETIRED or card.verdict is Verdict.REJECTED
        if fits and not gone and card.guid not in taken:
            return card
    return None
