"""A workspace with a language model, driven as a person drives it."""

import json
import re
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from ankiforge.pipeline.workspace import Workspace
from tests.limits import PATIENCE

ALPHA = "Alpha is the first fact of them all."
BETA = "Beta comes second in the long row."
BOB = "Bob has an illness that nobody knows of."
WRITTEN = "What is REM?::rapid eye movement"
REMOTE = "https://llm.invalid/v1"


@pytest.fixture
def notes(forge, server) -> Callable[..., None]:
    """Write the note of the workspace: `notes("==a passage==", …)`, a paragraph each."""
    configure(forge, server.base_url)

    def write(*paragraphs: str) -> None:
        folder = forge.folder / "notes"
        folder.mkdir(exist_ok=True)
        (folder / "Row.md").write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")

    return write


def configure(forge: Any, url: str, **more: object) -> None:
    key = {} if "127.0.0.1" in url else {"key_env": "OPENAI_API_KEY"}
    forge.drafting(url, **key, **more)


def trusted(forge: Any, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Let the workspace speak to a host elsewhere."""
    configure(forge, url)
    monkeypatch.setenv("ANKIFORGE_TRUST", str(forge.folder))


# --- what is only looked at ----------------------------------------------------------------


def test_a_dry_run_sends_nothing_and_shows_what_was_paid_for(forge, notes, server):
    notes(f"=={ALPHA}==")
    assert forge.json("run", "--dry-run")["state"]["highlights"]["without"] == 1
    assert server.asked == []
    forge.ok("run")
    [card] = forge.cards()
    assert card["origin"]["prompt"].startswith("cards@")
    asked = len(server.asked)
    notes(f"=={ALPHA}==", f"=={BETA}==", "What was written by hand?::this")
    seen = forge.json("run", "--dry-run")
    assert (seen["highlights"]["new"], seen["cards"]["drafted"]) == (2, 1)
    assert (
        "nothing matches 'nosuchword'"
        in forge("draft", "--again", "nosuchword", code=2).stderr
    )
    assert len(server.asked) == asked


# --- what is asked --------------------------------------------------------------------------


def test_a_text_for_a_chat_has_the_prompt_of_a_model(forge, notes, monkeypatch):
    notes(f"=={ALPHA}==")
    trusted(forge, monkeypatch, REMOTE)
    forge.ok("run", "--drafter", "rules")
    forge.ok("draft", "export", "ask.md")
    assert "Cover the passage" in (forge.folder / "ask.md").read_text("utf-8")


# --- when it cannot be asked ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [((), "OPENAI_API_KEY is not set"), (("--offline",), "llm.invalid")],
)
def test_where_it_cannot_be_asked_nothing_is_announced_and_what_is_ready_is_written(
    forge, notes, monkeypatch, options, words
):
    notes(f"=={ALPHA}==", WRITTEN)
    trusted(forge, monkeypatch, REMOTE)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    if options:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-not-used-at-all-1234")
    result = forge("run", *options, code=2)
    assert words in result.stderr
    assert "characters to" not in result.stderr
    assert (forge.folder / "ankiforge.apkg").exists()


# --- files ----------------------------------------------------------------------------------


def asked_labels(text: str) -> dict[str, str]:
    """{marked words: label} of an exported chat text."""
    found = re.findall(
        r'<highlight h="(\w{8})">.*?<marked>(.*?)</marked>', text, re.DOTALL
    )
    return {words: label for label, words in found}


@pytest.mark.parametrize(
    "answer", ["| h | front |\n|---|---|\n| 1 | What? |", "Here are they, as you wished."]
)
def test_an_answer_without_a_readable_card_is_named(forge, notes, answer):
    notes(f"=={ALPHA}==", f"=={BOB}== #no-llm")
    forge.ok("run", "--drafter", "rules")
    (forge.folder / "answer.md").write_text(answer, encoding="utf-8")
    result = forge("draft", "import", "answer.md", code=1)

    assert "answer.md: it contains no card as JSON (tell the chat" in result.stderr


def test_an_answer_to_nothing_that_is_pending_is_named(forge, notes, fake):
    notes(f"=={ALPHA}==")
    forge.ok("run", "--drafter", "rules")
    forge.ok("draft", "export", "ask.md")
    labels = asked_labels((forge.folder / "ask.md").read_text("utf-8"))
    card = fake.card(labels[ALPHA], ALPHA, "Which fact is the first?", "Alpha")
    (forge.folder / "answer.md").write_text(
        json.dumps({"cards": [card]}), encoding="utf-8"
    )
    told = forge.ok("draft", "import", "answer.md").stdout
    assert "next  ankiforge review" in told
    assert "nothing new" in forge.ok("draft", "import", "answer.md").stderr
    (forge.folder / "other.md").write_text(
        json.dumps([{**card, "h": "0" * 8}]), encoding="utf-8"
    )
    result = forge("draft", "import", "other.md", code=1)

    assert "no card in it is about these highlights" in result.stderr
    assert len(forge.cards()) == 1


# --- a ledger that was lost -----------------------------------------------------------------


@pytest.mark.parametrize("journal", [True, False], ids=["journal kept", "all lost"])
def test_cards_of_a_model_that_are_in_anki_are_not_paid_for_again(
    forge, notes, server, backend, journal
):
    notes(f"=={ALPHA}==", f"=={BETA}==")
    settings = forge.folder / "ankiforge.yaml"
    settings.write_text(
        settings.read_text("utf-8").replace("none", "auto"), encoding="utf-8"
    )
    with backend.opened(forge.profile) as anki:
        forge.ok("run", "--accept", "clean")
        forge.ok("accept", "--all")
        forge.ok("build")
        guids = {card["guid"] for card in forge.cards() if card["verdict"] == "accepted"}
        assert guids
        anki.load(forge.folder / "ankiforge.apkg")
        asked = len(server.asked)
        shutil.rmtree(forge.folder / ".ankiforge")
        if not journal:
            shutil.rmtree(forge.folder / "journal")

        came = forge.json("run", "--accept", "clean")

        assert len(server.asked) == asked
        assert came["notes"]["written"] == 0
        assert {card["guid"] for card in forge.cards()} == guids


# --- asking again ---------------------------------------------------------------------------


def test_a_remark_goes_with_what_is_asked_again(forge, notes, server):
    notes(f"=={ALPHA}==")
    forge.ok("run")
    forge.ok("draft", "--again", "drafter:llm", "--remark", "ask for the order")

    before, after = (request["messages"][-1]["content"] for request in server.asked)
    assert "ask for the order" in after
    assert "ask for the order" not in before
    assert "--again QUERY" in forge("draft", "--remark", "x", code=2).stderr


# --- drafts as they come --------------------------------------------------------------------


def test_a_reply_is_a_card_to_decide_on_while_the_document_is_still_being_drafted(
    forge, notes, server, fake
):
    released = threading.Event()

    def answer(request):
        if BETA in [words for _, words in fake.marked(request)]:
            released.wait(PATIENCE)
        return fake.obliging(request)

    server.otherwise = answer
    configure(forge, server.base_url, concurrency=2)
    notes(f"=={ALPHA}==", f"=={BETA}==")
    running = forge.started("run")
    try:
        while not (cards := forge.cards()):
            assert running.poll() is None
            time.sleep(0.1)
        [card] = cards
        assert running.poll() is None
        forge.ok("accept", card["id"])
    finally:
        released.set()
        running.communicate(timeout=PATIENCE)
    assert running.returncode == 0
    verdicts = {one["quote"]: one["verdict"] for one in forge.cards()}
    assert len(verdicts) == 2
    assert verdicts.pop(card["quote"]) == "accepted"
    assert set(verdicts.values()) == {"waiting"}


def test_the_progress_of_a_model_begins_before_its_first_answer(forge, notes, server):
    notes(f"=={ALPHA}==", f"=={BETA}==")
    told = []

    @contextmanager
    def show(_):
        def take(step):
            if step.by_model:
                told.append((step.by_model.done, step.by_model.total, len(server.asked)))

        yield take

    with Workspace(forge.folder) as workspace:
        workspace.run(show=show)
    assert told[0] == (0, 2, 0)
    assert told[-1][:2] == (2, 2)


def test_a_limit_takes_what_most_deserves_a_card_of_all_that_was_read(
    forge, server, fake
):
    deserving = (
        "Osmosis is the diffusion of water through a semipermeable membrane towards the"
        " higher concentration of salts."
    )
    folder = forge.folder / "notes"
    folder.mkdir()
    for number, words in enumerate(
        ("I liked this chapter a lot!", "They were there, too.", deserving, "What a day!")
    ):
        (folder / f"{number}.md").write_text(f"=={words}==\n", encoding="utf-8")
    forge.drafting(server.base_url, more="proposals: true\n")
    forge.ok("run", "--limit", "1")
    [asked] = server.asked
    assert [words for _, words in fake.marked(asked)] == [deserving]


def test_a_card_that_a_check_blocks_is_told_and_asked_for_again_by_a_person(
    forge, notes, server, fake
):
    words = "Caffeine has a half-life of about five hours in adults."
    notes(f"=={words}==")
    front = "How long is the half-life of caffeine in adults?"
    server.queue.append(fake.cards(fake.card(1, words, front, "ninety minutes")))
    forge.ok("run")
    forge.ok("run")
    assert len(server.asked) == 1
    [blocked] = forge.cards()
    assert {found["severity"] for found in blocked["findings"]} == {"block"}

    server.otherwise = lambda request: fake.cards(
        fake.card(1, words, front, "about five hours")
    )
    forge.ok("draft", "--again", blocked["id"])
    backs = [card["fields"]["Back"] for card in forge.cards()]
    assert backs == ["ninety minutes", "about five hours"]
