"""How letters of a PDF become words, and what context and comment a mark has: rows without a PDF."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from ankiforge.extract.passage_context import StructuredText, find_passage_context
from ankiforge.extract.pdf.annotations import (
    NEVER,
    Annotation,
    _merge_strokes,
    _merge_threads,
    find_identifying_names,
    format_date,
    parse_date,
)
from ankiforge.extract.pdf.cleaning import Spelling, find_first_word, find_last_word
from ankiforge.extract.pdf.mark_text import build_quads
from ankiforge.model import HighlightKind

# --- letters and words ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("a well-known cell", "a", "cell"),
        ("well-known", "well-known", "well-known"),
        ("state-of-", "state-of", "state-of-"),
        (" cell ", None, None),
        ("(cell)", None, None),
        ("-", None, "-"),
        ("", None, None),
        ("x" * 61, "x" * 60, "x" * 60),
    ],
)
def test_the_words_at_the_ends_of_a_text(text, first, last):
    assert find_first_word(text) == first
    assert find_last_word(text) == last


@pytest.mark.parametrize(
    ("left", "right", "document", "keeps"),
    [
        # the more frequent spelling in the document
        ("data", "set", "a data-set", True),
        ("data", "set", "a dataset, a data-set", False),
        ("Data", "set", "a data‐set", True),
        ("co", "author", "a co‐author", True),
        ("cell", "art", "cell-of-art", False),
        ("of", "art", "state-of-art", True),  # a pair within a compound
        ("co", "author", "co- \n author", False),  # broken there, too
        # a compound that is broken at another hyphen
        ("non-co", "operative", "they co-operate, co-operative", True),
        ("end-to", "end", "", True),
        ("end", "to-end", "", True),
        ("cell-wall", "growth", "the wall has growth", True),
        ("cell-wall", "growth", "the wall", False),
        # before a capital or a digit, and after one capital
        ("anti", "Nazi", "", True),
        ("covid", "19", "", True),
        ("T", "cell", "", True),
        ("t", "cell", "", False),
        # words that begin or end a compound
        ("well", "known", "", True),
        ("well", "ness", "", False),
        ("self", "self", "", False),
        ("high", "er", "", False),
        ("cell", "based", "", True),
        ("un", "based", "", False),
        ("ninety", "nine", "", True),
        ("ninety", "ninth", "", True),
        ("nine", "teen", "", False),
        ("cell", "wall", "", False),
        # no word is broken
        (None, "wall", "", True),
        ("cell", None, "cell", True),
        ("cell-", "wall", "cellwall", True),
    ],
)
def test_whether_a_word_keeps_its_hyphen(left, right, document, keeps):
    assert Spelling(["", document]).should_keep_hyphen(left, right) is keeps


# --- the context of a passage ------------------------------------------------------------------------

TEXT = (
    "Head\nCells divide. They grow when fed, and rest. Then they die.\nNext block.\nFoot"
)


@pytest.mark.parametrize(
    ("passage", "body", "context"),
    [
        ("grow", None, ("Head\nCells divide. They ", " when fed, and rest. Then they die.\nNext block.\nFoot",
                        "They grow when fed, and rest.")),
        # without headers and footers, unless the passage is in one
        ("grow", (5, len(TEXT) - 5), ("Cells divide. They ", " when fed, and rest. Then they die.\nNext block.",
                                      "They grow when fed, and rest.")),
        ("Head", (5, len(TEXT) - 5), ("", "\nCells divide. They grow when fed, and rest. Then they die.\nNext block.\nFoot",
                                      "")),  # its sentence is no more than the passage
        ("Foot", (5, len(TEXT) - 5), (f"{TEXT[:-4]}"[-80:], "", "")),
        # all sentences that it touches, in its block
        ("rest. Then", None, ("Head\nCells divide. They grow when fed, and ", " they die.\nNext block.\nFoot",
                              "They grow when fed, and rest. Then they die.")),
        ("Next", None, (TEXT[: TEXT.index("Next")][-80:], " block.\nFoot", "Next block.")),
    ],
)  # fmt: skip
def test_the_context_of_a_passage(passage, body, context):
    start = TEXT.index(passage)
    span = (start, start + len(passage))
    found = find_passage_context(StructuredText(TEXT, body), span, passage)
    assert (found.prefix, found.suffix, found.sentence) == context


@pytest.mark.parametrize(
    ("length", "has_sentence"), [(599, True), (600, False), (5000, False)]
)
def test_a_sentence_that_is_too_long_is_none(length, has_sentence):
    text = f"{'word ' * 2000}"[:length] + "cell."
    start = text.index("cell")
    found = find_passage_context(StructuredText(text), (start, start + 4), "cell")
    assert (found.prefix, found.suffix) == (text[:start][-80:], ".")
    assert (found.sentence != "") is has_sentence


@pytest.mark.parametrize(
    ("body", "asked"), [(None, (19, 48)), ((5, len(TEXT)), (19, 48))]
)
def test_a_sentence_that_crosses_a_table_is_none(body, asked):
    start = TEXT.index("grow")
    calls = []

    class Table(StructuredText):
        def crosses_table(self, *span: int) -> bool:
            calls.append(span)
            return True

    found = find_passage_context(Table(TEXT, body), (start, start + 4), "grow")
    assert found.sentence == ""
    assert calls == [asked]


@pytest.mark.parametrize(
    ("points", "rectangle", "boxes"),
    [
        ((0, 9, 9, 9, 0, 0, 9, 0), None, [(0, 0, 9, 9)]),
        ((0, 9, 9, 9, 0, 0, 9, 0), (1, 1, 2, 2), [(0, 0, 9, 9)]),
        ((0, 9, 9, 9, 0, 0, 9), (1, 1, 2, 2), [(1, 1, 2, 2)]),  # a number is missing
        ((0, 9, 9, 9, 0, 0, 9, 0) * 2, None, [(0, 0, 9, 9)] * 2),
        ((float("nan"), 9, 9, 9, 0, 0, 9, 0, 0, 9, 9, 9, 0, 0, 9, 0), None, [(0, 0, 9, 9)]),
        ((), (0, 1, 14_400, 2), [(0, 1, 14_400, 2)]),
        ((), (0, 1, 14_401, 2), []),
        ((), (0, 1, float("nan"), 2), []),
        ((), None, []),
    ],
)  # fmt: skip
def test_the_quads_of_a_mark(points, rectangle, boxes):
    quads = build_quads(points, rectangle)
    assert [quad.box for quad in quads] == boxes
    assert [quad.index for quad in quads] == list(range(len(boxes)))
    assert all(quad.is_upright for quad in quads)


# --- annotations --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "parsed"),
    [
        ("D:20240102030405Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (" 20240102030405 ", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("D:2024", datetime(2024, 1, 1, tzinfo=UTC)),
        ("D:20240002", datetime(2024, 1, 2, tzinfo=UTC)),
        ("D:20240500", datetime(2024, 5, 1, tzinfo=UTC)),
        ("D:20240102030405+02'30'", datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2.5)))),
        ("D:20240102030405-0500", datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(-timedelta(hours=5)))),
        ("D:20240102030405-05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(-timedelta(hours=5)))),
        ("D:20241302", NEVER),
        ("yesterday", NEVER),
        ("", NEVER),
    ],
)  # fmt: skip
def test_a_date_of_a_pdf(date, parsed):
    assert parse_date(date) == parsed
    assert parse_date(date).utcoffset() == parsed.utcoffset()
    assert format_date(parsed) == ("" if parsed == NEVER else parsed.isoformat())


def annotation(number: int, contents: str = "", **more) -> Annotation:
    """An annotation on the first page, made so many minutes after midnight."""
    made = datetime(2024, 1, 1, 0, number, tzinfo=UTC)
    parent = more.pop("parent", None)
    fields = {
        "kind": HighlightKind.HIGHLIGHT, "box": (10.0, 20.0, 30.0, 40.0), "author": "Ada",
        "is_grouped": False, "is_hidden": False, "is_text_box": False, "is_review_state": False,
        "colour": "", "name": "", "zotero_key": None, "created": made, "modified": made,
        "page": 0, "quad_points": (), **more,
    }  # fmt: skip
    return Annotation(
        **fields, contents=contents, comment=contents, reference=(fields["page"], number),
        parent=None if parent is None else (fields["page"], parent),
    )  # fmt: skip


NOTE = {"kind": HighlightKind.NOTE}
GROUPED = {**NOTE, "is_grouped": True}
BOB = {**NOTE, "author": "Bob"}


@pytest.mark.parametrize(
    ("annotations", "threads"),
    [
        ([annotation(0, "a"), annotation(1, "b")], [(0, "a"), (1, "b")]),
        ([annotation(0, "a"), annotation(1, "b", parent=0, **NOTE)], [(0, "a\nb")]),
        ([annotation(0, "a"), annotation(1, "b", parent=0, **BOB)], [(0, "a\n↳ Bob: b")]),
        # by time, whatever their order in the file; an answer to an answer belongs to the thread
        ([annotation(0, "a"), annotation(5, "c", parent=0, **NOTE), annotation(2, "b", parent=5, **NOTE)],
         [(0, "a\nb\nc")]),
        ([annotation(0, "a"), annotation(5, "c", parent=0, **NOTE),
          annotation(7, "b", parent=0, **{**NOTE, "created": NEVER,
                     "modified": datetime(2024, 1, 1, 0, 3, tzinfo=UTC)})],
         [(0, "a\nb\nc")]),
        # a mark that answers is a mark of its own, unless it is grouped
        ([annotation(0, "a", **NOTE), annotation(1, "b", parent=0)], [(0, "a"), (1, "b")]),
        ([annotation(0, "a", **NOTE), annotation(1, "b", parent=0, is_grouped=True)], [(1, "a\nb")]),
        ([annotation(0, "a"), annotation(1, "", parent=0, **GROUPED), annotation(2, "c", parent=1, **NOTE)],
         [(0, "a\nc")]),
        # hidden ones and review states say nothing, but hold their thread together
        ([annotation(0, "a", is_hidden=True)], []),
        ([annotation(0, "a"), annotation(1, "b", parent=0, is_review_state=True, **NOTE),
          annotation(2, "c", parent=1, **NOTE)], [(0, "a\nc")]),
        ([annotation(0, "a", is_hidden=True), annotation(1, "b", parent=0, **NOTE)], [(1, "b")]),
        # an annotation that isn't there, and a circle
        ([annotation(1, "b", parent=9, **NOTE)], [(1, "b")]),
        ([annotation(0, "a", parent=1, **NOTE), annotation(1, "b", parent=0, **NOTE)],
         [(0, "a"), (1, "b")]),
    ],
)  # fmt: skip
def test_a_thread_is_one_annotation(annotations, threads):
    merged = _merge_threads(annotations)
    assert [(each.reference[1], each.comment) for each in merged] == threads


def test_the_words_of_a_thread_are_those_of_its_group():
    marked = annotation(0, "a")
    group = annotation(1, "b", parent=0, **GROUPED)
    reply = annotation(2, "c", parent=0, **NOTE)
    [merged] = _merge_threads([group, reply, marked])
    assert merged == replace(marked, contents="a\nb", comment="a\nb\nc")


def test_the_strokes_of_a_page_are_one_drawing_unless_they_have_a_comment():
    ink = {"kind": HighlightKind.INK}
    strokes = [
        annotation(0, **ink),
        annotation(1, "a word", **ink),
        annotation(2),
        annotation(3, **ink, box=(0.0, 30.0, 20.0, 90.0)),
        annotation(4, **ink, page=1),
        annotation(5, **ink, box=None),
    ]
    merged = _merge_strokes(strokes)
    drawing = replace(strokes[0], box=(0.0, 20.0, 30.0, 90.0))
    assert merged == [drawing, *strokes[1:3], *strokes[4:]]


@pytest.mark.parametrize(
    ("names", "identifying"),
    [
        (["a" * 12], {"a" * 12}),
        (["a" * 11], set()),
        (["a" * 12, "a" * 12, "b" * 12], {"b" * 12}),
        (["fitz-abcdefghij", "annot-abcdefghij", "highlight-abcdef", "Zotero-abcdefgh"], set()),
        (["identifier-of-a-mark", "123456789012", "1234567890ab"], {"1234567890ab"}),
    ],
)  # fmt: skip
def test_a_name_identifies_a_mark_if_it_is_long_and_unique(names, identifying):
    annotations = [annotation(n, name=name) for n, name in enumerate(names)]
    assert find_identifying_names(annotations) == identifying


@pytest.mark.parametrize(
    ("comment", "exact", "shown"),
    [
        ("a remark on it", "Cells divide.", "a remark on it"),
        ("cells divide", "Cells divide.", ""),
        ("Cells divide", "", "Cells divide"),
        ("skip", "skip", "skip"),
        ("? Cells divide", "? Cells divide", "? Cells divide"),
        ("Q: cells divide", "Cells divide", "Q: cells divide"),
        ("Cells divide?", "Cells divide", "Cells divide?"),
        ("Cells divide?", "Cells divide?", ""),
        ("", "Cells divide", ""),
    ],
)
def test_a_comment_that_repeats_the_marked_words_is_none(comment, exact, shown):
    marked = annotation(0, comment)
    assert marked.get_distinct_comment(exact) == shown


def test_what_identifies_an_annotation():
    named = annotation(0, name="x", zotero_key="ABCD2345", page=2)
    position = "2 10 20 30 40"
    assert [hint.partition(":")[2] for hint in named.iter_identity_hints({"x"})] == [
        "ABCD2345",
        "x",
        position,
    ]
    others = [*named.iter_identity_hints({"y"})]
    assert [hint.partition(":")[2] for hint in others] == ["ABCD2345", position]
    assert list(annotation(0, box=None).iter_identity_hints(set())) == []


@pytest.mark.parametrize(
    ("kind", "box", "area"),
    [
        (HighlightKind.IMAGE, (10.0, 20.0, 30.0, 40.0), (10.0, 20.0, 30.0, 40.0)),
        (HighlightKind.INK, (10.0, 20.0, 30.0, 40.0), (2.0, 12.0, 38.0, 48.0)),
        (HighlightKind.HIGHLIGHT, (10.0, 20.0, 30.0, 40.0), None),
        (HighlightKind.INK, None, None),
    ],
)
def test_the_area_that_is_cut_out(kind, box, area):
    assert annotation(0, kind=kind, box=box).picture_area == area
