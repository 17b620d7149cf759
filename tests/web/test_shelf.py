"""The shelf: a row for each document in which something waits, the best first, of which one is opened and stays."""

import pytest

from ankiforge.web.shelf import MAX_ROWS
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.web.conftest import over, ready, settle, shown, until

SETTINGS = (
    "sources:\n  - obsidian: {name: notes, path: notes}\n  - pdf: {name: papers, path: papers}\n"
    "anki: {collection: none}\naccept: {rules: review}\n"
)
FACTS = (
    "Osmosis is the diffusion of water through a semipermeable membrane.",
    "Mitosis is the division of a cell into two equal daughter cells.",
    "Digestion is the breakdown of food into small molecules by enzymes.",
)


@pytest.fixture
def documents(forge):
    """A paper with three marks, and a note with two questions."""
    forge.settings(SETTINGS, proposals=True)
    write_paper(forge)
    (forge.folder / "notes").mkdir()
    note = "What does the owl say?::hoo\n\nWhat does the cow say?::moo\n"
    (forge.folder / "notes" / "Animals.md").write_text(note, encoding="utf-8")
    forge.ok("run")
    return forge


def write_paper(forge):
    (forge.folder / "papers").mkdir()
    pages = [
        Page((paragraph(f"Long ago. {fact} And so on."),), (mark(fact),))
        for fact in FACTS
    ]
    write_pdf(forge.folder / "papers" / "Discoveries.pdf", pages, title="Discoveries")


def titles(page):
    return page.locator(".documents li").evaluate_all(
        "all => all.map((one) => one.dataset.title)"
    )


def test_after_the_last_question_the_document_beside_it_goes_on(
    documents, opened, no_waiting
):
    note = documents.folder / "notes" / "Animals.md"
    documents.ok("accept", "--all")
    kept = "What does the owl say?::hoo\n\nWhich bird hunts at night?::an owl\n\n"
    note.write_text(kept)
    for _ in range(2):
        documents.ok("run")
    note.write_text(f"{kept}What does the pig say?::oink\n")
    documents.ok("run")
    page = opened(documents, "you")
    page.keyboard.press("x")
    assert over(page) == "1 card. Nothing more is in this list."
    assert page.locator("#buttons .filled span").inner_text() == "On in Animals"


def test_one_is_opened_and_one_stays_in_it_until_its_ending(documents, opened):
    page = opened(documents, "shelf")
    assert titles(page)[0] == "All 5"
    assert sorted(titles(page)[1:]) == ["Animals", "Discoveries"]
    total = page.locator(".over-documents p").inner_text()
    assert total == "5 new cards waiting"
    assert f"  {total}\n" in documents.ok("status").stdout
    paper = page.locator(".documents li", has_text="Discoveries")
    assert paper.locator(".waiting").text_content() == "3 waiting"
    while (
        page.locator(".documents [aria-selected=true] b").first.inner_text()
        != "Discoveries"
    ):
        page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#margin > .card")
    settle(page)
    for fact in FACTS:
        assert page.locator("#title").inner_text() == "Discoveries"
        assert shown(page) == fact
        page.keyboard.press("Enter")
        settle(page)
    assert over(page) == "3 cards. Nothing waits here."
    assert page.locator("#buttons .filled span").inner_text() == "Next: Animals"
    ready(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("#margin > .card")
    settle(page)
    assert page.locator("#title").inner_text() == "Animals"
    page.keyboard.press("Escape")
    page.wait_for_selector("body[data-view=shelf]")
    assert titles(page) == ["Animals"]
    assert page.locator(".over-documents p").inner_text() == "2 new cards waiting"
    page.reload()
    page.wait_for_selector("body[data-view=shelf]")


def open_row(page, title):
    """Open a document of the shelf."""
    page.locator(f'.documents li[data-title="{title}"] b').click()
    page.wait_for_selector("#margin > .card")
    settle(page)


def leave(page):
    """Go back to the shelf, and return the selected row."""
    page.keyboard.press("Escape")
    page.wait_for_selector("body[data-view=shelf]")
    settle(page)
    return page.locator(".documents [aria-selected=true]")


def test_a_document_left_in_the_middle_comes_first_and_unsaved_words_are_named(
    documents, opened
):
    page = opened(documents, "shelf")
    _, first, last = titles(page)
    open_row(page, last)
    page.keyboard.press("x")
    settle(page)
    decided = page.locator("#count").inner_text()
    seen = shown(page)
    row = leave(page)
    assert titles(page) == [last, "All 4", first]
    assert row.locator(".filled").inner_text().startswith(f"Continue, {decided}")
    page.keyboard.press("Enter")
    page.wait_for_selector("#margin > .card")
    settle(page)
    assert (shown(page), page.locator("#count").inner_text()) == (seen, decided)

    page.keyboard.press("e")
    page.locator(".written").first.wait_for()
    page.keyboard.type(" in my words")
    page.locator("#to-shelf").click()  # with the editor open
    page.wait_for_selector("body[data-view=shelf]")
    settle(page)
    row = page.locator(".documents [aria-selected=true]")
    assert "1 edited, not saved" in row.inner_text()
    open_row(page, last)
    assert "in my words" in page.locator("#margin").inner_text()
    page.locator("#buttons .button", has_text="Discard").click()
    assert "edited" not in leave(page).inner_text()


WEAK = (
    "Salt lowers the freezing point of water.",
    "Large dogs eat more meat than small dogs and sleep longer.",
    "Water is heavier than ice.",
)


def test_enter_opens_the_row_and_m_asks_a_chat(forge, opened):
    forge.settings("proposals: true\nsources: [{obsidian: {name: notes, path: notes}}]\n")
    (forge.folder / "notes").mkdir()
    marks = "\n\n".join(f"=={words}==" for words in WEAK)
    (forge.folder / "notes" / "Weak.md").write_text(marks, encoding="utf-8")
    forge.ok("run")
    page = opened(forge, "shelf")
    buttons = page.locator(".documents [aria-selected=true] .go .button")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('mine')")
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 800})
        assert buttons.all_inner_texts() == ["Open\n⏎", "Ask my chat\nM"]
        assert all(button.is_visible() for button in buttons.all())
        for opens in (lambda: page.keyboard.press("Enter"), buttons.first.click):
            opens()
            page.wait_for_selector("#margin > .card")
            settle(page)
            assert leave(page).count()
    assert page.evaluate("navigator.clipboard.readText()") == "mine"
    page.keyboard.press("m")
    page.locator(
        "#chat[open] #chat-asks", has_text="3 highlights for your chat"
    ).wait_for()
    assert page.evaluate("navigator.clipboard.readText()") != "mine"


@pytest.mark.slow
def test_a_single_document_needs_no_shelf(forge, opened):
    forge.settings("proposals: true\nsources: [{pdf: {name: papers, path: papers}}]\n")
    write_paper(forge)
    forge.ok("run")
    page = opened(forge, "shelf")
    page.evaluate("history.replaceState(null, '', '/')")
    page.reload()
    page.wait_for_selector("#margin > .card")
    assert page.locator("#title").inner_text() == "Discoveries"
    settle(page)
    page.keyboard.press("Enter")
    settle(page)
    page.reload()
    page.wait_for_selector("#margin > .card")
    assert shown(page) in FACTS[1:], "one stays in it"


@pytest.mark.slow
def test_where_nothing_can_be_proposed_it_says_why_and_words_are_chosen(forge, opened):
    forge.settings(SETTINGS, proposals=True)
    for folder in ("notes", "papers"):
        (forge.folder / folder).mkdir()
    marks = (
        "==You should drink water!==\n\n==Who knows?==\n\n==You may go, my friend.==\n"
    )
    (forge.folder / "notes" / "Advice.md").write_text(marks, encoding="utf-8")
    forge.ok("run")
    page = opened(forge, "shelf")
    told = page.locator(".shelf").inner_text()
    assert "Mark a passage" not in told
    assert "3 without a card" in told
    assert "3 highlights without a card. Ask my chat" in told
    page.locator(".documents li").click()
    page.wait_for_selector("#margin > .card")
    settle(page)
    assert page.locator("#count").inner_text() == "1 of 3"
    page.keyboard.press("j")
    settle(page)
    assert page.locator("#count").inner_text() == "1 of 3", "none is decided on"
    assert page.locator("#ticks li").nth(0).get_attribute("data-s") == "now"
    page.keyboard.press("x")
    settle(page)
    for _ in range(2):
        page.keyboard.press("x")
        settle(page)
    assert over(page) == "3 decided. Nothing waits here."


@pytest.mark.slow
def test_nothing_waits(forge, opened):
    forge.settings(SETTINGS)
    for folder in ("notes", "papers"):
        (forge.folder / folder).mkdir()
    forge.ok("run")
    page = opened(forge, "shelf")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".nothing", has_text="Nothing waits").get_by_text("Copy").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "ankiforge run"
    (forge.folder / "notes" / "Animals.md").write_text("What does it say?::hoo\n")
    forge.ok("run")
    page.evaluate("dispatchEvent(new Event('focus'))")  # the user comes back
    page.locator(".documents li", has_text="Animals").wait_for()


@pytest.mark.slow
def test_the_sentence_has_the_one_before(documents, opened):
    sentence = (
        "In 1900 Georg Müller and Alfons Pilzecker observed that a second list damages the"
        " first, and they called the hardening consolidation."
    )
    note = f"# Bridges\n\nMany rivers are wide. =={sentence}==\n"
    (documents.folder / "notes" / "rivers").mkdir()
    (documents.folder / "notes" / "rivers" / "Bridges.md").write_text(note, "utf-8")
    documents.ok("run")
    page = opened(documents, "shelf")
    page.locator(".documents li", has_text="Bridges").click()
    page.wait_for_selector("#margin > .card")
    settle(page)
    page.keyboard.press("2")
    settle(page)
    page.locator(".sentence-before").click()
    before = page.locator(".sentence-before.on").inner_text()
    assert before.startswith("Many rivers are wide.")
    assert page.locator("#buttons .filled span").inner_text() == "Accept"
    page.locator("#buttons .filled").click()
    settle(page)
    [text] = [
        card["fields"]["Text"]
        for card in documents.cards()
        if card["verdict"] == "accepted"
    ]
    assert text == (
        "Many rivers are wide. In 1900 Georg Müller and Alfons Pilzecker observed that"
        " a second list damages the first, and they called the hardening {{c1::consolidation}}."
    )


@pytest.mark.slow
def test_words_with_their_translation_are_a_row_of_their_own(forge, opened):
    forge.settings("anki: {collection: none}\n", proposals=True)
    rows = "sizable,beträchtlich\nreliable,zuverlässig\nbottleneck,Engpass\n"
    text = f"Highlight,Note,Book Title\n{rows.replace(chr(10), f',A Paper{chr(10)}')}"
    (forge.folder / "export.csv").write_text(text, encoding="utf-8")
    forge.ok("run", "--yes", forge.folder / "export.csv")
    page = opened(forge, "shelf")
    row = page.locator(".documents li")
    told = row.inner_text()
    assert all(part in told for part in ("Words", "with their meaning", "1 waiting"))
    assert row.count() == 1, "none is among the ten"
    row.click()
    page.wait_for_selector("#margin > .card")
    settle(page)
    assert page.locator("#title").inner_text() == "Words"
    assert (
        "what 3 words mean. Make cards of them?" in page.locator("#margin").inner_text()
    )
    page.get_by_role("button", name="Make 3 cards").click()
    assert over(page).endswith("Nothing more is in this list.")
    accepted = {card["fields"]["Front"] for card in forge.cards() if card["guid"]}
    assert accepted == {"sizable", "reliable", "bottleneck"}


@pytest.mark.slow
def test_documents_below_the_first_hundred_come_when_they_are_scrolled_to(forge, opened):
    forge.settings(SETTINGS)
    for folder in ("notes", "papers"):
        (forge.folder / folder).mkdir()
    for number in range(MAX_ROWS + 3):
        text = f"Who wrote verse {number}?::poet {number}\n"
        folder = forge.folder / "notes" / str(number)  # each in a folder of its own
        folder.mkdir()
        (folder / f"N{number}.md").write_text(text, encoding="utf-8")
    forge.ok("run")
    page = opened(forge, "shelf")
    rows = page.locator(".documents li")
    assert rows.count() == MAX_ROWS
    assert page.locator(".over-documents p").inner_text() == "103 new cards waiting"
    rows.last.scroll_into_view_if_needed()
    until(page, f"document.querySelectorAll('.documents li').length === {MAX_ROWS + 4}")
    assert len({*titles(page)}) == MAX_ROWS + 4
    last = titles(page)[-1]
    rows.last.click()
    page.wait_for_selector("#margin > .card")
    settle(page)
    page.reload()  # its address names a document that the first request does not return
    page.wait_for_selector("#margin > .card")
    assert page.locator("#title").inner_text() == last
