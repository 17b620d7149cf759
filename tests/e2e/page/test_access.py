"""Each view can be used by everybody: axe-core finds no serious issue, and nothing is cut off."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.page.full import full

SCRIPT = os.environ.get("ANKIFORGE_AXE", "")
"""The path of `axe.min.js`; `.ci/run` installs it."""
CONTRAST = {"runOnly": ["color-contrast"]}
LOOKS: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("light", 1280, {}),
    ("dark", 1280, CONTRAST),  # what the colours do not change need not be looked for again
    ("light", 320, {"rules": {"color-contrast": {"enabled": False}}}),
)
EMPTY = ("changed", "all-rejected", "all-deleted")
"""The lists in which this workspace has nothing."""
OPENED = {"?": "#help", "S": "#seen", "X": "#words", "e": ".edit"}
"""What opens by which key."""
RUN = """async (options) => {
  const found = await axe.run(document, { iframes: false, resultTypes: ["violations"], ...options });
  const grave = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  return grave.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ")}`);
}"""


@pytest.fixture
def axe() -> str:
    if not SCRIPT and not os.environ.get("ANKIFORGE_REQUIRE_ALL"):
        pytest.skip("axe-core is not installed (ANKIFORGE_AXE)")
    return Path(SCRIPT).read_text("utf-8")


def views(page: Any) -> list[str]:
    names: list[str] = page.eval_on_selector_all(
        "a[data-view]", "all => [...new Set(all.map((one) => one.dataset.view))]"
    )
    return names


def test_no_view_has_a_serious_issue_in_any_look(forge, backend, fake, review, settled, axe):
    found: dict[tuple[str, ...], list[str]] = {}
    with full(forge, backend, fake):
        page = review()
        page.emulate_media(reduced_motion="reduce")
        page.evaluate(axe)
        page.frames[1].evaluate(axe)  # its frame is kept from card to card
        for view in views(page):
            page.evaluate("(view) => { location.hash = view }", view)
            page.wait_for_selector(f'[data-view="{view}"][aria-current]', state="attached")
            settled(page)
            empty = page.get_attribute("body", "data-item") == "no"
            assert not empty or view in EMPTY, f"{view} shows nothing"
            for scheme, width, options in LOOKS:
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": 800})
                found[view, scheme, str(width)] = page.evaluate(RUN, options)
                if width > 320 and page.locator("#cards iframe").first.is_visible():
                    found[view, scheme, "card"] = page.frames[1].evaluate(RUN, options)
                across = page.evaluate("document.documentElement.scrollWidth")
                if across > width:
                    found[view, scheme, str(width)].append(f"it is {across} wide")
            page.set_viewport_size({"width": 1280, "height": 800})
        for opens in OPENED:
            page.keyboard.press(opens)
            page.locator(OPENED[opens]).wait_for()
            for scheme, _, options in LOOKS[:2]:
                page.emulate_media(color_scheme=scheme)
                found[OPENED[opens], scheme] = page.evaluate(RUN, options)
            page.keyboard.press("Escape")
            page.locator(OPENED[opens]).wait_for(state="hidden")
    assert {look: issues for look, issues in found.items() if issues} == {}
