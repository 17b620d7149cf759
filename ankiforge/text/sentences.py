"""Split text into sentences, by the rules of docs/keys.md: the keys of vault highlights depend on them."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import pairwise

from ankiforge.model import Span

_ABBREVIATIONS_WORDS = (
    "e.g i.e cf al etc vs viz ca approx resp esp incl pp eq eqs fig figs refs dr prof mr mrs ms "
    "st jr sr inc ltd dept univ ed eds rev trans z.b d.h u.a bzw vgl abb usw"
)
_ABBREVIATIONS = frozenset(_ABBREVIATIONS_WORDS.split())
"""Abbreviations, casefolded and without the last full stop."""

_BEFORE_NUMBERS_WORDS = (
    "no nos p s ch sec tab ref vol nr bd art jan feb mar apr jun jul aug sep sept oct nov dec"
)
_BEFORE_NUMBERS = frozenset(_BEFORE_NUMBERS_WORDS.split())
"""Abbreviations only before a number ("no. 5", but "He said no. She left.")."""

_MORE_WORDS = (
    "np tzw m.in tj tzn zob ul św mgr inż hab lic przyp "  # Polish
    "např tzv popř resp sv ing mudr judr phdr tř "  # Czech, Slovak
    "напр ул проф акад св т.е т.н т.к т.ч "  # Russian
    "evtl ggf inkl zzgl sog bspw geb gest hrsg verf u.u z.t i.d.r v.a d.h "  # German
    "p.ex éd boul mme mlle "  # French
    "p.ej sra srta avda cía "  # Spanish, Portuguese
    "sig.ra sig.na dott dott.ssa prof.ssa avv "  # Italian
    "bijv bv d.w.z o.a m.b.t i.v.m t.o.v t.a.v dhr mevr drs evt "  # Dutch
    "t.ex bl.a d.v.s s.k f.eks dvs jfr"  # Swedish, Danish, Norwegian
)
_FURTHER = frozenset(_MORE_WORDS.split())
"""Abbreviations in other languages. Only a single full stop follows them."""
_MORE_BEFORE_NUMBERS_WORDS = (
    "ok tys pkt str wyd al godz rys ryc pl kl pag pagg pág págs núm cap capp chap env tel wg kap lib "
    "рис табл гл стр ст п пп č čl obr kol"
)
_MORE_BEFORE_NUMBERS = frozenset(_MORE_BEFORE_NUMBERS_WORDS.split())
"""Further abbreviations only before a number, because they may be words elsewhere ("рис. 3", but
"Он ел рис. Потом ушёл")."""
_TITLES = frozenset(["Sig", "Dra", "Av"])
"""Abbreviations only when capitalised: Swedish *sig*, Norwegian *dra* and *av* often end a
sentence."""

_BEFORE_CHRIST = re.compile(r"\s+J\.\s?-\s?C\b")
"""As in "52 av. J.-C."."""
_SIGNOR = re.compile(r"\b(?:il|un|al|del|dal|col|sul|nel|e|con|per)\s+sig$", re.IGNORECASE)
"""As in "il sig. Rossi". Without an article it may be a Swedish or Danish word."""
_END = re.compile(r"""[.!?…।॥؟۔]+["'”’»)\]]*(?=\s)|[。！？]["”’」』）]*""")
_NEXT = re.compile(r"""\s*["'“‘«(\[]*[^\W_]""")
_NUMERAL = re.compile(r"\s*[(\[]?(?:\d|[IVXLC]+\b)")
_NOT_SPACE = re.compile(r"\S")
_WORD_BEFORE = re.compile(r"[\w.]+$")
_SPACED = re.compile(r"(?<!\w)(?:[^\W\d_]{1,2}\.\s)+[^\W\d_]+$")
"""An abbreviation of several words with spaces: `m. in`, `p. ex`."""
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LETTER_AFTER = re.compile(r"\s[^\W\d_]\.")
_LETTER_BEFORE = re.compile(r"(?<!\w)[^\W\d_]\.\s$")
_ORDINAL = re.compile(
    r"\s(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
    r"|Jahrhundert|Jahrtausend|Weltkrieg)"
)


def boundaries(text: str) -> list[int]:
    """Return the offsets at which a new sentence begins, except 0 and the end.

    A sentence ends at `. ! ? …` (including closing quotes and brackets) if white space follows and
    then, after optional opening quotes, anything but a lower-case letter. It ends at `。！？` in any
    case. It does not end after an abbreviation, initials ("J. R. R. Tolkien", "U.S. Army"), a
    number that begins the text, or a German ordinal before a month.
    """
    return [match.end() for match in _END.finditer(text) if _ends(text, match)]


def _ends(text: str, match: re.Match[str]) -> bool:
    end = match.end()
    if match[0][0] in "。！？":
        quoted = match[0][-1] in "」』" and text[end : end + 1] in tuple("とっの、，")
        return end < len(text) and not quoted
    follow = _NEXT.match(text, end)
    if follow is None:
        return _NOT_SPACE.search(text, end) is not None
    return not follow[0][-1].islower() and not (
        match[0].startswith(".")
        and (
            _is_abbreviation(text, match.start(), end)
            or (match[0] == "." and _further(text, match.start(), end))
        )
    )


def _further(text: str, stop: int, end: int) -> bool:
    """Return whether one of the further abbreviations precedes the full stop at `stop`."""
    begin = max(0, stop - 24)
    found = _SPACED.search(text, begin, stop) or _WORD_BEFORE.search(text, begin, stop)
    if found is None:
        return False
    spaced = "".join(found[0].split()).strip(".").casefold()
    word = found[0].split()[-1].strip(".")
    last = word.casefold()
    if word in _TITLES or not _FURTHER.isdisjoint((spaced, last)):
        return True
    if last == "av" and _BEFORE_CHRIST.match(text, end):
        return True
    if last == "sig" and _SIGNOR.search(text, begin, stop):
        return True
    return last in _MORE_BEFORE_NUMBERS and _NUMERAL.match(text, end) is not None


def _is_abbreviation(text: str, stop: int, end: int) -> bool:
    """Return whether the word before the full stop at `stop` is an abbreviation or number."""
    found = _WORD_BEFORE.search(text, max(0, stop - 24), stop)
    if found is None:
        return False
    word = found[0].strip(".")
    if word.isdigit():
        first = _NOT_SPACE.search(text)
        alone = first is None or first.start() == found.start() or text[found.start() - 1] == "\n"
        return alone or (len(word) < 3 and _ORDINAL.match(text, end) is not None)
    if word.casefold() in _BEFORE_NUMBERS and _NUMERAL.match(text, end):
        return True
    return word.casefold() in _ABBREVIATIONS or _is_initial(text, word, found.start(), end)


def _is_initial(text: str, word: str, start: int, end: int) -> bool:
    """Return whether it is initials: capitals (not `°C`), or a letter next to one ("z. B.")."""
    before = text[start - 1 : start] if start else ""
    if not _INITIALS.fullmatch(word) or not (before.isspace() or before in ("", *"-(['\"“‘„«")):
        return False
    beside = len(word) == 1 and (
        _LETTER_AFTER.match(text, end) or _LETTER_BEFORE.search(text, max(0, start - 3), start)
    )
    return word.replace(".", "").isupper() or bool(beside)


def sentences(text: str) -> list[Span]:
    """Return the spans of the sentences, without surrounding white space."""
    edges = [0, *boundaries(text), len(text)]
    spans = (trimmed(text, *pair) for pair in pairwise(edges))
    return [span for span in spans if span[0] < span[1]]


def trimmed(text: str, start: int, end: int) -> Span:
    """Return the span without surrounding white space."""
    run = text[start:end]
    first = start + len(run) - len(run.lstrip())
    return (first, max(first, start + len(run.rstrip())))


def sentence_around(text: str, start: int, end: int) -> Span:
    """Return the span of the sentence (or sentences) that contain [start, end)."""
    spans = sentences(text)
    if not spans:
        return (start, end)
    starts = [span[0] for span in spans]
    first = max(bisect_right(starts, start) - 1, 0)
    last = max(bisect_right(starts, max(end - 1, start)) - 1, first)
    return (spans[first][0], spans[last][1])
