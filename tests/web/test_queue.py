"""The best ten of everything that waits, with keys, mouse and on a phone; and undo, which comes back."""

import pytest

from tests.web.conftest import over, ready, settle, shown
from tests.web.test_shelf import SETTINGS, titles

FOLDERS = {
    "Cats.md": 6,
    "Dogs.md": 6,
    "Medicine/Heart.md": 2,
    "Medicine/Liver.md": 1,
}
"""The notes, and how many cards wait in each."""


@pytest.fixture
def notes(forge):
    """Two notes with six cards each, and a folder of two notes with few."""
    forge.settings(SETTINGS)
    (forge.folder / "papers").mkdir()
    for name, count in FOLDERS.items():
        path = forge.folder / "notes" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        lines = [f"What is fact {n} of {path.stem}?::It is {n}" for n in range(count)]
        path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    forge.ok("run")
    return forge


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)
        settle(page)


def open_best(page, how):
    if how == "Enter":
        page.keyboard.press("Enter")
    else:
        page.locator(".documents [aria-selected=true] .filled").click()
    page.wait_for_selector("#margin > .card")
    settle(page)


@pytest.mark.parametrize(
    ("how", "width"), [("Enter", 1280), ("mouse", 1280), ("mouse", 400)]
)
def test_the_first_row_is_the_best_ten_and_the_paper_changes_with_the_card(
    notes, opened, how, width
):
    page = opened(notes, "shelf")
    page.set_viewport_size({"width": width, "height": 800})
    assert sorted(titles(page)) == ["Best ten of 15", "Cats", "Dogs", "Medicine"]
    assert titles(page)[0] == "Best ten of 15"
    folder = page.locator(".documents li", has_text="Medicine")
    assert "3 in 2 documents" in folder.inner_text()
    open_best(page, how)
    papers = []
    for _ in range(4):
        name = page.locator("#title").inner_text().partition(" · ")[2]
        assert name in shown(page)
        assert name in page.locator("#paper").inner_text()
        papers.append(name)
        press(page, "Enter")
    assert sorted(papers) == ["Cats", "Dogs", "Heart", "Liver"], "they take turns"
    press(page, *("s",) * 6)
    assert over(page) == "4 cards, 6 later. Here: 11 waiting."


def test_what_is_put_off_is_not_decided_and_the_next_row_is_another_one(notes, opened):
    page = opened(notes, "shelf")
    visited = []
    for number in range(3):
        if number:
            ready(page)
            press(page, "n")
        else:
            page.locator(".documents li", has_text="Dogs").locator("b").click()
        page.wait_for_selector("#margin > .card")
        settle(page)
        visited.append(page.locator("#title").inner_text().partition(" · ")[0])
        count = page.locator("#ticks li").count()
        press(page, *("s",) * count)
        assert over(page) == f"{count} later. Here: {count} waiting."
    assert sorted(visited) == ["Cats", "Dogs", "Medicine"]


def test_undo_comes_back_to_its_card_from_wherever_one_is(notes, opened):
    page = opened(notes, "shelf")
    page.locator(".documents li", has_text="Dogs").locator("b").click()
    page.wait_for_selector("#margin > .card")
    settle(page)
    press(page, "x")
    seen = shown(page)
    press(page, "Enter")
    press(page, "Escape")
    page.wait_for_selector("body[data-view=shelf]")
    settle(page)
    press(page, "u")
    page.wait_for_selector("#margin > .card")
    assert (page.locator("#title").inner_text(), shown(page)) == ("Dogs", seen)
    assert page.locator("#count").inner_text() == "2 of 6"


def test_enter_answers_no_question_about_words_of_ones_own_but_keeps_them(forge, opened):
    forge.settings(SETTINGS.replace("review", "clean"))
    (forge.folder / "papers").mkdir()
    note = forge.folder / "notes" / "Peru.md"
    note.parent.mkdir()
    note.write_text("What is the capital of Peru?::Lima\n", encoding="utf-8")
    forge.ok("run")
    [card] = forge.cards()
    forge.ok("edit", card["id"], "--field", "Back", "Lima, on the coast")
    note.write_text("What is the capital of Peru?::Lima, since 1535\n", encoding="utf-8")
    forge("run")
    page = opened(forge, "you")
    assert page.locator("#buttons .button").all_inner_texts() == [
        "Keep mine\n⏎", "Take the new\n2", "Edit\nE",
    ]  # fmt: skip
    press(page, "e")
    page.locator(".written[data-name=Back]").fill("Lima, both")
    press(page, "Control+Enter")
    assert [card["fields"]["Back"] for card in forge.cards()] == ["Lima, both"]
    page.wait_for_timeout(700)  # sooner, letters would be meant for the field
    press(page, "u")
    page.wait_for_selector("#margin > .card")
    page.set_viewport_size({"width": 400, "height": 800})
    page.locator("#buttons .button", has_text="Discard").click()  # what was typed
    settle(page)
    page.locator("#buttons .filled", has_text="Keep mine").click()
    page.wait_for_selector(".ending")
    settle(page)
    assert [card["fields"]["Back"] for card in forge.cards()] == ["Lima, on the coast"]


CARTA = (
    "The Magna Carta is called the charter of liberties because King John sealed it at"
    " Runnymede."
)


@pytest.mark.parametrize(
    ("button", "places"),
    [
        ("Keep mine\n⏎", ["Runnymede"]),
        ("Take the new\n2", ["Windsor"]),
        ("Another\n3", ["Runnymede", "Windsor"]),
    ],
)
@pytest.mark.parametrize("by", ["key", "mouse"])
def test_new_words_of_a_sentence_have_the_same_form(forge, opened, button, places, by):
    forge.settings(SETTINGS, proposals=True)
    (forge.folder / "papers").mkdir()
    note = forge.folder / "notes" / "History.md"
    note.parent.mkdir()
    note.write_text(f"=={CARTA}== ^m1\n", encoding="utf-8")
    forge.ok("run")
    gap = CARTA.replace("King John", "{{c1::King John}}")
    forge.ok("edit", "vault:notes/b.m1", "--field", "Text", gap)
    note.write_text(f"=={CARTA.replace('Runnymede', 'Windsor')}== ^m1\n", "utf-8")
    forge("run")
    page = opened(forge, "you")
    assert page.locator("#buttons .button").all_inner_texts() == [
        "Keep mine\n⏎", "Take the new\n2", "Another\n3", "Edit\nE",
    ]  # fmt: skip
    if by == "key":
        press(page, button.partition("\n")[2].replace("⏎", "Enter"))
    else:
        page.locator("#buttons .button", has_text=button.partition("\n")[0]).click()
    page.wait_for_selector(".ending")
    settle(page)
    texts = [card["fields"]["Text"] for card in forge.cards("verdict:accepted")]
    found = [place for text in sorted(texts) for place in places if place in text]
    assert sorted(found) == places
    assert len(texts) == len(places)
