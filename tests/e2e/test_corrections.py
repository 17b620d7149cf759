"""Typical edits of a note between two runs: what ships to the card, what waits, what is another card."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from samples.pdf_writer import Page, heading, mark, paragraph, write_pdf
from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

SHIPS, WAITS, OTHER = "ships", "a revision waits", "another card waits beside the old one"

EDITS: dict[str, tuple[str, str, str]] = {
    "a typo": ("The ==Amazon== carries much watre to the sea.", "watre|water", SHIPS),
    "a word that came": ("The ==Volga== ends in the Caspian Sea.", "ends|finally ends", SHIPS),
    "a number": ("The ==Rhine== is 1320 km long from end to end.", "1320|1230", SHIPS),
    "a number that is asked": ("The Danube passes through ==9 countries== of Europe.", "9|10", SHIPS),
    "a citation": ("The Nile was ==long thought== to be the longest river.", "river.|river (Liu 2009).", SHIPS),
    "another citation": ("The Congo is the ==deepest river== of all [12].", "[12]|[13]", SHIPS),
    "a number as a word": ("The Ob has ==four large dams== today.", "four|4", SHIPS),
    "markup": ("The Indus gave its name to ==India== long ago.", "long ago|*long ago*", SHIPS),
    "a longer answer": ("What does the Po carry?::mud from the Alps", "mud|much mud", SHIPS),
    "an answer's number": ("How many mouths has the Ganges?::8 mouths", "8|10", SHIPS),
    "a block id": ("The ==Loire== is 1006 km long, says the map. ^loire", "1006|1012", SHIPS),
    "a negation": ("The ==Thames== is a tidal river at London.", "is a|is not a", WAITS),
    "an opposite": ("The ==Yukon== is frozen in winter up north.", "winter|summer", WAITS),
    "another name": ("The ==Elbe== flows past Dresden and Hamburg.", "Elbe|Oder", WAITS),
    "another answer": ("What is the capital on the Moskva?::Kazan", "Kazan|Moscow", WAITS),
    "a number in a name": ("Route ==66 crosses== the Mississippi at Saint Louis.", "66|40", WAITS),
    "another word": ("The ==Jordan== waters the gardens of the valley.", "waters|dries", WAITS),
    "another substance": ("The boiling point of ethanol is ==78 °C== in Peru.", "ethanol is ==78|ethanal is ==20", WAITS),
    "an acronym": ("The WHO was founded in ==Geneva== after the war.", "The WHO|The World Health Organization (WHO)", SHIPS),
    "another war": ("World War 1 ended in ==1918== with a truce.", "1 ended in ==1918|2 ended in ==1945", OTHER),
    "another king": ("Louis XIV of France died in ==1715== at court.", "XIV of France died in ==1715|XV of France died in ==1774", OTHER),
    "another vitamin": ("A lack of vitamin B1 causes ==beriberi== in time.", "B1 causes ==beriberi|B12 causes ==anaemia", OTHER),
    "another country": ("What is the capital of Peru?::Lima", "Peru?::Lima|Chile?::Santiago", OTHER),
    "another fact with a block id": ("The ==Tagus== is 1,007 km long in all. ^tagus", "Tagus== is 1,007|Ebro== is 930", OTHER),
}  # fmt: skip
PLACES = {
    "alone": "{}\n",
    "between marks": (
        "Chlorophyll {0} makes the ==leaves== look green.\n\n{1}\n\n"
        "Basalt {0} is the ==commonest rock== of the sea floor.\n"
    ),
    "below text": "Nothing is marked in this long line, which stands above what is marked.\n\n{1}\n",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("accepted", [True, False], ids=["by a person", "by policy"])
def test_an_edit_in_its_place(forge, vault, place, accepted):
    before, after = {}, {}
    for number, (name, (text, edit, _)) in enumerate(EDITS.items()):
        old, new = edit.split("|")
        assert old in text, name
        shape = PLACES[place].replace("{}", "{1}")
        before[name] = shape.format(number, text)
        after[name] = shape.format(number, text.replace(old, new, 1))

    first = read(forge, vault, before)
    if accepted:
        forge.ok("accept", *(guid for card in first.values() for guid in card))
        first = read(forge, vault, before)
    second = read(forge, vault, after)

    came = {name: outcome(first[name], second[name]) for name in EDITS}
    assert came == {name: expected for name, (_, _, expected) in EDITS.items()}


def read(forge: Any, vault: Path, notes: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Run; return the cards of the edited lines by note and guid."""
    for name, text in notes.items():
        (vault / f"{name}.md").write_text(text, encoding="utf-8")
    forge.ok("run", vault)
    found: dict[str, dict[str, Any]] = {}
    for card in forge.cards():
        if not any(word in str(card["fields"]) for word in ("Chlorophyll", "Basalt")):
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
    if now["revision"]:
        return WAITS if now["fields"] == old["fields"] else "ships, and waits"
    changed = now["fields"] != old["fields"] or now["quote"] != old["quote"]
    return SHIPS if changed else "the same"


def test_show_says_why_new_words_wait(forge, vault):
    text, edit, _ = EDITS["another name"]
    read(forge, vault, {"Rivers": text})
    [guid] = read(forge, vault, {"Rivers": text.replace(*edit.split("|"))})["Rivers"]

    assert "“Elbe” → “Oder”: another name (same_highlight)" in forge.ok("show", guid).stdout


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


def test_a_pending_card_goes_with_the_comment_that_asked_for_it(forge, zotero):
    forge.settings("accept: {rules: review}\n")
    [old] = read_zotero(forge, zotero, Annotation("MARK0001", SENTENCE, "What joins the Elbe?"))
    cards = read_zotero(forge, zotero, Annotation("MARK0001", SENTENCE, "c: Melnik"))

    [new] = cards.keys() - {old}
    assert (cards[old]["standing"], cards[new]["standing"]) == ("retired", "live")


ELSEWHERE = {
    "a number": ("430 kilo", "431 kilo", True),
    "a typo": ("much watre", "much water", True),
    "another name": ("Vltava", "Moldau", False),
    "another fact": ("Elbe at Melnik after 430", "Danube at Passau after 17", False),
}
"""Words and what stands for them elsewhere, and whether it is the same highlight."""
LONG = (
    "The Vltava joins the Elbe at Melnik after 430 kilometres of bends and locks with much watre."
)


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


@pytest.mark.parametrize("file_first", [True, False])
@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_mark_of_a_file_whose_text_was_corrected_in_zotero(forge, zotero, name, file_first):
    old, new, same = ELSEWHERE[name]
    comment = "q: What joins the Elbe in Bohemia"
    one = mark(LONG, comment=comment, name="f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
    page = Page((heading("Rivers", level=0), paragraph(LONG)), (one,), label="1")
    text = Annotation("MARK0001", LONG.replace(old, new), comment, page_label="1")
    stored = zotero / "Zotero" / "storage" / "FILE0001" / "rivers.pdf"
    if file_first:
        write_pdf(stored, [page], title="Rivers")
        forge.ok("run", zotero / "Zotero" / "storage")
        first = {card["guid"]: card for card in forge.cards()}
        second = read_zotero(forge, zotero, text)
        assert not same or outcome(first, dict(second)) == SHIPS
    else:
        first = read_zotero(forge, zotero, text)
        write_pdf(stored, [page], title="Rivers")
        second = read_zotero(forge, zotero, text)
    assert len(first) == 1
    assert len(second) == (1 if same else 2)


@pytest.mark.parametrize("kept", ["in a note", "in a note, the ledger lost", "in the file"])
@pytest.mark.parametrize("name", ELSEWHERE)
def test_an_annotation_made_again_and_corrected_whose_words_are_kept(forge, zotero, name, kept):
    old, new, same = ELSEWHERE[name]
    forge.settings("accept: {}\n")
    if kept != "in the file":
        (zotero / "notes").mkdir()
        link = "zotero://open-pdf/library/items/FILE0001?page=1&annotation=MARK0001"
        quote = f"> {LONG}\n> ([Doe, 2019, p. 1]({link}))\n"
        (zotero / "notes" / "Reading.md").write_text(quote, encoding="utf-8")
    comment = "c: joins"
    first = read_zotero(forge, zotero, Annotation("MARK0001", LONG, comment, page_label="1"))
    again = Annotation("MARK0002", LONG.replace(old, new), comment, page_label="1")
    if kept == "in the file":
        one = mark(LONG, name="f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
        page = Page((heading("Rivers", level=0), paragraph(LONG)), (one,), label="1")
        write_pdf(zotero / "Zotero" / "storage" / "FILE0001" / "rivers.pdf", [page], title="Rivers")
    if "lost" in kept:
        shutil.rmtree(forge.folder / ".ankiforge")
    second = read_zotero(forge, zotero, again)

    assert not same or second.keys() == first.keys()
    assert "lost" in kept or not same or outcome(first, dict(second)) == SHIPS
    assert (
        "lost" in kept
        or same
        or all(second[one]["fields"] == first[one]["fields"] for one in first)
    )


FIRST = "The town of Kelo has a famous harbuor since 1248 with ==seven towers==.\n"
OTHER_TOWN = FIRST.replace("Kelo", "Ratimi").replace("seven towers", "nine gates")


def test_a_corrected_other_fact_still_waits_for_the_decision(forge, vault):
    [old] = read(forge, vault, {"Towns": FIRST})["Towns"]
    read(forge, vault, {"Towns": OTHER_TOWN})
    cards = read(forge, vault, {"Towns": OTHER_TOWN.replace("harbuor", "harbour")})["Towns"]

    [new] = cards.keys() - {old}
    assert "harbour" in cards[new]["fields"]["Text"]
    assert (cards[new]["verdict"], cards[new]["instead_of"]) == ("pending", [old])
    [found] = cards[new]["findings"]
    assert found["check"] == "replaces"
    assert "“The town of Kelo has a famous harbuor" in found["message"]

    forge.ok("distinct", new)
    assert [card["findings"] for card in forge.cards() if card["guid"] == new] == [[]]
    forge.ok("accept", new)
    states = {card["guid"]: (card["verdict"], card["standing"]) for card in forge.cards()}
    assert states == dict.fromkeys((old, new), ("accepted", "live"))


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


def test_a_number_belongs_to_its_row_when_the_numbers_of_two_rows_are_swapped(forge, vault):
    table = "| River | Length |\n|---|---|\n| Rhine | =={}== |\n| Elbe | =={}== |\n"
    read(forge, vault, {"Rivers": table.format("1,230 km", "1,094 km")})
    lines = forge.ok("list", "--no-card", "--json").stdout.splitlines()
    key = {bare["exact"]: bare["key"] for bare in map(json.loads, lines)}["1,230 km"]
    words = ("--field", "Front", "How long is the Rhine?", "--field", "Back", "1,230 km")
    forge.ok("edit", key, *words)
    assert "source_changed" not in forge.ok("list", "--json").stdout
    read(forge, vault, {"Rivers": table.format("1,094 km", "1,230 km")})
    assert "source_changed" in forge.ok("list", "--json").stdout


def test_a_corrected_card_that_may_have_moved_still_waits(forge, vault):
    read(forge, vault, {"Old": "The harbour of Kelo has ==seven towers== of stone.\n"})
    (vault / "Old.md").unlink()
    text = "The old harbour of Kelo has ==seven towers== of grey stone.\n"
    read(forge, vault, {"New": text})
    [card] = read(forge, vault, {"New": text.replace("grey", "very grey")})["New"].values()

    assert card["verdict"] == "pending"
    assert "moved_from" in {one["check"] for one in card["findings"]}


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
