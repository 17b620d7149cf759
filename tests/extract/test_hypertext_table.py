"""Where a quote is in a book or a page, if it can be told: rows."""

from zipfile import ZipFile

import pytest

from ankiforge.extract.pdf.hypertext import find_quote_contexts
from ankiforge.extract.pdf.messages import Failure, FindContextsReply, StoredQuote

ONE = "<p>Sleep heals. Two keep it out.</p><p></p><p>Again two keep it in.</p>"
TWO = "<h1>Rest</h1><p>Naps heal. Then two keep it up and</p>"
THREE = "<p>down all day. Naps help.</p>"


def context(path, quote):
    found = find_quote_contexts(path, [quote])
    assert isinstance(found, FindContextsReply)
    [passage] = found.passages
    return passage


@pytest.mark.parametrize(
    ("quote", "sentence"),
    [
        ({"text": "Then two"}, "Then two keep it up and"),
        ({"text": "naps  HEAL"}, "Naps heal."),
        # of several places, the page that it names
        ({"text": "two keep it"}, ""),
        ({"text": "two keep it", "page": 1}, "Then two keep it up and"),
        ({"text": "two keep it", "file": "2.xhtml"}, "Then two keep it up and"),
        ({"text": "two keep it", "page": 0}, ""),
        ({"text": "Naps", "page": 0}, ""),
        ({"text": "Sleep heals", "page": 7}, "Sleep heals."),
        # over the end of a file
        (
            {"text": "keep it up and down all day"},
            "Then two keep it up and down all day.",
        ),
        ({"text": "nowhere"}, ""),
        ({"text": " "}, ""),
    ],
)
def test_where_a_quote_is_in_a_book(tmp_path, quote, sentence):
    path = tmp_path / "a.epub"
    with ZipFile(path, "w") as book:
        for number, page in enumerate((ONE, TWO, THREE), 1):
            book.writestr(f"text/{number}.xhtml", page)
    assert context(path, StoredQuote(**{"page": -1, **quote})).sentence == sentence


def test_a_sentence_that_is_marked_as_a_whole_is_not_said_twice(tmp_path):
    path = tmp_path / "a.HTML"
    path.write_text(THREE)
    found = context(path, StoredQuote(0, "Naps help."))
    assert (found.prefix, found.sentence) == ("down all day. ", "")


def test_a_damaged_book_is_named(tmp_path):
    path = tmp_path / "a.epub"
    path.write_text(ONE)
    assert isinstance(find_quote_contexts(path, []), Failure)
