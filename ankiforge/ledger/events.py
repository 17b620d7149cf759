"""The events of the journal, and the values that are computed from them.

An `Event` is a line of the journal. `replay_events` computes a `Passage` with its cards from
all events about the passage. `StoredContent` is the form in which events store the text of a card;
only `content_to_json` and `content_from_stored` convert it.

The meaning of an event's field never changes, because journals are kept for years.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from functools import cached_property, lru_cache

import msgspec
from msgspec.structs import asdict, replace

from ankiforge.language.lexicon import read_word_set
from ankiforge.model import (
    PROPOSAL_DRAFTER,
    Card,
    CardContent,
    CardKind,
    Draft,
    Fields,
    Guid,
    Highlight,
    HighlightKey,
    Json,
    Origin,
    Strings,
    Texts,
    Value,
    Verdict,
    compute_guid,
    hash16,
)
from ankiforge.text import occlusion
from ankiforge.text.cloze import find_clozes, reveal_answers, to_plain_text

USER = "person"
POLICY = "policy"
SOURCE = "source"
"""The values of `Event.author`: the user, the policy (the settings that accept drafts without
review), or a change in a source. The user's decisions override those of policy and source,
whichever came first."""
RETIRED_TAG_REASON = "retired before"
"""The reason for retiring a card whose note in Anki has the tag of retired cards, although the
journal has no decision that retired it."""
FOUND_KEY = "found"
"""The key in the body of an `accept` event whose card was recovered from a note in Anki. The event
is ignored if the journal contains the decision itself."""
PROPOSAL_KEY = "proposal"
"""The key in the body of a `reject` event for a rejected proposal. The event only prevents further
proposals for the sentence."""
ACCEPTANCE_UNDONE_REASON = "its acceptance was undone"
DRAFTING_UNDONE_REASON = "its drafting was undone"
"""The reasons why a card isn't accepted any more. With the first, its draft is pending again. With
the second, which is stored in another `undo` event of the acceptance, the draft isn't pending."""
MERGED_REASON = "one card with "
"""The start of the reason for retiring a card because the user kept an identical one. The GUID of
the kept card follows."""
SUBJECT_KINDS = ("form", "dialects", "decline", "mark")
"""Kinds of events about something other than a passage, whose key names it: a form of lines, a
vault, another tool, or a document in which the user chose a passage. See
`Store.get_subject_events`."""
NON_DECISION_KINDS = (
    *("key", "text", "ask", "shipped", "pictures", "seen", "undo", "fact"),
)
"""Kinds of events that don't record a decision."""


class Event(
    Value,
    omit_defaults=True,
    dict=True,
    rename={
        "number": "n",
        "device_id": "machine",
        "time": "at",
        "author": "by",
        "kind": "what",
        "action_id": "act",
    },
):  # dict: for the cached id
    """A line of the journal."""

    number: int
    """A number greater than those of all events that the device knew (a Lamport clock)."""
    device_id: str
    """The id of the device that recorded the event."""
    time: str
    """The time in ISO 8601, for display only. Events are never ordered by it."""
    author: str
    """Who caused the event: `USER`, `POLICY` or `SOURCE`."""
    kind: str
    """The kind of event, a key of `journal.REQUIRED_KEYS`."""
    key: str
    """The key of the highlight, or for a kind in `SUBJECT_KINDS` the key of the subject."""
    body: Json = {}
    action_id: str = ""
    """The id of an action, shared by all decisions of one command or key press. One undo reverts
    all of them."""

    @cached_property
    def id(self) -> str:
        """A hash of the event's content, so that copies of a journal line have the same id."""
        return hash16(
            str(self.number),
            self.device_id,
            self.kind,
            self.key,
            msgspec.json.encode(self.body, order="sorted").decode(),
        )

    @property
    def undo_id(self) -> str:
        """The id to pass to `undo`. This is the action's id or, without an action, the event's."""
        return self.action_id or self.id

    @property
    def order(self) -> tuple[int, str, str]:
        """The sort key. It gives the same order on every device."""
        return (self.number, self.device_id, self.id)


class StoredContent(Value, omit_defaults=True, rename={"is_user_text": "own"}):
    """The text of a draft or card and its origin, as stored in an event."""

    kind: str
    fields: Texts
    """The Markdown of each field, by field name."""
    quote: str = ""
    is_user_text: bool = False
    """Whether the user wrote the card in the source (`front::back`) or highlighted its phrase
    there."""
    slot: str = "0"
    """The number that distinguishes the hand-written cards of one passage, as text. For other
    cards, a content hash or ""."""
    drafter: str = ""
    model: str = ""
    prompt: str = ""
    request: str = ""
    tags: Strings = ()


class RepairNote(Value):
    """A note that a repair adds to Anki, as stored in the `repair` event."""

    guid: str
    draft: StoredContent


def content_to_json(content: CardContent) -> Json:
    """Convert the text of a draft or card to the JSON of a `StoredContent`, for an event."""
    stored_content = StoredContent(
        kind=content.kind.value,
        fields={name: text for name, text in content.fields if text},
        quote=content.quote,
        is_user_text=content.is_hand_written,
        slot=content.stored_text_number,
        drafter=content.origin.drafter,
        model=content.origin.model,
        prompt=content.origin.prompt,
        request=content.origin.request,
        tags=content.tags,
    )
    body: Json = msgspec.to_builtins(stored_content)
    return body


def content_from_stored(stored_content: StoredContent, key: str) -> CardContent:
    """Convert the text stored in an event to card content. The inverse of `content_to_json`.

    `key` is the highlight that the event is about.
    """
    return CardContent(
        HighlightKey(key),
        CardKind(stored_content.kind),
        tuple(stored_content.fields.items()),
        Origin(
            stored_content.drafter,
            stored_content.model,
            stored_content.prompt,
            stored_content.request,
        ),
        stored_content.quote,
        stored_content.tags,
        user_text_number=parse_slot_number(stored_content.slot)
        if stored_content.is_user_text
        else None,
    )


def parse_slot_number(slot: str) -> int | None:
    """Parse the slot of a hand-written card as a number.

    Returns None if `slot` is "" or a content hash. Because a hash of 16 hex digits may
    consist of decimal digits only, the length is compared.
    """
    return int(slot) if slot.isascii() and slot.isdigit() and len(slot) < 16 else None


def create_card(event: Event, guid: str, content: CardContent, slot: str = "") -> Card:
    """Create the card that an event describes, with the given content.

    The card's deck is the one that the event names. If `slot` is "", it is computed from the
    text.
    """
    slot = slot or get_slot(content)
    number = parse_slot_number(slot)
    deck = event.body.get("deck", "")
    return Card(
        **asdict(replace(content, user_text_number=number, deck=deck)),
        guid=Guid(guid),
        drafted_text_hash=slot if number is None else None,
        verdict=Verdict.LIVE,
        decided_by=event.author,
        accepted_at=event.time,
    )


def replace_content(card: Card, stored_content: StoredContent) -> Card:
    """Replace the text of a card by text that is stored in an event. The card keeps its number."""
    content = content_from_stored(stored_content, card.key)
    return replace(
        card,
        kind=content.kind,
        fields=content.fields,
        quote=content.quote,
        origin=content.origin,
        tags=content.tags,
    )


def normalize_text(text: str) -> str:
    """Normalize the text of a passage for comparison, using NFC and collapsing whitespace.

    The text is plain text without markup, so ` and < are ordinary characters.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def hash_text(text: str) -> str:
    """Hash the text of a passage after normalizing it with `normalize_text`."""
    return hash16(normalize_text(text))


def is_quote_in_highlight(quote: str, highlight: Highlight) -> bool:
    """Return whether a quote occurs verbatim in a highlight or its context."""
    exact_quote = normalize_text(quote)
    # the text of the page may spell a passage differently from the program that marked it
    return exact_quote in normalize_text(
        highlight.context
    ) or exact_quote in normalize_text(highlight.exact)


def normalize_field(markdown: str) -> str:
    """Convert a Markdown field to normalized plain text, for comparison."""
    return normalize_text(to_plain_text(markdown))


def get_slot(content: CardContent) -> str:
    """Return what distinguishes a card from the other cards of its passage.

    This is the number of a hand-written card, and the content hash of any other card.
    """
    return content.stored_text_number or hash_question_and_answer(content.fields)


def hash_question_and_answer(fields: Fields | Texts) -> str:
    """Hash the question and the answer of a card, ignoring markup and whitespace.

    Punctuation and case matter, so `x < y` and `x > y` have different hashes. Other fields, such as
    Extra, are ignored.
    """
    fields = dict(fields)
    if occlusion.OCCLUSION_FIELD in fields:
        return hash16("occlusion", fields[occlusion.OCCLUSION_FIELD])
    return _hash_text_fields(
        fields.get("Text", ""),
        fields.get("Front", ""),
        fields.get("Back", ""),
    )


# cached, because it is called three times per decision, and a run may make thousands of decisions
@lru_cache(maxsize=32_768)
def _hash_text_fields(text: str, front: str, back: str) -> str:
    if text:
        answers = [normalize_field(gap.answer) for gap in find_clozes(text)]
        return hash16("cloze", normalize_field(reveal_answers(text)), *answers)
    return hash16("basic", normalize_field(front), normalize_field(back))


def hash_fields_with_markup(fields: Fields | Texts) -> str:
    """Hash all nonempty fields of a card, including their markup.

    Only differences in Unicode normalization and in trailing spaces are ignored.
    """
    parts = []
    for name, text in sorted(dict(fields).items()):
        if text:
            lines = unicodedata.normalize("NFC", text).splitlines()
            parts += [name, "\n".join(map(str.rstrip, lines))]
    return hash16(*parts)


def normalize_answer(fields: Fields | Texts) -> str:
    """Return the normalized answer of a draft or card without articles, or "" if it has no answer.

    Drafts about the same sentence are versions of the same card if their answers are equal.
    Otherwise they are different cards.
    """
    fields = dict(fields)
    answers = [gap.answer for gap in find_clozes(fields.get("Text", ""))]
    if fields.get("Back"):
        answers = [fields["Back"]]
    normalized = [_drop_article(normalize_field(answer)) for answer in answers]
    if not any(normalized):
        return ""
    return "\x1f".join(normalized)


def _drop_article(answer: str) -> str:
    first_word, _, rest = answer.partition(" ")
    if rest and first_word.lower() in read_word_set("cues", "articles"):
        return rest
    return answer


def make_guid(key: str, content: CardContent) -> Guid:
    """Compute the GUID of a card's note.

    It only depends on `key`, the note type, and the text or number of the card. Two devices that
    accept the same draft therefore create the same note.
    """
    return compute_guid(HighlightKey(key), content.note_type, get_slot(content))


class PassageReading(
    Value,
    omit_defaults=True,
    rename={
        "document_path": "place",
        "source_id": "own",
        "event_number": "n",
        "device_id": "machine",
    },
):
    """The text of a passage when it was read from a source. Stored in `key` and `text` events."""

    exact: str
    """The highlighted text."""
    before: str = ""
    after: str = ""
    """The normalized context before and after the text."""
    container: str = ""
    document_path: str = ""
    """The location of the passage: the container (such as a vault), and the document within it."""
    kind: str = ""
    """The kind of the highlight, such as highlighted text, a picture or a hand-written card."""
    source_id: str = ""
    """The id of the highlight in its source, or "" if it has none."""
    event_number: int = 0
    device_id: str = ""
    """The number and device of the event, set by `replay_events`."""


class Rejection(StrEnum):
    """What the user rejected about a sentence, from the least to the most."""

    PROPOSAL = "proposal"
    """A proposal. No more proposals are made for the sentence, but a model may draft it."""
    QUESTION = "question"
    """The question in a comment. The sentence may be proposed, and a model may draft it."""
    DRAFT = "draft"
    """A model's draft of a new card. The sentence may be proposed, and drafted with another
    answer."""
    CARD = "card"
    """A card, its new text, or a card that the user wrote in the source."""
    PASSAGE = "passage"
    """The whole passage, which the user skipped."""


class SentenceDecision(
    Value,
    omit_defaults=True,
    rename={
        "event_id": "of",
        "passage_sentence_hashes": "passage",
        "passed_over_hashes": "passed",
    },
):
    """A decision on sentences of a passage.

    It is built from the event of the decision and the `fact` event that follows.
    """

    event_id: str = ""
    """The id of the deciding event, whose undoing undoes this decision. "" if no `fact` event
    follows the decision. Then no sentence counts as decided, but the user may still be asked
    whether a new sentence is the new text of the card."""
    sentences: Strings = ()
    """The decided sentences of the passage."""
    guid: str = ""
    """The GUID of the decided card, or "" if there is none."""
    passage_sentence_hashes: Strings = ()
    """The hashes of all sentences that the passage had at the time of the decision."""
    passed_over_hashes: Strings = ()
    """The content hashes of hand-written drafts that the user passed over for another draft."""
    # set by `replay_events`
    rejection: Rejection | None = None
    """What the user rejected, or None for any other decision."""
    answer: str = ""
    """The `normalize_answer` of the card or draft, or "" if there is none."""
    event_number: int = 0
    device_id: str = ""
    """The number and device of the deciding event."""
    is_about_user_text: bool = False
    """Whether the decision was about a hand-written card."""
    revises: bool = False
    """Whether the decision gave the card a new text."""
    card_sentence: str = ""
    """The sentence that the card is about."""

    @property
    def rejects_card_or_draft(self) -> bool:
        """Whether the user rejected a card, a draft or the passage, and not only a proposal."""
        return self.rejection not in (None, Rejection.PROPOSAL)

    @property
    def ends_proposals(self) -> bool:
        """Whether nothing more is proposed for the sentences."""
        return self.rejection not in (Rejection.DRAFT, Rejection.QUESTION)

    @property
    def ends_drafting(self) -> bool:
        """Whether the sentences are decided for a model, except for other answers."""
        return self.rejection is not Rejection.PROPOSAL

    @property
    def kind(self) -> str:
        """The value for the column `kind` of the table `decided_sentence`."""
        if not self.ends_proposals:
            return "draft"
        if self.is_about_user_text or not self.ends_drafting:
            return "own"
        return "card"

    @property
    def order(self) -> tuple[bool, int, str]:
        """The sort key. Decisions not recorded yet come last."""
        return (not self.event_number, self.event_number, self.device_id)


def reopens_passage(card: Card) -> bool:
    """Return whether a card's acceptance was undone and its passage is undecided again.

    This is the case if the card came from a proposal, or if the user wrote it in ankiforge. For a
    card from a rule or a model, its draft is pending again instead.
    """
    return card.verdict is Verdict.TAKEN_BACK and card.origin.drafter in (
        PROPOSAL_DRAFTER,
        USER,
    )


class Passage(msgspec.Struct):
    """A passage with its cards and decisions, computed from journal events."""

    keys: Strings
    """All keys of the passage, oldest first. There are several if the passage was read in several
    documents, or was recognized only later."""
    readings: list[PassageReading] = []
    """The readings of the passage, newest first."""
    cards: dict[str, Card] = {}
    """All cards of the passage by GUID, live or not."""
    rejected_hashes: set[str] = set()
    """The content hashes of rejected drafts and cards."""
    rejected_numbers: set[int] = set()
    """The numbers of rejected hand-written cards, which stay rejected when their text changes."""
    decisions: list[SentenceDecision] = []
    """The decisions on sentences that weren't undone, oldest first."""
    is_closed: bool = False
    """Whether the user wants no more cards of the passage, because they skipped it, or decided on
    it without naming a sentence."""
    is_skipped: bool = False
    """Whether the user skipped the passage."""
    skip_reason: str | None = None
    """The reason that the user gave for it."""
    possible_same_keys: dict[str, str] = {}
    """For each key of this passage that may belong to another passage, a key of that passage. The
    user is asked whether the two passages are the same."""
    different_keys: set[str] = set()
    """The keys of other passages that the user said are different from this one."""

    @property
    def key(self) -> str:
        """The oldest key, which identifies the passage."""
        return self.keys[0]

    @property
    def was_ever_decided(self) -> bool:
        """Whether a decision was ever made on the passage, even if it was undone.

        Such a passage must be recognized if it reappears in a source.
        """
        has_decision = bool(self.decisions or self.rejected_hashes or self.is_closed)
        return has_decision or not all(map(reopens_passage, self.cards.values()))

    @property
    def has_active_decision(self) -> bool:
        """Whether a decision on the passage is in effect.

        If only proposals, a model's drafts or the question in a comment were rejected, this is
        False.
        """
        if self.is_closed or self.live_cards:
            return True
        return any(
            decision.ends_proposals and decision.ends_drafting
            for decision in self.decisions
        )

    @property
    def needs_no_model(self) -> bool:
        """Whether a model shouldn't draft cards for the passage, because it was already decided.

        Any decision in effect counts, unless it was about a proposal or the question in a comment.
        The decisions are in the journal, so no model is asked again even if the database was lost.
        """
        if self.is_closed:
            return True
        questions = set()
        for decision in self.decisions:
            if decision.rejection is Rejection.QUESTION:
                questions.add(decision.guid)
            elif decision.ends_drafting:
                return True
        return any(
            card.verdict is not Verdict.TAKEN_BACK and card.guid not in questions
            for card in self.cards.values()
        )

    def is_distinct_from(self, other_passage: Passage) -> bool:
        """Return whether the user has said that two passages are different.

        The answer may be stored with either of the passages.
        """
        if not self.different_keys.isdisjoint(other_passage.keys):
            return True
        return not other_passage.different_keys.isdisjoint(self.keys)

    @property
    def live_cards(self) -> list[Card]:
        """The accepted cards of the passage that weren't rejected, retired or undone later."""
        return [card for card in self.cards.values() if card.is_live]

    def is_passed_over(self, draft: CardContent) -> bool:
        """Return whether the user chose a different draft about the same sentences instead."""
        passed_contents = {
            passed_content
            for decision in self.decisions
            for passed_content in decision.passed_over_hashes
        }
        return (
            bool(passed_contents)
            and hash_question_and_answer(draft.fields) in passed_contents
        )

    def is_rejected(self, draft: CardContent) -> bool:
        """Return whether a draft's text or, if it is hand-written, its number was rejected."""
        if (
            self.rejected_hashes
            and hash_question_and_answer(draft.fields) in self.rejected_hashes
        ):
            return True
        return draft.user_text_number in self.rejected_numbers

    def find_card_by_number(self, draft: CardContent) -> Card | None:
        """Return the hand-written card with the same number and note type as a draft, or None.

        If there are several, a live card is preferred.
        """
        cards_in_slot = []
        for card in self.cards.values():
            if (
                card.is_hand_written
                and card.user_text_number == draft.user_text_number
                and card.note_type is draft.note_type
            ):
                cards_in_slot.append(card)
        for card in cards_in_slot:
            if card.is_live:
                return card
        return cards_in_slot[0] if cards_in_slot else None


def differs_from_source_text(card: Card, draft: Draft) -> bool:
    """Return whether a draft's text differs from the last text that the card's source provided."""
    if not card.edits.source_text_hashes:
        return True
    _machine, newest_digest = card.edits.source_text_hashes[-1]
    return newest_digest != hash_fields_with_markup(draft.fields)


def is_possibly_older_than_card(card: Card, device_id: str, draft: Draft) -> bool:
    """Return whether a draft from this device may be older than the current text of its card.

    This is the case if the card had the draft's text earlier, and only other devices have read its
    current text so far. The files on this device may not be synchronized yet.
    """
    texts = card.edits.source_text_hashes
    _, newest_digest = texts[-1]
    if not newest_digest or (device_id, newest_digest) in texts:
        return False
    draft_digest = hash_fields_with_markup(draft.fields)
    return any(digest == draft_digest for _, digest in texts)
