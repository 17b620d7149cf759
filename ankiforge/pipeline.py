"""The pipeline of a run, read top to bottom: `propose` drafts cards, `publish` ships accepted ones.

    sources ─▶ ingest ─▶ draft ─▶ check ─▶ record ║ a person reviews ║ plan ─▶ package

Between the two halves everything is stored in the ledger. An interrupted run is resumed by the next
one: a document is recorded whole or not at all, and no transaction is open while a stage works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from posixpath import commonpath
from time import monotonic
from typing import TYPE_CHECKING

from ankiforge.anki.package import write_package
from ankiforge.anki.sync import CardPlan
from ankiforge.config.deckfiles import Action, DeckRule, deck_of
from ankiforge.draft import skip_reason
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
from ankiforge.pending import again, pending, replacement_tasks, share, unwritten
from ankiforge.sync import picture_fault

if TYPE_CHECKING:
    from ankiforge import check


@dataclass(frozen=True, slots=True)
class Job:
    """The parameters of a run."""

    sources: tuple[Source, ...]
    drafter: Drafter
    """Drafts all highlights except cards that a person wrote in the source."""
    drafter_name: str
    """`rules`, or the model's name."""
    accepts: Callable[[Draft], bool]
    """Whether policy accepts a draft without findings."""
    decks: tuple[DeckRule, ...]
    deck: str = ""
    """The deck of new cards; precedes the deck files and the decks of documents."""
    limit: int | None = None
    """How many highlights to draft, not counting cards written by hand; None = all, 0 = draft nothing,
    not even these.
    """
    only: frozenset[HighlightKey] = frozenset()
    """Draft only these highlights; empty = all."""
    remark: str = ""
    """A person's instructions for a redraft."""
    instead: tuple[tuple[Guid, str], ...] = ()
    """(guid, remark) of problem cards among the passages of `only`, each to be replaced by a new card."""
    confirmed: int = 0
    """So many documents of a source, which are gone at once, were deleted on purpose."""
    limits: check.Limits | None = None
    """Thresholds and severities of the checks; None = those that are shipped."""
    in_progress: Callable[[Highlight], bool] = lambda highlight: False
    """Whether a person is still writing where a highlight stands: policy decides on its cards later."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The result for one document or, with `ingested`, for the ingest of all sources."""

    document: str = ""
    drafted: int = 0
    revised: int = 0
    merged: int = 0
    flooded: int = 0
    ingested: Ingested | None = None
    problems: tuple[Problem, ...] = ()
    highlights: int = 0
    """Highlights that were drafted, or found to yield no card."""


# --- the first half -------------------------------------------------------------------------


def propose(job: Job, ledger: Ledger, run: RunId) -> Iterator[Progress]:
    """Ingest all sources, then draft new and changed highlights, document by document."""
    yield from ingest(job, ledger, run)
    yield from draft_pending(job, ledger, run)
    # Of a watcher that was stopped before its notes were quiet.
    ledger.recorder.accept_deferred(run, job.accepts)


def ingest(job: Job, ledger: Ledger, run: RunId) -> Iterator[Progress]:
    """Read what has changed in the sources; issue keys when all of them have been listed."""
    scans: list[Scan] = []
    problems: list[Problem] = []
    selecting: dict[str, Selecting] = {}
    ledger.ingest.begin(run, _salt(job))
    for source in job.sources:
        went_away: list[Problem] = []
        for found in scanned(source, ledger.ingest.known):
            if isinstance(found, (Unchanged, Unmarked)):
                ledger.ingest.add(run, found)
            elif isinstance(found, Extracted):
                ledger.ingest.add(run, _with_skips(job, found))
                yield Progress(found.document.title, problems=ledger.pictures.keep(found.pictures))
            elif isinstance(found, Problem):
                problems += [] if found.notice else [found]
                if found.what == WENT_AWAY:
                    went_away.append(found)
                else:
                    yield Progress(problems=(found,))
            else:
                scans.append(found)
                if reread := getattr(source, "unselected", None):
                    settings: str = source.selection  # type: ignore[attr-defined]
                    selecting[found.container] = Selecting(settings, reread)
        if went_away:
            yield Progress(problems=(_combined(went_away),))
    ingested = ledger.ingest.finish(
        run, scans, problems, ledger.clock(), selecting=selecting, confirmed=job.confirmed
    )
    ledger.recovery.mark_unchanged_drafted(run)
    yield Progress(ingested=ingested, problems=ingested.problems)


def _salt(job: Job) -> str:
    """Return a hash that changes when unchanged documents have to be ingested again.

    It covers the program's version, and the deck files as far as they skip highlights.
    """
    fitting = [(repr(rule.select), rule.skipped) for rule in job.decks]
    last = max((n for n, (_, skipped) in enumerate(fitting, 1) if skipped), default=0)
    return h16(program(), repr(fitting[:last]))


def _combined(gone: Sequence[Problem]) -> Problem:
    """Return one problem for all files that vanished while a source was read: a folder was renamed."""
    if len(gone) == 1:
        return gone[0]
    try:
        where = commonpath([one.where for one in gone]) or gone[0].where
    except ValueError:  # not all of them below one folder
        where = gone[0].where
    return Problem(where, f"{len(gone):,} files went away while they were read", gone[0].hint)


def _with_skips(job: Job, extracted: Extracted) -> Extracted:
    """Set `skip` on highlights that a comment or their colour excludes."""
    return replace(
        extracted, highlights=tuple(_with_skip(job, found) for found in extracted.highlights)
    )


def _with_skip(job: Job, highlight: Highlight) -> Highlight:
    why = skip_reason(highlight) if highlight.instructs else highlight.skip
    if why.startswith("skip"):
        return replace(highlight, skip=why)
    if deck_of(job.decks, highlight.document, highlight).action is Action.SKIP:
        return replace(highlight, skip=f"skip: its colour ({highlight.colour})")
    return highlight


def draft_pending(
    job: Job, ledger: Ledger, run: RunId, *, only_read: bool = True
) -> Iterator[Progress]:
    """Draft what is pending: cards written by hand with the rules, the rest with the drafter.

    `only_read`: only what this run read; else everything in the ledger.
    """
    if job.limit == 0:
        return
    recorder = DraftRecorder(job, ledger, run)
    if made := ledger.placer.bring_back_made(run, partial(_deck_of, job)):
        yield Progress(drafted=made)
    yield from _drafted(job, ledger, recorder, run if only_read else None)
    while (
        recorder.unmerged
    ):  # a revision left highlights that were merged into its card without one
        alone = replace(job, only=frozenset(recorder.unmerged))
        recorder.unmerged.clear()
        yield from _drafted(alone, ledger, recorder, None)
    if back := ledger.placer.bring_back(run, partial(_deck_of, job)):
        yield Progress(drafted=back)
    _recheck_named(ledger)


def _recheck_named(ledger: Ledger) -> None:
    """Judge pairs of cards again of which one was reworded; the checks are loaded only if there are."""
    if ledger.duplicates.reworded():
        from ankiforge.recheck import recheck_named

        recheck_named(ledger)


def _deck_of(job: Job, highlight: Highlight) -> str:
    """Return the deck for a highlight's cards: its document's, else the job's, else the deck files'."""
    chosen = deck_of(job.decks, highlight.document, highlight).deck
    return chosen if highlight.document.deck else job.deck or chosen


def _drafted(
    job: Job, ledger: Ledger, recorder: DraftRecorder, scope: RunId | None
) -> Iterator[Progress]:
    written = share(pending(ledger, scope, job.drafter_name), job.only, by_hand=True)
    yield from recorder.record(Rules().draft(written), BY_HAND)
    rest = unwritten(ledger, scope, job.drafter_name, job.limit, job.only, job.decks)
    yield from recorder.record(job.drafter.draft(rest), job.drafter_name)


def draft_again(
    job: Job, ledger: Ledger, run: RunId, drafters: Iterable[Drafter]
) -> Iterator[Progress]:
    """Draft the passages of `job.only` again at a person's request, in addition to their cards.

    For `job.instead`, draft a replacement of a card, which is kept until a person accepts the new
    one. Each drafter gets the passages for which those before it drafted nothing new. Policy accepts
    none of the drafts.
    """
    recorder = DraftRecorder(replace(job, accepts=lambda draft: False), ledger, run)
    left, said = job.only, dict[HighlightKey, str]()
    for drafter in drafters:
        before = {key: ledger.cards.of_highlight(key) for key in left}
        results = drafter.draft(_redraft_tasks(job, ledger, left))
        yield from recorder.record(_noting_reasons(results, said), job.drafter_name)
        left = frozenset(key for key in left if ledger.cards.of_highlight(key) == before[key])
    others = "its passage is not there now" if job.limit is None else ""
    yield Progress(
        problems=tuple(_nothing_new(ledger, {key: said.get(key, others) for key in left}))
    )
    _recheck_named(ledger)


def _redraft_tasks(job: Job, ledger: Ledger, left: frozenset[HighlightKey]) -> Iterator[Task]:
    """Return the tasks of a redraft, for these passages."""
    if not job.instead:
        return again(ledger, left, job.decks, job.remark, job.limit)
    cards = (one for one in job.instead if ledger.cards.get(one[0]).highlight.key in left)
    return replacement_tasks(ledger, cards, job.decks, job.limit)


def _noting_reasons(results: Iterable[Drafted], said: dict[HighlightKey, str]) -> Iterator[Drafted]:
    """Yield the results; store in `said` why a highlight got no card ("" = there is a problem instead)."""
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
"""Limits of one transaction, in documents and seconds: other programs wait that long to write."""


class DraftRecorder:
    """Checks drafts, assigns decks, and records them, one document at a time.

    The checks are imported with the first draft: a run that finds nothing new does without.
    """

    def __init__(self, job: Job, ledger: Ledger, run: RunId) -> None:
        self._job = job
        self._ledger = ledger
        self._run = run
        self.unmerged: set[HighlightKey] = set()
        """Highlights that need a card of their own: the one they were merged into says something else now."""

    def record(self, results: Iterable[Drafted], name: str) -> Iterator[Progress]:
        """Check and record results as they come from the drafter called `name`.

        Drafting by rules costs nothing to repeat, so several documents share one transaction. The
        results of a model are committed one by one.
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
        self.unmerged.update(recorded.unmerged)
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
        """The index of all cards, to find duplicates."""
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
        # The recorder is about to change the text of these cards.
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
            later=self._job.in_progress(highlight),
            repeats=repeats or "",
            label=label,
            deck=_deck_of(self._job, highlight),
            deck_asked=bool(self._job.deck) and not highlight.document.deck,
        )


# --- the second half ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Published:
    """What one package contains."""

    path: Path
    notes: int
    added: int
    """Notes that no package contained before."""
    updated: int
    """Notes whose text changed since an earlier package."""
    problems: tuple[Problem, ...] = ()
    """Cards that Anki would reject, and pictures that are missing; the cards are shipped without them."""


@dataclass(frozen=True, slots=True)
class PackagePlan:
    """The cards of one package."""

    path: Path
    plans: tuple[CardPlan, ...]


def publish(
    ledger: Ledger, run: RunId, packages: Iterable[PackagePlan], types: Mapping[Family, SeenType]
) -> Iterator[Published]:
    """Write packages, each whole or not at all, and record what they contain.

    A card that Anki would reject is reported as a problem and left out. A revision is recorded before
    its package replaces the old one, so that a power cut never gives one revision number to two texts.
    """
    for package in packages:
        packed = [one for one in package.plans if one.note and one.shipment]
        problems = tuple(problem for one in package.plans for problem in one.problems)
        failed = _written(ledger, run, package.path, packed, types) if packed else None
        if failed or not packed:
            yield Published(package.path, 0, 0, 0, (*problems, *([failed] if failed else [])))
            continue
        new = [one.shipment for one in packed if one.shipment and not one.shipment.rev]
        added = sum(1 for shipment in new if shipment.first)
        yield Published(package.path, len(packed), added, len(new) - added, problems)


def _written(
    ledger: Ledger,
    run: RunId,
    path: Path,
    packed: list[CardPlan],
    types: Mapping[Family, SeenType],
) -> Problem | None:
    """Write a package and replace the old one; return the problem if that fails, with the old one intact."""
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
