"""The facts of a passage as a person meets them at the command line: one note, the program's own proposals."""

import json

import pytest

from tests.conftest import is_card_or_draft

WAR = "The Thirty Years' War is the conflict of European powers that the Peace of Westphalia ended in 1648."
CARTA = "The Magna Carta is called the charter of liberties because King John sealed it at Runnymede."
CANAL = "The Suez Canal is called the highway to India because it connects the Mediterranean with the Red Sea."
FLEMING = (
    "Penicillin is an antibiotic that inhibits the synthesis of bacterial cell walls."
)
KEY = "vault:notes/b.m1"
SETTINGS = """
sources: [{obsidian: {name: notes, path: notes}}]
accept: {rules: clean}
anki: {collection: none}
"""


@pytest.fixture
def note(forge):
    """Writes the one marked passage of a workspace with proposals, and runs."""
    forge.settings(SETTINGS, proposals=True)
    (forge.folder / "notes").mkdir()

    def write(*sentences):
        text = f"=={' '.join(sentences)}== ^m1\n"
        (forge.folder / "notes" / "Europe.md").write_text(text, encoding="utf-8")
        return forge.json("run")

    return write


def states(forge):
    """Return the passage as `show` tells it: by sentence, its state or the card that it asks about."""
    passage = forge.ok("list", "-v", KEY, "--json").lines[0]
    return {fact["sentence"]: fact["card"] or fact["state"] for fact in passage["facts"]}


def draft_of(forge, sentence):
    """Return the one draft that waits for a sentence."""
    drafts = forge.ok("list", "verdict:waiting", "--json").lines
    [draft] = [draft for draft in drafts if draft["quote"] == sentence]
    return draft


def decide(forge, verb, sentence, *more):
    [done] = forge.ok(verb, draft_of(forge, sentence)["id"], *more, "--json").lines
    return done["guid"]


def card_of(forge, sentence, answer):
    """Make a card of a sentence that hides an answer."""
    text = sentence.replace(answer, f"{{{{c1::{answer}}}}}")
    return forge.json("edit", KEY, "--field", "Text", text)["guid"]


def test_a_decision_leaves_the_other_sentences(forge, note):
    note(WAR, CARTA, CANAL)
    proposed = []
    for number in range(3):
        [done] = forge.ok("accept", KEY, "--json").lines
        [card] = forge.ok("list", "-v", done["guid"], "--json").lines
        proposed.append(card["quote"])
        decided = [each for each, state in states(forge).items() if state == "decided"]
        assert len(decided) == number + 1
    assert set(proposed) == {WAR, CARTA, CANAL}
    assert "no card is suggested" in forge("accept", KEY, code=1).stderr
    forge.ok("undo")
    assert set(states(forge)) == set(proposed[:2])


def test_new_words_of_a_card_are_asked_about_and_never_taken_with_others(forge, note):
    note(WAR, CARTA)
    card = card_of(forge, CARTA, "King John")
    corrected = CARTA.replace("Runnymede", "Windsor")
    note(WAR, corrected)

    assert states(forge) == {corrected: card}
    forge("accept", "--all", "--filter", "drafter:propose")
    assert states(forge) == {corrected: card}
    assert decide(forge, "accept", corrected) == card
    [shown] = forge.cards("verdict:accepted", "Windsor")
    assert shown["guid"] == card


def test_another_card_of_new_words_is_an_option_that_show_names(forge, note):
    note(WAR, CARTA)
    card = card_of(forge, CARTA, "King John")
    corrected = CARTA.replace("Runnymede", "Windsor")
    note(WAR, corrected)

    draft = draft_of(forge, corrected)
    shown = forge.ok("list", "-v", draft["id"]).stdout
    id = draft["id"][:10]
    assert f"accept {id}   the card gets these words" in shown
    assert f"accept --another {id}   another card" in shown
    assert decide(forge, "accept", corrected, "--another") != card
    assert len(forge.cards("verdict:accepted")) == 2


def test_a_rejected_passage_leaves_its_cards_and_offers_nothing_later(forge, note):
    note(WAR, CARTA, CANAL)
    card = card_of(forge, WAR, "1648")
    forge.ok("reject", KEY)
    note(WAR, CARTA, CANAL, FLEMING)

    assert states(forge) == {WAR: "decided", CARTA: "decided", CANAL: "decided"}
    assert [card["guid"] for card in forge.cards("verdict:accepted")] == [card]
    assert not forge.ok("list", "verdict:waiting", "--json").lines
    assert "no card is suggested" in forge("accept", KEY, code=1).stderr
    forge.ok("undo", KEY)
    forge.ok("run")
    assert set(states(forge)) == {WAR}


def test_a_card_by_hand_decides_the_sentence_that_it_quotes(forge, note):
    note(WAR, CARTA)
    card_of(forge, CARTA, "King John")
    assert states(forge) == {CARTA: "decided"}
    [done] = forge.ok("accept", KEY, "--json").lines
    [card] = forge.ok("list", "-v", done["guid"], "--json").lines
    assert card["quote"] == WAR


def test_cards_of_a_model_join_the_facts_that_they_quote(forge, server, fake):
    (forge.folder / "notes").mkdir()
    note = forge.folder / "notes" / "Europe.md"
    note.write_text(f"=={WAR} {CARTA}== ^m1\n", encoding="utf-8")
    more = "proposals: true\n"
    forge.drafting(server.base_url, more=more)
    asked = "Where did King John seal the Magna Carta?"
    server.queue.append(fake.cards(fake.card(1, CARTA, asked, "Runnymede")))
    forge.ok("run", "--yes")

    drafts = forge.ok("list", "verdict:waiting", "--json").lines
    [question] = [draft for draft in drafts if draft["fields"].get("Front") == asked]
    forge.ok("accept", question["id"])
    assert states(forge) == {CARTA: "decided"}
    waiting = forge.ok("list", "verdict:waiting", "--json").lines
    assert not any(map(is_card_or_draft, waiting))


def test_what_was_decided_before_closes_its_passage(forge, note):
    note(WAR, CARTA)
    card_of(forge, CARTA, "King John")
    name_no_facts(forge)
    note(WAR, CARTA, CANAL)
    assert states(forge) == {}
    assert len(forge.cards("verdict:accepted")) == 1


def name_no_facts(forge):
    """Let the journal be as if its decisions had named no facts."""
    [journal] = (forge.folder / "journal").glob("*.jsonl")
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    before = [line for line in lines if json.loads(line)["what"] != "fact"]
    journal.write_text("".join(before), encoding="utf-8")
    for path in (forge.folder / ".ankiforge").glob("ledger*"):
        path.unlink()


def test_new_words_that_deserve_no_card_of_their_own_are_asked_about_too(forge, note):
    note(WAR, CARTA)
    card = card_of(forge, CARTA, "Magna Carta")
    asking = "Is the Magna Carta called the charter of liberties because King John sealed it at Runnymede?"
    note(WAR, asking)

    assert states(forge) == {asking: card}
    assert decide(forge, "accept", asking) == card
    [corrected] = forge.cards("verdict:accepted")
    assert corrected["fields"]["Text"].startswith("Is the {{c1::Magna Carta}}")
    assert corrected["findings"] == []
