"""What the journal and Anki bring back: lost lines, old backups, machines that ran apart."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ankiforge.ledger.journal import Entry, Journal
from ankiforge.model import Problem
from tests.golden import clock

Lines = list[bytes]
NOTE = (
    "What is A?::alpha one\n\nWhat is B?::beta two\n\nThe lens ==bends== light onto the retina.\n"
)

LOST: dict[str, Callable[[Lines], Lines] | None] = {
    "the file": None,
    "every line": lambda lines: [],
    "the last lines": lambda lines: lines[:4],
    "the first lines": lambda lines: lines[-2:],
    "some lines": lambda lines: lines[:3] + lines[6:],
    "a line, and not its length": lambda lines: [
        *lines[:3],
        b"#" * (len(lines[3]) - 1) + b"\n",
        *lines[4:],
    ],
    "half a line": lambda lines: [*lines[:5], lines[5][:40] + b"\n", *lines[6:]],
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_a_journal_that_lost_lines_is_completed_and_rebuilds_a_lost_ledger(forge, vault, lost):
    (vault / "a.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault)
    alpha, beta, lens = (guid_of(forge, word) for word in ("alpha", "beta", "lens"))
    forge.ok("reject", alpha)
    forge.ok("edit", beta, "--field", "Back", "a beta of mine")
    forge.ok("reject", lens)
    forge.ok("undo")
    before, journal = decided(forge), forge.home / "journal.jsonl"
    left = b"".join(lost(journal.read_bytes().splitlines(keepends=True))) if lost else b""
    journal.write_bytes(left) if lost else journal.unlink()

    problems = forge("run", vault, "--json").data["problems"]
    [notice] = [one for one in problems if one["notice"]]
    assert "written there again" in notice["what"]
    assert all("repair or delete the line" in one["hint"] for one in problems if one != notice)
    assert journal.read_bytes().startswith(left)
    assert not [one for one in forge("run", vault, "--json").data["problems"] if one["notice"]]
    shutil.rmtree(forge.home / ".ankiforge")
    forge("run", vault)
    assert decided(forge) == before


def guid_of(forge, word: str) -> str:
    [guid] = [card["guid"] for card in forge.cards() if word in str(card["fields"])]
    return guid


def decided(forge) -> dict[str, tuple]:
    """{guid: what was decided about the card, and its words}."""
    names = ("verdict", "standing", "accepted_by", "fields")
    return {card["guid"]: tuple(card[name] for name in names) for card in forge.cards()}


def with_anki(forge, anki, vault: str = "{obsidian: {name: notes, path: notes}}") -> Path:
    """Let a workspace read a vault of its own, and a collection; return the vault."""
    (forge.folder / "notes" / ".obsidian").mkdir(parents=True)
    forge.settings(f"sources: [{vault}]\nanki: {{collection: '{anki.col.path}'}}\n")
    return forge.folder / "notes"


# --- a lost ledger --------------------------------------------------------------------------

LAKE = "The Tanganyika basin holds ==19 thousand cubic kilometres== of water in an ordinary year.\n"


def test_a_lost_ledger_brings_back_what_a_person_made_of_passages_that_are_gone(
    forge, vault, no_waiting
):
    (vault / "Lake.md").write_text(LAKE, encoding="utf-8")
    (vault / "Other.md").write_text("Katze::cat\n", encoding="utf-8")
    (vault / "Stays.md").write_text("Hund::dog\n", encoding="utf-8")
    forge.ok("run", vault)
    [lake] = [card for card in forge.cards() if "basin" in str(card["fields"])]
    forge.ok("edit", lake["highlight"], "--field", "Front", "Which lake?", "--field", "Back", "It.")
    forge.ok("edit", guid_of(forge, "Katze"), "--field", "Back", "a cat of mine")
    before = decided(forge)
    for name in ("Lake.md", "Other.md"):
        (vault / name).rename(vault.parent / name)
    for _ in range(3):
        forge.ok("run", vault)
    shutil.rmtree(forge.home / ".ankiforge")
    for _ in range(3):
        forge.ok("run", vault)
    after = decided(forge)
    assert {guid_of(forge, "Which lake?"), guid_of(forge, "of mine")} <= after.keys()
    for name in ("Lake.md", "Other.md"):
        (vault.parent / name).rename(vault / name)
    forge.ok("run", vault)
    assert decided(forge) == before
    assert "source_" not in str([card["findings"] for card in forge.cards()])
    assert {card["revision"] for card in forge.cards()} == {None}


# --- two workspaces over one collection -----------------------------------------------------


@pytest.mark.parametrize("name", ["notes", "others"])
def test_a_workspace_takes_over_no_cards_of_another_one(forge, forge_in, anki, tmp_path, name):
    theirs = forge_in(tmp_path / "second")
    ours = with_anki(forge, anki)
    index = with_anki(theirs, anki, f"{{obsidian: {{name: {name}, path: notes}}}}") / "Index.md"
    (ours / "Index.md").write_text("What does the sun do to the sea?::It warms the top\n", "utf-8")
    forge.ok("run")
    anki.load(forge.folder / "ankiforge.apkg")
    index.write_text("What does the moon do to the tides?::It raises them twice a day\n", "utf-8")
    assert theirs.json("run")["notes"]["added"] == 1
    anki.load(theirs.folder / "ankiforge.apkg")
    with (ours / "Index.md").open("a", encoding="utf-8") as file:
        file.write("\nWhat is a neap tide like?::It is low\n")
    forge.ok("run")
    assert [len(forge.cards()), len(theirs.cards())] == [2, 1]
    assert {card["verdict"] for card in (*forge.cards(), *theirs.cards())} == {"accepted"}


# --- a lost ledger, and the journal in any order --------------------------------------------

TOWNS = """\
What was founded at the northern ford in the year 1204?::Lorast

In 1304 the old bridge over the Zwee was known to carry ==two thousand carts== in all.

The market of Zovel is known to have held ==4,440 tons== of grain in the dry years.

What is the highest tower of Zubar?::The tower of the weavers
"""
OTHER = "What is the harbour of Zemel famous for?::Its amber cranes"
IN_ANY_ORDER: dict[str, Callable[[Lines], Lines]] = {
    "as written": lambda lines: lines,
    "reversed": lambda lines: lines[::-1],
    "sorted": sorted,
    "twice": lambda lines: lines * 2,
}


@pytest.mark.parametrize("order", IN_ANY_ORDER.values(), ids=IN_ANY_ORDER)
def test_a_lost_ledger_rebuilt_from_a_journal_in_any_order_has_the_same_cards(forge, anki, order):
    notes, passed = with_anki(forge, anki), iter(range(0, 6_000, 60))

    def run() -> None:
        with clock.ahead(next(passed)):
            forge.ok("run")

    towns, weirs = notes / "Towns.md", notes / "Weirs.md"
    towns.write_text(TOWNS, encoding="utf-8")
    weirs.write_text("What did the weir of Zulun hold back?::The spring floods\n", "utf-8")
    run()
    anki.load(forge.folder / "ankiforge.apkg")
    weirs.unlink()
    run()
    text = TOWNS.replace("the Zwee", "the Dolm")  # waits as a revision
    for name in ("Old towns.md", "Towns of old.md"):
        towns = towns.rename(notes / name)
        towns.write_text(text, encoding="utf-8")
        run()
        anki.load(forge.folder / "ankiforge.apkg")
        text = text.replace("4,440", "4,441")  # a correction; the second is not loaded
    text = text.replace(TOWNS.splitlines()[-1], OTHER)
    towns.write_text(text, encoding="utf-8")
    run()
    run()
    before = told(forge)
    assert [card["revision"] for card in before.values()].count(None) == len(before) - 1
    assert sum(bool(card["replaced_by"]) for card in before.values()) == 1
    journal = forge.folder / "journal.jsonl"
    journal.write_bytes(b"".join(order(journal.read_bytes().splitlines(keepends=True))))
    shutil.rmtree(forge.folder / ".ankiforge")
    run()
    run()
    assert told(forge) == before


def test_a_journal_that_was_changed_from_outside_is_read_once(forge, vault, monkeypatch):
    (vault / "a.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault)
    read, times = Journal.read, list[Journal]()

    def counted(journal: Journal) -> Iterator[Entry | Problem]:
        times.append(journal)
        return read(journal)

    monkeypatch.setattr(Journal, "read", counted)
    path = next(forge.home.parent.rglob("journal.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(reversed(lines)))
    before = told(forge)
    times.clear()
    forge.ok("run", vault)
    assert len(times) == 1
    assert told(forge) == before


@pytest.mark.parametrize(
    ("word", "damage"), [(b"CREATE TABLE sc", b"\0"), (b'"quote":', b"\xff"), (b'"quote":', b"}")]
)
def test_a_damaged_ledger_says_what_to_do_and_is_rebuilt(forge, vault, word, damage):
    (vault / "a.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault)
    before, ledger = told(forge), forge.home / ".ankiforge" / "ledger.db"
    said = bytearray(ledger.read_bytes())
    at = said.index(word)
    page = at - at % 4096
    start, end = (page, page + 4096) if damage == b"\0" else (at, at + 4)
    said[start:end] = damage * (end - start)
    ledger.write_bytes(said)
    assert "move ledger.db aside" in forge("list", "--all", code=4).stderr
    ledger.rename(ledger.with_name("ledger.damaged"))
    forge.ok("run", vault)
    assert told(forge) == before


def told(forge) -> dict[str, dict]:
    """What `list` tells of each card, but for ids of its drafts and who made them."""
    found = {}
    for card in forge.cards():
        revision = card["revision"] and card["revision"]["fields"]
        findings = sorted(one["check"] for one in card["findings"])
        names = (
            "verdict standing fields anki anki_why tags title highlight document reason waits also"
            " replaced_by instead_of conflicts deck kind accepted_by"
        )
        found[card["guid"]] = {name: card[name] for name in names.split()}
        found[card["guid"]] |= {"revision": revision, "findings": findings}
    return found
