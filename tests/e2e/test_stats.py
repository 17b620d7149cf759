"""`ankiforge stats`: what is known, what is not, and how it is told."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

CELLS = """# Cells

Katze:::cat

Hund:::dog

The ==mitochondrion== makes ==ATP==.

rank:: third in the row

worth:: two in the bush
"""
ALPHA = "Alpha is the first fact of them all."
BETA = "Beta comes second in the long row."


@pytest.fixture
def drafted(forge: Any, vault: Path) -> Any:
    """Three cards accepted, two that wait; Anki is nowhere."""
    (vault / "Cells.md").write_text(CELLS, encoding="utf-8")
    forge.ok("run", vault)
    return forge


def guid_of(forge: Any, word: str) -> str:
    return str(next(one["guid"] for one in forge.cards() if word in str(one["fields"])))


# --- what became of drafts --------------------------------------------------------------------


def test_every_draft_is_told_by_who_drew_it_and_what_became_of_it(drafted):
    drafted.ok("accept", guid_of(drafted, "third"))
    bush = guid_of(drafted, "bush")
    drafted.ok("edit", bush, "--field", "Back", "in the hand")
    drafted.ok("accept", bush)
    drafted.ok("reject", guid_of(drafted, "Hund"), "--reason", "too easy")

    told = drafted.json("stats")

    assert told["funnel"]["highlights"] == 5
    assert (told["funnel"]["drafts"], told["funnel"]["accepted"]) == (5, 4)
    assert (told["funnel"]["in_anki"], told["funnel"]["mature"]) == (0, 0)
    assert sum(told["funnel"]["fates"].values()) == 5
    assert sum(one["cards"] for one in told["drafting"]) == 5
    assert sum(one["accepted"] for one in told["drafting"]) == 4
    assert sum(one["by_policy"] + one["edited"] for one in told["drafting"]) == 2
    assert told["reasons"] == {"too easy": 1}
    [alone] = [one for one in told["drafting"] if one["rejected"]]
    assert alone["reasons"] == {"too easy": 1}


def test_what_is_not_known_is_said_with_the_command_that_helps_and_nothing_is_written(
    drafted, files
):
    before = files(drafted.home)
    told = drafted.json("stats")
    assert told["funnel"]["drafts"] == 5
    assert told["as_of"] is None
    assert told["load"] is None
    assert told["anki"]["retention"] is None
    assert any("ankiforge pull" in hint for hint in told["missing"])
    assert "ankiforge pull" in drafted.ok("stats").stdout
    assert files(drafted.home) == before


def test_cards_that_are_in_no_look_yet_are_told_apart_from_a_look_that_was_never_taken(
    drafted, backend
):
    with backend.opened(drafted.profile) as anki:
        anki.load(drafted.folder / "ankiforge.apkg")
    drafted.ok("pull")

    [hint] = drafted.json("stats")["missing"]
    assert "no answers yet" in hint
    assert drafted.json("stats")["anki"]["new"] == 6  # two cards a note


def test_only_what_is_asked_for_is_counted(drafted):
    assert drafted.json("stats", "kind:cloze")["funnel"]["drafts"] == 1
    assert drafted.json("stats", "--deck", "Reading")["funnel"]["drafts"] == 5
    assert drafted.json("stats", "--deck", "reading")["funnel"]["drafts"] == 5
    nothing = drafted.json("stats", "--deck", "Readin")
    assert (nothing["funnel"]["drafts"], len(nothing["missing"])) == (0, 1)
    assert "no card matches" in nothing["missing"][0]
    assert drafted.json("stats", "kind:cloze")["funnel"]["highlights"] is None
    assert drafted.json("stats", "--since", "2100-01-01")["drafting"] == []
    assert "nosuch" in drafted("stats", "nosuch:x", code=2).stderr
    drafted("stats", "--since", "yesterday", code=2)


# --- what it cost -----------------------------------------------------------------------------


@pytest.fixture
def paid(forge: Any, fake: Any) -> Any:
    """One request for each of two passages, ten tokens in and ten out; one card is rejected."""
    with fake.LlmServer() as server:
        _drafted(forge, server)
    [first, *_] = [one["guid"] for one in forge.cards()]
    forge.ok("reject", first)
    return forge


def _drafted(forge: Any, server: Any) -> None:
    llm = json.dumps({"base_url": server.base_url, "model": "m", "candidates": 1})
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Row.md").write_text(f"=={ALPHA}==\n\n=={BETA}==\n")
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\ndrafter: llm\n"
        f"llm: {llm}\nanki: {{collection: none}}\n"
    )
    forge.ok("run")
    forge.ok("accept", "--all")


def _price(forge):
    """Set a price for a million tokens in and out."""
    path = forge.folder / "ankiforge.yaml"
    text = path.read_text("utf-8").replace(
        '"model": "m"', '"model": "m", "price_usd": [1000, 3000]'
    )
    path.write_text(text, encoding="utf-8")


def test_a_kept_card_costs_what_all_replies_cost(paid):
    assert paid.json("stats")["cost"]["cost_usd"] == 0, "a model on this machine costs nothing"
    _price(paid)
    told = paid.json("stats")
    cost, [drawn] = told["cost"], told["drafting"]
    assert (cost["requests"], cost["tokens_in"], cost["tokens_out"]) == (2, 20, 20)
    assert cost["cost_usd"] == pytest.approx((20 * 1000 + 20 * 3000) / 1e6)
    assert (drawn["model"], drawn["cards"], drawn["accepted"]) == ("m", 2, 1)
    assert drawn["cost_per_accepted_usd"] == cost["cost_per_accepted_usd"] == cost["cost_usd"]
    assert "$0.08" in paid.ok("stats").stdout


def test_cards_of_one_reply_share_its_cost_equally(forge, fake):
    """Two cards come of the first reply, none of the second."""
    fronts = (("Which letter is the first fact?", "Alpha"), ("What is Alpha?", "first fact"))
    cards = [fake.card("1", ALPHA, *said, fact=str(n)) for n, said in enumerate(fronts, 1)]
    with fake.LlmServer() as server:
        server.queue += [fake.cards(*cards), fake.cards()]
        _drafted(forge, server)
    _price(forge)
    whole = forge.json("stats")["cost"]
    assert (whole["cost_usd"] > 0.07, whole["shared"]) == (True, False)

    part = forge.json("stats", "letter")

    assert part["funnel"]["drafts"] == 1
    assert (part["cost"]["requests"], part["cost"]["tokens_in"]) == (1, 5)
    assert (part["cost"]["cost_usd"], part["cost"]["shared"]) == (0.02, True)
    assert part["drafting"][0]["cost_usd"] == 0.02
    assert "1 reply, shared equally by their cards" in forge.ok("stats", "letter").stdout


def test_no_sum_is_made_up_where_a_price_is_not_known(paid):
    settings = paid.folder / "ankiforge.yaml"
    settings.write_text(settings.read_text().replace('"model": "m"', '"model": "other"'))

    told = paid.json("stats")

    assert told["cost"]["cost_usd"] is told["cost"]["cost_per_accepted_usd"] is None
    assert told["cost"]["unknown_prices"] == ["m"]
    assert any("llm.price_usd" in hint for hint in told["missing"])
    assert "price unknown" in paid.ok("stats").stdout


# --- how it is told ---------------------------------------------------------------------------


def test_a_terminal_of_eighty_columns_is_enough(forge, vault):
    long = "量子力学と一般相対性理論の長い長い長い長い題名の本" * 2
    for name in (long, "Short", "A title that goes on and on until nobody reads it any more, ever"):
        (vault / f"{name}.md").write_text(f"# {name}\n\n{name[:5]} one:::two\n", encoding="utf-8")
    forge.ok("run", vault)

    shown = forge.ok("stats").stdout

    assert max(map(_columns, shown.splitlines())) <= 80
    assert "\x1b" not in shown


def _columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)
