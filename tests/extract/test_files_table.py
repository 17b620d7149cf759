"""Names, paths and patterns of files, and when a file is too large to read: rows."""

from types import SimpleNamespace

import pytest

from ankiforge.extract.file_source import (
    find_media_path,
    select_card_syntaxes,
)
from ankiforge.extract.files import (
    find_path_on_disk,
    has_content,
    is_skipped_directory,
    summarize_content,
)

DECOMPOSED = "Pru\u0308fung"
COMPOSED = "Prüfung"


@pytest.mark.parametrize(
    ("parent", "name", "skipped"),
    [
        ("g/logseq", "bak", True),
        ("g/logseq", "version-files", True),
        ("g/logseq", "pages", False),
        ("g", "bak", False),
        ("w", "decks", True),
        ("w", "journal", True),
        ("w", "prompts", True),
        ("w", "notes", False),
        ("g", "decks", False),
    ],
)
def test_backups_and_the_folders_of_a_workspace_are_skipped(
    tmp_path, parent, name, skipped
):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "ankiforge.yaml").touch()
    assert is_skipped_directory(tmp_path / parent, name) is skipped


@pytest.mark.parametrize(
    ("stored", "path", "found"),
    [
        ("a/b.md", "a/b.md", "a/b.md"),
        (f"{DECOMPOSED}/b.md", f"{COMPOSED}/b.md", f"{DECOMPOSED}/b.md"),
        (f"a/{DECOMPOSED}.md", f"a/{COMPOSED}.md", f"a/{DECOMPOSED}.md"),
        ("a/b.md", f"{COMPOSED}/b.md", f"{COMPOSED}/b.md"),
    ],
)
def test_a_path_is_found_however_its_letters_are_stored(tmp_path, stored, path, found):
    (tmp_path / stored).parent.mkdir(parents=True)
    (tmp_path / stored).touch()
    assert find_path_on_disk(tmp_path, path) == tmp_path / found


# --- pictures and sounds of a note --------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "note", "found"),
    [
        ("c.png", "d/a.md", "d/c.png"),
        ("d/c.png", "a.md", "d/c.png"),
        ("/d/c.png", "e/a.md", "d/c.png"),
        ("c.png", "a.md", "c.png"),  # it isn't there
        ("../out.png", "a.md", "../out.png"),
        ("d", "a.md", ""),
    ],
)
@pytest.mark.parametrize("is_file", [False, True])
def test_the_picture_that_a_note_of_a_folder_shows(
    tmp_path, target, note, found, is_file
):
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (root / "d" / "c.png").touch()
    (tmp_path / "out.png").touch()
    (root / "a.md").touch()
    start = root / "a.md" if is_file else root
    listing = SimpleNamespace(other_files=None, root=start)
    assert find_media_path(target, note, listing) == found


# --- values of settings and of other programs -----------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "selected"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "x"], "a x"),
        (["-a"], "b"),
        (["-a", "-b"], ""),
        (["a", "x", "-a"], "x"),
        (["-x"], "a b"),
    ],
)
def test_the_kinds_of_cards_that_are_read(entries, selected):
    assert select_card_syntaxes(entries, ("a", "b")) == frozenset(selected.split())


def test_a_file_has_the_content_that_was_described(tmp_path):
    path = tmp_path / "a.pdf"
    assert summarize_content(path) is None
    path.write_bytes(b"cells")
    summary = summarize_content(path)
    assert has_content(path, summary)
    path.write_bytes(b"cello")  # as large
    assert not has_content(path, summary)
    path.write_bytes(b"cells!")
    assert not has_content(path, summary)
    path.unlink()
    assert not has_content(path, summary)
