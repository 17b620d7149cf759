"""The notes of any deck: what is broken, repeated, failing, left or orphaned, and what to do about it.

`audit` lints every note, adds what its schedule and the ledger say of it, and sums up the deck.
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
    SeenCard,
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
    ReadNote,
    cloze_fields,
    markdown,
    message_of,
    read_note,
)
from ankiforge.text.display import counted, on_one_line, percent, shortened

LONG_DAYS = 180
"""From so many days on a note is called left, new or suspended for long."""
SHOWN_IN_PAGE = 200
"""Notes of a kind that a page names; more would slow a browser down."""
_MOST_DECKS = 50
_OPEN = 10
"""So few notes of a kind are shown without a click."""
_LAPSES = ((0, "0"), (1, "1"), (2, "2"), (3, "3"), (5, "4–5"), (8, "6–8"), (inf, "9+"))

# --- what an audit finds besides the checks, and what to do about everything ------------------

REMARK = Rule("remark", Severity.WARN, "you typed a remark while studying it:")
LEECH = Rule("leech", Severity.WARN, "tagged as a leech by Anki:")
LAPSES = Rule("lapses", Severity.WARN, "fails again and again:")
DIFFICULT = Rule("difficult", Severity.WARN, "stays hard:")
EMPTY_CARD = Rule("empty_card", Severity.WARN, "has a card that asks nothing:")
NO_CARDS = Rule("no_cards", Severity.WARN, "has no card at all")
RETIRED_STUDIED = Rule("retired_studied", Severity.WARN, "not a card any more, but still studied:")
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
    LEECH: f"{_REWORD}; then take the tag leech away and unsuspend it",
    LAPSES: _REWORD,
    DIFFICULT: _REWORD,
    EMPTY_CARD: "in Anki: Tools › Empty Cards",
    NO_CARDS: "in Anki: fill what its card template asks by, or Tools › Check Database",
    RETIRED_STUDIED: "suspend it: ankiforge push --suspend-retired; or search tag:ankiforge::retired",
    SOURCE_GONE: "keep it or reject it: ankiforge list finding:source_gone",
    UNKNOWN: "take it over: ankiforge recover; a note from somebody else's deck may stay",
    NO_SOURCE: "write down where it is from, while you know",
    NEVER_STUDIED: "study it, or delete it",
    LEFT_LYING: "catch up on it, or suspend what you do not want to know any more",
    LONG_SUSPENDED: "fix it and unsuspend it, or delete it",
}
"""The rules of an audit alone, each with what to do about a finding; `check.RULES` has the others."""
_SAYS = {rule.id: rule.says.rstrip(":") for rule in (*RULES, *check.RULES)} | {
    "duplicate": "asks the same as another note"
}
_ADVICE = {
    **dict.fromkeys(check.ids("structure"), "fix it in Anki: it does not show what was meant"),
    **dict.fromkeys(
        check.ids("clozes", "questions", "filler", "siblings"),
        "reword it, or split it in several notes",
    ),
    **{rule.id: advice for rule, advice in RULES.items()},
    "empty_side": "fill it, or remove the card with Tools › Empty Cards in Anki",
    "duplicate": "keep one and delete the other, or let them ask different things",
}


def meaning(check: str) -> str:
    """Return what a finding says, without its details; "" for an unknown check."""
    return _SAYS.get(check, "")


def advice(check: str) -> str:
    """Return what to do about a finding, in a few words."""
    by_source = "compare it with its passage: ankiforge show GUID, then edit or reject it"
    return _ADVICE.get(check, by_source)


# --- the value ------------------------------------------------------------------------------


@dataclass(slots=True)
class Figures:
    """What a deck holds, and how it fares."""

    notes: int = 0
    ours: int = 0
    cards: int = 0
    new: int = 0
    """Cards that are new to Anki, or were reset."""
    suspended: int = 0
    """Cards."""
    leeches: int = 0
    """Notes."""
    found: int = 0
    """Notes with a finding that is more than a hint."""
    decks: Counter[str] = field(default_factory=Counter)
    """Notes by the home deck of their first card."""
    found_in: Counter[str] = field(default_factory=Counter)
    """Of them those with such a finding."""
    lapses: Counter[int] = field(default_factory=Counter)
    """Cards that were answered, by how often they were forgotten."""
    unread: Counter[str] = field(default_factory=Counter)
    """Notes the checks cannot read, by why."""
    answers: Answers = field(default_factory=Answers)
    unused_types: tuple[str, ...] = ()
    """Note types without a note."""

    @property
    def deck_count(self) -> int:
        """Decks with notes."""
        return sum(1 for deck in self.decks if deck)

    @property
    def share(self) -> float:
        """The share of notes with a finding."""
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
    """What came of it."""

    figures: Figures
    notes: tuple[Linted, ...]
    """Those with findings, the worst first."""

    @property
    def errors(self) -> int:
        """Notes with something that breaks them."""
        return sum(one.worst is Severity.BLOCK for one in self.notes)

    def tally(self, shown: int | None) -> FindingCounts:
        """Return the findings counted by kind, with the worst notes of each."""
        tally = FindingCounts(shown=shown)
        for linted in self.notes:
            tally.add(linted)
        tally.notes = self.figures.notes
        return tally


@dataclass(frozen=True, slots=True)
class KnownNotes:
    """What the ledger knows of notes, read once."""

    accounts: Mapping[Guid, CardStatus]
    sourceless: frozenset[str]
    """Guids of cards whose passage is gone."""
    distinct: frozenset[frozenset[str]]
    """Pairs that a person called no duplicates, by guid; a note of others is `nid:…`."""
    left: Mapping[Guid, int]
    """Failing cards that a person leaves as they are, by how often they had lapsed by then."""
    answered: frozenset[tuple[Guid, str]]
    """Remarks that were dealt with."""


def known_to(ledger: Ledger) -> KnownNotes:
    """Read what an audit needs of the ledger."""
    queries = ledger.queries
    return KnownNotes(
        queries.card_statuses(),
        frozenset(queries.without_source()),
        queries.not_duplicates(),
        queries.handled_lapses(),
        queries.handled_remarks(),
    )


# --- looking at all notes -------------------------------------------------------------------


def audit(
    deck: Everything,
    limits: check.Limits,
    known: KnownNotes,
    *,
    within: Callable[[str], bool] = lambda deck: True,
    step: Callable[[int], None] = lambda count: None,
) -> Audit:
    """Look at all notes.

    Args:
        deck: open.
        limits: of the checks.
        known: what the ledger knows.
        within: whether a deck is reported; duplicates are looked for in all.
        step: called with the number of notes so far.

    Raises:
        ItemError: the file is damaged.
    """
    figures, found = Figures(unused_types=deck.unused_types), []
    linter, last = Linter(limits), deck.last_answers()
    names: dict[str, str] = {}  # of all notes so far, by what findings call them
    for count, note in enumerate(deck.notes(), start=1):
        step(count)
        kind = deck.types.get(note.type_id)
        read = read_note(note, kind)
        ours, lapses = read.identity is not None, sum(card.lapses for card in note.cards)
        names[f"note {note.id}"] = name = note.guid if ours else f"{NOTE}{note.id}"
        account = known.accounts.get(Guid(note.guid)) if ours else None
        tagged = RETIRED in (tag.casefold() for tag in note.tags)
        retired = tagged or (account is not None and not account.stands)
        # how a retired card is worded, and what it repeats, is of no interest
        [linted] = linter.notes([replace(read, faces=(), broken=()) if retired else read])
        findings = [
            one
            for one in linted.findings
            if one.severity is not Severity.INFO and not _is_distinct(one, name, names, known)
        ]
        if retired:
            if any(not card.suspended for card in note.cards):
                findings.append(
                    RETIRED_STUDIED.found(_why_retired(known.accounts.get(Guid(note.guid))))
                )
        else:
            findings += _origin(note, read, known, complete=deck.view.complete)
            # ids of notes are times; those of our notes are not
            since = note.id / 1000 if not ours else account.written if account else 0.0
            moment = _Moment(deck.view.taken_at, last)
            # a person leaves a failing card as it is, until it lapses once more
            left = lapses <= known.left.get(Guid(note.guid), -1)
            findings += _schedule(note, moment, since, _remark(read, known), left)
        findings += _empty_cards(note, kind)
        if within(note.deck):
            # of two notes with equal findings the one that was forgotten more often is the worse
            linted = Linted(linted.note, tuple(findings), ours, weight=lapses)
            figures.add(note, linted)
            if findings:
                found.append(linted)
    for name, answer, times in deck.answers():
        if within(name):
            figures.answers.add(answer, times)
    return Audit(figures, tuple(sorted(found, key=_goodness)))


def _goodness(linted: Linted) -> tuple[int, int, int, int]:
    worst = list(Severity).index(linted.worst or Severity.INFO)
    return (-worst, -linted.weight, -len(linted.findings), linted.note.id)


def _is_distinct(one: Finding, name: str, names: Mapping[str, str], known: KnownNotes) -> bool:
    pair = frozenset((name, names.get(one.twin, "")))
    return one.check in PAIRED and pair in known.distinct


def _why_retired(account: CardStatus | None) -> str:
    if account is None or account.stands:
        return "it has the tag"
    if account.standing is not Standing.LIVE:
        return f"{account.standing} here"
    if account.verdict is Verdict.REJECTED:
        return "rejected here" + (f" ({account.why})" if account.why else "")
    return "it waits for your decision here"


_SOURCES = frozenset(
    [
        "source",
        "sources",
        "reference",
        "references",
        "citation",
        "url",
        "link",
        "quelle",
        "quellen",
        "fuente",
    ]
)
"""What people call the field that says where a note is from."""


def _origin(
    note: AnyNote, read: ReadNote, known: KnownNotes, *, complete: bool
) -> Iterator[Finding]:
    """What is odd about where a note is from; `complete`: it stands in a whole collection."""
    ours = read.identity is not None
    if ours and Guid(note.guid) not in known.accounts:
        found = UNKNOWN.found()
        yield found if complete else replace(found, severity=Severity.INFO)
    if note.guid in known.sourceless:
        yield SOURCE_GONE.found()
    named = {name: text for name, text in read.fields if name.strip().casefold() in _SOURCES}
    if named and all(is_blank(text[:LONGEST_READ]) for text in named.values()):
        found = NO_SOURCE.found(next(iter(named)))
        yield replace(found, severity=Severity.WARN) if ours else found


def _remark(read: ReadNote, known: KnownNotes) -> str:
    """What a person typed into the Feedback field of our note, unless it was dealt with."""
    feedback = dict(read.fields).get("Feedback", "") if read.identity else ""
    words = on_one_line(bare(markdown(feedback[:LONGEST_READ]))) if feedback else ""
    return "" if (Guid(read.guid), words) in known.answered else shortened(words, 120)


# --- the schedule ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Moment:
    """When the deck was seen, and when a card was answered last, by its id."""

    now: float
    last: Mapping[int, float]

    def days(self, since: float) -> int:
        """Whole days since a time; 0 if it is not known."""
        return max(0, int((self.now - since) / DAY)) if since > 0 else 0

    def overdue(self, card: SeenCard) -> int:
        """For how many days a card has been due; 0 if it is not, or is not studied."""
        answered = self.last.get(card.id, 0.0)
        if card.suspended or card.type != 2 or card.interval <= 0 or not answered:
            return 0
        return self.days(answered + card.interval * DAY)


def _schedule(
    note: AnyNote, moment: _Moment, since: float, remark: str, left: bool
) -> Iterator[Finding]:
    """What the schedule of a note says.

    Args:
        note: with its cards.
        moment: of the look.
        since: when it came to Anki, seconds since 1970; 0 if that is not known.
        remark: what a person typed about it.
        left: whether it may fail.
    """
    if remark:
        yield REMARK.found(f"“{remark}”")
    found = set(troubles(note.tags, note.cards))
    gravest = next((one for one in _FAILS if one in found), None)
    if gravest is not None and not left:
        rule, details = _FAILS[gravest]
        yield rule.found(details(note))
    if not note.cards:
        return
    if all(card.suspended for card in note.cards):
        if gravest is None and (days := moment.days(note.touched)) >= LONG_DAYS:
            yield LONG_SUSPENDED.found(f"unchanged for {days} days")
    elif not any(card.reps for card in note.cards):
        if (days := moment.days(since)) >= LONG_DAYS:
            yield NEVER_STUDIED.found(f"not once in {days} days")
    elif (days := max(map(moment.overdue, note.cards))) >= LONG_DAYS:
        yield LEFT_LYING.found(f"due for {days} days")


def _lapsed(note: AnyNote) -> str:
    worst = max(note.cards, key=lambda card: card.lapses, default=None)
    if worst is None or not worst.lapses:
        return "its lapses are unknown"
    times = "once" if worst.lapses == 1 else f"{worst.lapses} times"
    return f"forgotten {times} in {worst.reps} answers"


def _hard(note: AnyNote) -> str:
    worst = max(note.cards, key=lambda card: card.difficulty or 0.0)
    back = f", and back after {worst.interval} days" if worst.interval > 0 else ""
    return f"difficulty {worst.difficulty or 0:.1f} of 10 after {worst.reps} answers{back}"


_FAILS: Mapping[Trouble, tuple[Rule, Callable[[AnyNote], str]]] = {
    Trouble.LEECH: (LEECH, _lapsed),
    Trouble.LAPSES: (LAPSES, _lapsed),
    Trouble.DIFFICULT: (DIFFICULT, _hard),
}
"""The gravest first: one of them says enough."""


def _empty_cards(note: AnyNote, kind: SeenType | None) -> Iterator[Finding]:
    """Cards of clozes that are gone, beside others; the checks find all other empty cards."""
    if not note.ordinals:
        yield NO_CARDS.found()
    if kind is None or not kind.cloze or len(note.ordinals) < 2:
        return
    fields = dict(zip((name for name, _ in kind.fields), note.fields, strict=False))
    shown = (text for one in kind.templates[:1] for text in cloze_fields(one.question, fields))
    there = {number for text in shown for number in cloze_numbers(text)}
    empty = [ordinal + 1 for ordinal in note.ordinals if ordinal + 1 not in there]
    if 0 < len(empty) < len(note.ordinals):
        yield EMPTY_CARD.found(f"cloze {', '.join(map(str, empty))}")


# --- findings for review ----------------------------------------------------------------------

_WORDING = check.ids("clozes", "questions", "filler", "unfinished")
"""Wording checks are left out: whoever accepted a card has seen its wording."""


@dataclass(slots=True)
class Proposed:
    """What `propose` found."""

    pairs: int = 0
    """Pairs of similar cards, or of a card and a note of another tool."""
    findings: int = 0
    """Other findings, about a card's own text."""
    cards: int = 0
    """Cards with any of these."""


def propose(
    ledger: Ledger,
    limits: check.Limits,
    *,
    within: Callable[[str], bool] = lambda deck: True,
    step: Callable[[int], None] = lambda count: None,
) -> Proposed:
    """Check every accepted card that was seen in Anki, and store the findings that are new.

    A person may have added a note to Anki that repeats it, or edited it there. The findings are
    warnings at most: no verdict changes, accepted cards stay accepted.

    Args:
        ledger: synced with Anki.
        limits: of the checks.
        within: whether to check the cards of a deck in Anki.
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
        # check the words that are studied: a person's edit in Anki, if there is one
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
    """Return whether a finding names a card of other passages, or a note of another tool."""
    if id.startswith(NOTE):
        return True
    other = ledger.cards.get(id.partition(".")[0])
    mine = {one.key for one in (card.highlight, *card.also)}
    return mine.isdisjoint(one.key for one in (other.highlight, *other.also))


# --- text -----------------------------------------------------------------------------------


def as_text(audit: Audit, shown: int | None = SHOWN) -> Iterator[str]:
    """Return the figures, the worst of each kind, and the counts; `shown`: notes of a kind, None = all."""
    figures, answers, tally = audit.figures, audit.figures.answers, audit.tally(shown)
    ours = f", {figures.ours:,} of them ours" if figures.ours else ""
    kinds = ((figures.new, "new"), (figures.suspended, "suspended"))
    some = ", ".join(f"{count:,} {what}" for count, what in kinds if count)
    cards = counted(figures.cards, "card") + (f" ({some})" if some else "")
    decks = counted(figures.deck_count, "deck")
    yield f"{counted(figures.notes, 'note')}{ours}; {cards} in {decks}"
    if answers.given:
        due = "of what was due after a day or more"
        yield f"{answers.given:,} answers; retention {percent(answers.retention, 1)} {due}"
    else:
        yield "no answers found; an export holds them only with scheduling"
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
    """Return the page.

    Args:
        audit: what was found.
        title: of the page.
        below: a line under it: what was looked at, and when.
        shown: notes of a kind; None = all.
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
                # by these Anki's search, and ours, find it
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
