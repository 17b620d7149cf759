"""`ankiforge repair cards.csv --source FILE`: what the source says of each card."""

import pytest

from ankiforge.pipeline.against import SourceText

LECTURE = """# Lecture

The hippocampus binds the parts of an episode together. Sleep strengthens what was learned on the day before. Working memory holds about four chunks.
"""


@pytest.fixture
def held(forge, tmp_path):
    """Hold rows of a table against the lecture; return the JSON lines."""

    def hold(*rows: str) -> list:
        source = tmp_path / "lecture.md"
        source.write_text(LECTURE, encoding="utf-8")
        table = tmp_path / "cards.csv"
        table.write_text("\n".join(("Front,Back", *rows, "")), encoding="utf-8")
        return forge.ok("repair", table, "--source", source, "--json").lines

    return hold


@pytest.mark.parametrize(
    ("row", "said", "why"),
    [
        ("What binds the parts of an episode together?,the hippocampus", "said", ""),
        ("When is what was learned strengthened?,in sleep", "said", ""),
        ("How many chunks does working memory hold?,about nine", "not said", "nine"),
        ("Which gland makes melatonin?,the pineal gland", "not said", "no word of it"),
    ],
)
def test_a_card_is_said_or_not(held, row, said, why):
    [card] = held(row)
    assert card["said"] == said
    assert why in card["why"]


def test_all_rows_are_held_and_the_nearest_passage_stands_beside(held):
    cards = held(
        "What binds the parts of an episode together?,the hippocampus",
        "What binds the parts of an episode together?,the hippocampus.",
        "How many chunks does working memory hold?,about nine",
    )
    assert [card["nid"] for card in cards] == [1, 2, 3]
    assert "Working memory holds about four chunks" in cards[2]["passage"]
    assert [*cards[0]["same"], *cards[1]["same"]] == [cards[0]["front"]]
    assert [card["in_anki"] for card in cards] == [[], [], []]


def test_in_lines_each_doubt_stands_beside_its_passage_and_a_bad_row_is_named(
    forge, tmp_path
):
    source = tmp_path / "lecture.md"
    source.write_text(LECTURE, encoding="utf-8")
    table = tmp_path / "cards.csv"
    rows = (
        "Front,Back",
        "How many chunks does working memory hold?,about nine",
        "one,two,three",
    )
    table.write_text("\n".join(rows), encoding="utf-8")
    done = forge.ok("repair", table, "--source", source)
    assert f"the notes of {table}" in done.stderr
    told = done.stdout
    assert "not said: 1 of 1" in told
    assert "→ about nine" in told
    assert "nearest: “" in told
    assert told.count("not read: row") == 1
    refused = forge("repair", table, "--source", source, "--deck", "Biology", code=2)
    assert "no note names a deck" in refused.stderr

    # as Anki exports it, with the deck of each note
    exported = rows[1].replace("How", "Biology,How", 1)
    table.write_text(f"#separator:comma\n#deck column:1\n{exported}\n", encoding="utf-8")
    done = forge.ok("repair", table, "--source", source, "--deck", "Biology")
    assert "→ about nine" in done.stdout


def sentences(*words):
    return " ".join(f"{word.title()} sinks in {word}s." for word in words)


METALS = "iron copper zinc silver nickel cobalt".split()


@pytest.mark.parametrize(
    ("text", "asked", "nearest"),
    [
        # the best, wherever it stands
        ("Iron conducts heat.\n\nCopper conducts heat well.", "copper conducts heat", "Copper conducts heat well."),
        # a few sentences of a long paragraph, up to its last one
        (sentences(*METALS), "cobalt sinks in cobalts", sentences(*METALS[-3:])),
        ("Iron conducts heat.", "Which gland makes melatonin?", ""),
    ],
)  # fmt: skip
def test_the_passage_that_is_nearest(text, asked, nearest):
    assert SourceText(text).nearest({"Front": asked}) == nearest
