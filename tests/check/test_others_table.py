"""What is said of cards that are not ours, as a table: a card, and the rules that it breaks."""

import pytest

from ankiforge.check import check_made
from ankiforge.model import NO_KEY, Card, CardKind, Origin

WORDS = "one more word of it "
OPTIONS = "Which is right?\n\n1. iron\n\n2. zinc\n\n3. gold"
ROWS = [
    # a question for yes or no; an answer that is a choice on the front gives nothing away
    ("Does yeast need air?", "No.", ["yes_no"]),
    ("Space is a property of God.\n\nTrue / False", "True", ["yes_no"]),
    ("Can you name some metals?", "- iron\n- zinc\n- gold\n- tin", ["set"]),
    ("Is the customer an adult?", "![](x.png)", []),
    ("Is sorting stable?", "Yes: equal elements keep their order among one another.", []),
    ("Oui. Est-ce que trois heures vous irait ?", "Yes. How about three?", []),
    # `?` within an address
    ("How to map /a but only when ?bar=1 is set, for all?", "by a filter", []),
    ("Are `?` and `!` allowed in names, as in `empty?`", "in some languages", []),
    ("What is it for? Who made it?", "for ice; Ada", ["two_questions"]),
    ("{{c1::Iron}}, {{c1::zinc}}, {{c1::gold}} and {{c1::lead}} are metals.", "", ["set"]),
    # a definition has one answer, and a value of `what` is no yes or no
    ("What is a generic method in Java?", "one with a type of its own", []),
    ("What is the default of a boolean field?", "false", []),
    # options are no set, and a question with options may be long
    (OPTIONS, "- right: it is iron\n- wrong\n- wrong", []),
    ("Get a list of open files", "lsof\n\neg:\n\nlsof -i", []),
    ("Swap two integers in place", "a ^= b\n\nb ^= a\n\na ^= b", []),
    ("What are its parts?\n(4)", "stem\n\nleaf\n\nroot\n\nfruit", ["set"]),
    ("Explain the difference of a and b.", "a is a letter", []),
    ("Explain the retina.", "layers of cells", ["open"]),
    ("The parts of a stem are:", "bark and wood", []),
    ("single character wildcard", "?", []),
    ("What is water made of?", "TODO", ["placeholder"]),
    ("If you know the title, write:", "Dear Personnel Director,", []),
    ("Which metals are noble?", "gold, silver, platinum, iridium", ["set"]),
    ("Which metals are noble?", "gold, silver, platinum", []),
    # a formula is one word
    ("{{c1::$a + b - c + d - e + f - g + h - i + j$}} is the sum of the row.", "", []),
    ("The {{c1::long " + WORDS * 4 + "}} is what the row is all about.", "", ["gap_gt8w"]),
    ("{{c1::Iron}} rusts as iron does.", "", ["gap_leak"]),
    ("It is {{c1::$\\lambda$}} for the law $P(\\lambda)$ of rare things.", "", []),
    ("For $X$ it is {{c1::$np_i$}} in the mean of draws.", "", []),
    # what some want so
    ("{{c1::Iron}}, {{c2::zinc}}, {{c3::gold}} and {{c4::lead}} are metals.", "", []),
    ("It comes {{c1::from the}} north in every spring.", "", []),
    ("What rusts?", "iron, which has " + WORDS * 13, ["answer_gt20w"]),
    ("What rusts?", "iron, which has " + WORDS * 10, []),
]  # fmt: skip


@pytest.mark.parametrize(("front", "back", "rules"), ROWS)
def test_what_is_said_of_a_card(front, back, rules):
    fields = (("Front", front), ("Back", back)) if back else (("Text", front),)
    kind = CardKind.BASIC if back else CardKind.CLOZE
    card = Card(NO_KEY, kind, fields, quote="", answer="", start=0, origin=Origin("x"))
    assert [finding.check for finding in check_made(card)] == rules


def test_of_our_own_cards_all_is_said():
    fields = (("Front", "Which metals are noble?"), ("Back", "gold, silver, platinum"))
    card = Card(NO_KEY, CardKind.BASIC, fields)
    assert check_made(card) == ()
    assert [finding.check for finding in check_made(card, ours=True)] == ["set"]
