"""Draft cards with any chat: build the text to paste, and record the reply.

This is used by the web page and the commands `draft`, `draft export` and `draft import`. If
the settings name no model, the user is offered a chat until they have used or dismissed the
offer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from msgspec.structs import replace

from ankiforge.config.workspace import (
    CHAT_USED_HINT,
    record_hint_shown,
    was_hint_shown,
)
from ankiforge.draft import chat, reply_checks
from ankiforge.draft.second_reading import parse_verdicts
from ankiforge.ledger import Ledger, draft_groups, draft_recording
from ankiforge.ledger.tables.pending_drafts import load_draft_ids
from ankiforge.model import CHAT_MODEL, HighlightKey, Problem
from ankiforge.pipeline import second_reading, unmarked_documents
from ankiforge.pipeline.ask import load_current_privacy_filter
from ankiforge.pipeline.draft import (
    check_and_record_results,
    iter_model_tasks,
    load_privacy_filter,
)
from ankiforge.pipeline.models import find_blocking_messages, load_prompt
from ankiforge.pipeline.run_result import (
    ChatExport,
    ChatImport,
    ChatReplyKind,
    RunParameters,
    summarize_drafted_cards,
    summarize_verdicts,
)
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text import format_count


def count_highlights_for_chat(workspace: Workspace) -> int:
    """Count the highlights that a chat could be asked about, or return 0 to offer no chat.

    The result is at most `chat.MAX_HIGHLIGHTS_PER_TEXT`, the number that fits in the first text.
    """
    if workspace.folder.config.drafter == "llm" or was_hint_shown(CHAT_USED_HINT):
        return 0
    return chat.count_exportable_highlights(
        iter_model_tasks(
            workspace.build_run_parameters(),
            workspace.ledger,
            max_count=chat.MAX_HIGHLIGHTS_PER_TEXT,
        )
    )


def export_chats(
    workspace: Workspace, limit: int = chat.MAX_HIGHLIGHTS_PER_TEXT, document: str = ""
) -> ChatExport:
    """Build texts that the user can paste into chats, about the best highlights without a card.

    The sources are read first, so that text that was tagged `#no-llm` since the last run isn't
    sent.

    Args:
        workspace: The workspace to take highlights from.
        limit: The maximum number of highlights.
        document: Only include the document with this key. By default, all are included.
    """
    problems = workspace.read_sources().problems
    job = workspace.build_run_parameters()
    ledger = workspace.ledger
    prompt = load_prompt(workspace.folder)
    pending = chat.count_exportable_highlights(
        iter_model_tasks(job, ledger, document=document)
    )
    best_tasks = iter_model_tasks(replace(job, limit=limit), ledger, document)
    chats = chat.export_chat_texts(best_tasks, prompt)
    texts = []
    keys = []
    for chat_text in chats:
        texts.append(chat_text.text)
        keys.append(frozenset(chat_text.highlight_keys))
    highlight_counts = list(map(len, keys))
    highlight_count = sum(highlight_counts)
    withheld_by_reason = _count_withheld_highlights(job, ledger)
    return ChatExport(
        format_count(highlight_count, "highlight"),
        summarize_chat_export(highlight_counts, withheld_by_reason.items()),
        texts=tuple(texts),
        keys=tuple(keys),
        omitted=pending - highlight_count,
        problems=tuple(problem for problem in problems if not problem.is_notice),
    )


def _count_withheld_highlights(job: RunParameters, ledger: Ledger) -> Counter[str]:
    """Count the highlights that a chat could be asked about but that are private, by reason."""
    privacy = load_privacy_filter(ledger)
    counts = Counter[str]()
    for highlight in draft_recording.iter_highlights_to_draft(
        ledger, by_model=True, within=job.documents
    ):
        reason = privacy.find_private_reason(highlight)
        if reason:
            counts[reason] += 1
    return counts


def summarize_chat_export(
    highlight_counts: Sequence[int], withheld: Iterable[tuple[str, int]]
) -> str:
    """Summarize in one line how many highlights the first text has and how many are withheld.

    Args:
        highlight_counts: The number of highlights in each text.
        withheld: The number of highlights that are not sent, by reason.
    """
    summary = (
        "nothing to ask: each highlight has a card, was asked about, or may not be sent"
    )
    if highlight_counts:
        summary = f"{format_count(highlight_counts[0], 'highlight')} for your chat"
    for reason, number in withheld:
        summary += f"; {number:,} withheld: {reason}"
    return summary


def record_chat_reply(
    workspace: Workspace,
    text: str,
    accept: str = "",
    asked: Collection[HighlightKey] = (),
    about: unmarked_documents.DocumentRequest | None = None,
) -> ChatImport:
    """Record the reply of a chat.

    The labels in the reply show whether it has verdicts on pending drafts, or cards about an
    unmarked document or about highlights.

    Args:
        workspace: The workspace in which to store the drafts.
        text: The reply, as pasted by the user.
        accept: The value of `--accept`, or "" for that of the settings.
        asked: The keys of the highlights that the chat was asked about, or () if unknown.
        about: The request about an unmarked document to which the chat replied, or None.
    """
    ledger = workspace.ledger
    with workspace.hold_lock("drafting"):
        verdicts = parse_verdicts(text)
        if verdicts:
            read_count, doubted = second_reading.record_chat_objections(ledger, verdicts)
            summary = summarize_verdicts(read_count, doubted)
            return ChatImport(ChatReplyKind.VERDICTS, summary, read_again=read_count)
        job = workspace.build_run_parameters(accept)
        outcome = unmarked_documents.record_chat_answer(workspace, job, text, about)
        if outcome:
            return outcome
        return _record_reply_about_highlights(workspace, job, text, asked)


def _record_reply_about_highlights(
    workspace: Workspace, job: RunParameters, text: str, asked: Collection[HighlightKey]
) -> ChatImport:
    """Record the cards about highlights in a reply, or explain why there are none."""
    ledger = workspace.ledger
    prompt = load_prompt(workspace.folder)
    request = reply_checks.make_pasted_reply_key(text)
    is_known = workspace.replies.load_reply(request) is not None

    def was_asked(key: str) -> bool:
        return chat.make_label(key) in text

    # a highlight may have been decided on or answered since the chat was asked
    tasks = list(iter_model_tasks(job, ledger, was_asked=was_asked))
    answered = draft_recording.iter_answered_highlights(ledger, was_asked)
    answer = chat.parse_chat_reply(text, tasks, prompt, find_blocking_messages, answered)
    if not answer.results:
        if is_known:
            summary = "nothing new: this answer was imported before"
            return ChatImport(ChatReplyKind.REPEATED, summary, unused=answer.problems)
        outcome = unmarked_documents.record_chat_answer(
            workspace, job, text, only_labelled=False
        )
        return outcome or _explain_unusable_reply(text, answer.problems)

    workspace.replies.store_reply(
        request, text, model=CHAT_MODEL, prompt_fingerprint=prompt.fingerprint
    )
    drafting_id = draft_recording.make_drafting_id(ledger)
    steps = tuple(
        check_and_record_results(job, ledger, [answer.results], drafting=drafting_id)
    )
    record_hint_shown(CHAT_USED_HINT)  # so that a chat isn't offered again
    unanswered_keys = set(asked)
    unanswered_keys &= {highlight.key for task in tasks for highlight in task.highlights}
    unanswered_keys -= {result.highlight.key for result in answer.results}
    unused_count = 0
    if not is_known:
        unused_count = sum(not problem.is_notice for problem in answer.problems)
    summary = summarize_drafted_cards(
        answer.results,
        asked=max(len(asked), len(answer.results)),
        unanswered=len(unanswered_keys),
        unused=unused_count,
    )
    return ChatImport(
        ChatReplyKind.CARDS, summary, answer.results, answer.problems, steps
    )


def _explain_unusable_reply(text: str, unused: tuple[Problem, ...]) -> ChatImport:
    hints = {problem.hint for problem in unused}
    is_refused = bool(hints) and chat.NOT_ASKED_HINT not in hints
    missing = reply_checks.explain_unusable_reply(text, is_refused=is_refused)
    if hints == {chat.NOT_ASKED_HINT}:  # name the reason once instead of every card
        unused = ()
    return ChatImport(ChatReplyKind.UNUSABLE, missing, unused=unused)


def build_second_reading_text(workspace: Workspace, answer: str) -> str:
    """Build the text that asks a chat to check the drafts from its own reply once more.

    Returns "" if none of these drafts is still pending, or none may be sent.
    """
    privacy = load_current_privacy_filter(workspace)
    ledger = workspace.ledger
    request = reply_checks.make_pasted_reply_key(answer)
    waiting = draft_groups.iter_pending_drafts(ledger, load_draft_ids(ledger, "llm"))
    drafts = [draft for draft in waiting if draft.origin.request == request]
    reading = second_reading.prepare_second_reading(workspace.folder, privacy, drafts)
    if reading is None:
        return ""
    return reading.chat_text
