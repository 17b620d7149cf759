"""Find cards and drafts by a query, and load them for lists.

A row of the view `any_line` is a card or a draft. It has at least one *place*: a highlight of
its passage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from ankiforge.ledger import cards, draft_groups
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.store import JSON_VALUES, Row, Store, normalize_tag, to_json
from ankiforge.ledger.tables import pending_drafts
from ankiforge.model import (
    ListRow,
    PendingDraft,
    SourceChange,
    Value,
    is_highlight_key,
    make_highlight_id,
)
from ankiforge.text import regex
from ankiforge.text.normalize import normalize_for_comparison, normalize_for_search

_PLAIN_WORDS = regex(r"[\w '-]+")
_NON_LETTERS = regex(r"[\W_]+")
MIN_ID_CHARS = 6
"""The minimum number of characters of an id in a list."""
MAX_FACETS = 100
"""The maximum number of filter values offered for one field."""


class QueryTerm(Value):
    """A single condition of a query.

    The field must match `value` or, if `negated`, must not match it. If `field` is "", the value
    is searched for in the text.
    """

    field: str
    value: str
    negated: bool = False


# --- queries ----------------------------------------------------------------------------

_LIST_CONTAINS = "{column} GLOB '*' || char(10) || {value} || char(10) || '*'"
"""SQL condition that a list column (see `store.to_list_column`) contains a value."""


def _make_tag_conditions(column: str) -> tuple[str, ...]:
    patterns = ("{value}", "{value} || '::*'", "{value} || '/*'")
    return tuple(
        _LIST_CONTAINS.format(column=column, value=pattern) for pattern in patterns
    )


_TAG_NOT_REMOVED = (
    "NOT EXISTS (SELECT 1 FROM card c WHERE c.guid = p.id"
    f" AND {_LIST_CONTAINS.format(column='c.removed', value='{value}')})"
)
"""SQL condition that the user hasn't removed the tag of a highlight from its card."""


# The SQL conditions for each field. A line `l` matches if it meets one of `_LINE_CONDITIONS`, or if
# one of its places `p` meets one of `_PLACE_CONDITIONS`.
_LINE_CONDITIONS = {
    "deck": ("canonical(l.deck) GLOB {value}", "canonical(l.deck) GLOB {value} || '::*'"),
    "kind": ("l.kind GLOB {value}",),
    "verdict": ("l.verdict GLOB {value}",),
    "anki": ("l.anki GLOB {value}",),
    "id": ("l.id GLOB {value} || '*'",),
    "finding": (
        _LIST_CONTAINS.format(column="l.findings", value="{value}"),
        f"('{SourceChange.SOURCE_CHANGED.finding_id}' GLOB {{value}} AND says_else(l.id))",
    ),
    "drafter": ("l.drafter GLOB {value}", "l.drafter GLOB {value} || ':*'"),
    "model": (
        "canonical(l.model) GLOB {value}",
        "canonical(l.model) GLOB {value} || ':*'",
    ),
    "tag": _make_tag_conditions("l.tags"),
    # the time at which a card was accepted, or at which a draft's passage was first read
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
    "folder": ("in_folder({value}, p.source || '/' || p.place)",),
    "source": ("canonical(p.source) GLOB {value}",),
    "tag": tuple(
        f"{has_tag} AND {_TAG_NOT_REMOVED}" for has_tag in _make_tag_conditions("p.tags")
    ),
    "colour": (_LIST_CONTAINS.format(column="p.colour", value="{value}"),),
    "key": ("canonical(p.key) GLOB '*' || {value} || '*'",),
}
QUERY_FIELDS = (
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
    "model",
    "key",
    "added",
)
"""The fields that the user may name in a query.

Code may also use `id`, with the start of an id, and `folder`, with the path of a folder.
"""


def find_items(
    store: Store, terms: Sequence[QueryTerm], *, everything: bool = False
) -> list[str]:
    """Find the cards and drafts that match all terms, and return their ids in reading order.

    For `everything`, see `find_rows`.
    """
    return [row["id"] for row in find_rows(store, terms, everything=everything)]


def find_rows(
    store: Store, terms: Sequence[QueryTerm], *, everything: bool = False
) -> list[Row]:
    """Find the rows of the cards and drafts that match all terms, in reading order.

    Cards that aren't live are only included if `everything` is True or a term names a verdict.

    Returns:
        Rows with the `id`, the `verdict` and the row id of the `document`.
    """
    # find the live cards whose source has changed, because no column shows it
    changed_guids = set()
    check = SourceChange.SOURCE_CHANGED.finding_id
    patterns = [to_glob_pattern(term) for term in terms if term.field == "finding"]
    if any(fnmatchcase(check, finding_pattern) for finding_pattern in patterns):
        passage_keys = cards.load_passage_keys(store, live=True)
        for card in cards.iter_cards(store, passage_keys):
            if SourceChange.SOURCE_CHANGED in card.source_changes:
                changed_guids.add(card.guid)

    # define functions that compare text leniently
    store.register_function(
        "canonical", 1, lambda text: normalize_for_comparison(text or "")
    )
    store.register_function("says", 2, _contains_words)
    store.register_function("says_else", 1, changed_guids.__contains__)
    store.register_function("in_folder", 2, is_in_folder)
    conditions = []
    for number, term in enumerate(terms, start=1):
        value = f"?{number}"
        alternatives = []
        if term.field:  # compare the field of the line or of one of its places
            for condition in _LINE_CONDITIONS.get(term.field, ()):
                alternatives.append(condition.format(value=value))
            place_condition = " OR ".join(_PLACE_CONDITIONS.get(term.field, ()))
        else:  # search the text of the line, the title, and the start of the id
            alternatives.append(f"says({value}, l.words)")
            alternatives.append(
                f"(length({value}) >= 6 AND l.id GLOB lower({value}) || '*')"
            )
            place_condition = "says({value}, p.title)"
        if place_condition:
            places = (
                f"SELECT p.id FROM place p WHERE {place_condition.format(value=value)}"
            )
            alternatives.append(f"l.id IN ({places})")
        negation = "NOT " if term.negated else ""
        conditions.append(f"{negation}({' OR '.join(alternatives)})")
    names_verdict = any(term.field == "verdict" for term in terms)
    if not everything and not names_verdict:
        conditions.append("l.verdict IN ('waiting', 'accepted')")

    return store.fetch_rows(
        "WITH line AS MATERIALIZED (SELECT * FROM any_line),"
        " place AS MATERIALIZED (SELECT l.id, h.key, h.document, h.position, h.state,"
        "  h.colour, h.tags, o.title, o.place, o.source"
        "  FROM (SELECT key AS first, key FROM passage UNION SELECT key, key FROM draft"
        "   UNION SELECT first, key FROM alias) k JOIN line l ON l.key = k.first"
        "  JOIN highlight h ON h.key = k.key JOIN document o ON o.id = h.document)"
        " SELECT l.id, l.verdict, w.document FROM line l LEFT JOIN"
        " (SELECT id, min(document) AS document, min(position) AS position"
        "  FROM place GROUP BY id) w ON w.id = l.id"
        f" WHERE {' AND '.join(conditions) or '1'}"
        " ORDER BY w.document IS NULL, w.document, w.position, l.key, l.at, l.id",
        *map(to_glob_pattern, terms),
    )


def to_glob_pattern(term: QueryTerm) -> str:
    """Convert the value of a term to an SQL argument. For most fields, this is a GLOB pattern."""
    if term.field in ("", "added", "folder"):
        return term.value
    value = normalize_tag(term.value) if term.field == "tag" else term.value
    return normalize_for_comparison(value).replace("[", "[[]")


def is_in_folder(folder: str, path: str) -> bool:
    """Return whether a file is in a folder or in one of its subfolders.

    Args:
        folder: The path of the folder. It may begin with parents of the source's folder.
        path: The path of the file within its source, preceded by the name of the source.
    """
    wanted, parts = (
        tuple(filter(None, normalize_for_comparison(each).split("/")))
        for each in (folder.replace("\\", "/"), path.rpartition("/")[0])
    )
    size = len(wanted)
    is_within = any(parts[start : start + size] == wanted for start in range(len(parts)))
    is_outer = any(parts[:length] == wanted[-length:] for length in range(1, size))
    return bool(wanted) and (is_within or is_outer)


def compute_min_id_length(ids: Iterable[str]) -> int:
    """Return the shortest length to which ids can be cut so that they all stay distinct.

    The result is at least `MIN_ID_CHARS`.
    """
    all_ids = {*ids}
    length = MIN_ID_CHARS
    while len({id[:length] for id in all_ids}) < len(all_ids):
        length += 1
    return length


def load_card_and_draft_ids(store: Store) -> list[str]:
    """Load the ids of all cards and drafts."""
    rows = store.fetch_rows("SELECT id FROM draft UNION ALL SELECT guid FROM card")
    return [row[0] for row in rows]


def load_highlight_ids(store: Store) -> dict[str, str]:
    """Load the keys of all highlights, keyed by the ids under which lists show them."""
    keys = (row["key"] for row in store.fetch_rows("SELECT key FROM highlight"))
    return {make_highlight_id(key): key for key in keys}


def _contains_words(words: str, text: str) -> bool:
    """Return whether `text` contains `words`, ignoring case, accents and punctuation.

    For example, `cross validation` matches cross-validation, and `schrodinger` matches
    Schrödinger. Punctuation isn't ignored if `words` contain any other than hyphens and
    apostrophes, so `C++` doesn't match C.
    """
    pattern = normalize_for_comparison(words)
    if _PLAIN_WORDS.fullmatch(pattern):
        return normalize_title(pattern) in normalize_title(text)
    return pattern in normalize_for_comparison(text)


def normalize_title(text: str) -> str:
    """Normalize a title to lower-case words without accents or punctuation."""
    return _NON_LETTERS.sub(" ", normalize_for_search(text)).strip()


# --- filters ----------------------------------------------------------------------------


_FACET_QUERIES = {
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


def load_facets(store: Store) -> dict[str, list[str]]:
    """Load the documents, decks and kinds to offer as filters, keyed by query field.

    Each field has at most `MAX_FACETS` values. The values with the most cards and drafts come
    first.
    """
    values_by_field = {}
    for field, query in _FACET_QUERIES.items():
        values_by_field[field] = [row[0] for row in store.fetch_rows(query, MAX_FACETS)]
    return values_by_field


# --- lines ------------------------------------------------------------------------------


def load_items(store: Store, ids: Iterable[str]) -> Iterator[ListRow]:
    """Yield cards and drafts by id, skipping unknown ids and obsolete drafts.

    `ids` may contain ids of drafts, GUIDs of cards and keys of highlights. For a key, all drafts
    of the highlight are yielded.
    """
    for batch in iter_batches(ids):
        line_ids: list[str] = []
        for id in batch:
            if is_highlight_key(id):
                line_ids += pending_drafts.find_drafts_of_highlight(store, id)
            else:
                line_ids.append(id)

        query = f"SELECT guid, anki FROM in_anki WHERE guid IN {JSON_VALUES}"
        rows = store.fetch_rows(query, to_json(line_ids))
        anki_states = {row["guid"]: row["anki"] for row in rows}
        # load the drafts, and the revisions of the cards
        query = f"SELECT id FROM draft WHERE revises != '' AND revises IN {JSON_VALUES}"
        rows = store.fetch_rows(query, to_json(line_ids))
        draft_ids = (*line_ids, *(row["id"] for row in rows))
        drafts = {}
        revisions = {}
        sorted_ids = pending_drafts.sort_by_reading_order(store, draft_ids)
        for draft in draft_groups.iter_pending_drafts(store, sorted_ids):
            drafts[draft.id] = draft
            if draft.revised_guid:
                revisions[draft.revised_guid] = draft
        for line_id in line_ids:
            if line_id in drafts:
                yield drafts[line_id]
            elif line_id in anki_states:
                card = cards.load_card(store, line_id)
                revision = revisions.get(card.guid)
                yield replace(card, anki_state=anki_states[line_id], revision=revision)


def load_pending_drafts(store: Store, ids: Iterable[str]) -> Iterator[PendingDraft]:
    """Yield the pending drafts that `load_items` yields for these ids, without the cards."""
    return (line for line in load_items(store, ids) if isinstance(line, PendingDraft))
