"""The program with a vault of several notes on one computer: marks that are joined, split and
moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ankiforge.check import compute_search_terms
from ankiforge.draft import rules
from ankiforge.ledger import draft_recording
from ankiforge.ledger.cards import iter_cards, load_highlight
from ankiforge.ledger.decide import accept_clean_drafts
from ankiforge.model import (
    DraftingResult,
    DraftingTask,
    Highlight,
    HighlightKey,
    SourceChange,
)
from tests.facts.edits import texts_in
from tests.facts.program import Program, Worth, exact

GAPS = {"{": "gaps", "<": "line", "[": "whole"}
"""By the bracket of a mark in a golden history: its kind."""


def markdown_of(kind: str, sentences: Sequence[str]) -> str:
    """Return a mark as a note has it: whole sentences, a gap in each, or `front::back`."""
    if kind == "whole":
        return f"=={' '.join(sentences)}=="
    if kind == "line":
        [sentence] = sentences
        front, _, back = sentence.removesuffix(".").rpartition(" ")
        return f"{front}::{back}"
    with_gaps = []
    for sentence in sentences:
        first, _, rest = sentence.partition(" ")
        gap, _, rest = rest.partition(" ")
        with_gaps.append(f"{first} =={gap}== {rest}")
    return " ".join(with_gaps)


class Vault(Program):
    """One workspace on one computer, whose source has some notes."""

    def __init__(self, folder: Path, machine: str, worth: Worth) -> None:
        super().__init__(folder, machine, "obsidian", worth)

    def write_notes(self, notes: Mapping[str, Sequence[str]]) -> None:
        """Let the vault have these notes, each with these marks, and read it."""
        for path in self.desk.glob("*.md"):
            path.unlink()
        for name, marks in notes.items():
            text = "\n\n".join([f"# {name}", *marks])
            (self.desk / f"{name}.md").write_text(f"{text}\n", "utf-8")
        self.run()

    def draft(self) -> None:
        """Draft the sentences of whole marks, and accept what the person wrote as a card."""
        for highlight in list(draft_recording.iter_highlights_to_draft(self.ledger)):
            [drafted] = rules.draft_task(DraftingTask(highlight.document, (highlight,)))
            if drafted.drafts:
                drafted = self.completed(drafted)
            else:
                drafted = self.completed(DraftingResult(highlight), again=True)
            with self.ledger.action():
                draft_recording.record_drafts(
                    self.ledger, [drafted], compute_search_terms
                )
        list(accept_clean_drafts(self.ledger, lambda waiting: True))

    def highlights(self) -> list[Highlight]:
        """Return the marks that are here, in the order of the notes."""
        keys = self.ledger.fetch_rows(
            "SELECT h.key FROM highlight h JOIN document d ON d.id = h.document"
            " WHERE h.state = 'present' ORDER BY d.place, h.position"
        )
        return [load_highlight(self.ledger, row["key"]) for row in keys]

    def choose(self, sentence: str) -> None:
        """Decide on the first mark with a sentence from now on."""
        for highlight in self.highlights():
            if exact(sentence) in map(exact, texts_in(highlight.exact)):
                self.key = HighlightKey(highlight.key)
                return
        raise AssertionError(f"no mark has {sentence!r}")

    def cards(self) -> Iterator[tuple[str, str, str, bool]]:
        """Yield the live cards: guid, quote, the key of the mark where it is, whether it
        changed."""
        here = {highlight.key for highlight in self.highlights()}
        for card in iter_cards(self.ledger):
            if card.is_live:
                places = [each.key for each in card.passages if each.key in here]
                changed = (
                    bool(card.source_changes)
                    and SourceChange.SOURCE_GONE not in card.source_changes
                )
                where = places[0] if places else ""
                yield card.guid, exact(card.quote), where, changed
