"""Two or three versions of one thing beside one another, and what is known of it: HTML of ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ankiforge.model import Fields
from ankiforge.review.page.shown.differences import GONE, NEW, SAME, Run, only, runs
from ankiforge.review.page.shown.drawing import draw


@dataclass(frozen=True, slots=True)
class Side:
    """One version of a text."""

    label: str
    """Whose it is; "" = it needs no name."""
    runs: tuple[Run, ...]
    apart: bool = False
    """What is marked is not new or gone, but only on this side."""


@dataclass(frozen=True, slots=True)
class Row:
    """A field, or the passage, in all its versions."""

    name: str
    sides: tuple[Side, ...]


Fact = tuple[str, str]
"""(what, the words): a line below the versions."""


def sides_html(rows: Iterable[Row] = (), facts: Iterable[Fact] = ()) -> str:
    """The body of an item that is about more than one version of something."""
    return draw("sides.html", rows=tuple(rows), facts=[fact for fact in facts if fact[1]])


def changed(name: str, old: str, new: str) -> Row:
    """What became of a text, in one."""
    return Row(name, (Side("", runs(old, new)),))


def changed_fields(old: Fields, new: Fields) -> list[Row]:
    """The fields that differ."""
    before, after = dict(old), dict(new)
    names = [name for name in {**before, **after} if before.get(name, "") != after.get(name, "")]
    return [changed(name, before.get(name, ""), after.get(name, "")) for name in names]


def beside(name: str, one: tuple[str, str], other: tuple[str, str]) -> Row:
    """Two texts, each (label, text), with what only it says marked in each."""
    found = runs(other[1], one[1])
    return Row(
        name, (Side(one[0], only(NEW, found), True), Side(other[0], only(GONE, found), True))
    )


def as_it_is(label: str, text: str) -> Side:
    """A text nothing is marked in."""
    return Side(label, ((SAME, text),) if text else ())
