"""How good the cards for a fixed set of passages are: drafted, checked, rated blind, counted.

A set of passages is drafted and checked without recording anything (`Evaluation`). `make_sheet` turns
the cards into a sheet for raters, as CSV or as a page, which does not say who drafted a card; the key
beside it does. `read_rated` reads filled sheets, `figures` counts tiers, coverage and agreement.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import combinations, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ankiforge import check
from ankiforge.anki.cards import cloze as as_anki_shows
from ankiforge.anki.notes import content_html
from ankiforge.check import bare, hidden_gaps, read, without
from ankiforge.config import shipped
from ankiforge.errors import UsageError
from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    Draft,
    Drafted,
    Family,
    Finding,
    Form,
    Highlight,
    HighlightKey,
    HighlightKind,
    Problem,
    Severity,
    Task,
    h16,
)
from ankiforge.reports import html
from ankiforge.reports.text import dollars, percent
from ankiforge.text import cloze
from ankiforge.text.fold import isolated

if TYPE_CHECKING:
    from ankiforge.draft.desk.till import Usage

# --- criteria -------------------------------------------------------------------------------


class Criterion(NamedTuple):
    """A question about a card, to be answered by yes or no."""

    number: int
    name: str
    asks: str
    sourced: bool = False
    """Whether the passage is needed to answer it."""

    @property
    def column(self) -> str:
        """Its head in a sheet."""
        return f"{self.number}_{self.name}"


CRITERIA = (
    Criterion(1, "self_contained", "Understandable in a year, without the source?"),
    Criterion(3, "one_answer", "One right answer: would two readers answer alike?"),
    Criterion(4, "atomic", "One fact only?"),
    Criterion(5, "short_not_leaked", "Answer short, and not to be guessed from the front?"),
    Criterion(7, "worth_keeping", "Worth keeping for years?"),
    Criterion(8, "well_formed", "Well-formed: grammar, markup, formulae?"),
    Criterion(2, "correct", "Correct, and supported by the passage?", sourced=True),
    Criterion(6, "on_target", "On target: what the reader marked, no side issue?", sourced=True),
)
"""In the order in which they are asked: those that need the passage come last."""
NUMBERS = tuple(range(1, 9))
WANTED = "card_wanted"
"""The column that says, of a passage without a card, whether it should have had one."""


class Tier(StrEnum):
    """What the eight answers come to."""

    READY = "T3"
    """Nothing is wrong."""
    POLISH = "T2"
    """Only the length of the answer (5) or the form (8) fails."""
    REWRITE = "T1"
    """On target and correct, but 1, 3, 4 or 7 fails."""
    OFF = "T0"
    """Off target (6) or not correct (2)."""


_MEANS = {
    Tier.READY: "ready: all eight hold",
    Tier.POLISH: "needs polish: only 5 or 8 fail",
    Tier.REWRITE: "needs rewriting: 1, 3, 4 or 7 fails",
    Tier.OFF: "off: not on target or not correct",
}


def tier_of(answers: Mapping[int, bool]) -> Tier | None:
    """Return the tier of a card; None while too little of it is rated."""
    if answers.get(2) is False or answers.get(6) is False:
        return Tier.OFF
    if any(number not in answers for number in NUMBERS):
        return None
    if not all(answers[number] for number in (1, 3, 4, 7)):
        return Tier.REWRITE
    return Tier.READY if answers[5] and answers[8] else Tier.POLISH


# --- the set --------------------------------------------------------------------------------

_LARGEST = 200_000_000
"""Bytes of a file that is read."""
_HINT = "lines as `ankiforge extract --json` writes them"


class Passage(NamedTuple):
    """A highlight of the set, and what is known of it beforehand."""

    highlight: Highlight
    deserves: bool | None = None
    """Whether it deserves a card; None = nobody has said. Never shown to a drafter."""


class _Document(msgspec.Struct):
    key: str = ""
    title: str = ""
    creators: tuple[str, ...] = ()
    issued: str = ""
    identifiers: dict[str, str] = {}


class _Line(msgspec.Struct):
    """A line of a set, in the words of `extract --json`."""

    exact: str
    key: str = ""
    source: str = ""
    kind: HighlightKind = HighlightKind.HIGHLIGHT
    form: Form = Form.MARK
    gaps: tuple[tuple[int, int], ...] = ()
    prefix: str = ""
    suffix: str = ""
    sentence: str = ""
    comment: str = ""
    colour: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    page_label: str = ""
    heading: str = ""
    above: tuple[str, ...] = ()
    uri: str = ""
    document: _Document = msgspec.field(default_factory=_Document)
    deserves: bool | None = None


def shipped_set() -> Path:
    """Return the set that comes with the program."""
    return shipped("evaluation") / "highlights.jsonl"


def read_set(path: Path) -> tuple[list[Passage], list[Problem]]:
    """Return the passages of a file, and its lines that hold none.

    Raises:
        UsageError: the file cannot be read, or holds no passage at all.
    """
    passages: dict[HighlightKey, Passage] = {}
    problems: list[Problem] = []
    text = _bytes(path, _LARGEST).removeprefix(b"\xef\xbb\xbf")
    for number, line in enumerate(text.split(b"\n"), start=1):
        if not line.strip() or line.lstrip().startswith(b'{"problem"'):
            continue
        where = f"{path.name}:{number}"
        try:
            passage = _passage(line, number)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            problems.append(Problem(where, f"no highlight: {error}", _HINT))
            continue
        if passages.setdefault(passage.highlight.key, passage) is not passage:
            what = f"the key {passage.highlight.key} stands on an earlier line, too"
            problems.append(Problem(where, what, "the first one counts"))
    if not passages:
        what = problems[0].what if problems else "it is empty"
        raise UsageError(f"{path}: holds no highlights: {what}", hint=_HINT)
    return list(passages.values()), problems


def _passage(line: bytes, number: int) -> Passage:
    found = msgspec.json.decode(line, type=_Line)
    key = found.key or f"eval:line/{number}"
    namespace = key.rpartition("/")[0]
    said = msgspec.structs.asdict(found)
    document = Document(
        key=DocumentKey(found.document.key or namespace),
        source=said.pop("source"),
        title=found.document.title,
        creators=found.document.creators,
        issued=found.document.issued,
        identifiers=tuple(found.document.identifiers.items()),
    )
    gaps = tuple((a, b) for a, b in found.gaps if 0 <= a < b <= len(found.exact))
    said |= {"document": document, "namespace": namespace, "key": HighlightKey(key), "gaps": gaps}
    deserves = said.pop("deserves")
    return Passage(Highlight(**said), deserves)


def tasks_of(passages: Iterable[Passage]) -> Iterator[Task]:
    """Return what a drafter is given: the passages of each document, in the order of the file."""
    groups = groupby(passages, key=lambda passage: passage.highlight.document.key)
    for _, group in groups:
        highlights = tuple(passage.highlight for passage in group)
        yield Task(highlights[0].document, highlights)


# --- drafting and checking ------------------------------------------------------------------


class Card(NamedTuple):
    """A drafted card."""

    id: str
    """16 hex digits of the passage's key and the card's words: the same in every sheet."""
    passage: Passage
    draft: Draft
    findings: tuple[Finding, ...]

    @property
    def blocked(self) -> bool:
        """Whether a check forbids it."""
        return any(finding.severity is Severity.BLOCK for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Whether no check blocks it or warns of it."""
        return all(finding.severity is Severity.INFO for finding in self.findings)

    @property
    def origin(self) -> dict[str, str]:
        """Who drafted it."""
        origin = self.draft.origin
        return {"drafter": origin.drafter, "model": origin.model, "prompt": origin.prompt}


@dataclass(slots=True)
class Evaluation:
    """All that became of a set."""

    passages: list[Passage]
    cards: list[Card] = field(default_factory=list)
    no_cards: dict[HighlightKey, str] = field(default_factory=dict)
    """Passages for which the drafter made none, and why."""
    failed: dict[HighlightKey, str] = field(default_factory=dict)
    """Passages that were not answered this time."""
    problems: list[Problem] = field(default_factory=list)
    usage: Usage | None = None

    def add(self, results: Iterable[Drafted], limits: check.Limits) -> Iterator[Drafted]:
        """Check the results of a drafter as they come; each is handed on."""
        passages = {passage.highlight.key: passage for passage in self.passages}
        known = check.DuplicateIndex()
        for drafted in results:
            labelled = [(card_id(draft), draft) for draft in drafted.drafts]
            here, siblings = check.DuplicateIndex(), check.Siblings(labelled)
            made = []
            for label, draft in labelled:
                passage = passages[draft.highlight]
                context = check.Context(passage.highlight, known, here, limits, siblings)
                made.append(Card(label, passage, draft, check.check(draft, context)))
                here.add(label, draft.highlight, draft)
            for card in made:
                known.add(card.id, card.draft.highlight, card.draft)
            self.cards += made
            self.no_cards |= {none.highlight: none.reason for none in drafted.no_cards}
            self.failed |= dict(drafted.failed)
            yield drafted

    def close(self, usage: Usage | None) -> None:
        """End: a passage without any result was not answered."""
        self.usage = usage
        answered = {card.draft.highlight for card in self.cards} | self.no_cards.keys()
        for passage in self.passages:
            if passage.highlight.key not in answered:
                self.failed.setdefault(passage.highlight.key, "no reply is known")

    @property
    def carded(self) -> frozenset[HighlightKey]:
        """Passages with a card that no check forbids."""
        return frozenset(c.draft.highlight for c in self.cards if not c.blocked)

    @property
    def blocked(self) -> frozenset[HighlightKey]:
        """Passages all of whose cards a check forbids."""
        return frozenset(c.draft.highlight for c in self.cards) - self.carded

    @property
    def left(self) -> list[Passage]:
        """Passages that were answered and are left without a card."""
        without = self.carded | self.failed.keys()
        return [one for one in self.passages if one.highlight.key not in without]

    def fate(self, passage: Passage) -> str:
        """Return what became of a passage."""
        key = passage.highlight.key
        fates = {"failed": self.failed, "carded": self.carded, "blocked": self.blocked}
        return next((fate for fate, keys in fates.items() if key in keys), "no_card")


def card_id(draft: Draft) -> str:
    """Return the id of a card: a hash of its passage and its words."""
    words = (part for pair in draft.fields for part in pair)
    return h16(draft.highlight, draft.kind.value, *words)


def origin_name(origin: Mapping[str, str]) -> str:
    """`rules:acronym`, or `model · prompt@fingerprint`."""
    named = " · ".join(filter(None, (origin.get("model", ""), origin.get("prompt", ""))))
    return named or origin.get("drafter", "") or "unknown"


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return the counts."""
    from ankiforge.draft.desk.till import Usage

    cards, carded = evaluation.cards, evaluation.carded
    fates = Counter(map(evaluation.fate, evaluation.passages))
    labelled: dict[bool | None, list[bool]] = {True: [], False: [], None: []}
    for passage in evaluation.passages:
        if passage.highlight.key not in evaluation.failed:
            labelled[passage.deserves].append(passage.highlight.key in carded)
    findings = {severity.value: Counter[str]() for severity in reversed(Severity)}
    for card in cards:
        for severity, name in {(one.severity.value, one.check) for one in card.findings}:
            findings[severity][name] += 1
    return {
        "highlights": {
            "seen": len(evaluation.passages),
            **{fate: fates[fate] for fate in ("carded", "blocked", "no_card", "failed")},
        },
        "labelled": {
            "deserving": len(labelled[True]),
            "deserving_carded": sum(labelled[True]),
            "undeserving": len(labelled[False]),
            "left_alone": labelled[False].count(False),
        },
        "cards": {
            "drawn": len(cards),
            "clean": sum(card.clean for card in cards),
            "warned": sum(not card.clean and not card.blocked for card in cards),
            "blocked": sum(card.blocked for card in cards),
        },
        "kinds": {kind.value: sum(c.draft.kind is kind for c in cards) for kind in CardKind},
        "findings": {severity: dict(found.most_common()) for severity, found in findings.items()},
        "no_card": dict(Counter(evaluation.no_cards.values()).most_common()),
        "origins": dict(Counter(origin_name(card.origin) for card in cards).most_common()),
        "llm": asdict(evaluation.usage or Usage()),
        "problems": evaluation.problems,
    }


# --- the sheet ------------------------------------------------------------------------------


class Item(NamedTuple):
    """One thing to be rated: a card, or a passage that has none."""

    id: str
    passage: Passage
    card: Card | None = None


class Sheet(NamedTuple):
    """What a rater is given, and the key to it."""

    id: str
    """Begins the ids of its items."""
    items: tuple[Item, ...]
    """Cards in random order, then the passages left without one."""
    evaluation: Evaluation


def make_sheet(evaluation: Evaluation, seed: int, *, blocked: bool = False) -> Sheet:
    """Shuffle; the same evaluation and seed give the same sheet.

    A fifth of the cards comes again, at the other end of the sheet. `blocked`: include the cards that
    a check forbids, to see what the checks cost.
    """
    cards = {card.id: card for card in evaluation.cards if blocked or not card.blocked}
    rng = random.Random(seed)
    shown = list(cards.values())
    rng.shuffle(shown)
    first_half = shown[: max(len(shown) // 2, 1)]
    twice = round(len(shown) / 5) or bool(shown)
    for card in rng.sample(first_half, min(twice, len(first_half))):
        shown.insert(rng.randint(max(len(shown) * 2 // 3, 1), len(shown)), card)
    left = evaluation.left
    rng.shuffle(left)
    name = h16(str(seed), *(card.id for card in shown), *(p.highlight.key for p in left))[:6]
    rated = [*((card.passage, card) for card in shown), *((passage, None) for passage in left)]
    items = (Item(f"{name}-{n:03}", *one) for n, one in enumerate(rated, start=1))
    return Sheet(name, tuple(items), evaluation)


def key_path(sheet: Path) -> Path:
    """Return where the key of a sheet lies."""
    return sheet.with_name(f"{sheet.stem}.key.json")


def write_sheet(sheet: Sheet, path: Path, *, force: bool = False) -> list[Path]:
    """Write the sheet, a page if it is called .html, and its key; return where both lie.

    Raises:
        UsageError: another sheet, or a filled one, is in the way and `force` is not set; or a file
            cannot be written.
    """
    text = _page(sheet) if path.suffix.lower() in (".html", ".htm") else _csv(sheet)
    key = json.dumps(_key(sheet), ensure_ascii=False, indent=1)
    both = {path: text, key_path(path): f"{key}\n"}
    for target, words in both.items():
        if not force and target.exists() and target.read_bytes() != words.encode():
            hint = "another name: -o; or --force to replace it, ratings and all"
            raise UsageError(f"{target}: is another sheet, or was filled in", hint=hint)
    for target, words in both.items():
        try:
            target.write_text(words, encoding="utf-8", newline="")
        except OSError as error:
            raise UsageError(f"{target}: cannot be written: {error.strerror}") from error
    return list(both)


def _key(sheet: Sheet) -> dict[str, Any]:
    """Who drafted what, and which items are the same card."""
    evaluation = sheet.evaluation
    return {
        "v": 1,
        "sheet": sheet.id,
        "passages": {
            one.highlight.key: {
                "deserves": one.deserves,
                "fate": evaluation.fate(one),
                "reason": evaluation.no_cards.get(one.highlight.key, ""),
            }
            for one in evaluation.passages
        },
        "cards": {
            card.id: {
                "passage": card.draft.highlight,
                "kind": card.draft.kind.value,
                "fields": dict(card.draft.fields),
                "quote": card.draft.quote,
                "origin": card.origin,
                "blocked": card.blocked,
                "findings": [
                    {"check": one.check, "severity": one.severity.value, "message": one.message}
                    for one in card.findings
                ],
            }
            for card in evaluation.cards
        },
        "items": {
            item.id: {
                "card": item.card.id if item.card else "",
                "passage": item.passage.highlight.key,
            }
            for item in sheet.items
        },
    }


def _faces(draft: Draft) -> list[tuple[str, str]]:
    """(question, answer) of each card that a draft makes, as plain text."""
    if draft.kind.family is Family.CLOZE:
        return [
            (without(draft.field("Text"), hidden), " · ".join(bare(gap.answer) for gap in hidden))
            for _, hidden in hidden_gaps(draft)
        ] or [(draft.field("Text"), "")]
    asked, [answer] = read(draft).asked, read(draft).answers
    return [(asked, answer), *([(answer, asked)] if draft.kind is CardKind.TWO_WAY else [])]


def _faces_html(draft: Draft) -> list[tuple[str, str]]:
    """The same as Anki will show them, as HTML of our own making."""
    front, *rest = content_html(draft.kind, draft.fields)
    if draft.kind.family is Family.CLOZE:
        numbers = cloze.numbers(draft.field("Text"))
        return [
            (as_anki_shows(front, n, reveal=False), as_anki_shows(front, n, reveal=True))
            for n in numbers
        ] or [(front, "")]
    return [(front, rest[0]), *([(rest[0], front)] if draft.kind is CardKind.TWO_WAY else [])]


def _shown(passage: Passage) -> dict[str, str]:
    """What a rater is shown of a passage; around it the sentence, if that reaches further."""
    one = passage.highlight
    before, after = one.prefix, one.suffix
    at = one.sentence.find(one.exact)
    if at > len(before):
        before = one.sentence[:at]
    if at >= 0 and len(one.sentence) - at - len(one.exact) > len(after):
        after = one.sentence[at + len(one.exact) :]
    where = " › ".join(isolated(part) for part in (one.document.title, one.heading) if part)
    return {"where": where, "before": before, "exact": one.exact, "after": after,
            "comment": one.comment}  # fmt: skip


def _csv(sheet: Sheet) -> str:
    """The sheet for a spreadsheet; it begins with a byte order mark, for Excel."""
    blind = [one.column for one in CRITERIA if not one.sourced]
    sourced = [one.column for one in CRITERIA if one.sourced]
    head = ("item", "front", "back", *blind, "passage", "comment", *sourced, WANTED, "remark")
    out = io.StringIO()
    writer = csv.DictWriter(out, head, lineterminator="\r\n")
    writer.writeheader()
    for item in sheet.items:
        shown = _shown(item.passage)
        passage = f"{shown['where']}\n{shown['before']}⟦{shown['exact']}⟧{shown['after']}"
        row = {"item": item.id, "passage": passage, "comment": shown["comment"]}
        if item.card is None:
            row |= dict.fromkeys((*blind, *sourced), "-")
            row["front"] = "(no card was made of this passage)"
        else:
            questions, answers = zip(*_faces(item.card.draft), strict=True)
            row |= {"front": "\n—\n".join(questions), "back": "\n—\n".join(answers), WANTED: "-"}
        writer.writerow({name: _cell(text) for name, text in row.items()})
    return f"\ufeff{out.getvalue()}"


def _cell(text: str) -> str:
    """Return a text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "@", "\t") or text[:2] == "- " else text


def _page(sheet: Sheet) -> str:
    """The sheet as a page: opened from a file, rated by keys, saved as CSV by a button."""
    criteria = [{"column": c.column, "asks": c.asks, "sourced": c.sourced} for c in CRITERIA]
    wanted = {"column": WANTED, "asks": "Should this passage have had a card?"}
    items = [
        {
            "item": item.id,
            "faces": _faces_html(item.card.draft) if item.card else [],
            "passage": _shown(item.passage),
        }
        for item in sheet.items
    ]
    data = {"sheet": sheet.id, "criteria": criteria, "wanted": wanted, "items": items}
    return html.render("sheet.html", title=f"Rating sheet {sheet.id}", data=data)


# --- filled sheets --------------------------------------------------------------------------

_YES = frozenset(
    [
        "1",
        "1.0",
        "1,0",
        "y",
        "yes",
        "true",
        "wahr",
        "x",
        "✓",
        "✔",
        "j",
        "ja",
        "o",
        "oui",
        "vrai",
        "si",
        "sí",
    ]
)
_NO = frozenset(["0", "0.0", "0,0", "n", "no", "false", "falsch", "nein", "non", "faux", "✗", "✘"])
_BLANK = frozenset(("", "-", "–", "—", "?", "na", "n/a"))


class Row(NamedTuple):
    """What one rater said of one item."""

    item: str
    answers: Mapping[int, bool]
    """By the number of the criterion; what was left blank is absent."""
    wanted: bool | None = None
    """Of a passage without a card: whether it should have had one."""


class _KeyItem(msgspec.Struct, frozen=True):
    passage: str
    card: str = ""


class _KeyCard(msgspec.Struct, frozen=True):
    passage: str
    kind: str = ""
    origin: dict[str, str] = {}
    blocked: bool = False
    findings: list[dict[str, str]] = []


class _KeyPassage(msgspec.Struct, frozen=True):
    deserves: bool | None = None
    fate: str = ""
    reason: str = ""


class Key(msgspec.Struct, frozen=True):
    """The key of a sheet: who drafted what."""

    v: int
    sheet: str
    items: dict[str, _KeyItem]
    cards: dict[str, _KeyCard]
    passages: dict[str, _KeyPassage]


@dataclass(frozen=True)
class Rated:
    """One filled sheet."""

    path: Path
    rows: tuple[Row, ...]
    key: Key | None = None
    problems: tuple[Problem, ...] = ()

    def card_of(self, row: Row) -> str:
        """Return the card of a row, "" for a passage without one; without a key, the item."""
        if self.key is None:
            return row.item if row.wanted is None else ""
        item = self.key.items.get(row.item)
        return item.card if item else row.item

    @cached_property
    def by_card(self) -> dict[str, list[Row]]:
        """Each card with the rows that rate it, in the order of the sheet's ids."""
        found: dict[str, list[Row]] = {}
        for row in sorted(self.rows, key=lambda row: row.item):
            if (card := self.card_of(row)) and row.answers:
                found.setdefault(card, []).append(row)
        return found


def read_key(path: Path) -> Key:
    """Read the key of a sheet.

    Raises:
        UsageError: the file is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Key)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        hint = "the file SHEET.key.json that was written beside the sheet"
        raise UsageError(f"{path}: is no key of a sheet: {error}", hint=hint) from error


def _key_beside(sheet: Path, items: frozenset[str]) -> Key | None:
    """Return the key beside a sheet, by its name, else by the items it knows."""
    stem = re.sub(r"(?:[ ._-]*\(\d+\)|\.ratings)+$", "", sheet.stem)
    named = [key_path(sheet), key_path(sheet.with_name(f"{stem}.csv"))]
    for path in dict.fromkeys([*named, *sorted(sheet.parent.glob("*.key.json"))]):
        if path.is_file():
            try:
                key = read_key(path)
            except UsageError:
                continue
            if items & key.items.keys():
                return key
    return None


def read_rated(path: Path, keys: Sequence[Key] = ()) -> Rated:
    """Read a filled sheet, whatever spreadsheet saved it, with its key: of these, or beside it.

    Raises:
        UsageError: it cannot be read, or is no sheet.
    """
    problems: list[Problem] = []
    rows = tuple(_rows(path, problems))
    items = frozenset(row.item for row in rows)
    key = next((one for one in keys if items & one.items.keys()), None) or _key_beside(path, items)
    if key is not None:
        strange = [row.item for row in rows if row.item not in key.items]
        if strange:
            what = f"{len(strange)} items are of another sheet than the key's, such as {strange[0]}"
            problems.append(Problem(path.name, what, "give its own key: --key FILE"))
        rows = tuple(row for row in rows if row.item in key.items)
    return Rated(path, rows, key, tuple(problems))


def _rows(path: Path, problems: list[Problem]) -> Iterator[Row]:
    text = _text(path)
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max((";", "\t", ","), key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns: dict[int, str] = {}
    seen: set[str] = set()

    def problem(what: str) -> None:
        where = f"{path.name}:{reader.line_num}"
        problems.append(Problem(where, what, "it counts as not rated"))

    try:
        for cells in reader:
            if not columns:
                columns = _columns(cells)
                continue
            given = {columns[at]: cell.strip() for at, cell in enumerate(cells) if at in columns}
            item = given.pop("item", "").strip("'")
            if item in seen:
                problem(f"{item} stands there twice")
            elif item:
                seen.add(item)
                answers: dict[str, bool] = {}
                for column, cell in given.items():
                    word = cell.strip("'").casefold()
                    if word in _YES | _NO:
                        answers[column] = word in _YES
                    elif word not in _BLANK:
                        problem(f"{column}: {cell[:20]!r} is neither 0 nor 1")
                wanted = answers.pop(WANTED, None)
                yield Row(item, {int(column): said for column, said in answers.items()}, wanted)
    except csv.Error as error:
        raise UsageError(f"{path}:{reader.line_num}: is no CSV: {error}") from error
    if not columns:
        raise UsageError(
            f"{path}: is no rating sheet: it has no columns item and 1 to 8",
            hint="save it as CSV, with its first line: ankiforge eval -o SHEET.csv writes one",
        )


def _columns(cells: list[str]) -> dict[int, str]:
    """Return the place of each column that counts: `item`, a criterion's number, or `WANTED`."""
    found: dict[int, str] = {}
    for at, cell in enumerate(cells):
        name = cell.strip().casefold()
        if name == "item":
            found[at] = name
        elif "wanted" in name:
            found[at] = WANTED
        elif number := re.match(r"\D{0,3}([1-8])(?!\d)", name):
            found[at] = number[1]
    complete = {"item", *map(str, NUMBERS)} <= set(found.values())
    return found if complete else {}


def _text(path: Path) -> str:
    raw = _bytes(path, 50_000_000)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _bytes(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise UsageError(f"{path}: larger than {most:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


# --- figures of filled sheets ---------------------------------------------------------------

PUBLISHED = {
    "name": "Memory Machines",
    "by": "Kirkby & Matuschak, 2026, memory-machines.com",
    "what": "1,499 cards of models for 475 highlights of readers",
    "ready": 0.378,
    "usable": 0.466,
}
"""The published figures on this task."""


class _Judged(NamedTuple):
    """A card, and what one rater said of it when it came first."""

    row: Row
    tier: Tier
    of: _KeyCard | None


def figures(sheets: Sequence[Rated]) -> dict[str, Any]:
    """Return all figures."""
    judged = [one for sheet in sheets for one in _judged(sheet)]
    shown = [one for one in judged if one.of is None or not one.of.blocked]
    failures = {}
    for criterion in sorted(CRITERIA):
        said = [
            one.row.answers[criterion.number]
            for one in shown
            if criterion.number in one.row.answers
        ]
        failed = said.count(False)
        failures[criterion.column] = {
            "failed": failed, "rated": len(said), "share": _share(failed, len(said)),
        }  # fmt: skip
    return {
        "sheets": [_sheet_figures(sheet) for sheet in sheets],
        "cards": _tiers(one.tier for one in shown),
        "failures": failures,
        "by": {
            "origin": _grouped(shown, lambda of: [origin_name(of.origin)]),
            "drafter": _grouped(shown, lambda of: [of.origin.get("drafter", "")]),
            "kind": _grouped(shown, lambda of: [of.kind]),
            # by what the checks found; what they missed is under "nothing"
            "found": _grouped(
                shown,
                lambda of: (
                    {one["check"] for one in of.findings if one.get("severity") != "info"}
                    or ["nothing"]
                ),
            ),
        },
        "blocked": _tiers(one.tier for one in judged if one.of is not None and one.of.blocked),
        "coverage": [_coverage(sheet, sheet.key) for sheet in sheets if sheet.key is not None],
        "agreement": {
            "with_oneself": agreement(
                (rows[0], rows[1])
                for sheet in sheets
                for rows in sheet.by_card.values()
                if len(rows) > 1
            ),
            "between_raters": agreement(
                (one.by_card[card][0], other.by_card[card][0])
                for one, other in combinations(sheets, 2)
                if (one.key is None) == (other.key is None)
                for card in sorted(one.by_card.keys() & other.by_card.keys())
            ),
        },
        "published": PUBLISHED,
    }


def _judged(sheet: Rated) -> Iterator[_Judged]:
    """The cards whose rating tells their tier; of a card that came twice the first rating."""
    for card, rows in sheet.by_card.items():
        rated = ((row, tier) for row in rows if (tier := tier_of(row.answers)))
        if found := next(rated, None):
            yield _Judged(*found, sheet.key.cards.get(card) if sheet.key else None)


def _tiers(found: Iterable[Tier]) -> dict[str, Any]:
    counts = Counter(found)
    total, ready = counts.total(), counts[Tier.READY]
    return {
        "rated": total,
        **{tier.value: counts[tier] for tier in Tier},
        "ready": _share(ready, total),
        "usable": _share(ready + counts[Tier.POLISH], total),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _grouped(
    judged: Iterable[_Judged], names: Callable[[_KeyCard], Iterable[str]]
) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Tier]] = {}
    for one in judged:
        for name in names(one.of) if one.of else ():
            groups.setdefault(name, []).append(one.tier)
    ordered = sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))
    return {name: _tiers(found) for name, found in ordered}


def _sheet_figures(sheet: Rated) -> dict[str, Any]:
    whole = sum(tier_of(row.answers) is not None for row in sheet.rows)
    begun = sum(bool(row.answers) and tier_of(row.answers) is None for row in sheet.rows)
    alone = sum(row.wanted is not None for row in sheet.rows)
    shown = (one.tier for one in _judged(sheet) if one.of is None or not one.of.blocked)
    return {
        "file": sheet.path.name,
        "key": sheet.key is not None,
        "items": len(sheet.rows),
        "rated": whole + alone,
        "partly": begun,
        "blank": len(sheet.rows) - whole - begun - alone,
        "cards": _tiers(shown),
    }


def _coverage(sheet: Rated, key: Key) -> dict[str, Any]:
    """Return how many passages that deserve a card have a ready one, and how many others none.

    Whether a passage deserves one the set says; else the rater, of a passage without a card, and of
    the cards of the others (criterion 7, worth keeping).
    """
    said: dict[str, bool] = {}
    ready = set()
    for row, tier, of in _judged(sheet):
        if of is not None:
            if 7 in row.answers:
                said[of.passage] = said.get(of.passage, False) or row.answers[7]
            if tier is Tier.READY and not of.blocked:
                ready.add(of.passage)
    wanted = [row for row in sheet.rows if row.wanted is not None]
    said |= {key.items[row.item].passage: bool(row.wanted) for row in wanted}
    carded = {card.passage for card in key.cards.values() if not card.blocked}
    answered = {name: one for name, one in key.passages.items() if one.fate != "failed"}
    deserves = {
        name: said.get(name) if one.deserves is None else one.deserves
        for name, one in answered.items()
    }
    deserving = {name for name, worth in deserves.items() if worth}
    others = {name for name, worth in deserves.items() if worth is False}
    return {
        "file": sheet.path.name,
        "deserving": len(deserving),
        "with_ready_card": len(ready & deserving),
        "coverage": _share(len(ready & deserving), len(deserving)),
        "with_any_card": len(carded & deserving),
        "undeserving": len(others),
        "left_alone": len(others - carded),
        "left_alone_share": _share(len(others - carded), len(others)),
        "unknown": len(answered) - len(deserving) - len(others),
        "missed_says_rater": sum(bool(row.wanted) for row in wanted),
    }


def agreement(pairs: Iterable[tuple[Row, Row]]) -> dict[str, Any]:
    """Return how far two ratings of the same cards agree: over all answers, and on which are ready."""
    both = list(pairs)
    answers = {
        n: [(a.answers[n], b.answers[n]) for a, b in both if n in a.answers and n in b.answers]
        for n in NUMBERS
    }
    tiers = [(tier_of(a.answers), tier_of(b.answers)) for a, b in both]
    ready = [(one is Tier.READY, other is Tier.READY) for one, other in tiers if one and other]
    return {
        "cards": len(both),
        "answers": _kappa([pair for pairs in answers.values() for pair in pairs]),
        "ready": _kappa(ready),
        "criteria": {str(number): _kappa(pairs) for number, pairs in answers.items()},
    }


def _kappa(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """Return the share of equal answers, and Cohen's κ: what is left of it without chance.

    κ is None where it says nothing: no pairs, or the same answer throughout.
    """
    total = len(pairs)
    same = sum(one == other for one, other in pairs)
    kappa = None
    if total:
        first, second = (sum(pair[at] for pair in pairs) / total for at in (0, 1))
        chance = first * second + (1 - first) * (1 - second)
        kappa = round((same / total - chance) / (1 - chance), 4) if chance < 1 else None
    return {"pairs": total, "same": _share(same, total), "kappa": kappa}


# --- text -----------------------------------------------------------------------------------

_SHOWN = 12
"""Rows of a table that are shown."""


def as_text(came: dict[str, Any]) -> Iterator[str]:
    """Return the counts of `as_json` in words."""
    seen, cards, llm, labelled = came["highlights"], came["cards"], came["llm"], came["labelled"]
    yield (
        f"highlights {seen['seen']}: {seen['carded']} with a card, {seen['no_card']} without, "
        f"{seen['blocked']} blocked, {seen['failed']} not answered"
    )
    kinds = ", ".join(f"{count} {kind}" for kind, count in came["kinds"].items() if count)
    yield (
        f"cards {cards['drawn']}: {cards['clean']} clean, {cards['warned']} with warnings, "
        f"{cards['blocked']} blocked" + (f" ({kinds})" if kinds else "")
    )
    yield from (f"  {count:4}  {name}" for name, count in came["origins"].items())
    findings = came["findings"]
    for head, counts in (
        ("blocked by", findings["block"]),
        ("warned by", findings["warn"]),
        ("no card, because", came["no_card"]),
    ):
        if counts:
            yield f"{head}:"
            yield from (f"  {count:4}  {name}" for name, count in list(counts.items())[:_SHOWN])
    if labelled["deserving"]:
        yield f"deserve a card: {labelled['deserving']}, have one: {labelled['deserving_carded']}"
    if labelled["undeserving"]:
        yield f"deserve none: {labelled['undeserving']}, left alone: {labelled['left_alone']}"
    if llm["requests"] or llm["cached"]:
        cost = "price unknown" if llm["cost_usd"] is None else dollars(llm["cost_usd"])
        yield (
            f"requests {llm['requests']}, {llm['cached']} remembered; "
            f"tokens {llm['tokens_in']:,} in, {llm['tokens_out']:,} out; {cost}"
        )


def rated_text(found: dict[str, Any]) -> Iterator[str]:
    """Return the `figures` of filled sheets in words."""
    for sheet in found["sheets"]:
        partly = f", {sheet['partly']} in part (not counted)" if sheet["partly"] else ""
        blank = f", {sheet['blank']} not at all" if sheet["blank"] else ""
        key = "" if sheet["key"] else "; no key was found: nothing is known of origins"
        rated = f"{sheet['items']} items, {sheet['rated']} rated"
        yield f"{sheet['file']}: {rated}{partly}{blank}{key}"
    yield ""
    cards, published, total = found["cards"], found["published"], found["cards"]["rated"]
    for tier, means in _MEANS.items():
        share = percent(cards[tier.value] / total if total else None, 1)
        yield f"{tier.value}  {cards[tier.value]:4} {share:>8}  {means}"
    ready, usable = percent(cards["ready"], 1), percent(cards["usable"], 1)
    yield f"ready {ready}, usable (T2 + T3) {usable} of {total}"
    if len(found["sheets"]) > 1:
        yield from (f"  {sheet['file']}: {_shares(sheet['cards'])}" for sheet in found["sheets"])
    yield (
        f"  to compare: {published['name']} ({published['by']}): ready {percent(published['ready'], 1)}, "
        f"usable {percent(published['usable'], 1)}; {published['what']}, other raters"
    )
    yield "\nfailures:"
    for name, one in found["failures"].items():
        share = percent(one["share"], 1)
        yield f"  {name.replace('_', ' '):20} {one['failed']:4} of {one['rated']:4} {share:>8}"
    for title, groups in found["by"].items():
        if groups and (title != "drafter" or groups != found["by"]["origin"]):
            yield f"\nby {'what the checks had found' if title == 'found' else title}:"
            for name, of_group in list(groups.items())[:_SHOWN]:
                yield f"  {name[:44]:44} {_shares(of_group)}"
    if found["blocked"]["rated"]:
        yield f"\nwhat the checks blocked: {_shares(found['blocked'])}"
    for one in found["coverage"]:
        yield f"\ncoverage ({one['file']}):"
        yield (
            f"  deserve a card: {one['deserving']}, have a ready one: {one['with_ready_card']} "
            f"({percent(one['coverage'], 1)}), have any: {one['with_any_card']}"
        )
        yield (
            f"  deserve none: {one['undeserving']}, left alone: {one['left_alone']} "
            f"({percent(one['left_alone_share'], 1)})"
        )
        if one["missed_says_rater"]:
            yield f"  left alone, but the rater wants a card: {one['missed_says_rater']}"
    between = {"with_oneself": "of raters with themselves", "between_raters": "between raters"}
    for name, words in between.items():
        agreed = found["agreement"][name]
        if agreed["cards"]:
            yield f"\nagreement {words}, {agreed['cards']} cards:"
            for what in ("answers", "ready"):
                one = agreed[what]
                kappa = "says nothing" if one["kappa"] is None else f"{one['kappa']:.2f}"
                same = percent(one["same"], 1)
                yield f"  {what:8} {same} alike, κ {kappa} ({one['pairs']} pairs)"


def _shares(cards: dict[str, Any]) -> str:
    ready, usable = percent(cards["ready"], 1), percent(cards["usable"], 1)
    return f"ready {ready}, usable {usable} of {cards['rated']}"
