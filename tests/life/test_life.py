"""A few short histories of ordinary life, the same each time. `python -m tests.life` plays as many as you like."""

import pytest

from tests.life.history import lived

pytestmark = pytest.mark.slow

HISTORIES = [
    # seed, machines, with Anki, with the forms of a plug-in
    (2, "1", True, False),
    (3, "2", True, False),
    (4, "1", True, True),
]


@pytest.mark.parametrize(("seed", "machines", "anki", "plugin"), HISTORIES)
def test_nothing_is_doubled_lost_or_made_anew(request, seed, machines, anki, plugin):
    if anki:
        request.getfixturevalue("backend")  # skips where Anki is not installed
    report = lived(seed, machines, anki=anki, plugin=plugin, steps=4)
    assert report["edits"], report["log"]
    assert not report["wrong"], "\n".join(report["log"])
