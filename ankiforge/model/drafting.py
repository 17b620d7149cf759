"""What a drafter yields, and what the checks say of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ankiforge.model.reading import Document, Highlight, Problem
from ankiforge.model.words import CardKind, Fields, HighlightKey, Severity


@dataclass(frozen=True, slots=True)
class Origin:
    """Who drew a draft, and from which words."""

    drafter: str
    """`rules:acronym`, `llm`, `person` …"""
    model: str = ""
    prompt: str = ""
    """`name@fingerprint`."""
    request: str = ""
    """The hash under which the ledger keeps the model's reply."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A draft that the checks sent back to the model, which mended it."""

    kind: CardKind
    fields: Fields
    findings: tuple[str, ...]
    """What was wrong with it, in the words the model was told."""
    request: str = ""
    """The hash under which the ledger keeps the reply it came in."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a drafter proposes: one Anki note to be, in Markdown."""

    highlight: HighlightKey
    kind: CardKind
    fields: Fields
    quote: str
    """The evidence, verbatim from the source."""
    answer: str
    """What is to be recalled, as plain text; tells cards of one highlight apart."""
    start: int
    """Where the evidence begins in `exact`; orders the intents of a highlight."""
    origin: Origin
    intent: int = 0
    """Drafts of one highlight with equal intent are candidates of one choice."""
    by_hand: bool = False
    """Written as a card by a person, in the source."""
    tags: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    """What was drawn before it and sent back, oldest first."""

    def field(self, name: str) -> str:
        """The Markdown of one content field, "" if absent."""
        return dict(self.fields).get(name, "")


@dataclass(frozen=True, slots=True)
class NoCard:
    """A highlight that yields nothing, and why: an answer of full rank."""

    highlight: HighlightKey
    reason: str
    passing: bool = False
    """Holds only for now, and is not remembered: the highlight stays pending."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What the deck files ask of the cards of a task."""

    prompt: str = ""
    """The prompt's name; "" = the usual one."""
    kinds: tuple[CardKind, ...] = ()
    """The kinds that are wanted; () = all."""
    wants: str = "card"
    """What the mark's colour asks for: `card`, `definition` or `question`."""


@dataclass(frozen=True, slots=True)
class Task:
    """Highlights of one document that want drafts of one sort."""

    document: Document
    highlights: tuple[Highlight, ...]
    remark: str = ""
    """What a person asked for when asking again."""
    discreet: bool = False
    """Whether a passage of the document must stay on this machine: the text around the others
    may hold it."""
    brief: Brief = Brief()
    beside: bool = False
    """Whether what is drawn stands beside what waits, in the place of nothing: a person chooses."""
    instead: str = ""
    """The guid of the card that is to give way to what is drawn, once a person takes that."""
    unread: frozenset[HighlightKey] = frozenset()
    """Highlights that an older program gave up as unreadable, and would have asked anew."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A task's result: every highlight is in drafts, in no_cards, or under a problem."""

    task: Task
    drafts: tuple[Draft, ...] = ()
    no_cards: tuple[NoCard, ...] = ()
    failed: tuple[tuple[HighlightKey, str], ...] = ()
    """Not answered this time (a fault of the service), and why: drafted again on the next run."""
    problems: tuple[Problem, ...] = ()


class Drafter(Protocol):
    """Turns tasks into results, in order; pulls no faster than it works."""

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        """Yield one result per task."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    check: str
    severity: Severity
    message: str
    twin: str = ""
    """The guid or draft id of the card it resembles, or `nid:` and the id of a note in Anki."""


class SearchTerms(NamedTuple):
    """What the duplicate index keeps of a card: enough to find it, not to judge it."""

    words: tuple[str, ...]
    """Stems of its content words."""
    finders: tuple[str, ...]
    """More by which it is found: pairs of ideographs."""
    exact: bytes
    """Digest of its exact form, b"" where a side is empty."""


class IndexedCard(NamedTuple):
    """A card in the duplicate index, or a note in Anki that is not ours."""

    id: str
    """A guid, or `nid:` and Anki's id."""
    highlight: HighlightKey
    """Where it comes from; "" if that is not known."""
    where: str
    """What findings say before they quote a note that is not ours."""
    terms: SearchTerms


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft with what the checks said, and where it is to go."""

    draft: Draft
    findings: tuple[Finding, ...] = ()
    accept: bool = False
    """Whether policy lets it through."""
    repeats: str = ""
    """The guid of a card, or the label of a draft of this batch, that it repeats exactly."""
    label: str = ""
    """Names this draft within its batch."""
    deck: str = ""
    deck_asked: bool = False
    """Whether the command names this deck: then it goes before the one its document has."""

    @property
    def blocked(self) -> bool:
        """Whether a check forbids it."""
        return any(finding.severity is Severity.BLOCK for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Batch:
    """All that became of one task: what the ledger records in one transaction."""

    task: Task
    drafter: str
    """Who drew it: `rules`, or the model's name; asked again when it is another."""
    checked: tuple[Checked, ...] = ()
    no_cards: tuple[NoCard, ...] = ()
    failed: tuple[tuple[HighlightKey, str], ...] = ()
    """(highlight, what went wrong)."""
