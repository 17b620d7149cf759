"""Run the checks on the notes of any deck, read with their own card templates.

`read_note` turns a note of Anki into drafts, one for each card. `check_notes` checks
them. `Counts` counts what was found and shows it as text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge import check
from ankiforge.anki.notetypes import is_empty
from ankiforge.anki.render import unrender
from ankiforge.check import MAX_LENGTH, without_markup
from ankiforge.model import (
    NO_KEY,
    CardKind,
    Draft,
    Fields,
    Finding,
    HighlightKey,
    Json,
    Origin,
    Pair,
    SeenNote,
    SeenTemplate,
    SeenType,
    Severity,
    Texts,
    Value,
)
from ankiforge.reports.cards import Text, attributes
from ankiforge.text import counted, on_one_line, regex, shortened

SHOWN = 5
"""The number of notes that are shown for each check; all others are only counted."""
WORDS = {Severity.BLOCK: "error", Severity.WARN: "warning"}
LONGEST_READ = 10_000
"""The maximum length of a side in characters.

Cards are shorter, and broken markup is slow to parse.
"""
_ORDER = list(Severity)

# --- templates --------------------------------------------------------------------------

_FIELD = regex(r"\{\{(?![#^/!=])([^{}]*)\}\}")
_TEMPLATE_TAG = regex(r"\{\{[^{}]*\}\}")
_ANSWER_LINE = regex(r"(?i)<hr\b[^<>]{0,200}?\bid\s{0,9}=\s{0,9}[\"']?answer\b")


class _Shown(NamedTuple):
    """A field that a template shows: `{{type:Back}}` is (`type`, `Back`)."""

    filters: str
    name: str


def _shown_in(template: str) -> list[_Shown]:
    """Return the fields that a template shows, in order."""
    shown = []
    for tag in _FIELD.findall(template):
        filters, _, name = tag.rpartition(":")
        shown.append(_Shown(filters, name.strip()))
    return shown


def _sides(question: str, answer: str, fields: Texts) -> Pair:
    """Return the question and the answer of a card as HTML: the fields that its templates show.

    The answer is the field to be typed, else the first filled field of the answer
    template that the question does not show, where fields below `<hr id=answer>` come
    first.
    """
    asked = _shown_in(question)
    clozes = []
    for field in asked:
        if "cloze" in field.filters:
            clozes.append(fields.get(field.name, ""))
    if clozes:
        return "<br>".join(dict.fromkeys(clozes)), ""
    typed = [field.name for field in asked if "type" in field.filters]
    shown = []
    for field in asked:
        if field.filters not in ("type", "hint"):
            shown.append(field.name)
    front = "<br>".join(fields.get(name, "") for name in shown)
    if is_empty(front):  # then the template has words of its own
        front = _TEMPLATE_TAG.sub(" ", question)
    for name in (*typed, *_told_in(answer)):
        text = fields.get(name, "")
        if name not in shown and not is_empty(text):
            return front, text
    return front, ""


def _told_in(answer: str) -> list[str]:
    """Return the fields of an answer template: those below `<hr id=answer>`, then those above."""
    parts = _ANSWER_LINE.split(answer, maxsplit=1)
    below_first = "".join(reversed(parts))
    return [field.name for field in _shown_in(below_first)]


# --- fields in our Markdown -------------------------------------------------------------

_LATEX = (
    (regex(r"(?is)\[\$\](.*?)\[/\$\]"), r"\\(\1\\)"),
    (regex(r"(?is)\[(\$\$|latex)\](.*?)\[/\1\]"), r"\\[\2\\]"),
)
_PLAYED = regex(
    r"""(?xi)
    \[sound:[^\[\]\n]*\]
    | \[anki:play:[^\[\]\n]*\]
    | <(?:audio|video|svg|canvas|object|iframe)\b[^<>]*>
    """
)
_PLAIN = regex(r"(?m)[<>&\\`*_\[\]#${]|==|~~|^\s*\d*[-+.)]")
_MATHS = regex(r"(?s)\\\(.+?\\\)|\\\[.+?\\\]")
_NESTED = regex(
    r"""(?xs)
    (\{\{c[0-9,]+::(?:(?!\}\}).)*?)                 # the outer gap, up to the inner one
    \{\{c[0-9,]+::((?:(?!\{\{c|\}\}).)*)\}\}        # the inner one
    """
)


def _markdown(text: str) -> str:
    """Return a field as Markdown; a sound becomes a picture, so that it counts as content.

    Anki recognises gaps inside formulas and inside gaps: such a formula is read as text,
    and such a gap is shown.
    """
    if not _PLAIN.search(text):
        return text.strip()
    for pattern, instead in _LATEX:
        text = pattern.sub(instead, text)
    if "{{c" in text:
        text = _MATHS.sub(_without_delimiters, text)
        text = _without_nesting(text)
    return unrender(_PLAYED.sub('<img src="sound">', text))


def _without_delimiters(formula: re.Match[str]) -> str:
    """Return a formula with a gap in it as text; others stay."""
    tex = formula[0]
    return tex[2:-2] if "{{c" in tex else tex


def _without_nesting(text: str) -> str:
    """Replace each gap inside another one by its words."""
    while True:
        flat = _NESTED.sub(r"\1\2", text)
        if flat == text:
            return text
        text = flat


# --- markup that Anki would show literally ----------------------------------------------

_CODE = regex(r"(?is)<(code|pre)\b.*?</\1>")
_PAIRS = (
    (r"\\\(", r"\\\)"),
    (r"\\\[", r"\\\]"),
    (r"\[\$\]", r"\[/\$\]"),
    (r"\[latex\]", r"\[/latex\]"),
)
# A gap with a formula whose own `}}` ends it: {{c1::\(\frac{1}{\sqrt{2}}\)}}.
_CLOSED_EARLY = regex(
    r"""(?xs)
    \{\{c[0-9,]+::(?:(?!\}\}).)*
    \\[(\[]                                       # the formula begins
    (?:(?!\}\}|\\[)\]]).)*                         # and does not end
    \}\}
    """
)


def _markup_faults(text: str) -> Iterator[Finding]:
    """Yield what is wrong with the formulas of a side."""
    text = _CODE.sub("", text)
    for opening, closing in _PAIRS:
        opened = re.findall(rf"(?<!\\){opening}", text)
        closed = re.findall(rf"(?<!\\){closing}", text)
        if len(opened) != len(closed):
            words = on_one_line(unrender(text))
            yield check.make_finding("maths", f"“{words[:40]}”")
    early = _CLOSED_EARLY.search(text)
    if early:
        words = on_one_line(early[0])[:40]
        message = f"`}}}}` of a formula closes the cloze early: “{words}”"
        yield check.make_finding("malformed", message)


# --- a note -----------------------------------------------------------------------------

_EMBEDDED = regex(r"data:[^\s\"'<>]{100,}")


class ReadNote(Value):
    """A note with its cards as the checks read them."""

    guid: str
    nid: int
    """The id in Anki; 0 if the note is not in Anki yet."""
    deck: str
    notetype: str
    fields: Fields
    """(name, HTML or Markdown), unchanged."""
    cards: tuple[tuple[str, Draft], ...] = ()
    """(name, draft) of each card; () if they cannot be read as question and answer."""
    broken: tuple[Finding, ...] = ()
    """Findings about the markup."""
    key: HighlightKey = NO_KEY
    """The passage of a note made by ankiforge."""
    unread: str = ""
    """Why the note has no cards here."""

    @property
    def front(self) -> str:
        """The front of the note, to identify it in a line."""
        front = ""
        if self.cards:
            _, draft = self.cards[0]
            front = draft.field("Text") or draft.field("Front")
        if not front and self.fields:
            _, text = self.fields[0]
            front = unrender(text[:400])
        return on_one_line(without_markup(front[:400]))

    def as_json(self, findings: Iterable[Finding], *, fields: bool) -> Json:
        """Return a line of `lint --json`; with `fields`, also the fields of the note."""
        json = {
            **attributes(self, "guid nid deck notetype"),
            "ours": bool(self.key),
            "front": self.front,
            "findings": tuple(findings),
        }
        if fields:
            json["fields"] = dict(self.fields)
        return json


def read_note(note: SeenNote, note_type: SeenType | None) -> ReadNote:
    """Read a note of Anki with the templates of its note type."""
    fields = _named_fields(note, note_type)
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

    small_fields = {name: _without_pictures(text) for name, text in fields}
    cards = []
    faults: list[Finding] = []
    for template in _templates_of(note, note_type):
        question, answer = _sides(template.question, template.answer, small_fields)
        if max(len(question), len(answer)) > LONGEST_READ:
            return replace(
                read,
                unread=f"more than {LONGEST_READ:,} characters of markup",
            )
        draft = _draft(question, answer, cloze=note_type.cloze)
        cards.append((template.name, draft))
        faults += _markup_faults(question)
        faults += _markup_faults(answer)
    return replace(read, cards=tuple(cards), broken=tuple(faults))


def _named_fields(note: SeenNote, note_type: SeenType | None) -> Fields:
    """Return the fields of a note; those that its type lacks are called `Field 3`."""
    names = list(note_type.names) if note_type else []
    for number in range(len(names) + 1, len(note.fields) + 1):
        names.append(f"Field {number}")
    return tuple(zip(names, note.fields, strict=False))


def _without_pictures(text: str) -> str:
    """Omit the bytes of pictures that are embedded in a field."""
    return _EMBEDDED.sub("data:", text) if "data:" in text else text


def _templates_of(note: SeenNote, note_type: SeenType) -> list[SeenTemplate]:
    """Return the templates of a note's cards, or the first of its type if it has no cards."""
    ordinals = [0] if note_type.cloze else note.ordinals or [0]
    templates = []
    for ordinal in ordinals:
        if ordinal < len(note_type.templates):
            templates.append(note_type.templates[ordinal])
    return templates


def _draft(question: str, answer: str, *, cloze: bool) -> Draft:
    """Return the draft that the checks take for a card."""
    if cloze:
        kind = CardKind.CLOZE
        fields: Fields = (("Text", _markdown(question)),)
    else:
        kind = CardKind.BASIC
        fields = (("Front", _markdown(question)), ("Back", _markdown(answer)))
    return Draft(
        NO_KEY,
        kind,
        fields,
        quote="",
        answer="",
        start=0,
        origin=Origin("person"),
    )


# --- the checks -------------------------------------------------------------------------


def check_notes(notes: Iterable[ReadNote]) -> Iterator[tuple[ReadNote, list[Finding]]]:
    """Yield the notes with their errors and warnings; each is compared with all before it."""
    index = check.DuplicateIndex()
    for note in notes:
        findings = [*note.broken, *_wording(note), *_repeats(note, index)]
        reported = [
            finding for finding in findings if finding.severity is not Severity.INFO
        ]
        yield note, list(dict.fromkeys(reported))


def _wording(note: ReadNote) -> Iterator[Finding]:
    """Yield what the checks say of the wording of cards, whoever wrote them."""
    for name, draft in note.cards:
        for finding in check.lint(draft):
            if len(note.cards) > 1:
                finding = replace(finding, message=f"{name}: {finding.message}")
            yield finding


def _repeats(note: ReadNote, index: check.DuplicateIndex) -> Iterator[Finding]:
    """Compare the first card with those of earlier notes that have another passage."""
    if not note.cards:
        return
    _, draft = note.cards[0]
    words = "".join(text for _, text in draft.fields)
    if len(words) > MAX_LENGTH or "![" in words:
        return  # pictures cannot be compared
    same = index.exact(draft, note.key)
    if same:
        yield Finding("duplicate", Severity.WARN, f"the same as {same}", same)
    for finding in index.near(draft, note.key):
        if finding.duplicate != same:
            yield finding
    index.add(f"note {note.nid}", note.key, draft)


# --- text -------------------------------------------------------------------------------


class Counts(msgspec.Struct):
    """Counts of notes by severity and check, with only as many examples as are shown."""

    shown: int | None = SHOWN
    """The number of notes to show for each check; None = all."""
    notes: int = 0
    unread: Counter[str] = msgspec.field(default_factory=Counter)
    """Notes without cards here, by the reason."""
    worst: Counter[Severity | None] = msgspec.field(default_factory=Counter)
    """Notes by their most severe finding; None = they have none."""
    found: Counter[tuple[Severity, str]] = msgspec.field(default_factory=Counter)
    """Notes by severity and name of a check."""
    examples: dict[tuple[Severity, str], list[str]] = {}
    """Two lines of text for each note that is shown."""

    def add(self, note: ReadNote, findings: Sequence[Finding]) -> None:
        """Count a note."""
        self.notes += 1
        severities = [finding.severity for finding in findings]
        self.worst[max(severities, key=_ORDER.index, default=None)] += 1
        if note.unread:
            self.unread[note.unread] += 1
        # the first finding of each check
        first = {}
        for finding in reversed(findings):
            first[finding.severity, finding.check] = finding
        for key, finding in first.items():
            self.found[key] += 1
            examples = self.examples.setdefault(key, [])
            if self.shown is None or len(examples) < 2 * self.shown:
                examples += _example(note, finding)

    @property
    def errors(self) -> int:
        """The number of notes with errors."""
        return self.worst[Severity.BLOCK]

    def as_text(self) -> Text:
        """Yield the findings by severity and frequency, and the totals."""
        for severity, name in sorted(self.found, key=self._rank):
            count = self.found[severity, name]
            lines = self.examples[severity, name]
            yield f"{WORDS[severity]}  {name}  ({counted(count, 'note')})"
            yield from lines
            notes_left = count - len(lines) // 2
            if notes_left:
                yield f"    … and {notes_left:,} more (-v names all)"
        for reason, count in self.unread.most_common():
            yield f"not read: {counted(count, 'note')} ({reason})"
        yield (
            f"{counted(self.notes, 'note')}: {self.errors:,} with errors,"
            f" {self.worst[Severity.WARN]:,} with warnings, {self.worst[None]:,} with neither"
        )

    def _rank(self, key: tuple[Severity, str]) -> tuple[int, int]:
        """Sort the most severe first, then the most frequent."""
        severity, _ = key
        return -_ORDER.index(severity), -self.found[key]


def _example(note: ReadNote, finding: Finding) -> list[str]:
    """Return the two lines about a note with a finding."""
    where = f"{note.nid or note.guid} · {shortened(note.deck, 60)}"
    message = finding.message
    if finding.duplicate and finding.duplicate not in message:
        message = f"{message} ({finding.duplicate})"
    return [f"    {where}: {shortened(note.front, 60)}", f"      {message}"]
