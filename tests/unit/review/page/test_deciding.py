"""Decisions through the page's server: stored at once, stale ones refused, undone anywhere."""

import pytest


@pytest.fixture
def page(forge, notes, client):
    forge.ok("run", notes, "--accept", "review")
    return client()


def test_a_decision_is_stored_and_the_next_card_is_shown(forge, page):
    first = page.item(view="pending")
    after = page.decide("accept", first)

    assert after["told"] == "accepted"
    assert after["item"]["id"] == first["next"]
    assert [card["verdict"] for card in forge.cards()] == ["accepted", "pending", "pending"]


def test_a_decision_about_what_was_changed_meanwhile_is_refused_and_shown(forge, page):
    first = page.item(view="pending")
    forge.ok("edit", first["item"]["id"], "--field", "Text", "A {{c1::cell}} divides.")
    after = page.decide("reject", first)

    assert "changed in the meantime" in after["refused"]
    assert after["item"]["id"] == first["item"]["id"]
    assert {card["verdict"] for card in forge.cards()} == {"pending"}


def test_undo_takes_back_what_the_terminal_decided(forge, page):
    guid = page.item(view="pending")["item"]["id"]
    forge.ok("reject", guid)
    after = page.decide("undo")

    assert after["item"]["id"] == guid
    assert {card["verdict"] for card in forge.cards()} == {"pending"}


def test_a_decision_with_the_card_after_it_takes_at_most_fifteen_statements(page):
    first, run = page.item(view="pending"), list[str]()
    page.service.ledger._db.set_trace_callback(run.append)
    after = page.decide("accept", first)
    page.service.ledger._db.set_trace_callback(None)
    run = [one for one in run if not one.startswith(("BEGIN", "COMMIT"))]

    assert after["item"]["id"] == first["next"]
    assert len(run) <= 15, "\n".join(run)
