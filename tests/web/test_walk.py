"""The ways that everybody takes in the first ten minutes, with mouse and keys, and what is seen on them.

A window costs half a second and a server two, so the walks through one workspace share a `Desk`.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from PIL import Image, ImageChops

from tests.conftest import Forge
from tests.makers.clippings import write_clippings
from tests.makers.ebook_writer import Book, write_epub
from tests.web.conftest import CARD, settle, until
from tests.web.desk import (
    FACTS,
    FILLER,
    LEFT_NOTE,
    PAGES,
    RIGHT_NOTE,
    SHEETS,
    STROKE,
    Desk,
    count_open_fields,
    drag_over,
    find_blank_pages,
    go_to_shelf,
    highlight_all,
    open_desk,
    open_row,
    press,
    read_rows,
    read_text,
    read_title,
    scroll_to_page,
    take_picture,
    turn_wheel,
    wait_until_drawn,
    write_handwriting,
    write_lecture,
)

SETTINGS = "anki: {collection: none}\n"
Setting = Callable[..., Desk]


@pytest.fixture(scope="module")
def serve_desk(browser, tmp_path_factory) -> Iterator[Setting]:
    """`serve_desk(prepare, "marked.pdf")`: the page of a workspace that `prepare(forge)` fills."""
    with ExitStack() as stack:

        def serve(prepare: Callable[[Forge], object], *arguments: str) -> Desk:
            forge = Forge(tmp_path_factory.mktemp("walk"))
            forge.settings(SETTINGS, proposals=True)
            prepare(forge)
            return stack.enter_context(open_desk(browser, forge, *arguments))

        yield serve


@pytest.fixture
def open_window() -> Iterator[Callable[[Desk], Any]]:
    """`open_window(desk)`: a window that is closed after the test."""
    with ExitStack() as stack:

        def open_page(desk: Desk) -> Any:
            page = desk.open()
            stack.callback(page.close)
            return page

        yield open_page


# --- a paper ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def annotated(serve_desk) -> Desk:
    """A PDF of twelve pages that is highlighted on pages 1, 2 and 12."""
    return serve_desk(
        lambda forge: write_lecture(forge.folder / "marked.pdf", marked=(1, 2, 12)),
        "marked.pdf",
    )


@pytest.fixture(scope="module")
def unmarked(serve_desk) -> Desk:
    """A PDF of twelve pages in which nothing is highlighted."""
    return serve_desk(
        lambda forge: write_lecture(forge.folder / "plain.pdf"), "plain.pdf"
    )


def test_each_page_of_an_unmarked_paper_is_drawn_when_the_wheel_reaches_it(
    unmarked, open_window
):
    page = open_window(unmarked)
    page.wait_for_selector("#paper [aria-label^='Page ']")
    for number in range(1, PAGES + 1):
        scroll_to_page(page, number)
        wait_until_drawn(page)


@pytest.mark.slow
def test_each_page_of_an_annotated_paper_is_drawn_down_and_up_again(
    annotated, open_window
):
    page = open_window(annotated)
    page.wait_for_selector(CARD)
    for number in (*range(1, PAGES + 1), *range(PAGES, 0, -1)):
        scroll_to_page(page, number)
        wait_until_drawn(page)


PICTURES = "document.querySelectorAll('#paper .leaf > img').length"


def test_few_pages_are_drawn_ahead_and_pictures_far_away_are_forgotten(
    serve_desk, open_window
):
    facts = [
        f"{fact[:-1]}, which is number {number}." for number, fact in enumerate(FACTS)
    ]
    desk = serve_desk(
        lambda forge: write_lecture(forge.folder / "book.pdf", facts=facts), "book.pdf"
    )
    page = open_window(desk)
    wait_until_drawn(page)
    assert page.evaluate(PICTURES) < 5
    for number in range(2, len(facts) + 1):
        scroll_to_page(page, number)
        wait_until_drawn(page)
    assert page.evaluate(PICTURES) < len(facts) - 4
    scroll_to_page(page, 1)
    wait_until_drawn(page)


def test_the_drawing_of_a_page_is_cancelled_off_screen(unmarked, open_window):
    page = open_window(unmarked)
    wait_until_drawn(page)
    held = []
    page.route("**/api/page?*", lambda route: held.append(route))
    cancelled = []
    page.on("requestfailed", lambda request: cancelled.append(request.url))
    scroll_to_page(page, 8)
    assert find_blank_pages(page)
    asked = [route.request.url for route in held]
    assert any("page=7" in url for url in asked), asked
    scroll_to_page(page, 1)
    page.wait_for_timeout(100)
    assert any("page=7" in url for url in cancelled), cancelled
    page.unroute("**/api/page?*")
    scroll_to_page(page, 8)
    wait_until_drawn(page)


@pytest.mark.slow
def test_the_strip_jumps_to_a_highlight_and_its_card(annotated, open_window):
    page = open_window(annotated)
    page.wait_for_selector("#strip [data-key]")
    page.locator("#strip [data-key]").last.click()
    settle(page)
    wait_until_drawn(page)
    until(page, f"({SHEETS})()[{PAGES - 1}].top < 800")
    assert read_title(page) == FACTS[PAGES - 1]


@pytest.mark.slow
def test_ctrl_and_the_wheel_enlarge_a_page_and_0_fits_it_again(annotated, open_window):
    page = open_window(annotated)
    wait_until_drawn(page)
    scroll_to_page(page, 6)

    def measure_width():
        return page.evaluate(SHEETS)[0]["width"]

    fitted = measure_width()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -40)
    page.keyboard.up("Control")
    page.wait_for_timeout(300)
    assert measure_width() > 1.2 * fitted
    wait_until_drawn(page)
    press(page, "0")
    assert abs(measure_width() - fitted) < 2
    wait_until_drawn(page)


def test_words_of_page_9_are_dragged_over_become_a_card_and_u_undoes_both(
    unmarked, open_window
):
    page = open_window(unmarked)
    wait_until_drawn(page)
    scroll_to_page(page, 9)
    wait_until_drawn(page)
    assert drag_over(page, FACTS[8]) == FACTS[8]
    press(page, "Enter")
    page.wait_for_selector(CARD)
    settle(page)
    assert read_title(page) == FACTS[8]
    press(page, "Enter")
    assert [card["quote"] for card in unmarked.list_cards()] == [FACTS[8]]
    press(page, "u", "u")
    assert unmarked.list_cards() == unmarked.list_marks() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "plain.pdf",
        "talks/talk.pdf",
    ],
)
def test_the_shelf_offers_ten_passages_of_a_document_that_nobody_marked(
    serve_desk, open_window, path
):
    def prepare(forge):
        write_lecture(forge.folder / path)
        forge("run", path.partition("/")[0])

    page = open_window(serve_desk(prepare))
    [row] = read_rows(page)
    assert "chat" in row
    assert "ten" in row
    press(page, "m")
    page.wait_for_selector("#chat[open]")
    until(page, "document.querySelector('#chat-text').value.length > 100")
    assert FACTS[3] in page.locator("#chat-text").input_value()


# --- what a reader writes on the page ---------------------------------------------------


@pytest.fixture(scope="module")
def handwriting(serve_desk) -> Desk:
    """A PDF with text boxes and ink in its margins."""

    def prepare(forge):
        write_handwriting(forge.folder / "hand.pdf")
        forge.ok("run", "hand.pdf")

    return serve_desk(prepare)


def open_first_document(page):
    if page.locator("body[data-view=shelf]").count():
        press(page, "Enter")
    page.wait_for_selector(CARD)
    settle(page)


MAX_COLOUR_DISTANCE = 70


def find_colour(picture, colour):
    """Return the width and height of what has a colour in a picture, in pixels."""
    channels = ImageChops.difference(
        picture, Image.new("RGB", picture.size, colour)
    ).split()
    distance = ImageChops.lighter(ImageChops.lighter(*channels[:2]), channels[2])
    alike = distance.point(lambda value: 255 * (value < MAX_COLOUR_DISTANCE))
    left, top, right, bottom = alike.getbbox() or (0, 0, 0, 0)
    return right - left, bottom - top


def test_text_boxes_and_ink_in_the_margins_are_seen_whole(handwriting, open_window):
    page = open_window(handwriting)
    open_row(page, "By hand")
    wait_until_drawn(page)
    pane = page.locator("#paper").bounding_box()
    picture = take_picture(page, "RGB", clip=pane)
    for box, colour in (
        (LEFT_NOTE, (255, 0, 0)),
        (RIGHT_NOTE, (0, 153, 0)),
        (STROKE, (0, 0, 255)),
    ):
        width, height = find_colour(picture, colour)
        left, bottom, right, top = box
        assert height > 20
        assert width / height == pytest.approx((right - left) / (top - bottom), rel=0.15)


@pytest.mark.slow
def test_a_frame_round_ones_own_text_box_is_no_figure(handwriting, open_window):
    states = ("accepted", "waiting", "blocked")
    cards = [card for card in handwriting.forge.cards() if card["verdict"] in states]
    assert not [card for card in cards if card.get("figure")]
    page = open_window(handwriting)
    open_row(page, "By hand")
    seen = []
    for _ in range(8):
        seen.append(f"{read_text(page, CARD)} {read_text(page, '#buttons')}")
        press(page, "j")
    assert any("Osmosis" in card for card in seen)
    assert not [card for card in seen if "No label found" in card or "Drag over" in card]


# --- other kinds of documents -----------------------------------------------------------

NOTE, BOOK, SITE, KINDLE = (
    "A plain note",
    "A small book",
    "A saved page",
    "Cells and Summers",
)


def write_kindle(folder):
    """Write the highlights of a novel, one of which states a fact."""
    summer = "I was never the same after that summer, and neither was the house on hill"
    quotes = [*(f"{summer} {number}." for number in range(14)), FACTS[5]]
    marks = [(f"{KINDLE} (Jane Roe)", quote) for quote in quotes]
    write_clippings(folder / "My Clippings.txt", marks)


@pytest.fixture(scope="module")
def kinds(serve_desk) -> Desk:
    """A note, a book and a web page in which nothing is highlighted, and a Kindle."""

    def prepare(forge):
        folder = forge.folder
        note = "\n\n".join((f"# {NOTE}", *FILLER, FACTS[0]))
        (folder / f"{NOTE}.md").write_text(note, "utf-8")
        last = "\n".join((*FILLER[12:], FACTS[1]))
        chapters = (("One", "\n".join(FILLER[:12])), ("Two", last))
        write_epub(folder / f"{BOOK}.epub", Book(title=BOOK, chapters=chapters))
        text = "".join(f"<p>{each}</p>" for each in (*FILLER, FACTS[2]))
        html = f"<!doctype html><title>{SITE}</title><h1>{SITE}</h1>{text}"
        (folder / f"{SITE}.html").write_text(html, "utf-8")
        for name in (f"{NOTE}.md", f"{BOOK}.epub", f"{SITE}.html"):
            forge("draft", name)  # without a terminal it is only remembered
        write_kindle(folder)
        forge.ok("run", "My Clippings.txt")

    return serve_desk(prepare)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fact", "words"),
    [
        (NOTE, FACTS[0], FACTS[0]),
        (BOOK, FACTS[1], FACTS[1]),
        (SITE, FACTS[2], FACTS[2]),
        (KINDLE, FACTS[5], "its velocity"),  # words of a highlight become a gap
    ],
)
def test_words_at_the_end_of_any_document_are_dragged_over_and_become_a_card(
    kinds, open_window, name, fact, words
):
    page = open_window(kinds)
    open_row(page, name)
    for _ in range(9):
        turn_wheel(page, 1400)
    assert drag_over(page, words) == words
    press(page, "Enter", "Enter")
    [front] = [card["front"] for card in kinds.list_cards() if fact in card["quote"]]
    assert words == fact or f"[{words}]" in front


@pytest.fixture(scope="module")
def kindle(serve_desk) -> Desk:
    """A Kindle and a note, so that the shelf is shown."""

    def prepare(forge):
        write_kindle(forge.folder)
        (forge.folder / "Cells.md").write_text(highlight_all(FACTS[:2]), "utf-8")
        forge.ok("run", "My Clippings.txt", "Cells.md")

    return serve_desk(prepare)


# Words of a row that touch: two texts on one line without a space or a gap between them.
GLUED = """() => [...document.querySelectorAll('#shelf [role=option]')].flatMap((row) => {
  const found = [];
  const range = new Range();
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    range.selectNodeContents(walker.currentNode);
    if (walker.currentNode.parentElement.getBoundingClientRect().width > 2) found.push([walker.currentNode.data, ...range.getClientRects()]);
  }
  return found.slice(1).flatMap(([text, first], i) => {
    const before = found[i][0];
    const last = found[i].at(-1);
    const touches = first && last.top < first.bottom && first.top < last.bottom && Math.abs(first.left - last.right) < 2;
    return touches && /[\\p{L}\\p{N}]$/u.test(before) && /^[\\p{L}\\p{N}]/u.test(text) ? [before + text] : [];
  });
})"""


@pytest.mark.slow
def test_author_and_counts_of_a_row_are_not_glued_to_the_eye(kindle, open_window):
    page = open_window(kindle)
    go_to_shelf(page)
    assert any("Roe" in row for row in read_rows(page))
    assert page.evaluate(GLUED) == []


@pytest.mark.slow
def test_author_and_counts_of_a_row_are_not_glued_for_a_screen_reader(
    kindle, open_window
):
    page = open_window(kindle)
    go_to_shelf(page)
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")[
        "nodes"
    ]
    options = [node for node in nodes if node.get("role", {}).get("value") == "option"]
    [name] = [node["name"]["value"] for node in options if "Roe" in node["name"]["value"]]
    assert not re.search(r"[^\W\d_]\d", name)


# --- the shelf --------------------------------------------------------------------------


@pytest.fixture
def shelf(serve_desk) -> Desk:
    """Two notes, and a card that the user edited before its source changed."""

    def prepare(forge):
        notes = forge.folder / "notes"
        notes.mkdir()
        (notes / "Cells.md").write_text(highlight_all(FACTS[:12]), "utf-8")
        (notes / "Earth.md").write_text(highlight_all(FACTS[12:]), "utf-8")
        capital = notes / "Capitals.md"
        capital.write_text("What is the capital of Peru?::Lima\n", "utf-8")
        forge.ok("run", "notes")
        [card] = [card for card in forge.cards() if card["verdict"] == "accepted"]
        forge.ok("edit", card["id"], "--field", "Back", "Lima, on the coast")
        capital.write_text("What is the capital of Peru?::Lima, since 1535\n", "utf-8")
        forge("run")

    return serve_desk(prepare)


@pytest.mark.slow
def test_a_question_about_a_card_is_the_first_row(shelf, open_window):
    page = open_window(shelf)
    rows = read_rows(page)
    assert rows[0].startswith("Best ten of ")
    assert "Changed cards and questions" in rows[1]
    press(page, "Enter")
    assert "Which words stay?" in read_text(page, CARD)


@pytest.mark.slow
def test_a_document_that_was_left_in_the_middle_is_the_next_one(shelf, open_window):
    page = open_window(shelf)
    open_row(page, "Cells")
    press(page, "Enter", "Enter", "Enter")
    left_at = read_text(page, "#count")
    assert left_at.startswith("4 of ")
    press(page, "Escape")
    documents = [row for row in read_rows(page) if "Cells" in row or "Earth" in row]
    assert "Cells" in documents[0]
    press(page, "Enter")
    assert read_text(page, "#title") == "Cells"
    assert read_text(page, "#count") == left_at


@pytest.mark.slow
def test_a_row_says_that_words_of_its_card_were_edited_and_kept(shelf, open_window):
    page = open_window(shelf)
    open_row(page, "Earth")
    press(page, "e")
    page.keyboard.type(" in my words")
    press(page, "Escape")
    assert "in my words" in read_text(page, "#margin")
    press(page, "Escape")
    [row] = [row.casefold() for row in read_rows(page) if "Earth" in row]
    assert any(word in row for word in ("edit", "saved", "kept", "your words"))


# --- keys -------------------------------------------------------------------------------


@pytest.fixture
def cells(serve_desk) -> Desk:
    """A note with fourteen highlights."""

    def prepare(forge):
        text = highlight_all(FACTS[:14])
        (forge.folder / "Cells.md").write_text(text, "utf-8")
        forge.ok("run", "Cells.md")

    return serve_desk(prepare)


def look(page):
    """Return the card, the count, the view and the number of open fields."""
    view = page.evaluate("document.body.dataset.view")
    return read_title(page), read_text(page, "#count"), view, count_open_fields(page)


@pytest.mark.slow
def test_keys_that_do_not_exist_do_nothing_and_u_undoes_enter(cells, open_window):
    page = open_window(cells)
    open_first_document(page)
    before = look(page)
    assert before[0]
    press(page, "w", "y", "z", "h", "9", ";", "F8", "Home")
    assert (look(page), cells.list_cards()) == (before, [])
    press(page, "Enter")
    assert look(page)[0] != before[0]
    assert len(cells.list_cards()) == 1
    press(page, "u")
    assert (look(page), cells.list_cards()) == (before, [])


@pytest.mark.slow
@pytest.mark.parametrize(("opening", "closing"), [("q", "Enter"), ("e", "Control+Enter")])
def test_letters_typed_right_after_a_field_closed_do_nothing(
    cells, open_window, opening, closing
):
    page = open_window(cells)
    open_first_document(page)
    press(page, opening)
    assert count_open_fields(page)
    page.keyboard.type(" so")
    page.wait_for_timeout(300)
    page.keyboard.press(closing)
    page.wait_for_timeout(220)  # from now on the next card takes keys
    for letter in "x1seq":
        page.keyboard.press(letter)
    settle(page)
    assert len(cells.list_cards()) == 1
    assert read_text(page, "#count").startswith("2 of ")
    assert count_open_fields(page) == 0


@pytest.mark.slow
def test_esc_closes_an_edit_and_keeps_its_words_and_again_leaves(cells, open_window):
    page = open_window(cells)
    open_first_document(page)
    title = read_title(page)
    press(page, "e")
    assert count_open_fields(page)
    page.keyboard.type(" of mine")
    press(page, "Escape")
    assert look(page)[2:] == ("sitting", 0)
    assert "of mine" in read_text(page, "#margin")
    press(page, "Escape")
    assert look(page)[2] == "shelf"
    open_row(page, "Cells")
    for _ in range(10):  # the edited card may not be the first on return
        if read_title(page) != title:
            press(page, "j")
    assert "of mine" in read_text(page, "#margin")


# --- windows ----------------------------------------------------------------------------

FOUR_STATES = (
    "# Memory\n\nWorking memory holds about ==four chunks== at a time.\n\n"
    "What does the testing effect say?::Recalling strengthens.\n\n"
    "==The forgetting curve is the decline of memory over time that Hermann Ebbinghaus described in 1885.==\n\n"
    "==Nice!==\n"
)


@pytest.fixture(scope="module")
def windows(serve_desk) -> Desk:
    """A paper, and a note whose highlights have each of the four states."""

    def prepare(forge):
        write_lecture(forge.folder / "marked.pdf", marked=(1, 2, 3, 12))
        (forge.folder / "notes").mkdir()
        (forge.folder / "notes" / "Memory.md").write_text(FOUR_STATES, "utf-8")
        forge.ok("run", "marked.pdf", "notes/Memory.md")

    return serve_desk(prepare)


# The fraction of the card's words that is on screen and not covered: of a grid of points, those at which the card is on top.
SEEN = """() => {
  const card = document.querySelector('#margin article');
  const { left, top, width, height } = (card.querySelector('.words, iframe') ?? card).getBoundingClientRect();
  const points = Array.from({ length: 77 }, (_, i) => document.elementFromPoint(left + width * (1 + i % 11) / 12, top + height * (1 + Math.floor(i / 11)) / 8));
  return points.filter((node) => card.contains(node)).length / 77;
}"""
# Buttons that the window or their dialog cuts off, also after the dialog was scrolled to them.
CUT = """() => [...document.querySelectorAll('dialog[open] button, .menu[open] .sheet button, body:not(:has(dialog[open], .menu[open])) #buttons button')].flatMap((button) => {
  const box = button.closest('dialog, .sheet');
  if (box) box.scrollTop += button.getBoundingClientRect().top - box.getBoundingClientRect().top - 60;
  const { left, top, right, bottom, width } = button.getBoundingClientRect();
  const edge = (box ?? document.body).getBoundingClientRect();
  const isCut = left < Math.max(edge.left, 0) - 1 || right > Math.min(edge.right, innerWidth) + 1 || top < -1 || bottom > Math.min(edge.bottom, innerHeight) + 1;
  return width && isCut ? [button.innerText] : [];
})"""
WIDE = """() => [...document.querySelectorAll('html, body, #shelf, #list, #margin, #bar, #top, dialog[open]')].filter((node) =>
  node.getClientRects().length && node.scrollWidth > node.clientWidth + 1).map((node) => node.id || node.localName)"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "size",
    [
        (400, 800),
        (320, 256),
        (720, 450),
    ],
)
def test_in_a_small_window_card_and_buttons_are_whole_and_nothing_scrolls_sideways(
    windows, open_window, size
):
    page = open_window(windows)
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    page.wait_for_timeout(150)
    assert page.evaluate(WIDE) == []
    open_row(page, "Twelve pages")
    seen = [page.evaluate(SEEN)]
    assert page.evaluate(CUT) == []
    margin = page.locator("#margin").bounding_box()
    y = min(margin["y"] + margin["height"] / 2, size[1] - 2)
    page.mouse.move(margin["x"] + margin["width"] / 2, y)
    page.mouse.wheel(0, 0.8 * size[1])
    page.wait_for_timeout(250)
    seen.append(page.evaluate(SEEN))
    assert max(seen) >= 0.9
    for key in ("?", "m", "Control+k"):
        press(page, key)
        page.wait_for_selector("dialog[open], .menu[open]")
        page.wait_for_timeout(200)
        assert (page.evaluate(CUT), page.evaluate(WIDE)) == ([], [])
        press(page, "Escape")


STATES = ("asks", "suggested", "card", "none")
FORM = {"#legend [data-s]": -2, "#paper .side[data-s]": -13}
"""Where each state is drawn, and how far left of a node its form begins, in pixels."""


def is_same_form(one, other):
    """Return whether two pictures show one shape, whatever its colours."""
    shapes = []
    for image in (one, other):
        ground = image.getpixel((0, 0))
        shapes.append(
            image.point(lambda value, ground=ground: 255 * (abs(value - ground) > 24))
        )
    difference = ImageChops.difference(*shapes).histogram()[255]
    return 4 * difference < ImageChops.lighter(*shapes).histogram()[255]


@pytest.mark.slow
@pytest.mark.parametrize("selector", FORM)
def test_in_forced_colours_the_four_states_differ_by_form(windows, open_window, selector):
    page = open_window(windows)
    page.emulate_media(forced_colors="active")
    open_row(page, "Memory")
    forms = {}
    for _ in (
        STATES
    ):  # the current highlight shows no other state, so once more beside the others
        for node in page.locator(selector).all():
            box = node.bounding_box()
            top = box["y"] + (box["height"] / 2 - 7 if "legend" in selector else 1)
            clip = {"x": box["x"] + FORM[selector], "y": top, "width": 18, "height": 14}
            picture = take_picture(page, "L", clip=clip)
            forms.setdefault(node.get_attribute("data-s"), picture)
        press(page, "n")
    assert set(STATES) <= set(forms)
    pairs = [(a, b) for a in STATES for b in STATES if a < b]
    assert [pair for pair in pairs if is_same_form(*map(forms.get, pair))] == []


# How many positions the document has on its way to the highlight of the next card.
GLIDES = """async () => {
  const pane = document.querySelector('#paper');
  const places = new Set();
  document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true, cancelable: true }));
  for (const end = performance.now() + 1200; performance.now() < end; await new Promise(requestAnimationFrame)) places.add(pane.scrollTop);
  return places.size;
}"""


@pytest.mark.slow
def test_the_document_glides_to_the_next_highlight_unless_motion_is_reduced(
    windows, open_window
):
    page = open_window(windows)
    positions = []
    for motion in ("reduce", "no-preference"):
        page.emulate_media(reduced_motion=motion)
        open_row(page, "Twelve pages")
        wait_until_drawn(page)
        positions.append(page.evaluate(GLIDES))
    assert positions[0] <= 2 < positions[1]


# --- requests, and two windows ----------------------------------------------------------

MAX_REQUESTS = 8


def test_a_paper_is_opened_with_few_requests_and_then_nothing_is_asked_for(annotated):
    page = annotated.context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(annotated.address.partition("?")[0])
    page.wait_for_selector(CARD)
    wait_until_drawn(page)
    own = [url for url in asked if "/static/" not in url]
    assert len(own) <= MAX_REQUESTS, own
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if "/api/" in url and asked.count(url) > 1] == []
    before = len(asked)
    page.wait_for_timeout(1000)
    assert len(asked) == before
    page.close()


@pytest.mark.slow
def test_a_card_decided_in_one_window_is_not_decided_again_in_another(cells, open_window):
    page = open_window(cells)
    open_first_document(page)
    other = open_window(cells)
    open_first_document(other)
    title = read_title(page)
    assert title == read_title(other)
    press(page, "Enter")
    press(other, "Enter")
    assert [card["quote"] for card in cells.list_cards()] == [title]
    other.locator("#said", has_text="not decided on again").wait_for()
    press(other, "Enter")
    assert len(cells.list_cards()) == 2


@pytest.mark.slow
def test_the_address_opens_again_in_its_browser_and_says_what_to_do_in_another(
    unmarked, browser
):
    again = unmarked.context.new_page()
    again.goto(unmarked.address)
    again.wait_for_selector("body:not([data-view=start])")
    again.close()
    context = browser.new_context()
    stranger = context.new_page()
    stranger.goto(unmarked.address)
    told = stranger.locator("body").inner_text()
    context.close()
    for words in ("open in another browser", "Ctrl-C", "ankiforge review"):
        assert words in told
