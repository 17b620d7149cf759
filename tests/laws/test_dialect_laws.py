"""What holds of every note, whatever tools it was written for."""

import tempfile
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from ankiforge import extract
from ankiforge.extract.markdown import plain_text
from ankiforge.model import Extracted, Form, Highlight, Scan
from ankiforge.text import cloze
from ankiforge.text.passages import anchor_key, own_key
from tests.examples import examples
from tests.reading import tell_osr

LINES = [
    "", "", "plain words", "==marked== words", "a **bold** word", "{curly} or {2:two}", "{{gap}} here",
    "front::back", "x:::y #tag", "?", "??", "---",
    "START", "END", "Basic", "Cloze", "Back: said", "Tags: a b", "Q: asked", "A: answered",
    "asked #flashcard", "asked #card", "asked #card-reverse", "<!--ID: 1566052191670-->",
    "^1619873212345", "ID: 1566052191670", "<!--SR:!2026-01-01,3,250-->", "> [!sr|card-metadata]",
    "> quoted ==mark==", "- item", "\t- deeper #card", "  more of it", "# Heading", "## A ==heading==",
    "| one |", "|---|", "| cell ==x== |", "```", "`code ==x==`", "$$", "$a::b$", "%%", "<!--", "-->",
    "STARTI [Basic] a Back: b ENDI", "<mark>by a tag</mark> in words",
    "[[a::b]] and https://a.b/c::d", "\\==no\\==",
]  # fmt: skip
notes = st.lists(st.sampled_from(LINES), max_size=24).map("\n".join)
OURS = ("inline", "block", "cloze", "glossary")
DIALECTS = ("osr", "o2a", "flashcards")
some = st.lists(st.sampled_from([*OURS, *DIALECTS]), max_size=6, unique=True).map(tuple)


def found(
    note: str, cards: tuple[str, ...], marks: tuple[str, ...] | None = None
) -> list[Highlight]:
    module = extract.module("obsidian")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "note.md").write_text(note, encoding="utf-8")
        tell_osr(Path(folder))
        wanted = module.Settings(path=folder, cards=cards, marks=marks)
        sightings = list(module.open_source("laws", Path(folder), wanted).scan())
    assert sightings[-1] == Scan("laws", "vault:laws", complete=True)
    return [h for s in sightings if isinstance(s, Extracted) for h in s.highlights]


def plain(note: str) -> str:
    return plain_text(note)


@examples(200)
@given(notes, some)
def test_what_is_found_stands_in_the_plain_text_of_the_note(note, cards):
    text = "\n" + plain(note) + "\n"
    for one in found(note, cards):
        said = one.prefix + one.exact + one.suffix
        before, after = one.anchor_around or (one.prefix, one.suffix)
        # A cloze with signs of its own says other words than the text that keys are made of.
        assert said in text or before + one.anchor_text + after in text
        assert one.suffix in text
        assert all(one.exact[start:end].strip() for start, end in one.gaps)


@examples(200)
@given(notes, some)
def test_keys_are_unique_and_order_is_reading_order(note, cards):
    highlights = found(note, cards)
    keys = [own_key(one) or anchor_key(one, one.nth) for one in highlights]
    assert len(keys) == len(set(keys))
    places = [len(one.prefix) for one in highlights if len(one.prefix) < 80]
    assert places == sorted(places)


@examples(200)
@given(notes, some)
def test_no_card_shows_what_tools_keep_in_a_note(note, cards):
    assume("```" not in note)  # what stands in code is code
    for one in found(note, cards):
        sides = " ".join(one.markdown) if one.form is not Form.PHRASE else ""
        assert "SR:" not in sides
        assert "<!--ID" not in sides
        assert "\ufdd0" not in sides + "".join(one.tags)


@examples(200)
@given(notes, some)
def test_clozes_of_other_tools_are_well_formed(note, cards):
    for one in found(note, cards):
        if one.form is Form.CLOZE:
            assert list(cloze.problems(one.markdown[0])) == []


@examples(150)
@given(notes)
def test_with_osr_what_we_read_by_ourselves_is_still_read(note):
    """On one line and over several: the same passages; what the tool adds comes beside them."""
    ours = [h.exact for h in found(note, ("inline", "block"), ())]
    theirs = [h.exact for h in found(note, ("inline", "block", "osr"), ())]
    assert all(any(exact in longer for longer in theirs) for exact in ours)
