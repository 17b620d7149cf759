"""`checks:` of `ankiforge.yaml`, read strictly: a mistake names its line and what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ankiforge.check.limits import Limits
from ankiforge.check.rule import Rule
from ankiforge.config.yamlfile import Location, suggestion
from ankiforge.model import Severity

_OFF = "off"
_ORDER = (_OFF, "info", "warn", "block")
_PAIRS = (
    ("answer_gt20w", "answer_gt30w"),
    ("list_gt3", "list_gt5"),
    ("gap_gt35pct", "gap_gt50pct"),
    ("answer_not_in_source", "answer_partly"),
    ("front_lt3w", "front_gt30w"),
    ("cloze_lt3w", "cloze_gt40w"),
)
"""The number of the first must stay below that of the second."""


def limits_from(settings: Mapping[str, Any], where: Location, rules: Iterable[Rule]) -> Limits:
    """The limits that a `checks:` mapping sets.

    Args:
        settings: rule id → a number, a severity (`block`, `warn`, `info`, `off`), or
            `{limit: number, severity: word}`.
        where: the place of the mapping, for complaints.
        rules: all there are.

    Raises:
        ConfigError: an unknown rule, a number out of range or where none belongs, a pair out of
            order, or a rule that guards a promise made milder.
    """
    known: dict[str, Rule] = {}
    for rule in rules:
        known.setdefault(rule.id, rule)
    numbers: dict[str, int] = {}
    severities: dict[str, Severity | None] = {}
    for id, said in settings.items():
        if id not in known:
            raise where.at(id).error("unknown check", suggestion(id, known))
        parts = _parts(said, where.at(id))
        if "limit" in parts:
            numbers[id] = _number(known[id], parts["limit"], _below(where.at(id), said, "limit"))
        if "severity" in parts:
            place = _below(where.at(id), said, "severity")
            severities[id] = _severity(known[id], parts["severity"], place)
    limits = Limits(numbers, severities)
    _in_order(limits, known, where)
    return limits


def _below(where: Location, said: object, key: str) -> Location:
    return where.at(key) if isinstance(said, dict) else where


def _parts(said: object, where: Location) -> dict[str, Any]:
    """What was said, as a mapping: a bare number is a limit, a bare word a severity."""
    if isinstance(said, dict):
        for key in said:
            if key not in ("limit", "severity"):
                raise where.at(str(key)).error("unknown key", suggestion(str(key), _KEYS))
        return {key: value for key, value in said.items() if value is not None}
    if isinstance(said, bool | str):  # YAML takes `off` for false
        return {"severity": said}
    if isinstance(said, int | float):
        return {"limit": said}
    raise where.error("expected a number, a severity, or a mapping of both", _EXAMPLE)


_KEYS = ("limit", "severity")
_EXAMPLE = "such as {limit: 25, severity: info}"


def _number(rule: Rule, said: object, where: Location) -> int:
    bound = rule.bound
    if bound is None:
        raise where.error("this check has no number", f"a severity: {', '.join(_ORDER)}")
    if isinstance(said, bool) or not isinstance(said, int):
        raise where.error("expected a whole number", f"{bound.least} to {bound.most}")
    unit = f" {bound.unit}" if bound.unit else ""
    if not bound.least <= said <= bound.most:
        what = f"expected {bound.least} to {bound.most}{unit}, got {said}"
        raise where.error(what, _firmly(rule) if rule.firm else f"shipped: {bound.usual}")
    return said


def _severity(rule: Rule, said: object, where: Location) -> Severity | None:
    word = _OFF if said is False else said
    if word is True or not isinstance(word, str) or word not in _ORDER:
        shown = "on" if word is True else word
        hint = (
            suggestion(str(shown), _ORDER) if isinstance(word, str) else f"shipped: {rule.severity}"
        )
        raise where.error(f"{shown!r} is not one of: {', '.join(_ORDER)}", hint)
    if rule.firm and _ORDER.index(word) < _ORDER.index(rule.severity.value):
        raise where.error(f"cannot be made milder than {rule.severity}", _firmly(rule))
    return None if word == _OFF else Severity(word)


def _firmly(rule: Rule) -> str:
    return f"{rule.id} keeps a promise: it can be made stricter only (docs/checks.md)"


def _in_order(limits: Limits, known: Mapping[str, Rule], where: Location) -> None:
    for low, high in _PAIRS:
        if limits.of(known[low]) >= limits.of(known[high]):
            said = low if low in limits.numbers else high
            what = (
                f"{low} ({limits.of(known[low])}) must be below {high} ({limits.of(known[high])})"
            )
            raise where.at(said).error(what, "set both")
