"""Notes are made beside the thread that answers the page, within a limit."""

import time
from collections.abc import Callable
from threading import Event

from ankiforge.model import Media
from ankiforge.web import documents
from ankiforge.web.documents import Pages, as_html
from tests.limits import PATIENCE


def patiently(ask: Callable[[], str | None]) -> str | None:
    """What is answered in the end."""
    end = time.monotonic() + PATIENCE
    while (answer := ask()) in (None, "") and time.monotonic() < end:
        time.sleep(0.01)
    return answer


def test_a_note_that_hangs_leaves_the_page_alone_and_is_given_up(monkeypatch):
    goes_on = Event()
    monkeypatch.setattr(documents, "as_html", lambda *_: goes_on.wait() and "late")
    pages = Pages()
    assert pages.note("a", {}) is None  # it answers at once, and is asked again
    monkeypatch.setattr(documents, "SECONDS", 0.0)
    assert pages.note("a", {}) == ""  # shown as a list of its marks
    goes_on.set()
    assert patiently(lambda: pages.note("a", {})) == "late"


def test_a_note_is_made_once_and_anew_with_its_pictures(monkeypatch):
    made = []
    monkeypatch.setattr(
        documents,
        "as_html",
        lambda text, files: made.append(text) or as_html(text, files),
    )
    pages = Pages()
    assert patiently(lambda: pages.note("*a*", {})) == "<em>a</em>"
    assert pages.note("*a*", {}) == "<em>a</em>"
    assert made == ["*a*"]
    patiently(lambda: pages.note("*a*", {"x.png": Media("x.png", "x.png")}))
    assert made == ["*a*", "*a*"]
