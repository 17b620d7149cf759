"""What lies in a folder and no source reads: told once, by kind and number."""

from pathlib import Path

import pytest

NOTE = "The ==pancreas== makes insulin.\n"
OTHER_FILES = {
    "note.md": "The ==liver== makes bile.\n",
    "My Clippings.txt": (
        "A Book (Ann Author)\n- Your Highlight on page 3 | Location 40-41"
        " | Added on Monday, 1 January 2024 10:00:00\n\nThe liver makes bile.\n==========\n"
    ),
}


def vault(folder: Path) -> Path:
    root = folder / "V"
    for name in (".obsidian", ".git", ".old", "Book.sdr", "node_modules/x", "deep"):
        (root / name).mkdir(parents=True)
    (root / "note.md").write_text(NOTE)
    for name in (
        "a.epub deep/b.EPUB c.docx d.png deep/e.jpg f.mp4 g.excalidraw.md .h.md.icloud LICENSE i.py"
        " .gitignore .old/j.epub .git/k.epub Book.sdr/metadata.epub.lua node_modules/x/l.html"
    ).split():
        (root / name).write_text("words")
    return root


def told(result) -> list[str]:
    return [line for line in result.stderr.splitlines() if "not read" in line]


TOLD = "note: V: not read: 2 .epub, 1 .docx, 1 file not downloaded from iCloud, 1 KOReader folder"


def test_what_is_left_out_is_told_once_and_again_when_there_is_another_kind(
    forge, tmp_path
):
    root = vault(tmp_path)
    assert told(forge.ok("run", root)) == [TOLD]
    assert told(forge.ok("run")) == []
    (root / "more.epub").write_text("words")
    assert told(forge.ok("run")) == []
    (root / "new.azw3").write_text("words")
    [line] = told(forge.ok("run"))
    assert "3 .epub, 1 .azw3, 1 .docx" in line

    status = forge.ok("status").stdout
    assert f"not read   {root}: 3 .epub, 1 .azw3" in status
    assert list(forge.json("status")["not_read"]) == [str(root)]


def test_pictures_that_notes_may_show_are_not_told(forge, tmp_path):
    root = tmp_path / "things"
    root.mkdir()
    (root / "note.md").write_text(NOTE)
    (root / "a.png").touch()
    assert told(forge.ok("run", root)) == []


def test_what_another_source_reads_is_not_left_out(forge, tmp_path):
    root = tmp_path / "things"
    root.mkdir()
    (root / "note.md").write_text(NOTE)
    (root / "a.csv").write_text("Highlight,Book Title\nA word here.,Book\n")
    (root / "b.opml").write_text("words")
    assert told(forge.ok("run", root)) == ["note: things: not read: 1 .opml"]


def test_nothing_is_told_of_a_file_or_of_what_settings_exclude(forge, tmp_path):
    root = vault(tmp_path)
    assert told(forge.ok("run", root / "note.md")) == []
    (root / "Templates").mkdir()
    (root / "Templates" / "t.md").write_text(NOTE)
    forge.settings(f"sources: [{{obsidian: {{path: {root}, exclude: [Templates/]}}}}]")
    assert told(forge.ok("run", "--yes")) == [TOLD]


def test_a_folder_with_nothing_to_read_says_what_it_holds(forge, tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    for name in ("a.mobi", "b.mobi", "c.png"):
        (books / name).write_text("words")
    refused = forge("run", books, code=2).stderr
    assert "nothing here that can be read; it holds 2 .mobi" in refused


def test_an_empty_file_is_left_out_because_it_is_empty(forge, tmp_path):
    root = tmp_path / "things"
    root.mkdir()
    (root / "note.md").write_text(NOTE)
    for name in ("My Clippings.txt", "x.epub", "y.docx"):
        (root / name).touch()
    assert told(forge.ok("run", root)) == ["note: things: not read: 3 empty files"]
    lines = forge.ok("list", "--no-card", "--all", "--json").lines
    assert [(line["kind"], line["reason"]) for line in lines] == [
        ("empty file", "3 such files here, which are empty")
    ]


def test_files_in_icloud_and_folders_of_koreader_are_listed_with_what_to_do(
    forge, tmp_path
):
    root = vault(tmp_path)
    forge.ok("run", root)
    lines = forge.ok("list", "--no-card", "--all", "--json").lines
    reasons = {line["kind"]: line["reason"] for line in lines}
    assert "download them in the Finder" in reasons[".icloud"]
    assert "name its file .lua" in reasons[".sdr"]


def test_what_is_told_only_once_is_told_however_much_fails(forge, tmp_path):
    root = tmp_path / "things"
    root.mkdir()
    (root / "note.md").write_text(NOTE)
    (root / "a.docx").write_text("words")
    for number in range(5):
        (root / f"{number}.md").write_bytes(b"caf" * number + b"\xe9")
    result = forge("run", root, code=1)
    assert "more problems; -v names all" in result.stderr
    assert told(result) == ["note: things: not read: 1 .docx"]


def test_drawings_and_templates_are_listed_once_by_their_folder(forge, tmp_path):
    root = vault(tmp_path)
    (root / ".obsidian" / "templates.json").write_text('{"folder": "T"}')
    (root / "T").mkdir()
    for name in ("T/a.md", "T/b.md", "T/c.excalidraw.md"):
        (root / name).write_text(NOTE)
    forge.ok("run", root)
    lines = forge.ok("list", "--no-card", "--all", "--json").lines
    assert [line["reason"] for line in lines if line["kind"] == "notes"] == [
        "1 note: drawings of Excalidraw are not read",  # in the vault itself
        "1 note: drawings of Excalidraw are not read",  # in T
        "2 notes: they are templates of a plug-in",
    ]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Peat is dead moss.[1](https://a.org/b#ref1)", "Peat is dead moss."),
        ("Peat is [\\[2\\]](https://a.org/b#cite_note-2) dead moss.", "Peat is dead moss."),
        ("Peat[[9\\]](https://a.org/wiki/Peat#cite_note-9) is moss.", "Peat is moss."),
        ("Peat is dead moss.[a](#fn-a)", "Peat is dead moss."),
        ("Peat is dead moss.[edit]", "Peat is dead moss."),
        ("Peat is dead moss [2](https://a.org/b).", "Peat is dead moss [2](https://a.org/b)."),
        ("Peat is [moss](#fn1) and [edit] is a word.", "Peat is moss and [edit] is a word."),
    ],
)  # fmt: skip
def test_numbers_of_notes_in_a_clip_of_wikipedia_are_left_out(
    forge, tmp_path, written, shown
):
    root = vault(tmp_path)
    (root / "clip.md").write_text(f"What is it?::{written}\n")
    forge.ok("run", root)
    backs = [card["fields"].get("Back") for card in forge.cards()]
    assert shown in [back and " ".join(back.split()) for back in backs], backs


def test_excluded_files_of_obsidian_are_not_read_and_listed_by_their_folder(
    forge, tmp_path
):
    root = vault(tmp_path)
    for name in (
        "Attic/a.md",
        "Attic/old/b.md",
        "Attics/c.md",
        "Alone.md",
        "Top/Attic/d.md",
    ):
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(f"What is in {name}?::A fact\n")
    settings = '{"userIgnoreFilters": ["Attic/", "Alone.md", "/.*Top.*/", 3, ""]}'
    (root / ".obsidian" / "app.json").write_text(settings)
    forge.ok("run", root)
    fronts = {card["fields"].get("Front") for card in forge.cards()} - {None}
    assert {"What is in Attics/c.md?", "What is in Top/Attic/d.md?"} <= fronts
    assert not any("Attic/" in front and "Top" not in front for front in fronts)
    assert "What is in Alone.md?" not in fronts
    lines = forge.ok("list", "--no-card", "--all", "--json").lines
    reasons = [line["reason"] for line in lines if line["kind"] == "notes"]
    assert sum("excluded files of Obsidian" in reason for reason in reasons) == 3


@pytest.mark.parametrize("beside", ["note.md", "My Clippings.txt"])
def test_a_text_beside_other_files_is_named_with_a_true_reason(forge, tmp_path, beside):
    root = tmp_path / "things"
    root.mkdir()
    text = root / "plain.txt"
    text.write_text(NOTE)
    (root / beside).write_text(OTHER_FILES[beside])
    assert told(forge.ok("run", root)) == ["note: things: not read: 1 .txt"]
    lines = forge.ok("list", "--no-card", "--all", "--json").lines
    [entry] = [line for line in lines if line["kind"] == ".txt"]
    assert "read only if named" in entry["reason"]
    assert forge.json("run", text)["highlights"]["new"] == 1
