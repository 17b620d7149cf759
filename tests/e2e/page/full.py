"""A workspace that has something in every view: for axe, pictures, and whole stories.

It is made as a person would: notes and a paper are read, the cards come to Anki; some are changed,
moved or thrown away there, some passages are rewritten, and a model draws what is new.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from samples.pdf_writer import Page, heading, mark, paragraph, write_pdf
from tests.anki.studying import remark, study

CELLS = """\
---
tags: [biology]
---
# Cells

What powers the cell?::The mitochondrion

The ==mitochondrion== makes most of the cell's ATP by oxidative phosphorylation.

How many chromosomes has a human cell?::46

What does a ribosome read?::Messenger RNA

The nucleus is bounded by a double membrane, the ==nuclear envelope==.
"""
VESICLES = "# Vesicles\n\nThe ==Golgi apparatus== sorts proteins and packs them into vesicles.\n"
MORE = """\
# Learning

What enzyme unwinds DNA at the fork?::helicase

Which enzyme is responsible for unwinding DNA at the fork?::Helicase

==The hippocampus binds the parts of an experience into one memory.==

Recalling a fact strengthens memory more than rereading it, which is called the ==testing effect==.
"""
BOOK = "# The Elements of Style\n\nauthor:: Strunk\n\npages:: 105\n\nrating:: 7\n"
FORGETTING = (
    "Retention falls as R = e^{−t/S}, where S is the stability of the memory: what is stable is "
    "forgotten slowly."
)
SPACING = (
    "Cepeda and colleagues found in 2006 that spaced sessions beat massed ones in 259 of 271 "
    "comparisons."
)


def paper(path: Path) -> None:
    """Two marks that only a model makes cards of."""
    blocks = (
        heading("The Spacing Effect", level=0),
        paragraph("Written for ankiforge", align="centre", style="italic"),
        heading("1 Forgetting"),
        paragraph(f"Ebbinghaus learnt syllables by heart and waited. {FORGETTING}"),
        heading("2 Spacing"),
        paragraph(f"{SPACING} The longer the wish to remember, the longer the gap should be."),
    )
    forgetting = FORGETTING.replace("^{−t/S}", "−t/S")
    marks = (mark(SPACING, colour="#ffd400"), mark(forgetting, comment="the forgetting curve"))
    title = "The Spacing Effect"
    write_pdf(path, [Page(blocks, marks, label="117")], title=title, author="Written for ankiforge")


def drawn(fake: ModuleType) -> Callable[[dict[str, Any]], Any]:
    """A model that offers three cards of one fact, and one that it should not have drawn."""

    def answer(request: dict[str, Any]) -> Any:
        return fake.cards(
            *(one for h, text in fake.marked(request) for one in offered(fake, h, text))
        )

    return answer


def offered(fake: ModuleType, h: str, text: str) -> list[dict[str, Any]]:
    if text.startswith("Cepeda"):
        front = "In how many of 271 comparisons did spaced sessions beat massed ones?"
        turned = "What beat massed sessions in 259 of 271 comparisons?"
        gap = "Spaced sessions beat massed ones in {{c1::259}} of 271 comparisons."
        return [
            fake.card(h, text, front, "259", fact="1"),
            fake.card(h, text, turned, "Spaced sessions", fact="1"),
            {"h": h, "kind": "cloze", "quote": text, "text": gap, "fact": "1"},
        ]
    if text.startswith("Retention"):
        front = r"How does retention fall, \(R = e^{-t/S}\), if the stability \(S\) is 12?"
        return [fake.card(h, text, front, "slowly")]
    return [
        {"h": h, "kind": "none", "quote": text, "why_none": "what is bound, and how, is not said"}
    ]


def settings(folder: Path, base_url: str) -> None:
    llm = {"base_url": base_url, "model": "a-model", "candidates": 3}
    (folder / "ankiforge.yaml").write_text(
        "sources:\n  - obsidian: {name: notes, path: notes}\n  - pdf: {name: papers, path: papers}\n"
        f"drafter: rules\nllm: {json.dumps(llm)}\naccept: {{rules: clean, llm: review}}\n",
        encoding="utf-8",
    )


@contextmanager
def full(forge: Any, backend: ModuleType, fake: ModuleType) -> Iterator[Any]:
    """Fill the workspace of `forge`; the model's server runs meanwhile.

    Args:
        forge: the program (`tests/conftest.py`).
        backend: the real Anki (`tests/anki/backend.py`).
        fake: the model's stand-in (`tests/fakes/llm_server.py`).
    """
    with fake.LlmServer(otherwise=drawn(fake)) as server:
        settings(forge.folder, server.base_url)
        first_term(forge, lambda: backend.opened(forge.profile))
        second_term(forge)
        yield server


Opened = Callable[[], AbstractContextManager[Any]]


def first_term(forge: Any, opened: Opened) -> None:
    """Cards come to Anki, and a person changes some of them there."""
    notes = forge.folder / "notes"
    (notes / ".obsidian").mkdir(parents=True)
    (notes / "Cells.md").write_text(CELLS, encoding="utf-8")
    (notes / "Vesicles.md").write_text(VESICLES, encoding="utf-8")
    (forge.folder / "papers").mkdir()
    forge.ok("run")
    with opened() as anki:
        anki.load(forge.folder / "ankiforge.apkg")
    forge.ok("run")
    with opened() as anki:
        fails = of(forge, "nuclear envelope")
        study(anki, fails, lapses=6, data='{"s":2.6,"d":9.4,"dr":0.9}')
        remark(anki, fails, "which membrane?")
        anki.edit(of(forge, "powers"), Back="The mitochondrion, once a bacterium of its own")
        anki.col.remove_notes([anki.note(of(forge, "chromosomes")).id])
        anki.col.db.execute("delete from graves")  # as after an older backup: no word of why
    forge.ok("edit", of(forge, "ribosome"), "--field", "Back", "Messenger RNA, codon by codon")


def second_term(forge: Any) -> None:
    """The notes are rewritten, a paper is read, a model draws."""
    notes = forge.folder / "notes"
    words = CELLS.replace("::The mitochondrion", "::The mitochondria, hundreds of them")
    words = words.replace("::Messenger RNA", "::Messenger RNA, three letters at a time")
    (notes / "Cells.md").write_text(words, encoding="utf-8")
    skipped = VESICLES.replace("# Vesicles", "---\ncards: false\n---\n# Vesicles")
    (notes / "Vesicles.md").write_text(skipped, encoding="utf-8")
    (notes / "Learning.md").write_text(MORE, encoding="utf-8")
    (notes / "Style.md").write_text(BOOK, encoding="utf-8")
    paper(forge.folder / "papers" / "The Spacing Effect.pdf")
    forge.ok("run")
    forge.ok("run", "--drafter", "llm")


def of(forge: Any, words: str) -> str:
    """The guid of the one card that holds these words."""
    [card] = [one for one in forge.cards() if words in " ".join(one["fields"].values())]
    guid: str = card["guid"]
    return guid
