"""A corrected passage ships under its old note; another fact never does."""

import pytest

from ankiforge.check.corrections import Passage, classify
from ankiforge.model import (
    Document,
    DocumentKey,
    EditKind,
    Form,
    Highlight,
    HighlightKind,
)

ANOTHER, WAITS, CORRECTION = EditKind


def passage(text, under=()):
    """A passage written with `==gaps==`, or as `front :: back`."""
    front, mark, back = text.partition(" :: ")
    if mark:
        return Passage(front, answer=back, under=under)
    parts, gaps, plain = text.split("=="), [], ""
    for number, part in enumerate(parts):
        if number % 2:
            gaps.append((len(plain), len(plain) + len(part)))
        plain += part
    return Passage(plain, tuple(gaps), under=under)


def kind(before, after, under=((), ()), known=()):
    old, new = (passage(text, above) for text, above in zip((before, after), under, strict=True))
    return classify(old, new, known).kind


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("World War 1 ended in ==1918==.", "World War 2 ended in ==1945==.", ANOTHER),
        ("Louis XIV died in ==1715==.", "Louis XV died in ==1774==.", ANOTHER),
        ("A lack of B1 causes ==beriberi==.", "A lack of B12 causes ==anaemia==.", ANOTHER),
        ("Fe(II) is ==green==.", "Fe(III) is ==brown==.", ANOTHER),
        ("Fe(II) is ==pale==.", "Fe(III) is ==pale==.", WAITS),
        ("The Rhine is ==1,230 km== long.", "The Elbe is ==1,094 km== long.", ANOTHER),
        ("Clouds form as moist air rises.", "Rain falls when drops are heavy.", ANOTHER),
        ("It began in ==1914==.", "It ended in ==1918==.", WAITS),
        ("The dose for adults is ==500 mg==.", "The dose for children is ==250 mg==.", WAITS),
        ("Copper is not ==magnetic==.", "Copper is ==magnetic==.", WAITS),
        ("The ==aorta== is the largest artery.", "The ==femur== is the longest bone.", ANOTHER),
        ("Water is ==H~2~O==.", "Water is ==H₂O==.", CORRECTION),
        ("The gas is ==SO~2~==.", "The gas is ==SO~3~==.", WAITS),
        ("The force falls with r<sup>2</sup>.", "The force falls with r<sup>3</sup>.", WAITS),
        ("Dating by <sup>14</sup>C is ==old==.", "Dating by <sup>12</sup>C is ==old==.", WAITS),
        ("The ion is ==O₂==.", "The ion is ==O₂⁻==.", WAITS),
        ("It is released form the ==liver==.", "It is released from the ==liver==.", CORRECTION),
        ("Die Lunge liegen im ==Brustkorb==.", "Die Lunge liegt im ==Brustkorb==.", CORRECTION),
        ("Die acht Nerven sind ==kurz==.", "Die achten Nerven sind ==kurz==.", WAITS),
        ("The employer pays the ==tax==.", "The employee pays the ==tax==.", WAITS),
        ("A treap is ==balanced==.", "A trap is ==balanced==.", WAITS),
        ("Ho ==sete== oggi e domani.", "Ho ==sette== oggi e domani.", WAITS),
        ("Es una ==perdida== de tiempo.", "Es una ==pérdida== de tiempo.", WAITS),
        ("A large ==oak== grew.", "A largely ==oak== grew.", WAITS),
        ("Samuel Adam was a ==brewer==.", "Samuel Adams was a ==brewer==.", WAITS),
        ("The Unites ==States== won.", "The United ==States== won.", CORRECTION),
        ("It passes trough the ==liver==.", "It passes through the ==liver==.", CORRECTION),
        ("It counts the tree in a ==forest==.", "It counts the trees in a ==forest==.", CORRECTION),
        ("It moves quick in ==air==.", "It moves quickly in ==air==.", CORRECTION),
        ("A vertex if in the ==tree==.", "A vertex is in the ==tree==.", CORRECTION),
        ("Come gatos y ==perros==.", "Come gatos o ==perros==.", WAITS),
        ("It is joined by ==ligase== here.", "It is joined by ==ligase or pepsin== here.", WAITS),
        ("It is joined by ==ligase==.", "It is joined by ==ligase==, or rather cut.", WAITS),
        ("It is less than ==a third== of it.", "It is less than or equal to ==a third== of it.", CORRECTION),
        ("The gas fills l25 mL of ==it==.", "The gas fills 125 mL of ==it==.", CORRECTION),
        ("It stops for 1 second at ==C==.", "It stops for one second at ==C==.", CORRECTION),
        ("As Figure 3 shows, it is ==red==.", "As Figure 4 shows, it is ==red==.", CORRECTION),
        ("Figure 3 shows a ==heart==.", "Figure 4 shows a ==lung==.", ANOTHER),
        ("Sorting takes ==n log n== steps.", "Sorting takes at least ==n log n== steps.", CORRECTION),
        ("Sorting takes ==n log n== steps.", "Sorting takes at most ==n log n== steps.", WAITS),
        ("It was first seen by ==Galileo==.", "It was seen by ==Galileo==.", CORRECTION),
        ("Asia began in ==1924==.", "Historically, Asia began in ==1924==.", CORRECTION),
        ("The right end is ==blue==.", "The left and right end is ==blue==.", CORRECTION),
        ("A problem is in NP and ==hard==.", "A problem is both in NP and ==hard==.", CORRECTION),
        ("Il cuore a quattro ==camere==.", "Il cuore ha quattro ==camere==.", CORRECTION),
        ("In 2021 it began in ==Asia==.", "In early 2021 it began in ==Asia==.", CORRECTION),
        ("The 1200 ==men== fell in Asia.", "The left 1200 ==men== fell in Asia.", WAITS),
        ("Henry is ==earl== in Wessex.", "Henry is third ==earl== in Wessex.", WAITS),
        ("The rough ==reticulum== makes it.", "The roughly ==reticulum== makes it.", WAITS),
        ("The lager ==beer== is cold.", "The larger ==beer== is cold.", WAITS),
        ("It has ==large deserts==.", "It has ==large desserts==.", WAITS),
        ("Orwell's novel is (==1948==).", "Orwell's novel is (==1949==).", CORRECTION),
        ("`A[12]` is ==free==.", "`A[13]` is ==free==.", WAITS),
        ("It moves at ==299,792 km/s==.", "It moves at ==299,792.458 km/s==.", CORRECTION),
        ("The river is ==1320 km== long.", "The river is ==1230 km== long.", CORRECTION),
        ("The river is ==long==.", "The river is ==long== (Smith, 2010).", CORRECTION),
        ("It holds ==19 thousand== litres.", "It holds ==19,000== litres.", CORRECTION),
        ("Give ==250 µg== of it.", "Give ==250 mg== of it.", WAITS),
        ("It has ==3 billion== stars.", "It has ==3 million== stars.", WAITS),
        ("A year has 3.1 x 10^7 ==seconds==.", "A year has 3.1·10⁷ ==seconds==.", CORRECTION),
        ("It is ==9.46e12== km.", "It is ==9.46 × 10^12== km.", CORRECTION),
        ("It began on 23.5.1949 in ==Bonn==.", "It began on 23. Mai 1949 in ==Bonn==.", CORRECTION),
        ("CO2 is a ==gas==.", "CO$_2$ is a ==gas==.", CORRECTION),
        ("He said E=mc^2 in ==1905==.", "He said $E=mc^2$ in ==1905==.", CORRECTION),
        ("COVID 19 is ==viral==.", "COVID-19 is ==viral==.", CORRECTION),
        ("It isn't a ==force==.", "It is not a ==force==.", CORRECTION),
        ("Le coeur a quatre ==cavités==.", "Le cœur a quatre ==cavités==.", CORRECTION),
        ("The atmoshpere holds ==nitrogen==.", "The atmosphere holds ==nitrogen==.", CORRECTION),
        ("The statue of Anne is of ==1710==.", "The statute of Anne is of ==1710==.", WAITS),
        ("The generic name is ==Homo==.", "The genetic name is ==Homo==.", WAITS),
        ("El sulfato es ==una sal==.", "El sulfito es ==una sal==.", WAITS),
        ("Il cappello è ==nero==.", "Il capello è ==nero==.", WAITS),
        ("The controlling firm is ==liable==.", "The controlled firm is ==liable==.", WAITS),
        ("Das Kind wurde in ==Ulm== geboren.", "Das Kind würde in ==Ulm== geboren.", WAITS),
        ("Der Hund beißt den ==Mann==.", "Den Hund beißt der ==Mann==.", WAITS),
        ("Caesar was killed by ==Brutus==.", "Caesar was killed for ==Brutus==.", WAITS),
        ("Aspirin may harm the ==stomach==.", "Aspirin harm the ==stomach==.", WAITS),
        ("Alle Vögel legen dort ==Eier==.", "Vögel legen dort ==Eier==.", WAITS),
        ("Every group has a ==series==.", "Every finite group has a ==series==.", WAITS),
        ("Insulin lowers the ==sugar== at once.", "Insulin resistance lowers the ==sugar== at once.", WAITS),
        ("ACE makes the ==vessels== narrow.", "The ACE inhibitor makes the ==vessels== narrow.", WAITS),
        ("`#ifdef` opens a ==block==.", "`#ifndef` opens a ==block==.", WAITS),
        ("A ⇒ B is a ==relation==.", "A ⇔ B is a ==relation==.", WAITS),
        ("Where is it? :: https://a.org/x", "Where is it? :: https://a.org/y", WAITS),
        ("5-HT2 acts on ==mood==.", "5-HT3 acts on ==mood==.", WAITS),
        ("The pH is ==7.35–7.45==.", "The pH is ==7.35 to 7.45==.", CORRECTION),
        ("It came in ==1867== and in ==1885==.", "It came in ==1867==.", WAITS),
        ("Elbe reaches the sea after ==1100 km==.", "Oder reaches the sea after ==1100 km==.", WAITS),
        ("Atene è la ==capitale==.", "Atene non è la ==capitale==.", WAITS),
        ("The ==1NF== is met.", "The ==2NF== is met.", WAITS),
        ("Write a ==for== loop.", "Write a ==do== loop.", WAITS),
        ("Apply it zero ==or more== times.", "Apply it one ==or more== times.", WAITS),
        ("It is due ==tomorrow==.", "It is due after ==tomorrow==.", WAITS),
        ("A proxy to localhost:3000 ==runs==.", "A proxy to localhost:8096 ==runs==.", WAITS),
        ("x lies in [0, 1] and ==is real==.", "x lies in [1, 2] and ==is whole==.", ANOTHER),
        ("Das Haus wurde ==gebaut==.", "Das Haus wurde ==gebraut==.", WAITS),
        ("Haus: ==gebaut==", "Haus: ==gebraut==", WAITS),
        ("Das Herz pummpt ==Blut==.", "Das Herz pumpt ==Blut==.", CORRECTION),
        ("Das Herz pumpt ==Blut==.", "Das Herz pummpt ==Blut==.", WAITS),
        ("Die Bewohner des Gebietes ==wählen==.", "Die Bewohner des Gebiets ==wählen==.", CORRECTION),
        ("Resula ==fácil== usar la orden.", "Resulta ==fácil== usar la orden.", CORRECTION),
        ("La mujer tiene ==pena== de todo.", "La mujer tiene ==peña== de todo.", WAITS),
        ("The base is ==cytidine==.", "The base is ==cytosine==.", WAITS),
        ("The town is ==Freiberg==.", "The town is ==Freiburg==.", WAITS),
        ("Adam wrote a ==book==.", "Adams wrote a ==book==.", WAITS),
        ("The slope is ==f'(x)==.", "The slope is ==f''(x)==.", WAITS),
        ("There are ==n!== orders.", "There are ==n== orders.", WAITS),
        ("The set is ==[0, 1]==.", "The set is ==[0, 1)==.", WAITS),
        ("==der== See ist tief.", "==die== See ist tief.", WAITS),
        ("Fleming grew ==mould== at home.", "Alexander Fleming grew ==mould== at home.", CORRECTION),
        ("In it some some ==states== unite.", "In it some ==states== unite.", CORRECTION),
        ("There he or she is ==free==.", "There they are ==free==.", CORRECTION),
        ("It flows withot ==friction== here.", "It flows without ==friction== here.", CORRECTION),
        ("It has fourty ==teeth== in all.", "It has forty ==teeth== in all.", CORRECTION),
        ("Cells hsve a ==wall== here.", "Cells have a ==wall== here.", CORRECTION),
        ("Aspirin effects the ==stomach== wall.", "Aspirin affects the ==stomach== wall.", CORRECTION),
        ("The law (see Chapter 3) is ==old== here.", "The law is ==old== here.", CORRECTION),
        ("It must rest in ==water== first.", "It rests in ==water== first.", CORRECTION),
        ("African men came to ==Brazil==.", "Africans men came to ==Brazil==.", CORRECTION),
        ("A bacteria is a ==prokaryote==.", "A bacterium is a ==prokaryote==.", CORRECTION),
        ("Die Muskel sind alle ==rot==.", "Die Muskeln sind alle ==rot==.", CORRECTION),
        ("Sodium has atomic number ==12==.", "Sodium has atomic number ==11==.", CORRECTION),
        ("Bus number 12 goes to ==Bonn==.", "Bus number 11 goes to ==Bonn==.", WAITS),
        ("It increases the ==rate== here.", "It increases and decreases the ==rate== here.", WAITS),
        ("The Fed sets the ==rate== here.", "The feed sets the ==rate== here.", WAITS),
        ("El capital es de ==Madrid==.", "La capital es de ==Madrid==.", WAITS),
        ("Convergence is ==uniform==.", "Convergence is ==weakly uniform==.", WAITS),
    ],
)  # fmt: skip
def test_cases_of_the_reviews(before, after, expected):
    assert kind(before, after) is expected


@pytest.mark.parametrize(
    ("before", "after", "old", "new", "expected"),
    [
        ("==1,230 km==", "==1,094 km==", ("Rivers", "Rhine"), ("Rivers", "Elbe"), ANOTHER),
        ("==1,320 km==", "==1,230 km==", ("Rivers", "Rhine"), ("Rivers", "Rhine"), CORRECTION),
        ("==1,320 km==", "==1,230 km==", (), (), WAITS),
        ("Length: ==1094 km==", "Length: ==854 km==", ("Elbe",), ("Oder",), ANOTHER),
        ("Length: ==1049 km==", "Length: ==1094 km==", ("Elbe",), ("The Elbe",), CORRECTION),
        ("Slept:: ==7 h==", "Slept:: ==6 h==", ("2026-11-20",), ("2026-11-21",), ANOTHER),
        ("Slept:: ==7 h==", "Slept:: ==6 h==", ("2026-11-20",), ("2026-11-20",), CORRECTION),
    ],
)
def test_a_bare_number_is_of_what_stands_above_it(before, after, old, new, expected):
    assert kind(before, after, (old, new)) is expected


def test_of_two_words_of_the_vault_none_is_a_misspelling():
    before, after = "The ==sterocilia== bend.", "The ==stereocilia== bend."

    assert kind(before, after) is CORRECTION
    assert kind(before, after, known={"sterocilia", "stereocilia"}) is WAITS


def test_a_word_that_only_the_correction_shares_with_the_vault_was_misspelled():
    before, after = "The skin makes ==dermpidin==.", "The skin makes ==dermcidin==."

    assert kind(before, after) is WAITS
    assert kind(before, after, known={"dermcidin"}) is CORRECTION


def highlight(**fields):
    document = Document(DocumentKey("vault:notes/a.md"), "notes", "Rivers")
    return Highlight(document, "vault:notes", fields.pop("kind", HighlightKind.HIGHLIGHT), **fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"exact": "The Rhine is 1,230 km long.", "gaps": ((13, 21),), "heading": "Europe"},
            Passage("The Rhine is 1,230 km long.", ((13, 21),), under=("Europe",)),
        ),
        (
            {"kind": HighlightKind.CARD, "form": Form.INLINE, "exact": "q a", "markdown": ("q", "a")},
            Passage("q", answer="a", under=("its document",)),
        ),
        (
            {
                "kind": HighlightKind.CARD, "form": Form.CLOZE, "exact": "The Rhine.",
                "markdown": ("The {{c1::Rhine}}.",), "above": ("Germany",),
            },
            Passage("The Rhine.", ((4, 9),), under=("Germany",)),
        ),
    ],
)  # fmt: skip
def test_the_words_of_a_highlight(fields, expected):
    assert Passage.of(highlight(**fields)) == expected
