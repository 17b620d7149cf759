"""What a run tells at its end, and what waits without being new: nothing is kept from a person."""

import json
import os
import re
import shutil
import time
from pathlib import Path

import pytest

from ankiforge.extract.files import TICK_NS
from ankiforge.ledger import item_lists
from ankiforge.model import MIN_CERTAIN_CONFIDENCE
from ankiforge.reports.summary import format_truncated_list
from tests.limits import PATIENCE
from tests.makers import pdf_writer
from tests.makers.pdf_layout import paragraph

NOTE = """\
---
tags: [cells]
---
# Cells

What powers the cell?::The mitochondrion

The ==nucleus== holds most of the DNA of a cell.
"""


@pytest.fixture
def note(vault: Path) -> Path:
    path = vault / "Cells.md"
    path.write_text(NOTE, encoding="utf-8")
    return path


def rewrite(note: Path, old: str, new: str) -> None:
    text = note.read_text(encoding="utf-8")
    assert old in text
    note.write_text(text.replace(old, new), encoding="utf-8")


def journal_of(forge) -> Path:
    [path] = (forge.home / "journal").glob("*.jsonl")
    return path


def guid_of(forge, words: str) -> str:
    [card] = forge.ok("list", words, "--json").lines
    return card["guid"]


def test_a_database_that_was_made_anew_says_that_a_run_adds_what_waits(forge, note):
    forge.ok("run", note.parent)
    assert "rebuilt" not in forge.ok("list").stderr
    for path in (forge.home / ".ankiforge").glob("ledger.db*"):
        path.unlink()
    for command in ("list", "status", "build"):
        told = forge.ok(command).stderr
        assert (
            "rebuilt, and contains only your cards (ankiforge run adds what waits)"
            in told
        )
        assert told.count("rebuilt") == 1
    assert "rebuilt" not in forge.ok("run").stderr
    assert "rebuilt" not in forge.ok("list").stderr
    assert "nucleus" in forge.ok("list").stdout


def test_where_nothing_is_marked_the_way_through_a_chat_is_named_once(forge, vault):
    plain = vault / "Plain.md"
    plain.write_text("Words that nobody marked.\n", encoding="utf-8")
    told = forge("run", plain).stdout
    assert f"ankiforge draft {plain}" in told
    assert "ankiforge draft FILE" not in told
    forge.ok("forget", plain)
    told = forge("run", vault).stdout
    assert f"ankiforge draft {vault}" in told
    assert told.count("ankiforge draft") == 1


# --- conflicts --------------------------------------------------------------------------------


@pytest.mark.usefixtures("takes_marks")
@pytest.mark.parametrize(
    ("answer", "back"),
    [
        ("accept", "The mitochondrion, by respiration"),
        ("reject", "A mitochondrion, I think"),
    ],
)
def test_a_card_that_a_person_and_its_source_changed_is_one_question(
    forge, vault, note, answer, back
):
    forge.ok("run", vault)
    guid = guid_of(forge, "powers")
    forge.ok("edit", guid, "--field", "Back", "A mitochondrion, I think")
    rewrite(note, "The mitochondrion", "The mitochondrion, by respiration")
    for _ in range(2):
        assert forge.json("run", vault)["state"]["waiting"]["changed"] == 1
    [question] = forge.ok("list", "--view", "changed", "--json").lines
    [conflict] = question["conflicts"]
    assert (question["guids"], conflict["field"]) == ([guid], "Back")
    assert conflict["mine"] == "A mitochondrion, I think"
    assert "by respiration" in conflict["source"]
    assert "  1 changed card waiting\n" in forge.ok("run", vault).stdout

    forge.ok("accept", "--all")
    assert forge.json("run", vault)["state"]["waiting"]["changed"] == 1
    forge.ok(answer, question["id"])
    assert forge.ok("list", "-v", guid, "--json").data["fields"]["Back"] == back
    assert forge.json("run", vault)["state"]["waiting"]["changed"] == 0
    forge.ok("undo")
    forge.ok("run", vault)
    mine = forge.ok("list", "-v", guid, "--json").data["fields"]["Back"]
    assert mine == "A mitochondrion, I think"


# --- what is always said ----------------------------------------------------------------------


def test_build_says_why_there_is_no_package(forge, vault, note, monkeypatch):
    forge.ok("run", vault, "--accept", "review")
    told = forge.ok("build")
    assert "no package: no card is accepted yet" in told.stderr
    assert "holds every card" not in told.stdout
    refused = forge("build", "--deck", "Nope", code=2)
    assert "there is no note in a deck Nope" in refused.stderr
    # the hint has some of the decks only
    monkeypatch.setattr(item_lists, "MAX_FACETS", 0)
    assert "no note in a deck" not in forge("build", "--deck", "Reading").stderr


def test_what_cannot_be_seen_in_anki_is_shipped_only_by_a_full_build(forge, vault, note):
    (forge.folder / "collection.anki2").write_text("no collection")
    forge.settings("anki: {collection: collection.anki2}\n")
    forge("run", vault)
    package = forge.folder / "ankiforge.apkg"
    assert not package.exists()
    forge("build", "--full")
    assert package.exists()


def test_a_run_after_the_database_was_lost_tells_no_drafts(forge, vault, note):
    forge.ok("run", vault)
    shutil.rmtree(forge.home / ".ankiforge")
    told = forge.ok("run", vault).stdout
    assert "2 highlights, nothing new" in told
    assert "new draft" not in told


@pytest.mark.skipif(os.name != "posix", reason="a pipe that is closed at once")
@pytest.mark.parametrize(("command", "stream"), [("run", "stderr"), ("doctor", "stdout")])
def test_a_reader_that_goes_away_changes_neither_work_nor_exit_code(
    forge, vault, note, notes_in, command, stream
):
    forge.ok("run", vault)
    package = forge.folder / "ankiforge.apkg"
    package.unlink()
    rewrite(note, "nucleus==", "nucleus== ![[missing.png]]")
    with journal_of(forge).open("a", encoding="utf-8") as journal:
        journal.write("no journal line\n")
    arguments = {"run": ("run", vault, "nowhere")}.get(command, (command,))
    process = forge.started(*arguments)
    getattr(process, stream).close()
    setattr(process, stream, None)
    _, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert "Traceback" not in (err or "")
    # the card that lacks its picture waits
    assert command == "doctor" or len(notes_in(package)) == 1


# --- tags -------------------------------------------------------------------------------------


def test_the_tags_told_and_asked_for_are_those_of_the_package(
    forge, vault, note, notes_in
):
    forge.settings("anki: {collection: none}\n")
    (forge.folder / "decks").mkdir()
    (forge.folder / "decks/all.yaml").write_text(
        "deck: All\ntags: [school]\n", encoding="utf-8"
    )
    rewrite(note, "The mitochondrion", "The mitochondrion #energy")
    forge.ok("run", vault)
    guid = guid_of(forge, "powers")

    [package] = forge.folder.rglob("*.apkg")
    packed = notes_in(package)[guid][2].split()
    assert packed == ["ankiforge::doc::cells", "cells", "energy", "school"]
    for told in (
        forge.ok("list", "-v", guid, "--json").data,
        forge.ok("edit", guid, "--field", "Extra", "x", "--json").data,
    ):
        assert told["tags"] == packed


def test_the_note_of_a_proposal_has_the_tags_of_its_mark(forge, vault, notes_in):
    forge.settings("anki: {collection: none}\n", proposals=True)
    (vault / "Memory.md").write_text(
        "---\ntags: [mind, 'long:term.']\n---\n\n"
        "==Mitochondria are organelles that produce most of the chemical energy of a cell.== #study\n"
    )
    forge.ok("run", vault)
    [passage] = forge.ok("list", "--no-card", "--json").lines
    forge.ok("accept", passage["key"])
    forge.ok("build")
    [package] = forge.folder.rglob("*.apkg")
    [[_, _, packed]] = notes_in(package).values()

    assert {"ankiforge::doc::memory", "study"} <= set(packed.split())


# --- commands ---------------------------------------------------------------------------------


def test_a_journal_line_that_cannot_be_read_is_a_warning_each_time(forge, vault, note):
    forge.ok("run", vault)
    forge.ok("doctor")
    with journal_of(forge).open("a", encoding="utf-8") as file:
        file.write("no journal line\nneither\n")

    for _ in range(2):
        forge("run", vault)
        told = forge("doctor", "--json", code=1).lines
        [warned] = [check for check in told if check["state"] == "warn"]
        assert warned["name"] == "ledger"
        assert "2 lines could not be read" in warned["says"]
        assert warned["do"]


def test_commands_to_be_copied_name_the_workspace_that_was_named(forge, vault):
    (vault / "a.md").write_text(
        "What is the capital of France?::Paris\n\n==Sleep== matters.\n"
    )
    work = forge.folder / "work"
    forge.ok("init", work)
    forge.ok("-C", work, "run", vault)
    result = forge.ok("-C", work, "status")
    said = result.stdout + result.stderr
    assert f"ankiforge -C {work}" in said
    assert "ankiforge list" not in said
    assert "ankiforge reject" not in said
    assert (
        f"hint: ankiforge -C {work} list --view recent"
        in forge("-C", work, "undo").stderr
    )


def test_a_query_may_be_one_word_of_the_shell_or_an_id_as_list_shows_it(forge, note):
    forge.ok("run", note)
    guid = guid_of(forge, "mitochondrion")
    for query in (
        "kind:basic -finding:gap_leak", "deck:Reading -kind:cloze", "-kind:cloze powers", "the cell",
        guid[:10],
    ):  # fmt: skip
        assert guid_of(forge, query) == guid, query


# --- what became of highlights ----------------------------------------------------------------

KINDS = """\
# Cells

What powers the cell?::The mitochondrion

The ==nucleus== holds most of the DNA of a cell.

==Mitochondria are organelles that produce most of the chemical energy that a cell needs.==

==The liver produces bile, which helps the digestion of fat.==

==and so on, until==

==, on the other hand,==
"""


def test_a_run_counts_each_highlight_once_and_the_numbers_add_up(forge, vault, note):
    note.write_text(KINDS, encoding="utf-8")
    lines = forge.ok("run", vault, "-v").stdout.splitlines()[:3]
    passages = forge.ok("list", "--no-card", "--json").lines
    without = len(passages)
    proposals = [each["suggestion"] for each in passages if each["suggestion"]]
    certain = sum(each["confidence"] >= MIN_CERTAIN_CONFIDENCE for each in proposals)
    more = len(proposals) - certain
    assert (certain, more) == (1, 1)
    waiting = 1  # the mark
    assert 1 + waiting + without == 6
    assert lines == [
        "✓ 6 highlights",
        "  2 new cards waiting",
        f"  {without - 1} more highlights without a card: ankiforge list --no-card",
    ]
    told = forge.json("run", vault)
    counts = told["state"]["highlights"]
    assert counts == {
        "total": 6,
        "with_card": 1,
        "waiting": waiting + certain,
        "more": more,
        "without": without - 2,
        "skipped": 0,
    }
    assert counts == forge.json("status")["highlights"]
    assert sum(told["no_card"].values()) == without - certain
    assert sum(told["waits"].values()) == waiting
    assert told["highlights"]["seen"] == 6


def test_a_run_counts_no_proposal_among_what_it_made(forge, vault, note):
    note.write_text(KINDS, encoding="utf-8")
    forge.ok("run", vault)
    more = note.read_text(encoding="utf-8").replace(
        "into vesicles", "into small vesicles"
    )
    more += "\nAn ==enzyme== speeds up a reaction\n"
    note.write_text(more, encoding="utf-8")
    assert forge.json("run")["waits"] == {"no_warning": 2}


def test_a_run_and_status_name_the_same_next_command(forge, note):
    certain = "The mitochondrion is the organelle that produces ATP."
    others = "\n\n".join(f"==Number {i} helps, or so one hears.==" for i in range(9))
    note.write_text(f"# Memory\n\n=={certain}==\n\n{others}\n", encoding="utf-8")
    ran = forge.ok("run", note.parent).stdout
    assert "1 new card waiting" in ran
    assert "next  ankiforge review " in ran
    assert "or    ankiforge draft " in ran
    assert "next  ankiforge review " in forge.ok("status").stdout


def test_a_pdf_that_nobody_marked_is_named_once_by_a_run_and_by_status(forge, note):
    forge.ok("run", note.parent)
    lecture = note.parent / "Lecture.pdf"
    text = "Sleep spindles are bursts of activity that come from the thalamus."
    pdf_writer.write_pdf(lecture, [pdf_writer.Page([paragraph(text)])], title="Lecture")
    command = f"ankiforge draft {lecture}   little or nothing is marked there"
    assert command in forge.ok("run").stdout
    assert command not in forge.ok("run").stdout
    assert command in forge.ok("status").stdout


def test_a_build_without_cards_names_the_next_command(forge, vault, note):
    assert "  next  ankiforge run PATH" in forge.ok("build").stderr
    note.write_text(KINDS, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    told = forge.ok("build").stderr
    assert "no package: no card is accepted yet\n  3 new cards waiting\n" in told
    assert "\n  next  ankiforge review" in told


def test_a_setting_to_be_written_is_named_with_its_file(forge, vault, note):
    """The default workspace has no settings file, so the hint says how to get one."""
    assert "ankiforge init ~/cards   then write `" in forge("adopt", vault, code=2).stderr
    forge.ok("init", "cards")
    where = forge.folder / "cards" / "ankiforge.yaml"
    assert f"into {where}" in forge("-C", "cards", "adopt", vault, code=2).stderr


def test_the_run_and_the_list_name_one_reason_for_no_card(forge, vault, note):
    exact = "You should get up when you want to, my friend!"
    note.write_text(f"=={exact}==\n", encoding="utf-8")
    assert forge.json("run", vault)["no_card"] == {
        "speaks to the reader, or needs the sentence before": 1
    }
    [listed] = forge.ok("list", "--no-card", "--json").lines
    assert (listed["exact"], listed["reason"]) == (
        exact,
        "speaks to the reader, or needs the sentence before",
    )


_BOLD = "The **part {0}** of a cell is small.\n"
_THREE_BOLD = "The **part**, the **wall** and the **core** of cell {0} are small.\n"


@pytest.mark.parametrize(
    ("marks", "notes", "text", "told"),
    [
        ("", 25, _BOLD, 25),
        (", marks: [==]", 25, _BOLD, 0),
        ("", 25, "**Page {0} (Loc. 170-73)**\n\n**Date: Added on May 1**", 0),
        # a few notes: three a note are many, unless some of them has marks or cards
        ("", 2, _THREE_BOLD, 6),
        ("", 2, _BOLD, 0),
        ("", 2, f"{_THREE_BOLD}\nWhat is small?::Part {{0}}", 0),
        # many notes: with as many marks, bold is for something else
        ("", 25, f"{_BOLD}\nThe ==membrane {{0}}== is thin.\n", 0),
    ],
)
def test_bold_phrases_that_are_no_marks_are_told_once(forge, marks, notes, text, told):
    folder = forge.folder / "notes"
    folder.mkdir()
    for number in range(notes):
        path = folder / f"Cells {number}.md"
        path.write_text(text.format(number), encoding="utf-8")
    time.sleep(TICK_NS / 1e9)  # a file that was written just now is read again
    forge.settings(
        f"sources: [{{obsidian: {{path: notes{marks}}}}}]\nanki: {{collection: none}}\n"
    )
    said = [forge.ok("run").stderr for _ in range(2)]
    assert f"in bold are not read as marks: {told} (" in said[0] or not told
    assert ("in bold" in said[0]) is bool(told)
    assert "in bold" not in said[1]


@pytest.mark.usefixtures("takes_marks")
def test_a_card_that_changed_before_anki_was_seen_is_counted_as_updated(
    forge, vault, note
):
    forge.ok("run", vault)
    rewrite(note, "The mitochondrion", "The mitochondria")
    assert "2 notes (1 updated, 1 unchanged)" in forge.ok("run").stdout
    assert "2 notes (2 unchanged)" in forge.ok("build").stdout


def test_a_note_that_is_no_longer_in_the_package_is_counted(forge, vault):
    (vault / "a.md").write_text("It reduces ==the cost== to much less\n\nq::a\n")
    forge.ok("run", vault)
    [draft] = forge.ok("list", "verdict:waiting", "--json").lines
    forge.ok("accept", draft["id"])
    assert "(1 new, 1 unchanged)" in forge.ok("build").stdout
    forge.ok("undo")
    told = "1 note (1 unchanged, 1 undone and no longer in it)"
    assert told in forge.ok("build").stdout
    forge.ok("accept", draft["id"])
    assert "2 notes (2 unchanged)" in forge.ok("build").stdout


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_undo_finds_a_draft_that_waits_no_longer_by_its_id(forge, vault, decision):
    (vault / "a.md").write_text(
        "Working memory holds ==four chunks== at a time.\n\n"
        "Melatonin is released by the ==pineal gland== at dusk.\n"
    )
    forge.ok("run", vault)
    draft, other = forge.ok("list", "verdict:waiting", "--json").lines
    forge.ok(decision, draft["id"], other["id"])
    recent = forge.ok("list", "--view", "recent", "--json").lines
    [told] = [each for each in recent if "four chunks" in str(each)]
    for id in (draft["id"], draft["id"][:12], told["guid"], told["guid"][:12]):
        assert "undone: " in forge.ok("undo", id).stderr
        [again] = forge.ok("list", "verdict:waiting", "--json").lines
        assert again["id"] == draft["id"], "the other one stays decided"
        forge.ok(decision, draft["id"])
    ambiguous = forge("undo", "dr", code=1).stderr
    assert "nothing about dr can be undone" in ambiguous
    nothing = forge("undo", "dr0000000000", code=2).stderr
    assert "ankiforge list --view recent -v" in nothing


def test_no_card_is_blamed_on_a_rejection_where_another_passage_has_it(forge, tmp_path):
    words = "The liver produces bile, which helps the digestion of fat."
    entry = "{} (Roe, Ann)\n- Your {} | Added on Thursday, January 1, 2015\n\n{}\n==========\n"
    clippings = tmp_path / "My Clippings.txt"
    clippings.write_text(
        entry.format("Alpha", "Highlight at location 5-5", words)
        + entry.format("Alpha", "Note at location 5", "Which organ produces bile?")
        + entry.format("Beta", "Highlight at location 9-9", words)
    )
    forge.ok("run", clippings)
    told = forge.ok("list", "--no-card").stdout
    assert told.endswith(" of fat.  its sentences have cards already\n")


def test_a_changed_comment_is_a_change_and_own_words_are_not_accepted(forge, tmp_path):
    words = "The pineal gland releases melatonin into the blood at dusk."
    entry = "Alpha (Roe, Ann)\n- Your {} | Added on Thursday, January 1, 2015\n\n{}\n"
    clippings = tmp_path / "My Clippings.txt"

    def write(comment: str) -> str:
        entries = [
            entry.format("Highlight at location 5-5", words),
            entry.format("Note at location 5", comment),
        ]
        clippings.write_text("==========\n".join([*entries, ""]))
        return forge.ok("run", clippings).stdout

    write("nice")
    assert "nothing new" in write("nice")
    [row] = forge.ok("list", "--no-card", "--json").lines
    forge.ok("edit", row["key"], "--field", "Front", "Where?", "--field", "Back", "Here")
    assert forge.ok("undo").stderr == "✓ undone: written\n  Where?\n"
    assert "(1 changed)" in write("Which gland releases melatonin?")


def test_where_accept_all_leaves_nothing_the_package_is_next(forge, vault):
    (vault / "a.md").write_text("The ==axolotl== keeps its gills for life.\n")
    forge.ok("run", vault)
    told = forge.ok("accept", "--all").stderr
    nothing = "  nothing waits\n  next  ankiforge build"
    assert f"1 accepted; to undo it: ankiforge undo\n{nothing}" in told


@pytest.mark.usefixtures("takes_marks")
def test_what_accept_all_leaves_and_what_undo_takes_back_is_told(forge, vault):
    lines = [f"- It reduces the cost of step {number} to ==O(n)==" for number in range(7)]
    (vault / "Keywords.md").write_text("\n\n".join(lines), encoding="utf-8")
    forge.ok("run", vault)
    told = forge.ok("accept", "--all").stderr
    assert (
        told == "nothing was accepted\n"
        "  7 left, with a warning: does not stand alone   ankiforge list finding:leans_back\n"
        "  7 new cards waiting\n"
        "  next  ankiforge review   decide on what waits\n"
    )
    assert (
        "not accepted:   7 × does not stand alone\n"
        in forge.ok("accept", "--all", "-v").stderr
    )
    (vault / "Doubt.md").write_text("- a :: b\n- c :: d\n- e :: f\n", encoding="utf-8")
    forge.ok("run", vault)
    told = forge.ok("accept", "--all", "-v").stderr
    assert "not accepted:   3 × a question comes first: " in told
    forge.ok("reject", "--all")
    told = forge.ok("undo", "--yes").stderr
    assert "✓ undone: 10 rejected" in told
    assert told.endswith("\n  … and 5 more\n")


# --- what a run says of files -----------------------------------------------------------------


def test_an_export_that_is_none_any_more_is_told_by_each_run(forge, tmp_path):
    export = tmp_path / "readwise.csv"
    export.write_text("Highlight,Book Title\nA cell is alive in its own way.,Book\n")
    forge.ok("run", export)
    export.write_text("<html>sign in again</html>")
    failed = forge("run", code=1)
    assert f"failed: {export}: its columns are <html>" in failed.stderr
    assert "highlights that were read before are kept" in failed.stderr


@pytest.mark.parametrize(
    ("names", "told"),
    [("", ""), ("a", "a"), ("abc", "a, b, c"), ("abcd", "a, b, c and 1 more")],
)
def test_of_many_names_the_first_are_told(names, told):
    assert format_truncated_list(names) == told


def test_an_edit_that_anki_would_refuse_is_told_what_the_card_lacks(forge, vault):
    (vault / "a.md").write_text("The ==axolotl== keeps its gills for life.\n")
    forge.ok("run", vault)
    [card] = forge.cards()
    for text in ("", "It keeps its gills.", "The {{c1::axolotl"):
        told = forge("edit", card["id"], "--field", "Text", text, code=1).stderr
        assert "hint: put what to recall between {{c1:: and }}" in told
    told = forge("edit", card["id"], "--field", "Nosuch", "x", code=2).stderr
    assert "hint: it has: Text, Extra, Deck, Tags" in told


def test_what_an_answer_lacks_is_told_again_with_v(forge, vault):
    (vault / "a.md").write_text("The ==axolotl== keeps its gills for life.\n")
    forge.ok("run", vault)
    forge.ok("draft", "export", "ask.md")
    [label] = re.findall(
        r'<highlight h="(\w{8})">', (forge.folder / "ask.md").read_text()
    )
    cards = [
        {"h": label, "front": "What keeps its gills?", "back": "the axolotl"},
        *({"h": label, "front": f"Question {n}?"} for n in range(12)),
    ]
    (forge.folder / "answer.md").write_text(json.dumps({"cards": cards}))
    told = forge("draft", "import", "answer.md", code=1).stderr
    assert "more problems; -v names all" in told
    told = forge("draft", "import", "answer.md", "-v", code=1).stderr
    assert all(f"Question {n}?" in told for n in range(12))
