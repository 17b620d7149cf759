"""Passages that another tool may have put into the real Anki: they carry its note's id."""

import json
from pathlib import Path
from typing import Any


def added(anki: Any, front: str) -> int:
    """The id of a note that another tool adds."""
    note = anki.col.new_note(anki.col.models.by_name("Basic"))
    note["Front"], note["Back"] = front, "as it is there"
    anki.col.add_note(note, anki.col.decks.id("Default"))
    return int(note.id)


def vault(forge: Any, **notes: str) -> Path:
    folder = Path(forge.folder) / "vault"
    (folder / ".obsidian").mkdir(parents=True, exist_ok=True)
    for name, text in notes.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


def workspace(forge: Any, collection: str = "auto", *dialects: str) -> None:
    source = {"name": "notes", "path": "vault", "cards": ["inline", "cloze", *dialects]}
    settings = {"sources": [{"obsidian": source}], "anki": {"collection": collection}}
    Path(forge.folder, "ankiforge.yaml").write_text(json.dumps(settings), encoding="utf-8")


WAITS = "another tool may have put it into Anki as note {}"


def findings(card: dict[str, Any]) -> list[str]:
    return [f["message"] for f in card["findings"] if f["check"] == "other_note"]


def test_what_was_not_seen_in_anki_waits_with_a_warning(forge, anki):
    there = added(anki, "one")
    vault(forge, own=f"first::one ^{there + 1}\n")
    workspace(forge)

    forge.ok("run")

    (card,) = forge.cards()
    assert card["verdict"] == "pending"
    assert findings(card) == [WAITS.format(there + 1)]


def test_without_a_look_at_anki_it_waits(forge, anki):
    vault(forge, own=f"first::one ^{added(anki, 'one')}\n")
    workspace(forge, "none")

    forge.ok("run")

    (card,) = forge.cards()
    assert card["verdict"] == "pending"
    assert len(findings(card)) == 1
