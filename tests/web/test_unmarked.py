"""A document in which nothing is marked, on the page: a chat chooses ten, or a person chooses words."""

import json
import re

import pytest

from tests.forked import forked
from tests.makers.pdf_writer import Page, paragraph, write_pdf
from tests.web.conftest import by_name, over, settle, shown, until

SETTINGS = "anki: {collection: none}\n"
OSMOSIS = "Osmosis is the diffusion of water through a semipermeable membrane."
MITOSIS = "Mitosis is the division of a cell into two equal daughter cells."
ENZYMES = "Digestion is the breakdown of food into small molecules by enzymes."


@pytest.fixture
def lecture(forge):
    """A lecture of two pages, and a note, without any mark; both were named once."""
    forge.settings(SETTINGS, proposals=True)
    pages = [Page((paragraph(f"Long ago. {OSMOSIS} And so on."),)),
             Page((paragraph(f"Later. {MITOSIS} {ENZYMES}"),))]  # fmt: skip
    write_pdf(forge.folder / "lecture.pdf", pages, title="Lecture")
    forge.ok("run", "lecture.pdf")
    return forge


def answer(text):
    label = re.findall(r'<text h="(\w+)">', text)[-1]
    card = {"h": label, "kind": "basic", "front": "What is osmosis?",
            "back": "diffusion through a membrane", "quote": OSMOSIS}  # fmt: skip
    return json.dumps({"cards": [card]})


def select(page, words):
    """Select words of the paper as if they were dragged over."""
    page.evaluate(
        """(words) => {
          const nodes = [];
          const walker = document.createTreeWalker(document.querySelector("#paper"), NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) nodes.push(walker.currentNode);
          const text = nodes.map((each) => each.data).join("");
          const at = text.indexOf(words);
          if (at < 0) throw new Error(text);
          const place = (offset) => {
            for (const node of nodes) {
              if (offset <= node.data.length) return [node, offset];
              offset -= node.data.length;
            }
          };
          const [first, start] = place(at + 1);  // within its first word
          const [last, end] = place(at + words.length);
          getSelection().setBaseAndExtent(first, start, last, end);
        }""",
        words,
    )


def marks(page):
    return page.locator("#paper path.mark").count()


def opened_document(page):
    page.locator(".documents li .name").first.click()
    page.wait_for_selector("#paper .page-words, #paper .note-text")
    settle(page)
    return page


def test_the_shelf_says_that_nothing_is_marked_and_a_chat_chooses(lecture, opened):
    page = opened(lecture, "shelf")
    row = page.locator(".documents li")
    assert "nothing is marked" in row.inner_text()
    assert (
        row.locator(".outlined").inner_text().startswith("Ask my chat for ten passages")
    )
    page.keyboard.press("m")
    page.wait_for_selector("#chat[open]")
    until(page, "document.querySelector('#chat-text').value.length > 100")
    text = page.locator("#chat-text").input_value()
    assert OSMOSIS in text
    page.locator("#chat-answer").fill("Sure!")
    page.locator("#chat-take").click()
    page.locator("#chat-said", has_text="It contains no card as JSON: tell").wait_for()
    assert page.locator("#chat-said li").count() == 0, "said once"
    assert page.locator("#chat-answer").input_value() == "Sure!"
    assert page.locator("#chat-copy").inner_text() == "Copy again"
    page.locator("#chat-answer").fill(answer(text))
    page.locator("#chat-take").click()
    until(
        page,
        "document.querySelector('#chat-said').innerText.includes('1 passage chosen')",
    )
    page.locator("#chat-take:focus", has_text="See the cards").wait_for()
    page.locator("#chat-answer").press("x")
    assert page.locator("#chat-take").inner_text() == "Take the answer"
    page.locator("#chat-answer").press("Backspace")
    assert page.locator("#chat-take").inner_text() == "See the cards"
    page.locator("#chat-take").press("Enter")
    page.wait_for_selector("#margin > .card")
    settle(page)
    assert shown(page) == "What is osmosis?"
    until(page, "document.querySelectorAll('#paper path.mark').length > 0")
    page.keyboard.press("x")
    settle(page)
    assert lecture.cards() == []
    [highlight] = lecture.ok("list", "--no-card", "--all", "--json").lines
    assert (highlight["exact"], highlight["reason"]) == (
        OSMOSIS,
        "you rejected its draft",
    )


def test_review_of_a_path_opens_a_document_in_which_nothing_is_marked(forge, browser):
    forge.settings(SETTINGS, proposals=True)
    write_pdf(forge.folder / "lecture.pdf", [Page((paragraph(OSMOSIS),))])
    with forked(forge, "review", "lecture.pdf", "--no-open", "-q") as process:
        page = browser.new_context().new_page()
        page.goto(process.stdout.readline().strip())
        page.wait_for_selector("#paper .page-words")
        assert over(page) == "Nothing is marked here yet."
        assert "Osmosis" in page.locator("#paper").text_content()
        page.context.close()


def test_review_of_a_folder_of_lectures_opens_the_page(forge):
    forge.settings(SETTINGS)
    (forge.folder / "talks").mkdir()
    write_pdf(forge.folder / "talks" / "lecture.pdf", [Page((paragraph(OSMOSIS),))])
    with forked(forge, "review", "talks", "--no-open", "-q") as process:
        assert process.stdout.readline().startswith("http://"), process.stderr.read()


def test_words_become_a_mark_with_its_proposal_and_esc_leaves_no_trace(lecture, opened):
    before = (lecture.folder / "lecture.pdf").read_bytes()
    page = opened_document(opened(lecture, "shelf"))
    assert over(page) == "Nothing is marked here yet."
    select(page, MITOSIS if MITOSIS in page.locator("#paper").text_content() else OSMOSIS)
    page.keyboard.press("Escape")
    assert page.evaluate("getSelection().isCollapsed")
    assert page.evaluate("document.body.dataset.view") == "sitting"
    select(page, OSMOSIS)
    page.keyboard.press("Enter")
    page.wait_for_selector("#margin > .card")
    settle(page)
    until(page, "document.querySelectorAll('#paper path.mark').length == 1")
    [highlight] = lecture.ok("list", "--no-card", "--all", "--json").lines
    assert highlight["exact"] == OSMOSIS
    assert shown(page) == OSMOSIS
    page.keyboard.press("Enter")
    settle(page)
    assert [each["quote"] for each in lecture.cards()] == [OSMOSIS]
    assert (lecture.folder / "lecture.pdf").read_bytes() == before


def test_a_mark_made_here_is_undone_or_taken_out_and_put_back(lecture, opened):
    page = opened_document(opened(lecture, "shelf"))
    select(page, OSMOSIS)
    page.keyboard.press("Enter")
    page.wait_for_selector("#margin > .card")
    settle(page)
    page.keyboard.press("u")
    settle(page)
    assert lecture.ok("list", "--no-card", "--all", "--json").lines == []
    assert over(page) == "Nothing is marked here yet."
    assert marks(page) == 0
    select(page, OSMOSIS)
    page.keyboard.press("Enter")
    page.wait_for_selector("#margin > .card")
    settle(page)
    by_name(page, "Take out this highlight")
    settle(page)
    assert lecture.ok("list", "--no-card", "--all", "--json").lines == []
    page.wait_for_selector("body[data-view=shelf]")
    page.keyboard.press("u")
    settle(page)
    [highlight] = lecture.ok("list", "--no-card", "--all", "--json").lines
    assert highlight["exact"] == OSMOSIS


@pytest.mark.parametrize(
    ("name", "key", "then"),
    [
        ("note.md", "Enter", "#margin > .card"),
        pytest.param("page.html", "q", "#margin textarea", marks=pytest.mark.slow),
    ],
)
def test_words_of_a_note_and_of_a_web_page_become_marks_or_are_asked_about(
    forge, opened, name, key, then
):
    forge.settings(SETTINGS, proposals=True)
    text = f"# Cells\n\n{MITOSIS}\n\n{ENZYMES}\n"
    if name.endswith("html"):
        text = f"<h1>Cells</h1><p>{MITOSIS}</p><p>{ENZYMES}</p>"
    (forge.folder / name).write_text(text, "utf-8")
    forge("draft", name)  # without a model and a terminal it is only remembered
    page = opened_document(opened(forge, "shelf"))
    select(page, ENZYMES)
    page.keyboard.press(key)
    page.wait_for_selector(then)
    settle(page)
    [highlight] = forge.ok("list", "--no-card", "--all", "--json").lines
    assert highlight["exact"] == ENZYMES
    until(page, "document.querySelectorAll('#paper path.mark').length == 1")


FREEZES = r"Water freezes at $0\,°C$ in a bog in the winter of the north."
PRINT = "Guido van Rossum made `print(x)` a function of Python in 2008."
ENERGY = "In 1905 Albert Einstein published the equation $E = mc^2$ of mass and energy."
LONG = r"$a + b + c + d + e = f + g + h + i + j$ is a long formula in this note."


@pytest.mark.parametrize(
    "sentence",
    [
        PRINT,
        *(pytest.param(one, marks=pytest.mark.slow) for one in (LONG, FREEZES, ENERGY)),
    ],
)
def test_formulas_and_code_of_a_sentence_that_is_selected_are_set_on_its_card(
    forge, opened, sentence
):
    forge.settings(SETTINGS, proposals=True)
    text = "\n\n".join(("# Energy", FREEZES, PRINT, ENERGY, LONG))
    (forge.folder / "note.md").write_text(text, "utf-8")
    forge("draft", "note.md")
    page = opened_document(opened(forge, "shelf"))
    number = text.split("\n\n").index(sentence) - 1
    page.evaluate(
        "(number) => getSelection().selectAllChildren(document.querySelectorAll('#paper p')[number])",
        number,
    )
    page.keyboard.press("Enter")
    page.wait_for_selector("#margin > .card")
    settle(page)
    [highlight] = forge.ok("list", "--no-card", "--all", "--json").lines
    assert highlight["exact"] == sentence
    if sentence in (FREEZES, LONG):  # without a proposal
        return
    page.keyboard.press("Enter")
    settle(page)
    [card] = forge.cards()
    html = re.sub(r"\{\{c\d::(.*?)\}\}", r"\1", card["html"]["Text"])
    assert len(re.findall(r"\\\(.*?\\\)|<code>.*?</code>", html)) == 1, html
    assert not re.search("[$`]", html)
