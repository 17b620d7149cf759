"""The inline content of a block: its plain text, and the Markdown of any part of it.

A block is split into tokens, each with its plain text and its Markdown. A sentence, a phrase or a
side of a card is a range of tokens, so both texts come from one parse. Keys are made from the plain
text (docs/keys.md): it must not change.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple
from urllib.parse import quote, unquote

from ankiforge.extract.markdown.source import (
    COMMENT,
    CONTINUED,
    MATHS,
    PLACEHOLDERS,
    Backticks,
    restored,
)
from ankiforge.model import Span
from ankiforge.text.cloze import MATH
from ankiforge.text.markdown import literal
from ankiforge.text.sentences import boundaries, trimmed


class Kind(Enum):
    """The kind of a token."""

    TEXT = auto()
    """Text whose plain text and Markdown are equal, character by character."""
    ATOM = auto()
    """An indivisible piece: the name of a link, an address, an escape, an entity."""
    OPAQUE = auto()
    """Code and maths: no sentence ends inside."""
    TAG = auto()
    BREAK = auto()
    """The end of a source line, or `<br>`."""
    PICTURE = auto()
    GONE = auto()
    """Markup of which nothing is shown."""
    FOOTNOTE = auto()
    """An inline footnote; its text is a block of its own."""
    EMPHASIS = auto()
    """One character of `*`, `_` or `~~`."""
    MARK = auto()
    """`==`, `<mark>`, `</mark>`."""
    GAP = auto()
    """`{{` or `}}` of a hand-written cloze."""
    HINT = auto()
    """`::` in such a cloze, and the hint after it."""


LABEL = "[^"
"""The `note` of the token for a label, `[^1]:`, before the text of a footnote."""


@dataclass(slots=True, eq=False)
class Token:
    """One token of a block."""

    at: int
    """Its offset in the source."""
    kind: Kind
    plain: str
    markdown: str
    note: str = ""
    """A mark's colour, a cloze's numbers, a tag's name, "strong" for the inner signs of `**`."""
    partner: int = -1
    """The index of the token it is paired with, -1 = none."""

    def become(self, kind: Kind, plain: str = "", markdown: str = "") -> None:
        """Turn into a token of another kind, without partner and note."""
        self.kind, self.plain, self.markdown = kind, plain, markdown
        self.note, self.partner = "", -1


class Link(NamedTuple):
    """A link: the indices of its first and last token, and its target."""

    first: int
    last: int
    target: str
    """The address; `[[Note#Part]]` for `[[Note#Part|words]]` and `[[file]]` for `![[file]]`."""


class Phrase(NamedTuple):
    """A marked phrase: the text between two tokens."""

    opener: int
    closer: int
    span: Span
    """In code points of the block's plain text, without white space at the ends."""
    sign: str
    """`==`, `mark`, `bold`, or `{{`."""
    note: str
    """The colour of a mark, or the numbers of a cloze."""


class Context(NamedTuple):
    """What the text of a block may refer to."""

    maths: tuple[str, ...] = ()
    """The multi-line maths of the note, by number."""
    references: Mapping[str, str] = {}
    """The targets of the link labels that the note defines, by casefolded label."""
    picture: Callable[[str], str] = str
    """Returns the path of an embedded file below the vault; "" if it is not a picture."""
    verbatim: bool = False
    """Whether to keep line breaks and signs as they are: for text of several blocks."""


NO_CONTEXT = Context()
"""For text that is parsed by itself."""

_BLOCK_SIGN = re.compile(r"(?:#{1,6}|[>+*-]|\d{1,9}(?=[.)]))(?=[.)]?(?:\s|$))")
_HIDDEN = (Kind.HINT, Kind.MARK, Kind.GAP)


class Inline:
    """The parsed content of one block."""

    def __init__(self, tokens: list[Token], links: list[Link]) -> None:
        self.tokens = tokens
        self.links = links
        self.starts = list(accumulate((len(token.plain) for token in tokens), initial=0))
        """The offset of each token in the plain text; one more for the end."""
        self.plain = "".join([token.plain for token in tokens])

    @property
    def targets(self) -> list[tuple[Span, str]]:
        """(span in the plain text, target) of each link, in order."""
        starts = self.starts
        return [((starts[one.first], starts[one.last + 1]), one.target) for one in self.links]

    @property
    def is_footnote(self) -> bool:
        """Whether the block begins with the label of a footnote."""
        return bool(self.tokens) and self.tokens[0].note == LABEL

    @property
    def tags(self) -> tuple[str, ...]:
        """The `#tags` of the block, without `#`."""
        return tuple([token.note for token in self.tokens if token.kind is Kind.TAG])

    @property
    def footnotes(self) -> list[str]:
        """The sources of the inline footnotes in the block."""
        return [token.note for token in self.tokens if token.kind is Kind.FOOTNOTE]

    def breaks(self, at: int) -> bool:
        """Return whether a line of the source ends at an offset of the plain text."""
        low = bisect_left(self.starts, at - 1)
        high = min(bisect_right(self.starts, at), len(self.tokens))
        return any(token.kind is Kind.BREAK for token in self.tokens[low:high])

    def sentences(self) -> list[Span]:
        """Return the spans of the sentences; none ends inside code, maths or the name of a link."""
        words = "".join(
            "X" * len(token.plain) if token.kind is Kind.OPAQUE else token.plain
            for token in self.tokens
        )
        edges = [0]
        for edge in boundaries(words):
            at = bisect_right(self.starts, edge) - 1
            if self.starts[at] == edge or self.tokens[at].kind is Kind.TEXT:
                edges.append(edge)
        spans = [trimmed(self.plain, *pair) for pair in pairwise([*edges, len(self.plain)])]
        return [span for span in spans if span[0] < span[1]]

    def unmarked_text(self) -> str:
        """Return the plain text with `…` for each character that is marked or written as markup."""
        marked = 0
        words: list[str] = []
        for at, token in enumerate(self.tokens):
            if token.kind is Kind.MARK and token.partner >= 0:
                marked += 1 if token.partner > at else -1
            is_open = token.kind in (Kind.TEXT, Kind.BREAK) and not marked
            words.append(token.plain if is_open else "…" * len(token.plain))
        return "".join(words)

    @cached_property
    def phrases(self) -> tuple[Phrase, ...]:
        """The marked phrases and clozes that contain text, by start."""
        found = []
        for at, token in enumerate(self.tokens):
            if token.partner <= at:
                continue
            if token.kind is Kind.MARK:
                sign = "==" if token.markdown == "==" else "mark"
            elif token.kind is Kind.GAP or token.note == "strong":
                sign = "{{" if token.kind is Kind.GAP else "bold"
            else:
                continue
            span = trimmed(self.plain, self.starts[at + 1], self.starts[token.partner])
            inside = self.tokens[at : token.partner] if sign == "bold" else ()
            if span[0] < span[1] and not any(one.kind is Kind.BREAK for one in inside):
                found.append(Phrase(at, token.partner, span, sign, token.note))
        return tuple(found)

    def markdown(
        self, start: int, end: int, phrases: Sequence[Phrase] = (), bold: bool = True
    ) -> tuple[str, tuple[Span, ...]]:
        """Return the Markdown of [start, end) of the plain text, and the phrases' spans in it.

        The phrases are in order and do not overlap. Emphasis that crosses an edge of the range or
        of a phrase is dropped; so is strong emphasis unless `bold`. A range that reaches an end of
        the block includes the pictures there.
        """
        low, high = self._tokens_of(start, end)
        openers = [phrase.opener for phrase in phrases]
        parts: list[str] = []
        edges: dict[int, int] = {}
        length = 0
        for at in range(low, high):
            edges[at] = length
            token = self.tokens[at]
            if token.kind in _HIDDEN or not self._shows(at, low, high, bold):
                continue
            if token.kind is Kind.EMPHASIS and phrases:
                inside = _phrase_at(at, openers, phrases)
                if inside != _phrase_at(token.partner, openers, phrases):
                    continue
            written = token.markdown
            begins = self.starts[at]
            if token.kind is Kind.TEXT:
                written = written[max(0, start - begins) : max(0, end - begins)]
                if not length and (sign := _BLOCK_SIGN.match(written)):
                    # at the start of the Markdown it would begin a block: escape it
                    digits = sign[0].isdigit()
                    escaped = f"{sign[0]}\\" if digits else f"\\{sign[0]}"
                    written = escaped + written[sign.end() :]
            elif begins >= end and token.plain:
                continue
            parts.append(written if length else written.lstrip(" "))
            length += len(parts[-1])
        text = "".join(parts)
        return text.rstrip(), tuple(
            trimmed(text, edges.get(phrase.opener + 1, 0), edges.get(phrase.closer, length))
            for phrase in phrases
        )

    def source(self, *, gaps: bool = False) -> str:
        """Return the Markdown of the block without the signs of marks and clozes.

        With `gaps`, its clozes, all of them numbered, are kept in our grammar.
        """
        parts = []
        for at, token in enumerate(self.tokens):
            if gaps and token.kind is Kind.GAP:
                parts.append(f"{{{{c{token.note}::" if token.partner > at else "}}")
            elif token.kind not in _HIDDEN or (gaps and token.kind is Kind.HINT):
                parts.append(token.markdown)
        return "".join(parts)

    def cloze(self) -> str:
        """Return the Markdown of the block with numbered clozes in our grammar."""
        numbers = [re.findall(r"\d+", one.note) for one in self.tokens if one.kind is Kind.GAP]
        free = max((int(number) for each in numbers for number in each), default=0)
        parts: list[str] = []
        for at, token in enumerate(self.tokens):
            if token.kind is Kind.GAP and token.partner > at:
                free += not token.note
                parts.append(f"{{{{c{token.note or free}::")
            elif token.kind is Kind.GAP:
                blank = " " if parts[-1].endswith(" ") else ""
                parts[-1:] = [parts[-1].rstrip(" "), "}}", blank]
            elif token.kind is not Kind.MARK and self._shows(at, 0, len(self.tokens), bold=True):
                parts.append(token.markdown)
        return "".join(parts).strip()

    def _tokens_of(self, start: int, end: int) -> Span:
        """Return the token range of [start, end), with openers and closers at its edges."""
        tokens, starts = self.tokens, self.starts
        low, high = bisect_right(starts, start) - 1, bisect_right(starts, end - 1)
        while low and starts[low] == start:
            if tokens[low - 1].plain or -1 < tokens[low - 1].partner < low - 1:
                break
            low -= 1
        while high < len(tokens) and starts[high] == end:
            # a picture has no plain text: only an empty range includes it
            if not -1 < tokens[high].partner < high and (start != end or tokens[high].plain):
                break
            high += 1
        return (
            low if self.plain[:start].strip() else 0,
            high if self.plain[end:].strip() else len(tokens),
        )

    def _shows(self, at: int, low: int, high: int, bold: bool) -> bool:
        """Return whether a token is written: emphasis only if its partner is in the range, too."""
        token = self.tokens[at]
        if token.kind is not Kind.EMPHASIS:
            return True
        return low <= token.partner < high and (bold or not token.note)


def _phrase_at(at: int, openers: list[int], phrases: Sequence[Phrase]) -> int:
    """Return the index of the phrase that contains a token, -1 if none does."""
    index = bisect_right(openers, at) - 1
    inside = index >= 0 and phrases[index].opener < at < phrases[index].closer
    return index if inside else -1


def outermost(phrases: Iterable[Phrase]) -> tuple[Phrase, ...]:
    """Return the phrases that lie in no other; of overlapping ones the first counts."""
    found: list[Phrase] = []
    for phrase in sorted(phrases, key=lambda phrase: (phrase.span[0], -phrase.span[1])):
        if not found or phrase.span[0] >= found[-1].span[1]:
            found.append(phrase)
    return tuple(found)


# --- tokens ---------------------------------------------------------------------------------

_TARGET = (
    r"\([ \t]*(?:<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*)"
    r"(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
_ALL = rf"""
      (?P<escape>\\[!-/:-@\[-`{{-~])
    | (?P<maths_lines>{MATHS}(?P<number>\d+){MATHS})
    | (?P<gone>[{COMMENT}{CONTINUED}]+)
    | (?P<hard>(?:\\|(?<![ \t])[ ]{{2,}}[ \t]*)\n[ \t]*)
    | (?P<soft>(?<![ \t])[ \t]*\n[ \t]*)
    | (?P<code>`+)
    | (?P<maths>\$\$(?:[^$\\]|\\.|\$(?!\$))+\$\$|{MATH})
    | (?P<embed>!\[\[(?P<file>[^\[\]\n]+)\]\])
    | (?P<wiki>\[\[(?P<target>[^\[\]\n]+)\]\])
    | (?P<image>!\[(?P<alt>[^\[\]\n]*)\](?P<source>{_TARGET}))
    | (?P<label>\A\[\^[^\[\]\s]+\]:[ \t]*)
    | (?P<reference>\[\^[^\[\]\s]+\])
    | (?P<footnote>\^\[(?P<words>[^\[\]\n]*)\])
    | (?P<templater><%[^\n]{{0,200}}?%>)
    | (?P<address><[A-Za-z][A-Za-z0-9+.-]{{1,31}}:[^<>\s]*>)
    | (?P<tag></?(?P<name>[A-Za-z][A-Za-z0-9-]*)(?P<with>(?:[\s/][^<>]*)?)>)
    | (?P<entity>&(?:\#\d{{1,7}}|\#[xX][0-9A-Fa-f]{{1,6}}|[A-Za-z][A-Za-z0-9]{{1,31}});)
    | (?P<hash>(?<![^\s{COMMENT}])\#(?=[\w/-]*[^\W\d])[\w/-]+)
    | (?P<equals>(?<!=)==(?!=))
    | (?P<run>\*+|_+|(?<!~)~~(?!~))
    | (?P<gap>(?<!\{{)\{{\{{(?!\{{)(?:c(?P<numbers>\d{{1,3}}(?:,\d{{1,3}})*)::|cloze[ ]+)?)
    | (?P<brace>\{{+|\}})
    | (?P<colons>(?<!:)::(?!:))
    | (?P<bracket>[\[\]])
"""
_SIGN = re.compile(_ALL, re.VERBOSE)
_URL = re.compile(r"(?P<url>\b[A-Za-z][A-Za-z0-9+.-]{1,31}://[^\s<>`]*[^\s<>`.,;:!?'\"*_~=)\]|])")
_ANY_SIGN = re.compile(rf"[\\\n`$!\[\]^<&#=*_~{{}}:{COMMENT}{CONTINUED}{MATHS}]")
_IN_TEX = re.compile(r"(?:\\[A-Za-z]+\*?|[_^])\Z")
"""Before `{{`: the braces belong to a formula, closed or not."""
_LINK_TARGET = re.compile(_TARGET)
_LINK_LABEL = re.compile(r"\[([^\[\]\n]*)\]")
_LINK_TITLE = re.compile(r"\s+(?:\"[^\"]*\"|'[^']*')\Z")


def read(text: str, context: Context = NO_CONTEXT) -> Inline:
    """Parse the source of one block, without the signs of its container."""
    if not _ANY_SIGN.search(text):
        plain = text if context.verbatim else " ".join(text.split())
        return Inline([Token(0, Kind.TEXT, plain, plain)] if text else [], [])
    tokens, links = _tokenized(text, context)
    if not context.verbatim:
        _drop_outer_tags(tokens)
        _collapse_blanks(tokens)
    return Inline(tokens, links)


MASK = "\ufdd4"
"""Replaces each character that cannot be markup; it does not occur in text."""
_CLOSED = (Kind.OPAQUE, Kind.ATOM, Kind.PICTURE)
_CLOSED_SIGN = re.compile(rf"[<{COMMENT}{CONTINUED}{MATHS}]|\](?=[(\[])")


def masked(text: str, context: Context = NO_CONTEXT) -> str:
    """Return the source with `MASK` for each character that cannot be markup.

    These are the characters of code, maths, link names, addresses, HTML tags and comments.
    """
    tokens, _ = _tokenized(text, context)
    edges = [*(token.at for token in tokens), len(text)]
    parts = []
    for token, end in zip(tokens, edges[1:], strict=True):
        run = text[token.at : end]
        closed = token.kind is Kind.GONE and _CLOSED_SIGN.match(run)
        parts.append(MASK * len(run) if closed or token.kind in _CLOSED else run)
    return "".join(parts)


def _tokenized(text: str, context: Context) -> tuple[list[Token], list[Link]]:
    """Split a block into tokens and pair those that open and close something."""
    tokens: list[Token] = []
    links: list[Link] = []
    brackets: list[int] = []  # indices of `[` tokens without a `]` so far
    runs: list[_Run] = []
    ticks = Backticks(text)
    hidden = not text.isascii() and PLACEHOLDERS.search(text) is not None
    url = _URL.search(text) if "://" in text else None
    at = 0

    def add(kind: Kind, plain: str = "", markdown: str | None = None, note: str = "") -> None:
        written = plain if markdown is None else markdown
        if hidden:
            plain, written = restored(plain, context.maths), restored(written, context.maths)
        tokens.append(Token(at, kind, plain, written, note))

    def add_link(target: str) -> None:
        links.append(Link(len(tokens), len(tokens), target))

    while match := _next_sign(text, at, url.start() if url else len(text)) or url:
        start, end = match.span()
        if start > at:
            add(Kind.TEXT, text[at:start])
        at, found = start, match[0]
        match match.lastgroup:
            case "soft":
                add(Kind.BREAK, " ", found if context.verbatim else " ")
            case "hard":
                add(Kind.BREAK, " ", found if context.verbatim else "  \n")
            case "equals":
                add(Kind.MARK, found)
            case "run":
                runs.append(_Run.classified(text, start, end, len(tokens)))
                signs = range(start, end)
                tokens += [Token(one, Kind.EMPHASIS, found[0], found[0]) for one in signs]
            case "wiki":
                name = _shown_name(match["target"])
                add_link(_wiki_target(match["target"]))
                add(Kind.ATOM, name, literal(name))
            case "bracket":
                opener = -1
                if found == "[":
                    brackets.append(len(tokens))
                elif brackets:
                    opener = brackets.pop()
                label = text[tokens[opener].at + 1 : at] if opener >= 0 else ""
                target = _link_target(text, at, label, context) if opener >= 0 else None
                if target is None:
                    add(Kind.TEXT, found)
                else:
                    end, address = target
                    add(Kind.GONE)
                    tokens[opener].become(Kind.GONE)
                    links.append(Link(opener, len(tokens) - 1, address))
            case "escape":
                add(Kind.ATOM, found[1], found)
            case "brace" | "colons":
                add(Kind.TEXT, found)
            case "code":
                closed = ticks.partner(start, end)
                if closed < 0:
                    add(Kind.TEXT, found)
                else:
                    end = closed
                    add(Kind.OPAQUE, text[start:end].replace("\n", " "))
            case "maths":
                add(Kind.OPAQUE, found.replace("\n", " "))
            case "maths_lines":
                maths = context.maths[int(match["number"])]
                flat = maths.replace("\n", " ")
                add(Kind.OPAQUE, flat, maths if context.verbatim else flat)
            case "hash":
                add(Kind.TAG, found, note=found[1:])
            case "url":
                add_link(found)
                add(Kind.ATOM, found)
            case "address":
                add_link(found[1:-1])
                add(Kind.ATOM, found[1:-1], found)
            case "tag":
                name, closes = match["name"].lower(), found[1] == "/"
                if name == "mark":
                    add(Kind.MARK, "", "</mark>" if closes else "<mark>", _colour(match["with"]))
                elif name == "br":
                    add(Kind.BREAK, " ", "  \n")
                else:
                    if closes and name in SCRIPTS and len(tokens) > 1:
                        words, opened = tokens[-1], tokens[-2]
                        if words.kind is Kind.TEXT and opened.note == name:
                            words.plain = words.markdown = raised(words.plain, name)
                    add(Kind.GONE, note="" if closes else name)
            case "entity":
                shown = html.unescape(found)
                add(Kind.TEXT if shown.isspace() else Kind.ATOM, shown, literal(shown))
            case "gap":
                if _IN_TEX.search(text, max(0, start - 40), start):
                    add(Kind.TEXT, found)
                else:
                    add(Kind.GAP, found, note=match["numbers"] or "")
            case "embed":
                path = context.picture(re.split(r"\\?\||#", match["file"])[0].strip())
                if not path:
                    add_link(_wiki_target(match["file"]))
                add(Kind.PICTURE, "", f"![]({quote(path)})" if path else "")
            case "image":
                target_text = match["source"][1:-1].strip()
                address = re.sub(r"\s+[\"'].*$", "", target_text).strip("<>")
                path = "" if "://" in address else context.picture(unquote(address))
                alt = re.sub(r"\\?\|?\d+(?:x\d+)?$", "", match["alt"])
                add(Kind.PICTURE, "", f"![{alt}]({quote(path) if path else address})")
            case "footnote":
                add(Kind.FOOTNOTE, note=match["words"])
            case "label":
                add(Kind.GONE, note=LABEL)
            case "templater":
                add(Kind.OPAQUE, found, literal(found))
            case _:  # a comment, or a reference to a footnote
                add(Kind.GONE)
        at = end
        if url and url.start() < at:
            url = _URL.search(text, at)
    if at < len(text):
        add(Kind.TEXT, text[at:])
    if runs:
        _pair_emphasis(tokens, runs, context.verbatim)
    if "==" in text or "<" in text:
        _pair_marks(text, tokens, context.verbatim)
    if "{{" in text:
        _pair_gaps(text, tokens)
    return tokens, links


def _next_sign(text: str, at: int, limit: int) -> re.Match[str] | None:
    """Return the first sign in a text; that of a line end includes the blanks before it."""
    begin = at
    while found := _ANY_SIGN.search(text, begin, limit):
        start, begin = found.span()
        while start > at and text[begin - 1] == "\n" and text[start - 1] in " \t":
            start -= 1
        if match := _SIGN.match(text, start):
            return match
    return None


def _link_target(text: str, at: int, label: str, context: Context) -> tuple[int, str] | None:
    """Return (end, target) of the link whose text ends at `at`, None if it is not a link."""
    if link := _LINK_TARGET.match(text, at + 1):
        return link.end(), _LINK_TITLE.sub("", link[0][1:-1].strip()).strip("<>")
    if not context.references:
        return None
    reference = _LINK_LABEL.match(text, at + 1)
    known = context.references.get(
        (reference[1] if reference and reference[1] else label).casefold()
    )
    return None if known is None else (reference.end() if reference else at + 1, known)


def _wiki_target(written: str) -> str:
    """Return `[[Note#Part]]` without the text it shows."""
    return f"[[{written.partition('|')[0].rstrip(chr(92)).strip()}]]"


def _shown_name(target: str) -> str:
    """Return what Obsidian shows for `[[Note#Heading|alias]]`."""
    name, _, alias = target.partition("|")
    if alias.strip():
        return alias.strip()
    parts = [part.strip(" \\") for part in name.split("#") if not part.startswith("^")]
    return " > ".join(filter(None, parts))


_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*([^;\"']+)", re.IGNORECASE)
_CLASS = re.compile(r"class\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([\w-]+))", re.IGNORECASE)
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})(?:[0-9a-f]{0,2})$")
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")


def _colour(attributes: str) -> str:
    """Return the colour of a `<mark>`: `#rrggbb` or a name."""
    style = _BACKGROUND.search(attributes)
    if style is None:  # the name of a class may be a colour: `hltr-yellow`, `yellow`
        found = _CLASS.search(attributes)
        names = "".join(filter(None, found.groups())).split() if found else []
        name = next((name for name in names if "-" in name), names[0] if names else "")
        return name.rpartition("-")[2].lower()
    value = style[1].strip().lower()
    if found := _HEX.match(value):
        digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
        return f"#{digits}"
    found = _RGB.match(value)
    return hex_colour(found.groups()) if found else value


def hex_colour(parts: Iterable[str]) -> str:
    """Return `#rrggbb` of three decimal numbers."""
    return "#" + "".join(f"{min(int(part), 255):02x}" for part in parts)


_ABOVE = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ"
)
_BELOW = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
SCRIPTS = {"sup": ("^", _ABOVE), "sub": ("_", _BELOW)}


def raised(text: str, name: str) -> str:
    """Return the text of a `<sup>` or `<sub>` in Unicode: `10<sup>5</sup>` is 10⁵, not 105.

    `fold` treats both as the same text. Text that cannot be written so is put in brackets if it
    contains a digit (`x^(1/2)`), because it would join digits before it; other text is left as it
    is (`K<sub>M</sub>`, `[1]`).
    """
    sign, table = SCRIPTS[name]
    if all(ord(letter) in table for letter in text):
        return text.translate(table)
    figure = text[:1] != "[" and any(letter.isdigit() for letter in text)
    return f"{sign}({text})" if figure else text


# --- blanks ---------------------------------------------------------------------------------


def _drop_outer_tags(tokens: list[Token]) -> None:
    """Remove the tags at the ends of a block from its text; they still count as its tags."""
    for order in (tokens, reversed(tokens)):
        for token in order:
            if token.kind is Kind.TAG:
                token.plain = token.markdown = ""
            elif token.plain.strip() or token.markdown.strip():
                break


def _collapse_blanks(tokens: list[Token]) -> None:
    """Collapse runs of blanks and drop those at the ends, but keep one beside a picture."""
    after_blank = True
    for at, token in enumerate(tokens):
        plain = token.plain
        if token.kind is Kind.TEXT:
            if "  " in plain or not plain.isprintable():  # no blank but " " is printable
                plain = re.sub(r"\s+", " ", plain)
            if after_blank and plain.startswith(" "):
                plain = plain[1:]
                before = tokens[at - 1] if at else token
                if before.kind is Kind.PICTURE and before.markdown:
                    before.markdown += " "
        elif token.kind is Kind.BREAK and after_blank:
            plain = ""
        if plain != token.plain:
            token.plain = token.markdown = plain
        after_blank = plain.endswith(" ") if plain else after_blank
    for at in range(len(tokens) - 1, -1, -1):
        token = tokens[at]
        if token.kind not in (Kind.TEXT, Kind.BREAK):
            if token.plain:
                break
            continue
        if token.plain.endswith(" "):
            token.plain = token.markdown = token.plain.rstrip(" ")
            after = tokens[at + 1] if at + 1 < len(tokens) else token
            if after.kind is Kind.PICTURE and after.markdown:
                after.markdown = f" {after.markdown}"
        if token.plain:
            break


# --- pairs ----------------------------------------------------------------------------------

_MOST_OPEN = 32
"""Open runs that are searched for a partner; bounds the work."""


@dataclass(slots=True, eq=False)
class _Run:
    """A run of one character that may open or close emphasis."""

    character: str
    token: int
    """The index of the token of its first unused character; each character is a token."""
    length: int
    """The number of unused characters."""
    opens: bool
    closes: bool

    @classmethod
    def classified(cls, text: str, start: int, end: int, token: int) -> _Run:
        """Classify a run by the characters around it, as CommonMark does."""
        character, before, after = text[start], text[max(0, start - 1) : start], text[end : end + 1]
        left, right = _flanks(after, before), _flanks(before, after)
        if character != "_":
            return cls(character, token, end - start, left, right)
        opens = left and (not right or _is_punctuation(before))
        closes = right and (not left or _is_punctuation(after))
        return cls(character, token, end - start, opens, closes)

    def pairs_with(self, closer: _Run) -> bool:
        """Return whether this run can open the emphasis that `closer` closes."""
        if self.character != closer.character:
            return False
        if closer.character == "~":
            return self.length == closer.length == 2
        both = self.closes or closer.opens
        return not (both and (self.length + closer.length) % 3 == 0 and self.length % 3)


def _flanks(inner: str, outer: str) -> bool:
    """Return whether a run can open (or close) emphasis, by the characters on its two sides."""
    if not inner or inner.isspace():
        return False
    return not _is_punctuation(inner) or not outer or outer.isspace() or _is_punctuation(outer)


def _is_punctuation(character: str) -> bool:
    return character != "" and unicodedata.category(character)[0] in "PS"


def _pair(tokens: list[Token], opener: int, closer: int) -> None:
    tokens[opener].partner, tokens[closer].partner = closer, opener
    tokens[opener].plain = tokens[closer].plain = ""


def _pair_emphasis(tokens: list[Token], runs: list[_Run], verbatim: bool) -> None:
    """Pair `*`, `_` and `~~` by the rules of CommonMark; the rest becomes plain text."""
    active = {run.token + n for run in runs if run.opens or run.closes for n in range(run.length)}
    opened: list[_Run] = []
    for closer in runs:
        while closer.closes and closer.length:
            near = reversed(opened[-_MOST_OPEN:])
            opener = next((run for run in near if run.pairs_with(closer)), None)
            if opener is None:
                break
            length = 2 if min(opener.length, closer.length) >= 2 else 1
            for n in range(length):  # the inner characters first
                first, last = opener.token + opener.length - 1 - n, closer.token + n
                _pair(tokens, first, last)
                if length == 2 and closer.character != "~":
                    tokens[first].note = tokens[last].note = "outer" if n else "strong"
            opener.length -= length
            closer.token += length
            closer.length -= length
            while opened[-1] is not opener:
                opened.pop()
            if not opener.length:
                opened.pop()
        if closer.opens and closer.length:
            opened.append(closer)
    for at, token in enumerate(tokens):
        if token.kind is Kind.EMPHASIS and token.partner < 0:
            escaped = at in active and not verbatim
            sign = ("\\" if escaped else "") + token.plain
            token.become(Kind.ATOM if escaped else Kind.TEXT, token.plain, sign)


_NEXT_BLOCK = re.compile(
    r"\\?[ \t]*\n[ \t]*(?:$|[>|]|#{1,6}\s|[-*+]\s|\d{1,9}[.)]\s|`{3}|~{3})", re.MULTILINE
)
"""A line end after which another block begins, where several blocks are parsed as one text."""
_COMPARISONS = re.compile(r"\w==\S+\s.*\S==\w$", re.ASCII | re.DOTALL)
"""`n==0 or n==1`: words touch both `==` from outside, and several words stand between."""


def _pair_marks(text: str, tokens: list[Token], verbatim: bool) -> None:
    """Pair `==` and `<mark>` within a block, also across its line ends."""
    equals = tag = -1
    for at, token in enumerate(tokens):
        if verbatim and _NEXT_BLOCK.match(text, token.at):
            equals = -1
        if token.kind is not Kind.MARK:
            continue
        if token.markdown == "<mark>":
            tag = at if tag < 0 else tag
        elif token.markdown == "</mark>":
            if tag >= 0:
                _pair(tokens, tag, at)
                token.note, tag = tokens[tag].note, -1
        else:
            closes = equals >= 0 and not text[token.at - 1].isspace()
            opens = token.at + 2 < len(text) and not text[token.at + 2].isspace()
            if closes and not _COMPARISONS.match(text, tokens[equals].at - 1, token.at + 3):
                _pair(tokens, equals, at)
                equals = -1
                continue
            if closes:
                tokens[equals].markdown = "\\=="
            equals = at if opens else equals
    _drop_unpaired(tokens, Kind.MARK)


def _drop_unpaired(tokens: list[Token], kind: Kind) -> None:
    """Turn the unpaired tokens of a kind into plain text."""
    for token in tokens:
        if token.kind is kind and token.partner < 0:
            written = token.markdown if token.plain else ""
            left = Kind.TEXT if token.plain else Kind.GONE
            token.become(Kind.ATOM if written != token.plain else left, token.plain, written)


@dataclass(slots=True, eq=False)
class _Gap:
    opener: int
    depth: int = 0
    hint: int = -1


def _pair_gaps(text: str, tokens: list[Token]) -> None:
    """Pair `{{` and `}}` on one line; single braces inside must balance."""
    stack: list[_Gap] = []
    for at, token in enumerate(tokens):
        if token.kind is Kind.BREAK:
            stack.clear()
        elif token.kind is Kind.GAP:
            stack.append(_Gap(at))
        elif stack and token.kind is Kind.TEXT:
            gap = stack[-1]
            if token.plain.startswith("{") and not token.plain.strip("{"):
                gap.depth += len(token.plain)
            elif token.plain == "::" and not gap.depth and gap.hint < 0:
                gap.hint = at
            elif token.plain == "}" and gap.depth:
                gap.depth -= 1
            elif token.plain == "}" and at + 1 < len(tokens):
                after = tokens[at + 1]
                if after.plain == "}" and after.at == token.at + 1:
                    _close_gap(text, tokens, stack.pop(), at)
    _drop_unpaired(tokens, Kind.GAP)


def _close_gap(text: str, tokens: list[Token], gap: _Gap, at: int) -> None:
    """Make a cloze of the text between `{{` and the `}}` at a token, if it is an answer."""
    opener = tokens[gap.opener]
    inside = text[opener.at + 2 : tokens[at].at]
    if not opener.note and is_template(inside, text):
        return
    tokens[at + 1].become(Kind.GONE)
    if opener.plain == "{{" and is_no_answer(inside):
        opener.become(Kind.GONE)
        tokens[at].become(Kind.GONE)
    else:
        tokens[at].become(Kind.GAP, "", "}}")
        _pair(tokens, gap.opener, at)
    for hint in tokens[gap.hint : at] if gap.hint >= 0 else ():
        hint.kind, hint.plain = Kind.HINT, ""


_TEMPLATE = re.compile(
    r"""\s*(?:
      [\#/^&!%]\S.*|>\s.*                                  # {{#if x}}, {{/if}}, {{> part}}
    | (?:date|time|now|today|yesterday|tomorrow|title|name|author|authors|url|link|content|tags?
        |value|macro|selector|selectorhtml|meta|schema|published|modified|created|description
        |domain|site|image|cursor|clipboard|highlights|citekey|abstract|folder|filename|path
        |uuid|week|month|year|day)
      (?:(?::(?!:)|\|).*)?
    | (?:VALUE|NAME|TITLE|LINKCURRENT)                     # QuickAdd
    | (?:VALUE|VDATE|DATE|FIELD|MACRO|TEMPLATE|FILE):.+
    | (?:query|embed|video|youtube|twitter|tweet|renderer|namespace)\s+(?:[(\[:]|https?:).*
    | [a-z]\w*:(?!:)[YMDdHhmsSaAWwEgGQoZX\W]+                   # {{d:YYYY-MM-DD}}
    | (?:tp|frontmatter|file|page|this|note|item|book|loop|site|user|env|secrets|github|inputs|matrix
        |annotation|highlight|chapter|review)\.\w.*
    | (?=[^|(]*[a-z][A-Z])[a-z]\w*(?:\.[a-z]\w*)+(?:\(.*\))?(?:\s*\|.*)?   # {{metaData.title}}
    | [a-z]+(?:_[a-z0-9]+)+(?:\s*\|.*)?                    # {{book_title}}, {{x_y | upper}}
    | [a-z]\w*(?:\.[a-z]\w*)+\s*\|.*                      # {{page.date | date: "%Y"}}
    )\s*""",
    re.VERBOSE,
)
_NO_ANSWER = re.compile(
    r"""\s*(?:
      !?\[\[[^\[\]\n]*\]\](?:\s*:.*)?                      # {{[[a note]]}}, {{[[embed]]: …}}
    | !?\[[^\[\]\n]*\]\([^()\n]*\)                          # {{[a link](…)}}
    | [^{}:\n]{1,80}::\s.*                                  # {{Key:: value}}
    | (?:embed|renderer|toc|TODO|DONE|word-count)
    )\s*""",
    re.VERBOSE,
)


_STATEMENT = re.compile(r"\{%-?\s*[a-z]")
"""The start of a statement of Liquid or Jinja, such as `{% if page.title %}`."""


def is_template(inside: str, around: str = "") -> bool:
    """Return whether the text between `{{` and `}}` is a template's placeholder, given the text around it."""
    if len(inside) > 200:
        return False
    return _TEMPLATE.fullmatch(inside) is not None or (
        "{%" in around and _STATEMENT.search(around) is not None
    )


def is_no_answer(inside: str) -> bool:
    """Return whether the text between `{{` and `}}` is a link, a field or an embed."""
    return len(inside) <= 500 and _NO_ANSWER.fullmatch(inside) is not None
