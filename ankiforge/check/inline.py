"""Decide whether a line `front::back` is certainly a card, or may be metadata, prose or code.

If in doubt, the card waits for a person, who can decide in a second. A line in a dialect named in the
settings is a card unless it is code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from urllib.parse import unquote

from ankiforge.check.rules import Context, found
from ankiforge.check.words import alternatives, listed
from ankiforge.model import Draft, Finding, Form, Highlight, HighlightKey
from ankiforge.text.fold import fold
from ankiforge.text.markdown import plain

_words = partial(listed, "inline")
_any_of = partial(alternatives, "inline")
_SEPARATOR = re.compile(r"(?<!:):{2,3}(?!:)")
_FORMS = (Form.INLINE, Form.INLINE_FIELD)


@dataclass(frozen=True, slots=True)
class Line:
    """A line with `::` or `:::`, as plain text."""

    front: str
    back: str
    blank_before: bool
    blank_after: bool
    three: bool
    """Whether it is `:::`."""

    @property
    def like_a_field(self) -> bool:
        """Whether it has the spacing of a Dataview field: `name:: value`."""
        return self.blank_after and not self.blank_before and not self.three

    @property
    def tight(self) -> bool:
        """Whether it has no blanks around the colons: `front::back`."""
        return not (self.blank_after or self.blank_before)


def line_of(highlight: Highlight) -> Line | None:
    """Return the line of a card; None if it was not written as a line."""
    if highlight.form not in _FORMS:
        return None
    exact, sides = highlight.exact, highlight.markdown
    colons = list(_SEPARATOR.finditer(exact))
    fitting = [one for one in colons if len(one[0]) == 2 + highlight.two_way] or colons
    if not fitting:
        if len(sides) < 2:
            return None
        return Line(plain(sides[0]), plain(sides[1]), True, True, highlight.two_way)
    asked = _letters(plain(sides[0])) if len(sides) > 1 else None
    same = (one for one in fitting if _letters(exact[: one.start()]) == asked)
    sign = next(same, fitting[0])
    front, back = exact[: sign.start()], exact[sign.end() :]
    return Line(
        front.strip(), back.strip(), front[-1:].isspace(), back[:1].isspace(), len(sign[0]) == 3
    )


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


class Names:
    """The fronts and backs of the lines `front::back` in all notes."""

    def __init__(self, highlights: Iterable[Highlight] = ()) -> None:
        """`highlights` are read at the first lookup, because few drafts are such lines."""
        self._highlights = highlights

    @cached_property
    def _lines(self) -> dict[tuple[str, str], dict[HighlightKey, str]]:
        found: dict[tuple[str, str], dict[HighlightKey, str]] = {}
        for highlight in self._highlights:
            if line := line_of(highlight):
                found.setdefault(_name(highlight, line), {})[highlight.key] = fold(line.back)
        return found

    def recurs(self, highlight: Highlight, line: Line, *, asks: bool) -> int:
        """Return how often a front occurs in its source; 0 if that does not indicate a field.

        A repeated line may be a copied card, and a question may have two answers. A name with several
        values, or one that occurs often, is a field.
        """
        lines = self._lines.get(_name(highlight, line), {}) | {highlight.key: fold(line.back)}
        values, places = len(set(lines.values())), len(lines)
        if asks:
            return places if values > _ANSWERS else 0
        copies = 1 if line.like_a_field else _COPIES
        return places if values > 1 or (places > copies and not line.three) else 0


_ANSWERS = 2
"""A question with more answers is a prompt of a diary."""
_COPIES = 2
"""How often the same card may occur."""


def _name(highlight: Highlight, line: Line) -> tuple[str, str]:
    return highlight.namespace, fold(line.front)


# --- the decision ------------------------------------------------------------------------------

_METADATA = "it may be metadata"


def inline_field(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find lines `front::back` that may not be cards."""
    highlight = context.highlight
    if highlight.form in _FORMS:
        line = line_of(highlight)
        doubt = _doubt(line, highlight, context.names or Names()) if line else ""
        if doubt or highlight.form is Form.INLINE_FIELD:
            yield found("inline_field", doubt or _METADATA)


def _doubt(line: Line, highlight: Highlight, names: Names) -> str:
    """Return why a line may not be a card; "" if nothing indicates that."""
    if highlight.form is Form.INLINE_FIELD and highlight.exact.count("::") > 1:
        return "it contains several"
    if _is_code(line):
        return "it may belong to code"
    if highlight.declared:
        return ""
    if _unbalanced(line.front):
        return "it is within brackets"
    asks = _asks(line.front)
    if _is_prose(line, asks):
        return "it may be part of a sentence"
    if not (line.three or asks):
        cards = _among_cards(highlight)
        kind = _kind_of_value(line, highlight)
        if kind and _is_value_of_field(line, kind, cards):
            return f"its value is {kind}, {_METADATA}"
        if _is_field(line, cards):
            return _METADATA
    times = names.recurs(highlight, line, asks=asks)
    return f"the same name occurs in {times} places, {_METADATA}" if times else ""


# --- questions ------------------------------------------------------------------------------

_QUESTION_MARK = re.compile(r"[?？؟]\W*(?:\([^()]*\)\W*)?$")
_ASKING = _words("asking")
_ASKING_WITHIN = re.compile(rf"\b(?:{_any_of('asks_within')})\b", re.IGNORECASE)
_ASKING_IN_CJK = re.compile(
    "什么|甚麼|什麼|哪|谁|誰|为何|为什么|為什麼|如何|怎|多少|几个|吗|何|なぜ|どう|どこ|いつ|무엇|왜|어떻게"
)
_BEFORE_WORDS = re.compile(r"^[\s¿¡\"“”„«‘'(*_#>–-]*(?:\(?\d{1,3}[.)]\s*)?[¿\"“„«‘'(*_]*")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def _asks(front: str) -> bool:
    """Return whether a front is a question, or asks to name or explain something."""
    if any(one.search(front) for one in (_QUESTION_MARK, _ASKING_IN_CJK)):
        return True
    if _ASKING_WITHIN.search(front) and len(front.split()) > 2:
        return True
    first = _WORD.match(front, _BEFORE_WORDS.match(front).end())  # type: ignore[union-attr]
    if first is None or len(front.split()) == 1:
        return False
    word = first[0].casefold().replace("’", "'")
    return word in _ASKING or word.partition("'")[0] in _ASKING


# --- code -----------------------------------------------------------------------------------

_NAMESPACES = _words("namespaces")
_TYPE = (
    r"(?:[A-Z][\w.']*|[a-z]\b|\(\)|\[+[\w\s.']+\]+|\([^()]{1,60}\))"
    r"(?:\s+(?:[A-Z][\w.']*|[a-z]\b|\[+[\w\s]+\]+|\([^()]{1,60}\)))*"
)
_SIGNATURE = re.compile(rf"^(?:∀|forall\b)|^{_TYPE}\s*(?:->|→|=>|⇒)\s*(?:{_TYPE}|…)")
_ARROW = re.compile("->|→|=>|⇒")
_PLAIN_TYPE = re.compile(
    r"^\[*(?:(?:Maybe|IO|Either|Ratio|Set|Map)\s+)*"
    r"(?:Int|Integer|Bool|String|Char|Float|Rational|ByteString|Num)\b[\s\w\[\]]{0,20}$"
    r"|^IO\s*\(\)$"
)
_NAMED = re.compile(r"^(?:\([^\w\s]{1,5}\)|[a-z_][\w']*)$", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*(?:<[^<>]*>)?$", re.ASCII)
_BEGINS_NAME = re.compile(r"~?[A-Za-z_]\w*", re.ASCII)
_CAMEL = re.compile(r"[A-Za-z]*[a-z][A-Z]\w*$", re.ASCII)
_CALLED = re.compile(r"\w\w\(")
_QUERY = re.compile(r"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|ALTER TABLE|CREATE TABLE)\s")
_USES = _words("uses")
_HEX = re.compile(r"[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4})*$")
_HEX_AFTER = re.compile(r"[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4})*(?:[/%]\w+)?(?![\w])|/\d")
_OF_PROGRAMS = re.compile(rf"\b(?:{_any_of('of_programs')})\b", re.IGNORECASE)


def _is_code(line: Line) -> bool:
    """Return whether the colons join names, declare a type, or belong to an address."""
    front, back = line.front, line.back
    if _QUESTION_MARK.search(front) or not front or not back:
        return False
    left, right = front.split()[-1], back.split()[0]
    if line.three:
        return False
    if back[0] == "=" and line.tight:
        return True  # `::=` of a grammar
    if not line.tight:
        return _declares(line, left, right)
    if back.rstrip().endswith("?") or left[-1] in "]<>&" or left.endswith("()"):
        return True
    if (_joins_hex(left, right) and not _SUM.search(front)) or _QUERY.match(front):
        return True
    if left[-1] == "$" and front.count("$") % 2:  # `$::x`, not the end of a formula
        return True
    if not _IDENTIFIER.search(left) or not _BEGINS_NAME.match(right):
        return right.startswith(("<", "~", "*", "__", "{"))
    return _joins_names(line, left.lstrip("(\"'“`"), right)


def _declares(line: Line, left: str, right: str) -> bool:
    """Return whether colons with blanks are code: `f :: Int -> Int`, `std :: vector`, `include ::sudo`."""
    front, back = line.front, line.back
    named = _NAMED.match(front)
    names = bool(_BEGINS_NAME.match(right))
    signature = _SIGNATURE.match(back)
    sure = named or len(_ARROW.findall(back)) > 1
    return bool(
        (signature and (sure or signature.end() == len(back)))
        or (left in _NAMESPACES and names)
        or (line.blank_before and not line.blank_after and (names or right[0].isdigit()))
        or (named and _PLAIN_TYPE.match(back))
        or (re.fullmatch(r"[a-z]\w?", left, re.ASCII) and _PLAIN_TYPE.match(right))
        or (
            _IDENTIFIER.fullmatch(front)
            and re.match(r"[A-Za-z_]\w*\(|[a-z]+[A-Z]\w*$", right, re.ASCII)
        )
    )


def _joins_hex(left: str, right: str) -> bool:
    """Return whether the colons are in an IPv6 address: `fe80::1`, `2001:db8::/32`."""
    return (
        _HEX.fullmatch(left) is not None
        and _HEX_AFTER.match(right) is not None
        and any(map(str.isdigit, left + right))
        and not (left.isdigit() and not right[0].isdigit())
    )


def _joins_names(line: Line, left: str, right: str) -> bool:
    """Return whether the colons join names: `Foo::bar()`, not `Osmosis::movement of water`."""
    front, back, last = line.front.split(), line.back.split(), right.strip(".,;")
    lower, capital = right[0].islower(), left[0].isupper()
    several, goes_on = len(front) > 1, len(back) > 1
    if left in _NAMESPACES or "::" in line.back or "_" in right or "__" in left:
        return True
    if re.match(r"\w[\w.]+[(<;{]|\w[<;{]", right) or _CAMEL.fullmatch(right.rstrip(".,;:")):
        return True
    if line.back.rstrip().endswith((";", "{", "});")) or " { " in line.back:
        return True
    if lower and _CALLED.search(f"{line.front} {line.back}"):
        return True
    if last in ("new", "class") and (capital or not goes_on):
        return True
    if front[0].casefold() in _ARTICLES and capital and right[0].isupper() and len(back) > 2:
        return True
    of_programs = _OF_PROGRAMS.search(line.front) or _OF_PROGRAMS.search(line.back)
    return several and bool(
        (lower and _CAMEL.fullmatch(left))
        or (capital and last.isupper() and goes_on)
        or (of_programs and (lower or capital))
        or (capital and front[-2].casefold() in _USES)
    )


# --- prose ----------------------------------------------------------------------------------

_ARTICLES = _words("articles")
_LEADS_ON = _ARTICLES | _words("leads_on")
_COLONS = _words("colons")
_GOES_ON = re.compile(rf"(?:{_any_of('goes_on')})(?=\s)")
_COPULA = re.compile(rf"\b(?:{_any_of('copula')})\b", re.IGNORECASE)
_RELATIVE = re.compile(rf"\b(?:{_any_of('relative')})\b", re.IGNORECASE)
_FILLED_IN = re.compile(rf"\b(?:{_any_of('filled_in')})$", re.IGNORECASE)
_PREPOSITIONS = _words("prepositions")
_LONG = 14
"""The maximum number of words of a front that is not a question; longer ones are sentences."""
_QUOTES = "\"'“”‘’«»`"
_STOPS = re.compile(r"^[,.;:!?)\]}、。，；](?![\w$])[^\w\s]*(?:\s+\S|$)")


def _is_prose(line: Line, asks: bool) -> bool:
    """Return whether `::` is inside a sentence."""
    front, back = line.front, line.back
    if _QUESTION_MARK.search(front) or not front or not back:
        return False
    words = front.split()
    last, first = words[-1].strip("\"'“”‘’„«»()*_`,.").casefold(), back.split()[0]
    if _STOPS.match(back) or (front[-1] in _QUOTES and back[0] in _QUOTES):
        return True
    if _ratio(line, words[-1], first):
        return True
    spaced = line.blank_before
    if asks:
        return False
    bare = last.rpartition("'")[2].rpartition("’")[2]
    if spaced and (_GOES_ON.match(back) or (bare in _COLONS and len(words) > 1)):
        return True
    if not line.three and (len(words) > _LONG or words[-2:-1] in (["that"], ["which"])):
        return True
    copula = list(_COPULA.finditer(front))
    stated = bool(copula) and not line.three and not _RELATIVE.search(front[: copula[0].start()])
    if stated and copula[0].start() > 0:
        told = front[copula[-1].end() :].strip(" .,…_")
        if bare in _LEADS_ON and first in _PREPOSITIONS:
            return True
        return bool(told) and not _FILLED_IN.search(front.rstrip(" .…_"))
    if spaced and not line.three and len(words) > 1 and bare in _LEADS_ON and not copula:
        return _begins_sentence(words)
    if spaced and words[0].casefold() in _ARTICLES and back[-1] == ".":
        # `the ratio a :: b was 2.`
        return _COPULA.fullmatch(" ".join(back.split()[1:2])) is not None
    return re.search("[，；。]", front) is not None


def _begins_sentence(words: list[str]) -> bool:
    """Return whether it is a sentence as `See the :: operator`, not a phrase as `Get along with :: …`."""
    return words[-1].casefold() in _ARTICLES or len(words) > 4


_NUMBER_ENDS = re.compile(r"(?:^|[\s(])\d[\d.,]*$")
_SUM = re.compile(r"[-+*/×·÷^=√∑!%]|\d\s*x\s*\d")


def _ratio(line: Line, last: str, first: str) -> bool:
    """Return whether the colons form a ratio: `a ratio of 3 :: 4`."""
    if not (last[-1:].isdigit() and first[:1].isdigit()) or _SUM.search(line.front):
        return False
    words = line.front.split()
    return _NUMBER_ENDS.search(line.front) is not None and (
        len(words) > 1 or len(line.back.split()) > 1 or line.blank_before
    )


_BRACKETS = ("()", "[]", "{}", "（）", "［］", "【】", "「」", "『』")
_SPARED = re.compile(r"`[^`]*`|\$[^$]*\$|[:;]-?[()]|^\(?\w{1,3}\)")


def _unbalanced(front: str) -> bool:
    """Return whether the front has an unclosed bracket."""
    plain = _SPARED.sub("", front)
    return any(plain.count(opens) > plain.count(closes) for opens, closes in map(tuple, _BRACKETS))


# --- fields ---------------------------------------------------------------------------------

_NUMBER = re.compile(
    r"[~≈<>≤≥±]?\s*[-+−]?[\d][\d.,\s]*(?:\s?[%‰°€$£¥]|\s?[^\W\d_]{1,8}\.?)?|[€$£¥]\s?[\d.,]+"
)
_RATING = re.compile(
    r"\d+(?:[.,]\d+)?\s*(?:/|von|of|out of|su|de|sur)\s*\d+|[⭐★☆✅❌✔✖✓✗☑🟩🟥🟨🔥❤️\s]+"
)
_CHECKBOX = re.compile(r"\[[ xX/-]?\]")
_DATE_CORE = r"(?:\d{4}[-./]\d{1,2}(?:[-./]\d{1,2})?|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})"
_DAY = r"[^\W\d_]{2,12}\.?,?"
_DATE = re.compile(
    rf"(?:{_DAY}\s+)?{_DATE_CORE}(?:[T\s]+\d{{1,2}}:\d{{2}}(?::\d{{2}})?\S*)?(?:,?\s+{_DAY})?"
    rf"|(?:{_DAY}\s+)?\d{{1,2}}(?:\.|st|nd|rd|th|º)?\s+(?:de\s+)?[^\W\d_]{{3,12}}\.?,?\s+(?:de\s+)?\d{{4}}"
    r"|[^\W\d_]{3,12}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4}"
    r"|\d{4}-?W\d{1,2}"
)
_TIME = re.compile(
    r"\d{1,2}[:h]\d{2}(?::\d{2})?(?:\s?[ap]\.?m\.?)?(?:\s*[-–]\s*\d{1,2}[:h]\d{2}(?:\s?[ap]\.?m\.?)?)?"
    r"|\d{1,2}\s?[ap]m|(?:\d+\s?(?:h|hrs?|min|mins|m|s|d)\b\s?){1,3}",
    re.IGNORECASE,
)
_BOOLEANS = _words("booleans")
_URL = re.compile(
    r"(?:https?://|www\.|mailto:)\S+|[\w.+-]+@[\w-]+\.[\w.]+|(?:[\w-]+\.)+[a-z]{2,24}(?:[/?#]\S*)?",
    re.IGNORECASE,
)
_TAGS = re.compile(r"(?:#[^\s#]+[\s,]*)+")
_LINK = re.compile(r"!?\[\[[^\]]*\]\]|!?\[[^\]]*\]\([^)]*\)")
_MEASURES = _words("measures")
_FIELDS = _words("fields")
_DECLARATION = re.compile(r"(?:TARGET DECK|FILE TAGS)\b", re.IGNORECASE)
_YES_NO = _words("yes_no")
_LONG_NAME = 4
"""The number of words from which a front asks for the number after it."""


def _kind_of_value(line: Line, highlight: Highlight) -> str:
    """Return the kind of a value that is typical of fields, such as `a date`; "" for text."""
    value = line.back.strip("*_= ").rstrip(".")
    shown = highlight.markdown[1].strip() if len(highlight.markdown) > 1 else ""
    for kind, pattern in (
        ("a link", _URL), ("a time", _TIME), ("a date", _DATE), ("a rating", _RATING),
        ("a checkbox", _CHECKBOX), ("a number", _NUMBER), ("a tag", _TAGS),
    ):  # fmt: skip
        if value and pattern.fullmatch(value):
            return kind
    if value.casefold() in _BOOLEANS:
        return "yes or no"
    if shown and not _LINK.sub("", shown).strip(" ,;·|*_-"):
        return "a link"
    if highlight.links and _is_all_link(value, highlight):
        return "a link"
    return ""


def _is_all_link(value: str, highlight: Highlight) -> bool:
    """Return whether the value consists of the names of linked notes."""
    names = [re.split(r"file=|/", one)[-1] for one in highlight.links]
    known = {_folded(name) for name in names}
    parts = [_folded(part) for part in re.split(r"[,;]", value) if part.strip()]
    return bool(parts) and all(part in known for part in parts)


def _folded(name: str) -> str:
    return unquote(name).partition("#")[0].strip().casefold()


def _is_value_of_field(line: Line, kind: str, cards: bool) -> bool:
    words = [word.strip("*_()").casefold() for word in line.front.split()]
    if _SUM.search(line.front) and kind == "a number":
        return False
    if kind == "yes or no" and len(words) == 1 and words[0] in _YES_NO:
        return False
    if any(word in _MEASURES for word in words):
        return True
    if cards:
        return kind == "a link"
    if line.like_a_field or kind in ("a link", "a rating", "a checkbox", "yes or no", "a tag"):
        return True
    return len(words) < _LONG_NAME


_SHORT_VALUE = 3


def _is_field(line: Line, cards: bool) -> bool:
    """Return whether a line with a text as value looks like a field: `Next action:: call Bob`."""
    words = [word.strip("*_()").casefold() for word in line.front.split()]
    if _DECLARATION.match(line.front):
        return True
    capital = line.front[:1].isupper() or line.front[:1] in "*_"
    if len(words) == 1 and words[0] in _FIELDS and (capital or not line.blank_before):
        return True
    if cards or line.blank_before:
        return False
    if line.like_a_field and len(words) <= 3 and not _FIELDS.isdisjoint((*words[:1], *words[-1:])):
        return True
    coded = "`" in line.back or "$" in line.back
    short = len(line.back.split()) <= _SHORT_VALUE
    return line.like_a_field and len(words) <= _LONG_NAME and short and not coded


_HOLDS_CARDS = re.compile(
    r"(?:flash[-_ ]?)?cards?|flashcards?|anki|srs|spaced[-_ ]?repetition|karteikarten|lernkarten|fiches"
    r"|tarjetas|vocab\w*|vokabel\w*|vocabulario|vocabolario|vocabulaire|słówka",
    re.IGNORECASE,
)


def _among_cards(highlight: Highlight) -> bool:
    """Return whether a tag of the note, or a heading above, announces cards."""
    tags = (*highlight.document.tags, *highlight.tags)
    names = [part for tag in tags for part in tag.split("/")]
    names += [part.strip() for part in highlight.heading.split(" › ")]
    return any(_HOLDS_CARDS.fullmatch(part.strip("#* ")) for part in names)
