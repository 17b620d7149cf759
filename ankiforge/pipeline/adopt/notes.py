"""Notes of other tools that were taken over: read, corrected, written.

Such a note has no field AnkiforgeId. The base is in the journal: all its fields at adoption, and
the hashes of what was shipped since. A field whose source says what it said at adoption has
the text that Anki had then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from msgspec.structs import replace

from ankiforge.anki.mapped import cards_of
from ankiforge.anki.notes import content_html
from ankiforge.anki.notetypes import card_ordinals, field_hash, normal_form, our_note_type
from ankiforge.anki.package import DAY_ZERO
from ankiforge.anki.plan import (
    TYPE_CHANGED,
    Contents,
    Merged,
    Options,
    Planned,
    found_and_missing,
    merge,
    plan_note,
)
from ankiforge.model import (
    RETIRED,
    Adopted,
    Card,
    Guid,
    Media,
    NoteInAnki,
    Problem,
    SeenNote,
    SeenType,
    Strings,
    Texts,
)

Pictures = Mapping[str, Media | Problem]
"""The pictures in the fields of a card by their paths, or why they are missing."""


def arranged(
    note: SeenNote,
    adopted: Adopted,
    seen_type: SeenType | None,
) -> tuple[Strings, bool] | None:
    """Return our content fields of a note at their places in ours; None if its type was changed."""
    if seen_type is None or seen_type.id != adopted.type:
        return None
    if not set(adopted.names.values()) <= set(seen_type.names):
        return None
    fields_there = dict(zip(seen_type.names, note.fields, strict=False))
    names = our_note_type(seen_type.family).names
    fields = []
    for name in names:
        name_there = adopted.names.get(name, "")
        fields.append(fields_there.get(name_there, ""))
    return tuple(fields), False


def plan_adopted(
    card: Card,
    adopted: Adopted,
    in_anki: NoteInAnki | None,
    pictures: Pictures,
    options: Options,
) -> Planned:
    """Return what to ship of a card whose note another tool made.

    Args:
        card: the card.
        adopted: the note as it was taken over.
        in_anki: its note in Anki; None if it is not there or Anki was not read.
        pictures: the pictures in its fields.
        options: how cards are shipped.
    """
    return _Correction(card, adopted, in_anki, pictures, options).planned()


def with_schedule(card: Card, planned: Planned) -> Planned:
    """Return the plan of a new note with the schedule that another tool has of its cards."""
    if planned.note is None:
        return planned
    ordinals = planned.note.ordinals or card_ordinals(card.family, planned.note.fields)
    states = {}
    for ordinal, (due, interval, ease) in zip(ordinals, card.schedule, strict=False):
        if due:
            days = (date.fromisoformat(due) - DAY_ZERO.date()).days
            # type and queue of a card in review, its day, interval, ease in permille, one
            # repetition
            states[ordinal] = (2, 2, days, interval, 10 * ease, 1)
    return replace(planned, note=replace(planned.note, states=states))


class _Correction:
    """Plans what to ship of a card whose note another tool made: only the fields that changed."""

    def __init__(
        self,
        card: Card,
        adopted: Adopted,
        in_anki: NoteInAnki | None,
        pictures: Pictures,
        options: Options,
    ) -> None:
        self._card = card
        self._adopted = adopted
        self._note = in_anki
        self._type = options.seen_types.get(adopted.type)
        self._options = options
        self._names = card.family.content_fields
        self._pictures, self._missing = found_and_missing(pictures)

    def planned(self) -> Planned:
        """Return what to ship."""
        card = self._card
        note = self._note
        nothing = Planned(card.guid, card.live)
        is_made_again = card.live and self._adopted.again
        if note is None and not is_made_again:
            return nothing
        has_changed_type = note is not None and not note.type_known
        if self._type is None or has_changed_type:
            return replace(nothing, held=TYPE_CHANGED)
        if note and not card.live:
            return nothing if note.retired else self._retired(note)

        before = note.fields if note else tuple(self._adopted_html().values())
        merged = self._merged(before)
        if merged.conflicts:
            # left out until a person chooses
            return replace(nothing, conflicts=merged.conflicts)
        tags_in_anki = note.tags if note else ()
        tags = tuple(tag for tag in tags_in_anki if tag.casefold() != RETIRED)
        has_same_tags = note is not None and tags == note.tags
        if has_same_tags and self._shows_same(merged.content, before):
            return nothing
        if self._missing:
            # the note has its picture, and keeps it
            return replace(nothing, problems=self._missing)
        return self._as_their_note(merged.content, tags, self._kept_hashes(merged))

    def _kept_hashes(self, merged: Merged) -> Texts:
        """Return the hashes of those of our fields that their note type has."""
        hashes: dict[str, str] = {}
        for name, hash in zip(self._names, merged.hashes, strict=True):
            if name in self._adopted.names:
                hashes[name] = hash
        return hashes

    def _retired(self, in_anki: NoteInAnki) -> Planned:
        """Return the note as it is in Anki, with the tag of a card that was dropped."""
        content = in_anki.fields[: len(self._names)]
        tags = (*in_anki.tags, RETIRED)
        return self._as_their_note(content, tags, {})

    def _adopted_html(self) -> Texts:
        """Return our content fields as they were at adoption."""
        adopted = self._adopted
        return {
            name: adopted.html.get(adopted.names.get(name, ""), "")
            for name in self._names
        }

    def _merged(self, before: Sequence[str]) -> Merged:
        """Merge the fields that the note has with those that the source gives now."""
        adopted = self._adopted
        at_adoption = self._adopted_html()
        words_now = dict(self._card.fields)
        rendered = content_html(self._card.kind, self._card.fields, self._pictures)
        ours: list[str] = []
        bases: list[str] = []
        for name, new_html, html in zip(self._names, rendered, before, strict=False):
            bases.append(self._base_of(name, html, at_adoption[name]))
            is_word_changed = words_now.get(name, "") != adopted.words.get(name, "")
            if name not in adopted.names:
                # their note type lacks it: it stays as it is
                ours.append(html)
            elif is_word_changed:
                ours.append(new_html)
            else:
                ours.append(at_adoption[name])
        return merge(self._card, before, ours, bases)

    def _base_of(self, name: str, html: str, html_at_adoption: str) -> str:
        """Return the hash of what was last known about a field before it may have changed in Anki.

        It is that of the field now, if it is as it was at adoption or as we ever shipped it.
        """
        known_hashes = [field_hash(html_at_adoption)]
        for base in self._card.bases:
            if name in base.hashes:
                known_hashes.append(base.hashes[name])
        hash_now = field_hash(html)
        return hash_now if hash_now in known_hashes else known_hashes[-1]

    def _shows_same(self, content: Sequence[str], before: Sequence[str]) -> bool:
        compared = before[: len(self._names)]
        normal_content = [normal_form(html) for html in content]
        normal_compared = [normal_form(html) for html in compared]
        return normal_content == normal_compared

    def _as_their_note(
        self,
        content: Strings,
        tags: Strings,
        hashes: Texts,
    ) -> Planned:
        """Return a plan with these content fields, in the note type of the other tool."""
        assert self._type is not None
        note = self._note
        fields = self._their_fields(content)
        type_fields = tuple(fields.get(name, "") for name in self._type.names)
        type_fields_before = note.type_fields if note else ()
        contents = Contents(
            html=content,
            tags=tags,
            our_tags=(),
            pictures=tuple(self._pictures.values()),
            note_type=self._type,
            type_fields=type_fields,
            ordinals=cards_of(self._type, type_fields, note, type_fields_before),
        )
        planned = plan_note(self._card, note, contents, self._options)
        if planned.note is None or planned.sent is None:
            return planned
        return replace(
            planned,
            note=replace(planned.note, guid=Guid(self._adopted.guid)),
            sent=replace(planned.sent, hashes=hashes),
        )

    def _their_fields(self, content: Strings) -> dict[str, str]:
        """Return all fields of the note by their names in Anki, with our words in ours."""
        assert self._type is not None
        if self._note:
            fields = dict(zip(self._type.names, self._note.type_fields, strict=False))
        else:
            fields = dict(self._adopted.html)
        for name, text in zip(self._names, content, strict=True):
            if name in self._adopted.names:
                fields[self._adopted.names[name]] = text
        return fields
