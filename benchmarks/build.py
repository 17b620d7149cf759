"""How long the notes of a package take to write, beside genanki's own writer.

    python -m benchmarks.build [NOTES ...]

Both write the same fields of the same notes, every fourth with a cloze, and make them on the
way; `with Markdown` starts earlier, at cards as the ledger keeps them. Each writer runs in a
process of its own, by turns; told are medians, seconds of processor time. The goals at 100,000
notes: not slower than genanki, a far smaller file, under 300 MB of memory.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ankiforge.anki.notetypes import note_type, style
from ankiforge.anki.package import write_package
from ankiforge.model import (
    AnkiState,
    Candidate,
    CandidateState,
    Card,
    CardKind,
    Document,
    DocumentKey,
    Draft,
    DraftId,
    Family,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    Note,
    Origin,
    Standing,
    Verdict,
    guid_for,
    h16,
    note_id,
)
from samples.anki_notes import note_for

SIZES = (1_000, 10_000, 100_000)
RUNS = 3
DECK = "Reading::Memory"
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u")]
VOCABULARY = [a + b for a in SYLLABLES for b in SYLLABLES]


# --- the notes ------------------------------------------------------------------------------


class Words:
    """A long text, the same each time, read on and on: cheap, so that the writers tell."""

    def __init__(self) -> None:
        self.text = random.Random(1).choices(VOCABULARY, k=50_000)
        self.at = 0

    def __call__(self, least: int, most: int) -> str:
        self.at = (self.at + 37) % (len(self.text) - most)
        end = self.at + least + self.at % (most - least + 1)
        return " ".join(self.text[self.at : end])


def contents(size: int) -> Iterator[tuple[Guid, Family, tuple[str, ...]]]:
    """(guid, note type, fields as HTML) of each note."""
    words = Words()
    for number in range(size):
        family = Family.BASIC if number % 4 else Family.CLOZE
        key = HighlightKey(f"vault:bench/{h16(str(number))}")
        guid = guid_for(key, family, 1)
        text, source = words(6, 14), words(10, 40)
        head = (f"What is {text}?", words(1, 6), "", "")
        if family is Family.CLOZE:
            head = (f"The {{{{c1::{words(1, 3)}}}}} is {text}.", "")
        tail = (
            f'<blockquote><span class="af-exact">{source}</span></blockquote>',
            '<span class="af-where">On Memory</span><cite>Ebbinghaus (1885). On Memory</cite>',
            '<a href="obsidian://open?vault=bench&amp;file=Memory">Obsidian</a>',
            f"af1 {guid} {family} 1 {key} {h16(*head)}",
        )
        yield guid, family, (*head, *tail, "", "", "", "")


def ours(path: Path, size: int) -> None:
    """Our writer, from fields."""
    notes = (
        Note(guid, family, DECK, fields, ("memory",), note_id(guid) // 1000)
        for guid, family, fields in contents(size)
    )
    write_package(path, notes)


def peers(path: Path, size: int) -> None:
    """genanki's writer, from the same fields."""
    import genanki

    models = {family: genanki_type(family) for family in Family}
    deck = genanki.Deck(1528232686638, DECK)
    for guid, family, fields in contents(size):
        model = models[family]
        deck.add_note(genanki.Note(model, list(fields), guid=guid, tags=["memory"]))
    genanki.Package(deck).write_to_file(str(path))


def genanki_type(family: Family) -> object:
    import genanki

    kind = note_type(family)
    return genanki.Model(
        kind.id,
        kind.name,
        fields=[{"name": name} for name in kind.fields],
        templates=[
            {"name": it.name, "qfmt": it.question, "afmt": it.answer} for it in kind.templates
        ],
        css=style(),
        model_type=int(family is Family.CLOZE),
    )


def from_cards(path: Path, size: int) -> None:
    """Our writer, from cards in Markdown."""
    write_package(path, (note_for(card, DECK, 1_400_000_000) for card in cards(size)))


def cards(size: int) -> Iterator[Card]:
    document = Document(DocumentKey("vault:bench/0"), "bench", "On Memory", "Memory.md")
    for guid, family, fields in contents(size):
        kind = CardKind.BASIC if family is Family.BASIC else CardKind.CLOZE
        key = HighlightKey(fields[-5].split()[4])
        markdown = tuple(zip(family.content_fields, fields, strict=False))
        quote = fields[0]
        highlight = Highlight(
            document, "vault:bench", HighlightKind.HIGHLIGHT, f"{quote} {quote}", key
        )
        draft = Draft(key, kind, markdown, quote, "", 0, Origin("benchmark"))
        candidate = Candidate(DraftId(f"{guid}.a"), CandidateState.PICKED, draft)
        states = (Verdict.ACCEPTED, Standing.LIVE, AnkiState.NONE)
        yield Card(guid, key, 1, kind, markdown, *states, highlight, (candidate,))


# --- the runs -------------------------------------------------------------------------------

Measured = tuple[float, float, float]
"""Seconds, megabytes on disk, megabytes of memory at most."""

WRITERS: dict[str, Callable[[Path, int], None]] = {
    "ankiforge": ours,
    "genanki": peers,
    "ankiforge, with Markdown": from_cards,
}


def measure(writer: str, size: int) -> Measured:
    """Run one writer in this process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.apkg"
        start = time.process_time()
        WRITERS[writer](path, size)
        took = time.process_time() - start
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return took, path.stat().st_size / 1e6, memory


def measured_aside(writer: str, size: int) -> Measured:
    """The same, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.build", "--one", writer, str(size)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    took, disk, memory = json.loads(found)
    return took, disk, memory


def print_size(size: int) -> None:
    runs = [{name: measured_aside(name, size) for name in WRITERS} for _ in range(RUNS)]
    peer = statistics.median(run["genanki"][0] for run in runs)
    for name in WRITERS:
        columns = zip(*(run[name] for run in runs), strict=True)
        took, disk, memory = (statistics.median(column) for column in columns)
        print(
            f"{size:>8,}  {name:24} {took:7.2f} s {took / peer:6.2f} {disk:8.1f} MB {memory:6.0f} MB"
        )


def main(sizes: tuple[int, ...]) -> None:
    print(f"{'notes':>8}  {'writer':24} {'time':>9} {'ratio':>6} {'file':>11} {'memory':>9}")
    for size in sizes:
        print_size(size)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
    else:
        main(tuple(int(argument) for argument in sys.argv[1:]) or SIZES)
