"""What a watcher does with what happens to its sources: on real files, in the test's own time."""

import os
import shutil
from pathlib import Path

import pytest

from ankiforge.cli import passes as watching
from ankiforge.extract import files
from samples.pdf_writer import Page, mark, paragraph, write_pdf
from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

CELLS = "The ==mitochondrion== makes ATP.\n\nWhat is osmosis?::Movement of water\n"
LENS = "\nThe ==aperture== decides how much light enters.\n"


@pytest.fixture(autouse=True)
def _notes(vault: Path) -> None:
    (vault / "Cells.md").write_text(CELLS, "utf-8")
    (vault / "Other.md").write_text("Nothing is marked here.\n", "utf-8")


def passes(told) -> list[str]:
    return [name for name, _ in told if name == "pass"]


def problems(told) -> list[str]:
    return [f"{one.where}: {one.what}" for name, one in told if name == "problem"]


# --- how programs save ------------------------------------------------------------------------


def in_place(note: Path, text: str) -> None:
    note.write_text(text, "utf-8")


def by_rename(note: Path, text: str) -> None:
    beside = note.with_name(".Cells.md.tmp")
    beside.write_text(text, "utf-8")
    beside.replace(note)


def as_vim(note: Path, text: str) -> None:
    note.rename(note.with_name("Cells.md~"))
    note.write_text(text, "utf-8")
    note.with_name("Cells.md~").unlink()


def emptied_first(note: Path, text: str) -> None:
    with note.open("w", encoding="utf-8") as file:
        file.flush()
        file.write(text)


@pytest.mark.parametrize("save", [in_place, by_rename, as_vim, emptied_first])
def test_a_new_mark_is_a_card_however_the_note_is_saved(forge, watch, vault, save):
    watched = watch()
    (vault / "Cells.md").read_text("utf-8")
    (vault / "drawing.canvas").write_text("{}", "utf-8")
    assert passes(watched.turn()) == [], "a hint without a change"
    guid = next(card["guid"] for card in forge.cards() if card["kind"] == "cloze")
    forge.ok("reject", guid)
    save(vault / "Cells.md", CELLS + LENS)
    assert passes(watched.turn()) == ["pass"]
    verdicts = {card["guid"]: card["verdict"] for card in forge.cards()}
    assert len(verdicts) == 3
    assert verdicts[guid] == "rejected", "a decision made beside it stands"


def test_very_many_notes_at_once_are_one_pass(forge, watch, vault):
    watched = watch()
    for number in range(1200):
        (vault / f"Note {number}.md").write_text("Plain words.\n", "utf-8")
    (vault / "Note 17.md").write_text(LENS, "utf-8")
    assert passes(watched.turn()) == ["pass"]
    assert len(forge.cards()) == 3


def test_renamed_notes_and_moved_folders_keep_their_cards(forge, watch, vault):
    watched = watch()
    before = {card["guid"] for card in forge.cards()}
    (vault / "Cells.md").rename(vault / "Zellen.md")
    watched.turn()
    (vault / "deep").mkdir()
    (vault / "Zellen.md").rename(vault / "deep" / "Zellen.md")
    watched.turn()
    (vault / "deep").rename(vault / "deeper")
    watched.later(30)
    assert {card["guid"] for card in forge.cards()} == before
    assert {card["standing"] for card in forge.cards()} == {"live"}


def test_a_conflict_copy_is_told_of_and_gives_no_card(forge, watch, vault):
    watched = watch()
    copy = "Cells.sync-conflict-20260101-120000-ABCDEFG.md"
    shutil.copy(vault / "Cells.md", vault / copy)
    assert problems(watched.turn()) == [f"{copy}: a conflict copy was left out"]
    (vault / copy).unlink()
    assert "mended" in [name for name, _ in watched.turn()]
    assert len(forge.cards()) == 2


def test_what_was_deleted_is_looked_for_twice_and_then_gone(forge, watch, vault, no_waiting):
    watched = watch()
    watched.later(150)  # what was not quiet yet is not accepted, and goes with its passage
    (vault / "Cells.md").write_text("The ==mitochondrion== makes ATP.\n", "utf-8")
    assert passes(watched.turn()) == ["pass"]
    assert forge.cards("finding:source_gone") == []
    watched.later(30)
    [gone] = forge.cards("finding:source_gone")
    assert gone["fields"]["Front"] == "What is osmosis?"
    assert passes(watched.later(60)) == []


# --- what is lost, and comes back --------------------------------------------------------------


def test_a_vault_that_is_gone_or_empty_is_told_of_and_nothing_is_deleted(
    forge, watch, vault, tmp_path, no_waiting
):
    watched = watch()
    vault.rename(tmp_path / "away")
    assert [one.partition(" ")[0] for one in problems(watched.later(30))] == ["obsidian"]
    vault.mkdir()
    assert "is suddenly empty" in problems(watched.later(30))[0]
    vault.rmdir()
    (tmp_path / "away").rename(vault)
    told = watched.later(30)
    assert "mended" in [name for name, _ in told]
    assert {card["standing"] for card in forge.cards()} == {"live"}
    (vault / "Cells.md").write_text(CELLS + LENS, "utf-8")
    watched.turn()
    assert len(forge.cards()) == 3


def test_it_follows_a_vault_that_was_put_in_the_place_of_another(watch, vault):
    watched = watch()
    shutil.copytree(vault, vault.with_name("copy"))
    shutil.rmtree(vault)
    vault.with_name("copy").rename(vault)
    followed: list[list[Path]] = []
    watched.follow = lambda roots: followed.append(sorted(roots))
    watched.later(5)
    assert followed == [[vault]]


def test_an_event_that_was_lost_is_made_good_within_minutes(forge, watch, vault):
    watched = watch()
    (vault / "Cells.md").write_text(CELLS + LENS, "utf-8")
    assert passes(watched.later(60)) == []
    assert passes(watched.later(300)) == ["pass"]


@pytest.mark.parametrize("kind", ["markdown", "pdf", "zotero", "readwise"])
def test_a_change_of_any_source_is_seen_without_reading_it(
    forge, desk, settings, watch, tmp_path, monkeypatch, kind
):
    root = tmp_path / kind

    def write(*words: str) -> None:
        if kind == "markdown":
            (root / "a.txt").write_text("\n\n".join(f"==The {one} is kept.==" for one in words))
        elif kind == "pdf":
            page = Page([paragraph(one) for one in words], [mark(one) for one in words])
            write_pdf(root / "a.pdf", [page])
        elif kind == "zotero":
            marks = tuple(Annotation(f"MARKAAA{n}", one) for n, one in enumerate(words, 2))
            work = Work("PAPER001", {"title": "T"}, attachments=(Attachment("A1", "a.pdf", marks),))
            write_zotero(root / "zotero.sqlite", [Library((work,))])
        else:
            rows = "".join(f"{one},Book\n" for one in words)
            root.with_suffix(".csv").write_text(f"Highlight,Book Title\n{rows}")

    root.mkdir()
    write("lens")
    path = root.with_suffix(".csv") if kind == "readwise" else root
    settings(source=f"{kind}: {{name: more, path: {path}}}")
    forge.ok("init", "--trust", desk)
    monkeypatch.setattr(files, "TICK_NS", 0)
    watched = watch()
    assert passes(watched.later(30)) == []
    write("lens", "valve")
    assert "pass" in passes(watched.later(310))


def test_after_a_sleep_all_is_looked_at(watch, vault):
    watched = watch()
    (vault / "Cells.md").write_text(CELLS + LENS, "utf-8")
    wait = watched.wait

    def asleep(seconds: float) -> bool:
        watched.ahead += 40
        watched.wait = wait
        return False

    watched.wait = asleep
    assert passes(watched.later(60)) == ["pass"]


def test_without_events_it_looks_often_and_says_so(watch, vault):
    watched = watch()
    watched.silent = "the limit of watches is reached"
    vault.rename(vault.with_name("away"))
    watched.later(5)
    vault.with_name("away").rename(vault)
    watched.later(10)
    assert [one for one in problems(watched.told) if "no events" in one]
    (vault / "Cells.md").write_text(CELLS + LENS, "utf-8")
    assert passes(watched.later(15)) == ["pass"]


# --- what goes wrong --------------------------------------------------------------------------


def test_damaged_settings_are_told_once_and_read_when_they_are_mended(
    forge, settings, watch, vault
):
    watched = watch()
    settings("nonsense: true\n")
    assert len(problems(watched.later(60))) == 1
    (vault / "Cells.md").write_text(CELLS + LENS, "utf-8")
    watched.turn()
    settings("me: [Ada]\n")
    told = watched.later(60)
    assert "started" in [name for name, _ in told]
    assert len(forge.cards()) == 3


def test_a_source_nobody_trusts_is_not_read_though_the_settings_name_it(
    forge, settings, watch, tmp_path
):
    watched = watch()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.md").write_text(LENS, "utf-8")
    settings(source=f"obsidian: {{name: secret, path: {tmp_path / 'secret'}}}")
    assert "secret" in problems(watched.later(10))[0]
    settings()
    watched.later(60)
    assert len(forge.cards()) == 2


def test_a_note_that_is_no_text_is_told_once_and_the_others_go_on(forge, watch, vault):
    watched = watch()
    (vault / "Broken.md").write_bytes(b"Caf\xe9 ==x==")
    (vault / "Cells.md").write_text(CELLS + LENS, "utf-8")
    assert len(problems(watched.turn())) == 1
    assert len(forge.cards()) == 3
    (vault / "Cells.md").write_text(CELLS, "utf-8")
    assert problems(watched.turn()) == []
    (vault / "Broken.md").write_text("Caf\xe9", "utf-8")
    assert "mended" in [name for name, _ in watched.turn()]


# --- beside others ----------------------------------------------------------------------------


def test_after_another_program_has_read_everything_is_read(forge, watch, vault, tmp_path):
    watched = watch()
    (vault / "Other.md").write_text(LENS, "utf-8")
    forge.ok("run")
    assert passes(watched.turn()) == ["pass"]
    (vault / "Cells.md").write_text(CELLS.replace("ATP", "energy"), "utf-8")
    assert passes(watched.turn()) == ["pass"]
    assert len(forge.cards()) == 3


# --- delivering -------------------------------------------------------------------------------


def test_a_quiet_note_goes_out_after_two_minutes_and_half_a_sentence_does_not(
    desk, watch, vault, notes_in
):
    watched = watch()
    package = desk / "ankiforge.apkg"
    watched.later(60)
    assert not package.exists()
    told = watched.later(120)
    assert [one.added for name, one in told if name == "delivered"] == [2]
    before = notes_in(package)
    assert len(before) == 2
    (vault / "Other.md").write_text(LENS, "utf-8")
    watched.turn()
    watched.ahead += 100
    now = watched.clock()
    (vault / "Cells.md").write_text(CELLS.replace("water", "wat"), "utf-8")
    os.utime(vault / "Cells.md", (now, now))
    watched.turn()
    watched.later(60)
    half = notes_in(package)
    assert {guid: half[guid] for guid in before} == before
    assert len(half) == 3
    watched.later(180)
    assert notes_in(package).keys() == half.keys()
    # whether "wat" corrects "water" is for a person to say
    assert {guid: notes_in(package)[guid] for guid in before} == before


@pytest.mark.parametrize("between", [5, 35, 61, 90, 115])
def test_the_last_save_is_delivered_within_two_and_a_half_minutes(watch, vault, *, between):
    """However it falls in between the deliveries of other notes; and not before two minutes."""
    watched = watch()
    watched.later(180)

    def save(name: str, text: str) -> float:
        (vault / name).write_text(text, "utf-8")
        os.utime(vault / name, (watched.clock(), watched.clock()))
        watched.turn()
        return watched.clock()

    save("Other.md", LENS)
    watched.later(between)
    last = save("Cells.md", CELLS + "\n" + LENS.replace("aperture", "pupil"))
    came: list[float] = []
    while watched.clock() < last + 300:
        told = watched.later(1)
        came += [watched.clock() - last for name, _ in told if name == "delivered"]

    assert len(came) == 2
    assert 120 <= came[-1] <= 150


def test_what_was_accepted_beside_it_is_in_the_package_soon(
    forge, desk, settings, watch, vault, notes_in
):
    settings("accept: {rules: review}\n")
    watched = watch()
    watched.later(300)
    assert not (desk / "ankiforge.apkg").exists()
    forge.ok("accept", "--all")
    watched.later(300)
    assert len(notes_in(desk / "ankiforge.apkg")) == 2


# --- a model ----------------------------------------------------------------------------------


def test_a_model_that_is_down_is_told_once_and_asked_again(forge, settings, watch, vault, fake):
    (vault / "Cells.md").write_text("==We should all sleep much more than we do.==\n", "utf-8")
    with fake.LlmServer() as server:
        settings(llm=f"base_url: {server.base_url}")
    watched = watch()
    assert passes(watched.later(10))
    assert len([one for one in problems(watched.told) if one.startswith("model")]) == 1
    assert forge.cards() == []


def test_a_model_drafts_some_at_a_time_until_nothing_is_left_within_one_budget(
    forge, settings, watch, vault, fake, monkeypatch
):
    monkeypatch.setattr(watching, "PORTION", 2)
    lines = [f"==The passage number {number} says something else.==" for number in range(5)]
    (vault / "Cells.md").write_text("\n\n".join(lines), "utf-8")
    with fake.LlmServer() as server:
        cost = "price_usd: [1, 1], budget_usd: 1.0"
        settings(llm=f"base_url: {server.base_url}, candidates: 1, {cost}")
        watched = watch()
        watched.later(10)
        assert len(forge.cards()) == 5
        asked = len(server.asked)
        spent = watched.passes._spent
        assert spent > 0
        (vault / "Other.md").write_text("==One more passage that says something.==\n", "utf-8")
        watched.turn()
        assert len(server.asked) == asked + 1
        assert watched.passes._spent > spent


# --- a running Anki ---------------------------------------------------------------------------


def test_what_is_quiet_is_pushed_and_a_closed_anki_is_asked_again(
    desk, settings, watch, vault, serving, tmp_path
):
    with serving(tmp_path / "profile") as closed:
        settings(connect=closed.address)
    watched = watch(push=True)
    watched.later(230)
    assert len([one for one in problems(watched.told) if one.startswith("Anki")]) == 1
    assert (desk / "ankiforge.apkg").exists()
    with serving(tmp_path / "profile") as anki:
        settings(connect=anki.address)
        watched.later(300)
        with anki.collection() as col:
            assert col.note_count() == 2
    assert [one.added for one in watched.of("delivered") if one.pushed] == [2]
