"""What holds of every note, however it is written."""

import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from ankiforge import extract
from ankiforge.model import Extracted, Highlight, Scan, Sighting
from ankiforge.text.fold import fold
from ankiforge.text.markdown import plain
from ankiforge.text.passages import anchor_key, own_key
from tests.examples import examples

PIECES = [
    "==", "<mark>", "</mark>", "**", "*", "_", "~~", "`", "``", "$", "$$", "%%", "<!--", "-->",
    "[[", "]]", "![[", "|", "[", "](", ")", "[^1]", "^[", " ^id1", "\n^id2\n", "{{", "}}", "{{c2::",
    "::", ":::", "\n?\n", "\n??\n", "\n\n", "\n", "  \n", "\\", "&amp;", "<b>", "<br>", "#tag",
    "\n# ", "\n- ", "\n1. ", "\n> ", "\n> [!note] ", "\n```\n", "\n~~~\n", "\n---\n", "\n| a | b |\n|-|-|\n",
    "    ", "\t", ": ", ". ", "! ", "。", "Dr. ", "word", "Two words", "x", "é", "漢字", "\ufdd0", "\ufdd11\ufdd1",
    "==marked words==", "{{an answer}}", "`a ==b==`", "$x}} == y$", "[a link](http://x.y)", "**bold**",
    "\x00", "\u2028", "https://a.b/c==d", "\n[a]: b\n", "**Term**: text", "\n## Glossary\n",
]  # fmt: skip

notes = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def seen(note: str, **settings: tuple[str, ...]) -> list[Sighting]:
    module = extract.module("obsidian")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "Vault")
        root.mkdir()
        (root / "note.md").write_bytes(note.encode())
        wanted = module.Settings(path=folder, **settings)
        return list(module.open_source("laws", root, wanted).scan())


def found(note: str, **settings: tuple[str, ...]) -> list[Highlight]:
    sightings = seen(note, **settings)
    assert sightings[-1] == Scan("laws", "vault:laws", complete=True)
    extracted = [s for s in sightings if isinstance(s, Extracted)]
    return [highlight for one in extracted for highlight in one.highlights]


EVERYTHING = {"marks": ("==", "mark", "bold", "callout")}


@examples(150)
@given(notes)
def test_keys_of_a_note_are_unique(note):
    highlights = found(note, **EVERYTHING)
    keys = [own_key(one) or anchor_key(one, one.nth) for one in highlights]
    assert len(keys) == len(set(keys))


@examples(300)
@given(notes)
def test_gaps_say_the_same_in_both_texts_and_never_cut_code_or_maths(note):
    for highlight in found(note, **EVERYTHING):
        for gap, written in zip(highlight.gaps, highlight.markdown_gaps, strict=False):
            words = highlight.exact[slice(*gap)]
            assert words.strip() == words != ""
            assert fold(plain(highlight.markdown[0][slice(*written)])) == fold(bare(words))


def bare(words: str) -> str:
    """Plain text keeps the signs of code and maths, `plain` does not."""
    return plain(words)


def whole(highlight: Highlight) -> str:
    """The note's plain text, if it is short enough to be seen from here."""
    ends = max(len(highlight.prefix), len(highlight.suffix)) < 80
    return highlight.prefix + highlight.exact + highlight.suffix if ends else ""


@examples(300)
@given(notes)
@example("==marked words==\n# ==marked words====marked words==")
def test_all_highlights_are_verbatim_pieces_of_one_text_whatever_is_wanted(note):
    seen = [*found(note, **EVERYTHING), *found(note, marks=("==",), cards=()), *found(note)]
    assert len({whole(highlight) for highlight in seen} - {""}) <= 1
    for highlight in seen:
        assert highlight.exact == highlight.exact.strip() != ""
        assert max(len(highlight.prefix), len(highlight.suffix)) <= 80


@examples(100)
@given(notes)
def test_carriage_returns_and_a_byte_order_mark_change_nothing(note):
    other = "\ufeff" + note.replace("\n", "\r\n")
    assert found(other, **EVERYTHING) == found(note, **EVERYTHING)
