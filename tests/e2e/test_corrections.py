"""Passages that change between two runs: what ships to the card, what waits."""

import json
from pathlib import Path
from typing import Any

import pytest

from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

SHIPS, OTHER = "ships", "another card waits beside the old one"


def read(forge: Any, vault: Path, notes: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Run; return the cards of the edited lines by note and guid."""
    for name, text in notes.items():
        (vault / f"{name}.md").write_text(text, encoding="utf-8")
    forge.ok("run", vault)
    found: dict[str, dict[str, Any]] = {}
    for card in forge.cards():
        found.setdefault(card["title"], {})[card["guid"]] = card
    return found


def outcome(before: dict[str, Any], after: dict[str, Any]) -> str:
    [(guid, old)] = before.items()
    now, new = after.pop(guid), list(after.values())
    if new:
        [other] = new
        kept = now["fields"] == old["fields"] and now["standing"] == "live"
        waits = other["verdict"] == "pending" and other["instead_of"] == [guid]
        waits = waits and now["replaced_by"] == [other["guid"]]
        return OTHER if kept and waits else f"unexpected: {other}"
    assert not now["revision"]
    changed = now["fields"] != old["fields"] or now["quote"] != old["quote"]
    return SHIPS if changed else "the same"


SENTENCE = "The Vltava joins the Elbe at Melnik after 430 kilometres of slow water."
COMMENTS: dict[str, tuple[str, str, str]] = {
    "a question becomes a cloze": ("What joins the Elbe?", "c: Melnik", OTHER),
    "a cloze becomes a question": ("c: Melnik", "q: What joins the Elbe at Melnik", OTHER),
    "a question is reworded": ("? Where does the Vltava end", "? Where does the Vltava end at last", SHIPS),
    "a comment asks for nothing any more": ("c: Melnik", "see the map", "the same"),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMENTS)
def test_a_comment_in_zotero_that_asks_for_another_kind_of_card(forge, zotero, name):
    before, after, expected = COMMENTS[name]
    first = read_zotero(forge, zotero, Annotation("MARK0001", SENTENCE, before))
    second = read_zotero(forge, zotero, Annotation("MARK0001", SENTENCE, after))
    assert outcome(first, dict(second)) == expected

    if expected == OTHER:  # back again, the card that waited is not needed
        third = read_zotero(forge, zotero, Annotation("MARK0001", SENTENCE, before))
        [old] = first
        assert [guid for guid, card in third.items() if card["standing"] == "live"] == [old]


@pytest.fixture
def zotero(tmp_path):
    (tmp_path / "Zotero" / "storage" / "FILE0001").mkdir(parents=True)
    return tmp_path


def read_zotero(forge: Any, folder: Path, *marks: Annotation) -> dict[str, dict[str, Any]]:
    """Run over a paper with these annotations; return the cards by guid."""
    file = Attachment("FILE0001", "rivers.pdf", marks)
    paper = Work("PAPER001", {"title": "Rivers"}, attachments=(file,))
    database = write_zotero(folder / "Zotero" / "zotero.sqlite", [Library((paper,))])
    paths = [path for path in (folder / "notes", folder / "Zotero" / "storage") if path.exists()]
    forge("run", database, *paths)
    return {card["guid"]: card for card in forge.cards()}


LIVER = "==The liver of a healthy adult weighs about 1,500 grams in all.==\n"
HEART = "The heart pumps ==five litres== in a minute of rest.\n"


def test_a_card_whose_passage_says_something_else_and_gives_no_draft_is_marked(forge, vault):
    read(forge, vault, {"Liver": LIVER, "Heart": HEART})
    [bare] = [
        json.loads(line) for line in forge.ok("list", "--no-card", "--json").stdout.splitlines()
    ]
    forge.ok(
        "edit",
        bare["key"],
        "--field",
        "Front",
        "How heavy is it?",
        "--field",
        "Back",
        "1,500 grams",
    )

    def marked(**notes: str) -> list[str]:
        cards = read(forge, vault, notes)
        found = (card for one in cards.values() for card in one.values())
        checks = [
            (card["title"], finding["check"]) for card in found for finding in card["findings"]
        ]
        return sorted(title for title, check in checks if check == "source_changed")

    assert marked(Liver=LIVER.replace("all.", "all (Roe, 2010).")) == []
    whole = "==The heart pumps six litres in a minute of rest.==\n"
    assert marked(Liver=LIVER.replace("1,500", "1,400"), Heart=whole) == ["Heart", "Liver"]
    assert marked(Liver=LIVER) == ["Heart"]


def test_a_person_s_words_that_were_not_accepted_come_before_the_source_s(forge, vault):
    forge.settings(
        f"sources: [obsidian: {{path: '{vault}', name: notes}}]\naccept: {{rules: review}}\n",
        trust=True,
    )
    (vault / "a.md").write_text("The ==Loire== waters the gardens of France.\n", "utf-8")
    forge.ok("run")
    [card] = forge.cards()
    forge.ok("edit", card["guid"], "--field", "Text", "The {{c1::Loire}} waters gardens.")
    (vault / "a.md").write_text("The ==Loire== dries the gardens of France.\n", "utf-8")
    forge.ok("run")

    [card] = forge.cards()
    assert (card["verdict"], "waters" in card["fields"]["Text"]) == ("pending", True)
    assert "dries" in card["revision"]["fields"]["Text"]

    forge.ok("accept", card["guid"])
    [accepted] = forge.cards()
    assert (accepted["verdict"], accepted["fields"]) == ("accepted", card["fields"])
    assert accepted["revision"] == card["revision"]
