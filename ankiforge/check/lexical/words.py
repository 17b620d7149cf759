"""Words as the checks see them: tokens, content words, stems, numbers.

English above all, German where it is cheap; Chinese and Japanese are read character by
character. Everything here serves comparison only: no form of it is ever shown or stored.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|(?:[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)?[+#]*)")
_IDEOGRAPH = re.compile(f"[{_CJK}]")


def listed(words: str) -> tuple[str, ...]:
    """A word list as it stands in the code: words between blanks."""
    return tuple(words.split())


STOP_WORDS = frozenset(
    listed(
        """a an the of in on at to for from by with and or but if as is are was were be been being
    it its this that these those we our you your they their them he she his her i not no so than
    then there here such which who whom whose what when where how why does do did doing can could
    may might must will would shall should have has had having into onto over under between about
    also more most some any each other only very same both per via upon
    der die das den dem des ein eine einer eines einem einen und oder aber ist sind war waren wird
    werden von vom zu zum zur im am auf für mit bei nach aus als wie wenn dass nicht kein keine
    was wer wo wann warum welche welcher welches es sie er wir ihr"""
    )
)
QUESTION_WORDS = frozenset(
    listed(
        """define explain name term describe list state call called known stand stands mean means
    meaning refer refers referred give given expand write abbreviation acronym number"""
    )
)
NEGATIONS = frozenset(
    listed(
        """not no never without none cannot neither nor non lack lacks lacking nicht kein keine keinen
    keiner keinem ohne nie niemals"""
    )
)
ORDINALS = listed(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
)
_SMALL = listed("""zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen twenty""")
_TENS = listed("twenty thirty forty fifty sixty seventy eighty ninety")
_GERMAN = listed("null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf")
NUMBER_WORDS = (
    {word: str(number) for number, word in enumerate(_SMALL)}
    | {word: str(10 * number) for number, word in enumerate(_TENS, start=2)}
    | {word: str(number) for number, word in enumerate(_GERMAN)}
    | {"hundred": "100", "thousand": "1000", "once": "1", "twice": "2"}
)
"""What a number word is in digits."""


def tokens(text: str) -> list[str]:
    """Words and single ideographs, casefolded, in order; `C++` and `C#` keep their signs."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def content(text: str) -> list[str]:
    """The tokens that carry meaning: no stop words, none of the words questions are made of."""
    return [t for t in tokens(text) if t not in STOP_WORDS and t not in QUESTION_WORDS]


def has_word(word: str, text: str, *, joined: tuple[bool, bool] = (False, False)) -> bool:
    """Whether a word or phrase stands in a text, with no letter before it or behind it.

    `joined` lets letters stand before it, or behind it, as in scripts without blanks.
    """
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        before = joined[0] or not _is_letter(text[at - 1 : at] if at else "")
        if before and (joined[1] or not _is_letter(text[end : end + 1])):
            return True
        at = text.find(word, at + 1)
    return False


def _is_letter(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def word_count(text: str) -> int:
    """How many words a reader sees; two ideographs count as one."""
    ideographs = len(_IDEOGRAPH.findall(text))
    return len(_IDEOGRAPH.sub(" ", text).split()) + (ideographs + 1) // 2


# --- stems ----------------------------------------------------------------------------------

_SPELLING = (
    (("our",), re.compile(r"(?<=[a-z]{3})our(?=$|s$|al$|ed$|ing$)"), "or"),
    (("re",), re.compile(r"(?<=[a-z][bcdfghjklmnpqtvw])re(?=s?$)"), "er"),
    (("ae", "oe"), re.compile(r"ae|oe"), "e"),
    (
        ("is", "ys"),
        re.compile(r"(?<=[a-z]{3})[iy]s(?=e$|ed$|es$|ing$|ation$|ations$|er$|ers$)"),
        "iz",
    ),
)
"""(what a word must hold, what is looked for in it, how it is spelt here)"""
_ENDINGS = (
    ("izations", "iz"), ("ization", "iz"), ("izing", "iz"), ("izers", "iz"), ("izer", "iz"),
    ("ized", "iz"), ("izes", "iz"), ("ize", "iz"), ("ations", "at"), ("ation", "at"),
    ("ating", "at"), ("ated", "at"), ("ates", "at"), ("ate", "at"), ("ies", "y"), ("ied", "y"),
    ("sses", "ss"), ("ings", ""), ("ing", ""), ("edly", ""), ("ed", ""), ("es", ""),
    ("s", ""), ("al", ""),
)  # fmt: skip
_KEEP_S = ("ss", "us", "is", "ias")
_MIN_STEM = 3


_IRREGULAR = {
    past: now
    for line in """begin began begun/write wrote written/find found/make made/give gave given
    take took taken/lead led/win won/hold held/build built/fall fell fallen/rise rose risen
    show shown/grow grew grown/bear born/become became/break broke broken/choose chose chosen
    drive drove driven/know knew known/lose lost/see saw seen/send sent/sing sang sung
    speak spoke spoken/think thought/draw drew drawn/man men/woman women/child children
    foot feet/tooth teeth/mouse mice""".replace("\n", "/").split("/")
    for now, *forms in [line.split()]
    for past in forms
}


@lru_cache(maxsize=65536)
def stem(token: str) -> str:
    """A token without its inflection and with one spelling: `centre` is `center`."""
    token = _IRREGULAR.get(token, token)
    if len(token) <= _MIN_STEM or not token.isalpha():
        return token
    word = token
    for signs, pattern, spelling in _SPELLING:
        if any(sign in word for sign in signs):
            word = pattern.sub(spelling, word)
    word = _without_ending(word).removesuffix("e")
    doubled = len(word) > _MIN_STEM and word[-1] == word[-2] and word[-1] not in "aeios"
    return word[:-1] if doubled else word


def _without_ending(word: str) -> str:
    if word.endswith(_KEEP_S):
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM:
            return word[: -len(ending)] + instead
    return word


def prefix(token: str) -> str:
    """The first five letters: enough to see that a word comes from its source."""
    return token[:5]


# --- numbers --------------------------------------------------------------------------------

_RAISED = re.compile("[²³¹⁰⁴-⁹₀-₉]+")
TERM = re.compile(r"\b(?:[A-Z]{2,}\w*|[A-Za-z]+\d\w*|[A-Z]*[a-z]+[A-Z]\w*)\b")
"""Acronyms and names with digits or inner capitals."""
DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_POWER = re.compile(r"(\d+)\s*\^\s*\{?\s*[-+−]?(\d+)")
_ROMAN = re.compile(r"\b(?=[IVX]{2})X{0,3}(?:IX|IV|V?I{0,3})\b")
_NUMBERED = re.compile(
    r"\b(type|war|phase|stage|class|grade|part|chapter|book|volume|factor|complex|level|category"
    r"|axiom|law|act|group|period|form)\s+([IVX])\b",
    re.IGNORECASE,
)
_ROMAN_SIGN = re.compile(r"\b[WIVXivx]+[12]?\b")
_ROMAN_VALUE = {"I": 1, "V": 5, "X": 10}


def space_raised(text: str) -> str:
    """The text with a blank before super- and subscript digits, lest `10³` read as 103."""
    return _RAISED.sub(lambda match: " " + " ".join(match[0]), text)


def arabic(text: str) -> str:
    """The text with Roman numerals as digits: `World War II`, `WWII`, `type I`, never a lone I."""
    if not _ROMAN_SIGN.search(text):
        return text
    text = re.sub(r"\bWW(I{1,2})\b", r"World War \1", text)
    text = re.sub(r"\bWW([12])\b", r"World War \1", text)
    text = _NUMBERED.sub(lambda match: f"{match[1]} {_value(match[2].upper())}", text)
    return _ROMAN.sub(lambda match: _value(match[0]), text)


def _value(roman: str) -> str:
    total = 0
    for at, sign in enumerate(roman):
        worth = _ROMAN_VALUE[sign]
        larger = any(_ROMAN_VALUE[later] > worth for later in roman[at + 1 : at + 2])
        total += -worth if larger else worth
    return str(total)


def stated_numbers(text: str) -> dict[str, tuple[str, ...]]:
    """The numbers written in digits, each with the forms under which a source may hold it.

    `1,000` may stand there as 1000; the 10 of `10^3` as 103, as pages lose their superscripts.
    """
    raised = space_raised(text)
    joined = {
        n: "".join(match.groups()) for match in _POWER.finditer(raised) for n in match.groups()
    }
    plain = unicodedata.normalize("NFKC", arabic(raised))
    return {
        number: (*_spellings(number), *((joined[number],) if number in joined else ()))
        for number in DIGITS.findall(plain)
    }


def all_numbers(text: str) -> frozenset[str]:
    """Every number a text holds, in all its spellings: digits, words, ordinals, Roman."""
    plain = unicodedata.normalize("NFKC", arabic(space_raised(text)))
    found = {form for number in DIGITS.findall(plain) for form in _spellings(number)}
    found |= set(DIGITS.findall(unicodedata.normalize("NFKC", text)))
    words = set(tokens(text))
    found |= {NUMBER_WORDS[word] for word in words if word in NUMBER_WORDS}
    found |= {str(at) for at, word in enumerate(ORDINALS, start=1) if word in words}
    return frozenset(found)


def _spellings(number: str) -> tuple[str, ...]:
    ungrouped = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", number)
    return tuple(dict.fromkeys((number, ungrouped, number.replace(",", "."))))
