"""Read Anki's data from a copy of the collection, or from an export.

The workspace is bound to the collection that contains our notes. Any other collection is ignored
until the user runs `pull --bind`, because all our notes would look deleted in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.config import AnkiSettings
from ankiforge.config.log import log_lines
from ankiforge.errors import ItemError
from ankiforge.ledger import Ledger, StoredContent, anki_views, cards, pending_items
from ankiforge.ledger.events import parse_slot_number
from ankiforge.ledger.tables.anki_notes import load_note_in_anki
from ankiforge.ledger.tables.duplicates import DuplicateCandidates
from ankiforge.model import (
    AnkiChanges,
    AnkiNote,
    AnkiNoteType,
    AnkiReadMethod,
    AnkiState,
    Fields,
    ListRow,
    LocalCard,
    NoteTypeId,
    Problem,
    TextChoice,
    Texts,
    Value,
    hash16,
)
from ankiforge.pipeline.run_result import AnkiReadResult, AnkiReadState

if TYPE_CHECKING:
    from ankiforge.anki.collection import AnkiContents


AUTO = "auto"
"""The value of `anki.collection` that selects the collection with our notes, or else the newest
one.
"""
NEVER = "none"

# The names of ledger settings.
_BOUND_SETTING = "bound"
_FINGERPRINT_SETTING = "anki state"
_NOTE_TYPES_SETTING = "types"
_DECKS_SETTING = "decks in anki"


class BoundCollection(Value):
    """The collection to which the workspace is bound because it contains our notes."""

    path: str
    profile: str
    created: int
    """The creation time in seconds since 1970, or 0 if unknown."""


# --- where to read --------------------------------------------------------------------------


def read_collection(
    settings: AnkiSettings, ledger: Ledger, *, bind: bool = False, profile: str = ""
) -> AnkiReadResult:
    """Read the collection with our notes, unless it is unchanged or the settings forbid reading it.

    Args:
        settings: The path of the collection, or a setting that turns reading off.
        ledger: The ledger in which to record the notes.
        bind: Bind the workspace to the collection that is found.
        profile: The profile that is open in a running Anki, or "" to search all profiles.
    """
    if settings.collection == NEVER:
        return AnkiReadResult(AnkiReadState.OFF)
    path = find_collection(settings, ledger, bind=bind, profile=profile)
    if path is None:
        return AnkiReadResult(AnkiReadState.NO_COLLECTION)

    # skip an unchanged collection
    from ankiforge.anki.profiles import compute_fingerprint_text

    try:
        fingerprint = f"{path} {compute_fingerprint_text(path)}"
        if not bind and ledger.get_meta(_FINGERPRINT_SETTING) == fingerprint:
            return AnkiReadResult(AnkiReadState.UNCHANGED, str(path))
        from ankiforge.anki.collection import open_anki_contents

        with open_anki_contents(path, load_adopted_guids(ledger)) as view:
            scan = _record_unless_other_collection(view, ledger, bind=bind)
            if scan.state is AnkiReadState.READ:
                ledger.set_meta(_FINGERPRINT_SETTING, fingerprint)
            return scan
    except ItemError as error:
        message = error.message.removeprefix(f"{path}: ")
        problem = Problem(str(path), message, error.hint)
        return AnkiReadResult(AnkiReadState.FAILED, str(path), problem=problem)


def find_collection(
    settings: AnkiSettings, ledger: Ledger, *, bind: bool = False, profile: str = ""
) -> Path | None:
    """Find the collection that contains our notes or, if none does, the newest collection.

    Args:
        settings: The path of the collection, or `auto`.
        ledger: The ledger, which stores to which collection the workspace is bound.
        bind: Ignore an existing binding.
        profile: The only profile to look in, or "" to look in all.

    Returns:
        The path, or None if no collection was found or reading is turned off.
    """
    from ankiforge.anki.profiles import find_collections, get_modification_time

    if settings.collection == NEVER:
        return None
    if settings.collection != AUTO:
        return Path(settings.collection).expanduser().resolve()
    paths = find_collections(Path.home(), os.environ)
    if profile:
        paths = tuple(path for path in paths if path.parent.name == profile)
    bound_path = None if bind else _find_bound_path(ledger)
    if bound_path in paths:
        return bound_path
    # the bound collection may be outside of Anki's profiles
    if not profile and bound_path is not None:
        if bound_path.suffix == ".anki2" and bound_path.is_file():
            return bound_path
    if not paths:
        return None
    from ankiforge.anki.collection import open_anki_contents

    newest_first = sorted(paths, key=get_modification_time, reverse=True)
    for path in newest_first:
        with suppress(ItemError), open_anki_contents(path) as view:
            if next(view.iter_notes(), None) is not None:
                return path
    return newest_first[0]


def _find_bound_path(ledger: Ledger) -> Path | None:
    """Return the path of the collection to which the workspace is bound, or None."""
    bound = ledger.get_value(_BOUND_SETTING, BoundCollection)
    return None if bound is None else Path(bound.path)


def read_collection_file(
    file: Path, ledger: Ledger, *, bind: bool = False
) -> AnkiReadResult:
    """Read a collection or an exported file at a path given by the user.

    Args:
        file: The path of the file.
        ledger: The ledger in which to record the notes.
        bind: Bind the workspace to the file's collection.

    Raises:
        ItemError: If the file cannot be read.
    """
    from ankiforge.anki.collection import open_anki_contents

    with open_anki_contents(file.resolve(), load_adopted_guids(ledger)) as view:
        return _record_unless_other_collection(view, ledger, bind=bind)


# --- recording what was read ----------------------------------------------------------------


def _record_unless_other_collection(
    view: AnkiContents, ledger: Ledger, *, bind: bool = False
) -> AnkiReadResult:
    """Record the notes read from Anki, unless the workspace is bound to another collection."""
    bound: BoundCollection | None = None
    if not bind:
        bound = ledger.get_value(_BOUND_SETTING, BoundCollection)
    if bound is not None and _is_other_collection(view, bound):
        message = (
            "this is not the collection that has your notes, so nothing was recorded"
        )
        hint = "to use this collection from now on: ankiforge pull --bind"
        return _build_failed_scan(view, message, hint)
    notes = _load_our_notes(view)
    if bound is not None and not notes and _should_have_notes(view, bound, ledger):
        message = "Anki has none of your notes, so nothing was recorded"
        hint = (
            "is another profile open? if you removed the notes, or want to use this"
            " collection from now on: ankiforge pull --bind"
        )
        return _build_failed_scan(view, message, hint)

    return _record_collection(view, ledger, notes, bound, bind=bind)


def _record_collection(
    view: AnkiContents,
    ledger: Ledger,
    notes: Sequence[AnkiNote],
    bound: BoundCollection | None,
    *,
    bind: bool,
) -> AnkiReadResult:
    """Record our notes and what other modules need from a collection, and bind the workspace to it.

    Args:
        view: The collection as it was read.
        ledger: Where to record it.
        notes: Our notes in it.
        bound: The collection that the workspace is bound to, or None for none.
        bind: Whether to bind the workspace to a collection without our notes, too.
    """
    # read all reviews each time, because a phone may sync old ones late
    viewed = anki_views.record_anki_state(
        ledger,
        notes,
        complete=view.is_complete,
        graves=view.find_deleted_note_ids(),
        reviews=view.iter_reviews(),
    )
    if (notes or bind) and _can_bind(view, bound):
        new_binding = BoundCollection(view.path, view.profile, view.created_at)
        ledger.set_value(_BOUND_SETTING, new_binding)
    _store_note_types(ledger, view)
    if view.is_complete:  # an export lacks some decks
        ledger.set_value(_DECKS_SETTING, [*view.decks.values()])
    foreign = view.find_foreign_notes(DuplicateCandidates(ledger).load_foreign_mods())
    if foreign is not None:
        DuplicateCandidates(ledger).store_foreign_notes(*foreign)

    log_lines(_describe_changes(viewed))
    return AnkiReadResult(AnkiReadState.READ, view.path, viewed)


def _can_bind(view: AnkiContents, bound: BoundCollection | None) -> bool:
    """Return whether a view knows enough of its collection to bind the workspace to it.

    An existing binding is only renewed by a collection file, because other views have less data.
    """
    if not view.is_complete:
        return False
    return bound is None or view.kind is AnkiReadMethod.COLLECTION


def _is_other_collection(view: AnkiContents, bound: BoundCollection) -> bool:
    """Return whether a collection is known to be another than the bound one.

    The creation time of a collection, or the name of a profile, may be unknown.
    """
    if view.profile and bound.profile and view.profile != bound.profile:
        return True
    if not view.created_at or not bound.created:
        return False
    return view.created_at != bound.created


def _should_have_notes(
    view: AnkiContents, bound: BoundCollection, ledger: Ledger
) -> bool:
    """Return whether a view without any of our notes may be of another collection."""
    if not view.is_complete:
        return False
    if view.created_at and bound.created:
        return False  # it is the bound collection
    return pending_items.count_cards(ledger).in_anki > 0


def _load_our_notes(view: AnkiContents) -> list[AnkiNote]:
    """Load our notes with the user's feedback."""
    from ankiforge.anki.notes import field_to_text

    types = {note_type.id: note_type for note_type in view.note_types}
    notes = []
    for note in view.iter_notes():
        feedback = _get_our_fields(note, types).get("Feedback", "")
        notes.append(replace(note, feedback=field_to_text(feedback)))
    return notes


def _describe_changes(viewed: AnkiChanges) -> Iterator[str]:
    """Yield lines for the log: the number of notes read, and the user's changes in Anki."""
    yield f"read {viewed.note_count} notes in Anki, {viewed.reviews} new reviews"
    guids_by_change = {
        "first seen": viewed.first_seen,
        "deleted": viewed.deleted,
        "returned": viewed.returned,
        "missing": viewed.missing,
        "retired": viewed.retired,
        "edited": viewed.edited,
        "suspended": viewed.suspended,
    }
    for change, guids in guids_by_change.items():
        for guid in guids:
            yield f"{change} in Anki: guid {guid}"


def _build_failed_scan(view: AnkiContents, message: str, hint: str) -> AnkiReadResult:
    return AnkiReadResult(
        AnkiReadState.FAILED, view.path, problem=Problem(view.path, message, hint)
    )


def _store_note_types(ledger: Ledger, view: AnkiContents) -> None:
    """Store the note types of a collection. Those of an export are added to the stored ones."""
    from ankiforge.anki.notetypes import find_our_note_type

    types: dict[NoteTypeId, AnkiNoteType] = {}
    if view.kind is AnkiReadMethod.APKG:  # an export lacks some note types
        types = load_note_types(ledger)
    if view.is_complete:
        # our note types that are missing from it aren't in Anki any more
        for id in filter(find_our_note_type, [*types]):
            del types[id]
    for note_type in (*view.iter_other_note_types(), *view.note_types):
        types[note_type.id] = note_type
    ledger.set_value(_NOTE_TYPES_SETTING, tuple(types.values()))


def load_note_types(ledger: Ledger) -> dict[NoteTypeId, AnkiNoteType]:
    """Load the note types that Anki had when it was last read, keyed by id."""
    types = ledger.get_value(_NOTE_TYPES_SETTING, list[AnkiNoteType]) or []
    return {note_type.id: note_type for note_type in types}


def load_deck_names(ledger: Ledger) -> list[str]:
    """Load the names of all decks in Anki, or an empty list if they're unknown."""
    return ledger.get_value(_DECKS_SETTING, list[str]) or []


def load_adopted_guids(ledger: Ledger) -> Texts:
    """Map the GUID of each adopted note in Anki to the GUID of our card for it."""
    return {
        adopted.guid: guid
        for guid, adopted in anki_views.load_adopted_notes(ledger).items()
    }


def _get_our_fields(note: AnkiNote, types: Mapping[NoteTypeId, AnkiNoteType]) -> Texts:
    """Return the fields of a note by our names for them, or {} if its note type isn't ours."""
    from ankiforge.anki.layout import find_our_field_positions
    from ankiforge.anki.notetypes import find_our_note_type

    our_type = find_our_note_type(note.type_id)
    note_type = types.get(note.type_id)
    if our_type is None or note_type is None or len(note.fields) != len(note_type.fields):
        return {}
    positions = find_our_field_positions(note_type, our_type)
    return {name: note.fields[position] for name, position in positions.items()}


# --- cards as they are in Anki --------------------------------------------------------------


def apply_anki_edits(
    ledger: Ledger,
    card: LocalCard,
    types: Mapping[NoteTypeId, AnkiNoteType] | None = None,
) -> LocalCard:
    """Return a copy of a card with the text that the user edited in Anki, as of the last scan.

    Lists show this text, because it is the text that the user reviews.

    Args:
        ledger: The ledger, which has the card's note as last seen in Anki.
        card: The card as stored in the ledger.
        types: The note types in Anki, keyed by id. Loaded on demand if None.
    """
    from ankiforge.anki.merge import field_to_card_text

    changed_html = find_anki_edits(ledger, card, types)
    if not changed_html:
        return card
    fields = dict(card.fields)
    for name, html in changed_html.items():
        if name != "Image":  # a picture that the user put there is only in Anki
            fields[name] = field_to_card_text(card, name, html)
    shown_fields = tuple((name, text) for name, text in fields.items() if text)
    return replace(card, fields=shown_fields)


def find_anki_edits(
    ledger: Ledger,
    card: LocalCard,
    types: Mapping[NoteTypeId, AnkiNoteType] | None = None,
) -> Texts:
    """Return the HTML of the content fields that the user edited in Anki, keyed by field name.

    If the user has since chosen the text of the source for a field, its edit is left out, because
    the next package will overwrite it. The arguments are those of `apply_anki_edits`.
    """
    from ankiforge.anki.layout import find_field_layout
    from ankiforge.anki.notetypes import hash_html

    if not card.is_live:
        return {}
    note = load_note_in_anki(ledger, card.guid)
    if note is None:
        return {}
    if types is None:
        types = load_note_types(ledger)
    layout = find_field_layout(card, note, types, {})
    changed_html = {}
    for name, html in layout.their_fields.items():
        if name not in card.note_type.content_fields:
            continue
        base_hash = layout.base.field_hashes.get(name)
        if base_hash is None or base_hash == hash_html(html):
            continue  # the text is the one in our package, or it is unknown whether it is
        if not _has_dropped_edit(card, name, html):
            changed_html[name] = html
    return changed_html


def _has_dropped_edit(card: LocalCard, name: str, html: str) -> bool:
    """Return whether the user has chosen the text of the source instead of this edit in Anki."""
    resolution = card.edits.resolved.get(name)
    if resolution is None or resolution.choice is not TextChoice.SOURCE:
        return False
    return resolution.their_hash == hash16(html)


def matches_anki_edits(ledger: Ledger, guid: str, fields: Fields, pictures: Path) -> bool:
    """Return whether the user has edited a card in Anki, and `fields` has the same text.

    Args:
        ledger: The ledger with the card and its note.
        guid: The GUID of the card.
        fields: The text to compare with the edited fields.
        pictures: The directory of pictures cropped from pages.
    """
    from ankiforge.anki.notes import render_content_fields
    from ankiforge.anki.notetypes import is_same_html
    from ankiforge.pipeline.media import load_available_card_media

    card = cards.load_card(ledger, guid)
    changed_html = find_anki_edits(ledger, card)
    if not changed_html:
        return False
    card = replace(card, fields=fields)
    rendered = render_content_fields(
        card.kind, fields, load_available_card_media(ledger, card, pictures)
    )
    our_html = dict(zip(card.note_type.content_fields, rendered, strict=True))
    return all(is_same_html(our_html[name], text) for name, text in changed_html.items())


def apply_anki_edits_to_rows(
    ledger: Ledger, rows: Iterable[ListRow]
) -> Iterator[ListRow]:
    """Yield the rows of a list, with the user's edits in Anki applied to the text of cards.

    The edits are also applied to a draft that only asks whether a card still fits its changed
    passage, because such a draft shows the text of the card.
    """
    types: dict[NoteTypeId, AnkiNoteType] | None = None
    for row in rows:
        card = _find_shown_card(ledger, row)
        if card is None:
            yield row
            continue
        if types is None:
            types = load_note_types(ledger)
        yield replace(row, fields=apply_anki_edits(ledger, card, types).fields)


def _find_shown_card(ledger: Ledger, row: ListRow) -> LocalCard | None:
    """Return the card whose text a row shows, or None if Anki can't have another text of it."""
    if isinstance(row, LocalCard):
        return row if row.anki_state is AnkiState.SEEN else None
    if row.keeps_text and row.revised_guid:
        return cards.load_card(ledger, row.revised_guid)
    return None


# --- notes that no event knows --------------------------------------------------------------


def recreate_cards_of_unknown_notes(
    ledger: Ledger, notes: Iterable[AnkiNote]
) -> list[Problem]:
    """Recreate the cards of our notes in Anki that the journal doesn't know.

    Such notes exist, for example, if the journal was lost. A card can only be recreated if the
    passage of its note is found. All other notes stay in Anki as they are.

    Returns:
        A notice if there are notes whose passage was not found.
    """
    lost_notes = []
    unreadable_notes = []
    types = load_note_types(ledger)
    for note in notes:
        lost_note = _parse_lost_note(note, _get_our_fields(note, types))
        if lost_note is None:
            unreadable_notes.append(note)
        else:
            lost_notes.append(lost_note)
    still_unknown = anki_views.recover_lost_cards(ledger, lost_notes, unreadable_notes)
    if not still_unknown:
        return []
    message = (
        f"{len(still_unknown)} notes of ankiforge in Anki whose passage was not found;"
        " they stay as they are"
    )
    return [Problem("Anki", message, "ankiforge list --view unknown", is_notice=True)]


def _parse_lost_note(note: AnkiNote, html: Texts) -> anki_views.LostNote | None:
    """Read the card of a note from its fields, or return None if the note can't be identified.

    `html` are the fields of the note by our names for them.
    """
    from ankiforge.anki.notes import parse_source_field
    from ankiforge.anki.notetypes import hash_html
    from ankiforge.anki.render import field_to_markdown

    identity = note.identity
    if identity is None or not html.keys() >= set(identity.note_type.required_fields):
        return None
    our_type = identity.note_type
    typed_fields: list[str] = []
    fields: dict[str, str] = {}
    # any number of hashes other than that of a cloze note makes it a basic note, so it may differ
    for name, base_hash in zip(our_type.content_fields, identity.fields, strict=False):
        field_html = html.get(name, "")
        if hash_html(field_html) != base_hash:
            typed_fields.append(name)
        text = field_to_markdown(field_html)
        if text:
            fields[name] = text
    kind = our_type.value
    if fields.get("Reverse"):
        kind = "two-way"
    _, passage_text, quote = parse_source_field(html.get("Source", ""))
    content = StoredContent(kind, fields, quote or passage_text)
    if parse_slot_number(identity.slot) is not None:  # the card is hand-written
        content = replace(content, is_user_text=True, slot=identity.slot)
    return anki_views.LostNote(note, content, passage_text, tuple(typed_fields))
