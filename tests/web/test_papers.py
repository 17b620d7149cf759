"""The picture of the PDF page beside a card: cropped around the mark, whole after a click."""

from pathlib import Path

import pytest

from ankiforge.extract.pdf.worker import PdfWorker
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.web.conftest import settle

MARKED = "Spaced sessions beat massed ones in 259 of 271 comparisons, as Cepeda found."
BEFORE = "Whoever learns for an exam reads the same page again and again. It feels easy, and little of it stays for a week."
CROP = """() => {
  const crop = document.querySelector(".item:not(.ahead) .crop").getBoundingClientRect();
  const over = [...document.querySelectorAll(".item:not(.ahead) .over")].map((one) => one.getBoundingClientRect());
  return over.length && over.every((one) =>
    one.width > 20 && crop.left <= one.left && one.right <= crop.right && crop.top <= one.top && one.bottom <= crop.bottom);
}"""


@pytest.fixture
def paper(forge) -> Path:
    """A paper with one mark on its second page, in a workspace that has read it."""
    path = forge.folder / "papers" / "Spacing.pdf"
    path.parent.mkdir()
    plain = Page((paragraph(BEFORE),))
    marked = Page(
        (paragraph(BEFORE), paragraph(f"{BEFORE} {MARKED}")), (mark(MARKED),), label="118"
    )
    write_pdf(path, [plain, marked], title="Spacing")
    forge.settings(
        "sources:\n  - pdf: {name: papers, path: papers}\nanki: {collection: none}\n"
    )
    forge.ok("run")
    return path


def test_the_page_stands_beside_the_card_and_opens_whole(forge, paper, opened):
    page = opened(forge, "none")
    page.locator(".item:not(.ahead) .crop img").wait_for()
    assert page.evaluate(CROP)
    page.locator(".item:not(.ahead) .zoom").click()
    page.locator("#paper img").wait_for()
    assert page.evaluate("document.querySelector('#paper img').naturalHeight") > 1000
    page.keyboard.press("a")  # the card isn't on screen
    page.keyboard.press("Escape")
    settle(page)
    assert page.locator(".item:not(.ahead)").count()


def test_without_the_file_there_is_no_picture(forge, paper, opened):
    paper.unlink()
    page = opened(forge, "none")
    assert page.locator(".item:not(.ahead)").count()
    assert not page.locator(".paper").count()
    answers = page.evaluate(
        "Promise.all(['/api/page?id=x', '/page/x.png'].map(async (one) => (await fetch(one)).status))"
    )
    assert answers == [404, 404]


@pytest.mark.parametrize(
    ("number", "words", "box", "lines"),
    [
        (1, MARKED, None, {1, 2}),
        (1, f"{MARKED} And so it goes on, on the next page of this paper.", None, {1, 2}),
        (1, "", (100.0, 600.0, 200.0, 700.0), {1}),
        (1, "words that stand nowhere on it", None, {0}),
    ],
)
def test_words_are_found_on_a_page(paper, number, words, box, lines):
    with PdfWorker(seconds=60) as worker:
        viewed = worker.view(paper, number, words, box)
    assert viewed.picture.startswith(b"\x89PNG")
    assert len(viewed.marks) in lines
    for left, top, right, bottom in viewed.marks:
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4 broken", None])
def test_a_page_that_cannot_be_drawn_is_left_out(paper, content):
    if content is not None:
        paper.write_bytes(content)
    with PdfWorker(seconds=60) as worker:
        assert not worker.view(paper, 7, MARKED).picture
