"""Markdown → the HTML of a field, built from the syntax tree; nothing else gets through.

Code, formulas and clozes are told by our own grammar (`text.markdown`, `text.cloze`) and stand
as atoms in the text that markdown-it reads. So both always agree on what is a cloze, and no
emphasis can begin inside one and end outside. One paragraph is bare; several are `<p>`s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ankiforge.anki.cards import MAX_OPEN
from ankiforge.anki.escape import (
    address,
    attribute,
    escape,
    formula,
    lines,
    literal,
    sealed,
    unbracketed,
)
from ankiforge.anki.media import is_media_name
from ankiforge.model import Media
from ankiforge.text.cloze import Gap, gaps, shields
from ankiforge.text.fold import clean
from ankiforge.text.markdown import plain

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_ATOM = re.compile("\\{\ufdd0(\\d+)\ufdd1\\}")
"""Braces at both ends, so that emphasis sees the same punctuation as in the source."""
_WORDS = re.compile(r"[^\W\d_](?:(?:[^\W_]|[ ,.;:'\"?!()/%-])*[^\W_ ])?[.?!)]?")
"""A line in which nothing can be markup."""
_TAGS = frozenset(
    {
        *("p", "br", "hr", "em", "strong", "s", "mark", "blockquote", "ul", "ol", "li"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
    }
)
_PARAGRAPH = ["paragraph_open", "inline", "paragraph_close"]


def render(
    markdown: str, *, cloze: bool = False, pictures: Mapping[str, Media] | None = None
) -> str:
    """The HTML of one field.

    Args:
        markdown: our subset; HTML in it is literal text.
        cloze: whether `{{c1::…}}` makes a cloze (the Text of a cloze note) or is literal text,
            as it is anyway within ten others.
        pictures: what `![alt](path)` may show, by path; another picture is its alt text.
    """
    text = clean(markdown)
    if not text or _WORDS.fullmatch(text):
        return literal(text)  # most fields; the long way gives the same
    return _Writer(cloze, pictures or {}).write(text)


@dataclass(frozen=True, slots=True)
class _Writer:
    cloze: bool
    pictures: Mapping[str, Media]
    depth: int = 0
    """How many clozes are around."""
    atoms: list[tuple[str, str]] = field(default_factory=list)
    """(source, HTML) of each atom."""

    def write(self, markdown: str) -> str:
        tokens = _parser().parse(self._with_atoms(markdown))
        bare = [token.type for token in tokens] == _PARAGRAPH
        return "".join(self._blocks(tokens[1:-1] if bare else tokens))

    def _with_atoms(self, markdown: str) -> str:
        parts, at = [], 0
        for start, end, make in self._runs(markdown):
            if start < at:
                continue
            parts += [markdown[at:start], f"{{\ufdd0{len(self.atoms)}\ufdd1}}"]
            self.atoms.append((markdown[start:end], make()))
            at = end
        return "".join([*parts, markdown[at:]])

    def _runs(self, markdown: str) -> list[tuple[int, int, Callable[[], str]]]:
        """(start, end, its HTML) of clozes, formulas and code in a line; outer ones first."""
        found = gaps(markdown) if self.cloze else ()
        runs: list[tuple[int, int, Callable[[], str]]] = [
            (gap.start, gap.end, partial(self._gap, gap)) for gap in found
        ]
        for start, end, kind in shields(markdown):
            run = markdown[start:end]
            if kind in ("math", "display") or (kind == "code" and "\n" not in run):
                runs.append((start, end, partial(self._shield, run, kind)))
        return sorted(runs, key=lambda run: run[0])

    def _gap(self, gap: Gap) -> str:
        numbers = ",".join(map(str, gap.numbers))
        hint = self._hint(gap.hint)
        asked = f"::{hint}" if hint else ""
        return f"{{{{c{numbers}::{sealed(self._inner(gap.answer))}{asked}}}}}"

    def _inner(self, markdown: str) -> str:
        deeper = self.depth + 1
        return _Writer(deeper < MAX_OPEN, self.pictures, deeper).write(markdown)

    def _hint(self, markdown: str) -> str:
        """Anki ends a hint at the next cloze: none can stand in it."""
        return sealed(_Writer(False, self.pictures, self.depth + 1).write(markdown))

    def _shield(self, run: str, kind: str) -> str:
        ticks = len(run) - len(run.lstrip(run[0]))
        body = run[ticks:-ticks]
        if kind != "code":
            display = kind == "display"
            return formula(body, display=display, inside=self.depth > 0) or lines(run)
        if body.strip() and body[0] == body[-1] == " ":
            body = body[1:-1]
        return f"<code>{literal(body)}</code>"

    # --- the syntax tree

    def _blocks(self, tokens: Sequence[Token]) -> Iterator[str]:
        for token in tokens:
            if token.type == "inline":
                yield from self._inline(token.children or ())
            elif token.type == "fence":
                code = literal(self._source(token.content.removesuffix("\n")))
                yield f"<pre><code>{code}</code></pre>"
            elif not token.hidden:
                yield _tag(token)

    def _inline(self, tokens: Sequence[Token]) -> Iterator[str]:
        linked = False
        for token in tokens:
            if token.type == "text":
                yield self._text(token.content)
            elif token.type in ("softbreak", "hardbreak"):
                yield "<br>"
            elif token.type == "code_inline":
                yield f"<code>{literal(self._source(token.content))}</code>"
            elif token.type == "image":
                yield self._image(token)
            elif token.type == "link_open":
                target = address(self._source(str(token.attrs["href"])))
                linked = bool(target)
                yield f'<a href="{escape(target)}">' if linked else ""
            elif token.type == "link_close":
                yield "</a>" if linked else ""
            else:
                yield _tag(token)

    def _text(self, text: str) -> str:
        parts = _ATOM.split(text)
        parts[1::2] = [self.atoms[int(number)][1] for number in parts[1::2]]
        parts[::2] = [literal(run) for run in parts[::2]]
        return unbracketed("".join(parts))

    def _image(self, token: Token) -> str:
        alt = plain(self._source(token.content))
        path = self._source(str(token.attrs["src"]))
        media = self.pictures.get(path) or self.pictures.get(unquote(path))
        if media is None or not is_media_name(media.name):
            return lines(alt or path.rpartition("/")[2])
        return f'<img src="{media.name}" alt="{attribute(alt)}">'

    def _source(self, text: str) -> str:
        """Text in which an atom is no atom: as it was written."""
        return _ATOM.sub(lambda match: self.atoms[int(match[1])][0], text)


def _tag(token: Token) -> str:
    if token.tag not in _TAGS:
        return literal(token.content)
    if token.nesting < 0:
        return f"</{token.tag}>"
    return f"<{token.tag}{_attributes(token)}>"


def _attributes(token: Token) -> str:
    start = token.attrs.get("start")
    if token.tag == "ol" and isinstance(start, int):
        return f' start="{start}"'
    aligned = re.fullmatch(r"text-align:(left|right|center)", str(token.attrs.get("style", "")))
    return f' align="{aligned[1]}"' if aligned else ""


@cache
def _parser() -> MarkdownIt:
    """CommonMark with tables and strikethrough, without HTML and what surprises in a card.

    Indented code, references and underlined headings would take text that means nothing by it.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable(["table", "strikethrough"])
    parser.inline.ruler.before("emphasis", "mark", _mark)
    parser.disable(["code", "reference", "lheading", "html_block", "html_inline"])
    # `address` judges and encodes links, where atoms are text again
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


_MARK = re.compile(r"(?<!=)==(?![=\s])((?:(?!==).)+?)(?<!\s)==(?!=)", re.DOTALL)


def _mark(state: StateInline, silent: bool) -> bool:
    """`==marked==` within a paragraph, as Obsidian has it."""
    found = _MARK.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        end, state.posMax = state.posMax, found.end(1)
        state.pos = found.start(1)
        state.push("mark_open", "mark", 1)
        state.md.inline.tokenize(state)
        state.push("mark_close", "mark", -1)
        state.posMax = end
    state.pos = found.end()
    return True
