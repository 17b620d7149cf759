"""Find our fields in a note in Anki, and the version of the note that Anki imported last.

A note has one of our note types; or one of the user's or Anki's Image Occlusion, where a
`UserNoteType` maps our fields to the fields of that type; or it was adopted from another
tool. All other fields of the note belong to the user.

The merge base is the note's content in the package that Anki imported, stored as a hash of each
of our fields. A note of our types stores the hashes itself, in its field AnkiforgeId. For other
types, they are in the journal's `shipped` events (tests/keys/keys.md). The first of these
events fixes the note type.

A package contains the user's note type exactly as it is in Anki. Otherwise an import would change
or duplicate the note type, or reject the note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.anki.notetypes import (
    choose_exported_type,
    get_our_note_type,
    hash_html,
    hash_tags,
)
from ankiforge.model import (
    AdoptedNote,
    AnkiNote,
    AnkiNoteType,
    ExportedNote,
    Guid,
    LocalCard,
    NoteType,
    NoteTypeId,
    Strings,
    Texts,
    UserNoteType,
    Value,
)

IDENTITY_FIELD = "AnkiforgeId"
GENERATED_FIELDS = ("Source", "Citation", "Links", "Open", "Header", "Back Extra")
"""The fields that we generate from the card's source. A note type may have only some of them."""
LOCAL_LINKS_FIELD = "Open"
"""The field for links that work only on this computer. It isn't hashed, and a change of it is
written only if Anki has links from this computer, so that two computers don't keep rewriting the
note."""
USER_FIELDS = ("Feedback", "Spare1", "Spare2", "Spare3")
"""The fields of our note types that are left to the user. Packages never change them."""
NOTE_TYPE_CHANGED = "its note type was changed in Anki"
"""The reason for holding back a note whose type isn't the one that we gave it."""
ADOPTED_MOD = 1
"""The `mod` in the merge base of an adopted note. That base is the note's content at the time of
adoption, which no package of ours wrote."""
NO_BASE = ExportedNote(0)

NoteTypesById = Mapping[NoteTypeId, AnkiNoteType]
"""All note types in Anki, by id."""
MappedTypes = Mapping[NoteType, UserNoteType]
"""The note types that the settings choose for new notes instead of ours."""


class FieldLayout(Value):
    """The positions of our fields in a note, and the content that Anki last imported there."""

    guid: Guid
    """The note's GUID in Anki, which another tool may have chosen."""
    anki_note: AnkiNote | None = None
    """The note in Anki, or None if it is missing or Anki wasn't read."""
    hold_reason: str | None = None
    """The reason why the note can't be exported at the moment, or None."""
    note_type: AnkiNoteType | None = None
    """The note type, or None if the note can't be exported or there is no note to write."""
    fields: Strings = ()
    """All fields of the note as they are in Anki. A new note has empty fields, except for text
    copied from an adopted note that is created again."""
    positions: Mapping[str, int] = {}
    """The index of each of our fields in `fields`, by our name for the field. All other fields
    belong to the user."""
    base: ExportedNote = NO_BASE
    """The merge base, i.e. the version of the note that Anki last imported. A field without a hash
    counts as edited by the user."""
    unknown_bases: Texts = {}
    """The hashes of the merge base in the note that match no package in the journal, by our field
    name. They occur if the workspace was restored from a backup, or if another device's journal
    hasn't arrived yet."""
    newly_imported_mod: int = 0
    """The `mod` of the package that Anki imported, or 0 if uncertain or already recorded."""
    mapped_type: UserNoteType | None = None
    """The note type as it was recorded with the first package, or None if it is one of ours."""

    @property
    def their_fields(self) -> Texts:
        """The HTML that each of our fields has in Anki, keyed by our field names."""
        return {name: self.fields[index] for name, index in self.positions.items()}

    @property
    def their_links_hash(self) -> str | None:
        """The hash of the local links in Anki, or None if the note has none."""
        html = self.their_fields.get(LOCAL_LINKS_FIELD)
        return hash_html(html) if html else None

    def fill_fields(self, our_fields: Texts) -> Strings:
        """Return all fields of the note, with ours replaced by `our_fields`.

        `our_fields` contains the HTML of each field, keyed by our name for the field.
        """
        fields = list(self.fields)
        for name, index in self.positions.items():
            fields[index] = our_fields[name]
        return tuple(fields)


def find_field_layout(
    card: LocalCard,
    anki_note: AnkiNote | None,
    note_types: NoteTypesById,
    mapped_types: MappedTypes,
) -> FieldLayout:
    """Locate our fields in the note of a card, and find the version that Anki imported last.

    `anki_note` is None if the note isn't in Anki, or if Anki wasn't read. `mapped_types`
    contains the user's note types that the settings choose for new notes.
    """
    adopted = card.note.adopted
    guid = card.guid if adopted is None else Guid(adopted.guid)
    if anki_note is None and adopted is not None and not adopted.is_wanted_back:
        return FieldLayout(guid)
    try:
        located = _locate_fields(card, anki_note, note_types, mapped_types)
        if anki_note is not None:
            _check_type(anki_note, located)
    except _HeldNoteError as error:
        return FieldLayout(guid, anki_note, error.reason)
    layout = FieldLayout(
        guid,
        anki_note,
        note_type=located.note_type,
        positions=located.positions,
        mapped_type=located.mapped_type,
    )
    if anki_note is None:
        return replace(layout, fields=_make_first_fields(located.note_type, adopted))
    layout = replace(layout, fields=anki_note.fields)
    if IDENTITY_FIELD in layout.positions:
        return _set_merge_base_from_identity(layout, card, anki_note)
    return _set_merge_base_from_journal(layout, card, anki_note)


class _HeldNoteError(Exception):
    """Raised if a note can't be exported at the moment."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class _LocatedFields(NamedTuple):
    """The note type of a note as it is in Anki now, and the positions of our fields in it."""

    note_type: AnkiNoteType
    positions: Mapping[str, int]
    mapped_type: UserNoteType | None = None


def _locate_fields(
    card: LocalCard,
    anki_note: AnkiNote | None,
    note_types: NoteTypesById,
    mapped_types: MappedTypes,
) -> _LocatedFields:
    """Find the note type of a card's note and our fields in it.

    Raises:
        _HeldNoteError: the note type or a field that the note must have is gone.
    """
    if card.note.adopted is not None:
        return _locate_adopted_fields(card, card.note.adopted, note_types)
    mapped_type = find_user_note_type(card, anki_note, mapped_types)
    if mapped_type is not None:
        configured_type = mapped_types.get(card.note_type)
        return _locate_mapped_fields(card, mapped_type, configured_type, note_types)
    return _locate_our_fields(card, note_types)


def _locate_adopted_fields(
    card: LocalCard, adopted: AdoptedNote, note_types: NoteTypesById
) -> _LocatedFields:
    note_type = note_types.get(adopted.type)
    if note_type is None:
        raise _HeldNoteError(NOTE_TYPE_CHANGED)
    adopted_type = UserNoteType(adopted.type, "", adopted.field_names)
    positions = find_field_positions(note_type, adopted_type, None)
    _check_required_fields(card, adopted_type, note_type, positions)
    return _LocatedFields(note_type, positions)


def _locate_mapped_fields(
    card: LocalCard,
    mapped_type: UserNoteType,
    configured_type: UserNoteType | None,
    note_types: NoteTypesById,
) -> _LocatedFields:
    note_type = note_types.get(mapped_type.id)
    if note_type is None:
        raise _HeldNoteError(f"Anki has no note type {mapped_type.name} any more")
    positions = find_field_positions(note_type, mapped_type, configured_type)
    _check_required_fields(card, mapped_type, note_type, positions)
    return _LocatedFields(note_type, positions, mapped_type)


def _locate_our_fields(card: LocalCard, note_types: NoteTypesById) -> _LocatedFields:
    note_type = choose_exported_type(card.note_type, note_types)
    if note_type is None:
        raise _HeldNoteError(NOTE_TYPE_CHANGED)
    positions = find_our_field_positions(note_type, card.note_type)
    if IDENTITY_FIELD not in positions:
        raise _make_missing_field_error(note_type, IDENTITY_FIELD)
    our_type = convert_our_note_type(card.note_type)
    _check_required_fields(card, our_type, note_type, positions)
    written = {
        name: index for name, index in positions.items() if name not in USER_FIELDS
    }
    return _LocatedFields(note_type, written)


def _check_required_fields(
    card: LocalCard,
    first_type: UserNoteType,
    note_type: AnkiNoteType,
    positions: Mapping[str, int],
) -> None:
    """Check that a note type still has the fields without which a card makes no sense.

    `first_type` has the names of the fields at the first export.

    Raises:
        _HeldNoteError: one of these fields is gone.
    """
    for name in card.note_type.required_fields:
        if name not in positions:
            raise _make_missing_field_error(note_type, first_type.fields.get(name, name))


def _make_missing_field_error(note_type: AnkiNoteType, field_name: str) -> _HeldNoteError:
    return _HeldNoteError(f"{note_type.name} has no field {field_name} any more")


def _check_type(anki_note: AnkiNote, located: _LocatedFields) -> None:
    """Check that a note in Anki still has the type that we gave it.

    Raises:
        _HeldNoteError: the user has changed its note type.
    """
    has_other_type = anki_note.type_id != located.note_type.id
    has_other_fields = len(anki_note.fields) != len(located.note_type.fields)
    is_our_type = IDENTITY_FIELD in located.positions
    has_lost_identity = is_our_type and anki_note.identity is None
    if has_other_type or has_other_fields or has_lost_identity:
        raise _HeldNoteError(NOTE_TYPE_CHANGED)


def _make_first_fields(note_type: AnkiNoteType, adopted: AdoptedNote | None) -> Strings:
    """Return the fields of a note that isn't in Anki: empty, or as the adopted note had them."""
    html_by_name: Texts = {} if adopted is None else adopted.html
    return tuple(html_by_name.get(name, "") for name in note_type.field_names)


# --- the note type, and our fields in it ------------------------------------------------


@lru_cache(maxsize=64)  # a collection has few note types, but thousands of notes
def find_our_field_positions(
    note_type: AnkiNoteType, our_type: NoteType
) -> dict[str, int]:
    """Find the positions of our fields in the version of one of our note types that is in Anki."""
    return find_field_positions(note_type, convert_our_note_type(our_type), None)


def find_user_note_type(
    card: LocalCard,
    anki_note: AnkiNote | None,
    mapped_types: MappedTypes,
) -> UserNoteType | None:
    """Return the note type of the user's that the note of a card has, or None if it has none.

    The result is None for our own note types and for adopted notes. The first package fixes the
    note type for good, so the settings only apply to cards that were never exported.
    """
    if card.note.adopted:
        return None
    if card.note.mapped or card.note.mod or anki_note:
        return card.note.mapped
    configured = mapped_types.get(card.note_type)
    if configured is None:
        return None
    switches = dict(card.kind.filled_switch_fields)
    return configured if switches.keys() <= configured.fields.keys() else None


@cache
def convert_our_note_type(our_type: NoteType) -> UserNoteType:
    """Convert one of our note types to a `UserNoteType`, so that renamed fields are found."""
    ours = get_our_note_type(our_type)
    names = {name: name for name in ours.field_names}
    ids = {name: id for name, id in ours.fields if id is not None}
    return UserNoteType(ours.id, ours.name, names, ids)


def find_field_positions(
    note_type: AnkiNoteType,
    exported_type: UserNoteType,
    configured_type: UserNoteType | None,
) -> dict[str, int]:
    """Find the positions of our fields in a note type that the user may have changed.

    A field is found by its id in Anki or, failing that, by its name at the first export or by its
    name in the settings.

    Args:
        note_type: The note type in Anki.
        exported_type: The note type as it was when the note was first exported.
        configured_type: The note type in the settings, if any.
    """
    # ids are numbers and names are strings, so one dictionary holds the positions by both
    known_positions: dict[int | str | None, int] = {}
    for position, (name, id) in enumerate(note_type.fields):
        known_positions[name] = position
        if id is not None:
            known_positions[id] = position
    configured_names: Texts = {}
    if configured_type and configured_type.id == exported_type.id:
        configured_names = configured_type.fields
    positions = {}
    for our_name, first_name in exported_type.fields.items():
        first_id = exported_type.field_ids.get(our_name)
        for id_or_name in (first_id, first_name, configured_names.get(our_name)):
            if id_or_name in known_positions:
                positions[our_name] = known_positions[id_or_name]
                break
    return positions


# --- the merge base ---------------------------------------------------------------------


def _set_merge_base_from_identity(
    layout: FieldLayout, card: LocalCard, anki_note: AnkiNote
) -> FieldLayout:
    """Take the merge base of each content field from the hashes in the AnkiforgeId field.

    Generated fields need no base, because they are always overwritten. If a hash doesn't match
    any package in the journal, the hash from the last package is used instead, and the unknown
    hash is stored in `unknown_bases`. For a card that was recreated from Anki, all hashes are
    used as they are.
    """
    hashes_in_note = anki_note.identity.fields if anki_note.identity else ()
    names = card.note_type.content_fields
    base_hashes: dict[str, str] = {}
    unknown_bases: dict[str, str] = {}
    for name, hash_in_note in zip(names, hashes_in_note, strict=False):
        exported_hashes = _list_exported_hashes(card, name)
        is_known = not exported_hashes or hash_in_note in exported_hashes
        if is_known or card.note.is_recreated_from_anki:
            base_hashes[name] = hash_in_note
        else:
            base_hashes[name] = exported_hashes[-1]
            unknown_bases[name] = hash_in_note
    tags = find_last_exported_tags(card, anki_note)
    base = ExportedNote(0, tags, field_hashes=base_hashes)
    return replace(layout, base=base, unknown_bases=unknown_bases)


def _list_exported_hashes(card: LocalCard, field_name: str) -> list[str]:
    """Return the hash that each package had for a field, oldest first."""
    hashes = []
    for package in card.note.exports:
        if field_name in package.field_hashes:
            hashes.append(package.field_hashes[field_name])
    return hashes


def _set_merge_base_from_journal(
    layout: FieldLayout, card: LocalCard, anki_note: AnkiNote
) -> FieldLayout:
    """Take as merge base the version that Anki imported last.

    An adopted note that Anki imported no version of has its content at the time of adoption as
    merge base. The import is to be recorded if it is certain, because the note in Anki has the
    version's `mod` or all of its fields, and isn't on record yet.
    """
    theirs = layout.their_fields
    base = find_imported_version(_list_versions(card), anki_note, theirs)
    if base is None:
        return layout
    their_hashes = {name: hash_html(html) for name, html in theirs.items()}
    is_certain = base.mod == anki_note.mod or base.field_hashes == their_hashes
    is_recorded = base.mod == anki_note.imported_mod
    newly_imported_mod = 0
    if is_certain and not is_recorded:
        newly_imported_mod = base.mod
    return replace(layout, base=base, newly_imported_mod=newly_imported_mod)


def _list_versions(card: LocalCard) -> list[ExportedNote]:
    """Return the versions of a note that may be its merge base, oldest first."""
    exported = [package for package in card.note.exports if package.field_hashes]
    adopted = card.note.adopted
    if adopted is None:
        return exported
    adopted_hashes = {
        name: hash_html(adopted.get_original_html(name)) for name in adopted.field_names
    }
    return [ExportedNote(ADOPTED_MOD, field_hashes=adopted_hashes), *exported]


def find_last_exported_tags(card: LocalCard, anki_note: AnkiNote) -> Strings:
    """Return the tags that we wrote to a note last, or () if they are unknown.

    The note only contains a hash of these tags, so the tags are looked up in the packages.
    """
    for package in reversed(card.note.exports):
        if anki_note.identity and hash_tags(package.tags) == anki_note.identity.tags:
            return package.tags
    return ()


def find_imported_version(
    bases: Sequence[ExportedNote], anki_note: AnkiNote, fields: Texts
) -> ExportedNote | None:
    """Return the version of a note that Anki imported last, or None if it imported none.

    Not every package gets imported, and Anki skips notes that the user has changed in the
    meantime. Therefore, the version with the most fields in common with the note in Anki is
    returned.

    Among equal candidates, the version with the note's `mod` wins, because an edit in Anki would
    have changed the `mod`. Otherwise, the oldest version wins: if one of our changes may not have
    arrived, this leads to a conflict instead of losing the change. If no import is on record,
    because the database was rebuilt, the newest version wins.

    Args:
        bases: The version of the note in each package, oldest first.
        anki_note: The note in Anki.
        fields: Our fields as they are in Anki, keyed by our field names.
    """
    candidates = [base for base in bases if base.mod >= anki_note.imported_mod]
    if not anki_note.imported_mod:
        candidates.reverse()
    hashes = {name: hash_html(text) for name, text in fields.items()}
    # if several are equal, `max` returns the first
    return max(
        candidates,
        key=lambda base: (
            len(base.field_hashes.items() & hashes.items()),
            base.mod == anki_note.mod,
        ),
        default=None,
    )
