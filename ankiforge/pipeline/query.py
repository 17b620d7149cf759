"""Queries and ids, as a person types them.

A query: blank = and, `-` negates, bare words match text, title and the beginning of the id,
`field:value` the rest; quotes for blanks. `*` and `?` in the value of a field are wildcards.

    deck:Reading -finding:* "gradient descent" verdict:waiting
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from ankiforge.errors import UsageError
from ankiforge.ledger import FIELDS, Ledger, QueryTerm, decide, lists, questions
from ankiforge.model import (
    CARD_PREFIX,
    DRAFT_PREFIX,
    QUESTION_PREFIX,
    CardKind,
    colour_name,
    is_question_id,
)
from ankiforge.text import regex

UNBROKEN = frozenset(FIELDS) - {"deck", "document", "source", "tag", "colour", "verdict"}
"""Fields whose values never hold a blank."""
# Fields that have few values.
_WORDS = {
    "kind": tuple(CardKind),
    "verdict": ("waiting", "accepted", "rejected", "retired", "taken back", "superseded"),
    "anki": ("none", "written", "seen", "missing", "deleted"),
}
_TERM = regex(
    r"""\s*(?P<minus>-?)(?:(?P<field>[^\W\d]\w*):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]*))"""
    r"(?=\s|$)"
)


def names_field(text: str) -> bool:
    """Return whether a query names a field or leaves something out; else it is a question."""
    return any(
        (match["field"] or "").casefold() in FIELDS or (match["minus"] and match["bare"])
        for match in _TERM.finditer(text)
    )


def parse(text: str) -> list[QueryTerm]:
    """Return the conditions that a card or draft must fulfil; none = every one.

    Raises:
        UsageError: an unknown field, a value that no card can have, an open quote, nothing after
            a `-` or a colon.
    """
    terms: list[QueryTerm] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TERM.match(text, position)
        if match is None or not match[0].strip():
            raise UsageError(
                f"query: cannot read {text[position:].strip()!r}",
                hint='quotes open after a space or a colon and must be closed: "two words"',
            )
        position = match.end()
        field = (match["field"] or "").casefold()
        value = match["bare"] if match["quoted"] is None else match["quoted"]
        if field and field not in FIELDS:
            known = ", ".join(FIELDS)
            hint = (
                f'fields: {known}; to search for the words, quote them: "{field}:{value}"'
            )
            raise UsageError(f"query: no field called {field!r}", hint=hint)
        if not value.strip():
            message = f"query: nothing after {match[0].strip()!r}"
            raise UsageError(message, hint="give a value; `*` matches any")
        if field == "colour" and value.isalpha():
            value = colour_name(value)
        if field in _WORDS:
            possible = _WORDS[field]
            # in a query, only `*` and `?` are wildcards
            pattern = value.casefold().replace("[", "[[]")
            if not any(fnmatchcase(word, pattern) for word in possible):
                message = f"query: {field} has no value {value!r}"
                raise UsageError(message, hint=f"one of: {', '.join(possible)}")
        if field == "added":
            days = int(value) if value.isascii() and value.isdigit() else 0
            if not 0 < days < MOST_DAYS:
                message = f"query: added takes a number of days, not {value!r}"
                raise UsageError(message, hint="added:1 is today, added:7 this week")
            midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0)
            since = (midnight - timedelta(days=days - 1)).astimezone(UTC)
            value = since.isoformat(timespec="seconds")
        terms.append(QueryTerm(field, value, negated=bool(match["minus"])))
    return terms


def joined(words: Iterable[str]) -> str:
    """Return the query as it was typed, with the quotes that the shell removed."""
    quoted = []
    for word in words:
        minus = "-" if word.startswith("-") else ""
        field, colon, value = word.removeprefix(minus).partition(":")
        if field not in FIELDS:
            field = ""
            colon = ""
            value = word.removeprefix(minus)
        # a text that names a field to search in, as in `deck:Biology`, is a query itself
        starts = [part.removeprefix("-").partition(":") for part in value.split()]
        names_fields = any(sep and name in FIELDS for name, sep, _ in starts)
        if (
            " " in value
            and '"' not in value
            and field not in UNBROKEN
            and not names_fields
        ):
            word = f'{minus}{field}{colon}"{value}"'
        quoted.append(word)
    return " ".join(quoted)


# Sixteen hexadecimal digits are the id of a change.
_ID = regex(
    rf"(?:(?![0-9a-f]{{16}}\Z){CARD_PREFIX}[a-z2-7]{{4,24}}"
    rf"|(?:{DRAFT_PREFIX}|{QUESTION_PREFIX})[0-9a-f]{{4,16}})"
)
_KEY = regex(r"([a-z]+):[^\s/]+/\S+")

MOST_DAYS = 36_525
"""A century of days: of so many, a query may want what was added."""
NOTICE_DAYS = 7
"""How long it is shown what a source changed."""


def lately() -> str:
    """Return the time since which changes of sources are shown, in ISO 8601."""
    return (datetime.now(UTC) - timedelta(days=NOTICE_DAYS)).isoformat(timespec="seconds")


# --- ids ------------------------------------------------------------------------------------


def is_id(word: str) -> bool:
    """Return whether a word has the form of an id of a card, draft or question.

    A beginning of one counts, too.
    """
    return _ID.fullmatch(word.strip().casefold()) is not None


def is_key(word: str) -> bool:
    """Return whether a word has the form of a highlight's key.

    A query's `field:value` is none.
    """
    match = _KEY.fullmatch(word)
    return match is not None and match[1] not in FIELDS


def matching(ledger: Ledger, query: str, *, everything: bool = False) -> list[str]:
    """Return the ids of the cards and drafts that a query means; see `lists.find`.

    Raises:
        UsageError: the query cannot be read.
    """
    return lists.find(ledger, parse(query), everything=everything)


def find(ledger: Ledger, word: str, *, decided: bool = False) -> str:
    """Return the id of the card, draft or question that an id or its beginning names.

    Args:
        ledger: has them.
        word: the id, or its beginning.
        decided: find drafts, too, that wait no longer.

    Raises:
        UsageError: it names none, or several.
    """
    beginning = word.strip().casefold()
    ids = lists.find(ledger, [QueryTerm("id", beginning)], everything=True)
    if is_question_id(beginning):
        for question in questions.open_questions(ledger):
            if question.id.startswith(beginning):
                ids.append(question.id)
    if decided and not ids:
        ids = decide.no_longer_waiting(ledger, beginning)
    if not ids:
        hint = "if it was decided on already: ankiforge list --view recent -v"
        raise UsageError(f"no id begins with {beginning!r}", hint=hint)
    if len(ids) > 1:
        raise UsageError(
            f"{len(ids)} ids begin with {beginning!r}",
            hint="type more of the id",
        )
    return ids[0]
