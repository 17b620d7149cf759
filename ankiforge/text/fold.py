"""Forms in which texts are compared, each named by its purpose, and what in a text is no words.

`for_finding` for keys and candidates, `for_comparing` for what a person typed or quoted,
`for_searching` for the search index, `exact` for what has to be equal. Keys and anchors are
made from `for_finding` and `for_comparing` (docs/reference/keys.md). Besides, a text as Anki
stores it, and as a terminal and a page show it.

A *shield* is a part of a text that is no ordinary words, such as code and maths. The text of a
card is Markdown in our own grammar, and `shields` reads it exactly: what is a formula there is
one on the card. The text of a source may be anything, `$5` and a lone backtick too: only what
cannot be words is taken out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import compress, count

from ankiforge.text import regex

_ASCII_SIGNS = bytes(code for code in range(128) if not chr(code).isalnum())
_BLANKS = regex(r"\s+")
# White space other than a single space, which needs no replacement.
_UNEVEN = regex(r"\s(?:(?<= )\s+|(?<! )\s*)")
_TYPOGRAPHY = (
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | {"\u00ad": ""}
)
_TYPOGRAPHIC = regex(f"[{''.join(_TYPOGRAPHY)}]")


def letters_of(text: str) -> str:
    r"""Return only letters and digits, casefolded: NFKC, casefold, delete `[\W_]+`."""
    if text.isascii():
        return text.lower().encode().translate(None, _ASCII_SIGNS).decode()
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(filter(str.isalnum, folded))


@lru_cache(maxsize=4096)  # a passage is asked for it six times in a run
def for_finding(text: str) -> str:
    """Return only letters and digits, casefolded; NFC without white space if there are none.

    This turns C++ into C, so use `same` to compare texts.
    """
    return letters_of(text) or _BLANKS.sub("", unicodedata.normalize("NFC", text))


_LONGEST_TAG = 40


@lru_cache(maxsize=1024)  # all notes of a document have it
def document_tag(title: str) -> str:
    """Return the tag of a document's notes, from its title; "" without a letter or digit.

    Its words are joined by hyphens. Of a long title, it has as many whole words as fit, but
    no short one at the end.
    """
    folded = unicodedata.normalize("NFKC", title).casefold()
    spaced = ""
    for char in folded.replace("'", "").replace("’", ""):
        # M: signs of letters
        spaced += char if unicodedata.category(char)[0] in "LMN" else " "
    words = [word for word in spaced.split() if letters_of(word)]
    slug = "-".join(words)
    if len(slug) > _LONGEST_TAG:
        whole_words = slug[: _LONGEST_TAG + 1].rpartition("-")[0]
        slug = re.sub(r"(?:-[^-]{1,3})+$", "", whole_words) or slug[:_LONGEST_TAG]
    return f"ankiforge::doc::{slug}" if slug else ""


@lru_cache(maxsize=1024)  # many checks use the same passage
def for_comparing(text: str) -> str:
    """Return the form that `same` compares: case, white space and typography unified."""
    return _with_blanks_at_ends(text).strip()


def _with_blanks_at_ends(text: str) -> str:
    if text.isascii():  # neither typography nor other forms of a letter
        return _UNEVEN.sub(" ", text.lower())
    text = unicodedata.normalize("NFKC", typewritten(text))
    return _UNEVEN.sub(" ", typewritten(text.casefold()))


def typewritten(text: str) -> str:
    """Return a text with plain quotes and dashes, and without soft hyphens."""
    return _TYPOGRAPHIC.sub(lambda sign: _TYPOGRAPHY[sign[0]], text)


def same(a: str, b: str) -> bool:
    """Return whether texts differ only in case, white space, soft hyphens, quotes and dashes."""
    return for_comparing(a) == for_comparing(b)


# --- the index of a search ------------------------------------------------------------

# Accents of Latin, Greek and Cyrillic letters (except of й, a letter of its own), and the
# points that are optional in Hebrew and Arabic. In other scripts such marks make a
# different letter.
_ACCENTS = regex(
    "(?<=[A-Za-z\u0370-\u03ff])[\u0300-\u036f]+|(?<=[\u0400-\u04ff])[\u0300\u0301\u0308]+"
    "|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]+"
)
_POWER = regex(r"(?<=\w)\^\{?(\d+)\}?")
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts that separate no words by blanks, or that join particles to them."""
# Letters that no decomposition changes to those that people type.
_BASE_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"}
)


def for_searching(text: str) -> str:
    """Return a text as in the search index: without case and accents, CJK spaced out."""
    text = _POWER.sub(r"\1", text.replace("\u00ad", "").replace("\0", " "))
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    decomposed = unicodedata.normalize("NFKD", decomposed)
    without_accents = unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))
    return re.sub(f"([{UNSPACED}])", r" \1 ", without_accents.translate(_BASE_LETTERS))


# --- where the letters of a form are in the text --------------------------------------

Origins = Sequence[int]
"""The offset in the text of each character of a form."""


def letters_with_origins(text: str) -> tuple[str, Origins]:
    """Return the letters and digits of a text, casefolded, and the offset of each."""
    if text.isascii():
        return letters_of(text), tuple(compress(count(), map(str.isalnum, text)))
    return _with_origins(text, _letters_of_cluster)


@lru_cache(maxsize=64)
def _compared_with_origins(text: str) -> tuple[str, Origins]:
    if text.isascii() and not _UNEVEN.search(text):
        return text.lower(), range(len(text))
    return _with_origins(text, _compared_cluster)


_letters_of_cluster = lru_cache(maxsize=4096)(letters_of)
_compared_cluster = lru_cache(maxsize=4096)(_with_blanks_at_ends)


def _with_origins(text: str, folding: Callable[[str], str]) -> tuple[str, Origins]:
    """Fold each character with its combining marks, which NFKC may join to it."""
    form = list[str]()
    origins = list[int]()
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        for sign in folding(text[start:end]):
            if sign == " " and form and form[-1] == " ":
                continue
            form.append(sign)
            origins.append(start)
        start = end
    return "".join(form), tuple(origins)


def locate(quote: str, source: str, near: int = 0) -> tuple[int, int] | None:
    """Return the position of `quote` in `source`, as [start, end) in code points.

    Texts match as with `same`: only case, white space, soft hyphens, quotes and dashes
    are ignored. Of several places it is the one that begins nearest to `near`, by default
    the first. None if there is no match.
    """
    nearest = None
    for span in _places_of(quote, source):
        if nearest is None or abs(span[0] - near) < abs(nearest[0] - near):
            nearest = span
        if span[0] >= near:
            break
    return nearest


def locate_words(words: str, source: str) -> tuple[int, int] | None:
    """Return the first position of words that are not within others: `two` is not in `networks`.

    Scripts without capitals join words.
    """
    for start, end in _places_of(words, source):
        if not (
            is_joined(source[max(start - 1, 0) : start], source[start])
            or is_joined(source[end : end + 1], source[end - 1])
        ):
            return start, end
    return None


def is_joined(beside: str, letter: str) -> bool:
    """Return whether a letter goes on with the character beside it, if there is one.

    `三五ｇで` is a quantity and a particle.
    """
    is_letter = beside.isalnum() or beside == "_"
    if not (is_letter and letter.isalnum()):
        return False
    return not (_joins_words(letter) or _joins_words(beside))


def _joins_words(letter: str) -> bool:
    """Return whether a letter is of a script without capitals, which may join words."""
    return letter.isalpha() and letter.lower() == letter.upper()


def _places_of(quote: str, source: str) -> Iterator[tuple[int, int]]:
    """Yield each position of `quote` in `source`."""
    needle = for_comparing(quote)
    if not needle:
        return
    haystack, origins = _compared_with_origins(source)
    position = haystack.find(needle)
    while position >= 0:
        end = origins[position + len(needle) - 1] + 1
        # what belongs to the last character: combining marks and soft hyphens
        while end < len(source):
            following = source[end]
            if not unicodedata.combining(following) and following != "\u00ad":
                break
            end += 1
        yield origins[position], end
        position = haystack.find(needle, position + 1)


# --- as Anki stores it, as a terminal and a page show it ------------------------------

_UNWANTED = regex("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"))

BIDI_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Bidirectional controls, as the inside of a character class."""
_BIDI = regex(f"[{BIDI_CONTROLS}]")
_FIRST_STRONG_ISOLATE = "\u2068"
_POP_ISOLATE = "\u2069"
# All that a POP DIRECTIONAL ISOLATE closes.
_ISOLATES = frozenset("\u2066\u2067\u2068")
# Paragraph separators, which end every bidirectional run.
_PARAGRAPH = regex("([\n\r\x1c-\x1e\x85\u2029]+)")


def clean(text: str) -> str:
    """Return a text as Anki stores it: NFC, LF, no controls or noncharacters."""
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _UNWANTED.sub("", text))


def is_visible(text: str) -> bool:
    """Return whether a plain text has any visible character."""
    if text.isascii() and text.isprintable():
        return bool(text.strip())
    letters = clean(text)
    return any(unicodedata.category(letter) not in _INVISIBLE for letter in letters)


def isolated(text: str) -> str:
    """Isolate a text whose bidirectional controls would reorder its surroundings.

    Each paragraph with such a control is put between FIRST STRONG ISOLATE and POP
    DIRECTIONAL ISOLATE. Unmatched POP DIRECTIONAL ISOLATEs are removed.
    """
    if not _BIDI.search(text):
        return text
    return "".join(map(_isolated_paragraph, _PARAGRAPH.split(text)))


def _isolated_paragraph(paragraph: str) -> str:
    """Put a paragraph with bidirectional controls into an isolate; close others."""
    if not _BIDI.search(paragraph):
        return paragraph
    depth = 0
    parts_kept = list[str]()
    for sign in paragraph:
        if sign in _ISOLATES:
            depth += 1
        elif sign == _POP_ISOLATE:
            if not depth:
                continue
            depth -= 1
        parts_kept.append(sign)
    inside = "".join(parts_kept)
    return _FIRST_STRONG_ISOLATE + inside + _POP_ISOLATE * (depth + 1)


# --- shields --------------------------------------------------------------------------

# --- in our Markdown ------------------------------------------------------------------

# `5 and 10$`: an amount and words, without characters that only occur in formulas.
_AMOUNT = (
    r"\d[\d.,]*[ \t]+(?!mod\b)[^\W\d_]{2,}[ \t]+"
    r"(?:==(?!=)|\*\*(?!\*)|[^$\\^_{}=+<>*/|\n])*\$"
)
MATH = rf"\$(?![\s$]|{_AMOUNT})(?:\\[^\n]|[^$\\\n]){{1,2000}}+(?<!\s)\$(?!\d)"
"""`$maths$` on one line: no space inside the dollars, no digit after them, and not an
amount. It has an end soon: else a text of many `$` takes minutes."""

# Maths in other spellings: `\(…\)`, `\[…\]`, $`…`$ of GitLab, and an environment of TeX.
# What stands in brackets with backslashes may be words in brackets, as converters of web
# pages write them: `\[1\]`, `\(see below\)`. TeX has a command, a raised or lowered sign, or
# no word beside its signs.
_TEX = r"(?>\\\\|(?!\\[()\[\]]|\n[ \t>]*\n|`)[^$])"
_HAS_SIGN = (
    rf"(?={_TEX}{{0,2000}}?(?:\\[A-Za-z]|(?<![(\[])\^|(?<![^\W_]{{2}})(?<!\\)_[\w{{]))"
)
_HAS_NO_WORD = rf"(?!{_TEX}{{0,2000}}?[^\W\d_]{{4}})"
_IS_OPERATION = rf"{_HAS_NO_WORD}(?:(?=[ \t]*\n)|(?={_TEX}{{0,2000}}?[=+]))"
_ENVIRONMENTS = (
    "equation|align|alignat|flalign|gather|multline|eqnarray|displaymath|math|array|cases"
    "|split|aligned|gathered|[pbBvV]?matrix|smallmatrix"
)
OTHER_MATHS = rf"""(?:
    \\\((?:{_HAS_SIGN}|{_HAS_NO_WORD})(?P<tex>{_TEX}{{1,2000}}?)\\\)(?P<digits>\d*)
    |\\\[(?:{_HAS_SIGN}|{_IS_OPERATION})(?P<tex_display>{_TEX}{{1,4000}}?)\\\](?!\\\])
    |\$`(?P<tex_ticks>[^`\n$]+)`\$(?!\d)
    |(?P<environment>\\begin\{{(?P<env>(?:{_ENVIRONMENTS})\*?)\}}
      (?:(?!\$|\n[ \t>]*\n)[\s\S]){{1,4000}}?\\end\{{(?P=env)\}})
)"""
"""Maths in a spelling that is not ours, for verbose expressions; see `in_dollars`."""
_OTHER_MATHS = regex(rf"(?xm)(?P<kept>\\\\|`[^`\n]*`|\$\$[^$]+\$\$|{MATH})|{OTHER_MATHS}")
_WRAPPER = regex(r"\\(?:begin|end)\{(?:displaymath|math)\}")


def in_dollars(maths: re.Match[str]) -> str:
    """Return a match of `OTHER_MATHS` as our Markdown writes it, maybe over several lines."""
    if maths["tex"]:
        # no digit may follow the closing dollar
        return f"${maths['tex'].strip()}{maths['digits']}$"
    if maths["tex_ticks"]:
        return f"${maths['tex_ticks'].strip()}$"
    body = _WRAPPER.sub("", maths["tex_display"] or maths["environment"])
    return f"$${body}$$"


def with_dollars(text: str, change: Callable[[str], str] = str) -> str:
    """Return a text in which all maths in brackets stands between dollars.

    `change` is applied to the text around it.
    """
    if "\\" not in text and "$`" not in text:
        return change(text)
    parts = list[str]()
    done = 0
    for maths in _OTHER_MATHS.finditer(text):
        if maths["kept"]:
            continue
        parts.append(change(text[done : maths.start()]))
        parts.append(in_dollars(maths).replace("\n", " "))
        done = maths.end()
    parts.append(change(text[done:]))
    return "".join(parts)


_SHIELD = regex(
    rf"""(?mx)
      (?P<escape>\\[!-/:-@\[-`{{-~])
    # a fence ends with a line of its own mark
    | (?P<fence>
        ^[ ]{{0,3}}(?P<mark>`{{3,}}(?=[^`\n]*\n)|~{{3,}})[^\n]*\n
        (?:[^\n]*\n)*?
        [ ]{{0,3}}(?P=mark)[`~]*[ \t]*$)
    # code ends with as many backticks as it began with
    | (?P<code>
        (?<!`)(?P<tick>`+)(?!`)
        [^`]*(?:(?!(?<!`)(?P=tick)(?!`))`+[^`]*)*
        (?P=tick)(?!`))
    | (?P<display>\$\$[^$]+\$\$)
    | (?P<math>{MATH})
    """
)
_SIGN = regex(r"[\\`~$]")

Shield = tuple[int, int, str]
"""(start, end, "escape" | "fence" | "code" | "display" | "math")."""


def shields(markdown: str) -> list[Shield]:
    """Return escapes, code and maths in order.

    No cloze or emphasis begins or ends inside them.

    An unpaired `$` or backtick is an ordinary character.
    """
    if not _SIGN.search(markdown):
        return []
    # an outer group ends after those inside it, and is the last
    found = _SHIELD.finditer(markdown)
    return [(*match.span(), match.lastgroup or "") for match in found]


def outside(markdown: str, change: Callable[[str], str]) -> str:
    """Apply `change` to the text outside escapes, code and maths."""
    parts = list[str]()
    done = 0
    for start, end, _ in shields(markdown):
        parts.append(change(markdown[done:start]))
        parts.append(markdown[start:end])
        done = end
    parts.append(change(markdown[done:]))
    return "".join(parts)


# --- in the text of a source ----------------------------------------------------------

_CODE = r"`[^`\n]*`"
# Any two dollars on a line: where only words count, nothing is lost with an amount.
_BETWEEN_DOLLARS = r"\$[^$\n]*\$"
# The same, unless the first dollar begins an amount, `$5`, whose number counts.
_FORMULA = r"\$(?=[^\s\d])[^$\n]*\$"
_ADDRESS = r"https?://\S+"
_NO_WORDS = regex(f"{_CODE}|{_BETWEEN_DOLLARS}|{_ADDRESS}")
_NO_NUMBERS = regex(f"{_CODE}|{_FORMULA}")


def words_alone(text: str) -> str:
    """Return a text with a blank for code, addresses, and formulas between dollars."""
    return _NO_WORDS.sub(" ", text)


def without_formulas(text: str) -> str:
    """Return a text with a blank for each piece of code and each formula.

    Amounts stay.
    """
    return _NO_NUMBERS.sub(" ", text)


def without_escapes(markdown: str) -> str:
    """Return the text without the backslashes of escapes, for a person; code and maths stay."""
    parts: list[str] = []
    done = 0
    for start, _, kind in shields(markdown):
        if kind == "escape":
            parts.append(markdown[done:start])
            done = start + 1
    parts.append(markdown[done:])
    return "".join(parts)
