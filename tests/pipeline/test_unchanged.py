"""A run that finds everything as it was: it does nothing, and says what a whole run would say."""

import os
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from ankiforge.extract import files
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

NOTE = "The ==mitochondrion== makes ATP for the cell.\n\nWhat is osmosis?::Movement of water\n"
LONG_AGO = 1_700_000_000


def age(*folders: Path) -> None:
    """Let the files be older than the tick of any clock."""
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.utime(path, (LONG_AGO, LONG_AGO + 0.5))


def forget(forge) -> None:
    """The next run must read all anew."""
    for path in forge.folder.rglob("memory.db"):
        path.unlink()


@pytest.fixture
def notes(forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(files, "TICK_NS", 0)  # what a test writes, it writes once
    folder = tmp_path / "notes"
    (folder / ".obsidian").mkdir(parents=True)
    (folder / "Cells.md").write_text(NOTE, "utf-8")
    (folder / "Plain.md").write_text("Nothing is marked here.\n", "utf-8")
    settings = f"sources:\n- obsidian: {{name: notes, path: {folder}}}\nanki: {{collection: none}}\n"
    forge.settings(settings)
    forge.ok("init", "--trust", forge.folder)
    age(folder)
    return folder


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The notes that are read, as they are."""
    from ankiforge.extract import files as reading

    seen: list[str] = []
    real = reading.read_when_unchanged

    def settled(path):
        seen.append(Path(path).name)
        return real(path)

    monkeypatch.setattr(reading, "read_when_unchanged", settled)
    return seen


def traces(forge) -> dict[str, bytes]:
    """What a run leaves behind: journal and packages."""
    files = (*(forge.folder / "journal").glob("*.jsonl"), *forge.folder.glob("*.apkg"))
    return {path.name: path.read_bytes() for path in files}


def test_only_what_changed_is_read_and_nothing_else_updated(forge, notes, reads):
    forge.ok("run")
    assert sorted(reads) == ["Cells.md", "Plain.md"]
    before = traces(forge)
    found = forge.json("run")
    assert len(reads) == 2
    assert found["highlights"] == {
        "seen": 2,
        "new": 0,
        "changed": 0,
        "gone": 0,
        "unchanged": 2,
    }
    assert (found["notes"]["added"], found["notes"]["updated"]) == (0, 0)
    assert traces(forge) == before
    reads.clear()
    time = (notes / "Cells.md").stat()
    (notes / "Cells.md").write_text(NOTE.replace("water", "WATER"), "utf-8")
    os.utime(notes / "Cells.md", ns=(time.st_atime_ns, time.st_mtime_ns))  # set back
    assert forge.json("run")["highlights"]["changed"] == 1
    assert reads == ["Cells.md"]


def test_a_note_that_was_just_written_is_read_again(forge, notes, reads, monkeypatch):
    """Written twice within one tick of the clock it may have one stamp for two texts."""
    monkeypatch.setattr(files, "TICK_NS", 3_600_000_000_000)
    for _ in range(2):
        reads.clear()
        forge.ok("run")
        assert sorted(reads) == ["Cells.md", "Plain.md"]


def test_blanks_at_the_end_of_a_line_change_no_card(forge, notes):
    for answer in ("- of water  \n- by itself", "- of water\n- by itself"):
        (notes / "Cells.md").write_text(f"What is osmosis?\n?\n{answer}\n", "utf-8")
        found = forge.json("run")
    assert (found["changes"], found["notes"]["updated"]) == ([], 0)


@pytest.mark.parametrize(
    "how", [(), ("--json",), ("-q",)], ids=["people", "json", "quiet"]
)
def test_it_says_what_a_whole_run_would_say(forge, notes, how):
    forge.ok("run")
    short = forge.ok("run", *how)
    forget(forge)
    whole = forge.ok("run", *how)
    assert short == whole


def test_a_note_with_a_remark_is_read_again_when_another_changes(forge, notes, reads):
    (notes / "Broken.md").write_text("---\na: [\n---\nA ==kidney== cleans.\n", "utf-8")
    age(notes)
    assert "front matter" in forge.ok("run", "-v").stderr
    reads.clear()
    (notes / "Cells.md").write_text(f"{NOTE}\nA ==ribosome== makes proteins.\n", "utf-8")
    assert "front matter" in forge.ok("run", "-v").stderr
    assert "Broken.md" in reads
    assert "Plain.md" not in reads


def test_a_failure_is_told_again_with_its_exit_code(forge, notes):
    (notes / "b.md").write_bytes(b"Caf\xe9 ==x==")
    (notes / "c.sync-conflict-20260101-120000-ABCDEFG.md").write_text(NOTE, "utf-8")
    age(notes)
    forge("run", code=1)
    short = forge("run", code=1)
    forget(forge)
    assert short == forge("run", code=1)
    assert "b.md" in short.stderr
    assert "conflict copy" in short.stderr


def test_a_picture_that_comes_later_is_found(forge, notes, reads):
    """What a note calls a picture may lie anywhere in the vault."""
    (notes / "Shapes.md").write_text("What is round?::![[ball.png]]\n", "utf-8")
    age(notes)
    forge("run")
    reads.clear()
    (notes / "pictures").mkdir()
    (notes / "pictures" / "ball.png").write_bytes(b"\x89PNG")
    forge("run")
    assert reads == ["Shapes.md"]
    assert any("pictures/ball.png" in str(card["fields"]) for card in forge.cards())


# --- the cache of parsed PDFs ---------------------------------------------------------------


@pytest.fixture
def papers(forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two PDFs that was read."""
    monkeypatch.setattr(files, "TICK_NS", 0)
    folder = tmp_path / "papers"
    folder.mkdir()
    for number in (1, 2):
        new_paper(folder, number)
    settings = (
        f"sources:\n- pdf: {{name: papers, path: {folder}}}\nanki: {{collection: none}}\n"
    )
    forge.settings(settings)
    forge.ok("init", "--trust", forge.folder)
    age(folder)
    forge.ok("run")
    return folder


def new_paper(folder: Path, number: int) -> None:
    words = f"Paper {number}: the spacing effect improves retention of {number} facts."
    page = Page((paragraph(words),), (mark("the spacing effect"),))
    write_pdf(folder / f"{number}.pdf", [page])


def cache_of(forge) -> Path:
    (cache,) = forge.folder.rglob("memory.db")
    return cache


DAMAGES = {
    "damaged": None,
    "bodies lost": "DELETE FROM kept WHERE name LIKE 'file:%'",
    "bodies broken": "UPDATE kept SET body = x'7b22' WHERE name LIKE 'file:%'",
    "index lost": "DELETE FROM kept WHERE name = 'index'",
    "index broken": "UPDATE kept SET body = x'7b22' WHERE name = 'index'",
}


@pytest.mark.parametrize("sql", DAMAGES.values(), ids=DAMAGES.keys())
def test_what_is_lost_of_the_cache_is_not_needed(forge, papers, sql):
    if sql is None:
        cache_of(forge).write_bytes(b"no database at all" * 100)
    else:
        with closing(sqlite3.connect(cache_of(forge))) as database, database:
            database.execute(sql)
    new_paper(papers, 3)
    assert forge.json("run")["highlights"] == {
        "seen": 3, "new": 1, "changed": 0, "gone": 0, "unchanged": 2,
    }  # fmt: skip
    assert len(forge("run", "--dry-run", "-v", "--json", papers).stdout.splitlines()) == 3
    (papers / "3.pdf").unlink()
    forge.ok("run")


def test_a_vault_and_a_dry_run_leave_no_cache(forge, notes, papers):
    cache_of(forge).unlink()
    forge.ok("run", "--dry-run")
    forge.ok("run", notes)
    assert not list(forge.folder.rglob("memory.db"))


def test_a_cache_in_use_is_waited_for_once(forge, papers, monkeypatch):
    """And nothing is taken for silent because it cannot be read."""
    monkeypatch.setattr("ankiforge.config.caches.CACHE_TIMEOUT", 0.0)
    new_paper(papers, 3)
    with closing(sqlite3.connect(cache_of(forge), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        found = forge.json("run")["highlights"]
    assert (found["seen"], found["new"]) == (3, 1)


# --- exports --------------------------------------------------------------------------------

CLIP = (
    "{book} (An Author)\n"
    "- Your Highlight on page 7 | location 100-102 | Added on Friday, May 27, 2016 11:34:48 PM\n"
    "\n{words}\n==========\n"
)


def test_exports_are_read_again_only_if_one_of_them_has_changed(
    forge, notes, monkeypatch, no_waiting
):
    kindle = notes.parent / "kindle"
    kindle.mkdir()
    clippings = kindle / "My Clippings.txt"
    spacing = CLIP.format(
        book="Learning", words="Spacing improves the retention of facts."
    )
    sleep = CLIP.format(book="Sleep", words="Sleep strengthens what was learnt before.")
    clippings.write_text(spacing + sleep, "utf-8")
    (kindle / "other.txt").write_text("This is no export.\n", "utf-8")
    settings = forge.folder / "ankiforge.yaml"
    both = f"sources:\n- kindle: {{name: k, path: {kindle}}}\n- obsidian: {{name: notes, path: {notes}}}\n"
    settings.write_text(f"{both}anki: {{collection: none}}\n", "utf-8")
    forge.ok("init", "--trust", forge.folder)
    age(kindle)
    forge.ok("run")

    seen: list[str] = []
    real = files.read_file

    def read_file(path, *arguments):
        seen.append(Path(path).name)
        return real(path, *arguments)

    monkeypatch.setattr(files, "read_file", read_file)
    assert forge.json("run")["highlights"]["unchanged"] == 4
    assert clippings.name not in seen

    # a mark that was deleted there is missed once here, and in the next run it is gone
    clippings.write_text(sleep, "utf-8")
    age(kindle)
    forge.ok("run")
    assert clippings.name in seen
    seen.clear()
    assert forge.json("run")["highlights"]["gone"] == 1
    assert clippings.name not in seen

    # what cannot be read is told each time
    clippings.write_text(sleep + "no clipping\n==========\n", "utf-8")
    age(kindle)
    told = forge("run").stderr
    assert "My Clippings.txt" in told
    assert forge("run").stderr == told


# --- where a PATH leads ---------------------------------------------------------------------


def test_part_of_a_vault_that_is_configured_by_a_link_is_found(forge, notes):
    link = notes.parent / "linked"
    link.symlink_to(notes)
    settings = forge.folder / "ankiforge.yaml"
    settings.write_text(
        settings.read_text("utf-8").replace(str(notes), str(link)), "utf-8"
    )
    forge.ok("init", "--trust", forge.folder)
    for path in (notes / "Cells.md", link / "Cells.md"):
        assert forge.json("run", path)["highlights"]["seen"] == 2


def test_a_picture_of_another_source_is_looked_at(forge, notes, tmp_path):
    """A package holds the cards of all sources, whichever of them a run reads."""
    (notes / "ball.png").write_bytes(b"\x89PNG\r\n\x1a\n one")
    (notes / "Shapes.md").write_text("What is round?::![[ball.png]]\n", "utf-8")
    forge.ok("run")
    (other := tmp_path / "other.txt").write_text("The ==old word== is here.\n", "utf-8")
    forge.ok("run", other)
    forge.ok("run", other)
    before = (forge.folder / "ankiforge.apkg").read_bytes()
    (notes / "ball.png").write_bytes(b"\x89PNG\r\n\x1a\n two")
    forge.ok("run", other)
    assert (forge.folder / "ankiforge.apkg").read_bytes() != before


# --- Zotero's database ----------------------------------------------------------------------

MARKS = (
    Annotation("AAAA2222", "Spacing improves the retention of facts over weeks"),
    Annotation("BBBB2222", "Testing oneself is more useful than reading again", top=2),
)


def write_library(folder: Path, *marks: Annotation) -> None:
    """Write a library of one's own with two papers, and a shared one."""
    sleep = Annotation("CCCC2222", "Sleep strengthens what was learnt the day before")
    mixed = Annotation("DDDD2222", "Interleaving helps to tell kinds of problems apart")
    papers = (
        Attachment("ATTACH01", "a.pdf", marks),
        Attachment("ATTACH02", "b.pdf", (sleep,)),
        Attachment("ATTACH03", "c.pdf", (mixed,)),
    )
    works = tuple(
        Work(f"PAPER{paper.key[-3:]}", {"title": paper.file_name}, attachments=(paper,))
        for paper in papers
    )
    shared = Library(works[2:], group=7, name="Lab")
    write_zotero(folder / "zotero.sqlite", [Library(works[:2]), shared])
    for paper in papers:
        path = folder / "storage" / paper.key / paper.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        words = " ".join(f"{mark.text}." for mark in paper.annotations)
        write_pdf(path, [Page((paragraph(words),))])
    age(folder)


@pytest.fixture
def zotero(forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_waiting) -> Path:
    """A data folder that was read."""
    monkeypatch.setattr(files, "TICK_NS", 0)
    folder = tmp_path / "Zotero"
    folder.mkdir()
    write_library(folder, *MARKS)
    settings = (
        f"sources:\n- zotero: {{name: z, path: {folder}}}\nanki: {{collection: none}}\n"
    )
    forge.settings(settings)
    forge.ok("init", "--trust", forge.folder)
    forge.ok("run")
    return folder


@pytest.fixture
def openings(zotero: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """How often the database is opened from now on."""
    from ankiforge.extract.zotero import reader

    seen: list[Path] = []
    real = reader.open_database

    def opened(path, *arguments, **more):
        seen.append(path)
        return real(path, *arguments, **more)

    monkeypatch.setattr(reader, "open_database", opened)
    return seen


def test_an_unchanged_library_is_not_opened_and_all_of_it_is_there(
    forge, zotero, openings
):
    before = traces(forge)
    found = forge.json("run")
    assert openings == []
    assert found["highlights"] == {
        "seen": 4, "new": 0, "changed": 0, "gone": 0, "unchanged": 4,
    }  # fmt: skip
    assert traces(forge) == before


@pytest.mark.parametrize("how", [(), ("--json",)], ids=["people", "json"])
def test_a_run_that_opens_nothing_says_what_another_says(forge, zotero, openings, how):
    short = forge.ok("run", *how)
    assert openings == []
    os.utime(zotero / "zotero.sqlite", (LONG_AGO, LONG_AGO + 1.5))
    assert short == forge.ok("run", *how)
    assert len(openings) == 1


def test_a_mark_that_was_erased_is_gone_though_nothing_changes_again(
    forge, zotero, openings
):
    write_library(zotero, MARKS[0])
    assert forge.json("run")["highlights"]["gone"] == 0
    assert len(openings) == 1
    assert forge.json("run")["highlights"]["gone"] == 1
    assert len(openings) == 1


def test_a_library_that_changed_while_it_was_read_is_read_again(
    forge, zotero, openings, monkeypatch
):
    from ankiforge.extract.zotero import reader

    real = reader.open_database

    def opened(*arguments, **more):
        if not openings:  # Zotero writes meanwhile
            now = time.time_ns()
            os.utime(zotero / "zotero.sqlite", ns=(now, now))
        return real(*arguments, **more)

    monkeypatch.setattr(reader, "open_database", opened)
    write_library(zotero, MARKS[0])
    for opened_so_far in (1, 2, 2):
        forge.ok("run")
        assert len(openings) == opened_so_far


@pytest.mark.parametrize(
    "changed",
    ["zotero.sqlite-wal", "cache/web.json", "storage/ATTACH04", "storage/ATTACH02/b.pdf"],
)
def test_a_library_beside_which_something_changed_is_opened(
    forge, zotero, openings, changed
):
    path = zotero / changed
    path.parent.mkdir(exist_ok=True)
    if path.suffix:
        path.write_bytes(b"")
    else:
        path.mkdir()
    forge("run")
    assert len(openings) == 1


def test_a_library_of_which_something_else_is_wanted_is_opened(forge, zotero, openings):
    settings = forge.folder / "ankiforge.yaml"
    settings.write_text(
        settings.read_text("utf-8").replace("name: z,", "name: z, library: user,"),
        "utf-8",
    )
    forge.ok("init", "--trust", forge.folder)
    assert forge.json("run")["highlights"]["seen"] == 3
    assert len(openings) == 1


# --- what is loaded -----------------------------------------------------------------------

NOT_LOADED = re.compile(
    r"markdown_it|genanki|rapidfuzz|pypdf|pypdfium2|backports|xml|csv"
    r"|ankiforge\.(check|reports|review|web|features\.[a-z]+\.|extract\.(pdf|books|exports|zotero)"
    r"|extract\.markdown\.(parts|note|blocks)|anki\.(plan|package|collection|render|notes)"
    r"|draft\.(propose|rules|client|llm|prompt|reply|server))\b"
)


@pytest.mark.usefixtures("takes_marks")
def test_it_loads_no_reader_drafter_check_or_package(forge, notes, monkeypatch):
    forge.ok("run")
    forge.ok("run", "-q")
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")  # each module is told
    done = forge.finished("run", "-q")
    assert done.exit_code == 0
    loaded = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]
    assert [name for name in loaded if NOT_LOADED.match(name)] == []
    assert 60 < len([name for name in loaded if name.startswith("ankiforge.")]) <= 112
    assert len(loaded) <= 340


def test_an_edited_note_in_which_nothing_is_marked_is_not_parsed(
    forge, notes, monkeypatch
):
    forge.ok("run")
    (notes / "Plain.md").write_text("Nothing is marked in these words.\n", "utf-8")
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    done = forge.finished("run", "-q")
    assert done.exit_code == 0
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "ankiforge.extract.markdown.syntaxes" in loaded
    assert loaded.isdisjoint(("markdown_it", "ankiforge.extract.markdown.parsed_note"))


def test_what_is_only_shown_needs_no_ledger(forge, notes, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    done = forge.finished("run", "--dry-run", "-v", notes)
    assert "mitochondrion" in done.stdout
    loaded = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]
    assert "ankiforge.extract.markdown.note_reader" in loaded
    unwanted = ("ankiforge.ledger", "ankiforge.check", "ankiforge.anki", "sqlite3.dbapi")
    assert [name for name in loaded if name.startswith(unwanted)] == []


def test_an_unchanged_run_loads_no_model(forge, notes, monkeypatch):
    assert "ankiforge review" in forge.ok("run", notes).stdout
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    done = forge.finished("run")
    assert "nothing new" in done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert loaded.isdisjoint(("openai", "ankiforge.draft.llm", "ankiforge.draft.chat"))
