"""Repair cards in Anki: those that fail, and in decks that a person names those badly made.

A note keeps its id, schedule and log. Nothing is written before a repair is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ankiforge import check
from ankiforge.anki.collection import open_view
from ankiforge.anki.reading import TABLES, ReadNote, read_note, read_table
from ankiforge.check import MAX_LENGTH
from ankiforge.model import Finding, Severity
from ankiforge.text import on_one_line


@contextmanager
def notes_of(path: Path) -> Iterator[tuple[Iterator[ReadNote], int]]:
    """Read the notes of a collection, an export or a table; give them with their number.

    Raises:
        ItemError: it cannot be read.
    """
    if path.suffix.casefold() in TABLES:
        rows = list(read_table(path))
        yield iter(rows), len(rows)
        return
    with open_view(path, None) as view:
        types = {note_type.id: note_type for note_type in view.types}
        notes = (read_note(note, types.get(note.type_id)) for note in view.notes())
        yield notes, view.note_count


# --- badly made -------------------------------------------------------------------------------


def check_notes(notes: Iterable[ReadNote]) -> Iterator[tuple[ReadNote, list[Finding]]]:
    """Yield the notes with their errors and warnings; each is compared with all before it."""
    index = check.DuplicateIndex()
    for note in notes:
        findings: list[Finding] = []
        if note.closed_early:
            words = on_one_line(note.closed_early)[:40]
            message = f"`}}}}` of a formula closes the cloze early: “{words}”"
            findings.append(check.make_finding("malformed", message))
        if note.eaten:
            message = f"Anki takes “{note.eaten}” for markup, and does not show it"
            findings.append(Finding("eaten", Severity.WARN, message))
        if note.dollars:
            message = f"Anki shows the formula as it is written: “{note.dollars[:40]}”"
            findings.append(Finding("maths", Severity.WARN, message))
        if note.draft:
            findings += check.check_made(note.draft, ours=bool(note.key))
            words = "".join(text for _, text in note.draft.fields)
            is_comparable = len(words) <= MAX_LENGTH and "![" not in words
            if is_comparable:  # pictures are not
                same = index.exact(note.draft, note.key)
                if same:
                    message = f"the same as {same}"
                    findings.append(Finding("duplicate", Severity.WARN, message, same))
                for finding in index.near(note.draft, note.key):
                    # of strangers' cards, most that are alike are about two things
                    is_similar = finding.check == "duplicate" and not note.key
                    if finding.duplicate != same and not is_similar:
                        findings.append(finding)
                index.add(f"note {note.nid}", note.key, note.draft)
        reported = [
            finding for finding in findings if finding.severity is not Severity.INFO
        ]
        yield note, list(dict.fromkeys(reported))
