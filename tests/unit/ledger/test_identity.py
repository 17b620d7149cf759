"""The same highlight again is the same key."""

from dataclasses import replace

import pytest

from ankiforge.model import HighlightKind, h16
from ankiforge.pipeline import EditJudge

APERTURE = "The aperture of a lens controls how much light enters the camera."
SHUTTER = "The shutter controls for how long the light falls on the sensor."


def test_reading_twice_gives_the_same_keys_and_nothing_new(bench):
    notes = {"a.md": [bench.mark(APERTURE, "Lenses\n"), bench.mark(SHUTTER)]}
    first, _ = bench.read(notes)
    before = bench.keys(first)
    second, settled = bench.read(notes)
    assert bench.keys(second) == before
    assert (settled.new, settled.changed, settled.unchanged) == (0, 0, 2)


def test_an_edited_sentence_keeps_its_key(bench):
    run, _ = bench.read({"a.md": [bench.mark(APERTURE), bench.mark(SHUTTER)]})
    before = bench.keys(run)
    better = APERTURE.replace("how much light enters", "how much of the light enters")
    run, settled = bench.read({"a.md": [bench.mark(better), bench.mark(SHUTTER)]})
    assert bench.keys(run) == before
    assert (settled.new, settled.changed) == (0, 1)


ABOVE = "What stands above it is long enough to show where in its note a sentence stands.\n"


@pytest.mark.parametrize(
    ("before", "after", "kept", "asked"),
    [
        ("The treaty was signed in spring ==1648==.", "The treaty was signed in spring ==1649==.", True, ""),
        ("The estimator is ==unbiased==.", "The estimator is not ==unbiased==.", True, "negation"),
        ("World War 1 ended in ==1918==.", "World War 2 ended in ==1945==.", False, ""),
        ("The ==Rhine== is 1,230 km long.", "The ==Elbe== is 1,094 km long.", False, ""),
        ("The ==aorta== is an artery.", "Tides follow the ==moon==.", False, ""),
        ("The ==Elbe== is long.", "The ==Oder== is long.", True, "name"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("own", ["", "b.x"])
@pytest.mark.parametrize("around", [("", ""), (ABOVE, "")])
def test_what_was_edited_in_its_place(bench, before, after, kept, asked, own, around):
    marks = [phrase(bench, text, own, *around) for text in (before, after)]
    others = [bench.mark(APERTURE), bench.mark(SHUTTER)] if around[0] else []
    run, _ = bench.read({"a.md": [*others, marks[0]]})
    old = bench.keys(run)[-1]
    run, settled = bench.read({"a.md": [*others, marks[1]]})
    new = bench.keys(run)[-1]
    assert (new == old) is (kept or bool(own))
    assert settled.new == (new != old)
    row = bench.ledger._db.execute("SELECT * FROM highlight WHERE key = ?", (new,)).fetchone()
    unlike = "Tides" in after
    assert asked in row["asked"]
    assert row["replaces"] == ("" if kept or (unlike and not own) else old)


def phrase(bench, text, own="", before="", after=""):
    """Return a sentence with one marked phrase."""
    head, answer, tail = text.split("==")
    gaps = ((len(head), len(head) + len(answer)),)
    return bench.mark(head + answer + tail, before, after, own=own, gaps=gaps)


def test_equal_marks_get_numbers_and_keep_them(bench):
    twice = [bench.mark("entropy", "the ", " of"), bench.mark("entropy", "the ", " of")]
    run, _ = bench.read({"a.md": twice})
    keys = bench.keys(run)
    assert len(set(keys)) == 2
    again, _ = bench.read({"a.md": twice})
    assert bench.keys(again) == keys


def test_the_same_words_in_two_notes_are_two_highlights(bench):
    run, _ = bench.read({"a.md": [bench.mark(APERTURE)], "b.md": [bench.mark(APERTURE)]})
    first, second = bench.keys(run)
    assert second == f"{first}.{h16('b.md')}"


def test_a_renamed_note_keeps_its_keys(bench):
    run, _ = bench.read({"a.md": [bench.mark(APERTURE), bench.mark("entropy", "the ")]})
    before = bench.keys(run)
    run, settled = bench.read(
        {"folder/b.md": [bench.mark(APERTURE), bench.mark("entropy", "the ")]}
    )
    assert bench.keys(run) == before
    assert settled.new == 0


def test_a_long_sentence_moved_into_other_words_keeps_its_key(bench):
    run, _ = bench.read({"a.md": [bench.mark(APERTURE, "Lenses\n", "\nmore")]})
    before = bench.keys(run)
    run, _ = bench.read({"b.md": [bench.mark(APERTURE, "Optics\n", "\nless")]})
    assert bench.keys(run) == before


def test_a_short_phrase_does_not_move_by_its_words_alone(bench):
    run, _ = bench.read({"a.md": [bench.mark("entropy", "the ", " of a gas")]})
    before = bench.keys(run)
    run, _ = bench.read({"b.md": [bench.mark("entropy", "an ", " in bits")]})
    assert bench.keys(run) != before


def test_a_copied_note_leaves_the_original_its_key(bench):
    run, _ = bench.read({"b.md": [bench.mark(APERTURE)]})
    [key] = bench.keys(run)
    run, _ = bench.read({"a.md": [bench.mark(APERTURE)], "b.md": [bench.mark(APERTURE)]})
    assert set(bench.keys(run)) == {key, f"{key}.{h16('a.md')}"}


def test_a_block_id_that_is_unique_is_the_key(bench):
    run, _ = bench.read({"a.md": [bench.mark(APERTURE, own="b.lens", block="lens")]})
    assert bench.keys(run) == ["vault:notes/b.lens"]


def test_a_block_id_used_twice_is_no_key(bench):
    run, _ = bench.read(
        {
            "a.md": [bench.mark(APERTURE, own="b.x", block="x")],
            "b.md": [bench.mark(SHUTTER, own="b.x", block="x")],
        }
    )
    keys = bench.keys(run)
    assert len(set(keys)) == 2
    assert not any(key.endswith("/b.x") for key in keys)


def test_a_block_id_added_later_does_not_rename(bench):
    run, _ = bench.read({"a.md": [bench.mark(APERTURE)]})
    before = bench.keys(run)
    run, _ = bench.read({"a.md": [bench.mark(APERTURE, own="b.lens", block="lens")]})
    assert bench.keys(run) == before


def test_a_rewritten_sentence_with_a_block_id_keeps_its_key(bench):
    run, _ = bench.read({"a.md": [bench.mark(APERTURE, own="b.lens", block="lens")]})
    before = bench.keys(run)
    run, settled = bench.read(
        {"a.md": [bench.mark("Wholly other words.", own="b.lens", block="lens")]}
    )
    assert bench.keys(run) == before
    assert settled.changed == 1


def test_a_corrected_answer_is_the_same_card_if_its_question_stands(bench):
    run, _ = bench.read({"a.md": [bench.qa("How many ATP per glucose?", "36", heading="Cells")]})
    before = bench.keys(run)
    run, settled = bench.read(
        {"a.md": [bench.qa("How many ATP per glucose?", "30 to 32", heading="Cells")]}
    )
    assert bench.keys(run) == before
    assert settled.changed == 1


def test_a_corrected_question_is_the_same_card_if_its_answer_stands(bench):
    run, _ = bench.read(
        {"a.md": [bench.qa("Which year did Hooke publish Micrographia?", "in 1665")]}
    )
    before = bench.keys(run)
    run, _ = bench.read(
        {"a.md": [bench.qa("In which year did Hooke publish Micrographia?", "in 1665")]}
    )
    assert bench.keys(run) == before


def test_reordered_sentences_keep_their_keys(bench):
    run, _ = bench.read({"a.md": [bench.mark(APERTURE), bench.mark(SHUTTER)]})
    first, second = bench.keys(run)
    run, _ = bench.read({"a.md": [bench.mark(SHUTTER), bench.mark(APERTURE)]})
    assert bench.keys(run) == [second, first]


def test_a_mark_of_another_kind_is_another_highlight(bench):
    bench.read({"a.md": [bench.mark(APERTURE)]})
    underlined = replace(bench.mark(APERTURE), kind=HighlightKind.UNDERLINE)
    _, settled = bench.read({"a.md": [bench.mark(APERTURE), underlined]})
    assert (settled.unchanged, settled.new) == (1, 1)


def test_a_pdf_at_two_paths_is_one_document(bench):
    found = replace(bench.mark(APERTURE), namespace="pdf:0123", document=None)
    run = bench.ledger.start_run("test")
    from ankiforge.model import Document, DocumentKey, Extracted, Scan

    for path in ("a.pdf", "copy/a.pdf"):
        document = Document(DocumentKey("pdf:0123"), "papers", "A paper", path)
        marked = replace(found, document=document)
        bench.ledger.ingest.add(run, Extracted(document, (marked,), "pdf:papers"))
    scan = Scan("papers", "pdf:papers", True)
    settled = bench.ledger.ingest.finish(
        run, [scan], [], bench.clock(), judge=EditJudge(bench.ledger)
    )
    assert settled.seen == 1
    assert len(bench.keys(run)) == 1


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


def test_a_pdf_mark_that_zotero_knows_takes_zoteros_key(bench):
    from ankiforge.model import Document, DocumentKey, Extracted, Scan

    run = bench.ledger.start_run("test")
    paper = Document(DocumentKey("zotero:user/PAPER234"), "zotero", "A paper")
    note = replace(bench.mark(APERTURE), namespace="zotero:user", own="ABCD2345", document=paper)
    copy = Document(DocumentKey("pdf:0123"), "papers", "A paper", "a.pdf")
    marked = replace(note, namespace="pdf:0123", own="", document=copy, hints=("zotero:ABCD2345",))
    bench.ledger.ingest.add(run, Extracted(paper, (note,), "zotero:user"))
    bench.ledger.ingest.add(run, Extracted(copy, (marked,), "pdf:papers"))
    scans = [Scan("zotero", "zotero:user", True), Scan("papers", "pdf:papers", True)]
    settled = bench.ledger.ingest.finish(
        run, scans, [], bench.clock(), judge=EditJudge(bench.ledger)
    )
    assert bench.keys(run) == ["zotero:user/ABCD2345"]
    assert settled.seen == 1


def slugs(bench, run):
    return {
        highlight.document.key: bench.ledger.highlights.slug(highlight.document.key)
        for highlight in bench.ledger.highlights.seen_in(run)
    }


def test_a_renamed_note_is_the_same_document_with_the_same_tag(bench):
    run, _ = bench.read({"a.md": [bench.mark(APERTURE), bench.mark("entropy", "the ")]})
    before = slugs(bench, run)
    moved = {"folder/b.md": [bench.mark(APERTURE), bench.mark("entropy", "the ")]}
    run, _ = bench.read(moved)
    assert slugs(bench, run) == before
    run, _ = bench.read(moved)
    assert slugs(bench, run) == before
    [title] = {highlight.document.title for highlight in bench.ledger.highlights.seen_in(run)}
    assert title == "folder/b"


def test_a_new_note_under_the_old_path_of_a_renamed_one_is_another_document(bench):
    bench.read({"a.md": [bench.mark(APERTURE)]})
    bench.read({"b.md": [bench.mark(APERTURE)]})
    run, _ = bench.read({"a.md": [bench.mark(SHUTTER)], "b.md": [bench.mark(APERTURE)]})
    assert len(slugs(bench, run)) == 2


def test_one_sentence_that_moves_does_not_rename_a_note(bench):
    run, _ = bench.read({"a.md": [bench.mark(APERTURE), bench.mark(SHUTTER)], "b.md": []})
    before = slugs(bench, run)
    run, _ = bench.read({"a.md": [bench.mark(SHUTTER)], "b.md": [bench.mark(APERTURE)]})
    assert len(slugs(bench, run)) == 2
    assert before.items() <= slugs(bench, run).items()


def test_a_renamed_note_keeps_its_tag_when_the_ledger_is_lost(bench):
    run, _ = bench.read({"a.md": [bench.mark(APERTURE)]})
    before = slugs(bench, run)
    bench.reopen(lose=True)
    run, _ = bench.read({"b.md": [bench.mark(APERTURE)]})
    assert slugs(bench, run) == before


def test_an_annotation_that_hangs_on_another_work_now_is_the_same(bench):
    from ankiforge.model import Document, DocumentKey, Extracted, Scan

    found = replace(bench.mark("entropy"), namespace="zotero:user", own="ABCD2345")
    scan = Scan("zotero", "zotero:user", True)
    for work, before in (("PAPER111", ""), ("PAPER222", "now with context ")):
        run = bench.ledger.start_run("test")
        document = Document(DocumentKey(f"zotero:user/{work}"), "zotero", work)
        marked = replace(found, document=document, prefix=before)
        bench.ledger.ingest.add(run, Extracted(document, (marked,), "zotero:user"))
        bench.ledger.ingest.finish(run, [scan], [], bench.clock(), judge=EditJudge(bench.ledger))
        assert bench.keys(run) == ["zotero:user/ABCD2345"]
