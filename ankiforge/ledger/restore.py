"""Rebuild a ledger from its journal, and recover cards from Anki."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ankiforge.ledger.anki import LAST_VIEW, seen_of
from ankiforge.ledger.cards import TAGGED, Cards, letter_of
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.documents import Roots, places_of_highlight, read_again
from ankiforge.ledger.events import ANKI, COPIED, PERSON, Columns
from ankiforge.ledger.highlights import (
    RESEMBLED,
    TAKEN,
    decode_highlight,
    encode_highlight,
    place_of,
)
from ankiforge.ledger.journal import (
    VERSION,
    Entry,
    Journal,
    Writer,
)
from ankiforge.ledger.keys import content_of, issued_body
from ankiforge.ledger.locations import FIRST_WORDS
from ankiforge.ledger.placing import EarlierDecisions
from ankiforge.ledger.shipments import Packages
from ankiforge.ledger.slots import Slots
from ankiforge.model import (
    MADE_FROM,
    AcceptedBy,
    AnkiState,
    CandidateState,
    CardKind,
    Checked,
    Document,
    DocumentKey,
    Draft,
    Family,
    Fields,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    Identity,
    Origin,
    Problem,
    RunId,
    Seen,
    Shipment,
    Standing,
    Verdict,
    guid_for,
    h16,
)
from ankiforge.text.anchors import mark_of, text_of
from ankiforge.text.fold import canonical
from ankiforge.text.markdown import plain

_CHANGED = "changed:"
"""The prefix of names in `meta` for when a passage was changed last, according to the journal."""
_UNFIT = (
    AttributeError, KeyError, OverflowError, TypeError, ValueError, msgspec.ValidationError,
    sqlite3.Error,
)  # fmt: skip
"""The errors raised for a line that is malformed or was edited by hand."""


@dataclass(eq=False)
class Rebuild:
    """Brings the database up to date with the journal."""

    _db: Connection
    _journal: Journal
    _writer: Writer
    _decisions: Decisions
    _packages: Packages
    _roots: Roots

    def __post_init__(self) -> None:
        self._newer = False
        self._taken: str | None = None
        """The state of the file when it was last read, even if that was not stored."""
        self._last: dict[tuple[str, ...], tuple[str, str]] = {}
        """What `last_lines` returned for the file."""

    def update(self) -> tuple[Problem, ...]:
        """Read new lines if the file has changed, then append lines that the file has lost.

        Returns:
            Malformed lines as problems, and a notice if lines were appended.
        """
        state = self._journal.state()
        if state == self._taken or (state and state == self._journal.known):
            return ()
        if self._writer.recall("journal") == state:
            self._journal.known = state
            return ()
        self._newer = False
        with self._writer.unit():
            ids: set[str] = set()
            problems = list(self._all_lines(ids))
            self._decisions.apply_received()
            if not self._newer:
                self._writer.meta("journal", state)
            if not self._journal.read_only and (lost := lost_lines(self._db, self._journal, ids)):
                now = self._writer.now()  # of what the ledger stores no time of
                for line in lost:
                    self._writer.copy_line(msgspec.structs.replace(line, at=line.at or now))
                what = "lacked lines" if state else "was missing: it held lines"
                what = f"{what} that the ledger knows; {len(lost):,} were written there again"
                problems.append(Problem(str(self._journal), what, _KEEP, notice=True))
        self._taken = state
        return tuple(problems)

    def _all_lines(self, ids: set[str]) -> Iterator[Problem]:
        """Apply the new lines of the file, and add the ids of all its lines to `ids`."""
        known = {row["id"] for row in self._db.execute("SELECT id FROM journal").fetchall()}
        new: list[Entry | Problem] = []

        def entries() -> Iterator[Entry]:
            for line in self._journal.read():
                if isinstance(line, Entry):
                    ids.add(line.id)
                    yield line
                # a lost ledger knows no line; they may be too many to keep, and are read again
                if known and (isinstance(line, Problem) or line.id not in known):
                    new.append(line)

        self._last = last_lines(entries())
        for line in new if known else self._journal.read():
            if isinstance(line, Problem):
                yield line
            elif line.v > VERSION:
                self._newer = True  # read again after the upgrade
                yield Problem(
                    f"journal line {line.id}", f"is of version {line.v}", "upgrade ankiforge"
                )
            elif line.id not in known:
                known.add(line.id)
                yield from self._take(line)

    def _take(self, entry: Entry) -> Iterator[Problem]:
        """Apply a line completely or not at all."""
        if entry.by == ANKI or entry.what == "shipped":  # of another machine: read Anki again here
            self._writer.meta("anki:last", "")
        take = {
            "issued": self._issued,
            "slot": self._slot,
            "bind": self._bind,
            "shipped": self._shipped,
        }
        self._db.execute("SAVEPOINT line")
        try:
            take.get(entry.what, self._decision)(entry)
        except _UNFIT as error:
            self._db.execute("ROLLBACK TO line")
            self._writer.forget_last()
            yield Problem(
                f"journal line {entry.id}",
                f"cannot be imported: {error!r}",
                "repair or delete the line",
            )
        self._db.execute("INSERT OR IGNORE INTO journal VALUES (?)", (entry.id,))
        self._db.execute("RELEASE line")

    def _is_last(self, register: tuple[str, ...], entry: Entry) -> bool:
        """Return whether no later line of the file sets the same, in whatever order they stand."""
        return self._last.get(register) == (entry.at, entry.id)

    def _issued(self, entry: Entry) -> None:
        highlight = msgspec.convert(entry.body["highlight"], Highlight)
        path, key = entry.body["path"], DocumentKey(entry.body["document"])
        title = entry.body.get("title", "")
        document = replace(highlight.document, key=key, path=path, title=title)
        highlight = replace(highlight, document=document)
        self._placeholder(document, entry.body.get("slug", ""))
        if self._is_last(("document", key), entry):
            self._place(document, entry.body.get("slug", ""))
        if not self._is_last(("issued", entry.subject), entry):
            return
        if ("changed", entry.subject) in self._last:
            self._writer.meta(f"{_CHANGED}{entry.subject}", entry.at)
        self._keep_past(entry)
        read_again(self._db, places_of_highlight(self._db, entry.subject))
        read_again(self._db, [(entry.body["container"], place_of(document))])
        self._db.execute(
            "INSERT INTO highlight (key, document, container, place, position, mark, text,"
            " content, body, presence) VALUES (:key, :document, :container,"
            " (SELECT place FROM document WHERE key = :document), 0, :mark, :text, :content, :body,"
            " 'present') ON CONFLICT (key) DO UPDATE SET mark = excluded.mark,"
            " text = excluded.text, place = excluded.place,"
            " container = iif(run = '', excluded.container, container),"
            " document = iif(run = '', excluded.document, document),"
            # a highlight that only Anki knew until now
            " drafted = CASE container WHEN '' THEN '' ELSE drafted END,"
            " content = excluded.content, body = excluded.body WHERE run = '' OR :at >="
            " (SELECT max(r.at) FROM run r WHERE r.id = highlight.run OR r.id IN (SELECT s.run"
            "  FROM scan s WHERE s.container = highlight.container AND s.complete))",
            {
                "key": entry.subject,
                "document": key,
                "container": entry.body["container"],
                "mark": mark_of(highlight),
                "text": text_of(highlight),
                "content": entry.body["content"],
                "body": encode_highlight(highlight),
                "at": entry.at,
            },
        )

    def _keep_past(self, entry: Entry) -> None:
        """Store the content read here as past content, as the sources may be older than the journal."""
        self._db.execute(
            "INSERT OR IGNORE INTO past_content (key, content, body, until)"
            " SELECT key, content, body, run FROM highlight"
            " WHERE key = ? AND run <> '' AND content <> ?",
            (entry.subject, entry.body["content"]),
        )

    def _placeholder(self, document: Document, slug: str) -> None:
        """Store a document, with its title only in its body until it is read here."""
        self._db.execute(
            "INSERT OR IGNORE INTO document (key, source, place, title, slug, body)"
            " VALUES (?, ?, ?, '', ?, ?)",
            (
                document.key,
                document.source,
                place_of(document),
                slug,
                msgspec.json.encode(document).decode(),
            ),
        )

    def _place(self, document: Document, slug: str) -> None:
        """Store where a document that was never read here was last, as it keeps its key when renamed."""
        self._db.execute(
            "UPDATE document SET place = ?1, body = ?2, slug = ?3 WHERE key = ?4 AND title = ''",
            (place_of(document), to_json(document), slug, document.key),
        )
        self._db.execute(
            "UPDATE highlight SET place = ?1 WHERE document = ?2 AND run = '' AND container <> ''"
            " AND EXISTS (SELECT 1 FROM document d WHERE d.key = ?2 AND d.place = ?1)",
            (place_of(document), document.key),
        )

    def _slot(self, entry: Entry) -> None:
        body = entry.body
        if not self._is_last(_slot_register(entry), entry):
            self._keep_first(entry)
            return
        self._db.execute(
            "INSERT OR REPLACE INTO slot VALUES (?, ?, ?, ?, ?)",
            (entry.subject, body["family"], body["slot"], body["quote"], body["answer"]),
        )

    def _keep_first(self, entry: Entry) -> None:
        """Store the first words of a card if the last ones are others: two machines may have drafted it."""
        name = f"{FIRST_WORDS}{_guid_of(entry)}"
        before = self._writer.recall(name)
        if not before or entry.at < msgspec.json.decode(before)[0]:
            said = (entry.at, entry.body["quote"], entry.body["answer"])
            self._writer.meta(name, to_json(said))

    def _bind(self, entry: Entry) -> None:
        if self._is_last(("bind", entry.subject), entry):
            self._roots.apply(entry.subject, entry.body["root"])

    def _shipped(self, entry: Entry) -> None:
        body: dict[str, Any] = entry.body
        shipment = Shipment(
            Guid(entry.subject), body["rev"], body["mod"], (), (), tuple(body.get("tags", ())),
            body["deck"], body["digest"], content=body.get("content", ""),
        )  # fmt: skip
        self._packages.keep(shipment, body["rev"], "", entry.at)
        self._packages.mark_written([shipment.guid], first=True)

    def _decision(self, entry: Entry) -> None:
        self._decisions.receive(entry)


def last_lines(entries: Iterable[Entry]) -> dict[tuple[str, ...], tuple[str, str]]:
    """Return (at, id) of the latest line about each key, document, slot and folder.

    Of a key whose content differs between its lines also as `changed`. The order in the file counts only
    for lines of the same second.
    """
    last: dict[tuple[str, ...], tuple[str, str]] = {}
    first: dict[str, object] = {}
    for entry in entries:
        registers: list[tuple[str, ...]] = []
        if entry.what in ("issued", "bind"):
            registers.append((entry.what, entry.subject))
        if entry.what == "issued":
            registers.append(("document", str(entry.body.get("document"))))
            content = entry.body.get("content")
            if first.setdefault(entry.subject, content) != content:
                registers.append(("changed", entry.subject))
        elif entry.what == "slot":
            registers.append(_slot_register(entry))
        for register in registers:
            if entry.at >= last.get(register, ("", ""))[0]:
                last[register] = (entry.at, entry.id)
    return last


def _slot_register(entry: Entry) -> tuple[str, ...]:
    return ("slot", entry.subject, str(entry.body.get("family")), str(entry.body.get("slot")))


_KEEP = "keep it: together with the sources it rebuilds a lost ledger"


def lost_lines(connection: Connection, journal: Journal, ids: Set[str]) -> list[Entry]:
    """Return lines for the data from the journal that the file has lost; [] if it has lost no line.

    `ids` are those of the lines in the file.
    Events are as originally written. Data that another line of the file contains is omitted.
    """
    known = {row["id"] for row in connection.execute("SELECT id FROM journal").fetchall()}
    if known <= ids:
        return []
    written = {_identity(line) for line in journal.read() if isinstance(line, Entry)}
    return [line for line in ledger_lines(connection) if _identity(line) not in written]


def ledger_lines(connection: Connection) -> Iterator[Entry]:
    """Yield journal lines for all data that a ledger cannot read from its sources.

    The order is: names of folders, keys, slots, shipments, and events, oldest first.
    """
    for row in connection.execute(
        "SELECT name, value FROM meta WHERE name GLOB 'root:*' ORDER BY name"
    ).fetchall():
        _, kind, name = row["name"].split(":", 2)
        identity = h16("bind", kind, name, row["value"])
        yield _line(identity, "", "bind", f"{kind}:{name}", {"root": row["value"]})
    for row in connection.execute(
        "SELECT h.key, h.container, h.body, d.slug, json_extract(d.body, '$.title') AS title,"
        " coalesce(r.at, '') AS at FROM highlight h"
        " JOIN document d ON d.key = h.document LEFT JOIN run r ON r.id = h.run"
        " WHERE h.container <> '' ORDER BY h.container, h.place, h.position, h.key"
    ).fetchall():
        highlight = decode_highlight(row["body"])
        body = issued_body(highlight, highlight.document.path, row["container"], row)
        identity = h16("issued", row["key"], body["content"])
        yield _line(identity, row["at"], "issued", row["key"], body)
    for row in connection.execute("SELECT * FROM slot ORDER BY key, family, slot").fetchall():
        body = {name: row[name] for name in ("family", "slot", "quote", "answer")}
        identity = h16("slot", row["key"], row["family"], str(row["slot"]), row["answer"])
        yield _line(identity, "", "slot", row["key"], body)
    for row in connection.execute(
        "SELECT * FROM shipped WHERE digest <> '' ORDER BY guid, rev"
    ).fetchall():
        body = {name: row[name] for name in ("rev", "mod", "digest", "deck", "content")}
        body["tags"] = msgspec.json.decode(row["tags"])
        identity = h16("shipped", row["guid"], str(row["rev"]), str(row["mod"]), row["digest"])
        yield _line(identity, row["written_at"], "shipped", row["guid"], body)
    for row in connection.execute("SELECT * FROM event ORDER BY rank").fetchall():
        yield Entry(
            v=VERSION, id=row["id"], at=row["at"], by=row["by"], what=row["what"],
            undoes=row["undoes"], action=row["action"], subject=row["subject"], n=row["n"],
            body=msgspec.json.decode(row["body"]),
        )  # fmt: skip


def _line(identity: str, at: str, what: str, subject: str, body: dict[str, Any]) -> Entry:
    return Entry(v=VERSION, id=identity, at=at, by="", what=what, subject=subject, body=body)


_SAYS = {
    "issued": ("content",),
    "slot": ("family", "slot", "answer"),
    "shipped": ("rev", "mod"),
    "bind": ("root",),
}
"""The keys that distinguish lines about the same subject, by kind of line."""


def _identity(line: Entry) -> tuple[str, ...]:
    """Return a value that is equal for lines with the same content; for an event, its id."""
    names = _SAYS.get(line.what)
    if names is None:
        return (line.id,)
    return (line.what, line.subject, *(str(line.body.get(name)) for name in names))


@dataclass(frozen=True, slots=True)
class Recovered:
    """The card reconstructed from a note of ours in Anki."""

    identity: Identity
    seen: Seen
    kind: CardKind
    fields: Fields
    """The text as Markdown."""
    answer: str
    exact: str
    """The text of the highlight, from the field Source."""
    sentence: str
    quote: str
    """The evidence of the card."""
    title: str
    uri: str
    """The address of the vault note; "" if there is none."""
    touched: bool
    """Whether a person edited the note in Anki."""
    retired: bool
    """Whether the note has the tag of retired cards."""


@dataclass(eq=False)
class Recovery:
    """Creates cards for notes of ours in Anki that have no card here."""

    _db: Connection
    _writer: Writer
    _decisions: Decisions
    _cards: Cards
    _packages: Packages

    def __post_init__(self) -> None:
        self._slots = Slots(self._db, self._writer, self._decisions)
        self._earlier = EarlierDecisions(self._db, self._decisions, self._cards)

    def create_card(self, found: Recovered, *, copied: bool = False) -> None:
        """Create the card of a note, within a unit, and apply the journal's events about it.

        Args:
            found: the card.
            copied: its passage was copied from another vault, whose cards did not come from here.
        """
        guid = found.identity.guid
        self._placeholder(found)
        self._insert(found)
        self._cards.observe([(guid, AnkiState.SEEN, "")])
        if not self._decisions.catch_up(guid):
            self._decide(found, copied=copied)
        if gone := self._gone_since(guid):
            after = {"anki": AnkiState.MISSING.value, "anki_why": gone}
            self._decisions.change(guid, AnkiState.MISSING, after, by=ANKI)
        self._ship(found)
        for row in self._db.execute(
            "SELECT guid FROM card WHERE standing = 'superseded' AND standing_why = ?", (guid,)
        ).fetchall():
            self._decisions.draft_replacement(row["guid"], guid)

    def _gone_since(self, guid: Guid) -> str:
        """Return when a complete view first lacked a note; "" if the newest one contains it.

        Such a note was seen before its highlight was known here, and deleted before it was taken over.
        """
        row = self._db.execute(
            "SELECT min(taken_at) FROM view WHERE complete AND taken_at > (SELECT max(v.taken_at)"
            " FROM seen s JOIN view v ON v.id = s.view WHERE s.guid = ?1 AND NOT EXISTS"
            "  (SELECT 1 FROM meta WHERE name = ?2 AND value = s.view))",
            (guid, LAST_VIEW),
        ).fetchone()
        return row[0] or ""

    def has_highlight(self, found: Recovered) -> bool:
        """Return whether the highlight of a note is known from the journal or a source, or may be a new one.

        Of a highlight that only Anki knew when its card was taken over, the journal has the card.
        """
        row = self._db.execute(
            "SELECT 1 FROM highlight WHERE key = ?1 AND (container <> '' OR run <> ''"
            "  OR presence_why = ?2) UNION ALL SELECT 1 FROM slot WHERE key = ?1",
            (found.identity.key, RESEMBLED),
        )
        return row.fetchone() is not None

    def expect(self, found: Recovered) -> None:
        """Store the highlight of a note, so that it gets the key from Anki when a source yields it."""
        self._placeholder(found)

    def found_expected(self) -> bool:
        """Return whether a source or the journal has the highlight of a note that is not taken over yet."""
        row = self._db.execute(
            "SELECT 1 FROM highlight h WHERE drafter = ?1 AND (run <> '' OR container <> ''"
            "  OR presence_why = ?2)"
            " AND NOT EXISTS (SELECT 1 FROM card c WHERE c.key = h.key) LIMIT 1",
            (TAKEN, RESEMBLED),
        )
        return row.fetchone() is not None

    def use_as_base(self, guid: Guid, seen: Seen) -> None:
        """Use the note in Anki as the last revision of a card drafted here, if another ledger shipped it."""
        card = self._cards.get(guid)
        with self._writer.unit():
            if card.verdict is Verdict.PENDING:
                after = {"verdict": Verdict.ACCEPTED.value, "accepted_by": AcceptedBy.PERSON.value}
                lead = card.leading
                chosen = {} if card.picked else {letter_of(lead): CandidateState.PICKED.value}
                self._decisions.change(
                    guid, "recover", after, by=ANKI, candidates=chosen,
                    extra={"answer": lead.draft.answer},
                )  # fmt: skip
            self._keep(seen, card.fields)

    def newer(self) -> Iterator[Seen]:
        """Yield notes of known cards that are based on a revision which this ledger never shipped.

        In that case, another ledger shipped them, or a later state of this one, which is a backup.
        """
        for row in self._db.execute(
            "SELECT s.*, v.taken_at FROM seen s JOIN view v ON v.id = s.view AND v.complete"
            " JOIN card c ON c.guid = s.guid WHERE s.type_id <> 0 AND s.content <> '' AND (s.named >"
            " (SELECT max(p.mod) FROM shipped p WHERE p.guid = s.guid) OR NOT EXISTS (SELECT 1"
            "  FROM shipped p WHERE p.guid = s.guid AND p.content IN (s.content, '')))"
            " ORDER BY s.guid"
        ).fetchall():
            yield seen_of(row)

    def catch_up_with(self, found: Recovered) -> None:
        """Store the revision on which a note is based, as far as the note shows it.

        Our tags of that revision are unknown, and stored as empty: a person may have removed some.
        """
        self._update_passage(found)
        seen, last = found.seen, self._packages.last(found.identity.guid)
        if last is not None:
            mod = seen.named or seen.mod
            shipped = replace(last, mod=mod, tags=(), digest="", content=seen.content, seen=True)
            with self._writer.unit():
                self._packages.keep(shipped, last.rev + 1, "", self._writer.now())

    def _update_passage(self, found: Recovered) -> None:
        """Use the passage in a note in Anki as the last known text of its highlight.

        The text read here is kept as past content, which is matched if the source is as old.
        """
        row = self._db.execute(
            "SELECT key, body, content, run FROM highlight WHERE key = coalesce((SELECT key"
            " FROM card_highlight WHERE guid = ?1 AND role = 'origin'), ?2)",
            (found.identity.guid, found.identity.key),
        ).fetchone()
        past = self._db.execute("SELECT body FROM past_content WHERE key = ?", (row["key"],))
        bodies = (row["body"], *(one["body"] for one in past.fetchall()))
        known = {canonical(decode_highlight(body).exact) for body in bodies}
        if not found.exact or canonical(found.exact) in known:
            return
        before = decode_highlight(row["body"])
        now = replace(
            before, exact=found.exact, sentence=found.sentence, gaps=(),
            markdown=_written(found) or before.markdown,
        )  # fmt: skip
        with self._writer.unit():
            self._db.execute(
                "INSERT OR IGNORE INTO past_content VALUES (?, ?, ?, ?)",
                (row["key"], row["content"], row["body"], row["run"]),
            )
            self._db.execute(
                "UPDATE highlight SET mark = ?, text = ?, content = ?, body = ? WHERE key = ?",
                (mark_of(now), text_of(now), content_of(now), encode_highlight(now), row["key"]),
            )
            read_again(self._db, places_of_highlight(self._db, row["key"]))

    # --- the card ---------------------------------------------------------------------------

    def _insert(self, found: Recovered) -> None:
        identity = found.identity
        row = self._db.execute(
            "SELECT answer FROM slot WHERE key = ? AND family = ? AND slot = ?",
            (identity.key, identity.family, identity.slot),
        ).fetchone()
        answer = row["answer"] if row and found.touched else found.answer
        draft = Draft(
            identity.key, found.kind, found.fields, found.quote or found.exact, answer, 0,
            Origin("anki"),
        )  # fmt: skip
        self._cards.insert(identity.guid, identity.key, identity.slot, draft, deck=found.seen.deck)
        self._cards.link(identity.guid, identity.key, "origin")
        self._cards.add_candidate(identity.guid, Checked(draft), CandidateState.PICKED)
        if row is None:
            self._slots.record(identity.key, identity.family, identity.slot, draft)

    def _decide(self, found: Recovered, *, copied: bool) -> None:
        after: Columns = {
            "verdict": Verdict.ACCEPTED.value,
            "accepted_by": AcceptedBy.PERSON.value,
            "edited": int(found.touched),
        }
        if found.retired:
            after |= {"standing": Standing.RETIRED.value, "standing_why": TAGGED}
        extra: dict[str, Any] = {"answer": found.answer} | ({COPIED: True} if copied else {})
        self._decisions.change(found.identity.guid, "recover", after, by=ANKI, extra=extra)

    def _ship(self, found: Recovered) -> None:
        card = self._cards.get(found.identity.guid)
        fields = card.fields if found.touched else found.fields
        self._keep(found.seen, fields, touched=found.touched)

    def _keep(self, seen: Seen, fields: Fields, *, touched: bool = False) -> None:
        """Store the note in Anki as the last shipped revision.

        If a person edited it, our text is unknown and stored as empty, so that all text counts as the
        person's.
        """
        last = self._packages.last(seen.guid)
        shipment = Shipment(
            seen.guid, 0, seen.mod, fields, seen.fields, (), seen.deck, content=seen.content,
            seen=True, ours=("",) * len(seen.fields) if touched else (),
        )  # fmt: skip
        self._packages.keep(shipment, last.rev + 1 if last else 1, "", self._writer.now())

    # --- the highlight ----------------------------------------------------------------------

    def _placeholder(self, found: Recovered) -> None:
        """Store a highlight with the key and text from Anki, until a source yields it.

        It is drafted then if its note has another note type, and is not taken over.
        """
        key, drafted = found.identity.key, TAKEN if found.seen.type_id else ""
        row = self._db.execute("SELECT body FROM highlight WHERE key = ?", (key,)).fetchone()
        if row:
            # The journal may have newer words than the note, or than those from which its card was
            # made and which a revision was waiting to replace: the card is then drafted from them,
            # as it is if the passage was changed otherwise, as in a comment, since it was shipped.
            # One written in the source is drafted from it in any case, which costs nothing.
            passage = decode_highlight(row["body"])
            known = canonical(passage.exact)
            made_from = self._quote(found.identity)
            lags = drafted and (
                bool(found.exact and canonical(found.exact) != known)
                or made_from not in known
                or passage.kind is HighlightKind.CARD
                or self._changed_since_shipped(found.identity)
            )
            self._db.execute(
                "UPDATE highlight SET drafter = ?, drafted = iif(?, ?, drafted)"
                " WHERE key = ? AND run = ''",
                (TAKEN, bool(lags), TAKEN, key),
            )
            return
        document = self._document(found)
        highlight = Highlight(
            document, key.rpartition("/")[0], _kind(found), found.exact,
            sentence=found.sentence, key=key, markdown=_written(found),
        )  # fmt: skip
        self._db.execute(
            "INSERT INTO highlight (key, document, container, place, position, mark, text, content,"
            " body, presence, drafted, drafter) VALUES (?, ?, '', '', 0, '', ?, ?, ?, 'present', ?, ?)",
            (key, document.key, text_of(highlight), TAKEN,
             encode_highlight(highlight), drafted, TAKEN),
        )  # fmt: skip

    def _quote(self, identity: Identity) -> str:
        """Return, folded, the words from which a card was drafted, according to the journal; else ""."""
        row = self._db.execute(
            "SELECT quote FROM slot WHERE key = ? AND family = ? AND slot = ? AND slot < ?",
            (identity.key, identity.family, identity.slot, MADE_FROM),
        ).fetchone()
        return canonical(row["quote"]) if row else ""

    def _changed_since_shipped(self, identity: Identity) -> bool:
        """Return whether a passage was changed after its card was shipped and decided on by a person."""
        changed = self._writer.recall(f"{_CHANGED}{identity.key}")
        [done] = self._db.execute(
            "SELECT max(at) FROM (SELECT written_at AS at FROM shipped WHERE guid = ?1"
            " UNION ALL SELECT at FROM event WHERE subject = ?1 AND by = ?2)",
            (identity.guid, PERSON),
        ).fetchone()
        return changed >= (done or "~")

    def _document(self, found: Recovered) -> Document:
        """Store and return a document, identified by the slug in the note's tag, else by the title."""
        head = "ankiforge::doc::"
        tags = (tag.casefold() for tag in found.seen.tags)
        slug = next((tag.removeprefix(head) for tag in tags if tag.startswith(head)), "")
        namespace = found.identity.key.rpartition("/")[0]
        vault = found.uri.partition("&file=")[0]  # another one may have notes of that title
        key = DocumentKey(f"anki:{h16(namespace, *filter(None, (vault,)), slug or found.title)}")
        document = Document(key, "", found.title, uri=found.uri)
        self._db.execute(
            "INSERT OR IGNORE INTO document (key, source, place, title, slug, body)"
            " VALUES (?, '', ?, ?, ?, ?)",
            (document.key, document.key, found.title, slug, to_json(document)),
        )
        return document

    # --- reading the source again -----------------------------------------------------------

    def mark_drafted(self) -> None:
        """Mark passages as drafted if, according to the journal, all their cards were recovered."""
        self._db.execute(
            "UPDATE highlight SET drafted = content WHERE drafter = ? AND run = '' AND drafted = ''"
            " AND container <> '' AND NOT EXISTS (SELECT 1 FROM slot s WHERE s.key = highlight.key AND NOT EXISTS"
            " (SELECT 1 FROM card c WHERE c.key = s.key AND c.family = s.family"
            " AND c.slot = s.slot))",
            (TAKEN,),
        )
        for key in self._with_others():
            self._db.execute("UPDATE highlight SET drafted = content WHERE key = ?", (key,))

    def _with_others(self) -> list[str]:
        """Return recovered passages all of whose other cards a person rejected or passed over."""
        rows = self._db.execute(
            "SELECT h.key, s.family, s.slot FROM highlight h JOIN slot s ON s.key = h.key"
            " WHERE h.drafter = ? AND h.run = '' AND h.drafted = '' AND NOT EXISTS (SELECT 1"
            " FROM card c WHERE c.key = s.key AND c.family = s.family AND c.slot = s.slot)"
            " ORDER BY h.key",
            (TAKEN,),
        ).fetchall()
        lacking: dict[str, bool] = {}
        for row in rows:
            guid = guid_for(row["key"], Family(row["family"]), row["slot"])
            lacks = not self._earlier.is_unwanted(guid)
            lacking[row["key"]] = lacking.get(row["key"], False) or lacks
        return [key for key, lacks in lacking.items() if not lacks]

    def mark_unchanged_drafted(self, run: RunId) -> None:
        """Mark passages as drafted if their text is the same as in their notes in Anki."""
        rows = self._db.execute(
            "SELECT h.key, json_extract(h.body, '$.exact') AS now,"
            " json_extract(p.body, '$.exact') AS then_ FROM highlight h"
            " JOIN past_content p ON p.key = h.key AND p.content = ?"
            " WHERE h.drafted = ? AND EXISTS (SELECT 1 FROM temp.in_scope s"
            "  WHERE s.run = ? AND s.key = h.key)",
            (TAKEN, TAKEN, run),
        ).fetchall()
        same = [row["key"] for row in rows if canonical(row["now"]) == canonical(row["then_"])]
        if not same:
            return
        with self._writer.unit():
            self._db.executemany(
                "UPDATE highlight SET drafted = content WHERE key = ?", ((key,) for key in same)
            )

    def unshipped(self) -> list[Guid]:
        """Return the cards that are in Anki but were never shipped by this ledger."""
        rows = self._db.execute(
            "SELECT guid FROM card c WHERE anki IN ('seen', 'held') AND NOT EXISTS"
            " (SELECT 1 FROM shipped s WHERE s.guid = c.guid) ORDER BY guid"
        ).fetchall()
        return [Guid(row["guid"]) for row in rows]


def _by_hand(found: Recovered) -> bool:
    """Return whether the passage is a card that a person wrote, with front and back."""
    words = [canonical(plain(text)) for name, text in found.fields if name in ("Front", "Back")]
    passage = canonical(found.exact)
    return len(words) == 2 and passage.startswith(words[0]) and passage.endswith(words[1])


def _kind(found: Recovered) -> HighlightKind:
    return HighlightKind.CARD if _by_hand(found) else HighlightKind.HIGHLIGHT


def _written(found: Recovered) -> tuple[str, ...]:
    """Return front and back of a card written by hand, to recognise it in the source; else ()."""
    words = dict(found.fields)
    return (words["Front"], words["Back"]) if _by_hand(found) else ()


def _guid_of(entry: Entry) -> Guid:
    body = entry.body
    return guid_for(HighlightKey(entry.subject), Family(body["family"]), body["slot"])
