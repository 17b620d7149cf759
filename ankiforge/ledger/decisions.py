"""Record and undo events. `events.fold` derives the state of cards from them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger.cards import REPLACES, Cards, Pairs, event_of
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.events import (
    ANKI,
    COLUMNS,
    CONSENT,
    DOUBTED,
    LAPSES,
    PERSON,
    SOURCE,
    UNDO,
    WAITS,
    Columns,
    Event,
    standing,
)
from ankiforge.ledger.journal import Entry, Writer
from ankiforge.ledger.problem_cards import DEALT, INSTEAD
from ankiforge.model import CandidateState, Card, Guid, HighlightKey, Standing, Verdict
from ankiforge.text.fold import canonical, same

_STANDS = f"d.what <> '{UNDO}' AND NOT d.undone"
_BY_PERSON = f"d.by = '{PERSON}' AND {_STANDS}"


class Decisions:
    """Records decisions as events, and undoes them."""

    def __init__(self, connection: Connection, writer: Writer, cards: Cards) -> None:
        self._db = connection
        self._writer = writer
        self._cards = cards
        self._pairs = Pairs(connection)
        self.on_effect: Callable[[Event], None] = lambda event: None
        """Called for each event that came from a journal or was undone, to apply its other effects."""
        self._received: set[str] = set()
        """The ids of events that came from a journal, or were undone by it, and are not applied yet."""

    # --- recording --------------------------------------------------------------------------

    def change(
        self,
        guid: Guid,
        what: str,
        after: Columns,
        *,
        by: str = PERSON,
        action: str = "",
        candidates: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> str:
        """Record an event about a card, with the columns and candidate states that it sets.

        Args:
            guid: the guid of the card.
            what: the kind of event.
            after: the new values of columns by name, see `events.COLUMNS`.
            by: who decided.
            action: identifies the events that are undone together; "" = only this event.
            candidates: the new states of candidates by letter.
            extra: further keys of the journal line.

        Returns:
            The id of the event.
        """
        [group] = self._cards.stored([guid])
        at = next(at for at, one in enumerate(group) if one.facts.guid == guid)
        row, facts = group[at].row, group[at].facts
        body = {
            "key": row["key"], "before": {name: row[name] for name in after}, "after": after,
            **(extra or {}),
        }  # fmt: skip
        if by == PERSON and what in DEALT and row["lapses"] is not None:
            body[LAPSES] = row["lapses"]
        if candidates:  # other ledgers identify candidates by the hash of their text
            words = {
                one.letter: one.words for one in facts.alternatives if one.letter in candidates
            }
            body |= {"candidates": candidates, "words": words}
        event = self._writer.decide(
            what, guid, body, by=by, action=action or self._writer.new_action()
        )
        facts = replace(facts, events=(*facts.events, event))
        group[at] = group[at]._replace(facts=facts)
        self._cards.store_fold(group)
        return event.id

    def retire(self, key: HighlightKey, why: str) -> None:
        """Retire the cards of a highlight that is skipped or gone.

        A card of several highlights is retired only with the last of them. If the highlight is gone,
        accepted cards are kept: cleaning up a note does not remove what a person accepted
        (docs/states.md).
        """
        accepted_stay = why == "gone"
        for guid in self._live_cards(key, accepted_stay):
            after = {"standing": Standing.RETIRED.value, "standing_why": why}
            self.change(guid, "retire", after, by=SOURCE)

    def revive(self, key: HighlightKey) -> None:
        """Revive cards that were retired because their highlight was skipped or gone."""
        rows = self._db.execute(
            "SELECT c.guid FROM card_highlight l JOIN card c ON c.guid = l.guid WHERE l.key = ?"
            " AND c.standing = 'retired' AND c.standing_why IN ('skip', 'gone')",
            (key,),
        ).fetchall()
        for row in rows:
            after = {"standing": Standing.LIVE.value, "standing_why": ""}
            self.change(Guid(row["guid"]), "revive", after, by=SOURCE)

    def record(
        self, guid: Guid, what: str, after: Columns, action: str, extra: dict[str, Any]
    ) -> None:
        """Record an event of a source about a card that may exist only on another machine."""
        if self._db.execute("SELECT 1 FROM card WHERE guid = ?", (guid,)).fetchone():
            self.change(guid, what, after, by=SOURCE, action=action, extra=extra)
        else:
            body = {"key": "", "before": {}, "after": after, **extra}
            self._writer.decide(what, guid, body, by=SOURCE, action=action)

    def draft_replacement(self, goes: str, stays: str) -> None:
        """Mark the passage of a superseded card as pending if the other card has words of an older one.

        Those of the source are then drafted as its revision, or as that card if it does not exist here.
        A person's words stay.
        """
        cards = {card.guid: card for card in self._cards.several([Guid(goes), Guid(stays)])}
        one, other = cards.get(Guid(goes)), cards.get(Guid(stays))
        if other and (
            other.edited
            or other.revision
            or not one
            # of the same passage, but worded in another way
            or canonical(other.leading.draft.quote) in canonical(one.highlight.exact)
        ):
            return
        self._db.execute(
            "UPDATE highlight SET drafted = '' WHERE key IN (SELECT key FROM card_highlight"
            " WHERE guid = ?1 UNION SELECT key FROM card WHERE guid = ?1)",
            (goes,),
        )

    def _live_cards(self, key: HighlightKey, accepted_stay: bool) -> list[Guid]:
        rows = self._db.execute(
            "SELECT c.guid FROM card_highlight l JOIN card c ON c.guid = l.guid WHERE l.key = ?"
            " AND c.standing = 'live' AND (NOT ? OR c.verdict = 'pending')"
            " AND NOT EXISTS (SELECT 1 FROM card_highlight o JOIN highlight h ON h.key = o.key"
            " WHERE o.guid = l.guid AND o.key <> l.key"
            " AND h.presence IN ('present', 'missing-once'))",
            (key, int(accepted_stay)),
        ).fetchall()
        return [Guid(row["guid"]) for row in rows]

    # --- from a journal ---------------------------------------------------------------------

    def receive(self, entry: Entry) -> None:
        """Store an event of another ledger; `apply_received` applies it."""
        self._received |= {entry.id, *self._writer.store(entry, here=False)}

    def apply_received(self) -> None:
        """Apply all received events, by recomputing everything that they are about."""
        if not self._received:
            return
        self._writer.sort_received()
        events = [event for identity in self._received for event in self._by_id(identity)]
        self._received.clear()
        self._cards.refold(sorted({event.subject for event in events}))
        for event in sorted(events, key=lambda one: one.rank):
            self._take_effect(event)

    def catch_up(self, guid: Guid) -> tuple[Event, ...]:
        """Apply all earlier events about a card that was just created; return them."""
        [group] = self._cards.stored([guid])
        self._cards.store_fold(group)
        history = next(one.facts.events for one in group if one.facts.guid == guid)
        for event in history:
            self._take_effect(event)
        return history

    def _by_id(self, identity: str) -> list[Event]:
        rows = self._db.execute("SELECT * FROM event WHERE id = ?", (identity,)).fetchall()
        return [event_of(row) for row in rows]

    def _take_effect(self, event: Event) -> None:
        """Apply effects of an event other than on cards: merged highlights, skips, unions, moves."""
        if event.what == "merge" and "card" in event.body:
            guid, key = Guid(event.subject), HighlightKey(event.body["key"])
            if event.undone:
                self._pairs.unmerge(guid, key)
            else:
                self._pairs.link(guid, key)
        elif event.what == "supersede" and not event.undone:
            self.draft_replacement(event.subject, event.after.get("standing_why", ""))
        elif event.what == "reject" and not event.undone:
            for card in self._cards.several([Guid(event.subject)]):
                if (card.picked and card.open) or self.rejected_otherwise(card):
                    self._draft_again(card)
        elif event.after.get("waits") == DOUBTED and not event.undone:
            # a card that waits after all has the words of its passage, which may be no longer those of others
            for card in self._cards.several([Guid(event.subject)]):
                said = canonical(card.leading.draft.quote)
                for one in card.also:
                    if card.verdict is Verdict.PENDING and said not in canonical(one.exact):
                        self._unmerge(card.guid, one.key)
        elif event.what == REPLACES and not event.undone:
            # here the words of the other card wait as revisions of those that it may replace
            for card in self._cards.several(event.body.get(INSTEAD, ())):
                if card.revision:
                    self._draft_again(card)
        self.on_effect(event)

    def _draft_again(self, card: Card) -> None:
        self._db.execute("UPDATE highlight SET drafted = '' WHERE key = ?", (card.highlight.key,))

    def rejected_otherwise(self, card: Card) -> bool:
        """Return whether a card was rejected by another machine, with another answer than it has here."""
        if card.verdict is not Verdict.REJECTED:
            return False
        said = [
            one.body.get("answer") for one in standing(self.of(card.guid)) if one.what == "reject"
        ]
        here = [one for one in card.candidates if one.state is not CandidateState.PASSED]
        return bool(said) and not any(same(one.draft.answer, str(said[-1])) for one in here)

    # --- undoing ----------------------------------------------------------------------------

    def undo(self, what: str = "") -> list[Event]:
        """Undo one action.

        Args:
            what: the id of the action or of one of its events; "" = a person's last action that is
                not undone.

        Raises:
            UsageError: there is no action with this id.
            RefusedError: the action is undone, or a later decision was made about one of its cards.
        """
        with self._writer.unit():
            events = self._action(what) if what else self._last_action()
            if consents := [one.id for one in events if one.what == CONSENT]:
                # of the cards, only those that nobody has decided on since
                ids = {one.id for one in events}
                events += [one for one in self.following(consents) if one.id not in ids]
                events = [one for one in events if one.what == CONSENT or not self._later(one)]
            self.undo_events(events)
            return events

    def following(self, consents: Iterable[str]) -> list[Event]:
        """Return the events, not undone, that follow from a person's consent to a form of cards."""
        rows = self._db.execute(
            "SELECT d.* FROM event d WHERE d.what IN ('accept', 'retire') AND NOT d.undone"
            " AND json_extract(d.body, '$.consent') IN (SELECT value FROM json_each(?))"
            " ORDER BY d.sequence",
            (to_json(list(consents)),),
        ).fetchall()
        return [event_of(row) for row in rows]

    def take_back_following(self, consent: str) -> None:
        """Undo what follows from a consent that another machine took back."""
        if events := [one for one in self.following([consent]) if not self._later(one)]:
            self.undo_events(events)

    def undo_events(self, events: list[Event]) -> None:
        """Undo all these events as one action, within a unit.

        Raises:
            RefusedError: a later decision was made about one of their cards; nothing is undone.
        """
        for event in events:
            self._refuse_if_later(event)
        action = self._writer.new_action()
        for event in reversed(events):
            self._undo_one(event, action)

    def _undo_one(self, event: Event, action: str) -> None:
        guid = Guid(event.subject)
        if event.what == "merge" and "card" not in event.body:
            self._unmerge(event.subject, event.body["key"])
        body = {"key": event.body.get("key", ""), "before": event.after, "after": {}}
        undo = self._writer.decide(
            UNDO, event.subject, body, by=PERSON, action=action, undoes=event.id
        )
        self._cards.refold([guid])
        columns, candidates = self._now(guid, event)
        result = {"after": columns} | ({"candidates": candidates} if candidates else {})
        self._writer.amend(undo.id, body | result)
        for undone in self._by_id(event.id):
            self._take_effect(undone)

    def _now(self, guid: Guid, event: Event) -> tuple[Columns, dict[str, str]]:
        """Return the current values of the columns and candidate states that an event set."""
        found = (one for group in self._cards.stored([guid]) for one in group)
        card = next((one for one in found if one.facts.guid == guid), None)
        if card is None:
            return {}, {}
        columns = {name: card.row[name] for name in event.after if name in COLUMNS}
        named = event.body.get("candidates", {})
        return columns, {one: card.states[one] for one in named if one in card.states}

    def decided_about(self) -> frozenset[str]:
        """Return the guids and highlight keys with a person's decision that is not undone."""
        rows = self._db.execute(f"SELECT DISTINCT subject FROM event d WHERE {_BY_PERSON}")
        return frozenset(row["subject"] for row in rows.fetchall())

    def last_about(self, guids: Iterable[Guid]) -> dict[Guid, tuple[Event, ...]]:
        """Return a person's last decision about each card, with the related events of its action.

        Related events are about the card's alternatives and other cards in its event, but not about
        further cards decided by the same command. The latest decision comes first. Cards without a
        decision are omitted.
        """
        found = {guid: row for guid in guids if (row := self._last_row(guid))}
        latest = sorted(found, key=lambda guid: found[guid]["sequence"], reverse=True)
        shares = {action: self._shares(action) for action in {r["action"] for r in found.values()}}
        return {guid: shares[found[guid]["action"]][guid] for guid in latest}

    def _last_row(self, guid: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._db.execute(
            f"SELECT action, sequence FROM event d WHERE subject = ? AND {_BY_PERSON}"
            " ORDER BY sequence DESC LIMIT 1",
            (guid,),
        ).fetchone()
        return found

    def _shares(self, action: str) -> dict[str, tuple[Event, ...]]:
        """Return the groups of related events of an action by the cards that they are about."""
        rows = self._db.execute(
            "SELECT guid, choice FROM card WHERE choice <> ''"
            " AND guid IN (SELECT subject FROM event WHERE action = ?)",
            (action,),
        ).fetchall()
        choices, events = {row["guid"]: row["choice"] for row in rows}, self._action(action)
        near: dict[str, frozenset[str]] = {}
        for event in events:
            names = frozenset(_names(event, choices))
            names = names.union(*(near[name] for name in names if name in near))
            near |= dict.fromkeys(names, names)
        shares: dict[frozenset[str], tuple[Event, ...]] = {}
        for event in events:
            together = near[event.subject]
            shares[together] = (*shares.get(together, ()), event)
        return {event.subject: shares[near[event.subject]] for event in events}

    def _action(self, what: str) -> list[Event]:
        """Return the events of an action that are not undone."""
        rows = self._db.execute(
            "SELECT d.* FROM event d WHERE action = ? OR action ="
            " (SELECT action FROM event WHERE id = ?) ORDER BY sequence",
            (what, what),
        ).fetchall()
        if not rows:
            raise UsageError(f"no decision {what!r}", hint="ankiforge show -v CARD shows their ids")
        left = [event_of(row) for row in rows if not row["undone"]]
        if not left:
            raise RefusedError(
                f"{what} was already undone", hint="ankiforge show -v CARD shows its decisions"
            )
        return left

    def _last_action(self) -> list[Event]:
        row = self._db.execute(
            f"SELECT action FROM event d WHERE {_BY_PERSON} ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        if row is None:
            raise RefusedError(
                "there is nothing to undo", hint="ankiforge show -v CARD lists decisions"
            )
        return self._action(row["action"])

    def _refuse_if_later(self, event: Event) -> None:
        if (later := self._later(event)) is not None:
            raise RefusedError(
                f"{event.subject} was changed since ({later['what']}, {later['at']})",
                hint=f"ankiforge undo {later['action']} first",
            )

    def _later(self, event: Event) -> sqlite3.Row | None:
        """Return a later event that changed the same columns of the card; None if there is none."""
        rows = self._db.execute(
            "SELECT d.* FROM event d WHERE d.subject = :subject AND d.what <> 'move'"
            f" AND d.action <> :action AND d.sequence > :sequence AND {_STANDS}"
            " AND (d.by <> :anki OR :by = :anki)"  # a view of Anki is not a later decision
            " ORDER BY d.sequence DESC",
            {"subject": event.subject, "action": event.action, "sequence": event.sequence,
             "by": event.by, "anki": ANKI},
        ).fetchall()  # fmt: skip
        touched = _touched(event)
        return next((row for row in rows if touched & _touched(event_of(row))), None)

    # --- highlights that share a card -------------------------------------------------------

    def unmerge_others(self, guid: Guid) -> list[HighlightKey]:
        """Unmerge the highlights that were merged into a card whose text is about to change."""
        rows = self._db.execute(
            "SELECT key FROM card_highlight WHERE guid = ? AND role = 'also' ORDER BY key", (guid,)
        ).fetchall()
        for row in rows:
            self._unmerge(guid, row["key"])
        return [HighlightKey(row["key"]) for row in rows]

    def _unmerge(self, guid: str, key: str) -> None:
        self._db.execute(
            "DELETE FROM card_highlight WHERE guid = ? AND key = ? AND role = 'also'", (guid, key)
        )
        self._db.execute("UPDATE highlight SET drafted = '', no_card = '' WHERE key = ?", (key,))

    def merged_into(self, key: HighlightKey, answer: str) -> str:
        """Return the card into which this answer of a highlight was merged; "" if there is none.

        The card may have any state: after the ledger was lost, the answer must not be drafted again.
        """
        row = self._db.execute(
            "SELECT d.subject FROM event d JOIN card c ON c.guid = d.subject"
            " WHERE d.what = 'merge' AND json_extract(d.body, '$.key') = ?"
            " AND json_extract(d.body, '$.answer') = ? AND json_extract(d.body, '$.card') IS NULL"
            " AND NOT d.undone"
            " AND NOT EXISTS (SELECT 1 FROM event l WHERE l.subject = d.subject"  # unmerged later
            "  AND l.what IN ('revise', 'accept', 'pick')"
            "  AND json_extract(l.body, '$.after.fields') IS NOT NULL AND l.rank > d.rank)"
            " ORDER BY d.rank DESC LIMIT 1",
            (key, answer),
        ).fetchone()
        return str(row["subject"]) if row else ""

    def was_unmerged(self, guid: str, key: HighlightKey) -> bool:
        """Return whether a merge of this highlight into this card was undone."""
        row = self._db.execute(
            "SELECT 1 FROM event d WHERE d.subject = ? AND d.what = 'merge' AND d.undone"
            " AND json_extract(d.body, '$.key') = ?",
            (guid, key),
        ).fetchone()
        return row is not None

    # --- reading ----------------------------------------------------------------------------

    def words_wait(self, guid: Guid) -> set[Guid]:
        """Return the cards superseded on a machine by this one, although the passage has other words than it."""
        rows = self._db.execute(
            "SELECT subject FROM event WHERE what = 'supersede' AND NOT undone"
            f" AND json_extract(body, '$.after.standing_why') = ? AND json_extract(body, '$.{WAITS}')",
            (guid,),
        )
        return {Guid(row["subject"]) for row in rows.fetchall()}

    def of(self, subject: str) -> list[Event]:
        """Return all events about a card, highlight or document, oldest first, including undone ones."""
        return self._cards.events(subject)

    def was_merged(self, key: HighlightKey) -> bool:
        """Return whether policy merged this highlight into the card of another highlight."""
        row = self._db.execute(
            "SELECT 1 FROM event d WHERE d.what = 'merge' AND json_extract(d.body, '$.key') = ?"
            " AND json_extract(d.body, '$.card') IS NULL LIMIT 1",
            (key,),
        ).fetchone()
        return row is not None

    def recovered_retired(self, guid: Guid) -> bool:
        """Return whether a card was recovered from a note in Anki with the tag of retired cards."""
        row = self._db.execute(
            "SELECT 1 FROM event WHERE what = 'recover' AND subject = ?"
            " AND json_extract(body, '$.after.standing') = 'retired' LIMIT 1",
            (guid,),
        ).fetchone()
        return row is not None

    def person_decided(self, key: HighlightKey) -> bool:
        """Return whether a person ever decided about a highlight, even if that was undone.

        Policy must not decide on such highlights. Deleting a note in Anki is a decision, too.
        """
        row = self._db.execute(
            "SELECT 1 FROM event WHERE json_extract(body, '$.key') = ?"
            " AND (by = ? OR what = 'tombstone') LIMIT 1",
            (key, PERSON),
        ).fetchone()
        return row is not None


def _touched(event: Event) -> set[str]:
    """Return the columns of a card that an event changed, and "candidates" if it changed any."""
    columns = set(event.after) - {"anki", "anki_why"}
    return columns | ({"candidates"} if event.body.get("candidates") else set())


def _names(event: Event, choices: dict[str, str]) -> Iterator[str]:
    """Yield the guids and the choice that an event is about or mentions."""
    yield event.subject
    if event.subject in choices:
        yield choices[event.subject]
    after = event.after
    by = after.get("standing_why") if after.get("standing") != Standing.RETIRED else ""
    yield from filter(None, (by, event.body.get("card"), event.body.get("twin")))
