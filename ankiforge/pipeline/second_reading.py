"""The second reading: the model or chat that wrote drafts compares them with their passages.

A model compares checked drafts before they are recorded, and a chat compares pending drafts.
If it objects to a draft, the draft gets a warning, and the user decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.draft import remove_comment_from_context, second_reading
from ankiforge.draft.chat import make_label
from ankiforge.draft.privacy import SendableText
from ankiforge.draft.prompt import load_prompt_file
from ankiforge.draft.second_reading import (
    MAX_CARDS_PER_REQUEST,
    CardToCheck,
    SecondReading,
    Verdicts,
)
from ankiforge.errors import ForgeError, ItemError, ServiceError
from ankiforge.ledger import Ledger, draft_groups, draft_recording
from ankiforge.ledger.tables.pending_drafts import load_draft_ids
from ankiforge.model import (
    Draft,
    DraftingResult,
    Finding,
    Highlight,
    PendingDraft,
    Problem,
    Severity,
)

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.draft.llm import ModelDrafter
    from ankiforge.draft.privacy import PrivacyFilter

DOUBT_CHECK = "doubted"
"""The check id of findings from a second reading, in which a model compares new cards with their
passages."""


# --- by a model, before drafts are recorded ---------------------------------------------


def add_model_objections(
    model: ModelDrafter | None,
    load_privacy_filter: Callable[[], PrivacyFilter],
    results: Iterable[list[DraftingResult]],
) -> Iterator[list[DraftingResult]]:
    """Have a model compare checked drafts with their passages, and add its objections as findings.

    A request is sent whenever the collected results contain `MAX_CARDS_PER_REQUEST` drafts. If it
    fails, these results are yielded without objections, and one of them gets a problem. Whenever
    results are only collected, an empty list is yielded, so that the caller can show progress.

    Args:
        model: The model. If it is None or has no second reading, the results are yielded
            unchanged.
        load_privacy_filter: Loads the privacy filter. Only called if a model is asked.
        results: Lists of results whose drafts were checked.
    """
    if model is None or not model.has_second_reading:
        yield from results
        return
    privacy = load_privacy_filter()
    batch: list[DraftingResult] = []
    for drafted in results:
        batch += drafted
        if sum(len(result.drafts) for result in batch) >= MAX_CARDS_PER_REQUEST:
            yield _add_doubts(model, privacy, batch)
            batch = []
        else:
            yield []
    if batch:
        yield _add_doubts(model, privacy, batch)


def _add_doubts(
    model: ModelDrafter, privacy: PrivacyFilter, results: list[DraftingResult]
) -> list[DraftingResult]:
    draft_indexes: list[tuple[int, int]] = []
    """For each card, the indexes of its result and of its draft in the result."""
    cards_to_check: list[CardToCheck] = []
    for result_index, result in enumerate(results):
        for draft_index, draft in enumerate(result.drafts):
            card = _make_card_to_check(privacy, result.highlight, draft)
            if card is not None:
                draft_indexes.append((result_index, draft_index))
                cards_to_check.append(card)
    if not cards_to_check:
        return results
    read_results = list(results)
    try:
        contradictions = model.find_contradictions(cards_to_check)
    except (ItemError, ServiceError) as error:
        result_index, _ = draft_indexes[0]
        read_results[result_index] = _add_reading_problem(results[result_index], error)
        return read_results
    for indexes, contradiction in zip(draft_indexes, contradictions, strict=True):
        if contradiction is None:
            continue
        result_index, draft_index = indexes
        read_results[result_index] = _add_doubt(
            read_results[result_index], draft_index, contradiction
        )
    return read_results


def _add_reading_problem(result: DraftingResult, error: ForgeError) -> DraftingResult:
    """Return a result with the problem that it wasn't read a second time, if it has none yet."""
    if result.problem is not None:
        return result
    where = result.highlight.document.title
    problem = Problem(where, f"not read a second time: {error.message}", error.hint)
    return replace(result, problem=problem)


def _add_doubt(
    result: DraftingResult, draft_index: int, contradiction: str
) -> DraftingResult:
    """Return a result in which one of the drafts has a contradiction as a finding."""
    drafts = list(result.drafts)
    draft = drafts[draft_index]
    findings = (*draft.findings, _make_doubt(contradiction))
    drafts[draft_index] = replace(draft, findings=findings)
    return replace(result, drafts=tuple(drafts))


def _make_card_to_check(
    privacy: PrivacyFilter, highlight: Highlight, draft: Draft
) -> CardToCheck | None:
    from ankiforge.check import parse_draft

    uncommented = remove_comment_from_context(highlight)
    if draft.is_blocked or privacy.find_private_reason(uncommented):
        return None
    passage = privacy.make_sendable_highlight(uncommented)
    card = parse_draft(draft)

    def mask_text(text: str) -> SendableText:
        return privacy.mask_text(text, uncommented.document.key)

    heading_path = " › ".join(
        filter(None, (passage.title, passage.creators_and_year, passage.heading))
    )
    return CardToCheck(
        source_title=SendableText(heading_path),
        passage=passage.exact,
        context=passage.context,
        question=mask_text(card.question),
        answer=mask_text("; ".join(card.answers)),
    )


def _make_doubt(contradiction: str) -> Finding:
    return Finding(DOUBT_CHECK, Severity.WARN, f"the quote says: {contradiction}")


# --- by a chat, of pending drafts -------------------------------------------------------


def prepare_second_reading(
    folder: WorkspaceDirectory, privacy: PrivacyFilter, drafts: Iterable[PendingDraft]
) -> SecondReading | None:
    """Build the request that asks a chat to compare pending drafts with their passages.

    At most `MAX_CARDS_PER_REQUEST` drafts are included. Returns None if no draft may be sent.
    """
    labelled: dict[str, CardToCheck] = {}
    for draft in drafts:
        card = _make_card_to_check(privacy, draft.highlight, draft)
        if card is None:
            continue
        labelled[make_label(draft.id)] = card
        if len(labelled) == MAX_CARDS_PER_REQUEST:
            break
    if not labelled:
        return None
    prompt = load_prompt_file(second_reading.PROMPT_NAME, folder.root)
    return second_reading.prepare_second_reading(labelled, prompt)


def record_chat_objections(ledger: Ledger, verdicts: Verdicts) -> tuple[int, int]:
    """Add a chat's objections to the findings of pending drafts.

    `verdicts` has the labels of the drafts. Returns the number of drafts that were compared, and
    the number of those with an objection.
    """
    doubts: dict[str, Finding | None] = {}
    doubted_count = 0
    for draft in draft_groups.iter_pending_drafts(ledger, load_draft_ids(ledger, "llm")):
        label = make_label(draft.id)
        if label not in verdicts:
            continue
        contradiction = verdicts[label]
        if contradiction is None:
            doubts[draft.id] = None
        else:
            doubts[draft.id] = _make_doubt(contradiction)
            doubted_count += 1
    draft_recording.replace_findings(ledger, DOUBT_CHECK, doubts)
    return len(doubts), doubted_count
