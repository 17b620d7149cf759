"""What is written for ever: every line of the journal of some histories, compared whole.

`make golden` writes the lines anew. Those that are in a person's journal keep their meaning for ever: read
every line of the diff.
"""

import importlib.util
import json
import os
import re
from pathlib import Path

import pytest

from ankiforge.ledger.journal import REQUIRED_KEYS
from tests.golden import histories

JOURNALS = Path(__file__).parent / "journals"
PLAYED = histories.read_histories()
WHOLE = (
    "one of everything, on two computers",
    "a conflict for the source, and undo twice",
    "a note is rewritten and renamed at once, and told apart",
    "a note of one short line is copied, and the first one deleted",
    "a picture that is away, and moved up, on a card that a person edited",
    "chosen passages on two computers",
    "deletions that are confirmed",
    "lines with colons are no cards, but cards without blanks and questions are",
    "tagged as retired in Anki after a person accepted it",
)
TIME = re.compile(
    r'(?<="at":)"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"|(?<="mod":)1[7-9]\d{8}(?=,)'
)
"""What the clock says: of the program; and of Anki, above which the next number of a note is."""
NOWHERE = {"adopt", "decline", "dialects", "repair"}
"""Kinds of events that no history writes."""


def written_at(name: str) -> Path:
    return JOURNALS / f"{name.replace(',', '').replace(' ', '-')}.jsonl"


def lines_of(folder: Path) -> list[str]:
    """What each machine wrote into its own file, without the time."""
    lines = []
    for path in sorted(folder.glob("*/desk/journal/*.jsonl")):
        if path.stem == path.parents[2].name:
            lines += path.read_text("utf-8").splitlines()
    return [TIME.sub('"TIME"', line) for line in lines]


@pytest.mark.parametrize("name", WHOLE)
def test_a_history_writes_its_journal_line_for_line_as_before(
    name, tmp_path, forge_in, fake
):
    if importlib.util.find_spec("anki") is None:
        pytest.skip("the anki wheel is not installed")
    came = histories.play(PLAYED[name], tmp_path, forge_in, fake)
    histories.assert_recorded(name, came)
    lines = lines_of(tmp_path)
    if os.environ.get("ANKIFORGE_GOLDEN"):
        JOURNALS.mkdir(exist_ok=True)
        written_at(name).write_text("\n".join(lines) + "\n", "utf-8")
    assert lines == written_at(name).read_text("utf-8").splitlines()


def test_each_kind_of_event_is_written_in_some_journal_or_named_as_missing():
    written = set()
    for name in WHOLE:
        for line in written_at(name).read_text("utf-8").splitlines():
            written.add(json.loads(line)["what"])
    assert written | NOWHERE == set(REQUIRED_KEYS)
    assert not written & NOWHERE
