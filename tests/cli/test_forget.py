"""PATHs that `run` remembers, and `forget` forgets."""

import shutil

import pytest

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
def test_a_folder_forgets_every_path_in_it(forge, texts):
    assert forge.json("forget", texts)["highlights"] == 3
    assert remembered(forge) == []
    told = forge.json("run")  # there is nothing to read, but Anki is looked at
    assert told["highlights"]["seen"] == 0
    assert len(forge.cards("verdict:accepted")) == 3


def test_what_was_deleted_in_anki_is_seen_after_the_only_path_was_forgotten(
    forge, texts, backend
):
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        forge.ok("run")
        forge.ok("forget", texts)
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
    assert forge.json("status")["cards"]["waiting"] == 0
    forge.ok("run", folder, "--accept", "review")
    assert [one["id"] for one in forge.cards("verdict:waiting")] == [draft["id"]]


@pytest.mark.usefixtures("takes_marks")
def test_a_path_that_is_not_there_any_more_can_be_forgotten(forge, texts):
    (other := forge.folder / "other").mkdir()
    (other / "c.md").write_text("Maus:::mouse\n")
    forge.ok("run", other)
    shutil.rmtree(other)
    told = forge("run").stderr
    assert f"ankiforge forget {other}" in told
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
    assert f"did you mean {texts / 'b.md'}?" in told
    forge.ok("forget", texts)
    forge.ok("run", texts)
    told = forge("forget", texts / "a.md", code=2).stderr
    assert f"a part of {texts}, which is remembered as a whole" in told
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
    forge.ok("forget", forge.folder / "Two")
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
