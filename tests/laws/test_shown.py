"""A law of signs, kept by a scanner: what a note shows, its card shows; nothing else stands on it.

`shown.py` knows the formats' documents and not our readers. It was run over 626 notes of strangers with
5,511 cards; what it found there stands here as small notes. What a card must not show makes it wait instead.
"""

from pathlib import Path

import msgspec
import pytest

from ankiforge.anki.render import render_field
from ankiforge.draft.rules import draft_task
from ankiforge.extract import registry
from ankiforge.model import Draft, DraftingTask, ExtractedDocument
from tests.laws.shown import Difference, lost, of_field, of_note
from tests.reading import opened

NOTES = {
    "maths beside a mark": "The ==force== is $F = m a$ here, where $m>0$ is the mass.\n",
    "maths over lines": "The ==sum== of it is\n$$\n\\sum_i x_i\n$$\nfor all of them.\n",
    "code with signs of marks": "The test `a == b ==c==` is ==true== for `$x$` and `` `y` ``.\n",
    "an address with signs": "It is ==there== on https://x.org/a_b_c?d==e==f today.\n",
    "a link": "The ==moss== of [the *old* bog](https://x.org/a_(b)) is `green`.\n",
    "ruby": "The word <ruby>漢字<rt>かんじ</rt></ruby> is ==old== in $x$.\n",
    "footnotes": "The ==water[^1]== is cold in `May`.\n\n[^1]: A note with $x$.\n",
    "a row of a table": (
        "| a | b |\n|:--|--:|\n| $x \\mid y$ | ==two== `c` |\n| other | row |\n"
    ),
    "an answer with a table": (
        "What stands there?\n?\n| a | b |\n|---|---|\n| `c` | $d$<br>e |\n"
    ),
    "an answer with code": (
        "How is it called?\n?\n```python\nif x == y:\n    z = '$a$'\n```\n"
    ),
    "a line with maths on both sides": "The sign of $a_1$ is::$b_1$ or `c_1`\n",
    "a price and maths": "It ==cost== $5 and $6, and $x$ is \\$7 more.\n",
    "a quote with a display": "> What is it?::It is\n> $$a^2$$\n",
    "decomposed letters": "The ==Geba\u0308ude== has `ho\u0308he` and $x$ in it.\n",
}


def cards_of(vault: Path) -> list[tuple[str, Draft]]:
    settings = msgspec.convert(
        {"path": str(vault)}, registry.load_source_type("obsidian").Settings
    )
    found: list[tuple[str, Draft]] = []
    for sighting in opened("obsidian", vault, settings, (), (), name="shown").scan():
        if isinstance(sighting, ExtractedDocument):
            task = DraftingTask(sighting.document, sighting.highlights)
            found += [
                (sighting.document.title, card)
                for result in draft_task(task)
                for card in result.drafts
            ]
    return found


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Draft]]:
    vault = tmp_path_factory.mktemp("shown")
    for name, text in NOTES.items():
        (vault / f"{name}.md").write_text(text, encoding="utf-8")
    return cards_of(vault)


@pytest.mark.parametrize("name", NOTES)
def test_a_card_shows_what_stands_in_its_note(name, cards):
    mine = [card for title, card in cards if title == name]
    assert mine
    note = of_note(NOTES[name])
    for card in mine:
        for field, text in card.fields:
            if text and field not in ("Reverse", "Extra"):
                html = render_field(text, cloze=field == "Text")
                assert lost(note, of_field(html)) == [], html


@pytest.mark.parametrize(
    ("note", "field", "difference"),
    [
        ("so $a$ and b", r"so \(a\) and b", None),
        ("so $a$ and b", "so a and b", ("maths:a", "a")),
        ("so $a$ and b", "so $a$ and b", ("maths:a", "raw:$ a raw:$")),
        ("so $a$ and b", "so and b", ("maths:a", "")),
        ("so and $a$", "so and", ("maths:a", "")),
        ("so `a==b` and b", "so <code>ab</code> and b", ("code:a==b", "code:ab")),
        ("so b[^1] and c", "so b[^1] and c", ("", "raw:[^ 1")),
        ("is <ruby>字<rt>じ</rt></ruby> so", "is 字 so", ("ruby:じ", "")),
        ("on https://x.org/a==b so", "on https://x.org/ab so", ("address", "address")),
        (r"so \[sic\] it is \*b", "so [sic] it is *b", None),
        ("so ==b== and c", "so ==b== and c", ("", "raw:==")),
    ],
)
def test_the_scanner_sees_what_is_lost(note, field, difference):
    found = lost(of_note(note), of_field(field))
    if difference is None:
        assert found == []
    else:
        [first, *_] = found
        assert isinstance(first, Difference)
        assert first.note.startswith(difference[0])
        assert first.card.startswith(difference[1])
