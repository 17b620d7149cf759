"""`import`: another machine, or a ledger that was lost, learns what was decided."""

from pathlib import Path
from typing import Any

import pytest

NOTE = """Katze:::cat

What is the capital of France?::Paris

What is the capital city of France?::Paris

The ==mitochondrion== makes ==ATP==.

==This whole sentence is marked, and nothing in it is hidden.==
"""
SAME = ("guid", "kind", "verdict", "standing", "fields", "tags", "reason", "findings", "highlight")


@pytest.fixture
def decided(forge: Any, vault: Path) -> Any:
    """One of each decision."""
    (vault / "Cells.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    cards = {next(iter(one["fields"].values())): one for one in forge.cards()}
    katze, france = cards["Katze"]["guid"], cards["What is the capital of France?"]["guid"]
    forge.ok("accept", katze)
    forge.ok("edit", france, "--field", "Back", "Paris, on the Seine")
    forge.ok("reject", next(v["guid"] for k, v in cards.items() if "mito" in k), "--reason", "x")
    without = forge.ok("list", "--no-card", "--json").lines
    [bare] = [one for one in without if "whole sentence" in one["exact"]]
    forge.ok("reject", bare["key"])
    [twin] = [one for one in forge.cards() if "duplicate" in str(one["findings"])]
    forge.ok("distinct", twin["guid"])
    return forge


def told(forge: Any) -> dict[str, dict[str, Any]]:
    return {one["guid"]: {name: one[name] for name in SAME} for one in forge.cards()}


@pytest.mark.parametrize("first", ["run", "import"])
def test_another_machine_learns_all_that_was_decided(decided, forge_in, vault, tmp_path, first):
    decided.ok("export", tmp_path / "all.jsonl")
    there = forge_in(tmp_path / "there")
    if first == "run":
        there.ok("run", vault, "--accept", "review")
    brought = there.json("import", tmp_path / "all.jsonl")
    assert brought["decisions"] == 5
    assert brought["problems"] == brought["kept"] == []
    there.ok("run", vault, "--accept", "review")
    assert told(there) == told(decided)
    fates = [one.json("run", vault, "--accept", "review")["fates"] for one in (decided, there)]
    assert fates[0] == fates[1]

    again = there.json("import", tmp_path / "all.jsonl")
    assert again["decisions"] == 0
    before = (there.home / "journal.jsonl").read_bytes()
    there.ok("import", tmp_path / "all.jsonl")
    assert (there.home / "journal.jsonl").read_bytes() == before
    assert told(there) == told(decided)


@pytest.mark.parametrize("first", ["run", "import"])
def test_words_that_a_check_forbids_are_forbidden_there_too(
    forge, forge_in, vault, tmp_path, first
):
    (vault / "Cells.md").write_text("The ==mitochondrion== makes ==ATP==.\n", encoding="utf-8")
    forge.ok("run", vault)
    [card] = forge.cards()
    forge.ok("edit", card["guid"], "--field", "Text", "Nothing is hidden {{c1::}}")
    forge.ok("export", tmp_path / "all.jsonl")
    there = forge_in(tmp_path / "there")
    if first == "run":
        there.ok("run", vault)
    there.ok("import", tmp_path / "all.jsonl")
    assert there.json("run", vault)["fates"]["blocked"] == 1
    assert told(there) == told(forge)


def test_a_damaged_line_is_named_by_its_number_and_the_rest_is_taken(
    decided, forge_in, vault, tmp_path
):
    file = tmp_path / "all.jsonl"
    decided.ok("export", file)
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([*lines[:3], lines[3][:40], *lines[3:]]), encoding="utf-8")
    there = forge_in(tmp_path / "there")
    there.ok("run", vault, "--accept", "review")
    came = there("import", file, code=1)
    assert f"{file}:4: not a line of an export" in came.stderr
    assert told(there) == told(decided)
    for cut in (lines[:-1], lines[:-6], [*lines[:-6], lines[-1]]):
        file.write_text("\n".join(cut) + "\n", encoding="utf-8")
        assert "cut short" in there("import", file, code=1).stderr
    (tmp_path / "x.txt").write_text("no export\n")
    there("import", tmp_path / "x.txt", code=2)
