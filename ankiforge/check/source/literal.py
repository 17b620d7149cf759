"""What must stand in a card letter by letter: formulae, code, names, addresses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from ankiforge.check.context import Context
from ankiforge.check.lexical.normal import without_tex
from ankiforge.check.lexical.quantities import UNITS, months
from ankiforge.check.lexical.reading import asked_by_reader, authored, marked, pictured, read
from ankiforge.check.lexical.tongue import FUNCTION
from ankiforge.check.lexical.words import TERM, listed, stem, tokens
from ankiforge.check.rule import Rule
from ankiforge.check.source.evidence import about, folded, said
from ankiforge.model import Draft, Finding, Highlight, Severity
from ankiforge.text.cloze import shields

FORMULA_ALTERED = Rule(
    "formula_altered", Severity.BLOCK, "a formula differs from the source:", firm=True
)
FORMULA_FOREIGN = Rule(
    "formula_foreign", Severity.WARN, "a formula that the source does not hold:", firm=True
)
CODE_ALTERED = Rule("code_altered", Severity.BLOCK, "code differs from the source:", firm=True)
NAME_ALTERED = Rule(
    "name_altered",
    Severity.BLOCK,
    "a name is spelled in another way than in the source:",
    firm=True,
)
UNGROUNDED_TERM = Rule(
    "ungrounded_term", Severity.WARN, "a name that the source does not hold:", firm=True
)
EXPANSION_ALTERED = Rule(
    "expansion_altered", Severity.BLOCK, "the source spells the abbreviation out as", firm=True
)
RULES = (
    FORMULA_ALTERED,
    FORMULA_FOREIGN,
    CODE_ALTERED,
    NAME_ALTERED,
    UNGROUNDED_TERM,
    EXPANSION_ALTERED,
)

_NEAR = 75
"""From here (0 to 100) a formula or code is the source's, with a sign changed."""


def as_written(highlight: Highlight) -> str:
    """The source as plain text and as it was written."""
    return "\n".join((said(highlight), about(highlight), *highlight.markdown))


# --- formulae and code -------------------------------------------------------------------------

_SYMBOLS = re.compile(r"[\s{}^_()\[\]$*·×⋅]|\\[,;:! ]")
_DASHES = re.compile("[−–—]")
_OPERATOR = re.compile(r"[=+\-*/<>≤≥≠√∑∫→·|]|\\[a-z]{3,}|[\^_]")


_TRANSPOSED = re.compile(r"\\top\b|ᵀ|⊤")


@lru_cache(maxsize=256)
def solid(text: str) -> str:
    r"""Formulae as a row of symbols, however they are written: `\frac{a}{b}` is a/b."""
    plain = _DASHES.sub("-", without_tex(_TRANSPOSED.sub("T", text[:8000])))
    plain = unicodedata.normalize("NFKC", plain).replace("⁄", "/")
    return _SYMBOLS.sub("", plain.replace("->", "→").replace("<=", "≤").replace(">=", "≥"))


def formulae(draft: Draft, context: Context) -> Iterator[Finding]:
    """A formula has the symbols, signs and exponents that it has in the source."""
    if authored(draft) or asked_by_reader(draft) or pictured(draft, context.highlight):
        return
    source = solid(as_written(context.highlight))
    for formula in _runs(draft, ("math", "display")):
        symbols = solid(formula)
        if not _OPERATOR.search(formula.strip("$")) or len(symbols) < 3 or symbols in source:
            continue
        near = (
            _defined(symbols, source)
            or _turned(symbols, context.highlight)
            or (len(symbols) >= 4 and fuzz.partial_ratio(symbols, source) >= _NEAR)
        )
        yield (FORMULA_ALTERED if near else FORMULA_FOREIGN).found(formula.strip("$")[:60])


def _turned(symbols: str, highlight: Highlight) -> bool:
    """Whether a formula of the source has the same letters and digits with other signs."""
    if "=" in symbols:
        return False
    letters = sorted(re.findall(r"\w", symbols))
    return any(
        sorted(re.findall(r"\w", side)) == letters
        for text in (highlight.exact, highlight.sentence, *highlight.markdown)
        for formula in re.findall(r"\$([^$\n]+)\$", text)
        for side in solid(formula).split("=")
    )


def _defined(symbols: str, source: str) -> bool:
    """Whether the source has an equation for the same left side."""
    left, equals, _ = symbols.partition("=")
    return bool(left and equals) and f"{left}=" in source


def code(draft: Draft, context: Context) -> Iterator[Finding]:
    """Code is the source's, letter by letter."""
    if authored(draft) or asked_by_reader(draft):
        return
    highlight = context.highlight
    source = _code_form(as_written(highlight))
    for run in _runs(draft, ("code", "fence")):
        words = _code_form(run.strip("`~"))
        if words and words not in source and not _shortened(run, highlight):
            yield CODE_ALTERED.found(f"“{run.strip('`~ ')[:60]}”")
            return


def _shortened(run: str, highlight: Highlight) -> bool:
    """Whether code only leaves words out: each of two or more stands there, in this order."""
    words = _CODE_WORD.findall(run.strip("`~"))
    seamless = highlight.prefix + highlight.exact + highlight.suffix
    texts = (_CODE_WORD.findall(text) for text in (seamless, *highlight.markdown))
    return len(words) > 1 and any(_in_order(words, text) for text in texts)


def _in_order(words: list[str], text: list[str]) -> bool:
    rest = iter(text)
    return all(word in rest for word in words)


_CODE_WORD = re.compile(r"[^\s;`…]+")


def _code_form(text: str) -> str:
    plain = text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'})
    return re.sub(r"[\s\\`]+", "", plain)


def _runs(draft: Draft, kinds: tuple[str, ...]) -> Iterator[str]:
    for _, text in draft.fields:
        for start, end, kind in shields(text):
            if kind in kinds:
                yield text[start:end]


# --- names --------------------------------------------------------------------------------------

_NAME = re.compile(r"(?<![^\W_])[^\W\d_][\w’'-]{2,}")
_BEGINS = re.compile(r"(?:^|[.?!:;。？！“\"‘(\[»]|\]|…|\n|(?:^|\s)[-*+•])\s*$")


def names(draft: Draft, context: Context) -> Iterator[Finding]:
    """Names and acronyms are the source's own, and spelled as there."""
    if authored(draft) or asked_by_reader(draft):
        return
    written = as_written(context.highlight)
    known = folded(f"{written}\n{' '.join(context.highlight.document.creators)}")
    known = f"{known}\n{known.replace('.', '')}"  # U.S. is the US
    reading = read(draft)
    whole = reading.whole
    foreign = [term for term in reading.terms if folded(term) not in known]
    capitals = {} if marked(draft, context.highlight) else _capitals(whole)
    foreign += [name for name in capitals if folded(name) not in known]
    there = [name for name in _capitals(written, everywhere=True) if len(name) >= 3]
    begun = [name for answer in reading.answers for name in _capitals(answer, everywhere=True)]
    for name in dict.fromkeys((*foreign, *(one for one in begun if folded(one) not in known))):
        if meant := next((one for one in there if _misspelled(name, one)), ""):
            yield NAME_ALTERED.found(f"“{name}”; there: “{meant}”")
            return
    strange = [
        name
        for name in dict.fromkeys(foreign)
        if not _known(name, known) and _is_name(name, whole, written)
    ]
    strange = [name for name in strange if not _within_known(name, whole, context.highlight)]
    if strange:
        yield UNGROUNDED_TERM.found(", ".join(strange))


@lru_cache(maxsize=256)
def _capitals(text: str, everywhere: bool = False) -> dict[str, None]:
    """Capitalised words; those that begin a sentence only if `everywhere`."""
    found: dict[str, None] = {}
    plain = re.sub(r"`[^`\n]*`|\$[^$\n]*\$|\\[A-Za-z]+", " ", text)
    for match in _NAME.finditer(plain):
        word = re.sub(r"['’]s$", "", match[0]).rstrip("'’-")
        if not word[:1].isupper() or "_" in word or word.casefold() in FUNCTION:
            continue
        if everywhere or not _BEGINS.search(plain[max(0, match.start() - 6) : match.start()]):
            found[word] = None
    return found


def _known(name: str, known: str) -> bool:
    word = folded(name)
    return word in known or (len(word) > 3 and word[: max(5, len(word) - 3)] in known)


def _within_known(name: str, whole: str, highlight: Highlight) -> bool:
    """Whether it is short for the title, or one word of a name whose other word is known."""
    initials = [word[0] for word in re.findall(r"[^\W\d_]+", highlight.document.title)]
    letters = iter(name)
    if name.isupper() and len(initials) > 1 and all(each.upper() in letters for each in initials):
        return True
    beside = re.search(rf"(?<!\w)(?:([A-Z][\w-]+) )?{re.escape(name)}(?: ([A-Z][\w-]+))?", whole)
    known = tokens(said(highlight))
    return beside is not None and any(word and word.casefold() in known for word in beside.groups())


def _is_name(name: str, whole: str, written: str) -> bool:
    """Whether a capital means a name here: not in German, nor where all words have one."""
    if TERM.fullmatch(name):
        return True
    if name.casefold() in _MEASURES:
        return False
    words = [word for word in _NAME.findall(written) if len(word) > 3]
    capital = sum(word[0].isupper() for word in words)
    shouted = capital > 0.8 * len(words) and len(words) > 5
    return not shouted and not _german(f"{whole} {written}") and name not in months(whole)


_MEASURES = frozenset(word for name in UNITS for word in name.split())


@lru_cache(maxsize=256)
def _german(text: str) -> bool:
    return len(_SMALL_GERMAN.intersection(tokens(text))) >= 2


_SMALL_GERMAN = frozenset(
    listed("""der das ein eine und nicht ist dem den wird welche welcher von mit für auf""")
)


def _misspelled(name: str, meant: str) -> bool:
    """Whether one is the other with a letter wrong; endings make another form of a name."""
    one, other = _plain(name), _plain(meant)
    if one.replace("-", "") == other.replace("-", ""):
        return False  # a hyphen is no letter
    if min(len(one), len(other)) < 3 or one[0] != other[0]:
        return False
    if name.isupper() or meant.isupper():
        short = min(len(one), len(other))
        return name.isupper() and meant.isupper() and short >= 3 and OSA.distance(one, other) == 1
    if min(len(one), len(other)) < 5 or OSA.distance(one, other, score_cutoff=2) > (
        2 if min(len(one), len(other)) >= 8 else 1
    ):
        return False
    if one.startswith(other) or other.startswith(one):
        return False
    return len(one) == len(other) or one[-2:] == other[-2:]


def _plain(name: str) -> str:
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


# --- abbreviations ------------------------------------------------------------------------------

_ASKS = re.compile(
    r"\b(?:stands?|standing|abbreviat\w+|short|acronym|initials|expand\w*|spell\w* out|steht|abkürz\w+)\b",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"\(((?=[^()]{0,12}[A-Z][^()]{0,12}[A-Z])[A-Z][A-Za-z-]{1,12}?)s?\)")


def expansions(draft: Draft, context: Context) -> Iterator[Finding]:
    """What an abbreviation stands for is what the source says it does."""
    if authored(draft):
        return
    there = _expansions(said(context.highlight))
    reading = read(draft)
    here = dict(_expansions(reading.whole))
    if _ASKS.search(reading.asked):
        for short in there:
            if re.search(rf"(?<!\w){re.escape(short)}s?(?!\w)", reading.asked):
                here[short] = reading.answers[0] if reading.answers else ""
    for short, words in here.items():
        known = there.get(short)
        if known and words and _stemmed(words) != _stemmed(known) and not _within(words, known):
            yield EXPANSION_ALTERED.found(f"“{known}”")
            return


@lru_cache(maxsize=256)
def _expansions(text: str) -> dict[str, str]:
    """Abbreviations in brackets, with as many words before them as they have capitals."""
    found: dict[str, str] = {}
    for match in _IN_BRACKETS.finditer(text):
        letters = [letter.casefold() for letter in match[1] if letter.isupper()]
        words = re.findall(r"[^\W_]+", text[: match.start()][-200:])
        for count in range(len(letters), len(letters) + 3):
            chosen = words[-count:]
            if len(chosen) == count and chosen[0][0].casefold() == letters[0]:
                found[match[1]] = " ".join(chosen)
                break
    return found


def _stemmed(text: str) -> list[str]:
    return [stem(word) for word in tokens(text) if word not in FUNCTION]


def _within(words: str, known: str) -> bool:
    """Whether the answer merely says more around it, or shortens what the brackets hold."""
    ours, theirs = _stemmed(words), _stemmed(known)
    return set(theirs) <= set(ours) or (len(ours) > 1 and set(ours) <= set(theirs))


CHECKS = (formulae, code, names, expansions)
