"""What holds of every note, however it is written, and whatever tools it was written for."""

import tempfile
from pathlib import Path

from hypothesis import assume, example, given
from hypothesis import strategies as st

from ankiforge.extract.markdown.parsed_note import extract_plain_text
from ankiforge.model import ExtractedDocument, Highlight, HighlightForm, ScanEnd
from ankiforge.text import cloze
from ankiforge.text.cloze import to_plain_text
from ankiforge.text.keys import build_anchor_key, build_source_id_key
from ankiforge.text.normalize import normalize_for_lookup
from tests.examples import examples
from tests.reading import opened, settings_of, tell_osr

PIECES = [
    "==", "<mark>", "</mark>", "**", "*", "_", "~~", "`", "``", "$", "$$", "%%", "<!--", "-->",
    "[[", "]]", "![[", "|", "[", "](", ")", "[^1]", "^[", " ^id1", "\n^id2\n", "{{", "}}", "{{c2::",
    "::", ":::", "\n?\n", "\n??\n", "\n\n", "\n", "  \n", "\\", "&amp;", "<b>", "<br>", "#tag",
    "\n# ", "\n- ", "\n1. ", "\n> ", "\n> [!note] ", "\n```\n", "\n~~~\n", "\n---\n", "\n| a | b |\n|-|-|\n",
    "    ", "\t", ": ", ". ", "! ", "。", "Dr. ", "word", "Two words", "x", "é", "漢字", "\ufdd0", "\ufdd11\ufdd1",
    "==marked words==", "{{an answer}}", "`a ==b==`", "$x}} == y$", "[a link](http://x.y)", "**bold**",
    "\x00", "\u2028", "https://a.b/c==d", "\n[a]: b\n", "**Term**: text", "\n## Glossary\n",
]  # fmt: skip

LINES = [
    "", "", "plain words", "==marked== words", "a **bold** word", "{curly} or {2:two}", "{{a gap}} here",
    "front::back", "x:::y #tag", "?", "??", "---", "START", "END", "Basic", "Cloze", "Back: said", "Tags: a b",
    "asked #flashcard", "asked #card", "asked #card-reverse",
    "<!--ID: 1566052191670-->", "^1619873212345", "ID: 1566052191670", "<!--SR:!2026-01-01,3,250-->",
    "> [!sr|card-metadata]", "> quoted ==mark==", "- item", "\t- deeper #card", "  more of it", "# Heading",
    "## A ==heading==", "| one |", "|---|", "| cell ==x== |", "```", "`code ==x==`", "$$", "$a::b$", "%%",
    "<!--", "-->", "<mark>by a tag</mark> in words", "\\==no\\==",
    "[[a::b]] and https://a.b/c::d", "key:: value", "# Diary #no-llm",
]  # fmt: skip
OURS = ("inline", "block", "cloze", "glossary")
pieces = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
lines = st.lists(st.sampled_from(LINES), max_size=24).map("\n".join)
notes = st.one_of(pieces, lines)
some = st.lists(st.sampled_from([*OURS, "osr", "o2a"]), max_size=6, unique=True).map(
    tuple
)
EVERYTHING = {"marks": ("==", "mark", "bold", "callout")}


def found(note: str, **settings: tuple[str, ...]) -> list[Highlight]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "Vault")
        tell_osr(root)
        (root / "note.md").write_bytes(note.encode())
        wanted = settings_of("obsidian", path=folder, **settings)
        sightings = list(opened("obsidian", root, wanted, name="laws").scan())
    assert sightings[-1] == ScanEnd(
        "laws", "vault:laws", complete=True, directory=str(root)
    )
    return [
        h
        for one in sightings
        if isinstance(one, ExtractedDocument)
        for h in one.highlights
    ]


@examples(100)
@given(notes, some)
def test_keys_are_unique_and_the_order_is_that_of_reading(note, cards):
    highlights = found(note, **EVERYTHING, cards=cards)
    keys = [
        build_source_id_key(one) or build_anchor_key(one, one.occurrence)
        for one in highlights
    ]
    assert len(keys) == len(set(keys))
    places = [len(one.prefix) for one in highlights if len(one.prefix) < 80]
    assert places == sorted(places)


@examples(100)
@given(notes)
def test_gaps_say_the_same_in_both_texts_and_never_cut_code_or_maths(note):
    for highlight in found(note, **EVERYTHING):
        for gap, written in zip(highlight.gaps, highlight.markdown_gaps, strict=False):
            words = highlight.exact[slice(*gap)]
            assert words.strip() == words != ""
            # plain text keeps the signs of code and maths, `plain` does not
            assert normalize_for_lookup(
                to_plain_text(highlight.markdown[0][slice(*written)])
            ) == normalize_for_lookup(to_plain_text(words))


def whole(highlight: Highlight) -> str:
    """The note's plain text, if it is short enough to be seen from here."""
    before, after = highlight.anchor_context or (highlight.prefix, highlight.suffix)
    ends = max(len(before), len(after)) < 80
    return before + highlight.exact + after if ends else ""


@examples(100)
@given(notes)
@example("==marked words==\n# ==marked words====marked words==")
def test_all_highlights_are_verbatim_pieces_of_one_text_whatever_is_wanted(note):
    seen = found(note, **EVERYTHING, cards=OURS) + found(note, marks=("==",), cards=())
    assert {whole(highlight) for highlight in seen} - {""} <= {extract_plain_text(note)}
    for highlight in seen:
        assert highlight.exact == highlight.exact.strip() != ""
        assert max(len(highlight.prefix), len(highlight.suffix)) <= 80


@examples(100)
@given(pieces)
def test_carriage_returns_and_a_byte_order_mark_change_nothing(note):
    other = "\ufeff" + note.replace("\n", "\r\n")
    assert found(other, **EVERYTHING) == found(note, **EVERYTHING)


@examples(100)
@given(lines, some)
def test_cards_of_other_tools_are_well_formed_and_show_nothing_that_tools_keep(
    note, cards
):
    # what stands in code is code, what stands in maths is maths
    assume("```" not in note and "$$" not in note)
    for one in found(note, cards=cards):
        assert all(one.exact[start:end].strip() for start, end in one.gaps)
        sides = " ".join(one.markdown) if one.form is not HighlightForm.PHRASE else ""
        assert "SR:" not in sides
        assert "<!--ID" not in sides
        assert "\ufdd0" not in sides + "".join(one.tags)
        if one.form is HighlightForm.CLOZE:
            # a declared `Cloze` in which nothing is hidden is told by a check
            problems = set(cloze.find_cloze_problems(one.markdown[0]))
            assert problems <= {"no cloze in the text"}
