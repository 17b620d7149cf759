"""What becomes a highlight in a vault note, and what it says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ankiforge import extract
from ankiforge.extract.obsidian import CARDS
from ankiforge.model import Extracted, Form, Highlight, HighlightKind, Problem, Sighting
from ankiforge.text.anchors import anchor_key, own_key

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT.parent / "shared" / "fixtures" / "obsidian"


def read(folder: Path, note: str, **settings: Any) -> list[Sighting]:
    (folder / "note.md").write_bytes(note.encode())
    module = extract.module("obsidian")
    wanted = module.Settings(path=str(folder), **settings)
    return list(module.open_source("notes", folder, wanted).scan())


def found(folder: Path, note: str, **settings: Any) -> list[Highlight]:
    sightings = read(folder, note, **settings)
    return [h for s in sightings if isinstance(s, Extracted) for h in s.highlights]


def one(folder: Path, note: str, **settings: Any) -> Highlight:
    (highlight,) = found(folder, note, **settings)
    return highlight


def gaps(highlight: Highlight) -> list[str]:
    return [highlight.exact[start:end] for start, end in highlight.gaps]


def written_gaps(highlight: Highlight) -> list[str]:
    return [highlight.markdown[0][start:end] for start, end in highlight.markdown_gaps]


# --- keys -----------------------------------------------------------------------------------


def vectors() -> list[dict[str, Any]]:
    lines = (ROOT / "docs" / "keys.md").read_text("utf-8").splitlines()
    found = [json.loads(line) for line in lines if line.startswith('{"note"')]
    assert len(found) >= 12
    return found


@pytest.mark.parametrize("vector", vectors())
def test_notes_of_the_page_on_keys_read_as_it_says(tmp_path: Path, vector: Any) -> None:
    highlights = found(tmp_path, vector["note"])
    assert [h.exact for h in highlights] == vector["exact"]
    assert {h.prefix + h.exact + h.suffix for h in highlights} == {vector["plain"]}
    keys = [own_key(h) or anchor_key(h, h.nth) for h in highlights]
    assert keys == vector["keys"]


def test_the_anchor_of_a_sentence_is_that_of_the_design(tmp_path: Path) -> None:
    highlight = one(
        tmp_path,
        "# Lenses\n\nThe aperture of a lens controls ==how much light== enters; the shutter "
        "controls ==for how long==.\n\nDepth of field grows as the aperture shrinks.\n",
    )
    assert anchor_key(highlight, 1) == "vault:notes/39ffb8f7832576b1"


def test_a_block_id_is_a_key_only_where_its_block_holds_one_highlight(tmp_path: Path) -> None:
    alone, *two = found(tmp_path, "An ==a== here ^x\n\nA ==b== here. A ==c== there. ^y\n")
    assert (alone.own, alone.block) == ("b.x", "x")
    assert [(h.own, h.block) for h in two] == [("", "y"), ("", "y")]


def test_an_id_below_a_list_names_all_of_it(tmp_path: Path) -> None:
    highlights = found(tmp_path, "- ==a== item\n- ==b== item\n\n^list\n")
    assert [(h.own, h.block) for h in highlights] == [("", "list"), ("", "list")]


def test_the_address_names_the_block_or_the_heading(tmp_path: Path) -> None:
    below, block = found(tmp_path, "# A: b #c\n\n==x== y\n\n==y== z ^id\n")
    vault = tmp_path.resolve().name
    assert below.uri == f"obsidian://open?vault={vault}&file=note%23A%20b"
    assert block.uri == f"obsidian://open?vault={vault}&file=note%23%5Eid"


# --- marked phrases -------------------------------------------------------------------------


def test_marked_phrases_of_one_sentence_are_one_highlight(tmp_path: Path) -> None:
    highlight = one(tmp_path, "Before. The ==a== and <mark>b</mark> of it. After.")
    assert (highlight.exact, gaps(highlight)) == ("The a and b of it.", ["a", "b"])
    assert (highlight.prefix, highlight.suffix) == ("Before. ", " After.")
    assert (highlight.kind, highlight.form) == (HighlightKind.HIGHLIGHT, Form.PHRASE)


@pytest.mark.parametrize(
    ("note", "gap"),
    [
        ("A ==set $a==b$ here== x", "set $a==b$ here"),
        ("A ==`x == y` code== x", "`x == y` code"),
        ("A ==word== https://x.org/a==b", "word"),
        ("A ==see https://x.org/a== b", "see https://x.org/a"),
        ("A [link ==in== words](https://x.org/==)", "in"),
        ("A ==[[Note|alias]]== x", "alias"),
    ],
)
def test_a_mark_is_not_cut_within_code_maths_or_addresses(
    tmp_path: Path, note: str, gap: str
) -> None:
    assert gaps(one(tmp_path, note)) == [gap]


@pytest.mark.parametrize(
    "note",
    [
        "a == b and c == d",
        "over ==a\n\nline== end",
        "- over ==a\n- line== end",
        "`==code==` and $==maths==$",
        "```\n==x==\n```",
        "%% ==x== %%",
        "%%\n\n==x==\n\n%%",
        "<!-- ==x== -->",
        "---\nk: ==x==\n---\ntext",
        "$$\na ==b== c\n$$",
        "    ==x==",
        "===x===",
        "\\==x==",
        "![[==x==.png]] and [a](==x==)",
        "<https://x.org/==a==>",
        # no clozes, no cards
        "Broken $\\frac{{x}}{y} and more",
        "Some $x_{{a}} and more",
        "<% tp.date.now('YYYY::MM') %> <%* if (a ==b== c) %>",
        "{{VALUE:topic}} {{DATE:gggg-[W]ww}} {{FIELD:x}} {{VALUE}}",
        "{{date}} {{title}}",
        "{{date:YYYY-MM-DD}}",
        "{{#if x}}y{{/if}}",
        "{{book_title}}",
        "{{tp.file.title}}",
        "{{metaData.title}}",
        "{{review.createTime.slice(0, 10)}}",
        "{{ secrets.TOKEN }}",
        "`{{code}}`",
        "$\\{{x}}$",
        "{{over\nlines}}",
        "{{open",
        "{{ }}",
        "?\nA",
        "Q\n?\n",
        "Q\n\n?\nA",
        "```\nQ\n?\nA\n```",
        "Q?\nA",
        "> [!tip]\n> ?\n> A",
        "> [!sr] data\n> ?\n> A",
    ],
)
def test_these_are_no_highlights(tmp_path: Path, note: str) -> None:
    assert found(tmp_path, note) == []


def test_markdown_keeps_emphasis_code_and_pictures_and_drops_the_vaults_signs(
    tmp_path: Path,
) -> None:
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / "a b.png").touch()
    highlight = one(
        tmp_path, "*An* ==x **y**== of [[Z|zed]] %%c%% in `c` ![[a b.png|90]] $m$[^1] \\* a_b #t"
    )
    assert highlight.markdown == ("*An* x **y** of zed in `c` ![](img/a%20b.png) $m$ \\* a_b",)
    assert written_gaps(highlight) == ["x **y**"]
    assert highlight.exact == "An x y of zed in `c` $m$ * a_b"
    assert highlight.tags == ("t",)


def test_emphasis_across_the_edge_of_a_gap_or_a_sentence_is_dropped(tmp_path: Path) -> None:
    crossing = one(tmp_path, "**a ==b** c== d")
    assert (crossing.markdown, written_gaps(crossing)) == (("a b c d",), ["b c"])
    assert one(tmp_path, "**One. A ==mark==.** Three.").markdown == ("A mark.",)


def test_bold_and_callouts_are_marks_only_if_wanted(tmp_path: Path) -> None:
    note = "A **bold** word.\n\n> [!tip] Title\n> Body *here*.\n> > more\n"
    assert found(tmp_path, note) == []
    bold, callout = found(tmp_path, note, marks=("bold", "callout"))
    assert (gaps(bold), bold.markdown) == (["bold"], ("A bold word.",))
    assert (callout.exact, callout.form) == ("Body here.\nmore", Form.CALLOUT)
    assert callout.markdown == ("Body *here*.\n> more",)
    assert callout.prefix.endswith("Title\n")


@pytest.mark.parametrize(
    ("note", "exact", "gap"),
    [
        (
            "A ==mark over\na line end== is one.",
            "A mark over a line end is one.",
            "mark over a line end",
        ),
        ("==hard  \nbreak== too", "hard break too", "hard break"),
        ("> ==in a\n> quote== too", "in a quote too", "in a quote"),
        ("==tags<br>too==", "tags too", "tags too"),
        ("open ==here\nand ==again== x", "open ==here and again x", "again"),
    ],
)
def test_a_mark_may_go_over_the_ends_of_lines_but_not_of_its_block(
    tmp_path: Path, note: str, exact: str, gap: str
) -> None:
    marked = one(tmp_path, note)
    assert (marked.exact, gaps(marked)) == (exact, [gap])


def test_marks_of_a_cards_side_end_with_their_block(tmp_path: Path) -> None:
    card = one(tmp_path, "A ==b\nc==\n?\n- ==x\n- y==\n- ==z\n  zz==\n")
    assert card.markdown == ("A b\nc", "- ==x\n- y==\n- z\n  zz")


def test_marks_in_a_footnote_of_the_line_are_found_in_a_block_of_their_own(tmp_path: Path) -> None:
    note = "One^[with a ==mark== in it] ==word==. ^id\n\n| a^[==b==] | ==c== |\n|--|--|\n"
    highlights = found(tmp_path, note)
    assert [(h.exact, gaps(h)) for h in highlights] == [
        ("One word.", ["word"]),
        ("with a mark in it", ["mark"]),
        ("b", ["b"]),
        ("c", ["c"]),
    ]
    assert highlights[0].own == "b.id"
    card = one(tmp_path, "Q^[a ==note==]\n?\nA")
    assert (card.exact, card.markdown) == ("Q\n?\nA", ("Q", "A"))


def test_a_stretch_that_would_begin_a_list_is_escaped(tmp_path: Path) -> None:
    highlight = one(tmp_path, "It ended in the year\n1990. - ==x== is a point.")
    assert highlight.markdown == ("\\- x is a point.",)


@pytest.mark.parametrize(
    ("tag", "colour"),
    [
        ("<mark style='background-color: #ABC'>", "#aabbcc"),
        ('<mark style="background:rgba(255, 0, 16, 0.5)">', "#ff0010"),
        ('<mark class="hltr-red">', "red"),
        ("<mark>", ""),
    ],
)
def test_the_colour_of_a_mark(tmp_path: Path, tag: str, colour: str) -> None:
    assert one(tmp_path, f"A {tag}word</mark> here").colour == colour


def test_a_mark_in_a_list_quote_table_or_heading_is_read_in_its_block(tmp_path: Path) -> None:
    note = (
        "# ==Head== line\n\n> - in a\n>   ==quoted== list\n\n| a | ==cell== |\n|--|--|\n| b | c |\n"
        "\n1. one\n\n   ==second== paragraph\n"
    )
    exact = [h.exact for h in found(tmp_path, note)]
    assert exact == ["Head line", "in a quoted list", "cell", "second paragraph"]


# --- cards written by hand ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "sides", "form"),
    [
        ("Question::Answer", ("Question", "Answer"), Form.INLINE),
        ("What is x :: a letter", ("What is x", "a letter"), Form.INLINE),
        ("- You can have::many in a file", ("You can have", "many in a file"), Form.INLINE),
        ("Use `a::b` for::this", ("Use `a::b` for", "this"), Form.INLINE),
        ("a b::c ^1619873212345", ("a b", "c"), Form.INLINE),
        ("#cards a b::c #more", ("a b", "c"), Form.INLINE),
        ("status:: done", ("status", "done"), Form.INLINE_FIELD),
        ("**Status**:: done", ("**Status**", "done"), Form.INLINE_FIELD),
        ("Paris::capital of France", ("Paris", "capital of France"), Form.INLINE),
        ("Vec::new creates one", ("Vec", "new creates one"), Form.INLINE_FIELD),
        ("std::chrono::seconds :: a duration", ("std::chrono::seconds", "a duration"), Form.INLINE),
        ("What is nested?::This is nested", ("What is nested?", "This is nested"), Form.INLINE),
        ("Gravity::it is a force", ("Gravity", "it is a force"), Form.INLINE),
        ("Hund::the dog", ("Hund", "the dog"), Form.INLINE),
        ("s'appeler::to be called", ("s'appeler", "to be called"), Form.INLINE),
        ("猫::ねこ (neko)", ("猫", "ねこ (neko)"), Form.INLINE),
        ("What sorts?::sort_values", ("What sorts?", "sort_values"), Form.INLINE),
        ("What is called?::main()", ("What is called?", "main()"), Form.INLINE),
        ("`len`::len(x) counts", ("`len`", "len(x) counts"), Form.INLINE),
        ("$f$::f(x) is a number", ("$f$", "f(x) is a number"), Form.INLINE),
        ("Is a::b x?::a unit", ("Is a::b x?", "a unit"), Form.INLINE),
        ("Is a::b x? :: a unit", ("Is a::b x?", "a unit"), Form.INLINE),
        ("Is a::b x:::a unit", ("Is a::b x", "a unit"), Form.INLINE),
        ("Is it?::foo :: bar", ("Is it?::foo", "bar"), Form.INLINE_FIELD),
        ("a b::c with x::y", ("a b", "c with x::y"), Form.INLINE_FIELD),
        ("a b :: c :: d", ("a b", "c :: d"), Form.INLINE_FIELD),
        ("{{date}} is::a day", ("{{date}} is", "a day"), Form.INLINE),
    ],
)
def test_a_line_with_two_colons_is_a_card(
    tmp_path: Path, line: str, sides: tuple[str, str], form: Form
) -> None:
    card = one(tmp_path, line)
    assert (card.markdown, card.form, card.kind) == (sides, form, HighlightKind.CARD)
    assert card.two_way is (":::" in line)


@pytest.mark.parametrize(
    "line",
    [
        "std::vector is a container",
        "call Foo::bar() or std::sort",
        "[due:: 2026-01-01] and (k:: v)",
        "fe80::1 is an address, a::b::c too",
        "`a::b` and https://x.org/a::b",
        "::before and after::",
        "a :::: b",
        "# A heading::of a note",
        "A ==mark::ed== phrase",
        "fe80::1 is here\n2001:db8::1 is there",
        "Use {{#each a::b}} here",
        "A broken {{c1::cloze and more::of it",
        "A broken {{a::b",
    ],
)
def test_names_of_programs_and_fields_are_no_cards(tmp_path: Path, line: str) -> None:
    assert [h for h in found(tmp_path, line) if h.kind is HighlightKind.CARD] == []


PROPERTIES = """title:: The title
author:: Somebody
tags:: #a, [[b]]

- A ==mark== here
  id:: 64f0-1
  collapsed:: true
  - What is x? #card
    card-last-interval:: 4.0
    card-next-schedule:: 2026-01-01
- id:: 64f0-2
  created-at:: 1
  logseq.order-list-type:: number
- status:: done
"""


def test_the_properties_of_logseq_are_no_text_of_the_note(tmp_path: Path) -> None:
    (extracted, _) = read(tmp_path, PROPERTIES)
    assert isinstance(extracted, Extracted)
    marked, field = extracted.highlights
    assert (marked.prefix, marked.exact) == ("", "A mark here")
    assert (field.exact, field.form) == ("status:: done", Form.INLINE_FIELD)
    assert field.prefix == "A mark here\nWhat is x?\n"
    assert extracted.document.tags == ("a",)


def test_words_that_are_no_keys_of_logseq_stay_cards(tmp_path: Path) -> None:
    notes = "Hund:: dog\nKatze:: cat", "type::a sort", "The title:: of it", "Typ:: type"
    assert [[h.exact for h in found(tmp_path, note)] for note in notes] == [
        ["Hund:: dog", "Katze:: cat"],
        ["type::a sort"],
        ["The title:: of it"],
        ["Typ:: type"],
    ]


def test_keys_of_ones_own_are_properties_beside_those_of_logseq_at_the_top_of_a_block(
    tmp_path: Path,
) -> None:
    assert found(tmp_path, "author:: Somebody\ntype:: book\nyear:: 2020\n") == []
    (kept,) = found(tmp_path, "Words first.\ntype:: book\nyear:: 2020\n")
    assert kept.exact == "year:: 2020"


def test_a_cards_side_is_without_the_properties_of_its_block(tmp_path: Path) -> None:
    card = one(tmp_path, "Q\n?\nA\nid:: 64f0\n```\nid:: code\n```\n")
    assert card.markdown == ("Q", "A\n```\nid:: code\n```")
    assert card.exact == "Q\n?\nA\nid:: code"


def test_a_long_row_of_signs_that_never_end_is_read_in_its_length(tmp_path: Path) -> None:
    for sign in ("<% ", "<sup>1</sup>", "x==a ", "\\frac{{", "$$ \\begin ", "{{a "):
        assert gaps(one(tmp_path, sign * 20_000 + "\n\nThe ==end== of it.")) == ["end"]


@pytest.mark.parametrize("base", ["A", "D", "G", "M", "s"])
def test_a_numbered_cloze_of_one_letter_is_no_date(tmp_path: Path, base: str) -> None:
    card = one(tmp_path, f"Adenine is {{{{c1::{base}}}}} in short.")
    assert (card.form, gaps(card)) == (Form.CLOZE, [base])


def test_a_name_of_a_template_with_a_hint_is_a_cloze(tmp_path: Path) -> None:
    assert gaps(one(tmp_path, "The fourth dimension is {{time::not space}}.")) == ["time"]


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Colour?::It is red ![[red box.png]]", ("Colour?", "It is red ![](red%20box.png)")),
        ("Colour?::It is red![[red box.png]]", ("Colour?", "It is red![](red%20box.png)")),
        ("Colour?:: ![[red box.png]] ", ("Colour?", "![](red%20box.png)")),
        ("See {{this}} ![[red box.png]]", ("See {{c1::this}} ![](red%20box.png)",)),
    ],
)
def test_a_blank_before_a_picture_at_the_end_stays(
    tmp_path: Path, text: str, markdown: tuple[str, ...]
) -> None:
    (tmp_path / "red box.png").write_bytes(b"")
    assert one(tmp_path, text).markdown == markdown


def test_blanks_within_the_braces_part_the_words_outside(tmp_path: Path) -> None:
    card = one(tmp_path, "See {{ this }} and {{that }}now.")
    assert card.markdown == ("See {{c1::this}} and {{c2::that}} now.",)


def test_the_clozes_of_logseq_hide_their_answer_and_its_macros_nothing(tmp_path: Path) -> None:
    card = one(tmp_path, "{{cloze Spaced}} practice\n\n{{query (and [[a]] [[b]])}} {{embed ((x))}}")
    assert (card.exact, gaps(card)) == ("Spaced practice", ["Spaced"])


def test_maths_of_several_lines_in_a_sentence_may_hold_an_empty_one(tmp_path: Path) -> None:
    note = (
        "So $$ \\begin{align}\na &= \\frac{{x}}{2}\n\nb &= 2\n\\end{align}$$ is the ==end== here.\n"
    )
    marked = one(tmp_path, note)
    assert gaps(marked) == ["end"]
    assert marked.exact.startswith("So $$ \\begin{align} a &=")


def test_comparisons_are_no_marks(tmp_path: Path) -> None:
    marked = one(tmp_path, "Check that n==0 or n==1 before ==division== ends.")
    assert gaps(marked) == ["division"]
    assert marked.markdown == ("Check that n\\==0 or n==1 before division ends.",)
    assert gaps(one(tmp_path, "un==happi==ness is here")) == ["happi"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("10<sup>5</sup>", "10⁵"),
        ("10<sup>-3</sup>", "10⁻³"),
        ("H<sub>2</sub>O", "H₂O"),
        ("x<sup>1/2</sup>", "x^(1/2)"),
        ("K<sub>M</sub>", "KM"),
        ("so<sup>[1]</sup>", "so[1]"),
    ],
)
def test_a_superscript_does_not_join_the_figures_before_it(
    tmp_path: Path, written: str, shown: str
) -> None:
    marked = one(tmp_path, f"There are {written} in a ==cell== here.")
    assert marked.exact == f"There are {shown} in a cell here."
    assert marked.markdown == (marked.exact,)


def test_a_footnote_of_several_paragraphs_is_read_to_its_end(tmp_path: Path) -> None:
    note = "See[^1].\n\n[^1]: The ==first== one.\n\n    The ==second== one.\n\nNo note.\n\n    x ==y== z\n"
    assert [h.exact for h in found(tmp_path, note)] == ["The first one.", "The second one."]


def test_a_cell_stands_under_its_row_and_its_column(tmp_path: Path) -> None:
    note = (
        "# Drugs\n\n| Drug | Dose | |\n|---|---|---|\n| Ramipril | ==5 mg== daily | a ==b== |\n"
        "| ==Aspirin== now | | |\n\nA ==word== after."
    )
    assert [h.heading for h in found(tmp_path, note)] == [
        "Drugs › Ramipril › Dose",
        "Drugs › Ramipril",
        "Drugs › Drug",
        "Drugs",
    ]


def test_three_colons_make_a_card_of_two_ways(tmp_path: Path) -> None:
    card = one(tmp_path, "Term:::Definition")
    assert card.two_way
    assert (card.exact, card.markdown) == ("Term:::Definition", ("Term", "Definition"))


def test_a_line_that_is_a_card_is_a_block_of_its_paragraph(tmp_path: Path) -> None:
    card, marked = found(tmp_path, "A question::an answer\nThen ==text== follows.")
    assert (card.exact, marked.exact) == ("A question::an answer", "Then text follows.")
    assert marked.prefix == "A question::an answer\n"


def test_question_marks_between_lines_make_a_card(tmp_path: Path) -> None:
    note = (
        "Line\nwith *one*\n??\n- a\n- ==b==\n<!--SR:!2026-01-01,4,270-->\n```\nx\n\ny\n```\n\nend"
    )
    card = one(tmp_path, note)
    assert card.markdown == ("Line\nwith *one*", "- a\n- b\n```\nx\n\ny\n```")
    assert (card.form, card.two_way, card.suffix) == (Form.BLOCK, True, "\nend")
    assert card.exact == "Line with one\n??\na\nb\nx\n\ny"


@pytest.mark.parametrize(
    ("note", "sides"),
    [
        ("> Q\n> ?\n> A\n\nB", ("Q", "A")),
        ("- Q\n  ?\n  A\n- B", ("Q", "A")),
        ("## Q\n?\nA", ("Q", "A")),
        ("# H\nQ\n?\nA\n---\nB", ("Q", "A")),
        ("Q #tag\n?\nA ^id", ("Q", "A")),
        ("Q\n?\nA\n?\nB", ("Q", "A\n?\nB")),
        ("Q\n?\n$$\na\n$$", ("Q", "$$\na\n$$")),
        ("> [!question]- What is *X*?\n> ?\n> A\n>\n> B", ("What is *X*?", "A")),
        ("> [!tip] Title\n> Q\n> ?\n> A", ("Q", "A")),
        ("[x] [!note] Q\n?\nA", ("[x] [!note] Q", "A")),
    ],
)
def test_a_card_over_lines_ends_with_its_block(
    tmp_path: Path, note: str, sides: tuple[str, str]
) -> None:
    assert one(tmp_path, note).markdown == sides


def test_clozes_keep_their_numbers_and_bare_ones_go_on_from_there(tmp_path: Path) -> None:
    card = one(tmp_path, "A {{one}}, {{c2::two::hint}}, {{c2::$\\frac{1}{{2}}$}} and {{{raw}}}.")
    assert card.markdown == (
        "A {{c3::one}}, {{c2::two::hint}}, {{c2::$\\frac{1}{{2}}$}} and {{{raw}}}.",
    )
    assert gaps(card) == ["one", "two", "$\\frac{1}{{2}}$"]
    assert (card.form, card.markdown_gaps) == (Form.CLOZE, ())


def test_a_mark_beside_a_cloze_leaves_no_signs(tmp_path: Path) -> None:
    card = one(tmp_path, "The ==cell== makes {{a ==lot== of ATP}} in <mark>it</mark>.")
    assert card.markdown == ("The cell makes {{c1::a lot of ATP}} in it.",)


@pytest.mark.parametrize("answer", ["Node.js", "example.com", "e.g.", "iPhone", "std.math"])
def test_answers_that_look_like_names_are_clozes(tmp_path: Path, answer: str) -> None:
    assert gaps(one(tmp_path, f"One of them is {{{{{answer}}}}} here.")) == [answer]


def test_what_a_drawing_says_of_itself_is_no_mark(tmp_path: Path) -> None:
    note = (
        "---\nexcalidraw-plugin: parsed\n---\n"
        "==⚠  Switch to EXCALIDRAW VIEW in the MORE OPTIONS menu of this document. ⚠==\n\n"
        "A ==mark== here.\n"
    )
    assert one(tmp_path, note).exact == "A mark here."


def test_a_glossary_needs_its_heading_and_three_items_in_a_row(tmp_path: Path) -> None:
    items = "- Lens: glass\n- **Iris**: a hole\n- Film: memory\n"
    forms = [h.form for h in found(tmp_path, f"# Key terms\n\n{items}")]
    assert forms == [Form.GLOSSARY] * 3
    assert not found(tmp_path, f"# Other\n\n{items}")
    (term,) = found(tmp_path, f"# Other\n\n{items}", cards=(*CARDS, "term"))
    assert (term.form, term.markdown) == (Form.TERM, ("Iris", "a hole"))
    assert len(found(tmp_path, f"# Wörter\n\n{items}", glossary_headings=("wörter",))) == 3


def test_fewer_items_of_a_glossary_wait_and_other_lists_are_none(tmp_path: Path) -> None:
    items = "- Lens: glass\n- **Film**: memory\n- one\n- Iris: a hole\n"
    terms = found(tmp_path, f"# Terms\n\n{items}")
    assert [(h.form, h.markdown) for h in terms] == [
        (Form.TERM, ("Lens", "glass")),
        (Form.TERM, ("Film", "memory")),
        (Form.TERM, ("Iris", "a hole")),
    ]
    other = f"# Other\n\n{items}"
    assert [h.markdown[0] for h in found(tmp_path, other, cards=("term",))] == ["Film"]
    for cards in (CARDS, ("-term",), ("term", "-term")):
        assert not found(tmp_path, other, cards=cards)
    assert len(found(tmp_path, f"# Terms\n\n{items}", cards=("-term",))) == 3


def test_cards_that_are_not_wanted_leave_their_marks(tmp_path: Path) -> None:
    note = "Question::==Answer==\n\nA {{cloze}} and a ==mark==.\n\nQ\n?\nA\n"
    highlights = found(tmp_path, note, cards=())
    assert [(h.form, h.exact) for h in highlights] == [
        (Form.PHRASE, "Question::Answer"),
        (Form.PHRASE, "A cloze and a mark."),
    ]
    assert highlights[1].markdown == ("A cloze and a mark.",)


# --- the note -------------------------------------------------------------------------------


def test_the_front_matter_and_a_line_of_tags_name_title_deck_and_tags(tmp_path: Path) -> None:
    head = "---\ntitle: A title\ndeck: One::Two\ntags: [a, '#b c', 3]\naliases: [x]\n---\n"
    (extracted, _) = read(tmp_path, f"{head}#f/g\n\n==x== y #d/e and #1\n")
    assert isinstance(extracted, Extracted)
    document = extracted.document
    assert (document.title, document.deck) == ("A title", "One::Two")
    assert document.tags == ("a", "b-c", "3", "f/g")


@pytest.mark.parametrize("key", ["cards", "ankiforge"])
def test_a_note_may_say_that_it_makes_no_cards(tmp_path: Path, key: str) -> None:
    assert one(tmp_path, f"---\n{key}: false\n---\n==x== y").skip == f"the note says {key}: false"


@pytest.mark.parametrize("head", ["a: [", "- x", "a: b: c", "\t- x", "[" * 70_000, "[" * 5000])
def test_a_broken_head_is_a_problem_and_the_note_is_read(tmp_path: Path, head: str) -> None:
    problem, extracted, _ = read(tmp_path, f"---\n{head}\n---\n==x== y")
    assert isinstance(problem, Problem)
    assert isinstance(extracted, Extracted)
    assert problem.what.startswith("the front matter is")
    assert extracted.highlights[0].prefix == ""


def test_deeply_nested_lists_are_read_to_the_ground(tmp_path: Path) -> None:
    note = "".join("  " * depth + f"- level {depth} ==x==\n" for depth in range(20))
    assert len(found(tmp_path, note)) == 20


@pytest.mark.parametrize(
    "note",
    ["[[" * 30_000, "==a== " * 5000, "*a **b " * 10_000, "{{a" * 10_000, "`" * 3000 + "<!--" * 3000,
     "> " * 5000 + "==x==", "$a " * 20_000, "> ```a\n" * 20_000 + "x ==y==", " " * 200_000 + "==x==",
     "<mark>" * 10_000, "Q\n?\n" + "```x\n" * 20_000, "a::b " * 10_000],
    ids=lambda note: note[:8],
)  # fmt: skip
def test_hostile_notes_are_read_to_their_end(tmp_path: Path, note: str) -> None:
    sightings = read(tmp_path, note, marks=("==", "mark", "bold", "callout"))
    problems = [one for one in sightings if isinstance(one, Problem)]
    assert all(one.notice for one in problems)


# --- the files of other people --------------------------------------------------------------


def fixture(name: str) -> Path:
    path = FIXTURES / name
    if not path.exists():
        if os.environ.get("ANKIFORGE_REQUIRE_ALL"):
            pytest.fail(f"{path} is missing")
        pytest.skip("the fixtures of other people are not here")
    return path


OF_ITS_PATTERN_ONLY = "fc045"
"""A mark over a line end: no cloze to the plugin's pattern, a mark to Obsidian itself."""
COUNTED = "obsidian-spaced-repetition", "ankiforge-own"


def test_cards_of_the_plugin_for_spaced_repetition_are_found_as_by_itself(tmp_path: Path) -> None:
    cases = json.loads(fixture("flashcard-syntax-cases.json").read_text("utf-8"))
    for case in cases:
        if case["id"] == OF_ITS_PATTERN_ONLY:
            continue
        if case["source"] in COUNTED and isinstance(case.get("options", "default"), str):
            highlights = found(tmp_path, case["input"], marks=("==", "mark", "bold"))
            assert len(highlights) == len(case["expected"]), case["id"]


def test_templates_of_a_real_vault_make_no_cards() -> None:
    root = fixture("vault-kepano")
    module = extract.module("obsidian")
    sightings = list(module.open_source("k", root, module.Settings(path="")).scan())
    assert [s for s in sightings if isinstance(s, Extracted)] == []


@pytest.mark.parametrize(
    ("line", "front", "back"),
    [
        ("Which verb?::*ser*: snow.", "Which verb?", "*ser*: snow."),
        ("When do we meet?::10:30", "When do we meet?", "10:30"),
    ],
)
def test_a_colon_in_an_answer_does_not_make_it_a_program(tmp_path, line, front, back) -> None:
    (extracted, _) = read(tmp_path, f"{line}\n")
    assert extracted.highlights[0].markdown == (front, back)
