"""Every list can be used by everybody: axe-core finds nothing, nothing is cut off, pictures show."""

import os
from pathlib import Path

import pytest

from tests.conftest import Forge
from tests.web.conftest import settle, shown, sittings, turn_to
from tests.web.world import world

pytestmark = pytest.mark.slow

LISTS = ("new", "you", "all")
COLOURS = ["color-contrast", "link-in-text-block"]
SCHEMES = {"dark": COLOURS, "light": None}
"""The rules in the dark and in the light: the dark differs in colours alone."""
RUN = """async ([parts, rules]) => {
  await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));
  const options = { iframes: false, resultTypes: ["violations"] };
  const found = await axe.run({ include: parts }, rules ? { ...options, runOnly: rules } : options);
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ")}`);
}"""
CARD = """() => [...document.querySelectorAll("#margin > .card iframe.face")].map((frame) => {
  const inside = frame.contentDocument.querySelector("#qa");
  return [frame.clientHeight >= inside.scrollHeight, inside.innerText.trim().length > 0,
    [...inside.querySelectorAll("img")].every((one) => one.naturalWidth > 0)];
})"""
PAPERS = """async () => {
  const links = [...document.querySelectorAll("#margin > .card .links a[href^='/']")];
  const types = await Promise.all(links.map(async (one) => (await fetch(one.href)).headers.get("Content-Type")));
  return types.filter((one) => one !== "application/pdf").map((one) => `a paper is ${one}`);
}"""


@pytest.fixture(scope="module")
def axe():
    script = os.environ.get("ANKIFORGE_AXE", "")
    if not script and not os.environ.get("ANKIFORGE_REQUIRE_ALL"):
        pytest.skip("axe-core is not installed (make axe)")
    return Path(script).read_text("utf-8")


@pytest.fixture(scope="module")
def full(tmp_path_factory, backend, fake):
    """A workspace with something in every list."""
    forge = Forge(tmp_path_factory.mktemp("world"))
    with world(forge, backend, fake):
        yield forge


def barriers(page, *parts):
    """Return the barriers that axe finds in parts of the page, or all.

    In the light, and in a wide window in the dark: no colour depends on the width.
    """
    chosen = [[part] for part in parts or ("html",)]
    is_wide = page.viewport_size["width"] > 800
    found = []
    for scheme in SCHEMES if is_wide else ("light",):
        rules = SCHEMES[scheme]
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {one}" for one in page.evaluate(RUN, [chosen, rules])]
    return found


@pytest.mark.parametrize("width", [1280, 390])
def test_every_item_of_every_list_is_without_barriers(full, opened, axe, width):
    page = opened(full)
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(axe)
    found, items, proposals = {}, {}, 0
    for name in LISTS:
        items[name] = 0
        for cards in sittings(page, name):
            count = cards or page.locator(".rows:visible li").count()
            items[name] += count
            for number in range(max(cards, 1)):
                where = (name, shown(page), number)
                page.evaluate(
                    "Promise.allSettled([...document.images].map((one) => one.decode()))"
                )
                # from item to item of a sitting, only these differ
                parts = ("#margin", "#bar") if number else ()
                found[where] = barriers(page, *parts)
                proposals += page.locator("#margin > .card .proposal").count()
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    found[where].append("it is too wide")
                if not all(all(one) for one in page.evaluate(CARD)):
                    found[where].append("a card is cut off, or empty, or lacks a picture")
                if not page.evaluate(
                    "[...document.images].every((one) => one.naturalWidth)"
                ):
                    found[where].append("a picture does not show")
                found[where] += page.evaluate(PAPERS)
                if cards:
                    page.keyboard.press("j")
                    settle(page)
    turn_to(page, "new")
    page.keyboard.press("Escape")
    page.wait_for_selector("body[data-view=shelf]")
    found["shelf"] = barriers(page)
    page.route("**/api/*", lambda route: route.abort())
    page.keyboard.press("m")
    page.wait_for_selector("#dead[open]")
    found["no answer"] = barriers(page)
    page.unroute("**/api/*")
    page.wait_for_selector("#dead", state="hidden")
    page.locator(".documents li:not(.caution) b").first.click()
    page.wait_for_selector("#margin > .card")
    settle(page)
    for key, name in (("?", "#menu[open]"), ("e", "#margin > .card .edit iframe")):
        page.keyboard.press(key)
        page.locator(name).first.wait_for()
        found[name] = barriers(page)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found[name].append("it is too wide")
        page.keyboard.press("Escape")
    assert {where: faults for where, faults in found.items() if faults} == {}
    assert min(items.values()) > 0, items
    assert proposals > 0


def test_the_shelf_without_a_document_is_without_barriers(forge, opened, axe):
    (forge.folder / "notes").mkdir()
    forge.settings("sources: [{obsidian: {name: n, path: notes}}]\n")
    forge.ok("run")
    page = opened(forge, "shelf")
    page.locator(".nothing").wait_for()
    page.evaluate(axe)
    assert barriers(page) == []


def test_passages_found_are_without_barriers(forge, opened, axe):
    notes = forge.folder / "notes"
    notes.mkdir()
    (notes / "Metals.md").write_text("==Gold is a noble metal and does not rust.==\n")
    forge.settings("sources: [{obsidian: {name: n, path: notes}}]\n")
    forge.ok("run")
    page = opened(forge, "all")
    page.evaluate(axe)
    page.get_by_role("searchbox").fill("which metal does not rust")
    page.locator(".passage").wait_for()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert barriers(page) == [], width
