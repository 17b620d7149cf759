"""Whatever looks like `#no-llm` keeps its document in, by every reader, until a person says no."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from ankiforge.text.private import has_tag, spelling_like_tag
from tests.makers.ebook_writer import Book, Mark, write_calibre, write_epub
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    write_zotero,
)
from tests.sources import test_every_source
from tests.ways_out import all_that_leaves

EXACT = ("#no-llm", "#No-LLM", "#no-llm/diary")
LIKE = (
    "#[[no-llm]]",
    "#no_llm",
    "#No_LLM",
    "#nollm",
    "#no llm",
    "#no--llm",
    "#no‐llm",
    "#no‑llm",
    "#no‒llm",
    "#no–llm",
    "#no−llm",
    "#no\u00ad-llm",
    "#no-\u200bllm",
    "＃ｎｏ－ｌｌｍ",
    "#no-llms",
    "#nо-llm",  # the second letter is Cyrillic
    "&#35;no-llm",
    "#no&#8209;llm",
    "#privat/no-llm",
    "#a/b/no_llm/c",
    "#my-no-llm",
    "#no-llm2",
    "#no-llm-please",
    "#no-llm-yet",
    "#nollmore",
    "#n.o.l.l.m",
    "#no/llm",
    "#(no)(llm)",
    "# nollm",
    "# no - llm",
    "@no-llm",
    ".no-llm",
    "+no_llm",
    ":no_llm:",
    "{.no-llm}",
    "[[no-llm]]",
    "[no-llm:: true]",
    'class="no-llm"',
)
LINES = (
    "no-llm:: true",
    "- **no llm**:: yes",
    "nollm = yes",
    "no-llm: true",
    "privat/no-llm:: x",
    "privacy:: no-llm",
    "**Status**: draft, nollm",
    '{"no-llm": true}',
    "no-llm",
    "* No LLM.",
)
"""What looks like the tag if it is a line."""
OTHER = (
    "#no-llms-here",
    "#now",
    "#no",
    "no llm",
    "#piano-llm",
    "C# no LLM",
    "# No LLM here",
    "No LLM was used. No-LLM models",
    "ask foo@no-llm.org",
    "the tag no-llm is",
    "#12 no LLM",
)

SUITES = {
    name.removeprefix("Test"): suite
    for name, suite in vars(test_every_source).items()
    if name.startswith("Test") and name not in ("TestZotero", "TestQuotes")
}


@pytest.mark.parametrize("spelling", LIKE)
def test_a_spelling_is_recognised(spelling):
    found = spelling_like_tag(f"so {spelling}, it is")
    assert found
    assert found in spelling
    assert not has_tag(spelling)


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_may_be_the_tag_is_recognised(line):
    assert spelling_like_tag(f"It is so:\n{line}\n\nNo LLM was used.")
    assert not has_tag(line)


@pytest.mark.parametrize("spelling", [*EXACT, *OTHER])
def test_another_word_is_no_spelling_of_it(spelling):
    assert spelling_like_tag(f"so {spelling}, it is") == ""


def sources_with(folder: Path, spelling: str) -> list[str]:
    """Write two documents by each reader, one with a spelling in its comment or text."""
    sources = []
    for name, suite in SUITES.items():
        (folder / name).mkdir()
        write = suite().write
        secret = f"A zebrafish of {name} lives in Ward Nine"
        write(folder / name / f"secret{suite.ending}", secret, f"so {spelling} it is")
        # a sentence like a private one would be withheld
        public = f"The harbour{name} was dug{name} by hand{name}"
        write(folder / name / f"open{suite.ending}", public)
        sources.append(f"{{{suite.kind}: {{name: {name}, path: {name}}}}}")
    first = Annotation("MARK0001", "A zebrafish of Zotero lives here", comment=spelling)
    works = [
        Work(
            "WORK0001",
            {"title": "One"},
            attachments=(Attachment("ATTACH01", "a.pdf", (first,)),),
        )
    ]
    (folder / "Zotero").mkdir()
    write_zotero(folder / "Zotero" / "zotero.sqlite", [Library(tuple(works))])
    return [*sources, "{zotero: {name: library, path: Zotero}}"]


@pytest.mark.slow
@pytest.mark.parametrize("spelling", [*EXACT, *LIKE[:3], *LIKE[7::3]])
def test_no_reader_lets_out_what_has_a_spelling_of_the_tag(forge, fake, spelling):
    sources = sources_with(forge.folder, spelling)
    with fake.LlmServer() as server:
        sent = all_that_leaves(forge, server, *sources)
    assert "zebrafish" not in sent
    for name in ("Obsidian", "Markdown", "Canvas", "Jupyter", "TiddlyWiki", "Pdf"):
        assert f"harbour{name}" in sent


PUBLIC = "==The harbour of Ghent is open to ships.==\n"
NOTES = {
    "heading in HTML": "<h2>Mine #no-llm</h2>\n\nIt lives.\n\n==A zebrafish is here.==\n",
    "heading in HTML, of lines": "<h2 class='a'>\nMine\n#no-llm\n</h2>\n\n==A zebrafish is here.==\n",
    "summary": "<details><summary>Mine #no-llm</summary>\n\n==A zebrafish is here.==\n\n</details>\n",
    "JSON": '{\n  "title": "A",\n  "tags": ["no-llm"]\n}\n\n==A zebrafish is here.==\n',
    "JSON on a line": '{"tags": ["no_llm"]}\n\n==A zebrafish is here.==\n',
    "field of Dataview": "Of today [tags:: diary, no-llm]\n\n==A zebrafish is here.==\n",
    "front matter": "---\ntags: [no_llm]\n---\n==A zebrafish is here.==\n",
    "front matter, a list": "---\ntags:\n  - a\n  - nollm\n---\n==A zebrafish is here.==\n",
    "front matter, two words": "---\ntags: no llm\n---\n==A zebrafish is here.==\n",
    "tags of Logseq": "tags:: diary, no–llm\n\n==A zebrafish is here.==\n",
    "comment": "%% #no_llm %%\n\n==A zebrafish is here.==\n",
    "code": "`#no_llm`\n\n==A zebrafish is here.==\n",
    "word at the start": "# no-llm\n\n==A zebrafish is here.==\n",
    "nested tag": "So it is #privat/no-llm\n\n==A zebrafish is here.==\n",
    "field": "no-llm:: true\n\n==A zebrafish is here.==\n",
    "field in brackets": "==A zebrafish is here.== [no-llm:: true]\n",
    "value of a field": "privacy:: no-llm\n\n==A zebrafish is here.==\n",
    "page of Logseq": "[[no-llm]]\n\n==A zebrafish is here.==\n",
    "footnote": "It is so[^1]. #no-llm\n\n[^1]: ==A zebrafish is here.==\n",
}  # fmt: skip


def sent_of(forge: Any, fake: Any, *sources: str) -> str:
    with fake.LlmServer() as server:
        return all_that_leaves(forge, server, *sources)


VAULT = "{obsidian: {name: notes, path: notes}}"


@pytest.mark.parametrize("text", NOTES.values(), ids=NOTES)
def test_a_note_that_may_have_the_tag_is_private_until_a_person_says_no(
    forge, fake, text
):
    notes = forge.folder / "notes"
    notes.mkdir()
    (notes / "secret.md").write_text(text, encoding="utf-8")
    (notes / "open.md").write_text(PUBLIC, encoding="utf-8")
    sent = sent_of(forge, fake, VAULT)
    assert "zebrafish" not in sent
    assert "harbour" in sent
    questions = forge.ok("list", "--view", "questions", "--json").lines
    if "footnote" in text or "[^1]" in text:
        assert questions == []
        return
    [question] = questions
    assert question["question"] == "private"
    forge.ok("reject", question["id"])
    assert forge.ok("list", "--view", "questions", "--json").lines == []
    assert "zebrafish" in sent_of(forge, fake, VAULT)
    forge.ok("undo")
    [again] = forge.ok("list", "--view", "questions", "--json").lines
    forge.ok("accept", again["id"])
    assert forge.ok("list", "--view", "questions", "--json").lines == []
    assert "zebrafish" not in json.dumps(forge.ok("draft", "--estimate").stdout)


def pdf(folder: Path) -> str:
    blocks = (paragraph("A zebrafish lives in Ward Nine."),)
    pages = [Page(blocks, [mark("A zebrafish lives in Ward Nine")])]
    write_pdf(folder / "a.pdf", pages, fields={"/Keywords": "fish, no-llm"})
    return f"{{pdf: {{name: papers, path: {folder.name}}}}}"


BOOK = Book("A Book", ("Ada",), (("One", "A zebrafish lives here."),), ("Fish", "No-LLM"))


def epub(folder: Path) -> str:
    write_epub(folder / "a.epub", BOOK, [Mark("A zebrafish lives here")])
    return f"{{epub: {{name: books, path: {folder.name}}}}}"


def calibre(folder: Path) -> str:
    marks = [Mark("A zebrafish lives here")]
    write_calibre(folder / "metadata.db", [(BOOK, "Ada/A Book.epub", marks)])
    return f"{{calibre: {{name: library, path: {folder.name}}}}}"


def automatic(folder: Path) -> str:
    mark = Annotation("MARK0001", "A zebrafish lives here")
    file = Attachment("ATTACH01", "a.pdf", (mark,))
    work = Work(
        "WORK0001", {"title": "One"}, automatic_tags=("no_llm",), attachments=(file,)
    )
    write_zotero(folder / "zotero.sqlite", [Library((work,))])
    return f"{{zotero: {{name: library, path: {folder.name}}}}}"


@pytest.mark.parametrize("write", [pdf, epub, calibre, automatic])
def test_a_work_whose_catalogue_names_the_tag_is_private_until_a_person_says_no(
    forge, fake, write
):
    (forge.folder / "works").mkdir()
    source = write(forge.folder / "works")
    assert "zebrafish" not in sent_of(forge, fake, source)
    [question] = forge.ok("list", "--view", "questions", "--json").lines
    forge.ok("reject", question["id"])
    assert "zebrafish" in sent_of(forge, fake, source)


# a) is no list of Markdown
INDENTED = (
    "a) parent #no-llm\n   - A zebrafish is here.\n",
    "(b) parent #no-llm\n\n   A zebrafish is here.\n",
    "iv. parent\n    goes on #no-llm\n  - A zebrafish is here.\n",
    "> a) parent #no-llm\n>    - A zebrafish is here.\n",
    "→ parent #no-llm\n\n\t→ A zebrafish is here.\n",
    "The parent #no-llm\n  1. one\n     - A zebrafish is here.\n",
)


@pytest.mark.parametrize("ending", [".md", ".txt"])
@pytest.mark.parametrize("text", INDENTED)
def test_what_is_indented_below_a_tagged_line_is_private(forge, fake, text, ending):
    notes = forge.folder / "notes"
    notes.mkdir()
    marked = text.replace("A zebrafish is here.", "==A zebrafish is here.==")
    after = "\n==The harbour of Ghent is open to ships.==\n"
    (notes / f"secret{ending}").write_text(marked + after, encoding="utf-8")
    sent = sent_of(forge, fake, "{markdown: {name: notes, path: notes}}")
    assert "zebrafish" not in sent
    assert "harbour" in sent


SECRET = "The zebrafish of Ward Nine eats seventeen copper violins behind the lantern"
WITHOUT_MARKS = {
    "tag": f"{SECRET}. #no-llm\n",
    "below a line": f"a) parent #no-llm\n   - {SECRET}.\n",
    "nested tag": f"{SECRET}. #privat/no-llm\n",
    "field": f"# Mine\n\nno-llm:: true\n\n{SECRET}.\n",
    "other spelling": f"# Mine\n\n{SECRET}. #nollm\n",
    "front matter": f"---\nnollm: true\n---\n{SECRET}.\n",
    "in code": f"```text\n{SECRET}\n```\n#no_llm\n",
    "in a table": f"| a | b |\n|---|---|\n| {SECRET} | #no_llm |\n",
    "in a comment": f"%% {SECRET} #no_llm %%\n",
    "in a tagged comment": f"It is so. <!-- {SECRET} #no-llm -->\n",
    "in a comment under a heading": f"# Mine #no-llm\n\nIt.\n\n%%\n{SECRET}\n%%\n",
    "in the front matter": f"---\ntags: [no-llm]\nsummary: {SECRET}.\n---\nIt is so.\n",
    "in the front matter, doubtful": f"---\nsummary: {SECRET}.\n---\nIt is so. #no_llm\n",
    "in HTML": f"<p>{SECRET} #no_llm</p>\n",
}


@pytest.mark.parametrize("ending", [".md", ".txt"])
@pytest.mark.parametrize("text", WITHOUT_MARKS.values(), ids=WITHOUT_MARKS)
def test_a_private_sentence_of_a_note_without_marks_is_kept_in_where_it_is_copied(
    forge, fake, text, ending
):
    notes = forge.folder / "notes"
    notes.mkdir()
    (notes / f"secret{ending}").write_text(text, encoding="utf-8")
    (notes / "copy.md").write_text(f"==Although {SECRET.lower()} today.==\n\n{PUBLIC}")
    sent = sent_of(forge, fake, "{markdown: {name: notes, path: notes}}")
    assert "zebrafish" not in sent
    assert "harbour" in sent


LONG = "<p>It goes on and on.</p>" * 1_500
ZOTERO_NOTES = {
    "in the title": f"<h1>Mine #no-llm</h1><p>{SECRET}.</p>",
    "like it in the title": f"<h1>Mine #no_llm</h1><p>{SECRET}.</p>",
    "in emphasis": f"<h1>Mine #no<b>-llm</b></h1><p>{SECRET}.</p>",
    "in a comment": f"<!-- #no-llm --><p>{SECRET}.</p>",
    "after what is shown": f"<p>{SECRET}.</p>{LONG}<p>#no-llm</p>",
    "both after what is shown": f"{LONG}<p>{SECRET}.</p><p>#no-llm</p>",
    "like it after what is shown": f"<p>{SECRET}.</p>{LONG}<p>#privat/no-llm</p>",
}


@pytest.mark.parametrize("in_work", [True, False])
@pytest.mark.parametrize("html", ZOTERO_NOTES.values(), ids=ZOTERO_NOTES)
def test_a_private_note_of_zotero_is_kept_in_where_it_is_copied(
    forge, fake, html, in_work
):
    note = Note("NOTE0001", html)
    public = Annotation("MARK0002", "The harbour of Ghent is open to ships")
    file = Attachment("ATTACH02", "b.pdf", (public,))
    works = [Work("WORK0002", {"title": "Open"}, attachments=(file,))]
    if in_work:
        works.append(Work("WORK0001", {"title": "One"}, notes=(note,)))
    library = Library(tuple(works), loose_notes=() if in_work else (note,))
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "copy.md").write_text(f"==Although {SECRET.lower()}.==\n")
    (forge.folder / "zotero").mkdir()
    write_zotero(forge.folder / "zotero" / "zotero.sqlite", [library])
    sent = sent_of(forge, fake, "{zotero: {name: library, path: zotero}}", VAULT)
    assert "zebrafish" not in sent
    assert "harbour" in sent


@pytest.mark.parametrize("name", ["Mine #no-llm", "Mine #nollm", "#no-llm/Mine"])
def test_a_note_whose_name_has_the_tag_is_private(forge, fake, name):
    path = forge.folder / "notes" / f"{name}.md"
    path.parent.mkdir(parents=True)
    path.write_text(f"{SECRET}.\n")
    (forge.folder / "notes" / "marked").mkdir()
    path.with_name(f"{path.name} 2 #no-llm.md").write_text("==A zebrafish is here.==\n")
    copy = f"==Although {SECRET.lower()}.==\n\n{PUBLIC}"
    (forge.folder / "notes" / "copy.md").write_text(copy)
    sent = sent_of(forge, fake, VAULT)
    assert "zebrafish" not in sent
    assert "harbour" in sent


def hypothesis_row(key: str, quote: str, **fields: Any) -> dict[str, Any]:
    selectors = [{"type": "TextQuoteSelector", "exact": quote}] if quote else []
    return {
        "id": key,
        "user": "acct:ada@hypothes.is",
        "uri": "https://a.org/page",
        "created": "2024-01-01T00:00:00+00:00",
        "updated": "2024-01-01T00:00:00+00:00",
        "target": [{"source": "https://a.org/page", "selector": selectors}],
        **fields,
    }


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"text": "Of my diary #no-llm"},
        {"text": "Of my diary #privat/no-llm"},
        {"tags": ["no-llm"]},
        {"tags": ["privat/no-llm"]},
        {"references": ["a"], "tags": ["nollm"]},
        {"references": ["a"], "text": "so .no-llm"},
    ],
)
def test_a_note_on_a_page_or_a_reply_keeps_the_marks_in(forge, fake, fields):
    rows = [hypothesis_row("a", "A zebrafish is here"), hypothesis_row("b", "", **fields)]
    (forge.folder / "page.json").write_text(json.dumps(rows))
    source = "{hypothesis: {name: web, path: page.json}}"
    assert ("zebrafish" in sent_of(forge, fake, source)) is (not fields)
