"""The paragraphs of web pages, books and captions, with headings, places and titles: rows."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from ankiforge.errors import ItemError
from ankiforge.extract import epub
from ankiforge.extract.base import SourceType
from ankiforge.extract.captions import Captions
from ankiforge.extract.epub import Epub
from ankiforge.extract.web import SavedWebPages, build_whole_text
from ankiforge.model import Document, DocumentKey, DocumentText, Paragraph, hash16
from tests.reading import opened

DOCUMENT = Document(DocumentKey("web:w/1"), "w", "Bread")


def read(*pages: str) -> DocumentText:
    return build_whole_text(DOCUMENT, "web:w", pages)


def test_the_paragraphs_of_a_book():
    pages = (
        "<h1>Bread</h1><p>Yeast.</p><h3>Rye</h3><p>Sour.</p><h2>Salt</h2><p>Slow. #no-llm</p>",
        '<p>More.</p><h1>Rest</h1><p>Naps.</p><p class="footnote">1. See <i>Roe</i>.</p>',
    )
    text = "Bread\nYeast.\nRye\nSour.\nSalt\nSlow. #no-llm"
    assert read(*pages) == DocumentText(
        DOCUMENT,
        (text, "More.\nRest\nNaps.\n1. See Roe."),
        (
            Paragraph(0, 0, 5, "Bread", 1, block_id="0"),
            Paragraph(0, 6, 12, "Bread", block_id="0"),
            Paragraph(0, 13, 16, "Bread › Rye", 3, block_id="0"),
            Paragraph(0, 17, 22, "Bread › Rye", block_id="0"),
            Paragraph(0, 23, 27, "Bread › Salt", 2, block_id="0"),
            Paragraph(0, 28, 41, "Bread › Salt", is_private=True, block_id="0"),
            Paragraph(1, 0, 5, "Bread › Salt", block_id="1"),
            Paragraph(1, 6, 10, "Rest", 1, block_id="1"),
            Paragraph(1, 11, 16, "Rest", block_id="1"),
            Paragraph(1, 17, 28, "Rest", is_note=True, block_id="1"),
        ),
        "web:w",
    )


def row(*cells: str) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def cell(text: str, **spans: object) -> str:
    attributes = " ".join(f'{name}="{value}"' for name, value in spans.items())
    return f"<td {attributes}>{text}</td>"


A, B, C = map(cell, "abc")


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([row(A, B)], "a | b"),
        ([row(A, cell(""), C)], "a | – | c"),
        ([row(A)], "a"),
        ([row(A, cell(""))], "a"),  # text in only one cell
        # cells over several columns or rows
        ([row(cell("a", colspan=2), B), row(A, B, C)], "a | – | b\na | b | c"),
        ([row(cell("a", rowspan=2), B), row(C)], "a | b\na | c"),
        ([row(cell("a", rowspan=3), B), row(C), row(B)], "a | b\na | c\na | b"),
        ([row(cell("a", rowspan=1), B), row(A, C)], "a | b\na | c"),
        ([row(A, cell("b", rowspan=2)), row(C)], "a | b\nc | b"),
        ([row(A, cell("b", rowspan="x")), row(C)], "a | b\nc"),
        ([row(cell("a", colspan=99), B)], "a" + " | –" * 49 + " | b"),
        # a layout table: long texts, lists, headings or another table
        ([row(cell("a" * 300), B)], f"{'a' * 300} | b"),
        ([row(cell("a" * 301), B)], f"{'a' * 301}\nb"),
        ([row(cell("<ul><li>a</li></ul>"), B)], "a\nb"),
        ([row(cell("<pre>a</pre>"), B)], "a\nb"),
        ([row(cell("<nav>a</nav>"), B, C)], "b\nc"),
    ],
)  # fmt: skip
def test_the_rows_of_a_table(rows, text):
    assert read(f"<table>{''.join(rows)}</table>").pages == (text,)


# --- files -------------------------------------------------------------------------------------------


def read_file(source: type[SourceType], path: Path) -> DocumentText:
    [(found, text)] = opened(source.kind, path.parent, name="n").iter_whole_texts()
    assert found == path
    return text


@pytest.mark.parametrize(
    ("html", "name", "title"),
    [
        ("<title>\n On  bread &amp; salt</title><p>x", "a.html", "On bread & salt"),
        ("<TITLE lang=en>Bread</TITLE><p>x", "a.htm", "Bread"),
        ("<title> </title><p>x", "On_bread.xhtml", "On bread"),
        ("<p>x", "On bread (1).html", "On bread"),
    ],
)
def test_the_title_of_a_web_page(tmp_path, html, name, title):
    path = tmp_path / name
    path.write_text(html)
    text = read_file(SavedWebPages, path)
    key = DocumentKey(f"web:n/{hash16(name)}")
    assert text.document == Document(key, "n", title, path=name)
    assert (text.pages, text.namespace) == (("x",), "web:n")


VTT = "WEBVTT\n\n"


def write_zip(path: Path, **files: str) -> Path:
    with ZipFile(path, "w") as book:
        for name, text in files.items():
            book.writestr(name, text)
    return path


PAGES = {"O/b c.xhtml": "<p>b", "a.xhtml": "<p>a", "x.HTML": "<p>x", "x.css": "p {}"}


def test_an_epub_that_is_too_large_or_damaged(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "a.epub", **PAGES)
    for limit in (11, 12):
        monkeypatch.setattr(epub, "MAX_BOOK_BYTES", limit)
        if limit == 12:
            assert len(Epub(path).pages) == 3
            continue
        with pytest.raises(ItemError, match="cannot be read: it is too large"):
            _ = Epub(path).pages
    path.write_bytes(b"no zip")
    with pytest.raises(ItemError, match="the book cannot be read"):
        _ = Epub(path).metadata
    with pytest.raises(ItemError, match="disappeared"):
        _ = Epub(tmp_path / "gone.epub").pages


LONG = "word " * 39 + "word"
WATCH = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"


@pytest.mark.parametrize(
    ("name", "title", "uri"),
    [
        ("Talk [dQw4w9WgXcQ].en.vtt", "Talk", WATCH),
        ("Talk [dQw4w9WgXcQ].vtt", "Talk", WATCH),
        ("Talk.en-GB.srt", "Talk", ""),
        ("Talk.vtt.txt", "Talk", ""),
        ("Talk 2.part.vtt", "Talk 2.part", ""),
        ("[dQw4w9WgXcQ].vtt", "[dQw4w9WgXcQ]", WATCH),
    ],
)
def test_the_title_and_the_video_of_captions(tmp_path, name, title, uri):
    path = tmp_path / name
    path.write_text(VTT + "00:01:02.000 --> 00:01:03.000\nIt is #no-llm so.\n")
    source = opened(Captions.kind, tmp_path, only=(path,), name="n")
    [(_, text)] = source.iter_whole_texts()
    key = DocumentKey(f"captions:n/{hash16(name)}")
    document = Document(key, "n", title, path=name, uri=uri)
    paragraph = Paragraph(
        0, 0, 17, is_private=True, block_id="62", page_label="1:02",
        uri=f"{uri}&t=62s" if uri else "",
    )  # fmt: skip
    words = "It is #no-llm so."
    assert text == DocumentText(document, (words,), (paragraph,), "captions:n")


@pytest.mark.parametrize(
    ("cues", "expected"),
    [
        # a pause of more than three seconds begins another part
        ("1-2 a cell|5-6 divides", ["a cell divides"]),
        ("1-2 a cell|6-7 divides", ["a cell", "divides"]),
        # a line that the cue before shows, too, is read once; an older one again
        ("1-2 a|2-3 a b", ["a a b"]),
        ("1-2 a/b|2-3 b/c", ["a b c"]),
        ("1-2 a|2-3 b|3-4 a", ["a b a"]),
        ("1-2 a|2-9 a|10-11 b", ["a b"]),
        # a sentence of more than 500 letters is split where a cue begins
        ("|".join(f"{n}-{n + 1} {LONG} {n}" for n in range(1, 6)),
         [f"{LONG} 1 {LONG} 2", f"{LONG} 3 {LONG} 4", f"{LONG} 5"]),
        (f"1-2 a|2-3 {LONG} {LONG} {LONG}", ["a", f"{LONG} {LONG} {LONG}"]),
        (f"1-2 {LONG} {LONG} {LONG}", [f"{LONG} {LONG} {LONG}"]),
        # what is not spoken
        ("1-2 <v Ada>a {\\an8}b &lt;", ["a b <"]),
        ("1-2 |3-4 b", ["b"]),
        ("1-2 7/8", ["7 8"]),
    ],
)  # fmt: skip
def test_the_text_of_cues(tmp_path, cues, expected):
    text = VTT
    for cue in cues.split("|"):
        times, _, lines = cue.partition(" ")
        start, end = times.split("-")
        text += (
            f"00:{start:0>2}.000 --> 00:{end:0>2}.000\n{lines.replace('/', chr(10))}\n\n"
        )
    path = tmp_path / "a.vtt"
    path.write_text(text)
    whole = read_file(Captions, path)
    assert [whole.get_paragraph_text(each) for each in whole.paragraphs] == expected
