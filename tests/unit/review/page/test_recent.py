"""What was decided is looked at again, and taken back, wherever it was decided."""

import pytest


@pytest.fixture
def page(forge, notes, client):
    forge.ok("run", notes, "--accept", "review")
    return client()


def test_what_the_terminal_decided_is_taken_back_though_it_was_not_the_last(forge, page):
    one, other, _ = (card["guid"] for card in forge.cards())
    forge.ok("reject", one, "--reason", "too plain")
    forge.ok("accept", other)
    last = page.item(view="recent")
    assert last["item"]["title"].startswith("accepted")
    found = page.item(view="recent", at=last["item"]["id"], step="1")
    assert "too plain" in found["item"]["body"]

    after = page.decide("take back", found)

    assert after["told"] == "taken back: reject"
    assert [card["verdict"] for card in forge.cards()] == ["pending", "accepted", "pending"]


def test_what_something_later_stands_on_is_not_taken_back(forge, page):
    guid = forge.cards()[0]["guid"]
    forge.ok("edit", guid, "--field", "Text", "A {{c1::cell}} divides.")
    forge.ok("edit", guid, "--field", "Text", "One {{c1::cell}} divides.")
    last = page.item(view="recent")
    after = page.decide("take back", page.item(view="recent", at=last["next"]))
    assert "changed since" in after["refused"]


def test_several_cards_decided_at_once_are_one(forge, page):
    forge.ok("accept", "--all")
    found = page.item(view="recent")
    assert (found["count"], found["item"]["title"]) == (1, "accepted: 3 cards")
    page.decide("take back", found)
    assert {card["verdict"] for card in forge.cards()} == {"pending"}


def test_a_rejected_card_is_brought_back_from_there(forge, page):
    guid = forge.cards()[0]["guid"]
    forge.ok("reject", guid)
    page.decide("restore", page.item(view="recent"), slot=guid)
    assert forge.cards()[0]["verdict"] == "pending"
