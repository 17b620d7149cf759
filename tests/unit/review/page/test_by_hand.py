"""Cards by hand through the page's server: words are chosen, a card is made; nothing is lost."""

import shutil
from pathlib import Path

import pytest

MARKED = "==The 😀 cell of 細胞 divides by $x^2$ mitosis.=="


@pytest.fixture
def page(forge, tmp_path: Path, client):
    folder = tmp_path / "notes"
    (folder / ".obsidian").mkdir(parents=True)
    (folder / "a.md").write_text(f"{MARKED}\n\n==Ribosomes make proteins in every cell.==\n")
    forge.ok("run", folder)
    return client()


def first(page):
    return page.item(view="passages")


def spans(found, *words: str) -> str:
    """Where the words stand in the passage, as the script says it."""
    text = found["item"]["passage"]
    places = ((text.index(word), text.index(word) + len(word)) for word in words)
    return ",".join(f"{start}-{end}" for start, end in places)


def test_passages_without_a_card_are_shown_with_the_reason_in_the_order_of_reading(page):
    found = first(page)

    assert (found["place"], found["count"]) == (1, 2)
    assert found["item"]["passage"].startswith("The 😀 cell of 細胞")
    assert "the whole sentence is marked" in found["item"]["why"]


def test_selected_words_are_a_cloze_at_once_and_undo_brings_the_passage_back(forge, page):
    found = first(page)
    after = page.decide("cloze", found, spans=spans(found, "細胞", "mitosis"))

    [card] = forge.cards()
    assert card["fields"]["Text"] == (
        "The 😀 cell of {{c1::細胞}} divides by $x^2$ {{c2::mitosis}}."
    )
    assert (card["verdict"], after["count"]) == ("accepted", 1)
    assert page.decide("undo", after)["item"]["id"] == found["item"]["id"]


def test_a_card_by_hand_is_called_so_and_is_no_run(forge, page):
    found = first(page)
    page.decide("cloze", found, spans=spans(found, "mitosis"))

    assert page.item(view="recent")["item"]["title"].startswith("made by hand: Cloze card")
    assert page.item(view="run")["count"] == 0
    assert page.decide("undo")["told"] == "taken back: made by hand"


def test_a_refusal_names_no_option_of_the_terminal(page):
    answer = page.decide("make", first(page), **{"field:Front": "What divides?", "field:Back": ""})

    assert (answer["refused"], answer["hint"]) == ("the card has no Back", "")


def test_a_selection_within_a_formula_takes_all_of_it(forge, page):
    found = first(page)
    page.decide("cloze", found, spans=spans(found, "x^"))

    assert "by {{c1::$x^2$}} mitosis" in forge.cards()[0]["fields"]["Text"]


@pytest.mark.parametrize(
    "said", ["", "0-0", "3-4", "5-9999", "9-2", "-1-4", "1-2;3-4", "0-99999999"]
)
def test_what_selects_no_words_of_the_passage_makes_nothing(forge, page, said):
    answer = page.decide("cloze", first(page), spans=said)

    assert answer["refused"]
    assert forge.cards() == []


def test_the_selection_answers_a_question_or_is_a_term_both_ways(forge, page):
    found = page.item(view="passages", at=first(page)["next"])
    asked = {"at": found["item"]["id"], "spans": spans(found, "Ribosomes")}
    question = page.post("/api/chosen", asked | {"what": "question"}).json["fields"]
    term = page.post("/api/chosen", asked | {"what": "term"}).json["fields"]

    assert question == {"Front": "", "Back": "Ribosomes"}
    assert term == {"Front": "Ribosomes", "Back": "make proteins in every cell.", "Reverse": "y"}
    page.decide("make", found, **{f"field:{name}": text for name, text in term.items()})
    assert [card["kind"] for card in forge.cards()] == ["two-way"]


def test_a_passage_set_aside_stays_so_while_it_is_read_again_until_it_is_taken_back(
    forge, page, tmp_path
):
    found = first(page)
    after = page.decide("skip", found)
    forge.ok("run", tmp_path / "notes")
    assert (after["count"], first(page)["count"]) == (1, 1)

    shutil.rmtree(forge.home / ".ankiforge")
    forge.ok("run", tmp_path / "notes")
    listed = forge.ok("list", "--no-card").stdout
    assert "no card: you want none" in listed

    forge.ok("undo")
    assert "you want none" not in forge.ok("list", "--no-card").stdout


def test_the_terminal_sets_passages_aside_all_at_once_or_none(forge, page):
    keys = [
        found["item"]["id"]
        for found in (
            first(page),
            page.item(view="passages", step="1", at=first(page)["item"]["id"]),
        )
    ]
    assert forge("reject", *keys, "vault:x/none").exit_code == 2
    assert first(page)["count"] == 2
    forge.ok("reject", *keys, "--reason", "too dull")
    assert first(page)["count"] == 0
    forge.ok("undo")
    assert first(page)["count"] == 2


def test_beside_a_card_that_waits_its_passage_makes_further_ones(forge, card):
    page, found = card
    after = page.decide("cloze", found, spans=spans(found, "divides"))
    assert after["told"] == "made, and accepted, beside 1 from this passage"
    assert (after["item"]["id"], after["count"]) == (found["item"]["id"], found["count"])

    words = {"field:Front": "What divides?", "field:Back": "the cell"}
    page.decide("make", after, **words)
    here = [one for one in forge.cards() if one["quote"] == "The cell divides."]
    assert sorted(one["verdict"] for one in here) == ["accepted", "accepted", "pending"]
    again = page.decide("make", after, **words)
    assert "already has these words" in again["refused"]


# --- editing --------------------------------------------------------------------------------


@pytest.fixture
def card(forge, notes: Path, client):
    forge.ok("run", notes, "--accept", "review")
    page = client()
    return page, page.item(view="pending")


def preview(page, found, **fields: str):
    slot = found["item"]["slots"][0]
    body = {"at": found["item"]["id"], "slot": slot["id"], "fields": fields}
    return page.post("/api/preview", body)


def test_while_typing_the_card_is_drawn_and_a_broken_cloze_is_told(forge, card):
    page, found = card
    good = preview(page, found, Text="A {{c1::cell}} divides $x$ <script>.").json
    assert "[...]" in good["faces"][0][0]
    assert "<script>" not in good["faces"][0][0]

    assert "never closed" in preview(page, found, Text="A {{c1::cell divides").json["foot"]
    assert "no cloze" in preview(page, found, Text="A cell divides").json["foot"]
    assert forge.cards()[0]["fields"]["Text"] == "The {{c1::cell}} divides."


@pytest.mark.parametrize("fields", [{"Text": "a\x00b"}, {"Text": "x" * 8001}, {"Back": "b"}])
def test_what_is_no_words_of_this_card_is_refused_while_typing_and_when_saved(forge, card, fields):
    page, found = card
    before = forge.cards()
    typed = {f"field:{name}": text for name, text in fields.items()}
    slot = found["item"]["slots"][0]["id"]

    assert preview(page, found, **fields).status_code == 409
    assert page.decide("edit", found, slot=slot, **typed)["refused"]
    assert forge.cards() == before


def test_an_edit_is_stored_with_plain_line_ends_and_may_be_accepted_with_it(forge, card):
    page, found = card
    slot = found["item"]["slots"][0]["id"]
    words = {"field:Text": "A {{c1::cell}}\r\ndivides in two.", "field:Extra": ""}
    after = page.decide("edit", found, slot=slot, **words)
    assert after["item"]["id"] == found["item"]["id"]
    page.decide("edit", after, slot=after["item"]["slots"][0]["id"], accept="yes", **words)

    [card, *_] = forge.cards()
    assert (card["fields"]["Text"], card["verdict"]) == (
        "A {{c1::cell}}\ndivides in two.",
        "accepted",
    )


def test_an_edit_of_what_was_changed_meanwhile_is_refused(forge, card):
    page, found = card
    forge.ok("edit", found["item"]["id"], "--field", "Text", "Their {{c1::cell}} divides.")
    slot = found["item"]["slots"][0]["id"]
    after = page.decide("edit", found, slot=slot, **{"field:Text": "My {{c1::cell}}."})

    assert "changed in the meantime" in after["refused"]
    assert forge.cards()[0]["fields"]["Text"] == "Their {{c1::cell}} divides."


@pytest.mark.parametrize("slot", ["afaaaaaaaaaa.a", "../../etc", "", "x" * 500])
def test_a_preview_of_what_is_not_there_is_refused(card, slot):
    page, _ = card
    answer = page.post("/api/preview", {"at": "nothing", "slot": slot, "fields": {"Text": "a"}})

    assert answer.status_code == 409
