"""The document beside the card: its pages with their marks, how they stand, and the ways through it."""

import io
from pathlib import Path
from unicodedata import normalize

import pytest
from PIL import Image, ImageChops, ImageDraw
from pypdf import PdfWriter
from pypdf.generic import NameObject, RectangleObject

from ankiforge.extract.pdf.messages import PageHighlight
from ankiforge.extract.pdf.worker import PdfWorkerPool
from ankiforge.web.documents import find_page_and_highlight
from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf
from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    write_zotero,
)
from tests.web.conftest import CARD, settle, shown, until
from tests.web.world import picture

MARKED = "Spaced sessions beat massed ones in 259 of 271 comparisons, as Cepeda found."
BEFORE = "Whoever learns for an exam reads the same page again and again. It feels easy, and little of it stays for a week."
FACTS = (
    "Osmosis is the diffusion of water through a semipermeable membrane.",
    "Mitosis is the division of a cell into two equal daughter cells.",
    "Digestion is the breakdown of food into small molecules by enzymes.",
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


NOW = "document.querySelector('#paper .mark[data-s=now]')"
COVERED = """(() => {
  const mark = document.querySelector("#paper .mark[data-s=now]")?.getBoundingClientRect();
  const pane = document.querySelector("#paper").getBoundingClientRect();
  return Boolean(mark) && mark.width > 20 && pane.top <= mark.top && mark.bottom <= pane.bottom;
})()"""
STATES = "[...document.querySelectorAll('#strip i')].map((one) => one.dataset.state)"


def test_marks_show_how_they_stand_and_the_document_follows_the_card(
    paper, forge, opened
):
    page = opened(forge)
    until(page, COVERED)
    for _ in FACTS:  # the card stands level with its mark and is tied to it
        mark = page.locator("#paper .asked").first.bounding_box()
        card = page.locator("#margin > .card").bounding_box()
        assert abs(mark["y"] - card["y"]) < 40
        bar = page.locator("#paper .side[data-s=now]").bounding_box()
        assert bar["x"] < mark["x"]
        tie = page.locator("#tie circle").bounding_box()
        assert abs(tie["x"] + tie["width"] / 2 - card["x"]) < 1
        assert card["y"] <= tie["y"] <= card["y"] + card["height"]
        page.keyboard.press("j")
        settle(page)
    until(page, COVERED)
    until(
        page,
        f"document.querySelector('.sheet-of-paper img').naturalWidth >= {WIDTH - 64}",
    )
    assert page.evaluate(STATES) == ["suggested"] * 3
    first = page.evaluate(f"{NOW}.dataset.key")
    page.keyboard.press("Enter")
    settle(page)
    until(page, COVERED)
    assert page.evaluate(f"{NOW}.dataset.key") != first
    until(page, f"{STATES}.filter((one) => one === 'card').length === 1")
    page.keyboard.press("x")
    settle(page)
    until(page, f"{STATES}.sort().join() === 'card,none,suggested'")
    page.keyboard.press("u")
    until(page, f"{STATES}.sort().join() === 'card,suggested,suggested'")
    settle(page)

    # a click on a mark goes to its card, and from there back to the ten
    page.locator(f"#strip [data-key='{first}']").dispatch_event("click")
    page.locator("#buttons .filled", has_text="Edit").wait_for()
    until(page, f"{NOW}?.dataset.key === '{first}'")
    page.keyboard.press("Escape")
    settle(page)
    other = page.evaluate(f"{NOW}.dataset.key")
    assert other != first
    before = shown(page)
    page.keyboard.press("n")
    settle(page)
    assert shown(page) != before
    page.keyboard.press("p")
    settle(page)
    assert shown(page) == before


WHITE = """() => new Promise((done) => {
  const seen = [];
  const until = performance.now() + 700;
  const look = () => {
    const pages = [...document.querySelectorAll("#paper .sheet-of-paper")];
    const pane = document.querySelector("#paper").getBoundingClientRect();
    const inView = pages.filter((one) => {
      const { top, bottom } = one.getBoundingClientRect();
      return top < pane.bottom - 40 && bottom > pane.top + 40;
    });
    seen.push(inView.length > 0 && inView.every((one) => one.querySelector("img")));
    if (performance.now() < until) requestAnimationFrame(look);
    else done(seen);
  };
  look();
})"""


@pytest.mark.slow
def test_the_page_is_never_white_and_above_the_card_in_a_narrow_window(
    paper, forge, opened
):
    page = opened(forge)
    until(page, COVERED)
    page.wait_for_timeout(1500)  # the pages around it are drawn
    for key in "jjj":
        page.keyboard.press(key)
        frames = page.evaluate(WHITE)
        assert all(frames), (key, frames.count(False), len(frames))

    page.set_viewport_size({"width": 600, "height": 900})
    until(page, COVERED)
    document = page.locator("#paper").bounding_box()
    card = page.locator("#margin > .card").bounding_box()
    assert document["y"] + document["height"] <= card["y"]
    assert page.locator("#buttons .filled").bounding_box()["y"] > card["y"]
    assert page.locator("#count").inner_text() == "1 of 3"


CUT_OFF = """[...document.querySelectorAll("#paper .page-words text")].filter((word) => {
  const [text, page] = [word, word.closest(".sheet-of-paper")].map((node) => node.getBoundingClientRect());
  return text.left < page.left - 1 || text.top < page.top - 1 || text.right > page.right + 1 || text.bottom > page.bottom + 1;
}).length"""


@pytest.mark.slow
def test_a_title_page_with_wide_margins_cuts_nothing_off_the_pages_after_it(
    forge, opened
):
    pages = [Page((heading("Osmosis"), paragraph(BEFORE * 2)), margin=150.0)]
    pages += [Page((paragraph(BEFORE * 30),), margin=40.0)] * 3
    write_pdf(forge.folder / "lecture.pdf", pages)
    forge.settings("anki: {collection: none}\n")
    forge.ok("run", "lecture.pdf")
    page = opened(forge, "shelf")
    page.locator(".documents li .name").first.click()
    page.wait_for_selector("#paper .page-words")
    for width in (1280, 900):
        page.set_viewport_size({"width": width, "height": 800})
        settle(page)
        page.locator("[aria-label='Page 3']").scroll_into_view_if_needed()
        page.wait_for_selector("[aria-label='Page 3'] .page-words")
        until(page, f"{CUT_OFF} === 0")
        assert "p. 3" in page.locator("#where").inner_text()


def test_a_highlight_beside_short_lines_of_wide_text_is_no_column(forge, opened):
    fact = "Osmosis moves water."
    wide = f"{BEFORE} {fact} {BEFORE}"
    short = [paragraph(f"Short line {number}.") for number in range(4)]
    blocks = (*short, paragraph(wide), *short)
    write_pdf(forge.folder / "paper.pdf", [Page(blocks, (mark(fact),))])
    forge.settings("anki: {collection: none}\n", proposals=True)
    forge.ok("run", "paper.pdf")
    page = opened(forge, "shelf")
    page.set_viewport_size({"width": 900, "height": 800})
    page.locator(".documents li .name").first.click()
    until(page, COVERED)
    settle(page)
    sheet, pane = (
        page.locator(one).bounding_box() for one in (".sheet-of-paper", "#paper")
    )
    assert sheet["width"] <= pane["width"] + 1


IN_SIGHT = """(() => {
  const mark = document.querySelector("#paper .marks .asked")?.getBoundingClientRect();
  const pane = document.querySelector("#paper").getBoundingClientRect();
  return mark && mark.top >= pane.top && mark.top < pane.top + 0.6 * pane.height && mark.left >= pane.left && mark.left < pane.right;
})()"""


@pytest.mark.slow
def test_the_asked_mark_is_in_sight_however_the_window_changes(forge, opened):
    forge.settings(
        "proposals: true\nsources: [{obsidian: {name: notes, path: notes}}]\naccept: {rules: review}\n"
    )
    (forge.folder / "notes").mkdir()
    sums = r"$\left|\sum_{i=1}^n a_i b_i\right|^2 \le \left(\sum_{i=1}^n a_i^2\right)\left(\sum_{i=1}^n b_i^2\right)$"
    before = "\n\n".join(
        f"Paragraph {n} says that {sums} holds for all numbers, whatever they are."
        for n in range(12)
    )
    fact = f"=={FACTS[0]}=="
    text = f"# Sums\n\n{before}\n\n{fact}\n\n{before}\n"
    (forge.folder / "notes" / "Sums.md").write_text(text, encoding="utf-8")
    forge.ok("run")
    page = opened(forge)
    for width, height in ((1280, 800), (390, 844), (720, 450), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        settle(page)
        until(page, IN_SIGHT)


@pytest.mark.slow
def test_without_the_file_its_marks_are_listed(forge, paper, opened):
    paper.unlink()
    page = opened(forge)
    until(page, COVERED)
    assert page.locator("#paper .book li").count() == 3
    asked = "['/api/page?id=x&page=0&width=9', '/page/x.png', '/api/document?id=x']"
    answers = page.evaluate(
        f"Promise.all({asked}.map(async (one) => (await fetch(one)).status))"
    )
    assert answers == [404] * 3


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
    with PdfWorkerPool(timeout=60) as worker:
        viewed = worker.draw_page(paper, 2, [PageHighlight(words, box)], WIDTH)
        assert [label for _, _, label in worker.read_page_sizes(paper).pages] == [
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

    with PdfWorkerPool(timeout=60) as worker:
        places = [
            find_page_and_highlight(found) for found in worker.read_marks(path).marks
        ]
        viewed = worker.draw_page(path, 1, [marked for _, marked in places], WIDTH)
        page = picture_of(viewed)
        assert len(viewed.marks) == len(marks)
        for number, lines in enumerate(viewed.marks):
            # the ink of a mark is what white boxes over it hide
            hidden = picture_of(
                worker.draw_page(without_mark(path, number), 1, [], WIDTH)
            )
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
    with PdfWorkerPool(timeout=60) as worker:
        assert not worker.draw_page(paper, 7, [PageHighlight(MARKED)], WIDTH).picture


SELECT = """(words) => {
  const spans = [...document.querySelectorAll(".page-words text")];
  const chosen = spans.filter((one) => words.some((word) => one.textContent.includes(word)));
  const range = new Range();
  range.setStart(chosen[0].firstChild, 0);
  range.setEnd(chosen.at(-1).firstChild, chosen.at(-1).textContent.trimEnd().length);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}"""


def test_words_that_are_selected_in_a_mark_become_a_gap_or_an_answer(
    paper, forge, opened
):
    page = opened(forge)
    until(page, COVERED)
    words = shown(page)
    assert words == FACTS[0]
    page.evaluate(SELECT, ["diffusion"])
    page.keyboard.press("Enter")
    page.locator(f"{CARD} .words .on", has_text="diffusion").wait_for()
    assert page.locator("#buttons .filled span").inner_text() == "Accept"
    page.keyboard.press("1")
    page.evaluate(SELECT, ["membrane"])
    page.keyboard.press("q")
    page.locator(f"{CARD} textarea.question").wait_for()
    assert page.locator(f"{CARD} textarea.answer").input_value() == "membrane"
    page.keyboard.type("What is it?")
    settle(page)
    page.keyboard.press("Enter")
    settle(page)
    made = {"Front": "What is it?", "Back": "membrane"}
    assert made in [one["fields"] for one in forge.cards()]
    page.wait_for_timeout(700)  # sooner, letters would be meant for the field
    page.keyboard.press("u")
    settle(page)
    assert shown(page) == words


@pytest.mark.slow
def test_words_of_a_mark_that_is_not_asked_become_a_card_of_it(paper, forge, opened):
    page = opened(forge)
    until(page, COVERED)
    page.keyboard.press("x")
    settle(page)
    page.keyboard.press("p")  # to the rejected mark, of which nothing waits
    settle(page)
    told = page.locator("#margin > .card .why").last.inner_text()
    assert told == "You rejected its suggestion."
    page.evaluate(SELECT, ["diffusion"])
    page.keyboard.press("Enter")
    page.locator("#buttons .filled", has_text="Accept").wait_for()
    settle(page)
    page.keyboard.press("Enter")
    settle(page)
    texts = [one["fields"].get("Text", "") for one in forge.cards()]
    assert FACTS[0].replace("diffusion", "{{c1::diffusion}}") in texts


@pytest.mark.slow
def test_a_note_stands_as_its_text_with_formulas_code_tables_and_pictures(forge, opened):
    vault = forge.folder / "notes"
    (vault / ".obsidian").mkdir(parents=True)
    text = (
        "---\ntags: [a]\n---\n# Forgetting\n\n![[curve.png|200x200]]\n\n> [!note] Careful\n> It is a model.\n\n"
        "Retention falls as $R = e^{-t/S}$. ==Ebbinghaus learnt **2,300** syllables in 1885.== ^b1\n\n"
        "| who | when |\n|---|---|\n| [[People|Ebbinghaus]] | 1885 |\n\n```python\nx = 1\n```\n\n"
        "==$E = mc^2$== is short. %%hidden%% What is `S`?::the stability\n"
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
    until(page, COVERED)
    seen = page.locator(".note-text").inner_text()
    for hidden in ("tags:", "[!note]", "==", "^b1", "[[", "%%", "**", "|---"):
        assert hidden not in seen
    for tag in ("h1", "math", "table td", "pre code", "code", "strong", "img"):
        assert page.locator(f".note-text {tag}").count(), tag
    until(page, "document.querySelector('.note-text img').naturalWidth > 0")
    # the picture above them has moved the words, and the marks with them
    bottom = "Math.max(...[...document.querySelectorAll('{}')].map((one) => one.getBoundingClientRect().bottom))"
    last = bottom.format("#paper .mark"), bottom.format(".note-text p")
    until(page, f"Math.abs({last[0]} - {last[1]}) < 20")
    drawn = "new Set([...document.querySelectorAll('#paper .mark')].map((one) => one.dataset.key)).size"
    assert page.evaluate(drawn) == page.evaluate(f"{STATES}.length")


@pytest.mark.slow
def test_a_short_term_in_bold_is_marked_in_its_cell_and_its_list_item(forge, opened):
    (vault := forge.folder / "notes").mkdir()
    rows = "| **TTL** | Remaining hops |\n| **Header** | 20 bytes |\n| **MTU** | Largest size |\n| Port | A number |"
    text = f"# Networks\n\nTTL\n\n| Term | Meaning |\n|---|---|\n{rows}\n\n- **Hop**: a link\n"
    (vault / "Net.md").write_text(text, encoding="utf-8")
    forge.settings(
        "sources:\n  - obsidian: {name: notes, path: notes, marks: [bold]}\nanki: {collection: none}\n"
    )
    forge.ok("run")
    page = opened(forge)
    until(page, COVERED)
    assert page.locator("#paper .mark").count() == 4


@pytest.mark.slow
def test_a_page_that_is_dark_itself_is_not_turned_over_at_night(paper, forge, opened):
    turned = "getComputedStyle(document.querySelector('.leaf > img')).filter"

    def filter_at_night():
        page = opened(forge)
        page.emulate_media(color_scheme="dark")
        until(page, COVERED)
        return page.evaluate(turned)

    assert "invert" in filter_at_night()
    writer = PdfWriter(paper)
    for sheet in writer.pages:
        contents = sheet.get_contents()
        ground = b"q 0 g 0 0 2000 2000 re f 1 g " + contents.get_data() + b" Q"
        contents.set_data(ground)
        sheet[NameObject("/Contents")] = writer._add_object(contents)
    writer.write(paper)
    assert filter_at_night() == "none"


@pytest.mark.slow
def test_a_passage_has_its_language_by_which_lines_are_hyphenated(forge, opened):
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n",
        proposals=True,
    )
    (forge.folder / "notes").mkdir()
    sentence = (
        "Die Photosynthese ist die Umwandlung von Licht in Energie durch die Pflanze."
    )
    (forge.folder / "notes" / "Licht.md").write_text(f"# Licht\n\n=={sentence}==\n")
    forge.ok("run")
    page = opened(forge)
    assert page.locator(".note-text").get_attribute("lang") == "de"
    assert page.locator(f"{CARD} .face-of-card").get_attribute("lang") == "de"


def test_a_paper_shows_its_pages_while_a_note_about_it_waits(forge, opened):
    library = forge.folder / "Zotero"
    file = library / "storage" / "ATTACH01" / "Discoveries.pdf"
    file.parent.mkdir(parents=True)
    write_pdf(file, [Page((paragraph(f"{BEFORE} {FACTS[0]}"),))], title="Discoveries")
    place = '{"pageIndex": 0, "rects": [[72, 700, 400, 720]]}'
    annotation = Annotation("MARK0001", BEFORE, "skip", position=place)
    note = Note("NOTE0001", "<p>What ends mitosis? :: Two daughter cells</p>")
    attachments = (Attachment("ATTACH01", "Discoveries.pdf", (annotation,)),)
    work = Work(
        "PAPER001", {"title": "Discoveries"}, attachments=attachments, notes=(note,)
    )
    write_zotero(library / "zotero.sqlite", [Library((work,))])
    forge.settings("anki: {collection: none}\naccept: {rules: review}\n")
    forge.ok("run", library)
    assert [card["fields"]["Back"] for card in forge.cards()] == ["Two daughter cells"]
    page = opened(forge)
    assert page.locator("#paper .sheet, #paper .leaf").count() == 1
