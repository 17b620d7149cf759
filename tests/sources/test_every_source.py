"""The tests of `suite`, for each source: what its files look like."""

import json
import shutil
from pathlib import Path

import pytest

from ankiforge.extract import registry
from ankiforge.extract.exports import MAX_EXPORT_BYTES
from tests.makers.ebook_writer import (
    Book,
    Lookup,
    Mark,
    write_apple,
    write_calibre,
    write_kindle_words,
    write_kobo,
    write_sidecar,
)
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero
from tests.plug_ins import FOLIATE, plug_in
from tests.sources.suite import FIRST, SECOND, EverySource, FolderSuite


def test_the_kinds_that_the_settings_show_by_an_example_or_only_name():
    assert registry.list_kinds_without_example()[:2] == ("epub", "jupyter")
    assert registry.list_kinds_without_example()[-1] == "markdown"
    assert "obsidian" not in registry.list_kinds_without_example()
    assert registry.find_source_type("nothing") is None
    assert registry.find_source_type("pdf") is registry.load_source_type("pdf")


class TestObsidian(FolderSuite):
    kind = "obsidian"
    ending = ".md"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        path.write_text(f"A ==passage: {passage}== {comment}\n")


class TestMarkdown(FolderSuite):
    kind = "markdown"
    ending = ".markdown"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        path.write_text(f"A ==passage: {passage}== {comment}\n")


class TestJupyter(FolderSuite):
    kind = "jupyter"
    ending = ".ipynb"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        cell = {"cell_type": "markdown", "source": f"A ==passage: {passage}== {comment}"}
        path.write_text(json.dumps({"nbformat": 4, "cells": [cell]}))


class TestPdf(FolderSuite):
    kind = "pdf"
    ending = ".pdf"
    largest = 0

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        page = Page((paragraph(f"{passage}."),), (mark(passage, comment=comment),))
        write_pdf(path, [page], title=path.stem)

    def close(self, closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Break it: a process of its own opens PDFs, in which nothing can be patched."""
        closed.write_bytes(b"%PDF-1.7\n" + b"\0" * 100)


class ExportSuite(FolderSuite):
    """The tests of an export."""

    largest = MAX_EXPORT_BYTES


class TestKindle(ExportSuite):
    kind = "kindle"
    ending = ".txt"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        entries = [("Highlight", passage)]
        if comment:
            entries.append(("Note", comment))
        when = "Location 10 | Added on Thursday, January 1, 2015"
        path.write_text(
            "".join(f"A Book (Ada)\n- Your {name} on {when}\n\n{words}\n{'=' * 10}\n" for name, words in entries)
        )  # fmt: skip


class TestReadwise(ExportSuite):
    kind = "readwise"
    ending = ".csv"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        path.write_text(f"Highlight,Book Title,Note\n{passage},A Book,{comment}\n")


class TestCards(ExportSuite):
    kind = "cards"
    ending = ".csv"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        path.write_text(f"Text,Back,Tags\n{{{{c1::{passage}}}}},,{comment}\n")


class TestHypothesis(ExportSuite):
    kind = "hypothesis"
    ending = ".json"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        selector = {"type": "TextQuoteSelector", "exact": passage}
        annotation = {
            "id": path.stem,
            "uri": "https://example.org/a",
            "text": comment,
            "target": [{"selector": [selector]}],
        }
        path.write_text(json.dumps({"rows": [annotation]}))


BOOK = Book("A Book", ("Ada",), (("One", f"{FIRST}. {SECOND}."),))


class TestKOReader(FolderSuite):
    kind = "koreader"
    ending = ".epub.lua"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        write_sidecar(path, BOOK, [Mark(passage, comment)])


class DatabaseSuite(FolderSuite):
    """The tests of a source that reads databases of marks."""

    largest = 0

    def unreadable(self, root: Path, closed: Path) -> tuple[Path, ...]:
        return (root, closed)


class TestKobo(DatabaseSuite):
    kind = "kobo"
    ending = ".sqlite"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        write_kobo(path, [(BOOK, "a.epub", [Mark(passage, comment)])])


class TestWords(DatabaseSuite):
    kind = "words"
    ending = ".db"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        write_kindle_words(
            path, [Lookup(f"{passage} {comment}".strip(), "It says ", ".")]
        )


class TestCalibre(DatabaseSuite):
    kind = "calibre"
    ending = ".db"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        write_calibre(
            path, [(BOOK, "Ada/A Book (1)/A Book - Ada.epub", [Mark(passage, comment)])]
        )


class TestAppleBooks(DatabaseSuite):
    kind = "apple-books"
    ending = ".sqlite"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        written = path.parent / f"written-{path.stem}"
        write_apple(written, [(BOOK, "/Books/a.epub", [Mark(passage, comment)])])
        [database] = written.glob("AEAnnotation/*.sqlite")
        database.rename(path)
        shutil.rmtree(written)


class TestZotero(EverySource):
    kind = "zotero"
    ending = ".sqlite"

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        self._library(path, Annotation("MARKAAA1", passage, comment=comment))

    def make(self, root: Path) -> None:
        root.mkdir()
        marks = (Annotation("MARKAAA1", FIRST), Annotation("MARKAAA2", SECOND))
        self._library(root / "a.sqlite", *marks)

    def _library(self, path: Path, *marks: Annotation) -> None:
        attachment = Attachment("ATTACH01", "a.pdf", marks)
        work = Work("PAPER001", {"title": "A Paper"}, attachments=(attachment,))
        write_zotero(path, [Library((work,))])
        write_zotero(path.with_name("zotero.sqlite"), [Library((work,))])


class TestFoliate(FolderSuite):
    """The plug-in of `examples/plugin/README.md`."""

    kind = "foliate"
    ending = ".json"

    @pytest.fixture(autouse=True)
    def installed(self, tmp_path_factory):
        with plug_in(tmp_path_factory.mktemp("site"), FOLIATE):
            yield

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        annotation = {"value": "epubcfi(/6/8!/4/2)", "text": passage, "note": comment}
        path.write_text(json.dumps({"annotations": [annotation]}))


def test_every_source_is_tested():
    tested = {test.kind for name, test in globals().items() if name.startswith("Test")}
    # in these nothing can be marked: tests/draft/test_choose_passages.py, test_captions.py
    unmarked = {"epub", "web", "captions"}
    assert tested == {*registry.list_source_kinds(), "foliate"} - unmarked
