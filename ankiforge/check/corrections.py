"""Distinguish a correction of a passage from another fact in the same place.

`classify` compares a passage before and after an edit word by word: its context (the text outside the
gaps, or the front) and its answer (the gaps, or the back). Only an edit that certainly keeps the fact
is a correction, which may be shipped in the old note; if in doubt, the card waits. Citations, links,
markup and the format of numbers do not count. The word lists are in `data/corrections.txt`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, pairwise

from rapidfuzz.distance import OSA

from ankiforge.check.differences import CITED
from ankiforge.check.reading import bare
from ankiforge.check.words import (
    FUNCTION,
    NEGATORS,
    NUMBER_WORDS,
    OPPOSITES,
    ORDINALS,
    QUANTITY,
    TURNED,
    UNITS,
    Quantity,
    by_word,
    conjugated,
    data,
    ended,
    inflected,
    level,
    listed,
    lists,
    normal,
    quantity_of,
    sound,
    stem,
    tens_and_ones,
    undoubled,
    vocabularies,
    without_accents,
    written_out,
)
from ankiforge.model import (
    Draft,
    Edit,
    EditKind,
    Family,
    Form,
    Highlight,
    HighlightKind,
    Span,
)
from ankiforge.model.highlights import NOTHING_COMMON
from ankiforge.text import cloze


@dataclass(frozen=True, slots=True)
class Passage:
    """The text of a highlight or of a handwritten card."""

    text: str
    """The passage, or the front of a question."""
    gaps: tuple[Span, ...] = ()
    """The answers within `text`."""
    answer: str = ""
    """The back of a question."""
    under: tuple[str, ...] = ()
    """The context of a bare number: headings, list parents, row label."""

    @classmethod
    def of(cls, highlight: Highlight) -> Passage:
        """Return the text of a highlight. The row and column of a table cell are in its heading.

        Only the numbers of the title count, as in the date of a daily note: documents may be renamed.
        """
        under = tuple(filter(None, (highlight.heading, *highlight.above))) or ("its document",)
        under += tuple(filter(None, [" ".join(re.findall(r"\d+", highlight.document.title))]))
        markdown = highlight.markdown
        if highlight.kind is not HighlightKind.CARD or not markdown:
            return cls(highlight.exact, highlight.gaps, under=under)
        if highlight.form is not Form.CLOZE and len(markdown) > 1:
            return cls(markdown[0], answer=markdown[1], under=under)
        return cls.filled(markdown[0], under)

    @classmethod
    def of_draft(cls, draft: Draft) -> Passage:
        """Return the text of a card."""
        under = ("its passage",)
        if draft.kind.family is Family.CLOZE:
            return cls.filled(draft.field("Text"), under)
        return cls(draft.field("Front"), answer=draft.field("Back"), under=under)

    @classmethod
    def filled(cls, text: str, under: tuple[str, ...] = ()) -> Passage:
        """Return a cloze text without its cloze signs."""
        parts, spans, at, length = list[str](), list[Span](), 0, 0
        for gap in cloze.gaps(text):
            if gap.start >= at:
                parts += [text[at : gap.start], gap.answer]
                start = length + gap.start - at
                length = start + len(gap.answer)
                spans.append((start, length))
                at = gap.end
        return cls("".join([*parts, text[at:]]), tuple(spans), under=under)


# --- citations, links and markup, which are ignored -----------------------------------------------

_NOISE = re.compile(
    r"<!--.*?-->"
    r"|\[\[@[^\]\n]+\]\]|\[@[^\]\n]+\]|\[\^[^\]\n]+\]"  # citation keys, footnotes
    r"|(?<![\w@])@[A-Za-z][\w:.-]*\d{4}[a-z]?(?!\w)"
    r"|<sup>\s*\[\d+\]\s*</sup>"
    r"|\((?:see |siehe |cf\. )?(?:(?:p|pp|S|ch|chap|Fig|Sec|Abb|Kap|Tab)\.|[Pp]age|[Cc]hapter|[Ss]ection"
    r"|[Ff]igure|[Tt]able|Seite|Kapitel|Abschnitt|Abbildung|Tabelle)\s?\d+(?:\s?[-–.]\s?\d+)*\)"
    r"|(?<![\w(])\(?https?://[^\s)]+\)?|\bdoi:\s?\S+"
    r"|(?<![\w&])#(?![a-fA-F]*\d[\da-fA-F]*\b)[^\W\d][\w/-]*"  # tags; #ff0000 is a colour
    r"|(?:^|(?<=\s))\^[\w-]+\s*$"  # a block id
    r"|^\s*(?:[-*+]\s+)?\[[ xX]\]\s",
    re.DOTALL | re.MULTILINE,
)
_ARROW = re.compile(r"<?(?:-{1,3}|={1,3})>|[→⇒⟶⟹]")
_TYPED = ((">=", "≥"), ("<=", "≤"), ("!=", "≠"), ("==", "="))
_HALVES = (("½", " 1/2"), ("¼", " 1/4"), ("¾", " 3/4"))
_PERSONS = (("he or she", "they"), ("his or her", "their"))
_SPELLINGS = (
    (re.compile(r"\bcan['’]t\b", re.IGNORECASE), "cannot"),
    (re.compile(r"\bwon['’]t\b", re.IGNORECASE), "will not"),
    (re.compile(r"(?<=[a-z])n['’]t\b", re.IGNORECASE), " not"),
    # what enzyme, which enzyme
    (re.compile(r"\bwhat(?= (?!.. |are |was |were |does |did |ha[ds] |can )[a-z])", re.I), "which"),
)
_WIKILINK = re.compile(r"!?\[\[(?:[^\]|\n]*\|)?([^\]|\n]+)\]\]")
_FRAME = re.compile("[$`]")
_SOLID = re.compile(r"\$\$?[^$\n]+\$\$?|`[^`\n]+`")
_SCRIPT = re.compile(r"(?<=[A-Za-z)\]])\$([_^])\{?(\w+)\}?\$")
"""A formula that is only a sub- or superscript: CO$_2$."""
_POWER = re.compile(r"(?<=\d)(?:\s?[x×·⋅*]\s?10\^|[eE](?=[+−-]?\d+(?!\w)))")
_SIMPLE = re.compile(r"[\w\s.,%°'’-]*")
_RAISED = re.compile(
    r"<(?P<tag>su[bp])>\s*(?P<tagged>[\w+−–-]+)\s*</(?P=tag)>"
    r"|(?<!~)~(?P<low>[\w+−-]+)~(?!~)|\^(?P<high>[\w+−-]+)\^"
    r"|(?<=[^\W_])\^\{?(?P<power>[+−-]?\d+[+−-]?|[+−-])\}?(?!\w)"
    r"|(?P<sign>[⁺⁻²³¹⁰⁴-⁹]+)|(?P<index>[₀-₉]+)"
)
"""Superscripts and subscripts: Pandoc's `H~2~O` and `Ca^2+^`, HTML, `r^2`, Unicode."""


def _cited(passage: Passage) -> frozenset[str]:
    return frozenset(match[0] for match in CITED.finditer(f"{passage.text} {passage.answer}"))


def _is_citation(answer: str) -> bool:
    """Return whether an answer is only an apparent citation: an interval, or a year."""
    return not re.search(r"\w", CITED.sub(" ", answer))


def _cleaned(text: str, citations: bool) -> str:
    """Return plain text; formulae and code become one word each, unless they are plain words."""

    def hold(match: re.Match[str]) -> str:
        inner = match[0].strip("$`")
        if _SIMPLE.fullmatch(inner):
            return inner
        return _held("".join((normal(inner) if match[0][0] == "$" else inner).split()))

    text = _SCRIPT.sub(lambda match: f"{match[1]}{match[2]}{match[1]}".replace("_", "~"), text)
    text = _ARROW.sub(" ", _NOISE.sub(" ", _SOLID.sub(hold, text)))
    for sign, single in (*_TYPED, *_HALVES, *_PERSONS):
        text = text.replace(sign, single)
    for pattern, words in _SPELLINGS:
        text = pattern.sub(words, text)
    if citations:
        text = CITED.sub(" ", text)
    text = _WIKILINK.sub(lambda match: match[1].rpartition("#")[2], text)
    return _POWER.sub(" 10^", bare(_RAISED.sub(_attached, text)))


def _held(text: str) -> str:
    """Return a text as one word in which no sign is taken for markup."""
    return f"\ue100{text.encode().hex()}\ue101"


def _attached(match: re.Match[str]) -> str:
    """Return a sub- or superscript as part of its word: H2O, Ca2+, a_n, 19th; a power as 10^3."""
    raised = unicodedata.normalize("NFKC", next(filter(None, match.groups()[1:])))
    raised = re.sub("[–-]", "−", raised)
    text, lowered = match.string, match["tag"] == "sub" or match["low"] or match["index"]
    before = text[max(match.start() - 5, 0) : match.start()]
    if raised.isdecimal() and not lowered and not text[match.end() : match.end() + 1].isalnum():
        word = match["tag"] and re.search(r"[a-z]{5}$|\s$", before)  # no unit, as in km<sup>2</sup>
        if word or re.search(r"(?<!\d)[.,;:]$", before):
            return " "  # a footnote
    if raised.isalpha() and before[-1:].isalpha():
        return f"_{raised}"
    ending = raised[-1] in "+−" or (raised.isalpha() and len(raised) > 1)
    return f"^{raised}" if before[-1:].isdecimal() and not lowered and not ending else raised


# --- tokens --------------------------------------------------------------------------------------

_ENGLISH_MONTHS = [words[0].capitalize() for words in lists("numbers", "months").values()]
_DATE = re.compile(rf"\b({'|'.join(_ENGLISH_MONTHS)}) (\d{{1,2}})(?:st|nd|rd|th)?(?=,? \d{{4}})")
_ISO = re.compile(r"\b(\d{4})-(0[1-9]|1[0-2])-([0-2]\d|3[01])\b")
_MONTHS = by_word("numbers", "months")
_DOTTED = re.compile(r"(?<![\w.])(0?[1-9]|[12]\d|3[01])\.\s?(0?[1-9]|1[0-2])\.\s?(?=\d{4}\b)")
_DAY = re.compile(rf"\b(\d{{1,2}})\.? ({'|'.join(_MONTHS)})\b", re.IGNORECASE)
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_OPERATORS = (
    "\u2190-\u2211\u2213-\u2216\u2218-\u2235\u2237-\u223b\u223d-\u22c4\u22c6-\u22ff\u27f0-\u2aff"
)
"""Arrows and signs of maths but those written in several ways: − ∗ ∙ ⋅ ∶ ∼."""
_SCAN = re.compile(
    rf"""
    \ue100(?P<solid>[0-9a-f]+)\ue101
    |(?P<code>(?<![\w'‘])(?:[^\W\d_]['′]+|[a-z]!)(?![\w'′=])|[^\W\d_]+(?:_\w+)+|(?<!\S)--?[A-Za-z][\w-]*|\d+(?:/\d+)+|\d+(?:\.\d+){{2,}}
        |[^\W\d_]+(?:-[^\W\d_]+)*[-−]?\d\w*(?:\.\d+)*(?:[+−-](?!\w))?|[^\W\d_]+\(\d+[+-]?\))
    |(?P<sign>[<>=±^¬÷§♀♂{_OPERATORS}]|(?<=\s)[+*/](?=\s))
    |(?P<ideograph>[{_CJK}])
    |(?P<word>[^\W\d_{_CJK}]+(?:['’][^\W\d_]+)?[+\#]*)
    """,
    re.VERBOSE,
)
_SENTENCE = re.compile(r"[.!?:;。？！\n]\s*[\"“‘(\[]*$")
_ROMAN = re.compile(r"(?<![\w(])(?=[IVX]{2})X{0,3}(?:IX|IV|V?I{0,3})(?!\w)")
_ROMAN_SIGN = "\ue102"
_BESIDE = re.compile(r"(?:[^\W\d_]|§|\bNo\.|\bNr\.)\s?$", re.IGNORECASE)
_ATTACHED = re.compile(r"[^\W\d_][:/\[._]$")
"""The end of an identifier to which a number belongs: localhost:3000, fonts[0]."""
_SCALES = by_word("numbers", "scales")
_UNIT = re.compile(
    r"\s?(?:"
    + "|".join(sorted(map(re.escape, (*UNITS, *_SCALES)), key=len, reverse=True))
    + r")(?![^\W_]|/\w)",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b|\.(?=\s[a-zäöü])", re.IGNORECASE)
_HYPHENED = re.compile(r"-[^\W\d_]{2,}\w*|(?!(?:st|nd|rd|th)\b)[A-Za-z]+")

_NUMBERING = listed("corrections", "numbering")
_QUALIFIERS = listed("corrections", "qualifiers")
_FILLERS = listed("corrections", "fillers")
_TELLING = frozenset(map(without_accents, listed("corrections", "telling")))
_AFFIXES = listed("corrections", "affixes")
_SMALL = (FUNCTION | _FILLERS) - listed("corrections", "meaningful")
_SMALL |= frozenset(map(without_accents, _SMALL))
_LIMITING = frozenset(map(without_accents, listed("corrections", "limiting")))
_NEGATING = frozenset(map(without_accents, listed("corrections", "negating")))
_COUNTED = _LIMITING - listed("corrections", "uncounted")
_NAMING = listed("corrections", "naming")
_GIVEN = frozenset(map(without_accents, listed("corrections", "given")))
_GENDERED = frozenset(map(without_accents, listed("corrections", "gendered")))
_REFERRING = listed("corrections", "referring")
_MISSPELLED = by_word("corrections", "misspelled")
_UNIVERSAL = listed("corrections", "universal")
_GERMAN = listed("small_words", "german_small")
_COMMON: dict[str, list[str]] = {}
"""The languages of each common word."""
for _name, _words in lists("small_words", "common").items():
    _code = {"German": "de", "Spanish": "es"}.get(_name, _name[:2].lower())
    _more = [lists("small_words", each).get(_code, ()) for each in ("stop", "function")]
    for _one in {*_words, *chain(*_more)}:
        _COMMON.setdefault(_one, []).append(_name)
_IDEOGRAPHIC_NOT = frozenset("不没沒非未無无否")


@dataclass(frozen=True, slots=True)
class _Token:
    """One word, number, code or sign of a passage."""

    key: str
    """The value to compare; for numbers, size and dimension."""
    raw: str
    answer: bool
    kind: str = "word"
    """`word`, `number`, `code` (letters with digits, formulae) or `sign`."""
    name: bool = False
    """Whether it is capitalised inside a sentence."""
    capital: bool = False
    quantity: Quantity | None = None
    within_name: bool = False
    """Whether a number is part of a name (World War 2, type 1, § 5, third), not a measure."""
    bracketed: bool = False
    """Whether it is the first in brackets: World Health Organization (WHO)."""
    language: str = "English"
    """The language with the most small words in the passage; English unless another has more."""
    beside: bool = False
    """Whether a number directly follows a word."""

    @property
    def light(self) -> bool:
        """Whether it adds nothing to the fact, as an article or filler."""
        return self.kind == "word" and not self.name and self.key in _SMALL

    @property
    def dated(self) -> bool:
        """Whether it is a year."""
        return self.quantity is not None and self.quantity.value >= 1000 and not self.quantity.unit

    @property
    def named(self) -> bool:
        """Whether it is a name, a code, or a number in a name."""
        return self.name or self.kind == "code" or self.within_name


def _segments(passage: Passage) -> list[tuple[str, bool]]:
    """Return the parts of the text, and whether each is an answer."""
    segments: list[tuple[str, bool]] = []
    at = 0
    for start, end in sorted(passage.gaps):
        if start >= at:
            segments += [(passage.text[at:start], False), (passage.text[start:end], True)]
            at = end
    return [*segments, (passage.text[at:], False), (passage.answer, True)]


def _unframed(passage: Passage) -> list[str]:
    """Return the parts of the text without the signs around code and formulae."""
    return [_FRAME.sub("", text) for text, _ in _segments(passage)]


def _tokens(
    passage: Passage, citations: bool, misread: dict[str, str] | None = None
) -> list[_Token]:
    segments = _segments(passage)
    for was, word in (misread or {}).items():
        segments = [(re.sub(rf"\b{was}\b", word, text), answer) for text, answer in segments]
    for number, (text, _) in enumerate(segments[:-2]):  # ==100== °C is the same as ==100 °C==
        after = segments[number + 1]
        last = text.split()[-1].casefold() if text.strip() else ""
        counts = last[-1:].isdigit() or last in NUMBER_WORDS or last in _SCALES
        unit = _UNIT.match(after[0]) if counts else None
        if unit:
            segments[number] = (text + unit[0], segments[number][1])
            segments[number + 1] = (after[0][unit.end() :], after[1])
    whole = passage.text + passage.answer
    words = re.findall(r"\w+", whole.casefold())
    german = len(_GERMAN.intersection(words)) >= 2
    found: list[_Token] = []
    tail = ""
    for number, (text, answer) in enumerate(segments):
        if passage.answer and number == len(segments) - 1:
            tail = ""
        cited = citations and not (answer and _is_citation(text))
        cleaned = _cleaned(text, cited)
        if answer and _NOISE.fullmatch(text.strip()):
            cleaned = _held(text.strip())  # an address or a tag, which is no noise here
        if text[:1].isspace():
            cleaned = f" {cleaned}"
        found += _scan(cleaned, answer, tail)
        tail = (tail + cleaned + (" " if text[-1:].isspace() else ""))[-12:]
    found = [a for a, b in pairwise((*found, None)) if a and not (a.light and a == b)]  # the the
    found, language = _finished(found, german), _language_of(words)
    return found if language == "English" else [replace(one, language=language) for one in found]


def _scan(text: str, answer: bool, tail: str) -> Iterator[_Token]:
    """Yield the tokens of a text that follows `tail`; numbers include scale and unit."""
    text = _DATE.sub(r"\2 \1", text)
    text = _ISO.sub(lambda m: f"{int(m[3])} {_ENGLISH_MONTHS[int(m[2]) - 1]} {m[1]}", text)
    text = _DOTTED.sub(lambda m: f"{int(m[1])} {_ENGLISH_MONTHS[int(m[2]) - 1]} ", text)
    text = _DAY.sub(lambda m: f"{m[1]} {_ENGLISH_MONTHS[int(_MONTHS[m[2].casefold()]) - 1]}", text)
    text = level(_ROMAN.sub(f"{_ROMAN_SIGN}\\g<0>", tens_and_ones(text))).replace("’", "'")
    folded = text.casefold()
    if len(folded) != len(text):
        text = folded
    at, length = 0, len(text)
    while at < length:
        match = _SCAN.match(text, at)
        quantity = None if match and match["code"] else QUANTITY.match(folded, at)
        if quantity and quantity["word"] in ("one", "null", "eins"):
            measures = len(quantity["unit"] or "") > 2  # one second, but not one in ten
            quantity = quantity if measures else None
        if quantity and quantity.end() > at:
            yield _number(text, quantity, answer, (tail + text[:at])[-12:])
            at = quantity.end()
            if ending := _ORDINAL.match(text, at) or _HYPHENED.match(text, at):
                at = ending.end()
            continue
        if not match:
            at += 1
            continue
        led = (tail + text[:at])[-12:]
        first = not led.strip(" \"“‘(['*_-") or _SENTENCE.search(led) is not None
        word = _word(match, answer, first)
        yield replace(word, bracketed=True) if led.endswith("(") else word
        at = match.end()


def _number(text: str, match: re.Match[str], answer: bool, led: str) -> _Token:
    """Return the token of a number; `led` is the text before it."""
    one, raw, end = quantity_of(match), text[match.start() : match.end()], match.end()
    dimension, size = one.base
    key = f"#{dimension}:{size}:{'' if one.era == 'after' else one.era}"
    ordinal, behind = _ORDINAL.match(text, end), _HYPHENED.match(text, end)
    if behind and not one.unit:  # 2-propanol, 64-bit, 1NF
        return _Token(
            key + behind[0].casefold(), raw + behind[0], answer, "number", quantity=one,
            within_name=True,
        )  # fmt: skip
    follows = text[end:].lstrip("stndrh. ").casefold()
    dated = follows.startswith(("centur", "jahrhundert", "millenni", *_MONTHS))
    named = (bool(ordinal) and not dated) or led.endswith(_ROMAN_SIGN)
    named = named or (not one.unit and _ATTACHED.search(led) is not None)
    named = named or (text[end : end + 1] in ("'", "′") and not led.endswith("'"))  # 5' to 3'
    beside = _BESIDE.search(led) is not None
    return _Token(key, raw, answer, "number", quantity=one, within_name=named, beside=beside)


_STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "œ": "oe", "æ": "ae"})
"""Letters that Unicode does not split into a base and an accent."""


def _language_of(words: list[str]) -> str:
    """Return the language with the most small words; English unless another has more."""
    count = Counter(name for word in words for name in _COMMON.get(word, ()))
    return max(count, key=lambda name: (count[name], name == "English"), default="English")


def _letters(raw: str) -> str:
    """Return a word in lower case without its possessive ending; accents stay."""
    return re.sub(r"'s?$", "", raw.casefold())


def _word(match: re.Match[str], answer: bool, first: bool) -> _Token:
    raw = match[0]
    if match["solid"]:
        return _Token(f"${match['solid']}", bytes.fromhex(match["solid"]).decode(), answer, "code")
    if match["code"]:
        key = re.sub("-$", "−", raw.casefold()).replace("-", "")  # the charge of NO3-
        return _Token(key, raw, answer, "code")
    if match["sign"]:
        return _Token(raw, raw, answer, "sign")
    key = without_accents(_letters(raw)).translate(_STROKES)
    capital = raw[0].isupper()
    name = capital and not first and (key not in FUNCTION or (len(raw) == 1 and raw != "I"))
    if capital and raw.isupper() and len(raw) > 1 and key not in FUNCTION:
        name = True  # an acronym, also where it begins a sentence
    return _Token(key, raw, answer, "word", name, capital)


def _finished(found: list[_Token], german: bool) -> list[_Token]:
    """Return the tokens with numbers marked that are part of a name."""
    for at, one in enumerate(found):
        if german and one.name and not one.raw.isupper() and one.kind == "word":
            found[at] = one = replace(one, name=False)
        if one.kind == "word" and one.key in ORDINALS and one.key != "second":
            found[at] = replace(one, within_name=True)
        if not one.beside or one.within_name or at == 0:
            continue
        before, number = found[at - 1], one.quantity
        counts = one.answer and before.key == "number"  # the atomic number is ==11==
        names = (before.key in _NUMBERING and not counts) or before.key == "§"
        names = names or (before.capital and _may_name(before, german))
        # (Smith 2010), die Schlacht war 1386
        year = one.dated and (before.bracketed or not before.capital)
        if names and number and not (year or number.unit or number.era or number.spelled):
            found[at] = replace(one, within_name=True)
    return found


def _may_name(token: _Token, german: bool) -> bool:
    """Return whether a number after this capitalised word may be part of a name."""
    if token.key in _SMALL or token.key in _MONTHS or token.key.endswith("ly") or token.key == "ph":
        return False
    return token.kind == "word" and not german and token.key not in _REFERRING


# --- equal words -----------------------------------------------------------------------------------


@cache
def _groups(section: str) -> dict[str, frozenset[str]]:
    """Return each word and stem of a section with all words of its lines."""
    found: dict[str, frozenset[str]] = {}
    body = data("corrections").partition(f"\n[{section}]\n")[2].partition("\n[")[0]
    for line in body.splitlines():
        words = line.split()
        group = frozenset((*words, *map(stem, words)))
        if group and not line.startswith("#"):
            for word in group:
                found[word] = found.get(word, frozenset()) | group
    return found


_VOWELS = frozenset("aeiouy")
_VERBS = frozenset(("is", "are", "was", "were", "be", "been", "has", "have", "had", "did"))
_LONG = 8  # letters, from which few real words are a letter apart
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEAR_KEYS = frozenset(frozenset(pair) for keys in _KEYS for pair in pairwise(keys))
_CLASS = re.compile(
    r"(?!iy|yi)[aeiouy]{2}[a-z]e|[aeiou]{2}al|(?:[ai]{2}[td]|[aei]{2}n|[aoy]{2}l|[ao]{2}s)(?:es?|os?|i|en|y|s)?|[dlnst]{2}es?"
)
"""Two letters and the end of words that name classes of substances: -ate and -ite, -ose and -ase,
-ol and -al, -Sulfat and -Sulfit, -ine and -ite."""


def _misspelled(
    one: str, other: str, known: Container[str], language: str, name: bool = False
) -> bool:
    """Return whether a word is the misspelling of the one that replaces it.

    What was no word and is one now was misspelled. If neither is known, both may be rare terms or
    names, and only long words have few others beside them.
    """
    short = min(len(one), len(other))
    sounds = sound(one) == sound(other)
    same = sounds or (short >= 5 and undoubled(one) == undoubled(other))
    same = same or (short > _LONG and sorted(one) == sorted(other))
    # whether a word is known takes a search of all highlights, so it is asked about close words only
    apart = OSA.distance(one, other, score_cutoff=2)
    if not same and apart > 2:
        return False
    if _MISSPELLED.get(one) == other and (one in _SMALL or one not in known):
        return True
    small = (one in _SMALL) != (other in _SMALL)  # teh, adn, wich
    words = vocabularies().get(language, frozenset())
    nowhere = one not in known and not _is_word(one)
    if small and (sorted(one) == sorted(other) or (nowhere and other in _SMALL and short > 3)):
        # form for from: where a small word stands, no other word makes a sentence
        return apart == 1
    was, now = (word in known or (not small and word in words) for word in (one, other))
    # a passage of few words may be of another language than it seems
    both = {one, other}
    real = was if now else not small and any(both <= each for each in vocabularies().values())
    stems = stem(one), stem(other)  # deserts, desserts
    if (real and not sounds) or any(
        y in _groups("confusable").get(x, ()) for x, y in ((one, other), stems)
    ):
        return False
    if sounds or (same and not was and (words or short >= _LONG)):
        return True
    if one[0] != other[0] or short < (2 if small else 3) or _affixed(one, other):
        return False
    if stem(other) in OPPOSITES.get(stem(one), ()) or other in TURNED.get(one, ()):
        return False
    at = [place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    replaced = len(one) == len(other) and len(at) == 1
    if replaced and _CLASS.fullmatch(one[at[0]] + other[at[0] :]):
        return False
    if name and replaced and short <= _LONG:  # Freiberg and Freiburg
        pair = frozenset((one[at[0]], other[at[0]]))
        return short >= 6 and pair in ({"i", "y"}, {"i", "j"}, {"d", "t"})
    ending = replaced and at[0] == short - 1  # employer and employee; not so spalted, spaltet
    if was != now:
        most = 2 if short > (5 if other in known else _LONG) else 1
        typed = not ending or {one[-1], other[-1]} == {"d", "t"}
        return now and typed and short >= (3 if nowhere else 4) and apart <= most
    if apart > 1:
        return False
    if len(one) != len(other):  # a letter is missing or doubled
        return short >= (5 if words else _LONG) or small
    if len(at) == 2:  # two letters are transposed
        return short >= 4
    place, pair = at[0], frozenset((one[at[0]], other[at[0]]))
    if pair in ({"i", "y"}, {"i", "j"}) and short >= 6:
        return True
    if not words and short <= _LONG:
        return short >= 6 and pair == {"d", "t"} and place == short - 1
    if short < 6 or place < 2 or ending:
        return False
    if pair <= _VOWELS:
        return place >= 3
    return pair in _NEAR_KEYS or pair in ({"c", "s"}, {"s", "z"})


def _is_word(word: str) -> bool:
    return any(word in each for each in vocabularies().values())


def _affixed(one: str, other: str) -> bool:
    """Return whether two words differ by a prefix that changes the meaning."""
    starts = [[a for a in _AFFIXES if word.startswith(a)] for word in (one, other)]
    return any(
        a != b and one[len(a) :] == other[len(b) :] for a in starts[0] for b in starts[1]
    )  # fmt: skip


def _alike(one: _Token, other: _Token, known: Container[str]) -> str:
    """Return how two words are equal: `small`, `form`, `synonym`, `spelling`; "" if they are not."""
    if one.kind != "word" or other.kind != "word" or "\u3040" <= one.key[0] <= "\u9fff":
        return ""
    a, b = one.key, other.key
    if a[0] == b[0] and written_out(one.raw) == written_out(other.raw):
        return "spelling"
    if a == b:  # accents, or the case of a symbol
        turned = _short_case(one.raw, other.raw) or _umlauted(one, other)
        turned = turned or _letters(other.raw) in _groups("accented").get(_letters(one.raw), ())
        return "" if turned else "spelling"
    if stem(b) in _groups("equal").get(stem(a), ()):
        return "synonym"
    if one.light and other.light:
        verb = (a in _VERBS) != (b in _VERBS)  # if for is
        mistyped = OSA.distance(a, b) == 1 and (verb or not {a, b} & _TELLING)
        fillers = a in _FILLERS and b in _FILLERS
        exchanged = fillers or mistyped or b in _groups("exchangeable").get(a, ())
        return "small" if exchanged else ""
    if one.light != other.light and ({a, b} & _FILLERS or not inflected(a, b, one.language)):
        typed = not (one.name or other.name)
        return "spelling" if typed and _misspelled(a, b, known, one.language) else ""
    if one.language == other.language == "German" and conjugated(one.raw, other.raw):
        return "form"
    if one.language != "English" and ended(a, b, one.language):
        return "form"
    titled = one.raw.istitle() and other.raw.istitle() and one.language == "English"
    titled = titled and not re.search("[^ev]ans?$", a)  # Africans, but not Evans
    if titled and a.rstrip("s") == b.rstrip("s"):
        return ""  # Adam and Adams
    named = one.name and other.name and a + "s" not in (b, b + "s") and b[-2:] != "ed"
    named = named or b in _groups("confusable").get(a, ())
    if inflected(a, b, one.language) and not named:
        return "form"
    name = one.name or other.name or (one.language == "German" and one.capital)
    return "spelling" if _misspelled(a, b, known, one.language, name) else ""


# --- alignment ---------------------------------------------------------------------------------

_MOST = 250_000
"""The maximum number of pairs of words to compare; if there are more, too much has changed."""
Pair = tuple[_Token | None, _Token | None]


def _joined(tokens: list[_Token], others: list[_Token]) -> list[_Token]:
    """Return the tokens with adjacent ones joined if the others contain them as one word: e-mail."""
    keys = {one.key for one in tokens}
    wanted = {one.key for one in others if one.kind in ("word", "code")} - keys
    result: list[_Token] = []
    for one in tokens:
        before = result[-1] if result else None
        end = one.raw if one.kind == "number" else one.key
        if before and before.key + end in wanted and before.answer == one.answer:
            kind = "code" if one.kind == "number" else before.kind  # COVID 19, COVID-19
            result[-1] = replace(before, key=before.key + end, raw=before.raw + one.raw, kind=kind)
        else:
            result.append(one)
    return result


def _aligned(old: list[_Token], new: list[_Token], known: Container[str]) -> list[Pair] | None:
    """Return the pairs of different words; None if too much has changed."""
    head = 0
    while head < min(len(old), len(new)) and _equal(old[head], new[head]):
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and _equal(old[-1 - tail], new[-1 - tail]):
        tail += 1
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(a) * len(b) > _MOST:
        return None
    # the costs of the cheapest paths to the end
    costs = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a), -1, -1):
        for j in range(len(b), -1, -1):
            ways = []
            if i < len(a):
                ways.append(costs[i + 1][j] + _single(a[i]))
            if j < len(b):
                ways.append(costs[i][j + 1] + _single(b[j]))
            if i < len(a) and j < len(b):
                ways.append(costs[i + 1][j + 1] + _paired(a[i], b[j], known))
            costs[i][j] = min(ways, default=0.0)
    pairs: list[Pair] = []
    i = j = 0
    while i < len(a) or j < len(b):
        here = costs[i][j]
        if i < len(a) and j < len(b) and here == costs[i + 1][j + 1] + _paired(a[i], b[j], known):
            if not _equal(a[i], b[j]):
                pairs.append((a[i], b[j]))
            i, j = i + 1, j + 1
        elif i < len(a) and here == costs[i + 1][j] + _single(a[i]):
            pairs.append((a[i], None))
            i += 1
        else:
            pairs.append((None, b[j]))
            j += 1
    return pairs


def _equal(one: _Token, other: _Token) -> bool:
    if one.key != other.key:
        return False
    if one.raw == other.raw or one.kind == "code":
        return True
    spelled = one.kind == "word" and _letters(one.raw) != _letters(other.raw)
    if spelled and (not one.light or _umlauted(one, other)):
        return False
    return not _short_case(one.raw, other.raw)


def _umlauted(one: _Token, other: _Token) -> bool:
    """Return whether two words differ by an umlaut or a tilde: wurden and würden, pena and peña."""
    a, b = (unicodedata.normalize("NFC", word.raw.casefold()) for word in (one, other))
    if len(a) < 6 and ("ñ" in a) != ("ñ" in b):
        return True
    if not (one.light and other.light) and not one.language == other.language == "German":
        return False
    return re.findall("[äöü]", a) != re.findall("[äöü]", b)


def _short_case(one: str, other: str) -> bool:
    """Return whether two symbols differ by case: mW and MW, Co and CO."""
    a, b = (re.sub(r"[\d.,\s]", "", raw) for raw in (one, other))
    if not 1 <= len(a) <= 2 or a.casefold() != b.casefold() or a == b:
        return False
    return a.casefold() not in FUNCTION and (len(a) == 2 or any(map(str.isdigit, one)))


def _are_numbers(one: _Token, other: _Token) -> bool:
    """Return whether both are numbers, where `one` counts as a number if the other is one."""
    kinds = {one.kind, other.kind}
    return kinds == {"number"} or (kinds == {"number", "word"} and "one" in (one.key, other.key))


def _single(token: _Token) -> float:
    return 0.5 if token.light else 1.0


def _paired(one: _Token, other: _Token, known: Container[str]) -> float:
    if _equal(one, other):
        return 0.0
    if _are_numbers(one, other):
        return 0.9
    if _alike(one, other, known):
        return 0.4
    if one.light and other.light:
        return 0.8  # one small word for another that says something else
    if one.light != other.light:
        return 1.4
    return 1.2 if one.name == other.name else 1.4


# --- the verdict ---------------------------------------------------------------------------------

SAME_WORDS = "the same words"
_LEAST_CONTEXT = 3
"""The number of content words up to which the context does not identify a number."""
_MOST_INSERTED = 0.3


_INTERVAL = re.compile(r"([\[\](])[-−+]?(?:[\d.]+|[a-z]|∞)[,;]\s?[-−+]?(?:[\d.]+|[a-z]|∞)([\[\])])")
_COUNTING = frozenset((*NUMBER_WORDS, *ORDINALS, *UNITS, *_SCALES, *NEGATORS, *_NEGATING))
_DIGIT_LIKE = str.maketrans("lO", "10")


def _misread(passage: Passage, after: Passage, known: Container[str]) -> dict[str, str]:
    """Return the numbers, units and negations that were mistyped, by what was typed: {"thrid": "third"}."""
    old, new = (set(re.findall(r"\w+", f"{one.text} {one.answer}")) for one in (passage, after))
    read: dict[str, str] = {}
    for word in old - new:
        near = [word.translate(_DIGIT_LIKE)] if re.fullmatch(r"[lO\d]+", word) else []
        if len(word) > 3 and word.islower() and word not in known and not _is_word(word):
            near = [one for one in _COUNTING & new if OSA.distance(word, one) == 1]
        if len(near) == 1 and near[0] in new:
            read[word] = near[0]
    return read


def classify(before: Passage, after: Passage, known: Container[str] = ()) -> Edit:
    """Classify an edit of a passage that stays in the same place.

    `known` contains casefolded words of the rest of the vault: of two known words, neither is a
    misspelling of the other.
    """
    misread = _misread(before, after, known)
    framed = _FRAME.search(before.text + before.answer) or _FRAME.search(after.text + after.answer)
    if framed and _unframed(before) == _unframed(after):
        before = replace(after, under=before.under)
    old_cites, new_cites = _cited(before), _cited(after)
    citations = old_cites <= new_cites or new_cites <= old_cites
    old, new = _tokens(before, citations, misread), _tokens(after, citations)
    old, new = _joined(old, new), _joined(new, old)
    pairs = _aligned(old, new, known)
    if pairs is None:
        return Edit(EditKind.WAITS, "too much has changed")
    edit = _Differences(old, new, pairs, known)
    judged = _judge(edit, before.under, after.under, known)
    ends = [_INTERVAL.findall(each.text + each.answer) for each in (before, after)]
    if judged.kind is EditKind.CORRECTION and all(ends) and ends[0] != ends[1]:
        judged = Edit(EditKind.WAITS, "other ends of an interval")
    return replace(
        judged,
        answer_changed=edit.answer_changed,
        renamed=edit.context_renamed is not None,
        names_kept=edit.names_kept,
    )


def judge_highlights(before: Highlight, after: Highlight, known: Container[str] = ()) -> Edit:
    """Classify the edit of a highlight; `known` as for `classify`.

    If the comments on it are questions, it must not be another fact as their answer either.
    """
    edit = classify(Passage.of(before), Passage.of(after), known)
    if "?" in before.comment and "?" in after.comment:
        asked = classify(
            Passage(before.comment, answer=before.exact), Passage(after.comment, answer=after.exact)
        )
        return asked if asked.kind is EditKind.ANOTHER_FACT else edit
    return edit


def judge_drafts(before: Draft, after: Draft) -> Edit:
    """Classify the edit of a card."""
    if before.kind.family is not after.kind.family:
        return Edit(EditKind.WAITS, "another kind of card")
    old, new = Passage.of_draft(before), Passage.of_draft(after)
    asked = [
        [one.key for one in _tokens(each, True) if one.answer and not one.light]
        for each in (old, new)
    ]
    edit = classify(old, new)
    return replace(edit, asks_other=edit.why == SAME_WORDS and asked[0] != asked[1])


class _Differences:
    """The differences between two versions, by kind."""

    def __init__(
        self, old: list[_Token], new: list[_Token], pairs: list[Pair], known: Container[str]
    ) -> None:
        self.old, self.new = old, new
        self.numbers: list[tuple[_Token, _Token]] = []
        self.replaced: list[tuple[_Token, _Token]] = []
        self.spelled: list[tuple[_Token, _Token]] = []
        self.exchanged: set[tuple[str, str]] = set()
        """Small words that stand for one another."""
        self.participles: list[_Token] = []
        self.alike = False
        """Whether some words differ only in form or spelling."""
        self.single: list[_Token] = []
        """All words that were added or removed, small ones too."""
        self.inserted: list[_Token] = []
        self.removed: list[_Token] = []
        self.limited: list[_Token] = []
        telling: tuple[list[_Token], list[_Token]] = ([], [])
        bare = all(one.light for one in old if one.answer)
        """Whether the answer has small words only, which are what is asked for: der, die."""
        for a, b in pairs:
            if a and b:
                if _are_numbers(a, b):
                    if {a.key, b.key} != {"one", "#:1:"}:
                        self.numbers.append((a, b))
                elif (alike := _alike(a, b, known)) and not (bare and a.answer and b.light):
                    self.alike |= not (a.light and b.light)
                    self.exchanged |= {(a.key, b.key)} if a.light and b.light else set()
                    self.participles += [b] if {a.key[-2:], b.key[-2:]} == {"ng", "ed"} else []
                    self.spelled += [(a, b)] if alike == "spelling" else []
                else:
                    self.replaced.append((a, b))
            elif one := a or b:
                self.single.append(one)
                self.limited += [one] if one.key in _LIMITING else []
                if one.light:
                    telling[0 if a else 1].extend([one] if one.key in _TELLING else [])
                else:
                    (self.removed if a else self.inserted).append(one)

        if all(telling):  # such as `before` in one version and `after` in the other
            self.limited += telling[1]

    def both(self) -> Iterator[tuple[_Token, _Token]]:
        """Yield the pairs of replaced numbers and words."""
        yield from self.numbers
        yield from self.replaced

    @property
    def answer_changed(self) -> bool:
        """Whether more than spelling and small words changed in the answer."""
        singles = (*self.inserted, *self.removed)
        pairs = any(a.answer or b.answer for a, b in self.both())
        return pairs or any(one.answer for one in singles)

    @property
    def names_kept(self) -> bool:
        """Whether no name or number was replaced, added or removed."""
        pairs = any(_is_renamed(a, b) for a, b in (*self.both(), *self.spelled))
        singles = (*self.inserted, *self.removed)
        return not pairs and not any(one.name or one.kind == "number" for one in singles)

    @property
    def nothing_common(self) -> bool:
        """Whether the versions share no content word, and neither has very few."""
        old, new = (
            {stem(one.key) for one in tokens if one.kind != "sign" and not one.light}
            for tokens in (self.old, self.new)
        )
        return min(len(old), len(new)) >= _LEAST_CONTEXT and not (old & new or self.alike)

    @property
    def context_renamed(self) -> tuple[_Token, _Token] | None:
        """A name or number of the context that was replaced, with its replacement."""
        for a, b in (*self.both(), *self.spelled):
            if not a.answer and not b.answer and _is_renamed(a, b):
                return a, b
        return None


def _is_renamed(one: _Token, other: _Token) -> bool:
    """Return whether two different words are names or numbers."""
    if one.kind == other.kind == "number":
        return True
    named = one.named or other.named or (one.capital and other.capital)
    only_accents = one.key == other.key and _letters(one.raw) != _letters(other.raw)
    return named and not only_accents


def _judge(
    edit: _Differences,
    old_under: tuple[str, ...],
    new_under: tuple[str, ...],
    known: Container[str],
) -> Edit:
    another, waits = EditKind.ANOTHER_FACT, EditKind.WAITS
    # 1. another fact
    if edit.nothing_common:
        return Edit(another, NOTHING_COMMON)
    if edit.answer_changed and (pair := edit.context_renamed):
        return Edit(another, f"{_shown(pair)} in the context, and another answer")
    meaning = [one for one in edit.new if not one.answer and not one.light and one.kind == "word"]
    bare_number = len(meaning) <= _LEAST_CONTEXT and not any(one.name for one in meaning)
    moved = _label_changed(old_under, new_under, known)
    changed = bool(edit.numbers or edit.replaced)
    if moved and changed:
        if bare_number:
            return Edit(another, f"{moved} above a bare number or name")
        return Edit(waits, f"{moved} above it, and other words")
    if moved and bare_number:
        return Edit(waits, f"{moved} above a bare number or name")
    if changed and not meaning and not (old_under and new_under):
        return Edit(waits, "nothing says what the number refers to")
    # 2. the same highlight, but the meaning may have changed
    for a, b in edit.both():
        if why := _turned(a, b):
            return Edit(waits, f"{_shown((a, b))}: {why}")
    if _negations(edit.old) != _negations(edit.new):
        return Edit(waits, "a negation was added or removed")
    # 3. a correction, unless there is a doubt
    doubt = _doubt(edit, meaning)
    if doubt:
        return Edit(waits, doubt)
    return Edit(EditKind.CORRECTION, _why(edit))


def _doubt(edit: _Differences, meaning: list[_Token]) -> str:
    """Return why the edit may not be a correction; "" if it certainly is."""
    if edit.replaced:
        return f"{_shown(edit.replaced[0])}: another word"
    for one in edit.limited:
        tokens = edit.new if any(one is each for each in edit.new) else edit.old
        at = next(place for place, each in enumerate(tokens) if each is one)
        after = next((each for each in tokens[at + 1 :] if not each.light), None)
        # in a phrase that was added as a whole, it limits nothing else: in all cells
        added = any(after is each for each in (*edit.inserted, *edit.removed))
        whole = added and one.key in _COUNTED and not one.answer
        if not whole and not (one.key == "least" and at and tokens[at - 1].key == "at"):
            return f"“{one.raw}” was added or removed"
    if len(edit.numbers) > 1:
        return "several numbers changed"
    if any((b, a) in edit.exchanged for a, b in edit.exchanged):
        return "small words changed places"  # der Hund beißt den Mann, den Hund beißt der Mann
    for one, after in pairwise(edit.new):  # the controlling and the controlled company
        if not after.light and any(one is each for each in edit.participles):
            return f"“{one.raw}”: acting or acted on"
        other_gender = after.key in _GENDERED and any(one.key == new for _, new in edit.exchanged)
        if other_gender and one.language != "English":  # el capital, la capital
            return f"“{one.raw} {after.raw}”: another gender"
    singles = (*edit.inserted, *edit.removed)
    # ethanol 78 and ethanal 20, poison and poisson: without a dictionary both look like a typo
    written = [(a, b) for a, b in edit.spelled if not (a.light or b.light)]
    if edit.numbers and (singles or written):
        return "a number and other words changed"
    misspelled = sum(a.key != b.key for a, b in edit.spelled)  # the others differ in accents
    sides = {one.answer for one in (*singles, *(a for a, _ in written))}
    if len(sides) > 1 and (singles or misspelled):
        return "words changed in context and answer"
    if misspelled > 2:
        return "many words are spelled differently"
    if edit.inserted and edit.removed:
        return "words were added and removed"
    tokens = edit.new if edit.inserted else edit.old
    for one in singles:
        at = next(place for place, each in enumerate(tokens) if each is one)
        if _is_first_name(tokens, at, singles):
            continue
        if why := _doubtful(tokens, at, singles) or _headed(tokens, at, edit.single):
            return why
    context = any(not one.answer for one in singles)
    total = max(len(edit.old), len(edit.new))
    if len(singles) > _MOST_INSERTED * total and (context or len(meaning) < _LEAST_CONTEXT):
        return "too many words were added or removed"
    return ""


def _is_first_name(tokens: list[_Token], at: int, singles: tuple[_Token, ...]) -> bool:
    """Return whether a word is the only first name before a name: Alexander Fleming."""
    one, near = tokens[at], tokens[max(at - 1, 0) : at + 2]
    names = [each for each in near if each.capital and each.answer == one.answer and not each.light]
    return one.key in _GIVEN and len(names) == 2 and names[0] is one and names[1] not in singles


def _doubtful(tokens: list[_Token], at: int, singles: tuple[_Token, ...]) -> str:
    """Return why an added or removed word may change what is named; "" if it does not."""
    one = tokens[at]
    before, after = (
        next((each for each in near if all(each is not single for single in singles)), None)
        for near in (tokens[at - 1 : at], tokens[at + 1 : at + 2])
    )
    said = f"“{one.raw}” was added or removed"
    if (
        (one.kind == "sign" and one.key not in "=≈")
        or (one.within_name and not (one.key == "first" and before and before.key in _VERBS))
        or one.kind == "code"
        or "\u3040" <= one.key[0] <= "\u9fff"
    ):
        return said
    contrary = OPPOSITES.get(stem(one.key), frozenset())
    there = (each for each in tokens if all(each is not single for single in singles))
    joined = one.key[-1] not in "sd"  # increases and decreases
    joined = joined and any(
        each and each.key in ("and", "und", "et", "y") for each in (before, after)
    )
    if not joined and any(stem(each.key) in contrary for each in there):
        return f"{said}, and its opposite is there"
    if one.kind == "number":
        return "a number in the answer was added or removed" if one.answer else ""
    early = one.key in ("early", "late") and after is not None and after.dated  # early 2021
    stays = after is not None and not after.light and not early
    naming = one.key in _NAMING and (one.capital or (after is not None and after.capital))
    every = at > 0 and tokens[at - 1].key in _UNIVERSAL
    qualifies = one.key in _QUALIFIERS or one.key.removesuffix("ly") in _QUALIFIERS
    if (qualifies or naming or every) and stays:
        return said
    if after is not None and after.bracketed and after.raw.isupper():
        after = None  # an acronym written out: World Health Organization (WHO)
    names = [each is not None and each.name and each.kind == "word" for each in (before, after)]
    numbered = after is not None and after.kind == "number" and after.within_name
    beside = numbered or (any(names) if one.name else names[1])
    adverb = one.key.endswith(("ally", "ently", "antly")) and len(one.key) > 6
    if (one.name or one.capital) and not (one.bracketed or adverb) and beside:
        return f"{said} beside a name"
    return f"{said} in the answer" if one.name and one.answer else ""


def _headed(tokens: list[_Token], at: int, singles: list[_Token]) -> str:
    """Return why an added or removed word may be the head of the subject: insulin, insulin resistance; else ""."""
    subject = next((place for place, each in enumerate(tokens) if not each.light), at)
    near = tokens[at - 1 : at] + tokens[at + 1 : at + 2]
    phrase = any(each is single for each in near for single in singles)
    one = tokens[at]
    aside = one.bracketed or one.answer or one.key.endswith("ly") or one.language != "English"
    if subject != at - 1 or phrase or aside or one.key == tokens[subject].key:
        return ""
    return f"“{one.raw}” was added or removed in the subject"


def _turned(a: _Token, b: _Token) -> str:
    """Return how replacing a token by another may change the meaning; "" if it does not."""
    if a.within_name or b.within_name:
        return "a number in a name"
    if {a.key, b.key} == {"one", "#:0:"}:
        return "none or some"
    if a.kind != "number":
        return "another name" if _is_renamed(a, b) else ""
    one, other = a.quantity, b.quantity
    if one is None or other is None:
        return ""
    if a.key == b.key:
        return "the case of a unit"
    if one.spelled and other.spelled and not (one.value and other.value):
        return "none or some"
    digits, others = (re.sub(r"\D", "", each.shown) for each in (one, other))
    if (one.unit and other.unit and one.unit != other.unit) or (digits and digits == others):
        return "another unit or scale"
    is_turned = one.era != other.era or (one.value < 0) != (other.value < 0)
    return "another sign or era" if is_turned else ""


def _negations(tokens: list[_Token]) -> int:
    return sum(
        one.key in NEGATORS or one.key in _NEGATING or one.key in _IDEOGRAPHIC_NOT for one in tokens
    )


def _label_changed(old: tuple[str, ...], new: tuple[str, ...], known: Container[str]) -> str:
    """Return a changed word of headings, list parents or row labels; "" if there is none."""
    texts = [Passage(". ".join(labels)) for labels in (old, new)]
    if not old or not new:
        return ""
    a, b = (
        [replace(one, name=one.capital) for one in _tokens(text, citations=True)] for text in texts
    )
    pairs = _aligned(_joined(a, b), _joined(b, a), known)
    edit = _Differences(a, b, pairs or [], known)
    pair = next(edit.both(), None)
    return _shown(pair) if pair else ""


def _shown(pair: tuple[_Token, _Token]) -> str:
    return f"“{pair[0].raw.strip()}” → “{pair[1].raw.strip()}”"


def _why(edit: _Differences) -> str:
    if edit.numbers:
        return f"one number: {_shown(edit.numbers[0])}"
    if edit.spelled:
        return f"spelling: {_shown(edit.spelled[0])}"
    for words, what in ((edit.inserted, "inserted"), (edit.removed, "removed")):
        if words:
            return f"{what}: “{words[0].raw}”"
    return SAME_WORDS
