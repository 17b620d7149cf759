"""Which number each gap of a new text gets: the steps of `renumber_gaps`, row by row."""

import pytest

from ankiforge.ledger.gap_numbers import renumber_gaps
from ankiforge.text.cloze import find_cloze_numbers

KEPT = [
    # name, old text, new text, expected
    ("nothing changed", "The {{c1::heart}} pumps.", "The {{c1::heart}} pumps.", "The {{c1::heart}} pumps."),
    ("words around it", "The {{c2::heart}} pumps.", "A {{c1::heart}} beats.", "A {{c2::heart}} beats."),
    ("two change places", "{{c1::Oslo}} and {{c2::Rome}}", "{{c1::Rome}} and {{c2::Oslo}}",
     "{{c2::Rome}} and {{c1::Oslo}}"),
    ("in other letters and signs", "the {{c3::Heart}}", "the {{c1::heart.}}", "the {{c3::heart.}}"),
    ("a hint stays with it", "the {{c3::heart::organ}}", "the {{c1::heart::what pumps}}", "the {{c3::heart::what pumps}}"),
    ("several numbers of one gap", "the {{c2,3::heart}}", "the {{c1::heart}}", "the {{c2,3::heart}}"),
    # similar answers: 75 of 100
    ("a typo", "x y z {{c4::mitochondrion}} a b c", "k l m {{c1::mitochondria}} o p q",
     "k l m {{c4::mitochondria}} o p q"),
    ("3 of 4 letters", "x y z {{c4::abcd}} a b c", "k l m {{c1::abce}} o p q", "k l m {{c4::abce}} o p q"),
    ("5 of 7 letters", "{{c1::kept}} x y z {{c4::abcdefg}} a b c", "{{c1::kept}} k l m {{c2::abcdexy}} o p q",
     "{{c1::kept}} k l m {{c5::abcdexy}} o p q"),
    ("the equal one before the similar one", "{{c1::heart}} x y z {{c2::hearts}}", "{{c1::hearts}} k l m",
     "{{c2::hearts}} k l m"),
    ("equal answers are asked first, whatever their order", "{{c1::hearts}} x {{c2::heart}}",
     "{{c1::heart}} x {{c2::hearty}}", "{{c2::heart}} x {{c1::hearty}}"),
    # the same place: three words on one side
    ("other words at one place", "it was {{c3::1928}} in all of London", "it was {{c1::April}} in all of Paris",
     "it was {{c3::April}} in all of Paris"),
    ("by the words before", "of all the {{c3::1928}} here", "of all the {{c1::April}} there", "of all the {{c3::April}} there"),
    ("two of three words before", "{{c1::kept}} of all the {{c3::1928}}", "{{c1::kept}} of no the {{c2::April}} x",
     "{{c1::kept}} of no the {{c4::April}} x"),
    ("the fourth word does not count", "one of all the {{c3::1928}} x", "no of all the {{c1::April}} y",
     "no of all the {{c3::April}} y"),
    ("another gap is one word there", "the {{c1::red}} big {{c2::fox}} x", "the {{c3::green}} big {{c4::dog}} y",
     "the {{c1::green}} big {{c2::dog}} y"),
    ("alone in the text", "{{c3::1928}}", "{{c1::April}}", "{{c3::April}}"),
    ("nothing on either side is no place", "{{c3::abc}} x", "{{c1::qwert}}", "{{c4::qwert}}"),
    # new ones
    ("another gap", "the {{c1::heart}} of a man", "the {{c1::heart}} of a {{c2::dog}}", "the {{c1::heart}} of a {{c2::dog}}"),
    ("with the number of another one", "a {{c2::heart}} x y z", "{{c2::dogs}} k l m a {{c1::heart}} x y z",
     "{{c3::dogs}} k l m a {{c2::heart}} x y z"),
    ("two others", "a {{c1::heart}}", "a {{c1::heart}} k l {{c1::dog}} m n {{c1::cat}}",
     "a {{c1::heart}} k l {{c2::dog}} m n {{c3::cat}}"),
    ("a gap goes", "a {{c1::heart}} of a {{c2::dog}}", "a heart of a {{c1::dog}}", "a heart of a {{c2::dog}}"),
    ("no gap left", "a {{c1::heart}}", "a heart", "a heart"),
    # rewritten as a whole: the first gap is the first card
    ("translated", "The {{c1::heart}} pumps blood into vessels", "Das {{c3::Herz}} treibt etwas an, sagen wir",
     "Das {{c1::Herz}} treibt etwas an, sagen wir"),
    ("translated, and its number was not 1", "The {{c2::heart}} pumps blood into vessels",
     "Das {{c3::Herz}} treibt etwas an, sagen wir", "Das {{c3::Herz}} treibt etwas an, sagen wir"),
    ("the same text, marked elsewhere", "The {{c1::heart}} pumps blood into the vessels of us",
     "The heart pumps blood into the {{c1::vessels}} of us", "The heart pumps blood into the {{c2::vessels}} of us"),
    ("part of the text, marked elsewhere", "The {{c1::heart}} pumps blood into the vessels of us. It beats.",
     "The heart pumps {{c1::blood}} into the vessels of us.", "The heart pumps {{c2::blood}} into the vessels of us."),
    ("three letters of twenty are others, marked elsewhere", "{{c1::abcd}} efgh ijkl mnop qrst", "abcd {{c1::efgh}} ijkl mnop qxyz",
     "abcd {{c2::efgh}} ijkl mnop qxyz"),
    ("85 of 100 letters are the same, marked elsewhere", "{{c1::abcde}} fghij klmno pq", "abcde {{c1::fghij}} klxyz pq",
     "abcde {{c2::fghij}} klxyz pq"),
    ("translated, without a gap", "The {{c1::heart}} pumps blood into vessels", "Das Herz treibt etwas an",
     "Das Herz treibt etwas an"),
    ("the first gap of all", "a heart", "a {{c5::heart}}", "a {{c1::heart}}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"), [row[1:] for row in KEPT], ids=[row[0] for row in KEPT]
)
def test_a_gap_keeps_its_number(old, new, expected):
    assert renumber_gaps(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new", "used", "earlier", "expected"),
    [
        # a number that was ever used is not free
        ("a {{c1::heart}}", "a {{c1::heart}} k l {{c2::dog}}", (2, 5), (), "a {{c1::heart}} k l {{c6::dog}}"),
        ("a {{c1::heart}}", "a {{c1::heart}} k l {{c2::dog}}", (), ("a {{c7::cat}}",), "a {{c1::heart}} k l {{c8::dog}}"),
        # but for the answer that had it: of several texts, the newest
        ("a {{c1::heart}}", "a {{c1::heart}} k l {{c2::dog}}", (3,), ("a {{c3::dog}}",), "a {{c1::heart}} k l {{c3::dog}}"),
        ("a {{c1::heart}}", "a {{c1::heart}} k l {{c2::dog}}", (), ("a {{c3::dog}}", "a {{c4::dog}}"),
         "a {{c1::heart}} k l {{c3::dog}}"),
        ("a {{c1::heart}}", "a {{c1::heart}} k l {{c2::dog}}", (), ("a {{c3::dogs}}",), "a {{c1::heart}} k l {{c4::dog}}"),
        # one number goes to one answer
        ("a {{c1::heart}}", "a {{c1::heart}} k l {{c2::dog}} m n o {{c3::dog}}", (), ("a {{c3::dog}}",),
         "a {{c1::heart}} k l {{c3::dog}} m n o {{c4::dog}}"),
        ("a {{c1::heart}}", "a {{c1::heart}} k l {{c2::dog}}", (), ("a {{c1::dog}}",), "a {{c1::heart}} k l {{c2::dog}}"),
        # rewritten as a whole, with an answer of before: that one is the same card
        ("The {{c1::heart}} pumps blood into vessels", "Das {{c3::Herz}} treibt etwas an, sagen wir", (),
         ("{{c2::Herz}}",), "Das {{c2::Herz}} treibt etwas an, sagen wir"),
        ("The {{c1::heart}} pumps blood into vessels", "Das {{c3::Herz}} treibt etwas an, sagen wir", (4,),
         ("{{c2::Blut}}",), "Das {{c1::Herz}} treibt etwas an, sagen wir"),
    ],
)  # fmt: skip
def test_numbers_that_were_used_before(old, new, used, earlier, expected):
    assert renumber_gaps(old, new, used, earlier) == expected


@pytest.mark.parametrize(
    ("gaps", "keeps_similar"), [(200, True), (201, True), (202, False)]
)
def test_of_very_many_gaps_only_equal_answers_are_compared(gaps, keeps_similar):
    old = " ".join(f"{{{{c{n + 1}::{n:03}abcdefgh}}}} w{n}" for n in range(gaps))
    new = (
        "{{c1::000abcdefghi}} {{c1::200abcdefgh}}"
        if gaps > 200
        else "{{c1::000abcdefghi}}"
    )
    first, *_ = sorted(find_cloze_numbers(renumber_gaps(old, f"before {new}")))
    assert (first == 1) == keeps_similar
