"""Search the works that were read: what `ankiforge seen` and the review page answer.

A work is found by a name (DOI, arXiv, ISBN, PMID, address, citation key, file), by its pages, by
its title, even if misspelt or shortened, or by the words of its highlights and cards.
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
"""Likeness (of 100) from which two titles count as similar; `_WITHIN` if one is part of the other."""
_WITHIN = 92.0
_LEAST_SIMILAR = 8
"""Letters from which two titles are compared; `_LEAST_WITHIN` if one is part of the other."""
_LEAST_WITHIN = 14
_PARTLY = 99.0
"""Greatest score of titles that are only partly equal."""
_LONG_TITLE = 5
"""Words of an equal title after which nothing else is searched."""
_WEAK = frozenset(("file",))
"""Schemes of names that different works may share by chance."""
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
    """A card of a work, as the last view of Anki showed it."""

    guid: Guid
    highlight: HighlightKey
    kind: str
    fields: tuple[tuple[str, str], ...]
    verdict: Verdict
    standing: Standing
    anki: AnkiState
    cards: tuple[SeenCard, ...]
    """() if it was never in Anki."""
    answered: tuple[tuple[int, float], ...]
    """(ordinal of the card, seconds since 1970) of the last answer to each."""

    def recall(self, now: float) -> tuple[float | None, ...]:
        """Return the probability of recalling each card of the note; () if it is not in Anki.

        None stands for a card that was never learnt. `now`: seconds since 1970.
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
    """How well the cards of a work are remembered now."""

    cards: int
    """Cards in Anki; a note may have several."""
    learnt: int
    """Cards with a known probability of recall."""
    suspended: int
    now: float | None
    """Mean probability of recalling the learnt cards, 0 to 1; None without any."""


@dataclass(frozen=True, slots=True)
class Work:
    """A paper, book or note: all documents that are the same work, with what was made of them."""

    key: DocumentKey
    documents: tuple[Document, ...]
    """The first is the one the others are copies of."""
    first_seen: str
    """Start of the run that first read it, ISO 8601; "" if unknown."""
    highlights: tuple[WorkHighlight, ...]
    cards: tuple[WorkCard, ...]

    @property
    def title(self) -> str:
        """Return the first title, else path, of its documents."""
        titles = (document.title for document in self.documents)
        paths = (document.path for document in self.documents)
        return next(filter(None, (*titles, *paths)), self.key)

    @property
    def read(self) -> tuple[str, str]:
        """Return the days of the first and last highlight; "" where no source says."""
        days = sorted(day for one in self.highlights if (day := one.text.created[:10]))
        return (days[0], days[-1]) if days else ("", "")

    @property
    def counts(self) -> dict[str, int]:
        """Return the numbers of highlights and cards, the latter also by state."""
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
        """Return the addresses at which the work opens, each once."""
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
        """Return how well its cards are remembered; `now`: seconds since 1970."""
        there = [card for one in self.cards if one.anki.there for card in one.cards]
        known = [chance for one in self.cards for chance in one.recall(now) if chance is not None]
        return Retention(
            len(there),
            len(known),
            sum(card.suspended for card in there),
            sum(known) / len(known) if known else None,
        )


class FoundBy(StrEnum):
    """How a work was found, the surest first."""

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
    """The name (`doi 10.1000/1`), the likeness of the titles, or the query as it was read."""
    matched: frozenset[str]
    """The keys of the highlights and guids of the cards that hold the words."""

    @property
    def highlights(self) -> tuple[WorkHighlight, ...]:
        """Return the highlights, first those that match themselves or by a card of theirs."""
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
    """Find works. The index is kept in the ledger, and brought up to date by each search."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._index = SearchIndex(connection)

    def find(self, query: str) -> Iterator[Match]:
        """Return the works that match a query, the surest and best first, read one by one.

        Raises:
            LedgerError: something has to be indexed, and the ledger cannot be written.
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
        """Return the works that a PDF belongs to: by its pages, its names, or else its title."""
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
        """Compare pages as duplicate documents are found: half of the shorter one's are equal."""
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
                said = f"{pages} equal page{'' if pages == 1 else 's'}"
                yield _Reason(document, FoundBy.PAGES, said, score=pages)
        if not folds:  # a scan without text: its pictures name it
            for document in self.works_of([extracted.document.key]):
                yield _Reason(document, FoundBy.PAGES, "the same file")

    def _by_title(self, query: str) -> Iterator[_Reason]:
        asked = loose(query)
        if len(asked) < _LEAST_SIMILAR:
            return
        from rapidfuzz import fuzz, process

        best: dict[str, float] = {}
        # titles like the query, with or without what may follow as a subtitle
        titles = self._index.titles()
        for cut in (None, len(asked)):
            choices = [title[:cut] for _, title in titles]
            for _, score, place in process.extract(
                asked, choices, scorer=fuzz.ratio, processor=None, score_cutoff=_SIMILAR, limit=20
            ):
                document = titles[place][0]
                score = score if cut is None else min(score, _PARTLY)
                best[document] = max(score, best.get(document, 0.0))
        # titles of which the query is a part; or that are its beginning, and lack its subtitle
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
        """Return each work once, for its surest reason."""
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
        """Return the work of each document; documents that no longer exist are left out."""
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
        """Return when a run started; a document keeps the number of the run that first read it."""
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
