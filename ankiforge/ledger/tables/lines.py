"""Cards and drafts by columns: the query language, and what lists narrow them by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ankiforge.ledger.store import EACH, Store, encode, tag_name
from ankiforge.model import CardRemark, Value
from ankiforge.text import regex
from ankiforge.text.fold import for_comparing, for_searching

_PLAIN = regex(r"[\w '-]+")
_NOT_LETTERS = regex(r"[\W_]+")
FACETS = 100
"""Values of a field, at most, to which a list may be narrowed."""


class QueryTerm(Value):
    """A condition of a query on a field, or on the text (`field` = "")."""

    field: str
    value: str
    negated: bool = False


# --- queries ----------------------------------------------------------------------------

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


def find(
    store: Store,
    terms: Sequence[QueryTerm],
    changed: Collection[str],
    *,
    everything: bool = False,
) -> list[str]:
    """Return the ids of the cards and drafts that fulfil all terms, in reading order.

    Args:
        store: the store.
        terms: the conditions.
        changed: the cards whose source says something else now: no column has that.
        everything: whether also drafts that wait no longer and cards that are not live, if no
            term names a verdict.
    """
    # functions that compare texts as people do
    store.define("canonical", 1, lambda text: for_comparing(text or ""))
    store.define("says", 2, _says)
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
        "WITH line AS MATERIALIZED (SELECT * FROM any_line),"
        " place AS MATERIALIZED (SELECT l.id, h.key, h.document, h.position, h.state,"
        "  h.colour, h.tags, o.title, o.place, o.source"
        "  FROM (SELECT key AS first, key FROM passage UNION SELECT key, key FROM draft"
        "   UNION SELECT first, key FROM alias) k JOIN line l ON l.key = k.first"
        "  JOIN highlight h ON h.key = k.key JOIN document o ON o.id = h.document)"
        " SELECT l.id FROM line l LEFT JOIN"
        " (SELECT id, min(document) AS document, min(position) AS position"
        "  FROM place GROUP BY id) w ON w.id = l.id"
        f" WHERE {' AND '.join(conditions) or '1'}"
        " ORDER BY w.document IS NULL, w.document, w.position, l.key, l.at, l.id",
        *map(pattern, terms),
    )
    return [row["id"] for row in rows]


def pattern(term: QueryTerm) -> str:
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


def loose(text: str) -> str:
    """Return the words of a title without case, accents and punctuation."""
    return _NOT_LETTERS.sub(" ", for_searching(text)).strip()


# --- what lists narrow by ---------------------------------------------------------------


_FACETS = {
    "document": (
        "SELECT o.title FROM (SELECT key FROM draft UNION ALL SELECT passage FROM card) l"
        " JOIN highlight h ON h.key = l.key JOIN document o ON o.id = h.document"
        " WHERE o.title != '' GROUP BY 1 ORDER BY count(*) DESC LIMIT ?"
    ),
    "deck": (
        "SELECT deck FROM (SELECT deck FROM draft UNION ALL SELECT deck FROM card)"
        " WHERE deck != '' GROUP BY 1 ORDER BY count(*) DESC LIMIT ?"
    ),
    "kind": (
        "SELECT kind FROM (SELECT kind FROM draft UNION ALL SELECT kind FROM card)"
        " WHERE kind != '' GROUP BY 1 ORDER BY count(*) DESC LIMIT ?"
    ),
}


def facets(store: Store) -> dict[str, list[str]]:
    """Return the values that narrow cards and drafts, by field of a query, most cards first."""
    found = {}
    for field, query in _FACETS.items():
        found[field] = [row[0] for row in store.rows(query, FACETS)]
    return found


# --- how cards stand --------------------------------------------------------------------


def in_anki(store: Store, guids: Iterable[str]) -> dict[str, str]:
    """Return by guid how cards stand in Anki."""
    query = f"SELECT guid, anki FROM in_anki WHERE guid IN {EACH}"
    return {row["guid"]: row["anki"] for row in store.rows(query, encode(list(guids)))}


_COUNTED = {
    "cards": "SELECT verdict, count(*) FROM any_line WHERE id GLOB 'af*' GROUP BY 1",
    "anki": (
        "SELECT anki, count(*) FROM any_line WHERE verdict = 'accepted' GROUP BY 1"
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
COUNTED = tuple(_COUNTED)


def counted(store: Store, name: str) -> dict[str, int]:
    """Return numbers of one of `COUNTED`, as `overview.counts` explains them."""
    return {row[0]: row[1] for row in store.rows(_COUNTED[name])}
