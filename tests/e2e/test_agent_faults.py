"""Every kind of fault an agent can make, in every state of a highlight, over the real SDK."""

import json
from collections import Counter

import pytest

pytest.importorskip("mcp")

from benchmarks import agents


@pytest.mark.parametrize("state", agents.STATES)
def test_faults(forge, backend, state):
    """All faults once; where a card is there already, a few do."""
    faults = agents.FAULTS if state == "no card" else dict(list(agents.FAULTS.items())[::5])
    turns = agents.play(forge, state, backend, faults)

    refused = faults.keys() & agents.CRUDE if state in agents.TAKEN else faults
    assert [one for one in refused if turns.results[one] != "blocked"] == []

    assert not [one for one in turns.said if agents.SECRET in one]
    before = {one["guid"]: one for one in turns.before}
    after = {one["guid"]: one for one in turns.after}
    for guid, card in after.items():
        known = before.get(guid, {"verdict": "pending"})
        assert card["verdict"] == known["verdict"], card
        if guid in before and state != "own card waits":
            assert card["fields"] == known["fields"]
    assert before.keys() <= after.keys()
    live = [one for one in after.values() if one["standing"] == "live"]
    kept = Counter((one["highlight"], one["verdict"]) for one in live)
    assert set(kept.values()) <= {1}, json.dumps(live, indent=1)
