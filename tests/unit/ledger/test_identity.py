"""The same highlight again is the same key."""

from dataclasses import replace

import pytest

from ankiforge.model import HighlightKind
from ankiforge.pipeline import EditJudge

PICTURES = "? What does this figure show"


def figures(bench, *pages, document="0123", name=lambda page: ""):
    """Equal marks without text on pages of one PDF, read once more: page → key."""
    from ankiforge.model import Document, DocumentKey, Extracted, Scan

    paper = Document(DocumentKey(f"pdf:{document}"), "papers", "A paper", f"{document}.pdf")
    marked = tuple(
        replace(
            bench.mark("", anchor_text=PICTURES, comment=PICTURES, nth=1),
            kind=HighlightKind.IMAGE,
            namespace=paper.key,
            document=paper,
            markdown=(f"![](cut/{page:016x}.png)",),
            hints=(f"nm:{name(page)}",) if name(page) else (),
            block=str(page),
        )
        for page in pages
    )
    run = bench.ledger.start_run("test")
    bench.ledger.ingest.add(run, Extracted(paper, marked, "pdf:papers"))
    scan = Scan("papers", "pdf:papers", True)
    bench.ledger.ingest.finish(run, [scan], [], bench.clock(), judge=EditJudge(bench.ledger))
    seen = bench.ledger.highlights.seen_in(run)
    return {int(one.block): one.key for one in seen if one.document.key == paper.key}


@pytest.mark.parametrize(
    ("first", "then", "moved"),
    [
        (range(8), range(8), 0),
        (range(8), (1, 2, 3, 5, 6, 7), 0),
        ((2, 3, 4), (1, 2, 3, 4), 0),
        ((1, 2, 3, 4), (2, 3, 4, 5), 1),
    ],
    ids=["as they were", "two go", "one more", "a page was inserted"],
)
def test_equal_marks_on_several_pages_keep_their_keys(bench, first, then, moved):
    keys = figures(bench, *first)
    assert len(set(keys.values())) == len(first)
    for _ in range(2):
        now = figures(bench, *then)
        assert len(set(now.values())) == len(then)
        stay = {page + moved: key for page, key in keys.items() if page + moved in then}
        assert {page: now[page] for page in stay} == stay
    assert moved or figures(bench, *first) == keys


def test_equal_marks_with_names_keep_their_keys_whatever_else_goes(bench):
    keys = figures(bench, 1, 2, 3, 4, name=lambda page: f"annotation-of-{page}")
    later = figures(bench, 3, 4, 5, 6, name=lambda page: f"annotation-of-{page - 1}")
    assert [later[page] for page in (3, 4, 5)] == [keys[page] for page in (2, 3, 4)]


def test_equal_marks_that_move_together_keep_their_keys(bench):
    keys = figures(bench, 1, 2, 3)
    assert list(figures(bench, 1, 2, 3, document="4567").values()) == list(keys.values())
