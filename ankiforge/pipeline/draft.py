"""Draft what is pending: the rules first, then the model, after what they left was judged.

Everything is checked and recorded. Proposals are no drafts: see `proposals.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.config.deckfiles import DeckRule, deck_of, rule_of
from ankiforge.draft import (
    PROPOSALS_VERSION,
    failed_on,
    for_rules,
    withheld,
    without_comment,
)
from ankiforge.errors import BugError, one_item
from ankiforge.ledger import Ledger, cards, decide, private, recording
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.drafts import completed, stands
from ankiforge.ledger.here import HighlightHere
from ankiforge.ledger.tables.duplicates import Duplicates, told_apart
from ankiforge.ledger.tables.here import highlights_here
from ankiforge.ledger.tables.highlights import number_undrafted, worths_by_key
from ankiforge.ledger.tables.originals import Originals
from ankiforge.model import (
    Brief,
    CardKind,
    Draft,
    Drafted,
    Highlight,
    HighlightKind,
    Problem,
    Severity,
    Task,
    is_card_id,
)
from ankiforge.pipeline.result import ByModel, Job, Progress

if TYPE_CHECKING:
    from ankiforge.draft.sendable import Privacy, SendableTask


def draft(job: Job, ledger: Ledger) -> Iterator[Progress]:
    """Draft the pending passages, and accept as the settings allow; yield each step."""
    model = job.model
    if job.only:
        from ankiforge.draft import rules
        from ankiforge.pipeline.second_reading import read_again

        # passages again at a person's request; the drafts wait beside the others
        checks = Checks(job, ledger)
        chosen = [
            without_comment(cards.highlight_of(ledger, key)) for key in sorted(job.only)
        ]
        tasks = []
        for task in _tasks(job, chosen):
            tasks.append(replace(task, remark=job.remark, beside=True))
        results: Iterable[list[Drafted]]
        if model is None:
            results = [rules.draft(task, figures=job.figures) for task in tasks]
        else:
            results = model.draft(map(privacy_of(ledger).task, tasks))
        checked = (checks.of_results(drafted) for drafted in results)
        for drafted in read_again(model, partial(privacy_of, ledger), checked):
            yield _record(checks, drafted, by_model=model is not None, beside=True)
        return

    # the rules draft new and changed passages, batch by batch; what they leave is judged; a
    # passage is drafted again if the kinds of drafts change
    kinds_of_drafts = []
    if job.proposals:
        kinds_of_drafts.append(PROPOSALS_VERSION)
    if job.figures:
        kinds_of_drafts.append("figures")
    recording.use_offline_drafts(ledger, " ".join(kinds_of_drafts))
    offline_checks = None  # loading them takes longer than a run in which nothing changed
    yield Progress(to_draft=number_undrafted(ledger))
    pending = recording.to_draft(ledger, in_progress=job.in_progress)
    for batch in in_batches(pending):  # each in one transaction
        from ankiforge.pipeline.pictures import with_figure

        if offline_checks is None:
            offline_checks = Checks(job, ledger)
        identified = [with_figure(job, ledger, highlight) for highlight in batch]
        by_rules: list[Drafted] = []
        for task in _tasks(job, identified):
            by_rules += _offline(job, task)
        with ledger.action():
            passages = offline_checks.here(by_rules)
            checked_batch = offline_checks.of_results(by_rules, passages, by_rules=True)
            step = _record(offline_checks, checked_batch, passages, by_model=False)
        yield step
    yield _accept_clean(job, ledger)

    # the model drafts the rest; each step reports the progress
    if model is None or job.limit == 0:
        return
    to_send = list(for_model(job, ledger))
    total = sum(len(sent.task.highlights) for sent in to_send)
    done = 0
    if total:
        yield Progress(by_model=ByModel(model.host, done, total, model.usage))
        for step in record(job, ledger, model.draft(iter(to_send))):
            done += step.highlights
            by_model = ByModel(model.host, done, total, model.usage)
            yield replace(step, by_model=by_model)


def _offline(job: Job, task: Task) -> list[Drafted]:
    """Return the results of the rules; the passages that they left are judged for proposals.

    Nothing is proposed where a person asked for no card, or for a question.
    """
    from ankiforge.draft import rules

    results = rules.draft(task, figures=job.figures)
    if not job.proposals:
        return results
    brief = task.brief
    takes_clozes = not brief.kinds or CardKind.CLOZE in brief.kinds
    is_proposed = takes_clozes and brief.wants != "question"
    judged = []
    for result in results:
        is_plain = result.highlight.kind is not HighlightKind.CARD
        if is_plain and result.reason in rules.NOT_ASKED:
            result = _judged(result.highlight, is_proposed=is_proposed)
        judged.append(result)
    return judged


def _judged(highlight: Highlight, *, is_proposed: bool) -> Drafted:
    """Return an outcome with the passage's worth; 0 or less = no card is to be proposed of it."""
    from ankiforge.draft.propose import Reason, judge

    try:
        with one_item():
            judged = judge(highlight)
    except BugError as error:
        return failed_on(highlight, error)
    if judged.worth > 0 and not is_proposed:
        return Drafted(highlight, reason=Reason.KINDS.value, worth=judged.worth - 1.0)
    return judged


def _proposals(highlight: Highlight) -> tuple[Draft, ...]:
    """Return the proposals of a passage."""
    from ankiforge.draft.propose import proposals
    from ankiforge.pipeline.proposals import faults_of_gap

    return proposals(highlight, faults_of_gap).drafts


def record(
    job: Job,
    ledger: Ledger,
    results: Iterable[Iterable[Drafted]],
) -> Iterator[Progress]:
    """Check and record the drafts of a model or a chat, each answer as it arrives.

    If a person agreed, the model reads them again in between: about twenty come together.
    """
    from ankiforge.pipeline.second_reading import read_again

    checks = Checks(job, ledger)
    checked = (checks.of_results([*drafted]) for drafted in results)
    for drafted in read_again(job.model, partial(privacy_of, ledger), checked):
        with ledger.action():
            yield _record(checks, drafted, by_model=True)
    yield _accept_clean(job, ledger)


def _accept_clean(job: Job, ledger: Ledger) -> Progress:
    """Accept as the settings allow, except from notes that a person is still editing."""
    accepted = decide.accept_clean(ledger, job.accepts, job.in_progress)
    problems = []
    for highlight, error in accepted.failed:
        problem = failed_on(highlight, error).problem
        if problem is not None:
            problems.append(problem)
    return Progress(accepted=len(accepted.guids), problems=tuple(problems))


# --- tasks for a drafter --------------------------------------------------------------------


def for_model(
    job: Job,
    ledger: Ledger,
    limit: int | None = None,
    document: str = "",
    enough: int | None = None,
) -> Iterator[SendableTask]:
    """Yield the tasks for a model, as they may be sent.

    Args:
        job: provides briefs, and what is left out.
        ledger: has the highlights.
        limit: the number of highlights, the likeliest to deserve a card first; None = as
            the job says.
        document: the key of the only document whose highlights are sent; "" = all.
        enough: end at so many highlights, whichever come first: they are only counted.
    """
    if limit is None and enough is None:
        limit = job.limit
    privacy = privacy_of(ledger)
    highlights: list[Highlight] = []
    for highlight in recording.to_draft(ledger, by_model=True, within=job.within):
        if for_rules(highlight) or withheld(highlight) or privacy.why(highlight):
            continue
        if document not in ("", highlight.document.key):
            continue
        if highlight.key in job.passed_over:
            continue
        if not job.in_progress(highlight.document.path):
            highlights.append(highlight)
        if len(highlights) == enough:
            break
    if limit is not None:
        from ankiforge.draft.propose import judge

        worths = worths_by_key(ledger)

        def rank(highlight: Highlight) -> float:
            """Rank those first for which a person asks something, by comment or colour."""
            if highlight.instructs and any(map(str.isalnum, highlight.comment)):
                return -1.0
            if brief_of(job.decks, highlight).wants in ("definition", "question"):
                return -1.0
            # what no run judged: where nothing is proposed, or the rules have a draft
            return -(worths.get(highlight.key) or judge(without_comment(highlight)).worth)

        likeliest = {highlight.key for highlight in sorted(highlights, key=rank)[:limit]}
        highlights = [highlight for highlight in highlights if highlight.key in likeliest]
    for task in _tasks(job, map(without_comment, highlights)):
        yield privacy.task(task)


def privacy_of(ledger: Ledger) -> Privacy:
    """Return the private texts of the workspace as of now."""
    from ankiforge.draft.sendable import Privacy

    return Privacy(private.texts(ledger), partial(cards.places, ledger))


def _tasks(job: Job, highlights: Iterable[Highlight]) -> Iterator[Task]:
    """Group highlights by document and by brief, in reading order."""
    for _, group in groupby(highlights, key=lambda highlight: highlight.document.key):
        of_document = list(group)
        document = of_document[0].document
        by_brief: dict[Brief, list[Highlight]] = {}
        for highlight in of_document:
            brief = brief_of(job.decks, highlight)
            by_brief.setdefault(brief, []).append(highlight)
        for brief, of_brief in by_brief.items():
            yield Task(document, tuple(of_brief), brief=brief)


def brief_of(decks: tuple[DeckRule, ...], highlight: Highlight) -> Brief:
    """Return the brief of the first deck file that matches a highlight."""
    rule = rule_of(decks, highlight)
    return Brief(rule.kinds, rule.meaning_of(highlight.colour))


# --- checking ------------------------------------------------------------------------------


class Checks:
    """Checks drafts and gives them decks."""

    def __init__(self, job: Job, ledger: Ledger) -> None:
        """Prepare the index of cards and drafts, which reads nothing before the first draft."""
        from ankiforge.check import DuplicateIndex

        self.job = job
        self.ledger = ledger
        self.known = DuplicateIndex(Duplicates(ledger))
        self.originals = Originals(ledger)

    def here(self, results: Iterable[Drafted]) -> Mapping[str, HighlightHere]:
        """Return the passages of results by their keys, as they are here now."""
        keys = [each.highlight.key for each in results if not each.passing]
        return highlights_here(self.ledger, keys, self.originals)

    def of_results(
        self,
        results: Sequence[Drafted],
        passages: Mapping[str, HighlightHere] | None = None,
        *,
        by_rules: bool = False,
    ) -> list[Drafted]:
        """Return results with all drafts that their passages have now, checked."""
        if passages is None:
            passages = self.here(results)
        checked = []
        for drafted in results:
            highlight = drafted.highlight
            if drafted.passing:  # it stays pending
                checked.append(drafted)
                continue
            try:
                with one_item():
                    here = passages[highlight.key]
                    drafts = completed(
                        here,
                        drafted.drafts,
                        again=by_rules,
                        proposals=_proposals if by_rules and self.job.proposals else None,
                    )
                    drafts = self.checked(here, highlight, drafts)
                    checked.append(replace(drafted, drafts=tuple(drafts)))
            except BugError as error:
                checked.append(failed_on(highlight, error))
        return checked

    def checked(
        self, here: HighlightHere, highlight: Highlight, drafts: Sequence[Draft]
    ) -> list[Draft]:
        """Return the drafts of a highlight, as it was drafted, with findings and deck.

        What is a card already is not checked: nobody is asked about it.
        """
        from ankiforge import check
        from ankiforge.draft.propose.features import sureness_of_text
        from ankiforge.pipeline.pictures import picture_fault

        passage = without_comment(highlight)
        pictures = self.job.pictures
        deck = deck_of(self.job.decks, highlight, self.job.deck).deck
        checked = []
        for number, draft in enumerate(drafts):
            if stands(here.passage, draft):
                checked.append(replace(draft, deck=deck))
                continue
            context = check.Context(
                passage,
                self.known,
                lambda path: picture_fault(self.ledger, highlight, path, pictures),
            )
            findings = check.check(draft, context)
            # without those about cards that a person told apart
            guids = [each.duplicate for each in findings if is_card_id(each.duplicate)]
            apart = told_apart(self.ledger, here.passage, guids)
            findings = tuple(each for each in findings if each.duplicate not in apart)
            id = f"{highlight.key} {number}"
            self.known.add(id, highlight.key, draft)
            sure = draft.sureness
            if check.marked(draft, passage):
                sure = sureness_of_text(passage, check.read(draft).whole)
            checked.append(replace(draft, findings=findings, deck=deck, sureness=sure))
        return checked


# --- recording ------------------------------------------------------------------------------


def _record(
    checks: Checks,
    results: Sequence[Drafted],
    passages: Mapping[str, HighlightHere] | None = None,
    *,
    by_model: bool,
    beside: bool = False,
) -> Progress:
    """Record the checked drafts of some highlights, whose passages are read, unless given."""
    from ankiforge.check import terms_of

    problems: list[Problem] = []
    outcomes: list[Drafted] = []
    without = 0
    for drafted in results:
        if drafted.passing:  # it stays pending
            continue
        if drafted.problem is not None:
            problems.append(drafted.problem)

        if all(draft.unfit for draft in drafted.drafts):
            without += 1
            for finding in drafted.drafts[0].findings if drafted.drafts else ():
                if finding.severity is Severity.BLOCK:  # why none of them is fit
                    drafted = replace(drafted, reason=finding.message, problem=None)
                    break
        outcomes.append(drafted)
    recorded = recording.record(
        checks.ledger,
        outcomes,
        terms_of,
        by_model=by_model,
        beside=beside,
        originals=checks.originals,
        passages=passages,
    )
    for highlight, fault in recorded.failed:
        problem = failed_on(highlight, fault).problem
        if problem is not None:
            problems.append(problem)
    return Progress(
        highlights=len(results),
        drafted=len(recorded.new),
        without=without,
        changes=recorded.changes,
        problems=tuple(dict.fromkeys(problems)),
    )
