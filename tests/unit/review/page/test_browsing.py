"""Going through the lists: in order, nothing twice, nothing lost, whoever else decides meanwhile."""

import pytest

from ankiforge.ledger.cards import Cards


@pytest.fixture
def page(forge, notes, client):
    forge.ok("run", notes, "--accept", "review")
    return client()


def ids_of(page, view: str, step: str = "1") -> list[str]:
    """All items of a view, one step after another."""
    found, seen = page.item(view=view), []
    while found["item"] and found["item"]["id"] not in seen:
        seen.append(found["item"]["id"])
        found = page.item(view=view, at=seen[-1], step=step)
    return seen


def test_every_pending_card_is_reached_once_in_the_order_of_reading(forge, page):
    assert ids_of(page, "pending") == [card["guid"] for card in forge.cards()]


def test_at_the_ends_one_stays(page):
    first, *_, last = ids_of(page, "pending")
    assert page.item(view="pending", at=last, step="1")["item"]["id"] == last
    assert page.item(view="pending", at=first, step="-1")["item"]["id"] == first


def test_what_is_skipped_is_counted_and_comes_again_at_the_end(page):
    first, second, third = ids_of(page, "pending")
    found = page.item(view="pending", at=first, step="skip")
    assert (found["item"]["id"], found["skipped"]) == (second, 1)
    found = page.decide("accept", found)
    assert found["item"]["id"] == third
    found = page.decide("accept", found)
    assert (found["item"]["id"], found["count"]) == (first, 1)
    assert page.decide("accept", found)["skipped"] == 0


def test_a_card_that_the_terminal_settles_while_it_is_shown_is_no_jump_to_the_start(forge, page):
    first, second, third = ids_of(page, "pending")
    forge.ok("reject", second)
    page.views(view="pending")
    assert page.item(view="pending", at=second, step="1")["item"]["id"] == third
    found = page.item(view="pending", at=first)
    assert (found["count"], found["next"]) == (2, third)


def test_the_next_highlight_is_one_key_away(page):
    first, second, _ = ids_of(page, "pending")
    assert page.item(view="pending", at=first, step="group")["item"]["id"] == second


def test_an_empty_view_says_where_there_is_more(page):
    found = page.item(view="conflicts")
    assert found["item"] is None
    assert found["more"] == [{"view": "decide", "title": "To decide", "count": 3}]


def test_views_are_told_anew_only_when_something_changed(forge, page):
    before = page.views(view="pending")
    assert page.views(view="pending") == before
    forge.ok("accept", page.item(view="pending")["item"]["id"])
    after = page.views(view="pending")
    assert (before["views"]["pending"], after["views"]["pending"]) == (3, 2)
    assert after["changed"] != before["changed"]


def test_the_numbers_alone_are_told_without_reading_a_card(page, monkeypatch):
    whole = page.views(view="pending")
    monkeypatch.setattr(Cards, "several", None)
    assert page.views(view="pending", facets="no") == {"views": whole["views"]}


def test_this_run_holds_what_it_drew_whatever_became_of_it(forge, page):
    guids = ids_of(page, "run")
    found = page.item(view="run")
    after = page.decide("reject", found)
    assert after["item"]["id"] == guids[1]
    assert ids_of(page, "run") == guids
    keys = {act["what"] for act in page.item(view="run", at=guids[0])["item"]["acts"]}
    assert keys == {"restore"}


def test_where_nothing_was_read_it_is_said_how_one_begins(client):
    assert "ankiforge run PATH" in client().item(view="passages")["empty"]
