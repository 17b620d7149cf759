"""Editing in the card: its Markdown, beside the card as Anki shows it."""

import pytest

from tests.web.conftest import rest, settle, shown

ITEM = "#margin > .card"
TEXT = f"{ITEM} .written[data-name=Text]"
NOTE = r"""# Cells

{{c1::Mitochondria}} turn `glucose` into **ATP**, about $30$ of each {{c2::molecule::a unit}}.

Where do ==*ribosomes*== stand?::on the **rough** `ER`, as $r^2$ says
"""
CLOZE = "{{c1::Mitochondria}} turn `glucose` into **ATP**, about $30$ of each {{c2::molecule::a unit}}."


@pytest.fixture
def cells(forge):
    """A cloze with two gaps, code, a formula, emphasis; and a question. Both are cards."""
    forge.settings(
        "sources:\n  - obsidian: {name: notes, path: notes}\nanki: {collection: none}\n"
    )
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Cells.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run")
    return forge


def text_of(forge):
    """The text of the cloze."""
    [text] = [
        card["fields"]["Text"] for card in forge.cards() if "Text" in card["fields"]
    ]
    return text


def editing(page, words):
    """Open a card of the list of all, and its editor."""
    page.locator(".rows a, .rows button", has_text=words).first.click()
    page.wait_for_selector(ITEM)
    settle(page)
    page.keyboard.press("e")
    page.wait_for_selector(f"{ITEM} .edit")
    rest(page)
    return page


SELECT = """([words]) => {
  const box = document.querySelector('#margin > .card .written');
  const at = box.value.indexOf(words);
  if (at < 0) throw Error(words);
  box.focus();
  box.setSelectionRange(at, at + words.length);
}"""


def select(page, words):
    """Select words of the first field."""
    page.evaluate(SELECT, [words])
    rest(page)


def save(page, forge):
    """Store the editor, and return the text of the cloze."""
    page.keyboard.press("Control+Enter")
    settle(page)
    return text_of(forge)


def test_a_card_is_edited_as_markdown_beside_what_anki_shows(cells, opened):
    page = editing(opened(cells, "all"), "Mitochondria")
    assert page.locator(TEXT).input_value() == CLOZE
    asked = page.frame_locator(f"{ITEM} .sides .shown:first-child iframe")
    asked.get_by_text("[…]").first.wait_for()
    assert asked.locator(":is(math, code, strong)").count() == 3
    assert save(page, cells) == CLOZE, "nothing was changed"


@pytest.mark.slow
def test_selected_words_become_a_gap_with_a_number_of_their_own(cells, opened):
    page = editing(opened(cells, "all"), "Mitochondria")
    select(page, "turn ")
    page.keyboard.press("Control+Shift+KeyC")
    select(page, "about")
    page.keyboard.press("Control+Shift+Alt+KeyC")
    expected = CLOZE.replace("turn", "{{c3::turn}}").replace("about", "{{c3::about}}")
    assert save(page, cells) == expected
    cells.ok("undo")

    # without a selection nothing is hidden, and what was hidden can be undone
    editing(page, "Mitochondria")
    page.keyboard.press("Control+Shift+KeyC")
    assert "Select the words" in page.inner_text("#said")
    select(page, "glucose")
    page.locator(f"{ITEM} .gap-menu .button").first.click()
    assert "{{c3::glucose}}" in page.locator(TEXT).input_value()
    page.keyboard.press("Control+z")
    assert page.locator(TEXT).input_value() == CLOZE

    # a gap that is not closed is refused, and cannot be insisted on
    page.keyboard.press("Control+End")
    page.keyboard.type(" {{c4::open")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(f"{ITEM} .error")
    assert (
        "Put what to recall between {{c1:: and }}."
        in page.locator(f"{ITEM} .error").inner_text()
    )
    assert not page.locator(f"{ITEM} .error button").count()
    settle(page)
    page.locator(TEXT).fill(CLOZE)
    assert save(page, cells) == CLOZE


@pytest.mark.slow
def test_escape_keeps_the_words_and_discard_drops_them(cells, opened):
    page = editing(opened(cells, "all"), "ribosomes")
    page.keyboard.type(" Why? ")
    page.keyboard.press("Escape")
    assert page.locator(f"{ITEM} .tag").inner_text() == "Not saved"
    assert "Why?" in page.locator(f"{ITEM} .kept").inner_text()
    assert not page.locator(f"{ITEM} .edit").count()
    page.keyboard.press("e")
    assert "Why?" in page.locator(f"{ITEM} .written").first.input_value()
    page.locator("#buttons .button", has_text="Discard").click()
    page.keyboard.press("e")
    assert "Why?" not in page.locator(f"{ITEM} .written").first.input_value()
    assert text_of(cells) == CLOZE


def test_enter_saves_the_words_that_were_kept(forge, opened):
    """Whoever leaves the editor and presses Enter loses no word."""
    forge.settings(
        "sources:\n  - obsidian: {name: notes, path: notes}\naccept: {rules: review}\n"
    )
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Cells.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run")
    page = opened(forge)
    while "ribosomes" not in shown(page):
        page.keyboard.press("j")
        settle(page)
    page.keyboard.press("e")
    page.keyboard.type(" KEPT")
    page.keyboard.press("Escape")
    for key in "jk":
        page.keyboard.press(key)
        settle(page)
    assert page.locator(f"{ITEM} .tag").inner_text() == "Not saved"
    assert page.locator("#buttons .filled span").inner_text() == "Save and accept"
    page.keyboard.press("Enter")
    settle(page)
    [front] = [
        card["fields"]["Front"] for card in forge.cards() if card["verdict"] == "accepted"
    ]
    assert front.endswith("KEPT")


@pytest.mark.slow
def test_the_deck_and_tags_of_a_card_are_changed_in_the_editor(cells, opened):
    page = editing(opened(cells, "all"), "Mitochondria")
    deck, tags = page.get_by_label("Deck"), page.get_by_label("Tags")
    page.locator(f"{ITEM} .more-fields summary").click()
    page.wait_for_selector(f"{ITEM} [name=Deck]:enabled")
    assert (deck.input_value(), tags.input_value()) == ("Reading", "")
    assert page.locator("#decks option").evaluate_all("all => all.map((o) => o.value)") == [
        "Reading"
    ]  # fmt: skip
    deck.fill("Biology::Cells")
    tags.fill("cells exam")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    assert tags.input_value() == "cells exam"
    assert save(page, cells) == CLOZE
    [card] = [card for card in cells.cards() if "Text" in card["fields"]]
    assert card["deck"] == "Biology::Cells"
    assert card["tags"] == ["ankiforge::doc::cells", "cells", "exam"]
    page.wait_for_timeout(700)  # sooner, letters would be meant for the field
    page.keyboard.press("u")
    settle(page)
    [card] = [card for card in cells.cards() if "Text" in card["fields"]]
    assert (card["deck"], card["tags"]) == ("Reading", ["ankiforge::doc::cells"])
