"""Keys on the page: each does what it says to the card that is shown when its turn comes."""

import json
from pathlib import Path

import pytest

MARKS = ("cell", "nucleus", "ribosome", "enzyme", "membrane")


@pytest.fixture
def page(forge, vault: Path, review):
    lines = (f"What is the {one}?::The {one} of {at}.\n" for at, one in enumerate(MARKS))
    (vault / "a.md").write_text("\n".join(lines), encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    return review()


def slowly(page, seconds: float = 0.2) -> list[str]:
    """Decisions take their time; the ids they name, in order."""
    named: list[str] = []

    def pass_on(route) -> None:
        named.append(json.loads(route.request.post_data)["at"])
        page.wait_for_timeout(seconds * 1000)
        route.continue_()

    page.route("**/api/decide", pass_on)
    return named


def test_fast_keys_each_decide_on_the_card_of_their_turn(forge, page, settled):
    named = slowly(page)
    for key in "aax":
        page.keyboard.press(key)
    settled(page)

    assert len(set(named)) == 3
    verdicts = [card["verdict"] for card in forge.cards()]
    assert verdicts == ["accepted", "accepted", "rejected", "pending", "pending"]


def test_what_was_pressed_after_a_refused_key_is_not_done_to_the_same_card(forge, page, settled):
    first = forge.cards()[0]["guid"]
    page.route("**/api/views*", lambda route: route.abort())  # the page has not asked for news yet
    forge.ok("edit", first, "--field", "Back", "Another answer.")
    named = slowly(page)
    for key in "aaa":
        page.keyboard.press(key)
    settled(page)

    assert named == [f"pending/{first}"]
    assert "Not done: this has changed in the meantime" in page.inner_text("#told")
    assert {card["verdict"] for card in forge.cards()} == {"pending"}


def test_keys_of_the_browser_held_keys_and_typed_words_decide_nothing(forge, page, settled):
    page.keyboard.press("Control+a")
    page.keyboard.down("a")
    page.keyboard.down("a")  # the keyboard repeats what is held
    page.keyboard.up("a")
    settled(page)
    assert [card["verdict"] for card in forge.cards()].count("accepted") == 1

    page.keyboard.press("/")
    page.keyboard.type("xaxa")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert "Accept" in page.inner_text("#help")
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    settled(page)
    assert [card["verdict"] for card in forge.cards()].count("pending") == len(MARKS) - 1

    page.keyboard.press("X")
    page.keyboard.type("said elsewhere")
    page.keyboard.press("Escape")
    page.keyboard.press("X")
    page.keyboard.type("xx")
    page.keyboard.press("Enter")
    page.locator("#told", has_text="rejected").wait_for()
    assert [card["verdict"] for card in forge.cards()].count("rejected") == 1


ESCAPE_AND = """([id, key]) => {
  const dialog = document.getElementById(id);
  dialog.dispatchEvent(new Event("cancel"));
  dialog.close();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
}"""
"""What Escape does, and the next key in the same moment: the dialog's `close` comes after both."""


def test_the_next_key_after_escape_is_heard_at_once(page):
    page.keyboard.press("?")
    page.locator("#help").wait_for()
    page.evaluate(ESCAPE_AND, ["help", "S"])
    page.locator("#seen").wait_for()
    page.evaluate(ESCAPE_AND, ["seen", "?"])
    page.locator("#help").wait_for()


def test_a_dialog_that_is_opened_again_at_once_is_not_left_by_its_former_end(forge, page):
    page.keyboard.press("X")
    page.locator("#words").wait_for()
    page.evaluate(ESCAPE_AND, ["words", "X"])
    page.locator("#words").wait_for()
    page.keyboard.type("known")
    page.keyboard.press("Enter")
    page.locator("#told", has_text="rejected").wait_for()
    assert [card["verdict"] for card in forge.cards()].count("rejected") == 1
