"""Documents of the walk, the windows in which a person reads them, and what that person does and sees."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf
from tests.web.conftest import CARD, MILLISECONDS, served, settle

# Each states a fact, so that it gets a proposal.
FACTS = (
    "Osmosis is the diffusion of water through a semipermeable membrane.",
    "Mitosis is the division of a cell into two equal daughter cells.",
    "Digestion is the breakdown of food into small molecules by enzymes.",
    "Meiosis is the division of a cell into four cells with half its genes.",
    "Erosion is the removal of soil and rock by water, wind or ice.",
    "Inertia is the resistance of a body to any change of its velocity.",
    "Friction is the force that opposes the motion of two touching surfaces.",
    "Refraction is the bending of light as it passes from air into glass.",
    "Entropy is the measure of the disorder of a physical system.",
    "Magma is the molten rock below the surface of the Earth.",
    "A glacier is a slow river of ice that forms from fallen snow.",
    "A prion is a misfolded protein that makes other proteins misfold.",
    "Symbiosis is the close and lasting contact of two different species.",
    "Ablation is the loss of ice from a glacier by melting and evaporation.",
    "Insulin is the hormone that lets cells take up sugar from the blood.",
    "Hemoglobin is the protein that carries oxygen in red blood cells.",
    "A quasar is the bright core of a distant galaxy that feeds on gas.",
    "Sublimation is the change of a solid into a gas without melting.",
    "Parallax is the apparent shift of a star against a distant background.",
    "Tectonics is the study of the motion of the plates of the Earth.",
    "Photosynthesis is the making of sugar from light and carbon dioxide.",
    "Evaporation is the change of a liquid into a gas below its boiling point.",
    "An isotope is a form of an element with another number of neutrons.",
    "Catalysis is the speeding of a reaction by a substance that stays.",
)
FILLER = [
    f"Paragraph {number} only fills the document, so that its end lies below the edge of the"
    " window, and nobody keeps it."
    for number in range(30)
]
PAGES = 12
MIN_INK = 0.004
"""The least fraction of a page's pixels that is dark once its words are drawn."""
DARK = 110
"""The brightest grey of printed words. The lines of a page that isn't drawn yet are brighter."""

Box = tuple[float, float, float, float]


# --- documents --------------------------------------------------------------------------


def write_lecture(
    path: Path,
    marked: Sequence[int] = (),
    title: str = "Twelve pages",
    facts: Sequence[str] = FACTS[:PAGES],
) -> None:
    """Write a PDF with a page full of text for each fact, in which some facts are highlighted."""
    path.parent.mkdir(exist_ok=True)
    pages = []
    for number, fact in enumerate(facts, 1):
        rows = [f"Row {row} of page {number} only fills it." for row in range(26)]
        blocks = [paragraph(text) for text in (*rows[:3], fact, *rows[3:])]
        marks = (mark(fact),) if number in marked else ()
        pages.append(Page((heading(f"Part {number}"), *blocks), marks))
    write_pdf(path, pages, title=title)


def annotate(
    page: Any, writer: PdfWriter, kind: str, box: Box, code: str, **entries: Any
) -> None:
    """Add an annotation that is drawn by code of the page description language."""
    stream = StreamObject()
    stream.set_data(code.encode())
    rect = ArrayObject([FloatObject(edge) for edge in box])
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Courier"),
        }
    )
    fonts = DictionaryObject({NameObject("/F"): font})
    stream.update(
        {
            NameObject("/Type"): NameObject("/XObject"),
            NameObject("/Subtype"): NameObject("/Form"),
            NameObject("/BBox"): rect,
            NameObject("/Resources"): DictionaryObject({NameObject("/Font"): fonts}),
        }
    )
    annotation = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject(f"/{kind}"),
            NameObject("/F"): NumberObject(4),
            NameObject("/Rect"): rect,
            NameObject("/AP"): DictionaryObject(
                {NameObject("/N"): writer._add_object(stream)}
            ),
            **{NameObject(f"/{name}"): value for name, value in entries.items()},
        }
    )
    page.setdefault(NameObject("/Annots"), ArrayObject())
    page["/Annots"].append(writer._add_object(annotation))


LEFT_NOTE: Box = (20, 690, 100, 750)
RIGHT_NOTE: Box = (520, 690, 600, 750)
STROKE: Box = (530, 590, 590, 650)
OWN_NOTE: Box = (200, 300, 420, 350)
FRAME: Box = (190, 290, 430, 360)


def write_handwriting(path: Path) -> None:
    """Write a PDF with two text boxes and a stroke of ink in its margins, and a framed text box."""
    first = (*FACTS[:3], *FILLER[:9])
    blocks = tuple(map(paragraph, first)), tuple(map(paragraph, FACTS[4:6]))
    marks = tuple(map(mark, FACTS[:3])), (mark(FACTS[4]),)
    pages = [Page(*content, margin=120.0) for content in zip(blocks, marks, strict=True)]
    write_pdf(path, pages, title="By hand")
    writer = PdfWriter(path)
    for number, words, box, colour in (
        (0, "cf. p. 3", LEFT_NOTE, "1 0 0"),
        (0, "why?", RIGHT_NOTE, "0 .6 0"),
        (1, "my own summary of this talk", OWN_NOTE, "1 1 .8"),
    ):
        left, bottom, right, top = box
        code = f"{colour} rg {left} {bottom} {right - left} {top - bottom} re f"
        code += f" BT 0 g /F 9 Tf {left + 4} {top - 20} Td ({words}) Tj ET"
        text = {
            "Contents": TextStringObject(words),
            "DA": TextStringObject("/F 9 Tf 0 g"),
        }
        annotate(writer.pages[number], writer, "FreeText", box, code, **text)
    left, bottom, right, top = STROKE
    points = (left, bottom, right, top, left, top, right, bottom)
    ink = ArrayObject([ArrayObject(map(FloatObject, points))])
    code = f"0 0 1 RG 6 w {left + 3} {bottom + 3} m {right - 3} {top - 3} l"
    code += f" {left + 3} {top - 3} l {right - 3} {bottom + 3} l S"
    annotate(writer.pages[0], writer, "Ink", STROKE, code, InkList=ink)
    left, bottom, right, top = FRAME
    code = (
        f"1 0 1 RG 2 w {left + 2} {bottom + 2} {right - left - 4} {top - bottom - 4} re S"
    )
    annotate(writer.pages[1], writer, "Square", FRAME, code)
    writer.write(path)


def highlight_all(facts: Sequence[str]) -> str:
    """Return a note in which each fact is highlighted."""
    return "\n\n".join(("# Notes", *(f"=={fact}==" for fact in facts))) + "\n"


# --- windows ----------------------------------------------------------------------------


class Desk:
    """A workspace whose page is served, and the browser in which it is opened."""

    def __init__(self, forge: Any, address: str, context: Any) -> None:
        self.forge = forge
        self.address = address
        self.context = context
        self.errors: list[str] = []
        context.set_default_timeout(MILLISECONDS)
        self.open(address).close()  # the address works once

    def open(self, address: str = "") -> Any:
        """Open the page in a window of its own."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(address or self.address.partition("?")[0])
        page.wait_for_selector("body:not([data-view=start])")
        settle(page)
        return page

    def list_cards(self) -> list[dict[str, Any]]:
        """Return the accepted cards."""
        return [card for card in self.forge.cards() if card["verdict"] == "accepted"]

    def list_marks(self) -> list[dict[str, Any]]:
        """Return the highlights without a card."""
        [marks] = self.forge.lists("none")
        return marks


@contextmanager
def open_desk(browser: Any, forge: Any, *arguments: str) -> Iterator[Desk]:
    """Serve the page of a workspace, and check in the end that none of its scripts failed."""
    with served(forge, *arguments) as address:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        desk = Desk(forge, address, context)
        yield desk
        context.close()
    assert desk.errors == []


# --- what a person does -----------------------------------------------------------------


def press(page: Any, *keys: str) -> None:
    """Press keys, each once the page takes it."""
    for key in keys:
        page.keyboard.press(key)
        settle(page)


def go_to_shelf(page: Any) -> None:
    """Go to the shelf by its button."""
    if page.locator("body[data-view=shelf]").count():
        return
    page.locator("#to-shelf").click()
    page.wait_for_selector("body[data-view=shelf]")
    settle(page)


def open_row(page: Any, name: str) -> None:
    """Open a row of the shelf by its title."""
    go_to_shelf(page)
    row = page.locator(ROW).filter(has_text=name).first
    row.locator("b").first.click()
    page.wait_for_selector("body[data-view=sitting]")
    settle(page)


def turn_wheel(page: Any, distance: float) -> None:
    """Turn the wheel over the document."""
    box = page.locator("#paper").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, distance)
    page.wait_for_timeout(80)


def scroll_to_page(page: Any, number: int) -> None:
    """Turn the wheel until a page is at the top of the pane, or the document ends."""
    before = None
    while True:
        top = page.evaluate(SHEETS)[number - 1]["top"]
        if abs(top) <= 40 or top == before:
            return
        before = top
        turn_wheel(page, max(-1600, min(1600, top)))


def drag_over(page: Any, words: str) -> str:
    """Drag over words of the document with the mouse, and return what is selected then."""
    (left, _, first_y), (_, right, last_y) = page.evaluate(PLACE, words)
    page.mouse.move(left + 1, first_y)
    page.mouse.down()
    page.mouse.move((left + right) / 2, first_y, steps=4)
    page.mouse.move(right - 1, last_y, steps=4)
    page.mouse.up()
    page.wait_for_timeout(100)
    return " ".join(page.evaluate("getSelection().toString()").split())


# --- what a person sees -----------------------------------------------------------------

ROW = "#shelf [role=option]"
# The pages of the document: what is on screen of each, and how far its top is from that of the pane.
SHEETS = """() => {
  const pane = document.querySelector('#paper').getBoundingClientRect();
  return [...document.querySelectorAll('#paper [aria-label^="Page "]')].map((node, i) => {
    const box = node.getBoundingClientRect();
    return { number: i + 1, top: box.top - pane.top, width: box.width,
      seen: [Math.max(box.left, pane.left), Math.max(box.top, pane.top), Math.min(box.right, pane.right), Math.min(box.bottom, pane.bottom)] };
  });
}"""
# Where the first and the last letter of some words are in the document.
PLACE = """(words) => {
  const nodes = [];
  const walker = document.createTreeWalker(document.querySelector('#paper'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) nodes.push(walker.currentNode);
  const text = nodes.map((node) => node.data).join('');
  const at = text.indexOf(words);
  if (at < 0) throw new Error(`not in the document: ${words}`);
  const find = (offset) => {
    const node = nodes.find(({ data }) => offset < data.length || ((offset -= data.length), false));
    const range = new Range();
    range.setStart(node, offset);
    range.setEnd(node, offset + 1);
    const { left, top, right, bottom } = range.getBoundingClientRect();
    return [left, right, (top + bottom) / 2];
  };
  return [find(at), find(at + words.length - 1)];
}"""
MIN_SEEN = (56, 116)
"""The least width and height of a page on screen that must show words, in pixels."""


def take_picture(page: Any, mode: str, **options: Any) -> Image.Image:
    """Return a picture of the window, or a part of it."""
    return Image.open(io.BytesIO(page.screenshot(**options))).convert(mode)


def find_blank_pages(page: Any) -> list[int] | None:
    """Return the numbers of the pages on screen that show no words; None if no page is there."""
    picture = take_picture(page, "L").point(lambda value: 255 * (value < DARK))
    blank = []
    seen = 0
    for sheet in page.evaluate(SHEETS):
        left, top, right, bottom = map(int, sheet["seen"])
        if right - left < MIN_SEEN[0] or bottom - top < MIN_SEEN[1]:
            continue
        part = picture.crop((left + 2, top + 2, right - 2, bottom - 2))
        seen += 1
        if part.histogram()[255] < MIN_INK * part.width * part.height:
            blank.append(sheet["number"])
    return blank if seen else None


def wait_until_drawn(page: Any) -> None:
    """Wait until every page on screen shows its words."""
    end = time.monotonic() + MILLISECONDS / 1000
    while (blank := find_blank_pages(page)) != []:
        is_late = time.monotonic() > end
        assert not is_late, f"blank pages: {blank}"
        page.wait_for_timeout(40)


def read_text(page: Any, selector: str) -> str:
    """Return the text of the first node, in one line; "" if there is none."""
    return " ".join(" ".join(page.locator(selector).all_inner_texts()[:1]).split())


def read_title(page: Any) -> str:
    """Return the sentence of the card on screen, or "" if there is none."""
    card = page.locator(CARD)
    return card.first.get_attribute("aria-label") if card.count() else ""


def read_rows(page: Any) -> list[str]:
    """Return the text of each row of the shelf, without its cover."""
    parts = "[...row.children].filter((part) => !part.matches('.cover')).map((part) => part.innerText)"
    rows = page.evaluate(
        f"[...document.querySelectorAll('{ROW}')].map((row) => {parts}.join(' '))"
    )
    return [re.sub(r"\s+", " ", row).strip() for row in rows]


def count_open_fields(page: Any) -> int:
    """Count the fields, dialogs and menus that are open."""
    fields = "#margin :is(textarea, [contenteditable]), dialog[open], .menu[open]"
    count: int = page.locator(fields).count()
    return count
