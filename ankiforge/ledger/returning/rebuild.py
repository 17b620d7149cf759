"""Taking in the journal: lines another machine wrote, or all of them when the ledger is new.

Identities come back as highlights without a document yet: the next run finds them in the
sources and goes on with their keys. Decisions apply to the cards that are there; a card that
is drafted later takes in what was decided about it (`Decisions.replay`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from ankiforge.ledger import generation
from ankiforge.ledger.collection.packages import Packages
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.journal import VERSION, Entry, Journal
from ankiforge.ledger.passages.highlights import place_of
from ankiforge.ledger.passages.listing import places_of_highlight, read_again
from ankiforge.ledger.passages.roots import Roots
from ankiforge.ledger.writing import ANKI, Writer
from ankiforge.model import Document, DocumentKey, Guid, Highlight, Problem, Shipment
from ankiforge.text.anchors import mark_of, text_of

_UNFIT = (
    AttributeError, KeyError, OverflowError, TypeError, ValueError, msgspec.ValidationError,
    sqlite3.Error,
)  # fmt: skip
"""What a line raises that is none of ours, or was changed by hand."""


def _nothing(entry: Entry) -> None:
    """Take a line in that changes nothing in a ledger that is there already."""


class Rebuild:
    """Brings the database up to what the journal says."""

    def __init__(
        self,
        connection: Connection,
        journal: Journal,
        writer: Writer,
        decisions: Decisions,
        packages: Packages,
        roots: Roots,
    ) -> None:
        self._db = connection
        self._journal = journal
        self._writer = writer
        self._decisions = decisions
        self._packages = packages
        self._roots = roots
        self._newer = False
        self._taken = ""
        """The state of the file that was read last, be it stored or not."""

    def take_in(self) -> tuple[Problem, ...]:
        """Read new lines, if the file is not as we left it; returns lines that are none."""
        state = self._journal.state()
        known = self._db.execute("SELECT value FROM meta WHERE name = 'journal'").fetchone()
        if state in ("", self._taken) or (known and known["value"] == state):
            return ()
        self._newer = False
        with self._db.unit():
            problems = tuple(self._all_lines())
            self._decisions.settle_received()
            if not self._newer:
                self._writer.meta("journal", state)
        self._taken = state
        return problems

    def bring(self, entry: Entry) -> tuple[Problem, ...]:
        """Take one line in that came by a file, within a unit, and write it into the journal."""
        if entry.v > VERSION:
            return (Problem(entry.id, f"is of version {entry.v}", "upgrade ankiforge"),)
        if entry.by == ANKI:
            self._writer.meta("anki:last", "")
        problems = tuple(self._take(entry))
        if problems:
            self._db.execute("DELETE FROM journal WHERE id = ?", (entry.id,))
        else:
            self._writer.hand_on(entry)
        return problems

    def _all_lines(self) -> Iterator[Problem]:
        known = {row["id"] for row in self._db.execute("SELECT id FROM journal").fetchall()}
        for line in self._journal.read():
            if isinstance(line, Problem):
                yield line
            elif line.v > VERSION:
                self._newer = True  # read again after the upgrade
                yield Problem(
                    f"journal line {line.id}", f"is of version {line.v}", "upgrade ankiforge"
                )
            elif line.id not in known:
                known.add(line.id)
                if line.by == ANKI:  # what another computer saw: look for ourselves again
                    self._writer.meta("anki:last", "")
                yield from self._take(line)

    def _take(self, entry: Entry) -> Iterator[Problem]:
        """One line, whole or not at all."""
        take = {
            "issued": self._issued,
            "slot": self._slot,
            "bind": self._bind,
            "shipped": self._shipped,
            generation.WHAT: _nothing,  # read when the ledger was created
        }
        self._db.execute("SAVEPOINT line")
        try:
            take.get(entry.what, self._decision)(entry)
        except _UNFIT as error:
            self._db.execute("ROLLBACK TO line")
            yield Problem(
                f"journal line {entry.id}", f"cannot be taken in: {error!r}", "it is left"
            )
        self._db.execute("INSERT OR IGNORE INTO journal VALUES (?)", (entry.id,))
        self._db.execute("RELEASE line")

    def _issued(self, entry: Entry) -> None:
        highlight = msgspec.convert(entry.body["highlight"], Highlight)
        path, key = entry.body["path"], DocumentKey(entry.body["document"])
        document = replace(highlight.document, key=key, path=path)
        highlight = replace(highlight, document=document)
        self._placeholder(document, entry.body.get("slug", ""))
        self._keep_past(entry)
        read_again(self._db, places_of_highlight(self._db, entry.subject))
        read_again(self._db, [(entry.body["container"], place_of(document))])
        self._db.execute(
            "INSERT INTO highlight (key, document, container, place, position, mark, text,"
            " content, body, presence) VALUES"
            " (:key, :document, :container, :place, 0, :mark, :text, :content, :body, 'present')"
            " ON CONFLICT (key) DO UPDATE SET mark = excluded.mark, text = excluded.text,"
            " place = CASE WHEN run = '' THEN place ELSE excluded.place END,"
            " content = excluded.content, body = excluded.body WHERE run = '' OR :at >="
            " (SELECT max(r.at) FROM run r WHERE r.id = highlight.run OR r.id IN (SELECT s.run"
            "  FROM scan s WHERE s.container = highlight.container AND s.complete))",
            {
                "key": entry.subject,
                "document": key,
                "container": entry.body["container"],
                "place": place_of(document),
                "mark": mark_of(highlight),
                "text": text_of(highlight),
                "content": entry.body["content"],
                "body": msgspec.json.encode(highlight).decode(),
                "at": entry.at,
            },
        )

    def _keep_past(self, entry: Entry) -> None:
        """What was read here stays known: the sources here may lag behind the journal."""
        self._db.execute(
            "INSERT OR IGNORE INTO past_content (key, content, body, until)"
            " SELECT key, content, body, run FROM highlight"
            " WHERE key = ? AND run <> '' AND content <> ?",
            (entry.subject, entry.body["content"]),
        )

    def _placeholder(self, document: Document, slug: str) -> None:
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

    def _slot(self, entry: Entry) -> None:
        body = entry.body
        self._db.execute(
            "INSERT OR REPLACE INTO slot VALUES (?, ?, ?, ?, ?)",
            (entry.subject, body["family"], body["slot"], body["quote"], body["answer"]),
        )

    def _bind(self, entry: Entry) -> None:
        self._roots.hear(entry.subject, entry.body["root"])

    def _shipped(self, entry: Entry) -> None:
        body: dict[str, Any] = entry.body
        shipment = Shipment(
            Guid(entry.subject), body["rev"], body["mod"], (), (), tuple(body.get("tags", ())),
            body["deck"], body["digest"], content=body.get("content", ""),
        )  # fmt: skip
        self._packages.keep(shipment, body["rev"], "", entry.at)

    def _decision(self, entry: Entry) -> None:
        self._decisions.receive(entry)
