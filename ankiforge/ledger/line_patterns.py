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


def find_line_pattern(highlight: Highlight) -> str:
    """Return the form of a line or word that may or may not be a card, or "" for other highlights.

    The user must decide about lines with two colons, unless they are declared as cards or are
    questions; about lines in a list of terms without a glossary heading; and about highlighted
    words with a translation. Lines without spaces around the colons have the form `FIELD_FORM`.
    """
    syntax = highlight.line_syntax
    if syntax in (_TERM, WORD_AND_TRANSLATION):
        return syntax
    if syntax != _DOUBTFUL_FORM or highlight.is_declared_card:
        return ""
    front = highlight.markdown[0] if highlight.markdown else ""
    if _PICTURE.sub("", front).rstrip().endswith(("?", "？")):
        return ""
    return FIELD_FORM if has_colons_without_spaces(highlight.exact) else _DOUBTFUL_FORM


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
        if find_line_pattern(highlight) != FIELD_FORM:
            return False
        document = highlight.document
        notes = self._notes_by_form[document.source, list_line_patterns(highlight)[-1]]
        return len(notes) >= (
            _MIN_NOTES_WITH_DATAVIEW if document.uses_dataview else _MIN_NOTES
        )

    @cached_property
    def _notes_by_form(self) -> dict[tuple[str, str], set[str]]:
        rows = self._store.fetch_rows(  # includes all cards written as `question::answer`
            "SELECT * FROM highlight"
            " WHERE state = 'present' AND kind = 'card' AND instr(body, '::')"
        )
        notes: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in rows:
            highlight = decode_highlight(row["body"])
            if find_line_pattern(highlight) == FIELD_FORM:
                document = highlight.document
                form = list_line_patterns(highlight)[-1]
                notes[document.source, form].add(document.key)
        return notes


def has_unaccepted_pattern(
    store: Store, highlight: Highlight, fields: FieldDetector
) -> bool:
    """Return whether a highlight may not be a card, and the user hasn't accepted its form.

    This includes a form that is never a card. A draft of such a highlight may still be pending.
    """
    if find_line_pattern(highlight) in ("", FIELD_FORM) and highlight not in fields:
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
        "SELECT body FROM highlight WHERE state = 'present'"
        " AND (fate = 'left_out' OR key IN (SELECT key FROM draft))"
    )
    for row in rows:
        highlight = decode_highlight(row["body"])
        source = highlight.document.source
        for pattern in list_line_patterns(highlight):
            if make_line_pattern_event_key(source, pattern) in event_keys:
                schedule_redrafting_by_rules(store, [highlight.key])


def list_line_patterns(highlight: Highlight) -> tuple[str, ...]:
    """Return the forms that a highlight belongs to, narrowest first.

    A field has two forms, its key within the directory and its key within the source. Any other
    ambiguous line has one form.
    """
    pattern = find_line_pattern(highlight)
    if pattern != FIELD_FORM:
        return (pattern,) if pattern else ()
    form = f"{normalize_for_lookup(highlight.exact.partition('::')[0])}::"
    directory = highlight.document.directory
    return (f"{directory}/{form}", form) if directory else (form,)
