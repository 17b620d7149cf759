"""How good the cards for a fixed set of passages are: drafted, checked, and handed out for rating.

A set of passages is drafted and checked without recording anything (`Evaluation`). `make_sheet` turns
the cards into a sheet for raters, as CSV or as a page, which does not say who drafted a card; the key
beside it does. `ratings` reads filled sheets.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ankiforge import check
from ankiforge.anki.cards import cloze as as_anki_shows
from ankiforge.anki.notes import content_html
from ankiforge.check import bare, read, without
from ankiforge.errors import UsageError
from ankiforge.model import (
    CardKind,
    Draft,
    Drafted,
    Family,
    Finding,
    Highlight,
    HighlightKey,
    HighlightKind,
    Problem,
    Severity,
    Task,
    h16,
)
from ankiforge.reports import html
from ankiforge.text import cloze
from ankiforge.text.display import dollars
from ankiforge.text.fold import isolated

if TYPE_CHECKING:
    from ankiforge.draft.budget import Usage

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


# --- the set --------------------------------------------------------------------------------

SHIPPED = Path(__file__).with_name("highlights.jsonl")
"""The set that comes with the program."""
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
    key: str = ""
    source: str = ""
    document: _Document = msgspec.field(default_factory=_Document)
    deserves: bool | None = None


_OF_HIGHLIGHT = (
    "kind", "form", "exact", "gaps", "prefix", "suffix", "sentence", "comment", "colour", "author",
    "tags", "page_label", "heading", "above", "uri",
)  # fmt: skip
"""The other keys of a line that count."""


def read_set(path: Path) -> tuple[list[Passage], list[Problem]]:
    """Return the passages of a file, and its lines that hold none.

    Raises:
        UsageError: the file cannot be read, or holds no passage at all.
    """
    passages: dict[HighlightKey, Passage] = {}
    problems: list[Problem] = []
    text = read_bytes(path, _LARGEST).removeprefix(b"\xef\xbb\xbf")
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
    found, raw = msgspec.json.decode(line, type=_Line), msgspec.json.decode(line)
    key = found.key or f"eval:line/{number}"
    namespace = key.rpartition("/")[0]
    document = msgspec.structs.asdict(found.document) | {
        "key": found.document.key or namespace,
        "source": found.source,
        "identifiers": tuple(found.document.identifiers.items()),
    }
    known = {name: raw[name] for name in _OF_HIGHLIGHT if name in raw}
    known |= {"key": key, "namespace": namespace, "document": document}
    highlight = msgspec.convert({"kind": HighlightKind.HIGHLIGHT, **known}, Highlight)
    gaps = tuple((a, b) for a, b in highlight.gaps if 0 <= a < b <= len(highlight.exact))
    return Passage(replace(highlight, gaps=gaps), found.deserves)


def tasks_of(passages: Iterable[Passage]) -> Iterator[Task]:
    """Return what a drafter is given: the passages of each document, in the order of the file."""
    groups = groupby(passages, key=lambda passage: passage.highlight.document.key)
    for _, group in groups:
        highlights = tuple(passage.highlight for passage in group)
        yield Task(highlights[0].document, highlights)


def read_bytes(path: Path, most: int) -> bytes:
    """Read a file of at most so many bytes.

    Raises:
        UsageError: it is larger, or cannot be read.
    """
    try:
        if path.stat().st_size > most:
            raise UsageError(f"{path}: larger than {most:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


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
    from ankiforge.draft.budget import Usage

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
    key = json.dumps(msgspec.to_builtins(_key(sheet)), ensure_ascii=False, indent=1)
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


class KeyItem(msgspec.Struct, frozen=True, kw_only=True):
    """The card of an item, "" for a passage without one."""

    card: str = ""
    passage: str


class KeyCard(msgspec.Struct, frozen=True):
    """A card, and who drafted it."""

    passage: str
    kind: str = ""
    fields: dict[str, str] = {}
    quote: str = ""
    origin: dict[str, str] = {}
    blocked: bool = False
    findings: list[dict[str, str]] = []


class KeyPassage(msgspec.Struct, frozen=True):
    """A passage, and what became of it."""

    deserves: bool | None = None
    fate: str = ""
    reason: str = ""


class Key(msgspec.Struct, frozen=True):
    """The key of a sheet: who drafted what, and which items are the same card."""

    v: int
    sheet: str
    passages: dict[str, KeyPassage]
    cards: dict[str, KeyCard]
    items: dict[str, KeyItem]


def _key(sheet: Sheet) -> Key:
    evaluation, passages, cards = sheet.evaluation, {}, {}
    for passage in evaluation.passages:
        reason = evaluation.no_cards.get(passage.highlight.key, "")
        made = KeyPassage(passage.deserves, evaluation.fate(passage), reason)
        passages[str(passage.highlight.key)] = made
    for card in evaluation.cards:
        draft = card.draft
        found = [
            {"check": one.check, "severity": one.severity.value, "message": one.message}
            for one in card.findings
        ]
        cards[card.id] = KeyCard(
            draft.highlight, draft.kind.value, dict(draft.fields), draft.quote, card.origin,
            card.blocked, found,
        )  # fmt: skip
    items = {
        item.id: KeyItem(card=item.card.id if item.card else "", passage=item.passage.highlight.key)
        for item in sheet.items
    }
    return Key(1, sheet.id, passages, cards, items)


def _faces(draft: Draft) -> list[tuple[str, str]]:
    """(question, answer) of each card that a draft makes, as plain text."""
    if draft.kind.family is Family.CLOZE:
        return [
            (without(draft.field("Text"), hidden), " · ".join(bare(gap.answer) for gap in hidden))
            for _, hidden in read(draft).hidden
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
    template = Path(__file__).with_name("sheet.html").read_text("utf-8")
    return (
        html.environment().from_string(template).render(title=f"Rating sheet {sheet.id}", data=data)
    )


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
