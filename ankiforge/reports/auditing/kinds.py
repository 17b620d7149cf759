"""What an audit finds besides what the checks say, and what to do about everything it finds."""

from __future__ import annotations

from ankiforge.check import RULES as CHECKED
from ankiforge.check import clozes, duplicates, filler, siblings, structure, wording
from ankiforge.check.rule import Rule
from ankiforge.model import Severity

REMARK = Rule("remark", Severity.WARN, "a remark was typed while it was studied:")
LEECH = Rule("leech", Severity.WARN, "tagged as a leech by Anki:")
LAPSES = Rule("lapses", Severity.WARN, "fails again and again:")
DIFFICULT = Rule("difficult", Severity.WARN, "stays hard:")
EMPTY_CARD = Rule("empty_card", Severity.WARN, "has a card that asks nothing:")
NO_CARDS = Rule("no_cards", Severity.WARN, "has no card at all")
RETIRED = Rule("retired_studied", Severity.WARN, "no card any more, and still studied:")
SOURCE_GONE = Rule("source_gone", Severity.WARN, "its passage is no longer in the source")
UNKNOWN = Rule("unknown_note", Severity.WARN, "made by ankiforge, but no card here stands for it")
NO_SOURCE = Rule("no_source", Severity.INFO, "its source field is empty:")
NEVER_STUDIED = Rule("never_studied", Severity.INFO, "never studied:")
LEFT_LYING = Rule("left_lying", Severity.INFO, "left lying:")
LONG_SUSPENDED = Rule("long_suspended", Severity.INFO, "suspended for long:")
RULES = (
    REMARK,
    LEECH,
    LAPSES,
    DIFFICULT,
    EMPTY_CARD,
    NO_CARDS,
    RETIRED,
    SOURCE_GONE,
    UNKNOWN,
    NO_SOURCE,
    NEVER_STUDIED,
    LEFT_LYING,
    LONG_SUSPENDED,
)
"""The kinds that only an audit knows; `check.RULES` has those of the checks."""
FAILS = frozenset(rule.id for rule in (LEECH, LAPSES, DIFFICULT))
"""What a person can leave as it is until the card lapses once more."""

_SAYS = {rule.id: rule.says.rstrip(":") for rule in (*RULES, *CHECKED)}
_SAYS[duplicates.DUPLICATE.id] = "asks the same as another note"
_REWORD = "ask for one thing, or make two notes of it; delete it if it is not worth the time"
_ADVICE = {
    REMARK.id: "reword it as you meant, then empty the Feedback field",
    LEECH.id: f"{_REWORD}; then take the tag leech away and unsuspend it",
    LAPSES.id: _REWORD,
    DIFFICULT.id: _REWORD,
    structure.EMPTY_SIDE.id: "fill it; a card that is not to be goes by Tools › Empty Cards in Anki",
    EMPTY_CARD.id: "in Anki: Tools › Empty Cards",
    NO_CARDS.id: "in Anki: fill what its card template asks by, or Tools › Check Database",
    RETIRED.id: "suspend it: ankiforge push --suspend-retired; or search tag:ankiforge::retired",
    SOURCE_GONE.id: "keep it or reject it: ankiforge list finding:source_gone",
    UNKNOWN.id: "take it over: ankiforge recover; a note from somebody else's deck may stay",
    NO_SOURCE.id: "write down where it is from, while you know",
    NEVER_STUDIED.id: "study it, or delete it",
    LEFT_LYING.id: "catch up on it, or suspend what you do not want to know any more",
    LONG_SUSPENDED.id: "mend it and unsuspend it, or delete it",
    duplicates.DUPLICATE.id: "keep one and delete the other, or let them ask different things",
}
_BROKEN = "mend it in Anki: what it shows is not what was meant"
_WORDED = "reword it, or split it in several notes"
_BY_SOURCE = "hold it against its passage: ankiforge show GUID, then edit or reject it"


def meaning(check: str) -> str:
    """What a finding says, without its details; "" of one that is not known."""
    return _SAYS.get(check, "")


def advice(check: str) -> str:
    """What to do about a finding, in a few words."""
    if check in _ADVICE:
        return _ADVICE[check]
    if any(check == rule.id for rule in structure.RULES):
        return _BROKEN
    of_wording = (*clozes.RULES, *wording.RULES, *filler.RULES, *siblings.RULES)
    return _WORDED if any(check == rule.id for rule in of_wording) else _BY_SOURCE
