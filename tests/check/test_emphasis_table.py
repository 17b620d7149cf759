"""Which marks policy is sure of, and why it doubts the others: a row for each."""

import pytest
from msgspec.structs import replace

from ankiforge.check import Context, DuplicateIndex, check
from ankiforge.check.emphasis import LEANS
from ankiforge.model import Form, Origin
from tests.check import cards

SURE = ""
POINTS = f"does not stand alone: {LEANS}"
ONLY = "perhaps only emphasis: "
UNSAID = ONLY + "nothing says that it is to be recalled"
ROWS = [
    # named
    ("The division of a nucleus is called {{c1::mitosis}}.", SURE),
    ("the output of a layer is known as its {{c1::activation}}", SURE),
    ("Die Teilung des Kerns in der Zelle heißt {{c1::Mitose}}.", SURE),
    ("細胞の分裂を{{c1::有糸分裂}}と呼ぶ。", SURE),
    ("细胞核的分裂称为{{c1::有丝分裂}}。", SURE),
    ("そのため細胞の分裂を{{c1::有糸分裂}}と呼ぶ。", UNSAID),
    ("细胞核的分裂发生在{{c1::体细胞}}里。", UNSAID),
    # defined
    ("{{c1::Osmosis}} is the flow of water through a membrane of a cell.", SURE),
    ("{{c1::Osmosis}}: the flow of water through a membrane of a cell", SURE),
    ("**{{c1::Osmosis}}** – a flow of water through a membrane of a cell", SURE),
    ("{{c1::Osmosis}} is a flow.", ONLY + "it begins its sentence"),
    (
        "{{c1::Osmosis}}: flow of water through a membrane of a cell",
        ONLY + "it begins its sentence",
    ),
    (
        "{{c1::Server}} (a service of its own) - this is one of them",
        POINTS,
    ),
    (
        "{{c1::Surveys}}, are the usual way of collecting data about people.",
        ONLY + "it begins its sentence",
    ),
    (
        "{{c1::Osmosis}} moves water through a membrane of a cell.",
        ONLY + "it begins its sentence",
    ),
    (
        "{{c1::Cells}} are the {{c2::units}} of life on the surface of this earth.",
        ONLY + "it begins its sentence",
    ),
    # stated
    ("The kidney removes {{c1::creatinine}} out of the blood of the body.", SURE),
    ("In the cell, mRNA is translated into protein at the {{c1::ribosome}}.", SURE),
    ("The nucleus holds the {{c1::chromatin}} of a cell.", SURE),
    ("The cells need {{c1::water}}.", SURE),
    ("In 1869 Mendeleev published the {{c1::periodic table}} of elements.", SURE),
    # any sentence
    (
        "| Organ | Makes |\n|---|---|\n| Pancreas | {{c1::insulin}} |",
        ONLY + "it is a cell of a table",
    ),
    (
        "Does the kidney of a whale filter {{c1::plasma}} at all?",
        ONLY + "a question states nothing",
    ),
    ("It moves {{c1::water}} through a membrane of the cell.", POINTS),
    ("Near zero, this {{c1::approximation}} of the function becomes exact.", POINTS),
    ("Heat turns this {{c1::creatinine}} of the blood into gas.", POINTS),
    ("They're made of {{c1::chromatin}} and of proteins in the nucleus.", POINTS),
    ("of the cells that move {{c1::water}} through a membrane.", POINTS),
    ("Instead of DNA, retroviruses carry {{c1::RNA}} as their material.", SURE),
    (
        "Enzymes speed up reactions; they do this by lowering the {{c1::zymogen barrier}}.",
        SURE,
    ),
    (
        "We solve the equations of the pendulum with {{c1::small angles}}.",
        UNSAID,
    ),
    (
        "You should store the passwords of users as {{c1::hashes}}.",
        UNSAID,
    ),
    (
        "The kidney removes {{c1::plasma}} out of the blood, e.g. of a whale.",
        UNSAID,
    ),
    (
        "Heat -> the kidney of a whale filters less {{c1::plasma}}",
        UNSAID,
    ),
    # a statement
    ("Filter of the kidney for {{c1::plasma}}", UNSAID),
    (
        "Amount of {{c1::memory}} required for running an algorithm.",
        UNSAID,
    ),
    (
        "A vessel that carries {{c1::plasma}} out of the kidney.",
        UNSAID,
    ),
    (
        "Kidney: the filter for {{c1::plasma}} has three layers of cells.",
        UNSAID,
    ),
    (
        "Holds the {{c1::plasma}} of the blood in three layers.",
        UNSAID,
    ),
    (
        "Stores most of the {{c1::glucose}} after meals of the day",
        UNSAID,
    ),
    (
        "Mainly has the {{c1::plasma}} of the blood in small units.",
        UNSAID,
    ),
    (
        "The kidney does not filter {{c1::proteins}} out of the blood.",
        UNSAID,
    ),
    (
        "The kidney doesn't filter {{c1::proteins}} out of the blood.",
        UNSAID,
    ),
    (
        "The kidney of a whale {{c1::removes plasma}} in small units.",
        SURE,
    ),
    (
        "Sleep of adults goes on {{c1::in phases}} through the whole night.",
        SURE,
    ),
    (
        "The kidney of a whale removes plasma in many {{c1::ways}}.",
        SURE,
    ),
    ("The kidney removes {{c1::the creatinine of muscles}} out of the blood.", SURE),
    (
        "The kidney removes {{c1::the creatinine of muscle fibres}} out of the blood.",
        UNSAID,
    ),
    ("The kidney removes {{c1::creatinine}} and {{c2::urea}} out of the blood.", SURE),
    (
        "The kidney {{c1::removes}} most {{c2::creatinine}} out of the blood.",
        ONLY + "it is one of several phrases",
    ),
    # a short phrase that stands within a word before it, too
    ("The usual shells of a system are known as {{c1::sh}}.", SURE),
    # plain facts whose verb or language the tables do not know: no reason that is a guess
    ("Water boils at {{c1::100 °C}}.", UNSAID),
    ("DNA stores {{c1::genetic information}}.", UNSAID),
    ("Gold does not rust because it is a {{c1::noble metal}}.", UNSAID),
    ("Das Herz pumpt {{c1::Blut}} durch den Körper.", UNSAID),
    ("Die Nieren filtern das {{c1::Blut}}.", UNSAID),
    ("Die Erde kreist um die {{c1::Sonne}}.", UNSAID),
    ("L'eau bout à {{c1::100 °C}}.", UNSAID),
    ("Le cœur pompe le {{c1::sang}}.", UNSAID),
    ("El agua hierve a {{c1::100 °C}}.", UNSAID),
    ("Las plantas absorben {{c1::dióxido de carbono}}.", UNSAID),
    ("Il cuore pompa il {{c1::sangue}}.", UNSAID),
    ("Het hart pompt {{c1::bloed}} door het lichaam.", UNSAID),
    ("心臓は{{c1::血液}}を送り出す。", UNSAID),
]


@pytest.mark.parametrize(("text", "says"), ROWS)
def test_a_mark_is_sure_or_in_doubt(text, says):
    draft = replace(cards.cloze(text), origin=Origin("rules:phrase"))
    about = cards.passage(draft.quote, form=Form.PHRASE)
    said = [
        finding.message
        for finding in cards.findings(draft, about)
        if finding.check in ("fragment", "leans_back")
    ]
    assert (said or [SURE])[-1] == says


@pytest.mark.parametrize(
    ("text", "sureness", "is_sure"),
    [
        ("The nucleus holds the {{c1::water}} of a cell.", 0.5, True),
        ("The nucleus holds the {{c1::water}} of a cell.", 0.3, False),
        ("The nucleus holds the {{c1::chromatin}} of a cell.", 0.3, True),
        ("The nucleus holds {{c1::46}} chromosomes.", 0.3, True),
        ("Water of a cell is called {{c1::moisture}}.", 0.3, True),
        ("Several pools of water in a row are called a {{c1::pool}}.", 0.3, True),
    ],
)
def test_a_common_word_needs_a_sure_fact(text, sureness, is_sure):
    draft = replace(cards.cloze(text), origin=Origin("rules:phrase"))
    about = cards.passage(draft.quote, form=Form.PHRASE)
    context = Context(about, DuplicateIndex(), sureness=lambda sentence: sureness)
    found = {finding.check for finding in check(draft, context)}
    assert ("fragment" not in found) is is_sure


def test_half_of_a_term_may_stand_again_unless_it_is_defined():
    for text, is_leak in (
        ("{{c1::Circular buffer}}: a buffer whose end is joined to its beginning", True),
        ("Nets have a {{c1::circular buffer}}: a buffer whose end is joined", False),
    ):
        draft = replace(cards.cloze(text), origin=Origin("rules:phrase"))
        about = cards.passage(draft.quote, form=Form.PHRASE)
        found = {finding.check for finding in cards.findings(draft, about)}
        assert ("gap_leak" in found) is is_leak
