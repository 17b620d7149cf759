"""`search`: whether something was looked at before, by any name, title or word one remembers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.config.ownfiles import own_file
from ankiforge.ledger import Ledger
from ankiforge.ledger.search import find
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

TITLE = "Über das Gedächtnis: Untersuchungen zur experimentellen Psychologie"
FIELDS = {
    "title": TITLE, "DOI": "10.1037/H0061626", "ISBN": "0-306-40615-2", "date": "1885",
    "url": "https://www.Example.org/Ebbinghaus/index.html?utm_source=x&b=2&a=1#top",
    "extra": "PMID: 20190320\nCitation Key: ebbinghaus1885",
}  # fmt: skip
PAPER = (
    "Forgetting is fast at first and slow later on, as the curve of the savings shows. "
    "What was learnt over several days stays for longer than what was learnt at once. "
    "The syllables were read aloud at the beat of a metronome, and all of them were new to him."
)


def write_sources(folder: Path) -> None:
    """A paper in Zotero, one as a PDF, and a vault."""
    marks = (
        Annotation(
            "MARKAAA2",
            "Forgetting is called the loss of what was learnt.",
            page_label="7",
        ),
        Annotation(
            "MARKBBB2", "Die Ersparnis misst, was blieb.", "naïve Frage", page_label="9"
        ),
    )
    work = Work(
        "PAPER001", FIELDS, (("author", "Hermann", "Ebbinghaus"),),
        attachments=(Attachment("ATTACH01", "memory.pdf", marks),),
    )  # fmt: skip
    write_zotero(folder / "zotero.sqlite", [Library((work,))])
    (folder / "papers").mkdir()
    words = "Forgetting is fast at first"
    page = Page((paragraph(PAPER),), (mark(words),))
    write_pdf(folder / "papers/curve.pdf", [page], title="The Shape of Forgetting Curves")
    notes = folder / "notes"
    (notes / ".obsidian").mkdir(parents=True)
    (notes / "記憶.md").write_text(
        "記憶と忘却:::memory and forgetting\n\n学习记忆是重要的:::x\n"
    )
    (notes / "Cells.md").write_text(
        "The ==mitochondrion== makes ==ATP==.\n\nKatze:::cat\n"
    )


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, forge_in: Any) -> Any:
    """All of it was run; for tests that change nothing."""
    folder = tmp_path_factory.mktemp("known")
    write_sources(folder)
    forge = forge_in(folder)
    forge.ok("run", folder / "zotero.sqlite", folder / "papers", folder / "notes")
    return forge


@pytest.fixture
def read(forge: Any, tmp_path: Path) -> Any:
    """The vault was run."""
    notes = tmp_path / "notes"
    (notes / ".obsidian").mkdir(parents=True)
    (notes / "Cells.md").write_text(
        "The ==mitochondrion== makes ==ATP==.\n\nKatze:::cat\n"
    )
    forge.ok("run", notes)
    return forge


def titles(forge: Any, *words: str | Path) -> list[str]:
    return [
        one["document"]["title"] for one in forge.ok("search", *words, "--json").lines
    ]


@pytest.fixture(scope="module")
def ledger(known: Any) -> Iterator[Ledger]:
    [path] = known.home.rglob("ledger.db")
    database, journal = own_file(path), own_file(path.parents[1] / "journal")
    with Ledger(database, journal, "reader", read_only=True) as opened:
        yield opened


def sought(ledger: Ledger, query: str) -> list[tuple[str, str]]:
    return [(one.documents[0].title, one.by) for one in find(ledger, query)]


@pytest.mark.parametrize(
    "query",
    [
        "https://doi.org/10.1037%2Fh0061626", "https://psycnet.org/doi/full/10.1037/h0061626/full",
        "ISBN 978-0-306-40615-7", "pmid: 20190320", "@ebbinghaus1885", "Ebbinghaus1885",
        "example.org/Ebbinghaus?a=1&b=2", "https://example.org/Ebbinghaus/?b=2&a=1&utm_medium=mail",
        "zotero://select/library/items/PAPER001", "PAPER001", "memory.pdf", "x/Memory.pdf",
    ],
)  # fmt: skip
def test_a_work_is_found_by_each_of_its_names_in_any_spelling(ledger, query):
    assert sought(ledger, query) == [(TITLE, "identifier")]
    assert sought(ledger, "http://example.org/Ebbinghaus/") == []


@pytest.mark.parametrize(
    ("query", "by"),
    [
        (TITLE, "title"), ("uber das gedachtnis", "similar title"),
        ("Über das Gedächtniss, Untersuchung zur experimentelen Psychologie", "similar title"),
        ("The Shape of Forgeting Curves: a replication with syllables", "similar title"),
        ("ebbinghaus gedächt", "words"), ("EBBINGHAUS", "words"), ("metronome", ""),
        ("loss learnt", "words"), ("naive frage", "words"), ('"called the loss"', "words"),
        ('"loss the called"', ""), ("ebbinghaus ersparnis", "words"),
    ],
)  # fmt: skip
def test_a_work_is_found_by_its_title_or_words(ledger, query, by):
    assert [found for _, found in sought(ledger, query)] == ([by] if by else [])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("忘却", True),
        ("記憶", True),
        ("记忆", True),
        ("忆记", False),
        ("学习 重要", True),
    ],
)
def test_scripts_without_blanks_are_searched_by_their_characters(ledger, query, *, found):
    assert [title for title, _ in sought(ledger, query)] == (["記憶"] if found else [])


@pytest.mark.parametrize(
    "query",
    ['"', "'", "*", "a*", "NEAR(a b)", "a AND", "OR NOT", "title:x", "^a", "(", "{a b}",
     '"""', "a\0b", "😀", "%", "c:\\x", "+", "x - y", '" OR 1 --'],
)  # fmt: skip
def test_no_sign_a_person_types_is_an_operator(ledger, query):
    assert sought(ledger, query) == []
    assert sought(ledger, "\udcff") == []
    assert sought(ledger, "-x") == sought(ledger, "x") == [("記憶", "words")]
    assert sought(ledger, "AND") == sought(ledger, "and") != []


@given(st.text(max_size=40))
def test_no_text_breaks_the_search(ledger, query):
    sought(ledger, query)


@pytest.mark.parametrize(
    ("head", "query"),
    [
        ("url: https://www.example.com/post/?utm_source=x", "example.com/post"),
        ("source: '[Post](https://example.com/post)'", "http://example.com/post"),
        ("arxiv: 2203.02150", "https://arxiv.org/pdf/2203.02150v2"),
        ("arXiv ID: hep-th/9901001v3", "hep-th/9901001"), ("isbn: 0-306-40615-2", "9780306406157"),
        ("pmid: 31452104", "https://pubmed.ncbi.nlm.nih.gov/31452104/"), ("x: 1", "notes/Head.md"),
        ("x: 1", "obsidian://open?vault=notes&file=Head"),
    ],
)  # fmt: skip
def test_a_note_is_found_by_what_its_head_says_it_is_about(forge, vault, head, query):
    (vault / "Head.md").write_text(f"---\n{head}\n---\nKatze:::cat\n", encoding="utf-8")
    forge.ok("run", vault)
    assert titles(forge, query) == ["Head"]
    [found] = forge.ok("search", query, "--json").lines
    assert found["found"]["by"] == "identifier"


def test_a_pdf_is_known_by_its_identifiers_or_title_though_nothing_is_marked_in_this_copy(
    known, tmp_path
):
    copy = tmp_path / "Downloads" / "download (3).pdf"
    copy.parent.mkdir()
    write_pdf(copy, [Page((paragraph(PAPER),))], title="The Shape of Forgetting Curves")
    [found] = known.ok("search", copy, "--json").lines
    assert found["document"]["title"] == "The Shape of Forgetting Curves"

    other = copy.with_name("other.pdf")
    write_pdf(
        other, [Page((paragraph("A quite different text. " * 30),))], title="Other things"
    )
    assert titles(known, other) == []
    cited = copy.with_name("cited.pdf")
    write_pdf(
        cited, [Page((paragraph("Nothing."),))], fields={"/doi": "10.1037/h0061626"}
    )
    assert titles(known, cited) == [TITLE]

    broken = copy.with_name("broken.pdf")
    broken.write_bytes(b"%PDF-1.7 and no more")
    assert known("search", broken).exit_code == 1


def test_what_is_written_down_later_is_found_and_what_was_reworded_is_not(read, tmp_path):
    assert titles(read, "mitochondrion") == ["Cells"]
    (tmp_path / "notes/Cells.md").write_text(
        "Hund:::dog\n\nThe ==chloroplast== makes ==ATP==.\n"
    )
    read.ok("run", tmp_path / "notes")
    assert titles(read, "chloroplast") == ["Cells"]
    assert titles(read, "mitochondrion") == []
    [card] = [one for one in read.cards() if one["fields"].get("Front") == "Hund"]
    read.ok("edit", card["guid"], "--field", "Back", "a barking quadruped")
    [found] = read.ok("search", "quadruped", "--json").lines
    assert [one["guid"] for one in found["cards"] if one["matched"]] == [card["guid"]]


def test_a_work_says_when_what_and_where(known):
    [found] = known.ok("search", "@ebbinghaus1885", "--json").lines
    assert found["counts"]["highlights"] == 2
    assert {one["exact"] for one in found["highlights"]} >= {
        "Die Ersparnis misst, was blieb."
    }
    assert found["links"][0] == "zotero://select/library/items/PAPER001"
    assert "https://doi.org/10.1037/h0061626" in found["links"]
    text = known.ok("search", "@ebbinghaus1885").stdout
    assert text.startswith(f"{TITLE} (1885)\n")
    assert "p. 9: Die Ersparnis misst, was blieb. [naïve Frage]" in text


def test_how_well_cards_are_remembered_is_told_from_what_anki_scheduled(
    forge, vault, backend
):
    (vault / "Cells.md").write_text("Katze?::cat\n\nHund?::dog\n")
    with backend.opened(forge.profile) as anki:
        forge.ok("run", vault)
        anki.load(forge.folder / "ankiforge.apkg")
        guid = next(
            one["guid"] for one in forge.cards() if one["fields"]["Front"] == "Katze?"
        )
        card = min(anki.cards(guid), key=lambda one: one.ord).id
        now = anki.col.db.scalar("select cast(strftime('%s', 'now') as integer)")
        then = (now - 10 * 86_400) * 1000
        anki.col.db.execute(
            "insert into revlog values (?, ?, -1, 3, 10, 4, 2500, 6000, 1)", then, card
        )
        anki.col.db.execute(
            "update cards set type = 2, queue = 2, ivl = 10, reps = 3, factor = 2500 where id = ?",
            card,
        )
        forge.ok("pull")
        [found] = forge.ok("search", "katze", "--json").lines
    chances = {one["fields"]["Front"]: one["recall"] for one in found["cards"]}
    assert chances == {"Katze?": pytest.approx(0.9, abs=0.005), "Hund?": None}
    assert (found["recall"]["now"], found["recall"]["learnt"]) == (chances["Katze?"], 1)
    assert found["recall"]["looked"]
    assert "90% remembered now" in forge.ok("search", "katze").stdout
