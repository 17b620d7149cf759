"""Decide what to export for each card: nothing, a note, or a question to the user.

    card      note in Anki                                    result
    retired   missing, or tagged as retired                   nothing
    any       note type changed, or one of our fields gone    held
    retired   present                                         theirs, plus the tag RETIRED
    live      missing                                         a new note, if the layout has a type
    live      present                                         merged fields; nothing if all equal

`layout` locates our fields in a note, `content` builds what we would write there, and `merge`
merges it with what the user has in Anki. The user's text, tags and deck are never overwritten, and
an unchanged note is never written. Every written note gets a larger modification time (`mod`),
because Anki would ignore it otherwise. All functions are pure.
"""

from __future__ import annotations

from msgspec.structs import replace

from ankiforge.anki.content import NoteContent
from ankiforge.anki.layout import (
    IDENTITY_FIELD,
    LOCAL_LINKS_FIELD,
    FieldLayout,
    MappedTypes,
    NoteTypesById,
)
from ankiforge.anki.merge import (
    MergedNote,
    build_conflicts,
    is_unchanged,
    merge_fields,
    merge_note,
)
from ankiforge.anki.notes import normalize_deck_name
from ankiforge.anki.notetypes import hash_html, is_blank, select_card_ordinals
from ankiforge.anki.package import find_note_problem
from ankiforge.anki.schedules import build_schedules
from ankiforge.model import (
    RETIRED_TAG,
    AnkiNote,
    AnkiNoteType,
    CardKind,
    Conflict,
    ExportedNote,
    Guid,
    HighlightKind,
    LocalCard,
    Note,
    Problem,
    Strings,
    Texts,
    Value,
    compute_next_mod,
    hash16,
)
from ankiforge.text import occlusion
from ankiforge.text.cloze import find_clozes, to_plain_text

EDITED_TWICE = "you changed its card, and so did the source"
"""The reason for holding back a note until the user has chosen which text its card has."""
_FIGURE_KINDS = (HighlightKind.IMAGE, HighlightKind.INK)


class ExportOptions(Value):
    """Options for exporting cards, along with the note types in Anki."""

    is_push: bool = False
    """Whether notes are sent to a running Anki instead of a file."""
    export_unchanged: bool = False
    """Whether to also export notes that Anki already has."""
    note_types: NoteTypesById = {}
    """All note types in Anki, by id."""
    mapped_types: MappedTypes = {}
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


def plan_card(
    card: LocalCard, layout: FieldLayout, ours: NoteContent, options: ExportOptions
) -> CardPlan:
    """Decide what to do about a card: export a note, export nothing, or ask the user.

    The card may be live or retired. `ours` contains what we would write to its note.
    """
    anki_note = layout.anki_note
    if not card.is_live and (anki_note is None or anki_note.is_retired):
        return CardPlan(card.guid, card.is_live)
    if layout.hold_reason is not None:
        return _hold(card, layout.hold_reason)
    if layout.note_type is None:  # an adopted note that is gone, and isn't wanted back
        return CardPlan(card.guid, card.is_live)
    if not card.is_live and anki_note is not None:
        return _plan_retired_note(card, anki_note, layout, options)
    if _has_mixed_versions(card, ours):
        return _hold(card, EDITED_TWICE)
    if _must_wait_for_pictures(card, anki_note, ours):
        return CardPlan(card.guid, card.is_live, problems=ours.picture_problems)
    if anki_note is None:
        return _plan_new_note(card, layout, ours, options)
    return _plan_known_note(card, anki_note, layout, ours, options)


def _hold(card: LocalCard, reason: str) -> CardPlan:
    return CardPlan(card.guid, card.is_live, hold_reason=reason)


def _has_mixed_versions(card: LocalCard, ours: NoteContent) -> bool:
    """Return whether a note would combine new text from the source with a field in conflict.

    For example, it might have the source's new question, but the user's answer to the old one.
    """
    fields_in_conflict = card.edits.source_texts_offered
    if not fields_in_conflict:
        return False
    last_hashes: Texts = {}
    if card.note.exports:
        last_hashes = card.note.exports[-1].field_hashes
    for name in card.note_type.content_fields:
        if name not in ours.fields or name in fields_in_conflict:
            continue
        is_new_text = hash_html(ours.fields[name]) != last_hashes.get(name)
        if is_new_text:
            return True
    return False


def _must_wait_for_pictures(
    card: LocalCard, anki_note: AnkiNote | None, ours: NoteContent
) -> bool:
    """Return whether a card isn't exported because one of its pictures can't be read now.

    This holds for figures and new notes: the pictures may be on another computer, and the note may
    already be in an Anki that wasn't read.
    """
    if ours.unreadable_fields.isdisjoint(card.note_type.content_fields):
        return False
    return anki_note is None or card.highlight.kind in _FIGURE_KINDS


def _plan_retired_note(
    card: LocalCard, anki_note: AnkiNote, layout: FieldLayout, options: ExportOptions
) -> CardPlan:
    """Plan to tag the note of a retired card, whose fields stay as they are in Anki."""
    their_content = NoteContent(layout.their_fields, (*layout.base.tags, RETIRED_TAG))
    tags = (*anki_note.tags, RETIRED_TAG)
    merged = MergedNote(their_content, tags, layout.base.field_hashes)
    return _plan_note(card, layout, merged, options)


def _plan_new_note(
    card: LocalCard, layout: FieldLayout, ours: NoteContent, options: ExportOptions
) -> CardPlan:
    """Plan the note of a live card that Anki doesn't have."""
    hashes = {name: hash_html(html) for name, html in ours.fields.items()}
    planned = _plan_note(card, layout, MergedNote(ours, ours.tags, hashes), options)
    return replace(planned, problems=(*ours.picture_problems, *planned.problems))


def _plan_known_note(
    card: LocalCard,
    anki_note: AnkiNote,
    layout: FieldLayout,
    ours: NoteContent,
    options: ExportOptions,
) -> CardPlan:
    """Plan the note of a live card that is in Anki: held, unchanged, or with merged fields."""
    # don't report missing pictures if this computer doesn't read the passage
    missing = ours.picture_problems if card.was_read_on_this_device else ()
    merged_fields = merge_fields(card, layout, ours)
    conflicts = build_conflicts(card, layout, ours, merged_fields)
    if conflicts:
        # record no import until the user has decided, so that `find_imported_version` still
        # considers older packages
        return CardPlan(card.guid, card.is_live, conflicts=conflicts, problems=missing)
    merged = merge_note(card, anki_note, layout, ours, merged_fields)
    if _must_write(card, anki_note, layout, ours, merged, options):
        planned = _plan_note(card, layout, merged, options)
    else:
        planned = _plan_nothing_new(card, layout, ours)
    return replace(
        planned,
        problems=(*missing, *planned.problems),
        newly_imported_mod=layout.newly_imported_mod,
        keeps_unknown_text=any(each.has_unknown_base for each in merged_fields.values()),
    )


def _must_write(
    card: LocalCard,
    anki_note: AnkiNote,
    layout: FieldLayout,
    ours: NoteContent,
    merged: MergedNote,
    options: ExportOptions,
) -> bool:
    """Return whether a note in Anki has to be written.

    A note without changes is written as well if a package that the journal doesn't know has
    written our text to one of its fields, so that the journal records the text.
    """
    if options.export_unchanged:
        return True
    for name, unknown_hash in layout.unknown_bases.items():
        if unknown_hash == hash_html(ours.fields[name]):
            return True
    return not is_unchanged(card, anki_note, layout, merged)


def _plan_nothing_new(
    card: LocalCard, layout: FieldLayout, ours: NoteContent
) -> CardPlan:
    """Plan to write nothing, and remember the local links if Anki already has ours."""
    planned = CardPlan(card.guid, card.is_live)
    links_hash = layout.their_links_hash
    if links_hash is None or links_hash != ours.local_links_hash:
        return planned
    return replace(planned, local_links_hashes=(links_hash,))


# --- the note to write ------------------------------------------------------------------


def _plan_note(
    card: LocalCard, layout: FieldLayout, merged: MergedNote, options: ExportOptions
) -> CardPlan:
    """Plan to write a note, unless Anki could not take it.

    A note that Anki could not take is held if Anki has it, and a problem if it is new.
    """
    anki_note, note_type = layout.anki_note, layout.note_type
    assert note_type is not None
    hold_reason = _find_hold_reason(card, anki_note, note_type, options)
    if hold_reason is not None:
        return _hold(card, hold_reason)

    digest = _compute_digest(card, layout, merged.content)
    links_hash = merged.content.local_links_hash if card.is_live else None
    is_changed = _is_changed_since_export(card, digest, links_hash)
    mod = _choose_mod(card, anki_note, options, is_changed=is_changed)
    note = _build_note(card, layout, note_type, merged, mod)
    planned = CardPlan(
        card.guid,
        card.is_live,
        note=note,
        exported=_build_exported_note(card, layout, merged, mod, digest),
        local_links_hashes=_update_links_hashes(card, anki_note, links_hash),
    )

    if anki_note is not None:
        if find_note_problem(note) is not None:
            return _hold(card, "it would have no card left")
        return replace(planned, is_update=mod != anki_note.mod)
    problem = _find_problem_of_new_note(note)
    if problem is not None:
        return CardPlan(card.guid, card.is_live, problems=(problem,))
    return replace(planned, replaces_unseen_note=card.note.mod not in (0, mod))


def _is_changed_since_export(
    card: LocalCard, digest: str, links_hash: str | None
) -> bool:
    """Return whether a note differs from the last one that was exported for the card.

    `digest` doesn't cover the local links. They count only if the card had some before.
    """
    if digest != card.note.note_hash:
        return True
    if links_hash is None or not card.local_links_hashes:
        return False
    return links_hash != card.local_links_hashes[-1]


def _find_problem_of_new_note(note: Note) -> Problem | None:
    """Return why Anki would reject a new note, or None if it is fine."""
    if not is_blank(note.fields[0]):
        return find_note_problem(note)
    first_field = f"{note.type.field_names[0]}, the first field of {note.type.name}"
    message = f"note {note.guid}: {first_field}, is empty"
    return Problem(f"deck {note.deck}", message, "edit or reject the card")


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
    if anki_note is None:
        deck = normalize_deck_name(card.deck)
        schedules = build_schedules(card, ordinals)
    else:
        deck = anki_note.deck
        schedules = {}
    return Note(
        guid=layout.guid,
        type=note_type,
        deck=deck,
        fields=fields,
        tags=merged.tags,
        mod=mod,
        ordinals=ordinals,
        media=tuple(merged.content.shown_media.values()),
        states=schedules,
    )


def _build_exported_note(
    card: LocalCard, layout: FieldLayout, merged: MergedNote, mod: int, digest: str
) -> ExportedNote:
    """Build what the journal remembers of an exported note."""
    names = [*merged.base_hashes]
    if IDENTITY_FIELD in layout.positions:
        # generated fields of our own types have no merge base, because we always overwrite them
        names = [name for name in names if name in card.note_type.content_fields]
    shown_media = merged.content.shown_media
    return ExportedNote(
        mod=mod,
        tags=merged.content.tags,
        note_hash=digest,
        gap_text_by_number=_find_text_by_number(card),
        field_hashes={name: merged.base_hashes[name] or "" for name in names},
        mapped=layout.mapped_type,
        picture_names={path: picture.name for path, picture in shown_media.items()},
    )


def _update_links_hashes(
    card: LocalCard, anki_note: AnkiNote | None, links_hash: str | None
) -> Strings:
    """Return the next `LocalCard.local_links_hashes`, or () to leave it as it is.

    The hashes of earlier packages stay until `_plan_nothing_new` finds the links in Anki, because
    Anki may have imported any of these packages.
    """
    known_hashes = card.local_links_hashes
    if links_hash is None:
        return ()
    if known_hashes and known_hashes[-1] == links_hash:
        return known_hashes
    if anki_note is None:
        return (links_hash,)
    return (*known_hashes, links_hash)


def _compute_digest(card: LocalCard, layout: FieldLayout, ours: NoteContent) -> str:
    if card.keeps_last_exported_text and card.is_live:
        return card.note.note_hash
    names = [name for name in layout.positions if name != LOCAL_LINKS_FIELD]
    return hash16(*(ours.fields[name] for name in names), "\x1e", *ours.tags)


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
