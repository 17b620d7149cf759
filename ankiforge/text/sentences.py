"""Sentences: where they begin and end in a text.

The keys of vault highlights depend on them (docs/reference/keys.md): the rules are frozen, but
for the raised number of a note behind a stop, which `boundaries` heeds only elsewhere.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from ankiforge.model import Span
from ankiforge.text import regex

# Abbreviations, casefolded and without the last full stop.
_ABBREVIATIONS = frozenset(
    "e.g i.e cf al etc vs viz ca approx resp esp incl pp eq eqs fig figs refs dr prof mr "
    "mrs ms st jr sr inc ltd dept univ ed eds rev trans z.b d.h u.a bzw vgl "
    "abb usw".split()
)

# Abbreviations only before a number ("no. 5", but "He said no. She left.").
_BEFORE_NUMBERS = frozenset(
    "no nos p s ch sec tab ref vol nr bd art "
    "jan feb mar apr jun jul aug sep sept oct nov dec".split()
)

# Abbreviations in other languages. Only a single full stop follows them.
_FOREIGN = frozenset(
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
# Of these, only before a number, because they may be words elsewhere ("рис. 3", but "Он
# ел рис. Потом ушёл").
_FOREIGN_BEFORE_NUMBERS = frozenset(
    "ok tys pkt str wyd al godz rys ryc pl kl pag pagg pág págs núm cap capp chap env "
    "tel wg kap lib рис табл гл стр ст п пп č čl obr kol".split()
)
# Abbreviations only when capitalised: Swedish *sig*, Norwegian *dra* and *av* often end
# a sentence.
_TITLES = frozenset(["Sig", "Dra", "Av"])

# As in "52 av. J.-C.".
_BEFORE_CHRIST = regex(r"\s+J\.\s?-\s?C\b")
# As in "il sig. Rossi". Without an article it may be a Swedish or Danish word.
_SIGNOR = regex(r"(?i)\b(?:il|un|al|del|dal|col|sul|nel|e|con|per)\s+sig$")
# Where a sentence may end: before a blank, or anywhere in a script without blanks.
_END = regex(
    r"""[.!?…।॥؟۔。！？](?:(?<=[。！？])["”’」』）]*"""
    r"""|(?<![.!?…।॥؟۔].)[.!?…।॥؟۔]*["'”’»)\]]*(?=\s))"""
)
# The raised number of a note behind a stop: `regions.² But`.
_STOP_AND_NOTE = regex(r"""([.!?…]["'”’»)\]]*)[⁰¹²³⁴-⁹][⁰¹²³⁴-⁹⁻,–]*(?=\s)""")
# The start of what follows: quotes and brackets, and a letter or digit.
_NEXT = regex(r"""\s*(?:[–—]\s*)?["'“‘«(\[]*[^\W_]""")
_NUMERAL = regex(r"\s*[(\[]?(?:\d|[IVXLC]+\b)")
_NOT_SPACE = regex(r"\S")
# The word that ends before a full stop, with those within it: `e.g`.
_WORD_BEFORE = regex(r"[\w.]+$")
# An abbreviation of several words with spaces: `m. in`, `p. ex`.
_SPACED = regex(r"(?<!\w)(?:[^\W\d_]{1,2}\.\s)+[^\W\d_]+$")
# Letters with full stops between them.
_INITIALS = regex(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LETTER_AFTER = regex(r"\s[^\W\d_]\.")
_LETTER_BEFORE = regex(r"(?<!\w)[^\W\d_]\.\s$")
# What follows a German ordinal, which has a full stop: "am 3. Mai".
_AFTER_ORDINAL = regex(
    r"\s(?:Januar|Februar|März|April|Mai|Juni"
    r"|Juli|August|September|Oktober|November|Dezember"
    r"|Jahrhundert|Jahrtausend|Weltkrieg)"
)
# A bracket within a sentence is looked for in so many characters on both sides of a full stop; the
# shortest of them have an abbreviation alone: `(Mirb.) Franco`.
_LONGEST_BRACKET = 80
_CLOSES = regex(r"[^()]*\)")
_ABBREVIATED = regex(r"[^\s()]+(?:\s[^\s()]+){0,2}\Z")
# Characters before a full stop among which an abbreviation is looked for.
_LONGEST_WORD = 24
_BEFORE_INITIALS = frozenset("-(['\"“‘„«")
# What follows a quotation within a Japanese or Chinese sentence.
_AFTER_QUOTATION = frozenset("とっの、，")


def boundaries(text: str, *, after_notes: bool = True) -> list[int]:
    """Return the offsets at which a new sentence begins, except 0 and the end.

    A sentence ends at `. ! ? …` (including closing quotes and brackets) if white space
    follows and then, after optional opening quotes, anything but a lower-case letter.
    It ends at `。！？` in any case. It does not end in brackets within it, nor after an
    abbreviation, initials ("J. R. R. Tolkien", "U.S. Army"), a number that begins the text, or a
    German ordinal before a month. The raised number of a note behind a stop belongs to it, unless
    told not to `after_notes`.
    """
    if after_notes:  # as if they were quotes that close
        text = _STOP_AND_NOTE.sub(lambda end: end[1].ljust(len(end[0]), "’"), text)
    return [match.end() for match in _END.finditer(text) if _ends(text, match)]


def _ends(text: str, match: re.Match[str]) -> bool:
    """Return whether a sentence ends with a match of `_END`."""
    stops = match[0]
    stop, end = match.span()
    if stops[0] in "。！？":
        return end < len(text) and not (
            stops[-1] in "」』" and text[end : end + 1] in _AFTER_QUOTATION
        )
    following = _NEXT.match(text, end)
    if following is None:
        return _NOT_SPACE.search(text, end) is not None
    if following[0][-1].islower():
        return False
    if stops.startswith(".") and _is_abbreviation(text, stop, end):
        return False
    if stops.startswith(".") and _is_in_brackets(text, stop, stops):
        return False
    return not (stops == "." and _is_foreign_abbreviation(text, stop, end))


def _is_in_brackets(text: str, stop: int, stops: str) -> bool:
    """Return whether a full stop is in brackets within a sentence, or ends an abbreviation there.

    Brackets around whole sentences begin behind a stop.
    """
    begin = max(0, stop - _LONGEST_BRACKET)
    opener = text.rfind("(", begin, stop)
    if opener <= text.rfind(")", begin, stop):
        return False
    before = text[max(0, opener - 2) : opener].rstrip()
    if not before or before[-1] in ".!?…":
        return False
    if ")" in stops:
        return _ABBREVIATED.match(text[opener + 1 : stop]) is not None
    end = stop + len(stops)
    return _CLOSES.match(text, end, end + _LONGEST_BRACKET) is not None


def _is_abbreviation(text: str, stop: int, end: int) -> bool:
    """Return whether an abbreviation or number precedes the full stop at `stop`."""
    before = _WORD_BEFORE.search(text, max(0, stop - _LONGEST_WORD), stop)
    if before is None:
        return False
    word = before[0].strip(".")
    if word.isdigit():
        first = _NOT_SPACE.search(text)
        begins_text = first is None or first.start() == before.start()
        return (
            (len(word) < 3 and _AFTER_ORDINAL.match(text, end) is not None)
            or begins_text
            or text[before.start() - 1] == "\n"
        )
    folded = word.casefold()
    if folded in _BEFORE_NUMBERS and _NUMERAL.match(text, end):
        return True
    return folded in _ABBREVIATIONS or _is_initial(text, word, before.start(), end)


def _is_initial(text: str, word: str, start: int, end: int) -> bool:
    """Return whether it is initials: capitals (not `°C`), or a letter next to one ("z.

    B.").
    """
    if not _INITIALS.fullmatch(word):
        return False
    before = text[start - 1] if start else " "
    if not before.isspace() and before not in _BEFORE_INITIALS:
        return False
    if word.replace(".", "").isupper():
        return True
    if len(word) > 1:
        return False
    if _LETTER_AFTER.match(text, end):
        return True
    return _LETTER_BEFORE.search(text, max(0, start - 3), start) is not None


def _is_foreign_abbreviation(text: str, stop: int, end: int) -> bool:
    """Return whether a foreign abbreviation precedes the full stop at `stop`."""
    begin = max(0, stop - _LONGEST_WORD)
    before = _SPACED.search(text, begin, stop) or _WORD_BEFORE.search(text, begin, stop)
    if before is None:
        return False
    parts = before[0].split()
    word = parts[-1].strip(".")
    folded = word.casefold()
    whole = "".join(parts).strip(".").casefold()
    if word in _TITLES or folded in _FOREIGN or whole in _FOREIGN:
        return True
    if folded == "av" and _BEFORE_CHRIST.match(text, end):
        return True
    if folded == "sig" and _SIGNOR.search(text, begin, stop):
        return True
    return folded in _FOREIGN_BEFORE_NUMBERS and _NUMERAL.match(text, end) is not None


def sentences(text: str, edges: Iterable[int] | None = None) -> list[Span]:
    """Return the spans of the sentences, without surrounding white space.

    Args:
        text: the text.
        edges: where one begins, in order; None = at the `boundaries` of the text.
    """
    starts = boundaries(text) if edges is None else edges
    spans = []
    for start, end in pairwise([0, *starts, len(text)]):
        first, last = trimmed(text, start, end)
        if first < last:
            spans.append((first, last))
    return spans


def trimmed(text: str, start: int, end: int) -> Span:
    """Return the span without surrounding white space."""
    words = text[start:end]
    first = start + len(words) - len(words.lstrip())
    last = start + len(words.rstrip())
    return first, max(first, last)


def sentence_around(text: str, start: int, end: int) -> Span:
    """Return the span of the sentence (or sentences) that contain [start, end)."""
    spans = sentences(text)
    if not spans:
        return start, end
    starts = [sentence_start for sentence_start, _ in spans]
    last_character = max(end - 1, start)
    first = max(bisect_right(starts, start) - 1, 0)
    last = max(bisect_right(starts, last_character) - 1, first)
    first_start, _ = spans[first]
    _, last_end = spans[last]
    return first_start, last_end


# What separates paragraphs, and items of a list.
_PART = regex(
    r"(?:\A|\n)\s*(?:[-*+•▪●◦–]|\(?\d{1,3}[.)])\s+|\n\s*\n"
    r"|(?<=[:.;])\s+[-•▪●■»]\s+(?=[^\W_])"  # the line ends of a list were lost
)
# A text without any of these is one part.
_MAY_BE_PARTS = regex(r"[-\n*+•▪●◦–■»\d](?:(?<=\n)|(?<!\d)\s|[.)]\s)")


@lru_cache(maxsize=4096)  # of a passage, both the drafter and the ledger ask for them
def sentences_by_part(text: str) -> list[list[Span]]:
    """Return the spans of the sentences of each paragraph and list item, without its sign."""
    parts: list[list[Span]] = []
    start = 0
    seams = _PART.finditer(text) if _MAY_BE_PARTS.search(text) else ()
    for end, next_start in (
        *(match.span() for match in seams),
        (len(text), len(text)),
    ):
        spans = sentences(text[start:end])
        parts.append([(start + first, start + last) for first, last in spans])
        start = next_start
    return parts
