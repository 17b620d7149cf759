"""What is known of a card before it is drawn: by a ledger that was lost, and by Anki."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgspec import ValidationError, convert, json, to_builtins

from ankiforge.ledger.cards.choices import OVER
from ankiforge.ledger.cards.forgotten import PREFERRED, Forgotten, forgotten
from ankiforge.ledger.cards.values import Cards, letter_of
from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.deciding.decisions import Decided, Decisions
from ankiforge.ledger.writing import PERSON
from ankiforge.model import (
    MADE_FROM,
    CandidateState,
    Card,
    Checked,
    Draft,
    Family,
    Finding,
    Guid,
    HighlightKey,
    Origin,
    Severity,
    Verdict,
    guid_for,
)
from ankiforge.text.cloze import numbers
from ankiforge.text.fold import same


def blocked_by(checked: Checked) -> dict[str, Any]:
    """What a decision says of words that a check forbids, so that they are forbidden elsewhere, too."""
    blocks = [one for one in checked.findings if one.severity is Severity.BLOCK]
    return {"blocked": to_builtins(blocks)} if blocks else {}


def _blocks_of(said: dict[str, Any]) -> tuple[Finding, ...]:
    try:
        return convert(said.get("blocked", ()), tuple[Finding, ...])
    except ValidationError:  # a line that was changed by hand
        return ()


class Remembering:
    """Lets a card that is drawn anew go on where it stopped."""

    def __init__(self, connection: Connection, decisions: Decisions, cards: Cards) -> None:
        self._db = connection
        self._decisions = decisions
        self._cards = cards

    def take_up(self, guid: Guid, history: list[Decided]) -> None:
        """What a ledger that was lost knew of this card: decisions, a person's words, shipments."""
        self._decisions.replay(history)
        self._db.execute(
            "UPDATE card SET anki = 'written' WHERE guid = ? AND anki = 'none'"
            " AND EXISTS (SELECT 1 FROM shipped s WHERE s.guid = card.guid)",
            (guid,),
        )
        self._db.execute(  # in Anki, under a note type that is none of ours
            "UPDATE card SET anki = 'held', anki_why = 'note type' WHERE guid = ?"
            " AND EXISTS (SELECT 1 FROM seen s WHERE s.guid = card.guid AND s.type_id = 0)",
            (guid,),
        )
        if history:
            self.settle(guid)

    def settle(self, subject: str) -> None:
        """What a person wrote or chose is the card, whatever candidates were drawn here.

        They are told by their words: letters are given anew where cards are drawn anew.
        """
        history = self._decisions.of(subject)
        own = [d.body for d in history if d.by == PERSON and "fields" in d.body.get("after", {})]
        for card in list(self._cards.several([subject])) if own else ():
            decided = card.edited or card.verdict is Verdict.ACCEPTED
            lead = card.picked if decided else card.leading
            if lead is None or lead.draft.fields != card.fields:
                states = self._chosen(card, own[-1], history) if decided else _opened(card)
                for letter, state in states.items():
                    self._cards.set_state(card.guid, letter, state)
                self._lead(card.guid)

    def _chosen(
        self, card: Card, last: dict[str, Any], history: list[Decided]
    ) -> dict[str, CandidateState]:
        """States where the words of a card are the picked ones; a candidate is added for them."""
        drawn = next((one for one in card.candidates if one.draft.fields == card.fields), None)
        known = _known_words(history)
        states = {}
        for one in card.candidates:
            passed = one.state is CandidateState.PASSED or to_json(one.draft.fields) in known
            stays_open = not (drawn or passed)
            states[letter_of(one)] = CandidateState.OPEN if stays_open else CandidateState.PASSED
        if drawn:
            return states | {letter_of(drawn): CandidateState.PICKED}
        checked = Checked(_words_of(card, last), _blocks_of(last))
        self._cards.add_candidate(card.guid, checked, CandidateState.PICKED)
        return states

    def _lead(self, guid: Guid) -> None:
        """The words of a choice that is open again are those of the candidate that leads."""
        card = self._cards.get(guid)
        if not card.edited and card.picked is None:
            draft = card.leading.draft
            self._decisions.put(guid, {"fields": to_json(draft.fields), "kind": draft.kind}, {})
        self._cards.refresh(guid)

    def forgotten(self) -> list[Forgotten]:
        """The cards that a person let through or wrote, and that nothing drawn here is."""
        return list(forgotten(self._db, self._decisions))

    def made(self) -> list[Forgotten]:
        """Of these the ones that were made by hand."""
        return list(forgotten(self._db, self._decisions, MADE_FROM))

    def is_left_to_person(self, key: HighlightKey) -> bool:
        """Whether a highlight never had a card but those made by hand, and some that nobody wants.

        No drafter is to be asked, or paid, for it once more.
        """
        drawn = self._guids(key, MADE_FROM)
        return not self._decisions.was_merged(key) and all(map(self.turned_down, drawn))

    def _guids(self, key: HighlightKey, end: int = 0) -> list[Guid]:
        """Of all cards that a highlight ever had, in slots before `end` (0 = all)."""
        sql = "SELECT family, slot FROM slot WHERE key = ?1 AND (slot < ?2 OR ?2 = 0)"
        rows = self._db.execute(sql, (key, end)).fetchall()
        return [guid_for(key, Family(row["family"]), row["slot"]) for row in rows]

    def all_rejected(self, key: HighlightKey) -> bool:
        """Whether a person has rejected every card of a highlight, in a ledger that was lost."""
        drawn = self._db.execute(
            "SELECT 1 FROM card WHERE key = :key UNION SELECT 1 FROM past_content WHERE key = :key",
            {"key": key},
        ).fetchone()
        said = [self._last_said(guid) for guid in self._guids(key)]
        rejected = Verdict.REJECTED.value
        return drawn is None and rejected in said and set(said) <= {rejected, "supersede"}

    def turned_down(self, guid: Guid) -> bool:
        """Whether a card that may not be here was rejected, or gave way in its choice."""
        return self._last_said(guid) in (Verdict.REJECTED, "supersede")

    def _last_said(self, guid: Guid) -> str:
        """The verdict that was given last, or `supersede` of a card that gave way in its choice."""
        said = [
            decided.what if decided.what == "supersede" else decided.body["after"]["verdict"]
            for decided in self._decisions.of(guid)
            if decided.body.get("after", {}).get("verdict")
        ]
        return str(said[-1]) if said else ""

    def merged_before(self, key: HighlightKey, draft: Draft) -> bool:
        """Whether this very answer went to a card that a person has rejected or reworded since.

        A ledger that was lost must not draw it anew.
        """
        guid = self._decisions.merged_into(key, draft.answer)
        card = self._cards.get(guid) if guid else None
        if card is None or not (card.edited or card.verdict is Verdict.REJECTED):
            return False
        self._cards.link(card.guid, key, "also")
        return True

    def gave_way(self, key: HighlightKey, answers: list[str], stays: Guid) -> bool:
        """Whether a card with such an answer is here, merged by a person into the one that stays.

        A ledger that was lost draws it first, for its note may stand in Anki.
        """
        return any(
            card.standing_why == stays and same(one.draft.answer, answer)
            for card in self._cards.of_highlight(key)
            for one in card.candidates
            for answer in answers
        )

    def numbers_in_anki(self, guid: Guid) -> set[int]:
        """Numbers of clozes that stand there, a person's own among them: none is given twice."""
        row = self._db.execute("SELECT fields FROM seen WHERE guid = ?", (guid,)).fetchone()
        return set(numbers(json.decode(row["fields"])[0])) if row else set()


def _opened(card: Card) -> dict[str, CandidateState]:
    """States where nobody has chosen."""
    alone = len(card.candidates) == 1
    state = CandidateState.PICKED if alone else CandidateState.OPEN
    return {letter_of(one): state for one in card.candidates}


def _known_words(history: list[Decided]) -> set[str]:
    """The words that decisions on a card put others in the place of, or passed over."""
    known = {d.body.get("before", {}).get("fields", "") for d in history if "answer" in d.body}
    for decided in history:
        named = [*decided.body.get(OVER, ()), decided.body.get(PREFERRED)]
        known |= {to_json(tuple(one["fields"].items())) for one in named if one}
    return known


def _words_of(card: Card, body: dict[str, Any]) -> Draft:
    """A person's words, or those of a candidate that he picked, as a draft."""
    draft = replace(
        card.leading.draft, kind=card.kind, fields=card.fields,
        answer=body.get("answer", card.leading.draft.answer),
    )  # fmt: skip
    said = body.get(PREFERRED)
    if card.edited or not said:
        return replace(draft, by_hand=True, origin=Origin("person"))
    return replace(draft, origin=Origin(said["drafter"], said["model"], said["prompt"]))
