"""What a card may say of its source: numbers, negations, certainty, names, links, the marked fact."""

import pytest

from ankiforge.check import CheckContext, DuplicateIndex, check_draft
from tests.check import cards

SAYS = {
    "ungrounded_number": "a number that is not in the source: ",
    "number_altered": "the source has the number with another unit, sign or era: ",
    "ambiguous_number": "a raised number follows it there, a power or a citation: ",
    "answer_partly": "most of the answer is not in the source: ",
    "answer_not_in_source": "the source does not give the answer ",
    "negation": "may negate what the source says, or the reverse: ",
    "opposite": "may say the opposite of the source: ",
    "certainty": "sounds more certain than the source: ",
    "literal": "a formula or code that is not in the source: ",
    "name_in_answer": "a name that is not in the source: ",
    "foreign_link": "a link or picture that is not in the source: ",
    "foreign_markup": "contains markup that can run code: ",
    "model_talk": "is about a language model, not about the subject: ",
    "beside_the_mark": "asks for a fact beside the marked words",
    "gap_cuts": "",
}


def compare(answer, source, front="How is it?", **about):
    """What is found in an answer, or in a cloze, that the whole source is the quote of."""
    card = cards.cloze(answer, source) if "{{" in answer else cards.question(front, answer, source)  # fmt: skip
    context = CheckContext(cards.passage(source, **about), DuplicateIndex())
    return {
        finding.check: finding.message.removeprefix(SAYS[finding.check])
        for finding in check_draft(card, context)
        if finding.check in SAYS
    }


@pytest.mark.parametrize(
    ("answer", "source", "expected"),
    [
        # the words of the answer
        ("2012 zebra yaks lions", "the yaks of 2012", {}),
        ("2012 zebra tigers lions", "2012", {"answer_partly": "zebra, tigers, lions"}),
        ("one zebra lion yak", "lions of one", {"answer_partly": "zebra, yak"}),
        ("never", "It is not so.", {}),
        ("never", "It is so.", {"answer_not_in_source": "“never”"}),
        ("zebras, zebras, yaks, lions", "the lions", {"answer_partly": "zebras, yaks"}),
        ("freed lions", "the free lions", {}),
        ("to free them", "it freed lions", {}),
        ("lower", "the low lions", {}),
        ("the largest", "a large one", {}),
        ("of the validity", "it is valid", {}),
        ("l'eau", "eau", {}),
        ("it", "they", {"answer_not_in_source": "“it”"}),
        ("...", "dots", {"answer_not_in_source": "“...”"}),
        ("$x = y + z$", "so x=y+z holds", {}),
        ("$a+b$", "b+a", {"answer_not_in_source": "“a+b”", "literal": "“a+b”"}),
        ("z" * 61, "no", {"answer_not_in_source": f"“{'z' * 59}…”"}),
        # numbers that the source lacks
        ("half, then a third", "It lost half of it.", {"ungrounded_number": "third"}),
        ("12 and 15 and 15", "12 of them", {"ungrounded_number": "15"}),
        ("3 of 4 and 6", "3 of them in 5", {"ungrounded_number": "4, 6"}),
        ("two thirds of it", "66 % of it", {"ungrounded_number": "thirds"}),
        ("two threads", "both threads", {}),
        ("three threads", "both threads", {"ungrounded_number": "three"}),
        ("3 million people", "3,000,000 people", {}),
        ("4 million people", "3,000,000 people", {"ungrounded_number": "4"}),
        ("in 2012", "in two thousand", {"ungrounded_number": "2012"}),
        # with another unit, sign or era
        ("20", "It grew in 14 of 20⁵ plots.", {"ambiguous_number": "20⁵"}),
        ("14", "It grew in 14 of 20⁵ plots.", {}),
        ("10⁵", "It has 5 × 10⁵ cells.", {}),
        ("5 mg", "It weighs 5 g.", {"number_altered": "5 mg; there: 5 g"}),
        ("5 mg", "It weighs 5.", {}),
        ("5", "It weighs 5 g.", {}),
        ("−3 km", "It took 3 s to fall 3,000 m.", {}),
        ("3 km", "It took 3 s to fall 300 m.", {"number_altered": "3 km; there: 3 s"}),
        ("5 mg, then 5 g", "It weighs 5 mg, then 5 g.", {}),
        ("−5 °C", "It has 5 °C.", {"number_altered": "−5 °c; there: 5 °c"}),
        ("5 °C", "It has −5 °C.", {"number_altered": "5 °c; there: −5 °c"}),
        ("5 °C", "It has −5 °C or 5 °C.", {}),
        ("in 44 BC", "He lived in 44 AD.", {"number_altered": "44 bc; there: 44 ad", "name_in_answer": "“BC”"}),
        ("in 44", "He lived in 44 BC.", {}),
        ("in 44 BC", "from 44 BC to 44 AD", {}),
        ("in 44 BC", "He lived in 44, then BC.", {}),
        (r"A {{c1::game}} with payoffs $\{-1,0,1\}$", r"One knows a game with payoffs $\{-1,0,1\}$", {}),
    ],
)  # fmt: skip
def test_the_words_and_numbers_of_an_answer(answer, source, expected):
    assert compare(answer, source) == expected


NA = "{{c1::Sodium}} "


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        (f"{NA}leaves the cell.", "Sodium does not leave the cell.", {"negation": "“not”"}),
        (f"{NA}does not leave the cell.", "Sodium leaves the cell.", {"negation": "“not”"}),
        (f"{NA}does not leave the cell.", "Sodium never leaves the cell.", {}),
        (f"{NA}leaves the cell.", "Sodium leaves the cell, but potassium does not.", {}),
        (f"{NA}leaves the cell.", "Sodium leaves the cell. Potassium does not leave the cell.", {}),
        ("It has no {{c1::color}}.", "It has color.", {"negation": "“color”"}),
        (f"{NA}is not small.", "Sodium is large.", {}),
        (f"{NA}is large.", "Sodium is not small.", {}),
        (f"{NA}reduces pressure.", "Sodium increases pressure.", {"opposite": "the card says “reduces”, the source “increases”"}),
        (f"{NA}reduces pressure.", "Sodium increases or reduces pressure.", {}),
        (f"{NA}reduces, not increases, pressure.", "Sodium increases pressure.", {"negation": "“increases pressure”"}),
        ("{{c1::Iron}} is heavier than zinc.", "Zinc is lighter than iron.", {}),
        ("{{c1::Iron}} is heavier than zinc.", "Iron is lighter than zinc.", {"opposite": "the card says “heavier”, the source “lighter”"}),
        ("{{c1::Iron}} melts before zinc.", "Zinc melts after iron.", {}),
        ("{{c1::Iron}} melts before zinc.", "Iron melts after zinc.", {"opposite": "the card says “before”, the source “after”"}),
        ("The {{c1::page}} loads first.", "The page loads last.", {"opposite": "the card says “first”, the source “last”"}),
        ("A second {{c1::page}} loads.", "The first page loads.", {}),
        ("The second {{c1::page}} loads.", "The first page loads.", {"opposite": "the card says “second”, the source “first”"}),
        (f"{NA}always raises pressure.", "Sodium may raise pressure.", {"certainty": "“always”"}),
        (f"{NA}always raises pressure.", "Sodium raises pressure.", {}),
        (f"{NA}always raises pressure.", "Sodium may always raise pressure.", {"certainty": "without “may”"}),
        (f"{NA}raises pressure.", "Sodium may raise pressure.", {"certainty": "without “may”"}),
        (f"{NA}raises pressure.", "Sodium may or could raise pressure.", {"certainty": "without “could”"}),
        (f"{NA}may raise pressure.", "Sodium raises pressure.", {}),
        (f"{NA}may always raise pressure.", "Sodium could raise pressure.", {}),
        (f"{NA}raises pressure.", "In May, sodium raises pressure.", {}),
        (f"{NA}is a metal.", "Sodium is a metal that may raise pressure.", {}),
    ],
)  # fmt: skip
def test_what_a_cloze_claims(text, source, expected):
    assert compare(text, source) == expected


@pytest.mark.parametrize(
    ("front", "answer", "source", "expected"),
    [
        ("Which ions never leave?", "sodium", "Sodium leaves the cell.", {"negation": "“leave sodium”"}),
        ("Which ion does not leave?", "sodium", "Sodium does not leave the cell.", {}),
        ("What leaves, if potassium does not?", "sodium", "Sodium leaves the cell.", {}),
        ("Which is it: one that rises or falls?", "falls", "It rises.", {}),
        ("Which is it: one that rises or falls?", "stands", "It rises.", {"answer_not_in_source": "“stands”"}),
        ("What raises it?", "sodium", "Sodium may raise it.", {"certainty": "without “may”"}),
        ("What may raise it?", "sodium", "Sodium may raise it.", {}),
        ("What?", "always sodium", "It may be sodium.", {"certainty": "“always”"}),
        # formulas, code and names
        ("Which calls?", "`a` and `b`", "`a` or b and `c`", {}),
        ("Which calls?", "`a` and `bc`", "`a` and d", {"answer_not_in_source": "“a and bc”", "literal": "“bc”"}),
        ("Which calls?", "`zz` and `yy`, a call that sorts lists", "a call that sorts lists", {"literal": "“zz”"}),
        ("Which?", r"\$x\$ and d", "d x", {}),
        ("Who?", "US forces", "the U.S. forces", {}),
        # a capital at the start of a sentence makes no name
        ("How?", "With Batch Normalization", "Training is faster if Batch Normalization is used.", {}),
        ("How?", "With Layer Normalization", "Training is faster if Batch Normalization is used.", {"name_in_answer": "“Layer”"}),
        ("What?", "The Yeast", "It is yeast.", {}),
        ("Who?", "the large and armed forces of Ada and Bob", "the large and armed forces of Eve", {"name_in_answer": "“Ada”"}),
        ("Who?", "both Romans of the west", "both in the west of Roman towns", {}),
        ("Wer?", "der Hund der Katze", "Das ist der Hund, der die Tiere mag und nicht schläft.", {}),
        # links
        ("Where?", "see https://a.example.", "It is at https://a.example, see.", {}),
        ("Where?", "see, then read: www.b.example, then [c](c.html) and learn", "see, read and learn, then c", {"foreign_link": "www.b.example"}),
        ("Where?", "see ![[a.png]]", "see it", {"foreign_link": "a.png"}),
        ("Where?", f"see www.{'b' * 70}", "see it", {"foreign_link": f"www.{'b' * 56}", "answer_partly": f"www, {'b' * 70}"}),
        # markup that does something
        ("What?", "so <b onerror=x>", "so", {"foreign_markup": "onerror="}),
        ("What?", "[sound:a.mp3]", "[sound:a.mp3]", {}),
        # what a model says in a conversation
        ("What is said?", "as an AI, I say so", "I say so", {"model_talk": "“as an AI”"}),
        ("What does it print?", "often", "It prints “as an AI” often. It is so.", {"model_talk": "“as an AI”"}),
        ("What does it print?", "so", "It prints “as an AI” often. It is so.", {}),
    ],
)  # fmt: skip
def test_what_a_question_card_claims(front, answer, source, expected):
    assert compare(answer, source, front) == expected


BEATS = "Retrieval practice beats rereading"
AROUND = f"The effect of retrieval was reviewed in 2006 by many. {BEATS}."


@pytest.mark.parametrize(
    ("front", "answer", "exact", "is_beside"),
    [
        ("When was the effect reviewed?", "2006", BEATS, True),
        ("What of practice was reviewed?", "2006", BEATS, True),
        ("When was it shown that practice beats it?", "2006", BEATS, False),  # two marked words
        ("What was reviewed in 2006?", "retrieval effect", BEATS, False),  # half of the answer
        ("What was reviewed in 2006?", "retrieval effect of many", BEATS, True),
        ("What beats it?", "2006", "beats", False),  # one of one
        ("When was the effect reviewed?", "2006", AROUND, False),  # all is marked
        ("When was the effect reviewed?", "2006", "—", False),
        ("When was the effect reviewed?", "…", BEATS, False),
    ],
)  # fmt: skip
def test_the_marked_words_are_what_is_asked(front, answer, exact, is_beside):
    found = compare(answer, exact, front, sentence=AROUND)
    assert ("beside_the_mark" in found) is is_beside
