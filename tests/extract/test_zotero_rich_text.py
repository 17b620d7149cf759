"""The emphasis that Zotero writes as tags into annotations, on its way onto a card."""

import pytest

from ankiforge.anki.render import render_field
from ankiforge.extract.zotero.note_text import RichText
from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    write_zotero,
)


@pytest.mark.parametrize(
    ("written", "plain", "shown"),
    [
        (
            "Ca<sup>2+</sup> starts the <i>contraction</i>.",
            "Ca²⁺ starts the contraction.",
            "Ca²⁺ starts the <em>contraction</em>.",
        ),
        ("H<sub>2</sub>O", "H₂O", "H₂O"),
        ("10<sup>-5</sup>", "10⁻⁵", "10⁻⁵"),
        ("K<sub>M</sub>", "KM", "K<sub>M</sub>"),
        ("<b>a <i>b</i></b>", "a b", "<strong>a <em>b</em></strong>"),
        ("x<i>(y)</i>z", "x(y)z", "x<em>(y)</em>z"),
        ("x<i>y)</i>z", "xy)z", "x<em>y)</em>z"),
        (
            '<span style="font-variant:small-caps;">Moss</span> 2003',
            "Moss 2003",
            "Moss 2003",
        ),
        ("p < 0.05, n > 30", "p < 0.05, n > 30", "p &lt; 0.05, n &gt; 30"),
        ("List<String>", "List<String>", "List&lt;String&gt;"),
        ("Spacing <b> helps", "Spacing <b> helps", "Spacing &lt;b&gt; helps"),
        ("2*3 and <b>4*5</b>", "2*3 and 4*5", "2*3 and <strong>4*5</strong>"),
        ("a</i> b", "a</i> b", "a&lt;/i&gt; b"),
    ],
)
def test_emphasis_is_shown_and_everything_else_is_text(written, plain, shown):
    text = RichText(written)
    assert text.plain == plain
    assert render_field(text.markdown) == shown


def test_a_comment_is_markdown_between_the_tags():
    comment = RichText("Why is H<sub>2</sub>O <b>bent</b>, not *flat*?", is_markdown=True)
    assert comment.markdown == "Why is H₂O **bent**, not *flat*?"


def library(folder, *annotations, loose_notes=()):
    file = Attachment("ATTACH01", "ions.pdf", annotations)
    work = Work("PAPER001", {"title": "Ions"}, attachments=(file,))
    folder.mkdir()
    write_zotero(folder / "zotero.sqlite", [Library((work,), loose_notes=loose_notes)])
    return folder


def test_the_card_of_a_mark_shows_its_emphasis(forge, tmp_path, anki):
    passage = "Ca<sup>2+</sup> starts the <i>contraction</i> of each muscle fibre."
    asked = Annotation("MARK0001", passage, "Which <b>ion</b> starts the contraction?")
    hidden = Annotation(
        "MARK0002",
        "<i>Escherichia coli</i> lives in the gut of mammals.",
        "c: <i>Escherichia coli</i>",
    )
    forge.ok("run", library(tmp_path / "Zotero", asked, hidden))
    forge.ok("build")
    anki.load(forge.folder / "ankiforge.apkg")
    cards = {card["highlight"]: anki.note(card["guid"]) for card in forge.cards()}
    question = cards["zotero:user/MARK0001"]
    assert question["Front"] == "Which <strong>ion</strong> starts the contraction?"
    assert question["Back"] == (
        "Ca²⁺ starts the <em>contraction</em> of each muscle fibre."
    )
    gap = cards["zotero:user/MARK0002"]["Text"]
    assert gap == "{{c1::<em>Escherichia coli</em>}} lives in the gut of mammals."


def test_a_note_of_no_paper_is_read_and_a_private_one_stays_here(forge, tmp_path):
    notes = (
        Note("LOOSE001", "<h1>Joints</h1><p>What feeds cartilage? The fluid.</p>"),
        Note("LOOSE002", "<p>Cartilage of the secret ear.</p>", tags=("no-llm",)),
        Note("LOOSE003", "<p>Tendons join muscle to bone in each limb.</p>"),
    )
    forge.ok("run", library(tmp_path / "Zotero", loose_notes=notes))
    drafts = {card["highlight"]: dict(card["fields"]) for card in forge.cards()}
    assert drafts["zotero:user/LOOSE001"] == {
        "Front": "What feeds cartilage?",
        "Back": "The fluid.",
    }
    forge.ok("draft", "export", "ask.md")
    asked = (forge.folder / "ask.md").read_text("utf-8")
    assert "Tendons" in asked
    assert "secret" not in asked


def test_emphasis_within_the_tag_does_not_take_it_apart(forge, tmp_path):
    mark = Annotation("MARK0001", "Cartilage of the ear.", "#no-<i>llm</i>")
    folder = library(tmp_path / "Zotero", mark)
    [found] = forge.ok("run", "--dry-run", "-v", folder, "--json").lines
    assert "no-llm" in found["tags"]
