"""A vault with all that is not a plain note in UTF-8."""

from pathlib import Path

NOTES = {
    "Wörter/ä note.md": b"==Umlaute== im Pfad.\n",
    "Wörter/bild.png": b"",
    "crlf.md": "\ufeff---\r\ntitle: Windows\r\n---\r\n# Head\r\n\r\nA ==mark==\r\n".encode(),
    "broken yaml.md": b"---\ntitle: [a\n---\nStill ==read==.\n",
    "not utf-8.md": b"Caf\xe9 ==mark==\n",
    "no cards.md": b"---\ncards: false\n---\nAn ==answer== kept back.\n",
    "nothing.md": b"Nothing is marked here.\n",
    "large.md": b"==x== " * 400_000,
    "pictured.md": b"![[bild.png]] and ![x](W%C3%B6rter/bild.png) show ==it==.\n",
    "note.sync-conflict-20260101-120000-ABCDEFG.md": b"==twice==\n",
    "note (conflicted copy 2026-01-01).md": b"==twice==\n",
    "drawing.excalidraw.md": b"==drawn==\n",
    "Templates/daily.md": b"==template==\n",
    ".trash/old.md": b"==gone==\n",
    ".away.md.icloud": b"",
    "note.md~": b"==backup==\n",
}


def make(folder: Path) -> None:
    for name, content in NOTES.items():
        path = folder / "Vault" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
