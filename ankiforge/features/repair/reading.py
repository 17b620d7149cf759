"""Convert a note of any note type to its first card in Markdown, so that it can be checked."""

from __future__ import annotations

from ankiforge.anki.notetypes import (
    find_question_and_answer_fields,
    find_template_fields,
    map_to_our_fields,
)
from ankiforge.anki.render import field_to_markdown
from ankiforge.model import (
    NO_KEY,
    AnkiNote,
    AnkiNoteType,
    CardContent,
    CardKind,
    Fields,
    HighlightKey,
    NoteId,
    Origin,
    Texts,
    Value,
)
from ankiforge.text import regex, to_one_line
from ankiforge.text.cloze import to_plain_text
from ankiforge.text.private import is_private_note

MAX_SIDE_CHARS = 10_000
"""The maximum length of a side of a card, in characters.

Real cards are shorter, and longer broken markup would be slow to parse."""
_LATEX_FORMULAS = (
    (regex(r"(?is)\[\$\](.*?)\[/\$\]"), r"\\(\1\\)"),
    (regex(r"(?is)\[\$\$\](.*?)\[/\$\$\]"), r"\\[\1\\]"),
)
# Matches text that Anki renders with LaTeX, where formulas are in dollar signs.
_LATEX_BLOCK = regex(r"(?is)\[latex\](.*?)\[/latex\]")
_LATEX_REPLACEMENTS = (
    (regex(r"\\newline\b"), " "),
    (regex(r"\\(?:emph|text(?:bf|it))\{([^{}]*)\}"), r"\1"),
    (regex(r"(?s)\$\$(.*?)\$\$"), r"\\[\1\\]"),
    (regex(r"(?s)(?<!(?<!\\)\\)\$(.*?)(?<!\\)\$"), r"\\(\1\\)"),
    (regex(r"(?s)\\\(\s*\\\)"), " "),
)
_MEDIA = regex(
    r"""(?xi)
    \[sound:[^\[\]\n]*\]
    | \[anki:play:[^\[\]\n]*\]
    | <(?:audio|video|svg|canvas|object|iframe)\b[^<>]*>
    """
)
_FORMULA = regex(r"(?s)\\\(.+?\\\)|\\\[.+?\\\]")
# Matches a cloze deletion that is closed by the `}}` of a formula inside, as in
# {{c1::\(\frac{1}{\sqrt{2}}\)}}.
_CLOSED_EARLY = regex(
    r"""(?xs)
    \{\{c[0-9,]+::(?:(?!\}\}|\{\{c).)*
    \\[(\[]                                       # the formula begins
    (?:(?!\}\}|\\[)\]]).)*                         # and does not end
    \}\}
    """
)
_DATA_URL = regex(r"data:[^\s\"'<>]{100,}")
_LINE_BREAK = regex(r"(?i)<br\s*/?>|</?div>")


class ParsedNote(Value):
    """The first card of an Anki note, in a form that the checks accept."""

    guid: str
    note_id: NoteId
    deck: str
    notetype: str
    """The name of the note type."""
    fields: Fields
    """The note's own fields as (name, text) pairs, with the text as it is in Anki."""
    draft: CardContent
    """The content of the card."""
    field_names: Texts = {}
    """Maps our field names to the note's, or {} if a side consists of several fields."""
    closed_early: str | None = None
    """The text of a cloze deletion that the `}}` of a formula closes too early, or None."""
    key: HighlightKey = NO_KEY
    """The key of the passage that our own note was made from, or `NO_KEY` for other notes."""
    has_private_tag: bool = False
    """Whether the note has the tag `#no-llm` in Anki."""

    @property
    def front(self) -> str:
        """The front as one line of text, by which the user recognizes the note."""
        front = self.draft.get_field("Text") or self.draft.get_field("Front")
        return to_one_line(to_plain_text(front[:400]))


def parse_note(note: AnkiNote, note_type: AnkiNoteType | None) -> ParsedNote | None:
    """Convert a note to its first card.

    Returns None if the note type is missing or has no answer, if the note is an image
    occlusion, or if one side is longer than `MAX_SIDE_CHARS`.
    """
    if note_type is None or any("image-occlusion:" in text for text in note.fields):
        return None
    if not note_type.cloze and not _has_answer(note, note_type):
        return None

    fields = tuple(zip(_name_fields(note, note_type), note.fields, strict=False))
    # embedded pictures count as content, but their bytes are dropped
    html = {name: _DATA_URL.sub("data:", text) for name, text in fields}
    asked, answer_field = find_question_and_answer_fields(note_type, note.ordinals, html)
    front = "<br>".join(html.get(name, "") for name in asked)
    back = ""
    if answer_field is not None:
        back = html[answer_field]
    if max(len(front), len(back)) > MAX_SIDE_CHARS:
        return None

    closed_early: str | None = None
    if note_type.cloze:
        card_fields = {"Text": _to_markdown(front)}
        closed_early = _find_gap_closed_early(front)
    else:
        card_fields = {"Front": _to_markdown(front), "Back": _to_markdown(back)}
    return ParsedNote(
        guid=note.guid,
        note_id=note.id,
        deck=note.deck,
        notetype=note_type.name,
        fields=fields,
        draft=CardContent(
            NO_KEY,
            CardKind.from_fields(card_fields),
            tuple(card_fields.items()),
            Origin("person"),
        ),
        closed_early=closed_early,
        field_names=map_to_our_fields(note_type, asked, answer_field),
        key=note.identity.key if note.identity else NO_KEY,
        has_private_tag=is_private_note(note),
    )


def _find_gap_closed_early(text: str) -> str | None:
    """Return a cloze deletion that the `}}` of a formula closes too early, or None."""
    gap = _CLOSED_EARLY.search(text)
    if gap is None:
        return None
    return gap[0]


def _name_fields(note: AnkiNote, note_type: AnkiNoteType) -> list[str]:
    """Return the names of a note's fields.

    In a damaged collection, a note may have more fields than its type. These are named `Field 3`
    etc.
    """
    names = list(note_type.field_names)
    for number in range(len(names) + 1, len(note.fields) + 1):
        names.append(f"Field {number}")
    return names


def _has_answer(note: AnkiNote, note_type: AnkiNoteType) -> bool:
    """Return whether the back of a note's first card shows a field that its front doesn't."""
    template = note_type.templates[min(note.ordinals, default=0)]
    question_fields = {*find_template_fields(template.question), "FrontSide"}
    return not question_fields.issuperset(find_template_fields(template.answer))


def _to_markdown(text: str) -> str:
    """Convert a field from HTML to Markdown.

    Sounds are converted to pictures, so that they count as content. A formula that contains a
    cloze deletion is converted to plain text, because Anki recognizes the cloze deletion.
    """
    text = _LATEX_BLOCK.sub(lambda match: _latex_to_mathjax(match[1]), text)
    for pattern, replacement in _LATEX_FORMULAS:
        text = pattern.sub(replacement, text)
    for formula in _FORMULA.findall(text):
        if "{{c" in formula:
            text = text.replace(formula, formula[2:-2])
        else:  # a formula may contain line breaks
            text = text.replace(formula, _LINE_BREAK.sub(" ", formula))
    return field_to_markdown(_MEDIA.sub('<img src="sound">', text))


def _latex_to_mathjax(latex: str) -> str:
    for pattern, replacement in _LATEX_REPLACEMENTS:
        latex = pattern.sub(replacement, latex)
    return latex
