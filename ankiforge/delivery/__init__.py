"""What is to be shipped of each card: nothing, the revision there is, or a new one.

Judged against the newest view of Anki: a note that stands there as it should is not shipped; one
that a person has changed gets what only the source changed; what both changed waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ankiforge.anki.cards import card_ordinals
from ankiforge.anki.content import content_hash, normal_form
from ankiforge.anki.fields import field_html, renamed, with_content
from ankiforge.anki.merge import Conflict, Side, merge_fields, merge_tags, same_tags
from ankiforge.anki.names import RETIRED, deck_name, tag_names
from ankiforge.anki.package import refusal
from ankiforge.anki.theirs import changed_types, in_his_order, is_exact, renewed_types, usable
from ankiforge.config.deckfiles import DeckRule
from ankiforge.delivery.attached import needs_pictures, pictures_of, tags_of
from ankiforge.delivery.revisions import (
    Words,
    base_of,
    carries,
    content_of,
    is_behind,
    names,
    ours_of,
    says_the_same,
    shipment_of,
    sources_of,
    words_of,
)
from ankiforge.ledger import Ledger
from ankiforge.ledger.collection.packages import Shipment, digest_of, next_mod
from ankiforge.ledger.collection.seen import FRESH_SECONDS, Seen
from ankiforge.model import (
    AnkiState,
    Card,
    Family,
    Media,
    Note,
    Problem,
    SeenType,
    Standing,
    Verdict,
)

AHEAD_SECONDS = 86_400
"""A mod further than this beyond now is held: the clock of a device is wrong."""
EDITED_NOW = "it was being edited"
AHEAD = "it was changed in the future: the clock of a device is wrong"
PASSING = frozenset((EDITED_NOW, AHEAD))
"""Why a card is held for no more than a while."""
NOTE_TYPE = "note type"
NO_PICTURE = "a picture of it is not there any more"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is to happen with one card."""

    card: Card
    note: Note | None = None
    """To be shipped; None = nothing of it."""
    shipment: Shipment | None = None
    held: str = ""
    """Why it is not shipped, though it should."""
    conflicts: tuple[Conflict, ...] = ()
    problems: tuple[Problem, ...] = ()


class Deliveries:
    """Decides for one card after another."""

    def __init__(
        self,
        ledger: Ledger,
        decks: tuple[DeckRule, ...],
        *,
        push: bool = False,
        blind: bool = False,
        full: bool = False,
    ) -> None:
        """Decide by the newest view that the ledger has taken in.

        Args:
            ledger: of the cards.
            decks: what the deck files say.
            push: through a running Anki, not by a file.
            blind: a look at Anki failed: what is there is not touched.
            full: what Anki has is shipped, too, at its own number; what was deleted comes back.
        """
        self._ledger = ledger
        self._decks = decks
        self._push = push
        self._blind = blind
        self._full = full
        self._types = changed_types(ledger.views.types())
        self._renewed = renewed_types(ledger.views.types())

    @property
    def types(self) -> dict[Family, SeenType]:
        """The note types that are shipped as a person has changed them, or newer than in Anki."""
        changed = {family: one for family, one in self._types.items() if usable(one, family)}
        return changed | self._renewed

    def of(self, card: Card) -> Delivery:
        """What is to be shipped of a card."""
        delivery = self._of(card)
        last = self._ledger.packages.last(card.guid) if self._full and card.ready else None
        if delivery.note or delivery.problems or last is None or not last.known:
            return delivery
        if RETIRED in last.tags:  # what is in Anki says more than that one
            return delivery
        pictures, _ = pictures_of(self._ledger, card)
        return self._finished(card, last, pictures, (), None)

    def as_written(self, card: Card) -> Delivery:
        """A card that is not to go out now, as a package held it; nothing, if Anki has it."""
        last = self._ledger.packages.last(card.guid)
        if card.anki.there or last is None or not last.known:
            return Delivery(card)
        pictures, _ = pictures_of(self._ledger, card)
        return self._finished(card, last, pictures, (), None)

    def _of(self, card: Card) -> Delivery:
        if card.anki in (AnkiState.MISSING, AnkiState.TOMBSTONE):
            return Delivery(card)
        seen = self._ledger.views.seen(card.guid) if card.anki.there else None
        if seen is None:
            return self._unseen(card) if card.ready else Delivery(card)
        delivery = self._seen(card, seen)
        why = delivery.held or _told(delivery.conflicts)
        if why != card.anki_why:
            self._ledger.views.hold(card.guid, why)
        return delivery

    # --- not in Anki yet --------------------------------------------------------------------

    def _unseen(self, card: Card) -> Delivery:
        pictures, problems = pictures_of(self._ledger, card)
        if problems and needs_pictures(card, self._ledger.packages.last(card.guid)):
            return Delivery(card, problems=tuple(problems))
        shipment = shipment_of(self._ledger, card, self._decks, pictures)
        if not shipment.rev and shipment.first:
            deck = self._moved_to(card)
            shipment = replace(shipment, deck=deck or shipment.deck)
        return self._finished(card, shipment, pictures, tuple(problems), None)

    def _moved_to(self, card: Card) -> str:
        """The deck in Anki that the cards of its document were moved to, "" if they were not."""
        deck, made_for = self._ledger.views.deck_of(card.highlight.document.key)
        stays = {deck_name(one).casefold() for one in made_for} == {deck.casefold()}
        return "" if stays else deck

    def _finished(
        self,
        card: Card,
        shipment: Shipment,
        pictures: Mapping[str, Media],
        problems: tuple[Problem, ...],
        seen: Seen | None,
        conflicts: tuple[Conflict, ...] = (),
    ) -> Delivery:
        if held := self._unfit(card.family):
            return Delivery(card, held=held, conflicts=conflicts)
        note = self._note(card, shipment, pictures, seen)
        refused = refusal(note)
        if refused and seen:
            return Delivery(card, held="no card would be left of it", conflicts=conflicts)
        if refused:
            return Delivery(card, problems=(*problems, *refused))
        return Delivery(card, note, shipment, conflicts=conflicts, problems=problems)

    def _unfit(self, family: Family) -> str:
        """Why the note type that a person changed cannot take our notes; "" if it can."""
        changed = self._types.get(family)
        if changed is None:
            return ""
        if not usable(changed, family):
            return f"{NOTE_TYPE}: a field or template of ours is gone from {changed.name}"
        if self._push and not is_exact(changed, family):
            return f"{NOTE_TYPE}: {changed.name} has fields or templates of yours; import the file"
        return ""

    def _note(
        self, card: Card, shipment: Shipment, pictures: Mapping[str, Media], seen: Seen | None
    ) -> Note:
        written = "".join(shipment.html)
        shown = {one.name: one for one in pictures.values() if one.name in written}
        media = tuple(shown[name] for name in sorted(shown))
        kept = seen.scheduler_tags if seen and self._push else ()
        changed = self._types.get(card.family)
        before = seen.own if seen else ()
        return Note(
            card.guid, card.family, shipment.deck, shipment.html, (*shipment.all_tags, *kept),
            shipment.mod, media,
            own=in_his_order(changed, card.family, shipment.html, before) if changed else (),
            without=self._deleted_cards(card, seen) if seen else frozenset(),
        )  # fmt: skip

    def _deleted_cards(self, card: Card, seen: Seen) -> frozenset[int]:
        """Ordinals of cards that were there once and are not now: a person removed them."""
        now = {one.ordinal for one in seen.cards}
        shipped = (r for r in self._ledger.packages.revisions(card.guid) if r.seen and r.known)
        once = {ordinal for one in shipped for ordinal in card_ordinals(card.family, one.html)}
        return frozenset(once - now)

    # --- in Anki ----------------------------------------------------------------------------

    def _seen(self, card: Card, seen: Seen) -> Delivery:
        if not seen.type_id:
            return Delivery(card, held=f"{NOTE_TYPE}: it was changed in Anki")
        revisions = self._ledger.packages.revisions(card.guid)
        if not revisions:
            return Delivery(card)
        if not card.ready:
            return self._without(card, seen, revisions[-1])
        ours, last = self._words(card), revisions[-1]
        if not last.digest:  # taken over from Anki: ours is what the source gives now
            if not _was_read(card):
                return Delivery(card)
            revisions[-1] = last = self._ledger.packages.settle(last, ours.tags)
        arrived = carries(card.family, last, seen) and not self._ledger.packages.waits(last)
        if says_the_same(last, ours) and arrived and not _has(seen.tags, RETIRED):
            return Delivery(card)
        if is_behind(revisions, ours.fields, ours.tags):
            return Delivery(card)
        return self._merged(card, seen, revisions, ours)

    def _words(self, card: Card) -> Words:
        pictures, problems = pictures_of(self._ledger, card)
        tags = tags_of(self._ledger, card, self._decks)
        sources = sources_of(self._ledger, card)
        return Words(card.fields, tags, pictures, tuple(problems), sources)

    def _merged(self, card: Card, seen: Seen, revisions: list[Shipment], ours: Words) -> Delivery:
        family, count = card.family, len(card.family.content_fields)
        base, under = base_of(family, revisions, seen, self._ledger.packages.waits)
        html = field_html(replace(card, tags=ours.tags), ours.pictures)
        side = Side(html[:count], words_of(family, card.kind, card.fields))
        merged = merge_fields(family, base, seen.fields[:count], side, dict(card.resolved))
        tags = merge_tags((*under.tags, RETIRED), seen.tags, ours.tags)  # that one is ours alone
        same = all(
            normal_form(one) == normal_form(other)
            for one, other in zip(merged.html, seen.fields, strict=False)
        )
        if same and same_tags(tags, seen.tags) and names(revisions[-1], ours):
            return Delivery(card, conflicts=merged.conflicts)
        gone = ours.problems and needs_pictures(card, revisions[-1])
        if held := NO_PICTURE if gone else self._why_held(seen, revisions[-1]):
            return Delivery(card, held=held, conflicts=merged.conflicts, problems=ours.problems)
        disputed = {one.field for one in merged.conflicts}
        shipment = self._revision(
            card, seen, revisions[-1], under, ours, html, merged.html, tags, disputed
        )
        return self._finished(card, shipment, ours.pictures, ours.problems, seen, merged.conflicts)

    def _revision(
        self, card: Card, seen: Seen, last: Shipment, under: Shipment, ours: Words,
        our_html: tuple[str, ...], content: tuple[str, ...], tags: tuple[str, ...],
        disputed: set[str],
    ) -> Shipment:  # fmt: skip
        """The merged note; of fields in dispute the base stays the base."""
        before = ours_of(card.family, under) or seen.fields
        our_content = tuple(
            before[at] if name in disputed else our_html[at]
            for at, name in enumerate(card.family.content_fields)
        )
        was = dict(under.fields)
        names = (name for name in card.family.content_fields if name in disputed)
        words = dict(ours.fields) | {name: was.get(name, "") for name in names}
        fields = tuple((name, text) for name, text in words.items() if text)
        known_tags = tuple(tag for tag in tags if tag not in seen.scheduler_tags)
        again = with_content(card, our_html, content, our_content, seen.fields, last.mod)
        if last.mod > seen.mod and last.html == again and last.all_tags == known_tags:
            return last
        mod = next_mod(card.guid, last, seen.mod)
        html = with_content(card, our_html, content, our_content, seen.fields, mod)
        return Shipment(
            card.guid, 0, mod, fields, html, ours.tags, seen.deck or last.deck,
            digest_of(fields, ours.tags), ours=our_content, package_tags=known_tags,
            content=content_hash(card.family, our_content),
        )  # fmt: skip

    def _without(self, card: Card, seen: Seen, last: Shipment) -> Delivery:
        """A card that is none any more gets a tag, once; its words stay as they are."""
        dropped = card.standing is not Standing.LIVE or card.verdict is not Verdict.ACCEPTED
        said = RETIRED in last.tags
        if not dropped or _has(seen.tags, RETIRED) or (said and last.seen):
            return Delivery(card)
        if held := self._why_held(seen, last):
            return Delivery(card, held=held)
        if said and last.mod > seen.mod:
            return self._finished(card, last, {}, (), seen)
        ours = tag_names((*last.tags, RETIRED))
        tags = tuple(sorted({*(t for t in seen.tags if t not in seen.scheduler_tags), RETIRED}))
        mod, content = next_mod(card.guid, last, seen.mod), content_of(card.family, last)
        shipment = replace(
            last, rev=0, mod=mod, html=renamed(card, seen.fields, content, mod), tags=ours,
            package_tags=tags, deck=seen.deck or last.deck, digest=digest_of(last.fields, ours),
            ours=ours_of(card.family, last), seen=False, content=content,
        )  # fmt: skip
        return self._finished(card, shipment, {}, (), seen)

    def _why_held(self, seen: Seen, last: Shipment) -> str:
        """Why a note in Anki cannot be changed from here now; "" if it can."""
        if self._blind:
            return "Anki could not be looked at"
        if seen.scheduler_tags and not self._push:
            return (
                f"it is tagged {seen.scheduler_tags[0]}, which the import of a file would take away"
            )
        if 0 <= seen.taken_at - seen.mod < FRESH_SECONDS:
            return EDITED_NOW
        if max(last.mod, seen.mod) + 1 > self._ledger.clock().timestamp() + AHEAD_SECONDS:
            return AHEAD
        return ""


def _was_read(card: Card) -> bool:
    """Whether its passage was seen in a source since, and not only in Anki or the journal."""
    document = card.highlight.document
    return bool(document.source and document.title)


def _has(tags: tuple[str, ...], tag: str) -> bool:
    return tag.casefold() in {one.casefold() for one in tags}


def _told(conflicts: tuple[Conflict, ...]) -> str:
    return f"conflict: {', '.join(one.field for one in conflicts)}" if conflicts else ""
