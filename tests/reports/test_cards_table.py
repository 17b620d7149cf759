"""How a card and its document are named in one line, as rows."""

import pytest

from ankiforge.model import (
    Document,
    DocumentKey,
    Highlight,
    HighlightKind,
)
from ankiforge.reports.cards import titled


@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("", "On Memory"),
        ("12", "On Memory, p. 12"),
        ("xii", "On Memory, p. xii"),
    ],
)
def test_a_document_is_named_with_the_page_if_there_is_one(page, line):
    document = Document(DocumentKey("a:b/c"), "a", title="On Memory")
    highlight = Highlight(
        document, "a:b", HighlightKind.HIGHLIGHT, exact="words", page_label=page
    )
    assert titled(highlight) == line
