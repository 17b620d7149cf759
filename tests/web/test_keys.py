"""Keys at the pace of a person: none decides on a card that could not yet be seen, and none is lost without a word."""

import pytest

from tests.web.conftest import by_name, rest, settle, until
from tests.web.test_deciding import ANIMALS, notes, verdicts  # noqa: F401

ENOUGH = 200
"""Milliseconds for which a card must have been on screen before a key decides on it."""
OBSERVER = """
window.seen = {};       // when each item was first painted, by id; again after it was out of sight
window.decided = [];    // [id, how long it had been on screen]
window.refused = 0;
let last = null;
addEventListener("DOMContentLoaded", () => {
  new MutationObserver(() => {
    const id = document.querySelector("#margin > .card")?.dataset.id ?? null;
    if (id && id !== last) window.seen[id] = performance.now();
    last = id;
  }).observe(document.querySelector("#margin"), { childList: true, subtree: true, attributes: true });
  new MutationObserver(() => { window.refused += 1; })
    .observe(document.querySelector("#refused"), { childList: true });
  document.addEventListener("keydown", (e) => { window.pressedAt = e.timeStamp; }, true);
});
const plain = window.fetch;
window.fetch = (address, options) => {
  if (String(address).includes("api/decide")) {
    const { id } = JSON.parse(options.body);
    window.decided.push([id, window.pressedAt - window.seen[id]]);
  }
  return plain(address, options);
};
"""


@pytest.fixture
def watched(notes, opened):  # noqa: F811
    """The page with twelve cards, observed from outside its own scripts."""
    return opened(notes, script=OBSERVER)


def assert_nothing_early_and_nothing_lost(page, keys):
    settle(page)
    shown_for = [milliseconds for _, milliseconds in page.evaluate("decided")]
    assert all(milliseconds >= ENOUGH for milliseconds in shown_for), shown_for
    assert len(shown_for) + page.evaluate("refused") == keys


def press(page, key, *, times, every):
    for _ in range(times):
        page.keyboard.press(key)
        page.wait_for_timeout(every)


@pytest.mark.parametrize("pace", [pytest.param(60, marks=pytest.mark.slow), 150])
def test_a_key_decides_on_a_card_that_was_seen_and_once_if_it_is_held_down(
    watched,
    notes,  # noqa: F811
    pace,
):
    press(watched, "x", times=9, every=pace)
    assert_nothing_early_and_nothing_lost(watched, 9)
    decided = watched.evaluate("decided.length")
    waiting = list(verdicts(notes).values()).count("waiting")
    assert decided == len(ANIMALS) - waiting
    assert decided >= 1

    for _ in range(10):
        watched.keyboard.down("Enter")
        watched.wait_for_timeout(60)
    watched.keyboard.up("Enter")
    settle(watched)
    assert list(verdicts(notes).values()).count("accepted") == 1


BOUNCE = """
async (key) => {
  const press = () => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  press();
  await new Promise((resolve) => setTimeout(resolve, 15));
  press();
};
"""
"""Pressed in the page: from outside, a busy machine may take longer than a bounce."""


@pytest.mark.slow
def test_a_key_that_bounces_decides_once(watched, notes):  # noqa: F811
    for _ in range(4):
        watched.wait_for_timeout(2 * ENOUGH)
        watched.evaluate(BOUNCE, "Enter")
        settle(watched)
    assert_nothing_early_and_nothing_lost(watched, 8)
    assert list(verdicts(notes).values()).count("accepted") == 4


@pytest.mark.slow
def test_a_slow_server_loses_no_key(watched):
    def slowly(route):
        watched.wait_for_timeout(350)
        route.continue_()

    watched.route("**/api/decide", slowly)
    press(watched, "x", times=8, every=90)
    watched.unroute_all(behavior="wait")
    assert_nothing_early_and_nothing_lost(watched, 8)


def test_a_search_takes_every_letter_from_the_first(watched, notes):  # noqa: F811
    watched.route(
        "**/api/list*", lambda route: (watched.wait_for_timeout(300), route.continue_())
    )
    by_name(watched, "All cards")
    watched.keyboard.type("axe a owl")
    assert watched.locator(".search:visible").input_value() == "axe a owl"
    watched.keyboard.press("Control+a")
    watched.keyboard.type("owl")
    until(watched, "document.querySelectorAll('.table > .rows li').length === 1")
    assert watched.locator("#title").inner_text() == "All cards"
    assert watched.evaluate("decided") == []
    assert set(verdicts(notes).values()) == {"waiting"}
    watched.unroute_all(behavior="ignoreErrors")


def test_a_key_that_does_nothing_here_says_nothing(watched):
    page = watched
    title = page.locator("#margin > .card").get_attribute("data-title")
    for key in ("ArrowRight", "w", "9", "F8"):  # no words can be chosen on this card
        page.keyboard.press(key)
        rest(page)
    assert page.locator("#margin > .card").get_attribute("data-title") == title
    assert page.locator("#said").inner_text() == ""
    assert page.evaluate("refused") == 0
