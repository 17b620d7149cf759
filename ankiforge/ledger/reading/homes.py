"""Homes: the highlight a card lives on is the one that holds its evidence.

A highlight is split, joined, drawn longer or shorter: the cards keep guid, key and slot for
ever, and go to where their quote stands now. Each move is a decision of the source; one that a
person took back is not made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ankiforge.ledger.cards.values import AT_ONCE, Cards, letter_of
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.deciding.revisions import EVIDENCE
from ankiforge.ledger.events import Columns
from ankiforge.ledger.passages.highlights import decode_highlight, present
from ankiforge.ledger.reading.works import Works
from ankiforge.ledger.writing import SOURCE
from ankiforge.model import (
    Card,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    Standing,
    Verdict,
    guid_for,
)
from ankiforge.text.fold import canonical, same

_STALE = ("source_gone", "source_changed")


@dataclass(frozen=True, slots=True)
class _Passage:
    key: HighlightKey
    words: str


class Homes:
    """Moves cards to where their evidence is."""

    def __init__(
        self, connection: Connection, decisions: Decisions, cards: Cards, works: Works
    ) -> None:
        self._db = connection
        self._decisions = decisions
        self._cards = cards
        self._works = works
        self._documents: set[str] = set()
        """Where something is new, changed or missing in this run."""
        self._was: dict[HighlightKey, str] = {}
        """What changed highlights said before."""

    # --- following the source ---------------------------------------------------------------

    def touched(self, highlight: Highlight) -> None:
        """A new highlight may hold the evidence of cards of others."""
        self._documents.add(highlight.document.key)

    def changed(self, now: Highlight, before: Highlight) -> None:
        """It holds other words now."""
        self._documents |= {now.document.key, before.document.key}
        self._was[HighlightKey(now.key)] = canonical(before.exact)

    def follow(self, unseen: Sequence[str], action: str = "") -> None:
        """Let the cards of split, joined and lost highlights go where their quotes stand.

        `unseen` are the highlights this run looked for and did not find; `action` is that of
        the unions of this run, with which their moves are taken back.
        """
        lost = frozenset(unseen)
        for key in sorted(lost):
            found = self._db.execute(
                f"SELECT document, {present('h')} AS here FROM highlight h WHERE key = ?", (key,)
            ).fetchone()
            lost -= {key} if found["here"] else frozenset()
            self._documents.add(found["document"])
        for work in sorted({self._works.of(document) for document in self._documents}):
            self._follow_in(self._works.members(work), lost, action)
        self._documents.clear()
        self._was.clear()

    def _follow_in(self, documents: list[str], lost: frozenset[str], action: str) -> None:
        cards = [card for card in self._cards_of(documents) if _may_move(card)]
        passages = self._passages(documents) if cards else []
        for card in cards:
            quote = canonical(card.leading.draft.quote)
            if self._stays(card, quote, card.highlight.key in lost):
                continue
            holder = self._holder(card, [one for one in passages if quote in one.words])
            if holder and not self._taken_back(card.guid, holder):
                self._move(card, holder, action)

    def _cards_of(self, documents: list[str]) -> Iterator[Card]:
        marks = ", ".join("?" * len(documents))
        rows = self._db.execute(
            "SELECT DISTINCT l.guid FROM highlight h JOIN card_highlight l ON l.key = h.key"
            f" WHERE h.document IN ({marks}) AND l.role = 'origin' ORDER BY l.guid",
            documents,
        ).fetchall()
        for start in range(0, len(rows), AT_ONCE):
            yield from self._cards.several([row["guid"] for row in rows[start : start + AT_ONCE]])

    def _passages(self, documents: list[str]) -> list[_Passage]:
        """What stands in these documents, but for cards that people wrote."""
        marks = ", ".join("?" * len(documents))
        rows = self._db.execute(
            f"SELECT key, body FROM highlight h WHERE document IN ({marks})"
            f" AND presence = 'present' AND {present('h')} ORDER BY key",
            documents,
        ).fetchall()
        read = ((row["key"], decode_highlight(row["body"])) for row in rows)
        return [
            _Passage(key, canonical(one.exact))
            for key, one in read
            if one.kind is not HighlightKind.CARD
        ]

    def _holder(self, card: Card, holders: list[_Passage]) -> HighlightKey | None:
        """Of the highlights that hold its evidence the one it serves already, else the closest."""
        rows = self._db.execute("SELECT key FROM card_highlight WHERE guid = ?", (card.guid,))
        served = {row["key"] for row in rows.fetchall()}
        best = min(
            holders, key=lambda one: (one.key not in served, len(one.words), one.key), default=None
        )
        return best.key if best else None

    def _stays(self, card: Card, quote: str, lost: bool) -> bool:
        """Whether its evidence still stands in its highlight, or never stood in the mark."""
        home = card.highlight
        if lost or self._gone(home.key):
            return False
        if quote in canonical(home.exact):
            return True
        if home.key in self._was:
            return quote not in self._was[home.key]
        return any(quote in canonical(text) for text in (home.sentence, home.context))

    def _gone(self, key: str) -> bool:
        row = self._db.execute("SELECT presence FROM highlight WHERE key = ?", (key,)).fetchone()
        return bool(row["presence"] == "gone")

    # --- moving -----------------------------------------------------------------------------

    def _move(self, card: Card, to: HighlightKey, action: str) -> None:
        after: Columns = {}
        if card.standing is Standing.RETIRED:
            after = {"standing": Standing.LIVE.value, "standing_why": ""}
        extra = {"from": card.highlight.key, "to": to, "family": card.family, "slot": card.slot}
        self._decisions.change(card.guid, "move", after, by=SOURCE, action=action, extra=extra)
        self._without_stale_findings(card.guid)
        if not self._known_elsewhere(card, to, action):
            self._supersede(self._cards.get(card.guid), action)

    def _without_stale_findings(self, guid: Guid) -> None:
        lead = self._cards.get(guid).leading
        said = tuple(finding for finding in lead.findings if finding.check not in _STALE)
        if said != lead.findings:
            self._cards.set_findings(guid, letter_of(lead), said)

    def _supersede(self, card: Card, action: str) -> None:
        """Two cards that say the same met on one highlight: one is enough.

        What a person accepted or wrote stays; else what is accepted; else the same one on
        every machine.
        """
        twins = (
            other
            for other in self._cards.of_highlight(card.highlight.key)
            if other.guid != card.guid and _equal(card, other)
        )
        for twin in twins:
            stays, goes = sorted((card, twin), key=_weight)
            if stays.verdict is Verdict.REJECTED or not (_by_person(stays) and _by_person(goes)):
                after = {"standing": Standing.SUPERSEDED.value, "standing_why": stays.guid}
                self._decisions.change(goes.guid, "supersede", after, by=SOURCE, action=action)
                return

    def _known_elsewhere(self, card: Card, to: HighlightKey, action: str) -> bool:
        """Another machine drew the same card there, and the journal tells of it: that one stays."""
        rows = self._db.execute(
            "SELECT slot, answer FROM slot WHERE key = ? AND family = ? AND NOT EXISTS (SELECT 1"
            " FROM card c WHERE c.key = slot.key AND c.family = slot.family AND c.slot = slot.slot)",
            (to, card.family),
        ).fetchall()
        twins = [
            guid_for(to, card.family, row["slot"])
            for row in rows
            if same(row["answer"], card.leading.draft.answer)
        ]
        if not twins or card.standing is not Standing.LIVE or _by_person(card):
            return False
        after = {"standing": Standing.SUPERSEDED.value, "standing_why": twins[0]}
        self._decisions.change(card.guid, "supersede", after, by=SOURCE, action=action)
        return True

    def _taken_back(self, guid: Guid, to: HighlightKey) -> bool:
        """Whether a person undid a move of this card to there."""
        row = self._db.execute(
            "SELECT 1 FROM decision d JOIN decision u ON u.undoes = d.id WHERE d.subject = ?"
            " AND d.what = 'move' AND json_extract(d.body, '$.to') = ?",
            (guid, to),
        ).fetchone()
        return row is not None


def _may_move(card: Card) -> bool:
    """A card drawn from a passage; of one that a person wrote, the front and back decide."""
    alive = card.standing is Standing.LIVE or card.standing_why == "gone"
    drawn = card.highlight.kind is not HighlightKind.CARD
    return alive and drawn and len(canonical(card.leading.draft.quote)) >= EVIDENCE


def _equal(card: Card, other: Card) -> bool:
    """Whether two live cards ask the same of the same words."""
    one, two = card.leading.draft, other.leading.draft
    standing = card.standing is other.standing is Standing.LIVE
    words = same(one.answer, two.answer) and same(one.quote, two.quote)
    return standing and card.family is other.family and words


def _by_person(card: Card) -> bool:
    return card.edited or card.accepted_by == "person"


def _weight(card: Card) -> tuple[bool, bool, bool, str]:
    """Sorts first what is to stay: a rejection, then a person's, then what is accepted."""
    rejected = card.verdict is Verdict.REJECTED
    return (not rejected, not _by_person(card), card.verdict is not Verdict.ACCEPTED, card.guid)
