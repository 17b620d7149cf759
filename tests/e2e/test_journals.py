"""What the journal and Anki bring back: lost lines, old backups, machines that ran apart."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ankiforge.ledger.journal import Entry, Journal
from ankiforge.model import Problem
from samples.pdf_writer import Page, mark, paragraph, write_pdf
from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero
from tests.golden import clock

Lines = list[bytes]
NOTE = (
    "What is A?::alpha one\n\nWhat is B?::beta two\n\nThe lens ==bends== light onto the retina.\n"
)

LOST: dict[str, Callable[[Lines], Lines] | None] = {
    "the file": None,
    "every line": lambda lines: [],
    "the last lines": lambda lines: lines[:4],
    "the first lines": lambda lines: lines[-2:],
    "some lines": lambda lines: lines[:3] + lines[6:],
    "a line, and not its length": lambda lines: [
        *lines[:3],
        b"#" * (len(lines[3]) - 1) + b"\n",
        *lines[4:],
    ],
    "half a line": lambda lines: [*lines[:5], lines[5][:40] + b"\n", *lines[6:]],
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_a_journal_that_lost_lines_is_completed_and_rebuilds_a_lost_ledger(forge, vault, lost):
    (vault / "a.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault)
    alpha, beta, lens = (guid_of(forge, word) for word in ("alpha", "beta", "lens"))
    forge.ok("reject", alpha)
    forge.ok("edit", beta, "--field", "Back", "a beta of mine")
    forge.ok("reject", lens)
    forge.ok("undo")
    before, journal = decided(forge), forge.home / "journal.jsonl"
    left = b"".join(lost(journal.read_bytes().splitlines(keepends=True))) if lost else b""
    journal.write_bytes(left) if lost else journal.unlink()

    problems = forge("run", vault, "--json").data["problems"]
    [notice] = [one for one in problems if one["notice"]]
    assert "written there again" in notice["what"]
    assert all("repair or delete the line" in one["hint"] for one in problems if one != notice)
    assert journal.read_bytes().startswith(left)
    assert not [one for one in forge("run", vault, "--json").data["problems"] if one["notice"]]
    shutil.rmtree(forge.home / ".ankiforge")
    forge("run", vault)
    assert decided(forge) == before


def test_a_lost_ledger_lets_no_duplicate_pass_that_waited(forge, vault):
    (vault / "z.md").write_text(
        "What does hence mean?::similar to *therefore*, *thus*\n", encoding="utf-8"
    )
    forge.ok("run", vault)
    (vault / "a.md").write_text(
        "What does hence mean?::for this reason, therefore, thus, so\n", encoding="utf-8"
    )
    forge.ok("run", vault)
    before = decided(forge)
    assert [verdict for verdict, *_ in before.values()].count("pending") == 1
    shutil.rmtree(forge.home / ".ankiforge")
    forge.ok("run", vault)
    assert decided(forge) == before


def guid_of(forge, word: str) -> str:
    [guid] = [card["guid"] for card in forge.cards() if word in str(card["fields"])]
    return guid


def decided(forge) -> dict[str, tuple]:
    """{guid: what was decided about the card, and its words}."""
    names = ("verdict", "standing", "accepted_by", "fields")
    return {card["guid"]: tuple(card[name] for name in names) for card in forge.cards()}


# --- old backups ----------------------------------------------------------------------------

LAKES = """\
What is the deepest lake of Africa?::Tanganyika

The Tanganyika basin holds ==19 thousand cubic kilometres== of water in an ordinary year.

The lake of Ladoga freezes over in the month of ==December== near its southern shore.
"""


@pytest.mark.parametrize("also_the_source", [False, True])
def test_an_old_backup_put_back_doubles_no_card_that_anki_shows(forge, anki, also_the_source):
    notes = with_anki(forge, anki)
    (notes / "Lakes.md").write_text(LAKES, encoding="utf-8")
    forge.ok("run")
    anki.load(forge.folder / "ankiforge.apkg")
    forge.ok("run")
    backup = forge.folder.with_name("backup")
    shutil.copytree(forge.folder, backup)
    (notes / "Lakes.md").rename(notes / "Great lakes.md")
    forge.ok("run")
    words = LAKES.replace("deepest", "most deep").replace("ordinary", "typical")
    (notes / "Great lakes.md").write_text(words, encoding="utf-8")
    forge.ok("run")
    assert anki.load(forge.folder / "ankiforge.apkg")["updated"] == 3  # the link of the third, too
    for name in (".ankiforge", "notes") if also_the_source else (".ankiforge",):
        shutil.rmtree(forge.folder / name)
        shutil.copytree(backup / name, forge.folder / name)
    shutil.copy(backup / "journal.jsonl", forge.folder)

    for _ in range(2):
        came = forge.json("run")
        assert (came["highlights"]["seen"], came["notes"]["added"]) == (3, 0)
    assert len(forge.cards()) == 3
    shown = " ".join(anki.note(card["guid"]).joined_fields() for card in forge.cards())
    assert "most deep" in shown


def test_a_tag_that_a_person_removed_stays_removed_after_an_old_backup(forge, anki):
    note = with_anki(forge, anki) / "a.md"
    words = "---\ntags: [animal{}]\n---\nKatze::cat{}\n"
    note.write_text(words.format("", ""), encoding="utf-8")
    run_and_load(forge, anki)
    backup = forge.folder.with_name("backup")
    shutil.copytree(forge.folder, backup)
    note.write_text(words.format(", house", ""), encoding="utf-8")
    run_and_load(forge, anki)
    [guid] = live(forge)
    card = anki.note(guid)
    assert card.tags[-1] == "house"
    card.remove_tag("house")
    anki.col.update_note(card)
    run_and_load(forge, anki)
    shutil.rmtree(forge.folder / ".ankiforge")
    shutil.copytree(backup / ".ankiforge", forge.folder / ".ankiforge")
    shutil.copy(backup / "journal.jsonl", forge.folder)
    for tags, text in ((", house", ""), (", house, wild", " of a kind")):
        note.write_text(words.format(tags, text), encoding="utf-8")
        run_and_load(forge, anki)
        assert "house" not in anki.note(guid).tags
    assert "wild" in anki.note(guid).tags


def run_and_load(forge, anki) -> None:
    """Run, import the package if there is one, and run again, at a time when no note is fresh."""
    for _ in range(2):
        anki.col.db.execute("update notes set mod = mod - 60")
        forge.ok("run")
        if (package := forge.folder / "ankiforge.apkg").exists():
            anki.load(package)


def with_anki(
    forge, anki, *sources: str, vault: str = "{obsidian: {name: notes, path: notes}}"
) -> Path:
    """Let a workspace read a vault of its own, or other sources, and a collection; return the vault."""
    (forge.folder / "notes" / ".obsidian").mkdir(parents=True)
    collection = f"'{anki.col.path}'" if anki else "none"
    forge.settings(
        f"sources: [{', '.join(sources or (vault,))}]\nanki: {{collection: {collection}}}\n"
    )
    return forge.folder / "notes"


# --- two machines that ran before their journals met ----------------------------------------

EDITS = {
    "a marked word": "The pupil of the eye is made ==smaller== by a ring of {} in the iris.\n",
    "a question": "What makes the pupil of the eye smaller by {}?::a ring in the iris\n",
}


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("ours_ran", [True, False])
@pytest.mark.parametrize("text", EDITS.values(), ids=EDITS)
def test_two_machines_that_read_a_passage_before_and_after_an_edit_keep_the_note_with_reviews(
    forge, forge_in, anki, tmp_path, text, ours_ran, ours_first
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    note, other = with_anki(ours, anki) / "a.md", without_anki(theirs) / "a.md"
    note.write_text(text.format("muscles"), encoding="utf-8")
    ours.ok("run")
    [guid] = live(ours)
    anki.load(ours.folder / "ankiforge.apkg")
    anki.answer_first_card(guid)
    ours.ok("run")
    for path in (note, other):
        path.write_text(text.format("muscle"), encoding="utf-8")
    if ours_ran:
        ours.ok("run")
    theirs.ok("run")
    anki.load(theirs.folder / "ankiforge.apkg")

    agree(*((ours, theirs) if ours_first else (theirs, ours)))
    assert live(ours) == live(theirs) == {guid}
    anki.load(ours.folder / "ankiforge.apkg")
    ours.ok("run")
    assert studied(anki) == [guid]


@pytest.mark.parametrize(
    ("before", "after", "item"),
    [
        ("goverened by", "governed by", "PAPER001"),
        ("since 1544", "since 1538", "PAPER001"),
        ("since 1544", "since 1538", "PAPER002"),  # where its file is attached now
    ],
)
def test_an_annotation_made_again_with_a_correction_for_another_machine_keeps_one_card(
    forge, forge_in, anki, tmp_path, before, after, item
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    words = "The canton of the lake was goverened by a council of twelve since 1544."
    with_anki(ours, anki, ZOTERO)
    without_anki(theirs, ZOTERO)
    annotated(ours, words)
    annotated(theirs, words.replace(before, after), "MARKBBB2", item)
    [guid] = live(ours)
    anki.load(ours.folder / "ankiforge.apkg")
    anki.answer_first_card(guid)
    shutil.copy(theirs.folder / "Zotero/zotero.sqlite", ours.folder / "Zotero/zotero.sqlite")

    agree(ours, theirs)
    assert live(ours) == live(theirs) == {guid}
    anki.load(ours.folder / "ankiforge.apkg")
    assert studied(anki) == [guid]


ZOTERO = "{zotero: {name: zotero, path: Zotero}}"


def annotated(forge, words: str, made: str = "MARKAAA2", item: str = "PAPER001") -> None:
    """Read a library with this annotation."""
    there = Annotation(made, words, comment="Who governed the canton of the lake?")
    attached = Attachment("ATTACH01", "r.pdf", (there,))
    work = Work(item, {"title": "Lakes"}, attachments=(attached,))
    (forge.folder / "Zotero").mkdir(exist_ok=True)
    write_zotero(forge.folder / "Zotero" / "zotero.sqlite", [Library((work,))])
    forge.ok("run")


def test_words_that_wait_on_one_machine_are_blocked_where_they_were_read_first(
    forge, forge_in, tmp_path
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    words = "The canton of the {} lake was governed by a council of twelve since 1544."
    for one in (ours, theirs):
        without_anki(one, ZOTERO)
        annotated(one, words.format("northern" if one is ours else "southern"))
    annotated(ours, words.format("southern"))

    agree(ours, theirs)
    [[card], [there]] = ours.cards(), theirs.cards()
    assert "northern" in card["fields"]["Back"]
    assert card["revision"]["fields"] == there["fields"]
    assert [(one["check"], one["severity"]) for one in there["findings"]] == [
        ("same_highlight", "block")
    ]
    ours.ok("accept", card["guid"])
    agree(ours, theirs)
    [[card], [there]] = ours.cards(), theirs.cards()
    assert card["fields"] == there["fields"]
    assert not there["findings"]


@pytest.mark.parametrize("shipped_last", [False, True])
@pytest.mark.parametrize("reviewed", ["ours", "theirs"])
def test_a_machine_with_zotero_and_one_with_the_pdf_alone_agree_on_the_note_with_reviews(
    forge, forge_in, anki, tmp_path, reviewed, shipped_last
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    pdf, zotero = "{pdf: {name: papers, path: papers}}", "{zotero: {name: zotero, path: Zotero}}"
    with_anki(ours, anki, pdf, zotero)
    without_anki(theirs, pdf)
    words = "The transfer of a plasmid from cell to cell is called conjugation."
    for one in (ours, theirs):
        (one.folder / "papers").mkdir()
        write_pdf(
            one.folder / "papers" / "Resist.pdf",
            [Page((paragraph(words),), (mark(words, comment="What is conjugation?"),))],
            title="How Bacteria Resist", fields={"/Subject": "doi:10.5555/resist"},
        )  # fmt: skip
    (ours.folder / "Zotero").mkdir()
    mark_there = Annotation("MARKAAA2", words, comment="What is conjugation?")
    paper = {"title": "How Bacteria Resist", "DOI": "10.5555/resist"}
    work = Work("PAPER001", paper, attachments=(Attachment("ATTACH01", "r.pdf", (mark_there,)),))
    write_zotero(ours.folder / "Zotero" / "zotero.sqlite", [Library((work,))])
    first, second = (ours, theirs) if reviewed == "ours" else (theirs, ours)
    for one in (second, first) if shipped_last else (first, second):
        one.ok("run")
        time.sleep(1.1)  # the journal dates to the second
    [guid] = live(first)
    anki.load(first.folder / "ankiforge.apkg")
    anki.answer_first_card(guid)
    anki.load(second.folder / "ankiforge.apkg")

    agree(ours, theirs)
    assert live(ours) == live(theirs) == {guid}
    anki.load(ours.folder / "ankiforge.apkg")
    assert studied(anki) == [guid]


@pytest.mark.parametrize("ours_first", [True, False])
def test_a_passage_moved_in_its_note_and_half_rewritten_for_another_machine_has_one_live_card(
    forge, forge_in, anki, tmp_path, ours_first
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    notes = with_anki(ours, anki) / "a.md", without_anki(theirs) / "a.md"
    passage = "The northern lattice of Potelax collects ==amber== and ==resin== {}."
    others = (
        "What does the basin of Nasapon shelter?::a colony of seals",
        "The silver furnace of Nokafox carries ==copper== without any help from outside.",
        "The eastern meadow of Gosanan feeds ==geese== under the oldest part of the town.",
    )

    def paragraphs(*texts: str) -> str:
        return "\n\n".join(texts) + "\n"

    before = passage.format("before the harvest begins")
    notes[0].write_text(paragraphs(others[0], before, *others[1:]), encoding="utf-8")
    ours.ok("run")
    [guid] = [card["guid"] for card in ours.cards() if "Potelax" in str(card["fields"])]
    anki.load(ours.folder / "ankiforge.apkg")
    after = passage.format("for as long as anyone remembers")
    for note in notes:
        note.write_text(paragraphs(others[2], others[0], others[1], after), encoding="utf-8")
    time.sleep(1.1)  # the journal dates to the second
    theirs.ok("run")
    anki.load(theirs.folder / "ankiforge.apkg")

    agree(*((ours, theirs) if ours_first else (theirs, ours)))
    for one in (ours, theirs):
        cards = [card for card in one.cards() if "Potelax" in str(card["fields"])]
        assert {card["guid"] for card in cards if card["standing"] == "live"} <= {guid}
    [card] = [card for card in ours.cards() if card["guid"] == guid]
    assert "harvest" in card["fields"]["Text"]
    assert "remembers" in card["revision"]["fields"]["Text"]  # the words wait where it is known
    anki.load(ours.folder / "ankiforge.apkg")
    ours.ok("run")
    shown = [one for one in studied(anki) if "Potelax" in anki.note(one).fields[0]]
    assert shown == [guid]


def test_two_machines_that_each_studied_a_note_of_their_own_agree_on_one(
    forge, forge_in, anki, backend, tmp_path
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    (tmp_path / "phone").mkdir()
    with backend.opened(tmp_path / "phone") as other:
        for one, there, word in ((ours, anki, "muscles"), (theirs, other, "muscle")):
            note = with_anki(one, there) / "a.md"
            note.write_text(EDITS["a marked word"].format(word), encoding="utf-8")
            one.ok("run")
            there.load(one.folder / "ankiforge.apkg")
            there.answer_first_card(*live(one))
            note.write_text(EDITS["a marked word"].format("muscle"), encoding="utf-8")
            one.ok("run")
        assert live(ours).isdisjoint(live(theirs))
        agree(ours, theirs)
        assert live(ours) == live(theirs)
        assert len(live(ours)) == 1


def test_two_machines_that_read_a_passage_under_other_names_of_its_note_keep_one_card(
    forge, forge_in, anki, tmp_path
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    folders = (with_anki(ours, anki), without_anki(theirs))
    text = "{}\n\n" + EDITS["a marked word"].format("muscles")

    def write(folder: Path, name: str, before: str) -> None:
        (folder / "other.md").write_text("Katze::cat\n", encoding="utf-8")
        for old in folder.glob("?.md"):
            old.unlink()
        (folder / name).write_text(text.format(before), encoding="utf-8")

    write(folders[0], "a.md", "The eye and what is within it, a chapter of its own.")
    ours.ok("run")
    anki.load(ours.folder / "ankiforge.apkg")
    [guid] = [card["guid"] for card in ours.cards() if "pupil" in str(card["fields"])]
    anki.answer_first_card(guid)
    ours.ok("run")
    write(folders[1], "b.md", "Light comes in through it when the day is dark.")
    theirs.ok("run")
    for folder in folders:
        write(folder, "c.md", "Whatever is seen, is seen through this one.")
    agree(ours, theirs)
    assert len(live(ours)) == 2
    assert guid in live(ours)
    assert live(theirs) == live(ours)


STEPS = [
    f"In {year} the eastern orchard of the town was known to hold ==2,707 tons== in {words}.\n"
    for year, words in ((1694, "all"), (1702, "all"), (1702, "all its barns"))
]
"""A passage and two corrections, which are none to who reads both at once."""


@pytest.mark.parametrize("united_first", [True, False])
def test_a_correction_that_one_machine_shipped_is_taken_over_where_it_would_wait(
    forge, forge_in, tmp_path, united_first
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    notes = [without_anki(one) / "a.md" for one in (ours, theirs)]
    for step, text in enumerate(STEPS):
        for note in notes:
            note.write_text(text, encoding="utf-8")
        theirs.ok("run")
        if step == 0 or (step == 2 and not united_first):
            ours.ok("run")
    [card] = ours.cards()
    assert united_first or "barns" in card["revision"]["fields"]["Text"]
    agree(ours, theirs)
    for one in (ours, theirs):
        [card] = one.cards()
        assert "1702" in card["fields"]["Text"]
        assert "barns" in card["fields"]["Text"]
        assert card["revision"] is None


def test_a_correction_reaches_words_that_were_taken_over_from_anki_and_that_the_journal_knows(
    forge, anki
):
    note = with_anki(forge, anki) / "a.md"
    note.write_text("How many are there?::seven of them\n\nKatze::cat\n", encoding="utf-8")
    run_and_load(forge, anki)
    cat = guid_of(forge, "Katze")
    forge.ok("edit", cat, "--field", "Back", "a cat of mine")
    run_and_load(forge, anki)
    shutil.rmtree(forge.folder / ".ankiforge")
    forge.ok("pull")
    note.write_text("How many are there?::nine of them\n\nKatze::the cat\n", encoding="utf-8")
    forge.ok("run")
    back = {card["guid"] == cat: card["fields"]["Back"] for card in forge.cards()}
    assert back == {True: "a cat of mine", False: "nine of them"}


# what stands around the passage, and what it says, when each machine reads it first and at last
IRIS = "The {} of the eye is made ==smaller== by a ring of muscles in the iris.\n"
EARLIER = f"{IRIS.format('pupil of Greta')}\nLight comes in through it when the day is dark.\n"
FIRST = f"A chapter of its own is on the eye and its parts.\n\n{EARLIER}"
LAST = f"A chapter of its own is on the eye and its parts.\n\n{IRIS.format('pupil of Berta')}"


def test_a_passage_that_both_machines_read_before_its_name_was_replaced_keeps_one_card(
    forge, forge_in, anki, tmp_path
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    note, other = with_anki(ours, anki) / "a.md", without_anki(theirs) / "a.md"
    for one, path, texts in ((ours, note, [FIRST]), (theirs, other, [EARLIER, LAST])):
        for text in texts:
            path.write_text(text, encoding="utf-8")
            one.ok("run")
    [guid] = live(ours)
    anki.load(ours.folder / "ankiforge.apkg")
    anki.answer_first_card(guid)
    note.write_text(LAST, encoding="utf-8")

    agree(ours, theirs)
    assert live(ours) == live(theirs) == {guid}
    [card] = [card for card in ours.cards() if card["guid"] == guid]
    assert "Greta" in str(card["fields"])
    assert card["revision"], "the other name waits"


@pytest.mark.parametrize("lost", [False, True])
def test_a_mark_that_one_machine_reads_in_a_corrected_paper_keeps_one_card(
    forge, forge_in, anki, tmp_path, lost
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    papers = tmp_path / "papers"
    papers.mkdir()
    with_anki(ours, anki, f"{{pdf: {{name: papers, path: '{papers}'}}}}")
    without_anki(theirs, f"{{pdf: {{name: papers, path: '{papers}'}}}}")
    for one in (ours, theirs):
        one.ok("init", "--trust", one.folder)

    def write(name: str, answer: str, rest: str = "It lies by the sea.") -> None:
        words = f"The shallow market behind the range is known to hold {answer} cedar since 1356."
        marked = mark(words, comment="What does the shallow market hold?", name="mark-of-cedar")
        page = Page((paragraph(f"{words} {rest}"),), (marked,))
        write_pdf(papers / name, [page], title="A Survey of Places")

    write("survey.pdf", "Pigick")
    ours.ok("run")
    [guid] = live(ours)
    anki.load(ours.folder / "ankiforge.apkg")
    anki.answer_first_card(guid)
    ours.ok("run")
    (papers / "survey.pdf").unlink()
    write("survey.pdf" if lost else "Survey of 1356.pdf", "Pugick")
    theirs.ok("run")
    anki.load(theirs.folder / "ankiforge.apkg")
    if lost:
        shutil.rmtree(ours.folder / ".ankiforge")
    else:
        write("Survey of 1356.pdf", "Pugick", "It has gone since.")

    agree(ours, theirs)
    assert live(ours) == live(theirs) == {guid}
    anki.load(ours.folder / "ankiforge.apkg")
    assert studied(anki) == [guid]


def test_another_fact_in_the_place_of_one_that_both_machines_read_waits_on_both(
    forge, forge_in, tmp_path
):
    machines = forge, forge_in(tmp_path / "second")
    papers = tmp_path / "papers"
    papers.mkdir()
    for one in machines:
        without_anki(one, f"{{pdf: {{name: papers, path: '{papers}'}}}}")
        one.ok("init", "--trust", one.folder)

    def write(*facts: str) -> None:
        blocks, marks = [], []
        for name, answer in (fact.split(": ") for fact in facts):
            words = f"The shallow orchard of {name} along the river is known to hold {answer} since 1480."
            blocks.append(
                paragraph(f"Much was said of it and of the {len(blocks)} roads to it. {words}")
            )
            comment = f"What does the shallow orchard of {name} hold?"
            marks.append(mark(words, comment=comment, name=f"mark-{name}"))
        write_pdf(papers / "survey.pdf", [Page(tuple(blocks), tuple(marks))], title="A Survey")

    others = ("Zrataar: 8,826 boats", "Zduloor: amber")
    write(others[0], "Zpivuar: 5,825 tons", others[1])
    for one in machines:
        one.ok("run")
    write(others[0], "Zsoweun: 4,934 boats", others[1])
    agree(*machines)
    first, second = (
        {
            (card["guid"], card["verdict"], card["fields"]["Front"])
            for card in one.cards()
            if card["guid"] in live(one)
        }
        for one in machines
    )
    assert first == second
    assert Counter(verdict for _, verdict, _ in first) == {"accepted": 3, "pending": 1}


def test_words_that_wait_on_one_machine_wait_where_their_passage_was_read_under_another_key(
    forge, forge_in, anki, tmp_path
):
    notes, theirs = with_anki(forge, anki), forge_in(tmp_path / "second")
    with_anki(theirs, anki, f"{{obsidian: {{name: notes, path: '{notes}'}}}}")
    theirs.ok("init", "--trust", theirs.folder)
    guilds = (
        "What was found at the harbour?::Lodulm cedar\n\n{}The roofs and the walls were of slate.\n"
    )
    towns = (
        "What was found at the market?::Kataft salt\n\n{}The gates and the towers were of oak.\n"
    )
    basin = (
        "In 1256 the golden citadel of the province was known to hold ==2,982 tons== in all{}.\n\n"
    )
    (notes / "Guilds.md").write_text(guilds.format(basin.format("")), encoding="utf-8")
    (notes / "Towns.md").write_text(towns.format(""), encoding="utf-8")
    run_and_load(forge, anki)
    guid = guid_of(forge, "citadel")
    (notes / "Guilds.md").write_text(guilds.format(""), encoding="utf-8")
    (notes / "Towns.md").write_text(towns.format(basin.format("")), encoding="utf-8")
    shutil.rmtree(forge.folder / ".ankiforge")
    theirs.ok("run")
    text = towns.format(basin.format(" [[Reading list]]"))
    (notes / "Towns.md").write_text(text, encoding="utf-8")
    agree(forge, theirs)
    for one in (forge, theirs):
        [card] = [card for card in one.cards() if card["guid"] == guid]
        assert "Reading list" in card["revision"]["fields"]["Text"]


@pytest.mark.parametrize("read", ["before it was corrected", "with the journal", "for itself"])
def test_only_the_answer_that_was_rejected_is_rejected_on_another_machine(
    forge, forge_in, tmp_path, read
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    question = "{}What is brought to the orchard along the river?\n?\n{} boats\n\nIt lies there.\n"
    note = without_anki(ours) / "a.md"
    without_anki(theirs, f"{{obsidian: {{name: notes, path: '{note.parent}'}}}}")
    theirs.ok("init", "--trust", theirs.folder)
    note.write_text(question.format("At first.\n\n", "9,231"), encoding="utf-8")
    ours.ok("run")
    if read == "before it was corrected":
        theirs.ok("run")
    elif read == "with the journal":
        shutil.copy(ours.folder / "journal.jsonl", theirs.folder)
    [guid] = live(ours)
    ours.ok("reject", guid)
    start = "Now.\n\n" if read == "for itself" else "At first.\n\n"
    note.write_text(question.format(start, "8,231"), encoding="utf-8")
    theirs.ok("run")
    agree(ours, theirs)
    for one in (ours, theirs):
        verdicts = {
            card["fields"]["Back"]: card["verdict"] for card in one.cards() if card["guid"] != guid
        }
        assert verdicts == {"8,231 boats": "accepted" if read == "for itself" else "pending"}
        assert [c["verdict"] for c in one.cards() if c["guid"] == guid] in (["rejected"], [])


CHANGES = {"none": "iris.", "a citation": "iris [12].", "a word": "eye.", "gone": ""}


@pytest.mark.parametrize("ran", [False, True])
@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_a_note_that_only_anki_shows_and_one_of_another_machines_journal_become_one(
    forge, forge_in, anki, tmp_path, change, loaded, ran
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    note = with_anki(ours, anki) / "a.md"
    without_anki(theirs, f"{{obsidian: {{name: notes, path: '{note.parent}'}}}}")
    theirs.ok("init", "--trust", theirs.folder)
    note.write_text(f"At first.\n\n{IRIS.format('pupil')}", encoding="utf-8")
    run_and_load(ours, anki)
    [guid] = live(ours)
    anki.answer_first_card(guid)
    text = IRIS.format("pupil").replace("iris.", CHANGES[change] or "iris.")
    note.write_text(f"It has changed.\n\n{text}", encoding="utf-8")
    theirs.ok("run")
    if loaded:
        anki.load(theirs.folder / "ankiforge.apkg")
    shutil.rmtree(ours.folder / ".ankiforge")
    (ours.folder / "journal.jsonl").write_bytes(b"")
    if change == "a word":
        note = note.rename(note.with_name("b.md"))
    elif change == "gone":
        note.write_text("It has changed.", encoding="utf-8")
    if ran:
        ours.ok("run")

    agree(ours, theirs)
    for one in (ours, theirs):
        if (package := one.folder / "ankiforge.apkg").exists():
            anki.load(package)
    assert studied(anki) == [guid]
    assert live(ours) == {guid}
    # the other words wait where the note is known
    waiting = [card["guid"] for card in ours.cards() if card["revision"]]
    assert waiting == ([guid] if change in ("a citation", "a word") else [])
    assert live(theirs) == (set() if change == "gone" else {guid})
    blocked = [
        one["check"]
        for card in theirs.cards()
        for one in card["findings"]
        if one["severity"] == "block"
    ]
    assert blocked == (["same_highlight"] if waiting else [])


def without_anki(forge, *sources: str) -> Path:
    """Let a workspace read a vault of its own, or other sources, and no Anki; return the vault."""
    return with_anki(forge, None, *sources)


def agree(*machines) -> None:
    """Unite the journals, and let each machine run, until nothing more is to be decided."""
    for _ in range(3):
        files = [one.folder / "journal.jsonl" for one in machines]
        lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
        for one, file in zip(machines, files, strict=True):
            file.write_text("".join(f"{line}\n" for line in dict.fromkeys(lines)), encoding="utf-8")
            one.ok("run")


def live(forge) -> set[str]:
    return {card["guid"] for card in forge.cards() if card["standing"] == "live"}


def studied(anki) -> list[str]:
    """The notes of ours in Anki that are not retired."""
    sql = "select guid from notes where guid like 'af%' and tags not like '%ankiforge::retired%'"
    return anki.col.db.list(sql)


# --- a lost ledger --------------------------------------------------------------------------

LAKE = "The Tanganyika basin holds ==19 thousand cubic kilometres== of water in an ordinary year.\n"


def test_a_lost_ledger_brings_back_what_a_person_made_of_passages_that_are_gone(
    forge, vault, no_waiting
):
    (vault / "Lake.md").write_text(LAKE, encoding="utf-8")
    (vault / "Other.md").write_text("Katze::cat\n", encoding="utf-8")
    (vault / "Stays.md").write_text("Hund::dog\n", encoding="utf-8")
    forge.ok("run", vault)
    [lake] = [card for card in forge.cards() if "basin" in str(card["fields"])]
    forge.ok("edit", lake["highlight"], "--field", "Front", "Which lake?", "--field", "Back", "It.")
    forge.ok("edit", guid_of(forge, "Katze"), "--field", "Back", "a cat of mine")
    before = decided(forge)
    for name in ("Lake.md", "Other.md"):
        (vault / name).rename(vault.parent / name)
    for _ in range(3):
        forge.ok("run", vault)
    shutil.rmtree(forge.home / ".ankiforge")
    for _ in range(3):
        forge.ok("run", vault)
    after = decided(forge)
    assert {guid_of(forge, "Which lake?"), guid_of(forge, "of mine")} <= after.keys()
    for name in ("Lake.md", "Other.md"):
        (vault.parent / name).rename(vault / name)
    forge.ok("run", vault)
    assert decided(forge) == before
    assert "source_" not in str([card["findings"] for card in forge.cards()])
    assert {card["revision"] for card in forge.cards()} == {None}


@pytest.mark.parametrize(
    ("text", "other"),
    [
        (LAKE, LAKE.replace("Tanganyika", "Baikal")),
        ("What ends at Lake Geneva?::the Rhone\n", "What ends at Lake Constance?::the Rhone\n"),
    ],
)
def test_no_other_fact_gets_the_note_of_a_passage_that_only_the_journal_knows(
    forge, vault, text, other
):
    (vault / "Lake.md").write_text(text, encoding="utf-8")
    forge.ok("run", vault)
    [old] = live(forge)
    shutil.rmtree(forge.home / ".ankiforge")
    (vault / "Lake.md").write_text(other, encoding="utf-8")
    forge.ok("run", vault)
    assert old not in live(forge)
    assert len(live(forge)) == 1


# --- two workspaces over one collection -----------------------------------------------------


@pytest.mark.parametrize("name", ["notes", "others"])
def test_a_workspace_takes_over_no_cards_of_another_one(forge, forge_in, anki, tmp_path, name):
    theirs = forge_in(tmp_path / "second")
    ours = with_anki(forge, anki)
    index = with_anki(theirs, anki, f"{{obsidian: {{name: {name}, path: notes}}}}") / "Index.md"
    (ours / "Index.md").write_text("What does the sun do to the sea?::It warms the top\n", "utf-8")
    forge.ok("run")
    anki.load(forge.folder / "ankiforge.apkg")
    index.write_text("What does the moon do to the tides?::It raises them twice a day\n", "utf-8")
    assert theirs.json("run")["notes"]["added"] == 1
    anki.load(theirs.folder / "ankiforge.apkg")
    with (ours / "Index.md").open("a", encoding="utf-8") as file:
        file.write("\nWhat is a neap tide like?::It is low\n")
    forge.ok("run")
    assert [len(forge.cards()), len(theirs.cards())] == [2, 1]
    assert {card["verdict"] for card in (*forge.cards(), *theirs.cards())} == {"accepted"}


def test_an_answer_corrected_in_a_renamed_note_for_another_machine_and_cut_has_one_live_card(
    forge, forge_in, tmp_path
):
    ours, theirs = forge, forge_in(tmp_path / "second")
    note = without_anki(ours) / "Lakes.md"
    without_anki(theirs, f"{{obsidian: {{name: notes, path: '{note.parent}'}}}}")
    theirs.ok("init", "--trust", theirs.folder)
    around = "The {} part of the shore was mapped by hand in the last summer.\n\n"
    said = "What was found at the northern quarry in the old days?::Lorast amber\n\n"
    note.write_text(around.format("western") + said + around.format("eastern"), encoding="utf-8")
    ours.ok("run")
    [guid] = live(ours)
    note = note.rename(note.with_name("Waters.md"))
    note.write_text(note.read_text("utf-8").replace("Lorast", "Larast"), encoding="utf-8")
    theirs.ok("run")
    note.write_text(around.format("western") + around.format("eastern"), encoding="utf-8")

    agree(ours, theirs)
    assert len(live(ours) | live(theirs)) == 1
    assert live(ours) == {guid}


# --- a lost ledger, and the journal in any order --------------------------------------------

TOWNS = """\
What was founded at the northern ford in the year 1204?::Lorast

In 1304 the old bridge over the Zwee was known to carry ==two thousand carts== in all.

The market of Zovel is known to have held ==4,440 tons== of grain in the dry years.

What is the highest tower of Zubar?::The tower of the weavers
"""
OTHER = "What is the harbour of Zemel famous for?::Its amber cranes"
IN_ANY_ORDER: dict[str, Callable[[Lines], Lines]] = {
    "as written": lambda lines: lines,
    "reversed": lambda lines: lines[::-1],
    "sorted": sorted,
    "twice": lambda lines: lines * 2,
}


@pytest.mark.parametrize("order", IN_ANY_ORDER.values(), ids=IN_ANY_ORDER)
def test_a_lost_ledger_rebuilt_from_a_journal_in_any_order_has_the_same_cards(forge, anki, order):
    notes, passed = with_anki(forge, anki), iter(range(0, 6_000, 60))

    def run() -> None:
        with clock.ahead(next(passed)):
            forge.ok("run")

    towns, weirs = notes / "Towns.md", notes / "Weirs.md"
    towns.write_text(TOWNS, encoding="utf-8")
    weirs.write_text("What did the weir of Zulun hold back?::The spring floods\n", "utf-8")
    run()
    anki.load(forge.folder / "ankiforge.apkg")
    weirs.unlink()
    run()
    text = TOWNS.replace("the Zwee", "the Dolm")  # waits as a revision
    for name in ("Old towns.md", "Towns of old.md"):
        towns = towns.rename(notes / name)
        towns.write_text(text, encoding="utf-8")
        run()
        anki.load(forge.folder / "ankiforge.apkg")
        text = text.replace("4,440", "4,441")  # a correction; the second is not loaded
    text = text.replace(TOWNS.splitlines()[-1], OTHER)
    towns.write_text(text, encoding="utf-8")
    run()
    run()
    before = told(forge)
    assert [card["revision"] for card in before.values()].count(None) == len(before) - 1
    assert sum(bool(card["replaced_by"]) for card in before.values()) == 1
    journal = forge.folder / "journal.jsonl"
    journal.write_bytes(b"".join(order(journal.read_bytes().splitlines(keepends=True))))
    shutil.rmtree(forge.folder / ".ankiforge")
    run()
    run()
    assert told(forge) == before


def test_a_journal_that_was_changed_from_outside_is_read_once(forge, vault, monkeypatch):
    (vault / "a.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault)
    read, times = Journal.read, list[Journal]()

    def counted(journal: Journal) -> Iterator[Entry | Problem]:
        times.append(journal)
        return read(journal)

    monkeypatch.setattr(Journal, "read", counted)
    path = next(forge.home.parent.rglob("journal.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(reversed(lines)))
    before = told(forge)
    times.clear()
    forge.ok("run", vault)
    assert len(times) == 1
    assert told(forge) == before


def test_an_old_ledger_learns_from_the_journal_what_was_shipped(forge, vault):
    (vault / "a.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    backup = shutil.copytree(forge.home / ".ankiforge", forge.home / "backup")
    forge.ok("accept", "--all")
    forge.ok("build")
    before = told(forge)
    assert {card["anki"] for card in before.values()} == {"written"}
    shutil.rmtree(forge.home / ".ankiforge")
    backup.rename(forge.home / ".ankiforge")
    assert told(forge) == before


@pytest.mark.parametrize(
    ("word", "damage"), [(b"CREATE TABLE sc", b"\0"), (b'"quote":', b"\xff"), (b'"quote":', b"}")]
)
def test_a_damaged_ledger_says_what_to_do_and_is_rebuilt(forge, vault, word, damage):
    (vault / "a.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault)
    before, ledger = told(forge), forge.home / ".ankiforge" / "ledger.db"
    said = bytearray(ledger.read_bytes())
    at = said.index(word)
    page = at - at % 4096
    start, end = (page, page + 4096) if damage == b"\0" else (at, at + 4)
    said[start:end] = damage * (end - start)
    ledger.write_bytes(said)
    assert "move ledger.db aside" in forge("list", "--all", code=4).stderr
    ledger.rename(ledger.with_name("ledger.damaged"))
    forge.ok("run", vault)
    assert told(forge) == before


def told(forge) -> dict[str, dict]:
    """What `list` tells of each card, but for ids of its drafts and who made them."""
    found = {}
    for card in forge.cards():
        revision = card["revision"] and card["revision"]["fields"]
        findings = sorted(one["check"] for one in card["findings"])
        names = (
            "verdict standing fields anki anki_why tags title highlight document reason waits also"
            " replaced_by instead_of conflicts deck kind accepted_by"
        )
        found[card["guid"]] = {name: card[name] for name in names.split()}
        found[card["guid"]] |= {"revision": revision, "findings": findings}
    return found
