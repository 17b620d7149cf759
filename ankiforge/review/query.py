"""QUERY: which cards and drafts are meant, in every command that takes one.

Blank = and, `-` negates, bare words match text, title and the beginning of the id, `field:value` the
rest; quotes for blanks. `*` and `?` in the value of a field are wildcards.

    deck:Reading -finding:* "gradient descent" verdict:pending
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec

from ankiforge.errors import UsageError
from ankiforge.ledger import FIELDS, Term
from ankiforge.model import CardKind, colour_name

UNBROKEN = frozenset(FIELDS) - {"deck", "document", "source", "tag", "colour", "verdict"}
"""Fields whose values never hold a blank."""
_WORDS = {
    "kind": tuple(CardKind),
    "verdict": ("pending", "accepted", "rejected", "retired", "taken back", "superseded"),
    "anki": ("none", "written", "seen", "missing", "deleted"),
}
"""Fields that have few values."""
_TERM = re.compile(
    r"""\s*(?P<minus>-?)(?:(?P<field>[^\W\d]\w*):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]*))"""
    r"(?=\s|$)"
)


class Query(msgspec.Struct, frozen=True):
    """All conditions that a card or draft must fulfil; none = every one."""

    terms: tuple[Term, ...] = ()


def parse(text: str) -> Query:
    """Parse a query.

    Raises:
        UsageError: an unknown field, a value that no card can have, an open quote, nothing after
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
    if field == "colour" and value.isalpha():
        value = colour_name(value)
    if field in _WORDS:
        pattern = value.casefold().replace("[", "[[]")
        if not any(fnmatchcase(word, pattern) for word in _WORDS[field]):
            what = f"query: {field} is never {value!r}"
            raise UsageError(what, hint=f"one of: {', '.join(_WORDS[field])}")
    return Term(field, value, bool(found["minus"]))


def joined(words: Iterable[str]) -> str:
    """Return the query as it was typed, with the quotes that the shell removed."""

    def requoted(word: str) -> str:
        sign, bare = ("-", word[1:]) if word.startswith("-") else ("", word)
        field, colon, value = bare.partition(":")
        if field not in FIELDS:
            field, colon, value = "", "", bare
        terms = (term.removeprefix("-").partition(":") for term in value.split())
        whole = field in UNBROKEN or any(sep and name in FIELDS for name, sep, _ in terms)
        if " " not in value or '"' in value or whole:  # `whole`: the word is a whole query
            return word
        return f'{sign}{field}{colon}"{value}"'

    return " ".join(map(requoted, words))
