"""Notes of a vault beyond the cases in `texts/obsidian-*`: keys, hostile text, files, links."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ankiforge.extract import registry
from ankiforge.model import (
    ExtractedDocument,
    Highlight,
    HighlightForm,
    Problem,
    ScanEnd,
    Sighting,
)
from ankiforge.text.keys import build_anchor_key, build_source_id_key
from ankiforge.text.private import get_privacy_reason
from tests.foreign import foreign, needed
from tests.reading import opened, tell_osr

ROOT = Path(__file__).parents[2]
OURS = ("inline", "block", "cloze", "glossary")
DIALECTS = ("osr", "o2a")
MARKED = "A ==mark== here.\n"


def scan(root: Path, *only: Path, **settings: Any) -> list[Sighting]:
    wanted = msgspec.convert(
        {"path": str(root), **settings}, registry.load_source_type("obsidian").Settings
    )
    return list(opened("obsidian", root, wanted, only, name="notes").scan())


def highlights(folder: Path, note: str, **settings: Any) -> list[Highlight]:
    (folder / "note.md").write_bytes(note.encode())
    return [
        h
        for s in scan(folder, **settings)
        if isinstance(s, ExtractedDocument)
        for h in s.highlights
    ]


# --- keys -----------------------------------------------------------------------------------


def vectors() -> list[dict[str, Any]]:
    lines = (ROOT / "tests/keys/keys.jsonl").read_text("utf-8").splitlines()
    found = [vector for vector in map(json.loads, lines) if "note" in vector]
    assert len(found) >= 12
    return found


@pytest.mark.parametrize("vector", vectors())
def test_notes_of_the_page_on_keys_read_as_it_says(tmp_path, vector):
    found = highlights(tmp_path, vector["note"])
    assert [h.exact for h in found] == vector["exact"]
    around = [h.anchor_context or (h.prefix, h.suffix) for h in found]
    plain = {
        before + (h.anchor_text or h.exact) + after
        for h, (before, after) in zip(found, around, strict=True)
    }
    assert plain == {vector["plain"]}
    assert [
        build_source_id_key(h) or build_anchor_key(h, h.occurrence) for h in found
    ] == vector["keys"]


@pytest.mark.parametrize(
    "tagged", ["---\ntags: [no-llm]\n---\n{}", "{}\n\n#no-llm\n", "%%#no-llm%%\n\n{}"]
)
@pytest.mark.parametrize("vector", vectors())
def test_no_key_depends_on_the_tag_of_privacy(tmp_path, vector, tagged):
    if vector["note"].startswith("---"):
        pytest.skip("it has front matter of its own")
    found = highlights(tmp_path, tagged.format(vector["note"]))
    assert [
        build_source_id_key(h) or build_anchor_key(h, h.occurrence) for h in found
    ] == vector["keys"]
    assert all(map(get_privacy_reason, found))


def test_thousands_of_cards_over_several_lines_are_read(tmp_path):
    note = "".join(
        f"Question {number}?\n?\nAnswer {number}.\n\n" for number in range(1100)
    )
    assert len(highlights(tmp_path, note)) == 1100


# --- hostile text ---------------------------------------------------------------------------

EVERY_MARK = {"marks": ("==", "mark", "bold", "callout")}
EVERY_CARD = {"cards": (*OURS, *DIALECTS)}
HOSTILE = [
    *((EVERY_MARK, note) for note in (
        "[[" * 7500, "==a== " * 1000, "*a **b " * 1250, "{{a" * 1250, "`" * 750 + "<!--" * 750,
        "> " * 1250 + "==x==", "$a " * 5000, "> ```a\n" * 5000 + "x ==y==", " " * 50_000 + "==x==",
        "What" + " " * 50_000 + "is it?\n?\nA cell.", "<table>" + "<tr><td>" * 2500,
        "<mark>" * 2500, "Q\n?\n" + "```x\n" * 5000, "a::b " * 2500)),
    *((EVERY_CARD, note) for note in (
        "{" * 5000, "==a" * 2250, "{a} " * 1000, "START\n" * 750,
        "".join(" " * n + "- a #card\n" for n in range(400)), "a\n---\n" * 1500, "~~a " * 2250)),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "note"), HOSTILE, ids=lambda value: str(value)[:8])
def test_hostile_notes_are_read_to_their_end(tmp_path, settings, note):
    (tmp_path / "note.md").write_text(note, encoding="utf-8")
    tell_osr(tmp_path)
    *found, end = scan(tmp_path, **settings)
    assert isinstance(end, ScanEnd)
    assert all(one.is_notice for one in found if isinstance(one, Problem))


@pytest.mark.parametrize(
    "sign", ["<% ", "<sup>1</sup>", "x==a ", "\\frac{{", "$$ \\begin ", "{{a "]
)
def test_a_long_row_of_signs_that_never_end_is_read_in_its_length(tmp_path, sign):
    (marked,) = highlights(tmp_path, sign * 3000 + "\n\nThe ==end== of it.")
    assert [marked.exact[slice(*gap)] for gap in marked.gaps] == ["end"]


# --- the files of other people --------------------------------------------------------------


NAMES = {
    "obsidian-spaced-repetition": "osr",
    "Obsidian_to_Anki": "o2a",
}


NEUTRAL_TABLE = "obsidian/flashcard-syntax-cases.json"
NOT_READ = {"fc070", "fc072", "fc074", "fc103"}
"""Patterns of clozes with footnotes for hints, marks of three signs, a rule between the sides."""


def cases() -> list[dict[str, Any]]:
    path = foreign(NEUTRAL_TABLE)
    found = json.loads(path.read_text("utf-8")) if path else []
    named = [case for case in found if case["source"] in (*NAMES, "ankiforge-own")]
    return [case for case in named if case["id"] not in NOT_READ]


OF_ITS_PATTERN_ONLY = "fc045"
"""A mark over a line end: no cloze to the plugin's pattern, a mark to Obsidian itself."""


def test_the_neutral_table_is_here():
    needed(NEUTRAL_TABLE)
    assert len(cases()) > 70


def kind(highlight: Highlight) -> str:
    if highlight.form in (HighlightForm.CLOZE, HighlightForm.PHRASE):
        return "cloze"
    return "reversed" if highlight.is_two_way else "basic"


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_each_case_of_the_neutral_table_is_read_as_its_tool_reads_it(tmp_path, case):
    dialects = (NAMES[case["source"]],) if case["source"] in NAMES else (*OURS, *DIALECTS)
    options = case["options"]
    of_osr = isinstance(options, dict) and "singleLineCardSeparator" in options
    tell_osr(tmp_path, **(options if of_osr else {}))
    found = highlights(tmp_path, case["input"], cards=dialects)

    expected = case["expected"]
    assert [kind(h) for h in found] == [
        e["type"].replace("-multiline", "") for e in expected
    ]
    for highlight, card in zip(found, expected, strict=True):
        if "front" in card:
            assert highlight.markdown == (card["front"], card["back"])
        elif dialects != ("osr",):  # that table has the source there, not the card
            assert highlight.markdown == (" ".join(card["text"].split()),)
        if "tags" in card:
            assert highlight.tags == tuple(card["tags"])
        if "existing_id" in card:
            assert highlight.hints == (f"anki:{card['existing_id']}",)
    counted = case["source"] in ("obsidian-spaced-repetition", "ankiforge-own")
    if counted and isinstance(options, str) and case["id"] != OF_ITS_PATTERN_ONLY:
        ours = highlights(tmp_path, case["input"], marks=("==", "mark", "bold"))
        assert len(ours) == len(expected)


def test_templates_of_a_real_vault_make_no_cards():
    assert [
        s
        for s in scan(needed("obsidian/vault-kepano"))
        if isinstance(s, ExtractedDocument)
    ] == []


# --- what a file system says ----------------------------------------------------------------


def test_links_are_not_followed_and_told_of_if_they_lead_out_of_the_vault(tmp_path):
    root, outside = tmp_path / "vault", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "a.md").write_text(MARKED, "utf-8")
    for name, target in (
        ("loop", root),
        ("b.md", root / "a.md"),
        ("x.png", root / "a.md"),
        ("out", outside),
        ("out.md", outside / "none.md"),
    ):
        (root / name).symlink_to(target)
    note, first, second, end = scan(root)
    assert [note.document.path, first.location, second.location] == [
        "a.md",
        "out",
        "out.md",
    ]
    assert f"ankiforge run {outside}" in first.hint
    assert "points nowhere" in second.hint
    assert first.is_notice
    assert end.complete
    assert not any(
        isinstance(one, Problem) for one in scan(root, exclude=("out/", "out.md"))
    )


def test_a_path_outside_is_a_problem(tmp_path):
    (tmp_path / "vault").mkdir()
    (tmp_path / "outside.md").write_text(MARKED, "utf-8")
    problem, end = scan(tmp_path / "vault", tmp_path / "outside.md")
    assert (type(problem), end.complete) == (Problem, False)


def test_a_paragraph_of_hundreds_of_cards_is_read(tmp_path):
    lines = [f"What is number {number}?::the number {number}\n" for number in range(500)]
    cards = highlights(tmp_path, "".join(lines))
    assert len(cards) == 500
    assert not any(card.may_continue for card in cards)


# --- links into Obsidian ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("V", "obsidian://open?vault=V&file=note"),
        ("V/Bio cells", "obsidian://open?vault=V&file=Bio%20cells%2Fnote"),
        ("plain", ""),
    ],
)
def test_only_a_note_in_a_vault_has_a_link_into_obsidian(tmp_path, folder, expected):
    (tmp_path / "V" / ".obsidian").mkdir(parents=True)
    (tmp_path / folder).mkdir(exist_ok=True)
    [mark] = highlights(tmp_path / folder, MARKED)
    assert (mark.document.uri, mark.uri) == (expected, expected)


def test_a_folder_that_becomes_a_vault_is_read_again(tmp_path):
    highlights(tmp_path, MARKED)
    before = opened_state(tmp_path)
    (tmp_path / ".obsidian").mkdir()
    assert opened_state(tmp_path) != before


def opened_state(root: Path) -> str:
    settings = msgspec.convert(
        {"path": str(root)}, registry.load_source_type("obsidian").Settings
    )
    return str(opened("obsidian", root, settings, (), name="notes").listing.settings_text)


# --- what in a vault changes how its notes are read -----------------------------------------

PLUGINS = ".obsidian/community-plugins.json"


@pytest.mark.parametrize(
    ("there", "changed", "is_read_again"),
    [
        ({}, {"logseq/config.edn": "{}"}, True),
        ({}, {"../logseq/config.edn": "{}"}, True),
        ({}, {"logseq/custom.css": ""}, False),
        ({}, {".obsidian/app.json": "{}"}, True),  # a vault, so its notes have links
        ({PLUGINS: "[]"}, {PLUGINS: '["dataview"]'}, True),
        ({PLUGINS: "[]"}, {PLUGINS: '["calendar"]'}, False),
        ({PLUGINS: "[]"}, {".obsidian/templates.json": '{"folder": "T"}'}, True),
    ],
)
def test_notes_are_read_again_if_their_vault_is_another(
    tmp_path, there, changed, is_read_again
):
    vault = tmp_path / "graph" / "pages"
    vault.mkdir(parents=True)

    def describe_reader(files: dict[str, str]) -> str:
        for place, content in files.items():
            (vault / place).parent.mkdir(parents=True, exist_ok=True)
            (vault / place).write_text(content)
        return str(opened("obsidian", vault).listing.settings_text)

    before = describe_reader(there)
    assert (describe_reader(changed) != before) is is_read_again
