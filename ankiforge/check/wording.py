"""Checks of what a card does not show, of placeholders, and of text that breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ankiforge.check.findings import Context, Needs, make_finding, needs
from ankiforge.check.reading import CLOZE_SIGN, authored, read, source_text
from ankiforge.language.tables import listed
from ankiforge.language.words import tokens
from ankiforge.model import Draft, Family, Finding, Highlight, Severity, Strings
from ankiforge.text import regex
from ankiforge.text.shields import shields

# --- what the card does not show, and what stands for words ---------------------------

_WORKS = "paper|article|study|work|section|chapter|book|text|passage|excerpt|highlight"
_THIS = regex(
    rf"(?i)\b(?:this|these|those|such an?) ({_WORKS}|figure|table|equation|method"
    rf"|model|approach"
    r"|technique|example|system|process|concept|idea|result|theorem)s?\b"
)
_THE_TEXT = regex(
    rf"(?i)\bthe authors?\b(?! (?:of|who|in whose)\b)"
    rf"|\baccording to the (?:{_WORKS}|authors?|source)\b(?! (?:of|that|by|on)\b)"
    rf"|\b(?:in|from) the (?:paper|article|passage|excerpt|highlight|text|study)"
    r"(?! (?:of|that|by|on|which|called|titled)\b| [“\"‘'])"
    rf"|\bthe (?:{_WORKS}|source|critique) (?:says?|argues?|claims?|states?|describes?"
    rf"|mentions?"
    r"|proposes?|suggests?|introduces?|presents?|calls?|shows?|discuss(?:es)?"
    r"|explains?)\b"
    r"|\b(?:mentioned|described|discussed|shown|defined) (?:above|below|earlier|here)\b"
)
_OPTIONS = regex(
    r"(?i)\b(?:which|what|who|choose|select|one)\b[^?]{0,40}\bof"
    r" (?:the following|these options|the options)(?: below)?\b"
    r"|\b(?:all|none|both|any) of the (?:above|below)\b|\bwelche[rs]? der folgenden\b"
    r"|\b(?:lequel|laquelle|lesquels) des? suivants?\b|\bcuál(?:es)? de (?:los"
    r"|las) siguientes\b"
)
_LISTED = regex(
    r"(?s)(?:^|\n)\s*(?:[-*+•]|\(?[a-eA-E1-5][).:])\s|\b[aA][).]\s.+\b[bB][).]\s"
)
_FIGURE = regex(
    r"(?i)\b(?:fig(?:ure)?s?\.?|table|eqs?\.|equation|section|sect?\.|appendix)\s?\(?\d+"
)


@needs(Needs.CARD)
def pointing(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find what points at a text that the card does not show, and placeholders.

    For example `this paper`, `Figure 3`, `which of the following`; `...` for an answer.
    """
    reading = read(draft)
    is_cloze = draft.kind.family is Family.CLOZE
    shown = reading.whole if is_cloze else reading.asked
    reference = _reference_to_text(shown) or _reference_to_options(shown, reading.answers)
    figure = _figure_in(shown)
    if reference:
        yield make_finding("points_at_page", f"“{reference}”")
    elif figure:
        yield make_finding(
            "points_at_page",
            f"“{figure}”",
            severity=Severity.WARN,
        )
    sides = reading.answers if is_cloze else (reading.asked, *reading.answers)
    yield from _placeholders(sides, draft, context.highlight)


@lru_cache(maxsize=16)  # the gaps of a sentence are judged one after the other
def _reference_to_text(text: str) -> str:
    """Return the words that refer to a text beside the card; "" if there are none."""
    for match in _THIS.finditer(text):
        before = text[: match.start()].casefold()
        if match[1].casefold() not in before:  # else the card names the thing itself
            return match[0]
    the_text = _THE_TEXT.search(text)
    return the_text[0] if the_text else ""


@lru_cache(maxsize=16)
def _figure_in(text: str) -> str:
    """Return the first reference to a figure, table or section; "" if there is none."""
    figure = _FIGURE.search(text)
    return figure[0] if figure else ""


def _reference_to_options(text: str, answers: Strings) -> str:
    """Return the words that refer to options that the card does not list; "" if none."""
    options = _options_in(text) or _options_in(" ".join(answers))
    if not options or _LISTED.search(text):
        return ""
    return options


@lru_cache(maxsize=16)
def _options_in(text: str) -> str:
    """Return the first words that refer to options; "" if there are none."""
    options = _OPTIONS.search(text)
    return options[0] if options else ""


_EMPTY = regex(
    r"(?is)\W*(?:n/?a|t\.?b\.?d|todo|fixme|x{3,}|lorem ipsum.*|placeholder"
    r"|your (?:question|answer)"
    r"(?: here)?|insert \w+(?: here)?|(?:question|answer|front|back|text) here)\W*"
)
_LONGEST_EMPTY = 60
_DOTS = regex(r"(?:\.{2,}|…|[-–—_]{3,}|\?{1,5}|[\[(<{]+\W*[\])>}]+)")
# Words of the reply schema, which may be real answers if they are in the source.
_SCHEMA_WORDS = frozenset(
    ["string", "str", "null", "undefined", "answer", "question", "front", "back", "nan"]
)


def _placeholders(
    sides: Strings,
    draft: Draft,
    highlight: Highlight,
) -> Iterator[Finding]:
    """Find the first side that is `...`, `TODO`, `N/A` or a word of the schema."""
    for side in filter(None, sides):
        plain = " ".join(side.split())
        is_schema = not authored(draft) and _is_schema_word(plain, highlight)
        if is_schema or _stands_for_words(plain):
            yield make_finding("placeholder", f"“{plain}”")
            return


def _stands_for_words(plain: str) -> bool:
    """Return whether a text stands for words that are to be written."""
    if _DOTS.fullmatch(plain):
        return True
    return len(plain) < _LONGEST_EMPTY and _EMPTY.fullmatch(plain) is not None


def _is_schema_word(plain: str, highlight: Highlight) -> bool:
    """Return whether a text is a word of the reply schema that its source does not contain."""
    word = plain.strip("<>[](){}\"'. ").casefold()
    if word not in _SCHEMA_WORDS or not highlight.exact:
        return False
    return word not in tokens(source_text(highlight))


# --- truncated cards, and Markdown that is not rendered -------------------------------

# What may follow the last sign of a sentence. (A pattern with these signs takes `re`
# milliseconds.)
_CLOSING = '*_=~>"”’»)} \t\n\u00a0\u202f\u3000'
_COMMAS = (",", "،", "、", "，")
_COLONS = (":", "：")
_JOINING = listed("signs", "joining")
# In shorter texts, the last word may be what is asked about: `und` means `and`.
_JOINED_WORDS = 4


@needs(Needs.CARD)
def unfinished(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find truncated sides and stray Markdown signs."""
    is_cloze = draft.kind.family is Family.CLOZE
    for name in ("Text",) if is_cloze else ("Front", "Back"):
        text = draft.field(name).rstrip()
        if _breaks_off(text, may_announce=name == "Front"):
            last_words = " ".join(text.split()[-3:])
            yield make_finding("breaks_off", f"“…{last_words}”")
    for name in ("Text", "Front", "Back"):
        sign = _stray_sign(draft.field(name))
        if sign:
            yield make_finding("stray_markup", f"“{sign}”")
            return


def _breaks_off(text: str, *, may_announce: bool) -> bool:
    """Return whether a side ends in a comma, a colon, or a conjunction.

    `may_announce`: it is a front, which the answer goes on with.
    """
    if not any(map(str.isalnum, text)):
        return False
    end = text.rstrip(_CLOSING)
    if end.endswith(_COMMAS):
        return True
    words = text.split()
    if may_announce or len(words) < _JOINED_WORDS:
        return False
    return words[-1].strip("*_") in _JOINING or end.endswith(_COLONS)


_PAIRED = regex(
    r"(?<!\\)\*\*(?=[^\s*])((?:(?!\n\n)[^*]|(?<!\*)\*(?!\*))+?)(?<=[^\s\\])\*\*(?!\*)"
    r"|(?<!\\)\*\*\*(?=[^\s*])([^*\n]+)(?<=[^\s\\])\*\*\*(?!\*)"
)
_STRAY = regex(
    r"(?<![\w*])\*\*(?=[^\W\d_])(?!(?:kw|kwargs|args|opts|options|params)\b)"
    r"|(?<=[^\W_])\*\*(?![\w*(])|(?<=[.!?,;:)])\*\*(?!\w)|(?<=[^\W\d_])\*\*(?=[^\W\d_])"
    r"|(?:^|\s)\*\*\s*$|~=\{|=\}~"
    r"|(?<![\w=<>!:+*/\-.])={2,}(?=[^\W\d_])|(?<=[^\W\d_])={2,}(?![\w=<>\"'(\[])"
    r"|(?<=[.!?,;:)])={2,}(?!\w)"
)


def _stray_sign(text: str) -> str:
    """Return the first unmatched `**` or `==` of a text, which Anki would show; "" if none."""
    if "*" not in text and "=" not in text:
        return ""
    shown = CLOZE_SIGN.sub("", without_code(text))
    shown = _PAIRED.sub(lambda pair: pair[1] or pair[2], shown).replace("\\", "")
    sign = _STRAY.search(shown)
    return sign[0].strip() if sign else ""


def without_code(text: str) -> str:
    """Return the text with code and formulae replaced by a letter."""
    parts = []
    place = 0
    for start, end, kind in shields(text):
        if kind != "escape":
            parts += [text[place:start], "x"]
            place = end
    parts.append(text[place:])
    return "".join(parts)
