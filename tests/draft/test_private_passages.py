"""What is marked `#no-llm` is in no request, wherever else the same words stand."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ankiforge.extract.files import TICK_NS
from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

CANARY = "The zebrafish quarantine of Ward Nine began without any notice to the staff"
OPEN = "Spacing improves the retention of facts over many weeks and months"
DOI = "10.5555/quarantine"


class Place:
    """A workspace with a vault, PDFs, and a Zotero library, and a model that gets every passage."""

    def __init__(self, forge: Any, server: Any) -> None:
        self.forge, self.server = forge, server
        self.folder: Path = forge.folder

    def settings(self, *sources: str) -> None:
        self.forge.drafting(self.server.base_url, *sources)

    def note(self, name: str, text: str) -> Path:
        path = self.folder / "notes" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def paper(self, name: str, *, comment: str = "", marked: str = CANARY) -> None:
        """A PDF with the passage and another one."""
        path = self.folder / "papers" / name
        path.parent.mkdir(exist_ok=True)
        blocks = (
            heading("Ward Nine", level=0),
            paragraph(f"{CANARY}."),
            paragraph(f"{OPEN}."),
        )
        marks = [mark(marked, comment=comment)] if marked else []
        write_pdf(path, [Page(blocks, marks)], title="Ward Nine")

    def library(self, *works: Work) -> None:
        folder = self.folder / "Zotero"
        folder.mkdir(exist_ok=True)
        (folder / "zotero.sqlite").unlink(missing_ok=True)
        write_zotero(folder / "zotero.sqlite", [Library(works)])

    def run(self) -> None:
        """Run twice, as what is gone must be missed twice; the words must be in no request."""
        for _ in range(2):
            self.forge.ok("run")
            for word in ("zebrafish", "quarantine of"):
                assert word not in json.dumps(self.server.asked)


def work(key: str, *annotations: Annotation, tags: tuple[str, ...] = ()) -> Work:
    return Work(
        key,
        {"title": "Ward Nine", "DOI": DOI, "date": "2021-00-00 2021"},
        creators=(("author", "Ada", "Byron"),),
        tags=tags,
        attachments=(Attachment(f"AT{key[2:]}", f"{key}.pdf", annotations),),
    )


VAULT = "{obsidian: {name: notes, path: notes}}"
PAPERS = "{pdf: {name: papers, path: papers}}"
ZOTERO = "{zotero: {name: library, path: Zotero}}"


@pytest.fixture
def place(forge, fake: ModuleType, no_waiting) -> Iterator[Place]:
    with fake.LlmServer() as server:
        yield Place(forge, server)


def a_new_quote(place: Place) -> None:
    """A note marks the words that another note keeps private."""
    place.settings(VAULT)
    place.note("Secret.md", f"=={CANARY}== #no-llm\n")
    place.note("Row.md", f"=={OPEN}==\n")
    place.run()
    place.note("Quote.md", f"> {CANARY}\n\n=={CANARY}==\n")
    place.run()


def half_a_sentence(place: Place) -> None:
    """Another note marks only a part of the private sentence."""
    place.settings(VAULT)
    place.note("Secret.md", f"{CANARY}. #no-llm\n\n=={OPEN}==\n")
    place.note("Half.md", "==The zebrafish quarantine of Ward Nine==\n")
    place.run()


def a_quote_without_the_tagged_note(place: Place) -> None:
    """The note with the tag is gone before, or after, another one marks its words."""
    place.settings(VAULT)
    secret = place.note("Secret.md", f"---\ntags: [no-llm]\n---\n=={CANARY}==\n")
    place.note("Copy.md", f"# Copy\n\n=={CANARY}==\n")
    place.note("Row.md", f"=={OPEN}==\n")
    place.run()
    secret.unlink()
    place.run()
    place.note("Later.md", f"Once more: =={CANARY}==\n")
    place.run()


def a_new_pdf(place: Place) -> None:
    """The paper that a private note quotes comes later, marked and without the tag."""
    place.settings(VAULT, PAPERS)
    (place.folder / "papers").mkdir()
    place.note("Secret.md", f"=={CANARY}== #no-llm\n\n=={OPEN}==\n")
    place.run()
    place.paper("Ward.pdf")
    place.run()


def a_private_mark_of_a_pdf(place: Place) -> None:
    """The mark of the paper has the tag; a note that quotes it has none."""
    place.settings(VAULT, PAPERS)
    place.paper("Ward.pdf", comment="#no-llm")
    place.note("Row.md", f"=={OPEN}==\n")
    place.run()
    place.note("Quote.md", f"=={CANARY}==\n")
    place.run()
    place.paper("Ward.pdf", marked="")  # the mark is taken out of the paper
    place.run()


def a_union(place: Place) -> None:
    """A second entry of the same paper, without the tag, is united with the first by its DOI."""
    place.settings(ZOTERO, VAULT)
    place.note("Row.md", f"=={OPEN}==\n")
    secret = work("PRIVATE1", Annotation("MARKAAA1", CANARY, comment="#no-llm"))
    place.library(secret)
    place.run()
    place.library(secret, work("SECOND01", Annotation("MARKBBB2", CANARY)))
    place.run()
    place.library(work("SECOND01", Annotation("MARKBBB2", CANARY)))
    place.run()


def a_private_item(place: Place) -> None:
    """The tag is the Zotero item's; a note quotes one of its marks."""
    place.settings(ZOTERO, VAULT)
    place.note("Row.md", f"=={OPEN}==\n")
    place.library(work("PRIVATE1", Annotation("MARKAAA1", CANARY), tags=("no-llm",)))
    place.run()
    place.note("Quote.md", f"---\ndoi: {DOI}\n---\n=={CANARY}==\n")
    place.run()


def words_beside_a_mark(place: Place) -> None:
    """The words stand, unmarked, in the paragraph of another mark."""
    place.settings(VAULT)
    place.note("Secret.md", f"=={CANARY}== #no-llm\n")
    place.note("Row.md", f"=={OPEN}==. {CANARY}.\n")
    place.run()


def a_note_that_gains_the_tag(place: Place) -> None:
    """The words stand in a note that was read before, and is not read again."""
    place.settings(VAULT)
    place.note("Row.md", f"=={OPEN}==. {CANARY}.\n")
    secret = place.note("Secret.md", f"{CANARY}\n")
    place.forge.ok("run", "--drafter", "rules")
    secret.write_text(f"{CANARY}\n\n#No-LLM\n")
    place.run()


def a_title_and_a_heading(place: Place) -> None:
    """The title of a note, and a heading of another one, repeat a private mark."""
    place.settings(VAULT)
    place.note(f"{CANARY}.md", f"=={OPEN}==\n")
    place.note("Heading.md", f"# {CANARY}\n\n=={OPEN[::-1]}==\n")
    place.note("Secret.md", f"=={CANARY}== #no-llm\n")
    place.run()


def a_note_of_a_kindle_where_two_marks_end(place: Place) -> None:
    """Which of two marks at one place has the note, nobody can tell: in one file, or in two."""
    place.settings("{kindle: {name: kindle, path: Kindle}}")
    (place.folder / "Kindle").mkdir()
    secret = [("Highlight", 10, CANARY), ("Note", 10, "#no-llm")]
    others = [
        ("Highlight", 10, "A harbour was dug by hand"),
        ("Highlight", 90, OPEN),
    ]
    for name, entries in {"one": secret + others, "two": secret, "three": others}.items():
        text = "".join(
            f"A Book of {name}s (Ada)\n- Your {kind} on Location {at} | Added on 6 May 2019\n\n"
            f"{words}\n==========\n"
            for kind, at, words in entries
        )
        text = text.replace("three", "two")  # of the same book
        (place.folder / "Kindle" / f"{name}.txt").write_text(text, encoding="utf-8")
    place.run()


@pytest.mark.parametrize(
    "history",
    [
        a_new_quote, half_a_sentence, a_quote_without_the_tagged_note, a_new_pdf,
        a_private_mark_of_a_pdf, a_union,
        a_private_item, words_beside_a_mark, a_note_that_gains_the_tag, a_title_and_a_heading,
        a_note_of_a_kindle_where_two_marks_end,
    ],
    ids=lambda one: one.__name__,
)  # fmt: skip
def test_private_words_are_in_no_request(place, history):
    history(place)
    assert (
        any("retention" in json.dumps(one) for one in place.server.asked)
        or history is a_new_pdf
    )


@pytest.mark.parametrize(
    "words", [f"=={CANARY}== #no-llm", f"[{CANARY}](https://x.test) #no-llm"]
)
def test_words_are_sent_again_when_the_tag_is_taken_away(place, words):
    place.settings(VAULT)
    secret = place.note("Secret.md", f"{words}\n")
    place.note("Row.md", f"=={OPEN}==. {CANARY}.\n")
    place.run()
    secret.write_text(words.replace("#no-llm", "") + "\n")
    time.sleep(3 * TICK_NS / 1e9)  # a file of this very moment may still change unseen
    place.forge.ok("run")
    place.note("Row.md", f"=={OPEN}, it is said==. {CANARY}.\n")
    place.forge.ok("run")
    assert "zebrafish" in json.dumps(place.server.asked)


def test_a_note_whose_front_matter_cannot_be_read_is_kept_here_and_named(place):
    place.settings(VAULT)
    place.note("Broken.md", f"---\ntitle: A: B\n---\n=={CANARY}==\n")
    place.note("Row.md", f"=={OPEN}==\n")
    told = place.forge("run")
    assert "zebrafish" not in json.dumps(place.server.asked)
    assert "Broken.md" in told.stderr + told.stdout
    assert "nothing of it is sent to a model" in told.stderr + told.stdout


def test_a_run_of_one_note_sends_only_its_own_passages(place, fake):
    """Whatever else waits for a draft, here 500 passages that were read without a model."""
    place.settings(VAULT)
    for number in range(50):
        facts = (
            f"==Fact {number} {at} is one of the five hundred.==\n" for at in range(10)
        )
        place.note(f"Old {number}.md", "\n".join(facts))
    place.forge.ok("run", "--drafter", "rules")
    place.note("a.md", "==Alpha is the first fact of them all.==\n")
    place.forge.ok("run", place.folder / "notes" / "a.md", "--drafter", "llm")
    place.forge.ok("run", place.folder / "notes" / "a.md", "--drafter", "llm")

    sent = [words for request in place.server.asked for _, words in fake.marked(request)]
    assert sent == ["Alpha is the first fact of them all."]


def test_a_limit_counts_only_what_may_be_sent(place, fake):
    place.settings(VAULT)
    place.note("a.md", "==Alpha is the first fact of them all.== #no-llm\n")
    place.note("b.md", "==Beta is the other fact of them all.==\n")
    place.forge.ok("run", "--limit", "1")

    sent = [words for request in place.server.asked for _, words in fake.marked(request)]
    assert sent == ["Beta is the other fact of them all."]
