"""Find which draft of the sources fits which note of another tool in Anki.

First by an id that the tool wrote into the source, then by equal words, if only one draft
and one note have them. What is left is listed, so that a person sees it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ankiforge.anki.collection import open_view
from ankiforge.anki.notes import content_html, text_of
from ankiforge.anki.render import unrender
from ankiforge.ledger import Ledger, QueryTerm, Taken, views
from ankiforge.model import (
    Adopted,
    Family,
    SeenNote,
    SeenType,
    Strings,
    Texts,
    Value,
    Waiting,
)
from ankiforge.pipeline.adopt.tools import TOOLS, Tool, names_of, read_maps
from ankiforge.text import on_one_line, regex
from ankiforge.text.tools import schedule_of

_CLOZE_START = regex(r"\{\{c\d+::")
_OUR_GUID = regex(r"af[a-z2-7]{24}")


class Row(Value):
    """One line of the lists: the words of the source, those in Anki, and the place."""

    where: str
    source: str = ""
    anki: str = ""


class Matches(msgspec.Struct):
    """The drafts and notes of other tools, in the sources and in Anki."""

    by_id: list[Taken] = []
    """Matched surely, by an id in the source."""
    by_words: list[Taken] = []
    """Matched by equal words, which only this draft and this note have."""
    scheduled: list[Taken] = []
    """Drafts and cards with a schedule."""
    in_anki: list[Row] = []
    """Cards with a schedule that Anki has already.

    No import changes the schedule that they have there.
    """
    differing: list[Row] = []
    """Matched by id, with other words in Anki than in the source."""
    not_in_sources: list[Row] = []
    not_in_anki: list[Row] = []
    unclear: list[Row] = []
    """Two passages with one id, or a note type that needs `--map`."""

    @property
    def taken(self) -> list[Taken]:
        """All that is taken over."""
        return [*self.by_id, *self.by_words, *self.scheduled]


class _TheirNote(Value):
    """A note in Anki that is not ours."""

    note: SeenNote
    type: SeenType
    names: Texts
    """Our content fields and the names of its fields; {} if that is unclear."""

    @property
    def html(self) -> Texts:
        """Its fields by name."""
        return dict(zip(self.type.names, self.note.fields, strict=False))

    @property
    def words(self) -> Strings:
        """Its words in the fields that are ours, else in the first ones."""
        first_two = dict(zip(("Front", "Back"), self.type.names, strict=False))
        names = self.names or first_two
        html = self.html
        ours = {our_name: html.get(name, "") for our_name, name in names.items()}
        return _plain_words(ours, self.type.family)

    def taken_for(self, draft: Waiting) -> Taken:
        """Return that the note is taken over for a draft."""
        html = self.html
        text = ""
        if self.type.cloze:
            text = unrender(html[self.names["Text"]])
        note = self.note
        adopted = Adopted(note.guid, note.id, self.type.id, self.names, html)
        return Taken(draft.id, adopted, text, note.deck)


def find(
    ledger: Ledger,
    collection: Path | None,
    tool: str,
    maps: Strings,
) -> Matches:
    """Match the drafts of the sources with the notes of other tools in Anki.

    Args:
        ledger: has the drafts that wait.
        collection: of Anki; it is only read. None = only schedules are looked for.
        tool: take over from this one only, a name in `TOOLS`; "" = from any.
        maps: what `--map` says.

    Raises:
        UsageError: `maps` has another form, or names a field that is not there.
    """
    matches = Matches()
    if tool == "sr" or collection is None:
        _add_schedules(ledger, matches)
        return matches
    matcher = _Matcher(matches, _their_notes(ledger, collection, maps))
    drafts = []
    for waiting in _waiting(ledger):
        if waiting.draft.own and not waiting.revises:
            drafts.append(waiting)
    unmatched = matcher.match_by_id(drafts)
    matcher.match_by_words(unmatched)
    here = {outcome.highlight.other_id for outcome in ledger.fates()}
    tools = [TOOLS[tool]] if tool in TOOLS else list(TOOLS.values())
    matcher.list_rest(tools, here)
    if not tool:
        _add_schedules(ledger, matches)
    return matches


def _their_notes(
    ledger: Ledger,
    collection: Path,
    maps: Strings,
) -> list[_TheirNote]:
    """Return the notes in Anki that are not ours, and that we have not taken over."""
    adopted = {note.guid for note in views.adopted_notes(ledger).values()}
    notes: list[_TheirNote] = []
    with open_view(collection, None) as view:
        field_maps = read_maps(maps, view.types)
        types = {note_type.id: note_type for note_type in view.types}
        names_of_type = {}
        for type_id, note_type in types.items():
            names_of_type[type_id] = names_of(note_type, field_maps)
        for note in view.notes():
            is_ours = note.guid in adopted or _OUR_GUID.fullmatch(note.guid)
            if note.type_id in types and not is_ours:
                names = names_of_type[note.type_id]
                notes.append(_TheirNote(note, types[note.type_id], names))
    return notes


class _Matcher:
    """Matches drafts with notes; a note is used once."""

    def __init__(self, matches: Matches, notes: list[_TheirNote]) -> None:
        self._matches = matches
        self._notes = notes
        self._used: set[int] = set()

    def match_by_id(self, drafts: Iterable[Waiting]) -> list[Waiting]:
        """Match drafts beside which a tool wrote an id; return those that no note has."""
        note_by_id = {str(note.note.id): note for note in self._notes}
        drafts_by_id: dict[str, list[Waiting]] = defaultdict(list)
        unmatched: list[Waiting] = []
        for waiting in drafts:
            if waiting.highlight.other_id:
                drafts_by_id[waiting.highlight.other_id].append(waiting)
            else:
                unmatched.append(waiting)
        for id, claims in drafts_by_id.items():
            if id not in note_by_id:
                unmatched += claims
                continue
            note = note_by_id[id]
            self._used.add(note.note.id)
            why_unclear = _why_unclear(note, claims)
            if why_unclear:
                self._matches.unclear += [
                    _row(waiting, why_unclear) for waiting in claims
                ]
                continue
            [waiting] = claims
            self._matches.by_id.append(note.taken_for(waiting))
            if _compared(note.words) != _compared(_words_of(waiting)):
                self._matches.differing.append(_row(waiting, _shown(note.words)))
        return unmatched

    def match_by_words(self, drafts: Iterable[Waiting]) -> None:
        """Match drafts with equal words, if only one draft and one note have them."""
        drafts_by_words: dict[Strings, list[Waiting]] = defaultdict(list)
        for waiting in drafts:
            drafts_by_words[_compared(_words_of(waiting))].append(waiting)
        notes_by_words: dict[Strings, list[_TheirNote]] = defaultdict(list)
        for note in self._notes:
            if note.note.id not in self._used and note.names:
                notes_by_words[_compared(note.words)].append(note)
        for words, same_drafts in drafts_by_words.items():
            same_notes = notes_by_words.get(words, [])
            is_pair = len(same_drafts) == 1 and len(same_notes) == 1
            has_words = any(words)
            if is_pair and has_words:
                [waiting] = same_drafts
                [note] = same_notes
                self._used.add(note.note.id)
                self._matches.by_words.append(note.taken_for(waiting))
                continue
            for waiting in same_drafts:
                if waiting.highlight.other_id:
                    self._matches.not_in_anki.append(_row(waiting))

    def list_rest(self, tools: Iterable[Tool], ids_here: set[str]) -> None:
        """List the other notes of these tools, of which the sources have no id.

        Args:
            tools: the tools.
            ids_here: the ids of other tools in the sources.
        """
        for note in self._notes:
            is_of_tool = any(tool.made(note.note, note.type) for tool in tools)
            has_id_of_passage = str(note.note.id) in ids_here
            is_matched = has_id_of_passage or note.note.id in self._used
            if is_of_tool and not is_matched:
                row = Row(note.note.deck, "", _shown(note.words))
                self._matches.not_in_sources.append(row)


def _why_unclear(note: _TheirNote, claims: list[Waiting]) -> str:
    """Return why a note cannot be taken over for the drafts with its id; "" if it can."""
    if len(claims) > 1:
        return "two passages have its id"
    if not note.names:
        return f"its note type {note.type.name} needs --map"
    if note.type.family is not claims[0].draft.kind.family:
        return f"it is no card of the note type {note.type.name}"
    return ""


def _add_schedules(ledger: Ledger, matches: Matches) -> None:
    """Add the drafts and the cards that have a schedule beside them.

    Those that are taken already are left out.
    """
    # drafts of new cards
    taken_ids = {taken.id for taken in matches.taken}
    for waiting in _waiting(ledger):
        is_new_card = waiting.draft.own and not waiting.revises
        if not is_new_card or waiting.proposal.blocked or waiting.id in taken_ids:
            continue
        schedule = schedule_of(waiting.highlight.schedule)
        if schedule:
            deck = waiting.proposal.deck
            matches.scheduled.append(Taken(waiting.id, deck=deck, schedule=schedule))

    # cards; those in Anki have a schedule there
    in_anki = {note.guid for note in views.notes(ledger)}
    for card in ledger.cards():
        if not card.live or card.adopted or card.schedule:
            continue
        schedule = schedule_of(card.highlight.schedule)
        if not schedule:
            continue
        if card.guid in in_anki:
            document = card.highlight.document
            words = " / ".join(text for _, text in card.fields)
            matches.in_anki.append(Row(document.path or document.title, words))
        else:
            matches.scheduled.append(Taken(card.guid, deck=card.deck, schedule=schedule))


def _waiting(ledger: Ledger) -> Iterator[Waiting]:
    return ledger.drafts(ledger.find([QueryTerm("verdict", "waiting")]))


# --- words ----------------------------------------------------------------------------------


def _words_of(waiting: Waiting) -> Strings:
    """Return the words of a draft as Anki would show them, cloze numbers left out."""
    kind = waiting.draft.kind
    html = content_html(kind, waiting.draft.fields)
    by_name = dict(zip(kind.family.content_fields, html, strict=True))
    return _plain_words(by_name, kind.family)


def _plain_words(html: Texts, family: Family) -> Strings:
    """Return question and answer of a note as plain text, without cloze numbers.

    Those of a figure are empty: no other tool makes figures that could be adopted.
    """
    names = ("Text",) if family is Family.CLOZE else ("Front", "Back")
    texts = []
    for name in names:
        text = text_of(html.get(name, ""))
        texts.append(on_one_line(text))
    return tuple(_CLOZE_START.sub("{{c::", text) for text in texts)


def _compared(words: Strings) -> Strings:
    """Return words as they are compared.

    Blanks depend on how a tool writes lists and paragraphs.
    """
    return tuple("".join(text.split()) for text in words)


def _shown(words: Strings) -> str:
    return " / ".join(text for text in words if text)


def _row(waiting: Waiting, anki: str = "") -> Row:
    document = waiting.highlight.document
    words = _shown(_words_of(waiting))
    return Row(document.path or document.title, words, anki)
