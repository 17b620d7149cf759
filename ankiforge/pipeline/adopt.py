"""Take over the notes that other tools made in Anki, with their history.

The last part reads the notes of yanki and AnkiOps as cards of Obsidian_to_Anki, and schedules in comments:

    sources:
      - yanki: {name: cards, path: ~/Cards}
      - ankiops: {name: decks, path: ~/AnkiOps}

Both tools keep cards in Markdown files: yanki one card a file, AnkiOps one deck a file. Each card is
rewritten as `START … END`, with the tool's id as its comment, and read like any vault note.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from msgspec.structs import replace

from ankiforge.anki.collection import open_view
from ankiforge.anki.notes import content_html, text_of
from ankiforge.anki.notetypes import card_ordinals, field_hash, normal_form, note_type
from ankiforge.anki.package import DAY_ZERO
from ankiforge.anki.plan import Contents, Options, Planned, merge, plan_note
from ankiforge.anki.render import unrender
from ankiforge.errors import UsageError
from ankiforge.extract.folder import File
from ankiforge.extract.markdown import obsidian
from ankiforge.ledger import Ledger, QueryTerm, Taken
from ankiforge.model import (
    RETIRED,
    Adopted,
    Card,
    Extracted,
    Family,
    Guid,
    Media,
    Problem,
    Seen,
    SeenNote,
    SeenType,
    Sighting,
    Strings,
    Texts,
    Value,
    Waiting,
)
from ankiforge.text import on_one_line, regex, shortened
from ankiforge.text.tools import KEY_FIELDS, key_number, schedule_of

_NUMBER = regex(r"\{\{c\d+::")
_OUR_GUID = regex(r"af[a-z2-7]{24}")
Words = Strings


# --- the tools ------------------------------------------------------------------------------------


class Tool(Value):
    """One tool, and how its notes are told from others."""

    title: str
    types: str = ""
    """How the names of its note types begin."""
    tag: str = ""
    """The tag that it gives its notes."""
    key: str = ""
    """The field with its own id of the note; "" = the source has Anki's."""

    def made(self, note: SeenNote, kind: SeenType) -> bool:
        """Return whether this tool made a note, as far as the note tells."""
        return bool(
            (self.types and kind.name.startswith(self.types))
            or (self.tag and self.tag.casefold() in map(str.casefold, note.tags))
            or (self.key and self.key in kind.names)
        )


TOOLS = {
    "o2a": Tool("Obsidian_to_Anki", tag="Obsidian_to_Anki"),
    "flashcards": Tool("flashcards-obsidian", types="Obsidian-"),
    "yanki": Tool("yanki", types="Yanki - "),
    "ankiops": Tool("AnkiOps", types="AnkiOps", key=KEY_FIELDS[0]),
}
"""By the name that `--from` takes. obsidian-spaced-repetition (`sr`) has no notes in Anki."""

# Our fields: usual names of them, lower case.
_USUAL: dict[Family, dict[str, Words]] = {
    Family.BASIC: {
        "Front": ("front", "question"),
        "Back": ("back", "answer"),
        "Extra": ("extra", "back extra"),
    },
    Family.CLOZE: {"Text": ("text", "front"), "Extra": ("extra", "back extra", "back")},
}


def names_of(kind: SeenType, maps: Mapping[str, Texts]) -> Texts:
    """Return our content fields and the names of their fields; {} if the note type is unclear.

    Args:
        kind: the note type.
        maps: what the person said of note types, by name.
    """
    family = kind.family
    needed = {"Text"} if kind.cloze else {"Front", "Back"}
    if kind.name in maps:
        found = dict(maps[kind.name])
    else:
        present = {name.casefold(): name for name in kind.names}
        found = {
            ours: present[name]
            for ours, names in _USUAL[family].items()
            for name in names[::-1]
            if name in present
        }
        if kind.cloze:
            found = found if "Text" in found else {"Text": kind.names[0]}
        elif not needed <= found.keys() and len(kind.names) == 2:
            found = dict(zip(("Front", "Back"), kind.names, strict=True))
    distinct = len({*found.values()}) == len(found)
    return found if needed <= found.keys() and distinct else {}


def read_maps(given: Words, kinds: tuple[SeenType, ...]) -> dict[str, Texts]:
    """Return what `--map "TYPE: Front=FIELD, Back=FIELD"` says, by note type.

    Raises:
        UsageError: it has another form, or names a field that is not there.
    """
    maps: dict[str, Texts] = {}
    for one in given:
        name, _, rest = one.rpartition(":")
        kind = next((kind for kind in kinds if kind.name == name.strip()), None)
        pairs = [[part.strip() for part in pair.split("=", 1)] for pair in rest.split(",")]
        if kind is None:  # no note has it
            continue
        ours = {*_USUAL[kind.family]}
        for pair in pairs:
            if len(pair) != 2 or pair[0] not in ours or pair[1] not in kind.names:
                said = f"ours are {', '.join(sorted(ours))}; theirs {', '.join(kind.names)}"
                raise UsageError(f"--map {one}: {said}", hint=_FORM)
        maps[kind.name] = dict(pairs)
    return maps


_FORM = '--map "My type: Front=Word, Back=Meaning"'


# --- what fits together ---------------------------------------------------------------------------


class Row(Value):
    """One line of the lists: what the source says, what Anki shows, and where."""

    where: str
    source: str = ""
    anki: str = ""


class Found(msgspec.Struct):
    """What of other tools is in the sources and in Anki."""

    by_id: list[Taken] = []
    """Matched surely, by an id in the source."""
    by_words: list[Taken] = []
    scheduled: list[Taken] = []
    """Drafts and cards with a schedule."""
    in_anki: list[Row] = []
    """Cards with a schedule that Anki has already: no import changes the schedule that they have there."""
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


class _Theirs(Value):
    """A note in Anki that is not ours."""

    note: SeenNote
    kind: SeenType
    names: Texts
    """Our content fields and the names of its fields; {} if that is unclear."""

    @property
    def html(self) -> Texts:
        """Its fields."""
        return dict(zip(self.kind.names, self.note.fields, strict=False))

    @property
    def ids(self) -> set[str]:
        """Its id in Anki, and those that tools keep in a field."""
        keys = [key_number(text_of(self.html[name])) for name in self.html.keys() & {*KEY_FIELDS}]
        return {str(self.note.id), *filter(None, keys)}

    @property
    def words(self) -> Words:
        """Its words in the fields that are ours, else in the first ones."""
        names = self.names or dict(zip(("Front", "Back"), self.kind.names, strict=False))
        html = self.html
        return _plain({ours: html.get(name, "") for ours, name in names.items()}, self.kind.cloze)

    def taken(self, one: Waiting) -> Taken:
        """Return that the note is taken over for a draft."""
        note, html = self.note, self.html
        text = unrender(html[self.names["Text"]]) if self.kind.cloze else ""
        adopted = Adopted(note.guid, note.id, self.kind.id, self.names, html)
        return Taken(one.id, adopted, text, note.deck)


def find(ledger: Ledger, collection: Path | None, tool: str, maps: Words) -> Found:
    """Return what fits together: drafts of the sources, and notes of other tools in Anki.

    Args:
        ledger: has the drafts that wait.
        collection: of Anki; it is only read. None = only schedules are looked for.
        tool: take over from this one only, a name in `TOOLS`; "" = from any.
        maps: what `--map` says.
    """
    if tool == "sr" or collection is None:
        found = Found()
        _add_schedules(ledger, found)
        return found
    found, tools = Found(), [TOOLS[tool]] if tool in TOOLS else [*TOOLS.values()]
    known = {one.guid for one in ledger.adopted().values()}
    with open_view(collection, None) as view:
        said = read_maps(maps, view.types)
        kinds = {kind.id: (kind, names_of(kind, said)) for kind in view.types}
        notes = [
            _Theirs(one, *kinds[one.type_id]) for one in view.notes()
            if one.type_id in kinds and one.guid not in known and not _OUR_GUID.fullmatch(one.guid)
        ]  # fmt: skip

    # by an id in the source
    by_id = {id: one for one in notes for id in one.ids}
    wanted = defaultdict(list)
    for one in _waiting(ledger):
        if one.draft.own and not one.revises:
            wanted[one.highlight.other_id].append(one)
    nameless = wanted.pop("", [])
    used = set()
    for id, claims in wanted.items():
        theirs = by_id.get(id)
        if theirs is None:
            nameless += claims
            continue
        used.add(theirs.note.id)
        kind, one = theirs.kind, claims[0]
        if len(claims) > 1:
            why = "two passages have its id"
        elif not theirs.names:
            why = f"its note type {kind.name} needs --map"
        elif kind.cloze != (one.draft.kind.family is Family.CLOZE):
            why = f"it is no card of the note type {kind.name}"
        else:
            found.by_id.append(theirs.taken(one))
            if _bare(theirs.words) != _bare(_words(one)):
                found.differing.append(_row(one, _shown(theirs.words)))
            continue
        found.unclear += [_row(each, why) for each in claims]

    # by equal words, if they are the only ones
    said_here = defaultdict(list)
    for one in nameless:
        said_here[_bare(_words(one))].append(one)
    shown = defaultdict(list)
    for theirs in notes:
        if theirs.note.id not in used and theirs.names:
            shown[_bare(theirs.words)].append(theirs)
    for words, here in said_here.items():
        there = shown.get(words, [])
        if len(here) == len(there) == 1 and any(words):
            used.add(there[0].note.id)
            found.by_words.append(there[0].taken(here[0]))
        else:
            found.not_in_anki += [_row(one) for one in here if one.highlight.other_id]

    # the rest of these tools' notes
    here_already = {one.highlight.other_id for one in ledger.fates()}
    for theirs in notes:
        note = theirs.note
        made = any(one.made(note, theirs.kind) for one in tools)
        if made and note.id not in used and not theirs.ids & here_already:
            found.not_in_sources.append(Row(note.deck, "", _shown(theirs.words)))
    if not tool:
        _add_schedules(ledger, found)
    return found


def _add_schedules(ledger: Ledger, found: Found) -> None:
    """Add the drafts and the cards beside which a schedule stands, unless they are taken already."""
    taken = {one.id for one in found.taken}
    for draft in _waiting(ledger):
        fit = draft.draft.own and not draft.revises and not draft.proposal.blocked
        schedule = schedule_of(draft.highlight.schedule)
        if fit and schedule and draft.id not in taken:
            found.scheduled.append(Taken(draft.id, deck=draft.proposal.deck, schedule=schedule))
    seen = {note.guid for note in ledger.notes()}
    for card in ledger.cards():
        fit = card.live and not card.adopted and not card.schedule
        schedule = schedule_of(card.highlight.schedule) if fit else ()
        if schedule and card.guid in seen:
            document = card.highlight.document
            words = " / ".join(text for _, text in card.fields)
            found.in_anki.append(Row(document.path or document.title, words))
        elif schedule:
            found.scheduled.append(Taken(card.guid, deck=card.deck, schedule=schedule))


def _waiting(ledger: Ledger) -> Iterator[Waiting]:
    return ledger.drafts(ledger.find([QueryTerm("verdict", "pending")]))


# --- the report -----------------------------------------------------------------------------------

SHOWN = 3
"""The number of lines of each list, if not all are asked for."""


# What each list of `Found` has.
_TITLES = {
    "by_id": "matched by id",
    "differing": "  of these, with other words in Anki",
    "by_words": "matched by equal words",
    "scheduled": "schedules",
    "in_anki": "in Anki already, with the schedule that they have there",
    "not_in_sources": "not in the sources",
    "not_in_anki": "not in Anki",
    "unclear": "unclear",
}
# The lists that a person should see.
_ROWS = ("differing", "in_anki", "not_in_sources", "not_in_anki", "unclear")


def report(found: Found, most: int | None) -> Iterator[str]:
    """Yield the table, and up to `most` lines of each list that a person should see."""
    for name, title in _TITLES.items():
        yield f"{len(getattr(found, name)):7,}  {title}"
    for name in _ROWS:
        rows: list[Row] = getattr(found, name)
        if rows:
            yield f"{name.replace('_', ' ')}:"
        for row in rows[:most]:
            texts = (shortened(text, _WIDTH) for text in (row.source, row.anki) if text)
            yield f"  {row.where}: {' → '.join(texts)}"
        if most is not None and len(rows) > most:
            yield f"  … and {len(rows) - most:,} more (-v)"


def as_json(found: Found) -> dict[str, object]:
    """Return the numbers and the lists."""
    numbers = {name: len(getattr(found, name)) for name in ("by_id", "by_words", "scheduled")}
    return {**numbers, **{name: msgspec.to_builtins(getattr(found, name)) for name in _ROWS}}


_WIDTH = 60

# --- words ----------------------------------------------------------------------------------------


def _words(one: Waiting) -> Words:
    """Return the words of a draft as Anki would show them, cloze numbers left out."""
    draft = one.draft
    family = draft.kind.family
    html = content_html(draft.kind, draft.fields)
    named = dict(zip(family.content_fields, html, strict=True))
    return _plain(named, family is Family.CLOZE)


def _plain(html: Texts, cloze: bool) -> Words:
    texts = (text_of(html.get(name, "")) for name in (("Text",) if cloze else ("Front", "Back")))
    return tuple(_NUMBER.sub("{{c::", on_one_line(text)) for text in texts)


def _bare(words: Words) -> Words:
    """Return words as they are compared: blanks depend on how a tool writes lists and paragraphs."""
    return tuple("".join(text.split()) for text in words)


def _shown(words: Words) -> str:
    return " / ".join(filter(None, words))


def _row(one: Waiting, anki: str = "") -> Row:
    document = one.highlight.document
    return Row(document.path or document.title, _shown(_words(one)), anki)


# --- the cards in notes, as the tools write them ----------------------------------------------

# What Obsidian_to_Anki takes for the name of a field.
_FIELD = regex(
    r"(?m)^(?P<line>[A-Z][\w ]{0,24}):|(?P<word>(?<=\s)(?:Front|Back|Extra|Text|Question|Answer)):"
)


def _card(kind: str, id: str, front: str, back: str) -> str:
    sides = [_FIELD.sub(lambda one: one[0][:-1] + r"\:", side.strip()) for side in (front, back)]
    named = f"\n<!--ID: {id}-->" if id else ""
    return f"START\n{kind}\n{sides[0]}\nBack: {sides[1]}{named}\nEND"


# --- yanki ------------------------------------------------------------------------------------

_HEAD = regex(r"(?s)\A\s*---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)")
_NOTE_ID = regex(r"(?m)^noteId:[ \t]*(\d+)")
_RULE = regex(r"(?m)^[ ]{0,3}(?:-[ \t]*){3,}$|^[ ]{0,3}(?:\*[ \t]*){3,}$")
_STRUCK = regex(r"(?s)~~(?:(\d{1,2})\s+)?(.+?)(?:\s+[_*]([^_*]+)[_*])?~~")
_TYPED = regex(r"(?s)(.*)\n\s*\n?[_*]([^_*\n]+)[_*]\s*\Z")


def yanki_cards(text: str) -> Iterator[str]:
    """Yield the card of a file of yanki: its structure tells the note type."""
    head = _HEAD.match(text)
    id = _NOTE_ID.search(head[1]) if head else None
    parts = [one.strip() for one in _RULE.split(text[head.end() :] if head else text)]
    front, typed = parts[0], _TYPED.match(parts[0])
    kind, back = "Basic", "\n\n".join(filter(None, parts[1:2]))
    if _STRUCK.search(front):
        numbers = count(1)

        def gap(found: re.Match[str]) -> str:
            hint = f"::{found[3]}" if found[3] else ""
            return f"{{{{c{found[1] or next(numbers)}::{found[2].strip()}{hint}}}}}"

        kind, front = "Cloze", _STRUCK.sub(gap, front)
    elif len(parts) > 2 and not parts[1]:
        kind, back = "Basic (and reversed card)", parts[2]
    elif len(parts) == 1 and typed:
        front, back = typed[1], typed[2]
    if front.strip() and (back or kind == "Cloze"):
        yield _card(kind, id[1] if id else "", front, back)


# --- AnkiOps ------------------------------------------------------------------------------------

_COMMENT = regex(r"<!--\s*(note_key|note_type|tags):\s*(.*?)\s*-->\n?")
_LABEL = regex(r"(?m)^([A-Z]+\d*|IO_\w+):[ \t]*")
_KINDS = {("Q", "A"): "Basic", ("F", "B"): "Basic (and reversed card)", ("T", ""): "Cloze"}
_ASIDE = frozenset("E M AI D".split())


def ankiops_cards(text: str) -> Iterator[str]:
    """Yield the cards of a deck of AnkiOps; its other note types are left out."""
    for part in re.split(r"\n\n---\n\n", text):
        told = dict(_COMMENT.findall(part))
        pieces = _LABEL.split(_COMMENT.sub("", part).strip())
        labels = dict(zip(pieces[1::2], pieces[2::2], strict=True))
        for (front, back), kind in _KINDS.items():
            if labels.keys() - _ASIDE == {front, back} - {""}:
                id = key_number(told.get("note_key", ""))
                yield _card(kind, id, labels[front], labels.get(back, ""))


# --- sources ------------------------------------------------------------------------------------


class Settings(obsidian.Settings, kw_only=True):
    """The keys of both sources."""

    marks: tuple[obsidian.Mark, ...] | None = ()
    cards: tuple[Any, ...] = ("o2a",)


@dataclass(frozen=True)
class Decks(obsidian.Vault):
    """A folder of cards."""

    cards: Callable[[str], Iterable[str]] = yanki_cards
    tool: str = "yanki"
    """The tool that wrote the ids, a name in `TOOLS`."""

    def document(self, file: File, text: str, picture: Callable[[str], str]) -> Iterator[Sighting]:
        """Yield the document of a file with its cards."""
        for found in super().document(file, "\n\n".join(self.cards(text)), picture):
            if isinstance(found, Extracted):
                highlights = [replace(one, tool=one.tool and self.tool) for one in found.highlights]
                yield replace(found, highlights=tuple(highlights))
            else:
                yield found


def _source(tool: str, cards: Callable[[str], Iterable[str]]) -> SimpleNamespace:
    """Return the source of a tool; `cards` yields the cards of a file."""

    def open_source(
        name: str, root: Path, settings: Any, only: tuple[Path, ...] = (), me: Words = ()
    ) -> Decks:
        vault = obsidian.open_source(name, root, settings, only, me)
        values = {field.name: getattr(vault, field.name) for field in fields(vault)}
        # the cards are rewritten by the plugin's own words, whatever a vault around them says
        values |= {"dialects": obsidian.Dialects(("o2a",)), "problems": ()}
        return Decks(**values, cards=cards, tool=tool)

    return SimpleNamespace(Settings=Settings, open_source=open_source)


yanki, ankiops = _source("yanki", yanki_cards), _source("ankiops", ankiops_cards)
"""The sources of these names."""

# --- notes of other tools: read, corrected, written -------------------------------------------

# Such a note has no field for a base. The base is in the journal: all its fields at adoption, and the
# hashes of what was shipped since. A field whose source says what it said at adoption has the text that
# Anki had then.

TYPE_CHANGED = "its note type was changed in Anki"


def arranged(note: SeenNote, adopted: Adopted, kind: SeenType | None) -> tuple[Words, bool] | None:
    """Return our content fields of a note at their places in ours; None if its type was changed."""
    if kind is None or kind.id != adopted.type or not {*adopted.names.values()} <= {*kind.names}:
        return None
    theirs = dict(zip(kind.names, note.fields, strict=False))
    names = note_type(kind.family).names
    return tuple(theirs.get(adopted.names.get(name, ""), "") for name in names), False


def taken_over(
    card: Card,
    seen: Seen | None,
    planned: Planned,
    pictures: Mapping[str, Media | Problem],
    types: Mapping[int, SeenType],
    options: Options,
) -> Planned:
    """Return what to ship of a card that has a note or a schedule of another tool.

    Args:
        card: the card.
        seen: its note in Anki.
        planned: what would be shipped of a note of ours.
        pictures: as for `plan`.
        types: as for `plan`.
        options: as for `plan`.
    """
    if card.adopted:
        return plan(card, seen, pictures, types, options)
    if planned.note is None or seen:
        return planned
    ordinals = card_ordinals(card.family, planned.note.fields)
    states = {
        at: (2, 2, (date.fromisoformat(due) - DAY_ZERO.date()).days, interval, 10 * ease, 1)
        for at, (due, interval, ease) in zip(ordinals, card.schedule, strict=False)
        if due
    }
    return replace(planned, note=replace(planned.note, states=states))


def plan(
    card: Card,
    seen: Seen | None,
    pictures: Mapping[str, Media | Problem],
    types: Mapping[int, SeenType],
    options: Options,
) -> Planned:
    """Return what to ship of a card whose note another tool made: only the fields that changed.

    Args:
        card: the card, live or not.
        seen: its note in Anki; None if it is not there or Anki was not read.
        pictures: the pictures in its fields, as for `anki.plan.plan`.
        types: the note types in Anki, by id.
        options: how cards are shipped.
    """
    adopted, nothing = card.adopted, Planned(card.guid, card.live)
    assert adopted is not None
    kind = types.get(adopted.type)
    if seen is None and not (card.live and adopted.again):
        return nothing
    if kind is None or (seen and not seen.type_known):
        return replace(nothing, held=TYPE_CHANGED)
    found = {path: one for path, one in pictures.items() if isinstance(one, Media)}
    missing = tuple(one for one in pictures.values() if isinstance(one, Problem))
    names, tags = card.family.content_fields, seen.tags if seen else ()
    if seen and not card.live:
        if RETIRED in map(str.casefold, tags):
            return nothing
        content, hashes = seen.fields[: len(names)], {}
        tags = (*tags, RETIRED)
    else:
        then = {name: adopted.html.get(adopted.names.get(name, ""), "") for name in names}
        now, written = dict(card.fields), content_html(card.kind, card.fields, found)
        before = seen.fields if seen else [*then.values()]
        ours, bases = [], []
        for name, new, html in zip(names, written, before, strict=False):
            known = [
                field_hash(then[name]),
                *(one[name] for one in adopted.hashes if name in one),
            ]
            base = field_hash(html)
            bases.append(base if base in known else known[-1])
            if name not in adopted.names:  # it stays as it is
                ours.append(html)
            else:
                same = now.get(name, "") == adopted.words.get(name, "")
                ours.append(then[name] if same else new)
        content, written, conflicts = merge(card, before, ours, bases)
        if conflicts:  # left out until a person chooses
            return replace(nothing, conflicts=conflicts)
        hashes = {
            name: one for name, one in zip(names, written, strict=True) if name in adopted.names
        }
        tags = tuple(tag for tag in tags if tag.casefold() != RETIRED)
        same = [*map(normal_form, content)] == [*map(normal_form, before[: len(names)])]
        if seen and same and tags == seen.tags:
            return nothing
        if missing:  # the note has its picture, and keeps it
            return replace(nothing, problems=missing)
    blank = ("",) * (len(note_type(card.family).names) - len(names))
    unchanged = replace(options, types={})
    contents = Contents((*content, *blank), tags, (), tuple(found.values()))
    planned = plan_note(card, seen, contents, unchanged)
    note, sent = planned.note, planned.sent
    if note is None or sent is None:
        return planned
    own = dict(zip(kind.names, seen.own, strict=False)) if seen else dict(adopted.html)
    own |= {
        adopted.names[name]: text
        for name, text in zip(names, content, strict=True)
        if name in adopted.names
    }
    ordinals = seen.ordinals if seen else tuple(range(len(kind.templates)))
    if kind.cloze:  # new gaps make new cards
        from ankiforge.anki.notetypes import cloze_numbers

        made = {number - 1 for text in own.values() for number in cloze_numbers(text)}
        ordinals = tuple(sorted(made - note.without))
    shown = tuple(own.get(name, "") for name in kind.names)
    return replace(
        planned,
        note=replace(note, guid=Guid(adopted.guid), own=shown, kind=kind, ordinals=ordinals),
        sent=replace(sent, hashes=hashes),
    )
