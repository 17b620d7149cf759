"""Cards that keep failing in a real collection: found, dealt with, found again when they fail anew."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.anki.studying import ALPHA, NEW, NEWEST, OLD, Desk, fail, remark
from tests.unit.review.page import conftest as page_server

client = page_server.client


@pytest.fixture
def desk(forge: Any, backend: Any, fake: Any) -> Iterator[Desk]:
    with fake.LlmServer() as model:
        yield Desk(forge, backend, fake, model)


def press(page: Any, found: Any, key: str, **more: str) -> Any:
    """Press a key of the item; what asks the model goes by its own name."""
    [act] = [act for act in found["item"]["acts"] if act["key"] == key]
    return page.decide(act["what"].removeprefix(":"), found, **act["args"], **more)


# --- which they are -------------------------------------------------------------------------


def test_a_card_that_lapses_again_and_again_needs_work(desk):
    desk.studied(lapses=3)
    assert desk.work() == []
    assert "need" not in desk.forge.ok("pull").stdout
    with desk.anki() as anki:
        fail(anki, desk.old)
    said = desk.forge.ok("pull").stdout
    assert "1 card needs work" in said
    assert "; ankiforge list --view work" in said
    assert desk.work() == [desk.old]
    assert "list --view work   1 card needs work" in desk.forge.ok("run").stdout
    assert desk.card(OLD)["troubles"] == ["lapses"]
    shown = desk.forge.ok("show", desk.old).stdout
    assert "work      forgotten 4 times in 15 answers" in shown
    assert "forgotten 4 times" in desk.forge.ok("list", "--view", "work").stdout
    assert [one["guid"] for one in desk.forge.ok("list", "finding:lapses", "--json").lines] == [
        desk.old
    ]

    desk.forge.ok("edit", desk.old, "--field", "Front", NEW)
    assert desk.work() == []
    with desk.anki() as anki:
        fail(anki, desk.old)
    assert desk.work() == [desk.old]
    desk.forge.ok("accept", desk.old)
    assert desk.work() == []
    desk.forge.ok("undo")
    assert desk.work() == [desk.old]

    with desk.anki() as anki:
        anki.edit(desk.old, Front=NEWEST)
    assert desk.work() == []
    assert "reworded" in desk.forge.ok("show", "-v", desk.old).stdout
    with desk.anki() as anki:
        fail(anki, desk.old)
    assert desk.work() == [desk.old]


# --- another card in its place ----------------------------------------------------------------


def test_another_card_takes_its_place_once_a_person_accepts_it(desk):
    desk.studied(lapses=6)
    with desk.anki() as anki:
        remark(anki, desk.old, "too vague")
    assert desk.work() == [desk.old]
    desk.draws(NEW)
    desk.forge.ok("draft", "--again", desk.old, "--instead", "--remark", "ask for the letter")
    for told in ("forgotten 6 times in 14 answers", "too vague", OLD, "ask for the letter"):
        assert told in desk.asked()

    new = desk.card(NEW)
    assert (new["verdict"], new["instead_of"]) == ("pending", [desk.old])
    assert f"instead   of {desk.old}" in desk.forge.ok("show", new["guid"]).stdout
    assert (desk.card(OLD)["verdict"], desk.card(OLD)["standing"]) == ("accepted", "live")
    assert desk.work() == []

    desk.forge.ok("accept", new["guid"])
    assert desk.card(OLD)["standing"] == "retired"
    assert desk.card(NEW)["instead_of"] == []
    desk.forge.ok("undo")
    assert (desk.card(OLD)["standing"], desk.card(NEW)["verdict"]) == ("live", "pending")
    desk.forge.ok("accept", new["guid"])
    desk.forge.ok("run")
    with desk.anki() as anki:
        before = anki.schedule(desk.old)
        anki.load(desk.forge.folder / "ankiforge.apkg")
        assert anki.schedule(desk.old) == before
        assert "ankiforge::retired" in anki.note(desk.old).tags
        assert anki.schedule(new["guid"])[0][6:] == [0, 0]


@pytest.mark.parametrize("name", ["ask.md", "ask.jsonl"])
def test_asked_for_by_a_file_the_answer_takes_its_place_as_well(desk, name):
    desk.studied(lapses=6)
    said = desk.forge.ok("draft", "export", name, "--again", desk.old, "--instead")
    assert said.stdout == ""
    asked = (desk.forge.folder / name).read_text(encoding="utf-8")
    assert "forgotten 6 times in 14 answers" in asked
    with desk.anki() as anki:
        fail(anki, desk.old)
    assert desk.work() == [desk.old]
    desk.forge("draft", "import", _answered(desk, asked, name, spoilt=True))
    assert desk.work() == [desk.old]
    back = _answered(desk, asked, name)
    for _ in range(2):  # the second time nothing is new
        desk.forge.ok("draft", "import", back)
        new = desk.card(NEW)
        assert (new["verdict"], new["instead_of"]) == ("pending", [desk.old])
        assert desk.work() == []
    assert len(desk.forge.cards()) == 2
    desk.forge.ok("accept", new["guid"])
    assert desk.card(OLD)["standing"] == "retired"


def _answered(desk: Desk, asked: str, name: str, *, spoilt: bool = False) -> str:
    """A file with the answer of a chat, or of a batch service; `spoilt`: one without a card."""
    if name.endswith(".md"):
        [label] = re.findall(r'<highlight h="([0-9a-f]{8})"', asked)
        cards = json.dumps({"cards": [desk.fake.card(label, ALPHA, NEW, "Alpha")]})
        text = f"Of {label}: sorry.\n" if spoilt else f"Here it is:\n\n```json\n{cards}\n```\n"
    else:
        desk.draws(NEW)
        body = json.loads((desk.fake.says("sorry") if spoilt else desk.model.queue[0]).body)
        desk.model.queue.clear()
        answer = {"custom_id": json.loads(asked)["custom_id"],
                  "response": {"status_code": 200, "body": body}}  # fmt: skip
        text = json.dumps(answer) + "\n"
    (desk.forge.folder / f"back {name}").write_text(text, encoding="utf-8")
    return f"back {name}"


# --- on the page ------------------------------------------------------------------------------


def test_the_page_shows_what_is_known_of_it_and_a_key_leaves_it_or_gives_it_up(desk, client):
    desk.studied(lapses=6, data='{"s":2.5,"d":8.3,"dr":0.9}')
    with desk.anki() as anki:
        remark(anki, desk.old, "which alphabet?")
        anki.col.sched.suspend_cards([card.id for card in anki.cards(desk.old)])
    desk.forge.ok("pull")
    page = client()
    found = page.item(view="work")
    for told in (
        "You wrote “which alphabet?”",
        "forgotten 6 times in 14 answers",
        "57% remembered when they were due",
        "9 s per answer",
        "difficulty 8.3 out of 10",
        "stability 2.5 days",
        "unsuspend it in Anki",
    ):
        assert told in found["item"]["body"] + found["item"]["why"]
    after = press(page, found, "l")
    assert (after["count"], after["item"]) == (0, None)
    page.decide("undo")
    found = page.item(view="work")
    assert found["count"] == 1
    assert press(page, found, "x")["count"] == 0
    assert desk.card(OLD)["verdict"] == "rejected"


def test_redrawn_by_a_key_the_new_card_waits_and_replaces_the_old(desk, client):
    desk.studied(lapses=6)
    page = client()
    desk.draws(NEW)
    after = press(page, page.item(view="work"), "r", words="")
    assert "a new card waits under New cards" in after["told"]
    assert after["count"] == 0
    assert "forgotten 6 times" in desk.asked()
    waiting = page.item(view="pending")
    assert "forgotten 6 times in 14 answers" in waiting["item"]["body"]
    press(page, waiting, "a")
    assert desk.card(OLD)["standing"] == "retired"
    assert page.item(view="retired")["item"]["id"] == desk.old
    page.decide("undo")
    page.decide("undo")
    found = page.item(view="work")
    assert found["item"]["id"] == desk.old
    assert f"{NEW} → Alpha (retired)" in found["item"]["body"]


def test_in_other_words_in_anki_it_is_shown_told_and_reworded_as_it_stands_there(desk, client):
    desk.studied(lapses=6)
    with desk.anki() as anki:
        anki.edit(
            desk.old, Front="Which <b>letter</b> is first?", Back='<font color="red">α</font>'
        )
        anki.col.db.execute("update notes set mod = mod - 60 where guid = ?", desk.old)
    assert desk.work() == []
    with desk.anki() as anki:
        fail(anki, desk.old)
    assert desk.work() == [desk.old]
    page = client()
    found = page.item(view="work")
    [slot] = found["item"]["slots"]
    assert "Which <b>letter</b> is first?" in slot["faces"][0][0]
    assert slot["label"] == "as you changed it in Anki"
    assert slot["fields"] == {"Front": "Which **letter** is first?", "Back": "α", "Extra": ""}
    desk.draws(NEW)
    press(page, found, "r", words="")
    assert "Which **letter** is first?" in desk.asked()
    assert "Which **letter** is first?" in page.item(view="pending")["item"]["body"]
    page.decide("undo")

    words = {**slot["fields"], "Front": NEWEST}
    page.decide("edit", page.item(view="work"), **{f"field:{n}": text for n, text in words.items()})
    assert "conflict" not in desk.forge.ok("run").stdout
    with desk.anki() as anki:
        anki.load(desk.forge.folder / "ankiforge.apkg")
        fields = anki.note(desk.old).fields
    assert fields[:2] == [NEWEST, '<font color="red">α</font>']


def test_split_by_a_key_all_that_is_drawn_stands_for_it(desk, client):
    desk.studied(lapses=6)
    page = client()
    desk.draws(NEW, NEWEST)
    after = press(page, page.item(view="work"), "p", words="")
    assert after["count"] == 0
    assert "2 new cards wait under New cards" in after["told"]
    assert "two or more simpler cards" in desk.asked()
    assert page.views()["views"]["pending"] == 2
    press(page, page.item(view="pending"), "a")
    assert desk.card(OLD)["standing"] == "retired"
    press(page, page.item(view="pending"), "x")
    assert desk.card(OLD)["standing"] == "retired"


def test_without_a_model_it_is_said_what_else_can_be_done(desk, client):
    desk.studied(lapses=6)
    desk.settings(drafter="rules")
    said = desk.forge("draft", "--again", desk.old, "--instead", code=2).stderr
    assert "would draft the same" in said
    assert "edit ID" in said
    assert "draft export ask.md" in said
    said = desk.forge("draft", "--again", desk.old, "--instead", "export", "ask.md", code=2).stderr
    assert "go after its name" in said
    page = client()
    after = press(page, page.item(view="work"), "r", words="")
    assert "would draft the same" in after["refused"]
    assert "reword it (e)" in after["hint"]
    reworded = page.decide(
        "edit", page.item(view="work"), **{"field:Front": NEW, "field:Back": "Alpha"}
    )
    assert reworded["count"] == 0
