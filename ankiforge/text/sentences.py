"""Split text into sentences.

The keys of highlights in vaults depend on where sentences begin (tests/keys/keys.md), so the
rules must not change.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from ankiforge.model import Span
from ankiforge.text import regex

# Abbreviations, casefolded and without their last full stop.
_ABBREVIATIONS = frozenset(
    "e.g i.e cf al etc vs viz ca approx resp esp incl pp eq eqs fig figs refs dr prof mr "
    "mrs ms st jr sr inc ltd dept univ ed eds rev trans z.b d.h u.a bzw vgl "
    "abb usw".split()
)

# Words that are only abbreviations before a number ("no. 5", but "He said no. She left.").
_BEFORE_NUMBERS = frozenset(
    "no nos p s ch sec tab ref vol nr bd art "
    "jan feb mar apr jun jul aug sep sept oct nov dec".split()
)

# Abbreviations in other languages. They only count before a single full stop.
_FOREIGN_ABBREVIATIONS = frozenset(
    "np tzw m.in tj tzn zob ul św mgr inż hab lic przyp "  # Polish
    "např tzv popř resp sv ing mudr judr phdr tř "  # Czech, Slovak
    "напр ул проф акад св т.е т.н т.к т.ч "  # Russian
    "evtl ggf inkl zzgl sog bspw geb gest hrsg verf u.u z.t i.d.r v.a d.h "  # German
    "p.ex éd boul mme mlle "  # French
    "p.ej sra srta avda cía "  # Spanish, Portuguese
    "sig.ra sig.na dott dott.ssa prof.ssa avv "  # Italian
    "bijv bv d.w.z o.a m.b.t i.v.m t.o.v t.a.v dhr mevr drs evt "  # Dutch
    "t.ex bl.a d.v.s s.k f.eks dvs jfr".split()  # Swedish, Danish, Norwegian
)
# Foreign words that are only abbreviations before a number ("рис. 3", but "Он ел рис. Потом ушёл").
_FOREIGN_BEFORE_NUMBERS = frozenset(
    "ok tys pkt str wyd al godz rys ryc pl kl pag pagg pág págs núm cap capp chap env "
    "tel wg kap lib рис табл гл стр ст п пп č čl obr kol".split()
)
# Words that are only abbreviations if they are capitalised. In lower case, Swedish *sig* and
# Norwegian *dra* and *av* often end a sentence.
_TITLES = frozenset(["Sig", "Dra", "Av"])

# What follows *av.* in a French year, as in "52 av. J.-C.".
_BEFORE_CHRIST = regex(r"\s+J\.\s?-\s?C\b")
# Italian *sig.* after an article or preposition, as in "il sig. Rossi". Otherwise *sig* may be a
# Swedish or Danish word.
_SIGNOR = regex(r"(?i)\b(?:il|un|al|del|dal|col|sul|nel|e|con|per)\s+sig$")
# Punctuation that may end a sentence. Whitespace must follow it, unless the script has no spaces.
_POSSIBLE_END = regex(
    r"""[.!?…।॥؟۔。！？](?:(?<=[。！？])["”’」』）]*"""
    r"""|(?<![.!?…।॥؟۔].)[.!?…।॥؟۔]*["'”’»)\]]*(?=\s))"""
)
# A superscript footnote number after a full stop: `regions.² But`.
_STOP_AND_FOOTNOTE = regex(r"""([.!?…]["'”’»)\]]*)[⁰¹²³⁴-⁹][⁰¹²³⁴-⁹⁻,–]*(?=\s)""")
# The start of the next sentence: quotes and brackets, then a letter or digit.
_NEXT_START = regex(r"""\s*(?:[–—]\s*)?["'“‘«(\[]*[^\W_]""")
_NUMERAL = regex(r"\s*[(\[]?(?:\d|[IVXLC]+\b)")
_NOT_SPACE = regex(r"\S")
# The word before a full stop, including full stops inside: `e.g`.
_WORD_BEFORE = regex(r"[\w.]+$")
# An abbreviation of several words with spaces: `m. in`, `p. ex`.
_SPACED_ABBREVIATION = regex(r"(?<!\w)(?:[^\W\d_]{1,2}\.\s)+[^\W\d_]+$")
# Single letters with full stops between them.
_INITIALS = regex(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LETTER_AFTER = regex(r"\s[^\W\d_]\.")
_LETTER_BEFORE = regex(r"(?<!\w)[^\W\d_]\.\s$")
# What may follow a German ordinal, which is written with a full stop, as in "am 3. Mai".
_AFTER_ORDINAL = regex(
    r"\s(?:Januar|Februar|März|April|Mai|Juni"
    r"|Juli|August|September|Oktober|November|Dezember"
    r"|Jahrhundert|Jahrtausend|Weltkrieg)"
)
# How far on each side of a full stop to search for brackets within a sentence. If the full stop is
# the last character in the brackets, they must contain at most three words, as in `(Mirb.) Franco`.
_MAX_BRACKET_CHARS = 80
_CLOSING_BRACKET = regex(r"[^()]*\)")
_UP_TO_THREE_WORDS = regex(r"[^\s()]+(?:\s[^\s()]+){0,2}\Z")
# The most digits of a German ordinal, as in `am 31. Mai` or `im 19. Jahrhundert`.
_MAX_ORDINAL_DIGITS = 2
# How far before a full stop to search for an abbreviation.
_MAX_WORD_CHARS = 24
_BEFORE_INITIALS = frozenset("-(['\"“‘„«")
# Characters after a quotation that show that it is within a Japanese or Chinese sentence.
_AFTER_QUOTATION = frozenset("とっの、，")


def find_sentence_starts(text: str) -> list[int]:
    """Return the offsets where sentences start, except for the first sentence.

    A sentence starts with the whitespace before it.

    A sentence ends at `. ! ? …` plus any closing quotes and brackets, if followed by
    whitespace and then anything but a lower-case letter. It also ends at `。！？`. It doesn't
    end inside brackets within it, or after an abbreviation, initials ("J. R. R.
    Tolkien", "U.S. Army"), a number at the start of a line, or a German ordinal before a
    month.

    A superscript footnote number after a full stop is part of the preceding sentence.
    """
    # replace the number with closing quotes
    text = _STOP_AND_FOOTNOTE.sub(lambda match: match[1].ljust(len(match[0]), "’"), text)
    starts = []
    for stops in _POSSIBLE_END.finditer(text):
        if _is_sentence_end(text, stops):
            starts.append(stops.end())
    return starts


def _is_sentence_end(text: str, match: re.Match[str]) -> bool:
    """Return whether a match of `_POSSIBLE_END` ends a sentence, with another one after it."""
    stops = match[0]
    stop, end = match.span()
    if end == len(text):
        return False
    if stops[0] in "。！？":
        is_quotation_inside = stops[-1] in "」』" and text[end] in _AFTER_QUOTATION
        return not is_quotation_inside

    # what comes after it
    next_start = _NEXT_START.match(text, end)
    if next_start is None:
        return _NOT_SPACE.search(text, end) is not None
    if next_start[0][-1].islower():
        return False
    if not stops.startswith("."):
        return True

    # what a full stop may belong to instead
    if _is_abbreviation(text, stop, end):
        return False
    if _is_in_brackets(text, stop, stops):
        return False
    if stops == ".":
        return not _is_foreign_abbreviation(text, stop, end)
    return True


def _is_in_brackets(text: str, stop: int, stops: str) -> bool:
    """Return whether the full stop at `stop` is inside brackets within a sentence.

    An example is the first one in `The cell (Fig. 2 shows it. It is red) divides.` Brackets after
    the end of a sentence don't count, because they contain whole sentences. `stops` is the full
    stop plus any closing quotes and brackets.
    """
    search_start = max(0, stop - _MAX_BRACKET_CHARS)
    opener = text.rfind("(", search_start, stop)
    closer = text.rfind(")", search_start, stop)
    if opener <= closer:  # no bracket is open
        return False
    text_before = text[max(0, opener - 2) : opener].rstrip()
    if not text_before or text_before[-1] in ".!?…":
        return False
    if ")" in stops:  # as in `(cf. Smith et al.)`
        return _UP_TO_THREE_WORDS.match(text[opener + 1 : stop]) is not None
    end = stop + len(stops)
    return _CLOSING_BRACKET.match(text, end, end + _MAX_BRACKET_CHARS) is not None


def _is_abbreviation(text: str, stop: int, end: int) -> bool:
    """Return whether the full stop at `stop` ends an abbreviation, initials, or a number.

    `end` is the offset after the full stop and any closing quotes and brackets.
    """
    word_match = _WORD_BEFORE.search(text, max(0, stop - _MAX_WORD_CHARS), stop)
    if word_match is None:
        return False
    word = word_match[0].strip(".")
    start = word_match.start()
    if word.isdigit():
        if len(word) <= _MAX_ORDINAL_DIGITS and _AFTER_ORDINAL.match(text, end):
            return True
        return _begins_line(text, start)
    folded = word.casefold()
    if folded in _ABBREVIATIONS:
        return True
    if folded in _BEFORE_NUMBERS and _NUMERAL.match(text, end):
        return True
    return _are_initials(text, word, start, end)


def _begins_line(text: str, start: int) -> bool:
    """Return whether `start` is directly after a line end, or at the first word of the text."""
    if text.startswith("\n", start - 1):
        return True
    first_char = _NOT_SPACE.search(text)
    return first_char is not None and first_char.start() == start


def _are_initials(text: str, word: str, start: int, end: int) -> bool:
    """Return whether the word before a full stop consists of initials.

    Initials are capitals ("J.R.R."), or a single letter next to another one with a full stop
    ("z. B."). A letter attached to another character ("°C.") isn't an initial. `word` doesn't
    include the final full stop.
    """
    if not _INITIALS.fullmatch(word):
        return False
    previous_char = text[start - 1] if start else " "
    if not previous_char.isspace() and previous_char not in _BEFORE_INITIALS:
        return False
    if word.replace(".", "").isupper():
        return True
    if len(word) > 1:
        return False
    if _LETTER_AFTER.match(text, end):
        return True
    return _LETTER_BEFORE.search(text, max(0, start - 3), start) is not None


def _is_foreign_abbreviation(text: str, stop: int, end: int) -> bool:
    """Return whether the full stop at `stop` ends an abbreviation in another language.

    `end` is the offset after the full stop.
    """
    begin = max(0, stop - _MAX_WORD_CHARS)
    spaced = _SPACED_ABBREVIATION.search(text, begin, stop)
    if spaced:
        joined = "".join(spaced[0].split()).strip(".").casefold()
        if joined in _FOREIGN_ABBREVIATIONS:
            return True
    word_match = _WORD_BEFORE.search(text, begin, stop)
    if word_match is None:
        return False
    word = word_match[0].strip(".")
    folded = word.casefold()
    if word in _TITLES or folded in _FOREIGN_ABBREVIATIONS:
        return True
    if folded == "av" and _BEFORE_CHRIST.match(text, end):
        return True
    if folded == "sig" and _SIGNOR.search(text, begin, stop):
        return True
    if folded in _FOREIGN_BEFORE_NUMBERS:
        return _NUMERAL.match(text, end) is not None
    return False


def find_sentence_spans(text: str, starts: Iterable[int] | None = None) -> list[Span]:
    """Return the span of each sentence, excluding surrounding whitespace.

    `starts` are the offsets where sentences start. If it is None, they are computed with
    `find_sentence_starts`.
    """
    if starts is None:
        starts = find_sentence_starts(text)
    spans = []
    for start, end in pairwise([0, *starts, len(text)]):
        first, last = trim_span(text, start, end)
        if first < last:
            spans.append((first, last))
    return spans


def trim_span(text: str, start: int, end: int) -> Span:
    """Shrink a span to exclude leading and trailing whitespace."""
    content = text[start:end]
    first = start + len(content) - len(content.lstrip())
    last = start + len(content.rstrip())
    return first, max(first, last)


def find_sentence_around(text: str, start: int, end: int) -> Span:
    """Return the span of all sentences that overlap the text from `start` to `end`."""
    spans = find_sentence_spans(text)
    if not spans:
        return start, end
    starts = [sentence_start for sentence_start, _ in spans]
    last_character = max(end - 1, start)
    first = max(bisect_right(starts, start) - 1, 0)
    last = max(bisect_right(starts, last_character) - 1, first)
    first_start, _ = spans[first]
    _, last_end = spans[last]
    return first_start, last_end


# What separates paragraphs and list items.
_PART_SEPARATOR = regex(
    r"(?:\A|\n)\s*(?:[-*+•▪●◦–]|\(?\d{1,3}[.)])\s+|\n\s*\n"
    r"|(?<=[:.;])\s+[-•▪●■»]\s+(?=[^\W_])"  # a list that lost its line breaks
)
# A text without any of these characters has only one part.
_MAY_HAVE_PARTS = regex(r"[-\n*+•▪●◦–■»\d](?:(?<=\n)|(?<!\d)\s|[.)]\s)")


@lru_cache(maxsize=4096)  # both the drafter and the ledger call this for a passage
def find_sentences_by_part(text: str) -> list[list[Span]]:
    """Split a text into paragraphs and list items, and return the sentence spans of each.

    List markers aren't part of any sentence.
    """
    separators: list[Span] = []
    if _MAY_HAVE_PARTS.search(text):
        separators = [match.span() for match in _PART_SEPARATOR.finditer(text)]
    parts: list[list[Span]] = []
    part_start = 0
    for part_end, next_start in (*separators, (len(text), len(text))):
        spans = find_sentence_spans(text[part_start:part_end])
        parts.append([(part_start + start, part_start + end) for start, end in spans])
        part_start = next_start
    return parts
