"""Anki moves no card, so a change of the deck files leaves cards where they are."""


def test_a_change_of_the_deck_files_moves_no_card(forge):
    folder = forge.folder
    (folder / "notes").mkdir()
    note = folder / "notes" / "Cells.md"
    note.write_text("Katze:::cat\n", encoding="utf-8")
    (folder / "ankiforge.yaml").write_text(
        "sources:\n  - obsidian: {name: notes, path: notes}\nanki: {collection: none}\n"
    )
    (folder / "decks").mkdir()
    (folder / "decks" / "all.yaml").write_text('deck: "Old::{title}"\n')
    forge.ok("run")
    (folder / "decks" / "all.yaml").write_text('deck: "New::{title}"\n')
    note.write_text("Katze:::cat\n\nHund:::dog\n", encoding="utf-8")
    forge.ok("run")
    decks = {card["fields"]["Front"]: card["deck"] for card in forge.cards()}
    assert decks == {"Katze": "Old::Cells", "Hund": "New::Cells"}
