"""Whatever stops a run, or changes between two runs: nothing that was paid for is paid again.

The server remembers every question it was asked. A passage may be asked twice only if the answer
to the first question never arrived, or a person asks anew.
"""

import json
import shutil
import signal
import threading
from collections import Counter
from typing import Any

import pytest

from tests.limits import PATIENCE

SAID = tuple(f"The {word} is the part of a camera number {n} that lets light in." for n, word in
             enumerate(("aperture", "shutter", "sensor", "tripod", "filter", "flash"), 1))  # fmt: skip


@pytest.fixture
def answered(server, fake):
    """How often each passage was answered: the reply was on the wire."""
    counts: Counter[str] = Counter()

    def count(request: dict[str, Any]) -> Any:
        counts.update(words for _, words in fake.marked(request))
        return fake.obliging(request)

    server.otherwise = count
    return counts


def configure(forge: Any, server: Any, *, more: str = "", **llm: object) -> None:
    forge.drafting(server.base_url, more=more, **{"concurrency": 2, **llm})
    folder = forge.folder / "notes"
    folder.mkdir(exist_ok=True)
    for number, words in enumerate(SAID):
        (folder / f"{number}.md").write_text(f"=={words}==\n", encoding="utf-8")


def llm(result: Any) -> dict[str, Any]:
    return result.data["llm"]


def test_a_run_that_is_repeated_asks_nothing_and_says_what_it_saved(
    forge, server, answered, fake
):
    configure(forge, server, price_usd=[1, 1])
    first = llm(forge.ok("run", "--json"))
    assert (first["requests"], first["cached"]) == (6, 0)
    assert first["cost_usd"] == pytest.approx(6 * 20 / 1e6)
    (forge.folder / ".ankiforge" / "ledger.db").unlink()
    shutil.rmtree(forge.folder / "journal")
    again = llm(forge.ok("run", "--json"))
    assert (again["requests"], again["cached"]) == (0, 6)
    assert set(answered.values()) == {1}


@pytest.mark.parametrize(
    "change",
    [
        {"more": "output: out\n"},
        {"price_usd": [1, 1], "budget_usd": 5},
        {"concurrency": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_settings_that_ask_nothing_else_cost_nothing(forge, server, answered, change):
    configure(forge, server)
    forge.ok("run")
    (forge.folder / "out").mkdir()
    ids = [card["guid"] for card in forge.cards()]
    configure(forge, server, **change)
    forge.ok("run")
    assert [card["guid"] for card in forge.cards()] == ids
    assert len(ids) == 6
    assert set(answered.values()) == {1}


def test_a_new_deck_file_costs_nothing(forge, server, answered):
    configure(forge, server)
    forge.ok("run")
    (forge.folder / "decks").mkdir()
    (forge.folder / "decks/all.yaml").write_text("deck: All\ntags: [new]\n")
    forge.ok("run")
    assert set(answered.values()) == {1}


def test_a_second_machine_with_the_ledger_pays_nothing(
    forge, forge_in, tmp_path, server, answered
):
    configure(forge, server)
    forge.ok("run", "--limit", "4")
    other = forge_in(tmp_path / "second")
    shutil.rmtree(other.folder)
    shutil.copytree(forge.folder, other.folder)
    other.trust(other.folder)
    other("doctor")
    answered_before = Counter(answered)
    other.ok("run")
    assert len(other.cards()) == 6
    assert {
        words: answered[words] - answered_before[words] for words in answered_before
    } == (dict.fromkeys(answered_before, 0))


# --- replies that cannot be read ------------------------------------------------------------

UNREADABLE = {
    "prose": {"content": "Sure! Here are your cards."},
    "nothing": {"content": None},
    "cut off": {"content": '{"cards": [{"h": "1", "fro', "finish": "length"},
    "two tool calls": {
        "content": None,
        "tool_calls": [{"function": {"arguments": "{}"}}] * 2,
    },
}


@pytest.mark.parametrize("said", UNREADABLE)
def test_a_reply_that_cannot_be_read_is_paid_for_once(forge, server, fake, said):
    configure(forge, server)
    server.otherwise = lambda _: fake.says(**UNREADABLE[said])
    first = forge("run", "--json", code=1)
    asked = len(server.asked)
    assert 6 <= asked <= 24
    assert any("draft --again ID" in one["hint"] for one in first.data["problems"])
    assert (llm(first)["asked"], llm(first)["without"]) == (6, 6)
    assert first.data["cards"]["drafted"] == 0
    for _ in range(3):
        again = forge.ok("run", "--json").data
        assert again["state"]["highlights"]["without"] == 6
        assert all(
            "ask again with: ankiforge draft --again" in why for why in again["no_card"]
        )
    forge.ok("run")
    shown = forge.ok("list", "--no-card", "--all", "--json").lines
    assert len(server.asked) == asked
    server.otherwise = fake.obliging
    command = shown[0]["reason"].partition("ask again with: ankiforge ")[2]
    forge.ok(*command.split())
    assert len(server.asked) == asked + 1
    assert [card["highlight"] for card in forge.cards()] == [shown[0]["key"]]
    assert "no highlight vault:notes/nowhere" in forge(
        "draft", "--again", "vault:notes/nowhere", code=2
    ).stderr  # fmt: skip


@pytest.mark.parametrize("choice", [{"message": None}, {}, {"text": "Sure!"}])
def test_a_reply_without_a_message_is_paid_for_once(forge, server, fake, choice):
    configure(forge, server, concurrency=1)
    body = {
        "choices": [{**choice, "finish_reason": "stop"}],
        "usage": {"completion_tokens": 9},
    }
    server.otherwise = lambda _: fake.Reply(body=json.dumps(body).encode())
    forge("run", code=1)
    asked = len(server.asked)
    assert forge.ok("run", "--json").data["state"]["highlights"]["without"] == 6
    assert len(server.asked) == asked


# --- stopped at any moment ------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "stop"),
    [
        ("at the gate", signal.SIGINT),
        ("in a hang", signal.SIGINT),
        ("in a drip", signal.SIGKILL),
    ],
)
def test_a_run_stopped_at_any_moment_goes_on_and_pays_for_nothing_twice(
    forge, server, fake, answered, stop, moment
):
    configure(forge, server)
    reached, ended, counting = threading.Event(), threading.Event(), server.otherwise
    trouble = {
        "at the gate": lambda: fake.error(429, "slow down", retry_after="100"),
        "in a hang": lambda: fake.Reply(body=b"{}") if ended.wait(PATIENCE) else None,
        "in a drip": lambda: fake.Reply(body=b" " * 200_000, drip_s=0.2),
    }[moment]

    def fourth_is_trouble(request: dict[str, Any]) -> Any:
        if "tripod" in str(fake.marked(request)):
            reached.set()
            return trouble()
        return counting(request)

    server.otherwise = fourth_is_trouble
    running = forge.started("run")
    assert reached.wait(PATIENCE)
    running.send_signal(stop)
    _, err = running.communicate(timeout=PATIENCE)  # while the server still hangs
    ended.set()
    if stop == signal.SIGINT:
        assert running.returncode == 130
        assert "nothing is lost" in err
    server.otherwise = counting
    forge.ok("run")
    assert len(forge.cards()) == 6
    if stop == signal.SIGINT:
        assert set(answered.values()) == {1}
    assert (
        sum(answered.values()) <= 7
    )  # of those on the wire when it was killed, one at most


# --- the budget -----------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_budget_ends_the_run_with_the_reply_that_reaches_it_and_says_what_is_left(
    forge, server, fake, answered, concurrency
):
    budget = 0.012
    configure(forge, server, price_usd=[1, 5], budget_usd=budget, concurrency=concurrency)

    def dear(request: dict[str, Any]) -> Any:
        """A model that thinks for half a cent."""
        answered.update(words for _, words in fake.marked(request))
        reply = json.loads(fake.obliging(request).body)
        reply["usage"]["prompt_tokens"] = len(json.dumps(request)) // 4
        reply["usage"]["completion_tokens"] = 1_000
        del reply["usage"]["total_tokens"]
        return fake.Reply(body=json.dumps(reply).encode())

    server.otherwise = dear
    result = forge("run", "--json", code=1)
    spent = llm(result)
    assert budget <= spent["cost_usd"] < budget + 0.008
    left = [one for one in result.data["problems"] if one["where"] == "llm.budget_usd"]
    assert len(left) == 1
    assert "used up" in left[0]["what"]
    assert "only the rest is sent" in left[0]["hint"]
    assert result.data["state"]["highlights"]["without"] == 6 - len(answered)
    without = forge.ok("list", "--no-card", "--json").lines
    assert {one["fate"] for one in without} == {"failed"}
    assert len(without) == 6 - len(answered)
    assert "budget" in without[0]["reason"]
    configure(forge, server)
    server.otherwise = lambda request: (
        fake.obliging(request)
        if not answered.update(words for _, words in fake.marked(request))
        else None
    )
    forge.ok("run")
    assert len(forge.cards()) == 6
    assert set(answered.values()) == {1}


# --- on a terminal --------------------------------------------------------------------------


@pytest.mark.slow
def test_without_a_terminal_nothing_moves(forge, server, answered):
    configure(forge, server)
    told = forge.finished("run")
    assert "\x1b" not in told.stderr + told.stdout
    assert "6 requests, 752 characters sent, free (local)" in told.stdout
