"""Filled sheets: what they come to, whoever filled them in and with what."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.ratings import Row, Tier, agreement, tier_of
from evaluation.sheet import NUMBERS

COLUMNS = [f"{number}_x" for number in NUMBERS]
GOOD = "11111111"


def sheet(path: Path, rows: dict[str, str], wanted: dict[str, str] | None = None) -> Path:
    """`rows`: item → its answers to 1 to 8 as signs, a blank for none."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["item", *COLUMNS, "card_wanted"])
    for item, answers in rows.items():
        writer.writerow([item, *(sign.strip() for sign in answers), ""])
    for item, answer in (wanted or {}).items():
        writer.writerow([item, *["-"] * 8, answer])
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def key(path: Path, items: dict[str, str], cards: dict[str, Any], passages: dict[str, Any]) -> Path:
    """`items`: item → card, or `@passage`."""
    told = {
        name: {"card": "" if what[0] == "@" else what, "passage": what.lstrip("@")}
        for name, what in items.items()
    }
    origin = {"drafter": "llm", "model": "m", "prompt": "cards@1"}
    made = {
        name: {"passage": name, "kind": "basic", "origin": origin, **more}
        for name, more in cards.items()
    }
    data = {"v": 1, "sheet": "s", "items": told, "cards": made, "passages": passages}
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.fixture
def rated(forge: Any) -> Callable[..., dict[str, Any]]:
    def call(*arguments: Any) -> dict[str, Any]:
        found: dict[str, Any] = forge.json("eval", "--rated", *arguments)
        return found

    return call


# --- tiers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "tier"),
    [
        ("11111111", Tier.READY),
        ("11110111", Tier.POLISH),
        ("11111110", Tier.POLISH),
        ("11110110", Tier.POLISH),
        ("01111111", Tier.REWRITE),
        ("11011111", Tier.REWRITE),
        ("11101110", Tier.REWRITE),
        ("11111101", Tier.REWRITE),
        ("10111111", Tier.OFF),
        ("11111011", Tier.OFF),
        ("00000000", Tier.OFF),
        ("1111111 ", None),
        (" 0      ", Tier.OFF),
    ],
)
def test_the_eight_answers_make_a_tier(answers, tier):
    said = {n: sign == "1" for n, sign in enumerate(answers, start=1) if sign != " "}
    assert tier_of(said) is tier


@given(st.dictionaries(st.sampled_from(NUMBERS), st.booleans()), st.sampled_from(NUMBERS))
def test_a_card_is_never_better_for_a_no(answers, number):
    before, after = tier_of({**answers, number: True}), tier_of({**answers, number: False})
    if before is not None:
        assert after is not None
        assert after.value <= before.value


def test_tiers_failures_and_shares_are_counted(forge, rated):
    rows = {"a-1": GOOD, "a-2": "11110111", "a-3": "01111111", "a-4": "10111111", "a-5": "1111    "}
    came = rated(sheet(forge.folder / "s.csv", rows))

    assert came["cards"] == {
        "rated": 4, "T3": 1, "T2": 1, "T1": 1, "T0": 1, "ready": 0.25, "usable": 0.5,
    }  # fmt: skip
    assert came["failures"]["5_short_not_leaked"] == {"failed": 1, "rated": 4, "share": 0.25}
    assert came["sheets"] == [
        {"file": "s.csv", "key": False, "items": 5, "rated": 4, "partly": 1, "blank": 0,
         "cards": came["cards"]},
    ]  # fmt: skip
    assert came["published"]["ready"] == 0.378


# --- the key --------------------------------------------------------------------------------


def test_coverage_origins_and_what_was_left_alone(forge, rated):
    passages = {
        "p1": {"deserves": True, "fate": "carded"},
        "p2": {"deserves": True, "fate": "carded"},
        "p3": {"deserves": True, "fate": "no_card"},
        "p4": {"deserves": False, "fate": "no_card"},
        "p5": {"deserves": False, "fate": "carded"},
        "p6": {"deserves": True, "fate": "failed"},
    }
    items = {"a-1": "p1", "a-2": "p2", "a-3": "p5", "a-4": "@p3", "a-5": "@p4"}
    warned = {"findings": [{"check": "leak_80", "severity": "warn"}]}
    key(forge.folder / "s.key.json", items, {"p1": {}, "p2": warned, "p5": {}}, passages)
    rows = {"a-1": GOOD, "a-2": "01111111", "a-3": "11111101"}
    path = sheet(forge.folder / "s.csv", rows, {"a-4": "1", "a-5": "0"})

    came = rated(path)

    [coverage] = came["coverage"]
    assert (coverage["deserving"], coverage["with_ready_card"]) == (3, 1)
    assert coverage["with_any_card"] == 2
    assert (coverage["undeserving"], coverage["left_alone"]) == (2, 1)
    assert coverage["missed_says_rater"] == 1
    assert came["by"]["origin"]["m · cards@1"]["rated"] == 3
    assert came["by"]["found"]["leak_80"]["ready"] == 0.0
    assert came["by"]["found"]["nothing"]["rated"] == 2


def test_without_labels_the_rater_says_who_deserves_one(forge, rated):
    passages = {name: {"fate": "carded"} for name in ("p1", "p2")} | {
        name: {"fate": "no_card"} for name in ("p3", "p4")
    }
    items = {"a-1": "p1", "a-2": "p2", "a-3": "@p3", "a-4": "@p4"}
    key(forge.folder / "s.key.json", items, {"p1": {}, "p2": {}}, passages)
    rows = {"a-1": GOOD, "a-2": "11111101"}

    [coverage] = rated(sheet(forge.folder / "s.csv", rows, {"a-3": "1", "a-4": "0"}))["coverage"]

    assert (coverage["deserving"], coverage["with_ready_card"]) == (2, 1)
    assert (coverage["undeserving"], coverage["left_alone"]) == (2, 1)


def test_blocked_cards_are_counted_apart(forge, rated):
    passages = {"p1": {"deserves": True, "fate": "blocked"}}
    key(forge.folder / "s.key.json", {"a-1": "p1"}, {"p1": {"blocked": True}}, passages)

    came = rated(sheet(forge.folder / "s.csv", {"a-1": GOOD}))

    assert came["cards"]["rated"] == 0
    assert came["blocked"]["ready"] == 1.0
    assert came["coverage"][0]["with_ready_card"] == 0


def test_a_card_that_comes_twice_counts_once_and_shows_agreement(forge, rated):
    items = {"a-1": "p1", "a-2": "p2", "a-3": "p1"}
    key(forge.folder / "s.key.json", items, {"p1": {}, "p2": {}}, {})
    rows = {"a-1": GOOD, "a-2": GOOD, "a-3": "01111111"}

    came = rated(sheet(forge.folder / "s.csv", rows))

    assert came["cards"]["rated"] == 2
    assert came["cards"]["T3"] == 2
    with_oneself = came["agreement"]["with_oneself"]
    assert with_oneself["cards"] == 1
    assert with_oneself["answers"] == {"pairs": 8, "same": 0.875, "kappa": 0.0}
    assert with_oneself["ready"]["same"] == 0.0


def test_two_raters_of_one_sheet_agree_or_not(forge, rated):
    key(forge.folder / "s.key.json", {"a-1": "p1", "a-2": "p2"}, {"p1": {}, "p2": {}}, {})
    one = sheet(forge.folder / "ann.csv", {"a-1": GOOD, "a-2": "00000000"})
    other = sheet(forge.folder / "bob (1).csv", {"a-1": GOOD, "a-2": "00000000"})

    came = rated(one, other)

    between = came["agreement"]["between_raters"]
    assert between["answers"] == {"pairs": 16, "same": 1.0, "kappa": 1.0}
    assert came["cards"]["rated"] == 4
    assert "agreement between raters, 2 cards" in forge.ok("eval", "--rated", one, other).stdout


def test_the_key_may_lie_elsewhere(forge, rated, tmp_path):
    where = key(tmp_path / "k.json", {"a-1": "p1"}, {"p1": {}}, {"p1": {"deserves": True}})
    path = sheet(forge.folder / "s.csv", {"a-1": GOOD})

    assert rated(path)["coverage"] == []
    assert rated(path, "--key", where)["coverage"][0]["with_ready_card"] == 1
    assert "no key was found" in forge.ok("eval", "--rated", path).stdout
    assert "is no key" in forge("eval", "--rated", path, "--key", path, code=2).stderr


# --- what spreadsheets make of it -----------------------------------------------------------


HEAD = "remark;8 well formed;7;6_on_target;5;4;3;2_correct;1_self_contained;item\r\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_sheet_from_a_german_excel_in_another_order(forge, rated, encoding):
    text = HEAD + 'schön;1;ja;1,0;"0";WAHR;y;x;yes;a-1\r\n;;;;;;;;;a-2\r\n;n;no;0;;;;1;1;a-3\r\n'
    (forge.folder / "s.csv").write_bytes(text.encode(encoding))

    came = rated("s.csv")

    assert came["cards"]["T2"] == 1
    assert came["cards"]["T0"] == 1
    assert came["sheets"][0]["blank"] == 1


def test_what_is_neither_0_nor_1_is_named_and_does_not_count(forge):
    path = sheet(forge.folder / "s.csv", {"a-1": "1111111m", "a-2": GOOD})

    done = forge("eval", "--rated", path, "--json", code=1)

    assert done.data["problems"][0]["where"] == "s.csv:2"
    assert done.data["sheets"][0]["partly"] == 1
    assert done.data["cards"]["rated"] == 1


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "item,1,2,3\na,1,1,1\n", "\0\0\0"])
def test_what_is_no_sheet_is_exit_2(forge, text):
    (forge.folder / "s.csv").write_text(text)
    assert "s.csv" in forge("eval", "--rated", "s.csv", code=2).stderr


# --- agreement ------------------------------------------------------------------------------


def test_kappa_is_cohens():
    """Worked by hand: 20 both yes, 15 both no, 5 and 10 apart: (0.7 − 0.5) / 0.5."""
    pairs = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    rows = [(Row("a", {1: one}), Row("a", {1: other})) for one, other in pairs]

    found = agreement(rows)

    assert found["criteria"]["1"] == {"pairs": 50, "same": 0.7, "kappa": 0.4}
    assert found["ready"] == {"pairs": 0, "same": None, "kappa": None}


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_kappa_lies_between_its_bounds_and_minds_no_order(pairs):
    there = [(Row("a", {3: one}), Row("a", {3: other})) for one, other in pairs]
    back = [(other, one) for one, other in there]

    found = agreement(there)["criteria"]["3"]

    assert found == agreement(back)["criteria"]["3"]
    assert found["kappa"] is None or -1 <= found["kappa"] <= 1
    if found["kappa"] == 1:
        assert all(one == other for one, other in pairs)
