"""Words keep their card: what is read again, exchanged, joined or spelled otherwise is not lost or swapped."""

from pathlib import Path

COLUMNS = "Highlight,Book Title,Book Author,Location Type,Location\n"


def test_rows_of_a_readwise_book_belong_together_wherever_they_stand(forge, tmp_path: Path):
    rows = [
        "Osmosis moves water across a membrane.,Cells,Roe,location,30",
        "The Rhine is 1230 km long.,Rivers,Poe,location,5",
        "Mitosis divides the nucleus.,Cells,Roe,location,10",
        "The Main joins the Rhine.,Rivers,Poe,location,3",
        "Ribosomes make proteins.,CELLS,Roe,location,20",
    ]
    export = tmp_path / "readwise-data.csv"
    export.write_text(COLUMNS + "\n".join(rows) + "\n", "utf-8")
    first = forge.json("run", export)["highlights"]
    assert (first["seen"], first["new"]) == (5, 5)
    for turned in (rows, rows[::-1], [*rows[2:], *rows[:2]]):
        export.write_text(COLUMNS + "\n".join(turned) + "\n", "utf-8")
        again = forge.json("run", export)["highlights"]
        assert {name: again[name] for name in ("seen", "new", "changed", "gone")} == {
            "seen": 5, "new": 0, "changed": 0, "gone": 0,
        }  # fmt: skip
