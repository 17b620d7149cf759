"""What a screen reader says: the roles and names of each screen, in their order, and what is told of a decision."""

import pytest

from tests.web.conftest import over, settle

pytestmark = pytest.mark.slow

TEXT = {"StaticText", "InlineTextBox", "generic", "none", "LineBreak", "paragraph", "LabelText", "Legend", "mark"}  # fmt: skip
"""What has no name of its own."""
NOTE = """\
# Cells

==The Golgi apparatus is the organelle that packages proteins into vesicles.==

==Osmosis is the diffusion of water.== It needs no energy.
"""
LINES = """\
Capital of Peru :: Lima

Capital of Chile :: Santiago

Capital of Ecuador :: Quito

Highest peak of the Andes :: Aconcagua
"""
TOP = ["banner", "button Shelf", "heading Cells", "group", "DisclosureTriangle Menu"]


@pytest.fixture
def cells(forge):
    forge.settings(
        "proposals: true\nsources: [{obsidian: {name: n, path: notes}}]\nanki: {collection: none}\n"
    )
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Cells.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run")
    return forge


def heard(page):
    """Return the roles and names of a page in reading order, without plain texts."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    by_id = {node["nodeId"]: node for node in nodes}
    told = []

    def walk(node):
        role = node.get("role", {}).get("value", "")
        if not node.get("ignored") and role not in TEXT:
            told.append(f"{role} {node.get('name', {}).get('value', '')}".strip())
        for child in node.get("childIds", ()):
            walk(by_id[child])

    walk(nodes[0])
    return told


def statuses(page):
    """Return what the live regions of a page hold."""
    return [text for text in page.locator("[role=status]").all_inner_texts() if text]


def between(told, first, last):
    return told[told.index(first) + 1 : told.index(last)]


def following(told, first, number):
    at = told.index(first) + 1
    return told[at : at + number]


def test_the_shelf_is_a_list_box_of_documents(cells, opened):
    page = opened(cells, "shelf")
    told = heard(page)
    assert told[1:5] == ["banner", "heading ankiforge", "group", "DisclosureTriangle Menu"]  # fmt: skip
    assert following(told, "main Shelf", 3) == [
        "heading Shelf",
        "listbox Documents",
        "option Cells 2 waiting",
    ]


def test_a_card_is_an_article_beside_its_document_and_each_step_is_told(cells, opened):
    page = opened(cells)
    told = heard(page)
    assert told[:2] == ["RootWebArea Cells · ankiforge", "link To the card"]
    assert told[2:7] == TOP
    assert between(told, "main Card", "region Document") == [
        "article The Golgi apparatus is the organelle that packages proteins into vesicles.",
        "listbox The sentence",
        *(f"option {word}" for word in "The Golgi apparatus is the organelle that packages proteins into vesicles".split()),
        "group Hide", "radio Golgi apparatus", "radio vesicles", "radio organelle",
    ]  # fmt: skip
    assert following(told, "group Decide", 4) == [
        "button Accept", "button Reject", "button Edit", "button Ask",
    ]  # fmt: skip
    page.keyboard.press("Enter")
    settle(page)
    assert page.evaluate("document.activeElement.ariaLabel").startswith("Osmosis is")
    done, count = statuses(page)
    assert done.startswith("Accepted: “The Golgi apparatus is the organelle")
    assert count == "2 of 2"
    page.keyboard.press("u")
    settle(page)
    assert statuses(page)[0].startswith("Undone: “The Golgi apparatus")
    page.keyboard.press("Enter")
    settle(page)
    page.keyboard.press("Enter")
    over(page)
    told = heard(page)
    assert between(told, "main Card", "region Document") == [
        "region Done", "heading 2 cards. Nothing waits here.", "list Your new cards", "listitem", "listitem",
    ]  # fmt: skip
    assert (
        page.evaluate("document.activeElement.textContent")
        == "2 cards. Nothing waits here."
    )
    page.keyboard.press("j")
    assert "Osmosis is the diffusion of water." in statuses(page)[-1]


def test_a_question_names_its_lines_and_answers(cells, opened):
    (cells.folder / "notes" / "Lines.md").write_text(LINES, encoding="utf-8")
    cells.ok("run")
    page = opened(cells, "you")
    told = heard(page)
    asks = "4 lines in n look like “a :: b”. Are they cards?"
    names = (
        "Capital of Peru Lima",
        "Capital of Chile Santiago",
        "Capital of Ecuador Quito",
        "Highest peak of the Andes Aconcagua",
    )
    assert between(told, "main Card", "contentinfo") == [
        f"article {asks}", f"heading {asks}", "list Lines",
        *("listitem" for name in names),
    ]  # fmt: skip
    assert following(told, "group Decide", 3) == [
        "button Later", "button Make 4 cards", "button No card",
    ]  # fmt: skip
