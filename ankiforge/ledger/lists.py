"""Which cards and drafts a query means, what waits, and how much of it: SQL over columns.

A *line* is a card or a draft. Its *places* are the passages in the sources that it has.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from ankiforge.ledger import cards, decide, drafts
from ankiforge.ledger.cards import HighlightOutcome, HistoryEntry
from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.fold import fold
from ankiforge.ledger.readings import ORDER, decode_highlight
from ankiforge.ledger.store import ABSENT, EACH, Row, Store, encode, tag_name
from ankiforge.ledger.views import DELETED
from ankiforge.model import (
    Card,
    CardKind,
    Document,
    Draft,
    Family,
    Fields,
    Finding,
    Guid,
    Highlight,
    Severity,
    Value,
    Waiting,
)
from ankiforge.text import regex
from ankiforge.text.fold import canonical

AT_ONCE = 200
"""Lines that are read first; then, in each step, twice as many."""
LAPSES = 4
"""A card that was forgotten so often is a finding."""
_REMARKS = {
    "source gone": "its passage is gone from the source",
    "source changed": "its source says something else now",
}
_PLAIN = regex(r"[\w '-]+")


class Match(Value):
    """A work that was found: the documents that are one paper, book or note."""

    documents: tuple[Document, ...]
    by: str
    """identifier, title, similar title or words."""
    detail: str
    """The name that it has, or how alike the titles are; "" if words were found."""
    matched: frozenset[str]
    """The keys of highlights and guids of cards that contain the words."""
    highlights: tuple[Highlight, ...]
    """Those that match first."""
    gone: frozenset[str]
    """The keys of highlights that are no longer in their source."""
    lines: tuple[Line, ...]
    """Its cards and drafts, those that match first."""
    recall: dict[str, float]
    """By guid: the chance to remember the card now, as the intervals of reviews suggest."""


# --- queries --------------------------------------------------------------------------------------


class QueryTerm(Value):
    """A condition of a query on a field, or on the text (`field` = "")."""

    field: str
    value: str
    negated: bool = False


# All cards and drafts. `anki`: none, written (into a package), seen, missing or deleted.
_LINES = (
    "line AS ("
    " SELECT d.id, d.key, d.position AS at, d.kind, d.deck, d.drafter, d.words, d.tags, d.findings,"
    "  'pending' AS verdict, 'none' AS anki"
    " FROM draft d JOIN highlight h ON h.key = d.key AND h.state = 'present'"
    " UNION ALL SELECT c.guid, c.passage, 0, c.kind, c.deck, c.drafter, c.words, c.tags,"
    "  CASE WHEN s.leech AND s.absent = 0 THEN char(10) || 'leech' || char(10) ELSE '' END ||"
    f"  CASE WHEN s.lapses >= {LAPSES} AND s.absent = 0 THEN char(10) || 'lapses' || char(10)"
    "   ELSE '' END || CASE WHEN c.guid IN (SELECT guid FROM sourceless)"
    "   THEN char(10) || 'source_gone' || char(10) ELSE '' END,"
    "  CASE c.verdict WHEN 'live' THEN 'accepted' ELSE c.verdict END,"
    f"  CASE WHEN s.absent = 0 THEN 'seen' WHEN NOT c.live AND c.why = '{DELETED}' THEN 'deleted'"
    "   WHEN s.absent THEN 'missing' WHEN c.shipped THEN 'written' ELSE 'none' END"
    " FROM card c LEFT JOIN seen s USING (guid))"
)
_PLACES = (
    "place AS MATERIALIZED (SELECT l.id, h.key, h.document, h.position, h.state, h.colour, h.tags,"
    "  o.title, o.place, o.source"
    " FROM (SELECT key AS first, key FROM passage UNION SELECT key, key FROM draft"
    "  UNION SELECT first, key FROM alias) k JOIN line l ON l.key = k.first"
    " JOIN highlight h ON h.key = k.key JOIN document o ON o.id = h.document)"
)
# Live cards all of whose passages are gone.
_SOURCELESS = (
    "sourceless AS MATERIALIZED (SELECT c.guid FROM card c WHERE c.live AND c.passage IN"
    "  (SELECT coalesce((SELECT first FROM alias a WHERE a.key = h.key), h.key) FROM highlight h"
    f"   WHERE h.{ABSENT} AND h.state = 'gone')"
    "  AND NOT EXISTS (SELECT 1 FROM highlight h"
    "   WHERE h.state IN ('present', 'missing', 'unselected')"
    "   AND (h.key = c.passage OR h.key IN (SELECT key FROM alias WHERE first = c.passage))))"
)
_WITH = f"WITH {_SOURCELESS}, {_LINES}, {_PLACES}"
_LIST = "{column} GLOB '*' || char(10) || {value} || char(10) || '*'"
_OF_LINES = {
    "deck": ("canonical(l.deck) GLOB {value}", "canonical(l.deck) GLOB {value} || '::*'"),
    "kind": ("l.kind GLOB {value}",),
    "verdict": ("l.verdict GLOB {value}",),
    "anki": ("l.anki GLOB {value}",),
    "id": ("l.id GLOB {value} || '*'",),
    "finding": (_LIST.format(column="l.findings", value="{value}"),),
    "drafter": ("l.drafter GLOB {value}", "l.drafter GLOB {value} || ':*'"),
}
_TAGS = ("{value}", "{value} || '::*'", "{value} || '/*'")
_OF_PLACES = {
    "document": (
        "canonical(p.title) GLOB '*' || {value} || '*'",
        "canonical(p.place) GLOB '*' || {value} || '*'",
        "p.document IN (SELECT document FROM identifier WHERE canonical(name) GLOB"
        " '*' || {value} || '*')",
    ),
    "source": ("canonical(p.source) GLOB {value}",),
    "tag": tuple(_LIST.format(column="p.tags", value=one) for one in _TAGS),
    "colour": (_LIST.format(column="p.colour", value="{value}"),),
    "key": ("canonical(p.key) GLOB '*' || {value} || '*'",),
}
FIELDS = (
    "deck", "document", "source", "tag", "colour", "kind", "verdict", "anki", "finding", "drafter",
    "key",
)  # fmt: skip
"""The fields that a query may name; code may name `id` as well, the beginning of an id."""


def find(store: Store, terms: Sequence[QueryTerm], *, everything: bool = False) -> list[str]:
    """Return the ids of the cards and drafts that fulfil all terms, in reading order.

    Without `everything`, only drafts that wait and live cards, unless a term names a verdict.
    """
    _define(store)
    store.refold()
    conditions = [_condition(term, f"?{number}") for number, term in enumerate(terms, 1)]
    if not everything and not any(one.field == "verdict" for one in terms):
        conditions.append("l.verdict IN ('pending', 'accepted')")
    rows = store.rows(
        f"{_WITH} SELECT l.id FROM line l LEFT JOIN (SELECT id, min(document) AS document,"
        " min(position) AS position FROM place GROUP BY id) w ON w.id = l.id"
        f" WHERE {' AND '.join(conditions) or '1'}"
        " ORDER BY w.document IS NULL, w.document, w.position, l.key, l.at, l.id",
        *(_pattern(term) for term in terms),
    )
    return [row["id"] for row in rows]


def _pattern(term: QueryTerm) -> str:
    """Return what the columns are compared with."""
    if not term.field:
        return term.value
    value = tag_name(term.value) if term.field == "tag" else term.value
    return canonical(value).replace("[", "[[]")


def _condition(term: QueryTerm, value: str) -> str:
    """Return the SQL of a term; `value` stands for its pattern."""
    if not term.field:
        found = (
            f"(says({value}, l.words) OR (length({value}) >= 6 AND l.id GLOB lower({value}) || '*')"
            f" OR l.id IN (SELECT p.id FROM place p WHERE says({value}, p.title)))"
        )
    else:
        of_line = _OF_LINES.get(term.field, ())
        if term.field == "tag":
            of_line = tuple(_LIST.format(column="l.tags", value=one) for one in _TAGS)
        parts = [one.format(value=value) for one in of_line]
        if of_place := _OF_PLACES.get(term.field):
            fits = " OR ".join(one.format(value=value) for one in of_place)
            parts.append(f"l.id IN (SELECT p.id FROM place p WHERE {fits})")
        found = f"({' OR '.join(parts)})"
    return f"NOT {found}" if term.negated else found


def _define(store: Store) -> None:
    """Give SQL the functions that compare texts as people do."""
    store.define("canonical", 1, lambda text: canonical(text or ""))
    store.define("says", 2, _says)


def _says(words: str, text: str) -> bool:
    """Return whether a text contains words; their punctuation and accents count if they have any.

    `cross validation` finds cross-validation, `schrodinger` finds Schrödinger, `C++` does not find C.
    """
    pattern = canonical(words)
    if _PLAIN.fullmatch(pattern):
        return loose(pattern) in loose(text)
    return pattern in canonical(text)


# --- lines ----------------------------------------------------------------------------------------


class Line(Value):
    """A card or a draft as a list shows it."""

    id: str
    """What decisions take."""
    verdict: str
    """pending, accepted, rejected, retired, taken back or superseded."""
    anki: str
    """none, written, seen, missing or deleted."""
    one: Card | Waiting
    revision: Waiting | None = None
    """The draft that would replace the text of this card."""

    @property
    def card(self) -> Card | None:
        """The card; None if it is a draft."""
        return self.one if isinstance(self.one, Card) else None

    @property
    def waiting(self) -> Waiting | None:
        """The draft; None if it is a card."""
        return self.one if isinstance(self.one, Waiting) else None

    @property
    def words(self) -> Card | Draft:
        """What has the kind, fields, quote, origin and tags."""
        return self.one.draft if isinstance(self.one, Waiting) else self.one

    @property
    def highlight(self) -> Highlight:
        """The passage."""
        return self.one.highlight

    @property
    def kind(self) -> CardKind:
        """The kind of card."""
        return self.words.kind

    @property
    def family(self) -> Family:
        """The note type."""
        return self.kind.family

    @property
    def fields(self) -> Fields:
        """The fields, in Markdown."""
        return self.words.fields

    @property
    def deck(self) -> str:
        """The deck of a new note."""
        return self.one.proposal.deck if isinstance(self.one, Waiting) else self.one.deck

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What checks found in the draft, or what became of the source of the card."""
        if isinstance(self.one, Waiting):
            return self.one.proposal.findings
        return tuple(
            Finding(remark.replace(" ", "_"), Severity.INFO, _REMARKS.get(remark, remark))
            for remark in self.one.remarks
        )

    @property
    def blocked(self) -> bool:
        """Whether a check blocks the draft."""
        return isinstance(self.one, Waiting) and self.one.proposal.blocked


def lines(store: Store, ids: Iterable[str]) -> Iterator[Line]:
    """Yield cards and drafts; an id that is no longer one is left out, a key stands for its drafts."""
    of_key = "SELECT id FROM draft WHERE key = ? ORDER BY position, id"
    rest = chain.from_iterable(
        (row["id"] for row in store.rows(of_key, id)) if "/" in id else (id,) for id in ids
    )
    while batch := list(islice(rest, AT_ONCE)):
        # SQLite looks up values, but reads every line to compare it with a list in JSON
        query = f"WITH {_SOURCELESS}, {_LINES} SELECT id, verdict, anki FROM line"
        rows = store.rows(f"{query} WHERE id IN ({', '.join('?' * len(batch))})", *batch)
        states = {row["id"]: (row["verdict"], row["anki"]) for row in rows}
        chosen = (
            "d.id IN (SELECT value FROM json_each(?1) UNION"
            " SELECT id FROM draft WHERE revises != '' AND revises IN (SELECT value FROM json_each(?1)))"
        )
        waiting = {one.id: one for one in drafts.waiting(store, chosen, encode(batch))}
        revisions = {one.revises: one for one in waiting.values() if one.revises}
        for id in batch:
            verdict, anki = states.get(id, ("", ""))
            if id in waiting:
                yield Line(id, verdict, anki, waiting[id])
            elif verdict and verdict != "pending":
                yield Line(id, verdict, anki, cards.card_of(store, id), revisions.get(Guid(id)))


# --- what waits -----------------------------------------------------------------------------------


class Order(Value):
    """What a person has to decide, list by list, in the order in which it is offered.

    Everything that shows or counts what waits takes it from here, so that page, terminal and JSON
    agree: a list waits as often as it has entries.
    """

    new: list[str]
    """Drafts of new cards: the first one for each fact. Words of the source's own come first, drafts
    with warnings later, blocked ones last; then as they are read."""
    blocked: int
    """How many of the new ones a check blocks."""
    conflicts: list[str]
    """The questions about cards that a person and the source changed."""
    revisions: list[str]
    """Drafts that change or replace a card."""
    questions: list[str]
    """The other questions. A draft that one of them is about is not among the drafts above."""
    without: list[str]
    """The keys of the highlights that have neither a card nor a draft, and about which no person
    decided that they need none."""
    version: int
    """A number that changes when another program writes."""

    @property
    def changed(self) -> list[str]:
        """What waits in the list of changed cards."""
        return [*self.conflicts, *self.revisions]


def order(store: Store, before: Order | None = None) -> Order:
    """Return what waits, or what did if nothing can have changed."""
    version = int(store.value("PRAGMA data_version"))
    if before and before.version == version:
        return before
    store.refold()
    questions = decide.open_questions(store)
    conflicts = [question.id for question in questions if question.kind == "conflict"]
    others = [question for question in questions if question.kind != "conflict"]
    settled = drafts.settled(store)
    held = {draft for question in others for draft in question.drafts}
    rows = store.rows(
        "SELECT d.id, d.revises || d.replaces AS old, min(d.position),"
        "  sum(d.severity = 'block') = count(*) AS blocked FROM draft d"
        " JOIN highlight h ON h.key = d.key WHERE h.state = 'present'"
        f" AND d.id NOT IN {EACH}"
        " GROUP BY d.key, CASE d.fact WHEN '' THEN d.id ELSE d.fact END, old"
        " ORDER BY d.severity = 'block', d.severity = 'warn', d.slot = '', h.document, h.position,"
        " d.position",
        encode(sorted(held | settled)),
    )
    new = [row for row in rows if not row["old"]]
    return Order(
        new=[row["id"] for row in new],
        blocked=sum(row["blocked"] for row in new),
        conflicts=conflicts,
        revisions=[row["id"] for row in rows if row["old"]],
        questions=[question.id for question in others],
        without=[row["key"] for row in _fate_rows(store, "h.key", _WITHOUT)],
        version=version,
    )


# --- what became of highlights --------------------------------------------------------------------

_FATE = (
    "CASE WHEN p.skipped THEN 'ignored'"
    " WHEN EXISTS (SELECT 1 FROM card c WHERE c.passage = f.first AND c.live) THEN 'carded'"
    " WHEN w.best IS NOT NULL THEN CASE w.best WHEN 0 THEN 'blocked' ELSE 'waiting' END"
    " WHEN h.fate IN ('failed', 'ignored') THEN h.fate WHEN p.decided THEN 'decided'"
    " WHEN h.drafted != h.content AND h.modelled != h.content THEN 'undrafted' ELSE 'no_card' END"
)
# Of the places of a passage, the one whose text is used is the least.
_RANK = f"(instr('{' '.join(ORDER)}', {{h}}.route), instr(a.keys, {{h}}.key))"
_FATES = (
    "SELECT {what} FROM highlight h"
    " JOIN (SELECT h.key, coalesce(a.first, h.key) AS first FROM highlight h"
    "  LEFT JOIN alias a ON a.key = h.key WHERE h.state = 'present'"
    "  AND (a.key IS NULL OR NOT EXISTS (SELECT 1 FROM alias b JOIN highlight o ON o.key = b.key"
    "   WHERE b.first = a.first AND o.state = 'present'"
    f"   AND {_RANK.format(h='o')} < {_RANK.format(h='h')}))) f ON f.key = h.key"
    " LEFT JOIN passage p ON p.key = f.first"
    " LEFT JOIN (SELECT coalesce(a.first, d.key) AS first, max(d.severity != 'block') AS best"
    "  FROM draft d LEFT JOIN alias a ON a.key = d.key"
    "  WHERE d.id NOT IN (SELECT value FROM json_each(?1)) GROUP BY 1) w ON w.first = f.first"
    " WHERE h.state = 'present' {rest}"
)
WITHOUT = ("no_card", "undrafted", "failed")
"""The fates of highlights that have neither a card nor a draft, and that nobody left out."""
_WITHOUT = f"AND ({_FATE}) IN {WITHOUT} ORDER BY h.document, h.position"


def _fate_rows(store: Store, what: str, rest: str, *values: object) -> list[Row]:
    """Return these columns of the passages in their sources; `rest` may use `values` from `?2` on."""
    store.refold()
    settled = encode(sorted(drafts.settled(store)))
    return store.rows(_FATES.format(what=what, rest=rest), settled, *values)


def fates(store: Store, of: str = "") -> Iterator[HighlightOutcome]:
    """Yield every passage that is in its source, with what became of it, in reading order.

    `of`: only the one with this key.
    """
    one = "AND h.key = ?2" if of else ""
    what, rest = f"h.*, {_FATE} AS became", f"{one} ORDER BY h.document, h.position"
    for row in _fate_rows(store, what, rest, *([of] if of else [])):
        fate, reason = row["became"], row["reason"]
        if fate in ("ignored", "decided", "no_card", "undrafted"):
            passage = store.passage(row["key"])
            whys = [card.why for card in passage.cards.values() if card.why]
            if passage.skipped:
                reason = passage.why_skipped or "skipped by you"
            elif fate == "decided":
                fate, reason = "ignored", whys[0] if whys else "rejected by you"
            elif fate == "undrafted":
                reason = reason or "not drafted yet"
            reason = reason or "nothing to ask was recognised"
        yield HighlightOutcome(decode_highlight(row), fate, "" if fate == "carded" else reason)


def counts(store: Store, names: Sequence[str] = ()) -> dict[str, Counter[str]]:
    """Return the numbers that reports show; with `names`, only these.

    The one place where anything is counted:

    - `fates`: passages in their sources, by what became of them. A person who rejected the cards of a
      passage left it out: `ignored`.
    - `waiting`: what `order` lists: `new`, `changed` and `questions`, and of these `blocked`,
      `conflicts` and `revisions`; `without` are highlights with neither a card nor a draft.
    - `reasons`: the new drafts that wait, by the first reason why.
    - `cards`: by verdict; `anki`: live cards by their state there, and `sourceless` those whose passages
      are gone; `unsent`: live cards that were never in a package, by kind.
    """
    store.refold()
    lined = f"WITH {_SOURCELESS}, {_LINES} SELECT"
    queries = {
        "cards": f"{lined} verdict, count(*) FROM line WHERE id GLOB 'af*' GROUP BY 1",
        "anki": f"{lined} anki, count(*) FROM line WHERE verdict = 'accepted' GROUP BY 1"
        " UNION ALL SELECT 'sourceless', count(*) FROM sourceless",
        "unsent": "SELECT kind, count(*) FROM card WHERE live AND NOT shipped GROUP BY 1",
    }
    found = {}
    waits: Order | None = None
    for name in names or ("fates", "waiting", *queries):
        if name in ("waiting", "reasons"):
            waits = order(store, waits)
            found[name] = _waiting(waits) if name == "waiting" else drafts.reasons(store, waits.new)
            continue
        if name == "fates":
            rows = _fate_rows(store, f"{_FATE} AS name, count(*)", "GROUP BY 1")
        else:
            rows = store.rows(queries[name])
        found[name] = Counter({row[0]: row[1] for row in rows})
    if "fates" in found:
        found["fates"]["ignored"] += found["fates"].pop("decided", 0)
    return found


def _waiting(order: Order) -> Counter[str]:
    """Return how much there is in each list of what waits."""
    return Counter(
        new=len(order.new),
        blocked=order.blocked,
        changed=len(order.changed),
        conflicts=len(order.conflicts),
        revisions=len(order.revisions),
        questions=len(order.questions),
        without=len(order.without),
    )


def changes(store: Store, since: str) -> list[HistoryEntry]:
    """Return the changes of cards by the source that stand, newest first, since a time in ISO 8601."""
    undone = {one.body["event"] for one in store.select_events("what = 'undo'")}
    found = []
    for event in store.select_events("what = 'revise' ORDER BY n DESC, id DESC"):
        if event.by != SOURCE or event.id in undone or event.at < since:
            continue
        keys = store.keys(event.key)
        events = sorted(store.events(keys), key=lambda one: one.order)
        guid = event.body["guid"]
        before, after = (
            fold(keys, [one for one in events if one.order < event.order or (own and one == event)])
            for own in (False, True)
        )
        if guid in before.cards and guid in after.cards:
            old, new = before.cards[guid], after.cards[guid]
            change = cards.change_of(new, old.wording, old.typed)
            if change:  # else a person's words stayed
                found.append(cards.done(event, change))
    return found


# --- words without case and accents ---------------------------------------------------------------

BASE_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"})
_NOT_LETTERS = regex(r"[\W_]+")


def loose(text: str) -> str:
    """Return the words of a title without case, accents and punctuation, separated by one space."""
    decomposed = unicodedata.normalize("NFKD", text.casefold()).translate(BASE_LETTERS)
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _NOT_LETTERS.sub(" ", letters).strip()
