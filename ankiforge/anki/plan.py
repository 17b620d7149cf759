"""Decide what to export for each card: nothing, a note, or a question to the user.

Each note is merged from three versions: the merge base (what our last package wrote), theirs (what
is in Anki now) and ours (what we would write now). A `FieldLayout` locates our fields in a note and
holds their merge base. The user's text, tags and deck are never overwritten, and an unchanged note
is never written. Every written note gets a larger modification time (`mod`), because Anki would
ignore it otherwise. All functions are pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum, StrEnum
from functools import cache, lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.anki.notes import (
    ContextFilter,
    format_context,
    format_identity,
    format_references,
    normalize_deck_name,
    render_citation,
    render_collapsible_source,
    render_content_fields,
    render_links,
    render_mask_labels,
    render_source,
)
from ankiforge.anki.notetypes import (
    choose_exported_type,
    get_our_note_type,
    hash_html,
    hash_tags,
    is_blank,
    is_same_html,
    select_card_ordinals,
)
from ankiforge.anki.package import DAY_ZERO, find_note_problem
from ankiforge.anki.render import field_to_markdown, is_generated_media_name, text_to_html
from ankiforge.model import (
    RETIRED_TAG,
    AdoptedNote,
    AnkiNote,
    AnkiNoteType,
    CardKind,
    CardRow,
    Conflict,
    ExportedNote,
    Guid,
    HighlightKind,
    LocalCard,
    Media,
    Note,
    NoteType,
    NoteTypeId,
    Numbers,
    Problem,
    Strings,
    Texts,
    UserNoteType,
    Value,
    compute_next_mod,
    hash16,
)
from ankiforge.model.hints import CardSchedule
from ankiforge.text import occlusion
from ankiforge.text.cloze import find_clozes, find_image_paths, to_plain_text

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
EDITED_TWICE = "you changed its card, and so did the source"
"""The reason for holding back a note until the user has chosen which text its card has."""
ADOPTED_MOD = 1
"""The `mod` in the merge base of an adopted note. That base is the note's content at the time of
adoption, which no package of ours wrote."""
NO_BASE = ExportedNote(0)

NoteTypesById = Mapping[NoteTypeId, AnkiNoteType]
"""All note types in Anki, by id."""
MappedTypes = Mapping[NoteType, UserNoteType]
"""The note types that the settings choose for new notes instead of ours."""


# --- where our fields are in a note -----------------------------------------------------
# A note has one of our note types; or one of the user's or Anki's Image Occlusion, where a
# `UserNoteType` maps our fields to the fields of that type; or it was adopted from another
# tool. All other fields of the note belong to the user.
#
# The merge base is the note's content in the package that Anki imported, stored as a hash of each
# of our fields. A note of our types stores the hashes itself, in its field AnkiforgeId. For other
# types, they are in the journal's `shipped` events (docs/reference/keys.md). The first of these
# events fixes the note type.
#
# A package contains the user's note type exactly as it is in Anki. Otherwise an import would change
# or duplicate the note type, or reject the note.


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
    def is_our_type(self) -> bool:
        """Whether the note has one of our own note types, with an AnkiforgeId field."""
        return IDENTITY_FIELD in self.positions

    @property
    def their_fields(self) -> Texts:
        """The HTML that each of our fields has in Anki, keyed by our field names."""
        return {name: self.fields[index] for name, index in self.positions.items()}

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
    mapped_type = find_user_note_type(card, anki_note, mapped_types)
    if adopted:
        layout = _find_adopted_layout(card, adopted, anki_note, note_types)
    elif mapped_type:
        configured = mapped_types.get(card.note_type)
        layout = _find_mapped_layout(card, mapped_type, configured, note_types)
    else:
        layout = _find_our_layout(card, note_types)
    layout = replace(layout, anki_note=anki_note)
    note_type = layout.note_type
    if anki_note is None or note_type is None:
        return layout

    has_type = anki_note.type_id == note_type.id
    has_fields = len(anki_note.fields) == len(note_type.fields)
    lacks_identity = layout.is_our_type and anki_note.identity is None
    if not has_type or not has_fields or lacks_identity:
        return FieldLayout(layout.guid, anki_note, NOTE_TYPE_CHANGED)
    return _set_merge_base(replace(layout, fields=anki_note.fields), card, anki_note)


def _find_adopted_layout(
    card: LocalCard,
    adopted: AdoptedNote,
    anki_note: AnkiNote | None,
    note_types: NoteTypesById,
) -> FieldLayout:
    """Locate our fields in a note of another tool, which may have to be created again."""
    guid = Guid(adopted.guid)
    if anki_note is None and not adopted.is_wanted_back:
        return FieldLayout(guid)
    note_type = note_types.get(adopted.type)
    if note_type is None:
        return FieldLayout(guid, hold_reason=NOTE_TYPE_CHANGED)
    adopted_type = UserNoteType(adopted.type, note_type.name, adopted.field_names)
    positions = find_field_positions(note_type, adopted_type, None)
    for name in card.note_type.required_fields:
        if name not in positions:
            their_name = adopted.field_names.get(name, name)
            return FieldLayout(guid, hold_reason=_explain_field(note_type, their_name))
    fields = tuple(adopted.html.get(name, "") for name in note_type.field_names)
    return FieldLayout(guid, note_type=note_type, fields=fields, positions=positions)


def _find_mapped_layout(
    card: LocalCard,
    mapped_type: UserNoteType,
    configured_type: UserNoteType | None,
    note_types: NoteTypesById,
) -> FieldLayout:
    """Locate our fields in a note type of the user's, for a new note.

    Args:
        card: The card.
        mapped_type: The note type as it was when the note was first exported.
        configured_type: The note type in the settings, if any.
        note_types: All note types in Anki, by id.
    """
    note_type = note_types.get(mapped_type.id)
    if note_type is None:
        reason = f"Anki has no note type {mapped_type.name} any more"
        return FieldLayout(card.guid, hold_reason=reason)
    positions = find_field_positions(note_type, mapped_type, configured_type)
    for name in card.note_type.required_fields:
        if name not in positions:
            their_name = mapped_type.fields.get(name, name)
            reason = _explain_field(note_type, their_name)
            return FieldLayout(card.guid, hold_reason=reason)
    return FieldLayout(
        card.guid,
        note_type=note_type,
        fields=("",) * len(note_type.fields),
        positions=positions,
        mapped_type=mapped_type,
    )


def _find_our_layout(card: LocalCard, note_types: NoteTypesById) -> FieldLayout:
    """Locate our fields in the version of our own note type to export, for a new note."""
    note_type = choose_exported_type(card.note_type, note_types)
    if note_type is None:
        return FieldLayout(card.guid, hold_reason=NOTE_TYPE_CHANGED)
    positions = dict(find_our_field_positions(note_type, card.note_type))
    for name in (IDENTITY_FIELD, *card.note_type.required_fields):
        if name not in positions:
            return FieldLayout(card.guid, hold_reason=_explain_field(note_type, name))
    for name in USER_FIELDS:
        positions.pop(name, None)
    fields = ("",) * len(note_type.fields)
    return FieldLayout(card.guid, note_type=note_type, fields=fields, positions=positions)


def _explain_field(note_type: AnkiNoteType, field_name: str) -> str:
    return f"{note_type.name} has no field {field_name} any more"


def _set_merge_base(
    layout: FieldLayout, card: LocalCard, anki_note: AnkiNote
) -> FieldLayout:
    """Add the merge base to the layout of a note that is in Anki.

    A comparison of the note with its base shows what the user edited in Anki. A note of our own
    types contains the hashes of its base. For any other note, the base is the version that Anki
    imported last, or the note as it was when it was adopted.
    """
    if layout.is_our_type:
        return _set_merge_base_from_identity(layout, card, anki_note)
    bases = []
    if card.note.adopted:
        bases.append(_get_adopted_version(card.note.adopted))
    bases += [exported for exported in card.note.exports if exported.field_hashes]
    theirs = layout.their_fields
    base = find_imported_version(bases, anki_note, theirs)
    if base is None:
        return layout
    layout = replace(layout, base=base)
    if base.mod == anki_note.imported_mod:  # recorded already
        return layout
    their_hashes = {name: hash_html(html) for name, html in theirs.items()}
    if base.mod == anki_note.mod or base.field_hashes == their_hashes:
        return replace(layout, newly_imported_mod=base.mod)
    return layout


def _get_adopted_version(adopted: AdoptedNote) -> ExportedNote:
    """Return the content of a note at the time of its adoption, as a merge base."""
    hashes = {
        name: hash_html(adopted.get_original_html(name)) for name in adopted.field_names
    }
    return ExportedNote(ADOPTED_MOD, field_hashes=hashes)


def _set_merge_base_from_identity(
    layout: FieldLayout, card: LocalCard, anki_note: AnkiNote
) -> FieldLayout:
    """Take the merge base of each content field from the hashes in the AnkiforgeId field.

    Generated fields need no base, because they are always overwritten. If a hash doesn't match
    any package in the journal, the hash from the last package is used instead, and the unknown
    hash is stored in `unknown_bases`. For a card that was recreated from Anki, all hashes are
    used as they are.
    """
    base_hashes: dict[str, str] = {}
    unknown_bases: dict[str, str] = {}
    stored_hashes = anki_note.identity.fields if anki_note.identity else ()
    for name, stored_hash in zip(
        card.note_type.content_fields, stored_hashes, strict=False
    ):
        base_hashes[name] = stored_hash
        exported_hashes = _list_exported_hashes(card, name)
        if not exported_hashes or card.note.is_recreated_from_anki:
            continue
        if stored_hash not in exported_hashes:
            base_hashes[name] = exported_hashes[-1]
            unknown_bases[name] = stored_hash
    tags = find_last_exported_tags(card, anki_note)
    base = ExportedNote(0, tags, field_hashes=base_hashes)
    return replace(layout, base=base, unknown_bases=unknown_bases)


def _list_exported_hashes(card: LocalCard, field_name: str) -> list[str]:
    """List the hashes of a field in all packages that contained it, oldest first."""
    return [
        exported.field_hashes[field_name]
        for exported in card.note.exports
        if field_name in exported.field_hashes
    ]


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
    for switch_field, _ in card.kind.filled_switch_fields:
        if switch_field not in configured.fields:
            return None
    return configured


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
    by_name: dict[str, int] = {}
    by_id: dict[int, int] = {}
    for position, (name, id) in enumerate(note_type.fields):
        by_name[name] = position
        if id is not None:
            by_id[id] = position
    configured_names: Texts = {}
    if configured_type and configured_type.id == exported_type.id:
        configured_names = configured_type.fields
    positions = {}
    for our_name, exported_name in exported_type.fields.items():
        field_id = exported_type.field_ids.get(our_name)
        configured_name = configured_names.get(our_name)
        if field_id in by_id:
            positions[our_name] = by_id[field_id]
        elif exported_name in by_name:
            positions[our_name] = by_name[exported_name]
        elif configured_name in by_name:
            positions[our_name] = by_name[configured_name]
    return positions


# --- the merge base ---------------------------------------------------------------------


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


# --- what we write ----------------------------------------------------------------------


class NoteContent(Value):
    """The fields and tags that we would write to a note."""

    fields: Texts
    """The HTML of each of our fields in the layout, keyed by our field names."""
    tags: Strings
    media: Mapping[str, Media] = {}
    """The pictures that the fields may show, by their path in the card."""
    picture_problems: tuple[Problem, ...] = ()
    """A problem for each picture that can't be read now."""
    unreadable_fields: frozenset[str] = frozenset()
    """The fields that may be more complete in Anki than our version: fields with a picture whose
    name in Anki is unknown, and fields generated from a passage that this computer doesn't read."""

    @property
    def local_links_hash(self) -> str | None:
        """The hash of the local links, or None if there are none or they are unknown here."""
        html = self.fields.get(LOCAL_LINKS_FIELD)
        if not html or LOCAL_LINKS_FIELD in self.unreadable_fields:
            return None
        return hash_html(html)

    @property
    def shown_media(self) -> dict[str, Media]:
        """The readable images that the fields show, keyed by their path in the card."""
        html = "".join(self.fields.values())
        shown_media = {}
        for path, picture in self.media.items():
            if picture.path and picture.name in html:
                shown_media[path] = picture
        return shown_media


class CardFiles(Value):
    """A card's images and PDFs on this computer."""

    pictures: Mapping[str, Media | Problem] = {}
    """Each picture by its path in the card, or a problem that explains why it is missing."""
    pdf_urls: Strings = ()
    """The URLs that open the card's PDFs at the page of the passage."""


def build_note_content(
    card: LocalCard,
    tags: Strings,
    files: CardFiles,
    layout: FieldLayout,
    filter_context: ContextFilter,
) -> NoteContent:
    """Build the fields and tags that we would write to the note of a card.

    `layout` determines which fields the note has. `filter_context` removes everything that would
    reveal the answer from the line above the question.
    """
    media_by_path, missing = _choose_media(card, files, layout)
    # render the card's own fields
    content = render_content_fields(card.kind, card.fields, media_by_path)
    fields = dict(zip(card.note_type.content_fields, content, strict=True))
    unread = _find_fields_without_picture(card, media_by_path)
    if card.note.adopted:
        for name in card.note.adopted.field_names:
            html = card.note.adopted.find_original_html(name, card.get_field(name))
            if html is not None:
                fields[name] = html
                unread.discard(name)
        if not unread:
            missing.clear()

    # generate the other fields; they keep Anki's text if this computer doesn't read the passage
    if not card.was_read_on_this_device:
        unread.update(GENERATED_FIELDS)
    # until the user has decided about a changed passage, the card keeps the old one
    if card.old_passage_text is not None:
        old = replace(card.highlight, exact=card.old_passage_text, sentence="")
        card = replace(card, passages=(old, *card.passages[1:]))
    fields["Source"] = render_source(card)
    fields["Links"], fields["Open"] = render_links(files.pdf_urls, *card.passages)
    if IDENTITY_FIELD in layout.positions:
        hashes = tuple(hash_html(html) for html in content)
        fields["Citation"] = render_citation(card, filter_context)
        fields[IDENTITY_FIELD] = text_to_html(format_identity(card, hashes, tags))
    else:
        citation = "<br>".join(map(text_to_html, format_references(card)))
        fields["Citation"] = citation
        fields["Header"] = text_to_html(format_context(card, filter_context))
        citation_and_links = "<br>".join(filter(None, (citation, fields["Links"])))
        folded_source = render_collapsible_source(citation_and_links)
        fields["Back Extra"] = (
            render_mask_labels(occlusion.get_masks(card.fields)) + folded_source
        )
    return NoteContent(
        fields={name: fields.get(name, "") for name in layout.positions},
        tags=tags,
        media=media_by_path,
        picture_problems=tuple(missing),
        unreadable_fields=frozenset(unread),
    )


def _choose_media(
    card: LocalCard, files: CardFiles, layout: FieldLayout
) -> tuple[dict[str, Media], list[Problem]]:
    """Return the pictures of a note by path, and a problem for each picture that can't be read.

    An unreadable picture is included as well if its name in Anki is known, because Anki still has
    the file.
    """
    media_by_path: dict[str, Media] = {}
    missing: list[Problem] = []
    for path, picture in files.pictures.items():
        if isinstance(picture, Media):
            media_by_path[path] = picture
            continue
        missing.append(picture)
        if layout.anki_note is None:
            continue
        name = card.note.find_picture_name(path)
        if name:
            media_by_path[path] = Media(name, "")
        elif is_generated_media_name(path):
            # in text that the user edited in Anki, the path is the picture's name in Anki
            media_by_path[path] = Media(path, "")
    return media_by_path, missing


def _find_fields_without_picture(card: LocalCard, media: Mapping[str, Media]) -> set[str]:
    incomplete_fields = set()
    for name, text in card.fields:
        for path in find_image_paths(text):
            # pictures on the web are never read, so they don't count as missing
            if path not in media and "://" not in path:
                incomplete_fields.add(name)
    return incomplete_fields


# --- the plan for a card ----------------------------------------------------------------


class ExportOptions(Value):
    """Options for exporting cards, along with the note types in Anki."""

    is_push: bool = False
    """Whether notes are sent to a running Anki instead of a file."""
    export_unchanged: bool = False
    """Whether to also export notes that Anki already has."""
    note_types: Mapping[NoteTypeId, AnkiNoteType] = {}
    """All note types in Anki, by id."""
    mapped_types: Mapping[NoteType, UserNoteType] = {}
    """The note types that the settings choose for new notes instead of ours."""


class CardPlan(Value):
    """The note to export for a card, or the reason why nothing can be exported."""

    guid: Guid
    is_live: bool
    note: Note | None = None
    exported: ExportedNote | None = None
    hold_reason: str | None = None
    """The reason why the card can't be exported at the moment, or None."""
    conflicts: tuple[Conflict, ...] = ()
    problems: tuple[Problem, ...] = ()
    is_update: bool = False
    """Whether the note updates a note that is in Anki."""
    replaces_unseen_note: bool = False
    """Whether the note was exported before with other content, but was never seen in Anki."""
    newly_imported_mod: int = 0
    """The `mod` of the package that Anki imported, or 0 if uncertain or already recorded."""
    keeps_unknown_text: bool = False
    """Whether the note keeps text from Anki that matches no package in the journal."""
    local_links_hashes: Strings = ()
    """The next value of `LocalCard.local_links_hashes`, or () to leave it as it is."""

    @property
    def has_unexportable_parts(self) -> bool:
        """Whether the card, or a part of it, can't be exported at the moment."""
        return bool(self.hold_reason or self.conflicts or self.problems)

    @property
    def is_up_to_date(self) -> bool:
        """Whether Anki already has everything, i.e. nothing is written or held back."""
        return not (self.note or self.has_unexportable_parts)


# --- merging a field --------------------------------------------------------------------
#
#     field                       ours               theirs     merged
#     any                         can't be read      any        KEEP: theirs
#     generated, our note types   any                any        OURS
#     any                         any                unedited   OURS
#     generated, others           any                edited     THEIRS
#     content                     unchanged, or ""   edited     THEIRS
#     content                     changed            edited     ASK the user; the note is held
#     the user's                  -                  any        theirs
#
# The first two rows are in `_merge_note_field`, the others in `merge_field`. The fields of the
# user's never get there.


class FieldAction(Enum):
    """Which text a field gets."""

    OURS = "ours"
    THEIRS = "theirs"
    """The user's text, because only the user has changed it since the merge base."""
    KEEP = "keep"
    """The text in Anki, because we can't tell whether our text is complete."""
    ASK = "ask"
    """The text that the user chooses, because both sides have changed it."""


class ConflictChoice(StrEnum):
    """The text that the user chose in a conflict over a field, as stored in the journal."""

    MINE = "mine"
    """The user's own text."""
    SOURCE = "source"


class ConflictResolution(NamedTuple):
    """How the user resolved the last conflict over a field."""

    choice: ConflictChoice
    their_hash: str
    """The hash of the user's text in that conflict."""
    our_hash: str
    """The hash of the source's text in that conflict."""

    def rejects_ours(self, html: str) -> bool:
        """Return whether the user preferred their own text to this text of ours."""
        return self.choice is ConflictChoice.MINE and self.our_hash == hash16(html)

    def gives_up_theirs(self, html: str) -> bool:
        """Return whether the user gave up this text of theirs for the text of the source."""
        return self.choice is ConflictChoice.SOURCE and self.their_hash == hash16(html)


class MergedField(NamedTuple):
    """The result of merging a single field."""

    action: FieldAction
    html: str
    base_hash: str
    """The hash of the merge base for the next merge, or "" if unknown."""


def merge_field(
    name: str,
    theirs: str,
    ours: str,
    base: str,
    resolution: ConflictResolution | None,
) -> MergedField:
    """Merge the text of a field in Anki with the text that we would write there.

    Args:
        name: Our name for the field.
        theirs: The HTML in Anki.
        ours: The HTML that we would write.
        base: The hash of the HTML in the last imported package, or "" if unknown.
        resolution: How the user resolved the last conflict about the field, if there was one.
    """
    our_hash = hash_html(ours)
    # the user's text is the same as before, the same as ours, or given up
    if hash_html(theirs) in (base, our_hash):
        return MergedField(FieldAction.OURS, ours, our_hash)
    if resolution and resolution.gives_up_theirs(theirs):
        return MergedField(FieldAction.OURS, ours, our_hash)
    if name in GENERATED_FIELDS:
        return MergedField(FieldAction.THEIRS, theirs, base)

    # Store the hash of our text, so that the same text doesn't cause another conflict later. Our
    # text doesn't count as changed if it is empty or if the user has rejected it before.
    if our_hash == base or not ours:
        return MergedField(FieldAction.THEIRS, theirs, our_hash)
    if resolution and resolution.rejects_ours(ours):
        return MergedField(FieldAction.THEIRS, theirs, our_hash)
    return MergedField(FieldAction.ASK, theirs, our_hash)


def _merge_note_field(
    card: LocalCard, layout: FieldLayout, ours: NoteContent, name: str
) -> MergedField:
    """Merge a field other than AnkiforgeId of a note that is in Anki."""
    our_html = ours.fields[name]
    their_html = layout.their_fields[name]
    base_hash = layout.base.field_hashes.get(name, "")
    if name in ours.unreadable_fields:
        loses_media = _count_media(their_html) > _count_media(our_html)
        if loses_media or name in GENERATED_FIELDS:
            return MergedField(FieldAction.KEEP, their_html, base_hash)
    if layout.is_our_type and name in GENERATED_FIELDS:
        return MergedField(FieldAction.OURS, our_html, base_hash)
    resolution = None
    if name in card.edits.resolved:
        choice, their_hash, our_hash = card.edits.resolved[name]
        resolution = ConflictResolution(ConflictChoice(choice), their_hash, our_hash)
    return merge_field(name, their_html, our_html, base_hash, resolution)


def _count_media(html: str) -> int:
    return html.count("<img") + html.count("[sound:")


# --- merging a note ---------------------------------------------------------------------
#
#     card      note in Anki                                    result
#     retired   missing, or tagged as retired                   nothing
#     any       note type changed, or one of our fields gone    held
#     retired   present                                         theirs, plus the tag RETIRED
#     live      missing                                         a new note, if the layout has a type
#     live      present                                         merged fields; nothing if all equal
#
# Tags: theirs, plus those that we added since the base, minus those that we removed; a live card's
# note isn't tagged as retired. Deck: ours for a new note only.


class MergedNote(NamedTuple):
    """The result of merging a note."""

    content: NoteContent
    """Our fields after the merge, our tags, and the pictures that the fields may show."""
    tags: Strings
    """All tags of the note after the merge, including the user's."""
    base_hashes: Texts
    """The hash of each field's merge base for the next merge, keyed by our field names."""


def plan_card(
    card: LocalCard, layout: FieldLayout, ours: NoteContent, options: ExportOptions
) -> CardPlan:
    """Decide what to do about a card: export a note, export nothing, or ask the user.

    The card may be live or retired. `ours` contains what we would write to its note.
    """
    empty_plan = CardPlan(card.guid, card.is_live)
    anki_note = layout.anki_note
    if not card.is_live and (anki_note is None or anki_note.is_retired):
        return empty_plan
    if layout.hold_reason is not None:
        return replace(empty_plan, hold_reason=layout.hold_reason)
    if layout.note_type is None:  # no note to write
        return empty_plan
    if not card.is_live:
        return _plan_retired_note(card, layout, options)
    if _has_mixed_versions(card, ours):
        return replace(empty_plan, hold_reason=EDITED_TWICE)

    # never export a figure or a new note without its pictures, because the pictures may be on
    # another computer, and the note may already be in an Anki that wasn't read
    if not ours.unreadable_fields.isdisjoint(card.note_type.content_fields):
        figure_kinds = (HighlightKind.IMAGE, HighlightKind.INK)
        if anki_note is None or card.highlight.kind in figure_kinds:
            return replace(empty_plan, problems=ours.picture_problems)

    if anki_note is None:
        hashes = {name: hash_html(html) for name, html in ours.fields.items()}
        planned = _plan_note(card, layout, MergedNote(ours, ours.tags, hashes), options)
        return replace(planned, problems=(*ours.picture_problems, *planned.problems))
    planned = _merge_note(card, anki_note, layout, ours, options)
    if card.was_read_on_this_device:  # else, missing pictures are no problem
        problems = (*ours.picture_problems, *planned.problems)
        planned = replace(planned, problems=problems)
    # during a conflict, record no import, so that `find_imported_version` still considers
    # older packages
    if planned.conflicts:
        return planned
    return replace(planned, newly_imported_mod=layout.newly_imported_mod)


def _plan_retired_note(
    card: LocalCard, layout: FieldLayout, options: ExportOptions
) -> CardPlan:
    """Plan to tag a note in Anki as retired. Its fields stay as they are."""
    assert layout.anki_note is not None
    base = layout.base
    content = NoteContent(layout.their_fields, (*base.tags, RETIRED_TAG))
    tags = (*layout.anki_note.tags, RETIRED_TAG)
    return _plan_note(card, layout, MergedNote(content, tags, base.field_hashes), options)


def _has_mixed_versions(card: LocalCard, ours: NoteContent) -> bool:
    """Return whether a note would combine new text from the source with a field in conflict.

    For example, it might have the source's new question, but the user's answer to the old one.
    """
    offered = card.edits.source_texts_offered
    if not offered:
        return False
    exported_hashes: Texts = {}
    if card.note.exports:
        exported_hashes = card.note.exports[-1].field_hashes
    for name in card.note_type.content_fields:
        if name not in ours.fields or name in offered:
            continue
        if hash_html(ours.fields[name]) != exported_hashes.get(name):
            return True
    return False


def _merge_note(
    card: LocalCard,
    anki_note: AnkiNote,
    layout: FieldLayout,
    ours: NoteContent,
    options: ExportOptions,
) -> CardPlan:
    """Merge our content into a note that is in Anki, and plan to write it if that changes it."""
    empty_plan = CardPlan(card.guid, card.is_live)
    theirs = layout.their_fields
    base = layout.base

    # merge each field, and hold the note until the user has decided about every conflict
    conflicts = []
    fields: dict[str, str] = {}
    base_hashes: dict[str, str] = {}
    keeps_unknown_text = False
    for name, our_html in ours.fields.items():
        if name == IDENTITY_FIELD:
            continue
        merged_field = _merge_note_field(card, layout, ours, name)
        fields[name] = merged_field.html
        base_hashes[name] = merged_field.base_hash
        if merged_field.action is FieldAction.ASK:
            conflicts.append(_make_conflict(card, name, theirs[name], our_html))
        if merged_field.action is FieldAction.THEIRS and name in layout.unknown_bases:
            base_hashes[name] = layout.unknown_bases[name]
            keeps_unknown_text = True
    if conflicts:
        return replace(empty_plan, conflicts=tuple(conflicts))

    if layout.is_our_type:
        content_hashes = []
        for name in card.note_type.content_fields:
            known_hash = base.field_hashes.get(name, "")  # of a field that Anki lacks now
            content_hashes.append(base_hashes.get(name, known_hash))
        identity = format_identity(card, tuple(content_hashes), ours.tags)
        fields[IDENTITY_FIELD] = text_to_html(identity)
    merged = MergedNote(
        replace(ours, fields=fields),
        merge_tags(base.tags, anki_note.tags, ours.tags),
        base_hashes,
    )

    # don't write an unchanged note
    if not (
        options.export_unchanged
        or _has_unknown_base_of_ours(layout, ours)
        or _is_note_changed(card, anki_note, layout, merged)
    ):
        links_hash = merged.content.local_links_hash
        links_hashes: Strings = ()
        if links_hash and links_hash == _hash_their_links(layout):
            links_hashes = (links_hash,)
        return replace(
            empty_plan,
            keeps_unknown_text=keeps_unknown_text,
            local_links_hashes=links_hashes,
        )
    planned = _plan_note(card, layout, merged, options)
    return replace(planned, keeps_unknown_text=keeps_unknown_text)


def _make_conflict(
    card: LocalCard, name: str, their_html: str, our_html: str
) -> Conflict:
    return Conflict(
        card.guid,
        name,
        user_text=field_to_card_text(card, name, their_html),
        source=field_to_card_text(card, name, our_html),
        user_version_hash=hash16(their_html),
        source_version_hash=hash16(our_html),
    )


def _has_unknown_base_of_ours(layout: FieldLayout, ours: NoteContent) -> bool:
    """Return whether a merge base that the journal lacks is that of our current text.

    If so, the note is exported again, so that the journal records this text.
    """
    for name, unknown_hash in layout.unknown_bases.items():
        if unknown_hash == hash_html(ours.fields[name]):
            return True
    return False


def _is_note_changed(
    card: LocalCard, anki_note: AnkiNote, layout: FieldLayout, merged: MergedNote
) -> bool:
    """Return whether a merged note differs from the note in Anki, so that it must be written.

    Two differences don't count: links that another computer has written; and, for a passage that
    isn't read on this computer, a new merge base in AnkiforgeId.
    """
    their_tags = {tag.casefold() for tag in anki_note.tags}
    if {tag.casefold() for tag in merged.tags} != their_tags:
        return True
    ignored_fields = set()
    their_links_hash = _hash_their_links(layout)
    if their_links_hash and their_links_hash not in card.local_links_hashes:
        ignored_fields.add(LOCAL_LINKS_FIELD)
    if "Source" in merged.content.unreadable_fields:
        ignored_fields.add(IDENTITY_FIELD)
    for name, html in merged.content.fields.items():
        if name not in ignored_fields and not is_same_html(
            html, layout.their_fields[name]
        ):
            return True
    return False


def _hash_their_links(layout: FieldLayout) -> str | None:
    """Return the hash of the local links in Anki, or None if the note has none."""
    return NoteContent(layout.their_fields, ()).local_links_hash


def merge_tags(base: Strings, theirs: Strings, ours: Strings) -> Strings:
    """Apply our changes to the tags since `base` to the tags that the note has in Anki.

    As in Anki, tags are compared without regard to case. A tag that is in Anki keeps its spelling
    there. `RETIRED_TAG` is removed.
    """
    our_tags = {tag.casefold(): tag for tag in ours}
    base_tags = {tag.casefold() for tag in base}
    removed_tags = base_tags - our_tags.keys()
    merged = {tag: our_tags[tag] for tag in our_tags.keys() - base_tags}
    for tag in theirs:
        if tag.casefold() not in removed_tags:
            merged[tag.casefold()] = tag
    merged.pop(RETIRED_TAG, None)
    return tuple(sorted(merged.values()))


def field_to_card_text(card: LocalCard, field_name: str, html: str) -> str:
    """Convert the HTML of a field in Anki to the text of a card: Markdown, or masks of a figure."""
    if field_name != occlusion.OCCLUSION_FIELD:
        return field_to_markdown(html)
    card_masks = occlusion.get_masks(card.fields)
    return occlusion.format_masks(
        occlusion.copy_labels(occlusion.masks_from_anki(html), card_masks)
    )


# --- the note to write ------------------------------------------------------------------


def _plan_note(
    card: LocalCard, layout: FieldLayout, merged: MergedNote, options: ExportOptions
) -> CardPlan:
    """Plan to write a note, unless an import or push would break it."""
    empty_plan = CardPlan(card.guid, card.is_live)
    anki_note = layout.anki_note
    assert layout.note_type is not None
    hold_reason = _find_hold_reason(card, anki_note, layout.note_type, options)
    if hold_reason is not None:
        return replace(empty_plan, hold_reason=hold_reason)

    # the digest doesn't cover the links, but Anki only imports them with a larger `mod`
    digest = _compute_digest(card, layout, merged.content)
    links_hashes = _extend_local_links(card, anki_note, merged.content)
    has_moved_links = (
        bool(links_hashes and card.local_links_hashes)
        and links_hashes[-1] != card.local_links_hashes[-1]
    )
    mod = _choose_mod(card, anki_note, None if has_moved_links else digest, options)
    note = _build_note(card, layout, layout.note_type, merged, mod)
    note_problem = find_note_problem(note)
    if note_problem and anki_note:
        return replace(empty_plan, hold_reason="it would have no card left")
    if anki_note is None and is_blank(note.fields[0]):
        first_field = f"{note.type.field_names[0]}, the first field of {note.type.name}"
        message = f"note {note.guid}: {first_field}, is empty"
        note_problem = Problem(f"deck {note.deck}", message, "edit or reject the card")
    if note_problem:
        return replace(empty_plan, problems=(note_problem,))

    exported = ExportedNote(
        mod=mod,
        tags=merged.content.tags,
        note_hash=digest,
        gap_text_by_number=_find_text_by_number(card),
        field_hashes=_select_base_hashes(card, layout, merged),
        mapped=layout.mapped_type,
        picture_names={
            path: picture.name for path, picture in merged.content.shown_media.items()
        },
    )
    planned = replace(
        empty_plan, note=note, exported=exported, local_links_hashes=links_hashes
    )
    if anki_note is None:
        is_other_note = card.note.mod not in (0, mod)
        return replace(planned, replaces_unseen_note=is_other_note)
    return replace(planned, is_update=mod != anki_note.mod)


def _build_note(
    card: LocalCard,
    layout: FieldLayout,
    note_type: AnkiNoteType,
    merged: MergedNote,
    mod: int,
) -> Note:
    """Build the note to write. Only a new note gets a deck and a schedule from us."""
    anki_note = layout.anki_note
    fields = layout.fill_fields(merged.content.fields)
    ordinals = select_card_ordinals(note_type, fields, anki_note)
    note = Note(
        guid=layout.guid,
        type=note_type,
        deck=anki_note.deck if anki_note else normalize_deck_name(card.deck),
        fields=fields,
        tags=merged.tags,
        mod=mod,
        ordinals=ordinals,
        media=tuple(merged.content.shown_media.values()),
    )
    if anki_note is None:
        return replace(note, states=_build_schedules(card, ordinals))
    return note


def _extend_local_links(
    card: LocalCard, anki_note: AnkiNote | None, content: NoteContent
) -> Strings:
    """Add the hash of the links that we would write now to `LocalCard.local_links_hashes`.

    The result is () if we would write no links, and only the new hash if there is no note in Anki.
    """
    links_hash = content.local_links_hash
    if links_hash is None or not card.is_live:
        return ()
    if links_hash in card.local_links_hashes[-1:]:
        return card.local_links_hashes
    if anki_note is None:
        return (links_hash,)
    return (*card.local_links_hashes, links_hash)


def _select_base_hashes(
    card: LocalCard, layout: FieldLayout, merged: MergedNote
) -> dict[str, str]:
    """Return the hashes of the fields that have a merge base.

    Generated fields of our own note types have none, because they are always overwritten.
    """
    if not layout.is_our_type:
        return dict(merged.base_hashes)
    hashes = {}
    for name, base_hash in merged.base_hashes.items():
        if name in card.note_type.content_fields:
            hashes[name] = base_hash
    return hashes


def _compute_digest(card: LocalCard, layout: FieldLayout, ours: NoteContent) -> str:
    if card.keeps_last_exported_text and card.is_live:
        return card.note.note_hash
    names = [name for name in layout.positions if name != LOCAL_LINKS_FIELD]
    return hash16(*(ours.fields[name] for name in names), "\x1e", *ours.tags)


def _build_schedules(card: LocalCard, ordinals: Numbers) -> dict[int, CardRow]:
    rows: dict[int, CardRow] = {}
    for ordinal, schedule in zip(ordinals, card.note.schedule, strict=False):
        if schedule.due and not card.note.adopted:
            rows[ordinal] = _build_card_row(schedule)
    return rows


def _build_card_row(schedule: CardSchedule) -> CardRow:
    """Build the scheduling columns that Anki's table of cards has for a studied card.

    The columns for FSRS were checked against a card that was answered in Anki with its default
    ease.
    """
    ease = 10 * schedule.ease
    if not schedule.stability:
        day = (date.fromisoformat(schedule.due) - DAY_ZERO.date()).days
        return CardRow(2, 2, day, schedule.interval, ease, 1)
    due = datetime.fromisoformat(schedule.due)
    memory = {
        "s": round(schedule.stability, 4),
        "d": round(schedule.difficulty, 3),
        "lrt": int(datetime.fromisoformat(schedule.last_review).timestamp()),
    }
    data = json.dumps(memory, separators=(",", ":"))
    counts = schedule.reviews, schedule.lapses
    if schedule.state == 2:
        # days begin at 4 a.m., like `DAY_ZERO`
        day_of_review = (due.astimezone() - timedelta(hours=DAY_ZERO.hour)).date()
        day = (day_of_review - DAY_ZERO.date()).days
        return CardRow(2, 2, day, schedule.interval, ease, *counts, 0, data)
    # a card in (re)learning is due at a time, and has one step left
    is_relearning = schedule.state == 3
    interval, ease = (schedule.interval, ease) if is_relearning else (0, 0)
    due_time = int(due.timestamp())
    return CardRow(schedule.state, 1, due_time, interval, ease, *counts, 1, data)


def _find_hold_reason(
    card: LocalCard,
    anki_note: AnkiNote | None,
    note_type: AnkiNoteType,
    options: ExportOptions,
) -> str | None:
    if options.is_push:
        # If an import finds a note type with different fields, Anki makes a second copy of the
        # type. AnkiConnect would merge the two: delete the copy, and convert its notes to this
        # type.
        for other_type in options.note_types.values():
            if other_type.original_id == note_type.id and other_type.id != note_type.id:
                merged_types = f"{other_type.name} into {note_type.name}"
                return f"a push would merge {merged_types}: import the file instead"
        return None
    # importing a file would remove the tags `marked` and `leech`; only a repaired note doesn't need
    # them any more
    if anki_note and anki_note.scheduler_tags and not card.note.repaired:
        scheduler_tags = " and ".join(anki_note.scheduler_tags)
        return f"its note is tagged {scheduler_tags}: use ankiforge push"
    return None


def _choose_mod(
    card: LocalCard,
    anki_note: AnkiNote | None,
    digest: str | None,
    options: ExportOptions,
) -> int:
    """Choose the modification time (`mod`) of a note to export.

    The `mod` of the last export is reused if the note hasn't changed since, and Anki either hasn't
    imported it yet or is to get unchanged notes as well. Otherwise, the `mod` is increased,
    because Anki only imports a note whose `mod` is larger than before.

    `digest` is the hash of the note, or None if its links have changed.
    """
    last_mod = card.note.mod
    is_unchanged = last_mod != 0 and card.note.note_hash == digest
    if anki_note is None:
        return last_mod if is_unchanged else compute_next_mod(card.guid, last_mod, 0)
    if is_unchanged and anki_note.mod < last_mod:
        return last_mod
    if is_unchanged and anki_note.mod == last_mod and options.export_unchanged:
        return last_mod
    return compute_next_mod(card.guid, last_mod, anki_note.mod)


def _find_text_by_number(card: LocalCard) -> Texts:
    if not card.is_live:
        return {}
    if card.kind is CardKind.OCCLUSION:
        masks = occlusion.get_masks(card.fields)
        return occlusion.get_labels_by_number(masks)
    text_by_number = {}
    for gap in find_clozes(card.get_field("Text")):
        for number in gap.numbers:
            text_by_number[str(number)] = to_plain_text(gap.answer)
    return text_by_number
