"""Cards as the ledger keeps them, and notes on their way to Anki."""

from __future__ import annotations

from dataclasses import dataclass

from ankiforge.model.drafting import Draft, Finding
from ankiforge.model.ids import MADE_FROM
from ankiforge.model.reading import Highlight
from ankiforge.model.words import (
    AcceptedBy,
    AnkiState,
    CandidateState,
    CardKind,
    DraftId,
    Family,
    Fields,
    Guid,
    HighlightKey,
    Severity,
    Standing,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One draft as the ledger keeps it."""

    id: DraftId
    state: CandidateState
    draft: Draft
    findings: tuple[Finding, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether a check forbids it."""
        return any(finding.severity is Severity.BLOCK for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Neither blocked nor in need of a look."""
        return all(finding.severity is Severity.INFO for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Card:
    """One note to be, with all that was decided about it."""

    guid: Guid
    key: HighlightKey
    slot: int
    kind: CardKind
    fields: Fields
    """As decided: the picked candidate's, or a person's edit."""
    verdict: Verdict
    standing: Standing
    anki: AnkiState
    highlight: Highlight
    candidates: tuple[Candidate, ...]
    standing_why: str = ""
    anki_why: str = ""
    accepted_by: AcceptedBy = AcceptedBy.NOBODY
    edited: bool = False
    """A person's words stand in `fields`."""
    forced: bool = False
    """Accepted over a block, by a person."""
    deck: str = ""
    tags: tuple[str, ...] = ()
    reason: str = ""
    """Why it was rejected."""
    also: tuple[Highlight, ...] = ()
    """Other highlights that it serves: the cards of these were merged into it."""
    resolved: tuple[tuple[str, str], ...] = ()
    """(field, a person's word) where Anki and the source said different things."""
    waits: str = ""
    """Why policy did not accept it though it is clean: `flood`, as one of too many at once."""
    choice: str = ""
    """The first card of a choice of both note types, by its guid; "" = it is of one."""
    beside: tuple[Candidate, ...] = ()
    """Candidates of the same open choice that are of the other note type."""

    @property
    def family(self) -> Family:
        """The note type it belongs to."""
        return self.kind.family

    @property
    def made(self) -> bool:
        """Whether a person made it by hand of a passage; its slot tells, in every ledger."""
        return self.slot >= MADE_FROM

    @property
    def picked(self) -> Candidate | None:
        """The candidate that is the card; None while the choice is open."""
        chosen = [c for c in self.candidates if c.state is CandidateState.PICKED]
        return chosen[-1] if chosen else None

    @property
    def open(self) -> tuple[Candidate, ...]:
        """Candidates, or revisions, that wait for a person."""
        return tuple(c for c in self.candidates if c.state is CandidateState.OPEN)

    @property
    def to_choose(self) -> tuple[Candidate, ...]:
        """The candidates of an open choice, of both note types; () if nothing is to be chosen."""
        waits = self.verdict is Verdict.PENDING and self.standing is Standing.LIVE
        if self.picked or not waits:
            return ()
        first = self.choice in ("", self.guid)
        return (*self.open, *self.beside) if first else (*self.beside, *self.open)

    @property
    def revision(self) -> Candidate | None:
        """What waits to take the place of an accepted card, if anything does."""
        stands = self.verdict is Verdict.ACCEPTED and self.standing is Standing.LIVE
        return self.open[0] if stands and self.picked and self.open else None

    @property
    def leading(self) -> Candidate:
        """The candidate to show: the picked one, else the first open that may be, else the first."""
        if picked := self.picked:
            return picked
        passable = [candidate for candidate in self.open if not candidate.blocked]
        return (*passable, *self.open, *self.candidates)[0]

    @property
    def blocked(self) -> bool:
        """Whether a check forbids it, and all it might be, and no person has forced it."""
        forbidden = self.leading.blocked and all(one.blocked for one in self.beside)
        return forbidden and not self.forced

    @property
    def ready(self) -> bool:
        """Accepted, live, and not blocked."""
        live = self.standing is Standing.LIVE
        return self.verdict is Verdict.ACCEPTED and live and not self.blocked


@dataclass(frozen=True, slots=True)
class Media:
    """A picture a note shows: its content-addressed name and where its bytes lie."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Note:
    """An Anki note, ready to be written: HTML, all fields in note type order."""

    guid: Guid
    family: Family
    deck: str
    fields: tuple[str, ...]
    tags: tuple[str, ...]
    mod: int
    """The compare-and-swap number Anki compares; seconds by name only."""
    media: tuple[Media, ...] = ()
    own: tuple[str, ...] = ()
    """All fields in the order of the note type in Anki, where a person changed that."""
    without: frozenset[int] = frozenset()
    """Ordinals of cards that a person deleted: they are not made again."""
