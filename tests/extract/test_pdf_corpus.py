"""Annotated PDFs of other people: their own expectations, letter by letter, and no crash."""

import json
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from ankiforge.model import ExtractedDocument, Problem, Sighting
from tests.foreign import needed
from tests.reading import opened

QUOTES = str.maketrans("‘’“”", "''\"\"")


@pytest.fixture(scope="module")
def corpus() -> Path:
    return needed("pdf")


@pytest.fixture(scope="module")
def sightings(corpus: Path) -> list[Sighting]:
    return list(opened("pdf", corpus, name="corpus").scan())


def plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(QUOTES).split())


def texts(sightings: list[Sighting]) -> dict[str, list[str]]:
    """What the marks of each file cover, which may stop within a word."""
    return {
        one.document.path: [
            plain(highlight.anchor_text or highlight.exact)
            for highlight in one.highlights
        ]
        for one in sightings
        if isinstance(one, ExtractedDocument)
    }


def expected(corpus: Path, pattern: str, provenance: str = "") -> list[tuple[str, str]]:
    """(path, text) of every mark with text in some files, of one provenance or all."""
    return [
        (path.relative_to(corpus).with_suffix(".pdf").as_posix(), plain(entry["text"]))
        for path in sorted(corpus.glob(pattern))
        for entry in json.loads(path.read_text("utf-8"))["annots"]
        if entry.get("text") and provenance in entry.get("provenance", "")
    ]


def missed(
    sightings: list[Sighting], wanted: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Those that were not read exactly; every text that was read counts for one that is wanted.

    Two marks that go on over the end of a page are read as one passage.
    """
    assert wanted
    got = {path: Counter(found) for path, found in texts(sightings).items()}
    lost = []
    halves: set[tuple[str, str]] = set()
    for (path, text), (_, following) in zip(wanted, [*wanted[1:], ("", "")], strict=True):
        found = got.get(path, Counter())
        if found[text]:
            found[text] -= 1
        elif found[text + following] or found[f"{text} {following}"]:
            halves.add((path, following))
        elif (path, text) not in halves:
            lost.append((path, text))
    return lost


@pytest.mark.parametrize(
    ("pattern", "provenance", "share"),
    [
        ("**/*.json", "upstream-test", 0.0),
        ("*.json", "", 0.03),
        ("synth/*.json", "", 0.03),  # some were stored in no order
    ],
)
def test_nearly_all_texts_are_read_exactly(corpus, sightings, pattern, provenance, share):
    wanted = expected(corpus, pattern, provenance)
    lost = missed(sightings, wanted)
    assert len(lost) <= share * len(wanted), lost


def test_no_file_is_lost(sightings):
    problems = [
        one for one in sightings if isinstance(one, Problem) and not one.is_notice
    ]
    assert all("no text" in one.message for one in problems), problems


def test_figures_and_drawings_come_with_the_pictures_they_show(sightings):
    documents = [one for one in sightings if isinstance(one, ExtractedDocument)]
    for one in documents:
        shown = {words for highlight in one.highlights for words in highlight.markdown}
        assert shown == {f"![]({picture.name})" for picture in one.pictures}
        assert all(picture.data.startswith(b"\x89PNG") for picture in one.pictures)
    areas = [h for one in documents for h in one.highlights if h.kind in ("image", "ink")]
    without = [h.document.path for h in areas if not h.markdown]
    assert len(areas) >= 30
    assert len(without) <= len(areas) / 2, without  # they frame nothing
