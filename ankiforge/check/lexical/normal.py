"""The normal form under which cards are compared: for matching only, never shown or stored."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from ankiforge.check.lexical.words import NUMBER_WORDS, arabic, listed, space_raised
from ankiforge.model import Draft, Family
from ankiforge.text import cloze, markdown
from ankiforge.text.cloze import shields
from ankiforge.text.fold import canonical

_MARKUP = re.compile(r"[`$\\*_<\[~]|==|\{\{|^[ \t]*[#>+-]", re.MULTILINE)
_HOLDERS = re.compile("[\ue000-\ue0ff]")


@lru_cache(maxsize=256)
def bare(text: str) -> str:
    """The plain words of Markdown, cloze signs gone; cheap where there is nothing to strip."""
    text = text if text.isascii() else _HOLDERS.sub(" ", text)
    return markdown.plain(text) if _MARKUP.search(text) else text.strip()


# --- TeX as Unicode -------------------------------------------------------------------------

_GROUP = r"\{([^{}]*)\}"
_TEX = (
    (re.compile(rf"\\(?:mathrm|text|mathbf|mathit|mathcal|operatorname|textrm)\s*{_GROUP}"), r"\1"),
    (re.compile(rf"\\[dt]?frac\s*{_GROUP}\s*{_GROUP}"), r"(\1)/(\2)"),
    (re.compile(rf"\\sqrt\s*{_GROUP}"), r"√(\1)"),
    (re.compile(r"\\(?:left|right|displaystyle|quad|[,;:! ])"), " "),
    (re.compile(r"\\(?:[lr]?Vert|\|)"), "‖"),
    (re.compile(r"\\(?:[lr]?vert|mid)\b"), "|"),
    (re.compile(r"\\(?:cdot|times)\b"), "·"),
    (re.compile(r"\\leq?\b"), "≤"),
    (re.compile(r"\\geq?\b"), "≥"),
    (re.compile(r"\\neq?\b"), "≠"),
)
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_GREEK = dict(
    zip(
        listed("""alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho
        sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Pi Sigma Phi Psi
        Omega"""),
        "αβγδεεζηθικλμνξπρστυφφχψωΓΔΘΛΠΣΦΨΩ",
        strict=True,
    )
)


def without_tex(text: str) -> str:
    r"""Formulae as they stand on a page: `\frac{a}{b}` is `(a)/(b)`."""
    if "\\" not in text:
        return text
    for _ in range(3):
        for pattern, instead in _TEX:
            text = pattern.sub(instead, text)
    return _COMMAND.sub(lambda match: _GREEK.get(match[1], match[1]), text)


# --- the normal form ------------------------------------------------------------------------

_TYPOGRAPHY = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-"}
    | {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE"}
)
_JOINED = re.compile(r"(?<=\w)-\s*\n\s*(?=\w)|\u00ad")
_COMPOUND = re.compile(r"(?<=[^\W\d_])[-‐‑](?=[^\W\d_])")
_BRACKETS = re.compile(r"[{}^_()\[\]]")
_OPERATOR = re.compile(r"\s*([=+*/|<>≤≥≠·‖-])\s*")
_AFTER, _BEFORE = "?!.,;:\"'…", "\"'¿¡"
"""Signs that end a word, and those that begin one."""
_DOUBTFUL = ("one", "once", "eins", "acht")
"""Number words that are other words as often: `one` is an article, too."""
_SIGN = re.compile(r"[-{}^_()\[\]=+*/|<>≤≥≠·‖,]")
_OTHERS = {
    word: str(number)
    for number, words in {
        2: "zwei deux dos", 3: "drei trois tres", 4: "vier quatre cuatro", 5: "funf cinq cinco",
        6: "sechs seis", 7: "sieben sept siete", 8: "huit ocho", 9: "neun neuf nueve",
        10: "zehn dix diez", 11: "elf onze once", 12: "zwolf douze doce", 13: "dreizehn treize",
        14: "vierzehn quatorze", 15: "funfzehn quinze", 16: "sechzehn seize", 17: "siebzehn",
        18: "achtzehn", 19: "neunzehn", 20: "zwanzig vingt veinte", 30: "dreissig trente treinta",
        40: "vierzig quarante", 50: "funfzig cinquante", 60: "sechzig soixante", 70: "siebzig",
        80: "achtzig", 90: "neunzig", 100: "hundert cent cien", 1000: "tausend mille mil",
    }.items()
    for word in listed(words)
}  # fmt: skip
"""German, French and Spanish, without accents."""
_COUNTED = {
    word: digits for word, digits in (_OTHERS | NUMBER_WORDS).items() if word not in _DOUBTFUL
}
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_GROUPED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:[ \u00a0\u2009\u202f]\d{3}){2,}(?![\d.,])")
"""299 792 458; of two groups alone, `in 120 200 died`, nobody can tell."""
_TUPLE = re.compile(r"[(\[]-?\d+(?:\s?,\s?-?\d+)+[)\]]")
"""(0, 0) is two numbers, however it is set."""
_TENS_AND_ONES = re.compile(
    r"\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-"
    r"(one|two|three|four|five|six|seven|eight|nine)\b"
)


@lru_cache(maxsize=1024)
def normal(text: str) -> str:
    """Plain text without typography, case, accents, TeX and number words."""
    text = arabic(text)
    if "-" in text or "\u00ad" in text:
        text = _JOINED.sub("", text)
    text = without_tex(text)
    if not text.isascii():
        text = _decomposed(space_raised(text.translate(_TYPOGRAPHY))).translate(_TYPOGRAPHY)
    text = text.casefold()
    if " " in text and any(map(str.isdigit, text)):
        text = _GROUPED.sub(lambda match: "".join(match[0].split()), text)
    if _SIGN.search(text):
        text = _TUPLE.sub(lambda match: match[0].replace(",", " "), text)
        text = _COMPOUND.sub("", _TENS_AND_ONES.sub(_sum, text))
        text = _OPERATOR.sub(r"\1", _BRACKETS.sub(" ", _THOUSANDS.sub("", text)))
    words = [word.rstrip(_AFTER).lstrip(_BEFORE) for word in text.split()]
    return " ".join([_COUNTED.get(word, word) for word in words if word])


def _decomposed(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _sum(match: re.Match[str]) -> str:
    return str(int(NUMBER_WORDS[match[1]]) + int(NUMBER_WORDS[match[2]]))


# --- the two sides of a card ----------------------------------------------------------------

MAX_LENGTH = 2000
"""So many characters of a field are compared; no card worth having is longer."""
_SIMPLE = re.compile(r"\{\{c\d+(?:,\d+)*::([^{}:]*)(?:::[^{}:]*)?\}\}")
_SHIELDS = ("`", "$", "\\")


@dataclass(frozen=True, slots=True)
class Sides:
    """A card as plain text: what it asks, what it wants to hear, and both together."""

    family: Family
    asked: str
    answered: str
    text: str = ""
    """Of a cloze: the sentence with its answers in place."""

    @property
    def whole(self) -> str:
        """All of its words."""
        return self.text or f"{self.asked} {self.answered}"

    @property
    def shown(self) -> str:
        """What names the card to a reader."""
        return self.text or self.asked


@lru_cache(maxsize=64)
def sides(draft: Draft) -> Sides:
    """The two sides of a draft."""
    if draft.kind.family is Family.BASIC:
        front, back = draft.field("Front")[:MAX_LENGTH], draft.field("Back")[:MAX_LENGTH]
        return Sides(Family.BASIC, bare(front), bare(back))
    text = draft.field("Text")[:MAX_LENGTH]
    question, answers = _cut(text)
    return Sides(Family.CLOZE, bare(question), bare(" ".join(answers)), bare(text))


def _cut(text: str) -> tuple[str, list[str]]:
    """The text without its gaps, and their answers; by a pattern where no sign is shielded."""
    simple = _SIMPLE.findall(text)
    if len(simple) == text.count("{{") and not any(sign in text for sign in _SHIELDS):
        return _SIMPLE.sub(" ", text), simple
    outer, at = [], 0
    found = cloze.gaps(text)
    for gap in found:
        if gap.start >= at:
            outer.append(text[at : gap.start])
            at = gap.end
    return " ".join([*outer, text[at:]]), [gap.answer for gap in found]


_LAST = re.compile(r"(?<=[^\s.?])[\s.?]+$")


def exact_form(draft: Draft) -> tuple[str, ...]:
    """What must be equal for two cards to be one and the same; () where a side is empty.

    Only typography, emphasis, and the last stop or question mark do not count; which words
    are gaps, which of them go together, and what stands in Extra does.
    """
    extra = _exact(draft.field("Extra")) if draft.field("Extra") else ""
    if draft.kind.family is Family.CLOZE:
        text = _exact(_ranked(draft.field("Text")))
        return ("cloze", text, extra) if text else ()
    front, back = _exact(draft.field("Front")), _exact(draft.field("Back"))
    return (draft.kind.value, front, back, extra) if front and back else ()


def _exact(text: str) -> str:
    """Maths and code keep their case: `m` and `M` are two things."""
    if not any(sign in text for sign in _SHIELDS):
        return _without_stop(_canonical(bare(text)))
    runs, at = [], 0
    for start, end, _ in shields(text):
        runs += [canonical(bare(text[at:start])), text[start:end]]
        at = end
    return _without_stop(" ".join([*runs, canonical(bare(text[at:]))]).strip())


def _without_stop(text: str) -> str:
    return _LAST.sub("", text) if text.endswith((".", "?")) else text


def _canonical(text: str) -> str:
    """`canonical`, the short way where only ASCII has to be unified."""
    return " ".join(text.casefold().split()) if text.isascii() else canonical(text)


def _ranked(text: str) -> str:
    """Cloze signs as plain brackets, numbered in the order in which they appear."""
    ranks: dict[tuple[int, ...], int] = {}
    parts, at = [], 0
    for gap in cloze.gaps(text):
        rank = ranks.setdefault(gap.numbers, len(ranks) + 1)
        parts += [text[at : gap.start], f"⟦{rank}⟧"]
        at = gap.body
    return "".join([*parts, text[at:]])
