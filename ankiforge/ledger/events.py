"""Events and their fold. What a person can lose is an event; cards are computed from events alone.

    events of one passage ──fold──▶ Passage(cards, rejected, skipped, texts, questions)

`fold` is pure: it reads no table, no clock, no source and no view of Anki. Two machines that have the
same events have the same cards, in whatever order the events arrived.

What must stay true:

- A function of `_APPLY` changes the passage it is given and nothing else. The card that an event names
  may not be there: its `accept` is perhaps in a file that has not arrived.
- What a person decided stands against policy and source, also if theirs comes later in the order.
- A field of an event keeps its meaning for ever: journals are years old.

`tests/unit/ledger/test_fold.py` shuffles events; `test_decisions.py` beside it and the golden histories
say what each kind comes to, `tests/anki/test_adopt.py` what notes of other tools need.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ankiforge.model import (
    Adopted,
    Family,
    HighlightKey,
    Json,
    Pair,
    Strings,
    Texts,
    Value,
    Verdict,
    guid_for,
    h16,
)
from ankiforge.text.cloze import gaps, plain, reveal

PERSON, POLICY, SOURCE = "person", "policy", "source"
"""Who caused an event. A person's decision stands against policy and source, whenever it was made."""


class Event(Value, omit_defaults=True):
    """One line of the journal. A later event has a larger `n` than all events its machine knew."""

    n: int
    machine: str
    at: str
    """ISO 8601; shown to people, never compared."""
    by: str
    what: str
    key: str
    """The highlight; for `form`, the source and the form."""
    body: Json = {}
    act: str = ""
    """Joins the decisions of one command or key press, which one undo takes back."""

    @property
    def id(self) -> str:
        """A hash of the content, so that a copied or repeated line is the same event."""
        return h16(str(self.n), self.machine, self.what, self.key, _sorted_json(self.body))

    @property
    def order(self) -> tuple[int, str, str]:
        """The order that is the same on all machines."""
        return (self.n, self.machine, self.id)


def _sorted_json(body: Mapping[str, Any]) -> str:
    return msgspec.json.encode(body, order="sorted").decode()


class Wording(Value, omit_defaults=True):
    """What a draft or card says, and who wrote it."""

    kind: str
    fields: Texts
    """Markdown by field name."""
    quote: str = ""
    own: bool = False
    """Whether a person wrote or marked the words in the source: a marked phrase, `front::back`."""
    slot: str = "0"
    """Distinguishes the source's own cards of one passage. Others get theirs from their content."""
    drafter: str = ""
    model: str = ""
    prompt: str = ""
    request: str = ""
    tags: Strings = ()

    @property
    def family(self) -> Family:
        """The note type."""
        return Family.CLOZE if self.kind == "cloze" else Family.BASIC

    @property
    def content(self) -> str:
        """A hash of what the card asks and answers."""
        return content_of(self.fields)

    @property
    def place(self) -> str:
        """The slot of a card that is made of these words."""
        return self.slot if self.own else self.content


def exact(text: str) -> str:
    """Return a text as it is compared: NFC, without markup, white space collapsed."""
    return " ".join(unicodedata.normalize("NFC", plain(text)).split())


def content_of(fields: Texts) -> str:
    """Return a hash of what a card asks and answers. Signs and case count: `x < y` is not `x > y`."""
    return _content_of(fields.get("Text", ""), fields.get("Front", ""), fields.get("Back", ""))


@lru_cache(maxsize=1000)  # one decision, and the fold of one passage, ask for the same ones again
def _content_of(text: str, front: str, back: str) -> str:
    if text:
        answers = [exact(gap.answer) for gap in gaps(text)]
        return h16("cloze", exact(reveal(text)), *answers)
    return h16("basic", exact(front), exact(back))


def digest_of(fields: Texts) -> str:
    """Return a hash of the exact fields of a card in NFC, but for blanks at the ends of lines."""
    lines = {
        name: map(str.rstrip, unicodedata.normalize("NFC", text).splitlines())
        for name, text in fields.items()
    }
    return h16(*(part for name in sorted(lines) for part in (name, "\n".join(lines[name]))))


def guid_of(key: str, wording: Wording) -> str:
    """Return the guid of a note: two machines that accept the same draft make one note."""
    return guid_for(HighlightKey(key), wording.family, wording.place)


class Text(Value, omit_defaults=True):
    """A reading of a passage, as an event carries it."""

    exact: str
    before: str = ""
    after: str = ""
    container: str = ""
    place: str = ""
    kind: str = ""
    own: str = ""
    """The id in the source, if any."""


class Shipped(Value, omit_defaults=True):
    """What a package contained for a note; the note itself carries hashes of its fields."""

    mod: int
    tags: Strings = ()
    deck: str = ""
    digest: str = ""


class State(msgspec.Struct):
    """An accepted card and all that was decided about it."""

    guid: str
    key: str
    """The key under which it was accepted; the passage may have an older one."""
    wording: Wording
    """As accepted, edited and revised since."""
    place: str = ""
    """The slot: `Wording.place` as accepted."""
    source: str = ""
    """The content that the source or drafter gave last, whatever a person made of it."""
    deck: str = ""
    tags: Strings = ()
    verdict: Verdict = Verdict.LIVE
    why: str = ""
    by: str = POLICY
    """Who made the decision that stands."""
    forced: bool = False
    """Whether a person accepted it although a check blocks it."""
    pinned: Strings = ()
    """Fields whose text is a person's: the source may not change them."""
    given: Texts = {}
    """The fields as the source or drafter gave them last."""
    typed: Strings = ()
    """Fields whose text a person had typed in Anki when the note was taken over after both were lost:
    the source's own text is not known before its first revision, and does not reach the note."""
    offered: dict[str, str] = {}
    """What the source says now in pinned fields: a conflict until the person chooses."""
    texts: tuple[Pair, ...] = ()
    """(machine, digest) of the texts that the source gave, oldest first."""
    shipped: tuple[Shipped, ...] = ()
    """Oldest first."""
    words: str = ""
    """A digest of the words that were shipped last."""
    numbers: Texts = {}
    """By cloze number: the words that were shipped under it. Never free for other words."""
    resolved: dict[str, tuple[str, str, str]] = {}
    """By field: the choice (`mine` or `source`), and the hashes of theirs and ours it was made about."""
    seen_by: Strings = ()
    """The machines in whose Anki the note was."""
    adopted: Adopted | None = None
    """The note that another tool made of it."""
    schedule: tuple[tuple[str, int, int], ...] = ()
    """As in `model.Card`."""

    @property
    def live(self) -> bool:
        """Whether the card is to be in Anki."""
        return self.verdict is Verdict.LIVE


class Passage(msgspec.Struct):
    """What is known of one passage, from events alone."""

    keys: Strings
    """Its keys, the oldest first; later ones were found to be the same passage."""
    texts: list[Text] = []
    """Its readings, the newest first."""
    cards: dict[str, State] = {}
    rejected: set[str] = set()
    """Contents of rejected drafts and cards."""
    rejected_slots: set[str] = set()
    """Slots of the source's own cards that were rejected, whatever their text becomes."""
    passed: set[str] = set()
    """Contents of drafts that a model named as alternatives to one that was accepted."""
    skipped: bool = False
    why_skipped: str = ""
    form: str = ""
    """For a form of hand-written cards: `accept` or `never`, as a person decided."""
    dialects: Strings | None = None
    """For a vault: the dialects of plugins by which it is read; None = it was never said."""
    declined_tool: bool = False
    """For another tool: whether a person does not want the history of its cards."""
    declined: tuple[Strings, ...] = ()
    """For a vault: the sets of dialects by which a person did not want it read."""
    asked: dict[str, str] = {}
    """By key of this passage: the key of another one that it may be. Open until answered."""
    apart: set[str] = set()
    """Keys of other passages that are different, as a person said."""

    @property
    def key(self) -> str:
        """The name of the passage."""
        return self.keys[0]

    @property
    def decided(self) -> bool:
        """Whether a decision depends on recognising this passage."""
        return bool(self.cards or self.rejected or self.skipped)

    def told_apart_from(self, other: Passage) -> bool:
        """Return whether a person said that these are two; the answer stands at one of both."""
        return not (self.apart.isdisjoint(other.keys) and other.apart.isdisjoint(self.keys))

    @property
    def live(self) -> list[State]:
        """The cards that stand."""
        return [card for card in self.cards.values() if card.live]

    @property
    def dropped(self) -> bool:
        """Whether a person rejected, retired or deleted a card of this passage: policy leaves it alone."""
        return bool(self.rejected) or any(
            card.by == PERSON and not card.live for card in self.cards.values()
        )

    def refuses(self, wording: Wording) -> bool:
        """Return whether a person rejected these words, or the source's own card whatever its text."""
        return wording.content in self.rejected or (
            wording.own and wording.slot in self.rejected_slots
        )

    def own_card(self, wording: Wording) -> State | None:
        """Return the source's own card with this slot and note type; a live one first."""
        cards = [
            card
            for card in self.cards.values()
            if card.wording.own
            and card.place == wording.slot
            and card.wording.family is wording.family
        ]
        return next((card for card in cards if card.live), cards[0] if cards else None)


# --- which events stand, and which keys are one passage --------------------------------------------


def in_order(events: Iterable[Event]) -> list[tuple[Event, bool]]:
    """Return the events in the order of all machines, each with whether it stands.

    An event does not stand if it was undone. An undo can be undone.
    """
    ordered = sorted(events, key=lambda event: event.order)
    undone = set()
    for event in reversed(ordered):
        if event.what == "undo" and event.id not in undone:
            undone.add(event.body["event"])
    return [(event, not undone or event.id not in undone) for event in ordered]


def classes(links: Iterable[Event]) -> dict[str, Strings]:
    """Return for each key that `same` links all keys of its passage, the oldest first.

    Args:
        links: the `same` and `undo` events, and the `key` events of the keys they name.
    """
    stand = [event for event, stands in in_order(links) if stands]
    age = {event.key: at for at, event in reversed(list(enumerate(stand))) if event.what == "key"}
    group: dict[str, set[str]] = {}
    for event in stand:
        if event.what == "same":
            old = event.body["old"]
            one = group.get(event.key, {event.key}) | group.get(old, {old})
            group.update(dict.fromkeys(one, one))
    return {
        key: tuple(sorted(one, key=lambda each: (age.get(each, len(age)), each)))
        for key, one in group.items()
    }


# --- the fold -------------------------------------------------------------------------------------


def fold(keys: Sequence[str], events: Iterable[Event]) -> Passage:
    """Return the state of the passage with these keys. `events` are all events of these keys."""
    passage = Passage(tuple(keys))
    answered = set()
    ordered = in_order(events)
    dropped = {event.body.get("guid") for event, _ in ordered if _is_dropping(event)}
    # a change by the source that two machines recorded was taken back if either was
    refused = [event.body for event, stands in ordered if not stands and event.what == "revise"]
    for event, stands in ordered:
        if _is_evidence(event) and event.body["guid"] in dropped:
            continue  # the decision itself is known
        by_source = event.what == "revise" and event.by == SOURCE
        if stands and not (by_source and event.body in refused):
            _APPLY[event.what](passage, event)
            if event.what in ("same", "different"):
                answered.add(event.body["old"])
        elif by_source:
            _pin(passage, event)
        elif event.what == "accept":
            _take_back(passage, event)
        elif event.what == "retire":
            _want_again(passage, event)
    passage.asked = {key: old for key, old in passage.asked.items() if old not in answered}
    _keep_one(passage)
    return passage


def _is_evidence(event: Event) -> bool:
    """Return whether an event only tells that a note in Anki has the tag of dropped cards."""
    return event.what == "retire" and event.body.get("why") == RETIRED_BEFORE


def _is_dropping(event: Event) -> bool:
    """Return whether an event is a decision to drop a card."""
    return event.what in ("reject", "retire") and not _is_evidence(event)


def _key(passage: Passage, event: Event) -> None:
    body = dict(event.body)
    if like := body.pop("like", ""):
        passage.asked[event.key] = like
    passage.texts.insert(0, msgspec.convert(body, Text))


def _text(passage: Passage, event: Event) -> None:
    passage.texts.insert(0, msgspec.convert(event.body, Text))


def _accept(passage: Passage, event: Event) -> None:
    body = event.body
    wording = msgspec.convert(body["draft"], Wording)
    card = passage.cards.get(body["guid"])
    if card is None:
        card = State(
            body["guid"], event.key, wording, body.get("slot") or wording.place, wording.content,
            body.get("deck", ""), tuple(body.get("tags", ())), by=event.by,
            typed=tuple(body.get("typed", ())),
        )  # fmt: skip
        if event.by != PERSON and passage.refuses(wording):
            card.verdict, card.by = Verdict.REJECTED, PERSON
        passage.cards[card.guid] = card
    else:
        if event.by == PERSON:
            card.verdict, card.why, card.by = Verdict.LIVE, "", PERSON
        _offer(card, wording)
    card.forced = body.get("forced", card.forced)
    _remember(card, event.machine, wording)
    passage.passed |= set(body.get("passed", ()))
    if event.by == PERSON:
        passage.rejected.discard(wording.content)
    if old := passage.cards.get(body.get("instead", "")):
        old.verdict, old.why, old.by = Verdict.RETIRED, "replaced by another card", event.by


def _adopt(passage: Passage, event: Event) -> None:
    """A person took over the note of another tool, or the schedule of a card that there was."""
    if "draft" in event.body:
        _accept(passage, event)
    card, note = passage.cards.get(event.body["guid"]), event.body.get("note")
    if card is None:
        return
    card.schedule = tuple(map(tuple, event.body.get("schedule", ())))
    if note:
        card.adopted = msgspec.convert({**note, "words": card.wording.fields}, Adopted)


def _want_again(passage: Passage, event: Event) -> None:
    """A deletion in Anki was undone: the note of another tool is made anew, if it is not there."""
    card = passage.cards.get(event.body.get("guid", ""))
    if card and card.adopted:
        card.adopted = msgspec.structs.replace(card.adopted, again=True)


def _take_back(passage: Passage, event: Event) -> None:
    """Apply an accept that was undone: the draft waits again, and policy leaves it to the person."""
    card = passage.cards.get(event.body["guid"])
    if card is None or card.by != PERSON:
        _accept(passage, msgspec.structs.replace(event, body={**event.body, "instead": ""}))
        passage.passed -= set(event.body.get("passed", ()))
        card = passage.cards[event.body["guid"]]
        card.verdict, card.by, card.why = Verdict.TAKEN_BACK, PERSON, "its acceptance was undone"


def _revise(passage: Passage, event: Event) -> None:
    if card := passage.cards.get(event.body["guid"]):
        wording = msgspec.convert(event.body["draft"], Wording)
        card.typed = ()
        if event.by == PERSON:
            card.wording, card.pinned, card.offered = wording, (), {}
        else:
            _offer(card, wording)
        _remember(card, event.machine, wording)


def _offer(card: State, wording: Wording) -> None:
    """Take the source's new text, except for the fields that are a person's.

    Such a field is a conflict if the source says something in it, and something new.
    """
    kept = {name: card.wording.fields.get(name, "") for name in card.pinned}
    fields = {name: text for name, text in {**wording.fields, **kept}.items() if text}
    card.wording = msgspec.structs.replace(wording, fields=fields)
    for name in card.pinned:
        text = wording.fields.get(name, "")
        if not text or text == kept[name]:
            card.offered.pop(name, None)
        elif text != card.given.get(name, ""):
            card.offered[name] = text


def _remember(card: State, machine: str, wording: Wording) -> None:
    card.source, card.given = wording.content, wording.fields
    card.texts = (*card.texts, (machine, digest_of(wording.fields)))


def _pin(passage: Passage, event: Event) -> None:
    """A person undid a change by the source: the text before it is theirs from now on."""
    if card := passage.cards.get(event.body["guid"]):
        wording = msgspec.convert(event.body["draft"], Wording)
        changed = sorted(
            name
            for name in {*wording.fields, *card.wording.fields}
            if card.wording.fields.get(name, "") != wording.fields.get(name, "")
        )
        card.pinned = tuple(dict.fromkeys((*card.pinned, *changed)))
        _remember(card, event.machine, wording)


def _edit(passage: Passage, event: Event) -> None:
    if card := passage.cards.get(event.body["guid"]):
        fields: Texts = event.body["fields"]
        card.pinned = tuple(dict.fromkeys((*card.pinned, *fields)))
        merged = {name: text for name, text in {**card.wording.fields, **fields}.items() if text}
        kind = event.body.get("kind", card.wording.kind)
        card.wording = msgspec.structs.replace(card.wording, fields=merged, kind=kind)
        card.offered = {name: text for name, text in card.offered.items() if name not in fields}


def _reject(passage: Passage, event: Event) -> None:
    passage.rejected.add(event.body["content"])
    if event.body.get("slot"):
        passage.rejected_slots.add(event.body["slot"])
    _end(passage, event, Verdict.REJECTED)


def _retire(passage: Passage, event: Event) -> None:
    _end(passage, event, Verdict.RETIRED)


def _end(passage: Passage, event: Event, verdict: Verdict) -> None:
    card = passage.cards.get(event.body.get("guid", ""))
    if card and (event.by == PERSON or card.by != PERSON):
        card.verdict, card.why, card.by = verdict, event.body.get("why", ""), event.by


def _skip(passage: Passage, event: Event) -> None:
    passage.skipped, passage.why_skipped = True, event.body.get("why", "")


def _form(passage: Passage, event: Event) -> None:
    passage.form = event.body["choice"]


def _dialects(passage: Passage, event: Event) -> None:
    """A vault was read for the first time, or a person said by which dialects it is read."""
    if event.by == SOURCE and passage.dialects is not None:
        return  # another machine had read it before
    passage.dialects = tuple(event.body["read"])
    if "declined" in event.body:
        passage.declined = (*passage.declined, tuple(event.body["declined"]))


def _decline(passage: Passage, event: Event) -> None:
    """A person does not want the history of another tool's cards."""
    passage.declined_tool = True


def _different(passage: Passage, event: Event) -> None:
    passage.apart.add(event.body["old"])


def _resolve(passage: Passage, event: Event) -> None:
    card, name = passage.cards.get(event.body["guid"]), event.body["field"]
    if card is None:
        return
    choice = event.body["choice"]
    card.resolved = {**card.resolved, name: (choice, event.body["theirs"], event.body["ours"])}
    if name in card.offered:
        if choice == "source":
            fields = {**card.wording.fields, name: card.offered[name]}
            card.wording = msgspec.structs.replace(card.wording, fields=fields)
            card.pinned = tuple(one for one in card.pinned if one != name)
        card.offered = {one: text for one, text in card.offered.items() if one != name}


def _shipped(passage: Passage, event: Event) -> None:
    if card := passage.cards.get(event.body["guid"]):
        body = event.body
        sent = Shipped(
            body["mod"], tuple(body.get("tags", ())), body.get("deck", ""), body["digest"]
        )
        card.shipped = (*card.shipped, sent)
        card.words = digest_of(card.wording.fields)
        if card.adopted and "hashes" in body:
            # Anki may have an older package of ours; `adopt` takes the last one as the base
            hashes = (*card.adopted.hashes, body["hashes"])
            card.adopted = msgspec.structs.replace(card.adopted, hashes=hashes)
        card.numbers = {**card.numbers, **body.get("numbers", {})}


def _seen(passage: Passage, event: Event) -> None:
    if card := passage.cards.get(event.body["guid"]):
        card.seen_by = tuple(sorted({*card.seen_by, event.machine}))


def _unseen(passage: Passage, event: Event) -> None:
    """A person said that the note is absent by accident: it is shipped again."""
    if card := passage.cards.get(event.body["guid"]):
        card.seen_by = ()
        _want_again(passage, event)


def _nothing(passage: Passage, event: Event) -> None:
    """`undo` and `same` take effect in `in_order` and `classes`."""


_APPLY = {
    "key": _key,
    "text": _text,
    "accept": _accept,
    "adopt": _adopt,
    "revise": _revise,
    "edit": _edit,
    "reject": _reject,
    "retire": _retire,
    "skip": _skip,
    "form": _form,
    "dialects": _dialects,
    "decline": _decline,
    "undo": _nothing,
    "same": _nothing,
    "different": _different,
    "resolve": _resolve,
    "shipped": _shipped,
    "seen": _seen,
    "unseen": _unseen,
}
RETIRED_BEFORE = "retired before"
"""Why a card is retired whose note in Anki has the tag of dropped cards, if no event tells of that."""
MERGED = "one card with "
"""Why a card is retired of which a person kept the equal one."""
SILENT = ("key", "text", "shipped", "seen", "undo")
"""Kinds of events that are no decisions."""
KINDS = frozenset(_APPLY)
"""The kinds of events. Lines of other kinds are written by a newer version, and skipped."""


def _keep_one(passage: Passage) -> None:
    """If a passage had two keys with cards under each, those of the oldest key stand.

    A card that a person accepted stands against older ones that were only dropped, and so does the one
    that was kept of two equal cards.
    """
    by_key = defaultdict(list)
    for card in passage.cards.values():
        by_key[card.key].append(card)
    held = [by_key[key] for key in passage.keys if key in by_key]
    held = [cards for cards in held if any(not card.why.startswith(MERGED) for card in cards)]
    for cards in held[1:]:
        stands = any(card.live for card in held[0])
        for card in cards:
            if card.live and (stands or card.by != PERSON):
                card.verdict, card.why = Verdict.SUPERSEDED, "the same passage has an older card"


def is_news(card: State, wording: Wording) -> bool:
    """Return whether the source's text differs from the last one that the card got or was offered."""
    return not card.texts or card.texts[-1][1] != digest_of(wording.fields)


def is_stale(card: State, machine: str, wording: Wording) -> bool:
    """Return whether a text that is read here may be older than the card's.

    It may be if the card had this text before another machine read a newer one, which this machine
    never read: its files may not have been brought up to date.
    """
    texts = [text for _, text in card.texts]
    newest, machines = texts[-1], {by for by, text in card.texts if text == texts[-1]}
    return digest_of(wording.fields) in texts and machine not in machines and bool(newest)
