"""The way of passages to the model: what it gets, and a chat in its place."""

import json
import re
from typing import Any

import pytest

ALPHA = "Alpha is the first of the four letters that Greek children learn."
BETA = "Beta is the second letter of the Greek alphabet, which has 24 letters."
SHORT = "Linformer"


@pytest.fixture
def server(fake: Any) -> Any:
    with fake.LlmServer() as running:
        running.otherwise = fake.obliging
        yield running


@pytest.fixture
def desk(forge: Any, server: Any) -> Any:
    """A workspace: `desk("==a passage==")`."""

    def write(*paragraphs: str) -> Any:
        told = {"base_url": server.base_url, "model": "m-70b"}
        forge.settings(
            "sources: [{obsidian: {name: notes, path: notes}}]\n"
            f"llm: {json.dumps(told)}\nanki: {{collection: none}}\n",
            proposals=True,
        )
        (forge.folder / "notes").mkdir(exist_ok=True)
        note = forge.folder / "notes" / "Row.md"
        note.write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")
        return forge

    return write


def labels(path: Any) -> dict[str, str]:
    """{marked words: label} of an exported text."""
    text = path.read_text("utf-8")
    found = re.findall(r'<highlight h="(\w{8})">.*?<marked>(.*?)</', text, re.DOTALL)
    return {words: label for label, words in found}


def test_a_waiting_draft_of_the_rules_does_not_withhold_its_passage(desk, server):
    forge = desk(
        "They say that ==Alpha is the first of all letters== for children at school there."
    )
    forge.ok("run")
    before = [
        card["origin"]["drafter"]
        for card in forge.cards()
        if card["verdict"] == "waiting"
    ]
    assert before
    assert forge.json("draft", "--drafter", "llm", "--estimate")["highlights"] == 1
    forge.ok("draft", "--drafter", "llm")
    drafters = {card["origin"]["drafter"] for card in forge.cards()}
    assert drafters == {*before, "llm"}, "the model's draft comes beside it"


def test_an_estimate_is_what_a_local_server_is_then_sent(desk, server):
    forge = desk(f"=={ALPHA}==", f"=={BETA}==")
    told = forge.json("draft", "--drafter", "llm", "--estimate")
    forge.ok("run", "--drafter", "llm")
    sent = sum(len(json.dumps(one["messages"])) // 4 for one in server.asked)
    assert (told["requests"], told["cost_usd"]) == (len(server.asked), 0.0)
    assert sent <= told["tokens_in"] <= 1.2 * sent


def test_an_export_begins_with_the_best_marks(desk):
    forge = desk(
        f"=={SHORT}== is one.", f"=={ALPHA}==", "It is ==tiling== there.", f"=={BETA}=="
    )
    forge.ok("run")
    forge.ok("draft", "export", "ask.md", "--limit", "2")
    assert set(labels(forge.folder / "ask.md")) == {ALPHA, BETA}


@pytest.mark.parametrize(
    ("quote", "says"),
    [
        (ALPHA, "“Which one is it?” for “Alpha is"),
        ("made up in 1789", "does not say “made up"),
    ],
)
def test_a_card_that_is_of_no_use_is_named_and_asked_for_again(desk, fake, quote, says):
    forge = desk(f"=={ALPHA}==")
    forge.ok("run")
    for _ in ("an answer", "and another one"):
        forge.ok("draft", "export", "ask.md")
        label = labels(forge.folder / "ask.md")[ALPHA]
        bad = fake.card(label, quote, "Which one is it?", "Jupiter")
        (forge.folder / "answer.md").write_text(
            json.dumps({"cards": [bad]}), encoding="utf-8"
        )
        told = forge("draft", "import", "answer.md", code=1).stderr
        assert says in told
        assert not forge.cards()


def test_what_cannot_be_used_of_an_answer_is_named(desk, fake):
    forge = desk(f"=={ALPHA}==", f"=={BETA}==")
    forge.ok("run")
    forge.ok("draft", "export", "ask.md")
    label = labels(forge.folder / "ask.md")[ALPHA]
    answer = [
        fake.card(label, ALPHA, "Which letter is the first?", "Alpha"),
        fake.card("deadbeef", "Nobody marked this.", "Which letter is the last?", "Z"),
        {"h": label, "kind": "basic", "quote": BETA},
    ]
    (forge.folder / "answer.md").write_text(
        json.dumps({"cards": answer}), encoding="utf-8"
    )
    told = forge("draft", "import", "answer.md", code=1).stderr
    assert "“Which letter is the last?”: no highlight that still needs a card" in told
    assert "no card can be made from" in told
    assert len(forge.cards()) == 1


def test_an_answer_to_another_text_is_refused_in_one_line(desk, fake):
    forge = desk(f"=={ALPHA}==")
    forge.ok("run")
    forge.ok("draft", "export", "ask.md")
    words = "Nobody marked this, whatever it says."
    cards = [fake.card("deadbeef", words, f"Which is letter {n}?", "Z") for n in range(3)]
    (forge.folder / "answer.md").write_text(json.dumps({"cards": cards}), "utf-8")
    told = forge("draft", "import", "answer.md", code=1).stderr
    assert told.startswith("failed: answer.md: no card in it is about these highlights: ")
    assert told.count("\n") == 1


def test_without_a_model_the_way_to_one_is_said_and_nothing_is_sent(forge, vault):
    (vault / "Row.md").write_text(f"=={ALPHA}==\n", "utf-8")
    forge.ok("run", vault)
    told = forge("draft", "--drafter", "llm", code=2).stderr
    assert "no model is chosen" in told
    assert "ankiforge model use NAME" in told


def test_a_remark_that_the_rules_cannot_follow_is_refused(desk):
    forge = desk(f"=={ALPHA}==", "What is first?::Alpha")
    forge.ok("run")
    told = forge(
        "draft", "--again", "drafter:rules", "--remark", "shorter", code=2
    ).stderr
    assert "the rules cannot follow a remark" in told


def test_an_answer_that_was_imported_before_is_known(desk, fake):
    forge = desk(f"=={ALPHA}==", f"=={BETA}==")
    forge.ok("run")
    forge.ok("draft", "export", "ask.md")
    card = fake.card(
        labels(forge.folder / "ask.md")[ALPHA],
        ALPHA,
        "Which letter is the first?",
        "Alpha",
    )
    (forge.folder / "answer.md").write_text(json.dumps({"cards": [card]}), "utf-8")
    first, second = (forge.ok("draft", "import", "answer.md") for _ in range(2))
    assert "nothing new" not in first.stdout + first.stderr
    assert "nothing new: it was imported before" in second.stderr


def test_an_answer_imported_again_makes_no_draft_for_another_mark_of_its_sentence(
    desk, fake
):
    forge = desk(f"=={ALPHA}== =={BETA}==")
    forge.ok("run")
    forge.ok("draft", "export", "ask.md")
    label = labels(forge.folder / "ask.md")[ALPHA]
    card = fake.card(label, f"{ALPHA} {BETA}", "Which letter is the first?", "Alpha")
    (forge.folder / "answer.md").write_text(json.dumps({"cards": [card]}), "utf-8")
    assert "1 new draft" in forge.ok("draft", "import", "answer.md").stdout
    before = forge.cards()
    again = forge.ok("draft", "import", "answer.md").stderr
    assert "nothing new: it was imported before" in again
    assert forge.cards() == before
    forge.ok("undo")
    assert "1 new draft" in forge.ok("draft", "import", "answer.md").stdout
