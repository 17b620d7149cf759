"""Read what Anki has: a consistent copy of the collection, an export, or a running Anki.

What is read is bound to one collection. Another one concludes nothing until `pull --bind`:
every note would look as if it had been deleted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.anki.profiles import signature
from ankiforge.config import AnkiSettings
from ankiforge.errors import ItemError
from ankiforge.ledger import Ledger, Wording, cards, overview, views
from ankiforge.ledger.events import number_in
from ankiforge.ledger.tables.anki import seen_note
from ankiforge.ledger.tables.duplicates import Duplicates
from ankiforge.model import (
    CardHere,
    DeckId,
    Fields,
    Guid,
    Line,
    NoteInAnki,
    NoteTypeId,
    Problem,
    SeenType,
    Strings,
    Texts,
    Value,
    Viewed,
    ViewKind,
    h16,
)
from ankiforge.pipeline.result import CollectionScan
from ankiforge.text import counted, on_one_line, shortened
from ankiforge.text.cloze import plain

if TYPE_CHECKING:
    from ankiforge.anki.collection import View
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.config.ownfiles import OwnPath


NOTES_NAMED = 3
"""The number of notes that a notice names."""
AUTO = "auto"
"""The value of `anki.collection` for the collection that has our notes, or the newest one."""
NEVER = "none"
"""The value of `anki.collection` that forbids reading."""

MOST_NAMES = 20
"""The number of earlier names of a deck that are kept."""

# Names of settings in the ledger.
_BOUND = "bound"
_LAST_STATE = "anki state"
_NOTE_TYPES = "types"
_DECKS = "decks in anki"


class Bound(Value):
    """The collection that has our notes."""

    path: str
    profile: str
    created: int
    """When the collection was made, in seconds since 1970; 0 = unknown."""

    def has_made(self, view: View) -> bool:
        """Return whether a view is surely of it: both were made in the same second."""
        return bool(view.created) and view.created == self.created

    def rules_out(self, view: View) -> bool:
        """Return whether a view is surely of another one: made later, or another profile's."""
        if view.profile and self.profile and view.profile != self.profile:
            return True
        return bool(view.created and self.created) and not self.has_made(view)


# --- where to read --------------------------------------------------------------------------


def read_collection(
    settings: AnkiSettings,
    ledger: Ledger,
    home: Path,
    environ: Texts = os.environ,
    *,
    bind: bool = False,
) -> CollectionScan:
    """Read the collection that has our notes, if the settings allow it and it has changed.

    Args:
        settings: name the collection, or forbid reading.
        ledger: records what is seen.
        home: the user's home folder.
        environ: environment variables, one of which may name Anki's folder.
        bind: use this collection from now on.
    """
    if settings.collection == NEVER:
        return CollectionScan("off")
    path = collection_path(settings, ledger, home, environ, bind=bind)
    if path is None:
        return CollectionScan("nowhere")

    # it may be as it was when it was read last
    try:
        state = f"{path} {signature(path)}"
        if not bind and ledger.meta(_LAST_STATE) == state:
            return CollectionScan("same", str(path))
        from ankiforge.anki.collection import open_view

        with open_view(path, adopted_guids(ledger)) as view:
            scan = _record(view, ledger, bind=bind)
            if scan.state == "taken":
                ledger.set_meta(_LAST_STATE, state)
            return scan
    except ItemError as error:
        message = error.message.removeprefix(f"{path}: ")
        problem = Problem(str(path), message, error.hint)
        return CollectionScan("failed", str(path), problem=problem)


def collection_path(
    settings: AnkiSettings,
    ledger: Ledger,
    home: Path,
    environ: Texts = os.environ,
    *,
    bind: bool = False,
) -> Path | None:
    """Return the collection that has our notes, or the newest one; None if there is none.

    Args:
        settings: name the collection, or say `auto`.
        ledger: knows which one was read last.
        home: the user's home folder.
        environ: environment variables, one of which may name Anki's folder.
        bind: forget which one was read last.
    """
    from ankiforge.anki.profiles import changed_at, collections

    if settings.collection == NEVER:
        return None
    if settings.collection != AUTO:
        return Path(settings.collection).expanduser().resolve()
    paths = collections(home, environ)
    if not paths:
        return None
    bound = bound_to(ledger)
    paths_as_text = [str(path) for path in paths]
    if bound is not None and not bind and bound.path in paths_as_text:
        return Path(bound.path)
    from ankiforge.anki.collection import open_view

    newest_first = sorted(paths, key=changed_at, reverse=True)
    for path in newest_first:
        with suppress(ItemError), open_view(path) as view:
            if next(view.notes(), None) is not None:
                return path
    return newest_first[0]


def read_collection_file(
    file: Path,
    ledger: Ledger,
    *,
    bind: bool = False,
) -> CollectionScan:
    """Read a collection or an export that the user names.

    Raises:
        ItemError: the file cannot be read.
    """
    from ankiforge.anki.collection import open_view

    with open_view(file.resolve(), adopted_guids(ledger)) as view:
        return _record(view, ledger, bind=bind)


def read_running_anki(
    anki: AnkiConnect,
    ledger: Ledger,
    *,
    bind: bool = False,
) -> CollectionScan:
    """Export every deck that has notes of ours, and record the notes.

    Raises:
        ServiceError: Anki does not answer.
    """
    from tempfile import TemporaryDirectory

    from ankiforge.anki.collection import connect_view

    others = [adopted.id for adopted in views.adopted_notes(ledger).values()]
    others += views.mapped_notes(ledger)
    with TemporaryDirectory(prefix="ankiforge-") as folder:
        packages, notes = anki.export(Path(folder), others)
        exported = connect_view(
            packages,
            adopted_guids(ledger),
            address=anki.address,
            profile=anki.active_profile(),
            notes=notes,
        )
        with exported as view:
            return _record(view, ledger, bind=bind)


def read_file_of_running(
    settings: AnkiSettings,
    ledger: Ledger,
    home: Path,
    profile: str,
) -> Viewed:
    """Read from the file of a running Anki only the facts that AnkiConnect does not report.

    That are the notes that were deleted, also before the first scan, and all note types.

    Args:
        settings: name the collection, or forbid reading.
        ledger: records what is seen.
        home: the user's home folder.
        profile: the profile that is open; "" = unknown, then nothing is concluded from one
            of several.
    """
    from ankiforge.anki.collection import open_view
    from ankiforge.anki.profiles import collections

    if settings.collection == NEVER:
        return Viewed()
    if settings.collection == AUTO:
        paths = list(collections(home, os.environ))
    else:
        paths = [Path(settings.collection).expanduser().resolve()]
    for path in paths:
        try:
            with open_view(path) as view:
                if view.profile == profile or (len(paths) == 1 and not profile):
                    _store_types(ledger, view)
                    _store_decks(ledger, view)
                    return views.record_view(
                        ledger,
                        [],
                        complete=False,
                        graves=view.graves(),
                    )
        except ItemError:
            continue  # what cannot be read says nothing
    return Viewed()


def bound_to(ledger: Ledger) -> Bound | None:
    """Return the collection that has our notes; None if none was seen."""
    return ledger.get_value(_BOUND, Bound)


# --- recording what was read ----------------------------------------------------------------


def _record(view: View, ledger: Ledger, *, bind: bool = False) -> CollectionScan:
    """Record a view, unless it is of another collection than ours.

    With `bind`, its collection becomes ours, whatever it was before.
    """
    from ankiforge.anki.notes import text_of

    bound = None if bind else bound_to(ledger)
    if bound is not None and bound.rules_out(view):
        message = (
            "this is not the collection that has your notes, so nothing was recorded"
        )
        hint = "to use this collection from now on: ankiforge pull --bind"
        return _not_recorded(view, message, hint)

    types = {note_type.id: note_type for note_type in view.types}
    notes = []
    for note in view.notes():
        feedback = _our_fields_of(note, types).get("Feedback", "")
        notes.append(replace(note, feedback=text_of(feedback)))

    # without notes of ours it may be another one than theirs
    if view.complete and not notes and bound is not None and not bound.has_made(view):
        if overview.counts(ledger, "anki")["anki"]["seen"]:
            message = "Anki has none of your notes, so nothing was recorded"
            hint = (
                "is another profile open? if you removed the notes, or want to use this"
                " collection from now on: ankiforge pull --bind"
            )
            return _not_recorded(view, message, hint)

    # all reviews, because a phone may bring old ones late
    viewed = views.record_view(
        ledger,
        notes,
        complete=view.complete,
        graves=view.graves(),
        reviews=view.reviews(),
    )
    # everything but the file of a collection says less about it, so it renews no binding
    if view.complete and (notes or bind):
        if bound is None or view.kind is ViewKind.COLLECTION:
            ledger.set_value(_BOUND, Bound(view.path, view.profile, view.created))

    # what other parts need to know of the collection
    _store_types(ledger, view)
    before = _names_of_decks(ledger)
    _store_decks(ledger, view)
    for id, names in _names_of_decks(ledger).items() if before else ():
        if id not in before:
            viewed.new_decks.append(names[-1])
        elif names[-1] != before[id][-1]:
            viewed.renamed_decks.append(names[-1])
    foreign = view.foreign(Duplicates(ledger).mods())
    if foreign is not None:
        Duplicates(ledger).keep_foreign(*foreign)

    notice = _notice_of(viewed.revived, ledger) if viewed.revived else None
    return CollectionScan("taken", view.path, viewed, problem=notice)


def _notice_of(revived: Sequence[Guid], ledger: Ledger) -> Problem:
    """Return a notice about deleted notes that an import has brought back."""
    guids = revived[:NOTES_NAMED]
    words = []
    for guid in guids:
        texts = [text for _, text in cards.card_of(ledger, guid).fields if text]
        question = on_one_line(plain(texts[0])) if texts else ""
        words.append(f"“{shortened(question, 40)}”")
    if len(revived) > NOTES_NAMED:
        words.append("…")
    count = counted(len(revived), "deleted note")
    message = f"back by an import, {count}: {', '.join(words)}"
    hint = f"to drop what came: ankiforge reject {' '.join(guid[:10] for guid in guids)}"
    return Problem("Anki", message, hint, notice=True)


def _not_recorded(view: View, message: str, hint: str) -> CollectionScan:
    return CollectionScan("failed", view.path, problem=Problem(view.path, message, hint))


def _store_types(ledger: Ledger, view: View) -> None:
    """Store the note types of a view; exports have only some of those of their collection."""
    from ankiforge.anki.notetypes import family_of

    types: dict[NoteTypeId, SeenType] = {}
    if view.kind in (ViewKind.APKG, ViewKind.CONNECT):
        types = seen_types(ledger)
    if view.complete:  # then those of ours that it does not have are not in Anki
        types = {id: note_type for id, note_type in types.items() if not family_of(id)}
    for note_type in (*view.other_types(), *view.types):
        types[note_type.id] = note_type
    ledger.set_value(_NOTE_TYPES, tuple(types.values()))


def seen_types(ledger: Ledger) -> dict[NoteTypeId, SeenType]:
    """Return the note types of the newest view by id."""
    types = ledger.get_value(_NOTE_TYPES, list[SeenType]) or []
    return {note_type.id: note_type for note_type in types}


def _store_decks(ledger: Ledger, view: View) -> None:
    """Store the present and former names of each deck; exports have only some decks."""
    if not view.complete or view.kind is ViewKind.CONNECT:
        return
    before = _names_of_decks(ledger)
    names = {}
    for id, name in view.decks.items():
        earlier = [other for other in before.get(id, []) if other != name]
        names[id] = [*earlier[-MOST_NAMES:], name]
    ledger.set_value(_DECKS, names)


def _names_of_decks(ledger: Ledger) -> dict[DeckId, list[str]]:
    """Return by id all names that a deck in Anki was seen with, its own last."""
    return ledger.get_value(_DECKS, dict[DeckId, list[str]]) or {}


def deck_names_seen(ledger: Ledger) -> Strings:
    """Return the names of all decks in Anki; none if they are not known."""
    return tuple(names[-1] for names in _names_of_decks(ledger).values())


def renamed_decks(ledger: Ledger) -> Texts:
    """Return the present names of decks in Anki by their case-folded former names."""
    renamed = {}
    for *earlier, name in _names_of_decks(ledger).values():
        for old_name in earlier:
            renamed[old_name.casefold()] = name
    return renamed


def adopted_guids(ledger: Ledger) -> Texts:
    """Return the guids in Anki of the notes that other tools made of our cards, and ours."""
    return {adopted.guid: guid for guid, adopted in views.adopted_notes(ledger).items()}


def _our_fields_of(note: NoteInAnki, types: Mapping[NoteTypeId, SeenType]) -> Texts:
    """Return the fields of a note of one of our types by our names; {} of another type."""
    from ankiforge.anki.notetypes import family_of
    from ankiforge.anki.plan import our_mapped_type, positions_in

    family = family_of(note.type_id)
    note_type = types.get(note.type_id)
    if family is None or note_type is None or len(note.fields) != len(note_type.fields):
        return {}
    places = positions_in(note_type, our_mapped_type(family), None)
    return {name: note.fields[place] for name, place in places.items()}


# --- cards as they are in Anki --------------------------------------------------------------


def as_in_anki(
    ledger: Ledger,
    card: CardHere,
    types: Mapping[NoteTypeId, SeenType] | None = None,
) -> CardHere:
    """Return a card with the words that it has in Anki, as of the last scan.

    They differ from the ledger's where a person changed a field there. A list that shows a
    card shows these words: they are what the person reviews.

    Args:
        ledger: has the card and its note.
        card: the card.
        types: the note types in Anki by id; None = they are read when they are needed.
    """
    from ankiforge.anki.plan import in_our_words

    changed = changed_in_anki(ledger, card, types)
    if not changed:
        return card
    fields = dict(card.fields)
    for name, html in changed.items():
        if name != "Image":  # a picture of the person's is only in Anki
            fields[name] = in_our_words(card, name, html)
    shown = tuple((name, text) for name, text in fields.items() if text)
    return replace(card, fields=shown)


def changed_in_anki(
    ledger: Ledger,
    card: CardHere,
    types: Mapping[NoteTypeId, SeenType] | None = None,
) -> Texts:
    """Return the HTML of the content fields that a person changed in Anki, by name.

    A field of which the person chose the source's words is none of them: the next package
    brings those. The arguments are those of `as_in_anki`.
    """
    from ankiforge.anki.notetypes import field_hash
    from ankiforge.anki.plan import layout_of

    note = seen_note(ledger, card.guid) if card.live else None
    if note is None:
        return {}
    if types is None:
        types = seen_types(ledger)
    layout = layout_of(card, note, types, {})
    given_up = {
        (name, theirs)
        for name, (choice, theirs, _) in card.edits.resolved.items()
        if choice == "source"
    }
    changed = {}
    for name, html in layout.theirs.items():
        base = layout.base.hashes.get(name)
        if name not in card.family.content_fields or base in (None, field_hash(html)):
            continue
        if (name, h16(html)) not in given_up:
            changed[name] = html
    return changed


def says_in_anki(ledger: Ledger, guid: str, fields: Fields, pictures: OwnPath) -> bool:
    """Return whether a person wrote these words into a note in Anki, where we had others.

    Args:
        ledger: has the card and its note.
        guid: the card.
        fields: the words.
        pictures: the folder with pictures cut from pages.
    """
    from ankiforge.anki.notes import content_html
    from ankiforge.anki.notetypes import same_html
    from ankiforge.pipeline.pictures import media_of_card

    card = cards.card_of(ledger, guid)
    changed = changed_in_anki(ledger, card)
    card = replace(card, fields=fields)
    ours = content_html(card.kind, fields, media_of_card(ledger, card, pictures))
    html = dict(zip(card.family.content_fields, ours, strict=True))
    if not changed:
        return False
    return all(same_html(html[name], text) for name, text in changed.items())


def lines_as_in_anki(ledger: Ledger, lines: Iterable[Line]) -> Iterator[Line]:
    """Yield lines for a list: the cards with the words that they have in Anki."""
    types: dict[NoteTypeId, SeenType] | None = None
    for line in lines:
        if isinstance(line, CardHere) and line.anki == "seen":
            if types is None:
                types = seen_types(ledger)
            line = as_in_anki(ledger, line, types)
        yield line


# --- notes that no event knows --------------------------------------------------------------


def adopt_unknown(ledger: Ledger, notes: Iterable[NoteInAnki]) -> list[Problem]:
    """Take over notes of ours that no event knows, where their passage is found.

    They are known after the journal was lost, for example. The others stay, and are a notice.
    """
    from ankiforge.anki.notes import read_source
    from ankiforge.anki.notetypes import field_hash
    from ankiforge.anki.render import unrender

    candidates = []
    unreadable = []
    types = seen_types(ledger)
    for note in notes:
        html = _our_fields_of(note, types)
        identity = note.identity
        if identity is None or not html.keys() >= set(identity.family.needed_fields):
            unreadable.append(note)
            continue
        # its words, and the fields that a person changed in Anki
        family = identity.family
        changed: list[str] = []
        fields: dict[str, str] = {}
        for name, base in zip(family.content_fields, identity.fields, strict=False):
            if field_hash(html.get(name, "")) != base:
                changed.append(name)
            text = unrender(html.get(name, ""))
            if text:
                fields[name] = text
        passage, exact, quote = read_source(html.get("Source", ""))
        kind = "two-way" if fields.get("Reverse") else family.value
        is_own = number_in(identity.slot) is not None
        slot = identity.slot if is_own else "0"
        wording = Wording(kind, fields, quote or exact, is_own, slot)
        candidates.append((note, wording, exact or passage, tuple(changed)))
    still_unknown = views.recover_lost(ledger, candidates, unreadable)
    if not still_unknown:
        return []
    message = (
        f"{len(still_unknown)} notes of ankiforge in Anki whose passage was not found;"
        " they stay as they are"
    )
    return [Problem("Anki", message, "ankiforge list --view unknown", notice=True)]
