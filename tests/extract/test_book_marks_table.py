"""Highlights as reading apps store them: positions, colours, titles and times, row by row."""

import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from ankiforge.extract.books.calibre import (
    CalibreHighlight,
    convert_highlight,
)
from ankiforge.extract.books.databases import (
    AppleBooks,
    DatabaseSource,
    Kobo,
    LookedUpWords,
)
from ankiforge.extract.books.directories import BookIndex
from ankiforge.extract.books.documents import (
    Book,
    BookHighlight,
    build_book_results,
    create_document,
)
from ankiforge.extract.books.koreader import parse_highlights
from ankiforge.extract.file_source import File
from ankiforge.extract.passage_context import PassageContext
from ankiforge.extract.pdf.messages import Failure
from ankiforge.model import LOOKED_UP_WORD, Highlight, HighlightKind, Problem
from tests.reading import opened

# --- any book ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "normal"),
    [
        (BookHighlight(" a  b \n\n c "), BookHighlight("a b\nc")),
        (BookHighlight("a", comment=" x  y "), BookHighlight("a", comment="x  y")),
        (BookHighlight(" \n ", comment="x"), BookHighlight("", kind=HighlightKind.NOTE, comment="x")),
        (BookHighlight("a", kind=HighlightKind.STRIKE), BookHighlight("a", kind=HighlightKind.STRIKE)),
    ],
)  # fmt: skip
def test_a_highlight_is_normalized(mark, normal):
    assert mark.normalize_text() == normal


LISTING = SimpleNamespace(namespace="kobo:k", container="kobo:k")
DOCUMENT = create_document(Book("On Memory"), "kobo:k", "k")


@pytest.mark.parametrize(
    ("mark", "highlight"),
    [
        (BookHighlight("A  fact."), {"exact": "A fact."}),
        (BookHighlight("Hormones are released25 at night."),
         {"exact": "Hormones are released at night.", "anchor_text": "Hormones are released25 at night."}),
        (BookHighlight("", comment=" x "),
         {"exact": "", "kind": HighlightKind.NOTE, "comment": "x", "anchor_text": "x"}),
        (BookHighlight("A fact.", "i/d", "x", HighlightKind.STRIKE, 3, "c3.xhtml", (9,), "12", "One",
                       "It is a fact.", "word", ("a",), "red", "2024", "2025"),
         {"exact": "A fact.", "source_id": "i%2Fd", "comment": "x", "kind": HighlightKind.STRIKE,
          "sentence": "It is a fact.", "line_syntax": "word", "tags": ("a",), "colour": "red",
          "created": "2024", "modified": "2025", "page_label": "12", "heading": "One", "block_id": "12"}),
        (BookHighlight("A fact.", file="c3.xhtml"), {"exact": "A fact.", "block_id": "c3.xhtml"}),
    ],
)  # fmt: skip
def test_a_highlight_of_a_book_that_is_not_here(mark, highlight):
    marks = [mark, BookHighlight("Hormones are made12 all day.")]
    [found] = build_book_results(DOCUMENT, LISTING, marks, None, None)
    assert (found.document, found.container) == (DOCUMENT, "kobo:k")
    fields = {"kind": HighlightKind.HIGHLIGHT, **highlight}
    assert found.highlights[0] == Highlight(DOCUMENT, "kobo:k", **fields)


def test_a_book_that_cannot_be_read_is_told_once():
    failure = Failure("it is damaged", "get it again")
    contexts = [PassageContext(sentence="It is a fact.", displayed_text="A fact!")]
    for found, answers in ((None, contexts), (failure, [PassageContext()])):
        worker = SimpleNamespace(find_contexts=lambda path, quotes: (answers, found))  # noqa: B023
        results = build_book_results(
            DOCUMENT, LISTING, [BookHighlight("A fact.")], Path("b/a.epub"), worker
        )
        *problems, document = results
        [highlight] = document.highlights
        if found:
            message = "the text around its highlights is not read: it is damaged"
            assert problems == [
                Problem("a.epub", message, "get it again", is_notice=True)
            ]
            assert (highlight.exact, highlight.sentence) == ("A fact.", "")
        else:
            assert problems == []
            assert (highlight.exact, highlight.sentence) == ("A fact!", "It is a fact.")
            assert highlight.anchor_text == "A fact."
    assert list(build_book_results(DOCUMENT, LISTING, [], Path("a.epub"), None)) == []


@pytest.mark.parametrize(
    ("device_path", "found"),
    [
        ("Books/On Memory.epub", "Roe/On Memory.epub"),
        ("Books/On Memory.kepub.epub", "Roe/On Memory.epub"),
        ("Books/on memory!.epub", "Roe/On Memory.epub"),
        ("Books/On Memory.pdf", "pdf/On Memory.pdf"),  # of the same suffix
        ("epub/On Memory.azw3", "Roe/On Memory.epub"),
        ("Twin/a/x.epub", "Twin/a/x.epub"),  # with the most folders in common
        ("other/a/x.epub", "Twin/a/x.epub"),
        ("twin/A/x.epub", "Twin/a/x.epub"),
        ("Twin/b/x.epub", "Twin/b/x.epub"),
        ("x/link.epub", None),  # a symbolic link
        ("x/y.txt", None),
        ("x/secret.epub", None),
        ("x/Elsewhere.epub", "../more/Elsewhere.EPUB"),
        ("x/Case.epub", "up/Case.EPUB"),
        ("x/Case.PDF", "up/Case.pdf"),
        ("x/Low.EPUB", "up/Low.epub"),
    ],
)
def test_the_copy_of_a_book_on_this_computer(tmp_path, device_path, found):
    root = tmp_path / "books"
    for name in (
        (
            "Roe/On Memory.epub pdf/On Memory.pdf Twin/b/x.epub Twin/a/x.epub x/y.txt .h/secret.epub"
            " ../more/Elsewhere.EPUB up/Case.EPUB up/Case.pdf up/Low.epub up/Low.pdf"
        )
        .replace("On M", "On_M")
        .split()
    ):
        path = root / name.replace("On_M", "On M")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "x" / "link.epub").symlink_to(root / "Roe" / "On Memory.epub")
    folders = BookIndex(root, [tmp_path / "more", root])
    expected = found and (root / found).resolve()
    assert folders.find_book(device_path) == expected


def test_the_folders_of_books_in_the_settings_lie_in_the_workspace(tmp_path):
    (tmp_path / "w" / "shelf").mkdir(parents=True)
    (tmp_path / "w" / "shelf" / "a.epub").touch()
    (tmp_path / "b.epub").touch()
    settings = Kobo.Settings(path="x", books=("shelf",))
    device = tmp_path / "device"
    device.mkdir()
    (device / "b.epub").touch()
    source = opened(Kobo.kind, device, settings, workspace=tmp_path / "w")
    assert source.books.find_book("x/a.epub") == tmp_path / "w" / "shelf" / "a.epub"
    assert source.books.find_book("x/b.epub") == device / "b.epub"


@pytest.mark.parametrize("root", ["b/Memory.sdr", ".kobo", "b/KoboReader.sqlite"])
def test_books_lie_beside_the_folder_with_the_highlights(tmp_path, root):
    (tmp_path / "b" / "Memory.sdr").mkdir(parents=True)
    (tmp_path / ".kobo").mkdir()
    (tmp_path / "b" / "KoboReader.sqlite").touch()
    (tmp_path / "b" / "Memory.epub").touch()
    found = BookIndex(tmp_path / root, ()).find_book("Memory.epub")
    assert found == tmp_path / "b" / "Memory.epub"


# --- calibre -----------------------------------------------------------------------------------------

HIGHLIGHT = CalibreHighlight(uuid="u", highlighted_text="A fact.")
MARK = BookHighlight("A fact.", "u")


@pytest.mark.parametrize(
    ("stored", "mark"),
    [
        (HIGHLIGHT, MARK),
        (CalibreHighlight(uuid="u", highlighted_text="A fact.", removed=True), None),
        (CalibreHighlight(uuid="u", highlighted_text=" ", notes=" "), None),
        (CalibreHighlight(uuid="u"), None),
        (CalibreHighlight(uuid="u", notes="x"), BookHighlight("", "u", "x")),
        (
            CalibreHighlight(
                "u", "A fact.", "x", "/2/4/6/1:9", 3, "c3.xhtml", ("One", None, "", "Two"),
                {"kind": "color", "type": "builtin", "which": "yellow"}, "2024-01-02T03:04:05Z",
            ),
            BookHighlight(
                "A fact.", "u", "x", page=3, file="c3.xhtml",
                position=(2, 4, 6, 1, 9),
                heading="One › Two", colour="yellow", created="2024-01-02T03:04:05+00:00",
            ),
        ),
        (
            CalibreHighlight("u", "A fact.", style={
                "kind": "decoration", "type": "builtin", "which": "wavy"}),
            BookHighlight("A fact.", "u", kind=HighlightKind.UNDERLINE),
        ),
        (
            CalibreHighlight("u", "A fact.", style={
                "kind": "decoration", "type": "builtin", "which": "strikeout"}),
            BookHighlight("A fact.", "u", kind=HighlightKind.STRIKE),
        ),
        (
            CalibreHighlight("u", "A fact.", style={
                "kind": "color", "type": "custom", "which": "x", "background-color": "#ff0"}),
            BookHighlight("A fact.", "u", colour="#ff0"),
        ),
    ],
)  # fmt: skip
def test_a_highlight_of_calibre(stored, mark):
    assert convert_highlight(stored) == mark


# --- KOReader ------------------------------------------------------------------------------------------


START = "/body/DocFragment[5]/body/div/p[2]/text().595"


@pytest.mark.parametrize(
    ("annotation", "mark"),
    [
        ({"drawer": "lighten", "text": "A fact."}, BookHighlight("A fact.")),
        ({"pos0": START, "text": "A fact."},
         BookHighlight("A fact.", page=4)),
        ({"drawer": "underscore", "text": "A fact.", "note": "x", "color": "red", "chapter": " One ",
          "datetime": "2024-01-02 03:04:05", "datetime_updated": "soon", "page": 7, "pageno": 9},
         BookHighlight("A fact.", comment="x", kind=HighlightKind.UNDERLINE, page=6, page_label="9",
                       heading="One", colour="red", created="2024-01-02T03:04:05")),
        ({"drawer": "strikeout", "text": "A fact.", "page": 7},
         BookHighlight("A fact.", kind=HighlightKind.STRIKE, page=6, page_label="7")),
        ({"drawer": "lighten", "text": "A fact.", "pageref": "xii", "pageno": 9, "page": "p"},
         BookHighlight("A fact.", page_label="xii")),
        # a bookmark with a note, and one without
        ({"text": "in One", "note": "x"}, BookHighlight("", comment="x")),
        ({"text": "in One"}, None),
    ],
)  # fmt: skip
def test_a_highlight_of_koreader(annotation, mark):
    found = list(parse_highlights({"annotations": {"1": annotation, "2": "odd"}}))
    assert found == ([mark] if mark else [])


TIME = "2019-01-02 03:04:05"
NO_BOOKMARK = {"text": "A fact.", "datetime": TIME, "drawer": "underscore"}


@pytest.mark.parametrize(
    ("bookmark", "comments"),
    [
        ({"notes": "A fact.", "text": "Page 7 A fact. @ " + TIME}, [""]),
        ({"notes": "A fact.", "text": "Seite 7 A fact. @ " + TIME}, [""]),
        ({"notes": "A fact.", "text": "A fact."}, [""]),
        ({"notes": "A fact.", "text": "my remark"}, ["my remark"]),
        ({"notes": "A fact.", "text": "my remark @ noon"}, ["my remark @ noon"]),
        ({"notes": "A fact.", "text": "a long remark of mine about page 7 of this book here @ " + TIME},
         ["a long remark of mine about page 7 of this book here"]),
        ({"notes": "A fact."}, [""]),
        # another highlight, and a bookmark of a page
        ({"notes": "Another fact.", "text": "x"}, ["x", ""]),
        ({"notes": "in One", "text": "x", "highlighted": False}, [""]),
        ({"notes": "in One", "text": "x", "highlighted": False, "pos0": START}, ["x", ""]),
    ],
)  # fmt: skip
def test_a_highlight_of_an_older_koreader(bookmark, comments):
    settings = {
        "highlight": {"7": {"1": NO_BOOKMARK}},
        "bookmarks": {"1": {"datetime": TIME, "highlighted": True, **bookmark}},
    }
    found = list(parse_highlights(settings))
    assert [mark.comment for mark in found] == comments
    matching = [mark for mark in found if mark.text == "A fact."]
    if matching:
        [mark] = matching
        assert mark.kind is HighlightKind.UNDERLINE
        assert (mark.page_label, mark.created) == ("7", "2019-01-02T03:04:05")


def test_older_highlights_come_in_reading_order():
    bookmarks = {
        str(n): {"notes": text, "highlighted": True, "datetime": TIME}
        for n, text in enumerate("cba", 1)
    }
    found = parse_highlights({"bookmarks": bookmarks, "highlight": "odd"})
    assert [mark.text for mark in found] == ["a", "b", "c"]


# --- databases -------------------------------------------------------------------------------------------


def read(
    source: type[DatabaseSource], folder: Path, script: str
) -> list[tuple[Book, BookHighlight]]:
    """Return what a source reads from a database with these tables."""
    with sqlite3.connect(":memory:") as connection:
        connection.row_factory = sqlite3.Row
        connection.executescript(script)
        file = File("x.sqlite", str(folder / "x.sqlite"), is_named_by_user=True)
        return list(opened(source.kind, folder).read_highlights(connection, file))


def insert(table: str, **values: object) -> str:
    columns = ", ".join(values)
    texts = ", ".join(f"'{value}'" for value in values.values())
    return f"INSERT INTO {table} ({columns}) VALUES ({texts});"


KOBO = """
CREATE TABLE Bookmark (BookmarkID, VolumeID, ContentID, Text, Annotation, Hidden, DateCreated,
    DateModified, StartContainerPath, StartOffset, ChapterProgress, Color);
CREATE TABLE content (ContentID, BookID, Title, Attribution, ISBN, VolumeIndex);
"""
VOLUME = "file:///mnt/onboard/Roe%20Ann/Loom.epub"


@pytest.mark.parametrize(
    ("bookmark", "mark"),
    [
        ({}, BookHighlight("A fact.", "1")),
        ({"Hidden": "TRUE"}, None),
        ({"Hidden": "1"}, None),
        ({"Hidden": "false"}, BookHighlight("A fact.", "1")),
        ({"Text": " ", "Annotation": ""}, None),
        ({"Text": "", "Annotation": "x"}, BookHighlight("", "1", "x")),
        ({"Color": "2", "DateCreated": "2024-01-02T03:04:05.000", "DateModified": "odd"},
         BookHighlight("A fact.", "1", colour="blue", created="2024-01-02T03:04:05+00:00")),
        ({"ContentID": f"{VOLUME}#(4)OEBPS/c1.xhtml"},
         BookHighlight("A fact.", "1", file="OEBPS/c1.xhtml", heading="One")),
        ({"ContentID": f"{VOLUME}!OEBPS!c1.xhtml#top",
          "StartContainerPath": "OEBPS/c9.xhtml#point(/1/4/2:5)"},
         BookHighlight("A fact.", "1", file="OEBPS/c9.xhtml")),
        ({"ContentID": f"{VOLUME}!!OEBPS/c1.xhtml-3", "StartContainerPath": "div"},
         BookHighlight("A fact.", "1", file="OEBPS/c1.xhtml", heading="One")),
        ({"ContentID": "OEBPS/c1.xhtml"}, BookHighlight("A fact.", "1")),
    ],
)  # fmt: skip
def test_a_highlight_of_a_kobo(tmp_path, bookmark, mark):
    row = {"BookmarkID": "1", "VolumeID": VOLUME, "Text": "A fact.", **bookmark}
    script = KOBO + insert("Bookmark", **row)
    script += insert(
        "content", ContentID=f"{VOLUME}#(4)OEBPS/c1.xhtml", BookID=VOLUME, Title="One"
    )
    found = read(Kobo, tmp_path, script)
    assert found == ([(Book("", file="Roe Ann/Loom.epub"), mark)] if mark else [])


@pytest.mark.parametrize(
    ("volume", "content", "book"),
    [
        (VOLUME, {"Title": "Loom", "Attribution": "Ann Roe, , Bo Lee", "ISBN": "9783161484100"},
         Book("Loom", ("Ann Roe", "Bo Lee"), (("isbn", "9783161484100"),), "Roe Ann/Loom.epub")),
        ("/mnt/sd/Loom.epub", {"Title": "Loom"}, Book("Loom", file="Loom.epub")),
        ("0a1b", {"Title": "Loom"}, Book("Loom")),
        ("0a1b", None, Book("0a1b")),
    ],
)  # fmt: skip
def test_a_book_of_a_kobo(tmp_path, volume, content, book):
    script = KOBO + insert("Bookmark", BookmarkID="1", VolumeID=volume, Text="A fact.")
    if content:
        script += insert("content", ContentID=volume, **content)
    [(found, _)] = read(Kobo, tmp_path, script)
    assert found == book


def test_highlights_of_a_kobo_come_by_file_and_progress_with_their_first_title(tmp_path):
    rows = [("c2", 0.1, "d"), ("c1", 0.5, "b"), ("c1", 0.25, "a"), ("c1", "odd", "0")]
    script = KOBO + "".join(
        insert("Bookmark", BookmarkID=text, VolumeID="v", ContentID=f"v!!{file}.xhtml",
               Text=text, ChapterProgress=progress)
        for file, progress, text in rows
    )  # fmt: skip
    for index, title in enumerate(("c1.xhtml", "One", "Later")):
        script += insert(
            "content",
            ContentID="v!!c1.xhtml-1",
            BookID="v",
            Title=title,
            VolumeIndex=index,
        )
    found = [(mark.text, mark.heading) for _, mark in read(Kobo, tmp_path, script)]
    assert found == [("0", "One"), ("a", "One"), ("b", "One"), ("d", "")]


APPLE = """
CREATE TABLE ZAEANNOTATION (Z_PK, ZANNOTATIONDELETED, ZANNOTATIONASSETID, ZANNOTATIONSELECTEDTEXT,
    ZANNOTATIONUUID, ZANNOTATIONNOTE, ZANNOTATIONISUNDERLINE, ZANNOTATIONLOCATION,
    ZFUTUREPROOFING5, ZANNOTATIONSTYLE, ZANNOTATIONCREATIONDATE, ZANNOTATIONMODIFICATIONDATE);
"""


@pytest.mark.parametrize(
    ("row", "mark"),
    [
        ({}, BookHighlight("A fact.", "u")),
        ({"ZANNOTATIONDELETED": 1}, None),
        ({"ZANNOTATIONSELECTEDTEXT": " "}, None),
        ({"ZANNOTATIONSELECTEDTEXT": "", "ZANNOTATIONNOTE": "x"},
         BookHighlight("", "u", "x")),
        ({"ZANNOTATIONLOCATION": "epubcfi(/6/14[c6]!/4/2,/10/1:3,/10/1:9)", "ZANNOTATIONSTYLE": "3",
          "ZANNOTATIONISUNDERLINE": "1", "ZFUTUREPROOFING5": "One", "ZANNOTATIONCREATIONDATE": "86400.4",
          "ZANNOTATIONMODIFICATIONDATE": "never"},
         BookHighlight("A fact.", "u", kind=HighlightKind.UNDERLINE, page=6, heading="One",
                       position=(4, 2, 10, 1, 3),
                       colour="yellow", created="2001-01-02T00:00:00+00:00")),
        ({"ZANNOTATIONCREATIONDATE": "1e300"}, BookHighlight("A fact.", "u")),
    ],
)  # fmt: skip
def test_a_highlight_of_apple_books(tmp_path, row, mark):
    stored = {
        "ZANNOTATIONASSETID": "b", "ZANNOTATIONSELECTEDTEXT": "A fact.", "ZANNOTATIONUUID": "u", **row
    }  # fmt: skip
    found = read(AppleBooks, tmp_path, APPLE + insert("ZAEANNOTATION", **stored))
    assert found == ([(Book("b"), mark)] if mark else [])


WORDS = {
    "kindle": """
CREATE TABLE WORDS (id, word, lang);
CREATE TABLE LOOKUPS (word_key, book_key, usage, timestamp);
CREATE TABLE BOOK_INFO (id, title, authors);
INSERT INTO WORDS VALUES ('en:torpor', 'torpor', 'en-GB'), ('de:x', ' ', 'de'), ('b', 'bog', NULL);
INSERT INTO BOOK_INFO VALUES ('k', 'Birds', 'Roe, Ann; ;Lee, Bo');
INSERT INTO LOOKUPS VALUES ('en:torpor', 'k', 'A later  torpor.', 90000), ('en:torpor', 'k', 'A  first torpor.', 60000),
    ('b', 'none', 'A bog.', 'odd');
""",
    "koreader": """
CREATE TABLE vocabulary (word, title_id, create_time, prev_context, next_context, highlight);
CREATE TABLE title (id, name);
INSERT INTO title VALUES (1, 'Birds');
INSERT INTO vocabulary VALUES ('torpor', 1, 60, 'It rests. In a ', ' it sleeps. Then', 'Torpors'),
    ('bog', 9, 61, NULL, NULL, NULL), (' ', 1, 62, NULL, NULL, NULL);
""",
}


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("kindle", [
            (Book("", ()), BookHighlight("bog", "b", sentence="A bog.", line_syntax=LOOKED_UP_WORD,
                                         created="1970-01-01T00:00:00+00:00")),
            (Book("Birds", ("Roe, Ann", "Lee, Bo")),
             BookHighlight("torpor", "en:torpor", sentence="A first torpor.", line_syntax=LOOKED_UP_WORD,
                           tags=("en",), created="1970-01-01T00:01:00+00:00")),
        ]),
        ("koreader", [
            (Book("Birds", ()),
             BookHighlight("Torpors", "torpor", sentence="In a Torpors it sleeps.", line_syntax=LOOKED_UP_WORD,
                           created="1970-01-01T00:01:00+00:00")),
            (Book("", ()), BookHighlight("bog", "bog", sentence="bog", line_syntax=LOOKED_UP_WORD,
                                         created="1970-01-01T00:01:01+00:00")),
        ]),
    ],
)  # fmt: skip
def test_words_that_were_looked_up(tmp_path, program, expected):
    assert read(LookedUpWords, tmp_path, WORDS[program]) == expected
