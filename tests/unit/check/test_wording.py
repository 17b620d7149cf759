"""Near misses of the wording rules: what a pattern would catch too much of, or too little."""

import pytest


@pytest.mark.parametrize(
    ("rule", "front"),
    [
        ("yes_no", "If heat flows in, does entropy grow?"),
        ("yes_no", "Ist Licht eine Welle?"),
        ("pronoun_start", "How do they differ?"),
        ("no_antecedent_doc", "What do the authors conclude?"),
        ("no_antecedent_doc", "According to the article, what is entropy?"),
        ("no_antecedent_doc", "What does the paper propose instead of recurrence?"),
        ("no_antecedent_doc", "What was mentioned above about entropy?"),
        ("and_question", "Who found dropout and when was it published?"),
        ("indefinite_ask", "What are some uses of entropy?"),
        ("broad_how", "How does sleep influence learning?"),
    ],
)
def test_a_front_is_caught_in_other_words_too(cards, rule, front):
    assert rule in cards.named(cards.question(front, "masking units"))


@pytest.mark.parametrize(
    ("rule", "front"),
    [
        ("yes_no", "May 1968 began with protests at which university?"),
        ("yes_no", "Was bedeutet Entropie?"),
        ("yes_no", "Hat tricks are scored by how many goals?"),
        ("no_antecedent_doc", "A linear model has weights. How is this model trained?"),
        ("no_antecedent_doc", "Who is the author of War and Peace?"),
        (
            "no_antecedent_doc",
            "In the paper “Attention is all you need”, what replaces recurrence?",
        ),
        ("no_antecedent_doc", "What does the text property of a tag hold?"),
        ("pronoun_start", "What is italic type used for?"),
        ("pronoun_start", "Why is it hard to estimate the fatality of a disease?"),
        ("pronoun_start", "What is this?\n\n![a rash](rash.jpg)"),
        ("pronoun_start", "What is this diagnosis? A child of two with fever and a rash."),
        ("broad_how", "How do you change a negative integer to positive?"),
        ("vague_superlative", "Which four main causes of anaemia are there?"),
        ("and_question", "What do whales and bats share?"),
        ("figure_reference", "What is a table of contents for?"),
        ("scare_quote_def", "What does the French word “chat” mean?"),
    ],
)
def test_a_front_passes_that_only_looks_alike(cards, rule, front):
    assert rule not in cards.named(cards.question(front, "masking units"))


@pytest.mark.parametrize(
    "back", ["No free lunch theorem", "True positive rate", "No-op", "false discovery rate"]
)
def test_an_answer_that_begins_like_no_is_not_no(cards, back):
    assert "yes_no_answer" not in cards.named(cards.question("What is it called here?", back))


@pytest.mark.parametrize(
    ("back", "rule"),
    [
        ("- iron\n- zinc\n- gold\n- lead", "list_gt3"),
        ("1. iron\n2. zinc\n3. gold\n4. lead\n5. tin\n6. copper", "list_gt5"),
        ("铁、锌、金、铅", "list_gt3"),
    ],
)
def test_items_are_counted_however_they_are_set(cards, back, rule):
    assert rule in cards.named(cards.question("Which metals are there?", back))


@pytest.mark.parametrize(
    "back",
    [
        "1,000,000",
        "Paris, the capital of France since the tenth century or so, with breaks",
        "the floor of x, that is, the largest integer k, such that k ≤ x",
        "4 bytes, (at least 4, commonly 4, rarely 8), 8 on LP64",
    ],
)
def test_commas_alone_make_no_list(cards, back):
    assert not {"list_gt3", "list_gt5"} & set(cards.named(cards.question("What is it?", back)))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("gap_leak", "{{c1::TLS}} is newer than SSL, and TLS is safer."),
        ("gap_leak", "In {{c1::1789}} it began, and 1789 was the year."),
        ("gap_leak", "A {{c1::gradient}} is one of many gradients."),
        ("gap_leak", "{{c1::Water}} is wet and {{c2::water}} is cold."),
        ("pronoun_start", "These {{c1::cells}} divide."),
        ("pronoun_start", "Diese {{c1::Zellen}} teilen sich."),
        ("gap_stopword", "Networks {{c1::that are}} deep learn slowly."),
        ("no_antecedent_doc", "In this paper, we propose {{c1::dropout}}."),
    ],
)
def test_a_cloze_is_caught(cards, rule, text):
    assert rule in cards.named(cards.cloze(text))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("gap_leak", "The {{c1::rat}} of the generation is rated."),
        ("gap_leak", "{{c1::Water}} is wet and {{c1::water}} is cold."),
        ("gap_leak", "{{c1::to}} be or not to be"),
        ("pronoun_start", "Italy has {{c1::twenty}} regions."),
        ("pronoun_start", "It follows from this that {{c1::energy}} is conserved."),
        ("pronoun_start", "These days {{c1::transistors}} are tiny."),
        ("gap_stopword", "The variable is called {{c1::A}}."),
        ("gap_stopword", "The sum is {{c1::$\\pi$}} exactly."),
        ("gap_stopword", "The signal is {{c1::+}} or minus."),
        ("gap_stopword", "Proteins are folded in the {{c1::ER}} of a cell."),
        ("gap_stopword", "Homologous organs have the {{c1::same}} origin."),
        ("gap_leak", "- S phase: copies {{c1::DNA}}\n- G1: grows\n- G2: checks DNA\n- M: divides"),
        ("hint_leak", "The trait is {{c1::dominant::dominant/recessive}} in humans."),
        ("gap_gt50pct", "TCP is {{c1::reliable and ordered}}."),
    ],
)
def test_a_cloze_passes(cards, rule, text):
    assert rule not in cards.named(cards.cloze(text))


@pytest.mark.parametrize(
    ("front", "back"),
    [
        ("Isolate the lowest bit of x", "x & ~(x - 1)"),
        ("What are the children of a (2, 4) node?", "2-4"),
    ],
)
def test_formulae_share_their_signs_with_the_question(cards, front, back):
    assert "leak_80" not in cards.named(cards.question(front, back))
