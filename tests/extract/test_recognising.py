"""Which source reads a file, and what sources of text files have in common."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from ankiforge.errors import ItemError
from ankiforge.extract import files
from ankiforge.extract.discover import (
    discover_sources,
    find_source_kind,
    find_source_kinds,
)
from ankiforge.extract.file_source import File, FileListing
from ankiforge.model import Problem, ScanEnd
from tests.reading import opened, settings_of

CLIPPINGS = "A (B)\n- Your Highlight on page 1 | Added on Thursday, January 1, 2015\n\nx\n==========\n"
READWISE = "Highlight,Book Title\nx,y\n"
HYPOTHESIS = '{"rows": [{"target": [{"selector": [{"type": "TextQuoteSelector"}]}]}]}'


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.pdf", "", "pdf"),
        ("a.md", "", "obsidian"),
        ("A.MD", "", "obsidian"),
        ("a.markdown", "", "markdown"),
        ("zotero.sqlite", "", "zotero"),
        ("a.txt", "", "markdown"),
        ("a.vtt.txt", "WEBVTT", None),
        ("a.txt", CLIPPINGS, "kindle"),
        ("Meine Clips.txt", "\ufeff" + CLIPPINGS.replace("\n", "\r\n"), "kindle"),
        ("a.txt", CLIPPINGS.replace("- Your", "– Ваш"), "kindle"),
        ("a.txt", "A list\n- 1 | 2\n\nno end of an entry\n", "markdown"),
        ("a.txt", "Title\n==========\n\n- item 1\n\n", "markdown"),
        ("a.csv", READWISE, "readwise"),
        ("a.csv", "\ufeffHighlight;Book Title;Note\n", "readwise"),
        ("a.csv", "Highlight,Title,Author,URL,Note,Location,Date\n", "readwise"),
        ("a.csv", "a,b\n", None),
        ("a.csv", "Front,Back\n", "cards"),
        ("a.csv", "Frage;Antwort;Tags\n", "cards"),
        ("a.tsv", "Term\tDefinition\n", "cards"),
        ("a.txt", "#separator:tab\n#html:true\na\tb\n", "cards"),
        ("a.csv", "Front,Price\n", None),
        ("a.csv", "", None),
        ("a.html", "<div class='noteHeading'>", "kindle"),
        ("a.html", "<p>a page</p>", None),
        ("a.json", HYPOTHESIS, "hypothesis"),
        ("a.json", '{"rows": [1]}', None),
        ("a.json", "not even JSON", None),
        ("a.xyz", CLIPPINGS, None),
    ],
)
def test_a_file_is_known_by_its_ending_and_its_beginning(tmp_path, name, text, kind):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert find_source_kind(tmp_path / name) == kind


@pytest.mark.parametrize(
    ("name", "written", "kind"),
    [
        ("a.sqlite", "CREATE TABLE Bookmark (x); CREATE TABLE content (x)", "kobo"),
        ("a.sqlite", "CREATE TABLE Bookmark (x)", "zotero"),
        ("a.sqlite", "CREATE TABLE Bookmark (x); CREATE VIEW content AS SELECT 1", "zotero"),
        ("a.sqlite", "CREATE TABLE content (x); CREATE VIRTUAL TABLE Bookmark USING fts5(x)", "zotero"),
        ("a.sqlite", "", "zotero"),
        ("a.db", "CREATE TABLE Bookmark (x); CREATE TABLE content (x)", None),
    ],
)  # fmt: skip
def test_a_database_is_known_by_its_tables(tmp_path, name, written, kind):
    with closing(sqlite3.connect(tmp_path / name)) as database:
        database.executescript(f"PRAGMA user_version = 1; {written}")
    before = (tmp_path / name).read_bytes()
    assert find_source_kind(tmp_path / name) == kind
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == before
    (tmp_path / name).write_bytes(b"x" + before[1:])
    assert find_source_kind(tmp_path / name) != "kobo"


def test_text_in_utf_16_is_known_as_well(tmp_path):
    (tmp_path / "a.txt").write_text(CLIPPINGS, encoding="utf-16")
    assert find_source_kind(tmp_path / "a.txt") == "kindle"


def test_a_folder_holds_kinds_at_any_depth_but_not_behind_a_dot(tmp_path):
    for path, text in {
        "a/b/c.md": "",
        "a/My Clippings.txt": CLIPPINGS,
        ".trash/x.pdf": "",
        "x.csv": "a,b\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert find_source_kinds(tmp_path) == {"obsidian", "kindle"}


def test_a_vault_is_read_with_the_tables_of_cards_in_it_and_without_other_exports(
    tmp_path,
):
    for path, text in {
        ".obsidian/app.json": "{}",
        "note.md": "A ==cell== divides.",
        "Words/cards.csv": "Front,Back\nA?,b\n",
        "My Clippings.txt": CLIPPINGS,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = discover_sources(tmp_path, lambda kind: {})
    assert [source.kind for source in found] == ["obsidian", "cards"]


# --- the files of a folder ------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.txt", "a.txt", "c/d.txt", "c/.e.txt", ".f/g.txt", "h.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.txt")
    return tmp_path


def texts(path: str) -> bool:
    return path.endswith(".txt")


def paths(folder: FileListing) -> list[str]:
    return [
        one.path if isinstance(one, File) else one.location for one in folder.list_files()
    ]


def test_files_come_sorted_without_links_and_hidden_ones(folder):
    every = FileListing("k", "n", folder, (), texts)
    assert paths(every) == ["a.txt", "b.txt", "c/d.txt"]
    assert every.build_scan_end().complete


def test_with_only_the_rest_is_not_seen_and_a_named_file_is_taken_as_it_is(folder):
    some = FileListing(
        "k", "n", folder, (folder / "h.md", folder / "c", folder / "h.md"), texts
    )
    assert paths(some) == ["h.md", "c/d.txt"]
    assert not some.build_scan_end().complete


def test_a_file_may_be_the_root(folder):
    alone = FileListing("k", "n", folder / "h.md", (), texts)
    assert paths(alone) == ["h.md"]
    assert alone.build_scan_end().complete


def test_a_text_out_of_reach_leaves_the_scan_open_a_spoilt_one_does_not(folder):
    (folder / "a.txt").write_bytes(b"\xff\xfa")
    settings = settings_of("markdown", path=str(folder), include=("**/*.txt",))
    problem, *_, end = opened("markdown", folder, settings, name="n").scan()
    assert isinstance(problem, Problem)
    assert (problem.location, "not UTF-8" in problem.message) == ("a.txt", True)
    assert isinstance(end, ScanEnd)
    assert end.complete
    with pytest.raises(ItemError, match="larger than"):
        File("b.txt", str(folder / "b.txt"), is_named_by_user=False).read_text(0)


def test_a_file_that_vanishes_is_out_of_reach(folder):
    source = FileListing("k", "n", folder, (), texts)
    _, second, _ = source.list_files()
    (folder / "b.txt").unlink()
    with pytest.raises(ItemError, match="disappeared") as caught:
        second.read_text()
    assert source.record_read_error(second, caught.value).location == "b.txt"
    assert not source.build_scan_end().complete


def test_names_of_keys_are_in_ascii_those_of_scans_as_given(tmp_path):
    named = FileListing("kindle", "Bücher", tmp_path)
    assert (named.container, named.namespace) == ("kindle:Bücher", "kindle:B%C3%BCcher")


def test_utf_16_and_line_ends_of_others_are_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("ä\r\nb\rc".encode("utf-16"))
    assert File("a.txt", str(path), True).read_text() == "ä\nb\nc"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ItemError, match="not UTF-16"):
        File("a.txt", str(path), True).read_text()


# --- whether all is as it was ---------------------------------------------------------------


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds have passed since the files were written: a fresh stamp proves nothing."""
    monkeypatch.setattr(files.time, "time_ns", lambda: int((time.time() + 10) * 1e9))


@pytest.mark.usefixtures("later")
def test_a_stamp_changes_with_what_is_read_and_with_nothing_else(folder):
    source = FileListing("k", "n", folder, (), texts, "settings")
    stamp = source.fingerprint_files(source.list_files())
    assert stamp
    assert source.fingerprint_files(source.list_files()) == stamp
    (folder / "h.md").write_text("not read")
    assert source.fingerprint_files(source.list_files()) == stamp
    (folder / "a.txt").write_text("more")
    other = FileListing("k", "n", folder, (), texts)
    assert (
        len(
            {
                stamp,
                *(each.fingerprint_files(each.list_files()) for each in (source, other)),
            }
        )
        == 3
    )
