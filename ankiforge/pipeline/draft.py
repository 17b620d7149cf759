"""Draft cards for pending highlights: first by the rules, then by a model for the rest.

All drafts are checked and recorded. Proposals (`proposals.py`) don't count as drafts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.config.deckfiles import DeckRule, choose_deck, find_rule
from ankiforge.draft import (
    PROPOSALS_VERSION,
    find_reason_not_to_send,
    is_drafted_by_rules_only,
    make_failed_result,
    remove_comment_from_context,
)
from ankiforge.draft.instructions import QuestionRequest, parse_highlight_instruction
from ankiforge.errors import BugError, wrap_unexpected_errors
from ankiforge.ledger import Ledger, cards, decide, draft_recording, private
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.draft_completion import complete_drafts, repeats_live_card
from ankiforge.ledger.events import make_guid
from ankiforge.ledger.passage_order import (
    ChatCandidate,
    compute_rank,
    get_factuality,
    load_factuality,
    select_varied_passages,
)
from ankiforge.ledger.snapshots import HighlightSnapshot
from ankiforge.ledger.tables.anki_notes import find_cards_tagged_private
from ankiforge.ledger.tables.duplicates import (
    DuplicateCandidates,
    fetch_candidates_version,
    filter_declared_different,
)
from ankiforge.ledger.tables.highlights import count_highlights_to_draft, load_usefulness
from ankiforge.ledger.tables.pending_drafts import (
    decode_draft,
    load_drafts_of_outdated_cards,
    load_drafts_with_duplicate_finding,
    set_findings,
)
from ankiforge.ledger.tables.sentences import load_best_sentence_hashes
from ankiforge.ledger.tables.snapshots import load_highlight_snapshots
from ankiforge.model import (
    Card,
    CardKind,
    DocumentKey,
    Draft,
    DraftingInstructions,
    DraftingResult,
    DraftingStatus,
    DraftingTask,
    Highlight,
    HighlightKind,
    PrivateText,
    Problem,
    Severity,
    is_card_id,
)
from ankiforge.pipeline.collection import apply_anki_edits
from ankiforge.pipeline.run_result import (
    ModelProgress,
    OtherProgress,
    RunParameters,
    RunStep,
)
from ankiforge.text.private import list_private_texts

if TYPE_CHECKING:
    from ankiforge.draft.llm import ModelDrafter
    from ankiforge.draft.privacy import PrivacyFilter, SendableTask

SAMPLE_SIZE = 20
"""The number of highlights that a model drafts before `should_go_on` is called."""


def draft_pending_highlights(job: RunParameters, ledger: Ledger) -> Iterator[RunStep]:
    """Draft cards for pending highlights, and accept drafts if the settings allow it.

    If `job.redrafted` is set, only those highlights are drafted, and their pending drafts are
    kept.

    Yields:
        The result of each step.
    """
    if job.redrafted:
        yield from _redraft_selected_highlights(job, ledger)
        return
    yield from _draft_pending_highlights_by_rules(job, ledger)
    yield from _accept_clean_drafts(job, ledger)
    if job.model is not None and job.limit != 0:
        yield from _draft_pending_highlights_by_model(job, ledger, job.model)


def _redraft_selected_highlights(job: RunParameters, ledger: Ledger) -> Iterator[RunStep]:
    """Draft the selected highlights again, and add the drafts to the pending ones."""
    highlights = []
    for key in sorted(job.redrafted):
        highlight = cards.load_highlight(ledger, key)
        highlights.append(remove_comment_from_context(highlight))
    tasks = []
    for task in _group_into_tasks(job, highlights):
        tasks.append(replace(task, user_request=job.remark, keeps_pending_drafts=True))
    results: Iterable[list[DraftingResult]]
    if job.model is None:
        from ankiforge.draft import rules

        results = [rules.draft_task(task, figures=job.figures) for task in tasks]
    else:
        privacy_filter = load_privacy_filter(ledger)
        results = job.model.draft(map(privacy_filter.make_sendable_task, tasks))
    drafting = draft_recording.make_drafting_id(ledger)
    yield from check_and_record_results(job, ledger, results, drafting=drafting)


def _draft_pending_highlights_by_rules(
    job: RunParameters, ledger: Ledger
) -> Iterator[RunStep]:
    """Draft new and changed highlights by the rules, in batches.

    Highlights that the rules leave are scored for suggestions. All highlights are drafted again if
    the kinds of drafts change.
    """
    draft_kinds = []
    if job.proposals:
        draft_kinds.append(PROPOSALS_VERSION)
    if job.figures:
        draft_kinds.append("figures")
    draft_recording.schedule_redrafting(ledger, " ".join(draft_kinds))
    offline_checks = None  # loading it takes longer than a run without changes
    yield RunStep(to_draft=count_highlights_to_draft(ledger))
    # each batch is recorded in one transaction
    for batch in iter_batches(draft_recording.iter_highlights_to_draft(ledger)):
        from ankiforge.pipeline.media import add_figure_hash

        if offline_checks is None:
            offline_checks = DraftChecker(job, ledger, by_rules=True)
        with_figures = [add_figure_hash(job, ledger, highlight) for highlight in batch]
        by_rules: list[DraftingResult] = []
        for task in _group_into_tasks(job, with_figures):
            by_rules += _draft_by_rules(job, task)
        with ledger.action():
            checked = offline_checks.complete_and_check(by_rules)
            step = _record_results(offline_checks, checked)
        yield step


def _draft_pending_highlights_by_model(
    job: RunParameters, ledger: Ledger, model: ModelDrafter
) -> Iterator[RunStep]:
    """Let the model draft what the rules have left.

    If there is more than a sample, and `job.should_go_on` is set, the best highlights are drafted
    and recorded first, and the rest is only sent if it returns True.
    """
    sendable_tasks = list(iter_model_tasks(job, ledger))
    total = sum(len(sendable.task.highlights) for sendable in sendable_tasks)
    if not total:
        return
    drafting = draft_recording.make_drafting_id(ledger)

    def draft_tasks(
        tasks: Iterable[SendableTask], done_count: int = 0
    ) -> Iterator[RunStep]:
        """Draft and record tasks. `done_count` is how many highlights were drafted before."""
        by_model = ModelProgress(model.host, done_count, total, model.usage)
        yield RunStep(by_model=by_model)
        answers = _CountedAnswers(model.draft(iter(tasks)))
        for step in check_and_record_results(job, ledger, answers, drafting=drafting):
            # an answer counts when it comes, although it may be recorded with later ones
            answered_count = done_count + answers.highlight_count
            by_model = ModelProgress(model.host, answered_count, total, model.usage)
            yield replace(step, by_model=by_model)

    if job.should_go_on is None or total <= SAMPLE_SIZE:
        yield from draft_tasks(sendable_tasks)
        return

    # draft a sample, and ask whether to go on
    sample_job = replace(job, limit=SAMPLE_SIZE)
    sample_tasks = list(iter_model_tasks(sample_job, ledger))
    example = None
    for step in draft_tasks(sample_tasks):
        example = step.example or example
        yield step
    yield RunStep(is_paused=True)
    if not job.should_go_on(example, SAMPLE_SIZE, total):
        return
    sample_keys = set[str]()
    for sendable in sample_tasks:
        sample_keys.update(highlight.key for highlight in sendable.task.highlights)
    rest_job = replace(
        job, excluded=job.excluded | sample_keys, limit=total - SAMPLE_SIZE
    )
    yield from draft_tasks(list(iter_model_tasks(rest_job, ledger)), SAMPLE_SIZE)


class _CountedAnswers:
    """The answers of a model, and the number of highlights in those that have come so far."""

    def __init__(self, answers: Iterable[list[DraftingResult]]) -> None:
        self._answers = answers
        self.highlight_count = 0

    def __iter__(self) -> Iterator[list[DraftingResult]]:
        for results in self._answers:
            self.highlight_count += len(results)
            yield results


def _draft_by_rules(job: RunParameters, task: DraftingTask) -> list[DraftingResult]:
    """Draft cards by the rules, and score the passages without a draft for proposals.

    Nothing is proposed for a passage whose deck file asks for questions or excludes cloze cards.
    """
    from ankiforge.draft import rules

    results = rules.draft_task(task, figures=job.figures)
    if not job.proposals:
        return results
    brief = task.instructions
    takes_clozes = not brief.kinds or CardKind.CLOZE in brief.kinds
    is_proposed = takes_clozes and brief.requested_kind != "question"
    outcomes = []
    for result in results:
        if result.highlight.kind is HighlightKind.CARD:
            pass
        elif result.reason in rules.UNREQUESTED_REASONS:
            result = _score_highlight(result.highlight, is_proposed=is_proposed)
        elif result.drafts and all(
            draft.origin.is_from_comment for draft in result.drafts
        ):
            # if the user rejects the question, the passage is proposed
            scores = _score_highlight(result.highlight, is_proposed=is_proposed)
            result = replace(
                result,
                usefulness=scores.usefulness,
                usefulness_by_sentence=scores.usefulness_by_sentence,
            )
        outcomes.append(result)
    return outcomes


def _score_highlight(highlight: Highlight, *, is_proposed: bool) -> DraftingResult:
    """Estimate how useful a card from a highlight would be.

    Returns a result without drafts. If no card should be proposed, its usefulness is zero or
    negative.
    """
    from ankiforge.draft.propose import RejectionReason, score_highlight
    from ankiforge.pipeline.proposals import confirm_certain_sentences

    try:
        with wrap_unexpected_errors():
            result = confirm_certain_sentences(score_highlight(highlight))
    except BugError as error:
        return make_failed_result(highlight, error)
    if result.usefulness > 0 and not is_proposed:
        return DraftingResult(
            highlight,
            status=DraftingStatus.NO_CARD,
            reason=RejectionReason.KIND_NOT_ALLOWED.value,
            usefulness=result.usefulness - 1.0,
        )
    return result


def check_and_record_results(
    job: RunParameters,
    ledger: Ledger,
    results: Iterable[Iterable[DraftingResult]],
    *,
    drafting: str = "",
) -> Iterator[RunStep]:
    """Check and record the drafts of a model or chat, one reply at a time.

    Highlights in `job.redrafted` keep their pending drafts. If the model does a second reading, it
    compares the checked drafts with their passages, about twenty at a time.

    Args:
        job: The parameters of the run, including the model for a second reading.
        ledger: The ledger in which to record the drafts.
        results: The results for each reply.
        drafting: The id with which `undo` reverts all of these drafts at once, or "" if
            that is not possible.

    Yields:
        The result of each step.
    """
    from ankiforge.pipeline.second_reading import add_model_objections

    checks = DraftChecker(job, ledger)
    checked = (checks.complete_and_check([*drafted]) for drafted in results)
    for drafted in add_model_objections(
        job.model, partial(load_privacy_filter, ledger), checked
    ):
        if not drafted:  # the answer waits for its second reading
            yield RunStep()
            continue
        with ledger.action():
            yield _record_results(checks, drafted, drafting=drafting)
    if not job.redrafted:
        yield from _accept_clean_drafts(job, ledger)


def _accept_clean_drafts(job: RunParameters, ledger: Ledger) -> Iterator[RunStep]:
    _update_findings(ledger)
    for batch in decide.accept_clean_drafts(ledger, job.should_accept):
        yield RunStep(
            accepted=len(batch.guids),
            problems=tuple(_list_failures(batch.failed)),
            other=OtherProgress("accepting your cards", batch.done, batch.total),
        )


def _list_failures(failed: Iterable[tuple[Highlight, BugError]]) -> list[Problem]:
    results = (make_failed_result(highlight, error) for highlight, error in failed)
    return [result.problem for result in results if result.problem is not None]


# --- tasks for a drafter --------------------------------------------------------------------


def _load_outdated_cards(ledger: Ledger) -> dict[str, list[Card]]:
    """Load the cards whose passage has changed, by the key of the highlight."""
    cards_by_key: dict[str, list[Card]] = defaultdict(list)
    for row in load_drafts_of_outdated_cards(ledger):
        card = apply_anki_edits(ledger, cards.load_card(ledger, row["revises"]))
        cards_by_key[row["key"]].append(replace(card, key=row["key"]))
    return cards_by_key


def _select_keys(
    job: RunParameters,
    ledger: Ledger,
    highlights: Sequence[Highlight],
    outdated_keys: Container[str],
    limit: int,
) -> set[str]:
    """Select the most useful highlights.

    Those with a card that is already reviewed, but whose passage has changed, come before new ones.
    """
    ordered_keys: list[str] = []
    for highlight in highlights:
        if highlight.key in outdated_keys:
            ordered_keys.append(highlight.key)
    candidates = _rank_for_chat(job, ledger, highlights)
    ordered_keys += select_varied_passages(candidates, limit)
    return set(ordered_keys[:limit])


def iter_model_tasks(
    job: RunParameters,
    ledger: Ledger,
    document: str = "",
    max_count: int | None = None,
    was_asked: Callable[[str], bool] | None = None,
) -> Iterator[SendableTask]:
    """Yield the tasks for a model. Private highlights are left out, and private text is masked.

    Args:
        job: The parameters of the run, with the rules of the deck files, the highlights to
            include or exclude, and the maximum number of highlights. If there are more, the
            most useful ones are selected.
        ledger: The ledger with the highlights.
        document: The key of the only document to include, or "" for all.
        max_count: Stop after this many highlights, in any order. For callers that only count.
        was_asked: Takes a key and returns whether a chat was asked about the highlight. If
            so, the highlight is included even if the user has decided on it since.
    """
    privacy = load_privacy_filter(ledger)
    highlights: list[Highlight] = []
    for highlight in draft_recording.iter_highlights_to_draft(
        ledger, by_model=True, within=job.documents, was_asked=was_asked
    ):
        if document and highlight.document.key != document:
            continue
        if highlight.key in job.excluded or not _may_be_sent(highlight, privacy):
            continue
        highlights.append(highlight)
        if len(highlights) == max_count:
            break
    cards_by_key = _load_outdated_cards(ledger)
    if job.limit is not None and max_count is None:
        selected_keys = _select_keys(job, ledger, highlights, cards_by_key, job.limit)
        highlights = [each for each in highlights if each.key in selected_keys]
    for task in _group_into_tasks(job, map(remove_comment_from_context, highlights)):
        outdated_cards: list[Card] = []
        for highlight in task.highlights:
            outdated_cards += cards_by_key.get(highlight.key, ())
        task = replace(task, outdated_cards=tuple(outdated_cards))
        yield privacy.make_sendable_task(task)


def _may_be_sent(highlight: Highlight, privacy: PrivacyFilter) -> bool:
    """Return whether a model may draft a highlight, which must not be private."""
    if is_drafted_by_rules_only(highlight) or find_reason_not_to_send(highlight):
        return False
    request = parse_highlight_instruction(highlight)
    if isinstance(request, QuestionRequest) and request.answer is not None:
        return False  # the user has answered the question
    return not privacy.find_private_reason(highlight)


def _rank_for_chat(
    job: RunParameters, ledger: Ledger, highlights: Iterable[Highlight]
) -> Iterator[ChatCandidate]:
    """Yield the highlights with their ranks, by which those for a chat are selected.

    Highlights for which the user or a deck file asked for a question come before all others.
    """
    from ankiforge.draft.propose import score_highlight

    row_by_key = {row["key"]: row for row in load_usefulness(ledger)}
    factuality = load_factuality(ledger)
    sentence_by_key = load_best_sentence_hashes(ledger)
    for highlight in highlights:
        row = row_by_key[highlight.key]
        # score the highlights that no run scored, because proposals are off
        usefulness = row["worth"]
        if not usefulness:
            scores = score_highlight(remove_comment_from_context(highlight))
            usefulness = scores.usefulness
        rank = compute_rank(usefulness, get_factuality(factuality, row["document"]))
        requested_kind = find_drafting_instructions(job.decks, highlight).requested_kind
        if requested_kind in ("definition", "question"):
            rank += 2.0  # other ranks are between -1 and 1
        document = highlight.document.key
        sentence = sentence_by_key.get(highlight.key, "")
        yield ChatCandidate(rank, highlight.key, document, sentence)


def load_privacy_filter(
    ledger: Ledger, unmarked_texts: Iterable[PrivateText] = ()
) -> PrivacyFilter:
    """Load the filter that prevents private text in the workspace from being sent to a model.

    `unmarked_texts` contains further private texts, from documents that aren't in the ledger.
    """
    from ankiforge.draft.privacy import PrivacyFilter

    return PrivacyFilter(
        chain(
            private.iter_private_texts(ledger),
            _iter_texts_tagged_in_anki(ledger),
            unmarked_texts,
        ),
        partial(cards.iter_passage_highlights, ledger),
    )


def _iter_texts_tagged_in_anki(ledger: Ledger) -> Iterator[PrivateText]:
    """Yield the texts of the cards whose notes have the privacy tag, and of their passages."""
    for guid in find_cards_tagged_private(ledger):
        card = cards.load_card(ledger, guid)
        for _, text in card.fields:
            yield PrivateText(text, DocumentKey(""))
        for highlight in cards.iter_passage_highlights(ledger, card.key):
            for text in list_private_texts(highlight):
                yield PrivateText(text, highlight.document.key)


def _group_into_tasks(
    job: RunParameters, highlights: Iterable[Highlight]
) -> Iterator[DraftingTask]:
    """Group highlights into tasks by document and drafting instructions.

    Highlights from the same document must be adjacent.
    """
    for _, group in groupby(highlights, key=attrgetter("document.key")):
        document_highlights = list(group)
        document = document_highlights[0].document
        by_brief: dict[DraftingInstructions, list[Highlight]] = {}
        for highlight in document_highlights:
            brief = find_drafting_instructions(job.decks, highlight)
            by_brief.setdefault(brief, []).append(highlight)
        for brief, brief_highlights in by_brief.items():
            yield DraftingTask(document, tuple(brief_highlights), instructions=brief)


def find_drafting_instructions(
    decks: tuple[DeckRule, ...], highlight: Highlight
) -> DraftingInstructions:
    """Return the drafting instructions of the first deck file that matches a highlight."""
    rule = find_rule(decks, highlight)
    return DraftingInstructions(rule.kinds, rule.get_colour_action(highlight.colour))


# --- checking ------------------------------------------------------------------------------


class DraftChecker:
    """Checks the drafts of a run, including against each other, and assigns their decks."""

    def __init__(
        self, job: RunParameters, ledger: Ledger, *, by_rules: bool = False
    ) -> None:
        """Set up the index of existing cards and drafts, which is loaded on the first check.

        `by_rules` is whether the drafts are those of the rules for new and changed passages. Such
        drafts are recorded in the same transaction, so `passages` is still up to date then.
        """
        from ankiforge.check import DuplicateIndex

        self.job = job
        self.ledger = ledger
        self.by_rules = by_rules
        self.known = DuplicateIndex(DuplicateCandidates(ledger))
        self.passages: dict[str, HighlightSnapshot] = {}
        """The snapshots of the passages checked last, by highlight key."""

    def complete_and_check(
        self, results: Sequence[DraftingResult]
    ) -> list[DraftingResult]:
        """Complete the drafts of each result, and check all of them.

        If the passages were drafted by the rules, two kinds of drafts are added: replacements for
        cards whose passage has changed, and drafts by a model whose acceptance was undone. Results
        that must be retried are returned unchanged.
        """
        from ankiforge.draft.propose import propose_drafts
        from ankiforge.pipeline.proposals import find_blocking_messages_for_gap

        def make_proposals(highlight: Highlight) -> tuple[Draft, ...]:
            return propose_drafts(highlight, find_blocking_messages_for_gap).drafts

        keys = [result.highlight.key for result in results if not result.should_retry]
        self.passages = load_highlight_snapshots(self.ledger, keys)
        has_proposals = self.by_rules and self.job.proposals
        checked_results = []
        for drafted in results:
            highlight = drafted.highlight
            if drafted.should_retry:  # the highlight is drafted again in the next run
                checked_results.append(drafted)
                continue
            try:
                with wrap_unexpected_errors():
                    passage = self.passages[highlight.key]
                    drafts = complete_drafts(
                        passage,
                        drafted.drafts,
                        with_earlier_drafts=self.by_rules,
                        make_proposals=make_proposals if has_proposals else None,
                    )
                    drafts = self.check_drafts(passage, highlight, drafts)
                    checked_results.append(replace(drafted, drafts=tuple(drafts)))
            except BugError as error:
                checked_results.append(make_failed_result(highlight, error))
        return checked_results

    def check_drafts(
        self,
        passage_state: HighlightSnapshot,
        highlight: Highlight,
        drafts: Sequence[Draft],
    ) -> list[Draft]:
        """Run all checks on the drafts of a highlight, and set their findings and deck.

        A draft that repeats an existing card isn't checked, because there is nothing left to
        decide.

        Args:
            passage_state: The snapshot of the passage, with its cards.
            highlight: The highlight as it was drafted, including the user's comment.
            drafts: All drafts of the highlight.
        """
        from ankiforge import check
        from ankiforge.draft.propose.features import estimate_text_confidence
        from ankiforge.pipeline.media import explain_missing_picture

        without_comment = remove_comment_from_context(highlight)
        pictures = self.job.pictures
        deck = choose_deck(self.job.decks, highlight)
        checked_drafts = []
        for draft in drafts:
            if repeats_live_card(passage_state.passage, draft):
                checked_drafts.append(replace(draft, deck=deck))
                continue
            context = check.CheckContext(
                without_comment,
                self.known,
                lambda path: explain_missing_picture(
                    self.ledger, highlight, path, pictures
                ),
            )
            findings = check.check_draft(draft, context)
            # drop findings about cards that the user has told apart from this passage's cards
            guids = [
                finding.duplicate for finding in findings if is_card_id(finding.duplicate)
            ]
            if guids:
                different_guids = filter_declared_different(
                    self.ledger, passage_state.passage, guids
                )
                findings = tuple(
                    finding
                    for finding in findings
                    if finding.duplicate not in different_guids
                )
            # findings about the draft name the card that it is going to be
            self.known.add(
                make_guid(passage_state.passage.key, draft), highlight.key, draft
            )
            confidence = draft.confidence
            if check.are_gaps_highlighted(draft, without_comment):
                confidence = estimate_text_confidence(
                    without_comment, check.parse_draft(draft).full_text
                )
            checked_drafts.append(
                replace(draft, findings=findings, deck=deck, confidence=confidence)
            )
        return checked_drafts


def _update_findings(ledger: Ledger) -> None:
    """Compare pending drafts once more with the cards that they were reported to duplicate.

    Does nothing if no card, draft or note in Anki has changed since the last call.
    """
    version = fetch_candidates_version(ledger)
    if ledger.get_meta("compared") == version:
        return
    candidates = DuplicateCandidates(ledger)
    with ledger.transaction():
        for row in load_drafts_with_duplicate_finding(ledger):
            from ankiforge.check.duplicates import recheck_finding

            draft = decode_draft(row["body"])
            findings = []
            for finding in draft.findings:
                if finding.duplicate:
                    other = candidates.get_content(finding.duplicate)
                    updated = recheck_finding(draft, finding, other)
                    findings += [updated] if updated else []
                else:
                    findings.append(finding)
            set_findings(ledger, row["id"], draft, findings)
        ledger.set_meta("compared", version)


# --- recording ------------------------------------------------------------------------------


def _record_results(
    checks: DraftChecker, results: Sequence[DraftingResult], *, drafting: str = ""
) -> RunStep:
    """Record the checked drafts of several highlights.

    `drafting` is the id with which `undo` reverts all drafts of a run at once, or "" if that isn't
    possible.
    """
    from ankiforge.check import compute_search_terms

    job = checks.job
    problems: list[Problem] = []
    outcomes: list[DraftingResult] = []
    undrafted_count = 0
    for drafted in results:
        if drafted.should_retry:  # the highlight is drafted again in the next run
            continue
        if drafted.problem is not None:
            problems.append(drafted.problem)

        if not drafted.visible_drafts:
            undrafted_count += 1
            drafted = _use_blocking_message_as_reason(drafted)
        outcomes.append(drafted)
    recorded = draft_recording.record_drafts(
        checks.ledger,
        outcomes,
        compute_search_terms,
        by_model=not checks.by_rules and not (job.redrafted and job.model is None),
        keeps_pending=bool(job.redrafted),
        drafting_id=drafting,
        passages=checks.passages if checks.by_rules else None,
    )
    problems += _list_failures(recorded.failed)
    return RunStep(
        highlights=len(results),
        drafted=len(recorded.new_draft_ids),
        reworded=recorded.rewording_count,
        example=next(iter(recorded.new_draft_ids), None),
        undrafted=undrafted_count,
        changes=recorded.changes,
        problems=tuple(dict.fromkeys(problems)),
    )


def _use_blocking_message_as_reason(drafted: DraftingResult) -> DraftingResult:
    """Return a result without a usable draft with the reason why its best draft isn't usable."""
    if not drafted.drafts:
        return drafted
    for finding in drafted.drafts[0].findings:
        if finding.severity is Severity.BLOCK:
            return replace(
                drafted,
                status=DraftingStatus.NO_CARD,
                reason=finding.message,
                problem=None,
            )
    return drafted
