"""The samples are what the README and the demo stand on."""

from pathlib import Path

import pytest

from ankiforge.model import ExtractedDocument, Problem, ScanEnd
from tests.makers.build import PARTS, build
from tests.reading import opened


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    build(folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_building_elsewhere_gives_the_same_bytes(built, tmp_path):
    build(tmp_path / "again")
    assert content(tmp_path / "again") == content(built)


def test_what_a_person_changed_or_deleted_stays_so(tmp_path):
    build(tmp_path)
    (tmp_path / "vault" / "Reading list.md").write_text("mine", "utf-8")
    (tmp_path / "papers" / "Judging a diagnostic test.pdf").unlink()
    before = content(tmp_path)
    build(tmp_path)
    assert content(tmp_path) == before


def test_a_part_that_was_interrupted_is_made_anew(built, tmp_path):
    (tmp_path / ".papers.part").mkdir()
    (tmp_path / ".papers.part" / "half").write_bytes(b"%PDF-")
    build(tmp_path)
    assert content(tmp_path) == content(built)


SOURCES = {"vault": "obsidian", "papers": "pdf", "zotero": "zotero"}


@pytest.mark.parametrize(("part", "kind"), SOURCES.items())
def test_each_part_is_read_whole_and_without_a_problem(built, part, kind):
    found = list(opened(kind, built / part, name=part).scan())
    assert [sighting for sighting in found if isinstance(sighting, Problem)] == []
    assert sum(len(s.highlights) for s in found if isinstance(s, ExtractedDocument)) >= 9
    assert all(scan.complete for scan in found if isinstance(scan, ScanEnd))


def test_every_part_is_read_by_a_source():
    assert PARTS.keys() == SOURCES.keys()
