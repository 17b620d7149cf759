"""Checks: pure functions that judge a draft against its source and report findings."""

from ankiforge.check.card import MAX_LENGTH
from ankiforge.check.duplicates import DuplicateIndex, terms_of
from ankiforge.check.engine import ALL, check, lint
from ankiforge.check.reading import bare, read, without
from ankiforge.check.rules import RULES, Context, Rule, found, group
from ankiforge.check.words import content

__all__ = [
    "ALL",
    "MAX_LENGTH",
    "RULES",
    "Context",
    "DuplicateIndex",
    "Rule",
    "bare",
    "check",
    "content",
    "found",
    "group",
    "lint",
    "read",
    "terms_of",
    "without",
]
