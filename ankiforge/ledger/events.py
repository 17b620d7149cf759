"""The events of the journal, and the values computed from them.

An `Event` is a line of the journal; a `Passage` with its cards is the result of the events of
one passage. `fold` computes one from the other. `Wording` is how an event writes the words of
a card: `wording_of` and `words_of_wording` are the border between the two, and there is no other.

What must stay true: a field of an event keeps its meaning for ever, as journals are years
old.
"""

from __future__ import annotations

import unicodedata
from functools import cached_property, lru_cache

import msgspec
from msgspec.structs import asdict, replace

from ankiforge.model import (
    PROPOSE,
    Card,
    CardKind,
    Draft,
    Guid,
    Highlight,
    HighlightKey,
    Json,
    Origin,
    Strings,
    Texts,
    Value,
    Verdict,
    Words,
    guid_for,
    h16,
)
from ankiforge.text import occlusion
from ankiforge.text.cloze import gaps, plain, reveal

PERSON = "person"
POLICY = "policy"
SOURCE = "source"
"""Who caused an event. A person's decision prevails over policy and source, whenever
made."""
RETIRED_BEFORE = "retired before"
"""Why a card is retired whose note in Anki has the tag of dropped cards, if no event
shows that."""
FOUND = "found"
"""In the body of `accept`: it was no decision. Anki has a note of the card, of which no event
was known."""
PROPOSAL = "proposal"
"""In the body of `reject`: it was of a proposal, so only that sentence is not proposed again."""
MERGED = "one card with "
"""Why a card is retired of which a person kept the equal one."""
SUBJECTS = ("form", "dialects", "decline", "mark")
"""Kinds of events about another subject than a passage: a form of lines, a vault, a tool, a
document in which a passage is chosen. The key names it; see `Store.answers`."""
FORMER = ("holds", "held", "private", "keep")
"""Kinds of events that only earlier versions wrote. They are known, and have no effect."""
SILENT = (
    *("key", "text", "ask", "shipped", "pictures", "seen", "undo", "fact"),
    *FORMER,
)
"""Kinds of events that are no decisions."""


class Event(Value, omit_defaults=True, dict=True):  # a dict: for the cached id
    """One line of the journal.

    A later event has a larger `n` than all events its machine knew.
    """

    n: int
    machine: str
    at: str
    """ISO 8601; shown to people, never compared."""
    by: str
    what: str
    key: str
    """The highlight, or what one of `SUBJECTS` is about."""
    body: Json = {}
    act: str = ""
    """Joins the decisions of one command or key press, which one undo takes back."""

    @cached_property
    def id(self) -> str:
        """A hash of the content, so that a copied or repeated line is the same event."""
        return h16(
            str(self.n),
            self.machine,
            self.what,
            self.key,
            msgspec.json.encode(self.body, order="sorted").decode(),
        )

    @property
    def order(self) -> tuple[int, str, str]:
        """The order that is the same on all machines."""
        return (self.n, self.machine, self.id)


class Wording(Value, omit_defaults=True):
    """The words of a draft or card, and who wrote them, as an event carries them."""

    kind: str
    fields: Texts
    """Markdown by field name."""
    quote: str = ""
    own: bool = False
    """Whether a person wrote or marked the words in the source: a marked phrase,
    `front::back`."""
    slot: str = "0"
    """Distinguishes the source's own cards of one passage. Others get theirs from their
    content."""
    drafter: str = ""
    model: str = ""
    prompt: str = ""
    request: str = ""
    tags: Strings = ()


class RepairNote(Value):
    """A note that a repair adds, as the event carries it."""

    guid: str
    draft: Wording


def wording_of(words: Words) -> Wording:
    """Return the words of a draft or card as an event carries them."""
    return Wording(
        kind=words.kind.value,
        fields={name: text for name, text in words.fields if text},
        quote=words.quote,
        own=words.in_slot,
        slot=words.slot,
        drafter=words.origin.drafter,
        model=words.origin.model,
        prompt=words.origin.prompt,
        request=words.origin.request,
        tags=words.tags,
    )


def words_of_wording(wording: Wording, key: str) -> Words:
    """Return the words that an event about a highlight carries."""
    return Words(
        HighlightKey(key),
        CardKind(wording.kind),
        tuple(wording.fields.items()),
        Origin(wording.drafter, wording.model, wording.prompt, wording.request),
        wording.quote,
        wording.tags,
        number=number_in(wording.slot) if wording.own else None,
    )


def number_in(slot: str) -> int | None:
    """Return the number of a source's own card that a slot states; None = it is a hash, or empty.

    A hash of drafted words has 16 digits, and may have no letter among them.
    """
    return int(slot) if slot.isascii() and slot.isdigit() and len(slot) < 16 else None


def card_made(event: Event, guid: str, words: Words, slot: str = "") -> Card:
    """Return the card that an event makes of words, which has only their deck and tags.

    `slot`: as the event states it; "" = that of the words.
    """
    slot = slot or slot_of(words)
    number = number_in(slot)
    deck = event.body.get("deck", "")
    return Card(
        **asdict(replace(words, number=number, deck=deck)),
        guid=Guid(guid),
        drafted=slot if number is None else None,
        verdict=Verdict.LIVE,
        by=event.by,
        at=event.at,
    )


def worded(card: Card, wording: Wording) -> Card:
    """Return a card with the words that an event carries; its number stays."""
    words = words_of_wording(wording, card.key)
    return replace(
        card,
        kind=words.kind,
        fields=words.fields,
        quote=words.quote,
        origin=words.origin,
        tags=words.tags,
    )


def exact(words: str) -> str:
    """Return the words of a passage as they are compared: NFC, white space collapsed.

    They have no markup: signs such as ` and < are words like others.
    """
    return " ".join(unicodedata.normalize("NFC", words).split())


def hash_of_words(words: str) -> str:
    """Return a hash of the words of a passage: two are equal if their exact texts are."""
    return h16(exact(words))


def words_read(highlight: Highlight) -> str:
    """Return the words of a passage as its events have them.

    Keys are made of the anchor's text, which a reader may clean otherwise.
    """
    return highlight.anchor_text or highlight.exact


def stands_in(quote: str, highlight: Highlight) -> bool:
    """Return whether a quote is word for word in a passage or the text around it."""
    words = exact(quote)
    # the text of the page may spell a passage otherwise than the program that marked it
    return words in exact(highlight.context) or words in exact(highlight.exact)


def exact_field(markdown: str) -> str:
    """Return the text of a field as it is compared: without markup, else like `exact`."""
    return exact(plain(markdown))


def content(words: Words) -> str:
    """Return a hash of the question and the answer of a draft or card."""
    return content_of(dict(words.fields))


def slot_of(words: Words) -> str:
    """Return the slot of the card that is made of words: a number, or a hash of them."""
    return words.slot or content(words)


def content_of(fields: Texts) -> str:
    """Return a hash of the question and the answer of a card.

    Signs and case count: `x < y` is not `x > y`.
    """
    if occlusion.FIELD in fields:
        return h16("occlusion", fields[occlusion.FIELD])
    return _content_of(
        fields.get("Text", ""),
        fields.get("Front", ""),
        fields.get("Back", ""),
    )


# of thousands of decisions in one go, each is asked for three times
@lru_cache(maxsize=32_768)
def _content_of(text: str, front: str, back: str) -> str:
    if text:
        answers = [exact_field(gap.answer) for gap in gaps(text)]
        return h16("cloze", exact_field(reveal(text)), *answers)
    return h16("basic", exact_field(front), exact_field(back))


def digest_of(fields: Texts) -> str:
    """Return a hash of the exact fields of a card.

    They are compared in NFC, without blanks at the ends of lines.
    """
    parts = []
    for name in sorted(fields):
        lines = unicodedata.normalize("NFC", fields[name]).splitlines()
        parts.append(name)
        parts.append("\n".join(map(str.rstrip, lines)))
    return h16(*parts)


def digest_of_words(words: Words) -> str:
    """Return a hash of the exact fields of a draft or card, as an event carries them."""
    return digest_of({name: text for name, text in words.fields if text})


def decides_own(event: Event) -> bool:
    """Return whether an event is a decision on the person's own form."""
    draft = event.body.get("draft", {})
    return bool(event.body.get("slot") or draft.get("own"))


def guid_of(key: str, words: Words) -> Guid:
    """Return the guid of the note of a card with these words.

    Two machines that accept the same draft make one note.
    """
    return guid_for(HighlightKey(key), words.family, slot_of(words))


class Text(Value, omit_defaults=True):
    """A reading of a passage, as an event carries it."""

    exact: str
    """The words that were marked."""
    before: str = ""
    after: str = ""
    """The text around them, up to `CONTEXT` characters on each side."""
    container: str = ""
    place: str = ""
    """Where it stood: the container, and the document in it."""
    kind: str = ""
    """The kind of the highlight: words, a picture, a card written by hand."""
    own: str = ""
    """The id in the source, if any."""
    n: int = 0
    machine: str = ""
    """The number and the machine of its event; the fold says so."""


class FactDecision(Value, omit_defaults=True):
    """A decision on facts of a passage, as the `fact` event behind it carries it."""

    of: str = ""
    """The id of the event that decided. This one stands while that one does. "" = there was no
    `fact` event: the card may ask, but no sentence is decided."""
    sentences: Strings = ()
    """The sentences of the passage that are decided: the card's quote covers them."""
    guid: str = ""
    """The card, if any."""
    passage: Strings = ()
    """The hashes of all sentences of the passage then."""
    passed: Strings = ()
    """The contents of the person's own forms that were passed over."""
    # the fold says the rest
    dropped: bool = False
    """Whether a person rejected a card, or the draft of one, which a proposal is not; or
    skipped the passage."""
    of_proposal: bool = False
    """Whether only a proposal was rejected: the sentences are not proposed again, and otherwise
    open."""
    n: int = 0
    machine: str = ""
    """The number and the machine of the event that decided."""
    own: bool = False
    """Whether it was on the person's own form."""
    revises: bool = False
    """Whether it gave its card other words."""
    about: str = ""
    """The sentence that its card is about."""

    @property
    def order(self) -> tuple[bool, int, str]:
        """The order in which decisions were made; one that is not recorded yet is the last."""
        return (not self.n, self.n, self.machine)


def is_open_again(card: Card) -> bool:
    """Return whether a card was taken back that came from a proposal, or that a person wrote.

    Its passage is as before; what policy accepted, or a model drafted, is left to the person.
    """
    return card.verdict is Verdict.TAKEN_BACK and card.origin.drafter in (PROPOSE, PERSON)


class Passage(msgspec.Struct):
    """One passage as the events of the journal have it."""

    keys: Strings
    """Its keys, the oldest first; later ones were found to be the same passage."""
    texts: list[Text] = []
    """Its readings, the newest first."""
    cards: dict[str, Card] = {}
    rejected: set[str] = set()
    """Contents of rejected drafts and cards."""
    rejected_numbers: set[int] = set()
    """Numbers of the source's own cards that were rejected, whatever their text becomes."""
    decisions: list[FactDecision] = []
    """The decisions on its facts that stand, oldest first."""
    closed: bool = False
    """Whether nothing more is wanted of it: skipped, or a decision names no facts."""
    skipped: bool = False
    why_skipped: str = ""
    asked: dict[str, str] = {}
    """By key of this passage: the key of another one that it may be. Open until
    answered."""
    beside: set[str] = set()
    """Those of these keys about which is asked although the other passage is there."""
    apart: set[str] = set()
    """Keys of other passages that are different, as a person said."""

    @property
    def key(self) -> str:
        """The name of the passage."""
        return self.keys[0]

    @property
    def decided(self) -> bool:
        """Whether a decision depends on recognising this passage."""
        return bool(self.decisions) or self.done

    @property
    def done(self) -> bool:
        """Whether there is a decision on it other than that a proposal is not wanted."""
        if self.rejected or self.skipped:
            return True
        if any(not decision.of_proposal for decision in self.decisions):
            return True
        return not all(map(is_open_again, self.cards.values()))

    def told_apart_from(self, other: Passage) -> bool:
        """Return whether a person said that these are two passages.

        The answer is recorded with only one of the two.
        """
        if not self.apart.isdisjoint(other.keys):
            return True
        return not other.apart.isdisjoint(self.keys)

    @property
    def keeps_its_cards(self) -> bool:
        """Whether a person answered that its cards stay: that it differs from itself.

        One answer ends both questions that have it, about a chosen passage that is gone, and about
        two gaps of one proposal.
        """
        return self.told_apart_from(self)

    @property
    def live(self) -> list[Card]:
        """The cards that stand."""
        return [card for card in self.cards.values() if card.live]

    def was_passed_over(self, draft: Words) -> bool:
        """Return whether the person's own form was passed over for another draft of its facts."""
        passed = {words for decision in self.decisions for words in decision.passed}
        return bool(passed) and content(draft) in passed

    def refuses(self, draft: Words) -> bool:
        """Return whether a person rejected these words, or the source's card as such."""
        if self.rejected and content(draft) in self.rejected:
            return True
        return draft.number in self.rejected_numbers

    def card_in_slot(self, draft: Words) -> Card | None:
        """Return the card of the source in the slot and note type of a draft; a live one first."""
        in_slot = []
        for card in self.cards.values():
            if (
                card.in_slot
                and card.number == draft.number
                and card.family is draft.family
            ):
                in_slot.append(card)
        for card in in_slot:
            if card.live:
                return card
        return in_slot[0] if in_slot else None


def is_news(card: Card, draft: Draft) -> bool:
    """Return whether a text is not the last one that the card got or was offered."""
    if not card.edits.texts:
        return True
    _machine, newest = card.edits.texts[-1]
    return newest != digest_of_words(draft)


def is_stale(card: Card, machine: str, draft: Draft) -> bool:
    """Return whether a text that is read here may be older than the card's.

    It may be if the card had this text before another machine read a newer one, which
    this machine never read: its files may not have been brought up to date.
    """
    texts = card.edits.texts
    _machine, newest = texts[-1]
    digests = {digest for _, digest in texts}
    readers = {reader for reader, digest in texts if digest == newest}
    return digest_of_words(draft) in digests and machine not in readers and bool(newest)
