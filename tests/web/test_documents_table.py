"""Which document stands beside a card, and where its marks are, row by row, without a browser."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.config.workspace import find_workspace
from ankiforge.extract import registry
from ankiforge.extract.pdf.messages import PageHighlight
from ankiforge.model import hints
from ankiforge.pipeline.sources import store_source_directories
from ankiforge.pipeline.workspace import Workspace
from ankiforge.web import documents
from ankiforge.web.documents import (
    find_file,
    find_page_and_highlight,
    get_recency_key,
    read_note,
    to_reading_view,
)


@pytest.fixture
def ledger(forge):
    """The ledger of a workspace in which nothing was read."""
    forge.settings("sources: []\n")
    with Workspace(find_workspace(forge.folder, forge.folder, registry)) as opened:
        yield opened.ledger


@pytest.fixture
def mark(make_card):
    """A mark in a paper of Zotero."""
    return make_card().highlight


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("see [[Osmosis]]", "see Osmosis"),
        ("see [[Cells/Osmosis#Water|this]]", "see this"),
        ("see [[Osmosis#Water]]", "see Osmosis › Water"),
        ("see [[#Water]]", "see Water"),
        ("![[cell.png]]", "![](<cell.png>)"),
        ("![[cell.png|a cell]]", "![a cell](<cell.png>)"),
        ("![[cell.png|600]]", "![|600](<cell.png>)"),
        ("![[cell.png|a cell|600]]", "![a cell|600](<cell.png>)"),
        ("> [!tip] Water\n> moves", "> **Water**\n> moves"),
        ("> [!tip]-\n> moves", "> **Tip**\n> moves"),
        ("moves ^a1b2\n^c3", "moves\n"),
        ("---\ntitle: x\n---\nmoves %%here%% <!-- there -->", "moves  "),
        ("the {{c1::cell}} moves", "the cell moves"),
    ],
)
def test_a_note_is_shown_as_obsidian_shows_it_when_it_is_read(written, shown):
    assert to_reading_view(written) == shown


def test_files_of_the_latest_day_come_first_and_numbers_count_as_such(monkeypatch):
    day = 86_400 * 10**9
    times = {"a10": 3 * day, "a9": 4 * day - 1, "b": 4 * day, "c": 0}
    monkeypatch.setattr(
        documents, "read_stamp", lambda path: path.stem in times and (0, times[path.stem])
    )
    files = [Path(name) for name in ("gone.pdf", "c.pdf", "a10.pdf", "a9.pdf", "b.pdf")]
    names = [file.stem for file in sorted(files, key=get_recency_key)]
    assert names == ["b", "a9", "a10", "c", "gone"]


BOX = (10.0, 20.0, 30.0, 40.0)


@pytest.mark.parametrize(
    ("of", "place"),
    [
        ({"namespace": "pdf:a", "block_id": "4"}, (4, PageHighlight("words", None))),
        ({"uri": "zotero://open-pdf/items/A?page=3"}, (2, PageHighlight("words", None))),
        ({"uri": "zotero://open-pdf/items/A"}, None),
        (
            {"hints": (hints.make_position_hint(5, BOX),)},
            (5, PageHighlight("words", BOX)),
        ),
        (
            {"hints": (hints.make_position_hint(5, BOX),), "exact": ""},
            (5, PageHighlight("", BOX)),
        ),
        (
            {
                "hints": (hints.make_position_hint(5, BOX),),
                "uri": "zotero://open-pdf/items/A?page=3",
            },
            (5, PageHighlight("words", BOX)),
        ),
        ({"namespace": "pdf:a", "block_id": "4", "exact": ""}, None),
    ],
)
def test_a_mark_of_a_paper_has_a_page_and_words_or_a_frame(mark, of, place):
    here = replace(mark, **{"exact": "words", "uri": "", **of})
    assert find_page_and_highlight(here) == place


@pytest.mark.parametrize(
    ("block", "files", "named", "found"),
    [
        ("FILE2345", ["a.pdf"], True, "a.pdf"),
        ("FILE2345", ["a.PDF", "full.txt"], True, "a.PDF"),
        ("FILE2345", ["a.pdf", "b.pdf"], True, ""),  # which one it was, nobody knows
        ("FILE2345", ["a.txt"], True, ""),
        ("OTHER234", ["a.pdf"], True, ""),
        ("../FILE2345", ["a.pdf"], True, ""),
        ("FILE2345", ["a.pdf"], False, ""),  # no source of this machine
    ],
)
@pytest.mark.parametrize("root", [".", "zotero.sqlite"])
def test_the_only_pdf_that_zotero_stores_is_the_paper(
    ledger, mark, tmp_path, block, files, named, found, root
):
    folder = tmp_path / "Zotero"
    (folder / "storage/FILE2345").mkdir(parents=True)
    (folder / "zotero.sqlite").touch()
    for name in files:
        (folder / "storage/FILE2345" / name).touch()
    if named:
        store_source_directories(ledger, {"zotero:library": str(folder / root)})
    paper = find_file(ledger, replace(mark, block_id=block))
    assert (paper.name if paper else "") == found


@pytest.mark.parametrize(
    ("path", "text", "shown"),
    [
        ("Cells.md", "see [[Water]]", "see Water"),
        ("Cells.pdf", "see [[Water]]", ""),
        ("Gone.md", None, ""),
    ],
)
def test_the_note_of_a_mark_is_read_if_it_is_there(
    ledger, mark, tmp_path, path, text, shown
):
    if text is not None:
        (tmp_path / path).write_text(text, encoding="utf-8")
    store_source_directories(ledger, {"obsidian:notes": str(tmp_path)})
    document = replace(mark.document, source="notes", path=path)
    here = replace(mark, namespace="vault:n", document=document)
    file = find_file(ledger, here)
    assert (read_note(file) if file else "") == shown


def test_a_paper_that_is_no_source_of_papers_has_no_file(ledger, mark, tmp_path: Path):
    (tmp_path / "a.pdf").touch()
    store_source_directories(ledger, {"pdf:library": str(tmp_path)})
    for path, namespace, found in (
        ("a.pdf", "pdf:a", "a.pdf"),
        ("../a.pdf", "pdf:a", ""),
        ("a.pdf", "vault:a", ""),
    ):
        document = replace(mark.document, path=path)
        paper = find_file(ledger, replace(mark, namespace=namespace, document=document))
        assert (paper.name if paper else "") == found
