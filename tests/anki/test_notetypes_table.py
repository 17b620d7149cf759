"""How Anki reads fields, templates and note types, and what is equal in it: rows."""

import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.anki import notetypes
from ankiforge.anki.collection import _extract_foreign_text
from ankiforge.anki.notes import (
    is_in_deck,
    normalize_tags,
    parse_source_field,
    render_source,
)
from ankiforge.anki.notetypes import get_our_note_type, get_our_occlusion_type
from ankiforge.anki.package import assign_unique_ids, find_note_problem
from ankiforge.anki.profiles import (
    compute_fingerprint,
    compute_fingerprint_text,
    find_collections,
    get_modification_time,
)
from ankiforge.model import (
    AnkiNote,
    AnkiNoteType,
    AnkiTemplate,
    Guid,
    HighlightKind,
    NoteId,
    NoteType,
    Problem,
    UserNoteType,
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
    ("text", "numbers"),
    [
        ("", ()),
        ("{{c1::a}}", (1,)),
        ("{{c2::a}} {{c1::b}} {{c2::c}}", (1, 2)),
        ("{{c1::a {{c2::b}} }}", (1, 2)),
        ("{{c1,3::a}}", (1, 3)),
        ("{{c1::a", ()),  # it is not closed
        ("{{c1::a {{c2::b}}", ()),
        ("{{c2::b}} {{c1::a", (2,)),
        ("}} {{c1::a}} }}", (1,)),
        ("{{c0::a}}", ()),
        ("{{c500::a}}", (500,)),
        ("{{c501::a}}", ()),
        ("{{c007::a}}", (7,)),
        ("{{c65535::a}} {{c1::b}}", (1,)),
        ("{{c65536::a}} {{c1::b}}", (1,)),
        ("{{c100000::a}}", ()),
        ("{{c::a}} {{c,::b}}", ()),
        ("{{c1,99999999::a}}", (1,)),
        ("{{C1::a}}", ()),
        ("{{c1::" * 10 + "a" + "}}" * 10, (1,)),
        ("".join(f"{{{{c{n}::" for n in range(1, 12)) + "a" + "}}" * 11, tuple(range(1, 11))),
    ],
)  # fmt: skip
def test_the_numbers_of_cloze_deletions(text, numbers):
    assert notetypes.parse_cloze_numbers(text) == numbers


def test_the_cards_of_a_cloze_note_are_those_of_all_its_fields():
    fields = {"Text": "{{c3::a}}", "Extra": "{{c1::b}}"}
    assert notetypes.compute_card_ordinals(CLOZE, fields) == (0, 2)


@pytest.mark.parametrize(
    ("now", "in_anki", "there", "ordinals"),
    [
        ("{{c1::a}} {{c2::b}}", None, (), (0, 1)),
        ("{{c1::a}} {{c2::b}}", "{{c1::a}} {{c2::b}}", (0, 1), (0, 1)),
        ("{{c1::a}} {{c2::b}}", "{{c1::a}} {{c2::b}}", (0,), (0,)),  # a person deleted it
        ("{{c1::a}} {{c2::b}}", "{{c1::a}}", (0,), (0, 1)),  # this one is new
        ("{{c1::a}}", "{{c1::a}} {{c2::b}}", (0, 1), (0,)),
        ("{{c1::a}}", "{{c1::a}}", (), ()),
    ],
)
def test_the_cards_that_are_packed(now, in_anki, there, ordinals):
    def fields(text: str) -> tuple[str, ...]:
        return (text, *[""] * (len(CLOZE.field_names) - 1))

    note = in_anki and AnkiNote(
        Guid("a"), NoteId(1), 1, fields(in_anki), (), "", None, ordinals=there
    )
    assert notetypes.select_card_ordinals(CLOZE, fields(now), note or None) == ordinals


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


@pytest.mark.parametrize(
    ("html", "is_blank"),
    [
        ("", True),
        (" <br><div></div>&nbsp;", True),
        ("&#32;", True),
        ("a", False),
        ("<b>a</b>", False),
        ('<img src="a.png">', False),
        ("<IMG>", False),
        ("<image>", True),
        ("[sound:a.mp3]", False),
    ],
)
def test_a_field_in_which_nothing_is_seen(html, is_blank):
    assert notetypes.is_blank(html) is is_blank


# --- what is the same ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("<b>a</b>", "<strong>a</strong>", True),
        ("<i>a</i>", "<em>a</em>", True),
        ("<del>a</del>", "<strike>a</strike>", True),
        ("<del>a</del>", "<s>a</s>", True),
        ("<b>a</b>", "<i>a</i>", False),
        ("<b>a</b>", "a", False),
        ("a<br>", "a", True),
        ("a<br> \n", "a", True),
        ("a<br>b", "a b", False),
        ("<br>a", "a", False),
        ("a&nbsp;", "a", False),
        ("a&nbsp;b", "a\u00a0b", True),
        ("<br/>a", "<br>a", True),
        ('<a href="x" title="y">a</a>', "<a title='y' href='x'>a</a>", True),
        ('<a href="x">a</a>', '<a href="y">a</a>', False),
        ("<a title='\"'>a</a>", '<a title="&quot;">a</a>', True),
        ("a &lt; b", "a &#60; b", True),
        ("a &amp; b", "a & b", True),
        ("\u00e9", "e\u0301", True),
        ("a\r\nb", "a\nb", True),
        ("a\x07b", "ab", True),
        ("{<wbr>{", "{{", True),
        ("{<span></span>{", "{{", True),
        ("<span>a</span>", "a", False),
        # colours of code
        ('<span class="af-k">a</span>', "a", True),
        ('<span class="af-x">a</span>', "a", False),
        ('<span class="af-k" style="x">a</span>', "a", False),
        ('<span class="af-k"><span class="mine">a</span></span>', '<span class="mine">a</span>', True),
        # a picture of ours whose name was taken
        (f'<img src="af-{"0" * 16}.png">', f'<img src="af-{"0" * 16}-{"1" * 40}.png">', True),
        (f'<img src="bf-{"0" * 16}.png">', f'<img src="bf-{"0" * 16}-{"1" * 40}.png">', False),
    ],
)  # fmt: skip
def test_html_that_is_the_same(left, right, is_same):
    assert notetypes.is_same_html(left, right) is is_same
    hashes = {notetypes.hash_html(html) for html in (left, right)}
    assert len(hashes) == (1 if is_same else 2)


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [("a b", "b a", True), ("a", "A", True), ("a a", "a", True), ("a", "b", False), ("ab", "a b", False)],
)  # fmt: skip
def test_tags_that_are_the_same(left, right, is_same):
    hashes = {notetypes.hash_tags(each.split()) for each in (left, right)}
    assert len(hashes) == (1 if is_same else 2)


def test_a_hash_never_changes():
    assert notetypes.hash_html("<b>a</b>") == "0f21c8b0"
    assert notetypes.hash_tags(("B", "a")) == "c8687a08"


# --- code ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("", ""),
        ("python", "python"),
        ("Python title=x", "python"),
        ("{.python}", "python"),
        ("c++", "c++"),
        ("c#", "c#"),
        ("???", ""),
        ("a" * 31, "a" * 30),
    ],
)
def test_the_language_of_a_fence(info, language):
    assert notetypes.parse_fence_language(info) == language


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


# --- our note types, and those of figures ----------------------------------------------------


@pytest.mark.parametrize(
    ("change", "is_theirs"),
    [
        ({}, False),
        ({"css": "x", "mod": 9, "name": "Mine"}, False),
        ({"fields": (*BASIC.fields, ("More", None))}, True),
        ({"fields": BASIC.fields[::-1]}, True),
        ({"fields": (("Frage", 1), *BASIC.fields[1:])}, True),
        ({"templates": BASIC.templates[:1]}, True),
        ({"templates": (replace(BASIC.templates[0], name="x"), *BASIC.templates[1:])}, True),
        ({"templates": (replace(BASIC.templates[0], question="x"), *BASIC.templates[1:])}, False),
    ],
)  # fmt: skip
def test_our_note_type_is_packed_as_the_user_changed_it(change, is_theirs):
    theirs = replace(BASIC, **change)
    chosen = notetypes.choose_exported_type(NoteType.BASIC, {BASIC.id: theirs})
    assert chosen == (theirs if is_theirs else BASIC)
    assert notetypes.choose_exported_type(NoteType.BASIC, {7: theirs}) == BASIC


def test_our_note_types_are_found_by_their_ids():
    assert notetypes.find_our_note_type(BASIC.id) is NoteType.BASIC
    assert notetypes.find_our_note_type(CLOZE.id) is NoteType.CLOZE
    assert notetypes.find_our_note_type(get_our_occlusion_type().id) is None
    assert notetypes.find_our_note_type(7) is None


OCCLUSION = get_our_occlusion_type()
THEIRS = replace(OCCLUSION, id=50, name="Image Occlusion")


@pytest.mark.parametrize(
    ("types", "chosen"),
    [
        ((), OCCLUSION.id),
        ((THEIRS,), 50),
        ((THEIRS, OCCLUSION), OCCLUSION.id),
        ((replace(OCCLUSION, original_id=4), THEIRS), 50),  # a copy comes last
        ((THEIRS, replace(THEIRS, id=40)), 40),
        ((THEIRS, replace(THEIRS, id=40, original_id=50)), 50),
        ((replace(THEIRS, stock=1),), OCCLUSION.id),
        ((replace(THEIRS, cloze=False),), OCCLUSION.id),
        ((replace(THEIRS, field_tags=(0, 1, 2, 9, 4)),), OCCLUSION.id),
        ((replace(THEIRS, field_tags=(3, 2, 1, 0, 4)),), 50),
        ((BASIC,), OCCLUSION.id),
    ],
)
def test_the_note_type_of_new_figures(types, chosen):
    found = notetypes.choose_occlusion_type({each.id: each for each in types})
    assert found.id == chosen


def test_the_fields_of_a_figure_are_found_by_their_tags():
    fields = (("Comments", 1), ("Bild", None), ("Masken", 3), ("Oben", 4), ("Hinten", 5))
    theirs = replace(THEIRS, fields=fields, field_tags=(4, 1, 0, 2, 3))
    assert notetypes.choose_occlusion_type({50: theirs}) == UserNoteType(
        50,
        "Image Occlusion",
        {
            "Image": "Bild",
            "Occlusion": "Masken",
            "Header": "Oben",
            "Back Extra": "Hinten",
        },
        {"Occlusion": 3, "Header": 4, "Back Extra": 5},
    )


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


@pytest.mark.parametrize(
    ("name", "deck", "is_in"),
    [
        ("A", "A", True),
        ("a::b", "A", True),
        ("A", "a::b", False),
        ("AB", "A", False),
        ("A:: b ", "A::b", True),
        ("", "ankiforge", True),
    ],
)
def test_a_deck_is_in_another(name, deck, is_in):
    assert is_in_deck(name, deck) is is_in


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        ((), ()),
        (("b", "a", "b"), ("a", "b")),
        (("a b", " c "), ("a-b", "c")),
        (("::a::::b:",), ("a::b",)),
        (
            ("biology/plants", "/to read/", "a//b::c"),
            ("a::b::c", "biology::plants", "to-read"),
        ),
        (("Marked", "LEECH", "leeches"), ("leeches",)),
        (("b", "B", "a"), ("B", "a")),
        (("-a-", "::"), ("a",)),
        (("a\x07b",), ("ab",)),
    ],
)
def test_tags_as_anki_keeps_them(tags, kept):
    assert normalize_tags(tags) == kept


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


def test_the_collections_of_all_profiles(tmp_path):
    home = tmp_path / "home"
    places = {
        "linux": home / ".local/share/Anki2/Ada",
        "flatpak": home / ".var/app/net.ankiweb.Anki/data/Anki2/Bob",
        "config": home / ".config/Anki2/Cid",
        "macos": home / "Library/Application Support/Anki2/Dan",
        "windows": home / "AppData/Roaming/Anki2/Eve",
        "base": tmp_path / "base/Fay",
        "hidden": home / ".local/share/Anki2/.trash",
        "xdg": tmp_path / "xdg/Anki2/Gus",
        "appdata": tmp_path / "app/Anki2/Hal",
    }
    for folder in places.values():
        folder.mkdir(parents=True)
        (folder / "collection.anki2").touch()
    (home / ".local/share/Anki2/Ivy/collection.anki2").mkdir(parents=True)

    def found(**environ: str) -> list[str]:
        return [path.parent.name for path in find_collections(home, environ)]

    assert found() == ["Ada", "Bob", "Cid", "Dan", "Eve"]
    assert found(ANKI_BASE=str(tmp_path / "base"))[0] == "Fay"
    assert found(XDG_DATA_HOME=str(tmp_path / "xdg")) == [
        "Gus",
        "Bob",
        "Cid",
        "Dan",
        "Eve",
    ]
    assert found(APPDATA=str(tmp_path / "app"))[-1] == "Hal"
    assert found(XDG_CONFIG_HOME=str(tmp_path / "xdg")) == [
        "Ada",
        "Bob",
        "Gus",
        "Dan",
        "Eve",
    ]


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
