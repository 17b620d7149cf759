"""The queue across documents, row by row: who has to settle it, who wrote it, and turns of documents."""

import pytest

from ankiforge.ledger.pending_items import PassageLocation, PendingItems
from ankiforge.ledger.tables.highlights import DocumentPlace
from ankiforge.review.batches import DocumentItems, FolderItems, group_small_documents
from ankiforge.review.queue import keep_new_cards_of, list_queue


def place(words: str) -> PassageLocation:
    """Return a location, written `id document usefulness`, with `!` after a hand-written one."""
    id, document, usefulness = words.rstrip("!").split()
    return PassageLocation(
        id, id, int(document), "", 0, float(usefulness), sentence=id,
        is_hand_written=words.endswith("!"),
    )  # fmt: skip


def pending(drafts=(), suggestions=(), conflicts=(), revisions=(), questions=()):
    return PendingItems(
        drafts=[*map(place, drafts)], new_passages=[], offered_drafts=[],
        conflicts=[*conflicts], revisions=[*revisions], questions=[*questions],
        without_card=[*map(place, suggestions)], data_version=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("waits", "queue"),
    [
        ({}, []),
        # what only the user can settle comes first, conflicts before all
        ({"drafts": ["d 1 1"], "questions": ["q"], "revisions": ["r"], "conflicts": ["c"]}, ["c", "r", "q", "d"]),
        # then what the user wrote, then chat and model, then suggestions
        ({"drafts": ["m 1 .9", "h 1 .5!"], "suggestions": ["s 1 .95"]}, ["h", "m", "s"]),
        # suggestions by confidence
        ({"suggestions": ["a 1 .85", "b 2 .95"]}, ["b", "a"]),
        # documents take turns
        ({"suggestions": ["a 1 .95", "b 1 .94", "c 2 .85"]}, ["a", "c", "b"]),
        ({"drafts": ["a 1 1", "b 1 1", "c 2 1"]}, ["a", "c", "b"]),
        # less certain suggestions don't wait
        ({"suggestions": ["a 1 .95", "b 2 .7", "c 2 .1"]}, ["a"]),
    ],
)  # fmt: skip
def test_the_queue_has_an_order(waits, queue):
    assert list_queue(pending(**waits)) == queue


def test_the_queue_of_a_folder_has_only_its_new_cards():
    everything = pending(["a 1 1", "b 2 1"], ["s 2 .9", "t 3 .9"], ["c"], ["r"], ["q"])
    assert list_queue(keep_new_cards_of(everything, {2})) == ["b", "s"]


def document(id: int, count: int) -> DocumentItems:
    drafts = tuple(place(f"d{id}.{n} {id} 1") for n in range(count))
    return DocumentItems(id, f"Document {id}", drafts)


@pytest.mark.parametrize(
    ("paths", "counts", "rows"),
    [
        # with fewer than four waiting, documents of a folder share a row
        ({1: "Medicine/a.md", 2: "Medicine/b.md"}, {1: 3, 2: 1}, [("Medicine", 4)]),
        # with four, a document has its own
        ({1: "Medicine/a.md", 2: "Medicine/b.md", 3: "Medicine/c.md"}, {1: 4, 2: 1, 3: 2}, [1, ("Medicine", 3)]),
        # nobody is alone in a row of a folder
        ({1: "Medicine/a.md", 2: "Law/b.md"}, {1: 3, 2: 1}, [1, 2]),
        # the row is in the place of its best document
        ({1: "Law/a.md", 2: "Big.md", 3: "Law/b.md"}, {1: 1, 2: 9, 3: 1}, [("Law", 2), 2]),
        # documents outside folders have the name of their source
        ({1: "a.md", 2: "b.md"}, {1: 1, 2: 1}, [("notes", 2)]),
        ({1: "A/Medicine/a.md", 2: "B/Medicine/b.md"}, {1: 1, 2: 1}, [1, 2]),
    ],
)  # fmt: skip
def test_documents_with_few_cards_are_a_row_of_their_folder(paths, counts, rows):
    documents = [document(id, count) for id, count in counts.items()]
    places = {id: DocumentPlace("notes", path) for id, path in paths.items()}
    shown = []
    for row in group_small_documents(documents, places):
        if isinstance(row, FolderItems):
            shown.append((row.title, row.waiting_count))
        else:
            shown.append(row.document)
    assert shown == rows
