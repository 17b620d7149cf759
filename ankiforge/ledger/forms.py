"""Forms that may be no card: lines `a :: b`, fields `key::value`, words with a translation.

People write such lines as prose, too, and not whoever notes what a word means wants to learn it.
A person says once for each source whether these are cards (`QuestionKind.FORM`). The
answer is an event about the form, and counts for later lines, too. For fields, it is one
event for each key, and for a folder in which the answer is another one.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import highlights
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import WORD_AND_TRANSLATION, Highlight
from ankiforge.text import regex
from ankiforge.text.fold import for_finding

ACCEPTED = "accept"
"""The choice of a person that lines of a form are cards, as the journal has it."""
NEVER = "never"
"""The choice that they are no cards."""
FIELD = "key::value"
"""The form of a line that looks like a field, as a person would say it."""

_DOUBTFUL_FORM = "a :: b"
_TERM = "Term: meaning"
"""A line of a list that looks like a glossary."""
# The first colons of a line are between words without blanks.
_TIGHT = regex(r"^[^:：]*[^\s:：](?:::|：：)[^\s:：]")
# May follow the question mark: `What is this? ![](a.png)`.
_PICTURE = regex(r"!\[[^\]]*\]\([^)]*\)")
# The words of the key of a field, at most.
_WORDS_IN_KEY = 2
# The notes in which a key stands, from which its lines look like fields.
_NOTES = 3
_NOTES_WITH_DATAVIEW = 2


def form_key(source: str, written: str) -> str:
    """Return the key of the events about a form of hand-written cards in one source."""
    return f"form:{source}:{written}"


def is_doubtful(highlight: Highlight) -> bool:
    """Return whether a person has to say that this is a card.

    A line is if it has blanks around its colons, and is neither declared a card nor a
    question; and if it is a line of a list of terms that no heading calls a glossary. And so
    is a marked word with its translation.
    """
    if highlight.written in (_TERM, WORD_AND_TRANSLATION):
        return True
    return _may_be_none(highlight) and not _TIGHT.search(highlight.exact)


def key_of_field(highlight: Highlight) -> str:
    """Return the folded key of a line `key::value`; "" if it cannot be a field."""
    if not _may_be_none(highlight) or not _TIGHT.search(highlight.exact):
        return ""
    key = for_finding(highlight.exact.partition("::")[0])
    return key if len(key.split()) <= _WORDS_IN_KEY else ""


def _may_be_none(highlight: Highlight) -> bool:
    """Return whether a line with two colons is neither declared a card nor a question."""
    if highlight.written != _DOUBTFUL_FORM or highlight.declared:
        return False
    front = highlight.markdown[0] if highlight.markdown else ""
    words = _PICTURE.sub("", front)
    return not words.rstrip().endswith(("?", "？"))


def lines_like(written: str) -> str:
    """Return the words that name the lines of a form to a person."""
    if written == WORD_AND_TRANSLATION:
        return "words with your translation"
    return f"lines like `{written}`"


def why_left_out(highlight: Highlight) -> str:
    """Return why there is no card, if a person chose `NEVER` for its form."""
    what = "words" if highlight.written == WORD_AND_TRANSLATION else "lines"
    return f"you said that such {what} are not cards"


class Fields:
    """The keys that recur in the notes of a source, counted when they are first asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __contains__(self, highlight: Highlight) -> bool:
        """Return whether a line looks like a field."""
        key = key_of_field(highlight)
        if not key:
            return False
        document = highlight.document
        notes = self._notes[document.source, key]
        return len(notes) >= (_NOTES_WITH_DATAVIEW if document.dataview else _NOTES)

    @cached_property
    def _notes(self) -> dict[tuple[str, str], set[str]]:
        """The notes with lines of each source and key."""
        rows = highlights.with_colons(self._store)
        notes: dict[tuple[str, str], set[str]] = defaultdict(set)
        for highlight in map(decode_highlight, rows):
            key = key_of_field(highlight)
            if key:
                document = highlight.document
                notes[document.source, key].add(document.key)
        return notes


def asks_form(store: Store, highlight: Highlight, fields: Fields) -> bool:
    """Return whether a line is in doubt, and nobody said that such lines are cards."""
    if not is_doubtful(highlight) and highlight not in fields:
        return False
    return form_choice(store, highlight) != ACCEPTED


def form_choice(store: Store, highlight: Highlight) -> str:
    """Return a person's answer about lines in doubt: `ACCEPTED` or `NEVER`, else ""."""
    for name in names_of_form(highlight):
        answers = store.answers(form_key(highlight.document.source, name))
        if answers:
            return str(answers[-1].body["choice"])
    return ""


def names_of_form(highlight: Highlight) -> tuple[str, ...]:
    """Return the forms of a line about which a person may have decided, the narrowest first.

    For a field, that is its key in its folder, and its key.
    """
    if is_doubtful(highlight):
        return (highlight.written,)
    key = key_of_field(highlight)
    if not key:
        return ()
    folder = folder_of(highlight)
    of_key = f"{key}::"
    return (f"{folder}/{of_key}", of_key) if folder else (of_key,)


def folder_of(highlight: Highlight) -> str:
    """Return the folder of the note of a line in its source; "" for its root."""
    return highlight.document.path.rpartition("/")[0]
