"""A run, read from top to bottom: `propose` reads, drafts, checks and records.

    sources ─▶ ingest ─▶ draft ─▶ check ─▶ waiting drafts ║ person or policy accepts ║ cards ─▶ deliver

Between the two halves everything is in the ledger. A run that is interrupted is resumed by the next
one: each step writes what it has done, and no transaction is open while a source or a model works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from posixpath import commonpath
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.config.ownfiles import OwnPath
from ankiforge.draft import (
    Rules,
    failed_on,
    for_rules,
    skip_reason,
    withheld,
    without_comment,
    worth,
)
from ankiforge.draft.sendable import Privacy, SendableCard, SendableTask
from ankiforge.errors import BUG, BugError, one_item
from ankiforge.extract.files import program
from ankiforge.extract.scan import scanned
from ankiforge.ledger import Ledger, Outcome, QueryTerm, Report
from ankiforge.model import (
    SECOND_LOOK,
    VERIFIED,
    WENT_AWAY,
    Brief,
    Change,
    Document,
    Draft,
    Drafted,
    Extracted,
    Finding,
    Highlight,
    HighlightKey,
    Picture,
    Problem,
    Proposal,
    Scan,
    Sighting,
    Source,
    Task,
    Unmarked,
    Value,
    Waiting,
    h16,
)

if TYPE_CHECKING:
    from ankiforge.check import DuplicateIndex
    from ankiforge.draft.llm import Model
    from ankiforge.extract.markdown.obsidian import Vault

TOGETHER = 200
"""The number of passages that the rules draft in one transaction."""


class Job(Value):
    """The parameters of a run."""

    sources: tuple[Source, ...]
    accepts: Callable[[Waiting], bool]
    """Return whether the settings accept a draft without findings and remarks."""
    decks: tuple[DeckRule, ...]
    pictures: OwnPath
    """The folder for pictures cut from pages."""
    model: Model | None = None
    """Drafts what the rules leave; None = no model."""
    verify: bool = False
    """Whether the model compares its waiting drafts with their passages."""
    in_use: frozenset[str] | None = None
    """The names of all sources that the workspace reads."""
    deck: str = ""
    """The deck for new cards; it overrides the deck files, but not the deck that a document asks for."""
    limit: int | None = None
    """The number of highlights that the model drafts; None = all."""
    within: frozenset[int] | None = None
    """The documents whose highlights the model drafts, `Report.documents`; None = all."""
    only: frozenset[HighlightKey] = frozenset()
    """Draft only these highlights again; empty = what is new."""
    remark: str = ""
    """A person's instructions for another draft."""
    in_progress: Callable[[str], bool] = lambda path: False
    """Return whether a person is still writing the note at this path in its source: its cards are
    accepted, and corrected, only later."""


class Progress(Value):
    """What one step of a run came to."""

    report: Report | None = None
    """Of the ingest."""
    highlights: int = 0
    """The number of highlights that were drafted or found to yield no card."""
    drafted: int = 0
    """The number of drafts for new cards."""
    accepted: int = 0
    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()


def propose(
    job: Job, ledger: Ledger, *, on_read: Callable[[str], None] = lambda title: None
) -> Iterator[Progress]:
    """Ingest all sources, draft what is new or changed, and accept what the policy allows."""
    yield ingest(job, ledger, on_read=on_read)
    yield from draft(job, ledger)


# --- reading --------------------------------------------------------------------------------------


def ingest(
    job: Job, ledger: Ledger, *, on_read: Callable[[str], None] = lambda title: None
) -> Progress:
    """Read the changed documents of all sources; nothing is matched before all have listed everything."""
    problems: list[Problem] = []
    selections = {}
    # another program, or other deck files, read every document again
    salt = h16(program(), *(repr(rule.select) for rule in job.decks if rule.skipped))
    known = ledger.known(salt)
    sources = [_as_read(source, ledger) for source in job.sources]

    def sightings() -> Iterator[Sighting]:
        for source in sources:
            went_away: list[Problem] = []
            failed = False
            for found in scanned(source, known):
                if isinstance(found, Problem):
                    failed |= found.what.startswith(BUG)
                    (went_away if found.what == WENT_AWAY else problems).append(found)
                if isinstance(found, Extracted):
                    on_read(found.document.title)
                    problems.extend(_keep_pictures(job.pictures, found.pictures))
                    highlights = tuple(_with_skip(job, one) for one in found.highlights)
                    found = replace(found, highlights=highlights)
                if isinstance(found, Scan):
                    found = replace(found, complete=found.complete and not failed)
                    selections[found.container] = getattr(source, "selection", "")
                elif isinstance(found, (Extracted, Unmarked)) and found.fingerprint:
                    found = replace(found, fingerprint=f"{salt} {found.fingerprint}")
                yield found
            problems.extend([_combined(went_away)] if went_away else [])

    report = ledger.ingest(
        sightings(),
        selections=selections,
        in_use=job.in_use,
        in_progress=lambda container, place: job.in_progress(place),
    )
    for source in sources:
        _ask_about_dialects(source, ledger)
    return Progress(report, problems=tuple(problems))


def _as_read(source: Source, ledger: Ledger) -> Source:
    """Return a source; a vault by the dialects by which it was read before, if it was."""
    if not getattr(source, "by_plugins", False):
        return source
    vault = cast("Vault", source)
    names = ledger.dialects_of(vault.folder.container, vault.switched_on)
    return vault if names == vault.switched_on else vault.read_by(names)


def _ask_about_dialects(source: Source, ledger: Ledger) -> None:
    """Ask about a vault that would be read differently by the plugins that are switched on now."""
    if not getattr(source, "by_plugins", False):
        return
    vault = cast("Vault", source)
    on, container = vault.switched_on, vault.folder.container
    if on is None or vault.folder.only or on == vault.dialects.names:
        return
    other = vault.read_by(on)

    def read() -> Iterator[Extracted]:
        for sighting in scanned(other, None):
            if isinstance(sighting, Extracted):
                yield sighting

    ledger.ask_about_dialects(container, on, other.folder.stamp(), read)


def _keep_pictures(folder: OwnPath, pictures: Iterable[Picture]) -> Iterator[Problem]:
    """Store pictures that were cut from pages; yield problems."""
    for picture in pictures:
        path = folder / picture.name.removeprefix("cut/")
        if path.is_there():
            continue
        try:
            folder.make_folder()
            path.write(picture.data)
        except OSError as error:
            yield Problem(str(path), f"cannot be written: {error.strerror}", "free space there")


def _combined(gone: Sequence[Problem]) -> Problem:
    """Return one problem for all files that vanished during the read, as when a folder is renamed."""
    if len(gone) == 1:
        return gone[0]
    try:
        where = commonpath([one.where for one in gone]) or gone[0].where
    except ValueError:  # no common folder
        where = gone[0].where
    return Problem(where, f"{len(gone):,} files disappeared while they were read", gone[0].hint)


def _with_skip(job: Job, highlight: Highlight) -> Highlight:
    """Set `skip` on a highlight that a comment or its colour excludes."""
    why = skip_reason(highlight) if highlight.instructs else highlight.skip
    if why.startswith("skip"):
        return replace(highlight, skip=why)
    if deck_of(job.decks, highlight.document, highlight).action == "skip":
        return replace(highlight, skip=f"skip: its colour ({highlight.colour})")
    return highlight


# --- drafting -------------------------------------------------------------------------------------


def draft(job: Job, ledger: Ledger) -> Iterator[Progress]:
    """Draft what is pending: the rules first, then the model what they left."""
    if job.only:
        yield from _draft_again(job, ledger)
        yield from compare(job, ledger)
        return
    checks: Checks | None = None  # loading them takes longer than a run in which nothing changed
    pending = ledger.to_draft(in_progress=job.in_progress)
    while batch := list(islice(pending, TOGETHER)):
        checks = checks or Checks(job, ledger)
        tasks = (one for task in _tasks(batch) for one in briefed(task, job.decks))
        with ledger.action():
            step = _record(checks, Rules().draft(tasks), by_model=False)
        yield step
    yield _accepted(job, ledger)
    if job.model is not None and job.limit != 0:
        yield from record(job, ledger, job.model.draft(for_model(job, ledger)))
        yield from compare(job, ledger)


def compare(job: Job, ledger: Ledger) -> Iterator[Progress]:
    """Let the model compare its waiting drafts with their passages, if the settings say so."""
    if job.model is None or not job.verify or not (cards := to_compare(ledger)):
        return
    yield record_looks(job, ledger, job.model.verify(cards))


def to_compare(ledger: Ledger) -> list[SendableCard]:
    """Return the model's waiting drafts that no second look has compared, as a model may see them."""
    privacy = privacy_of(ledger)
    cards = list[SendableCard]()
    ids = ledger.find([QueryTerm("drafter", "llm"), QueryTerm("verdict", "pending")])
    for waiting in ledger.drafts(ids):
        checks = {finding.check for finding in waiting.proposal.findings}
        if waiting.proposal.blocked or checks & {VERIFIED, SECOND_LOOK}:
            continue
        if withheld(waiting.highlight):
            continue
        if card := privacy.card(waiting):
            cards.append(card)
    return cards


def record_looks(
    job: Job, ledger: Ledger, found: Iterable[tuple[str, tuple[Finding, ...]]]
) -> Progress:
    """Record what a second look found of drafts, and accept what the policy allows."""
    for id, findings in found:
        ledger.add_findings(id, findings)
    return _accepted(job, ledger)


def record(job: Job, ledger: Ledger, results: Iterable[Drafted]) -> Iterator[Progress]:
    """Check and record what a model or a chat drafted, each answer as it arrives."""
    checks = Checks(job, ledger)
    for drafted in results:
        with ledger.action():
            yield _record(checks, [drafted], by_model=True)
    yield _accepted(job, ledger)


def _draft_again(job: Job, ledger: Ledger) -> Iterator[Progress]:
    """Draft passages again at a person's request; the drafts wait beside the others."""
    checks = Checks(job, ledger)
    highlights = [without_comment(ledger.highlight(key)) for key in sorted(job.only)]
    tasks = list[Task]()
    for task in _tasks(highlights):
        for briefed_task in briefed(task, job.decks):
            tasks.append(replace(briefed_task, remark=job.remark, beside=True))
    if job.model is None:
        results = Rules().draft(tasks)
    else:
        results = job.model.draft(map(privacy_of(ledger).task, tasks))
    for drafted in results:
        yield _record(checks, [drafted], by_model=job.model is not None, beside=True)


def _accepted(job: Job, ledger: Ledger) -> Progress:
    """Accept what the policy allows, except on notes that a person is still editing."""
    cards = ledger.accept_clean(
        lambda one: job.accepts(one) and not job.in_progress(one.highlight.document.path)
    )
    return Progress(accepted=len(cards))


def _tasks(highlights: Iterable[Highlight]) -> Iterator[Task]:
    """Group highlights by document."""
    for _, group in groupby(highlights, key=lambda one: one.document.key):
        found = tuple(group)
        yield Task(found[0].document, found)


def for_model(job: Job, ledger: Ledger, limit: int | None = None) -> Iterator[SendableTask]:
    """Yield what a model is to draft, the likeliest to deserve a card first if there is a limit."""
    limit = job.limit if limit is None else limit
    privacy = privacy_of(ledger)
    highlights = list[Highlight]()
    for highlight in ledger.to_draft(by_model=True, within=job.within):
        if for_rules(highlight) or withheld(highlight) or privacy.why(highlight):
            continue
        if not job.in_progress(highlight.document.path):
            highlights.append(without_comment(highlight))
    if limit is not None:
        ranked = sorted(
            highlights, key=lambda one: worth(one, brief_of(job.decks, one.document, one).wants)
        )
        chosen = {one.key for one in ranked[:limit]}
        highlights = [one for one in highlights if one.key in chosen]
    for task in _tasks(highlights):
        for briefed_task in briefed(task, job.decks):
            yield privacy.task(briefed_task)


def privacy_of(ledger: Ledger) -> Privacy:
    """Return what of the workspace must stay on this machine, as of now."""
    return Privacy(ledger.private_texts(), ledger.places)


def briefed(task: Task, decks: tuple[DeckRule, ...]) -> Iterator[Task]:
    """Split a task by the briefs of its highlights, in reading order."""
    parts: dict[Brief, list[Highlight]] = {}
    for highlight in task.highlights:
        parts.setdefault(brief_of(decks, task.document, highlight), []).append(highlight)
    for brief, highlights in parts.items():
        yield replace(task, highlights=tuple(highlights), brief=brief)


def brief_of(decks: tuple[DeckRule, ...], document: Document, highlight: Highlight) -> Brief:
    """Return the brief of the first deck file that matches a highlight."""
    choice = deck_of(decks, document, highlight)
    return Brief(choice.kinds, choice.action)


# --- checking and recording -----------------------------------------------------------------------


@dataclass
class Checks:
    """Checks drafts and gives them decks."""

    job: Job
    ledger: Ledger
    known: DuplicateIndex = field(init=False)
    drafted: DuplicateIndex = field(init=False)
    """The drafts of this run, which no card of the ledger is yet."""

    def __post_init__(self) -> None:
        """Prepare the indexes, which read nothing before the first draft."""
        from ankiforge.check import DuplicateIndex

        self.known, self.drafted = DuplicateIndex(self.ledger.duplicates), DuplicateIndex()

    def proposals(self, highlight: Highlight, drafts: Sequence[Draft]) -> list[Proposal]:
        """Return the drafts of a highlight with findings and deck."""
        from ankiforge import check

        found = []
        for number, one in enumerate(drafts):
            context = check.Context(
                without_comment(highlight), self.known, self.drafted, self._picture_fault(highlight)
            )
            findings = check.check(one, context)
            self.drafted.add(f"{highlight.key} {number}", highlight.key, one)
            found.append(
                Proposal(one, findings, deck_for(self.job.decks, self.job.deck, highlight))
            )
        return found

    def _picture_fault(self, highlight: Highlight) -> Callable[[str], str]:
        from ankiforge.pipeline.deliver import picture_fault

        return lambda path: picture_fault(self.ledger, highlight, path, self.job.pictures)


def deck_for(decks: tuple[DeckRule, ...], deck: str, highlight: Highlight) -> str:
    """Return the deck for a highlight's cards: of its document, else the given one, else the deck files."""
    chosen = deck_of(decks, highlight.document, highlight).deck
    return chosen if highlight.document.deck else deck or chosen


def _record(
    checks: Checks, results: Iterable[Drafted], *, by_model: bool, beside: bool = False
) -> Progress:
    """Check what a drafter made of some tasks, and record it at once."""
    from ankiforge.check import terms_of

    problems: list[Problem] = []
    outcomes = []
    seen = 0
    for drafted in results:
        problems += drafted.problems
        seen += len(drafted.task.highlights)
        reasons = {one.highlight: one for one in drafted.no_cards}
        failed = dict(drafted.failed)
        for highlight in drafted.task.highlights:
            drafts = [one for one in drafted.drafts if one.highlight == highlight.key]
            none = reasons.get(highlight.key)
            if none is not None and none.passing:  # not asked this time: it stays pending
                continue
            fate, reason = "", none.reason if none else ""
            if highlight.key in failed:
                fate, reason = "failed", failed[highlight.key]
            elif none is not None:
                fate = "ignored" if none.reason.startswith("skip") else "no_card"
                reason = reason.removeprefix("skip: ")
            try:
                with one_item():
                    proposals = checks.proposals(highlight, drafts)
            except BugError as error:
                problems.append(failed_on(highlight, error))
                proposals, fate, reason = [], "failed", error.message
            terms = [terms_of(one.draft) for one in proposals]
            outcomes.append(Outcome(highlight.key, proposals, reason, fate, terms))
    recorded = checks.ledger.record(outcomes, by_model=by_model, beside=beside)
    return Progress(
        highlights=seen, drafted=len(recorded.new), changes=recorded.changes,
        problems=tuple(problems),
    )  # fmt: skip
