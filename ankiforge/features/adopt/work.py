"""Take over the notes that other tools made in Anki, with their history.

Which draft of the sources fits which note in Anki is found first by an id that the tool
wrote into the source, then by equal words, if only one draft and one note have them. What
is left is listed, so that a person sees it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from ankiforge.anki.collection import open_view
from ankiforge.anki.notes import content_html, text_of
from ankiforge.anki.render import unrender
from ankiforge.errors import UsageError
from ankiforge.ledger import Ledger, QueryTerm, TakenOver, cards, lists, views
from ankiforge.ledger.tables.anki import seen_notes
from ankiforge.model import (
    Adopted,
    Family,
    Json,
    NoteInAnki,
    SeenType,
    Strings,
    Texts,
    Value,
    Waiting,
)
from ankiforge.model.hints import schedule_of
from ankiforge.text import on_one_line, regex, shortened

ROWS_SHOWN = 3
"""The number of lines of each list, if not all are asked for."""
_WIDTH = 60
"""The number of characters of a text in a line."""
_CLOZE_START = regex(r"\{\{c\d+::")
_OUR_GUID = regex(r"af[a-z2-7]{24}")


class Row(Value):
    """One line of the lists: the words of the source, those in Anki, and the place."""

    where: str
    source: str = ""
    anki: str = ""


class Matches(msgspec.Struct):
    """The drafts and notes of other tools, in the sources and in Anki."""

    by_id: list[TakenOver] = []
    """Matched surely, by an id in the source."""
    by_words: list[TakenOver] = []
    """Matched by equal words, which only this draft and this note have."""
    scheduled: list[TakenOver] = []
    """Drafts and cards with a schedule."""
    in_anki: list[Row] = []
    """Cards with a schedule that Anki has already.

    No import changes the schedule that they have there.
    """
    differing: list[Row] = []
    """Matched by id, with other words in Anki than in the source."""
    not_in_anki: list[Row] = []
    unclear: list[Row] = []
    """Two passages with one id, or a note type that needs `--map`."""

    @property
    def taken(self) -> list[TakenOver]:
        """All that is taken over."""
        return [*self.by_id, *self.by_words, *self.scheduled]


TOOLS = ("o2a", "flashcards")
"""Obsidian_to_Anki and flashcards-obsidian, by the names that `--from` takes.
obsidian-spaced-repetition (`sr`) has no notes in Anki."""

# The usual names of our fields in other note types, in lower case, the likeliest first.
_USUAL_NAMES: dict[Family, dict[str, Strings]] = {
    Family.BASIC: {
        "Front": ("front", "question"),
        "Back": ("back", "answer"),
        "Extra": ("extra", "back extra"),
    },
    Family.CLOZE: {
        "Text": ("text", "front"),
        "Extra": ("extra", "back extra", "back"),
    },
}

_EXAMPLE = '--map "My type: Front=Word, Back=Meaning"'


def names_of(note_type: SeenType, maps: Mapping[str, Texts]) -> Texts:
    """Return our content fields and the names of their fields; {} if the note type is unclear.

    Args:
        note_type: the note type.
        maps: what the person said about note types, by name.
    """
    needed = note_type.family.needed_fields
    names = dict(maps.get(note_type.name, {}))
    if not names:
        # the fields that are usually called so, else those that stand so
        present = {name.casefold(): name for name in note_type.names}
        for our_name, usual_names in _USUAL_NAMES[note_type.family].items():
            usual = [name for name in usual_names if name in present]
            if usual:
                names[our_name] = present[usual[0]]
        if not names.keys() >= set(needed) and (
            note_type.cloze or len(note_type.names) == 2
        ):
            names = dict(zip(needed, note_type.names, strict=False))
    # one of their fields cannot be two of ours
    is_clear = names.keys() >= set(needed) and len(set(names.values())) == len(names)
    return names if is_clear else {}


def read_maps(given: Strings, note_types: Sequence[SeenType]) -> dict[str, Texts]:
    """Return the fields that `--map "TYPE: Front=FIELD, Back=FIELD"` names, by note type.

    A note type that Anki does not have is left out: no note has it.

    Raises:
        UsageError: it has another form, or names a field that is not there.
    """
    by_name = {note_type.name: note_type for note_type in note_types}
    maps: dict[str, Texts] = {}
    for text in given:
        name, _, pairs = text.rpartition(":")
        note_type = by_name.get(name.strip())
        if note_type is None:
            continue
        ours = _USUAL_NAMES[note_type.family]
        names: dict[str, str] = {}
        for pair in pairs.split(","):
            our_name, equals, their_name = map(str.strip, pair.partition("="))
            if not equals or our_name not in ours or their_name not in note_type.names:
                theirs = ", ".join(note_type.names)
                known = f"ours are {', '.join(sorted(ours))}; theirs {theirs}"
                raise UsageError(f"--map {text}: {known}", hint=_EXAMPLE)
            names[our_name] = their_name
        maps[note_type.name] = names
    return maps


# --- matching ---------------------------------------------------------------------------


class _TheirNote(Value):
    """A note in Anki that is not ours."""

    note: NoteInAnki
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

    def why_unclear(self, claims: Sequence[Waiting]) -> str:
        """Return why it cannot be taken over for the drafts that have its id; "" if it can."""
        if len(claims) > 1:
            return "two passages have its id"
        if not self.names:
            return f"its note type {self.type.name} needs --map"
        if self.type.family is not claims[0].kind.family:
            return f"it is not a card of the note type {self.type.name}"
        return ""

    def taken_for(self, draft: Waiting) -> TakenOver:
        """Return that the note is taken over for a draft."""
        html = self.html
        text = ""
        if self.type.cloze:
            text = unrender(html[self.names["Text"]])
        note = self.note
        adopted = Adopted(note.guid, note.id, self.type.id, self.names, html)
        return TakenOver(draft.id, adopted, text, note.deck)


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
    new_cards = []
    found = lists.find(ledger, [QueryTerm("verdict", "waiting")])
    for waiting in lists.waiting_among(ledger, found):
        if waiting.own and not waiting.revises:
            new_cards.append(waiting)
    if collection is not None and tool != "sr":
        # notes that are not ours, and that we have not taken over
        adopted = {note.guid for note in views.adopted_notes(ledger).values()}
        notes = []
        with open_view(collection, None) as view:
            field_maps = read_maps(maps, view.types)
            types = {note_type.id: note_type for note_type in view.types}
            for note in view.notes():
                note_type = types.get(note.type_id)
                if note_type is None or note.guid in adopted:
                    continue
                if not _OUR_GUID.fullmatch(note.guid):
                    names = names_of(note_type, field_maps)
                    notes.append(_TheirNote(note, note_type, names))
        _match(matches, notes, new_cards)
    if collection is None or tool in ("", "sr"):
        _add_schedules(ledger, matches, new_cards)
    return matches


def _match(
    matches: Matches,
    notes: Sequence[_TheirNote],
    drafts: Sequence[Waiting],
) -> None:
    """Match drafts with notes."""
    note_by_id = {str(note.note.id): note for note in notes}
    used = set()

    # by the id that a tool wrote beside a draft
    drafts_by_id: dict[str, list[Waiting]] = defaultdict(list)
    unmatched: list[Waiting] = []
    for waiting in drafts:
        if waiting.highlight.other_id:
            drafts_by_id[waiting.highlight.other_id].append(waiting)
        else:
            unmatched.append(waiting)
    for id, claims in drafts_by_id.items():
        note = note_by_id.get(id)
        if note is None:
            unmatched += claims
            continue
        used.add(id)
        why_unclear = note.why_unclear(claims)
        if why_unclear:
            matches.unclear += [_row(waiting, why_unclear) for waiting in claims]
            continue
        [waiting] = claims
        matches.by_id.append(note.taken_for(waiting))
        if _compared(note.words) != _compared(_words_of_draft(waiting)):
            matches.differing.append(_row(waiting, _shown(note.words)))

    # by equal words, if only one draft and one note have them
    drafts_by_words: dict[Strings, list[Waiting]] = defaultdict(list)
    for waiting in unmatched:
        drafts_by_words[_compared(_words_of_draft(waiting))].append(waiting)
    notes_by_words: dict[Strings, list[_TheirNote]] = defaultdict(list)
    for note in notes:
        if str(note.note.id) not in used and note.names:
            notes_by_words[_compared(note.words)].append(note)
    for words, same_drafts in drafts_by_words.items():
        same_notes = notes_by_words.get(words, [])
        if len(same_drafts) == 1 and len(same_notes) == 1 and any(words):
            [waiting] = same_drafts
            [note] = same_notes
            matches.by_words.append(note.taken_for(waiting))
            continue
        for waiting in same_drafts:
            if waiting.highlight.other_id:
                matches.not_in_anki.append(_row(waiting))


def _add_schedules(
    ledger: Ledger, matches: Matches, new_cards: Sequence[Waiting]
) -> None:
    """Add the drafts and the cards that have a schedule beside them.

    Those that are taken already are left out.
    """
    # drafts of new cards
    taken_ids = {taken.id for taken in matches.taken}
    for waiting in new_cards:
        schedule = schedule_of(waiting.highlight.schedule)
        if schedule and not (waiting.blocked or waiting.id in taken_ids):
            deck = waiting.deck
            matches.scheduled.append(TakenOver(waiting.id, deck=deck, schedule=schedule))

    # cards; those in Anki have a schedule there
    in_anki = {note.guid for note in seen_notes(ledger)}
    for card in cards.cards_of(ledger):
        if not card.live or card.note.adopted or card.note.schedule:
            continue
        schedule = schedule_of(card.highlight.schedule)
        if not schedule:
            continue
        if card.guid in in_anki:
            document = card.highlight.document
            words = " / ".join(text for _, text in card.fields)
            matches.in_anki.append(Row(document.path or document.title, words))
        else:
            matches.scheduled.append(
                TakenOver(card.guid, deck=card.deck, schedule=schedule)
            )


# --- words ------------------------------------------------------------------------------


def _words_of_draft(waiting: Waiting) -> Strings:
    """Return the words of a draft as Anki would show them, cloze numbers left out."""
    kind = waiting.kind
    html = content_html(kind, waiting.fields)
    by_name = dict(zip(kind.family.content_fields, html, strict=True))
    return _plain_words(by_name, kind.family)


def _plain_words(html: Texts, family: Family) -> Strings:
    """Return question and answer of a note as plain text, without cloze numbers.

    Those of a figure are empty: no other tool makes figures that could be adopted.
    """
    names = ("Text",) if family is Family.CLOZE else ("Front", "Back")
    texts = []
    for name in names:
        text = on_one_line(text_of(html.get(name, "")))
        texts.append(_CLOZE_START.sub("{{c::", text))
    return tuple(texts)


def _compared(words: Strings) -> Strings:
    """Return words as they are compared.

    Blanks depend on how a tool writes lists and paragraphs.
    """
    return tuple("".join(text.split()) for text in words)


def _shown(words: Strings) -> str:
    return " / ".join(text for text in words if text)


def _row(waiting: Waiting, anki: str = "") -> Row:
    document = waiting.highlight.document
    words = _shown(_words_of_draft(waiting))
    return Row(document.path or document.title, words, anki)


# --- what is shown before a person agrees -----------------------------------------------

# What each list of `Matches` has.
_TITLES = {
    "by_id": "matched by id",
    "differing": "  of these, with other words in Anki",
    "by_words": "matched by equal words",
    "scheduled": "schedules",
    "in_anki": "in Anki already, with the schedule that they have there",
    "not_in_anki": "not in Anki",
    "unclear": "unclear",
}
# The lists that a person should see.
_ROWS = ("differing", "in_anki", "not_in_anki", "unclear")
# The lists of which only the number matters.
_COUNTED = ("by_id", "by_words", "scheduled")


def as_text(matches: Matches, limit: int | None) -> Iterator[str]:
    """Yield the table, and up to `limit` lines of each list that a person should see."""
    if not any(getattr(matches, name) for name in _TITLES):
        yield "no notes or schedules of another tool were found"
        return
    for name, title in _TITLES.items():
        count = len(getattr(matches, name))
        yield f"{count:7,}  {title}"
    for name in _ROWS:
        rows: list[Row] = getattr(matches, name)
        if rows:
            yield f"{name.replace('_', ' ')}:"
        for row in rows[:limit]:
            texts = [shortened(text, _WIDTH) for text in (row.source, row.anki) if text]
            yield f"  {row.where}: {' → '.join(texts)}"
        if limit is not None and len(rows) > limit:
            yield f"  … and {len(rows) - limit:,} more (-v)"


def as_json(matches: Matches) -> Json:
    """Return the numbers and the lists."""
    data: Json = {}
    for name in _COUNTED:
        data[name] = len(getattr(matches, name))
    for name in _ROWS:
        data[name] = msgspec.to_builtins(getattr(matches, name))
    return data
