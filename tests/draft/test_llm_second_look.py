"""Cards are compared with their passages by the model, and the way of passages to the model."""

import json
import re
from typing import Any

import pytest

ALPHA = "Alpha is the first of the four letters that Greek children learn."
BETA = "Beta comes second in the long row of 24 letters."
SHORT = "Linformer"


@pytest.fixture
def server(fake: Any) -> Any:
    def answers(request: dict[str, Any]) -> Any:
        text = str(request["messages"][-1]["content"])
        if cards := re.findall(
            r'<card id="(\w+)">.*?<front>(.*?)</front>', text, re.DOTALL
        ):
            return fake.says(json.dumps({"verdicts": [verdict(*card) for card in cards]}))
        return fake.obliging(request)

    with fake.LlmServer() as running:
        running.otherwise = answers
        yield running


def verdict(label: str, front: str) -> dict[str, Any]:
    """Call the card of ALPHA supported, others changed, with another right answer."""
    right = {"why": "", "also_right": "the aleph", "same_thing": True}
    wrong = {"why": "third, not second", "also_right": "Gamma", "same_thing": False}
    good = "Alpha" in front
    return {
        "card": label,
        "verdict": "supported" if good else "changed",
        **(right if good else wrong),
    }


@pytest.fixture
def desk(forge: Any, server: Any) -> Any:
    """A workspace: `desk("==a passage==", verify=True)`."""

    def write(*paragraphs: str, accept: str = "", **llm: object) -> Any:
        told = {"base_url": server.base_url, "model": "m-70b", **llm}
        forge.settings(
            "sources: [{obsidian: {name: notes, path: notes}}]\n"
            f"llm: {json.dumps(told)}\nanki: {{collection: none}}\n{accept}"
        )
        (forge.folder / "notes").mkdir(exist_ok=True)
        if paragraphs:
            note = forge.folder / "notes" / "Row.md"
            note.write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")
        return forge

    return write


def looks(forge: Any) -> dict[str, list[str]]:
    """The messages of findings of a second look, by quote."""
    return {
        card["quote"]: [
            one["message"]
            for one in card["findings"]
            if one["check"] in ("second_look", "verified")
        ]
        for card in forge.cards()
    }


WARNED = [
    "the passage says it otherwise: third, not second",
    "also right: Gamma, another thing",
]


def test_a_second_look_is_one_request_also_for_cards_that_wait_already(desk, server):
    forge = desk(f"=={ALPHA}==", f"=={BETA}==")
    forge.ok("run", "--drafter", "llm")
    asked = len(server.asked)
    assert looks(forge) == {ALPHA: [], BETA: []}

    desk(verify=True)
    forge.ok("run", "--drafter", "llm")
    assert len(server.asked) == asked + 1
    assert looks(forge) == {ALPHA: ["the passage says so"], BETA: WARNED}
    forge.ok("run", "--drafter", "llm")
    (forge.folder / ".ankiforge" / "ledger.db").unlink()
    forge.ok("run", "--drafter", "llm")
    assert len(server.asked) == asked + 1, "nothing is paid for twice"
    assert looks(forge) == {ALPHA: ["the passage says so"], BETA: WARNED}

    desk(verify=True, accept="accept: {llm: verified}\n")
    forge.ok("run", "--drafter", "llm")
    verdicts = {card["quote"]: card["verdict"] for card in forge.cards()}
    assert verdicts == {ALPHA: "accepted", BETA: "waiting"}, (
        "it takes effect on what waits"
    )
    assert len(server.asked) == asked + 1


def test_only_what_passed_ships_unseen_and_is_tagged_so(desk):
    forge = desk(
        f"=={ALPHA}==", f"=={BETA}==", verify=True, accept="accept: {llm: verified}\n"
    )
    forge.ok("run", "--drafter", "llm")
    cards = {card["quote"]: card for card in forge.cards()}
    assert (cards[ALPHA]["verdict"], cards[BETA]["verdict"]) == ("accepted", "waiting")
    assert "ankiforge::unreviewed" in cards[ALPHA]["tags"]


def test_the_comment_is_never_sent_to_the_second_look(desk, server):
    forge = desk(
        f"> {ALPHA}\n\nAlpha is like the aleph, I think.", f"=={BETA}==", verify=True
    )
    forge.ok("run", "--drafter", "llm")
    look = server.asked[-1]["messages"][-1]["content"]
    assert BETA in look
    assert "<comment>" not in look


def labels(path: Any) -> dict[str, str]:
    """{marked words or front: label} of an exported text."""
    text = path.read_text("utf-8")
    found = re.findall(
        r'<(?:highlight h|card id)="(\w{8})">.*?<(?:marked|front)>(.*?)</',
        text,
        re.DOTALL,
    )
    return {words: label for label, words in found}


def test_over_a_chat_the_second_file_compares_and_all_answers_are_imported_in_one_step(
    desk, fake
):
    forge = desk(f"=={ALPHA}==", f"=={BETA}==", verify=True)
    forge.ok("run")
    forge.ok("draft", "export", "ask.md", "--limit", "1")
    (words, label) = next(iter(labels(forge.folder / "ask.md").items()))
    answer = {"cards": [fake.card(label, words, f"What says {words[:5]}?")]}
    (forge.folder / "answer.md").write_text(json.dumps(answer), encoding="utf-8")
    forge.ok("draft", "import", "answer.md")

    told = forge.ok("draft", "export", "ask.md").stderr
    assert "ask.md, ask-verify.md" in told
    text = (forge.folder / "ask-verify.md").read_text("utf-8")
    [card] = re.findall(r'<card id="(\w{8})">', text)
    [(words, label)] = labels(forge.folder / "ask.md").items()
    answers = [
        {"cards": [fake.card(label, words, f"What says {words[:5]}?")]},
        {"verdicts": [verdict(card, "Alpha")]},
    ]
    for name, one in zip(("one.md", "two.md"), answers, strict=True):
        (forge.folder / name).write_text(json.dumps(one), encoding="utf-8")
    forge.ok("draft", "import", "one.md", "two.md")
    assert sorted(looks(forge).values()) == [[], ["the passage says so"]]


# --- the way to the model -----------------------------------------------------------------------


def test_a_waiting_draft_of_the_rules_does_not_withhold_its_passage(desk, server):
    forge = desk(
        "They say that ==Alpha is the first of all letters that children learn at school== there."
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


def test_a_card_that_a_check_blocks_goes_back_to_the_chat_once(desk, fake):
    forge = desk(f"=={ALPHA}==")
    forge.ok("run")
    for time in (1, 2):
        forge.ok("draft", "export", "ask.md")
        sent = (forge.folder / "ask.md").read_text("utf-8").partition("Document:")[2]
        assert ("<rejected>" in sent) == (time == 2)
        label = labels(forge.folder / "ask.md")[ALPHA]
        bad = fake.card(label, "made up in 1789", f"Which one is it {time}?", "Jupiter")
        (forge.folder / "answer.md").write_text(
            json.dumps({"cards": [bad]}), encoding="utf-8"
        )
        told = forge.ok("draft", "import", "answer.md").stderr
        assert ("the next export sends them back" in told) == (time == 1)
    assert "nothing to ask" in forge.ok("draft", "export", "ask.md").stderr
    assert [card["fields"]["Front"] for card in forge.cards()] == ["Which one is it 2?"]


def test_what_cannot_be_used_of_an_answer_is_named(desk, fake):
    forge = desk(f"=={ALPHA}==", f"=={BETA}==")
    forge.ok("run")
    forge.ok("draft", "export", "ask.md")
    label = labels(forge.folder / "ask.md")[ALPHA]
    answer = [
        fake.card(label, ALPHA, "Which letter is the first?", "Alpha"),
        fake.card("deadbeef", BETA, "Which letter is the second?", "Beta"),
        {"h": label, "kind": "basic", "quote": BETA},
    ]
    (forge.folder / "answer.md").write_text(
        json.dumps({"cards": answer}), encoding="utf-8"
    )
    told = forge("draft", "import", "answer.md", code=1).stderr
    assert "“Which letter is the second?”: no highlight that still needs a card" in told
    assert "no card can be made of" in told
    assert len(forge.cards()) == 1


def test_a_remark_that_the_rules_cannot_follow_is_refused(desk):
    forge = desk(f"=={ALPHA}==", "What is first?::Alpha")
    forge.ok("run")
    told = forge(
        "draft", "--again", "drafter:rules", "--remark", "shorter", code=2
    ).stderr
    assert "the rules cannot follow a remark" in told
