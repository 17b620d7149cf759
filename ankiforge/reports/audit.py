"""Audit the notes of any deck: which are broken, repeated, failing, neglected or orphaned, with advice.

`audit` lints every note, adds findings from its schedule and from the ledger, and sums up the deck.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf

from ankiforge import check
from ankiforge.anki.cards import cloze_numbers, is_blank
from ankiforge.anki.collection import AnyNote, Everything
from ankiforge.anki.notes import RETIRED
from ankiforge.anki.unrender import words_in_anki
from ankiforge.check import Rule, bare
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import AT_ONCE, NOTE, PAIRED, letter_of
from ankiforge.ledger.queries import CardStatus
from ankiforge.model import (
    Card,
    Finding,
    Guid,
    Origin,
    SeenType,
    Severity,
    Standing,
    Verdict,
)
from ankiforge.model.retention import DAY, Answers, Trouble, troubles
from ankiforge.pipeline import recheck_named
from ankiforge.reports import html
from ankiforge.reports.lint import (
    LONGEST_READ,
    SHOWN,
    WORDS,
    FindingCounts,
    Linted,
    Linter,
    cloze_fields,
    markdown,
    message_of,
    read_note,
)
from ankiforge.text.display import counted, on_one_line, percent, shortened

LONG_DAYS = 180
"""The number of days after which a note counts as overdue, new or suspended for long."""
SHOWN_IN_PAGE = 200
"""The maximum number of notes of a kind in a page; more would slow down a browser."""
_MOST_DECKS = 50
_OPEN = 10
"""The maximum number of notes of a kind that are shown without a click."""
_LAPSES = ((0, "0"), (1, "1"), (2, "2"), (3, "3"), (5, "4–5"), (8, "6–8"), (inf, "9+"))

# --- rules of an audit besides the checks, and advice for all findings ------------------------

REMARK = Rule("remark", Severity.WARN, "you typed a remark while studying it:")
LEECH = Rule("leech", Severity.WARN, "tagged as a leech by Anki:")
LAPSES = Rule("lapses", Severity.WARN, "fails again and again:")
DIFFICULT = Rule("difficult", Severity.WARN, "stays hard:")
EMPTY_CARD = Rule("empty_card", Severity.WARN, "has a card that asks nothing:")
NO_CARDS = Rule("no_cards", Severity.WARN, "has no card at all")
RETIRED_STUDIED = Rule("retired_studied", Severity.WARN, "retired, but still studied:")
SOURCE_GONE = Rule("source_gone", Severity.WARN, "its passage is no longer in the source")
UNKNOWN = Rule(
    "unknown_note", Severity.WARN, "made by ankiforge, but this workspace has no card for it"
)
NO_SOURCE = Rule("no_source", Severity.INFO, "its source field is empty:")
NEVER_STUDIED = Rule("never_studied", Severity.INFO, "never studied:")
LEFT_LYING = Rule("left_lying", Severity.INFO, "left lying:")
LONG_SUSPENDED = Rule("long_suspended", Severity.INFO, "suspended for long:")
_REWORD = "ask for one thing, or make two notes of it; delete it if it is not worth the time"
RULES = {
    REMARK: "reword it as you meant, then empty the Feedback field",
    LEECH: f"{_REWORD}; then remove the tag leech and unsuspend it",
    LAPSES: _REWORD,
    DIFFICULT: _REWORD,
    EMPTY_CARD: "in Anki: Tools › Empty Cards",
    NO_CARDS: "in Anki: fill the fields that its card template shows, or run Tools › Check Database",
    RETIRED_STUDIED: "suspend it: ankiforge push --suspend-retired; or search tag:ankiforge::retired",
    SOURCE_GONE: "keep it or reject it: ankiforge list finding:source_gone",
    UNKNOWN: "take it over: ankiforge recover; a note from somebody else's deck may stay",
    NO_SOURCE: "note where it is from while you still know",
    NEVER_STUDIED: "study it, or delete it",
    LEFT_LYING: "catch up on it, or suspend it if you no longer want to learn it",
    LONG_SUSPENDED: "fix it and unsuspend it, or delete it",
}
"""The rules that only an audit has, each with advice; the others are in `check.RULES`."""
_SAYS = {rule.id: rule.says.rstrip(":") for rule in (*RULES, *check.RULES)} | {
    "duplicate": "asks the same as another note"
}
_ADVICE = {
    **dict.fromkeys(check.ids("structure"), "fix it in Anki: it does not show what you meant"),
    **dict.fromkeys(
        check.ids("clozes", "questions", "filler", "siblings"),
        "reword it, or split it into several notes",
    ),
    **{rule.id: advice for rule, advice in RULES.items()},
    "empty_side": "fill it, or remove the card with Tools › Empty Cards in Anki",
    "duplicate": "keep one and delete the other, or let them ask different things",
}


def meaning(check: str) -> str:
    """Return the message of a check's findings without details; "" for an unknown check."""
    return _SAYS.get(check, "")


def advice(check: str) -> str:
    """Return what to do about the findings of a check, in a few words."""
    by_source = "compare it with its passage: ankiforge show GUID, then edit or reject it"
    return _ADVICE.get(check, by_source)


# --- the value ------------------------------------------------------------------------------


@dataclass(slots=True)
class Figures:
    """The totals of a deck."""

    notes: int = 0
    ours: int = 0
    cards: int = 0
    new: int = 0
    """Cards that are new or were reset."""
    suspended: int = 0
    """Suspended cards."""
    leeches: int = 0
    """Notes that are leeches."""
    found: int = 0
    """Notes with a warning or an error."""
    decks: Counter[str] = field(default_factory=Counter)
    """Notes by the home deck of their first card."""
    found_in: Counter[str] = field(default_factory=Counter)
    """Notes with a warning or an error, by deck."""
    lapses: Counter[int] = field(default_factory=Counter)
    """Cards that were answered, by their number of lapses."""
    unread: Counter[str] = field(default_factory=Counter)
    """Notes that the checks cannot read, by reason."""
    answers: Answers = field(default_factory=Answers)
    unused_types: tuple[str, ...] = ()
    """Note types without notes."""

    @property
    def deck_count(self) -> int:
        """The number of decks with notes."""
        return sum(1 for deck in self.decks if deck)

    @property
    def share(self) -> float:
        """The share of notes with a warning or an error."""
        return self.found / self.notes if self.notes else 0.0

    def add(self, note: AnyNote, linted: Linted) -> None:
        """Count a note."""
        self.notes += 1
        self.ours += linted.ours
        self.cards += len(note.cards)
        self.new += sum(card.type == 0 for card in note.cards)
        self.suspended += sum(card.suspended for card in note.cards)
        self.leeches += "leech" in (tag.casefold() for tag in note.tags)
        self.lapses.update(card.lapses for card in note.cards if card.reps)
        self.decks[note.deck] += 1
        if linted.note.unread:
            self.unread[linted.note.unread] += 1
        if any(one.severity is not Severity.INFO for one in linted.findings):
            self.found += 1
            self.found_in[note.deck] += 1


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit."""

    figures: Figures
    notes: tuple[Linted, ...]
    """The notes with findings, worst first."""

    @property
    def errors(self) -> int:
        """The number of notes with errors."""
        return sum(one.worst is Severity.BLOCK for one in self.notes)

    def tally(self, shown: int | None) -> FindingCounts:
        """Count the findings by kind, with the worst notes of each kind as examples."""
        tally = FindingCounts(shown=shown)
        for linted in self.notes:
            tally.add(linted)
        tally.notes = self.figures.notes
        return tally


# --- auditing all notes ---------------------------------------------------------------------

_SOURCE_NAMES = "source sources reference references citation url link quelle quellen fuente"
_SOURCES = frozenset(_SOURCE_NAMES.split())
"""Common names of the field for the source of a note."""


def audit(
    deck: Everything,
    limits: check.Limits,
    ledger: Ledger,
    *,
    within: Callable[[str], bool] = lambda deck: True,
    step: Callable[[int], None] = lambda count: None,
) -> Audit:
    """Audit all notes.

    Args:
        deck: the open collection or export.
        limits: the thresholds of the checks.
        ledger: the records of our notes.
        within: selects the decks to report; duplicates are searched in all decks.
        step: called with the number of notes so far.

    Raises:
        ItemError: the file is damaged.
    """
    queries = ledger.queries
    statuses, sourceless = queries.card_statuses(), frozenset(queries.without_source())
    distinct, kept, handled = (
        queries.not_duplicates(), queries.handled_lapses(), queries.handled_remarks(),
    )  # fmt: skip
    figures, found = Figures(unused_types=deck.unused_types), []
    linter, last = Linter(limits), deck.last_answers()
    names = dict[str, str]()  # the guids or `nid:…` of all notes so far, by their name in findings
    for count, note in enumerate(deck.notes(), start=1):
        step(count)
        kind, guid = deck.types.get(note.type_id), Guid(note.guid)
        read = read_note(note, kind)
        ours, lapses = read.identity is not None, sum(card.lapses for card in note.cards)
        names[f"note {note.id}"] = name = note.guid if ours else f"{NOTE}{note.id}"
        status = statuses.get(guid) if ours else None
        tagged = RETIRED in (tag.casefold() for tag in note.tags)
        retired = tagged or (status is not None and not status.stands)

        # the checks, but not of the wording of retired cards, nor of duplicates of them
        [linted] = linter.notes([replace(read, faces=(), broken=()) if retired else read])
        findings = [
            one
            for one in linted.findings
            if one.severity is not Severity.INFO
            and not (one.check in PAIRED and frozenset((name, names.get(one.twin, ""))) in distinct)
        ]
        if retired and any(not card.suspended for card in note.cards):
            findings.append(RETIRED_STUDIED.found(_why_retired(statuses.get(guid))))
        if not retired:
            # the source
            if ours and status is None:
                unknown = UNKNOWN.found()
                whole = deck.view.complete
                findings.append(unknown if whole else replace(unknown, severity=Severity.INFO))
            if note.guid in sourceless:
                findings.append(SOURCE_GONE.found())
            sources = {n: text for n, text in read.fields if n.strip().casefold() in _SOURCES}
            if sources and all(is_blank(text[:LONGEST_READ]) for text in sources.values()):
                empty = NO_SOURCE.found(next(iter(sources)))
                findings.append(replace(empty, severity=Severity.WARN) if ours else empty)
            # a remark that nobody has dealt with
            feedback = dict(read.fields).get("Feedback", "") if ours else ""
            remark = on_one_line(bare(markdown(feedback[:LONGEST_READ]))) if feedback else ""
            if remark and (guid, remark) not in handled:
                findings.append(REMARK.found(f"“{shortened(remark, 120)}”"))
            # the schedule; the id of a note is the time of its creation, except for our notes
            since = note.id / 1000 if not ours else status.written if status else 0.0
            # a person may have decided to keep a failing card until it lapses again
            left = lapses <= kept.get(guid, -1)
            findings += _schedule(note, deck.view.taken_at, last, since, left)
        findings += _empty_cards(note, kind)
        if within(note.deck):
            # of two notes with equal findings, the one with more lapses is worse
            linted = Linted(linted.note, tuple(findings), ours, weight=lapses)
            figures.add(note, linted)
            if findings:
                found.append(linted)
    for deck_name, answer, times in deck.answers():
        if within(deck_name):
            figures.answers.add(answer, times)

    def goodness(linted: Linted) -> tuple[int, int, int, int]:
        worst = list(Severity).index(linted.worst or Severity.INFO)
        return (-worst, -linted.weight, -len(linted.findings), linted.note.id)

    return Audit(figures, tuple(sorted(found, key=goodness)))


def _why_retired(status: CardStatus | None) -> str:
    if status is None or status.stands:
        return "it has the tag"
    if status.standing is not Standing.LIVE:
        return f"{status.standing} here"
    if status.verdict is Verdict.REJECTED:
        return "rejected here" + (f" ({status.why})" if status.why else "")
    return "it waits for your decision here"


_FAILS = {Trouble.LEECH: LEECH, Trouble.LAPSES: LAPSES, Trouble.DIFFICULT: DIFFICULT}
"""The most severe first; only the first that applies is reported."""


def _schedule(
    note: AnyNote, now: float, last: Mapping[int, float], since: float, left: bool
) -> Iterator[Finding]:
    """Yield findings about the schedule of a note.

    Args:
        note: the note with its cards.
        now: when the deck was read, in seconds since 1970.
        last: the time of the last answer of each card, by id.
        since: when the note was added to Anki, in seconds since 1970; 0 if unknown.
        left: whether a person decided to keep the note although it fails.
    """

    def days(since: float) -> int:
        return max(0, int((now - since) / DAY)) if since > 0 else 0

    found, cards = set(troubles(note.tags, note.cards)), note.cards
    gravest = next((one for one in _FAILS if one in found), None)
    if gravest is Trouble.DIFFICULT and not left:
        worst = max(cards, key=lambda card: card.difficulty or 0.0)
        back = f", and back after {worst.interval} days" if worst.interval > 0 else ""
        after = f"after {worst.reps} answers{back}"
        yield DIFFICULT.found(f"difficulty {worst.difficulty or 0:.1f} of 10 {after}")
    elif gravest is not None and not left:
        details = "its lapses are unknown"
        if (most := max(cards, key=lambda card: card.lapses, default=None)) and most.lapses:
            times = "once" if most.lapses == 1 else f"{most.lapses} times"
            details = f"forgotten {times} in {most.reps} answers"
        yield _FAILS[gravest].found(details)
    if not cards:
        return
    if all(card.suspended for card in cards):
        if gravest is None and days(note.touched) >= LONG_DAYS:
            yield LONG_SUSPENDED.found(f"unchanged for {days(note.touched)} days")
    elif not any(card.reps for card in cards):
        if days(since) >= LONG_DAYS:
            yield NEVER_STUDIED.found(f"not once in {days(since)} days")
    else:
        due = (
            last[card.id] + card.interval * DAY
            for card in cards
            if not card.suspended and card.type == 2 and card.interval > 0 and last.get(card.id)
        )
        if (overdue := max(map(days, due), default=0)) >= LONG_DAYS:
            yield LEFT_LYING.found(f"due for {overdue} days")


def _empty_cards(note: AnyNote, kind: SeenType | None) -> Iterator[Finding]:
    """Yield findings about cards of removed clozes; the checks find all other empty cards."""
    if not note.ordinals:
        yield NO_CARDS.found()
    if kind is None or not kind.cloze or len(note.ordinals) < 2:
        return
    fields = dict(zip((name for name, _ in kind.fields), note.fields, strict=False))
    shown = (text for one in kind.templates[:1] for text in cloze_fields(one.question, fields))
    present = {number for text in shown for number in cloze_numbers(text)}
    empty = [ordinal + 1 for ordinal in note.ordinals if ordinal + 1 not in present]
    if 0 < len(empty) < len(note.ordinals):
        yield EMPTY_CARD.found(f"cloze {', '.join(map(str, empty))}")


# --- findings for review ----------------------------------------------------------------------

_WORDING = check.ids("clozes", "questions", "filler", "unfinished")
"""Checks of the wording, which are omitted because a person saw the wording when accepting the card."""


@dataclass(slots=True)
class Proposed:
    """The numbers of findings stored by `propose`."""

    pairs: int = 0
    """Pairs of similar cards, or of a card and a similar foreign note."""
    findings: int = 0
    """Other findings, about the text of one card."""
    cards: int = 0
    """Cards with new findings."""


def propose(
    ledger: Ledger,
    limits: check.Limits,
    *,
    within: Callable[[str], bool] = lambda deck: True,
    step: Callable[[int], None] = lambda count: None,
) -> Proposed:
    """Check every accepted card that was seen in Anki, and store new findings.

    New findings arise if a person edited the card in Anki or added a similar note there. They are
    warnings at most, so that accepted cards remain accepted.

    Args:
        ledger: the ledger, synchronised with Anki.
        limits: the thresholds of the checks.
        within: selects the decks in Anki whose cards are checked.
        step: called with the number of cards so far.
    """
    recheck_named(ledger)
    index = check.DuplicateIndex(ledger.duplicates)
    index.refresh()
    pairs = {frozenset(pair) for pair in ledger.queries.duplicates()}
    pairs |= ledger.queries.not_duplicates()
    proposed, new = Proposed(), list[tuple[Card, list[Finding]]]()
    for count, card in enumerate(ledger.cards.all(), start=1):
        step(count)
        accepted = card.standing is Standing.LIVE and card.verdict is Verdict.ACCEPTED
        seen = ledger.views.seen(card.guid) if accepted and card.anki.there else None
        if seen is None or not within(seen.deck or card.deck):
            continue
        # check the text in Anki, which a person may have edited
        edit = words_in_anki(card, seen)
        draft = replace(card.leading.draft, fields=edit or card.fields)
        if edit or card.edited:
            draft = replace(draft, origin=Origin("person"))
        stored = {one.check for one in card.leading.findings}
        found = []
        for one in check.check(draft, check.Context(card.highlight, index, limits=limits)):
            if one.severity is Severity.INFO:
                continue
            if one.check in PAIRED:
                pair = frozenset((card.guid, one.twin.partition(".")[0]))
                wanted = pair not in pairs and _is_other(ledger, card, one.twin)
                pairs |= {pair} if wanted else set()
            else:
                wanted = one.check not in stored and one.check not in _WORDING
            if wanted:
                found.append(replace(one, severity=Severity.WARN))
        if found:
            new.append((card, found))
            proposed.cards += 1
            proposed.pairs += sum(one.check in PAIRED for one in found)
            proposed.findings += sum(one.check not in PAIRED for one in found)
    for start in range(0, len(new), AT_ONCE):
        with ledger.unit():
            for card, found in new[start : start + AT_ONCE]:
                letter = letter_of(card.leading)
                before = ledger.cards.findings(card.guid, letter)
                ledger.cards.set_findings(card.guid, letter, (*before, *found))
    return proposed


def _is_other(ledger: Ledger, card: Card, id: str) -> bool:
    """Return whether `id` is a foreign note or a card of other passages than `card`."""
    if id.startswith(NOTE):
        return True
    other = ledger.cards.get(id.partition(".")[0])
    mine = {one.key for one in (card.highlight, *card.also)}
    return mine.isdisjoint(one.key for one in (other.highlight, *other.also))


# --- text -----------------------------------------------------------------------------------


def as_text(audit: Audit, shown: int | None = SHOWN) -> Iterator[str]:
    """Yield the lines of an audit: totals, the worst notes of each kind, and counts.

    At most `shown` notes of a kind are shown; None = all.
    """
    figures, answers, tally = audit.figures, audit.figures.answers, audit.tally(shown)
    ours = f", {figures.ours:,} of them ours" if figures.ours else ""
    kinds = ((figures.new, "new"), (figures.suspended, "suspended"))
    some = ", ".join(f"{count:,} {what}" for count, what in kinds if count)
    cards = counted(figures.cards, "card") + (f" ({some})" if some else "")
    decks = counted(figures.deck_count, "deck")
    yield f"{counted(figures.notes, 'note')}{ours}; {cards} in {decks}"
    if answers.given:
        due = "of cards due after a day or more"
        yield f"{answers.given:,} answers; retention {percent(answers.retention, 1)} {due}"
    else:
        yield "no answers found; an export contains them only with scheduling"
    yield (
        f"{counted(figures.leeches, 'note')} {'is a leech' if figures.leeches == 1 else 'are leeches'};"
        f" {counted(figures.found, 'note')} ({percent(figures.share, 1)}) with findings"
    )
    for why, count in figures.unread.most_common():
        yield f"not read by the checks: {counted(count, 'note')} ({why})"
    if tally.counts:
        yield ""
        yield from tally.groups(advice)
        yield from tally.table()


# --- HTML -----------------------------------------------------------------------------------


def as_html(audit: Audit, title: str, below: str, shown: int | None = SHOWN_IN_PAGE) -> str:
    """Return an audit as a page.

    Args:
        audit: the result of the audit.
        title: the title of the page.
        below: the line below the title, which states what was audited and when.
        shown: the maximum number of notes of a kind; None = all.
    """
    figures, tally = audit.figures, audit.tally(0)
    of_kind: dict[tuple[Severity, str], list[tuple[Linted, Finding]]] = {}
    for linted in audit.notes:
        for key, finding in linted.by_check.items():
            of_kind.setdefault(key, []).append((linted, finding))
    overview, kinds = [], []
    for severity, name in tally.ranked:
        found, word, anchor = of_kind[severity, name], WORDS[severity], f"{severity}-{name}"
        link = {"anchor": anchor, "text": name}
        share = html.share_cell(len(found) / figures.notes, 1)
        overview.append((link, meaning(name), word, f"{len(found):,}", share))
        rows = [
            (
                {"text": shortened(one.note.front, 120), "below": message_of(finding)},
                one.note.deck,
                # search terms for Anki and for `ankiforge list`
                {"ids": [f"nid:{one.note.id}", *([one.note.guid] if one.ours else [])]},
            )
            for one, finding in found[:shown]
        ]
        summary = f"{name} · {word} · {counted(len(found), 'note')}"
        more = len(found) - len(rows)
        kinds.append((anchor, summary, len(found) <= _OPEN, advice(name), rows, more))
    order = sorted(figures.decks, key=lambda deck: (-figures.found_in[deck], deck))
    decks = [
        (deck or "no card, so no deck", f"{figures.decks[deck]:,}", f"{figures.found_in[deck]:,}",
         html.share_cell(figures.found_in[deck] / figures.decks[deck], 1))
        for deck in order
    ]  # fmt: skip
    lapses = dict.fromkeys((label for _, label in _LAPSES), 0)
    for times, cards in figures.lapses.items():
        lapses[next(label for most, label in _LAPSES if times <= most)] += cards
    return html.render(
        "audit.html",
        title=title,
        below=below,
        figures=figures,
        overview=overview,
        kinds=kinds,
        decks=decks,
        most_decks=_MOST_DECKS,
        lapses=list(lapses.items()),
    )
