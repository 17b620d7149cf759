"""A few short histories of ordinary life, the same each time. `python -m tests.life` plays as many as you like."""

import os
from pathlib import Path

import pytest

from tests.life import year
from tests.life.history import lived

pytestmark = pytest.mark.slow

HISTORIES = [
    # seed, machines, with Anki, with the forms of a plug-in
    (2, "1", True, False),
    (3, "2", True, False),
    (7, "1", True, True),
]


@pytest.mark.parametrize(("seed", "machines", "anki", "plugin"), HISTORIES)
def test_nothing_is_doubled_lost_or_made_anew(request, seed, machines, anki, plugin):
    if anki:
        request.getfixturevalue("backend")  # skips where Anki is not installed
    report = lived(seed, machines, anki=anki, plugin=plugin, steps=4)
    assert report["edits"], report["log"]
    assert not report["wrong"], "\n".join(report["log"])


@pytest.mark.usefixtures("backend")
def test_a_year_on_two_computers_doubles_loses_and_forgets_nothing():
    """With `ANKIFORGE_VAULT`, a Git repository, it is the busiest year in its history."""
    vault = os.environ.get("ANKIFORGE_VAULT")
    report = year.live(year.measure(Path(vault)) if vault else year.WEEKS)
    assert (report["weeks"], report["wrong"]) == (52, []), "\n".join(report["log"])
    assert report["notes in Anki"] > 20
