"""Repair cards in Anki: those that fail, and in decks that a person names those that are faulty.

A model or a chat rewords a card, or the person does. A note keeps its id, its schedule and its
log. Nothing is written before a repair is taken.
A card of ours is changed by an edit. A note that is not ours becomes a card of the journal
with its first repair: the planner merges it as it merges a note that was taken over from
another tool, so what the person changes in Anki meanwhile stays, and is asked about.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge import check
from ankiforge.anki.collection import View, open_view
from ankiforge.anki.notes import in_deck
from ankiforge.anki.notetypes import fields_shown
from ankiforge.anki.render import render, unrender
from ankiforge.draft.prompt import ModelRequest
from ankiforge.errors import RefusedError, ServiceError, UsageError
from ankiforge.features.repair import repairs
from ankiforge.features.repair.count import one_of_each, tended_days
from ankiforge.features.repair.failing import CardHistory, FailingCard, failing, histories
from ankiforge.features.repair.reading import ReadNote, read_note
from ankiforge.features.repair.repairs import CardRepair, CardToRepair
from ankiforge.language.words import content, stem
from ankiforge.ledger import Ledger, lists
from ankiforge.ledger import decide as decisions
from ankiforge.ledger.cards import LEFT
from ankiforge.ledger.decided import NoteRepair
from ankiforge.ledger.tables.here import passage_here
from ankiforge.model import (
    NO_KEY,
    Adopted,
    CardHere,
    CardId,
    CardKind,
    Document,
    DocumentKey,
    Finding,
    Highlight,
    HighlightKind,
    MappedType,
    NoteId,
    NoteInAnki,
    NoteTypeId,
    Origin,
    Pair,
    SeenType,
    Severity,
    Strings,
    Texts,
    Value,
    Words,
    is_card_id,
)
from ankiforge.pipeline import decide
from ankiforge.pipeline.collection import (
    adopted_guids,
    as_in_anki,
    collection_path,
)
from ankiforge.pipeline.decks import check_deck
from ankiforge.text import on_one_line, regex
from ankiforge.text.cloze import plain
from ankiforge.text.lists import things

if TYPE_CHECKING:
    from ankiforge.pipeline.opened import Opened


# --- faults -----------------------------------------------------------------------------------


def faults_of(note: ReadNote) -> tuple[Finding, ...]:
    """Return the errors and warnings about a note; of one that is not ours, plain faults only."""
    findings: list[Finding] = []
    if note.closed_early:
        words = on_one_line(note.closed_early)[:40]
        message = f"`}}}}` of a formula closes the cloze early: “{words}”"
        findings.append(check.make_finding("malformed", message))
    if note.draft:
        findings += check.check_made(note.draft, ours=bool(note.key))
    told = (each for each in findings if each.severity is not Severity.INFO)
    return tuple(dict.fromkeys(told))


# --- the list ---------------------------------------------------------------------------------


class RepairEntry(Value):
    """A note of the list, and why it is there."""

    note: ReadNote
    guid: str
    """The card of ours, or the guid in Anki of a note that is not."""
    cards: tuple[CardId, ...]
    """The ids of its cards in Anki."""
    card: CardToRepair
    type: MappedType | None = None
    """Of a note that is not ours: its note type. None if it cannot be changed here."""
    fails: FailingCard | None = None
    findings: tuple[Finding, ...] = ()
    near: RepairEntry | None = None
    """The card that it is mixed up with."""
    passage: str = ""
    quote: str = ""
    offers: tuple[CardRepair, ...] = ()
    """What a model or a chat made of it."""
    document: DocumentKey | None = None
    """Of a card of ours."""

    @property
    def is_ours(self) -> bool:
        """Whether it is a card of the workspace."""
        return is_card_id(self.guid)

    @property
    def history(self) -> CardHistory:
        """The answers to the card that fails; none if no card does."""
        return self.fails.history if self.fails else CardHistory(0, self.note.nid)

    @property
    def may_change(self) -> bool:
        """Whether it can be changed here."""
        return self.is_ours or self.type is not None

    @property
    def why(self) -> Strings:
        """Why it is in the list, and its faults."""
        fails = self.fails.why if self.fails else ()
        return (*fails, *(finding.message for finding in self.findings))

    @property
    def cards_asked(self) -> tuple[int, ...]:
        """The card in Anki that fails, else all of the note."""
        return (self.fails.history.card,) if self.fails else self.cards


class RepairList(Value):
    """The notes of a collection that need repair."""

    failing: tuple[RepairEntry, ...]
    faulty: tuple[RepairEntry, ...] = ()
    """Only of decks and notes that were named; that one fails is not claimed."""
    minutes: float = 0.0
    """What the failing cards took in the last thirty days."""


class Wanted(Value):
    """The part of a collection that is listed."""

    words: Strings = ()
    """In lower case; all of them stand in the note."""
    decks: Strings = ()
    notes: frozenset[NoteId] = frozenset()

    def fits(self, note: ReadNote) -> bool:
        """Return whether a note is listed."""
        if self.notes and note.nid not in self.notes:
            return False
        if self.decks and not any(in_deck(note.deck, deck) for deck in self.decks):
            return False
        text = " ".join(text for _, text in note.fields).casefold()
        return all(word in text for word in self.words)


def wanted(query: Iterable[str]) -> Wanted:
    """Return the part of a collection that a query names: `deck:NAME`, `nid:ID`, or words.

    Raises:
        UsageError: it has another field.
    """
    words = []
    decks = []
    notes = []
    for term in query:
        name, colon, value = term.partition(":")
        if name == "deck" and value:
            decks.append(value)
        elif name == "nid" and value.isdigit():
            notes.append(int(value))
        elif colon and name in ("deck", "nid"):
            raise UsageError(
                f"{term}: names nothing", hint="deck:Biology, nid:1700000000000"
            )
        else:
            words.append(term.casefold())
    return Wanted(tuple(words), tuple(decks), frozenset(notes))


def repair_list(workspace: Opened, query: str = "") -> RepairList:
    """Return the cards that fail in Anki now, and the faulty ones of decks that a query names."""
    return listing(workspace, query.split(), datetime.now().astimezone())


def listing(workspace: Opened, query: Iterable[str], now: datetime) -> RepairList:
    """Return the notes of the collection that need repair.

    Args:
        workspace: names the collection, and knows which notes are cards of ours.
        query: as for `wanted`.
        now: the current time, with its time zone.

    Raises:
        ItemError: the collection cannot be read.
        UsageError: there is none, or the query is wrong or names a deck without notes.
    """
    ledger = workspace.ledger
    which = wanted(query)
    path = collection_path(workspace.folder.config.anki, ledger, Path.home())
    if path is None or not path.is_file():
        hint = "set anki.collection in ankiforge.yaml, or name a file: ankiforge repair deck.apkg"
        raise UsageError("there is no collection of Anki to look at", hint=hint)
    with open_view(path, None) as view:
        for deck in which.decks:
            check_deck(deck, (note.deck for note in view.notes()))
        every = histories(view, now)
        lister = _Lister(ledger, view)
    cards = []
    for card in one_of_each(failing(every, tended_days(ledger, now))):
        note = lister.read(card.history.note)
        if note and note.draft and which.fits(note):
            cards.append(card)
    fails = tuple(lister.failing(cards, every))
    faulty = lister.faulty(which, {entry.note.nid for entry in fails})
    seconds = sum(card.history.lately for card in cards)
    return RepairList(fails, tuple(faulty), seconds / 60)


class _Lister:
    """Makes the entries of a list."""

    def __init__(self, ledger: Ledger, view: View) -> None:
        self._ledger = ledger
        self._types = {note_type.id: note_type for note_type in view.types}
        self._in_anki = {note.id: note for note in view.notes()}
        self._adopted = adopted_guids(ledger)

    def read(self, note_id: NoteId) -> ReadNote | None:
        """Return a note; None if it is gone."""
        note = self._in_anki.get(note_id)
        return read_note(note, self._types.get(note.type_id)) if note else None

    def failing(
        self, cards: Sequence[FailingCard], every: Iterable[CardHistory]
    ) -> Iterator[RepairEntry]:
        """Yield the entries of cards that fail, with those that they are mixed up with."""
        if not cards:
            return
        lapses: dict[NoteId, int] = defaultdict(int)
        for history in every:
            lapses[history.note] = max(lapses[history.note], history.lapses)
        nearest = Nearest(self._in_anki.values(), self._types, lapses)
        for card in cards:
            near_id = nearest.to(card.history.note)
            near = self.entry(near_id) if near_id else None
            entry = self.entry(card.history.note, card, near)
            if entry is not None:
                yield entry

    def faulty(self, which: Wanted, but: Container[NoteId]) -> Iterator[RepairEntry]:
        """Yield the entries of notes with faults, of decks or notes that are named."""
        if not (which.decks or which.notes):
            return
        for note_id in self._in_anki:
            note = self.read(note_id)
            if note is None or note_id in but or not which.fits(note):
                continue
            entry = self.entry(note_id) if faults_of(note) else None
            if entry is not None:
                yield entry

    def entry(
        self,
        note_id: NoteId,
        fails: FailingCard | None = None,
        near: RepairEntry | None = None,
    ) -> RepairEntry | None:
        """Return the entry of a note; None if it cannot be read."""
        note = self.read(note_id)
        if note is None or note.draft is None:
            return None
        guid = self._adopted.get(note.guid, note.guid)
        entry = self._of_ours(note, guid) if is_card_id(guid) else self._of_others(note)
        if entry is None:
            return None
        if near is not None:
            entry = replace(entry, card=replace(entry.card, near=near.card.fields))
        return replace(entry, fails=fails, findings=faults_of(note), near=near)

    def _of_ours(self, note: ReadNote, guid: str) -> RepairEntry | None:
        """Return a card of the workspace; None if only the journal of another computer has it."""
        line = next(lists.lines(self._ledger, [guid]), None)
        if not isinstance(line, CardHere):
            return None
        shown = as_in_anki(self._ledger, line)
        return RepairEntry(
            note,
            guid,
            self._in_anki[note.nid].cards,
            # the line above its question says its topic
            CardToRepair(
                {name: text for name, text in shown.fields if name != "Reverse"}
            ),
            passage=line.highlight.context,
            quote=line.quote,
            document=line.highlight.document.key,
        )

    def _of_others(self, note: ReadNote) -> RepairEntry:
        """Return a note that is not ours."""
        assert note.draft is not None
        seen = self._in_anki[note.nid]
        note_type = self._types[seen.type_id]
        fields = dict(note.draft.fields)
        below = dict(note.fields).get(note.names.get("Extra", ""), "")
        if below:
            fields["Extra"] = unrender(below)
        mapped = None
        if note.names:
            ids = dict(note_type.fields)
            known = {}
            for ours, name in note.names.items():
                id = ids[name]
                if id is not None:
                    known[ours] = id
            mapped = MappedType(note_type.id, note_type.name, note.names, known)
        above, _, last = note.deck.rpartition("::")
        card = CardToRepair(fields, topic=last if above else "")
        return RepairEntry(note, note.guid, seen.cards, card, mapped)


# --- mixed up with ----------------------------------------------------------------------------

_TAGS = regex(r"<[^<>]*>|&nbsp;|\{\{c\d+::|::|\}\}")
_READ = 600
# A word that more notes have is not rare.
_FEW = 12
_TWIN = 0.5
# The share of a note's weight in words that another has: less if that one fails, too.
_SHARE_OF_FAILING = 0.2
_SHARE = 0.35


def _stems(fields: Strings) -> frozenset[str]:
    """Return the content words of fields, of their beginning."""
    text = _TAGS.sub(" ", " ".join(fields)[:_READ])
    return frozenset(map(stem, content(text)))


class Nearest:
    """Finds the note with which another one is mixed up, by its question or its rare words."""

    def __init__(
        self,
        notes: Iterable[NoteInAnki],
        types: Mapping[NoteTypeId, SeenType],
        lapses: Mapping[NoteId, int],
    ) -> None:
        """Take the words of all notes, and those that their first cards ask.

        Args:
            notes: all notes.
            types: their note types.
            lapses: how often notes were forgotten; one that fails, too, comes first.
        """
        self._words: dict[NoteId, frozenset[str]] = {}
        self._asked: dict[NoteId, frozenset[str]] = {}
        self._holders: dict[str, list[NoteId]] = defaultdict(list)
        self._failing = {id: count for id, count in lapses.items() if count > 1}
        for note in notes:
            self._words[note.id] = _stems(note.fields)
            for word in self._words[note.id]:
                self._holders[word].append(note.id)
            # the fields that its first card asks, else its first one
            asked: Strings = ()
            note_type = types.get(note.type_id)
            if note_type is not None:
                first = 0 if note_type.cloze else min(note.ordinals, default=0)
                shown = fields_shown(note_type.templates[first].question)
                texts = zip(note_type.names, note.fields, strict=False)
                asked = tuple(text for name, text in texts if name in shown)
            self._asked[note.id] = _stems(asked or note.fields[:1])

    def to(self, note_id: NoteId) -> NoteId:
        """Return the note that a note is mixed up with; 0 if there is none.

        It is the failing one that asks nearly the same, else the one that shares most rare
        words, if they are enough.
        """
        asked = self._asked[note_id]
        twins = []
        for other, count in self._failing.items():
            theirs = self._asked.get(other, frozenset())
            shared = len(asked & theirs)
            if other != note_id and shared > 1:
                twins.append((shared / len(asked | theirs), count, other))
        alike, _, twin = max(twins, default=(0.0, 0, 0))
        if alike >= _TWIN:
            return twin

        total = len(self._words)
        whole = 0.0
        score: dict[NoteId, float] = defaultdict(float)
        for word in self._words[note_id]:
            weight = math.log(total / len(self._holders[word]))
            whole += weight
            if len(self._holders[word]) <= _FEW:
                for other in self._holders[word]:
                    score[other] += weight
        score.pop(note_id, None)

        def rank(other: NoteId) -> tuple[float, NoteId]:
            return score[other] * (1.5 if other in self._failing else 1), -other

        best = max(score, key=rank, default=0)
        needed = _SHARE_OF_FAILING if best in self._failing else _SHARE
        return best if best and score[best] >= needed * whole else 0


# --- taking a repair --------------------------------------------------------------------------


def take(workspace: Opened, entry: RepairEntry, repair: CardRepair) -> str:
    """Take a repair; return the id of the decision, which one undo takes back.

    Raises:
        RefusedError: the note cannot be changed here.
    """
    with workspace.ledger.action() as action:
        _change(workspace.ledger, entry, "reword", repair.fields, repair.new)
    return action


def edited(workspace: Opened, entry: RepairEntry, fields: Texts) -> str:
    """Give a note the words that a person typed; return the id of the decision."""
    with workspace.ledger.action() as action:
        _change(workspace.ledger, entry, "edit", fields)
    return action


def leave(workspace: Opened, entry: RepairEntry) -> str:
    """Leave a note as it is for thirty days; return the id of the decision."""
    with workspace.ledger.action() as action:
        decisions.repair(workspace.ledger, LEFT, entry.note.nid, entry.guid)
    return action


def suspend(workspace: Opened, entry: RepairEntry) -> Pair:
    """Suspend the card that fails in a running Anki, and leave its note as it is here.

    Returns:
        The id of the decision, and what was done in Anki, or how to do it there.
    """
    said = do_in_anki(workspace, "suspend", entry.cards_asked)
    return leave(workspace, entry), said


def _change(
    ledger: Ledger,
    entry: RepairEntry,
    name: str,
    fields: Texts,
    new: Iterable[Texts] = (),
) -> None:
    """Record the new words of a note, and the notes that are new beside it."""
    nid = entry.note.nid
    if entry.is_ours:
        line = next(lists.lines(ledger, [entry.guid]), None)
        if not isinstance(line, CardHere):
            raise RefusedError(f"{entry.guid} is not a card any more", hint="list again")
        words = _merged_below({**entry.card.fields, **fields}, line.note_fields)
        decide.edit(ledger, entry.guid, words, forced=True)
        decisions.repair(ledger, name, nid, entry.guid)
        for sides in new:
            card = replace(_card_of(sides), key=line.key, deck=line.deck)
            here = passage_here(ledger, ledger.passage(line.key))
            decisions.make_card(ledger, here, card)
        return
    if entry.type is None:
        raise _only_in_anki(entry, "its question has several fields")
    note = entry.note
    html = dict(note.fields)
    before = entry.card.fields
    written = _written(entry, fields)
    words = {name: written[name][0] if name in written else before.get(name, "")
             for name in entry.type.fields}  # fmt: skip
    adopted = Adopted(
        guid=note.guid,
        id=nid,
        type=entry.type.id,
        names=entry.type.fields,
        html=html,
        words={name: before.get(name, "") for name in entry.type.fields},
        repaired=written,
    )
    change = NoteRepair(
        note=adopted,
        card=replace(_card_of(words), deck=note.deck),
        new=tuple(replace(_card_of(sides), deck=note.deck) for sides in new),
        type=entry.type,
    )
    decisions.repair(ledger, name, nid, note.guid, change)


def _only_in_anki(entry: RepairEntry, why: str) -> RefusedError:
    """Return the error that a note cannot be changed here."""
    hint = f"in Anki's browser, search nid:{entry.note.nid}"
    return RefusedError(f"{why}: change it in Anki", hint=hint)


def _card_of(fields: Texts) -> Words:
    """Return the words of a card that a person made."""
    filled = tuple((name, text) for name, text in fields.items() if text)
    return Words(NO_KEY, CardKind.of(fields), filled, Origin(decide.PERSON))


def _merged_below(fields: Texts, places: Sequence[str]) -> Texts:
    """Return fields; the text below the answer goes into it where the note has no place for it."""
    if "Extra" in places or not fields.get("Extra") or "Back" not in fields:
        return {name: text for name, text in fields.items() if name in places}
    back = f"{fields['Back']}\n\n---\n\n{fields['Extra']}"
    return {**{name: fields[name] for name in ("Front", "Back")}, "Back": back}


def _written(entry: RepairEntry, fields: Texts) -> dict[str, Pair]:
    """Return the fields of a note that change, in Markdown and in HTML.

    A field that stays keeps its HTML, whatever our Markdown can say of it.

    Raises:
        RefusedError: a picture or sound of a field would be lost, or the note has no field for
            the text below the answer.
    """
    names = entry.note.names
    html = dict(entry.note.fields)
    before = entry.card.fields
    written: dict[str, Pair] = {}
    for name, text in fields.items():
        if name not in names or text == before.get(name, ""):
            continue
        if "![" in before.get(name, "") or "[sound:" in html[names[name]]:
            why = f"its {name} has a picture or a sound, which would be lost"
            raise _only_in_anki(entry, why)
        written[name] = (text, render(text, cloze=name == "Text"))
    below = fields.get("Extra", "")
    if below and "Extra" not in names:
        if "Back" not in names:
            raise _only_in_anki(entry, "its note type has no field for the text below")
        words, shown = written.get("Back", (before["Back"], html[names["Back"]]))
        small = f"<hr><small>{render(below)}</small>"
        written["Back"] = (f"{words}\n\n---\n\n{below}", shown + small)
    return written


# --- a model, or the chat of the person -------------------------------------------------------


def question_about(workspace: Opened, entry: RepairEntry) -> str:
    """Return the text that asks a chat about a note.

    Raises:
        RefusedError: something of it must stay on this machine, or it cannot be changed here.
    """
    request = _request(workspace, entry)
    return "\n\n".join(message["content"] for message in request.messages) + "\n"


def _request(workspace: Opened, entry: RepairEntry) -> ModelRequest:
    from ankiforge.pipeline.draft import privacy_of

    if not entry.may_change:
        raise _only_in_anki(entry, "its question has several fields")
    privacy = privacy_of(workspace.ledger)
    near = entry.card.near.values()
    texts = (*entry.card.fields.values(), *near, entry.passage, entry.card.topic)
    if any(privacy.hides(text, entry.document) for text in texts):
        hint = "it has text under #no-llm: reword it here, with e"
        raise RefusedError("this card must stay on this machine", hint=hint)
    history = entry.fails.history.in_one_line if entry.fails else ""
    return repairs.prompt_for(
        entry.card,
        entry.why,
        history,
        entry.passage,
        lambda text: privacy.text(text, entry.document),
    )


def answered(entry: RepairEntry, reply: str) -> tuple[CardRepair, ...]:
    """Return the repairs in the reply of a model or a chat that the checks let pass."""
    sound = []
    for repair in repairs.read_repairs(reply, entry.card, entry.passage):
        doubts = []
        is_blocked = False
        for fields in (repair.fields, *repair.new):
            for finding in _against_old(entry, fields, repair.quote):
                is_blocked = is_blocked or finding.severity is Severity.BLOCK
                if finding.severity is Severity.WARN:
                    doubts.append(finding.message)
        if not is_blocked:
            sound.append(replace(repair, doubts=tuple(dict.fromkeys(doubts))))
    return tuple(sound)


def asked(workspace: Opened, entry: RepairEntry) -> tuple[CardRepair, ...]:
    """Ask the model of the settings about a note; return the repairs that the checks let pass.

    Raises:
        ServiceError, ConfigError, UsageError: it does not answer, or none is set.
        RefusedError: something of it must stay on this machine, or it cannot be changed here.
    """
    request = _request(workspace, entry)
    model = workspace.model()
    if model is None:
        hint = "ankiforge model use NAME, or m: your chat"
        raise UsageError("no model is set", hint=hint)
    return answered(entry, model.reply(request))


def _against_old(entry: RepairEntry, fields: Texts, quote: str) -> Iterator[Finding]:
    """Yield the findings of new words, with the old card and its passage as the source."""
    old = [plain(text) for text in entry.card.fields.values()]
    old += [plain(text) for text in entry.card.near.values()]
    # how many things the old answer lists is said by it, too
    listed = len(
        things(entry.card.fields.get("Front", ""), entry.card.fields.get("Back", ""))
    )
    counts = " ".join(map(str, range(2, listed + 1)))
    text = "\n".join(filter(None, (*old, counts, entry.passage)))
    highlight = Highlight(
        document=Document(DocumentKey(""), "", entry.card.topic),
        namespace="",
        kind=HighlightKind.HIGHLIGHT,
        exact=text,
        nearby=text,
        markdown=tuple(entry.card.fields.values()),
    )
    card = replace(_card_of(fields), quote=quote or text, origin=Origin("llm"))
    yield from check.check(card, check.Context(highlight, check.DuplicateIndex()))


# --- what only Anki can do ----------------------------------------------------------------------

IN_ANKI = {
    "suspend": "Cards › Toggle Suspend",
    "unsuspend": "Cards › Toggle Suspend",
    "unflag": "Cards › Flag › No Flag",
    "forget": "Cards › Reset",
}
"""What a running Anki does with cards, and the menu of its browser that does it by hand."""


def do_in_anki(workspace: Opened, what: str, cards: Sequence[CardId]) -> str:
    """Do something with cards in a running Anki; return that it was done, or how to do it."""
    search = " OR ".join(f"cid:{card}" for card in cards)
    try:
        anki = workspace.running_anki()
        match what:
            case "suspend":
                anki.suspend(cards)
            case "unsuspend":
                anki.unsuspend(cards)
            case "unflag":
                anki.clear_flag(cards)
            case "forget":
                anki.forget(cards)
    except (ServiceError, UsageError):
        return f"in Anki's browser, search  {search}  and choose {IN_ANKI[what]}"
    return "done in Anki"
