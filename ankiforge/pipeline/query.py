"""Parse the queries and ids that the user types.

The terms of a query are separated by spaces and must all match. A bare word matches the text,
the title and the beginning of the id. `field:value` matches a field, where `*` and `?` are
wildcards, and `-` negates a term. Quotes allow spaces in a term. A term that ends in `/` matches
what is in that folder.

    deck:Reading -finding:* "gradient descent" verdict:waiting Networking/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from ankiforge.errors import UsageError
from ankiforge.ledger import (
    QUERY_FIELDS,
    Ledger,
    QueryTerm,
    decide,
    item_lists,
    questions,
)
from ankiforge.model import (
    CARD_PREFIX,
    DRAFT_PREFIX,
    HIGHLIGHT_PREFIX,
    QUESTION_PREFIX,
    CardKind,
    find_colour_name,
    is_question_id,
)
from ankiforge.text import regex

FIELDS_WITHOUT_SPACES = frozenset(QUERY_FIELDS) - {
    "deck",
    "document",
    "source",
    "tag",
    "colour",
    "verdict",
}
# The valid values of each field that has a fixed set of values.
_VALID_VALUES = {
    "kind": tuple(CardKind),
    "verdict": ("waiting", "accepted", "rejected", "retired", "undone", "superseded"),
    "anki": ("none", "written", "seen", "missing", "deleted"),
}
_SYNONYMS = {
    ("verdict", "blocked"): ("finding", "block"),
    ("drafter", "chat"): ("model", "chat"),
}
"""Maps a field and value that the user may type to the field and value to search for instead."""
_TERM = regex(
    r"""\s*(?P<minus>-?)(?:(?P<field>[^\W\d]\w*):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]*))"""
    r"(?=\s|$)"
)


def uses_query_syntax(text: str) -> bool:
    """Return whether a text contains a field, such as `deck:`, or a negation.

    Such a text is always treated as a query, never as a question in natural language.
    """
    for match in _TERM.finditer(text):
        if _get_typed_field(match) in QUERY_FIELDS:
            return True
        if match["minus"] and match["bare"]:
            return True
    return False


def parse_query(text: str) -> list[QueryTerm]:
    """Parse a query into its terms, all of which must match.

    An empty query has no terms and matches everything.

    Raises:
        UsageError: The query has an unknown field, an invalid value, an unclosed quote, or
            nothing after a `-` or a colon.
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
        terms.append(_parse_term(match))
        position = match.end()
    return terms


def _parse_term(match: re.Match[str]) -> QueryTerm:
    field = _get_typed_field(match)
    value = match["quoted"]
    if value is None:
        value = match["bare"]
    if field and field not in QUERY_FIELDS:
        field_names = ", ".join(QUERY_FIELDS)
        hint = f'fields: {field_names}; to search for the words, quote them: "{field}:{value}"'
        raise UsageError(f"query: no field called {field!r}", hint=hint)
    if not value.strip():
        message = f"query: nothing after {match[0].strip()!r}"
        raise UsageError(message, hint="give a value; `*` matches any")
    is_negated = bool(match["minus"])
    if not field and is_folder_term(value):
        return QueryTerm("folder", _resolve_folder(value), negated=is_negated)
    field, value = _SYNONYMS.get((field, value.casefold()), (field, value))
    return QueryTerm(field, _parse_value(field, value), negated=is_negated)


def _get_typed_field(match: re.Match[str]) -> str:
    """Return the field of a term that `_TERM` matched, as typed, or "" if it has none."""
    field = match["field"]
    if field is None:
        return ""
    return str(field).casefold()


def _resolve_folder(value: str) -> str:
    """Return the absolute path of a folder that begins with a full stop, and others unchanged."""
    if not value.startswith("."):
        return value
    return f"{Path(value).resolve()}/"


def _parse_value(field: str, value: str) -> str:
    """Return the value to search for in a field, in the form in which the ledger has it."""
    if field == "colour" and value.isalpha():
        return find_colour_name(value)
    if field in _VALID_VALUES:
        _check_value(field, value)
    if field == "added":
        return _find_start_of_days(value)
    return value


def _check_value(field: str, value: str) -> None:
    """Raise an error if a value, which may contain wildcards, is none of those of a field."""
    # in a query, only `*` and `?` are wildcards
    pattern = value.casefold().replace("[", "[[]")
    valid_values = _VALID_VALUES[field]
    if not any(fnmatchcase(word, pattern) for word in valid_values):
        message = f"query: {field} has no value {value!r}"
        raise UsageError(message, hint=f"one of: {', '.join(valid_values)}")


def _find_start_of_days(value: str) -> str:
    """Return the ISO 8601 time in UTC at which a number of days, of which today is the last, began.

    Raises:
        UsageError: The value isn't a number, or there are too many days.
    """
    days = _parse_number_of_days(value)
    if days is None:
        message = f"query: added takes a number of days, not {value!r}"
        raise UsageError(message, hint="added:1 is today, added:7 this week")
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0)
    since = (midnight - timedelta(days=days - 1)).astimezone(UTC)
    return since.isoformat(timespec="seconds")


def _parse_number_of_days(value: str) -> int | None:
    """Return a number of days from 1 up to a century, or None for anything else."""
    if not value.isascii() or not value.isdigit():
        return None
    days = int(value)
    if not 0 < days < MAX_ADDED_DAYS:
        return None
    return days


def join_arguments(arguments: Iterable[str]) -> str:
    """Join command-line arguments into a query, and restore the quotes that the shell removed."""
    return " ".join(map(_restore_quotes, arguments))


def _restore_quotes(argument: str) -> str:
    value = _get_value(argument)
    if " " not in value or '"' in value:
        return argument
    field = _get_field(argument)
    if field in FIELDS_WITHOUT_SPACES:
        return argument
    # an argument that contains a field, such as `deck:Biology cells`, is a query itself
    for word in value.split():
        if _get_field(word) is not None:
            return argument
    return f'{argument.removesuffix(value)}"{value}"'


def _get_field(term: str) -> str | None:
    """Return the field at the beginning of a query term, or None if it has none."""
    field, colon, _ = term.removeprefix("-").partition(":")
    if not colon or field not in QUERY_FIELDS:
        return None
    return field


def _get_value(term: str) -> str:
    """Return what a query term searches for, without its field and minus sign."""
    if _get_field(term) is not None:
        return term.partition(":")[2]
    return term.removeprefix("-")


# Sixteen hexadecimal digits are not the id of a card but that of a change.
_ID_PATTERN = regex(
    rf"(?:(?![0-9a-f]{{16}}\Z){CARD_PREFIX}[a-z2-7]{{4,24}}"
    rf"|(?:{DRAFT_PREFIX}|{QUESTION_PREFIX}|{HIGHLIGHT_PREFIX})[0-9a-f]{{4,16}})"
)
_KEY_PATTERN = regex(r"([a-z]+):[^\s/]+/\S+")

MAX_ADDED_DAYS = 36_525
"""The upper limit of `added:`, a century."""
NOTICE_DAYS = 7
"""The number of days for which changes in the sources are shown."""


def get_notice_start_time() -> str:
    """Return the ISO 8601 time after which changes in the sources are shown as notices."""
    return (datetime.now(UTC) - timedelta(days=NOTICE_DAYS)).isoformat(timespec="seconds")


# --- ids ------------------------------------------------------------------------------------


def looks_like_id(word: str) -> bool:
    """Return whether a word looks like the id of an item or highlight, or the start of an id."""
    return _ID_PATTERN.fullmatch(word.strip().casefold()) is not None


def looks_like_key(word: str) -> bool:
    """Return whether a word looks like a highlight key rather than a `field:value` query."""
    match = _KEY_PATTERN.fullmatch(word)
    if match is None:
        return False
    return match[1] not in QUERY_FIELDS


def are_ids(ledger: Ledger, words: Iterable[str]) -> bool:
    """Return whether all words are ids or keys.

    A word without a digit, such as `affect`, may only look like an id. It is one if it is known.
    """
    return all(_is_id(ledger, word) for word in words)


def _is_id(ledger: Ledger, word: str) -> bool:
    if looks_like_key(word):
        return True
    if not looks_like_id(word):
        return False
    if any(map(str.isdecimal, word)):
        return True
    return bool(_find_ids(ledger, word.strip().casefold()))


def is_folder_term(term: str) -> bool:
    """Return whether a query term is the name of a folder, i.e. ends in a slash or backslash."""
    return term.endswith(("/", "\\"))


def find_matching_ids(ledger: Ledger, query: str) -> list[str]:
    """Parse a query and return the ids of the cards and drafts that match it.

    Raises:
        UsageError: The query cannot be parsed.
    """
    return item_lists.find_items(ledger, parse_query(query))


def resolve_id(ledger: Ledger, typed_id: str, *, include_decided: bool = False) -> str:
    """Find the card, draft or question whose id begins with `typed_id`, and return its full id.

    If `typed_id` is the id or key of a highlight, the key is returned.

    Args:
        ledger: Where to look up cards, drafts, questions and highlights.
        typed_id: An id or a prefix of one, or a key.
        include_decided: Whether to fall back to drafts that the user has already decided on.

    Raises:
        UsageError: No id starts with `typed_id`, or more than one does.
    """
    if looks_like_key(typed_id):
        return typed_id
    prefix = typed_id.strip().casefold()
    ids = _find_ids(ledger, prefix)
    if include_decided and not ids:
        ids = decide.find_decided_draft_ids(ledger, prefix)
    if not ids:
        hint = "if it was decided on already: ankiforge list --view recent -v"
        raise UsageError(f"no id begins with {prefix!r}", hint=hint)
    if len(ids) > 1:
        raise UsageError(
            f"{len(ids)} ids begin with {prefix!r}", hint="type more of the id"
        )
    return ids[0]


def _find_ids(ledger: Ledger, prefix: str) -> list[str]:
    """Return the ids of cards, drafts and open questions, or the keys of highlights."""
    if prefix.startswith(HIGHLIGHT_PREFIX):
        keys_by_id = item_lists.load_highlight_ids(ledger)
        return [key for id, key in keys_by_id.items() if id.startswith(prefix)]
    ids = item_lists.find_ids_with_prefix(ledger, prefix)
    if is_question_id(prefix):
        for question in questions.find_open_questions(ledger):
            if question.id.startswith(prefix):
                ids.append(question.id)
    return ids
