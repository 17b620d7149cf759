"""Assign a slot to each draft: that of the card with the same answer or evidence, else a new one."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import json
from rapidfuzz import fuzz

from ankiforge.ledger.cards import PREFERRED
from ankiforge.ledger.db import Connection
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.events import MADE, PERSON, Event, standing
from ankiforge.ledger.journal import Writer
from ankiforge.model import (
    MADE_FROM,
    CandidateState,
    Card,
    CardKind,
    Draft,
    Family,
    Fields,
    Guid,
    HighlightKey,
    Origin,
    Standing,
    Verdict,
    guid_for,
    made_slot,
)
from ankiforge.text.fold import canonical, same

EVIDENCE = 20
"""The length, in folded characters, from which a quote does not occur in two passages by coincidence."""
ALIKE = 75
"""The mean similarity (0 to 100) of answer and evidence from which a draft revises a card."""


def match_groups(
    cards: Sequence[Card],
    groups: Sequence[Sequence[Draft]],
    exact: str = "",
    journalled: frozenset[int] = frozenset(),
) -> list[Card | None]:
    """Return the card that each group of candidates revises; None = a new card.

    Equal answers match first, including rejected cards and across kinds (a rejection applies to the same
    answer in any kind of card). Then similar answers and evidence match. Finally, if only one live card
    and one intent of a family are left, they match, unless the card's evidence is still in the passage
    (`exact`) and the draft has other evidence. A card made by hand matches only its own answer, and no
    group that has a card in the journal (`journalled`). Each card is matched at most once.
    """
    matched: list[Card | None] = [None] * len(groups)
    free = [card for card in cards if card.standing is Standing.LIVE]
    first = [group[:1] for group in groups]
    for rule, drafts in (
        (_same_answer, first), (_same_answer, groups), (said_before, groups), (_alike, groups),
        (_rejected_elsewhere, first),
    ):  # fmt: skip
        for index, group in enumerate(drafts):
            if matched[index] is None:
                may = [card for card in free if not (card.made and index in journalled)]
                card = next((c for c in may if any(rule(c, draft) for draft in group)), None)
                matched[index] = card
                free = [c for c in free if c is not card]
    _pair_the_rest(free, groups, matched, exact)
    return matched


def _same_answer(card: Card, draft: Draft) -> bool:
    family = card.family is draft.kind.family
    return family and same(card.leading.draft.answer, draft.answer)


def said_before(card: Card, draft: Draft) -> bool:
    """Return whether a draft repeats a candidate of a card, including one that was passed over."""
    family = card.family is draft.kind.family
    # where it was rejected, what waits here was not known
    rejected = card.verdict is Verdict.REJECTED and card.picked
    return family and any(
        same(one.draft.answer, draft.answer) and same(one.draft.quote, draft.quote)
        for one in card.candidates
        if not (rejected and one.state is CandidateState.OPEN)
    )


def _rejected_elsewhere(card: Card, draft: Draft) -> bool:
    rejected = card.verdict is Verdict.REJECTED
    return rejected and same(card.leading.draft.answer, draft.answer)


def _alike(card: Card, draft: Draft) -> bool:
    old = card.leading.draft
    if card.made or card.family is not draft.kind.family or card.verdict is Verdict.REJECTED:
        return False
    return likeness(old.answer, old.quote, draft) >= ALIKE


def likeness(answer: str, quote: str, draft: Draft) -> float:
    """Return the similarity (0 to 100) of an answer and its evidence to those of a draft.

    Evidence of which only the answer was changed is the same place: 100.
    """
    if (around := _around(quote, answer)) and around == _around(draft.quote, draft.answer):
        return 100.0
    answers = fuzz.ratio(canonical(answer), canonical(draft.answer))
    return (answers + fuzz.ratio(canonical(quote), canonical(draft.quote))) / 2


def _around(quote: str, answer: str) -> str:
    """Return folded evidence with gaps for the answer; "" if it has not all of it, or nothing else."""
    text = canonical(quote)
    for part in map(canonical, answer.split(" · ")):
        if not part or part not in text:
            return ""
        text = text.replace(part, "\0", 1)
    return text if text.strip("\0 ") else ""


def _pair_the_rest(
    free: Sequence[Card],
    groups: Sequence[Sequence[Draft]],
    matched: list[Card | None],
    exact: str,
) -> None:
    for family in {kind.family for kind in CardKind}:
        drafted = (c for c in free if not c.made and c.verdict is not Verdict.REJECTED)
        cards = [card for card in drafted if card.family is family]
        waiting = [
            index
            for index, group in enumerate(groups)
            if matched[index] is None and group[0].kind.family is family
        ]
        if len(cards) == len(waiting) == 1 and not _apart(cards[0], groups[waiting[0]][0], exact):
            matched[waiting[0]] = cards[0]


def stands(card: Card, exact: str) -> bool:
    """Return whether the current passage contains a card's evidence and is longer than it."""
    quote, passage = canonical(card.leading.draft.quote), canonical(exact)
    return EVIDENCE <= len(quote) < len(passage) and quote in passage


def _apart(card: Card, draft: Draft, exact: str) -> bool:
    """Return whether a draft has other evidence than a card whose evidence is still in the passage."""
    old, new = canonical(card.leading.draft.quote), canonical(draft.quote)
    return stands(card, exact) and old not in new and new not in old


_LAST_MOVES = (
    "SELECT d.subject AS guid, json_extract(d.body, '$.key') AS origin,"
    " json_extract(d.body, '$.family') AS family, json_extract(d.body, '$.slot') AS slot,"
    " json_extract(d.body, '$.to') AS home FROM event d"
    " WHERE d.what = 'move' AND json_extract(d.body, '$.to') = :key"
    " AND NOT d.undone AND NOT EXISTS (SELECT 1 FROM event n WHERE n.subject = d.subject"
    "  AND n.what = 'move' AND n.rank > d.rank AND NOT n.undone)"
)
"""The SQL for the moves to a highlight that no later move followed."""


class Slots:
    """Assigns slots, which count from 1 within highlight and family and are never reused."""

    def __init__(self, connection: Connection, writer: Writer, decisions: Decisions) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions
        self._without_card: dict[tuple[str, str], list[sqlite3.Row]] | None = None

    def slot_for(
        self, key: HighlightKey, family: Family, drafts: Sequence[Draft], only: bool, new: int = 0
    ) -> tuple[HighlightKey, int]:
        """Return the journal's slot for one of these answers, else the next free one.

        Args:
            key: the key of the highlight.
            family: the note type.
            drafts: the candidates, the leading one first.
            only: whether no other fact was drafted for this note type.
            new: a slot that is free in both families, for alternatives; 0 = none.

        Returns:
            The key of the slot and the slot. A moved card keeps the key of its first highlight.
        """
        for draft in drafts:
            if moved := self._moved_here(key, family, draft) or self._orphan(key, family, draft):
                return moved
        return key, self._own_slot(key, family, drafts, only, new)

    def next_of(self, key: HighlightKey) -> int:
        """Return the first slot that is free in both families."""
        numbers = {0}
        for family in Family:
            numbers |= self._in_use(key, family)
            numbers |= {int(row["slot"]) for row in self._of_drafts(key, family)}
        return _after(numbers)

    def drafted(self, key: HighlightKey, family: Family) -> dict[int, tuple[str, str]]:
        """Return the evidence and the answer of the slots of a highlight."""
        sql = "SELECT slot, quote, answer FROM slot WHERE key = ? AND family = ?"
        rows = self._db.execute(sql, (key, family))
        return {row["slot"]: (row["quote"], row["answer"]) for row in rows}

    def home_of(self, guid: Guid, key: HighlightKey) -> str:
        """Return the highlight to which a card of `key` belongs after its moves."""
        return last_home(self._db, guid) or key

    def _own_slot(
        self, key: HighlightKey, family: Family, drafts: Sequence[Draft], only: bool, new: int
    ) -> int:
        slot, draft = self.continued(key, family, drafts, only)
        if slot and draft is None:
            return slot
        slot = (
            slot
            or new
            or _after(
                [
                    *self._in_use(key, family),
                    *(int(row["slot"]) for row in self._of_drafts(key, family)),
                ]
            )
        )
        self.record(key, family, slot, draft or drafts[0])
        return slot

    def continued(
        self, key: HighlightKey, family: Family, drafts: Sequence[Draft], only: bool
    ) -> tuple[int, Draft | None]:
        """Return the slot, known only from the journal, of a card with the answer of a draft, or that one revises.

        0 if there is none; else also the draft that revises the card, if it has another answer.
        """
        taken = self._in_use(key, family)
        free = [row for row in self._of_drafts(key, family) if row["slot"] not in taken]
        if slot := self._of_answer(free, drafts):
            return slot, None
        only = only and len(free) == 1 and drafts[0].by_hand
        for draft in drafts:
            for row in free:
                if self._continues(_guid_of(row), row, draft, only):
                    return int(row["slot"]), draft
        return 0, None

    def for_made(self, key: HighlightKey, draft: Draft) -> int:
        """Return the slot of a card made by hand, computed from its text."""
        family = draft.kind.family
        taken, slot = self._in_use(key, family), made_slot(draft.fields)
        while slot in taken:  # by a card that had the same text before it was edited
            slot += 1
        self.record(key, family, slot, draft)
        return slot

    def _of_answer(self, rows: list[sqlite3.Row], drafts: Sequence[Draft]) -> int:
        """Return the slot in these rows with the answer of a draft; 0 if there is none."""
        for answers in (self._chosen, lambda row: [row["answer"]]):
            for draft in drafts:
                for row in rows:
                    if any(same(answer, draft.answer) for answer in answers(row)):
                        return int(row["slot"])
        return 0

    def _chosen(self, row: sqlite3.Row) -> list[str]:
        """Return the answer that a person last picked or wrote for the card of a slot, as a list."""
        answers = [
            str(decided.body.get("answer", row["answer"]))
            for decided in standing(self._decisions.of(_guid_of(row)))
            if decided.by == PERSON and decided.what in ("accept", "pick", "edit")
        ]
        return answers[-1:]

    def _in_use(self, key: HighlightKey, family: Family) -> set[int]:
        cards = self._numbers("SELECT slot FROM card WHERE key = ? AND family = ?", key, family)
        return cards | self._moved_away(key, family)

    def _of_drafts(self, key: HighlightKey, family: Family) -> list[sqlite3.Row]:
        """Return the slots of drafted cards, without those made by hand."""
        return self._db.execute(
            "SELECT * FROM slot WHERE key = ? AND family = ? AND slot < ? ORDER BY slot",
            (key, family, MADE_FROM),
        ).fetchall()

    def _moved_here(
        self, key: HighlightKey, family: Family, draft: Draft
    ) -> tuple[HighlightKey, int] | None:
        """Return the slot of a matching card, known only from the journal, that moved here."""
        rows = self._db.execute(
            f"SELECT s.key, s.slot, s.quote, s.answer FROM ({_LAST_MOVES}) m"
            " JOIN slot s ON s.key = m.origin AND s.family = m.family AND s.slot = m.slot"
            " WHERE m.home = :key AND s.key <> :key AND s.family = :family AND NOT EXISTS"
            " (SELECT 1 FROM card c WHERE c.guid = m.guid) ORDER BY s.key, s.slot",
            {"key": key, "family": family},
        ).fetchall()
        equal = [row for row in rows if same(row["answer"], draft.answer)]
        alike = (row for row in rows if likeness(row["answer"], row["quote"], draft) >= ALIKE)
        found = next(iter(equal), None) or next(alike, None)
        return (HighlightKey(found["key"]), int(found["slot"])) if found else None

    def _orphan(
        self, key: HighlightKey, family: Family, draft: Draft
    ) -> tuple[HighlightKey, int] | None:
        """Return the slot of a card, known only from the journal, that belongs to this highlight.

        Either it superseded a card here, or this passage was merged into it and its own passage is not
        present now, or it is of the same work and has the same quote.
        """
        rows = self._db.execute(
            "SELECT standing_why FROM card WHERE key = ?1 AND family = ?2"
            " AND standing = 'superseded' UNION SELECT subject FROM event WHERE what = 'merge'"
            " AND json_extract(body, '$.key') = ?1 AND json_extract(body, '$.card') IS NULL"
            " AND NOT undone",
            (key, family),
        ).fetchall()
        stay = {row["standing_why"] for row in rows}
        for one in (one for rows in self._orphans().values() for one in rows) if stay else ():
            alike = likeness(one["answer"], one["quote"], draft) >= ALIKE
            if (
                alike
                and _guid_of(one) in stay
                and not self._has_card(one["key"], family, one["slot"])
            ):
                return HighlightKey(one["key"]), int(one["slot"])
        quote = canonical(draft.quote)
        if len(quote) < EVIDENCE:
            return None
        for one in self._orphans().get((family, quote), ()):
            if (
                one["key"] != key
                and same(one["answer"], draft.answer)
                and not self._has_card(one["key"], family, one["slot"])
                and self._near(one["key"], key) is not None
            ):
                return HighlightKey(one["key"]), int(one["slot"])
        return None

    def _orphans(self) -> dict[tuple[str, str], list[sqlite3.Row]]:
        """Return the slots that had no card when they were first needed, by family and quote."""
        if self._without_card is None:
            self._without_card = defaultdict(list)
            for row in self._db.execute(
                "SELECT * FROM slot s WHERE NOT EXISTS (SELECT 1 FROM card c WHERE c.key = s.key"
                " AND c.family = s.family AND c.slot = s.slot) ORDER BY key, slot"
            ).fetchall():
                self._without_card[row["family"], canonical(row["quote"])].append(row)
        return self._without_card

    def _has_card(self, key: str, family: Family, slot: int) -> bool:
        found = self._db.execute(
            "SELECT 1 FROM card WHERE key = ? AND family = ? AND slot = ?", (key, family, slot)
        )
        return found.fetchone() is not None

    def _left(self, old: str, new: str, quote: str) -> bool:
        """Return whether a highlight of the same work as `new` no longer contains this quote."""
        row = self._near(old, new)
        return row is not None and not (row["read"] and quote in canonical(row["exact"]))

    def _near(self, old: str, new: str) -> sqlite3.Row | None:
        """Return the text of `old` if it is in the same work as `new`, and whether it was just read."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT o.run = n.run OR EXISTS (SELECT 1 FROM ingested i WHERE i.container ="
            " o.container AND i.place = o.place AND i.run = o.run) AS read, json_extract(o.body, '$.exact') AS exact"
            " FROM highlight o JOIN document p ON p.key = o.document,"
            " highlight n JOIN document q ON q.key = n.document WHERE o.key = ? AND n.key = ?"
            " AND coalesce(nullif(p.work, ''), p.key) = coalesce(nullif(q.work, ''), q.key)"
            " AND json_extract(o.body, '$.kind') <> 'card'",
            (old, new),
        ).fetchone()
        return row

    def _moved_away(self, key: HighlightKey, family: Family) -> set[int]:
        """Return the slots of cards that moved to a highlight that still contains their evidence."""
        rows = self._db.execute(
            "SELECT d.subject, json_extract(d.body, '$.slot') AS slot,"
            " json_extract(d.body, '$.to') AS home, s.quote FROM event d"
            " JOIN slot s ON s.key = json_extract(d.body, '$.key')"
            " AND s.family = json_extract(d.body, '$.family')"
            " AND s.slot = json_extract(d.body, '$.slot')"
            " WHERE json_extract(d.body, '$.key') = ? AND d.what = 'move'"
            " AND json_extract(d.body, '$.family') = ? AND NOT d.undone ORDER BY d.rank",
            (key, family),
        ).fetchall()
        last = {row["slot"]: row for row in rows}
        return {
            int(slot)
            for slot, row in last.items()
            if row["home"] != key and not self._left(row["home"], key, canonical(row["quote"]))
        }

    def _continues(self, guid: Guid, row: sqlite3.Row, draft: Draft, only: bool) -> bool:
        """Return whether a draft revises a card that is known only from the journal.

        This is so if they are similar, or if a person wrote the card and it is the `only` one. A rejected
        card is never revised, because the rejection applies only to its own answer.
        """
        rejected = any(decided.what == "reject" for decided in self._decisions.of(guid))
        alike = only or likeness(row["answer"], row["quote"], draft) >= ALIKE
        return alike and not rejected

    def record(self, key: HighlightKey, family: Family, slot: int, draft: Draft) -> None:
        """Record the answer of a slot."""
        before = self._db.execute(
            "SELECT answer FROM slot WHERE key = ? AND family = ? AND slot = ?", (key, family, slot)
        ).fetchone()
        if before and before["answer"] == draft.answer:
            return
        self._db.execute(
            "INSERT OR REPLACE INTO slot VALUES (?, ?, ?, ?, ?)",
            (key, family, slot, draft.quote, draft.answer),
        )
        body = {"family": family, "slot": slot, "quote": draft.quote, "answer": draft.answer}
        # the same answer may be recorded again after another one
        once = (key, family, str(slot), draft.answer, self._writer.now(), str(before and before[0]))
        self._writer.note("slot", key, body, once=once)

    def _numbers(self, sql: str, *parameters: str) -> set[int]:
        return {int(row[0]) for row in self._db.execute(sql, parameters).fetchall()}


def _after(slots: Iterable[int]) -> int:
    """Return the slot after all of these slots of drafted cards."""
    return max((slot for slot in slots if slot < MADE_FROM), default=0) + 1


def last_home(connection: Connection, guid: Guid) -> str:
    """Return the highlight of a card's last move that is not undone; "" if there is none."""
    row = connection.execute(
        "SELECT json_extract(d.body, '$.to') AS home FROM event d WHERE d.subject = ?"
        " AND d.what = 'move' AND NOT d.undone ORDER BY d.rank DESC LIMIT 1",
        (guid,),
    ).fetchone()
    return str(row["home"]) if row else ""


_SLOTS = (
    "SELECT s.* FROM slot s WHERE NOT EXISTS (SELECT 1 FROM card c WHERE c.key = s.key"
    " AND c.family = s.family AND c.slot = s.slot)"
)


class LostCard(NamedTuple):
    """A card in the journal, in its last state, that is not in the ledger."""

    key: HighlightKey
    """The highlight from which the card was first drafted, whose key determines its guid."""
    slot: int
    home: HighlightKey
    """The highlight to which the card belongs now."""
    draft: Draft


def lost_cards(connection: Connection, decisions: Decisions, first: int = 0) -> Iterator[LostCard]:
    """Yield cards of passages read here that a person accepted or wrote but that do not exist here.

    Only slots from `first` on are included.
    """
    sql = f"{_SLOTS} AND s.slot >= ? ORDER BY s.key, s.slot, s.family"
    for row in connection.execute(sql, (first,)).fetchall():
        guid = _guid_of(row)
        home = HighlightKey(last_home(connection, guid) or row["key"])
        draft = _stood(row, home, standing(decisions.of(guid)))
        if draft is not None and _is_read(connection, home):
            yield LostCard(HighlightKey(row["key"]), int(row["slot"]), home, draft)


def without_card(connection: Connection, key: HighlightKey) -> Iterator[tuple[Guid, Family, str]]:
    """Yield (guid, note type, answer) for a highlight's slots that have no card."""
    for row in connection.execute(f"{_SLOTS} AND s.key = ? ORDER BY s.slot", (key,)).fetchall():
        yield _guid_of(row), Family(row["family"]), str(row["answer"])


def _guid_of(row: sqlite3.Row) -> Guid:
    return guid_for(HighlightKey(row["key"]), Family(row["family"]), int(row["slot"]))


def _is_read(connection: Connection, key: HighlightKey) -> bool:
    """Return whether a highlight was read, or was not found in its source."""
    found = connection.execute(
        "SELECT 1 FROM highlight WHERE key = ? AND (presence IN ('missing-once', 'gone')"
        " OR (run <> '' AND presence = 'present'))",
        (key,),
    )
    return found.fetchone() is not None


def _stood(row: sqlite3.Row, home: HighlightKey, history: list[Event]) -> Draft | None:
    """Return the text of a live card if a person wrote or accepted it, else None.

    A card made by hand is returned in any state, because it would not be drafted again otherwise.
    """
    if made := [decided.body for decided in history if MADE in decided.body]:
        return _draft_from(row, home, made[-1])
    now: dict[str, Any] = {}
    last: dict[str, Any] | None = None
    for decided in history:
        after = {} if decided.undoes else decided.body.get("after", {})
        now |= after
        if decided.by == PERSON and (PREFERRED in decided.body or "fields" in after):
            last = decided.body
    live = now.get("standing", Standing.LIVE) == Standing.LIVE
    wanted = now.get("verdict") == Verdict.ACCEPTED or now.get("edited")
    if last is None or not (live and wanted):
        return None
    return _draft_from(row, home, last)


def _draft_from(row: sqlite3.Row, home: HighlightKey, body: dict[str, Any]) -> Draft:
    chosen, after = body.get(PREFERRED, {}), body.get("after", {})
    stored = after.get("fields")
    fields = json.decode(stored, type=Fields) if stored else tuple(chosen["fields"].items())
    usual = CardKind.CLOZE if row["family"] == Family.CLOZE else CardKind.BASIC
    kind = CardKind(after.get("kind") or chosen.get("kind") or usual)
    by_hand = not chosen or bool(after.get("edited"))
    origin = Origin(PERSON) if by_hand else Origin(
        chosen["drafter"], chosen["model"], chosen["prompt"]
    )  # fmt: skip
    answer = str(body.get("answer") or row["answer"])
    quote = body.get(MADE, row)["quote"]
    return Draft(home, kind, fields, quote, answer, 0, origin, by_hand=by_hand)
