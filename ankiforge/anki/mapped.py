"""Notes of ours in note types that are not: a user's own, or Anki's Image Occlusion.

A `MappedType` names such a type and the fields of it that get ours; its other fields are
the person's. Such a note has no field AnkiforgeId, so the base of a merge is in the
journal: the hashes of our fields in the events `shipped` (docs/reference/keys.md). The
first of these events fixes the type of the note.

What must stay true:

- A package has such a type exactly as Anki has it, so that no import changes it, makes a
  second one or refuses the note.
- A field that a person changed stays. Source, Citation and Links that a person changed
  are never a conflict.

Tested in the real Anki: `tests/anki/test_mapped.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.anki.notes import (
    content_html,
    context_of,
    links_html,
    references,
    source_html,
    tag_names,
)
from ankiforge.anki.notetypes import field_hash, is_blank, same_html
from ankiforge.anki.plan import (
    TYPE_CHANGED,
    Contents,
    Options,
    Planned,
    conflict_of,
    decision_on,
    found_and_missing,
    merge_field,
    plan_note,
    same_tags,
    tags_of_live,
)
from ankiforge.anki.render import literal
from ankiforge.anki.templates import ordinals_in
from ankiforge.model import (
    RETIRED,
    Base,
    Card,
    Conflict,
    MappedType,
    Media,
    NoteInAnki,
    Problem,
    SeenType,
    Strings,
    Texts,
)

MACHINE_FIELDS = ("Source", "Citation", "Links", "Header", "Back Extra")
"""Fields that the program writes, and a mapped note type may have."""


# --- which type, and where our fields are in it -----------------------------------------


def mapped_type_of(
    card: Card,
    in_anki: NoteInAnki | None,
    options: Options,
) -> MappedType | None:
    """Return the note type, not ours, of a card's note; None if it is or will be one of ours.

    The first package fixes it: what the settings say now counts for cards that were in none.
    """
    if card.mapped or card.mod or in_anki:
        return card.mapped
    mapped = options.mapped.get(card.family)
    if mapped is None:
        return None
    for name, _ in card.kind.switched_on:
        if name not in mapped.fields:
            return None
    return mapped


def positions_in(
    note_type: SeenType,
    mapped: MappedType,
    now: MappedType | None,
) -> dict[str, int]:
    """Return the positions of our fields in a note type that a person may have changed.

    A field is found by its id in Anki, else by its name. If neither is there, the settings
    may know its new name.

    Args:
        note_type: the note type in Anki.
        mapped: the same as it was when the note was shipped first.
        now: as the settings name it; None if they name another one.
    """
    by_id: dict[int, int] = {}
    by_name: dict[str, int] = {}
    for position, (name, id) in enumerate(note_type.fields):
        by_name[name] = position
        if id is not None:
            by_id[id] = position
    positions = {}
    for ours, name in mapped.fields.items():
        new_name = ""
        if now and now.id == mapped.id:
            new_name = now.fields.get(ours, "")
        id = mapped.ids.get(ours)
        if id is not None and id in by_id:
            positions[ours] = by_id[id]
        elif name in by_name:
            positions[ours] = by_name[name]
        elif new_name in by_name:
            positions[ours] = by_name[new_name]
    return positions


def words_in(
    in_anki: NoteInAnki, mapped: MappedType, note_type: SeenType | None
) -> Texts:
    """Return our fields of a note in Anki as HTML, by our names; {} if its type was changed."""
    if note_type is None or not _is_of_type(in_anki, mapped, note_type):
        return {}
    positions = positions_in(note_type, mapped, None)
    return {name: in_anki.fields[position] for name, position in positions.items()}


def base_of(bases: Sequence[Base], in_anki: NoteInAnki, fields: Texts) -> Base | None:
    """Return what the package had of a note that Anki took last; None if there was none.

    Not each package is imported, and Anki refuses a note that a person changed meanwhile.
    So it is the one with most of the note's fields. Of several it is the one with the
    note's `mod`, which a person's change raises to the current time; else the oldest that
    it may be: then a change of ours that may not have arrived is a conflict, and not lost.
    When nothing is known about what arrived (the database is a cache), it is the newest.

    Args:
        bases: what the packages had, oldest first.
        in_anki: the note in Anki.
        fields: our fields of it.
    """
    possible = [base for base in bases if base.mod >= in_anki.taken]
    is_nothing_known = not in_anki.taken
    if is_nothing_known:
        possible.reverse()
    hashes = {name: field_hash(text) for name, text in fields.items()}

    def likeness(base: Base) -> tuple[int, bool]:
        equal = 0
        for name, hash in hashes.items():
            if base.hashes.get(name) == hash:
                equal += 1
        return equal, base.mod == in_anki.mod

    # of equally likely ones, `max` returns the first
    return max(possible, key=likeness, default=None)


# --- the plan ---------------------------------------------------------------------------


def plan_mapped(
    card: Card,
    in_anki: NoteInAnki | None,
    tags: Sequence[str],
    pictures: Mapping[str, Media | Problem],
    options: Options,
) -> Planned:
    """Return what to ship of a card whose note has a note type that is not ours.

    Args:
        card: the card, live or not; `mapped_type_of` must have its note type.
        in_anki: its note in Anki; None if it is not there or Anki was not read.
        tags: our tags.
        pictures: the pictures in its fields, by the path written there, or why they are
            missing.
        options: how cards are shipped.
    """
    mapped = mapped_type_of(card, in_anki, options)
    assert mapped is not None
    nothing = Planned(card.guid, card.live)
    is_dropped_in_anki = in_anki is None or in_anki.retired
    if not card.live and is_dropped_in_anki:
        return nothing

    # the note type must still be there, with the fields that a card needs
    note_type = options.seen_types.get(mapped.id)
    if note_type is None:
        return replace(nothing, held=f"Anki has no note type {mapped.name} any more")
    if in_anki and not _is_of_type(in_anki, mapped, note_type):
        return replace(nothing, held=TYPE_CHANGED)
    positions = positions_in(note_type, mapped, options.mapped.get(card.family))
    for ours in card.family.needed_fields:
        if ours not in positions:
            message = f"{note_type.name} has no field {mapped.fields[ours]} any more"
            return replace(nothing, held=message)

    planning = _Planning(card, in_anki, _Layout(mapped, note_type, positions), options)
    if not card.live:
        return planning.retired()
    available, missing = found_and_missing(pictures)
    planned = planning.live(tag_names(tuple(tags)), available)
    problems = (*missing, *planned.problems)
    return replace(planned, problems=problems, taken=planning.newly_taken())


class _Merged(NamedTuple):
    """Our fields of a note, merged with those in Anki, by our names."""

    fields: Texts
    hashes: Texts
    """The hash of each as we wrote it: the base of the next merge."""
    conflicts: tuple[Conflict, ...] = ()


class _Layout(NamedTuple):
    """Where our fields are in a note type that is not ours."""

    mapped: MappedType
    """The note type as the settings name it."""
    note_type: SeenType
    """The same as it is in Anki."""
    positions: Mapping[str, int]
    """The position in Anki of each of our fields, by our name of it."""


class _Planning:
    """Plans one note in a note type that has all that is needed."""

    def __init__(
        self,
        card: Card,
        in_anki: NoteInAnki | None,
        layout: _Layout,
        options: Options,
    ) -> None:
        self._card = card
        self._note = in_anki
        self._mapped = layout.mapped
        self._note_type = layout.note_type
        self._positions = layout.positions
        self._options = options
        self._fields_in_anki: Texts = {}
        if in_anki:
            for name, position in layout.positions.items():
                self._fields_in_anki[name] = in_anki.fields[position]

    def newly_taken(self) -> int:
        """Return the `mod` of the package that Anki has surely taken, if that is news; else 0."""
        if self._note is None:
            return 0
        base = self._base()
        hashes = {name: field_hash(text) for name, text in self._fields_in_anki.items()}
        has_all = hashes == base.hashes or base.mod == self._note.mod
        is_news = has_all and base.mod != self._note.taken
        return base.mod if is_news else 0

    def retired(self) -> Planned:
        """Tag the note of a card that is no longer live; its fields stay as they are."""
        assert self._note is not None
        base = self._base()
        tags = (*self._note.tags, RETIRED)
        our_tags = (*base.tags, RETIRED)
        return self._written(
            _Merged(self._fields_in_anki, base.hashes),
            tags,
            our_tags,
            (),
        )

    def live(self, tags: Strings, pictures: Mapping[str, Media]) -> Planned:
        """Return what to ship of a live card."""
        card = self._card
        our_tags = card.tags_sent[-1] if card.kept else tags
        our_fields = self._our_fields(pictures)
        media = tuple(pictures.values())
        if self._note is None:
            hashes = {name: field_hash(text) for name, text in our_fields.items()}
            new_note = _Merged(our_fields, hashes)
            return self._written(new_note, our_tags, our_tags, media)

        base = self._base()
        merged = self._merged(our_fields, base)
        if merged.conflicts:
            # left out until a person chooses
            return Planned(card.guid, live=True, conflicts=merged.conflicts)
        tags_to_write = tags_of_live(base.tags, self._note.tags, our_tags)
        ships_all = self._options.full
        if not ships_all and self._is_unchanged(merged.fields, tags_to_write):
            return Planned(card.guid, live=True)
        return self._written(merged, tags_to_write, our_tags, media)

    def _our_fields(self, pictures: Mapping[str, Media]) -> Texts:
        """Return those of our fields that the note type has, as HTML."""
        card = self._card
        content = content_html(card.kind, card.fields, pictures)
        citation = "<br>".join(map(literal, references(card)))
        links = links_html(*card.passages)
        context = context_of(card, self._options.safe_context)
        written = dict(zip(card.family.content_fields, content, strict=True))
        written["Source"] = source_html(card)
        written["Citation"] = citation
        written["Links"] = links
        written["Header"] = literal(context)
        written["Back Extra"] = "<br>".join(filter(None, (citation, links)))
        return {name: written.get(name, "") for name in self._positions}

    def _base(self) -> Base:
        assert self._note is not None
        base = base_of(self._card.bases, self._note, self._fields_in_anki)
        return base or Base(0, (), {})

    def _merged(self, ours: Texts, base: Base) -> _Merged:
        """Merge our fields with those in Anki."""
        card = self._card
        fields: dict[str, str] = {}
        hashes: dict[str, str] = {}
        conflicts: list[Conflict] = []
        for name, theirs in self._fields_in_anki.items():
            base_hash = base.hashes.get(name, "")
            if name in MACHINE_FIELDS:
                ours_hash = field_hash(ours[name])
                is_theirs = field_hash(theirs) not in (base_hash, ours_hash)
                stays = is_theirs or not card.is_read_here
                fields[name] = theirs if stays else ours[name]
                hashes[name] = base_hash if stays else ours_hash
                continue
            decision = decision_on(card, name)
            text, written, is_conflict = merge_field(
                decision, theirs, ours[name], base_hash
            )
            if is_conflict:
                conflicts.append(conflict_of(card, name, theirs, ours[name]))
            fields[name] = text
            hashes[name] = written
        return _Merged(fields, hashes, tuple(conflicts))

    def _is_unchanged(self, fields: Texts, tags: Strings) -> bool:
        """Return whether the note in Anki shows already what we would write."""
        assert self._note is not None
        if not same_tags(tags, self._note.tags):
            return False
        before = self._fields_in_anki
        return all(same_html(text, before[name]) for name, text in fields.items())

    def _written(
        self,
        merged: _Merged,
        tags: Strings,
        our_tags: Strings,
        pictures: tuple[Media, ...],
    ) -> Planned:
        """Return a plan with these fields of ours; the note's other fields stay as they are."""
        note = self._note
        fields_before = note.fields if note else ()
        note_fields = list(fields_before) or [""] * len(self._note_type.fields)
        for name, position in self._positions.items():
            note_fields[position] = merged.fields[name]
        if not note and is_blank(note_fields[0]):
            return self._without_first_field()
        contents = Contents(
            html=tuple(merged.fields.values()),
            tags=tags,
            our_tags=our_tags,
            pictures=pictures,
            note_type=self._note_type,
            type_fields=tuple(note_fields),
            ordinals=cards_of(self._note_type, note_fields, note, fields_before),
        )
        planned = plan_note(self._card, note, contents, self._options)
        if planned.sent is None:
            return planned
        sent = replace(planned.sent, hashes=merged.hashes, mapped=self._mapped)
        return replace(planned, sent=sent)

    def _without_first_field(self) -> Planned:
        """Return the problem of a note whose first field is empty: Anki refuses it."""
        name, _ = self._note_type.fields[0]
        problem = Problem(
            f"deck {self._card.deck}",
            f"note {self._card.guid}: {name}, the first field of {self._note_type.name}, is empty",
            "edit or reject the card",
        )
        return Planned(self._card.guid, self._card.live, problems=(problem,))


def cards_of(
    note_type: SeenType,
    fields: Sequence[str],
    in_anki: NoteInAnki | None,
    before: Sequence[str],
) -> tuple[int, ...]:
    """Return the ordinals of the cards that a note gets, without those that a person deleted.

    Args:
        note_type: the note type.
        fields: all fields of the note, in its order.
        in_anki: the note in Anki; None if it is not there.
        before: all fields that it has in Anki.
    """
    ordinals = ordinals_in(note_type, dict(zip(note_type.names, fields, strict=True)))
    if in_anki is None:
        return ordinals
    ordinals_before = ordinals_in(
        note_type, dict(zip(note_type.names, before, strict=False))
    )
    deleted = set(ordinals_before).difference(in_anki.ordinals)
    return tuple(ordinal for ordinal in ordinals if ordinal not in deleted)


def _is_of_type(in_anki: NoteInAnki, mapped: MappedType, note_type: SeenType) -> bool:
    """Return whether a note has this note type still, with all its fields."""
    return in_anki.type_id == mapped.id and len(in_anki.fields) == len(note_type.fields)
