"""`ankiforge repair FILE` on what the real Anki writes: all ways to export, and its own note types."""

from pathlib import Path

import pytest
from anki.collection import Collection, ExportAnkiPackageOptions

NOTES: tuple[tuple[str, dict[str, str]], ...] = (
    ("Basic", {"Front": "What is the capital of France?", "Back": "Paris"}),
    ("Basic", {"Front": "What lies beside it?", "Back": "<br>"}),
    (
        "Basic (and reversed card)",
        {"Front": "das Haus am See", "Back": "the house by the lake"},
    ),
    (
        "Basic (type in the answer)",
        {"Front": "What is the capital of Spain?", "Back": "Madrid"},
    ),
    ("Cloze", {"Text": "The {{c1::mitochondrion}} makes ATP in the {{c2::cell}}."}),
    ("Cloze", {"Text": r"Euler: \({{c1::e^{i\pi} }} = -1\) is famous."}),
)
BROKEN = "What lies beside it?"


@pytest.fixture
def exported(tmp_path: Path) -> dict[str, Path]:
    """The same notes as a collection, and as each kind of export."""
    places = {"collection": tmp_path / "profile" / "collection.anki2"}
    places["collection"].parent.mkdir()
    col = Collection(str(places["collection"]))
    for name, fields in NOTES:
        note = col.new_note(col.models.by_name(name))
        for field, text in fields.items():
            note[field] = text
        col.add_note(note, col.decks.id("Deck::Below"))
    for name, legacy in (("legacy", True), ("new", False)):
        places[name] = tmp_path / f"{name}.apkg"
        options = ExportAnkiPackageOptions(legacy=legacy, with_scheduling=True)
        col.export_anki_package(out_path=str(places[name]), options=options, limit=None)
    places["colpkg"] = tmp_path / "all.colpkg"
    col.export_collection_package(
        str(places["colpkg"]), include_media=False, legacy=False
    )
    return places


@pytest.mark.parametrize("kind", ["collection", "legacy", "new", "colpkg"])
def test_every_kind_of_file_shows_the_same_notes(forge, exported, kind):
    before = exported[kind].read_bytes()

    done = forge("repair", exported[kind], "--json", code=1)

    [line] = [one for one in done.lines if one["findings"][0]["severity"] == "block"]
    assert (line["front"], line["deck"]) == (BROKEN, "Deck::Below")
    assert "5 notes: 1 with errors" in forge("repair", exported[kind]).stdout
    assert exported[kind].read_bytes() == before
