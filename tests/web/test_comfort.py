"""What makes many decisions pleasant: rendered lists, a preview, a menu, decisions on several."""

import pytest

from tests.web.conftest import by_name, over, rest, settle, shown

ITEM = "#margin > .card"
NOTE = r"""# Maths

What does `abs` give for $\sqrt{d_k}$?::the *root* of $d_k$

The capital of {{c1::France}} is {{c2::Paris}}.

Who measured forgetting first?::Hermann Ebbinghaus

Capital of Peru :: Lima

Capital of Chile :: Santiago
"""
FACE = f"() => document.querySelector('{ITEM} .sides > :last-child iframe')?.contentDocument.querySelector('#qa')?.innerText ?? ''"


@pytest.fixture
def maths(forge):
    """Cards with code, formulas and clozes; two drafts wait."""
    forge.settings(
        "sources:\n  - obsidian: {name: notes, path: notes}\nanki: {collection: none}\n"
    )
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Maths.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run")
    return forge


def test_a_list_shows_cards_as_they_are_and_what_matches(maths, opened):
    expect = pytest.importorskip("playwright.sync_api").expect
    page = opened(maths, "all")
    texts = page.locator(".rows").inner_text()
    for raw in ("\\sqrt", "{{", "`", "$", "*"):
        assert raw not in texts
    assert page.locator(".rows math msqrt").count()
    assert "The capital of France is Paris." in texts

    page.get_by_role("searchbox").fill("verdict:waiting")
    expect(page.locator(".rows li")).to_have_count(2)


@pytest.mark.slow
def test_the_menu_puts_off_and_the_editor_shows_the_card_that_is_made(maths, opened):
    page = opened(maths)
    title = shown(page)
    by_name(page, "Later")
    settle(page)
    assert shown(page) != title
    page.keyboard.press("u")
    settle(page)
    assert shown(page) == title

    page.keyboard.press("e")
    page.locator(f"{ITEM} .preview iframe").first.wait_for()
    page.locator(f"{ITEM} .written[data-name=Back]").fill("**Lima**, since $x^2$")
    while "Lima, since" not in page.evaluate(FACE):
        rest(page)
    bold = f"document.querySelector('{ITEM} .sides > :last-child iframe').contentDocument.querySelectorAll('b, strong, math').length"
    assert page.evaluate(bold) == 2
    page.locator(f"{ITEM} .written[data-name=Back]").fill("")
    page.keyboard.press("Escape")

    page.set_viewport_size({"width": 390, "height": 844})  # the menu of a phone
    for close in (
        lambda: page.keyboard.press("Escape"),
        lambda: page.mouse.click(20, 600),
    ):
        page.click("#menu > summary")
        page.locator("#menu[open]").wait_for()
        close()
        page.locator("#menu[open]").wait_for(state="detached")


def test_the_menu_has_what_can_be_done_now_with_its_keys(maths, opened):
    page = opened(maths)
    page.keyboard.press("m")
    page.locator("#said", has_text="highlight").wait_for()
    assert not page.locator("#chat[open]").count(), "there is nothing to ask"

    page.locator("#to-shelf").click()
    page.wait_for_selector("body[data-view=shelf]")
    settle(page)
    page.keyboard.press("?")
    menu = page.locator("#menu-items .menu-item").evaluate_all(
        "all => all.map((one) => [...one.children].map((part) => part.textContent).join(' '))"
    )
    assert menu == [
        "All cards /",
        "Ask my chat M",
    ]


@pytest.mark.slow
def test_both_answers_about_a_card_that_changed_have_room(forge, backend, opened):
    forge.settings("sources:\n  - obsidian: {name: notes, path: notes}\n")
    note = forge.folder / "notes" / "Capitals.md"
    note.parent.mkdir()
    old = "Capital of Peru?::Lima\n\nCapital of Chile?::Santiago\n"
    note.write_text(old, encoding="utf-8")
    forge.ok("run")
    peru = next(card for card in forge.cards() if "Peru" in card["fields"]["Front"])
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        anki.edit(peru["guid"], Back="Lima, on the coast")
    new = old.replace("Lima", "Lima, since 1535").replace("go", "go, since 1541")
    note.write_text(new, encoding="utf-8")
    forge.ok("run")
    page = opened(forge, "you")
    assert "Which words stay?" in page.locator(ITEM).inner_text()
    for width in (768, 390):  # both answers are in the bar
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(100)
        for answer in ("Keep mine", "Take the new", "Edit"):
            box = page.locator("#buttons > .button", has_text=answer).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= 900
    page.keyboard.press("1")
    assert over(page) == "1 card. Nothing more is in this list."
    assert "on the coast" in page.locator(".made-cards").inner_text()
