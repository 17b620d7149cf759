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


@pytest.mark.parametrize(
    ("highlight", "form", "patterns"),
    [
        (line("a :: b"), "a :: b", ("a :: b",)),
        (line("a::b"), "key::value", ("Books/a::", "a::")),
        (line("a::b", path="n.md"), "key::value", ("a::",)),
        (line("A b::c", path="x/y/n.md"), "key::value", ("x/y/ab::", "ab::")),
        (line("a b c::d"), "key::value", ("Books/abc::", "abc::")),
        (line("…::d"), "key::value", ("Books/…::", "…::")),
        # a question is a card, also before a picture
        (line("What? :: b"), "", ()),
        (line("What?::b"), "", ()),
        (line("What？::b"), "", ()),
        (line("What? ![](a.png)::b"), "", ()),
        (line("Why :: b"), "a :: b", ("a :: b",)),
        # declared, or in another syntax
        (replace(line("a::b"), is_declared_card=True), "", ()),
        (replace(line("a :: b"), is_declared_card=True), "", ()),
        (line("a :: b", syntax="Q::A"), "", ()),
        (line("a: b", syntax="Term: meaning"), "Term: meaning", ("Term: meaning",)),
        (line("a", syntax=WORD_AND_TRANSLATION), WORD_AND_TRANSLATION, (WORD_AND_TRANSLATION,)),
        (replace(line("a :: b"), markdown=()), "a :: b", ("a :: b",)),
    ],
)  # fmt: skip
def test_the_patterns_of_a_line(highlight, form, patterns):
    assert line_patterns.find_line_pattern(highlight) == form
    assert line_patterns.list_line_patterns(highlight) == patterns


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
    ("answers", "answer"),
    [
        ([], ""),
        ([("a::", "accept")], "accept"),
        ([("a::", "never")], "never"),
        ([("a::", "never"), ("a::", "accept")], "accept"),
        # the narrower one counts, whenever it was given
        ([("Books/a::", "accept"), ("a::", "never")], "accept"),
        ([("a::", "accept"), ("Books/a::", "never")], "never"),
        ([("Films/a::", "accept")], ""),
        ([("b::", "accept")], ""),
    ],
)
def test_which_answer_counts(ledger, answers, answer):
    with ledger.transaction():
        for pattern, choice in answers:
            key = line_patterns.make_line_pattern_event_key("v", pattern)
            ledger.record_event("form", key, USER, {"choice": choice})
    assert line_patterns.find_line_pattern_answer(ledger, line("a::b")) == answer
    assert line_patterns.find_line_pattern_answer(ledger, line("a::b", source="w")) == ""
    fields = line_patterns.FieldDetector(ledger)
    ambiguous = line("a :: b")
    assert line_patterns.has_unaccepted_pattern(ledger, ambiguous, fields)
    key = line_patterns.make_line_pattern_event_key("v", "a :: b")
    for choice in ("never", "accept"):
        with ledger.transaction():
            ledger.record_event("form", key, USER, {"choice": choice})
        is_unaccepted = line_patterns.has_unaccepted_pattern(ledger, ambiguous, fields)
        assert is_unaccepted is (choice == "never")


@pytest.mark.parametrize(
    ("syntax", "message"),
    [
        ("a :: b", "you said that such lines are not cards"),
        (WORD_AND_TRANSLATION, "you said that such words are not cards"),
    ],
)
def test_why_lines_of_a_pattern_are_no_cards(syntax, message):
    assert (
        line_patterns.explain_rejected_pattern(line("a :: b", syntax=syntax)) == message
    )
