"""Cards, from the first suggestion to the last review, and notes as packages contain them.

A remark to be read, or a question to be answered, may hold a card or a draft back. Each kind
is listed here with its words. The values of the enums are part of the JSON of the commands,
and of the ids of questions: they stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from ankiforge.model.highlights import Document, Highlight
from ankiforge.model.seen import SeenType
from ankiforge.model.sources import Problem
from ankiforge.model.values import (
    CardKind,
    Family,
    Fields,
    Guid,
    HighlightKey,
    Numbers,
    Pair,
    Strings,
    Texts,
    Value,
)


class RemarkKind(StrEnum):
    """Why policy may not accept a draft; reports say the value, and count by it."""

    MOVED = "is this the card whose passage is gone?"
    """Waits for the answer to `QuestionKind.SAME`."""
    DECIDED_ON_LOST = "you decided on nearly the same words, which are gone"
    REVISION = "new text for a card"
    REPLACEMENT = "replaces a card of another form, whose schedule ends"
    NEAR = "you decided on nearly the same words"
    DECIDED_BEFORE = "you decided on this sentence before"
    TAKEN_BACK = "you took back that you accepted it"
    """The person takes it with others again."""
    NOTE_DELETED = "you deleted its note in Anki"
    """The note has a grave, and the journal that knew why is lost."""
    UNKNOWN_NOTES = "Anki has notes of this document that are not cards here"
    EQUAL_CARD = "equal to the card"
    """Followed by which card that is."""
    REJECTED_ELSEWHERE = "you rejected the same words elsewhere"
    FIGURE = "a figure waits for you to look at what it hides"
    FORM = "form"
    """Lines that are written like this may be no cards; goes with the answer to
    `QuestionKind.FORM`."""


class Remark(Value):
    """A remark about one draft: with any of them, policy never accepts it."""

    kind: RemarkKind
    detail: str = ""
    """For `EQUAL_CARD`: the beginning of its guid, and whether it was dropped."""

    @property
    def text(self) -> str:
        """The remark as reports say it."""
        if self.detail:
            return f"{self.kind.value} {self.detail}"
        return self.kind.value


class CardRemark(StrEnum):
    """The fate of the source of an accepted card."""

    SOURCE_GONE = "source gone"
    SOURCE_CHANGED = "source changed"

    @property
    def check(self) -> str:
        """The name of the finding that lists and queries show."""
        return self.value.replace(" ", "_")

    @property
    def message(self) -> str:
        """The same for a person."""
        if self is CardRemark.SOURCE_GONE:
            return "its passage is gone from the source"
        return "its source says something else now"


class QuestionKind(StrEnum):
    """Kinds of questions that only a person can answer, each with the effect of both answers.

    The functions that ask and answer are in `ledger/questions.py`.
    """

    SAME = ("same", "the same: the old card moves here", "two cards")
    """Is a passage the one of a card whose passage is gone? Until then, its drafts
    wait."""
    GONE = ("gone", "the card stays", "the card goes, too")
    """Chosen passages that have cards stand in their document no longer."""
    DUPLICATE = ("duplicate", "one card: the one with reviews stays", "keep both")
    """Two live cards of different passages ask and answer the same."""
    CONFLICT = ("conflict", "take the source's words", "keep mine")
    """A person and the source changed the same field of a card."""
    ABSENT = ("absent", "they were deleted", "nothing happened: send them again")
    """Notes are missing in Anki without graves, or a large part of a deck was deleted."""
    EMPTIED = ("emptied", "they were deleted", "nothing happened")
    """A source lost most of its documents at once. Until then, none of them counts as
    gone."""
    FORM = ("form", "these are cards, and later ones", "no cards here")
    """Are lines that are written in one way cards? Single drafts may be excepted."""

    accept: str
    """The effect of accepting, in words."""
    reject: str
    """The effect of rejecting, in words."""

    def __new__(cls, value: str, accept: str, reject: str) -> QuestionKind:
        """Make a member that is equal to its name in JSON."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.accept = accept
        member.reject = reject
        return member


class Conflict(Value):
    """A field that both the source and a person changed, or a person here and in Anki."""

    guid: Guid
    field: str
    mine: str
    """The person's words, in Markdown: those in Anki if they edited the card here, too."""
    source: str
    """The source's words, or those that the person edited here, in Markdown."""
    theirs: str
    """The hash of the text of `mine` that was compared: HTML of a note in Anki."""
    ours: str
    """The hash of the text of `source` that was compared."""
    edited_here: bool = False
    """Whether `source` is the person's, too: they edited the card here and in Anki."""


class Question(Value):
    """A question that holds back a card or a correction until a person answers it."""

    id: str
    kind: QuestionKind
    text: str
    """The question, in a sentence."""
    new: str = ""
    """The key, guid, source or form that the question is about."""
    old: str = ""
    """The key or guid that it may be."""
    guids: tuple[Guid, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    examples: Strings = ()
    drafts: Strings = ()
    """The drafts that wait for the answer."""
    repair: str = ""
    """The action of the repair whose words are in conflict: it is sent or taken back as a whole."""

    @property
    def is_between_edits(self) -> bool:
        """Whether a person edited a card here and in Anki, and the source has no part in it."""
        return bool(self.conflicts) and all(each.edited_here for each in self.conflicts)

    @property
    def accept(self) -> str:
        """The effect of accepting, in a few words."""
        if self.repair:
            return "send the repair"
        if self.is_between_edits:
            return "take the words from here"
        return self.kind.accept

    @property
    def reject(self) -> str:
        """The effect of rejecting, in a few words."""
        if self.repair:
            return "keep the words in Anki, and take all of the repair back"
        if self.is_between_edits:
            return "keep those in Anki"
        return self.kind.reject


# --- cards ---------------------------------------------------------------------------------

OTHER_NOTE = "other_note"
"""The check that finds a note of another tool."""
OTHER_SCHEDULE = "other_schedule"
"""The check that finds a schedule of another tool."""
PROPOSE = "propose"
"""The drafter of proposals, and of the new words of a card whose sentence changed."""
FLOOR = 0.3
"""The least sureness of a card that is proposed. Strict readers who did not know the scores threw
away most cards below it, and from here to .78 as few as above that."""
PHRASE = "rules:phrase"
"""The drafter of clozes whose gaps are the phrases that a reader marked."""
COMMENT_AND_MORE = "rules:comment-more"
"""The drafter of a reader's question whose comment says more than the question: all of the card may
be the reader's words, and a person decides on it."""
TRANSLATION = "rules:comment-translation"
"""The drafter of vocabulary: a marked word in its sentence, and its translation in the comment."""
FIGURE = "rules:figure"
"""The drafter of figures with hidden labels; a person looks at each of them."""
AGENT = "agent"
"""The drafter of cards proposed by a client of the MCP server; a person decides on each of them."""


class Verdict(StrEnum):
    """The state that decisions leave a card in. Only live cards are shipped."""

    LIVE = "live"
    REJECTED = "rejected"
    RETIRED = "retired"
    """Deleted by the person in Anki, or replaced by another card."""
    TAKEN_BACK = "taken back"
    """Its acceptance was undone: the draft waits again, and policy leaves it to the person."""
    SUPERSEDED = "superseded"
    """Another card of the same passage stands: the passage had been given two keys."""


class Severity(StrEnum):
    """The severity of a finding.

    `block` prevents shipping, `warn` asks for review, `info` is only counted.
    """

    INFO = "info"
    WARN = "warn"
    BLOCK = "block"


class Origin(Value):
    """The drafter and model that made a draft."""

    drafter: str
    """`rules:phrase`, `llm`, `agent`, `person` …"""
    model: str = ""
    prompt: str = ""
    """`name@fingerprint`."""
    request: str = ""
    """The hash of the request whose reply contained the draft."""

    @property
    def by_comment(self) -> bool:
        """Whether the reader wrote the question or the answer, or named the gap, in a comment."""
        return self.drafter.startswith("rules:comment")


class Finding(Value):
    """The result of one check of a draft or card."""

    check: str
    severity: Severity
    message: str
    duplicate: str = msgspec.field(name="twin", default="")
    """The guid or draft id of an equal or similar card, or `nid:` and the id of a note in
    Anki. JSON has it as `twin`."""


class Adopted(Value, omit_defaults=True):
    """The note that another tool made of a card, as it was when we took it over."""

    guid: str
    """Its guid in Anki."""
    id: int
    type: int
    """The id of its note type."""
    names: Texts
    """Our content fields: the names of its fields."""
    html: Texts
    """All its fields, by its names."""
    words: Texts = {}
    """The words of the source then, in Markdown."""
    again: bool = False
    """Whether a person wants it back that was deleted or missing in Anki."""
    repaired: Mapping[str, Pair] = {}
    """By our field: the words that a repair gave it, in Markdown, and their HTML."""

    def first_html(self, name: str) -> str:
        """Return the HTML of a field of ours as it was taken over."""
        return self.html.get(self.names[name], "")

    def html_of(self, name: str, words: str) -> str | None:
        """Return the HTML that a field of ours had with these words; None if they are new.

        It keeps what Markdown cannot say.
        """
        if words == self.words.get(name, ""):
            return self.first_html(name)
        repaired, html = self.repaired.get(name, ("", None))
        return html if words == repaired else None


class MappedType(Value, omit_defaults=True):
    """A note type that is not ours, and which of its fields get ours."""

    id: int
    name: str
    fields: Texts
    """By our field: the name of its field."""
    ids: dict[str, int] = {}
    """By our field: the id of its field, if Anki gave it one. A renamed field keeps it."""


class Shipped(Value, omit_defaults=True):
    """A note as a package contained it."""

    mod: int
    tags: Strings = ()
    """Our tags."""
    digest: str = ""
    """A hash of what we wrote: an equal one later is the same revision."""
    hashes: Texts = {}
    """By our field: the hash of its HTML. A note of our types carries them, too."""
    # known when it is shipped; later, the card has them
    numbers: Texts = {}
    """The words under each cloze number."""
    mapped: MappedType | None = None
    """The note type, if it is not ours, and no tool made the note."""
    pictures: Texts = {}
    """By the path in the words of the card: the name of a picture."""


class Words(Value, omit_defaults=True):
    """The words of a draft or a card, and where they come from."""

    key: HighlightKey
    """The highlight of a draft; of a card, the oldest key of its passage."""
    kind: CardKind
    fields: Fields
    origin: Origin
    quote: str = ""
    """The evidence, verbatim from the source; "" = there is none."""
    tags: Strings = ()
    """Tags given by its drafter; those of the source are on the highlight."""
    deck: str = ""
    """"" = the one that the settings name."""
    number: int | None = None
    """Its place among the source's own cards of its passage, from 0; None = it is not one."""

    @property
    def family(self) -> Family:
        """The note type of the card."""
        return self.kind.family

    @property
    def in_slot(self) -> bool:
        """Whether it is one of the source's own cards of its passage."""
        return self.number is not None

    @property
    def slot(self) -> str:
        """Its number as events write it; "" = it has none."""
        return "" if self.number is None else str(self.number)

    @property
    def proposed(self) -> bool:
        """Whether it is a proposal, or was one, or the new words of a card."""
        return self.origin.drafter == PROPOSE

    def field(self, name: str) -> str:
        """Return the Markdown of one content field, "" if absent."""
        return dict(self.fields).get(name, "")


# --- drafts -----------------------------------------------------------------------------


class Draft(Words, kw_only=True):
    """A card that a drafter, or a person, made of a highlight: nobody has decided on it."""

    answer: str
    """The answer as plain text; distinguishes the drafts of a highlight."""
    start: int
    """The position in `exact` where the evidence begins; orders the intents of a highlight."""
    intent: int = 0
    """Drafts of one highlight from one reply with equal intent are alternatives."""
    by_hand: bool = False
    """Whether a person wrote it as a card in the source."""
    gaps: Strings = ()
    """Of a proposal: up to four cloze texts of its sentence, one gap each, best first. `fields`
    holds the first."""
    sureness: float = 0.0
    """Of a proposal or marked phrases: how likely a person keeps it, from 0 to 1."""
    findings: tuple[Finding, ...] = ()
    """The results of the checks."""

    @property
    def is_own_card(self) -> bool:
        """Whether a person wrote it as a card: in a note, or as a question or gap in a comment."""
        return self.by_hand or self.origin.by_comment

    @property
    def own(self) -> bool:
        """Whether a person wrote or marked its words in the source."""
        is_mark = self.origin.drafter in (PHRASE, FIGURE)
        return self.is_own_card or is_mark or self.in_slot

    @property
    def blocked(self) -> bool:
        """Whether a check blocks it."""
        return any(finding.severity is Severity.BLOCK for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Whether no check warns or blocks."""
        return all(finding.severity is Severity.INFO for finding in self.findings)

    @property
    def unfit(self) -> bool:
        """Whether nobody is shown it: a proposal that a check blocks."""
        return self.proposed and self.blocked


class Proposal(Draft, kw_only=True):
    """The draft of a plain passage that is made when somebody looks at it, and never stored."""

    passages: tuple[Highlight, ...]
    """Its passage."""

    @property
    def highlight(self) -> Highlight:
        """Its passage."""
        return self.passages[0]


class StoredDraft(Draft, kw_only=True):
    """A draft that is stored, until somebody decides on it."""

    id: str
    offer: str
    """Names its offer: the fact of a passage, or the change of a card, that is decided on."""
    about: Strings
    """Names the sentence that it is about; of the person's own form, all of its sentences."""
    revises: Guid | None
    """The card that may get this text; None for a new card."""
    replaces: Guid | None
    """The card of the other note type that it would replace."""
    near: str
    """The sentence decided before in nearly the same words, and gone from the passage."""

    @property
    def changes(self) -> Guid | None:
        """The card that it would change or replace; None for a new card."""
        return self.revises or self.replaces


class Waiting(StoredDraft, kw_only=True):
    """A stored draft as a person decides on it: at its place, with the reasons why it waits."""

    passages: tuple[Highlight, ...]
    """Its passage, as it was read last."""
    remarks: tuple[Remark, ...]
    """Why policy may not accept it."""

    @property
    def highlight(self) -> Highlight:
        """The passage as it was read last."""
        return self.passages[0]

    @property
    def told(self) -> str:
        """Its verdict, as lists and queries name it."""
        return "waiting"

    @property
    def state(self) -> str:
        """The state in a word or two, as every list shows it."""
        if self.revises:
            return "revision"
        return "blocked" if self.blocked else self.told


# --- decided cards ----------------------------------------------------------------------


class Edits(Value, omit_defaults=True):
    """The words of a person and of the source for the fields of a card."""

    pinned: Strings = ()
    """Fields whose text is a person's: the source may not change them."""
    offered: Texts = {}
    """The source's words now for pinned fields: a conflict until the person chooses."""
    given: Texts = {}
    """The fields as the source or drafter gave them last."""
    texts: tuple[Pair, ...] = ()
    """(machine, digest) of the texts that the source gave, oldest first."""
    typed: Strings = ()
    """Fields that a person had typed in Anki when the note was taken over again.

    It is taken over when database and journal were lost. The source's own text is not known
    before its first revision, and does not reach the note.
    """
    resolved: Mapping[str, tuple[str, str, str]] = {}
    """By field: the choice (`mine` or `source`), and the hashes of theirs and ours."""


class NoteHistory(Value, omit_defaults=True):
    """The packages that a card's note was in, and its state in Anki."""

    shipped: tuple[Shipped, ...] = ()
    """The note in the packages, oldest first."""
    words: str = ""
    """A digest of the words that were shipped last; "" = it was never shipped."""
    numbers: Texts = {}
    """By cloze number: the words that were shipped under it. Never free for other words."""
    pictures: Texts = {}
    """By the path in its fields: the name under which a picture was shipped last."""
    seen_by: Strings = ()
    """The machines in whose Anki the note was."""
    adopted: Adopted | None = None
    """The note that another tool made of it; None = it is a note of ours."""
    mapped: MappedType | None = None
    """The note type, not ours, that the note was shipped in first; None = ours, or never
    shipped."""
    found: bool = False
    """Whether the note was found in Anki after the journal was lost: no package of before is
    known."""
    schedule: tuple[tuple[str, int, int], ...] = ()
    """For each card of the note: when it is due (ISO date), its interval in days, and its ease in
    per cent."""
    repaired: bool = False
    """Whether a person repaired it since it was shipped last. What they had tagged it for in Anki,
    `marked` or `leech`, is done then."""

    @property
    def mod(self) -> int:
        """The `mod` that was shipped last; 0 = never shipped."""
        return self.shipped[-1].mod if self.shipped else 0

    @property
    def digest(self) -> str:
        """A hash of the note as it was shipped last; "" = never shipped."""
        return self.shipped[-1].digest if self.shipped else ""

    def shipped_picture(self, path: str) -> str:
        """Return the name under which a picture was shipped, "" if that is not sure.

        An embed whose file is not there names it without its folder.
        """
        if path in self.pictures:
            return self.pictures[path]
        file = path.rpartition("/")[2]
        names = set()
        for known, name in self.pictures.items():
            if known.rpartition("/")[2] == file:
                names.add(name)
        return names.pop() if len(names) == 1 else ""


class Card(Words, kw_only=True):
    """A card on which somebody decided, as the journal has it."""

    guid: Guid
    """The guid of its note."""
    drafted: str | None
    """A hash of its words as drafted, of which its guid is made; None = of its number."""
    verdict: Verdict
    by: str
    """Who made the decision that stands: person, policy or source."""
    at: str
    """When it was accepted last, as `Event.at`."""
    why: str = ""
    """The reason for the verdict; "" = none was given."""
    own_deck: bool = False
    """Whether a person chose the deck."""
    added: Strings = ()
    """Tags that a person gave it here."""
    removed: Strings = ()
    """Tags that a person took from it here, whoever gives them."""
    edits: Edits = Edits()
    note: NoteHistory = NoteHistory()

    @property
    def live(self) -> bool:
        """Whether the card is to be in Anki."""
        return self.verdict is Verdict.LIVE

    @property
    def told(self) -> str:
        """The verdict as lists and queries name it."""
        return "accepted" if self.live else self.verdict.value

    @property
    def note_fields(self) -> Strings:
        """The fields of ours that its note has."""
        if self.note.adopted:
            return tuple(self.note.adopted.names)
        if self.note.mapped:
            return tuple(self.note.mapped.fields)
        return self.family.content_fields


class CardHere(Card, kw_only=True):
    """A card at its place in the sources that are read here."""

    passages: tuple[Highlight, ...]
    """All its places that are present, its own first, as they were read last."""
    source: tuple[CardRemark, ...]
    """The remarks on its source."""
    kept: bool
    """Whether its passage is not in its source here, and its words are those shipped last, perhaps
    by another computer: the note stays as it is."""
    anki: str = "none"
    """What Anki has of it: none, written (into a package), seen, missing or deleted."""
    revision: Waiting | None = None
    """The draft that would replace its text."""

    @property
    def id(self) -> str:
        """The name by which commands take it: its guid."""
        return self.guid

    @property
    def highlight(self) -> Highlight:
        """The passage as it was read last."""
        return self.passages[0]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The remarks on its source, as lists show them beside the findings of the checks."""
        return tuple(
            Finding(remark.check, Severity.INFO, remark.message) for remark in self.source
        )

    @property
    def is_read_here(self) -> bool:
        """Whether a source here has its passage: else nothing new is known about it."""
        return bool(self.highlight.namespace) and not self.kept

    @property
    def state(self) -> str:
        """The state in a word or two, as every list shows it."""
        if self.live and self.anki in _IN_ANKI:
            return _IN_ANKI[self.anki]
        return self.told


_IN_ANKI = {"seen": "in Anki", "missing": "missing", "deleted": "deleted"}
"""The states of a live card that was shipped, by what Anki has of it."""


class Preview(Words, kw_only=True):
    """Words of a passage that a person types, shown as the card that they would make."""

    passages: tuple[Highlight, ...]
    """The passage."""

    @property
    def highlight(self) -> Highlight:
        """The passage."""
        return self.passages[0]


Line = Waiting | CardHere
"""A line of a list."""
Offered = Proposal | Waiting
"""A draft that a person is shown, to decide on it."""
Shown = Preview | Proposal | Waiting | CardHere
"""A thing shown as a card, with its passage beside it."""


# --- the work of drafters ---------------------------------------------------------------


class Brief(Value):
    """The request of the deck files for a highlight."""

    kinds: tuple[CardKind, ...] = ()
    """The requested kinds of cards; () = all."""
    wants: str = "card"
    """The action of the mark's colour: `card`, `definition` or `question`."""


class Task(Value):
    """Highlights of one document to be drafted in the same way."""

    document: Document
    highlights: tuple[Highlight, ...]
    remark: str = ""
    """A person's instructions for another draft."""
    brief: Brief = Brief()
    beside: bool = False
    """Whether the drafts are added to pending ones instead of replacing them."""


class Drafted(Value):
    """The result of drafting one highlight: drafts, or why there are none."""

    highlight: Highlight
    drafts: tuple[Draft, ...] = ()
    reason: str = ""
    """Why there are none."""
    worth: float = 0.0
    """How likely a card of its best sentence is kept, from 0 to 1; if no card is to be proposed of
    it, less 1, from -1 to 0. 0 = not judged."""
    worths: tuple[tuple[str, float], ...] = ()
    """The same of each sentence of which a card may be proposed, with its words in the source."""
    declined: bool = False
    """Whether a model judged that it deserves no card: then nothing of it is proposed."""
    passing: bool = False
    """Whether the reason is temporary and not recorded: the highlight stays pending."""
    problem: Problem | None = None
    """The problem that a run reports; None if it has none."""

    @property
    def failed(self) -> bool:
        """Whether the service failed to answer: the next run drafts the highlight again.

        An answer that came and was of no use is a problem of this run only (`once`): asked
        again, the model would answer likewise.
        """
        return self.problem is not None and not self.problem.once

    @property
    def fate(self) -> str:
        """The fate of the highlight for the reason: `failed`, `left_out` or `no_card`; else ""."""
        if self.failed:
            return "failed"
        if self.reason.startswith("skip"):
            return "left_out"
        return "no_card" if self.reason else ""


class SearchTerms(Value, gc=False):
    """The terms of a card in the duplicate index: enough to find it, but not to compare it."""

    words: Strings
    """The stems of its content words."""
    finders: Strings
    """Further search terms: pairs of ideographs."""
    exact: bytes
    """The digest of its exact form; b"" if a side is empty."""
    question: bytes = b""
    """The digest of its question; b"" if it is a cloze or has no answer."""


class IndexedCard(Value, gc=False):
    """A card, a draft, or a foreign note in Anki, in the duplicate index."""

    id: str
    """A guid, the id of a draft, or `nid:` and Anki's id."""
    highlight: HighlightKey
    """The highlight of the card; "" if unknown."""
    where: str
    """How findings introduce a quote of a foreign note."""
    terms: SearchTerms


# --- what the ledger keeps --------------------------------------------------------------


class Change(Value):
    """A change of a card's text, for the list of a run."""

    guid: Guid
    before: Fields
    after: Fields
    why: str = ""
    """Why the card keeps its words; "" if they changed."""

    @property
    def words(self) -> list[tuple[str, str, str]]:
        """The name, the old and the new words of each field that differs."""
        old_fields = dict(self.before)
        new_fields = dict(self.after)
        changed = []
        for name in {**old_fields, **new_fields}:
            old = old_fields.get(name, "")
            new = new_fields.get(name, "")
            if old != new:
                changed.append((name, old, new))
        return changed


class Media(Value):
    """A picture or sound of a note: its content-addressed name and the path of its file."""

    name: str
    path: str
    """"" if only Anki has it."""


class Note(Value):
    """An Anki note, ready to be written."""

    guid: Guid
    type: SeenType
    """Its note type, as Anki has it or gets it."""
    deck: str
    fields: Strings
    """All fields as HTML, in the order of the note type."""
    tags: Strings
    mod: int
    """A revision number: on import Anki compares it, in place of a time in seconds."""
    ordinals: Numbers
    """The ordinals of its cards, from 0."""
    media: tuple[Media, ...] = ()
    states: dict[int, tuple[int, ...]] = {}
    """By ordinal: (type, queue, due, interval, factor, reviews) of cards that are not new."""
