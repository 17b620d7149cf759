"""Drafts, cards and notes: everything from the first draft to the note in an Anki package.

A draft is held back if there is a remark about it (which the user should read first) or a
question (which the user must answer). All kinds of remarks and questions are listed here with
their text. The values of the enums are part of the commands' JSON output and of question ids,
so they must never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from ankiforge.model.anki import AnkiNoteType
from ankiforge.model.highlights import Document, Highlight
from ankiforge.model.hints import Schedule
from ankiforge.model.sources import Problem
from ankiforge.model.values import (
    CardKind,
    Fields,
    Guid,
    HighlightKey,
    NoteType,
    Numbers,
    Pair,
    Strings,
    Texts,
    Value,
    hash16,
)


class RemarkKind(StrEnum):
    """The reasons why a draft needs the user's review before it is accepted.

    The value is the text shown in every list, in reports and on the web page. Reports count
    drafts by it.
    """

    MOVED = "is this the card whose passage is no longer found?"
    """The draft is held back until the user has answered a `UserQuestionKind.SAME` question."""
    DECIDED_ON_LOST = "you decided on nearly the same words, which are gone"
    REVISION = "it would be the new text of a card"
    PASSAGE = "its passage has changed: does the card still fit?"
    """No drafter can reword the card, see `Draft.keeps_text`."""
    DRAFT_PASSAGE = "its passage has changed: does the draft still fit?"
    """See `Draft.drafted_quote`."""
    REPLACEMENT = "it would replace your card of this passage, whose schedule would end"
    NEAR = "you decided on nearly the same words"
    DECIDED_BEFORE = "you rejected, changed or undid a card of this sentence before"
    TAKEN_BACK = "you undid your acceptance"
    """The user accepted the draft and undid that. Accepting it in bulk is still allowed."""
    NOTE_DELETED = "you deleted its note in Anki"
    """The user deleted the draft's note in Anki, and the journal with the decision was lost."""
    UNKNOWN_NOTES = "Anki has notes of this document that are not cards here"
    EQUAL_CARD = "you have a card with the same words"
    """`Remark.detail` names the card with the same content."""
    SAME_SENTENCE = "you have a card of this sentence with another answer"
    """`Remark.detail` names a card of another passage that is about the same sentence."""
    REJECTED_ELSEWHERE = "you rejected the same words in another place"
    FIGURE = "a figure waits for you to look at what it hides"
    FORM = "such lines may not be cards; one answer is for all of them"
    """Lines written in this form may not be meant as cards. The user is also asked a
    `UserQuestionKind.FORM` question."""


class Remark(Value):
    """A reason why a particular draft needs review, with details."""

    kind: RemarkKind
    detail: str | None = None
    """The start of the GUID of the card that an `EQUAL_CARD` or `SAME_SENTENCE` remark is about,
    and its verdict if it isn't live. None for other remarks."""


class SourceChange(StrEnum):
    """The ways in which a card's source text can change after the card was accepted."""

    SOURCE_GONE = "source gone"
    SOURCE_CHANGED = "source changed"

    @property
    def finding_id(self) -> str:
        """The id of the change in lists and queries, where it is treated like a check's finding."""
        return self.value.replace(" ", "_")

    @property
    def message(self) -> str:
        """A message that tells the user about the change."""
        if self is SourceChange.SOURCE_GONE:
            return "its passage is gone from the source, or is no longer marked there"
        return "its source now says something else"


class UserQuestionKind(StrEnum):
    """The kinds of questions that only the user can answer.

    Each member has three texts: its JSON value, what happens if the user accepts, and what
    happens if the user rejects. `ledger.questions` asks the questions and records the answers.
    """

    SAME = ("same", "the same: the old card moves here", "two cards")
    """Is this passage the missing passage of an existing card? The drafts of the passage are held
    back until the user answers."""
    DUPLICATE = ("duplicate", "one card: the one with reviews stays", "keep both")
    """Two live cards from different passages have the same question and answer."""
    CONFLICT = ("conflict", "take the source's words", "keep mine")
    """The user and the source changed the same field of a card."""
    ABSENT = ("absent", "they were deleted", "nothing happened: send them again")
    """Notes are missing in Anki although Anki has no record of their deletion, or a large part of a
    deck was deleted at once."""
    EMPTIED = ("emptied", "they were deleted: later runs count them", "nothing happened")
    """A source lost most of its documents at once. They aren't treated as missing until the user
    answers."""
    FORM = ("form", "these are cards, and later ones", "no cards here")
    """Are lines written in this form meant as cards? The answer may exclude some of the drafts."""

    accept_effect: str
    """What happens if the user accepts, as shown beside the question."""
    reject_effect: str
    """What happens if the user rejects, as shown beside the question."""

    def __new__(cls, value: str, accept: str, reject: str) -> UserQuestionKind:
        """Create a member. It is equal to `value`, which is its JSON value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.accept_effect = accept
        member.reject_effect = reject
        return member


class Conflict(Value):
    """Two conflicting versions of a field of a card. The user must choose between them.

    Either the source and the user both changed the field, or the user changed it both in
    ankiforge and in Anki.
    """

    guid: Guid
    field: str
    user_text: str
    """The user's version as Markdown. If the user edited the card both in ankiforge and in Anki,
    this is the version in Anki."""
    source: str
    """The version from the source as Markdown. If the user edited the card both in ankiforge and
    in Anki, this is the version in ankiforge."""
    user_version_hash: str
    """Hash of the user's version in the form that was compared: HTML if the version is in Anki,
    Markdown otherwise."""
    source_version_hash: str
    """Hash of the version in `source`, in the same form."""
    is_edited_in_ankiforge: bool = False
    """Whether `source` also comes from the user, who edited the card both in ankiforge and in
    Anki."""


class UserQuestion(Value):
    """A question about a draft, card or edit, which isn't processed until the user has answered."""

    id: str
    kind: UserQuestionKind
    text: str
    """The question in words, as shown to the user."""
    new: str = ""
    """What the question is about: a passage key, a GUID, the name of a source, or a form."""
    old: str = ""
    """The passage key or GUID that may refer to the same thing as `new`."""
    guids: tuple[Guid, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    examples: Strings = ()
    drafts: Strings = ()
    """The ids of the drafts that are held back until the user answers."""
    were_deleted: bool = False
    """Whether the notes that are missing in Anki were deleted there, many at once."""

    @property
    def has_only_edit_conflicts(self) -> bool:
        """Whether every conflict is between one edit in ankiforge and another in Anki."""
        return bool(self.conflicts) and all(
            conflict.is_edited_in_ankiforge for conflict in self.conflicts
        )

    @property
    def accept_effect(self) -> str:
        """A short description of what happens if the user accepts."""
        if self.has_only_edit_conflicts:
            return "take the words from here"
        return self.kind.accept_effect

    @property
    def reject_effect(self) -> str:
        """A short description of what happens if the user rejects."""
        if self.has_only_edit_conflicts:
            return "keep those in Anki"
        return self.kind.reject_effect


# --- cards ---------------------------------------------------------------------------------

OTHER_NOTE_CHECK = "other_note"
"""The check that finds a note which another tool has already made from the passage."""
OTHER_SCHEDULE_CHECK = "other_schedule"
"""The check that finds a schedule which another tool has written next to the passage."""
PROPOSAL_DRAFTER = "propose"
"""The drafter of proposed cards, and of new text for a card whose sentence has changed."""
MIN_PROPOSAL_CONFIDENCE = 0.5
"""The minimum confidence of a proposed card. In blind tests, strict readers discarded about half
of the cards below it, and kept one in five."""
MIN_CERTAIN_CONFIDENCE = 0.8
"""The minimum confidence at which a proposal is counted, and shown without the user asking for
proposals. In three blind tests, strict readers kept 41 to 58 % of these unchanged, another 10 to
33 % with another gap, and discarded 5 to 12 %. Of all proposals, they kept three in ten and
discarded a quarter."""
PHRASE_DRAFTER = "rules:phrase"
"""The drafter of cloze cards whose gaps are phrases that the user marked."""
LONG_COMMENT_DRAFTER = "rules:comment-more"
"""The drafter of cards from a comment that contains more than a question. The user reviews each
card, because the whole comment may belong to it."""
TRANSLATION_DRAFTER = "rules:comment-translation"
"""The drafter of vocabulary cards, from a marked word with the translation in the comment."""
FIGURE_DRAFTER = "rules:figure"
"""The drafter of figures with hidden labels. The user reviews each card."""
CHAT_MODEL = "chat"
"""Recorded in place of the name of the chat's model, which is unknown."""
AGENT_DRAFTER = "agent"
"""The drafter of cards proposed by a client of the MCP server. The user reviews each card."""


class Verdict(StrEnum):
    """The decision about a card. Only live cards are exported to Anki."""

    LIVE = "live"
    REJECTED = "rejected"
    RETIRED = "retired"
    """The user deleted the card in Anki, or another card has replaced it."""
    TAKEN_BACK = "undone"
    """The user accepted the card and undid that. The draft is pending again, and is no longer
    accepted automatically."""
    SUPERSEDED = "superseded"
    """The passage had two keys, and the card of the other key is used instead."""


class AnkiState(StrEnum):
    """Whether Anki has the note of a card. The values are used in JSON and in queries."""

    NONE = "none"
    """The note isn't in any package yet."""
    WRITTEN = "written"
    """The note is in a package, but Anki was never seen to have it."""
    SEEN = "seen"
    """Anki had the note when it was last read."""
    MISSING = "missing"
    """Anki had the note before, but not when it was last read."""
    DELETED = "deleted"
    """The user deleted the note in Anki, which retired the card."""


class Severity(StrEnum):
    """How serious a finding is.

    `block` keeps the card out of packages, `warn` requires a review, and `info` is only counted.
    """

    INFO = "info"
    WARN = "warn"
    BLOCK = "block"


class Origin(Value):
    """Where a draft's text comes from: the drafter and, if any, the model and prompt."""

    drafter: str
    """The name of the drafter, such as `rules:phrase`, `llm`, `agent` or `person`."""
    model: str = ""
    prompt: str = ""
    """The name and fingerprint of the prompt, as `name@fingerprint`."""
    request: str = ""
    """The hash of the request to the model whose reply contained the draft."""

    @property
    def is_from_comment(self) -> bool:
        """Whether the user wrote the question or answer, or chose the gap, in a comment."""
        return self.drafter.startswith("rules:comment")


class Finding(Value):
    """A problem that a check found in a draft or card, with a message for the user."""

    check: str
    severity: Severity
    message: str
    duplicate: str = msgspec.field(name="twin", default="")
    """The id of the identical or similar card, if the finding is about one, else "". This is the
    GUID of a card, the GUID that the card of another draft would get, a draft id, or `nid:`
    followed by the id of a note in Anki. Stored in JSON as `twin`."""


class AdoptedNote(
    Value,
    omit_defaults=True,
    rename={"field_names": "names", "source_texts": "words", "is_wanted_back": "again"},
):
    """Another tool's note that one of our cards took over, as it was at that time."""

    guid: str
    """The note's GUID in Anki."""
    id: int
    type: int
    """The id of the note type."""
    field_names: Texts
    """The name of the note's field for each of our content fields, by our field name."""
    html: Texts
    """The HTML of all fields of the note, by the note's field names."""
    source_texts: Texts = {}
    """The text of the source at adoption, as Markdown, by our field name."""
    is_wanted_back: bool = False
    """Whether the user wants the note back after it was deleted or missing in Anki."""
    repaired: Mapping[str, Pair] = {}
    """The Markdown and HTML of each field that a repair has changed, by our field name."""

    def get_original_html(self, field_name: str) -> str:
        """Return the HTML in Anki of one of our fields at the time when the note was adopted."""
        return self.html.get(self.field_names[field_name], "")

    def find_original_html(self, field_name: str, markdown: str) -> str | None:
        """Return the HTML that the note already has for the Markdown of one of our fields.

        It comes from the adopted note or from a repair, and may contain formatting that Markdown
        can't express. Return None if the Markdown is neither the adopted nor the repaired text.
        """
        if markdown == self.source_texts.get(field_name, ""):
            return self.get_original_html(field_name)
        if field_name not in self.repaired:
            return None
        repaired_markdown, html = self.repaired[field_name]
        return html if markdown == repaired_markdown else None


class UserNoteType(Value, omit_defaults=True, rename={"field_ids": "ids"}):
    """One of the user's note types, with the field that corresponds to each of our fields."""

    id: int
    name: str
    fields: Texts
    """The names of the note type's fields, by our field name."""
    field_ids: dict[str, int] = {}
    """The ids of the note type's fields that have one, by our field name. A field keeps its id when
    the user renames it."""


class ExportedNote(Value, omit_defaults=True):
    """A note as it was last written to a package. It is compared to detect edits in Anki."""

    mod: int
    tags: Strings = ()
    """The tags that we wrote, without the user's own tags."""
    note_hash: str = ""
    """The hash of everything we wrote, which identifies this revision of the note."""
    field_hashes: Texts = {}
    """Hashes of the HTML, by our field name. Notes of our own types also store them in Anki."""
    # only set while the note is being exported; stored in the card's `NoteHistory` afterwards
    gap_text_by_number: Texts = {}
    """The text hidden by each cloze deletion, by cloze number."""
    mapped: UserNoteType | None = None
    """The user's note type, or None if the type is ours or another tool made the note."""
    picture_names: Texts = {}
    """The names of the pictures in Anki's media folder, by their path in the card's text."""


class CardContent(Value, omit_defaults=True):
    """The text of a draft or card, and the origin of that text."""

    key: HighlightKey
    """The key of the draft's highlight, or the oldest key of the card's passage."""
    kind: CardKind
    fields: Fields
    origin: Origin
    quote: str = ""
    """The text in the source that supports the card, verbatim, or ""."""
    tags: Strings = ()
    """The tags from the drafter. The tags from the source are stored with the highlight."""
    deck: str = ""
    """The name of the deck, or "" for the deck from the settings."""
    user_text_number: int | None = None
    """The index among the passage's hand-written cards, from 0, or None if the card isn't
    hand-written."""

    @property
    def note_type(self) -> NoteType:
        """The note type for cards of this kind."""
        return self.kind.note_type

    @property
    def is_hand_written(self) -> bool:
        """Whether the user wrote the text in the source or in a comment, or highlighted it."""
        return self.user_text_number is not None

    @property
    def stored_text_number(self) -> str:
        """`user_text_number` as events store it, or "" if the card isn't hand-written."""
        return "" if self.user_text_number is None else str(self.user_text_number)

    @property
    def is_proposed(self) -> bool:
        """Whether ankiforge itself proposed the text, for a new card or for a changed sentence."""
        return self.origin.drafter == PROPOSAL_DRAFTER

    def get_field(self, name: str) -> str:
        """Return the Markdown of a content field, or "" if the field is empty."""
        return dict(self.fields).get(name, "")


# --- drafts -----------------------------------------------------------------------------


class Draft(CardContent, kw_only=True):
    """A potential card that comes from a drafter or the user and awaits a decision."""

    answer: str
    """The answer as plain text, which distinguishes the drafts of one highlight."""
    start: int
    """Where the supporting text begins in the highlight's `exact`. The drafts of a highlight are
    sorted by `start`."""
    is_card_in_source: bool = False
    """Whether the user wrote the draft as a card in the source."""
    gaps: Strings = ()
    """The alternatives of a proposal: up to four cloze texts of the same sentence, each with a
    single gap, best first. `fields` contains the first."""
    confidence: float = 0.0
    """The probability, from 0 to 1, that the user keeps the card. Only known for proposals and
    marked phrases."""
    findings: tuple[Finding, ...] = ()
    keeps_text: bool = False
    """Whether the draft only gives a card its new passage, because no drafter can reword the card.
    `fields` are then those of the card."""
    drafted_quote: str = ""
    """The quote from which the draft was made, if the passage has changed since; `quote` is then
    from the current text of the passage. Otherwise ""."""

    @property
    def is_user_card(self) -> bool:
        """Whether the user wrote the card, either in a note or in a comment."""
        return self.is_card_in_source or self.origin.is_from_comment

    @property
    def is_user_text(self) -> bool:
        """Whether the user wrote the text, or marked exactly this text in the source."""
        is_mark = self.origin.drafter in (PHRASE_DRAFTER, FIGURE_DRAFTER)
        return self.is_user_card or is_mark or self.is_hand_written

    @property
    def is_blocked(self) -> bool:
        """Whether a check prevents the user from accepting the draft unchanged."""
        return any(finding.severity is Severity.BLOCK for finding in self.findings)

    @property
    def is_clean(self) -> bool:
        """Whether no check found a problem that blocks the draft or requires a review."""
        return all(finding.severity is Severity.INFO for finding in self.findings)

    @property
    def is_hidden(self) -> bool:
        """Whether lists leave out the draft, because it is a proposal that a check has blocked."""
        return self.is_proposed and self.is_blocked


class Proposal(Draft, kw_only=True):
    """A draft that the offline drafter suggests for a plain highlight.

    Proposals aren't stored. They are computed whenever the highlight is shown.
    """

    passages: tuple[Highlight, ...]
    """The passage that the draft was made from, as a tuple with one item."""

    @property
    def highlight(self) -> Highlight:
        """The passage that the draft was made from."""
        return self.passages[0]

    @property
    def is_certain(self) -> bool:
        """Whether the proposal is shown even if the user hasn't asked for proposals."""
        return self.confidence >= MIN_CERTAIN_CONFIDENCE


class StoredDraft(Draft, kw_only=True):
    """A draft that the ledger stores until the user decides on it."""

    id: str
    offer_id: str
    """The id of the group of drafts that the user decides on together. The drafts of a group are
    alternatives for one sentence of a passage, or for one change to a card."""
    sentence_hashes: Strings
    """Hashes of the sentences that the draft is about: one sentence, or for a hand-written card
    all of its sentences."""
    revised_guid: Guid | None
    """The card whose text the draft would change, or None."""
    replaced_guid: Guid | None
    """The card that the draft would replace because its note type differs, or None."""
    similar_removed_sentence: str
    """A similar sentence that was decided on before and is no longer in the passage, or ""."""
    after_event_number: int
    """If the user requested the draft, the number of the last event before it, else 0. Decisions up
    to that event don't resolve the draft."""
    position: int = 0
    """The position of the draft among the drafts of its highlight that were made together."""

    def to_draft(self) -> Draft:
        """Convert this to a plain draft, without the fields that only stored drafts have."""
        return Draft(**{name: getattr(self, name) for name in Draft.__struct_fields__})

    @property
    def target_guid(self) -> Guid | None:
        """The GUID of the card that the draft would revise or replace, or None for a new card."""
        return self.revised_guid or self.replaced_guid


class PendingDraft(StoredDraft, kw_only=True):
    """A stored draft with its passage and remarks, as it is shown to the user."""

    passages: tuple[Highlight, ...]
    """The passage as it was last read from its source, as a tuple with one item."""
    remarks: tuple[Remark, ...]
    """The reasons why the draft may not be accepted automatically."""
    old_quote: str = ""
    """If the draft would revise a card, the source text that supports the card's current version.
    If the passage has changed since the draft was made, the text that the draft was made from.
    Otherwise ""."""

    @property
    def highlight(self) -> Highlight:
        """The passage as it was last read from its source."""
        return self.passages[0]

    @property
    def may_be_another_card(self) -> bool:
        """Whether the user may make another card of new text, beside the card it would change."""
        return self.revised_guid is not None and not self.is_user_text

    @property
    def verdict_name(self) -> str:
        """The verdict in lists and queries, which is always "waiting"."""
        return "waiting"

    @property
    def state(self) -> str:
        """The draft's state in lists: "blocked" or "waiting"."""
        return "blocked" if self.is_blocked else self.verdict_name


# --- decided cards ----------------------------------------------------------------------


class TextChoice(StrEnum):
    """The text that the user chose for a field in conflict."""

    MINE = "mine"
    """The user's own text."""
    SOURCE = "source"


class ConflictResolution(NamedTuple):
    """How the user resolved the last conflict over a field."""

    choice: TextChoice
    their_hash: str
    """The hash of the user's text in that conflict."""
    our_hash: str
    """The hash of the source's text in that conflict."""

    def keeps_their_text_over(self, ours: str) -> bool:
        """Return whether the user preferred their own text to this text of the source."""
        return self.choice is TextChoice.MINE and self.our_hash == hash16(ours)

    def gives_up_their_text(self, theirs: str) -> bool:
        """Return whether the user gave up this text for that of the source."""
        return self.choice is TextChoice.SOURCE and self.their_hash == hash16(theirs)


class FieldEdits(Value, omit_defaults=True):
    """The user's edits to the fields of a card, and the texts that the source has for them."""

    pinned: Strings = ()
    """The fields with the user's own text, which the source may not overwrite."""
    source_texts_offered: Texts = {}
    """The source's new text for pinned fields. It is in conflict with the user's text until the
    user chooses between the two."""
    source_texts_applied: Texts = {}
    """The text of each field as last provided by the source or the drafter."""
    source_text_hashes: tuple[Pair, ...] = ()
    """A device id and a hash for each text that the source has provided, oldest first."""
    fields_typed_in_anki: Strings = ()
    """The fields that the user had edited in Anki, for a card that was recreated from its note
    after both the database and the journal were lost. The source text of these fields is unknown
    until the source changes, and isn't written to the note."""
    resolved: Mapping[str, ConflictResolution] = {}
    """How the user resolved the last conflict in each field."""


class NoteHistory(Value, omit_defaults=True):
    """Every export of a card's note so far, and what is known about the note in Anki."""

    exports: tuple[ExportedNote, ...] = ()
    """The note as each package contained it, oldest first."""
    exported_text_hash: str = ""
    """Digest of the text that was last exported, or "" if the note was never exported."""
    exported_text_by_number: Texts = {}
    """The hidden text that was exported under each cloze number. A number is never reused for
    other text, because the reviews of the old text would then count for the new one."""
    pictures: Texts = {}
    """The name under which each picture was last exported, by its path in the fields."""
    seen_by: Strings = ()
    """The ids of the devices on which the note was seen in Anki."""
    adopted: AdoptedNote | None = None
    """The note of another tool that the card uses, or None if the note is our own."""
    mapped: UserNoteType | None = None
    """The user's note type in which the note was first exported, or None if that was one of our
    types or the note was never exported."""
    is_recreated_from_anki: bool = False
    """Whether the note was found in Anki after the journal was lost, so that its earlier packages
    are unknown."""
    schedule: Schedule = ()
    """The schedule in another tool of each card of the note."""
    repaired: bool = False
    """Whether the user has repaired the note since it was last exported, so that its tag `marked`
    or `leech` in Anki no longer matters."""

    @property
    def mod(self) -> int:
        """The modification time (`mod`) that the note last got, or 0 if it was never exported."""
        return self.exports[-1].mod if self.exports else 0

    @property
    def note_hash(self) -> str:
        """The hash of the note as last exported, or "" if it was never exported."""
        return self.exports[-1].note_hash if self.exports else ""

    def find_picture_name(self, path: str) -> str | None:
        """Return the name under which a picture was exported, or None if unknown or ambiguous.

        If no exported picture has exactly this path, fall back to a picture with the same file
        name, if there is only one. Embeds of missing files need this, as they have no directory.
        """
        if path in self.pictures:
            return self.pictures[path]
        file = path.rpartition("/")[2]
        names = {
            name
            for shipped_path, name in self.pictures.items()
            if shipped_path.rpartition("/")[2] == file
        }
        return names.pop() if len(names) == 1 else None


class Card(CardContent, kw_only=True):
    """A card and the decision about it, as computed from the journal."""

    guid: Guid
    """The GUID of the card's note in Anki."""
    drafted_text_hash: str | None
    """Hash of the text as drafted, from which the GUID is computed, or None if the GUID is
    computed from `user_text_number`."""
    verdict: Verdict
    decided_by: str
    """Who made the current decision: `person` (the user), `policy` (the setting `accept`) or
    `source`."""
    accepted_at: str
    """When the card was last accepted, in the format of `Event.time`."""
    verdict_reason: str = ""
    """The reason for the verdict, or "" if none was given."""
    undone_number: int = 0
    """The number of the event of the last acceptance that was undone, or 0."""
    has_user_deck: bool = False
    """Whether the user chose the deck of this card."""
    added_tags: Strings = ()
    """Tags that the user added to the card in ankiforge."""
    removed_tags: Strings = ()
    """Tags that the user removed from the card in ankiforge, including tags from the source."""
    edits: FieldEdits = FieldEdits()
    note: NoteHistory = NoteHistory()

    @property
    def is_live(self) -> bool:
        """Whether the card is accepted, so that it belongs in Anki."""
        return self.verdict is Verdict.LIVE

    @property
    def verdict_name(self) -> str:
        """The verdict in lists and queries, e.g. "accepted"."""
        return "accepted" if self.is_live else self.verdict.value

    @property
    def note_field_names(self) -> Strings:
        """Our names for the content fields that exist in the card's note."""
        if self.note.adopted:
            return tuple(self.note.adopted.field_names)
        if self.note.mapped:
            return tuple(self.note.mapped.fields)
        return self.note_type.content_fields


class LocalCard(Card, kw_only=True):
    """A card, and its passages as they were last read on this device."""

    passages: tuple[Highlight, ...]
    """All passages of the card that still exist, as last read, starting with its own passage."""
    source_changes: tuple[SourceChange, ...]
    """What has happened to the card's source text since the card was accepted."""
    old_passage_text: str | None = None
    """The text of the passage when it still contained the quote, if it doesn't any more."""
    keeps_last_exported_text: bool
    """Whether no source of this workspace contains the passage, so that the note keeps the text
    that was last exported, perhaps by another device."""
    anki_state: AnkiState = AnkiState.NONE
    revision: PendingDraft | None = None
    """The pending draft that would change the card's text, or None."""
    local_links_hashes: Strings = ()
    """The hashes of the local links that this device has put into the note: those that Anki had
    last, then those of later packages. Links from another device aren't included."""

    @property
    def id(self) -> str:
        """The id of the card in commands, i.e. its GUID."""
        return self.guid

    @property
    def highlight(self) -> Highlight:
        """The card's own passage, as it was last read."""
        return self.passages[0]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The changes in the source as findings, so that lists can treat cards like drafts."""
        return tuple(
            Finding(remark.finding_id, Severity.INFO, remark.message)
            for remark in self.source_changes
        )

    @property
    def was_read_on_this_device(self) -> bool:
        """Whether the passage was read from a source on this device.

        If not, it may have changed without this device noticing.
        """
        return bool(self.highlight.namespace) and not self.keeps_last_exported_text

    @property
    def state(self) -> str:
        """The card's state in lists, which is its state in Anki if known, otherwise the verdict."""
        if self.is_live and self.anki_state in _IN_ANKI:
            return _IN_ANKI[self.anki_state]
        return self.verdict_name


_IN_ANKI = {
    AnkiState.SEEN: "in Anki",
    AnkiState.MISSING: "missing",
    AnkiState.DELETED: "deleted",
}
"""The state of a live card in lists, by `LocalCard.anki_state`."""


class Preview(CardContent, kw_only=True):
    """The card that the user is writing for a passage, rendered before it is saved."""

    passages: tuple[Highlight, ...]
    """The passage that the card is written for, as a tuple with one item."""

    @property
    def highlight(self) -> Highlight:
        """The passage that the card is written for."""
        return self.passages[0]


ListRow = PendingDraft | LocalCard
"""A row in a list of drafts and cards, as shown by `ankiforge list` and the page."""
OfferedDraft = Proposal | PendingDraft
"""A draft that is shown to the user, who can accept or reject it."""
ShownCard = Preview | Proposal | PendingDraft | LocalCard
"""Anything that is shown as a card beside its passage."""


# --- the work of drafters ---------------------------------------------------------------


class DraftingInstructions(Value):
    """The kinds of cards that a deck file allows for a highlight, or that its colour requests."""

    kinds: tuple[CardKind, ...] = ()
    """The kinds of cards that are allowed, or () for all kinds."""
    requested_kind: str = "card"
    """What the highlight's colour requests: `card`, `definition` or `question`."""


class DraftingTask(Value):
    """Highlights of one document that a drafter makes cards from with the same instructions."""

    document: Document
    highlights: tuple[Highlight, ...]
    user_request: str | None = None
    """The user's instructions when asking for another draft."""
    instructions: DraftingInstructions = DraftingInstructions()
    outdated_cards: tuple[Card, ...] = ()
    """The cards to reword because the text of their highlights (see `Card.key`) has changed."""
    keeps_pending_drafts: bool = False
    """Whether the drafts are added to the pending drafts instead of replacing them."""


class DraftingStatus(StrEnum):
    """How drafting a highlight ended. The values are stored in the database."""

    DRAFTED = ""
    LEFT_OUT = "left_out"
    """The user or the source wants no card from the highlight."""
    NO_CARD = "no_card"
    """The drafter has a reason to make no card."""
    FAILED = "failed"
    """Drafting raised an error, so the next run tries again."""


class DraftingResult(Value):
    """The result of drafting a highlight: the drafts, or the reason there are none."""

    highlight: Highlight
    drafts: tuple[Draft, ...] = ()
    status: DraftingStatus = DraftingStatus.DRAFTED
    reason: str | None = None
    """Why there are no drafts, or None if there are drafts."""
    usefulness: float = 0.0
    """The probability, from 0 to 1, that the user keeps a card made from the best sentence, or 0 if
    it wasn't estimated. If no card should be proposed, 1 is subtracted, which makes it negative."""
    usefulness_by_sentence: tuple[tuple[str, float], ...] = ()
    """The text in the source, and the usefulness, of each sentence for which a card can be
    proposed."""
    is_declined: bool = False
    """Whether a model decided that no card is needed, so that none is proposed."""
    should_retry: bool = False
    """Whether the reason is temporary, so that it isn't recorded and the highlight is drafted again
    later."""
    problem: Problem | None = None
    """The problem to report at the end of the run, or None."""

    @property
    def visible_drafts(self) -> list[Draft]:
        """The drafts that lists don't leave out (see `Draft.is_hidden`)."""
        return [draft for draft in self.drafts if not draft.is_hidden]


class SearchTerms(Value, gc=False):
    """The search terms of a card in the duplicate index.

    They only serve to find candidates for duplicates, whose full texts are then compared.
    """

    words: Strings
    """The stems of the content words."""
    ideograph_pairs: Strings
    """Further search terms, namely pairs of ideographs."""
    text_hash: bytes
    """The hash of the exact text, or b"" if one side of the card is empty."""
    question_hash: bytes = b""
    """The hash of the question, or b"" if the card is a cloze or has no answer."""


class IndexedCard(Value, gc=False):
    """An entry in the duplicate index: a card, a draft or another tool's note."""

    id: str
    """A GUID, a draft id, or `nid:` followed by Anki's note id."""
    highlight: HighlightKey
    """The key of the card's highlight, or "" if it is unknown."""
    quote_prefix: str
    """The text with which a finding introduces a quote from another tool's note, or ""."""
    terms: SearchTerms


# --- changes, and notes to export -------------------------------------------------------


class TextChange(Value):
    """The text of a card before and after a change, for the report of a run."""

    guid: Guid
    before: Fields
    after: Fields
    hold_reason: str | None = None
    """Why the card keeps its old text, or None if it takes the new text."""

    @property
    def is_held(self) -> bool:
        """Whether the card keeps its old text until the user decides."""
        return self.hold_reason is not None

    @property
    def changed_fields(self) -> list[tuple[str, str, str]]:
        """The changed fields, as (name, old text, new text)."""
        before, after = dict(self.before), dict(self.after)
        texts = [
            (name, before.get(name, ""), after.get(name, "")) for name in before | after
        ]
        return [(name, old, new) for name, old, new in texts if old != new]


class Media(Value):
    """A picture or sound in a note. Its name contains a hash of its content."""

    name: str
    path: str
    """The path of the file on this device, or "" if only Anki has the file."""


class CardRow(NamedTuple):
    """The scheduling of a card, as columns of Anki's table `cards`."""

    type: int
    queue: int
    due: int
    ivl: int
    factor: int
    reps: int
    lapses: int = 0
    left: int = 0
    data: str = ""


class Note(Value):
    """An Anki note that is ready to be written to a package."""

    guid: Guid
    type: AnkiNoteType
    """The note type as it is in Anki, or as the package adds it."""
    deck: str
    fields: Strings
    """All fields as HTML, in the order of the note type."""
    tags: Strings
    mod: int
    """The revision number, written as the note's modification time. Anki only imports a note whose
    modification time is later than that of the note in the collection."""
    ordinals: Numbers
    """The ordinals of the note's cards, from 0."""
    media: tuple[Media, ...] = ()
    states: dict[int, CardRow] = {}
    """The scheduling of each card that isn't new, by ordinal."""
