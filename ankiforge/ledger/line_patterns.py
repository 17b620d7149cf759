"""Lines and words that may or may not be cards, such as `a :: b` and `key::value`.

People also write such lines for other purposes, or note the translation of a word without
wanting to learn it. So the user is asked whether they are cards, once for each *form* of line
in a source (`UserQuestionKind.FORM`). The answer is recorded as an event about the form, and
applies to later lines as well. For fields (`key::value`), each key is a separate form. If the
answer for a key differs in a directory, the key in this directory is a separate form, too.
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
NEVER_REASONS = tuple(
    f"you said that such {noun} are not cards" for noun in ("lines", "words")
)
"""The reasons why a line, or a word with its translation, is skipped after the answer `NEVER`."""
FIELD_FORM = "key::value"
"""The form of lines that look like fields, as shown to the user."""

_DOUBTFUL_FORM = "a :: b"
_TERM = "Term: meaning"
"""The form of lines in a list that looks like a glossary."""
# Matches a picture, which may follow a question mark: `What is this? ![](a.png)`.
_PICTURE = regex(r"!\[[^\]]*\]\([^)]*\)")
# Lines with the same key look like fields if at least this many notes contain such a line.
_MIN_NOTES = 3
_MIN_NOTES_WITH_DATAVIEW = 2


def make_line_pattern_event_key(source: str, pattern: str) -> str:
    """Return the key under which events about a form of lines in a source are recorded."""
    return f"form:{source}:{pattern}"


def is_ambiguous_line(highlight: Highlight) -> bool:
    """Return whether a highlight may or may not be a card, so that the user must decide.

    This applies to lines with spaces around two colons, unless they are declared as cards or are
    questions. It also applies to lines in a list of terms without a glossary heading, and to
    highlighted words with a translation.
    """
    if highlight.line_syntax in (_TERM, WORD_AND_TRANSLATION):
        return True
    return _has_undeclared_colons(highlight) and not has_colons_without_spaces(
        highlight.exact
    )


def parse_field_key(highlight: Highlight) -> str:
    """Return the normalized key of a `key::value` line, or "" if it can't be a field."""
    if not _has_undeclared_colons(highlight) or not has_colons_without_spaces(
        highlight.exact
    ):
        return ""
    return normalize_for_lookup(highlight.exact.partition("::")[0])


def _has_undeclared_colons(highlight: Highlight) -> bool:
    if highlight.line_syntax != _DOUBTFUL_FORM or highlight.is_declared_card:
        return False
    front = highlight.markdown[0] if highlight.markdown else ""
    text = _PICTURE.sub("", front)
    return not text.rstrip().endswith(("?", "？"))


def explain_rejected_pattern(highlight: Highlight) -> str:
    """Return the message for a highlight if the user answered that its form is never a card."""
    lines_reason, words_reason = NEVER_REASONS
    return words_reason if highlight.line_syntax == WORD_AND_TRANSLATION else lines_reason


class FieldDetector:
    """Detects lines that look like fields, because several notes have a line with the same key.

    Use the `in` operator. The keys of all lines are loaded on first use.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __contains__(self, highlight: Highlight) -> bool:
        """Return whether a highlight is a line that looks like a field."""
        key = parse_field_key(highlight)
        if not key:
            return False
        document = highlight.document
        notes = self._notes_by_key[document.source, key]
        return len(notes) >= (
            _MIN_NOTES_WITH_DATAVIEW if document.uses_dataview else _MIN_NOTES
        )

    @cached_property
    def _notes_by_key(self) -> dict[tuple[str, str], set[str]]:
        rows = self._store.fetch_rows(  # includes all cards written as `question::answer`
            "SELECT * FROM highlight"
            " WHERE state = 'present' AND kind = 'card' AND instr(body, '::')"
        )
        notes: dict[tuple[str, str], set[str]] = defaultdict(set)
        for highlight in map(decode_highlight, rows):
            key = parse_field_key(highlight)
            if key:
                document = highlight.document
                notes[document.source, key].add(document.key)
        return notes


def has_unaccepted_pattern(
    store: Store, highlight: Highlight, fields: FieldDetector
) -> bool:
    """Return whether a highlight may not be a card, and the user hasn't accepted its form.

    This includes a form that is never a card. A draft of such a highlight may still be pending.
    """
    if not is_ambiguous_line(highlight) and highlight not in fields:
        return False
    return find_line_pattern_answer(store, highlight) != ACCEPTED


def find_line_pattern_answer(store: Store, highlight: Highlight) -> str:
    """Return the user's answer for the form of a highlight.

    The answer is `ACCEPTED`, `NEVER`, or "" if there is none. If the user has answered for several
    forms of the highlight, the answer for the narrowest form counts.
    """
    for name in list_line_patterns(highlight):
        answers = store.get_subject_events(
            make_line_pattern_event_key(highlight.document.source, name)
        )
        if answers:
            return str(answers[-1].body["choice"])
    return ""


def schedule_redrafting(store: Store, event_keys: Collection[str]) -> None:
    """Schedule the lines for redrafting whose form was decided on another device."""
    if not any(key.startswith("form:") for key in event_keys):
        return
    rows = store.fetch_rows(
        "SELECT * FROM highlight WHERE state = 'present'"
        " AND (fate = 'left_out' OR key IN (SELECT key FROM draft))"
    )
    for highlight in map(decode_highlight, rows):
        source = highlight.document.source
        for pattern in list_line_patterns(highlight):
            if make_line_pattern_event_key(source, pattern) in event_keys:
                schedule_redrafting_by_rules(store, [highlight.key])


def list_line_patterns(highlight: Highlight) -> tuple[str, ...]:
    """Return the forms that a highlight belongs to, narrowest first.

    A field has two forms, its key within the directory and its key within the source. Any other
    ambiguous line has one form.
    """
    if is_ambiguous_line(highlight):
        return (highlight.line_syntax,)
    key = parse_field_key(highlight)
    if not key:
        return ()
    folder = get_note_directory(highlight)
    key_form = f"{key}::"
    return (f"{folder}/{key_form}", key_form) if folder else (key_form,)


def get_note_directory(highlight: Highlight) -> str:
    """Return the directory of a highlight's note within the source, or "" for the root."""
    return highlight.document.path.rpartition("/")[0]
