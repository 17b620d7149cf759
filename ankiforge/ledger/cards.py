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
from ankiforge.ledger.events import PERSON, Alternative, Columns, Event, Facts, State, fold
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

NOTE = "nid:"
"""Prefix of the id of another tool's note in Anki, as in Anki's own search."""
PAIRED = ("duplicate", "similar")
"""The findings about a pair of cards that a person can dismiss."""
_NO_TWIN = '"twin":""'

STANDS = "NOT d.undone"
"""SQL condition that a decision `d` is not undone."""
_JOINED = (
    "SELECT d.subject, json_extract(d.body, '$.key') AS key, json_extract(d.body, '$.card') AS card,"
    " json_extract(d.body, '$.answer') AS answer FROM event d WHERE d.what = 'merge'"
    f" AND json_extract(d.body, '$.card') IS NOT NULL AND {STANDS}"
)


class Pairs:
    """Merges and `not-duplicate` decisions of a person that are in force."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def link(self, guid: Guid, key: HighlightKey) -> None:
        """Make a card serve another highlight as well, if both exist here."""
        self._db.execute(
            "INSERT OR IGNORE INTO card_highlight SELECT c.guid, h.key, 'also'"
            " FROM card c, highlight h WHERE c.guid = ? AND h.key = ?",
            (guid, key),
        )

    def joined(self, guid: str) -> frozenset[HighlightKey]:
        """Return the highlights whose cards a person merged into this one."""
        rows = self._db.execute(f"{_JOINED} AND d.subject = ?", (guid,)).fetchall()
        return frozenset(HighlightKey(row["key"]) for row in rows)

    def joined_to(self, key: HighlightKey, answer: str) -> Guid | None:
        """Return the card into which a person merged a highlight's card with this answer."""
        rows = self._db.execute(
            f"{_JOINED} AND json_extract(d.body, '$.key') = :key"
            " AND (json_extract(d.body, '$.answer') = :answer OR EXISTS"
            "  (SELECT 1 FROM json_each(d.body, '$.answers') WHERE value = :answer))"
            " ORDER BY d.rank DESC",
            {"key": key, "answer": answer},
        ).fetchall()
        return Guid(rows[0]["subject"]) if rows else None

    def part(self, guid: str, key: str) -> None:
        """Undo a merge: the card serves the highlight no longer, unless another merge says so."""
        if key not in self.joined(guid):
            self._db.execute(
                "DELETE FROM card_highlight WHERE guid = ? AND key = ? AND role = 'also'",
                (guid, key),
            )

    def apart(self, ids: Iterable[str]) -> frozenset[frozenset[str]]:
        """Return the pairs with one of these ids that a person called no duplicates."""
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

    def all_apart(self) -> frozenset[frozenset[str]]:
        """Return all pairs that a person called no duplicates."""
        rows = self._db.execute(
            "SELECT d.subject, json_extract(d.body, '$.twin') AS twin FROM event d"
            f" WHERE d.what = 'not-duplicate' AND {STANDS}"
        ).fetchall()
        return frozenset(frozenset((row["subject"], row["twin"])) for row in rows)

    # --- findings that name a twin ----------------------------------------------------------

    def told(self, rows: list[sqlite3.Row]) -> list[sqlite3.Row]:
        """Filter rows of findings: drop those whose other card is not in use, or was dismissed."""
        naming = {at: _finding(row) for at, row in enumerate(rows) if _NO_TWIN not in row["body"]}
        if not naming:
            return rows
        standing = self._standing({_card_of(finding.twin) for finding in naming.values()})
        apart = self.apart({rows[at]["guid"] for at in naming})
        dropped = {
            at
            for at, finding in naming.items()
            if _card_of(finding.twin) not in standing or _is_apart(rows[at]["guid"], finding, apart)
        }
        return [row for at, row in enumerate(rows) if at not in dropped]

    def settled(self, guid: Guid, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Return the findings without those of pairs that a person dismissed."""
        if not any(finding.twin for finding in findings):
            return findings
        apart = self.apart((guid,))
        return tuple(one for one in findings if not _is_apart(guid, one, apart))

    def _standing(self, twins: Iterable[str]) -> frozenset[str]:
        """Return those ids that are a live card, not rejected, or another tool's note in Anki."""
        ids = tuple(twins)
        notes = tuple(one.removeprefix(NOTE) for one in ids if one.startswith(NOTE))
        rows = self._db.execute(
            f"SELECT guid AS id FROM card WHERE guid IN ({', '.join('?' * len(ids))})"
            " AND standing = 'live' AND verdict <> 'rejected' UNION ALL"
            f" SELECT '{NOTE}' || id FROM foreign_note"
            f" WHERE id IN ({', '.join('?' * len(notes))}) AND fields <> ''",
            (*ids, *map(int, notes)),
        ).fetchall()
        return frozenset(row["id"] for row in rows)


def _finding(row: sqlite3.Row) -> Finding:
    return msgspec.json.decode(row["body"], type=Finding)


def _card_of(twin: str) -> str:
    """Return the guid in a finding's `twin`, without the letter of a candidate."""
    return twin.partition(".")[0]


def _is_apart(guid: str, finding: Finding, apart: frozenset[frozenset[str]]) -> bool:
    return finding.check in PAIRED and frozenset((guid, _card_of(finding.twin))) in apart


SOURCE_GONE = Finding("source_gone", Severity.WARN, "its passage is no longer in the source")
FEEDBACK = "feedback"
"""The check whose finding is a remark that a person typed in Anki."""
PREFERRED = "preferred"
"""Key of an event by which a person accepted a candidate: that candidate."""
AT_ONCE = 500
"""Cards that are read with one query."""


_Highlights = Mapping[HighlightKey, Highlight]
TAGGED = "retired in Anki"
"""Why a card is retired that was recovered from Anki with the tag of retired cards."""


class Stored(NamedTuple):
    """A candidate without its findings."""

    letter: str
    state: CandidateState
    draft: Draft


class Cards:
    """Reads cards, and writes them from events."""

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

    # --- looking ----------------------------------------------------------------------------

    def get(self, guid: Guid | str) -> Card:
        """Return one card.

        Raises:
            KeyError: there is none with this guid.
        """
        for card in self.several([str(guid)]):
            return card
        raise KeyError(guid)

    def of_highlight(self, key: HighlightKey) -> list[Card]:
        """Return the cards of a highlight, including those it was merged into."""
        rows = self._db.execute(
            "SELECT c.guid FROM card c JOIN card_highlight l ON l.guid = c.guid WHERE l.key = ?"
            " ORDER BY c.family, c.slot",
            (key,),
        ).fetchall()
        return list(self.several([row["guid"] for row in rows]))

    def all(self) -> Iterator[Card]:
        """Yield every card, in reading order."""
        rows = self._db.execute(
            "SELECT c.guid FROM card c JOIN highlight h ON h.key = c.key"
            " ORDER BY h.container, h.place, h.position, c.family, c.slot"
        ).fetchall()
        for start in range(0, len(rows), AT_ONCE):
            yield from self.several([row["guid"] for row in rows[start : start + AT_ONCE]])

    def several(self, guids: Sequence[str]) -> Iterator[Card]:
        """Yield the cards with these guids, in their order; at most `AT_ONCE`."""
        if not guids:
            return
        rows = {row["guid"]: row for row in self._of("card", guids)}
        findings = _grouped(self.pairs.told(self._of("finding", guids, "letter, n")))
        candidates = _grouped(self._of("candidate", guids, "length(letter), letter"))
        links = self._of("card_highlight", guids)
        also = _grouped(link for link in links if link["role"] == "also")
        beside = self._beside(rows.values())
        homes = {guid: HighlightKey(row["key"]) for guid, row in rows.items()}
        homes |= {link["guid"]: link["key"] for link in links if link["role"] == "origin"}
        highlights = self._highlights(tuple(set(homes.values())))
        for guid in guids:
            if guid in rows:
                said = findings.get(guid, [])
                drawn = _candidates(candidates.get(guid, []), said)
                home = homes[guid]
                card = _card(rows[guid], highlights[home], drawn)
                if guid in also:
                    card = replace(card, also=self._also(also[guid], home))
                others = [one for one in beside.get(card.choice, ()) if one not in drawn]
                chooses = card.verdict is Verdict.PENDING and card.picked is None
                yield replace(card, beside=tuple(others)) if others and chooses else card

    def _also(self, links: list[sqlite3.Row], home: str) -> tuple[Highlight, ...]:
        keys = sorted(HighlightKey(link["key"]) for link in links if link["key"] != home)
        found = self._highlights(keys)
        return tuple(found[key] for key in keys if key in found)

    def _beside(self, rows: Iterable[sqlite3.Row]) -> dict[str, list[Candidate]]:
        """Return the open alternatives of the other note type by guid, those of the first card first."""
        choices = tuple({row["choice"] for row in rows} - {""})
        if not choices:
            return {}
        marks = ", ".join("?" * len(choices))
        waiting = self._db.execute(
            f"SELECT guid, choice FROM card WHERE choice IN ({marks}) AND choice <> ''"
            " AND standing = 'live' AND verdict = 'pending' ORDER BY guid <> choice, guid",
            choices,
        ).fetchall()
        guids = [row["guid"] for row in waiting]
        findings = _grouped(self.pairs.told(self._of("finding", guids, "letter, n")))
        candidates = _grouped(self._of("candidate", guids, "length(letter), letter"))
        found: dict[str, list[Candidate]] = {}
        for row in waiting:
            drawn = _candidates(candidates.get(row["guid"], []), findings.get(row["guid"], []))
            if not any(one.state is CandidateState.PICKED for one in drawn):
                is_open = [one for one in drawn if one.state is CandidateState.OPEN]
                found.setdefault(row["choice"], []).extend(is_open)
        return found

    def _of(self, table: str, guids: Sequence[str], order: str = "guid") -> list[sqlite3.Row]:
        marks = ", ".join("?" * len(guids))
        sql = f"SELECT * FROM {table} WHERE guid IN ({marks}) ORDER BY {order}"
        return self._db.execute(sql, tuple(guids)).fetchall()

    def stands(self, guid: Guid | str) -> bool:
        """Return whether there is such a card, live and not rejected."""
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

    def run_of(self, guid: Guid) -> str:
        """Return the run that drafted it."""
        return self.runs_of([guid])[guid]

    def runs_of(self, guids: Sequence[Guid]) -> dict[Guid, str]:
        """Return the run that drafted each of these cards; at most `AT_ONCE`."""
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
        """Return the cards of all highlights that a run read, including those these were merged into."""
        rows = self._db.execute(
            "SELECT l.guid FROM card_highlight l WHERE l.key IN"
            " (SELECT key FROM temp.in_scope WHERE run = ?)",
            (run,),
        ).fetchall()
        return frozenset(Guid(row["guid"]) for row in rows)

    def made_in(self, run: RunId) -> Iterator[Card]:
        """Yield the cards that a run created, without those that it revised."""
        rows = self._db.execute("SELECT guid FROM card WHERE run = ? ORDER BY guid", (run,))
        guids = [Guid(row["guid"]) for row in rows.fetchall()]
        for start in range(0, len(guids), AT_ONCE):
            yield from self.several(guids[start : start + AT_ONCE])

    def of_choice(self, card: Card) -> list[Card]:
        """Return the other alternatives of a card, whatever their state."""
        return [one for one in self.in_choice(card.choice) if one.guid != card.guid]

    def in_choice(self, choice: str) -> list[Card]:
        """Return the alternatives that are named by the guid of the first one."""
        rows = self._db.execute(
            "SELECT guid FROM card WHERE choice = ? AND choice <> '' ORDER BY guid", (choice,)
        ).fetchall()
        return list(self.several([row["guid"] for row in rows]))

    def tie(self, guids: Sequence[Guid], choice: str) -> None:
        """Make these cards alternatives of one another."""
        self._db.executemany(
            "UPDATE card SET drafted_with = ? WHERE guid = ?", [(choice, guid) for guid in guids]
        )
        self.refold(guids)

    def mark_gone(self, key: HighlightKey) -> None:
        """Add the finding `source_gone` to accepted cards of a highlight that have no other one left."""
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

    def mark_back(self, key: HighlightKey) -> None:
        """Remove the finding `source_gone`: the highlight is present again."""
        for card in self.of_highlight(key):
            lead = card.leading
            said = tuple(finding for finding in lead.findings if finding != SOURCE_GONE)
            self.set_findings(card.guid, letter_of(lead), said)

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

        `base`: columns in which it differs from a new card with the text of its first candidate.
        """
        self._db.execute(
            "INSERT INTO card (guid, key, family, slot, kind, fields, tags, deck, run, base)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (guid, key, draft.kind.family, slot, draft.kind, to_json(draft.fields), to_json(tags),
             deck, run, to_json(base) if base else ""),
        )  # fmt: skip

    def add_candidate(self, guid: Guid, checked: Checked, state: CandidateState) -> str:
        """Store a draft as the next candidate, in this state until an event changes it.

        Returns:
            Its letter.
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
        self.refresh(guid)
        return letter

    def observe(
        self, observed: Iterable[tuple[str, AnkiState, str]], *, first: bool = False
    ) -> None:
        """Store (guid, state, why) of notes as last seen or written; this is not an event.

        Events that arrived earlier no longer determine the state in Anki. `first`: the observation precedes
        all of them, and the caller folds the cards next.
        """
        [last] = self._db.execute("SELECT coalesce(max(sequence), 0) FROM event").fetchone()
        rows = [(guid, state.value, why, 0 if first else last) for guid, state, why in observed]
        self._db.executemany("INSERT OR REPLACE INTO observed VALUES (?, ?, ?, ?)", rows)
        self._db.executemany(
            "UPDATE card SET anki = ?, anki_why = ? WHERE guid = ?",
            [(state, why, guid) for guid, state, why, _ in rows],
        )

    def candidates(self, guid: str) -> tuple[Stored, ...]:
        """Return the candidates of a card by letter, without findings."""
        rows = self._db.execute(
            "SELECT letter, state, draft FROM candidate WHERE guid = ?"
            " ORDER BY length(letter), letter",
            (guid,),
        ).fetchall()
        return tuple(
            Stored(
                row["letter"], CandidateState(row["state"]),
                msgspec.json.decode(row["draft"], type=Draft),
            )
            for row in rows
        )  # fmt: skip

    def refold(self, guids: Iterable[str]) -> None:
        """Fold the events about these cards and their alternatives, and store the states."""
        done: set[str] = set()
        for guid in guids:
            if guid not in done:
                group = self.facts(guid)
                done |= {card.guid for card in group}
                states = fold(group)
                for card in group:
                    self._write(card, states[card.guid])

    def facts(self, guid: str) -> list[Facts]:
        """Return what the state of a card and its alternatives depends on; [] if there is no such card."""
        sql = (
            "SELECT c.guid, c.kind, c.deck, c.base, c.drafted_with, o.state, o.why, o.sequence"
            " FROM card c LEFT JOIN observed o ON o.guid = c.guid WHERE c."
        )
        rows = self._db.execute(f"{sql}guid = ?", (guid,)).fetchall()
        if rows and rows[0]["drafted_with"]:
            together = (rows[0]["drafted_with"],)
            rows = self._db.execute(f"{sql}drafted_with = ? ORDER BY c.guid", together).fetchall()
        return [
            Facts(
                Guid(row["guid"]),
                self._alternatives(row["guid"]),
                tuple(self.events(row["guid"])),
                {"deck": row["deck"]} | (msgspec.json.decode(row["base"]) if row["base"] else {}),
                row["drafted_with"],
                (row["state"], row["why"]) if row["state"] else ("none", ""),
                row["sequence"] or 0,
            )
            for row in rows
        ]

    def _alternatives(self, guid: str) -> tuple[Alternative, ...]:
        rows = self._db.execute(
            "SELECT letter, draft, born, EXISTS (SELECT 1 FROM finding f WHERE f.guid = c.guid"
            "  AND f.letter = c.letter AND json_extract(f.body, '$.severity') = 'block') AS blocked"
            " FROM candidate c WHERE guid = ? ORDER BY length(letter), letter",
            (guid,),
        ).fetchall()
        return tuple(
            alternative(
                row["letter"], msgspec.json.decode(row["draft"], type=Draft), row["born"],
                blocked=bool(row["blocked"]),
            )
            for row in rows
        )  # fmt: skip

    def events(self, subject: str) -> list[Event]:
        """Return all events about a card, highlight or document, in order."""
        rows = self._db.execute(
            "SELECT * FROM event WHERE subject = ? ORDER BY rank", (subject,)
        ).fetchall()
        return [event_of(row) for row in rows]

    def _write(self, card: Facts, state: State) -> None:
        before = self._db.execute("SELECT * FROM card WHERE guid = ?", (card.guid,)).fetchone()
        changed = {n: v for n, v in state.columns.items() if before[n] != v}
        if changed:
            names = ", ".join(f"{name} = ?" for name in changed)
            values = (*changed.values(), card.guid)
            self._db.execute(f"UPDATE card SET {names} WHERE guid = ?", values)
        self._db.executemany(
            "UPDATE candidate SET state = ?1 WHERE guid = ?2 AND letter = ?3 AND state <> ?1",
            [(said, card.guid, letter) for letter, said in state.letters.items()],
        )
        if any(event.what == "move" for event in card.events):
            self._move(card.guid, state.home or before["key"])
        if state.lacks:
            self._add_words(card.guid, state.lacks)
        self.refresh(card.guid)

    def _move(self, guid: Guid, home: str) -> None:
        """Make a card belong to the highlight it was moved to, if that exists here."""
        there = self._db.execute("SELECT 1 FROM highlight WHERE key = ?", (home,)).fetchone()
        if there:
            self._db.execute(
                "DELETE FROM card_highlight WHERE guid = ? AND ((role = 'origin' AND key <> ?)"
                " OR (role <> 'origin' AND key = ?))",
                (guid, home, home),
            )
            self.link(guid, HighlightKey(home), "origin")

    def _add_words(self, guid: Guid, said: Event) -> None:
        """Store the text that a person wrote or picked on another machine as a candidate, and pick it."""
        card = self.get(guid)
        draft = replace(
            card.leading.draft, kind=card.kind, fields=card.fields,
            answer=said.body.get("answer", card.leading.draft.answer),
        )  # fmt: skip
        chosen = said.body.get(PREFERRED)
        if card.edited or not chosen:
            draft = replace(draft, by_hand=True, origin=Origin(PERSON))
        else:
            origin = Origin(chosen["drafter"], chosen["model"], chosen["prompt"])
            draft = replace(draft, origin=origin)
        self.add_candidate(guid, Checked(draft, blocked_in(said.body)), CandidateState.PASSED)
        self.refold([guid])

    def set_findings(self, guid: Guid, letter: str, findings: tuple[Finding, ...]) -> None:
        """Replace the findings of a candidate."""
        self._db.execute("DELETE FROM finding WHERE guid = ? AND letter = ?", (guid, letter))
        self._db.executemany(
            "INSERT INTO finding VALUES (?, ?, ?, ?)",
            ((guid, letter, n, to_json(finding)) for n, finding in enumerate(findings)),
        )

    def refresh(self, guid: Guid) -> None:
        """Update what follows from findings and remarks of the leading candidate, and the duplicate index.

        Does nothing if there is no such card.
        """
        self._changed(guid)
        lead = self._lead(guid)
        if lead is None:
            return
        before, remarks = self.findings(guid, lead), self._remarks(guid)
        said = tuple(one for one in before if one.check != FEEDBACK)
        if (*said, *remarks) != before:
            self.set_findings(guid, lead, (*said, *remarks))
        blocked = _blocks(before)
        self._db.execute("UPDATE card SET blocked = ? WHERE guid = ?", (int(blocked), guid))

    def _lead(self, guid: Guid) -> str | None:
        """Return the letter of `Card.leading` without reading the whole card."""
        rows = self._db.execute(
            "SELECT letter, state FROM candidate WHERE guid = ? ORDER BY length(letter), letter",
            (guid,),
        ).fetchall()
        letters: dict[str, list[str]] = {state: [] for state in CandidateState}
        for row in rows:
            letters[row["state"]].append(row["letter"])
        picked, waiting = letters[CandidateState.PICKED], letters[CandidateState.OPEN]
        if not picked and len(waiting) > 1:
            passable = (one for one in waiting if not _blocks(self.findings(guid, one)))
            return next(passable, waiting[0])
        return next(iter((*reversed(picked), *waiting, *letters[CandidateState.PASSED])), None)

    def findings(self, guid: Guid, letter: str) -> tuple[Finding, ...]:
        """Return all stored findings of a candidate, including those about cards no longer in use."""
        rows = self._db.execute(
            "SELECT body FROM finding WHERE guid = ? AND letter = ? ORDER BY n", (guid, letter)
        ).fetchall()
        return tuple(msgspec.json.decode(row["body"], type=Finding) for row in rows)

    def _remarks(self, guid: Guid) -> tuple[Finding, ...]:
        """Return the remarks that a person typed in Anki and has not handled since.

        A remark is handled by an edit, or by accepting the card after the remark was recorded.
        """
        rows = self._db.execute(
            "SELECT json_extract(d.body, '$.text') AS said FROM event d WHERE d.subject = ?"
            " AND d.what = 'feedback' AND NOT d.undone AND NOT EXISTS (SELECT 1 FROM event u"
            "  WHERE u.subject = d.subject AND u.rank > d.rank AND NOT u.undone AND (u.what = 'edit'"
            "   OR (u.what IN ('accept', 'pick') AND json_extract(u.body, '$.lapses') IS NOT NULL)))"
            " ORDER BY d.rank",
            (guid,),
        ).fetchall()
        return tuple(Finding(FEEDBACK, Severity.WARN, row["said"]) for row in rows)

    def unlink(self, key: HighlightKey) -> None:
        """Remove a highlight from the cards of others that it was merged into: it is drafted again."""
        self._db.execute("DELETE FROM card_highlight WHERE key = ? AND role = 'also'", (key,))

    def link(self, guid: Guid | str, key: HighlightKey, role: str) -> None:
        """Record which highlight a card serves, as its `origin` or `also`."""
        self._db.execute("INSERT OR IGNORE INTO card_highlight VALUES (?, ?, ?)", (guid, key, role))


def alternative(letter: str, draft: Draft, born: str, *, blocked: bool = False) -> Alternative:
    """Return the part of a candidate on which the state of its card depends."""
    fields = to_json(draft.fields)
    return Alternative(letter, draft.kind.value, fields, born, blocked, words_of(draft))


def words_of(draft: Draft) -> str:
    """Return the hash of a draft's text, by which events name a candidate."""
    return h16(draft.kind.value, to_json(draft.fields))


def event_of(row: sqlite3.Row) -> Event:
    """Decode an event from a row of the table."""
    return Event(
        row["id"], row["at"], row["by"], row["what"], row["subject"], row["undoes"], row["action"],
        msgspec.json.decode(row["body"]), row["rank"], bool(row["undone"]), bool(row["here"]),
        row["sequence"],
    )  # fmt: skip


def blocked_in(said: dict[str, Any]) -> tuple[Finding, ...]:
    """Return the blocking findings that an event stores."""
    try:
        return msgspec.convert(said.get("blocked", ()), tuple[Finding, ...])
    except msgspec.ValidationError:  # a line that a person edited
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
        waits=row["waits"],
        choice=row["choice"],
    )


def _grouped(rows: Iterable[sqlite3.Row]) -> dict[str, list[sqlite3.Row]]:
    groups: dict[str, list[sqlite3.Row]] = {}
    for row in rows:
        groups.setdefault(row["guid"], []).append(row)
    return groups


def _candidates(rows: list[sqlite3.Row], said: list[sqlite3.Row]) -> tuple[Candidate, ...]:
    """Return the candidates of one card with their findings."""
    findings: dict[str, list[Finding]] = {}
    for row in said:
        finding = msgspec.json.decode(row["body"], type=Finding)
        findings.setdefault(row["letter"], []).append(finding)
    return tuple(
        Candidate(
            DraftId(f"{row['guid']}.{row['letter']}"),
            CandidateState(row["state"]),
            msgspec.json.decode(row["draft"], type=Draft),
            tuple(findings.get(row["letter"], ())),
        )
        for row in rows
    )


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
