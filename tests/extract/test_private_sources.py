"""The tag counts wherever a program keeps tags: of a file, a page, a reply, an outline."""

import json
from pathlib import Path

import pytest

pytest.importorskip("mcp")

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
from tests.ways_out import all_that_leaves

PRIVATE = "A zebrafish lives in Ward Nine."
PUBLIC = "The harbour of Ghent is open."


def outline(text: str):
    def write(folder: Path) -> str:
        (folder / "texts").mkdir()
        text_with_words = text.format(private=f"=={PRIVATE}==", public=f"=={PUBLIC}==")
        (folder / "texts" / "a.txt").write_text(text_with_words, encoding="utf-8")
        return "{markdown: {name: texts, path: texts}}"

    return write


def readwise(*rows: str):
    def write(folder: Path) -> str:
        head = "Highlight,Book Title,Note,Tags,Document tags"
        lines = [row.format(private=PRIVATE, public=PUBLIC) for row in rows]
        (folder / "readwise.csv").write_text("\n".join([head, *lines]))
        return "{readwise: {path: readwise.csv}}"

    return write


def koreader(folder: Path) -> str:
    """A book about which its reader wrote the tag, and another one."""
    for title, words, note in (("One", PRIVATE, "mine #no-llm"), ("Two", PUBLIC, "good")):
        path = folder / "books" / f"{title}.sdr" / "metadata.epub.lua"
        write_sidecar(path, Book(title), [Mark(words)], summary={"note": note})
    return "{koreader: {path: books}}"


def papers(folder: Path) -> str:
    """A PDF whose subject is the tag, and another one."""
    for title, words, subject in (("One", PRIVATE, "#no-llm"), ("Two", PUBLIC, "ports")):
        pages = [pdf_writer.Page([pdf_writer.paragraph(words)], [pdf_writer.mark(words)])]
        path = folder / "papers" / f"{title}.pdf"
        path.parent.mkdir(exist_ok=True)
        pdf_writer.write_pdf(path, pages, title=title, fields={"/Subject": subject})
    return "{pdf: {name: papers, path: papers}}"


def zotero(*, attached: tuple[str, ...] = (), automatic: tuple[str, ...] = ()):
    def write(folder: Path) -> str:
        secret = Attachment(
            "ATTACH01",
            "a.pdf",
            (Annotation("MARK0001", PRIVATE, comment="of zebrafish"),),
            tags=attached,
        )
        shown = Attachment("ATTACH02", "b.pdf", (Annotation("MARK0002", PUBLIC),))
        first = Work(
            "WORK0001", {"title": "One"}, automatic_tags=automatic, attachments=(secret,)
        )
        second = Work("WORK0002", {"title": "Two"}, attachments=(shown,))
        (folder / "Zotero").mkdir()
        write_zotero(folder / "Zotero" / "zotero.sqlite", [Library((first, second))])
        return "{zotero: {name: library, path: Zotero}}"

    return write


def two_files(folder: Path) -> str:
    """Only one of two files of a work has the tag."""
    secret = Attachment(
        "ATTACH01", "a.pdf", (Annotation("MARK0001", PRIVATE),), tags=("no-llm",)
    )
    shown = Attachment("ATTACH02", "b.pdf", (Annotation("MARK0002", PUBLIC),))
    note = Note("NOTE0001", f"<p>{PRIVATE}</p>", tags=("No-LLM",))
    work = Work("WORK0001", {"title": "One"}, attachments=(secret, shown), notes=(note,))
    (folder / "Zotero").mkdir()
    write_zotero(folder / "Zotero" / "zotero.sqlite", [Library((work,))])
    return "{zotero: {name: library, path: Zotero}}"


def hypothesis(*annotations: dict):
    def write(folder: Path) -> str:
        rows = []
        for number, annotation in enumerate(annotations):
            row = {"id": f"id{number}", "uri": "https://x.test/a", "created": str(number)}
            if "exact" in annotation:
                quote = {"type": "TextQuoteSelector", "exact": annotation["exact"]}
                row["target"] = [{"selector": [quote]}]
            rows.append({**row, **annotation})
        (folder / "export.json").write_text(json.dumps({"rows": rows}))
        return "{hypothesis: {path: export.json}}"

    return write


SHOWN_PAGE = {"uri": "https://x.test/b", "exact": PUBLIC}
PLACES = {
    "item": outline("- {public}\n\n- mine #no-llm\n\n    {private}\n"),
    "item below a tagged item": outline("- mine #no-llm\n\t- {private}\n- {public}\n"),
    "two blanks below a number": outline("1. mine #no-llm\n  - {private}\n2. {public}\n"),
    "one blank, after an empty line": outline("- mine #no-llm\n\n {private}\n\n{public}\n"),
    "two levels": outline("- mine\n  #no-llm\n  - a\n    - {private}\n- {public}\n"),
    "code": outline("* mine #no-llm\n        {private}\n\n* {public}\n"),
    "row of a book, the second": readwise(
        "{private},A,,,", "Another mark of zebrafish,A,,,no-llm", "{public},B,,,"
    ),
    "row of a book, among others": readwise(
        "{private},A,,,fish", '{private} Two.,A,,,"fish, No-LLM"', "{public},B,,,fish"
    ),
    "attachment": zotero(attached=("no-llm",)),
    "attachment, nested": zotero(attached=("no-llm/ward",)),
    "automatic tag": zotero(automatic=("No-LLM",)),
    "automatic tag, another sign": zotero(automatic=("no_llm",)),
    "one of two files": two_files,
    "what a reader wrote of a whole book": koreader,
    "subject of a PDF": papers,
    "reply": hypothesis(
        {"exact": PRIVATE},
        {"text": "so it is", "tags": ["no-llm"], "references": ["id0"]},
        SHOWN_PAGE,
    ),
    "page note": hypothesis(
        {"exact": PRIVATE}, {"text": "about zebrafish", "tags": ["No-LLM"]}, SHOWN_PAGE
    ),
}  # fmt: skip


@pytest.mark.parametrize("write", PLACES.values(), ids=PLACES)
def test_the_tag_counts_where_a_program_keeps_tags(forge, fake, write):
    source = write(forge.folder)
    with fake.LlmServer() as server:
        sent = all_that_leaves(forge, server, source)
    assert "zebrafish" not in sent
    assert "harbour" in sent
