"""Where our fields are in a note, what Anki has in them, and what we write into them.

A note has a note type of ours; or one of the user's, or Anki's Image Occlusion, of which a
`MappedType` names the fields that get ours; or another tool made it. Its other fields are
the person's.

The base of a merge is what a package had of the note. In our types it is in the note
itself, in AnkiforgeId. In others it is in the journal, as the hashes of our fields in the
events `shipped` (docs/reference/keys.md), the first of which fixes the type of the note.

A package has a note type of a person's exactly as Anki has it, so that no import changes
it, makes a second one or refuses the note.

Tested in the real Anki: `tests/anki/test_layouts.py`, `test_mapped.py`, `test_adopt.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ankiforge.anki.notes import (
    SafeContext,
    citation_html,
    content_html,
    context_of,
    identity_of,
    links_html,
    open_html,
    references,
    source_html,
)
from ankiforge.anki.notetypes import field_hash, our_note_type, shipped_type, tags_hash
from ankiforge.anki.render import is_media_name, literal
from ankiforge.model import (
    Card,
    CardRemark,
    Family,
    Guid,
    MappedType,
    Media,
    NoteInAnki,
    Problem,
    SeenType,
    Shipped,
    Strings,
    Texts,
    Value,
)
from ankiforge.text.cloze import image_paths

IDENTITY = "AnkiforgeId"
FILLED = ("Source", "Citation", "Links", "Open", "Header", "Back Extra")
"""The fields that the program fills; a note type may have them."""
OF_THIS_COMPUTER = "Open"
"""The field of links that hold on one computer. It is in no digest, and written only together
with another change, so that two computers do not take turns at writing a note."""
OF_THE_PERSON = ("Feedback", "Spare1", "Spare2", "Spare3")
"""The fields of our note types that no package fills."""
TYPE_CHANGED = "its note type was changed in Anki"
"""Why a note is held back that has another note type than we gave it."""
ADOPTED_MOD = 1
"""In place of the `mod` of a package: the note as it was when it was taken over."""
NO_BASE = Shipped(0)

Types = Mapping[int, SeenType]
"""All note types in Anki, by id."""
Mapped = Mapping[Family, MappedType]
"""The note types, not ours, in which notes are shipped for the first time."""


class Layout(Value):
    """The place of our fields in a note, and the values that were shipped last."""

    guid: Guid
    """The guid of the note in Anki: another tool may have given it."""
    in_anki: NoteInAnki | None = None
    """The note itself; None if it is not there or Anki was not read."""
    fault: str = ""
    """Why nothing can be shipped in the note now."""
    note_type: SeenType | None = None
    """The note type of the note. None if there is a fault, or no note is made."""
    fields: Strings = ()
    """All fields as they are in Anki, or as a new note has them before we fill ours."""
    places: Mapping[str, int] = {}
    """By our name of a field: its place in `fields`. All other fields are the person's."""
    base: Shipped = NO_BASE
    """What the package had that Anki took. A field without a hash counts as a person's."""
    taken: int = 0
    """The `mod` of that package, if it is sure, and news; else 0."""
    mapped: MappedType | None = None
    """What the first package records of a note type that is not ours."""

    @property
    def theirs(self) -> Texts:
        """Our fields as they are in Anki, by our names."""
        return {name: self.fields[place] for name, place in self.places.items()}

    def filled(self, ours: Texts) -> Strings:
        """Return all fields with ours in their places; the others stay as they are."""
        fields = list(self.fields)
        for name, place in self.places.items():
            fields[place] = ours[name]
        return tuple(fields)


def layout_of(
    card: Card,
    in_anki: NoteInAnki | None,
    types: Types,
    mapped: Mapped,
) -> Layout:
    """Return where our fields are in the note of a card.

    Args:
        card: the card.
        in_anki: its note in Anki; None if it is not there or Anki was not read.
        types: the note types in Anki.
        mapped: the note types, not ours, that new notes get.
    """
    adopted = card.adopted
    its_type = None if adopted else mapped_type_of(card, in_anki, mapped)
    is_ours = not adopted and its_type is None
    guid = Guid(adopted.guid) if adopted else card.guid
    if adopted and in_anki is None and not adopted.again:
        return Layout(guid)

    # the note type as Anki has it, and where our fields were in it at first
    if adopted:
        first_type = MappedType(adopted.type, "", adopted.names)
    else:
        first_type = its_type or our_mapped_type(card.family)
    note_type = types.get(first_type.id)
    if is_ours:  # a package brings it
        note_type = shipped_type(card.family, types)
    if note_type is None and its_type:
        return Layout(guid, in_anki, f"Anki has no note type {its_type.name} any more")
    if note_type is None:
        return Layout(guid, in_anki, TYPE_CHANGED)

    # where they are now; in our types the person has fields that no package fills
    now = mapped.get(card.family) if its_type else None
    places = positions_in(note_type, first_type, now)
    if is_ours:
        for name in OF_THE_PERSON:
            places.pop(name, None)

    # the fields as they are there, or as a new note has them
    fields = tuple("" for _ in note_type.fields)
    if in_anki:
        fields = in_anki.fields
    elif adopted:
        fields = tuple(adopted.html.get(name, "") for name in note_type.names)

    # whether a note in this type can be shipped now
    if is_ours and IDENTITY not in places:
        return Layout(guid, in_anki, f"{note_type.name} has no field {IDENTITY} any more")
    is_of_type = in_anki is None or in_anki.type_id == note_type.id
    if not is_of_type or len(fields) != len(note_type.fields):
        return Layout(guid, in_anki, TYPE_CHANGED)
    for name in card.family.needed_fields:
        if name not in places:
            gone = first_type.fields.get(name, name)
            fault = f"{note_type.name} has no field {gone} any more"
            return Layout(guid, in_anki, fault)
    if is_ours and in_anki and in_anki.identity is None:
        return Layout(guid, in_anki, TYPE_CHANGED)
    layout = Layout(guid, in_anki, "", note_type, fields, places, mapped=its_type)
    return _with_base(layout, card, in_anki) if in_anki else layout


def _with_base(layout: Layout, card: Card, in_anki: NoteInAnki) -> Layout:
    """Return the layout of a note that is there, with the values that were shipped last."""
    theirs = layout.theirs
    hashes_there = {name: field_hash(html) for name, html in theirs.items()}

    # a note of ours has the base of the content and of the tags in itself; what is in the
    # fields that we fill counts as what we wrote
    if IDENTITY in layout.places:
        written = in_anki.identity.fields if in_anki.identity else ()
        hashes = dict(zip(card.family.content_fields, written, strict=False))
        for name in FILLED:
            if name in theirs:
                hashes[name] = hashes_there[name]
        base = Shipped(0, tags_there(card, in_anki), hashes=hashes)
        return replace(layout, base=base)

    # of another one, it is the package that Anki took, or another tool's note as it was
    bases = [sent for sent in card.shipped if sent.hashes]
    if card.adopted:
        as_adopted = {}
        for name, their_name in card.adopted.names.items():
            as_adopted[name] = field_hash(card.adopted.html.get(their_name, ""))
        bases.insert(0, Shipped(ADOPTED_MOD, hashes=as_adopted))
    base = base_of(bases, in_anki, theirs) or NO_BASE
    is_sure = hashes_there == base.hashes or base.mod == in_anki.mod
    is_news = base.mod != in_anki.taken
    return replace(layout, base=base, taken=base.mod if is_sure and is_news else 0)


# --- which type, and where our fields are in it -----------------------------------------


def mapped_type_of(
    card: Card,
    in_anki: NoteInAnki | None,
    mapped: Mapped,
) -> MappedType | None:
    """Return the note type, not ours, of a card's note; None if it is or will be one of ours.

    The first package fixes it: what the settings say now counts for cards that were in none.
    """
    if card.mapped or card.mod or in_anki:
        return card.mapped
    of_new_cards = mapped.get(card.family)
    if of_new_cards is None:
        return None
    for name, _ in card.kind.switched_on:
        if name not in of_new_cards.fields:
            return None
    return of_new_cards


def our_mapped_type(family: Family) -> MappedType:
    """Return our note type with its fields, by which they are found when a person changed it."""
    ours = our_note_type(family)
    names = {name: name for name in ours.names}
    ids = {name: id for name, id in ours.fields if id is not None}
    return MappedType(ours.id, ours.name, names, ids)


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


# --- the base ---------------------------------------------------------------------------


def tags_there(card: Card, in_anki: NoteInAnki) -> Strings:
    """Return our tags as in the package that Anki has: those with the hash in a note of ours."""
    for sent in reversed(card.shipped):
        if in_anki.identity and tags_hash(sent.tags) == in_anki.identity.tags:
            return sent.tags
    return ()


def base_of(
    bases: Sequence[Shipped], in_anki: NoteInAnki, fields: Texts
) -> Shipped | None:
    """Return the fields and tags of a note in the package that Anki took last, or None.

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

    def likeness(base: Shipped) -> tuple[int, bool]:
        equal = 0
        for name, hash in hashes.items():
            if base.hashes.get(name) == hash:
                equal += 1
        return equal, base.mod == in_anki.mod

    # of equally likely ones, `max` returns the first
    return max(possible, key=likeness, default=None)


# --- what we write ----------------------------------------------------------------------


class Ours(Value):
    """The fields, tags and deck that we would write into a note."""

    fields: Texts
    """By our names, those that the layout has."""
    tags: Strings
    media: Mapping[str, Media] = {}
    """The pictures that the fields may show, by their paths in the words of the card."""
    missing: tuple[Problem, ...] = ()
    """Why pictures cannot be read now."""
    unread: frozenset[str] = frozenset()
    """The fields of which Anki may have more than we would write: those with a picture of
    which not even the name in Anki is known, and those filled from a passage that is not
    read here."""


class Files(Value):
    """The places that the fields of a card show, or link to, on this computer."""

    pictures: Mapping[str, Media | Problem] = {}
    """By the paths written in the card, or why they are missing."""
    papers: Strings = ()
    """The addresses that open its PDFs at the page."""


def our_fields(
    card: Card,
    tags: Strings,
    files: Files,
    layout: Layout,
    safe_context: SafeContext,
) -> Ours:
    """Return the values for the fields that a layout has.

    Args:
        card: the card.
        tags: our tags.
        files: its pictures and papers.
        layout: where our fields are.
        safe_context: what may be above the question.
    """
    # a picture that cannot be read now keeps its name, because Anki has its bytes
    available: dict[str, Media] = {}
    missing: list[Problem] = []
    for path, picture in files.pictures.items():
        # the name under which it was shipped; if a file is not there, an embed names it
        # without its folder, and words that a person wrote in Anki have the name itself
        name = ""
        file = path.rpartition("/")[2]
        if layout.in_anki and (path in card.pictures or is_media_name(path)):
            name = card.pictures.get(path, path)
        elif layout.in_anki:
            names = set()
            for known_path, known_name in card.pictures.items():
                if known_path.rpartition("/")[2] == file:
                    names.add(known_name)
            name = names.pop() if len(names) == 1 else ""
        if isinstance(picture, Media):
            available[path] = picture
        else:
            missing.append(picture)
            if name:
                available[path] = Media(name, "")

    # the words of the card
    content = content_html(card.kind, card.fields, available)
    fields = dict(zip(card.family.content_fields, content, strict=True))
    unread = set()
    for name, text in card.fields:
        for path in image_paths(text):
            # a picture of the web is never read, so it is not away
            if path not in available and "://" not in path:
                unread.add(name)
    if card.adopted:
        # those whose source has not changed since have the HTML of then
        words_now = dict(card.fields)
        for name, their_name in card.adopted.names.items():
            if words_now.get(name, "") == card.adopted.words.get(name, ""):
                fields[name] = card.adopted.html.get(their_name, "")
                unread.discard(name)
        if not unread:
            missing.clear()

    # what we fill: it stays if the passage is not read here, or is not that of the words
    if not card.is_read_here or CardRemark.SOURCE_CHANGED in card.source:
        unread.update(FILLED)
    citation = "<br>".join(map(literal, references(card)))
    links = links_html(*card.passages)
    fields["Source"] = source_html(card)
    fields["Links"] = links
    fields["Open"] = open_html(files.papers, *card.passages)
    if IDENTITY in layout.places:
        hashes = tuple(field_hash(html) for html in content)
        fields["Citation"] = citation_html(card, safe_context)
        fields[IDENTITY] = literal(identity_of(card, hashes, tags))
    else:
        fields["Citation"] = citation
        fields["Header"] = literal(context_of(card, safe_context))
        fields["Back Extra"] = "<br>".join(filter(None, (citation, links)))
    return Ours(
        fields={name: fields.get(name, "") for name in layout.places},
        tags=tags,
        media=available,
        missing=tuple(missing),
        unread=frozenset(unread),
    )
