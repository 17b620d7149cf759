"""The source in a real browser: the page of a PDF with its mark outlined, open for the next card."""

from samples.pdf_writer import Page, mark, paragraph, write_pdf

TEXT = "A cell is small. Every cell divides into two. Then the cell rests for a while."


def test_the_page_opens_below_the_passage_and_its_mark_is_outlined(forge, tmp_path, review):
    folder = tmp_path / "papers"
    folder.mkdir()
    red = {"colour": "#ff0000", "comment": "q: What divides?"}
    marks = (mark("Every cell", **red), mark("a while", comment="q: How long?"))
    write_pdf(folder / "cells.pdf", [Page((paragraph(TEXT),), marks)])
    forge.ok("run", folder, "--accept", "review")
    page = review()

    assert page.locator("#source mark").inner_text() == "Every cell"
    page.click("[data-sheet] summary")
    outline = outlined(page)
    assert _is_red(page, outline)

    page.keyboard.press("s")
    page.wait_for_selector("#source mark:text('a while')")
    moved = outlined(page)
    assert moved["x"] > outline["x"] + outline["width"]


def outlined(page) -> dict[str, float]:
    """Where the outline of the mark lies, once the page's picture is there."""
    page.locator("#source rect").wait_for()
    page.wait_for_function("document.querySelector('.paper img')?.naturalWidth > 0")
    return page.locator("#source rect").bounding_box()


def _is_red(page, box: dict[str, float]) -> bool:
    """Whether the middle of a place on the picture has the colour of the mark."""
    return page.evaluate(
        """([x, y]) => {
          const picture = document.querySelector(".paper img");
          const place = picture.getBoundingClientRect();
          const canvas = document.createElement("canvas");
          canvas.width = picture.naturalWidth;
          canvas.height = picture.naturalHeight;
          const drawn = canvas.getContext("2d");
          drawn.drawImage(picture, 0, 0);
          const scale = picture.naturalWidth / place.width;
          const at = [(x - place.x) * scale, (y - place.y) * scale];
          const [red, , blue] = drawn.getImageData(...at, 1, 1).data;
          return red > 150 && blue < 100;
        }""",
        [box["x"] + 6, box["y"] + 5],
    )
