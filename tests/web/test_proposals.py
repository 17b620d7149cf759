"""Proposals at the page: another gap, a question, words of one's own; and all drafts of a passage together."""

import json
import os
import re
import stat

import pytest

from tests.web.conftest import over, ready, rest, settle, shown

SETTINGS = "proposals: true\nsources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n"
FACTS = (
    "The Peace of Westphalia is a set of treaties that ended the Thirty Years' War in 1648.",
    "Osmosis is the diffusion of water through a semipermeable membrane.",
    "The Golgi apparatus is the organelle that packages proteins from ribosomes, which Camillo Golgi discovered in 1898.",
)
ITEM = "#margin > .card"
GAP = re.compile(r"\{\{c1::(.*?)\}\}")
ALONE = """() => {
  const words = [...document.querySelectorAll("#margin > .card .word")];
  const far = (one) => one && !one.matches(".on, .other");
  return words.findIndex((one, i) => [words[i - 1], one, words[i + 1]].every(far));
}"""
"""The number of a word that is in no gap, and beside none."""


@pytest.fixture
def facts(forge):
    """A passage for each of `FACTS`, with a proposal that has several gaps."""
    forge.settings(SETTINGS)
    write(forge, FACTS)
    forge.ok("run")
    assert all(len(each["suggestion"]["gaps"]) > 1 for each in without(forge))
    return forge


def without(forge):
    """The passages without a card, as `list` has them."""
    return forge.ok("list", "--no-card", "--json").lines


def write(forge, texts):
    (forge.folder / "notes").mkdir(exist_ok=True)
    marked = "\n\n".join(f"=={text}==" for text in texts)
    (forge.folder / "notes" / "Facts.md").write_text(
        f"# Facts\n\n{marked}\n", encoding="utf-8"
    )


def gaps_of(forge, sentence):
    """The words that a proposal may hide, best first."""
    for passage in without(forge):
        text = passage["suggestion"]["fields"]["Text"]
        if GAP.sub(r"\1", text) == sentence:
            return passage["suggestion"]["gaps"]
    raise AssertionError(sentence)


def accepted(forge):
    """The fields of each card that was made, by its id."""
    cards = [card for card in forge.cards() if card["verdict"] == "accepted"]
    return {card["id"]: card["fields"] for card in cards}


def accept(page, forge, key="Enter"):
    """Press a key that accepts a card; return its fields."""
    before = accepted(forge)
    page.keyboard.press(key)
    settle(page)
    [made] = [fields for id, fields in accepted(forge).items() if id not in before]
    return made


# Accepts a card, and presses 2 as soon as the next one is there. The
# page itself presses: a driver's key may come later on a busy machine.
ACCEPT_THEN_TWO = """(selector) => new Promise((done) => {
    const press = (key) =>
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    const before = document.querySelector(selector);
    const look = () => {
        const item = document.querySelector(selector);
        if (!item || item === before) return requestAnimationFrame(look);
        press("2");
        done();
    };
    press("Enter");
    look();
})"""


def hidden(page):
    """The words that the painted card hides."""
    return "".join(page.locator(f"{ITEM} .words .on").all_inner_texts())


def drag(page, first, last):
    """Drag from a word of the sentence to another one."""
    page.locator(f"{ITEM} .word").nth(first).hover()
    page.mouse.down()
    page.locator(f"{ITEM} .word").nth(last).hover()
    page.mouse.up()


def words(page, first, last):
    found = page.locator(f"{ITEM} .word").all_inner_texts()
    return " ".join(found[first : last + 1])


def test_another_gap_is_chosen_by_its_number_or_with_the_keyboard(facts, opened):
    page = opened(facts)
    sentence = shown(page)
    first, second, *_ = gaps_of(facts, sentence)
    assert hidden(page) == first
    page.keyboard.press("2")
    assert hidden(page) == second
    assert page.locator(f"{ITEM} .chip :checked + span").inner_text().endswith(second)
    assert GAP.findall(accept(page, facts)["Text"]) == [second]
    assert not page.locator("#said bdi *").count(), "the message shows the first gap"
    assert shown(page) not in (sentence, "")

    sentence = shown(page)
    keys = page.locator(f"{ITEM} .keys-now")
    assert not keys.inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    keys.get_by_text("word").wait_for()
    assert keys.locator("kbd").all_inner_texts() == ["←", "→", "⇧", "Space"]
    page.keyboard.press("Space")
    assert GAP.findall(accept(page, facts)["Text"]) == [sentence.split()[0]]

    sentence = shown(page)
    page.locator(f"{ITEM} .words [tabindex='0']").focus()
    for key in ("End", "Space", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    chosen = hidden(page)
    assert sentence.rstrip(".").endswith(chosen)
    assert GAP.findall(accept(page, facts)["Text"]) == [chosen]


def test_words_are_clicked_and_q_asks_a_question_whose_answer_is_the_gap(facts, opened):
    page = opened(facts)
    for _ in FACTS:
        if (place := page.evaluate(ALONE)) >= 0:
            break
        page.keyboard.press("j")
        settle(page)
    sentence = shown(page)
    word = page.locator(f"{ITEM} .word").nth(place)
    word.click()
    assert hidden(page) == words(page, place, place)
    drag(page, place, place + 1)
    wanted = words(page, place, place + 1)
    assert hidden(page) == wanted
    text = accept(page, facts)["Text"]
    assert (GAP.findall(text), GAP.sub(r"\1", text)) == ([wanted], sentence)
    assert len(without(facts)) == len(FACTS) - 1, "the proposal is settled"

    second = gaps_of(facts, shown(page))[1]
    page.keyboard.press("2")
    page.keyboard.press("q")
    page.keyboard.press("Enter")  # there is no question yet
    page.keyboard.type("What is asked, and quite a lot?")
    made = accept(page, facts)
    assert made == {"Front": "What is asked, and quite a lot?", "Back": second}
    assert len(without(facts)) == len(FACTS) - 2
    page.wait_for_timeout(700)  # sooner, letters would be meant for the field
    page.keyboard.press("u")
    settle(page)
    assert len(without(facts)) == len(FACTS) - 1
    question = page.locator(f"{ITEM} textarea.question")
    assert question.input_value() == "What is asked, and quite a lot?", "it is kept"


LESS_CERTAIN = (
    "The Congress of Vienna, which redrew the map of Europe, met in 1814.",
    "Insulin is released by the pancreas when glucose in the blood rises.",
)


def test_less_certain_proposals_follow_the_others_by_one_key(forge, opened):
    forge.settings(SETTINGS)
    write(forge, (FACTS[0], *LESS_CERTAIN))
    forge.ok("run")
    page = opened(forge)
    assert shown(page) == FACTS[0]
    accept(page, forge)
    assert "2 more" in over(page)
    ready(page)
    more = page.locator("#buttons .filled")
    assert "More" in more.inner_text()
    page.keyboard.press("Enter")
    settle(page)
    sentences = []
    for _ in LESS_CERTAIN:
        sentences.append(shown(page))
        accept(page, forge)
    assert sorted(sentences) == sorted(LESS_CERTAIN)
    assert "Nothing waits here" in over(page)


def test_a_document_of_less_certain_proposals_opens_with_them_by_one_key(forge, opened):
    forge.settings(SETTINGS)
    write(forge, LESS_CERTAIN)
    forge.ok("run")
    page = opened(forge, "")
    assert shown(page) in LESS_CERTAIN
    page.locator("#to-shelf").click()
    page.wait_for_selector("body[data-view=shelf]")
    settle(page)
    assert "2 more" in page.locator("#shelf").inner_text()
    assert "chat" in page.locator(".documents .go .outlined").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_selector("#margin > .card")
    assert shown(page) in LESS_CERTAIN


@pytest.mark.slow
def test_the_words_of_a_gap_are_clicked_edited_or_become_a_gap_again(facts, opened):
    page = opened(facts)
    second = gaps_of(facts, shown(page))[1]
    page.keyboard.press("2")
    place = page.locator(f"{ITEM} .word").evaluate_all(
        "all => all.findIndex((one) => one.matches('.on'))"
    )
    page.keyboard.press("1")
    page.locator(f"{ITEM} .word").nth(place).click()
    assert hidden(page) == second
    assert GAP.findall(accept(page, facts)["Text"]) == [second]

    page.keyboard.press("q")
    page.keyboard.press("Escape")
    assert "Text" in accept(page, facts)

    second = gaps_of(facts, shown(page))[1]
    page.keyboard.press("2")
    page.keyboard.press("e")
    text = page.locator(".written[data-name=Text]")
    assert text.locator(".pill").all_inner_texts() == [second]
    page.keyboard.press("Control+Home")
    page.keyboard.type("In short: ")
    found = accept(page, facts, "Control+Enter")["Text"]
    assert (found[:10], GAP.findall(found)) == ("In short: ", [second])


@pytest.mark.slow
def test_a_rejected_proposal_comes_back_and_a_number_chooses_on_the_next_card(
    facts, opened
):
    page = opened(facts)
    sentence = shown(page)
    page.keyboard.press("x")
    settle(page)
    proposed = [each for each in without(facts) if each["suggestion"]]
    assert len(proposed) == len(FACTS) - 1
    page.keyboard.press("u")
    settle(page)
    assert shown(page) == sentence
    assert gaps_of(facts, sentence)
    page.evaluate(ACCEPT_THEN_TWO, ITEM)
    settle(page)
    assert hidden(page) == gaps_of(facts, shown(page))[1]


FAR = ALONE.replace("words.findIndex", "words.flatMap").replace(
    ".every(far));", ".every(far) ? [i] : []);"
)
"""The numbers of all words that are in no gap, and beside none."""
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
FONTS = ("Noto Sans", "DejaVu Sans", "Liberation Serif")
"""Three of different widths, which `.ci/debian` names."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("font", "width", "turn"),
    [*zip(FONTS, (1280, 800, 1280), range(3), strict=True)],
)
def test_a_press_without_movement_chooses_the_word_that_was_pressed(
    facts, opened, font, width, turn
):
    """Whatever comes to lie under the pointer when the lines are laid out anew.

    In each layout a third of the words are pressed, in all of them each word once.
    """
    page = opened(facts)
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(
        "(font) => document.documentElement.style.setProperty('--sans', font)", font
    )
    for _ in FACTS:
        for place in page.evaluate(FAR)[turn::3]:
            page.keyboard.press("1")
            page.locator(f"{ITEM} .word").nth(place).hover()
            page.mouse.down()
            page.evaluate(DRAWN)
            page.mouse.up()
            assert hidden(page) == words(page, place, place)
        page.keyboard.press("j")
        settle(page)


@pytest.mark.slow
def test_a_formula_is_drawn_and_hidden_whole(forge, opened):
    forge.settings(SETTINGS.replace("true", "false"))
    write(
        forge, ["Einstein found in 1905 that the energy of a mass is $E = mc^2$ at rest."]
    )
    forge.ok("run")
    page = opened(forge)
    formula = page.locator(f"{ITEM} .word:has(math)")
    assert formula.count() == 1
    formula.click()
    assert GAP.findall(accept(page, forge)["Text"]) == ["$E = mc^2$"]


@pytest.mark.slow
def test_a_proposal_of_the_next_fact_follows_the_card_of_a_model(forge, fake, opened):
    first, second, _ = FACTS
    front = "Which war did the Peace of Westphalia end?"

    def answer(request):
        [(h, _)] = fake.marked(request)
        return fake.cards(fake.card(h, first, front, "the Thirty Years' War"))

    with fake.LlmServer(otherwise=answer) as server:
        told = {"base_url": server.base_url, "model": "m", "second_reading": False}
        llm = json.dumps(told)
        forge.settings(f"{SETTINGS}llm: {llm}\n")
        write(forge, [f"{first} {second}"])
        forge.ok("run")
        forge.ok("run", "--drafter", "llm")
    page = opened(forge)
    assert shown(page) == front, "what a model drafted waits, so it is no proposal"
    assert not page.locator(f"{ITEM} .other-draft").count()
    page.keyboard.press("Enter")
    settle(page)
    assert shown(page) == second, "the next fact of the same mark"
    page.keyboard.press("x")
    settle(page)
    assert over(page) == "1 card, 1 rejected. Nothing waits here."
    assert without(forge) == []


PROCESSES = (
    "Mitosis is the division of a cell into two equal daughter cells.",
    "Meiosis is the division of a cell into four unequal daughter cells.",
    "Transpiration is the loss of water from the leaves of a plant.",
    "Respiration is the release of energy from glucose in mitochondria.",
    "Digestion is the breakdown of food into small molecules by enzymes.",
    "Pollination is the transfer of pollen from an anther to a stigma.",
    "Condensation is the change of a gas into a liquid on a cold surface.",
    "Evaporation is the change of a liquid into a gas at its surface.",
    "Glycolysis is the breakdown of glucose into pyruvate in the cytosol.",
)


@pytest.mark.slow
def test_a_further_fact_of_a_mark_follows_in_the_place_of_the_last_of_the_ten(
    forge, opened
):
    """With others that wait, the second fact comes at once, and the ten stay ten."""
    forge.settings(SETTINGS)
    write(forge, [f"{FACTS[0]} {FACTS[2]}", *PROCESSES])
    forge.ok("run")
    page = opened(forge)
    assert page.locator("#count").inner_text() == "1 of 10"
    while shown(page) not in (FACTS[0], FACTS[2]):
        page.keyboard.press("j")
        settle(page)
    first = shown(page)
    page.keyboard.press("Enter")
    settle(page)
    while shown(page) not in (FACTS[0], FACTS[2]):
        page.keyboard.press("j")
        settle(page)
    assert {first, shown(page)} == {FACTS[0], FACTS[2]}
    page.keyboard.press("Enter")
    settle(page)
    for _ in range(8):
        page.keyboard.press("x")
        settle(page)
    assert over(page).startswith("2 cards, 8 rejected.")


def test_a_mark_without_a_proposal_says_why_and_its_words_are_chosen(forge, opened):
    """Space on a word hides it. Enter hides nothing by itself; it makes the card and goes on to the next mark."""
    forge.settings(SETTINGS)
    write(forge, [FACTS[0], "You should drink water, my friend!", FACTS[1]])
    forge.ok("run")
    page = opened(forge)
    assert page.locator("#count").inner_text() == "1 of 2"
    page.keyboard.press("n")
    settle(page)
    assert shown(page) == "You should drink water, my friend!"
    told = page.locator(f"{ITEM} .why.quiet").inner_text()
    assert told == "Speaks to the reader, or needs the sentence before."
    for _ in range(3):
        page.keyboard.press("Enter")
        settle(page)
    assert (hidden(page), accepted(forge)) == ("", {})
    page.keyboard.press("End")
    page.keyboard.press("Space")
    assert hidden(page) == "friend"
    assert GAP.findall(accept(page, forge)["Text"]) == ["friend"]
    assert shown(page) == FACTS[1], "the mark behind it"


@pytest.mark.slow
def test_a_mark_beyond_the_ten_is_walked_like_those_of_the_ten(forge, opened):
    forge.settings(SETTINGS)
    write(forge, [*PROCESSES, *FACTS])
    forge.ok("run")
    page = opened(forge)
    ten = set(
        page.locator("#strip [data-ten=true]").evaluate_all(
            "all => all.map((one) => one.dataset.key)"
        )
    )
    marks = page.locator("#strip i").evaluate_all(
        "all => all.map((one) => one.dataset.key)"
    )
    assert (len(ten), len(marks)) == (10, 12)
    beyond = next(key for key in marks if key not in ten)
    page.locator(f"#strip [data-key='{beyond}']").click(force=True)
    settle(page)
    first = shown(page)
    assert page.locator("#buttons .filled span").inner_text() == "Accept"
    assert page.locator("#count").inner_text().endswith(" of 10")
    assert GAP.sub(r"\1", accept(page, forge)["Text"]) == first
    assert shown(page) not in (first, "")
    assert page.locator("#buttons .filled span").inner_text() == "Accept"


OPENER = "#!/bin/sh\nprintf '%s\\n' \"$@\" > '{kept}'\n"


@pytest.fixture
def opener(tmp_path, monkeypatch):
    """A system that opens files, and keeps their names in the file that is returned."""
    kept = tmp_path / "opened"
    folder = tmp_path / "programs"
    folder.mkdir()
    script = folder / "xdg-open"
    script.write_text(OPENER.format(kept=kept))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":99")
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    return kept


def test_the_package_is_handed_to_the_system(facts, opener, opened):
    page = opened(facts)
    page.keyboard.press("Enter")
    settle(page)
    page.keyboard.press("o")
    page.wait_for_selector("#said:has-text('Anki opens with 1 note')")
    assert opener.read_text().splitlines() == [str(facts.folder / "ankiforge.apkg")]


@pytest.mark.slow
def test_where_nothing_can_be_opened_the_page_says_where_the_package_is(
    facts, opener, opened
):
    (opener.parent / "programs" / "xdg-open").write_text("#!/bin/sh\nexit 3\n")
    page = opened(facts)
    page.keyboard.press("Enter")
    settle(page)
    page.click("#menu > summary")
    page.get_by_role("button", name="Open in Anki").click()
    page.wait_for_selector("#said code")
    package = str(facts.folder / "ankiforge.apkg")
    assert page.locator("#said code").inner_text().strip() == package
    assert not opener.exists()
    rest(page)
