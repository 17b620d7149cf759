"""Ids that sources give: whatever stands in them, they name one mark and no other."""

from pathlib import Path

import pytest

from ankiforge.ledger import Ledger, pending_items
from ankiforge.ledger.ingest import ingest_scan_results
from ankiforge.model import (
    Document,
    DocumentKey,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Hint,
    ScanEnd,
    Sighting,
)


@pytest.fixture
def ledger(tmp_path: Path):
    (tmp_path / "journal").mkdir()
    with Ledger(tmp_path / "a.db", tmp_path / "journal", "a") as opened:
        yield opened


def read(namespace: str, *marks: tuple[str, str, tuple[str, ...]]) -> list[Sighting]:
    """A source with one document, whose marks have these words, own ids and hints."""
    document = Document(DocumentKey(f"{namespace}/d"), "s", "A paper", path="a")
    highlights = [
        Highlight(
            document,
            namespace,
            HighlightKind.HIGHLIGHT,
            words,
            source_id=own,
            hints=tuple(map(Hint, hints)),
        )
        for words, own, hints in marks
    ]
    return [
        ExtractedDocument(document, tuple(highlights), namespace),
        ScanEnd("s", namespace, complete=True),
    ]


def keys(ledger: Ledger) -> dict[str, str]:
    return {
        outcome.highlight.exact: outcome.highlight.key
        for outcome in pending_items.iter_highlight_outcomes(ledger)
    }


@pytest.mark.parametrize("name", ["%", "ABCD____", "A%", "\\", "ABCD234_"])
def test_a_hint_with_wildcards_names_no_other_mark(ledger, name):
    zotero = read("zotero:user", ("The liver stores glycogen.", "ABCD2345", ()))
    pdf = read("pdf:0123", ("The spleen filters old blood.", "", (f"zotero:{name}",)))
    ingest_scan_results(ledger, [*zotero, *pdf])
    assert len(keys(ledger)) == 2


def test_a_hint_names_its_mark(ledger):
    zotero = read("zotero:user", ("The liver stores glycogen.", "AB%5F2345", ()))
    pdf = read("pdf:0123", ("The liver stores glyco-gen!", "", ("zotero:AB%5F2345",)))
    ingest_scan_results(ledger, [*zotero, *pdf])
    assert len(keys(ledger)) == 1


def test_of_two_marks_that_one_names_the_first_stays_matched(ledger):
    """A line that holds the block id of one passage and another tool's id of the next."""
    first = ("The liver stores glycogen.", "b.x", ())
    second = ("Rome fell in the year 476.", "", ("anki:1",))
    ingest_scan_results(ledger, read("vault:v", first, second))
    before = keys(ledger)
    ingest_scan_results(
        ledger, read("vault:v", ("A quick brown fox jumps.", "b.x", ("anki:1",)))
    )
    assert (
        keys(ledger)["A quick brown fox jumps."] == before["Rome fell in the year 476."]
    )
