"""Run the checks on the notes of any deck, read with their own card templates.

`read_note` turns a note of Anki into drafts, one for each card. `check_notes` checks them. `Counts` counts
what was found and shows it as text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

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
"""The maximum length of a side in characters. Cards are shorter, and broken markup is slow to parse."""
_ORDER = list(Severity)

# --- templates ------------------------------------------------------------------------------

_FIELD = regex(r"\{\{(?![#^/!=])([^{}]*)\}\}")
_TEMPLATE_TAG = regex(r"\{\{[^{}]*\}\}")
_ANSWER_LINE = regex(r"(?i)<hr\b[^<>]{0,200}?\bid\s{0,9}=\s{0,9}[\"']?answer\b")


def _sides(question: str, answer: str, fields: Texts) -> Pair:
    """Return the question and the answer of a card as HTML: the fields that its templates show.

    The answer is the field to be typed, else the first filled field of the answer template that the
    question does not show, where fields below `<hr id=answer>` come first.
    """
    asked = [one.rpartition(":") for one in _FIELD.findall(question)]
    if clozes := [fields.get(name.strip(), "") for filters, _, name in asked if "cloze" in filters]:
        return "<br>".join(dict.fromkeys(clozes)), ""
    typed = [name.strip() for filters, _, name in asked if "type" in filters]
    shown = [name.strip() for filters, _, name in asked if filters not in ("type", "hint")]
    below_first = "".join(reversed(_ANSWER_LINE.split(answer, maxsplit=1)))
    told = [one.rpartition(":")[2].strip() for one in _FIELD.findall(below_first)]
    answers = [fields.get(name, "") for name in (*typed, *told) if name not in shown]
    front = "<br>".join(fields.get(name, "") for name in shown)
    front = _TEMPLATE_TAG.sub(" ", question) if is_empty(front) else front  # its own words
    return front, next((text for text in answers if not is_empty(text)), "")


# --- fields in our Markdown -----------------------------------------------------------------

_LATEX = (
    (regex(r"(?is)\[\$\](.*?)\[/\$\]"), r"\\(\1\\)"),
    (regex(r"(?is)\[(\$\$|latex)\](.*?)\[/\1\]"), r"\\[\2\\]"),
)
_PLAYED = regex(
    r"(?i)\[sound:[^\[\]\n]*\]|\[anki:play:[^\[\]\n]*\]|<(?:audio|video|svg|canvas|object|iframe)\b[^<>]*>"
)
_PLAIN = regex(r"(?m)[<>&\\`*_\[\]#${]|==|~~|^\s*\d*[-+.)]")
_MATHS = regex(r"(?s)\\\(.+?\\\)|\\\[.+?\\\]")
_NESTED = regex(r"(?s)(\{\{c[0-9,]+::(?:(?!\}\}).)*?)\{\{c[0-9,]+::((?:(?!\{\{c|\}\}).)*)\}\}")


def _markdown(text: str) -> str:
    """Return a field as Markdown; a sound becomes a picture, so that it counts as content.

    Anki recognises gaps inside formulas and inside gaps: such a formula is read as text, and such a
    gap is shown.
    """
    if not _PLAIN.search(text):
        return text.strip()
    for pattern, instead in _LATEX:
        text = pattern.sub(instead, text)
    if "{{c" in text:
        text = _MATHS.sub(lambda one: one[0][2:-2] if "{{c" in one[0] else one[0], text)
        while (flat := _NESTED.sub(r"\1\2", text)) != text:
            text = flat
    return unrender(_PLAYED.sub('<img src="sound">', text))


# --- markup that Anki would show as it stands -------------------------------------------------

_CODE = regex(r"(?is)<(code|pre)\b.*?</\1>")
_PAIRS = ((r"\\\(", r"\\\)"), (r"\\\[", r"\\\]"), (r"\[\$\]", r"\[/\$\]"), (r"\[latex\]", r"\[/latex\]"))  # fmt: skip
# A gap with a formula whose own `}}` ends it: {{c1::\(\frac{1}{\sqrt{2}}\)}}.
_CLOSED_EARLY = regex(r"(?s)\{\{c[0-9,]+::(?:(?!\}\}).)*\\[(\[](?:(?!\}\}|\\[)\]]).)*\}\}")


def _markup_faults(text: str) -> Iterator[Finding]:
    text = _CODE.sub("", text)
    for opens, closes in _PAIRS:
        if len(re.findall(rf"(?<!\\){opens}", text)) != len(re.findall(rf"(?<!\\){closes}", text)):
            yield check.make_finding("maths", f"“{on_one_line(unrender(text))[:40]}”")
    if early := _CLOSED_EARLY.search(text):
        what = f"`}}}}` of a formula closes the cloze early: “{on_one_line(early[0])[:40]}”"
        yield check.make_finding("malformed", what)


# --- a note ---------------------------------------------------------------------------------

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
        shown = [draft.field("Text") or draft.field("Front") for _, draft in self.cards[:1]]
        shown += [unrender(text[:400]) for _, text in self.fields[:1]]
        return on_one_line(without_markup(next(filter(None, shown), "")[:400]))

    def as_json(self, findings: Iterable[Finding], *, fields: bool) -> Json:
        """Return a line of `lint --json`."""
        found = attributes(self, "guid nid deck notetype")
        found |= {"ours": bool(self.key), "front": self.front, "findings": tuple(findings)}
        return {**found, "fields": dict(self.fields)} if fields else found


def read_note(note: SeenNote, kind: SeenType | None) -> ReadNote:
    """Read a note of Anki with the templates of its note type."""
    names = [name for name, _ in kind.fields] if kind else []
    names += [f"Field {at + 1}" for at in range(len(names), len(note.fields))]
    fields = tuple(zip(names, note.fields, strict=False))
    key = note.identity.key if note.identity else NO_KEY
    read = ReadNote(note.guid, note.id, note.deck, kind.name if kind else "", fields, key=key)
    if kind is None:
        return replace(read, unread="its note type is not there")
    if any("image-occlusion:" in text for _, text in fields):
        return replace(read, unread="an image occlusion")
    # for a note without cards, use those of its type; omit the bytes of embedded pictures
    used = [0] if kind.cloze else note.ordinals or [0]
    lean = {n: _EMBEDDED.sub("data:", text) if "data:" in text else text for n, text in fields}
    templates = [kind.templates[at] for at in used if at < len(kind.templates)]
    shown = [_sides(one.question, one.answer, lean) for one in templates]
    sides = [side for both in shown for side in both]
    if any(len(side) > LONGEST_READ for side in sides):
        return replace(read, unread=f"more than {LONGEST_READ:,} characters of markup")
    cards = tuple(
        (one.name, _draft(*both, cloze=kind.cloze))
        for one, both in zip(templates, shown, strict=True)
    )
    return replace(read, cards=cards, broken=tuple(chain(*map(_markup_faults, sides))))


def _draft(question: str, answer: str, *, cloze: bool) -> Draft:
    kind: CardKind = CardKind.BASIC
    fields: Fields = (("Front", _markdown(question)), ("Back", _markdown(answer)))
    if cloze:
        kind, fields = CardKind.CLOZE, (("Text", _markdown(question)),)
    return Draft(NO_KEY, kind, fields, quote="", answer="", start=0, origin=Origin("person"))


# --- the checks -----------------------------------------------------------------------------


def check_notes(notes: Iterable[ReadNote]) -> Iterator[tuple[ReadNote, list[Finding]]]:
    """Yield the notes with their errors and warnings; each is compared with all before it."""
    known = check.DuplicateIndex()
    for note in notes:
        found = [*note.broken, *_wording(note), *_repeats(note, known)]
        yield note, [one for one in dict.fromkeys(found) if one.severity is not Severity.INFO]


def _wording(note: ReadNote) -> Iterator[Finding]:
    """Yield what the checks say of the wording of cards, whoever wrote them."""
    for name, draft in note.cards:
        for one in check.lint(draft):
            several = len(note.cards) > 1
            yield replace(one, message=f"{name}: {one.message}") if several else one


def _repeats(note: ReadNote, known: check.DuplicateIndex) -> Iterator[Finding]:
    """Compare the first card with those of earlier notes that have another passage."""
    for _, draft in note.cards[:1]:
        words = "".join(text for _, text in draft.fields)
        if len(words) > MAX_LENGTH or "![" in words:
            return  # pictures cannot be compared
        if same := known.exact(draft, note.key):
            yield Finding("duplicate", Severity.WARN, f"the same as {same}", same)
        yield from (one for one in known.near(draft, note.key) if one.twin != same)
        known.add(f"note {note.nid}", note.key, draft)


# --- text -----------------------------------------------------------------------------------


class Counts(msgspec.Struct):
    """Counts of notes by severity and check, with only as many examples as are shown."""

    shown: int | None = SHOWN
    """The number of notes to show for each check; None = all."""
    notes: int = 0
    unread: Counter[str] = msgspec.field(default_factory=Counter)
    worst: Counter[Severity | None] = msgspec.field(default_factory=Counter)
    found: Counter[tuple[Severity, str]] = msgspec.field(default_factory=Counter)
    examples: dict[tuple[Severity, str], list[str]] = {}

    def add(self, note: ReadNote, findings: Sequence[Finding]) -> None:
        """Count a note."""
        self.notes += 1
        self.worst[max((one.severity for one in findings), key=_ORDER.index, default=None)] += 1
        self.unread.update([note.unread] if note.unread else ())
        first = {(one.severity, one.check): one for one in reversed(findings)}
        for key, finding in first.items():
            self.found[key] += 1
            told = self.examples.setdefault(key, [])
            if self.shown is None or len(told) < 2 * self.shown:
                where = f"{note.nid or note.guid} · {shortened(note.deck, 60)}"
                twin = finding.twin if finding.twin not in finding.message else ""
                said = f"{finding.message}{f' ({twin})' if twin else ''}"
                told += [f"    {where}: {shortened(note.front, 60)}", f"      {said}"]

    @property
    def errors(self) -> int:
        """The number of notes with errors."""
        return self.worst[Severity.BLOCK]

    def as_text(self) -> Text:
        """Yield the findings by severity and frequency, and the totals."""
        for key in sorted(self.found, key=lambda key: (-_ORDER.index(key[0]), -self.found[key])):
            (severity, name), count, lines = key, self.found[key], self.examples[key]
            yield f"{WORDS[severity]}  {name}  ({counted(count, 'note')})"
            yield from lines
            if left := count - len(lines) // 2:
                yield f"    … and {left:,} more (-v names all)"
        for why, count in self.unread.most_common():
            yield f"not read: {counted(count, 'note')} ({why})"
        yield (
            f"{counted(self.notes, 'note')}: {self.errors:,} with errors,"
            f" {self.worst[Severity.WARN]:,} with warnings, {self.worst[None]:,} with neither"
        )
