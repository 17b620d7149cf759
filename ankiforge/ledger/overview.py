"""What waits for a person, what became of highlights, and how much of each there is.

Everything that shows or counts what waits takes it from here, so that page, terminal and
JSON agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ankiforge.ledger import desk, questions
from ankiforge.ledger.cards import HighlightOutcome, LeftOutThere
from ankiforge.ledger.lists import LINES, SOURCELESS
from ankiforge.ledger.readings import ORDER, decode_highlight
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.ledger.tables import waiting
from ankiforge.model import (
    FLOOR,
    DocumentId,
    Highlight,
    LeftOut,
    Question,
    QuestionKind,
    Value,
)

# --- what waits -------------------------------------------------------------------------


class Place(Value):
    """Where a passage stands whose draft waits, or that has a sentence without card and draft."""

    id: str
    """Of the draft; without one, the key of the highlight."""
    key: str
    document: int
    """Its row in the store."""
    title: str
    position: int
    """In reading order."""
    worth: float
    """How likely a card of it is kept."""


class Order(Value):
    """The open decisions, list by list, in the order in which they are offered.

    How many wait in a list is its length.
    """

    new: list[str]
    """Drafts of new cards: of each passage the first one of its first offer. Words of the
    source's own come first, drafts with warnings later, blocked ones last; then what deserves
    a card most, and as they are read."""
    passages: list[str]
    """The passages of the new ones: the oldest of their keys."""
    blocked: int
    """How many of the new ones a check blocks."""
    conflicts: list[str]
    """The questions about cards that a person and the source changed."""
    revisions: list[str]
    """Drafts that change or replace a card."""
    questions: list[str]
    """The other questions. A draft that one of them is about is not among the drafts
    above."""
    held: int
    """The number of these drafts."""
    without: list[Place]
    """The highlights that have neither a card nor a draft, and about which no person decided that
    they need none, and those with a card of which a further sentence may be proposed; those most
    worth a card first."""
    version: int
    """A number that changes when another program writes."""

    @property
    def changed(self) -> list[str]:
        """The list of changed cards."""
        return [*self.conflicts, *self.revisions]


def order(store: Store, before: Order | None = None) -> Order:
    """Return the open decisions; `before` if nothing can have changed."""
    version = int(store.value("PRAGMA data_version"))
    if before and before.version == version:
        return before
    store.refold()
    asked = questions.open_questions(store)
    held = {
        draft
        for each in asked
        if each.kind is not QuestionKind.CONFLICT
        for draft in each.drafts
    }
    rows = waiting.in_order(store, held | desk.ids_of_settled(store))
    without = [Place(*row) for row in _fate_rows(store, _PLACE, _WITHOUT)]
    return arranged(asked, rows, held=len(held), without=without, version=version)


def arranged(
    asked: Iterable[Question],
    offered: Iterable[Row | Mapping[str, Any]],
    *,
    held: int = 0,
    without: Sequence[Place] = (),
    version: int = 0,
) -> Order:
    """Return the open decisions, list by list.

    Args:
        asked: the open questions.
        offered: the first draft of each offer, as `tables.waiting.in_order` has them.
        held: the number of drafts about which a question asks.
        without: as in `Order`.
        version: as in `Order`.
    """
    conflicts: list[str] = []
    others: list[str] = []
    for question in asked:
        if question.kind is QuestionKind.CONFLICT:
            conflicts.append(question.id)
        else:
            others.append(question.id)
    first_of_passage: dict[str, str] = {}
    revisions = []
    blocked = 0
    for row in offered:
        if row["changes"]:
            revisions.append(row["id"])
        elif row["passage"] not in first_of_passage:
            first_of_passage[row["passage"]] = row["id"]
            blocked += row["blocked"]
    return Order(
        new=[*first_of_passage.values()],
        passages=[*first_of_passage],
        blocked=blocked,
        conflicts=conflicts,
        revisions=revisions,
        questions=others,
        held=held,
        without=[*without],
        version=version,
    )


def _has_card(passage: str) -> str:
    """Return the condition that a passage, or a sentence of it, has a live card, by indexes."""
    return (
        f"(EXISTS (SELECT 1 FROM card c WHERE c.passage = {passage} AND c.live)"
        " OR EXISTS (SELECT 1 FROM sentence s JOIN card c ON c.sentence = s.name"
        f" WHERE s.key = {passage} AND c.sentence != '' AND c.live))"
    )


def has_cards(store: Store) -> bool:
    """Return whether there is any card, live or not."""
    return store.row("SELECT 1 FROM card LIMIT 1") is not None


# --- what became of highlights ----------------------------------------------------------

_FATE = (
    f"CASE WHEN {_has_card('f.first')} THEN 'carded'"
    " WHEN p.skipped THEN 'left_out'"
    " WHEN w.best IS NOT NULL THEN CASE w.best"
    " WHEN 0 THEN 'blocked' ELSE 'waiting' END"
    " WHEN h.fate IN ('failed', 'left_out') THEN h.fate"
    " WHEN p.done THEN 'decided'"
    " WHEN h.drafted != h.content AND h.modelled != h.content THEN 'undrafted'"
    " ELSE 'no_card' END"
)
STANDS = ("asked", "to_decide", "with_card", "rejected_or_skipped", "left_out")
"""How a passage stands: the first of these that applies. Each is in exactly one."""
_STANDS = (
    "CASE WHEN f.first IN (SELECT value FROM json_each(?2)) THEN 'asked'"
    " WHEN w.best IS NOT NULL THEN 'to_decide'"
    f" WHEN {_has_card('f.first')} THEN 'with_card'"
    " WHEN p.skipped OR p.done OR h.fate = 'left_out' THEN 'rejected_or_skipped'"
    " ELSE 'left_out' END"
)
# Sorts the places of a passage: the text of the first one is used.
_RANK = f"(instr('{' '.join(ORDER)}', {{h}}.route), instr(a.keys, {{h}}.key))"
_FATES = (
    "SELECT {what} FROM highlight h"
    " JOIN (SELECT h.key, coalesce(a.first, h.key) AS first FROM highlight h"
    "  LEFT JOIN alias a ON a.key = h.key WHERE h.state = 'present'"
    "  AND (a.key IS NULL OR NOT EXISTS (SELECT 1 FROM alias b JOIN highlight o ON"
    " o.key = b.key"
    "   WHERE b.first = a.first AND o.state = 'present'"
    f"   AND {_RANK.format(h='o')} < {_RANK.format(h='h')}))) f ON f.key = h.key"
    " LEFT JOIN passage p ON p.key = f.first"
    " LEFT JOIN (SELECT passage, max(severity != 'block') AS best FROM offered"
    "  WHERE id NOT IN (SELECT value FROM json_each(?1)) GROUP BY 1) w"
    " ON w.passage = f.first"
    " WHERE h.state = 'present' {rest}"
)
NOTHING = "nothing to ask was recognised"
WITHOUT = ("no_card", "undrafted", "failed")
"""The fates of highlights without a card and a draft that nobody left out."""
# Once a sentence is decided, the best of the others counts. If none is left, the passage counts
# among the last.
_WORTH = (
    "CASE WHEN h.worth > 0 AND (coalesce(p.decided, 0) OR EXISTS (SELECT 1 FROM sentence s"
    " JOIN decided_sentence d ON d.name = s.name WHERE s.key = h.key))"
    " THEN coalesce((SELECT max(s.worth) FROM sentence s WHERE s.key = h.key"
    " AND NOT coalesce(p.closed, 0)"
    " AND NOT EXISTS (SELECT 1 FROM decided_sentence d WHERE d.name = s.name)), h.worth - 1)"
    " ELSE h.worth END"
)
_IS_OPEN = (
    f"(({_FATE}) IN {WITHOUT}"
    f" OR ({_FATE}) = 'carded' AND w.best IS NULL AND {_WORTH} >= {FLOOR})"
)
_WITHOUT = f"AND {_IS_OPEN} ORDER BY {_WORTH} DESC, h.document, h.position"
_PLACE = (
    "h.key AS id, h.key, h.document,"
    " (SELECT title FROM document WHERE id = h.document) AS title, h.position,"
    f" {_WORTH} AS worth"
)


def document_of(store: Store, key: str) -> DocumentId | None:
    """Return the document of a highlight, by its row in the store."""
    row = store.row("SELECT document FROM highlight WHERE key = ?", key)
    return row["document"] if row else None


def worths(store: Store) -> dict[str, float]:
    """Return how likely a card of each highlight in its source is kept, by the keys."""
    rows = store.rows("SELECT key, worth FROM highlight WHERE state = 'present'")
    return {row["key"]: row["worth"] for row in rows}


def _fate_rows(store: Store, columns: str, rest: str, *values: object) -> list[Row]:
    """Return columns of the passages in their sources; `values` are `?2` and so on."""
    store.refold()
    settled = encode(sorted(desk.ids_of_settled(store)))
    return store.rows(_FATES.format(what=columns, rest=rest), settled, *values)


def fates(
    store: Store, key: str = "", *, best_first: bool = False
) -> Iterator[HighlightOutcome]:
    """Yield every passage in its source, with its fate, in reading order.

    Args:
        store: the store.
        key: only the one with this key.
        best_first: those most worth a card come first.
    """
    columns = f"h.*, {_FATE} AS became, {_IS_OPEN} AS is_open"
    in_order = "ORDER BY h.document, h.position"
    if best_first:
        in_order = f"ORDER BY {_WORTH} DESC, h.document, h.position"
    if key:
        rows = _fate_rows(store, columns, f"AND h.key = ?2 {in_order}", key)
    else:
        rows = _fate_rows(store, columns, f" {in_order}")
    for highlight_row in rows:
        fate = highlight_row["became"]
        reason = "" if fate == "carded" else highlight_row["reason"]  # of the drafter
        if fate in ("left_out", "decided", "no_card", "undrafted"):
            passage = store.passage(highlight_row["key"])
            reasons = [card.why for card in passage.cards.values() if card.why]
            if passage.skipped:
                reason = passage.why_skipped or "rejected by you"
            elif fate == "decided":
                reason = reasons[0] if reasons else "rejected by you"
            elif not reason and fate == "undrafted":
                reason = "not drafted yet"
            elif not reason:
                reason = NOTHING
        yield HighlightOutcome(
            highlight=decode_highlight(highlight_row),
            fate="left_out" if fate == "decided" else fate,
            reason=reason,
            worth=highlight_row["worth"],
            is_open=bool(highlight_row["is_open"]),
        )


def reasons_for_none(store: Store) -> Counter[str]:
    """Count the highlights of which there is no card, draft or proposal, by the reason."""
    which = f"AND ({_FATE}) IN {WITHOUT} AND NOT {_WORTH} >= {FLOOR} GROUP BY 1"
    counts = Counter[str]()
    for row in _fate_rows(store, "h.reason, count(*)", which):
        counts[row[0] or NOTHING] += row[1]
    return counts


def _asked_about(store: Store) -> set[str]:
    """Return the passages about whose drafts or cards a question is open."""
    drafts = list[str]()
    guids = list[str]()
    for question in questions.open_questions(store):
        drafts += question.drafts
        guids += question.guids
    of_drafts = f"SELECT passage FROM offered WHERE id IN {EACH}"
    of_cards = f"SELECT passage FROM card WHERE guid IN {EACH}"
    rows = store.rows(of_drafts, encode(drafts)) + store.rows(of_cards, encode(guids))
    return {row["passage"] for row in rows}


def _standings(store: Store) -> Counter[str]:
    """Count the passages in their sources by how they stand (`STANDS`)."""
    asked = encode(sorted(_asked_about(store)))
    rows = _fate_rows(store, f"{_STANDS} AS name, count(*)", "GROUP BY 1", asked)
    numbers = {row[0]: row[1] for row in rows}
    return Counter({name: numbers.get(name, 0) for name in STANDS})


def places(store: Store, ids: Iterable[str], beside: str = "") -> list[Place]:
    """Return where the passages of drafts stand, in the order of the drafts' ids.

    A draft that the checks doubt is worth nothing; one of which nothing speaks against it counts
    as sure, but for a marked phrase, which is as good as its sentence.
    With the key of a highlight, only those in its document.
    """
    ids = list(ids)
    in_document = "AND h.document = (SELECT document FROM highlight WHERE key = ?)"
    rows = store.rows(
        "SELECT d.id, h.key, h.document, x.title, h.position,"
        " CASE WHEN d.severity IN ('warn', 'block') THEN 0.0"
        "  ELSE coalesce(nullif(json_extract(d.body, '$.sureness'), 0), 1.0) END AS worth"
        " FROM draft d JOIN highlight h ON h.key = d.key"
        f" JOIN document x ON x.id = h.document WHERE d.id IN {EACH}"
        f" {in_document if beside else ''}",
        encode(ids),
        *([beside] if beside else ()),
    )
    place_by_id = {row["id"]: Place(*row) for row in rows}
    return [place_by_id[id] for id in ids if id in place_by_id]


_MARKS = (
    "SELECT {columns}, coalesce(a.first, h.key) AS passage,"
    f" {_has_card('coalesce(a.first, h.key)')} AS carded,"
    f" {_WORTH} >= {FLOOR} AS worth_one, coalesce(p.done, 0) AS done"
    " FROM highlight h LEFT JOIN alias a ON a.key = h.key"
    " LEFT JOIN passage p ON p.key = coalesce(a.first, h.key)"
    " WHERE h.document IN {documents} AND h.state = 'present'"
    " ORDER BY h.document, h.position"
)


def _with_states(store: Store, rows: list[Row]) -> Iterator[tuple[Row, str]]:
    """Yield rows of `_MARKS` with the state of each mark: `asks`, `card`, `proposal` or `none`."""
    asking = _asked_about(store)
    keys = store.keys_of(row["key"] for row in rows)
    query = f"SELECT id, passage FROM offered WHERE key IN {EACH}"
    settled = desk.ids_of_settled(store)
    for draft_row in store.rows(query, encode(keys)):
        if draft_row["id"] not in settled:
            asking.add(draft_row["passage"])
    for row in rows:
        yield row, "asks" if row["passage"] in asking else _state(row)


def _state(row: Row) -> str:
    """Return the state of a mark that does not ask, by its row of `_MARKS`."""
    if row["worth_one"] and (row["carded"] or not row["done"]):
        return "proposal"
    return "card" if row["carded"] else "none"


def marks(store: Store, key: str) -> list[tuple[Highlight, str]]:
    """Return the passages of the document that holds a highlight, with the state of each.

    In reading order; `asks`: something of it waits for a person; `proposal`: it is worth a card,
    or a further one; `card`: it has one; else `none`.
    """
    store.refold()
    query = _MARKS.format(
        columns="h.*", documents="(SELECT document FROM highlight WHERE key = ?)"
    )
    rows = store.rows(query, key)
    return [(decode_highlight(row), state) for row, state in _with_states(store, rows)]


def states_of(
    store: Store, documents: Iterable[DocumentId], asking: Container[str]
) -> dict[DocumentId, list[str]]:
    """Return the states of the marks of documents, in reading order; only `asking` ones ask."""
    store.refold()
    query = _MARKS.format(columns="h.key, h.document", documents=EACH)
    found: dict[DocumentId, list[str]] = {}
    for row in store.rows(query, encode(list(documents))):
        state = "asks" if row["key"] in asking else _state(row)
        found.setdefault(row["document"], []).append(state)
    return found


def left_out(store: Store) -> Iterator[LeftOutThere]:
    """Yield lookalikes of marks and cards, in the order of the documents."""
    rows = store.rows(
        "SELECT source, place, title, left_out FROM document"
        " WHERE state = 'present' AND left_out != '[]' ORDER BY source, place"
    )
    for row in rows:
        for entry in msgspec.json.decode(row["left_out"], type=list[LeftOut]):
            yield LeftOutThere(row["source"], row["place"], row["title"], entry)


# --- numbers ----------------------------------------------------------------------------

_OF_LINES = f"WITH {SOURCELESS}, {LINES} SELECT"
_COUNTED = {
    "cards": f"{_OF_LINES} verdict, count(*) FROM line WHERE id GLOB 'af*' GROUP BY 1",
    "anki": (
        f"{_OF_LINES} anki, count(*) FROM line WHERE verdict = 'accepted' GROUP BY 1"
        " UNION ALL SELECT 'sourceless', count(*) FROM sourceless"
    ),
    "unsent": "SELECT kind, count(*) FROM card WHERE live AND NOT shipped GROUP BY 1",
    "answers": (
        "SELECT 'reviews', count(*) FROM review WHERE ease > 0"
        " UNION ALL SELECT 'tested', count(*) FROM review WHERE ease > 0 AND type = 1"
        " UNION ALL SELECT 'remembered', count(*) FROM review WHERE ease > 1 AND type = 1"
    ),
}
"""Queries for (what is counted, number)."""


def counts(
    store: Store, *names: str, waits: Order | None = None
) -> dict[str, Counter[str]]:
    """Return the numbers that reports show; with `names`, only these.

    `waits`: what waits, if it was read.

    The one place where anything is counted:

    - `fates`: passages in their sources, by what became of them. A person who rejected
      the cards of a passage left it out: `left_out`.
    - `passages`: the same passages by how they stand (`STANDS`): the numbers add up.
    - `waiting`: what `order` lists: `new`, `changed` and `questions`, and of these
      `blocked`, `conflicts` and `revisions`; `held` are the drafts that wait for the answers
      to questions; `without` are highlights without a card and a draft, or with a card and a
      further sentence that is open, and of these `proposed` those that are worth a proposal.
    - `reasons`: the new drafts that wait, by the first reason why; only if it is named.
    - `cards`: by verdict; `anki`: live cards by their state there, and `sourceless` those
      whose passages are gone; `unsent`: live cards that were never in a package, by kind.
    - `answers`: the reviews of our cards that were seen in Anki; those of cards that had left
      their learning steps, `tested`; and of these the `remembered` ones.
    """
    store.refold()
    counts_by_name: dict[str, Counter[str]] = {}
    for name in names or ("fates", "passages", "waiting", *_COUNTED):
        match name:
            case "waiting":
                waits = order(store, waits)
                counts_by_name[name] = Counter(
                    new=len(waits.new),
                    blocked=waits.blocked,
                    changed=len(waits.changed),
                    conflicts=len(waits.conflicts),
                    revisions=len(waits.revisions),
                    questions=len(waits.questions),
                    held=waits.held,
                    without=len(waits.without),
                    proposed=sum(place.worth >= FLOOR for place in waits.without),
                )
            case "passages":
                counts_by_name[name] = _standings(store)
            case "reasons":
                waits = order(store, waits)
                counts_by_name[name] = desk.reasons(store, waits.new)
            case "fates":
                rows = _fate_rows(
                    store,
                    f"{_FATE} AS name, count(*)",
                    "GROUP BY 1",
                )
                counts_by_name[name] = Counter({row[0]: row[1] for row in rows})
                counts_by_name[name]["left_out"] += counts_by_name[name].pop("decided", 0)
            case _:
                rows = store.rows(_COUNTED[name])
                counts_by_name[name] = Counter({row[0]: row[1] for row in rows})
    return counts_by_name


# --- when cards were accepted -----------------------------------------------------------
