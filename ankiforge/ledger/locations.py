"""The locations of highlights, and the moves of cards from one highlight to another.

One highlight may be found in several sources: Zotero, the PDF, and a note that quotes it. The best
source in which it is present (zotero, pdf, vault, others) determines its content; the others add
their links.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from ankiforge.ledger.cards import (
    AT_ONCE,
    MOVED_FROM,
    REPLACES,
    SAME_HIGHLIGHT,
    Cards,
    letter_of,
)
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.documents import Works
from ankiforge.ledger.events import (
    CORRECTS,
    DOUBTED,
    PERSON,
    SOURCE,
    WAITS,
    Columns,
    Event,
    columns_set,
    standing,
)
from ankiforge.ledger.highlights import (
    NOT_SELECTED,
    decode_highlight,
    encode_highlight,
    present,
    present_location,
)
from ankiforge.ledger.keys import content_of
from ankiforge.ledger.pairing import Judged, likeness_around, likest
from ankiforge.ledger.problem_cards import INSTEAD
from ankiforge.ledger.slots import ALIKE, EVIDENCE, likeness
from ankiforge.model import (
    AnkiState,
    Card,
    Draft,
    Edit,
    EditKind,
    Finding,
    Form,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    Judge,
    Presence,
    Problem,
    Route,
    RunId,
    Severity,
    Standing,
    Verdict,
    guid_for,
)
from ankiforge.text.anchors import text_of
from ankiforge.text.fold import canonical, same
from ankiforge.text.quotes import locate

SHORT = 20
"""The length, in folded characters, below which equal texts must be on the same page to be related."""
QUOTED = 40
"""The length, in folded characters, from which equal text in a note is a quote of its paper."""

NO_LLM = "no-llm"
"""The tag of passages that must not leave this machine."""

FIRST_WORDS = "first-words:"
"""The prefix of names in `meta` for the words of cards before those that the journal has last."""

_ROUTES = tuple(Route)


class Locations:
    """The locations of highlights with several ones; the row of a highlight is its primary location."""

    def __init__(self, connection: Connection, works: Works) -> None:
        self._db = connection
        self._works = works
        self._near: dict[str, tuple[str, ...]] = {}
        self._elsewhere: dict[tuple[str, str, str], dict[str, tuple[Highlight, set[str]]]] = {}

    # --- recognising ------------------------------------------------------------------------

    def equal(self, run: RunId, row: sqlite3.Row, found: Highlight) -> HighlightKey | None:
        """Return the highlight of the same work with the same text from another source, or None."""
        related = self._related(found) if row["length"] else ()
        if not related:
            return None
        known = [
            replace(decode_highlight(one["body"]), key=one["key"])
            for one in self._equal_texts(run, row, related)
        ]
        fit = [one for one in known if _of_one_page(one, found, row["length"])]
        best = min(fit, key=lambda one: (-likeness_around(one, found), one.key), default=None)
        return best.key if best else None

    def edited(
        self, run: RunId, row: sqlite3.Row, found: Highlight, judged: Judged
    ) -> HighlightKey | None:
        """Return the highlight of the same page of the work of which this one, of another source, is an edit.

        It stands nowhere else at this place: an annotation was corrected in Zotero and not in the file, or
        made again where a note quotes it.
        """
        pages = _pages(found) if row["length"] >= SHORT and not row["key"] else ()
        if not pages:
            return None
        elsewhere = self._not_here(run, row, found).items()
        near = {key: one for key, (one, there) in elsewhere if there & pages}
        key = next(iter(likest(near, {"": _words_of(found)}, judged)), None)
        if key is None:
            return None
        here = self._db.execute(
            "SELECT 1 FROM scanned WHERE run = ? AND container = ? AND place = ? AND (text = ? OR key = ?)",
            (run, row["container"], row["place"], text_of(near[key]), key),
        )
        return None if here.fetchone() else HighlightKey(key)

    def _not_here(
        self, run: RunId, row: sqlite3.Row, found: Highlight
    ) -> dict[str, tuple[Highlight, set[str]]]:
        """Return the highlights of a work that do not stand at the place of a row, and their pages."""
        container, place, document = row["container"], row["place"], found.document.key
        if (container, place, document) not in self._elsewhere:
            related = self._related(found)
            marks = ", ".join("?" * len(related))
            rows = self._db.execute(
                "SELECT key, body FROM (SELECT h.key, h.body FROM highlight h WHERE h.presence <> 'gone'"
                f"  AND h.document IN ({marks}) AND NOT EXISTS (SELECT 1 FROM location w WHERE w.key = h.key)"
                "  UNION ALL SELECT w.key, w.body FROM location w"
                f"  WHERE json_extract(w.body, '$.document.key') IN ({marks})"
                "  UNION ALL SELECT s.key, s.body FROM highlight h CROSS JOIN scanned s ON s.run = ?"
                "  AND s.key = h.key WHERE h.document = ?) o WHERE NOT EXISTS (SELECT 1"
                "  FROM scanned s WHERE s.run = ? AND s.key = o.key AND s.container = ? AND s.place = ?)"
                " ORDER BY key",
                (*related, *related, run, document, run, container, place),
            )
            others = {each["key"]: decode_highlight(each["body"]) for each in rows}
            self._elsewhere[container, place, document] = {
                key: (_words_of(one), _pages(one)) for key, one in others.items()
            }
        return self._elsewhere[container, place, document]

    def begin(self) -> None:
        """Discard the cached relations between documents, as works may have been united since."""
        self._near.clear()
        self._elsewhere.clear()

    def _related(self, found: Highlight) -> tuple[str, ...]:
        """Return the documents that may contain the same passage."""
        key = found.document.key
        if key not in self._near:
            self._near[key] = tuple(self._documents(found))
        return self._near[key]

    def _documents(self, found: Highlight) -> list[str]:
        key = found.document.key
        if found.route in (Route.ZOTERO, Route.PDF):
            members = self._works.members(key)
            return [*(one for one in members if one != key), *self._works.notes_about(members)]
        if found.route is Route.VAULT and found.document.identifiers:
            return self._works.papers_named_by(key)
        return []

    def _equal_texts(
        self, run: RunId, row: sqlite3.Row, documents: tuple[str, ...]
    ) -> list[sqlite3.Row]:
        """Return highlights of these documents with equal text that were not found at this place."""
        marks = ", ".join("?" * len(documents))
        return self._db.execute(
            "SELECT key, body FROM highlight h WHERE text = ? AND key <> ?"
            " AND (container <> ? OR place <> ?)"
            f" AND (document IN ({marks}) OR EXISTS (SELECT 1 FROM location w WHERE w.key = h.key"
            f" AND json_extract(w.body, '$.document.key') IN ({marks})))"
            " AND (presence <> 'gone' OR ? = '') AND NOT EXISTS (SELECT 1 FROM scanned s INDEXED BY scanned_key"
            " WHERE s.run = ? AND s.key = h.key AND s.container = ? AND s.place = ?)",
            (
                row["text"], row["key"], row["container"], row["place"], *documents, *documents,
                row["key"], run, row["container"], row["place"],
            ),
        ).fetchall()  # fmt: skip

    # --- storing ----------------------------------------------------------------------------

    def add(self, run: RunId, row: sqlite3.Row, key: HighlightKey, before: sqlite3.Row) -> bool:
        """Store a location of a highlight; return whether it is the primary one."""
        found = self._of(key)
        if not found:
            moved = row["container"] == before["container"] and row["key"] == key
            moved |= (row["container"], row["place"]) == (before["container"], before["place"])
            if moved or before["presence"] == Presence.GONE or not before["run"]:
                return True
            self._put_primary(key, before)
        self._put(run, row, key)
        best = self._best(key)
        return (best["container"], best["place"]) == (row["container"], row["place"])

    def _of(self, key: str) -> list[sqlite3.Row]:
        return self._db.execute(
            f"SELECT w.*, {present_location('w')} AS here FROM location w WHERE key = ?", (key,)
        ).fetchall()

    def _best(self, key: str) -> sqlite3.Row:
        """Return the best location: by source, then preferably one where the highlight is present."""
        return min(
            self._of(key),
            key=lambda one: (one["route"], not one["here"], one["container"], one["place"]),
        )

    def stands_before(self, key: str, row: sqlite3.Row) -> bool:
        """Return whether a highlight has a better location than this row in an unchanged document."""
        return any(
            one["here"]
            and (one["container"], one["place"]) != (row["container"], row["place"])
            and (one["route"], one["container"]) <= (row["route"], row["container"])
            for one in self._of(key)
        )

    def _put_primary(self, key: str, before: sqlite3.Row) -> None:
        primary = decode_highlight(before["body"])
        self._db.execute(
            "INSERT INTO location SELECT key, container, place, ?, position, mark, text, ?, run,"
            " CASE WHEN presence_why = ? THEN presence_why ELSE missing_at END"
            " FROM highlight WHERE key = ?",
            (_ROUTES.index(primary.route), before["body"], NOT_SELECTED, key),
        )

    def _put(self, run: RunId, row: sqlite3.Row, key: str) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO location (key, container, place, route, position, mark, text, body,"
            " run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key, row["container"], row["place"], row["route"], row["position"], row["mark"],
                row["text"], row["body"], run,
            ),
        )  # fmt: skip

    def body(self, key: str, primary: str) -> str:
        """Return a highlight's JSON: the content of the primary location with the links of the others."""
        found = self._of(key)
        if not found:
            return primary
        highlight = decode_highlight(primary)
        others = [decode_highlight(one["body"]) for one in found]
        near = (link for one in others for link in (one.uri, *one.links) if link)
        links = dict.fromkeys((*highlight.links, *(link for link in near if link != highlight.uri)))
        highlight = _with_phrases(highlight, others)
        return encode_highlight(replace(highlight, links=tuple(links)))

    def refresh(self, key: str) -> Highlight | None:
        """Update a highlight after links or marks of its other locations changed; return it."""
        primary = self._db.execute(
            "SELECT w.body FROM location w JOIN highlight h ON h.key = w.key AND h.place = w.place"
            " AND h.container = w.container WHERE w.key = ?",
            (key,),
        ).fetchone()
        if primary is None:
            return None
        body = self.body(key, primary["body"])
        self._db.execute("UPDATE highlight SET body = ? WHERE key = ?", (body, key))
        return replace(decode_highlight(body), key=HighlightKey(key))

    # --- deleting ---------------------------------------------------------------------------

    def forget(self, key: str, container: str, place: str) -> sqlite3.Row | None:
        """Delete a location; if it was the primary one, return the next primary one."""
        self._db.execute(
            "DELETE FROM location WHERE key = ? AND container = ? AND place = ?",
            (key, container, place),
        )
        primary = self._db.execute(
            "SELECT container, place FROM highlight WHERE key = ?", (key,)
        ).fetchone()
        same_place = (container, place) == (primary["container"], primary["place"])
        return self._best(key) if same_place and self._of(key) else None

    def collapse(self, key: str) -> None:
        """Move the only location left of a highlight into the highlight's own row."""
        found = self._of(key)
        if len(found) == 1:
            missing_at = found[0]["missing_at"]
            why = missing_at if missing_at == NOT_SELECTED else ""
            missing_at = "" if why else missing_at
            self._db.execute(
                "UPDATE highlight SET missing_at = ?, presence_why = CASE WHEN presence ="
                " 'present' THEN ? ELSE presence_why END, run = ?, presence = CASE WHEN ? <> ''"
                " AND presence = 'present' THEN 'missing-once' ELSE presence END, body = ?,"
                " content = ? WHERE key = ?",
                (
                    missing_at, why, found[0]["run"], missing_at, found[0]["body"],
                    content_of(decode_highlight(found[0]["body"])), key,
                ),
            )  # fmt: skip
            self._db.execute("DELETE FROM location WHERE key = ?", (key,))

    def separated(self) -> list[sqlite3.Row]:
        """Return locations in documents whose union with the highlight's own work was undone.

        A highlight belongs to the location from which its key was made. After a union is undone, its
        documents are read again, so unchanged ones need not be checked.
        """
        rows = self._db.execute(
            "SELECT key, container, place, route, json_extract(body, '$.document.key') AS document,"
            f" {present_location('w')} AS here FROM location w WHERE route <= 1 ORDER BY key, route"
        ).fetchall()
        at_home: dict[str, str] = {}
        for row in rows:
            if row["key"].startswith(f"{_ROUTES[row['route']]}:") or row["key"] not in at_home:
                at_home[row["key"]] = self._works.of(row["document"])
        return [
            row
            for row in rows
            if not row["here"] and self._works.of(row["document"]) != at_home[row["key"]]
        ]


def private_elsewhere(bodies: list[str]) -> bool:
    """Return whether one of these highlights (JSON) must not leave this machine; true if in doubt."""
    return any(_mentions(decode_highlight(body)) for body in bodies)


def _mentions(highlight: Highlight) -> bool:
    tags = (*highlight.tags, *highlight.document.tags)
    tagged = any(tag.lstrip("#").casefold() == NO_LLM for tag in tags)
    return tagged or f"#{NO_LLM}" in highlight.comment.casefold()


def _with_phrases(primary: Highlight, others: list[Highlight]) -> Highlight:
    """Add the gaps that a person marked in the same text where a note quotes it."""
    if primary.gaps or primary.kind is HighlightKind.CARD:
        return primary
    words = canonical(primary.exact)
    for one in others:
        if one.gaps and one.form is Form.PHRASE and canonical(one.exact) == words:
            same = one.exact == primary.exact
            found = (locate(one.exact[start:end], primary.exact) for start, end in one.gaps)
            gaps = one.gaps if same else tuple(sorted(filter(None, found)))
            return replace(primary, gaps=gaps, form=Form.PHRASE if gaps else primary.form)
    return primary


def _of_one_page(one: Highlight, other: Highlight, length: int) -> bool:
    """Return whether two equal texts are on the same page, or long enough to be the same passage.

    A note may give the label or the number of the page.
    """
    quoted = Route.VAULT in (one.route, other.route)
    if quoted:
        return length >= QUOTED or bool(_pages(one) & _pages(other))
    if one.page_label and other.page_label:
        return one.page_label == other.page_label
    return length >= SHORT


def _words_of(one: Highlight) -> Highlight:
    """Return a passage without what only its source knows."""
    return replace(one, own="", heading="", above=(), comment="")


_PAGE = re.compile(r"(?:[?&#]|%23|%26)page(?:=|%3D)(\d+)")


def _pages(one: Highlight) -> set[str]:
    """Return the page label of a highlight, and `#` with the page numbers of its links."""
    numbers = {f"#{found[1]}" for link in (one.uri, *one.links) if (found := _PAGE.search(link))}
    if one.route is Route.PDF and one.block.isdigit():
        numbers.add(f"#{int(one.block) + 1}")
    return numbers | ({one.page_label} if one.page_label else set())


_STALE = ("source_gone", "source_changed")
REVIEWS = "reviews"
"""The key, in an event that superseded a card, for the number of reviews of the remaining card."""


@dataclass(frozen=True, slots=True)
class _Passage:
    key: HighlightKey
    words: str


class CardMoves:
    """Moves cards to the highlight with their evidence after passages were split or joined."""

    def __init__(
        self, connection: Connection, decisions: Decisions, cards: Cards, works: Works
    ) -> None:
        self._db = connection
        self._decisions = decisions
        self._cards = cards
        self._works = works
        self._documents: set[str] = set()
        """The documents with new, changed or missing highlights in this run."""
        self._was: dict[HighlightKey, str] = {}
        """The folded text of changed highlights before the change."""
        self._unsure = False
        """Whether the words of the passage at hand wait where its first card has others."""
        self._superseded: list[Guid] = []
        """The cards superseded by an equal one since the last call of `notices`."""

    # --- following the source ---------------------------------------------------------------

    def touched(self, highlight: Highlight) -> None:
        """Record a new highlight, which may contain the evidence of other cards."""
        self._documents.add(highlight.document.key)

    def changed(
        self, now: Highlight, before: Highlight, run: RunId, is_lost: Callable[[str, str], bool]
    ) -> None:
        """Record a highlight whose text changed; it takes over the cards of lost equal highlights.

        `is_lost` returns whether a document, given by container and path, that was not listed is gone.
        """
        for row in self._db.execute(
            "SELECT h.key, h.container, h.presence, json_extract(h.body, '$.document.path') AS path"
            " FROM card_highlight a JOIN card_highlight l ON l.guid = a.guid AND l.role = 'origin'"
            " JOIN highlight h ON h.key = l.key AND h.text = ?"
            f" WHERE a.key = ? AND a.role = 'also' AND NOT {present('h')} AND NOT EXISTS"
            " (SELECT 1 FROM scanned s WHERE s.run = ? AND s.key = h.key)",
            (text_of(before), now.key, run),
        ).fetchall():
            if row["presence"] != Presence.PRESENT or is_lost(row["container"], row["path"]):
                self.to_copy(row["key"])
        self._documents |= {now.document.key, before.document.key}
        self._was[HighlightKey(now.key)] = canonical(before.exact)

    def follow(
        self,
        unseen: Sequence[str],
        action: str,
        issued_twice: Mapping[HighlightKey, HighlightKey],
        waits: Callable[[HighlightKey, HighlightKey], bool],
        judge: Judge,
    ) -> None:
        """Move cards of split, joined and missing highlights to the highlight that contains their quote.

        Args:
            unseen: the keys that this run should have found but did not.
            action: the action of this run's unions; undoing these also undoes the moves.
            issued_twice: for highlights to which two machines issued keys, the used key by the other.
            waits: returns whether the words of two such keys differ by more than a correction.
            judge: distinguishes corrections from other edits.
        """
        for other, used in sorted(issued_twice.items()):
            self._unsure = waits(other, used)
            for card in self._cards.of_highlight(other):
                if card.highlight.key != other or not _is_alive(card):
                    continue
                if not self._asks_about(used, card):
                    self._move(card, used, action, edited=True)
            for card in self._cards.of_highlight(used):
                if card.highlight.key == used:
                    self._known_elsewhere(card, other, action)
        self._unsure = False
        self._block_drafted_apart(judge)
        self._take_merges(action)
        self._take_places(action)
        lost = frozenset(unseen)
        for key in sorted(lost):
            found = self._db.execute(
                f"SELECT document, {present('h')} AS here FROM highlight h WHERE key = ?", (key,)
            ).fetchone()
            lost -= {key} if found["here"] else frozenset()
            self._documents.add(found["document"])
        any_card = self._db.execute("SELECT 1 FROM card LIMIT 1").fetchone()
        documents = self._documents if any_card else ()  # a first run has read a whole vault
        for work in sorted({self._works.of(document) for document in documents}):
            self._follow_in(self._works.members(work), lost, action)
        self._documents.clear()
        self._was.clear()
        self._decide_mutual(action)

    def _block_drafted_apart(self, judge: Judge) -> None:
        """Block cards that another machine shipped before, if their words now are no correction of those.

        The words now wait there as a revision, and so the card waits here until a person decides.
        """
        rows = self._db.execute(
            "SELECT m.name, m.value, c.guid FROM meta m JOIN card c ON c.guid = substr(m.name, ?)"
            " WHERE m.name GLOB ? ORDER BY c.guid",
            (len(FIRST_WORDS) + 1, f"{FIRST_WORDS}*"),
        ).fetchall()
        for row in rows:
            self._db.execute("DELETE FROM meta WHERE name = ?", (row["name"],))
            card, history = self._cards.get(row["guid"]), self._decisions.of(row["guid"])
            accepted = any(not one.here and "verdict" in one.after for one in standing(history))
            if not accepted or any("fields" in one.after for one in standing(history)):
                continue
            _, *words = msgspec.json.decode(row["value"])
            draft = card.leading.draft
            then = passage_of(card.highlight, *words)
            edit = judge.of_highlights(
                then, passage_of(card.highlight, draft.quote, draft.answer), ()
            )
            if edit.kind is not EditKind.CORRECTION and not same(draft.quote, words[0]):
                self._cards.set_findings(
                    card.guid,
                    letter_of(card.leading),
                    (*card.leading.findings, shipped_otherwise(edit)),
                )
                self._cards.refresh(card.guid)

    def _take_merges(self, action: str) -> None:
        """Supersede one of two cards with equal words if another machine merged the passage of one into the other."""
        rows = self._db.execute(
            "SELECT c.guid, d.subject FROM card c JOIN card_highlight l ON l.guid = c.guid"
            " AND l.role = 'origin' JOIN event d ON json_extract(d.body, '$.key') = l.key"
            " AND d.what = 'merge' AND d.by = 'policy' AND NOT d.here AND NOT d.undone"
            " WHERE c.standing = 'live' AND c.verdict <> 'rejected' AND c.edited = 0"
            " AND d.subject <> c.guid ORDER BY c.guid, d.rank"
        ).fetchall()
        for guid, into in rows:
            if not (self._cards.stands(guid) and self._cards.stands(into)):
                continue
            card, other = self._cards.get(guid), self._cards.get(into)
            waits = other.revision if card.verdict is Verdict.PENDING else None
            draft = card.leading.draft
            if card.fields == other.fields or any(
                one and _says(one.draft, draft.quote, draft.answer) for one in (other.picked, waits)
            ):
                pair = (guid, Guid(into))
                stays, goes = sorted(pair, key=self._weight) if not waits else pair[::-1]
                self._supersede_by(goes, stays, action)

    def _take_places(self, action: str) -> None:
        """Move cards whose passage is gone to that of a card which they superseded on another machine."""
        rows = self._db.execute(
            "SELECT s.guid, min(h.key) AS place FROM card x JOIN event d ON d.subject = x.guid"
            " AND d.what = 'supersede' AND d.by = 'source' AND NOT d.here AND NOT d.undone"
            " JOIN card_highlight l ON l.guid = x.guid AND l.role = 'origin' JOIN highlight h"
            f" ON h.key = l.key AND {present('h')} JOIN card s ON s.guid = x.standing_why"
            " AND s.standing = 'live' JOIN card_highlight o ON o.guid = s.guid AND o.role = 'origin'"
            " JOIN highlight p ON p.key = o.key AND p.presence = 'gone'"
            " WHERE x.standing = 'superseded' GROUP BY s.guid ORDER BY s.guid"
        ).fetchall()
        for row in rows:
            self._move(self._cards.get(row["guid"]), row["place"], action, edited=True)
            self._db.execute("UPDATE highlight SET drafted = '' WHERE key = ?", (row["place"],))

    def notices(self) -> tuple[Problem, ...]:
        """Return a notice about the cards that were superseded since the last call."""
        count, found = len(self._superseded), sorted(self._superseded)
        self._superseded.clear()
        if not count:
            return ()
        cards = "this card says" if count == 1 else f"this and {count - 1:,} more say"
        what = f"{cards} the same as another card of the passage: the one studied more stays"
        return (Problem(found[0], what, f"ankiforge show -v {found[0]}", notice=True),)

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
        """Return the present passages of these documents, except cards written by hand."""
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
        """Return the highlight to which a card moves: preferably a linked one, then the shortest."""
        rows = self._db.execute("SELECT key FROM card_highlight WHERE guid = ?", (card.guid,))
        served = {row["key"] for row in rows.fetchall()}
        best = min(
            holders, key=lambda one: (one.key not in served, len(one.words), one.key), default=None
        )
        return best.key if best else None

    def _stays(self, card: Card, quote: str, lost: bool) -> bool:
        """Return whether a card's evidence is still in its highlight, or was never inside the mark."""
        home = card.highlight
        if lost or self._gone(home.key):
            return False
        if quote in canonical(home.exact):
            return True
        if any(finding.check == "source_changed" for finding in card.leading.findings):
            return False
        if home.key in self._was:
            return quote not in self._was[home.key]
        return any(quote in canonical(text) for text in (home.sentence, home.context))

    def _gone(self, key: str) -> bool:
        row = self._db.execute("SELECT presence FROM highlight WHERE key = ?", (key,)).fetchone()
        return bool(row["presence"] == "gone")

    def take_linked(self, key: HighlightKey) -> None:
        """Move the cards that were linked to a highlight to it, if their own equal one is gone."""
        rows = self._db.execute(
            "SELECT DISTINCT h.key FROM card_highlight a JOIN card_highlight l ON l.guid = a.guid"
            " AND l.role = 'origin' JOIN highlight h ON h.key = l.key AND h.presence = 'gone'"
            " WHERE a.key = ? AND a.role = 'also' ORDER BY h.key",
            (key,),
        ).fetchall()
        for row in rows:
            self.to_copy(row["key"])

    def to_copy(self, key: HighlightKey) -> None:
        """Move the cards of a lost highlight to an equal highlight to which they are also linked.

        This way their links work, and a ledger rebuilt from the journal has them at the remaining copy.
        """
        copies = self._db.execute(
            "SELECT l.guid, min(o.key) AS copy FROM highlight h"
            " JOIN card_highlight l ON l.key = h.key AND l.role = 'origin'"
            " JOIN card_highlight a ON a.guid = l.guid AND a.role = 'also'"
            " JOIN highlight o ON o.key = a.key AND o.text = h.text AND o.presence = 'present'"
            " WHERE h.key = ? GROUP BY l.guid ORDER BY l.guid",
            (key,),
        ).fetchall()
        for row in copies:
            card, to = self._cards.get(row["guid"]), HighlightKey(row["copy"])
            if card.standing is Standing.LIVE and not self._taken_back(card.guid, to):
                extra = {"from": key, "to": to, "family": card.family, "slot": card.slot}
                self._decisions.change(card.guid, "move", {}, by=SOURCE, extra=extra)
                self._without_findings(self._cards.get(card.guid), *_STALE)

    def back(self, key: HighlightKey) -> None:
        """Link cards that were moved to a copy of a highlight to the highlight again: it is back.

        If the text of the copy has changed since, the highlight is drafted again instead.
        """
        moved = self._db.execute(
            "SELECT DISTINCT d.subject AS guid, o.content, o.text = h.text AS equal FROM event d"
            " JOIN highlight h ON h.key = json_extract(d.body, '$.from')"
            " JOIN card_highlight l ON l.guid = d.subject AND l.role = 'origin' AND l.key <> h.key"
            " JOIN highlight o ON o.key = l.key WHERE d.what = 'move' AND h.key = ?",
            (key,),
        ).fetchall()
        for row in moved:
            if row["equal"]:
                self._cards.link(row["guid"], key, "also")
        serves = (
            "EXISTS (SELECT 1 FROM card_highlight l JOIN card c ON c.guid = l.guid"
            " WHERE l.key = highlight.key AND c.standing <> 'superseded')"
        )
        if moved:
            self._db.execute(
                f"UPDATE highlight SET drafted = CASE WHEN {serves} THEN content ELSE '' END"
                " WHERE key = ?",
                (key,),
            )

    def apply(self, event: Event) -> None:
        """Do not doubt the words of a draft that a person or the source gave its card last, on another machine."""
        elsewhere = event.by == PERSON and not (event.here or event.undone)
        if not (elsewhere or CORRECTS in event.body):
            return
        history = standing(self._decisions.of(event.subject))
        last = [one for one in history if "fields" in one.after][-1:]
        for card in self._cards.several([event.subject]) if last else ():
            if to_json(card.fields) == last[0].after["fields"]:
                self._without_findings(card, SAME_HIGHLIGHT)
                self._cards.refresh(card.guid)

    # --- moving -----------------------------------------------------------------------------

    def _move(self, card: Card, to: HighlightKey, action: str, *, edited: bool = False) -> None:
        """Move a card, and supersede it or an equal card of the new highlight.

        With `edited`, that card may have been drafted from another wording of the passage.
        """
        after: Columns = {}
        if card.standing is Standing.RETIRED:
            after = {"standing": Standing.LIVE.value, "standing_why": ""}
        extra = {"from": card.highlight.key, "to": to, "family": card.family, "slot": card.slot}
        self._decisions.change(card.guid, "move", after, by=SOURCE, action=action, extra=extra)
        self._without_findings(self._cards.get(card.guid), *_STALE)
        card = self._cards.get(card.guid)
        if not self._known_elsewhere(card, to, action):
            self._supersede(card, action, edited=edited)

    def _without_findings(self, card: Card, *checks: str) -> None:
        lead = card.leading
        kept = tuple(finding for finding in lead.findings if finding.check not in checks)
        if kept != lead.findings:
            self._cards.set_findings(card.guid, letter_of(lead), kept)

    def _supersede(self, card: Card, action: str, *, edited: bool) -> None:
        """Supersede one of two equal cards of a highlight, unless a person worded them differently."""
        for other in self._cards.of_highlight(card.highlight.key):
            if other.guid == card.guid or not _equal(card, other, edited=edited):
                continue
            answers = (card.leading.draft.answer, other.leading.draft.answer)
            equal = card.fields == other.fields or same(*answers)
            if self._states_another(card.guid, other.guid, equal=equal):
                continue
            stays, goes = sorted((card, other), key=lambda one: self._weight(one.guid))
            rejected = stays.verdict is Verdict.REJECTED
            if rejected and not equal:
                continue  # another answer was rejected
            if (
                rejected
                or card.fields == other.fields
                or not (self._by_person(stays) and self._by_person(goes))
            ):
                self._supersede_by(goes.guid, stays.guid, action)
                if edited and stays is card and stays.fields != goes.fields:
                    # the words of its new passage become its revision
                    home = card.highlight.key
                    self._db.execute("UPDATE highlight SET drafted = '' WHERE key = ?", (home,))
                return

    def _by_person(self, card: Card) -> bool:
        """Return whether a person worded or accepted a card, which one taken over from Anki only seems to be."""
        decided = (one.by for one in standing(self._decisions.of(card.guid)))
        return card.edited or (card.accepted_by == "person" and PERSON in decided)

    def _known_elsewhere(self, card: Card, key: HighlightKey, action: str) -> bool:
        """Supersede a card or an equal card of this highlight that is known only from the journal.

        Returns:
            Whether there is such a card in the journal.
        """
        if card.standing is not Standing.LIVE:
            return False
        rows = self._db.execute(
            "SELECT * FROM slot WHERE key = ? AND family = ? AND NOT EXISTS (SELECT 1"
            " FROM card c WHERE c.key = slot.key AND c.family = slot.family AND c.slot = slot.slot)"
            " ORDER BY slot",
            (key, card.family),
        ).fetchall()
        draft = card.leading.draft
        alike = [row for row in rows if same(row["answer"], draft.answer)]
        alike += [r for r in rows if likeness(r["answer"], r["quote"], draft) >= ALIKE]
        for row in alike:
            other = guid_for(key, card.family, row["slot"])
            columns = columns_set(self._decisions.of(other))
            stands = columns.get("standing", Standing.LIVE) == Standing.LIVE
            worded = columns.get("fields") == to_json(card.fields)
            equal = worded or same(row["answer"], draft.answer)
            waits = card.revision and _says(card.revision.draft, row["quote"], row["answer"])
            if not stands or (self._states_another(card.guid, other, equal=equal) and not waits):
                continue
            rejected = Verdict.REJECTED in (card.verdict, columns.get("verdict"))
            if rejected and not equal:
                continue  # another answer was rejected
            stays, goes = sorted((card.guid, other), key=self._weight)
            if stays == other and key != card.highlight.key:
                extra: dict[str, object] = {"key": key, "from": key, "to": card.highlight.key}
                extra |= {"family": card.family, "slot": row["slot"]}
                self._decisions.record(other, "move", {}, action, extra)
            if not columns_set(self._decisions.of(goes)).get("edited"):
                self._supersede_by(goes, stays, action)
            return True
        return False

    def _states_another(self, one: Guid, other: Guid, *, equal: bool) -> bool:
        """Return whether one of two cards was made because the passage of the other states another fact now.

        Or, unless they have `equal` answers, whether any card was: it may be one of another machine.
        """
        rows = self._db.execute(
            f"SELECT subject FROM event WHERE what = '{REPLACES}' AND NOT undone AND EXISTS (SELECT 1"
            f" FROM json_each(body, '$.{INSTEAD}') card WHERE card.value IN (?1, ?2))",
            (one, other),
        )
        return any(row["subject"] in (one, other) or not equal for row in rows)

    def _asks_about(self, key: HighlightKey, card: Card) -> bool:
        """Return whether a card of a highlight waits for a person to say if it is, or replaces, this card.

        That is answered if another machine has since read the same words under the key of this card. One
        that replaces this card under its own key states another fact.
        """
        rows = self._db.execute(
            f"SELECT d.subject FROM event d WHERE d.what IN ('{REPLACES}', 'wait')"
            " AND NOT d.undone AND EXISTS (SELECT 1"
            f"  FROM json_each(d.body, '$.{INSTEAD}') one WHERE one.value = ?2)"
            f" AND (json_extract(d.body, '$.key') = ?3 AND d.what = '{REPLACES}'"
            "  OR json_extract(d.body, '$.key') = ?1 AND (SELECT text FROM highlight WHERE key = ?1)"
            "   IS NOT (SELECT text FROM highlight WHERE key = ?3))",
            (key, card.guid, card.highlight.key),
        ).fetchall()
        pending = Verdict.PENDING
        return any(
            columns_set(self._decisions.of(row["subject"])).get("verdict", pending) == pending
            for row in rows
        )

    def _supersede_by(self, goes: Guid, stays: Guid, action: str) -> None:
        after = {"standing": Standing.SUPERSEDED.value, "standing_why": stays}
        extra: dict[str, object] = {REVIEWS: self._reviews(stays)}
        kept = [*self._cards.several([stays])]
        for card in kept:
            self._without_findings(card, MOVED_FROM)  # this answers the question
            if card.waits == DOUBTED:
                self._decisions.change(card.guid, "wait", {"waits": ""}, by=SOURCE, action=action)
        if self._unsure or any(card.revision for card in kept):
            extra[WAITS] = True
        self._decisions.record(goes, "supersede", after, action, extra)
        self._decisions.draft_replacement(goes, stays)
        self._superseded.append(goes)

    def _decide_mutual(self, action: str) -> None:
        """If two machines superseded two cards by each other, revive the one with more reviews."""
        rows = self._db.execute(
            "SELECT a.guid, b.guid AS other FROM card a JOIN card b ON b.guid = a.standing_why"
            " WHERE a.standing = 'superseded' AND b.standing = 'superseded'"
            " AND b.standing_why = a.guid AND a.guid < b.guid"
        ).fetchall()
        for row in rows:
            events = [*self._decisions.of(row["guid"]), *self._decisions.of(row["other"])]
            decided = [one for one in standing(events) if one.what == "supersede"]
            last = max(decided, key=lambda one: (one.body.get(REVIEWS, 0), one.rank))
            after = {"standing": Standing.LIVE.value, "standing_why": ""}
            self._decisions.change(
                last.after["standing_why"], "revive", after, by=SOURCE, action=action
            )

    def _weight(self, guid: Guid) -> tuple[bool, bool, int, bool, str, str]:
        """Return a sort key that puts the card to keep first, even if only the journal has it.

        The order is: a card that a person rejected or deleted, one that is not missing in Anki (a full
        sync replaced the collection of one machine by that of another), more reviews, a card edited or
        accepted by a person, an earlier shipment.
        """
        columns = columns_set(self._decisions.of(guid))
        shipped, missing = self._db.execute(
            "SELECT (SELECT min(written_at) FROM shipped WHERE guid = ?1),"
            " EXISTS (SELECT 1 FROM card WHERE guid = ?1 AND anki = ?2)",
            (guid, AnkiState.MISSING),
        ).fetchone()
        by_person = columns.get("edited") or columns.get("accepted_by") == "person"
        unwanted = (
            Verdict.REJECTED in columns.values() or columns.get("anki") == AnkiState.TOMBSTONE
        )
        reviews = self._reviews(guid)
        return (not unwanted, bool(missing), -reviews, not by_person, shipped or "~", guid)

    def _reviews(self, guid: Guid) -> int:
        [count] = self._db.execute("SELECT count(*) FROM review WHERE guid = ?", (guid,)).fetchone()
        return int(count)

    def _taken_back(self, guid: Guid, to: HighlightKey) -> bool:
        """Return whether a person undid a move of this card to this highlight."""
        row = self._db.execute(
            "SELECT 1 FROM event d WHERE d.subject = ? AND d.what = 'move' AND d.undone"
            " AND json_extract(d.body, '$.to') = ?",
            (guid, to),
        ).fetchone()
        return row is not None


def passage_of(highlight: Highlight, quote: str, answer: str) -> Highlight:
    """Return a highlight with the words of a draft; an answer in them is its gap."""
    start = quote.rfind(answer)
    gaps = ((start, start + len(answer)),) if start > 0 and answer else ()
    return replace(highlight, exact=quote, gaps=gaps, markdown=(), kind=HighlightKind.HIGHLIGHT)


def shipped_otherwise(edit: Edit) -> Finding:
    """Return a finding that blocks a card whose passage was edited since another machine shipped it."""
    return Finding(SAME_HIGHLIGHT, Severity.BLOCK, f"was shipped with other words: {edit.why}")


def _says(draft: Draft, quote: str, answer: str) -> bool:
    return same(draft.answer, answer) and same(draft.quote, quote)


def _may_move(card: Card) -> bool:
    """Return whether a card follows its evidence; cards written in the source do not."""
    drafted = card.highlight.kind is not HighlightKind.CARD
    return _is_alive(card) and drafted and len(canonical(card.leading.draft.quote)) >= EVIDENCE


def _is_alive(card: Card) -> bool:
    return card.standing is Standing.LIVE or card.standing_why == "gone"


def _equal(card: Card, other: Card, *, edited: bool) -> bool:
    """Return whether two live cards have the same answer and evidence, or with `edited` similar ones."""
    one, two = card.leading.draft, other.leading.draft
    standing = card.standing is other.standing is Standing.LIVE
    words = same(one.answer, two.answer) and same(one.quote, two.quote)
    words = words or (edited and likeness(one.answer, one.quote, two) >= ALIKE)
    return standing and card.family is other.family and words
