"""`search`: whether something was looked at before, by any name, title or word one remembers."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.features.ask.work import search_library
from ankiforge.model import make_highlight_id
from ankiforge.pipeline.workspace import Workspace
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
def library(known: Any) -> Iterator[Workspace]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in known.environment.items():
            patch.setenv(name, value)
        with Workspace(read_only=True) as workspace:
            yield workspace


def sought(library: Workspace, query: str) -> list[tuple[str, str]]:
    """The titles of what is found, each with the way in which it was found."""
    result = search_library(library, query)
    works = [(work.documents[0].title, work.found_by) for work in result.works]
    return works + [
        (passage.highlight.document.title, "passage") for passage in result.passages
    ]


@pytest.mark.parametrize(
    "query",
    [
        "https://doi.org/10.1037%2Fh0061626", "https://psycnet.org/doi/full/10.1037/h0061626/full",
        "ISBN 978-0-306-40615-7", "pmid: 20190320", "@ebbinghaus1885", "Ebbinghaus1885",
        "example.org/Ebbinghaus?a=1&b=2", "https://example.org/Ebbinghaus/?b=2&a=1&utm_medium=mail",
        "zotero://select/library/items/PAPER001", "PAPER001", "memory.pdf", "x/Memory.pdf",
    ],
)  # fmt: skip
def test_a_work_is_found_by_each_of_its_names_in_any_spelling(library, query):
    assert sought(library, query) == [(TITLE, "identifier")]
    assert sought(library, "http://example.org/Ebbinghaus/") == []


@pytest.mark.parametrize(
    ("query", "by"),
    [
        (TITLE, "title"), ("uber das gedachtnis", "similar title"),
        ("Über das Gedächtniss, Untersuchung zur experimentelen Psychologie", "similar title"),
        ("The Shape of Forgeting Curves: a replication with syllables", "similar title"),
        ("ebbinghaus gedächt", "words"), ("EBBINGHAUS", "words"), ("metronome", ""),
        ("experimentellen psychologie", "words"),
        ("Why is what was learnt a loss?", "passage"), ("learnt metronome", "passage"),
        ("naive frage", "passage"), ("ersparn", "passage"),
        ('"called the loss"', "passage"), ('"loss the called"', ""),
    ],
)  # fmt: skip
def test_a_work_is_found_by_its_title_and_a_passage_by_any_of_its_words(
    library, query, by
):
    assert [found for _, found in sought(library, query)][:1] == ([by] if by else [])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("忘却", True),
        ("記憶", True),
        ("记忆", True),
        ("忆记", False),
        ("学习 重要", True),
        ("記憶とは何ですか", True),
    ],
)
def test_scripts_without_blanks_are_searched_by_their_characters(
    library, query, *, found
):
    assert ("記憶" in [title for title, _ in sought(library, query)]) is found


@pytest.mark.parametrize(
    ("query", "plain"),
    [
        ('"', ""), ("'", ""), ("*", ""), ("a*", "a"), ("NEAR(mitochondrion b)", "mitochondrion"),
        ("mitochondrion AND", "mitochondrion"), ("OR NOT mitochondrion", "mitochondrion"),
        ("title:mitochondrion", "mitochondrion"), ("^mitochondrion", "mitochondrion"),
        ("(", ""), ("{a mitochondrion}", "mitochondrion"), ('"""', ""),
        ("a\0mitochondrion", "mitochondrion"), ("😀", ""), ("%", ""), ("+", ""),
        ('" OR 1 --', ""), ("\udcff", ""), ("-x", "x"),
    ],
)  # fmt: skip
def test_no_sign_a_person_types_is_an_operator(library, query, plain):
    assert sought(library, query) == sought(library, plain)
    assert bool(sought(library, plain)) == (len(plain) > 1 or plain == "x")


@given(st.text(max_size=40))
def test_no_text_breaks_the_search(library, query):
    sought(library, query)


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


def test_of_the_titles_of_one_work_the_most_similar_counts(forge, vault):
    for title in ("The Shape of Forgetting Curves", "A Shape of Forgetting Curve"):
        head = "---\ndoi: 10.1037/h0061626\n---\n"
        (vault / f"{title}.md").write_text(f"{head}{title}:::x\n")
    (vault / "The Shape of Forgiving Curves.md").write_text("Katze:::cat\n")
    forge.ok("run", vault)
    found = forge.ok("search", "The Shape of Forgeting Curves", "--json").lines
    assert [one["found"]["what"] for one in found] == ["98 % alike", "93 % alike"]


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
    assert [one["id"] for one in found["cards"]] == [card["guid"]]


def test_before_its_first_run_another_computer_finds_what_the_journal_has(read):
    for database in read.folder.parent.rglob(".ankiforge/ledger.db*"):
        database.unlink()
    [found] = read.ok("search", "Cells.md", "--json").lines
    words = {highlight["exact"] for highlight in found["highlights"]}
    assert "The mitochondrion makes ATP." in words
    assert len(words) == found["counts"]["highlights"] == 2


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


# --- passages -------------------------------------------------------------------------------


def test_a_passage_says_where_it_is_and_which_card_it_has(known):
    text = known.ok("search", "was blieb an Ersparnis").stdout
    assert text.startswith("Die Ersparnis misst, was blieb.\n")
    assert f"  in        {TITLE} · p. 9\n" in text
    assert "  open      zotero://open-pdf/library/items/ATTACH01?" in text
    [found] = known.ok("search", "was blieb an Ersparnis", "--json").lines
    key = found["highlight"]["key"]
    id = make_highlight_id(key)[:10]
    assert f"  no card   ankiforge edit {id} --field Front" in text
    assert found["found"] == {"by": "words", "sure": True}
    katze = known.ok("search", "Katze").stdout
    assert "accepted  Katze" in katze
    unmarked = known.ok("search", "metronome").stderr  # it is in a paper, without a mark
    assert (
        unmarked
        == "nothing you have read matches 'metronome'; unmarked text is not searched\n"
    )


def test_a_card_whose_acceptance_was_undone_is_listed_as_its_draft_only(forge, vault):
    (vault / "a.md").write_text("The mitochondrion makes ==ATP== in the cells.\n")
    forge.ok("run", vault)
    forge.ok("accept", "--all")
    forge.ok("undo")
    text = forge.ok("search", "mitochondrion").stdout
    assert "waiting" in text
    assert "undone" not in text


def test_the_sentence_with_most_words_is_bold_and_what_is_beside_it_short(forge, vault):
    mark = (
        "Nothing of it stays for long without sleep, as everybody knows who has tried. "
        "The squirrel closes its ears with muscles before it jumps into the river. "
        "Then it swims to the other bank, and nobody has seen it come back since."
    )
    (vault / "Squirrels.md").write_text(f"=={mark}==\n")
    forge.ok("run", vault)
    question = "what keeps the spray out of a squirrel's ears"
    shown = forge.ok("search", question).stdout
    assert (
        "**The squirrel closes its ears with muscles before it jumps into the river.**"
        in shown
    )
    [found] = forge.ok("search", question, "--json").lines
    assert found["answers"].startswith("The squirrel closes")


def test_what_answers_nothing_for_sure_says_so(forge, vault):
    (vault / "Squirrels.md").write_text(
        "==The squirrel closes its ears in the river.==\n"
    )
    forge.ok("run", vault)
    asked = forge.ok("search", "which river flows through Budapest and Vienna")
    assert "nothing you have read answers this for sure; the nearest:" in asked.stderr
    assert "squirrel" in asked.stdout
    assert not forge.ok("search", "squirrel ears").stderr
    nothing = forge.ok("search", "Mongolia")
    assert (nothing.stdout, nothing.stderr[:17]) == ("", "nothing you have ")


def test_rare_words_weigh_more_and_one_text_is_shown_once(forge, vault):
    lines = [f"==A common sentence about the river number {n}.==" for n in range(30)]
    lines += ["==A drumlin lies at the end.==", "==Moraines are hills of the glacier.=="]
    (vault / "A.md").write_text("\n\n".join(lines))
    (vault / "B.md").write_text("==Moraines are hills of the glacier.==\n")
    forge.ok("run", vault)
    asked = "a common river about a drumlin in a sentence"
    rows = forge.ok("search", asked, "--json").lines
    assert rows[0]["highlight"]["exact"] == "A drumlin lies at the end."
    assert len(rows) == 5
    assert len(forge.ok("search", asked, "--limit", "2", "--json").lines) == 2
    assert len(forge.ok("search", "moraines of the glacier", "--json").lines) == 1
    assert json.loads(forge.ok("search", "drumlin", "--json").stdout)["found"]["sure"]


def test_words_by_which_a_person_asks_are_not_looked_for(forge, vault):
    (vault / "A.md").write_text(
        "==He was sure that nobody knew.==\n\n==A drumlin is a hill.==\n"
    )
    forge.ok("run", vault)
    rows = forge.ok("search", "what is known for sure of a drumlin", "--json").lines
    assert [row["highlight"]["exact"] for row in rows] == ["A drumlin is a hill."]


@pytest.mark.parametrize("locked", ["", "folder", "file"])
def test_without_leave_to_write_the_index_is_not_stored(
    forge, vault, monkeypatch, locked
):
    (vault / "cells.md").write_text("The ==mitochondrion== makes ATP.\n")
    forge.ok("run", vault)
    [ledger] = forge.home.rglob("ledger.db")
    forbidden = {"folder": ledger.parent, "file": ledger}.get(locked)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != forbidden)
    before = ledger.read_bytes()
    assert "mitochondrion" in forge.ok("search", "mitochondrion").stdout
    assert (ledger.read_bytes() == before) is bool(locked)


def test_a_query_of_cards_is_told_from_a_question(forge):
    asked = forge("search", "deck:Biology", "two words", code=2)
    assert "hint: ankiforge list deck:Biology 'two words'" in asked.stderr
    assert forge.ok("search", "deck: what is it").stdout == ""


def test_what_is_read_no_longer_is_told_from_what_is_gone(forge, tmp_path):
    note = tmp_path / "a.md"
    note.write_text("==A drumlin is a hill of the glacier.==\n")
    forge.ok("run", note)
    forge.ok("forget", note)
    [row] = forge.ok("search", "drumlin of the glacier", "--json").lines
    assert row["highlight"]["presence"] == "unread"
    shown = forge.ok("search", "drumlin of the glacier").stdout
    assert "its source is not read any more" in shown
    assert "gone" not in shown
