"""What holds a card or a draft back: remarks to be read, questions to be answered.

Each kind is listed here with what is said about it. The values of the enums are part of the
JSON of the commands, and of the ids of questions: they stay as they are.
"""

from __future__ import annotations

from enum import StrEnum

from ankiforge.model.values import Guid, Strings, Value


class RemarkKind(StrEnum):
    """Why policy may not accept a draft; reports say the value, and count by it."""

    MOVED = "is this the card whose passage is gone?"
    """Waits for the answer to `QuestionKind.SAME`."""
    DECIDED_ON_LOST = "you decided on nearly the same words, which are gone"
    REVISION = "new text for a card"
    REPLACEMENT = "replaces a card of another form, whose schedule ends"
    NEAR = "you decided on nearly the same words"
    DECIDED_BEFORE = "you decided on this sentence before"
    NOTE_DELETED = "you deleted its note in Anki"
    """The note has a grave, and the journal that knew why is lost."""
    UNKNOWN_NOTES = "Anki has notes of this document that are no cards here"
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
    DUPLICATE = ("duplicate", "one card: the one with reviews stays", "keep both")
    """Two live cards of different passages ask and answer the same."""
    CONFLICT = ("conflict", "take the source's words", "keep mine")
    """A person and the source changed the same field of a card."""
    ABSENT = ("absent", "they were deleted", "nothing happened: send them again")
    """Notes are missing in Anki without graves, or a large part of a deck was deleted."""
    RETIRED = ("retired", "retire it here as well", "keep it: the tag goes")
    """The note of a card that a person accepted has the tag of dropped cards, and nothing
    here says why. Until then, the note stays as it is."""
    EMPTIED = ("emptied", "they were deleted", "nothing happened")
    """A source lost most of its documents at once. Until then, none of them counts as
    gone."""
    DIALECT = (
        "dialect",
        "yes, from the next run on",
        "no: the notes are read as before",
    )
    """The plugins of a vault changed, and with them what its notes mean."""
    FORM = ("form", "these are cards, and later ones", "no cards here")
    """Are lines that are written in one way cards? Single drafts may be excepted."""
    PRIVATE = (
        "private",
        "yes: keep these documents on this machine",
        "no: they may be sent",
    )
    """Is a spelling meant as `#no-llm`? Until then, documents with it are private."""

    accept: str
    """What accepting does."""
    reject: str
    """What rejecting does."""

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

    @property
    def is_between_edits(self) -> bool:
        """Whether a person edited a card here and in Anki, and the source has no part in it."""
        return bool(self.conflicts) and all(each.edited_here for each in self.conflicts)

    @property
    def accept(self) -> str:
        """The effect of accepting, in a few words."""
        if self.is_between_edits:
            return "take the words from here"
        return self.kind.accept

    @property
    def reject(self) -> str:
        """The effect of rejecting, in a few words."""
        if self.is_between_edits:
            return "keep those in Anki"
        return self.kind.reject
