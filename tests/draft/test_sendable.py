"""What is masked of a text: in the same document at any length, elsewhere half of a sentence."""

from unicodedata import normalize

import pytest

from ankiforge.draft.sendable import Privacy
from ankiforge.model import DocumentKey, PrivateText

HERE, ELSEWHERE = DocumentKey("d"), DocumentKey("e")
LONG = "Anna has been ill since the middle of March"

CASES = [
    # private, text, shown in the same document, shown elsewhere
    ("Anna is ill", "Before. Anna is ill. Behind.", "Before. […]. Behind.", "Before. […]. Behind."),
    ("Anna is ill", "Before. ANNA  is\xa0ill! Behind.", "Before. […]! Behind.", "Before. […]! Behind."),
    ("Anna", "Hannah is not Anna at all", "Hannah is not […] at all", None),
    ("ill", "The illness of a hill", None, None),
    ("tumor", "a tumorous cell", None, None),
    ("cancer", "a cancerous cell", "a […] cell", None),
    (LONG, f"It is said that {LONG}, and so on", "It is said that […], and so on", "It is said that […], and so on"),
    # what is cut off at the end of a text
    ("Anna is ill", "a is ill. Then the peace was made", "[…]. Then the peace was made", None),
    ("Anna is ill", "Then the peace was made. Anna i", "Then the peace was made. […]", None),
    ("Anna is ill", "… is ill, and the peace was made", "… […], and the peace was made", None),
    (LONG, "since the middle of March. Then", "[…]. Then", "[…]. Then"),
    # what stands inside of it
    ("Anna is ill", "Open › is ill", "Open › […]", None),
    # one sentence of several, one line of several
    ("Anna is ill. Bob is well.\nCarl left", "So Bob is well. But why?", "So […]. But why?", "So […]. But why?"),
    ("Anna is ill. Bob is well.\nCarl left", "Carl left early", "[…] early", "[…] early"),
    ("Anna is ill. Bob is well.", "They say that Anna is ill", "They say that […]", "They say that […]"),
    # other scripts
    ("安娜病了", "昨天安娜病了。今天", "昨天[…]。今天", "昨天[…]。今天"),
    ("安娜病了", "安娜来了", None, None),
    ("病", "昨天病了", "昨天[…]了", None),
    ("Ärger", "Viel A\u0308rger heute", "Viel […] heute", None),
    # half of the words in order, with at most two others between, and two that tell something
    (LONG, "Anna, as I know, was ill since the spring", "SAME", None),
    (LONG, "as Anna has been really quite ill for long", "SAME", "as […] for long"),
    (LONG, "since, as I think, the middle of May", "SAME", None),
    (LONG, "ill since, you think, the middle of May", "SAME", "[…] May"),
    (LONG, "the middle of March in that year", "SAME", "[…] in that year"),
    (LONG, "March of the middle since ill been has Anna", "SAME", None),
    ("Where it is that he has been with her", "it is that he has been with us", "SAME", None),
    ("She is ill", "and she is ill today", "and […] today", "and […] today"),
    ("She is ill", "and she is very ill today", None, None),
    ("quarantine", "the quarantine of Ward Nine", "the […] of Ward Nine", None),
    ("sk0abcdefghijklmnopqrstuvwx", "key: sk0abcdefghijklmnopqrstuvwx", "key: […]", "key: […]"),
    ("Die Anna ist seit dem März wirklich krank", "weil Anna, sagt man, seit März krank ist", "SAME", "weil […] ist"),
    # a line that has the tag itself
    ("x", "one\nmine #No-LLM\ntwo", "one\n[…]\ntwo", "one\n[…]\ntwo"),
]  # fmt: skip


@pytest.mark.parametrize(("private", "text", "here", "elsewhere"), CASES)
def test_private_words_are_masked(private, text, here, elsewhere):
    privacy = Privacy([PrivateText(private, HERE)])
    if here != "SAME":
        assert privacy.text(text, HERE) == (here if here is not None else text)
    same = normalize("NFC", text)
    assert privacy.text(text, ELSEWHERE) == (elsewhere if elsewhere is not None else same)
