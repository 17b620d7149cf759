"""Which sentences of a paper are about its own study, or a step of an argument, and are certain no more."""

import pytest

from ankiforge.draft.propose import score_highlight
from ankiforge.draft.propose.study import reports_study
from ankiforge.model import MIN_CERTAIN_CONFIDENCE, Document, DocumentKey

OWN = (
    "We recruited 40 students from two universities.",
    "Samples were incubated for two hours at 37 °C.",
    "The objective of the model is to minimise the costs of the system.",
    "Each simulated household is given a shock to its permanent income.",
    "Eq. (18a) is the Dirac equation for particle 1.",
    "The problem is that the equation (1) is asymmetrical.",
    "All participants gave written consent.",
    "The response differed between both groups (p < 0.05).",
    # guesses, judgements and steps of an argument
    "Sleep may consolidate what was learned.",
    "Obesity is a major problem in Europe.",
    "Although the lake is deep, it freezes.",
    "Both are shown in the upper panel.",
)
FACTS = (
    "Oxytocin is a neuropeptide hormone.",
    "Grey seals live in the north Atlantic and the Baltic Sea.",
    "The lifecycle model has no households with a very high target wealth ratio.",
    "Ideal adsorbed solution theory predicts isotherms of mixtures at the same temperature.",
    "In 1848, Virchow investigated typhus in Silesia.",
    "By 1900, thirty-one states had adopted the code of New York.",
)


@pytest.mark.parametrize("sentence", OWN)
def test_a_sentence_about_the_study_itself(sentence):
    assert reports_study(sentence)


@pytest.mark.parametrize("sentence", FACTS)
def test_a_sentence_that_states_a_fact(sentence):
    assert not reports_study(sentence)


@pytest.mark.parametrize(
    ("namespace", "identifiers", "is_certain"),
    [
        ("pdf:p", (), False),
        ("zotero:z", (), False),
        ("vault:v", (("quoted-zotero", "users/1/ABCD2345"),), False),
        ("vault:v", (), True),
        ("kindle:k", (), True),
    ],
)
def test_it_counts_for_papers_and_for_notes_that_quote_them(
    highlight, namespace, identifiers, is_certain
):
    sentence = (
        "Osmosis is the diffusion of water through a semipermeable membrane in the model."
    )
    document = Document(
        DocumentKey(f"{namespace}/d"), "s", "On Sleep", identifiers=identifiers
    )
    passage = highlight(sentence, namespace=namespace, document=document)
    certain = score_highlight(passage).usefulness >= MIN_CERTAIN_CONFIDENCE
    assert certain is is_certain
