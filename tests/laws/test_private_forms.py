"""Every form in which a person can write `#no-llm` keeps its words in, by every way out.

A form is what a program writes: one text, file or database with SECRET where the private words
stand, and a tag where a person put it. Each is read beside a document of the same kind without
the tag, to show that its words would have left.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from tests.laws.test_private_readers import leaving, sent_of, sentence
from tests.makers.ebook_writer import (
    Book,
    Mark,
    write_apple,
    write_calibre,
    write_kobo,
    write_sidecar,
)
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    quoted,
    write_zotero,
)

TAG = "no-llm"

# --- notes ------------------------------------------------------------------------------

FRONT = "---\n{}\n---\n\n==SECRET.==\n"
FRONT_MATTER = {
    "a list": "tags:\n  - diary\n  - no-llm",
    "a list in a line": "tags: [diary, no-llm]",
    "a text": "tags: no-llm",
    "words": "tags: diary no-llm",
    "words and commas": "tags: diary, no-llm",
    "quotes": "tags: ['no-llm']",
    "a sign": "tags:\n  - '#no-llm'",
    "a bare sign": "tags: #no-llm",
    "nested": "tags: [no-llm/diary]",
    "capitals": "Tags: [NO-LLM]",
    "one tag": "tag: no-llm",
    "keywords": "keywords: [no-llm]",
    "categories": "categories:\n- no-llm",
    "a link": "tags:\n  - '[[no-llm]]'",
    "a switch": "no-llm: true",
    "a nested field": "about:\n  tags: [no-llm]",
}
"""Front matter with the tag."""

BLOCKS = {
    "behind": "==SECRET.== #no-llm",
    "before": "#no-llm ==SECRET.==",
    "on the next line": "==SECRET.==\n#no-llm",
    "among words": "It is #no-llm so that ==SECRET.==",
    "in emphasis": "==SECRET.== **#no-llm**",
    "in brackets": "==SECRET.== (#no-llm)",
    "nested": "==SECRET.== #no-llm/diary",
    "behind another tag": "==SECRET.== #diary #no-llm",
    "behind the id of the block": "==SECRET.== #no-llm ^a1b2c3",
    "a link": "==SECRET.== [[no-llm]]",
    "a comment of Obsidian": "==SECRET.== %%#no-llm%%",
    "a comment of HTML": "==SECRET.== <!-- #no-llm -->",
    "a comment on the next line": "==SECRET.==\n%% mine #no-llm %%",
    "code": "==SECRET.== `#no-llm`",
    "HTML": "<mark>SECRET.</mark> #no-llm",
    "a paragraph of HTML": "<p><mark>SECRET.</mark> #no-llm</p>",
    "details": "<details><summary>mine #no-llm</summary>\n\n==SECRET.==\n\n</details>",
    "a list item": "- ==SECRET.== #no-llm",
    "a task": "- [ ] ==SECRET.== #no-llm",
    "a number": "1. ==SECRET.== #no-llm",
    "a child": "- mine #no-llm\n  - ==SECRET.==",
    "a grandchild": "- mine #no-llm\n  - so\n    - ==SECRET.==",
    "a paragraph of an item": "- mine #no-llm\n\n  ==SECRET.==",
    "a quote": "> ==SECRET.== #no-llm",
    "a quote with a line": "> ==SECRET.==\n> #no-llm",
    "a callout": "> [!note] Mine #no-llm\n> ==SECRET.==",
    "a line of a callout": "> [!quote] Mine\n> ==SECRET.== #no-llm",
    "a callout within": "> [!note] Mine #no-llm\n> > [!tip] So\n> > ==SECRET.==",
    "a folded callout": "> [!note]- Mine #no-llm\n> ==SECRET.==",
    "a heading": "## Mine #no-llm\n\n==SECRET.==",
    "a heading above": "## Mine #no-llm\n\n### So\n\n==SECRET.==",
    "a heading with signs behind": "## Mine #no-llm ##\n\n==SECRET.==",
    "an underlined heading": "Mine #no-llm\n-----------\n\n==SECRET.==",
    "a heading of HTML": "<h2>Mine #no-llm</h2>\n\n==SECRET.==",
    "a cell": "| a | b |\n|---|---|\n| ==SECRET.== | #no-llm |",
    "the same cell": "| a | b |\n|---|---|\n| ==SECRET.== #no-llm | so |",
    "the head of a table": "| a #no-llm | b |\n|---|---|\n| ==SECRET.== | so |",
    "an only cell in the head of a table": "| a | #no-llm |\n|---|---|\n| so | ==SECRET.== |",
    "a footnote": "It is so.[^1]\n\n[^1]: ==SECRET.== #no-llm",
    "a footnote of a line": "It is so.[^1] #no-llm\n\n[^1]: ==SECRET.==",
    "a card": "What is it? :: SECRET. #no-llm",
    "a card of lines": "What is it?\n?\nSECRET. #no-llm",
    "a gap": "{{c1::SECRET.}} It is so. #no-llm",
    "a property of a block": "- ==SECRET.==\n  tags:: no-llm",
    "a property with a link": "- ==SECRET.==\n  tags:: [[no-llm]], diary",
    "a property of any name": "- ==SECRET.==\n  about:: mine #no-llm",
    "a field beside": "==SECRET.== (about:: #no-llm)",
    "a picture beside": "==SECRET.== ![#no-llm](a.png)",
    "an address beside": "==SECRET.== [mine #no-llm](https://a.test)",
}
"""Blocks with the tag; the rest of the note may leave."""
HELD = {
    "details",
    "a comment of HTML",
    "a heading of HTML",
    "a property of a block",
    "a property with a link",
    "a property of any name",
}
"""Those for which the whole note stays: less would do."""

WHOLE = {
    "a line": "#no-llm\n\n==SECRET.==",
    "the last line": "==SECRET.==\n\n#no-llm",
    "a line of tags": "Tags: #diary #no-llm\n\n==SECRET.==",
    "a bold line of tags": "**Tags**: #no-llm\n\n==SECRET.==",
    "a property of a page": "tags:: diary, no-llm\n\n- ==SECRET.==",
    "a property, linked": "tags:: [[no-llm]]\n\n- ==SECRET.==",
    "a property in an item": "- tags:: no-llm\n- ==SECRET.==",
    "a comment": "%%\n#no-llm\n%%\n\n==SECRET.==",
    "a comment of HTML": "<!-- #no-llm -->\n\n==SECRET.==",
    "a title": "# Mine #no-llm\n\n==SECRET.==",
    "a field": "[tags:: no-llm]\n\n==SECRET.==",
    "TOML": "+++\ntags = ['no-llm']\n+++\n\n==SECRET.==",
    "keywords of HTML": '<meta name="keywords" content="diary, #no-llm">\n\n==SECRET.==',
    **{
        f"front matter, {name}": FRONT.format(text) for name, text in FRONT_MATTER.items()
    },
}
"""Notes that are private as a whole."""

FOLDERS = ("Mine #no-llm.md", "#no-llm/a.md", "Diary #no-llm/deep/a.md")


def places_of_notes() -> list[tuple[str, str]]:
    """Each form of a note in a vault, and in turn in a folder of texts, of plain texts, and nowhere else."""
    found = []
    for number, name in enumerate({**BLOCKS, **WHOLE}):
        found.append(("vault", name))
        if number % 3:
            found.append((("texts", "plain")[number % 3 - 1], name))
    return found


def note_sources(folder: Path) -> list[str]:
    """Write all forms of notes."""
    for place, name in places_of_notes():
        text = {**BLOCKS, **WHOLE}[name]
        ending = "txt" if place == "plain" else "md"
        words = text.replace("SECRET", sentence(f"{place} {name}"))
        if name in BLOCKS:
            words += f"\n\n# Open\n\n=={sentence(f'open {place} {name}')}.==\n"
        path = folder / place / f"{name}.{ending}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(words, encoding="utf-8")
    for name in FOLDERS:
        path = folder / "vault" / "named" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"=={sentence(f'named {name}')}.==\n")
    return [
        "{obsidian: {name: vault, path: vault}}",
        "{markdown: {name: texts, path: texts}}",
        "{markdown: {name: plain, path: plain}}",
    ]


def note_names() -> tuple[list[str], list[str]]:
    """The names of the private sentences, and of the open ones."""
    private = [f"{place} {name}" for place, name in places_of_notes()]
    private += [f"named {name}" for name in FOLDERS]
    public = [
        f"open {place} {name}"
        for place, name in places_of_notes()
        if name in BLOCKS and name not in HELD
    ]
    return private, public


# --- files and databases of other programs ---------------------------------------------------

Form = Callable[[Path, str], str]
"""Writes a private text into a folder; returns what the settings have after the name."""


def pdf(**options: Any) -> Form:
    """A PDF: `named` is its file, `title`, `subject` and `keywords` are its own, the rest the mark's."""

    def write(folder: Path, words: str) -> str:
        given = dict(options)
        path = folder / given.pop("named", "a.pdf")
        path.parent.mkdir(parents=True, exist_ok=True)
        fields = {
            f"/{name.capitalize()}": given.pop(name)
            for name in ("subject", "keywords", "author")
            if name in given
        }
        title = given.pop("title", "A paper")
        pages = [Page((paragraph(f"{words}."),), [mark(words, **given)])]
        write_pdf(path, pages, title=title, fields=fields)
        return f"pdf: {{path: {folder.name}, "

    return write


def text_file(kind: str, name: str, text: str) -> Form:
    """A file with SECRET in it."""

    def write(folder: Path, words: str) -> str:
        (folder / name).write_text(text.replace("SECRET", words), encoding="utf-8")
        return f"{kind}: {{path: {folder.name}, "

    return write


def book(write_book: Callable[..., object], kind: str, name: str, **options: Any) -> Form:
    """A mark in a book, with a note on the mark, or what else the program keeps of it."""

    def write(folder: Path, words: str) -> str:
        given = dict(options)
        its = Book(
            given.pop("title", f"On {words[:9]}"),
            ("Ada",),
            (("One", f"{words}."),),
            given.pop("subjects", ()),
        )
        marks = [Mark(words, given.pop("note", ""))]
        path = folder / name
        if write_book is write_sidecar:
            write_book(path, its, marks, **given)
        else:
            write_book(path, [(its, "Ada/A Book (1)/A Book - Ada.epub", marks)])
        return f"{kind}: {{path: {folder.name}, "

    return write


def apple(title: str = "", note: str = "") -> Form:
    """A mark in the databases of Apple Books."""

    def write(folder: Path, words: str) -> str:
        its = Book(title or f"On {words[:9]}", ("Ada",), (("One", f"{words}."),))
        write_apple(folder, [(its, "/Books/a.epub", [Mark(words, note)])])
        return f"apple-books: {{path: {folder.name}, "

    return write


def json_file(kind: str, name: str, value: object) -> Form:
    return text_file(kind, name, json.dumps(value))


def notebook(cell: dict[str, Any], **more: Any) -> Form:
    cells = [{"cell_type": "markdown", "source": "==SECRET.==", **cell}]
    return json_file("jupyter", "a.ipynb", {"nbformat": 4, "cells": cells, **more})


def page(*rows: dict[str, Any]) -> Form:
    """Annotations of a page: the first one has the words."""
    uri = "https://a.test/a"
    selectors = [{"type": "TextQuoteSelector", "exact": "SECRET"}]
    all_rows = [
        {"id": f"a{number}", "uri": uri, "created": str(number), **row}
        for number, row in enumerate(rows)
    ]
    all_rows[0]["target"] = [{"selector": selectors}]
    return json_file("hypothesis", "a.json", {"rows": all_rows})


# --- Zotero -----------------------------------------------------------------------------------

ZOTERO: dict[str, dict[str, Any]] = {
    "comment": {"mark": {"comment": "mine #no-llm"}},
    "tag of the mark": {"mark": {"tags": ("no-llm",)}},
    "tag of the file": {"file": {"tags": ("#no-llm",)}},
    "name of the file": {"named": "Mine #no-llm.pdf"},
    "tag of the paper": {"work": {"tags": ("no-llm/diary",)}},
    "automatic tag": {"work": {"automatic_tags": ("no_llm",)}},
    "collection": {"work": {"collections": ("Mine #no-llm",)}},
    "collection above": {"work": {"collections": ("#no-llm/Deep",)}},
    "title of the paper": {"work": {"fields": {"title": "Mine #no-llm"}}},
    "collection of a loose file": {
        "loose": True,
        "file": {"collections": ("Mine #no-llm",)},
    },
    "tag of a loose file": {"loose": True, "file": {"tags": ("no-llm",)}},
    "note": {"note": "<p>SECRET. #no-llm</p>"},
    "tag of a note": {"note": "<p>SECRET.</p>", "tags": ("no-llm",)},
    "tag of the paper of a note": {
        "note": "<p>SECRET.</p>",
        "work": {"tags": ("no-llm",)},
    },
    "heading of a note": {"note": "<h1>Mine #no-llm</h1><p>SECRET.</p>"},
    "line of a note": {"note": "<p>#no-llm</p><p>SECRET.</p>"},
    "tag of a loose note": {"note": "<p>SECRET.</p>", "tags": ("no-llm",), "loose": True},
    "a quote in a note": {"note": "QUOTE<p>#no-llm</p>"},
    "a comment on a quote": {"note": "COMMENTED"},
    "a tagged note with a quote": {"note": "QUOTE", "tags": ("no-llm",)},
}
"""Fields of a mark, its file and its paper, or a note with its tags."""
PLAIN = {
    "mark": {},
    "loose file": {"loose": True},
    "note": {"note": "<p>SECRET.</p>"},
    "loose note": {"note": "<p>SECRET.</p>", "loose": True},
    "a quote in a note": {"note": "QUOTE"},
}
"""The same without the tag."""


def zotero_source(folder: Path) -> str:
    """Write one library with all of them; return the entry of the settings."""
    works, files, notes = [], [], []
    kinds = {"tagged": ZOTERO, "plain": PLAIN}
    items = [
        (f"{kind} Zotero, {name}", item)
        for kind in kinds
        for name, item in kinds[kind].items()
    ]
    for number, (name, item) in enumerate(items):
        words, key = sentence(name), f"{number:04}"
        paper = {"fields": {"title": f"Paper {key}"}, **item.get("work", {})}
        if "note" in item:
            its = Annotation(f"MARK{key}", words)
            html = item["note"].replace("QUOTE", quoted(its)).replace("SECRET", words)
            html = html.replace("COMMENTED", quoted(its, comment="mine #no-llm"))
            note = Note(f"NOTE{key}", html, tags=item.get("tags", ()))
            if item.get("loose"):
                notes.append(note)
            else:
                works.append(Work(f"WORK{key}", **paper, notes=(note,)))
            continue
        its = Annotation(f"MARK{key}", words, **item.get("mark", {}))
        file = Attachment(
            f"FILE{key}", item.get("named", f"{key}.pdf"), (its,), **item.get("file", {})
        )
        if item.get("loose"):
            files.append(file)
        else:
            works.append(Work(f"WORK{key}", **paper, attachments=(file,)))
    (folder / "Zotero").mkdir()
    library = Library(tuple(works), loose=tuple(files), loose_notes=tuple(notes))
    write_zotero(folder / "Zotero" / "zotero.sqlite", [library])
    return "{zotero: {name: library, path: Zotero}}"


# --- the forms ---------------------------------------------------------------------------------

CLIPPING = "A Book (Ada)\n- Your {} on Location {} | Added on Thursday, January 1, 2015\n\n{}\n==========\n"
HTML = (
    "<html><body><div class='bookTitle'>A Book</div><div class='authors'>Ada</div>"
    "<div class='noteHeading'>Highlight (yellow) - Page 1 · Location 10</div><div class='noteText'>SECRET</div>"
    "<div class='noteHeading'>Note - Page 1 · Location 10</div><div class='noteText'>mine #no-llm</div></body></html>"
)
ROW = "Highlight,Book Title,Note,Tags,Document tags,Mine\n"

FORMS: dict[str, Form] = {
    # PDF
    "PDF, comment": pdf(comment="mine #no-llm"),
    "PDF, keywords": pdf(keywords="fish; no-llm"),
    "PDF, subject": pdf(subject="no-llm"),
    "PDF, title": pdf(title="Mine #no-llm"),
    "PDF, file": pdf(named="Mine #no-llm.pdf"),
    "PDF, folder": pdf(named="#no-llm/a.pdf"),
    "PDF, words of a paragraph": text_file("markdown", "a.md", "==SECRET.== #no-llm"),
    # e-books
    "calibre, note": book(write_calibre, "calibre", "metadata.db", note="#no-llm"),
    "calibre, tag": book(write_calibre, "calibre", "metadata.db", subjects=("No_LLM",)),
    "calibre, title": book(write_calibre, "calibre", "metadata.db", title="Mine #no-llm"),
    "Apple Books, note": apple(note="mine #no-llm"),
    "Apple Books, title": apple(title="Mine #no-llm"),
    "Kobo, note": book(write_kobo, "kobo", "KoboReader.sqlite", note="mine #no-llm"),
    "Kobo, title": book(write_kobo, "kobo", "KoboReader.sqlite", title="Mine #no-llm"),
    "KOReader, note": book(
        write_sidecar, "koreader", "a.sdr/metadata.epub.lua", note="#no-llm"
    ),
    "KOReader, note on the book": book(
        write_sidecar,
        "koreader",
        "a.sdr/metadata.epub.lua",
        summary={"note": "mine #no-llm"},
    ),
    "KOReader, keywords": book(
        write_sidecar,
        "koreader",
        "a.sdr/metadata.epub.lua",
        doc_props={"title": "A Book", "keywords": "fish\nno-llm"},
    ),
    "KOReader, title": book(
        write_sidecar, "koreader", "a.sdr/metadata.epub.lua", title="Mine #no-llm"
    ),
    # exports
    "Kindle, note": text_file(
        "kindle",
        "a.txt",
        CLIPPING.format("Highlight", "10-12", "SECRET")
        + CLIPPING.format("Note", "12", "#no-llm"),
    ),
    "Kindle, note before": text_file(
        "kindle",
        "a.txt",
        CLIPPING.format("Note", "12", "so #no-llm")
        + CLIPPING.format("Highlight", "10-12", "SECRET"),
    ),
    "Kindle, title": text_file(
        "kindle",
        "a.txt",
        CLIPPING.format("Highlight", "10-12", "SECRET").replace("A Book", "Mine #no-llm"),
    ),
    "Kindle, notebook": text_file("kindle", "a.html", HTML),
    "Readwise, note": text_file("readwise", "a.csv", f"{ROW}SECRET,A,mine #no-llm,,,\n"),
    "Readwise, tag in the note": text_file(
        "readwise", "a.csv", f"{ROW}SECRET,A,.no-llm,,,\n"
    ),
    "Readwise, tag behind the note": text_file(
        "readwise", "a.csv", f'{ROW}SECRET,A,"mine\n.no-llm",,,\n'
    ),
    "Readwise, tags": text_file(
        "readwise", "a.csv", f'{ROW}SECRET,A,,"fish, no-llm",,\n'
    ),
    "Readwise, tags of the book": text_file(
        "readwise", "a.csv", f"{ROW}SECRET,A,,,no-llm,\n"
    ),
    "Readwise, title": text_file("readwise", "a.csv", f"{ROW}SECRET,Mine #no-llm,,,,\n"),
    "Readwise, a heading": text_file(
        "readwise",
        "a.csv",
        "Highlight,Book Title,Note,Location Type,Location\nMine #no-llm,A,.h1,order,1\nSECRET,A,,order,2\n",
    ),
    "Readwise, a column more": text_file(
        "readwise", "a.csv", f"{ROW}SECRET,A,,,,so #no-llm\n"
    ),
    "cards, tags": text_file(
        "cards", "a.csv", "Front,Back,Tags\nWhat is it?,SECRET,diary no-llm\n"
    ),
    "cards, words": text_file(
        "cards", "a.csv", "Front,Back\nWhat is it?,SECRET #no-llm\n"
    ),
    "cards, a field more": text_file(
        "cards", "a.csv", "Front,Back,Note\nWhat?,SECRET,#no-llm\n"
    ),
    "cards, a tag in a field more": text_file(
        "cards", "a.csv", "Front,Back,Mine\nWhat?,SECRET,no-llm\n"
    ),
    "cards, a text of Anki": text_file(
        "cards",
        "a.txt",
        "#separator:tab\n#html:false\n#tags column:3\nWhat is it?\tSECRET\tdiary no-llm\n",
    ),
    "cards, file": text_file(
        "cards", "Mine #no-llm.csv", "Front,Back\nWhat is it?,SECRET\n"
    ),
    "hypothesis, note": page({"text": "mine #no-llm"}),
    "hypothesis, tag": page({"tags": ["diary", "no-llm"]}),
    "hypothesis, tag with a sign": page({"tags": ["#no-llm"]}),
    "hypothesis, tag of a reply": page({}, {"tags": ["no-llm"], "references": ["a0"]}),
    "hypothesis, reply": page({}, {"text": "so #no-llm", "references": ["a0"]}),
    "hypothesis, reply to a reply": page(
        {},
        {"text": "so", "references": ["a0"]},
        {"text": "#no-llm", "references": ["a0", "a1"]},
    ),
    "hypothesis, note on the page": page({}, {"text": "mine #no-llm"}),
    "hypothesis, tag of the page": page({}, {"tags": ["no-llm"]}),
    "hypothesis, title": page({"document": {"title": ["Mine #no-llm"]}}),
    "Jupyter, cell": notebook({"metadata": {"tags": ["no-llm"]}}),
    "Jupyter, notebook": notebook({}, metadata={"tags": ["no-llm"]}),
    "Jupyter, lines": notebook({"source": ["==SECRET.==\n", "#no-llm"]}),
}

KINDS: tuple[tuple[str, Form], ...] = (
    ("PDF", pdf()),
    ("calibre", book(write_calibre, "calibre", "metadata.db")),
    ("Apple Books", apple()),
    ("Kobo", book(write_kobo, "kobo", "KoboReader.sqlite")),
    ("KOReader", book(write_sidecar, "koreader", "a.sdr/metadata.epub.lua")),
    (
        "Kindle",
        text_file("kindle", "a.txt", CLIPPING.format("Highlight", "10-12", "SECRET")),
    ),
    ("Kindle, notebook", text_file("kindle", "a.html", HTML.replace("#no-llm", ""))),
    ("Readwise", text_file("readwise", "a.csv", f"{ROW}SECRET,A,mine,,,\n")),
    ("hypothesis", page({})),
    ("Jupyter", notebook({})),
)
"""The same without a tag: each may leave."""


def sources_of(folder: Path, forms: Iterable[tuple[str, Form]], kind: str) -> list[str]:
    """Write each form into a folder of its own; return the entries of the settings."""
    sources = []
    for number, (name, write) in enumerate(forms):
        its = folder / f"{kind}{number}"
        its.mkdir()
        sources.append(
            f"{{{write(its, sentence(f'{kind} {name}'))}name: {kind}{number}}}}}"
        )
    return sources


LONGER = ("among words", "a field beside", "an address beside")
"""Forms in which the private sentence has more words: a part of it within another sentence is free."""


def quoting(folder: Path, names: Iterable[str]) -> str:
    """Write notes that quote private sentences: a run of each, and whole ones within another.

    Return the entry of the settings.
    """
    for number, name in enumerate(names):
        words = sentence(name).split()
        run = " ".join(words[number % 3 : number % 3 + 4])
        text = f"=={sentence(f'quoting {name}')}.==\n\n=={run}==\n"
        if not name.endswith(LONGER):
            text = f"Somebody said: {sentence(name)} indeed.\n\n{text}"
        path = folder / "quoting" / f"{number}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return "{obsidian: {name: quoting, path: quoting}}"


# --- the law --------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_form_of_a_note_lets_out_what_has_the_tag(forge, fake):
    private, public = note_names()
    sources = [*note_sources(forge.folder), quoting(forge.folder, private)]
    sent = sent_of(forge, fake, *sources)
    assert leaving(sent, private) == []
    public += [f"quoting {name}" for name in private]
    assert [name for name in public if sentence(name) not in sent] == []


@pytest.mark.slow
def test_no_form_of_another_program_lets_out_what_has_the_tag(forge, fake):
    sources = sources_of(forge.folder, FORMS.items(), "tagged")
    sources += sources_of(forge.folder, KINDS, "plain")
    private = [f"tagged {name}" for name in FORMS]
    private += [f"tagged Zotero, {name}" for name in ZOTERO]
    sources += [zotero_source(forge.folder), quoting(forge.folder, private)]
    sent = sent_of(forge, fake, *sources)
    assert leaving(sent, private) == []
    public = [f"plain {name}" for name, _ in KINDS]
    public += [f"plain Zotero, {name}" for name in PLAIN]
    public += [f"quoting {name}" for name in private]
    assert [name for name in public if sentence(name) not in sent] == []
