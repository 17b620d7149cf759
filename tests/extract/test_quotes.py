"""Passages of papers that a note quotes with their links: one highlight with several ways."""

from pathlib import Path
from typing import Any

import pytest

from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

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


def library_of(group: int | None = None, text: str = TEXT) -> Library:
    marks = (
        Annotation("MARKAAA2", text, page=2, page_label="3"),
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
    lines = forge.ok("list", "--no-card", "--all", "--json").lines
    return {one["key"]: one for one in lines if one["key"]}


def test_without_zotero_a_quote_is_a_highlight_that_has_no_card_yet(forge, vault):
    forge.settings("")  # without proposals
    note(vault, QUOTE)
    came = forge.json("run", vault)

    assert came["state"]["highlights"]["without"] == 1
    [one] = known(forge).values()
    assert (one["exact"], one["kind"], one["page_label"]) == (TEXT, "highlight", "3")
    assert one["reason"]


def test_an_annotation_that_is_corrected_while_its_note_is_renamed_is_the_same(
    forge, vault, library
):
    forge.settings("")  # without proposals
    note(vault, f"{QUOTE}\n{OTHER.replace('Sleep', 'A long night of sleep')}\n")
    note(vault, QUOTE, "other note.md")
    assert forge.json("run", vault, library)["highlights"]["seen"] == 3
    before = set(known(forge))
    assert len(before) == 3
    (vault / "note.md").rename(vault / "reading.md")
    write(library, library_of(text=TEXT.replace("slows", "slowed")))

    assert forge.json("run", vault, library)["highlights"]["new"] == 0
    assert set(known(forge)) == before
    assert "slowed" in known(forge)["zotero:user/MARKAAA2"]["exact"]


def test_the_readers_words_beside_a_quote_are_his_comment(forge, vault):
    note(vault, f"> “{TEXT}” {linked('MARKAAA2')}\n>\n> ? What slows forgetting?\n")
    forge.ok("run", vault)

    [card] = forge.cards()
    assert card["fields"] == {"Front": "What slows forgetting?", "Back": TEXT}
