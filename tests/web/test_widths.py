"""Nothing is cut at the right, whatever the width of the window."""

import pytest

from tests.web.conftest import CARD, settle

NOTE = r"""# Limits

The binomial theorem says that ==$(a+b)^n = a^n + n\,a^{n-1}b + \frac{n(n-1)}{2}\,a^{n-2}b^2 + \dots + n\,a\,b^{n-1} + b^n$==, whose factors are the binomial coefficients.

For $a \neq 0$, ==the roots of $ax^2 + bx + c$ are $x = \frac{-b\pm\sqrt{b^2-4ac}}{2a}$== by completing the square.
"""
CUT = """(place) => [document, ...[...document.querySelectorAll('iframe.face')].map((frame) => frame.contentDocument)].flatMap(
  (each) => [...each.querySelectorAll(each === document ? `${place} math` : 'math')]).filter((math) => {
  const { left, right } = math.getBoundingClientRect();
  const around = math.closest('.face-of-card, .note-text, #qa').getBoundingClientRect();
  if (math.classList.contains("wide")) return false; // it scrolls
  return (right > around.right + 1 || left < around.left - 1 || math.scrollWidth > math.clientWidth + 1 || (getComputedStyle(math).overflowY !== 'visible' && math.scrollHeight > math.clientHeight + 1));
}).map((math) => `${math.textContent} ${math.className} ${math.clientWidth} ${math.scrollWidth} ${math.clientHeight} ${math.scrollHeight}`)"""
BUTTONS = "[...document.querySelectorAll('#buttons .button.outlined, #buttons .filled')].map((each) => each.textContent)"


@pytest.mark.slow
def test_formulas_buttons_and_what_is_said_have_room_at_every_width(forge, opened):
    forge.settings(
        "sources:\n  - obsidian: {name: notes, path: notes}\nanki: {collection: none}\n"
    )
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Limits.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run")
    page = opened(forge)
    for _step in range(2):
        for width in (1440, 1024, 768, 720, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(100)
            for place in (CARD, "#paper"):
                assert page.evaluate(CUT, place) == [], (width, place)
        page.keyboard.press("j")
        settle(page)
    page.keyboard.press("e")
    page.wait_for_selector(".editing")
    for width in (768, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(100)
        shown = " ".join(page.evaluate(BUTTONS))
        assert "Keep for later" in shown
        assert "Discard" in shown
        bar = page.locator("#buttons").bounding_box()
        assert bar["y"] + bar["height"] <= 900
        assert bar["height"] < 60  # one row
    page.locator("#buttons .button", has_text="Discard").click()
    page.keyboard.press("x")
    said = page.locator("#said", has_text="Rejected")
    said.wait_for()
    card = page.locator("#margin").bounding_box()
    assert card["y"] + card["height"] <= said.bounding_box()["y"]


STATES = """# Memory

Working memory holds about ==four chunks== at a time.

What does the testing effect say?::Recalling strengthens.

==The forgetting curve is the decline of memory over time that Hermann Ebbinghaus described in 1885.==

==Nice!==
"""
SIGNS = """[...document.querySelectorAll("#paper .side")].map((side) => {
  const { strokeWidth, strokeDasharray } = getComputedStyle(side);
  return [side.dataset.s, `${side.getAttribute("d").replace(/[-\\d. ]+/g, " ")} ${strokeWidth} ${strokeDasharray}`];
})"""
SEEN = f"""(() => {{
  const words = document.querySelector("{CARD} :is(.words, iframe)").getBoundingClientRect();
  return words.height > 0 && words.top >= 0 && words.bottom <= document.querySelector("#bar").getBoundingClientRect().top;
}})()"""


def test_states_have_forms_and_at_400_percent_the_card_comes_first(forge, opened):
    forge.settings("sources: [{obsidian: {name: notes, path: notes}}]\nproposals: true\n")
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Memory.md").write_text(STATES, encoding="utf-8")
    forge.ok("run")
    page = opened(forge)
    signs = dict(page.evaluate(SIGNS))
    page.keyboard.press("j")
    settle(page)
    signs |= dict(page.evaluate(SIGNS))
    del signs["now"]
    assert set(signs) == {"asks", "suggested", "card", "none"}
    assert len(set(signs.values())) == 4, signs
    page.set_viewport_size({"width": 900, "height": 700})
    legend = page.locator("#legend span:visible").all_inner_texts()
    assert legend == ["waits", "suggested", "card", "no card"]

    page.set_viewport_size({"width": 320, "height": 256})
    page.keyboard.press("k")
    settle(page)
    assert page.evaluate(SEEN)
    assert not page.locator("#paper").is_visible()
    page.get_by_label("Show the passage").check()
    assert page.locator("#paper").is_visible()
    assert page.locator("#paper .marks [data-s=now]").first.is_visible()
    page.keyboard.press("j")
    settle(page)
    assert not page.locator("#paper").is_visible(), "the next card comes first, too"
    page.keyboard.press("m")
    page.wait_for_selector("#chat[open]")
    box = page.locator("#chat").bounding_box()
    for button in page.locator("#chat button:visible").all():
        place = button.bounding_box()
        assert (
            box["x"]
            <= place["x"]
            < place["x"] + place["width"]
            <= box["x"] + box["width"]
        )
