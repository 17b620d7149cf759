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
