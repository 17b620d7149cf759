"""Split, joined, drawn longer, marked twice: the card goes with its evidence and stays itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from samples.pdf_writer import Page, mark, paragraph, write_pdf
from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

ACRONYM = "The minimum inhibitory concentration (MIC) is the lowest dose that prevents growth."
TERM = "The polymerase chain reaction (PCR) copies a piece of DNA many times over."
MORE = "Persister cells survive for reasons of their own, and nobody knows them all."
WHOLE = f"{ACRONYM} {TERM}"
STALE = {"source_gone", "source_changed"}


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    return folder / "Resistance.pdf"


@pytest.fixture
def read(forge, paper: Path):
    """Read a paper in which these passages are marked; its live cards by what they ask."""

    def read(*marks: str, text: str = f"{WHOLE} {MORE}", comments: dict[str, str] | None = None):
        said = comments or {}
        drawn = tuple(mark(words, comment=said.get(words, "")) for words in marks)
        write_pdf(paper, [Page((paragraph(text),), drawn)], title="How Bacteria Resist")
        forge.ok("run", paper.parent)
        return live(forge)

    return read


def live(forge) -> dict[str, dict]:
    cards = [card for card in forge.cards() if card["standing"] == "live"]
    asked = {card["fields"].get("Front") or card["fields"]["Text"]: card for card in cards}
    assert len(asked) == len(cards), "two live cards that ask the same"
    return asked


def guids(cards: dict[str, dict]) -> dict[str, str]:
    return {front: card["guid"] for front, card in cards.items()}


def test_a_mark_split_in_two_shares_its_cards_out(read) -> None:
    before = read(WHOLE)
    assert len(before) == 2
    after = read(ACRONYM, TERM)
    assert guids(after) == guids(before)
    assert len({card["highlight"] for card in after.values()}) == 2
    assert guids(read(ACRONYM, TERM)) == guids(before)


def test_two_marks_joined_keep_both_cards_on_the_one(read) -> None:
    before = read(ACRONYM, TERM)
    after = read(WHOLE)
    assert guids(after) == guids(before)
    assert len({card["highlight"] for card in after.values()}) == 1
    assert not {finding["check"] for card in after.values() for finding in card["findings"]} & STALE


def test_joined_and_split_again_every_card_is_where_it_was(read) -> None:
    before = read(ACRONYM, TERM)
    read(WHOLE)
    after = read(ACRONYM, TERM)
    assert guids(after) == guids(before)
    assert {f: c["highlight"] for f, c in after.items()} == {
        f: c["highlight"] for f, c in before.items()
    }


@pytest.mark.parametrize("longer", [f"{TERM} {MORE}", f"{WHOLE} {MORE}"])
def test_a_mark_drawn_longer_keeps_its_card(read, longer: str) -> None:
    before = read(TERM)
    after = read(longer)
    assert guids(before).items() <= guids(after).items()
    assert guids(read(TERM)).items() >= guids(before).items()


def test_a_card_whose_passage_is_marked_no_more_stays_and_follows_a_later_mark(
    forge, read, no_waiting
) -> None:
    before = read(TERM, MORE)
    read(MORE)
    read(MORE)
    [gone] = live(forge).values()
    assert [finding["check"] for finding in gone["findings"]] == ["source_gone"]
    after = read(WHOLE, MORE)
    assert guids(before).items() <= guids(after).items()
    assert not {finding["check"] for card in after.values() for finding in card["findings"]} & STALE


def test_a_moved_card_that_was_rejected_is_not_offered_again(forge, read) -> None:
    [card] = read(TERM).values()
    forge.ok("reject", card["guid"])
    read(WHOLE)
    verdicts = {one["guid"]: one["verdict"] for one in forge.cards()}
    assert verdicts[card["guid"]] == "rejected"
    assert len(verdicts) == 2


def test_a_persons_words_move_along(forge, read) -> None:
    [card] = read(TERM).values()
    forge.ok("edit", card["guid"], "--field", "Back", "my own words")
    read(WHOLE)
    [moved] = [c for c in forge.cards() if c["guid"] == card["guid"]]
    assert (moved["fields"]["Back"], moved["standing"]) == ("my own words", "live")


def test_a_lost_ledger_draws_moved_cards_as_the_same(forge, read) -> None:
    read(ACRONYM, TERM)
    before = read(WHOLE)
    shutil.rmtree(forge.home / ".ankiforge")
    after = read(WHOLE)
    assert guids(after) == guids(before)


def test_a_split_is_the_same_when_the_ledger_is_lost_between(forge, read) -> None:
    before = read(WHOLE)
    read(ACRONYM, TERM)
    shutil.rmtree(forge.home / ".ankiforge")
    assert guids(read(ACRONYM, TERM)) == guids(before)


def test_an_undone_move_is_not_made_again(forge, read) -> None:
    before = read(ACRONYM, TERM)
    moved = next(
        card
        for card in read(WHOLE).values()
        if card["highlight"] != before[card["fields"]["Front"]]["highlight"]
    )
    history = forge.json("trace", moved["guid"])["decisions"]
    [move] = [decided for decided in history if decided["what"] == "move"]
    forge.ok("undo", move["id"])
    read(WHOLE)
    [card] = [c for c in forge.cards() if c["guid"] == moved["guid"]]
    assert card["highlight"] == before[moved["fields"]["Front"]]["highlight"]


def test_what_a_person_decided_before_a_move_can_be_taken_back_after_it(forge, read) -> None:
    [card] = read(TERM).values()
    forge.ok("reject", card["guid"])
    read(WHOLE)
    forge.ok("undo")
    [again] = [c for c in forge.cards() if c["guid"] == card["guid"]]
    assert (again["verdict"], again["standing"]) == ("accepted", "live")


def test_a_joined_highlight_sends_the_same_package_but_for_where_it_leads(
    forge, read, anki
) -> None:
    before = read(ACRONYM, TERM)
    anki.load(forge.folder / "ankiforge.apkg")
    read(WHOLE)
    counts = anki.load(forge.folder / "ankiforge.apkg")
    assert counts.get("new", 0) == 0
    assert {anki.note(card["guid"]).guid for card in before.values()} == {
        card["guid"] for card in before.values()
    }


def test_two_marked_sentences_of_a_note_that_become_one_keep_their_cards(forge, vault) -> None:
    one = "The pupil of the eye is made smaller by a ring of muscle"
    two = "The lens of the eye is made rounder by another one"
    note = vault / "a.md"
    note.write_text(f"{one.replace('muscle', '==muscle==')}. {two.replace('eye', '==eye==')}.\n")
    forge.ok("run", vault)
    before = {card["guid"] for card in forge.cards()}
    assert len(before) == 2
    note.write_text(
        f"{one[:-6]}==muscle. The== {two[4:].replace('eye', '==eye==')}.\n", encoding="utf-8"
    )
    forge.ok("run", vault)
    cards = forge.cards()
    assert before <= {card["guid"] for card in cards if card["standing"] == "live"}


# --- two machines ---------------------------------------------------------------------------


def test_two_machines_that_met_the_same_mark_in_other_words_agree_on_one_card(
    forge, forge_in, tmp_path, vault
) -> None:
    note = vault / "a.md"
    note.write_text("The pupil of the eye is made ==smaller== by a ring of muscles.\n")
    forge.ok("run", vault)
    there = forge_in(tmp_path / "there")
    note.write_text("The pupil of the eye is made ==smaller== by a ring of muscle.\n")
    there.ok("run", vault)
    forge.ok("run", vault)
    ours, theirs = forge.home / "journal.jsonl", there.home / "journal.jsonl"
    lines = [*ours.read_text().splitlines(), *theirs.read_text().splitlines()]
    for path in (ours, theirs):
        path.write_text("".join(f"{line}\n" for line in dict.fromkeys(lines)))
    for one in (forge, there, forge, there):
        one.ok("run", vault)
    assert live(forge).keys() == live(there).keys()
    assert guids(live(forge)) == guids(live(there))


def test_a_fresh_machine_takes_the_journals_keys_whatever_it_reads_first(
    forge, forge_in, tmp_path, read, paper
) -> None:
    before = read(ACRONYM, TERM)
    there = forge_in(tmp_path / "there")
    there.home.mkdir(parents=True)
    shutil.copy(forge.home / "journal.jsonl", there.home)
    other = tmp_path / "elsewhere" / "Other name.pdf"
    other.parent.mkdir()
    shutil.copy(paper, other)
    there.ok("run", other)
    assert guids(live(there)) == guids(before)


# --- works ----------------------------------------------------------------------------------


def library(folder: Path, *marks: Annotation, doi: str = "10.5555/resist", title="Resist") -> Path:
    """A Zotero with one paper."""
    folder.mkdir(exist_ok=True)
    attachment = Attachment("ATTACH01", "other.pdf", marks)
    write_zotero(
        folder / "zotero.sqlite",
        [Library((Work("PAPER001", {"title": title, "DOI": doi}, attachments=(attachment,)),))],
    )
    return folder / "zotero.sqlite"


def with_doi(path: Path, *marks: str, doi: str = "10.5555/resist", **more: str) -> Path:
    """A PDF that names its DOI in its metadata."""
    write_pdf(
        path,
        [Page((paragraph(f"{WHOLE} {MORE}"),), tuple(mark(words, **more) for words in marks))],
        title="How Bacteria Resist",
        fields={"/Subject": f"doi:{doi}"},
    )
    return path


def test_a_passage_marked_in_zotero_and_in_the_pdf_is_one_highlight(forge, paper, tmp_path) -> None:
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", ACRONYM))
    with_doi(paper, ACRONYM, TERM)
    came = forge.json("run", paper, zotero)
    assert came["highlights"]["seen"] == 2
    assert came["cards"]["merged"] == 0
    assert {card["highlight"].partition("/")[0] for card in forge.cards()} >= {"zotero:user"}
    again = forge.json("run", paper, zotero)
    assert again["highlights"] == {"seen": 2, "new": 0, "changed": 0, "gone": 0, "unchanged": 2}


def test_the_key_stays_when_a_better_route_appears_and_when_it_goes(
    forge, paper, tmp_path, no_waiting
) -> None:
    with_doi(paper, TERM)
    forge.ok("run", paper.parent)
    [before] = forge.cards()
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM, comment="from Zotero"))
    for _ in range(2):
        assert forge.json("run", paper.parent, zotero)["highlights"]["seen"] == 1
    [card] = forge.cards()
    assert (card["guid"], card["highlight"]) == (before["guid"], before["highlight"])
    assert forge.json("trace", card["guid"])["highlight"]["comment"] == "from Zotero"
    library(tmp_path / "Z", Annotation("MARKBBB3", MORE))
    for _ in range(3):
        forge.ok("run", paper.parent, zotero)
    [card] = [c for c in forge.cards() if c["guid"] == before["guid"]]
    assert (card["standing"], card["findings"]) == ("live", [])
    assert forge.json("trace", card["guid"])["highlight"]["comment"] == ""


def test_skip_counts_from_the_best_route_only(forge, paper, tmp_path) -> None:
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM))
    with_doi(paper, TERM, comment="skip")
    came = forge.json("run", paper, zotero)
    assert came["fates"]["ignored"] == 0
    assert len(forge.cards()) == 1


def test_another_doi_is_another_paper(forge, paper, tmp_path) -> None:
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM), doi="10.5555/other")
    with_doi(paper, TERM)
    assert forge.json("run", paper, zotero)["highlights"]["seen"] == 2


@pytest.mark.parametrize(("title", "seen"), [("How Bacteria Resist", 1), ("A Review of Such", 2)])
def test_a_doi_on_the_first_page_needs_the_title_too(forge, paper, tmp_path, title, seen) -> None:
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM), title=title)
    text = paragraph(f"https://doi.org/10.5555/resist {WHOLE}")
    write_pdf(paper, [Page((text,), (mark(TERM),))], title="How Bacteria Resist")
    assert forge.json("run", paper, zotero)["highlights"]["seen"] == seen


def test_pdfs_that_share_half_of_their_pages_are_one_paper(forge, tmp_path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    pages = [" ".join(f"{WHOLE} This is page {n}{i}." for i in "abcd") for n in "xyz"]

    def write(name: str, texts: list[str]) -> None:
        made = [Page((paragraph(text),), (mark(ACRONYM),) if n == 0 else ())
                for n, text in enumerate(texts)]  # fmt: skip
        write_pdf(folder / name, made, title=name)

    write("first.pdf", pages[:2])
    forge.ok("run", folder)
    [before] = forge.cards()
    write("second.pdf", [pages[0], pages[2]])
    forge.ok("run", folder)
    documents = documents_of(forge)
    assert len(documents) == 1
    assert before["guid"] in {card["guid"] for card in forge.cards()}


def documents_of(forge) -> set[str]:
    """The tags of documents on all cards there are."""
    return {
        tag for card in forge.cards() for tag in card["tags"] if tag.startswith("ankiforge::doc::")
    }


def union_of(forge) -> dict:
    for card in forge.cards():
        for decided in forge.json("trace", card["guid"])["decisions"]:
            if decided["what"] == "union":
                return decided
    raise AssertionError("no union")


def test_a_union_gives_one_tag_and_taken_back_it_is_not_made_again(forge, paper, tmp_path) -> None:
    with_doi(paper, ACRONYM, TERM)
    forge.ok("run", paper.parent)
    before = documents_of(forge)
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM))
    forge.ok("run", paper.parent, zotero)
    assert documents_of(forge) == before
    forge.ok("undo", union_of(forge)["id"])
    came = forge.json("run", paper.parent, zotero)
    assert came["highlights"]["seen"] == 3
    assert forge.json("run", paper.parent, zotero)["highlights"]["seen"] == 3
    assert "union" in (forge.home / "journal.jsonl").read_text()


def test_a_lost_ledger_learns_unions_again(forge, paper, tmp_path) -> None:
    with_doi(paper, ACRONYM, TERM)
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM))
    forge.ok("run", paper.parent, zotero)
    before = {card["guid"] for card in forge.cards()}
    forge.ok("undo", union_of(forge)["id"])
    shutil.rmtree(forge.home / ".ankiforge")
    assert forge.json("run", paper.parent, zotero)["highlights"]["seen"] == 3
    assert before <= {card["guid"] for card in forge.cards()}


def test_two_highlights_that_turn_out_to_be_one_share_their_cards(forge, paper, tmp_path) -> None:
    with_doi(paper, TERM, doi="10.5555/wrong")
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM))
    forge.ok("run", paper.parent)
    forge.ok("run", zotero)
    assert len(forge.cards()) in (1, 2)
    library(tmp_path / "Z", Annotation("MARKAAA2", TERM), doi="10.5555/wrong")
    for _ in range(2):
        came = forge.json("run", paper.parent, zotero)
        assert came["highlights"]["seen"] == 1
    assert len(live(forge)) == 1


def test_a_note_that_quotes_the_paper_it_names_is_another_way(forge, vault, tmp_path) -> None:
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM))
    forge.ok("run", zotero)
    [before] = forge.cards()
    (vault / "paper.md").write_text(f"---\ndoi: 10.5555/resist\n---\n> =={TERM}==\n")
    (vault / "other.md").write_text(f"> =={TERM}==\n")
    came = forge.json("run", vault, zotero)
    assert came["highlights"]["seen"] == 2
    links = forge.json("trace", before["guid"])["highlight"]["links"]
    assert any("paper" in link for link in links)
    (vault / "other.md").unlink()
    assert forge.json("run", vault, zotero)["highlights"]["seen"] == 1


def test_the_journal_names_the_documents_of_a_union(forge, paper, tmp_path) -> None:
    with_doi(paper, TERM)
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM))
    forge.ok("run", paper.parent, zotero)
    lines = map(json.loads, (forge.home / "journal.jsonl").read_text().splitlines())
    [union] = [line for line in lines if line["what"] == "union"]
    assert sorted(union["documents"])[1] == "zotero:user/PAPER001"
    assert {union["document"], union["with"]} == set(union["documents"])


# --- several ways ---------------------------------------------------------------------------


def test_a_run_that_reads_one_way_only_changes_nothing(forge, paper, tmp_path, no_waiting) -> None:
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM, comment="in Zotero"))
    with_doi(paper, TERM, comment="in the PDF")
    forge.ok("run", paper.parent, zotero)
    [before] = forge.cards()
    for path in (paper.parent, zotero, paper.parent, paper.parent):
        came = forge.json("run", path)
        assert came["highlights"] == {"seen": 1, "new": 0, "changed": 0, "gone": 0, "unchanged": 1}
    assert forge.cards() == [before]
    assert forge.json("trace", before["guid"])["highlight"]["comment"] == "in Zotero"


def test_a_highlight_is_gone_when_its_last_way_is(forge, paper, tmp_path, no_waiting) -> None:
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM))
    with_doi(paper, TERM)
    forge.ok("run", paper.parent, zotero)
    library(tmp_path / "Z", Annotation("MARKBBB3", MORE))
    with_doi(paper, MORE)
    gone = [forge.json("run", paper.parent, zotero)["highlights"]["gone"] for _ in range(4)]
    assert sum(gone) == 1
    [card] = [c for c in forge.cards() if "PCR" in c["fields"].get("Front", "")]
    assert [finding["check"] for finding in card["findings"]] == ["source_gone"]


def test_a_note_that_quotes_can_be_renamed_and_edited(forge, vault, tmp_path) -> None:
    zotero = library(tmp_path / "Z", Annotation("MARKAAA2", TERM))
    head = "---\ncitekey: x\nzotero-link: zotero://select/library/items/PAPER001\n---\n"
    note = vault / "paper.md"
    note.write_text(f"{head}> =={TERM}==\n\nMine is ==something else== here.\n")
    forge.ok("run", vault, zotero)
    before = {card["guid"]: card["highlight"] for card in forge.cards()}
    note.rename(vault / "renamed.md")
    came = forge.json("run", vault, zotero)
    assert (came["highlights"]["seen"], came["highlights"]["new"]) == (2, 0)
    assert {card["guid"]: card["highlight"] for card in forge.cards()} == before
    (vault / "renamed.md").write_text(f"{head}> =={TERM[:-1]}, they say.==\n")
    came = forge.json("run", vault, zotero)
    [card] = [c for c in forge.cards() if c["highlight"].startswith("zotero")]
    assert (card["standing"], card["quote"]) == ("live", TERM)


def test_two_pdfs_of_one_work_with_the_same_mark_are_one_highlight(forge, tmp_path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    with_doi(folder / "a.pdf", TERM)
    write_pdf(
        folder / "b.pdf",
        [Page((paragraph(f"A cover sheet of the library. {WHOLE}"),), (mark(TERM),))],
        title="How Bacteria Resist",
        fields={"/Subject": "doi:10.5555/resist"},
    )
    for path in (folder, folder, folder / "b.pdf", folder / "a.pdf", folder):
        assert forge.json("run", path)["highlights"]["seen"] == 1
    assert len(live(forge)) == 1


def test_a_card_that_takes_the_place_of_one_like_it_is_moved_and_not_edited(forge, vault) -> None:
    card = "Who hunts the {0} when the nights are long and cold:::wolves of the {0}\n\n"
    (vault / "A.md").write_text(card.format("badger") + card.format("axolotl"), encoding="utf-8")
    (vault / "B.md").write_text(card.format("echidna") + card.format("fulmar"), encoding="utf-8")
    forge.ok("run", vault)
    before = {str(one["fields"]): one["guid"] for one in forge.cards()}
    (vault / "A.md").write_text(card.format("axolotl"), encoding="utf-8")
    (vault / "B.md").write_text(card.format("badger") + card.format("fulmar"), encoding="utf-8")
    forge.ok("run", vault)
    after = {str(one["fields"]): one["guid"] for one in forge.cards()}
    assert after == before
