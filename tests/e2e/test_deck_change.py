"""Anki moves no card: a run says which ones stay when the deck files change."""


def test_a_change_of_the_deck_files_tells_once_which_cards_stay(forge):
    folder = forge.folder
    (folder / "notes").mkdir()
    (folder / "notes" / "Cells.md").write_text("Katze:::cat\n\nHund:::dog\n", encoding="utf-8")
    (folder / "ankiforge.yaml").write_text(
        "sources:\n  - obsidian: {name: notes, path: notes}\nanki: {collection: none}\n"
    )
    (folder / "decks").mkdir()
    (folder / "decks" / "all.yaml").write_text('deck: "Old::{title}"\n')
    assert "stay" not in forge.ok("run").stderr

    (folder / "decks" / "all.yaml").write_text('deck: "New::{title}"\n')
    said = forge.ok("run").stderr
    assert "2 cards stay in Old::Cells, although the deck files now say New::Cells" in said
    assert 'deck:"Old::Cells"' in said
    assert "stay" not in forge.ok("run").stderr
    assert {card["deck"] for card in forge.cards()} == {"Old::Cells"}
