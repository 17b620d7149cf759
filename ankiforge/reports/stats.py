"""Statistics of a workspace: the progress of highlights, the quality of drafters, and results in Anki.

`statistics` counts in one pass over the cards and one over the answers. `as_json` and `as_text`
format the result. Shares are from 0 to 1, times in seconds.
"""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ankiforge.anki.notes import in_deck
from ankiforge.config import LlmSettings, is_loopback
from ankiforge.draft.budget import FREE, Price, known_price
from ankiforge.ledger import Ledger
from ankiforge.ledger.queries import CardRow, DraftedBy, LastView, Paid
from ankiforge.model import AcceptedBy, Calendar, Fate, Guid, SeenCard, Standing, Verdict
from ankiforge.model.retention import Answers, is_mature, retrievability
from ankiforge.reports.cards import attributes
from ankiforge.reports.days import Days
from ankiforge.text.display import counted, dollars, duration, number, percent, table

AHEAD = 30
"""The number of days in the forecast, including today."""
FEW = 20
"""A share of fewer answers may be due to chance, and is marked."""
SHOWN = 10
"""The default number of rows of a table in a terminal."""
WIDTH = 80
"""The minimum width of a terminal, in columns."""
DIMENSIONS = {
    "deck": "deck",
    "document": "document",
    "drafter": "drafter",
    "model": "model",
    "prompt": "prompt",
    "kind": "kind",
    "check": "finding",
}
"""The dimensions by which cards are grouped, with the titles of their columns."""
_TIMED = ("deck", "document")
"""Dimensions whose groups have days, months and load."""
_COUNTS = ("notes", "cards", "new", "learning", "young", "mature", "suspended", "leeches", "lapses")
_OUTCOMES = ("accepted", "rejected", "waiting", "blocked", "dropped")


# --- the value ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """The selection of cards and answers to count."""

    deck: str = ""
    """Count only this deck and its subdecks; the name is as given by `deck_name`."""
    query: str = ""
    cards: frozenset[Guid] | None = None
    """The cards that the query matches; None = all."""
    since: date | None = None
    """Count answers, drafts and replies from this day on; None = all."""

    @property
    def partly(self) -> bool:
        """Whether the selection excludes cards."""
        return bool(self.deck) or self.cards is not None

    def matches(self, row: CardRow) -> bool:
        """Return whether the query matches a card."""
        return self.cards is None or row.guid in self.cards

    def within(self, name: str) -> bool:
        """Return whether a deck is the chosen one or one of its subdecks."""
        return not self.deck or (bool(name) and in_deck(name, self.deck))


Prices = Callable[[str], Price | None]
"""Returns the price of a model; None if unknown."""


@dataclass(slots=True)
class Drafts:
    """The cards of one drafter, model and prompt, and the cost of the replies at today's prices."""

    origin: DraftedBy
    outcomes: Counter[str] = field(default_factory=Counter)
    """The number of cards by `_OUTCOMES`, and of accepted ones also `by_policy` and `edited`."""
    reasons: Counter[str] = field(default_factory=Counter)
    """The number of rejected cards by reason."""
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float | None = 0.0
    """The cost in US dollars; None if the price of a model is unknown."""

    def add(self, row: CardRow) -> None:
        """Count a card."""
        if row.verdict is Verdict.ACCEPTED:
            self.outcomes["accepted"] += 1
            self.outcomes["by_policy"] += row.accepted_by is AcceptedBy.POLICY
            self.outcomes["edited"] += row.edited
        elif row.verdict is Verdict.REJECTED:
            self.outcomes["rejected"] += 1
            self.reasons[row.reason] += 1
        elif row.standing is not Standing.LIVE:
            self.outcomes["dropped"] += 1
        else:
            self.outcomes["waiting" if row.passable else "blocked"] += 1

    def pay(self, paid: Paid, price: Price | None) -> None:
        """Add the cost of replies."""
        self.requests += paid.requests
        self.tokens_in += paid.tokens_in
        self.tokens_out += paid.tokens_out
        if price is None or self.usd is None:
            self.usd = None
        else:
            self.usd += price.cost(paid.tokens_in, paid.tokens_out, paid.cached)

    @property
    def cards(self) -> int:
        """The number of all cards."""
        return sum(self.outcomes[name] for name in _OUTCOMES)

    @property
    def kept(self) -> float | None:
        """The share of accepted cards among those decided."""
        decided = self.outcomes["accepted"] + self.outcomes["rejected"]
        return self.outcomes["accepted"] / decided if decided else None

    @property
    def usd_each(self) -> float | None:
        """The total cost, including that of rejected cards, per accepted card."""
        accepted = self.outcomes["accepted"]
        return self.usd / accepted if self.usd is not None and accepted else None

    @property
    def name(self) -> str:
        """The drafter, model and prompt as text."""
        one = self.origin
        return " ".join(filter(None, (one.drafter or "unknown", one.model, one.prompt)))


@dataclass(slots=True)
class Group:
    """The totals of a group of cards in Anki and of their answers."""

    name: str
    label: str
    timed: bool = False
    """Whether answers are counted by day and by month, and cards by due day."""
    counts: Counter[str] = field(default_factory=Counter)
    """The numbers of `_COUNTS`, and the number of values in each of `totals`."""
    totals: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Sums of `difficulty` (FSRS, 1 to 10), `ease` (without FSRS) and `recall` (current probability)."""
    answers: Answers = field(default_factory=Answers)
    days: Counter[date] = field(default_factory=Counter)
    """The number of answers by day."""
    months: defaultdict[str, Answers] = field(default_factory=lambda: defaultdict(Answers))
    """The answers by month, such as `2026-11`."""
    due: Counter[int] = field(default_factory=Counter)
    """The number of cards by days until they are due, negative if overdue."""

    def mean(self, name: str) -> float | None:
        """Return the mean of the values in one of `totals`; None if there are none."""
        return self.totals[name] / self.counts[name] if self.counts[name] else None

    def observe(self, name: str, value: float) -> None:
        """Add a value to one of `totals`."""
        self.totals[name] += value
        self.counts[name] += 1

    @property
    def few(self) -> bool:
        """Whether the retention is based on too few answers."""
        return self.answers.tested < FEW

    @property
    def known(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.counts["cards"] or self.answers.given)

    @property
    def load(self) -> list[int]:
        """The numbers of cards due today (including overdue ones), tomorrow, and so on."""
        today = sum(many for day, many in self.due.items() if day <= 0)
        return [today, *(self.due[n] for n in range(1, AHEAD))]

    def plus(self, more: Group) -> None:
        """Add the cards and answers of another group."""
        self.counts.update(more.counts)
        for name, total in more.totals.items():
            self.totals[name] += total
        self.answers.plus(more.answers)
        if self.timed:
            self.days.update(more.days)
            self.due.update(more.due)
            for month, answers in more.months.items():
                self.months[month].plus(answers)


@dataclass(slots=True)
class Statistics:
    """The statistics of a workspace at one time."""

    choice: Choice
    days: Days
    look: LastView | None
    """None if Anki was never read."""
    dated: bool
    """Whether the due days of cards are known."""
    highlights: int | None
    """None if the selection excludes cards."""
    fates: Counter[Fate]
    """The number of highlights by fate."""
    funnel: Counter[str]
    """The number of `drafts`; of these, `accepted` and live; of these, `in Anki`; of these, `mature`."""
    drafts: list[Drafts]
    """Sorted by number of cards, descending."""
    cost: Drafts
    """The cost of all replies, and the number of accepted cards from paid drafters."""
    unpriced: list[str]
    """Models whose price is unknown."""
    total: Group
    groups: dict[str, list[Group]]
    """The groups of each dimension, sorted by number of answers, descending."""

    @property
    def steps(self) -> Iterator[tuple[str, int, str, float | None]]:
        """The steps of the funnel, as (name, count, previous step, share of the previous step)."""
        before, many_before = "", 0
        for what in ("highlights", "drafts", "accepted", "in Anki", "mature"):
            many = self.highlights if what == "highlights" else self.funnel[what]
            if many is not None:  # drafts have no share, because a highlight may have several
                share = many / many_before if many_before and what != "drafts" else None
                yield what, many, before, share
                before, many_before = what, many

    @property
    def reasons(self) -> Counter[str]:
        """The number of rejected cards by reason."""
        return sum((one.reasons for one in self.drafts), Counter())

    @property
    def overdue(self) -> int:
        """The number of cards that were due before today."""
        return sum(many for day, many in self.total.due.items() if day < 0)

    @property
    def shown_drafts(self) -> list[Drafts]:
        """The drafters that have cards or replies."""
        return [one for one in self.drafts if one.cards or one.requests]


# --- counting -------------------------------------------------------------------------------


def statistics(ledger: Ledger, choice: Choice, prices: Prices) -> Statistics:
    """Compute the statistics of a ledger."""
    collecting = gc.isenabled()
    gc.disable()  # collection would double the time: there are a million small values and no cycles
    try:
        return _statistics(ledger, choice, prices)
    finally:
        if collecting:
            gc.enable()


def _statistics(ledger: Ledger, choice: Choice, prices: Prices) -> Statistics:
    queries = ledger.queries
    calendar = queries.calendar()
    days = Days(calendar or Calendar(0), ledger.clock().timestamp())
    since = days.begin(choice.since) if choice.since else 0.0
    since_text = datetime.fromtimestamp(since, UTC).isoformat() if choice.since else ""
    funnel, drafts, sums = (
        Counter[str](),
        dict[DraftedBy, Drafts](),
        _Sums(days, dated=calendar is not None),
    )
    drafter_of: dict[str, DraftedBy] = {}  # by request
    of_reply, counted_of_reply = Counter[str](), Counter[str]()  # cards, by request
    for row in queries.cards():
        chosen = choice.matches(row) and choice.within(row.deck)
        if row.request and not row.alternative:
            of_reply[row.request] += 1
            counted_of_reply[row.request] += chosen
        if choice.matches(row):
            sums.add_card(row, choice.within)
        if chosen and not row.alternative:
            funnel["drafts"] += 1
            if row.verdict is Verdict.ACCEPTED and row.standing is Standing.LIVE:
                funnel["accepted"] += 1
                funnel["in Anki"] += row.anki.there
                mature = bool(row.cards) and all(map(is_mature, row.cards))
                funnel["mature"] += row.anki.there and mature
            if row.drafted_at >= since_text:
                drafts.setdefault(row.drafted_by, Drafts(row.drafted_by)).add(row)
                if row.request:
                    drafter_of[row.request] = row.drafted_by
    read = None if choice.partly else queries.funnel()

    # the cost of a reply is shared equally by its cards
    shares = {name: many / of_reply[name] for name, many in counted_of_reply.items() if many}
    replies = queries.replies()
    drafter_of_reply = {replies[name]: who for name, who in drafter_of.items() if name in replies}
    cost, unpriced = Drafts(DraftedBy("")), list[str]()
    for paid in queries.paid(since_text, shares if choice.partly else None):
        whose = drafter_of_reply.get((paid.model, paid.prompt)) or DraftedBy(
            "llm", paid.model, paid.prompt
        )
        price = prices(whose.model) or prices(paid.model)  # a server may use another name
        if price is None and whose.model not in unpriced:
            unpriced.append(whose.model)
        for bill in (cost, drafts.setdefault(whose, Drafts(whose))):
            bill.pay(paid, price)
    paid_for = [one for one in drafts.values() if one.requests]
    cost.outcomes["accepted"] = sum(one.outcomes["accepted"] for one in paid_for)

    sums.add_answers(queries.answers(), int(since * 1000))
    sums.close()
    by_cards = sorted(drafts.values(), key=lambda one: (-one.cards, one.origin.drafter))
    groups = {
        dimension: sorted(
            members.values(),
            key=lambda one: (-one.answers.given, -one.counts["cards"], one.label.casefold(), one.name),
        )
        for dimension, members in sums.groups.items()
    }  # fmt: skip
    return Statistics(
        choice, days, queries.last_view(), calendar is not None, read.seen if read else None,
        read.fates if read else Counter(), funnel, by_cards, cost, unpriced, sums.total, groups,
    )  # fmt: skip


def prices_by(llm: LlmSettings) -> Prices:
    """Return prices as used by a run: of the settings for their model, else as shipped."""

    def price(model: str) -> Price | None:
        ours = model == llm.model or model.startswith(f"{llm.model}-")
        if ours and llm.price_usd is not None:
            return Price(*llm.price_usd)
        return known_price(model) or (FREE if ours and is_loopback(llm.base_url) else None)

    return price


@dataclass(slots=True)
class _Alike:
    """Totals of cards that belong to the same groups, which are added to each group only once."""

    sums: Group
    groups: tuple[Group, ...]


@dataclass(slots=True)
class _Note:
    """A note, with the totals to which its cards belong and the times of their last answers."""

    row: CardRow
    alike: _Alike | None
    """The totals for its cards; None if they are not selected."""
    apart: dict[int, _Alike | None] = field(default_factory=dict)
    """By ordinal, the totals for cards in another deck than the note's."""
    last: dict[int, int] = field(default_factory=dict)
    """By ordinal, the time of the last answer in milliseconds since 1970."""


class _Sums:
    """Computes groups; add all cards first, then the answers in the order of the log, then close."""

    def __init__(self, days: Days, *, dated: bool) -> None:
        """`dated`: whether Anki's calendar is known, so that due days can be counted."""
        self.total = Group("", "all", timed=True)
        self.groups: dict[str, dict[str, Group]] = {name: {} for name in DIMENSIONS}
        self._days, self._dated = days, dated
        self._alike: dict[tuple[object, ...], _Alike] = {}
        self._notes: dict[Guid, _Note] = {}

    def add_card(self, row: CardRow, within: Callable[[str], bool]) -> None:
        """Add a card, if one of its cards in Anki is in a selected deck."""
        note = _Note(row, self._alike_of(row, row.deck) if within(row.deck) else None)
        for card in row.cards:
            if card.deck != row.deck:
                alike = self._alike_of(row, card.deck) if within(card.deck) else None
                note.apart[card.ordinal] = alike
        if note.alike or any(note.apart.values()):
            self._notes[row.guid] = note

    def _alike_of(self, row: CardRow, deck: str) -> _Alike:
        key = (deck, row.document, row.drafted_by, row.kind, row.checks)
        alike = self._alike.get(key)
        if alike is None:
            drafted_by = row.drafted_by
            places = [
                ("deck", deck, deck or "no deck yet"),
                ("document", row.document, row.title or row.document),
                ("drafter", drafted_by.drafter, drafted_by.drafter or "unknown"),
                ("kind", row.kind, row.kind),
                *((name, one, one) for name, one in (("model", drafted_by.model), ("prompt", drafted_by.prompt)) if one),
                *(("check", check, check) for check in row.checks or ("no finding",)),
            ]  # fmt: skip
            groups = [self.total]
            for dimension, name, label in places:
                made = Group(name, label, timed=dimension in _TIMED)
                groups.append(self.groups[dimension].setdefault(name, made))
            alike = self._alike[key] = _Alike(Group("", "", timed=True), tuple(groups))
        return alike

    def add_answers(self, answers: Any, since: int) -> None:
        """Count all answers since `since` (milliseconds); earlier ones only set the last answer."""
        note_of, day, month, next_day = self._notes.get, date.min, "", 0
        for moment, guid, ordinal, ease, last_interval, factor, taken, kind in answers:
            note = note_of(guid)
            if note is None:
                continue
            note.last[ordinal] = moment
            alike = note.apart.get(ordinal, note.alike)
            if moment < since or alike is None:
                continue
            if moment >= next_day:  # answers are in chronological order
                day = self._days.of(moment / 1000)
                month, next_day = f"{day.year}-{day.month:02}", self._days.end(day) * 1000
            sums = alike.sums
            sums.days[day] += 1
            sums.months[month].take(ease, last_interval, factor, taken, kind)

    def close(self) -> None:
        """Count the current state of each card, then add up the groups."""
        for note in self._notes.values():
            if note.row.cards and note.alike:
                note.alike.sums.counts["notes"] += 1
                note.alike.sums.counts["leeches"] += note.row.leech
            for card in note.row.cards:
                alike = note.apart.get(card.ordinal, note.alike)
                if alike:
                    self._count(alike.sums, card, note.last.get(card.ordinal))
        for alike in self._alike.values():
            for answers in alike.sums.months.values():
                alike.sums.answers.plus(answers)
            for group in alike.groups:
                group.plus(alike.sums)

    def _count(self, group: Group, card: SeenCard, last: int | None) -> None:
        counts = group.counts
        counts["cards"] += 1
        counts["lapses"] += card.lapses
        counts["suspended"] += card.suspended
        if card.type == 0:
            counts["new"] += 1
        elif card.type != 2:
            counts["learning"] += 1
        else:
            counts["mature" if is_mature(card) else "young"] += 1
        if card.difficulty is not None:
            group.observe("difficulty", card.difficulty)
        elif card.factor and card.type in (2, 3):
            group.observe("ease", card.factor / 1000)
        recall = retrievability(card, last / 1000, self._days.now) if last else None
        if recall is not None:
            group.observe("recall", recall)
        due = self._days.due(card) if self._dated else None
        if due is not None:
            group.due[due] += 1


# --- JSON -----------------------------------------------------------------------------------


def as_json(found: Statistics, program: str) -> dict[str, Any]:
    """Return the statistics as one JSON object; unknown values are null."""
    choice, look, total, today = found.choice, found.look, found.total, found.days.today
    funnel, since = found.funnel, choice.since.isoformat() if choice.since else None
    load = [
        {"day": (today + timedelta(days=n)).isoformat(), "cards": many}
        for n, many in enumerate(total.load)
    ]
    return {
        "as_of": look.taken_at if look else None,
        "today": today.isoformat(),
        "choice": {"deck": choice.deck, "query": choice.query, "since": since},
        "funnel": {
            "highlights": found.highlights,
            "fates": {fate.value: found.fates[fate] for fate in sorted(found.fates)},
            "drafts": funnel["drafts"],
            "accepted": funnel["accepted"],
            "in_anki": funnel["in Anki"],
            "mature": funnel["mature"],
        },
        "drafting": [
            {
                **asdict(one.origin),
                "cards": one.cards,
                **{name: one.outcomes[name] for name in (*_OUTCOMES, "by_policy", "edited")},
                "accepted_share": _rounded(one.kept),
                "reasons": dict(one.reasons.most_common()),
                **_cost_json(one),
                "cost_per_accepted_usd": _rounded(one.usd_each, 6),
            }
            for one in found.drafts
        ],
        "reasons": dict(found.reasons.most_common()),
        "cost": {
            **_cost_json(found.cost),
            "unknown_prices": found.unpriced,
            "cost_per_accepted_usd": _rounded(found.cost.usd_each, 6),
            "shared": choice.partly,
        },
        "anki": {
            **_group_json(total),
            "first": min(total.days).isoformat() if total.days else None,
            "last": max(total.days).isoformat() if total.days else None,
            "days": {day.isoformat(): many for day, many in sorted(total.days.items())},
        },
        "by": {
            name: [{"name": one.name, **_group_json(one)} for one in groups]
            for name, groups in found.groups.items()
        },
        "load": {"overdue": found.overdue, "days": load} if found.dated else None,
        "few": FEW,
        "missing": missing(found, program),
    }


def _cost_json(one: Drafts) -> dict[str, Any]:
    return {**attributes(one, "requests tokens_in tokens_out"), "cost_usd": _rounded(one.usd, 6)}


def _group_json(group: Group) -> dict[str, Any]:
    answers = group.answers
    return {
        "label": group.label,
        **{name: group.counts[name] for name in _COUNTS},
        "difficulty": _rounded(group.mean("difficulty")),
        "ease": _rounded(group.mean("ease")),
        "remembered_now": _rounded(group.mean("recall")),
        "answers": answers.given,
        "seconds": _rounded(answers.seconds, 1),
        "seconds_each": _rounded(answers.seconds_each, 1),
        **_retention_json(answers),
        "months": {
            month: {"answers": one.given, **_retention_json(one)}
            for month, one in sorted(group.months.items())
        },
        "load": group.load if group.due else [],
    }


def _retention_json(answers: Answers) -> dict[str, Any]:
    return {
        "retention": _rounded(answers.retention),
        "young_tested": answers.young,
        "young_remembered": answers.young_passed,
        "mature_tested": answers.mature,
        "mature_remembered": answers.mature_passed,
        "few": answers.tested < FEW,
    }


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


# --- words ----------------------------------------------------------------------------------


def missing(found: Statistics, program: str) -> list[str]:
    """Return notes on missing data, each with the command that provides it."""
    if found.choice.partly and not found.funnel["drafts"] and not found.total.known:
        return [f"no card matches; {program} stats counts all cards"]
    hints = []
    if found.look is None:
        hints.append(f"Anki has not been read yet, so there are no figures from it. {program} pull")
    else:
        taken = datetime.fromisoformat(found.look.taken_at).timestamp()
        age = (found.days.now - taken) / 86_400
        cards = found.total.counts["cards"]
        if age > 7:
            hints.append(f"the last look at Anki was {age:.0f} days ago: {program} pull")
        if not cards:
            hints.append(
                f"none of these cards is in Anki yet: import the package, then {program} pull"
            )
        elif not found.total.answers.given:
            hints.append(f"no answers yet: study in Anki, then {program} pull")
        if cards and not found.dated:
            hints.append(
                "due dates are not known: the last look did not show how Anki counts days."
                f" {program} pull --collection FILE"
            )
    if found.unpriced:
        names = ", ".join(found.unpriced)
        hints.append(f"the price of {names} is not known: set llm.price_usd")
    if found.choice.partly:
        hints.append("highlights are counted only for all cards together")
    return hints


def _subtitle(found: Statistics) -> Iterator[str]:
    """Yield the parts of the subtitle: the selection, and when Anki was last read."""
    choice = found.choice
    if choice.deck:
        yield f"deck {choice.deck}"
    if choice.query:
        yield choice.query
    if choice.since:
        yield f"since {choice.since}"
    if found.look is None:
        yield "Anki has not been read yet"
    else:
        taken = datetime.fromisoformat(found.look.taken_at).astimezone()
        yield f"Anki as it was on {taken:%Y-%m-%d %H:%M}"


def _hardness(group: Group) -> str:
    """Return the lapses, leeches, difficulty or ease, and current retention of a group."""
    leeches = group.counts["leeches"]
    difficulty, ease, recall = (group.mean(name) for name in ("difficulty", "ease", "recall"))
    parts = (
        counted(group.counts["lapses"], "lapse"),
        counted(leeches, "leech", "leeches"),
        "" if difficulty is None else f"difficulty {number(difficulty)} of 10",
        "" if ease is None else f"ease {percent(ease)}",
        "" if recall is None else f"about {percent(recall)} remembered now",
    )
    return ", ".join(filter(None, parts))


def _cost_each(one: Drafts) -> str:
    if not one.requests:
        return ""
    return "?" if one.usd_each is None else dollars(one.usd_each)


COLUMNS = ("cards", "mature", "answers", "retention", "s each", "lapses", "leeches")


def _row(group: Group) -> list[str]:
    """Return the cells of a group for `COLUMNS`."""
    answers, counts = group.answers, group.counts
    few = " *" if group.few and answers.tested else ""
    return [
        f"{counts['cards']:,}", f"{counts['mature']:,}", f"{answers.given:,}",
        f"{percent(answers.retention)}{few}", number(answers.seconds_each),
        f"{counts['lapses']:,}", f"{counts['leeches']:,}",
    ]  # fmt: skip


# --- text -----------------------------------------------------------------------------------

Lines = Iterator[tuple[str, bool]]
"""(line, whether it is a heading)."""


def as_text(
    found: Statistics, program: str, shown: int | None = SHOWN, width: int = WIDTH
) -> Lines:
    """Yield lines for a terminal of `width` columns, with `shown` rows of each table (None = all)."""
    yield " · ".join(("From highlight to memory", *_subtitle(found))), True
    for what, many, _, share in found.steps:
        part = "" if share is None else f"{share * 100:5.0f} %"
        yield f"  {what:11}{many:9,}{part}", False
    yield from _drafts_text(found, shown, width)
    yield from _anki_text(found)
    for name, label in DIMENSIONS.items():
        known = [one for one in found.groups[name] if one.known]
        if len(known) > 1 or (known and name == "deck"):
            yield "", False
            yield f"By {label}", True
            yield from _table((label, *COLUMNS), [[one.label, *_row(one)] for one in known], shown, width)  # fmt: skip
    if any(one.few and one.answers.tested for groups in found.groups.values() for one in groups):
        yield f"* from fewer than {FEW} answers", False
    if hints := missing(found, program):
        yield "", False
        yield "Not known", True
        yield from ((f"  {hint}", False) for hint in hints)


def _drafts_text(found: Statistics, shown: int | None, width: int) -> Lines:
    drafts, cost = found.shown_drafts, found.cost
    if not drafts:
        return
    yield "", False
    yield "What became of drafts", True
    rows = []
    for one in drafts:
        outcomes = one.outcomes
        counts = (
            one.cards,
            outcomes["accepted"],
            outcomes["edited"],
            outcomes["rejected"],
            outcomes["waiting"] + outcomes["blocked"],
        )
        cells = (f"{many:,}" for many in counts)
        rows.append([one.name, *cells, percent(one.kept), _cost_each(one)])
    heads = ("drafter", "cards", "accepted", "edited", "rejected", "waiting", "kept", "each")
    yield from _table(heads, rows, shown, width)
    if found.reasons:
        yield "  rejected because:", False
        for reason, many in found.reasons.most_common(shown):
            yield f"    {many:5,} {reason or '(no reason given)'}", False
    if cost.requests:
        replies = counted(cost.requests, "reply", "replies")
        shared = ", shared equally by their cards" if found.choice.partly else ""
        spent = "price unknown" if cost.usd is None else dollars(cost.usd)
        each = f", {dollars(cost.usd_each)} an accepted card" if cost.usd_each else ""
        tokens = f"{cost.tokens_in:,} tokens in, {cost.tokens_out:,} out"
        yield f"  {replies}{shared}, {tokens}: {spent}{each}", False


def _anki_text(found: Statistics) -> Lines:
    total, answers, counts = found.total, found.total.answers, found.total.counts
    if total.known:
        yield "", False
        yield "In Anki", True
        learnt = ", ".join(f"{counts[n]:,} {n}" for n in ("new", "learning", "young", "mature"))
        cards = counted(counts["cards"], "card")
        yield f"  {cards}: {learnt}; {counts['suspended']:,} suspended", False
        if answers.given:
            yield (
                (
                    f"  {counted(answers.given, 'answer')} on {counted(len(total.days), 'day')}"
                    f" ({min(total.days)} to {max(total.days)}): {duration(answers.seconds)},"
                    f" {number(answers.seconds_each)} s each"
                ),
                False,
            )
            yield f"  retention {_retention(answers)}", False
        yield f"  {_hardness(total)}", False
    load = total.load
    if found.dated and any(load):
        yield "", False
        late = f", {found.overdue:,} of them overdue" if found.overdue else ""
        yield f"Due in {len(load)} days: {sum(load):,} cards{late}", True
        days = ["today", *(f"{found.days.today + timedelta(days=n):%a}" for n in range(1, 7))]
        counts_by_day = (f"{day} {many:,}" for day, many in zip(days, load, strict=False))
        yield f"  {' · '.join(counts_by_day)}", False


def _by_age(answers: Answers) -> tuple[tuple[str, int, int], ...]:
    """Return (age of the cards, passed answers, tested answers) for young and mature cards."""
    young = ("young", answers.young_passed, answers.young)
    return young, ("mature", answers.mature_passed, answers.mature)


def _retention(answers: Answers) -> str:
    """Return the retention as `91 % (young 88 % of 120, mature 94 % of 340)`."""
    if answers.retention is None:
        return "– (no card was due after a day or more)"
    parts = [
        f"{what} {percent(passed / count)} of {count:,}"
        for what, passed, count in _by_age(answers)
        if count
    ]
    if answers.tested < FEW:
        parts[-1] += f", fewer than {FEW} answers"
    return f"{percent(answers.retention)} ({', '.join(parts)})"


def _table(heads: Sequence[str], rows: list[list[str]], shown: int | None, width: int) -> Lines:
    for line in table(heads, rows[:shown], width - 2):
        yield f"  {line}".rstrip(), False
    if (more := len(rows) - len(rows[:shown])) > 0:
        yield f"  … and {more:,} more: -v shows all", False
