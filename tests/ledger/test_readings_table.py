"""What is drafted again, how documents are listed and skipped, and how a query is compared, row by
row."""

from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.ledger import item_lists, readings
from ankiforge.ledger.draft_completion import match_card_numbers
from ankiforge.ledger.events import Passage
from ankiforge.ledger.readings import DocumentListing
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    Card,
    CardKind,
    Document,
    DocumentKey,
    Draft,
    ExtractedDocument,
    FieldEdits,
    FigureLabel,
    Highlight,
    HighlightKind,
    Problem,
    ScanEnd,
    UnchangedDocument,
    UnmarkedDocument,
    UnreadDocument,
)
from tests.cards import made

DOCUMENT = Document(DocumentKey("d"), "v", "Hearts", path="a/hearts.md")
HIGHLIGHT = Highlight(
    DOCUMENT, "vault:v", HighlightKind.HIGHLIGHT, "The heart pumps.", comment="why?",
    sentence="The heart pumps. It beats.", markdown=("The heart pumps.",),
)  # fmt: skip
CARD = replace(HIGHLIGHT, kind=HighlightKind.CARD)


@pytest.mark.parametrize(
    ("highlight", "changes", "differs"),
    [
        (HIGHLIGHT, {"exact": "It pumps."}, True),
        (HIGHLIGHT, {"gaps": ((4, 9),)}, True),
        (HIGHLIGHT, {"comment": "how?"}, True),
        (replace(HIGHLIGHT, comment_is_instruction=False), {"comment": "how?"}, False),
        (HIGHLIGHT, {"comment_is_instruction": False}, True),
        (HIGHLIGHT, {"sentence": "The heart pumps."}, True),
        (CARD, {"sentence": "The heart pumps."}, False),
        (HIGHLIGHT, {"skip_reason": "its colour"}, True),
        (HIGHLIGHT, {"markdown": ("The **heart** pumps.",)}, True),
        (HIGHLIGHT, {"line_syntax": WORD_AND_TRANSLATION}, True),
        (HIGHLIGHT, {"line_syntax": "a :: b"}, False),
        (HIGHLIGHT, {"may_continue": True}, True),
        (HIGHLIGHT, {"hints": ("anki:7",)}, True),
        (HIGHLIGHT, {"hints": ("zotero:ABCD2345",)}, False),
        (HIGHLIGHT, {"figure_hash": "f"}, True),
        (replace(HIGHLIGHT, figure_hash="f"), {"figure_labels": (FigureLabel("Femur", 0, 0, 1, 1),)}, True),
        (HIGHLIGHT, {"figure_labels": (FigureLabel("Femur", 0, 0, 1, 1),)}, False),
        (HIGHLIGHT, {"colour": "red", "tags": ("x",), "uri": "obsidian://", "prefix": "So"}, False),
    ],
)  # fmt: skip
def test_what_is_drafted_again(highlight, changes, differs):
    changed = replace(highlight, **changes)
    hashes = map(readings.hash_highlight_content, (highlight, changed))
    assert (len({*hashes}) == 2) is differs


@pytest.mark.parametrize(
    ("counts", "batches"),
    [
        ([], []),
        ([1], [[1]]),
        ([0, 0, 0, 0], [[0, 0, 0], [0]]),
        ([1, 1, 1], [[1, 1, 1]]),
        ([4, 1, 1], [[4, 1], [1]]),
        ([4, 0, 1, 1], [[4, 0, 1], [1]]),
        ([9, 1], [[9], [1]]),
        ([1, 9, 1], [[1, 9], [1]]),
    ],
)
def test_documents_are_written_in_batches(monkeypatch, counts, batches):
    monkeypatch.setattr(readings, "MAX_BATCH_DOCUMENTS", 3)
    monkeypatch.setattr(readings, "MAX_BATCH_HIGHLIGHTS", 5)
    documents = [
        ExtractedDocument(DOCUMENT, (HIGHLIGHT,) * count, "c") for count in counts
    ]
    found = readings.iter_document_batches(documents)
    assert [[len(each.highlights) for each in batch] for batch in found] == batches


def test_how_documents_are_listed():
    listing = DocumentListing()
    read = [ExtractedDocument(DOCUMENT, (), "c"), UnmarkedDocument("c", "b.md", "f")]
    sightings = [
        *read,
        UnchangedDocument("c", "c.md"),
        UnreadDocument("c", "folder"),
        Problem("d.md", "cannot be read"),
        Problem("closed/", "cannot be listed"),
        ScanEnd("v", "c", complete=True, directory="/v"),
        ScanEnd("w", "empty", complete=False),
    ]
    assert list(listing.read_documents(sightings)) == read
    assert dict(listing.places) == {"c": {"a/hearts.md", "b.md", "c.md"}, "empty": set()}
    assert listing.complete == {"c"}
    assert listing.directories == {"c": "/v", "empty": ""}
    unread = ["folder", "folder/x.md", "d.md", "closed/x.md"]
    others = ["d.md/x.md", "folderx", "closed", "c.md", "x.md"]
    assert [place for place in (*unread, *others) if listing.is_unread(place)] == unread
    listed = [*unread, "c.md"]
    assert [
        place for place in (*unread, *others) if listing.is_listed("c", place)
    ] == listed
    assert not listing.is_listed("empty", "c.md")


# --- how a query is compared ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "path", "is_in"),
    [
        ("Books", "v/Books/a.md", True),
        ("books", "v/Books/a.md", True),
        ("Books/Old", "v/Books/Old/a.md", True),
        ("Old", "v/Books/Old/a.md", True),
        ("Books\\Old", "v/Books/Old/a.md", True),
        ("Books", "v/Books/Old/a.md", True),
        ("/home/me/v/Books", "v/Books/a.md", True),
        ("/home/me/v", "v/Books/a.md", True),
        ("/home/me/w", "v/Books/a.md", False),
        ("/home/v/Old", "v/Books/a.md", False),
        ("Book", "v/Books/a.md", False),
        ("a.md", "v/Books/a.md", False),
        ("Books/New", "v/Books/Old/a.md", False),
        ("", "v/a.md", False),
        ("/", "v/a.md", False),
    ],
)
def test_which_files_are_in_a_folder(folder, path, is_in):
    assert item_lists.is_in_folder(folder, path) is is_in


@pytest.mark.parametrize(
    ("words", "text", "contains"),
    [
        ("heart", "The Heart pumps.", True),
        ("cross validation", "By cross-validation.", True),
        ("schrodinger", "Schrödinger's cat", True),
        ("it's", "It's so", True),
        ("C++", "C and C++", True),
        ("C++", "C", False),
        ("pumps.", "The heart pumps!", False),
        ("pumps the", "The heart pumps.", False),
    ],
)
def test_which_texts_have_the_words_of_a_query(words, text, contains):
    assert item_lists._contains_words(words, text) is contains


@pytest.mark.parametrize(
    ("ids", "length"),
    [([], 6), (["dr0123456"], 6), (["dr0123456", "dr0123457"], 9), (["dr0123456"] * 2, 6), (["dr0123", "dr0124"], 6)],
)  # fmt: skip
def test_how_much_of_an_id_is_shown(ids, length):
    assert item_lists.compute_min_id_length(ids) == length


# --- numbers and pictures that a card keeps ---------------------------------------------------


def own(**fields: str) -> Any:
    return made(Draft, fields=tuple(fields.items()), user_text_number=0)


def test_a_picture_has_the_path_that_its_source_gave_it():
    edits = FieldEdits(source_texts_applied={"Text": "![](x/p.png)"})
    live = made(Card, fields=(("Text", "{{c1::a}}"),), user_text_number=0, edits=edits)
    passage = Passage(("p",), cards={"af1": live})
    draft = match_card_numbers(passage, own(Text="{{c1::a}} ![](p.png)"))
    assert draft.get_field("Text") == "{{c1::a}} ![](x/p.png)"


def test_a_figure_keeps_the_numbers_of_its_masks():
    def figure(masks: str) -> Any:
        fields = (
            ("Occlusion", f"hide all 0123456789abcdef\n{masks}"),
            ("Image", "![](p.png)"),
        )
        return made(Draft, kind=CardKind.OCCLUSION, fields=fields, user_text_number=0)

    old = figure("3 .1 .1 .2 .2 Femur")
    live = made(Card, kind=CardKind.OCCLUSION, fields=old.fields, user_text_number=0)
    new = match_card_numbers(
        Passage(("p",), cards={"af1": live}), figure("1 .1 .1 .2 .2 Femur")
    )
    assert dict(new.fields) == dict(old.fields)
