"""Run the checks on the notes of any deck.

`read_note` turns a note of Anki into a draft. `check_notes` checks the drafts. `Counts`
counts what was found and shows it as text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge import check
from ankiforge.anki.notetypes import family_of, fields_seen, is_empty, shows_cloze
from ankiforge.anki.plan import FILLED
from ankiforge.anki.render import unrender
from ankiforge.check import MAX_LENGTH, without_markup
from ankiforge.model import (
    NO_KEY,
    Card,
    CardKind,
    Fields,
    Finding,
    HighlightKey,
    Json,
    NoteInAnki,
    Origin,
    Pair,
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
_EMBEDDED = regex(r"data:[^\s\"'<>]{100,}")


# --- a note -----------------------------------------------------------------------------


class ReadNote(Value):
    """A note with its card as the checks read it."""

    guid: str
    nid: int
    """The id in Anki; 0 if the note is not in Anki yet."""
    deck: str
    notetype: str
    fields: Fields
    """(name, HTML or Markdown), unchanged."""
    draft: Card | None = None
    """The card; None if the note cannot be read as question and answer."""
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

    # Pictures that are embedded in a field are content, but not their bytes.
    small_fields = {name: _EMBEDDED.sub("data:", text) for name, text in fields}
    question, answer = _sides(note, note_type, small_fields)
    if max(len(question), len(answer)) > LONGEST_READ:
        return replace(read, unread=f"more than {LONGEST_READ:,} characters of markup")
    if note_type.cloze:
        kind = CardKind.CLOZE
        card_fields: Fields = (("Text", _markdown(question)),)
    else:
        kind = CardKind.BASIC
        card_fields = (("Front", _markdown(question)), ("Back", _markdown(answer)))
    draft = Card(
        NO_KEY,
        kind,
        card_fields,
        quote="",
        answer="",
        start=0,
        origin=Origin("person"),
    )
    early = _CLOSED_EARLY.search(question)
    return replace(read, draft=draft, closed_early=early[0] if early else "")


def _sides(note: NoteInAnki, note_type: SeenType, fields: Texts) -> Pair:
    """Return the question and the answer of the first card as HTML, as a person sees them.

    The answer is the first filled field that the answer template shows and the question
    does not. The line above a question of ours says where it is from.
    """
    if note_type.cloze:
        shown = [name for name in fields if shows_cloze(note_type, name)]
        return "<br>".join(fields[name] for name in shown), ""
    ordinal = min(note.ordinals, default=0)
    template = note_type.templates[ordinal]
    asked = fields_seen(template.question, fields, of_question=True)
    if family_of(note_type.id):
        asked = tuple(name for name in asked if name not in FILLED)
    front = "<br>".join(fields.get(name, "") for name in asked)
    for name in fields_seen(template.answer, fields, of_question=False):
        text = fields.get(name, "")
        if name not in asked and not is_empty(text):
            return front, text
    return front, ""


def _markdown(text: str) -> str:
    """Return a field as Markdown; a sound becomes a picture, so that it counts as content.

    Anki recognises gaps inside formulas: such a formula is read as text.
    """
    for pattern, instead in _LATEX:
        text = pattern.sub(instead, text)
    for formula in _FORMULA.findall(text):
        if "{{c" in formula:
            text = text.replace(formula, formula[2:-2])
    return unrender(_PLAYED.sub('<img src="sound">', text))


# --- the checks -------------------------------------------------------------------------


def check_notes(notes: Iterable[ReadNote]) -> Iterator[tuple[ReadNote, list[Finding]]]:
    """Yield the notes with their errors and warnings; each is compared with all before it."""
    index = check.DuplicateIndex()
    for note in notes:
        findings: list[Finding] = []
        if note.closed_early:
            words = on_one_line(note.closed_early)[:40]
            message = f"`}}}}` of a formula closes the cloze early: “{words}”"
            findings.append(check.make_finding("malformed", message))
        if note.draft:
            findings += check.lint(note.draft)
            words = "".join(text for _, text in note.draft.fields)
            is_comparable = len(words) <= MAX_LENGTH and "![" not in words
            if is_comparable:  # pictures are not
                same = index.exact(note.draft, note.key)
                if same:
                    message = f"the same as {same}"
                    findings.append(Finding("duplicate", Severity.WARN, message, same))
                for finding in index.near(note.draft, note.key):
                    if finding.duplicate != same:
                        findings.append(finding)
                index.add(f"note {note.nid}", note.key, note.draft)
        reported = [
            finding for finding in findings if finding.severity is not Severity.INFO
        ]
        yield note, list(dict.fromkeys(reported))


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
                place = f"{note.nid or note.guid} · {shortened(note.deck, 60)}"
                message = finding.message
                if finding.duplicate and finding.duplicate not in message:
                    message = f"{message} ({finding.duplicate})"
                examples.append(f"    {place}: {shortened(note.front, 60)}")
                examples.append(f"      {message}")

    @property
    def errors(self) -> int:
        """The number of notes with errors."""
        return self.worst[Severity.BLOCK]

    def as_text(self) -> Text:
        """Yield the findings by severity and frequency, and the totals."""
        # the most severe first, then the most frequent
        in_order = self.found.most_common()
        in_order.sort(key=lambda entry: _ORDER.index(entry[0][0]), reverse=True)
        for (severity, name), count in in_order:
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
