"""What is known of a card before it is drawn: by a ledger that was lost, and by Anki."""

from __future__ import annotations

from typing import Any

from msgspec import json, to_builtins

from ankiforge.ledger.cards.forgotten import Forgotten, forgotten
from ankiforge.ledger.cards.values import Cards
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.model import (
    MADE_FROM,
    AnkiState,
    Checked,
    Draft,
    Family,
    Guid,
    HighlightKey,
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


class Remembering:
    """Lets a card that is drawn anew go on where it stopped."""

    def __init__(self, connection: Connection, decisions: Decisions, cards: Cards) -> None:
        self._db = connection
        self._decisions = decisions
        self._cards = cards

    def take_up(self, guid: Guid) -> None:
        """Let what was decided and seen of a card before it was drafted here hold for it."""
        known = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM shipped WHERE guid = :guid) AS shipped,"
            " EXISTS (SELECT 1 FROM seen WHERE guid = :guid AND type_id = 0) AS other_type",
            {"guid": guid},
        ).fetchone()
        if known["other_type"]:  # in Anki, under a note type that is none of ours
            self._cards.observe([(guid, AnkiState.HELD, "note type")])
        elif known["shipped"]:
            self._cards.observe([(guid, AnkiState.WRITTEN, "")], first=True)
        self._decisions.catch_up(guid)

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
