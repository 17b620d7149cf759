"""Cards by hand, and words edited in place, in a real browser and without a mouse."""

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect


@pytest.fixture
def page(forge, vault: Path, review, settled):
    """The passages without a card, the first of them shown."""
    text = "==The 😀 cell of 細胞 divides by $x^2$ mitosis.==\n\n==Ribosomes make proteins here in the cell.==\n"
    (vault / "a.md").write_text(
        f"{text}\n==Enzymes make reactions of the cell fast.==\n", encoding="utf-8"
    )
    forge.ok("run", vault)
    page = review()
    page.click("#views a[data-view=passages]")
    page.wait_for_selector("#source blockquote.passage")
    settled(page)
    return page


def select(page, *, word: int, more: int = 0) -> None:
    for _ in range(word):
        page.keyboard.press("ArrowRight")
    for _ in range(more):
        page.keyboard.press("Shift+ArrowRight")


def test_enter_may_be_quicker_than_the_server(forge, page, settled):
    def late(route: Any) -> None:
        time.sleep(0.3)
        route.continue_()

    page.route("**/api/chosen", late)
    select(page, word=2)
    page.keyboard.press("q")
    page.keyboard.type("What is small?")
    page.keyboard.press("Enter")
    settled(page)
    [card] = forge.cards()
    assert (card["fields"]["Front"], card["fields"]["Back"]) == ("What is small?", "cell")


def test_words_selected_by_keys_are_a_cloze_a_question_a_term(forge, page, settled):
    drawn = page.locator("#cards iframe").first
    expect(drawn).to_be_hidden()
    page.keyboard.press(" ")
    expect(page.locator("#told")).to_contain_text("select words of the passage")
    select(page, word=2)
    expect(drawn).to_be_visible()
    assert page.evaluate("getSelection().toString()") == "cell"
    expect(page.frame_locator("#cards iframe").first.locator(".cloze")).to_have_text("cell")
    page.keyboard.press("+")
    select(page, word=3, more=0)
    page.keyboard.press("c")
    settled(page)
    [first] = forge.cards()
    assert first["fields"]["Text"].startswith("The 😀 {{c1::cell}} of ")
    assert "{{c2::" in first["fields"]["Text"]

    select(page, word=1)
    page.keyboard.press("q")
    page.keyboard.type("What makes proteins?")
    page.keyboard.press("Enter")
    settled(page)
    select(page, word=1)
    page.keyboard.press("t")
    expect(page.get_by_label("Back")).to_have_value("make reactions of the cell fast.")
    page.keyboard.press("Control+Enter")
    settled(page)

    made = {card["kind"]: card["fields"] for card in forge.cards()}
    assert made["basic"] == {"Front": "What makes proteins?", "Back": "Ribosomes"}
    assert made["two-way"]["Front"] == "Enzymes"
    expect(page.locator("#title")).to_contain_text("Every passage has its card")

    page.keyboard.press("u")
    settled(page)
    expect(page.locator("#source")).to_contain_text("Enzymes make reactions of the cell fast.")


@pytest.fixture
def card(forge, vault: Path, review):
    (vault / "a.md").write_text("The ==cell== divides in two halves.\n", encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    return review()


def test_beside_a_card_words_of_its_passage_make_further_ones(forge, card, settled):
    page = card
    first = page.locator("#title").inner_text()
    page.keyboard.press("c")
    expect(page.locator("#told")).to_contain_text("select")
    select(page, word=3)
    page.keyboard.press("c")
    settled(page)
    expect(page.locator("#told")).to_contain_text("beside 1 from this passage")
    select(page, word=2)
    page.keyboard.press("q")
    page.keyboard.type("What divides in two halves?")
    page.keyboard.press("Enter")
    settled(page)

    assert page.locator("#title").inner_text() == first
    made = [one["fields"] for one in forge.cards() if one["verdict"] == "accepted"]
    assert {"Front": "What divides in two halves?", "Back": "cell"} in made
    assert {"Text": "The cell {{c1::divides}} in two halves."} in made
    page.keyboard.press("a")
    settled(page)
    assert [one["verdict"] for one in forge.cards()] == ["accepted"] * 3


def test_a_broken_cloze_or_formula_is_told_while_typing_and_saved_when_mended(forge, card, settled):
    page = card
    page.keyboard.press("e")
    text = page.get_by_label("Text")
    expect(text).to_be_focused()
    text.fill(r"The {{c1::cell divides by $\frac{1}$.")
    expect(page.locator(".foot")).to_contain_text("never closed")
    text.fill(r"The {{c1::cell}} divides by $\notacommand{2}$.")
    expect(page.locator(".wrong")).to_contain_text("formula cannot be read")
    text.fill("The cell divides by $x^2$.")
    text.evaluate("field => field.setSelectionRange(4, 8)")
    page.keyboard.press("Control+Shift+c")
    expect(text).to_have_value("The {{c1::cell}} divides by $x^2$.")
    expect(page.locator(".wrong")).to_be_empty()
    expect(page.frame_locator("#cards iframe").first.locator("mjx-container")).to_be_visible()
    page.keyboard.press("Control+Enter")
    settled(page)

    [card] = forge.cards()
    assert (card["fields"]["Text"], card["verdict"]) == (
        "The {{c1::cell}} divides by $x^2$.",
        "accepted",
    )


def test_typed_words_outlive_a_reload_and_a_change_by_somebody_else(forge, card, settled):
    page = card
    page.keyboard.press("e")
    text = page.get_by_label("Text")
    text.fill("My {{c1::cell}} divides.")
    page.reload()
    expect(text).to_have_value("My {{c1::cell}} divides.")

    guid = forge.cards()[0]["guid"]
    forge.ok("edit", guid, "--field", "Text", "Their {{c1::cell}} divides.")
    text.press("Control+Enter")
    expect(page.locator(".wrong")).to_contain_text("changed in the meantime")
    expect(page.frame_locator("#cards iframe").first.locator("#qa")).to_contain_text("Their")
    expect(text).to_have_value("My {{c1::cell}} divides.")

    text.press("Escape")
    expect(page.locator(".wrong")).to_contain_text("once more")
    text.press("Escape")
    expect(text).to_have_count(0)
    assert forge.cards()[0]["fields"]["Text"] == "Their {{c1::cell}} divides."
