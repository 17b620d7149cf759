"""PATHs that `run` remembers, and `forget` forgets."""

import shutil

import pytest

from ankiforge.errors import LedgerError
from ankiforge.extract.base import get_scan_progress
from ankiforge.pipeline.selection import explain_broad_path
from ankiforge.pipeline.workspace import Workspace, show_no_progress
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf

LENS = "The ==lens of an eye== bends light, as is known.\n"


@pytest.fixture
def texts(forge):
    """Two files in a folder, each remembered by itself."""
    folder = forge.folder / "texts"
    folder.mkdir()
    (folder / "a.md").write_text(f"Katze:::cat\n\n{LENS}")
    (folder / "b.md").write_text("Hund:::dog\n")
    forge.ok("run", folder / "a.md", folder / "b.md")
    return folder


def remembered(forge):
    return forge.json("status")["remembered"]


def state(forge):
    return {card["id"]: (card["verdict"], card["fields"]) for card in forge.cards()}


@pytest.mark.usefixtures("takes_marks")
def test_a_forgotten_path_leaves_its_cards_and_comes_back_under_the_same_keys(
    forge, texts
):
    before = state(forge)
    told = forge.json("forget", texts / "a.md")
    assert told == {"forgotten": [str(texts / "a.md")], "highlights": 2}
    assert remembered(forge) == [str(texts / "b.md")]
    assert state(forge) == before
    assert forge.json("status")["highlights"]["total"] == 1

    (texts / "a.md").write_text(LENS.replace("light", "all light"))
    counts = forge.json("run")["highlights"]
    assert (counts["seen"], counts["changed"], counts["gone"]) == (1, 0, 0)
    assert state(forge) == before

    (texts / "a.md").write_text(f"Katze:::a cat\n\n{LENS}")
    counts = forge.json("run", texts / "a.md")["highlights"]
    assert (counts["new"], counts["changed"]) == (0, 1)
    assert state(forge).keys() == before.keys()
    assert "a cat" in str(state(forge))
    assert remembered(forge) == [str(texts / "b.md"), str(texts / "a.md")]


@pytest.mark.usefixtures("takes_marks")
def test_a_folder_that_was_not_given_forgets_nothing_and_names_what_is_in_it(
    forge, texts
):
    before = state(forge)
    for folder in (texts, texts.parent, "/"):
        told = forge("forget", folder, code=2).stderr
        assert f"{folder} is not remembered" in told
        assert "ankiforge forget texts/a.md" in told
    assert len(remembered(forge)) == 2
    forge.ok("forget", texts / "a.md")
    forge.ok("forget", texts / "b.md")
    assert remembered(forge) == []
    assert state(forge) == before
    told = forge.json("run")  # there is nothing to read, but Anki is looked at
    assert told["highlights"]["seen"] == 0
    assert len(forge.cards("verdict:accepted")) == 3


def test_what_was_deleted_in_anki_is_seen_after_the_only_path_was_forgotten(
    forge, texts, backend
):
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        forge.ok("run")
        forge.ok("forget", texts / "a.md")
        forge.ok("forget", texts / "b.md")
        [deleted] = [card for card in forge.cards() if "Katze" in str(card["fields"])]
        anki.col.remove_notes([anki.note(deleted["guid"]).id])
        forge.ok("run")
    [now] = [card for card in forge.cards() if card["guid"] == deleted["guid"]]
    assert now["anki"] == "deleted"


def test_without_a_path_and_without_a_card_there_is_nothing_to_read(forge):
    assert "there is nothing to read" in forge("run", code=2).stderr


def test_drafts_of_a_forgotten_path_wait_no_more_and_wait_again_when_it_is_read(
    forge, tmp_path
):
    folder = forge.folder / "texts"
    folder.mkdir()
    (folder / "a.md").write_text(LENS)
    forge.ok("run", folder, "--accept", "review")
    [draft] = forge.cards("verdict:waiting")
    forge.ok("forget", folder)
    assert forge.json("status")["waiting"]["total"] == 0
    forge.ok("run", folder, "--accept", "review")
    assert [one["id"] for one in forge.cards("verdict:waiting")] == [draft["id"]]


@pytest.mark.usefixtures("takes_marks")
def test_a_path_that_is_not_there_any_more_can_be_forgotten(forge, texts):
    (other := forge.folder / "other").mkdir()
    (other / "c.md").write_text("Maus:::mouse\n")
    forge.ok("run", other)
    shutil.rmtree(other)
    told = forge("run").stderr
    assert "ankiforge forget other" in told
    forge.ok("forget", other)
    assert "missing" not in forge.ok("run").stderr
    assert len(forge.cards("verdict:accepted")) == 4


@pytest.mark.parametrize(("named", "count"), [("texts", 0), ("texts/more", 2)])
def test_what_a_folder_of_the_settings_reads_too_is_not_forgotten(
    forge, texts, named, count
):
    [name] = forge.json("status")["sources"]
    (texts / "more").mkdir()
    (texts / "more" / "c.md").write_text("Maus:::mouse\n")
    source = f"{{name: {name}, path: {forge.folder / named}}}"
    forge.settings(f"sources: [obsidian: {source}]\n", trust=True)
    forge.ok("run", texts / "a.md")
    assert forge.json("forget", texts / "a.md")["highlights"] == count


def test_what_is_not_remembered_is_named_with_the_nearest(forge, texts):
    told = forge("forget", texts / "c.md", code=2).stderr
    assert "is not remembered" in told
    forge.ok("forget", texts / "a.md")
    forge.ok("forget", texts / "b.md")
    forge.ok("run", texts)
    told = forge("forget", texts / "a.md", code=2).stderr
    assert f"but {texts} is; to forget it" in told
    forge.ok("forget", texts)
    forge.settings(f"sources: [obsidian: {{path: {texts}}}]\n", trust=True)
    told = forge("forget", texts, code=2).stderr
    assert "ankiforge.yaml names it" in told


def test_one_of_two_exports_is_forgotten_and_the_other_stays(forge):
    entry = "{} Book (Author)\n- Your Highlight at location {} | Added on Thursday, January 1, 2015 10:00:00 AM\n\n{} passage.\n==========\n"
    for number, name in enumerate(("One", "Two"), 1):
        folder = forge.folder / name
        folder.mkdir()
        text = entry.format(name, f"{number}-{number}", name)
        (folder / "My Clippings.txt").write_text(text)
        forge.ok("run", folder / "My Clippings.txt")
    assert forge.json("run")["highlights"]["seen"] == 2
    forge.ok("forget", forge.folder / "Two" / "My Clippings.txt")
    counts = forge.json("run")["highlights"]
    assert (counts["seen"], counts["new"], counts["gone"]) == (1, 0, 0)


def test_a_path_that_fails_at_its_first_run_is_not_remembered(forge, texts):
    bad = texts / "bad.pdf"
    bad.write_bytes(b"%PDF-1.7\nbroken")
    told = forge("run", bad, code=1)
    assert "Added" not in told.stdout
    assert remembered(forge) == [str(texts / "a.md"), str(texts / "b.md")]

    write_pdf(bad, [Page((paragraph("Sleep is deep."),), (mark("Sleep is deep."),))])
    assert "Added" in forge.ok("run", bad).stdout
    assert str(bad) in remembered(forge)
    bad.write_bytes(b"%PDF-1.7\nbroken")
    forge("run", bad, code=1)
    forge("run", code=1)
    assert str(bad) in remembered(forge)  # it was read once


# --- forget one, keep the others ----------------------------------------------------------------


def test_a_folder_takes_along_what_was_found_in_it_but_no_path_that_was_given(
    forge, tmp_path
):
    """The folder of a file that was given is a source of its own, also within another."""
    folder = tmp_path / "all" / "sub"
    folder.mkdir(parents=True)
    for name in ("a", "b", "c"):
        (folder / f"{name}.md").write_text(f"What is {name}?::{name}\n")
    (folder.parent / "x.md").write_text(LENS)
    forge.ok("run", folder / "a.md")
    forge.ok("run", folder.parent)
    forge.ok("run", folder / "c.md")  # a part of what is remembered
    assert remembered(forge) == [str(folder / "a.md"), str(folder.parent), str(folder)]
    assert forge.json("forget", folder.parent)["highlights"] == 3
    assert remembered(forge) == [str(folder / "a.md")]
    assert forge.json("run")["highlights"]["seen"] == 1
    assert len(forge.cards("verdict:accepted")) == 3


def test_sources_of_two_kinds_with_one_name_are_forgotten_one_by_one(forge, tmp_path):
    (tmp_path / "a" / "notes" / ".obsidian").mkdir(parents=True)
    (tmp_path / "a" / "notes" / "n.md").write_text(LENS)
    papers = tmp_path / "b" / "notes"
    papers.mkdir(parents=True)
    page = Page((paragraph("Sleep is deep."),), (mark("Sleep is deep."),))
    write_pdf(papers / "p.pdf", [page])
    forge.ok("run", tmp_path / "a" / "notes", papers)
    assert forge.json("status")["highlights"]["total"] == 2
    assert forge.json("forget", papers)["highlights"] == 1


# --- undo ---------------------------------------------------------------------------------------


def everything(forge):
    """All that a person sees of cards, drafts, sources and decks."""
    lists = forge.lists("all", "new", "none")
    return lists, remembered(forge), forge.json("status")["highlights"]


@pytest.fixture
def desk(forge):
    """A vault with marks and a deck of its own, and a copy of one of its passages elsewhere."""
    (forge.folder / "v" / ".obsidian").mkdir(parents=True)
    bold = "A fen is **wet** all the year, and it is fed by the water of a river.\n"
    (forge.folder / "v" / "a.md").write_text(f"Katze:::cat\n\n{bold}\n{LENS}")
    (forge.folder / "copy.md").write_text(LENS)
    path = forge.folder / "v"
    forge.ok("run", path, "--deck", "Bogs", "--marks", "bold", "--accept", "review")
    forge.ok("run", forge.folder / "copy.md", "--accept", "review")
    return forge.folder


@pytest.mark.parametrize("runs", [0, 1])
def test_undo_takes_a_forget_back_with_drafts_deck_and_marks(forge, desk, runs):
    before = everything(forge)
    forge.ok("forget", desk / "v")
    for _ in range(runs):
        forge.ok("run", "--accept", "review")
    assert everything(forge) != before
    told = forge.ok("undo")
    assert f"undone: forget {desk / 'v'}\n" in told.stderr
    waiting = {card["id"] for card in before[0][1]}
    assert waiting <= {card["id"] for card in forge.cards("verdict:waiting")}
    forge.ok("run", "--accept", "review")
    after = everything(forge)
    assert (after[0], sorted(after[1]), after[2]) == (
        before[0],
        sorted(before[1]),
        before[2],
    )
    assert "Bogs" in str(before[0])
    assert "nothing to undo" in forge("undo", code=1).stderr


def test_undo_goes_back_in_order_through_decisions_and_forgets(forge, desk):
    drafts = [card["id"] for card in forge.cards("verdict:waiting")]
    forge.ok("accept", drafts[0])
    forge.ok("forget", desk / "copy.md")
    forge.ok("forget", desk / "v")
    [draft, *_] = [
        card["id"] for card in forge.cards("verdict:accepted") if card["deck"] == "Bogs"
    ]
    forge.ok("reject", draft)
    told = [forge.ok("undo").stderr for _ in range(4)]
    assert ["undone: forget" in each for each in told] == [False, True, True, False]
    assert sorted(remembered(forge)) == [str(desk / "copy.md"), str(desk / "v")]
    forge.ok("forget", desk / "v")
    told = forge.ok("undo", "--json").data
    assert told == {"id": "forget", "guid": None, "done": True, "refused": ""}


def test_a_forget_that_was_mended_otherwise_is_no_step_of_undo(forge, desk):
    forge.ok("forget", desk / "v")
    options = ("--deck", "Bogs", "--marks", "bold", "--accept", "review")
    forge.ok("run", desk / "v", *options)
    assert "nothing to undo" in forge("undo", code=1).stderr


def test_undo_says_why_a_forget_stays_if_its_name_was_taken(forge, desk):
    forge.ok("forget", desk / "v")
    other = desk / "other" / "v"
    (other / ".obsidian").mkdir(parents=True)
    (other / "b.md").write_text("Hund:::dog\n")
    forge.ok("run", other)
    told = forge("undo", code=1).stderr
    assert f"{desk / 'v'} stays forgotten: another source has its name by now" in told
    assert f"hint: ankiforge run {desk / 'v'}" in told
    assert "nothing to undo" in forge("undo", code=1).stderr


CLIPPING = """{book} (A. Author)
- Your Highlight on page {page} | Location {page}-{page} | Added on Monday, 2 March 2026 10:00:00

The liver of the {animal} weighs {page} kilos.
==========
"""


@pytest.mark.usefixtures("takes_marks")
@pytest.mark.parametrize("forgotten", ["a", "b"])
def test_another_export_of_the_same_account_stays(forge, forgotten):
    for name, animal in ("a", "whale"), ("b", "horse"):
        file = forge.folder / name / "My Clippings.txt"
        file.parent.mkdir()
        text = CLIPPING.format(book=f"The {animal}", page=len(animal), animal=animal)
        file.write_text(text + CLIPPING.format(book="Both", page=9, animal=animal))
        forge.ok("run", file, "--accept", "review")
    before = everything(forge)[0], sorted(remembered(forge))
    assert forge.json("status")["highlights"]["total"] == 4

    told = forge.json("forget", forge.folder / forgotten / "My Clippings.txt")
    assert told["highlights"] == 1
    forge.ok("run", "--accept", "review")
    assert forge.json("status")["highlights"]["total"] == 2

    forge.ok("undo")
    forge.ok("run", "--accept", "review")
    assert (everything(forge)[0], sorted(remembered(forge))) == before


# --- read to the end ----------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, LedgerError("full")])
def test_a_path_that_was_not_read_to_its_end_is_not_remembered(forge, vault, error):
    (vault / "a.md").write_text(LENS)

    def fail() -> None:
        raise error

    def show(sources):
        for source in sources:
            get_scan_progress(source).on_step = fail
        return show_no_progress(sources)

    with (
        forge.here(),
        pytest.raises((KeyboardInterrupt, LedgerError)),
        Workspace() as opened,
    ):
        opened.run([vault], show=show)
    assert remembered(forge) == []
    forge.ok("run", vault)
    assert remembered(forge) == [str(vault)]


@pytest.mark.parametrize("keeps", ["journal", "nothing"])
def test_after_the_database_was_deleted_a_run_names_the_paths_that_are_unknown(
    forge, vault, keeps
):
    (vault / "a.md").write_text("Katze:::cat\n")
    forge.ok("run", vault)
    shutil.rmtree(forge.home / ".ankiforge")
    if keeps == "nothing":
        shutil.rmtree(forge.home / "journal")
        assert "there is nothing to read" in forge("run", code=2).stderr
        return
    lost = (
        "note: .ankiforge: was lost with the PATHs of your sources, so these are not read,"
        " and their cards stay: notes (1 document)"
    )
    told = [forge.ok(*command).stderr for command in (["status"], ["run"], ["run"])]
    assert [lost in each for each in told] == [True, True, True]
    assert "ankiforge run PATH for each, with its --deck and --marks" in told[0]
    forge.ok("run", vault)
    assert lost not in forge.ok("run").stderr
    assert len(forge.cards()) == 1


# --- what is far more than notes ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/", "is a whole drive"),
        ("home", "is your home folder"),
        (".", "contains your home folder"),
        ("home/Notes", None),
        ("notes", None),
        ("home/link", "is your home folder"),
        ("home/Notes/a.md", None),
        ("home/nowhere", None),
    ],
)
def test_what_is_asked_about_first(tmp_path, monkeypatch, path, told):
    home = tmp_path / "home"
    (home / "Notes").mkdir(parents=True)
    (home / "Notes" / "a.md").write_text(LENS)
    (tmp_path / "notes").mkdir()
    (home / "link").symlink_to(home)
    monkeypatch.setenv("HOME", str(home))
    assert explain_broad_path(tmp_path / path) == told


@pytest.mark.parametrize("command", ["run", "review", "draft"])
def test_a_home_folder_is_refused_where_nobody_can_be_asked(forge, command):
    (forge.home / "Notes").mkdir(parents=True)
    (forge.home / "Notes" / "a.md").write_text("Katze:::cat\n")
    for options in ((), ("--json",)) if command == "run" else ((),):
        told = forge(command, forge.home, *options, code=2).stderr
        assert f"{forge.home} is your home folder, so it was not read" in told
        assert "ankiforge run ~ --yes" in told
    assert remembered(forge) == []
    forge.ok("run", forge.home / "Notes")
    forge.ok("run", forge.home, "--yes")
    assert str(forge.home) in remembered(forge)
    forge.ok("run", forge.home)  # it was agreed to
