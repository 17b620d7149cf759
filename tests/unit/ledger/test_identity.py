"""The same highlight again is the same key."""

from dataclasses import replace

from ankiforge.model import HighlightKind

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
    bench.ledger.ingest.finish(run, [scan], [], bench.clock())
    seen = bench.ledger.highlights.seen_in(run)
    return {int(one.block): one.key for one in seen if one.document.key == paper.key}


def test_equal_marks_on_several_pages_keep_their_keys(bench):
    keys = figures(bench, *range(8))
    assert len(set(keys.values())) == 8
    for _ in range(2):
        assert figures(bench, *range(8)) == keys


def test_of_equal_marks_on_several_pages_one_goes_and_the_others_keep_their_keys(bench):
    keys = figures(bench, *range(8))
    left = {page: key for page, key in keys.items() if page not in (0, 4)}
    assert figures(bench, *left) == left
    assert figures(bench, *range(8)) == keys


def test_an_equal_mark_on_an_earlier_page_is_one_more(bench):
    keys = figures(bench, 2, 3, 4)
    more = figures(bench, 1, 2, 3, 4)
    assert {page: more[page] for page in keys} == keys
    assert len(set(more.values())) == 4


def test_equal_marks_on_pages_that_moved_keep_their_keys(bench):
    keys = figures(bench, 1, 2, 3, 4)
    moved = figures(bench, 2, 3, 4, 5)
    assert [moved[page] for page in (2, 3, 4, 5)] == [keys[page] for page in (1, 2, 3, 4)]


def test_equal_marks_with_names_keep_their_keys_whatever_else_goes(bench):
    keys = figures(bench, 1, 2, 3, 4, name=lambda page: f"annotation-of-{page}")
    later = figures(bench, 3, 4, 5, 6, name=lambda page: f"annotation-of-{page - 1}")
    assert [later[page] for page in (3, 4, 5)] == [keys[page] for page in (2, 3, 4)]


def test_equal_marks_that_move_together_keep_their_keys(bench):
    keys = figures(bench, 1, 2, 3)
    assert list(figures(bench, 1, 2, 3, document="4567").values()) == list(keys.values())
