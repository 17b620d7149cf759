"""Drafts, cards as stored in the ledger, and notes as contained in packages and seen in Anki."""

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
"""The drafter of cards proposed by a client of the MCP server; a person decides on each of them."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The drafter and model that made a draft."""

    drafter: str
    """`rules:acronym`, `llm`, `agent`, `person` …"""
    model: str = ""
    prompt: str = ""
    """`name@fingerprint`."""
    request: str = ""
    """The hash of the request whose reply contained the draft."""

    @property
    def by_comment(self) -> bool:
        """Whether the reader wrote the question, or named the gap, in a comment."""
        return self.drafter.startswith("rules:comment")


@dataclass(frozen=True, slots=True)
class Attempt:
    """An earlier draft that the checks sent back to the model."""

    kind: CardKind
    fields: Fields
    findings: tuple[str, ...]
    """The findings that were sent to the model."""
    request: str = ""
    """The hash of the request whose reply contained the draft."""


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
    """A proposed Anki note, in Markdown."""

    highlight: HighlightKey
    kind: CardKind
    fields: Fields
    quote: str
    """The evidence, verbatim from the source."""
    answer: str
    """The answer as plain text; distinguishes the cards of a highlight."""
    start: int
    """The position in `exact` where the evidence begins; orders the intents of a highlight."""
    origin: Origin
    intent: int = 0
    """Drafts of one highlight with equal intent are alternatives."""
    by_hand: bool = False
    """Whether a person wrote it as a card in the source."""
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
    """Whether the result is temporary and not recorded: the highlight stays pending."""


@dataclass(frozen=True, slots=True)
class Brief:
    """The request of the deck files for a highlight."""

    prompt: str = ""
    """The prompt's name; "" = the default."""
    kinds: tuple[CardKind, ...] = ()
    """The requested kinds of cards; () = all."""
    wants: str = "card"
    """The action of the mark's colour: `card`, `definition` or `question`."""


@dataclass(frozen=True, slots=True)
class Task:
    """Highlights of one document to be drafted in the same way."""

    document: Document
    highlights: tuple[Highlight, ...]
    remark: str = ""
    """A person's instructions for another draft."""
    discreet: bool = False
    """Whether a passage of the document must not leave this machine: the text around other passages
    may contain it."""
    brief: Brief = Brief()
    beside: bool = False
    """Whether the drafts are added to pending ones instead of replacing them."""
    instead: str = ""
    """The guid of the card to replace when a person accepts a draft of this task."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """The result for all highlights of `task`: each is in `drafts`, `no_cards` or `failed`."""

    task: Task
    drafts: tuple[Draft, ...] = ()
    no_cards: tuple[NoCard, ...] = ()
    failed: tuple[tuple[HighlightKey, str], ...] = ()
    """(highlight, reason) if the service failed to answer: drafted again by the next run."""
    problems: tuple[Problem, ...] = ()
    more: bool = False
    """Whether results for further highlights of the same task follow."""


class Judge(Protocol):
    """Distinguishes corrections of a passage or card from edits that state another fact."""

    def of_highlights(self, before: Highlight, after: Highlight, known: Container[str]) -> Edit:
        """Classify the edit of a passage; `known` contains words used elsewhere in the vault."""
        ...

    def of_drafts(self, before: Draft, after: Draft) -> Edit:
        """Classify the edit of a card."""
        ...

    def is_disputed(self, card: Card, after: Draft) -> bool:
        """Return whether a draft would change only fields that a person edited in Anki.

        Such a revision becomes a conflict.
        """
        ...


class Drafter(Protocol):
    """Turns tasks into results, taking tasks only as fast as it can work."""

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        """Yield one or more results per task, each for some of its highlights."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check of a draft or card."""

    check: str
    severity: Severity
    message: str
    twin: str = ""
    """The guid or draft id of a similar card, or `nid:` and the id of a similar note in Anki."""


class SearchTerms(NamedTuple):
    """The terms of a card in the duplicate index: enough to find it, but not to compare it."""

    words: tuple[str, ...]
    """The stems of its content words."""
    finders: tuple[str, ...]
    """Further search terms: pairs of ideographs."""
    exact: bytes
    """The digest of its exact form; b"" if a side is empty."""


class IndexedCard(NamedTuple):
    """A card, or a foreign note in Anki, in the duplicate index."""

    id: str
    """A guid, or `nid:` and Anki's id."""
    highlight: HighlightKey
    """The highlight of the card; "" if unknown."""
    where: str
    """How findings introduce a quote of a foreign note."""
    terms: SearchTerms


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft with its findings and its deck."""

    draft: Draft
    findings: tuple[Finding, ...] = ()
    accept: bool = False
    """Whether the policy accepts the draft."""
    consent: str = ""
    """The id of the event by which a person consented to the form of the card; "" if that is not why."""
    later: bool = False
    """Whether the policy decides only later, because a person is still editing the file."""
    repeats: str = ""
    """The guid of a card, or the label of a draft of this batch, that is an exact duplicate."""
    label: str = ""
    """Identifies the draft within its batch."""
    deck: str = ""
    deck_asked: bool = False
    """Whether the deck is given on the command line, which overrides that of the document's other cards."""

    @property
    def blocked(self) -> bool:
        """Whether a check blocks the draft."""
        return any(finding.severity is Severity.BLOCK for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Batch:
    """The checked result of one task, which the ledger records in one transaction."""

    task: Task
    drafter: str
    """`rules` or the model's name. Highlights without a card are pending again for another drafter."""
    checked: tuple[Checked, ...] = ()
    no_cards: tuple[NoCard, ...] = ()
    failed: tuple[tuple[HighlightKey, str], ...] = ()
    """(highlight, reason)."""


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
        """Whether a check blocks the candidate."""
        return any(finding.severity is Severity.BLOCK for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Whether no check warns or blocks."""
        return all(finding.severity is Severity.INFO for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Card:
    """A future Anki note, with all decisions about it."""

    guid: Guid
    key: HighlightKey
    slot: int
    kind: CardKind
    fields: Fields
    """The fields of the picked candidate, or as edited by a person."""
    verdict: Verdict
    standing: Standing
    anki: AnkiState
    highlight: Highlight
    candidates: tuple[Candidate, ...]
    standing_why: str = ""
    anki_why: str = ""
    accepted_by: AcceptedBy = AcceptedBy.NOBODY
    edited: bool = False
    """Whether a person edited `fields`."""
    forced: bool = False
    """Whether a person accepted the card although a check blocks it."""
    deck: str = ""
    tags: tuple[str, ...] = ()
    reason: str = ""
    """Why the card was rejected."""
    also: tuple[Highlight, ...] = ()
    """Other highlights of the card: their own cards were merged into it."""
    gone: frozenset[HighlightKey] = frozenset()
    """Those of `also` that are gone."""
    resolved: tuple[tuple[str, str], ...] = ()
    """(field, a person's decision) for fields that differed between Anki and the source."""
    waits: str = ""
    """Why the policy did not accept a clean card: `flood`, if it is one of too many at once; `decided`, if
    a person decided on its passage before; `recovered`, if its document has cards from Anki.
    """
    choice: str = ""
    """If there are alternatives of both note types, the guid of the first card; else ""."""
    beside: tuple[Candidate, ...] = ()
    """The alternatives of the other note type."""

    @property
    def family(self) -> Family:
        """The note type of the card."""
        return self.kind.family

    @property
    def passages(self) -> tuple[Highlight, ...]:
        """The highlights that the card links and cites: its own, and the others that are not gone."""
        return (self.highlight, *(one for one in self.also if one.key not in self.gone))

    @property
    def made(self) -> bool:
        """Whether a person made the card by hand from a passage, according to its slot."""
        return self.slot >= MADE_FROM

    @property
    def current(self) -> bool:
        """Whether the card is neither retired nor rejected."""
        return self.standing is Standing.LIVE and self.verdict is not Verdict.REJECTED

    @property
    def undecided(self) -> bool:
        """Whether the card is in use and waits for a person's decision."""
        return self.standing is Standing.LIVE and self.verdict is Verdict.PENDING

    @property
    def picked(self) -> Candidate | None:
        """The picked candidate, or None."""
        chosen = [c for c in self.candidates if c.state is CandidateState.PICKED]
        return chosen[-1] if chosen else None

    @property
    def open(self) -> tuple[Candidate, ...]:
        """The candidates or revisions that await a person's decision."""
        return tuple(c for c in self.candidates if c.state is CandidateState.OPEN)

    @property
    def to_choose(self) -> tuple[Candidate, ...]:
        """The alternatives to choose from, of both note types; () if there is no choice to make."""
        if self.picked or not self.undecided:
            return ()
        first = self.choice in ("", self.guid)
        return (*self.open, *self.beside) if first else (*self.beside, *self.open)

    @property
    def revision(self) -> Candidate | None:
        """The revision of an accepted card that awaits a decision, or None."""
        stands = self.verdict is Verdict.ACCEPTED and self.standing is Standing.LIVE
        return self.open[0] if stands and self.picked and self.open else None

    @property
    def leading(self) -> Candidate:
        """The candidate to show: the picked one, else the first open one not blocked, else the first."""
        if picked := self.picked:
            return picked
        passable = [candidate for candidate in self.open if not candidate.blocked]
        return (*passable, *self.open, *self.candidates)[0]

    @property
    def blocked(self) -> bool:
        """Whether checks block the card and all its alternatives, and no person has forced it."""
        forbidden = self.leading.blocked and all(one.blocked for one in self.beside)
        return forbidden and not self.forced

    @property
    def ready(self) -> bool:
        """Whether the card is accepted, live, and not blocked."""
        live = self.standing is Standing.LIVE
        return self.verdict is Verdict.ACCEPTED and live and not self.blocked


@dataclass(frozen=True, slots=True)
class Media:
    """A picture of a note: its content-addressed name and the path of its file."""

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
    """A revision number: on import Anki compares it, in place of a time in seconds."""
    media: tuple[Media, ...] = ()
    own: tuple[str, ...] = ()
    """All fields in the order of the note type in Anki, if a person changed the note type."""
    without: frozenset[int] = frozenset()
    """Ordinals of cards that a person deleted, which are not created again."""


# --- views of Anki --------------------------------------------------------------------------------


class ViewKind(StrEnum):
    """The kind of data that Anki was read from."""

    COLLECTION = "collection"
    """A copy of the live `collection.anki2`."""
    COLPKG = "colpkg"
    APKG = "apkg"
    """An export that the user names; it is never complete."""
    CONNECT = "connect"
    """Exports of a running Anki, through AnkiConnect."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """How a collection counts days, as in the `due` of a card in review."""

    created: int
    """When the collection was created, in seconds since 1970: day 0."""
    rollover: int = 4
    """The hour at which a day begins, in local time."""
    west: int | None = None
    """The time zone of the collection, in minutes west of UTC; None = as on this machine."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A decoded AnkiforgeId: `af1 <guid> <family> <slot> <key> <content> [mod]`."""

    guid: Guid
    family: Family
    slot: int
    key: HighlightKey
    content: str
    """The hash of *our* content fields as shipped, before any merge."""
    mod: int = 0
    """The `mod` of the revision, except of the first; 0 = not given."""


@dataclass(frozen=True, slots=True)
class SeenCard:
    """One card as Anki schedules it."""

    id: int
    ordinal: int
    deck: str
    """The home deck, even while the card is in a filtered one; `::` separates the parts."""
    queue: int
    """-3 and -2 buried, -1 suspended, 0 new, 1 learning, 2 review, 3 day learning, 4 preview."""
    type: int
    """0 new, 1 learning, 2 review, 3 relearning."""
    due: int
    interval: int
    """In days, or in seconds if negative."""
    factor: int
    """Ease in per mille; 0 while learning under FSRS."""
    reps: int
    lapses: int
    flag: int
    """0 to 7."""
    stability: float | None = None
    """FSRS stability, in days."""
    difficulty: float | None = None
    """FSRS difficulty, 1 to 10."""
    decay: float | None = None
    """The decay of the FSRS forgetting curve; None = not stored in the collection."""

    @property
    def suspended(self) -> bool:
        """Whether the card is suspended."""
        return self.queue == -1


@dataclass(frozen=True, slots=True)
class SeenNote:
    """A note with a guid of ours."""

    guid: Guid
    id: int
    mod: int
    """Seconds since 1970 if a person changed the note, else the number we shipped."""
    type_id: int
    """The id of the note type, which is one of ours only if it is in `anki.notetypes`."""
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    """All fields as HTML, in the order of the note type in Anki."""
    cards: tuple[SeenCard, ...]
    identity: Identity | None
    """The AnkiforgeId; None if no field contains one with the same guid."""


@dataclass(frozen=True, slots=True)
class ForeignNote:
    """A note that is not ours, with the text that drafts are compared with."""

    id: int
    mod: int
    deck: str
    """The deck of the first card; `::` separates the parts."""
    fields: Fields
    """Front and Back, or Text with its clozes, as plain text; () if there are no words."""


@dataclass(frozen=True, slots=True)
class SeenTemplate:
    """A card template in Anki."""

    name: str
    id: int | None
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class SeenType:
    """A note type in Anki."""

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
    """1 (again) to 4 (easy); 0 = rescheduled by hand."""
    interval: int
    """In days, or in seconds if negative."""
    last_interval: int
    factor: int
    duration: int
    """Milliseconds."""
    type: int
    """0 learning, 1 review, 2 relearning, 3 filtered, 4 manual, 5 rescheduled."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """A note seen in Anki, with its fields in the order of our note type."""

    family: Family
    fields: tuple[str, ...]
    """All fields of our note type, as HTML."""
    feedback: str
    """The content of the Feedback field, as plain text."""
    exact: bool
    """Whether the note type has exactly our fields and templates."""


class View(Protocol):
    """An open collection or export of Anki. It can be read only while it is open."""

    @property
    def kind(self) -> ViewKind:
        """The kind of data that is read."""
        ...

    @property
    def path(self) -> str:
        """The collection or export that is read, or the address of a running Anki."""
        ...

    @property
    def profile(self) -> str:
        """The profile's name; "" if unknown."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the view contains the whole collection, so that absent notes are not in Anki."""
        ...

    @property
    def taken_at(self) -> float:
        """When the copy was made, in seconds since 1970."""
        ...

    @property
    def created(self) -> int:
        """When the collection was created (`col.crt`), in seconds; 0 in an export of some decks."""
        ...

    @property
    def calendar(self) -> Calendar:
        """How the collection counts days."""
        ...

    @property
    def newest_review(self) -> int:
        """The highest id in the whole review log; 0 if it is empty."""
        ...

    @property
    def types(self) -> tuple[SeenType, ...]:
        """The note types with an id of ours, and all other note types of our notes."""
        ...

    def notes(self) -> Iterator[SeenNote]:
        """Yield every note with a guid of ours, sorted by guid."""
        ...

    def reviews(self, after: int = 0) -> Iterator[SeenReview]:
        """Yield the reviews of these notes' cards with ids above `after`, sorted by id."""
        ...

    def review_ids(self, until: int) -> Iterator[int]:
        """Yield the ids of these reviews up to `until`, in any order and possibly twice."""
        ...

    def answers_to(self, cards: Iterable[int]) -> Iterator[tuple[int, SeenReview]]:
        """Yield (card id, review) of deleted cards, which the log keeps, without guid and ordinal."""
        ...

    def graves(self) -> frozenset[int]:
        """Return the ids of notes that were deleted since the last full sync."""
        ...

    def note_ids(self) -> frozenset[int] | None:
        """Return the ids of all notes, ours or not; None if the collection is not complete."""
        ...

    def foreign(
        self, known: Mapping[int, int]
    ) -> tuple[frozenset[int], Iterator[ForeignNote]] | None:
        """Return the ids of all foreign notes, and the notes among them whose mod is not as in `known`.

        None if the collection is not complete.
        """
        ...

    def reviewed(self, cards: Iterable[int]) -> frozenset[int]:
        """Return the given card ids that occur in the review log."""
        ...


# --- revisions of a note --------------------------------------------------------------------------

FRESH_SECONDS = 2
"""A note changed this recently before a view was taken may change again within the same second."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """One revision of a note in a package."""

    guid: Guid
    rev: int
    """From 1; 0 = not recorded yet."""
    mod: int
    fields: Fields
    """The fields of the card, in Markdown."""
    html: tuple[str, ...]
    """All fields in note type order, as in the package; () if only the journal has the revision."""
    tags: tuple[str, ...]
    """Our tags, without those that a person added in Anki."""
    deck: str
    digest: str = ""
    first: bool = False
    """Whether no earlier package contained the note."""
    ours: tuple[str, ...] = ()
    """Our content fields before a person's changes were merged in; () = as in `html`."""
    package_tags: tuple[str, ...] | None = None
    """The tags in the package, including those that a person added in Anki; None = `tags`."""
    content: str = ""
    """The hash of our content fields: the sixth word of AnkiforgeId."""
    seen: bool = False
    """Whether a view has shown this revision in Anki."""
    written_at: str = ""
    """ISO 8601, in UTC."""

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The tags in the package."""
        return self.tags if self.package_tags is None else self.package_tags

    @property
    def known(self) -> bool:
        """Whether the text of the revision is known."""
        return bool(self.html)


def digest_of(fields: Fields, tags: Sequence[str]) -> str:
    """Return a hash of content and tags, which the journal stores in place of a revision's text."""
    return h16(*(part for field in fields for part in field), "\x1e", *tags)


def next_mod(guid: Guid, last: Shipment | None, seen_mod: int = 0) -> int:
    """Return the `mod` of a new revision, which does not depend on the clock and always increases.

    The first revision has the second of the note's id. Each later one is one above both the last
    revision and the `mod` seen in Anki, so that an edit in Anki that was not read yet is newer
    (docs/why.md).
    """
    return note_id(guid) // 1000 if last is None else 1 + max(last.mod, seen_mod)


@dataclass(frozen=True, slots=True)
class Seen:
    """A note as contained in the newest view that has it."""

    guid: Guid
    mod: int
    type_id: int
    """0 if the note type is not one of ours."""
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    """In the order of our note type."""
    content: str
    """The content hash in the AnkiforgeId, which identifies our revision that the note is based on."""
    deck: str
    cards: tuple[SeenCard, ...]
    own: tuple[str, ...]
    """All fields in the order of the note type in Anki, if it has other fields than ours; else ()."""
    taken_at: float
    """When the view was taken, in seconds since 1970."""
    named: int = 0
    """The mod in the AnkiforgeId; 0 = none."""

    @property
    def scheduler_tags(self) -> tuple[str, ...]:
        """The tags `marked` and `leech`, which the import of a file would remove."""
        return tuple(tag for tag in self.tags if tag.casefold() in ("marked", "leech"))


@dataclass(slots=True)
class ViewSummary:
    """The changes in the ledger when a view was recorded. Numbers count notes unless noted."""

    refused: str = ""
    """Why the view was not recorded; "" if it was."""
    hint: str = ""
    seen: int = 0
    """Notes of ours in the view."""
    first: int = 0
    """Notes of ours that were never seen before."""
    back: int = 0
    """Missing or deleted notes that are in Anki again."""
    missing: int = 0
    """All notes that are now missing, until a person confirms it or another view decides."""
    deleted: int = 0
    """Notes newly recognised as deleted in Anki."""
    held_back: bool = False
    """Whether too many notes are missing at once for a deletion to be likely."""
    reviews: int = 0
    feedback: int = 0
    recovered: int = 0
    """Cards taken over from Anki because the ledger did not have them."""
    bound: bool = False
    """Whether this view bound the ledger to its collection."""
