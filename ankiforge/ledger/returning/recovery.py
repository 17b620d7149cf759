"""Cards taken over from Anki: of a ledger that was lost, or of another computer's.

What stands in Anki is the card, and stays it until the source changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from ankiforge.ledger.cards.remembering import Remembering
from ankiforge.ledger.cards.slots import Slots
from ankiforge.ledger.cards.values import TAGGED, Cards, letter_of
from ankiforge.ledger.collection.packages import Packages
from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.events import Columns
from ankiforge.ledger.writing import ANKI, Writer
from ankiforge.model import (
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
    HighlightKind,
    Identity,
    Origin,
    RunId,
    Seen,
    Shipment,
    Standing,
    Verdict,
    guid_for,
    h16,
)
from ankiforge.text.anchors import text_of
from ankiforge.text.fold import canonical
from ankiforge.text.markdown import plain

TAKEN = "anki"
"""Stands for the content of a highlight that was never read here, only in Anki."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A note of ours in Anki, read as the card it is."""

    identity: Identity
    seen: Seen
    kind: CardKind
    fields: Fields
    """Its words as Markdown."""
    answer: str
    exact: str
    """The highlight, as Source shows it."""
    sentence: str
    quote: str
    """The evidence within it."""
    title: str
    touched: bool
    """A person changed the words in Anki."""
    retired: bool
    """It has the tag of cards that are none any more."""


class Recovery:
    """Makes cards of notes that no card stands for."""

    def __init__(
        self,
        connection: Connection,
        writer: Writer,
        decisions: Decisions,
        cards: Cards,
        packages: Packages,
    ) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions
        self._cards = cards
        self._packages = packages
        self._slots = Slots(connection, writer, decisions)
        self._remembering = Remembering(connection, decisions, cards)

    def adopt(self, found: Recovered) -> None:
        """Make the card of a note, within a unit; what the journal knows of it holds."""
        guid = found.identity.guid
        self._placeholder(found)
        self._insert(found)
        self._cards.observe([(guid, AnkiState.SEEN, "")])
        if not self._decisions.catch_up(guid):
            self._decide(found)
        self._ship(found)

    def take_over(self, guid: Guid, seen: Seen) -> None:
        """A card drawn here stands in Anki already, shipped by another ledger: that is its base."""
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

    # --- the card ---------------------------------------------------------------------------

    def _insert(self, found: Recovered) -> None:
        identity = found.identity
        draft = Draft(
            identity.key, found.kind, found.fields, found.quote or found.exact, found.answer, 0,
            Origin("anki"),
        )  # fmt: skip
        self._cards.insert(identity.guid, identity.key, identity.slot, draft, deck=found.seen.deck)
        self._cards.link(identity.guid, identity.key, "origin")
        self._cards.add_candidate(identity.guid, Checked(draft), CandidateState.PICKED)
        row = self._db.execute(
            "SELECT 1 FROM slot WHERE key = ? AND family = ? AND slot = ?",
            (identity.key, identity.family, identity.slot),
        ).fetchone()
        if row is None:
            self._slots.give(identity.key, identity.family, identity.slot, draft)

    def _decide(self, found: Recovered) -> None:
        after: Columns = {
            "verdict": Verdict.ACCEPTED.value,
            "accepted_by": AcceptedBy.PERSON.value,
            "edited": int(found.touched),
        }
        if found.retired:
            after |= {"standing": Standing.RETIRED.value, "standing_why": TAGGED}
        self._decisions.change(
            found.identity.guid, "recover", after, by=ANKI, extra={"answer": found.answer}
        )

    def _ship(self, found: Recovered) -> None:
        card = self._cards.get(found.identity.guid)
        fields = card.fields if found.touched else found.fields
        self._keep(found.seen, fields, touched=found.touched)

    def _keep(self, seen: Seen, fields: Fields, *, touched: bool = False) -> None:
        """What stands in Anki, as the revision that was shipped last.

        Where a person has touched it, our side is not known: as if we had said nothing, so that
        every word there is his.
        """
        last = self._packages.last(seen.guid)
        shipment = Shipment(
            seen.guid, 0, seen.mod, fields, seen.fields, (), seen.deck, content=seen.content,
            seen=True, ours=("",) * len(seen.fields) if touched else (),
        )  # fmt: skip
        self._packages.keep(shipment, last.rev + 1 if last else 1, "", self._writer.now())

    # --- its highlight ----------------------------------------------------------------------

    def _placeholder(self, found: Recovered) -> None:
        """A highlight that is known by its key and words, until a source shows it again."""
        key = found.identity.key
        if self._db.execute("SELECT 1 FROM highlight WHERE key = ?", (key,)).fetchone():
            self._db.execute(
                "UPDATE highlight SET drafter = ? WHERE key = ? AND run = ''", (TAKEN, key)
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
             to_json(highlight), TAKEN, TAKEN),
        )  # fmt: skip

    def _document(self, found: Recovered) -> Document:
        """What is known of its work: the tag's slug names it, else the key."""
        head = "ankiforge::doc::"
        tags = (tag.casefold() for tag in found.seen.tags)
        slug = next((tag.removeprefix(head) for tag in tags if tag.startswith(head)), "")
        namespace = found.identity.key.rpartition("/")[0]
        document = Document(
            DocumentKey(f"anki:{h16(namespace, slug or found.title)}"), "", found.title
        )
        self._db.execute(
            "INSERT OR IGNORE INTO document (key, source, place, title, slug, body)"
            " VALUES (?, '', ?, ?, ?, ?)",
            (document.key, document.key, found.title, slug, to_json(document)),
        )
        return document

    # --- when the source is read again ------------------------------------------------------

    def close(self) -> None:
        """Passages all whose cards were taken over are drafted, as the journal tells of them."""
        self._db.execute(
            "UPDATE highlight SET drafted = content WHERE drafter = ? AND run = '' AND drafted = ''"
            " AND NOT EXISTS (SELECT 1 FROM slot s WHERE s.key = highlight.key AND NOT EXISTS"
            " (SELECT 1 FROM card c WHERE c.key = s.key AND c.family = s.family"
            " AND c.slot = s.slot))",
            (TAKEN,),
        )
        for key in self._with_others():
            self._db.execute("UPDATE highlight SET drafted = content WHERE key = ?", (key,))

    def _with_others(self) -> list[str]:
        """Such passages whose other cards a person has rejected or passed over: none is lacking."""
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
            lacks = not self._remembering.turned_down(guid)
            lacking[row["key"]] = lacking.get(row["key"], False) or lacks
        return [key for key, lacks in lacking.items() if not lacks]

    def settle(self, run: RunId) -> None:
        """Passages that say what they said when their cards went to Anki want no new drafts."""
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
        """Cards that stand in Anki though this ledger never shipped them."""
        rows = self._db.execute(
            "SELECT guid FROM card c WHERE anki IN ('seen', 'held') AND NOT EXISTS"
            " (SELECT 1 FROM shipped s WHERE s.guid = c.guid) ORDER BY guid"
        ).fetchall()
        return [Guid(row["guid"]) for row in rows]


def _by_hand(found: Recovered) -> bool:
    """Whether its passage is front and back as a person wrote them, and not a sentence."""
    words = [canonical(plain(text)) for name, text in found.fields if name in ("Front", "Back")]
    passage = canonical(found.exact)
    return len(words) == 2 and passage.startswith(words[0]) and passage.endswith(words[1])


def _kind(found: Recovered) -> HighlightKind:
    return HighlightKind.CARD if _by_hand(found) else HighlightKind.HIGHLIGHT


def _written(found: Recovered) -> tuple[str, ...]:
    """Front and back, by which a card that was written by hand is known again."""
    words = dict(found.fields)
    return (words["Front"], words["Back"]) if _by_hand(found) else ()
