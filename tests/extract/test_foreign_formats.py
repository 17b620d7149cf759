"""Files of other programs: each is refused by its own name with something to do, or read."""

import pytest

from ankiforge.extract.base import Candidate
from ankiforge.extract.foreign_formats import SAVE_PAGE_HINT, find_foreign_format

AS_TABLE = "write them into a CSV with the columns Highlight, Note and Title"
WATER = "A bog holds twenty times its own weight in water."
HOW_MUCH = "How much water does a bog hold?"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.docx", "export it as PDF"),
        ("a.RTF", "export it as PDF"),
        ("a.pptx", "export the slides as PDF"),
        ("a.xlsx", "export the table as CSV"),
        ("a.tex", "give the PDF that is made from it"),
        ("a.typ", "give the PDF that is made from it"),
        ("a.djvu", "convert it to a PDF with a text layer (OCR)"),
        ("a.mhtml", SAVE_PAGE_HINT),
        ("a.zip", "unpack it"),
        ("a.jpg", "save it as a PDF with a text layer (OCR), or put it into a note"),
        ("a.mp3", "give its captions (.srt, .vtt) or its transcript (.txt)"),
        ("a.mkv", "give its captions (.srt, .vtt) or its transcript (.txt)"),
        ("a.rst", "convert it to Markdown, for example with pandoc"),
        ("a.mdown", "save it as Markdown (.md)"),
        ("a.jex", "export the notes as Markdown"),
        ("a.xmind", "export it as Markdown"),
        ("a.mem", "export its cards as CSV"),
        ("a.md", None),
        ("a", None),
    ],
)
def test_each_suffix_has_its_way_out(tmp_path, name, advice):
    (tmp_path / name).touch()
    found = find_foreign_format(Candidate(tmp_path / name))
    assert (found and found.advice) == advice


@pytest.mark.parametrize(
    ("name", "text", "what", "hint"),
    [
        ("a.apkg", "PK", "decks of Anki", "import it into Anki"),
        ("a.org", "* Bogs", "Org files", "export it as Markdown"),
        ("a.canvas", "{}", "canvases of Obsidian", "convert its cards to notes"),
        ("a.enex", "<en-export>", "exports of Evernote", "convert it to Markdown"),
        ("a.mrexpt", "21\n#", "exports of Moon+ Reader", AS_TABLE),
        ("a.annot", "<annotationSet>", "annotations of Adobe Digital Editions", AS_TABLE),
        ("a.json", '{"entries": [{"text": "x", "drawer": "lighten"}]}', "exports of KOReader", ".sdr folder"),
        ("a.json", '{"entries": [], "version": "json/1.1.0"}', "exports of KOReader", ".sdr folder"),
        ("a.html", '<p><a href="https://koreader.rocks">KOReader</a>', "exports of KOReader", ".sdr folder"),
        ("a.json", '[{"title": "Bogs", "children": [{"string": "x", "uid": "a"}]}]', "exports of Roam", "as Markdown"),
        ("a.html", '<a href="http://play.google.com/books/reader?id=a">12</a>', "notes of Google Play Books", AS_TABLE),
        ("a.html", '<article id="1" class="page sans">', "web pages of Notion", "as Markdown & CSV"),
        ("a.csv", '"Your Kindle Notes For:",,,\n"BOGS"', "tables that a Kindle app exported", "My Clippings.txt"),
        ("a.csv", "Title,URL,Saved date\nBogs,https://a.org,2026", "lists of bookmarks", "export the highlights"),
        ("a.txt", f"BOOX Reading Notes | <<Bogs>>\n【Original Text】{WATER}", "text exports of an Onyx Boox", AS_TABLE),
        ("a.txt", f"<<Bogs>>\n-----\n【原文】{WATER}", "text exports of an Onyx Boox", AS_TABLE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["run", "draft"])
def test_a_file_of_another_program_is_refused_by_its_name(
    forge, name, text, what, hint, command
):
    path = forge.folder / "given" / name
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    words = ("run", path)
    if command == "draft":
        words = ("draft", "export", "ask.md", "--from", path)
    told = " ".join(forge(*words, code=None).stderr.split())
    if command == "draft" and path.suffix == ".html":
        # passages of a web page can be chosen, whatever program wrote it
        assert "ankiforge does not read" not in told
        return
    assert f"ankiforge does not read {what}" in told
    assert f"hint: {hint}" in told or hint in told.partition("hint: ")[2]


def test_what_only_mentions_another_program_is_read_as_it_is(forge):
    text = (
        "==KOReader is an app that reads books on many devices.== See Play Books, too.\n"
    )
    (forge.folder / "a.txt").write_text(text, encoding="utf-8")
    forge.ok("run", "a.txt")
    [card] = forge.ok("list", "--all", "--json").lines
    assert "KOReader" in card["fields"]["Text"]


def test_every_kind_that_may_hold_text_is_named_in_a_folder(forge):
    notes = forge.folder / "notes"
    notes.mkdir()
    (notes / "n.md").write_text("What is peat?::Dead moss\n", encoding="utf-8")
    for name in ("a.canvas", "b.mdx", "c.rst", "d.markdown", "e.apkg", "f.py", "g.lock"):
        (notes / name).write_text("x", encoding="utf-8")
    told = forge.ok("run", notes).stderr
    assert "not read: 1 .apkg, 1 .canvas, 1 .markdown, 1 .mdx, 1 .rst" in told
    left_out = forge.ok("list", "--no-card", "--all").stdout
    assert (
        "which ankiforge cannot read: to have one read, save it as Markdown (.md)"
        in left_out
    )


@pytest.mark.parametrize("name", ["a.qmd", "a.Rmd", "a.md"])
def test_notes_of_quarto_and_r_markdown_are_notes(forge, name):
    notes = forge.folder / "notes"
    notes.mkdir()
    text = f"---\ntitle: Bogs\n---\n\nWhat is peat?::Dead moss\n\n=={WATER}==\n"
    (notes / name).write_text(text, encoding="utf-8")
    forge.ok("run", notes)
    assert [card["fields"]["Back"] for card in forge.cards()] == ["Dead moss"]
    assert len(forge.ok("list", "--no-card", "--json").lines) == 1


# --- exports that are read ------------------------------------------------------------------

PAGE = f"""<html><head><title>Kindle: Your Notes and Highlights</title></head><body>
<div id="annotations"><p class="kp-notebook-metadata">Monday July 1, 2024</p>
<h3 class="a-spacing-top-small kp-notebook-metadata">Moor and Water</h3>
<p class="a-spacing-none kp-notebook-metadata">Jane Doe</p>
<div class="a-column kp-notebook-row-separator">
<div><input type="hidden" value="123" id="kp-annotation-location">
<span id="annotationHighlightHeader">Gelbe Markierung | Seite:&nbsp;12</span></div>
<div id="highlight-A"><span id="highlight">{WATER}</span></div>
<div id="note-"><span>Notiz:</span><span id="note">{HOW_MUCH}</span></div></div>
<div class="a-column kp-notebook-row-separator">
<div><input type="hidden" value="200" id="kp-annotation-location">
<span id="annotationHighlightHeader">Yellow highlight | Location: 200</span></div>
<div id="highlight-B"><span id="highlight">Sphagnum builds a raised bog.</span></div>
<div id="note-"><span id="note"></span></div></div>
<div class="a-column kp-notebook-row-separator">
<div><span id="annotationNoteHeader">Note | Page: 14</span></div>
<div><span id="highlight"></span></div><div><span id="note">Read it again.</span></div></div>
</div></body></html>"""
BOOKCISION = f"""{{"asin": "B00ABC", "title": "Moor and Water", "authors": "Jane Doe", "highlights": [
{{"text": "{WATER}", "isNoteOnly": false, "location": {{"url": "kindle://b", "value": 123}}, "note": "{HOW_MUCH}"}},
{{"text": "Sphagnum builds a raised bog.", "isNoteOnly": false, "location": {{"value": 200}}, "note": null}},
{{"text": "Read it again.", "isNoteOnly": true, "location": {{"value": 210}}, "note": null}}]}}"""
CLIPPINGS = f"""Moor and Water (Jane Doe)
- Your Highlight on page 12 | location 123-124 | Added on Sunday, March 3, 2024 9:11:12 AM

{WATER}
==========
"""
INSTAPAPER = f"""URL,Title,Selection,Folder,Timestamp
https://example.org/moor,Moor and Water,{WATER},Unread,1667400000
https://example.org/moor,Moor and Water,Sphagnum builds a raised bog.,Unread,1667400000
https://example.org/hill,Hills,,Unread,1667400000
"""
RAINDROP = f"""id,title,note,excerpt,url,folder,tags,created,cover,highlights,favorite
1,Moor and Water,,About bogs,https://example.org/moor,Reading,bogs,2026-11-02T10:00:00.000Z,,"Highlight:{WATER}
Note:{HOW_MUCH}

Highlight:Sphagnum builds
a raised bog.",false
2,Hills,,,https://example.org/hill,Reading,,2026-11-02T10:00:00.000Z,,,false
"""


@pytest.mark.parametrize(
    ("name", "text", "questions", "count"),
    [
        ("Kindle.html", PAGE, [HOW_MUCH], 3),
        ("bookcision.json", BOOKCISION, [HOW_MUCH], 3),
        ("instapaper.csv", INSTAPAPER, [], 2),
        ("raindrop.csv", RAINDROP, [HOW_MUCH], 2),
    ],
)
def test_highlights_of_other_exports_are_read_with_their_notes(
    forge, name, text, questions, count
):
    (forge.folder / name).write_text(text, encoding="utf-8")
    forge.ok("run", name)
    cards = forge.cards()
    assert [card["fields"]["Front"] for card in cards] == questions
    assert all(card["fields"]["Back"] == WATER for card in cards)
    without_card = forge.ok("list", "--no-card", "--all", "--json").lines
    waiting = {line["key"] for line in without_card}
    assert len(waiting) + len(cards) == count
    assert {line["document"]["title"] for line in without_card} == {"Moor and Water"}


def test_a_highlight_of_the_clippings_is_the_same_on_the_saved_page(forge):
    (forge.folder / "My Clippings.txt").write_text(CLIPPINGS, encoding="utf-8")
    forge.ok("run", "My Clippings.txt")
    (forge.folder / "Kindle.html").write_text(PAGE, encoding="utf-8")
    forge.ok("run", "Kindle.html")
    [card] = forge.cards()
    assert card["fields"]["Front"] == HOW_MUCH
    assert len(forge.ok("list", "--no-card", "--all", "--json").lines) == 2


def test_a_damaged_export_of_bookcision_says_so(forge):
    broken = '{"title": "Bogs", "highlights": [{"isNoteOnly": false}]}'
    (forge.folder / "b.json").write_text(broken, encoding="utf-8")
    told = forge("run", "b.json", code=None).stderr
    assert "not an export of Bookcision" in told


def test_a_private_note_on_a_page_of_raindrop_covers_its_highlights(forge):
    private = RAINDROP.replace("Moor and Water,,", "Moor and Water,#no-llm,")
    (forge.folder / "raindrop.csv").write_text(private, encoding="utf-8")
    forge.ok("run", "raindrop.csv")
    forge("draft", "export", "ask.md", code=None)
    asked = forge.folder / "ask.md"
    assert not asked.exists() or "Sphagnum" not in asked.read_text("utf-8")
    rows = forge.ok("list", "--no-card", "--all", "--json").lines
    assert any("Sphagnum" in str(row) and "no-llm" in str(row) for row in rows)
