"""A note on the page: its text and its marks, and marks made there, without a browser."""

import pytest
from msgspec.structs import replace

from ankiforge.config.workspace import find_workspace
from ankiforge.errors import RefusedError, UsageError
from ankiforge.extract import registry
from ankiforge.ledger.cards import load_highlight
from ankiforge.model import HighlightKind
from ankiforge.pipeline.workspace import Workspace
from ankiforge.web.documents import (
    PageRenderer,
    TextSelection,
    highlight_to_json,
)
from ankiforge.web.session import ReviewSession
from tests.web.test_page_table import NOTE, SETTINGS

OSMOSIS = "Osmosis is the diffusion of water through a semipermeable membrane."


@pytest.fixture
def session(forge):
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/Cells.md").write_text(NOTE, encoding="utf-8")
    forge.settings(SETTINGS, proposals=True)
    forge.ok("run")
    with Workspace(find_workspace(forge.folder, forge.folder, registry)) as opened:
        yield ReviewSession(opened, PageRenderer())


@pytest.fixture
def document(session):
    """The id of the only note on the shelf."""
    [row] = session.render_documents()["documents"]
    return row["id"]


def test_the_row_of_a_document_has_its_numbers(session, document):
    [row] = session.render_documents()["documents"]
    assert row == {
        "id": document,
        "title": "Cells",
        "by": "",
        "waiting": 3,
        "more": 0,
        "rest": "",
        "is_open": True,
        "chat": "",
        "left": "",
    }
    assert session.render_documents(1)["documents"] == []


def test_a_note_is_its_text_and_its_marks_in_reading_order(session, document):
    shown = session.documents.render_document(document)
    assert (shown["id"], shown["kind"], shown["title"], shown["lang"]) == (
        document,
        "text",
        "Cells",
        "en",
    )
    told = [(mark["words"][:12], mark["state"], mark["frame"]) for mark in shown["marks"]]
    assert told == [
        ("Osmosis is t", "suggested", False),
        ("What is a ri", "asks", False),
        ("What is a nu", "asks", False),
        ("so much for ", "none", False),
    ]
    assert shown["key"] in {mark["key"] for mark in shown["marks"]}
    assert "<h1>Cells</h1>" in shown["html"]
    assert OSMOSIS in shown["html"]
    states = session.documents.get_highlight_states(document)
    assert states == {mark["key"]: mark["state"] for mark in shown["marks"]}
    assert session.documents.render_document("nowhere") is None
    assert session.documents.get_highlight_states("nowhere") == {}
    assert session.documents.render_page(document, 0, 100) is None


def test_marked_words_are_a_highlight_until_they_are_taken_back(
    session,
    document,
):
    chosen = TextSelection(document, "diffusion of water", "Osmosis is the ")
    made = session.add_highlight(chosen)
    states = session.documents.get_highlight_states(document)
    assert (made["key"] in states, len(states)) == (True, 5)
    highlight = load_highlight(session._ledger, made["key"])
    assert highlight.exact == "diffusion of water"
    # the document keeps its id, so that the page may go on with it
    assert session.documents.register_document(highlight) == document
    session.undo(made["undo"])
    assert len(session.documents.get_highlight_states(document)) == 4
    # what was made here can be deleted here, and be made again
    made = session.add_highlight(chosen)
    deleted = session.delete_highlight(made["key"])
    assert len(session.documents.get_highlight_states(document)) == 4
    session.undo(deleted["undo"])
    assert len(session.documents.get_highlight_states(document)) == 5


def test_what_is_not_in_the_text_or_is_in_the_file_is_refused(session, document):
    with pytest.raises(UsageError, match="does not contain the selected words"):
        session.add_highlight(TextSelection(document, "nowhere in it"))
    [first, *_] = session.documents.render_document(document)["marks"]
    with pytest.raises(RefusedError, match="this highlight is in the file"):
        session.delete_highlight(first["key"])
    note = session._workspace.folder.root / "notes/Cells.md"
    note.unlink()
    with pytest.raises(UsageError, match="not on this computer"):
        session.add_highlight(TextSelection(document, "diffusion of water"))


def test_a_note_that_is_gone_is_a_list_of_its_highlights(session, document):
    (session._workspace.folder.root / "notes/Cells.md").unlink()
    shown = session.documents.render_document(document)
    assert (shown["kind"], len(shown["marks"])) == ("list", 4)
    assert shown["html"].count("<li data-key=") == 4


@pytest.mark.parametrize(
    ("changed", "entry"),
    [
        ({}, ("the words", "the words", False)),
        ({"exact": "", "comment": "why?"}, ("why?", "", False)),
        ({"exact": "", "comment": "", "kind": HighlightKind.IMAGE}, ("A picture", "", True)),
        ({"exact": "a  b\nc " * 40}, (("a b c " * 40)[:80], "a  b\nc " * 40, False)),
    ],
)  # fmt: skip
def test_a_mark_has_a_label_and_its_words(make_card, changed, entry):
    highlight = replace(make_card().highlight, **{"exact": "the words", **changed})
    shown = highlight_to_json(highlight, "none")
    assert shown == {
        "key": highlight.key,
        "state": "none",
        "words": entry[0],
        "exact": entry[1],
        "frame": entry[2],
        "made": False,
    }
