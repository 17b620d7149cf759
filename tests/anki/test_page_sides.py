"""What the review page shows of two versions of one thing, and that its decisions reach Anki."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ankiforge.ledger import ingest as reading
from tests.unit.review.page import conftest as page_server

client = page_server.client
CELLS = "# Cells\n\nKatze:::cat\n\nHund:::dog\n\nMaus:::mouse\n"


@pytest.fixture
def desk(forge: Any, anki: Any, tmp_path: Path, client: Any) -> Desk:
    return Desk(forge, anki, tmp_path / "notes", client)


class Desk:
    """A vault, the program, Anki, and the page."""

    def __init__(self, forge: Any, anki: Any, vault: Path, client: Any) -> None:
        (vault / ".obsidian").mkdir(parents=True)
        self.forge, self.anki, self.vault, self.client = forge, anki, vault, client
        self.note = vault / "Cells.md"
        self.note.write_text(CELLS, encoding="utf-8")
        self.run()
        self.load()
        self.run()

    def run(self) -> Any:
        return self.forge("run", self.vault, "--json").data

    def load(self) -> dict[str, int]:
        loaded: dict[str, int] = self.anki.load(self.forge.folder / "ankiforge.apkg")
        return loaded

    def rewrite(self, old: str, new: str) -> None:
        text = self.note.read_text(encoding="utf-8")
        assert old in text
        self.note.write_text(text.replace(old, new), encoding="utf-8")

    def guid(self, word: str) -> str:
        [found] = [one for one in self.forge.cards() if word in str(one["fields"])]
        return str(found["guid"])

    def edit(self, guid: str, **fields: str) -> None:
        """In Anki, a while ago."""
        self.anki.edit(guid, **fields)
        self.anki.col.db.execute("update notes set mod = mod - 60 where mod > 1600000000")

    def later(self) -> None:
        """Not within the second in which the package was written, which tells what it held."""
        time.sleep(1.05)

    def delete(self, *guids: str) -> None:
        """Without a trace, as if another device had never had them."""
        self.anki.col.remove_notes([self.anki.note(guid).id for guid in guids])
        self.anki.col.db.execute("delete from graves")


def keys(found: Any) -> list[str]:
    return [act["key"] for act in found["item"]["acts"]]


def press(page: Any, found: Any, key: str, **more: str) -> Any:
    [act] = [act for act in found["item"]["acts"] if act["key"] == key]
    return page.decide(act["what"], found, **act["args"], **more)


# --- conflicts ------------------------------------------------------------------------------


@pytest.fixture
def disputed(desk: Desk) -> str:
    """A card of which both fields were changed in Anki, and in the source."""
    guid = desk.guid("Katze")
    desk.edit(guid, Front="die Katze", Back="kitty <img src=x onerror=alert(1)>")
    desk.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    desk.run()
    return guid


@pytest.mark.parametrize(("key", "back"), [("x", "kitty"), ("a", "cat (an animal)")])
def test_a_conflict_shows_all_three_sides_and_whose_words_stand_is_in_anki_after_it(
    desk, disputed, key, back
):
    page = desk.client()
    found = page.item(view="conflicts")
    assert (found["count"], found["item"]["id"]) == (1, disputed)
    body = found["item"]["body"]
    for words in ("Before", "kitty", "(an animal)"):
        assert words in body
    assert "<img" not in body
    assert [slot["label"] for slot in found["item"]["slots"]] == [
        "yours, in Anki",
        "from the source",
    ]
    assert keys(found) == ["a", "x"]

    after = press(page, found, key)
    assert (after["count"], after["item"]) == (0, None)
    desk.run()
    if key == "a":
        assert desk.load() == {"updated": 1}
    note = desk.anki.note(disputed)
    assert note["Front"] == "die Katze"
    assert note["Back"].startswith(back)
    assert desk.run()["notes"]["conflicts"] == 0


def test_each_field_is_chosen_for_itself_and_each_choice_is_undone_for_itself(desk, disputed):
    desk.rewrite("Katze:::", "Katzen:::")
    desk.run()
    page = desk.client()
    found = page.item(view="conflicts")
    assert keys(found) == ["a", "x", "1", "2", "3", "4"]

    after = press(page, found, "1")
    assert (after["item"]["id"], keys(after)) == (disputed, ["a", "x"])
    assert press(page, after, "a")["count"] == 0
    page.decide("undo")
    assert keys(page.item(view="conflicts")) == ["a", "x"]
    page.decide("undo")
    again = page.item(view="conflicts")
    assert keys(again) == ["a", "x", "1", "2", "3", "4"]

    press(page, press(page, again, "1"), "a")
    desk.run()
    assert desk.load() == {"updated": 1}
    note = desk.anki.note(disputed)
    assert (note["Front"], note["Back"]) == ("die Katze", "cat (an animal)")


def test_a_conflict_that_changed_in_anki_meanwhile_is_shown_anew(desk, disputed):
    page = desk.client()
    found = page.item(view="conflicts")
    desk.edit(disputed, Back="pussycat")
    desk.run()
    after = press(page, found, "a")
    assert "changed in the meantime" in after["refused"]
    assert "pussycat" in after["item"]["body"]
    assert desk.forge.cards()[0]["anki"] == "held"


# --- missing --------------------------------------------------------------------------------


@pytest.fixture
def missing(desk: Desk) -> list[str]:
    """Two cards that are not in Anki any more."""
    guids = [desk.guid("Katze"), desk.guid("Hund")]
    desk.delete(*guids)
    assert desk.run()["notes"]["missing"] == 2
    return guids


def test_a_missing_card_is_deleted_for_good_or_brought_back(desk, missing):
    page = desk.client()
    found = page.item(view="missing")
    assert "Missing since" in found["item"]["body"]
    after = press(page, found, "x")
    assert after["item"]["id"] == missing[1]
    states = {card["guid"]: card["anki"] for card in desk.forge.cards()}
    assert [states[guid] for guid in missing] == ["tombstone", "missing"]
    assert page.decide("undo")["told"] == "taken back: tombstone"
    assert page.views()["views"]["missing"] == 2
    desk.later()
    after = press(page, page.item(view="missing"), "b")
    assert (after["told"], after["count"]) == ("brought back", 1)
    desk.run()
    assert desk.load() == {"new": 1}


def test_all_at_once_only_by_their_number(desk, missing):
    page = desk.client()
    found = page.item(view="missing")
    assert "you typed another number" in press(page, found, "D", words="yes")["refused"]
    assert page.views()["views"]["missing"] == 2
    assert press(page, found, "D", words="2")["count"] == 0
    page.decide("undo")
    assert page.views()["views"]["missing"] == 2
    desk.later()
    press(page, page.item(view="missing"), "B", words="2")
    desk.run()
    assert desk.load() == {"new": 2}


# --- retired --------------------------------------------------------------------------------


def test_a_rejected_card_that_anki_still_asks_is_listed_until_it_is_suspended(desk):
    guid = desk.guid("Katze")
    desk.forge.ok("reject", guid, "--reason", "too vague")
    page = desk.client()
    after = press(page, page.item(view="retired"), "b")
    assert after["item"]["id"] == guid
    assert "waits for your decision again" in after["item"]["why"]
    assert press(page, after, "a")["count"] == 0

    desk.forge.ok("reject", guid, "--reason", "too vague")
    found = page.item(view="retired")
    assert found["item"]["id"] == guid
    assert "you rejected it: too vague" in found["item"]["why"]
    assert "nid:" in found["item"]["body"]
    assert "the next package tags it" in found["item"]["body"]
    desk.run()
    assert desk.load() == {"updated": 1}
    desk.run()
    assert "the next package" not in page.item(view="retired")["item"]["body"]
    desk.anki.col.sched.suspend_cards([card.id for card in desk.anki.cards(guid)])
    desk.run()
    assert page.views()["views"]["retired"] == 0


def test_a_card_whose_passage_is_gone_is_kept_or_is_none_any_more(desk, monkeypatch):
    monkeypatch.setattr(reading, "GONE_AFTER_SECONDS", 0.0)
    kept, dropped = desk.guid("Katze"), desk.guid("Hund")
    desk.rewrite("Katze:::cat\n\nHund:::dog\n\n", "")
    desk.run()
    desk.run()
    page = desk.client()
    found = page.item(view="retired")
    assert (found["item"]["id"], found["count"]) == (kept, 2)
    assert "no longer in the source" in found["item"]["why"]

    after = press(page, found, "a")
    assert (after["told"], after["item"]["id"], after["count"]) == ("kept", dropped, 1)
    press(page, after, "x")
    standing = {card["guid"]: (card["verdict"], card["standing"]) for card in desk.forge.cards()}
    assert standing[kept] == ("accepted", "live")
    assert standing[dropped] == ("rejected", "live")
    page.decide("undo")
    page.decide("undo")
    assert page.views()["views"]["retired"] == 2


# --- duplicates -----------------------------------------------------------------------------

ONE = "What enzyme unwinds DNA?::helicase\n"
OTHER = "Which enzyme is responsible for unwinding the DNA helix?::Helicase\n"


def test_a_merge_retires_the_other_note_in_anki(desk):
    desk.note.write_text(f"{ONE}\n{OTHER}", encoding="utf-8")
    desk.run()
    desk.forge.ok("accept", desk.guid("responsible"))
    desk.run()
    assert desk.load() == {"new": 2}
    desk.run()
    page = desk.client()
    found = page.item(view="twins")
    first, _, second = found["item"]["id"].partition("~")
    [merge] = [act["label"] for act in found["item"]["acts"] if act["key"] == "m"]
    shown = [slot["id"].partition(".")[0] for slot in found["item"]["slots"]]
    stays = shown[0] if "this one" in merge else shown[1]
    [goes] = {first, second} - {stays}

    assert press(page, found, "m")["count"] == 0
    desk.run()
    desk.load()
    assert "ankiforge::retired" in desk.anki.note(goes).tags
    assert "ankiforge::retired" not in desk.anki.note(stays).tags


def test_a_note_of_others_is_shown_as_text_and_never_merged(desk):
    note = desk.anki.col.new_note(desk.anki.col.models.by_name("Basic"))
    note["Front"] = "Which enzyme <script>alert(1)</script><b>unwinds</b> DNA?"
    note["Back"] = "helicase"
    desk.anki.col.add_note(note, desk.anki.col.decks.id("Biology"))
    desk.note.write_text(ONE, encoding="utf-8")
    desk.run()
    page = desk.client()
    found = page.item(view="twins")
    assert found["item"]["id"].endswith(f"~nid:{note.id}")
    assert len(found["item"]["slots"]) == 1
    body = found["item"]["body"]
    assert "Biology" in body
    assert "<script" not in body
    assert "<b>" not in body
    assert keys(found) == ["l", "y", "x", "X"]
    assert "cannot be merged" in page.decide("merge", found)["refused"]

    assert press(page, found, "l")["count"] == 0
    [card] = [
        one for one in desk.forge.cards() if one["guid"] == found["item"]["id"].partition("~")[0]
    ]
    assert card["verdict"] == "accepted"
