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
from enum import Enum
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
    AnkiNote,
    AnkiNoteType,
    CardKind,
    CardRow,
    Conflict,
    ConflictResolution,
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
# types, they are in the journal's `shipped` events (tests/keys/keys.md). The first of these
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
    guid = card.guid if adopted is None else Guid(adopted.guid)
    layout = FieldLayout(guid, anki_note)
    if adopted is not None and anki_note is None and not adopted.is_wanted_back:
        return layout
    located = _locate_fields(card, anki_note, note_types, mapped_types)
    if isinstance(located, str):
        return replace(layout, hold_reason=located)
    layout = replace(
        layout,
        note_type=located.note_type,
        positions=located.positions,
        mapped_type=located.mapped_type,
    )
    if anki_note is None:
        html_by_name = {} if adopted is None else adopted.html
        field_names = located.note_type.field_names
        return replace(
            layout, fields=tuple(html_by_name.get(name, "") for name in field_names)
        )
    if not _has_type(anki_note, located.note_type, located.positions):
        return FieldLayout(guid, anki_note, NOTE_TYPE_CHANGED)
    return _set_merge_base(replace(layout, fields=anki_note.fields), card, anki_note)


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
) -> _LocatedFields | str:
    """Find the note type of a note and our fields in it, or the reason to hold the note back."""
    adopted = card.note.adopted
    if adopted is not None:
        note_type = note_types.get(adopted.type)
        if note_type is None:
            return NOTE_TYPE_CHANGED
        first_type = UserNoteType(adopted.type, "", adopted.field_names)
        positions = find_field_positions(note_type, first_type, None)
        fault = _find_missing_field(card, first_type, note_type, positions)
        return fault or _LocatedFields(note_type, positions)

    mapped_type = find_user_note_type(card, anki_note, mapped_types)
    if mapped_type is not None:
        note_type = note_types.get(mapped_type.id)
        if note_type is None:
            return f"Anki has no note type {mapped_type.name} any more"
        configured = mapped_types.get(card.note_type)
        positions = find_field_positions(note_type, mapped_type, configured)
        fault = _find_missing_field(card, mapped_type, note_type, positions)
        return fault or _LocatedFields(note_type, positions, mapped_type)

    note_type = choose_exported_type(card.note_type, note_types)
    if note_type is None:
        return NOTE_TYPE_CHANGED
    our_type = convert_our_note_type(card.note_type)
    positions = find_our_field_positions(note_type, card.note_type)
    if IDENTITY_FIELD not in positions:
        return _explain_missing_field(note_type, IDENTITY_FIELD)
    fault = _find_missing_field(card, our_type, note_type, positions)
    ours = {name: index for name, index in positions.items() if name not in USER_FIELDS}
    return fault or _LocatedFields(note_type, ours)


def _find_missing_field(
    card: LocalCard,
    first_type: UserNoteType,
    note_type: AnkiNoteType,
    positions: Mapping[str, int],
) -> str | None:
    """Return the reason to hold a note back if a field that it must have is gone, or None."""
    for name in card.note_type.required_fields:
        if name not in positions:
            return _explain_missing_field(note_type, first_type.fields.get(name, name))
    return None


def _explain_missing_field(note_type: AnkiNoteType, field_name: str) -> str:
    return f"{note_type.name} has no field {field_name} any more"


def _has_type(
    anki_note: AnkiNote, note_type: AnkiNoteType, positions: Mapping[str, int]
) -> bool:
    """Return whether a note in Anki still has the type that we gave it."""
    if anki_note.type_id != note_type.id:
        return False
    if len(anki_note.fields) != len(note_type.fields):
        return False
    return IDENTITY_FIELD not in positions or anki_note.identity is not None


def _set_merge_base(
    layout: FieldLayout, card: LocalCard, anki_note: AnkiNote
) -> FieldLayout:
    """Add the merge base to the layout of a note that is in Anki.

    A comparison of the note with its base shows what the user edited in Anki. A note of our own
    types contains the hashes of its base. For any other note, the base is the version that Anki
    imported last, or the note as it was when it was adopted.
    """
    if IDENTITY_FIELD in layout.positions:
        return _set_merge_base_from_identity(layout, card, anki_note)
    bases = [shipped for shipped in card.note.exports if shipped.field_hashes]
    if card.note.adopted:
        adopted_hashes = {
            name: hash_html(card.note.adopted.get_original_html(name))
            for name in card.note.adopted.field_names
        }
        bases.insert(0, ExportedNote(ADOPTED_MOD, field_hashes=adopted_hashes))
    theirs = layout.their_fields
    base = find_imported_version(bases, anki_note, theirs) or NO_BASE
    their_hashes = {name: hash_html(html) for name, html in theirs.items()}
    is_certain = their_hashes == base.field_hashes or base.mod == anki_note.mod
    if not is_certain or base.mod == anki_note.imported_mod:
        return replace(layout, base=base, newly_imported_mod=0)
    return replace(layout, base=base, newly_imported_mod=base.mod)


def _set_merge_base_from_identity(
    layout: FieldLayout, card: LocalCard, anki_note: AnkiNote
) -> FieldLayout:
    """Take the merge base of each content field from the hashes in the AnkiforgeId field.

    Generated fields need no base, because they are always overwritten. If a hash doesn't match
    any package in the journal, the hash from the last package is used instead, and the unknown
    hash is stored in `unknown_bases`. For a card that was recreated from Anki, all hashes are
    used as they are.
    """
    base_hashes = anki_note.identity.fields if anki_note.identity else ()
    hashes = dict(zip(card.note_type.content_fields, base_hashes, strict=False))
    unknown_bases = {}
    for name, base_hash in hashes.items():
        shipped_hashes = [
            package.field_hashes[name]
            for package in card.note.exports
            if name in package.field_hashes
        ]
        if (
            shipped_hashes
            and base_hash not in shipped_hashes
            and not card.note.is_recreated_from_anki
        ):
            unknown_bases[name] = base_hash
            hashes[name] = shipped_hashes[-1]
    base = ExportedNote(0, find_last_exported_tags(card, anki_note), field_hashes=hashes)
    return replace(layout, base=base, unknown_bases=unknown_bases)


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
    by_name = {name: position for position, name in enumerate(note_type.field_names)}
    by_id = {
        id: position
        for position, (_, id) in enumerate(note_type.fields)
        if id is not None
    }
    new_names: Texts = {}
    if configured_type and configured_type.id == exported_type.id:
        new_names = configured_type.fields
    positions = {}
    for our_name, name in exported_type.fields.items():
        found = (
            by_id.get(exported_type.field_ids.get(our_name, -1)),
            by_name.get(name),
            by_name.get(new_names.get(our_name, "")),
        )
        position = next((each for each in found if each is not None), None)
        if position is not None:
            positions[our_name] = position
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
        return {
            path: picture
            for path, picture in self.media.items()
            if picture.name in html and picture.path
        }


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
        # in text that the user edited in Anki, the path is the picture's name in Anki
        name = card.note.find_picture_name(path)
        if name is None and is_generated_media_name(path):
            name = path
        if layout.anki_note and name is not None:
            media_by_path[path] = Media(name, "")
    return media_by_path, missing


def _find_fields_without_picture(card: LocalCard, media: Mapping[str, Media]) -> set[str]:
    return {
        name
        for name, text in card.fields
        for path in find_image_paths(text)
        # pictures on the web are never read, so they don't count as missing
        if path not in media and "://" not in path
    }


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
        return self.hold_reason is not None or bool(self.conflicts or self.problems)

    @property
    def is_up_to_date(self) -> bool:
        """Whether Anki already has everything, i.e. nothing is written or held back."""
        return not (self.note or self.has_unexportable_parts)


# --- merging a field --------------------------------------------------------------------
#
#     field                       ours               theirs     merged
#     any                         any                unedited   ours
#     content                     unchanged, or ""   edited     theirs
#     content                     changed            edited     ask the user; the note is held
#     generated, our note types   any                any        ours
#     generated, others           any                edited     theirs
#     any                         can't be read      any        theirs
#     the user's                  -                  any        theirs
#
# `merge_field` doesn't handle generated fields of our note types; `_merge_note` overwrites them.


class FieldAction(Enum):
    """How to merge a field: write our text, keep the user's, or ask the user."""

    OURS = "ours"
    THEIRS = "theirs"
    ASK = "ask"


class MergedField(NamedTuple):
    """The result of merging a single field."""

    action: FieldAction
    html: str
    base_hash: str | None
    """The hash of the merge base for the next merge, or None if it is unknown."""
    has_unknown_base: bool = False
    """Whether the user's text stays, and its merge base matches no package in the journal."""


def merge_field(
    name: str,
    theirs: str,
    ours: str,
    base: str | None,
    resolution: ConflictResolution | None,
) -> MergedField:
    """Merge the text of a field in Anki with the text that we would write there.

    Args:
        name: Our name for the field.
        theirs: The HTML in Anki.
        ours: The HTML that we would write.
        base: The hash of the HTML in the last imported package, or None if unknown.
        resolution: How the user resolved the last conflict about the field, if there was one.
    """
    our_hash = hash_html(ours)
    if hash_html(theirs) in (base, our_hash):
        return MergedField(FieldAction.OURS, ours, our_hash)
    if resolution is not None and resolution.gives_up_their_text(theirs):
        return MergedField(FieldAction.OURS, ours, our_hash)
    # from here on, the user has edited the field
    if name in GENERATED_FIELDS:
        return MergedField(FieldAction.THEIRS, theirs, base)
    # store the hash of our text, so that the same text doesn't cause another conflict later
    keep_theirs = MergedField(FieldAction.THEIRS, theirs, our_hash)
    if our_hash == base or ours == "":
        return keep_theirs
    if resolution is not None and resolution.keeps_their_text_over(ours):
        return keep_theirs
    return MergedField(FieldAction.ASK, theirs, our_hash)


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
    base_hashes: Mapping[str, str | None]
    """The hash of each field's merge base for the next merge, keyed by our field names. None if
    it is unknown."""


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
    if card.is_live and _has_mixed_versions(card, ours):
        return replace(empty_plan, hold_reason=EDITED_TWICE)
    if anki_note and not card.is_live:  # keep the fields as they are
        base = layout.base
        their_content = NoteContent(layout.their_fields, (*base.tags, RETIRED_TAG))
        tags = (*anki_note.tags, RETIRED_TAG)
        return _plan_note(
            card, layout, MergedNote(their_content, tags, base.field_hashes), options
        )

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
    # don't report missing pictures if this computer doesn't read the passage
    missing = ours.picture_problems if card.was_read_on_this_device else ()
    problems = (*missing, *planned.problems)
    # during a conflict, record no import, so that `find_imported_version` still considers
    # older packages
    taken = 0 if planned.conflicts else layout.newly_imported_mod
    return replace(planned, problems=problems, newly_imported_mod=taken)


def _has_mixed_versions(card: LocalCard, ours: NoteContent) -> bool:
    """Return whether a note would combine new text from the source with a field in conflict.

    For example, it might have the source's new question, but the user's answer to the old one.
    """
    offered = card.edits.source_texts_offered
    if not offered:
        return False
    shipped = card.note.exports[-1].field_hashes if card.note.exports else {}
    return any(
        hash_html(ours.fields[name]) != shipped.get(name)
        for name in ours.fields.keys() & {*card.note_type.content_fields}
        if name not in offered
    )


def _merge_note(
    card: LocalCard,
    anki_note: AnkiNote,
    layout: FieldLayout,
    ours: NoteContent,
    options: ExportOptions,
) -> CardPlan:
    """Plan the note of a live card that is in Anki: held, unchanged, or with merged fields."""
    merged_fields = {
        name: _merge_field_of_note(card, layout, ours, name)
        for name in ours.fields
        if name != IDENTITY_FIELD
    }
    conflicts = _build_conflicts(card, layout, ours, merged_fields)
    if conflicts:  # hold the note until the user decides
        return CardPlan(card.guid, card.is_live, conflicts=conflicts)
    hashes = {name: field.base_hash for name, field in merged_fields.items()}
    fields = {name: field.html for name, field in merged_fields.items()}
    if IDENTITY_FIELD in layout.positions:
        content_hashes = [
            hashes.get(name, layout.base.field_hashes.get(name)) or ""
            for name in card.note_type.content_fields
        ]
        identity = format_identity(card, tuple(content_hashes), ours.tags)
        fields[IDENTITY_FIELD] = text_to_html(identity)
    merged = MergedNote(
        content=replace(ours, fields=fields),
        tags=merge_tags(layout.base.tags, anki_note.tags, ours.tags),
        base_hashes=hashes,
    )
    if (
        options.export_unchanged
        or _must_record_unknown_base(layout, ours)
        or not _is_unchanged(card, anki_note, layout, merged)
    ):
        planned = _plan_note(card, layout, merged, options)
    else:
        links_hash = NoteContent(layout.their_fields, ()).local_links_hash
        planned = CardPlan(card.guid, card.is_live)
        if links_hash is not None and links_hash == ours.local_links_hash:
            planned = replace(planned, local_links_hashes=(links_hash,))
    keeps_unknown_text = any(field.has_unknown_base for field in merged_fields.values())
    return replace(planned, keeps_unknown_text=keeps_unknown_text)


def _merge_field_of_note(
    card: LocalCard, layout: FieldLayout, ours: NoteContent, name: str
) -> MergedField:
    """Merge a field of a note in Anki, by the table above `FieldAction`."""
    our_html = ours.fields[name]
    their_html = layout.their_fields[name]
    base_hash = layout.base.field_hashes.get(name)
    is_generated = name in GENERATED_FIELDS
    if name in ours.unreadable_fields:
        loses_media = _count_media(their_html) > _count_media(our_html)
        if is_generated or loses_media:  # what we would write may be incomplete
            return MergedField(FieldAction.THEIRS, their_html, base_hash)
    if is_generated and IDENTITY_FIELD in layout.positions:
        return MergedField(FieldAction.OURS, our_html, None)
    resolution = card.edits.resolved.get(name)
    merged = merge_field(name, their_html, our_html, base_hash, resolution)
    if merged.action is FieldAction.THEIRS and name in layout.unknown_bases:
        unknown_hash = layout.unknown_bases[name]
        return merged._replace(base_hash=unknown_hash, has_unknown_base=True)
    return merged


def _build_conflicts(
    card: LocalCard,
    layout: FieldLayout,
    ours: NoteContent,
    merged_fields: Mapping[str, MergedField],
) -> tuple[Conflict, ...]:
    """Return a conflict for each field about which the user must be asked."""
    conflicts = []
    for name, merged_field in merged_fields.items():
        if merged_field.action is not FieldAction.ASK:
            continue
        their_html = layout.their_fields[name]
        our_html = ours.fields[name]
        conflict = Conflict(
            card.guid,
            name,
            user_text=field_to_card_text(card, name, their_html),
            source=field_to_card_text(card, name, our_html),
            user_version_hash=hash16(their_html),
            source_version_hash=hash16(our_html),
        )
        conflicts.append(conflict)
    return tuple(conflicts)


def _must_record_unknown_base(layout: FieldLayout, ours: NoteContent) -> bool:
    """Return whether an unknown merge base is our current text, which the journal should have."""
    return any(
        unknown_hash == hash_html(ours.fields[name])
        for name, unknown_hash in layout.unknown_bases.items()
    )


def _is_unchanged(
    card: LocalCard, anki_note: AnkiNote, layout: FieldLayout, merged: MergedNote
) -> bool:
    """Return whether Anki has the fields and tags of a merged note already."""
    if set(map(str.casefold, merged.tags)) != set(map(str.casefold, anki_note.tags)):
        return False
    theirs = layout.their_fields
    ignored_fields = set()
    their_links_hash = NoteContent(theirs, ()).local_links_hash
    if their_links_hash not in (None, *card.local_links_hashes):
        ignored_fields.add(LOCAL_LINKS_FIELD)  # the links of another computer
    if "Source" in merged.content.unreadable_fields:
        # don't write a note only because of its new merge base if its passage isn't read here
        ignored_fields.add(IDENTITY_FIELD)
    return all(
        name in ignored_fields or is_same_html(html, theirs[name])
        for name, html in merged.content.fields.items()
    )


def merge_tags(base: Strings, theirs: Strings, ours: Strings) -> Strings:
    """Apply our changes to the tags since `base` to the tags that the note has in Anki.

    As in Anki, tags are compared without regard to case. A tag that is in Anki keeps its spelling
    there. `RETIRED_TAG` is removed.
    """
    our_tags = {tag.casefold(): tag for tag in ours}
    base_tags = {tag.casefold() for tag in base}
    merged = {tag: our_tags[tag] for tag in our_tags.keys() - base_tags}
    for tag in theirs:
        if tag.casefold() in our_tags or tag.casefold() not in base_tags:
            merged[tag.casefold()] = tag
    merged.pop(RETIRED_TAG, None)
    return tuple(sorted(merged.values()))


def _count_media(html: str) -> int:
    return html.count("<img") + html.count("[sound:")


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
    """Plan to write a note, unless Anki could not take it."""
    empty_plan = CardPlan(card.guid, card.is_live)
    anki_note = layout.anki_note
    note_type = layout.note_type
    assert note_type is not None
    hold_reason = _find_hold_reason(card, anki_note, note_type, options)
    if hold_reason is not None:
        return replace(empty_plan, hold_reason=hold_reason)
    digest = _compute_digest(card, layout, merged.content)
    links_hash = merged.content.local_links_hash if card.is_live else None
    has_new_links = links_hash not in (None, *card.local_links_hashes[-1:])
    is_changed = digest != card.note.note_hash
    if card.local_links_hashes and has_new_links:
        is_changed = True  # the digest doesn't cover the links
    mod = _choose_mod(card, anki_note, options, is_changed=is_changed)
    note = _build_note(card, layout, note_type, merged, mod)

    problem = find_note_problem(note)
    if anki_note is not None and problem is not None:
        return replace(empty_plan, hold_reason="it would have no card left")
    if anki_note is None and is_blank(note.fields[0]):
        first_field = f"{note_type.field_names[0]}, the first field of {note_type.name}"
        message = f"note {note.guid}: {first_field}, is empty"
        problem = Problem(f"deck {note.deck}", message, "edit or reject the card")
    if problem is not None:
        return replace(empty_plan, problems=(problem,))
    return replace(
        empty_plan,
        note=note,
        exported=_build_exported_note(card, layout, merged, mod, digest),
        local_links_hashes=_update_links_hashes(card, anki_note, links_hash),
        is_update=anki_note is not None and mod != anki_note.mod,
        replaces_unseen_note=anki_note is None and card.note.mod not in (0, mod),
    )


def _build_note(
    card: LocalCard,
    layout: FieldLayout,
    note_type: AnkiNoteType,
    merged: MergedNote,
    mod: int,
) -> Note:
    """Build a note: a new one, or a new version of one that keeps its deck and schedule."""
    anki_note = layout.anki_note
    fields = layout.fill_fields(merged.content.fields)
    ordinals = select_card_ordinals(note_type, fields, anki_note)
    note = Note(
        guid=layout.guid,
        type=note_type,
        deck=normalize_deck_name(card.deck),
        fields=fields,
        tags=merged.tags,
        mod=mod,
        ordinals=ordinals,
        media=tuple(merged.content.shown_media.values()),
    )
    if anki_note is None:
        return replace(note, states=_build_schedules(card, ordinals))
    return replace(note, deck=anki_note.deck)


def _build_exported_note(
    card: LocalCard, layout: FieldLayout, merged: MergedNote, mod: int, digest: str
) -> ExportedNote:
    """Build what the journal remembers of an exported note."""
    hashes = {name: base_hash or "" for name, base_hash in merged.base_hashes.items()}
    if IDENTITY_FIELD in layout.positions:
        # generated fields of our own types have no merge base, because we always overwrite them
        content_fields = card.note_type.content_fields
        hashes = {name: each for name, each in hashes.items() if name in content_fields}
    shown_media = merged.content.shown_media
    return ExportedNote(
        mod=mod,
        tags=merged.content.tags,
        note_hash=digest,
        gap_text_by_number=_find_text_by_number(card),
        field_hashes=hashes,
        mapped=layout.mapped_type,
        picture_names={path: picture.name for path, picture in shown_media.items()},
    )


def _update_links_hashes(
    card: LocalCard, anki_note: AnkiNote | None, links_hash: str | None
) -> Strings:
    """Return the next `LocalCard.local_links_hashes`, or () to leave it as it is."""
    if links_hash is None:
        return ()
    if card.local_links_hashes[-1:] == (links_hash,):
        return card.local_links_hashes
    if anki_note is None:
        return (links_hash,)
    return (*card.local_links_hashes, links_hash)


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
    """Return the reason why Anki would take a note only with a loss, or None."""
    if options.is_push:
        return _find_merge_of_types(note_type, options.note_types)
    # importing a file would remove the tags `marked` and `leech`; only a repaired note doesn't need
    # them any more
    if anki_note is None or not anki_note.scheduler_tags or card.note.repaired:
        return None
    scheduler_tags = " and ".join(anki_note.scheduler_tags)
    return f"its note is tagged {scheduler_tags}: use ankiforge push"


def _find_merge_of_types(
    note_type: AnkiNoteType, note_types: NoteTypesById
) -> str | None:
    """Return the warning that a push would merge two note types, or None.

    If an import finds a note type with different fields, Anki makes a second copy of the type.
    AnkiConnect would merge the two: delete the copy, and convert its notes to this type.
    """
    for other_type in note_types.values():
        if other_type.original_id == note_type.id and other_type.id != note_type.id:
            merge_warning = f"a push would merge {other_type.name} into {note_type.name}"
            return f"{merge_warning}: import the file instead"
    return None


def _choose_mod(
    card: LocalCard,
    anki_note: AnkiNote | None,
    options: ExportOptions,
    *,
    is_changed: bool,
) -> int:
    """Choose the modification time (`mod`) of a note to export.

    The `mod` of the last export is reused if the note hasn't changed since, and Anki either hasn't
    imported it yet or is to get unchanged notes as well. Otherwise, the `mod` is increased,
    because Anki only imports a note whose `mod` is larger than before.
    """
    last_mod = card.note.mod
    anki_mod = 0 if anki_note is None else anki_note.mod
    new_mod = compute_next_mod(card.guid, last_mod, anki_mod)
    if is_changed or last_mod == 0:
        return new_mod
    if anki_note is None or anki_mod < last_mod:
        return last_mod
    if options.export_unchanged and anki_mod == last_mod:
        return last_mod
    return new_mod


def _find_text_by_number(card: LocalCard) -> Texts:
    if not card.is_live:
        return {}
    if card.kind is CardKind.OCCLUSION:
        masks = occlusion.get_masks(card.fields)
        return occlusion.get_labels_by_number(masks)
    return {
        str(number): to_plain_text(gap.answer)
        for gap in find_clozes(card.get_field("Text"))
        for number in gap.numbers
    }
