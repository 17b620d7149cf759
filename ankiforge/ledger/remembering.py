"""What is known of a card before it is drawn: by a ledger that was lost, and by Anki."""

from __future__ import annotations

from dataclasses import replace

from msgspec import json

from ankiforge.domain import (
    CandidateState,
    Checked,
    Draft,
    Family,
    Guid,
    HighlightKey,
    Origin,
    Verdict,
    guid_for,
)
from ankiforge.ledger.cards import Cards, letter_of
from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.decisions import Decided, Decisions
from ankiforge.text.cloze import numbers


class Remembering:
    """Lets a card that is drawn anew go on where it stopped."""

    def __init__(self, connection: Connection, decisions: Decisions, cards: Cards) -> None:
        self._db = connection
        self._decisions = decisions
        self._cards = cards

    def take_up(self, guid: Guid, checked: Checked, history: list[Decided]) -> None:
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
        if not history:
            return
        card = self._cards.get(guid)
        if not card.edited or card.fields == checked.draft.fields:
            return
        drawn = to_json(checked.draft.fields)
        edits = [decided.body for decided in history if "answer" in decided.body]
        known = any(edit.get("before", {}).get("fields") == drawn for edit in edits)
        state = CandidateState.PASSED if known else CandidateState.OPEN
        self._cards.set_state(guid, letter_of(card.leading), state)
        answer = edits[-1]["answer"] if edits else checked.draft.answer
        words = replace(
            checked.draft, fields=card.fields, answer=answer, by_hand=True,
            origin=Origin("person"),
        )  # fmt: skip
        self._cards.add_candidate(guid, Checked(words), CandidateState.PICKED)

    def all_rejected(self, key: HighlightKey) -> bool:
        """Whether a person has rejected every card of a highlight, in a ledger that was lost."""
        drawn = self._db.execute(
            "SELECT 1 FROM card WHERE key = :key UNION SELECT 1 FROM past_content WHERE key = :key",
            {"key": key},
        ).fetchone()
        slots = self._db.execute("SELECT family, slot FROM slot WHERE key = ?", (key,)).fetchall()
        guids = [guid_for(key, Family(row["family"]), row["slot"]) for row in slots]
        return drawn is None and bool(guids) and all(map(self._rejected, guids))

    def _rejected(self, guid: Guid) -> bool:
        said = [d.body["after"]["verdict"] for d in self._decisions.of(guid)
                if d.body.get("after", {}).get("verdict")]  # fmt: skip
        return bool(said) and said[-1] == Verdict.REJECTED

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

    def numbers_in_anki(self, guid: Guid) -> set[int]:
        """Numbers of clozes that stand there, a person's own among them: none is given twice."""
        row = self._db.execute("SELECT fields FROM seen WHERE guid = ?", (guid,)).fetchone()
        return set(numbers(json.decode(row["fields"])[0])) if row else set()
