"""How the page looks and stands still: sides, schemes, widths, and what is said when it ends."""

from pathlib import Path

import pytest

NOTE = """\
# Cells

The ==cell== divides; the ==nucleus== holds the DNA.

term:::definition

A ==ribosome== makes proteins, as was shown at some length by many who looked at it for years on
end, in yeast as in man, with microscopes, centrifuges, and a patience that is seldom met with now.

The ==area== is $\\pi r^2$.
"""


@pytest.fixture
def opened(forge, vault: Path, review):
    (vault / "a.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    return review


def card(page) -> str:
    """The words of the card that is shown."""
    return page.frame_locator("iframe").first.locator("#qa").inner_text()


def test_a_card_is_turned_and_each_card_of_its_note_is_reached(opened, settled):
    page = opened()
    while "term" not in card(page):
        page.keyboard.press("j")
        settled(page)
    assert "definition" in card(page)
    page.keyboard.press(" ")
    settled(page)
    assert "definition" not in card(page)

    page.keyboard.press("v")
    page.keyboard.press("]")
    settled(page)
    assert card(page).strip().splitlines()[-1] == "definition"
    page.frame_locator("iframe").first.locator("#qa").click()
    page.wait_for_selector(".turn[aria-pressed=true]")
    settled(page)
    assert "term" in card(page)

    page.keyboard.press("j")
    settled(page)
    assert page.get_attribute(".turn", "aria-pressed") == "false"
    assert page.evaluate("document.activeElement.id") == "title"


def test_what_decides_stays_at_its_place_from_card_to_card(opened, settled):
    page = opened()
    places = set()
    for _ in range(6):
        places.add(page.eval_on_selector("#acts button", "it => it.getBoundingClientRect().top"))
        places.add(
            page.eval_on_selector("#cards iframe", "it => it.getBoundingClientRect().top") + 1e4
        )
        page.keyboard.press(" ")
        page.keyboard.press("j")
        settled(page)
    assert len(places) == 2


def test_the_scheme_is_the_system_s_until_it_is_changed(opened, settled):
    page = opened(dark=True)
    night = page.frame_locator("iframe").first.locator("html.night-mode")
    assert night.count() == 1
    page.keyboard.press("d")
    settled(page)
    night.wait_for(state="detached")
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "light"
    page.reload()
    page.wait_for_selector("body[data-shown]:not([aria-busy])")
    assert night.count() == 0


def test_formulas_of_a_passage_are_drawn_below_it(opened, settled):
    page = opened()
    while not page.locator("#drawn").is_visible():
        page.keyboard.press("j")
        settled(page)
    page.frame_locator("#drawn iframe").locator("mjx-container").wait_for()
    page.keyboard.press("d")
    page.frame_locator("#drawn iframe").locator("html.night-mode").wait_for()


def test_a_narrow_window_scrolls_one_way_only_and_reload_stays_at_the_card(opened, settled):
    page = opened(width=320, height=256)
    page.keyboard.press("j")
    settled(page)
    title, address = page.inner_text("#counter"), page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert address.count("/") == 4
    page.reload()
    page.wait_for_selector("body[data-shown]:not([aria-busy])")
    assert (page.inner_text("#counter"), page.url) == (title, address)


def test_a_program_that_has_ended_is_told_of(opened, settled):
    page = opened()
    page.route("**/api/**", lambda route: route.abort("connectionrefused"))
    page.keyboard.press("a")
    settled(page)
    assert "ankiforge review" in page.inner_text("#banner")
    page.unroute("**/api/**")
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.wait_for_selector("#banner", state="hidden")


def test_what_the_terminal_decided_leaves_the_page_at_once(forge, opened, settled):
    page = opened()
    first, second, *others = (card["guid"] for card in forge.cards())
    forge.ok("reject", first)
    forge.ok("reject", second)
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.locator("#views [aria-current] .count", has_text=str(len(others))).wait_for()
    page.get_by_text("This card has changed elsewhere").wait_for()
    page.keyboard.press("a")
    settled(page)
    assert [card["verdict"] for card in forge.cards()].count("accepted") == 1
    forge.ok("undo")
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.get_by_text("1 new here").wait_for()
