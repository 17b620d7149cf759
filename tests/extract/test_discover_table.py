"""Which sources a path leads to, and what is said of files that no source reads: rows."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ankiforge.extract.discover import (
    FoundSource,
    discover_sources,
    explain_no_source,
    explain_unread_file,
    find_source_kinds,
    iter_files,
)
from ankiforge.extract.registry import load_types_for_suffix

CLIPPINGS = "A (B)\n- Your Highlight on page 1 | Added on Thursday, January 1, 2015\n\nx\n==========\n"
TEXTS = {
    "My Clippings.txt": CLIPPINGS,
    "cards.csv": "Front,Back\nA?,b\n",
    "empty.md": "",
    "zotero.sqlite-empty": "",
    "a.json": "{}",
}
OUTER_VAULT = "v/.obsidian/app.json v/a.md"
NESTED = "a.md d/b.md d/e/c.md"


def write(root: Path, names: str) -> Path:
    """Write files; `name=` is an empty one."""
    for name in names.split(";") if ";" in names else names.split():
        path = root / name.rstrip("=")
        path.parent.mkdir(parents=True, exist_ok=True)
        is_empty = name.endswith("=")
        path.write_text("" if is_empty else TEXTS.get(path.name, "A ==cell== divides."))
    return root


def describe(root: Path, source: FoundSource) -> str:
    """Return the kind and the root of a source, its parts after `:`, and its patterns after `-`."""

    def name(path: Path) -> str:
        return path.relative_to(root).as_posix()

    only = f" : {' '.join(map(name, source.only))}" if source.only else ""
    exclude = f" - {' '.join(source.exclude)}" if source.exclude else ""
    return f"{source.kind} {name(source.root)}{only}{exclude}"


@pytest.mark.parametrize(
    ("names", "given", "known", "expected"),
    [
        # a folder, and a file in it
        ("a.md", ".", {}, ["obsidian ."]),
        ("a.md", "a.md", {}, ["obsidian . : a.md"]),
        ("a.pdf", "a.pdf", {}, ["pdf . : a.pdf"]),
        ("a.md a.pdf a.ipynb", ".", {}, ["jupyter .", "obsidian .", "pdf ."]),
        ("a.xyz", ".", {}, []),
        ("a.xyz", "a.xyz", {}, []),
        # what was read before stays in its source
        ("d/e/a.md", "d/e/a.md", {"obsidian": {".": False}}, ["obsidian . : d/e/a.md"]),
        ("d/e/a.md", "d/e", {"obsidian": {".": False}}, ["obsidian . : d/e"]),
        ("d/e/a.md", "d/e", {"obsidian": {".": False, "d": False}}, ["obsidian d : d/e"]),
        ("d/e/a.md", "d/e", {"pdf": {".": False}}, ["obsidian d/e"]),
        ("d/a.xyz", "d", {"obsidian": {"d": False}}, ["obsidian d"]),
        # a vault is read from its root, or from that of a folder that was read as a whole
        (OUTER_VAULT, "v", {}, ["obsidian v"]),
        (f"{OUTER_VAULT} v/d/b.md", "v/d", {}, ["obsidian v : v/d"]),
        (OUTER_VAULT, "v/a.md", {}, ["obsidian v : v/a.md"]),
        (OUTER_VAULT, "v", {"obsidian": {".": True}}, ["obsidian . : v"]),
        (OUTER_VAULT, "v", {"obsidian": {".": False}}, ["obsidian v"]),
        (OUTER_VAULT, "v", {"obsidian": {".": True, "v": False}}, ["obsidian v"]),
        (f"{OUTER_VAULT} v/b.pdf", "v", {}, ["obsidian v", "pdf v"]),
        (f"{OUTER_VAULT} v/b.pdf", "v/b.pdf", {"pdf": {".": False}}, ["pdf . : v/b.pdf"]),
        (f"{OUTER_VAULT} v/b.txt", "v", {}, ["obsidian v"]),
        ("v/.obsidian/app.json v/b.txt", "v", {}, []),
        # folders that were read before stay sources of their own
        (NESTED, ".", {"obsidian": {"d": False, "d/e": False}},
         ["obsidian . - /d/ /d/e/", "obsidian d - /e/", "obsidian d/e"]),
        (NESTED, ".", {"obsidian": {"gone": False}}, ["obsidian ."]),
        ("a.txt d/b.txt", ".", {"markdown": {"d": False}}, ["markdown ."]),
        # plain texts are read where there is nothing else
        ("a.txt", ".", {}, ["markdown ."]),
        ("a.txt a.md", ".", {}, ["obsidian ."]),
        ("a.txt;My Clippings.txt", ".", {}, ["kindle . : ."]),
        ("a.txt a.md", ".", {"markdown": {".": False}}, ["obsidian .", "markdown ."]),
        ("d/a.md", "d/a.md", {"markdown": {"e": False}}, ["obsidian d : d/a.md"]),
        # notes that were read as notes stay so, although a text beside their folder is read
        ("a.txt d/a.md", "d", {"markdown": {".": False}, "obsidian": {"d": True}}, ["obsidian d"]),
        ("a.txt d/a.md", "d/a.md", {"markdown": {".": False}, "obsidian": {"d": True}}, ["obsidian d : d/a.md"]),
        ("a.md d/a.txt", "d", {"markdown": {"d": True}, "obsidian": {".": True}}, ["markdown d"]),
        (OUTER_VAULT, "v/a.md", {"markdown": {".": False}}, ["obsidian v : v/a.md"]),
        # exports are files, wherever they are
        ("d/My Clippings.txt;a.md", "d/My Clippings.txt", {"kindle": {".": False}},
         ["kindle d : d/My Clippings.txt"]),
        ("d/x.sdr/metadata.epub.lua", "d", {}, ["koreader d"]),
        ("d/x.sdr/metadata.epub.lua", "d/x.sdr/metadata.epub.lua", {},
         ["koreader d/x.sdr/metadata.epub.lua"]),
        ("cards.csv", ".", {}, ["cards . : ."]),
        ("cards.csv a.pdf", ".", {}, ["pdf .", "cards . : ."]),
        # a library is read as a whole, if it holds anything
        ("Zotero/zotero.sqlite Zotero/storage/a.pdf", "Zotero", {}, ["zotero Zotero"]),
        ("Zotero/zotero.sqlite", "Zotero/zotero.sqlite", {}, ["zotero Zotero/zotero.sqlite"]),
        ("Zotero/zotero.sqlite= Zotero/storage/a.pdf", "Zotero", {}, ["pdf Zotero"]),
        ("Zotero/zotero.sqlite a.pdf", ".", {}, ["pdf ."]),
    ],
)  # fmt: skip
def test_the_sources_of_a_path(tmp_path, names, given, known, expected):
    root = write(tmp_path, names)

    def find_known(kind: str) -> dict[Path, bool]:
        return {root / path: whole for path, whole in known.get(kind, {}).items()}

    found = discover_sources((root / given).resolve(), find_known)
    assert [describe(root, source) for source in found] == expected


def test_the_files_below_a_folder_come_sorted_without_those_that_nobody_reads(tmp_path):
    names = (
        "b.md a.md d/c.md .git/x.md .adds/k.lua logseq/bak/x.md bak/y.md lost+found/x.md"
        " w/ankiforge.yaml w/decks/x.md decks/z.md"
    )
    write(tmp_path, names)
    found = [path.relative_to(tmp_path).as_posix() for path in iter_files(tmp_path)]
    assert found == [
        "a.md", "b.md", ".adds/k.lua", "bak/y.md", "d/c.md", "decks/z.md", "w/ankiforge.yaml",
    ]  # fmt: skip


# --- what no source reads -----------------------------------------------------------------------


def source(suffixes: str, root: Path, rejected: str = ""):
    rejected_paths = [str(root / name) for name in rejected.split()]
    return SimpleNamespace(
        suffixes=suffixes.split(),
        listing=SimpleNamespace(
            root=root, only=(), read_counts={".md": 1}, rejected_paths=rejected_paths
        ),
    )


NO_CARDS = "nothing here that can be read"


@pytest.mark.parametrize(
    ("names", "given", "reason"),
    [
        ("a.docx", "a.docx", ".docx files are not read"),
        ("a.xyz", "a.xyz", NO_CARDS),
        ("a.xyz", ".", NO_CARDS),
        ("a.docx a.mobi b.mobi", ".", f"{NO_CARDS}; it holds 2 .mobi, 1 .docx"),
        ("a.csv=", "a.csv", "the file is empty"),
        ("a.csv=", ".", f"{NO_CARDS}; a.csv: the file is empty; it holds 1 empty file"),
        ("1.csv= 2.csv= 3.csv= 4.csv=", ".",
         f"{NO_CARDS}; 1.csv: the file is empty; 2.csv: the file is empty;"
         " 3.csv: the file is empty; it holds 4 empty files"),
        ("d/1.csv=", ".", f"{NO_CARDS}; d/1.csv: the file is empty; it holds 1 empty file"),
    ],
)  # fmt: skip
def test_why_no_source_reads_a_path(tmp_path, names, given, reason):
    assert explain_no_source(write(tmp_path, names) / given) == reason


def test_a_reason_is_given_only_for_what_looks_readable(tmp_path):
    (tmp_path / "d.csv").mkdir()
    write(tmp_path, "a.csv a.md a.xyz")
    assert explain_unread_file(tmp_path / "d.csv") == "it is not a regular file"
    assert explain_unread_file(tmp_path / "a.md") is None
    assert explain_unread_file(tmp_path / "a.xyz") is None
    # the types that may read a table of this suffix, each with its reason, or only the given ones
    reason = explain_unread_file(tmp_path / "a.csv")
    assert ", and " in reason
    [cards] = [each for each in load_types_for_suffix(".csv") if each.kind == "cards"]
    assert explain_unread_file(tmp_path / "a.csv", (cards,)) in reason.split(", and ")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "a.csv",
            "its first row does not name question and answer, as `Front,Back` does",
        ),
        (
            "a.TSV",
            "its first row does not name question and answer, as `Front,Back` does",
        ),
        ("a.txt", None),  # most texts aren't meant to be tables
        ("a.TXT", None),
    ],
)
def test_why_a_file_is_no_table_of_cards(tmp_path, name, reason):
    [cards] = [each for each in load_types_for_suffix(".csv") if each.kind == "cards"]
    assert explain_unread_file(write(tmp_path, name) / name, (cards,)) == reason


def test_a_link_that_leads_nowhere_is_no_file_of_its_kind(tmp_path):
    (tmp_path / "a.pdf").symlink_to(tmp_path / "gone.pdf")
    (tmp_path / "b.ipynb").symlink_to(tmp_path / "note.md")
    write(tmp_path, "c.csv note.md")
    assert find_source_kinds(tmp_path) == {"jupyter", "obsidian"}
