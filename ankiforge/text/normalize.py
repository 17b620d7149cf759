"""Normalize text for comparison, search and display, and find code and maths in it.

Each purpose has its own normal form: `normalize_for_lookup` for keys and candidates,
`normalize_for_comparison` for typed or quoted text, `normalize_for_search` for the search index.
Keys and anchors depend on the first two (tests/keys/keys.md). A *literal* is an escape, code or
maths, in which nothing counts as markup or words. `find_literal_spans` parses our Markdown
exactly. In source text, code and maths can only be guessed, because `$` may begin an amount.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache

from ankiforge.text import regex

_ASCII_NON_ALPHANUMERICS = bytes(code for code in range(128) if not chr(code).isalnum())
_WHITESPACE = regex(r"\s+")
UNEVEN_WHITESPACE = regex(r"\s(?:(?<= )\s+|(?<! )\s*)")
"""Matches whitespace other than a single space."""
_PLAIN_BY_TYPOGRAPHIC = (
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    # the two noncharacters enclose asides in the text of HTML pages
    | dict.fromkeys("\u00ad\ufdd0\ufdd1", "")
)
_TYPOGRAPHIC = regex(f"[{''.join(_PLAIN_BY_TYPOGRAPHIC)}]")


def fold_alphanumerics(text: str) -> str:
    r"""Reduce text to casefolded letters and digits: NFKC, casefold, delete `[\W_]+`."""
    if text.isascii():
        return text.lower().encode().translate(None, _ASCII_NON_ALPHANUMERICS).decode()
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(filter(str.isalnum, folded))


@lru_cache(maxsize=4096)  # called six times per passage in a run
def normalize_for_lookup(text: str) -> str:
    """Normalize text for keys by reducing it to case-folded letters and digits.

    Text without letters or digits is normalized to NFC without whitespace. Don't use this for
    comparisons, as it can't tell C++ from C; use `is_same_text` instead.
    """
    return fold_alphanumerics(text) or _WHITESPACE.sub(
        "", unicodedata.normalize("NFC", text)
    )


_MAX_TAG_CHARS = 40
_WORD_CATEGORIES = ("L", "M", "N")
"""The Unicode categories of letters, their combining marks, and numbers."""


@lru_cache(maxsize=1024)  # all notes of a document share its tag
def build_document_tag(title: str) -> str:
    """Build the Anki tag for a document, or return "" if its title has no letter or digit.

    The words of the title are joined by hyphens, as in `ankiforge::doc::attention-is-all-you-need`.
    Long titles are truncated after a word of more than three characters.
    """
    folded = unicodedata.normalize("NFKC", title).casefold()
    text = ""
    for char in re.sub("['’]", "", folded):
        if unicodedata.category(char).startswith(_WORD_CATEGORIES):
            text += char
        else:
            text += " "
    words = filter(fold_alphanumerics, text.split())
    slug = "-".join(words)
    if not slug:
        return ""
    if len(slug) > _MAX_TAG_CHARS:
        slug = _truncate_slug(slug)
    return f"ankiforge::doc::{slug}"


def _truncate_slug(slug: str) -> str:
    """Truncate hyphenated words after a word of more than three characters.

    If there is none, cut off the rest.
    """
    whole_words = slug[: _MAX_TAG_CHARS + 1].rpartition("-")[0]
    without_short_words = re.sub(r"(?:-[^-]{1,3})+$", "", whole_words)
    return without_short_words or slug[:_MAX_TAG_CHARS]


@lru_cache(maxsize=1024)  # many checks use the same passage
def normalize_for_comparison(text: str) -> str:
    """Normalize case, whitespace and typography. `is_same_text` compares texts in this form."""
    if text.isascii():  # ASCII has no typographic characters and no variants of letters
        return " ".join(text.lower().split())
    return normalize_keeping_outer_spaces(text).strip()


def normalize_keeping_outer_spaces(text: str) -> str:
    """Normalize text like `normalize_for_comparison`, but keep a space at either end."""
    if text.isascii():  # ASCII has no typographic characters and no variants of letters
        return UNEVEN_WHITESPACE.sub(" ", text.lower())
    text = unicodedata.normalize("NFKC", normalize_typography(text))
    return UNEVEN_WHITESPACE.sub(" ", normalize_typography(text.casefold()))


def normalize_typography(text: str) -> str:
    """Replace typographic quotes and dashes with ASCII, and drop soft hyphens."""
    return _TYPOGRAPHIC.sub(lambda match: _PLAIN_BY_TYPOGRAPHIC[match[0]], text)


def is_same_text(a: str, b: str) -> bool:
    """Return whether two texts differ at most in case, whitespace, and typography.

    Typography means soft hyphens and the style of quotes and dashes.
    """
    return normalize_for_comparison(a) == normalize_for_comparison(b)


def contains_text(text: str, part: str) -> bool:
    """Return whether `part` occurs in `text`, ignoring case, whitespace and typography."""
    return normalize_for_comparison(part) in normalize_for_comparison(text)


# --- search index ---------------------------------------------------------------------

# Accents of Latin, Greek and Cyrillic letters (except that of й, which is a letter of its own), and
# the vowel points of Hebrew and Arabic, which are optional. In other scripts, such marks make a
# different letter.
_ACCENTS = regex(
    "(?<=[A-Za-z\u0370-\u03ff])[\u0300-\u036f]+|(?<=[\u0400-\u04ff])[\u0300\u0301\u0308]+"
    "|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]+"
)
_POWER = regex(r"(?<=\w)\^\{?(\d+)\}?")
UNSPACED_SCRIPTS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
"""The scripts that have no spaces between words or join particles to words, as ranges for a
character class.
"""
# Letters that Unicode doesn't decompose, with the base letters that users type instead.
_BASE_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"}
)


def normalize_for_search(text: str) -> str:
    """Normalize text to the form in which the search index stores it.

    Drops case and accents. Puts spaces around each character of a script without spaces, so that
    it is indexed as a word.
    """
    text = _POWER.sub(r"\1", text.replace("\u00ad", "").replace("\0", " "))
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    # Unicode's definition of caseless matching decomposes again after `casefold`
    decomposed = unicodedata.normalize("NFKD", decomposed)
    # accents that make a different letter stay, and are composed with it
    without_accents = unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))
    base_letters = without_accents.translate(_BASE_LETTERS)
    return re.sub(f"([{UNSPACED_SCRIPTS}])", r" \1 ", base_letters)


# --- for Anki, terminals and pages ----------------------------------------------------

_REMOVED_CHARS = regex("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_INVISIBLE_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"))

BIDI_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Bidirectional controls, as ranges for a character class."""
_BIDI = regex(f"[{BIDI_CONTROLS}]")
_FIRST_STRONG_ISOLATE = "\u2068"
_POP_ISOLATE = "\u2069"
# The characters that begin an isolate, which a POP DIRECTIONAL ISOLATE ends.
_ISOLATES = frozenset("\u2066\u2067\u2068")
# Paragraph separators, which end all bidirectional runs.
_PARAGRAPH_END = regex("([\n\r\x1c-\x1e\x85\u2029]+)")


def normalize_for_anki(text: str) -> str:
    """Normalize text to the form in which Anki stores it.

    This is NFC with LF line breaks, without control characters and noncharacters.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _REMOVED_CHARS.sub("", text))


def has_visible_text(text: str) -> bool:
    """Return whether plain text contains at least one visible character."""
    if text.isascii() and text.isprintable():
        return bool(text.strip())
    chars = normalize_for_anki(text)
    return any(unicodedata.category(char) not in _INVISIBLE_CATEGORIES for char in chars)


def isolate_bidi(text: str) -> str:
    """Isolate text so that any bidi controls in it can't reorder the surrounding text.

    Wraps each paragraph that contains bidi controls in FIRST STRONG ISOLATE and POP
    DIRECTIONAL ISOLATE, and drops unmatched POP DIRECTIONAL ISOLATEs.
    """
    if not _BIDI.search(text):
        return text
    return "".join(map(_isolate_paragraph, _PARAGRAPH_END.split(text)))


def _isolate_paragraph(paragraph: str) -> str:
    if not _BIDI.search(paragraph):
        return paragraph
    depth = 0
    kept_chars = list[str]()
    for char in paragraph:
        if char in _ISOLATES:
            depth += 1
        elif char == _POP_ISOLATE:
            if not depth:
                continue
            depth -= 1
        kept_chars.append(char)
    content = "".join(kept_chars)
    return _FIRST_STRONG_ISOLATE + content + _POP_ISOLATE * (depth + 1)


# --- literals -------------------------------------------------------------------------

# --- in our Markdown ------------------------------------------------------------------

# An amount and words, without characters that only occur in formulas, as in `$5 and 10$`.
_AMOUNT = (
    r"\d[\d.,]*[ \t]+(?!mod\b)[^\W\d_]{2,}[ \t]+"
    r"(?:==(?!=)|\*\*(?!\*)|[^$\\^_{}=+<>*/|\n])*\$"
)
MATH_PATTERN = rf"\$(?![\s$]|{_AMOUNT})(?:\\[^\n]|[^$\\\n]){{1,2000}}+(?<!\s)\$(?!\d)"
"""Matches maths in dollars on one line, `$maths$`. It has no space next to either dollar, isn't
followed by a digit, and isn't an amount of money. The length is limited because text with many `$`
would otherwise take minutes.
"""

# Maths in other notations: `\(…\)`, `\[…\]`, GitLab's $`…`$, and TeX environments. Programs that
# convert web pages also put backslashes before ordinary brackets, as in `\[1\]` or `\(see below\)`.
# So the text between the brackets only counts as TeX if it contains a command, a superscript or a
# subscript, or no words.
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
OTHER_MATH_PATTERN = rf"""(?:
    \\\((?:{_HAS_SIGN}|{_HAS_NO_WORD})(?P<tex>{_TEX}{{1,2000}}?)\\\)(?P<digits>\d*)
    |\\\[(?:{_HAS_SIGN}|{_IS_OPERATION})(?P<tex_display>{_TEX}{{1,4000}}?)\\\](?!\\\])
    |\$`(?P<tex_ticks>[^`\n$]+)`\$(?!\d)
    |(?P<environment>\\begin\{{(?P<env>(?:{_ENVIRONMENTS})\*?)\}}
      (?:(?!\$|\n[ \t>]*\n)[\s\S]){{1,4000}}?\\end\{{(?P=env)\}})
)"""
"""Matches maths in other notations than ours, as part of a verbose regular expression.
`match_to_dollar_math` converts the matches.
"""
_OTHER_MATHS = regex(
    rf"(?xm)(?P<kept>\\\\|`[^`\n]*`|\$\$[^$]+\$\$|(?!\$`){MATH_PATTERN})|{OTHER_MATH_PATTERN}"
)
_WRAPPER = regex(r"\\(?:begin|end)\{(?:displaymath|math)\}")


def match_to_dollar_math(match: re.Match[str]) -> str:
    """Convert a match of `OTHER_MATH_PATTERN` to math in dollar signs, keeping line breaks."""
    if match["tex"]:
        # no digit may follow the closing dollar
        return f"${match['tex'].strip()}{match['digits']}$"
    if match["tex_ticks"]:
        return f"${match['tex_ticks'].strip()}$"
    body = _WRAPPER.sub("", match["tex_display"] or match["environment"])
    return f"$${body}$$"


def convert_to_dollar_math(text: str, change: Callable[[str], str] = str) -> str:
    """Convert math in other notations, e.g. LaTeX's or GitLab's, to math in dollar signs.

    `change` is applied to the text between formulas.
    """
    if "\\" not in text and "$`" not in text:
        return change(text)
    parts = list[str]()
    position = 0
    for match in _OTHER_MATHS.finditer(text):
        if match["kept"]:
            continue
        parts.append(change(text[position : match.start()]))
        parts.append(match_to_dollar_math(match).replace("\n", " "))
        position = match.end()
    parts.append(change(text[position:]))
    return "".join(parts)


_LITERAL = regex(
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
    | (?P<math>{MATH_PATTERN})
    """
)
_LITERAL_CHAR = regex(r"[\\`~$]")

LiteralSpan = tuple[int, int, str]
"""(start, end, kind), where kind is "escape", "fence", "code", "display" or "math"."""


def find_literal_spans(markdown: str) -> list[LiteralSpan]:
    """Find all escapes, code and math in a Markdown text, in order.

    Their content is literal, so no cloze deletion or emphasis starts or ends in it. An unpaired
    `$` or backtick is an ordinary character.
    """
    if not _LITERAL_CHAR.search(markdown):
        return []
    # `lastgroup` is the outer group, because it ends after its inner groups
    matches = _LITERAL.finditer(markdown)
    return [(*match.span(), match.lastgroup or "") for match in matches]


def split_at_literal_spans(markdown: str) -> Iterator[tuple[str, str, str]]:
    """Split a Markdown text at its escapes, code and math.

    Yields:
        (text before, literal, kind) for each of these literals, and finally
        (remaining text, "", "").
    """
    position = 0
    for start, end, kind in find_literal_spans(markdown):
        yield markdown[position:start], markdown[start:end], kind
        position = end
    yield markdown[position:], "", ""


def map_outside_literal_spans(markdown: str, change: Callable[[str], str]) -> str:
    """Apply `change` to all parts of a Markdown text except escapes, code and math."""
    parts: list[str] = []
    for text, literal, _ in split_at_literal_spans(markdown):
        parts.append(change(text))
        parts.append(literal)
    return "".join(parts)


# --- in the text of a source ----------------------------------------------------------

# Code, URLs and formulas. A first dollar before a digit begins an amount such as `$5`.
_NON_WORDS = regex(r"`[^`\n]*`|https?://\S+|\$(?=[^\s\d])[^$\n]*\$")


def blank_out_code_and_urls(text: str) -> str:
    """Replace each URL, formula and piece of code with a space. Amounts such as `$5` stay."""
    return _NON_WORDS.sub(" ", text)


def remove_escapes(markdown: str) -> str:
    """Remove the backslashes of escapes, for display. Code and math are left unchanged."""
    parts: list[str] = []
    for text, literal, kind in split_at_literal_spans(markdown):
        parts.append(text)
        if kind == "escape":
            literal = literal[1:]
        parts.append(literal)
    return "".join(parts)
