"""Merge three revisions of a note: what we shipped, what is in Anki, what we would ship now. Pure.

Per content field, and per tag. What a person changed stays; what only we changed is taken;
where both changed, theirs stays and a conflict waits for a person. The fields that say where a
card comes from are ours always; those not of our making are never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ankiforge.anki.identity import normal_form
from ankiforge.model import Family, h16

MINE = "mine"
"""A person's decision on a field: what stands in Anki stays, whatever the source will say."""
SOURCE = "source"
"""A person's decision on a field: the source's words replace those in Anki now."""


@dataclass(frozen=True, slots=True)
class Side:
    """The content fields of one side, in note type order."""

    html: tuple[str, ...]
    words: tuple[str, ...] = ()
    """As Markdown, where it is known; "changed" is judged on it. () = judge on the HTML."""


@dataclass(frozen=True, slots=True)
class Base:
    """The revisions that a person's edit may have been made from, the likeliest first."""

    sides: tuple[Side, ...]
    certain: bool
    """Whether it is known to be the only one."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that both sides changed."""

    field: str
    base: str
    theirs: str
    ours: str


def merge_fields(
    family: Family, base: Base, theirs: Sequence[str], ours: Side, resolved: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[Conflict, ...]]:
    """Merge the content fields; return what is to stand in Anki as HTML, and the conflicts.

    Args:
        family: the note type.
        base: what theirs was made from.
        theirs: the content fields as they stand in Anki, HTML.
        ours: as we would ship them now.
        resolved: a person's decision by field: `mine`, or `source <mark of theirs>`.
    """
    html, conflicts = [], []
    for at, name in enumerate(family.content_fields):
        mine, there, decision = ours.html[at], normal_form(theirs[at]), resolved.get(name, "")
        taken = theirs[at]
        if normal_form(mine) == there or decision == MINE:
            pass
        elif decision == f"{SOURCE} {mark_of(theirs[at])}":
            taken = mine
        elif any(normal_form(side.html[at]) == there for side in base.sides):
            taken = mine  # still the words of a revision of ours that may be under them
        elif _we_changed(at, base, ours):
            before = base.sides[0].html[at] if base.certain else ""
            conflicts.append(Conflict(name, before, theirs[at], mine))
        html.append(taken)
    return tuple(html), tuple(conflicts)


def _we_changed(at: int, base: Base, ours: Side) -> bool:
    """Return whether our words differ from those of any revision that may be the base.

    Judged on Markdown where both have it.
    """
    if not base.sides:  # nothing is known: where we say nothing there is nothing to bring
        return bool(normal_form(ours.html[at]))
    return any(
        side.words[at] != ours.words[at]
        if side.words and ours.words
        else normal_form(side.html[at]) != normal_form(ours.html[at])
        for side in base.sides
    )


def mark_of(theirs: str) -> str:
    """Return a mark of the words a person decided about; other words there ask again."""
    return h16(normal_form(theirs))


def merge_tags(base: Iterable[str], theirs: Iterable[str], ours: Iterable[str]) -> tuple[str, ...]:
    """Return theirs, with what we added since the base, without what we dropped; sorted.

    Compared without case, as Anki does; theirs keep their spelling.
    """
    was = {tag.casefold() for tag in base}
    now = {tag.casefold(): tag for tag in ours}
    there = {tag.casefold(): tag for tag in theirs}
    kept = {folded: tag for folded, tag in there.items() if folded in now or folded not in was}
    added = {folded: tag for folded, tag in now.items() if folded not in was}
    return tuple(sorted({**added, **kept}.values()))


def same_tags(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether two sets of tags are equal to Anki."""
    return {tag.casefold() for tag in one} == {tag.casefold() for tag in other}
