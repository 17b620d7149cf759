"""Passages in a text: the sentences and paragraphs around them, and anchors made from both.

The keys of vault highlights depend on sentences, and those of marks without an id on anchors
(docs/keys.md): the rules of both are frozen.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from msgspec.structs import replace

from ankiforge.model import Highlight, HighlightKey, Span, h16
from ankiforge.text import regex
from ankiforge.text.fold import fold

# --- sentences -----------------------------------------------------------------------------------

# Abbreviations, casefolded and without the last full stop.
_ABBREVIATIONS = frozenset(
    "e.g i.e cf al etc vs viz ca approx resp esp incl pp eq eqs fig figs refs dr prof mr mrs ms "
    "st jr sr inc ltd dept univ ed eds rev trans z.b d.h u.a bzw vgl abb usw".split()
)

# Abbreviations only before a number ("no. 5", but "He said no. She left.").
_BEFORE_NUMBERS = frozenset(
    "no nos p s ch sec tab ref vol nr bd art jan feb mar apr jun jul aug sep sept oct nov dec".split()
)

# Abbreviations in other languages. Only a single full stop follows them.
_FURTHER = frozenset(
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
# Further abbreviations only before a number, because they may be words elsewhere ("рис. 3", but "Он
# ел рис. Потом ушёл").
_MORE_BEFORE_NUMBERS = frozenset(
    "ok tys pkt str wyd al godz rys ryc pl kl pag pagg pág págs núm cap capp chap env tel wg kap lib "
    "рис табл гл стр ст п пп č čl obr kol".split()
)
# Abbreviations only when capitalised: Swedish *sig*, Norwegian *dra* and *av* often end a sentence.
_TITLES = frozenset(["Sig", "Dra", "Av"])

# As in "52 av. J.-C.".
_BEFORE_CHRIST = regex(r"\s+J\.\s?-\s?C\b")
# As in "il sig. Rossi". Without an article it may be a Swedish or Danish word.
_SIGNOR = regex(r"(?i)\b(?:il|un|al|del|dal|col|sul|nel|e|con|per)\s+sig$")
_END = regex(r"""[.!?…।॥؟۔]+["'”’»)\]]*(?=\s)|[。！？]["”’」』）]*""")
_NEXT = regex(r"""\s*["'“‘«(\[]*[^\W_]""")
_NUMERAL = regex(r"\s*[(\[]?(?:\d|[IVXLC]+\b)")
_NOT_SPACE = regex(r"\S")
_WORD_BEFORE = regex(r"[\w.]+$")
# An abbreviation of several words with spaces: `m. in`, `p. ex`.
_SPACED = regex(r"(?<!\w)(?:[^\W\d_]{1,2}\.\s)+[^\W\d_]+$")
_INITIALS = regex(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LETTER_AFTER = regex(r"\s[^\W\d_]\.")
_LETTER_BEFORE = regex(r"(?<!\w)[^\W\d_]\.\s$")
_ORDINAL = regex(
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
    if follow[0][-1].islower():
        return False
    stop, dots = match.start(), match[0]
    short = dots.startswith(".") and _is_abbreviation(text, stop, end)
    return not (short or (dots == "." and _further(text, stop, end)))


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


# --- paragraphs, anchors and context ---------------------------------------------------------------

CONTEXT = 80
"""The number of characters of plain text before and after that are folded for an anchor."""
KEPT = 24
"""The number of folded characters of context in an anchor."""

NEARBY, PARAGRAPH = 1_500, 600
"""Characters of the paragraphs that may answer a reader's question, and of those that tell the subject."""
_BLANK = regex(r"\s")

Triple = tuple[str, str, str]


def paragraphs_around(text: str, start: int, end: int, *, asks: bool) -> str:
    """Return the paragraph of [start, end) and its neighbours, as many as fit; a paragraph is a line.

    `asks`: a reader's question may be answered there, so that more of them are wanted.
    A paragraph that is too long is cut around the passage: between sentences or else words, with …
    there.
    """
    first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    last, most = len(text) if last < 0 else last, NEARBY if asks else PARAGRAPH
    if last - first > most:
        spare = max(most - (end - start) - 2 * len("… "), 0)
        low = max(first, start - max(spare // 2, spare - (last - end)))
        high = min(last, end + max(spare // 2, spare - (start - first)))
        lead, rest = text[low:start], text[end:high]
        if low > first:  # a sentence begins in the half that is farther away
            near = [at for at in boundaries(lead) if 2 * at <= len(lead)]
            near += [blank.start() for blank in _BLANK.finditer(lead)]
            lead = f"… {lead[near[0] if near else 0 :].lstrip()}"
        if high < last:
            near = [blank.start() for blank in _BLANK.finditer(rest)]
            near += [at for at in boundaries(rest) if 2 * at >= len(rest)]
            rest = f"{rest[: near[-1] if near else None].rstrip()} …"
        return f"{lead}{text[start:end]}{rest}"
    while True:
        before = text.rfind("\n", 0, first - 1) + 1 if first else first
        after = text.find("\n", last + 1) if last < len(text) else last
        after = len(text) if after < 0 else after
        if before < first and last - before <= most:
            first = before
        elif after > last and after - first <= most:
            last = after
        else:
            break
    return text[first:last]


def triple(exact: str, before: str, after: str) -> Triple:
    """Return the folded text and context for an anchor. `before` and `after` may be too long."""
    return (fold(exact), fold(before[-CONTEXT:])[-KEPT:], fold(after[:CONTEXT])[:KEPT])


def triple_of(highlight: Highlight) -> Triple:
    """Return the triple of one highlight."""
    before, after = highlight.anchor_around or (highlight.prefix, highlight.suffix)
    return triple(highlight.anchor_text or highlight.exact, before, after)


def anchor_key(highlight: Highlight, nth: int) -> HighlightKey:
    """Return the key made from the anchor, for the nth of equal triples in document order, from 1."""
    return HighlightKey(f"{highlight.namespace}/{h16(*triple_of(highlight), str(nth))}")


def own_key(highlight: Highlight) -> HighlightKey:
    """Return the key made from the source's own id. "" if there is none."""
    return HighlightKey(f"{highlight.namespace}/{highlight.own}" if highlight.own else "")


def numbered(highlights: Iterable[Highlight]) -> Iterator[Highlight]:
    """Yield the highlights of one note or page, with `nth` counting equal triples."""
    seen: Counter[Triple] = Counter()
    for highlight in highlights:
        mark = triple_of(highlight)
        seen[mark] += 1
        yield replace(highlight, nth=seen[mark])


AT_MOST = (32, CONTEXT)
"""The lengths at which sources cut off context (hypothes.is, all others)."""


def from_a_word(before: str) -> str:
    """Return the text before a passage, without an incomplete first word."""
    if len(before) not in AT_MOST or before[0].isspace():
        return before
    # a longer word may be text in a script without spaces
    cut = re.match(r"\S{1,24}\s+(?=\S)", before)
    return before[cut.end() :] if cut else before


def to_a_word(after: str) -> str:
    """Return the text after a passage, without an incomplete last word."""
    return from_a_word(after[::-1])[::-1]


_BULLET = regex(r"(?:(?P<end>\S)\s+|^\s*)[•‣◦▪●■⁃]\s+")


def without_bullets(exact: str) -> str:
    """Join the bulleted list items in a passage by `; `.

    The folded text stays the same, and so do anchors made from it.
    """
    items = len(_BULLET.findall(exact)) - bool(_BULLET.match(exact))
    return _BULLET.sub(_joined, exact) if items else exact


def _joined(bullet: re.Match[str]) -> str:
    end = bullet["end"] or ""
    return f"{end} " if end in tuple(".;:,!?…") else f"{end}; " if end else ""


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-~")


def percent(part: str) -> str:
    """Return part of a key in ASCII: NFC, with all but `A-Z a-z 0-9 . - ~` percent-encoded."""
    raw = unicodedata.normalize("NFC", part).encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)
