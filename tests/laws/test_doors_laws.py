"""Laws of the smaller doors: nothing crashes them, nothing is lost, keys stay."""

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ankiforge.model import ExtractedDocument, Highlight, ScanEnd, Sighting
from ankiforge.text.keys import build_anchor_key, build_source_id_key
from ankiforge.text.normalize import normalize_for_lookup
from tests.examples import examples
from tests.reading import opened

DOORS = {
    "hypothesis": "a.json",
    "kindle": "a.txt",
    "markdown": "a.txt",
    "readwise": "a.csv",
}
PIECES = {
    "hypothesis": ('{"rows": [', '"TextQuoteSelector"', "]}", '{"id": "a"', ",", "[", "null", "1"),
    "kindle": ("==========\n", "\n- Your Highlight on page 1 | loc. 2-1 | ", "\n- | 5\n\n", "(", ")", "5:61"),
    "markdown": ("> ", "==", "::", "\n?\n", "---\n", "```\n", "    ", "[!", "![](x.png)"),
    "readwise": ("Highlight,Book Title,Note\n", '"', ",", "\n", ".h1", "\r", ";"),
}  # fmt: skip


def scan(kind: str, raw: bytes, folder: Path) -> list[Sighting]:
    path = folder / DOORS[kind]
    path.write_bytes(raw)
    return list(opened(kind, path, name="n").scan())


def scanned(kind: str, text: str) -> list[Sighting]:
    with tempfile.TemporaryDirectory() as folder:
        return scan(kind, text.encode("utf-8", "replace"), Path(folder))


def highlights(found: list[Sighting]) -> list[Highlight]:
    return [
        one
        for each in found
        if isinstance(each, ExtractedDocument)
        for one in each.highlights
    ]


def keys(found: list[Sighting]) -> list[str]:
    return [
        build_source_id_key(one) or build_anchor_key(one, one.occurrence)
        for one in highlights(found)
    ]


# --- hostile input --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DOORS)
@examples(20)
@given(data=st.data())
def test_nothing_that_is_read_raises_and_a_scan_comes_last(kind, data):
    words = st.one_of(st.sampled_from(PIECES[kind]), st.text(max_size=20))
    text = "".join(data.draw(st.lists(words, max_size=20)))
    raw = text.encode("utf-8", "replace")
    with tempfile.TemporaryDirectory() as folder:
        found = scan(kind, raw, Path(folder))
        again = scan(kind, raw, Path(folder))
    assert isinstance(found[-1], ScanEnd)
    assert again == found
    for each in found:
        if isinstance(each, ExtractedDocument):
            assert len(keys([each])) == len(set(keys([each])))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
NAMES = "id uri user text tags target references document links updated"
FIELDS = st.sampled_from(NAMES.split())


@examples(20)
@given(rows=st.lists(st.dictionaries(FIELDS, VALUES | st.text(max_size=3)), max_size=4))
def test_annotations_of_any_shape_are_read_or_told(rows):
    found = scanned("hypothesis", json.dumps({"export_userid": "acct:a@b", "rows": rows}))
    assert isinstance(found[-1], ScanEnd)
    assert len(keys(found)) == len(set(keys(found)))


# --- Kindle ---------------------------------------------------------------------------------

WORDS = "all that was read there and marked once or twice is kept as it was in the end".split()


@st.composite
def marks(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """(words, first location, last) of marks in one text, many of which overlap."""
    spans = draw(st.lists(st.tuples(st.integers(0, 14), st.integers(1, 6)), max_size=12))
    return [
        (" ".join(WORDS[at : at + long]), 100 + at, 100 + at + long) for at, long in spans
    ]


def clippings(given_marks: list[tuple[str, int, int]]) -> Iterator[str]:
    for number, (words, first, last) in enumerate(given_marks):
        when = f"Added on Thursday, January {number + 1}, 2015 10:00:00 AM"
        yield f"Book\n- Your Highlight at location {first}-{last} | {when}\n\n{words}\n==========\n"


@examples(20)
@given(given_marks=marks())
@example([("was read", 102, 104), ("was", 102, 103), ("all that was", 100, 103)])
def test_no_words_of_a_clipping_are_lost(given_marks):
    found = highlights(scanned("kindle", "".join(clippings(given_marks))))
    said = [
        normalize_for_lookup(text) for one in found for text in (one.exact, one.sentence)
    ]
    for words, _, _ in given_marks:
        assert any(normalize_for_lookup(words) in text for text in said)
    for one in found:
        assert normalize_for_lookup(one.exact) in normalize_for_lookup(
            one.sentence or one.exact
        )


@examples(20)
@given(given_marks=marks())
def test_what_stays_in_a_file_that_grows_keeps_its_key(given_marks):
    entries = list(clippings(given_marks))
    before = scanned("kindle", "".join(entries[: len(entries) // 2]))
    after = scanned("kindle", "".join(entries))
    named = {
        (one.exact, one.occurrence): key
        for one, key in zip(highlights(after), keys(after), strict=True)
    }
    for one, key in zip(highlights(before), keys(before), strict=True):
        assert named.get((one.exact, one.occurrence), key) == key
    assert len(set(keys(after))) == len(keys(after))


# --- Readwise -------------------------------------------------------------------------------

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@examples(20)
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=6))
def test_a_table_is_read_letter_by_letter(rows):
    out = io.StringIO()
    csv.writer(out).writerows([("Highlight", "Book Title"), *rows])
    found = highlights(scanned("readwise", out.getvalue()))
    texts = {text.replace("\r\n", "\n").replace("\r", "\n").strip() for text, _ in rows}
    assert {one.exact for one in found} == texts - {""}
