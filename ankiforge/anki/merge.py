"""Three ways become one: what we shipped, what stands in Anki, what we would ship now. Pure.

Per content field, and per tag. What a person changed stays; what only we changed is taken;
where both did, theirs stays and a conflict waits for a person. The fields that say where a card
comes from are ours always; those not of our making are never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ankiforge.anki.identity import normal_form
from ankiforge.model import Family, h16

MINE = "mine"
"""A person's word on a field: what stands in Anki stays, whatever the source will say."""
SOURCE = "source"
"""A person's word on a field: the source's words take the place of those in Anki now."""


@dataclass(frozen=True, slots=True)
class Side:
    """The content fields of one side, in note type order."""

    html: tuple[str, ...]
    words: tuple[str, ...] = ()
    """As Markdown, where it is known; "changed" is judged on it. () = judge on the HTML."""


@dataclass(frozen=True, slots=True)
class Base:
    """The revisions that may have been under a person's edit, the likeliest first."""

    sides: tuple[Side, ...]
    certain: bool
    """Whether the first is known to be it."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that both sides changed."""

    field: str
    base: str
    theirs: str
    ours: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What is to stand in Anki."""

    html: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


def merge_fields(
    family: Family, base: Base, theirs: Sequence[str], ours: Side, said: Mapping[str, str]
) -> Merged:
    """Merge the content fields.

    Args:
        family: the note type.
        base: what theirs was made from.
        theirs: the content fields as they stand in Anki, HTML.
        ours: as we would ship them now.
        said: a person's word by field: `mine`, or `source <mark of theirs>`.
    """
    html, conflicts = [], []
    for at, name in enumerate(family.content_fields):
        taken, conflict = _field(at, name, base, theirs[at], ours, said.get(name, ""))
        html.append(taken)
        conflicts += [conflict] if conflict else []
    return Merged(tuple(html), tuple(conflicts))


def _field(
    at: int, name: str, base: Base, theirs: str, ours: Side, said: str
) -> tuple[str, Conflict | None]:
    mine, there = ours.html[at], normal_form(theirs)
    if normal_form(mine) == there or said == MINE:
        return theirs, None
    if said == f"{SOURCE} {mark_of(theirs)}":
        return mine, None
    if _unedited(at, base, there):
        return mine, None
    if not _we_changed(at, base, ours):
        return theirs, None
    before = base.sides[0].html[at] if base.certain else ""
    return theirs, Conflict(name, before, theirs, mine)


def _unedited(at: int, base: Base, there: str) -> bool:
    """Whether the words are still those of a revision of ours that may be under them."""
    sides = base.sides[:1] if base.certain else base.sides
    return any(normal_form(side.html[at]) == there for side in sides)


def _we_changed(at: int, base: Base, ours: Side) -> bool:
    """Whether our words differ from those of any revision that may be the base."""
    sides = base.sides[:1] if base.certain else base.sides
    if not sides:  # nothing is known: where we say nothing there is nothing to bring
        return bool(normal_form(ours.html[at]))
    return any(_differs(at, side, ours) for side in sides)


def _differs(at: int, side: Side, ours: Side) -> bool:
    """Judged on Markdown where both have it."""
    if side.words and ours.words:
        return side.words[at] != ours.words[at]
    return normal_form(side.html[at]) != normal_form(ours.html[at])


def mark_of(theirs: str) -> str:
    """Names the words a person decided about; other words there ask again."""
    return h16(normal_form(theirs))


def merge_tags(base: Iterable[str], theirs: Iterable[str], ours: Iterable[str]) -> tuple[str, ...]:
    """Theirs, with what we added since the base, without what we dropped; sorted.

    Compared without case, as Anki does; theirs keep their spelling.
    """
    was = {tag.casefold() for tag in base}
    now = {tag.casefold(): tag for tag in ours}
    there = {tag.casefold(): tag for tag in theirs}
    kept = {folded: tag for folded, tag in there.items() if folded in now or folded not in was}
    added = {folded: tag for folded, tag in now.items() if folded not in was}
    return tuple(sorted({**added, **kept}.values()))


def same_tags(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two sets of tags are one to Anki."""
    return {tag.casefold() for tag in one} == {tag.casefold() for tag in other}
