"""Alternatives: drafts of one fact, of which a person picks one.

Alternatives of one note type are candidates of one card. If both note types were drafted, there is a
card for each, linked by `card.choice`; picking one card supersedes the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from msgspec import json

from ankiforge.ledger.cards import TAGGED, Cards, letter_of
from ankiforge.ledger.db import Connection
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.events import (
    OVER,
    PERSON,
    SOURCE,
    Columns,
    Event,
    choosing,
    columns_set,
    standing,
)
from ankiforge.ledger.slots import ALIKE, likeness, match_groups, without_card
from ankiforge.model import (
    AcceptedBy,
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
from ankiforge.text.cloze import keep_numbers
from ankiforge.text.fold import same

_KINDS = tuple(CardKind)


Row = list[Checked]
"""Alternatives of one note type, which become the candidates of one card."""


def intents(drafts: list[Checked]) -> list[list[Row]]:
    """Group drafts by intent, ordered by (start, kind), and each group by note type.

    The note type of the first candidate that no check blocks comes first.
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
    """Return the leading candidate: the first that no check blocks, else the first."""
    return next((checked for checked in row if not checked.blocked), row[0])


# --- cloze numbers --------------------------------------------------------------------------


def numbered_as_before(
    checked: Checked, card: Card, in_anki: set[int], *, in_order: bool = False
) -> Checked:
    """Renumber the gaps of a revision as in its card; new gaps get numbers not `in_anki`."""
    texts = [c.draft.field("Text") for c in card.candidates]
    texts.append(dict(card.fields).get("Text", ""))
    return _numbered_as(checked, texts, tuple(in_anki), in_order)


def numbered_as_journalled(history: list[Event], group: list[Checked]) -> list[Checked]:
    """Renumber the gaps of drafts as in the journal's events about a card of a lost ledger."""
    changes = [d.body for d in history if d.what in ("revise", "edit")]
    sides = [body.get(side, {}).get("fields") for body in changes for side in ("before", "after")]
    texts = [dict(json.decode(fields)).get("Text", "") for fields in sides if fields]
    if not texts:
        return group
    return [_numbered_as(checked, texts) for checked in group]


def _numbered_as(
    checked: Checked, texts: list[str], used: tuple[int, ...] = (), in_order: bool = False
) -> Checked:
    """Renumber the gaps of a draft as in its earlier texts, because they identify cards in Anki."""
    if checked.draft.kind is not CardKind.CLOZE:
        return checked
    *earlier, before = texts
    text = keep_numbers(before, checked.draft.field("Text"), used, earlier[::-1], in_order=in_order)
    fields = tuple(
        (name, text if name == "Text" else value) for name, value in checked.draft.fields
    )
    return replace(checked, draft=replace(checked.draft, fields=fields))


@dataclass(frozen=True, slots=True)
class _Unwanted:
    """A draft that a person rejected, or passed over for another candidate."""

    guid: Guid
    kind: CardKind
    fields: Fields
    answer: str
    whole: bool = False
    """Whether the whole card was rejected, not only this candidate."""


class Alternatives:
    """The alternatives of cards, and which of them were picked."""

    def __init__(self, connection: Connection, decisions: Decisions, cards: Cards) -> None:
        self._db = connection
        self._decisions = decisions
        self._cards = cards

    # --- picking one ------------------------------------------------------------------------

    def live_others(self, card: Card) -> list[Card]:
        """Return the other alternatives that are live, including rejected ones."""
        return [one for one in self._cards.of_choice(card) if one.standing is Standing.LIVE]

    def supersede(self, others: Iterable[Card], to: Guid, action: str) -> None:
        """Supersede alternatives by the card that a person picked, in the same action."""
        for one in others:
            self._supersede(one, to, PERSON, action)

    def _supersede(self, card: Card, to: Guid, by: str, action: str) -> None:
        after, states = _superseded(card, to)
        self._decisions.change(
            card.guid, "supersede", after, by=by, action=action, candidates=states,
            extra={"answer": card.leading.draft.answer},
        )  # fmt: skip
        self._decisions.unmerge_others(card.guid)

    def supersede_undrafted(self, guids: Sequence[Guid], choices: Iterable[str]) -> None:
        """Supersede the alternatives that were not drafted again by those that were."""
        first = self._cards.get(guids[0])
        for choice in sorted({first.choice, *choices} - {""}):
            for card in self._cards.in_choice(choice):
                if card.guid not in guids and card.standing is Standing.LIVE:
                    self._supersede(card, first.guid, SOURCE, "")

    def others(self, card: Card) -> list[Card]:
        """Return the other alternatives of a card, whatever their state."""
        return self._cards.of_choice(card)

    def was_superseded(self, card: Card) -> bool:
        """Return whether a card was superseded by one of its alternatives."""
        if card.standing is not Standing.SUPERSEDED:
            return False
        return card.standing_why in {one.guid for one in self._cards.of_choice(card)}

    def revive(self, card: Card) -> None:
        """Make a superseded alternative live, because it was drafted again and none was picked."""
        after = {"standing": Standing.LIVE.value, "standing_why": ""}
        self._decisions.change(card.guid, "revive", after, by=SOURCE)

    def link_alternatives(self, guids: Sequence[Guid], choice: str = "") -> None:
        """Make cards alternatives of one another, except those that a person restored separately.

        An earlier pick in the journal still applies to them.
        """
        guids = [guid for guid in guids if not self._was_restored(guid)]
        if len(guids) < 2 and not choice:
            return
        self._cards.link_alternatives(guids, choice or guids[0])
        for card in self._cards.several(guids):
            if self.was_superseded(card) and not self._choosing(
                [card, *self._cards.of_choice(card)]
            ):
                self.revive(card)

    def link_restored(self, guid: Guid) -> None:
        """Make a restored card and those that it superseded alternatives again."""
        card = self._cards.get(guid)
        slot = (card.key, card.slot, Standing.SUPERSEDED, guid)
        cards = self._cards.of_highlight(card.highlight.key)
        superseded = [c for c in cards if (c.key, c.slot, c.standing, c.standing_why) == slot]
        if superseded:
            guids = [guid, *(one.guid for one in superseded)]
            self._cards.link_alternatives(guids, superseded[0].choice or superseded[0].guid)

    def _was_restored(self, guid: Guid) -> bool:
        """Return whether a person restored this card in addition to the one that superseded it."""
        changes = [decided.body.get("after", {}) for decided in standing(self._decisions.of(guid))]
        return any(after.get("choice") == "" for after in changes)

    def last_choosing(self, card: Card) -> str:
        """Return the id of the last event that picked one of a card's alternatives; "" if none did."""
        made = self._choosing([card, *self._cards.of_choice(card)])
        return made[-1].id if made else ""

    def _choosing(self, cards: list[Card]) -> list[Event]:
        return choosing(event for card in cards for event in self._decisions.of(card.guid))

    # --- redrafts -----------------------------------------------------------------------------

    def matched(
        self,
        existing: list[Card],
        groups: list[list[Row]],
        exact: str,
        kept: dict[int, set[Guid]],
    ) -> list[list[Card | None]]:
        """Return the card that each group of candidates revises; None = a new card.

        Superseded cards are matched as well. If `kept` (see `without_unwanted`) has cards for an intent,
        its groups match the picked one among them.
        """
        drafted = [[checked.draft for checked in row] for rows in groups for row in rows]
        found = iter(match_groups(existing, drafted, exact, self._journalled(existing, drafted)))
        placed = [[next(found) for _ in rows] for rows in groups]
        taken = {card.guid for cards in placed for card in cards if card}
        for rows, cards in zip(groups, placed, strict=True):
            stands = kept.get(rows[0][0].draft.intent, set())
            for at, row in enumerate(rows):
                cards[at] = cards[at] or _chosen(existing, row, stands - taken)
                cards[at] = cards[at] or self._superseded_before(existing, row, taken)
                taken |= {card.guid for card in cards if card}
            for at, row in enumerate(rows):
                tied = {card.choice for card in cards if card} - {""}
                cards[at] = cards[at] or _live_alternative(existing, row, tied, taken)
                taken |= {card.guid for card in cards if card}
        return placed

    def _journalled(self, existing: list[Card], drafted: list[list[Draft]]) -> frozenset[int]:
        """Return the indexes of groups whose answer is that of a card known only from the journal."""
        keys = {card.highlight.key for card in existing}
        lacking = [one for key in keys for one in without_card(self._db, key)]
        return frozenset(
            at
            for at, drafts in enumerate(drafted)
            for draft in drafts
            for _, family, answer in lacking
            if draft.kind.family is family and same(draft.answer, answer)
        )

    def _superseded_before(self, existing: list[Card], row: Row, taken: set[Guid]) -> Card | None:
        """Return the superseded alternative with the same answer as a candidate, if none was picked."""
        for card in existing:
            if card.guid in taken or card.family is not row[0].draft.kind.family:
                continue
            answers = [one.draft.answer for one in card.candidates]
            says = any(same(one.draft.answer, answer) for one in row for answer in answers)
            if says and self.was_superseded(card) and not any(map(is_decided, self.others(card))):
                return card
        return None

    def to_redraft(
        self,
        existing: list[Card],
        groups: list[list[Row]],
        matched: list[list[Card | None]],
        kept: dict[int, set[Guid]],
    ) -> dict[int, list[Card]]:
        """Find the pending cards that a redraft requested by a person replaces.

        If the passage has only one fact, its card is replaced, else the most similar one. Decided cards
        never are. Cards of the same note type are stored in `matched`.

        Returns:
            By the index of the group, the other replaced alternatives.
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
            others = [c for c in free if _choice_of(c) == _choice_of(one)]
            cards[:] = [_of_family(others, row) for row in rows]
            found[at] = [other for other in others if other not in cards]
        return found

    def without_unwanted(
        self, key: HighlightKey, drafts: list[Checked], existing: list[Card]
    ) -> tuple[list[Checked], dict[int, set[Guid]]]:
        """Remove drafts that a person has rejected or passed over, in any kind of card.

        A draft with the answer of a live card of the same note type is kept: it is not a new card.

        Returns:
            The remaining drafts, and by intent the cards of the removed ones.
        """
        unwanted = [one for card in existing for one in self._unwanted(card)]
        unwanted += self._unwanted_in_journal(key, drafts)
        live = [c for c in existing if c.standing is Standing.LIVE]
        live = [c for c in live if c.verdict is not Verdict.REJECTED]
        wanted: list[Checked] = []
        kept: dict[int, set[Guid]] = {}
        for checked in drafts:
            draft = checked.draft
            found = {one.guid for one in unwanted if _repeats(one, draft, live)}
            wanted += [] if found else [checked]
            if found:
                tied = {card.choice for card in existing if card.guid in found} - {""}
                others = {card.guid for card in existing if card.choice in tied}
                kept[draft.intent] = kept.get(draft.intent, set()) | found | others
        return wanted, kept

    def _unwanted(self, card: Card) -> Iterator[_Unwanted]:
        tagged = card.standing is Standing.RETIRED and card.standing_why == TAGGED
        if card.verdict is Verdict.REJECTED or tagged:
            # beside a picked candidate, the open ones were not rejected: they are its revisions
            for one in (card.picked,) if card.picked else dict.fromkeys((card.leading, *card.open)):
                draft = one.draft
                yield _Unwanted(card.guid, draft.kind, draft.fields, draft.answer, whole=True)
        yield from self._passed_over(card.guid)

    def _passed_over(self, guid: Guid) -> Iterator[_Unwanted]:
        history = standing(self._decisions.of(guid))
        verdict = columns_set(history).get("verdict")
        for decided in history:
            # a revision that waited when the card was rejected, if the card was not restored since
            restored = decided.after.get("verdict") == Verdict.REJECTED != verdict
            for body in () if restored else decided.body.get(OVER, ()):
                yield _Unwanted(
                    guid, CardKind(body["kind"]), tuple(body["fields"].items()), body["answer"]
                )

    def _unwanted_in_journal(self, key: HighlightKey, drafts: list[Checked]) -> Iterator[_Unwanted]:
        """Yield rejected and passed-over drafts of cards known only from the journal.

        Cards that a draft matches are omitted.
        """
        for guid, family, answer in without_card(self._db, key):
            drafted = [one.draft for one in drafts if one.draft.kind.family is family]
            if any(same(draft.answer, answer) for draft in drafted):
                continue
            yield from self._passed_over(guid)
            verdicts = [d.body["after"]["verdict"] for d in standing(self._decisions.of(guid))
                    if d.body.get("after", {}).get("verdict") and not d.undoes]  # fmt: skip
            if verdicts and verdicts[-1] == Verdict.REJECTED:
                kind = CardKind.CLOZE if family is Family.CLOZE else CardKind.BASIC
                yield _Unwanted(guid, kind, (), answer, whole=True)


def _superseded(card: Card, to: Guid) -> tuple[Columns, dict[str, str]]:
    """Return the changed columns and candidate states of a card that is superseded."""
    after: Columns = {
        "standing": Standing.SUPERSEDED.value,
        "standing_why": to,
        "verdict": Verdict.PENDING.value,
        "accepted_by": AcceptedBy.NOBODY.value,
    }
    return after, {letter_of(one): CandidateState.PASSED.value for one in card.open}


def _repeats(one: _Unwanted, draft: Draft, live: list[Card]) -> bool:
    """Return whether a draft repeats an unwanted one and is not the text of a live card."""
    family = draft.kind.family
    mine = [card for card in live if card.family is family]
    if not one.whole and one.kind.family is family and one.fields == draft.fields:
        return all(card.fields != draft.fields for card in mine)
    if draft.by_hand or not same(one.answer, draft.answer):
        return False
    says = ((card.picked,) if card.picked else card.open for card in mine)
    return not any(same(c.draft.answer, draft.answer) for those in says for c in those)


def _chosen(existing: list[Card], row: Row, among: set[Guid]) -> Card | None:
    """Return the decided card among these that has the note type of the candidates."""
    for card in existing:
        fits = card.guid in among and card.family is row[0].draft.kind.family
        if fits and is_decided(card):
            return card
    return None


def is_decided(card: Card) -> bool:
    """Return whether a card is live, and accepted or edited by a person."""
    return card.standing is Standing.LIVE and (card.verdict is Verdict.ACCEPTED or card.edited)


def _choice_of(card: Card) -> str:
    return card.choice or card.guid


def _of_family(cards: list[Card], row: Row) -> Card | None:
    return next((card for card in cards if card.family is row[0].draft.kind.family), None)


def _most_like(cards: list[Card], rows: list[Row], things: int) -> Card | None:
    """Return the card most similar to a group of drafts; the only one need not be similar."""
    drafts = [checked.draft for row in rows for checked in row]

    def alike(card: Card) -> float:
        old = card.leading.draft
        return max(likeness(old.answer, old.quote, draft) for draft in drafts)

    best = max(cards, key=alike, default=None)
    return best if best and (things == 1 or alike(best) >= ALIKE) else None


def _live_alternative(
    existing: list[Card], row: Row, tied: set[str], taken: set[Guid]
) -> Card | None:
    """Return the live card in the choices `tied` that has the note type of the candidates."""
    for card in existing:
        fits = card.choice in tied and card.family is row[0].draft.kind.family
        gone = card.standing is Standing.RETIRED or card.verdict is Verdict.REJECTED
        if fits and not gone and card.guid not in taken:
            return card
    return None
