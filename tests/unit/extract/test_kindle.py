"""Kindle's clippings: what an entry says, and which marks count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ankiforge.extract import kindle
from ankiforge.extract.kindle import clip_of, moment, work_of
from ankiforge.model import Extracted, Highlight, HighlightKind, Problem, Scan, Sighting
from ankiforge.text.anchors import anchor_key

END = "==========\n"


def entry(words: str, where: str, kind: str = "Highlight", when: str = "January 1, 2015") -> str:
    """One entry; `when` may end in a time."""
    return f"Book (Roe, Ann)\n- Your {kind} {where} | Added on Thursday, {when}\n\n{words}\n{END}"


def scan(path: Path, text: str | bytes, name: str = "My Clippings.txt") -> list[Sighting]:
    raw = text if isinstance(text, bytes) else text.encode()
    (path / name).write_bytes(raw)
    return list(kindle.open_source("k", path, kindle.Settings(path=str(path))).scan())


def highlights(found: list[Sighting]) -> list[Highlight]:
    return [one for each in found if isinstance(each, Extracted) for one in each.highlights]


def problems(found: list[Sighting]) -> list[Problem]:
    return [one for one in found if isinstance(one, Problem)]


# --- an entry -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "kind", "page", "place"),
    [
        (
            "- Your Highlight on page 12-13 | location 170-172 | Added on",
            "mark",
            "12-13",
            (170, 172),
        ),
        ("- Your Highlight at location 170-172 | Added on", "mark", "", (170, 172)),
        ("- Highlight on Page 5 | Loc. 998-1002  | Added on", "mark", "5", (998, 1002)),
        ("- Highlight Loc. 433-34 | Added on", "mark", "", (433, 434)),
        ("- Your Note on page xii | Added on", "note", "xii", (0, 0)),
        ("- Your Bookmark on page 3 | location 40 | Added on", "place", "3", (40, 40)),
        ("- Your Clip at location 7-9 | Added on", "mark", "", (7, 9)),
        ("- Ihre Markierung auf Seite 7 | bei Position 96-96 | Hinzugefügt", "mark", "7", (96, 96)),
        ("- Ihre Notiz bei Position 6805 | Hinzugefügt am", "note", "", (6805, 6805)),
        ("- Ihr Lesezeichen bei Position 1420 | Hinzugefügt am", "place", "", (1420, 1420)),
        ("- Votre surlignement à lʼemplacement 144-146 | Ajouté le", "mark", "", (144, 146)),
        ("- Votre note sur la page 12 | emplacement 145 | Ajouté le", "note", "12", (145, 145)),
        ("- Votre signet sur la page 12 | emplacement 145 | Ajouté le", "place", "12", (145, 145)),
        ("- Tu subrayado en la página 6 | posición 36-40 | Añadido el", "mark", "6", (36, 40)),
        ("- Mi nota Pos. 9 | Añadido el", "note", "", (9, 9)),
        (
            "- La tua evidenziazione alla posizione 166-167 | Aggiunto in data",
            "mark",
            "",
            (166, 167),
        ),
        ("- La tua nota a pagina 4 | posizione 6 | Aggiunto in data", "note", "4", (6, 6)),
        ("- Seu destaque na página 4 | posição 6-7 | Adicionado:", "mark", "4", (6, 7)),
        ("- Sua nota ou posição 334 | Adicionado:", "note", "", (334, 334)),
        ("- Je markering op pagina 6 | locatie 36-40 | Toegevoegd op", "mark", "6", (36, 40)),
        (
            "- Ваш выделенный отрывок на странице 12 | Место 36–40 | Добавлено",
            "mark",
            "12",
            (36, 40),
        ),
        ("- 您在第 47 页（位置 #708-710）的标注 | 添加于", "mark", "47", (708, 710)),
        ("- 您在位置 #205 的笔记 | 添加于", "note", "", (205, 205)),
        ("- 您在第 19 页的书签 | 添加于", "place", "19", (0, 0)),
        ("- Your Highlight on page 3-3 | Added on", "mark", "3", (0, 0)),
        ("- Your Highlight on page 3-4 | Added on", "mark", "3-4", (0, 0)),
        ("- 您在第 46-46 页的标注 | 添加于", "mark", "46", (0, 0)),
        ("– Ваша заметка в месте 640 | Добавлено:", "note", "", (640, 640)),
        ("— Ваш выделенный отрывок в месте 637–640 | Добавлено:", "mark", "", (637, 640)),
        ("- 22ページ|位置No. 336のメモ |作成日:", "note", "22", (336, 336)),
        ("- 位置No. 422-423のハイライト |作成日:", "mark", "", (422, 423)),
        ("- 4ページ|位置No. 60のブックマーク |作成日:", "place", "4", (60, 60)),
        ("- Aliquid novum 17-19 | Additum", "", "", (17, 19)),
        ("- Highlight 5", "mark", "", (0, 0)),
    ],
)
def test_an_entry_says_what_it_is_in_many_languages(
    line: str, kind: str, page: str, place: tuple[int, int]
) -> None:
    clip = clip_of(["Book", f" {line}", "", "words"], 3)
    assert clip is not None
    assert (clip.kind, clip.page, clip.place, clip.text) == (kind, page, place, "words")


@pytest.mark.parametrize(
    ("words", "iso"),
    [
        (" Added on Thursday, January 1, 2015 12:05:00 AM", "2015-01-01T00:05:00"),
        (" Added on Thursday, 1 January 2015 12:05:00 PM", "2015-01-01T12:05:00"),
        (" Added on Monday, March 07, 2011, 10:05 PM", "2011-03-07T22:05:00"),
        (" Hinzugefügt am Samstag, 3. März 2015 19:14:54", "2015-03-03T19:14:54"),
        (" Ajouté le mardi 5 février 2024 à 09:12:45", "2024-02-05T09:12:45"),
        (" Ajouté le mercredi 16 août 2017 02:14:10", "2017-08-16T02:14:10"),
        (" Ajouté le lundi 17 juin 2013 02:14:10", "2013-06-17T02:14:10"),
        (" Añadido el martes, 30 de septiembre de 2019 18:00:39", "2019-09-30T18:00:39"),
        (" Aggiunto in data martedì 20 novembre 2023 23:50:21", "2023-11-20T23:50:21"),
        (" Adicionado: sábado, 16 de maio de 2015 13:16:48", "2015-05-16T13:16:48"),
        (" Добавлено: четверг, 9 мая 2019 г. в 18:00:39", "2019-05-09T18:00:39"),
        (" Toegevoegd op maandag 30 september 2019 18:00:39", "2019-09-30T18:00:39"),
        (" 添加于 2021年3月5日星期五 上午12:30:00", "2021-03-05T00:30:00"),
        (" 添加于 2021年3月5日星期五 下午 1:26:56", "2021-03-05T13:26:56"),
        ("作成日: 2023年6月10日土曜日 9:18:40", "2023-06-10T09:18:40"),
        (" Added on Thursday, February 31, 2015 12:05:00 AM", ""),
        (" someday", ""),
        ("", ""),
    ],
)
def test_dates_are_read_as_well_as_can_be(words: str, iso: str) -> None:
    assert moment(words) == (f"{iso}+00:00" if iso else "")


@pytest.mark.parametrize(
    ("line", "title", "authors"),
    [
        ("Title (Author)", "Title", ("Author",)),
        ("Title (2nd Edition) (Roe, Ann;Poe, Ed)", "Title (2nd Edition)", ("Roe, Ann", "Poe, Ed")),
        ("Author (Title (2008))", "Author", ("Title (2008)",)),
        ("Title", "Title", ()),
        ("(Author)", "(Author)", ()),
        ("Title )(", "Title )(", ()),
        ("Title ()", "Title ()", ()),
        ("", "", ()),
    ],
)
def test_the_first_line_is_title_and_authors(
    line: str, title: str, authors: tuple[str, ...]
) -> None:
    assert work_of(line) == (title, authors)


# --- which marks count ----------------------------------------------------------------------


def test_a_mark_that_shares_its_place_but_no_words_is_another(tmp_path: Path) -> None:
    text = entry("entropy", "at location 96-96") + entry(
        "A sentence after it.", "at location 96-97"
    )
    assert [one.exact for one in highlights(scan(tmp_path, text))] == [
        "entropy",
        "A sentence after it.",
    ]


def test_a_word_that_stands_within_another_mark_by_chance_stays(tmp_path: Path) -> None:
    text = entry("entropy", "at location 96-96") + entry(
        "The law of entropy says so.", "at location 96-97"
    )
    assert len(highlights(scan(tmp_path, text))) == 2


def test_the_newest_of_marks_drawn_anew_counts_with_the_longest_around_it(tmp_path: Path) -> None:
    long = "All of this was marked, and then only a part of it was meant to be."
    marks = (long, "only a part of it was meant to be.", "only a part of it")
    text = "".join(entry(words, "at location 96-99") for words in marks)
    [one] = highlights(scan(tmp_path, text))
    assert one.exact == "only a part of it"
    assert one.sentence == long
    assert one.created


def test_words_that_are_dropped_stand_in_what_stays(tmp_path: Path) -> None:
    marks = ("a mark", "a mark drawn further", "a mark drawn further and further still")
    text = "".join(entry(words, f"at location 5-{5 + at}") for at, words in enumerate(marks))
    [one] = highlights(scan(tmp_path, text))
    assert all(words in one.exact for words in marks)


def test_equal_words_at_two_places_are_two_and_the_order_is_that_of_the_book(
    tmp_path: Path,
) -> None:
    text = entry("the same", "at location 900-900") + entry("the same", "at location 5-5")
    first, second = highlights(scan(tmp_path, text))
    assert (first.block, first.nth) == ("5", 2)
    assert (second.block, second.nth) == ("900", 1)


def test_a_note_is_the_comment_of_the_mark_at_its_place(tmp_path: Path) -> None:
    text = (
        entry("first", "at location 10-12")
        + entry("second", "at location 12-14")
        + entry("of the first, where it ends", "at location 12", "Note")
        + entry("of the second", "at location 14", "Note")
        + entry("of none", "at location 99", "Note")
        + entry("of the second, edited", "at location 14", "Note", "January 2, 2015")
    )
    found = highlights(scan(tmp_path, text))
    assert [(one.exact, one.comment) for one in found] == [
        ("first", "of the first, where it ends"),
        ("second", "of the second, edited"),
        ("", "of none"),
    ]
    assert found[2].kind is HighlightKind.NOTE


def test_without_locations_a_note_goes_by_its_page(tmp_path: Path) -> None:
    text = (
        entry("on seven", "on page 7")
        + entry("on eight", "on page 8")
        + entry("a remark", "on page 8", "Note")
    )
    assert [one.comment for one in highlights(scan(tmp_path, text))] == ["", "a remark"]


def test_in_a_pdf_a_note_is_of_the_mark_it_was_typed_to(tmp_path: Path) -> None:
    text = (
        entry("bland", "on page 36", when="May 1, 2023 2:39:03 PM")
        + entry("A habit is a routine.", "on page 36-36", when="May 1, 2023 2:42:49 PM")
        + entry("What is a habit?", "on page 36", "Note", "May 1, 2023 2:43:05 PM")
        + entry("Drawn after the note.", "on page 36-36", when="May 1, 2023 2:43:10 PM")
        + entry("Small wins", "on page 36", "Note", "May 1, 2023 2:47:12 PM")
        + entry("A slow evolution.", "on page 36-36", when="May 1, 2023 2:47:12 PM")
        + entry("Whose is this?", "on page 36", "Note", "May 5, 2023 8:00:00 AM")
    )
    assert [(one.exact, one.comment) for one in highlights(scan(tmp_path, text))] == [
        ("bland", ""),
        ("A habit is a routine.", "What is a habit?"),
        ("Drawn after the note.", ""),
        ("A slow evolution.", "Small wins"),
        ("", "Whose is this?"),
    ]


def test_notes_of_one_page_are_no_edits_of_each_other_but_one_typed_on_is(tmp_path: Path) -> None:
    text = (
        entry("a passage", "on page 7-7")
        + entry("One thing", "on page 7", "Note")
        + entry("One thing, typed on", "on page 7", "Note", "January 2, 2015")
        + entry("Another", "on page 7", "Note", "January 3, 2015")
    )
    [one] = highlights(scan(tmp_path, text))
    assert one.comment == "One thing, typed on\nAnother"


def test_a_word_of_a_page_is_no_part_of_a_passage_there_by_chance(tmp_path: Path) -> None:
    page = "on page 1-1"
    text = entry("the", page) + entry("Theatre hunger is what dreams have.", page)
    assert len(highlights(scan(tmp_path, text))) == 2
    further = text + entry("Theatre hunger is what dreams have, it is said.", page)
    assert len(highlights(scan(tmp_path, further))) == 2


# --- what goes wrong ------------------------------------------------------------------------


def test_the_clipping_limit_is_told_once_for_a_book_and_fails_nothing(tmp_path: Path) -> None:
    limit = "<You have reached the clipping limit for this item>"
    text = (
        entry("kept", "at location 1-2")
        + 3 * entry(limit, "at location 5-6")
        + entry("", "at location 7")
    )
    found = scan(tmp_path, text)
    [problem] = problems(found)
    assert problem.notice
    assert "marks without text: 4; the book's clipping limit" in problem.what
    assert "Book" in problem.where
    assert [one.exact for one in highlights(found)] == ["kept"]
    assert found[-1] == Scan("k", "kindle:k", True)


def test_a_mark_without_text_is_told_and_no_limit_is_blamed(tmp_path: Path) -> None:
    [problem] = problems(scan(tmp_path, entry("", "at location 7")))
    assert problem.what == "marks without text: 1"


def test_broken_entries_are_told_with_their_line_and_the_others_go_on(tmp_path: Path) -> None:
    text = (
        entry("one", "at location 1-2") + f"no entry\n{END}" * 30 + entry("two", "at location 3-4")
    )
    found = scan(tmp_path, text)
    assert [one.exact for one in highlights(found)] == ["one", "two"]
    told = problems(found)
    assert told[0].where == "My Clippings.txt:6"
    assert len(told) == 21
    assert "10 more" in told[-1].what
    assert not found[-1].complete


def test_an_entry_without_an_end_counts_and_an_empty_file_says_nothing(tmp_path: Path) -> None:
    text = entry("one", "at location 1-2") + entry("two", "at location 3-4").removesuffix(END)
    assert [one.exact for one in highlights(scan(tmp_path, text))] == ["one", "two"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert scan(empty, "") == [Scan("k", "kindle:k", True)]


def test_another_text_that_was_asked_for_is_told_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("only notes\n")
    settings = kindle.Settings(path=str(path))
    problem, end = kindle.open_source("k", path, settings).scan()
    assert "no clippings of a Kindle" in problem.what
    assert not end.complete
    assert list(kindle.open_source("k", tmp_path, settings).scan()) == [Scan("k", "kindle:k", True)]


def test_text_that_is_no_utf_8_hides_what_it_holds(tmp_path: Path) -> None:
    raw = entry("x", "at location 1-2").encode() + b"\xff\xfe"
    found = scan(tmp_path, raw)
    assert "not UTF-8" in problems(found)[0].what
    assert not found[-1].complete


# --- copies, and a file that grows ----------------------------------------------------------


def test_copies_of_one_file_are_one_and_the_newer_one_holds(tmp_path: Path) -> None:
    old = entry("a mark", "at location 5-5")
    new = old + entry("a mark drawn further", "at location 5-6", when="January 2, 2015")
    for name, text, age in (("b.txt", old, 100), ("a.txt", new, 0)):
        scan(tmp_path, text, name)
        stat = (tmp_path / name).stat()
        os.utime(tmp_path / name, (stat.st_atime, stat.st_mtime - age))
    source = kindle.open_source("k", tmp_path, kindle.Settings(path=str(tmp_path)))
    assert [one.exact for one in highlights(list(source.scan()))] == ["a mark drawn further"]
    os.utime(tmp_path / "a.txt", (0, 0))  # the older text was written last
    assert [one.exact for one in highlights(list(source.scan()))] == ["a mark drawn further"]


def test_keys_know_no_page_no_place_and_no_time(tmp_path: Path) -> None:
    first = scan(tmp_path, entry("the words", "on page 5 | location 96-97"))
    again = entry("the words", "on page 6 | location 100-101", when="May 5, 2020")
    [one], [other] = highlights(first), highlights(scan(tmp_path, again))
    assert anchor_key(one, one.nth) == anchor_key(other, other.nth)


@pytest.mark.parametrize(
    ("when", "created"),
    [
        ("Monday, 3 December 12 19:51:33 Greenwich Mean Time", "2012-12-03T19:51:33+00:00"),
        ("Monday, December 3, 12 7:51:33 PM", "2012-12-03T19:51:33+00:00"),
        ("Montag, 3. Dezember 12 um 19:51:33 Uhr", "2012-12-03T19:51:33+00:00"),
        ("Monday, 3 December 2012 19:51:33", "2012-12-03T19:51:33+00:00"),
        ("Monday, 3 Nothing 12 19:51:33", ""),
    ],
)
def test_a_year_of_two_digits_is_one_of_this_century(
    tmp_path: Path, when: str, created: str
) -> None:
    text = f"Book (Roe)\n- Highlight on Page 7 | Loc. 100-101 | Added on {when}\n\nwords\n{END}"
    [found] = highlights(scan(tmp_path, text))
    assert (found.created, found.exact, found.page_label) == (created, "words", "7")
