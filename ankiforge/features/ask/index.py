"""Search everything that was read: works by name or title, and passages by their words.

One full-text table holds the words of documents, highlights and live cards. A search first
brings it up to date, by comparing it with the rows, so that no decision has to wait for it.
How near passages are in meaning is told by the caller, and joined with their words here.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from math import log
from typing import NamedTuple
from unicodedata import category

from ankiforge.language.detection import language_of
from ankiforge.language.words import FUNCTION
from ankiforge.ledger import lists
from ankiforge.ledger.cards import unread_highlight
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.tables.lines import loose
from ankiforge.model import (
    CardHere,
    Document,
    DocumentId,
    Highlight,
    HighlightKey,
    Line,
    Span,
    Strings,
    Value,
)
from ankiforge.text import regex
from ankiforge.text.fold import for_searching
from ankiforge.text.identifiers import names_in, names_of

NAME, TITLE, SIMILAR, WORDS = "identifier", "title", "similar title", "words"
"""How a work is found, the most reliable first."""
_ORDER = (NAME, TITLE, SIMILAR, WORDS)
# The similarity, of 100, from which titles are similar; `_WITHIN` if one is part of the
# other.
_ALIKE = 86.0
_WITHIN = 92.0
_ABSENT = {"gone": "gone", "unselected": "unread"}
GONE = {"gone": "gone from the source", "unread": "its source is not read any more"}
"""What is said of a highlight that is not there, by its presence."""
_SHORTEST, _SHORTEST_PART = 8, 14
"""Titles, and parts of titles, that are shorter are not compared."""
_CURRENT = (
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
    """A work that was found: the documents that are one paper, book or note."""

    documents: tuple[Document, ...]
    by: str
    """identifier, title, similar title or words."""
    detail: str
    """The name that it has, or how alike the titles are; "" if words were found."""
    highlights: tuple[Highlight, ...]
    presence: dict[str, str]
    """By the key of a highlight that is not there: `gone` from its source, or `unread` now."""
    lines: tuple[Line, ...]
    """Its cards and drafts."""
    recall: dict[str, float]
    """By guid: the chance to remember the card now, as the intervals of reviews
    suggest."""


class _Hit(NamedTuple):
    """One way in which a document was found; the least one is the best."""

    rank: int
    """The index of the way in `_ORDER`."""
    minus_score: float
    detail: str
    document: DocumentId


def _hit(row: Row, found_by: str, score: float = 0.0, detail: str = "") -> _Hit:
    """Return that the document of a row was found."""
    return _Hit(_ORDER.index(found_by), -score, detail, row["document"])


def find(
    store: Store,
    query: str,
    document: Document | None = None,
) -> Iterator[FoundWork]:
    """Yield the works that a query means, the most reliable first.

    Args:
        store: the database.
        query: names, a title, or words of a title, authors, tags or a path.
        document: what a file was read as, which replaces the query.
    """
    store.define("casefold", 1, lambda text: text.casefold())
    query = query.encode("utf-8", "replace").decode()
    found = list(_by_names(store, query, document))
    found = found or list(_by_titles(store, document.title if document else query))
    found = found or list(_by_words_about(store, query))

    hits: dict[DocumentId, list[_Hit]] = defaultdict(list)
    """By work: the first of its documents names it."""
    for hit in found:
        first = _same_work(store, hit.document)[0]
        work = _same_work(store, first)[0]
        hits[work].append(hit._replace(document=work))
    best_hits = [min(of_work) for of_work in hits.values()]
    for best in sorted(
        best_hits, key=lambda hit: (hit.rank, hit.minus_score, hit.document)
    ):
        yield _match(store, best)


# By the scheme of a name, the documents that have it without an identifier.
_NAMED_OTHERWISE = {
    "path": "SELECT id AS document FROM document WHERE casefold(place) = ?1",
    "file": (
        "SELECT id AS document FROM document WHERE casefold(place) = ?1"
        " OR substr(casefold(place), -length(?1) - 1) = '/' || ?1"
    ),
    "zotero": "SELECT document FROM highlight WHERE key = 'zotero:' || ?1",
}


def _by_names(store: Store, query: str, document: Document | None) -> Iterator[_Hit]:
    """Yield the documents with a name in the query, or that are the same file as a document."""
    names = [*names_in(query)]
    word = query.strip()
    if word and " " not in word:  # a single word may be a name without a prefix
        names.append(("citekey", word.casefold()))
        names.append(("file", word.casefold()))
        names.append(("zotero", f"user/{word}"))
    if document is not None:
        for scheme, value in names_of(document.identifiers, document.uri):
            if scheme != "file":
                names.append((scheme, value))
        if document.key:
            same_file = "SELECT DISTINCT document FROM highlight WHERE key GLOB ? || '/*'"
            for row in store.rows(same_file, document.key):
                yield _hit(row, NAME, 1, "the same file")

    # with this name, at such a path, or with such a mark
    for scheme, value in dict.fromkeys(names):
        with_name = "SELECT document FROM identifier WHERE name = ?"
        rows = store.rows(with_name, f"{scheme}:{value}")
        if scheme in _NAMED_OTHERWISE:
            rows += store.rows(_NAMED_OTHERWISE[scheme], value)
        for row in rows:
            yield _hit(row, NAME, detail=f"{scheme} {value}")


def _by_titles(store: Store, words: str) -> Iterator[_Hit]:
    """Yield the documents with a similar title."""
    wanted = loose(words)
    if len(wanted) < _SHORTEST:
        return
    titled = "SELECT id AS document, title FROM document WHERE title != ''"
    for row in store.rows(titled):
        title = loose(row["title"])
        score = _title_score(wanted, title)
        if score < _ALIKE:
            continue
        found_by = TITLE if title == wanted else SIMILAR
        if len(wanted) < len(title) and _whole_score(wanted, title) < _ALIKE:
            found_by = WORDS  # a question may use words of a title
        yield _hit(row, found_by, score, f"{score:.0f} % alike")


def _by_words_about(store: Store, query: str) -> Iterator[_Hit]:
    """Yield the documents with all words of a query in title, authors, tags and path."""
    words = wanted_words(query).words
    if not words:
        return
    about = " AND ".join(f'"{word}"' for word in words)
    rows = store.rows(
        "SELECT document, -bm25(search) AS score FROM search"
        " WHERE search MATCH ? AND what = 'document' ORDER BY score DESC",
        "{title remark} : (" + f"{about} *)",
    )
    for row in rows:
        yield _hit(row, WORDS, row["score"])


# --- the index --------------------------------------------------------------------------


def update(store: Store) -> None:
    """Index new and changed entries, and drop those that are gone."""
    store.refold()
    outdated = {}
    for row in store.rows("SELECT rowid, what, ref, digest FROM search"):
        outdated[row["what"], row["ref"]] = (row["rowid"], row["digest"])
    fresh = []
    for row in store.rows(_CURRENT):
        entry_name = (row["what"], row["ref"])
        if entry_name in outdated and outdated[entry_name][1] == row["digest"]:
            del outdated[entry_name]
        else:
            fresh.append(row)
    if not fresh and not outdated:
        return
    with store.transaction():
        for rowid, _ in outdated.values():
            store.write("DELETE FROM search WHERE rowid = ?", rowid)
        for row in fresh:
            texts = map(for_searching, _texts(store, row))
            store.write(
                "INSERT INTO search (what, ref, document, digest, title, passage, remark)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                *row,
                *texts,
            )


def _texts(store: Store, entry: Row) -> tuple[str, str, str]:
    """Return (title, passage, remark) of an entry."""
    if entry["what"] == "card":
        query = "SELECT words FROM card WHERE guid = ?"
        return "", store.value(query, entry["ref"]), ""
    query = "SELECT body FROM highlight WHERE key = ? AND body != ''"
    if entry["what"] == "document":
        query = "SELECT body FROM highlight WHERE document = ? AND body != ''"
    stored = store.row(query, entry["ref"])
    assert stored is not None
    highlight = decode_highlight(stored)
    if entry["what"] == "highlight":
        names = (highlight.comment, highlight.heading, highlight.author)
        return "", highlight.exact, "\n".join((*names, *highlight.tags))
    document = highlight.document
    about = (*document.creators, document.path, *document.tags, *document.collections)
    return document.title, "", "\n".join(about)


# --- names and titles -------------------------------------------------------------------


def _title_score(wanted: str, title: str) -> float:
    """Return how much titles are alike, of 100; less if one is a part of the other."""
    from rapidfuzz import fuzz

    score = _whole_score(wanted, title)
    if score >= _ALIKE or min(len(wanted), len(title)) < _SHORTEST_PART:
        return score
    if len(wanted) < len(title):
        within = fuzz.partial_ratio(wanted, title, score_cutoff=_WITHIN)
    else:
        within = fuzz.ratio(wanted[: len(title)], title)
    return min(within, 99.0)


def _whole_score(wanted: str, title: str) -> float:
    """Return how much titles are alike, of 100, if one may be the beginning of the other."""
    from rapidfuzz import fuzz

    beginning = fuzz.ratio(wanted, title[: len(wanted)])
    return max(fuzz.ratio(wanted, title), min(beginning, 99.0))


# --- works ------------------------------------------------------------------------------


def _same_work(store: Store, document: int) -> list[DocumentId]:
    """Return the documents that share an identifier with this one."""
    rows = store.rows(
        "SELECT DISTINCT b.document"
        " FROM identifier a JOIN identifier b ON a.name = b.name"
        " WHERE a.document = ? AND a.name NOT GLOB 'file:*' AND a.name NOT GLOB 'path:*'",
        document,
    )
    return sorted({document, *(row["document"] for row in rows)})


def _match(store: Store, best: _Hit) -> FoundWork:
    """Return a work with its highlights, cards and drafts."""
    highlight_rows = store.rows(
        f"SELECT * FROM highlight WHERE document IN {EACH} ORDER BY document, position",
        encode(_same_work(store, best.document)),
    )
    highlights = []
    for highlight_row in highlight_rows:
        if highlight_row["body"]:
            highlights.append(decode_highlight(highlight_row))
        else:
            highlights.append(unread_highlight(store.passage(highlight_row["key"])))
    documents = {}
    absent = {}
    for highlight_row, highlight in zip(highlight_rows, highlights, strict=True):
        documents[highlight_row["document"]] = highlight.document
        if highlight_row["state"] in _ABSENT:
            absent[highlight_row["key"]] = _ABSENT[highlight_row["state"]]

    rows = store.rows(
        "SELECT guid AS id FROM card WHERE passage IN (SELECT value FROM json_each(?1))"
        " UNION ALL SELECT id FROM draft WHERE key IN (SELECT value FROM json_each(?1))",
        encode([store.first(highlight.key) for highlight in highlights]),
    )
    lines = list(lists.lines(store, [row["id"] for row in rows]))

    # the chance to remember each card now: the curve of FSRS, with the interval in place of
    # the stability
    now = time.time()
    recall = {}
    reviews = store.rows(
        "SELECT guid, max(id) / 1000.0 AS at, interval FROM review"
        f" WHERE guid IN {EACH} GROUP BY guid",
        encode(
            [
                line.id
                for line in lines
                if isinstance(line, CardHere) and line.anki == "seen"
            ]
        ),
    )
    for review in reviews:
        if review["interval"] > 0:
            days = max(now - review["at"], 0) / 86_400
            recall[review["guid"]] = (1 + 19 / 81 * days / review["interval"]) ** -0.5
    return FoundWork(
        documents=tuple(documents.values()),
        by=_ORDER[best.rank],
        detail=best.detail,
        highlights=tuple(highlights),
        presence=absent,
        lines=tuple(lines),
        recall=recall,
    )


# --- passages by their words ------------------------------------------------------------

_ASCII_WORD = regex(r"[A-Za-z0-9]+")
_QUOTED = regex('["“„«]([^"“”„«»]+)["”“»]')
# Words by which a person asks, and which say nothing of what is asked: "for sure".
_ASKING = (
    "sure surely really actually exactly tell know known sicher wirklich genau eigentlich weiß"
    " sûr vraiment seguro realmente exactamente"
).split()
_FUNCTION = frozenset(map(for_searching, (*FUNCTION, *_ASKING)))
MOST_WORDS = 24
"""The number of words of a question that are searched. The rest is ignored."""
_SCORED = 400
"""The number of passages, those with the most telling words, of which the text is read."""
# Of BM25: how soon a repeated word counts no more, and how much a long passage is worth less.
# The usual length is given, so that no score tells of the passages that are left out.
_SATURATION, _LENGTH = 1.2, 0.5
_USUAL_WORDS = 40


class WantedWords(Value):
    """The words of a question, as they are looked up."""

    words: Strings
    """Its content words; all its words if it has none."""
    phrases: Strings
    """What stood in quotation marks: it must be there."""
    is_begun: bool
    """Whether it is one word, which may be a beginning."""


def wanted_words(question: str) -> WantedWords:
    """Return the words of a question; of a script without blanks, each two letters."""
    question = question.encode("utf-8", "replace").decode()
    every: list[str] = []
    for word in words_of(question):
        parts = words_of(for_searching(word))
        pairs = [" ".join(pair) for pair in pairwise(parts)]
        every += pairs or parts
    words = [word for word in every if word not in _FUNCTION] or every
    phrases = []
    for quoted in _QUOTED.findall(question):
        phrases.append(" ".join(words_of(for_searching(quoted))))
    is_begun = len(every) == 1 and len(every[0]) > 1
    first_words = tuple(dict.fromkeys(words))[:MOST_WORDS]
    return WantedWords(first_words, tuple(filter(None, phrases)), is_begun)


def words_of(text: str) -> list[str]:
    """Return the words of a text as the index has them: letters, digits and their signs."""
    if text.isascii():
        return _ASCII_WORD.findall(text)
    spaced = ""
    for char in text:
        spaced += char if (char.isalnum() or category(char) in ("Mn", "Mc")) else " "
    return spaced.split()


def hashes_of_texts(store: Store) -> list[Row]:
    """Return `key` and `exact`, a hash of the text, of what was read here, sorted by key."""
    return store.rows("SELECT key, exact FROM highlight WHERE body != '' ORDER BY key")


class WordHit(Value):
    """How a passage was found by words."""

    score: float
    """BM25."""
    coverage: float
    """The share of the question's words that it has, 0 to 1; rare words count more."""


Hides = Callable[[HighlightKey], bool]
"""Returns whether a passage is left out, as if it had never been read."""


def by_words(
    store: Store, question: str, hides: Hides | None = None
) -> dict[HighlightKey, WordHit]:
    """Return the passages with any content word of a question.

    Args:
        store: the database.
        question: the question, or words.
        hides: for somebody else than the reader: then only the words of passages count, and
            what is left out changes neither score nor order.
    """
    wanted = wanted_words(question)
    columns = "{passage remark}" if hides is None else "{passage}"

    def rows_with(words: str) -> set[int]:
        query = "SELECT rowid FROM search WHERE search MATCH ?"
        return {row["rowid"] for row in store.rows(query, f"{columns} : ({words})")}

    # where each word is, and so how rare it is
    star = " *" if wanted.is_begun else ""
    places = {word: rows_with(f'"{word}"{star}') for word in wanted.words}
    found = set[int]().union(*places.values())
    for phrase in wanted.phrases:
        found &= rows_with(f'"{phrase}"')
    count = store.value("SELECT count(*) FROM highlight WHERE body != ''") or 1
    if hides is not None:
        shown = _shown_rows(store, found, hides)
        found &= shown
        places = {word: rows & shown for word, rows in places.items()}
        count = _MANY
    rarity = {word: log(1 + count / (0.5 + len(rows))) for word, rows in places.items()}
    whole = sum(rarity.values())

    # the best of them by BM25
    weights: dict[int, float] = defaultdict(float)
    for word, rows in places.items():
        for rowid in rows & found:
            weights[rowid] += rarity[word]
    best = sorted(weights, key=lambda rowid: (-weights[rowid], rowid))[:_SCORED]
    hits: dict[HighlightKey, WordHit] = {}
    for row in store.rows(
        "SELECT s.rowid, s.what, s.passage, coalesce(c.passage, s.ref) AS key FROM search s"
        " LEFT JOIN card c ON s.what = 'card' AND c.guid = s.ref"
        f" WHERE s.rowid IN {EACH} AND s.what != 'document'",
        encode(best),
    ):
        words = words_of(row["passage"])
        text = f" {' '.join(words)} "
        length = 1 + _LENGTH * (len(words) / _USUAL_WORDS - 1)
        score = 0.0
        for word, rows in places.items():
            if row["rowid"] in rows:  # a word of a comment, heading or tag counts once
                times = max(text.count(f" {word} "), 1)
                gain = times * (_SATURATION + 1) / (times + _SATURATION * length)
                score += rarity[word] * gain
        hit = WordHit(score, weights[row["rowid"]] / whole)
        key = HighlightKey(row["key"])
        if key not in hits or hit.score > hits[key].score:
            hits[key] = hit
    return hits


_MANY = 3_000
"""The number of passages from which rarity is reckoned where the true number is not told."""


def _shown_rows(store: Store, rowids: set[int], hides: Hides) -> set[int]:
    """Return the rows of passages that are not hidden."""
    query = f"SELECT rowid, ref FROM search WHERE rowid IN {EACH} AND what = 'highlight'"
    shown = set()
    for row in store.rows(query, encode(sorted(rowids))):
        if not hides(HighlightKey(row["ref"])):
            shown.add(row["rowid"])
    return shown


# --- words and meaning --------------------------------------------------------------------

ENOUGH = 0.45
"""The share of a question's words beyond which words add to what is near in meaning."""
SURE = 0.37
"""The share from which a passage surely answers where words alone are compared: three quarters of
other questions find less (`benchmarks/ask`)."""
_WEIGHT = 10.0
_USUAL_SPREAD = 0.05
_LOOKED_AT = 1_000
"""The number of passages, best first, among which one in another language is looked for."""


class FoundPassage(Value):
    """A passage that may answer a question."""

    highlight: Highlight
    score: float
    presence: str
    """`present`, `gone` from its source, or `unread`: its source is not read any more."""
    lines: tuple[Line, ...]
    """Its cards and drafts."""
    sentence: Span = (0, 0)
    """The sentence that answers, in `highlight.exact`; (0, 0) if there is no choice."""
    by_meaning: bool = False
    """Whether its meaning was compared, and not its words alone."""

    @property
    def place(self) -> str:
        """Where it is: title, page and heading; and that it is gone, if it is."""
        passage = self.highlight
        parts = dict.fromkeys((passage.document.name, passage.page, passage.heading))
        return " · ".join(filter(None, (*parts, GONE.get(self.presence))))


def weight_of(coverage: float, spread: float) -> float:
    """Return the share that words add to a cosine: none up to `ENOUGH` of the question's words.

    A few that agree by chance would push away what says it in other words.

    Args:
        coverage: the share of the words.
        spread: the usual deviation of cosines from their mean, which differs among models.
    """
    return _WEIGHT * (spread or _USUAL_SPREAD) * max(0.0, coverage - ENOUGH)


def fused(
    words: Mapping[HighlightKey, WordHit],
    near: Mapping[HighlightKey, float],
    spread: float = 0.0,
) -> dict[HighlightKey, float]:
    """Return passages with one score, of the nearness of their meaning and of their words.

    Without vectors BM25 decides.
    """
    if not near:
        return {key: hit.score for key, hit in words.items()}
    scores = dict(near)
    nearest = max(near.values())
    for key, hit in words.items():
        # one without a vector comes first if it has all the words, and nowhere if it has half
        score = scores.get(key, nearest * hit.coverage)
        scores[key] = score + weight_of(hit.coverage, spread)
    return scores


def passages(
    store: Store,
    scores: Mapping[HighlightKey, float],
    limit: int,
    hides: Hides | None = None,
    other_than: str = "",
) -> Iterator[FoundPassage]:
    """Yield the passages with the best scores; one text at several places is one passage.

    Args:
        store: the database.
        scores: the passages that may answer.
        limit: the number of passages.
        hides: whether a passage is left out.
        other_than: a language: the best passage in another one is added, because a model may
            find what is said in the language of the question nearer than it is. "" = none is.
    """
    seen = set[str]()
    shown = 0
    best_first = sorted(scores, key=lambda key: (-scores[key], key))
    for key in best_first[:_LOOKED_AT]:
        if shown >= limit and not other_than:
            break
        row = store.row("SELECT * FROM highlight WHERE key = ? AND body != ''", key)
        if row is None or row["exact"] in seen:  # it was not read here, or is shown
            continue
        highlight = decode_highlight(row)
        language = language_of(highlight.exact) if other_than else ""
        is_other = language not in ("", other_than)
        if (shown >= limit and not is_other) or (hides is not None and hides(key)):
            continue
        if is_other:
            other_than = ""
        seen.add(row["exact"])
        shown += 1
        ids = store.rows(
            "SELECT guid AS id FROM card WHERE passage = ?1"
            " UNION ALL SELECT id FROM draft WHERE key = ?1",
            store.first(key),
        )
        yield FoundPassage(
            highlight=highlight,
            score=scores[key],
            presence=_ABSENT.get(row["state"], "present"),
            lines=tuple(lists.lines(store, [row["id"] for row in ids])),
        )
