"""Which lines may or may not be cards, and whose answer counts for them, row by row."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.ledger import Ledger, line_patterns
from ankiforge.ledger.events import USER
from ankiforge.ledger.ingest import ingest_scan_results
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    Document,
    DocumentKey,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    ScanEnd,
)


def line(
    text: str,
    *,
    path: str = "Books/n.md",
    syntax: str = "a :: b",
    dataview: bool = False,
    source: str = "v",
) -> Highlight:
    document = Document(
        DocumentKey(path), source, path, path=path, uses_dataview=dataview
    )
    front, _, back = text.partition("::")
    return Highlight(
        document, "vault:v", HighlightKind.CARD, text,
        markdown=(front.strip(), back.strip()), line_syntax=syntax,
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db", tmp_path, "device") as ledger:
        yield ledger


@pytest.mark.parametrize(
    ("lines", "is_field"),
    [
        ([line("a::1", path=f"{n}.md") for n in range(3)], True),
        ([line("a::1", path=f"{n}.md") for n in range(2)], False),
        (
            [
                line("a::1", path="0.md"),
                line("A::2", path="1.md"),
                line("a::3", path="2.md"),
            ],
            True,
        ),
        ([line("a::1", path="0.md") for _ in range(3)], False),  # in one note
        ([line("a::1", path=f"{n}.md", dataview=True) for n in range(2)], True),
        ([line("a::1", path="0.md", dataview=True)], False),
        ([line(f"{n}::1", path=f"{n}.md") for n in range(3)], False),
        ([line("a :: 1", path=f"{n}.md") for n in range(3)], False),
        ([line("a?::1", path=f"{n}.md") for n in range(3)], False),
    ],
)
def test_which_lines_look_like_fields(ledger, lines, is_field):
    documents = [ExtractedDocument(each.document, (each,), "vault:v") for each in lines]
    ingest_scan_results(ledger, [*documents, ScanEnd("v", "vault:v", complete=True)])
    fields = line_patterns.FieldDetector(ledger)
    assert (lines[0] in fields) is is_field
    needs_answer = is_field or line_patterns.find_line_pattern(lines[0]) == "a :: b"
    assert line_patterns.has_unaccepted_pattern(ledger, lines[0], fields) is needs_answer
    other = replace(lines[0], document=replace(lines[0].document, source="w"))
    assert other not in line_patterns.FieldDetector(ledger)


@pytest.mark.parametrize(
    ("syntax", "message"),
    [
        ("a :: b", "you said that such lines are not cards"),
        (WORD_AND_TRANSLATION, "you said that such words are not cards"),
    ],
)
def test_the_last_answer_counts_for_the_lines_of_its_source(ledger, syntax, message):
    fields = line_patterns.FieldDetector(ledger)
    mark, other = line("a :: b", syntax=syntax), line("a :: b", syntax=syntax, source="w")
    assert line_patterns.has_unaccepted_pattern(ledger, mark, fields)
    key = line_patterns.make_line_pattern_event_key("v", syntax)
    for choice, reason in (("accept", None), ("never", message), ("accept", None)):
        with ledger.transaction():
            ledger.record_event("form", key, USER, {"choice": choice})
        assert line_patterns.find_line_pattern_answer(ledger, mark) == choice
        assert line_patterns.find_skip_reason(ledger, mark, fields) == reason
        is_unaccepted = line_patterns.has_unaccepted_pattern(ledger, mark, fields)
        assert is_unaccepted is (choice == "never")
    assert line_patterns.find_line_pattern_answer(ledger, other) is None
