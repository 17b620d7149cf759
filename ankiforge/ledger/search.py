"""Search the works that were read, for `ankiforge seen` and the review page.

A work is found by a name (DOI, arXiv, ISBN, PMID, URL, citation key, file), by its pages, by its
title, even if misspelt or shortened, or by the words of its highlights and cards.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.documents import LONG_PAGE
from ankiforge.ledger.search_index import SearchIndex
from ankiforge.model import (
    AnkiState,
    Document,
    DocumentKey,
    Extracted,
    Guid,
    HighlightKey,
    Presence,
    SeenCard,
    Standing,
    Verdict,
)
from ankiforge.model.retention import retrievability
from ankiforge.text.fold import loose
from ankiforge.text.identifiers import Name, names_in, names_of

_SIMILAR = 86.0
"""The similarity (0 to 100) from which titles are similar; `_WITHIN` if one is part of the other."""
_WITHIN = 92.0
_LEAST_SIMILAR = 8
"""The minimum length of titles to compare; `_LEAST_WITHIN` if one is part of the other."""
_LEAST_WITHIN = 14
_PARTLY = 99.0
"""The maximum score of titles that are only partly equal."""
_LONG_TITLE = 5
"""The number of words from which an equal title ends the search."""
_WEAK = frozenset(("file",))
"""Schemes of names that different works may share by coincidence."""
_OPENERS = {
    "doi": "https://doi.org/",
    "arxiv": "https://arxiv.org/abs/",
    "pmid": "https://pubmed.ncbi.nlm.nih.gov/",
}

_FIELDS = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode
_CARDS = msgspec.json.Decoder(tuple[SeenCard, ...]).decode


class HighlightText(msgspec.Struct, frozen=True):
    """The part of a highlight that is shown with a work."""

    kind: str = ""
    exact: str = ""
    comment: str = ""
    colour: str = ""
    created: str = ""
    page_label: str = ""
    heading: str = ""
    uri: str = ""
    links: tuple[str, ...] = ()


_TEXT = msgspec.json.Decoder(HighlightText).decode


@dataclass(frozen=True, slots=True)
class WorkHighlight:
    """A highlight of a work."""

    key: HighlightKey
    presence: Presence
    text: HighlightText


@dataclass(frozen=True, slots=True)
class WorkCard:
    """A card of a work, with its state in the last view of Anki."""

    guid: Guid
    highlight: HighlightKey
    kind: str
    fields: tuple[tuple[str, str], ...]
    verdict: Verdict
    standing: Standing
    anki: AnkiState
    cards: tuple[SeenCard, ...]
    """The cards of the note; () if it was never in Anki."""
    answered: tuple[tuple[int, float], ...]
    """(ordinal of the card, time of the last answer in seconds since 1970)."""

    def recall(self, now: float) -> tuple[float | None, ...]:
        """Return the probability of recalling each card of the note; () if it is not in Anki.

        The value for a card that was never learnt is None. `now` is in seconds since 1970.
        """
        if not self.anki.there:
            return ()
        at = dict(self.answered)
        return tuple(
            retrievability(card, at[card.ordinal], now) if card.ordinal in at else None
            for card in self.cards
        )


@dataclass(frozen=True, slots=True)
class Retention:
    """How well the cards of a work are currently remembered."""

    cards: int
    """The number of cards in Anki; a note may have several."""
    learnt: int
    """The number of cards with a known probability of recall."""
    suspended: int
    now: float | None
    """The mean probability (0 to 1) of recalling the learnt cards; None if there are none."""


@dataclass(frozen=True, slots=True)
class Work:
    """A paper, book or note: all documents that are the same work, with highlights and cards."""

    key: DocumentKey
    documents: tuple[Document, ...]
    """The first is the original, and the others are its copies."""
    first_seen: str
    """The start of the run that first read the work, in ISO 8601; "" if unknown."""
    highlights: tuple[WorkHighlight, ...]
    cards: tuple[WorkCard, ...]

    @property
    def title(self) -> str:
        """The first title of the documents, else the first path."""
        titles = (document.title for document in self.documents)
        paths = (document.path for document in self.documents)
        return next(filter(None, (*titles, *paths)), self.key)

    @property
    def read(self) -> tuple[str, str]:
        """The days of the first and the last highlight; "" if unknown."""
        days = sorted(day for one in self.highlights if (day := one.text.created[:10]))
        return (days[0], days[-1]) if days else ("", "")

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of highlights, of cards, and of cards by state."""
        current = [
            one
            for one in self.cards
            if one.standing is Standing.LIVE and one.verdict is not Verdict.REJECTED
        ]
        return {
            "highlights": len(self.highlights),
            "cards": len(self.cards),
            "accepted": sum(one.verdict is Verdict.ACCEPTED for one in current),
            "waiting": sum(one.verdict is Verdict.PENDING for one in current),
            "rejected": sum(one.verdict is Verdict.REJECTED for one in self.cards),
            "retired": sum(one.standing is not Standing.LIVE for one in self.cards),
            "in_anki": sum(one.anki.there for one in self.cards),
        }

    @property
    def links(self) -> tuple[str, ...]:
        """The URLs at which the work opens, without duplicates."""
        found = []
        for document in self.documents:
            found.append(document.uri)
            for scheme, value in document.identifiers:
                if scheme == "url" and value.startswith(("http://", "https://")):
                    found.append(value)
                elif scheme in _OPENERS:
                    found.append(f"{_OPENERS[scheme]}{value}")
        return tuple(dict.fromkeys(filter(None, found)))

    def retention(self, now: float) -> Retention:
        """Return how well the cards are remembered at `now`, in seconds since 1970."""
        in_anki = [card for one in self.cards if one.anki.there for card in one.cards]
        known = [chance for one in self.cards for chance in one.recall(now) if chance is not None]
        return Retention(
            len(in_anki),
            len(known),
            sum(card.suspended for card in in_anki),
            sum(known) / len(known) if known else None,
        )


class FoundBy(StrEnum):
    """How a work was found, the most reliable first."""

    NAME = "identifier"
    PAGES = "pages"
    TITLE = "title"
    SIMILAR = "similar title"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Match:
    """A work that matches a query."""

    work: Work
    by: FoundBy
    detail: str
    """The name (`doi 10.1000/1`), the similarity of the titles, or the corrected query."""
    matched: frozenset[str]
    """The keys of the highlights and guids of the cards that contain the words."""

    @property
    def highlights(self) -> tuple[WorkHighlight, ...]:
        """The highlights, first those that match or that have a matching card."""
        carded = {one.highlight for one in self.work.cards if one.guid in self.matched}
        hit = carded | self.matched
        return tuple(sorted(self.work.highlights, key=lambda one: one.key not in hit))


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why a document matches."""

    document: str
    by: FoundBy
    detail: str = ""
    score: float = 0.0
    matched: str = ""


class Search:
    """Finds works, with an index in the ledger that each search updates."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._index = SearchIndex(connection)

    def find(self, query: str) -> Iterator[Match]:
        """Yield the works that match a query, the most reliable and best matches first.

        Raises:
            LedgerError: the index must be updated, but the ledger cannot be written.
        """
        self._index.update()
        query = query.encode("utf-8", "replace").decode()
        names = [*names_in(query)]
        word = query.strip()
        if word and " " not in word:  # a single word may be a name without a prefix
            names += [
                ("citekey", word.casefold()),
                ("file", word.casefold()),
                ("zotero", f"user/{word}"),
            ]
        reasons = [*self._by_names(dict.fromkeys(names))]
        if not reasons:
            reasons += self._by_title(query)
            equal = any(one.by is FoundBy.TITLE for one in reasons)
            if not (equal and len(query.split()) >= _LONG_TITLE):
                reasons += self._by_words(query)
        yield from self._matches(reasons)

    def find_file(self, extracted: Sequence[Extracted]) -> Iterator[Match]:
        """Yield the works to which a PDF belongs: by its pages, its names, or else its title."""
        self._index.update()
        reasons: list[_Reason] = []
        for one in extracted:
            document = one.document
            names = names_of(document.identifiers, document.uri)
            reasons += self._by_names(name for name in names if name[0] not in _WEAK)
            reasons += self._by_pages(one)
            if not reasons:
                reasons += self._by_title(document.title)
        yield from self._matches(reasons)

    # --- reasons ----------------------------------------------------------------------------

    def _by_names(self, names: Iterable[Name]) -> Iterator[_Reason]:
        for document, (scheme, value) in self._index.named(names):
            yield _Reason(document, FoundBy.NAME, f"{scheme} {value}")

    def _by_pages(self, extracted: Extracted) -> Iterator[_Reason]:
        """Yield documents with equal pages, at least half of those of the shorter document."""
        folds = {fold for fold, length in extracted.pages if length >= LONG_PAGE}
        shared: dict[str, int] = {}
        for fold in folds:
            for row in self._db.execute(
                "SELECT DISTINCT document FROM page_fold WHERE fold = ?", (fold,)
            ).fetchall():
                shared[row["document"]] = shared.get(row["document"], 0) + 1
        for document, pages in sorted(shared.items(), key=lambda one: (-one[1], one[0])):
            row = self._db.execute(
                "SELECT count(DISTINCT fold) FROM page_fold WHERE document = ? AND length >= ?",
                (document, LONG_PAGE),
            ).fetchone()
            if pages * 2 >= min(len(folds), row[0]):
                detail = f"{pages} equal page{'' if pages == 1 else 's'}"
                yield _Reason(document, FoundBy.PAGES, detail, score=pages)
        if not folds:  # the key of a scan without text is made from its pictures
            for document in self.works_of([extracted.document.key]):
                yield _Reason(document, FoundBy.PAGES, "the same file")

    def _by_title(self, query: str) -> Iterator[_Reason]:
        asked = loose(query)
        if len(asked) < _LEAST_SIMILAR:
            return
        from rapidfuzz import fuzz, process

        best: dict[str, float] = {}
        # titles similar to the query, also without a subtitle that may follow
        titles = self._index.titles()
        for cut in (None, len(asked)):
            choices = [title[:cut] for _, title in titles]
            for _, score, place in process.extract(
                asked, choices, scorer=fuzz.ratio, processor=None, score_cutoff=_SIMILAR, limit=20
            ):
                document = titles[place][0]
                score = score if cut is None else min(score, _PARTLY)
                best[document] = max(score, best.get(document, 0.0))
        # titles that contain the query, or that equal its beginning without a subtitle
        likely = self._index.titles_like(asked)
        for document, title in likely:
            if min(len(title), len(asked)) < _LEAST_WITHIN:
                continue
            if len(title) < len(asked):
                score = fuzz.ratio(asked[: len(title)], title, score_cutoff=_SIMILAR)
            else:
                score = fuzz.partial_ratio(asked, title, score_cutoff=_WITHIN)
            if score:
                best[document] = max(min(score, _PARTLY), best.get(document, 0.0))
        equal = {document for document, title in likely if title == asked}
        for document, score in best.items():
            by = FoundBy.TITLE if document in equal else FoundBy.SIMILAR
            yield _Reason(document, by, f"{score:.0f} % alike", score)

    def _by_words(self, query: str) -> Iterator[_Reason]:
        hits, detail = self._index.with_words(query), ""
        if not hits:
            hits, reading = self._index.misspelt(query)
            detail = f"read as “{reading}”"
        for hit in hits:
            matched = "" if hit.what == "document" else hit.ref
            yield _Reason(hit.document, FoundBy.WORDS, detail, hit.score, matched)

    def _matches(self, reasons: Sequence[_Reason]) -> Iterator[Match]:
        """Yield each work once, with its most reliable reason."""
        order = list(FoundBy)
        works = self.works_of(one.document for one in reasons)
        found: dict[DocumentKey, list[_Reason]] = {}
        for one in reasons:
            if one.document in works:
                found.setdefault(works[one.document], []).append(one)
        best = {
            key: min(several, key=lambda one: (order.index(one.by), -one.score))
            for key, several in found.items()
        }
        for key in sorted(best, key=lambda key: (order.index(best[key].by), -best[key].score, key)):
            matched = frozenset(one.matched for one in found[key]) - {""}
            yield Match(self.work(key), best[key].by, best[key].detail, matched)

    # --- works ------------------------------------------------------------------------------

    def works_of(self, documents: Iterable[str]) -> dict[str, DocumentKey]:
        """Return the work of each document, without documents that no longer exist."""
        found: dict[str, DocumentKey] = {}
        for key in dict.fromkeys(documents):
            row = self._db.execute("SELECT work FROM document WHERE key = ?", (key,)).fetchone()
            if row is not None:
                found[key] = DocumentKey(row["work"] or key)
        return found

    def work(self, key: DocumentKey) -> Work:
        """Return a work with its documents, highlights and cards."""
        rows = self._db.execute(
            "SELECT key, body, since FROM document WHERE key = ?1 OR work = ?1"
            " ORDER BY key <> ?1, key",
            (key,),
        ).fetchall()
        documents = [
            msgspec.convert({**msgspec.json.decode(row["body"]), "key": row["key"]}, Document)
            for row in rows
        ]
        marks = self._db.execute(
            "SELECT key, presence, body FROM highlight"
            " WHERE document IN (SELECT value FROM json_each(?))"
            " ORDER BY container, place, position, key",
            (to_json([row["key"] for row in rows]),),
        ).fetchall()
        highlights = tuple(
            WorkHighlight(HighlightKey(row["key"]), Presence(row["presence"]), _TEXT(row["body"]))
            for row in marks
        )
        since = min((row["since"] for row in rows if row["since"]), default="")
        return Work(
            key, tuple(documents), self._start_of(since), highlights, self._cards(highlights)
        )

    def _start_of(self, since: str) -> str:
        """Return when the run started that first read a document, given its stored number."""
        row = self._db.execute(
            "SELECT at FROM run ORDER BY at, id LIMIT 1 OFFSET ?", (max(int(since or 1) - 1, 0),)
        ).fetchone()
        return str(row["at"]) if row and since else ""

    def _cards(self, highlights: tuple[WorkHighlight, ...]) -> tuple[WorkCard, ...]:
        rows = self._db.execute(
            "SELECT c.guid, c.key, c.kind, c.fields, c.verdict, c.standing, c.anki,"
            " (SELECT s.cards FROM seen s WHERE s.guid = c.guid) AS cards"
            " FROM json_each(?) k JOIN card c ON c.key = k.value ORDER BY k.id, c.family, c.slot",
            (to_json([one.key for one in highlights]),),
        ).fetchall()
        answered: dict[str, list[tuple[int, float]]] = {}
        for guid, ordinal, at in self._db.execute(
            "SELECT guid, ordinal, max(id) FROM review WHERE ease > 0"
            " AND guid IN (SELECT value FROM json_each(?)) GROUP BY guid, ordinal",
            (to_json([row["guid"] for row in rows if row["cards"]]),),
        ):
            answered.setdefault(guid, []).append((ordinal, at / 1000))
        return tuple(_card(row, answered.get(row["guid"], ())) for row in rows)


def _card(row: sqlite3.Row, answered: Iterable[tuple[int, float]]) -> WorkCard:
    guid, key, kind, fields, verdict, standing, anki, cards = row
    return WorkCard(
        guid, key, kind, _FIELDS(fields), Verdict(verdict), Standing(standing), AnkiState(anki),
        _CARDS(cards) if cards else (), tuple(answered),
    )  # fmt: skip
