"""The pipeline of a run, read top to bottom: `propose` drafts cards, `publish` ships accepted ones.

    sources ─▶ ingest ─▶ draft ─▶ check ─▶ record ║ a person reviews ║ plan ─▶ package

Between the two halves, everything is stored in the ledger. The next run resumes an interrupted one:
each document is recorded in one transaction, and no transaction is open while a stage works.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from posixpath import commonpath
from time import monotonic
from typing import TYPE_CHECKING

from ankiforge.config.deckfiles import Action, DeckRule, deck_of
from ankiforge.draft import (
    NO_LLM,
    Rules,
    failed_on,
    for_rules,
    likeliest,
    private,
    skip_reason,
    worth,
)
from ankiforge.errors import BugError, ItemError, one_item
from ankiforge.extract import program, scanned
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import ALIKE, letter_of
from ankiforge.ledger.consents import LEFT_OUT, Choice
from ankiforge.ledger.ingest import Ingested
from ankiforge.ledger.presence import Selecting
from ankiforge.ledger.queries import BY_HAND
from ankiforge.model import (
    ELSEWHERE,
    WENT_AWAY,
    Batch,
    Brief,
    Candidate,
    CandidateState,
    Card,
    Checked,
    Document,
    DocumentKey,
    Draft,
    Drafted,
    Drafter,
    Edit,
    EditKind,
    Extracted,
    Family,
    Guid,
    Highlight,
    HighlightKey,
    NoCard,
    Probe,
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
from ankiforge.text.fold import fold

if TYPE_CHECKING:
    from ankiforge import check
    from ankiforge.anki.sync import CardPlan
    from ankiforge.draft.probe import Prober


@dataclass(frozen=True, slots=True)
class Job:
    """The parameters of a run."""

    sources: tuple[Source, ...]
    drafter: Drafter
    """Drafts all highlights except those that are already cards, written by a person in the source."""
    drafter_name: str
    """`rules`, or the model's name."""
    accepts: Callable[[Draft], bool]
    """Return whether the policy accepts a draft that has no findings."""
    decks: tuple[DeckRule, ...]
    consent: bool = True
    """Whether cards of forms to which a person consented are accepted."""
    deck: str = ""
    """The deck for new cards; it overrides the deck files, but not the deck that a document asks for."""
    limit: int | None = None
    """The number of highlights to draft, not counting cards written by hand; None = all.

    With 0, nothing is drafted, not even cards written by hand.
    """
    only: frozenset[HighlightKey] = frozenset()
    """Draft only these highlights; empty = all."""
    remark: str = ""
    """A person's instructions for a redraft."""
    instead: tuple[tuple[Guid, str], ...] = ()
    """(guid, remark) of problem cards of highlights in `only`; each gets a new card to replace it."""
    confirmed: int = 0
    """The number of missing documents of a source that the user confirms to have deleted."""
    probing: bool = False
    """Whether the drafts of a model must be probed."""
    prober: Prober | None = None
    """Probes drafts that were recorded without a probe; None = not in this run."""
    in_progress: Callable[[Highlight], bool] = lambda highlight: False
    """Return whether a highlight's note is still being edited: its cards are accepted only later."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The result for one document or, if `ingested` is set, for the ingest of all sources."""

    document: str = ""
    drafted: int = 0
    revised: int = 0
    merged: int = 0
    answers_changed: int = 0
    flooded: int = 0
    ingested: Ingested | None = None
    problems: tuple[Problem, ...] = ()
    highlights: int = 0
    """The number of highlights that were drafted or found to yield no card."""


class EditJudge:
    """Judges edits of passages and cards; the word lists are loaded on first use."""

    def __init__(self, ledger: Ledger, decks: tuple[DeckRule, ...] = ()) -> None:
        self._ledger = ledger
        self._decks = decks

    def of_highlights(self, before: Highlight, after: Highlight, known: Container[str]) -> Edit:
        """Classify the edit of a passage; `known` contains words used elsewhere."""
        from ankiforge.check.corrections import judge_highlights

        return _judged(lambda: judge_highlights(before, after, known))

    def of_drafts(self, before: Draft, after: Draft) -> Edit:
        """Classify the edit of a card."""
        from ankiforge.check.corrections import judge_drafts

        return _judged(lambda: judge_drafts(before, after))

    def is_disputed(self, card: Card, after: Draft) -> bool:
        """Return whether a draft would change only fields that a person edited in Anki.

        Such a revision becomes a conflict.
        """
        from ankiforge.sync import disputed_fields

        now, then = dict(card.fields), dict(after.fields)
        changed = {name for name in (*now, *then) if now.get(name) != then.get(name)}
        revised = replace(card, kind=after.kind, fields=after.fields)
        with suppress(BugError), one_item():  # what fails here is not shipped either
            return card.anki.there and changed <= disputed_fields(
                self._ledger, revised, self._decks
            )
        return False


def _judged(judge: Callable[[], Edit]) -> Edit:
    """Return the kind of an edit; one on which the comparison fails waits for a person."""
    try:
        with one_item():
            return judge()
    except BugError as error:
        return Edit(EditKind.WAITS, error.message)


# --- the first half -------------------------------------------------------------------------


def propose(job: Job, ledger: Ledger, run: RunId) -> Iterator[Progress]:
    """Ingest all sources, then draft new and changed highlights, document by document."""
    yield from ingest(job, ledger, run)
    yield from draft_pending(job, ledger, run)
    # Decide on cards that a watcher deferred, if it was stopped before their notes were left alone.
    ledger.recorder.accept_deferred(run, job.accepts, EditJudge(ledger, job.decks))


def ingest(job: Job, ledger: Ledger, run: RunId) -> Iterator[Progress]:
    """Read the changed documents of all sources; issue keys once all sources have been listed."""
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
        run,
        scans,
        problems,
        ledger.clock(),
        judge=EditJudge(ledger, job.decks),
        selecting=selecting,
        confirmed=job.confirmed,
    )
    if ledger.recovery.found_expected():
        from ankiforge.sync import recover_cards

        recovered = recover_cards(ledger)
        cards = "1 card" if recovered == 1 else f"{recovered:,} cards"
        taken = Problem("Anki", f"{cards} of these passages taken over from there", notice=True)
        yield Progress(problems=(taken, *ledger.ingest.unite_recovered()) if recovered else ())
    if ledger.views.bound:
        from ankiforge.sync import left_in_anki

        read = [scan.container for scan in scans if scan.complete]
        yield Progress(problems=tuple(left_in_anki(ledger, read)))
    ledger.recovery.mark_unchanged_drafted(run)
    yield Progress(ingested=ingested, problems=ingested.problems)


def _salt(job: Job) -> str:
    """Return a hash whose change means that unchanged documents have to be ingested again.

    It covers the program's version and the deck files up to the last one that skips highlights.
    """
    fitting = [(repr(rule.select), rule.skipped) for rule in job.decks]
    last = max((n for n, (_, skipped) in enumerate(fitting, 1) if skipped), default=0)
    return h16(program(), repr(fitting[:last]))


def _combined(gone: Sequence[Problem]) -> Problem:
    """Return one problem for all files that vanished during the read, as when a folder is renamed."""
    if len(gone) == 1:
        return gone[0]
    try:
        where = commonpath([one.where for one in gone]) or gone[0].where
    except ValueError:  # no common folder
        where = gone[0].where
    return Problem(where, f"{len(gone):,} files disappeared while they were read", gone[0].hint)


def _with_skips(job: Job, extracted: Extracted) -> Extracted:
    """Set `skip` on highlights that are excluded by a comment or by their colour."""
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
    """Draft pending highlights: cards written by hand with the rules, the rest with the drafter.

    With `only_read`, draft only highlights that this run read, not all in the ledger.
    """
    if job.limit == 0:
        return
    if job.prober:
        yield from probe_waiting(job, ledger, run, job.prober)
    recorder = DraftRecorder(job, ledger, run)
    if made := ledger.placer.bring_back_made(run, partial(_deck_of, job)):
        yield Progress(drafted=made)
    yield from _drafted(job, ledger, recorder, run if only_read else None)
    # A revised card may no longer cover highlights that were merged into it: draft cards for those.
    while recorder.unmerged:
        alone = replace(job, only=frozenset(recorder.unmerged))
        recorder.unmerged.clear()
        yield from _drafted(alone, ledger, recorder, None)
    if back := ledger.placer.bring_back(run, partial(_deck_of, job)):
        yield Progress(drafted=back)
    yield Progress(problems=recheck_named(ledger))


def _deck_of(job: Job, highlight: Highlight) -> str:
    """Return the deck for a highlight's cards: of its document, else the job, else the deck files."""
    chosen = deck_of(job.decks, highlight.document, highlight).deck
    return chosen if highlight.document.deck else job.deck or chosen


def _drafted(
    job: Job, ledger: Ledger, recorder: DraftRecorder, scope: RunId | None
) -> Iterator[Progress]:
    written = share(pending(ledger, scope, job.drafter_name), job.only, by_hand=True)
    yield from recorder.record(Rules().draft(written), BY_HAND)
    by_model = not job.drafter_name.startswith("rules")
    rest = unwritten(
        ledger, scope, job.drafter_name, job.limit, job.only, job.decks, copied=by_model
    )
    yield from recorder.record(job.drafter.draft(rest), job.drafter_name)
    if by_model:
        yield from recorder.record(_copies(job, ledger, scope), job.drafter_name)


def _copies(job: Job, ledger: Ledger, scope: RunId | None) -> Iterator[Drafted]:
    """Copy the cards of a drafted passage to passages that repeat it, so that none is paid for twice."""
    for task in share(pending(ledger, scope, job.drafter_name), job.only, by_hand=False):
        for highlight in task.highlights:
            original = _original(ledger, highlight, job.drafter_name, job.decks)
            if original is None:
                continue
            cards = [c for c in ledger.cards.of_highlight(original.key) if not c.made]
            found = {
                one.id: replace(one.draft, highlight=highlight.key, by_hand=False)
                for card in cards
                for one in card.to_choose or (card.leading,)
            }
            why = NoCard(highlight.key, f"as of the same words in {original.document.title}")
            part = replace(task, highlights=(highlight,))
            yield Drafted(part, tuple(found.values()), () if found else (why,))


def _original(
    ledger: Ledger, highlight: Highlight, drafter: str, decks: tuple[DeckRule, ...]
) -> Highlight | None:
    """Return a drafted passage with the same text, context and request, or None."""
    if skip_reason(highlight):
        return None
    asked = _question_of(highlight, decks)
    others = ledger.queries.answered_alike(highlight.key, drafter)
    return next((one for one in others if _question_of(one, decks) == asked), None)


def _question_of(highlight: Highlight, decks: tuple[DeckRule, ...]) -> tuple[object, ...]:
    """Return everything that a model is asked about a passage, except its location."""
    around = (highlight.heading, highlight.prefix, highlight.suffix)
    words = (highlight.exact or highlight.key, highlight.comment, *around)
    brief = brief_of(decks, highlight.document, highlight)
    return (*map(fold, words), highlight.gaps, highlight.kind, brief)


def draft_again(
    job: Job, ledger: Ledger, run: RunId, drafters: Iterable[Drafter]
) -> Iterator[Progress]:
    """Draft the passages of `job.only` again at a person's request, in addition to their cards.

    For `job.instead`, draft replacements; the old card is kept until a person accepts the new one.
    Each drafter gets the passages for which the drafters before it drafted nothing new. All drafts
    are left for a person to decide.
    """
    recorder = DraftRecorder(replace(job, accepts=lambda draft: False), ledger, run)
    left, reasons = job.only, dict[HighlightKey, str]()
    for drafter in drafters:
        before = {key: ledger.cards.of_highlight(key) for key in left}
        results = drafter.draft(_redraft_tasks(job, ledger, left))
        yield from recorder.record(_noting_reasons(results, reasons), job.drafter_name)
        left = frozenset(key for key in left if ledger.cards.of_highlight(key) == before[key])
    others = "its highlight is missing from its source" if job.limit is None else ""
    yield Progress(
        problems=tuple(_nothing_new(ledger, {key: reasons.get(key, others) for key in left}))
    )
    yield Progress(problems=recheck_named(ledger))


def _redraft_tasks(job: Job, ledger: Ledger, left: frozenset[HighlightKey]) -> Iterator[Task]:
    """Return the tasks that redraft the highlights in `left`."""
    if not job.instead:
        return again(ledger, left, job.decks, job.remark, job.limit)
    cards = (one for one in job.instead if ledger.cards.get(one[0]).highlight.key in left)
    return replacement_tasks(ledger, cards, job.decks, job.limit)


def _noting_reasons(
    results: Iterable[Drafted], reasons: dict[HighlightKey, str]
) -> Iterator[Drafted]:
    """Yield the results, and store in `reasons` why a highlight got no card.

    The reason is "" if a problem is reported instead.
    """
    for drafted in results:
        reasons |= {one.key: "it would repeat an existing card" for one in drafted.task.highlights}
        reasons |= {none.highlight: none.reason for none in drafted.no_cards}
        reasons |= {key: "" for key, _ in drafted.failed}
        yield drafted


def _nothing_new(ledger: Ledger, reasons: Mapping[HighlightKey, str]) -> Iterator[Problem]:
    for key, why in sorted(reasons.items()):
        highlight = ledger.highlights.get(key)
        if highlight and why:
            yield Problem(highlight.document.title, f"no new card: {why}", notice=True)


# --- highlights to draft ----------------------------------------------------------------------

LONG_ENOUGH = 20
"""The length, in folded characters, from which equal passages are not a coincidence."""


def pending(ledger: Ledger, scope: RunId | None, drafter: str) -> Iterator[Task]:
    """Return the highlights that need a draft; those with another tool's note in Anki are set to skip.

    A highlight that already has a card here is not skipped: it was drafted before that note was seen.
    """
    ledger.foreign.free()
    for task in ledger.queries.to_draft(scope, drafter):
        yield replace(task, highlights=tuple(_elsewhere(ledger, one) for one in task.highlights))


def _elsewhere(ledger: Ledger, highlight: Highlight) -> Highlight:
    number = highlight.other_note
    if not number or not ledger.foreign.holds(number) or ledger.cards.of_highlight(highlight.key):
        return highlight
    return replace(highlight, skip=f"{ELSEWHERE} (note {number})")


def unwritten(
    ledger: Ledger,
    scope: RunId | None,
    drafter: str,
    limit: int | None = None,
    only: frozenset[HighlightKey] = frozenset(),
    decks: tuple[DeckRule, ...] = (),
    *,
    late: bool = False,
    once: bool = False,
    copied: bool = False,
) -> Iterator[Task]:
    """Return the highlights that are pending for a drafter, without cards that people wrote by hand.

    Args:
        ledger: the ledger to query.
        scope: the run that read the highlights; None = all highlights, except those of sources that
            the workspace no longer reads.
        drafter: the drafter's name.
        limit: the maximum number of highlights, those likeliest to be worth a card; None = all.
        only: return only these highlights; empty = all.
        decks: the deck files, which give each task its brief.
        late: include highlights of sources no longer read, because replies for them may still arrive.
        once: return only the first of equal passages in documents with the same title.
        copied: omit passages that repeat, with the same context, an earlier or already drafted one.
    """
    private_passages = PrivatePassages(ledger)
    tasks = share(pending(ledger, scope, drafter), only, by_hand=False)
    if scope is None and not late:
        tasks = _in_use(ledger, tasks)
    order: dict[HighlightKey, int] = {}
    if limit is not None:
        tasks, order = _by_worth(tasks, decks)
    if once:
        tasks = _each_once(ledger, tasks, drafter)
    if copied:
        seen: set[tuple[object, ...]] = set()

        def is_new(one: Highlight) -> bool:
            asked = _question_of(one, decks)
            new = bool(skip_reason(one)) or (
                asked not in seen and _original(ledger, one, drafter, decks) is None
            )
            seen.add(asked)
            return new

        tasks = _filtered(tasks, is_new)
    if drafter != BY_HAND:
        # omit passages all of whose cards a person rejected
        tasks = _filtered(tasks, lambda one: not ledger.recorder.leave_rejected(one))
    limited = _limited((private_passages.mark(task) for task in tasks), limit)
    if limit is not None:
        limited = _by_document(limited, order)
    return (part for task in limited for part in briefed(task, decks))


def _by_worth(
    tasks: Iterable[Task], decks: tuple[DeckRule, ...]
) -> tuple[Iterator[Task], dict[HighlightKey, int]]:
    """Return a task for each highlight, the likeliest to be worth a card first, and the task each is from."""
    order: dict[HighlightKey, int] = {}
    ranked: list[tuple[int, str, Task]] = []
    for number, task in enumerate(tasks):
        for one in task.highlights:
            order[one.key] = number
            wants = brief_of(decks, task.document, one).wants if decks else ""
            ranked.append((worth(one, wants), task.document.key, replace(task, highlights=(one,))))
    return likeliest(ranked), order


def _by_document(tasks: Iterable[Task], order: Mapping[HighlightKey, int]) -> Iterator[Task]:
    """Join the tasks that were chosen by the task each highlight is from, in the order of those."""
    groups: dict[int, list[Task]] = {}
    for task in tasks:
        groups.setdefault(order[task.highlights[0].key], []).append(task)
    for _, found in sorted(groups.items()):
        yield replace(found[0], highlights=tuple(one.highlights[0] for one in found))


def _in_use(ledger: Ledger, tasks: Iterable[Task]) -> Iterator[Task]:
    """Drop passages that occur only in sources which the workspace no longer reads."""
    dropped = ledger.roots.dropped()
    return _filtered(tasks, lambda one: not (dropped and ledger.roots.is_dropped(one.key, dropped)))


def _each_once(ledger: Ledger, tasks: Iterable[Task], drafter: str) -> Iterator[Task]:
    """Drop passages that equal an earlier or an already drafted one in a document of the same title."""
    seen: set[tuple[str, ...]] = set()

    def is_first(highlight: Highlight) -> bool:
        same = _request_of(highlight)
        others = ledger.queries.answered_alike(highlight.key, drafter)
        first = same not in seen and same not in map(_request_of, others)
        seen.add(same)
        return first

    return _filtered(tasks, is_first)


def _request_of(highlight: Highlight) -> tuple[str, ...]:
    """Return the values that identify the request for a passage: if they are equal, so are the cards."""
    words = fold(highlight.exact) or highlight.key
    return (words, fold(highlight.comment), repr(highlight.gaps), fold(highlight.document.title))


def again(
    ledger: Ledger,
    keys: Iterable[HighlightKey],
    decks: tuple[DeckRule, ...],
    remark: str = "",
    limit: int | None = None,
) -> Iterator[Task]:
    """Return tasks for passages that a person wants redrafted; their cards are kept."""
    private_passages = PrivatePassages(ledger)
    tasks = (private_passages.mark(task) for task in ledger.queries.to_redraft(keys))
    for task in _limited(tasks, limit):
        yield from briefed(replace(task, remark=remark, beside=True), decks)


def replacement_tasks(
    ledger: Ledger,
    cards: Iterable[tuple[Guid, str]],
    decks: tuple[DeckRule, ...],
    limit: int | None = None,
) -> Iterator[Task]:
    """Return tasks that draft replacements of problem cards, given as (guid, remark)."""
    for guid, remark in islice(cards, limit):
        key = ledger.cards.get(guid).highlight.key
        for task in again(ledger, [key], decks, remark):
            yield replace(task, instead=guid)


def unprobed(ledger: Ledger) -> Iterator[tuple[Card, Task, tuple[Candidate, ...]]]:
    """Yield each card that has drafts waiting for an answer probe, with its task and these drafts."""
    private_passages = PrivatePassages(ledger)
    for card in ledger.cards.unprobed():
        waiting = tuple(
            one
            for one in card.candidates
            if one.state is not CandidateState.PASSED
            and one.draft.probe
            and not (one.draft.probed or one.blocked)
        )
        if waiting:
            task = Task(card.highlight.document, (card.highlight,))
            yield card, private_passages.mark(task), waiting


def probe_waiting(job: Job, ledger: Ledger, run: RunId, prober: Prober) -> Iterator[Progress]:
    """Probe drafts recorded without a probe because a server failed or a file was imported."""
    from ankiforge.draft.asker import UncachedError
    from ankiforge.draft.probe import later

    for card, task, waiting in list(unprobed(ledger)):
        drafts = tuple(one.draft for one in waiting)
        if (chunk := later(task, drafts)) is None:
            continue
        try:
            probed = prober.probe(chunk, drafts)
        except UncachedError:
            continue
        except ItemError as error:
            problem = Problem(
                card.highlight.document.title, f"not probed: {error.message}", error.hint
            )
            yield Progress(problems=(problem,))
            continue
        record_probes(job, ledger, run, card, zip(waiting, probed, strict=True))


def record_probes(
    job: Job, ledger: Ledger, run: RunId, card: Card, probed: Iterable[tuple[Candidate, Draft]]
) -> None:
    """Record the results of probes for the drafts of a card, which the policy may accept now."""
    from ankiforge import check

    for candidate, draft in probed:
        if not draft.probed:
            continue
        findings = check.after_probe(draft, candidate.findings)
        clean = all(finding.severity is Severity.INFO for finding in findings)
        alone = len(card.to_choose) <= 1
        checked = Checked(draft, findings, accept=clean and alone and job.accepts(draft))
        ledger.recorder.record_probe(run, card, letter_of(candidate), checked)


def briefed(task: Task, decks: tuple[DeckRule, ...]) -> Iterator[Task]:
    """Split a task by the briefs of its highlights, in reading order."""
    if not decks:
        yield task
        return
    discreet = task.discreet or any(private(highlight) for highlight in task.highlights)
    parts: dict[Brief, list[Highlight]] = {}
    for highlight in task.highlights:
        parts.setdefault(brief_of(decks, task.document, highlight), []).append(highlight)
    for brief, highlights in parts.items():
        yield replace(task, highlights=tuple(highlights), brief=brief, discreet=discreet)


def brief_of(decks: tuple[DeckRule, ...], document: Document, highlight: Highlight) -> Brief:
    """Return the brief of the first deck file that matches a highlight."""
    choice = deck_of(decks, document, highlight)
    return Brief(choice.prompt, choice.kinds, choice.action.value)


class PrivatePassages:
    """The passages that must not leave this machine, whether or not they are pending."""

    def __init__(self, ledger: Ledger) -> None:
        found = [one for one in ledger.highlights.mentioning(NO_LLM) if private(one)]
        marked = [one.exact for one in found]
        marked += [one.exact[start:end] for one in found for start, end in one.gaps]
        self._words = frozenset(one for one in map(fold, marked) if len(one) >= LONG_ENOUGH)
        self._here: dict[DocumentKey, set[str]] = {}
        """All private passages by document, including short ones."""
        for one in found:
            self._here.setdefault(one.document.key, set()).add(fold(one.exact))

    def mark(self, task: Task) -> Task:
        """Mark each passage of a task as private if one of its locations is private.

        The task is marked as well, because the text around other passages may contain private ones.
        """
        marks = tuple(self._marked(highlight) for highlight in task.highlights)
        return replace(task, highlights=marks, discreet=task.document.key in self._here)

    def stand_in(self, text: str, document: DocumentKey | None = None) -> bool:
        """Return whether a text contains a private passage; short ones count only in `document`."""
        folded, short = fold(text), self._here.get(document, ()) if document else ()
        return any(word in folded for word in (*self._words, *filter(None, short)))

    def _marked(self, highlight: Highlight) -> Highlight:
        text = fold(highlight.exact)
        if highlight.nearby and self.stand_in(highlight.nearby, highlight.document.key):
            highlight = replace(highlight, nearby="")
        if text not in self._words and not any(word in text for word in self._words):
            return highlight
        return replace(highlight, tags=(*highlight.tags, NO_LLM))


def _limited(tasks: Iterator[Task], limit: int | None) -> Iterator[Task]:
    """Yield at most `limit` highlights, not counting skipped and private ones."""
    left = limit
    for task in tasks if left != 0 else ():
        taken = []
        for highlight in task.highlights:
            if left == 0:
                break
            taken.append(highlight)
            if left is not None and not skip_reason(highlight) and not private(highlight):
                left -= 1
        if taken:
            yield replace(task, highlights=tuple(taken))
        if left == 0:
            return


def share(tasks: Iterable[Task], only: frozenset[HighlightKey], *, by_hand: bool) -> Iterator[Task]:
    """Return the highlights that only the rules draft (`by_hand`), or all others."""
    return _filtered(tasks, lambda one: (not only or one.key in only) and for_rules(one) is by_hand)


def _filtered(tasks: Iterable[Task], keep: Callable[[Highlight], bool]) -> Iterator[Task]:
    """Yield tasks with only the highlights to keep, and omit tasks that have none."""
    for task in tasks:
        if kept := tuple(filter(keep, task.highlights)):
            yield replace(task, highlights=kept)


# --- checking and recording drafts ------------------------------------------------------------

BATCH_DOCUMENTS = 50
BATCH_SECONDS = 0.2
"""The limits of one transaction, in documents and seconds. Other programs wait that long to write."""


class DraftRecorder:
    """Checks drafts, assigns decks, and records them, one document at a time.

    The checks are imported on first use, because a run that finds nothing new does not need them.
    """

    def __init__(self, job: Job, ledger: Ledger, run: RunId) -> None:
        self._job = job
        self._ledger = ledger
        self._run = run
        self.unmerged: set[HighlightKey] = set()
        """Highlights that need a card again: the one they were merged into was changed."""
        self._before: dict[str, list[tuple[Guid, Draft]]] = {}
        """For documents with more results to come, the drafts so far with their cards' guids."""

    def record(self, results: Iterable[Drafted], name: str) -> Iterator[Progress]:
        """Check and record results as the drafter called `name` yields them.

        Results of the rules cost nothing to repeat, so several documents share one transaction. Those
        of a model are committed one by one.
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
        document = drafted.task.document.key
        before = self._before.pop(document, [])
        drafted, batch = self._batch(drafted, name, before)
        judge = EditJudge(self._ledger, self._job.decks)
        recorded = self._ledger.recorder.record(self._run, batch, judge)
        self.unmerged.update(recorded.unmerged)
        here = [
            (recorded.named[one.label], one.draft)
            for one in batch.checked
            if one.label in recorded.named
        ]
        if before and here:
            self._recheck(before, here)
        if drafted.more:
            self._before[document] = [*before, *here]
        return Progress(
            drafted.task.document.title,
            recorded.drafted,
            recorded.revised,
            recorded.merged,
            recorded.answers_changed,
            recorded.flooded,
            problems=drafted.problems,
            highlights=len(drafted.task.highlights),
        )

    @cached_property
    def _known(self) -> check.DuplicateIndex:
        """The index of all cards, for finding duplicates."""
        from ankiforge import check

        return check.DuplicateIndex(self._ledger.duplicates)

    @cached_property
    def _names(self) -> check.Names:
        """The names in lines `name:: value` of all highlights read so far."""
        from ankiforge import check

        return check.Names(self._ledger.highlights.on_lines())

    def _recheck(self, before: list[tuple[Guid, Draft]], here: list[tuple[Guid, Draft]]) -> None:
        """Add a finding to cards whose answer a later card of the same document gives away."""
        from ankiforge import check

        cards, share = self._ledger.cards, check.limit_of("sibling_leak")
        siblings = check.Siblings(here)
        for guid, draft in before:
            for finding in siblings.leaks(draft, share / 100):
                candidates = cards.get(guid).candidates
                same = (one for one in candidates if one.draft.fields == draft.fields)
                if candidate := next(same, None):
                    known = cards.findings(guid, letter_of(candidate))
                    if all(one.check != finding.check for one in known):
                        with self._ledger.unit():
                            cards.set_findings(guid, letter_of(candidate), (*known, finding))

    def _batch(
        self, drafted: Drafted, name: str, before: list[tuple[Guid, Draft]]
    ) -> tuple[Drafted, Batch]:
        """Check results; return them without the highlights on which a check fails, and the batch."""
        from ankiforge import check
        from ankiforge.sync import picture_fault

        highlights = {highlight.key: highlight for highlight in drafted.task.highlights}
        # Recording may change the text of these cards.
        cards = [card for key in highlights for card in self._ledger.cards.of_highlight(key)]
        self._known.refresh({card.guid for card in cards if card.highlight.key in highlights})
        here = check.DuplicateIndex()
        labelled = [(f"draft {number}", draft) for number, draft in enumerate(drafted.drafts)]
        siblings = check.Siblings([*before, *labelled])
        checked, no_cards = [], list(drafted.no_cards)
        failed: dict[HighlightKey, BugError] = {}
        forms = self._ledger.consents.decided()
        for label, draft in labelled:
            highlight = highlights[draft.highlight]
            form = forms.get((highlight.document.source, highlight.written))
            if form and form.choice is Choice.NEVER:
                no_cards.append(NoCard(highlight.key, LEFT_OUT))
                continue
            context = check.Context(
                highlight, self._known, here, siblings, self._names,
                partial(picture_fault, self._ledger, highlight),
            )  # fmt: skip
            try:
                with one_item():
                    checked.append(self._checked(draft, context, here, label))
            except BugError as error:
                failed[highlight.key] = error
        if failed:  # the others must not count as repetitions of what is not recorded
            return self._batch(_without(drafted, failed), name, before)
        batch = Batch(drafted.task, name, tuple(checked), tuple(no_cards), drafted.failed)
        return drafted, batch

    def _checked(
        self, draft: Draft, context: check.Context, here: check.DuplicateIndex, label: str
    ) -> Checked:
        from ankiforge import check

        highlight = context.highlight
        if self._job.probing and draft.origin.drafter == "llm" and draft.probe is None:
            draft = replace(draft, probe=Probe(done=False))
        findings = check.check(draft, context)
        blocked = any(finding.severity is Severity.BLOCK for finding in findings)
        repeats: str | None = None
        if not blocked:
            repeats = self._known.exact(draft, highlight.key) or here.exact(draft, highlight.key)
        here.add(label, highlight.key, draft)
        clean = all(finding.severity is Severity.INFO for finding in findings)
        by_policy = clean and self._job.accepts(draft)
        consent = ""
        if self._job.consent and not by_policy:
            consent = self._ledger.consents.accepts(highlight, draft, findings)
        return Checked(
            draft,
            findings,
            accept=by_policy or bool(consent),
            consent=consent,
            later=self._job.in_progress(highlight),
            repeats=repeats or "",
            label=label,
            deck=_deck_of(self._job, highlight),
            deck_asked=bool(self._job.deck) and not highlight.document.deck,
        )


def _without(drafted: Drafted, failed: Mapping[HighlightKey, BugError]) -> Drafted:
    """Return the results with highlights as failed: their cards are made when all can be checked."""
    highlights = (one for one in drafted.task.highlights if one.key in failed)
    return replace(
        drafted,
        drafts=tuple(one for one in drafted.drafts if one.highlight not in failed),
        no_cards=tuple(one for one in drafted.no_cards if one.highlight not in failed),
        failed=(*drafted.failed, *((key, error.message) for key, error in failed.items())),
        problems=(*drafted.problems, *(failed_on(one, failed[one.key]) for one in highlights)),
    )


def recheck_named(ledger: Ledger) -> tuple[Problem, ...]:
    """Repeat the duplicate check for pairs in which a card or a foreign note was reworded."""
    changed, problems = ledger.duplicates.reworded(), list[Problem]()
    with ledger.unit() if changed else nullcontext():
        for id in changed:
            try:
                with one_item():
                    _recheck_pairs(ledger, id)
                    ledger.duplicates.rechecked(id)
            except BugError as error:
                problems.append(Problem(f"duplicates of {id}", error.message, error.hint))
    return tuple(problems)


def _recheck_pairs(ledger: Ledger, id: str) -> None:
    from ankiforge.check import DuplicateIndex

    if not (words := ledger.duplicates.draft(id)):
        return
    index = DuplicateIndex()
    index.add(id, HighlightKey(""), words, ledger.duplicates.where(id))
    for guid, letter in ledger.duplicates.naming(id):
        card = ledger.cards.get(guid)
        draft = next(one.draft for one in card.candidates if letter_of(one) == letter)
        same = ledger.duplicates.may_be_same
        found = list(index.near(draft, card.highlight.key, may_be_same=same))
        before = ledger.cards.findings(guid, letter)
        named = [one for one in before if one.twin == id and one.check in ALIKE]
        if found != named:
            kept = (one for one in before if one not in named)
            ledger.cards.set_findings(guid, letter, (*kept, *found))


# --- the second half ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Published:
    """The result of writing one package."""

    path: Path
    notes: int
    added: int
    """The number of notes that no package contained before."""
    updated: int
    """The number of notes whose text changed since an earlier package."""
    problems: tuple[Problem, ...] = ()
    """Cards that Anki would reject, and missing pictures: both are left out of the package."""


@dataclass(frozen=True, slots=True)
class PackagePlan:
    """The cards of one package."""

    path: Path
    plans: tuple[CardPlan, ...]


def publish(
    ledger: Ledger, run: RunId, packages: Iterable[PackagePlan], types: Mapping[Family, SeenType]
) -> Iterator[Published]:
    """Write each package completely or not at all, and record its contents.

    A card that Anki would reject is left out and reported as a problem. Revisions are recorded before
    the package replaces the old one, so that a power cut never gives one revision number to two texts.
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
    """Write a package and replace the old one; if that fails, keep the old one and return the problem."""
    from ankiforge.anki.package import write_package

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
        return Problem(str(path), what, "close the program that has it open, then: ankiforge build")
    finally:
        beside.unlink(missing_ok=True)
    return None
