"""Decide what to ship of each card: nothing, a recorded revision, or a new one.

The functions are pure. A card that is not in Anki is shipped as the source and the decisions on it
say. A note in Anki is merged from three sides: the revision it derives from, the note as it is now,
and the text we would ship now. A note that needs no change is not shipped. One that a person
changed gets only the changes on our side. A field that both sides changed is a conflict for a
person to resolve.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from html import unescape
from urllib.parse import parse_qs, urlsplit

from ankiforge.anki.cards import card_ordinals
from ankiforge.anki.identity import content_hash, normal_form
from ankiforge.anki.merge import Base, Conflict, Side, merge_fields, merge_tags, same_tags
from ankiforge.anki.notes import (
    RETIRED,
    citation_html,
    deck_name,
    field_html,
    is_cited,
    tag_names,
    with_content,
    with_identity,
)
from ankiforge.anki.notetypes import (
    changed_types,
    in_order_of,
    is_exact,
    note_type,
    usable,
)
from ankiforge.anki.package import refusal
from ankiforge.model import (
    FRESH_SECONDS,
    AnkiState,
    Card,
    CardKind,
    Family,
    Fields,
    HighlightKind,
    Media,
    Note,
    Problem,
    Seen,
    SeenType,
    Shipment,
    Standing,
    Verdict,
    digest_of,
    next_mod,
)

MAX_AHEAD_SECONDS = 86_400
"""A note whose next mod is further in the future is held back: a device has a wrong clock."""
EDITED_NOW = "it was being edited"
IN_THE_FUTURE = "it was changed at a time in the future: the clock of a device is wrong"
NOTE_TYPE = "note type"
NO_PICTURE = "one of its pictures is missing"


@dataclass(frozen=True, slots=True)
class CardPlan:
    """What to do with one card."""

    card: Card
    note: Note | None = None
    """The note to ship. None if nothing is shipped."""
    shipment: Shipment | None = None
    """The revision that `note` is."""
    held: str = ""
    """Why a change is not shipped now."""
    conflicts: tuple[Conflict, ...] = ()
    problems: tuple[Problem, ...] = ()
    anki_why: str | None = None
    """The reason for holding back that the ledger is to record. None leaves the recorded one."""
    adopted: Shipment | None = None
    """A revision taken over from Anki, with our current tags. The ledger is to record it."""


@dataclass(frozen=True, slots=True)
class PlanInput:
    """A card and everything else its plan depends on."""

    card: Card
    seen: Seen | None = None
    """The note in the newest view. None if the card is not in Anki."""
    revisions: tuple[Shipment, ...] = ()
    """The revisions, oldest first."""
    not_imported: frozenset[int] = frozenset()
    """The numbers of revisions whose package was certainly not imported."""
    tags: tuple[str, ...] = ()
    """Our current tags."""
    pictures: Mapping[str, Media] = field(default_factory=dict)
    """The pictures shown in its fields, by the path written there."""
    missing_pictures: tuple[Problem, ...] = ()
    merged_sources: tuple[str, ...] = ()
    """Passages whose cards a person merged into this one, as HTML. The note must show them."""
    moved_to: str = ""
    """The deck in Anki to which the cards of the same document were moved. "" if they were not."""
    unread: bool = False
    """Whether its document is known only from Anki or the journal."""
    recovered_retired: bool = False
    """Whether the card was recovered from Anki with the tag `retired`."""

    @property
    def last(self) -> Shipment | None:
        """The newest revision. None if the card was never shipped."""
        return self.revisions[-1] if self.revisions else None

    @property
    def greatest(self) -> Shipment | None:
        """The revision with the greatest mod, which another computer may have shipped earlier."""
        return max(self.revisions, key=lambda one: one.mod, default=None)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How cards are shipped, and what limits that."""

    now: float
    """The current time, in seconds since 1970."""
    changed_types: Mapping[Family, SeenType] = field(default_factory=dict)
    """Our note types that a person changed in Anki."""
    push: bool = False
    """Whether the notes go to a running Anki instead of into a file."""
    blind: bool = False
    """Whether Anki could not be read. Notes that are already there are then left alone."""
    full: bool = False
    """Also ship unchanged notes, with their own mod. Notes deleted in Anki are created again."""


def types_to_ship(types: Mapping[int, SeenType]) -> dict[Family, SeenType]:
    """Return the note types that a package ships instead of the current ones, given those in Anki.

    These are the types that a person changed, as they are there.
    """
    changed = changed_types(types)
    return {family: seen for family, seen in changed.items() if usable(seen, family)}


def plan(known: PlanInput, options: PlanOptions) -> CardPlan:
    """Return what to ship of a card."""
    card, last = known.card, known.last
    if card.anki in (AnkiState.MISSING, AnkiState.TOMBSTONE):
        planned = CardPlan(card)
    elif known.seen is not None:
        planned = _plan_in_anki(known, known.seen, options)
        fields = ", ".join(conflict.field for conflict in planned.conflicts)
        why = planned.held or (f"conflict: {fields}" if fields else "")
        planned = replace(planned, anki_why=why)
    else:
        planned = _plan_new(known, options) if card.ready else CardPlan(card)
    if not options.full or not card.ready or planned.note or planned.problems:
        return planned
    last = planned.adopted or last
    if last is None or not last.known or RETIRED in last.tags:
        return planned  # it only added the tag: keep the note in Anki
    again = _finish(known, last, None, options)
    return replace(again, anki_why=planned.anki_why, adopted=planned.adopted)


def plan_unchanged(known: PlanInput, options: PlanOptions) -> CardPlan:
    """Return a plan that ships the card as in the last package. Nothing if it is in Anki."""
    last = known.last
    if known.card.anki.there or last is None or not last.known:
        return CardPlan(known.card)
    return _finish(known, last, None, options)


# --- cards that are not in Anki -------------------------------------------------------------


def _plan_new(known: PlanInput, options: PlanOptions) -> CardPlan:
    if known.missing_pictures and _needs_pictures(known.card, known.last):
        return CardPlan(known.card, problems=known.missing_pictures)
    revision = _unseen_revision(known)
    return _finish(known, revision, None, options, problems=known.missing_pictures)


def _unseen_revision(known: PlanInput) -> Shipment:
    """Return the revision of a note that is not in Anki: the last one if nothing of ours changed.

    Changes of Markdown, tags, pictures, the linked and the cited place count. Changes that only come
    from the renderer are shipped along with the next of those (docs/why.md).
    """
    card, last = known.card, known.last
    same = last is not None and _same_text(last, known)
    if last and last.known and same:
        return last
    if _is_behind_journal(known):
        return next(revision for revision in reversed(known.revisions) if revision.known)
    html = field_html(replace(card, tags=known.tags), known.pictures)
    content = content_hash(card.family, html)
    digest = digest_of(card.fields, known.tags)
    shipped = last if same else _earlier_on_another_computer(known, digest)
    if shipped:
        return replace(shipped, fields=card.fields, html=html, tags=known.tags, content=content)
    mod = next_mod(card.guid, _last_unmerged(known))
    deck = known.moved_to if last is None and known.moved_to else deck_name(card.deck)
    return Shipment(
        card.guid, 0, mod, card.fields, html, known.tags, deck, digest, last is None, content=content
    )  # fmt: skip


# --- cards that are in Anki -----------------------------------------------------------------


def _plan_in_anki(known: PlanInput, seen: Seen, options: PlanOptions) -> CardPlan:
    card, last = known.card, known.last
    if not seen.type_id:
        return CardPlan(card, held=f"{NOTE_TYPE}: it was changed in Anki")
    if last is None:
        return CardPlan(card)
    if not card.ready:
        return _plan_retired(known, seen, last, options)
    adopted = None
    if not last.digest:  # taken over from Anki: the source's present content counts as our side
        if known.unread:
            return CardPlan(card)
        # the source may have what was shipped before a person's edit
        html = field_html(replace(card, tags=known.tags), known.pictures)
        if content_hash(card.family, html) == last.content:
            last = replace(last, fields=card.fields, ours=html[: len(card.family.content_fields)])
        adopted = last = replace(
            last, tags=known.tags, digest=digest_of(last.fields, known.tags)
        )  # fmt: skip
        known = replace(known, revisions=(*known.revisions[:-1], last))
    is_imported = (
        seen.mod >= last.mod
        and _is_made_from(card.family, last, seen)
        and last.rev not in known.not_imported
    )
    if (
        _same_text(last, known) and is_imported and not _has_tag(seen.tags, RETIRED)
    ) or _is_behind_journal(known):
        planned = CardPlan(card)
    else:
        planned = _plan_merge(known, seen, last, options)
    return replace(planned, adopted=adopted) if adopted else planned


def _plan_merge(known: PlanInput, seen: Seen, last: Shipment, options: PlanOptions) -> CardPlan:
    """Merge our text, the note in Anki and the revision that the note derives from."""
    card = known.card
    family, count = card.family, len(card.family.content_fields)
    base, base_revision = _base_of(known, seen)
    html = field_html(replace(card, tags=known.tags), known.pictures)
    ours = Side(html[:count], _markdown_fields(family, card.kind, card.fields))
    merged, conflicts = merge_fields(family, base, seen.fields[:count], ours, dict(card.resolved))
    # the tag `retired` is removed unless another workspace that has this passage added it
    added = known.recovered_retired or any(RETIRED in one.tags for one in known.revisions)
    ours_before = (*base_revision.tags, RETIRED) if added else base_revision.tags
    tags = merge_tags(ours_before, seen.tags, known.tags)
    same_fields = all(
        normal_form(one) == normal_form(other)
        for one, other in zip(merged, seen.fields, strict=False)
    )
    placed = _shows_sources(last, known) and _shows_place(seen.fields, card)
    if same_fields and same_tags(tags, seen.tags) and placed:
        return CardPlan(card, conflicts=conflicts)
    pictures_lost = known.missing_pictures and _needs_pictures(card, last)
    if held := NO_PICTURE if pictures_lost else _why_held(seen, last, options):
        return CardPlan(card, held=held, conflicts=conflicts, problems=known.missing_pictures)

    # a field in conflict keeps the base as our side, and so do words taken over from Anki
    disputed = {conflict.field for conflict in conflicts}
    before = _our_content(family, base_revision) or seen.fields
    taken = [
        normal_form(one) == normal_form(there)
        for one, there in zip(html, seen.fields, strict=False)
    ]
    our_content = tuple(
        before[at] if name in disputed or (taken[at] and not before[at]) else html[at]
        for at, name in enumerate(family.content_fields)
    )
    base_fields = dict(base_revision.fields)
    names = (name for name in family.content_fields if name in disputed)
    text = dict(card.fields) | {name: base_fields.get(name, "") for name in names}
    fields = tuple((name, words) for name, words in text.items() if words)
    package_tags = tuple(tag for tag in tags if tag not in seen.scheduler_tags)

    again = with_content(card, html, merged, our_content, seen.fields, last.mod)
    if last.mod > seen.mod and last.html == again and last.all_tags == package_tags:
        revision = last  # already shipped but not yet imported
    else:
        mod = next_mod(card.guid, known.greatest, seen.mod)
        written = with_content(card, html, merged, our_content, seen.fields, mod)
        revision = Shipment(
            card.guid, 0, mod, fields, written, known.tags, seen.deck or last.deck,
            digest_of(fields, known.tags), ours=our_content, package_tags=package_tags,
            content=content_hash(family, our_content),
        )  # fmt: skip
    return _finish(
        known, revision, seen, options, problems=known.missing_pictures, conflicts=conflicts
    )


def _plan_retired(known: PlanInput, seen: Seen, last: Shipment, options: PlanOptions) -> CardPlan:
    """Tag the note of a retired or rejected card, once. Its text stays unchanged.

    A note that derives from a tagged revision and has no tag lost it by hand. Any other never had
    it: the revision was not imported, or a full sync replaced the collection that had it.
    """
    card = known.card
    dropped = card.standing is not Standing.LIVE or card.verdict is not Verdict.ACCEPTED
    was_tagged = any(RETIRED in one.tags and one.mod == seen.named for one in known.revisions)
    if not dropped or _has_tag(seen.tags, RETIRED) or was_tagged:
        return CardPlan(card)
    if held := _why_held(seen, last, options):
        return CardPlan(card, held=held)
    without_pictures = replace(known, pictures={})
    tags = tag_names((*last.tags, RETIRED))
    package_tags = tuple(sorted({*(t for t in seen.tags if t not in seen.scheduler_tags), RETIRED}))
    content = _content_hash_of(card.family, last)
    again = with_identity(card, seen.fields, content, last.mod)
    if last.mod > seen.mod and last.html == again and last.all_tags == package_tags:
        return _finish(without_pictures, last, seen, options)  # not yet imported
    mod = next_mod(card.guid, known.greatest, seen.mod)
    revision = replace(
        last, rev=0, mod=mod, html=with_identity(card, seen.fields, content, mod), tags=tags,
        package_tags=package_tags, deck=seen.deck or last.deck, digest=digest_of(last.fields, tags),
        ours=_our_content(card.family, last), seen=False, content=content,
    )  # fmt: skip
    return _finish(without_pictures, revision, seen, options)


def _why_held(seen: Seen, last: Shipment, options: PlanOptions) -> str:
    """Return why a note in Anki cannot be changed now. "" if it can."""
    if options.blind:
        return "Anki could not be read"
    if seen.scheduler_tags and not options.push:
        return f"it is tagged {seen.scheduler_tags[0]}, a tag that importing a file would remove"
    if 0 <= seen.taken_at - seen.mod < FRESH_SECONDS:
        return EDITED_NOW
    if max(last.mod, seen.mod) + 1 > options.now + MAX_AHEAD_SECONDS:
        return IN_THE_FUTURE
    return ""


# --- the note itself ------------------------------------------------------------------------


def _finish(
    known: PlanInput,
    revision: Shipment,
    seen: Seen | None,
    options: PlanOptions,
    *,
    problems: tuple[Problem, ...] = (),
    conflicts: tuple[Conflict, ...] = (),
) -> CardPlan:
    """Return a plan that ships a revision, unless Anki or the note type in Anki would reject it."""
    card, family = known.card, known.card.family
    changed = options.changed_types.get(family)
    held = ""
    if changed and not usable(changed, family):
        held = f"{NOTE_TYPE}: a field or template of ankiforge is missing from {changed.name}"
    elif changed and options.push and not is_exact(changed, family):
        held = (
            f"{NOTE_TYPE}: {changed.name} has fields or templates that you added; import the file"
        )
    if held:
        return CardPlan(card, held=held, conflicts=conflicts)
    written = "".join(revision.html)
    shown = {one.name: one for one in known.pictures.values() if one.name in written}
    kept_tags = seen.scheduler_tags if seen and options.push else ()
    own = in_order_of(changed, family, revision.html, seen.own if seen else ()) if changed else ()
    note = Note(
        card.guid, family, revision.deck, revision.html, (*revision.all_tags, *kept_tags),
        revision.mod, tuple(shown[name] for name in sorted(shown)), own=own,
        without=_deleted_ordinals(known, seen) if seen else frozenset(),
    )  # fmt: skip
    refused = refusal(note)
    if refused and seen:
        return CardPlan(card, held="it would have no card left", conflicts=conflicts)
    if refused:
        return CardPlan(card, problems=(*problems, *refused))
    return CardPlan(card, note, revision, conflicts=conflicts, problems=problems)


def _deleted_ordinals(known: PlanInput, seen: Seen) -> frozenset[int]:
    """Return the ordinals of cards that an imported revision had and that no longer exist.

    A person deleted these cards, so they must not be generated again.
    """
    family = known.card.family
    imported = (revision for revision in known.revisions if revision.seen and revision.known)
    once = {ordinal for revision in imported for ordinal in card_ordinals(family, revision.html)}
    return frozenset(once - {card.ordinal for card in seen.cards})


_FIGURES = (HighlightKind.IMAGE, HighlightKind.INK)


def _needs_pictures(card: Card, last: Shipment | None) -> bool:
    """Return whether a card must not be shipped while its pictures are missing.

    True for figures, and for notes that were shipped with a picture before.
    """
    shown_before = last is not None and 'src="af-' in "".join(last.html)
    return card.highlight.kind in _FIGURES or shown_before


def _has_tag(tags: Sequence[str], tag: str) -> bool:
    return tag.casefold() in {present.casefold() for present in tags}


# --- revisions ------------------------------------------------------------------------------


def _base_of(known: PlanInput, seen: Seen) -> tuple[Base, Shipment]:
    """Return the base of the merge, and the revision whose tags are the base for the tags.

    The base is the revision that the note's AnkiforgeId names. If that is unknown, it is the newest
    one seen in Anki before the note's mod. Otherwise it may be any revision since the newest one
    seen.
    """
    family, revisions = known.card.family, known.revisions
    named = [revision for revision in revisions if _is_made_from(family, revision, seen)]
    while len(named) > 1 and (named[-1].mod > seen.mod or named[-1].rev in known.not_imported):
        named.pop()  # revisions with the same content that differ only in their tags
    before = [
        revision
        for revision in revisions
        if revision.seen and datetime.fromisoformat(revision.written_at).timestamp() <= seen.mod
    ]
    if named and named[-1].known:
        if not any(
            _our_content(family, named[-1])
        ):  # taken over after an edit: our side is unknown
            return Base((), False), named[-1]
        return Base((_side(family, named[-1]),), True), named[-1]
    if named and content_hash(family, seen.fields) == seen.content:
        unedited = Side(seen.fields[: len(family.content_fields)])  # known only from the journal
        return Base((unedited,), True), named[-1]
    if before and before[-1].known:
        return Base((_side(family, before[-1]),), True), before[-1]
    newest = max((revision.rev for revision in revisions if revision.seen), default=0)
    possible = [revision for revision in revisions if revision.rev >= newest and revision.known]
    sides = tuple(_side(family, revision) for revision in reversed(possible))
    return Base(sides, False), (possible or list(revisions))[-1]


def _is_made_from(family: Family, revision: Shipment, seen: Seen) -> bool:
    """Return whether the note in Anki derives from this revision, according to its AnkiforgeId.

    A revision made after Anki was read has its mod there. Others are recognised only by content.
    """
    if seen.named:
        return seen.named == revision.mod
    has_mod = revision.known and revision.package_tags is not None
    return not has_mod and seen.content == _content_hash_of(family, revision) != ""


def _is_behind_journal(known: PlanInput) -> bool:
    """Return whether another computer shipped a newer revision and nothing changed here since.

    Only the journal mentions that revision, because the source has not been synchronised yet.
    """
    if not known.revisions or known.revisions[-1].known:
        return False
    ours = [revision for revision in known.revisions if revision.known]
    return bool(ours) and (ours[-1].fields, ours[-1].tags) == (known.card.fields, known.tags)


def _earlier_on_another_computer(known: PlanInput, digest: str) -> Shipment | None:
    """Return the revision with this digest that another computer shipped before its newest one.

    What it shipped since, as words that a person typed in Anki, is not known here and must not be
    replaced by what the note said before.
    """
    if not known.revisions or known.revisions[-1].known:
        return None
    return next((one for one in reversed(known.revisions) if one.digest == digest), None)


def _last_unmerged(known: PlanInput) -> Shipment | None:
    """Return the newest revision that another computer did not merge with a note in Anki.

    The words in such a note are unknown here. It has a greater mod than the number of its revisions
    explains; a greater one yet would replace those words with ours.
    """
    first = next_mod(known.card.guid, None)
    return next((r for r in reversed(known.revisions) if r.known or r.mod < first + r.rev), None)


def _same_text(last: Shipment, known: PlanInput) -> bool:
    """Return whether text, tags and pictures are what we shipped last."""
    fields = known.card.fields
    if not last.known:
        return last.digest == digest_of(fields, known.tags)
    if last.fields != fields or last.tags != known.tags:
        return False
    written = "".join(last.html)
    shown = all(picture.name in written for picture in known.pictures.values())
    return shown and _shows_sources(last, known) and _shows_place(last.html, known.card)


def _shows_sources(last: Shipment, known: PlanInput) -> bool:
    """Return whether a revision shows every passage that a person merged into the card."""
    written = "".join(last.html)
    return all(source in written for source in known.merged_sources)


def _shows_place(html: Sequence[str], card: Card) -> bool:
    """Return whether links and citation show where the card's passage is, the first link its own.

    They do not after a note was renamed or moved, a further passage was removed, an annotation was
    deleted and made again, or the title of a paper was corrected.
    """
    names = note_type(card.family).fields
    uris = re.findall(r'href="([^"]*)"', html[names.index("Links")])
    linked = [place for uri in uris if (place := _linked_place(unescape(uri)))]
    current = (uri for one in card.passages for uri in (one.uri, *one.links, one.document.uri))
    here = _linked_place(card.highlight.uri)
    is_first = not (linked and here) or linked[0] == here
    if not (is_first and set(linked) <= set(map(_linked_place, current))):
        return False
    one, cited = card.highlight, html[names.index("Citation")]
    return is_cited(one, cited) or not is_cited(one, citation_html(card))


def _linked_place(uri: str) -> tuple[str, ...]:
    """Return what an Obsidian or Zotero link opens, without the position. () for any other link."""
    parts = urlsplit(uri)
    query = parse_qs(parts.query)
    file = query.get("file", [""])[0].partition("#")[0]
    if parts.scheme == "zotero":
        return (parts.netloc, parts.path, *query.get("annotation", []))
    return (query.get("vault", [""])[0], file) if parts.scheme == "obsidian" and file else ()


def _side(family: Family, revision: Shipment) -> Side:
    html = _our_content(family, revision)
    kind = CardKind.TWO_WAY if family is Family.BASIC and html[2] else CardKind(family.value)
    return Side(html, _markdown_fields(family, kind, revision.fields))


def _our_content(family: Family, revision: Shipment) -> tuple[str, ...]:
    """Return our side of a revision's content fields, before any merge. () if not recorded."""
    return (revision.ours or revision.html)[: len(family.content_fields)]


def _markdown_fields(family: Family, kind: CardKind, fields: Fields) -> tuple[str, ...]:
    """Return the content fields as Markdown, in note type order."""
    words = dict(fields) | {"Reverse": "y" if kind is CardKind.TWO_WAY else ""}
    return tuple(words.get(name, "") for name in family.content_fields)


def _content_hash_of(family: Family, revision: Shipment) -> str:
    """Return the content hash in a revision's AnkiforgeId. "" if unknown."""
    if revision.content or not revision.known:
        return revision.content
    return content_hash(family, _our_content(family, revision))
