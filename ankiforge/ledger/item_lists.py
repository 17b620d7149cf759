"""Find cards and drafts by a query, and load them for lists.

The *places* of a card are the highlights of the passage that it belongs to now. The place of a
draft is its highlight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.ledger import cards, draft_groups
from ankiforge.ledger.card_places import (
    find_anki_state,
    find_sourceless_cards,
    is_listed,
    load_anki_states,
    load_homes,
)
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.store import (
    JSON_VALUES,
    Row,
    Store,
    normalize_tag,
    split_list_column,
    to_json,
)
from ankiforge.ledger.tables import pending_drafts
from ankiforge.model import (
    AnkiState,
    ListRow,
    PendingDraft,
    SourceChange,
    Strings,
    Value,
    Verdict,
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

Code may also use `folder`, with the path of a folder.
"""


class _Item(Value):
    """A card or draft, with what a query may name."""

    id: str
    key: str
    """The key of the highlight of a draft, or the oldest key of the passage of a card."""
    kind: str
    deck: str
    drafter: str
    model: str
    """The name of the model that drafted it, or ""."""
    words: str
    """The plain text, for search."""
    tags: str
    """A list column."""
    findings: Strings
    verdict: str
    """The verdict on a card, `accepted` for a live one, or `waiting` for a draft."""
    anki: AnkiState
    place_keys: Strings
    """The keys of the places."""
    position: int = 0
    """The position of a draft among those of its highlight."""
    places: tuple[Row, ...] = ()
    """The rows of the places, as `_load_places` loads them."""

    @property
    def sort_key(self) -> tuple[bool, int, int, str, int, str]:
        """The sort key of reading order. Cards that were read on another device come last."""
        document, position = 0, 0
        if self.places:
            document = min(place["document"] for place in self.places)
            position = min(place["position"] for place in self.places)
        return not self.places, document, position, self.key, self.position, self.id


class FoundItem(NamedTuple):
    """A card or draft that matches a query."""

    id: str
    verdict: str
    document: int | None
    """The row id of its document, or None if no source on this device contains the passage."""


def find_items(
    store: Store, terms: Sequence[QueryTerm], *, everything: bool = False
) -> list[str]:
    """Find the cards and drafts that match all terms, and return their ids in reading order.

    For `everything`, see `find_rows`.
    """
    return [item.id for item in find_rows(store, terms, everything=everything)]


def find_rows(
    store: Store, terms: Sequence[QueryTerm], *, everything: bool = False
) -> list[FoundItem]:
    """Find the cards and drafts that match all terms, in reading order.

    Cards that aren't live are only included if `everything` is True or a term names a verdict.
    """
    includes_all = everything or any(term.field == "verdict" for term in terms)
    matcher = _ItemMatcher(store, terms)
    matching_items = []
    for item in _load_all_items(store):
        if not includes_all and item.verdict not in (_WAITING, _ACCEPTED):
            continue
        if matcher.matches(item):
            matching_items.append(item)
    matching_items.sort(key=attrgetter("sort_key"))
    found_items = []
    for item in matching_items:
        documents = [place["document"] for place in item.places]
        document = min(documents, default=None)
        found_items.append(FoundItem(item.id, item.verdict, document))
    return found_items


def find_ids_with_prefix(store: Store, prefix: str) -> list[str]:
    """Return the ids of the cards, live or not, and of the drafts that begin with a prefix."""
    after = f"{prefix}\U0010ffff"
    draft_rows = store.fetch_rows(
        "SELECT id FROM readable WHERE id >= ? AND id < ?", prefix, after
    )
    card_rows = store.fetch_rows(
        "SELECT guid, verdict, shipped, drafter FROM card WHERE guid >= ? AND guid < ?",
        prefix,
        after,
    )
    ids = [row["id"] for row in draft_rows]
    ids += [row["guid"] for row in card_rows if is_listed(row)]
    return sorted(ids)


_WAITING = "waiting"
"""The verdict of a draft in queries."""
_ACCEPTED = "accepted"
"""The verdict of a live card in queries."""
MIN_LAPSES = 4
"""The number of lapses at which a card is found by `finding:lapses`."""


def _load_all_items(store: Store) -> list[_Item]:
    """Load all drafts and all cards that lists show, with their places."""
    items = [*_iter_drafts(store), *_iter_cards(store)]
    all_keys: set[str] = set()
    for item in items:
        all_keys.update(item.place_keys)
    place_by_key = _load_places(store, all_keys)
    placed_items = []
    for item in items:
        places = filter(None, map(place_by_key.get, item.place_keys))
        placed_items.append(replace(item, places=tuple(places)))
    return placed_items


def _load_places(store: Store, keys: Iterable[str]) -> dict[str, Row]:
    """Load highlights with their documents, keyed by highlight key."""
    rows = store.fetch_rows(
        "SELECT h.key, h.document, h.position, h.colour, h.tags, o.title, o.place, o.source"
        " FROM highlight h JOIN document o ON o.id = h.document"
        f" WHERE h.key IN {JSON_VALUES}",
        to_json(list(keys)),
    )
    return {row["key"]: row for row in rows}


def _iter_drafts(store: Store) -> Iterator[_Item]:
    """Yield the drafts whose highlight is still in its source, without their places."""
    for row in store.iter_rows(
        "SELECT d.id, d.key, d.kind, d.deck, d.drafter, d.words, d.tags, d.findings,"
        " d.position, json_extract(d.body, '$.origin.model') AS model"
        " FROM draft d JOIN highlight h ON h.key = d.key AND h.state = 'present'"
    ):
        yield _Item(
            id=row["id"],
            key=row["key"],
            kind=row["kind"],
            deck=row["deck"],
            drafter=row["drafter"],
            model=row["model"] or "",
            words=row["words"],
            tags=row["tags"],
            findings=tuple(split_list_column(row["findings"])),
            verdict=_WAITING,
            anki=AnkiState.NONE,
            place_keys=(row["key"],),
            position=row["position"],
        )


def _iter_cards(store: Store) -> Iterator[_Item]:
    """Yield the cards that lists show, without their places."""
    rows = store.fetch_rows(
        "SELECT c.*, s.absent, s.leech, s.lapses FROM card c LEFT JOIN seen s USING (guid)"
    )
    rows = list(filter(is_listed, rows))
    homes = load_homes(store, [row["guid"] for row in rows])
    sourceless_guids = find_sourceless_cards(store)
    for row in rows:
        guid = row["guid"]
        findings = _find_leech_findings(row)
        if guid in sourceless_guids:
            findings.append(SourceChange.SOURCE_GONE.finding_id)
        verdict = row["verdict"]
        if verdict == Verdict.LIVE:
            verdict = _ACCEPTED
        yield _Item(
            id=guid,
            key=homes[guid],
            kind=row["kind"],
            deck=row["deck"],
            drafter=row["drafter"],
            model=row["model"],
            words=row["words"],
            tags=row["tags"],
            findings=tuple(findings),
            verdict=verdict,
            anki=find_anki_state(row),
            place_keys=store.get_keys(homes[guid]),
        )


def _find_leech_findings(card_row: Row) -> list[str]:
    """Return what Anki says about how often the user forgot a card, as findings."""
    if card_row["absent"] != 0:  # Anki doesn't have the note
        return []
    findings = []
    if card_row["leech"]:
        findings.append("leech")
    if card_row["lapses"] >= MIN_LAPSES:
        findings.append("lapses")
    return findings


class _ItemMatcher:
    """Decides whether cards and drafts match all terms of a query."""

    def __init__(self, store: Store, terms: Sequence[QueryTerm]) -> None:
        self._store = store
        self._terms = [(term, to_glob_pattern(term)) for term in terms]

    def matches(self, item: _Item) -> bool:
        """Return whether an item matches all terms."""
        for term, pattern in self._terms:
            if self._has_value(item, term.field, pattern) == term.negated:
                return False
        return True

    def _has_value(self, item: _Item, field: str, pattern: str) -> bool:
        """Return whether a field of an item, or of one of its places, matches a pattern."""
        match field:
            case "":  # no field
                return self._has_text(item, pattern)
            case "kind":
                return fnmatchcase(item.kind, pattern)
            case "verdict":
                return fnmatchcase(item.verdict, pattern)
            case "anki":
                return fnmatchcase(item.anki, pattern)
            case "deck":
                return _is_within(normalize_for_comparison(item.deck), pattern, "::")
            case "drafter":
                return _is_within(item.drafter, pattern, ":")
            case "model":
                return _is_within(normalize_for_comparison(item.model), pattern, ":")
            case "finding":
                return self._has_finding(item, pattern)
            case "added":
                return self._is_added_since(item, pattern)
            case "tag":
                return self._has_tag(item, pattern)
            case _:
                return any(self._is_at(place, field, pattern) for place in item.places)

    def _is_at(self, place: Row, field: str, pattern: str) -> bool:
        """Return whether a field of a place matches a pattern."""
        match field:
            case "document":
                if place["document"] in self._find_documents_of_works(pattern):
                    return True
                return _contains_pattern(place["title"], pattern) or _contains_pattern(
                    place["place"], pattern
                )
            case "folder":
                return is_in_folder(pattern, f"{place['source']}/{place['place']}")
            case "source":
                return fnmatchcase(normalize_for_comparison(place["source"]), pattern)
            case "colour":
                colours = split_list_column(place["colour"])
                return any(fnmatchcase(colour, pattern) for colour in colours)
            case "key":
                return _contains_pattern(place["key"], pattern)
        raise ValueError(field)

    def _has_text(self, item: _Item, words: str) -> bool:
        """Return whether an item, or a title of its documents, contains words.

        The words may also be the beginning of an id.
        """
        if _contains_words(words, item.words):
            return True
        is_long_enough = len(words) >= MIN_ID_CHARS
        if is_long_enough and fnmatchcase(item.id, f"{words.lower()}*"):
            return True
        return any(_contains_words(words, place["title"]) for place in item.places)

    def _has_finding(self, item: _Item, pattern: str) -> bool:
        if any(fnmatchcase(finding, pattern) for finding in item.findings):
            return True
        check = SourceChange.SOURCE_CHANGED.finding_id
        return fnmatchcase(check, pattern) and item.id in self._changed_guids

    def _is_added_since(self, item: _Item, time: str) -> bool:
        """Return whether a card was accepted, or a draft's passage first read, since a time."""
        added_at = self._accepted_at.get(item.id) or self._first_read_at.get(item.key)
        return added_at is not None and added_at >= time

    def _has_tag(self, item: _Item, pattern: str) -> bool:
        """Return whether an item has a tag, or one of its highlights.

        The tags of a highlight that the user removed from its card don't count.
        """
        if _has_matching_tag(item.tags, pattern):
            return True
        nested_pattern = pattern.replace("::", "/")
        for tag in self._removed_tags.get(item.id, ()):
            if fnmatchcase(tag.replace("::", "/"), nested_pattern):
                return False
        return any(_has_matching_tag(place["tags"], pattern) for place in item.places)

    # --- what only some fields need -----------------------------------------------------

    @cached_property
    def _changed_guids(self) -> set[str]:
        """The live cards whose source has changed, which no column shows."""
        passage_keys = cards.load_passage_keys(self._store, live=True)
        guids: set[str] = set()
        for card in cards.iter_cards(self._store, passage_keys):
            if SourceChange.SOURCE_CHANGED in card.source_changes:
                guids.add(card.guid)
        return guids

    @cached_property
    def _accepted_at(self) -> dict[str, str]:
        rows = self._store.fetch_rows("SELECT guid, at FROM card")
        return {row["guid"]: row["at"] for row in rows}

    @cached_property
    def _first_read_at(self) -> dict[str, str]:
        query = (
            "SELECT key, json_extract(line, '$.at') AS at FROM event WHERE what = 'key'"
            " ORDER BY n DESC"
        )
        return {row["key"]: row["at"] for row in self._store.fetch_rows(query)}

    @cached_property
    def _removed_tags(self) -> dict[str, list[str]]:
        rows = self._store.fetch_rows(
            "SELECT guid, removed FROM card WHERE removed != ''"
        )
        return {row["guid"]: split_list_column(row["removed"]) for row in rows}

    def _find_documents_of_works(self, pattern: str) -> set[int]:
        """Return the row ids of the documents that are, or are about, a work with this name."""
        if pattern not in self._documents_by_pattern:
            documents = set()
            for row in self._identifiers:
                if _contains_pattern(row["name"], pattern):
                    documents.add(row["document"])
            self._documents_by_pattern[pattern] = documents
        return self._documents_by_pattern[pattern]

    @cached_property
    def _documents_by_pattern(self) -> dict[str, set[int]]:
        return {}

    @cached_property
    def _identifiers(self) -> list[Row]:
        return self._store.fetch_rows("SELECT name, document FROM identifier")


def _is_within(value: str, pattern: str, separator: str) -> bool:
    """Return whether a name, or a part of it that ends before a separator, matches a pattern."""
    return fnmatchcase(value, pattern) or fnmatchcase(value, f"{pattern}{separator}*")


def _has_matching_tag(tags: str, pattern: str) -> bool:
    """Return whether a list column has a tag that matches, or that is below a tag that does.

    The nested tags `a/b` of a source and `a::b` of Anki are the same.
    """
    nested_pattern = pattern.replace("::", "/")
    return any(
        _is_within(tag.replace("::", "/"), nested_pattern, "/")
        for tag in split_list_column(tags)
    )


def _contains_pattern(text: str, pattern: str) -> bool:
    return fnmatchcase(normalize_for_comparison(text), f"*{pattern}*")


def to_glob_pattern(term: QueryTerm) -> str:
    """Convert the value of a term to what items are compared with, for most fields a pattern."""
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
    wanted = _split_path(folder.replace("\\", "/"))
    parts = _split_path(path.rpartition("/")[0])
    if not wanted:
        return False
    starts = range(len(parts))
    if any(parts[start : start + len(wanted)] == wanted for start in starts):
        return True
    # the folder may be given with directories above the source
    lengths = range(1, len(wanted))
    return any(parts[:length] == wanted[-length:] for length in lengths)


def _split_path(path: str) -> list[str]:
    return [part for part in normalize_for_comparison(path).split("/") if part]


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
    return store.fetch_column("SELECT id FROM draft UNION ALL SELECT guid FROM card")


def load_highlight_ids(store: Store) -> dict[str, str]:
    """Load the keys of all highlights, keyed by the ids under which lists show them."""
    keys = store.fetch_column("SELECT key FROM highlight")
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
        values_by_field[field] = store.fetch_column(query, MAX_FACETS)
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
        anki_states = load_anki_states(store, line_ids)
        revision_ids = pending_drafts.find_revisions(store, line_ids)
        drafts: dict[str, PendingDraft] = {}
        revisions: dict[str, PendingDraft] = {}
        sorted_ids = pending_drafts.sort_by_reading_order(
            store, (*line_ids, *revision_ids)
        )
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
