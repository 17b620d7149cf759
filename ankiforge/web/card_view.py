"""Show a card as Anki does, and its passage: as data for the page, formulas as MathML.

The Markdown of a field is taken apart for the editor, which shows it as the card will:

    piece = text
          | {open, close, tag, kids}               emphasis, a link, an escaped sign
          | {open, close, numbers, hint, kids}     a gap
          | {source, html, kids?}                  code, a formula, a picture, a table

The sources of the pieces, one behind the other, are the Markdown to the letter. So the editor
sends back what it shows, and what nobody touched stays as it was.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from html import escape, unescape
from itertools import groupby, pairwise, takewhile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from msgspec.structs import asdict, replace

from ankiforge.anki.notes import citation_html, content_html, context_of
from ankiforge.anki.notetypes import cloze_signs
from ankiforge.anki.render import SOUND, address, render
from ankiforge.check import safe_context
from ankiforge.model import (
    CardKind,
    Family,
    Highlight,
    HighlightKind,
    Json,
    Media,
    Pair,
    Shown,
    SourceKind,
    Span,
    Texts,
)
from ankiforge.text import occlusion, on_one_line, regex
from ankiforge.text.cloze import (
    cloze_answers,
    gaps,
    image_paths,
    numbers,
    plain,
    reveal,
    table_cells,
    table_rows,
)
from ankiforge.text.fold import isolated, locate, shields
from ankiforge.text.passages import to_a_word

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Piece = str | Json
Draw = Callable[[str], str]
"""Returns the HTML that a part of a field is drawn as."""

# Takes the place of a gap, or of code and maths, while emphasis is looked for around it.
_STAND_IN = "\ufdd0"
_MARKUP = regex(
    r"""(?xms)
      (?P<table>^[^\n]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$
        (?:\n[^\n]*\|[^\n]*)*)
    | (?P<picture>!\[[^\]\n]{0,1000}\]\([^)\n]{0,2000}\))
    | (?P<bullet>^[ \t]*[-+*][ \t]+)
    | <(?P<element>b|i|u|s|sub|sup)>(?P<within>.{1,2000}?)</(?P=element)>
    | (?P<link>\[)(?P<label>[^\]\n]{1,1000})(?P<address>\]\([^)\n]{0,2000}\))
    # a run of three stars may end two of them
    | (?<!\*)(?P<stars>\*{1,3})(?=[^\s*])(?P<starred>.{1,2000}?)
      (?:(?<=[^\s*])(?P=stars)|(?<=\*)(?P=stars)(?<=[^\s*]\*\*\*))(?!\*)
    | (?P<sign>~~|==)(?=\S)(?P<words>.{1,2000}?)(?<=\S)(?P=sign)
    | (?<!\w)(?P<line>_{1,3})(?=\S)(?P<lined>.{1,2000}?)(?<=\S)(?P=line)(?!\w)
    """
)
_MAY_BE_MARKUP = regex(r"[\\`*_~=<$|\[]|\{\{c|^[ \t]*[-+]")
_TAG_OF_SIGN = {"~~": "s", "==": "mark"}
_BULLET = "• "


def pieces(markdown: str, draw: Draw, *, cloze: bool, tables: bool = True) -> list[Piece]:
    """Return the pieces of a field.

    Args:
        markdown: the field, or the answer of one of its gaps.
        draw: draws code, formulas, pictures and tables.
        cloze: whether it has gaps.
        tables: whether tables are drawn, not shown as they are written.
    """
    if not _MAY_BE_MARKUP.search(markdown) or _STAND_IN in markdown:
        return [markdown] if markdown else []

    # the parts that our own grammar reads, each with its piece
    runs: list[tuple[int, int, Any]] = []
    if cloze:
        runs += [(gap.start, gap.end, gap) for gap in gaps(markdown)]
    runs += shields(markdown)
    stand_ins = deque[tuple[str, Json]]()
    parts = []
    done = 0
    for start, end, what in sorted(runs, key=lambda run: run[0]):
        if start < done:  # it is within the one before
            continue
        source = markdown[start:end]
        piece: Json
        if what == "escape":
            piece = {"open": source[0], "close": "", "tag": "span", "kids": [source[1:]]}
        elif isinstance(what, str):
            piece = {"source": source, "html": draw(source)}
        else:
            body_end = what.body + len(what.answer)
            piece = {
                "open": markdown[start : what.body],
                "close": markdown[body_end:end],
                "numbers": ",".join(map(str, what.numbers)),
                "hint": what.hint,
                "kids": pieces(what.answer, draw, cloze=cloze, tables=tables),
            }
        parts += [markdown[done:start], _STAND_IN]
        stand_ins.append((source, piece))
        done = end
    parts.append(markdown[done:])
    reader = _StandInReader(stand_ins, draw, cloze=cloze, tables=tables)
    return [*reader.read("".join(parts))]


class _StandInReader:
    """Reads a text with stand-ins from left to right, so that they come in their order."""

    def __init__(
        self, stand_ins: deque[tuple[str, Json]], draw: Draw, *, cloze: bool, tables: bool
    ) -> None:
        self._stand_ins = stand_ins
        self._draw = draw
        self._cloze = cloze
        self._tables = tables

    def read(self, text: str) -> Iterator[Piece]:
        """Yield the pieces of a text."""
        done = 0
        for match in _MARKUP.finditer(text):
            if match["table"] and not self._tables:
                continue
            yield from self._plain(text[done : match.start()])
            done = match.end()
            if match["table"]:
                source = self._source(match[0])
                written = pieces(source, self._draw, cloze=self._cloze, tables=False)
                yield {"source": source, "html": self._draw(source), "kids": written}
            elif match["picture"]:
                source = self._source(match[0])
                yield {"source": source, "html": self._draw(source)}
            elif match["bullet"]:
                yield {"source": match[0], "html": _BULLET}
            else:
                enclosed = ("within", "label", "starred", "words", "lined")
                inner = next(name for name in enclosed if match[name])
                before = match[0][: match.start(inner) - match.start()]
                after = match[0][match.end(inner) - match.start() :]
                sign = match["stars"] or match["sign"] or match["line"] or ""
                tag = match["element"] or ("u" if match["link"] else "")
                tag = tag or _TAG_OF_SIGN.get(sign, "em" if len(sign) == 1 else "strong")
                kids = [*self.read(match[inner])]
                close = self._source(after)
                yield {"open": before, "close": close, "tag": tag, "kids": kids}
        yield from self._plain(text[done:])

    def _plain(self, text: str) -> Iterator[Piece]:
        """Yield text without markup, and the pieces in place of its stand-ins."""
        first, *others = text.split(_STAND_IN)
        if first:
            yield first
        for words in others:
            yield self._stand_ins.popleft()[1]
            if words:
                yield words

    def _source(self, text: str) -> str:
        """Return a text with the sources of its stand-ins."""
        first, *others = text.split(_STAND_IN)
        return first + "".join(self._stand_ins.popleft()[0] + words for words in others)


# === card_view ========================================================================

Find = Callable[[Highlight, str], Media | None]
"""Returns the picture at a path in a highlight's source; the page may ask for it by its name."""
LABELS = {
    "Front": "Question",
    "Back": "Answer",
    "Extra": "Shown with the answer",
    "Text": "Text",
}
_TOKEN = regex(r"(?s)<[^>]*>|(?:&#?\w+;|\w)+\s*|\s+|.")


def card_view(card: Shown, find: Find, number: int = 0) -> Json:
    """Return a card for the page.

    Args:
        card: the card.
        find: finds its pictures.
        number: that of the gaps which are hidden, as Anki asks for them; 0 = all.

    Returns:
        `front` and `back`, the two sides as HTML, of which `back` repeats the question; what
        Anki shows above them, `context`, and of that the headings, `place`;
        `fields` [[name, label, pieces]]; `title` and `answer` as text;
        `with_gaps`, the text of a cloze as HTML with its gaps shown;
        `note`, how many cards it makes; of a figure, `figure`: its picture and its masks.
    """
    if card.kind is CardKind.OCCLUSION:
        return _figure_view(card, find)
    family = card.kind.family
    markdown = dict(card.fields)
    shown = {}
    media = pictures(card, find)
    html = content_html(card.kind, card.fields, media)
    for name, field in zip(family.content_fields, html, strict=True):
        shown[name] = on_page(field)
    text = markdown.get("Text", "")
    as_line = _unframed(text)
    if family is Family.CLOZE:  # the text with its gaps hidden, and with its gaps shown
        count = len(set(numbers(text)))
        front = _part("text", _clozes(shown["Text"], hidden=True, number=number))
        with_gaps = _clozes(shown["Text"], hidden=False, number=number)
        back = _part("text", with_gaps)
        note = f"Makes {count} cards." if count > 1 else ""
        title = plain(as_line)
        answer = cloze_answers(text)
        written_answer = " · ".join(gap.answer for gap in gaps(text))
    else:
        front = _part("question", shown["Front"])
        with_gaps = ""
        back = f"{front}<hr>{_part('answer', shown['Back'])}"
        note = "Asked in both directions." if card.kind is CardKind.TWO_WAY else ""
        title = plain(markdown.get("Front", ""))
        written_answer = markdown.get("Back", "")
        answer = plain(written_answer)
    names = family.word_fields
    for name in names:
        if shown[name] and name not in family.needed_fields:
            back += _part(name.lower(), shown[name])

    # above both sides: where this passage is, not its copies
    with_one_place = replace(card, passages=(card.highlight,))
    citation = citation_html(with_one_place, safe_context)
    place = context_of(with_one_place, safe_context).partition(" › ")[2]

    # what a person can edit
    def draw(source: str) -> str:
        html = render(source, cloze=family is Family.CLOZE, pictures=media)
        return _clozes(on_page(html), hidden=False)

    if as_line != text:
        with_gaps = draw(as_line)
    fields = []
    for name in names:
        written = pieces(markdown.get(name, ""), draw, cloze=name == "Text")
        fields.append([name, LABELS.get(name, name), written])
    return {
        "place": place,
        "context": _part("context", citation),
        "front": front,
        "back": back,
        "fields": fields,
        "title": on_one_line(title),
        "answer": on_one_line(answer),
        "with_gaps": with_gaps,
        "line": line_of(markdown.get(names[0], "")),
        "answer_line": line_of(written_answer),  # formulas as they were written
        "note": note,
    }


def on_page(html: str) -> str:
    """Return the HTML of a field as the page shows it: with pictures at their addresses here."""
    html = SOUND.sub(r'<audio controls preload="none" src="\1"></audio>', html)
    html = html.replace('src="af-', 'src="/picture/af-')
    return _IN_FIELD.sub(_drawn, html)


def _figure_view(card: Shown, find: Find) -> Json:
    """Return a figure: its picture with the hidden words, and its masks to draw."""
    masks = occlusion.masks_in(card.fields)
    media = pictures(card, find)
    shown = list(media.values())
    picture = on_page(content_html(card.kind, card.fields, media)[-1])
    named = on_one_line(" · ".join(occlusion.names(masks)))
    title = named or f"Figure in {card.highlight.document.title}"
    return {
        "figure": {
            "src": f"/picture/{shown[0].name}" if shown else "",
            "alt": f"Figure in {card.highlight.document.title}",
            "hide": masks.hide,
            "masks": [*map(asdict, masks.masks)],
        },
        "context": "",
        "front": _part("question", picture),
        "back": f"{_part('question', picture)}<hr>{_part('answer', escape(named))}",
        "fields": [],
        "title": title,
        "answer": "",
        "with_gaps": "",
        "line": [(title, "")],
        "answer_line": [],
        "note": "",
    }


def line_of(markdown: str) -> list[Pair]:
    """Return a text of a card on one line, as (text, MathML or ""): without clozes or markup."""
    parts: list[Pair] = []
    for words, formula in parts_of(on_one_line(reveal(_unframed(markdown)))):
        shown = words
        if words.strip() and not formula:
            # without markup; blanks at the ends, beside a formula, stay
            before = " " if words[0].isspace() else ""
            after = " " if words[-1].isspace() else ""
            shown = f"{before}{plain(words)}{after}"
        if shown:
            parts.append((shown, formula))
    return parts


def _unframed(markdown: str) -> str:
    """Return a table as its cells, or as the cell that it asks for; other text as it is."""
    rows = table_cells(markdown)
    for row in rows[1:]:
        for column, cell in zip(rows[0][1:], row[1:], strict=False):
            if gaps(cell):
                return f"{row[0]} › {column}: {cell}"
    return " · ".join(table_rows(markdown)) or markdown


def parts_of(text: str, formulas: Iterable[Span] | None = None) -> list[Pair]:
    """Return the parts of a text in which words may be chosen: (text, MathML or "").

    Args:
        text: plain text.
        formulas: where it has TeX; None = where it has dollars.
    """
    if formulas is None:
        mathml_by_span = _formulas(text)
    else:
        mathml_by_span = {
            (start, end): mathml(text[start:end]) for start, end in formulas
        }
    parts: list[Pair] = []
    position = 0
    for (start, end), formula in sorted(mathml_by_span.items()):
        parts.append((text[position:start], ""))
        parts.append((text[start:end], formula))
        position = end
    parts.append((text[position:], ""))
    return [(words, formula) for words, formula in parts if words]


def pictures(card: Shown, find: Find) -> dict[str, Media]:
    """Return the pictures that a card shows, by their paths."""
    shown = {}
    for path in image_paths("\n".join(text for _, text in card.fields)):
        media = find(card.highlight, path)
        if media:
            shown[path] = media
    return shown


def _part(name: str, html: str) -> str:
    return f'<div class="af-{name}" dir="auto">{html}</div>'


def _clozes(html: str, *, hidden: bool, number: int = 0) -> str:
    """Return a cloze text with its gaps hidden, or shown; with a number, only its own."""
    parts: list[str] = []
    open_clozes: list[tuple[int, bool]] = []
    """The number of parts before each cloze that is not closed yet, and whether it is asked."""
    position = 0
    for sign in cloze_signs(html):
        parts.append(html[position : sign.start])
        # it opens a cloze
        if sign.numbers:
            is_asked = not number or number in sign.numbers
            open_clozes.append((len(parts), is_asked))
        else:
            begin, is_asked = open_clozes.pop()
            answer, _, hint = "".join(parts[begin:]).partition("::")
            shown = f"[{hint or '…'}]" if hidden and is_asked else answer
            if is_asked:
                shown = f'<span class="cloze">{shown}</span>'
            parts[begin:] = [shown]
        position = sign.end
    parts.append(html[position:])
    return "".join(parts)


def compared(old: Json, new: Json) -> None:
    """Mark in two faces the words that only one of them has."""
    old_tokens = _TOKEN.findall(old["back"])
    new_tokens = _TOKEN.findall(new["back"])
    matcher = SequenceMatcher(a=old_tokens, b=new_tokens, autojunk=False)
    old_runs = []
    new_runs = []
    for operation, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        differs = operation != "equal"
        old_runs.append((differs, old_tokens[old_start:old_end]))
        new_runs.append((differs, new_tokens[new_start:new_end]))
    old["back"] = "".join(_marked(old_runs))
    new["back"] = "".join(_marked(new_runs))


def _marked(runs: Iterable[tuple[bool, list[str]]]) -> Iterator[str]:
    """Yield HTML in which the texts that differ are marked; HTML tags stay outside."""
    for differs, tokens in runs:
        for is_tag, group in groupby(tokens, lambda token: token.startswith("<")):
            text = "".join(group)
            words = text.rstrip()
            marked = differs and not is_tag and bool(words)
            yield f"<ins>{words}</ins>{text[len(words) :]}" if marked else text


# --- formulas ---------------------------------------------------------------------------
# As MathML, which browsers draw themselves; what cannot be drawn stays TeX, set as code.

_MATHML_TAG_NAMES = (
    "math mrow mi mn mo ms mtext mspace msup msub msubsup mfrac msqrt mroot mover munder munderover"
    " mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts mprescripts none"
)
_MATHML_ATTRIBUTE_NAMES = (
    "display displaystyle mathvariant stretchy fence separator form accent accentunder"
    " linethickness columnalign rowspacing columnspacing width height depth lspace rspace"
    " scriptlevel minsize maxsize notation movablelimits largeop symmetric"
)
_MATHML_TAGS = frozenset(_MATHML_TAG_NAMES.split())
_MATHML_ATTRIBUTES = frozenset(_MATHML_ATTRIBUTE_NAMES.split())
_IN_FIELD = regex(r"(?s)\\\((.*?)\\\)([.,;!?)\]]*)|\\\[(.*?)\\\]")
_LONGEST = 4_000
_LONG = 12
"""Letters and signs of a formula, from which on a line may end within it."""
_BREAKING = frozenset("=≠<>≤≥≈≡∼≃≅∝∈⊂⊆→⇒⇔+−")
_OPENING = frozenset("([{⟨")
_CLOSING = frozenset(")]}⟩")


@lru_cache(maxsize=512)
def mathml(tex: str, *, display: bool = False) -> str:
    """Return a formula as MathML; "" if it has a command that is not known, or cannot be read.

    A long one in a line is several `math` elements, between which the line may end.
    The result has known elements and attributes only, and its texts are escaped.
    """
    from xml.etree.ElementTree import tostring

    if len(tex) > _LONGEST:
        return ""
    try:
        from latex2mathml.converter import convert_to_element

        formula = convert_to_element(tex, display="block" if display else "inline")
        for element in formula.iter():
            element.attrib.pop("xmlns", None)
            text = unescape(element.text or "")
            if element.text:
                element.text = text
            if element.tag not in _MATHML_TAGS or not _MATHML_ATTRIBUTES.issuperset(
                element.attrib
            ):
                return ""
            # it was not understood
            if (text.startswith("\\") or text == "&") and element.tag != "mtext":
                return ""
    except Exception:  # noqa: BLE001 - whatever a converter says about what somebody typed
        return ""
    parts = [formula] if display else _divided(formula)
    return "".join(tostring(part, encoding="unicode") for part in parts)


def _divided(formula: Element) -> list[Element]:
    """Divide a long formula after its relations, sums and differences; not within brackets."""
    from xml.etree.ElementTree import Element, SubElement

    if sum(bool(element.text) for element in formula.iter()) < _LONG:
        return [formula]
    rows: list[list[Element]] = [[]]
    depth = 0
    is_begun = False
    """Whether a sign follows a term; before a term it is that of a number."""
    for element in formula[0]:
        texts = [each.text or "" for each in element.iter()]
        depth += sum((text in _OPENING) - (text in _CLOSING) for text in texts if text)
        is_sign = element.text in _BREAKING
        rows[-1].append(element)
        if is_sign and is_begun and not depth:
            element.set("form", "infix")
            rows.append([])
        is_begun = not is_sign
    parts = []
    for row in filter(None, rows):
        part = Element("math", formula.attrib)
        SubElement(part, "mrow").extend(row)
        parts.append(part)
    return parts


def _drawn(match: re.Match[str]) -> str:
    inline, after, display = match.groups()
    is_display = inline is None
    html = display if is_display else inline
    tex = unescape(re.sub(r"<[^>]*>", "", html)).strip()
    drawn = mathml(tex, display=is_display) or f"<code>{escape(tex)}</code>"
    if not after:
        return drawn
    # no line ends before the sign that follows
    before, begin, last = drawn.rpartition("<math")
    return f'{before}<span class="unbroken">{begin}{last}{after}</span>'


# --- the passage ------------------------------------------------------------------------

Run = tuple[str, str, str]
"""(text, signs, MathML). Signs: `m` marked, `c` code; MathML is "" if the text is no formula."""
_LINE_END = regex(r"\n")
_CELL = regex(r"\s*\|\s*")
_SHORT_ADDRESS = 48


def asked_words(highlight: Highlight, quote: str) -> str:
    """Return the words of a mark on which a card rests; "" if they are not in it."""
    span = locate(quote, highlight.exact) if quote.strip() else None
    return highlight.exact[slice(*span)] if span else ""


def book_html(title: str, highlights: Iterable[Highlight]) -> str:
    """Return the marks of a book as HTML; the quote of each has its key."""
    entries = "".join(map(_entry_html, highlights))
    return (
        f'<div class="book"><h1 dir="auto">{escape(title)}</h1><ol>{entries}</ol></div>'
    )


def _entry_html(highlight: Highlight) -> str:
    """Return the place of a mark, its passage, and the comment on it."""
    text, spans = _spans(highlight)
    # the page or file, and the headings that are not the title
    document = highlight.document
    place = [highlight.page]
    if not highlight.page and highlight.source_kind is SourceKind.VAULT:
        place.append(document.path)
    headings = []
    for heading in highlight.heading.split(" › "):
        if heading not in ("", document.title):
            headings.append(heading)
    place.append(" › ".join(headings))

    # paragraphs, and tables: lines with ` | ` that follow each other
    quote = ""
    lines = filter(None, _split(_runs(highlight, text, spans), _LINE_END))
    in_tables = groupby(lines, lambda line: any(" | " in words for words, _, _ in line))
    for is_table, group in in_tables:
        block = list(group)
        if is_table and len(block) > 1:
            rows = []
            for line in block:
                cells = (f"<td>{_runs_html(cell)}</td>" for cell in _split(line, _CELL))
                rows.append(f"<tr>{''.join(cells)}</tr>")
            quote += f"<table>{''.join(rows)}</table>"
        else:
            quote += "".join(f"<p>{_runs_html(line)}</p>" for line in block)
    said = f'<p class="said" dir="auto">{escape(highlight.comment)}</p>'
    return (
        f'<li data-key="{escape(highlight.key)}"><p class="place" dir="auto">'
        f"{escape(' · '.join(map(isolated, filter(None, place))))}</p>"
        f'<blockquote dir="auto">{quote}</blockquote>{said if highlight.comment else ""}</li>'
    )


def _runs_html(runs: Iterable[Run]) -> str:
    """Return runs of a passage as HTML."""
    parts = []
    for text, signs, drawn in runs:
        part = drawn or escape(text)
        if "c" in signs:
            part = f"<code>{part}</code>"
        parts.append(f"<mark>{part}</mark>" if "m" in signs else part)
    return "".join(parts)


def links_of(highlight: Highlight) -> list[Texts]:
    """Return links to a mark and to its work; only known schemes can be opened."""
    document = highlight.document
    urls = [highlight.uri or document.uri, *highlight.links]
    for scheme, value in document.identifiers:
        if scheme in _RESOLVERS:
            urls.append(value if "://" in value else _RESOLVERS[scheme] + value)
    links: list[Texts] = []
    targets = dict.fromkeys(map(address, urls))
    for target in filter(None, targets):
        scheme = target.partition(":")[0].lower()
        if scheme in _PROGRAMS:
            links.append({"label": _PROGRAMS[scheme], "href": target})
        elif scheme in ("http", "https"):
            links.append({"label": _shown(target), "href": target})
    return links


# --- words ------------------------------------------------------------------------------


def _spans(highlight: Highlight) -> tuple[str, list[Span]]:
    """Return the text around a highlight, and where it is marked."""
    # a sentence in three parts: before the highlight, the highlight, after it
    before, exact, after = "", highlight.exact, ""
    sentence = highlight.sentence
    span = locate(exact, sentence) if exact and sentence else None
    if span is not None:
        start, end = span
        before, exact, after = sentence[:start], sentence[start:end], sentence[end:]
    # of a cell, the sentence is its row below the head of its table
    table_head, _, before = before.rpartition("\n")

    # the rest of its paragraph; if that is not known, and in tables, the lines around
    nearby = highlight.nearby
    in_paragraph = None
    if " | " not in nearby:
        in_paragraph = locate(before + exact + after, nearby)
    if in_paragraph is not None:
        start, end = in_paragraph
        head = nearby[:start].rpartition("\n")[2] + before
        tail = after + nearby[end:].partition("\n")[0]
    else:
        # the context before is cut like that after it, read backwards
        backwards = _following(highlight.prefix[::-1], before[::-1])
        head = backwards[::-1] + before
        tail = after + _following(highlight.suffix, after)
    if table_head and table_head not in head.split("\n"):
        head = f"{table_head}\n{head}"
    text = head + exact + tail
    whole = (len(head), len(head) + len(exact))

    # the marked phrases, or else the whole highlight
    marks = []
    if highlight.kind is not HighlightKind.CARD:
        for gap_start, gap_end in highlight.gaps:
            if gap_end <= len(exact):
                marks.append((len(head) + gap_start, len(head) + gap_end))
    return text, marks or [whole]


def _following(context: str, rest: str) -> str:
    """Return the shown part of the context that follows the sentence of a highlight.

    The context before it is the same, mirrored.
    """
    shown = to_a_word(context)
    is_cut = shown != context
    if rest and shown.startswith(rest):  # the context may begin within the sentence
        shown = shown[len(rest) :]
    elif rest and rest.startswith(shown):
        shown = ""
    # of the lines further away, those of its table
    first, *others = shown.split("\n")
    near = [first]
    if " | " in first or not first.strip():
        near += takewhile(lambda line: " | " in line, others)
    if is_cut and near[-1] and shown.endswith(near[-1]):
        near[-1] = f"{near[-1]} …"
    return "\n".join(near)


_DOLLARS = {"math": 1, "display": 2}


def _runs(
    highlight: Highlight,
    text: str,
    spans: Sequence[Span],
) -> Iterator[Run]:
    """Split a text where a mark begins or ends; a formula is never divided."""
    formulas = {}
    code = {}
    if highlight.has_formulas:
        formulas = _formulas(text)
        for start, end, kind in shields(text):
            if kind in ("code", "fence"):
                code[start, end] = kind
    edges = {0, len(text)}
    for span in spans:
        edges.update(span)
    for start, end in (*formulas, *code):
        edges = {edge for edge in edges if not start < edge < end}
    edges.update(*formulas, *code)
    for start, end in pairwise(sorted(edges)):
        is_marked = any(first < end and start < last for first, last in spans)
        signs = "m" if is_marked else ""
        drawn = formulas.get((start, end), "")
        words = text[start:end]
        if (start, end) in code:
            signs += "c"
            if code[start, end] == "fence":  # without the lines that open and close it
                words = "\n".join(words.split("\n")[1:-1])
            else:
                words = words.strip("`")
        yield words, signs, drawn


def _formulas(text: str) -> dict[Span, str]:
    """Return the MathML of each formula that can be drawn, by its span including the dollars."""
    formulas = {}
    for start, end, kind in shields(text):
        if kind not in _DOLLARS:
            continue
        width = _DOLLARS[kind]
        tex = text[start + width : end - width].strip()
        drawn = mathml(tex, display=kind == "display")
        if drawn:
            formulas[start, end] = drawn
    return formulas


def _split(runs: Iterable[Run], separator: re.Pattern[str]) -> list[list[Run]]:
    """Divide runs where their texts have a separator; a formula has none."""
    parts: list[list[Run]] = [[]]
    for text, signs, drawn in runs:
        if drawn:
            parts[-1].append((text, signs, drawn))
            continue
        first, *others = separator.split(text)
        parts[-1].append((first, signs, ""))
        parts += [[(other, signs, "")] for other in others]
    return [[run for run in part if run[0]] for part in parts]


# --- links ------------------------------------------------------------------------------

_PROGRAMS = {
    "zotero": "Open in Zotero",
    "obsidian": "Open in Obsidian",
    "kindle": "Open in Kindle",
}
_RESOLVERS = {"doi": "https://doi.org/", "arxiv": "https://arxiv.org/abs/", "url": ""}


def _shown(target: str) -> str:
    """Return the name of a link: host and path.

    A user name is left out: it could look like a host.
    """
    parts = urlsplit(target)
    host = parts.netloc.rpartition("@")[2].removeprefix("www.")
    name = isolated(unquote(host + parts.path))
    if len(name) > _SHORT_ADDRESS:
        return f"{name[:_SHORT_ADDRESS]}…"
    return name
