"""What has the tag `#no-llm` is private by every reader, wherever its program keeps what a person
wrote."""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from ankiforge.model import ExtractedDocument, UnmarkedDocument
from ankiforge.text.private import (
    contains_private_tag,
    contains_private_tag_name,
    get_privacy_reason,
)
from tests.extract import test_texts
from tests.makers.ebook_writer import Book, Mark, write_calibre
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    write_zotero,
)
from tests.reading import highlights, opened
from tests.sources import test_every_source
from tests.sources.suite import FIRST
from tests.ways_out import all_that_leaves

TAGS = (
    "#no-llm",
    "#No-LLM",
    "#no-llm/diary",
    "#no_llm",
    "#NoLLM",
    "＃no-llm",
    "#[[no-llm]]",
    "[[no-llm]]",
    "[[no_llm|mine]]",
)
OTHER = (
    "#no-llms-here",
    "#no-llm2",
    "#no-llm-yet",
    "#no",
    "no-llm",
    "no llm",
    "#piano-llm",
    "# No LLM here",
    "No LLM was used. No-LLM models",
    "ask foo@no-llm.org",
    "[no-llm](https://no-llm.org)",
)

SUITES = {
    name.removeprefix("Test"): suite
    for name, suite in vars(test_every_source).items()
    if name.startswith("Test") and name not in ("TestZotero", "TestFoliate")
}


@pytest.mark.parametrize("tag", TAGS)
def test_a_spelling_of_the_tag_is_the_tag(tag):
    assert contains_private_tag(f"so {tag}, it is")
    assert contains_private_tag_name(tag)


@pytest.mark.parametrize("words", OTHER)
def test_another_word_is_not_the_tag(words):
    assert not contains_private_tag(f"so {words}, it is")


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("name", [*SUITES, "Zotero"])
def test_a_comment_with_the_tag_makes_its_passage_private(name, tag, tmp_path):
    suite = vars(test_every_source)[f"Test{name}"]()
    path = tmp_path / f"a{suite.ending}"
    if name == "Zotero":
        path = tmp_path / "root"
        path.mkdir()
        path /= "zotero.sqlite"
    suite.write(path, FIRST, f"so {tag} it is")
    found = highlights(suite.scan(path.parent))
    assert [mark for mark in found if not get_privacy_reason(mark)] == []
    assert found


# Passages that other programs keep in a note, with what their reader wrote about them.
KEPT_IN_NOTES = {
    "Readwise in Obsidian": "# A\n\n## Metadata\n- Author: [[X]]\n\n## Highlights\n- PASSAGE ([Location 64](https://readwise.io/x))\n    - Note: NOTE\n",
    "Readwise, tags": "# A\n\n## Metadata\n- Author: [[X]]\n\n## Highlights\n- PASSAGE ([Location 64](https://readwise.io/x))\n    - Tags: NOTE\n",
    "Readwise in Logseq": "- Highlights first synced by [[Readwise]] [[Mar 12th, 2023]]\n\t- PASSAGE ([Location 64](https://readwise.io/x))\n\t\t- **Note**: NOTE\n",
    "a paragraph with its place": "# A\n\n## Highlights\n\nPASSAGE ([Location 64](https://readwise.io/x))\n\nNote: NOTE\n",
    "a place alone, with the note below": "# A\n\n## Highlights\n\nPASSAGE\n\n— location: 64\nNOTE\n",
    "KOReader": "# A\n\n## Highlights\n\n### Page 5 @ 21 May 2024\nPASSAGE\n\nNote: NOTE\n",
    "Kindle": "# A\n\n## Highlights\n\n### Highlight (yellow) - Location 64\nPASSAGE\n\n### Note - Location 64\nNOTE\n",
    "Glasp": "# A\n\n## Highlights & Notes\n\n> PASSAGE\n\nNote: NOTE\n",
    "a comment of Obsidian": "==PASSAGE== %%NOTE%%\n",
    "a comment of Obsidian below": "==PASSAGE==\n%% NOTE %%\n",
    "a quote of a paper": "“PASSAGE” ([Doe](zotero://open-pdf/library/items/ABCD2345?page=1)) NOTE\n",
    "a block quote of a paper": "> “PASSAGE” ([Doe](zotero://open-pdf/library/items/ABCD2345?page=1))\n> NOTE\n",
}  # fmt: skip
REST = "\n# Other\n\n==The harbour of Ghent is open to ships.==\n"


def read_from_note(folder: Path, text: str) -> dict[str, str | None]:
    """Return why each passage of a note is private, None if it is not."""
    (folder / "a.md").write_text(f"{text}{REST}", encoding="utf-8")
    found = opened("obsidian", folder, name="notes").scan()
    return {
        " ".join(mark.exact.split()): get_privacy_reason(mark)
        for mark in highlights(found)
    }


@pytest.mark.parametrize("form", KEPT_IN_NOTES.values(), ids=KEPT_IN_NOTES)
def test_a_note_with_the_tag_makes_the_passage_above_it_private(form, tmp_path):
    text = form.replace("PASSAGE", FIRST)
    plain = read_from_note(tmp_path, text.replace("NOTE", "mine"))
    assert any(FIRST in words for words in plain)
    assert set(plain.values()) == {None}
    notes = [f"{TAGS[0]} mine it is", *TAGS, *(f"mine {tag}" for tag in TAGS)]
    for note in notes:
        read = read_from_note(tmp_path, text.replace("NOTE", note))
        assert [why for words, why in read.items() if FIRST in words and not why] == []


CASES = [
    (path.stem, case)
    for path in test_texts.FILES
    if path.stem.partition("-")[0] in ("obsidian", "markdown")
    for case in test_texts.CASES[path]
    if "text" in case and any(found.get("comment") for found in case["found"])
]
"""All texts of notes whose passages have comments."""


@pytest.mark.parametrize(
    ("name", "case"), CASES, ids=[f"{name} {case['case']}" for name, case in CASES]
)
def test_the_tag_at_the_end_of_any_comment_makes_its_passage_private(
    name, case, tmp_path
):
    kind = name.partition("-")[0]
    for number, found in enumerate(case["found"]):
        last_line = found.get("comment", "").rpartition("\n")[2]
        if not last_line or case["text"].count(last_line) != 1 or not found["exact"]:
            continue
        tagged = case["text"].replace(last_line, f"{last_line} #no-llm")
        (tmp_path / str(number)).mkdir()
        read = test_texts.read(kind, {**case, "text": tagged}, tmp_path / str(number))
        whole = any("private" in one.get("document", {}) for one in read)
        for one in read:
            if one.get("exact") == found["exact"]:
                assert (
                    whole
                    or "no-llm" in one.get("tags", ())
                    or contains_private_tag(one["comment"])
                )


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


def sources_with(folder: Path, number: int, tag: str) -> list[str]:
    """Write two documents by each reader, one with a tag in its comment or text."""
    sources = []
    for name, suite in SUITES.items():
        path = folder / str(number) / name
        path.mkdir(parents=True)
        write, comment = suite().write, f"so {tag} it is"
        write(path / f"secret{suite.ending}", sentence(f"{name} {tag}"), comment)
        write(path / f"open{suite.ending}", sentence(f"open {name} {tag}"))
        sources.append(
            f"{{{suite.kind}: {{name: {name}{number}, path: {number}/{name}}}}}"
        )
    return sources


@pytest.mark.slow
def test_no_reader_lets_out_what_has_the_tag_in_its_comment(forge, fake):
    sources, works = [], []
    tags = TAGS[0], TAGS[-1]
    for number, tag in enumerate(tags):
        sources += sources_with(forge.folder, number, tag)
        mark = Annotation(f"MARK000{number}", sentence(f"Zotero {tag}"), comment=tag)
        file = Attachment(f"ATTACH0{number}", "a.pdf", (mark,))
        works.append(Work(f"WORK000{number}", {"title": "One"}, attachments=(file,)))
    (forge.folder / "zotero").mkdir()
    write_zotero(forge.folder / "zotero" / "zotero.sqlite", [Library(tuple(works))])
    sent = sent_of(forge, fake, *sources, "{zotero: {name: library, path: zotero}}")
    names = [f"{name} {tag}" for name in (*SUITES, "Zotero") for tag in tags]
    assert leaving(sent, names) == []
    for name in ("Obsidian", "Markdown", "Jupyter", "Pdf"):
        for tag in tags:
            assert sentence(f"open {name} {tag}") in sent


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
    "front matter, a field": "---\nnollm: true\n---\n==SECRET.==\n",
    "tags of Logseq": "tags:: diary, [[no-llm]]\n\n==SECRET.==\n",
    "comment": "%% #no_llm %%\n\n==SECRET.==\n",
    "code": "`#no_llm`\n\n==SECRET.==\n",
    "page of Logseq": "[[no-llm]]\n\n==SECRET.==\n",
    "heading": "# Mine #nollm\n\nIt lives.\n\n==SECRET.==\n",
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


def test_a_note_is_private_where_it_has_the_tag(forge, fake):
    notes = forge.folder / "notes"
    notes.mkdir()
    for name, text in NOTES.items():
        path = notes / f"{name}.md"
        path.write_text(text.replace("SECRET", sentence(name)), encoding="utf-8")
    (notes / "open.md").write_text(PUBLIC, encoding="utf-8")
    sent = sent_of(forge, fake, VAULT)
    assert leaving(sent, NOTES) == []
    assert "harbour" in sent


def pdf(folder: Path) -> str:
    blocks = (paragraph(f"{sentence('pdf')}."),)
    pages = [Page(blocks, [mark(sentence("pdf"))])]
    write_pdf(folder / "a.pdf", pages, fields={"/Keywords": "fish, no-llm"})
    return f"{{pdf: {{name: papers, path: {folder.name}}}}}"


def book(name: str) -> Book:
    chapter = ("One", f"{sentence(name)}.")
    return Book(f"A Book of {name}", ("Ada",), (chapter,), ("Fish", "No-LLM"))


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


CATALOGUES = {"pdf": pdf, "calibre": calibre, "automatic": automatic}


def test_a_work_whose_catalogue_has_the_tag_is_private(forge, fake):
    sources = []
    for name, write in CATALOGUES.items():
        (forge.folder / name).mkdir()
        sources.append(write(forge.folder / name))
    assert leaving(sent_of(forge, fake, *sources), CATALOGUES) == []


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
    "other spelling": "# Mine\n\nSECRET. #nollm\n",
    "front matter": "---\nnollm: true\n---\nSECRET.\n",
    "in code": "```text\nSECRET\n```\n#no_llm\n",
    "in a table": "| a | b |\n|---|---|\n| SECRET. | #no_llm |\n",
    "in a comment": "%% SECRET #no_llm %%\n",
    "in a tagged comment": "It is so. <!-- SECRET #no-llm -->\n",
    "in a comment under a heading": "# Mine #no-llm\n\nIt.\n\n%%\nSECRET\n%%\n",
    "in the front matter": "---\ntags: [no-llm]\nsummary: SECRET.\n---\nIt is so.\n",
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


AS_A_NAME = {
    "heading": "# SECRET #no-llm\n\nMine.\n",
    "heading of a private note": "---\ntags: [no-llm]\n---\n# SECRET\n\nMine.\n",
    "title": "---\ntags: [no-llm]\ntitle: SECRET\n---\nMine.\n",
    "field": "---\ntags: [no-llm]\nsummary: SECRET\n---\nMine.\n",
    "title of a callout": "> [!note] SECRET #no-llm\n> Mine.\n",
    "cell": "| a | b |\n|---|---|\n| SECRET | #no-llm |\n",
    "phrase": "They say that ==SECRET== since the spring. #no-llm\n",
}


def test_a_name_of_a_private_note_is_free_in_other_notes(forge, fake):
    notes = forge.folder / "notes"
    notes.mkdir()
    for number, (name, text) in enumerate(AS_A_NAME.items()):
        text = text.replace("SECRET", sentence(name)) + "\n\n- A zebrafish #no-llm\n"
        (notes / f"{name}.md").write_text(text, encoding="utf-8")
        with_copy(notes, name, number)
    sent = sent_of(forge, fake, VAULT)
    assert leaving(sent, AS_A_NAME) == list(AS_A_NAME)
    assert "zebrafish" not in sent


def private_texts(sightings: Iterable[Any]) -> list[tuple[tuple[str, ...], ...]]:
    """Return the private texts and the private names of each document."""
    return [
        (read.private_texts, read.private_names)
        for read in sightings
        if isinstance(read, ExtractedDocument | UnmarkedDocument)
    ]


def test_a_note_says_which_of_its_private_texts_are_names(tmp_path):
    (tmp_path / "My diary.md").write_text(
        "---\ntags: [no-llm]\nsummary: A year of my life\nwhy: I was ill that year.\n---\n"
        "# The spring\n\nI was ==ill==.\n\n- a list\n\n| when | how |\n|---|---|\n| May | I fell ill. |\n"
        "\n%% what nobody shall see %%\n\n```\nprint(1)\n```\n",
        encoding="utf-8",
    )
    [(texts, names)] = private_texts(opened("obsidian", tmp_path, name="n").scan())
    assert texts == (
        "I was ill.", "a list", "print(1)", "I was ill that year.", "I fell ill.",
        "what nobody shall see",
    )  # fmt: skip
    assert names == (
        "My diary", "A year of my life", "The spring", "when", "how", "May",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("title", "texts", "names"),
    [
        ("<h1>My illness</h1>", ("I was ill.",), ("My illness",)),
        ("<h1>I was ill again.</h1>", ("I was ill.", "I was ill again."), ()),
        ("", ("I was ill.",), ()),
    ],
)
def test_the_title_of_a_private_note_of_zotero_is_a_name(title, texts, names, tmp_path):
    note = Note("NOTE0001", f"{title}<p>I was ill.</p>", tags=("no-llm",))
    work = Work("WORK0001", {"title": "One"}, notes=(note,))
    write_zotero(tmp_path / "zotero.sqlite", [Library((work,))])
    assert private_texts(opened("zotero", tmp_path, name="z").scan()) == [(texts, names)]


LONG = f"<p>{'goes-on-and-' * 100}on.</p>" * 20
ZOTERO_NOTES = {
    "in the title": "<h1>Mine #no-llm</h1><p>SECRET.</p>",
    "with another sign in the title": "<h1>Mine #no_llm</h1><p>SECRET.</p>",
    "in emphasis": "<h1>Mine #no<b>-llm</b></h1><p>SECRET.</p>",
    "in a comment": "<!-- #no-llm --><p>SECRET.</p>",
    "after what is shown": "<p>SECRET.</p>" + LONG + "<p>#no-llm</p>",
    "both after what is shown": LONG + "<p>SECRET.</p><p>#no-llm</p>",
}


def test_a_private_note_of_zotero_is_kept_in_where_it_is_copied(forge, fake):
    public = Annotation("MARK0001", "The harbour of Ghent is open to ships")
    file = Attachment("ATTACH01", "b.pdf", (public,))
    works = [Work("OPEN0001", {"title": "Open"}, attachments=(file,))]
    loose, names = list[Note](), list[str]()
    for number, (place, html) in enumerate(ZOTERO_NOTES.items()):
        names += (f"of a work, {place}", f"loose, {place}")
        its, alone = (
            Note(f"{key}{number:04}", html.replace("SECRET", sentence(name)))
            for key, name in zip(("NOTE", "LONE"), names[-2:], strict=True)
        )
        works.append(Work(f"WORK{number:04}", {"title": f"No. {number}"}, notes=(its,)))
        loose.append(alone)
    (forge.folder / "zotero").mkdir()
    library = Library(tuple(works), loose_notes=tuple(loose))
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
    "tag": {"tags": ["no-llm"]},
    "tag, nested": {"tags": ["no-llm/diary"]},
    "tag of a reply": {"references": ["a"], "tags": ["nollm"]},
    "reply": {"references": ["a"], "text": "so #nollm"},
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
