"""Rules, findings, and how a check is declared.

Every rule is a row of `data/rules.txt`. A check is a function of a draft and its
context that yields findings with the ids of rules. `@needs` declares it, with what it
has to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.model import Card, Finding, Highlight, Severity, Value
from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.check.duplicates import DuplicateIndex

# --- rules and findings ---------------------------------------------------------------


class Rule(Value):
    """A possible fault of a card; `docs/reference/checks.md` has an example of each."""

    id: str
    severity: Severity
    says: str
    group: str
    most: int = 0
    """The limit, 0 if it has none."""
    unit: str = ""
    """The unit of the limit: words, %, characters …"""


_ROW = regex(
    r"\[(?P<group>\w+)\]|(?P<id>\w+) +(?P<severity>\w+)"
    r" *(?:<= (?P<most>\d+) (?P<unit>\S+))? *\| (?P<says>.+)"
)


def _read_rules(table: str) -> Iterator[Rule]:
    """Yield the rules of a table; a heading gives the group of those below it."""
    group = ""
    for line in table.splitlines():
        row = _ROW.fullmatch(line)
        if row is None:  # a comment or an empty line
            continue
        if row["group"]:
            group = row["group"]
            continue
        yield Rule(
            id=row["id"],
            severity=Severity(row["severity"]),
            says=row["says"],
            group=group,
            most=int(row["most"] or 0),
            unit=row["unit"] or "",
        )


_DATA = Path(__file__).parent / "data"
RULES = tuple(_read_rules((_DATA / "rules.txt").read_text("utf-8")))
_BY_ID = {rule.id: rule for rule in RULES}


def group(name: str) -> frozenset[str]:
    """Return the ids of the rules of a group."""
    return frozenset(rule.id for rule in RULES if rule.group == name)


def make_finding(
    rule: str,
    detail: str = "",
    *,
    duplicate: str = "",
    severity: Severity | None = None,
) -> Finding:
    """Return the finding that a rule is broken.

    Args:
        rule: the id of the rule.
        detail: follows its message.
        duplicate: the id of the other card, for duplicates.
        severity: replaces that of the rule.
    """
    broken = _BY_ID[rule]
    message = f"{broken.says} {detail}".rstrip()
    return Finding(rule, severity or broken.severity, message, duplicate)


def counted(value: int, rule: str, detail: str = "") -> Iterator[Finding]:
    """Yield the finding with number and limit if the number exceeds the limit of a rule."""
    limit = _BY_ID[rule]
    if value <= limit.most:
        return
    if limit.unit == "%":
        message = f"{value}%, at most {limit.most}%"
    else:
        message = f"{value} {limit.unit}, at most {limit.most}"
    if detail:
        message = f"{message}; {detail}"
    yield make_finding(rule, message)


# --- checks ---------------------------------------------------------------------------


class Context(Value):
    """The passage, the other cards, and the tables that a draft is judged against."""

    highlight: Highlight
    """As it was when the draft was made."""
    known: DuplicateIndex
    """The cards and drafts that there are already."""
    picture_fault: Callable[[str], str] = lambda path: ""
    """Why a picture that the draft shows cannot be read, "" if it can."""
    is_clause: Callable[[str], bool] = lambda text: False
    """Whether a line without a full stop has a subject with its verb."""
    is_term: Callable[[str, str], bool] = lambda text, phrase: True
    """Whether a phrase of a text names a thing, and is no mere adjective."""
    leads_elsewhere: Callable[[str], bool] = lambda phrase: False
    """Whether a phrase begins another passage, in which it is marked, too."""


Check = Callable[[Card, Context], Iterator[Finding]]
"""A pure function that yields what it finds, and never raises."""


class Needs(Enum):
    """The texts that a check has to see, in the order in which checks run and report."""

    CARD = auto()
    """Only the card. `ankiforge lint` runs these checks on cards of any origin."""
    SOURCE = auto()
    """The passage that the card is from. Cards that a person wrote are not held against it."""
    COMPARISON = auto()
    """The passage, of a card that says it in other words: what is in it word for word
    cannot turn its meaning, or have a number that it lacks."""
    REST = auto()
    """How the passage was marked, or the other cards. These checks apply to all cards."""


_DECLARED: list[tuple[Check, Needs]] = []


def needs(required: Needs) -> Callable[[Check], Check]:
    """Declare the decorated function as a check."""

    def declare(check: Check) -> Check:
        _DECLARED.append((check, required))
        return check

    return declare


def checks_in(modules: tuple[str, ...], required: Needs) -> tuple[Check, ...]:
    """Return the checks that need this, in the order of their modules and within a module."""
    checks = [check for check, needed in _DECLARED if needed is required]
    return tuple(sorted(checks, key=lambda check: modules.index(check.__module__)))
