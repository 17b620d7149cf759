"""Cards that keep failing in a real collection: found, dealt with, found again when they fail anew."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.anki.studying import ALPHA, NEW, NEWEST, OLD, Desk, fail, remark


@pytest.fixture
def desk(forge: Any, backend: Any, fake: Any) -> Iterator[Desk]:
    with fake.LlmServer() as model:
        yield Desk(forge, backend, fake, model)


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


def test_asked_for_by_a_file_the_answer_takes_its_place_as_well(desk):
    desk.studied(lapses=6)
    said = desk.forge.ok("draft", "export", "ask.md", "--again", desk.old, "--instead")
    assert said.stdout == ""
    asked = (desk.forge.folder / "ask.md").read_text(encoding="utf-8")
    assert "forgotten 6 times in 14 answers" in asked
    with desk.anki() as anki:
        fail(anki, desk.old)
    assert desk.work() == [desk.old]
    desk.forge("draft", "import", _answered(desk, asked, spoilt=True))
    assert desk.work() == [desk.old]
    back = _answered(desk, asked)
    for _ in range(2):  # the second time nothing is new
        desk.forge.ok("draft", "import", back)
        new = desk.card(NEW)
        assert (new["verdict"], new["instead_of"]) == ("pending", [desk.old])
        assert desk.work() == []
    assert len(desk.forge.cards()) == 2
    desk.forge.ok("accept", new["guid"])
    assert desk.card(OLD)["standing"] == "retired"


def _answered(desk: Desk, asked: str, *, spoilt: bool = False) -> str:
    """A file with the answer of a chat; `spoilt`: one without a card."""
    [label] = re.findall(r'<highlight h="([0-9a-f]{8})"', asked)
    cards = json.dumps({"cards": [desk.fake.card(label, ALPHA, NEW, "Alpha")]})
    text = f"Of {label}: sorry.\n" if spoilt else f"Here it is:\n\n```json\n{cards}\n```\n"
    (desk.forge.folder / "back.md").write_text(text, encoding="utf-8")
    return "back.md"
