"""Passages of papers that a note quotes with their links: one highlight with several ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from samples.pdf_writer import Page, mark, paragraph, write_pdf
from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

TEXT = "Retrieval practice slows forgetting more than reading again does."
OTHER = "Sleep consolidates what was learned before it, in young and old."
NUMBERS = "Of 120 students, 84 recalled more after a week."


def linked(key: str, library: str = "library", page: int = 3) -> str:
    """What Zotero pastes behind a quote."""
    return (
        f"([Byron, 2021, p. {page}](zotero://select/{library}/items/PAPERAA2))"
        f" ([pdf](zotero://open-pdf/{library}/items/ATTACHA2?page={page}&annotation={key}))"
    )


QUOTE = f"- “{TEXT}” {linked('MARKAAA2')}\n"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A Zotero data folder with a paper of three marks."""
    folder = tmp_path / "Zotero"
    folder.mkdir()
    write(folder, library_of())
    return folder


def library_of(group: int | None = None) -> Library:
    marks = (
        Annotation("MARKAAA2", TEXT, page=2, page_label="3"),
        Annotation("MARKBBB2", OTHER, page=2, page_label="3", top=200),
        Annotation("MARKCCC2", NUMBERS, page=2, page_label="3", top=300),
    )
    work = Work(
        "PAPERAA2",
        {"title": "How We Recall", "date": "2021-00-00 2021"},
        creators=(("author", "Ada", "Byron"),),
        attachments=(Attachment("ATTACHA2", "Recall.pdf", marks),),
    )
    return Library((work,)) if group is None else Library((work,), group=group)


def write(folder: Path, *libraries: Library) -> None:
    write_zotero(folder / "zotero.sqlite", list(libraries))


def note(vault: Path, text: str, name: str = "note.md") -> None:
    (vault / name).write_text(text, encoding="utf-8")


def known(forge) -> dict[str, dict[str, Any]]:
    """What the ledger knows, by its key."""
    lines = forge.ok("list", "--no-card", "--json").lines
    return {one["key"]: one for one in lines}


def places(highlight: dict[str, Any]) -> str:
    return " ".join([highlight["uri"], *highlight["links"]])


@pytest.mark.parametrize("order", ["together", "note first", "zotero first"])
def test_a_quote_pasted_from_zotero_is_the_annotation(forge, vault, library, order) -> None:
    note(vault, QUOTE)
    ways = {"together": [(vault, library)], "note first": [(vault,), (library,)]}
    for paths in ways.get(order, [(library,), (vault,)]):
        forge.ok("run", *paths)
    came = forge.json("run", vault, library)

    assert came["highlights"] == {"seen": 3, "new": 0, "changed": 0, "gone": 0, "unchanged": 3}
    [one] = [one for one in known(forge).values() if one["exact"] == TEXT]
    assert "annotation=MARKAAA2" in places(one)
    assert "obsidian://open?vault=notes&file=note" in places(one)
    assert one["key"] == (
        "zotero:user/MARKAAA2"
        if order != "note first"
        else next(k for k in known(forge) if "vault" in k)
    )


def test_without_zotero_a_quote_is_a_highlight_that_has_no_card_yet(forge, vault) -> None:
    note(vault, QUOTE)
    came = forge.json("run", vault)

    assert came["fates"]["no_card"] == 1
    [one] = known(forge).values()
    assert (one["exact"], one["kind"], one["page_label"]) == (TEXT, "highlight", "3")
    assert one["reason"]


@pytest.mark.parametrize("order", ["note first", "zotero first"])
def test_a_quote_that_a_person_cuts_down_is_still_the_annotation(
    forge, vault, library, order
) -> None:
    note(vault, QUOTE)
    for path in (vault, library) if order == "note first" else (library, vault):
        forge.ok("run", path)
    note(vault, QUOTE.replace(TEXT, "Retrieval practice slows forgetting"))
    came = forge.json("run", vault, library)

    assert (came["highlights"]["seen"], came["highlights"]["new"]) == (3, 0)
    assert TEXT in [one["exact"] for one in known(forge).values()], "Zotero tells its words"
    assert came["problems"] == []


def test_a_quote_cut_down_before_zotero_is_read_stays_one(forge, vault, library) -> None:
    note(vault, f"“{NUMBERS}” {linked('MARKCCC2')}\n")
    forge.ok("run", vault)
    note(vault, f"“84 recalled more” {linked('MARKCCC2')}\n")
    came = forge.json("run", vault)

    assert (came["highlights"]["new"], came["highlights"]["changed"]) == (0, 1)
    assert forge.json("run", vault, library)["highlights"]["seen"] == 3


def test_an_annotation_quoted_in_two_notes_is_one(forge, vault, library) -> None:
    note(vault, QUOTE)
    note(vault, f"> “{TEXT}” {linked('MARKAAA2')}\n", "other.md")

    assert forge.json("run", vault)["highlights"]["seen"] == 1
    assert forge.json("run", vault, library)["highlights"]["seen"] == 3
    [one] = [one for one in known(forge).values() if one["exact"] == TEXT]
    assert "file=note" in places(one)
    assert "file=other" in places(one)


def test_a_quote_says_which_library_it_is_from(forge, vault, library) -> None:
    write(library, library_of(), library_of(group=77))
    note(vault, f"“{TEXT}” {linked('MARKAAA2', 'groups/77')}\n")
    forge.ok("run", library)
    forge.ok("run", vault)

    ways = {key: places(one) for key, one in known(forge).items() if one["exact"] == TEXT}
    assert "obsidian://" in ways["zotero:group.77/MARKAAA2"]
    assert "obsidian://" not in ways["zotero:user/MARKAAA2"]
    assert len(ways) == 2


@pytest.mark.parametrize("order", ["note first", "zotero first"])
def test_what_is_marked_in_a_quote_makes_its_card_with_zotero_too(
    forge, vault, library, order
) -> None:
    note(vault, QUOTE.replace("slows forgetting", "==slows forgetting=="))
    for path in (vault, library) if order == "note first" else (library, vault):
        forge.ok("run", path)
    came = forge.json("run", vault, library)

    assert came["highlights"]["seen"] == 3
    [card] = forge.cards()
    assert card["fields"]["Text"].startswith("Retrieval practice {{c1::slows forgetting}} more")
    note(vault, QUOTE)
    forge.ok("run", vault, library)
    [one] = forge.cards()
    assert one["highlight"] == card["highlight"]


def test_a_link_to_the_paper_and_equal_words_are_enough(forge, vault, library) -> None:
    note(
        vault,
        f"> {OTHER}\n\n[p. 3](zotero://open-pdf/library/items/ATTACHA2?page=3)\n\n"
        f'<mark class="hltr-red">"{NUMBERS}"</mark> [Byron](zotero://select/library/items/PAPERAA2)\n',
    )
    came = forge.json("run", vault, library)

    assert came["highlights"]["seen"] == 3


@pytest.mark.parametrize("order", ["note first", "paper first"])
def test_a_quote_pasted_from_a_pdf_in_obsidian_is_the_mark_in_it(
    forge, vault, tmp_path, order
) -> None:
    paper = tmp_path / "papers" / "Recall of 2021.pdf"
    paper.parent.mkdir()
    write_pdf(paper, [Page(tuple(map(paragraph, (TEXT, OTHER))), (mark(TEXT), mark("Sleep")))])
    link = "Recall of 2021.pdf#page=1&selection=0,0,0,20&color=yellow"
    note(
        vault,
        f"> [!PDF|yellow] [[{link}|Recall of 2021, p.1]]\n> > {TEXT}\n> \n> my words\n\n"
        f"> [!PDF|red] [[{link}|Recall of 2021, p.1]]\n> > Sleep\n",
    )
    for path in (vault, paper) if order == "note first" else (paper, vault):
        forge.ok("run", path)
    came = forge.json("run", vault, paper)

    assert came["highlights"]["seen"] == 2
    exacts = {one["exact"]: places(one) for one in known(forge).values()}
    assert exacts.keys() == {TEXT, "Sleep"}
    assert all("obsidian://open?vault=notes&file=note" in place for place in exacts.values())


def test_a_quote_taken_out_of_the_note_leaves_the_annotation(
    forge, vault, library, no_waiting
) -> None:
    note(vault, QUOTE + "\n==Something== else stays.\n")
    forge.ok("run", vault, library)
    note(vault, "==Something== else stays.\n")
    forge.ok("run", vault, library)
    came = forge.json("run", vault, library)

    assert came["highlights"]["seen"] == 4
    assert came["highlights"]["gone"] == 0
    assert "obsidian://" not in places(known(forge)["zotero:user/MARKAAA2"])


def test_the_readers_words_beside_a_quote_are_his_comment(forge, vault) -> None:
    note(vault, QUOTE + "    - ? What slows forgetting?\n")
    forge.ok("run", vault)

    [card] = forge.cards()
    assert card["fields"] == {"Front": "What slows forgetting?", "Back": TEXT}


def test_notes_without_such_links_read_as_before(forge, vault) -> None:
    note(vault, "“A quote” ([Doe](https://x.org/a.pdf#page=2)) with a ==mark==.\n")
    [one] = forge.ok("extract", vault, "--json").lines

    assert one["exact"] == "“A quote” (Doe) with a mark."
    assert one["links"] == ["https://x.org/a.pdf#page=2"]
    assert json.dumps(one["gaps"]) == "[[23, 27]]"


@pytest.mark.parametrize("order", ["note first", "zotero first"])
def test_a_comment_that_links_to_its_annotation_too_is_no_passage(
    forge, vault, library, order
) -> None:
    said = "I wonder whether that holds for music"
    link = "[Page 3](zotero://open-pdf/library/items/ATTACHA2?page=3&annotation=MARKAAA2)"
    note(vault, f'<mark class="hltr-yellow">"{TEXT}"</mark> {link}\n\n{said} {link}\n')
    for path in (vault, library) if order == "note first" else (library, vault):
        forge.ok("run", path)
    came = forge.json("run", vault, library)

    assert came["highlights"]["seen"] == 3
    assert [one["exact"] for one in known(forge).values() if said in one["exact"]] == []


@pytest.mark.parametrize("first", ["vault", "zotero"])
def test_other_words_with_a_link_to_a_mark_are_not_that_mark(forge, vault, library, first) -> None:
    """A link copied to the wrong place: nobody's words may vanish by it."""
    words = "Elephants remember the way to water for many years."
    note(vault, f"- “{words}” {linked('MARKAAA2')}\n")
    paths = (vault, library) if first == "vault" else (library, vault)
    forge.ok("run", paths[0])
    forge.ok("run", *paths)
    found = known(forge)
    assert len(found) == 4
    assert {one["exact"] for one in found.values()} == {TEXT, OTHER, NUMBERS, words}
