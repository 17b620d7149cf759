"""A version of the program reads a journal that a newer one has written."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ankiforge
from tests.limits import PATIENCE

TOLD = "1 line is of a newer version of ankiforge, and has no effect here"


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """The program as it was before it knew that a card may be rejected."""
    folder = tmp_path_factory.mktemp("older")
    package = folder / "ankiforge"
    shutil.copytree(Path(ankiforge.__file__).parent, package)
    line = '    "reject": "content",\n'
    module = package / "ledger" / "journal.py"
    text = module.read_text(encoding="utf-8")
    assert line in text
    module.write_text(text.replace(line, ""), encoding="utf-8")

    def run(forge, *arguments):
        result = subprocess.run(
            [sys.executable, "-m", "ankiforge", *arguments, "--json"],
            cwd=forge.folder,
            env={**os.environ, **forge.environment, "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback" not in result.stderr, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    return run


@pytest.fixture
def two(forge_in, tmp_path):
    """Two computers with the same notes; the second has the journal of the first."""
    computers = []
    for name in ("newer", "older"):
        forge = forge_in(tmp_path / name)
        forge.name_machine(name)
        notes = forge.folder / "notes"
        notes.mkdir(parents=True)
        (notes / "a.md").write_text(
            "Katze:::cat\n\nThe {{c1::lens}} of the eye can change its thickness.\n"
        )
        forge.settings("sources: [obsidian: {name: notes, path: notes}]\n", trust=True)
        forge.ok("run")
        carry(computers[0] if computers else forge, forge)
        computers.append(forge)
    return computers


def carry(here, there):
    (there.folder / "journal").mkdir(exist_ok=True)
    for path in (here.folder / "journal").glob("newer*.jsonl"):
        if here is not there:
            shutil.copy(path, there.folder / "journal")


def test_what_only_a_newer_version_knows_is_told_and_read_after_the_upgrade(two, older):
    newer, other = two
    newer.ok("reject", id_of_lens(newer))
    carry(newer, other)

    for _ in range(2):  # each run says it
        [counts] = older(other, "run")
        assert [one["what"] for one in counts["problems"]] == [TOLD]
        assert "newest ankiforge" in counts["problems"][0]["hint"]
    [told] = [one for one in older(other, "doctor") if one["name"] == "ledger"]
    assert told["state"] == "warn"
    assert TOLD in told["says"]
    assert verdict(newer) == "rejected"

    [counts] = other.ok("run", "--json").lines
    assert counts["problems"] == []
    assert verdict(other) == "rejected"
    [told] = [
        one for one in other.ok("doctor", "--json").lines if one["name"] == "ledger"
    ]
    assert told["state"] == "ok"


@pytest.mark.slow
def test_what_an_older_version_decides_later_is_later(two, older):
    newer, other = two
    newer.ok("reject", id_of_lens(newer))
    carry(newer, other)
    older(other, "run")
    older(other, "edit", id_of_lens(other), "--field", "Extra", "It is in the eye.")

    lines = []
    for path in (other.folder / "journal").glob("*.jsonl"):
        lines += map(json.loads, path.read_text().splitlines())
    number = {line["what"]: line["n"] for line in sorted(lines, key=lambda one: one["n"])}
    assert number["edit"] > number["reject"]


@pytest.mark.slow
def test_a_line_that_only_the_database_has_is_written_again(two, older):
    newer, other = two
    newer.ok("reject", id_of_lens(newer))
    carry(newer, other)
    older(other, "run")
    [file] = (other.folder / "journal").glob("newer*.jsonl")
    file.unlink()
    older(other, "run")
    other.ok("run")
    assert verdict(other) == "rejected"


def lens(forge):
    [card] = [card for card in forge.cards() if "lens" in str(card["fields"])]
    return card


def id_of_lens(forge):
    return lens(forge)["id"]


def verdict(forge):
    return lens(forge)["verdict"]
