"""Notes are made beside the thread that answers the page."""

import time
from collections.abc import Callable
from threading import Event

from ankiforge.model import Media
from ankiforge.web import documents
from ankiforge.web.documents import PageRenderer, markdown_to_html
from tests.limits import PATIENCE


def patiently(ask: Callable[[], str | None]) -> str | None:
    """What is answered in the end."""
    end = time.monotonic() + PATIENCE
    while (answer := ask()) in (None, "") and time.monotonic() < end:
        time.sleep(0.01)
    return answer


def test_a_slow_note_leaves_the_page_alone(monkeypatch):
    goes_on = Event()
    monkeypatch.setattr(
        documents, "markdown_to_html", lambda *_: goes_on.wait() and "late"
    )
    pages = PageRenderer()
    assert pages.render_note("a", {}) is None  # it answers at once, and is asked again
    goes_on.set()
    assert patiently(lambda: pages.render_note("a", {})) == "late"


def test_a_note_is_made_once_and_anew_with_its_pictures(monkeypatch):
    made = []
    monkeypatch.setattr(
        documents,
        "markdown_to_html",
        lambda text, files: made.append(text) or markdown_to_html(text, files),
    )
    pages = PageRenderer()
    assert patiently(lambda: pages.render_note("*a*", {})) == "<em>a</em>"
    assert pages.render_note("*a*", {}) == "<em>a</em>"
    assert made == ["*a*"]
    patiently(lambda: pages.render_note("*a*", {"x.png": Media("x.png", "x.png")}))
    assert made == ["*a*", "*a*"]
