"""Which cards and drafts a query means, and what a list shows of them: SQL over columns.

A *line* is a card or a draft. Its *places* are the passages in the sources that it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from ankiforge.ledger import cards, desk
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.store import ABSENT, Store, tag_name
from ankiforge.ledger.tables import cards as card_rows
from ankiforge.ledger.tables import waiting
from ankiforge.ledger.views import DELETED
from ankiforge.model import (
    Card,
    CardRemark,
    Document,
    Highlight,
    Value,
    is_draft_id,
    is_highlight_key,
)
from ankiforge.text import regex
from ankiforge.text.fold import for_comparing, for_searching

LAPSES = 4
"""A card that was forgotten so often is a finding."""
_PLAIN = regex(r"[\w '-]+")


# --- queries ----------------------------------------------------------------------------


class QueryTerm(Value):
    """A condition of a query on a field, or on the text (`field` = "")."""

    field: str
    value: str
    negated: bool = False


# All cards and drafts. `anki`: none, written (into a package), seen, missing or deleted.
LINES = (
    "line AS ("
    " SELECT d.id, d.key, d.position AS at, d.kind, d.deck, d.drafter, d.words, d.tags,"
    " d.findings,"
    "  'waiting' AS verdict, 'none' AS anki"
    " FROM draft d JOIN highlight h ON h.key = d.key AND h.state = 'present'"
    " UNION ALL SELECT c.guid, c.home, 0, c.kind, c.deck, c.drafter, c.words, c.tags,"
    "  CASE WHEN s.leech AND s.absent = 0 THEN char(10) || 'leech' || char(10) ELSE ''"
    " END ||"
    f"  CASE WHEN s.lapses >= {LAPSES} AND s.absent = 0 THEN char(10) || 'lapses' ||"
    " char(10)"
    "   ELSE '' END || CASE WHEN c.guid IN (SELECT guid FROM sourceless)"
    "   THEN char(10) || 'source_gone' || char(10) ELSE '' END,"
    "  CASE c.verdict WHEN 'live' THEN 'accepted' ELSE c.verdict END,"
    f"  CASE WHEN s.absent = 0 THEN 'seen' WHEN NOT c.live AND c.why = '{DELETED}' THEN"
    " 'deleted'"
    "   WHEN s.absent THEN 'missing' WHEN c.shipped THEN 'written' ELSE 'none' END"
    " FROM placed c LEFT JOIN seen s USING (guid))"
)
FACETS = 100
"""Values of a field, at most, to which a list may be narrowed."""
_PLACES = (
    "place AS MATERIALIZED (SELECT l.id, h.key, h.document, h.position, h.state,"
    " h.colour, h.tags,"
    "  o.title, o.place, o.source"
    " FROM (SELECT key AS first, key FROM passage UNION SELECT key, key FROM draft"
    "  UNION SELECT first, key FROM alias) k JOIN line l ON l.key = k.first"
    " JOIN highlight h ON h.key = k.key JOIN document o ON o.id = h.document)"
)
# Live cards all of whose passages are gone.
SOURCELESS = (
    "sourceless AS MATERIALIZED (SELECT c.guid FROM placed c WHERE c.live AND c.home IN"
    "  (SELECT coalesce((SELECT first FROM alias a WHERE a.key = h.key), h.key) FROM"
    " highlight h"
    f"   WHERE h.{ABSENT} AND h.state = 'gone')"
    "  AND NOT EXISTS (SELECT 1 FROM highlight h"
    "   WHERE h.state IN ('present', 'missing', 'unselected')"
    "   AND (h.key = c.home OR h.key IN (SELECT key FROM alias WHERE first ="
    " c.home))))"
)
_WITH = f"WITH {SOURCELESS}, {LINES}, {_PLACES}"
_IN_LIST = "{column} GLOB '*' || char(10) || {value} || char(10) || '*'"
"""Whether a column that is a list (`store.listed`) has a value."""


def _has_tag(column: str) -> tuple[str, ...]:
    """Return the conditions that a list of tags has a tag, or one below it."""
    patterns = ("{value}", "{value} || '::*'", "{value} || '/*'")
    return tuple(_IN_LIST.format(column=column, value=pattern) for pattern in patterns)


_STILL_TAGGED = (
    "NOT EXISTS (SELECT 1 FROM card c WHERE c.guid = p.id"
    f" AND {_IN_LIST.format(column='c.removed', value='{value}')})"
)
"""Whether a person took no tag of a place from its card."""


# By field, the conditions of which a line `l`, or one of its places `p`, fulfils at least
# one.
_LINE_CONDITIONS = {
    "deck": (
        "canonical(l.deck) GLOB {value}",
        "canonical(l.deck) GLOB {value} || '::*'",
    ),
    "kind": ("l.kind GLOB {value}",),
    "verdict": ("l.verdict GLOB {value}",),
    "anki": ("l.anki GLOB {value}",),
    "id": ("l.id GLOB {value} || '*'",),
    "finding": (
        _IN_LIST.format(column="l.findings", value="{value}"),
        f"('{CardRemark.SOURCE_CHANGED.check}' GLOB {{value}} AND says_else(l.id))",
    ),
    "drafter": ("l.drafter GLOB {value}", "l.drafter GLOB {value} || ':*'"),
    "tag": _has_tag("l.tags"),
    # a card since it was accepted, a draft since its passage was read first
    "added": (
        "coalesce((SELECT c.at FROM card c WHERE c.guid = l.id),"
        " (SELECT json_extract(e.line, '$.at') FROM event e WHERE e.key = l.key"
        "  AND e.what = 'key' ORDER BY e.n)) >= {value}",
    ),
}
_PLACE_CONDITIONS = {
    "document": (
        "canonical(p.title) GLOB '*' || {value} || '*'",
        "canonical(p.place) GLOB '*' || {value} || '*'",
        "p.document IN (SELECT document FROM identifier WHERE canonical(name) GLOB"
        " '*' || {value} || '*')",
    ),
    "source": ("canonical(p.source) GLOB {value}",),
    "tag": tuple(f"{has_tag} AND {_STILL_TAGGED}" for has_tag in _has_tag("p.tags")),
    "colour": (_IN_LIST.format(column="p.colour", value="{value}"),),
    "key": ("canonical(p.key) GLOB '*' || {value} || '*'",),
}
FIELDS = (
    "deck",
    "document",
    "source",
    "tag",
    "colour",
    "kind",
    "verdict",
    "anki",
    "finding",
    "drafter",
    "key",
    "added",
)
"""The fields that a query may name; code may name `id` as well, the beginning of an
id."""


def facets(store: Store) -> dict[str, list[str]]:
    """Return the values that narrow cards and drafts, by field of a query, most cards first."""
    counted = (
        " FROM (SELECT key, kind, deck FROM draft"
        " UNION ALL SELECT passage, kind, deck FROM card) l"
    )
    queries = {
        "document": f"SELECT o.title{counted} JOIN highlight h ON h.key = l.key"
        " JOIN document o ON o.id = h.document WHERE o.title != ''",
        "deck": f"SELECT deck{counted} WHERE deck != ''",
        "kind": f"SELECT kind{counted} WHERE kind != ''",
    }
    found = {}
    for field, query in queries.items():
        rows = store.rows(f"{query} GROUP BY 1 ORDER BY count(*) DESC LIMIT ?", FACETS)
        found[field] = [row[0] for row in rows]
    return found


def find(
    store: Store,
    terms: Sequence[QueryTerm],
    *,
    everything: bool = False,
) -> list[str]:
    """Return the ids of the cards and drafts that fulfil all terms, in reading order.

    Without `everything`, only drafts that wait and live cards, unless a term names a
    verdict.
    """
    # functions that compare texts as people do
    store.define("canonical", 1, lambda text: for_comparing(text or ""))
    store.define("says", 2, _says)
    store.refold()

    # the live cards whose source says something else now: no column has that
    changed = set()
    check = CardRemark.SOURCE_CHANGED.check
    asked = [_pattern(term) for term in terms if term.field == "finding"]
    if any(fnmatchcase(check, pattern) for pattern in asked):
        with_live = card_rows.passages(store, live=True)
        for card in cards.cards_of(store, with_live):
            if CardRemark.SOURCE_CHANGED in card.source:
                changed.add(card.guid)
    store.define("says_else", 1, changed.__contains__)

    conditions = []
    for number, term in enumerate(terms, start=1):
        value = f"?{number}"
        any_of = []
        if term.field:  # the line, or one of its places, has a value in it
            for condition in _LINE_CONDITIONS.get(term.field, ()):
                any_of.append(condition.format(value=value))
            of_place = " OR ".join(_PLACE_CONDITIONS.get(term.field, ()))
        else:  # words of the line or of a title, or the beginning of an id
            any_of.append(f"says({value}, l.words)")
            any_of.append(f"(length({value}) >= 6 AND l.id GLOB lower({value}) || '*')")
            of_place = "says({value}, p.title)"
        if of_place:
            places = f"SELECT p.id FROM place p WHERE {of_place.format(value=value)}"
            any_of.append(f"l.id IN ({places})")
        negation = "NOT " if term.negated else ""
        conditions.append(f"{negation}({' OR '.join(any_of)})")
    names_verdict = any(term.field == "verdict" for term in terms)
    if not everything and not names_verdict:
        conditions.append("l.verdict IN ('waiting', 'accepted')")

    rows = store.rows(
        f"{_WITH} SELECT l.id FROM line l LEFT JOIN"
        " (SELECT id, min(document) AS document, min(position) AS position"
        "  FROM place GROUP BY id) w ON w.id = l.id"
        f" WHERE {' AND '.join(conditions) or '1'}"
        " ORDER BY w.document IS NULL, w.document, w.position, l.key, l.at, l.id",
        *(_pattern(term) for term in terms),
    )
    settled = desk.ids_of_settled(store)
    return [row["id"] for row in rows if row["id"] not in settled]


def _pattern(term: QueryTerm) -> str:
    """Return the pattern for the columns."""
    if term.field in ("", "added"):
        return term.value
    value = tag_name(term.value) if term.field == "tag" else term.value
    return for_comparing(value).replace("[", "[[]")


def _says(words: str, text: str) -> bool:
    """Return whether a text contains words; their punctuation and accents count.

    `cross validation` finds cross-validation, `schrodinger` finds Schrödinger, `C++` does
    not find C.
    """
    pattern = for_comparing(words)
    if _PLAIN.fullmatch(pattern):
        return loose(pattern) in loose(text)
    return pattern in for_comparing(text)


# --- lines ------------------------------------------------------------------------------


def lines(store: Store, ids: Iterable[str]) -> Iterator[Card]:
    """Yield cards and drafts; the key of a highlight stands for its drafts.

    An id that is no longer one is left out.
    """
    for batch in in_batches(ids):
        line_ids: list[str] = []
        for id in batch:
            if is_highlight_key(id):
                line_ids += waiting.of_key(store, id)
            else:
                line_ids.append(id)

        # SQLite looks up values, but reads every line to compare it with a list in JSON
        marks = ", ".join("?" * len(line_ids))
        states = store.rows(
            f"WITH {SOURCELESS}, {LINES} SELECT id, anki FROM line WHERE id IN ({marks})",
            *line_ids,
        )
        in_anki = {row["id"]: row["anki"] for row in states}
        # the drafts themselves, and those that revise the cards
        draft_ids = (*line_ids, *waiting.of_cards(store, line_ids))
        drafts = {}
        revisions = {}
        in_order = waiting.in_reading_order(store, draft_ids)
        for draft in desk.each_waiting(store, in_order):
            drafts[draft.id] = draft
            if draft.revises:
                revisions[draft.revises] = draft
        for line_id in line_ids:
            if line_id in drafts:
                yield drafts[line_id]
            elif line_id in in_anki and not is_draft_id(line_id):
                card = cards.card_of(store, line_id)
                revision = revisions.get(card.guid)
                yield replace(card, anki=in_anki[line_id], revision=revision)


def waiting_among(store: Store, ids: Iterable[str]) -> Iterator[Card]:
    """Yield the drafts that wait among the lines of these ids."""
    return (line for line in lines(store, ids) if line.waits)


# --- works ------------------------------------------------------------------------------


class FoundWork(Value):
    """A work that was found: the documents that are one paper, book or note."""

    documents: tuple[Document, ...]
    by: str
    """identifier, title, similar title or words."""
    detail: str
    """The name that it has, or how alike the titles are; "" if words were found."""
    highlights: tuple[Highlight, ...]
    presence: dict[str, str]
    """By the key of a highlight that is not there: `gone` from its source, or `unread` now."""
    lines: tuple[Card, ...]
    """Its cards and drafts."""
    recall: dict[str, float]
    """By guid: the chance to remember the card now, as the intervals of reviews
    suggest."""


# --- words without case and accents -----------------------------------------------------

_NOT_LETTERS = regex(r"[\W_]+")


def loose(text: str) -> str:
    """Return the words of a title without case, accents and punctuation."""
    return _NOT_LETTERS.sub(" ", for_searching(text)).strip()
