"""How other tools write cards: what each of them means by its signs, and what is no card."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ankiforge import extract
from ankiforge.model import Extracted, Form, Highlight, HighlightKind
from ankiforge.text.anchors import anchor_key

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "obsidian"
OBSIDIAN = extract.module("obsidian")
OURS = ("inline", "block", "cloze", "glossary")
DIALECTS = ("osr", "o2a", "flashcards", "yanki", "logseq", "remnote")


def found(folder: Path, note: str, *cards: str, **settings: Any) -> list[Highlight]:
    (folder / "note.md").write_text(note, encoding="utf-8")
    wanted = {"path": str(folder), "cards": cards, **settings}
    source = OBSIDIAN.open_source("notes", folder, msgspec.convert(wanted, OBSIDIAN.Settings))
    return [h for s in source.scan() if isinstance(s, Extracted) for h in s.highlights]


def kind(highlight: Highlight) -> str:
    if highlight.form in (Form.CLOZE, Form.PHRASE):
        return "cloze"
    return "reversed" if highlight.two_way else "basic"


# --- the neutral table ----------------------------------------------------------------------

NAMES = {
    "obsidian-spaced-repetition": "osr",
    "Obsidian_to_Anki": "o2a",
    "flashcards-obsidian": "flashcards",
    "yanki": "yanki",
}


def cases() -> list[dict[str, Any]]:
    path = FIXTURES / "flashcard-syntax-cases.json"
    if not path.exists():
        return []
    loaded: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return loaded


def test_the_neutral_table_is_here() -> None:
    if not cases():
        assert not os.environ.get("ANKIFORGE_REQUIRE_ALL"), "the fixtures are missing"
        pytest.skip("the fixtures of other people are not here")
    assert len(cases()) > 80


def told(case: dict[str, Any]) -> dict[str, Any]:
    """The settings under which the tool was run."""
    options = case["options"]
    of_osr = isinstance(options, dict) and "singleLineCardSeparator" in options
    return {"osr": options} if of_osr else {}


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_each_case_of_the_neutral_table_is_read_as_its_tool_reads_it(tmp_path, case) -> None:
    dialects = (NAMES[case["source"]],) if case["source"] in NAMES else (*OURS, *DIALECTS)

    highlights = found(tmp_path, case["input"], *dialects, **told(case))

    expected = case["expected"]
    assert [kind(h) for h in highlights] == [e["type"].replace("-multiline", "") for e in expected]
    for highlight, card in zip(highlights, expected, strict=True):
        if "front" in card:
            assert highlight.markdown == (card["front"], card["back"])
        elif dialects != ("osr",):  # that table has the source there, not the card
            assert highlight.markdown == (card["text"],)
        if "tags" in card:
            assert highlight.tags == tuple(card["tags"])
        if "existing_id" in card:
            assert highlight.hints == (f"anki:{card['existing_id']}",)


# --- one by one -----------------------------------------------------------------------------

ANKI_LIKE = {
    "singleLineCardSeparator": "=",
    "singleLineReversedCardSeparator": "==",
    "clozePatterns": ["{{[123::]answer[::hint]}}"],
}
FOOTNOTES = {"clozePatterns": ["==answer==[^\\[hint\\]][\\[^123\\]]"]}

OSR = [
    ("Ohm's law? ::U = RI", {}, [("basic", "Ohm's law?", "U = RI")]),
    ("before\nwatt :::joule per second", {}, [("reversed", "watt", "joule per second")]),
    ("watt&&power", {"singleLineCardSeparator": "&&"}, [("basic", "watt", "power")]),
    ("a&&b\nc&&d\ne", {"singleLineCardSeparator": "&&"}, [("basic", "a", "b"), ("basic", "c", "d")]),
    ("unit of charge\n?\t\ncoulomb\n<!--SR:!2026-01-01,3,250-->", {},
     [("basic", "unit of charge", "coulomb")]),
    ("#flashcards/physics\nunit of charge\n?\ncoulomb", {}, [("basic", "unit of charge", "coulomb")]),
    ("term::meaning\n> [!sr|card-metadata]\n> <!--SR:!2026-01-01,3,250-->", {},
     [("basic", "term", "meaning")]),
    ("unit of charge\n??\ncoulomb", {"multilineReversedCardSeparator": "\t"}, []),
    ("Heat\n@\nmoves\n\nfrom hot to cold\n***\nnext", {"multilineCardSeparator": "@",
     "multilineCardEndMarker": "***"}, [("basic", "Heat", "moves\n\nfrom hot to cold")]),
    ("{{heat}} is a {{form}} of energy", {},
     [("cloze", "{{c1::heat}} is a {{c2::form}} of energy")]),
    ("heat is {{energy}", {}, []),
    ("heat is ==energy==, **work** and {{power}}", {"clozePatterns": []}, []),
    ("heat is ==`dQ`== here", {}, [("cloze", "heat is {{c1::`dQ`}} here")]),
    ("**1;;Bern** lies on the ==1;;Aare;;a river==", {},
     [("cloze", "{{c1::Bern}} lies on the {{c1::Aare::a river}}")]),
    ("the ==sa;;lion== and the ==a;;lamb==", {}, [("cloze", "the {{c2::lion}} and the {{c1::lamb}}")]),
    ("Bern is in {{Switzerland::a country}}", ANKI_LIKE,
     [("cloze", "Bern is in {{c1::Switzerland::a country}}")]),
    ("Bern is in {{2::Switzerland::a country}}", ANKI_LIKE,
     [("cloze", "Bern is in {{c2::Switzerland::a country}}")]),
    ("Bern=Switzerland", ANKI_LIKE, [("basic", "Bern", "Switzerland")]),
    ("==Bern==^[a town] is in ==Europe==", FOOTNOTES,
     [("cloze", "{{c1::Bern::a town}} is in {{c2::Europe}}")]),
    ("==Bern==[^2] is in ==Europe==[^1]", FOOTNOTES,
     [("cloze", "{{c2::Bern}} is in {{c1::Europe}}")]),
    ("Which?\n?\n```py\na = 1\n\n\nb = 2\n```", {}, [("basic", "Which?", "```py\na = 1\n\n\nb = 2\n```")]),
    ("## A ==heading== here\ntext **below** it", {},
     [("cloze", "A {{c1::heading}} here"), ("cloze", "text {{c1::below}} it")]),
    ("> quoted ==words== here\n> and more", {}, [("cloze", "quoted {{c1::words}} here\nand more")]),
    ("joule::unit of work\nunit of charge\n?\ncoulomb", {},
     [("basic", "joule", "unit of work"), ("basic", "unit of charge", "coulomb")]),
    ("unit of charge\n?\ncoulomb\nwatt:: joule per second", {},
     [("basic", "watt", "joule per second")]),
    ("unit of charge\n?\nuse std::vector\n`a :: b`\nfor it", {},
     [("basic", "unit of charge", "use std::vector\n`a :: b`\nfor it")]),
    ("Which?\n?\n\n1. this one\n---", {"multilineCardEndMarker": "---"},
     [("basic", "Which?", "1. this one")]),
    ("==x== and {x} and {{date}}", {}, [("cloze", "{{c1::x}} and {x} and {\\{date}\\}")]),
]  # fmt: skip


@pytest.mark.parametrize(("note", "options", "expected"), OSR)
def test_cards_of_obsidian_spaced_repetition(tmp_path, note, options, expected) -> None:
    highlights = found(tmp_path, note, "osr", osr=options)
    assert [(kind(h), *h.markdown) for h in highlights] == expected


OTHERS = [
    ("o2a", "START\nBasic\nWhat is heat?\nBack: energy\n\nin transit\nTags: a b\nEND",
     [("basic", "What is heat?", "energy\n\nin transit")]),
    ("o2a", "START\nBasic (and reversed card)\nheat\nBack: Wärme\nEND", [("reversed", "heat", "Wärme")]),
    ("o2a", "START\nVocabulary\nWord: heat\nMeaning: energy\nEND", [("basic", "heat", "energy")]),
    ("o2a", "START\nCloze\nText: {heat} is {2:energy}\nExtra: in transit\n<!--ID: 12-->\nEND",
     [("cloze", "{{c1::heat}} is {{c2::energy}}", "in transit")]),
    ("o2a", "- STARTI [Basic] heat Back: energy ENDI, STARTI [Cloze] {x} of y ENDI",
     [("basic", "heat", "energy"), ("cloze", "{{c1::x}} of y")]),
    ("o2a", "START\nBasic\nnever closed\nBack: so no card", []),
    ("o2a", "DELETE\nID: 1566052191670\n\nQ::A\nID: 1566052191671", [("basic", "Q", "A")]),
    ("o2a", "What does it take? #flashcard\n\n\nOne paragraph.\nOf two lines.\n\nNot this.",
     [("basic", "What does it take?", "One paragraph.\nOf two lines.")]),
    ("o2a", "Over two\nlines #flashcard\nanswered", [("basic", "Over two\nlines", "answered")]),
    ("o2a", "| one column |\n|---|\n| its row |\n\n| two | columns |\n|---|---|\n| no | card |",
     [("basic", "one column", "its row")]),
    ("o2a", "Some {heat} and {c2|work},\n{{c3::power}} and {light}.",
     [("cloze", "Some {{c1::heat}} and {{c2::work}},\n{{c3::power}} and {{c2::light}}.")]),
    ("o2a", "Q: one\nA: two\nQ: three\nA: four\n\n\nQ: five\n\n\nA: six\n<!-- a comment -->\nseven",
     [("basic", "one", "two"), ("basic", "three", "four"), ("basic", "five", "six")]),
    ("o2a", "TARGET DECK: {Physics}\n\nOnly $\\frac{1}{2}$ here.", []),
    ("flashcards", "## What is heat? #card #physics\nEnergy\n- in transit\n\nNot this.",
     [("basic", "What is heat?", "Energy\n- in transit")]),
    ("flashcards", "heat #card/reverse\nWärme\n^1619873212345\nNot this.", [("reversed", "heat", "Wärme")]),
    ("flashcards", "Say it aloud #card-spaced\n^1619873212345\n\nheat", [("basic", "Say it aloud", "")]),
    ("flashcards", "#cards are no cards\nat all", []),
    ("flashcards", "heat :: Wärme\n\nwork:::Arbeit #german\n^1619873212345",
     [("basic", "heat", "Wärme"), ("reversed", "work", "Arbeit")]),
    ("flashcards", "An {apple} a ==day==\nand {2:one} more",
     [("cloze", "An {{c1::apple}} a {{c1::day}}"), ("cloze", "and {{c2::one}} more")]),
    ("flashcards", "no $\\frac{3}{2}$, `{x}`, `==` or `==`, nor $$3::4$$", []),
    ("yanki", "## heat\n\n---\n\n## Wärme", [("basic", "heat", "## Wärme")]),
    ("yanki", "heat\n\n---\n\n- Wärme", [("basic", "heat", "- Wärme")]),
    ("yanki", "heat\n\n---\n\n---\n\nWärme", [("reversed", "heat", "Wärme")]),
    ("yanki", "heat\n\n---\n***\nWärme\n\n---\n\n*die*", [("reversed", "heat", "Wärme", "*die*")]),
    ("yanki", "heat\n\n---\n\nWärme\n\n---\n\ndie", [("basic", "heat", "Wärme\n\n---\n\ndie")]),
    ("yanki", "~~heat~~ is ~~3 energy _a form_~~, ~~too~~\n\n---\n\nmore ~~of~~ it",
     [("cloze", "{{c1::heat}} is {{c3::energy::a form}}, {{c4::too}}", "more ~~of~~ it")]),
    ("yanki", "what ~~42~~ is, ~~_all of it_~~", [("cloze", "what {{c1::42}} is, {{c2::_all of it_}}")]),
    ("yanki", "---\nnoteId: 1619873212345\n---\nheat in German\n\n_Wärme_",
     [("basic", "heat in German", "Wärme")]),
    ("yanki", "A note\n\n_that ends in italics_", []),
    ("yanki", "---\n\nonly a back", []),
    ("logseq", "- What is heat? #card\n  card-ease-factor:: 2.5\n\t- energy\n- no #cards\n\t- here",
     [("basic", "What is heat?", "energy")]),
    ("logseq", "- outer #card\n\t- one\n\t- two\n\t\t- inner [[card]]\n\t\t\t- deep",
     [("basic", "outer", "- one\n- two"), ("basic", "inner", "deep")]),
    ("logseq", "- The {{cloze heat}} of {{cloze fire\\\\what burns}} #card",
     [("cloze", "The {{c1::heat}} of {{c2::fire::what burns}}")]),
    ("remnote", "- heat >> energy\n- work :: force times way\n\t- unit ;; joule\n- a <> b\n- c << d",
     [("basic", "heat", "energy"), ("reversed", "work", "force times way"),
      ("basic", "unit", "joule"), ("reversed", "a", "b"), ("basic", "d", "c")]),
    ("remnote", "- kinds of heat >>>\n\t- latent\n\t- sensible\n- cout<<x>>y and std::vector",
     [("basic", "kinds of heat", "- latent\n- sensible")]),
    ("remnote", "- the {{heat}} of {{fire}}{({what burns})}",
     [("cloze", "the {{c1::heat}} of {{c2::fire::what burns}}")]),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "note", "expected"), OTHERS)
def test_cards_of_other_tools(tmp_path, dialect, note, expected) -> None:
    highlights = found(tmp_path, note, dialect)
    assert [(kind(h), *h.markdown) for h in highlights] == expected
    assert all(h.kind is HighlightKind.CARD for h in highlights)


def test_a_tag_of_the_tool_is_no_tag_of_the_card(tmp_path: Path) -> None:
    cards = found(tmp_path, "heat #card #physics\nenergy #later", "flashcards")
    assert [card.tags for card in cards] == [("physics", "later")]
    cards = found(
        tmp_path,
        "FILE TAGS: Physics School\n\nSTARTI [Basic] a Back: b Tags: c ENDI\n\nx::y",
        "o2a",
    )
    assert [card.tags for card in cards] == [("c", "Physics", "School"), ("Physics", "School")]


# --- what is no card ------------------------------------------------------------------------

NO_CARD = [
    "```\nSTART\nBasic\na\nBack: b\nEND\n\nQ: a\nA: b\n\n- a #card\n  - b\n\na >> b {x} ==y== ~~z~~\n```",
    "use `==x==`, `a::b`, `{x}`, `~~x~~`, `a >> b`, `STARTI [Basic] a Back: b ENDI` and `#card`",
    "$a::b$ and $x == y$ and $\\frac{1}{2}$ and $a >> b$\n\n$$\na::b {x} == ==\n$$",
    "%% q::a ==x== {y} ~~z~~ a >> b %%",
    "<!--\nq::a\n==x== {y}\nQ: a\nA: b\n-->",
    "---\nq: a::b\nx: \"==y== {z} ~~w~~\"\nnoteId: 1619873212345\n---\ntext",
    "see https://a.b/c::d==e==f{g} or [it](http://x.y/{a}::b) or [[a::b]]",
    "[due:: 2026-01-01] and (priority:: high)",
    "{{date}} {{title}} {{VALUE}} {{d:YYYY-MM-DD}}",
    "\\==x\\== and \\{x\\} and \\~~x\\~~",
]  # fmt: skip


@pytest.mark.parametrize("note", NO_CARD, ids=lambda note: note[:12])
@pytest.mark.parametrize("dialect", [*DIALECTS, "all"])
def test_code_maths_comments_heads_addresses_and_templates_are_no_cards(
    tmp_path, note, dialect
) -> None:
    cards = (*OURS, *DIALECTS) if dialect == "all" else (dialect,)
    assert found(tmp_path, note, *cards) == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_tools_keep_in_a_note_is_never_text_of_a_card(tmp_path, dialect) -> None:
    note = (
        "heat::energy ^1619873212345\n\nwork ==does== {it} ~~all~~ {{cloze now}} <!--SR:!2026-01-01,3,250-->\n\n"
        "START\nBasic\na\nBack: b\n<!--ID: 1566052191670-->\nEND\n\nasked #card\nsaid\n^1619873212346\n"
    )
    for highlight in found(tmp_path, note, dialect):
        words = " ".join((highlight.exact, *highlight.markdown, *highlight.tags))
        assert not any(sign in words for sign in ("SR:", "ID:", "16198", "15660", "<!--"))


# --- together with one another, and with ours -----------------------------------------------

MIXED = """\
# Heat

Before ==all== else stands this sentence. Here is ==another== one.

heat::Wärme

work:::Arbeit

unit of work
?
joule

The {{joule}} is a unit.

- Watt ==is== power
- {curly} braces

Q: asked
A: answered

said #card
and done

After **all** of it.
"""


def plain(highlights: list[Highlight]) -> set[str]:
    return {h.exact for h in highlights}


def test_with_osr_our_own_cards_keep_their_keys(tmp_path: Path) -> None:
    ours = {h.exact: anchor_key(h, h.nth) for h in found(tmp_path, MIXED, *OURS, marks=())}
    theirs = {h.exact: anchor_key(h, h.nth) for h in found(tmp_path, MIXED, *OURS, "osr")}
    assert len(ours) == 4
    assert ours.items() <= theirs.items()


def test_a_card_on_one_line_parts_one_over_several_only_where_ours_are_not_asked_for(
    tmp_path: Path,
) -> None:
    note = "joule::unit of work\nunit of charge\n?\ncoulomb\n"
    assert len(found(tmp_path, note, "osr")) == 2
    (ours,) = found(tmp_path, note, "inline", "block")
    (both,) = found(tmp_path, note, "inline", "block", "osr")
    assert anchor_key(ours, ours.nth) == anchor_key(both, both.nth)


def test_a_dialect_changes_nothing_for_what_it_does_not_read(tmp_path: Path) -> None:
    note = "START\nBasic\na\nBack: b\nEND\n\nHere is a <mark>mark</mark> in a note.\n\nx::y\n"
    (before,) = [h for h in found(tmp_path, note, "inline") if h.form is Form.PHRASE]
    (after,) = [h for h in found(tmp_path, note, "inline", "o2a") if h.form is Form.PHRASE]
    assert before == after


@pytest.mark.parametrize("cards", [(*OURS, *DIALECTS), (*DIALECTS[::-1], *OURS), ("yanki", "o2a")])
def test_no_passage_is_two_highlights(tmp_path: Path, cards: tuple[str, ...]) -> None:
    highlights = found(tmp_path, MIXED, *cards, marks=("==", "mark", "bold"))
    for one, other in pairwise(highlights):
        assert not other.prefix.endswith(one.exact[:-1])
    assert len(highlights) == len(plain(highlights))


def test_the_dialect_that_stands_first_goes_first(tmp_path: Path) -> None:
    note = "work :: Arbeit"
    (card,) = found(tmp_path, note, "flashcards", "remnote")
    assert not card.two_way
    (card,) = found(tmp_path, note, "remnote", "flashcards")
    assert card.two_way


@pytest.mark.parametrize("dialect", ["osr", "o2a", "flashcards"])
def test_footnotes_one_below_the_other_are_cards_of_their_own(tmp_path: Path, dialect) -> None:
    note = "Heat.[^1]\n\n[^1]: Clausius ==1850==.\n[^2]: Kelvin ==1851==.\n"
    assert [h.markdown[0] for h in found(tmp_path, note, dialect)] == [
        "Clausius {{c1::1850}}.",
        "Kelvin {{c1::1851}}.",
    ]


def test_where_a_tool_reads_highlights_they_are_marks_only_if_asked_for(tmp_path: Path) -> None:
    note = "over ==the end\nof a== line"
    assert found(tmp_path, note, "osr") == []
    assert found(tmp_path, note, "o2a", o2a={"styles": ["question"]}) != []
    (mark,) = found(tmp_path, note, "osr", marks=("==",))
    assert mark.kind is HighlightKind.HIGHLIGHT


def test_the_tags_of_a_file_are_those_of_all_its_cards(tmp_path: Path) -> None:
    note = "START\nBasic\na\nBack: b\nTags: c\nEND\n\nQ: d\nA: e\n\nFILE TAGS: physics\n"
    assert [h.tags for h in found(tmp_path, note, "o2a")] == [("c", "physics"), ("physics",)]


def test_ids_are_found_wherever_the_plugin_was_told_to_write_them(tmp_path: Path) -> None:
    for told in (True, False):
        options = {"inlineID": told}
        for note in ("a::b ^1619873212345", "a::b\n^1619873212345"):
            (card,) = found(tmp_path, note, "flashcards", flashcards=options)
            assert card.other_note == 1619873212345


def test_only_notes_with_the_tag_hold_cards_if_there_is_one(tmp_path: Path) -> None:
    told = {"flashcardTags": ["#flashcards"]}
    assert found(tmp_path, "a::b\n\n==c== d", "osr", osr=told, marks=()) == []
    assert len(found(tmp_path, "#flashcards/physics\n\na::b\n\n==c== d", "osr", osr=told)) == 2
    assert len(found(tmp_path, "---\ntags: [Flashcards]\n---\na::b", "osr", osr=told)) == 1


def test_yanki_looks_into_its_folders_only(tmp_path: Path) -> None:
    (tmp_path / "cards" / "deep").mkdir(parents=True)
    (tmp_path / "cards" / "deep" / "a.md").write_text("front\n\n_back_\n")
    cards = found(tmp_path, "front\n\n---\n\nback", "yanki", yanki={"folders": ["cards/"]})
    assert [card.markdown for card in cards] == [("front", "back")]
    assert cards[0].document.path == "cards/deep/a.md"


def test_names_of_a_program_wait_where_the_tool_has_them_for_cards(tmp_path: Path) -> None:
    forms = [h.form for h in found(tmp_path, "std::vector is fast\n\nheat:: Wärme", "osr")]
    assert forms == [Form.INLINE_FIELD, Form.INLINE]


@pytest.mark.parametrize(
    ("note", "cards", "number"),
    [
        ("a::b <!--ID: 1566052191670-->", ["inline"], 1566052191670),
        ("a::b\n<!--ID: 1566052191670-->", ["inline"], 1566052191670),
        ("a::b\n^1619873212345", ["inline"], 1619873212345),
        ("c::d <!--ID: 7-->\na::b <!--ID: 8-->", ["inline"], 7),
        ("q\n?\na\n<!--ID: 9-->", ["block"], 9),
        ("The {{x}} of y <!--ID: 9-->", ["cloze"], 9),
        ("START\nBasic\na\nBack: b\nID: 1566052191670\nEND", ["o2a"], 1566052191670),
        ("START\nBasic\na\nBack: b\nEND\n<!--ID: 1566052191670-->", ["o2a"], 1566052191670),
        ("STARTI [Basic] a Back: b <!--ID: 5--> ENDI STARTI [Basic] c Back: d ENDI", ["o2a"], 5),
        ("---\nnoteId: 1619873212345\n---\na\n\n---\n\nb", ["yanki"], 1619873212345),
        ("a::b `<!--ID: 5-->`", ["inline"], 0),
        ("a::b\n\n<!--ID: 5-->", ["inline"], 0),
        ("a::b ^my-id-1234567890", ["inline"], 0),
    ],
)
def test_the_id_of_a_note_in_anki_is_kept_with_the_passage(tmp_path, note, cards, number) -> None:
    assert found(tmp_path, note, *cards)[0].other_note == number


def test_each_of_several_cards_in_a_line_has_its_own_id(tmp_path: Path) -> None:
    note = "STARTI [Basic] a Back: b <!--ID: 5--> ENDI STARTI [Basic] c Back: d ENDI\n"
    assert [h.other_note for h in found(tmp_path, note, "o2a")] == [5, 0]


def test_each_of_several_cards_in_a_paragraph_has_its_own_id(tmp_path: Path) -> None:
    note = "c::d <!--ID: 7-->\na::b <!--ID: 8-->\ne::f\n"
    assert [h.other_note for h in found(tmp_path, note, "inline")] == [7, 8, 0]


def test_a_pattern_without_an_answer_is_a_mistake_that_is_told(tmp_path: Path, forge: Any) -> None:
    source = {"name": "n", "path": ".", "cards": ["osr"], "osr": {"clozePatterns": ["==x=="]}}
    Path(forge.folder, "ankiforge.yaml").write_text(json.dumps({"sources": [{"obsidian": source}]}))
    result = forge("extract", code=2)
    assert "clozePatterns" in result.stderr or "cloze pattern" in result.stderr
    assert "ankiforge.yaml" in result.stderr


@pytest.mark.parametrize("note", ["{" * 20_000, "==a" * 9000, "{a} " * 4000, "STARTI [B] a Back: b ENDI " * 500,
     "".join(" " * n + "- a #card\n" for n in range(800)), "START\n" * 3000, "a\n---\n" * 1500, "~~a " * 9000],
     ids=lambda note: note[:8])  # fmt: skip
def test_hostile_notes_are_read_to_their_end_in_every_dialect(tmp_path: Path, note: str) -> None:
    assert isinstance(found(tmp_path, note, *OURS, *DIALECTS), list)
