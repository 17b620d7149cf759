"""Decide what to ship of each card: nothing, or a note. Pure functions.

A note has a note type of ours; or one of the user's, or Anki's Image Occlusion, of which a
`MappedType` names the fields that get ours; or another tool made it. Its other fields are
the person's.

The base of a merge is what a package had of the note. In our types it is in the note
itself, in AnkiforgeId. In others it is in the journal, as the hashes of our fields in the
events `shipped` (docs/reference/keys.md), the first of which fixes the type of the note.

A package has a note type of a person's exactly as Anki has it, so that no import changes
it, makes a second one or refuses the note.

A note has three versions: what our package wrote (the base), what is in Anki, and what we
would write. A `Layout` says where our fields are in the note, and what the
base of each is.

    field                   ours now                 in Anki        action
    any                     as shipped, or changed   as shipped     ours
    of the card             as shipped, or empty     a person's     theirs
    of the card             changed                  a person's     ask: the note waits
    filled, in our types    anything                 anything       ours
    filled, in other types  anything                 a person's     theirs
    any                     cannot be read now       anything       theirs
    that is not ours        -                        anything       theirs

Filled are source, citation and links. Their base in a note of our types is what stands there
(`_with_base`), so that the row of a person's change never applies.

    card      note in Anki                       action
    dropped   absent, or tagged as retired       nothing
    any       of another type, or a field gone   held
    dropped   there                              theirs, with the tag
    live      absent                             a new note, where the layout makes one
    live      there                              field by field; nothing if nothing changes

Tags: theirs, plus what we added since the base, minus what we took away; the note of a live
card is not tagged as retired. Deck: ours for a new note only.

What must stay true: a person's words of the card, tags and deck are never overwritten; a note that
needs nothing is not written; `mod` grows whenever one is, or Anki would not take it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.anki.notes import (
    SafeContext,
    citation_html,
    content_html,
    context_of,
    deck_name,
    folded_html,
    identity_of,
    links_html,
    references,
    source_html,
    words_html,
)
from ankiforge.anki.notetypes import (
    cards_of,
    field_hash,
    is_blank,
    our_note_type,
    same_html,
    shipped_type,
    tags_hash,
)
from ankiforge.anki.package import DAY_ZERO, refusal
from ankiforge.anki.render import is_media_name, literal, unrender
from ankiforge.model import (
    RETIRED,
    CardHere,
    CardKind,
    CardRemark,
    Conflict,
    Family,
    Guid,
    HighlightKind,
    MappedType,
    Media,
    Note,
    NoteInAnki,
    NoteTypeId,
    Numbers,
    Problem,
    SeenType,
    Shipped,
    Strings,
    Texts,
    Value,
    h16,
    next_mod,
)
from ankiforge.text import occlusion
from ankiforge.text.cloze import gaps, image_paths, plain

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

Types = Mapping[NoteTypeId, SeenType]
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
    """The note in the package that Anki took. A field without a hash counts as a person's."""
    unknown: Texts = {}
    """By field of ours whose base in the note is in no package that the journal knows: that base.
    The workspace was restored from a backup, or a journal is late."""
    taken: int = 0
    """The `mod` of that package, if it is sure, and news; else 0."""
    mapped: MappedType | None = None
    """The note type, not ours, as the first package records it."""

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
    card: CardHere,
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
    # where our fields were at first; the note type as Anki has it, or as a package brings it;
    # the fields that must be there, and those of a new note
    adopted = card.note.adopted
    its_type = mapped_type_of(card, in_anki, mapped)
    guid = card.guid
    needed = card.family.needed_fields
    html: Texts = {}
    if adopted:
        guid = Guid(adopted.guid)
        if in_anki is None and not adopted.again:
            return Layout(guid)
        first_type = MappedType(adopted.type, "", adopted.names)
        note_type = types.get(adopted.type)
        html = adopted.html
    elif its_type:
        first_type = its_type
        note_type = types.get(its_type.id)
    else:
        first_type = our_mapped_type(card.family)
        note_type = shipped_type(card.family, types)
        needed = (IDENTITY, *needed)
    if note_type is None:
        gone = f"Anki has no note type {first_type.name} any more"
        return Layout(guid, in_anki, gone if its_type else TYPE_CHANGED)

    # where they are now, and whether a note in this type can be shipped
    now = mapped.get(card.family) if its_type else None
    places = positions_in(note_type, first_type, now)
    for name in needed:
        if name not in places:
            gone = first_type.fields.get(name, name)
            return Layout(guid, in_anki, f"{note_type.name} has no field {gone} any more")
    if IDENTITY in places:
        places = {name: at for name, at in places.items() if name not in OF_THE_PERSON}
    fields = tuple(html.get(name, "") for name in note_type.names)
    layout = Layout(guid, in_anki, "", note_type, fields, places, mapped=its_type)
    if in_anki is None:
        return layout
    is_of_type = (
        in_anki.type_id == note_type.id
        and len(in_anki.fields) == len(note_type.fields)
        and (IDENTITY not in places or in_anki.identity is not None)
    )
    if not is_of_type:
        return Layout(guid, in_anki, TYPE_CHANGED)
    return _with_base(replace(layout, fields=in_anki.fields), card, in_anki)


def _with_base(layout: Layout, card: CardHere, in_anki: NoteInAnki) -> Layout:
    """Return the layout of a note that is there, with the values that were shipped last.

    It is the package that Anki took, or another tool's note as it was. A note of ours has its
    base in itself.
    """
    if IDENTITY in layout.places:
        return _with_own_base(layout, card, in_anki)
    bases = [sent for sent in card.note.shipped if sent.hashes]
    if card.note.adopted:
        as_adopted = {}
        for name in card.note.adopted.names:
            as_adopted[name] = field_hash(card.note.adopted.first_html(name))
        bases.insert(0, Shipped(ADOPTED_MOD, hashes=as_adopted))
    theirs = layout.theirs
    base = base_of(bases, in_anki, theirs) or NO_BASE
    hashes_there = {name: field_hash(html) for name, html in theirs.items()}
    is_sure = hashes_there == base.hashes or base.mod == in_anki.mod
    if not is_sure or base.mod == in_anki.taken:
        return replace(layout, base=base, taken=0)
    return replace(layout, base=base, taken=base.mod)


def _with_own_base(layout: Layout, card: CardHere, in_anki: NoteInAnki) -> Layout:
    """Return the layout of a note of ours, which has the base of content and tags in itself.

    What is in the fields that we fill counts as what we wrote.
    """
    written = in_anki.identity.fields if in_anki.identity else ()
    hashes = dict(zip(card.family.content_fields, written, strict=False))
    unknown = {}
    for name, in_note in hashes.items():
        shipped = [sent.hashes[name] for sent in card.note.shipped if name in sent.hashes]
        if shipped and in_note not in shipped and not card.note.found:
            unknown[name] = in_note
            hashes[name] = shipped[-1]
    for name, html in layout.theirs.items():
        if name in FILLED:
            hashes[name] = field_hash(html)
    base = Shipped(0, tags_there(card, in_anki), hashes=hashes)
    return replace(layout, base=base, unknown=unknown)


# --- which type, and where our fields are in it -----------------------------------------


def mapped_type_of(
    card: CardHere,
    in_anki: NoteInAnki | None,
    mapped: Mapped,
) -> MappedType | None:
    """Return the note type, not ours, of a card's note; None if it is or will be one of ours.

    The first package fixes it: what the settings say now counts for cards that were in none.
    A note of another tool has a type that is neither.
    """
    if card.note.adopted:
        return None
    if card.note.mapped or card.note.mod or in_anki:
        return card.note.mapped
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


def tags_there(card: CardHere, in_anki: NoteInAnki) -> Strings:
    """Return our tags as in the package that Anki has: those with the hash in a note of ours."""
    for sent in reversed(card.note.shipped):
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
    if not in_anki.taken:
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

    @property
    def shown(self) -> dict[str, Media]:
        """The pictures that the fields show and that are here, by their paths."""
        written = "".join(self.fields.values())
        shown = {}
        for path, picture in self.media.items():
            if picture.name in written and picture.path:
                shown[path] = picture
        return shown


class CardFiles(Value):
    """The places that the fields of a card show, or link to, on this computer."""

    pictures: Mapping[str, Media | Problem] = {}
    """By the paths written in the card, or why they are missing."""
    papers: Strings = ()
    """The addresses that open its PDFs at the page."""


def our_fields(
    card: CardHere,
    tags: Strings,
    files: CardFiles,
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
        if isinstance(picture, Media):
            available[path] = picture
            continue
        missing.append(picture)
        # words that a person wrote in Anki have the name itself
        name = card.note.shipped_picture(path) or (path if is_media_name(path) else "")
        if layout.in_anki and name:
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
    if card.note.adopted:
        for name in card.note.adopted.names:
            html = card.note.adopted.html_of(name, card.field(name))
            if html is not None:
                fields[name] = html
                unread.discard(name)
        if not unread:
            missing.clear()

    # what we fill: it stays if the passage is not read here, or is not that of the words
    if not card.is_read_here or CardRemark.SOURCE_CHANGED in card.source:
        unread.update(FILLED)
    fields["Source"] = source_html(card)
    fields["Links"], fields["Open"] = links_html(files.papers, *card.passages)
    if IDENTITY in layout.places:
        hashes = tuple(field_hash(html) for html in content)
        fields["Citation"] = citation_html(card, safe_context)
        fields[IDENTITY] = literal(identity_of(card, hashes, tags))
    else:
        citation = "<br>".join(map(literal, references(card)))
        fields["Citation"] = citation
        fields["Header"] = literal(context_of(card, safe_context))
        cited = "<br>".join(filter(None, (citation, fields["Links"])))
        source = folded_html(cited)
        fields["Back Extra"] = words_html(occlusion.masks_in(card.fields)) + source
    return Ours(
        fields={name: fields.get(name, "") for name in layout.places},
        tags=tags,
        media=available,
        missing=tuple(missing),
        unread=frozenset(unread),
    )


# --- what is written -------------------------------------------------------------------


class ShippingOptions(Value):
    """How cards are shipped."""

    push: bool = False
    """The notes go to a running Anki instead of into a file."""
    full: bool = False
    """Also ship notes that Anki has already."""
    types: Mapping[NoteTypeId, SeenType] = {}
    """All note types in Anki, by id."""
    mapped: Mapping[Family, MappedType] = {}
    """The note types, not ours, in which notes are shipped for the first time."""


class Planned(Value):
    """The planned action for one card."""

    guid: Guid
    live: bool
    note: Note | None = None
    sent: Shipped | None = None
    held: str = ""
    """Why a change is not shipped now."""
    conflicts: tuple[Conflict, ...] = ()
    problems: tuple[Problem, ...] = ()
    changed: bool = False
    """Whether the note is newer than the one in Anki."""
    rewritten: bool = False
    """Whether an earlier package has the note in other words, and it was never seen in Anki."""
    taken: int = 0
    """The `mod` of the package that Anki has taken, if that is news; 0 if it is not."""
    unknown: bool = False
    """Whether it keeps words in Anki that the journal does not know."""

    @property
    def waits(self) -> bool:
        """Whether something of it cannot be shipped now."""
        return bool(self.held or self.conflicts or self.problems)

    @property
    def is_up_to_date(self) -> bool:
        """Whether there is nothing to write and nothing to decide."""
        return not (self.note or self.waits)


# --- the table of a field ---------------------------------------------------------------


class Action(Enum):
    """Whose text a field gets."""

    OURS = "ours"
    THEIRS = "theirs"
    ASK = "ask"


# by (whether we changed it, whether the person changed it)
_OF_THE_CARD = {
    (False, False): Action.OURS,
    (True, False): Action.OURS,
    (False, True): Action.THEIRS,
    (True, True): Action.ASK,
}
_FILLED = {**_OF_THE_CARD, (True, True): Action.THEIRS}


class ConflictChoice(NamedTuple):
    """How a person decided the last conflict about a field."""

    choice: str = ""
    """`mine`, `source`, or "" if there was no conflict."""
    about_theirs: str = ""
    """The hash of the person's text then."""
    about_ours: str = ""
    """The hash of the source's text then."""


class MergedField(NamedTuple):
    """A field of a note, merged."""

    action: Action
    html: str
    base: str
    """The hash for the next merge; "" = unknown."""


def merge_field(
    name: str,
    theirs: str,
    ours: str,
    base: str,
    decision: ConflictChoice,
) -> MergedField:
    """Merge the value of a field in Anki with our value.

    Args:
        name: our name of the field.
        theirs: its HTML in Anki.
        ours: the HTML that we would write.
        base: the hash of what the last package had; "" = unknown.
        decision: how a person decided the last conflict about it.
    """
    written = field_hash(ours)
    keeps_mine = decision.choice == "mine" and decision.about_ours == h16(ours)
    gives_up = decision.choice == "source" and decision.about_theirs == h16(theirs)
    # where we say nothing, we changed nothing
    we_changed = written != base and ours != "" and not keeps_mine
    they_changed = field_hash(theirs) not in (base, written) and not gives_up

    is_filled = name in FILLED
    table = _FILLED if is_filled else _OF_THE_CARD
    action = table[we_changed, they_changed]
    if action is Action.OURS:
        return MergedField(action, ours, written)
    # with our hash of now, the same text of ours is no conflict later
    return MergedField(action, theirs, base if is_filled else written)


# --- the table of a note ----------------------------------------------------------------


class MergedNote(NamedTuple):
    """The content of a note, merged."""

    ours: Ours
    """Our fields as they become, our tags, and the pictures that the fields may show."""
    tags: Strings
    """All tags of the note, a person's too."""
    hashes: Texts
    """The hash of each of our fields, for the next merge."""


def plan(card: CardHere, layout: Layout, ours: Ours, options: ShippingOptions) -> Planned:
    """Plan a card: nothing to ship, a note, or the reason why it waits.

    Args:
        card: the card, live or not.
        layout: where our fields are in its note.
        ours: what we would write.
        options: how cards are shipped.
    """
    nothing = Planned(card.guid, card.live)
    in_anki = layout.in_anki
    if not card.live and (in_anki is None or in_anki.retired):
        return nothing
    if layout.fault:
        return replace(nothing, held=layout.fault)
    if layout.note_type is None:  # no note is made
        return nothing
    if in_anki and not card.live:  # its fields stay as they are
        base = layout.base
        as_it_is = Ours(layout.theirs, (*base.tags, RETIRED))
        tags = (*in_anki.tags, RETIRED)
        return _written(card, layout, MergedNote(as_it_is, tags, base.hashes), options)

    # a figure never goes without its picture, and no new note does: the picture may be on
    # another computer, and the note in an Anki that was not read
    if not ours.unread.isdisjoint(card.family.content_fields):  # it lacks a picture
        figures = (HighlightKind.IMAGE, HighlightKind.INK)
        if in_anki is None or card.highlight.kind in figures:
            return replace(nothing, problems=ours.missing)

    if in_anki is None:
        hashes = {name: field_hash(html) for name, html in ours.fields.items()}
        planned = _written(card, layout, MergedNote(ours, ours.tags, hashes), options)
        return replace(planned, problems=(*ours.missing, *planned.problems))
    planned = _merged(card, in_anki, layout, ours, options)
    # the pictures of a passage that is not read here are not missed
    missing = ours.missing if card.is_read_here else ()
    problems = (*missing, *planned.problems)
    # which package Anki has may be asked as long as there is a conflict
    taken = 0 if planned.conflicts else layout.taken
    return replace(planned, problems=problems, taken=taken)


def _merged(
    card: CardHere,
    in_anki: NoteInAnki,
    layout: Layout,
    ours: Ours,
    options: ShippingOptions,
) -> Planned:
    """Merge a note in Anki with our values, field by field."""
    base = layout.base
    theirs = layout.theirs
    decisions = {
        name: ConflictChoice(*decided) for name, decided in card.edits.resolved.items()
    }

    # each field
    fields: dict[str, str] = {}
    hashes: dict[str, str] = {}
    conflicts = []
    keeps_unknown = False
    for name, html in ours.fields.items():
        if name == IDENTITY:
            continue
        there = theirs[name]
        base_hash = base.hashes.get(name, "")
        # what cannot be read now stays as it is there
        loses_media = _media_in(there) > _media_in(html)
        if name in ours.unread and (loses_media or name in FILLED):
            fields[name] = there
            hashes[name] = base_hash
            continue
        decision = decisions.get(name, ConflictChoice())
        field = merge_field(name, there, html, base_hash, decision)
        fields[name] = field.html
        hashes[name] = field.base
        if name in layout.unknown and field.action is Action.THEIRS:
            hashes[name] = layout.unknown[name]
            keeps_unknown = True
        if field.action is Action.ASK:
            conflict = Conflict(
                card.guid,
                name,
                mine=in_our_words(card, name, there),
                source=in_our_words(card, name, html),
                theirs=h16(there),
                ours=h16(html),
            )
            conflicts.append(conflict)
    if conflicts:  # the note waits until a person chooses
        return Planned(card.guid, card.live, conflicts=tuple(conflicts))

    # AnkiforgeId
    compared = fields.keys() - {OF_THIS_COMPUTER}
    if IDENTITY in theirs:
        all_hashes = {**base.hashes, **hashes}
        of_content = [all_hashes.get(name, "") for name in card.family.content_fields]
        identity = identity_of(card, tuple(of_content), ours.tags)
        fields[IDENTITY] = literal(identity)
        if "Source" not in ours.unread:  # else a new base alone is no reason to write
            compared.add(IDENTITY)

    # a base that is ours again is written once more, so that the journal knows it
    learns = False
    for name, in_note in layout.unknown.items():
        learns |= in_note == field_hash(ours.fields[name])

    # nothing is written if nothing changes
    tags = merged_tags(base.tags, in_anki.tags, ours.tags)
    has_same_fields = all(same_html(fields[name], theirs[name]) for name in compared)
    has_same_tags = set(map(str.casefold, tags)) == set(map(str.casefold, in_anki.tags))
    if has_same_fields and has_same_tags and not (options.full or learns):
        return Planned(card.guid, card.live, unknown=keeps_unknown)
    merged = MergedNote(replace(ours, fields=fields), tags, hashes)
    planned = _written(card, layout, merged, options)
    return replace(planned, unknown=keeps_unknown)


def merged_tags(base: Strings, theirs: Strings, ours: Strings) -> Strings:
    """Return the tags in Anki, plus those that we added since the base, minus those we removed.

    They are compared without case, as in Anki; theirs keep their spelling. The note of a live
    card is not tagged as retired.
    """
    our_tags = {tag.casefold(): tag for tag in ours}
    tags_before = {tag.casefold() for tag in base}
    merged = {}
    for folded, tag in our_tags.items():
        if folded not in tags_before:
            merged[folded] = tag
    for tag in theirs:
        folded = tag.casefold()
        if not (folded in tags_before and folded not in our_tags):
            merged[folded] = tag
    merged.pop(RETIRED, None)
    return tuple(sorted(merged.values()))


def _media_in(html: str) -> int:
    """Return how many pictures and sounds a field has."""
    return html.count("<img") + html.count("[sound:")


def in_our_words(card: CardHere, field: str, html: str) -> str:
    """Return a field of a note in Anki as a card holds it: Markdown, or the masks of a figure."""
    if field != occlusion.FIELD:
        return unrender(html)
    known = occlusion.masks_in(card.fields)
    return occlusion.write(occlusion.with_labels(occlusion.from_anki(html), known))


# --- the note that is written -----------------------------------------------------------


def _written(
    card: CardHere, layout: Layout, merged: MergedNote, options: ShippingOptions
) -> Planned:
    """Return the note to ship, unless Anki or the note type in Anki would reject it.

    Args:
        card: the card.
        layout: where our fields are in the note; its other fields stay as they are.
        merged: the content of the note.
        options: how cards are shipped.
    """
    nothing = Planned(card.guid, card.live)
    in_anki = layout.in_anki
    note_type = layout.note_type
    assert note_type is not None
    held = _why_held(card, in_anki, note_type, options)
    if held:
        return replace(nothing, held=held)

    # our fields among the others, the cards that they make, and the pictures that they show
    ours = merged.ours
    fields = layout.filled(ours.fields)
    ordinals = cards_of(note_type, fields, in_anki)
    shown = ours.shown
    digest = _digest_of(card, layout, ours)
    mod = _mod_of(card, in_anki, digest, options)
    note = Note(
        guid=layout.guid,
        type=note_type,
        deck=in_anki.deck if in_anki else deck_name(card.deck),
        fields=fields,
        tags=merged.tags,
        mod=mod,
        ordinals=ordinals,
        media=tuple(shown.values()),
        states={} if in_anki else _schedules(card, ordinals),
    )
    refused = _refused(nothing, note, in_anki)
    if refused:
        return refused

    # a note of our types has what else we filled in itself
    hashes = merged.hashes
    if IDENTITY in layout.places:
        names = [name for name in card.family.content_fields if name in hashes]
        hashes = {name: hashes[name] for name in names}
    sent = Shipped(
        mod=mod,
        tags=ours.tags,
        digest=digest,
        numbers=_cloze_words(card),
        hashes=hashes,
        mapped=layout.mapped,
        pictures={path: picture.name for path, picture in shown.items()},
    )
    return replace(
        nothing,
        note=note,
        sent=sent,
        changed=in_anki is not None and mod != in_anki.mod,
        rewritten=in_anki is None and card.note.mod not in (0, mod),
    )


def _digest_of(card: CardHere, layout: Layout, ours: Ours) -> str:
    """Return the hash by which an equal revision is recognised later."""
    if card.kept and card.live:
        return card.note.digest
    names = [name for name in layout.places if name != OF_THIS_COMPUTER]
    return h16(*(ours.fields[name] for name in names), "\x1e", *ours.tags)


def _schedules(card: CardHere, ordinals: Numbers) -> dict[int, tuple[int, ...]]:
    """Return the schedule that another tool has of the cards of a new note."""
    states: dict[int, tuple[int, ...]] = {}
    for ordinal, (due, interval, ease) in zip(ordinals, card.note.schedule, strict=False):
        if due and not card.note.adopted:
            days = (date.fromisoformat(due) - DAY_ZERO.date()).days
            # type and queue of a card in review, its day, interval, ease in permille, one
            # repetition
            states[ordinal] = (2, 2, days, interval, 10 * ease, 1)
    return states


def _refused(nothing: Planned, note: Note, in_anki: NoteInAnki | None) -> Planned | None:
    """Return why Anki would refuse a note; None if it takes it."""
    refused = refusal(note)
    if in_anki:
        return replace(nothing, held="it would have no card left") if refused else None
    if is_blank(note.fields[0]):
        first = f"{note.type.names[0]}, the first field of {note.type.name}"
        empty = f"note {note.guid}: {first}, is empty"
        refused = Problem(f"deck {note.deck}", empty, "edit or reject the card")
    return replace(nothing, problems=(refused,)) if refused else None


def _why_held(
    card: CardHere,
    in_anki: NoteInAnki | None,
    note_type: SeenType,
    options: ShippingOptions,
) -> str:
    """Return why a note is not shipped in this way now; "" if it is."""
    # the import of a file removes the tags of the scheduler; once it is repaired, they are done
    if in_anki and in_anki.scheduler_tags and not (card.note.repaired or options.push):
        scheduler_tags = " and ".join(in_anki.scheduler_tags)
        return f"its note is tagged {scheduler_tags}: use ankiforge push"
    # AnkiConnect merges note types: a second one that an import had made beside this one,
    # because it had other fields, would be deleted and its notes changed to this type
    for other in options.types.values() if options.push else ():
        if other.origin == note_type.id and other.id != note_type.id:
            merging = f"a push would merge {other.name} into {note_type.name}"
            return f"{merging}: import the file instead"
    return ""


def _mod_of(
    card: CardHere, in_anki: NoteInAnki | None, digest: str, options: ShippingOptions
) -> int:
    """Return the revision number of a note.

    It is that of the last package if the note is still the same and Anki has not taken that
    package, or if everything is packed again. Anki takes a note that differs from its own only
    with a larger number than its own.
    """
    seen_mod = in_anki.mod if in_anki else 0
    waits_for_import = in_anki is None or seen_mod < card.note.mod
    if card.note.mod and card.note.digest == digest:
        if waits_for_import or (options.full and seen_mod == card.note.mod):
            return card.note.mod
    return next_mod(card.guid, card.note.mod, seen_mod)


def _cloze_words(card: CardHere) -> Texts:
    """Return the words under each cloze number of a live card."""
    if not card.live:
        return {}
    if card.kind is CardKind.OCCLUSION:
        masks = occlusion.masks_in(card.fields)
        return occlusion.hidden_words(masks)
    words: dict[str, str] = {}
    for gap in gaps(dict(card.fields).get("Text", "")):
        for number in gap.numbers:
            words[str(number)] = plain(gap.answer)
    return words
