"""The answer probe: what a second model answers, and which of a model's cards nobody has to read."""

import json
import re
import sqlite3
from typing import Any

import pytest

BEFORE, AFTER = "The lens stands in front. ", " Nobody knows more."
SAID = {
    "aperture": "The aperture of a camera lets the light into the box.",
    "shutter": "The shutter of a camera ends the exposure after a while.",
}
UNREAD = "ankiforge::unreviewed"


@pytest.fixture
def server(fake: Any) -> Any:
    with fake.LlmServer() as running:
        running.otherwise = answering(fake)
        yield running


def _cards(fake: Any, request: dict[str, Any]) -> Any:
    """One card a highlight that asks for its second word."""
    made = []
    for label, words in fake.marked(request):
        term = words.split()[1]
        front = f"Which part of a camera is it that {' '.join(words.split()[5:])[:-1]}?"
        made.append(fake.card(label, words, front, f"the {term}"))
    return fake.cards(*made)


def configure(forge: Any, url: str, accept: str = "clean", **llm: object) -> None:
    told = {"base_url": url, "model": "m-70b", "candidates": 1, "verify": "probe", **llm}
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\ndrafter: llm\n"
        f"llm: {json.dumps(told)}\naccept: {{rules: clean, llm: {accept}}}\n"
        "anki: {collection: none}\n"
    )
    (forge.folder / "notes").mkdir(exist_ok=True)


def note(forge: Any, *words: str, name: str = "Camera") -> None:
    text = "".join(f"{BEFORE}=={SAID[word]}=={AFTER} ^{word}\n\n" for word in words)
    (forge.folder / "notes" / f"{name}.md").write_text(text, encoding="utf-8")


def answering(fake: Any, answer: str = "", *others: str, compared: str = "different") -> Any:
    """What a server says that answers every question of a probe so; "" = as the card does."""

    def say(request: dict[str, Any]) -> Any:
        user = request["messages"][-1]["content"]
        if labels := re.findall(r'<pair h="(\w+)">', user):
            said = [{"h": label, "answer": compared} for label in labels]
            return fake.says(json.dumps({"cards": said}))
        if asked := fake.questions(request):
            return fake.answers(*((h, answer or words.split()[1], others) for h, _, words in asked))
        return _cards(fake, request)

    return say


def probes(fake: Any, server: Any) -> list[dict[str, Any]]:
    return [one for one in server.asked if fake.questions(one)]


@pytest.mark.parametrize(
    ("answer", "others", "compared", "found"),
    [
        ("aperture", (), "", []),
        ("the aperture", ("diaphragm",), "", ["also_right"]),
        ("the opening", (), "same", []),
        ("the opening", (), "different", ["probe_differs"]),
        ("no aperture", (), "same", ["probe_differs"]),  # a negation: nothing more is asked
        ("none", (), "", ["probe_none"]),
        ("the shutter", ("the aperture",), "", ["also_right"]),  # the back is the other one
    ],
)
def test_only_a_card_that_is_answered_alike_is_let_through(
    forge, server, fake, answer, others, compared, found
):
    configure(forge, server.base_url)
    note(forge, "aperture")
    server.otherwise = answering(fake, answer, *others, compared=compared)
    forge.ok("run")

    [card] = forge.cards()
    assert [one["check"] for one in card["findings"]] == found
    assert card["verdict"] == ("pending" if found else "accepted")
    assert len(server.asked) == (3 if compared and answer != "no aperture" else 2)
    if "also_right" in found:
        said = card["findings"][0]["message"]
        assert said == f"also right: {others[0] if answer != 'the shutter' else answer}"


def test_the_probe_sees_the_question_and_no_more_than_the_draft_did(forge, server, fake):
    configure(forge, server.base_url, verify_model="judge")
    words = SAID["aperture"]
    (forge.folder / "notes" / "A.md").write_text(
        f"{BEFORE}=={words}=={AFTER}\n%%the opening, please%%\n", encoding="utf-8"
    )
    forge.ok("run")

    drafted, probed = server.asked
    assert (drafted["model"], probed["model"]) == ("m-70b", "judge")
    shown, sent = (one["messages"][-1]["content"] for one in (probed, drafted))
    [(_, question, _)] = fake.questions(probed)
    assert question.startswith("Which part of a camera is it that")
    assert "the opening, please" not in shown
    assert "the aperture" not in shown
    for tag in ("marked", "before", "after", "sentence"):
        found = [re.findall(rf"<{tag}>(.*?)</{tag}>", text) for text in (shown, sent)]
        assert found[0] == found[1]


def test_one_request_a_batch_which_is_never_paid_for_twice(forge, server, fake):
    configure(forge, server.base_url, accept="review", concurrency=1)
    note(forge, "aperture", "shutter")
    seen = forge.json("draft", "--drafter", "llm", "--estimate")
    assert seen["requests"] == 2 * seen["probes"] == 4  # one highlight a request on this machine
    first = forge.json("run")["llm"]
    assert (first["requests"], len(probes(fake, server))) == (4, 2)

    (forge.folder / "journal.jsonl").unlink()
    with sqlite3.connect(forge.folder / ".ankiforge" / "ledger.db") as db:
        # all is lost but the replies
        db.execute("PRAGMA foreign_keys = OFF")
        names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            if name != "reply" and not name.startswith("sqlite_"):
                db.execute(f'DELETE FROM "{name}"')
    again = forge.json("run")["llm"]
    assert again["requests"] == 0
    assert again["cached"] == 4


def test_a_probe_that_failed_lets_the_card_wait_and_is_asked_by_the_next_run(forge, server, fake):
    configure(forge, server.base_url)
    note(forge, "aperture")
    usual = server.otherwise
    server.otherwise = lambda request: (
        fake.error(400, "not today") if fake.questions(request) else usual(request)
    )
    done = forge("run", code=1)
    assert "not probed" in done.stderr
    assert [card["verdict"] for card in forge.cards()] == ["pending"]

    server.otherwise = usual
    forge.ok("run")
    [card] = forge.cards()
    assert card["verdict"] == "accepted"
    assert len(server.asked) - len(probes(fake, server)) == 1  # it was drafted once


def test_without_the_probe_cards_of_a_model_wait_and_the_run_says_so(forge, server):
    configure(forge, server.base_url, verify="none")
    note(forge, "aperture")
    done = forge.ok("run")

    assert "a model's cards wait for you" in done.stderr
    assert [card["verdict"] for card in forge.cards()] == ["pending"]
    assert "wait for you" in forge.ok("run", "--accept", "clean").stderr


def test_a_card_let_through_is_tagged_until_a_person_words_it(forge, server, notes_in):
    configure(forge, server.base_url)
    note(forge, "aperture")
    forge.ok("run")
    [(_, _, tags)] = notes_in(forge.folder / "ankiforge.apkg").values()
    assert UNREAD in tags

    [card] = forge.cards()
    forge.ok("edit", card["guid"], "--field", "Back", "the round aperture")
    forge.ok("build")
    [(_, _, tags)] = notes_in(forge.folder / "ankiforge.apkg").values()
    assert UNREAD not in tags


def test_a_chat_is_probed_by_a_second_file(forge, server, fake):
    configure(forge, server.base_url)
    note(forge, "aperture")
    forge.ok("run", "--limit", "0")
    asked, probe = forge.folder / "ask.md", forge.folder / "ask-probe.md"
    forge.ok("draft", "export", asked.name)
    assert not probe.exists()
    _answer(forge, server, asked)
    assert [card["verdict"] for card in forge.cards()] == ["pending"]
    forge.ok("draft", "export", asked.name, "--limit", "0")
    _answer(forge, server, probe)
    assert [card["verdict"] for card in forge.cards()] == ["accepted"]
    assert server.asked == []


def _answer(forge: Any, server: Any, file: Any) -> None:
    """Answer a file of questions as the server would, and import the answer."""
    said = server.otherwise({"messages": [{"role": "user", "content": file.read_text("utf-8")}]})
    body = json.loads(said.body)["choices"][0]["message"]["content"]
    (forge.folder / "answer.md").write_text(body, encoding="utf-8")
    forge.ok("draft", "import", "answer.md")
