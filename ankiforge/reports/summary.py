"""The results of a run, and the fate of every highlight, as JSON and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ankiforge.ledger import Ledger
from ankiforge.ledger.ingest import Ingested
from ankiforge.ledger.queries import Funnel, WithoutCard
from ankiforge.model import AnkiState, Fate, HighlightKey, Problem, RunId, Severity
from ankiforge.pipeline import Progress, Published
from ankiforge.reports.cards import Reason, attributes, reasons, reasons_by_key, titled, why_waiting
from ankiforge.text.display import counted, dollars, on_one_line, shortened

if TYPE_CHECKING:
    from ankiforge.anki.sync import CardPlan
    from ankiforge.draft.budget import Usage
    from ankiforge.sync import PushResult, SyncResult

LISTED = 10
"""The maximum number of highlights without a card that are listed; `list --no-card` lists all."""
REASONS = 5
"""The maximum number of reasons for waiting that are shown separately."""


@dataclass(slots=True)
class Tally:
    """The totals of one run."""

    ingested: Ingested = field(default_factory=Ingested)
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    absent: bool = False
    """Whether a source could not be read."""
    blind: bool = False
    """Whether reading Anki was attempted and failed."""
    anki: Counter[str] = field(default_factory=Counter)
    """Numbers of cards in Anki: held, conflicts, missing, tombstones."""
    reasons: Counter[str] = field(default_factory=Counter)
    """The number of held cards by reason."""
    retired: int = 0
    """The number of retired cards that get a tag in Anki."""
    incomplete: bool = False
    """Whether a card, or one of its pictures, could not be written."""
    deck_notices: list[Problem] = field(default_factory=list)
    """Notices about the effect of `--deck`, which are shown once."""
    plans: tuple[CardPlan, ...] = ()
    aside: tuple[Path, ...] = ()
    """Packages that were renamed because Anki has all their notes, under the new name."""
    stale: tuple[Path, ...] = ()
    """Packages that were renamed because none of their cards is accepted now, under the new name."""
    pushed: PushResult | None = None
    """The result of a push; None if nothing was pushed."""

    def record_sync(self, result: SyncResult, ledger: Ledger) -> None:
        """Add the outcome of reading Anki."""
        self.blind = result.blind
        self.problems += [result.problem] if result.problem else []
        self.anki["missing"] = ledger.views.count(AnkiState.MISSING)
        self.anki["tombstones"] = ledger.views.count(AnkiState.TOMBSTONE)

    def add_plans(self, plans: Iterable[CardPlan]) -> None:
        """Add the plans of cards to ship, and count the cards that are held."""
        from ankiforge.anki.notes import RETIRED

        planned = tuple(plans)
        self.plans += planned
        for one in planned:
            self.anki["held"] += bool(one.held)
            self.anki["conflicts"] += bool(one.conflicts)
            self.reasons[one.held] += bool(one.held)
            self.retired += one.note is not None and RETIRED in one.note.tags

    def add(self, progress: Progress) -> None:
        """Add the progress of one step."""
        self.ingested = progress.ingested or self.ingested
        for name in ("drafted", "revised", "merged", "answers_changed", "flooded"):
            self.counts[name] += getattr(progress, name)
        self.problems += [one for one in progress.problems if one not in self.problems]

    def take(self, published: Published) -> None:
        """Add the result of one package, without a second problem about the same file or folder."""
        if published.notes:
            self.published.append(published)
        self.incomplete |= bool(published.problems)
        known = {one.where for one in self.problems}
        self.problems += [
            one for one in dict.fromkeys(published.problems) if one.where not in known
        ]

    @property
    def to_import(self) -> list[Published]:
        """The packages to import by hand: all of them, or those left after a push."""
        return [one for one in self.published if not self.pushed or one.path.exists()]

    @property
    def failed(self) -> bool:
        """Whether there are problems other than notices."""
        return any(not problem.notice for problem in self.problems)

    @property
    def nothing_new(self) -> bool:
        """Whether the run changed nothing."""
        read = self.ingested
        changed = read.new or read.changed or read.gone or self.counts.total() or self.failed
        return not changed and not any(one.added or one.updated for one in self.published)


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary of a run."""

    tally: Tally
    funnel: Funnel
    cards: dict[str, int]
    usage: Usage | None = None
    unread: int = 0
    """The number of notes in the packages whose passages this run did not read or found gone."""
    waiting: tuple[Reason, ...] = ()
    """The reasons for which cards wait for a person, most frequent first."""

    @property
    def nothing_new(self) -> bool:
        """Whether the run changed nothing and sent no request to a model."""
        return self.tally.nothing_new and not (self.usage and self.usage.requests)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object that `run`, `draft` and `build` print."""
        read, counts = self.tally.ingested, self.tally.counts
        return {
            "highlights": {
                "seen": self.funnel.seen,
                **attributes(read, "new changed gone unchanged"),
            },
            "not_selected": read.unselected,
            "fates": {fate.value: self.funnel.fates[fate] for fate in Fate},
            "no_card": dict(sorted(self.funnel.reasons.items(), key=lambda kv: (-kv[1], kv[0]))),
            "cards": {
                **{
                    name: counts[name]
                    for name in ("drafted", "revised", "merged", "answers_changed")
                },
                **self.cards,
            },
            "waiting": {one.name: len(one.cards) for one in self.waiting},
            "notes": notes_json(self.tally),
            "packages": [str(one.path) for one in self.tally.to_import],
            "llm": self._llm(),
            "problems": [
                attributes(p, "where what hint notice")
                for p in (*self.tally.problems, *self.tally.deck_notices)
            ],
        }

    def _llm(self) -> dict[str, Any]:
        names = ("requests", "cached", "tokens_in", "tokens_out", "cost_usd")
        more = ("saved_tokens", "saved_usd")
        return {name: getattr(self.usage, name, 0) for name in (*names, *more)}


def notes_json(tally: Tally) -> dict[str, int]:
    """Return the numbers of notes in packages or of a push, and in Anki (0 if it was not read)."""
    published = tally.published
    came: Iterable[PushResult | Published] = [tally.pushed] if tally.pushed else published
    return {
        "written": sum(one.notes for one in published),
        "added": sum(one.added for one in came),
        "updated": sum(one.updated for one in came),
        **{name: tally.anki[name] for name in ("held", "missing", "conflicts", "tombstones")},
    }


def summarize(
    ledger: Ledger, run: RunId | None, tally: Tally, usage: Usage | None = None
) -> Summary:
    """Summarise a run; without `run`, over all highlights of the ledger."""
    packed = {guid for one in tally.published for guid in ledger.packages.roster(str(one.path))}
    unread = len(packed - ledger.cards.of_run(run)) if run else 0
    waiting = reasons(ledger, run)
    return Summary(
        tally, ledger.queries.funnel(run), ledger.queries.card_counts(run), usage, unread, waiting
    )


NOTHING_MARKED = """
No highlights found. What counts: highlights and comments in a PDF or in Zotero; in notes
==marks==, question::answer lines, {{gaps}} and glossary lists; in clippings and exports each
highlight (docs/reading.md)."""

# --- text -----------------------------------------------------------------------------------


def as_text(summary: Summary, ledger: Ledger, program: str = "ankiforge") -> Iterator[str]:
    """Yield the lines of the summary, with the reason for every highlight without a card."""
    funnel, read, counts = summary.funnel, summary.tally.ingested, summary.tally.counts
    change = (f"{read.new} new", f"{read.changed} changed", f"{read.gone} gone")
    changes = ", ".join(part for part in change if not part.startswith("0 "))
    yield f"{_numbered(funnel.seen, 'highlight')} found" + (f"  ({changes})" if changes else "")
    if read.unselected:
        are, their = ("is", "its") if read.unselected == 1 else ("are", "their")
        left_out = f"{are} not selected by the settings; {their} cards stay as they are"
        yield f"{_numbered(read.unselected, 'highlight')} {left_out}"
    if funnel.seen:
        made = [f"{counts['drafted']} drafted"]
        made += [f"{counts[name]} {name}" for name in ("revised", "merged") if counts[name]]
        count = sum(summary.cards[name] for name, _ in CARDS)
        yield f"{_numbered(count, 'card')}  ({', '.join(made)} in this run)"
        for name, says in CARDS:
            if summary.cards[name]:
                yield f"{summary.cards[name]:10} {says}"
    yield from _notes(summary, program)
    if read.changed and (count := len(ledger.queries.unsupported())):
        stay = (
            "card stays, although its passage says"
            if count == 1
            else "cards stay, although their passages say"
        )
        yield f"{count:6} {stay} something else now: {program} list finding:source_changed"
    yield from _model(summary.usage)
    if funnel.seen:
        yield from _without(summary, ledger, program)
    elif not (summary.tally.failed or summary.tally.absent):
        yield NOTHING_MARKED


def _notes(summary: Summary, program: str) -> Iterator[str]:
    """Yield lines about the packages written, and about accepted cards that need attention."""
    published, cards = summary.tally.published, summary.cards
    for one in published:
        where = f" to {one.path.name}" if len(published) > 1 else ""
        changed = f"({one.added} new, {one.updated} updated)"
        yield f"{_numbered(one.notes, 'note')} written{where}  {changed}"
    if summary.unread:
        yield f"{summary.unread:10} of them from highlights that this run did not find"
    yield from anki_text(summary.tally)
    if count := cards["revisions"]:
        wait = "correction waits" if count == 1 else "corrections wait"
        yield f"{count:6} {wait} for you: {program} review"
    if count := summary.tally.counts["answers_changed"]:
        yield f"{count:6} with a corrected answer; Anki keeps the schedule: {program} list finding:answer_changed"
    if count := cards["sourceless"]:
        stay = (
            "card stays, although its highlight is gone"
            if count == 1
            else "cards stay, although their highlights are gone"
        )
        yield f"{count:6} {stay}: {program} list finding:source_gone"


def anki_text(tally: Tally) -> Iterator[str]:
    """Yield lines about notes that are not updated in Anki, or that need a person."""
    for why, count in tally.reasons.items():
        if count:
            yield f"{_numbered(count, 'note')} held: {why}"
    if tally.anki["conflicts"]:
        yield (
            f"{_numbered(tally.anki['conflicts'], 'conflict')}: you and the source changed the same"
            " note. Yours is kept. See: ankiforge list anki:held, then: ankiforge resolve ID"
        )
    if tally.retired:
        from ankiforge.anki.notes import RETIRED

        yield (
            f"{_numbered(tally.retired, 'note')} retired here but still in Anki. After the import, search"
            f" there for tag:{RETIRED}"
        )
    for path in tally.aside:
        yield f"nothing to import: Anki has every card. The last package was renamed to {path.name}"
    for path in tally.stale:
        yield f"no card of the last package is accepted now. It was renamed to {path.name}"


def push_text(pushed: PushResult) -> str:
    """Return the result of a push, such as `in Anki: 1 new note, 2 updated`."""
    return f"in Anki: {counted(pushed.added, 'new note')}, {pushed.updated:,} updated"


def _model(usage: Usage | None) -> Iterator[str]:
    """Yield lines about the requests to the model, their cost, and the savings by cached replies."""
    if usage and usage.requests:
        tokens = f"{usage.tokens_in:,} tokens in, {usage.tokens_out:,} out"
        cost = "price unknown" if usage.cost_usd is None else dollars(usage.cost_usd)
        yield f"{_numbered(usage.requests, 'request')} to the model: {tokens}: {cost}"
    if usage and usage.cached:
        saved = f", {dollars(usage.saved_usd)}" if usage.saved_usd else ""
        yield (
            f"{usage.cached:6} {'reply' if usage.cached == 1 else 'replies'} reused:"
            f" {usage.saved_tokens:,} tokens{saved} saved"
        )


def _numbered(number: int, what: str) -> str:
    return f"{number:6} {what}" + ("" if number == 1 else "s")


CARDS = (
    ("ready", "accepted"),
    ("waiting", "waiting for you"),
    ("blocked", "blocked by a check"),
    ("retired", "retired"),
)
FATES = {
    Fate.IGNORED: "no card",
    Fate.FAILED: "failed",
    Fate.CARDED: "accepted",
    Fate.WAITING: "waiting for you",
    Fate.BLOCKED: "blocked",
    Fate.NO_CARD: "no card",
}


def _without(summary: Summary, ledger: Ledger, program: str) -> Iterator[str]:
    funnel = summary.funnel
    if not funnel.without:
        return
    yield ""
    count = counted(len(funnel.without), "highlight")
    if summary.nothing_new:
        yield f"{count} without an accepted card, as before: {program} list --no-card"
        return
    yield f"{count} without an accepted card:"
    by_key = reasons_by_key(summary.waiting)
    shown = {one.says: one for one in summary.waiting[:REASONS]}
    groups: dict[tuple[Fate, str], list[WithoutCard]] = {}
    for without in funnel.without:
        reason = _for_any(without)
        if without.fate is Fate.WAITING and without.key in by_key:
            reason = by_key[without.key].says
            if reason not in shown:
                reason = f"other reasons: {program} list verdict:pending -v"
        groups.setdefault((without.fate, reason), []).append(without)
    for (fate, reason), members in sorted(groups.items(), key=lambda kv: -len(kv[1])):
        if len(members) == 1 and fate is not Fate.WAITING:
            reason = members[0].reason
        yield f"{len(members):6} {FATES[fate]}: {reason}"
        if len(funnel.without) <= LISTED:
            yield from (f"         {place_of(ledger, without.key)}" for without in members)
        if fate is Fate.WAITING and reason in shown and len(members) > 1:
            does, command = shown[reason].command
            yield from [f"       {does}: {program} {command}"] if command else []
    if len(funnel.without) > LISTED:
        yield f"       each of them: {program} list --no-card"


def _for_any(without: WithoutCard) -> str:
    """Return the reason with KEY in place of the highlight's key, to group equal reasons."""
    if f" {without.key}" not in without.reason:
        return without.reason
    return without.reason.replace(without.key, "KEY (keys: list --no-card)")


def reason_of(ledger: Ledger, without: WithoutCard) -> str:
    """Return why a highlight has no ready card: the findings about its waiting card, if any."""
    severities = {Fate.BLOCKED: Severity.BLOCK, Fate.WAITING: Severity.WARN}
    wanted = severities.get(without.fate)
    cards = ledger.cards.of_highlight(without.key) if wanted else []
    messages = [f.message for card in cards for f in card.leading.findings if f.severity is wanted]
    messages = messages or [words for card in cards if (words := why_waiting(card))]
    return "; ".join(dict.fromkeys(messages)) or without.reason


def place_of(ledger: Ledger, key: HighlightKey) -> str:
    """Return the location and the first words of a highlight in one line."""
    highlight = ledger.highlights.get(key)
    assert highlight is not None
    words = on_one_line(highlight.exact or highlight.comment or highlight.kind)
    return f"{titled(highlight)}: {shortened(words, 60)}"
