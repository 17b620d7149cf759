"""What is masked of a text: in the same document at any length, elsewhere a sentence or a run of one."""

from itertools import cycle
from unicodedata import normalize

import pytest

from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.model import DocumentKey, PrivateText
from tests.limits import steps

HERE, ELSEWHERE = DocumentKey("d"), DocumentKey("e")
LONG = "Anna has been ill since the middle of March"

CASES = [
    # private, text, shown in the same document, shown elsewhere
    ("Anna is ill", "Before. Anna is ill. Behind.", "Before. […]. Behind.", None),
    ("Anna is ill", "Before. ANNA  is\xa0ill! Behind.", "Before. […]! Behind.", None),
    ("Anna", "Hannah is not Anna at all", "Hannah is not […] at all", None),
    ("ill", "The illness of a hill", None, None),
    ("tumor", "a tumorous cell", None, None),
    ("cancer", "a cancerous cell", "a […] cell", None),
    (LONG, f"It is said that {LONG}, and so on", "It is said that […], and so on", "It is said that […], and so on"),
    (LONG, f"So {LONG.upper()}; since", "So […]; since", "So […]; since"),
    # what is cut off at the end of a text
    ("Anna is ill", "a is ill. Then the peace was made", "[…]. Then the peace was made", None),
    ("Anna is ill", "Then the peace was made. Anna i", "Then the peace was made. […]", None),
    ("Anna is ill", "… is ill, and the peace was made", "… […], and the peace was made", None),
    (LONG, "since the middle of March. Then", "[…]. Then", "[…]. Then"),
    # what stands inside of it
    ("Anna is ill", "Open › is ill", "Open › […]", None),
    # one sentence of several, one line of several
    ("Anna was often ill that year. Bob is well.\nCarl left", "So Bob is well. But why?", "So […]. But why?", None),
    ("Anna was often ill that year. Bob is well.\nCarl left", "Carl left early", "[…] early", None),
    ("Anna was often ill that year. Bob is well.", "They say that Anna was often ill that year", "They say that […]", "They say that […]"),
    ("Anna was often ill that year. #no-llm", "They say that Anna was often ill that year", "They say that […]", "They say that […]"),
    # other scripts: six letters without blanks are enough
    ("安娜病了", "昨天安娜病了。今天", "昨天[…]。今天", None),
    ("安娜从三月中旬起一直生病", "昨天说安娜从三月中旬起一直生病。今天", "昨天说[…]。今天", "昨天说[…]。今天"),
    ("安娜病了", "安娜来了", None, None),
    ("病", "昨天病了", "昨天[…]了", None),
    ("Ärger", "Viel A\u0308rger heute", "Viel […] heute", None),
    # other words, or not all of them
    (LONG, "Anna, as I know, was ill since the spring", "SAME", None),
    (LONG, "as Anna has been really quite ill for long", "SAME", None),
    (LONG, "March of the middle since ill been has Anna", "SAME", None),
    (LONG, "So Anna has been at home since the middle of May, it is said", "SAME", None),
    # a sentence: 12 letters, and 11; two words; a lone word
    ("My HIV test is positive", "I know: MY HIV-test is positive!", "I know: […]!", "I know: […]!"),
    ("Anna had mumps", "so Anna had mumps then", "so […] then", "so […] then"),
    ("Anna had gout", "so Anna had gout then", "so […] then", None),
    ("machine learning", "what machine learning is", "what […] is", None),
    ("quarantine", "the quarantine of Ward Nine", "the […] of Ward Nine", None),
    # a passage that is a run of a sentence: a whole text, line or sentence; no part of another one
    ("My HIV test is positive", "HIV test is positive", "[…]", "[…]"),
    ("My HIV test is positive", "iv test is positive", "[…]", "[…]"),
    ("My HIV test is positive", "One.\nMy HIV test is pos", "One.\n[…]", "One.\n[…]"),
    ("My HIV test is positive", "So far. HIV test is positive. And so on", "So far. […]. And so on", "So far. […]. And so on"),
    ("My HIV test is positive", "Open › HIV test is positive", "Open […]", "Open › […]"),
    ("My HIV test is positive", "An HIV test is positive or not", "SAME", None),
    ("My HIV test is positive", "HIV test", "[…]", None),
    ("The blood pressure of Anna is high", "blood pressure", "[…]", None),
    ("The blood pressure of Anna is high", "The blood pressure is high", "SAME", None),
    ("Anna was ill.\nSo was Bob then", "was ill so was", "SAME", None),
    ("我的艾滋病检查呈阳性", "他说我的艾滋病检查呈阳性。今天", "他说[…]。今天", "他说[…]。今天"),
    ("我的艾滋病检查呈阳性", "今天。病检查呈阳性", "今天。[…]", "今天。[…]"),
    ("我的艾滋病检查呈阳性", "检查呈阳性", "[…]", None),
    ("ผลตรวจเอชไอวีของฉันเป็นบวก", "เขาว่า ผลตรวจเอชไอวีของฉันเป็นบวก", "เขาว่า […]", "เขาว่า […]"),
    ("sk0abcdefghijklmnopq", "key: sk0abcdefghijklmnopq", "key: […]", "key: […]"),
    ("sk0abcdefghijklmnop", "key: sk0abcdefghijklmnop", "key: […]", None),
    ("sk0abcdefghijklmnopqrstuvwx", "key: sk0abcdefghijklmnopqrstuvwx", "key: […]", "key: […]"),
    # a word of it that is a whole line
    ("Anna was ill today", "One.\nill\nTwo.", "One.\n[…]\nTwo.", None),
    ("Anna was ill today", "One.\nwell\nTwo.", None, None),
    # a sentence of several clauses, one of which another text quotes
    ("Anna was ill in March, so Bob paid the rent", "They say that Anna was ill in March, so Bob paid the rent", "They say that […]", "They say that […]"),
    ("Anna was ill in March, so Bob paid the rent", "One.\nBob paid the rent", "One.\n[…]", "One.\n[…]"),
    ("Anna was ill in March, so Bob paid the rent", "One.\nBob paid", "One.\n[…]", None),
    ("Anna was ill in March, so Bob paid the rent", "the rent. Then", "[…]. Then", None),
    ("Anna was ill in March, so Bob paid the rent", "One.\nwas ill in March, so Bob paid", "One.\n[…]", "One.\n[…]"),
    # a line that has the tag itself
    ("x", "one\nmine #No-LLM\ntwo", "one\n[…]\ntwo", "one\n[…]\ntwo"),
]  # fmt: skip


NAMES = [
    # a private name, text, shown in the same document; it is shown elsewhere
    ("The theory of evolution", "So the theory of evolution says", "So […] says"),
    ("The theory of evolution", "The theory of evolution", "[…]"),
    ("My HIV test is positive", "is positive or not", "[…] or not"),
    ("tumor", "the tumor of Ward Nine", "the […] of Ward Nine"),
    ("sk0abcdefghijklmnopqrstuvwx", "key: sk0abcdefghijklmnopqrstuvwx", "key: […]"),
]


@pytest.mark.parametrize(("name", "text", "here"), NAMES)
def test_a_private_name_is_masked_in_its_own_document_alone(name, text, here):
    privacy = PrivacyFilter([PrivateText(name, HERE, is_name=True)])
    assert privacy.mask_text(text, HERE) == here
    assert privacy.mask_text(text, ELSEWHERE) == text
    assert privacy.mask_text(text) == text


def test_a_private_name_within_a_private_sentence_is_a_run_of_it():
    words = "The theory of evolution"
    sentence = PrivateText(f"{words} cost me my job", HERE)
    privacy = PrivacyFilter([sentence, PrivateText(words, HERE, is_name=True)])
    assert privacy.mask_text(words, ELSEWHERE) == "[…]"
    assert privacy.mask_text(f"{words} is old", ELSEWHERE) == f"{words} is old"


@pytest.mark.parametrize(("private", "text", "here", "elsewhere"), CASES)
def test_private_words_are_masked(private, text, here, elsewhere):
    privacy = PrivacyFilter([PrivateText(private, HERE)])
    if here != "SAME":
        assert privacy.mask_text(text, HERE) == (here if here is not None else text)
        assert privacy.contains_private_text(text, HERE) is (here is not None)
    same = normalize("NFC", text)
    assert privacy.contains_private_text(text, ELSEWHERE) is (elsewhere is not None)
    assert privacy.contains_private_text(text) is (elsewhere is not None)
    assert privacy.mask_text(text, ELSEWHERE) == (
        elsewhere if elsewhere is not None else same
    )


def test_a_look_up_costs_as_much_among_many_private_sentences():
    counts = []
    for number in (100, 400):
        texts = (f"Entry of my diary, the day {each}, was long" for each in range(number))
        privacy = PrivacyFilter([PrivateText(text, HERE) for text in texts])
        shown = [f"Entry of my diary, the day {each}, was short" for each in range(20)]
        shown += [f"of my diary, the day {each}, was" for each in range(20)]

        def look_up(privacy=privacy, shown=shown):
            return [privacy.mask_text(text, ELSEWHERE) for text in shown]

        assert look_up()[20:] == ["[…]"] * 20
        counts.append(steps(look_up))
    few, many = counts
    assert many < 1.5 * few


# --- any run --------------------------------------------------------------------------------

SENTENCES = (
    "The doctor told me on Monday that my blood pressure is far too high",
    "Der Arzt sagte mir am Montag, dass mein Blutdruck viel zu hoch ist",
    "Le médecin m'a dit lundi que ma tension est beaucoup trop élevée",
    "Врач сказал мне в понедельник, что давление у меня слишком высокое",
    "Ο γιατρός μου είπε τη Δευτέρα ότι η πίεσή μου είναι πολύ υψηλή",
)
UNSPACED = (
    "医生星期一告诉我说我的血压实在是太高了需要马上吃药",
    "月曜日に医者から血圧がとても高いので薬を飲むように言われた",
    "หมอบอกฉันเมื่อวันจันทร์ว่าความดันโลหิตของฉันสูงเกินไปมาก",
)


def runs(sentence: str) -> list[str]:
    """Every run of three words and twelve letters or more; where no blanks are, of ten characters."""
    if sentence in UNSPACED:
        ends = range(10, len(sentence) + 1)
        return [sentence[start:end] for end in ends for start in range(end - 9)]
    words = sentence.split()
    found = []
    for start in range(len(words)):
        for end in range(start + 3, len(words) + 1):
            run = " ".join(words[start:end])
            if sum(map(str.isalpha, run)) >= 12:
                found.append(run)
    return found


FORMS = ("{}", "{}.", "“{}”", "So far.\n{}", "Open › {}", "… {} …")


@pytest.mark.parametrize("sentence", [*SENTENCES, *UNSPACED])
def test_every_run_of_a_private_sentence_is_masked_in_every_document(sentence):
    """Each run in one of the forms, in turns."""
    privacy = PrivacyFilter([PrivateText(f"{sentence}.", HERE)])
    assert len(runs(sentence)) > 40
    for run, form in zip(runs(sentence), cycle(FORMS), strict=False):
        for document in (HERE, ELSEWHERE, None):
            shown = privacy.mask_text(form.format(run), document)
            assert run not in shown, run
            assert privacy.mask_text(form.format(run.upper()), document) != form.format(
                run.upper()
            )


@pytest.mark.parametrize("sentence", [*SENTENCES, *UNSPACED])
def test_a_private_sentence_is_masked_in_any_other_one(sentence):
    privacy = PrivacyFilter([PrivateText(f"{sentence}.", HERE)])
    for around in (
        "So they say that {} and so on",
        "“{}” (Doe, 2019)",
        "a. {}! b",
        "所以{}了",
    ):
        assert sentence not in privacy.mask_text(around.format(sentence), ELSEWHERE)


def test_the_words_that_a_private_text_quotes_are_a_sentence():
    quoting = PrivateText(f"“{SENTENCES[0]}” (Doe, 2019, p. 1)", HERE)
    shown = PrivacyFilter([quoting]).mask_text(
        f"It says: {SENTENCES[0]}, and so on", ELSEWHERE
    )
    assert shown == "It says: […], and so on"


def test_a_link_to_the_tag_without_its_brackets_is_no_part_of_a_sentence():
    private = PrivateText(f"{SENTENCES[0]}. no-llm", HERE)
    shown = PrivacyFilter([private]).mask_text(
        f"It says: {SENTENCES[0]}, and so on", ELSEWHERE
    )
    assert shown == "It says: […], and so on"
