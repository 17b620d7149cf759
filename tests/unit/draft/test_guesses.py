"""The patterns that guess: what each takes, and the bad card each refusal answers."""

import pytest

from ankiforge.draft import GUESSES
from ankiforge.draft.offline.rules import NOTHING, Rules
from ankiforge.model import Form, NoCard
from ankiforge.text.quotes import locate


@pytest.fixture
def guess(task, highlight):
    """The one draft of a passage by all rules, or the reason for none."""

    def run(exact, written="", *, guessing=True):
        marked = highlight(exact, form=Form.PHRASE, markdown=(written or exact,))
        (result,) = Rules(guessing=guessing).draft(iter([task(marked)]))
        return result.drafts[0] if result.drafts else result.no_cards[0].reason

    return run


GOOD = [
    ("isa", "Mentoring", "Mentoring is a form of training in which a senior guides the work of a new employee."),
    ("isa", "relay", "A relay is an electromechanical switch that converts a current into a mechanical movement."),
    ("isa", "REST", "REST is an architectural style enforcing a model where the client acts on a set of resources."),
    ("number", "1976", "The NASA Viking landers, built to look for life, arrived on Mars in 1976."),
    ("number", "16%", "The CDC identifies listeriosis as deadly, with overall mortality rates reaching 16%."),
    ("emphasis", "Grammar", "**Grammar** refers to the set of rules that are used to convey meaning in a language."),
    ("emphasis", "script", "A *script* is a person’s knowledge about the sequence of events expected in a setting."),
    ("emphasis", "neuromycoses", "Fungal infections of the nervous system, called **neuromycoses**, are rare in people."),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "answer", "written"), GOOD)
def test_a_guess_is_a_cloze_that_says_who_made_it(guess, rule, answer, written):
    exact = written.replace("*", "")
    made = guess(exact, written)

    assert made.origin.drafter == f"rules:{rule}"
    assert made.origin.drafter in GUESSES
    assert made.field("Text") == exact.replace(answer, f"{{{{c1::{answer}}}}}")
    assert made.answer == answer
    assert locate(made.quote, exact)


@pytest.mark.parametrize(("rule", "answer", "written"), GOOD)
def test_nothing_is_guessed_unless_asked_for(guess, rule, answer, written):
    assert guess(written.replace("*", ""), written, guessing=False) == NOTHING


@pytest.mark.parametrize(
    "written",
    [
        # X is a …
        "The discriminator is a classifier that tells real data from data that was generated.",
        "Validation is a critical practice for teams that want to ship models to their users.",
        "Pooling is a popular method that many networks use to make their layers small.",
        "Dropout is a technique.",
        "Another is a switch that converts a current into a mechanical movement of a part.",
        "Each molecule is a unit that contains six carbon atoms and twelve hydrogen atoms.",
        "A recurrent network is a network that keeps a state from one step to the next step.",
        "Effusion is a similar process in which a gas passes through very small orifices.",
        "The reason is a lack of data that would be needed to train a network of this size.",
        "Pleasure is a state of mind that is good, while pain is a state of mind that is bad.",
        "- Mentoring is a form of training in which a senior guides the work of a new employee.",
        "Mentoring is a form of training in which a senior guides a junior (Feb 2023).",
        # a number
        "The network has 100 million parameters and was trained for several long weeks.",
        "The Hubble Space Telescope circles Earth about every 95 minutes at great speed.",
        "The Hubble Space Telescope was launched in 1990 and was repaired in 1993 by a crew.",
        "The Iris flower of Fisher (1936) is used to demonstrate algorithms of learning.",
        "Smith and Jones et al. trained AlexNet on ImageNet for the first time in 2012.",
        "NREM stage 3 is described as slow-wave sleep with a predominance of delta waves.",
        "GPU hosts talk by a link that operates at best at 16GB per second in practice.",
        "DNA polymerase adds nucleotides to the free 3’ end of a growing chain of bases.",
        "In Selected Works of Mao, a volume of 1951, the essay stands at the very end.",
        "- The Hubble Space Telescope was launched into orbit by a shuttle in 1990.",
        # an emphasised word
        "**Very** often the set of rules is used to convey meaning in a language of people.",
        "The *whole* set of rules is used by people to convey meaning in a language.",
        "The alternation of linear and nonlinear processing units, often referred to as *layers*.",
        "**Grammar** is an important topic for people who want to convey meaning in a language.",
        "**Grammar** refers to the **set** of rules that are used to convey meaning in a language.",
        "Nearby is a third and faint star of that system, known as **Proxima Centauri**.",
        "The set of rules that people use is a thing of beauty to **most** of its students.",
    ],
)  # fmt: skip
def test_each_refusal_answers_a_bad_card(guess, written):
    made = guess(written.replace("*", ""), written)

    assert isinstance(made, str), made.fields


def test_a_trusted_pattern_comes_before_a_guess(guess):
    written = "The outermost part of the atmosphere of the Sun is called the **corona**."

    assert guess(written.replace("*", ""), written).origin.drafter == "rules:term"


def test_an_empty_passage_is_answered(task, highlight):
    (result,) = Rules(guessing=True).draft(iter([task(highlight("—", markdown=("—",)))]))

    assert result.no_cards == (NoCard(result.no_cards[0].highlight, "no text under the mark"),)
