"""Whatever is under `#no-llm` is in no request, no text for a chat and no answer to an agent.

Each example is a vault, a folder of PDFs and a Zotero library whose documents hide a word of their own
in a private part; every way out is then run, and all that was sent or written is searched for the words.
Each document also has a public mark, to show that what may leave does.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

pytest.importorskip("mcp")

from tests.examples import examples
from tests.fakes import llm_server
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero
from tests.ways_out import all_that_leaves

pytestmark = pytest.mark.slow

SOURCES = (
    "{obsidian: {name: notes, path: notes, marks: ['==', mark, callout]}}",
    "{markdown: {name: texts, path: texts, marks: ['==', quote]}}",
    "{jupyter: {name: cells, path: cells}}",
    "{pdf: {name: papers, path: papers}}",
    "{zotero: {name: library, path: Zotero}}",
)

TAGS = (
    "#no-llm",
    "#No-LLM",
    "#NO-LLM",
    "#no-llm/diary",
    "%%#no-llm%%",
    "<!-- #no-llm -->",
    "`#no-llm`",
)

# {private} is what must not leave, {tag} the tag, {public} a marked sentence that may leave.
NOTES = (
    "The {public}\n\n{private} {tag}",
    "{tag} {private}\n\n{public}",
    "{public}\n\n{private}\nand more of it\n{tag}\n\nThe end.",
    "- {public}\n- {private} {tag}",
    "- [ ] {private} {tag}\n- [x] {public}",
    "1. {private} {tag}\n   1. below it\n2. {public}",
    "- {private} {tag}\n\n{public}",
    "> {private} {tag}\n\n{public}",
    "{public}\n\n> {private}\n> {tag}",
    "> [!note] {private} {tag}\n> inside\n\n{public}",
    "> [!note] Open\n> {private} {tag}\n\n{public}",
    "{public}[^1]\n\n[^1]: {private} {tag}",
    "| Left | Right |\n|---|---|\n| {private} {tag} | x |\n| a | {public} |",
    "# {private} {tag}\n\nUnder it.\n\n# Open\n\n{public}",
    "{public}\n\n## {private} {tag}\n\nUnder it.",
    "{public}\n\nQ of {private}::an answer {tag}",
    "{public}\n\nWhat is {private}?\n?\nIt is it. {tag}",
    "{public}\n\nThere is {{{{{private}}}}} in it. {tag}",
    "{public}\n\n=={private} is here.== {tag}",
    "{public}\n\n![{private}](x.png) {tag}",
    "{public}\n\n`{private}` and $x$ {tag}",
    "{public}\n\n```\n{private}\n{tag}\n```",
    "{public}\n\n$$\n{private}\n$$\n{tag}",
    "{public}\n\n[{private}](https://x.test/a) {tag}",
    "{public}\n\n“{private}” ([Doe](zotero://open-pdf/library/items/ABCD2345?page=1)) {tag}",
    "{public}\n\n{private} {tag} ^block",
    # the same words, in the title of another part
    "# {private}\n\n{public}\n\n=={private}== {tag}",
    "- {private}\n  - {public}\n\n{private} {tag}",
)
# The whole note is private: nothing of it may leave.
WHOLE = (
    "---\ntags: [no-llm]\n---\n=={private}==\n\n{public}",
    "---\ntags: no-llm\ntitle: A: B\n---\n{private}\n\n{public}",
    "---\ntags: no-llm\nauthor: @bob\n---\n{private}\n\n{public}",
    "---\ntags:\n  - no-llm\ndate: {{{{date}}}}\n---\n{private}\n\n{public}",
    "---\ntags: no-llm\ntags: history\n---\n{private}\n\n{public}",
    "---\nTags: [No-LLM]\n---\n{private}\n\n{public}",
    "---\ntags: #no-llm\n---\n{private}\n\n{public}",
    "---\ntags: no-llm\n\n{private}\n\n{public}",
    "---\ntag: no-llm/diary\n---\n{private}\n\n{public}",
    "---\ntitle: A: B\n---\n{private}\n\n{public}",
    "+++\ntags = ['no-llm']\n+++\n{private}\n\n{public}",
    "tags:: diary, no-llm\n\n{private}\n\n{public}",
    "{public}\n\n{tag}\n\n{private}",
    "# All {tag}\n\n{private}\n\n{public}",
)


# Forms in which {private} is all that a sentence says: it is no heading and no cell, which are
# private in their own document alone, and no part of a longer sentence.
_ALONE = re.compile(
    r"(?<!\+\+\+\n)^(?:> |- |  - |- \[ \] |1\. |\[\^1\]: )?(?:\{tag\} )?(?:==)?\{private\}(?:==)?(?: \{tag\})?"
    r"(?: \^block)?$(?!\nand more)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Hidden:
    """One document: how it is written, and with which tag."""

    where: str
    form: int
    tag: str
    long: bool
    """Whether the words are so many that a sentence of them is private in every document."""

    @property
    def is_partly_public(self) -> bool:
        """Whether something of it may leave."""
        if self.where == "Zotero":
            return self.form % 3 != 2
        covering = (9, 15, 19, 27)  # forms in which the mark is, or may be, under the tag
        return (
            self.where in ("notes", "cells", "papers")
            and self.form % len(NOTES) not in covering
        )


DOCUMENT = st.builds(
    Hidden,
    st.sampled_from(
        (
            "notes",
            "notes",
            "notes",
            "cells",
            "whole",
            "texts",
            "papers",
            "Zotero",
        )
    ),
    st.integers(0, 10_000),
    st.sampled_from(TAGS),
    st.booleans(),
)
NAMES = {
    "texts": "texts/{}.md",
    "cells": "cells/{}.ipynb",
}
LETTERS = "bcdfghjklmnpqrstvwxz"


def canary(number: int) -> str:
    """A word that stands nowhere else."""
    first, second = divmod(number, len(LETTERS))
    return f"Zanzi{LETTERS[first]}{LETTERS[second]}quux"


class Documents:
    """Writes the documents of one example below a folder."""

    def __init__(self, folder: Any) -> None:
        self.folder = folder
        self.works: list[Work] = []
        for name in ("notes", "texts", "cells", "papers", "Zotero"):
            (folder / name).mkdir(parents=True)

    def write(self, number: int, document: Hidden) -> None:
        word = canary(number)
        private = f"my {word} diary"
        if document.long:
            private += " of the long winter evenings by the lake"
        # a sentence like a private one would be withheld
        own = canary(number)[5:7]
        public = f"The peace{own} of {1600 + number} ended{own} every war{own}."
        match document.where:
            case "papers":
                self.paper(number, private, public, document)
            case "Zotero":
                self.work(number, private, public, document)
            case kind:
                self.note(number, private, public, document, kind)

    def note(
        self, number: int, private: str, public: str, document: Hidden, kind: str
    ) -> None:
        forms = WHOLE if kind == "whole" else NOTES
        form = forms[document.form % len(forms)]
        text = form.format(private=private, public=f"=={public}==", tag=document.tag)
        if kind == "cells":
            text = json.dumps(
                {"nbformat": 4, "cells": [{"cell_type": "markdown", "source": text}]}
            )
        name = NAMES.get(kind, "notes/{}.md")
        (self.folder / name.format(number)).write_text(text + "\n", encoding="utf-8")
        if document.long and _ALONE.search(form):  # another note quotes it
            quoting = (
                f"Somebody said: {private}. =={public.replace('peace', 'treaty')}==\n"
            )
            (self.folder / "notes" / f"quoting {number}.md").write_text(
                quoting, encoding="utf-8"
            )

    def paper(self, number: int, private: str, public: str, document: Hidden) -> None:
        blocks = (paragraph(f"And {private}."), paragraph(public))
        marks = [mark(private, comment="#no-llm"), mark(public)]
        if document.form % 2:
            marks = [mark(private, comment=f"so {document.tag} it is"), mark(public)]
        write_pdf(
            self.folder / "papers" / f"{number}.pdf",
            [Page(blocks, marks)],
            title="A paper",
        )

    def work(self, number: int, private: str, public: str, document: Hidden) -> None:
        key = f"{number:03d}"
        tagged = document.form % 3
        annotations = (
            Annotation(f"MARKA{key}", private, comment="#NO-LLM" if tagged == 0 else None,
                       tags=("No-LLM",) if tagged == 1 else ()),
            Annotation(f"MARKB{key}", public),
        )  # fmt: skip
        attachment = Attachment(f"ATTAC{key}", f"{number}.pdf", annotations)
        tags = ("no-llm",) if tagged == 2 else ()
        work = Work(
            f"PAPER{key}",
            {"title": f"On {private}"},
            tags=tags,
            attachments=(attachment,),
        )
        self.works.append(work)

    def finish(self) -> None:
        write_zotero(
            self.folder / "Zotero" / "zotero.sqlite", [Library(tuple(self.works))]
        )


@pytest.fixture(scope="module")
def recording() -> Iterator[Any]:
    with llm_server.LlmServer() as running:
        yield running


# a smaller example takes as long to run as this one, and its message names the document
@settings(examples(3), phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(documents=st.lists(DOCUMENT, min_size=4, max_size=12))
def test_no_private_word_leaves_by_any_way(
    documents, recording, forge_in, tmp_path_factory
):
    forge = forge_in(tmp_path_factory.mktemp("private"))
    library = Documents(forge.folder)
    for number, document in enumerate(documents):
        library.write(number, document)
    library.finish()

    sent = all_that_leaves(forge, recording, *SOURCES)
    leaked = []
    for number, document in enumerate(documents):
        if canary(number)[5:] in sent:
            leaked.append(f"{document}: {around(sent, canary(number))}")
    assert leaked == []
    missing = []
    for number, document in enumerate(documents):
        if document.is_partly_public and str(1600 + number) not in sent:
            missing.append(str(document))
    assert missing == []


def around(text: str, word: str) -> str:
    at = text.find(word[5:])
    return text[max(at - 300, 0) : at + 300]
