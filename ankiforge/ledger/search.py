"""Search everything that was read, for `search`: by name, by title, or by words.

One full-text table holds the words of documents, highlights and live cards; `Duplicates` has the search
terms of the cards that a draft may repeat. A search first brings its table up to date, by comparing it
with the rows, so that no decision has to wait for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ankiforge.ledger import lists
from ankiforge.ledger.drafts import keep_terms
from ankiforge.ledger.events import Wording
from ankiforge.ledger.lists import BASE_LETTERS, Match, loose
from ankiforge.ledger.readings import decode_highlight
from ankiforge.ledger.store import Row, Store, encode
from ankiforge.model import (
    CardKind,
    Document,
    Draft,
    Fields,
    ForeignNote,
    HighlightKey,
    IndexedCard,
    Origin,
    Pair,
    SearchTerms,
)
from ankiforge.text import regex
from ankiforge.text.identifiers import names_in, names_of

NAME, TITLE, SIMILAR, WORDS = "identifier", "title", "similar title", "words"
"""How a work is found, the most reliable first."""
_ORDER = (NAME, TITLE, SIMILAR, WORDS)
# The similarity, of 100, from which titles are similar; `_WITHIN` if one is part of the other.
_ALIKE = 86.0
_WITHIN = 92.0
_SHORTEST, _SHORTEST_PART = 8, 14
"""Titles, and parts of titles, that are shorter are not compared."""
_MOST = 300
# The values of a parameter that is a JSON list.
_AMONG = "(SELECT value FROM json_each(?))"
_CURRENT = (
    "SELECT 'highlight' AS what, h.key AS ref, h.document, h.run || h.state AS digest"
    " FROM highlight h WHERE h.body != ''"
    " UNION ALL SELECT 'card', c.guid, h.document, c.content FROM card c"
    " JOIN highlight h ON h.key = c.passage WHERE c.live"
    " UNION ALL SELECT 'document', CAST(d.id AS TEXT), d.id, d.place || max(h.run) FROM document d"
    " JOIN highlight h ON h.document = d.id AND h.body != '' GROUP BY d.id"
)


def find(
    store: Store, query: str, documents: Sequence[Document] = (), now: float = 0.0
) -> Iterator[Match]:
    """Yield the works that a query means, the most reliable first.

    Args:
        store: the database.
        query: names, a title, or words.
        documents: what a file was read as; it stands in for the query.
        now: the time for the chance to remember, in seconds since 1970.
    """
    _update(store)
    store.define("casefold", 1, lambda text: text.casefold())
    query = query.encode("utf-8", "replace").decode()
    hits = defaultdict(list)

    def hit(document: int, by: str, score: float = 0.0, detail: str = "", ref: str = "") -> None:
        hits[_work(store, document)].append((_ORDER.index(by), -score, detail, ref))

    names = [*names_in(query)] if query else []
    if query and " " not in query.strip():  # a single word may be a name without a prefix
        word = query.strip()
        names += [
            ("citekey", word.casefold()),
            ("file", word.casefold()),
            ("zotero", f"user/{word}"),
        ]
    for one in documents:
        names += [name for name in names_of(one.identifiers, one.uri) if name[0] != "file"]
        same = "SELECT DISTINCT document FROM highlight WHERE key GLOB ? || '/*'"
        for row in store.rows(same, one.key) if one.key else ():
            hit(row["document"], NAME, 1, "the same file")
    for document, (scheme, value) in _named(store, dict.fromkeys(names)):
        hit(document, NAME, detail=f"{scheme} {value}")
    if not hits:
        for title in (one.title for one in documents) if documents else (query,):
            for document, by, score in _titled(store, title):
                hit(document, by, score, f"{score:.0f} % alike")
    if not hits or (
        query and not any(one[0] < _ORDER.index(SIMILAR) for best in hits.values() for one in best)
    ):
        for row in _with_words(store, query):
            ref = "" if row["what"] == "document" else row["ref"]
            hit(row["document"], WORDS, row["score"], ref=ref)
    for work in sorted(hits, key=lambda one: (min(hits[one])[:2], one)):
        rank, _, detail, _ = min(hits[work])
        matched = frozenset(ref for *_, ref in hits[work]) - {""}
        yield _match(store, work, _ORDER[rank], detail, matched, now)


# --- the index ------------------------------------------------------------------------------------


def _update(store: Store) -> None:
    """Index what is new or changed, and drop what is gone."""
    store.refold()
    known = {
        (row["what"], row["ref"]): (row["rowid"], row["digest"])
        for row in store.rows("SELECT rowid, what, ref, digest FROM search")
    }
    fresh = []
    for row in store.rows(_CURRENT):
        if known.get((row["what"], row["ref"]), (0, ""))[1] == row["digest"]:
            del known[row["what"], row["ref"]]
        else:
            fresh.append(row)
    if not fresh and not known:
        return
    with store.transaction():
        for rowid, _ in known.values():
            store.write("DELETE FROM search WHERE rowid = ?", rowid)
        for row in fresh:
            texts = map(searched, _texts(store, row))
            store.write("INSERT INTO search VALUES (?, ?, ?, ?, ?, ?, ?)", *row, *texts)


def _texts(store: Store, row: Row) -> tuple[str, str, str]:
    """Return (title, passage, remark) of an entry."""
    if row["what"] == "card":
        return "", store.value("SELECT words FROM card WHERE guid = ?", row["ref"]), ""
    column = "key" if row["what"] == "highlight" else "document"
    query = f"SELECT body FROM highlight WHERE {column} = ? AND body != ''"
    found = store.row(query, row["ref"])
    assert found is not None
    one = decode_highlight(found)
    if row["what"] == "highlight":
        return "", one.exact, "\n".join((one.comment, one.heading, one.author, *one.tags))
    of = one.document
    return of.title, "", "\n".join((*of.creators, of.path, *of.tags, *of.collections))


def _with_words(store: Store, query: str) -> list[Row]:
    """Return the entries with all words; else the documents whose entries together have all."""
    phrases = [
        '"' + words.replace('"', '""') + '"' + (" *" if prefix else "")
        for words, prefix in chunks(query)
    ]
    if not phrases:
        return []
    select = "SELECT what, ref, document, -bm25(search) AS score FROM search WHERE search MATCH ?"
    if found := store.rows(f"{select} ORDER BY score DESC LIMIT {_MOST}", " AND ".join(phrases)):
        return found
    works = [
        {
            row["document"]
            for row in store.rows("SELECT document FROM search WHERE search MATCH ?", one)
        }
        for one in phrases
    ]
    both = encode(sorted(set.intersection(*works)))
    query = f"SELECT what, ref, document, 0.0 AS score FROM search WHERE document IN {_AMONG}"
    return store.rows(f"{query} AND what = 'document' LIMIT {_MOST}", both)


# --- names and titles -----------------------------------------------------------------------------


def _named(store: Store, names: Iterable[Pair]) -> Iterator[tuple[int, Pair]]:
    """Yield the documents that have a name, are at a path, or have a mark with this id."""
    for scheme, value in names:
        rows = store.rows("SELECT document FROM identifier WHERE name = ?", f"{scheme}:{value}")
        if scheme in ("path", "file"):
            query = "SELECT id AS document FROM document WHERE casefold(place) = ?1"
            if scheme == "file":
                query += " OR substr(casefold(place), -length(?1) - 1) = '/' || ?1"
            rows += store.rows(query, value)
        elif scheme == "zotero":
            rows += store.rows("SELECT document FROM highlight WHERE key = ?", f"zotero:{value}")
        yield from ((row["document"], (scheme, value)) for row in rows)


def _titled(store: Store, query: str) -> Iterator[tuple[int, str, float]]:
    """Yield the documents with a similar title, or whose title contains the query."""
    asked = loose(query)
    if len(asked) < _SHORTEST:
        return
    from rapidfuzz import fuzz

    for row in store.rows("SELECT id, title FROM document WHERE title != ''"):
        title = loose(row["title"])
        score = max(fuzz.ratio(asked, title), min(fuzz.ratio(asked, title[: len(asked)]), 99.0))
        if score < _ALIKE and min(len(asked), len(title)) >= _SHORTEST_PART:
            part = fuzz.partial_ratio(asked, title, score_cutoff=_WITHIN)
            longer = fuzz.ratio(asked[: len(title)], title)
            score = min(part if len(asked) < len(title) else longer, 99.0)
        if score >= _ALIKE:
            yield row["id"], TITLE if title == asked else SIMILAR, score


# --- works ----------------------------------------------------------------------------------------


def _same_work(store: Store, document: int) -> list[int]:
    """Return the documents that share an identifier with this one."""
    rows = store.rows(
        "SELECT DISTINCT b.document FROM identifier a JOIN identifier b ON a.name = b.name"
        " WHERE a.document = ? AND a.name NOT GLOB 'file:*' AND a.name NOT GLOB 'path:*'",
        document,
    )
    return sorted({document, *(row["document"] for row in rows)})


def _work(store: Store, document: int) -> int:
    """Return the first document of the work that a document belongs to."""
    return _same_work(store, _same_work(store, document)[0])[0]


def _match(
    store: Store, work: int, by: str, detail: str, matched: frozenset[str], now: float
) -> Match:
    ids = encode(_same_work(store, work))
    query = f"SELECT * FROM highlight WHERE body != '' AND document IN {_AMONG} ORDER BY document, position"
    rows = store.rows(query, ids)
    highlights = [decode_highlight(row) for row in rows]
    titles = {row["document"]: one.document for row, one in zip(rows, highlights, strict=True)}
    keys = encode([store.first(one.key) for one in highlights])
    found = store.rows(
        f"SELECT guid AS id FROM card WHERE passage IN {_AMONG}"
        f" UNION ALL SELECT id FROM draft WHERE key IN {_AMONG}",
        keys, keys,
    )  # fmt: skip
    lines = sorted(
        lists.lines(store, [row["id"] for row in found]), key=lambda one: one.id not in matched
    )
    of_cards = {one.highlight.key for one in lines if one.id in matched} | matched
    reviews = store.rows(
        f"SELECT guid, max(id) / 1000.0 AS at, interval FROM review WHERE guid IN {_AMONG} GROUP BY guid",
        encode([one.id for one in lines if one.anki == "seen"]),
    )
    recall = {  # the curve of FSRS, with the interval in place of the stability
        row["guid"]: (1 + 19 / 81 * max(now - row["at"], 0) / 86_400 / row["interval"]) ** -0.5
        for row in reviews
        if row["interval"] > 0
    }
    return Match(
        tuple(titles.values()), by, detail, matched,
        tuple(sorted(highlights, key=lambda one: one.key not in of_cards)),
        frozenset(row["key"] for row in rows if row["state"] in ("gone", "unselected")),
        tuple(lines), recall,
    )  # fmt: skip


# --- words ----------------------------------------------------------------------------------------

# Letters of scripts without spaces between words (and Hangul, whose particles join words).
_UNSPACED = (
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])"
)
# Accents of Latin, Greek and Cyrillic letters (except of й, a letter of its own), and the points
# that are optional in Hebrew and Arabic. In other scripts such marks make a different letter.
_ACCENTS = regex(
    "(?<=[A-Za-z\u0370-\u03ff])[\u0300-\u036f]+|(?<=[\u0400-\u04ff])[\u0300\u0301\u0308]+"
    "|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]+"
)
_POWER = regex(r"(?<=\w)\^\{?(\d+)\}?")
_CHUNK = regex(r"[\"“„«](?P<phrase>[^\"“”„«»]+)[\"”“»]|(?P<word>[^\s\"“”„«»]+)")

MOST_CHUNKS = 24
"""The number of words of a query that are searched. The rest is ignored."""
_NOT_LETTERS = regex(r"[\W_]+")


def searched(text: str) -> str:
    """Return a text as in the search index: without case and accents, CJK spaced out."""
    text = _POWER.sub(r"\1", text.replace("\u00ad", "").replace("\0", " "))
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed)).translate(BASE_LETTERS)
    return re.sub(_UNSPACED, r" \1 ", plain)


def chunks(query: str) -> tuple[tuple[str, bool], ...]:
    """Split a query into (phrase to search, whether its last word is a prefix).

    Quoted words form one phrase. Chunks without letters are dropped. There are no operators.
    """
    found = []
    for chunk in _CHUNK.finditer(query):
        words = searched(chunk["phrase"] or chunk["word"]).split()
        last = words[-1] if words else ""
        # A single Latin letter as a prefix would match half of the index.
        is_prefix = len(_NOT_LETTERS.sub("", last)) >= 2 or bool(re.match(_UNSPACED, last))
        if any(_NOT_LETTERS.sub("", word) for word in words):
            typing = bool(chunk["word"]) and chunk.end() == len(query)
            found.append((" ".join(words), typing and is_prefix))
    return tuple(dict.fromkeys(found))[:MOST_CHUNKS]


# --- what a draft may repeat ----------------------------------------------------------------------

NOTE = "nid:"
_IN_USE = (
    "SELECT guid AS id, kind || content AS digest, passage, '' AS deck FROM card WHERE live"
    " UNION ALL SELECT 'nid:' || id, 'nid:' || id || ' ' || mod, '', deck FROM foreign_note"
    " WHERE fields != '[]'"
)


class Duplicates:
    """The cards that a draft may repeat, and notes in Anki that are not ours."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def unread(self, version: str) -> Iterator[tuple[str, Draft]]:
        """Yield the cards whose search terms are missing, or of another version, by their digests.

        Most have been stored with the drafts; see `drafts.record`.
        """
        store = self._store
        with store.transaction():
            if store.meta("terms") != version:
                store.write("DELETE FROM indexed")
                store.set_meta("terms", version)
            store.write(
                f"DELETE FROM indexed WHERE digest NOT IN (SELECT digest FROM ({_IN_USE})"
                " UNION ALL SELECT kind || content FROM draft)"
            )
        for row in store.rows(
            f"SELECT * FROM ({_IN_USE}) WHERE digest NOT IN (SELECT digest FROM indexed)"
        ):
            if (draft := self.draft(row["id"])) is not None:
                yield row["digest"], draft

    def keep(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of cards from `unread`."""
        with self._store.transaction():
            keep_terms(self._store, terms)

    def cards(self) -> Iterator[IndexedCard]:
        """Yield all cards, sorted by id."""
        query = f"SELECT * FROM ({_IN_USE}) JOIN indexed USING (digest) ORDER BY id"
        for row in self._store.rows(query):
            words, finders = tuple(row["words"].split()), tuple(row["finders"].split())
            where = ""
            if row["id"].startswith(NOTE):
                where = "a note in Anki" + (f", deck {row['deck']}: " if row["deck"] else ": ")
            home = HighlightKey(row["passage"])
            yield IndexedCard(row["id"], home, where, SearchTerms(words, finders, row["exact"]))

    def draft(self, id: str) -> Draft | None:
        """Return the text of a card or a foreign note as a draft; None if it is not in use."""
        if id.startswith(NOTE):
            query = "SELECT fields FROM foreign_note WHERE id = ?"
            fields = self._store.value(query, int(id.removeprefix(NOTE)))
            words = msgspec.json.decode(fields, type=Fields) if fields else ()
            if not words:
                return None
            kind = CardKind.BASIC if words[0][0] == "Front" else CardKind.CLOZE
            return Draft(HighlightKey(""), kind, words, "", "", 0, Origin(""))
        row = self._store.row("SELECT passage FROM card WHERE guid = ? AND live", id)
        if row is None:
            return None
        wording: Wording = self._store.passage(row["passage"]).cards[id].wording
        fields = tuple(wording.fields.items())
        return Draft(HighlightKey(""), CardKind(wording.kind), fields, "", "", 0, Origin(""))

    # --- notes in Anki that are not ours --------------------------------------------------------

    def mods(self) -> dict[int, int]:
        """Return the `mod` of each foreign note that is stored."""
        rows = self._store.rows("SELECT id, mod FROM foreign_note")
        return {row["id"]: row["mod"] for row in rows}

    def keep_foreign(self, ids: frozenset[int], changed: Iterable[ForeignNote]) -> None:
        """Store the text of foreign notes, and forget those that are no longer in Anki."""
        with self._store.transaction():
            for number in self.mods().keys() - ids:
                self._store.write("DELETE FROM foreign_note WHERE id = ?", number)
            for note in changed:
                values = (note.id, note.mod, note.deck, encode(note.fields), note.other_id)
                self._store.write(
                    "INSERT OR REPLACE INTO foreign_note VALUES (?, ?, ?, ?, ?)", *values
                )
