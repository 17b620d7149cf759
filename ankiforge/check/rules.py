"""The rules of findings, their limits as set by a person, and the context of a check.

Every rule is a row of `data/rules.txt`. A check is a function of a draft and its context that
yields findings with the ids of rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ankiforge.check.words import data
from ankiforge.config.yamlfile import Location, suggestion
from ankiforge.model import Draft, Finding, Highlight, Severity

if TYPE_CHECKING:
    from ankiforge.check.card import Siblings
    from ankiforge.check.duplicates import DuplicateIndex
    from ankiforge.check.inline import Names


@dataclass(frozen=True, slots=True)
class Bound:
    """The limit of a rule, which `checks:` in `ankiforge.yaml` may set."""

    usual: int
    """The default."""
    least: int
    most: int
    """The range of allowed values."""
    unit: str = ""
    """The unit: words, %, characters …"""
    floor: bool = False
    """Whether it is a minimum; else it is a maximum."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A possible fault of a card; `docs/checks.md` has examples of each."""

    id: str
    severity: Severity
    says: str
    bound: Bound | None = None
    firm: bool = False
    """Whether it keeps a promise: it may be made stricter, but not milder."""
    group: str = ""

    def found(self, detail: str = "", *, twin: str = "") -> Finding:
        """Return the finding that this rule is broken."""
        return Finding(self.id, self.severity, f"{self.says} {detail}".rstrip(), twin)


_ROW = re.compile(
    r"\[(?P<group>\w+)\]|(?P<id>\w+) +(?P<severity>\w+)(?P<firm>!?)"
    r" *(?:(?P<side>[<>])= (?P<usual>\d+) in (?P<least>\d+)\.\.(?P<most>\d+) (?P<unit>\S+))? *\| (?P<says>.+)"
)


def _read(table: str) -> Iterator[Rule]:
    group = ""
    for row in filter(None, map(_ROW.fullmatch, table.splitlines())):
        group = row["group"] or group
        if row["id"]:
            usual, least, most = (int(row[name] or 0) for name in ("usual", "least", "most"))
            floor = row["side"] == ">"
            bound = Bound(usual, least, most, row["unit"], floor) if row["side"] else None
            severity = Severity(row["severity"])
            yield Rule(row["id"], severity, row["says"], bound, bool(row["firm"]), group)


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


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits and severities that a person has set; all others have their defaults."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    """The limits of rules, by id."""
    severities: Mapping[str, Severity | None] = field(default_factory=dict)
    """The severities of rules, by id; None = off."""

    def of(self, rule: str) -> int:
        """Return the limit of a rule; 0 if it has none."""
        bound = _BY_ID[rule].bound
        return self.numbers.get(rule, bound.usual if bound else 0)

    def breaks(self, value: float, *rules: str) -> str:
        """Return the first of these rules (given by descending severity) that a value breaks; "" if none."""
        for rule in rules:
            bound, limit = _BY_ID[rule].bound, self.of(rule)
            broken = bound and (value < limit if bound.floor else value > limit)
            if broken and self.severities.get(rule, Severity.WARN) is not None:
                return rule
        return ""

    def counted(self, value: int, *rules: str) -> Iterator[Finding]:
        """Yield the finding for the first of these rules that a number breaks."""
        if rule := self.breaks(value, *rules):
            yield self.exceeded(rule, value)

    def exceeded(self, rule: str, value: int, detail: str = "") -> Finding:
        """Return the finding with the actual number and the limit."""
        bound = _BY_ID[rule].bound or Bound(0, 0, 0)
        unit = bound.unit.removesuffix("s") if value == 1 else bound.unit
        percent, unit = ("%", "") if unit == "%" else ("", f" {unit}")
        wanted = "at least" if bound.floor else "at most"
        words = f"{value}{percent}{unit}, {wanted} {self.of(rule)}{percent}"
        return found(rule, f"{words}; {detail}" if detail else words)

    def weighed(self, finding: Finding) -> Finding | None:
        """Return the finding with the severity that a person has set; None if it is off."""
        severity = self.severities.get(finding.check, finding.severity)
        return None if severity is None else replace(finding, severity=severity)


_ORDER = ("off", "info", "warn", "block")
_KEYS = ("limit", "severity")
_PAIRS = (
    ("answer_gt20w", "answer_gt30w"),
    ("list_gt3", "list_gt5"),
    ("gap_gt35pct", "gap_gt50pct"),
    ("answer_not_in_source", "answer_partly"),
    ("front_lt3w", "front_gt30w"),
    ("cloze_lt3w", "cloze_gt40w"),
)
"""The limit of the first must be below that of the second."""


def limits_from(settings: Mapping[str, Any], where: Location) -> Limits:
    """Return the limits that a `checks:` mapping sets.

    Args:
        settings: by rule id, a limit, a severity (`block`, `warn`, `info`, `off`), or
            `{limit: …, severity: …}`.
        where: the location of the mapping, for error messages.

    Raises:
        ConfigError: a rule is unknown, a limit is out of range or not supported, two limits are in
            the wrong order, or a rule that keeps a promise is made milder.
    """
    numbers: dict[str, int] = {}
    severities: dict[str, Severity | None] = {}
    for id, value in settings.items():
        here = where.at(id)
        rule = _BY_ID.get(id)
        if rule is None:
            raise here.error("unknown check", suggestion(id, _BY_ID))
        if isinstance(value, dict):
            for key in value:
                if key not in _KEYS:
                    raise here.at(str(key)).error("unknown key", suggestion(str(key), _KEYS))
            parts = {key: (part, here.at(key)) for key, part in value.items() if part is not None}
        elif isinstance(value, bool | str):  # YAML reads `off` as false
            parts = {"severity": (value, here)}
        elif isinstance(value, int | float):
            parts = {"limit": (value, here)}
        else:
            example = "such as {limit: 25, severity: info}"
            raise here.error("expected a number, a severity, or a mapping of both", example)
        if "limit" in parts:
            numbers[id] = _number(rule, *parts["limit"])
        if "severity" in parts:
            severities[id] = _severity(rule, *parts["severity"])
    limits = Limits(numbers, severities)
    for low, high in _PAIRS:
        if limits.of(low) >= limits.of(high):
            what = f"{low} ({limits.of(low)}) must be below {high} ({limits.of(high)})"
            raise where.at(low if low in numbers else high).error(what, "set both")
    return limits


def _number(rule: Rule, value: object, where: Location) -> int:
    bound = rule.bound
    if bound is None:
        raise where.error("this check has no number", f"a severity: {', '.join(_ORDER)}")
    if isinstance(value, bool) or not isinstance(value, int):
        raise where.error("expected a whole number", f"{bound.least} to {bound.most}")
    if not bound.least <= value <= bound.most:
        what = f"expected {bound.least} to {bound.most} {bound.unit}, got {value}"
        raise where.error(what, _firmly(rule) if rule.firm else f"shipped: {bound.usual}")
    return value


def _severity(rule: Rule, value: object, where: Location) -> Severity | None:
    word = ("on" if value else "off") if isinstance(value, bool) else value
    if not isinstance(word, str) or word not in _ORDER:
        hint = suggestion(value, _ORDER) if isinstance(value, str) else f"shipped: {rule.severity}"
        raise where.error(f"{word!r} is not one of: {', '.join(_ORDER)}", hint)
    if rule.firm and _ORDER.index(word) < _ORDER.index(rule.severity.value):
        raise where.error(f"cannot be less severe than {rule.severity}", _firmly(rule))
    return None if word == "off" else Severity(word)


def _firmly(rule: Rule) -> str:
    return f"{rule.id} can only be made stricter (docs/checks.md)"


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
    limits: Limits = Limits()
    siblings: Siblings | None = None
    """All drafts of the same batch: one may give another away."""
    names: Names | None = None
    """The fronts of lines `front::back` all over its source."""
    picture_fault: Callable[[str], str] = _no_fault
    """Why a picture that the draft shows cannot be read, "" if it can."""


Check = Callable[[Draft, Context], Iterator[Finding]]
"""A pure function that yields what it finds, and never raises."""
