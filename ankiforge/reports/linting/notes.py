"""Notes of any deck as drafts that the checks can read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from html import unescape

from ankiforge.anki.cards import cloze_signs
from ankiforge.anki.collection import AnyNote
from ankiforge.anki.identity import parse_identity
from ankiforge.anki.unrender import unrender
from ankiforge.check.lexical.normal import bare
from ankiforge.check.structure import MALFORMED_CLOZE, MATH_UNBALANCED, MAX_LENGTH, TOO_LONG
from ankiforge.model import (
    CardKind,
    Draft,
    Family,
    Fields,
    Finding,
    HighlightKey,
    Identity,
    Origin,
    SeenType,
)
from ankiforge.reports.linting.templates import Face, face
from ankiforge.text import cloze

PERSON = "person"
_LONGEST = 400
"""Signs of a field that may be shown on a line."""
LONGEST_READ = 10_000
"""Signs of a side that are read: no card is so long, and to read broken markup takes ever longer."""
_TAGS = re.compile(r"<[^<>]*>")
_EMBEDDED = re.compile(r"data:[^\s\"'<>]{100,}")


@dataclass(frozen=True, slots=True)
class Note:
    """A note with its cards as the checks read them."""

    guid: str
    id: int
    """In Anki; 0 if it is not there yet."""
    deck: str
    type_name: str
    fields: tuple[tuple[str, str], ...]
    """(name, HTML or Markdown) as they stand."""
    faces: tuple[tuple[str, Draft], ...]
    """(name of the card, the card); none of what cannot be read as question and answer."""
    broken: tuple[Finding, ...] = ()
    """What is wrong with its markup."""
    identity: Identity | None = None
    unread: str = ""
    """Why it has no faces."""
    compared: Draft | None = None
    """What is compared with other notes: its first card without the words of its template."""

    @property
    def front(self) -> str:
        """What names it to a person, on a line."""
        shown = [draft.field("Text") or draft.field("Front") for _, draft in self.faces[:1]]
        shown += [unrender(text[:_LONGEST]) for _, text in self.fields[:1]]
        words = next(filter(None, shown), "")
        return " ".join(bare(words[:_LONGEST]).split())


def of_anki(note: AnyNote, kind: SeenType | None) -> Note:
    """A note as it stands in Anki, read by the templates of its type."""
    names = [name for name, _ in kind.fields] if kind else []
    names += [f"Field {at + 1}" for at in range(len(names), len(note.fields))]
    fields = tuple(zip(names, note.fields, strict=False))
    found = Note(
        guid=note.guid,
        id=note.id,
        deck=note.deck,
        type_name=kind.name if kind else "",
        fields=fields,
        faces=(),
        identity=_identity(note),
    )
    if kind is None:
        return replace(found, unread="its note type is not there")
    if any("image-occlusion:" in text for _, text in fields):
        return replace(found, unread="an image occlusion")
    shown = tuple(_faces(note, kind, {name: _lean(text) for name, text in fields}))
    longest = max(
        (side for one in shown for side in (one.question, one.answer)), key=len, default=""
    )
    if len(longest) > LONGEST_READ:
        return _too_long(found, longest)
    broken = tuple(dict.fromkeys(fault for one in shown for fault in _faults(one)))
    drafts: tuple[tuple[str, Draft], ...]
    if found.identity is not None:
        drafts = (("", _of_ours(found.identity, dict(fields))),)
    else:
        drafts = tuple((one.name, _draft(one)) for one in shown)
    compared = _as_compared(shown[0], drafts[0][1]) if shown else None
    return replace(found, faces=drafts, broken=broken, compared=compared)


def _lean(text: str) -> str:
    """A field without the bytes of pictures that stand in it."""
    return _EMBEDDED.sub("data:", text) if "data:" in text else text


def _too_long(found: Note, side: str) -> Note:
    """Without faces; if it is not only its markup that is long, that is told as a fault."""
    words = len(_TAGS.sub("", side))
    if words > MAX_LENGTH:
        return replace(found, broken=(TOO_LONG.exceeded(words, MAX_LENGTH),))
    return replace(found, unread=f"more than {LONGEST_READ:,} characters of markup")


def _as_compared(one: Face, draft: Draft) -> Draft:
    """All notes of a type share the words of its template: they make no two alike."""
    return (
        _made(CardKind.BASIC, (("Front", markdown(one.asked)), draft.fields[1]))
        if one.asked
        else draft
    )


def _of_ours(identity: Identity, fields: dict[str, str]) -> Draft:
    """A card of ours: its own words, without what stands around them."""
    cloze_text = {"Text": cloze_markdown}
    written = tuple(
        (name, cloze_text.get(name, markdown)(fields[name]))
        for name in identity.family.content_fields
        if fields.get(name)
    )
    kind = CardKind.CLOZE if identity.family is Family.CLOZE else CardKind.BASIC
    return replace(_made(kind, written), highlight=identity.key)


def _identity(note: AnyNote) -> Identity | None:
    found = (parse_identity(text) for text in note.fields if "af1" in text)
    return next((one for one in found if one and one.guid == note.guid), None)


def _faces(note: AnyNote, kind: SeenType, fields: dict[str, str]) -> Iterator[Face]:
    """The cards it has; of a note without cards those its type would make."""
    if kind.cloze:
        for template in kind.templates[:1]:
            yield face(template.name, template.question, template.answer, fields)
        return
    for at in note.ordinals or range(len(kind.templates[:1])):
        if at < len(kind.templates):
            template = kind.templates[at]
            yield face(template.name, template.question, template.answer, fields)


# --- a card as a draft ----------------------------------------------------------------------

_PERSON = Origin(PERSON)
_NOWHERE = HighlightKey("")


def _draft(one: Face) -> Draft:
    """Without what the answer side shows besides: examples, sounds, sources."""
    if one.cloze:
        return _made(CardKind.CLOZE, (("Text", cloze_markdown(one.question)),))
    sides = (("Front", markdown(one.question)), ("Back", markdown(one.answer)))
    return _made(CardKind.BASIC, sides)


def _made(kind: CardKind, fields: Fields) -> Draft:
    return Draft(_NOWHERE, kind, fields, quote="", answer="", start=0, origin=_PERSON)


_LATEX = (
    (re.compile(r"\[\$\$\](.*?)\[/\$\$\]", re.DOTALL | re.I), r"\\[\1\\]"),
    (re.compile(r"\[\$\](.*?)\[/\$\]", re.DOTALL | re.I), r"\\(\1\\)"),
    (re.compile(r"\[latex\](.*?)\[/latex\]", re.DOTALL | re.I), r"\\[\1\\]"),
)
_SOUND = re.compile(r"\[sound:([^\[\]\n]*)\]|\[anki:play:[^\[\]\n]*\]")
_PLAYED = re.compile(r"<(?:audio|video|svg|canvas|object|iframe)\b", re.I)
_PLAIN = re.compile(r"[<>&\\`*_\[\]#${]|==|~~|^\s*\d*[-+.)]", re.MULTILINE)
_SOUNDS = "![sound](sound)"
_LINES = re.compile(r"<br\s*/?>|</?(?:div|p)>", re.IGNORECASE)
_EMPHASIS = re.compile(r"</?(?:b|i|u|em|strong|span|font|small|big)(?:\s[^<>]*)?>", re.IGNORECASE)


def markdown(html: str) -> str:
    """A field in our Markdown; a sound is something, as a picture is."""
    if not _PLAIN.search(html):
        return html.strip()
    simple = unescape(_EMPHASIS.sub("", _LINES.sub("\n", html)))
    if not _PLAIN.search(simple):
        return re.sub(r"\n{3,}", "\n\n", simple).strip()
    for pattern, instead in _LATEX:
        html = pattern.sub(instead, html)
    heard = _SOUND.search(html) or _PLAYED.search(html)
    text = unrender(_SOUND.sub(" ", html))
    return f"{text} {_SOUNDS}".strip() if heard else text


_MATHS = re.compile(r"\\\(.+?\\\)|\\\[.+?\\\]", re.DOTALL)


def cloze_markdown(html: str) -> str:
    """A cloze text as our grammar writes it: what Anki takes for a gap, and nothing else.

    A gap within a formula is one to Anki; the formula is taken for text then.
    """
    for pattern, instead in _LATEX:
        html = pattern.sub(instead, html)
    html = _MATHS.sub(lambda found: _opened(found[0]), html)
    out: list[list[str]] = [[]]
    opened: list[tuple[int, ...]] = []
    at = 0
    for sign in cloze_signs(html):
        out[-1].append(html[at : sign.start])
        if sign.numbers:
            opened.append(sign.numbers)
            out.append([])
        else:
            gap = _gap(opened.pop(), "".join(out.pop()))
            out[-1].append(gap)
        at = sign.end
    out[-1].append(html[at:])
    return _joined(out)


def _opened(formula: str) -> str:
    return formula[2:-2] if "{{c" in formula else formula


def _joined(out: list[list[str]]) -> str:
    """The text; what was never closed is shown as it stands."""
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(found[1])
        return f"\ue0f0{len(held) - 1}\ue0f1"

    text = "".join("".join(part) for part in out)
    text = _HELD.sub(hold, text)
    text = cloze.escape_signs(markdown(text))
    return re.sub("\ue0f0(\\d+)\ue0f1", lambda found: held[int(found[1])], text)


_HELD = re.compile("\ue0f2(.*?)\ue0f3", re.DOTALL)


def _gap(numbers: tuple[int, ...], inside: str) -> str:
    """One gap, its words made Markdown; gaps in it are shown."""
    flat = re.sub("\ue0f2\\{\\{c[0-9,]+::(.*?)\\}\\}\ue0f3", r"\1", inside, flags=re.DOTALL)
    answer, _, hint = flat.partition("::")
    made = cloze.make(numbers[0], markdown(answer) or " ", markdown(hint))
    marks = ",".join(str(number) for number in numbers)
    return f"\ue0f2{made.replace(f'{{{{c{numbers[0]}::', f'{{{{c{marks}::', 1)}\ue0f3"


# --- markup that is broken ------------------------------------------------------------------

_CODE = re.compile(r"<(code|pre)\b.*?</\1>", re.DOTALL | re.I)


def _faults(one: Face) -> Iterator[Finding]:
    """What Anki would show as raw signs, or not show at all."""
    for text in (one.question, one.answer):
        yield from _formula_faults(text)
    if one.cloze:
        yield from _cloze_faults(one.question)


@lru_cache(maxsize=256)
def _formula_faults(html: str) -> tuple[Finding, ...]:
    if "\\" not in html and "[" not in html:
        return ()
    text = _CODE.sub("", html)
    for pattern, _ in _LATEX:
        text = pattern.sub("", text)
    found = []
    for opens, closes in ((r"\(", r"\)"), (r"\[", r"\]")):
        rest = re.sub(f"{re.escape(opens)}.*?{re.escape(closes)}", "", text, flags=re.DOTALL)
        lone = [sign for sign in (opens, closes) if sign in rest]
        if lone and _TEXLIKE.search(rest):
            found.append(_open_formula(f"“{_near(rest, lone[0])}”"))
    if re.search(r"\[/?(?:\$\$?|latex)\]", text, re.I):
        found.append(_open_formula("[$] without [/$], or [latex] without [/latex]"))
    return tuple(found)


def _open_formula(detail: str) -> Finding:
    return MATH_UNBALANCED.found(detail)


def _malformed(detail: str) -> Finding:
    return MALFORMED_CLOZE.found(detail)


_TEXLIKE = re.compile(r"\\[(\[][^\s\\]|[^\s\\]\s*\\[)\]]")


def _near(text: str, sign: str) -> str:
    at = text.find(sign)
    return " ".join(re.sub(r"<[^>]*>", " ", text[max(at - 10, 0) : at + 30]).split())


def _cloze_faults(html: str) -> Iterator[Finding]:
    """By Anki's own reading: openers that are never closed, gaps with nothing in them."""
    depth: list[int] = []
    signs = list(cloze_signs(html))
    for sign in signs:
        if sign.numbers:
            depth.append(sign.end)
            if not any(1 <= number <= cloze.MAX_NUMBER for number in sign.numbers):
                yield _malformed(f"cloze numbers go from 1 to {cloze.MAX_NUMBER}")
        else:
            inside = html[depth.pop() : sign.start].partition("::")[0]
            if not re.sub(r"<(?!img\b)[^>]*>|&nbsp;|\s", "", inside):
                yield _malformed("a cloze is empty")
            elif _cut_short(inside, html[sign.end :]):
                words = " ".join(inside.split())[:40]
                yield _malformed(f"`}}}}` of a formula closes the cloze early: “{words}”")
    if depth:
        yield _malformed(f"a cloze is never closed: “{html[depth[0] : depth[0] + 30]}”")
    if not signs:
        yield _malformed("no cloze in the text")


def _cut_short(inside: str, after: str) -> bool:
    r"""`{{c1::\(\frac{a}{b}}\)` ends before the formula does."""
    braces = inside.count("{") - inside.count("}")
    return braces > 0 and "\\" in inside and after.lstrip().startswith(("}", "\\)", "\\]", "$"))
