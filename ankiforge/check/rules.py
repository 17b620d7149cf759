"""The rules of findings, their limits, and the context of a check.

Every rule is a row of `data/rules.txt`. A check is a function of a draft and its context that
yields findings with the ids of rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from ankiforge.check.words import data
from ankiforge.model import Draft, Finding, Highlight, Severity

if TYPE_CHECKING:
    from ankiforge.check.duplicates import DuplicateIndex


class Rule(msgspec.Struct, frozen=True):
    """A possible fault of a card; `docs/checks.md` has an example of each."""

    id: str
    severity: Severity
    says: str
    group: str
    most: int = 0
    """The limit, 0 if it has none."""
    unit: str = ""
    """The unit of the limit: words, %, characters …"""


_ROW = re.compile(
    r"\[(?P<group>\w+)\]|(?P<id>\w+) +(?P<severity>\w+)"
    r" *(?:<= (?P<most>\d+) (?P<unit>\S+))? *\| (?P<says>.+)"
)


def _read(table: str) -> Iterator[Rule]:
    group = ""
    for row in filter(None, map(_ROW.fullmatch, table.splitlines())):
        group = row["group"] or group
        if row["id"]:
            severity, most = Severity(row["severity"]), int(row["most"] or 0)
            yield Rule(row["id"], severity, row["says"], group, most, row["unit"] or "")


RULES = tuple(_read(data("rules")))
_BY_ID = {rule.id: rule for rule in RULES}


def group(name: str) -> frozenset[str]:
    """Return the ids of the rules of a group."""
    return frozenset(rule.id for rule in RULES if rule.group == name)


def found(
    rule: str, detail: str = "", *, twin: str = "", severity: Severity | None = None
) -> Finding:
    """Return the finding that a rule is broken, with a detail after its message."""
    broken = _BY_ID[rule]
    return Finding(rule, severity or broken.severity, f"{broken.says} {detail}".rstrip(), twin)


def counted(value: int, rule: str, detail: str = "") -> Iterator[Finding]:
    """Yield the finding with number and limit if the number exceeds the limit of a rule."""
    limit = _BY_ID[rule]
    if value > limit.most:
        unit = "%" if limit.unit == "%" else f" {limit.unit}"
        words = f"{value}{unit}, at most {limit.most}{unit if unit == '%' else ''}"
        yield found(rule, f"{words}; {detail}" if detail else words)


def _no_fault(path: str) -> str:
    return ""


class Context(msgspec.Struct, frozen=True):
    """What a draft is judged against."""

    highlight: Highlight
    """As it was when the draft was made."""
    known: DuplicateIndex
    """The cards there are already."""
    batch: DuplicateIndex | None = None
    """The drafts of the same run that came before it."""
    picture_fault: Callable[[str], str] = _no_fault
    """Why a picture that the draft shows cannot be read, "" if it can."""


Check = Callable[[Draft, Context], Iterator[Finding]]
"""A pure function that yields what it finds, and never raises."""
