"""A figure on the page: masks are switched off and drawn, then it is accepted."""

from typing import Any

import pytest

from tests.anki.figures import FRAME, SETTINGS, code_of, framed
from tests.makers.pdf_writer import Page, paragraph, write_pdf
from tests.web.conftest import modules, settle

SHOWN = "#margin > .card"


@pytest.fixture
def figure(forge: Any) -> Any:
    """`figure(Femur=(120, 470))`: a workspace in which a figure with these labels waits."""

    def drawn(**labels: tuple[float, float]) -> Any:
        forge.settings(SETTINGS + "anki: {collection: none}\n")
        (forge.folder / "papers").mkdir()
        page = Page(
            (paragraph("Legs"),), (framed(FRAME, "", "n" * 20),), drawing=code_of(labels)
        )
        write_pdf(forge.folder / "papers" / "Legs.pdf", [page])
        forge.ok("run")
        return forge

    return drawn


def masks(forge: Any) -> list[tuple[int, str, bool]]:
    [card] = forge.cards()
    return [(one["number"], one["label"], one["on"]) for one in card["figure"]["masks"]]


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over the picture, from and to parts of its width and height."""
    board = page.locator(f"{SHOWN} .board").bounding_box()
    points = [
        (board["x"] + x * board["width"], board["y"] + y * board["height"])
        for x, y in (start, end)
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=4)
    page.mouse.up()


FIELD = """async () => {
  const { faces } = PARTS;
  const draw = (card) => faces.map((face) => face(card, () => {})).find(Boolean);
  const at = { left: 0.25, top: 0.5, width: 0.125, height: 0.1, on: true, drawn: true };
  const masks = [{ ...at, number: 2, label: "left tibia", drawn: false }, { ...at, number: 0, label: "" }, { ...at, number: 1, label: "", on: false }, { ...at, number: 0, label: "" }];
  return [undefined, 7].map((used) => draw({ used, figure: { hide: "one", masks } }).readDecision().masks.split("\\n"));
}""".replace("PARTS", modules("parts.js"))


def test_masks_are_switched_off_and_drawn(figure, opened):
    forge = figure(Femur=(120, 470), Tibia=(120, 390))
    page = opened(forge)
    at = ".25 .5 .125 .1"
    never, until_seven = page.evaluate(FIELD)  # a number that no label had
    for found, numbers in ((never, (3, 4)), (until_seven, (8, 9))):
        first, *lines = [line.replace("0.", ".").rstrip() for line in found]
        drawn = [f"{number}+ {at}" for number in numbers]
        assert first == "hide one"
        assert lines == [f"2 {at} left tibia", drawn[0], f"1+- {at}", drawn[1]]

    page.get_by_role("button", name="Tibia").click()
    drag(page, (0.5, 0.3), (0.7, 0.6))
    page.get_by_label("Hide all labels on each card").click()
    page.locator(".figure-foot input:not(:checked)").wait_for()
    page.locator("#buttons", has_text="Make 2 cards").wait_for()
    page.keyboard.press("Enter")
    page.locator("#said", has_text="from “Legs”").wait_for()
    settle(page)  # the end is painted before the decision is stored
    assert masks(forge) == [(1, "Femur", True), (2, "Tibia", False), (3, "", True)]
    [card] = forge.cards()
    assert (card["verdict"], card["figure"]["hide"]) == ("accepted", "one")
    page.keyboard.press("u")
    page.get_by_text("Undone").first.wait_for()
    assert [one["verdict"] for one in forge.ok("list", "--json").lines] == ["waiting"]


@pytest.mark.slow
def test_a_figure_without_a_label_is_drawn(figure, opened):
    forge = figure()
    page = opened(forge)
    page.get_by_text("No label found.").wait_for()
    page.locator("#buttons .filled", has_text="Choose labels").wait_for()
    page.locator("#buttons .outlined", has_text="Reject").wait_for()
    page.keyboard.press("Enter")
    page.locator("#refused", has_text="No label is chosen").wait_for()
    drag(page, (0.2, 0.2), (0.5, 0.5))
    page.locator("#buttons", has_text="Make 1 card").wait_for()
    page.keyboard.press("Enter")
    page.locator("#said", has_text="from “Legs”").wait_for()
    settle(page)  # the end is painted before the decision is stored
    assert masks(forge) == [(1, "", True)]


@pytest.mark.slow
def test_an_accepted_figure_is_changed(figure, opened):
    forge = figure(Femur=(120, 470), Tibia=(120, 390))
    forge.ok("accept", forge.cards()[0]["id"])
    page = opened(forge, "all")
    page.locator("button.row").click()
    settle(page)
    page.get_by_role("button", name="Femur").click()
    page.get_by_role("button", name="Save the masks").click()
    page.get_by_text("Masks changed").first.wait_for()
    assert masks(forge) == [(1, "Femur", False), (2, "Tibia", True)]


def test_a_figure_with_many_labels_is_told(figure):
    labels = {}
    for row in range(11):
        for column, name in enumerate(("Femur", "Tibia", "Ulna", "Radius")):
            place = (110 + 70 * column, 310 + 17 * row)
            labels[name + "abcdefghijk"[row]] = place
    forge = figure(**labels)
    [card] = forge.cards()
    [found] = card["findings"]
    assert found["check"] == "no_label"
    assert "no label is chosen" in found["message"]
    assert not any(is_on for _, _, is_on in masks(forge))
