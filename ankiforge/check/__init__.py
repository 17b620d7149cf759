"""Checks: pure functions that judge a draft against its source and report findings."""

from ankiforge.check.card import MAX_LENGTH, Siblings
from ankiforge.check.duplicates import DuplicateIndex, terms_of
from ankiforge.check.engine import ALL, GROUNDS, after_probe, check, lint
from ankiforge.check.inline import Names
from ankiforge.check.probe import same_answer
from ankiforge.check.reading import bare, read, without
from ankiforge.check.rules import RULES, Bound, Context, Limits, Rule, found, ids, limits_from
from ankiforge.check.words import content

__all__ = [
    "ALL",
    "GROUNDS",
    "MAX_LENGTH",
    "RULES",
    "Bound",
    "Context",
    "DuplicateIndex",
    "Limits",
    "Names",
    "Rule",
    "Siblings",
    "after_probe",
    "bare",
    "check",
    "content",
    "found",
    "ids",
    "limits_from",
    "lint",
    "read",
    "same_answer",
    "terms_of",
    "without",
]
