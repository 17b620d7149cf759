"""Cards as Anki shows them: HTML for the sandboxed frames of the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from html import escape, unescape
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ankiforge.anki.notes import citation_html, content_html
from ankiforge.anki.notetypes import cloze_signs
from ankiforge.model import Card, CardKind, Family, Fields, Guid, Highlight, Media, Origin
from ankiforge.text import on_one_line
from ankiforge.text.cloze import numbers, words_of
from ankiforge.text.markdown import cloze_answers, image_paths, plain

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Find = Callable[[Highlight, str], Media | None]
"""Returns the picture at a path in a highlight's source, so that the page may ask for it by its name."""
LABELS = {"Front": "Question", "Back": "Answer", "Extra": "Shown with the answer", "Text": "Text"}
_TOKEN = re.compile(r"<[^>]*>|(?:&#?\w+;|\w)+\s*|\s+|.", re.DOTALL)


def face(
    kind: CardKind, fields: Fields, highlight: Highlight, quote: str, find: Find
) -> dict[str, Any]:
    """Return a card for the page.

    Returns:
        `front` and `back`, the two sides as HTML, of which `back` repeats the question; `fields`
        [[name, label, Markdown]]; `title` and `answer` as text; `note`, how many cards it makes.
    """
    words = dict(fields)
    html = content_html(kind, fields, pictures(highlight, fields, find))
    shown = dict(zip(kind.family.content_fields, map(_of_page, html), strict=True))
    card = Card(
        Guid(""), highlight.key, "", kind, fields, quote, highlight, Origin(""), passages=(highlight,)
    )  # fmt: skip
    context = f'<div class="af-context" dir="auto">{citation_html(card)}</div>'
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


def pictures(highlight: Highlight, fields: Fields, find: Find) -> dict[str, Media]:
    """Return the pictures that a card shows, by their paths."""
    paths = image_paths("\n".join(text for _, text in fields))
    found = ((path, find(highlight, path)) for path in paths)
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
        if sign.numbers:
            parts.append(html[at : sign.start])
            open_at.append(len(parts))
        else:
            parts.append(html[at : sign.start])
            inner = "".join(parts[open_at[-1] :])
            del parts[open_at.pop() :]
            answer, _, hint = inner.partition("::")
            shown = f"[{hint or '…'}]" if hidden else answer
            parts.append(f'<span class="cloze">{shown}</span>')
        at = sign.end
    return "".join((*parts, html[at:]))


def compared(
    old: dict[str, Any], new: dict[str, Any], tags: tuple[str, str] = ("del", "ins")
) -> None:
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
_IN_FIELD = re.compile(r"\\\((.*?)\\\)|\\\[(.*?)\\\]", re.DOTALL)
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
