"""Read a note of Anki, of whatever type, as the first of its cards, in Markdown."""

from __future__ import annotations

from msgspec.structs import replace

from ankiforge.anki.notetypes import (
    family_of,
    fields_seen,
    fields_shown,
    is_empty,
    shows_cloze,
)
from ankiforge.anki.plan import FILLED
from ankiforge.anki.render import unrender
from ankiforge.model import (
    NO_KEY,
    CardKind,
    Fields,
    HighlightKey,
    NoteId,
    NoteInAnki,
    Origin,
    SeenType,
    Strings,
    Texts,
    Value,
    Words,
)
from ankiforge.text import on_one_line, regex
from ankiforge.text.cloze import plain

LONGEST_READ = 10_000
"""The maximum length of a side in characters.

Cards are shorter, and broken markup is slow to parse.
"""
_LATEX = (
    (regex(r"(?is)\[\$\](.*?)\[/\$\]"), r"\\(\1\\)"),
    (regex(r"(?is)\[\$\$\](.*?)\[/\$\$\]"), r"\\[\1\\]"),
)
# Text that LaTeX typesets: formulas stand in dollars there.
_TYPESET = regex(r"(?is)\[latex\](.*?)\[/latex\]")
_IN_LATEX = (
    (regex(r"\\newline\b"), " "),
    (regex(r"\\(?:emph|text(?:bf|it))\{([^{}]*)\}"), r"\1"),
    (regex(r"(?s)\$\$(.*?)\$\$"), r"\\[\1\\]"),
    (regex(r"(?s)(?<!(?<!\\)\\)\$(.*?)(?<!\\)\$"), r"\\(\1\\)"),
    (regex(r"(?s)\\\(\s*\\\)"), " "),
)
_PLAYED = regex(
    r"""(?xi)
    \[sound:[^\[\]\n]*\]
    | \[anki:play:[^\[\]\n]*\]
    | <(?:audio|video|svg|canvas|object|iframe)\b[^<>]*>
    """
)
_FORMULA = regex(r"(?s)\\\(.+?\\\)|\\\[.+?\\\]")
# A gap with a formula whose own `}}` ends it: {{c1::\(\frac{1}{\sqrt{2}}\)}}.
_CLOSED_EARLY = regex(
    r"""(?xs)
    \{\{c[0-9,]+::(?:(?!\}\}|\{\{c).)*
    \\[(\[]                                       # the formula begins
    (?:(?!\}\}|\\[)\]]).)*                         # and does not end
    \}\}
    """
)
_BELOW = ("extra", "back extra", "notes", "note", "remarks", "explanation")
_EMBEDDED = regex(r"data:[^\s\"'<>]{100,}")
_BREAK = regex(r"(?i)<br\s*/?>|</?div>")


class ReadNote(Value):
    """A note with its card as the checks read it."""

    guid: str
    nid: NoteId
    """The id in Anki; 0 if the note is not in Anki yet."""
    deck: str
    notetype: str
    fields: Fields
    """(name, HTML or Markdown), unchanged."""
    draft: Words | None = None
    """The card; None if the note cannot be read as question and answer."""
    names: Texts = {}
    """By our field: the name of its field, if the card has one for each side."""
    closed_early: str = ""
    """A cloze that `}}` of a formula closes too early."""
    key: HighlightKey = NO_KEY
    """The passage of a note made by ankiforge."""
    unread: str = ""
    """Why the note has no card here."""

    @property
    def front(self) -> str:
        """The front of the note, to identify it in a line."""
        front = ""
        if self.draft:
            front = self.draft.field("Text") or self.draft.field("Front")
        if not front and self.fields:
            _, text = self.fields[0]
            front = unrender(text[:400])
        return on_one_line(plain(front[:400]))


def read_note(note: NoteInAnki, note_type: SeenType | None) -> ReadNote:
    """Read a note of Anki as the first of its cards."""
    # The fields that the type of a damaged collection lacks are called `Field 3`.
    names = list(note_type.names) if note_type else []
    for number in range(len(names) + 1, len(note.fields) + 1):
        names.append(f"Field {number}")
    fields = tuple(zip(names, note.fields, strict=False))
    read = ReadNote(
        guid=note.guid,
        nid=note.id,
        deck=note.deck,
        notetype=note_type.name if note_type else "",
        fields=fields,
        key=note.identity.key if note.identity else NO_KEY,
    )
    if note_type is None:
        return replace(read, unread="its note type is not there")
    if any("image-occlusion:" in text for _, text in fields):
        return replace(read, unread="an image occlusion")

    if not note_type.cloze:
        template = note_type.templates[min(note.ordinals, default=0)]
        asked = {*fields_shown(template.question), "FrontSide"}
        if asked.issuperset(fields_shown(template.answer)):
            return replace(read, unread="its note type has no answer")
    return _with_sides(read, note, note_type)


def _with_sides(read: ReadNote, note: NoteInAnki, note_type: SeenType) -> ReadNote:
    """Return a note with its card, which has the two sides of its first card in Anki."""
    # Pictures that are embedded in a field are content, but not their bytes.
    in_latex = "[latex]{{" in note_type.templates[0].question
    form = "[latex]{}[/latex]" if in_latex else "{}"
    shown = {}
    for name, text in read.fields:
        shown[name] = form.format(_EMBEDDED.sub("data:", text))
    asked, answered = _asked_and_answered(note, note_type, shown)
    question = "<br>".join(shown.get(name, "") for name in asked)
    answer = shown.get(answered, "")
    if max(len(question), len(answer)) > LONGEST_READ:
        return replace(read, unread=f"more than {LONGEST_READ:,} characters of markup")
    sides = {"Front": question, "Back": answer}
    if note_type.cloze:
        sides = {"Text": question}
    theirs: Texts = {}
    if len(asked) == 1 and (answered or note_type.cloze):
        theirs = _with_extra(
            dict(zip(sides, (*asked, answered), strict=False)), note_type
        )
    early = _CLOSED_EARLY.search(question)
    return replace(
        read,
        draft=_card_of({name: _markdown(text) for name, text in sides.items()}),
        names=theirs,
        closed_early=early[0] if early else "",
    )


def _with_extra(theirs: Texts, note_type: SeenType) -> Texts:
    """Return fields of a note type by ours, with the one that it shows below an answer."""
    for name in note_type.names:
        if name.casefold() in _BELOW and name not in theirs.values():
            return {**theirs, "Extra": name}
    return theirs


def _card_of(sides: Texts) -> Words:
    """Return the card with these sides in Markdown."""
    return Words(NO_KEY, CardKind.of(sides), tuple(sides.items()), Origin("person"))


def _asked_and_answered(
    note: NoteInAnki, note_type: SeenType, fields: Texts
) -> tuple[Strings, str]:
    """Return the fields that the first card asks, and the one that answers, as a person sees them.

    The answer is the first filled field that the answer template shows and the question
    does not; "" if there is none. The line above a question of ours says where it is from.
    """
    if note_type.cloze:
        return tuple(name for name in fields if shows_cloze(note_type, name)), ""
    ordinal = min(note.ordinals, default=0)
    template = note_type.templates[ordinal]
    asked = fields_seen(template.question, fields, of_question=True)
    if family_of(note_type.id):
        asked = tuple(name for name in asked if name not in FILLED)
    for name in fields_seen(template.answer, fields, of_question=False):
        if name not in asked and not is_empty(fields.get(name, "")):
            return asked, name
    return asked, ""


def _markdown(text: str) -> str:
    """Return a field as Markdown; a sound becomes a picture, so that it counts as content.

    Anki recognises gaps inside formulas: such a formula is read as text.
    """
    text = _TYPESET.sub(lambda match: _as_mathjax(match[1]), text)
    for pattern, instead in _LATEX:
        text = pattern.sub(instead, text)
    for formula in _FORMULA.findall(text):
        if "{{c" in formula:
            text = text.replace(formula, formula[2:-2])
        else:  # a line may end within it
            text = text.replace(formula, _BREAK.sub(" ", formula))
    return unrender(_PLAYED.sub('<img src="sound">', text))


def _as_mathjax(latex: str) -> str:
    """Return text for LaTeX as HTML with formulas for MathJax."""
    for pattern, instead in _IN_LATEX:
        latex = pattern.sub(instead, latex)
    return latex
