"""Whose a note is: what the ledger says of notes of ours, and where any note says it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ankiforge.anki.cards import is_blank
from ankiforge.anki.names import RETIRED
from ankiforge.anki.views import AnyNote
from ankiforge.check.lexical.normal import bare
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import NOTE, PAIRED
from ankiforge.ledger.queries import CardStatus
from ankiforge.model import Finding, Guid, Severity, Standing, Verdict
from ankiforge.reports.auditing import kinds
from ankiforge.reports.linting.notes import LONGEST_READ, Note, markdown

_SOURCES = frozenset(
    [
        "source",
        "sources",
        "reference",
        "references",
        "citation",
        "url",
        "link",
        "quelle",
        "quellen",
        "fuente",
    ]
)
"""What people call the field that says where a note is from."""
_LONGEST = 120
"""Characters of a remark that are quoted."""


@dataclass(frozen=True, slots=True)
class Books:
    """What the ledger says, read once."""

    accounts: Mapping[Guid, CardStatus]
    sourceless: frozenset[str]
    """Guids of cards whose passage is gone."""
    distinct: frozenset[frozenset[str]]
    """Pairs that are no duplicates; a note of others is `nid:…`."""
    left: Mapping[Guid, int]
    """Cards that fail and are to stay as they are, by how often they had lapsed by then."""
    answered: frozenset[tuple[Guid, str]]
    """Remarks that were dealt with."""


def books_of(ledger: Ledger) -> Books:
    """The ledger as an audit needs it."""
    queries = ledger.queries
    gone = frozenset(queries.without_source())
    return Books(
        queries.card_statuses(), gone, queries.not_duplicates(), queries.handled_lapses(),
        queries.handled_remarks(),
    )  # fmt: skip


# --- one note -------------------------------------------------------------------------------


def retired(note: AnyNote, books: Books, *, ours: bool) -> bool:
    """Whether it is a card of ours no more."""
    account = books.accounts.get(Guid(note.guid)) if ours else None
    tagged = RETIRED in (tag.casefold() for tag in note.tags)
    return tagged or (account is not None and not account.stands)


def belonging(note: AnyNote, read: Note, books: Books, *, complete: bool) -> Iterator[Finding]:
    """What is odd about where a note is from.

    `complete`: it stands in a whole collection, not in a package of somebody.
    """
    ours = read.identity is not None
    if retired(note, books, ours=ours):
        if any(not card.suspended for card in note.cards):
            yield kinds.RETIRED.found(_why(books.accounts.get(Guid(note.guid))))
        return
    if ours and Guid(note.guid) not in books.accounts:
        found = kinds.UNKNOWN.found()
        yield found if complete else replace(found, severity=Severity.INFO)
    if note.guid in books.sourceless:
        yield kinds.SOURCE_GONE.found()
    yield from _sourceless(read, ours=ours)


def _why(account: CardStatus | None) -> str:
    if account is None or account.stands:
        return "it has the tag"
    if account.standing is not Standing.LIVE:
        return f"{account.standing} here"
    if account.verdict is Verdict.REJECTED:
        return "rejected here" + (f" ({account.why})" if account.why else "")
    return "it waits for your decision here"


def _sourceless(read: Note, *, ours: bool) -> Iterator[Finding]:
    named = {name: text for name, text in read.fields if name.strip().casefold() in _SOURCES}
    if named and all(is_blank(text[:LONGEST_READ]) for text in named.values()):
        found = kinds.NO_SOURCE.found(next(iter(named)))
        yield replace(found, severity=Severity.WARN) if ours else found


def remark(read: Note, books: Books) -> str:
    """What a person typed about a note of ours while studying, and nobody has dealt with."""
    said = dict(read.fields).get("Feedback", "") if read.identity else ""
    words = " ".join(bare(markdown(said[:LONGEST_READ])).split()) if said else ""
    if (Guid(read.guid), words) in books.answered:
        return ""
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def is_left(note: AnyNote, books: Books) -> bool:
    """Whether a person has dealt with a card of ours that fails, and it has not lapsed since."""
    lapses = books.left.get(Guid(note.guid))
    return lapses is not None and sum(card.lapses for card in note.cards) <= lapses


# --- pairs that were settled ----------------------------------------------------------------


def name_of(note: AnyNote, *, ours: bool) -> str:
    """By which a decision about a pair names it."""
    return note.guid if ours else f"{NOTE}{note.id}"


def unsettled(
    found: tuple[Finding, ...], name: str, names: Mapping[str, str], books: Books
) -> tuple[Finding, ...]:
    """Without the duplicates that a person called none.

    Args:
        found: about one note.
        name: its own.
        names: of all notes so far, by what findings call them.
        books: what the ledger says.
    """
    if not books.distinct:
        return found
    return tuple(one for one in found if not _is_settled(one, name, names, books))


def _is_settled(one: Finding, name: str, names: Mapping[str, str], books: Books) -> bool:
    pair = frozenset((name, names.get(one.twin, "")))
    return one.check in PAIRED and pair in books.distinct
