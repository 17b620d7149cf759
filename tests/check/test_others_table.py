"""What is told of cards that are not ours, as a table: a card, and the rules that it breaks."""

import pytest

from ankiforge.check import check_anki_card
from ankiforge.model import NO_KEY, Card, CardContent, CardKind, Origin

OPTIONS = "Which is right?\n\n1. iron\n\n2. zinc\n\n3. gold"
ROWS = [
    # faults of form
    ("What is water made of?", "\t", ["empty_side", "control_character"]),
    ("What is water made of?", "<br>", ["empty_side"]),
    ("Water boils at {{c1::100 °C.", "", ["malformed"]),
    ("{{c1::Water}} {{c1::boils}}.", "", ["gap_is_all"]),
    (r"What is $\frac{1}{2$?", "one half", ["maths"]),
    ("What is a caf\ufffd?", "a place to drink coffee", ["damaged_text"]),
    ("What is a beam?", "a bar that is \x08ent by its load", ["control_character"]),
    ("What is iron?", "a metal", []),
    # how others word their cards is theirs
    ("Does yeast need air?", "No.", []),
    ("What is it for? Who made it?", "for ice; Ada", []),
    ("What is water made of?", "TODO", []),
    ("Explain the retina.", "layers of cells", []),
    ("Which metals are noble?", "gold, silver, platinum, iridium", []),
    ("What rusts?", "iron, which has " + "one more word of it " * 13, []),
    ("{{c1::Iron}}, {{c2::zinc}}, {{c3::gold}} and {{c4::lead}} are metals.", "", []),
    ("It comes {{c1::from the}} north in every spring.", "", []),
    ("{{c1::Iron}} rusts as iron does.", "", []),
    ("**What is iron?", "a metal", []),
    # an answer on the front may be meant
    (OPTIONS, "zinc", []),
    ("Singapore", "Singapore", []),
    ("What does `git log` do? `git log`", "git log", []),
]


def card(front: str, back: str) -> Card:
    fields = (("Front", front), ("Back", back)) if back else (("Text", front),)
    kind = CardKind.BASIC if back else CardKind.CLOZE
    return CardContent(NO_KEY, kind, fields, Origin("x"))


@pytest.mark.parametrize(("front", "back", "rules"), ROWS)
def test_what_is_told_of_a_card(front, back, rules):
    assert [finding.check for finding in check_anki_card(card(front, back))] == rules


def test_of_our_own_cards_all_is_told():
    ours = card("Which metals are noble?", "gold, silver, platinum")
    assert check_anki_card(ours) == ()
    assert [finding.check for finding in check_anki_card(ours, is_ours=True)] == ["set"]
