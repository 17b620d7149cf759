"""Render cards and passages as JSON and HTML for the page, with formulas as MathML.

The editor shows fields as they appear on the card. For this, `split_into_pieces` splits a field's
Markdown into pieces that include their source. Joining the sources restores the Markdown exactly,
so text that the user doesn't edit stays unchanged.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from html import escape, unescape
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import asdict, replace

from ankiforge.anki.notes import (
    format_context,
    render_citation,
    render_content_fields,
    render_passage,
)
from ankiforge.anki.notetypes import find_cloze_tokens
from ankiforge.anki.render import SOUND_TAG, render_field
from ankiforge.check import remove_revealing_context
from ankiforge.model import (
    CardKind,
    Highlight,
    Json,
    ListRow,
    Media,
    NoteType,
    Pair,
    ShownCard,
    SourceKind,
    Span,
)
from ankiforge.reports.view import CardView, view_card
from ankiforge.text import occlusion, regex, to_one_line
from ankiforge.text.cloze import find_cloze_numbers, find_clozes, find_image_paths
from ankiforge.text.differences import diff_tokens
from ankiforge.text.located import locate_text
from ankiforge.text.normalize import find_literal_spans, isolate_bidi

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Piece = str | Json
"""Part of a field as shown by the editor:

    piece = text
          | {open, close, tag, kids}               emphasis, a link, an escaped character
          | {open, close, numbers, hint, kids}     a cloze deletion
          | {source, html, kids?}                  code, a formula, a picture, a table
"""
RenderMarkdown = Callable[[str], str]
"""Renders part of a field as HTML."""

# The placeholder for a cloze deletion, code or a formula while the surrounding markup is parsed.
_PLACEHOLDER = "\ufdd0"
_MARKUP = regex(
    r"""(?xms)
      (?P<table>^[^\n]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$
        (?:\n[^\n]*\|[^\n]*)*)
    | (?P<picture>!\[[^\]\n]{0,1000}\]\([^)\n]{0,2000}\))
    | (?P<bullet>^[ \t]*[-+*][ \t]+)
    | <(?P<element>b|i|u|s|sub|sup)>(?P<in_element>.{1,2000}?)</(?P=element)>
    | \[(?P<label>[^\]\n]{1,1000})\]\([^)\n]{0,2000}\)
    # a run of three stars may end two of them
    | (?<!\*)(?P<stars>\*{1,3})(?=[^\s*])(?P<in_stars>.{1,2000}?)
      (?:(?<=[^\s*])(?P=stars)|(?<=\*)(?P=stars)(?<=[^\s*]\*\*\*))(?!\*)
    | (?P<sign>~~|==)(?=\S)(?P<in_signs>.{1,2000}?)(?<=\S)(?P=sign)
    | (?<!\w)(?P<line>_{1,3})(?=\S)(?P<in_lines>.{1,2000}?)(?<=\S)(?P=line)(?!\w)
    """
)
_MAY_BE_MARKUP = regex(r"[\\`*_~=<$|\[]|\{\{c|^[ \t]*[-+]")
_TAG_BY_DELIMITER = {
    "*": "em", "**": "strong", "***": "strong",
    "_": "em", "__": "strong", "___": "strong",
    "~~": "s", "==": "mark",
}  # fmt: skip
_LINK_TAG = "u"
_BULLET = "• "


def split_into_pieces(
    markdown: str, draw: RenderMarkdown, *, cloze: bool, tables: bool = True
) -> list[Piece]:
    """Split a field into pieces for the editor: text, formatting, cloze deletions, etc.

    Args:
        markdown: the field, or the answer of a cloze deletion in it.
        draw: renders code, formulas, pictures, and tables as HTML.
        cloze: whether the field may contain cloze deletions.
        tables: whether to render tables as pieces of their own instead of showing their source.
    """
    if not _MAY_BE_MARKUP.search(markdown) or _PLACEHOLDER in markdown:
        return [markdown] if markdown else []

    # parse cloze deletions, code, formulas and escapes
    runs: list[tuple[int, int, Any]] = []
    if cloze:
        runs += [(gap.start, gap.end, gap) for gap in find_clozes(markdown)]
    runs += find_literal_spans(markdown)
    placeholders = deque[tuple[str, Json]]()
    parts = []
    position = 0
    for start, end, token in sorted(runs, key=lambda run: run[0]):
        if start < position:  # it is nested in the previous run
            continue
        source = markdown[start:end]
        piece: Json
        if token == "escape":
            piece = {"open": source[0], "close": "", "tag": "span", "kids": [source[1:]]}
        elif isinstance(token, str):
            piece = {"source": source, "html": draw(source)}
        else:
            body_end = token.answer_start + len(token.answer)
            piece = {
                "open": markdown[start : token.answer_start],
                "close": markdown[body_end:end],
                "numbers": ",".join(map(str, token.numbers)),
                "hint": token.hint,
                "kids": split_into_pieces(token.answer, draw, cloze=cloze, tables=tables),
            }
        parts += [markdown[position:start], _PLACEHOLDER]
        placeholders.append((source, piece))
        position = end
    parts.append(markdown[position:])
    parser = _PlaceholderParser(placeholders, draw, cloze=cloze, tables=tables)
    return [*parser.parse("".join(parts))]


class _PlaceholderParser:
    """Parser for Markdown in which already parsed pieces are replaced by placeholders.

    Placeholders are substituted in order, so the text must be parsed from left to right.
    """

    def __init__(
        self,
        placeholders: deque[tuple[str, Json]],
        draw: RenderMarkdown,
        *,
        cloze: bool,
        tables: bool,
    ) -> None:
        self._placeholders = placeholders
        self._draw = draw
        self._cloze = cloze
        self._tables = tables

    def parse(self, text: str) -> Iterator[Piece]:
        """Yield the pieces of `text`, with placeholders replaced by their pieces."""
        position = 0
        for match in _MARKUP.finditer(text):
            if match["table"] and not self._tables:
                continue
            yield from self._replace_placeholders(text[position : match.start()])
            position = match.end()
            if match["table"]:
                source = self._restore_sources(match[0])
                kids_of_table = split_into_pieces(
                    source, self._draw, cloze=self._cloze, tables=False
                )
                yield {
                    "source": source,
                    "html": self._draw(source),
                    "kids": kids_of_table,
                }
            elif match["picture"]:
                source = self._restore_sources(match[0])
                yield {"source": source, "html": self._draw(source)}
            elif match["bullet"]:
                yield {"source": match[0], "html": _BULLET}
            else:
                yield self._read_markup(match)
        yield from self._replace_placeholders(text[position:])

    def _read_markup(self, match: re.Match[str]) -> Piece:
        """Return the piece for an element, a link or emphasis, with the pieces inside it."""
        if match["element"]:
            return self._make_markup_piece(match, "in_element", match["element"])
        if match["label"]:
            return self._make_markup_piece(match, "label", _LINK_TAG)
        if match["stars"]:
            tag = _TAG_BY_DELIMITER[match["stars"]]
            return self._make_markup_piece(match, "in_stars", tag)
        if match["line"]:
            tag = _TAG_BY_DELIMITER[match["line"]]
            return self._make_markup_piece(match, "in_lines", tag)
        return self._make_markup_piece(
            match, "in_signs", _TAG_BY_DELIMITER[match["sign"]]
        )

    def _make_markup_piece(
        self, match: re.Match[str], inner_group: str, tag: str
    ) -> Piece:
        """Make the piece for markup around the text of a group, which is parsed in turn."""
        before = match.string[match.start() : match.start(inner_group)]
        after = match.string[match.end(inner_group) : match.end()]
        kids = [*self.parse(match[inner_group])]
        close = self._restore_sources(after)
        return {"open": before, "close": close, "tag": tag, "kids": kids}

    def _replace_placeholders(self, text: str) -> Iterator[Piece]:
        first, *later_parts = text.split(_PLACEHOLDER)
        if first:
            yield first
        for text_after in later_parts:
            yield self._placeholders.popleft()[1]
            if text_after:
                yield text_after

    def _restore_sources(self, text: str) -> str:
        first, *later_parts = text.split(_PLACEHOLDER)
        parts = [first]
        for text_after in later_parts:
            source, _ = self._placeholders.popleft()
            parts += [source, text_after]
        return "".join(parts)


# --- cards ------------------------------------------------------------------------------

FindPicture = Callable[[Highlight, str], Media | None]
"""Returns the picture at a path in a highlight's source, or None if it can't be read. Afterwards,
the page can request the picture by name.
"""
FIELD_LABELS = {
    "Front": "Question",
    "Back": "Answer",
    "Extra": "Shown with the answer",
    "Text": "Text",
}
_TOKEN = regex(r"(?s)<[^>]*>|(?:&#?\w+;|\w)+\s*|\s+|.")


def render_card(
    card: ShownCard, find_picture: FindPicture, cloze_number: int = 0
) -> Json:
    """Render a card as JSON for the page.

    Args:
        card: the card to render.
        find_picture: looks up the card's pictures.
        cloze_number: the cloze number to blank out, which selects one of the note's cards in Anki,
            or 0 to blank out all cloze deletions.

    Returns:
        `front` and `back`, the sides as HTML, where the back repeats the question; `context`, the
            line shown above both sides in Anki; `place`, the headings in that line; `fields`, a
            list of [name, label, pieces]; `title`, the question as plain text on one line;
            `question` and `answer`, the HTML of the sides for a list (the answers of a cloze text
            are marked in `question`, and `answer` is ""); and `note`, a remark such as the number
            of cards. For an occlusion card, `figure` has the picture and its masks.
    """
    view = view_card(card)
    if view.masks is not None:
        return _render_figure(card, view, view.masks, find_picture)
    note_type = card.kind.note_type
    media = find_pictures(card, find_picture)
    html_by_name = {}
    html_fields = render_content_fields(card.kind, card.fields, media)
    for name, html in zip(note_type.content_fields, html_fields, strict=True):
        html_by_name[name] = adapt_html_to_page(html)
    if note_type is NoteType.CLOZE:
        sides = _render_cloze_sides(view, html_by_name["Text"], cloze_number)
    else:
        sides = _render_question_sides(card, html_by_name["Front"], html_by_name["Back"])
    back = sides.back
    for name in note_type.text_fields:
        if html_by_name[name] and name not in note_type.required_fields:
            back += _wrap_part(name.lower(), html_by_name[name])

    # cite only this passage, not its copies in other documents
    cited = replace(card, passages=(card.highlight,))
    citation = render_citation(cited, remove_revealing_context)
    _, _, headings = format_context(cited, remove_revealing_context).partition(" › ")
    return {
        "place": headings,
        "context": _wrap_part("context", citation),
        "front": sides.front,
        "back": back,
        "fields": _render_editor_fields(card, media),
        "title": view.format_question("", ""),
        "question": sides.question,
        "answer": sides.answer,
        "note": sides.note,
    }


class _Sides(NamedTuple):
    """The sides of a card as HTML."""

    front: str
    back: str
    """The answer below the question, without further fields."""
    question: str
    """The question in a list, in which the answers of a cloze text are marked."""
    answer: str
    """The answer in a list, or "" for a cloze text."""
    note: str
    """A remark such as the number of cards, or ""."""


def _render_cloze_sides(view: CardView, html: str, cloze_number: int) -> _Sides:
    """Render a cloze text with its gaps blanked out, and with the answers in them."""
    asked = _render_clozes(html, hidden=True, cloze_number=cloze_number)
    answered = _render_clozes(html, hidden=False, cloze_number=cloze_number)
    count = len(find_cloze_numbers(view.front))
    return _Sides(
        front=_wrap_part("text", asked),
        back=_wrap_part("text", answered),
        question=answered,
        answer="",
        note=f"Makes {count} cards." if count > 1 else "",
    )


def _render_question_sides(card: ShownCard, question: str, answer: str) -> _Sides:
    front = _wrap_part("question", question)
    is_two_way = card.kind is CardKind.TWO_WAY
    return _Sides(
        front=front,
        back=f"{front}<hr>{_wrap_part('answer', answer)}",
        question=question,
        answer=answer,
        note="Asked in both directions." if is_two_way else "",
    )


def _render_editor_fields(card: ShownCard, media: Mapping[str, Media]) -> list[Json]:
    """Render the fields for the editor, each as [name, label, pieces]."""
    note_type = card.kind.note_type
    markdown = dict(card.fields)

    def draw(source: str) -> str:
        is_cloze = note_type is NoteType.CLOZE
        html = render_field(source, cloze=is_cloze, pictures=media)
        return _render_clozes(adapt_html_to_page(html), hidden=False)

    fields: list[Any] = []
    for name in note_type.text_fields:
        text = markdown.get(name, "")
        pieces = split_into_pieces(text, draw, cloze=name == "Text")
        fields.append([name, FIELD_LABELS.get(name, name), pieces])
    return fields


def adapt_html_to_page(html: str) -> str:
    """Replace the sounds, formulas and picture URLs in a field's HTML with the page's versions."""
    html = SOUND_TAG.sub(r'<audio controls preload="none" src="\1"></audio>', html)
    html = html.replace('src="af-', 'src="/picture/af-')
    return _FIELD_FORMULA.sub(_render_formula_match, html)


def _render_figure(
    card: ShownCard, view: CardView, masks: occlusion.Masks, find_picture: FindPicture
) -> Json:
    media = find_pictures(card, find_picture)
    pictures_shown = list(media.values())
    picture = adapt_html_to_page(render_content_fields(card.kind, card.fields, media)[-1])
    labels = escape(to_one_line(" · ".join(occlusion.list_labels(masks))))
    return {
        "figure": {
            "src": f"/picture/{pictures_shown[0].name}" if pictures_shown else "",
            "alt": view.question,
            "hide": masks.hide,
            "masks": [*map(asdict, masks.masks)],
        },
        "context": "",
        "front": _wrap_part("question", picture),
        "back": f"{_wrap_part('question', picture)}<hr>{_wrap_part('answer', labels)}",
        "fields": [],
        "title": view.question,
        "question": escape(view.question),
        "answer": "",
        "note": "",
    }


def render_row(list_row: ListRow) -> Json:
    """Render a card or draft as JSON for a row of a list, without its pictures."""
    card = render_card(list_row, lambda *_: None)
    row = {name: card[name] for name in ("title", "question", "answer")}
    state = list_row.state
    return {"id": list_row.id, **row, "state": state[:1].upper() + state[1:]}


def render_text(markdown: str) -> str:
    """Render Markdown without cloze deletions as HTML for a list, without pictures."""
    return adapt_html_to_page(render_field(markdown, cloze=False))


def split_at_formulas(text: str, formulas: Iterable[Span] | None = None) -> list[Pair]:
    """Split plain text at formulas, so that words between them can still be selected.

    `formulas` are the spans of TeX formulas, or None to detect formulas in dollar signs.

    Returns:
        (text, MathML) pairs, where the MathML is "" if the text isn't a formula.
    """
    if formulas is None:
        mathml_by_span = _convert_dollar_formulas(text)
    else:
        mathml_by_span = {
            (start, end): tex_to_mathml(text[start:end]) for start, end in formulas
        }
    parts: list[Pair] = []
    position = 0
    for (start, end), mathml in sorted(mathml_by_span.items()):
        parts.append((text[position:start], ""))
        parts.append((text[start:end], mathml))
        position = end
    parts.append((text[position:], ""))
    return [(part, mathml) for part, mathml in parts if part]


def _convert_dollar_formulas(text: str) -> dict[Span, str]:
    """Map the spans of formulas in dollar signs to MathML. What can't be converted stays text."""
    mathml_by_span = {}
    for start, end, kind in find_literal_spans(text):
        if kind == "math":
            mathml = tex_to_mathml(text[start + 1 : end - 1].strip())
        elif kind == "display":
            mathml = tex_to_mathml(text[start + 2 : end - 2].strip(), display=True)
        else:
            continue
        if mathml:
            mathml_by_span[start, end] = mathml
    return mathml_by_span


def find_pictures(card: ShownCard, find_picture: FindPicture) -> dict[str, Media]:
    """Look up the pictures in a card, keyed by path, skipping any that can't be read."""
    media_by_path = {}
    for path in find_image_paths("\n".join(text for _, text in card.fields)):
        media = find_picture(card.highlight, path)
        if media:
            media_by_path[path] = media
    return media_by_path


def _wrap_part(name: str, html: str) -> str:
    return f'<div class="af-{name}" dir="auto">{html}</div>'


class _OpenCloze(NamedTuple):
    """A cloze deletion whose end wasn't reached yet."""

    first_part: int
    """The index of the first part of the HTML inside."""
    is_selected: bool
    """Whether the cloze deletion belongs to the card that is shown."""


def _render_cloze(inner_html: str, cloze: _OpenCloze, *, hidden: bool) -> str:
    """Render a cloze deletion from the HTML inside, which may end with a hint."""
    answer, _, hint = inner_html.partition("::")
    if not cloze.is_selected:
        return answer
    if not hidden:
        return f'<span class="cloze">{answer}</span>'
    return f'<span class="cloze">[{hint or "…"}]</span>'


def _render_clozes(html: str, *, hidden: bool, cloze_number: int = 0) -> str:
    """Render cloze deletions as gaps if `hidden`, otherwise as highlighted answers.

    If `cloze_number` isn't 0, cloze deletions with other numbers are rendered as plain text.
    """
    parts: list[str] = []
    open_clozes: list[_OpenCloze] = []
    position = 0
    for token in find_cloze_tokens(html):
        parts.append(html[position : token.start])
        # only the start of a cloze deletion has numbers
        if token.numbers:
            is_selected = cloze_number in (0, *token.numbers)
            open_clozes.append(_OpenCloze(len(parts), is_selected))
        else:
            cloze = open_clozes.pop()
            inner_html = "".join(parts[cloze.first_part :])
            parts[cloze.first_part :] = [_render_cloze(inner_html, cloze, hidden=hidden)]
        position = token.end
    parts.append(html[position:])
    return "".join(parts)


def mark_differences(old: Json, new: Json) -> None:
    """Mark the words that differ between the backs of two rendered cards, in place."""
    old_tokens = _TOKEN.findall(old["back"])
    new_tokens = _TOKEN.findall(new["back"])
    old_runs, new_runs = diff_tokens(old_tokens, new_tokens)
    old["back"] = "".join(_mark_differing_runs(old_runs))
    new["back"] = "".join(_mark_differing_runs(new_runs))


def _mark_differing_runs(runs: Iterable[tuple[bool, list[str]]]) -> Iterator[str]:
    """Yield HTML in which differing text is wrapped in `<ins>`, while tags are left as they are.

    Each run is a pair of whether it differs from the other card, and the tokens of the run.
    """
    for differs, tokens in runs:
        for is_tag, group in groupby(tokens, lambda token: token.startswith("<")):
            text = "".join(group)
            words = text.rstrip()
            if is_tag or not differs or not words:
                yield text
            else:
                yield f"<ins>{words}</ins>{text[len(words) :]}"


# Formulas are converted to MathML, or shown as TeX code if that fails.

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
_FIELD_FORMULA = regex(r"(?s)\\\((.*?)\\\)([.,;!?)\]]*)|\\\[(.*?)\\\]")
_MAX_TEX_CHARS = 4_000


@lru_cache(maxsize=512)
def tex_to_mathml(tex: str, *, display: bool = False) -> str:
    """Convert TeX to MathML, or return "" if it is invalid, too long or uses unknown commands.

    The result contains only allowed elements and attributes, and all text is escaped.
    """
    from xml.etree.ElementTree import tostring

    if len(tex) > _MAX_TEX_CHARS:
        return ""
    try:
        from latex2mathml.converter import convert_to_element

        formula = convert_to_element(tex, display="block" if display else "inline")
        for element in formula.iter():
            element.attrib.pop("xmlns", None)
            if element.text:
                element.text = unescape(element.text)
            if not _is_allowed(element):
                return ""
    except Exception:  # noqa: BLE001 - the converter may raise anything for user input
        return ""
    return tostring(formula, encoding="unicode")


def _is_allowed(element: Element) -> bool:
    """Return whether a MathML element is safe and fully converted.

    The converter leaves TeX commands that it doesn't know as text. Elements with such text aren't
    allowed either.
    """
    if element.tag not in _MATHML_TAGS:
        return False
    if not _MATHML_ATTRIBUTES.issuperset(element.attrib):
        return False
    text = element.text or ""
    return element.tag == "mtext" or not (text.startswith("\\") or text == "&")


def _render_formula_match(match: re.Match[str]) -> str:
    inline, punctuation, display = match.groups()
    html = display if inline is None else inline
    tex = unescape(re.sub(r"<[^>]*>", "", html)).strip()
    rendered = tex_to_mathml(tex, display=inline is None) or f"<code>{escape(tex)}</code>"
    # the page replaces a selected formula by its TeX
    rendered = rendered.replace("<math", f'<math alttext="{escape(tex)}"', 1)
    if not punctuation:
        return rendered
    # prevent a line break before the punctuation that follows
    return f'<span class="unbroken">{rendered}{punctuation}</span>'


# --- the passage ------------------------------------------------------------------------


def find_card_quote(highlight: Highlight, quote: str) -> str:
    """Return the part of a highlight's text that matches a card's quote, or "" if no part does."""
    if not quote.strip():
        return ""
    span = locate_text(quote, highlight.exact)
    if span is None:
        return ""
    start, end = span
    return highlight.exact[start:end]


def render_highlight_list(title: str, highlights: Iterable[Highlight]) -> str:
    """Render a document's highlights as an HTML list whose entries have the key in `data-key`."""
    entries = "".join(map(_render_entry, highlights))
    return (
        f'<div class="book"><h1 dir="auto">{escape(title)}</h1><ol>{entries}</ol></div>'
    )


def _render_entry(highlight: Highlight) -> str:
    before, marked, after = render_passage(highlight, has_formulas=highlight.has_formulas)
    quote = adapt_html_to_page(f"{before}<mark>{marked}</mark>{after}")
    parts = [
        f'<p class="place" dir="auto">{escape(_format_location(highlight))}</p>',
        f'<blockquote dir="auto">{quote}</blockquote>',
    ]
    if highlight.comment:
        parts.append(f'<p class="said" dir="auto">{escape(highlight.comment)}</p>')
    return f'<li data-key="{escape(highlight.key)}">{"".join(parts)}</li>'


def _format_location(highlight: Highlight) -> str:
    """Format the page or path of a highlight, and the headings without the document's title."""
    document = highlight.document
    location = []
    if highlight.page_or_time:
        location.append(highlight.page_or_time)
    elif highlight.source_kind is SourceKind.VAULT:
        location.append(document.path)
    headings = []
    for heading in highlight.heading.split(" › "):
        if heading not in ("", document.title):
            headings.append(heading)
    if headings:
        location.append(" › ".join(headings))
    return " · ".join(map(isolate_bidi, location))
