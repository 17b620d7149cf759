"""The tag counts wherever a program keeps tags: of a file, a page, a reply, an outline."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from tests.laws.test_private_readers import leaving, sent_of, sentence
from tests.makers import pdf_writer
from tests.makers.ebook_writer import Book, Mark, write_sidecar
from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    write_zotero,
)

Place = Callable[[Path, str, str], str]
"""Writes a private and a public sentence into a folder; returns the kind of the source."""


def file(kind: str, name: str, text: str) -> Place:
    """A file with PRIVATE and PUBLIC in it."""

    def write(folder: Path, private: str, public: str) -> str:
        words = text.replace("PRIVATE", private).replace("PUBLIC", public)
        (folder / name).write_text(words, encoding="utf-8")
        return kind

    return write


def outline(text: str) -> Place:
    marked = text.replace("PRIVATE", "==PRIVATE.==").replace("PUBLIC", "==PUBLIC.==")
    return file("markdown", "a.txt", marked)


def readwise(*rows: str) -> Place:
    head = "Highlight,Book Title,Note,Tags,Document tags"
    return file("readwise", "a.csv", "\n".join([head, *rows]))


def koreader(folder: Path, private: str, public: str) -> str:
    """A book about which its reader wrote the tag, and another one."""
    for title, words, note in (("One", private, "mine #no-llm"), ("Two", public, "good")):
        path = folder / f"{title}.sdr" / "metadata.epub.lua"
        write_sidecar(path, Book(title), [Mark(words)], summary={"note": note})
    return "koreader"


def papers(folder: Path, private: str, public: str) -> str:
    """A PDF whose subject is the tag, and another one."""
    for title, words, subject in (("One", private, "#no-llm"), ("Two", public, "ports")):
        pages = [pdf_writer.Page([pdf_writer.paragraph(words)], [pdf_writer.mark(words)])]
        fields = {"/Subject": subject}
        pdf_writer.write_pdf(folder / f"{title}.pdf", pages, title=title, fields=fields)
    return "pdf"


def attached_file(words: str, **options: Any) -> Attachment:
    """A file with a mark, which has a comment; no other sentence gives the same keys."""
    key = words[:4].upper()
    mark = Annotation(f"MARK{key}", words, comment=f"of {words.split()[0]}")
    return Attachment(f"FILE{key}", f"{key}.pdf", (mark,), **options)


def zotero(*, attached: tuple[str, ...] = (), automatic: tuple[str, ...] = ()) -> Place:
    def write(folder: Path, private: str, public: str) -> str:
        secret = attached_file(private, tags=attached)
        key = secret.key.replace("FILE", "WORK")
        first = Work(
            key, {"title": "One"}, automatic_tags=automatic, attachments=(secret,)
        )
        shown = attached_file(public)
        key = shown.key.replace("FILE", "WORK")
        second = Work(key, {"title": "Two"}, attachments=(shown,))
        write_zotero(folder / "zotero.sqlite", [Library((first, second))])
        return "zotero"

    return write


def two_files(folder: Path, private: str, public: str) -> str:
    """Only one of two files of a work has the tag."""
    secret, shown = attached_file(private, tags=("no-llm",)), attached_file(public)
    note = Note("NOTE0001", f"<p>{private}</p>", tags=("No-LLM",))
    work = Work("WORK0001", {"title": "One"}, attachments=(secret, shown), notes=(note,))
    write_zotero(folder / "zotero.sqlite", [Library((work,))])
    return "zotero"


def hypothesis(*annotations: dict[str, Any]) -> Place:
    rows = []
    for number, annotation in enumerate(annotations):
        row = {"id": f"id{number}", "uri": "https://x.test/a", "created": str(number)}
        if "exact" in annotation:
            quote = {"type": "TextQuoteSelector", "exact": annotation["exact"]}
            row["target"] = [{"selector": [quote]}]
        rows.append({**row, **annotation})
    return file("hypothesis", "a.json", json.dumps({"rows": rows}))


SHOWN_PAGE = {"uri": "https://x.test/b", "exact": "PUBLIC"}
PLACES = {
    "item": outline("- PUBLIC\n\n- mine #no-llm\n\n    PRIVATE\n"),
    "item below a tagged item": outline("- mine #no-llm\n\t- PRIVATE\n- PUBLIC\n"),
    "two blanks below a number": outline("1. mine #no-llm\n  - PRIVATE\n2. PUBLIC\n"),
    "one blank, after an empty line": outline("- mine #no-llm\n\n PRIVATE\n\nPUBLIC\n"),
    "two levels": outline("- mine\n  #no-llm\n  - a\n    - PRIVATE\n- PUBLIC\n"),
    "code": outline("* mine #no-llm\n        PRIVATE\n\n* PUBLIC\n"),
    "row of a book, the second": readwise(
        "PRIVATE,A,,,", "Another mark,A,,,no-llm", "PUBLIC,B,,,"
    ),
    "row of a book, among others": readwise(
        "PRIVATE,A,,,fish", 'PRIVATE Two.,A,,,"fish, No-LLM"', "PUBLIC,B,,,fish"
    ),
    "attachment": zotero(attached=("no-llm",)),
    "attachment, nested": zotero(attached=("no-llm/ward",)),
    "automatic tag": zotero(automatic=("No-LLM",)),
    "automatic tag, another sign": zotero(automatic=("no_llm",)),
    "one of two files": two_files,
    "what a reader wrote of a whole book": koreader,
    "subject of a PDF": papers,
    "reply": hypothesis(
        {"exact": "PRIVATE"},
        {"text": "so it is", "tags": ["no-llm"], "references": ["id0"]},
        SHOWN_PAGE,
    ),
    "page note": hypothesis(
        {"exact": "PRIVATE"}, {"text": "about fish", "tags": ["No-LLM"]}, SHOWN_PAGE
    ),
}


def test_the_tag_counts_where_a_program_keeps_tags(forge, fake):
    sources = []
    for number, (name, write) in enumerate(PLACES.items()):
        folder = forge.folder / f"place{number}"
        folder.mkdir()
        kind = write(folder, sentence(name), sentence(f"open {name}"))
        sources.append(f"{{{kind}: {{name: {folder.name}, path: {folder.name}}}}}")
    sent = sent_of(forge, fake, *sources)
    assert leaving(sent, PLACES) == []
    assert [name for name in PLACES if sentence(f"open {name}") not in sent] == []
