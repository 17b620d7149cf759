"""Filters: the query of `list`, facets that add to it, two looks of the page's own, many at once."""

import pytest

NUMBERS = "The ==mitochondrion== has 2 membranes.\n\nEvery ==muscle== needs oxygen.\n"


@pytest.fixture
def page(forge, notes, client):
    (notes / "powerhouse.md").write_text(NUMBERS)
    forge.ok("run", notes, "--accept", "review")
    return client()


def count(page, view: str = "pending", **asked: str) -> int:
    return page.item(view=view, **asked)["count"]


def facet(told, title: str) -> dict:
    [found] = [one for one in told["facets"] if one["title"] == title]
    return {value["label"]: value for value in found["values"]}


def test_a_query_narrows_every_view_as_it_does_list(page, forge):
    assert count(page, query="document:powerhouse") == len(forge.cards("document:powerhouse")) == 2
    assert count(page, "run", query="nucleus") == 1
    assert page.views(view="pending", query="nucleus")["views"]["pending"] == 1
    assert page.item(view="pending", query="document:nowhere")["empty"].startswith("None of the 5")


def test_a_query_that_cannot_be_read_is_answered_with_what_to_do(page):
    answer = page.get("/api/item", view="pending", query="colours:red")
    assert answer.status_code == 409
    assert "fields: deck" in answer.json["hint"]


def test_a_facet_adds_a_term_and_takes_it_away_again(page):
    told = page.views(view="pending")
    chosen = facet(told, "Document")["powerhouse"]
    assert (chosen["count"], chosen["on"]) == (2, False)
    narrowed = page.views(view="pending", query=chosen["query"])
    assert narrowed["views"]["pending"] == 2
    taken = facet(narrowed, "Document")["powerhouse"]
    assert (taken["on"], taken["query"]) == (True, "")


def test_only_with_numbers(page):
    assert (count(page, numbers="yes"), count(page)) == (1, 5)
    told = page.views(view="pending")
    assert {one["name"]: one["count"] for one in told["toggles"]} == {"unverified": 0, "numbers": 1}


def test_a_card_that_no_longer_fits_leaves_the_list(page):
    found = page.item(view="run", query="verdict:pending")
    after = page.decide("accept", found, query="verdict:pending")
    assert (after["count"], after["item"]["id"]) == (4, found["next"])


def test_what_a_run_has_changed_is_seen_by_a_filter_after_the_counts_are_asked(page, forge, notes):
    page.decide("accept", page.item(view="pending"))
    assert page.views(view="pending", query="oxygen")["views"]["pending"] == 1
    (notes / "powerhouse.md").write_text(NUMBERS.replace("needs oxygen", "needs sugar"))
    forge.ok("run", notes, "--accept", "review")
    assert page.views(view="pending", query="oxygen")["views"]["pending"] == 0
    assert count(page, query="sugar") == 1


@pytest.fixture
def doubted(forge, fake, client):
    """A page with one card whose number the source does not have."""
    passage = "The mitochondrion has two membranes."
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "cell.md").write_text(f"=={passage}==\n")
    with fake.LlmServer() as model:
        forge.settings(
            "sources: [{obsidian: {name: notes, path: notes}}]\ndrafter: llm\n"
            f"llm: {{base_url: {model.base_url}, model: fake-1, candidates: 1}}\n"
            "accept: {llm: review}\nanki: {collection: none}\n"
        )
        drawn = fake.card("1", passage, "How many membranes has the mitochondrion?", "seven")
        model.queue.extend([fake.cards(drawn)] * 2)
        forge("run")
    return client()


def test_a_card_that_its_source_does_not_say_is_found_and_accepted_only_by_a_typed_word(
    doubted, forge
):
    found = doubted.item(view="pending", unverified="yes")
    assert doubted.item(view="findings")["item"]["id"] == found["item"]["id"]
    [act] = [act for act in found["item"]["acts"] if act["what"] == "accept"]
    assert act["needs"]
    assert "not typed" in doubted.decide("accept", found, words="yes", **act["args"])["refused"]
    doubted.decide("accept", found, words="force", **act["args"])
    assert [card["verdict"] for card in forge.cards()] == ["accepted"]


# --- many at once ---------------------------------------------------------------------------


def bulk(found) -> list:
    return [act for act in found["item"]["acts"] if act["what"] == "accept all"]


def test_many_are_accepted_at_once_only_within_a_filter_and_by_their_number(page, forge):
    assert bulk(page.item(view="pending")) == []
    found = page.item(view="pending", query="document:powerhouse")
    [act] = bulk(found)
    assert act["needs"]
    assert "Type 2" in act["asks"]
    assert page.decide("accept all", found, query="document:powerhouse", words="4")["refused"]
    after = page.decide("accept all", found, query="document:powerhouse", words="2")
    assert (after["told"], after["item"]) == ("2 cards accepted", None)
    assert after["pace"]["made"] == {"accept all": 2}
    assert sorted(card["verdict"] for card in forge.cards()) == ["accepted"] * 2 + ["pending"] * 3

    undone = page.decide("undo")
    assert undone["item"]["id"] == found["item"]["id"]
    assert undone["pace"]["made"] == {}
    assert {card["verdict"] for card in forge.cards()} == {"pending"}


def test_all_cards_like_one_are_rejected_and_come_back_with_one_undo(page, forge):
    found = page.item(view="pending")
    [act] = [act for act in found["item"]["acts"] if act["what"] == "reject all"]
    assert "rejects every waiting card from notes drafted by rules" in act["asks"]
    after = page.decide("reject all", found, words="no")
    assert (after["told"], after["count"]) == ("5 cards rejected", 0)
    assert {(card["verdict"], card["reason"]) for card in forge.cards()} == {("rejected", "no")}
    page.decide("undo")
    assert {card["verdict"] for card in forge.cards()} == {"pending"}


def test_the_counter_tells_what_stands_and_what_was_taken_back_of_an_earlier_visit(page, forge):
    forge.ok("reject", page.item(view="pending")["item"]["id"])
    for what in ("accept", "reject", "accept"):
        found = page.decide(what, page.item(view="pending"))
    assert found["pace"]["made"] == {"accept": 2, "reject": 1}
    assert page.decide("undo")["pace"]["made"] == {"accept": 1, "reject": 1}
    page.decide("undo")
    assert page.decide("undo")["pace"]["made"] == {}
    assert page.decide("undo")["pace"]["made"] == {"undo": 1}


def test_passages_without_a_card_fit_what_is_said_of_passages(forge, notes, client):
    forge.ok("run", notes, "--accept", "review")
    for card in forge.cards():
        forge.ok("accept", card["guid"])
    (notes / "c.md").write_text("==It.==\n")
    forge.ok("run", notes)
    page = client()
    assert count(page, "passages", query="document:c") == count(page, "passages") == 1
    assert "Only a card can match kind:" in page.item(view="passages", query="kind:basic")["empty"]
