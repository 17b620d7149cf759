"""Exports beyond the cases in `texts/`: copies of a file, tables that break off, large ones."""

import csv
import json
import os
from pathlib import Path

import pytest

from ankiforge.model import ExtractedDocument, Highlight, Problem, ScanEnd, Sighting
from tests.reading import opened

END = "==========\n"
READWISE = ("Highlight", "Book Title", "Note")


def scan(kind: str, root: Path) -> list[Sighting]:
    return list(opened(kind, root, name="n").scan())


def highlights(found: list[Sighting]) -> list[Highlight]:
    return [
        one
        for each in found
        if isinstance(each, ExtractedDocument)
        for one in each.highlights
    ]


def clipping(words: str, where: str, day: int = 1) -> str:
    when = f"Added on Thursday, January {day}, 2015"
    return f"Book (Roe, Ann)\n- Your Highlight at location {where} | {when}\n\n{words}\n{END}"


def table(path: Path, *rows: tuple[str, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([READWISE, *rows])


def test_of_two_copies_of_clippings_the_newer_entry_holds_whichever_file_is_newer(
    tmp_path,
):
    old = clipping("a mark", "5-5")
    (tmp_path / "b.txt").write_text(old)
    (tmp_path / "a.txt").write_text(old + clipping("a mark drawn further", "5-6", 2))
    for older in ("b.txt", "a.txt"):
        os.utime(tmp_path / older, (0, 0))
        found = highlights(scan("kindle", tmp_path))
        assert [one.exact for one in found] == ["a mark drawn further"]


@pytest.mark.parametrize(
    ("second", "comment"),
    [("Why?", "Why?"), ("Since when?", "Why?\nSince when?")],
)
def test_a_longer_mark_has_the_words_of_its_note_once(tmp_path, second, comment):
    def note(words: str, place: str) -> str:
        return clipping(words, place).replace("Your Highlight", "Your Note")

    text = clipping("a mark", "5-5") + note("Why?", "5")
    text += clipping("a mark drawn further", "5-6", 2) + note(second, "6")
    (tmp_path / "a.txt").write_text(text)
    [one] = highlights(scan("kindle", tmp_path))
    assert (one.exact, one.comment) == ("a mark drawn further", comment)


def test_of_two_tables_the_newer_one_holds(tmp_path):
    table(tmp_path / "a.csv", ("one", "A", ""), ("two", "A", "as it was"))
    os.utime(tmp_path / "a.csv", (1, 1))
    table(
        tmp_path / "b.csv", ("one", "A", ""), ("two", "A", "as it is"), ("three", "A", "")
    )
    found = scan("readwise", tmp_path)
    comments = sorted((one.exact, one.comment) for one in highlights(found))
    assert comments == [("one", ""), ("three", ""), ("two", "as it is")]
    assert found[-1] == ScanEnd("n", "readwise:n", complete=True, directory=str(tmp_path))


@pytest.mark.parametrize(
    ("rest", "what"),
    [(b"\xff\xfe,x\n", "not UTF-8"), (b'"' + b"a" * 200_000 + b"\n", "the table is damaged"),
     (b"a" * 1_100_000, "field larger than")],
)  # fmt: skip
def test_a_table_that_breaks_off_is_told(tmp_path, rest, what):
    path = tmp_path / "data.csv"
    table(path, ("one", "A", ""), ("x", "y", ""))
    path.write_bytes(path.read_bytes() + rest)
    found = scan("readwise", tmp_path)
    assert what in next(one.message for one in found if isinstance(one, Problem))
    assert not found[-1].complete


CLIPPING = "A (B)\n- Your Highlight on Location {n}0-{n}1 | Added on Sunday, March 1, 2026\n\nWords {n}.\n"


@pytest.mark.parametrize(
    ("rest", "texts", "is_complete"),
    [
        ("==========\n", ["Words 1.", "Words 2."], True),
        ("==========", ["Words 1.", "Words 2."], True),
        ("==========\n\n", ["Words 1.", "Words 2."], True),
        ("====", ["Words 1."], False),
        ("", ["Words 1."], False),  # the words of the last entry may be cut off, too
    ],
)
def test_clippings_that_are_cut_off_are_told(tmp_path, rest, texts, is_complete):
    text = f"{CLIPPING.format(n=1)}==========\n{CLIPPING.format(n=2)}{rest}"
    (tmp_path / "My Clippings.txt").write_text(text, "utf-8")
    found = scan("kindle", tmp_path)
    assert [one.exact for one in highlights(found)] == texts
    [end] = [one for one in found if isinstance(one, ScanEnd)]
    assert end.complete is is_complete
    [book] = [one for one in found if isinstance(one, ExtractedDocument)]
    assert book.is_fully_read is is_complete
    told = [one.message for one in found if isinstance(one, Problem)]
    cut_off = "the file is cut off in the middle of its last entry, which is left out"
    assert told == ([] if is_complete else [cut_off])


@pytest.mark.parametrize(("count", "rest"), [(20, []), (21, [1]), (45, [25])])
def test_of_many_faults_twenty_are_named_and_the_others_counted(tmp_path, count, rest):
    path = tmp_path / "export.json"
    quote = {"type": "TextQuoteSelector", "exact": "words"}
    sound = {"id": "1", "uri": "https://x.test/a", "target": [{"selector": [quote]}]}
    path.write_text(json.dumps({"rows": [*["x"] * count, sound]}))
    told = [one for one in scan("hypothesis", path) if isinstance(one, Problem)]
    assert [one.location for one in told[:20]] == [
        f"export.json: annotation {number}" for number in range(1, 21)
    ]
    assert [(one.location, one.message) for one in told[20:]] == [
        ("export.json: the rest", f"{more} more like these") for more in rest
    ]


def test_a_large_table_is_read_row_by_row(tmp_path):
    table(
        tmp_path / "data.csv",
        *((f"passage {n}", f"{n // 100}", "") for n in range(20_000)),
    )
    source = opened("readwise", tmp_path, name="r")
    first = next(iter(source.scan()))
    assert isinstance(first, ExtractedDocument)
    assert len(first.highlights) == 100


ORNAMENTS = {
    "How do wolves hunt? .exam": ("How do wolves hunt?", "Wolves hunt in packs."),
    "What hunts in packs? Wolves. .exam .zoo": ("What hunts in packs?", "Wolves."),
    "Which animals hunt? ![](https://x.org/a.png)": (
        "Which animals hunt?",
        "![](https://x.org/a.png)",
    ),
}


@pytest.mark.parametrize("note", ORNAMENTS)
def test_the_sign_of_a_picture_and_a_tag_are_no_words_of_a_question(
    forge, tmp_path, note
):
    export = tmp_path / "notes.csv"
    export.write_text(f"Highlight,Book Title,Note\nWolves hunt in packs.,Book,{note}\n")
    forge.ok("run", export)
    [card] = forge.ok("list", "--all", "--json").lines
    assert (card["fields"]["Front"], card["fields"]["Back"]) == ORNAMENTS[note]
