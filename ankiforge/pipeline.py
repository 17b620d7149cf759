"""The way of a highlight, read top to bottom: propose(), then a person, then publish().

    sources ─▶ read ─▶ settle ─▶ forge (draft ─▶ check ─▶ record) ║ publish ─▶ package

Between the halves everything rests in the ledger. Whatever is interrupted goes on next time:
a document is recorded whole or not at all, and no transaction is open while a stage works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from posixpath import commonpath
from time import monotonic
from typing import TYPE_CHECKING

from ankiforge.anki.package import write_package
from ankiforge.anki.sync import CardPlan
from ankiforge.config.deckfiles import Action, DeckRule, deck_of
from ankiforge.draft import set_aside
from ankiforge.draft.rules import Rules
from ankiforge.errors import ItemError
from ankiforge.extract import program, scanned
from ankiforge.ledger import Ledger
from ankiforge.ledger.ingest import Ingested
from ankiforge.ledger.presence import Selecting
from ankiforge.ledger.queries import BY_HAND
from ankiforge.model import (
    WENT_AWAY,
    Batch,
    Checked,
    Draft,
    Drafted,
    Drafter,
    Extracted,
    Family,
    Guid,
    Highlight,
    HighlightKey,
    Problem,
    RunId,
    Scan,
    SeenType,
    Severity,
    Source,
    Task,
    Unchanged,
    Unmarked,
    h16,
)
from ankiforge.pending import again, in_place_of, pending, share, unwritten
from ankiforge.sync import picture_fault

if TYPE_CHECKING:
    from ankiforge import check


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked to do."""

    sources: tuple[Source, ...]
    drafter: Drafter
    """Draws what no person wrote as a card already."""
    drafter_name: str
    """`rules`, or the model's name."""
    accepts: Callable[[Draft], bool]
    """Whether policy lets a clean draft through."""
    decks: tuple[DeckRule, ...]
    deck: str = ""
    """The deck for new cards, in place of what the deck files say and their documents have."""
    limit: int | None = None
    """At most so many highlights are drafted, beside cards written by hand; None = all, 0 = nothing
    at all."""
    only: frozenset[HighlightKey] = frozenset()
    """Only these are drafted; none = all."""
    remark: str = ""
    """What a person wants of the new cards, asking again."""
    instead: tuple[tuple[Guid, str], ...] = ()
    """Cards that fail, of the passages of `only`, each with its remark: these ask for another card."""
    limits: check.Limits | None = None
    """The numbers and severities of the checks."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What happened to one document, or (with `settled`) to the reading as a whole."""

    document: str = ""
    drafted: int = 0
    revised: int = 0
    merged: int = 0
    flooded: int = 0
    settled: Ingested | None = None
    problems: tuple[Problem, ...] = ()
    highlights: int = 0
    """How many were drafted, or found to yield nothing."""


# --- the first half -------------------------------------------------------------------------


def propose(job: Job, ledger: Ledger, run: RunId) -> Iterator[Progress]:
    """Read all sources, then draft what is new or changed, document by document."""
    yield from read(job, ledger, run)
    yield from forge(job, ledger, run)


def read(job: Job, ledger: Ledger, run: RunId) -> Iterator[Progress]:
    """Take every source into the ledger; keys are issued when all were read."""
    found = Read()
    yield from sight(job, ledger, run, found)
    yield from settle(ledger, run, found)


@dataclass(slots=True)
class Read:
    """What sources have told beside their documents."""

    scans: list[Scan] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    selecting: dict[str, Selecting] = field(default_factory=dict)
    """By container: the settings that decide what is read, and what they leave out."""


def sight(job: Job, ledger: Ledger, run: RunId, found: Read) -> Iterator[Progress]:
    """Stage what the sources yield."""
    ledger.ingest.begin(run, _salt(job))
    for source in job.sources:
        gone: list[Problem] = []
        for sighting in scanned(source, ledger.ingest.known):
            if isinstance(sighting, (Unchanged, Unmarked)):
                ledger.ingest.add(run, sighting)
            elif isinstance(sighting, Extracted):
                ledger.ingest.add(run, _with_skips(job, sighting))
                unkept = ledger.pictures.keep(sighting.pictures)
                yield Progress(sighting.document.title, problems=unkept)
            elif isinstance(sighting, Problem):
                found.problems += [] if sighting.notice else [sighting]
                if sighting.what == WENT_AWAY:
                    gone.append(sighting)
                else:
                    yield Progress(problems=(sighting,))
            else:
                found.scans.append(sighting)
                if reread := getattr(source, "unselected", None):
                    settings: str = source.selection  # type: ignore[attr-defined]
                    found.selecting[sighting.container] = Selecting(settings, reread)
        if gone:
            yield Progress(problems=(_as_one(gone),))


def _salt(job: Job) -> str:
    """Differs once documents say something else though they are as they were.

    That is the program, and the deck files as far as they leave highlights out.
    """
    fitting = [(repr(rule.select), rule.skipped) for rule in job.decks]
    last = max((n for n, (_, skipped) in enumerate(fitting, 1) if skipped), default=0)
    return h16(program(), repr(fitting[:last]))


def _as_one(gone: Sequence[Problem]) -> Problem:
    """What is said of files that went away while a source was read: a folder was renamed."""
    if len(gone) == 1:
        return gone[0]
    try:
        where = commonpath([one.where for one in gone]) or gone[0].where
    except ValueError:  # not all of them below one folder
        where = gone[0].where
    return Problem(where, f"{len(gone):,} files went away while they were read", gone[0].hint)


def settle(ledger: Ledger, run: RunId, found: Read) -> Iterator[Progress]:
    """Give what was staged its keys."""
    settled = ledger.ingest.finish(
        run, found.scans, found.problems, ledger.clock(), selecting=found.selecting
    )
    ledger.recovery.settle(run)
    yield Progress(settled=settled, problems=settled.problems)


def _with_skips(job: Job, extracted: Extracted) -> Extracted:
    """Highlights that must not become cards, by a comment or by their colour, say so."""
    return replace(
        extracted, highlights=tuple(_with_skip(job, found) for found in extracted.highlights)
    )


def _with_skip(job: Job, highlight: Highlight) -> Highlight:
    why = set_aside(highlight) if highlight.instructs else highlight.skip
    if why.startswith("skip"):
        return replace(highlight, skip=why)
    if deck_of(job.decks, highlight.document, highlight).action is Action.SKIP:
        return replace(highlight, skip=f"skip: its colour ({highlight.colour})")
    return highlight


def forge(job: Job, ledger: Ledger, run: RunId, *, only_read: bool = True) -> Iterator[Progress]:
    """Draft what is pending: cards written by hand by the rules, the rest by the drafter.

    `only_read`: only what this run has read; else all the ledger knows.
    """
    if job.limit == 0:
        return
    checking = Checking(job, ledger, run)
    if made := ledger.placer.bring_back_made(run, partial(_deck_of, job)):
        yield Progress(drafted=made)
    yield from _drafted(job, ledger, checking, run if only_read else None)
    while checking.parted:  # a revision left highlights merged into its card without one
        alone = replace(job, only=frozenset(checking.parted))
        checking.parted.clear()
        yield from _drafted(alone, ledger, checking, None)
    if back := ledger.placer.bring_back(run, partial(_deck_of, job)):
        yield Progress(drafted=back)
    _recheck_named(ledger)


def _recheck_named(ledger: Ledger) -> None:
    """Judge pairs of cards again of which one was reworded; the checks are loaded only if there are."""
    if ledger.duplicates.reworded():
        from ankiforge.recheck import recheck_named

        recheck_named(ledger)


def _deck_of(job: Job, highlight: Highlight) -> str:
    """Where its cards go: as its document asks, else as the job says, else by the deck files."""
    chosen = deck_of(job.decks, highlight.document, highlight).deck
    return chosen if highlight.document.deck else job.deck or chosen


def _drafted(
    job: Job, ledger: Ledger, checking: Checking, scope: RunId | None
) -> Iterator[Progress]:
    written = share(pending(ledger, scope, job.drafter_name), job.only, by_hand=True)
    yield from checking.take(Rules().draft(written), BY_HAND)
    rest = unwritten(ledger, scope, job.drafter_name, job.limit, job.only, job.decks)
    yield from checking.take(job.drafter.draft(rest), job.drafter_name)


def redraw(job: Job, ledger: Ledger, run: RunId, drafters: Iterable[Drafter]) -> Iterator[Progress]:
    """Draft the passages of `job.only` once more, as a person asks: beside what there is.

    Or, of `job.instead`, in the place of a card, which stands until a person takes the new one.
    Each drafter is given what those before it drew nothing new for. Policy accepts none of it.
    """
    checking = Checking(replace(job, accepts=lambda draft: False), ledger, run)
    left, said = job.only, dict[HighlightKey, str]()
    for drafter in drafters:
        before = {key: ledger.cards.of_highlight(key) for key in left}
        drawn = drafter.draft(_asked(job, ledger, left))
        yield from checking.take(_noting(drawn, said), job.drafter_name)
        left = frozenset(key for key in left if ledger.cards.of_highlight(key) == before[key])
    others = "its passage is not there now" if job.limit is None else ""
    yield Progress(
        problems=tuple(_nothing_new(ledger, {key: said.get(key, others) for key in left}))
    )
    _recheck_named(ledger)


def _asked(job: Job, ledger: Ledger, left: frozenset[HighlightKey]) -> Iterator[Task]:
    """What is asked once more, of these passages."""
    if not job.instead:
        return again(ledger, left, job.decks, job.remark, job.limit)
    cards = (one for one in job.instead if ledger.cards.get(one[0]).highlight.key in left)
    return in_place_of(ledger, cards, job.decks, job.limit)


def _noting(results: Iterable[Drafted], said: dict[HighlightKey, str]) -> Iterator[Drafted]:
    """The results; `said` is told why there is no card, "" where that is a problem by itself."""
    for drafted in results:
        said |= {one.key: "it would be what is here already" for one in drafted.task.highlights}
        said |= {none.highlight: none.reason for none in drafted.no_cards}
        said |= {key: "" for key, _ in drafted.failed}
        yield drafted


def _nothing_new(ledger: Ledger, said: Mapping[HighlightKey, str]) -> Iterator[Problem]:
    for key, why in sorted(said.items()):
        highlight = ledger.highlights.get(key)
        if highlight and why:
            yield Problem(highlight.document.title, f"no new card: {why}", notice=True)


BATCH_DOCUMENTS = 50
BATCH_SECONDS = 0.2
"""A batch is one transaction of so many documents, or of so long: others wait that long to write."""


class Checking:
    """Where drafts are checked, given a deck and recorded, a document at a time.

    The checks are loaded with the first draft: a run that finds nothing new does without.
    """

    def __init__(self, job: Job, ledger: Ledger, run: RunId) -> None:
        self._job = job
        self._ledger = ledger
        self._run = run
        self.parted: set[HighlightKey] = set()
        """Highlights whose card says something else by now; to be drafted for themselves."""

    def take(self, results: Iterable[Drafted], name: str) -> Iterator[Progress]:
        """Check and record what the drafter called `name` has drawn, as it comes.

        What rules drafted costs nothing to draft again: several documents are one transaction. A
        model's drafts are committed one by one.
        """
        results = iter(results)
        together = BATCH_DOCUMENTS if name == BY_HAND else 1
        while drafted := next(results, None):
            done: list[Progress] = []
            with self._ledger.writer.batch():
                latest = monotonic() + BATCH_SECONDS
                while drafted:
                    done.append(self._record(drafted, name))
                    full = len(done) >= together or monotonic() > latest
                    drafted = None if full else next(results, None)
            yield from done

    def _record(self, drafted: Drafted, name: str) -> Progress:
        recorded = self._ledger.recorder.record(self._run, self._batch(drafted, name))
        self.parted.update(recorded.parted)
        return Progress(
            drafted.task.document.title,
            recorded.drafted,
            recorded.revised,
            recorded.merged,
            recorded.flooded,
            problems=drafted.problems,
            highlights=len(drafted.task.highlights),
        )

    @cached_property
    def _known(self) -> check.DuplicateIndex:
        """The cards there are."""
        from ankiforge import check

        return check.DuplicateIndex(self._ledger.duplicates)

    @cached_property
    def _names(self) -> check.Names:
        """The names in lines `name:: value` of all that was read, now or before."""
        from ankiforge import check

        return check.Names(self._ledger.highlights.on_lines())

    def _batch(self, drafted: Drafted, name: str) -> Batch:
        from ankiforge import check

        highlights = {highlight.key: highlight for highlight in drafted.task.highlights}
        # What these cards say now is about to change.
        cards = [card for key in highlights for card in self._ledger.cards.of_highlight(key)]
        self._known.refresh({card.guid for card in cards if card.highlight.key in highlights})
        here = check.DuplicateIndex()
        labelled = [(f"draft {number}", draft) for number, draft in enumerate(drafted.drafts)]
        limits, siblings = self._job.limits or check.Limits(), check.Siblings(labelled)
        checked = []
        for label, draft in labelled:
            highlight = highlights[draft.highlight]
            context = check.Context(
                highlight, self._known, here, limits, siblings, self._names,
                partial(picture_fault, self._ledger, highlight),
            )  # fmt: skip
            checked.append(self._checked(draft, context, here, label))
        return Batch(drafted.task, name, tuple(checked), drafted.no_cards, drafted.failed)

    def _checked(
        self, draft: Draft, context: check.Context, here: check.DuplicateIndex, label: str
    ) -> Checked:
        from ankiforge import check

        highlight = context.highlight
        findings = check.check(draft, context)
        blocked = any(finding.severity is Severity.BLOCK for finding in findings)
        repeats: str | None = None
        if not blocked:
            repeats = self._known.exact(draft, highlight.key) or here.exact(draft, highlight.key)
        here.add(label, highlight.key, draft)
        clean = all(finding.severity is Severity.INFO for finding in findings)
        return Checked(
            draft,
            findings,
            accept=clean and self._job.accepts(draft),
            repeats=repeats or "",
            label=label,
            deck=_deck_of(self._job, highlight),
            deck_asked=bool(self._job.deck) and not highlight.document.deck,
        )


# --- the second half ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Published:
    """What one package holds."""

    path: Path
    notes: int
    added: int
    """Never in a package before."""
    updated: int
    """In an earlier package with other words."""
    problems: tuple[Problem, ...] = ()
    """Cards that Anki would not take; pictures that could not be had, their cards go without."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Cards that are to lie in one package."""

    path: Path
    plans: tuple[CardPlan, ...]


def publish(
    ledger: Ledger, run: RunId, parcels: Iterable[Parcel], types: Mapping[Family, SeenType]
) -> Iterator[Published]:
    """Write packages, each whole or not at all, and remember what they hold.

    A card that Anki would not take is a problem, the others go. A revision is on record before
    its package takes its place: no number ever stands for two texts, wherever the power fails.
    """
    for parcel in parcels:
        packed = [one for one in parcel.plans if one.note and one.shipment]
        problems = tuple(problem for one in parcel.plans for problem in one.problems)
        failed = _written(ledger, run, parcel.path, packed, types) if packed else None
        if failed or not packed:
            yield Published(parcel.path, 0, 0, 0, (*problems, *([failed] if failed else [])))
            continue
        new = [one.shipment for one in packed if one.shipment and not one.shipment.rev]
        added = sum(1 for shipment in new if shipment.first)
        yield Published(parcel.path, len(packed), added, len(new) - added, problems)


def _written(
    ledger: Ledger,
    run: RunId,
    path: Path,
    packed: list[CardPlan],
    types: Mapping[Family, SeenType],
) -> Problem | None:
    """Put a package in its place; a problem if that cannot be, the old one as it was."""
    beside = path.with_name(f".{path.name}.part")
    try:
        write_package(beside, (one.note for one in packed if one.note), types)
        ledger.packages.ship(run, str(path), [one.shipment for one in packed if one.shipment])
        beside.replace(path)
    except ItemError as error:
        what = error.message.replace(str(beside), str(path)).removeprefix(f"{path}: ")
        return Problem(str(path), what, error.hint)
    except OSError as error:
        what = f"cannot be replaced: {error.strerror or error}"
        return Problem(str(path), what, "close what has it open, then: ankiforge build")
    finally:
        beside.unlink(missing_ok=True)
    return None
