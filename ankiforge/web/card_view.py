"""Show a card as Anki does, and its passage: as data for the page, formulas as MathML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from html import escape, unescape
from itertools import groupby, pairwise, takewhile
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from ankiforge.anki.notes import citation_html, content_html
from ankiforge.anki.notetypes import cloze_signs
from ankiforge.anki.render import address
from ankiforge.check import safe_context
from ankiforge.model import (
    Card,
    CardKind,
    Family,
    Fields,
    Guid,
    Highlight,
    HighlightKind,
    Json,
    Media,
    Origin,
    Pair,
    SourceKind,
    Span,
    Texts,
)
from ankiforge.text import on_one_line, regex
from ankiforge.text.cloze import cloze_answers, image_paths, numbers, plain, words_of
from ankiforge.text.fold import isolated, locate
from ankiforge.text.passages import to_a_word
from ankiforge.text.shields import shields

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


Find = Callable[[Highlight, str], Media | None]
"""Returns the picture at a path in a highlight's source, so that the page may ask for it by its name."""
LABELS = {"Front": "Question", "Back": "Answer", "Extra": "Shown with the answer", "Text": "Text"}
_TOKEN = regex(r"(?s)<[^>]*>|(?:&#?\w+;|\w)+\s*|\s+|.")


def card_of(kind: CardKind, fields: Fields, highlight: Highlight, quote: str) -> Card:
    """Return words that are no card yet as one."""
    return Card(Guid(""), highlight.key, "", kind, fields, quote, highlight, Origin(""))


def card_view(card: Card, find: Find) -> Json:
    """Return a card for the page.

    Returns:
        `front` and `back`, the two sides as HTML, of which `back` repeats the question; `fields`
        [[name, label, Markdown]]; `title` and `answer` as text; `note`, how many cards it makes.
    """
    kind, words = card.kind, dict(card.fields)
    html = content_html(kind, card.fields, pictures(card, find))
    shown = dict(zip(kind.family.content_fields, map(_of_page, html), strict=True))
    card = replace(card, passages=(card.highlight,))
    citation = citation_html(card, safe_context)
    context = f'<div class="af-context" dir="auto">{citation}</div>'
    if kind.family is Family.CLOZE:
        count = len(set(numbers(words.get("Text", ""))))
        title, answer = words_of(words.get("Text", "")), cloze_answers(words.get("Text", ""))
        note = f"Makes {count} cards." if count > 1 else ""
        front = _question(_clozes(shown["Text"], hidden=True))
        back = _question(_clozes(shown["Text"], hidden=False))
    else:
        title, answer = plain(words.get("Front", "")), plain(words.get("Back", ""))
        note = "Asked in both directions." if kind is CardKind.TWO_WAY else ""
        front = _question(shown["Front"])
        back = f'{front}<hr><div class="af-answer" dir="auto">{shown["Back"]}</div>'
    if shown.get("Extra"):
        back += f'<div class="af-extra" dir="auto">{shown["Extra"]}</div>'
    names = [name for name in kind.family.content_fields if name != "Reverse"]
    return {
        "front": context + front,
        "back": context + back,
        "fields": [[name, LABELS[name], words.get(name, "")] for name in names],
        "title": on_one_line(title),
        "answer": on_one_line(answer),
        "note": note,
    }


def pictures(card: Card, find: Find) -> dict[str, Media]:
    """Return the pictures that a card shows, by their paths."""
    paths = image_paths("\n".join(text for _, text in card.fields))
    found = ((path, find(card.highlight, path)) for path in paths)
    return {path: media for path, media in found if media}


def _of_page(html: str) -> str:
    """Return the HTML of a field for the page: pictures at their addresses here, formulas drawn."""
    return with_formulas(html.replace('src="af-', 'src="/picture/af-'))


def _question(html: str) -> str:
    return f'<div class="af-question" dir="auto">{html}</div>'


def _clozes(html: str, *, hidden: bool) -> str:
    """Return a cloze text with all its gaps hidden, or all shown."""
    parts, at, open_at = [], 0, []
    for sign in cloze_signs(html):
        parts.append(html[at : sign.start])
        if sign.numbers:
            open_at.append(len(parts))
        else:
            begun = open_at.pop()
            answer, _, hint = "".join(parts[begun:]).partition("::")
            shown = f"[{hint or '…'}]" if hidden else answer
            parts[begun:] = [f'<span class="cloze">{shown}</span>']
        at = sign.end
    return "".join((*parts, html[at:]))


def compared(old: Json, new: Json, tags: Pair = ("del", "ins")) -> None:
    """Mark in two faces the words that only one of them has."""
    before, after = (_TOKEN.findall(one["back"]) for one in (old, new))
    ops = SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    old["back"] = "".join(_marked(((op, before[a:b]) for op, a, b, _, _ in ops), tags[0]))
    new["back"] = "".join(_marked(((op, after[c:d]) for op, _, _, c, d in ops), tags[1]))


def _marked(changes: Iterable[tuple[str, list[str]]], tag: str) -> Iterator[str]:
    for op, tokens in changes:
        for is_tag, group in groupby(tokens, lambda one: one.startswith("<")):
            text = "".join(group)
            marked = op != "equal" and not is_tag and not text.isspace()
            yield f"<{tag}>{text}</{tag}>" if marked else text


# --- formulas: MathML, which browsers draw themselves; what cannot be drawn stays TeX, set as code ---

_MATHML_TAG_NAMES = (
    "math mrow mi mn mo ms mtext mspace msup msub msubsup mfrac msqrt mroot mover munder munderover"
    " mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts mprescripts none"
)
_MATHML_ATTRIBUTE_NAMES = (
    "display displaystyle mathvariant stretchy fence separator form accent accentunder linethickness"
    " columnalign rowspacing columnspacing width height depth lspace rspace scriptlevel minsize maxsize"
    " notation movablelimits largeop symmetric"
)
_MATHML_TAGS = frozenset(_MATHML_TAG_NAMES.split())
_MATHML_ATTRIBUTES = frozenset(_MATHML_ATTRIBUTE_NAMES.split())
_IN_FIELD = regex(r"(?s)\\\((.*?)\\\)|\\\[(.*?)\\\]")
_LONGEST = 4_000


@lru_cache(maxsize=512)
def mathml(tex: str, *, display: bool = False) -> str:
    """Return a formula as MathML; "" if it has a command that is not known, or cannot be read.

    The result has known elements and attributes only, and its texts are escaped.
    """
    from xml.etree.ElementTree import tostring

    if len(tex) > _LONGEST:
        return ""
    try:
        from latex2mathml.converter import convert_to_element

        element = convert_to_element(tex, display="block" if display else "inline")
        drawn = _clean(element)
    except Exception:  # noqa: BLE001 - whatever a converter says of what somebody typed
        return ""
    return tostring(element, encoding="unicode") if drawn else ""


def _clean(element: Element) -> bool:
    """Unescape the texts of a formula; return False if something in it must not be shown."""
    for one in element.iter():
        one.attrib.pop("xmlns", None)
        one.text = unescape(one.text) if one.text else one.text
        text = one.text or ""
        if one.tag not in _MATHML_TAGS or not _MATHML_ATTRIBUTES.issuperset(one.attrib):
            return False
        if one.tag != "mtext" and (text.startswith("\\") or text == "&"):
            return False
    return True


def with_formulas(field: str) -> str:
    r"""Return the HTML of a field with its formulas, `\(…\)` and `\[…\]`, drawn."""
    if "\\" not in field:
        return field
    return _IN_FIELD.sub(_drawn, field)


def _drawn(match: re.Match[str]) -> str:
    display = match[1] is None
    tex = unescape(re.sub(r"<[^>]*>", "", match[2] if display else match[1])).strip()
    return mathml(tex, display=display) or f"<code>{escape(tex)}</code>"


# --- the passage ----------------------------------------------------------------------------

Run = tuple[str, str, str]
"""(text, its signs, MathML): `m` marked, `q` the words that the card rests on; MathML of a formula or ""."""
_LINE_END = regex(r"\n")
_CELL = regex(r"\s*\|\s*")
_SHORT_ADDRESS = 48


def passage(highlight: Highlight, quote: str = "", answer: str = "") -> Json:
    """Return the passage of a highlight as the page shows it.

    The quote of a card is underlined; if that is all that is marked, the answer in it.

    Returns:
        `title`, `place`, `blocks` (each {runs} or {rows: [[runs]]}), `marked`, `said`, `links`, and
        `whole`, whether the blocks are the highlight alone.
    """
    text, spans = _spans(highlight, quote, answer)
    return {
        "title": isolated(highlight.document.title),
        "place": _place(highlight),
        "blocks": list(_blocks(_runs(highlight, text, spans))),
        "marked": " … ".join(text[a:b] for sign, (a, b) in spans if sign == "m"),
        "whole": text == highlight.exact,
        "said": highlight.comment,
        "links": list(_links(highlight)),
    }


def _place(highlight: Highlight) -> str:
    """Return where a passage stands: the page or the file, and the headings that are not the title."""
    document = highlight.document
    headings = [one for one in highlight.heading.split(" › ") if one and one != document.title]
    page = f"p. {highlight.page_label}" if highlight.page_label else ""
    path = document.path if highlight.source_kind is SourceKind.VAULT else ""
    return " · ".join(isolated(one) for one in (page or path, " › ".join(headings)) if one)


# --- words ------------------------------------------------------------------------------------


def _spans(highlight: Highlight, quote: str, answer: str) -> tuple[str, list[tuple[str, Span]]]:
    """Return the text around a highlight, and what is marked in it."""
    exact, sentence = highlight.exact, highlight.sentence
    before = after = ""
    if exact and sentence and (found := locate(exact, sentence)):
        before, exact, after = sentence[: found[0]], sentence[slice(*found)], sentence[found[1] :]
    head = _following(highlight.prefix[::-1], before[::-1])[::-1] + before
    text = head + exact + after + _following(highlight.suffix, after)
    start, end = len(head), len(head) + len(exact)
    marks = [(start + a, start + b) for a, b in highlight.gaps if b <= len(exact)]
    if highlight.kind is HighlightKind.CARD:
        marks = []
    spans = [("m", one) for one in marks or [(start, end)]]
    rests = _located(quote, text, (start, end))
    if rests == (start, end) == spans[0][1]:
        rests = _located(answer, text, (start, end))
    if rests and rests != (start, end):
        spans.append(("q", rests))
    return text, spans


def _following(context: str, rest: str) -> str:
    """Return what is shown of the context after a highlight, behind the rest of its sentence.

    The context before it is the same, mirrored.
    """
    shown = to_a_word(context)
    is_cut = shown != context
    if rest and shown.startswith(rest):  # the context may begin within the sentence
        shown = shown[len(rest) :]
    elif rest and rest.startswith(shown):
        shown = ""
    near = _near(shown.split("\n"))
    if is_cut and near[-1] and shown.endswith(near[-1]):
        near[-1] = f"{near[-1]} …"
    return "\n".join(near)


def _located(words: str, text: str, within: Span) -> Span | None:
    """Return where words stand in a part of a text, else in the text."""
    if not words.strip():
        return None
    if found := locate(words, text[slice(*within)]):
        return found[0] + within[0], found[1] + within[0]
    return locate(words, text)


def _near(lines: list[str]) -> list[str]:
    """Return the text beside a passage, and of the lines further away those of its table."""
    rows = takewhile(lambda line: " | " in line, lines[1:])
    return [lines[0], *rows] if " | " in lines[0] or not lines[0].strip() else lines[:1]


def _runs(highlight: Highlight, text: str, spans: Sequence[tuple[str, Span]]) -> Iterator[Run]:
    """Split a text where a mark begins or ends; a formula is never divided."""
    formulas = {}
    if highlight.source_kind not in (
        SourceKind.PDF,
        SourceKind.ZOTERO,
    ):  # there a dollar is a dollar
        for start, end, kind in shields(text):
            width = {"math": 1, "display": 2}.get(kind, 0)
            tex = text[start + width : end - width].strip()
            if width and (drawn := mathml(tex, display=kind == "display")):
                formulas[start, end] = drawn
    edges = {0, len(text), *(edge for _, span in spans for edge in span)}
    edges = {one for one in edges if not any(a < one < b for a, b in formulas)}
    edges.update(*formulas)
    for start, end in pairwise(sorted(edges)):
        signs = dict.fromkeys(sign for sign, (a, b) in spans if a < end and start < b)
        yield text[start:end], "".join(signs), formulas.get((start, end), "")


def _blocks(runs: Iterator[Run]) -> Iterator[Json]:
    """Divide runs into paragraphs and tables: lines with ` | ` that follow each other."""
    lines = filter(None, _split(runs, _LINE_END))
    for is_table, group in groupby(lines, lambda line: any(" | " in one[0] for one in line)):
        block = list(group)
        if is_table and len(block) > 1:
            yield {"rows": [_split(line, _CELL) for line in block]}
        else:
            yield from ({"runs": line} for line in block)


def _split(runs: Iterable[Run], at: re.Pattern[str]) -> list[list[Run]]:
    """Divide runs where their texts have a separator; a formula has none."""
    parts: list[list[Run]] = [[]]
    for text, signs, drawn in runs:
        first, *others = [text] if drawn else at.split(text)
        parts[-1].append((first, signs, drawn))
        parts += [[(one, signs, "")] for one in others]
    return [[one for one in part if one[0]] for part in parts]


# --- links ------------------------------------------------------------------------------------

_PROGRAMS = {"zotero": "Open in Zotero", "obsidian": "Open in Obsidian", "kindle": "Open in Kindle"}


def _links(highlight: Highlight) -> Iterator[Texts]:
    """Yield links to the mark and to its work; only known schemes can be opened."""
    document = highlight.document
    found = [highlight.uri or document.uri, *highlight.links]
    for scheme, value in document.identifiers:
        resolver = {"doi": "https://doi.org/", "arxiv": "https://arxiv.org/abs/", "url": ""}
        if scheme in resolver:
            found.append(value if "://" in value else resolver[scheme] + value)
    for target in dict.fromkeys(filter(None, map(address, found))):
        scheme = target.partition(":")[0].lower()
        if label := _PROGRAMS.get(scheme, ""):
            yield {"label": label, "href": target}
        elif scheme in ("http", "https"):
            yield {"label": _shown(target), "href": target}


def _shown(target: str) -> str:
    """Return what a link is called: host and path, without a user name that could look like a host."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return target[:_SHORT_ADDRESS]
    name = isolated(unquote(parts.netloc.rpartition("@")[2].removeprefix("www.") + parts.path))
    return name if len(name) <= _SHORT_ADDRESS else f"{name[:_SHORT_ADDRESS]}…"
