"""Run the checks on the notes of any deck, read with their own card templates.

`read_note` turns a note of Anki into drafts, one for each card, and `Linter` checks them. Notes made by
ankiforge are checked against the passage in their Source field, others without a source. `FindingCounts`
counts findings and shows them as text.
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

from ankiforge import check
from ankiforge.anki.cards import cloze_signs, is_empty
from ankiforge.anki.identity import field_hash
from ankiforge.anki.notes import read_source, text_of
from ankiforge.anki.unrender import unrender
from ankiforge.check import MAX_LENGTH, bare, content
from ankiforge.model import (
    Card,
    CardKind,
    Document,
    DocumentKey,
    Draft,
    Family,
    Fields,
    Finding,
    Highlight,
    HighlightKey,
    HighlightKind,
    Identity,
    Origin,
    SeenNote,
    SeenType,
    Severity,
)
from ankiforge.reports.cards import attributes
from ankiforge.text import cloze
from ankiforge.text.display import counted, on_one_line, percent, shortened
from ankiforge.text.fold import fold

SHOWN = 5
"""The number of notes that are shown for each check; all others are only counted."""
WORDS = {Severity.BLOCK: "error", Severity.WARN: "warning", Severity.INFO: "info"}
LONGEST_READ = 10_000
"""The maximum length of a side in characters. Cards are shorter, and broken markup is slow to parse."""
_LONGEST_FRONT = 400
_ORDER = list(Severity)
_NO_HIGHLIGHT = HighlightKey("")


# --- templates ------------------------------------------------------------------------------

_TAG = re.compile(r"\{\{([^{}]*)\}\}")
_COMMENT = re.compile(
    r"<!--.*?(?:-->|\Z)|<style\b.*?(?:</style>|\Z)|<script\b.*?(?:</script>|\Z)", re.DOTALL | re.I
)
"""An element that is not closed hides everything after it, as in a browser."""
_ANSWER = re.compile(
    r"<hr\b[^<>]{0,200}?\bid\s{0,9}=\s{0,9}[\"']?answer\b[^<>]{0,200}>", re.IGNORECASE
)
_SPECIAL = frozenset(("FrontSide", "Tags", "Type", "Deck", "Subdeck", "Card", "CardFlag", "CardID"))
_DEEPEST = 50
_WORD = re.compile(r"[^\W\d_]{2}")
_MARKUP = re.compile(r"<[^<>]*>|&\w+;")


class _Slot(NamedTuple):
    """`{{filter:Field}}` in a template."""

    field: str
    filters: tuple[str, ...]

    @property
    def visible(self) -> bool:
        """Whether the text is shown, neither typed by the user nor hidden until clicked."""
        return not {"type", "hint"}.intersection(self.filters)


class Face(NamedTuple):
    """One card of a note: its question and answer as HTML."""

    name: str
    question: str
    answer: str
    cloze: bool = False
    """Whether the question is a cloze text, which includes the answer."""
    asked: str = ""
    """The fields of the question without the words of the template; "" if that has no words."""


@lru_cache(maxsize=4096)
def _tokens(template: str) -> tuple[str, ...]:
    """Split a template into text and the contents of `{{…}}`, alternating."""
    return tuple(_TAG.split(_COMMENT.sub("", template)))


def _parts(template: str, fields: Mapping[str, str]) -> Iterator[str | _Slot]:
    """Yield the text and the slots that a template shows for a note, evaluating conditions."""
    hidden: list[bool] = []
    for at, token in enumerate(_tokens(template)):
        if at % 2 == 0:
            if token and not any(hidden):
                yield token
            continue
        sign, name = token.strip()[:1], token.strip()[1:].strip()
        if sign in ("#", "^") and len(hidden) < _DEEPEST:
            hidden.append(is_empty(fields.get(name, "")) == (sign == "#"))
        elif sign == "/":
            hidden = hidden[:-1]
        elif sign not in ("#", "^", "!", "=") and not any(hidden):
            *filters, name = (part.strip() for part in token.split(":"))
            if name not in _SPECIAL:
                yield _Slot(name, tuple(word.split(" ")[0] for word in filters))


def _slots(template: str, fields: Mapping[str, str]) -> list[_Slot]:
    return [part for part in _parts(template, fields) if isinstance(part, _Slot)]


def cloze_fields(question: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    """Return the contents of the fields that a question shows as clozes."""
    return tuple(fields.get(s.field, "") for s in _slots(question, fields) if "cloze" in s.filters)


def face(name: str, question: str, answer: str, fields: Mapping[str, str]) -> Face:
    """Return the card that these templates show for a note."""
    parts = list(_parts(question, fields))
    slots = [part for part in parts if isinstance(part, _Slot)]
    if any("cloze" in slot.filters for slot in slots):
        return Face(name, "<br>".join(dict.fromkeys(cloze_fields(question, fields))), "", True)
    # The answer is the field to be typed, else the first filled field of the answer template that
    # the question does not show, where fields below `<hr id=answer>` come first.
    visible = {slot.field for slot in slots if slot.visible}
    line = _answer_line(answer)
    sides = (answer[line[1] :], answer[: line[0]])
    fresh = [s.field for side in sides for s in _slots(side, fields) if s.field not in visible]
    typed = [slot.field for slot in slots if "type" in slot.filters]
    texts = (fields.get(field, "") for field in (*typed, *fresh))
    answered = next((text for text in texts if not is_empty(text)), "")
    worded = any(isinstance(part, str) and _WORD.search(_MARKUP.sub("", part)) for part in parts)
    own = _filled(slots, fields) if worded else ""
    return Face(name, _filled(parts, fields), answered, asked=own)


@lru_cache(maxsize=4096)
def _answer_line(answer: str) -> tuple[int, int]:
    found = _ANSWER.search(answer)
    return found.span() if found else (0, 0)


def _filled(parts: Iterable[str | _Slot], fields: Mapping[str, str]) -> str:
    """Return the text of a question, without fields that are typed or hidden until clicked."""
    texts = (
        part if isinstance(part, str) else fields.get(part.field, "") if part.visible else ""
        for part in parts
    )
    return "".join(texts)


# --- fields in our Markdown -----------------------------------------------------------------

_LATEX = (
    (re.compile(r"\[\$\$\](.*?)\[/\$\$\]", re.DOTALL | re.I), r"\\[\1\\]"),
    (re.compile(r"\[\$\](.*?)\[/\$\]", re.DOTALL | re.I), r"\\(\1\\)"),
    (re.compile(r"\[latex\](.*?)\[/latex\]", re.DOTALL | re.I), r"\\[\1\\]"),
)
_SOUND = re.compile(r"\[sound:([^\[\]\n]*)\]|\[anki:play:[^\[\]\n]*\]")
_PLAYED = re.compile(r"<(?:audio|video|svg|canvas|object|iframe)\b", re.I)
_PLAIN = re.compile(r"[<>&\\`*_\[\]#${]|==|~~|^\s*\d*[-+.)]", re.MULTILINE)
_LINES = re.compile(r"<br\s*/?>|</?(?:div|p)>", re.IGNORECASE)
_EMPHASIS = re.compile(r"</?(?:b|i|u|em|strong|span|font|small|big)(?:\s[^<>]*)?>", re.IGNORECASE)


def markdown(text: str) -> str:
    """Return a field as Markdown; a sound becomes a picture, so that it counts as content."""
    if not _PLAIN.search(text):
        return text.strip()
    simple = html.unescape(_EMPHASIS.sub("", _LINES.sub("\n", text)))
    if not _PLAIN.search(simple):
        return re.sub(r"\n{3,}", "\n\n", simple).strip()
    for pattern, instead in _LATEX:
        text = pattern.sub(instead, text)
    heard = _SOUND.search(text) or _PLAYED.search(text)
    words = unrender(_SOUND.sub(" ", text))
    return f"{words} ![sound](sound)".strip() if heard else words


_MATHS = re.compile(r"\\\(.+?\\\)|\\\[.+?\\\]", re.DOTALL)
_GAP = re.compile("\ue0f2(.*?)\ue0f3", re.DOTALL)
_INNER_GAP = re.compile("\ue0f2\\{\\{c[0-9,]+::(.*?)\\}\\}\ue0f3", re.DOTALL)


def cloze_markdown(text: str) -> str:
    """Return a cloze text in our grammar, with exactly the gaps that Anki recognises.

    Anki recognises gaps inside formulas, so such a formula is read as text. A gap inside a gap is
    shown. Private-use characters mark finished gaps while the text around them is converted.
    """
    for pattern, instead in _LATEX:
        text = pattern.sub(instead, text)
    text = _MATHS.sub(lambda one: one[0][2:-2] if "{{c" in one[0] else one[0], text)
    out, opened, at = [""], list[tuple[int, ...]](), 0
    for sign in cloze_signs(text):
        out[-1] += text[at : sign.start]
        at = sign.end
        if sign.numbers:
            opened.append(sign.numbers)
            out.append("")
        else:
            gap = _gap(opened.pop(), out.pop())
            out[-1] += gap
    out[-1] += text[at:]

    gaps: list[str] = []

    def hold(found: re.Match[str]) -> str:
        gaps.append(found[1])
        return f"\ue0f0{len(gaps) - 1}\ue0f1"

    # show clozes that are not closed literally
    words = cloze.escape_signs(markdown(_GAP.sub(hold, "".join(out))))
    return re.sub("\ue0f0(\\d+)\ue0f1", lambda one: gaps[int(one[1])], words)


def _gap(numbers: tuple[int, ...], inside: str) -> str:
    answer, _, hint = _INNER_GAP.sub(r"\1", inside).partition("::")
    made = cloze.make(numbers[0], markdown(answer) or " ", markdown(hint))
    marks = ",".join(map(str, numbers))
    return f"\ue0f2{made.replace(f'{{{{c{numbers[0]}::', f'{{{{c{marks}::', 1)}\ue0f3"


# --- markup that is broken ------------------------------------------------------------------

_CODE = re.compile(r"<(code|pre)\b.*?</\1>", re.DOTALL | re.I)
_TEXLIKE = re.compile(r"\\[(\[][^\s\\]|[^\s\\]\s*\\[)\]]")
_OPEN_LATEX = re.compile(r"\[/?(?:\$\$?|latex)\]", re.I)


@lru_cache(maxsize=256)
def _formula_faults(text: str) -> tuple[Finding, ...]:
    """Return findings about formulas that Anki would show as source text."""
    if "\\" not in text and "[" not in text:
        return ()
    text = _CODE.sub("", text)
    for pattern, _ in _LATEX:
        text = pattern.sub("", text)
    found = []
    for opens, closes in ((r"\(", r"\)"), (r"\[", r"\]")):
        rest = re.sub(f"{re.escape(opens)}.*?{re.escape(closes)}", "", text, flags=re.DOTALL)
        at = next((rest.find(sign) for sign in (opens, closes) if sign in rest), -1)
        if at >= 0 and _TEXLIKE.search(rest):
            near = on_one_line(re.sub(r"<[^>]*>", " ", rest[max(at - 10, 0) : at + 30]))
            found.append(check.found("math_unbalanced", f"“{near}”"))
    if _OPEN_LATEX.search(text):
        what = "[$] without [/$], or [latex] without [/latex]"
        found.append(check.found("math_unbalanced", what))
    return tuple(found)


def _cloze_faults(text: str) -> Iterator[Finding]:
    """Yield findings about malformed clozes: not closed, empty, or closed inside a formula."""
    malformed = partial(check.found, "malformed_cloze")
    starts: list[int] = []
    signs = list(cloze_signs(text))
    for sign in signs:
        if sign.numbers:
            starts.append(sign.end)
            if not any(1 <= number <= cloze.MAX_NUMBER for number in sign.numbers):
                yield malformed(f"cloze numbers go from 1 to {cloze.MAX_NUMBER}")
            continue
        inside, after = text[starts.pop() : sign.start].partition("::")[0], text[sign.end :]
        if not re.sub(r"<(?!img\b)[^>]*>|&nbsp;|\s", "", inside):
            yield malformed("a cloze is empty")
        elif (
            inside.count("{") > inside.count("}")
            and "\\" in inside
            and after.lstrip().startswith(("}", "\\)", "\\]", "$"))
        ):  # {{c1::\(\frac{a}{b}}\)
            words = on_one_line(inside)[:40]
            yield malformed(f"`}}}}` of a formula closes the cloze early: “{words}”")
    if starts:
        yield malformed(f"a cloze is never closed: “{text[starts[0] : starts[0] + 30]}”")
    if not signs:
        yield malformed("no cloze in the text")


# --- a note ---------------------------------------------------------------------------------

_TAGS = re.compile(r"<[^<>]*>")
_EMBEDDED = re.compile(r"data:[^\s\"'<>]{100,}")


@dataclass(frozen=True, slots=True)
class ReadNote:
    """A note with its cards as the checks read them."""

    guid: str
    id: int
    """The id in Anki; 0 if the note is not in Anki yet."""
    deck: str
    type_name: str
    fields: tuple[tuple[str, str], ...]
    """(name, HTML or Markdown), unchanged."""
    faces: tuple[tuple[str, Draft], ...]
    """(name, draft) of each card; () if they cannot be read as question and answer."""
    broken: tuple[Finding, ...] = ()
    """Findings about the markup."""
    identity: Identity | None = None
    """The identity of a note made by ankiforge."""
    unread: str = ""
    """Why the note has no faces."""
    compared: Draft | None = None
    """The first card without the words of its template, for comparison with other notes."""

    @property
    def front(self) -> str:
        """The front of the note, to identify it in a line."""
        shown = [draft.field("Text") or draft.field("Front") for _, draft in self.faces[:1]]
        shown += [unrender(text[:_LONGEST_FRONT]) for _, text in self.fields[:1]]
        return on_one_line(bare(next(filter(None, shown), "")[:_LONGEST_FRONT]))


def read_note(note: SeenNote, kind: SeenType | None) -> ReadNote:
    """Read a note of Anki with the templates of its note type."""
    names = [name for name, _ in kind.fields] if kind else []
    names += [f"Field {at + 1}" for at in range(len(names), len(note.fields))]
    fields = tuple(zip(names, note.fields, strict=False))
    type_name = kind.name if kind else ""
    read = ReadNote(note.guid, note.id, note.deck, type_name, fields, (), identity=note.identity)
    if kind is None:
        return replace(read, unread="its note type is not there")
    if any("image-occlusion:" in text for _, text in fields):
        return replace(read, unread="an image occlusion")
    # for a note without cards, use those of its type; omit the bytes of embedded pictures
    used = [0] if kind.cloze else note.ordinals or [0]
    lean = {n: _EMBEDDED.sub("data:", text) if "data:" in text else text for n, text in fields}
    templates = [kind.templates[at] for at in used if at < len(kind.templates)]
    shown = [face(one.name, one.question, one.answer, lean) for one in templates]
    sides = [side for one in shown for side in (one.question, one.answer)]
    longest = max(sides, key=len, default="")
    if len(longest) > LONGEST_READ:
        words = len(_TAGS.sub("", longest))
        if words > MAX_LENGTH:
            return replace(read, broken=(check.exceeded("too_long", words),))
        return replace(read, unread=f"more than {LONGEST_READ:,} characters of markup")
    broken = [fault for side in sides for fault in _formula_faults(side)]
    broken += [fault for one in shown if one.cloze for fault in _cloze_faults(one.question)]
    faces = (
        (("", _own_draft(note.identity, dict(fields))),)
        if note.identity
        else tuple(map(_drafted, shown))
    )
    compared = faces[0][1] if shown else None
    if compared is not None and shown[0].asked:  # all notes of a type share the template's words
        front, back = ("Front", markdown(shown[0].asked)), compared.fields[1]
        compared = _draft(CardKind.BASIC, (front, back))
    return replace(read, faces=faces, broken=tuple(dict.fromkeys(broken)), compared=compared)


def _drafted(one: Face) -> tuple[str, Draft]:
    if one.cloze:
        return one.name, _draft(CardKind.CLOZE, (("Text", cloze_markdown(one.question)),))
    sides = (("Front", markdown(one.question)), ("Back", markdown(one.answer)))
    return one.name, _draft(CardKind.BASIC, sides)


def _own_draft(identity: Identity, fields: dict[str, str]) -> Draft:
    """Return the card of a note made by ankiforge, without the text of its template."""
    written = tuple(
        (name, (cloze_markdown if name == "Text" else markdown)(fields[name]))
        for name in identity.family.content_fields
        if fields.get(name)
    )
    kind = CardKind.CLOZE if identity.family is Family.CLOZE else CardKind.BASIC
    return replace(_draft(kind, written), highlight=identity.key)


def _draft(kind: CardKind, fields: Fields) -> Draft:
    person = Origin("person")
    return Draft(_NO_HIGHLIGHT, kind, fields, quote="", answer="", start=0, origin=person)


# --- the linter -----------------------------------------------------------------------------

_OF_MARKUP = frozenset(("malformed_cloze", "bad_template"))
"""Checks of our own markup, which do not apply to notes in Anki; see `ReadNote.broken`."""
_STRUCTURE = check.ids("structure")
_WORDING = check.ids("clozes", "questions")
"""Checks of the wording, which are warnings at most for accepted cards."""
_TYPE_NAMES = {Family.BASIC: "ankiforge Basic", Family.CLOZE: "ankiforge Cloze"}


@dataclass(frozen=True, slots=True)
class Linted:
    """A note and the findings about it."""

    note: ReadNote
    findings: tuple[Finding, ...]
    ours: bool = False

    @property
    def worst(self) -> Severity | None:
        """The highest severity of the findings; None if there are none."""
        return max((one.severity for one in self.findings), key=_ORDER.index, default=None)

    @property
    def by_check(self) -> dict[tuple[Severity, str], Finding]:
        """The first finding for each severity and check."""
        return {(one.severity, one.check): one for one in reversed(self.findings)}


class Linter:
    """Checks notes one after another, and compares each with all before it."""

    def __init__(self) -> None:
        self._known = check.DuplicateIndex()

    def notes(self, notes: Iterable[ReadNote]) -> Iterator[Linted]:
        """Yield the findings for the notes of a deck, in their order."""
        for note in notes:
            ours = note.identity is not None
            found = [*note.broken, *(self._ours(note) if ours else self._foreign(note))]
            if note.faces:
                key = note.identity.key if note.identity else _NO_HIGHLIGHT
                found += self._repeats(f"note {note.id}", note.compared or note.faces[0][1], key)
            yield Linted(note, tuple(dict.fromkeys(found)), ours)

    def cards(self, cards: Iterable[Card]) -> Iterator[Linted]:
        """Yield the findings for the cards of a ledger, each checked against its passage."""
        for card in cards:
            if not card.live:
                continue
            origin = Origin("person") if card.edited else card.origin
            answer = dict(card.fields).get("Back", "")
            by_hand = card.slot.isdigit() and len(card.slot) < 4
            draft = Draft(
                card.key, card.kind, card.fields, card.quote, answer, 0, origin, by_hand=by_hand
            )
            found = self._against(draft, card.highlight)
            found += self._repeats(card.guid, draft, card.highlight.key)
            name = _TYPE_NAMES[card.family]
            note = ReadNote(card.guid, 0, card.deck, name, card.fields, (("", draft),))
            yield Linted(note, tuple(dict.fromkeys(found)), ours=True)

    def _against(self, draft: Draft, highlight: Highlight) -> list[Finding]:
        context = check.Context(highlight, check.DuplicateIndex())
        return list(check.check(draft, context))

    def _foreign(self, note: ReadNote) -> Iterator[Finding]:
        for name, draft in note.faces:
            for one in check.lint(draft):
                if one.check in _OF_MARKUP:
                    continue
                if one.check == "front_lt3w" and content(draft.field("Front")):
                    one = replace(one, severity=Severity.INFO)  # a vocabulary card
                if len(note.faces) > 1:
                    one = replace(one, message=f"{name}: {one.message}")
                yield one

    def _ours(self, note: ReadNote) -> Iterator[Finding]:
        """Check our note against its Source; only warn where a person chose or changed the text."""
        source = _source_of(note)
        if source is None:
            yield from self._foreign(note)
            return
        draft, highlight, edited = source
        for one in self._against(draft, highlight):
            mild = one.check in _WORDING or (edited and one.check not in _STRUCTURE)
            if mild and one.severity is Severity.BLOCK:
                one = replace(one, severity=Severity.WARN)
            if one.check not in _OF_MARKUP:
                yield one

    def _repeats(self, name: str, draft: Draft, key: HighlightKey) -> Iterator[Finding]:
        """Compare a draft with all earlier ones, except those of the same passage."""
        words = "".join(text for _, text in draft.fields)
        if len(words) > MAX_LENGTH or "![" in words:
            return  # pictures cannot be compared
        same = self._known.exact(draft, key)
        if same:
            yield Finding("duplicate", Severity.WARN, f"the same as {same}", same)
        for one in self._known.near(draft, key, spare=True):
            if one.severity is not Severity.INFO and one.twin != same:
                yield one
        self._known.add(name, key, draft)


def _source_of(note: ReadNote) -> tuple[Draft, Highlight, bool] | None:
    """Return a note's draft, its passage and whether a person edited it; None if Source is empty."""
    fields, identity = dict(note.fields), note.identity
    passage, exact, quote = read_source(fields.get("Source", "")[:LONGEST_READ])
    if identity is None or not exact or not note.faces:
        return None
    contents = [fields.get(name, "") for name in identity.family.content_fields]
    edited = tuple(map(field_hash, contents)) != identity.fields
    highlight = Highlight(
        document=Document(DocumentKey(""), "", text_of(fields.get("Citation", ""))),
        namespace="",
        kind=HighlightKind.HIGHLIGHT,
        exact=exact,
        key=identity.key,
        sentence=passage if passage != exact else "",
    )
    draft = note.faces[0][1]
    draft = replace(
        draft,
        quote=quote or exact,
        origin=Origin("llm"),
        by_hand=_written_there(draft, exact),
    )
    return draft, highlight, edited


def _written_there(draft: Draft, passage: str) -> bool:
    """Return whether a person wrote the text of a card.

    This is so if the passage contains the card literally, as handwritten cards and marked phrases
    do, or if the passage is the answer and the question was written in a comment.
    """
    text = fold(passage)
    if draft.kind is CardKind.CLOZE:
        return fold(bare(draft.field("Text"))) == text
    front, back = (fold(bare(draft.field(name))) for name in ("Front", "Back"))
    return back == text or (front in text and back in text)


# --- JSON and text --------------------------------------------------------------------------


def as_json(linted: Linted, *, fields: bool = False) -> dict[str, Any]:
    """Return a note as a line of `lint --json`."""
    note = linted.note
    found: dict[str, Any] = {
        "guid": note.guid,
        "nid": note.id,
        "deck": note.deck,
        "notetype": note.type_name,
        "ours": linted.ours,
        "front": note.front,
        "findings": [attributes(one, "check severity message twin") for one in linted.findings],
    }
    return {**found, "fields": dict(note.fields)} if fields else found


@dataclass(slots=True)
class FindingCounts:
    """Counts of findings by severity and check, with only as many notes as are shown."""

    shown: int | None = SHOWN
    """The number of notes to show for each check; None = all."""
    notes: int = 0
    ours: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    worst: Counter[Severity | None] = field(default_factory=Counter)
    counts: Counter[tuple[Severity, str]] = field(default_factory=Counter)
    """The number of notes by (severity, check)."""
    examples: defaultdict[tuple[Severity, str], list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, linted: Linted) -> None:
        """Count a note."""
        note = linted.note
        self.notes += 1
        self.ours += linted.ours
        self.worst[linted.worst] += 1
        if note.unread:
            self.unread[note.unread] += 1
        for key, finding in linted.by_check.items():
            self.counts[key] += 1
            if self.shown is None or len(self.examples[key]) < self.shown:
                where = filter(None, (str(note.id or note.guid), shortened(note.deck, 60)))
                front = shortened(note.front, 60)
                line = f"    {' · '.join(where)}: {front}\n      {message_of(finding)}"
                self.examples[key].append(line)

    @property
    def errors(self) -> int:
        """The number of notes with errors."""
        return self.worst[Severity.BLOCK]

    @property
    def ranked(self) -> list[tuple[Severity, str]]:
        """The (severity, check) pairs found, sorted by severity, then by frequency."""
        return sorted(self.counts, key=lambda key: (-_ORDER.index(key[0]), -self.counts[key]))

    def groups(self) -> Iterator[str]:
        """Yield lines for each check with some of its notes."""
        for key in self.ranked:
            (severity, name), count, lines = key, self.counts[key], self.examples[key]
            yield f"{WORDS[severity]}  {name}  ({counted(count, 'note')})"
            yield from lines
            if count > len(lines):
                yield f"    … and {count - len(lines):,} more (-v names all)"

    def table(self) -> Iterator[str]:
        """Yield a table of the number and share of notes for each check."""
        if self.counts:
            yield ""
            yield f"{'check':24} {'severity':8} {'notes':>7} {'share':>7}"
            for severity, name in self.ranked:
                count = self.counts[severity, name]
                share = percent(count / self.notes, 1)
                yield f"{name:24} {WORDS[severity]:8} {count:7,} {share:>8}"

    def as_text(self) -> Iterator[str]:
        """Yield the findings by severity and check, the table, and the totals."""
        yield from self.groups()
        yield from self.table()
        for why, count in self.unread.most_common():
            yield f"not read: {counted(count, 'note')} ({why})"
        clean = self.worst[None] + self.worst[Severity.INFO]
        yield (
            f"{counted(self.notes, 'note')}, {self.ours:,} of them ours: {self.errors:,} with errors, "
            f"{self.worst[Severity.WARN]:,} with warnings, {clean:,} with neither"
        )


def message_of(finding: Finding) -> str:
    """Return the message of a finding, with the id of the similar note."""
    named = finding.twin and finding.twin not in finding.message
    return f"{finding.message} ({finding.twin})" if named else finding.message
