"""Our note types, and how Anki interprets the fields of a note.

The module computes which cards Anki generates from a note, parses cloze deletions as Anki
does, parses the field AnkiforgeId, and normalizes HTML for comparison. It also chooses the
note type to export: ours, ours with the user's changes, or Anki's Image Occlusion. In this
module, a `NoteType` (`our_type`) is one of our kinds of note types, and an `AnkiNoteType` is a
note type as it is in Anki.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache, lru_cache
from html.parser import HTMLParser
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.model import (
    AnkiNote,
    AnkiNoteType,
    AnkiTemplate,
    Guid,
    HighlightKey,
    NoteIdentity,
    NoteType,
    NoteTypeId,
    Numbers,
    Strings,
    Texts,
    UserNoteType,
    compute_id_from_name,
    hash16,
)
from ankiforge.text import regex
from ankiforge.text.cloze import MAX_CLOZE_NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable

    from pygments.lexer import Lexer
    from pygments.token import _TokenType


# --- the cards that Anki makes ----------------------------------------------------------
# Anki's importer makes only the cards that are in the package. So we compute which cards Anki would
# make by itself (`template_is_empty` in `rslib/src/template.rs` of Anki 26.9; see
# tests/keys/keys.md).

# A template that begins with this uses `<% … %>` instead of `{{ … }}`.
_ALTERNATIVE_DELIMITERS = "{{=<% %>=}}"
_TEMPLATE_TAG = regex(r"(?s)\{\{(.*?)\}\}|<!--.*?-->")
_ALTERNATIVE_TEMPLATE_TAG = regex(r"(?s)<%(.*?)%>|<!--.*?-->")
# The fields that Anki fills in on every note. `Tags` isn't listed, because a note may have no tags;
# and `FrontSide` isn't, because it never counts.
_SPECIAL_FIELDS = ("Card", "CardFlag", "Deck", "Subdeck", "Type", "CardID")


def compute_card_ordinals(note_type: AnkiNoteType, fields: Texts) -> Numbers:
    """Return the ordinals (counted from 0) of the cards that Anki would generate from a note.

    `fields` contains the HTML of all fields of the note, keyed by field name.
    """
    if note_type.cloze:
        numbers: set[int] = set()
        for text in fields.values():
            numbers.update(parse_cloze_numbers(text))
        return tuple(number - 1 for number in sorted(numbers))
    filled_fields = _find_filled_fields(fields)
    ordinals = []
    for ordinal, template in enumerate(note_type.templates):
        # to make a card, the question has to show a non-empty field and have balanced sections
        tags, is_balanced = _parse_sections(template.question, filled_fields)
        if is_balanced and any(tag.rpartition(":")[2] in filled_fields for tag in tags):
            ordinals.append(ordinal)
    return tuple(ordinals)


def _find_filled_fields(fields: Texts) -> set[str]:
    filled = {name for name, text in fields.items() if not _EMPTY_FIELD.fullmatch(text)}
    return filled.union(name for name in _SPECIAL_FIELDS if name not in fields)


class _Section(NamedTuple):
    """An open section of a template."""

    field: str
    is_active: bool
    """Whether Anki shows what is in the section, unless an outer section hides it."""


def _parse_sections(
    template: str, filled_fields: AbstractSet[str] | None
) -> tuple[list[str], bool]:
    """Return the tags in a template's active sections, and whether all sections are balanced.

    `{{#Field}}` sections are active if the field is in `filled_fields`, and `{{^Field}}`
    sections if it isn't. If `filled_fields` is None, all sections are active.
    """
    visible_tags = []
    open_sections: list[_Section] = []
    is_balanced = True
    for tag in _parse_template_tags(template):
        sign = tag[:1]
        field = tag[
            1:
        ].lstrip()  # the field of a section: Extra in `#Extra`, `^Extra`, `/Extra`
        if len(tag) <= 1 or sign not in "#^/":
            if all(section.is_active for section in open_sections):
                visible_tags.append(tag)
        elif sign == "/":
            if not open_sections or open_sections.pop().field != field:
                is_balanced = False
        elif filled_fields is None:
            open_sections.append(_Section(field, is_active=True))
        else:
            shows_if_filled = sign == "#"
            is_filled = field in filled_fields
            open_sections.append(_Section(field, is_active=is_filled == shows_if_filled))
    return visible_tags, is_balanced and not open_sections


def select_card_ordinals(
    note_type: AnkiNoteType,
    fields: Sequence[str],
    anki_note: AnkiNote | None,
) -> Numbers:
    """Return the ordinals of the cards to export for a note.

    Cards that the user deleted in Anki are left out, even though Anki would generate them again.

    Args:
        note_type: The note's type.
        fields: All the note's fields, in note type order.
        anki_note: The note in Anki, or None if it is not there.
    """
    names = note_type.field_names
    ordinals = compute_card_ordinals(note_type, dict(zip(names, fields, strict=True)))
    if anki_note is None:
        return ordinals
    anki_fields = dict(zip(names, anki_note.fields, strict=True))
    anki_ordinals = compute_card_ordinals(note_type, anki_fields)
    deleted_ordinals = set(anki_ordinals).difference(anki_note.ordinals)
    return tuple(ordinal for ordinal in ordinals if ordinal not in deleted_ordinals)


def is_cloze_field(note_type: AnkiNoteType, field: str) -> bool:
    """Return whether the question template of a cloze note type contains `{{cloze:<field>}}`."""
    for template in note_type.templates[:1]:
        for tag in _parse_template_tags(template.question):
            filters = tag.split(":")[:-1]
            if tag.rpartition(":")[2] == field and "cloze" in filters:
                return True
    return False


def find_template_fields(template: str) -> Strings:
    """Return the names of the fields that a template can show, in order of appearance."""
    tags, _ = _parse_sections(template, None)
    return tuple(tag.rpartition(":")[2].strip() for tag in tags)


_HIDDEN_ELEMENT = regex(
    r"""(?xis)
    <(?P<name>\w+)\b[^<>]*(?:display:\s*none|\shidden\b)[^<>]*>  # hidden element
    .*?
    </(?P=name)>
    """
)


@lru_cache(maxsize=1024)  # most notes of a type have the same filled fields
def _find_visible_fields(
    template: str, filled_fields: frozenset[str], *, of_question: bool
) -> Strings:
    """Return the names of the fields that are visible on one side of a card, in order.

    On the question side, `{{type:Back}}` is an input box and `{{hint:Clue}}` is a button, so
    neither reveals the content of its field.
    """
    hiding_filters = {"type", "hint"} if of_question else set()
    tags, _ = _parse_sections(_HIDDEN_ELEMENT.sub("", template), filled_fields)
    visible_fields = []
    for tag in tags:
        *filters, field = tag.split(":")
        if hiding_filters.isdisjoint(filters):
            visible_fields.append(field.strip())
    return tuple(visible_fields)


def find_question_and_answer_fields(
    note_type: AnkiNoteType, ordinals: Numbers, fields: Texts
) -> tuple[Strings, str | None]:
    """Return the question fields and the answer field of a note's first card.

    The answer field is the first non-empty field that appears in the answer template but not in
    the question. It is None if there is no such field, as in a cloze note. In our own note types,
    the line above the question does not count as part of the question.

    Args:
        note_type: The note's type.
        ordinals: The 0-based ordinals of the note's cards, or () for the first template.
        fields: All the note's fields, keyed by name.
    """
    if note_type.cloze:
        return tuple(name for name in fields if is_cloze_field(note_type, name)), None
    ordinal = min(ordinals, default=0)
    if ordinal >= len(note_type.templates):  # in a damaged collection
        return note_type.field_names[:1], None
    template = note_type.templates[ordinal]
    filled = frozenset(_find_filled_fields(fields))
    question_fields = _find_visible_fields(template.question, filled, of_question=True)
    if find_our_note_type(note_type.id):
        generated = _OTHER_FIELDS.split()
        question_fields = tuple(name for name in question_fields if name not in generated)
    for name in _find_visible_fields(template.answer, filled, of_question=False):
        is_filled_field = name in fields and name in filled  # and not `Deck`, for example
        if is_filled_field and name not in question_fields:
            return question_fields, name
    return question_fields, None


_EXTRA_FIELD_NAMES = ("extra", "back extra", "notes", "note", "remarks", "explanation")


def map_to_our_fields(
    note_type: AnkiNoteType, question_fields: Strings, answer_field: str | None
) -> Texts:
    """Map our field names to the names of the corresponding fields in the user's note type.

    The arguments come from `find_question_and_answer_fields`. Returns {} unless there is exactly
    one question field and, for a basic note type, an answer field.
    """
    if len(question_fields) != 1:
        return {}
    [question_field] = question_fields
    if note_type.cloze:
        names = {"Text": question_field}
    elif answer_field is not None:
        names = {"Front": question_field, "Back": answer_field}
    else:
        return {}
    for name in note_type.field_names:
        if name.casefold() in _EXTRA_FIELD_NAMES and name not in names.values():
            return {**names, "Extra": name}
    return names


@lru_cache(maxsize=64)
def _parse_template_tags(template: str) -> Strings:
    pattern = _TEMPLATE_TAG
    if template.lstrip().startswith(_ALTERNATIVE_DELIMITERS):
        template = template.lstrip().removeprefix(_ALTERNATIVE_DELIMITERS)
        pattern = _ALTERNATIVE_TEMPLATE_TAG
    tags = (tag[1] for tag in pattern.finditer(template) if tag[1] is not None)
    return tuple(tag.lstrip("{").strip() for tag in tags)


# --- syntax highlighting ----------------------------------------------------------------
# Colours are CSS classes, so that they adapt to night mode, and cards need no script. They are
# ignored when fields are compared (`normalize_html`).

MAX_HIGHLIGHTED_CODE_CHARS = 10_000
"""Longer code blocks aren't highlighted, because nobody reads them on a card."""
CODE_CLASSES = ("af-k", "af-s", "af-n", "af-c", "af-f")
"""The CSS classes for keywords, strings, numbers, comments, and defined or built-in names."""
_LANGUAGE_NAME = regex(r"[\w+#.-]{1,30}")


def parse_fence_language(info: str) -> str:
    """Extract the language from a code fence's info string, such as `python title="a"`.

    Returns "" if the string names no language.
    """
    match = _LANGUAGE_NAME.match(info.strip().strip("{}."))
    return match[0].lower() if match else ""


def highlight_code(code: str, language: str, to_html: Callable[[str], str]) -> str:
    """Render a code block as syntax-highlighted HTML, without the enclosing tags.

    Args:
        code: The code, cleaned by `normalize_for_anki`.
        language: The Pygments name of the language. Unknown languages are not highlighted.
        to_html: A function that converts text to HTML.
    """
    if not language or len(code) > MAX_HIGHLIGHTED_CODE_CHARS:
        return to_html(code)
    lexer = _find_lexer(language)
    if lexer is None:
        return to_html(code)
    parts = []
    highlighted_code = ""
    for css_class, tokens in groupby(lexer.get_tokens(code), _choose_code_class):
        text = "".join(text for _, text in tokens)
        highlighted_code += text
        html = to_html(text)
        if css_class is None:
            parts.append(html)
        else:
            parts.append(f'<span class="{css_class}">{html}</span>')
    if highlighted_code != code:  # the lexer has changed the text
        return to_html(code)
    return "".join(parts)


def _choose_code_class(token: tuple[_TokenType, str]) -> str | None:
    """Return the CSS class for a token of Pygments, or None if it isn't coloured."""
    from pygments.token import Comment, Keyword, Literal, Name, Number, Operator

    # the first class that matches is used, because `Number` is also a `Literal`
    classes = {
        Comment: "af-c", Keyword: "af-k", Operator.Word: "af-k", Number: "af-n",
        Literal: "af-s", Name.Function: "af-f", Name.Class: "af-f", Name.Tag: "af-f",
        Name.Builtin: "af-f",
    }  # fmt: skip
    for token_type, css_class in classes.items():
        if token[0] in token_type:
            return css_class
    return None


@lru_cache(maxsize=32)
def _find_lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


# --- our note types ---------------------------------------------------------------------
# Their ids, fields and templates are fixed forever. Anki updates a note only if its note type has
# exactly the fields and templates that Anki knows, so none must ever be added, removed or moved. A
# spare field can be renamed, because every field has an id.
#
# Templates and CSS are files in `design/`. The question's element `af-card` isn't closed, so that
# the answer, which begins with `FrontSide`, continues in it and has the same text direction.

DESIGN_MOD = 1_400_000_007
"""The modification time of our note types. Increase it with every change in `design/`, because Anki
would ignore the change otherwise."""

# The id of each note type's first field. The other fields have consecutive ids.
_FIRST_FIELD_IDS = {NoteType.BASIC: 1407267147801, NoteType.CLOZE: 1505806687601}
_OTHER_FIELDS = "Source Citation Links Open AnkiforgeId Feedback Spare1 Spare2 Spare3"
_TEMPLATE_IDS = {
    NoteType.BASIC: {"Card 1": 1407267147901, "Card 2": 1407267147902},
    NoteType.CLOZE: {"Cloze": 1505806687701},
}
_OUR_NAMES = {NoteType.BASIC: "ankiforge Basic", NoteType.CLOZE: "ankiforge Cloze"}
OUR_NOTE_TYPES = tuple(_OUR_NAMES)
"""The kinds of notes that use a note type of ours. Figures use Anki's Image Occlusion instead."""


_OPTIONAL_FIELD = (
    '{{{{#{name}}}}}<div class="af-{css_name}" dir="auto">{{{{{name}}}}}</div>'
    "{{{{/{name}}}}}"
)
"""The part of a template that shows a field unless it is empty. Formatted, it is e.g.
`{{#Extra}}<div class="af-extra" dir="auto">{{Extra}}</div>{{/Extra}}`."""


@cache
def get_our_note_type(our_type: NoteType) -> AnkiNoteType:
    """Build one of our own note types, in the form in which packages contain it."""
    name = _OUR_NAMES[our_type]
    first_id = _FIRST_FIELD_IDS[our_type]
    names = (*our_type.content_fields, *_OTHER_FIELDS.split())
    ids = range(first_id, first_id + len(names))
    # below each answer, show the optional and the generated fields
    below = []
    for field in our_type.text_fields:
        if field not in our_type.required_fields:
            below.append(_OPTIONAL_FIELD.format(name=field, css_name=field.lower()))
    below.append(read_design_file("below-answer.html"))
    # files are named after templates, such as `basic-card-1-question.html`
    templates = []
    for template_name, id in _TEMPLATE_IDS[our_type].items():
        stem = f"{our_type.value}-{template_name.lower().replace(' ', '-')}"
        question = read_design_file(f"{stem}-question.html")
        answer = "\n".join((read_design_file(f"{stem}-answer.html"), *below))
        templates.append(AnkiTemplate(template_name, id, question, answer))
    return AnkiNoteType(
        id=compute_id_from_name("notetype", name),
        name=name,
        mod=DESIGN_MOD,
        cloze=our_type is NoteType.CLOZE,
        fields=tuple(zip(names, ids, strict=True)),
        templates=tuple(templates),
        css=read_design_file("style.css"),
    )


def read_design_file(name: str) -> str:
    """Read a file from the `design/` directory."""
    return (Path(__file__).parent / "design" / name).read_text(encoding="utf-8").strip()


# --- note types in Anki -----------------------------------------------------------------
# The user may add or move fields and templates of our note types. Such a note type is exported
# as it is in Anki. Otherwise Anki would skip its notes and add a second copy of the note type.


def find_our_note_type(type_id: int) -> NoteType | None:
    """Return our own note type with this id, or None if no note type of ours has it."""
    for our_type in OUR_NOTE_TYPES:
        if get_our_note_type(our_type).id == type_id:
            return our_type
    return None


def choose_exported_type(
    our_type: NoteType, types: Mapping[NoteTypeId, AnkiNoteType]
) -> AnkiNoteType:
    """Choose which version of one of our note types to export: ours or the one in Anki.

    The version in Anki is returned if the user has added, removed or renamed fields or templates
    there. Other changes, such as edited CSS, don't matter: Anki keeps the newer version of the
    note type, which is the user's. `types` contains the note types in Anki, keyed by id.
    """
    ours = get_our_note_type(our_type)
    anki_type = types.get(ours.id)
    if anki_type is None or _list_names(anki_type) == _list_names(ours):
        return ours
    return anki_type


def _list_names(note_type: AnkiNoteType) -> tuple[Strings, Strings]:
    return note_type.field_names, tuple(template.name for template in note_type.templates)


# --- empty fields -----------------------------------------------------------------------

MAX_CLOZE_DEPTH = 10
"""The maximum nesting depth at which Anki recognizes cloze deletions."""
_CLOZE_DELIMITER = regex(r"\{\{c([0-9,]*)::|\}\}")
# Matches a field that Anki treats as empty when it evaluates `{{#Field}}` sections.
_EMPTY_FIELD = regex(r"(?i)(?:[ \t\n\r\f\v]|</?(?:br|div) ?/?>)*")
_TAG_EXCEPT_IMG = regex(r"(?i)<(?!img\b)[^>]*>")


def is_blank(text: str) -> bool:
    """Return whether a field contains neither visible text nor images."""
    return not html.unescape(_TAG_EXCEPT_IMG.sub("", text)).strip()


# --- cloze deletions --------------------------------------------------------------------


class ClozeToken(NamedTuple):
    """The opening or closing delimiter of a cloze deletion. Only an opening one has numbers."""

    start: int
    end: int
    numbers: Numbers = ()


def find_cloze_tokens(text: str) -> Iterator[ClozeToken]:
    """Yield the opening and closing delimiters of the cloze deletions that Anki recognizes.

    An unmatched `}}` and a cloze deletion nested more than ten levels deep are plain text.
    """
    depth = 0
    for token in _CLOZE_DELIMITER.finditer(text):
        if token[1] is None:
            if depth:
                depth -= 1
                yield ClozeToken(*token.span())
        elif depth < MAX_CLOZE_DEPTH and (numbers := _parse_numbers(token[1])):
            depth += 1
            yield ClozeToken(*token.span(), numbers)


@lru_cache(maxsize=1024)
def _parse_numbers(digits: str) -> Numbers:
    """Parse the numbers of a cloze deletion, such as `1,2`, skipping any that exceed 16 bits.

    If the result is empty, Anki treats the delimiter as plain text.
    """
    numbers = []
    for part in digits.split(","):
        significant = part.lstrip("0") or part[:1]
        if 0 < len(significant) < 6 and int(significant) < 2**16:
            numbers.append(int(significant))
    return tuple(numbers)


def parse_cloze_numbers(text: str) -> Numbers:
    """Return the cloze numbers (1 to 500) used in a field, sorted and without duplicates.

    Nested cloze deletions count as well. As in Anki, an unclosed cloze deletion is ignored,
    along with everything nested inside it.
    """
    if "{{c" not in text:  # as in most fields of a note
        return ()
    levels: list[set[int]] = [set()]
    for sign in find_cloze_tokens(text):
        if sign.numbers:
            levels.append(set(sign.numbers))
        else:
            closed_numbers = levels.pop()
            levels[-1] |= closed_numbers
    return tuple(
        sorted(number for number in levels[0] if 1 <= number <= MAX_CLOZE_NUMBER)
    )


# --- AnkiforgeId ------------------------------------------------------------------------
# The field AnkiforgeId identifies the card. It also contains a hash of each exported field, so that
# the note itself holds what a merge needs (`plan`). Because Anki, its editor and other devices may
# rewrite HTML without visible changes, the hashes are computed from normalized HTML. The format
# never changes (tests/keys/keys.md).

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
_INLINE_TAG = regex(r"(?i)</?(?:wbr|span)\b[^<>]*>")


def parse_identity(field: str) -> NoteIdentity | None:
    """Parse the HTML of an AnkiforgeId field, or return None if it is anything else.

    The format is `af1 <guid> <key> <slot> <hash.hash…> <tags>`; any further words are
    ignored. Spaces and tags separate words, except for `<wbr>` and `<span>`, because
    `render.text_to_html` and editors may insert these between any two characters.
    """
    if "af1" not in field:
        return None
    without_inline_tags = _INLINE_TAG.sub("", field)
    words = html.unescape(_TAG.sub(" ", without_inline_tags)).split()
    match = _IDENTITY.match(" ".join(words))
    if match is None:
        return None
    guid, key, slot, hashes, tags = match.groups()
    return NoteIdentity(
        Guid(guid), HighlightKey(key), slot, tuple(hashes.split(".")), tags
    )


# --- content hash -----------------------------------------------------------------------

INVISIBLE_SEPARATORS = regex(r"(?i)<wbr\s*/?>|<span>(?:<wbr\s*/?>)*</span>")
"""Matches the invisible elements with which `render.text_to_html` breaks up Anki's markup."""
_CONTROL_CHARS = regex("[\x00-\x08\x0b-\x1f]")
# Matches the name that Anki gives a picture of ours if another file already has its name.
_RENAMED_MEDIA = regex(r"(af-[0-9a-f]{16})-[0-9a-f]{40}(\.[a-z0-9]+)")
# Matches trailing whitespace and `<br>`. It is applied to reversed text, because then it takes only
# linear time.
_REVERSED_TRAILING_SPACE = regex(r"\A(?:>rb<|[^\S\u00a0])+")


@lru_cache(maxsize=64)  # because our text and Anki's are mostly equal
def hash_html(text: str) -> str:
    """Return a hash (8 hex digits) of the normalized HTML of a content field."""
    return hash16(normalize_html(text))[:8]


def hash_tags(tags: Iterable[str]) -> str:
    """Return a hash (8 hex digits) of a set of tags. As in Anki, case is ignored."""
    folded = " ".join(sorted({tag.casefold() for tag in tags}))
    return hash16(folded)[:8]


def is_same_html(left: str, right: str) -> bool:
    """Return whether two HTML strings are equal after normalization."""
    return left == right or normalize_html(left) == normalize_html(right)


def normalize_html(text: str) -> str:
    """Normalize HTML so that equivalent content compares equal, no matter which editor wrote it."""
    visible = INVISIBLE_SEPARATORS.sub("", text)
    if "<" in visible or "&" in visible:
        writer = _NormalizingWriter()
        writer.feed(visible)
        writer.close()
        normalized = writer.finish()
    else:
        normalized = _normalize_text(visible)
    return _strip_trailing_space(_RENAMED_MEDIA.sub(r"\1\2", normalized))


def _strip_trailing_space(html: str) -> str:
    """Strip whitespace and `<br>` at the end, e.g. `a<br> ` becomes `a`."""
    reversed_html = html[::-1]
    return _REVERSED_TRAILING_SPACE.sub("", reversed_html)[::-1]


# The tags that Anki's editor writes, and the equivalent tags that we write.
_CANONICAL_TAGS = {"b": "strong", "i": "em", "del": "s", "strike": "s"}


class _NormalizingWriter(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.text: list[str] = []
        """The text since the last tag. Comments may divide it, but it is normalized as a whole."""
        self.spans: list[bool] = []
        """For each open span, whether it only highlights code. Such spans are dropped."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "span":
            is_code_colour = len(attrs) == 1 and attrs[0][1] in CODE_CLASSES
            self.spans.append(is_code_colour)
            if is_code_colour:
                return
        attributes = []
        for name, value in sorted(attrs, key=itemgetter(0)):
            escaped = _normalize_text(value or "").replace('"', "&quot;")
            attributes.append(f' {name}="{escaped}"')
        name = _CANONICAL_TAGS.get(tag, tag)
        self._add_tag(f"<{name}{''.join(attributes)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "span" and self.spans and self.spans.pop():
            return
        self._add_tag(f"</{_CANONICAL_TAGS.get(tag, tag)}>")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def _add_tag(self, tag: str) -> None:
        self._end_text()
        self.parts.append(tag)

    def _end_text(self) -> None:
        self.parts.append(_normalize_text("".join(self.text)))
        self.text.clear()

    def finish(self) -> str:
        """Return the normalized HTML, after the parser was closed."""
        self._end_text()
        return "".join(self.parts)


def _normalize_text(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", text)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = _CONTROL_CHARS.sub("", text)
    return html.escape(text, quote=False)


# --- Image Occlusion --------------------------------------------------------------------
# Figures use the collection's own Image Occlusion note type. Anki identifies that type by
# `originalStockKind`, and its fields by tags (numbers), whatever their names are. If the collection
# has no such type, the package contains an equivalent one.

OCCLUSION_STOCK_KIND = 6
"""The number that identifies Anki's own Image Occlusion type. In Anki's `notetypes.proto`, it is
`ORIGINAL_STOCK_KIND_IMAGE_OCCLUSION`."""
OCCLUSION_FIELDS = ("Occlusion", "Image", "Header", "Back Extra", "Comments")
"""The English names of the fields. The index of each is its tag."""
REQUIRED_OCCLUSION_FIELD_COUNT = 4
"""The number of leading fields that a card needs. Anki doesn't let the user delete them."""
_OCCLUSION_NAME = "ankiforge Image Occlusion"
_OCCLUSION_FIRST_FIELD_ID = 1464821135201
_OCCLUSION_TEMPLATE_ID = 1464821135301


@cache
def get_our_occlusion_type() -> AnkiNoteType:
    """Build our Image Occlusion note type, for collections that don't have one."""
    ids = range(
        _OCCLUSION_FIRST_FIELD_ID, _OCCLUSION_FIRST_FIELD_ID + len(OCCLUSION_FIELDS)
    )
    template = AnkiTemplate(
        name="Image Occlusion",
        id=_OCCLUSION_TEMPLATE_ID,
        question=read_design_file("occlusion-question.html"),
        answer=read_design_file("occlusion-answer.html"),
    )
    return AnkiNoteType(
        id=compute_id_from_name("notetype", _OCCLUSION_NAME),
        name=_OCCLUSION_NAME,
        mod=DESIGN_MOD,
        cloze=True,
        fields=tuple(zip(OCCLUSION_FIELDS, ids, strict=True)),
        templates=(template,),
        css=read_design_file("style.css") + "\n" + read_design_file("occlusion.css"),
        stock=OCCLUSION_STOCK_KIND,
        field_tags=tuple(range(len(OCCLUSION_FIELDS))),
    )


def add_our_occlusion_type(
    types: Mapping[NoteTypeId, AnkiNoteType],
) -> dict[NoteTypeId, AnkiNoteType]:
    """Return a copy of `types` that contains our Image Occlusion type.

    If `types` already has a type with the same id, that type is kept.
    """
    ours = get_our_occlusion_type()
    return {ours.id: ours, **types}


def choose_occlusion_type(types: Mapping[NoteTypeId, AnkiNoteType]) -> UserNoteType:
    """Choose the note type for new figures, and map our fields to its fields.

    The Image Occlusion type that came with the collection takes precedence over the user's
    copies of it.
    """
    candidates = [note_type for note_type in types.values() if _is_occlusion(note_type)]
    selected = min(candidates, key=_rank_occlusion_type, default=get_our_occlusion_type())
    # identify fields by tag, because the user may rename them
    names: dict[str, str] = {}
    ids: dict[str, int] = {}
    for (name, id), tag in zip(selected.fields, selected.field_tags, strict=True):
        is_needed = 0 <= tag < REQUIRED_OCCLUSION_FIELD_COUNT
        if not is_needed:  # Comments, or a field that the user added
            continue
        our_name = OCCLUSION_FIELDS[tag]
        names[our_name] = name
        if id is not None:
            ids[our_name] = id
    return UserNoteType(selected.id, selected.name, names, ids)


def _rank_occlusion_type(note_type: AnkiNoteType) -> tuple[bool, bool, NoteTypeId]:
    """Sort copies of a note type after originals, then other types after ours, then by age."""
    is_copy = note_type.original_id != 0
    is_ours = note_type.id == get_our_occlusion_type().id
    return is_copy, not is_ours, note_type.id


def _is_occlusion(note_type: AnkiNoteType) -> bool:
    if note_type.stock != OCCLUSION_STOCK_KIND or not note_type.cloze:
        return False
    return set(range(REQUIRED_OCCLUSION_FIELD_COUNT)) <= set(note_type.field_tags)
