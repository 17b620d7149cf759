"""`ankiforge repair` of cards of one's own in the real Anki: an edit, and what is beside it."""

import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from ankiforge.errors import RefusedError
from ankiforge.features.agents.agent import AgentSession, list_cards, list_highlights
from ankiforge.features.ask.answering import prepare_question
from ankiforge.features.repair import work as repair
from ankiforge.features.repair.report import list_failing
from ankiforge.pipeline.ask import load_current_privacy_filter
from ankiforge.pipeline.workspace import Workspace
from tests.fakes.anki_connect import serving

CARDS = "select id, nid, ord, type, queue, due, ivl, reps, lapses from cards order by id"
LOG = "select id, cid, ease, ivl from revlog order by id"
LINES = (
    "Which three metals are noble?::gold, silver, platinum\n\nWhat is iron?::a metal\n"
)


def forgotten(anki: Any, front: str) -> int:
    """Forget the card with a word four times within a week; return its note."""
    [nid] = anki.col.find_notes(front)
    [card] = anki.col.get_note(nid).cards()
    now = int(time.time() * 1000)
    for days in (7, 5, 3, 1):
        row = (now - days * 86_400_000, card.id, -1, 1, 1, 2, 2500, 30_000, 1)
        anki.col.db.execute("insert into revlog values (?,?,?,?,?,?,?,?,?)", *row)
    anki.col.db.execute(
        "update cards set type = 2, queue = 2, ivl = 2, lapses = 4 where id = ?", card.id
    )
    return int(nid)


@pytest.fixture(autouse=True)
def _home(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The collection is found where Anki keeps it."""
    for name, value in desk.forge.environment.items():
        monkeypatch.setenv(name, value)


REPLY = """Here: ```json
{"repairs": [
 {"why": "one at a time", "front": "Which noble metal begins with p?", "back": "platinum",
  "new": [{"front": "Which two other metals than platinum are noble?", "back": "gold, silver"}],
  "quote": "gold, silver, platinum"},
 {"why": "a number that nothing says", "front": "How many protons has gold?", "back": "79",
  "new": [], "quote": ""}
], "suspend": false}
```"""


def entries(workspace: Workspace, nid: int) -> list[repair.FailingNote]:
    """The cards of a note that fail."""
    return [
        each
        for each in repair.list_failing_cards(workspace).failing
        if each.note.note_id == nid
    ]


def take(desk: Any, nid: int, reply: str = REPLY) -> None:
    """Take what a chat answers about a note that fails."""
    with Workspace(desk.forge.folder) as workspace:
        [entry] = entries(workspace, nid)
        [offer] = repair.read_acceptable_repairs(entry, reply)
        repair.accept_repair(workspace, entry, offer)


def failing_card(desk: Any) -> int:
    desk.write(LINES)
    desk.run()
    desk.anki.load(desk.package)
    return forgotten(desk.anki, "noble")


def test_a_card_of_ones_own_is_reworded_by_an_edit_and_undone(desk):
    nid = failing_card(desk)
    before = (desk.col.db.all(CARDS), desk.col.db.all(LOG))
    was = list(desk.col.get_note(nid).fields)
    [line] = desk.forge.ok("repair", "--json").lines
    assert line["card"].startswith("af")
    assert line["passage"]

    take(desk, nid)
    desk.forge.ok("build")
    assert desk.anki.load(desk.package) == {"updated": 1, "new": 1}
    note = desk.col.get_note(nid)
    assert (note["Front"], note["Back"]) == (
        "Which noble metal begins with p?",
        "platinum",
    )
    ids = {row[0] for row in before[0]}
    assert [row for row in desk.col.db.all(CARDS) if row[0] in ids] == before[0]
    assert desk.col.db.all(LOG) == before[1]

    # a run does not bring the source's words back; an undo does
    desk.run()
    desk.forge.ok("undo")
    desk.forge.ok("build")
    desk.anki.load(desk.package)
    names = [field["name"] for field in note.note_type()["flds"]]
    now = dict(zip(names, desk.col.get_note(nid).fields, strict=True))
    then = dict(zip(names, was, strict=True))
    assert (now["Front"], now["Back"]) == (then["Front"], then["Back"])


def test_the_words_of_a_repair_go_back_to_the_note_as_a_patch(desk):
    desk.write("What is dropout?::It masks some units while training.\n")
    desk.run()
    desk.anki.load(desk.package)
    nid = forgotten(desk.anki, "dropout")
    with Workspace(desk.forge.folder) as workspace:
        [entry] = entries(workspace, nid)
        repair.edit_note(workspace, entry, {"Back": "It masks units while training."})
    [line] = desk.forge.ok("patch", "--json").lines
    assert "+What is dropout?::It masks units while training." in line["patch"]


def test_a_chat_is_asked_with_history_and_passage_and_its_answer_is_checked(desk):
    nid = failing_card(desk)
    with Workspace(desk.forge.folder) as workspace:
        [entry] = entries(workspace, nid)
        asked = repair.prepare_repair(workspace, entry).chat_text
        assert "Which three metals are noble?" in asked
        assert "2d✗ 2d✗ 2d✗ 2d✗" in asked
        assert "forgotten 4 times" in asked
        [offer] = repair.read_acceptable_repairs(entry, REPLY)
        assert offer.fields["Back"] == "platinum"
        assert offer.quote == "gold, silver, platinum"
        assert offer.summary == "one at a time"
        repair.accept_repair(workspace, entry, offer)
    desk.forge.ok("build")
    assert desk.anki.load(desk.package) == {"updated": 1, "new": 1}


@pytest.mark.parametrize("tag", ["", " #no-llm"])
def test_what_is_private_is_neither_asked_about_nor_shown_to_an_agent(desk, tag):
    desk.write(f"Which three codes are mine?{tag}::alpha, beta, gamma\n")
    desk.run()
    desk.anki.load(desk.package)
    nid = forgotten(desk.anki, "codes")
    with Workspace(desk.forge.folder) as workspace:
        [entry] = entries(workspace, nid)
        desk.write("Which three codes are mine? #no-llm::alpha, beta, gamma\n")
        try:
            asked = repair.prepare_repair(workspace, entry).chat_text
        except Exception as error:  # noqa: BLE001
            asked = str(error)
    assert "alpha" not in asked


FACT = "The hippocampus replays the day about 20 times faster in deep sleep."


HOUSE = "Whose house is it?::my aunt's\n"


def tag_line(note: Any) -> None:
    note["Back"] = "as my sister says<br>#no-llm"


def tag_note(note: Any) -> None:
    note["Back"] = "as my sister says"
    note.tags = [*note.tags, "no-llm"]


@pytest.mark.parametrize(
    "tag", [tag_note, pytest.param(tag_line, marks=pytest.mark.slow)]
)
def test_a_card_with_the_tag_in_anki_is_in_no_text_for_a_chat_or_agent(desk, tag):
    desk.write(f"=={FACT}==\n\nWhich drug is it?::aspirin\n\n{HOUSE}")
    desk.run()
    [row] = [
        row
        for row in desk.forge.ok("list", "--no-card", "--all", "--json").lines
        if row["exact"] == FACT
    ]
    fields = (
        "--field",
        "Front",
        "How often is the day replayed?",
        "--field",
        "Back",
        "20 times",
    )
    desk.forge.ok("edit", row["key"], *fields)
    desk.run()
    desk.anki.load(desk.package)
    nid = forgotten(desk.anki, "replayed")
    for number in (nid, *desk.col.find_notes("house")):
        note = desk.col.get_note(number)
        tag(note)
        desk.col.update_note(note)
    desk.write(f"=={FACT.replace('20', '40')}==\n\nWhich drug is it?::aspirin\n\n{HOUSE}")
    desk.run()
    desk.forge("draft", "export", "ask.md")  # the card waits for new words
    sent = [path.read_text("utf-8") for path in desk.forge.folder.glob("ask.md")]
    with Workspace(desk.forge.folder) as workspace:
        [entry] = entries(workspace, nid)
        with pytest.raises(RefusedError):
            repair.prepare_repair(workspace, entry)
        agent = AgentSession(lambda lock: nullcontext(workspace))
        sent.append(
            prepare_question(
                workspace,
                load_current_privacy_filter(workspace),
                "Which drug is in the house in deep sleep?",
            ).chat_text
        )
        sent += [
            json.dumps(agent.call_tool(tool, {}))
            for tool in (list_cards, list_failing, list_highlights)
        ]
    assert "aspirin" in str(sent)
    assert "sister" not in str(sent)
    assert "replay" not in str(sent)
    assert "aunt" not in str(sent)


def test_a_card_is_left_for_thirty_days_and_that_is_undone(desk):
    nid = failing_card(desk)
    with Workspace(desk.forge.folder) as workspace:
        [entry] = repair.list_failing_cards(workspace).failing
        assert entry.note.note_id == nid
        repair.postpone_repair(workspace, entry)
        assert repair.list_failing_cards(workspace).failing == ()
        workspace.undo()
        assert len(repair.list_failing_cards(workspace).failing) == 1


# --- a running Anki ------------------------------------------------------------------------------


@pytest.fixture
def running(desk: Any, backend: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An Anki that runs, in which a card of somebody else is a flagged, suspended leech."""
    desk.col.close()
    with serving(Path(desk.forge.profile)) as server:
        desk.forge.settings(f"sources: []\nanki: {{connect: {server.address}}}\n")
        with server.collection() as col:
            note = col.new_note(col.models.by_name("Basic"))
            note.fields[:2] = ("What are the three metals?", "iron, zinc, gold")
            note.tags = ["leech", "marked"]
            col.add_note(note, col.decks.id("Theirs"))
            [card] = note.cards()
            col.sched.suspend_cards([card.id])
            col.set_user_flag_for_cards(1, [card.id])
            col.db.execute("update cards set lapses = 8 where id = ?", card.id)
        yield server


def test_what_only_anki_can_do_is_done_there_or_told(desk, running):
    with Workspace(desk.forge.folder) as workspace:
        [entry] = repair.list_failing_cards(workspace).failing
        assert repair.unsuspend_card(workspace, entry) == "done in Anki"
    with running.collection() as col:
        assert col.get_card(entry.history.card_id).queue == 0
    desk.forge.settings("sources: []\nanki: {connect: 'http://127.0.0.1:9'}\n")
    with Workspace(desk.forge.folder) as workspace:
        _, told = repair.suspend_card(workspace, entry)
    assert f"search  cid:{entry.history.card_id}" in told
    assert "Toggle Suspend" in told


def test_a_push_brings_a_repair_and_keeps_the_tags(desk, running):
    [line] = desk.forge.ok("repair", "--json").lines
    words = '{"front": "Which metals are the three?", "back": "gold, iron, zinc"}'
    take(desk, line["nid"], words)
    # the add-on's own importer prints, too
    last = desk.forge.ok("push", "--json").stdout.splitlines()[-1]
    assert json.loads(last)["notes"]["updated"] == 1
    with running.collection() as col:
        note = col.get_note(line["nid"])
        assert note.fields[:2] == ["Which metals are the three?", "gold, iron, zinc"]
        assert sorted(note.tags) == ["leech", "marked"]
        assert note.cards()[0].queue == -1


# --- a model -------------------------------------------------------------------------------------


def test_a_model_is_asked_and_its_reply_is_checked(desk, server, fake):
    nid = failing_card(desk)
    server.otherwise = lambda request: fake.says(REPLY)
    desk.forge.drafting(server.base_url)
    settings = desk.forge.folder / "ankiforge.yaml"
    text = settings.read_text().replace("anki: {collection: none}\n", "")
    settings.write_text(text)
    with Workspace(desk.forge.folder) as workspace:
        [entry] = entries(workspace, nid)
        [offer] = repair.ask_model(workspace, entry)
        assert offer.fields["Back"] == "platinum"
        assert len(repair.ask_model(workspace, entry)) == 1
    assert len(server.asked) == 1
    rules, card = server.asked[0]["messages"]
    assert (rules["role"], card["role"]) == ("system", "user")
    assert "gold, silver, platinum" in card["content"]
