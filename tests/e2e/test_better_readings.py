"""Readings that became better: the words change, the key and the guid do not.

Keys and guids are those that commit eaf6667 gave.
"""

from __future__ import annotations

import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest

from samples.pdf_writer import Page, mark, paragraph, write_pdf

POLISH = (
    "Grupa liczy od ok. 10 do 20 osób ==dorosłych==. Drugie zdanie, np. Kraków jest ==miastem==.\n"
    "\nMieszka przy ul. Długiej ==pod szóstką==, m. in. Anna i tzw. Zosia ==tam== są.\n"
)


def read(forge: Any, *arguments: Any) -> dict[str, tuple[str, list[str]]]:
    """Key → (exact, gaps)."""
    lines = [one for one in forge.ok("extract", *arguments, "--json").lines if "exact" in one]
    return {
        one["key"]: (one["exact"], [one["exact"][a:b] for a, b in one["gaps"]]) for one in lines
    }


def vault(folder: Path, text: str) -> Path:
    (folder / "v").mkdir()
    (folder / "v" / "a.md").write_text(text, encoding="utf-8")
    return folder / "v"


def test_a_sentence_goes_on_after_an_abbreviation_under_the_key_of_its_frozen_part(
    forge: Any, tmp_path: Path
) -> None:
    found = read(forge, vault(tmp_path, POLISH))
    last = "Mieszka przy ul. Długiej pod szóstką, m. in. Anna i tzw. Zosia tam są."
    assert found == {
        "vault:v/0903b19a17a59773": ("Grupa liczy od ok. 10 do 20 osób dorosłych.", ["dorosłych"]),
        "vault:v/050f6bfe8355c717": ("Drugie zdanie, np. Kraków jest miastem.", ["miastem"]),
        "vault:v/2826187fa3475c05": (last, ["pod szóstką"]),
        "vault:v/da82cab810cb21f0": (last, ["tam"]),
    }


@pytest.mark.parametrize(
    ("sentence", "marked"),
    [
        ("Vizte např. Praha je ==velká==.", "velká"),
        ("Смотри напр. Москва ==велика==.", "велика"),
        ("Das ist inkl. Mehrwertsteuer ==teuer==.", "teuer"),
        ("On dit, p. ex. Paris est ==grande==.", "grande"),
        ("Se dice p. ej. Madrid es ==grande==.", "grande"),
        ("Il sig. Rossi è ==alto==.", "alto"),
        ("Dat is bijv. Amsterdam, een ==stad==.", "stad"),
        ("Det är t.ex. Stockholm som är ==stor==.", "stor"),
        ("Mają ok. 5 mln ==mieszkańców==.", "mieszkańców"),
    ],
)
def test_abbreviations_of_other_languages_end_no_sentence(
    forge: Any, tmp_path: Path, sentence: str, marked: str
) -> None:
    [(exact, gaps)] = read(forge, vault(tmp_path, f"{sentence}\n")).values()
    assert (exact, gaps) == (sentence.replace("==", ""), [marked])


def test_what_may_be_a_word_ends_its_sentence_before_letters(forge: Any, tmp_path: Path) -> None:
    text = "It is ok. Then ==go== on. He lives in the str. Next ==one==.\n"
    exacts = [exact for exact, _ in read(forge, vault(tmp_path, text)).values()]
    assert exacts == ["Then go on.", "Next one."]


def test_a_cloze_of_a_tool_with_signs_of_its_own_says_its_answer(
    forge: Any, tmp_path: Path
) -> None:
    vault(tmp_path, "Brazilians speak {{1::Portuguese}} there.\n")
    (tmp_path / "ankiforge.yaml").write_text(
        "sources:\n  - obsidian: {path: v, cards: [inline, osr],"
        ' osr: {clozePatterns: ["{{[123::]answer[::hint]}}"]}}\n'
    )
    found = read(forge, "-C", tmp_path)
    exact = "Brazilians speak Portuguese there."
    assert found == {"vault:v/415a3c8af138585b": (exact, ["Portuguese"])}


def test_signs_between_two_marks_are_no_words(forge: Any, tmp_path: Path) -> None:
    text = "Import: ==This is the big one====.== And more.\n\nA ==b====, c== ==d==.\n"
    assert read(forge, vault(tmp_path, text)) == {
        "vault:v/e8cf3ff704e06641": ("Import: This is the big one.", ["This is the big one."]),
        "vault:v/08baee97ff5d4bfb": ("A b, c d.", ["b, c", "d"]),
    }


GUIDS = {
    "af6fy4zdv3ve55vsfjbu6ktpvd",
    "afjxmqfpxk46zy5ydtkgjjf4yl",
    "afrb7foenbgekyfdvw5tqxbini",
    "afwee3yg6vixivlnvfgpnaygyr",
}
"""Of POLISH."""


def notes_in(package: Path) -> dict[str, str]:
    """guid → the first field of each note."""
    with zipfile.ZipFile(package) as zipped:
        (package.parent / "collection.anki2").write_bytes(zipped.read("collection.anki2"))
    with sqlite3.connect(package.parent / "collection.anki2") as opened:
        rows = opened.execute("SELECT guid, flds FROM notes").fetchall()
    return {guid: fields.split("\x1f")[0] for guid, fields in rows}


def test_a_workspace_of_the_old_reading_gets_better_words_in_the_same_notes(
    forge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ankiforge.text import sentences

    folder = vault(tmp_path, POLISH)
    with monkeypatch.context() as patch:
        patch.setattr(sentences, "_further", lambda *_: False)
        forge.ok("run", folder)
    old = notes_in(forge.folder / "ankiforge.apkg")
    assert set(old) == GUIDS
    (folder / "a.md").write_text(POLISH + "\n", encoding="utf-8")  # else it is not read again
    forge.ok("run", folder)
    new = notes_in(forge.folder / "ankiforge.apkg")
    assert set(new) == GUIDS
    assert new != old
    assert any("ok. 10 do 20" in words for words in new.values())
    assert "nothing is new" in forge.ok("run", folder).stdout


def test_a_second_machine_without_journal_makes_the_same_notes(forge: Any, tmp_path: Path) -> None:
    forge.ok("run", vault(tmp_path, POLISH))
    assert set(notes_in(forge.folder / "ankiforge.apkg")) == GUIDS


def paper(folder: Path, *, heads: bool) -> Path:
    """Three pages, each with a running head and foot and a mark at its edge."""
    words = (
        ("Osmosis moves water through membranes.", "Cells swell in it."),
        ("Diffusion needs no energy at all.", "Gradients drive it."),
        ("Active transport spends energy.", "Pumps do the work."),
    )
    pages = []
    for number, (first, last) in enumerate(words, start=1):
        blocks = [paragraph(first), paragraph(last)]
        if heads:
            blocks = [paragraph("Journal of Cells 12"), *blocks, paragraph(f"Page {number} of 3")]
        pages.append(Page(tuple(blocks), (mark(first), mark(last))))
    (folder / "p").mkdir(exist_ok=True)
    write_pdf(folder / "p" / "a.pdf", pages)
    return folder / "p" / "a.pdf"


def test_running_heads_and_feet_are_no_context_and_change_no_key(
    forge: Any, tmp_path: Path
) -> None:
    lines = forge.ok("extract", paper(tmp_path, heads=True), "--json").lines
    marks = [one for one in lines if "exact" in one]
    assert [one["key"] for one in marks] == [
        "pdf:9bc418398cd5475a/b8ec45ed9cfa1224",
        "pdf:9bc418398cd5475a/83feb8dca4dd0f78",
        "pdf:9bc418398cd5475a/74da136458270cca",
        "pdf:9bc418398cd5475a/21828dc3955f5192",
        "pdf:9bc418398cd5475a/f157e99107274a9d",
        "pdf:9bc418398cd5475a/160582cb1b04fc7b",
    ]
    beside = " ".join(one["prefix"] + one["suffix"] for one in marks)
    assert "Journal" not in beside
    assert "Page" not in beside
    assert "Cells swell in it." in beside


def test_items_of_a_list_in_one_mark_are_joined_by_semicolons(forge: Any, tmp_path: Path) -> None:
    page = Page(
        (paragraph("Before it. List: • first item of it • second item • third item"),),
        (mark("first item of it • second item • third item"),),
    )
    (tmp_path / "p").mkdir()
    write_pdf(tmp_path / "p" / "a.pdf", [page])
    [(key, (exact, _))] = read(forge, tmp_path / "p").items()
    assert key == "pdf:b9499f09a663e33f/3fdd78571b4ec7fa"
    assert exact == "first item of it; second item; third item"


def test_context_begins_and_ends_with_whole_words(forge: Any, tmp_path: Path) -> None:
    before, after = "abcdefghi " * 12, "jklmnopqr " * 12
    folder = vault(tmp_path, f"{before.strip()}.\n\nA ==cell== is alive.\n\n{after}\n")
    [line] = [one for one in forge.ok("extract", folder, "--json").lines if "exact" in one]
    assert set(line["prefix"].split()) <= {"abcdefghi", "abcdefghi."}
    assert set(line["suffix"].split()) == {"jklmnopqr"}


@pytest.mark.parametrize(
    "text",
    [
        "Он сделан им. Потом он ==ушёл==.",
        "Рост 180 см. Потом он ==ушёл==.",
        "Он ел рис. Потом он ==ушёл==.",
        "Řekl to nám. Potom ==odešel==.",
        "Zebrał się tłum. Potem ==odszedł==.",
        "Han satte sig. Sedan ==gick== han.",
        "Stäng av. Sedan ==vänta==.",
        "Han ville dra. Så ==gikk== han.",
        "He is a nice chap. Then he ==left==.",
    ],
)
def test_words_that_are_also_abbreviations_end_their_sentence(
    forge: Any, tmp_path: Path, text: str
) -> None:
    [(exact, _)] = read(forge, vault(tmp_path, f"{text}\n")).values()
    assert exact == text.replace("==", "").split(". ")[1]


def test_a_link_in_a_circle_given_as_a_path_is_named(forge: Any, tmp_path: Path) -> None:
    root = vault(tmp_path, "What is an axon?::the long fibre of a nerve cell\n")
    (root / "ring.md").symlink_to("ring.md")
    ran = forge("run", root / "a.md", root / "ring.md", "--once")
    assert "ring.md: a link that leads nowhere, or round in a circle" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "1 card" in ran.stdout
