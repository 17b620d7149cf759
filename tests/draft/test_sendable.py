"""What is masked of a text: in the same document at any length, elsewhere a sentence of 20 letters."""

from unicodedata import normalize

import pytest

from ankiforge.draft.sendable import Privacy
from ankiforge.model import DocumentKey, PrivateText

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
    (LONG, "since the middle of March. Then", "[…]. Then", None),
    # what stands inside of it
    ("Anna is ill", "Open › is ill", "Open › […]", None),
    # one sentence of several, one line of several
    ("Anna was often ill that year. Bob is well.\nCarl left", "So Bob is well. But why?", "So […]. But why?", None),
    ("Anna was often ill that year. Bob is well.\nCarl left", "Carl left early", "[…] early", None),
    ("Anna was often ill that year. Bob is well.", "They say that Anna was often ill that year", "They say that […]", "They say that […]"),
    ("Anna was often ill that year. #no-llm", "They say that Anna was often ill that year", "They say that […]", "They say that […]"),
    # other scripts: a letter without blanks counts twice
    ("安娜病了", "昨天安娜病了。今天", "昨天[…]。今天", None),
    ("安娜从三月中旬起一直生病", "昨天说安娜从三月中旬起一直生病。今天", "昨天说[…]。今天", "昨天说[…]。今天"),
    ("安娜病了", "安娜来了", None, None),
    ("病", "昨天病了", "昨天[…]了", None),
    ("Ärger", "Viel A\u0308rger heute", "Viel […] heute", None),
    # other words, or not all of them
    (LONG, "Anna, as I know, was ill since the spring", "SAME", None),
    (LONG, "as Anna has been really quite ill for long", "SAME", None),
    (LONG, "March of the middle since ill been has Anna", "SAME", None),
    # 20 letters, and 19; a lone word
    ("Anna was often ill then", "so Anna was often ill then", "so […]", "so Anna was often ill then"),
    ("Anna was often ill, then I", "so Anna was often ill then I", "so […]", "so […]"),
    ("quarantine", "the quarantine of Ward Nine", "the […] of Ward Nine", None),
    ("sk0abcdefghijklmnopqrstuvwx", "key: sk0abcdefghijklmnopqrstuvwx", "key: […]", "key: […]"),
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
