"""Lines and words that may or may not be cards, such as `a :: b` and `key::value`.

People also write such lines for other purposes, or note the translation of a word without
wanting to learn it. So the user is asked whether they are cards, once for each *form* of line
in a source (`UserQuestionKind.FORM`). The answer is recorded as an event about the form, and
applies to later lines as well. A line `key::value` is a field, and no card, if several notes
have a line with the same key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from functools import cached_property

from ankiforge.ledger.store import Store
from ankiforge.ledger.tables.highlights import (
    decode_highlight,
    schedule_redrafting_by_rules,
)
from ankiforge.model import WORD_AND_TRANSLATION, Highlight
from ankiforge.text import regex
from ankiforge.text.colons import has_colons_without_spaces
from ankiforge.text.normalize import normalize_for_lookup

ACCEPTED = "accept"
"""The user's choice, as stored in the journal, that lines of a form are cards."""
NEVER = "never"
"""The user's choice, as stored in the journal, that lines of a form are never cards."""

_NEVER_REASON = "you said that such {} are not cards"
_FIELD_REASON = "several notes have a line that begins so: a field, not a card"
_DOUBTFUL_FORM = "a :: b"
# Matches a picture, which may follow a question mark: `What is this? ![](a.png)`.
_PICTURE = regex(r"!\[[^\]]*\]\([^)]*\)")
# Lines with the same key are fields if at least this many notes contain such a line.
_MIN_NOTES = 3
_MIN_NOTES_WITH_DATAVIEW = 2


def make_line_pattern_event_key(source: str, pattern: str) -> str:
    """Return the key under which events about a form of lines in a source are recorded."""
    return f"form:{source}:{pattern}"


def find_line_pattern(highlight: Highlight) -> str | None:
    """Return the form of a line or word that may or may not be a card.

    Returns None for all other highlights.

    The user must decide about lines with two colons and spaces, unless they are declared as cards
    or are questions; about lines in a list of terms without a glossary heading; and about
    highlighted words with a translation.
    """
    syntax = highlight.line_syntax
    if syntax == WORD_AND_TRANSLATION:
        return syntax
    if not _is_doubtful(highlight) or has_colons_without_spaces(highlight.exact):
        return None
    return _DOUBTFUL_FORM


def _is_doubtful(highlight: Highlight) -> bool:
    """Return whether a highlight is a line with two colons, and neither a question nor declared."""
    if highlight.line_syntax != _DOUBTFUL_FORM or highlight.is_declared_card:
        return False
    if not highlight.markdown:
        return True
    front = highlight.markdown[0]
    return not _PICTURE.sub("", front).rstrip().endswith(("?", "？"))


class FieldDetector:
    """Detects fields: lines `key::value` with a key that several notes of the source have.

    Use the `in` operator. The keys of all lines are loaded on first use.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __contains__(self, highlight: Highlight) -> bool:
        """Return whether a highlight is a field."""
        key = _find_field_key(highlight)
        if key is None:
            return False
        min_notes = _MIN_NOTES
        if highlight.document.uses_dataview:
            min_notes = _MIN_NOTES_WITH_DATAVIEW
        return len(self._notes_by_key[highlight.document.source, key]) >= min_notes

    @cached_property
    def _notes_by_key(self) -> dict[tuple[str, str], set[str]]:
        rows = self._store.fetch_rows(  # includes all cards written as `question::answer`
            "SELECT body FROM highlight"
            " WHERE state = 'present' AND kind = 'card' AND instr(body, '::')"
        )
        notes: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in rows:
            highlight = decode_highlight(row["body"])
            document = highlight.document
            key = _find_field_key(highlight)
            if key is not None:
                notes[document.source, key].add(document.key)
        return notes


def _find_field_key(highlight: Highlight) -> str | None:
    """Return the normalized key of a line that may be a field, such as `author` for `Author::Eco`.

    Returns None for other highlights.
    """
    if not _is_doubtful(highlight) or not has_colons_without_spaces(highlight.exact):
        return None
    return normalize_for_lookup(highlight.exact.partition("::")[0]) or None


def find_skip_reason(
    store: Store, highlight: Highlight, fields: FieldDetector
) -> str | None:
    """Return why a line or word is no card, or None if it may be one."""
    if highlight in fields:
        return _FIELD_REASON
    if find_line_pattern_answer(store, highlight) != NEVER:
        return None
    if highlight.line_syntax == WORD_AND_TRANSLATION:
        return _NEVER_REASON.format("words")
    return _NEVER_REASON.format("lines")


def has_unaccepted_pattern(
    store: Store, highlight: Highlight, fields: FieldDetector
) -> bool:
    """Return whether a highlight may not be a card, and the user hasn't accepted its form.

    This includes lines that are no cards. A draft of such a line may still be pending.
    """
    if highlight in fields:
        return True
    if find_line_pattern(highlight) is None:
        return False
    return find_line_pattern_answer(store, highlight) != ACCEPTED


def find_line_pattern_answer(store: Store, highlight: Highlight) -> str | None:
    """Return the user's answer for the form of a highlight, or None if there is none."""
    pattern = find_line_pattern(highlight)
    if pattern is None:
        return None
    key = make_line_pattern_event_key(highlight.document.source, pattern)
    answers = store.get_subject_events(key)
    if not answers:
        return None
    return str(answers[-1].body["choice"])


def schedule_redrafting(store: Store, event_keys: Collection[str]) -> None:
    """Schedule the lines for redrafting whose form was decided on another device."""
    if not any(key.startswith("form:") for key in event_keys):
        return
    rows = store.fetch_rows(
        "SELECT body FROM highlight WHERE state = 'present'"
        " AND (fate = 'left_out' OR key IN (SELECT key FROM draft))"
    )
    keys = []
    for row in rows:
        highlight = decode_highlight(row["body"])
        pattern = find_line_pattern(highlight)
        if pattern is None:
            continue
        event_key = make_line_pattern_event_key(highlight.document.source, pattern)
        if event_key in event_keys:
            keys.append(highlight.key)
    schedule_redrafting_by_rules(store, keys)
