"""Search everything that was read, for `search`: by name, by title, or by words.

One full-text table holds the words of documents, highlights and live cards. A search first
brings it up to date, by comparing it with the rows, so that no decision has to wait for it.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ankiforge.ledger import lists
from ankiforge.ledger.cards import unread_highlight
from ankiforge.ledger.lists import FoundWork, loose
from ankiforge.ledger.readings import decode_highlight
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import Document
from ankiforge.text import regex
from ankiforge.text.fold import UNSPACED, for_searching
from ankiforge.text.identifiers import names_in, names_of

NAME, TITLE, SIMILAR, WORDS = "identifier", "title", "similar title", "words"
"""How a work is found, the most reliable first."""
_ORDER = (NAME, TITLE, SIMILAR, WORDS)
# The similarity, of 100, from which titles are similar; `_WITHIN` if one is part of the
# other.
_ALIKE = 86.0
_WITHIN = 92.0
_SHORTEST, _SHORTEST_PART = 8, 14
"""Titles, and parts of titles, that are shorter are not compared."""
_MOST = 300
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


class _Hit(NamedTuple):
    """One way in which a work was found; the least one is the best."""

    rank: int
    """The index of the way in `_ORDER`."""
    minus_score: float
    detail: str
    ref: str
    """The key or guid of what contains the words; "" if a document was found."""


def find(
    store: Store,
    query: str,
    document: Document | None = None,
) -> Iterator[FoundWork]:
    """Yield the works that a query means, the most reliable first.

    Args:
        store: the database.
        query: names, a title, or words.
        document: what a file was read as, which replaces the query.
    """
    _update(store)
    store.define("casefold", 1, lambda text: text.casefold())
    query = query.encode("utf-8", "replace").decode()
    hits: dict[int, list[_Hit]] = defaultdict(list)
    """By work: the first of its documents names it."""

    def add(
        document: int,
        found_by: str,
        score: float = 0.0,
        *,
        detail: str = "",
        ref: str = "",
    ) -> None:
        first = _same_work(store, document)[0]
        work = _same_work(store, first)[0]
        hits[work].append(_Hit(_ORDER.index(found_by), -score, detail, ref))

    # the names in the query, or those of the document of a file
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

    # the documents that are the same file, have one of the names, are at such a path, or have
    # such a mark
    if document is not None and document.key:
        same_file = "SELECT DISTINCT document FROM highlight WHERE key GLOB ? || '/*'"
        for row in store.rows(same_file, document.key):
            add(row["document"], NAME, 1, detail="the same file")
    for scheme, value in dict.fromkeys(names):
        with_name = "SELECT document FROM identifier WHERE name = ?"
        rows = store.rows(with_name, f"{scheme}:{value}")
        if scheme in ("path", "file"):
            at_path = "SELECT id AS document FROM document WHERE casefold(place) = ?1"
            if scheme == "file":
                at_path += " OR substr(casefold(place), -length(?1) - 1) = '/' || ?1"
            rows += store.rows(at_path, value)
        elif scheme == "zotero":
            of_mark = "SELECT document FROM highlight WHERE key = ?"
            rows += store.rows(of_mark, f"zotero:{value}")
        for row in rows:
            add(row["document"], NAME, detail=f"{scheme} {value}")

    # similar titles
    is_named = bool(hits)
    has_title = False
    wanted = loose(document.title if document else query)
    if not is_named and len(wanted) >= _SHORTEST:
        for row in store.rows("SELECT id, title FROM document WHERE title != ''"):
            title = loose(row["title"])
            score = _title_score(wanted, title)
            if score >= _ALIKE:
                is_equal = title == wanted
                has_title |= is_equal
                found_by = TITLE if is_equal else SIMILAR
                add(row["id"], found_by, score, detail=f"{score:.0f} % alike")

    # words
    if not (is_named or has_title):
        for row in _with_words(store, query):
            ref = "" if row["what"] == "document" else row["ref"]
            add(row["document"], WORDS, row["score"], ref=ref)

    ranked = []
    for work, of_work in hits.items():
        best_hit = min(of_work)
        ranked.append((best_hit.rank, best_hit.minus_score, work))
    for *_, work in sorted(ranked):
        yield _match(store, work, hits[work])


# --- the index --------------------------------------------------------------------------


def _update(store: Store) -> None:
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
    column = "key" if entry["what"] == "highlight" else "document"
    query = f"SELECT body FROM highlight WHERE {column} = ? AND body != ''"
    stored = store.row(query, entry["ref"])
    assert stored is not None
    highlight = decode_highlight(stored)
    if entry["what"] == "highlight":
        names = (highlight.comment, highlight.heading, highlight.author)
        return "", highlight.exact, "\n".join((*names, *highlight.tags))
    document = highlight.document
    about = (*document.creators, document.path, *document.tags, *document.collections)
    return document.title, "", "\n".join(about)


def _with_words(store: Store, query: str) -> list[Row]:
    """Return the entries with all words, else the documents that have all of them."""
    phrases = []
    for words, is_prefix in chunks(query):
        quoted = '"' + words.replace('"', '""') + '"'
        phrases.append(f"{quoted} *" if is_prefix else quoted)
    if not phrases:
        return []
    entries = store.rows(
        "SELECT what, ref, document, -bm25(search) AS score FROM search WHERE search"
        " MATCH ?"
        f" ORDER BY score DESC LIMIT {_MOST}",
        " AND ".join(phrases),
    )
    if entries:
        return entries
    documents = []
    for phrase in phrases:
        rows = store.rows("SELECT document FROM search WHERE search MATCH ?", phrase)
        documents.append({row["document"] for row in rows})
    return store.rows(
        "SELECT what, ref, document, 0.0 AS score FROM search"
        f" WHERE document IN {EACH} AND what = 'document' LIMIT {_MOST}",
        encode(sorted(set.intersection(*documents))),
    )


# --- names and titles -------------------------------------------------------------------


def _title_score(wanted: str, title: str) -> float:
    """Return how much titles are alike, of 100; less if one is a part of the other."""
    from rapidfuzz import fuzz

    beginning = fuzz.ratio(wanted, title[: len(wanted)])
    score = max(fuzz.ratio(wanted, title), min(beginning, 99.0))
    if score >= _ALIKE or min(len(wanted), len(title)) < _SHORTEST_PART:
        return score
    if len(wanted) < len(title):
        within = fuzz.partial_ratio(wanted, title, score_cutoff=_WITHIN)
    else:
        within = fuzz.ratio(wanted[: len(title)], title)
    return min(within, 99.0)


# --- works ------------------------------------------------------------------------------


def _same_work(store: Store, document: int) -> list[int]:
    """Return the documents that share an identifier with this one."""
    rows = store.rows(
        "SELECT DISTINCT b.document"
        " FROM identifier a JOIN identifier b ON a.name = b.name"
        " WHERE a.document = ? AND a.name NOT GLOB 'file:*' AND a.name NOT GLOB 'path:*'",
        document,
    )
    return sorted({document, *(row["document"] for row in rows)})


def _match(store: Store, work: int, hits: Sequence[_Hit]) -> FoundWork:
    """Return a work, with the highlights and lines first that match."""
    best = min(hits)
    matched = frozenset(hit.ref for hit in hits) - {""}
    highlight_rows = store.rows(
        f"SELECT * FROM highlight WHERE document IN {EACH} ORDER BY document, position",
        encode(_same_work(store, work)),
    )
    highlights = []
    for highlight_row in highlight_rows:
        if highlight_row["body"]:
            highlights.append(decode_highlight(highlight_row))
        else:
            highlights.append(unread_highlight(store.passage(highlight_row["key"])))
    documents = {}
    gone_keys = set()
    for highlight_row, highlight in zip(highlight_rows, highlights, strict=True):
        documents[highlight_row["document"]] = highlight.document
        if highlight_row["state"] in ("gone", "unselected"):
            gone_keys.add(highlight_row["key"])

    # cards and drafts, those that match first
    rows = store.rows(
        "SELECT guid AS id FROM card WHERE passage IN (SELECT value FROM json_each(?1))"
        " UNION ALL SELECT id FROM draft WHERE key IN (SELECT value FROM json_each(?1))",
        encode([store.first(highlight.key) for highlight in highlights]),
    )
    lines = list(lists.lines(store, [row["id"] for row in rows]))
    lines.sort(key=lambda line: line.id not in matched)
    with_words = set(matched)
    for line in lines:
        if line.id in matched:
            with_words.add(line.highlight.key)
    highlights.sort(key=lambda highlight: highlight.key not in with_words)

    # the chance to remember each card now: the curve of FSRS, with the interval in place of
    # the stability
    now = time.time()
    recall = {}
    reviews = store.rows(
        "SELECT guid, max(id) / 1000.0 AS at, interval FROM review"
        f" WHERE guid IN {EACH} GROUP BY guid",
        encode([line.id for line in lines if line.anki == "seen"]),
    )
    for review in reviews:
        if review["interval"] > 0:
            days = max(now - review["at"], 0) / 86_400
            recall[review["guid"]] = (1 + 19 / 81 * days / review["interval"]) ** -0.5
    return FoundWork(
        documents=tuple(documents.values()),
        by=_ORDER[best.rank],
        detail=best.detail,
        matched=matched,
        highlights=tuple(highlights),
        gone=frozenset(gone_keys),
        lines=tuple(lines),
        recall=recall,
    )


# --- words ------------------------------------------------------------------------------

_CHUNK = regex(r"[\"“„«](?P<phrase>[^\"“”„«»]+)[\"”“»]|(?P<word>[^\s\"“”„«»]+)")

MOST_CHUNKS = 24
"""The number of words of a query that are searched. The rest is ignored."""
_NOT_LETTERS = regex(r"[\W_]+")


def chunks(query: str) -> tuple[tuple[str, bool], ...]:
    """Split a query into (phrase to search, whether its last word is a prefix).

    Quoted words form one phrase. Chunks without letters are dropped. There are no
    operators.
    """
    phrases = []
    for chunk in _CHUNK.finditer(query):
        words = for_searching(chunk["phrase"] or chunk["word"]).split()
        letters = [_NOT_LETTERS.sub("", word) for word in words]
        if not any(letters):
            continue
        # a word that is being typed may be a prefix; a Latin letter matches half of the index
        is_typed = bool(chunk["word"]) and chunk.end() == len(query)
        is_long = len(letters[-1]) >= 2 or bool(re.match(f"[{UNSPACED}]", words[-1]))
        phrases.append((" ".join(words), is_typed and is_long))
    return tuple(dict.fromkeys(phrases))[:MOST_CHUNKS]
