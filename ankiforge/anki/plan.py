"""Decide what to ship of each card: nothing, or a note. Pure functions.

A note in Anki has three versions: what our package wrote, what is there now, and what we
would write. The base travels with the note: its AnkiforgeId has a hash of each
field as our package wrote it. A field is the person's if and only if it no longer fits
its hash.

    field in Anki    our text now      result
    ours             same, or changed  ours
    a person's       as shipped        theirs
    a person's       changed           theirs stays: a conflict, until a person chooses
    a person's       chosen: mine      theirs
    a person's       chosen: source    ours

What must stay true: a person's words, tags and deck are never overwritten; a note that
needs nothing is not written; `mod` grows whenever one is, or Anki would not take it.
Tested in the real Anki: `tests/anki/stories.py` and the tests that play them; missing
pictures: `tests/extract/test_zotero_pictures.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.anki.notes import (
    SafeContext,
    content_html,
    deck_name,
    field_html,
    identity_of,
    tag_names,
    with_content,
)
from ankiforge.anki.notetypes import (
    card_ordinals,
    field_hash,
    in_order_of,
    is_exact,
    our_note_type,
    same_html,
    tags_hash,
    usable,
)
from ankiforge.anki.package import refusal
from ankiforge.anki.render import unrender
from ankiforge.model import (
    RETIRED,
    Card,
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
    Problem,
    SeenType,
    Strings,
    Texts,
    Value,
    h16,
    next_mod,
)
from ankiforge.text import occlusion
from ankiforge.text.cloze import gaps, plain

TYPE_CHANGED = "its note type was changed in Anki"
"""Why a note is held back that has another note type than we gave it."""


class Options(Value):
    """How cards are shipped."""

    safe_context: SafeContext
    """What may be above a question."""
    push: bool = False
    """The notes go to a running Anki instead of into a file."""
    full: bool = False
    """Also ship notes that Anki has already."""
    types: Mapping[Family, SeenType] = {}
    """Our note types that a person changed in Anki."""
    seen_types: Mapping[int, SeenType] = {}
    """All note types in Anki, by id."""
    mapped: Mapping[Family, MappedType] = {}
    """The note types, not ours, in which notes are shipped for the first time."""


class Sent(Value):
    """What the ledger records of a note in a package."""

    mod: int
    tags: Strings
    """Our tags."""
    deck: str
    digest: str
    """A hash of the whole note: an equal one later is the same revision."""
    numbers: Texts
    """The words under each cloze number."""
    hashes: Texts = {}
    """By our field: the hash of its HTML, of a note that does not carry the hashes itself."""
    mapped: MappedType | None = None
    """The note type, if it is not ours, and no tool made the note."""


class Planned(Value):
    """What to do with one card."""

    guid: Guid
    live: bool
    note: Note | None = None
    sent: Sent | None = None
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


class Contents(Value):
    """What the note of a card would hold, as it is shipped."""

    html: Strings
    """Of our note type all its fields, in its order; of another one our content fields only."""
    tags: Strings
    """All tags of the note, a person's too."""
    our_tags: Strings
    """Those of the tags that are ours."""
    pictures: tuple[Media, ...] = ()
    """Pictures that the fields may show."""
    note_type: SeenType | None = None
    """The note type, if it is not one of ours."""
    type_fields: Strings = ()
    """All fields of a note of such a type, in its order."""
    ordinals: tuple[int, ...] = ()
    """The ordinals of the cards of a note of such a type."""


class Merged(NamedTuple):
    """The content fields of a note in Anki, merged with ours."""

    content: Strings
    hashes: Strings
    """The hash of each field as we wrote it: the base of the next merge."""
    conflicts: tuple[Conflict, ...]


def plan(
    card: Card,
    in_anki: NoteInAnki | None,
    tags: Sequence[str],
    pictures: Mapping[str, Media | Problem],
    options: Options,
) -> Planned:
    """Return what to ship of a card.

    Args:
        card: the card, live or not.
        in_anki: its note in Anki; None if it is not there or Anki was not read.
        tags: our tags.
        pictures: the pictures in its fields, by the path written there, or why they are
            missing.
        options: how cards are shipped.
    """
    nothing = Planned(card.guid, card.live)
    if in_anki is None and not card.live:
        return nothing
    if in_anki is not None:
        is_of_our_type = in_anki.type_known and in_anki.identity is not None
        if not is_of_our_type:
            return replace(nothing, held=TYPE_CHANGED)
        if not card.live:
            return nothing if in_anki.retired else _plan_retired(card, in_anki, options)

    available, missing = found_and_missing(pictures)
    is_picture = card.highlight.kind in (HighlightKind.IMAGE, HighlightKind.INK)
    if missing and is_picture:
        return replace(nothing, problems=missing)

    our_tags = card.tags_sent[-1] if card.kept else tag_names(tuple(tags))
    if in_anki is None:
        html = field_html(card, our_tags, options.safe_context, available)
        contents = Contents(html, our_tags, our_tags, tuple(available.values()))
        planned = plan_note(card, in_anki, contents, options)
    else:
        planned = _plan_seen(card, in_anki, our_tags, available, options)
    return replace(planned, problems=(*missing, *planned.problems))


def _plan_seen(
    card: Card,
    in_anki: NoteInAnki,
    our_tags: Strings,
    pictures: Mapping[str, Media],
    options: Options,
) -> Planned:
    """Return what to ship of a live card whose note is in Anki: nothing, if that is the same."""
    nothing = Planned(card.guid, card.live)
    merged = _merge_with_anki(card, in_anki, pictures)
    if merged.conflicts:
        # left out until a person chooses
        return replace(nothing, conflicts=merged.conflicts)
    html = _merged_html(card, in_anki, merged, our_tags, options.safe_context)
    tags = tags_of_live(base_tags(card, in_anki), in_anki.tags, our_tags)
    if not options.full and _is_unchanged(card, in_anki, html, tags):
        return nothing
    contents = Contents(html, tags, our_tags, tuple(pictures.values()))
    return plan_note(card, in_anki, contents, options)


def found_and_missing(
    pictures: Mapping[str, Media | Problem],
) -> tuple[dict[str, Media], tuple[Problem, ...]]:
    """Return the pictures that are there, by the path written, and why others are missing."""
    available: dict[str, Media] = {}
    problems: list[Problem] = []
    for path, picture in pictures.items():
        if isinstance(picture, Media):
            available[path] = picture
        else:
            problems.append(picture)
    return available, tuple(problems)


def _plan_retired(card: Card, in_anki: NoteInAnki, options: Options) -> Planned:
    """Tag the note of a card that is no longer live; its fields stay as they are."""
    tags = (*in_anki.tags, RETIRED)
    our_tags = (*base_tags(card, in_anki), RETIRED)
    return plan_note(card, in_anki, Contents(in_anki.fields, tags, our_tags), options)


def _merge_with_anki(
    card: Card, in_anki: NoteInAnki, pictures: Mapping[str, Media]
) -> Merged:
    """Merge our content fields with those of the note in Anki."""
    assert in_anki.identity is not None
    ours = content_html(card.kind, card.fields, pictures)
    return merge(card, in_anki.fields, ours, in_anki.identity.fields)


def _merged_html(
    card: Card,
    in_anki: NoteInAnki,
    merged: Merged,
    our_tags: Strings,
    safe_context: SafeContext,
) -> Strings:
    """Return all fields of a note that is in Anki: a person's remark in Feedback stays."""
    feedback = in_anki.fields[our_note_type(card.family).names.index("Feedback")]
    identity = identity_of(card, merged.hashes, our_tags)
    return with_content(card, merged.content, identity, safe_context, feedback)


def _is_unchanged(card: Card, in_anki: NoteInAnki, html: Strings, tags: Strings) -> bool:
    """Return whether the note in Anki shows already what we would write."""
    compared = len(html)
    if CardRemark.SOURCE_CHANGED in card.remarks or not card.is_read_here:
        # the machine fields show the passage that the note's words are from
        compared = len(card.family.content_fields)
    ours = html[:compared]
    theirs = in_anki.fields[:compared]
    if len(ours) != len(theirs) or not same_tags(tags, in_anki.tags):
        return False
    return all(map(same_html, ours, theirs))


def merge(
    card: Card,
    theirs: Sequence[str],
    ours: Sequence[str],
    bases: Sequence[str],
) -> Merged:
    """Merge the content fields of a note in Anki with ours.

    Args:
        card: the card of the note.
        theirs: its fields in Anki.
        ours: the content fields that we would write.
        bases: the hash of each of them as we wrote it last.
    """
    content: list[str] = []
    hashes: list[str] = []
    conflicts: list[Conflict] = []
    for position, name in enumerate(card.family.content_fields):
        base = bases[position] if position < len(bases) else ""
        decision = decision_on(card, name)
        text, written, is_conflict = merge_field(
            decision, theirs[position], ours[position], base
        )
        if is_conflict:
            conflicts.append(conflict_of(card, name, theirs[position], ours[position]))
        content.append(text)
        hashes.append(written)
    return Merged(tuple(content), tuple(hashes), tuple(conflicts))


def conflict_of(card: Card, field: str, theirs: str, ours: str) -> Conflict:
    """Return the conflict of two texts of a field."""
    return Conflict(
        card.guid, field, theirs, ours, words=in_our_words(card, field, theirs)
    )


def in_our_words(card: Card, field: str, html: str) -> str:
    """Return a field of a note in Anki as a card holds it: Markdown, or the masks of a figure."""
    if field != occlusion.FIELD:
        return unrender(html)
    known = occlusion.masks_in(card.fields)
    return occlusion.write(occlusion.with_labels(occlusion.from_anki(html), known))


class Decision(NamedTuple):
    """How a person decided the last conflict about a field."""

    choice: str = ""
    """`mine`, `source`, or "" if there was no conflict."""
    about_theirs: str = ""
    """The hash of the person's text then."""
    about_ours: str = ""
    """The hash of the source's text then."""


def decision_on(card: Card, field: str) -> Decision:
    """Return how a person decided the last conflict about a field of a card."""
    decisions = {name: Decision(*decided) for name, *decided in card.resolved}
    return decisions.get(field, Decision())


def merge_field(
    decision: Decision,
    theirs: str,
    ours: str,
    base: str,
) -> tuple[str, str, bool]:
    """Merge one field.

    Returns:
        The text, the hash of what we wrote, and whether a person must choose.
    """
    written = field_hash(ours)
    is_theirs = field_hash(theirs) not in (base, written)
    took_source = decision.choice == "source" and decision.about_theirs == h16(theirs)
    if not is_theirs or took_source:
        return ours, written, False

    # where the source says nothing, nothing is in conflict
    source_is_as_shipped = written == base or not ours
    kept_theirs = decision.choice == "mine" and decision.about_ours == h16(ours)
    if source_is_as_shipped or kept_theirs:
        # with this hash, the same text of the source is not a conflict later
        return theirs, written, False
    # with the old hash, the conflict is found again until a person chooses
    return theirs, base, True


def plan_note(
    card: Card,
    in_anki: NoteInAnki | None,
    contents: Contents,
    options: Options,
) -> Planned:
    """Return the note to ship, unless Anki or the note type in Anki would reject it."""
    family = card.family
    nothing = Planned(card.guid, card.live)
    changed_type = None if contents.note_type else options.types.get(family)
    held = _why_held(in_anki, family, changed_type, options)
    if not held and options.push and contents.note_type:
        held = _why_not_pushed(contents.note_type, options.seen_types)
    if held:
        return replace(nothing, held=held)

    digest = _digest_of(card, contents)
    mod = _mod_of(card, in_anki, digest, options)
    type_fields = contents.type_fields
    if changed_type:
        before = in_anki.type_fields if in_anki else ()
        type_fields = in_order_of(changed_type, family, contents.html, before)
    note = Note(
        guid=card.guid,
        family=family,
        deck=in_anki.deck if in_anki else deck_name(card.deck),
        fields=contents.html,
        tags=contents.tags,
        mod=mod,
        media=_shown_pictures(contents),
        type_fields=type_fields,
        without=frozenset() if contents.note_type else _deleted_cards(family, in_anki),
        note_type=contents.note_type,
        ordinals=contents.ordinals,
    )
    refused = refusal(note)
    if refused and in_anki:
        return replace(nothing, held="it would have no card left")
    if refused:
        return replace(nothing, problems=refused)
    sent = Sent(
        mod=mod,
        tags=contents.our_tags,
        deck=note.deck,
        digest=digest,
        numbers=_cloze_words(card) if card.live else {},
    )
    return replace(
        nothing,
        note=note,
        sent=sent,
        changed=in_anki is not None and mod != in_anki.mod,
        rewritten=in_anki is None and card.mod not in (0, mod),
    )


def _why_held(
    in_anki: NoteInAnki | None,
    family: Family,
    changed_type: SeenType | None,
    options: Options,
) -> str:
    """Return why a note cannot be shipped now; "" if it can.

    `changed_type` is our note type as a person changed it in Anki.
    """
    if changed_type and not usable(changed_type, family):
        return f"a field or template of ankiforge is missing from {changed_type.name}"
    if changed_type and options.push and not is_exact(changed_type, family):
        name = changed_type.name
        return f"{name} has fields or templates that you added: import the file instead"
    if in_anki and in_anki.scheduler_tags and not options.push:
        tags = " and ".join(in_anki.scheduler_tags)
        return f"its note is tagged {tags}: use ankiforge push"
    return ""


def _why_not_pushed(note_type: SeenType, seen_types: Mapping[int, SeenType]) -> str:
    """Return why notes of a type that is not ours cannot be pushed; "" if they can.

    AnkiConnect merges note types: a second one that an import had made beside this one,
    because it had other fields, would be deleted and its notes changed to this type.
    """
    for other in seen_types.values():
        if other.origin == note_type.id and other.id != note_type.id:
            return f"a push would merge {other.name} into {note_type.name}: import the file instead"
    return ""


def _digest_of(card: Card, contents: Contents) -> str:
    """Return the hash by which an equal revision is recognised later."""
    if card.kept and card.live:
        return card.digest
    return h16(*contents.html, "\x1e", *contents.our_tags)


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


def _deleted_cards(family: Family, in_anki: NoteInAnki | None) -> frozenset[int]:
    """Return the ordinals of cards that a person deleted: they are not made again."""
    if in_anki is None:
        return frozenset()
    return frozenset(card_ordinals(family, in_anki.fields)) - frozenset(in_anki.ordinals)


def _shown_pictures(contents: Contents) -> tuple[Media, ...]:
    """Return the pictures that the fields show, by name."""
    written = "".join(contents.html)
    shown = {media.name: media for media in contents.pictures if media.name in written}
    return tuple(shown[name] for name in sorted(shown))


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


def same_tags(some: Iterable[str], others: Iterable[str]) -> bool:
    """Return whether tags are the same to Anki, which compares them without case."""
    return _folded(some) == _folded(others)


def _folded(tags: Iterable[str]) -> set[str]:
    return {tag.casefold() for tag in tags}


def tags_of_live(
    base: Sequence[str],
    theirs: Sequence[str],
    ours: Sequence[str],
) -> Strings:
    """Return the tags of a live card's note in Anki, merged with ours: it is not retired."""
    merged = merge_tags(base, theirs, ours)
    return tuple(tag for tag in merged if tag != RETIRED)


def merge_tags(
    base: Sequence[str],
    theirs: Sequence[str],
    ours: Sequence[str],
) -> Strings:
    """Merge tags: theirs, plus what we added since the base, minus what we removed. Sorted.

    Tags are compared without case, as in Anki. Tags of theirs keep their spelling.
    """
    before = _folded(base)
    ours_by_fold = {tag.casefold(): tag for tag in ours}
    theirs_by_fold = {tag.casefold(): tag for tag in theirs}
    merged = {folded: tag for folded, tag in ours_by_fold.items() if folded not in before}
    for folded, tag in theirs_by_fold.items():
        we_removed_it = folded in before and folded not in ours_by_fold
        if not we_removed_it:
            merged[folded] = tag
    return tuple(sorted(merged.values()))


def base_tags(card: Card, in_anki: NoteInAnki) -> Strings:
    """Return our tags as in the package that Anki has: those with the hash in the note."""
    wanted = in_anki.identity.tags if in_anki.identity else ""
    for tags in reversed(card.tags_sent):
        if tags_hash(tags) == wanted:
            return tags
    return ()
