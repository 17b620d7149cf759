"""Three-way merge of a note: the revision we shipped, the note in Anki, and what we would ship now.

The functions are pure. Content fields and tags are merged one by one. A person's change is kept, a
change only on our side is taken, and if both sides changed, the person's version stays and a
conflict is reported. The fields that describe the source are always ours. Fields that we did not
create are never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ankiforge.anki.identity import normal_form
from ankiforge.model import Family, h16

MINE = "mine"
"""A person's decision on a field: keep what is in Anki, also if the source changes later."""
SOURCE = "source"
"""A person's decision on a field: replace what is in Anki with the source's text, once."""


@dataclass(frozen=True, slots=True)
class Side:
    """The content fields of one side, in note type order."""

    html: tuple[str, ...]
    words: tuple[str, ...] = ()
    """The fields as Markdown. Changes are detected on it where both sides have it, otherwise on the
    HTML. () if unknown."""


@dataclass(frozen=True, slots=True)
class Base:
    """The revisions that a person may have edited, the most likely one first."""

    sides: tuple[Side, ...]
    certain: bool
    """Whether the first revision is known to be the one."""


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
    """Merge the content fields. Return the HTML that Anki should have, and the conflicts.

    Args:
        family: the note type.
        base: the revisions that `theirs` may derive from.
        theirs: the content fields in Anki, as HTML.
        ours: the content fields as we would ship them now.
        resolved: a person's decisions by field name: `mine`, or `source <mark_of(theirs)>`.
    """
    html, conflicts = [], []
    for at, name in enumerate(family.content_fields):
        our_html, their_form, decision = (
            ours.html[at],
            normal_form(theirs[at]),
            resolved.get(name, ""),
        )
        result = theirs[at]
        if normal_form(our_html) == their_form or decision == MINE:
            pass
        elif decision == f"{SOURCE} {mark_of(theirs[at])}":
            result = our_html
        elif any(normal_form(side.html[at]) == their_form for side in base.sides):
            result = our_html  # not edited: it equals one of our revisions that may be in Anki
        elif _we_changed(at, base, ours):
            before = base.sides[0].html[at] if base.certain else ""
            conflicts.append(Conflict(name, before, theirs[at], our_html))
        html.append(result)
    return tuple(html), tuple(conflicts)


def _we_changed(at: int, base: Base, ours: Side) -> bool:
    """Return whether our text differs from any revision that may be the base.

    Markdown is compared where both sides have it.
    """
    if not base.sides:  # the base is unknown: an empty field of ours changes nothing
        return bool(normal_form(ours.html[at]))
    return any(
        side.words[at] != ours.words[at]
        if side.words and ours.words
        else normal_form(side.html[at]) != normal_form(ours.html[at])
        for side in base.sides
    )


def mark_of(theirs: str) -> str:
    """Return a hash of the text a person decided about. Any other text needs a new decision."""
    return h16(normal_form(theirs))


def merge_tags(base: Iterable[str], theirs: Iterable[str], ours: Iterable[str]) -> tuple[str, ...]:
    """Merge tags: theirs, plus what we added since the base, minus what we removed. Sorted.

    Tags are compared without case, as in Anki. Tags of theirs keep their spelling.
    """
    was = {tag.casefold() for tag in base}
    now = {tag.casefold(): tag for tag in ours}
    present = {tag.casefold(): tag for tag in theirs}
    kept = {folded: tag for folded, tag in present.items() if folded in now or folded not in was}
    added = {folded: tag for folded, tag in now.items() if folded not in was}
    return tuple(sorted({**added, **kept}.values()))


def same_tags(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether Anki treats two sets of tags as equal."""
    return {tag.casefold() for tag in one} == {tag.casefold() for tag in other}
