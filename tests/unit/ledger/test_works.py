"""One passage reached by several ways, seen from the ledger."""

from dataclasses import replace

from ankiforge.model import Document, DocumentKey, Extracted, Form, Scan
from ankiforge.pipeline import EditJudge

WORDS = "The aperture of a lens controls how much light enters the camera."
DOI = (("doi", "10.5555/lens"),)
ZOTERO = Document(DocumentKey("zotero:user/PAPER234"), "zotero", "Lenses", identifiers=DOI)
PDF = Document(DocumentKey("pdf:0123"), "papers", "A lens", "a.pdf", identifiers=DOI)


def marked(bench, document: Document, **more):
    """A mark in a paper, as its source yields it."""
    own = "ABCD2345" if document is ZOTERO else ""
    namespace = document.key.rpartition("/")[0] or document.key
    mark = bench.mark(more.pop("exact", WORDS), namespace=namespace, own=own, form=Form.MARK)
    return replace(mark, document=document, **more)


def read(bench, *marks):
    """A complete reading of these papers."""
    run = bench.ledger.start_run("test")
    containers = {ZOTERO.key: "zotero:user", PDF.key: "pdf:papers"}
    for document in (ZOTERO, PDF):
        mine = tuple(mark for mark in marks if mark.document.key == document.key)
        if mine:
            extracted = Extracted(document, mine, containers[document.key])
            bench.ledger.ingest.add(run, extracted)
    scans = [Scan("x", containers[key], True) for key in {m.document.key for m in marks}]
    return run, bench.ledger.ingest.finish(
        run, scans, [], bench.clock(), judge=EditJudge(bench.ledger)
    )


def pending(bench, run):
    [task] = bench.ledger.queries.to_draft(run, "model")
    return task.highlights


def test_what_one_way_keeps_on_this_machine_no_way_lets_out(bench):
    secret = marked(bench, PDF, comment="#no-llm")
    run, settled = read(bench, marked(bench, ZOTERO), secret)
    [highlight] = pending(bench, run)
    assert (settled.seen, highlight.key) == (1, "zotero:user/ABCD2345")
    assert "no-llm" in highlight.tags
    words = {one.document.key for one in bench.ledger.highlights.mentioning("no-llm")}
    assert words == {ZOTERO.key, PDF.key}


def test_equal_words_on_other_pages_are_two(bench):
    _, settled = read(
        bench, marked(bench, ZOTERO, page_label="3"), marked(bench, PDF, page_label="4")
    )
    assert settled.seen == 2


def test_a_few_equal_words_need_the_page(bench):
    short = {"exact": "The lens."}
    _, settled = read(bench, marked(bench, ZOTERO, **short), marked(bench, PDF, **short))
    assert settled.seen == 2
    with_page = {**short, "page_label": "3"}
    _, settled = read(bench, marked(bench, ZOTERO, **with_page), marked(bench, PDF, **with_page))
    assert settled.seen == 1


def test_the_links_of_every_way_are_there(bench):
    run, _ = read(bench, marked(bench, ZOTERO, uri="z:1"), marked(bench, PDF, uri="p:1"))
    [highlight] = bench.ledger.highlights.seen_in(run)
    assert (highlight.uri, highlight.links) == ("z:1", ("p:1",))
    run, _ = read(bench, marked(bench, PDF, uri="p:2"))
    [highlight] = bench.ledger.highlights.seen_in(run)
    assert (highlight.uri, highlight.links) == ("z:1", ("p:2",))


def test_the_deck_of_a_work_is_that_of_its_first_accepted_card(bench):
    first, other = marked(bench, PDF), marked(bench, ZOTERO, exact=f"{WORDS} It is round.")
    run, _ = read(bench, first)
    bench.forge(run)
    run, _ = read(bench, first, other)
    assert bench.ledger.policy.deck_for(other, "afnone") == "Deck"
