"""A ledger on disk, a clock that is moved by hand, and short ways to make values."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ankiforge.ledger import Ledger, open_ledger
from ankiforge.model import (
    Batch,
    CardKind,
    Checked,
    Document,
    DocumentKey,
    Draft,
    Extracted,
    Form,
    Highlight,
    HighlightKind,
    NoCard,
    Origin,
    Scan,
    Task,
)
from ankiforge.pipeline import EditJudge
from ankiforge.text.anchors import numbered


class Clock:
    """The time, as the test says."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Bench:
    """A workspace with one vault in it, whose notes are lists of highlights."""

    container = "vault:notes"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.ledger = self.open()
        self.accept = True

    def open(self) -> Ledger:
        return open_ledger(
            self.folder / ".ankiforge" / "ledger.db", self.folder / "journal.jsonl", self.clock
        )

    def reopen(self, *, lose: bool = False) -> None:
        """Close and open again; `lose` the database between."""
        self.ledger.close()
        if lose:
            for path in (self.folder / ".ankiforge").glob("ledger.db*"):
                path.unlink()
        self.ledger = self.open()

    # --- sources ------------------------------------------------------------------------

    def document(self, path: str) -> Document:
        return Document(DocumentKey(f"vault:notes/{path}"), "notes", path.removesuffix(".md"), path)

    def mark(self, exact: str, before: str = "", after: str = "", **more: object) -> Highlight:
        base = Highlight(
            self.document("a.md"),
            "vault:notes",
            HighlightKind.HIGHLIGHT,
            exact,
            prefix=before,
            suffix=after,
            form=Form.PHRASE,
        )
        return replace(base, **more)

    def read(self, notes: dict[str, list[Highlight]], *, complete: bool = True):
        """One reading of the vault; (run, what it came to)."""
        run = self.ledger.start_run("test")
        for path, highlights in notes.items():
            document = self.document(path)
            placed = tuple(numbered(replace(h, document=document) for h in highlights))
            self.ledger.ingest.add(run, Extracted(document, placed, self.container))
        scan = Scan("notes", self.container, complete)
        settled = self.ledger.ingest.finish(
            run, [scan], [], self.clock(), judge=EditJudge(self.ledger)
        )
        return run, settled

    def keys(self, run) -> list[str]:
        return [highlight.key for highlight in self.ledger.highlights.seen_in(run)]

    # --- drafts -------------------------------------------------------------------------

    def draft(self, highlight: Highlight, **more: object) -> Draft:
        front, back = highlight.markdown or (f"What of {highlight.exact[:20]}?", highlight.exact)
        base = Draft(
            highlight.key,
            CardKind.BASIC,
            (("Front", front), ("Back", back)),
            quote=highlight.exact,
            answer=back,
            start=0,
            origin=Origin("rules:inline" if highlight.markdown else "rules:acronym"),
            by_hand=bool(highlight.markdown),
        )
        return replace(base, **more)

    def forge(self, run, drafter: str = "rules", **more: object):
        """Draft what is pending, one basic card per highlight; the guids made."""
        guids = []
        for task in list(self.ledger.queries.to_draft(run, drafter)):
            checked = tuple(
                Checked(self.draft(h), accept=self.accept, deck="Deck", **more)
                for h in task.highlights
            )
            guids += self.ledger.recorder.record(
                run, Batch(task, drafter, checked), EditJudge(self.ledger)
            ).guids
        return guids

    def record(self, run, highlight: Highlight, *checked: Checked, drafter: str = "rules"):
        task = Task(highlight.document, (highlight,))
        none = () if checked else (NoCard(highlight.key, "nothing self-contained"),)
        return self.ledger.recorder.record(
            run, Batch(task, drafter, checked, none), EditJudge(self.ledger)
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.ledger.close()
