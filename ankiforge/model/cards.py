"""Drafts, cards as the ledger stores them, notes as packages contain them and as Anki shows them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from ankiforge.model.highlights import (
    MADE_FROM,
    AcceptedBy,
    AnkiState,
    CandidateState,
    CardKind,
    Document,
    DraftId,
    Edit,
    Family,
    Fields,
    Guid,
    Highlight,
    HighlightKey,
    Problem,
    Severity,
    Standing,
    Verdict,
    h16,
    note_id,
)

AGENT = "agent"
"""The drafter of cards that a client of the MCP server proposed: a person decides on each."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The drafter and model that made a draft."""

    drafter: str
    """`rules:acronym`, `llm`, `agent`, `person` …"""
    model: str = ""
    prompt: str = ""
    """`name@fingerprint`."""
    request: str = ""
    """The hash of the request whose reply contained it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An earlier draft that the checks sent back to the model."""

    kind: CardKind
    fields: Fields
    findings: tuple[str, ...]
    """The findings that were sent to the model."""
    request: str = ""
    """The hash of the request whose reply contained it."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a model answers that is shown a card's question and passage, but not its answer."""

    done: bool = True
    """False: it is wanted, and there is no reply yet."""
    answer: str = ""
    """Its answer; "" = the passage gives none."""
    same: bool = True
    """Whether that is the answer of the card."""
    others: tuple[str, ...] = ()
    """Answers that it thinks right as well, and that mean another thing."""
    request: str = ""
    """The hash of the request that was answered."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One proposed Anki note, in Markdown."""

    highlight: HighlightKey
    kind: CardKind
    fields: Fields
    quote: str
    """The evidence, verbatim from the source."""
    answer: str
    """The answer as plain text; distinguishes cards of one highlight."""
    start: int
    """Where the evidence begins in `exact`; orders the intents of a highlight."""
    origin: Origin
    intent: int = 0
    """Drafts of one highlight with equal intent are alternatives."""
    by_hand: bool = False
    """Written as a card by a person, in the source."""
    tags: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    """Earlier drafts that were sent back, oldest first."""
    probe: Probe | None = None
    """None = no probe was wanted."""

    @property
    def probed(self) -> bool:
        """Return whether the answer probe was answered."""
        return self.probe is not None and self.probe.done

    def field(self, name: str) -> str:
        """Return the Markdown of one content field, "" if absent."""
        return dict(self.fields).get(name, "")


@dataclass(frozen=True, slots=True)
class NoCard:
    """The result that a highlight yields no card."""

    highlight: HighlightKey
    reason: str
    passing: bool = False
    """Temporary, and not recorded: the highlight stays pending."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What the deck files ask for."""

    prompt: str = ""
    """The prompt's name; "" = the usual one."""
    kinds: tuple[CardKind, ...] = ()
    """The kinds that are wanted; () = all."""
    wants: str = "card"
    """What the mark's colour asks for: `card`, `definition` or `question`."""


@dataclass(frozen=True, slots=True)
class Task:
    """Highlights of one document to be drafted in the same way."""

    document: Document
    highlights: tuple[Highlight, ...]
    remark: str = ""
    """What a person asked for when requesting another draft."""
    discreet: bool = False
    """Whether a passage of the document must stay on this machine: the text around the others
    may hold it."""
    brief: Brief = Brief()
    beside: bool = False
    """Whether the drafts are added to those that wait, instead of replacing them."""
    instead: str = ""
    """The guid of the card that is replaced once a person accepts a draft of this task."""
    unread: frozenset[HighlightKey] = frozenset()
    """Highlights whose reply an older version could not read and would have requested again."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A result for all highlights of `task`: each is in drafts, in no_cards, or in failed."""

    task: Task
    drafts: tuple[Draft, ...] = ()
    no_cards: tuple[NoCard, ...] = ()
    failed: tuple[tuple[HighlightKey, str], ...] = ()
    """Not answered this time (a fault of the service), and why: drafted again on the next run."""
    problems: tuple[Problem, ...] = ()
    more: bool = False
    """Whether results for further highlights of the same task follow."""


class Judge(Protocol):
    """Tells corrections from other facts at the same place."""

    def of_highlights(self, before: Highlight, after: Highlight, known: Container[str]) -> Edit:
        """Return what became of a passage; `known` holds words that stand elsewhere in the vault."""
        ...

    def of_drafts(self, before: Draft, after: Draft) -> Edit:
        """Return what became of a card."""
        ...

    def is_disputed(self, card: Card, after: Draft) -> bool:
        """Return whether a person wrote in Anki what a draft would change: it becomes a conflict."""
        ...


class Drafter(Protocol):
    """Turns tasks into results; takes tasks no faster than it works."""

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        """Yield one or more results per task, each for some of its highlights."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check about a draft or card."""

    check: str
    severity: Severity
    message: str
    twin: str = ""
    """The guid or draft id of the card it repeats or resembles, or `nid:` and the id of a note in Anki."""


class SearchTerms(NamedTuple):
    """The part of a card in the duplicate index: enough to find it, not to compare it."""

    words: tuple[str, ...]
    """Stems of its content words."""
    finders: tuple[str, ...]
    """Further search terms: pairs of ideographs."""
    exact: bytes
    """Digest of its exact form, b"" where a side is empty."""


class IndexedCard(NamedTuple):
    """A card in the duplicate index, or a note in Anki that is not ours."""

    id: str
    """A guid, or `nid:` and Anki's id."""
    highlight: HighlightKey
    """The highlight it comes from; "" if unknown."""
    where: str
    """How findings introduce a quote of another tool's note."""
    terms: SearchTerms


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft with its findings and its deck."""

    draft: Draft
    findings: tuple[Finding, ...] = ()
    accept: bool = False
    """Whether policy accepts it."""
    later: bool = False
    """Policy decides only when its file has been left alone: a person is still writing there."""
    repeats: str = ""
    """The guid of a card, or the label of a draft of this batch, that it repeats exactly."""
    label: str = ""
    """Names this draft within its batch."""
    deck: str = ""
    deck_asked: bool = False
    """Whether the command names this deck, which then precedes that of the document."""

    @property
    def blocked(self) -> bool:
        """Whether a check forbids it."""
        return any(finding.severity is Severity.BLOCK for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Batch:
    """The checked result of one task: what the ledger records in one transaction."""

    task: Task
    drafter: str
    """`rules` or the model's name; another drafter is asked again."""
    checked: tuple[Checked, ...] = ()
    no_cards: tuple[NoCard, ...] = ()
    failed: tuple[tuple[HighlightKey, str], ...] = ()
    """(highlight, what went wrong)."""


# --- cards and notes ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """A draft stored for a card."""

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
        """Whether no check warns or blocks."""
        return all(finding.severity is Severity.INFO for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Card:
    """A future Anki note, with all that was decided about it."""

    guid: Guid
    key: HighlightKey
    slot: int
    kind: CardKind
    fields: Fields
    """The picked candidate's fields, or a person's edit."""
    verdict: Verdict
    standing: Standing
    anki: AnkiState
    highlight: Highlight
    candidates: tuple[Candidate, ...]
    standing_why: str = ""
    anki_why: str = ""
    accepted_by: AcceptedBy = AcceptedBy.NOBODY
    edited: bool = False
    """Whether `fields` are a person's."""
    forced: bool = False
    """Accepted over a block, by a person."""
    deck: str = ""
    tags: tuple[str, ...] = ()
    reason: str = ""
    """Why it was rejected."""
    also: tuple[Highlight, ...] = ()
    """Other highlights that it serves: the cards of these were merged into it."""
    resolved: tuple[tuple[str, str], ...] = ()
    """(field, a person's decision) of fields that differed between Anki and the source."""
    waits: str = ""
    """Why policy did not accept it though it is clean: `flood`, as one of too many at once; `decided`, as a
    person decided about its passage before; `recovered`, as its document has cards from Anki.
    """
    choice: str = ""
    """Of alternatives of both note types, the guid of the first card; "" = all are of one type."""
    beside: tuple[Candidate, ...] = ()
    """The alternatives that are of the other note type."""

    @property
    def family(self) -> Family:
        """The note type it belongs to."""
        return self.kind.family

    @property
    def made(self) -> bool:
        """Whether a person made it by hand from a passage; the range of its slot says so in every ledger."""
        return self.slot >= MADE_FROM

    @property
    def picked(self) -> Candidate | None:
        """The picked candidate; None while there is none."""
        chosen = [c for c in self.candidates if c.state is CandidateState.PICKED]
        return chosen[-1] if chosen else None

    @property
    def open(self) -> tuple[Candidate, ...]:
        """Candidates, or revisions, that wait for a person's decision."""
        return tuple(c for c in self.candidates if c.state is CandidateState.OPEN)

    @property
    def to_choose(self) -> tuple[Candidate, ...]:
        """The alternatives, of both note types; () if nothing is to be chosen."""
        waits = self.verdict is Verdict.PENDING and self.standing is Standing.LIVE
        if self.picked or not waits:
            return ()
        first = self.choice in ("", self.guid)
        return (*self.open, *self.beside) if first else (*self.beside, *self.open)

    @property
    def revision(self) -> Candidate | None:
        """The revision of an accepted card that waits, if there is one."""
        stands = self.verdict is Verdict.ACCEPTED and self.standing is Standing.LIVE
        return self.open[0] if stands and self.picked and self.open else None

    @property
    def leading(self) -> Candidate:
        """The candidate to show: the picked one, else the first open one that no check blocks, else the first."""
        if picked := self.picked:
            return picked
        passable = [candidate for candidate in self.open if not candidate.blocked]
        return (*passable, *self.open, *self.candidates)[0]

    @property
    def blocked(self) -> bool:
        """Whether a check forbids it and all its alternatives, and no person has forced it."""
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


# --- what Anki shows ------------------------------------------------------------------------------


class ViewKind(StrEnum):
    """How Anki was read."""

    COLLECTION = "collection"
    """A copy of the live `collection.anki2`."""
    COLPKG = "colpkg"
    APKG = "apkg"
    """An export given by hand: never complete."""
    CONNECT = "connect"
    """Exports of a running Anki, by AnkiConnect."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """How a collection counts days: the `due` of a card in review is such a number."""

    created: int
    """When it was made, seconds since 1970; day 0."""
    rollover: int = 4
    """The hour at which a day begins, local time."""
    west: int | None = None
    """Minutes west of UTC where it was made; None = as on this machine."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A decoded AnkiforgeId: `af1 <guid> <family> <slot> <key> <content> [mod]`."""

    guid: Guid
    family: Family
    slot: int
    key: HighlightKey
    content: str
    """Hash of *our* content fields as they were shipped, before any merge."""
    mod: int = 0
    """The number of the revision, where it is not the first; 0 = not said."""


@dataclass(frozen=True, slots=True)
class SeenCard:
    """One card as Anki schedules it."""

    id: int
    ordinal: int
    deck: str
    """Its home deck, also while it is in a filtered one; `::` between the parts."""
    queue: int
    """-3 and -2 buried, -1 suspended, 0 new, 1 learning, 2 review, 3 day learning, 4 preview."""
    type: int
    """0 new, 1 learning, 2 review, 3 relearning."""
    due: int
    interval: int
    """Days; negative: seconds."""
    factor: int
    """Ease in per mille; 0 while it is learnt under FSRS."""
    reps: int
    lapses: int
    flag: int
    """0 to 7."""
    stability: float | None = None
    """Of FSRS, days."""
    difficulty: float | None = None
    """Of FSRS, 1 to 10."""
    decay: float | None = None
    """Of the FSRS forgetting curve; None = not stored in the collection."""

    @property
    def suspended(self) -> bool:
        """Whether it is suspended."""
        return self.queue == -1


@dataclass(frozen=True, slots=True)
class SeenNote:
    """A note with a guid of ours."""

    guid: Guid
    id: int
    mod: int
    """Seconds since 1970 if a person changed it, else the number we shipped."""
    type_id: int
    """Of its note type; ours only if it is in `anki.notetypes`."""
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    """All fields as HTML, in the order of the note type in Anki."""
    cards: tuple[SeenCard, ...]
    identity: Identity | None
    """None if no field holds an AnkiforgeId that names this very guid."""


@dataclass(frozen=True, slots=True)
class ForeignNote:
    """A note that is not ours, as far as drafts are compared with it."""

    id: int
    mod: int
    deck: str
    """Of its first card; `::` between the parts."""
    fields: Fields
    """Front and Back, or Text with its clozes, as plain text; () if there are no words."""


@dataclass(frozen=True, slots=True)
class SeenTemplate:
    """A card template as it stands in Anki."""

    name: str
    id: int | None
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class SeenType:
    """A note type as it stands in Anki."""

    id: int
    name: str
    mod: int
    """Seconds since 1970."""
    cloze: bool
    fields: tuple[tuple[str, int | None], ...]
    """(name, id) in order."""
    templates: tuple[SeenTemplate, ...]
    css: str


@dataclass(frozen=True, slots=True)
class SeenReview:
    """One answer in the review log."""

    id: int
    """Milliseconds since 1970."""
    guid: Guid
    ordinal: int
    ease: int
    """1 again to 4 easy; 0 = set by hand."""
    interval: int
    """Days; negative: seconds."""
    last_interval: int
    factor: int
    duration: int
    """Milliseconds."""
    type: int
    """0 learning, 1 review, 2 relearning, 3 filtered, 4 manual, 5 rescheduled."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """A note seen in Anki, its fields in the order of our note type."""

    family: Family
    fields: tuple[str, ...]
    """All of ours, as HTML."""
    feedback: str
    """What a person wrote there, as plain text."""
    exact: bool
    """Whether the note type has our fields and templates and no others."""


class View(Protocol):
    """An open collection or export of Anki; read while it is open, never kept."""

    @property
    def kind(self) -> ViewKind:
        """From what Anki was read."""
        ...

    @property
    def path(self) -> str:
        """The collection or export that was read; of a running Anki its address."""
        ...

    @property
    def profile(self) -> str:
        """The profile's name, "" if it is unknown."""
        ...

    @property
    def complete(self) -> bool:
        """Whether what is absent here is absent in Anki."""
        ...

    @property
    def taken_at(self) -> float:
        """When the copy was taken, seconds since 1970."""
        ...

    @property
    def created(self) -> int:
        """When the collection was made (`col.crt`), seconds; 0 in an export of some decks."""
        ...

    @property
    def calendar(self) -> Calendar:
        """How it counts days."""
        ...

    @property
    def newest_review(self) -> int:
        """The highest id of the whole review log, 0 if it is empty."""
        ...

    @property
    def types(self) -> tuple[SeenType, ...]:
        """The note types with an id of ours, and those that notes of ours have."""
        ...

    def notes(self) -> Iterator[SeenNote]:
        """Every note with a guid of ours, ascending by guid."""
        ...

    def reviews(self, after: int = 0) -> Iterator[SeenReview]:
        """The review log of these notes' cards, from ids above `after`, ascending."""
        ...

    def review_ids(self, until: int) -> Iterator[int]:
        """The ids of these up to `until`, in any order; one may come twice."""
        ...

    def answers_to(self, cards: Iterable[int]) -> Iterator[tuple[int, SeenReview]]:
        """(card id, answer) of deleted cards: the log keeps them. Without guid and ordinal."""
        ...

    def graves(self) -> frozenset[int]:
        """Ids of notes that were deleted since the last full sync."""
        ...

    def note_ids(self) -> frozenset[int] | None:
        """Of all notes, ours or not; None if it shows only a part of the collection."""
        ...

    def foreign(
        self, known: Mapping[int, int]
    ) -> tuple[frozenset[int], Iterator[ForeignNote]] | None:
        """Return the ids of all notes that are not ours, and those whose mod differs from `known`.

        None if it shows only a part of the collection.
        """
        ...

    def reviewed(self, cards: Iterable[int]) -> frozenset[int]:
        """Return those of these card ids that are in the review log."""
        ...


# --- revisions of a note --------------------------------------------------------------------------

FRESH_SECONDS = 2
"""A note changed this shortly before a view was taken may change again within the same second."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """One revision of a note, as a package holds it."""

    guid: Guid
    rev: int
    """From 1; 0 = not recorded yet."""
    mod: int
    fields: Fields
    """Markdown, as decided."""
    html: tuple[str, ...]
    """All fields in note type order, as in the package; () if only the journal knows the revision."""
    tags: tuple[str, ...]
    """Our tags; `package_tags` also has those that a person added in Anki."""
    deck: str
    digest: str = ""
    first: bool = False
    """Whether no package held the note before."""
    ours: tuple[str, ...] = ()
    """Our content fields before a person's changes were merged in; () = as in `html`."""
    package_tags: tuple[str, ...] | None = None
    """The tags in the package; None = `tags`."""
    content: str = ""
    """The hash of our content fields: the sixth word of AnkiforgeId."""
    seen: bool = False
    """Whether a view has shown this revision in Anki."""
    written_at: str = ""
    """ISO text in UTC."""

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The tags as the package has them."""
        return self.tags if self.package_tags is None else self.package_tags

    @property
    def known(self) -> bool:
        """Whether the text of the revision is on record."""
        return bool(self.html)


def digest_of(fields: Fields, tags: Sequence[str]) -> str:
    """Return a hash of content and tags: what the journal keeps of a revision's text."""
    return h16(*(part for field in fields for part in field), "\x1e", *tags)


def next_mod(guid: Guid, last: Shipment | None, seen_mod: int = 0) -> int:
    """Return the `mod` of a changed note: no clock, never below what was shipped.

    The first revision takes the second of the note's id; each change is one above the last
    revision and what was seen in Anki, so that an edit nobody has seen is newer (docs/why.md).
    """
    return note_id(guid) // 1000 if last is None else 1 + max(last.mod, seen_mod)


@dataclass(frozen=True, slots=True)
class Seen:
    """A note as the newest view that contains it showed it."""

    guid: Guid
    mod: int
    type_id: int
    """0 if its note type is not one of ours."""
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    """In the order of our note type."""
    content: str
    """The content hash in its AnkiforgeId: which of our revisions it was made from."""
    deck: str
    cards: tuple[SeenCard, ...]
    own: tuple[str, ...]
    """All fields in the order of the type in Anki, where that has others than ours; else ()."""
    taken_at: float
    """When the view was taken, seconds since 1970."""
    named: int = 0
    """The mod in its AnkiforgeId; 0 = none."""

    @property
    def scheduler_tags(self) -> tuple[str, ...]:
        """`marked` and `leech`, which the import of a file would remove."""
        return tuple(tag for tag in self.tags if tag.casefold() in ("marked", "leech"))


@dataclass(slots=True)
class ViewSummary:
    """What recording a view changed in the ledger."""

    refused: str = ""
    """Why nothing of the view was recorded; "" if it was."""
    hint: str = ""
    seen: int = 0
    """Notes of ours in the view."""
    first: int = 0
    """Of these, notes never seen before."""
    back: int = 0
    """Missing or deleted notes that are there again."""
    missing: int = 0
    """All notes that are missing now, until a person confirms or another view decides."""
    deleted: int = 0
    """Notes newly recognised as deleted in Anki."""
    held_back: bool = False
    """Whether too many notes are missing at once for a deletion to be likely."""
    reviews: int = 0
    feedback: int = 0
    recovered: int = 0
    """Cards taken over from Anki because the ledger did not have them."""
    bound: bool = False
    """Whether the ledger was bound to this collection now."""
