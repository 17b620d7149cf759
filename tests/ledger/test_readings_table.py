"""What is drafted again, how documents are listed and skipped, and how a query is compared, row by
row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.ledger import Ledger, item_lists, plugin_syntaxes, readings
from ankiforge.ledger.draft_completion import match_card_numbers
from ankiforge.ledger.events import Passage
from ankiforge.ledger.ingest import ingest_scan_results
from ankiforge.ledger.item_lists import QueryTerm
from ankiforge.ledger.match import to_matched_highlight
from ankiforge.ledger.readings import DocumentListing, StoredDocumentLookup
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
    NoteHistory,
    Problem,
    ScanEnd,
    SkippedText,
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
    ("colour", "names"),
    [("", ""), ("#ff0000", "\n#ff0000\nred\n"), ("yellow", "\nyellow\nyellow\n")],
)
def test_a_colour_is_found_by_its_own_name_and_by_that_of_the_hue(colour, names):
    mark = to_matched_highlight(replace(HIGHLIGHT, colour=colour))
    assert readings.build_highlight_row(mark, "", 1)["colour"] == names


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


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db", tmp_path, "device") as ledger:
        yield ledger


def test_which_documents_are_skipped(ledger):
    skipped = (SkippedText("a :: b", "line 3", "in code"),)
    documents = [
        ExtractedDocument(
            DOCUMENT,
            (HIGHLIGHT,),
            "vault:v",
            fingerprint="salt f",
            dependencies=("a.png",),
            text_hash="t",
            skipped_texts=skipped,
        ),
        UnmarkedDocument("vault:v", "b.md", "salt g", source="v"),
    ]
    end = ScanEnd("v", "vault:v", complete=True)
    ingest_scan_results(ledger, [*documents, end])
    lookup = StoredDocumentLookup(ledger, "salt")
    assert lookup.is_unchanged("vault:v", "a/hearts.md", "f")
    for container, path, fingerprint in [
        ("vault:v", "a/hearts.md", "g"),
        ("vault:v", "a/hearts.md", ""),
        ("vault:v", "x.md", "f"),
        ("vault:w", "a/hearts.md", "f"),
    ]:
        assert not lookup.is_unchanged(container, path, fingerprint)
    assert not StoredDocumentLookup(ledger, "other").is_unchanged(
        "vault:v", "a/hearts.md", "f"
    )
    assert lookup.find_dependencies("vault:v", "a/hearts.md") == ("a.png",)
    assert lookup.find_dependencies("vault:v", "b.md") == ()
    assert lookup.find_dependencies("vault:v", "x.md") is None
    assert lookup.list_paths("vault:v") == ("a/hearts.md", "b.md")
    assert lookup.list_paths("vault:w") == ()
    assert readings.load_text_hash(ledger, "vault:v", "a/hearts.md") == "t"
    assert readings.load_text_hash(ledger, "vault:v", "x.md") == ""
    in_source = readings.load_current_documents_of_source(ledger, "obsidian", "v")
    assert sorted(row["place"] for row in in_source) == ["a/hearts.md", "b.md"]
    assert readings.load_current_documents_of_source(ledger, "pdf", "v") == []
    assert readings.load_current_documents_of_source(ledger, "obsidian", "w") == []
    row = readings.find_document(ledger, "vault:v", "a/hearts.md")
    assert row is not None
    columns = ("state", "fingerprint", "depends", "source", "title", "digest")
    values = ("present", "salt f", '["a.png"]', "v", "Hearts", "t")
    assert tuple(row[column] for column in columns) == values
    # one that is no longer there is not skipped
    ingest_scan_results(ledger, [UnchangedDocument("vault:v", "b.md"), end])
    lookup = StoredDocumentLookup(ledger, "salt")
    assert lookup.list_paths("vault:v") == ("b.md",)
    assert not lookup.is_unchanged("vault:v", "a/hearts.md", "f")


def test_a_document_has_the_identifiers_that_were_last_read(ledger):
    for dois in (("10.1234/a", "10.1234/b"), ("10.1234/b",), ()):
        identifiers = tuple(("doi", doi) for doi in dois)
        document = replace(DOCUMENT, identifiers=identifiers)
        read = ExtractedDocument(document, (HIGHLIGHT,), "vault:v")
        ingest_scan_results(ledger, [read, ScanEnd("v", "vault:v", complete=True)])
        rows = ledger.fetch_rows("SELECT name FROM identifier ORDER BY name")
        assert [row["name"] for row in rows] == [f"doi:{doi}" for doi in dois]


@pytest.mark.parametrize(
    ("enabled", "expected"),
    [
        ([(), ()], [(), ()]),
        ([None, None], [(), ()]),
        ([("osr",), ()], [("osr",), ("osr",)]),
        ([("osr",), None], [("osr",), ("osr",)]),
        ([("o2a",), ("osr",)], [("o2a",), ("osr", "o2a")]),
        ([("osr", "unknown"), ()], [("osr",), ("osr",)]),
    ],
)
def test_a_vault_is_read_with_every_dialect_that_it_ever_had(ledger, enabled, expected):
    load = plugin_syntaxes.record_and_load_plugin_syntaxes
    assert [load(ledger, "vault:v", names) for names in enabled] == expected
    assert load(ledger, "vault:w", ()) == ()
    events = ledger.get_subject_events("dialects:vault:v")
    assert [tuple(event.body["read"]) for event in events] == [
        names for names in dict.fromkeys(expected) if names
    ]


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
    ("field", "value", "pattern"),
    [
        ("deck", "Bio[1]*", "bio[[]1]*"),
        ("tag", "#a b", "a-b"),
        ("deck", "#a b", "#a b"),
        ("", "#A [b]", "#A [b]"),
        ("added", "2026-01", "2026-01"),
        ("folder", "A[b]", "A[b]"),
    ],
)
def test_the_pattern_of_a_term(field, value, pattern):
    assert item_lists.to_glob_pattern(QueryTerm(field, value)) == pattern


@pytest.mark.parametrize(
    ("ids", "length"),
    [([], 6), (["dr0123456"], 6), (["dr0123456", "dr0123457"], 9), (["dr0123456"] * 2, 6), (["dr0123", "dr0124"], 6)],
)  # fmt: skip
def test_how_much_of_an_id_is_shown(ids, length):
    assert item_lists.compute_min_id_length(ids) == length


# --- numbers and pictures that a card keeps ---------------------------------------------------


def own(**fields: str) -> Any:
    return made(Draft, fields=tuple(fields.items()), user_text_number=0)


@pytest.mark.parametrize(
    ("card", "exported", "new", "expected"),
    [
        # a gap keeps its number, and none that was exported is used again
        ({"Text": "{{c2::a}} b c"}, {}, {"Text": "{{c1::a}} b c"}, {"Text": "{{c2::a}} b c"}),
        ({"Text": "{{c1::a}} b c"}, {"2": "b"}, {"Text": "{{c1::a}} b {{c2::c}}"}, {"Text": "{{c1::a}} b {{c3::c}}"}),
        ({"Text": "{{c1::a}} b c"}, {"2": "c"}, {"Text": "{{c1::a}} b {{c3::c}}"}, {"Text": "{{c1::a}} b {{c2::c}}"}),
        # a picture that is missing has the path that it had, if there is one such
        ({"Text": "{{c1::a}} ![](x/p.png)"}, {}, {"Text": "{{c1::a}} ![](p.png)"}, {"Text": "{{c1::a}} ![](x/p.png)"}),
        ({"Text": "{{c1::a}}", "Extra": "![](x/p.png)"}, {}, {"Text": "{{c1::a}}", "Extra": "![](p.png)"}, {"Text": "{{c1::a}}", "Extra": "![](x/p.png)"}),
        ({"Text": "{{c1::a}} ![](x/p.png) ![](y/p.png)"}, {}, {"Text": "{{c1::a}} ![](p.png)"}, {"Text": "{{c1::a}} ![](p.png)"}),
        ({"Text": "{{c1::a}} ![](x/op.png)"}, {}, {"Text": "{{c1::a}} ![](p.png)"}, {"Text": "{{c1::a}} ![](p.png)"}),
    ],
)  # fmt: skip
def test_numbers_and_pictures_of_a_card_stay(card, exported, new, expected):
    note = NoteHistory(exported_text_by_number=exported)
    live = made(Card, fields=tuple(card.items()), user_text_number=0, note=note)
    passage = Passage(("p",), cards={"af1": live})
    assert dict(match_card_numbers(passage, own(**new)).fields) == expected
    # a draft of another number is as it is
    other = replace(own(**new), user_text_number=1)
    assert match_card_numbers(passage, other) == other


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
