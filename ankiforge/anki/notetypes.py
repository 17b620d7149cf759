"""Note types, and what Anki makes of the fields of a note.

Our two note types have ids, fields and templates that are fixed for ever. Anki updates a note
only if its note type has exactly the fields and templates that Anki knows, so none is ever
added, removed or moved. A spare field can be renamed, because every field has an id.
Templates and CSS are files in `design/`. They change with a new version and a higher mod. The
block `af-card` of a question is not closed: the answer, which begins with `FrontSide`, goes on in
it, and so has the direction of the question.

A person may add and move fields and templates of our note types. Such a type is shipped
as it is in Anki. Otherwise Anki would skip its notes, and create a second copy of the
type. A figure takes the type Image Occlusion of the collection, which Anki knows by
`originalStockKind` and its fields by a number, whatever they are called; where none was seen,
the package brings one of the same make.

The importer makes only the cards that are in a package, so `ordinals_in` computes those that
Anki would make (`template_is_empty` in `rslib/src/template.rs` of Anki 26.9,
`docs/reference/keys.md`), and clozes are parsed exactly as Anki parses them. The colours of
code are classes of the style sheet, so that they follow the night mode and no card needs a
script; in comparisons of fields (`normal_form`) they do not count.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from html.parser import HTMLParser
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.model import (
    Family,
    Guid,
    HighlightKey,
    Identity,
    MappedType,
    NoteInAnki,
    NoteTypeId,
    Numbers,
    SeenTemplate,
    SeenType,
    Strings,
    Texts,
    named_id,
)
from ankiforge.text import regex
from ankiforge.text.cloze import MAX_NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable

    from pygments.lexer import Lexer


# Templates that begin with this write `<% … %>` instead of `{{ … }}`.
_OTHER_SIGNS = "{{=<% %>=}}"
_REPLACED = regex(r"(?s)\{\{(.*?)\}\}|<!--.*?-->")
_OTHER_REPLACED = regex(r"(?s)<%(.*?)%>|<!--.*?-->")
# What Anki itself fills in. A note without tags has no `Tags`; `FrontSide` never counts.
_SPECIAL_FIELDS = ("Card", "CardFlag", "Deck", "Subdeck", "Type", "CardID")


def ordinals_in(note_type: SeenType, fields: Texts) -> Numbers:
    """Return the ordinals (from 0) of the cards that a note of this type has, ascending.

    Args:
        note_type: the note type.
        fields: all fields of the note as HTML, by their names.
    """
    if note_type.cloze:
        numbers: set[int] = set()
        for text in fields.values():
            numbers.update(cloze_numbers(text))
        return tuple(number - 1 for number in sorted(numbers))
    filled = _filled(fields)
    ordinals = []
    for ordinal, template in enumerate(note_type.templates):
        # the question shows a field that is filled; one whose sections do not fit together
        # makes no card
        shown, fits = _shown(template.question, filled)
        if fits and any(tag.rpartition(":")[2] in filled for tag in shown):
            ordinals.append(ordinal)
    return tuple(ordinals)


def _filled(fields: Texts) -> set[str]:
    """Return the names of the fields that are not empty for Anki."""
    filled = {name for name in _SPECIAL_FIELDS if name not in fields}
    for name, text in fields.items():
        if not is_empty(text):
            filled.add(name)
    return filled


def _shown(template: str, filled: set[str] | None) -> tuple[list[str], bool]:
    """Return the tags in sections that are on, and whether the sections fit together.

    Without `filled`, all sections are on.
    """
    shown = []
    sections: list[tuple[str, bool]] = []
    fits = True
    for tag in _tags(template):
        sign = tag[0] if len(tag) > 1 and tag[0] in "#^/" else ""
        field = tag[1:].lstrip()
        if sign == "/":
            fits = fits and bool(sections) and sections[-1][0] == field
            sections = sections[:-1]
        elif sign:
            is_on = filled is None or (field in filled) == (sign == "#")
            sections.append((field, is_on))
        elif all(is_on for _, is_on in sections):
            shown.append(tag)
    return shown, fits and not sections


def cards_of(
    note_type: SeenType,
    fields: Sequence[str],
    in_anki: NoteInAnki | None,
) -> Numbers:
    """Return the ordinals of the cards that a note gets, without those that a person deleted.

    Args:
        note_type: the note type.
        fields: all fields of the note, in its order.
        in_anki: the note in Anki; None if it is not there.
    """
    names = note_type.names
    ordinals = ordinals_in(note_type, dict(zip(names, fields, strict=True)))
    if in_anki is None:
        return ordinals
    fields_there = dict(zip(names, in_anki.fields, strict=True))
    made_before = ordinals_in(note_type, fields_there)
    deleted = set(made_before).difference(in_anki.ordinals)
    return tuple(ordinal for ordinal in ordinals if ordinal not in deleted)


def shows_cloze(note_type: SeenType, field: str) -> bool:
    """Return whether the question of a cloze note type shows the gaps of a field."""
    for template in note_type.templates[:1]:
        for tag in _tags(template.question):
            filters = tag.split(":")[:-1]
            if tag.rpartition(":")[2] == field and "cloze" in filters:
                return True
    return False


def fields_shown(template: str) -> Strings:
    """Return the fields that a template shows, in order, with all its sections."""
    shown, _ = _shown(template, None)
    return tuple(tag.rpartition(":")[2].strip() for tag in shown)


_UNSEEN = regex(
    r"""(?xis)
    <(?P<name>\w+)\b[^<>]*(?:display:\s*none|\shidden\b)[^<>]*>  # in a simple element
    .*?
    </(?P=name)>
    """
)


def fields_seen(template: str, fields: Texts, *, of_question: bool) -> Strings:
    """Return the fields that a person sees on a side of a card, in order.

    Args:
        template: the template of the side.
        fields: all fields of the note as HTML, by their names.
        of_question: `{{type:Back}}` on a question asks for the answer, and `{{hint:Clue}}`
            is a button; neither shows the field.
    """
    unasked = {"type", "hint"} if of_question else set()
    shown, _ = _shown(_UNSEEN.sub("", template), _filled(fields))
    seen = []
    for tag in shown:
        *filters, field = tag.split(":")
        if unasked.isdisjoint(filters):
            seen.append(field.strip())
    return tuple(seen)


@lru_cache(maxsize=64)
def _tags(question: str) -> Strings:
    """Return the contents of each `{{…}}` in a template, in order."""
    pattern = _REPLACED
    if question.lstrip().startswith(_OTHER_SIGNS):
        question = question.lstrip().removeprefix(_OTHER_SIGNS)
        pattern = _OTHER_REPLACED
    tags = []
    for tag in pattern.finditer(question):
        if tag[1] is not None:
            tags.append(tag[1].lstrip("{").strip())
    return tuple(tags)


# --- code in colours --------------------------------------------------------------------

LONGEST = 10_000
"""Characters of a block that is coloured; on a card, nobody reads more."""
COLOURS = ("af-k", "af-s", "af-n", "af-c", "af-f")
"""Classes of keywords, strings, numbers, comments, and names that are defined or built in."""
_LANGUAGE = regex(r"[\w+#.-]{1,30}")


def language_of(info: str) -> str:
    """Return the language that a fence names (` ```python title="a" `), "" if it names none."""
    match = _LANGUAGE.match(info.strip().strip("{}."))
    return match[0].lower() if match else ""


def highlighted(code: str, language: str, literal: Callable[[str], str]) -> str:
    """Return the HTML of a block of code, without the tags around it.

    Args:
        code: the code, clean.
        language: a name that pygments knows; another one gives no colours.
        literal: makes HTML of text.
    """
    lexer = _lexer(language) if len(code) <= LONGEST else None
    if lexer is None:
        return literal(code)
    from pygments.token import Comment, Keyword, Literal, Name, Number, Operator

    # the first that fits: a number is a literal, too
    colours = {
        Comment: "af-c", Keyword: "af-k", Operator.Word: "af-k", Number: "af-n",
        Literal: "af-s", Name.Function: "af-f", Name.Class: "af-f", Name.Tag: "af-f",
        Name.Builtin: "af-f",
    }  # fmt: skip
    runs: list[tuple[str, str]] = []  # (class, text)
    for kind, text in lexer.get_tokens(code):
        colour = next((colours[each] for each in colours if kind in each), "")
        if runs and runs[-1][0] == colour:
            text = runs.pop()[1] + text
        runs.append((colour, text))
    if "".join(text for _, text in runs) != code:
        return literal(code)  # the lexer changed a sign
    parts = []
    for colour, text in runs:
        shown = literal(text)
        parts.append(f'<span class="{colour}">{shown}</span>' if colour else shown)
    return "".join(parts)


@lru_cache(maxsize=32)
def _lexer(language: str) -> Lexer | None:
    """Return the lexer of a language, or None."""
    if not language:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


# --- our note types ---------------------------------------------------------------------

DESIGN_MOD = 1_400_000_007
"""The mod of the note types, which Anki compares; a changed design needs a higher one."""

# The id of the first field. Those of the others follow, up to the last one of `_MACHINE`.
_FIRST_FIELD_IDS = {Family.BASIC: 1407267147801, Family.CLOZE: 1505806687601}
_MACHINE = "Source Citation Links Open AnkiforgeId Feedback Spare1 Spare2 Spare3"
_TEMPLATE_IDS = {
    Family.BASIC: {"Card 1": 1407267147901, "Card 2": 1407267147902},
    Family.CLOZE: {"Cloze": 1505806687701},
}
_NAMES = {Family.BASIC: "ankiforge Basic", Family.CLOZE: "ankiforge Cloze"}
OUR_FAMILIES = tuple(_NAMES)
"""The families with a note type of ours. A figure has one of Anki's."""


@cache
def our_note_type(family: Family) -> SeenType:
    """Return the note type of a family."""
    name = _NAMES[family]
    first_id = _FIRST_FIELD_IDS[family]
    names = (*family.content_fields, *_MACHINE.split())
    ids = range(first_id, first_id + len(names))
    # below each answer: the fields that a card may have, and what the program fills
    below = []
    for field in family.word_fields:
        if field not in family.needed_fields:
            shown = f'<div class="af-{field.lower()}" dir="auto">{{{{{field}}}}}</div>'
            below.append(f"{{{{#{field}}}}}{shown}{{{{/{field}}}}}")
    below.append(design("below-answer.html"))
    # a file is named after its template: `basic-card-1-question.html`
    templates = []
    for template, id in _TEMPLATE_IDS[family].items():
        stem = f"{family.value}-{template.lower().replace(' ', '-')}"
        question = design(f"{stem}-question.html")
        answer = "\n".join((design(f"{stem}-answer.html"), *below))
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


def shipped_type(family: Family, types: Mapping[NoteTypeId, SeenType]) -> SeenType:
    """Return our note type of a family, as it is in Anki if a person changed it there.

    A person's style and template texts need nothing: they are newer than ours, so Anki
    keeps them.

    Args:
        family: the family.
        types: the note types in Anki, by id.
    """
    ours = our_note_type(family)
    theirs = types.get(ours.id)
    if theirs is None or _names_in(theirs) == _names_in(ours):
        return ours
    return theirs


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


class ClozeSign(NamedTuple):
    """The opening of a cloze (with its numbers) or its end (without numbers)."""

    start: int
    end: int
    numbers: Numbers = ()


def cloze_signs(text: str) -> Iterator[ClozeSign]:
    """Yield the cloze openings and ends that Anki recognises.

    Openings nested more than ten deep and unmatched `}}` are text.
    """
    depth = 0
    for token in _TOKEN.finditer(text):
        digits = token[1]
        is_end = digits is None
        if is_end and depth:
            depth -= 1
            yield ClozeSign(token.start(), token.end())
        elif not is_end and depth < MAX_OPEN:
            numbers = _numbers(digits)
            if numbers:
                depth += 1
                yield ClozeSign(token.start(), token.end(), numbers)


@lru_cache(maxsize=1024)
def _numbers(digits: str) -> Numbers:
    """Return the cloze numbers that fit into 16 bits. An opening without any is text."""
    numbers = []
    for part in digits.split(","):
        significant = part.lstrip("0") or part[:1]
        if 0 < len(significant) < 6 and int(significant) < 2**16:
            numbers.append(int(significant))
    return tuple(numbers)


def cloze_numbers(text: str) -> Numbers:
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


@lru_cache(maxsize=64)  # what we would write and what Anki has are mostly the same text
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


def normal_form(text: str) -> str:
    """Return a form of the HTML that is equal for all spellings an editor may produce."""
    visible = INVISIBLE.sub("", text)
    if "<" in visible or "&" in visible:
        writer = _NormalWriter()
        if _SIMPLE.fullmatch(visible):
            writer.feed_simple(visible)
        else:
            writer.feed(visible)
            writer.close()
        writer.add_tag("")
        written = "".join(writer.parts)
    else:
        written = _normal_text(visible)
    written = _RENAMED_MEDIA.sub(r"\1\2", written)
    backwards = written[::-1]
    return _BLANK_END.sub("", backwards)[::-1]


# HTML in which nothing is to be guessed: as we write it, and mostly as editors do.
_ONE_PIECE = r"""
      (?P<text>[^<]++)
    | </(?P<end>[a-z][a-z0-9]*+)>
    | <(?!(?:iframe|no(?:embed|frames|script)|plaintext|script|style|textarea|title|xmp)\b)
      (?P<start>[a-z][a-z0-9]*+)(?P<attributes>(?:[ ][a-z][a-z0-9-]*+="[^"<>]*+")*+)[ ]?/?>
"""
_PIECE = regex(_ONE_PIECE, re.VERBOSE)
_SIMPLE = regex(rf"(?:{re.sub('[?]P<[a-z]+>', '?:', _ONE_PIECE)})*+", re.VERBOSE)
_ATTRIBUTE = regex(r' ([a-z0-9-]+)="([^"]*)"')
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

    def feed_simple(self, simple: str) -> None:
        """Feed and close in half the time, with a match of `_SIMPLE`."""
        for piece in _PIECE.finditer(simple):
            if piece["text"]:
                self.text.append(html.unescape(piece["text"]))
            elif piece["end"]:
                self.handle_endtag(piece["end"])
            else:
                attributes: list[tuple[str, str | None]] = []
                for name, value in _ATTRIBUTE.findall(piece["attributes"]):
                    attributes.append((name, html.unescape(value)))
                self.handle_starttag(piece["start"], attributes)

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
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", text)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = _CONTROL.sub("", text)
    return html.escape(text, quote=False)


# --- Image Occlusion --------------------------------------------------------------------

STOCK_KIND = 6
"""`ORIGINAL_STOCK_KIND_IMAGE_OCCLUSION` in Anki's `notetypes.proto`."""
FIELDS = ("Occlusion", "Image", "Header", "Back Extra", "Comments")
"""The English names of its fields; the place of each is its number."""
KEPT_FIELDS = 4
"""The first ones, without which there is no card; Anki does not let a person delete them."""
_NAME = "ankiforge Image Occlusion"
_FIRST_FIELD_ID = 1464821135201
_TEMPLATE_ID = 1464821135301


@cache
def our_type() -> SeenType:
    """Return the note type for packages that are made without a view of Anki."""
    ids = range(_FIRST_FIELD_ID, _FIRST_FIELD_ID + len(FIELDS))
    template = SeenTemplate(
        name="Image Occlusion",
        id=_TEMPLATE_ID,
        question=design("occlusion-question.html"),
        answer=design("occlusion-answer.html"),
    )
    return SeenType(
        id=named_id("notetype", _NAME),
        name=_NAME,
        mod=DESIGN_MOD,
        cloze=True,
        fields=tuple(zip(FIELDS, ids, strict=True)),
        templates=(template,),
        css=design("style.css") + "\n" + design("occlusion.css"),
        stock=STOCK_KIND,
        field_tags=tuple(range(len(FIELDS))),
    )


def with_ours(types: Mapping[NoteTypeId, SeenType]) -> dict[NoteTypeId, SeenType]:
    """Return the note types in Anki, and ours where it is not among them."""
    ours = our_type()
    return {ours.id: ours, **types}


def chosen(types: Mapping[NoteTypeId, SeenType]) -> MappedType:
    """Return the note type in which new figures are shipped, with the places of our fields.

    It is the one that a collection came with; a copy that a person made of it is left alone.
    """
    ours = our_type()

    kept = set(range(KEPT_FIELDS))
    usable = []
    for note_type in types.values():
        if (
            note_type.stock == STOCK_KIND
            and note_type.cloze
            and kept <= set(note_type.field_tags)
        ):
            usable.append((bool(note_type.origin), note_type.id != ours.id, note_type.id))
    best = types[min(usable)[-1]] if usable else ours

    # its fields are known by their tags, whatever they are called
    names: dict[str, str] = {}
    ids: dict[str, int] = {}
    for (name, id), tag in zip(best.fields, best.field_tags, strict=True):
        if 0 <= tag < KEPT_FIELDS:
            names[FIELDS[tag]] = name
            if id is not None:
                ids[FIELDS[tag]] = id
    return MappedType(best.id, best.name, names, ids)
