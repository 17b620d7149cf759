"""*Show in Anki*: the browser of a running Anki shows the card of an item, where Anki answers."""

import os

import pytest

from ankiforge.errors import RefusedError, ServiceError
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review.decisions import ShowInAnki
from ankiforge.web.documents import PageRenderer
from ankiforge.web.session import ReviewSession
from tests.anki.test_push import Desk
from tests.limits import PATIENCE

BUTTON = "Show in Anki"


@pytest.fixture
def desk(forge, serving, backend, tmp_path):
    """Two cards in Anki, one of them changed by both sides, and a third that was not sent."""
    with serving(tmp_path / "anki") as server:
        desk = Desk(forge, server, backend)
        desk.pushed()
        desk.edit(Back="kitty")
        desk.rewrite("Katze:::cat", "Katze:::tomcat")
        desk.rewrite("Hund:::dog", "Hund:::dog\n\nMaus:::mouse")
        desk.run()
        forge.ok("pull")
        yield desk


def labels(session: ReviewSession, id: str) -> list[str]:
    return [action["label"] for action in session.render_item(id)["actions"]]


def test_the_browser_of_anki_shows_the_card_of_an_item(desk, forge):
    [question] = forge.lists("questions")[0]
    with forge.here(), Workspace() as workspace:
        session = ReviewSession(workspace, PageRenderer())
        assert labels(session, question["id"])[-1] == BUTTON
        assert BUTTON in labels(session, desk.guid("Hund"))
        assert BUTTON not in labels(session, desk.guid("Maus"))
        reply = session.decide(ShowInAnki(question["id"]))
        assert reply["said"] == "Anki shows this card."
        assert reply["item"]["id"] == question["id"]  # it still waits
        assert reply["undo"] == ""
        session.decide(ShowInAnki(desk.guid("Hund")))
        notes = [desk.col.get_note(int(query[4:])) for query in desk.server.browsed]
        assert [note["Front"] for note in notes] == ["Katze", "Hund"]
        with pytest.raises(RefusedError, match="does not have this card yet"):
            session.decide(ShowInAnki(desk.guid("Maus")))


def test_where_anki_does_not_answer_there_is_no_button(desk, forge):
    guid = desk.guid("Hund")
    port = desk.server.address.rpartition(":")[2]
    for address in ("http://127.0.0.1:9", f"http://127.1:{port}"):  # another computer?
        desk.settings(address)
        with forge.here(), Workspace() as workspace:
            session = ReviewSession(workspace, PageRenderer())
            assert BUTTON not in labels(session, guid)
            if address.endswith(":9"):  # it was closed since the card was shown
                with pytest.raises(ServiceError, match="Anki does not answer"):
                    session.decide(ShowInAnki(guid))


@pytest.mark.slow
def test_a_key_in_the_terminal_shows_the_card(desk, forge):
    pytest.importorskip("pty", reason="a terminal of its own")
    from tests.cli.test_terminal_review import ESCAPE, Keyboard
    from tests.forked import AtTerminal

    environment = {**os.environ, **forge.environment, "TERM": "xterm-256color"}
    words = ["review", "--terminal"]
    with Keyboard(
        lambda terminal: AtTerminal(words, forge.folder, environment, terminal), PATIENCE
    ) as keyboard:
        assert "in Anki" in keyboard.shown()
        assert "Anki shows this card." in keyboard.press("b")
        keyboard.press(ESCAPE)
        assert keyboard.ended() == 0
    [query] = desk.server.browsed
    assert desk.col.get_note(int(query[4:]))["Front"] == "Katze"


@pytest.mark.slow
def test_a_button_on_the_page_shows_the_card(desk, forge, browser):
    from tests.web.conftest import MILLISECONDS, served, settle

    with served(forge) as address:
        page = browser.new_page()
        page.set_default_timeout(MILLISECONDS)
        page.goto(address)
        page.wait_for_selector("body:not([data-view=start])")
        settle(page)
        page.get_by_role("button", name=BUTTON).click()
        page.get_by_text("Anki shows this card.").wait_for()
        settle(page)
        assert page.get_by_role("button", name="Keep mine").is_visible()
        page.close()
    assert len(desk.server.browsed) == 1
