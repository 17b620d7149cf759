"""How Anki reads fields, templates and note types, and what is equal in it: rows."""

import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.anki import notetypes
from ankiforge.anki.collection import _extract_foreign_text
from ankiforge.anki.notes import (
    parse_source_field,
    render_source,
)
from ankiforge.anki.notetypes import get_our_note_type
from ankiforge.anki.package import assign_unique_ids, find_note_problem
from ankiforge.anki.profiles import (
    compute_fingerprint,
    compute_fingerprint_text,
    get_modification_time,
)
from ankiforge.model import (
    AnkiNoteType,
    AnkiTemplate,
    HighlightKind,
    NoteType,
    Problem,
)
from tests.anki.makers import make_card
from tests.makers.anki_notes import note_for

BASIC, CLOZE = get_our_note_type(NoteType.BASIC), get_our_note_type(NoteType.CLOZE)


def note_type(question: str, answer: str = "", fields: str = "A B C", **more: Any) -> Any:
    values = {"mod": 0, "cloze": False, "css": "", **more}
    templates = (AnkiTemplate("Card 1", None, question, answer),)
    named = tuple((name, None) for name in fields.split())
    return AnkiNoteType(7, "Theirs", fields=named, templates=templates, **values)


# --- cloze deletions and cards ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "field", "is_cloze"),
    [
        ("{{cloze:A}}", "A", True),
        ("{{cloze:A}}", "B", False),
        ("{{A}}", "A", False),
        ("x {{type:cloze:A}}", "A", True),
        ("{{edit:cloze:A}}", "A", True),
        ("{{cloze:hint:A}}", "A", True),
        ("{{hint:A}} {{cloze:B}}", "A", False),
        ("<!-- {{cloze:A}} -->", "A", False),
        ("{{=<% %>=}}<%cloze:A%>", "A", True),
    ],
)
def test_which_field_a_cloze_type_asks(question, field, is_cloze):
    assert notetypes.is_cloze_field(note_type(question), field) is is_cloze


@pytest.mark.parametrize(
    ("template", "fields"),
    [
        ("", ()),
        ("{{A}}{{hint:B}}", ("A", "B")),
        ("{{#A}}{{B}}{{/A}}{{^A}}{{C}}{{/A}}", ("B", "C")),
        ("{{ A }}<!-- {{B}} -->", ("A",)),
        ("  {{=<% %>=}}<% A %> {{B}}", ("A",)),
        ("{{{A}}}", ("A",)),
        ("{{tts en_US:A}}", ("A",)),
    ],
)
def test_the_fields_of_a_template(template, fields):
    assert notetypes.find_template_fields(template) == fields


# --- code ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "language", "html"),
    [
        ("if x: pass", "python", '<span class="af-k">if</span> x: <span class="af-k">pass</span>'),
        ("x = 1", "python", 'x = <span class="af-n">1</span>'),
        ("'a'", "python", "<span class=\"af-s\">'a'</span>"),
        ("# a", "python", '<span class="af-c"># a</span>'),
        ("def f(): len", "python", '<span class="af-k">def</span> <span class="af-f">f</span>(): <span class="af-f">len</span>'),
        ("x and y", "python", 'x <span class="af-k">and</span> y'),
        ("if x:\r\n", "python", "if x:\r\n"),  # Pygments would change the line end
        ("if x", "", "if x"),
        ("if x", "no such language", "if x"),
        ("<a>", "", "[a]"),
        ("if " * 3334, "python", "if " * 3334),  # nobody reads it on a card
    ],
)  # fmt: skip
def test_code_has_colours(code, language, html):
    def to_html(text: str) -> str:
        return text.replace("<", "[").replace(">", "]")

    assert notetypes.highlight_code(code, language, to_html) == html


# --- notes of others -------------------------------------------------------------------------

SIDES = note_type("{{A}}", "{{FrontSide}}{{B}}")


@pytest.mark.parametrize(
    ("type", "fields", "texts"),
    [
        (SIDES, ["a", "b", "c"], (("Front", "a"), ("Back", "b"))),
        (SIDES, ["a <b>x</b><br>y", "b &lt; c", ""], (("Front", "a x y"), ("Back", "b < c"))),
        (SIDES, ["a", "", "c"], ()),
        (SIDES, ["", "b", "c"], ()),
        (SIDES, ["a", "a", ""], ()),
        (SIDES, ['<img src="x.png">', "b", ""], ()),
        (SIDES, ["a[sound:x.mp3]", "b [latex]x[/latex] [$]y[/$] [$$]z[/$$]", ""], (("Front", "a"), ("Back", "b"))),
        (SIDES, ["a<style>x</style>", "<script>x</script>b<!-- c -->", ""], (("Front", "a"), ("Back", "b"))),
        (SIDES, ["a[anki:tts]", "b [x]", ""], (("Front", "a"), ("Back", "b [x]"))),
        (SIDES, ["x" * 3000, "b", ""], (("Front", "x" * 2000), ("Back", "b"))),
        (SIDES, [f"a data:{'x' * 20_000} c", "b", ""], (("Front", "a c"), ("Back", "b"))),
        (SIDES, ["a " * 6000 + "<b", "b", ""], (("Front", ("a " * 1000).strip()), ("Back", "b"))),
        (note_type("{{cloze:A}}", cloze=True), ["{{c1::a}} b", "c", ""], (("Text", "{{c1::a}} b"),)),
        (note_type("{{cloze:A}}", cloze=True), ["{{c1::image-occlusion:x}}", "c", ""], ()),
        (note_type("{{cloze:A}}", cloze=True), ["", "c", ""], ()),
    ],
)  # fmt: skip
def test_the_text_of_a_note_that_is_not_ours(type, fields, texts):
    found = _extract_foreign_text(type, fields)
    assert tuple((name, text.rstrip()) for name, text in found) == texts


# --- decks, tags, sources, packages ----------------------------------------------------------


def test_further_passages_are_below_the_first():
    card = make_card()
    same = replace(card.highlight, page_label="9")
    other = replace(card.highlight, exact="Sleep helps.", sentence="")
    source = render_source(replace(card, passages=(card.highlight, same, other)))
    first, *further = source.split('<blockquote class="af-also">')
    assert [each.partition("<br>")[0] for each in further] == ["Sleep helps."]
    assert all("<cite>Roediger" in each for each in further)
    passage, highlight, quote = parse_source_field(source)
    assert (passage, highlight, quote) == (
        card.highlight.sentence,
        card.highlight.exact[0].lower() + card.highlight.exact[1:],
        "greater retention",
    )
    assert parse_source_field(first) == (passage, highlight, quote)
    assert parse_source_field("a <b>b</b>") == ("a b", "a b", "")
    written = replace(card.highlight, kind=HighlightKind.CARD)
    assert render_source(replace(card, passages=(written,))).startswith(
        '<blockquote class="af-written">'
    )


def test_ids_that_clash_are_the_next_free_ones():
    wanted = {"c": 5, "a": 5, "b": 6, "d": 9}
    assert assign_unique_ids(wanted) == {"a": 5, "b": 6, "c": 7, "d": 9}


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        ({}, "", ""),
        ({"fields": ("a\x1fb",)}, "a field holds Anki's field separator (U+001F)", ""),
        ({"fields": ("a", "b")}, f"2 fields instead of {len(BASIC.fields)}", ""),
        ({"ordinals": ()}, "makes no card in the note type ankiforge Basic", "check its text, and the card templates in Anki"),
    ],
)  # fmt: skip
def test_why_anki_would_take_no_note(change, message, hint):
    note = replace(note_for(make_card(), "D", 5), **change)
    problem = find_note_problem(note)
    if not message:
        assert problem is None
        return
    joint = " " if message.startswith("makes") else ": "
    assert problem == Problem("deck D", f"note {note.guid}{joint}{message}", hint)


# --- where collections are -------------------------------------------------------------------


def test_a_change_of_a_collection_is_seen_without_opening_it(tmp_path):
    path = tmp_path / "collection.anki2"
    assert compute_fingerprint(path) == (None, None, None)
    assert compute_fingerprint_text(path) == "- - -"
    assert get_modification_time(path) == 0
    path.write_bytes(b"abc")
    os.utime(path, ns=(5_000_000_000, 5_000_000_000))
    inode = path.stat().st_ino
    assert compute_fingerprint(path) == ((3, 5_000_000_000, inode), None, None)
    assert compute_fingerprint_text(path) == f"3.5000000000.{inode} - -"
    assert get_modification_time(path) == 5
    log = Path(f"{path}-wal")
    log.write_bytes(b"x")
    os.utime(log, ns=(7_000_000_000, 7_000_000_000))
    assert compute_fingerprint_text(path).split()[1].startswith("1.7000000000.")
    assert get_modification_time(path) == 7
    link = tmp_path / "link.anki2"
    link.symlink_to(path)
    assert compute_fingerprint_text(link) == compute_fingerprint_text(path)
    Path(f"{path}-journal").mkdir()
    assert compute_fingerprint(path)[2] is None
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert compute_fingerprint_text(loop / "x").startswith("unreadable ")
