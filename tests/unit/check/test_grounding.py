"""No card says what its source does not, and none is refused for saying it otherwise."""

import pytest

from ankiforge.model import Form, HighlightKind, Origin

SOURCE = (
    "The Transformer, introduced in 2017 by Vaswani et al., relies on self-attention; it was "
    "trained on eight GPUs for 12 hours, at 10⁶ tokens and 1,000 steps, after World War II."
)


@pytest.mark.parametrize(
    ("front", "back"),
    [
        ("When was the Transformer introduced?", "in 2017"),
        ("What does the Transformer rely on?", "Self-attention."),
        ("How many GPUs trained the Transformer?", "8"),
        ("For how many hours was the Transformer trained?", "twelve"),
        ("How many tokens?", "$10^6$"),
        ("How many steps were trained?", "1000"),
        ("After which war was the Transformer introduced?", "World War 2"),
        ("Who introduced the Transformer?", "Vaswani et al."),
    ],
)
def test_an_answer_from_the_passage_is_grounded_however_it_is_written(cards, front, back):
    draft = cards.question(front, back, SOURCE)

    assert cards.findings(draft, cards.passage(SOURCE)) == ()


@pytest.mark.parametrize(
    ("back", "grounded"), [("on 3 March 1918", True), ("on 3 April 1918", False)]
)
def test_a_month_is_the_same_in_another_language(cards, back, grounded):
    source = "Der Vertrag von Brest-Litowsk wurde am 3. März 1918 geschlossen."
    draft = cards.question("When was the treaty of Brest-Litovsk signed?", back, source)

    assert ("ungrounded_number" in cards.named(draft, cards.passage(source))) != grounded


@pytest.mark.parametrize(
    ("back", "rule"),
    [
        ("recurrence", "answer_not_in_source"),
        ("in 2018", "ungrounded_number"),
        ("10^7 tokens", "ungrounded_number"),
        ("rain", "answer_not_in_source"),
    ],
)
def test_an_answer_from_elsewhere_is_blocked(cards, back, rule):
    draft = cards.question("What does the Transformer say?", back, "self-attention")

    assert cards.named(draft, cards.passage(SOURCE))[rule] == "block"


def test_a_front_may_name_its_subject_by_title_heading_or_comment(cards):
    source = cards.passage(
        "It relies on self-attention.", heading="GPT-4", comment="the 2023 model?"
    )
    draft = cards.question(
        "What does GPT-4 of 2023 rely on?", "self-attention", "It relies on self-attention."
    )

    assert cards.findings(draft, source) == ()


def test_a_comment_of_someone_else_grounds_nothing(cards):
    source = cards.passage("It relies on self-attention.", comment="in 2023", instructs=False)
    draft = cards.question(
        "What does it rely on in 2023?", "self-attention", "It relies on self-attention."
    )

    assert cards.named(draft, source)["ungrounded_number"] == "block"


def test_a_title_grounds_no_answer(cards):
    source = cards.passage("It relies on self-attention.", heading="GPT-4 of 2023")
    draft = cards.question("When was that relied on?", "2023", "It relies")

    assert cards.named(draft, source)["answer_not_in_source"] == "block"


@pytest.mark.parametrize(
    "quote",
    ["relies on", "RELIES  ON", "before it relies", "on attention now", "in the sentence"],
)
def test_a_quote_may_stand_in_the_passage_its_sentence_or_around_it(cards, quote):
    source = cards.passage(
        "relies on attention", prefix="before it ", suffix=" now", sentence="in the sentence"
    )

    assert "quote_not_in_source" not in cards.named(
        cards.question("What?", "attention", quote), source
    )


@pytest.mark.parametrize("quote", ["relied on", "relies upon", "\u00ad", "relies on attention?"])
def test_a_quote_that_differs_by_a_word_or_is_none_is_blocked(cards, quote):
    source = cards.passage("relies on attention now")

    assert cards.named(cards.question("What?", "attention", quote), source)[
        "quote_not_in_source"
    ] == ("block")


def test_chinese_is_read_by_its_characters(cards):
    source = cards.passage("这台机器使用注意力机制来处理长序列。")
    right = cards.question("机器用什么处理长序列？", "注意力机制", source.exact)
    wrong = cards.question("机器用什么处理长序列？", "卷积网络", source.exact)

    assert cards.findings(right, source) == ()
    assert cards.named(wrong, source)["answer_not_in_source"] == "block"


def test_each_gap_of_a_cloze_is_an_answer(cards):
    source = cards.passage("Dropout masks units while training.")
    draft = cards.cloze("{{c1::Dropout}} masks {{c2::gradients}} while training.", source.exact)

    found = [f for f in cards.findings(draft, source) if f.check == "answer_not_in_source"]

    assert [f.message for f in found] == ["the source does not give the answer “gradients”"]


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("한국의 수도는 서울이다.", "서울"),
        ("It means unhappiness today.", "happi"),
        ("食べた", "食べ"),
    ],
)
def test_a_phrase_that_the_reader_marked_stands_in_the_source_also_within_a_word(
    cards, text, phrase
):
    start = text.index(phrase)
    source = cards.passage(text, form=Form.PHRASE, gaps=((start, start + len(phrase)),))
    draft = cards.cloze(
        text.replace(phrase, f"{{{{c1::{phrase}}}}}"), origin=Origin("rules:phrase")
    )

    assert "answer_not_in_source" not in cards.named(draft, source)


def test_an_answer_may_lack_the_particles_that_scripts_without_capitals_join_to_it(cards):
    source = cards.passage("한국의 수도는 서울이다.")

    right = cards.named(cards.question("한국의 수도는 어디인가?", "서울", source.exact), source)
    wrong = cards.named(cards.question("한국의 수도는 어디인가?", "부산", source.exact), source)
    assert "answer_not_in_source" not in right
    assert wrong["answer_not_in_source"] == "block"


def test_a_rat_is_not_grounded_by_a_generation(cards):
    source = cards.passage("Each generation is new.")

    assert cards.named(cards.question("What is new?", "rat", source.exact), source)[
        "answer_not_in_source"
    ] == ("block")


FIGURE = "![](cache/library/FIGUREA2.png)"
ASKED = "What does the arrow of the figure show?"


@pytest.mark.parametrize("kind", [HighlightKind.IMAGE, HighlightKind.INK])
def test_a_figure_is_what_its_picture_says(cards, kind):
    source = cards.passage("", kind=kind, markdown=(FIGURE,))
    draft = cards.question(ASKED, FIGURE, origin=Origin("rules:comment-picture"), quote=" ")

    assert cards.findings(draft, source) == ()


@pytest.mark.parametrize(
    ("back", "drafter", "source"),
    [
        ("![](cache/library/OTHERBB3.png)", "rules:comment-picture", {}),
        (f"{FIGURE} in 1952", "rules:comment-picture", {}),
        (FIGURE, "llm", {}),
        (FIGURE, "rules:comment-picture", {"kind": HighlightKind.HIGHLIGHT}),
        (FIGURE, "rules:comment-picture", {"markdown": ()}),
    ],
)
def test_no_other_answer_is_grounded_by_a_figure(cards, back, drafter, source):
    passage = cards.passage("", **{"kind": HighlightKind.IMAGE, "markdown": (FIGURE,), **source})
    draft = cards.question(ASKED, back, origin=Origin(drafter), quote=" ")
    found = cards.named(draft, passage)

    assert found["quote_not_in_source"] == "block"
    assert found["answer_not_in_source"] == "block"


def test_the_words_below_a_picture_of_the_passage_are_its_own(cards) -> None:
    shown = "![photo_2021-11-21.png](_resources/p.png)In release 7 the type was removed."
    source = cards.passage("In release 7 the type was removed.", markdown=(shown,))
    draft = cards.cloze(shown.replace("type", "{{c1::type}}"), source.exact)
    assert not {"ungrounded_number", "ungrounded_term"} & set(cards.named(draft, source))
    foreign = cards.cloze(draft.field("Text").replace("2021", "2034"), source.exact)
    assert "ungrounded_number" in cards.named(foreign, source)


def test_a_decimal_that_is_well_excuses_no_other_number(cards):
    source = cards.passage("The median is multiplied by 1.4826 here.")
    draft = cards.question("By what is it multiplied?", "1.4826 in 1937", source.exact)

    assert cards.named(draft, source)["ungrounded_number"] == "block"


@pytest.mark.parametrize(
    ("front", "back", "passage", "blamed"),
    [
        ("What does `git reset HEAD~1` take back?", "a commit", "`git reset --soft HEAD~1` takes back a commit.", "code_altered"),
        ("Where does a dough with 500 g flour and 375 g water stand?", "75%", "A dough with 500 g flour and 375 g water stands at 75%.", "neighbours_answer"),
        ("What must it reach to fire?", "-55 mV", "What does not reach -55 mV will not fire.", "negation_changed"),
        ("What cooled it, if not the ash?", "sulphur", "The ash had fallen; what cooled it was sulphur.", "negation_changed"),
        ("What is the value often mistaken for?", "the difference", "The value is not the difference.", "negation_changed"),
        ("What must grow to halve the error?", "the sample", "A larger sample can halve the error; some grow.", "made_absolute"),
    ],
)  # fmt: skip
def test_what_only_says_it_otherwise_is_no_lie(cards, front, back, passage, blamed):
    assert blamed not in cards.named(cards.question(front, back, passage))


BRIGHTNESS = "2.5 magnitudes, a factor of 10 in the light received, and a 4-magnitude difference, a factor of 40."
SURVEY = "In 1950 the brightness survey listed 300 stars, and in 1980 it listed 4,200."
PRIZE = "The prize for brightness went in 1950 to Ann Lee; in 1980 to Bob Ray."


@pytest.mark.parametrize(
    ("front", "back", "passage"),
    [
        ("What factor in brightness does a 4-magnitude difference correspond to?", "a factor of 40", BRIGHTNESS),
        ("What factor in brightness do 2.5 magnitudes correspond to?", "a factor of 10", BRIGHTNESS),
        ("How many stars did the brightness survey list in 1980?", "4,200", SURVEY),
        ("How many stars did the brightness survey list in 1950?", "300", SURVEY),
        ("Who won the prize for brightness in 1980?", "Bob Ray", PRIZE),
        ("Who won the prize for brightness in 1950?", "Ann Lee", PRIZE),
    ],
)  # fmt: skip
def test_each_of_two_facts_in_a_sentence_keeps_its_own_answer(cards, front, back, passage):
    assert "neighbours_answer" not in cards.named(cards.question(front, back, passage))


@pytest.mark.parametrize(
    ("front", "back", "passage", "severity"),
    [
        ("What factor does a 4-magnitude difference in light correspond to?", "a factor of 10", BRIGHTNESS, "block"),
        ("What was the mortality with placebo after 28 days?", "9.1 %", "Mortality was 12.4 % with placebo and 9.1 % with the drug after 28 days.", "block"),
        ("At what temperature does lead with 7 % tin melt?", "400 K", "Lead with 5 % tin melts at 300 K, and zinc with 7 % tin at 400 K.", "warn"),
    ],
)  # fmt: skip
def test_the_other_facts_answer_is_found_all_the_same(cards, front, back, passage, severity):
    found = cards.named(cards.question(front, back, passage))
    neighbours = {found.get("neighbours_answer"), found.get("neighbours_words")}

    assert severity in neighbours


def test_a_name_may_stand_in_a_heading_alone(cards):
    source = cards.passage("The court denied Congress that authority.", heading="DRED SCOTT")
    draft = cards.question("Which ruling denied Congress that?", "Dred Scott", source.exact)

    assert cards.named(draft, source) == {}
