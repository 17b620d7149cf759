"""Cards and their candidates: the only module that writes these tables.

The state of a card is a fold of the events about it (`events.fold`); its row is a cache.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.events import (
    PERSON,
    REVISE,
    Alternative,
    Columns,
    Event,
    Facts,
    State,
    fold,
    leading,
    remarks,
)
from ankiforge.ledger.highlights import completed
from ankiforge.model import (
    AcceptedBy,
    AnkiState,
    Candidate,
    CandidateState,
    Card,
    CardKind,
    Checked,
    Draft,
    DraftId,
    Fields,
    Finding,
    Guid,
    Highlight,
    HighlightKey,
    Origin,
    RunId,
    Severity,
    Standing,
    Verdict,
    h16,
)
from ankiforge.text.fold import canonical

NOTE = "nid:"
"""The prefix of the id of a foreign note in Anki, as in Anki's own search."""
MOVED_FROM = "moved_from"
"""The check for cards whose passage may be the moved one of another card, which is gone."""
SAME_HIGHLIGHT = "same_highlight"
"""The check whose findings ask a person whether an edited passage is still the same one."""
REJECTED_ELSEWHERE = "rejected_elsewhere"
"""The check for cards that repeat a rejected card of another passage."""
REPLACES = "replaces"
"""The event and the check for a new card that may replace others, because their passage now states
another fact."""
ALIKE = ("duplicate", "similar")
"""The checks of the duplicate index."""
PAIRED = (*ALIKE, MOVED_FROM)
"""The checks of pairs of cards that may be one."""
DISMISSIBLE = (*PAIRED, REPLACES)
"""The checks of pairs of cards whose findings a person can dismiss."""

STANDS = "NOT d.undone"
"""The SQL condition that a decision `d` is not undone."""
_JOINED = (
    "SELECT d.subject, json_extract(d.body, '$.key') AS key, json_extract(d.body, '$.card') AS card,"
    " json_extract(d.body, '$.answer') AS answer FROM event d WHERE d.what = 'merge'"
    f" AND json_extract(d.body, '$.card') IS NOT NULL AND {STANDS}"
)


class Pairs:
    """A person's merges and `not-duplicate` decisions that are not undone."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def link(self, guid: Guid, key: HighlightKey) -> None:
        """Link a card to another highlight, if both exist here."""
        self._db.execute(
            "INSERT OR IGNORE INTO card_highlight SELECT c.guid, h.key, 'also'"
            " FROM card c, highlight h WHERE c.guid = ? AND h.key = ?",
            (guid, key),
        )

    def merged_highlights(self, guid: str) -> frozenset[HighlightKey]:
        """Return the highlights whose cards a person merged into this one."""
        rows = self._db.execute(f"{_JOINED} AND d.subject = ?", (guid,)).fetchall()
        return frozenset(HighlightKey(row["key"]) for row in rows)

    def merged_card(self, key: HighlightKey, answer: str) -> Guid | None:
        """Return the card into which a person merged a highlight's card with this answer."""
        rows = self._db.execute(
            f"{_JOINED} AND json_extract(d.body, '$.key') = :key"
            " AND (json_extract(d.body, '$.answer') = :answer OR EXISTS"
            "  (SELECT 1 FROM json_each(d.body, '$.answers') WHERE value = :answer))"
            " ORDER BY d.rank DESC",
            {"key": key, "answer": answer},
        ).fetchall()
        return Guid(rows[0]["subject"]) if rows else None

    def unmerge(self, guid: str, key: str) -> None:
        """Unlink a card from a highlight after a merge was undone, unless another merge links them."""
        if key not in self.merged_highlights(guid):
            self._db.execute(
                "DELETE FROM card_highlight WHERE guid = ? AND key = ? AND role = 'also'",
                (guid, key),
            )

    def not_duplicates(self, ids: Iterable[str]) -> frozenset[frozenset[str]]:
        """Return the pairs with one of these ids that a person declared not to be duplicates."""
        wanted = tuple(ids)
        marks = ", ".join("?" * len(wanted))
        select = (
            "SELECT d.subject, json_extract(d.body, '$.twin') AS twin FROM event d"
            f" WHERE d.what = 'not-duplicate' AND {STANDS}"
        )
        rows = self._db.execute(
            f"{select} AND d.subject IN ({marks}) UNION ALL"
            f" {select} AND json_extract(d.body, '$.twin') IN ({marks})",
            (*wanted, *wanted),
        ).fetchall()
        return frozenset(frozenset((row["subject"], row["twin"])) for row in rows)

    # --- findings about pairs --------------------------------------------------------------------

    def current(self, found: dict[str, list[Finding]]) -> dict[str, list[Finding]]:
        """Drop findings about another card that is no longer in use or that a person dismissed.

        For `MOVED_FROM`, the other card may also be rejected; for `REJECTED_ELSEWHERE`, it must be.

        Args:
            found: the findings by candidate id.
        """
        naming = {(id, one) for id, findings in found.items() for one in findings if one.twin}
        if not naming:
            return found
        verdicts = self._verdicts({_card_of(one.twin) for _, one in naming})
        apart = self.not_duplicates({_card_of(id) for id, _ in naming})
        dropped = {
            (id, one)
            for id, one in naming
            if not _counts(one.check, verdicts.get(_card_of(one.twin)))
            or _is_dismissed(_card_of(id), one, apart)
        }
        return {
            id: [one for one in findings if (id, one) not in dropped]
            for id, findings in found.items()
        }

    def without_dismissed(self, guid: Guid, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Return the findings without those about pairs that a person dismissed."""
        if not any(finding.twin for finding in findings):
            return findings
        apart = self.not_duplicates((guid,))
        return tuple(one for one in findings if not _is_dismissed(guid, one, apart))

    def _verdicts(self, twins: Iterable[str]) -> dict[str, str]:
        """Return the verdicts of the ids that are live cards, and "" for foreign notes in Anki."""
        ids = tuple(twins)
        notes = tuple(one.removeprefix(NOTE) for one in ids if one.startswith(NOTE))
        rows = self._db.execute(
            f"SELECT guid AS id, verdict FROM card WHERE guid IN ({', '.join('?' * len(ids))})"
            f" AND standing = 'live' UNION ALL SELECT '{NOTE}' || id, '' FROM foreign_note"
            f" WHERE id IN ({', '.join('?' * len(notes))}) AND fields <> ''",
            (*ids, *map(int, notes)),
        ).fetchall()
        return {row["id"]: row["verdict"] for row in rows}


def _counts(check: str, verdict: str | None) -> bool:
    """Return whether a finding applies if the other card has this verdict; None = not in use."""
    if check == REJECTED_ELSEWHERE:
        return verdict == Verdict.REJECTED
    return verdict is not None and (check == MOVED_FROM or verdict != Verdict.REJECTED)


def _card_of(id: str) -> str:
    """Return the guid in the id of a card or candidate."""
    return id.partition(".")[0]


def _is_dismissed(guid: str, finding: Finding, apart: frozenset[frozenset[str]]) -> bool:
    return finding.check in DISMISSIBLE and frozenset((guid, _card_of(finding.twin))) in apart


SOURCE_GONE = Finding("source_gone", Severity.WARN, "its passage is no longer in the source")
ANSWER_CHANGED = Finding(
    "answer_changed",
    Severity.WARN,
    "its answer was corrected in the source, and Anki keeps its schedule:"
    " to learn it anew, reset the card there (Browse, Cards, Reset)",
)
FEEDBACK = "feedback"
"""The check whose findings are remarks that a person typed in Anki."""
PREFERRED = "preferred"
"""The key in an event's body for the candidate that a person accepted."""
AT_ONCE = 500
"""The number of cards that are read with one query."""
_FOUND = msgspec.json.Decoder(list[Finding])


_Highlights = Mapping[HighlightKey, Highlight]
DECIDED = "decided"
"""The reason why a card waits if a person has decided on a card of its passage."""
TAGGED = "retired in Anki"
"""The reason for retiring a card that was recovered from Anki with the tag of retired cards."""


_FINDINGS = (
    "(SELECT json_group_array(json(f.body)) FROM (SELECT body FROM finding"
    " WHERE guid = a.guid AND letter = a.letter ORDER BY n) f) AS findings"
)
_BY_LETTER = "length(a.letter), a.letter"
_CARDS = (
    f"SELECT c.*, a.letter, a.state, a.draft, {_FINDINGS}, h.key AS home, h.body, d.body AS document,"
    " (SELECT json_group_array(o.key) FROM card_highlight o WHERE o.guid = c.guid"
    "  AND o.role = 'also') AS also, (SELECT json_group_array(o.key) FROM card_highlight o"
    "  JOIN highlight g ON g.key = o.key AND g.presence = 'gone' WHERE o.guid = c.guid"
    "  AND o.role = 'also') AS gone, c.verdict = 'pending' AND (EXISTS (SELECT 1 FROM event e"
    "  WHERE json_extract(e.body, '$.key') = +c.key AND e.by = 'person' AND NOT e.undone"
    "  AND NOT EXISTS (SELECT 1 FROM event u WHERE u.id = e.undoes AND u.by = 'person'))"
    f" OR EXISTS (SELECT 1 FROM event e WHERE e.subject = c.guid AND e.what = '{REPLACES}'"
    "  AND NOT e.undone)) AS decided"
    " FROM card c LEFT JOIN candidate a ON a.guid = c.guid"
    " LEFT JOIN highlight h ON h.key = coalesce((SELECT o.key FROM card_highlight o"
    "  WHERE o.guid = c.guid AND o.role = 'origin'), c.key)"
    " LEFT JOIN document d ON d.key = h.document"
    f" WHERE c.guid IN (SELECT value FROM json_each(?)) ORDER BY {_BY_LETTER}"
)
"""Cards with their highlights; one row for each candidate."""
_STORED = (
    f"SELECT c.*, a.letter, a.state, a.draft, a.born, {_FINDINGS},"
    " o.state AS seen, o.why AS seen_why, o.sequence AS seen_after,"
    " (SELECT (SELECT coalesce(sum(json_extract(one.value, '$.lapses')), 0)"
    "  FROM json_each(s.cards) one) FROM seen s WHERE s.guid = c.guid) AS lapses"
    " FROM card c LEFT JOIN candidate a ON a.guid = c.guid LEFT JOIN observed o ON o.guid = c.guid"
    " WHERE c.guid IN (SELECT value FROM json_each(?1)) OR (c.drafted_with <> '' AND c.drafted_with"
    "  IN (SELECT m.drafted_with FROM card m WHERE m.guid IN (SELECT value FROM json_each(?1))))"
    f" ORDER BY c.guid, {_BY_LETTER}"
)
"""Cards and the cards drafted with them; one row for each candidate."""


_WORK = (
    "SELECT coalesce(nullif(d.work, ''), d.key) FROM card_highlight l"
    " JOIN highlight h ON h.key = l.key JOIN document d ON d.key = h.document"
    " WHERE l.guid = :guid AND l.role = 'origin'"
)
"""The SQL for the key of the first document of a card's work."""


class Stored(NamedTuple):
    """A card as stored, with everything its state depends on."""

    row: sqlite3.Row
    """The columns of the card, and `lapses`: the sum for its cards in Anki, None if never seen there."""
    facts: Facts
    states: dict[str, str]
    """The state of each candidate, by letter."""
    findings: dict[str, tuple[Finding, ...]]
    """All stored findings of each candidate, by letter."""


class Cards:
    """Reads cards, and writes their state computed from events."""

    def __init__(
        self,
        connection: Connection,
        highlights: Callable[[Sequence[HighlightKey]], _Highlights],
        changed: Callable[[Guid], None],
    ) -> None:
        """`changed` is called for each changed card, within its transaction."""
        self._db = connection
        self._highlights = highlights
        self._changed = changed
        self.pairs = Pairs(connection)

    # --- reading ----------------------------------------------------------------------------

    def get(self, guid: Guid | str) -> Card:
        """Return one card.

        Raises:
            KeyError: there is no card with this guid.
        """
        for card in self.several([str(guid)]):
            return card
        raise KeyError(guid)

    def of_highlight(self, key: HighlightKey) -> list[Card]:
        """Return the cards of a highlight, including those into which its cards were merged."""
        rows = self._db.execute(
            "SELECT c.guid FROM card c JOIN card_highlight l ON l.guid = c.guid WHERE l.key = ?"
            " ORDER BY c.family, c.slot",
            (key,),
        ).fetchall()
        return list(self.several([row["guid"] for row in rows]))

    def all(self) -> Iterator[Card]:
        """Yield every card, in reading order."""
        return self._where("1")

    def deliverable(self) -> Iterator[Card]:
        """Return the cards that a package may have to contain, in reading order.

        These are cards that are ready, and all other cards that are in Anki.
        """
        accepted = "c.verdict = 'accepted' AND c.standing = 'live'"
        found = self._where(f"{accepted} OR c.anki IN ('seen', 'held')")
        return (card for card in found if card.ready or card.anki.there)

    def _where(self, condition: str) -> Iterator[Card]:
        rows = self._db.execute(
            f"SELECT c.guid FROM card c JOIN highlight h ON h.key = c.key WHERE {condition}"
            " ORDER BY h.container, h.place, h.position, c.family, c.slot"
        ).fetchall()
        for start in range(0, len(rows), AT_ONCE):
            yield from self.several([row["guid"] for row in rows[start : start + AT_ONCE]])

    def several(self, guids: Sequence[str]) -> Iterator[Card]:
        """Yield the cards with these guids (at most `AT_ONCE`), in their order."""
        if not guids:
            return
        groups = _grouped(self._db.execute(_CARDS, (to_json(guids),)).fetchall())
        candidates = self._candidates(row for rows in groups.values() for row in rows)
        beside = self._beside({rows[0]["choice"] for rows in groups.values()} - {""})
        for guid in guids:
            if guid not in groups:
                continue
            row, found = groups[guid][0], tuple(candidates.get(guid, ()))
            home = HighlightKey(row["home"])
            card = _card(row, completed(row["body"], home, row["document"]), found)
            if row["also"] != "[]":
                also = msgspec.json.decode(row["also"], type=list[HighlightKey])
                gone = msgspec.json.decode(row["gone"], type=frozenset[HighlightKey])
                card = replace(card, also=self._also(also, home), gone=gone)
            others = [one for one in beside.get(card.choice, ()) if one not in found]
            chooses = card.verdict is Verdict.PENDING and card.picked is None
            yield replace(card, beside=tuple(others)) if others and chooses else card

    def _candidates(self, rows: Iterable[sqlite3.Row]) -> dict[str, list[Candidate]]:
        """Return the candidates of cards by guid, with their current findings."""
        given = {f"{row['guid']}.{row['letter']}": row for row in rows if row["letter"]}
        findings = {id: _FOUND.decode(row["findings"]) for id, row in given.items()}
        findings = self.pairs.current(findings)
        found: dict[str, list[Candidate]] = {}
        for id, row in given.items():
            draft = msgspec.json.decode(row["draft"], type=Draft)
            one = Candidate(DraftId(id), CandidateState(row["state"]), draft, tuple(findings[id]))
            found.setdefault(row["guid"], []).append(one)
        return found

    def _also(self, keys: list[HighlightKey], home: HighlightKey) -> tuple[Highlight, ...]:
        keys = sorted(key for key in keys if key != home)
        found = self._highlights(keys)
        return tuple(found[key] for key in keys if key in found)

    def _beside(self, choices: set[str]) -> dict[str, list[Candidate]]:
        """Return the open candidates by choice, those of the choice's first card first."""
        if not choices:
            return {}
        rows = self._db.execute(
            f"SELECT c.guid, c.choice, a.letter, a.state, a.draft, {_FINDINGS}"
            " FROM card c JOIN candidate a ON a.guid = c.guid"
            " WHERE c.choice IN (SELECT value FROM json_each(?)) AND c.choice <> ''"
            " AND c.standing = 'live' AND c.verdict = 'pending'"
            f" ORDER BY c.guid <> c.choice, c.guid, {_BY_LETTER}",
            (to_json(sorted(choices)),),
        ).fetchall()
        choice_of = {row["guid"]: row["choice"] for row in rows}
        found: dict[str, list[Candidate]] = {}
        for guid, candidates in self._candidates(rows).items():
            if not any(one.state is CandidateState.PICKED for one in candidates):
                is_open = [one for one in candidates if one.state is CandidateState.OPEN]
                found.setdefault(choice_of[guid], []).extend(is_open)
        return found

    def stands(self, guid: Guid | str) -> bool:
        """Return whether there is a card with this guid that is live and not rejected."""
        row = self._db.execute(
            "SELECT 1 FROM card WHERE guid = ? AND standing = 'live' AND verdict <> 'rejected'",
            (guid,),
        ).fetchone()
        return row is not None

    def starting_with(self, prefix: str) -> list[Guid]:
        """Return at most three guids with this prefix."""
        rows = self._db.execute(
            "SELECT guid FROM card WHERE guid >= ? AND guid < ? LIMIT 3", (prefix, prefix + "~")
        ).fetchall()
        return [Guid(row["guid"]) for row in rows]

    def runs_of(self, guids: Sequence[Guid]) -> dict[Guid, str]:
        """Return the run that drafted each of these cards (at most `AT_ONCE`)."""
        marks = ", ".join("?" * len(guids))
        sql = f"SELECT guid, run FROM card WHERE guid IN ({marks})"
        rows = self._db.execute(sql, tuple(guids)).fetchall()
        return {Guid(row["guid"]): str(row["run"]) for row in rows}

    def of_documents(self, run: RunId) -> frozenset[Guid]:
        """Return the cards of all documents that a run read, including those whose passage is gone."""
        rows = self._db.execute(
            "SELECT l.guid FROM card_highlight l JOIN highlight h ON h.key = l.key"
            " WHERE h.document IN (SELECT o.document FROM temp.in_scope s"
            " JOIN highlight o ON o.key = s.key WHERE s.run = ?)",
            (run,),
        ).fetchall()
        return frozenset(Guid(row["guid"]) for row in rows)

    def of_run(self, run: RunId) -> frozenset[Guid]:
        """Return the cards of all highlights that a run read, including cards merged with theirs."""
        rows = self._db.execute(
            "SELECT l.guid FROM card_highlight l WHERE l.key IN"
            " (SELECT key FROM temp.in_scope WHERE run = ?)",
            (run,),
        ).fetchall()
        return frozenset(Guid(row["guid"]) for row in rows)

    def made_in(self, run: RunId) -> Iterator[Card]:
        """Yield the cards that a run created, but not those that it revised."""
        rows = self._db.execute("SELECT guid FROM card WHERE run = ? ORDER BY guid", (run,))
        guids = [Guid(row["guid"]) for row in rows.fetchall()]
        for start in range(0, len(guids), AT_ONCE):
            yield from self.several(guids[start : start + AT_ONCE])

    def of_choice(self, card: Card) -> list[Card]:
        """Return the other alternatives of a card, whatever their state."""
        return [one for one in self.in_choice(card.choice) if one.guid != card.guid]

    def in_choice(self, choice: str) -> list[Card]:
        """Return the alternatives of a choice, which is identified by the guid of the first one."""
        rows = self._db.execute(
            "SELECT guid FROM card WHERE choice = ? AND choice <> '' ORDER BY guid", (choice,)
        ).fetchall()
        return list(self.several([row["guid"] for row in rows]))

    def link_alternatives(self, guids: Sequence[Guid], choice: str) -> None:
        """Make these cards alternatives of one another."""
        self._db.executemany(
            "UPDATE card SET drafted_with = ? WHERE guid = ?", [(choice, guid) for guid in guids]
        )
        self.refold(guids)

    def mark_gone(self, key: HighlightKey) -> None:
        """Add the finding `source_gone` to a highlight's ready cards that have no present highlight."""
        for card in self.of_highlight(key):
            lead = card.leading
            if card.ready and SOURCE_GONE not in lead.findings and not self._still_read(card.guid):
                self.set_findings(card.guid, letter_of(lead), (*lead.findings, SOURCE_GONE))

    def _still_read(self, guid: Guid) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM card_highlight l JOIN highlight h ON h.key = l.key"
            " WHERE l.guid = ? AND h.presence <> 'gone'",
            (guid,),
        ).fetchone()
        return row is not None

    def has_reviews(self, guid: Guid) -> bool:
        """Return whether a card was ever answered in Anki."""
        row = self._db.execute("SELECT 1 FROM review WHERE guid = ? LIMIT 1", (guid,)).fetchone()
        return row is not None

    def mark_present(self, key: HighlightKey) -> None:
        """Remove the finding `source_gone` from the cards of a highlight that is present again."""
        for card in self.of_highlight(key):
            lead = card.leading
            kept = tuple(finding for finding in lead.findings if finding != SOURCE_GONE)
            self.set_findings(card.guid, letter_of(lead), kept)

    # --- writing: nothing else writes to `card` and `candidate` ------------------------------

    def insert(
        self,
        guid: Guid,
        key: HighlightKey,
        slot: int,
        draft: Draft,
        *,
        deck: str,
        run: str = "",
        tags: tuple[str, ...] = (),
        base: Columns | None = None,
    ) -> None:
        """Store a new card with the text of a draft.

        `base` are the columns in which it differs from a new card with the text of its first candidate.
        """
        self._db.execute(
            "INSERT INTO card (guid, key, family, slot, kind, fields, tags, deck, run, base)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (guid, key, draft.kind.family, slot, draft.kind, to_json(draft.fields), to_json(tags),
             deck, run, to_json(base) if base else ""),
        )  # fmt: skip
        self._changed(guid)

    def add_candidate(self, guid: Guid, checked: Checked, state: CandidateState) -> str:
        """Store a draft as the next candidate, in this state until an event changes it.

        The columns of the card are updated by the next `refold` or `refresh`.

        Returns:
            The letter of the candidate.
        """
        count = self._db.execute(
            "SELECT count(*) FROM candidate WHERE guid = ?", (guid,)
        ).fetchone()[0]
        letter = _letter(count)
        self._db.execute(
            "INSERT INTO candidate (guid, letter, state, draft, born) VALUES (?, ?, ?, ?, ?)",
            (guid, letter, state, to_json(checked.draft), state),
        )
        self.set_findings(guid, letter, checked.findings)
        return letter

    def observe(
        self, observed: Iterable[tuple[str, AnkiState, str]], *, first: bool = False
    ) -> None:
        """Store (guid, state, why) of notes as last seen or written; this is not an event.

        It overrides the state in Anki that follows from earlier events. With `first`, it precedes all
        events, and the caller must fold the cards next.
        """
        [last] = self._db.execute("SELECT coalesce(max(sequence), 0) FROM event").fetchone()
        rows = [(guid, state.value, why, 0 if first else last) for guid, state, why in observed]
        self._db.executemany("INSERT OR REPLACE INTO observed VALUES (?, ?, ?, ?)", rows)
        self._db.executemany(
            "UPDATE card SET anki = ?, anki_why = ? WHERE guid = ?",
            [(state, why, guid) for guid, state, why, _ in rows],
        )

    def stored(self, guids: Iterable[str]) -> Iterator[list[Stored]]:
        """Yield groups of cards that are folded together: a single card, or all of one choice."""
        wanted = to_json(list(guids))
        rows = _grouped(self._db.execute(_STORED, (wanted,)).fetchall())
        if not rows:
            return
        history: dict[str, list[Event]] = {}
        for event in self._db.execute(
            "SELECT * FROM event WHERE subject IN (SELECT value FROM json_each(?)) ORDER BY rank",
            (to_json(list(rows)),),
        ).fetchall():
            history.setdefault(event["subject"], []).append(event_of(event))
        groups: dict[str, list[Stored]] = {}
        for guid, candidates in rows.items():
            one = _stored(candidates, history.get(guid, []))
            groups.setdefault(one.facts.choice or guid, []).append(one)
        yield from groups.values()

    def facts(self, guid: str) -> list[Facts]:
        """Return the facts that determine the state of a card and its alternatives; [] if unknown."""
        return [one.facts for group in self.stored([guid]) for one in group]

    def refold(self, guids: Sequence[str]) -> None:
        """Fold the events about these cards and their alternatives, and store the states."""
        done: set[str] = set()
        for start in range(0, len(guids), AT_ONCE):
            for group in self.stored(guids[start : start + AT_ONCE]):
                if group[0].facts.guid not in done:
                    done |= {one.facts.guid for one in group}
                    self.store_fold(group)

    def store_fold(self, group: Sequence[Stored]) -> None:
        """Fold and store the state of a group of cards that were just read."""
        states = fold([one.facts for one in group])
        for one in group:
            self._write(one, states[one.facts.guid])

    def events(self, subject: str) -> list[Event]:
        """Return all events about a card, highlight or document, in order."""
        rows = self._db.execute(
            "SELECT * FROM event WHERE subject = ? ORDER BY rank", (subject,)
        ).fetchall()
        return [event_of(row) for row in rows]

    def _write(self, one: Stored, state: State) -> None:
        guid, row, now = one.facts.guid, one.row, state.columns
        now["blocked"] = self._store_remarks(one, state)
        changed = {name: value for name, value in now.items() if row[name] != value}
        if changed:
            names = ", ".join(f"{name} = ?" for name in changed)
            self._db.execute(f"UPDATE card SET {names} WHERE guid = ?", (*changed.values(), guid))
        for letter, new_state in state.letters.items():
            if new_state != one.states[letter]:
                self._db.execute(
                    "UPDATE candidate SET state = ? WHERE guid = ? AND letter = ?",
                    (new_state, guid, letter),
                )
        if moves := [event for event in one.facts.events if event.what == "move"]:
            home = state.home or row["key"]
            if moves[-1].here or moves[-1].undone or not self._moved_to_gone(guid, home):
                self._move(guid, home)
        if _indexed({**dict(row), **now}) != _indexed(dict(row)):
            self._changed(guid)
        if state.lacks:
            self._add_words(guid, state.lacks)
        if changed.get("verdict") and row["verdict"] == Verdict.REJECTED:
            self._draft_if_edited(guid)

    def _draft_if_edited(self, guid: Guid) -> None:
        """Draft the passage of a card that is no longer rejected if it was edited meanwhile: its words wait."""
        card = self.get(guid)
        if canonical(card.leading.draft.quote) not in canonical(card.highlight.exact):
            self._db.execute(
                "UPDATE highlight SET drafted = '', asked = ? WHERE key = ?",
                ("edited while its card was rejected", card.highlight.key),
            )

    def _store_remarks(self, one: Stored, state: State) -> int:
        """Store a person's remarks as findings of the leading candidate.

        Returns:
            1 if a check blocks that candidate, else 0.
        """
        lead = leading(one.facts, state)
        if lead is None:
            return int(one.row["blocked"])
        before = one.findings[lead.letter]
        remarked = (Finding(FEEDBACK, Severity.WARN, text) for text in remarks(one.facts.events))
        after = (*(found for found in before if found.check != FEEDBACK), *remarked)
        if after != before:
            self.set_findings(one.facts.guid, lead.letter, after)
        return int(lead.blocked)

    def _move(self, guid: Guid, home: str) -> None:
        """Link a card to the highlight to which it was moved, if that exists here."""
        exists = self._db.execute("SELECT 1 FROM highlight WHERE key = ?", (home,)).fetchone()
        if exists:
            self._db.execute(
                "DELETE FROM card_highlight WHERE guid = ? AND ((role = 'origin' AND key <> ?)"
                " OR (role <> 'origin' AND key = ?))",
                (guid, home, home),
            )
            self.link(guid, HighlightKey(home), "origin")

    def _moved_to_gone(self, guid: Guid, home: str) -> bool:
        """Return whether the highlight of a card is present, and the one to which another machine moved it is gone."""
        here = "EXISTS (SELECT 1 FROM card_highlight l JOIN highlight h USING (key) WHERE l.guid = :guid"
        row = self._db.execute(
            f"SELECT {here} AND l.role = 'origin' AND h.run <> '' AND h.presence <> 'gone')"
            " AND EXISTS (SELECT 1 FROM highlight WHERE key = :home AND presence = 'gone')",
            {"guid": guid, "home": home},
        ).fetchone()
        return bool(row[0])

    def _add_words(self, guid: Guid, event: Event) -> None:
        """Store the text of an event from another machine, where a person wrote or picked it, or the source has it."""
        card = self.get(guid)
        draft = replace(
            card.leading.draft, kind=card.kind, fields=card.fields,
            answer=event.body.get("answer", card.leading.draft.answer),
        )  # fmt: skip
        chosen = event.body.get(PREFERRED)
        if event.what == REVISE:
            fields = msgspec.json.decode(event.after["fields"], type=Fields)
            draft = replace(draft, kind=CardKind(event.after["kind"]), fields=fields)
            if to_json(fields) != event.after["fields"]:
                return
        elif card.edited or not chosen:
            draft = replace(draft, by_hand=True, origin=Origin(PERSON))
        else:
            origin = Origin(chosen["drafter"], chosen["model"], chosen["prompt"])
            draft = replace(draft, origin=origin)
        self.add_candidate(guid, Checked(draft, blocked_in(event.body)), CandidateState.PASSED)
        self.refold([guid])

    def set_findings(self, guid: Guid, letter: str, findings: tuple[Finding, ...]) -> None:
        """Replace the findings of a candidate."""
        self._db.execute("DELETE FROM finding WHERE guid = ? AND letter = ?", (guid, letter))
        self._db.executemany(
            "INSERT INTO finding VALUES (?, ?, ?, ?)",
            ((guid, letter, n, to_json(finding)) for n, finding in enumerate(findings)),
        )

    def unprobed(self) -> Iterator[Card]:
        """Yield pending cards that have a draft whose answer must still be probed."""
        rows = self._db.execute(
            "SELECT DISTINCT c.guid FROM candidate a JOIN card c ON c.guid = a.guid"
            " WHERE a.state <> ? AND c.verdict = ? AND c.standing = ?"
            "  AND json_extract(a.draft, '$.probe.done') = 0 ORDER BY c.guid",
            (CandidateState.PASSED, Verdict.PENDING, Standing.LIVE),
        ).fetchall()
        return self.several([row["guid"] for row in rows])

    def set_probed(self, guid: Guid, letter: str, checked: Checked) -> None:
        """Replace a candidate with the same draft, to which the result of the probe was added."""
        self._db.execute(
            "UPDATE candidate SET draft = ? WHERE guid = ? AND letter = ?",
            (to_json(checked.draft), guid, letter),
        )
        self.set_findings(guid, letter, checked.findings)

    def keep_deck(self, guid: Guid) -> None:
        """Store the deck of a document's first accepted card, for its later cards."""
        self._db.execute(
            "UPDATE document SET deck = (SELECT deck FROM card WHERE guid = :guid)"
            f" WHERE deck = '' AND (key = ({_WORK}) OR work = ({_WORK}))",
            {"guid": guid},
        )

    def refresh(self, guid: Guid) -> None:
        """Update the column `blocked` and the remarks among the findings of the leading candidate."""
        for group in self.stored([guid]):
            for one in group:
                if one.facts.guid == guid:
                    blocked = self._store_remarks(one, State({}, one.states))
                    self._db.execute("UPDATE card SET blocked = ? WHERE guid = ?", (blocked, guid))

    def findings(self, guid: Guid, letter: str) -> tuple[Finding, ...]:
        """Return all stored findings of a candidate, including those about cards no longer in use."""
        rows = self._db.execute(
            "SELECT body FROM finding WHERE guid = ? AND letter = ? ORDER BY n", (guid, letter)
        ).fetchall()
        return tuple(msgspec.json.decode(row["body"], type=Finding) for row in rows)

    def unlink(self, key: HighlightKey) -> None:
        """Unlink a highlight that is drafted again from cards of other highlights."""
        self._db.execute("DELETE FROM card_highlight WHERE key = ? AND role = 'also'", (key,))

    def link(self, guid: Guid | str, key: HighlightKey, role: str) -> None:
        """Link a card to a highlight, as its `origin` or `also`."""
        self._db.execute("INSERT OR IGNORE INTO card_highlight VALUES (?, ?, ?)", (guid, key, role))


def alternative(letter: str, draft: Draft, born: str, *, blocked: bool = False) -> Alternative:
    """Return the part of a candidate that determines the state of its card."""
    fields = to_json(draft.fields)
    return Alternative(letter, draft.kind.value, fields, born, blocked, words_of(draft))


def words_of(draft: Draft) -> str:
    """Return the hash of a draft's text, by which events identify a candidate."""
    return h16(draft.kind.value, to_json(draft.fields))


def event_of(row: sqlite3.Row) -> Event:
    """Decode an event from a row of the table."""
    return Event(
        row["id"], row["at"], row["by"], row["what"], row["subject"], row["undoes"], row["action"],
        msgspec.json.decode(row["body"]), row["rank"], bool(row["undone"]), bool(row["here"]),
        row["sequence"],
    )  # fmt: skip


def preference(candidate: Candidate) -> dict[str, Any]:
    """Return the body by which an event stores a preferred or passed-over candidate."""
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


def blocked_in(body: dict[str, Any]) -> tuple[Finding, ...]:
    """Return the blocking findings that an event stores."""
    try:
        return msgspec.convert(body.get("blocked", ()), tuple[Finding, ...])
    except msgspec.ValidationError:  # the line was edited by hand
        return ()


def _card(row: sqlite3.Row, highlight: Highlight, candidates: tuple[Candidate, ...]) -> Card:
    return Card(
        guid=Guid(row["guid"]),
        key=HighlightKey(row["key"]),
        slot=row["slot"],
        kind=CardKind(row["kind"]),
        fields=msgspec.json.decode(row["fields"], type=Fields),
        verdict=Verdict(row["verdict"]),
        standing=Standing(row["standing"]),
        anki=AnkiState(row["anki"]),
        highlight=highlight,
        candidates=candidates,
        standing_why=row["standing_why"],
        anki_why=row["anki_why"],
        accepted_by=AcceptedBy(row["accepted_by"]),
        edited=bool(row["edited"]),
        forced=bool(row["forced"]),
        deck=row["deck"],
        tags=tuple(msgspec.json.decode(row["tags"], type=list[str])),
        reason=row["reason"],
        resolved=tuple(msgspec.json.decode(row["resolved"], type=dict[str, str]).items()),
        waits=row["waits"] or (DECIDED if row["decided"] else ""),
        choice=row["choice"],
    )


def _grouped(rows: Iterable[sqlite3.Row]) -> dict[str, list[sqlite3.Row]]:
    groups: dict[str, list[sqlite3.Row]] = {}
    for row in rows:
        groups.setdefault(row["guid"], []).append(row)
    return groups


def _indexed(card: Columns) -> tuple[str, ...]:
    """Return the values that the duplicate index depends on; () if it does not contain the card."""
    lives = card["standing"] == Standing.LIVE and card["verdict"] != Verdict.REJECTED
    return (card["kind"], card["fields"]) if lives else ()


def _stored(rows: list[sqlite3.Row], history: list[Event]) -> Stored:
    """Decode the rows of one card, of which there is one for each candidate."""
    row = rows[0]
    drafted = [one for one in rows if one["letter"]]
    findings = {one["letter"]: tuple(_FOUND.decode(one["findings"])) for one in drafted}
    facts = Facts(
        Guid(row["guid"]),
        tuple(
            alternative(
                one["letter"], msgspec.json.decode(one["draft"], type=Draft), one["born"],
                blocked=_blocks(findings[one["letter"]]),
            )
            for one in drafted
        ),
        tuple(history),
        {"deck": row["deck"]} | (msgspec.json.decode(row["base"]) if row["base"] else {}),
        row["drafted_with"],
        (row["seen"], row["seen_why"]) if row["seen"] else ("none", ""),
        row["seen_after"] or 0,
    )  # fmt: skip
    return Stored(row, facts, {one["letter"]: one["state"] for one in drafted}, findings)


def _blocks(findings: tuple[Finding, ...]) -> bool:
    return any(one.severity is Severity.BLOCK for one in findings)


def _letter(count: int) -> str:
    """Return the letter of the next candidate after `count` others: a, b … z, aa, ab …."""
    letters = ""
    count += 1
    while count:
        count, rest = divmod(count - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return letters


def letter_of(candidate: Candidate) -> str:
    """Return the letter in a candidate's draft id."""
    return candidate.id.partition(".")[2]
