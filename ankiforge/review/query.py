"""QUERY: which cards are meant, in every command that takes one.

Blank = and, `-` negates, bare words match text and title, `field:value` the rest; quotes for
blanks. `*` and `?` in a value are wildcards. `ledger.queries` turns the terms into SQL.

    deck:Reading -finding:* "gradient descent" verdict:pending
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ankiforge.config.deckfiles import colour_name
from ankiforge.errors import UsageError
from ankiforge.ledger import conditions
from ankiforge.ledger.conditions import Term, tag_name
from ankiforge.model import AnkiState, CardKind, Standing, Verdict

FIELDS = conditions.FIELDS
"""The fields a query may name."""
UNBROKEN = frozenset(FIELDS) - {"deck", "document", "source", "tag", "colour"}
"""Fields whose values never hold a blank."""
_WORDS = {"kind": CardKind, "verdict": Verdict, "standing": Standing, "anki": AnkiState}
"""Fields that have few values."""
_TERM = re.compile(
    r"""\s*(?P<minus>-?)(?:(?P<field>[^\W\d]\w*):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]*))"""
    r"(?=\s|$)"
)


@dataclass(frozen=True, slots=True)
class Query:
    """All conditions a card must fulfil; none = every card."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))


def parse(text: str) -> Query:
    """Parse a query.

    Raises:
        UsageError: an unknown field, a value no card can have, an open quote, nothing after
            a `-` or a colon.
    """
    terms, at, end = [], 0, len(text.rstrip())
    while at < end:
        found = _TERM.match(text, at)
        if found is None:
            raise UsageError(
                f"query: cannot read {text[at:].strip()!r}",
                hint='quotes open after a space or a colon and must be closed: "two words"',
            )
        terms.append(_term(found))
        at = found.end()
    return Query(tuple(terms))


def _term(found: re.Match[str]) -> Term:
    field = (found["field"] or "").casefold()
    value = found["bare"] if found["quoted"] is None else found["quoted"]
    if field and field not in FIELDS:
        raise UsageError(
            f"query: no field called {field!r}",
            hint=f"fields: {', '.join(FIELDS)}; to search for the words, quote them: "
            f'"{field}:{value}"',
        )
    if not value.strip():
        raise UsageError(
            f"query: nothing after {found[0].strip()!r}", hint="give a value; `*` matches any"
        )
    if field == "tag":
        value = tag_name(value)
    elif field == "colour" and value.isalpha():
        value = colour_name(value)
    if field in _WORDS:
        known = [word.value for word in _WORDS[field]]
        pattern = value.casefold().replace("[", "[[]")
        if not any(fnmatchcase(word, pattern) for word in known):
            what = f"query: {field} is never {value!r}"
            raise UsageError(what, hint=f"one of: {', '.join(known)}")
    return Term(field, value, bool(found["minus"]))
