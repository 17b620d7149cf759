"""The second reading: what a model or a chat doubts stands beside the card, and the person decides."""

import json
import re
from typing import Any

import pytest

from ankiforge.draft.second_reading import parse_verdicts
from tests.fakes import llm_server

REDUCES = "Aspirin reduces the formation of prostaglandins in the body."
MIMES = "Mime artists speak with their hands, and never with their mouths."
BOB = "Bob has an illness that nobody knows of."
SAYS = "Aspirin reduces it"
NONE = json.dumps({"cards": []})


@pytest.mark.parametrize(
    ("reply", "verdicts"),
    [
        ('{"cards": [{"h": "1", "verdict": "supported", "says": ""}]}', {"1": None}),
        ('{"cards": [{"h": 1, "verdict": "changed", "says": "it  is\\nless"}]}', {"1": "it is less"}),
        ('{"h": "h2", "verdict": "absent"}', {"2": "nothing of this"}),
        ('Sure!\n```json\n[{"h": "0a1b2c3d", "verdict": "changed", "says": "x"}]\n```', {"0a1b2c3d": "x"}),
        ('{"cards": [{"h": "1", "verdict": "perhaps", "says": "x"}]}', {}),
        ('{"cards": [{"h": "1", "front": "Why?", "back": "So."}]}', {}),
        ('{"cards": [{"verdict": "changed", "says": "x"}]}', {}),
        ('{"cards": [{"h": "1", "verdict": ["changed"], "says": 4}]}', {}),
        ("The cards are fine.", {}),
        ('{"h": "1", "verdict": "changed", "says": "' + "long " * 99 + '"}', {"1": ("long " * 32).strip() + "…"}),
    ],
)  # fmt: skip
def test_the_verdicts_of_a_reply(reply, verdicts):
    assert parse_verdicts(reply) == verdicts


# --- by a model -----------------------------------------------------------------------------


def is_second(request: dict[str, Any]) -> bool:
    return "You check flashcards" in request["messages"][0]["content"]


def labelled(text: str) -> list[tuple[str, str]]:
    """The label and the question of each card in a request or a text."""
    return re.findall(r'<highlight h="(\w+)">.*?<question>(.*?)</', text, re.DOTALL)


def doubting(word: str) -> Any:
    """A server that drafts, and doubts the cards that ask for a word."""

    def reply(request: dict[str, Any]) -> llm_server.Reply:
        if not is_second(request):
            return llm_server.obliging(request)
        verdicts = []
        for label, question in labelled(request["messages"][-1]["content"]):
            verdict = "changed" if word in question else "supported"
            says = SAYS if verdict == "changed" else ""
            verdicts.append({"h": label, "verdict": verdict, "says": says})
        return llm_server.says(json.dumps({"cards": verdicts}))

    return reply


def write(forge: Any, *paragraphs: str) -> None:
    (forge.folder / "notes").mkdir(exist_ok=True)
    text = "\n\n".join(paragraphs)
    (forge.folder / "notes" / "Drugs.md").write_text(f"{text}\n", "utf-8")


@pytest.fixture
def desk(forge, server):
    """A workspace whose model reads its cards again, and doubts those about aspirin."""
    server.otherwise = doubting("Aspirin")
    forge.drafting(server.base_url, second_reading=True)
    write(forge, f"=={REDUCES}==", f"=={MIMES}==")
    return forge


def seconds(server: Any) -> list[str]:
    return [str(request["messages"]) for request in server.asked if is_second(request)]


def findings(forge: Any) -> dict[str, list[str]]:
    """What is said of each card, by the first word of its quote."""
    return {
        card["quote"].split()[0]: [each["message"] for each in card["findings"]]
        for card in forge.cards()
    }


def test_a_doubt_stands_beside_the_card_and_blocks_nothing(desk, server):
    desk.ok("run")
    assert findings(desk) == {"Aspirin": [f"the quote says: {SAYS}"], "Mime": []}
    assert len(seconds(server)) == 1, "one request for both"
    [doubted] = desk.cards("finding:doubted")
    assert [(each["check"], each["severity"]) for each in doubted["findings"]] == [
        ("doubted", "warn")
    ]
    told = desk.ok("accept", "--all", "-v").stderr
    assert "1 × doubted at the second reading\n" in told
    desk.ok("accept", doubted["id"])
    assert {card["verdict"] for card in desk.cards()} == {"accepted"}


def test_what_was_read_is_not_read_again(desk, server):
    desk.ok("run")
    write(
        desk, f"=={REDUCES}==", f"=={MIMES}==", "==Bees dance to tell where they were.=="
    )
    desk.ok("run")
    asked = [[question for _, question in labelled(each)] for each in seconds(server)]
    assert [len(questions) for questions in asked] == [2, 1]
    assert "Bees" in asked[1][0]
    assert findings(desk)["Aspirin"], "the doubt stays"


def test_twenty_cards_share_a_request(desk, server):
    write(desk, *(f"==The river number {n} has {n + 4} sources.==" for n in range(45)))
    desk.ok("run")
    sizes = sorted(len(labelled(asked)) for asked in seconds(server))
    assert sum(sizes) == 45
    assert max(sizes) <= 20
    assert len(sizes) == 3


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (llm_server.error(400, "no such thing"), "not read a second time"),
        (llm_server.says(NONE), ""),
        (llm_server.says("I like them."), ""),
        (llm_server.page(), "not read a second time"),
    ],
    ids=["refused", "left out", "prose", "a page"],
)
def test_cards_wait_as_they_are_if_the_model_does_not_judge_them(
    desk, server, reply, told, no_retries
):
    drafts = server.otherwise
    server.otherwise = lambda request: reply if is_second(request) else drafts(request)
    came = desk("run")
    assert ("not read a second time" in came.stderr) == bool(told)
    assert findings(desk) == {"Aspirin": [], "Mime": []}


def test_an_estimate_counts_it(desk, server):
    estimate = ("draft", "--drafter", "llm", "--estimate")
    with_it = desk.json(*estimate)
    desk.drafting(server.base_url)
    without = desk.json(*estimate)
    assert with_it["requests"] == without["requests"] + 1
    assert with_it["characters"] == 2 * without["characters"]
    assert with_it["tokens_in"] > without["tokens_in"]


def test_switched_off_nothing_more_is_sent(desk, server):
    desk.drafting(server.base_url, second_reading=False)
    desk.ok("run")
    assert seconds(server) == []


def test_nothing_private_is_read_again(desk, server):
    write(desk, f"=={BOB}== #no-llm", f"{BOB} =={REDUCES}==", f"=={MIMES}==")
    desk.ok("run")
    assert "Mime" in str(seconds(server))
    assert "Bob" not in str(server.asked)


def test_a_prompt_of_one_s_own_is_used(desk, server):
    (desk.folder / "prompts").mkdir()
    own = "You check flashcards in my way: {{ schema }}\n---\n{{ highlights }}\n"
    (desk.folder / "prompts" / "second-reading.md").write_text(own, "utf-8")
    desk.ok("run")
    assert "in my way" in seconds(server)[0]


# --- by a chat ------------------------------------------------------------------------------


def test_an_answer_of_a_chat_brings_doubts_and_a_later_one_takes_them_back(
    desk, server, tmp_path
):
    desk.drafting(server.base_url)
    desk.ok("run")
    second = _second_text(desk)
    assert REDUCES in second
    doubts = {
        label: "changed" if "Aspirin" in question else "supported"
        for label, question in labelled(second)
    }

    def answered(file: str, **verdicts: str) -> str:
        cards = [
            {"h": label, "verdict": verdict, "says": SAYS}
            for label, verdict in verdicts.items()
        ]
        (tmp_path / file).write_text(json.dumps({"cards": cards}), "utf-8")
        return desk.ok("draft", "import", tmp_path / file).stderr

    assert "2 cards read a second time: 1 doubted" in answered("a.md", **doubts)
    assert findings(desk) == {"Aspirin": [f"the quote says: {SAYS}"], "Mime": []}
    fine = dict.fromkeys(doubts, "supported")
    assert "2 cards read a second time: none doubted" in answered("b.md", **fine)
    assert findings(desk) == {"Aspirin": [], "Mime": []}
    assert "it says nothing about the cards that wait" in answered(
        "c.md", ffffffff="changed"
    )


def _second_text(forge: Any) -> str:
    """The text that asks a chat to read all drafts that wait."""
    from ankiforge.ledger import draft_groups
    from ankiforge.ledger.tables.pending_drafts import load_draft_ids
    from ankiforge.pipeline.draft import load_privacy_filter
    from ankiforge.pipeline.second_reading import prepare_second_reading
    from ankiforge.pipeline.workspace import Workspace

    with forge.here(), Workspace(forge.folder) as workspace:
        waiting = draft_groups.iter_pending_drafts(
            workspace.ledger, load_draft_ids(workspace.ledger)
        )
        privacy = load_privacy_filter(workspace.ledger)
        reading = prepare_second_reading(workspace.folder, privacy, waiting)
        assert reading is not None
        return reading.chat_text
