import pytest

from ankiforge.draft import Wish, instruction
from ankiforge.draft.rules import NOTHING, STRUCK, WHOLE, Rules
from ankiforge.model import CardKind, Form, HighlightKind
from ankiforge.text.quotes import locate


@pytest.fixture
def forge(task):
    """The one draft, or the reason for none, of one highlight."""

    def run(highlight):
        (result,) = Rules().draft(iter([task(highlight)]))
        assert result.problems == ()
        assert len(result.drafts) + len(result.no_cards) >= 1
        return result.drafts[0] if result.drafts else result.no_cards[0].reason

    return run


# --- what a comment asks for ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("comment", "wish", "words"),
    [
        ("skip", Wish.SKIP, ""),
        ("Skip.", Wish.SKIP, ""),
        ("skip: known", Wish.SKIP, "known"),
        ("skip connections matter", Wish.NONE, "skip connections matter"),
        ("? What is REM?", Wish.QUESTION, "What is REM?"),
        ("?", Wish.NONE, ""),
        ("q: What is REM", Wish.QUESTION, "What is REM"),
        ("Q:What is REM?", Wish.QUESTION, "What is REM?"),
        ("What happens in REM?", Wish.QUESTION, "What happens in REM?"),
        ("why?", Wish.NONE, "why?"),
        ("really??", Wish.NONE, "really??"),
        ("レム睡眠とは何か？", Wish.QUESTION, "レム睡眠とは何か？"),
        ("c: four stages", Wish.CLOZE, "four stages"),
        ("c:", Wish.CLOZE, ""),
        ("cf. Walker", Wish.NONE, "cf. Walker"),
        ("#no-llm skip", Wish.SKIP, ""),
        ("What is REM?\n— Bo: A phase of sleep.", Wish.QUESTION, "What is REM?"),
        ("? What is\nREM\n— Bo: Sleep.\n— Is it?", Wish.QUESTION, "What is REM"),
        ("c: four stages\n— Bo: five!\nor six", Wish.CLOZE, "four stages"),
        ("skip\n— Bo: Why?", Wish.SKIP, ""),
        ("— Bo: Is it one phase or two?", Wish.NONE, ""),
        ("cf. Walker\n— Bo: Is it one phase or two?", Wish.NONE, "cf. Walker"),
        ("What is REM — a dream?", Wish.QUESTION, "What is REM — a dream?"),
        ("", Wish.NONE, ""),
    ],
)
def test_a_comment_is_understood(comment, wish, words):
    assert instruction(comment).wish is wish
    assert instruction(comment).words == words


# --- cards a person wrote -------------------------------------------------------------------


@pytest.mark.parametrize(
    "form", [Form.INLINE, Form.INLINE_FIELD, Form.BLOCK, Form.GLOSSARY, Form.TERM]
)
def test_a_hand_written_card_keeps_its_sides(forge, highlight, form):
    made = forge(
        highlight(
            "Capital of Peru::Lima",
            kind=HighlightKind.CARD,
            form=form,
            markdown=("Capital of **Peru**", "$x$ *Lima*"),
        )
    )
    assert made.kind is CardKind.BASIC
    assert made.fields == (("Front", "Capital of **Peru**"), ("Back", "$x$ *Lima*"))
    assert made.answer == "x Lima"
    assert made.quote == "Capital of Peru::Lima"
    assert made.origin.drafter == f"rules:{form}"
    assert made.by_hand


@pytest.mark.parametrize(
    "sentence",
    [
        "It occupies the receptors to which adenosine would bind in the brain.",
        "Therefore caffeine occupies the receptors to which adenosine would bind.",
        "This is why adenosine matters so much to people who drink coffee.",
        "See Figure 2 for how adenosine binds to the receptors of the brain.",
        "adenosine would bind in the brain if caffeine did not do so first.",
        "Walker et al. show that adenosine binds to receptors of the brain.",
    ],
)
def test_a_sentence_that_leans_on_others_makes_no_cloze(forge, highlight, sentence):
    reason = "a few words of a sentence that does not stand alone"
    assert forge(highlight("adenosine", sentence=sentence)) == reason


# --- one mark, one card or the reason for none ----------------------------------------------

CARD = {"kind": HighlightKind.CARD, "form": Form.INLINE}
TWO = "The aperture controls light and the shutter controls time."
BRAIN = "Caffeine occupies the receptors to which adenosine would bind in the brain."
MARKS = {
    "a two-way card": (
        "a:::b", {**CARD, "markdown": ("a", "b"), "two_way": True},
        {"kind": CardKind.TWO_WAY, "Reverse": "y"}),
    "a hand-written cloze keeps its numbers": (
        "Lima is in Peru", {**CARD, "form": Form.CLOZE, "markdown": ("Lima is in {{c3::Peru::land}}",)},
        {"kind": CardKind.CLOZE, "fields": (("Text", "Lima is in {{c3::Peru::land}}"),), "answer": "Peru",
         "by_hand": True}),
    "a card with an empty side": ("a::", {**CARD, "markdown": ("a", " ")}, "a card with an empty side"),
    "skip holds for a card by hand": (
        "a::b", {**CARD, "markdown": ("a", "b"), "skip": "the note says cards: false"},
        "skip: the note says cards: false"),
    "phrases are hidden as they were written": (
        TWO,
        {"form": Form.PHRASE, "gaps": ((4, 12), (36, 43)), "markdown": (f"**The**{TWO[3:]}",),
         "markdown_gaps": ((8, 16), (40, 47))},
        {"Text": "**The** {{c1::aperture}} controls light and the {{c2::shutter}} controls time.",
         "answer": "aperture · shutter", "quote": TWO, "start": 4, "by_hand": False}),
    "each phrase is asked beside the others": (
        "Ribosomes make proteins.", {"form": Form.PHRASE, "gaps": ((0, 9), (15, 23))},
        {"Text": "{{c1::Ribosomes}} make {{c2::proteins}}."}),
    "a phrase without Markdown": (
        "Set a_b to {1} or *2* now", {"form": Form.PHRASE, "gaps": ((11, 14),)},
        {"Text": r"Set a_b to {{c1::\{1\}}} or \*2\* now", "answer": "{1}"}),
    "a few words of a paper": (
        "adenosine", {"sentence": BRAIN},
        {"Text": BRAIN.replace("adenosine", "{{c1::adenosine}}"), "quote": BRAIN}),
    "a mark that cuts a word": ("adeno", {"sentence": BRAIN}, "the mark begins or ends within a word"),
    "a question in the comment": (
        "It has *four* stages.", {"comment": "How many stages has sleep?"},
        {"Front": "How many stages has sleep?", "Back": r"It has \*four\* stages.",
         "answer": "It has *four* stages.", "quote": "It has *four* stages."}),
    "a stranger's comment": (
        "It has four stages.", {"comment": "How many stages has it?", "instructs": False}, NOTHING),
    "a comment names the phrase": (
        "It has four “stages”.", {"comment": 'c: four "stages"'}, {"Text": "It has {{c1::four “stages”}}."}),
    "a bare c:": (
        "four stages", {"sentence": "It has four stages.", "comment": "c:"},
        {"Text": "It has {{c1::four stages}}."}),
    "a phrase that is not there": (
        "It has four stages.", {"comment": "c: five"}, "“five” does not stand in the passage"),
    "everything is hidden": (
        "Four stages", {"comment": "c:"}, "nothing is left around the words to hide"),
    "no text": ("", {"kind": HighlightKind.UNDERLINE}, "no text under the mark"),
    "signs alone": (" … ", {}, "no text under the mark"),
    "a remark": ("hm, odd", {"kind": HighlightKind.NOTE}, "a remark, not a passage"),
    "skipped": ("Sleep.", {"comment": "skip"}, "skip: the comment says so"),
    "nothing to ask": ("Sleep has four stages, and each of them matters to memory.", {}, NOTHING),
    "a whole sentence": ("We should all sleep more.", {"form": Form.PHRASE, "gaps": ((0, 25),)}, WHOLE),
    "all but the full stop": (
        "We should all sleep more.", {"form": Form.PHRASE, "gaps": ((0, 24),)}, WHOLE),
    "its two halves": (
        "We should; all sleep.", {"form": Form.PHRASE, "gaps": ((0, 9), (11, 20))}, WHOLE),
    "one word is left": ("The cat.", {"form": Form.PHRASE, "gaps": ((4, 7),)}, NOTHING),
}  # fmt: skip


@pytest.mark.parametrize("name", MARKS)
def test_what_becomes_of_a_mark(forge, highlight, name):
    exact, fields, expected = MARKS[name]
    made = forge(highlight(exact, **fields))
    if isinstance(expected, str):
        assert made == expected
        return
    for what, value in expected.items():
        assert (made.field(what) if what[0].isupper() else getattr(made, what)) == value, what


# --- acronyms -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("A long short-term memory (LSTM) keeps a state.", "LSTM", "long short-term memory"),
        ("We stack network in network (NiN) blocks.", "NiN", "network in network"),
        ("The internet of things (IoT) grows.", "IoT", "internet of things"),
        (
            "All convolutional neural networks (CNNs) share weights.",
            "CNN",
            "convolutional neural network",
        ),
        ("An LSTM (long short-term memory) keeps a state.", "LSTM", "long short-term memory"),
        (
            "By stochastic gradient descent (SGD; a method) it learns.",
            "SGD",
            "stochastic gradient descent",
        ),
        (
            "The National Institute of Standards and Technology (NIST) measures.",
            "NIST",
            "National Institute of Standards and Technology",
        ),
        (
            "By the Open Closed Principle7 (OCP) a class is closed.",
            "OCP",
            "Open Closed Principle",
        ),
        ("The World Health Organization’s (WHO) list grew.", "WHO", "World Health Organization"),
        ("Some sulfate-reducing bacteria (SRBs) live there.", "SRB", "sulfate-reducing bacteria"),
        ("L’intelligence artificielle (IA) change.", "IA", "intelligence artificielle"),
        ("A base de dados da cidade (BDC) muda.", "BDC", "base de dados da cidade"),
    ],
)
def test_an_acronym_is_asked_for_its_long_form(forge, highlight, text, short, long):
    made = forge(highlight(text))
    assert made.field("Front") == f"What does {short} stand for?"
    assert made.field("Back") == made.answer == long
    assert made.quote == text
    assert text[made.start :].startswith(long)


@pytest.mark.parametrize(
    "text",
    [
        "Deep learning (ML) is a field.",
        "The second part (II) follows.",
        "A method (see) is shown.",
        "The memory (M) is small.",
        "A non-long short-term memory (LSTM) keeps a state.",
        "By long, short-term memory (LSTM) it keeps a state.",
        "Vaswani et al. use long short-term memory (LSTM).",
        "Chain of Thought (CoT) Prompting (Feb 2023)",
        "[1] Long short-term memory (LSTM).",
        "It is long short-term memory (lstm).",
        "He lives in New York (Usa) now.",
        "Wir nutzen oft Machine-Learning-Modelle (ML) dafür.",
        "Man arbeitet hier mit Maschinellem Lernen (ML), das ist und bleibt die Technik der Wahl.",
    ],
)
def test_what_does_not_spell_its_letters_is_no_acronym(forge, highlight, text):
    assert forge(highlight(text)) == NOTHING


def test_the_question_is_in_the_language_of_the_sentence(forge, highlight):
    made = forge(
        highlight("Die Long Short-Term Memory (LSTM) ist ein Netz und wird mit der Zeit besser.")
    )
    assert made.field("Front") == "Wofür steht LSTM?"


@pytest.mark.parametrize(
    ("text", "front"),
    [
        ("It has a do not resuscitate (DNR) order as a guard.", "What does DNR stand for?"),
        ("L’idée de la base de données (BDD) est dans les livres.", "Que signifie BDD ?"),
        (
            "La unidad astronómica (UA) es la medida de los astros y se usa para las estrellas.",
            "¿Qué significa UA?",
        ),
    ],
)
def test_small_words_of_two_languages_do_not_mislead(forge, highlight, text, front):
    assert forge(highlight(text)).field("Front") == front


def test_each_acronym_is_asked_once_and_three_at_most(task):
    text = "A big cat (BC), a big cow (BC), a big dog (BD), a big fox (BF), a big hen (BH)."
    (result,) = Rules().draft(iter([task(text)]))
    assert [one.answer for one in result.drafts] == ["big cat", "big dog", "big fox"]


# --- called, known as, referred to as -------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "term"),
    [
        (
            "The process by which plants turn light into energy is called photosynthesis.",
            "photosynthesis",
        ),
        (
            "The change in frequency of a wave for a moving observer is known as the Doppler effect.",
            "Doppler effect",
        ),
        (
            "Ascorbic acid, also known as vitamin C, is needed for the synthesis of collagen.",
            "vitamin C",
        ),
        ("A winding bend in the course of a river is called a meander.", "meander"),
        ("In a process called photosynthesis, plants turn light into energy.", "photosynthesis"),
        ("Drawing realizations from a random process is referred to as sampling.", "sampling"),
    ],
)
def test_a_term_is_hidden_in_the_sentence_that_names_it(forge, highlight, text, term):
    made = forge(highlight(text))
    assert made.field("Text") == text.replace(term, f"{{{{c1::{term}}}}}")
    assert made.answer == term
    assert made.quote == text
    assert made.origin.drafter == "rules:term"


@pytest.mark.parametrize(
    "text",
    [
        "The point at which a liquid turns to vapour is called its boiling point.",
        "This change in the frequency of a wave is called the Doppler effect.",
        "It is usually called backpropagation in the literature of networks.",
        "A callback of a widget is called twice by engines for every frame.",
        "A function of the library is called with two arguments at run time.",
        "The nurse called doctors because the patient was in great pain.",
        "Churchill was called a traitor by many members of the party.",
        "A series of experiments explored the response of what is called the visual cortex.",
        "The first sign of water between grains of rock is called seepage.",
        "A start-up called Google changed how people search for things.",
        "In a small program called vgdb, commands pass between debugger and target.",
        "A container that holds keys and values is called unordered_map by programmers.",
        "Researchers use a hash family called Keccak for digital signatures on chips.",
        "A procedure with no result is called command or operation by many.",
        "Software that compiles programs into machine code is called compiler software.",
        "The distinguished discriminator is called a critic in the theory of games.",
        "Plants turn light into energy in the so-called photosynthesis.",
        "Whales are not called fish by people who know about animals.",
        "Pairs of eigenvectors (a related object called tensors) have many uses.",
        "The use of the chain rule, also known as backpropagation.",
        "What is the process by which plants make energy called photosynthesis?",
        "Lemma 3 of Smith et al. is known as the pumping lemma of languages.",
        "The points where the Sun crosses are called the vernal (spring) and autumnal equinox.",
        "A method for the identification of microbes is called fatty acids (PLFA) analysis.",
        "Big algae with many cells are called seaweeds but have no tissues of their own.",
        "Outside hospitals, industrial autoclaves called retorts allow for sterile work.",
        "The effects of both processes are called interstellar extinction.",
        "An alternative method of bringing in genes is called microinjection.",
        "In these protists, the outer gel layer with actin is called the ectoplasm.",
        "Still smaller bodies with masses below that of the Sun are called planets.",
        "The clumping of red blood cells in agglutination is called hemagglutination.",
    ],
)
def test_a_sentence_that_names_badly_makes_no_card(forge, highlight, text):
    assert forge(highlight(text)) == NOTHING


# --- struck out -----------------------------------------------------------------------------

DELETED = "struck out, which means deleted: to be asked it all the same, comment it `? …`"
NAMING = "A winding bend in the course of a river is called a meander."


def test_what_a_pdf_strikes_out_is_no_card(forge, highlight):
    assert forge(highlight(NAMING, kind=HighlightKind.STRIKE)) == DELETED


def test_what_is_struck_out_may_be_asked_by_its_reader(forge, highlight):
    struck = highlight(NAMING, kind=HighlightKind.STRIKE, comment="? What is a bend called?")
    assert forge(struck).answer == NAMING


def test_a_passage_that_is_struck_out_in_part_makes_no_card_by_a_pattern(forge, highlight):
    written = NAMING.replace("a meander", "~~a meander~~")
    assert forge(highlight(NAMING, form=Form.CALLOUT, markdown=(written,))) == STRUCK


def test_a_marked_phrase_that_is_struck_out_is_not_asked(forge, highlight):
    exact = "Lima is in Peru, not in Chile, they say."
    written = "Lima is in Peru, not in ~~Chile~~, they say."
    both = highlight(
        exact, form=Form.PHRASE, gaps=((11, 15), (24, 29)),
        markdown=(written,), markdown_gaps=((11, 15), (26, 31)),
    )  # fmt: skip
    assert forge(both).field("Text") == "Lima is in {{c1::Peru}}, not in ~~Chile~~, they say."
    only = highlight(
        exact, form=Form.PHRASE, gaps=((24, 29),), markdown=(written,), markdown_gaps=((24, 31),)
    )
    assert forge(only) == STRUCK


@pytest.mark.parametrize("written", ["~~~", "a ~~ b ~~ c", r"\~~not\~~"])
def test_tildes_that_strike_nothing_change_nothing(forge, highlight, written):
    marked = highlight(NAMING, form=Form.CALLOUT, markdown=(f"{NAMING} {written}",))
    assert forge(marked).answer == "meander"


# --- pictures -------------------------------------------------------------------------------

SHOWN = "![](cache/library/FIGUREA2.png)"


@pytest.fixture
def picture(highlight):
    """A figure marked in Zotero: `picture(comment, **fields)`."""

    def make(comment, **fields):
        mark = {"kind": HighlightKind.IMAGE, "namespace": "zotero:user", "own": "FIGUREA2"}
        return highlight("", comment=comment, **{**mark, "markdown": (SHOWN,), **fields})

    return make


@pytest.mark.parametrize("kind", [HighlightKind.IMAGE, HighlightKind.INK])
@pytest.mark.parametrize("comment", ["? Which *phase* is it", "q: Which *phase* is it"])
def test_a_question_about_a_figure_is_answered_by_its_picture(forge, picture, kind, comment):
    made = forge(picture(comment, kind=kind))

    assert made.kind is CardKind.BASIC
    assert made.fields == (("Front", r"Which \*phase\* is it"), ("Back", SHOWN))
    assert made.answer == "FIGUREA2"
    assert not made.by_hand


@pytest.mark.parametrize(
    ("comment", "fields", "reason"),
    [
        ("", {}, "an image: write its question as the comment: `? …`"),
        ("why?", {}, "an image: write its question as the comment: `? …`"),
        ("c: a word", {"kind": HighlightKind.INK}, "a drawing: write its question as the comment: `? …`"),
        ("? Why so?", {"instructs": False}, "an image: write its question as the comment: `? …`"),
        ("? Why so?", {"markdown": ()}, "its picture is not in Zotero's cache: open the PDF in Zotero once"),
        ("? Why so?", {"namespace": "pdf:p", "own": "", "markdown": ()}, "there is no picture of it: nothing is to be seen at its place, or it cannot be drawn"),
        ("skip: known", {}, "skip: known"),
    ],
)  # fmt: skip
def test_a_figure_without_a_card_says_what_to_do(forge, picture, comment, fields, reason):
    assert forge(picture(comment, **fields)) == reason


def test_a_figure_of_a_pdf_is_told_from_others_by_the_name_of_its_picture(forge, picture):
    shown = "![](cut/0123456789abcdef.png)"
    made = forge(picture("? Which is it?", namespace="pdf:p", own="", markdown=(shown,)))

    assert made.fields == (("Front", "Which is it?"), ("Back", shown))
    assert made.answer == "cut/0123456789abcdef.png"


@pytest.mark.parametrize(
    ("back", "answer"),
    [("![](a%20b.png)", "a%20b.png"), ("![](a.png) ![](b.png)", "a.png · b.png"),
     ("![Fig](a.png)", "Fig"), ("![](a.png) a cell", "a cell")],
)  # fmt: skip
def test_an_answer_of_pictures_alone_has_their_names(forge, highlight, back, answer):
    card = highlight("Q::A", kind=HighlightKind.CARD, form=Form.INLINE, markdown=("Q", back))

    assert forge(card).answer == answer


# --- everything else ------------------------------------------------------------------------


def test_every_draft_quotes_its_source_and_every_highlight_is_answered(task, highlight):
    marked = (
        highlight("A long short-term memory (LSTM) keeps a state."),
        highlight("stages", sentence="Human sleep has four stages in every night of rest."),
        highlight("Nothing here."),
    )
    (result,) = Rules().draft(iter([task(*marked)]))
    by_key = {one.key: one for one in marked}
    assert result.drafts
    for one in result.drafts:
        source = by_key[one.highlight]
        assert locate(one.quote, source.exact) or locate(one.quote, source.sentence)
    answered = {one.highlight for one in result.drafts} | {
        none.highlight for none in result.no_cards
    }
    assert answered == set(by_key)
