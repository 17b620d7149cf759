"""The page of `ankiforge stats`, opened from its file in a real browser without a network."""

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.page.test_access import RUN, SCRIPT

DAY_MS = 86_400_000
CUT = """[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth)
 .map(one => one.getAttribute('aria-label'))"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, forge_in: Any, backend: Any) -> Path:
    """The page of two notes that were studied for a year."""
    folder = tmp_path_factory.mktemp("stats")
    forge, vault = forge_in(folder), folder / "notes"
    (vault / ".obsidian").mkdir(parents=True)
    for name in ("Cells", "A title that is so long that no phone has room for all of its words"):
        (vault / f"{name}.md").write_text(
            f"---\ndeck: {name}\n---\n# {name}\n\nKatze {name}:::cat {name}\n"
        )
    forge.ok("run", vault)
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        _study(anki.col)
    forge.ok("pull")
    forge.ok("stats", "--html", "stats.html")
    page: Path = forge.folder / "stats.html"
    return page


def _study(col: Any) -> None:
    chance, now = random.Random(5), int(time.time() * 1000)
    cards = col.db.list("select id from cards order by id")
    for n in range(600):
        at, card = now - n * DAY_MS * 13 // 20, cards[n % len(cards)]
        row = (at, card, 1 + 2 * (chance.random() < 0.9), 30, 1 + n % 40, 2500, 8000)
        col.db.execute("insert into revlog values (?, ?, -1, ?, ?, ?, ?, ?, 1)", *row)
    col.db.execute("update cards set type = 2, queue = 2, due = id % 20, ivl = 30, reps = 150")


@pytest.mark.parametrize(
    ("width", "scheme"), [(1200, "light"), (1200, "dark"), (360, "light")], ids=str
)
def test_it_needs_nothing_and_fits(opened_alone, written, width, scheme):
    with opened_alone(written, width, scheme) as page:
        for summary in page.locator("summary").all():
            summary.click()

        plots = page.get_by_role("img")
        assert plots.count() == 3 * (
            1 + 2 + 2
        )  # the year, retention and load: of all, decks, documents
        assert plots.first.bounding_box()["width"] > 300
        assert "600" in page.get_by_text("answers", exact=True).first.locator("..").inner_text()


def test_on_a_phone_the_latest_days_are_in_view(browser, written):
    context = browser.new_context(viewport={"width": 360, "height": 800}, offline=True)
    page = context.new_page()
    page.goto(written.as_uri())
    days = page.locator("svg rect[class^='level-']:has(title)")

    assert days.last.bounding_box()["x"] < 360
    assert days.first.bounding_box()["x"] < 0
    context.close()


def test_on_paper_nothing_is_cut_off(browser, written):
    """Of the size A4: what is scrolled on a screen is not there on paper."""
    context = browser.new_context(viewport={"width": 718, "height": 1000}, offline=True)
    page = context.new_page()
    page.emulate_media(media="print")
    page.goto(written.as_uri())

    assert page.evaluate(CUT) == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(browser, written, scheme):
    if not SCRIPT and not os.environ.get("ANKIFORGE_REQUIRE_ALL"):
        pytest.skip("axe-core is not installed (ANKIFORGE_AXE)")
    context = browser.new_context(color_scheme=scheme, offline=True)
    page = context.new_page()
    page.goto(written.as_uri())
    page.locator("summary").first.click()
    page.evaluate(Path(SCRIPT).read_text("utf-8"))

    assert page.evaluate(RUN, {}) == []
    context.close()
