"""Editing in the card: gaps are pills, what is drawn stays drawn, nothing changes that nobody touched."""

import random
from collections.abc import Iterator

import pytest

from ankiforge.web.pieces import Piece, split_into_pieces
from tests.web.conftest import modules, rest, settle, shown

ITEM = "#margin > .card"
TEXT = f"{ITEM} .written[data-name=Text]"
NOTE = r"""# Cells

{{c1::Mitochondria}} turn `glucose` into **ATP**, about $30$ of each {{c2::molecule::a unit}}.

Where do ==*ribosomes*== stand?::on the **rough** `ER`, as $r^2$ says
"""
CLOZE = "{{c1::Mitochondria}} turn `glucose` into **ATP**, about $30$ of each {{c2::molecule::a unit}}."


@pytest.fixture
def cells(forge):
    """A cloze with two gaps, code, a formula, emphasis; and a question. Both are cards."""
    forge.settings(
        "sources:\n  - obsidian: {name: notes, path: notes}\nanki: {collection: none}\n"
    )
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Cells.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run")
    return forge


def text_of(forge):
    """The text of the cloze."""
    [text] = [
        card["fields"]["Text"] for card in forge.cards() if "Text" in card["fields"]
    ]
    return text


def editing(page, words):
    """Open a card of the list of all, and its editor."""
    page.locator(".rows a, .rows button", has_text=words).first.click()
    page.wait_for_selector(ITEM)
    settle(page)
    page.keyboard.press("e")
    page.wait_for_selector(f"{ITEM} .edit")
    rest(page)
    return page


SELECT = """([words, end]) => {
  const box = document.activeElement.closest('.written') ?? document.querySelector('#margin > .card .written');
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  let first = null;
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const at = node.data.indexOf(words);
    if (!first && at >= 0) first = [node, at];
    const last = node.data.indexOf(end);
    if (first && last >= 0) return getSelection().setBaseAndExtent(...first, node, last + end.length);
  }
  throw Error(words);
}"""


def select(page, words, end=""):
    """Select words of a field; `end` if they end in another node."""
    page.evaluate(SELECT, [words, end or words])
    rest(page)


def save(page, forge):
    """Store the editor, and return the text of the cloze."""
    page.keyboard.press("Control+Enter")
    settle(page)
    return text_of(forge)


def test_the_card_is_edited_as_it_is_shown(cells, opened):
    page = editing(opened(cells, "all"), "Mitochondria")
    shown = page.locator(f"{ITEM} .edit").inner_text()
    for raw in ("{{", "}}", "c1::", "`", "**", "$"):
        assert raw not in shown
    assert page.locator(f"{TEXT} :is(math, code, strong)").count() == 3
    assert save(page, cells) == CLOZE, "nothing was changed"


@pytest.mark.slow
def test_words_gaps_and_code_of_a_card_are_edited_where_they_stand(cells, opened):
    page = editing(opened(cells, "all"), "Mitochondria")
    select(page, "turn ")
    page.keyboard.press("Control+Shift+KeyC")
    select(page, "into", "AT")
    page.keyboard.press("Control+Shift+Alt+KeyC")
    asked = page.frame_locator(f"{ITEM} .sides .shown:first-child iframe")
    asked.get_by_text("[…]").first.wait_for()
    found = save(page, cells)
    assert found == CLOZE.replace("turn", "{{c3::turn}}").replace(
        "into **ATP**", "{{c3::into **AT**}}**P**"
    ), "another gap, with a number of its own"
    cells.ok("undo")

    # what replaces the words of a gap stays in it, and can be undone
    editing(page, "Mitochondria")
    select(page, "Mitochondria")
    page.keyboard.type("Chloroplasts")
    page.keyboard.press("Control+z")
    assert page.locator(TEXT).inner_text().replace("\u2060", "").startswith("M")
    select(page, "molecule")
    page.keyboard.type("unit")
    select(page, " turn")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("s, in $x^2$,")
    page.locator(f"{ITEM} .written[data-name=Extra]").click()
    page.locator(f"{TEXT} math msup").wait_for()
    changed = CLOZE.replace("molecule", "unit").replace("turn", "turns, in $x^2$,")
    assert save(page, cells) == changed
    cells.ok("undo")

    # a click on code opens its source
    editing(page, "Mitochondria")
    page.locator(f"{TEXT} .atom").first.click()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("D-")
    page.locator(f"{ITEM} .written[data-name=Extra]").click()
    page.locator(f"{TEXT} code", has_text="D-glucose").wait_for()
    assert save(page, cells) == CLOZE.replace("`glucose", "`D-glucose")
    cells.ok("undo")

    # a gap that is not closed is refused, and cannot be insisted on
    editing(page, "Mitochondria")
    page.keyboard.type(" {{c4::open")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(f"{ITEM} .error")
    assert (
        "Put what to recall between {{c1:: and }}."
        in page.locator(f"{ITEM} .error").inner_text()
    )
    assert not page.locator(f"{ITEM} .error button").count()
    settle(page)
    page.keyboard.press("Control+z")
    assert save(page, cells) == CLOZE


@pytest.mark.slow
def test_the_menu_of_a_gap_changes_its_hint_and_card_and_removes_it(cells, opened):
    page = editing(opened(cells, "all"), "Mitochondria")
    menu = page.locator(f"{ITEM} .gap-menu")
    page.locator(f"{TEXT} .pill").first.click()
    menu.get_by_label("Hint").fill("an {organelle}")
    page.locator(f"{TEXT} .pill").last.click()
    menu.get_by_text("Same card as gap 1").click()
    menu.get_by_text("Card of its own").wait_for()
    half = CLOZE.replace("dria}}", r"dria::an \{organelle\}}}").replace("c2", "c1")
    assert save(page, cells) == half

    editing(page, "Mitochondria")
    page.locator(f"{TEXT} .pill").first.click()
    menu.get_by_text("Remove").click()
    assert save(page, cells) == half.replace(
        r"{{c1::Mitochondria::an \{organelle\}}}", "Mitochondria"
    )
    editing(page, "Mitochondria")
    select(page, "Mitochondria")
    page.keyboard.press("Control+Shift+KeyC")
    assert save(page, cells).startswith("{{c3::Mitochondria}}"), "1 and 2 were shipped"


@pytest.mark.slow
def test_a_gap_in_a_table_keeps_its_number_to_itself(forge, opened):
    forge.settings(
        "sources:\n  - obsidian: {name: notes, path: notes}\naccept: {rules: review}\n"
    )
    (forge.folder / "notes").mkdir()
    table = "| Organ | Hormone |\n|---|---|\n| Pancreas | ==insulin== |\n"
    (forge.folder / "notes" / "Table.md").write_text(table, encoding="utf-8")
    forge.ok("run")
    page = editing(opened(forge, "all"), "Pancreas")
    page.keyboard.type(" Beta cells")
    select(page, "Beta")
    page.keyboard.press("Control+Shift+KeyC")
    found = save(page, forge)
    assert "{{c1::insulin}}" in found
    assert "{{c2::Beta}} cells" in found


@pytest.mark.slow
def test_escape_keeps_the_words_and_discard_drops_them(cells, opened):
    page = editing(opened(cells, "all"), "ribosomes")
    page.keyboard.type(" Why? ")
    page.keyboard.press("Escape")
    assert page.locator(f"{ITEM} .tag").inner_text() == "Not saved"
    assert "Why?" in page.locator(f"{ITEM} .kept").inner_text()
    assert not page.locator(f"{ITEM} .edit").count()
    page.keyboard.press("e")
    assert "Why?" in page.locator(f"{ITEM} .written").first.inner_text()
    page.locator("#buttons .button", has_text="Discard").click()
    page.keyboard.press("e")
    assert "Why?" not in page.locator(f"{ITEM} .written").first.inner_text()
    assert text_of(cells) == CLOZE


def test_enter_saves_the_words_that_were_kept(forge, opened):
    """Whoever leaves the editor and presses Enter loses no word."""
    forge.settings(
        "sources:\n  - obsidian: {name: notes, path: notes}\naccept: {rules: review}\n"
    )
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Cells.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run")
    page = opened(forge)
    while "ribosomes" not in shown(page):
        page.keyboard.press("j")
        settle(page)
    page.keyboard.press("e")
    page.keyboard.type(" KEPT")
    page.keyboard.press("Escape")
    for key in "jk":
        page.keyboard.press(key)
        settle(page)
    assert page.locator(f"{ITEM} .tag").inner_text() == "Not saved"
    assert page.locator("#buttons .filled span").inner_text() == "Save and accept"
    page.keyboard.press("Enter")
    settle(page)
    [front] = [
        card["fields"]["Front"] for card in forge.cards() if card["verdict"] == "accepted"
    ]
    assert front.endswith("KEPT")


@pytest.mark.slow
def test_the_deck_and_tags_of_a_card_are_changed_in_the_editor(cells, opened):
    page = editing(opened(cells, "all"), "Mitochondria")
    deck, tags = page.get_by_label("Deck"), page.get_by_label("Tags")
    page.locator(f"{ITEM} .more-fields summary").click()
    page.wait_for_selector(f"{ITEM} [name=Deck]:enabled")
    assert (deck.input_value(), tags.input_value()) == ("Reading", "")
    assert page.locator("#decks option").evaluate_all("all => all.map((o) => o.value)") == [
        "Reading"
    ]  # fmt: skip
    deck.fill("Biology::Cells")
    tags.fill("cells exam")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    assert tags.input_value() == "cells exam"
    assert save(page, cells) == CLOZE
    [card] = [card for card in cells.cards() if "Text" in card["fields"]]
    assert card["deck"] == "Biology::Cells"
    assert card["tags"] == ["ankiforge::doc::cells", "cells", "exam"]
    page.wait_for_timeout(700)  # sooner, letters would be meant for the field
    page.keyboard.press("u")
    settle(page)
    [card] = [card for card in cells.cards() if "Text" in card["fields"]]
    assert (card["deck"], card["tags"]) == ("Reading", ["ankiforge::doc::cells"])


# --- the law ----------------------------------------------------------------------------

PARTS = (
    "plain words", " and ", "\n", "\n\n", "**bold *and slanted* words**", "`co**de`", "``a`b``",
    "$x^{2}_i$", "$$\\frac{1}{2}$$", "{{c1::gap}}", "{{c2::**bold** gap::a `hint`}}", "{{c3::outer {{c4::inner}}}}",
    "\\*no\\* \\{\\{", "==marked==", "~~struck~~", "_lined_", "snake_case_name", "H<sub>2</sub>O", "<b>b</b>", "<a",
    "![arrow|300](a_b.png)", "[link](https://x.y/z_(1)_)", "- item\n- other", "1. one", "> quote", "```py\nx = {{c1::1}}\n```",
    "\n| a | b |\n|---|:-:|\n| {{c1::x}} | `y` |\n", "5 $ and 3 $", "* * *", "***", "}}", "{{c1::", "::", "é\u0301", "שלום", "\ufdd0",
)  # fmt: skip


def sources(found: list[Piece]) -> Iterator[str]:
    """What the editor sends back of pieces that nobody touched."""
    for piece in found:
        if isinstance(piece, str):
            yield piece
        elif "source" in piece:
            yield piece["source"]
            if "kids" in piece:
                assert "".join(sources(piece["kids"])) == piece["source"]
        else:
            yield from (piece["open"], *sources(piece["kids"]), piece["close"])


@pytest.mark.parametrize("seed", range(8))
def test_the_sources_of_the_pieces_are_the_field(seed):
    chance = random.Random(seed)
    for _ in range(500):
        field = "".join(chance.choices(PARTS, k=chance.randint(0, 9)))
        for cloze in (True, False):
            found = split_into_pieces(field, lambda source: source, cloze=cloze)
            assert "".join(sources(found)) == field


TYPE = """async ([field, at, offset, words]) => {
  const { makeField: made, readSource } = FIELD_MODULE;
  const box = made('Text', 'Text', field);
  document.querySelector('#list').replaceChildren(box);
  if (at >= 0) {
    const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) if (!walker.currentNode.parentElement.closest('.atom, .edge')) texts.push(walker.currentNode);
    box.focus();
    getSelection().collapse(texts[at], offset);
    document.execCommand('insertText', false, words);
  }
  return readSource(box);
}""".replace("FIELD_MODULE", modules("field.js"))


def texts_with_places(found: list[Piece], start: int = 0) -> Iterator[tuple[int, str]]:
    """The texts of pieces in which the caret can stand, each with its place in the field."""
    for piece in found:
        if isinstance(piece, str):
            yield start, piece
        elif "open" in piece:
            yield from texts_with_places(piece["kids"], start + len(piece["open"]))
        start += len("".join(sources([piece])))


@pytest.mark.slow
def test_words_typed_in_the_card_are_words_typed_in_its_source(cells, opened):
    page = opened(cells, "all")
    chance = random.Random(72)
    typed = 0
    for number in range(150):
        field = "".join(chance.choices(PARTS, k=chance.randint(1, 7)))
        found = split_into_pieces(
            field, lambda source: f"<b>{len(source)}</b>", cloze=True
        )
        assert page.evaluate(TYPE, [found, -1, 0, ""]) == field, "nobody touched it"
        places = [
            (place, text)
            for place, text in texts_with_places(found)
            if len(text) > 2 and text.isascii() and text.isprintable()
        ]
        if not places:
            continue
        place, text = chance.choice(places)
        offset = chance.randint(1, len(text) - 1)
        at = [each for each, _ in texts_with_places(found)].index(place)
        expected = f"{field[: place + offset]}new{number}{field[place + offset :]}"
        assert page.evaluate(TYPE, [found, at, offset, f"new{number}"]) == expected
        typed += 1
    assert typed >= 100
