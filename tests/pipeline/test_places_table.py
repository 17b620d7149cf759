"""Which places are read, remembered, missed and forgotten: rows."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.config import SourceEntry
from ankiforge.config.deckfiles import DeckRule
from ankiforge.config.workspace import RememberedPath, store_remembered_paths
from ankiforge.config.yamlfile import Location
from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger.tables import highlights
from ankiforge.model import ExtractedDocument, HighlightKind, Problem
from ankiforge.model.sources import Picture
from ankiforge.pipeline import reading_list, selection, sources, stored_documents
from ankiforge.pipeline.outside_changes import OutsideCommand, UndoneChange
from ankiforge.pipeline.reading_list import (
    Entry,
    EntryState,
    Presence,
    decide_presence,
)
from ankiforge.pipeline.run_result import CommandRunOptions
from ankiforge.pipeline.workspace import Workspace
from tests.makers.pdf_writer import Page, paragraph, write_pdf

MARKED = "The heart of a whale pumps ==tons of blood== through the body.\n"
CLIPPING = "A (B)\n- Your Highlight on page 1 | Added on Sunday, March 1, 2026 10:01:00 AM\n\nWords.\n==========\n"
FILES = {".csv": "Front,Back\nA?,b\n", ".html": f"<p>{MARKED}</p>"}
PLAIN = "The heart of a whale pumps tons of blood through the body.\n"


def entry(kind: str, path: Path, name: str = "s", **options: Any) -> SourceEntry:
    settings = {"path": str(path), **options}
    return SourceEntry(kind, name, path, settings, Location("x"))


# --- paths -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("home/ada", "is your home folder"),
        ("home/ada/../ada", "is your home folder"),
        ("home", "contains your home folder"),
        (".", "contains your home folder"),
        ("home/ada/notes", None),
        ("home/adam", None),
        ("link", "is your home folder"),
        ("none", None),
    ],
)
def test_a_path_that_is_too_broad(tmp_path, monkeypatch, path, reason):
    for name in ("home/ada/notes", "home/adam"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "home/ada")
    monkeypatch.setenv("HOME", str(tmp_path / "home/ada"))
    assert selection.explain_broad_path(tmp_path / path) == reason


def test_a_drive_is_too_broad(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "ada"))
    assert selection.explain_broad_path(Path("/proc")) == "is a whole drive"
    monkeypatch.setattr(Path, "is_mount", lambda path: True)
    (tmp_path / "file").touch()
    assert selection.explain_broad_path(tmp_path / "file") is None


@pytest.mark.parametrize(
    ("missing", "present", "is_covered"),
    [
        (("a/x", "obsidian", "v", "a"), (), False),
        (("a/x", "obsidian", "v", "a"), (("a", "obsidian", "v"),), True),
        (("a/x", "obsidian", "v", "a"), (("b", "obsidian", "v"),), False),
        (("a/x", "obsidian", "v", "a"), (("a", "obsidian", "w"),), False),
        (("a/x", "obsidian", "v", "a"), (("a", "markdown", "v"),), False),
        # another export of the account, wherever it is
        (("a/x.txt", "kindle", "k"), (("b/y.txt", "kindle", "k"),), True),
        (("a/x.txt", "kindle", "k"), (("b/y.txt", "kindle", "other"),), False),
        (("a/x.txt", "markdown", "k"), (("b/y.txt", "markdown", "k"),), False),
        # a page was saved, and renamed, in a folder that is there
        (("there/x.html", "web", "w", "there"), (("there", "obsidian", "v"),), True),
        (("there/x.html", "web", "w", "there"), (("other", "obsidian", "v"),), False),
        (("none/x.html", "web", "w", "none"), (("none", "obsidian", "v"),), False),
    ],
)
def test_a_missing_place_may_be_covered_by_another(
    tmp_path, missing, present, is_covered
):
    (tmp_path / "there").mkdir()

    def place(path: str, kind: str, name: str, root: str = "") -> RememberedPath:
        return RememberedPath(
            str(tmp_path / path), kind, name, str(tmp_path / root) if root else ""
        )

    entries = [reading_list.make_entry(place(*each)) for each in present]
    missing_entry = reading_list.make_entry(place(*missing))
    assert reading_list.is_read_elsewhere(missing_entry, entries) is is_covered


# --- what a run reads ------------------------------------------------------------------------


def select(
    workspace: Workspace, *paths: Path, **options: Any
) -> selection.SourceSelection:
    return selection.select_sources(workspace.folder, paths, CommandRunOptions(**options))


@pytest.fixture
def notes(workspace: Workspace) -> Path:
    """A folder of notes beside the vault of the settings."""
    folder = workspace.folder.root / "more"
    folder.mkdir()
    (folder / "a.md").write_text(MARKED, encoding="utf-8")
    return folder.resolve()


@pytest.mark.parametrize(
    ("read_whole", "path", "root", "export", "neighbours", "presence"),
    [
        (True, False, False, False, True, Presence.THERE),
        (False, True, True, False, False, Presence.THERE),
        (False, True, False, True, False, Presence.THERE),
        # a part of a folder that is there
        (False, False, True, False, False, Presence.MISSING),
        (False, False, True, True, False, Presence.MISSING),
        # other exports may have its highlights
        (False, False, False, True, True, Presence.MISSING),
        (False, False, False, True, False, Presence.MISSING),
        # the disk is unplugged, or not
        (False, False, False, False, False, Presence.MISSING),
        (False, False, False, False, True, Presence.REMOVED),
    ],
)
def test_the_presence_of_an_entry(read_whole, path, root, export, neighbours, presence):
    state = EntryState(read_whole, path, root, export, neighbours)
    assert decide_presence(state) is presence


def test_of_several_entries_the_one_that_is_there_counts(tmp_path):
    (tmp_path / "there").mkdir()
    entries = [
        Entry("pdf", "p", tmp_path / name, tmp_path / name)
        for name in ("gone", "there", "gone too")
    ]
    assert reading_list.find_presence((), entries, ()) == {"p": Presence.THERE}
    del entries[1]
    assert reading_list.find_presence((), entries, ()) == {"p": Presence.REMOVED}


def test_a_path_is_read_and_remembered(workspace, notes):
    found = select(workspace, notes)
    [source] = found.sources
    assert (source.key, source.paths) == (("obsidian", "more"), ())
    [place] = found.remembered_paths
    assert place == RememberedPath(str(notes), "obsidian", "more")
    assert (found.problems, found.missing) == ([], frozenset())
    assert found.in_use == {"notes", "more"}
    # a file is a part of it
    store_remembered_paths(workspace.folder.state_directory, found.remembered_paths)
    again = select(workspace, notes / "a.md")
    [source] = again.sources
    assert (source.key, source.paths) == (("obsidian", "more"), (notes / "a.md",))
    assert again.remembered_paths == found.remembered_paths
    # deck and marks belong to the path, and add up
    for options, deck, marks in (
        ({"deck": "Mine", "marks": ("bold",)}, "Mine", ("bold",)),
        ({"marks": ("italic", "bold")}, "Mine", ("bold", "italic")),
        ({"marks": ("none",)}, "Mine", ()),
        ({"deck": " Other "}, "Other", ()),
    ):
        now = select(workspace, notes, **options)
        [place] = now.remembered_paths
        assert (place.deck, place.marks) == (deck, marks)
        [source] = now.sources
        read = source.entry.options.get("marks")
        assert read == (["==", "mark", *marks] if marks else None)
        store_remembered_paths(workspace.folder.state_directory, now.remembered_paths)


@pytest.mark.parametrize(
    ("paths", "options", "message", "hint"),
    [
        ((), {"marks": ("bold",)}, "--marks needs the PATH of the notes", "ankiforge run PATH --marks bold"),
        ((), {"deck": "My own"}, "--deck needs the PATH whose cards go there", "ankiforge run PATH --deck 'My own'"),
        (("none.md",), {}, "{}/none.md: there is no such file or folder", None),
        (("loop",), {}, "{}/loop: a link to a missing file, or to itself", "name the file or folder itself"),
        (("books.txt",), {"marks": ("bold",)}, "{}/books.txt: --marks has no effect on it", "name a vault, a note or a folder of notes"),
    ],
)  # fmt: skip
def test_what_cannot_be_selected(workspace, notes, paths, options, message, hint):
    (notes / "loop").symlink_to(notes / "loop")
    (notes / "books.txt").write_text(CLIPPING, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        select(workspace, *(notes / path for path in paths), **options)
    assert raised.value.message == message.format(notes)
    assert hint is None or raised.value.hint == hint


def test_a_url_is_told(workspace):
    with pytest.raises(UsageError, match=r"https://a\.example/b: a URL is not read"):
        select(workspace, Path("https://a.example/b"))


def test_a_remembered_path_that_is_missing_is_told(workspace, notes):
    store_remembered_paths(
        workspace.folder.state_directory, select(workspace, notes).remembered_paths
    )
    workspace.run()
    shutil.move(notes, notes.with_name("gone"))
    found = select(workspace)
    assert found.problems == [
        Problem(
            str(notes),
            "this remembered source is missing; nothing counts as deleted",
            "if it moved: ankiforge run ITS/NEW/PLACE   to forget it: ankiforge forget"
            f" {notes}",
            is_notice=True,
        )
    ]
    assert (found.in_use, found.missing) == ({"notes", "more"}, {"more"})
    # with a path, its notes may have moved there
    moved = select(workspace, notes.with_name("gone"))
    assert (moved.in_use, moved.missing) == ({"notes", "gone"}, {"more"})
    # what stands there is nothing that is read
    notes.write_text("x")
    [problem] = select(workspace).problems
    assert problem.message.endswith("highlights that were read before are kept")
    assert problem.hint.startswith("put back what was there, or to forget it:")
    assert not problem.is_notice


def with_sources(workspace: Workspace, *entries: SourceEntry) -> None:
    config = replace(workspace.folder.config, sources=entries)
    workspace.folder = replace(workspace.folder, config=config)


def test_a_note_is_read_by_one_source(workspace, notes):
    (notes / "inner").mkdir()
    outer = entry("obsidian", notes, "outer", exclude=["old/"])
    inner = entry("obsidian", notes / "inner", "inner")
    with_sources(workspace, outer, inner)
    first, second = select(workspace).sources
    assert first.entry.options["exclude"] == ["old/", "/inner/"]
    assert second.entry == inner
    # one that reads only some notes leaves them to both
    with_sources(
        workspace, outer, replace(inner, options={**inner.options, "include": ["a"]})
    )
    assert select(workspace).sources[0].entry == outer
    twin = entry("obsidian", notes, "twin")
    with_sources(workspace, twin, outer)
    found = select(workspace)
    assert [source.entry.name for source in found.sources] == ["twin"]
    assert found.problems == [
        Problem(
            str(notes),
            "twin reads this folder, too, so it is read once",
            "delete the source outer from the settings",
            is_notice=True,
        )
    ]


PDF, NOTES, TEXTS = "pdf", "obsidian", "markdown"
PATTERNS = {"include": ["**/*"]}


@pytest.mark.parametrize(
    ("kind", "options", "name", "is_found"),
    [
        # a file of the source's own kind, and a folder
        (NOTES, {}, "a.md", True),
        (TEXTS, {}, "a.txt", True),
        (PDF, {}, "a.pdf", True),
        ("cards", {}, "a.csv", True),
        *((kind, {}, "deep", True) for kind in (NOTES, TEXTS, PDF, "zotero", "cards")),
        # of another kind, which alone reads such a file
        *((kind, options, "a.pdf", False) for kind in (NOTES, TEXTS) for options in ({}, PATTERNS)),
        (NOTES, {}, "a.csv", False),
        (NOTES, PATTERNS, "My Clippings.txt", False),
        (TEXTS, {}, "My Clippings.txt", False),
        # notes and texts, which several kinds read: by the suffix, or as `include` selects them
        (TEXTS, {}, "a.markdown", True),
        (TEXTS, {}, "a.md", False),
        (TEXTS, PATTERNS, "a.md", True),
        (NOTES, {}, "a.txt", False),
        (NOTES, PATTERNS, "a.txt", True),
        *((PDF, {}, name, False) for name in ("a.md", "a.txt")),
        ("cards", {}, "a.md", False),
        ("cards", {}, "a.txt", True),
        # a library and a plug-in that is missing: nobody knows which files they read
        *((kind, {}, name, True) for kind in ("zotero", "no-plug-in") for name in ("a.md", "a.pdf")),
        # a file without marks is of the kind in which passages of it can be chosen
        ("web", {}, "a.html", True),
        (NOTES, {}, "a.html", False),
        # a file that no kind reads, and one outside the folder
        (NOTES, {}, "a.xyz", True),
        (NOTES, {}, "../a.md", False),
        (NOTES, {}, "..", False),
    ],
)  # fmt: skip
def test_which_source_of_the_settings_reads_a_file(
    workspace, notes, kind, options, name, is_found
):
    with_sources(workspace, entry(kind, notes, "v", **options))
    path = (notes / name).resolve()
    (notes / "deep").mkdir()
    if path.suffix == ".pdf":
        write_pdf(path, [Page([paragraph("The heart pumps blood.")])])
    elif path.suffix:
        path.write_text(FILES.get(path.suffix, MARKED), encoding="utf-8")
    if name == "My Clippings.txt":
        path.write_text(CLIPPING, encoding="utf-8")
    entries = reading_list.load_entries(workspace.folder)
    found = reading_list.find_configured_entries(entries, path)
    assert [each.name for each in found] == ["v"] * is_found


def test_each_source_of_the_settings_that_reads_a_file_is_found(workspace, notes):
    with_sources(
        workspace,
        entry(NOTES, notes, "outer"),
        entry(PDF, notes, "papers"),
        entry(NOTES, notes / "a.md", "file"),
        SourceEntry("zotero-api", "web", Path(), {}, Location("x")),
    )
    entries = reading_list.load_entries(workspace.folder)
    found = reading_list.find_configured_entries(entries, notes / "a.md")
    assert [each.name for each in found] == ["outer", "file"]
    found = reading_list.find_configured_entries(entries, notes)
    assert [each.name for each in found] == ["outer", "papers"]


def test_a_folder_of_the_settings_keeps_what_else_was_read_there(workspace, notes):
    (notes / "a.md").write_text(MARKED, "utf-8")
    write_pdf(notes / "a.pdf", [Page([paragraph("The heart pumps blood.")])])
    with_sources(workspace, entry("obsidian", notes, "v"))
    assert [each.key for each in select(workspace, notes).sources] == [("obsidian", "v")]
    for kind in ("pdf", "obsidian"):
        place = RememberedPath(str(notes), kind, "v")
        places = (*workspace.folder.remembered_paths, place)
        store_remembered_paths(workspace.folder.state_directory, places)
        assert ("pdf", "v") in [each.key for each in select(workspace).sources]
        assert [each.key for each in select(workspace, notes).sources] == [
            ("obsidian", "v"),
            ("pdf", "v"),
        ]


@pytest.mark.parametrize(
    ("name", "kind", "root", "follows"),
    [
        ("v", "pdf", "", True),
        ("v", "obsidian", "", True),
        ("w", "pdf", "", False),
        ("v", "pdf", "parent", False),
        ("v", "kindle", "", False),  # an account has many files
    ],
)
def test_a_missing_place_is_where_the_settings_name_its_source(
    workspace, notes, name, kind, root, follows
):
    old = notes.with_name("old")
    with_sources(workspace, entry("obsidian", notes, "v"))
    place = RememberedPath(str(old), kind, name, root and str(old.parent))
    store_remembered_paths(workspace.folder.state_directory, [place])
    _, found = reading_list.load_entries(workspace.folder)
    assert found.path == (notes if follows else old)
    old.mkdir()
    _, found = reading_list.load_entries(workspace.folder)
    assert reading_list.make_remembered_path(found) == place


def test_pdfs_without_a_mark_are_those_that_are_there(workspace, tmp_path, monkeypatch):
    rows = [
        {"container": container, "place": place}
        for container in ("pdf:p", "pdf:unknown", "vault:v")
        for place in ("a.pdf", "gone.pdf")
    ]
    monkeypatch.setattr(
        highlights, "list_documents_without_highlights", lambda ledger: rows
    )
    roots = {"pdf:p": str(tmp_path), "vault:v": str(tmp_path)}
    sources.store_source_directories(workspace.ledger, roots)
    (tmp_path / "a.pdf").touch()
    there = tmp_path / "a.pdf"
    assert stored_documents.find_unmarked_pdfs(workspace.ledger) == [there]
    for places, expected in (
        ({("pdf:p", "a.pdf")}, [there]),
        ({("pdf:p", "gone.pdf")}, []),
        ({("pdf:unknown", "a.pdf")}, []),
        (set(), []),
    ):
        assert stored_documents.find_unmarked_pdfs(workspace.ledger, places) == expected


@pytest.mark.parametrize(
    ("highlight", "reason"),
    [
        ({}, None),
        ({"colour": "red"}, "its colour (red)"),
        ({"colour": "yellow"}, None),
        ({"comment": "skip", "comment_is_instruction": True}, "your comment says so"),
        ({"comment": "skip", "comment_is_instruction": True, "colour": "red"}, "your comment says so"),
        ({"comment": "skip", "comment_is_instruction": False}, None),
        ({"skip_reason": "marked by Bo", "comment_is_instruction": False}, "marked by Bo"),
        ({"skip_reason": "marked by Bo", "colour": "red"}, "marked by Bo"),
    ],
)  # fmt: skip
def test_which_highlights_are_skipped(workspace, highlight, reason):
    values = {"comment_is_instruction": False, **highlight}
    mark = replace(
        workspace.highlights()[0].highlight, kind=HighlightKind.HIGHLIGHT, **values
    )
    document = ExtractedDocument(mark.document, (mark,))
    decks = (DeckRule(deck="D", colours={"red": "skip"}),)
    found = sources._flag_highlights(document, decks)
    [flagged] = found.highlights
    assert flagged.skip_reason == reason
    assert replace(flagged, skip_reason=mark.skip_reason) == mark


def test_pictures_that_were_cut_out_are_kept_once(workspace, tmp_path):
    document = ExtractedDocument(
        workspace.highlights()[0].highlight.document,
        (),
        pictures=(Picture("cut/a.png", b"1"),),
    )
    for data in (b"1", b"2"):  # the name is that of its place
        changed = replace(document, pictures=(Picture("cut/a.png", data),))
        assert [*sources._save_pictures(changed, tmp_path / "cut")] == []
        assert (tmp_path / "cut/a.png").read_bytes() == b"1"
    (tmp_path / "file").touch()
    problems = [*sources._save_pictures(document, tmp_path / "file")]
    [problem] = problems
    assert problem.location == str(tmp_path / "file/a.png")
    assert problem.message.startswith("cannot be written: ")
    assert problem.hint == "free space there"


def test_a_place_that_the_user_names_is_no_part_of_a_folder_any_more(tmp_path):
    paper = Entry("pdf", "x", tmp_path / "a", tmp_path / "a", given=tmp_path)
    named = replace(paper, given=None)
    assert reading_list.add_named_entry([paper], named, None, ()) == [named]
    assert reading_list.add_named_entry([paper], paper, None, ()) == [paper]
    assert reading_list.add_named_entry([named], paper, None, ()) == [named]


# --- forgetting ------------------------------------------------------------------------------


def split_at(workspace: Workspace, folder: Path) -> None:
    given = str(folder / "c")
    places = [
        RememberedPath(str(folder / "a"), "obsidian", "a"),
        RememberedPath(str(folder / "b"), "obsidian", "b"),
        RememberedPath(str(folder / "b/own"), "pdf", "own"),
        RememberedPath(str(folder / "c/x"), "pdf", "x", given=given),
        RememberedPath(str(folder / "c/y"), "obsidian", "y", given=given),
    ]
    store_remembered_paths(workspace.folder.state_directory, places)


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        ("notes", "is read because", "delete it under `sources:` there; its cards stay"),
        ("a/sub", "is not remembered", "but {}/a is; to forget it: ankiforge forget {}/a"),
        (".", "is not remembered", "but {}/a is; to forget it: ankiforge forget {}/a"),
        ("quantum", "is not remembered", "ankiforge status names those that are"),
    ],
)  # fmt: skip
def test_what_is_not_remembered_is_told_with_what_is(
    workspace, tmp_path, wanted, message, hint
):
    split_at(workspace, tmp_path)
    path = workspace.folder.root / "notes" if wanted == "notes" else tmp_path / wanted
    with pytest.raises(UsageError) as raised:
        selection.select_paths_to_forget(workspace.folder, path)
    assert message.replace("{}", str(tmp_path)) in raised.value.message
    assert raised.value.message.startswith(f"{path} ")
    assert raised.value.hint == hint.replace("{}", str(tmp_path))


def test_a_forgotten_path_is_remembered_again_by_undo(workspace, notes):
    workspace.run([notes])
    [place] = workspace.folder.remembered_paths
    assert workspace.forget(notes) == ([str(notes)], 1)
    assert workspace.folder.remembered_paths == ()
    undone = UndoneChange(OutsideCommand.FORGET, (str(notes),))
    assert workspace.undo_outside_change() == undone
    assert workspace.folder.remembered_paths == (place,)
    assert workspace.undo_outside_change() is None  # once
    # after another decision, that one is undone first
    workspace.forget(notes)
    workspace.reject(workspace.cards()[0].guid)
    assert workspace.undo_outside_change() is None


def test_a_name_that_another_source_has_by_now_is_not_given_back(workspace, notes):
    workspace.run([notes])
    workspace.forget(notes)
    other = RememberedPath(str(notes.parent / "other"), "obsidian", "more")
    store_remembered_paths(workspace.folder.state_directory, [other])
    with pytest.raises(RefusedError) as raised:
        workspace.undo_outside_change()
    told = f"{notes} stays forgotten: another source has its name by now"
    assert (raised.value.message, raised.value.hint) == (told, f"ankiforge run {notes}")


# --- files without marks ---------------------------------------------------------------------


def test_the_files_without_marks(workspace, notes):
    (notes / "plain.md").write_text(PLAIN * 3, encoding="utf-8")
    (notes / "deep").mkdir()
    for name in ("x.md", "y.md"):
        (notes / "deep" / name).write_text(PLAIN, encoding="utf-8")
    workspace.run([notes])
    folder = workspace.folder
    assert stored_documents.find_unmarked_files(folder, workspace.ledger) == []
    # most of its notes have no mark
    found = stored_documents.find_unmarked_paths(folder, workspace.ledger)
    assert found == [str(notes)]
    # a file by itself
    store_remembered_paths(folder.state_directory, [])
    workspace.run([notes / "plain.md"])
    found = stored_documents.find_unmarked_files(folder, workspace.ledger)
    assert found == [str(notes / "plain.md")]
    assert stored_documents.find_unmarked_documents(folder, workspace.ledger) == [
        notes / "plain.md"
    ]
    (notes / "plain.md").write_text(MARKED, encoding="utf-8")
    workspace.run()
    assert stored_documents.find_unmarked_files(folder, workspace.ledger) == []


# --- what is told of reading -----------------------------------------------------------------


# --- the workspace ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "remembered", "asks", "is_refused"),
    [
        (None, False, False, True),
        (False, False, True, True),
        (True, False, True, False),
        (None, True, False, False),  # it was confirmed before
    ],
)
def test_a_home_folder_is_read_only_after_a_question(
    workspace, tmp_path, monkeypatch, answer, remembered, asks, is_refused
):
    monkeypatch.setenv("HOME", str(tmp_path))
    asked: list[str] = []

    def should_read(question: str) -> bool:
        asked.append(question)
        return bool(answer)

    workspace.should_read = None if answer is None else should_read
    if remembered:
        place = RememberedPath(str(tmp_path / "x"), "pdf", "x", given=str(tmp_path))
        store_remembered_paths(workspace.folder.state_directory, [place])
    workspace.confirm_broad_paths([tmp_path / "notes"])
    assert asked == []
    if is_refused:
        with pytest.raises(UsageError) as raised:
            workspace.confirm_broad_paths([tmp_path])
        told = f"{tmp_path} is your home folder, so it was not read"
        assert raised.value.message == told
        assert "ankiforge run ~ --yes" in raised.value.hint
    else:
        workspace.confirm_broad_paths([tmp_path])
    question = f"{tmp_path} is your home folder. Read all of it, now and in later runs?"
    assert asked == ([question] if asks else [])


def test_new_places_are_told_once(workspace, tmp_path):
    a, b = (RememberedPath(str(tmp_path / name), "pdf", name) for name in "ab")
    assert workspace.remember_paths([a]) == [a.path]
    assert workspace.remember_paths([a]) == []
    assert workspace.remember_paths([a, b, replace(b, kind="epub")]) == [b.path]
    assert workspace.folder.remembered_paths == (a, b, replace(b, kind="epub"))
    workspace.read_only = True
    assert workspace.remember_paths([b]) == []
    assert len(workspace.folder.remembered_paths) == 3


def test_files_are_replaced_and_given_back(workspace, tmp_path):
    a, b = tmp_path / "a.md", tmp_path / "b.md"
    a.write_bytes(b"old a")
    b.write_bytes(b"edited")
    told = workspace.replace_files({a: (b"old a", b"new a"), b: (b"old b", b"new b")})
    assert [(problem.location, bool(problem.message)) for problem in told] == [
        (str(b), True)
    ]
    assert (a.read_bytes(), b.read_bytes()) == (b"new a", b"edited")
    undone = UndoneChange(OutsideCommand.PATCH, (str(a),))
    assert workspace.undo_outside_change() == undone
    assert a.read_bytes() == b"old a"
    workspace.replace_files({a: (b"old a", b"new a")})
    a.write_bytes(b"mine")
    undone = workspace.undo_outside_change()
    assert undone is not None
    assert (undone.names, [each.location for each in undone.problems]) == ((), [str(a)])
    workspace.replace_files({a: (b"mine", b"newer")})
    backup = tmp_path / ".a.md.ankiforge-old"
    assert backup.read_bytes() == b"mine"
    workspace.delete_backups()
    assert not backup.exists()
    assert workspace.undo_outside_change() is None
    assert a.read_bytes() == b"newer"
