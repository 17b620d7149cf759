"""Notes that another tool made, after we took them over: as they are seen, and as they are shipped.

Such a note has no field for a base. The base is in the journal: all its fields at adoption, and the
hashes of what was shipped since. A field whose source says what it said at adoption has the text that
Anki had then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from msgspec.structs import replace

from ankiforge.anki.notes import RETIRED, content_html
from ankiforge.anki.notetypes import card_ordinals, field_hash, normal_form, note_type
from ankiforge.anki.package import DAY_ZERO
from ankiforge.anki.plan import Options, Planned, merge, ship
from ankiforge.model import (
    Adopted,
    Card,
    Family,
    Guid,
    Media,
    Problem,
    Seen,
    SeenNote,
    SeenType,
)

TYPE_CHANGED = "its note type was changed in Anki"


def arranged(note: SeenNote, adopted: Adopted, kind: SeenType | None) -> Seen:
    """Return a note of a view as the ledger keeps it: our content fields at their places in ours."""
    known = (
        kind is not None and kind.id == adopted.type and {*adopted.names.values()} <= {*kind.names}
    )
    fields: tuple[str, ...] = note.fields
    if kind is not None and known:
        family = Family.CLOZE if kind.cloze else Family.BASIC
        theirs = dict(zip(kind.names, note.fields, strict=False))
        fields = tuple(
            theirs.get(adopted.names.get(name, ""), "") for name in note_type(family).names
        )
    return Seen(
        note.guid, note.id, note.mod, known, fields, note.tags, note.deck, None,
        sum(card.reps for card in note.cards), sum(card.lapses for card in note.cards),
        bool(note.cards) and all(card.suspended for card in note.cards), note.ordinals, note.fields,
        cards=tuple(card.id for card in note.cards),
    )  # fmt: skip


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
    adopted = card.adopted
    assert adopted is not None
    kind = types.get(adopted.type)
    if seen is None and not (card.live and adopted.again):
        return Planned(card.guid, card.live)
    if kind is None or (seen and not seen.type_known):
        return Planned(card.guid, card.live, held=TYPE_CHANGED)
    found = {path: one for path, one in pictures.items() if isinstance(one, Media)}
    missing = tuple(one for one in pictures.values() if isinstance(one, Problem))
    names, tags = card.family.content_fields, seen.tags if seen else ()
    blank = ("",) * len(note_type(card.family).names)
    if seen and not card.live:
        if RETIRED in map(str.casefold, tags):
            return Planned(card.guid, card.live)
        content, hashes = seen.fields[: len(names)], {}
        tags = (*tags, RETIRED)
    else:
        then = {ours: adopted.html[theirs] for ours, theirs in adopted.names.items()}
        now = dict(card.fields)
        ours = [
            then.get(name, "") if now.get(name, "") == adopted.words.get(name, "") else html
            for name, html in zip(names, content_html(card.kind, card.fields, found), strict=True)
        ]
        before = seen.fields if seen else [then.get(name, "") for name in names]
        bases = []
        for name, html in zip(names, before, strict=False):
            known = [
                field_hash(then.get(name, "")),
                *(one[name] for one in adopted.hashes if name in one),
            ]
            bases.append(field_hash(html) if field_hash(html) in known else known[-1])
            if name not in adopted.names:  # it stays as it is
                ours[len(bases) - 1] = html
        content, written, conflicts = merge(card, before, ours, bases)
        if conflicts:  # left out until a person chooses
            return Planned(card.guid, card.live, conflicts=conflicts)
        hashes = {
            name: one for name, one in zip(names, written, strict=True) if name in adopted.names
        }
        tags = tuple(tag for tag in tags if tag.casefold() != RETIRED)
        same = [*map(normal_form, content)] == [*map(normal_form, before[: len(names)])]
        if seen and same and tags == seen.tags:
            return Planned(card.guid, card.live)
        if missing:  # the note has its picture, and keeps it
            return Planned(card.guid, card.live, problems=missing)
    filled = (*content, *blank[len(content) :])
    planned = ship(card, seen, filled, tags, (), found.values(), replace(options, types={}))
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
    guid = Guid(adopted.guid)
    return replace(
        planned,
        note=replace(note, guid=guid, own=shown, kind=kind, ordinals=ordinals),
        sent=replace(sent, hashes=hashes),
    )
