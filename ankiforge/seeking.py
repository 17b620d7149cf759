"""Works that match a person's words, best first: whether this was looked at before.

By what names a work (DOI, arXiv, ISBN, PMID, address, citation key), by its title, also a
misspelt or shortened one, and by the words of what was marked and of its cards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ankiforge.ledger import Ledger
from ankiforge.ledger.looks.searching import Hit
from ankiforge.ledger.looks.shelf import Made, Marked, Shelved
from ankiforge.ledger.reading.works import LONG_PAGE
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Guid,
    Standing,
    Verdict,
)
from ankiforge.recall import retrievability
from ankiforge.text.fold import loose
from ankiforge.text.identifiers import Name, names_in, names_of

SIMILAR = 86.0
"""From this likeness on (of 100) two titles are taken for one."""
WITHIN = 92.0
"""The same for a title that is only a part of the other."""
LEAST_SIMILAR = 8
LEAST_WITHIN = 14
"""Letters from which two titles are compared, whole or in part."""
LONG = 5
"""Words of a title that nothing else has: a work that is called so ends the search."""
_CUT = 99.0
"""Likeness of titles of which only a part is equal."""
_WEAK = frozenset(("file",))
"""Names that works may share by chance."""


class By(StrEnum):
    """How a work was found, the surest first."""

    NAME = "identifier"
    PAGES = "pages"
    TITLE = "title"
    SIMILAR = "similar title"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Found:
    """A work, and why it is told."""

    work: Shelved
    by: By
    said: str
    """`doi 10.1000/1`, or how like the titles are."""
    matched: frozenset[str]
    """The keys of highlights and guids of cards that hold the words."""

    @property
    def title(self) -> str:
        """As its best route has it."""
        titles = (document.title for document in self.work.documents)
        paths = (document.path for document in self.work.documents)
        return next(filter(None, (*titles, *paths)), self.work.key)

    @property
    def marks(self) -> tuple[Marked, ...]:
        """What was marked, first what holds the words or whose card does."""
        carded = {one.highlight for one in self.work.made if one.guid in self.matched}
        hit = carded | self.matched
        return tuple(sorted(self.work.marks, key=lambda one: one.key not in hit))

    @property
    def read(self) -> tuple[str, str]:
        """The days of the first and the last highlight; "" where no source says."""
        made = sorted(day for one in self.work.marks if (day := one.said.created[:10]))
        return (made[0], made[-1]) if made else ("", "")


@dataclass(frozen=True, slots=True)
class Recall:
    """How well the cards of a work are remembered now."""

    cards: int
    """In Anki (a note may have several)."""
    learnt: int
    """Of them answered at least once."""
    suspended: int
    now: float | None
    """The mean chance to remember those that were learnt, 0 to 1; None if there are none."""


Chances = dict[Guid, tuple[float | None, ...]]
"""Of each note in Anki: the chance to remember each of its cards now; None = never learnt."""


def chances_of(made: Iterable[Made], now: float) -> Chances:
    """How well cards are remembered; `now` in seconds since 1970."""
    return {one.guid: tuple(_chances(one, now)) for one in made if one.anki.there}


def _chances(made: Made, now: float) -> Iterator[float | None]:
    answered = dict(made.answered)
    for card in made.cards:
        at = answered.get(card.ordinal)
        yield None if at is None else retrievability(card, at, now)


def recall_of(made: Iterable[Made], chances: Chances) -> Recall:
    """How well the cards of a work are remembered."""
    learnt = [one for several in chances.values() for one in several if one is not None]
    there = [card for one in made if one.guid in chances for card in one.cards]
    return Recall(
        len(there),
        len(learnt),
        sum(card.suspended for card in there),
        sum(learnt) / len(learnt) if learnt else None,
    )


def in_use(made: Made) -> bool:
    """Whether a card stands: neither rejected nor retired."""
    return made.standing is Standing.LIVE and made.verdict is not Verdict.REJECTED


def counts_of(found: Found) -> dict[str, int]:
    """How many there are of what."""
    made = found.work.made
    here = [one for one in made if in_use(one)]
    return {
        "highlights": len(found.work.marks),
        "cards": len(made),
        "accepted": sum(one.verdict is Verdict.ACCEPTED for one in here),
        "waiting": sum(one.verdict is Verdict.PENDING for one in here),
        "rejected": sum(one.verdict is Verdict.REJECTED for one in made),
        "retired": sum(one.standing is not Standing.LIVE for one in made),
        "in_anki": sum(one.anki.there for one in made),
    }


def links_of(found: Found) -> tuple[str, ...]:
    """Where the work may be opened, each address once."""
    told = (link for document in found.work.documents for link in opened_by(document))
    return tuple(dict.fromkeys(told))


# --- searching ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reason:
    document: str
    by: By
    said: str = ""
    score: float = 0.0
    matched: str = ""


def seek(ledger: Ledger, query: str) -> Iterator[Found]:
    """The works that match a person's words, the surest and best first; read one by one."""
    query = query.encode("utf-8", "replace").decode()
    names = dict.fromkeys((*names_in(query), *_single(query)))
    reasons = [*_by_names(ledger, names)]
    if not any(one.by is By.NAME for one in reasons):
        reasons += _by_title(ledger, query)
        if not (any(one.by is By.TITLE for one in reasons) and len(query.split()) >= LONG):
            reasons += _by_words(ledger, query)
    yield from _works(ledger, reasons)


def _single(query: str) -> Iterator[Name]:
    """What one word may be that nothing marks as a name: a citation key, a key in Zotero, a file."""
    word = query.strip()
    if word and " " not in word:
        yield ("citekey", word.casefold())
        yield ("file", word.casefold())
        yield ("zotero", f"user/{word}")


def seek_file(ledger: Ledger, read: Sequence[Extracted]) -> Iterator[Found]:
    """The works that a PDF is one with: by its pages, its names, or its title."""
    reasons: list[_Reason] = []
    for extracted in read:
        document = extracted.document
        names = names_of(document.identifiers, document.uri)
        reasons += _by_names(ledger, [one for one in names if one[0] not in _WEAK])
        reasons += _by_pages(ledger, extracted)
        if not reasons:
            reasons += _by_title(ledger, document.title)
    yield from _works(ledger, reasons)


def _by_names(ledger: Ledger, names: Iterable[Name]) -> Iterator[_Reason]:
    for document, (scheme, value) in ledger.searching.named(names):
        yield _Reason(document, By.NAME, f"{scheme} {value}")


def _by_pages(ledger: Ledger, extracted: Extracted) -> Iterator[_Reason]:
    """As works are united: half of the smaller one's pages of text are equal."""
    folds = {fold for fold, length in extracted.pages if length >= LONG_PAGE}
    for document, shared in ledger.shelf.sharing_pages(folds, 1):
        theirs = ledger.shelf.text_pages(document, LONG_PAGE)
        if shared * 2 >= min(len(folds), theirs):
            said = f"{shared} equal page{'' if shared == 1 else 's'}"
            yield _Reason(document, By.PAGES, said, score=shared)
    if not folds:  # scanned: its pictures name it
        for document in ledger.shelf.works_of([extracted.document.key]):
            yield _Reason(document, By.PAGES, "the same file")


def _by_title(ledger: Ledger, query: str) -> Iterator[_Reason]:
    asked = loose(query)
    if len(asked) < LEAST_SIMILAR:
        return
    likest: dict[str, float] = {}
    for document, score in (*_whole(ledger, asked), *_in_part(ledger, asked)):
        likest[document] = max(score, likest.get(document, 0.0))
    equal = {document for document, title in ledger.searching.titles_like(asked) if title == asked}
    for document, score in likest.items():
        by = By.TITLE if document in equal else By.SIMILAR
        yield _Reason(document, by, f"{score:.0f} % alike", score)


def _whole(ledger: Ledger, asked: str) -> Iterator[tuple[str, float]]:
    """Titles like what is asked, with or without what may follow as a subtitle."""
    from rapidfuzz import fuzz, process

    titles = ledger.searching.titles()
    for cut in (None, len(asked)):
        choices = [title[:cut] for _, title in titles]
        for _, score, place in process.extract(
            asked, choices, scorer=fuzz.ratio, processor=None, score_cutoff=SIMILAR, limit=20
        ):
            yield titles[place][0], score if cut is None else min(score, _CUT)


def _in_part(ledger: Ledger, asked: str) -> Iterator[tuple[str, float]]:
    """Titles of which it is a part; or that are its beginning, and lack its subtitle."""
    from rapidfuzz import fuzz

    for document, title in ledger.searching.titles_like(asked):
        shorter = min(len(title), len(asked))
        if shorter < LEAST_WITHIN:
            continue
        if len(title) < len(asked):
            score = fuzz.ratio(asked[: len(title)], title, score_cutoff=SIMILAR)
        else:
            score = fuzz.partial_ratio(asked, title, score_cutoff=WITHIN)
        if score:
            yield document, min(score, _CUT)


def _by_words(ledger: Ledger, query: str) -> Iterator[_Reason]:
    """What holds all words in one place; else the works that do in several."""
    hits: list[Hit] = ledger.searching.with_words(query) or ledger.searching.across(query)
    said = ""
    if not hits:
        hits, read = ledger.searching.misspelt(query)
        said = f"read as “{read}”"
    for hit in hits:
        told = "" if hit.what == "document" else hit.ref
        yield _Reason(hit.document, By.WORDS, said, hit.score, told)


def _works(ledger: Ledger, reasons: Sequence[_Reason]) -> Iterator[Found]:
    """Each work once, for its surest reason."""
    order = list(By)
    works = ledger.shelf.works_of(one.document for one in reasons)
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
        yield Found(ledger.shelf.work(key), best[key].by, best[key].said, matched)


def opened_by(document: Document) -> tuple[str, ...]:
    """The addresses at which a work may be opened: its own, and those its identifiers make."""
    made = {"doi": "https://doi.org/", "arxiv": "https://arxiv.org/abs/"}
    made["pmid"] = "https://pubmed.ncbi.nlm.nih.gov/"
    told = [document.uri]
    for scheme, value in document.identifiers:
        if scheme == "url" and value.startswith(("http://", "https://")):
            told.append(value)
        elif scheme in made:
            told.append(f"{made[scheme]}{value}")
    return tuple(dict.fromkeys(filter(None, told)))
