"""The words around a mark of Zotero's come from its PDF; whatever is wrong with it costs only
them."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, NameObject, StreamObject

from ankiforge.extract.pdf import worker
from ankiforge.extract.pdf.worker import PdfWorkerPool, WorkerProcess
from ankiforge.model import (
    ExtractedDocument,
    Highlight,
    Problem,
    ScanEnd,
    Sighting,
    UnmarkedDocument,
)
from tests.makers.pdf_writer import Mark, Page, heading, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero
from tests.reading import opened

TEXT = (
    "A bacterium can destroy the drug or keep it out. The transfer of a plasmid from cell to cell "
    "is called conju\u00adgation. The minimum inhibitory concentration (MIC) is the lowest dose "
    "that prevents visible growth. Persister cells survive a dose far above it. Cells that are "
    "tolerant are not resistant, and the cells that descend from them are as sus\u00adceptible as "
    "before."
)
WHOLE = "A bacterium can destroy the drug or keep it out."
PHRASES = (
    "destroy the drug",
    "is called conjugation",
    "The transfer of a plasmid from cell to cell is called conjugation.",
    "The minimum inhibitory concentration (MIC) is the lowest dose that prevents visible growth.",
    "are as susceptible as before",
    "Persister cells",
)


def write_paper(path: Path, *marks: Mark, text: str = TEXT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = (
        heading("How Bacteria Resist", level=0),
        heading("2 Spread"),
        paragraph(text),
    )
    write_pdf(path, [Page(blocks, marks)], title="How Bacteria Resist", outline=True)
    return path


def stored(folder: Path, number: int = 1) -> Path:
    return folder / "storage" / f"ATTACH0{number}" / "paper.pdf"


def annotations(*texts: str, **settings: object) -> tuple[Annotation, ...]:
    return tuple(
        Annotation(f"MARK000{order}", text, top=order, **settings)  # type: ignore[arg-type]
        for order, text in enumerate(texts)
    )


def write_library(
    folder: Path, *marks: Annotation, path: str = "", group: int | None = None
) -> None:
    attachment = Attachment("ATTACH01", "paper.pdf", marks, path)
    work = Work("PAPER001", {"title": "How Bacteria Resist"}, attachments=(attachment,))
    write_zotero(folder / "zotero.sqlite", [Library((work,), group=group)])


def sightings(folder: Path, seconds: float = 60.0) -> Iterator[Sighting]:
    return iter(opened("zotero", folder, limits={"timeout": seconds}).scan())


def highlights(found: list[Sighting]) -> list[Highlight]:
    assert not [one for one in found if isinstance(one, Problem)]
    assert isinstance(found[-1], ScanEnd)
    assert found[-1].complete
    return [
        mark
        for one in found
        if isinstance(one, ExtractedDocument)
        for mark in one.highlights
    ]


def read(folder: Path, seconds: float = 60.0) -> list[Highlight]:
    return highlights(list(sightings(folder, seconds)))


def around(highlight: Highlight) -> tuple[str, str, str, str]:
    return (highlight.prefix, highlight.suffix, highlight.sentence, highlight.heading)


def bare(highlight: Highlight) -> bool:
    return around(highlight) == ("", "", "", "")


# --- what is read ---------------------------------------------------------------------------


def test_a_mark_has_the_words_around_it_from_the_pdf(tmp_path):
    write_paper(stored(tmp_path))
    write_library(tmp_path, *annotations("keep it out"))
    (highlight,) = read(tmp_path)
    assert highlight.sentence == WHOLE
    assert highlight.prefix.endswith("Spread\nA bacterium can destroy the drug or ")
    assert highlight.suffix.startswith(". The transfer of a plasmid")
    assert len(highlight.suffix) == 80
    assert highlight.source_id == "MARK0000"


def test_a_mark_with_emphasis_is_found_in_the_pdf_by_its_plain_words(tmp_path):
    write_paper(stored(tmp_path))
    write_library(tmp_path, *annotations("<b>keep</b> it <i>out</i>"))
    (highlight,) = read(tmp_path)
    assert (highlight.exact, highlight.sentence) == ("keep it out", WHOLE)


def test_a_mark_is_surrounded_by_the_same_words_by_either_way(tmp_path):
    path = write_paper(stored(tmp_path), *map(mark, PHRASES))
    write_library(tmp_path, *annotations(*PHRASES))
    source = opened("pdf", path, name="papers")
    by_pdf = {one.exact: around(one) for one in highlights(list(source.scan()))}
    by_zotero = {one.exact: around(one) for one in read(tmp_path)}
    assert by_zotero == by_pdf
    assert by_pdf.keys() == set(PHRASES)


def test_the_words_of_zotero_stay_as_they_are(tmp_path):
    write_paper(stored(tmp_path))
    words = "cell  to\ncell IS called conju\u00adgation"
    write_library(tmp_path, *annotations(words))
    (highlight,) = read(tmp_path)
    assert highlight.exact == words
    assert highlight.sentence == PHRASES[2]


@pytest.mark.parametrize(
    ("page", "stored_text", "shown"),
    [
        (
            "A dose of 5 \u00d7 10^{5} units kills them.",
            "A dose of 5 \u00d7 105 units kills them.",
            "A dose of 5 \u00d7 10\u2075 units kills them.",
        ),
        (
            "It costs lives every year^{1} and more.",
            "It costs lives every year1 and more.",
            "It costs lives every year\u00b9 and more.",
        ),
        (
            "Waves grow from 10^{2} to 10^{3} m here.",
            "<i>Waves</i> grow from 102 to 103 m here.",
            "Waves grow from 10\u00b2 to 10\u00b3 m here.",
        ),
        (
            "Water is H_{2}O in all of 105 lakes.",
            "Water is H2O in all of 105 lakes.",
            "Water is H\u2082O in all of 105 lakes.",
        ),
        (
            "The 1st of 105 lakes has 12 of 34 fish.",
            "The 1st of 105 lakes has 12 of 34 fish.",
            "The 1st of 105 lakes has 12 of 34 fish.",
        ),
    ],
)
def test_raised_and_lowered_figures_are_those_of_the_page(
    tmp_path, page, stored_text, shown
):
    write_paper(stored(tmp_path), text=f"It begins. {page} It ends.")
    write_library(tmp_path, *annotations(stored_text))
    (highlight,) = read(tmp_path)
    assert highlight.exact == shown
    assert highlight.sentence == ""
    if highlight.markdown:
        assert highlight.markdown == (shown.replace("Waves", "*Waves*"),)


def test_of_equal_words_the_box_tells_which(tmp_path):
    path = write_paper(
        tmp_path / "marked.pdf", *(mark("ells", nth=nth) for nth in (1, 2, 3))
    )
    write_paper(stored(tmp_path))
    entries = PdfReader(path).pages[0]["/Annots"]
    boxes = [[float(edge) for edge in one.get_object()["/Rect"]] for one in entries]  # type: ignore[attr-defined]
    marks = (
        Annotation(
            f"MARK000{nth}", "ells", position=json.dumps({"pageIndex": 0, "rects": [box]})
        )
        for nth, box in enumerate(boxes)
    )
    write_library(tmp_path, *marks)
    assert [one.suffix[:9] for one in read(tmp_path)] == [
        " survive ",
        " that are",
        " that des",
    ]


@pytest.mark.parametrize(
    "rects", ['"x"', "[[1, 2]]", "[[1e999, 0, 0, 0]]", "null", "[[9e9, 9e9, 9e9, 9e9]]"]
)
def test_a_box_that_is_none_costs_neither_the_page_nor_the_words(tmp_path, rects):
    write_paper(stored(tmp_path))
    position = f'{{"pageIndex": 0, "rects": {rects}}}'
    write_library(tmp_path, Annotation("MARK0001", "keep it out", position=position))
    (highlight,) = read(tmp_path)
    assert highlight.sentence == WHOLE
    assert "page=1" in highlight.uri


def test_a_linked_file_is_read_in_ones_own_library_only(tmp_path):
    path = write_paper(tmp_path / "elsewhere" / "paper.pdf")
    write_library(tmp_path, *annotations("keep it out"), path=str(path))
    assert [one.sentence for one in read(tmp_path)] == [WHOLE]
    write_library(tmp_path, *annotations("keep it out"), path=str(path), group=7)
    assert [bare(one) for one in read(tmp_path)] == [True]


def tell_profile(home: Path, **settings: str) -> None:
    """What Zotero's settings of this user say."""
    path = home / ".zotero" / "zotero" / "abcd.default" / "prefs.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f'user_pref("extensions.zotero.{name}", {json.dumps(value)});'
        for name, value in settings.items()
    ]
    path.write_text("\n".join(["// settings", *lines, ""]), encoding="utf-8")


def test_a_file_linked_below_the_folder_of_the_settings_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    data, base = tmp_path / "My Zotero", tmp_path / "home" / 'Påpers "2"'
    write_paper(base / "sub" / "paper.pdf")
    data.mkdir()
    write_library(data, *annotations("keep it out"), path="attachments:sub/paper.pdf")
    assert [bare(one) for one in read(data)] == [True]

    tell_profile(tmp_path / "home", dataDir=str(data), baseAttachmentPath=str(base))
    assert [one.sentence for one in read(data)] == [WHOLE]
    write_library(
        data, *annotations("keep it out"), path="attachments:sub/../sub/paper.pdf"
    )
    assert [bare(one) for one in read(data)] == [True]
    write_library(
        data, *annotations("keep it out"), path="attachments:sub/paper.pdf", group=7
    )
    assert [bare(one) for one in read(data)] == [True]

    tell_profile(tmp_path / "home", dataDir=str(tmp_path), baseAttachmentPath=str(base))
    write_library(data, *annotations("keep it out"), path="attachments:sub/paper.pdf")
    assert [bare(one) for one in read(data)] == [True]


# --- what costs nothing but the words around ------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "storage:",
        "storage:.",
        "storage:..",
        "storage:../ATTACH02/paper.pdf",
        "storage:/etc/passwd",
        "storage:nowhere.pdf",
        "storage:" + "long" * 100 + ".pdf",
        "attachments:ATTACH02/paper.pdf",
        "storage/ATTACH02/paper.pdf",
        "/",
    ],
)
def test_a_file_that_is_not_there_or_not_its_own_is_left_alone(tmp_path, path):
    write_paper(stored(tmp_path, 2))
    stored(tmp_path).parent.mkdir()
    write_library(tmp_path, *annotations("keep it out"), path=path)
    assert [one.exact for one in read(tmp_path)] == ["keep it out"]
    assert all(map(bare, read(tmp_path)))


def test_words_that_are_not_on_the_page_stay_alone(tmp_path):
    write_paper(stored(tmp_path))
    write_library(tmp_path, *annotations("words of another edition", "drug or"))
    assert [bare(one) for one in read(tmp_path)] == [True, False]
    write_library(tmp_path, *annotations("drug or", page=7))
    assert [bare(one) for one in read(tmp_path)] == [True]


@pytest.mark.parametrize(
    "raw", [b"", b"<!DOCTYPE html>", b"%PDF-1.7\n" + bytes(range(256)) * 40]
)
def test_a_broken_file_is_no_problem(tmp_path, raw):
    write_paper(stored(tmp_path)).write_bytes(raw)
    write_library(tmp_path, *annotations("keep it out"))
    assert [bare(one) for one in read(tmp_path)] == [True]


def write_works(folder: Path, count: int) -> None:
    """Some works that are alike, each with its file and one mark."""
    works = []
    for n in range(1, count + 1):
        write_paper(stored(folder, n))
        marks = (Annotation(f"MARK000{n}", "keep it out"),)
        works.append(
            Work(
                f"PAPER00{n}",
                attachments=(Attachment(f"ATTACH0{n}", "paper.pdf", marks),),
            )
        )
    write_zotero(folder / "zotero.sqlite", [Library(tuple(works))])


def make_slow(path: Path) -> None:
    """So many letters on its one page that reading them takes minutes, and not all memory."""
    writer = PdfWriter(clone_from=path)
    line = b"BT /F4 1 Tf 1 0 0 1 50 %d Tm (" + b"x y " * 250 + b") Tj ET\n"
    stream = StreamObject()
    stream._data = zlib.compress(b"".join(line % (2 * number) for number in range(600)))
    stream[NameObject("/Filter")] = ArrayObject([NameObject("/FlateDecode")])
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)
    writer.write(path)


@pytest.mark.slow
def test_a_file_that_takes_too_long_is_given_up_and_the_next_is_read(tmp_path):
    write_works(tmp_path, 2)
    make_slow(stored(tmp_path, 1))
    assert [one.sentence for one in read(tmp_path, seconds=5.0)] == ["", WHOLE]


# --- the worker -----------------------------------------------------------------------------


def watched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that readers take from now on, one number each."""
    started: list[int] = []
    start = PdfWorkerPool._start_process

    def counted(reader: PdfWorkerPool) -> WorkerProcess:
        started.append(len(started))
        return start(reader)

    monkeypatch.setattr(PdfWorkerPool, "_start_process", counted)
    return started


class Memory(dict[str, bytes]):
    """A cache of a source in memory."""

    load = dict.get

    def update(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:  # type: ignore[override]
        super().update(bodies)
        for name in forget:
            del self[name]


@pytest.mark.parametrize("is_damaged", [True, False])
def test_only_a_complete_read_forgets_what_it_did_not_ask_about_files(
    tmp_path, monkeypatch, is_damaged
):
    def scan(*only: Path) -> bool:
        *_, end = opened("zotero", tmp_path, only=only, cache=cache).scan()
        return bool(end.complete)

    cache = Memory()
    database = tmp_path / "zotero.sqlite"
    write_works(tmp_path, 2)
    monkeypatch.setattr(worker, "is_stamp_reliable", lambda stamp: True)
    assert scan()
    before = dict(cache)
    assert len(before) == 3  # two replies, and which they are

    write_zotero(database, [Library()])
    if is_damaged:
        whole = database.read_bytes()
        database.write_bytes(whole[:64].ljust(9999, b"\0"))
        assert not scan()
        database.write_bytes(whole)
    else:
        assert not scan(stored(tmp_path, 1))
    assert before.items() <= cache.items()

    assert scan()
    assert before.keys() & cache.keys() == {"index"}


def test_a_file_is_only_read_for_marks_that_have_words_and_a_page(tmp_path, monkeypatch):
    started = watched(monkeypatch)
    write_paper(stored(tmp_path))
    epub = Annotation("MARK0009", "keep it out", position='{"type": "FragmentSelector"}')
    write_library(tmp_path, *annotations("", " "), epub)
    assert len(read(tmp_path)) == 3
    assert started == []


@pytest.mark.parametrize("name", ["book.epub", "page.html"])
def test_a_mark_in_a_book_or_a_snapshot_has_its_sentence(tmp_path, name):
    page = "<head><title>keep it</title></head><h1>Rest</h1><p>Sleep.  Two can <i>keep\nit</i> out.</p><p>So.</p>"
    path = stored(tmp_path).with_name(name)
    path.parent.mkdir(parents=True)
    if name.endswith("epub"):
        with ZipFile(path, "w") as book:
            book.writestr("OEBPS/1.xhtml", page)
    else:
        path.write_text(page)
    place = '{"type": "FragmentSelector", "value": "epubcfi(/6/4!/4/2)"}'
    mark = Annotation("MARK0009", "keep it", "why?", position=place)
    write_zotero(
        tmp_path / "zotero.sqlite",
        [
            Library(
                (Work("PAPER001", attachments=(Attachment("ATTACH01", name, (mark,)),)),)
            )
        ],
    )
    [one] = read(tmp_path)
    assert (one.sentence, one.suffix) == ("Two can keep it out.", " out.\nSo.")
    assert "Rest" in one.surrounding_text


# --- files that are as they were -----------------------------------------------------------


class Notebook:
    """A memory that lasts for one test."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def load(self, name: str) -> bytes | None:
        return self.bodies.get(name)

    def update(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        for name in forget:
            self.bodies.pop(name, None)
        self.bodies |= bodies


FIGURE = json.dumps({"pageIndex": 0, "rects": [[50, 400, 500, 780]]})


def remembered(folder: Path, memory: Notebook) -> list[ExtractedDocument]:
    found = list(opened("zotero", folder, cache=memory).scan())
    return [one for one in found if isinstance(one, ExtractedDocument)]


def test_a_file_is_asked_once_until_it_or_its_marks_change(tmp_path, monkeypatch):
    monkeypatch.setattr("ankiforge.extract.files.TICK_NS", 0)
    started, memory = watched(monkeypatch), Notebook()
    path = write_paper(stored(tmp_path))
    words = Annotation("MARK0001", "keep it out")
    figure = Annotation("FIGURE01", None, kind="image", top=200)
    write_library(tmp_path, words, replace(figure, position=FIGURE))
    first = remembered(tmp_path, memory)
    assert first[0].pictures
    assert remembered(tmp_path, memory) == first
    assert len(started) == 1

    write_paper(path, text="You can destroy it or keep it out of there.")
    (again,) = remembered(tmp_path, memory)
    assert again.highlights[0].sentence == "You can destroy it or keep it out of there."
    # the page has changed, so its figure is stored as another picture
    assert [one.name for one in again.pictures] != [one.name for one in first[0].pictures]

    write_library(
        tmp_path, replace(words, text="destroy"), replace(figure, position=FIGURE)
    )
    (changed,) = remembered(tmp_path, memory)
    assert changed.highlights[0].exact == "destroy"
    assert changed.highlights[0].sentence == again.highlights[0].sentence
    assert len(started) == 3


def test_a_file_that_comes_or_changes_later_is_looked_at(tmp_path, monkeypatch):
    """Beside a database that is as it was."""
    monkeypatch.setattr("ankiforge.extract.files.TICK_NS", 0)
    path = stored(tmp_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_library(tmp_path, Annotation("MARK0001", "keep it out"))
    source = opened("zotero", tmp_path, cache=Notebook())

    def fingerprint() -> str:
        known = SimpleNamespace(
            is_unchanged=lambda *_: False, find_dependencies=lambda *_: ()
        )
        [own] = [
            one for one in source.scan(known=known) if isinstance(one, UnmarkedDocument)
        ]
        return own.fingerprint

    missing = fingerprint()
    write_paper(path)
    there = fingerprint()
    write_paper(path, text="You can destroy it or keep it out of there.")
    assert len({missing, there, fingerprint(), ""}) == 4


NUMBERED = Path(__file__).parent / (
    "pdfs/text/numbers that count the lines of a page are no text.pdf"
)


# --- pictures -------------------------------------------------------------------------------


def test_a_picture_is_only_that_of_a_figure_and_never_empty(tmp_path):
    marks = (
        Annotation("WORDS001", "some words"),
        Annotation("STICKY01", None, "a remark", kind="note", top=200),
        Annotation("EMPTY001", None, kind="image", top=300),
        Annotation("FOLDER01", None, kind="image", top=400),
        Annotation("../OUT01", None, kind="image", top=500),
        Annotation("NUL\x0001", None, kind="ink", top=600),
    )
    write_library(tmp_path, *marks)
    cache = tmp_path / "cache" / "library"
    (cache / "FOLDER01.png").mkdir(parents=True)
    for name in ("WORDS001", "STICKY01", "../OUT01"):
        (cache / f"{name}.png").write_bytes(b"\x89PNG")
    (cache / "EMPTY001.png").touch()
    assert [mark.markdown for mark in read(tmp_path)] == [()] * len(marks)
