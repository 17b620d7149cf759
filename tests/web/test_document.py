"""The document beside the card: its pages with their marks, how they stand, and the ways through it."""

import io
from pathlib import Path
from unicodedata import normalize

import pytest
from PIL import Image, ImageChops, ImageDraw
from pypdf import PdfWriter
from pypdf.generic import NameObject, RectangleObject

from ankiforge.extract.pdf.messages import Marked
from ankiforge.extract.pdf.worker import PdfWorker
from ankiforge.web.documents import place_of
from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf
from tests.web.conftest import settle, shown, until
from tests.web.world import picture

MARKED = "Spaced sessions beat massed ones in 259 of 271 comparisons, as Cepeda found."
BEFORE = "Whoever learns for an exam reads the same page again and again. It feels easy, and little of it stays for a week."
FACTS = (
    "Oxygen was discovered in 1774 by Joseph Priestley in Wiltshire.",
    "Penicillin was discovered in 1928 by Alexander Fleming in London.",
    "Radium was discovered in 1898 by Marie Curie in Paris.",
)
WIDTH = 800


@pytest.fixture
def paper(forge) -> Path:
    """A paper of four pages with a mark on three of them, in a workspace that has read it."""
    path = forge.folder / "papers" / "Discoveries.pdf"
    path.parent.mkdir()
    pages = [Page((paragraph(BEFORE),))]
    for number, fact in enumerate(FACTS, 2):
        text = paragraph(f"{BEFORE} {fact} {BEFORE}")
        pages.append(
            Page((heading(f"Part {number}"), text), (mark(fact),), label=f"11{number}")
        )
    write_pdf(path, pages, title="Discoveries")
    sources = "sources:\n  - pdf: {name: papers, path: papers}\n"
    forge.settings(f"{sources}anki: {{collection: none}}\n", proposals=True)
    forge.ok("run")
    return path


NOW = "document.querySelector('.sheet-of-paper .over.now')"
COVERED = """(() => {
  const lines = [...document.querySelectorAll(".sheet-of-paper .over.now")].map((one) => one.getBoundingClientRect());
  const pane = document.querySelector("#document-body").getBoundingClientRect();
  return lines.length > 0 && lines.every((one) => one.width > 20 && pane.top <= one.top && one.bottom <= pane.bottom);
})()"""
STATES = "[...document.querySelectorAll('#document-map [data-key]')].map((one) => one.dataset.state)"


def test_marks_show_how_they_stand_and_the_document_follows_the_card(
    paper, forge, opened
):
    page = opened(forge)
    until(page, COVERED)
    until(
        page,
        f"document.querySelector('.sheet-of-paper img').naturalWidth >= {WIDTH - 64}",
    )
    assert page.evaluate(STATES) == ["asks"] * 3
    first = page.evaluate(f"{NOW}.dataset.key")
    page.keyboard.press("a")
    settle(page)
    until(page, COVERED)
    assert page.evaluate(f"{NOW}.dataset.key") != first
    until(page, f"{STATES}.filter((one) => one === 'card').length === 1")
    page.keyboard.press("x")
    settle(page)
    until(page, f"{STATES}.sort().join() === 'asks,card,none'")
    page.keyboard.press("u")
    until(page, f"{STATES}.sort().join() === 'asks,asks,card'")

    # a click on a mark goes to its card, and from there back to the list
    done = f"#document-map [data-key='{first}']"
    page.locator(done).dispatch_event("click")
    page.locator(".item:not(.ahead) .button", has_text="Save").or_(
        page.locator(".item:not(.ahead) .button.filled", has_text="Edit")
    ).first.wait_for()
    until(page, f"{NOW}?.dataset.key === '{first}'")
    page.locator(".back").click()
    settle(page)
    other = page.evaluate(f"{NOW}.dataset.key")
    assert other != first
    # the mark of another offer: it comes before the one that was shown
    key = page.evaluate(
        f"[...document.querySelectorAll('.tick-of-mark[data-state=asks]')].find((one) => one.dataset.key !== '{other}').dataset.key"
    )
    before = shown(page)
    page.locator(f"#document-map [data-key='{key}']").dispatch_event("click")
    until(page, f"{NOW}?.dataset.key === '{key}'")
    assert shown(page) != before
    assert not page.locator(".back").count()


def test_words_are_found_and_pages_are_gone_to(paper, forge, opened):
    page = opened(forge)
    until(page, COVERED)
    page.keyboard.type("/Marie cu")
    assert page.locator("#document-field").input_value() == "Marie cu"
    until(page, "document.querySelectorAll('.found').length > 0")
    assert page.locator("#document-told").inner_text() == "1 of 1"
    page.keyboard.press("Escape")
    assert not page.locator(".found").count()
    page.keyboard.type("g1")
    page.keyboard.type("13")
    page.keyboard.press("Enter")
    top = (
        "document.querySelector('[aria-label=\"Page 113\"]').getBoundingClientRect().top"
    )
    until(
        page,
        f"Math.abs({top} - document.querySelector('#document-body').getBoundingClientRect().top) < 2",
    )
    page.keyboard.type("g/owl")  # all cards are searched from here, too
    assert page.locator(".search").first.input_value() == "owl"
    settle(page)
    assert not page.locator("#document").is_visible()


@pytest.mark.slow
def test_a_narrow_window_has_the_document_behind_a_key(paper, forge, opened):
    page = opened(forge)
    page.set_viewport_size({"width": 600, "height": 900})
    assert not page.locator("#document").is_visible()
    page.keyboard.press("v")
    until(page, COVERED)
    page.keyboard.press("a")  # the card isn't on screen
    page.keyboard.press("Escape")
    settle(page)
    assert not page.locator("#document").is_visible()
    assert page.locator("#left").inner_text() == "0 of 3"


@pytest.mark.slow
def test_a_table_beside_a_passage_has_its_head_and_whole_rows(forge, opened):
    vault = forge.folder / "notes"
    (vault / ".obsidian").mkdir(parents=True)
    rows = [
        f"| [[H\\|hormone {n}]] | gland {n} | raises **level** {n} |" for n in range(40)
    ]
    marked = rows[25].replace("raises **level** 25", "==takes calcium out of bones==")
    head = "| Hormone | Gland | Effect |\n|---|:-:|---|"
    table = "\n".join([head, *rows[:25], marked, *rows[26:]])
    fact = "==The Suez Canal was opened in 1869 by Ferdinand de Lesseps.=="
    (vault / "Table.md").write_text(f"# T\n\n{table}\n\n{fact}\n", "utf-8")
    sources = "sources:\n  - obsidian: {name: notes, path: notes}\n"
    forge.settings(f"{sources}accept: {{rules: review}}\n", proposals=True)
    forge.ok("run")
    page = opened(forge)
    page.set_viewport_size({"width": 700, "height": 1000})
    tables = {}
    for _ in range(2):
        found = page.locator("#stage > .item:not(.ahead) .passage tr").all_inner_texts()
        tables[shown(page)] = [row.replace("\t", " ") for row in found]
        page.keyboard.press("j")
        settle(page)
    row = "hormone {0} gland {0} raises level {0}"
    assert sorted(tables.values()) == [
        ["Hormone Gland Effect", row.format(24), "hormone 25 gland 25 takes calcium out of bones",
         row.format(26), row.format(27)],
        ["Hormone Gland Effect", row.format(38), row.format(39)],
    ]  # fmt: skip


def test_without_the_file_its_marks_are_listed(forge, paper, opened):
    paper.unlink()
    page = opened(forge)
    page.locator("#document .marks li.now").wait_for()
    assert page.locator("#document .marks li").count() == 3
    asked = "['/api/page?id=x&page=0&width=9', '/page/x.png', '/api/texts?id=x', '/api/document?key=x']"
    answers = page.evaluate(
        f"Promise.all({asked}.map(async (one) => (await fetch(one)).status))"
    )
    assert answers == [404] * 4


@pytest.mark.parametrize(
    ("words", "box", "lines"),
    [
        (FACTS[1], None, {1, 2}),
        (f"{FACTS[1]} And so it goes on, on the next page of this paper.", None, {1, 2}),
        ("", (100.0, 600.0, 200.0, 700.0), {1}),
        ("words that stand nowhere on it", None, {0}),
    ],
)
def test_words_are_found_on_a_page(paper, words, box, lines):
    with PdfWorker(seconds=60) as worker:
        viewed = worker.view(paper, 2, [Marked(words, box)], WIDTH)
        assert [label for _, _, label in worker.measure(paper).pages] == [
            "1",
            "112",
            "113",
            "114",
        ]
    assert viewed.picture.startswith(b"\x89PNG")
    assert viewed.width == WIDTH
    [places] = viewed.marks
    assert len(places) in lines
    for left, top, right, bottom in places:
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
    read = " ".join(word for line in viewed.lines for word, _ in line)
    assert FACTS[1] in read


SPELT = "Each read-ahead step of a read-ahead file costs one read-ahead block of a read-ahead cache."
RAISED = "The area is πr^{2} and the sum Σx_{i} ≤ 2^{n}"
PAPERS = {
    "upright": {},
    "turned": {"rotate": 90},
    "upside down": {"rotate": 180},
    "on its side": {"rotate": 270},
    "two columns": {"columns": 2},
    "its origin elsewhere": {"media": (-200.0, 100.0, 412.0, 892.0)},
    "cropped": {"crop": (50.0, 60.0, 560.0, 760.0)},
}


@pytest.mark.parametrize("name", PAPERS)
def test_a_mark_covers_the_ink_of_its_words_and_no_other(tmp_path, name):
    path = tmp_path / "paper.pdf"
    settings = {**PAPERS[name]}
    crop = settings.pop("crop", None)
    # the first page says how the word is spelt that the second one breaks at line ends
    text = f"{BEFORE} {SPELT} {BEFORE} {RAISED}. {BEFORE} {FACTS[0]} {BEFORE} {FACTS[0]}"
    marks = (mark(SPELT), mark("the sum Σxi ≤ 2n"), mark(FACTS[0], nth=2))
    pages = [Page((paragraph(SPELT),)), Page((paragraph(text),), marks, **settings)]
    write_pdf(path, pages)
    if crop:
        writer = PdfWriter(path)
        writer.pages[1].cropbox = RectangleObject(crop)
        writer.write(path)

    with PdfWorker(seconds=60) as worker:
        places = [place_of(found) for found in worker.read(path).marks]
        viewed = worker.view(path, 1, [marked for _, marked in places], WIDTH)
        page = picture_of(viewed)
        assert len(viewed.marks) == len(marks)
        for number, lines in enumerate(viewed.marks):
            # the ink of a mark is what white boxes over it hide
            hidden = picture_of(worker.view(without_mark(path, number), 1, [], WIDTH))
            ink = black(ImageChops.difference(page, hidden))
            others = ImageChops.subtract(black(ImageChops.invert(page)), ink)
            tint = Image.new("L", page.size)
            for left, top, right, bottom in lines:
                corners = (
                    left * page.width,
                    top * page.height,
                    right * page.width - 1,
                    bottom * page.height - 1,
                )
                ImageDraw.Draw(tint).rectangle(corners, fill=255)
            whole = pixels(ink)
            assert whole > 200
            assert pixels(ImageChops.multiply(ink, tint)) > 0.95 * whole
            assert pixels(ImageChops.multiply(others, tint)) < 0.05 * whole


def picture_of(viewed):
    return Image.open(io.BytesIO(viewed.picture)).convert("L")


def black(picture):
    """What is dark in a picture whose background is black."""
    return picture.point(lambda grey: 255 if grey > 60 else 0)


def pixels(picture):
    return picture.histogram()[255]


def without_mark(path, number):
    """A copy of a file with white boxes over what one of its marks covers."""
    writer = PdfWriter(path)
    page = writer.pages[1]
    quads = page["/Annots"][number].get_object()["/QuadPoints"]
    code = "Q 1 g"
    for at in range(0, len(quads), 8):
        xs, ys = quads[at : at + 8 : 2], quads[at + 1 : at + 8 : 2]
        code += f" {min(xs)} {min(ys)} {max(xs) - min(xs)} {max(ys) - min(ys)} re f"
    contents = page.get_contents()
    contents.set_data(b"q " + contents.get_data() + code.encode())
    page[NameObject("/Contents")] = writer._add_object(contents)
    copy = path.with_name(f"{number}.pdf")
    writer.write(copy)
    return copy


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4 broken", None])
def test_a_page_that_cannot_be_drawn_is_left_out(paper, content):
    if content is not None:
        paper.write_bytes(content)
    with PdfWorker(seconds=60) as worker:
        assert not worker.view(paper, 7, [Marked(MARKED)], WIDTH).picture


SELECT = """(words) => {
  const spans = [...document.querySelectorAll(".page-words tspan, .note-text .mark-in-text")];
  const chosen = spans.filter((one) => words.some((word) => one.textContent.includes(word)));
  const range = new Range();
  range.setStart(chosen[0].firstChild, 0);
  range.setEnd(chosen.at(-1).firstChild, chosen.at(-1).textContent.trimEnd().length);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}"""


@pytest.mark.slow
def test_words_that_are_selected_in_a_mark_become_a_gap_or_an_answer(
    paper, forge, opened
):
    page = opened(forge)
    until(page, COVERED)
    words = shown(page)
    year, person = (
        ("1774", "Joseph")
        if "1774" in words
        else ("1928", "Alexander")
        if "1928" in words
        else ("1898", "Marie")
    )
    page.evaluate(SELECT, [year])
    page.keyboard.press("c")
    page.locator(".item:not(.ahead) .composer .on", has_text=year).wait_for()
    assert (
        page.locator(".item:not(.ahead) .actions .button.filled span").inner_text()
        == "Make this card"
    )
    page.keyboard.press("Escape")
    assert not page.locator(".item:not(.ahead) .composer").count()
    page.evaluate(SELECT, [person])
    page.keyboard.press("q")
    page.locator(".item:not(.ahead) .composer .question").wait_for()
    page.keyboard.type("Who was it?")
    settle(page)
    page.keyboard.press("Enter")
    settle(page)
    assert {"Front": "Who was it?", "Back": person} in [
        one["fields"] for one in forge.cards()
    ]
    page.keyboard.press("u")
    settle(page)
    assert shown(page) == words


def test_a_note_stands_as_its_text_with_formulas_code_tables_and_pictures(forge, opened):
    vault = forge.folder / "notes"
    (vault / ".obsidian").mkdir(parents=True)
    text = (
        "---\ntags: [a]\n---\n# Forgetting\n\n> [!note] Careful\n> It is a model.\n\n"
        "Retention falls as $R = e^{-t/S}$. ==Ebbinghaus learnt **2,300** syllables in 1885.== ^b1\n\n"
        "| who | when |\n|---|---|\n| [[People|Ebbinghaus]] | 1885 |\n\n```python\nx = 1\n```\n\n"
        "==$E = mc^2$== is short. %%hidden%% What is `S`?::the stability\n\n![[curve.png]]\n"
    )
    # a Mac may have written the letters and their accents apart
    name = normalize("NFD", "Gedächtnis.md")
    (vault / name).write_text(text, encoding="utf-8")
    (vault / "curve.png").write_bytes(picture())
    forge.settings(
        "sources:\n  - obsidian: {name: notes, path: notes}\nanki: {collection: none}\naccept: {rules: review}\n",
        proposals=True,
    )
    forge.ok("run")
    page = opened(forge)
    page.locator(".note-text .now").first.wait_for()
    seen = page.locator(".note-text").inner_text()
    for hidden in ("tags:", "[!note]", "==", "^b1", "[[", "%%", "**", "|---"):
        assert hidden not in seen
    for tag in ("h1", "math", "table td", "pre code", "code", "strong", "img"):
        assert page.locator(f".note-text {tag}").count(), tag
    until(page, "document.querySelector('.note-text img').naturalWidth > 0")
    marked = page.locator(".note-text .mark-in-text").all_inner_texts()
    assert "".join(marked).startswith("Ebbinghaus learnt 2,300 syllables in 1885.")
    keys = "new Set([...document.querySelectorAll('.note-text [data-key]')].map((one) => one.dataset.key)).size"
    assert page.evaluate(keys) == page.evaluate(f"{STATES}.length")
    page.keyboard.type("/a model")
    assert page.locator("#document-told").inner_text() == "1 of 1"
