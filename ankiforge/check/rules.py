"""The rules of findings, their limits, and the context of a check.

Every rule is a row of `data/rules.txt`. A check is a function of a draft and its context that
yields findings with the ids of rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ankiforge.check.words import data
from ankiforge.model import Draft, Finding, Highlight, Severity

if TYPE_CHECKING:
    from ankiforge.check.card import Siblings
    from ankiforge.check.duplicates import DuplicateIndex
    from ankiforge.check.inline import Names


@dataclass(frozen=True, slots=True)
class Bound:
    """The limit of a rule."""

    limit: int
    unit: str
    """The unit: words, %, characters …"""
    floor: bool
    """Whether it is a minimum; else it is a maximum."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A possible fault of a card; `docs/checks.md` has examples of each."""

    id: str
    severity: Severity
    says: str
    bound: Bound | None = None
    group: str = ""

    def found(self, detail: str = "", *, twin: str = "") -> Finding:
        """Return the finding that this rule is broken."""
        return Finding(self.id, self.severity, f"{self.says} {detail}".rstrip(), twin)


_ROW = re.compile(
    r"\[(?P<group>\w+)\]|(?P<id>\w+) +(?P<severity>\w+)"
    r" *(?:(?P<side>[<>])= (?P<limit>\d+) (?P<unit>\S+))? *\| (?P<says>.+)"
)


def _read(table: str) -> Iterator[Rule]:
    group = ""
    for row in filter(None, map(_ROW.fullmatch, table.splitlines())):
        group = row["group"] or group
        if row["id"]:
            side = row["side"]
            bound = Bound(int(row["limit"]), row["unit"], side == ">") if side else None
            severity = Severity(row["severity"])
            yield Rule(row["id"], severity, row["says"], bound, group)


RULES = tuple(_read(data("rules")))
"""All rules; an id may be in two groups."""
_BY_ID = {rule.id: rule for rule in reversed(RULES)}


def ids(*groups: str) -> frozenset[str]:
    """Return the ids of the rules of some groups."""
    return frozenset(rule.id for rule in RULES if rule.group in groups)


def found(rule: str, detail: str = "", *, twin: str = "") -> Finding:
    """Return the finding that a rule is broken, with a detail after its message."""
    return _BY_ID[rule].found(detail, twin=twin)


# --- limits ------------------------------------------------------------------------------------


def limit_of(rule: str) -> int:
    """Return the limit of a rule."""
    return _bound(rule).limit


def _bound(rule: str) -> Bound:
    bound = _BY_ID[rule].bound
    assert bound is not None, rule
    return bound


def broken(value: float, *rules: str) -> str:
    """Return the first of these rules (given by descending severity) that a value breaks; "" if none."""
    for rule in rules:
        bound = _bound(rule)
        if value < bound.limit if bound.floor else value > bound.limit:
            return rule
    return ""


def counted(value: int, *rules: str) -> Iterator[Finding]:
    """Yield the finding for the first of these rules that a number breaks."""
    if rule := broken(value, *rules):
        yield exceeded(rule, value)


def exceeded(rule: str, value: int, detail: str = "") -> Finding:
    """Return the finding with the actual number and the limit."""
    bound = _bound(rule)
    unit = bound.unit.removesuffix("s") if value == 1 else bound.unit
    percent, unit = ("%", "") if unit == "%" else ("", f" {unit}")
    wanted = "at least" if bound.floor else "at most"
    words = f"{value}{percent}{unit}, {wanted} {bound.limit}{percent}"
    return found(rule, f"{words}; {detail}" if detail else words)


# --- what a draft is judged against ---------------------------------------------------------------


def _no_fault(path: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Context:
    """What a draft is judged against."""

    highlight: Highlight
    """As it was when the draft was made."""
    known: DuplicateIndex
    """The cards there are already."""
    batch: DuplicateIndex | None = None
    """The drafts of the same batch that came before it."""
    siblings: Siblings | None = None
    """All drafts of the same batch: one may give another away."""
    names: Names | None = None
    """The fronts of lines `front::back` all over its source."""
    picture_fault: Callable[[str], str] = _no_fault
    """Why a picture that the draft shows cannot be read, "" if it can."""


Check = Callable[[Draft, Context], Iterator[Finding]]
"""A pure function that yields what it finds, and never raises."""
