"""What is asked of a whole workspace, in which order, and what a query chooses of it: rows."""

import pytest

from ankiforge.errors import UsageError
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Review, batches

MORE = "==The liver produces bile, which helps the digestion of fat.==\n\nWhat is DNA?::a molecule\n"
"""A note beside the one of the workspace: it has a draft, and a proposal."""


@pytest.fixture
def opened(workspace: Workspace) -> Workspace:
    (workspace.folder.root / "notes/Energy.md").write_text(MORE, encoding="utf-8")
    workspace.run()
    return workspace


def names(workspace: Workspace, ids: list[str]) -> list[str]:
    """The last word of the front of each draft, or of the passage that has a proposal."""
    review = Review(workspace)
    found = []
    for id in ids:
        item = review.load_item(id)
        assert item
        assert item.highlight
        text = (
            dict(item.drafts[0].fields)["Front"] if item.drafts else item.highlight.exact
        )
        found.append(text.split()[-1].strip("?."))
    return found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["ribosome", "nucleus", "DNA"]),
        ("ribosome", ["ribosome"]),
        ("document:Energy", ["DNA"]),
        ("-document:Energy", ["ribosome", "nucleus"]),
        ("verdict:accepted", []),
        ("nothing", []),
    ],
)
def test_the_drafts_that_wait(opened, query, found):
    waiting = names(opened, batches.list_pending_ids(opened.ledger, query))
    assert sorted(waiting) == sorted(found)
    if len(found) > 1:  # those of a document follow one another, as they are read
        assert waiting.index("nucleus") == waiting.index("ribosome") + 1


def test_a_query_that_cannot_be_read_is_told(opened):
    with pytest.raises(UsageError):
        batches.list_pending_ids(opened.ledger, "decks:x")
    with pytest.raises(UsageError):
        batches.find_documents_with_suggestions(opened.ledger, '"open')


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", []),
        ("energy", ["Energy"]),
        ("CELLS", ["Cells"]),
        ("cel", ["Cells"]),
        ("energy cells", []),
        ("document:Energy", []),
        ("-energy", []),
        ("ribosome", []),
    ],
)
def test_a_query_may_name_a_document(opened, query, titles):
    found = batches.find_documents_with_suggestions(opened.ledger, query)
    assert [document.title for document in found] == titles


def test_all_drafts_are_asked_once(opened):
    drafts = list(batches.iter_drafts_for_review(opened.ledger))
    assert [draft.id for draft in drafts] == batches.list_pending_ids(opened.ledger)
    assert {dict(draft.fields)["Front"].split()[-1] for draft in drafts} == {
        "ribosome?",
        "nucleus?",
        "DNA?",
    }


@pytest.mark.parametrize(
    ("query", "sittings"),
    [
        ("", [{"membrane", "ribosome", "nucleus", "DNA"}]),
        ("document:Energy", [{"DNA"}]),
        (
            "energy",
            [{"DNA"}, {"fat"}],
        ),  # it is named, so what is less certain comes, too
        ("ribosome", [{"ribosome"}]),
        ("nothing", []),
    ],
)
def test_a_sitting_is_of_one_document(opened, query, sittings):
    load_item = Review(opened).load_item
    found = [
        set(names(opened, list(ids)))
        for ids in batches.iter_sittings(opened.ledger, load_item, query)
    ]
    assert sorted(found, key=sorted) == sorted(sittings, key=sorted)


def test_a_sitting_has_ten_items_and_the_next_one_the_rest(workspace):
    lines = [f"What is word {n:02}?::thing {n}\n" for n in range(23)]
    (workspace.folder.root / "notes/Cells.md").write_text(
        "\n".join(lines), encoding="utf-8"
    )
    workspace.run()
    load_item = Review(workspace).load_item
    sittings = list(batches.iter_sittings(workspace.ledger, load_item, "word"))
    assert [len(ids) for ids in sittings] == [10, 10, 3]
    asked = [name for ids in sittings for name in names(workspace, list(ids))]
    assert sorted(asked) == [f"{n:02}" for n in range(23)]
    for ids in sittings:
        assert names(workspace, list(ids)) == sorted(names(workspace, list(ids)))
    listed = names(workspace, batches.list_pending_ids(workspace.ledger, "word"))
    assert listed == asked
