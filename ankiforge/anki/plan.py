"""Decide what to ship of each card: nothing, or a note. Pure functions.

A note has three versions: what our package wrote (the base), what is in Anki, and what we
would write. A `Layout` (`layouts.py`) says where our fields are in the note, and what the
base of each is.

    field               ours now                 in Anki        action
    any                 as shipped, or changed   as shipped     ours
    of the card         as shipped, or empty     a person's     theirs
    of the card         changed                  a person's     ask: the note waits
    that we fill        anything                 a person's     theirs
    any                 cannot be read now       anything       theirs
    that is not ours    -                        anything       theirs

    card      note in Anki                       action
    dropped   absent, or tagged as retired       nothing
    any       of another type, or a field gone   held
    dropped   there                              theirs, with the tag
    live      absent                             a new note, where the layout makes one
    live      there                              field by field; nothing if nothing changes

Tags: theirs, plus what we added since the base, minus what we took away; the note of a live
card is not tagged as retired. Deck: ours for a new note only.

What must stay true: a person's words, tags and deck are never overwritten; a note that
needs nothing is not written; `mod` grows whenever one is, or Anki would not take it.
Tested in the real Anki: `tests/anki/stories.py` and the tests that play them; missing
pictures: `tests/anki/test_layouts.py`, `tests/extract/test_zotero_pictures.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.anki.layouts import FILLED, IDENTITY, OF_THIS_COMPUTER, Layout, Ours
from ankiforge.anki.notes import deck_name, identity_of
from ankiforge.anki.notetypes import field_hash, is_blank, same_html
from ankiforge.anki.package import DAY_ZERO, refusal
from ankiforge.anki.render import literal, unrender
from ankiforge.anki.templates import cards_of
from ankiforge.model import (
    RETIRED,
    Card,
    CardKind,
    Conflict,
    Family,
    Guid,
    HighlightKind,
    MappedType,
    Note,
    NoteInAnki,
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
from ankiforge.text.cloze import gaps, plain


class Options(Value):
    """How cards are shipped."""

    push: bool = False
    """The notes go to a running Anki instead of into a file."""
    full: bool = False
    """Also ship notes that Anki has already."""
    types: Mapping[int, SeenType] = {}
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

    @property
    def settled(self) -> bool:
        """Whether there is nothing to write and nothing to decide."""
        return not (self.note or self.held or self.conflicts or self.problems)


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


class Decision(NamedTuple):
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
    decision: Decision,
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
    is_empty = ours == ""  # where we say nothing, we changed nothing
    keeps_mine = decision.choice == "mine" and decision.about_ours == h16(ours)
    gives_up = decision.choice == "source" and decision.about_theirs == h16(theirs)
    we_changed = written != base and not is_empty and not keeps_mine
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


def plan(card: Card, layout: Layout, ours: Ours, options: Options) -> Planned:
    """Plan a card: nothing to ship, a note, or the reason why it waits.

    Args:
        card: the card, live or not.
        layout: where our fields are in its note.
        ours: what we would write.
        options: how cards are shipped.
    """
    nothing = Planned(card.guid, card.live)
    in_anki = layout.in_anki
    is_dropped_in_anki = in_anki is None or in_anki.retired
    if not card.live and is_dropped_in_anki:
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
    is_figure = card.highlight.kind in (HighlightKind.IMAGE, HighlightKind.INK)
    lacks_picture = not ours.unread.isdisjoint(card.family.content_fields)
    if lacks_picture and (is_figure or in_anki is None):
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
    card: Card,
    in_anki: NoteInAnki,
    layout: Layout,
    ours: Ours,
    options: Options,
) -> Planned:
    """Merge a note in Anki with our values, field by field."""
    base = layout.base
    theirs = layout.theirs
    decisions = {name: Decision(*decided) for name, decided in card.resolved.items()}

    # each field
    fields: dict[str, str] = {}
    hashes: dict[str, str] = {}
    conflicts = []
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
        decision = decisions.get(name, Decision())
        field = merge_field(name, there, html, base_hash, decision)
        fields[name] = field.html
        hashes[name] = field.base
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

    # nothing is written if nothing changes
    tags = merged_tags(base.tags, in_anki.tags, ours.tags)
    has_same_fields = all(same_html(fields[name], theirs[name]) for name in compared)
    has_same_tags = set(map(str.casefold, tags)) == set(map(str.casefold, in_anki.tags))
    if has_same_fields and has_same_tags and not options.full:
        return Planned(card.guid, card.live)
    merged = MergedNote(replace(ours, fields=fields), tags, hashes)
    return _written(card, layout, merged, options)


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
        was_removed_here = folded in tags_before and folded not in our_tags
        if not was_removed_here:
            merged[folded] = tag
    merged.pop(RETIRED, None)
    return tuple(sorted(merged.values()))


def _media_in(html: str) -> int:
    """Return how many pictures and sounds a field has."""
    return html.count("<img") + html.count("[sound:")


def in_our_words(card: Card, field: str, html: str) -> str:
    """Return a field of a note in Anki as a card holds it: Markdown, or the masks of a figure."""
    if field != occlusion.FIELD:
        return unrender(html)
    known = occlusion.masks_in(card.fields)
    return occlusion.write(occlusion.with_labels(occlusion.from_anki(html), known))


# --- the note that is written -----------------------------------------------------------


def _written(card: Card, layout: Layout, merged: MergedNote, options: Options) -> Planned:
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
    held = _why_held(in_anki, note_type, options)
    if held:
        return replace(nothing, held=held)

    # our fields among the others, the cards that they make, and the pictures that they show
    ours = merged.ours
    fields = layout.filled(ours.fields)
    ordinals = cards_of(note_type, fields, in_anki)
    written = "".join(ours.fields.values())
    pictures = {}
    shown = {}
    for path, picture in ours.media.items():
        if picture.name in written and picture.path:
            pictures[path] = picture.name
            shown[picture.name] = picture

    # the hash by which an equal revision is recognised later
    digest = card.digest
    if not (card.kept and card.live):
        names = [name for name in layout.places if name != OF_THIS_COMPUTER]
        digest = h16(*(ours.fields[name] for name in names), "\x1e", *ours.tags)
    mod = _mod_of(card, in_anki, digest, options)

    # the schedule that another tool has of the cards of a new note
    states: dict[int, tuple[int, ...]] = {}
    for ordinal, (due, interval, ease) in zip(ordinals, card.schedule, strict=False):
        if due and not card.adopted and not in_anki:
            days = (date.fromisoformat(due) - DAY_ZERO.date()).days
            # type and queue of a card in review, its day, interval, ease in permille, one
            # repetition
            states[ordinal] = (2, 2, days, interval, 10 * ease, 1)
    note = Note(
        guid=layout.guid,
        type=note_type,
        deck=in_anki.deck if in_anki else deck_name(card.deck),
        fields=fields,
        tags=merged.tags,
        mod=mod,
        ordinals=ordinals,
        media=tuple(shown[name] for name in sorted(shown)),
        states=states,
    )
    refused = refusal(note)
    if refused and in_anki:
        return replace(nothing, held="it would have no card left")
    if not in_anki and is_blank(note.fields[0]):
        first = f"{note_type.names[0]}, the first field of {note_type.name}"
        empty = f"note {note.guid}: {first}, is empty"
        refused = Problem(f"deck {note.deck}", empty, "edit or reject the card")
    if refused:
        return replace(nothing, problems=(refused,))

    is_base_in_note = IDENTITY in layout.places
    sent = Shipped(
        mod=mod,
        tags=ours.tags,
        digest=digest,
        numbers=_cloze_words(card) if card.live else {},
        hashes={} if is_base_in_note else merged.hashes,
        mapped=layout.mapped,
        pictures=pictures,
    )
    return replace(
        nothing,
        note=note,
        sent=sent,
        changed=in_anki is not None and mod != in_anki.mod,
        rewritten=in_anki is None and card.mod not in (0, mod),
    )


def _why_held(in_anki: NoteInAnki | None, note_type: SeenType, options: Options) -> str:
    """Return why a note is not shipped in this way now; "" if it is."""
    # the import of a file removes the tags of the scheduler
    if in_anki and in_anki.scheduler_tags and not options.push:
        scheduler_tags = " and ".join(in_anki.scheduler_tags)
        return f"its note is tagged {scheduler_tags}: use ankiforge push"
    # AnkiConnect merges note types: a second one that an import had made beside this one,
    # because it had other fields, would be deleted and its notes changed to this type
    for other in options.types.values() if options.push else ():
        if other.origin == note_type.id and other.id != note_type.id:
            merging = f"a push would merge {other.name} into {note_type.name}"
            return f"{merging}: import the file instead"
    return ""


def _mod_of(card: Card, in_anki: NoteInAnki | None, digest: str, options: Options) -> int:
    """Return the revision number of a note.

    It is that of the last package if the note is still the same and Anki has not taken that
    package, or if everything is packed again. Anki takes a note that differs from its own only
    with a larger number than its own.
    """
    seen_mod = in_anki.mod if in_anki else 0
    waits_for_import = in_anki is None or seen_mod < card.mod
    is_packed_again = options.full and seen_mod == card.mod
    is_same_revision = card.digest == digest and (waits_for_import or is_packed_again)
    if card.mod and is_same_revision:
        return card.mod
    return next_mod(card.guid, card.mod, seen_mod)


def _cloze_words(card: Card) -> Texts:
    """Return the words under each cloze number."""
    if card.kind is CardKind.OCCLUSION:
        masks = occlusion.masks_in(card.fields)
        return occlusion.hidden_words(masks)
    words: dict[str, str] = {}
    for gap in gaps(dict(card.fields).get("Text", "")):
        for number in gap.numbers:
            words[str(number)] = plain(gap.answer)
    return words
