"""The paragraphs around a mark tell its subject, and may answer what its comment asks."""

from pathlib import Path

import pytest

from ankiforge.text.passages import MAX_ANSWER_CONTEXT_CHARS, get_paragraphs_around
from tests.makers.pdf_writer import Mark, Page, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

BEFORE = "Bread keeps best at room temperature, wrapped in a cloth of linen."
MARKED = "In a refrigerator bread goes stale six times as fast."
AFTER = "Starch crystallises fastest just above freezing, and that makes the crumb hard."


def write_paper(path: Path, *marks: Mark) -> None:
    path.parent.mkdir(parents=True)
    write_pdf(
        path, [Page(tuple(map(paragraph, (BEFORE, MARKED, AFTER))), marks)], title="Bread"
    )


def test_paragraphs_that_are_too_many_are_left_out():
    text = "\n".join(("far " * 400, "Anna is ill.", "before", "the passage", "behind"))
    start = text.index("the passage")

    found = get_paragraphs_around(text, start, start + 11, for_question=True)

    assert found == "Anna is ill.\nbefore\nthe passage\nbehind"


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("Yeast eats the sugar in it. " * 120, "… Yeast eats", "in it. …"),
        ("yeast eats the sugar and " * 120, "… ", " …"),
        ("酵母は糖を食べる。" * 400, "… 酵母", "食べる。 …"),
        ("糖" * 4000, "… 糖", "糖 …"),
    ],
)
def test_a_long_paragraph_is_cut_between_sentences_or_words(text, begins, ends):
    start = len(text) // 2
    found = get_paragraphs_around(text, start, start + 10, for_question=True)

    assert found.startswith(begins)
    assert found.endswith(ends)
    inner = found[2:-2]
    assert inner in text
    assert set(inner.split()) <= set(text.split()) or " " not in text
    assert MAX_ANSWER_CONTEXT_CHARS / 2 < len(found) <= MAX_ANSWER_CONTEXT_CHARS


def test_the_beginning_and_end_of_a_paragraph_are_not_cut():
    text = "A first sentence. " + "Yeast eats the sugar in it. " * 120 + "A last one."

    assert get_paragraphs_around(text, 0, 5, for_question=True).startswith(
        "A first sentence. Yeast"
    )
    assert get_paragraphs_around(
        text, len(text) - 5, len(text), for_question=True
    ).endswith("Yeast eats the sugar in it. A last one.")


def test_a_marked_cell_is_sent_with_its_row(forge, server):
    (forge.folder / "notes").mkdir()
    note = forge.folder / "notes" / "metals.md"
    rows = "| Metal | Melts at | Use |\n|---|---|---|\n| Lead | 327 °C | shot |\n| Tin | 232 °C | solder |"
    note.write_text(f"# Metals\n\n{rows.replace('232 °C', '==232 °C==')}\n")
    forge.drafting(
        server.base_url, "{obsidian: {name: notes, path: notes}}", model="m-70b"
    )
    forge.ok("run")

    sent = server.asked[0]["messages"][-1]["content"]
    table = "Metal | Melts at | Use\nLead | 327 °C | shot\n"
    assert f"<around>Metals\n{table}Tin | 232 °C | solder</around>" in sent


@pytest.mark.parametrize(
    ("comment", "attached"),
    [("why is that so?", True), ("good to know", True), ("why?", False)],
)
def test_a_mark_in_zotero_is_asked_with_the_paragraphs_of_its_pdf(
    forge, server, comment, attached
):
    folder = forge.folder / "Zotero"
    folder.mkdir()
    marks = (Annotation("MARK0001", MARKED, comment),)
    work = Work(
        "PAPER001",
        {"title": "Bread"},
        attachments=(Attachment("ATTACH01", "bread.pdf", marks),),
    )
    write_zotero(folder / "zotero.sqlite", [Library((work,))])
    if attached:
        write_paper(folder / "storage" / "ATTACH01" / "bread.pdf")
    forge.drafting(
        server.base_url, "{zotero: {name: zotero, path: Zotero}}", model="m-70b"
    )
    told = forge.ok("run", "--json").data

    sent = server.asked[0]["messages"][-1]["content"]
    assert (f"<around>{BEFORE} {MARKED} {AFTER}</around>" in sent) == attached
    assert ("<around>" in sent) == attached
    failures = [problem for problem in told["problems"] if not problem["notice"]]
    assert failures == []
