"""Whatever looks like `#no-llm` keeps its document in, by every reader, until a person says no."""

import json
import re
from collections.abc import Iterable
from hashlib import sha256
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


def own_words(name: str) -> list[str]:
    """Return words that nothing else has: what is like a private sentence is withheld, too."""
    letters = sha256(name.encode()).hexdigest().translate(TO_LETTERS)
    return [letters[start : start + 9] for start in range(0, 45, 9)]


TO_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def sentence(name: str) -> str:
    """Return the sentence of a case, without a full stop."""
    a, b, c, d, e = own_words(name)
    return f"{a} {b} of {c} {d} {e}"


def leaving(sent: str, names: Iterable[str]) -> list[str]:
    """Return the cases of which a word was sent."""
    return [name for name in names if any(word in sent for word in own_words(name))]


def sent_of(forge: Any, fake: Any, *sources: str) -> str:
    with fake.LlmServer() as server:
        return all_that_leaves(forge, server, *sources)


def questions_of(forge: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = forge.ok("list", "--view", "questions", "--json").lines
    return found


def documents_in(questions: list[dict[str, Any]]) -> int:
    """Return about how many documents it is asked whether they are private."""
    assert {question["question"] for question in questions} == {"private"}
    counts = [re.search(r"in (\d+) document", each["text"]) for each in questions]
    return sum(int(count[1]) for count in counts if count)


def sources_with(folder: Path, spelling: str) -> list[str]:
    """Write two documents by each reader, one with a spelling in its comment or text."""
    sources = []
    for name, suite in SUITES.items():
        (folder / name).mkdir()
        write = suite().write
        comment = f"so {spelling} it is"
        write(folder / name / f"secret{suite.ending}", sentence(name), comment)
        # a sentence like a private one would be withheld
        public = f"The harbour{name} was dug{name} by hand{name}"
        write(folder / name / f"open{suite.ending}", public)
        sources.append(f"{{{suite.kind}: {{name: {name}, path: {name}}}}}")
    first = Annotation("MARK0001", sentence("Zotero"), comment=spelling)
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
    sent = sent_of(forge, fake, *sources_with(forge.folder, spelling))
    assert leaving(sent, [*SUITES, "Zotero"]) == []
    for name in ("Obsidian", "Markdown", "Canvas", "Jupyter", "Pdf"):
        assert f"harbour{name}" in sent


# In the cases below, `SECRET` is the sentence of the case. All cases of a test are in one workspace.
NOTES = {
    "heading in HTML": "<h2>Mine #no-llm</h2>\n\nIt lives.\n\n==SECRET.==\n",
    "heading in HTML, of lines": "<h2 class='a'>\nMine\n#no-llm\n</h2>\n\n==SECRET.==\n",
    "summary": "<details><summary>Mine #no-llm</summary>\n\n==SECRET.==\n\n</details>\n",
    "JSON": '{\n  "title": "A",\n  "tags": ["no-llm"]\n}\n\n==SECRET.==\n',
    "JSON on a line": '{"tags": ["no_llm"]}\n\n==SECRET.==\n',
    "field of Dataview": "Of today [tags:: diary, no-llm]\n\n==SECRET.==\n",
    "front matter": "---\ntags: [no_llm]\n---\n==SECRET.==\n",
    "front matter, a list": "---\ntags:\n  - a\n  - nollm\n---\n==SECRET.==\n",
    "front matter, two words": "---\ntags: no llm\n---\n==SECRET.==\n",
    "tags of Logseq": "tags:: diary, no–llm\n\n==SECRET.==\n",
    "comment": "%% #no_llm %%\n\n==SECRET.==\n",
    "code": "`#no_llm`\n\n==SECRET.==\n",
    "word at the start": "# no-llm\n\n==SECRET.==\n",
    "nested tag": "So it is #privat/no-llm\n\n==SECRET.==\n",
    "field": "no-llm:: true\n\n==SECRET.==\n",
    "field in brackets": "==SECRET.== [no-llm:: true]\n",
    "value of a field": "privacy:: no-llm\n\n==SECRET.==\n",
    "page of Logseq": "[[no-llm]]\n\n==SECRET.==\n",
    "footnote": "It is so[^1]. #no-llm\n\n[^1]: ==SECRET.==\n",
}  # fmt: skip


VAULT = "{obsidian: {name: notes, path: notes}}"
PUBLIC = "==The harbour of Ghent is open to ships.==\n"


def with_copy(folder: Path, name: str, number: int) -> None:
    """Write a public note that copies the sentence of a case beside one of its own."""
    copied = f"==Although {sentence(name)} today.=="
    text = f"{copied}\n\n=={sentence(f'open {name}')}.==\n"
    (folder / f"copy {number}.md").write_text(text, encoding="utf-8")


def assert_copies_are_kept_in(sent: str, names: Iterable[str]) -> None:
    """Only the other sentence of each copy is sent."""
    assert leaving(sent, names) == []
    assert [name for name in names if sentence(f"open {name}") not in sent] == []


def test_a_note_that_may_have_the_tag_is_private_until_a_person_says_no(forge, fake):
    notes = forge.folder / "notes"
    notes.mkdir()
    for name, text in NOTES.items():
        path = notes / f"{name}.md"
        path.write_text(text.replace("SECRET", sentence(name)), encoding="utf-8")
    (notes / "open.md").write_text(PUBLIC, encoding="utf-8")
    sent = sent_of(forge, fake, VAULT)
    assert leaving(sent, NOTES) == []
    assert "harbour" in sent

    doubtful = [name for name in NOTES if name != "footnote"]
    asked = questions_of(forge)
    assert documents_in(asked) == len(doubtful)
    forge.ok("reject", *(question["id"] for question in asked))
    assert questions_of(forge) == []
    assert leaving(sent_of(forge, fake, VAULT), NOTES) == doubtful
    forge.ok("undo")
    again = questions_of(forge)
    assert documents_in(again) == len(doubtful)
    forge.ok("accept", *(question["id"] for question in again))
    assert questions_of(forge) == []
    assert leaving(forge.ok("draft", "--estimate").stdout, NOTES) == []


def pdf(folder: Path) -> str:
    blocks = (paragraph(f"{sentence('pdf')}."),)
    pages = [Page(blocks, [mark(sentence("pdf"))])]
    write_pdf(folder / "a.pdf", pages, fields={"/Keywords": "fish, no-llm"})
    return f"{{pdf: {{name: papers, path: {folder.name}}}}}"


def book(name: str) -> Book:
    chapter = ("One", f"{sentence(name)}.")
    return Book(f"A Book of {name}", ("Ada",), (chapter,), ("Fish", "No-LLM"))


def epub(folder: Path) -> str:
    write_epub(folder / "a.epub", book("epub"), [Mark(sentence("epub"))])
    return f"{{epub: {{name: books, path: {folder.name}}}}}"


def calibre(folder: Path) -> str:
    marks = [Mark(sentence("calibre"))]
    write_calibre(folder / "metadata.db", [(book("calibre"), "Ada/A Book.epub", marks)])
    return f"{{calibre: {{name: library, path: {folder.name}}}}}"


def automatic(folder: Path) -> str:
    mark = Annotation("MARK0001", sentence("automatic"))
    file = Attachment("ATTACH01", "a.pdf", (mark,))
    work = Work(
        "WORK0001", {"title": "One"}, automatic_tags=("no_llm",), attachments=(file,)
    )
    write_zotero(folder / "zotero.sqlite", [Library((work,))])
    return f"{{zotero: {{name: zotero, path: {folder.name}}}}}"


CATALOGUES = {"pdf": pdf, "epub": epub, "calibre": calibre, "automatic": automatic}


def test_a_work_whose_catalogue_names_the_tag_is_private_until_a_person_says_no(
    forge, fake
):
    sources = []
    for name, write in CATALOGUES.items():
        (forge.folder / name).mkdir()
        sources.append(write(forge.folder / name))
    assert leaving(sent_of(forge, fake, *sources), CATALOGUES) == []
    questions = questions_of(forge)
    assert documents_in(questions) == len(CATALOGUES)
    forge.ok("reject", *(question["id"] for question in questions))
    assert leaving(sent_of(forge, fake, *sources), CATALOGUES) == [*CATALOGUES]


# a) is no list of Markdown
INDENTED = (
    "a) parent #no-llm\n   - ==SECRET.==\n",
    "(b) parent #no-llm\n\n   A zebrafish is here.\n",
    "iv. parent\n    goes on #no-llm\n  - ==SECRET.==\n",
    "> a) parent #no-llm\n>    - ==SECRET.==\n",
    "→ parent #no-llm\n\n\t→ ==SECRET.==\n",
    "The parent #no-llm\n  1. one\n     - ==SECRET.==\n",
)


def test_what_is_indented_below_a_tagged_line_is_private(forge, fake):
    notes = forge.folder / "notes"
    notes.mkdir()
    names = [f"{text}{ending}" for text in INDENTED for ending in (".md", ".txt")]
    for number, name in enumerate(names):
        text, dot, ending = name.rpartition(".")
        text = text.replace("SECRET", sentence(name))
        after = f"\n=={sentence(f'open {name}')}.==\n"
        path = notes / f"secret {number}{dot}{ending}"
        path.write_text(text + after, encoding="utf-8")
    sent = sent_of(forge, fake, "{markdown: {name: notes, path: notes}}")
    assert leaving(sent, names) == []
    assert [name for name in names if sentence(f"open {name}") not in sent] == []


WITHOUT_MARKS = {
    "tag": "SECRET. #no-llm\n",
    "below a line": "a) parent #no-llm\n   - SECRET.\n",
    "nested tag": "SECRET. #privat/no-llm\n",
    "field": "# Mine\n\nno-llm:: true\n\nSECRET.\n",
    "other spelling": "# Mine\n\nSECRET. #nollm\n",
    "front matter": "---\nnollm: true\n---\nSECRET.\n",
    "in code": "```text\nSECRET\n```\n#no_llm\n",
    "in a table": "| a | b |\n|---|---|\n| SECRET | #no_llm |\n",
    "in a comment": "%% SECRET #no_llm %%\n",
    "in a tagged comment": "It is so. <!-- SECRET #no-llm -->\n",
    "in a comment under a heading": "# Mine #no-llm\n\nIt.\n\n%%\nSECRET\n%%\n",
    "in the front matter": "---\ntags: [no-llm]\nsummary: SECRET.\n---\nIt is so.\n",
    "in the front matter, doubtful": "---\nsummary: SECRET.\n---\nIt is so. #no_llm\n",
    "in HTML": "<p>SECRET #no_llm</p>\n",
}


def test_a_private_sentence_of_a_note_without_marks_is_kept_in_where_it_is_copied(
    forge, fake
):
    notes = forge.folder / "notes"
    notes.mkdir()
    names = [f"{name}{ending}" for name in WITHOUT_MARKS for ending in (".md", ".txt")]
    for number, name in enumerate(names):
        text = WITHOUT_MARKS[name.rpartition(".")[0]].replace("SECRET", sentence(name))
        (notes / name).write_text(text, encoding="utf-8")
        with_copy(notes, name, number)
    sent = sent_of(forge, fake, "{markdown: {name: notes, path: notes}}")
    assert_copies_are_kept_in(sent, names)


LONG = f"<p>{'goes-on-and-' * 100}on.</p>" * 20
ZOTERO_NOTES = {
    "in the title": "<h1>Mine #no-llm</h1><p>SECRET.</p>",
    "like it in the title": "<h1>Mine #no_llm</h1><p>SECRET.</p>",
    "in emphasis": "<h1>Mine #no<b>-llm</b></h1><p>SECRET.</p>",
    "in a comment": "<!-- #no-llm --><p>SECRET.</p>",
    "after what is shown": "<p>SECRET.</p>" + LONG + "<p>#no-llm</p>",
    "both after what is shown": LONG + "<p>SECRET.</p><p>#no-llm</p>",
    "like it after what is shown": "<p>SECRET.</p>" + LONG + "<p>#privat/no-llm</p>",
}
LONG_AGAIN = ("both after what is shown", "like it after what is shown")


@pytest.mark.parametrize(
    "html",
    [
        pytest.param(
            html, id=name, marks=[pytest.mark.slow] if name in LONG_AGAIN else []
        )
        for name, html in ZOTERO_NOTES.items()
    ],
)
def test_a_private_note_of_zotero_is_kept_in_where_it_is_copied(forge, fake, html):
    names = ("of a work", "loose")
    of_work, loose = (
        Note(f"NOTE000{number}", html.replace("SECRET", sentence(name)))
        for number, name in enumerate(names)
    )
    public = Annotation("MARK0002", "The harbour of Ghent is open to ships")
    file = Attachment("ATTACH02", "b.pdf", (public,))
    works = (
        Work("WORK0002", {"title": "Open"}, attachments=(file,)),
        Work("WORK0001", {"title": "One"}, notes=(of_work,)),
    )
    (forge.folder / "zotero").mkdir()
    library = Library(works, loose_notes=(loose,))
    write_zotero(forge.folder / "zotero" / "zotero.sqlite", [library])
    (forge.folder / "notes").mkdir()
    for number, name in enumerate(names):
        with_copy(forge.folder / "notes", name, number)
    sent = sent_of(forge, fake, "{zotero: {name: library, path: zotero}}", VAULT)
    assert_copies_are_kept_in(sent, names)
    assert "harbour" in sent


NAMES = ("Mine #no-llm", "Mine #nollm", "#no-llm/Mine")


def test_a_note_whose_name_has_the_tag_is_private(forge, fake):
    notes = forge.folder / "notes"
    for number, name in enumerate(NAMES):
        path = notes / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{sentence(name)}.\n")
        marked = f"{path.name} 2 #no-llm.md"
        path.with_name(marked).write_text(f"=={sentence(marked)}.==\n")
        with_copy(notes, name, number)
    sent = sent_of(forge, fake, VAULT)
    assert_copies_are_kept_in(sent, NAMES)
    marked = [f"{Path(name).name}.md 2 #no-llm.md" for name in NAMES]
    assert leaving(sent, marked) == []


def hypothesis_row(key: str, page: str, quote: str, **fields: Any) -> dict[str, Any]:
    selectors = [{"type": "TextQuoteSelector", "exact": quote}] if quote else []
    uri = f"https://a.org/{page}"
    return {
        "id": key,
        "user": "acct:ada@hypothes.is",
        "uri": uri,
        "created": "2024-01-01T00:00:00+00:00",
        "updated": "2024-01-01T00:00:00+00:00",
        "target": [{"source": uri, "selector": selectors}],
        **fields,
    }


ON_A_PAGE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "note": {"text": "Of my diary #no-llm"},
    "note, nested": {"text": "Of my diary #privat/no-llm"},
    "tag": {"tags": ["no-llm"]},
    "tag, nested": {"tags": ["privat/no-llm"]},
    "tag of a reply": {"references": ["a"], "tags": ["nollm"]},
    "reply": {"references": ["a"], "text": "so .no-llm"},
}
"""By name: the fields of a note on a page or of a reply."""


def test_a_note_on_a_page_or_a_reply_keeps_the_marks_in(forge, fake):
    (forge.folder / "pages").mkdir()
    for number, (name, fields) in enumerate(ON_A_PAGE.items()):
        first, page = f"a{number}", f"page{number}"
        if "references" in fields:
            fields = {**fields, "references": [first]}
        rows = [
            hypothesis_row(first, page, sentence(name)),
            hypothesis_row(f"b{number}", page, "", **fields),
        ]
        (forge.folder / "pages" / f"{page}.json").write_text(json.dumps(rows))
    source = "{hypothesis: {name: web, path: pages}}"
    assert leaving(sent_of(forge, fake, source), ON_A_PAGE) == ["nothing"]
