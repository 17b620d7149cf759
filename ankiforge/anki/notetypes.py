"""What our notes are in Anki: two note types, the cards of a note, and how a note is recognised.

Their ids, fields and templates are fixed for ever. Anki updates a note only if its note
type has exactly the fields and templates that Anki knows, so none is ever added, removed
or moved. A spare field can be renamed, because every field has an id. Templates and CSS
are files in `design/`. They change with a new version and a higher mod.

A person may add and move fields and templates of our note types. Such a type is shipped
as it is in Anki. Otherwise Anki would skip its notes, and create a second copy of the
type.

Clozes are parsed exactly as Anki parses them.
"""

from __future__ import annotations

import hashlib
import html
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from html.parser import HTMLParser
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from ankiforge.anki.code_blocks import COLOURS
from ankiforge.model import (
    Family,
    Guid,
    HighlightKey,
    Identity,
    SeenTemplate,
    SeenType,
    Strings,
    named_id,
)
from ankiforge.text import regex
from ankiforge.text.cloze import MAX_NUMBER

DESIGN_MOD = 1_400_000_004
"""The mod of the note types, which Anki compares; a changed design needs a higher one."""

# (id of the first field, content fields). Ids are consecutive, including the fields of
# `_MACHINE`.
_FIELDS = {
    Family.BASIC: (1407267147801, "Front Back Reverse Extra"),
    Family.CLOZE: (1505806687601, "Text Extra"),
}
_MACHINE = "Source Citation Links Open AnkiforgeId Feedback Spare1 Spare2 Spare3"
_TEMPLATE_IDS = {
    Family.BASIC: {"Card 1": 1407267147901, "Card 2": 1407267147902},
    Family.CLOZE: {"Cloze": 1505806687701},
}
_NAMES = {Family.BASIC: "ankiforge Basic", Family.CLOZE: "ankiforge Cloze"}
OUR_FAMILIES = tuple(_NAMES)
"""Those with a note type of ours. A figure has one of Anki's (`image_occlusion.py`)."""


@cache
def our_note_type(family: Family) -> SeenType:
    """Return the note type of a family."""
    name = _NAMES[family]
    first_id, content = _FIELDS[family]
    names = (*content.split(), *_MACHINE.split())
    ids = range(first_id, first_id + len(names))
    # a file is named after its template: `basic-card-1-question.html`
    templates = []
    for template, id in _TEMPLATE_IDS[family].items():
        stem = f"{family.value}-{template.lower().replace(' ', '-')}"
        question = design(f"{stem}-question.html")
        answer = design(f"{stem}-answer.html")
        templates.append(SeenTemplate(template, id, question, answer))
    return SeenType(
        id=named_id("notetype", name),
        name=name,
        mod=DESIGN_MOD,
        cloze=family is Family.CLOZE,
        fields=tuple(zip(names, ids, strict=True)),
        templates=tuple(templates),
        css=design("style.css"),
    )


def design(name: str) -> str:
    """Return a file of the folder `design`."""
    return (Path(__file__).parent / "design" / name).read_text(encoding="utf-8").strip()


# --- note types in Anki -----------------------------------------------------------------


def family_of(type_id: int) -> Family | None:
    """Return the family whose note type has this id."""
    for family in OUR_FAMILIES:
        if our_note_type(family).id == type_id:
            return family
    return None


def shipped_type(family: Family, types: Mapping[int, SeenType]) -> SeenType:
    """Return our note type of a family, as it is in Anki if a person changed it there.

    A person's style and template texts need nothing: they are newer than ours, so Anki
    keeps them.

    Args:
        family: the family.
        types: the note types in Anki, by id.
    """
    ours = our_note_type(family)
    theirs = types.get(ours.id)
    has_other_names = theirs is not None and _names_in(theirs) != _names_in(ours)
    return theirs if theirs and has_other_names else ours


def _names_in(note_type: SeenType) -> tuple[Strings, Strings]:
    """Return the names of the fields and of the templates, in order."""
    return note_type.names, tuple(template.name for template in note_type.templates)


# --- the cards of a note ----------------------------------------------------------------

MAX_OPEN = 10
"""The nesting depth up to which Anki parses clozes."""
_TOKEN = regex(r"\{\{c([0-9,]*)::|\}\}")
_EMPTY = regex(r"(?i)(?:[ \t\n\r\f\v]|</?(?:br|div) ?/?>)*")
_TAG_BUT_PICTURES = regex(r"(?i)<(?!img\b)[^>]*>")


def is_empty(text: str) -> bool:
    """Return whether Anki's `{{#Field}}` treats the field as empty."""
    if not text:
        return True
    return not text[0].isalnum() and _EMPTY.fullmatch(text) is not None


def is_blank(text: str) -> bool:
    """Return whether a field shows neither text nor a picture."""
    if text[:1].isalnum():
        return False
    return not html.unescape(_TAG_BUT_PICTURES.sub("", text)).strip()


# --- clozes -----------------------------------------------------------------------------


class Sign(NamedTuple):
    """The opening of a cloze (with its numbers) or its end (without numbers)."""

    start: int
    end: int
    numbers: tuple[int, ...] = ()


def cloze_signs(text: str) -> Iterator[Sign]:
    """Yield the cloze openings and ends that Anki recognises.

    Openings nested more than ten deep and unmatched `}}` are text.
    """
    depth = 0
    for token in _TOKEN.finditer(text):
        digits = token[1]
        is_end = digits is None
        if is_end and depth:
            depth -= 1
            yield Sign(token.start(), token.end())
        elif not is_end and depth < MAX_OPEN:
            numbers = _numbers(digits)
            if numbers:
                depth += 1
                yield Sign(token.start(), token.end(), numbers)


@lru_cache(maxsize=1024)
def _numbers(digits: str) -> tuple[int, ...]:
    """Return the cloze numbers that fit into 16 bits. An opening without any is text."""
    numbers = []
    for part in digits.split(","):
        significant = part.lstrip("0") or part[:1]
        if 0 < len(significant) < 6 and int(significant) < 2**16:
            numbers.append(int(significant))
    return tuple(numbers)


def cloze_numbers(text: str) -> tuple[int, ...]:
    """Return the distinct cloze numbers (1 to 500) of a field, ascending, including nested ones.

    As in Anki, a cloze that is never closed is ignored together with the clozes inside
    it.
    """
    levels: list[set[int]] = [set()]
    for sign in cloze_signs(text):
        if sign.numbers:
            levels.append(set(sign.numbers))
        else:
            closed = levels.pop()
            levels[-1] |= closed
    return tuple(sorted(number for number in levels[0] if 1 <= number <= MAX_NUMBER))


# --- AnkiforgeId ------------------------------------------------------------------------
# The field AnkiforgeId identifies the card, and holds a hash of each field that we
# shipped: the base of a merge travels with the note. Anki, its editor and other devices
# rewrite HTML without changing what it shows, so a hash is computed from a normal form
# that such rewriting does not change. Frozen (docs/reference/keys.md).

_IDENTITY = regex(
    r"""(?x)
    af1
    [ ](af[a-z2-7]{24})                           # guid
    [ ](\S+)                                      # key
    [ ](\S+)                                      # slot
    [ ]([0-9a-f]{8}(?:\.[0-9a-f]{8})*)            # a hash for each content field
    [ ]([0-9a-f]{8})(?:[ ]|$)                     # the hash of the tags
    """
)
_TAG = regex(r"(?i)<(/?[a-z!])[^<>]*>")
_JOINING_TAG = regex(r"(?i)</?(?:wbr|span)\b[^<>]*>")


def parse_identity(field: str) -> Identity | None:
    """Parse the HTML of a field AnkiforgeId: `af1 <guid> <key> <slot> <hash.hash…> <tags>`.

    Further words are ignored. `<wbr>` and `<span>`, which `render.literal` and editors
    insert between letters, do not separate words. Other tags do.
    """
    if "af1" not in field:
        return None
    joined = _JOINING_TAG.sub("", field)
    words = html.unescape(_TAG.sub(" ", joined)).split()
    match = _IDENTITY.match(" ".join(words))
    if match is None:
        return None
    guid, key, slot, hashes, tags = match.groups()
    return Identity(Guid(guid), HighlightKey(key), slot, tuple(hashes.split(".")), tags)


# --- content hash -----------------------------------------------------------------------

INVISIBLE = regex(r"(?i)<wbr\s*/?>|<span>(?:<wbr\s*/?>)*</span>")
"""What keeps signs of Anki's apart, and shows nothing."""
_CONTROL = regex("[\x00-\x08\x0b-\x1f]")
# The name that Anki gives to our picture if a different file of that name exists.
_RENAMED_MEDIA = regex(r"(af-[0-9a-f]{16})-[0-9a-f]{40}(\.[a-z0-9]+)")
# White space and `<br>` at the end of a text, reversed: that takes linear time.
_BLANK_END = regex(r"\A(?:>rb<|[^\S\u00a0])+")


def field_hash(text: str) -> str:
    """Return a hash (8 hex digits) of a content field, equal for all spellings of the same HTML."""
    return _short_hash(normal_form(text))


def tags_hash(tags: Iterable[str]) -> str:
    """Return a hash (8 hex digits) of a set of tags, without case, as Anki compares them."""
    folded = " ".join(sorted({tag.casefold() for tag in tags}))
    return _short_hash(folded)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def same_html(left: str, right: str) -> bool:
    """Return whether an editor may have made one HTML of the other without a change."""
    return left == right or normal_form(left) == normal_form(right)


@lru_cache(maxsize=64)  # what we would write and what Anki has are mostly the same text
def normal_form(text: str) -> str:
    """Return a form of the HTML that is equal for all spellings an editor may produce."""
    visible = INVISIBLE.sub("", text)
    if "<" in visible or "&" in visible:
        writer = _NormalWriter()
        writer.feed(visible)
        writer.close()
        writer.add_tag("")
        written = "".join(writer.parts)
    else:
        written = _normal_text(visible)
    written = _RENAMED_MEDIA.sub(r"\1\2", written)
    backwards = written[::-1]
    return _BLANK_END.sub("", backwards)[::-1]


# What the buttons of Anki's editor write, and what we write for the same.
_SAME_TAG = {"b": "strong", "i": "em", "del": "s", "strike": "s"}


class _NormalWriter(HTMLParser):
    """Writes tags in one canonical spelling, and re-escapes text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.text: list[str] = []
        self.spans: list[bool] = []
        """Whether each open span is the colour of a piece of code, which does not count."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "span":
            is_colour = len(attrs) == 1 and attrs[0][1] in COLOURS
            self.spans.append(is_colour)
            if is_colour:
                return
        written = []
        for name, value in sorted(attrs, key=itemgetter(0)):
            escaped = _normal_text(value or "").replace('"', "&quot;")
            written.append(f' {name}="{escaped}"')
        name = _SAME_TAG.get(tag, tag)
        self.add_tag(f"<{name}{''.join(written)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "span" and self.spans and self.spans.pop():
            return
        self.add_tag(f"</{_SAME_TAG.get(tag, tag)}>")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def add_tag(self, tag: str) -> None:
        """Append the normalised text since the last tag, then the tag."""
        self.parts += (_normal_text("".join(self.text)), tag)
        self.text.clear()


def _normal_text(text: str) -> str:
    """Return text in one canonical spelling, as HTML."""
    text = unicodedata.normalize("NFC", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return html.escape(_CONTROL.sub("", text), quote=False)
