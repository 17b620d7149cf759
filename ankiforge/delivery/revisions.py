"""Revisions: which one a note in Anki was made from, and whether ours says something new."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ankiforge.anki.content import content_hash
from ankiforge.anki.fields import field_html, passage_html
from ankiforge.anki.merge import Base, Side
from ankiforge.anki.names import deck_name
from ankiforge.config.deckfiles import DeckRule
from ankiforge.delivery.attached import tags_of
from ankiforge.ledger import Ledger
from ankiforge.ledger.collection.packages import Shipment, digest_of, next_mod
from ankiforge.ledger.collection.seen import Seen
from ankiforge.model import Card, CardKind, Family, Fields, Media, Problem


@dataclass(frozen=True, slots=True)
class Words:
    """Our side of a card now, but for its HTML."""

    fields: Fields
    tags: tuple[str, ...]
    pictures: Mapping[str, Media]
    problems: tuple[Problem, ...] = ()
    sources: tuple[str, ...] = ()
    """Passages whose cards a person merged into this one, as HTML: they are to be on it."""


def base_of(
    family: Family, revisions: list[Shipment], seen: Seen, waits: Callable[[Shipment], bool]
) -> tuple[Base, Shipment]:
    """What theirs was made from: what its AnkiforgeId names, else what was seen before its mod.

    The second is the revision whose tags are the base of the tags. `waits` tells of one whether
    its package is known not to have been imported.
    """
    named = [one for one in revisions if is_named(family, one, seen)]
    while len(named) > 1 and (named[-1].mod > seen.mod or waits(named[-1])):
        named.pop()  # of equal words; only their tags differ
    before = [one for one in revisions if one.seen and _time(one) <= seen.mod]
    if named and named[-1].known:
        if not any(ours_of(family, named[-1])):  # taken over, and touched: our side is not known
            return Base((), False), named[-1]
        return Base((_side(family, named[-1]),), True), named[-1]
    if named and content_hash(family, seen.fields) == seen.content:
        untouched = Side(seen.fields[: len(family.content_fields)])  # only the journal knows it
        return Base((untouched,), True), named[-1]
    if before and before[-1].known:
        return Base((_side(family, before[-1]),), True), before[-1]
    newest = max((one.rev for one in revisions if one.seen), default=0)
    maybe = [one for one in revisions if one.rev >= newest and one.known]
    sides = tuple(_side(family, one) for one in reversed(maybe))
    return Base(sides, False), (maybe or revisions)[-1]


def _time(shipment: Shipment) -> float:
    return datetime.fromisoformat(shipment.written_at).timestamp()


def _side(family: Family, shipment: Shipment) -> Side:
    html = ours_of(family, shipment)
    kind = CardKind.TWO_WAY if family is Family.BASIC and html[2] else CardKind(family.value)
    return Side(html, words_of(family, kind, shipment.fields))


def ours_of(family: Family, shipment: Shipment) -> tuple[str, ...]:
    """Our content fields of a revision, before any merge; () if they are not on record."""
    return (shipment.ours or shipment.html)[: len(family.content_fields)]


def words_of(family: Family, kind: CardKind, fields: Fields) -> tuple[str, ...]:
    """The content fields as Markdown, in note type order."""
    words = dict(fields) | {"Reverse": "y" if kind is CardKind.TWO_WAY else ""}
    return tuple(words.get(name, "") for name in family.content_fields)


def content_of(family: Family, shipment: Shipment) -> str:
    """The sixth word of a revision's AnkiforgeId."""
    if shipment.content or not shipment.known:
        return shipment.content
    return content_hash(family, ours_of(family, shipment))


def says_the_same(last: Shipment, ours: Words) -> bool:
    """Whether we would ship what we shipped last: words, tags and pictures."""
    if not last.known:
        return last.digest == digest_of(ours.fields, ours.tags)
    written = "".join(last.html)
    shown = all(picture.name in written for picture in ours.pictures.values())
    return last.fields == ours.fields and last.tags == ours.tags and shown and names(last, ours)


def names(last: Shipment, ours: Words) -> bool:
    """Whether a revision names every source that a person gave the card by a merge."""
    written = "".join(last.html)
    return all(source in written for source in ours.sources)


def sources_of(ledger: Ledger, card: Card) -> tuple[str, ...]:
    """What the note of a card must name since a person merged others into it."""
    joined = ledger.cards.pairs.joined(card.guid) if card.also else frozenset()
    return tuple(passage_html(one) for one in card.also if one.key in joined)


def is_behind(revisions: list[Shipment], fields: Fields, tags: tuple[str, ...]) -> bool:
    """Whether another computer has shipped something newer, and nothing has changed here since.

    Of that only the journal tells, and the source has not come over yet.
    """
    if not revisions or revisions[-1].known:
        return False
    known = [one for one in revisions if one.known]
    return bool(known) and (known[-1].fields, known[-1].tags) == (fields, tags)


def carries(family: Family, last: Shipment, seen: Seen) -> bool:
    """Whether the note in Anki is, or was made from, our last revision."""
    return seen.mod >= last.mod and is_named(family, last, seen)


def is_named(family: Family, shipment: Shipment, seen: Seen) -> bool:
    """Whether the note in Anki says that it is, or was made from, this revision.

    One that was made after a look says its number; the others are told by our words alone.
    """
    if seen.named:
        return seen.named == shipment.mod
    says_its_number = shipment.known and shipment.package_tags is not None
    return not says_its_number and seen.content == content_of(family, shipment) != ""


def shipment_of(
    ledger: Ledger, card: Card, decks: tuple[DeckRule, ...], pictures: Mapping[str, Media]
) -> Shipment:
    """The revision of a note that is not in Anki: the last one if nothing of ours changed.

    "Changed" is judged on Markdown, tags and pictures; what only the renderer or a machine
    field would say differently is shipped with the next change (docs/why.md).
    """
    last = ledger.packages.last(card.guid)
    tags = tags_of(ledger, card, decks)
    ours = Words(card.fields, tags, pictures, sources=sources_of(ledger, card))
    same = last is not None and says_the_same(last, ours)
    if last and last.known and same:
        return last
    revisions = ledger.packages.revisions(card.guid) if last and not last.known else []
    if is_behind(revisions, card.fields, tags):
        return next(one for one in reversed(revisions) if one.known)
    html = field_html(replace(card, tags=tags), pictures)
    digest = digest_of(card.fields, tags)
    content = content_hash(card.family, html)
    if last and not last.known and same:
        return replace(last, fields=card.fields, html=html, tags=tags, content=content)
    mod, deck = next_mod(card.guid, last), deck_name(card.deck)
    return Shipment(
        card.guid, 0, mod, card.fields, html, tags, deck, digest, last is None, content=content
    )
