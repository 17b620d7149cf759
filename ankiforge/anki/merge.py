"""Merge what we would write to a note with what the user has in Anki.

A field is merged from three versions: the merge base (what our last package wrote), theirs (what
is in Anki now) and ours (what we would write now):

    field                       ours               theirs     merged
    any                         any                unedited   ours
    content                     unchanged, or ""   edited     theirs
    content                     changed            edited     ask the user; the note is held
    generated, our note types   any                any        ours
    generated, others           any                edited     theirs
    any                         can't be read      any        theirs
    the user's                  -                  any        theirs

Tags: theirs, plus those that we added since the base, minus those that we removed; a live card's
note isn't tagged as retired.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.anki.content import NoteContent
from ankiforge.anki.layout import (
    GENERATED_FIELDS,
    IDENTITY_FIELD,
    LOCAL_LINKS_FIELD,
    FieldLayout,
)
from ankiforge.anki.notes import format_identity
from ankiforge.anki.notetypes import hash_html, is_same_html
from ankiforge.anki.render import field_to_markdown, text_to_html
from ankiforge.model import (
    RETIRED_TAG,
    AnkiNote,
    Conflict,
    ConflictResolution,
    LocalCard,
    Strings,
    hash16,
)
from ankiforge.text import occlusion

# --- a field ----------------------------------------------------------------------------


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

    This is the table of the module for fields that can be read, with the decision about an earlier
    conflict as one more case. If the user's text of a content field stays, the hash of our text
    becomes the merge base, so that the same text of ours doesn't cause another conflict later.

    Args:
        name: Our name for the field.
        theirs: The HTML in Anki.
        ours: The HTML that we would write.
        base: The hash of the HTML in the last imported package, or None if unknown.
        resolution: How the user resolved the last conflict about the field, if there was one.
    """
    our_hash = hash_html(ours)
    write_ours = MergedField(FieldAction.OURS, ours, our_hash)
    keep_theirs = MergedField(FieldAction.THEIRS, theirs, our_hash)
    is_edited = hash_html(theirs) not in (base, our_hash)
    if not is_edited:
        return write_ours
    if resolution is not None and resolution.gives_up_their_text(theirs):
        return write_ours
    if name in GENERATED_FIELDS:
        return keep_theirs._replace(base_hash=base)
    if our_hash == base or ours == "":
        return keep_theirs
    if resolution is not None and resolution.keeps_their_text_over(ours):
        return keep_theirs
    # until the user decides, the note is held with their text
    return MergedField(FieldAction.ASK, theirs, our_hash)


def _merge_field_of_note(
    card: LocalCard, layout: FieldLayout, ours: NoteContent, name: str
) -> MergedField:
    """Merge a field of a note in Anki.

    Fields that can't be read, and the generated ones of our note types, have a row of their own in
    the table at the top of the module. `merge_field` decides on all others.
    """
    our_html = ours.fields[name]
    their_html = layout.their_fields[name]
    base_hash = layout.base.field_hashes.get(name)
    is_generated = name in GENERATED_FIELDS
    if name in ours.unreadable_fields:
        # what we would write may be incomplete
        loses_media = _count_media(their_html) > _count_media(our_html)
        if is_generated or loses_media:
            return MergedField(FieldAction.THEIRS, their_html, base_hash)
    is_our_type = IDENTITY_FIELD in layout.positions
    if is_generated and is_our_type:
        return MergedField(FieldAction.OURS, our_html, None)
    resolution = card.edits.resolved.get(name)
    merged = merge_field(name, their_html, our_html, base_hash, resolution)
    if merged.action is FieldAction.THEIRS and name in layout.unknown_bases:
        unknown_hash = layout.unknown_bases[name]
        return merged._replace(base_hash=unknown_hash, has_unknown_base=True)
    return merged


def _count_media(html: str) -> int:
    return html.count("<img") + html.count("[sound:")


# --- a note -----------------------------------------------------------------------------

MergedFields = Mapping[str, MergedField]
"""The merged fields of a note, keyed by our field names. The field AnkiforgeId isn't one of them,
because it is computed from the others."""


class MergedNote(NamedTuple):
    """The result of merging a note."""

    content: NoteContent
    """Our fields after the merge, our tags, and the pictures that the fields may show."""
    tags: Strings
    """All tags of the note after the merge, including the user's."""
    base_hashes: Mapping[str, str | None]
    """The hash of each field's merge base for the next merge, keyed by our field names. None if
    it is unknown."""


def merge_fields(card: LocalCard, layout: FieldLayout, ours: NoteContent) -> MergedFields:
    """Merge our fields of a note that is in Anki."""
    merged_fields = {}
    for name in ours.fields:
        if name != IDENTITY_FIELD:
            merged_fields[name] = _merge_field_of_note(card, layout, ours, name)
    return merged_fields


def build_conflicts(
    card: LocalCard, layout: FieldLayout, ours: NoteContent, merged_fields: MergedFields
) -> tuple[Conflict, ...]:
    """Build a conflict for each field about which the user must be asked."""
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


def merge_note(
    card: LocalCard,
    anki_note: AnkiNote,
    layout: FieldLayout,
    ours: NoteContent,
    merged_fields: MergedFields,
) -> MergedNote:
    """Assemble the merged fields and tags of a note without conflicts."""
    fields = {name: field.html for name, field in merged_fields.items()}
    hashes = {name: field.base_hash for name, field in merged_fields.items()}
    if IDENTITY_FIELD in layout.positions:
        content_hashes = _list_content_hashes(card, layout, merged_fields)
        identity = format_identity(card, content_hashes, ours.tags)
        fields[IDENTITY_FIELD] = text_to_html(identity)
    return MergedNote(
        content=replace(ours, fields=fields),
        tags=merge_tags(layout.base.tags, anki_note.tags, ours.tags),
        base_hashes=hashes,
    )


def _list_content_hashes(
    card: LocalCard, layout: FieldLayout, merged_fields: MergedFields
) -> Strings:
    """Return the hash of each content field's next merge base, or "" where it is unknown.

    A content field that the note type has lost keeps its old hash, for its return.
    """
    hashes = []
    for name in card.note_type.content_fields:
        if name in merged_fields:
            base_hash = merged_fields[name].base_hash
        else:
            base_hash = layout.base.field_hashes.get(name)
        hashes.append(base_hash or "")
    return tuple(hashes)


def is_unchanged(
    card: LocalCard, anki_note: AnkiNote, layout: FieldLayout, merged: MergedNote
) -> bool:
    """Return whether Anki has the fields and tags of a merged note already.

    Some fields alone are no reason to write a note: local links of another computer, which would
    otherwise overwrite each other in turn, and the merge bases in AnkiforgeId if the passage isn't
    read on this computer.
    """
    our_tags = {tag.casefold() for tag in merged.tags}
    their_tags = {tag.casefold() for tag in anki_note.tags}
    if our_tags != their_tags:
        return False
    ignored_fields = set()
    if _has_links_of_another_computer(card, layout):
        ignored_fields.add(LOCAL_LINKS_FIELD)
    if "Source" in merged.content.unreadable_fields:
        ignored_fields.add(IDENTITY_FIELD)
    their_fields = layout.their_fields
    for name, html in merged.content.fields.items():
        if name not in ignored_fields and not is_same_html(html, their_fields[name]):
            return False
    return True


def _has_links_of_another_computer(card: LocalCard, layout: FieldLayout) -> bool:
    their_hash = layout.their_links_hash
    return their_hash is not None and their_hash not in card.local_links_hashes


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


def field_to_card_text(card: LocalCard, field_name: str, html: str) -> str:
    """Convert the HTML of a field in Anki to the text of a card: Markdown, or masks of a figure."""
    if field_name != occlusion.OCCLUSION_FIELD:
        return field_to_markdown(html)
    card_masks = occlusion.get_masks(card.fields)
    return occlusion.format_masks(
        occlusion.copy_labels(occlusion.masks_from_anki(html), card_masks)
    )
