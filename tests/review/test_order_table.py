"""What is asked of a whole workspace, in which order, and what a query chooses of it: rows."""

import pytest

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
