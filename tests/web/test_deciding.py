"""Deciding at the page, with the keyboard alone, on a slow line, and when a decision fails."""

import json

import pytest

from tests.web.conftest import (
    CARD,
    SHOWN,
    over,
    ready,
    rest,
    settle,
    shown,
    turn_to,
    until,
    waiting,
)

SETTINGS = "sources: [{obsidian: {name: notes, path: notes}}]\naccept: {rules: review}\n"
ANIMALS = (
    "cat",
    "dog",
    "owl",
    "bee",
    "ant",
    "elk",
    "fox",
    "hen",
    "cow",
    "pig",
    "rat",
    "yak",
)


@pytest.fixture
def notes(forge):
    """Twelve cards that wait, each in a line of its own."""
    forge.settings(SETTINGS)
    (forge.folder / "notes").mkdir()
    write(forge, *(f"What does the {one} say?::the word of the {one}" for one in ANIMALS))
    forge.ok("run")
    return forge


def write(forge, *lines):
    (forge.folder / "notes" / "Animals.md").write_text(
        "\n\n".join(lines) + "\n", encoding="utf-8"
    )


def verdicts(forge):
    return {one["fields"]["Front"]: one["verdict"] for one in forge.cards()}


def test_four_quick_presses_on_a_slow_line_decide_the_card_that_was_seen(notes, opened):
    page = opened(notes)
    seen, sent = shown(page), []
    # the line holds it back until it is let go
    page.route("**/api/decide", lambda route: sent.append(route))
    page.keyboard.press("Enter")
    until(page, f"({SHOWN}) !== {json.dumps(seen)}")  # painted before the answer
    for _ in range(3):
        page.keyboard.press("Enter")
        rest(page)
    [held] = sent
    held.continue_()
    settle(page)
    assert waiting(page) == 11

    assert [
        front for front, verdict in verdicts(notes).items() if verdict == "accepted"
    ] == [seen]


@pytest.mark.slow
def test_a_round_with_the_keyboard_alone(notes, opened):
    page = opened(notes)
    fronts = [shown(page)]

    def press(*keys):
        for key in keys:
            page.keyboard.press(key)
        settle(page)
        fronts.append(shown(page))

    page.click(
        "#margin > .card iframe"
    )  # the page has the keys, also while the card has the focus
    press("Enter")
    press("x")
    press("s")  # skipped: it comes last
    page.keyboard.press("?")
    assert not page.locator("#menu-items button", has_text="Reject").count()
    page.keyboard.press("Escape")
    page.locator("#buttons button", has_text="Reject").focus()
    press("Enter")
    page.keyboard.press("e")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("moo")
    press("Control+Enter")
    page.wait_for_timeout(700)  # sooner, letters would be meant for the field
    assert waiting(page) == 8
    press("j")
    press("k")
    assert fronts[-1] == fronts[-3]
    press("u")
    press("u")
    assert waiting(page) == 10, "the last two decisions are taken back"
    assert [fronts[-1], fronts[-2]] == [fronts[3], fronts[4]]

    found = verdicts(notes)
    assert [found.get(one, "gone") for one in fronts[:5]] == [
        "accepted",
        "gone",
        *["waiting"] * 3,
    ]


def test_the_ten_stand_in_reading_order_and_the_ending_belongs_to_the_document(
    notes, opened
):
    page = opened(notes)
    told, seen = [], []
    for number in range(1, 11):
        told.append(page.locator("#count").inner_text())
        seen.append(shown(page))
        if number < 10:
            page.keyboard.press("Enter")
            settle(page)
    assert told == [f"{number} of 10" for number in range(1, 11)]
    assert seen == [f"What does the {one} say?" for one in ANIMALS[:10]]

    # the tenth decision, and one key more: the ending takes none for 400 ms
    page.keyboard.press("Enter")
    page.locator(".ending").wait_for()
    page.keyboard.press("Enter")
    assert over(page) == "10 cards. Here: 2 waiting."
    assert waiting(page) == 2
    assert not (notes.folder / "ankiforge.apkg").exists()
    ready(page)
    page.keyboard.press("u")
    settle(page)
    assert (page.locator("#count").inner_text(), waiting(page)) == ("10 of 10", 3)
    page.keyboard.press("Enter")

    assert over(page) == "10 cards. Here: 2 waiting."
    assert page.locator("#ticks [data-s=card]").count() == 10
    assert page.locator(".made-cards li").count() == 10
    ready(page)
    page.keyboard.press("j")
    assert "dog" in page.locator(".made-cards .chosen").inner_text()
    assert page.locator("#buttons .filled span").inner_text() == "The last 2"
    page.keyboard.press("Enter")
    settle(page)
    for number in (1, 2):
        assert page.locator("#count").inner_text() == f"{number} of 2"
        page.keyboard.press("Enter")
        settle(page)
    assert over(page) == "2 cards. Nothing waits here."
    assert set(verdicts(notes).values()) == {"accepted"}


@pytest.mark.slow
def test_what_was_put_off_comes_last(notes, opened):
    page = opened(notes)
    first = shown(page)
    page.keyboard.press("s")
    settle(page)
    for _ in range(9):
        page.keyboard.press("Enter")
        settle(page)
    assert over(page) == "9 cards, 1 later. Here: 3 waiting."
    ready(page)
    page.keyboard.press("Enter")
    settle(page)
    assert shown(page) != first
    for _ in range(2):
        page.keyboard.press("Enter")
        settle(page)
    assert over(page) == "2 cards. Here: 1 waiting."
    ready(page)
    page.keyboard.press("Enter")
    settle(page)
    assert shown(page) == first


@pytest.mark.slow
def test_what_was_put_off_and_taken_back_is_there_again(notes, opened):
    page = opened(notes)
    first = shown(page)
    for key in "su":
        page.keyboard.press(key)
        settle(page)
    assert shown(page) == first
    page.reload()
    page.wait_for_selector("#margin > .card")
    settle(page)
    assert shown(page) == first
    for _ in range(10):
        page.keyboard.press("j")
        settle(page)
    assert shown(page) == first, "behind the last comes the first"


def test_a_decision_that_fails_is_taken_back_with_what_was_typed(notes, opened):
    page = opened(notes)
    seen = shown(page)
    page.route("**/api/decide", lambda route: route.abort())
    page.keyboard.press("Enter")
    error = page.locator(f"{CARD} .error", has_text="has ended")
    error.wait_for()
    assert seen in error.inner_text()
    assert "Not stored" in error.inner_text()
    assert (shown(page), waiting(page)) == (seen, 12)
    page.unroute("**/api/decide")
    rest(page)
    error.get_by_role("button", name="Try again").click()
    settle(page)
    assert (shown(page) == seen, waiting(page)) == (False, 11)

    seen = shown(page)
    page.keyboard.press("e")
    page.locator(".written").nth(0).fill("What does it say?")
    page.locator(".written").nth(1).fill("")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".error:has-text('Do it anyway')")
    assert "What does it say?" in page.locator(".written").nth(0).inner_text()
    assert list(verdicts(notes).values()).count("waiting") == 11
    settle(page)
    page.click("text=Do it anyway")
    settle(page)
    assert (shown(page) == seen, waiting(page)) == (False, 10)

    # where nothing is hidden, a question that is typed decides nothing
    page.keyboard.press("q")
    page.wait_for_selector(".editing")
    page.keyboard.type("x")
    page.keyboard.press("Enter")
    assert page.locator(".editing").count() == 1
    assert list(verdicts(notes).values()).count("waiting") == 10


def test_without_an_answer_the_page_is_dead_until_there_is_one(notes, opened):
    page = opened(notes)
    seen = shown(page)
    page.route("**/api/*", lambda route: route.abort())
    page.keyboard.press("Enter")
    dead = page.get_by_role("alertdialog", name="ankiforge review does not answer")
    dead.wait_for()
    for key in ("Escape", "Escape", "x"):
        page.keyboard.press(key)
    assert dead.is_visible()
    assert shown(page) == seen
    page.unroute("**/api/*")
    # the page tries again by itself, too, and may have taken the button away
    again = dead.get_by_role("button", name="Try again")
    again.evaluate_all("(buttons) => buttons.forEach((button) => button.click())")
    dead.wait_for(state="hidden")
    rest(page)
    page.locator(f"{CARD} .error").get_by_role("button", name="Try again").click()
    settle(page)
    assert (shown(page) == seen, waiting(page)) == (False, 11)


def test_lines_of_a_form_are_listed_and_all_become_cards(forge, opened):
    forge.settings(SETTINGS.replace("review", "clean"))
    (forge.folder / "notes").mkdir()
    capitals = {"Peru": "Lima", "Chile": "Santiago", "Ecuador": "Quito"}
    write(forge, *(f"Capital of {land} :: {city}" for land, city in capitals.items()))
    forge.ok("run")
    page = opened(forge, "you")
    assert page.locator(".lines .b").all_inner_texts() == [*capitals.values()]
    assert page.locator("#buttons .button").all_inner_texts() == [
        "Later\n⏎", "Make 3 cards\n1", "No card\nX",
    ]  # fmt: skip
    page.keyboard.press("Enter")  # never decides on more than one card
    page.wait_for_selector(".ending")
    settle(page)
    assert set(verdicts(forge).values()) == {"waiting"}
    turn_to(page, "you")
    page.keyboard.press("1")
    page.wait_for_selector(".ending")
    settle(page)
    assert set(verdicts(forge).values()) == {"accepted"}
    page.keyboard.press("u")
    settle(page)
    turn_to(page, "you")
    page.keyboard.press("x")
    settle(page)
    assert "accepted" not in verdicts(forge).values()


@pytest.mark.slow
def test_words_of_a_passage_become_a_gap_or_an_answer(forge, fake, opened):
    with fake.LlmServer(otherwise=lambda request: fake.cards(*(
        {"h": h, "kind": "none", "quote": text, "why_none": "no single fact"} for h, text in fake.marked(request)
    ))) as server:  # fmt: skip
        told = {"base_url": server.base_url, "model": "m", "second_reading": False}
        llm = json.dumps(told)
        forge.settings(f"{SETTINGS}drafter: llm\nllm: {llm}\n")
        (forge.folder / "notes").mkdir()
        write(
            forge,
            *(
                f"==𝒳 {one} is daily scrutinising, throughout the world, every variation, however slight it is.=="
                for one in ("Selection", "Nature")
            ),
        )
        forge.ok("run")
    page = opened(forge)
    page.keyboard.press("Enter")  # nothing is chosen: the first word has the focus
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Space", "Enter"):
        page.keyboard.press(key)
    settle(page)
    page.click("#margin > .card .word:text-is('world')")
    page.keyboard.press("q")
    page.keyboard.type("Where does nature scrutinise?")
    page.click("#buttons .filled")
    page.wait_for_selector(".ending")
    settle(page)

    found = [one["fields"] for one in forge.cards()]
    assert {"Front": "Where does nature scrutinise?", "Back": "world"} in found
    assert any("is {{c1::daily}} scrutinising" in one.get("Text", "") for one in found)
