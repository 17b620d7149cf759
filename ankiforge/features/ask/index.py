"""Search everything that was read: works by name or title, and passages by their words.

A single full-text table indexes documents, highlights and live cards. Every search first updates
the table by comparing digests, so decisions don't have to. `vectors.py` computes the similarity of
meaning, which this module combines with the scores of words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from math import log
from typing import NamedTuple
from unicodedata import category

from rapidfuzz import fuzz

from ankiforge.language.words import CONTENTLESS_WORDS
from ankiforge.ledger import item_lists
from ankiforge.ledger.cards import build_highlight_from_journal
from ankiforge.ledger.item_lists import normalize_title
from ankiforge.ledger.source_state import SourceState
from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import (
    Document,
    DocumentId,
    Highlight,
    HighlightKey,
    HighlightKind,
    ListRow,
    Pair,
    Span,
    Strings,
    Value,
    Verdict,
)
from ankiforge.text import regex, to_one_line, truncate
from ankiforge.text.identifiers import find_identifiers, normalize_identifiers
from ankiforge.text.normalize import normalize_for_search

NAME, TITLE, SIMILAR, WORDS = "identifier", "title", "similar title", "words"
"""The ways in which a query can find a work, the most reliable first."""
_RELIABILITY = (NAME, TITLE, SIMILAR, WORDS)
# The minimum similarity (0 to 100) of two whole titles, and of a title and a part of another title.
_MIN_SIMILARITY = 86.0
_MIN_PARTIAL_SIMILARITY = 92.0
_ABSENT_STATES = {SourceState.GONE: "gone", SourceState.UNSELECTED: "unread"}
ABSENCE_REMARKS = {
    "gone": "gone from the source",
    "unread": "its source is not read any more",
}
"""Maps `presence` to the remark about a highlight that was removed or is no longer read."""
_MIN_TITLE_CHARS, _MIN_PART_CHARS = 8, 14
"""The minimum length of titles to compare, and of titles to compare with parts of others."""
_CURRENT_ENTRIES = (
    "SELECT 'highlight' AS what, h.key AS ref, h.document, h.run || h.state AS digest"
    " FROM highlight h WHERE h.body != ''"
    " UNION ALL SELECT 'card', c.guid, h.document, c.content"
    " FROM card c JOIN highlight h ON h.key = c.passage"
    " WHERE c.live"
    " UNION ALL SELECT 'document', CAST(d.id AS TEXT), d.id, d.place || max(h.run)"
    " FROM document d JOIN highlight h ON h.document = d.id AND h.body != ''"
    " GROUP BY d.id"
)


class FoundWork(Value):
    """A paper, book or note found by a search, with all the documents that are copies of it."""

    documents: tuple[Document, ...]
    found_by: str
    """How the work was found: `NAME`, `TITLE`, `SIMILAR` or `WORDS`."""
    detail: str | None
    """The matching identifier or the similarity of the title, or None for a match by words."""
    highlights: tuple[Highlight, ...]
    presence: dict[str, str]
    """Maps the key of each absent highlight to `gone` if it was removed from the source, or to
    `unread` if the source is no longer read."""
    list_rows: tuple[ListRow, ...]
    """The cards and drafts of the work."""


class _Hit(NamedTuple):
    """A document that matches a query. Sorting hits puts the best one first."""

    rank: int
    """The index of `found_by` in `_RELIABILITY`."""
    minus_score: float
    """The negative score, so that a higher score sorts first."""
    detail: str
    """What matches, or "" for a match by words; see `FoundWork.detail`."""
    document: DocumentId


def _make_hit(row: Row, found_by: str, score: float = 0.0, detail: str = "") -> _Hit:
    return _Hit(_RELIABILITY.index(found_by), -score, detail, row["document"])


def find_works(
    store: Store, query: str, document: Document | None = None
) -> Iterator[FoundWork]:
    """Yield the works that a query names, most reliable match first.

    Args:
        store: the database.
        query: identifiers, a title, or words from a title, authors, tags or a path.
        document: the metadata of a file to search for instead of the query.
    """
    store.register_function("casefold", 1, lambda text: text.casefold())
    query = _replace_lone_surrogates(query)
    hits: dict[DocumentId, list[_Hit]] = defaultdict(list)
    """The hits of each work, keyed by the work's first document."""
    for hit in _find_hits(store, query, document):
        first = _find_documents_of_work(store, hit.document)[0]
        work = _find_documents_of_work(store, first)[0]
        hits[work].append(hit._replace(document=work))
    best_hits = [min(work_hits) for work_hits in hits.values()]
    best_hits.sort(key=lambda hit: (hit.rank, hit.minus_score, hit.document))
    for best in best_hits:
        yield _load_work(store, best)


def _find_hits(store: Store, query: str, document: Document | None) -> list[_Hit]:
    """Find documents by their names or, failing that, by their title, and last by words."""
    hits = list(_find_by_name(store, query, document))
    if hits:
        return hits
    title = query
    if document is not None:
        title = document.title
    hits = list(_find_by_title(store, title))
    if hits:
        return hits
    return _find_by_metadata(store, query)


def _find_by_metadata(store: Store, query: str) -> list[_Hit]:
    """Find documents by the words of their title, authors, tags or path."""
    words = parse_query_words(query).words
    if not words:
        return []
    terms = " AND ".join(f'"{word}"' for word in words)
    # FTS5 returns a lower bm25() for a better match
    rows = store.fetch_rows(
        "SELECT document, -bm25(search) AS score FROM search"
        " WHERE search MATCH ? AND what = 'document' ORDER BY score DESC",
        "{title remark} : (" + f"{terms} *)",
    )
    return [_make_hit(row, WORDS, row["score"]) for row in rows]


# Maps the schemes of names that aren't stored as identifiers to SQL queries for their documents.
_NAME_QUERIES = {
    "path": "SELECT id AS document FROM document WHERE casefold(place) = ?1",
    "file": (
        "SELECT id AS document FROM document WHERE casefold(place) = ?1"
        " OR substr(casefold(place), -length(?1) - 1) = '/' || ?1"
    ),
    "zotero": "SELECT document FROM highlight WHERE key = 'zotero:' || ?1",
}


def _find_by_name(store: Store, query: str, document: Document | None) -> Iterator[_Hit]:
    """Find documents by an identifier, path or Zotero key in the query, or of the document."""
    names = _list_names_in_query(query)
    if document is not None:
        yield from _find_same_file(store, document)
        for scheme, value in normalize_identifiers(document.identifiers, document.uri):
            if scheme != "file":  # a file of the same name may be another document
                names.append((scheme, value))
    for scheme, value in dict.fromkeys(names):
        rows = store.fetch_rows(
            "SELECT document FROM identifier WHERE name = ?", f"{scheme}:{value}"
        )
        if scheme in _NAME_QUERIES:
            rows += store.fetch_rows(_NAME_QUERIES[scheme], value)
        for row in rows:
            yield _make_hit(row, NAME, detail=f"{scheme} {value}")


def _list_names_in_query(query: str) -> list[Pair]:
    """Return the (scheme, value) of each name that a query may be, such as `("doi", "10.1/x")`."""
    names = list(find_identifiers(query))
    word = query.strip()
    if word and " " not in word:  # a single word may be a name without its scheme
        names.append(("citekey", word.casefold()))
        names.append(("file", word.casefold()))
        names.append(("zotero", f"user/{word}"))
    return names


def _find_same_file(store: Store, document: Document) -> Iterator[_Hit]:
    """Find the documents whose highlights were read from the same file."""
    if not document.key:
        return
    query = "SELECT DISTINCT document FROM highlight WHERE key GLOB ? || '/*'"
    for row in store.fetch_rows(query, document.key):
        yield _make_hit(row, NAME, 1, "the same file")


def _find_by_title(store: Store, words: str) -> Iterator[_Hit]:
    query_title = normalize_title(words)
    if len(query_title) < _MIN_TITLE_CHARS:
        return
    titled = "SELECT id AS document, title FROM document WHERE title != ''"
    for row in store.fetch_rows(titled):
        title = normalize_title(row["title"])
        score = _score_title(query_title, title)
        if score < _MIN_SIMILARITY:
            continue
        found_by = _classify_title_match(query_title, title)
        yield _make_hit(row, found_by, score, f"{score:.0f} % alike")


def _classify_title_match(query_title: str, title: str) -> str:
    """Return how a work was found whose title is similar to a query."""
    if title == query_title:
        return TITLE
    if len(query_title) < len(title):
        if _score_whole_title(query_title, title) < _MIN_SIMILARITY:
            return WORDS  # the query may be a question that uses words of the title
    return SIMILAR


# --- the index --------------------------------------------------------------------------


def update_index(store: Store) -> None:
    """Update the full-text index with changed documents, highlights and live cards."""
    outdated_rows = {}
    for row in store.fetch_rows("SELECT rowid, what, ref, digest FROM search"):
        outdated_rows[row["what"], row["ref"], row["digest"]] = row["rowid"]
    fresh_rows = []
    for row in store.fetch_rows(_CURRENT_ENTRIES):
        entry = (row["what"], row["ref"], row["digest"])
        if entry in outdated_rows:
            del outdated_rows[entry]
        else:
            fresh_rows.append(row)
    if not fresh_rows and not outdated_rows:
        return
    with store.transaction():
        for rowid in outdated_rows.values():
            store.execute("DELETE FROM search WHERE rowid = ?", rowid)
        for row in fresh_rows:
            texts = map(normalize_for_search, _load_texts(store, row))
            store.execute(
                "INSERT INTO search (what, ref, document, digest, title, passage, remark)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                *row,
                *texts,
            )


class _IndexedTexts(NamedTuple):
    """The texts of an index entry, in the order of the columns."""

    title: str = ""
    passage: str = ""
    remark: str = ""
    """Comments, tags, authors and whatever else isn't the text itself."""


def _load_texts(store: Store, entry: Row) -> _IndexedTexts:
    """Load the texts of a card, highlight or document, whose id is the entry's `ref`."""
    if entry["what"] == "card":
        query = "SELECT words FROM card WHERE guid = ?"
        return _IndexedTexts(passage=store.fetch_value(query, entry["ref"]))
    if entry["what"] == "highlight":
        highlight = _load_stored_highlight(store, _HIGHLIGHT_BY_KEY, entry["ref"])
        names = (highlight.comment, highlight.heading, highlight.author)
        remark = "\n".join((*names, *highlight.tags))
        return _IndexedTexts(passage=highlight.exact, remark=remark)
    # the metadata of a document is stored with each of its highlights
    document = _load_stored_highlight(
        store, _HIGHLIGHT_BY_DOCUMENT, entry["ref"]
    ).document
    metadata = (*document.creators, document.path, *document.tags, *document.collections)
    return _IndexedTexts(title=document.title, remark="\n".join(metadata))


_HIGHLIGHT_BY_KEY = "SELECT body FROM highlight WHERE key = ? AND body != ''"
_HIGHLIGHT_BY_DOCUMENT = "SELECT body FROM highlight WHERE document = ? AND body != ''"


def _load_stored_highlight(store: Store, query: str, value: str) -> Highlight:
    """Load the first highlight that a query finds by a value, if it was read on this device."""
    row = store.fetch_first_row(query, value)
    assert row is not None
    return decode_highlight(row["body"])


# --- names and titles -------------------------------------------------------------------


def _score_title(query_title: str, title: str) -> float:
    """Score the similarity of two titles from 0 to 100.

    If only a part of one title matches, the score is at most 99. The query may be any part of
    the title, but must begin with it.
    """
    score = _score_whole_title(query_title, title)
    if score >= _MIN_SIMILARITY or min(len(query_title), len(title)) < _MIN_PART_CHARS:
        return score
    if len(query_title) < len(title):
        part_score = fuzz.partial_ratio(
            query_title, title, score_cutoff=_MIN_PARTIAL_SIMILARITY
        )
    else:
        part_score = fuzz.ratio(query_title[: len(title)], title)
    return min(part_score, 99.0)


def _score_whole_title(query_title: str, title: str) -> float:
    """Return the similarity of a query to a title or to the title's beginning, from 0 to 100."""
    beginning_score = fuzz.ratio(query_title, title[: len(query_title)])
    return max(fuzz.ratio(query_title, title), min(beginning_score, 99.0))


# --- works ------------------------------------------------------------------------------


def _find_documents_of_work(store: Store, document: int) -> list[DocumentId]:
    """Return the sorted ids of a document and of all documents that share an identifier with it."""
    rows = store.fetch_rows(
        "SELECT DISTINCT b.document"
        " FROM identifier a JOIN identifier b ON a.name = b.name"
        " WHERE a.document = ? AND a.name NOT GLOB 'file:*' AND a.name NOT GLOB 'path:*'",
        document,
    )
    return sorted({document, *(row["document"] for row in rows)})


def _load_work(store: Store, best: _Hit) -> FoundWork:
    """Load the highlights, cards and drafts of all the documents of a work."""
    highlights = []
    documents = {}
    absent = {}
    for row in store.fetch_rows(
        f"SELECT * FROM highlight WHERE document IN {JSON_VALUES} ORDER BY document, position",
        to_json(_find_documents_of_work(store, best.document)),
    ):
        if row["body"]:
            highlight = decode_highlight(row["body"])
        else:  # it was read on another device
            highlight = build_highlight_from_journal(store.get_passage(row["key"]))
        highlights.append(highlight)
        documents[row["document"]] = highlight.document
        if row["state"] in _ABSENT_STATES:
            absent[row["key"]] = _ABSENT_STATES[row["state"]]

    card_and_draft_rows = store.fetch_rows(
        "SELECT guid AS id FROM card WHERE passage IN (SELECT value FROM json_each(?1))"
        " UNION ALL SELECT id FROM draft WHERE key IN (SELECT value FROM json_each(?1))",
        to_json([store.get_first_key(highlight.key) for highlight in highlights]),
    )
    return FoundWork(
        documents=tuple(documents.values()),
        found_by=_RELIABILITY[best.rank],
        detail=best.detail or None,
        highlights=tuple(highlights),
        presence=absent,
        list_rows=_load_list_rows(store, card_and_draft_rows),
    )


def _load_list_rows(store: Store, rows: Iterable[Row]) -> tuple[ListRow, ...]:
    # skip cards whose acceptance was undone, because their drafts are loaded instead
    lines = item_lists.load_items(store, [row["id"] for row in rows])
    return tuple(line for line in lines if line.verdict_name != Verdict.TAKEN_BACK)


# --- passages by their words ------------------------------------------------------------

_ASCII_WORD = regex(r"[A-Za-z0-9]+")
_QUOTED = regex('["“„«]([^"“”„«»]+)["”“»]')
# Filler words such as "really", which carry no meaning in a question.
_FILLERS = (
    "sure surely really actually exactly tell know known sicher wirklich genau eigentlich weiß"
    " sûr vraiment seguro realmente exactamente"
).split()
_STOP_WORDS = frozenset(map(normalize_for_search, (*CONTENTLESS_WORDS, *_FILLERS)))
MAX_WORDS = 24
"""The maximum number of words of a question to search for. The rest are ignored."""
_MAX_SCORED = 400
"""The maximum number of passages to score by BM25, chosen by the total weight of their words."""
# The BM25 parameters k1 (saturation of repeated words) and b (penalty for long passages). The
# average passage length is a constant, so that scores reveal nothing about hidden passages.
_BM25_K1, _BM25_B = 1.2, 0.5
_AVERAGE_WORDS = 40


class QueryWords(Value):
    """The search words of a question, normalized as in the index."""

    words: Strings
    """The content words, or all words if there are no content words."""
    phrases: Strings
    """The quoted phrases, all of which a passage must contain."""
    is_prefix: bool
    """Whether the question is a single word, which then also matches as a prefix."""


def parse_query_words(question: str) -> QueryWords:
    """Parse a question into words and quoted phrases.

    Words are split as in the index, so that text in a script without spaces becomes pairs of
    characters: `記憶力` becomes `記 憶` and `憶 力`.
    """
    question = _replace_lone_surrogates(question)
    all_words: list[str] = []
    for word in split_words(question):
        all_words += _split_for_index(word)
    content_words = [word for word in all_words if word not in _STOP_WORDS]
    phrases = []
    for quoted in _QUOTED.findall(question):
        phrase = " ".join(split_words(normalize_for_search(quoted)))
        if phrase:
            phrases.append(phrase)
    is_prefix = False
    if len(all_words) == 1:
        [single_word] = all_words
        is_prefix = len(single_word) > 1
    distinct_words = dict.fromkeys(content_words or all_words)
    return QueryWords(
        words=tuple(distinct_words)[:MAX_WORDS],
        phrases=tuple(phrases),
        is_prefix=is_prefix,
    )


def _split_for_index(word: str) -> list[str]:
    """Split a word where the index does, into pairs of adjacent parts."""
    parts = split_words(normalize_for_search(word))
    if len(parts) < 2:
        return parts
    return [" ".join(pair) for pair in pairwise(parts)]


def _replace_lone_surrogates(text: str) -> str:
    """Replace the halves of characters in a badly encoded argument, which SQLite can't take."""
    return text.encode("utf-8", "replace").decode()


def split_words(text: str) -> list[str]:
    """Split a text into runs of letters, digits and combining marks, as the index does."""
    if text.isascii():
        return _ASCII_WORD.findall(text)
    characters = []
    for character in text:
        is_in_word = character.isalnum() or category(character) in ("Mn", "Mc")
        characters.append(character if is_in_word else " ")
    return "".join(characters).split()


def load_text_hashes(store: Store) -> list[Row]:
    """Return the `key` and the text hash (`exact`) of each highlight read on this device.

    The rows are sorted by key.
    """
    return store.fetch_rows(
        "SELECT key, exact FROM highlight WHERE body != '' ORDER BY key"
    )


class WordMatch(Value):
    """How well a passage matches the words of a question."""

    score: float
    """The BM25 score."""
    coverage: float
    """The fraction of the question's words that are in the passage, weighted by rarity."""


IsHidden = Callable[[HighlightKey], bool]
"""Returns whether to treat a passage as if it had never been read."""


def find_by_words(
    store: Store, question: str, is_hidden: IsHidden | None = None
) -> dict[HighlightKey, WordMatch]:
    """Find passages that contain at least one content word of a question and all quoted phrases.

    Args:
        store: the database.
        question: a question, or just some words.
        is_hidden: returns whether a passage must be hidden from an agent, or None for the user.
            If given, only the text of passages is searched, not comments or tags, and hidden
            passages affect neither scores nor order.

    Returns:
        The match of each passage, keyed by passage.
    """
    parsed = parse_query_words(question)
    columns = "{passage remark}"
    if is_hidden is not None:
        columns = "{passage}"
    rows_by_word = _find_rows_by_word(store, parsed, columns)
    matching_rows = set[int]().union(*rows_by_word.values())
    for phrase in parsed.phrases:
        matching_rows &= _find_rows_containing(store, columns, f'"{phrase}"')
    if is_hidden is None:
        passage_count = _count_passages(store)
    else:
        passage_count = _ASSUMED_COUNT
        matching_rows = _find_visible_rows(store, matching_rows, is_hidden)
        for word, rows in rows_by_word.items():
            rows_by_word[word] = rows & matching_rows
    return _score_rows(store, matching_rows, rows_by_word, passage_count)


def _count_passages(store: Store) -> int:
    query = "SELECT count(*) FROM highlight WHERE body != ''"
    return store.fetch_value(query) or 1


def _find_rows_by_word(
    store: Store, query: QueryWords, columns: str
) -> dict[str, set[int]]:
    """Find the rows of the index with each word. Their number determines the word's rarity."""
    rows_by_word = {}
    for word in query.words:
        pattern = f'"{word}"'
        if query.is_prefix:
            pattern = f"{pattern} *"
        rows_by_word[word] = _find_rows_containing(store, columns, pattern)
    return rows_by_word


def _find_rows_containing(store: Store, columns: str, words: str) -> set[int]:
    query = "SELECT rowid FROM search WHERE search MATCH ?"
    return {row["rowid"] for row in store.fetch_rows(query, f"{columns} : ({words})")}


def _score_rows(
    store: Store,
    matching_rows: set[int],
    rows_by_word: Mapping[str, set[int]],
    passage_count: int,
) -> dict[HighlightKey, WordMatch]:
    """Score the rows with the rarest words, and return the best match of each passage.

    A passage may match by its own row or by the row of one of its cards.
    """
    rarity_by_word = {}
    words_by_row: dict[int, list[str]] = defaultdict(list)
    weights: dict[int, float] = defaultdict(float)
    for word, rows in rows_by_word.items():
        rarity = log(1 + passage_count / (0.5 + len(rows)))
        rarity_by_word[word] = rarity
        for rowid in rows & matching_rows:
            words_by_row[rowid].append(word)
            weights[rowid] += rarity
    best_rows = sorted(weights, key=lambda rowid: (-weights[rowid], rowid))[:_MAX_SCORED]

    total_rarity = sum(rarity_by_word.values())
    matches: dict[HighlightKey, WordMatch] = {}
    for row in store.fetch_rows(
        "SELECT s.rowid, s.passage, coalesce(c.passage, s.ref) AS key FROM search s"
        " LEFT JOIN card c ON s.what = 'card' AND c.guid = s.ref"
        f" WHERE s.rowid IN {JSON_VALUES} AND s.what != 'document'",
        to_json(best_rows),
    ):
        words = words_by_row[row["rowid"]]
        score = _compute_bm25(
            row["passage"], {word: rarity_by_word[word] for word in words}
        )
        match = WordMatch(score, coverage=weights[row["rowid"]] / total_rarity)
        key = HighlightKey(row["key"])
        if key not in matches or score > matches[key].score:
            matches[key] = match
    return matches


def _find_visible_rows(
    store: Store, rows: Collection[int], is_hidden: IsHidden
) -> set[int]:
    query = (
        "SELECT rowid, ref FROM search"
        f" WHERE rowid IN {JSON_VALUES} AND what = 'highlight'"
    )
    return {
        row["rowid"]
        for row in store.fetch_rows(query, to_json(sorted(rows)))
        if not is_hidden(HighlightKey(row["ref"]))
    }


def _compute_bm25(passage: str, rarity_by_word: Mapping[str, float]) -> float:
    """Compute the BM25 score of a passage that contains all of these words.

    A word may also occur in the passage's comment, headings or tags only.
    """
    words = split_words(passage)
    text = f" {' '.join(words)} "
    length = 1 + _BM25_B * (len(words) / _AVERAGE_WORDS - 1)
    score = 0.0
    for word, rarity in rarity_by_word.items():
        # a word that occurs only in the comment, headings or tags counts once
        times = max(text.count(f" {word} "), 1)
        gain = times * (_BM25_K1 + 1) / (times + _BM25_K1 * length)
        score += rarity * gain
    return score


_ASSUMED_COUNT = 3_000
"""The assumed number of passages if the true number must not be revealed."""


# --- words and meaning --------------------------------------------------------------------

MIN_COVERAGE = 0.45
"""The coverage above which matching words increase the similarity of meaning."""
CONFIDENT_COVERAGE = 0.37
"""The coverage above which a passage is a confident answer.

For three quarters of unrelated questions, the coverage is lower (`benchmarks/ask`)."""
_WORD_WEIGHT = 10.0
_DEFAULT_SPREAD = 0.05


_MAX_CONTEXT_CHARS = 140
"""The maximum length of the text shown on each side of the answering sentence, in characters."""
_MAX_PASSAGE_CHARS = 420
"""The maximum length of a passage without an answering sentence, in characters."""


class SplitText(NamedTuple):
    """The text of a passage, truncated, and split at the sentence that answers a question."""

    before: str
    """The text before the sentence, or the whole text if no sentence is known to answer."""
    sentence: str | None = None
    after: str = ""


class FoundPassage(Value):
    """A passage that may answer a question."""

    highlight: Highlight
    score: float
    presence: str
    """`present`, `gone` if removed from the source, or `unread` if the source is no longer read."""
    list_rows: tuple[ListRow, ...]
    """The cards and drafts of the passage."""
    sentence: Span | None = None
    """The span of the sentence in `highlight.exact` that answers the question, or None."""
    by_meaning: bool = False
    """Whether the meaning of the passage was compared in addition to its words."""

    def split_text(self, quote: Span | None = None) -> SplitText:
        """Split the passage at the answering sentence or, if given, at the span `quote`."""
        text = self._full_text
        span = quote or self.sentence
        if span is None:
            return SplitText(truncate(to_one_line(text), _MAX_PASSAGE_CHARS))
        start, end = span
        before = truncate(text[:start][::-1], _MAX_CONTEXT_CHARS)[::-1]
        after = truncate(text[end:], _MAX_CONTEXT_CHARS)
        return SplitText(before, text[start:end], after)

    @property
    def _full_text(self) -> str:
        """The highlighted text, both sides of a hand-written card, or a comment on no text."""
        highlight = self.highlight
        if highlight.kind is HighlightKind.CARD:
            return " → ".join(filter(None, highlight.markdown))
        return highlight.exact or highlight.comment

    @property
    def location(self) -> str:
        """The title, page and heading of the passage, and a remark if it's absent."""
        passage = self.highlight
        parts = dict.fromkeys(
            (passage.document.display_name, passage.page_or_time, passage.heading)
        )
        return " · ".join(filter(None, (*parts, ABSENCE_REMARKS.get(self.presence))))


def compute_word_bonus(coverage: float, spread: float) -> float:
    """Compute how much matching words add to the cosine similarity of a passage.

    Up to a coverage of `MIN_COVERAGE`, the bonus is 0, so that passages with only a few words of
    the question aren't ranked above paraphrases.

    Args:
        coverage: the fraction of the question's words in the passage, weighted by rarity.
        spread: the standard deviation of the model's cosine similarities, or 0 for a default.
    """
    return _WORD_WEIGHT * (spread or _DEFAULT_SPREAD) * max(0.0, coverage - MIN_COVERAGE)


def combine_scores(
    words: Mapping[HighlightKey, WordMatch],
    similarities: Mapping[HighlightKey, float],
    spread: float = 0.0,
) -> dict[HighlightKey, float]:
    """Combine each passage's cosine similarity and word match into a single score.

    Without similarities, the BM25 scores are returned.
    """
    if not similarities:
        return {key: hit.score for key, hit in words.items()}
    scores = dict(similarities)
    max_similarity = max(similarities.values())
    for key, hit in words.items():
        # estimate the similarity of a passage without a vector by its coverage
        score = scores.get(key, max_similarity * hit.coverage)
        scores[key] = score + compute_word_bonus(hit.coverage, spread)
    return scores


def load_best_passages(
    store: Store,
    scores: Mapping[HighlightKey, float],
    limit: int,
    is_hidden: IsHidden | None = None,
) -> Iterator[FoundPassage]:
    """Yield the passages with the highest scores, best first. Passages with equal text count once.

    Args:
        store: the database.
        scores: the score of each candidate, keyed by passage.
        limit: the maximum number of passages.
        is_hidden: returns whether to skip a passage.
    """
    seen = set[str]()
    for key in sorted(scores, key=lambda key: (-scores[key], key)):
        if len(seen) >= limit:
            break
        row = store.fetch_first_row(
            "SELECT * FROM highlight WHERE key = ? AND body != ''", key
        )
        if row is None:  # it isn't read on this device
            continue
        if row["exact"] in seen:
            continue
        if is_hidden is not None and is_hidden(key):
            continue
        seen.add(row["exact"])
        ids = store.fetch_rows(
            "SELECT guid AS id FROM card WHERE passage = ?1"
            " UNION ALL SELECT id FROM draft WHERE key = ?1",
            store.get_first_key(key),
        )
        yield FoundPassage(
            highlight=decode_highlight(row["body"]),
            score=scores[key],
            presence=_ABSENT_STATES.get(row["state"], "present"),
            list_rows=_load_list_rows(store, ids),
        )
