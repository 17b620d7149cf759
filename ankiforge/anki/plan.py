"""Decide what to ship of each card: nothing, or a note. Pure functions.

Of a note in Anki there are three sides: what our package wrote, what is there now, and what we would
write. The base travels with the note: its AnkiforgeId has a hash of each field as our package wrote
it. A field is the person's if and only if it no longer fits its hash.

    field in Anki    our text now      result
    ours             same, or changed  ours
    a person's       as shipped        theirs
    a person's       changed           theirs stays: a conflict, until a person chooses

What must stay true: a person's words, tags and deck are never overwritten; a note that needs nothing is
not written; `mod` grows whenever one is, or Anki would not take it. Tested in the real Anki:
`tests/anki/stories.py` and what plays them; missing pictures: `tests/e2e/test_zotero_pictures.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from ankiforge.anki.notes import (
    content_html,
    deck_name,
    field_html,
    tag_names,
    with_content,
)
from ankiforge.anki.notetypes import (
    card_ordinals,
    field_hash,
    in_order_of,
    is_exact,
    note_type,
    same_html,
    tags_hash,
    usable,
)
from ankiforge.anki.package import refusal
from ankiforge.anki.render import unrender
from ankiforge.model import (
    RETIRED,
    Card,
    CardRemark,
    Conflict,
    Family,
    Guid,
    HighlightKind,
    Media,
    Note,
    Problem,
    Seen,
    SeenType,
    Strings,
    Texts,
    Value,
    h16,
    next_mod,
)
from ankiforge.text.cloze import gaps, plain


class Options(Value):
    """How cards are shipped."""

    push: bool = False
    """The notes go to a running Anki instead of into a file."""
    full: bool = False
    """Also ship notes that Anki has already."""
    types: Mapping[Family, SeenType] = {}
    """Our note types that a person changed in Anki."""


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
    """The hashes of the content fields that another tool's note got, by name."""


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

    @property
    def settled(self) -> bool:
        """Whether there is nothing to write and nothing to decide."""
        return not (self.note or self.held or self.conflicts or self.problems)


def plan(
    card: Card,
    seen: Seen | None,
    tags: Sequence[str],
    pictures: Mapping[str, Media | Problem],
    options: Options,
) -> Planned:
    """Return what to ship of a card.

    Args:
        card: the card, live or not.
        seen: its note in Anki; None if it is not there or Anki was not read.
        tags: our tags.
        pictures: the pictures in its fields, by the path written there, or why they are missing.
        options: how cards are shipped.
    """
    ours = card.tags_sent[-1] if card.kept else tag_names(tuple(tags))
    found = {path: one for path, one in pictures.items() if isinstance(one, Media)}
    missing = tuple(one for one in pictures.values() if isinstance(one, Problem))
    if seen is None and not card.live:
        return Planned(card.guid, card.live)
    if seen and (not seen.type_known or seen.identity is None):
        return Planned(card.guid, card.live, held="its note type was changed in Anki")
    if seen and not card.live:
        if seen.retired:
            return Planned(card.guid, card.live)
        base = (*base_tags(card, seen), RETIRED)
        return plan_note(card, seen, seen.fields, (*seen.tags, RETIRED), base, (), options)
    if missing and card.highlight.kind in (HighlightKind.IMAGE, HighlightKind.INK):
        return Planned(card.guid, card.live, problems=missing)
    if seen is None:
        html, tags_now = field_html(card, ours, found), ours
    else:
        written = content_html(card.kind, card.fields, found)
        assert seen.identity is not None
        content, hashes, conflicts = merge(card, seen.fields, written, seen.identity.fields)
        feedback = seen.fields[note_type(card.family).names.index("Feedback")]
        html = with_content(card, content, hashes, ours, feedback)
        if conflicts:  # left out until a person chooses
            return Planned(card.guid, card.live, conflicts=conflicts)
        merged = merge_tags(base_tags(card, seen), seen.tags, ours)
        tags_now = tuple(tag for tag in merged if tag != RETIRED)
        compared = len(html)
        # the note shows the passage that its words are from
        if CardRemark.SOURCE_CHANGED in card.remarks or card.kept or not card.highlight.namespace:
            compared = len(card.family.content_fields)
        same = all(map(same_html, html[:compared], seen.fields[:compared]))
        same = same and len(html[:compared]) == len(seen.fields[:compared])
        if same and _folded(tags_now) == _folded(seen.tags) and not options.full:
            return Planned(card.guid, card.live)
    planned = plan_note(card, seen, html, tags_now, ours, found.values(), options)
    return replace(planned, problems=(*missing, *planned.problems))


def merge(
    card: Card, seen: Sequence[str], ours: Sequence[str], bases: Sequence[str]
) -> tuple[Strings, Strings, tuple[Conflict, ...]]:
    """Return the content fields of a note in Anki, merged with ours, their hashes, and the conflicts.

    Args:
        card: the card of the note.
        seen: its fields in Anki.
        ours: the content fields that we would write.
        bases: the hash of each of them as we wrote it last.
    """
    decided = {name: rest for name, *rest in card.resolved}
    content, hashes, conflicts = [], [], []
    for at, name in enumerate(card.family.content_fields):
        mine, theirs = ours[at], seen[at]
        base = bases[at] if at < len(bases) else ""
        choice, about_theirs, about_ours = decided.get(name, ("", "", ""))
        text, written = mine, field_hash(mine)
        taken = choice == "source" and about_theirs == h16(theirs)
        if field_hash(theirs) not in (base, written) and not taken:  # a person's words
            text = theirs
            # where the source says nothing, nothing is in conflict
            settled = written == base or not mine
            if not settled and not (choice == "mine" and about_ours == h16(mine)):
                conflicts.append(Conflict(card.guid, name, theirs, mine, unrender(theirs)))
                written = base
        content.append(text)
        hashes.append(written)
    return tuple(content), tuple(hashes), tuple(conflicts)


def plan_note(
    card: Card,
    seen: Seen | None,
    html: Strings,
    tags: Strings,
    ours: Strings,
    pictures: Iterable[Media],
    options: Options,
) -> Planned:
    """Return the note to ship, unless Anki or the note type in Anki would reject it."""
    family = card.family
    changed = options.types.get(family)
    held = ""
    if changed and not usable(changed, family):
        held = f"a field or template of ankiforge is missing from {changed.name}"
    elif changed and options.push and not is_exact(changed, family):
        held = f"{changed.name} has fields or templates that you added: import the file instead"
    elif seen and seen.scheduler_tags and not options.push:
        held = f"its note is tagged {' and '.join(seen.scheduler_tags)}: use ankiforge push"
    if held:
        return Planned(card.guid, card.live, held=held)
    digest = card.digest if card.kept and card.live else h16(*html, "\x1e", *ours)
    # what Anki has under this mod, and differs, it takes only with a larger one
    waits = seen is None or seen.mod < card.mod or (options.full and seen.mod == card.mod)
    same = card.digest == digest and waits
    mod = card.mod if card.mod and same else next_mod(card.guid, card.mod, seen.mod if seen else 0)
    own = in_order_of(changed, family, html, seen.own if seen else ()) if changed else ()
    # cards of the note that a person deleted are not made again
    made = card_ordinals(family, seen.fields) if seen else ()
    without = frozenset(made) - frozenset(seen.ordinals if seen else ())
    written = "".join(html)
    shown = {one.name: one for one in pictures if one.name in written}
    media = tuple(shown[name] for name in sorted(shown))
    deck = seen.deck if seen else deck_name(card.deck)
    note = Note(card.guid, family, deck, html, tags, mod, media, own=own, without=without)
    refused = refusal(note)
    if refused and seen:
        return Planned(card.guid, card.live, held="it would have no card left")
    if refused:
        return Planned(card.guid, card.live, problems=refused)
    sent = Sent(mod, ours, deck, digest, _numbers(card) if card.live else {})
    return Planned(card.guid, card.live, note, sent, changed=seen is not None and mod != seen.mod)


def _numbers(card: Card) -> Texts:
    """Return the words under each cloze number."""
    text = dict(card.fields).get("Text", "")
    return {str(number): plain(gap.answer) for gap in gaps(text) for number in gap.numbers}


def _folded(tags: Iterable[str]) -> set[str]:
    """Return tags without case, as Anki compares them."""
    return {tag.casefold() for tag in tags}


def merge_tags(base: Sequence[str], theirs: Sequence[str], ours: Sequence[str]) -> Strings:
    """Merge tags: theirs, plus what we added since the base, minus what we removed. Sorted.

    Tags are compared without case, as in Anki. Tags of theirs keep their spelling.
    """
    was = _folded(base)
    now = {tag.casefold(): tag for tag in ours}
    present = {tag.casefold(): tag for tag in theirs}
    kept = {folded: tag for folded, tag in present.items() if folded in now or folded not in was}
    added = {folded: tag for folded, tag in now.items() if folded not in was}
    return tuple(sorted({**added, **kept}.values()))


def base_tags(card: Card, seen: Seen) -> Strings:
    """Return our tags as the package wrote them that Anki has: those with the hash in the note."""
    wanted = seen.identity.tags if seen.identity else ""
    return next((tags for tags in reversed(card.tags_sent) if tags_hash(tags) == wanted), ())
