"""Names, paths and patterns of files, and when a file is too large to read: rows."""

from types import SimpleNamespace

import pytest

from ankiforge.errors import ItemError
from ankiforge.extract.file_source import (
    find_media_path,
    normalize_time,
    select_card_syntaxes,
)
from ankiforge.extract.files import (
    build_stamp,
    compile_patterns,
    find_path_on_disk,
    get_relative_path,
    has_content,
    is_hidden,
    is_skipped_directory,
    normalize_name,
    parse_icloud_placeholder,
    read_file,
    read_json_settings,
    read_stamp,
    summarize_content,
)

DECOMPOSED = "Pru\u0308fung"
COMPOSED = "Prüfung"


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("a.md", False), (".git", True), (".kobo", False), (".adds", False), (".trash", True),
        ("lost+found", True), ("$RECYCLE.BIN", True), ("@eaDir", True), ("found", False),
    ],
)  # fmt: skip
def test_which_names_are_hidden(name, hidden):
    assert is_hidden(name) is hidden


@pytest.mark.parametrize(
    ("name", "original"),
    [(".a.md.icloud", "a.md"), ("a.md.icloud", None), (".a.md", None), ("a.md", None)],
)  # fmt: skip
def test_the_name_of_a_file_that_icloud_keeps(name, original):
    assert parse_icloud_placeholder(name) == original


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
    ("path", "relative"),
    [("a/b.md", "a/b.md"), (f"{DECOMPOSED}/b.md", f"{COMPOSED}/b.md"), (".", "root"), ("../x/b.md", "b.md")],
)  # fmt: skip
def test_the_path_of_a_file_in_its_source(tmp_path, path, relative):
    root = tmp_path / "root"
    full_path = tmp_path / "x" / "b.md" if path.startswith("..") else root / path
    assert get_relative_path(full_path, root) == relative


def test_a_name_is_composed_and_bytes_that_are_no_text_are_replaced():
    assert normalize_name("plain") == "plain"
    assert normalize_name(DECOMPOSED) == COMPOSED
    assert normalize_name("caf\udce9") == "caf\ufffd"


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


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("*.md", "a.md d/e/a.MD", "a.mdx"),
        ("a?.md", "ab.md", "a.md"),
        ("d/*.md", "d/a.md", "a.md d/e/a.md x/d/a.md"),
        ("/a.md", "a.md", "d/a.md"),
        ("./d/a.md", "d/a.md", "a.md"),
        ("d", "d d/a.md x/d/a.md", "dd/a.md"),
        ("d/", "d/a.md x/d/e/a.md", "d"),
        ("**/a.md", "a.md d/e/a.md", "a.mdx"),
        ("d/**", "d/a.md d/e/a.md", "a.md x/d/a.md"),
        ("d/**/a.md", "d/a.md d/e/f/a.md", "a.md"),
        ("[d]/a.md", "[d]/a.md", "d/a.md"),
        (f"{DECOMPOSED}.md", f"{COMPOSED}.md", "prufung.md"),
    ],
)
def test_a_pattern_of_paths(pattern, matching, other):
    is_match = compile_patterns(["nothing", pattern])
    assert [path for path in matching.split() if not is_match(path)] == []
    assert [path for path in other.split() if is_match(path)] == []
    assert not compile_patterns([])("a.md")


def test_a_file_is_read_with_its_stamp_up_to_the_limit(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    content, status = read_file(path, 5)
    assert content == b"12345"
    assert build_stamp(status) == read_stamp(path)
    assert read_stamp(path)[2:] == (5, path.stat().st_ino)
    with pytest.raises(ItemError, match="larger than 0 MB") as caught:
        read_file(path, 4)
    assert caught.value.hint == "split it, or leave it out with `exclude`"
    assert read_stamp(tmp_path / "gone") is None
    assert read_stamp("a\0b") is None


@pytest.mark.parametrize(
    ("raw", "value"),
    [(b'{"a": 1}', {"a": 1}), (b"[1]", None), (b"{", None), (b'{"a": "\xff"}', None), (b"[" * 9999, None)],
)  # fmt: skip
def test_the_settings_of_another_program_are_a_json_object(tmp_path, raw, value):
    path = tmp_path / "data.json"
    path.write_bytes(raw)
    if value is None:
        with pytest.raises(ItemError):
            read_json_settings(path)
    else:
        assert read_json_settings(path) == value


# --- pictures and sounds of a note --------------------------------------------------------------

OTHER = ("img/Cell.png", "d/x.jpg", "y.mp3", f"{COMPOSED}.png", "d/img/Cell.png")


@pytest.mark.parametrize(
    ("target", "note", "found"),
    [
        ("img/Cell.png", "a.md", "img/Cell.png"),
        ("img/Cell.png", "d/a.md", "d/img/Cell.png"),  # beside the note first
        ("/img/Cell.png", "d/a.md", "img/Cell.png"),
        ("../img/Cell.png", "d/a.md", "img/Cell.png"),
        ("x.jpg", "d/a.md", "d/x.jpg"),
        ("x.jpg", "a.md", "d/x.jpg"),  # by its name alone
        ("old/x.jpg", "a.md", "d/x.jpg"),
        ("IMG/cell.PNG", "a.md", "img/Cell.png"),
        ("y.mp3", "d/e/a.md", "y.mp3"),
        (f"{DECOMPOSED}.png", "a.md", f"{COMPOSED}.png"),
        ("gone.png", "d/a.md", "gone.png"),
        ("b.md", "a.md", ""),
        ("png", "a.md", ""),
    ],
)
def test_the_picture_that_a_note_of_a_vault_shows(target, note, found):
    other_files: dict[str, str] = {}
    for path in OTHER:
        for key in (path, path.rpartition("/")[2]):
            other_files.setdefault(f"\0{key}", path)
            other_files.setdefault(key.casefold(), path)
    listing = SimpleNamespace(other_files=other_files, root=None)
    assert find_media_path(target, note, listing) == found


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


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05+00:00"),
        ("2024-01-02 03:04:05", "2024-01-02T03:04:05+00:00"),
        ("2024-01-02T03:04:05+02:00", "2024-01-02T03:04:05+02:00"),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_a_time_is_normalized(text, time):
    assert normalize_time(text) == time


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
