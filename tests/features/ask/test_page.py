"""The box of all cards asks what was read: passages, cards of them, and an answer over its quotes."""

import json

import pytest

from tests.web.conftest import rest, settle

SETTINGS = "sources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n"
SQUIRREL = (
    "Squirrels close their ears with a fold of skin. Spray never gets in while they dive."
)
NOTE = f"""# Animals

=={SQUIRREL}==

==Beavers build dams across slow rivers every autumn.==

What does the cat say?::miaow
"""
QUESTION = "what keeps the spray out of a squirrel's ears"
ANSWER = {
    "answer": [
        {
            "says": "A fold of skin closes them.",
            "passage": "LABEL",
            "quote": "Squirrels close their ears with a fold of skin",
        },
        {"says": "It was found in 1931.", "passage": "LABEL", "quote": "Squirrels close their ears"},
    ]
}  # fmt: skip


@pytest.fixture
def animals(forge):
    forge.settings(SETTINGS)
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Animals.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run")
    return forge


def ask(page, words):
    page.locator(".search:visible").fill(words)
    page.locator(".passage").first.wait_for()
    settle(page)


def test_words_find_passages_a_field_finds_cards_and_a_button_makes_one(animals, opened):
    page = opened(animals, "all")
    ask(page, "how do volcanoes and dams differ")
    told = page.locator(".found .told").inner_text()
    assert told == "Nothing you have read answers this for sure; the nearest:"
    page.locator(".search:visible").fill("verdict:accepted cat")
    page.locator(".rows li:visible").first.wait_for()
    rest(page)
    assert not page.locator(".passage").count()
    assert page.locator(".over-rows .told").last.inner_text() == "1 card"
    page.locator(".search:visible").fill("Where: does the cat live?")
    rest(page)
    settle(page)
    assert "query" not in page.locator("#list").inner_text()

    ask(page, QUESTION)
    page.locator(".passage b", has_text="Squirrels").first.wait_for()
    first = page.locator(".passage").first
    assert first.locator("b").inner_text().startswith("Squirrels close their ears")
    assert "Animals" in first.locator(".place").inner_text()
    assert page.locator(".doors .button").first.inner_text().startswith("Make a card")
    assert "No card" not in page.locator("#list").inner_text()

    page.get_by_role("button", name="Make a card").first.click()
    page.wait_for_selector("#margin > .card .words")
    settle(page)
    assert SQUIRREL in page.locator("#margin > .card .words").inner_text()
    page.locator("#margin > .card .word", has_text="skin").first.click()
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-view=list]")
    settle(page)
    [made] = [card for card in animals.cards() if "Text" in card["fields"]]
    assert "{{c1::skin}}" in made["fields"]["Text"]
    assert "Accepted: " in page.locator(".passage .sub").first.inner_text()


@pytest.mark.slow
def test_an_answer_stands_over_its_quotes_and_a_quote_becomes_a_card(
    animals, fake, opened
):
    def answer(request):
        text = str(request["messages"])
        label = (
            text.split('passage label=\\"')[1].split('\\"')[0]
            if 'label=\\"' in text
            else text.split('label="')[1].split('"')[0]
        )
        return fake.says(json.dumps(ANSWER).replace("LABEL", label))  # fmt: skip

    with fake.LlmServer(otherwise=answer) as server:
        llm = json.dumps({"base_url": server.base_url, "model": "m-70b"})
        animals.settings(f"{SETTINGS}drafter: llm\nllm: {llm}\n")
        page = opened(animals, "all")
        ask(page, QUESTION)
        page.get_by_role("button", name="Answer from these").click()
        page.locator(".says").wait_for()
    assert page.locator(".says").all_inner_texts() == ["A fold of skin closes them."]
    quote = page.locator(".passage b").first.inner_text()
    assert quote == "Squirrels close their ears with a fold of skin"
    said = page.locator(".found .told").inner_text()
    assert said == "1 sentence dropped: no quote proves it."
    settle(page)
    page.get_by_role("button", name="Make a card").first.click()
    page.wait_for_selector("#margin > .card .words")


def test_without_a_model_the_chat_answers_by_copy_and_paste(animals, opened):
    page = opened(animals, "all")
    ask(page, QUESTION)
    page.get_by_role("button", name="Answer from these").click()
    page.locator("#chat[open]").wait_for()
    rest(page)
    asked = page.locator("#chat-text").input_value()
    assert "Squirrels close their ears" in asked
    label = asked.split('label="')[1].split('"')[0]
    page.locator("#chat-answer").fill(json.dumps(ANSWER).replace("LABEL", label))
    page.locator("#chat-take").click()
    page.locator(".says").wait_for()
    assert page.locator(".says").inner_text() == "A fold of skin closes them."
    assert not page.locator("#chat[open]").count()
