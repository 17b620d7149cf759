"""What `docs/review.md` says of the page is so."""

import re
from pathlib import Path

from ankiforge.review.page.views import VIEWS

DOCS = Path(__file__).parents[4] / "docs"
GUIDE = (DOCS / "review.md").read_text("utf-8")
KEYS = DOCS.parent / "ankiforge" / "review" / "page" / "static" / "keys.js"


def test_the_guide_names_every_list_in_the_order_of_the_page():
    titles = re.findall(r"^- \*\*([A-Z][\w ]+)\*\*", GUIDE, re.MULTILINE)
    parts = [part.title for view in VIEWS if view.joined for part in view.parts]
    assert titles == [*(view.title for view in VIEWS), *parts]


def test_the_guide_names_every_key_of_the_page():
    keys = re.findall(r'key: "(.+?)"', KEYS.read_text("utf-8"))
    assert len(keys) > 8
    told = {" ": "space", "Enter": "enter"}
    assert [key for key in keys if f"`{told.get(key, key)}`" not in GUIDE] == []


def test_every_picture_of_the_guide_is_there_and_small():
    pictures = re.findall(r"\]\((review-[\w-]+\.png)\)", GUIDE)
    assert set(pictures) <= {path.name for path in DOCS.glob("review-*.png")}
    assert all((DOCS / name).stat().st_size <= 150_000 for name in pictures)
