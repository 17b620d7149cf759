"""Every way of making a card × everything that later happens at its source: `python -m tests.life.ways` prints the table."""

import pytest

from tests.life.ways import EVENTS, OTHER, ROWS, START, WAYS, live, play, put_new_fact

FAST = {
    ("chat", "fact"),
    ("chat", "deleted"),
    ("chat", "moved"),
    ("chat", "folder and deleted"),
    ("own", "fact"),
    ("question", "fact"),
    ("proposal", "both"),
    ("chosen", "fact"),
    ("chosen", "document"),
    ("chosen", "moved"),
    ("chosen", "both"),
    ("chosen", "folder"),
    ("chosen", "folder and deleted"),
    ("chosen, page", "deleted"),
    ("edited", "fact"),
}
"""The rows that `make test` plays."""


def _mark(way: str, event: str) -> object:
    marks = () if (way, event) in FAST else (pytest.mark.slow,)
    return pytest.param(way, event, marks=marks, id=f"{way} × {event}")


@pytest.mark.parametrize(("way", "event"), [_mark(*row) for row in ROWS])
def test_a_card_follows_its_source(request, tmp_path, way, event):
    needs = WAYS[way].needs
    if needs == "anki":
        request.getfixturevalue("backend")  # skips where Anki is not installed
    server = request.getfixturevalue("server") if needs == "server" else None
    _, faults = play(tmp_path, way, event, server)
    assert not faults, "\n".join(faults)


def test_the_table_is_complete():
    assert len(ROWS) >= 180
    assert {event for _, event in ROWS} == EVENTS.keys()


def test_chosen_passages_follow_their_folder_into_another_one_and_out_again(tmp_path):
    """Before the user names the new place, runs read the folders without these passages."""
    with live(tmp_path, "chosen") as person:
        person.write(START)
        person.run()
        person.way.make(person)
        outer = person.forge.folder / "outer"
        outer.mkdir()
        (outer / "rivers.md").write_text(f"=={OTHER}==\n")
        person.call("run", outer)

        for new_place in (outer / "notes", person.forge.folder / "moved"):
            person.sources = person.sources.rename(new_place)
            person.call("run")
            person.write(put_new_fact(person.written))
            person.call("run", new_place)
            person.call("run")
            [change] = [row for row in person.rows() if row.get("changes")]
            assert "20 times" in change["old_quote"]
            assert "40 times" in change["quote"]
            assert person.rows("finding:source_gone") == []
