"""Cutting the source of one block into tokens."""

from __future__ import annotations

import html
import re
from urllib.parse import quote, unquote

from ankiforge.extract.obsidian import emphasis
from ankiforge.extract.obsidian.blanks import collapsed, without_outer_tags
from ankiforge.extract.obsidian.covers import COVERS, GONE, HELD, REST, Ticks
from ankiforge.extract.obsidian.inline import FOOTNOTE, Inline, Kind, Link, Token
from ankiforge.extract.obsidian.pairs import pair_emphasis, pair_gaps, pair_marks
from ankiforge.extract.obsidian.pieces import Around, Pieces
from ankiforge.extract.obsidian.scripts import SCRIPTS, raised
from ankiforge.text.cloze import MATH
from ankiforge.text.markdown import literal

_TARGET = (
    r"\([ \t]*(?:<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*)"
    r"(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
_ALL = rf"""
      (?P<escape>\\[!-/:-@\[-`{{-~])
    | (?P<held>{HELD}(?P<number>\d+){HELD})
    | (?P<gone>[{GONE}{REST}]+)
    | (?P<hard>(?:\\|(?<![ \t])[ ]{{2,}}[ \t]*)\n[ \t]*)
    | (?P<soft>(?<![ \t])[ \t]*\n[ \t]*)
    | (?P<code>`+)
    | (?P<maths>\$\$(?:[^$\\]|\\.|\$(?!\$))+\$\$|{MATH})
    | (?P<embed>!\[\[(?P<file>[^\[\]\n]+)\]\])
    | (?P<wiki>\[\[(?P<target>[^\[\]\n]+)\]\])
    | (?P<image>!\[(?P<alt>[^\[\]\n]*)\](?P<source>{_TARGET}))
    | (?P<label>\A\[\^[^\[\]\s]+\]:[ \t]*)
    | (?P<footnote>\[\^[^\[\]\s]+\])
    | (?P<aside>\^\[(?P<words>[^\[\]\n]*)\])
    | (?P<templater><%[^\n]{{0,200}}?%>)
    | (?P<address><[A-Za-z][A-Za-z0-9+.-]{{1,31}}:[^<>\s]*>)
    | (?P<tag></?(?P<name>[A-Za-z][A-Za-z0-9-]*)(?P<with>(?:[\s/][^<>]*)?)>)
    | (?P<entity>&(?:\#\d{{1,7}}|\#[xX][0-9A-Fa-f]{{1,6}}|[A-Za-z][A-Za-z0-9]{{1,31}});)
    | (?P<hash>(?<![^\s{GONE}])\#(?=[\w/-]*[^\W\d])[\w/-]+)
    | (?P<equals>(?<!=)==(?!=))
    | (?P<run>\*+|_+|(?<!~)~~(?!~))
    | (?P<gap>(?<!\{{)\{{\{{(?!\{{)(?:c(?P<numbers>\d{{1,3}}(?:,\d{{1,3}})*)::|cloze[ ]+)?)
    | (?P<brace>\{{+|\}})
    | (?P<colons>(?<!:)::(?!:))
    | (?P<bracket>[\[\]])
"""
_FIRST = rf"(?=[\\\n`$!\[\]^<&\#=*_~{{}}:{GONE}{REST}{HELD}]|(?<![ \t])[ \t]+\n)"
"""What a sign begins with: most letters begin none, and are passed over at once."""
_URL = r"(?P<url>\b[A-Za-z][A-Za-z0-9+.-]{1,31}://[^\s<>`]*[^\s<>`.,;:!?'\"*_~=)\]|])"
_SIGN = re.compile(rf"{_FIRST}(?:{_ALL})", re.VERBOSE)
_SIGN_OR_URL = re.compile(rf"{_URL}|{_FIRST}(?:{_ALL})", re.VERBOSE)
_TEX_COMMAND = re.compile(r"(?:\\[A-Za-z]+\*?|[_^])\Z")
"""After it `{{` belongs to a formula, closed or not."""
_LINK = re.compile(_TARGET)
_REFERENCE = re.compile(r"\[([^\[\]\n]*)\]")
_TITLE = re.compile(r"\s+(?:\"[^\"]*\"|'[^']*')\Z")


NOTHING = Around()
"""For a block that stands alone."""


def read(text: str, around: Around = NOTHING) -> Inline:
    """Read the source of one block, its container's signs already gone."""
    cut = _cut(text, around)
    tokens = cut.tokens if around.lines else collapsed(without_outer_tags(cut.tokens))
    return Inline.of(tokens, cut.links)


def _cut(text: str, around: Around) -> Pieces:
    cut, at = Pieces(text, around, Ticks(text), COVERS.search(text) is not None), 0
    sign = _SIGN_OR_URL if "://" in text else _SIGN
    while match := sign.search(text, at):
        if match.start() > at:
            cut.add(at, Kind.TEXT, text[at : match.start()])
        at = getattr(_Readers, str(match.lastgroup))(cut, match)
    if at < len(text):
        cut.add(at, Kind.TEXT, text[at:])
    if cut.runs:
        pair_emphasis(cut)
    if "==" in text or "<" in text:
        pair_marks(cut)
    if "{{" in text:
        pair_gaps(cut)
    return cut


MASK = "\ufdd4"
"""Stands for each character in which no sign counts; no text holds it."""
_CLOSED = (Kind.OPAQUE, Kind.ATOM, Kind.PICTURE)
_CLOSED_SIGN = re.compile(rf"[<{GONE}{REST}{HELD}]|\](?=[(\[])")


def masked(text: str, around: Around = NOTHING) -> str:
    """The source, letter for letter, with `MASK` where no sign counts.

    That is in code, maths, names of notes, addresses, tags of HTML, comments.
    """
    cut = _cut(text, around)
    edges = [*cut.places, len(text)]
    parts = []
    for at, token in enumerate(cut.tokens):
        run = text[edges[at] : edges[at + 1]]
        closed = token.kind in _CLOSED or (token.kind is Kind.GONE and _CLOSED_SIGN.match(run))
        parts.append(MASK * len(run) if closed else run)
    return "".join(parts)


# --- one function per kind of sign: what it becomes, and where reading goes on ---------------


class _Readers:
    """One for each group of `_SIGN`."""

    @staticmethod
    def escape(cut: Pieces, match: re.Match[str]) -> int:
        cut.add(match.start(), Kind.ATOM, match[0][1], match[0])
        return match.end()

    @staticmethod
    def held(cut: Pieces, match: re.Match[str]) -> int:
        maths = cut.around.held[int(match["number"])]
        plain = maths.replace("\n", " ")
        cut.add(match.start(), Kind.OPAQUE, plain, maths if cut.around.lines else plain)
        return match.end()

    @staticmethod
    def gone(cut: Pieces, match: re.Match[str]) -> int:
        cut.add(match.start(), Kind.GONE, "")
        return match.end()

    footnote = gone

    @staticmethod
    def label(cut: Pieces, match: re.Match[str]) -> int:
        cut.add(match.start(), Kind.GONE, "", note=FOOTNOTE)
        return match.end()

    @staticmethod
    def aside(cut: Pieces, match: re.Match[str]) -> int:
        cut.add(match.start(), Kind.ASIDE, "", note=match["words"])
        return match.end()

    @staticmethod
    def hard(cut: Pieces, match: re.Match[str]) -> int:
        cut.add(match.start(), Kind.BREAK, " ", match[0] if cut.around.lines else "  \n")
        return match.end()

    @staticmethod
    def soft(cut: Pieces, match: re.Match[str]) -> int:
        cut.add(match.start(), Kind.BREAK, " ", match[0] if cut.around.lines else " ")
        return match.end()

    @staticmethod
    def code(cut: Pieces, match: re.Match[str]) -> int:
        end = cut.ticks.partner(match.start(), match.end())
        if end < 0:
            cut.add(match.start(), Kind.TEXT, match[0])
            return match.end()
        cut.add(match.start(), Kind.OPAQUE, cut.text[match.start() : end].replace("\n", " "))
        return end

    @staticmethod
    def maths(cut: Pieces, match: re.Match[str]) -> int:
        cut.add(match.start(), Kind.OPAQUE, match[0].replace("\n", " "))
        return match.end()

    @staticmethod
    def embed(cut: Pieces, match: re.Match[str]) -> int:
        path = cut.around.picture(re.split(r"\\?\||#", match["file"])[0].strip())
        if not path:
            _link(cut, _wiki_target(match["file"]))
        cut.add(match.start(), Kind.PICTURE, "", f"![]({quote(path)})" if path else "")
        return match.end()

    @staticmethod
    def wiki(cut: Pieces, match: re.Match[str]) -> int:
        name = _shown(match["target"])
        _link(cut, _wiki_target(match["target"]))
        cut.add(match.start(), Kind.ATOM, name, literal(name))
        return match.end()

    @staticmethod
    def image(cut: Pieces, match: re.Match[str]) -> int:
        source = re.sub(r"\s+[\"'].*$", "", match["source"][1:-1].strip()).strip("<>")
        path = "" if "://" in source else cut.around.picture(unquote(source))
        alt = re.sub(r"\\?\|?\d+(?:x\d+)?$", "", match["alt"])
        cut.add(match.start(), Kind.PICTURE, "", f"![{alt}]({quote(path) if path else source})")
        return match.end()

    @staticmethod
    def templater(cut: Pieces, match: re.Match[str]) -> int:
        cut.add(match.start(), Kind.OPAQUE, match[0], literal(match[0]))
        return match.end()

    @staticmethod
    def address(cut: Pieces, match: re.Match[str]) -> int:
        _link(cut, match[0][1:-1])
        cut.add(match.start(), Kind.ATOM, match[0][1:-1], match[0])
        return match.end()

    @staticmethod
    def tag(cut: Pieces, match: re.Match[str]) -> int:
        name, closes = match["name"].lower(), match[0][1] == "/"
        if name == "mark":
            sign = "</mark>" if closes else "<mark>"
            cut.add(match.start(), Kind.MARK, "", sign, note=_colour(match["with"]))
        elif name == "br":
            cut.add(match.start(), Kind.BREAK, " ", "  \n")
        else:
            if closes and name in SCRIPTS:
                _raise_last(cut, name)
            cut.add(match.start(), Kind.GONE, "", note="" if closes else name)
        return match.end()

    @staticmethod
    def entity(cut: Pieces, match: re.Match[str]) -> int:
        shown = html.unescape(match[0])
        cut.add(match.start(), Kind.TEXT if shown.isspace() else Kind.ATOM, shown, literal(shown))
        return match.end()

    @staticmethod
    def url(cut: Pieces, match: re.Match[str]) -> int:
        _link(cut, match[0])
        cut.add(match.start(), Kind.ATOM, match[0])
        return match.end()

    @staticmethod
    def hash(cut: Pieces, match: re.Match[str]) -> int:
        cut.add(match.start(), Kind.TAG, match[0], note=match[0][1:])
        return match.end()

    @staticmethod
    def equals(cut: Pieces, match: re.Match[str]) -> int:
        cut.add(match.start(), Kind.MARK, match[0])
        return match.end()

    @staticmethod
    def run(cut: Pieces, match: re.Match[str]) -> int:
        start, end = match.span()
        before, after = cut.text[max(0, start - 1) : start], cut.text[end : end + 1]
        cut.runs.append(emphasis.sign(match[0][0], len(cut.tokens), end - start, before, after))
        for at in range(start, end):
            cut.add(at, Kind.EMPHASIS, match[0][0])
        return end

    @staticmethod
    def gap(cut: Pieces, match: re.Match[str]) -> int:
        if _TEX_COMMAND.search(cut.text, max(0, match.start() - 40), match.start()):
            return _Readers.brace(cut, match)
        cut.add(match.start(), Kind.GAP, match[0], note=match["numbers"] or "")
        return match.end()

    @staticmethod
    def brace(cut: Pieces, match: re.Match[str]) -> int:
        cut.add(match.start(), Kind.TEXT, match[0])
        return match.end()

    colons = brace

    @staticmethod
    def bracket(cut: Pieces, match: re.Match[str]) -> int:
        at, end = match.span()
        opener = -1
        if match[0] == "[":
            cut.brackets.append(len(cut.tokens))
        elif cut.brackets:
            opener = cut.brackets.pop()
        target = _target(cut, opener, at) if opener >= 0 else -1
        cut.add(at, Kind.TEXT if target < 0 else Kind.GONE, match[0] if target < 0 else "")
        if target >= 0:
            cut.tokens[opener] = Token(Kind.GONE, "", "")
            address = _address(cut, cut.text[end:target], opener, at)
            cut.links.append(Link(opener, len(cut.tokens) - 1, address))
        return max(end, target)


def _raise_last(cut: Pieces, name: str) -> None:
    """Write the words just read as super- or subscript, if all of it stood in that tag."""
    words = cut.tokens[-1] if len(cut.tokens) > 1 else None
    if words and words.kind is Kind.TEXT and cut.tokens[-2].note == name:
        text = raised(words.plain, name)
        cut.tokens[-1] = Token(Kind.TEXT, text, text)


def _target(cut: Pieces, opener: int, at: int) -> int:
    """Where the target of the link whose words end at `at` ends; -1 if it is no link."""
    if link := _LINK.match(cut.text, at + 1):
        return link.end()
    if not cut.around.references:
        return -1
    words = cut.text[cut.places[opener] + 1 : at].casefold()
    reference = _REFERENCE.match(cut.text, at + 1)
    label = (reference[1].casefold() if reference else "") or words
    if label not in cut.around.references:
        return -1
    return reference.end() if reference else at + 1


def _address(cut: Pieces, target: str, opener: int, at: int) -> str:
    """What a link points to: `target` is all that follows its words."""
    if target.startswith("("):
        return _TITLE.sub("", target[1:-1].strip()).strip("<>")
    label = target[1:-1] or cut.text[cut.places[opener] + 1 : at]
    return cut.around.references.get(label.casefold(), "")


def _link(cut: Pieces, target: str) -> None:
    """The token that is added next is a link."""
    cut.links.append(Link(len(cut.tokens), len(cut.tokens), target))


def _wiki_target(written: str) -> str:
    """`[[Note#Part]]` without the words it shows."""
    return f"[[{written.partition('|')[0].rstrip(chr(92)).strip()}]]"


def _shown(target: str) -> str:
    """What Obsidian shows of `[[Note#Heading|alias]]`."""
    name, _, alias = target.partition("|")
    if alias.strip():
        return alias.strip()
    parts = [part.strip(" \\") for part in name.split("#") if not part.startswith("^")]
    return " > ".join(part for part in parts if part)


_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*([^;\"']+)", re.IGNORECASE)
_CLASS = re.compile(r"class\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([\w-]+))", re.IGNORECASE)
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})(?:[0-9a-f]{0,2})$")
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")


def _class(attributes: str) -> str:
    """The colour that a class names: `hltr-yellow`, `yellow`."""
    found = _CLASS.search(attributes)
    names = "".join(filter(None, found.groups())).split() if found else []
    name = next((name for name in names if "-" in name), names[0] if names else "")
    return name.rpartition("-")[2].lower()


def _colour(attributes: str) -> str:
    """The colour a `<mark>` asks for: `#rrggbb`, or its name."""
    style = _BACKGROUND.search(attributes)
    if style is None:
        return _class(attributes)
    value = style[1].strip().lower()
    if found := _HEX.match(value):
        digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
        return f"#{digits}"
    if found := _RGB.match(value):
        return "#" + "".join(f"{min(int(part), 255):02x}" for part in found.groups())
    return value
