"""The cards that fail in Anki, at the page: what a chat makes of them, taken with one key."""

from pathlib import Path

import pytest

from tests.features.repair.test_repair import ONE_METAL, add, answer, fields_of, reword  # noqa: F401
from tests.web.conftest import over, ready, rest, settle, shown, waiting
from tests.web.test_access import axe, barriers  # noqa: F401
from tests.web.test_reader import between, following, heard

CARD = "#margin > .card"


@pytest.fixture
def anki(forge, backend):
    """The person's own collection, open in Anki while the page looks at it."""
    with backend.opened(forge.profile) as opened:
        yield opened


@pytest.fixture
def fails(forge, anki, add):  # noqa: F811
    """Three cards that fail, of which one has a red flag."""
    forge.settings("sources: []\n")
    wished = add(
        "Which metals are noble?", "gold, silver, platinum", answers="33", flag=1
    )
    metals = add("What are the three metals?", "iron, zinc, gold", taken=90_000)
    dropout = add(
        "What is dropout and why is it used?", "Masking of units. It stops overfitting."
    )
    (forge.folder / "none").mkdir()
    forge.settings("sources: [{obsidian: {name: none, path: none}}]\n")
    forge.ok("run")  # which counts them
    forge.settings("sources: []\n")
    return {"wished": wished, "metals": metals, "dropout": dropout}  # fmt: skip


def paste(page, reply):
    """Give the page what a chat answers about the card that is shown; return what it was asked."""
    page.keyboard.press("m")
    page.locator("#chat[open]").wait_for()
    rest(page)
    asked = page.locator("#chat-text").input_value()
    page.locator("#chat-answer").fill(reply)
    page.locator("#chat-take").click()
    return asked


def package(forge):
    forge.ok("build")
    return forge.folder / "ankiforge.apkg"


def test_a_card_that_fails_shows_why_and_a_number_takes_what_the_chat_made_of_it(
    forge, anki, fails, opened
):
    page = opened(forge, "failing")
    assert (
        page.locator(f"{CARD} .ask").inner_text().startswith("You flagged this card red")
    )
    assert "Which metals are noble?" in paste(page, "nothing of use")
    page.locator("#chat-said", has_text="No repair that the checks let pass.").wait_for()
    page.keyboard.press("Escape")
    settle(page)
    page.keyboard.press("j")
    settle(page)
    assert shown(page) == "What are the three metals?"
    words = page.locator(CARD).inner_text()
    assert "Forgotten 4 times within 30 days" in words
    assert "4 of 7 answers wrong, 10 minutes spent" in words
    assert page.locator(".repair").count() == 0
    paste(page, answer(*ONE_METAL))
    page.locator("#chat-said", has_text="1 repair.").wait_for()
    page.keyboard.press("Escape")
    settle(page)
    assert shown(page) == "What are the three metals?"
    told = page.locator(".repair").inner_text()
    assert told.startswith("One at a time")
    assert all(front in told for front in (ONE_METAL[0], ONE_METAL[2][1][0]))
    page.keyboard.press("1")
    settle(page)
    assert waiting(page, "failing") == 2
    assert anki.load(package(forge))["updated"] == 1
    now = fields_of(anki, fails["metals"])
    assert now[1] == "iron"
    page.keyboard.press("u")
    settle(page)
    assert shown(page) == "What are the three metals?"
    assert waiting(page, "failing") == 3
    anki.load(package(forge))
    assert fields_of(anki, fails["metals"]) == ["What are the three metals?", "iron, zinc, gold"]  # fmt: skip


def test_a_card_that_fails_is_edited_or_left_and_the_ending_says_so(
    forge, anki, fails, opened
):
    page = opened(forge, "failing")
    page.keyboard.press("e")
    page.locator(".written").nth(1).wait_for()
    page.locator(".written").nth(1).fill("gold and platinum")
    page.keyboard.press("Control+Enter")
    settle(page)
    page.wait_for_timeout(700)  # sooner, letters would be meant for the field
    page.keyboard.press("s")
    settle(page)
    page.keyboard.press("s")
    assert over(page) == "1 decided, 2 later. Nothing more is in this list."
    anki.load(package(forge))
    assert fields_of(anki, fails["wished"])[1] == "gold and platinum"
    assert forge.ok("repair", "--json").lines == []
    ready(page)
    page.keyboard.press("u")
    settle(page)
    assert waiting(page, "failing") == 1


def test_x_suspends_in_a_running_anki_and_undo_asks_it_again(
    forge, anki, fails, serving, opened
):
    anki.col.close()
    with serving(Path(forge.profile)) as server:
        forge.settings(f"sources: []\nanki: {{connect: {server.address}}}\n")

        def queue():
            with server.collection() as col:
                return col.get_note(fails["wished"]).cards()[0].queue

        page = opened(forge, "failing")
        page.keyboard.press("x")
        page.locator("#said", has_text="Suspended: ").wait_for()
        settle(page)
        assert queue() == -1
        assert "Done in Anki." in page.locator("#said").inner_text()
        page.locator("#undo").click()
        settle(page)
        assert queue() == 2
        assert shown(page) == "Which metals are noble?"


@pytest.mark.slow
def test_a_repaired_card_that_was_changed_in_anki_is_asked_about_once(
    forge, anki, fails, opened
):
    nid = fails["metals"]
    with forge.here():
        reword(forge, nid, *ONE_METAL)
    note = anki.col.get_note(nid)
    note.fields[1] = "iron, zinc, gold (all heavy)"
    anki.col.update_note(note)
    forge.ok("build")
    page = opened(forge, "you")
    assert waiting(page, "you") == 1
    words = page.locator(CARD).inner_text()
    assert "You changed this card here and in Anki." in words
    page.keyboard.press("2")
    settle(page)
    assert waiting(page, "you") == 0
    anki.load(package(forge))
    assert fields_of(anki, nid)[1] == "iron"


@pytest.mark.slow
def test_a_card_that_fails_says_why_and_what_can_be_done(forge, fails, opened, axe):  # noqa: F811
    forge.settings("sources: []\nanki: {connect: 'http://127.0.0.1:9'}\n")
    page = opened(forge, "failing")
    told = heard(page)
    assert between(told, "main Card", "contentinfo") == [
        "article You flagged this card red in Anki. None of 2 answers wrong, 1 minute spent.",
        "heading You flagged this card red in Anki. None of 2 answers wrong, 1 minute spent.",
        "Iframe Card: Which metals are noble?",
    ]
    assert following(told, "group Decide", 3) == [
        "button Edit", "button Suspend in Anki", "button Leave 30 days",
    ]  # fmt: skip

    page.evaluate(axe)
    cards = page.locator("#ticks li").count()
    assert cards > 2
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        settle(page)
        last = page.locator("#buttons > *").last.bounding_box()
        assert last["x"] + last["width"] <= width
        for number in range(cards):
            assert barriers(page) == [], (width, number)
            page.keyboard.press("j")
            settle(page)

    page.keyboard.press("x")  # no Anki is running: the search to paste is said
    page.locator("#said", has_text="Toggle Suspend").wait_for()
