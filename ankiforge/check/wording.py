"""Checks of what a card does not show, of placeholders, and of text that breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ankiforge.check.findings import Context, Needs, make_finding, needs
from ankiforge.check.reading import CLOZE_SIGN, authored, read, source_text
from ankiforge.language.tables import listed
from ankiforge.language.words import tokens
from ankiforge.model import Card, Family, Finding, Severity
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


@needs(Needs.CARD)
def pointing(draft: Card, context: Context) -> Iterator[Finding]:
    """Find words that point at a text that the card does not show, and placeholders.

    For example `this paper`, `Figure 3`, `which of the following`; `...` for an answer.
    """
    reading = read(draft)
    is_cloze = draft.kind.family is Family.CLOZE
    shown = reading.whole if is_cloze else reading.asked
    reference = _reference_to_text(shown)
    figure = _FIGURE.search(shown)
    if not reference and not _LISTED.search(shown):
        # options that the card does not list
        options = _OPTIONS.search(shown) or _OPTIONS.search(" ".join(reading.answers))
        reference = options[0] if options else ""
    if reference:
        yield make_finding("points_at_page", f"“{reference}”")
    elif figure:
        yield make_finding("points_at_page", f"“{figure[0]}”", severity=Severity.WARN)

    # the first side that stands for words: `...`, `TODO`, `N/A`, a word of the schema
    highlight = context.highlight
    for side in reading.answers if is_cloze else (reading.asked, *reading.answers):
        plain = " ".join(side.split())
        is_empty = len(plain) < _LONGEST_EMPTY and _EMPTY.fullmatch(plain)
        word = plain.strip("<>[](){}\"'. ").casefold()
        is_of_schema = word in _SCHEMA_WORDS and highlight.exact and not authored(draft)
        if is_of_schema and word in tokens(source_text(highlight)):
            is_of_schema = False
        if is_empty or is_of_schema or _DOTS.fullmatch(plain):
            yield make_finding("placeholder", f"“{plain}”")
            return


@lru_cache(maxsize=16)  # the gaps of a sentence are judged one after the other
def _reference_to_text(text: str) -> str:
    """Return the words that refer to a text beside the card; "" if there are none."""
    for match in _THIS.finditer(text):
        before = text[: match.start()].casefold()
        if match[1].casefold() not in before:  # else the card names the thing itself
            return match[0]
    the_text = _THE_TEXT.search(text)
    return the_text[0] if the_text else ""


# --- truncated cards, and Markdown that is not rendered -------------------------------

# What may follow the last sign of a sentence. (A pattern with these signs takes `re`
# milliseconds.)
_CLOSING = '*_=~>"”’»)} \t\n\u00a0\u202f\u3000'
_COMMAS = (",", "،", "、", "，")
_COLONS = (":", "：")
_JOINING = listed("signs", "joining")
# In shorter texts, the last word may be what is asked about: `und` means `and`.
_JOINED_WORDS = 4


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


@needs(Needs.CARD)
def unfinished(draft: Card, context: Context) -> Iterator[Finding]:
    """Find truncated sides and stray Markdown signs."""
    is_cloze = draft.kind.family is Family.CLOZE
    for name in ("Text",) if is_cloze else ("Front", "Back"):
        # a side that ends in a comma, or, if the answer does not go on with it, in a colon
        # or a conjunction
        text = draft.field(name).rstrip()
        words = text.split()
        end = text.rstrip(_CLOSING)
        breaks_off = end.endswith(_COMMAS)
        if name != "Front" and len(words) >= _JOINED_WORDS:
            is_joined = words[-1].strip("*_") in _JOINING
            breaks_off = breaks_off or is_joined or end.endswith(_COLONS)
        if breaks_off and any(map(str.isalnum, text)):
            yield make_finding("breaks_off", f"“…{' '.join(words[-3:])}”")
    for name in ("Text", "Front", "Back"):
        # an unmatched `**` or `==`, which Anki would show
        text = draft.field(name)
        if "*" not in text and "=" not in text:
            continue
        shown = CLOZE_SIGN.sub("", without_code(text))
        shown = _PAIRED.sub(lambda pair: pair[1] or pair[2], shown).replace("\\", "")
        sign = _STRAY.search(shown)
        if sign:
            yield make_finding("stray_markup", f"“{sign[0].strip()}”")
            return


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
